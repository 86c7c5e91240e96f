/*
 * Standing (F7, F2, F3): by hand on one node of five, whose clock and jurors are the test; then
 * with whole peers, what it gives and takes from those who ask for locks.
 */
#include <stdlib.h>

#include "proto/standing.h"
#include "tests/unit/crypto_fixture.h"
#include "tests/unit/fence_play.h"

Suite *suite_standing(void);

/* D = 4 s, r = 400 ms; F is 4002 + 400 + 100 + 133 1/3 ms: F_MS is the next one that is whole. */
enum { OUTBOX_SIZE = 1 << 18, D_MS = 4000, R_MS = 400, F_MS = 4636, HALF_MS = F_MS / 2, LIFE = 5 };

static struct core core;
static struct standing standing;
static struct roster roster;
static void *outbox_memory;
static struct instant now;

static void begin(void)
{
    memset(&core, 0, sizeof core);
    fixture_roster(&roster, 6, 1);
    core.config = (struct peer_config){.roster = &roster, .self = 1};
    core.life = LIFE;
    core.life_known = true;
    jury_init(&core.jury, &roster);
    ck_assert_uint_eq(core.jury.count, 5);
    outbox_memory = malloc(OUTBOX_SIZE);
    outbox_init(&core.outbox, outbox_memory, OUTBOX_SIZE, 0);
    standing_init(&standing, &core);
    core.now = now = (struct instant){INT64_C(100000000000)};
    standing_reset(&standing, now);
}

static void end(void)
{
    free(outbox_memory);
}

static void pass(int64_t ms)
{
    core.now = now = instant_after(now, SPAN_MS(ms));
}

/* How many renewals are on their way; takes them off it. */
static size_t sent(void)
{
    struct outbox_entry entry;
    size_t count = 0;
    while (outbox_next(&core.outbox, &entry)) {
        struct message m;
        struct reader r = reader_init(entry.bytes.bytes, entry.bytes.size);
        ck_assert(wire_decode(&m, &r));
        ck_assert_int_eq(m.type, WIRE_RENEW);
        ck_assert_uint_eq(m.renew.life, core.life);
        ck_assert_uint_le(m.renew.seq, standing.seq);
        count++;
    }
    return count;
}

/* Renews now; the renewal's number. */
static uint32_t renew(void)
{
    sent();
    standing.prove_at = now;
    standing_step(&standing, now);
    ck_assert_uint_eq(sent(), 5);
    return standing.seq;
}

static enum standing_change acknowledge(size_t juror, uint64_t life, uint32_t seq)
{
    struct message m = {.type = WIRE_RENEWED, .renewed = {.life = life, .seq = seq}};
    return standing_take(&standing, now, (uint16_t)(2 * juror + 1), &m);
}

static enum standing_change vote(size_t juror, uint64_t life)
{
    struct message m = {.type = WIRE_VOTED, .voted = {.life = life}};
    return standing_take(&standing, now, (uint16_t)(2 * juror + 1), &m);
}

/* Three of five acknowledge a renewal sent now. */
static enum standing_change acknowledged_by_three(void)
{
    uint32_t seq = renew();
    acknowledge(0, LIFE, seq);
    acknowledge(1, LIFE, seq);
    return acknowledge(2, LIFE, seq);
}

/* s* is the q-th newest *sending* time, whenever the answers come. */
START_TEST(newest_is_the_quorums_sending_time)
{
    struct instant first = now;
    uint32_t a = renew();
    pass(1000);
    struct instant second = now;
    uint32_t b = renew();
    pass(1000);
    struct instant third = now;
    uint32_t c = renew();
    pass(500);
    acknowledge(0, LIFE, c);
    acknowledge(1, LIFE, b);
    ck_assert_int_eq(standing_newest(&standing).ns, 0); /* two are no quorum */
    ck_assert(!standing_has(&standing, now));
    acknowledge(2, LIFE, a);
    ck_assert_int_eq(standing_newest(&standing).ns, first.ns);
    ck_assert(standing_has(&standing, now));
    acknowledge(3, LIFE, c);
    ck_assert_int_eq(standing_newest(&standing).ns, second.ns);
    acknowledge(4, LIFE, c);
    ck_assert_int_eq(standing_newest(&standing).ns, third.ns);
    acknowledge(4, LIFE, a); /* an older answer that comes late takes nothing back */
    ck_assert_int_eq(standing_newest(&standing).ns, third.ns);
    ck_assert_uint_eq(standing_acknowledged(&standing, third), 3);
    ck_assert_uint_eq(standing_acknowledged(&standing, first), 5);
    acknowledge(4, LIFE, c); /* twice is once */
    ck_assert_uint_eq(standing_acknowledged(&standing, third), 3);
}
END_TEST

