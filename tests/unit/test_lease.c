/*
 * Locks that expire (section 6): the arithmetic of leases by hand, then whole peers, as plays
 * (tests/unit/peer_play.h): who believes, until when, and when a coordinator lets go.
 */
#include <stdio.h>
#include <stdlib.h>

#include "proto/lease.h"
#include "proto/peer_internal.h"
#include "tests/unit/crypto_fixture.h"
#include "tests/unit/peer_play.h"

Suite *suite_lease(void);

enum { TTL = 3 * STAGE_SECOND, HOLDER = 1 };

static struct stage *s;
static const char *name;
static size_t lead; /* the coordinator of `name`; not the holder */
static size_t other;
static struct op_id hold;

static void open_five(void)
{
    s = stage_open(5, 9);
    s->policy = LOCK_STALE_EXPIRE;
    s->ttl_ms = TTL;
    lead = 2;
    other = 3;
    name = stage_name_of(s, lead);
}

static void close_stage(void)
{
    stage_end(s);
}

static struct instant at(int64_t ms)
{
    return (struct instant){ms * 1000000};
}

static void take(enum lock_mode mode)
{
    uint64_t handle = stage_hold(s, HOLDER, name, mode);
    hold = stage_id(s, handle);
    ck_assert_int_eq(stage_coordinator(s, name), (int)lead);
}

static bool believed(void)
{
    struct op_view view;
    return stage_op(s, HOLDER, hold, &view) && view.state == OP_HELD && view.until.ns > s->now.ns;
}

static bool lost(struct stage *stage, void *context)
{
    (void)context;
    return stage_told(stage, hold, ANSWER_LOST) > 0;
}

/* --- Arithmetic --- */

/* Two clocks, as far apart as they may be: the holder's slow, the coordinator's fast. */
START_TEST(belief_ends_before_the_ttl_by_any_clock)
{
    static const uint32_t ttls[] = {LEASE_TTL_MIN_MS, 30000, 1234567, LEASE_TTL_MAX_MS};
    for (size_t i = 0; i < sizeof ttls / sizeof ttls[0]; i++) {
        int64_t belief = lease_belief(ttls[i]).ns, ttl = SPAN_MS(ttls[i]).ns;
        int64_t slow = belief / (1000000 - CLOCK_RATE_PPM) * 1000000;
        int64_t fast = ttl / (1000000 + CLOCK_RATE_PPM) * 1000000;
        ck_assert_int_le(slow, fast);
        ck_assert_int_gt(belief, ttl - ttl / 900); /* and not much before it */
    }
    ck_assert_int_eq(lease_belief(30000).ns, INT64_C(29970014992));
}
END_TEST

static struct core core;
static struct leases leases;
static struct roster roster;
static void *memory;

static void open_table(void)
{
    memset(&core, 0, sizeof core);
    fixture_roster(&roster, 5, 1);
    core.config = (struct peer_config){.roster = &roster, .self = 1};
    core.cohorts.shard_count = roster_shard_count(&roster);
    memory = malloc(leases_bytes(&core.config));
    leases_init(&leases, &core, memory);
}

static void close_table(void)
{
    free(memory);
}

static int64_t end_ms(uint16_t slot, uint64_t life, const struct lease_told *told)
{
    struct lease_times times = leases_times(&leases, 7, told);
    return leases_end(&leases, &times, slot, life, 1000).ns / 1000000;
}

