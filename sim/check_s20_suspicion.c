/*
 * S20: nobody votes against a node that a majority can reach and that answers, or that renewed in
 * time; a vote is final (F2).
 */
#include "sim/check.h"

#include "proto/inequality.h"
#include "proto/must.h"
#include "sim/machine.h"
#include "sim/sessions.h"
#include "sim/world.h"

/* In-flight messages, hellos after a start, suspicions that are being refuted. */
static const struct span reach_grace = SPAN_MS(10000);
/* F2b: an inquiry listens at least so long before it ends in a vote. */
static const struct span look_span = SPAN_MS(250);
static const struct span rounding = {1000}; /* of clocks that are not ours */

static bool answers(const struct machine *m)
{
    return m->agent_up && !m->paused && !m->disk.failed && m->votes;
}

static bool reaches(const struct world *w, size_t i, size_t target)
{
    bool well = i == target || (network_well(w, i, target) && network_well(w, target, i));
    return well && answers(&w->machines[i]) && answers(&w->machines[target]);
}

void check_reach_update(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        for (size_t target = 0; target < w->machine_count; target++) {
            int64_t *since = &w->observer->lives.reached_since[i][target];
            if (!reaches(w, i, target))
                *since = INT64_MAX;
            else if (*since == INT64_MAX)
                *since = w->now;
        }
    }
}

/* Whether that life answers, and each of one majority can reach it since long. A majority that
 * changes is not enough: whoever comes to reach it anew has yet to greet it. */
bool check_is_well(const struct world *w, const struct machine *target, uint64_t number)
{
    int64_t before = w->now - SPAN_MS(w->p.detect_ms).ns - reach_grace.ns;
    size_t count = 0;
    for (size_t i = 0; i < w->machine_count; i++)
        count += w->observer->lives.reached_since[i][target->index] <= before;
    return target->life == number && count > w->machine_count / 2;
}

void check_vote_evidence(struct world *w, const struct machine *m, const struct machine *target,
                         uint64_t number)
{
    const struct lives *lives = &w->observer->lives;
    /* By the clock of whoever measures: F2 compares nothing else. */
    int64_t since =
        clock_ago(&m->clock, w->now, vote_span_of(SPAN_MS(w->p.detect_ms))) + rounding.ns;
    int64_t heard_since = clock_ago(&m->clock, w->now, look_span) + rounding.ns;
    if (lives->renewed[m->index][target->index].life == number &&
        lives->renewed[m->index][target->index].at > since)
        world_fail(w, EXIT_BROKEN, "S20",
                   "%s votes against life %llu of %s, which renewed with it %lld ms ago", m->name,
                   (unsigned long long)number, target->name,
                   (long long)(w->now - lives->renewed[m->index][target->index].at) / 1000000);
    int64_t heard = w->observer->lives.heard_at[m->index][target->index];
    /* What comes at this very instant may have come behind the vote, in one turn of a late loop. */
    if (target->life == number && heard > heard_since && heard != w->now)
        world_fail(w, EXIT_BROKEN, "S20",
                   "%s votes against life %llu of %s, of which it heard %lld ms ago", m->name,
                   (unsigned long long)number, target->name, (long long)(w->now - heard) / 1000000);
}

/* F7: whoever holds has stopped, by its own clock, before anybody else may act on its end. Of an
 * agent that stands still, or whose clock stood lately or runs outside A2, nothing is said. */
static void check_has_stopped(struct world *w, const struct machine *target, uint64_t number)
{
    const struct clock *c = &target->clock;
    int64_t lately = w->now - 2 * vote_span_of(SPAN_MS(w->p.detect_ms)).ns;
    bool stood = c->stands || (c->stopped_at != c->world_at && c->world_at > lately);
    struct peer_status status;
    if (!target->agent_up || target->paused || target->life != number || stood ||
        w->p.clock_ppm > CLOCK_RATE_PPM)
        return;
    peer_status(target->peer, &status);
    if (status.standing && status.standing_wanted) /* else it holds nothing, and does not look */
        world_fail(w, EXIT_BROKEN, "S20", "life %llu of %s is ordered fenced while it has standing",
                   (unsigned long long)number, target->name);
}

void check_order_evidence(struct world *w, const struct machine *target, uint64_t number)
{
    check_has_stopped(w, target, number);
    if (!check_is_well(w, target, number))
        return;
    w->figures.false_orders++;
    world_fail(w, EXIT_BROKEN, "S20",
               "life %llu of %s is ordered fenced; it answers, and a majority can reach it since "
               "%lld ms at least",
               (unsigned long long)number, target->name,
               (long long)w->p.detect_ms + reach_grace.ns / 1000000);
}

void check_renewal_acknowledged(struct world *w, const struct machine *m, uint16_t to,
                                uint64_t number)
{
    int index = cluster_index(w->cluster, to);
    if (index < 0 || m->shadow->appended.voted[index] >= number ||
        sessions_voted(w, m, (size_t)index, number))
        world_fail(w, EXIT_BROKEN, "S20",
                   "%s acknowledges a renewal of life %llu of slot %u, which it voted against (F2)",
                   m->name, (unsigned long long)number, to);
    must(index >= 0);
    struct lives *lives = &w->observer->lives;
    lives->renewed[m->index][index].life = number;
    lives->renewed[m->index][index].at = w->now;
}
