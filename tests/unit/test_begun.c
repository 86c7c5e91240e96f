/*
 * Two executors began before either heard of the other (F9): of those that began, and ask again for
 * the next rung of the ladder, one goes on at a time. Plays on the stage: HOLDER dies, WAITER
 * waits, the first action fails and the second one works.
 */
#include "proto/preview.h"
#include "tests/unit/fence_play.h"

Suite *suite_begun(void);

enum { HOLDER = 3, WAITER = 1, LONG = 30 * STAGE_SECOND, FIRST = 1, SECOND = 2 };

static struct stage *s;
static uint64_t waits;
static size_t better, worse; /* the two executors that begin, by rank */

static void with_two_actions(struct roster *roster)
{
    roster->action_count = SECOND;
    memcpy(roster->actions[SECOND - 1], "outlet", sizeof "outlet");
}

static size_t node_of(uint16_t slot)
{
    for (size_t i = 0; i < s->count; i++)
        if (stage_slot(i) == slot)
            return i;
    ck_abort();
}

static void open_five(void)
{
    struct preview p;
    s = stage_begin_under(5, 11, with_two_actions);
    stage_start_all(s);
    s->policy = LOCK_STALE_FENCE;
    s->upper_tool = TOOL_WORKS;
    stage_tools(s, TOOL_FAILS);
    for (size_t i = 0; i < 5; i++)
        s->nodes[i].tool_ms = STAGE_SECOND;
    stage_hold(s, HOLDER, "image", LOCK_EXCLUSIVE);
    waits = stage_acquire(s, WAITER, "image", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
    ck_assert(peer_preview(s->nodes[0].peer, s->now, stage_slot(HOLDER), &p));
    better = node_of(p.executors[0].slot);
    worse = node_of(p.executors[1].slot);
}

static void close_stage(void)
{
    stage_end(s);
}

/* Runs of off by that action of that node, or of any; *last is the last. */
static size_t acts(uint8_t action, int executor, const struct stage_run **last)
{
    size_t count = 0;
    for (size_t i = 0; i < s->run_count; i++) {
        const struct stage_run *r = &s->runs[i];
        if (r->run.kind != RUN_OFF_STATUS || r->run.action != action ||
            (executor != STAGE_NONE && r->executor != (size_t)executor))
            continue;
        count++;
        if (last)
            *last = r;
    }
    return count;
}

static bool both_began(struct stage *stage, void *context)
{
    (void)stage, (void)context;
    return acts(FIRST, (int)better, NULL) && acts(FIRST, (int)worse, NULL);
}

/* That the better one begins is heard late, so when its turn is over the other begins, too. */
static void both_begin(int64_t worse_ms)
{
    struct stage_filter keep[] = {
        {(int)better, STAGE_NONE, STAGE_TYPE(EXEC_REPORT), FATE_KEEP, false}, {0}};
    s->nodes[better].tool_ms = 8 * STAGE_SECOND;
    s->nodes[worse].tool_ms = worse_ms;
    s->way = stage_filters;
    s->way_context = keep;
    stage_kill(s, HOLDER);
    ck_assert(stage_until(s, both_began, NULL, LONG));
    const struct stage_run *first = NULL, *second = NULL;
    ck_assert_uint_eq(acts(FIRST, (int)better, &first), 1);
    ck_assert_uint_eq(acts(FIRST, (int)worse, &second), 1);
    ck_assert_int_ge(span_between(first->at, second->at).ns, SPAN_MS(1900).ns); /* one at a time */
    ck_assert_int_lt(span_between(first->at, second->at).ns, SPAN_MS(7000).ns);
    s->way = NULL;
    stage_deliver_kept(s);
}

/* loop test: who is done first. Neither waits for the other's whole time; the better rank goes on,
 * when the other runs no driver, and alone. */
START_TEST(of_two_that_began_one_goes_on)
{
    int64_t ms = _i ? 12000 : 1000;
    const struct stage_run *first = NULL, *second = NULL;
    both_begin(ms);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    ck_assert_uint_eq(acts(SECOND, STAGE_NONE, &second), 1);
    ck_assert_uint_eq(second->executor, better);
    acts(FIRST, (int)worse, &first);
    ck_assert_int_ge(span_between(first->at, second->at).ns, SPAN_MS(ms).ns);
    ck_assert_uint_eq(acts(FIRST, STAGE_NONE, NULL), 2);
}
END_TEST

/* The better one's second rung fails, too: then the other goes on, and nobody else begins. */
START_TEST(then_the_other_goes_on)
{
    both_begin(STAGE_SECOND);
    s->upper_tool = TOOL_FAILS;
    const struct stage_run *second = NULL;
    while (acts(SECOND, STAGE_NONE, &second) < 1)
        stage_run(s, 10);
    ck_assert_uint_eq(second->executor, better);
    stage_run(s, 8 * STAGE_SECOND + 100);
    s->upper_tool = TOOL_WORKS;
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    ck_assert_uint_eq(acts(SECOND, STAGE_NONE, &second), 2);
    ck_assert_uint_eq(second->executor, worse);
    ck_assert_uint_eq(acts(FIRST, STAGE_NONE, NULL), 2);
}
END_TEST

Suite *suite_begun(void)
{
    Suite *suite = suite_create("begun");
    TCase *t = tcase_create("begun");
    tcase_add_checked_fixture(t, open_five, close_stage);
    tcase_add_loop_test(t, of_two_that_began_one_goes_on, 0, 2);
    tcase_add_test(t, then_the_other_goes_on);
    suite_add_tcase(suite, t);
    return suite;
}