START_TEST(a_coordinator_waits_from_the_latest_of_what_it_said)
{
    struct lease_told told = {.slot = SLOT_NONE};
    leases_lead(&leases, at(5000), 7);
    ck_assert_int_eq(end_ms(3, 4, &told), 6000); /* from its promises */
    leases_renewed(&leases, at(5100), 3, 4);
    ck_assert_int_eq(end_ms(3, 4, &told), 6100);
    ck_assert_int_eq(end_ms(5, 4, &told), 6000);    /* another node */
    ck_assert_int_eq(end_ms(3, 5, &told), 6000);    /* another life */
    leases_granted(&leases, at(5200), &told, 3, 4); /* this lock */
    ck_assert_int_eq(end_ms(3, 4, &told), 6200);
    struct lease_told elsewhere = {.slot = SLOT_NONE};
    ck_assert_int_eq(end_ms(3, 4, &elsewhere), 6100);
    leases_granted(&leases, at(5300), &told, 5, 1);
    ck_assert_int_eq(end_ms(5, 1, &told), 6300);
    ck_assert_int_eq(end_ms(3, 4, &told), 6200); /* the one before goes on to count */
    leases_forgot(&leases, &told);
    ck_assert_int_eq(end_ms(5, 1, &elsewhere), 6300);
    leases_renewed(&leases, at(5400), 3, 5); /* its next life does not prolong the one before */
    ck_assert_int_eq(end_ms(3, 4, &told), 6200);
    leases_renewed(&leases, at(5500), 3, 4); /* said late, about the one before */
    ck_assert_int_eq(end_ms(3, 4, &told), 6500);
    ck_assert_int_eq(end_ms(3, 5, &told), 6400);
}
END_TEST

/* What was confirmed is the sending of the question, not the answer; a new ballot forgets it. */
START_TEST(sure_is_since_the_question)
{
    struct lease_told told = {.slot = SLOT_NONE};
    leases_lead(&leases, at(5000), 7);
    leases_asked(&leases, at(5100), 7);
    ck_assert_int_eq(leases_times(&leases, 7, &told).sure.ns, 0);
    leases_confirmed(&leases, 7);
    ck_assert_int_eq(leases_times(&leases, 7, &told).sure.ns, at(5100).ns);
    leases_lead(&leases, at(5200), 7);
    ck_assert_int_eq(leases_times(&leases, 7, &told).sure.ns, 0);
}
END_TEST

/* --- Renewing --- */

START_TEST(a_holder_renews_and_stays)
{
    take(LOCK_SHARED);
    uint64_t asked = s->nodes[HOLDER].sent[WIRE_LEASE];
    stage_run(s, 10 * TTL);
    ck_assert(believed());
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_AT_RISK), 0);
    asked = s->nodes[HOLDER].sent[WIRE_LEASE] - asked;
    ck_assert_uint_ge(asked, 30); /* each third of its time, */
    ck_assert_uint_le(asked, 33); /*   and no more */
    ck_assert_uint_eq(s->nodes[lead].sent[WIRE_LEASE_KEPT], s->nodes[HOLDER].sent[WIRE_LEASE]);
}
END_TEST

START_TEST(without_holds_nothing_is_said)
{
    take(LOCK_EXCLUSIVE);
    uint64_t drop = stage_drop(s, HOLDER, hold);
    ck_assert_ptr_nonnull(stage_await(s, drop, ANSWER_DROPPED, STAGE_SECOND));
    stage_run(s, TTL + STAGE_SECOND); /* so long it is cached */
    uint64_t asked = s->nodes[HOLDER].sent[WIRE_LEASE];
    stage_run(s, 10 * TTL);
    ck_assert_uint_eq(s->nodes[HOLDER].sent[WIRE_LEASE], asked);
}
END_TEST

struct tally {
    uint64_t datagrams; /* of the holder, with a LEASE in them */
};

static enum stage_fate tally(void *context, size_t from, size_t to, uint64_t types)
{
    struct tally *t = context;
    (void)to;
    t->datagrams += from == HOLDER && (types >> WIRE_LEASE & 1);
    return FATE_PASS;
}

/* Many shards of one coordinator share a datagram, though they were taken at different times. */
START_TEST(one_exchange_renews_all)
{
    enum { NAMES = 20 };
    struct tally t = {0};
    size_t taken = 0;
    for (unsigned i = 0; taken < NAMES; i++) {
        char text[32];
        snprintf(text, sizeof text, "image-%u", i);
        if (stage_place(s, text, lead) != 0)
            continue;
        stage_hold(s, HOLDER, text, LOCK_SHARED);
        stage_run(s, 37);
        taken++;
    }
    stage_run(s, 2 * TTL);
    s->way = tally;
    s->way_context = &t;
    uint64_t asked = s->nodes[HOLDER].sent[WIRE_LEASE];
    stage_run(s, 4 * TTL);
    asked = s->nodes[HOLDER].sent[WIRE_LEASE] - asked;
    ck_assert_uint_gt(asked, 8 * t.datagrams);
    ck_assert_uint_le(t.datagrams, 25);
}
END_TEST

