/*
 * V2: the lock of a dead holder passes on, if somebody in the core waits for it: under `fence`,
 * within detection, an executor's time and 5 s of the death (devices work in a siege), or
 * within 5 s of the moment at which a later life of the same machine counts; under `expire`,
 * within 5 s of the TTL from then on, and from the last change of coordinators.
 *
 * What F8 holds back is not judged: a juror allows no more than b machines within its span, and
 * none that it has not heard since its own start; both end with the span, counted from the siege.
 */
#include "sim/changes.h"
#include "sim/check.h"

#include "proto/inequality.h"
#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/sessions.h"
#include "sim/world.h"

/* Off and status take up to 3 s; up to 5 s for all the messages. */
static const struct span device_span = SPAN_MS(3000), grace = SPAN_MS(5000);
/* An executor of a better rank that gossip holds alive has a turn of its own (F9), and one that
 * said that it began has its driver's time. */
static const struct span turn_span = SPAN_MS(3000);
static const struct span witness_span = SPAN_MS(DEVICE_DEADLINE_MS + 3000);
/* An order about a session that nobody acts on any more leads to one about the life (the ladder).
 */
static const struct span ladder_span = SPAN_MS(10000 + 2 * DEVICE_DEADLINE_MS);
/* Agents of the core that start with the siege, and suspicions that the siege begins, are over by
 * then: F8 counts from there. */
static const struct span start_span = SPAN_MS(10000);

static bool runs(const struct machine *m)
{
    return m->powered && m->agent_up && !m->paused;
}

/* Whom its datagrams reach, directly or through others that run: bits of machines. */
static uint32_t reach(const struct world *w, size_t index)
{
    uint32_t bits = UINT32_C(1) << index, before = 0;
    while (bits != before) {
        before = bits;
        for (size_t i = 0; i < w->machine_count; i++)
            for (size_t k = 0; (before >> i & 1) && runs(&w->machines[i]) && k < w->machine_count;
                 k++)
                bits |= (uint32_t)network_passes(&w->network, i, k) << k;
    }
    return bits;
}

/* Whether the core can hear nothing of it, or its life is over. Who is half deaf is not: a juror
 * that hears his renewals acknowledges them, and cannot vote (F2a). Nor is who is heard through
 * others alone: his word refutes his death whoever passes it on (M2), and the relays of a juror's
 * probes answer for him (F2b). */
static bool gone(const struct world *w, const struct machine *m)
{
    return !runs(m) || !(reach(w, m->index) & w->siege.inside);
}

/* Since when: the last that heard him, or passed it on, may have died within the siege. */
static void note_gone(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        int64_t *at = &w->siege.gone_at[i];
        if (!gone(w, &w->machines[i]))
            *at = 0;
        else if (!*at)
            *at = w->now;
    }
}

static bool is_dead(const struct op *op)
{
    return op->epoch != op->machine->epoch || !op->machine->powered;
}

static bool stale(const struct world *w, const struct op *op)
{
    return !op->drop_called && (is_dead(op) || gone(w, op->machine));
}

/* Whether a hold keeps such a request, or such a conversion of `self`, from being granted. */
static bool excludes(const struct value *v, const struct value_hold *hold, const struct op *self,
                     enum lock_mode mode, uint16_t limit)
{
    struct modes counted = modes_none();
    for (size_t i = 0; i < v->hold_count; i++)
        if (v->holds[i].mode == LOCK_COUNTED && v->holds[i].op != self)
            modes_add(&counted, LOCK_COUNTED, v->holds[i].limit);
    if (hold->op == self)
        return false;
    if (hold->mode == LOCK_COUNTED && mode == LOCK_COUNTED)
        return !modes_fit(&counted, LOCK_COUNTED, limit);
    return !modes_agree(hold->mode, mode);
}

/* By the core's own rule, from the meaning of modes: whether one who converts, or the first of the
 * queue, waits for it. The queue waits for all who convert. */
static bool in_the_way(const struct value *v, size_t index)
{
    const struct value_hold *hold = &v->holds[index];
    for (size_t i = 0; i < v->convert_count; i++)
        if (excludes(v, hold, v->converts[i].op, v->converts[i].mode, v->converts[i].limit))
            return true;
    if (v->waiter_count == 0)
        return false;
    return history_convert(v, hold->op) || excludes(v, hold, NULL, v->head_mode, v->head_limit);
}

/* It is awaited from when it came to be in the way. */
static int64_t stands_since(const struct world *w, const struct value *v, size_t index)
{
    struct op *op = v->holds[index].op;
    if (!in_the_way(v, index))
        op->in_way_since = 0;
    else if (!op->in_way_since)
        op->in_way_since = w->now;
    return op->in_way_since;
}

bool check_is_stale(const struct world *w, const struct name *name)
{
    const struct value *v = name->chosen;
    for (size_t i = 0; v && i < v->hold_count; i++)
        if (stale(w, v->holds[i].op) &&
            (v->holds[i].mode != LOCK_NL || history_convert(v, v->holds[i].op)))
            return true;
    return false;
}

