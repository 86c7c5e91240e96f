/*
 * S11: so few nodes at once are under orders that the rest can go on (F8). That a node which is
 * under one signs nothing is judged where it signs: check_s10_orders.c, check_s09_ends.c.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

static const struct span rounding = {1000}; /* of clocks that are not ours */

bool check_under_order(const struct world *w, const struct machine *m)
{
    const struct life *life = &w->observer->lives.of[m->index][m->life];
    return m->life != 0 && m->powered && (life->known >> m->index & 1);
}

/* Votes of a majority that are younger than the brake's span make a node one that is under an
 * order. Voting jurors each count at most b, so at most J b / q < 2b come together (F8). */
void check_brake(struct world *w)
{
    const struct roster *roster = &w->cluster->roster;
    const struct lives *lives = &w->observer->lives;
    size_t jurors = roster_juror_count(roster), under = 0;
    size_t spare = jurors - roster_juror_quorum(&w->cluster->roster), b = spare < 2 ? spare : 2;
    if (roster->node_count / 8 > b)
        b = roster->node_count / 8;
    for (size_t i = 0; i < w->machine_count; i++) {
        bool is_under = false;
        for (uint64_t n = lives->highest[i]; n > lives->stated[i]; n--) {
            const struct life *life = &lives->of[i][n];
            size_t recent = 0;
            for (size_t k = 0; k < w->machine_count; k++)
                recent +=
                    (life->power >> k & 1) &&
                    life->power_at[k] >
                        clock_ago(&w->machines[k].clock, w->now, w->p.brake_span) + rounding.ns;
            is_under |= recent >= roster_juror_quorum(&w->cluster->roster);
        }
        under += is_under;
    }
    if (under >= 2 * b)
        world_fail(w, EXIT_BROKEN, "S11", "%zu machines are under orders at once, and b is %zu",
                   under, b);
}
