/*
 * What is over of each node's operations (L9), as a coordinator remembers it, so that a late
 * duplicate of a request does not come to life again: everything below `low`, those that were
 * dropped since, and everything of lives that are proven over. Volatile, since a request names the
 * ballot that it is for.
 */
#ifndef PROTO_LOWS_H
#define PROTO_LOWS_H

#include "proto/core.h"

enum { DROPPED_KEPT = 32 };

struct low_mark {
    uint64_t life;
    uint64_t low;
    uint64_t dropped[DROPPED_KEPT]; /* counters, a ring; 0: none */
    uint32_t dropped_next;
};

struct lows {
    struct core *core;
    struct low_mark *marks; /* by index in the roster */
};

size_t lows_bytes(const struct peer_config *config);
void lows_init(struct lows *l, struct core *core, void *memory);
/* Whether the request may still be applied. Dropping twice is harmless, and what was never told to
 * a client may be given back at any time, so a drop is always heard. */
bool lows_alive(struct lows *l, const struct wire_request *r);

#endif