/* --- Who is cut off --- */

START_TEST(a_lease_ends_with_the_holder_first)
{
    take(LOCK_EXCLUSIVE);
    stage_run(s, TTL);
    uint64_t waits = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    stage_run(s, 100);
    stage_isolate(s, HOLDER, true);
    struct instant cut = s->now;
    ck_assert(stage_until(s, lost, NULL, 10 * TTL));
    struct instant told = s->now;
    ck_assert_int_le(span_between(cut, told).ns, lease_belief(TTL).ns);
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_AT_RISK), 1);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10 * TTL));
    ck_assert_int_gt(s->now.ns, told.ns);
    ck_assert_int_le(span_between(cut, s->now).ns, SPAN_MS(TTL + 200).ns);
    const struct lock_mark mark = stage_answer(s, waits, ANSWER_GRANTED)->mark;
    ck_assert(mark.set && mark.by == LOCK_ENDED_BY_EXPIRY);
    ck_assert_uint_eq(mark.slot, stage_slot(HOLDER));
}
END_TEST

/* Its client is told once, and what is heard later changes nothing. */
START_TEST(what_has_lapsed_is_not_resumed)
{
    take(LOCK_SHARED);
    stage_isolate(s, HOLDER, true);
    ck_assert(stage_until(s, lost, NULL, 10 * TTL));
    stage_isolate(s, HOLDER, false);
    stage_run(s, 4 * TTL); /* nobody wants the lock: it is there still */
    ck_assert_uint_eq(stage_show(s, other, name)->hold_count, 1);
    ck_assert(!believed());
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_LOST), 1);
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_SAFE), 0);
    stage_drop_unclean(s, HOLDER, hold);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_show(s, other, name)->hold_count, 0);
}
END_TEST

static enum stage_fate keep_answers(void *context, size_t from, size_t to, uint64_t types)
{
    (void)context;
    (void)from;
    return to == HOLDER && (types >> WIRE_LEASE_KEPT & 1) ? FATE_KEEP : FATE_PASS;
}

/* An answer counts from the sending of its question, however late it comes. */
START_TEST(late_answers_prolong_nothing)
{
    take(LOCK_SHARED);
    s->way = keep_answers;
    stage_run(s, TTL * 9 / 10);
    ck_assert(believed());
    stage_isolate(s, HOLDER, true);
    s->way = NULL;
    struct op_view before, after;
    ck_assert(stage_op(s, HOLDER, hold, &before));
    size_t kept = s->kept_count;
    ck_assert_uint_gt(kept, 0);
    stage_deliver_kept(s);
    ck_assert(stage_op(s, HOLDER, hold, &after));
    ck_assert_int_gt(after.until.ns, before.until.ns);
    ck_assert_int_le(after.until.ns, s->now.ns + lease_belief(TTL).ns);
    stage_run(s, 2 * TTL);
    ck_assert(!believed());
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_LOST), 1);
}
END_TEST

START_TEST(answers_after_the_end_come_too_late)
{
    take(LOCK_SHARED);
    s->way = keep_answers;
    stage_isolate(s, HOLDER, false);
    stage_run(s, TTL / 2);
    ck_assert_uint_gt(s->kept_count, 0);
    s->way = NULL;
    stage_isolate(s, HOLDER, true);
    ck_assert(stage_until(s, lost, NULL, 10 * TTL));
    stage_deliver_kept(s);
    stage_run(s, 100);
    ck_assert(!believed());
}
END_TEST

/* A try finds the lock free once nobody believes in the hold any more. */
START_TEST(a_try_need_not_wait_for_the_dead)
{
    take(LOCK_EXCLUSIVE);
    stage_power_cut(s, HOLDER);
    stage_run(s, TTL / 2);
    uint64_t early = stage_try(s, other, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, early, ANSWER_BUSY, STAGE_SECOND));
    stage_run(s, TTL);
    uint64_t late = stage_try(s, other, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, late, ANSWER_GRANTED, STAGE_SECOND));
}
END_TEST

