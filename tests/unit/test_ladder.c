/*
 * The ladder of an order against a machine (F8, F9): two actions against machines, the first of
 * which fails. Plays, as in test_order_story.c: HOLDER dies, WAITER waits.
 */
#include "tests/unit/fence_play.h"

Suite *suite_ladder(void);

enum { HOLDER = 3, WAITER = 1, LONG = 30 * STAGE_SECOND, FIRST = 1, SECOND = 2 };

static struct stage *s;
static uint64_t waits;

static void with_two_actions(struct roster *roster)
{
    roster->action_count = SECOND;
    memcpy(roster->actions[SECOND - 1], "outlet", sizeof "outlet");
}

static void open_five(void)
{
    s = stage_begin_under(5, 11, with_two_actions);
    stage_start_all(s);
    s->policy = LOCK_STALE_FENCE;
    for (size_t i = 0; i < 5; i++)
        s->nodes[i].tool_ms = STAGE_SECOND;
    stage_hold(s, HOLDER, "image", LOCK_EXCLUSIVE);
    waits = stage_acquire(s, WAITER, "image", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
}

static void close_stage(void)
{
    stage_end(s);
}

/* Runs of off by that action. */
static size_t acts(uint8_t action)
{
    size_t count = 0;
    for (size_t i = 0; i < s->run_count; i++)
        count += s->runs[i].run.kind == RUN_OFF_STATUS && s->runs[i].run.action == action;
    return count;
}

/* The first works: nothing of the second is touched. */
START_TEST(the_first_rung_that_works_is_the_last)
{
    s->upper_tool = TOOL_WORKS;
    stage_tools(s, TOOL_WORKS);
    stage_kill(s, HOLDER);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    ck_assert_uint_eq(acts(FIRST), 1);
    ck_assert_uint_eq(acts(SECOND), 0);
}
END_TEST

/* loop test: it fails (0), says on (1), is another machine's device (2): the same executor takes
 * the second, and that is in the receipt. The witness is asked about the second device. */
START_TEST(the_second_rung_follows_the_first)
{
    static const enum stage_tool tools[] = {TOOL_FAILS, TOOL_SAYS_ON, TOOL_WRONG_DEVICE};
    uint64_t covers;
    struct proof proof;
    s->upper_tool = TOOL_WORKS;
    stage_tools(s, tools[_i]);
    stage_kill(s, HOLDER);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    ck_assert_uint_eq(acts(FIRST), 1);
    ck_assert_uint_eq(acts(SECOND), 1);
    ck_assert_uint_eq(s->runs[0].executor, s->runs[1].executor);
    ck_assert_int_eq(s->runs[2].run.kind, RUN_STATUS);
    ck_assert_uint_eq(s->runs[2].run.action, SECOND);
    struct view bytes = peer_proof(s->nodes[WAITER].peer, stage_slot(HOLDER), &covers);
    struct reader r = reader_init(bytes.bytes, bytes.size);
    ck_assert(proof_decode(&proof, &r));
    ck_assert_uint_eq(proof.receipt.action, SECOND);
    struct order_view order;
    ck_assert(stage_known_order(s, 0, HOLDER, 1, &order));
    ck_assert_uint_eq(order.report_count, 1); /* it never said that it failed */
    ck_assert_int_eq(order.reports[0].stage, RUN_DONE);
}
END_TEST

/* All fail: each executor goes up the whole ladder once, one after the other, and says so. */
START_TEST(each_executor_goes_up_once)
{
    struct order_view order;
    s->upper_tool = TOOL_FAILS;
    stage_tools(s, TOOL_FAILS);
    stage_kill(s, HOLDER);
    ck_assert_ptr_null(stage_await(s, waits, ANSWER_GRANTED, 3 * LONG));
    ck_assert_uint_eq(acts(FIRST), 4);
    ck_assert_uint_eq(acts(SECOND), 4);
    for (size_t i = 0; i < s->run_count; i += 2)
        ck_assert_uint_eq(s->runs[i].executor, s->runs[i + 1].executor);
    ck_assert(stage_known_order(s, 0, HOLDER, 1, &order));
    ck_assert_uint_eq(order.report_count, 4);
}
END_TEST

static bool climbed(struct stage *stage, void *context)
{
    (void)context;
    (void)stage;
    return acts(SECOND) > 0;
}

/* F9: an agent that starts anew on the second rung acts no more; the next executor takes over. */
START_TEST(who_starts_anew_on_it_acts_no_more)
{
    s->upper_tool = TOOL_HANGS;
    stage_tools(s, TOOL_FAILS);
    stage_kill(s, HOLDER);
    ck_assert(stage_until(s, climbed, NULL, LONG));
    size_t first = s->runs[0].executor;
    stage_kill(s, first);
    s->upper_tool = TOOL_WORKS;
    stage_start(s, first);
    stage_run(s, 3 * LONG);
    for (size_t i = 2; i < s->run_count; i++)
        ck_assert(s->runs[i].run.kind == RUN_STATUS || s->runs[i].executor != first);
    ck_assert_uint_eq(acts(SECOND), 2);
}
END_TEST

Suite *suite_ladder(void)
{
    Suite *suite = suite_create("ladder");
    TCase *t = tcase_create("ladder");
    tcase_add_checked_fixture(t, open_five, close_stage);
    tcase_add_test(t, the_first_rung_that_works_is_the_last);
    tcase_add_loop_test(t, the_second_rung_follows_the_first, 0, 3);
    tcase_add_test(t, each_executor_goes_up_once);
    tcase_add_test(t, who_starts_anew_on_it_acts_no_more);
    suite_add_tcase(suite, t);
    return suite;
}
