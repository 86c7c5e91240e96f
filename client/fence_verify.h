/*
 * Checks an exported order, or a proof, against a roster, without any agent: every signature by
 * name, the quorum, the action, the device. Pure; what counts in the end is crypto/'s own verdict.
 */
#ifndef CLIENT_FENCE_VERIFY_H
#define CLIENT_FENCE_VERIFY_H

#include <stddef.h>
#include <stdint.h>

#include <jansson.h>

#include "crypto/roster.h"

/*
 * `file`: ORDER_FILE_MAGIC or PROOF_FILE_MAGIC, then the bytes. The verdict, the caller's to
 * json_decref:
 *
 *   good     it is what it says
 *   what     "order", "executor" (a receipt with its order), "end-statement", ... ; "" if neither
 *   node, slot, life   whom it is about; of an end statement all lives up to this one
 *   actions  names that a majority of the jurors allows
 *   digest   of the order, or of the end statement
 *   checks   list of {check, name, good, text}, in the order in which they were made
 */
json_t *fence_verify_judge(const uint8_t *file, size_t size, const struct roster *roster,
                           const struct digest *roster_digest, const struct cluster_id *cluster);

#endif
