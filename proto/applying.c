/*
 * What a request does to a served lock, and what is told of it: see served.h. The rules of the lock
 * itself are in lock.c and lock_change.c.
 */
#include "proto/served.h"

#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/stale.h"

#define TELL_WAIT SPAN_MS(1000) /* holders hear at most so often that somebody waits */

/* --- Replies --- */

enum {
    BRIEF_BYTES =
        192 + LOCK_VALUE_MAX + ANSWER_HOLDERS_MAX * (LOCK_HOLD_BYTES_MAX + SCOPE_WORD_BYTES_MAX)
};

/* What stays with the lock, and a few of its holders, from the `first` on. */
static struct view brief_detail(struct served_table *t, const struct lock_state *state,
                                size_t first, size_t holders, uint8_t buffer[BRIEF_BYTES])
{
    lock_init(&t->brief);
    t->brief.token = state->token;
    t->brief.generation = state->generation;
    t->brief.born = state->born;
    t->brief.mark = state->mark;
    t->brief.value = state->value;
    t->brief.hold_count = holders < ANSWER_HOLDERS_MAX ? holders : ANSWER_HOLDERS_MAX;
    for (size_t i = 0; i < t->brief.hold_count; i++)
        t->brief.holds[i] = state->holds[first + i];
    struct writer w = writer_init(buffer, BRIEF_BYTES);
    lock_encode(&w, &t->brief);
    must(!w.failed);
    return (struct view){buffer, writer_size(&w)};
}

/* What a request hears about the lock, beside its verdict; empty: nothing. */
static struct view detail_of(struct served_table *t, const struct served *s, const struct asked *a,
                             const struct lock_state *state, uint8_t buffer[BRIEF_BYTES])
{
    int hold = lock_find_hold(state, a->op);
    if (a->verdict == REPLY_SHOWN)
        return (struct view){s->state, s->state_size};
    if (a->verdict == REPLY_WAITING || a->verdict == REPLY_BUSY || a->verdict == REPLY_DEADLOCK)
        return brief_detail(t, state, 0, state->hold_count, buffer);
    if (request_is_change(a->kind))
        return hold >= 0 ? brief_detail(t, state, (size_t)hold, 1, buffer) : (struct view){0};
    if (a->verdict == REPLY_GRANTED && (state->mark.set || state->value.token))
        return brief_detail(t, state, 0, 0, buffer);
    return (struct view){0};
}

void served_reply(struct served_table *t, const struct served *s, const struct asked *a,
                  const struct lock_state *state)
{
    uint8_t detail[BRIEF_BYTES];
    struct stale_view stale = {.slot = SLOT_NONE};
    if (a->verdict == REPLY_SHOWN || a->verdict == REPLY_WAITING || a->verdict == REPLY_BUSY)
        stale = stale_view_of(t->core, state);
    struct message m = {.type = WIRE_REPLY,
                        .reply = {.op = a->op,
                                  .change = a->change,
                                  .kind = (uint8_t)a->kind,
                                  .verdict = (uint8_t)a->verdict,
                                  .ballot = s->ballot,
                                  .sent = a->sent,
                                  .token = a->token,
                                  .place = a->place,
                                  .owner = core_self(t->core),
                                  .stage = (uint8_t)stale.stage,
                                  .stale = stale.slot,
                                  .life = stale.life,
                                  .votes = (uint8_t)stale.votes,
                                  .watchdog_ms = stale.watchdog_ms,
                                  .seq = s->phase == SERVED_SENDING ? s->seq : 0, /* L5 */
                                  .name = served_name(s)}};
    m.reply.detail = detail_of(t, s, a, state, detail);
    if (a->verdict == REPLY_GRANTED && a->kind == REQUEST_ACQUIRE)
        t->core->counters.grants++;
    outbox_send(&t->core->outbox, a->to, &m);
}

/* Tells those holders that somebody waits for. */
static void tell_holders(struct served_table *t, struct instant now, struct served *s,
                         const struct lock_state *state)
{
    enum lock_mode wanted;
    if (!lock_wanted(state, &wanted) || !instant_reached(now, s->tell_next))
        return;
    s->tell_next = instant_after(now, TELL_WAIT);
    for (size_t i = 0; i < state->hold_count; i++) {
        if (!lock_in_the_way(state, i))
            continue;
        struct message m = {.type = WIRE_BLOCKING,
                            .blocking = {.hold = state->holds[i].id,
                                         .mode = (uint8_t)wanted,
                                         .name = served_name(s)}};
        outbox_send(&t->core->outbox, state->holds[i].id.slot, &m);
    }
}