/* --- Coordinators come and go --- */

START_TEST(a_lease_outlives_its_coordinator)
{
    take(LOCK_EXCLUSIVE);
    for (int i = 0; i < 3; i++) {
        int now = stage_coordinator(s, name);
        ck_assert_int_ne(now, STAGE_NONE);
        if (now == HOLDER)
            break;
        stage_kill(s, (size_t)now);
        stage_run(s, 2 * TTL);
        ck_assert(believed());
        stage_start(s, (size_t)now);
        stage_run(s, TTL);
    }
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_LOST), 0);
}
END_TEST

static bool replaced(struct stage *stage, void *context)
{
    (void)context;
    int now = stage_coordinator(stage, name);
    return now != STAGE_NONE && now != (int)lead;
}

/* It does not know what the one before it has answered. */
START_TEST(a_new_coordinator_waits_a_full_ttl)
{
    take(LOCK_EXCLUSIVE);
    stage_run(s, 2 * TTL);
    stage_pause(s, HOLDER, true);
    stage_run(s, TTL - 500); /* the old one would soon let go */
    stage_kill(s, lead);
    uint64_t waits = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    ck_assert(stage_until(s, replaced, NULL, 10 * STAGE_SECOND));
    struct instant promised = s->now;
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10 * TTL));
    ck_assert_int_ge(span_between(promised, s->now).ns, SPAN_MS(TTL).ns);
    ck_assert_int_le(span_between(promised, s->now).ns, SPAN_MS(TTL + 300).ns);
}
END_TEST

/*
 * A coordinator that was replaced without knowing it proposes nothing: a voter that is as cut off
 * could take it, and a later coordinator find it there, when the holder has renewed with others.
 */
START_TEST(to_let_go_takes_a_majority_that_confirms)
{
    take(LOCK_EXCLUSIVE);
    stage_run(s, TTL);
    uint64_t waits = stage_acquire(s, lead, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
    stage_run(s, 100);
    size_t partner = 4;
    stage_isolate(s, lead, true);
    stage_isolate(s, partner, true);
    stage_cut(s, lead, partner, false);
    uint64_t accepts = s->nodes[lead].sent[WIRE_ACCEPT];
    stage_run(s, 4 * TTL);
    ck_assert(believed()); /* with others */
    ck_assert_uint_eq(s->nodes[lead].sent[WIRE_ACCEPT], accepts);
    stage_isolate(s, lead, false);
    stage_isolate(s, partner, false);
    stage_run(s, 4 * TTL);
    ck_assert(believed());
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    stage_drop(s, HOLDER, hold);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10 * STAGE_SECOND));
}
END_TEST

/* --- Grants --- */

static enum stage_fate keep_grants(void *context, size_t from, size_t to, uint64_t types)
{
    (void)context;
    (void)from;
    return to == HOLDER && (types >> WIRE_REPLY & 1) ? FATE_KEEP : FATE_PASS;
}

/* A grant that comes when it is over is none: it is asked for once more. */
START_TEST(a_late_grant_is_asked_for_anew)
{
    uint64_t first = stage_hold(s, other, name, LOCK_SHARED); /* it is known who coordinates */
    stage_release(s, other, first);
    first = stage_hold(s, HOLDER, name, LOCK_SHARED);
    stage_release(s, HOLDER, first);
    s->way = keep_grants;
    uint64_t asked = stage_acquire(s, HOLDER, name, LOCK_EXCLUSIVE);
    stage_run(s, 20);
    stage_isolate(s, HOLDER, true);
    s->way = NULL;
    stage_run(s, 2 * TTL);
    ck_assert_uint_gt(s->kept_count, 0);
    stage_deliver_kept(s);
    stage_run(s, 10);
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    stage_isolate(s, HOLDER, false);
    const struct answer *granted = stage_await(s, asked, ANSWER_GRANTED, 10 * STAGE_SECOND);
    ck_assert_ptr_nonnull(granted);
    ck_assert_int_gt(granted->until.ns, s->now.ns);
}
END_TEST

