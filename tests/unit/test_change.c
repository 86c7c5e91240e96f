/*
 * Changes of a hold, as plays (tests/unit/peer_play.h): what its client is told, and what becomes
 * of a change in the midst of which something is lost, cut off, restarted or over (L9,
 * proto/changing.c).
 */
#include "tests/unit/peer_play.h"

#include <stdlib.h>

Suite *suite_change(void);

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 71);
}

static void close_stage(void)
{
    stage_end(s);
}

static uint64_t change(size_t node, struct event event, struct op_id hold, int64_t ms)
{
    event.kind = EVENT_CHANGE;
    event.change.handle = ++s->last_handle;
    event.change.hold = hold;
    event.change.deadline = ms < 0 ? INSTANT_NEVER : instant_after(s->now, SPAN_MS(ms));
    stage_event(s, node, &event);
    return event.change.handle;
}

static uint64_t convert(size_t node, struct op_id hold, enum lock_mode mode, int64_t ms)
{
    struct event event = {.change = {.kind = CHANGE_CONVERT, .mode = mode}};
    return change(node, event, hold, ms);
}

static uint64_t write_value(size_t node, struct op_id hold, const char *text)
{
    struct event event = {.change = {.kind = CHANGE_WRITE, .value = stage_view(text)}};
    return change(node, event, hold, 5 * STAGE_SECOND);
}

static uint64_t transfer(size_t node, struct op_id hold, struct op_id to, int64_t ms)
{
    struct event event = {.change = {.kind = CHANGE_TRANSFER, .to = to}};
    return change(node, event, hold, ms);
}

static const struct answer *told(uint64_t handle, enum answer_kind kind)
{
    return stage_await(s, handle, kind, 10 * STAGE_SECOND);
}

static struct op_view op_of(size_t node, struct op_id id)
{
    struct op_view view = {0};
    ck_assert(stage_op(s, node, id, &view));
    return view;
}

static void restart(size_t node)
{
    stage_kill(s, node);
    ck_assert_int_eq(stage_start(s, node), RECOVERED);
    ck_assert(stage_until(s, stage_all_settled, NULL, 20 * STAGE_SECOND));
}

/* A node that neither coordinates the lock nor is one of the two. */
static size_t bystander(const char *name, size_t a, size_t b)
{
    for (size_t i = 0; i < s->count; i++)
        if (i != a && i != b && (int)i != stage_coordinator(s, name))
            return i;
    abort();
}

START_TEST(converted_down_and_up)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "image", LOCK_EXCLUSIVE));
    uint64_t reads = stage_acquire(s, 2, "image", LOCK_SHARED);
    uint64_t down = convert(1, id, LOCK_SHARED, -1);
    const struct answer *a = told(down, ANSWER_CHANGED);
    ck_assert_int_eq(a->mode, LOCK_SHARED);
    ck_assert_uint_eq(a->token, 1);
    ck_assert_ptr_nonnull(told(reads, ANSWER_GRANTED));
    ck_assert_int_eq(op_of(1, id).mode, LOCK_SHARED);
    uint64_t up = convert(1, id, LOCK_EXCLUSIVE, -1);
    a = told(up, ANSWER_WAITING);
    ck_assert_uint_eq(a->holder_count, 1);
    /* Whoever is in the way hears of it. */
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_ge(stage_told(s, stage_id(s, reads), ANSWER_BLOCKING), 1);
    ck_assert_ptr_null(stage_answer(s, up, ANSWER_CHANGED));
    stage_release(s, 2, reads);
    a = told(up, ANSWER_CHANGED);
    ck_assert_int_eq(a->mode, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(a->token, 3);
    ck_assert_uint_eq(stage_show(s, 3, "image")->generation, 2);
}
END_TEST

/* A conversion that lets others in is durable before it is asked for: an agent that dies then would
 * find the old mode in its store, and whoever resumes the session would go by that. Up it is asked
 * for at once. */
