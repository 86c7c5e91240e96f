/* What is over of each node's operations: see lows.h. */
#include "proto/lows.h"

#include "proto/proofs.h"

size_t lows_bytes(const struct peer_config *config)
{
    return config->roster->node_count * sizeof(struct low_mark);
}

void lows_init(struct lows *l, struct core *core, void *memory)
{
    *l = (struct lows){.core = core, .marks = memory};
    memset(l->marks, 0, lows_bytes(&core->config));
}

static bool has(const struct low_ring *ring, uint64_t counter)
{
    for (size_t i = 0; i < DROPPED_KEPT; i++)
        if (ring->counters[i] == counter)
            return true;
    return false;
}

static void note(struct low_ring *ring, uint64_t counter)
{
    if (!has(ring, counter))
        ring->counters[ring->next++ % DROPPED_KEPT] = counter;
}

bool lows_alive(struct lows *l, const struct wire_request *r)
{
    int index = roster_find(l->core->config.roster, r->op.slot);
    if (index < 0)
        return false;
    struct low_mark *mark = &l->marks[index];
    if (r->op.life > mark->life)
        *mark = (struct low_mark){.life = r->op.life, .low = r->low};
    if (r->op.life == mark->life && r->low > mark->low)
        mark->low = r->low;
    if (r->kind == REQUEST_DROP) {
        if (r->op.life == mark->life)
            note(&mark->dropped, r->op.counter);
        return true;
    }
    if (proofs_covers(l->core->proofs, r->op.slot) >= r->op.life) {
        l->core->counters.drop_old_life++;
        return false;
    }
    if (r->kind == REQUEST_TRANSFER && r->op.life == mark->life)
        note(&mark->handed_over, r->op.counter);
    if (r->kind == REQUEST_ACQUIRE && has(&mark->handed_over, r->op.counter))
        return false;
    return r->op.life == mark->life && r->op.counter >= mark->low &&
           !has(&mark->dropped, r->op.counter);
}
