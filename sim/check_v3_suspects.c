/*
 * V3: no machine of the core is suspected for ever by another one, whatever those outside say of
 * it, and none is ordered fenced once the core has settled. A suspicion that is not undone within
 * the time in which it becomes a death, and the refutation goes round, counts as one for ever.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

/* A suspect has 3 periods x log2(n) / 2, then the word and its refutation go round: 2 x 3 rounds.
 */
static const struct span unseen_high = SPAN_MS(12000);

void check_suspects(struct world *w, size_t from, size_t of, bool alive)
{
    int64_t *since = &w->siege.unseen[from][of];
    if (alive) {
        if (*since)
            live_note(&w->figures.live, LIVE_UNSEEN, (w->now - *since) / 1000000);
        *since = 0;
        return;
    }
    if (!*since)
        *since = w->now;
    if (w->now - *since > unseen_high.ns)
        world_fail(w, EXIT_STUCK, "V3", "%s does not see %s alive since %lld ms; core %x",
                   w->machines[from].name, w->machines[of].name,
                   (long long)(w->now - *since) / 1000000, w->siege.inside);
}

/* Votes that were cast before the siege, and orders of before, may still come together at first. */
void check_ordered(struct world *w, const struct machine *target, uint64_t number)
{
    if (!siege_inside(w, target->index) || target->life != number || siege_disturbed(w) ||
        w->now < w->siege.settled_at)
        return;
    world_fail(w, EXIT_STUCK, "V3", "life %llu of %s, of the core %x, is ordered fenced",
               (unsigned long long)number, target->name, w->siege.inside);
}
