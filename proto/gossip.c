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

size_t gossip_room(size_t members)
{
    if (members <= GOSSIP_ROOM_SMALL)
        return members;
    return members / 4 > GOSSIP_ROOM_SMALL ? members / 4 : GOSSIP_ROOM_SMALL;
}

void gossip_init(struct gossip *g, struct gossip_item *items, size_t members)
{
    *g = (struct gossip){
        .items = items,
        .room = gossip_room(members),
        .limit = gossip_limit((uint32_t)members),
    };
}

static bool goes_before(const struct gossip_item *a, const struct gossip_item *b)
{
    return a->sent != b->sent ? a->sent < b->sent : (int32_t)(a->stamp - b->stamp) > 0;
}

static size_t last_of(const struct gossip *g)
{
    size_t last = 0;
    for (size_t i = 1; i < g->count; i++)
        if (goes_before(&g->items[last], &g->items[i]))
            last = i;
    return last;
}

void gossip_add(struct gossip *g, uint16_t member)
{
    must(g->room > 0);
    size_t at = 0;
    while (at < g->count && g->items[at].member != member)
        at++;
    if (at == g->room)
        at = last_of(g);
    else if (at == g->count)
        g->count++;
    g->items[at] = (struct gossip_item){.member = member, .sent = 0, .stamp = ++g->stamp_last};
}

/* Puts item `i` where it belongs among the first of those looked at so far. */
static size_t rank(const struct gossip *g, size_t i, size_t *first, size_t count)
{
    size_t at = count;
    while (at > 0 && goes_before(&g->items[i], &g->items[first[at - 1]]))
        at--;
    if (at == GOSSIP_PER_DATAGRAM)
        return count;
    size_t last = count < GOSSIP_PER_DATAGRAM ? count++ : count - 1;
    for (size_t k = last; k > at; k--)
        first[k] = first[k - 1];
    first[at] = i;
    return count;
}

size_t gossip_pick(struct gossip *g, uint16_t skip, uint16_t out[GOSSIP_PER_DATAGRAM])
{
    size_t first[GOSSIP_PER_DATAGRAM], picked = 0;
    for (size_t i = 0; i < g->count; i++)
        if (g->items[i].member != skip)
            picked = rank(g, i, first, picked);
    bool told_out = false;
    for (size_t i = 0; i < picked; i++) {
        struct gossip_item *item = &g->items[first[i]];
        out[i] = item->member;
        told_out |= ++item->sent >= g->limit;
    }
    /* Backwards, so that the last item may take the place of one that is told out. */
    for (size_t i = g->count; told_out && i-- > 0;) {
        if (g->items[i].sent >= g->limit)
            g->items[i] = g->items[--g->count];
    }
    return picked;
}
