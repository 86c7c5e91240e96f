/*
 * V9: within the core two machines that reach each other directly, in both directions, do not go on
 * through a relay: the direct way is taken again soon. (That cuts within the core do not stop it is
 * what V1 to V6 demand of it.)
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

/* Two answers in a row to questions a second apart, a few more since the last trouble, and doubled
 * waits between rounds that a pause of the other one left behind. */
static const struct span relayed_high = SPAN_MS(12000);

static bool relayed(const struct world *w, size_t from, size_t to)
{
    struct member_view view;
    if (!w->machines[from].agent_up || !w->machines[to].agent_up)
        return false;
    peer_member(w->machines[from].peer, cluster_slot(to), &view);
    return view.via != SLOT_NONE;
}

void check_ways(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++)
        for (size_t k = 0; k < w->machine_count; k++) {
            int64_t *since = &w->siege.relayed[i][k];
            bool judged = i != k && siege_inside(w, i) && siege_inside(w, k) &&
                          !siege_disturbed(w) && network_passes(&w->network, i, k) &&
                          network_passes(&w->network, k, i);
            if (!judged || !relayed(w, i, k)) {
                if (judged && *since)
                    live_note(&w->figures.live, LIVE_RELAYED, (w->now - *since) / 1000000);
                *since = 0;
                continue;
            }
            if (!*since)
                *since = w->now;
            if (w->now - *since > relayed_high.ns)
                world_fail(w, EXIT_STUCK, "V9",
                           "%s reaches %s through a relay since %lld ms, and could directly",
                           w->machines[i].name, w->machines[k].name,
                           (long long)(w->now - *since) / 1000000);
        }
}