START_TEST(standing_ends_f_after_the_sending)
{
    uint32_t seq = renew();
    pass(F_MS - 1);
    for (size_t i = 0; i < 3; i++)
        acknowledge(i, LIFE, seq);
    ck_assert(standing_has(&standing, now));
    pass(1);
    ck_assert(!standing_has(&standing, now));
}
END_TEST

START_TEST(answers_that_do_not_count)
{
    uint32_t first = renew();
    struct message m = {.type = WIRE_RENEWED, .renewed = {.life = LIFE, .seq = first}};
    standing_take(&standing, now, 11, &m); /* a node that is no juror */
    ck_assert_uint_eq(core.counters.drop_role, 1);
    for (size_t i = 0; i < 5; i++) {
        acknowledge(i, LIFE - 1, first); /* of an earlier life */
        acknowledge(i, LIFE + 1, first);
        acknowledge(i, LIFE, first + 1); /* never sent */
        acknowledge(i, LIFE, first - 1000);
    }
    ck_assert_int_eq(standing_newest(&standing).ns, 0);
    for (int i = 0; i < STANDING_SENT; i++)
        renew();
    for (size_t i = 0; i < 5; i++)
        acknowledge(i, LIFE, first); /* so old that its sending time is forgotten */
    ck_assert_int_eq(standing_newest(&standing).ns, 0);
}
END_TEST

/* gained, at risk at F/2, saved, lost at F, and gained anew. */
START_TEST(it_is_gained_risked_saved_and_lost)
{
    standing_use(&standing, now);
    ck_assert_int_eq(standing_step(&standing, now), STANDING_SAME);
    ck_assert_int_eq(acknowledged_by_three(), STANDING_GAINED);
    ck_assert_int_eq(acknowledge(3, LIFE, standing.seq), STANDING_SAME);
    pass(HALF_MS - 1);
    ck_assert_int_eq(standing_step(&standing, now), STANDING_SAME);
    pass(1);
    ck_assert_int_eq(standing_step(&standing, now), STANDING_RISKED);
    ck_assert_int_eq(standing_step(&standing, now), STANDING_SAME);
    ck_assert(standing_has(&standing, now));
    ck_assert_int_eq(acknowledged_by_three(), STANDING_SAVED);
    pass(HALF_MS);
    ck_assert_int_eq(standing_step(&standing, now), STANDING_RISKED);
    pass(HALF_MS - 1);
    ck_assert_int_eq(standing_step(&standing, now), STANDING_SAME);
    pass(1);
    ck_assert_int_eq(standing_step(&standing, now), STANDING_GONE);
    ck_assert(!standing_has(&standing, now));
    ck_assert_int_eq(standing_step(&standing, now), STANDING_SAME);
    ck_assert_int_eq(acknowledged_by_three(), STANDING_GAINED);
}
END_TEST

/* A step that comes late, after a pause, says at once that it is lost. */
START_TEST(a_pause_is_no_excuse)
{
    standing_use(&standing, now);
    ck_assert_int_eq(acknowledged_by_three(), STANDING_GAINED);
    pass(10 * F_MS);
    ck_assert_int_eq(standing_step(&standing, now), STANDING_GONE);
}
END_TEST

/* Whoever never had it is told so once in each F; holds found at a start count from then. */
START_TEST(it_is_lost_also_if_it_never_was)
{
    standing_use(&standing, now);
    for (int i = 0; i < 3; i++) {
        pass(F_MS - 1);
        ck_assert_int_eq(standing_step(&standing, now), STANDING_SAME);
        pass(1);
        ck_assert_int_eq(standing_step(&standing, now), STANDING_GONE);
    }
}
END_TEST

