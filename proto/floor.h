/*
 * The floor of a shard (L10): a register under a name that no client can give, whose state has a
 * token and a generation, at least those of every lock ever dropped in the shard. It is stored,
 * read and accepted like any other, and is never dropped. A lock that is not there is born with
 * them.
 */
#ifndef PROTO_FLOOR_H
#define PROTO_FLOOR_H

#include "proto/id.h"

enum { FLOOR_NAME_SIZE = 5 }; /* a control character, and the shard in four hexadecimal digits */

struct floor_name {
    uint8_t bytes[FLOOR_NAME_SIZE];
};

struct floor_name floor_name(uint32_t shard);
/* Whether a floor is called so, and whose. */
bool floor_shard(struct view name, uint32_t *shard);

#endif
