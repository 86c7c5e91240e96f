/*
 * The executor's acts (proto/acts.h), kept over restarts, so that it never acts twice (F9).
 *
 * One small file, `acts` in its state directory, replaced as a whole and synced before a driver is
 * started; so a crash at any instant leaves an act that may not have happened, never one that was
 * forgotten.
 *
 *     "HFACTS01", cluster, u32 count, count * {u16 slot, u64 life, u8 action, order's digest},
 *     digest of all before it
 */
#ifndef NODE_ACTS_H
#define NODE_ACTS_H

#include "crypto/bytes.h"
#include "crypto/statement.h"
#include "node/fault.h"
#include "proto/acts.h"

enum {
    ACTS_RECORD_BYTES = 2 + 8 + 1 + DIGEST_SIZE,
    ACTS_FILE_MAX = 8 + DIGEST_SIZE + 4 + ACTS_MAX * ACTS_RECORD_BYTES + DIGEST_SIZE
};

/* At most ACTS_FILE_MAX bytes. */
size_t acts_encode(uint8_t *out, const struct acts_table *table, const struct cluster_id *cluster);
/* False for anything that acts_encode does not write, and for another cluster's. */
bool acts_decode(struct acts_table *out, const struct cluster_id *cluster, const uint8_t *bytes,
                 size_t size);

struct acts;

/* Opens, or makes where there is none, the file in `dir`, and locks it for this process. NULL with
 * *fault; a file that does not check out is such a fault. */
struct acts *acts_open(const char *dir, const struct cluster_id *cluster, struct fault *fault);
void acts_close(struct acts *acts);
const struct acts_table *acts_table(const struct acts *acts);
/* Adds what is new, durable when it returns. 0, or errno: then it must not be acted upon. */
int acts_write(struct acts *acts, const struct fence_act *act);

#endif
