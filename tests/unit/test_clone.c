/*
 * Clones (section 7, "two starts of one life"): what proves that two starts live at once and what
 * does not, by hand; then whole peers, one of them with a copy that runs beside it.
 */
#include "tests/unit/peer_play.h"

#include "proto/clone.h"
#include "proto/core.h"
#include "proto/link.h"

Suite *suite_clone(void);

/* --- Hellos by hand --- */

#define DETECT SPAN_MS(4000)

enum { A = 0xa, B = 0xb, C = 0xc };

static struct clone clone;
static struct instant now;
static uint32_t said; /* hellos that we said */

static void begin(void)
{
    clone_init(&clone);
    now = (struct instant){INT64_C(1000000000)};
    said = 0;
}

static void later(int64_t ms)
{
    now = instant_after(now, SPAN_MS(ms));
}

/* A hello of that start, which echoes our hello of that number; 0: none of ours. */
static void hello(uint8_t start, uint32_t echo)
{
    static const struct address nowhere;
    struct hello h = {.start = {{start}}, .seq = 1, .echo_seq = echo};
    clone_hello(&clone, now, DETECT, &h, echo > 0, said, &nowhere);
}

/* We say one, and that start answers it. */
static void answers(uint8_t start)
{
    said++;
    hello(start, said);
}

/* Addresses at which it is to be asked now. */
static struct address at[3];

static size_t asks(void)
{
    static struct core core;
    static struct roster roster = {
        .node_count = 1, .detect_ms = 4000, .nodes = {{.slot = 1, .address = {.port = 1}}}};
    core.config.roster = &roster;
    return clone_asks(&clone, &core, now, 1, at);
}

static bool is_double(void)
{
    return clone_is_double(&clone, now, DETECT);
}

START_TEST(a_restart_is_no_clone)
{
    begin();
    hello(A, 0);
    answers(A);
    later(100);
    hello(B, 0);
    answers(B);
    answers(B);
    ck_assert(!is_double());
    hello(C, 0);
    answers(C);
    ck_assert(!is_double());
}
END_TEST

START_TEST(two_that_answer_are_a_clone)
{
    begin();
    hello(A, 0);
    answers(A);
    hello(B, 0);
    ck_assert_int_eq(clone_judge(&clone, now, DETECT), CLONE_SAME);
    answers(A);
    ck_assert(!is_double()); /* B may be a hello that somebody kept */
    answers(B);
    ck_assert_int_eq(clone_judge(&clone, now, DETECT), CLONE_FOUND);
    ck_assert_int_eq(clone_judge(&clone, now, DETECT), CLONE_SAME);
}
END_TEST

START_TEST(what_somebody_kept_proves_nothing)
{
    begin();
    hello(A, 0);
    answers(A);
    uint32_t old = said;
    hello(B, 0); /* A has started again as B, and its old hellos come back */
    answers(B);
    hello(A, old);
    hello(A, 0);
    answers(B);
    ck_assert(!is_double());
    hello(C, 0); /* nor do those of many starts */
    hello(A, 1);
    answers(B);
    ck_assert(!is_double());
}
END_TEST

START_TEST(it_is_over_when_one_is_silent)
{
    begin();
    hello(A, 0);
    answers(A);
    hello(B, 0);
    answers(A);
    answers(B);
    ck_assert_int_eq(clone_judge(&clone, now, DETECT), CLONE_FOUND);
    later(3000);
    answers(A);
    ck_assert(is_double());
    later(1001);
    answers(A);
    ck_assert_int_eq(clone_judge(&clone, now, DETECT), CLONE_OVER);
    answers(B);
    ck_assert_int_eq(clone_judge(&clone, now, DETECT), CLONE_FOUND);
}
END_TEST

START_TEST(a_contested_node_is_asked_for_a_while)
{
    begin();
    hello(A, 0);
    answers(A);
    ck_assert_int_eq(clone_deadline(&clone).ns, INSTANT_NEVER.ns);
    hello(B, 0);
    answers(B);
    size_t asked = 0;
    for (int i = 0; i < 1000; i++, later(10))
        asked += asks();
    ck_assert_uint_ge(asked, 4);
    ck_assert_uint_le(asked, 7);
    ck_assert_int_eq(clone_deadline(&clone).ns, INSTANT_NEVER.ns);
}
END_TEST

/* A hello from elsewhere is answered there once; who answers is asked there from then on. */
START_TEST(a_copy_is_asked_where_it_is)
{
    struct address elsewhere = {.port = 7};
    struct hello h = {.start = {{B}}, .seq = 1};
    begin();
    hello(A, 0);
    answers(A);
    clone_hello(&clone, now, DETECT, &h, false, said, &elsewhere);
    ck_assert_uint_eq(asks(), 2);
    ck_assert_uint_eq(at[0].port, 1);
    ck_assert_uint_eq(at[1].port, 7);
    ck_assert_uint_eq(asks(), 0);
    later(1000);
    ck_assert_uint_eq(asks(), 1);
    h.echo_seq = ++said;
    clone_hello(&clone, now, DETECT, &h, true, said, &elsewhere);
    for (int i = 0; i < 3; i++, later(700))
        if (i > 0)
            ck_assert_uint_eq(asks(), 2);
}
END_TEST

START_TEST(a_quorum_of_jurors_tells_a_node)
{
    struct clone_self self = {0};
    struct jury jury = {.count = 5, .quorum = 3};
    begin();
    clone_self_told(&self, now, 0);
    clone_self_told(&self, now, 0);
    clone_self_told(&self, now, 4);
    ck_assert(!clone_self_is(&self, &jury, now, DETECT));
    later(3999);
    clone_self_told(&self, now, 2);
    ck_assert(clone_self_is(&self, &jury, now, DETECT));
    later(1);
    ck_assert(!clone_self_is(&self, &jury, now, DETECT));
}
END_TEST

