/*
 * An executor's acts: on which lives it has acted, so that it never acts twice (F9). Lives only
 * rise: of each node the acts on the highest life are kept, and every lower life counts as acted
 * upon. The table is kept durably by who owns it, and written before a driver starts.
 */
#ifndef PROTO_ACTS_H
#define PROTO_ACTS_H

#include "crypto/hash.h"
#include "proto/id.h"

enum {
    ACTS_MAX = 4096,
    ACTS_ACTION_MAX = 64 /* on one life, of one action: orders for its sessions. What is left to do
                            about the whole life is another action, for which there is room */
};

/* One action of one order, carried out once. */
struct fence_act {
    uint16_t slot;
    uint64_t life;
    uint8_t action;
    struct digest order;
};

struct acts_table {
    size_t count;
    struct fence_act list[ACTS_MAX];
};

enum acts_verdict {
    ACTS_NEW,
    ACTS_DONE, /* this very act */
    ACTS_OLD,  /* it acted on a higher life of that node */
    ACTS_FULL  /* no room for more: refused, nothing is forgotten */
};
const char *acts_verdict_text(enum acts_verdict verdict);

enum acts_verdict acts_look(const struct acts_table *table, const struct fence_act *act);
/* Only what acts_look calls new. */
void acts_add(struct acts_table *table, const struct fence_act *act);

#endif
