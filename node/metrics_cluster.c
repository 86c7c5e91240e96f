/* Metrics of what this node knows of its cluster: members, locks, standing, orders. */
#include "node/metrics.h"

#include <stdlib.h>
#include <string.h>

/* --- Members --- */

struct metrics_census {
    uint64_t states[FIGURES_MEMBER_STATES];
    uint64_t unreachable; /* M3: this node's own finding */
    uint64_t relayed;     /* of these, reached through another */
    uint64_t fenced[FENCED_ENDED + 1];
    struct span median; /* round trip of direct probes; 0: none was answered yet */
    struct span worst;
};

static int compare_spans(const void *a, const void *b)
{
    const struct span *x = a, *y = b;
    return (x->ns > y->ns) - (x->ns < y->ns);
}

static void metrics_take_census(struct metrics_census *out, const struct agent *agent)
{
    const struct roster *roster = agent_identity(agent)->roster;
    const struct peer *peer = agent_peer(agent);
    struct span trips[ROSTER_NODES_MAX];
    size_t count = 0;
    *out = (struct metrics_census){0};
    for (size_t i = 0; i < roster->node_count; i++) {
        struct member_view m;
        struct fenced_view f;
        peer_member(peer, roster->nodes[i].slot, &m);
        peer_fenced(peer, roster->nodes[i].slot, &f);
        out->states[m.state]++;
        out->unreachable += m.unreachable;
        out->relayed += m.via != SLOT_NONE;
        out->fenced[f.verdict]++;
        if (m.round_trip.ns > 0)
            trips[count++] = m.round_trip;
    }
    qsort(trips, count, sizeof *trips, compare_spans);
    if (count > 0) {
        out->median = trips[count / 2];
        out->worst = trips[count - 1];
    }
}

static void metrics_members_now(FILE *out, const struct api *api)
{
    struct metrics_census census;
    metrics_take_census(&census, api->agent);
    metrics_family(out, "holdfast_members", METRICS_GAUGE,
                   "Members of the roster, this node included, by gossip's word.");
    for (unsigned i = 0; i < FIGURES_MEMBER_STATES; i++)
        metrics_count(out, "holdfast_members", "state", member_state_text((enum member_state)i),
                      census.states[i]);
    metrics_one(out, "holdfast_members_unreachable", METRICS_GAUGE,
                "Members that this node does not reach directly, first-hand.", census.unreachable);
    metrics_one(out, "holdfast_members_relayed", METRICS_GAUGE,
                "Of these, those that it reaches through another node.", census.relayed);
    metrics_family(out, "holdfast_members_fenced", METRICS_GAUGE,
                   "Members by what certificates, receipts and end statements say of them.");
    for (unsigned i = 0; i <= FENCED_ENDED; i++)
        metrics_count(out, "holdfast_members_fenced", "verdict",
                      fence_verdict_text((enum fence_verdict)i), census.fenced[i]);
    metrics_family(out, "holdfast_probe_round_trip_median_seconds", METRICS_GAUGE,
                   "Round trip of direct probes, smoothed: the median member; 0 before the first.");
    metrics_span(out, "holdfast_probe_round_trip_median_seconds", census.median);
    metrics_family(out, "holdfast_probe_round_trip_worst_seconds", METRICS_GAUGE,
                   "The same of the slowest member.");
    metrics_span(out, "holdfast_probe_round_trip_worst_seconds", census.worst);
}

static void metrics_members(FILE *out, const struct api *api)
{
    const struct figures *f = agent_figures(api->agent);
    const struct swim_counters *s = peer_swim_counters(agent_peer(api->agent));
    metrics_members_now(out, api);
    metrics_one(out, "holdfast_local_health", METRICS_GAUGE,
                "How far this node distrusts its own probes: 0 is well, 7 the worst.",
                peer_health(agent_peer(api->agent)));
    metrics_one(out, "holdfast_probes_total", METRICS_COUNTER, "Probes of members.", s->probes);
    metrics_one(out, "holdfast_probes_failed_total", METRICS_COUNTER,
                "Probes that were answered neither directly nor through others.", s->probes_failed);
    metrics_one(out, "holdfast_refutations_total", METRICS_COUNTER,
                "Suspicions of this node that it refuted.", s->refutations);
    metrics_one(out, "holdfast_words_forged_total", METRICS_COUNTER,
                "Gossip whose signature did not verify.", s->words_forged);
    metrics_family(out, "holdfast_member_changes_total", METRICS_COUNTER,
                   "Changes of gossip's word about a member, by the new one.");
    for (unsigned i = MEMBER_ALIVE; i < FIGURES_MEMBER_STATES; i++)
        metrics_count(out, "holdfast_member_changes_total", "to",
                      member_state_text((enum member_state)i), f->changes[i]);
    metrics_family(out, "holdfast_suspicions_total", METRICS_COUNTER,
                   "Suspicions that ended, by verdict: alive (refuted), dead, left.");
    for (unsigned i = MEMBER_ALIVE; i < FIGURES_MEMBER_STATES; i++)
        if (i != MEMBER_SUSPECT)
            metrics_count(out, "holdfast_suspicions_total", "verdict",
                          member_state_text((enum member_state)i), f->suspicions[i]);
    metrics_family(out, "holdfast_reach_changes_total", METRICS_COUNTER,
                   "How often this node ceased to reach a member, or reached it again.");
    metrics_count(out, "holdfast_reach_changes_total", "to", "unreachable", f->reaches[0]);
    metrics_count(out, "holdfast_reach_changes_total", "to", "reached", f->reaches[1]);
}