/* A try was refused: what a node only has cached for its next client is given up, and it is tried
 * again (delegating.h). Now and then the others hear of it, too: a node gives back a hold of which
 * its table knows nothing (L9). */
static void tell_cachers(struct served_table *t, struct instant now, struct served *s,
                         const struct asked *a, const struct lock_state *state)
{
    int self = lock_find_hold(state, a->op);
    bool all = instant_reached(now, s->tell_try_next);
    if (all)
        s->tell_try_next = instant_after(now, TELL_WAIT);
    for (size_t i = 0; i < state->hold_count; i++) {
        const struct lock_hold *hold = &state->holds[i];
        if ((hold->policy != LOCK_STALE_EXPIRE && !all) ||
            !lock_excludes(state, i, self, a->mode, a->limit))
            continue;
        struct message m = {
            .type = WIRE_BLOCKING,
            .blocking = {
                .hold = hold->id, .mode = (uint8_t)a->mode, .tries = true, .name = served_name(s)}};
        outbox_send(&t->core->outbox, hold->id.slot, &m);
    }
}

/* --- Applying requests --- */

static enum lock_op_kind op_kind_of(enum request_kind kind)
{
    switch (kind) {
    case REQUEST_ACQUIRE:
        return LOCK_ACQUIRE;
    case REQUEST_DROP:
        return LOCK_DROP;
    case REQUEST_CONVERT:
        return LOCK_CONVERT;
    case REQUEST_CANCEL:
        return LOCK_CANCEL;
    case REQUEST_WRITE:
        return LOCK_WRITE;
    case REQUEST_CLEAR:
        return LOCK_CLEAR;
    case REQUEST_TRANSFER:
        return LOCK_TRANSFER;
    case REQUEST_SHOW:
    case REQUEST_KEEP:
    case REQUEST_KINDS:
        break;
    }
    must(false);
}

static enum reply_verdict verdict_of(enum lock_outcome outcome)
{
    switch (outcome) {
    case LOCK_GRANTED:
        return REPLY_GRANTED;
    case LOCK_WAITS:
        return REPLY_WAITING;
    case LOCK_BUSY:
        return REPLY_BUSY;
    case LOCK_DROPPED:
        return REPLY_DROPPED;
    case LOCK_FULL:
        return REPLY_FULL;
    case LOCK_DONE:
        return REPLY_DONE;
    case LOCK_MOVED:
        return REPLY_MOVED;
    case LOCK_FORGOTTEN:
        return REPLY_FORGOTTEN;
    case LOCK_DEADLOCK:
        return REPLY_DEADLOCK;
    case LOCK_GONE:
        return REPLY_GONE;
    case LOCK_NOT_WRITER:
        return REPLY_NOT_WRITER;
    case LOCK_OTHER_MARK:
        return REPLY_OTHER_MARK;
    case LOCK_NO_WAITER:
        return REPLY_NO_WAITER;
    case LOCK_INFO_FULL:
        return REPLY_INFO_FULL;
    }
    must(false);
}

/* A waiter that was let in is owed its grant; without room for the debt its repeats will bring it.
 */
static void owe_grants(struct served_table *t, struct served *s, const struct lock_state *state,
                       size_t first)
{
    for (size_t i = first; i < state->hold_count; i++) {
        struct asked *a = asked_new(t);
        if (!a)
            return;
        a->op = state->holds[i].id;
        a->to = a->op.slot;
        a->kind = REQUEST_ACQUIRE;
        a->policy = state->holds[i].policy;
        a->verdict = REPLY_GRANTED;
        a->token = state->holds[i].token;
        asked_push(t, &s->outcomes, a);
    }
}

/* The same for those that wait to be converted: `before` are those that waited before the state was
 * changed. */
static void owe_converts(struct served_table *t, struct served *s, const struct lock_state *state,
                         const struct lock_convert *before, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        int hold = lock_find_hold(state, before[i].id);
        if (hold < 0 || lock_find_convert(state, before[i].id) >= 0 ||
            state->holds[hold].changed != before[i].change)
            continue;
        struct asked *a = asked_new(t);
        if (!a)
            return;
        a->op = before[i].id;
        a->to = a->op.slot;
        a->change = before[i].change;
        a->kind = REQUEST_CONVERT;
        a->mode = before[i].mode;
        a->limit = before[i].limit;
        a->verdict = REPLY_WAITING; /* until it is seen that it does not (settle_change) */
        asked_push(t, &s->outcomes, a);
    }
}

