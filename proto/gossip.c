/* News and how often it was told: see gossip.h. */
#include "proto/gossip.h"

#include <stdbool.h>
#include <string.h>

#include "proto/must.h"
#include "proto/suspicion.h"

_Static_assert(sizeof(struct gossip_item) == 10, "no gaps");
_Static_assert(GOSSIP_LIMIT_MAX <= 64, "a bit for each level");
_Static_assert((int)ROSTER_NODES_MAX < (int)GOSSIP_NOBODY, "members and items are 16-bit numbers");

uint16_t gossip_limit(uint32_t members)
{
    uint32_t limit = (GOSSIP_LAMBDA * suspicion_log2(members + 1) + LOG2_ONE - 1) / LOG2_ONE;
    return limit ? (uint16_t)limit : 1;
}

size_t gossip_room(size_t members)
{
    return members < GOSSIP_ROOM_MAX ? members : GOSSIP_ROOM_MAX;
}

size_t gossip_bytes(size_t members)
{
    return gossip_room(members) * sizeof(struct gossip_item) + members * sizeof(uint16_t);
}

void gossip_init(struct gossip *g, void *memory, size_t members)
{
    *g = (struct gossip){
        .items = memory,
        .room = gossip_room(members),
        .free = GOSSIP_NOBODY,
        .limit = gossip_limit((uint32_t)members),
    };
    must(members < GOSSIP_NOBODY && g->limit <= GOSSIP_LIMIT_MAX);
    g->at = (uint16_t *)(void *)(g->items + g->room);
    memset(g->at, 0xff, members * sizeof *g->at);
    memset(g->levels, 0xff, sizeof g->levels);
}

/* --- Levels --- */

static uint32_t stamp_of(const struct gossip_item *item)
{
    return (uint32_t)item->stamp_high << 16 | item->stamp_low;
}

/* Modulo 2^24. A queue in which something stayed for eight million pieces of news is in a wrong
 * order, and loses nothing. */
static bool newer(const struct gossip *g, uint16_t a, uint16_t b)
{
    return (int32_t)((stamp_of(&g->items[a]) - stamp_of(&g->items[b])) << 8) > 0;
}

/* Puts an item into its level, behind `after` (GOSSIP_NOBODY: in front of all). */
static void link_after(struct gossip *g, uint16_t item, uint16_t after)
{
    struct gossip_item *it = &g->items[item];
    struct gossip_level *level = &g->levels[it->sent];
    it->newer = after;
    it->older = after == GOSSIP_NOBODY ? level->newest : g->items[after].older;
    *(it->newer == GOSSIP_NOBODY ? &level->newest : &g->items[it->newer].older) = item;
    *(it->older == GOSSIP_NOBODY ? &level->oldest : &g->items[it->older].newer) = item;
    g->levels_used |= UINT64_C(1) << it->sent;
}

static void unlink_item(struct gossip *g, uint16_t item)
{
    const struct gossip_item *it = &g->items[item];
    struct gossip_level *level = &g->levels[it->sent];
    *(it->newer == GOSSIP_NOBODY ? &level->newest : &g->items[it->newer].older) = it->older;
    *(it->older == GOSSIP_NOBODY ? &level->oldest : &g->items[it->older].newer) = it->newer;
    if (level->entered == item)
        level->entered = it->newer;
    if (level->newest == GOSSIP_NOBODY)
        g->levels_used &= ~(UINT64_C(1) << it->sent);
}

/* Puts an item where its age belongs in its level. It was the newest of the level before, so its
 * place is in front of all, or behind all, or right behind the one that came between others last,
 * or a few steps further: in a cold start of thousands the mean is a quarter of a step. */
static void enter(struct gossip *g, uint16_t item)
{
    struct gossip_level *level = &g->levels[g->items[item].sent];
    uint16_t after = GOSSIP_NOBODY;
    if (level->newest != GOSSIP_NOBODY && newer(g, level->oldest, item)) {
        after = level->oldest;
    } else if (level->newest != GOSSIP_NOBODY && newer(g, level->newest, item)) {
        after = level->newest;
        if (level->entered != GOSSIP_NOBODY && newer(g, level->entered, item))
            after = level->entered;
        while (after != level->oldest && newer(g, g->items[after].older, item))
            after = g->items[after].older;
        level->entered = item;
    }
    link_after(g, item, after);
}

/* --- Items --- */

static void remove_item(struct gossip *g, uint16_t item)
{
    unlink_item(g, item);
    g->at[g->items[item].member] = GOSSIP_NOBODY;
    g->items[item].older = g->free;
    g->free = item;
    g->count--;
}

static uint16_t new_item(struct gossip *g, uint16_t member)
{
    if (g->count == g->room) {
        must(g->levels_used != 0);
        unsigned most = 63U - (unsigned)__builtin_clzll(g->levels_used);
        remove_item(g, g->levels[most].oldest);
    }
    uint16_t item = g->free;
    if (item == GOSSIP_NOBODY)
        item = (uint16_t)g->used++;
    else
        g->free = g->items[item].older;
    g->at[member] = item;
    g->items[item].member = member;
    g->count++;
    return item;
}

void gossip_add(struct gossip *g, uint16_t member)
{
    uint16_t item = g->at[member];
    if (item == GOSSIP_NOBODY)
        item = new_item(g, member);
    else
        unlink_item(g, item);
    uint32_t stamp = ++g->stamp_last;
    g->items[item].stamp_low = (uint16_t)stamp;
    g->items[item].stamp_high = (uint8_t)(stamp >> 16);
    g->items[item].sent = 0;
    link_after(g, item, GOSSIP_NOBODY);
}

static void count_telling(struct gossip *g, uint16_t item)
{
    if (g->items[item].sent + 1 >= g->limit) {
        remove_item(g, item);
        return;
    }
    unlink_item(g, item);
    g->items[item].sent++;
    enter(g, item);
}

size_t gossip_pick(struct gossip *g, uint16_t skip, uint16_t *out, size_t room)
{
    size_t picked = 0;
    for (uint64_t left = g->levels_used; left && picked < room; left &= left - 1) {
        uint16_t item = g->levels[__builtin_ctzll(left)].newest;
        for (; item != GOSSIP_NOBODY && picked < room; item = g->items[item].older)
            if (g->items[item].member != skip)
                out[picked++] = g->items[item].member;
    }
    for (size_t i = 0; i < picked; i++)
        count_telling(g, g->at[out[i]]);
    return picked;
}