/* --- Whole peers --- */

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 7);
}

static void close_stage(void)
{
    stage_end(s);
}

static bool all_know(struct stage *stage, void *context)
{
    const size_t *node = context;
    for (size_t i = 0; i < stage->count; i++)
        if (i != *node && !stage->nodes[i].notices[NOTICE_CLONE])
            return false;
    return stage_status(stage, *node).cloned && stage_status(stage, stage->count).cloned;
}

static bool one_is_left(struct stage *stage, void *context)
{
    const size_t *node = context;
    for (size_t i = 0; i < stage->count; i++)
        if (i != *node && stage->nodes[i].last_notice[NOTICE_CLONE].number != 1)
            return false;
    return !stage_status(stage, *node).cloned;
}

/* All others raise the alarm; both abstain: neither is granted anything, nor votes. */
START_TEST(both_abstain)
{
    size_t node = 1, twin = stage_twin(s, node);
    ck_assert(stage_until(s, all_know, &node, 10 * STAGE_SECOND));
    uint64_t one = stage_acquire_by(s, node, "image", LOCK_EXCLUSIVE, STAGE_SECOND);
    uint64_t other = stage_acquire_by(s, twin, "image", LOCK_EXCLUSIVE, STAGE_SECOND);
    ck_assert_ptr_nonnull(stage_answer(s, one, ANSWER_NOT_READY));
    ck_assert_ptr_nonnull(stage_answer(s, other, ANSWER_NOT_READY));
    uint64_t accepts = stage_counters(s, node)->accepts + stage_counters(s, twin)->accepts;
    for (int i = 0; i < 20; i++)
        stage_release(s, 2, stage_hold(s, 2, "image", LOCK_EXCLUSIVE)); /* the others go on */
    ck_assert_uint_eq(stage_counters(s, node)->accepts + stage_counters(s, twin)->accepts, accepts);
    ck_assert_uint_gt(stage_counters(s, 0)->drop_cloned, 0);
    stage_run(s, 20 * STAGE_SECOND); /* and it lasts */
    ck_assert(stage_status(s, node).cloned && stage_status(s, twin).cloned);
    ck_assert_uint_eq(stage_counters(s, 0)->clones, 1);
}
END_TEST

/* It is known before the copy can get anywhere: it never stands, and what the node held is kept. */
START_TEST(a_copy_gets_nowhere)
{
    size_t node = 1;
    uint64_t held = stage_hold(s, node, "disk", LOCK_EXCLUSIVE);
    size_t twin = stage_twin(s, node);
    uint64_t asks = stage_acquire_by(s, twin, "image", LOCK_EXCLUSIVE, 30 * STAGE_SECOND);
    stage_drop(s, twin, stage_id(s, held));
    for (int i = 0; i < 3000; i++) {
        stage_run(s, 10);
        ck_assert(!stage_status(s, twin).standing);
    }
    ck_assert_ptr_null(stage_answer(s, asks, ANSWER_GRANTED));
    ck_assert_uint_eq(stage_show(s, 0, "disk")->hold_count, 1);
    ck_assert(!stage_status(s, node).standing);
    ck_assert_uint_eq(s->run_count, 0); /* and nobody is fenced for it */
}
END_TEST

START_TEST(when_the_copy_is_off_all_is_well)
{
    size_t node = 3, twin = stage_twin(s, node);
    ck_assert(stage_until(s, all_know, &node, 10 * STAGE_SECOND));
    stage_kill(s, twin);
    ck_assert(stage_until(s, one_is_left, &node, 20 * STAGE_SECOND));
    stage_release(s, node, stage_hold(s, node, "image", LOCK_EXCLUSIVE));
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert(!stage_status(s, node).cloned);
}
END_TEST

START_TEST(restarts_raise_no_alarm)
{
    for (int i = 0; i < 8; i++) {
        stage_kill(s, 2);
        ck_assert_int_eq(stage_start(s, 2), RECOVERED);
        stage_run(s, 300);
    }
    stage_run(s, 10 * STAGE_SECOND);
    for (size_t i = 0; i < s->count; i++)
        ck_assert_uint_eq(s->nodes[i].notices[NOTICE_CLONE], 0);
}
END_TEST

Suite *suite_clone(void)
{
    Suite *suite = suite_create("clone");
    TCase *hellos = tcase_create("hellos");
    tcase_add_test(hellos, a_restart_is_no_clone);
    tcase_add_test(hellos, two_that_answer_are_a_clone);
    tcase_add_test(hellos, what_somebody_kept_proves_nothing);
    tcase_add_test(hellos, it_is_over_when_one_is_silent);
    tcase_add_test(hellos, a_contested_node_is_asked_for_a_while);
    tcase_add_test(hellos, a_copy_is_asked_where_it_is);
    tcase_add_test(hellos, a_quorum_of_jurors_tells_a_node);
    suite_add_tcase(suite, hellos);
    TCase *peers = tcase_create("peers");
    tcase_add_checked_fixture(peers, open_five, close_stage);
    tcase_add_test(peers, both_abstain);
    tcase_add_test(peers, a_copy_gets_nowhere);
    tcase_add_test(peers, when_the_copy_is_off_all_is_well);
    tcase_add_test(peers, restarts_raise_no_alarm);
    suite_add_tcase(suite, peers);
    return suite;
}
