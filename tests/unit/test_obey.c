/*
 * An agent that starts under an order against its own life, as plays (peer_play.h, fence_play.h):
 * it obeys at once, as if it had heard of the order just now (F3). Its last run was told, but what
 * that one began may not have come to an end.
 */
#include "tests/unit/crypto_fixture.h"
#include "tests/unit/fence_play.h"

Suite *suite_obey(void);

enum { HOLDER = 2, WAITER = 0, LONG = 60 * STAGE_SECOND, END_SESSION = 2 };

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 41);
    stage_tools(s, TOOL_FAILS); /* so that the order stays */
    stage_run(s, 2 * STAGE_SECOND);
}

static void with_session_action(struct roster *roster)
{
    fixture_session_action(roster);
}

static void open_sessions(void)
{
    s = stage_begin_under(5, 11, with_session_action);
    s->go_on_isolated = true; /* so that the order alone takes anything */
    stage_start_all(s);
    s->policy = LOCK_STALE_ACTION;
    stage_tools(s, TOOL_FAILS);
    s->session_tool = TOOL_HANGS;
}

static void close_stage(void)
{
    stage_end(s);
}

static void await_order(size_t observer, bool session)
{
    struct order_view order;
    for (int i = 0; i < 600; i++) {
        if (stage_known_order(s, observer, HOLDER, 1, &order) &&
            (order.cert.order.scope.session != 0) == session)
            return;
        stage_run(s, 100);
    }
    ck_abort_msg("no order came");
}

/* The agent alone starts anew. No later than with its first events the hold's driver hears. */
static void is_lost_once_more(uint64_t held)
{
    struct op_id id = stage_id(s, held);
    size_t before = stage_told(s, id, ANSWER_LOST);
    stage_kill(s, HOLDER);
    ck_assert_int_eq(stage_start(s, HOLDER), RECOVERED);
    stage_run(s, 100);
    ck_assert_uint_gt(stage_told(s, id, ANSWER_LOST), before);
    ck_assert(stage_status(s, HOLDER).bound);
    ck_assert_uint_eq(stage_status(s, HOLDER).life, 1);
}

static bool is_life(struct stage *stage, void *life)
{
    struct peer_status status = stage_status(stage, HOLDER);
    return status.life == *(const uint64_t *)life && status.life_known;
}

static void await_life(uint64_t life)
{
    ck_assert(stage_until(s, is_life, &life, LONG));
}

/* loop test: by default (0), under `on_isolation = continue` (1), and with a hold under `hold` (2),
 * which the order ends like any other. */
START_TEST(a_restart_under_an_order)
{
    s->go_on_isolated = _i == 1;
    stage_kill(s, HOLDER);
    stage_start(s, HOLDER);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    s->policy = LOCK_STALE_FENCE;
    uint64_t held = stage_hold(s, HOLDER, "disk", LOCK_EXCLUSIVE);
    s->policy = _i == 2 ? LOCK_STALE_HOLD : LOCK_STALE_FENCE;
    uint64_t other = stage_hold(s, HOLDER, "other", LOCK_EXCLUSIVE);
    s->policy = LOCK_STALE_FENCE;
    uint64_t waits = stage_acquire(s, WAITER, "disk", LOCK_EXCLUSIVE);
    stage_run(s, 3 * STAGE_SECOND);
    stage_isolate(s, HOLDER, true);
    await_order(WAITER, false);
    stage_isolate(s, HOLDER, false);
    await_order(HOLDER, false);
    is_lost_once_more(other);
    is_lost_once_more(held);
    stage_drop_unclean(s, HOLDER, stage_id(s, held));
    stage_drop_unclean(s, HOLDER, stage_id(s, other));
    await_life(2);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
}
END_TEST

/* The same of an order about one session: it takes nothing from the others. */
START_TEST(a_restart_under_an_order_about_a_session)
{
    ck_assert(scope_make(&s->scope, 41, END_SESSION, "vm-1", 4));
    uint64_t held = stage_hold(s, HOLDER, "export/a", LOCK_EXCLUSIVE);
    ck_assert(scope_make(&s->scope, 42, END_SESSION, "vm-2", 4));
    uint64_t other = stage_hold(s, HOLDER, "export/b", LOCK_EXCLUSIVE);
    ck_assert(scope_make(&s->scope, 7, END_SESSION, "next", 4));
    uint64_t waits = stage_acquire(s, WAITER, "export/a", LOCK_EXCLUSIVE);
    stage_pause(s, HOLDER, true);
    await_order(WAITER, true);
    stage_pause(s, HOLDER, false);
    await_order(HOLDER, true);
    is_lost_once_more(held);
    ck_assert_uint_eq(stage_told(s, stage_id(s, other), ANSWER_LOST), 0);
    await_life(1);
    uint64_t refused = stage_acquire(s, HOLDER, "new", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, refused, ANSWER_LIFE_ENDED, STAGE_SECOND));
    stage_drop_unclean(s, HOLDER, stage_id(s, held));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    ck_assert_uint_eq(stage_told(s, stage_id(s, other), ANSWER_LOST), 0);
}
END_TEST

Suite *suite_obey(void)
{
    Suite *suite = suite_create("obey");
    TCase *lives = tcase_create("lives");
    tcase_add_checked_fixture(lives, open_five, close_stage);
    tcase_add_loop_test(lives, a_restart_under_an_order, 0, 3);
    suite_add_tcase(suite, lives);
    TCase *sessions = tcase_create("sessions");
    tcase_add_checked_fixture(sessions, open_sessions, close_stage);
    tcase_add_test(sessions, a_restart_under_an_order_about_a_session);
    suite_add_tcase(suite, sessions);
    return suite;
}