/* Nobody needs it, nobody renews; whoever needs it renews at least every r, first more often. */
START_TEST(it_renews_while_it_is_needed)
{
    ck_assert_int_eq(standing_deadline(&standing).ns, INSTANT_NEVER.ns);
    standing_use(&standing, now);
    ck_assert_int_eq(standing_deadline(&standing).ns, now.ns);
    standing_step(&standing, now);
    ck_assert_uint_eq(sent(), 5);
    ck_assert_int_eq(acknowledged_by_three(), STANDING_GAINED);
    size_t renewals = 0;
    struct instant until = instant_after(now, SPAN_MS(10 * F_MS));
    while (now.ns < until.ns) {
        core.now = now = standing_deadline(&standing);
        uint32_t before = standing.seq;
        standing_step(&standing, now);
        sent();
        for (size_t i = 0; standing.seq != before && i < 3; i++)
            acknowledge(i, LIFE, standing.seq);
        renewals += standing.seq != before;
        ck_assert_int_eq(standing.state, STANDING_HELD);
    }
    ck_assert_uint_ge(renewals, 10 * F_MS / R_MS);
    standing_unuse(&standing, now);
    pass(60 * 1000); /* a while longer, for the next request */
    standing_step(&standing, now);
    standing_step(&standing, now);
    sent();
    ck_assert_int_eq(standing_deadline(&standing).ns, INSTANT_NEVER.ns);
}
END_TEST

/* F2c, for a juror that looks for hundreds at once: each look is proven by a renewal that was sent
 * after its probes, and soon; few of these serve all; and the answers come a second later. */
START_TEST(one_renewal_proves_many_looks)
{
    enum { LOOKS = 1000, TRIP_MS = 1000 };
    struct instant asked[LOOKS];
    uint32_t answered = 0, first = standing.seq;
    for (int i = 0; i < LOOKS + TRIP_MS; i++) {
        pass(1);
        if (instant_reached(now, standing_deadline(&standing)))
            standing_step(&standing, now);
        if (i < LOOKS) {
            asked[i] = now;
            standing_prove(&standing, now); /* two in one turn */
            standing_prove(&standing, now);
        }
        while (answered < standing.seq - first &&
               span_between(standing.sent[(first + answered + 1) % STANDING_SENT], now).ns >=
                   SPAN_MS(TRIP_MS).ns) {
            answered++;
            for (size_t k = 0; k < 3; k++)
                acknowledge(k, LIFE, first + answered);
        }
        if (i < TRIP_MS + 20)
            continue;
        ck_assert_int_ge(standing_newest(&standing).ns, asked[i - TRIP_MS - 20].ns);
    }
    ck_assert_uint_le(standing.seq - first, LOOKS / 20 + 1);
    ck_assert_int_eq(standing.prove_at.ns, INSTANT_NEVER.ns);
    ck_assert_int_ge(standing.sent[standing.seq % STANDING_SENT].ns, asked[LOOKS - 1].ns);
    sent();
}
END_TEST

/* What is probed for in the very instant of a renewal was sent after it: there comes another. */
START_TEST(a_renewal_before_the_probes_proves_nothing)
{
    standing_use(&standing, now);
    standing_step(&standing, now);
    ck_assert_uint_eq(sent(), 5);
    standing_prove(&standing, now);
    ck_assert_uint_eq(sent(), 0);
    core.now = now = standing_deadline(&standing);
    standing_step(&standing, now);
    ck_assert_uint_eq(sent(), 5);
}
END_TEST

START_TEST(nothing_is_renewed_before_the_life_counts)
{
    core.life_known = false;
    standing_prove(&standing, now);
    ck_assert_uint_eq(sent(), 0);
}
END_TEST

/* F2: a juror's word binds, about this life, and no other's word does. */
START_TEST(a_juror_that_voted_binds)
{
    vote(5, LIFE);
    ck_assert_uint_eq(core.counters.drop_role, 1);
    vote(1, LIFE - 1);
    vote(1, LIFE + 1);
    ck_assert(!standing_bound(&standing));
    vote(1, LIFE);
    ck_assert(standing_bound(&standing));
    vote(1, LIFE);
    ck_assert_uint_eq(core.told.notice_count, 1);
    ck_assert_int_eq(core.told.notices[0].kind, NOTICE_BOUND);
    ck_assert_uint_eq(core.told.notices[0].slot, 3);
    /* It is not cut off: others acknowledge it. */
    standing_use(&standing, now);
    ck_assert_int_eq(acknowledged_by_three(), STANDING_GAINED);
    ck_assert(standing_bound(&standing));
    core.life++;
    standing_reset(&standing, now);
    ck_assert(!standing_bound(&standing));
    ck_assert(!standing_has(&standing, now));
}
END_TEST

