/*
 * V4: within 3 rounds of gossip x log2(n) and 5 s from the beginning of the siege all machines of
 * the core are up and see each other alive; from then on V3 is judged.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

static bool sees(struct world *w, size_t from, size_t of)
{
    struct member_view view;
    const struct machine *m = &w->machines[from];
    if (!m->agent_up)
        return false;
    peer_member(m->peer, cluster_slot(of), &view);
    return view.state == MEMBER_ALIVE;
}

void check_views(struct world *w)
{
    bool all = true;
    for (size_t i = 0; i < w->machine_count; i++)
        for (size_t k = 0; k < w->machine_count; k++) {
            if (!siege_inside(w, i) || !siege_inside(w, k))
                continue;
            bool alive = sees(w, i, k);
            all &= alive;
            if (w->siege.viewed && !siege_disturbed(w))
                check_suspects(w, i, k, alive);
            else if (!alive && w->now >= w->siege.settled_at && !w->siege.viewed)
                world_fail(w, EXIT_STUCK, "V4", "%s does not see %s alive, %lld ms into the siege",
                           w->machines[i].name, w->machines[k].name,
                           (long long)(w->now - w->siege.since) / 1000000);
        }
    if (!all || w->siege.viewed)
        return;
    w->siege.viewed = true;
    live_note(&w->figures.live, LIVE_VIEWS, (w->now - w->siege.since) / 1000000);
}
