/* News about edges: see edges.h. */
#include "proto/edges.h"

void edges_init(struct edges *e)
{
    e->start = 0;
    e->count = 0;
}

void edges_note(struct edges *e, uint16_t slot, bool unreachable)
{
    if (e->count == EDGES_MAX) {
        e->start = (e->start + 1) % EDGES_MAX;
        e->count--;
    }
    e->changes[(e->start + e->count) % EDGES_MAX] =
        (struct edge_change){.slot = slot, .unreachable = unreachable};
    e->count++;
}

bool edges_next(struct edges *e, struct edge_change *out)
{
    if (e->count == 0)
        return false;
    *out = e->changes[e->start];
    e->start = (e->start + 1) % EDGES_MAX;
    e->count--;
    return true;
}
