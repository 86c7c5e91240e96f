/* Leases, the holder's side: see renewing.h. */
#include "proto/renewing.h"

#include "proto/asking.h"
#include "proto/lease.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/readers.h"

#define WAIT_FIRST SPAN_MS(50) /* as of requests (asking.c) */
#define WAIT_MAX   SPAN_MS(500)

enum { SILENT_MAX = 2 }; /* LEASEs without an answer; then its coordinator is looked for */

size_t renewing_bytes(const struct peer_config *config)
{
    return roster_shard_count(config->roster) * sizeof(struct renewal);
}

void renewing_init(struct renewing *r, void *memory, uint32_t shard_count)
{
    *r = (struct renewing){.shards = memory, .next_at = INSTANT_NEVER};
    memset(r->shards, 0, shard_count * sizeof *r->shards);
}

static struct instant part_of(const struct asker_op *op, int64_t part)
{
    return instant_after(op->from, (struct span){lease_belief(op->ttl_ms).ns / part});
}

static struct instant end_of(const struct asker_op *op)
{
    return part_of(op, 1);
}

struct instant renewing_until(const struct asker *a, const struct asker_op *op)
{
    if (op->policy != LOCK_STALE_EXPIRE)
        return INSTANT_NEVER;
    const struct asker_op *root = readers_root(a, op);
    return root && root->believed ? end_of(root) : (struct instant){0};
}

/* --- Which are held --- */

static void look_at(struct asker *a, struct instant t)
{
    a->renewing.next_at = instant_earlier(a->renewing.next_at, t);
}

/* When it is renewed: after a third of its time; in company after a sixth. */
static void plan(struct asker *a, struct renewal *shard, const struct asker_op *op)
{
    shard->ask_at = instant_earlier(shard->ask_at, part_of(op, 3));
    shard->soon_at = instant_earlier(shard->soon_at, part_of(op, 6));
    look_at(a, shard->ask_at);
    look_at(a, op->warned ? end_of(op) : part_of(op, 2));
}

static void hold(struct asker *a, struct asker_op *op)
{
    struct renewal *shard = &a->renewing.shards[op->shard];
    if (!op->leased) {
        op->leased = true;
        op->lease_prev = 0;
        op->lease_next = shard->first;
        if (shard->first)
            a->ops[shard->first - 1].lease_prev = asker_index(a, op);
        else
            *shard = (struct renewal){.ask_at = INSTANT_NEVER,
                                      .soon_at = INSTANT_NEVER,
                                      .live = shard->live,
                                      .live_next = shard->live_next};
        shard->first = asker_index(a, op);
    }
    if (!shard->live) {
        shard->live = true;
        shard->live_next = a->renewing.live;
        a->renewing.live = op->shard + 1;
    }
    plan(a, shard, op);
}

void renewing_end(struct asker *a, struct asker_op *op)
{
    if (!op->leased)
        return;
    op->leased = op->believed = op->keeping = false;
    if (op->lease_prev)
        a->ops[op->lease_prev - 1].lease_next = op->lease_next;
    else
        a->renewing.shards[op->shard].first = op->lease_next;
    if (op->lease_next)
        a->ops[op->lease_next - 1].lease_prev = op->lease_prev;
}

/* --- What is believed --- */

/* It moves on, never back. */
static void believe(struct asker_op *op, struct instant from)
{
    if (!op->believed || from.ns > op->from.ns)
        op->from = from;
    op->believed = true;
}

static void say_safe(struct asker *a, struct asker_op *op)
{
    if (!op->warned)
        return;
    op->warned = false;
    op->owes &= ~(uint32_t)OWE_RISK;
    asker_owe(a, op, OWE_SAFE);
    readers_warn(a, op, false);
}

void renewing_waits(struct asker_op *op, const struct wire_reply *r)
{
    if (r->sent == 0 || (ballot_equal(r->ballot, op->waited_under) && r->sent < op->waited_sent))
        return;
    op->waited_under = r->ballot;
    op->waited_sent = r->sent;
    op->waited_token = r->token;
}

/*
 * Since when a grant may be believed. One that was not asked for just now was made by a state that
 * came after the last word that it waits: it is known by the ballot, and by its token, which is
 * above the last that was given out then. ns 0 if it is not known.
 */