/* --- Standing --- */

static void metrics_standing(FILE *out, const struct api *api, const struct peer_status *p)
{
    static const char *const words[FIGURES_STANDINGS] = {"lost", "gained", "at-risk"};
    const struct figures *f = agent_figures(api->agent);
    metrics_one(out, "holdfast_voters", METRICS_GAUGE, "Voters of the roster.", p->voters);
    metrics_one(out, "holdfast_voters_alive", METRICS_GAUGE,
                "Of these, those alive by gossip, this node included.", p->voters_alive);
    metrics_one(out, "holdfast_majority", METRICS_GAUGE,
                "1 while this node sees a majority of the voters alive, else 0: it is cut off.",
                p->voters_alive > p->voters / 2);
    metrics_one(out, "holdfast_jurors", METRICS_GAUGE, "Jurors of the roster.", p->jurors);
    metrics_one(
        out, "holdfast_jurors_acknowledging", METRICS_GAUGE,
        "Jurors that acknowledged this node within the time that standing lasts, while it renews.",
        p->acknowledging);
    metrics_one(out, "holdfast_standing_wanted", METRICS_GAUGE,
                "1 while this node holds or asks for a lock that may be fenced, and so renews.",
                p->standing_wanted);
    metrics_one(out, "holdfast_standing", METRICS_GAUGE,
                "1 while a majority of the jurors acknowledges this node.", p->standing);
    metrics_family(out, "holdfast_standing_changes_total", METRICS_COUNTER,
                   "How often standing was gained, at risk or lost.");
    for (unsigned i = 0; i < FIGURES_STANDINGS; i++)
        metrics_count(out, "holdfast_standing_changes_total", "to", words[i], f->standings[i]);
    metrics_one(out, "holdfast_bound", METRICS_GAUGE,
                "1 while a vote or an order against this node's life binds it.", p->bound);
    metrics_one(out, "holdfast_life_counts", METRICS_GAUGE,
                "1 once a majority of the jurors stored this node's life: before that it takes no "
                "lock.",
                p->life_known);
}

/* --- Locks --- */

static void metrics_operations(FILE *out, const struct api *api)
{
    enum { PENDING, HELD, DROPPING, CACHED, CONVERTING, PASSING, STATES };
    static const char *const words[STATES] = {"pending", "held",       "dropping",
                                              "cached",  "converting", "passing"};
    uint64_t counts[STATES] = {0};
    struct op_view view;
    size_t cursor = 0;
    while (peer_next_op(agent_peer(api->agent), &cursor, &view)) {
        if (view.passing || view.converting)
            counts[view.passing ? PASSING : CONVERTING]++;
        else
            counts[view.state == OP_HELD       ? HELD
                   : view.state == OP_DROPPING ? DROPPING
                   : view.state == OP_CACHED   ? CACHED
                                               : PENDING]++;
    }
    metrics_family(out, "holdfast_locks", METRICS_GAUGE,
                   "Locks that this node's clients ask for or hold, by state.");
    for (unsigned i = 0; i < STATES; i++)
        metrics_count(out, "holdfast_locks", "state", words[i], counts[i]);
    metrics_one(out, "holdfast_locks_max", METRICS_GAUGE,
                "How many there can be at once (max-operations).",
                agent_config(api->agent)->max_operations);
}

static void metrics_times(FILE *out, const struct figures *f)
{
    metrics_family(out, "holdfast_lock_wait_seconds", METRICS_HISTOGRAM,
                   "From a client's request until it was granted, or was over otherwise.");
    for (unsigned i = 0; i < FIGURES_OUTCOMES; i++)
        metrics_spread(out, "holdfast_lock_wait_seconds", "outcome",
                       figures_outcome_text((enum figures_outcome)i), &f->waits[i]);
    metrics_family(out, "holdfast_lock_hold_seconds", METRICS_HISTOGRAM,
                   "From a grant until the end of that hold.");
    metrics_spread(out, "holdfast_lock_hold_seconds", NULL, NULL, &f->holds);
}

/* Counters of the core that have families of their own. */
static bool metrics_elsewhere(const char *name)
{
    static const char *const names[] = {"datagrams_", "messages_", "drop_",  "relays_", "ways_",
                                        "grants",     "fence_",    "alarms", "breaks"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++)
        if (strncmp(name, names[i], strlen(names[i])) == 0)
            return true;
    return false;
}