START_TEST(down_is_durable_before_it_is_asked_for)
{
    const char *name = stage_name_of(s, 0);
    struct op_id hold = stage_id(s, stage_hold(s, 1, name, LOCK_EXCLUSIVE));
    uint64_t waits = stage_acquire(s, 2, name, LOCK_SHARED);
    stage_run(s, STAGE_SECOND);
    stage_sync(s, 1, SYNC_HELD);
    uint64_t call = convert(1, hold, LOCK_SHARED, -1);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    stage_sync(s, 1, SYNC_PROMPT);
    ck_assert_ptr_nonnull(stage_await(s, call, ANSWER_CHANGED, STAGE_SECOND));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, STAGE_SECOND));
    ck_assert_int_eq(stage_coordinator(s, name), 0); /* nobody was doubted meanwhile */
    stage_release(s, 2, waits);
    stage_sync(s, 1, SYNC_HELD);
    call = convert(1, hold, LOCK_EXCLUSIVE, -1);
    stage_run(s, STAGE_SECOND);
    const struct lock_state *state = stage_show(s, 2, name);
    ck_assert_int_eq(state->holds[0].mode, LOCK_EXCLUSIVE);
    ck_assert_ptr_null(stage_answer(s, call, ANSWER_CHANGED)); /* it is told once it is durable */
    stage_sync(s, 1, SYNC_PROMPT);
    ck_assert_ptr_nonnull(stage_await(s, call, ANSWER_CHANGED, STAGE_SECOND));
}
END_TEST

START_TEST(one_change_at_a_time)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "image", LOCK_SHARED));
    stage_hold(s, 2, "image", LOCK_SHARED);
    uint64_t up = convert(1, id, LOCK_EXCLUSIVE, -1);
    ck_assert_ptr_nonnull(told(up, ANSWER_WAITING));
    ck_assert_ptr_nonnull(told(write_value(1, id, "x"), ANSWER_CHANGING));
    struct op_id other = id;
    other.counter++;
    ck_assert_ptr_nonnull(told(write_value(1, other, "x"), ANSWER_UNKNOWN));
}
END_TEST

START_TEST(time_runs_out_and_the_old_mode_stays)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "image", LOCK_SHARED));
    uint64_t reads = stage_hold(s, 2, "image", LOCK_SHARED);
    uint64_t up = convert(1, id, LOCK_EXCLUSIVE, 700);
    ck_assert_ptr_nonnull(told(up, ANSWER_TIMED_OUT));
    stage_release(s, 2, reads);
    const struct lock_state *state = stage_show(s, 3, "image");
    ck_assert_uint_eq(state->convert_count, 0);
    ck_assert_int_eq(state->holds[0].mode, LOCK_SHARED);
    ck_assert_ptr_nonnull(told(convert(1, id, LOCK_EXCLUSIVE, -1), ANSWER_CHANGED));
}
END_TEST

START_TEST(the_second_upgrader_is_refused)
{
    struct op_id one = stage_id(s, stage_hold(s, 1, "image", LOCK_SHARED));
    struct op_id two = stage_id(s, stage_hold(s, 2, "image", LOCK_SHARED));
    uint64_t first = convert(1, one, LOCK_EXCLUSIVE, -1);
    ck_assert_ptr_nonnull(told(first, ANSWER_WAITING));
    const struct answer *a = told(convert(2, two, LOCK_EXCLUSIVE, -1), ANSWER_DEADLOCK);
    ck_assert_uint_eq(a->holder_count, 1);
    ck_assert(op_equal(a->holders[0].id, one));
    ck_assert_ptr_nonnull(told(stage_drop(s, 2, two), ANSWER_DROPPED));
    ck_assert_ptr_nonnull(told(first, ANSWER_CHANGED));
}
END_TEST

START_TEST(the_value_is_told_with_the_grant)
{
    uint64_t held = stage_hold(s, 1, "image", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(told(write_value(1, stage_id(s, held), "size=7"), ANSWER_CHANGED));
    stage_release(s, 1, held);
    uint64_t reads = stage_hold(s, 2, "image", LOCK_SHARED);
    ck_assert_ptr_nonnull(told(write_value(2, stage_id(s, reads), "no"), ANSWER_NOT_WRITER));
    const struct lock_state *state = stage_show(s, 3, "image");
    ck_assert(state->value.valid);
    ck_assert_uint_eq(state->value.size, 6);
    ck_assert_mem_eq(state->value.bytes, "size=7", 6);
}
END_TEST

/* --- In the midst --- */

START_TEST(cut_off_in_the_midst)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "image", LOCK_SHARED));
    stage_isolate(s, 1, true);
    uint64_t up = convert(1, id, LOCK_EXCLUSIVE, 2 * STAGE_SECOND);
    const struct answer *a = told(up, ANSWER_NO_MAJORITY);
    ck_assert_uint_lt(a->reachable, 3);
    ck_assert(op_of(1, id).converting);
    stage_isolate(s, 1, false);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert(!op_of(1, id).converting);
    ck_assert_int_eq(op_of(1, id).mode, LOCK_SHARED);
    ck_assert_ptr_nonnull(told(convert(1, id, LOCK_EXCLUSIVE, -1), ANSWER_CHANGED));
}
END_TEST

