/* Handing an order or a receipt in: the bytes of the file that `fence show --export` writes. */
#ifndef CLIENT_FENCE_SUBMIT_H
#define CLIENT_FENCE_SUBMIT_H

#include <stddef.h>
#include <stdint.h>

#include "client/command.h"
#include "crypto/proof.h"

enum { FENCE_FILE_MAX = FENCE_FILE_MAGIC_SIZE + PROOF_BYTES_MAX };

/* `size` is FENCE_FILE_MAX at most. Prints what the agent says of it; `about` is for complaints. */
int fence_submit(const struct cli *cli, const char *about, const uint8_t *bytes, size_t size);

#endif