static struct instant granted_since(const struct asker_op *op, const struct wire_reply *r)
{
    uint64_t sent = r->sent;
    if (sent == 0 && ballot_equal(r->ballot, op->waited_under) && r->token > op->waited_token)
        sent = op->waited_sent;
    return (struct instant){sent <= INT64_MAX ? (int64_t)sent : 0};
}

bool renewing_granted(struct asker *a, struct instant now, struct asker_op *op,
                      const struct wire_reply *r)
{
    if (op->policy != LOCK_STALE_EXPIRE)
        return true;
    struct instant from = granted_since(op, r);
    if (MUTANT(75)) /* "belief from receive time" */
        from = now;
    struct span age = span_between(from, now);
    bool good = from.ns > 0 && age.ns >= 0 && age.ns < lease_belief(op->ttl_ms).ns;
    if (!good || (age.ns > lease_belief(op->ttl_ms).ns / 4 && !op->anew)) {
        op->anew = true;
        asking_anew(a, now, op);
        return false;
    }
    believe(op, from);
    hold(a, op);
    return true;
}

/* Its time is over. Who was not told has lost nothing: it waits on. */
static void lapse(struct asker *a, struct instant now, struct asker_op *op)
{
    renewing_end(a, op);
    asker_deactivate(a, op);
    op->warned = false;
    op->owes &= ~(uint32_t)(OWE_RISK | OWE_SAFE | OWE_BLOCKING);
    changing_finish(a, op, ANSWER_UNKNOWN);
    if (delegating_unowned(op)) {
        delegating_recall(a, now, op);
        readers_lapse(a, now, op);
    } else if (asker_untold(op) && op->local.as) { /* it was let in just now */
        asking_finish(a, op, ANSWER_NO_MAJORITY);
        asker_give_up(a, now, op);
    } else if (asker_untold(op)) {
        op->owes &= ~(uint32_t)OWE_FINAL;
        op->state = OP_PENDING;
        asker_rewrite(a, op, false);
        asking_begin(a, now, op);
    } else if (op->unheard) {
        asker_not_held(a, now, op);
    } else if (!op->lost) {
        op->lost = true;
        op->lost_reason = LOST_LEASE;
        asker_owe(a, op, OWE_LOST);
    }
}

void renewing_found(struct asker *a, struct instant now, struct asker_op *op)
{
    /* Whatever was believed before this start has ended by then. */
    op->from = now;
    op->warned = true;
    hold(a, op);
    op->keeping = true;
    if (!changing(op))
        asking_begin(a, now, op);
}

/* --- Asking --- */

static void look_for_coordinator(struct asker *a, struct instant now, struct renewal *shard)
{
    struct asker_op *op = &a->ops[shard->first - 1];
    if (op->active) {     /* it is being looked for, for this or for a change of the hold */
        if (changing(op)) /* that may wait for long, and be answered all the while */
            shard->silent = 0;
        return;
    }
    op->keeping = true;
    asking_begin(a, now, op);
}

static void ask(struct asker *a, struct instant now, uint32_t s)
{
    struct renewal *shard = &a->renewing.shards[s];
    const struct hint *hint = &a->hints[s];
    struct span wait = span_min(span_times(WAIT_FIRST, INT64_C(1) << shard->silent), WAIT_MAX);
    shard->ask_at = instant_after(now, wait);
    shard->soon_at = INSTANT_NEVER;
    if (!ballot_equal(hint->ballot, shard->asked))
        shard->silent = 0; /* it was found */
    shard->asked = hint->ballot;
    if (shard->silent >= SILENT_MAX || hint->slot == SLOT_NONE || ballot_none(hint->ballot)) {
        look_for_coordinator(a, now, shard);
        return;
    }
    shard->silent++;
    a->core->counters.leases_sent++;
    struct message m = {
        .type = WIRE_LEASE,
        .lease = {
            .shard = s, .ballot = hint->ballot, .life = a->core->life, .sent = (uint64_t)now.ns}};
    outbox_send(&a->core->outbox, hint->slot, &m);
}

/* When the next renewal of the shard is due, by all that is believed in it. */
static void plan_anew(struct asker *a, struct renewal *shard)
{
    shard->ask_at = shard->soon_at = INSTANT_NEVER;
    for (uint32_t i = shard->first; i; i = a->ops[i - 1].lease_next)
        plan(a, shard, &a->ops[i - 1]);
}

