/*
 * Dues: an instant for each of many, and the earliest of them at once. What waits for every peer of
 * a large roster is not looked at in each turn: only what is due is, in the order of the indices.
 *
 * A tournament: a binary tree whose leaves are the instants and whose inner nodes are the earlier
 * of their two. Setting one and finding the next that is due take log n steps.
 */
#ifndef PROTO_DUES_H
#define PROTO_DUES_H

#include "proto/time.h"

#include <stddef.h>

struct dues {
    struct instant *tree; /* [1] is the root; the children of [i] are [2 * i] and [2 * i + 1] */
    size_t leaves;        /* a power of two; they begin at [leaves] */
    size_t count;
};

/* Bytes of memory that so many need. */
size_t dues_bytes(size_t count);
/* All are INSTANT_NEVER. `memory` (dues_bytes, aligned for int64_t) is the caller's. */
void dues_init(struct dues *d, void *memory, size_t count);
/* `index` < count. */
void dues_set(struct dues *d, size_t index, struct instant at);
/* The earliest of all; INSTANT_NEVER. */
static inline struct instant dues_first(const struct dues *d)
{
    return d->tree[1];
}
/* The lowest index from `from` on that is due at `now`; count if there is none. */
size_t dues_next(const struct dues *d, size_t from, struct instant now);

#endif