/*
 * Applies one request to the decoded state; true if it changed. It may have come long ago, and
 * waited for voters since: its life may be over by now (L9). To apply it would give back to the
 * dead what was just broken, with a new token.
 */
static bool apply(struct served_table *t, struct served *s, struct lock_state *state,
                  struct asked *a)
{
    if (a->kind == REQUEST_ACQUIRE && stale_outlived(t->core, &a->op)) {
        t->core->counters.drop_old_life++;
        asked_free(t, a);
        return false;
    }
    if (a->kind == REQUEST_KEEP) { /* nothing is changed by asking: see settle() */
        asked_push(t, &s->outcomes, a);
        return false;
    }
    struct lock_op op = {.kind = op_kind_of(a->kind),
                         .id = a->op,
                         .change = a->change,
                         .mode = a->mode,
                         .limit = a->limit,
                         .policy = a->policy,
                         .ttl_ms = a->ttl_ms,
                         .try = a->try,
                         .head = a->head,
                         .unclean = a->unclean,
                         .other = a->target,
                         .token = a->expect,
                         .word = a->word,
                         .bytes = {a->bytes, a->bytes_size}};
    struct lock_result result = lock_apply(state, &op);
    a->verdict = verdict_of(result.outcome);
    a->token = result.token;
    a->place = (uint32_t)result.place;
    if (MUTANT(87) && a->kind == REQUEST_CONVERT) /* "told before a majority holds it" */
        served_reply(t, s, a, state);
    asked_push(t, &s->outcomes, a);
    owe_grants(t, s, state, result.granted_first);
    return result.changed;
}

/* What the state says about an acquire now: later requests of the same batch may have moved it.
 * False if it says nothing any more: a grant that was dropped again by the same state never was
 * true (L5). */
static bool settle_acquire(struct asked *a, const struct lock_state *state)
{
    int hold = lock_find_hold(state, a->op);
    int waiter = lock_find_waiter(state, a->op);
    if (hold >= 0) {
        a->verdict = REPLY_GRANTED;
        a->token = state->holds[hold].token;
    } else if (waiter >= 0) {
        a->verdict = REPLY_WAITING;
        a->place = (uint32_t)waiter + 1;
        a->token = state->token;
    } else if (a->verdict == REPLY_MOVED) {
        a->token = lock_highest_token(state);
        return a->token != a->expect; /* or what might have handed tokens on ended, and had not */
    }
    return hold >= 0 || waiter >= 0 || a->verdict == REPLY_BUSY || a->verdict == REPLY_FULL ||
           a->verdict == REPLY_MOVED || a->verdict == REPLY_FORGOTTEN ||
           a->verdict == REPLY_INFO_FULL;
}

static void settle_keep(struct asked *a, const struct lock_state *state)
{
    int hold = lock_find_hold(state, a->op);
    a->verdict = hold >= 0 ? REPLY_GRANTED : REPLY_DROPPED;
    a->token = hold >= 0 ? state->holds[hold].token : 0;
}

/* The same about a change of a hold. */
static void settle_change(struct asked *a, const struct lock_state *state)
{
    int hold = lock_find_hold(state, a->op);
    int waiting = lock_find_convert(state, a->op);
    if (hold < 0) {
        bool passed = a->kind == REQUEST_TRANSFER && a->verdict == REPLY_DONE;
        a->verdict = passed ? REPLY_DONE : REPLY_GONE;
    } else if (a->kind == REQUEST_CONVERT && a->verdict == REPLY_WAITING) {
        const struct lock_hold *h = &state->holds[hold];
        if (waiting >= 0 && state->converts[waiting].change == a->change)
            a->place = (uint32_t)waiting + 1;
        else
            a->verdict = h->mode == a->mode && h->limit == a->limit ? REPLY_GRANTED : REPLY_DONE;
        a->token = h->token;
    }
}

/* What the true state says to a request. False: nothing. */
static bool settle(struct asked *a, const struct lock_state *state)
{
    if (a->kind == REQUEST_ACQUIRE)
        return settle_acquire(a, state);
    if (request_is_change(a->kind))
        settle_change(a, state);
    else if (a->kind == REQUEST_KEEP)
        settle_keep(a, state);
    return true;
}

/*
 * Whether all that is missing is the asker's own vote (L5). It is counted on only if it came in the
 * round before this one: whoever does not vote just now hears by the ordinary way.
 */
