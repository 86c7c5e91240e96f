/*
 * Life under a watchdog (F6c, F7): five peers whose machines have one, five jurors. The script is
 * the device: it looks when it would have been petted, and what the node and its jurors say.
 */
#include "proto/inequality.h"
#include "tests/unit/fence_play.h"

Suite *suite_armed(void);

enum { NODE = 4, OTHER = 1, NODES = 5, LONG = 30 * STAGE_SECOND, W_MS = 7000 };

static struct stage *s;
static struct fence_times times;

/* D is 4 s: W = 7 s, B = 9.333 s, H = 10.343 s. */
static void set_up(void)
{
    s = stage_begin(NODES, 7);
    s->watchdog_ms = W_MS;
    s->policy = LOCK_STALE_FENCE;
    stage_tools(s, TOOL_FAILS); /* no fence device works */
    stage_start_all(s);
    fence_times_derive(&times, SPAN_MS(4000));
    ck_assert_int_eq(times.watchdog.ns, SPAN_MS(W_MS).ns);
    stage_run(s, 3 * STAGE_SECOND);
}

static void tear_down(void)
{
    stage_end(s);
}

/* When the device of NODE resets its machine at the latest, as it was petted last. */
static struct instant reset_at(void)
{
    struct instant petted = instant_after(s->nodes[NODE].pet_until, times.soft);
    return instant_after(petted, (struct span){times.watchdog.ns + times.lateness.ns});
}

static bool is_over(struct stage *stage, void *observer)
{
    (void)observer;
    return stage_over(stage, OTHER, NODE) >= 1;
}

START_TEST(an_idle_node_is_petted_for_ever)
{
    uint64_t before = s->nodes[NODE].pets;
    stage_isolate(s, NODE, true);
    for (int i = 0; i < 60; i++) {
        stage_run(s, STAGE_SECOND);
        ck_assert_int_lt(span_between(s->nodes[NODE].pet_at, s->now).ns, times.watchdog.ns);
    }
    ck_assert_uint_gt(s->nodes[NODE].pets, before + 10);
    ck_assert_uint_eq(stage_status(s, NODE).life, 1);
}
END_TEST

START_TEST(a_holder_is_petted_while_it_has_standing)
{
    stage_hold(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    for (int i = 0; i < 30; i++) {
        stage_run(s, STAGE_SECOND);
        ck_assert_int_lt(span_between(s->nodes[NODE].pet_at, s->now).ns, SPAN_MS(3000).ns);
    }
}
END_TEST

/* Cut off, and what acts there does not end: no pet after s* + p, whatever the agent does. */
START_TEST(no_pet_without_standing_while_something_acts)
{
    stage_hold(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    stage_run(s, 2 * STAGE_SECOND);
    stage_isolate(s, NODE, true);
    stage_run(s, 500);
    uint64_t pets = s->nodes[NODE].pets;
    stage_run(s, 60 * STAGE_SECOND);
    ck_assert_uint_eq(s->nodes[NODE].pets, pets);
    ck_assert_uint_eq(stage_status(s, NODE).life, 1); /* the device would have fired */
}
END_TEST

/* The receipt needs no device: it comes after the reset, and frees the lock. */
START_TEST(others_have_a_receipt_after_the_reset_alone)
{
    stage_hold(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    stage_run(s, 2 * STAGE_SECOND);
    stage_isolate(s, NODE, true);
    uint64_t waiter = stage_acquire(s, OTHER, "disk/a", LOCK_EXCLUSIVE);
    struct instant cut = s->now;
    ck_assert(stage_until(s, is_over, NULL, LONG));
    ck_assert_int_gt(s->now.ns, reset_at().ns);
    ck_assert_int_lt(span_between(cut, s->now).ns, times.hand_over.ns + SPAN_MS(1000).ns);
    ck_assert_ptr_nonnull(stage_await(s, waiter, ANSWER_GRANTED, STAGE_SECOND));
    ck_assert_uint_eq(STAGE_SUM(s, fence_receipts), 0); /* no executor's */
}
END_TEST

/* From the first second a waiter is told how long it takes at the latest. */
START_TEST(a_waiter_is_told_when)
{
    stage_hold(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    stage_run(s, 2 * STAGE_SECOND);
    stage_isolate(s, NODE, true);
    uint64_t waiter = stage_acquire(s, OTHER, "disk/a", LOCK_EXCLUSIVE);
    stage_run(s, 7 * STAGE_SECOND);
    const struct answer *a = stage_answer(s, waiter, ANSWER_WAITING);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_gt(a->stale.watchdog_ms, 0);
    ck_assert_uint_lt(a->stale.watchdog_ms, 10400);
}
END_TEST

/* The statement proves itself: a juror that lacks it takes it from whoever accuses. */
START_TEST(a_juror_that_lacks_the_statement_takes_it)
{
    static struct stage_filter filters[] = {{NODE, 2, STAGE_TYPE(ARMED), FATE_LOSE, false},
                                            {NODE, 3, STAGE_TYPE(ARMED), FATE_LOSE, false},
                                            {0}};
    s->way = stage_filters;
    s->way_context = filters;
    stage_power_cut(s, NODE);
    stage_start(s, NODE);
    stage_run(s, 10 * STAGE_SECOND);
    stage_hold(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    stage_isolate(s, NODE, true);
    stage_kill(s, 0); /* three are left, and two of these lack it */
    uint64_t waiter = stage_acquire(s, OTHER, "disk/a", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waiter, ANSWER_GRANTED, LONG));
    ck_assert_uint_eq(stage_over(s, OTHER, NODE), 2);
}
END_TEST

/* F6: whoever still hears that life refuses the receipt. */
START_TEST(who_hears_it_refuses_the_receipt)
{
    stage_hold(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    stage_run(s, 2 * STAGE_SECOND);
    for (size_t i = 0; i < NODES; i++)
        if (i != NODE && i != 3)
            stage_cut(s, NODE, i, true);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_eq(stage_over(s, 3, NODE), 0);
}
END_TEST

/* F7: standing is lost; what it held has ended in time; it surrenders, and goes on under a new
 * life, armed anew. */
START_TEST(cut_off_and_emptied_it_surrenders)
{
    uint64_t call = stage_hold(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    struct op_id id = stage_id(s, call);
    stage_isolate(s, NODE, true);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 1);
    stage_drop_unclean(s, NODE, id);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, NODE).life, 2);
    stage_isolate(s, NODE, false);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert(stage_status(s, NODE).life_known);
    stage_hold(s, NODE, "disk/b", LOCK_EXCLUSIVE);
    ck_assert_uint_eq(STAGE_SUM(s, alarms), 0);
}
END_TEST

/* Nothing is told before q jurors have its statement: else it would hold what cannot pass on. */
START_TEST(no_grant_before_a_quorum_knows_that_it_is_armed)
{
    static struct stage_filter filters[] = {
        {STAGE_NONE, STAGE_NONE, STAGE_TYPE(ARMED), FATE_LOSE, false}, {0}};
    s->way = stage_filters;
    s->way_context = filters;
    stage_power_cut(s, NODE);
    stage_start(s, NODE);
    stage_run(s, 10 * STAGE_SECOND);
    uint64_t call = stage_acquire(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, call, ANSWER_GRANTED));
    filters[0].off = true;
    ck_assert_ptr_nonnull(stage_await(s, call, ANSWER_GRANTED, LONG));
}
END_TEST

/* A grant that comes when standing is nearly over is not told: F - r after s* at the latest. */
static bool granted_after(int64_t ms)
{
    static struct stage_filter filters[] = {
        {STAGE_NONE, NODE, STAGE_TYPE(RENEWED), FATE_LOSE, false}, {0}};
    uint64_t held = stage_hold(s, OTHER, "disk/a", LOCK_EXCLUSIVE);
    uint64_t call = stage_acquire(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    stage_run(s, 2 * STAGE_SECOND);
    filters[0].off = false;
    s->way = stage_filters;
    s->way_context = filters;
    stage_run(s, ms);
    stage_drop(s, OTHER, stage_id(s, held));
    stage_run(s, 300);
    filters[0].off = true;
    return stage_answer(s, call, ANSWER_GRANTED) != NULL;
}

START_TEST(no_grant_is_told_when_standing_is_nearly_over)
{
    ck_assert(!granted_after(4300)); /* standing itself lasts 4.6 s, less what s* was old */
}
END_TEST

START_TEST(a_grant_is_told_while_standing_is_young)
{
    ck_assert(granted_after(500));
}
END_TEST

/* A restart of the agent keeps life, statement and hold; one without a watchdog cannot: it was
 * withdrawn, and to withdraw is to surrender. */
START_TEST(a_restart_keeps_it_and_one_without_a_watchdog_ends_it)
{
    uint64_t call = stage_hold(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    struct op_id id = stage_id(s, call);
    stage_kill(s, NODE);
    stage_start(s, NODE);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, NODE).life, 1);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 0);
    stage_kill(s, NODE);
    s->watchdog_ms = 0;
    stage_start(s, NODE);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_told(s, id, ANSWER_LOST), 1);
    stage_drop_unclean(s, NODE, id);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, NODE).life, 2);
}
END_TEST

