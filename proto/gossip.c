/* News and how often it was told: see gossip.h. */
#include "proto/gossip.h"

#include <stdbool.h>

#include "proto/must.h"
#include "proto/suspicion.h"

uint16_t gossip_limit(uint32_t members)
{
    uint32_t limit = (GOSSIP_LAMBDA * suspicion_log2(members + 1) + LOG2_ONE - 1) / LOG2_ONE;
    return limit ? (uint16_t)limit : 1;
}

void gossip_init(struct gossip *g, struct gossip_item *items, size_t members)
{
    *g = (struct gossip){
        .items = items,
        .room = members,
        .limit = gossip_limit((uint32_t)members),
    };
}

void gossip_add(struct gossip *g, uint16_t member)
{
    size_t at = 0;
    while (at < g->count && g->items[at].member != member)
        at++;
    must(at < g->room);
    if (at == g->count)
        g->count++;
    g->items[at] = (struct gossip_item){.member = member, .sent = 0, .stamp = ++g->stamp_last};
}

static bool goes_before(const struct gossip_item *a, const struct gossip_item *b)
{
    return a->sent != b->sent ? a->sent < b->sent : a->stamp > b->stamp;
}

/* Index of the item that goes first among those from `start` on; g->count if there is none. */
static size_t first_from(const struct gossip *g, size_t start, uint16_t skip)
{
    size_t best = g->count;
    for (size_t i = start; i < g->count; i++) {
        if (g->items[i].member == skip)
            continue;
        if (best == g->count || goes_before(&g->items[i], &g->items[best]))
            best = i;
    }
    return best;
}

size_t gossip_pick(struct gossip *g, uint16_t skip, uint16_t out[GOSSIP_PER_DATAGRAM])
{
    size_t picked = 0;
    while (picked < GOSSIP_PER_DATAGRAM) {
        size_t best = first_from(g, picked, skip);
        if (best == g->count)
            break;
        struct gossip_item item = g->items[best];
        g->items[best] = g->items[picked];
        item.sent++;
        g->items[picked] = item;
        out[picked++] = item.member;
    }
    /* Backwards, so that the last item may take the place of one that is told out. */
    for (size_t i = picked; i-- > 0;) {
        if (g->items[i].sent >= g->limit)
            g->items[i] = g->items[--g->count];
    }
    return picked;
}
