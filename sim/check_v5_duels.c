/*
 * V5: coordinators do not fight for ever: over the siege, once it has settled, no more than 10
 * ballots are preempted per success in the shards that the core serves; and no call of the core
 * goes for 30 s without a trace in the register that it is about.
 *
 * Preempted: a voter of the core refuses a ballot for the first time. Success: a value is chosen.
 */
#include "sim/changes.h"
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

enum { DUELS_MAX = 10, DUELS_LEAST = 20 };

static const struct span starved_high = SPAN_MS(30000);

static bool counts(const struct world *w, uint32_t shard)
{
    return w->siege.on && w->now >= w->siege.settled_at && !siege_disturbed(w) &&
           (w->siege.served >> shard & 1);
}

void check_preempted(struct world *w, const struct machine *m, struct promise_seen *ballot,
                     uint32_t shard)
{
    if (ballot->preempted || !siege_inside(w, m->index))
        return;
    ballot->preempted = true;
    w->siege.preempted += counts(w, shard);
}

void check_succeeded(struct world *w, uint32_t shard)
{
    w->siege.succeeded += counts(w, shard);
}

void check_duels(struct world *w)
{
    const struct siege *s = &w->siege;
    uint64_t per = s->preempted * 1000 / (s->succeeded ? s->succeeded : 1);
    if (s->succeeded)
        live_note(&w->figures.live, LIVE_DUELS, (int64_t)per);
    if (s->preempted >= DUELS_LEAST && per > DUELS_MAX * 1000)
        world_fail(w, EXIT_STUCK, "V5", "%llu ballots were preempted, and %llu values chosen",
                   (unsigned long long)s->preempted, (unsigned long long)s->succeeded);
}

/* Nothing chosen has it yet, and nothing was said to it. */
static bool without_trace(const struct client *c)
{
    bool asks = c->state == CLIENT_ASKS && !(c->op && c->op->seen_chosen);
    bool changes = c->state == CLIENT_CHANGES && !c->change->in;
    return asks || changes || c->state == CLIENT_DROPS || c->state == CLIENT_CANCELS;
}

void check_starved(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++)
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            const struct client *c = &w->machines[i].clients[k];
            if (!siege_inside(w, i) || !without_trace(c) || !siege_serves(w, c->name))
                continue;
            int64_t from = c->since > w->siege.settled_at ? c->since : w->siege.settled_at;
            if (w->now <= from || siege_disturbed(w))
                continue;
            live_note(&w->figures.live, LIVE_STARVED, (w->now - from) / 1000000);
            if (w->now - from > starved_high.ns)
                world_fail(w, EXIT_STUCK, "V5", "%s/%u: no register shows its call about %s",
                           c->machine->name, c->index, c->name->text);
        }
}