/* Its request was sent long ago; that it waits was heard a moment ago, and that counts. */
START_TEST(a_waiter_is_told_at_once)
{
    uint64_t before = stage_hold(s, other, name, LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, HOLDER, name, LOCK_EXCLUSIVE);
    s->ttl_ms = 30 * STAGE_SECOND;
    uint64_t patient = stage_acquire(s, 4, name, LOCK_EXCLUSIVE);
    stage_run(s, 20 * STAGE_SECOND);
    uint64_t asked = s->nodes[HOLDER].sent[WIRE_REQUEST];
    stage_drop(s, other, stage_id(s, before));
    const struct answer *granted = stage_await(s, waits, ANSWER_GRANTED, STAGE_SECOND);
    ck_assert_ptr_nonnull(granted);
    ck_assert_int_gt(granted->until.ns, s->now.ns + SPAN_MS(TTL / 2).ns);
    ck_assert_uint_le(s->nodes[HOLDER].sent[WIRE_REQUEST], asked + 1); /* its TTL is short */
    stage_run(s, STAGE_SECOND);
    asked = s->nodes[4].sent[WIRE_REQUEST];
    stage_drop(s, HOLDER, stage_id(s, waits));
    ck_assert_ptr_nonnull(stage_await(s, patient, ANSWER_GRANTED, STAGE_SECOND));
    ck_assert_uint_eq(s->nodes[4].sent[WIRE_REQUEST], asked);
}
END_TEST

/* --- Restarts --- */

START_TEST(a_hold_is_believed_again_once_it_is_found)
{
    take(LOCK_EXCLUSIVE);
    stage_kill(s, HOLDER);
    stage_run(s, TTL / 3);
    stage_isolate(s, HOLDER, true);
    stage_start(s, HOLDER);
    stage_run(s, 100);
    struct op_view view;
    ck_assert(stage_op(s, HOLDER, hold, &view));
    ck_assert(view.loaded && view.until.ns == 0);
    stage_isolate(s, HOLDER, false);
    stage_run(s, STAGE_SECOND);
    ck_assert(believed());
    stage_run(s, 3 * TTL);
    ck_assert(believed());
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_LOST), 0);
    ck_assert_uint_eq(stage_show(s, other, name)->holds[0].token, view.token);
}
END_TEST

START_TEST(a_hold_that_went_meanwhile_is_lost)
{
    take(LOCK_EXCLUSIVE);
    stage_kill(s, HOLDER);
    uint64_t waits = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10 * TTL));
    stage_start(s, HOLDER);
    ck_assert(stage_until(s, lost, NULL, 5 * STAGE_SECOND));
    stage_drop_unclean(s, HOLDER, hold);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_show(s, other, name)->hold_count, 1);
    ck_assert_uint_eq(stage_op_count(s, HOLDER), 0);
}
END_TEST

/* Nobody hears it: what it held is over as far as it can know, a TTL after its start at the latest.
 */
START_TEST(a_start_without_a_majority_loses_it_in_the_end)
{
    take(LOCK_SHARED);
    stage_kill(s, HOLDER);
    stage_isolate(s, HOLDER, true);
    stage_start(s, HOLDER);
    stage_run(s, TTL - 100);
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_LOST), 0);
    ck_assert(stage_until(s, lost, NULL, STAGE_SECOND));
    ck_assert_int_eq(stage_answer(s, 0, ANSWER_LOST)->lost, LOST_LEASE);
}
END_TEST

/* Found pending: no client was told of a grant, so nothing is to be stopped for it. */
START_TEST(who_only_waited_loses_nothing)
{
    take(LOCK_EXCLUSIVE);
    struct op_id id = stage_id(s, stage_acquire(s, other, name, LOCK_SHARED));
    stage_run(s, 500);
    ck_assert_uint_eq(stage_show(s, HOLDER, name)->waiter_count, 1);
    stage_kill(s, other);
    stage_isolate(s, other, true);
    stage_start(s, other);
    stage_run(s, 100);
    struct op_view view;
    ck_assert(stage_op(s, other, id, &view));
    ck_assert(view.loaded && view.state == OP_PENDING && view.until.ns == 0);
    stage_isolate(s, other, false);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_NOT_HELD), 1);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 0);
    ck_assert_uint_eq(stage_op_count(s, other), 0);
    ck_assert_uint_eq(stage_show(s, HOLDER, name)->waiter_count, 0);
    ck_assert(believed());
}
END_TEST