void renewing_take(struct asker *a, struct instant now, uint16_t from,
                   const struct wire_lease_kept *m)
{
    struct core *c = a->core;
    if (m->shard >= c->cohorts.shard_count || cohort_index(&c->cohorts, m->shard, from) < 0 ||
        m->ballot.slot != from || m->sent == 0 || m->sent > (uint64_t)now.ns) {
        c->counters.drop_role++;
        return;
    }
    struct renewal *shard = &a->renewing.shards[m->shard];
    struct hint *hint = &a->hints[m->shard];
    if (!m->kept) {
        bool asked = hint->slot == from && ballot_equal(hint->ballot, m->ballot);
        if (asked && shard->first && shard->silent) {
            shard->silent = SILENT_MAX;
            ask(a, now, m->shard);
        }
        return;
    }
    struct instant sent = {MUTANT(75) ? now.ns : (int64_t)m->sent};
    for (uint32_t i = shard->first; i; i = a->ops[i - 1].lease_next) {
        struct asker_op *op = &a->ops[i - 1];
        if (!op->believed)
            continue; /* found at the start: it is asked about by name */
        believe(op, sent);
        say_safe(a, op);
    }
    shard->silent = 0;
    plan_anew(a, shard);
}

void renewing_heard(struct asker *a, struct asker_op *op)
{
    if (!op->unheard)
        return;
    op->unheard = false;
    asker_rewrite(a, op, false);
}

void renewing_kept(struct asker *a, struct instant now, struct asker_op *op,
                   const struct wire_reply *r)
{
    struct renewal *shard = &a->renewing.shards[op->shard];
    struct instant from = {r->sent <= INT64_MAX ? (int64_t)r->sent : 0};
    struct span age = span_between(from, now);
    if (from.ns == 0 || age.ns < 0 || age.ns >= lease_belief(op->ttl_ms).ns)
        return; /* too late to be believed: it is asked again */
    op->keeping = false;
    renewing_heard(a, op);
    if (!op->local.recorded) /* else it counts what was handed out */
        op->token = r->token;
    asker_deactivate(a, op);
    believe(op, from);
    say_safe(a, op);
    shard->silent = 0;
    plan_anew(a, shard);
    shard->ask_at = now; /* the others of the shard, now that it is known whom to ask */
    look_at(a, now);
}

void renewing_not_kept(struct asker *a, struct instant now, struct asker_op *op)
{
    lapse(a, now, op);
}

/* --- Time --- */

/* Over, or half over. */
static void look_at_holds(struct asker *a, struct instant now, struct renewal *shard)
{
    for (uint32_t i = shard->first; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->lease_next;
        if (instant_reached(now, end_of(op))) {
            lapse(a, now, op);
            continue;
        }
        if (op->keeping && !op->active) /* a change of the hold came in between */
            asking_begin(a, now, op);
        if (!op->warned && !asker_untold(op) && instant_reached(now, part_of(op, 2))) {
            op->warned = true;
            op->owes &= ~(uint32_t)OWE_SAFE;
            asker_owe(a, op, OWE_RISK);
            readers_warn(a, op, true);
        }
    }
}

static void look_next(struct asker *a, const struct renewal *shard)
{
    look_at(a, shard->ask_at);
    for (uint32_t i = shard->first; i; i = a->ops[i - 1].lease_next) {
        const struct asker_op *op = &a->ops[i - 1];
        look_at(a, op->warned || asker_untold(op) ? end_of(op) : part_of(op, 2));
    }
}

void renewing_pass(struct asker *a, struct instant now)
{
    struct renewing *r = &a->renewing;
    bool due = false;
    delegating_pass(a, now);
    if (!instant_reached(now, r->next_at))
        return;
    for (uint32_t *at = &r->live; *at;) {
        struct renewal *shard = &r->shards[*at - 1];
        look_at_holds(a, now, shard);
        if (shard->first) {
            due |= instant_reached(now, shard->ask_at);
            at = &shard->live_next;
        } else {
            shard->live = false;
            shard->silent = 0;
            *at = shard->live_next;
        }
    }
    r->next_at = INSTANT_NEVER;
    for (uint32_t s = r->live; s; s = r->shards[s - 1].live_next) {
        struct renewal *shard = &r->shards[s - 1];
        if (instant_reached(now, shard->ask_at) || (due && instant_reached(now, shard->soon_at)))
            ask(a, now, s - 1);
        look_next(a, shard);
    }
}