/* What an old life's renewal brings does not count for the new one. */
START_TEST(a_new_life_begins_without_it)
{
    standing_use(&standing, now);
    uint32_t seq = renew();
    core.life++;
    standing_reset(&standing, now);
    for (size_t i = 0; i < 5; i++)
        acknowledge(i, LIFE, seq);
    ck_assert_int_eq(standing_newest(&standing).ns, 0);
    ck_assert_int_eq(standing_deadline(&standing).ns, now.ns); /* it is needed still */
}
END_TEST

/* --- Whole peers --- */

enum { ASKER = 1 };

static struct stage *s;
static struct stage_filter filters[3];

static void open_five(void)
{
    s = stage_open(5, 31);
    s->policy = LOCK_STALE_FENCE;
    memset(filters, 0, sizeof filters);
    s->way = stage_filters;
    s->way_context = filters;
}

static void open_seven(void)
{
    stage_end(s);
    s = stage_open(7, 31);
    s->policy = LOCK_STALE_FENCE;
    s->way = stage_filters;
    s->way_context = filters;
}

static void close_stage(void)
{
    stage_end(s);
}

/* Jurors' acknowledgements to the asker are lost from now on. */
static void lose_acknowledgements(void)
{
    filters[0] = (struct stage_filter){STAGE_NONE, ASKER, STAGE_TYPE(RENEWED), FATE_LOSE, false};
}

static void let_all_pass(void)
{
    for (size_t i = 0; i < 2; i++)
        filters[i].off = true;
}

/* F7: nothing is asked of a coordinator before standing is gained. */
START_TEST(a_request_waits_for_standing)
{
    lose_acknowledgements();
    uint64_t requests = s->nodes[ASKER].sent[WIRE_REQUEST];
    uint64_t asked = stage_acquire(s, ASKER, "image", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_answer(s, asked, ANSWER_ACCEPTED));
    const struct answer *waiting = stage_await(s, asked, ANSWER_WAITING, STAGE_SECOND);
    ck_assert_ptr_nonnull(waiting);
    ck_assert_int_eq(waiting->reason, WAIT_STANDING);
    ck_assert_uint_eq(waiting->cohort, 5);
    ck_assert_uint_lt(waiting->reachable, 3);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_eq(s->nodes[ASKER].sent[WIRE_REQUEST], requests);
    let_all_pass();
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 2 * STAGE_SECOND));
    ck_assert(stage_status(s, ASKER).standing);
    ck_assert_uint_ge(s->nodes[ASKER].notices[NOTICE_STANDING], 1);
}
END_TEST

/* loop test: with a deadline (0), or as a try (1): too few can be asked. */
START_TEST(without_standing_a_wait_ends_as_no_majority)
{
    lose_acknowledgements();
    uint64_t asked = _i ? stage_try(s, ASKER, "image", LOCK_EXCLUSIVE)
                        : stage_acquire_by(s, ASKER, "image", LOCK_EXCLUSIVE, 2500);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_NO_MAJORITY, 5 * STAGE_SECOND));
    let_all_pass();
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(stage_op_count(s, ASKER), 0);
    ck_assert_uint_eq(stage_show(s, 3, "image")->hold_count, 0);
}
END_TEST

/* Policies that end no life need no standing. */
START_TEST(a_hold_policy_needs_none)
{
    lose_acknowledgements();
    s->policy = LOCK_STALE_HOLD;
    stage_hold(s, ASKER, "image", LOCK_EXCLUSIVE);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_eq(s->nodes[ASKER].sent[WIRE_RENEW], 0);
    ck_assert_ptr_null(stage_answer(s, 0, ANSWER_LOST));
}
END_TEST

/*
 * A grant that arrives when standing is gone is not told (F7). It is told when standing comes back
 * (0); if it does not, the client hears that too few can be asked, and the lock is given back (1).
 */