static bool lacks_own_vote(const struct served_table *t, const struct served *s,
                           const struct asked *a)
{
    const struct core *c = t->core;
    int member = cohort_index(&c->cohorts, s->shard, a->to);
    if (a->kind != REQUEST_ACQUIRE || a->to == core_self(c) || member < 0 || a->provisional)
        return false;
    uint32_t own = 1u << member, others = s->answered & ~own;
    if (MUTANT(172)) /* "the asker's own vote counts twice" */
        others = s->answered;
    return (s->voted & own) && (size_t)__builtin_popcount(others) + 1 >= core_majority(c);
}

static void note_lease(struct served_table *t, struct instant now, struct served *s,
                       const struct asked *a)
{
    if (MUTANT(173) && a->provisional) /* "no lease for what was told provisionally" */
        return;
    if (a->verdict == REPLY_GRANTED && a->policy == LOCK_STALE_EXPIRE)
        leases_granted(t->core->leases, now, &s->told, a->op.slot, a->op.life);
}

void served_tell_provisionally(struct served_table *t, struct instant now, struct served *s)
{
    bool decoded = false;
    for (struct asked *a = asked_first(t, &s->outcomes); a; a = asked_next(t, a)) {
        if (!lacks_own_vote(t, s, a))
            continue;
        if (!decoded) {
            decoded = lock_decode(&t->scratch, (struct view){s->state, s->state_size});
            must(decoded);
        }
        if (!settle_acquire(a, &t->scratch) || a->verdict != REPLY_GRANTED)
            continue;
        a->provisional = true;
        served_reply(t, s, a, &t->scratch);
        note_lease(t, now, s, a);
    }
}

static void tell_outcomes(struct served_table *t, struct instant now, struct served *s,
                          const struct lock_state *state)
{
    struct asked *a;
    while ((a = asked_pop(t, &s->outcomes))) {
        if (settle(a, state) && !a->provisional)
            served_reply(t, s, a, state);
        if (a->verdict == REPLY_BUSY && (a->kind == REQUEST_ACQUIRE || a->kind == REQUEST_CONVERT))
            tell_cachers(t, now, s, a, state);
        if (a->verdict == REPLY_GRANTED)
            s->tell_next = (struct instant){0}; /* to a holder that has heard nothing yet */
        note_lease(t, now, s, a);
        asked_free(t, a);
    }
    enum lock_mode wanted;
    s->waited = lock_wanted(state, &wanted);
    struct lease_times times = leases_times(t->core->leases, s->shard, &s->told);
    t->lapse_at = instant_earlier(t->lapse_at, stale_lapse(t->core, &times, state));
    stale_accuse(t->core, now, state, served_name(s));
    tell_holders(t, now, s, state);
}

/* Nothing changed: what rests on an absence waits for a confirm round, the rest is told. */
static void tell_unchanged(struct served_table *t, struct instant now, struct served *s,
                           const struct lock_state *state, struct asked_list *unsure)
{
    struct asked_list rest = {0};
    struct asked *a;
    while ((a = asked_pop(t, &s->outcomes))) {
        /* A place in the queue too: a waiter that is cut off with this node shall hear so. And what
         * is believed for a time from when it was asked for. */
        bool rests = a->verdict != REPLY_GRANTED || a->policy == LOCK_STALE_EXPIRE;
        asked_push(t, rests && !a->sure ? unsure : &rest, a);
    }
    s->outcomes = rest;
    tell_outcomes(t, now, s, state);
}

/* Whether somebody wants the lock, or wants to know whether it is held still. */
static bool wanted_now(const struct served_table *t, const struct served *s)
{
    for (const struct asked *a = asked_first(t, &s->inbox); a; a = asked_next(t, a))
        if (a->kind == REQUEST_ACQUIRE || a->kind == REQUEST_KEEP || a->kind == REQUEST_CONVERT)
            return true;
    return s->waited;
}

/* Whether somebody is to believe from now on in what was only read under this ballot: it must be
 * written first (lease.h). */
static bool believed_anew(const struct served_table *t, const struct served *s)
{
    bool any = false;
    for (const struct asked *a = asked_first(t, &s->outcomes); a; a = asked_next(t, a))
        any |=
            a->kind == REQUEST_KEEP || (a->kind == REQUEST_ACQUIRE && a->verdict == REPLY_GRANTED &&
                                        a->policy == LOCK_STALE_EXPIRE);
    return any && s->seq == 0;
}

/* What nobody holds any more makes room for those who wait. */
static bool let_in(struct served_table *t, struct served *s, struct lock_state *state)
{
    size_t first = state->hold_count;
    bool changed = stale_break(t->core, state, served_name(s), &first);
    if (changed)
        owe_grants(t, s, state, first);
    /* Whom the break let in has not heard yet of a grant whose lease could be over. */
    struct lease_times times = leases_times(t->core->leases, s->shard, &s->told);
    if (!wanted_now(t, s) || !stale_let_go(t->core, &times, state, &first))
        return changed;
    owe_grants(t, s, state, first);
    return true;
}

