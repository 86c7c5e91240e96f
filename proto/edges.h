/*
 * News about edges: whom this node reaches no more, and whom it reaches again.
 *
 * M3: "unreachable for me" is this node's own, first-hand finding, apart from gossip's suspect and
 * dead, so its changes have a ring of their own. They are told to people and to nobody else.
 */
#ifndef PROTO_EDGES_H
#define PROTO_EDGES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { EDGES_MAX = 64 };

struct edge_change {
    uint16_t slot;
    bool unreachable; /* else it is heard again */
};

struct edges {
    struct edge_change changes[EDGES_MAX]; /* a ring; the oldest give way */
    size_t start;
    size_t count;
};

void edges_init(struct edges *e);
void edges_note(struct edges *e, uint16_t slot, bool unreachable);
/* Takes the oldest; false if there is none. */
bool edges_next(struct edges *e, struct edge_change *out);

#endif