/* Somebody in the core, who lives. */
static bool waits(const struct world *w, const struct op *op)
{
    return op->machine && siege_inside(w, op->machine->index) && !op->finished &&
           !op->drop_called && op->epoch == op->machine->epoch;
}

/* Since when somebody in the core waits for it; INT64_MAX: nobody does. */
static int64_t awaited_since(const struct world *w, const struct value *v)
{
    int64_t since = INT64_MAX;
    for (size_t i = 0; i < v->waiter_count; i++)
        if (waits(w, v->waiters[i]) && v->waiters[i]->asked_at < since)
            since = v->waiters[i]->asked_at;
    for (size_t i = 0; i < v->convert_count; i++) {
        const struct op *op = v->converts[i].op;
        const struct change *c = changes_find(op, v->converts[i].change);
        if (waits(w, op) && c && c->end == CHANGE_OPEN && c->called_at < since)
            since = c->called_at;
    }
    return since;
}

static int64_t latest(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

/* The life that an order for its sake is about: of a later one that anybody knows of, jurors say so
 * to who accuses an earlier. One that its machine wrote down and whoever heard of it forgot, in a
 * restart before it counted, nobody knows of (seed 803144). */
static const struct life *ordered(const struct world *w, const struct op *op)
{
    uint64_t highest = op->id.life;
    for (size_t i = 0; i < w->machine_count; i++) {
        struct member_view view = {0};
        if (siege_inside(w, i) && w->machines[i].peer)
            peer_member(w->machines[i].peer, cluster_slot(op->machine->index), &view);
        highest = view.life > highest ? view.life : highest;
    }
    return &w->observer->lives.of[op->machine->index][highest];
}

/* Whether anybody in the core has not acted on that life yet, or died just when he would: nobody
 * does so twice (F9), and when all their devices failed the lock waits for the machine, or a
 * person. */
static bool executor_left(const struct world *w, const struct op *op)
{
    const struct life *life = ordered(w, op);
    uint32_t target = UINT32_C(1) << op->machine->index;
    return (w->siege.inside & ~life->executors & ~life->spent & ~target) != 0;
}

static struct span executor_time(const struct world *w, const struct op *op)
{
    const struct life *life = ordered(w, op);
    struct span t = device_span;
    if (life->executors & ~w->siege.inside) /* who said that it began has the ladder's time */
        t.ns += witness_span.ns * (w->p.ladder ? 2 : 1);
    if (w->p.ladder && life->executors)
        t.ns += witness_span.ns;
    /* One outside has its turn; and as long as it asks in vain, what jurors say to it they say to
     * nobody else (seed 807962). */
    for (size_t i = 0; i < w->machine_count; i++)
        if (!siege_inside(w, i) && i != op->machine->index && !gone(w, &w->machines[i]))
            t.ns += 3 * turn_span.ns;
    return t;
}

/* When a juror last voted for more than to retire some other machine: that counts too. */
static int64_t last_power(const struct world *w, size_t but)
{
    const struct lives *lives = &w->observer->lives;
    int64_t last = 0;
    for (size_t i = 0; i < w->machine_count; i++)
        for (uint64_t n = lives->highest[i]; i != but && n > 0 && n + 3 > lives->highest[i]; n--)
            for (size_t k = 0; k < w->machine_count; k++)
                last = latest(last, lives->of[i][n].power_at[k]);
    return last;
}

/* When F8's span is over for all of the core, counted from the siege, from the last start of one of
 * its agents, and from the last order against another machine. */
static int64_t brake_end(const struct world *w, size_t target)
{
    int64_t from = w->siege.since + start_span.ns;
    for (size_t i = 0; i < w->machine_count; i++)
        if (siege_inside(w, i))
            from = latest(from, w->machines[i].ready_at + start_span.ns);
    return latest(from, last_power(w, target)) + w->p.brake_span.ns;
}

/* Its last words may be late, and count from when they come; of worlds where they may be minutes
 * late nothing is said. */
static void judge_lease(struct world *w, const struct op *op, int64_t awaited)
{
    const struct machine *m = op->machine;
    int64_t dead = is_dead(op) && !m->powered ? m->off_at : w->siege.gone_at[m->index];
    int64_t from = latest(latest(w->siege.settled_at, awaited), dead + w->p.late_high.ns);
    from = latest(from, w->observer->served_since[op->name->shard]);
    /* A waiter that is gone may still be granted a lock, and its coordinator may count that for all
     * that the node holds. */
    for (const struct op *o = m->ops; o; o = o->older)
        if (o->policy == LOCK_STALE_EXPIRE && o->held_in)
            from = latest(from, o->held_in->chosen_at);
    int64_t ttl = SPAN_MS(op->ttl_ms).ns, over = w->now - from - ttl - ttl / 1000;
    if (!gone(w, m) || w->p.deep_permille)
        return;
    if (over > 0)
        live_note(&w->figures.live, LIVE_EXPIRED, over / 1000000);
    if (over > grace.ns)
        world_fail(w, EXIT_STUCK, "V2",
                   "%s stays held by %s, which is gone; the TTL of %u ms and %lld ms have passed",
                   op->name->text, m->name, op->ttl_ms, (long long)over / 1000000);
}

/* max(V + C, H) + C after the death (section 11): its life is armed, as one of the core knows,
 * whose jurors count from their own starts. Retiring needs no limit (F8). Of a machine that had
 * begun a later life, and never stated the end of the one that holds, it is the later one that is
 * ordered and waited for; where that had not been armed yet only an executor or a person is left.
 */
static void judge_watchdog(struct world *w, const struct op *op, int64_t from)
{
    const struct lives *lives = &w->observer->lives;
    size_t index = op->machine->index;
    const struct life *life = &lives->of[index][op->id.life];
    const struct life *ordered = &lives->of[index][lives->highest[index]];
    struct fence_times t;
    fence_times_derive(&t, SPAN_MS(w->p.detect_ms));
    fence_times_set(&t, (struct span){t.watchdog.ns + SPAN_MS(w->p.watchdog_extra_ms).ns});
    if (!(life->armed & ordered->armed & w->siege.inside))
        return;
    for (size_t i = 0; i < w->machine_count; i++)
        if (siege_inside(w, i))
            from = latest(from, w->machines[i].checked_at);
    int64_t high = latest(t.vote.ns + grace.ns, t.hand_over.ns) + grace.ns;
    live_note(&w->figures.live, LIVE_WATCHDOG, (w->now - from) / 1000000);
    if (w->now - from > high)
        world_fail(w, EXIT_STUCK, "V2",
                   "%s stays held for life %llu of %s, which is gone and has a watchdog; %lld ms "
                   "have passed",
                   op->name->text, (unsigned long long)op->id.life, op->machine->name,
                   (long long)(w->now - from) / 1000000);
}

static void judge(struct world *w, const struct op *op, int64_t awaited)
{
    if (op->policy == LOCK_STALE_EXPIRE)
        judge_lease(w, op, awaited);
    const struct machine *m = op->machine;
    int64_t now = w->now, settled = latest(w->siege.settled_at, awaited);
    int64_t braked = brake_end(w, m->index);
    if (!lock_policy_fences(op->policy))
        return;
    if (is_dead(op) && m->ready_life > op->id.life) {
        int64_t took = now - latest(settled, m->ready_at);
        live_note(&w->figures.live, LIVE_BOOTED, took / 1000000);
        if (took > grace.ns)
            world_fail(w, EXIT_STUCK, "V2",
                       "%s stays held for life %llu of %s, whose life %llu counts since %lld ms",
                       op->name->text, (unsigned long long)op->id.life, m->name,
                       (unsigned long long)m->ready_life, (long long)took / 1000000);
        return;
    }
    if (!gone(w, m) || (is_dead(op) && m->powered))
        return;
    int64_t dead = latest(m->off_at, w->siege.gone_at[m->index]);
    dead = latest(dead, w->desk.held_off_at); /* F8: votes were frozen */
    if (w->p.watchdog)
        judge_watchdog(w, op, latest(settled, dead));
    if (!executor_left(w, op))
        return;
    int64_t from = latest(latest(settled, dead), braked) + vote_span_of(SPAN_MS(w->p.detect_ms)).ns;
    int64_t high = executor_time(w, op).ns + grace.ns;
    if (op->policy == LOCK_STALE_ACTION) /* first its session, by each executor in turn */
        high += ladder_span.ns + (int64_t)w->machine_count * (device_span.ns + turn_span.ns);
    if (now > from)
        live_note(&w->figures.live, LIVE_PASSED, (now - from) / 1000000);
    if (now - from > high)
        world_fail(w, EXIT_STUCK, "V2",
                   "%s stays held for life %llu of %s, which is gone; V and %lld ms have passed",
                   op->name->text, (unsigned long long)op->id.life, m->name,
                   (long long)(now - from) / 1000000);
}

void check_passing(struct world *w)
{
    const struct history *h = &w->observer->history;
    note_gone(w);
    for (size_t i = 0; i < h->name_count; i++) {
        const struct name *name = h->names[i];
        const struct value *v = name->chosen;
        if (!v || !v->hold_count || name->jammed || !siege_serves(w, name))
            continue;
        int64_t awaited = awaited_since(w, v);
        for (size_t k = 0; k < v->hold_count; k++) {
            int64_t since = stands_since(w, v, k);
            if (since && awaited < INT64_MAX && stale(w, v->holds[k].op))
                judge(w, v->holds[k].op, latest(awaited, since));
        }
    }
}

/* In time: what was too late has ended the run. */
void check_broken(struct world *w, const struct op *op)
{
    bool booted = op->machine->ready_life > op->id.life;
    if (w->siege.on && siege_serves(w, op->name))
        live_note(&w->figures.live, booted ? LIVE_BOOTED : LIVE_PASSED, 0);
}