static void metrics_locks(FILE *out, const struct api *api, const struct peer_status *p)
{
    const struct peer_counters *c = peer_counters(agent_peer(api->agent));
    metrics_operations(out, api);
    metrics_one(out, "holdfast_registers", METRICS_GAUGE,
                "Locks whose state this voter stores, held or free.", p->lock_count);
    metrics_one(out, "holdfast_registers_max", METRICS_GAUGE,
                "How many it has room for (max-locks).", agent_config(api->agent)->max_locks);
    metrics_one(out, "holdfast_shards_served", METRICS_GAUGE, "Shards that this node coordinates.",
                p->serving);
    metrics_family(out, "holdfast_grants_total", METRICS_COUNTER,
                   "Grants: coordinated by this node for anybody, or to its own client out of what "
                   "it has cached.");
    metrics_count(out, "holdfast_grants_total", "way", "coordinated", c->grants);
    metrics_count(out, "holdfast_grants_total", "way", "cached", c->grants_local);
    metrics_times(out, agent_figures(api->agent));
    metrics_family(out, "holdfast_protocol_events_total", METRICS_COUNTER,
                   "What the protocol did, by the name of the core's counter.");
#define METRICS_EVENT(counter)                                                                     \
    if (!metrics_elsewhere(#counter))                                                              \
        metrics_count(out, "holdfast_protocol_events_total", "event", #counter, c->counter);
    PEER_COUNTERS(METRICS_EVENT)
#undef METRICS_EVENT
}

/* --- Orders --- */

static void metrics_orders(FILE *out, const struct api *api)
{
    uint64_t stages[FENCE_WATCHDOG + 1] = {0};
    struct order_view view;
    size_t cursor = 0;
    while (peer_next_order(agent_peer(api->agent), &cursor, &view))
        stages[view.stage]++;
    cursor = 0;
    while (peer_next_accusation(agent_peer(api->agent), &cursor, &view))
        stages[view.stage]++;
    metrics_family(out, "holdfast_fence_orders", METRICS_GAUGE,
                   "Orders that this node keeps, by how far they have come; asking: it asks the "
                   "jurors for one.");
    for (unsigned i = FENCE_ASKING; i <= FENCE_OVER; i++)
        metrics_count(out, "holdfast_fence_orders", "stage", fence_stage_text((enum fence_stage)i),
                      stages[i]);
}

static void metrics_fencing(FILE *out, const struct api *api)
{
    const struct figures *f = agent_figures(api->agent);
    const struct peer_counters *c = peer_counters(agent_peer(api->agent));
    metrics_orders(out, api);
    metrics_one(out, "holdfast_fence_orders_total", METRICS_COUNTER,
                "Certified orders that became known here.", f->orders);
    metrics_family(out, "holdfast_fence_opinions_total", METRICS_COUNTER,
                   "What this juror said when it was asked for a vote.");
    metrics_count(out, "holdfast_fence_opinions_total", "verdict", "votes",
                  f->opinions[OPINION_VOTES]);
    uint64_t others = 0;
    for (unsigned i = 0; i < OPINIONS; i++)
        others += i == OPINION_VOTES ? 0 : f->opinions[i];
    metrics_count(out, "holdfast_fence_opinions_total", "verdict", "refuses", others);
    metrics_family(out, "holdfast_fence_runs_total", METRICS_COUNTER,
                   "Runs of fence devices: begun by this node, and failed, by whoever, as far as "
                   "it was told here.");
    metrics_count(out, "holdfast_fence_runs_total", "stage", "begun", f->runs);
    metrics_count(out, "holdfast_fence_runs_total", "stage", "failed", f->runs_failed);
    metrics_family(out, "holdfast_fence_proofs_total", METRICS_COUNTER,
                   "Proofs that a life is over, by what they are.");
    metrics_count(out, "holdfast_fence_proofs_total", "kind", "end-statement", f->proofs[0]);
    metrics_count(out, "holdfast_fence_proofs_total", "kind", "receipt", f->proofs[1]);
    metrics_count(out, "holdfast_fence_proofs_total", "kind", "refused", f->proofs_refused);
    metrics_one(out, "holdfast_fence_locks_broken_total", METRICS_COUNTER,
                "Locks of dead holders that this coordinator passed on.", c->breaks);
    metrics_one(out, "holdfast_fence_alarms_total", METRICS_COUNTER,
                "Nodes heard under a life that a receipt had called off: a fence device lies.",
                c->alarms);
}

void metrics_cluster(FILE *out, const struct api *api)
{
    struct peer_status p;
    peer_status(agent_peer(api->agent), &p);
    metrics_members(out, api);
    metrics_standing(out, api, &p);
    metrics_locks(out, api, &p);
    metrics_fencing(out, api);
}
