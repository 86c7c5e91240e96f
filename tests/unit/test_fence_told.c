/*
 * What is told for the fence log, and what is shown of fences that are not over, as plays
 * (peer_play.h, fence_play.h): every node tells what it saw itself (F1, F2, F5, F6), each thing
 * once; an accusation that is no order yet shows who would sign, and who would not.
 */
#include "proto/preview.h"
#include "tests/unit/fence_play.h"

Suite *suite_fence_told(void);

enum { HOLDER = 2, WAITER = 1, LONG = 40 * STAGE_SECOND };

static struct stage *s;
static const char *name; /* its cohort begins with node 0 */
static uint64_t held, waits;

static void open_five(void)
{
    s = stage_open(5, 11);
    s->policy = LOCK_STALE_FENCE;
    name = stage_name_of(s, 0);
}

static void close_stage(void)
{
    stage_end(s);
}

static void hold_and_wait(void)
{
    held = stage_hold(s, HOLDER, name, LOCK_EXCLUSIVE);
    waits = stage_acquire(s, WAITER, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
}

static uint64_t steps(size_t node, enum fence_step_kind kind)
{
    return s->nodes[node].steps[kind];
}

START_TEST(every_node_tells_the_fence)
{
    hold_and_wait();
    stage_kill(s, HOLDER);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    stage_run(s, 5 * STAGE_SECOND);
    uint64_t token = stage_answer(s, held, ANSWER_GRANTED)->token;
    for (size_t i = 0; i < 5; i++) {
        const struct fence_step *last = s->nodes[i].last_step;
        if (i == HOLDER)
            continue;
        ck_assert_uint_eq(steps(i, FENCE_STEP_ACCUSED), 1);
        ck_assert_uint_ge(steps(i, FENCE_STEP_VOTE), 3);
        ck_assert_int_eq(last[FENCE_STEP_VOTE].vote.evidence.opinion, OPINION_VOTES);
        ck_assert_uint_ge(steps(i, FENCE_STEP_ORDER), 1);
        ck_assert_uint_eq(last[FENCE_STEP_ORDER].order.slot, stage_slot(HOLDER));
        ck_assert_uint_eq(last[FENCE_STEP_ORDER].order.life, 1);
        ck_assert_uint_ge(last[FENCE_STEP_ORDER].order.votes, 3);
        ck_assert_uint_ge(steps(i, FENCE_STEP_REPORT), 1);
        ck_assert_uint_eq(steps(i, FENCE_STEP_PROOF), 1);
        ck_assert_uint_eq(last[FENCE_STEP_PROOF].proof.proof, PROOF_EXECUTED);
        ck_assert_uint_ge(steps(i, FENCE_STEP_FREED), 1);
        ck_assert_uint_eq(last[FENCE_STEP_FREED].freed.token, token);
        ck_assert_uint_eq(last[FENCE_STEP_FREED].freed.life, 1);
        ck_assert_uint_eq(steps(i, FENCE_STEP_ALARM), 0);
    }
    ck_assert_uint_eq(STAGE_SUM(s, drop_effects_full), 0);
}
END_TEST

/* While it is suspect, and when it is dead: what each juror said is shown, and why not. */
START_TEST(an_accusation_shows_who_would_and_who_would_not)
{
    struct inquiry_view view;
    bool would = false, would_not = false;
    hold_and_wait();
    stage_kill(s, HOLDER);
    for (int ms = 0; ms < 20 && !(would && would_not); ms++) {
        size_t cursor = 0;
        while (peer_next_inquiry(s->nodes[0].peer, &cursor, &view)) {
            ck_assert_uint_eq(view.slot, stage_slot(HOLDER));
            ck_assert_uint_eq(view.life, 1);
            for (size_t i = 0; i < view.answers.count; i++) {
                bool voted = view.voted >> i & 1;
                enum opinion said = view.answers.opinions[i].evidence.opinion;
                ck_assert_int_eq(voted, said == OPINION_VOTES);
                would |= voted;
                would_not |= !voted;
            }
        }
        stage_run(s, 250);
    }
    ck_assert(would_not); /* while it was suspect only */
    ck_assert(would);
}
END_TEST

START_TEST(a_preview_is_what_then_happens)
{
    struct preview p;
    hold_and_wait();
    ck_assert(peer_preview(s->nodes[HOLDER].peer, s->now, stage_slot(HOLDER), &p)); /* by itself */
    ck_assert_uint_eq(p.life, 1);
    ck_assert_uint_eq(p.juror_count, 4);
    ck_assert_uint_eq(p.brake, 1);
    ck_assert_uint_eq(p.executor_count, 4);
    uint16_t first = p.executors[0].slot;
    ck_assert(!peer_preview(s->nodes[0].peer, s->now, 4242, &p));
    ck_assert(peer_preview(s->nodes[0].peer, s->now, stage_slot(HOLDER), &p));
    ck_assert_uint_eq(p.life, 1);
    ck_assert_uint_eq(p.jurors, 5);
    ck_assert_uint_eq(p.quorum, 3);
    ck_assert_uint_eq(p.juror_count, 4);
    for (size_t i = 0; i < p.juror_count; i++)
        ck_assert(p.juror[i].reachable);
    ck_assert_uint_eq(p.brake, 1); /* F8: it alone */
    ck_assert_uint_eq(p.brake_limit, 2);
    ck_assert_uint_eq(p.executor_count, 4);
    ck_assert_uint_eq(p.executors[0].slot, first); /* the rank is the same for all */
    ck_assert_uint_eq(p.known, p.shards);          /* k is every voter here */
    ck_assert(p.executed.ns > p.ordered.ns);
    stage_kill(s, HOLDER);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    stage_run(s, STAGE_SECOND);
    const struct fence_step *proof = &s->nodes[0].last_step[FENCE_STEP_PROOF];
    ck_assert_uint_eq(proof->proof.executor, p.executors[0].slot);
    ck_assert(peer_preview(s->nodes[0].peer, s->now, stage_slot(HOLDER + 1), &p));
    ck_assert_uint_eq(p.brake, 2); /* the dead one counts */
}
END_TEST

Suite *suite_fence_told(void)
{
    Suite *suite = suite_create("fence_told");
    TCase *tests = tcase_create("fence_told");
    tcase_add_checked_fixture(tests, open_five, close_stage);
    tcase_add_test(tests, every_node_tells_the_fence);
    tcase_add_test(tests, an_accusation_shows_who_would_and_who_would_not);
    tcase_add_test(tests, a_preview_is_what_then_happens);
    suite_add_tcase(suite, tests);
    return suite;
}
