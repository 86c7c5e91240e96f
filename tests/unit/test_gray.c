/*
 * Members that are half there, as plays (tests/unit/peer_play.h): one that answers probes and
 * nothing else, one that does everything but answer probes, and one whose clock stands. Whatever
 * gossip says of them, nobody is let in while they may act (M1, F2), and nobody is fenced.
 */
#include "tests/unit/peer_play.h"

Suite *suite_gray(void);

enum { HOLDER = 1, WAITER = 3, AWHILE = 30 * STAGE_SECOND };

#define BIT(type) (UINT64_C(1) << (type))

static struct stage *s;
static uint64_t held, waits;

static void open_five(void)
{
    s = stage_open(5, 9);
    s->policy = LOCK_STALE_FENCE;
    held = stage_hold(s, HOLDER, "disk", LOCK_EXCLUSIVE);
    waits = stage_acquire(s, WAITER, "disk", LOCK_EXCLUSIVE);
    stage_run(s, 2 * STAGE_SECOND);
}

static void close_stage(void)
{
    stage_end(s);
}

static void nobody_is_let_in(void)
{
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    for (size_t i = 0; i < s->count; i++)
        ck_assert_uint_eq(stage_counters(s, i)->fence_votes, 0);
    ck_assert_uint_eq(s->run_count, 0);
}

/* All is as before: the holder lets go, the waiter gets it. */
static void it_passes_on(void)
{
    stage_drop(s, HOLDER, stage_id(s, held));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 20 * STAGE_SECOND));
}

static enum member_state state_at(size_t node)
{
    struct member_view view;
    peer_member(s->nodes[node].peer, stage_slot(HOLDER), &view);
    return view.state;
}

/* Only gossip and hellos get through, from it and to it. */
static enum stage_fate only_probes(void *context, size_t from, size_t to, uint64_t types)
{
    static const uint64_t probes = BIT(WIRE_PING) | BIT(WIRE_ACK) | BIT(WIRE_PING_REQ) |
                                   BIT(WIRE_INDIRECT_ACK) | BIT(WIRE_ALIVE) | BIT(WIRE_SUSPECT) |
                                   BIT(WIRE_DEAD) | BIT(WIRE_DIGEST) | BIT(WIRE_EDGE_ASK) |
                                   BIT(WIRE_EDGE_OK);
    (void)context;
    return (from == HOLDER || to == HOLDER) && (types & ~probes) ? FATE_LOSE : FATE_PASS;
}

START_TEST(one_that_answers_probes_and_nothing_else)
{
    s->way = only_probes;
    stage_run(s, AWHILE);
    nobody_is_let_in();
    ck_assert_int_eq(state_at(WAITER), MEMBER_ALIVE);
    ck_assert(!stage_status(s, HOLDER).standing); /* it knows, and stops by itself (F7) */
    ck_assert_uint_gt(stage_told(s, stage_id(s, held), ANSWER_LOST), 0);
    s->way = NULL;
    it_passes_on();
}
END_TEST

static enum stage_fate no_answers(void *context, size_t from, size_t to, uint64_t types)
{
    (void)context;
    (void)to;
    return from == HOLDER && (types & (BIT(WIRE_ACK) | BIT(WIRE_INDIRECT_ACK))) ? FATE_LOSE
                                                                                : FATE_PASS;
}

START_TEST(one_that_does_all_but_answer_probes)
{
    s->way = no_answers;
    stage_run(s, AWHILE);
    nobody_is_let_in(); /* it renews, whatever gossip says (F2a) */
    ck_assert(stage_status(s, HOLDER).standing);
    ck_assert_uint_eq(stage_told(s, stage_id(s, held), ANSWER_LOST), 0);
    ck_assert_uint_gt(s->nodes[WAITER].notices[NOTICE_MEMBER], 0);
    it_passes_on();
}
END_TEST

START_TEST(one_whose_clock_stands)
{
    stage_stop_clock(s, HOLDER, true);
    stage_run(s, AWHILE);
    nobody_is_let_in(); /* it answers, so nobody takes it for dead; it renews no more */
    ck_assert_int_eq(state_at(WAITER), MEMBER_ALIVE);
    stage_stop_clock(s, HOLDER, false);
    stage_run(s, 5 * STAGE_SECOND);
    nobody_is_let_in();
    it_passes_on();
}
END_TEST

Suite *suite_gray(void)
{
    Suite *suite = suite_create("gray");
    TCase *tc = tcase_create("plays");
    tcase_add_checked_fixture(tc, open_five, close_stage);
    tcase_add_test(tc, one_that_answers_probes_and_nothing_else);
    tcase_add_test(tc, one_that_does_all_but_answer_probes);
    tcase_add_test(tc, one_whose_clock_stands);
    suite_add_tcase(suite, tc);
    return suite;
}