START_TEST(no_grant_is_told_without_standing)
{
    open_seven();
    const char *name = NULL; /* of a lock that the asker cannot coordinate itself */
    for (size_t i = 0; !name; i++)
        if (i != ASKER && stage_place(s, stage_name_of(s, i), ASKER) < 0)
            name = stage_name_of(s, i);
    stage_release(s, ASKER, stage_hold(s, ASKER, name, LOCK_SHARED)); /* it has standing */
    filters[1] = (struct stage_filter){STAGE_NONE, ASKER, STAGE_TYPE(REPLY), FATE_KEEP, false};
    lose_acknowledgements();
    uint64_t asked = stage_acquire(s, ASKER, name, LOCK_EXCLUSIVE);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert(!stage_status(s, ASKER).standing);
    ck_assert_uint_gt(s->kept_count, 0);
    filters[1].off = true;
    stage_deliver_kept(s);
    stage_run(s, 500);
    ck_assert_uint_eq(stage_show(s, 3, name)->hold_count, 1);
    struct op_view view;
    ck_assert(stage_op(s, ASKER, stage_id(s, asked), &view));
    ck_assert_int_eq(view.state, OP_HELD);
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    if (_i == 0) {
        let_all_pass();
        ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 2 * STAGE_SECOND));
        return;
    }
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_NO_MAJORITY, 10 * STAGE_SECOND));
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_show(s, 3, name)->hold_count, 0);
}
END_TEST

/* Holders are warned at F/2, told that it is safe again, and at F that all is lost. */
START_TEST(holders_are_warned_and_told)
{
    uint64_t held = stage_hold(s, ASKER, "image", LOCK_EXCLUSIVE);
    s->policy = LOCK_STALE_HOLD;
    uint64_t other = stage_hold(s, ASKER, "another", LOCK_EXCLUSIVE);
    struct op_id id = stage_id(s, held);
    lose_acknowledgements();
    ck_assert_ptr_nonnull(stage_await(s, 0, ANSWER_AT_RISK, 3 * STAGE_SECOND));
    ck_assert_uint_eq(stage_told(s, id, ANSWER_AT_RISK), 1);
    let_all_pass(); /* the next renewal is sent r after the one before */
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_SAFE), 1);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 0);
    filters[0].off = false;
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_AT_RISK), 2);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 1);
    ck_assert_int_eq(stage_answer(s, 0, ANSWER_LOST)->lost, LOST_STANDING);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 1);
    ck_assert_uint_eq(stage_told(s, stage_id(s, other), ANSWER_LOST), 0);
    /* It is given up only by the driver, which has seen what acts under it end. */
    let_all_pass();
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(stage_show(s, 3, "image")->hold_count, 1);
    stage_drop_unclean(s, ASKER, id);
    stage_run(s, STAGE_SECOND);
    const struct lock_state *state = stage_show(s, 3, "image");
    ck_assert_uint_eq(state->hold_count, 0);
    ck_assert(state->mark.set);
    ck_assert_int_eq(state->mark.by, LOCK_ENDED_BY_AGENT);
}
END_TEST

static bool renewed_anew(struct stage *stage, void *context)
{
    return stage->nodes[ASKER].sent[WIRE_RENEW] > *(const uint64_t *)context;
}

/*
 * F7: a cut that is shorter than D costs no holder its lock, and brings no vote; not even if it
 * swallows a renewal that was due, so that s* is r old when it begins. loop test: so many tenths of
 * r after a renewal.
 */
START_TEST(a_cut_shorter_than_d_costs_nothing)
{
    struct op_id id = stage_id(s, stage_hold(s, ASKER, "image", LOCK_EXCLUSIVE));
    uint64_t waits = stage_acquire(s, 3, "image", LOCK_EXCLUSIVE);
    stage_run(s, 10 * STAGE_SECOND);
    uint64_t renewals = s->nodes[ASKER].sent[WIRE_RENEW];
    ck_assert(stage_until(s, renewed_anew, &renewals, D_MS));
    stage_run(s, 5 + R_MS / 10 * _i);
    stage_isolate(s, ASKER, true);
    stage_run(s, D_MS - 1);
    ck_assert_uint_ge(stage_told(s, id, ANSWER_AT_RISK), 1);
    stage_isolate(s, ASKER, false);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 0);
    ck_assert_uint_eq(stage_votes(s, ASKER, 1), 0);
    ck_assert(stage_status(s, ASKER).standing && !stage_status(s, ASKER).bound);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
}
END_TEST

