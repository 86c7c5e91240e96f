/*
 * Handing a hold over, as plays (tests/unit/peer_play.h): what its client is told, and when, if
 * messages are lost, its time is over, or its agent dies in the midst (L9). The lock's own rules
 * are in test_lock_change.c.
 */
#include "tests/unit/peer_play.h"

Suite *suite_hand_over(void);

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 3);
}

static void close_stage(void)
{
    stage_end(s);
}

/* --- Calls --- */

static uint64_t change(size_t node, struct event *event)
{
    event->kind = EVENT_CHANGE;
    event->change.handle = ++s->last_handle;
    stage_event(s, node, event);
    return s->last_handle;
}

static uint64_t hand_over(size_t node, struct op_id hold, struct op_id to, int64_t ms)
{
    struct event event = {.change = {.kind = CHANGE_TRANSFER,
                                     .hold = hold,
                                     .to = to,
                                     .deadline = instant_after(s->now, SPAN_MS(ms))}};
    return change(node, &event);
}

/* Nothing of these types passes between two nodes. */
static enum stage_fate lose_types(void *context, size_t from, size_t to, uint64_t types)
{
    const uint64_t *lost = context;
    (void)from, (void)to;
    return types & *lost ? FATE_LOSE : FATE_PASS;
}

/* --- Time that is over --- */

/* A hand-over whose time is over was cancelled only if a coordinator said so. Until then it may be
 * made yet: its client must not hear that the hold is as it was, and act on. */
START_TEST(what_is_not_cancelled_is_not_known)
{
    const char *name = stage_name_of(s, 0);
    uint64_t lost = UINT64_C(1) << WIRE_REPLY;
    struct op_id hold = stage_id(s, stage_hold(s, 1, name, LOCK_EXCLUSIVE));
    uint64_t waits = stage_acquire(s, 2, name, LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    s->way = lose_types;
    s->way_context = &lost;
    uint64_t call = hand_over(1, hold, stage_id(s, waits), 500);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, call, ANSWER_TIMED_OUT));
    ck_assert_ptr_nonnull(stage_answer(s, call, ANSWER_NO_MAJORITY));
    s->way = NULL;
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 5 * STAGE_SECOND));
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_PASSED), 1);
}
END_TEST

/* --- What comes late --- */

/* Keeps the second request of node 1, loses replies to it if `silent`. */
static struct {
    bool silent;
    size_t kept;
} slow;

static enum stage_fate slow_way(void *context, size_t from, size_t to, uint64_t types)
{
    (void)context;
    if (from == 1 && (types & UINT64_C(1) << WIRE_REQUEST) &&
        slow.kept++ == 1) /* the first one names no ballot */
        return FATE_KEEP;
    return to == 1 && slow.silent && (types & UINT64_C(1) << WIRE_REPLY) ? FATE_LOSE : FATE_PASS;
}

/* A late duplicate of the acquire that comes after the hold was handed over must not bring it back:
 * the hand-over, asked for again, would be refused, though it was made. */
START_TEST(a_late_acquire_does_not_undo_a_hand_over)
{
    const char *name = stage_name_of(s, 0);
    slow.silent = false;
    slow.kept = 0;
    stage_release(s, 3, stage_hold(s, 3, name, LOCK_EXCLUSIVE)); /* node 0 serves it */
    s->way = slow_way;
    struct op_id hold = stage_id(s, stage_hold(s, 1, name, LOCK_EXCLUSIVE));
    ck_assert_uint_eq(s->kept_count, 1);
    uint64_t waits = stage_acquire(s, 2, name, LOCK_EXCLUSIVE);
    stage_run(s, 200);
    slow.silent = true;
    uint64_t call = hand_over(1, hold, stage_id(s, waits), 60 * STAGE_SECOND);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, STAGE_SECOND));
    stage_release(s, 2, waits);
    stage_deliver_kept(s);
    stage_run(s, 100);
    slow.silent = false;
    ck_assert_ptr_nonnull(stage_await(s, call, ANSWER_CHANGED, 10 * STAGE_SECOND));
    ck_assert_uint_eq(stage_counters(s, 1)->ghosts, 0);
}
END_TEST

/* A client that hears that it keeps its hold acts on. If its agent's log still said that the hold
 * is being handed over, the next run would take a loss of it for the hand-over, and end nobody. */
START_TEST(that_a_hold_is_kept_is_durable_before_it_is_told)
{
    const char *name = stage_name_of(s, 0);
    stage_hold(s, 3, name, LOCK_SHARED);
    struct op_id hold = stage_id(s, stage_hold(s, 1, name, LOCK_SHARED));
    uint64_t waits = stage_acquire(s, 2, name, LOCK_EXCLUSIVE); /* does not fit beside node 3 */
    stage_run(s, 2 * STAGE_SECOND);
    uint64_t lost = UINT64_C(1) << WIRE_REPLY;
    s->way = lose_types;
    s->way_context = &lost;
    uint64_t call = hand_over(1, hold, stage_id(s, waits), 60 * STAGE_SECOND);
    stage_run(s, 20); /* the record of it is durable, and it was refused */
    stage_sync(s, 1, SYNC_HELD);
    s->way = NULL;
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, call, ANSWER_BUSY));
    stage_sync(s, 1, SYNC_PROMPT);
    ck_assert_ptr_nonnull(stage_await(s, call, ANSWER_BUSY, 5 * STAGE_SECOND));
    ck_assert_uint_eq(stage_told(s, hold, ANSWER_PASSED), 0);
}
END_TEST

Suite *suite_hand_over(void)
{
    Suite *suite = suite_create("hand_over");
    TCase *plays = tcase_create("plays");
    tcase_add_checked_fixture(plays, open_five, close_stage);
    tcase_add_test(plays, what_is_not_cancelled_is_not_known);
    tcase_add_test(plays, a_late_acquire_does_not_undo_a_hand_over);
    tcase_add_test(plays, that_a_hold_is_kept_is_durable_before_it_is_told);
    suite_add_tcase(suite, plays);
    return suite;
}