/* The same without a majority: in the end it is given up. */
START_TEST(who_only_waited_gives_up_in_the_end)
{
    take(LOCK_EXCLUSIVE);
    struct op_id id = stage_id(s, stage_acquire(s, other, name, LOCK_SHARED));
    stage_run(s, 500);
    stage_kill(s, other);
    stage_isolate(s, other, true);
    for (int i = 0; i < 2; i++) { /* a run more changes nothing */
        stage_start(s, other);
        stage_run(s, 100);
        if (i == 0)
            stage_kill(s, other);
    }
    stage_run(s, TTL);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_NOT_HELD), 1);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 0);
}
END_TEST

/* What was granted meanwhile is a hold from then on, also for the run after that. */
START_TEST(what_was_granted_while_it_was_away_is_held)
{
    take(LOCK_EXCLUSIVE);
    struct op_id waits = stage_id(s, stage_acquire(s, other, name, LOCK_EXCLUSIVE));
    stage_run(s, 500);
    stage_kill(s, other);
    stage_drop(s, HOLDER, hold);
    stage_run(s, TTL / 4);
    stage_start(s, other);
    stage_run(s, STAGE_SECOND);
    struct op_view view;
    ck_assert(stage_op(s, other, waits, &view));
    ck_assert(view.loaded && view.state == OP_HELD && view.until.ns > s->now.ns);
    stage_kill(s, other);
    uint64_t next = stage_acquire(s, HOLDER, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, next, ANSWER_GRANTED, 10 * TTL));
    stage_start(s, other);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, waits, ANSWER_NOT_HELD), 0);
    ck_assert_uint_eq(stage_told(s, waits, ANSWER_LOST), 1);
}
END_TEST

/* Who waited hears of its grant once its record as a hold is durable, else an agent that starts
 * anew would take what acts under it for what only waits. A grant at once waits for nothing more
 * than ever. _i: whether it waited. */
START_TEST(who_waited_is_told_once_it_is_durable)
{
    uint64_t first = _i ? stage_hold(s, other, name, LOCK_EXCLUSIVE) : 0;
    uint64_t handle = stage_acquire(s, HOLDER, name, LOCK_EXCLUSIVE);
    if (_i) {
        ck_assert_ptr_nonnull(stage_await(s, handle, ANSWER_WAITING, STAGE_SECOND));
        stage_run(s, STAGE_SECOND);
    }
    s->nodes[HOLDER].disk.write_held = true;
    stage_sync(s, HOLDER, SYNC_HELD);
    if (_i)
        stage_drop(s, other, stage_id(s, first));
    else
        stage_sync(s, HOLDER, SYNC_PROMPT);
    stage_run(s, 200);
    ck_assert_int_eq(stage_answer(s, handle, ANSWER_GRANTED) != NULL, !_i);
    s->nodes[HOLDER].disk.write_held = false;
    stage_sync(s, HOLDER, SYNC_PROMPT);
    ck_assert_ptr_nonnull(stage_await(s, handle, ANSWER_GRANTED, STAGE_SECOND));
}
END_TEST

/* The node boots: its word that the life is over is a proof, and faster than the lease. */
START_TEST(an_end_statement_goes_before_the_lease)
{
    s->ttl_ms = 60 * STAGE_SECOND;
    take(LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, other, name, LOCK_SHARED);
    stage_run(s, 100);
    stage_power_cut(s, HOLDER);
    stage_start(s, HOLDER);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10 * STAGE_SECOND));
    ck_assert_int_eq(stage_answer(s, waits, ANSWER_GRANTED)->mark.by, LOCK_ENDED_BY_STATEMENT);
}
END_TEST

static const struct answer *last_waiting(uint64_t handle)
{
    return stage_answer(s, handle, ANSWER_WAITING);
}