/* The restarted agent takes the mode that the hold has: its record may be older. */
START_TEST(a_restart_after_the_conversion)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "image", LOCK_SHARED));
    ck_assert_ptr_nonnull(told(convert(1, id, LOCK_EXCLUSIVE, -1), ANSWER_CHANGED));
    stage_power_cut(s, 1); /* what was not synced is gone; the same boot, by the stage's book: */
    s->nodes[1].boot--;
    ck_assert_int_eq(stage_start(s, 1), RECOVERED);
    ck_assert(stage_until(s, stage_all_settled, NULL, 20 * STAGE_SECOND));
    stage_run(s, STAGE_SECOND);
    ck_assert_int_eq(op_of(1, id).mode, LOCK_EXCLUSIVE);
    ck_assert(!op_of(1, id).converting);
}
END_TEST

START_TEST(a_restart_while_it_waits_cancels_it)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "image", LOCK_SHARED));
    uint64_t reads = stage_hold(s, 2, "image", LOCK_SHARED);
    ck_assert_ptr_nonnull(told(convert(1, id, LOCK_EXCLUSIVE, -1), ANSWER_WAITING));
    restart(1);
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(stage_show(s, 3, "image")->convert_count, 0);
    stage_release(s, 2, reads);
    ck_assert_int_eq(stage_show(s, 3, "image")->holds[0].mode, LOCK_SHARED);
    ck_assert_int_eq(op_of(1, id).mode, LOCK_SHARED);
}
END_TEST

START_TEST(a_release_overtakes_the_change)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "image", LOCK_SHARED));
    stage_hold(s, 2, "image", LOCK_SHARED);
    uint64_t up = convert(1, id, LOCK_EXCLUSIVE, -1);
    ck_assert_ptr_nonnull(told(up, ANSWER_WAITING));
    ck_assert_ptr_nonnull(told(stage_drop(s, 1, id), ANSWER_DROPPED));
    ck_assert_ptr_nonnull(told(up, ANSWER_DROPPED));
    stage_run(s, STAGE_SECOND);
    const struct lock_state *state = stage_show(s, 3, "image");
    ck_assert_uint_eq(state->hold_count, 1);
    ck_assert_uint_eq(state->convert_count, 0);
    ck_assert_uint_eq(stage_op_count(s, 1), 0);
}
END_TEST

/* --- Handing over --- */

START_TEST(handed_over)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "guest", LOCK_EXCLUSIVE));
    uint64_t early = stage_acquire(s, 3, "guest", LOCK_EXCLUSIVE);
    stage_run(s, 100);
    uint64_t target = stage_acquire(s, 2, "guest", LOCK_EXCLUSIVE);
    stage_run(s, 100);
    uint64_t pass = transfer(1, id, stage_id(s, target), -1);
    ck_assert_ptr_nonnull(told(pass, ANSWER_CHANGED));
    ck_assert_uint_eq(told(target, ANSWER_GRANTED)->token, 2);
    ck_assert_uint_eq(stage_op_count(s, 1), 0);
    ck_assert_ptr_null(stage_answer(s, early, ANSWER_GRANTED));
}
END_TEST

START_TEST(nobody_waits_under_that_id)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "guest", LOCK_EXCLUSIVE));
    ck_assert_ptr_nonnull(told(transfer(1, id, id, -1), ANSWER_NO_WAITER));
    ck_assert(!op_of(1, id).passing);
    ck_assert_int_eq(op_of(1, id).state, OP_HELD);
}
END_TEST

/* Before it is durable that the hold may be another's, nobody is asked. */
START_TEST(a_transfer_is_durable_before_it_is_asked_for)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "guest", LOCK_EXCLUSIVE));
    uint64_t target = stage_acquire(s, 2, "guest", LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    stage_sync(s, 1, SYNC_HELD);
    uint64_t pass = transfer(1, id, stage_id(s, target), -1);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, target, ANSWER_GRANTED));
    ck_assert(op_of(1, id).passing);
    stage_sync(s, 1, SYNC_PROMPT);
    ck_assert_ptr_nonnull(told(pass, ANSWER_CHANGED));
    ck_assert_ptr_nonnull(told(target, ANSWER_GRANTED));
}
END_TEST

