/*
 * What is over of each node's operations (L9), as a coordinator remembers it, so that a late
 * duplicate of a request does not come to life again: everything below `low`, those that were
 * dropped since, and everything of lives that are proven over. Of those that were to be handed over
 * what asked for them is: a hold that had passed would come back, and the hand-over be refused.
 * Volatile, since a request names the ballot that it is for.
 */
#ifndef PROTO_LOWS_H
#define PROTO_LOWS_H

#include "proto/core.h"

enum { DROPPED_KEPT = 32 };

/* The last counters, a ring; 0: none. */
struct low_ring {
    uint64_t counters[DROPPED_KEPT];
    uint32_t next;
};

struct low_mark {
    uint64_t life;
    uint64_t low;
    struct low_ring dropped;
    struct low_ring handed_over;
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