/* What a juror does not know counts as now: its start takes the place of what it acknowledged. */
START_TEST(a_juror_that_started_counts_from_then)
{
    stage_hold(s, NODE, "disk/a", LOCK_EXCLUSIVE);
    stage_run(s, 2 * STAGE_SECOND);
    stage_isolate(s, NODE, true);
    stage_acquire(s, OTHER, "disk/a", LOCK_EXCLUSIVE);
    stage_run(s, 8 * STAGE_SECOND);
    struct instant started = s->now;
    for (size_t i = 2; i < 4; i++) { /* of the four that vote a quorum needs one of these */
        stage_kill(s, i);
        stage_start(s, i);
    }
    ck_assert(stage_until(s, is_over, NULL, LONG));
    ck_assert_int_ge(span_between(started, s->now).ns, times.hand_over.ns - SPAN_MS(1).ns);
}
END_TEST

Suite *suite_armed(void)
{
    Suite *suite = suite_create("armed");
    TCase *t = tcase_create("armed");
    tcase_add_checked_fixture(t, set_up, tear_down);
    tcase_add_test(t, an_idle_node_is_petted_for_ever);
    tcase_add_test(t, a_holder_is_petted_while_it_has_standing);
    tcase_add_test(t, no_pet_without_standing_while_something_acts);
    tcase_add_test(t, others_have_a_receipt_after_the_reset_alone);
    tcase_add_test(t, a_waiter_is_told_when);
    tcase_add_test(t, a_juror_that_lacks_the_statement_takes_it);
    tcase_add_test(t, who_hears_it_refuses_the_receipt);
    tcase_add_test(t, cut_off_and_emptied_it_surrenders);
    tcase_add_test(t, no_grant_before_a_quorum_knows_that_it_is_armed);
    tcase_add_test(t, no_grant_is_told_when_standing_is_nearly_over);
    tcase_add_test(t, a_grant_is_told_while_standing_is_young);
    tcase_add_test(t, a_restart_keeps_it_and_one_without_a_watchdog_ends_it);
    tcase_add_test(t, a_juror_that_started_counts_from_then);
    suite_add_tcase(suite, t);
    return suite;
}