/* The answer is lost with the agent: the next run must not believe that it holds. */
START_TEST(a_restart_after_the_transfer)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "guest", LOCK_EXCLUSIVE));
    uint64_t target = stage_acquire(s, 2, "guest", LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    transfer(1, id, stage_id(s, target), -1);
    ck_assert_ptr_nonnull(told(target, ANSWER_GRANTED));
    stage_power_cut(s, 1);
    s->nodes[1].boot--;
    stage_isolate(s, 1, true);
    ck_assert_int_eq(stage_start(s, 1), RECOVERED);
    stage_run(s, 100);
    if (stage_op_count(s, 1) > 0)
        ck_assert(op_of(1, id).passing); /* not "held" */
    stage_isolate(s, 1, false);
    ck_assert(stage_until(s, stage_all_settled, NULL, 20 * STAGE_SECOND));
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(stage_op_count(s, 1), 0);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 0); /* nothing is to be killed */
}
END_TEST

START_TEST(a_failed_log_promises_nothing)
{
    struct op_id id = stage_id(s, stage_hold(s, 1, "image", LOCK_SHARED));
    stage_hold(s, 2, "image", LOCK_SHARED);
    uint64_t up = convert(1, id, LOCK_EXCLUSIVE, -1);
    stage_sync(s, 1, SYNC_FAILS);
    ck_assert_ptr_nonnull(told(up, ANSWER_LOG_FAILED));
    ck_assert_ptr_nonnull(told(convert(1, id, LOCK_NL, -1), ANSWER_LOG_FAILED));
}
END_TEST

/* A coordinator dies while a conversion waits: the next one learns of it from the state. */
START_TEST(another_coordinator_goes_on)
{
    const char *name = stage_name_of(s, 0);
    size_t reader = bystander(name, 1, 0);
    struct op_id id = stage_id(s, stage_hold(s, 1, name, LOCK_SHARED));
    uint64_t reads = stage_hold(s, reader, name, LOCK_SHARED);
    uint64_t up = convert(1, id, LOCK_EXCLUSIVE, -1);
    ck_assert_ptr_nonnull(told(up, ANSWER_WAITING));
    stage_kill(s, 0);
    stage_run(s, 3 * STAGE_SECOND);
    stage_release(s, reader, reads);
    ck_assert_ptr_nonnull(told(up, ANSWER_CHANGED));
}
END_TEST

/* Each message twice: a change is applied once. */
START_TEST(everything_comes_twice)
{
    s->twice = true;
    struct op_id id = stage_id(s, stage_hold(s, 1, "image", LOCK_SHARED));
    for (int i = 0; i < 5; i++) {
        ck_assert_ptr_nonnull(told(convert(1, id, LOCK_EXCLUSIVE, -1), ANSWER_CHANGED));
        ck_assert_ptr_nonnull(told(convert(1, id, LOCK_SHARED, -1), ANSWER_CHANGED));
    }
    ck_assert_uint_eq(stage_show(s, 2, "image")->generation, 5);
}
END_TEST

Suite *suite_change(void)
{
    Suite *suite = suite_create("change");
    TCase *plays = tcase_create("plays");
    tcase_add_checked_fixture(plays, open_five, close_stage);
    tcase_add_test(plays, converted_down_and_up);
    tcase_add_test(plays, down_is_durable_before_it_is_asked_for);
    tcase_add_test(plays, one_change_at_a_time);
    tcase_add_test(plays, time_runs_out_and_the_old_mode_stays);
    tcase_add_test(plays, the_second_upgrader_is_refused);
    tcase_add_test(plays, the_value_is_told_with_the_grant);
    tcase_add_test(plays, cut_off_in_the_midst);
    tcase_add_test(plays, a_restart_after_the_conversion);
    tcase_add_test(plays, a_restart_while_it_waits_cancels_it);
    tcase_add_test(plays, a_release_overtakes_the_change);
    tcase_add_test(plays, handed_over);
    tcase_add_test(plays, nobody_waits_under_that_id);
    tcase_add_test(plays, a_transfer_is_durable_before_it_is_asked_for);
    tcase_add_test(plays, a_restart_after_the_transfer);
    tcase_add_test(plays, a_failed_log_promises_nothing);
    tcase_add_test(plays, another_coordinator_goes_on);
    tcase_add_test(plays, everything_comes_twice);
    suite_add_tcase(suite, plays);
    return suite;
}
