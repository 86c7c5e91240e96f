/*
 * S7 for stamps (section 6): a stamp is the generation that a look showed while no holder wrote and
 * no unclean mark was there. Where a later look shows the same one, no guest acted in a mode that
 * writes in between: from the first look's answer to the second one's question.
 */
#include "sim/check.h"

#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/world.h"

struct stamp {
    uint64_t generation;
    int64_t at; /* the first answer that told it */
    struct stamp *older;
};

/* Until when what it wrote was protected. */
static int64_t end_of(const struct writing *g)
{
    bool expires = g->op->policy == LOCK_STALE_EXPIRE && g->op->until_at < g->to;
    return expires ? g->op->until_at : g->to;
}

/* Somebody who acted between the two; NULL if nobody did. */
static const struct writing *between(const struct name *name, int64_t from, int64_t to)
{
    for (const struct writing *g = name->writings; g; g = g->older)
        if (g->from < to && end_of(g) > from)
            return g;
    return NULL;
}

void check_stamp(struct world *w, struct name *name, const struct lock_state *state, int64_t since)
{
    const struct stamp *stamp = name->stamps;
    while (stamp && stamp->generation != state->generation)
        stamp = stamp->older;
    const struct writing *wrote = stamp ? between(name, stamp->at, since) : NULL;
    if (wrote)
        world_fail(w, EXIT_BROKEN, "S7",
                   "%s: generation %llu is shown at %.3f s and again after %.3f s, but a guest of "
                   "%s wrote from %.3f s on",
                   name->text, (unsigned long long)state->generation, (double)stamp->at / 1e9,
                   (double)since / 1e9, wrote->op->machine->name, (double)wrote->from / 1e9);
    w->figures.validations += stamp && stamp->at < since;
    if (stamp || lock_stability(state) != LOCK_STABLE)
        return;
    struct stamp *fresh = pool_take(&w->pool, sizeof *fresh);
    *fresh = (struct stamp){.generation = state->generation, .at = w->now, .older = name->stamps};
    name->stamps = fresh;
}