/* F7: and in one that is longer it has stopped before a juror votes. */
START_TEST(a_longer_cut_ends_standing_before_the_first_vote)
{
    struct op_id id = stage_id(s, stage_hold(s, ASKER, "image", LOCK_EXCLUSIVE));
    stage_acquire(s, 3, "image", LOCK_EXCLUSIVE);
    stage_run(s, 10 * STAGE_SECOND + 37 * _i);
    stage_isolate(s, ASKER, true);
    for (int ms = 0; stage_votes(s, ASKER, 1) == 0; ms++) {
        ck_assert_int_lt(ms, 3 * D_MS);
        stage_run(s, 1);
    }
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 1);
}
END_TEST

/* on_isolation = continue: warned, and nothing is taken. */
START_TEST(a_node_that_goes_on_is_only_warned)
{
    stage_kill(s, ASKER);
    s->go_on_isolated = true;
    stage_start(s, ASKER);
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    struct op_id id = stage_id(s, stage_hold(s, ASKER, "image", LOCK_EXCLUSIVE));
    lose_acknowledgements();
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_ge(stage_told(s, id, ANSWER_AT_RISK), 1);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 0);
}
END_TEST

/* Holds that a start finds in the log are told as well, F after it. */
START_TEST(loaded_holds_are_lost_too)
{
    struct op_id id = stage_id(s, stage_hold(s, ASKER, "image", LOCK_EXCLUSIVE));
    stage_run(s, STAGE_SECOND);
    stage_kill(s, ASKER);
    lose_acknowledgements();
    stage_start(s, ASKER);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 0);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 1);
}
END_TEST

/* The same for one that died long ago and lives on without a word of it being lost. */
START_TEST(loaded_holds_live_on_with_standing)
{
    struct op_id id = stage_id(s, stage_hold(s, ASKER, "image", LOCK_EXCLUSIVE));
    stage_run(s, STAGE_SECOND);
    stage_kill(s, ASKER);
    stage_run(s, STAGE_SECOND);
    stage_start(s, ASKER);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert(stage_status(s, ASKER).standing);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 0);
}
END_TEST

Suite *suite_standing(void)
{
    Suite *suite = suite_create("standing");
    TCase *hand = tcase_create("by hand");
    tcase_add_checked_fixture(hand, begin, end);
    tcase_add_test(hand, newest_is_the_quorums_sending_time);
    tcase_add_test(hand, standing_ends_f_after_the_sending);
    tcase_add_test(hand, answers_that_do_not_count);
    tcase_add_test(hand, it_is_gained_risked_saved_and_lost);
    tcase_add_test(hand, a_pause_is_no_excuse);
    tcase_add_test(hand, it_is_lost_also_if_it_never_was);
    tcase_add_test(hand, it_renews_while_it_is_needed);
    tcase_add_test(hand, one_renewal_proves_many_looks);
    tcase_add_test(hand, a_renewal_before_the_probes_proves_nothing);
    tcase_add_test(hand, nothing_is_renewed_before_the_life_counts);
    tcase_add_test(hand, a_juror_that_voted_binds);
    tcase_add_test(hand, a_new_life_begins_without_it);
    suite_add_tcase(suite, hand);

    TCase *peers = tcase_create("peers");
    tcase_add_checked_fixture(peers, open_five, close_stage);
    tcase_add_test(peers, a_request_waits_for_standing);
    tcase_add_loop_test(peers, without_standing_a_wait_ends_as_no_majority, 0, 2);
    tcase_add_test(peers, a_hold_policy_needs_none);
    tcase_add_loop_test(peers, no_grant_is_told_without_standing, 0, 2);
    tcase_add_test(peers, holders_are_warned_and_told);
    tcase_add_loop_test(peers, a_cut_shorter_than_d_costs_nothing, 0, 10);
    tcase_add_loop_test(peers, a_longer_cut_ends_standing_before_the_first_vote, 0, 5);
    tcase_add_test(peers, a_node_that_goes_on_is_only_warned);
    tcase_add_test(peers, loaded_holds_are_lost_too);
    tcase_add_test(peers, loaded_holds_live_on_with_standing);
    suite_add_tcase(suite, peers);
    return suite;
}