bool served_lapses(const struct served_table *t, struct instant now)
{
    return instant_reached(now, t->lapse_at);
}

/*
 * Releases that nobody waits for keep for a moment: those of many locks then share their datagrams
 * and the voters' syncs, and do not stand in the way of a grant. So does a place in a queue behind
 * others: a round of its own would keep the release that comes next, and the grant after it,
 * waiting. Whatever else is asked of the lock ends the rest, and all is one change.
 */
static bool may_rest(const struct served_table *t, struct instant now, const struct served *s)
{
    if (!s->inbox.first || (s->resting && instant_reached(now, s->retry_at)))
        return false;
    bool keeps = true;
    for (const struct asked *a = asked_first(t, &s->inbox); a; a = asked_next(t, a))
        keeps &= s->waited ? a->kind == REQUEST_ACQUIRE && !a->try && !a->head && !a->sure
                           : a->kind == REQUEST_DROP;
    return keeps;
}

bool served_advance(struct served_table *t, struct instant now, struct served *s,
                    struct asked_list *unsure)
{
    if (s->phase != SERVED_TRUE)
        return false;
    if (!s->inbox.first && !s->waited)
        return true;
    if (may_rest(t, now, s)) {
        served_rest(t, now, s);
        return true;
    }
    served_rouse(t, s);
    bool ok = lock_decode(&t->scratch, (struct view){s->state, s->state_size});
    must(ok);
    /* The state is true: whoever accepted it has checked the break that it names, if any (F5). */
    t->scratch.broken = (struct lock_break){0};
    struct lock_convert converts[LOCK_CONVERTS_MAX];
    size_t convert_count = t->scratch.convert_count;
    memcpy(converts, t->scratch.converts, convert_count * sizeof converts[0]);
    struct lease_times times = leases_times(t->core->leases, s->shard, &s->told);
    s->lapsing = wanted_now(t, s) && stale_lapsing(t->core, now, &times, &t->scratch);
    if (s->lapsing)
        return true;
    bool changed = let_in(t, s, &t->scratch);
    struct asked *a;
    while ((a = asked_pop(t, &s->inbox)))
        changed |= apply(t, s, &t->scratch, a);
    changed |= believed_anew(t, s);
    if (!changed) {
        tell_unchanged(t, now, s, &t->scratch, unsure);
        return true;
    }
    owe_converts(t, s, &t->scratch, converts, convert_count);
    if (!served_send(t, now, s, &t->scratch))
        asked_clear(t, &s->outcomes); /* no memory: nothing was sent, and they will ask again */
    return s->phase == SERVED_TRUE;
}

void served_tell_true(struct served_table *t, struct instant now, struct served *s)
{
    bool ok = lock_decode(&t->scratch, (struct view){s->state, s->state_size});
    must(ok);
    tell_outcomes(t, now, s, &t->scratch);
}

void served_gone(struct served_table *t, struct instant now, struct served *s)
{
    if (s->phase != SERVED_TRUE || !s->waited)
        return;
    bool ok = lock_decode(&t->scratch, (struct view){s->state, s->state_size});
    must(ok);
    stale_accuse(t->core, now, &t->scratch, served_name(s));
}

void served_tell(struct served_table *t, struct served *s)
{
    if (s->phase != SERVED_TRUE)
        return;
    bool ok = lock_decode(&t->scratch, (struct view){s->state, s->state_size});
    must(ok);
    if (stale_view_of(t->core, &t->scratch).stage == FENCE_NONE)
        return;
    for (size_t i = 0; i < t->scratch.waiter_count; i++) {
        struct asked a = {.op = t->scratch.waiters[i].id,
                          .to = t->scratch.waiters[i].id.slot,
                          .kind = REQUEST_ACQUIRE,
                          .verdict = REPLY_WAITING,
                          .place = (uint32_t)i + 1};
        served_reply(t, s, &a, &t->scratch);
    }
    for (size_t i = 0; i < t->scratch.convert_count; i++) {
        const struct lock_convert *c = &t->scratch.converts[i];
        struct asked a = {.op = c->id,
                          .to = c->id.slot,
                          .change = c->change,
                          .kind = REQUEST_CONVERT,
                          .verdict = REPLY_WAITING,
                          .place = (uint32_t)i + 1};
        served_reply(t, s, &a, &t->scratch);
    }
}