START_TEST(who_waits_for_the_dead_hears_why)
{
    s->ttl_ms = 30 * STAGE_SECOND;
    take(LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, other, name, LOCK_SHARED);
    stage_power_cut(s, HOLDER);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_int_eq(last_waiting(waits)->stale.stage, FENCE_EXPIRES);
    ck_assert_uint_eq(last_waiting(waits)->stale.slot, stage_slot(HOLDER));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 15 * STAGE_SECOND));
}
END_TEST

static enum stage_fate no_leases(void *context, size_t from, size_t to, uint64_t types)
{
    const bool *lose = context;
    bool lease = types & (UINT64_C(1) << WIRE_LEASE | UINT64_C(1) << WIRE_LEASE_KEPT);
    return *lose && lease && (from == HOLDER || to == HOLDER) ? FATE_LOSE : FATE_PASS;
}

/* A coordinator that answers requests is not silent: who waits to be converted renews on. */
START_TEST(a_conversion_that_waits_does_not_end_renewals)
{
    bool lose = true;
    take(LOCK_SHARED);
    stage_hold(s, other, name, LOCK_SHARED);
    struct event event = {.kind = EVENT_CHANGE};
    event.change.kind = CHANGE_CONVERT;
    event.change.mode = LOCK_EXCLUSIVE;
    event.change.handle = ++s->last_handle;
    event.change.hold = hold;
    event.change.deadline = INSTANT_NEVER;
    stage_event(s, HOLDER, &event);
    stage_run(s, 200);
    s->way = no_leases;
    s->way_context = &lose;
    stage_run(s, TTL / 3 + 200); /* one renewal is due in it */
    lose = false;
    stage_run(s, 3 * TTL);
    ck_assert(believed());
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_LOST), 0);
}
END_TEST

Suite *suite_lease(void)
{
    Suite *suite = suite_create("lease");
    TCase *arithmetic = tcase_create("arithmetic");
    tcase_add_checked_fixture(arithmetic, open_table, close_table);
    tcase_add_test(arithmetic, belief_ends_before_the_ttl_by_any_clock);
    tcase_add_test(arithmetic, a_coordinator_waits_from_the_latest_of_what_it_said);
    tcase_add_test(arithmetic, sure_is_since_the_question);
    suite_add_tcase(suite, arithmetic);
    TCase *plays = tcase_create("plays");
    tcase_add_checked_fixture(plays, open_five, close_stage);
    tcase_add_test(plays, a_holder_renews_and_stays);
    tcase_add_test(plays, without_holds_nothing_is_said);
    tcase_add_test(plays, one_exchange_renews_all);
    tcase_add_test(plays, a_lease_ends_with_the_holder_first);
    tcase_add_test(plays, what_has_lapsed_is_not_resumed);
    tcase_add_test(plays, late_answers_prolong_nothing);
    tcase_add_test(plays, answers_after_the_end_come_too_late);
    tcase_add_test(plays, a_try_need_not_wait_for_the_dead);
    tcase_add_test(plays, a_lease_outlives_its_coordinator);
    tcase_add_test(plays, a_new_coordinator_waits_a_full_ttl);
    tcase_add_test(plays, to_let_go_takes_a_majority_that_confirms);
    tcase_add_test(plays, a_late_grant_is_asked_for_anew);
    tcase_add_test(plays, a_waiter_is_told_at_once);
    tcase_add_test(plays, a_hold_is_believed_again_once_it_is_found);
    tcase_add_test(plays, a_hold_that_went_meanwhile_is_lost);
    tcase_add_test(plays, a_start_without_a_majority_loses_it_in_the_end);
    tcase_add_test(plays, who_only_waited_loses_nothing);
    tcase_add_test(plays, who_only_waited_gives_up_in_the_end);
    tcase_add_test(plays, what_was_granted_while_it_was_away_is_held);
    tcase_add_loop_test(plays, who_waited_is_told_once_it_is_durable, 0, 2);
    tcase_add_test(plays, an_end_statement_goes_before_the_lease);
    tcase_add_test(plays, who_waits_for_the_dead_hears_why);
    tcase_add_test(plays, a_conversion_that_waits_does_not_end_renewals);
    suite_add_tcase(suite, plays);
    return suite;
}
