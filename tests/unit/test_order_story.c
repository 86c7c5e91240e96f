/*
 * Orders, as plays (peer_play.h, fence_play.h): from a dead holder to the next grant, through
 * everybody's hands (F1, F2, F3, F4, F5, F6, F9), and every way in which that must not happen. What
 * a juror asks of itself is in test_juror.c, what a voter asks of a break in test_break.c, files
 * that are handed in are in test_submit.c.
 */
#include <stdio.h>

#include "proto/docket.h"
#include "tests/unit/fence_play.h"

Suite *suite_order_story(void);

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

static struct op_id held_id(void)
{
    return stage_id(s, held);
}

/* HOLDER has the lock, WAITER waits for it. */
static void hold_and_wait(void)
{
    held = stage_hold(s, HOLDER, name, LOCK_EXCLUSIVE);
    waits = stage_acquire(s, WAITER, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
}

static const struct answer *granted(void)
{
    const struct answer *a = stage_await(s, waits, ANSWER_GRANTED, LONG);
    ck_assert_ptr_nonnull(a);
    return a;
}

static void not_granted(int64_t ms)
{
    ck_assert_ptr_null(stage_await(s, waits, ANSWER_GRANTED, ms));
}

/* The mark that a broken hold of the holder's first life leaves, and its proof (F5). */
static void check_broken(const struct answer *a, enum lock_ended by)
{
    struct view proof;
    uint64_t covers;
    ck_assert_uint_gt(a->token, stage_answer(s, held, ANSWER_GRANTED)->token);
    ck_assert(a->mark.set);
    ck_assert_int_eq(a->mark.by, by);
    ck_assert_uint_eq(a->mark.slot, stage_slot(HOLDER));
    ck_assert_uint_eq(a->mark.life, 1);
    ck_assert_int_eq(a->mark.mode, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(a->mark.token, stage_answer(s, held, ANSWER_GRANTED)->token);
    proof = peer_proof(s->nodes[WAITER].peer, stage_slot(HOLDER), &covers);
    ck_assert_uint_gt(proof.size, 0);
    struct digest digest = digest_of(proof.bytes, proof.size);
    ck_assert_mem_eq(a->mark.proof.bytes, digest.bytes, DIGEST_SIZE);
}

static void check_mark(const struct answer *a)
{
    check_broken(a, LOCK_ENDED_BY_RECEIPT);
}

/* The machine starts again, states the end of its old life, and takes part. */
static void come_back(uint64_t life)
{
    ck_assert_int_eq(stage_start(s, HOLDER), RECOVERED);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, HOLDER).life, life);
    stage_run(s, 5 * STAGE_SECOND);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(stage_over(s, i, HOLDER), life - 1);
    ck_assert(!stage_status(s, HOLDER).bound);
    stage_release(s, HOLDER, stage_hold(s, HOLDER, "again", LOCK_EXCLUSIVE));
}

/* --- The way of an order --- */

/*
 * loop test: the holder's agent is paused (0) or dies (1) while its machine goes on. Accusation,
 * votes, certificate, executor, off, witness, receipt, break, grant; then the node is reborn.
 */
START_TEST(a_dead_holder_is_fenced_and_the_waiter_has_the_lock)
{
    hold_and_wait();
    if (_i == 0)
        stage_pause(s, HOLDER, true);
    else
        stage_kill(s, HOLDER);
    size_t target = HOLDER;
    ck_assert(stage_until(s, stage_was_run, &target, LONG));
    /* Nobody acts on less than an order (F4), nor signs a receipt before it is off (F6b). */
    ck_assert_uint_ge(stage_votes(s, HOLDER, 1), 3);
    ck_assert(s->nodes[HOLDER].powered);
    ck_assert_uint_eq(STAGE_SUM(s, fence_receipts), 0);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    check_mark(granted());
    ck_assert(!s->nodes[HOLDER].powered);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, STAGE_NONE), 1);
    ck_assert_uint_eq(stage_run_count(s, RUN_STATUS, HOLDER, STAGE_NONE), 1);
    ck_assert_uint_ne(s->runs[0].executor, s->runs[1].executor); /* a further node (F6b) */
    ck_assert_uint_eq(s->runs[0].run.life, 1);
    ck_assert_uint_eq(s->runs[0].run.action, 1);
    stage_run(s, 2 * STAGE_SECOND);
    for (size_t i = 0; i < 5; i++) {
        struct order_view order;
        if (i == HOLDER)
            continue;
        ck_assert(stage_known_order(s, i, HOLDER, 1, &order));
        ck_assert_uint_ge(order.cert.count, 3);
        ck_assert_int_eq(order.stage, FENCE_OVER);
        ck_assert_uint_eq(order.story.accuser, stage_slot(0));
        ck_assert(view_equal(order.story.name, stage_view(name)));
        ck_assert_uint_ge(order.story.count, 3);
        ck_assert_uint_eq(order.report_count, 1);
        ck_assert_int_eq(order.reports[0].stage, RUN_DONE);
        ck_assert_uint_gt(order.proof.size, 0);
        ck_assert_uint_eq(stage_over(s, i, HOLDER), 1);
    }
    ck_assert_uint_eq(STAGE_SUM(s, alarms), 0);
    come_back(2);
    ck_assert_uint_eq(stage_show(s, 3, name)->hold_count, 1);
}
END_TEST

/* The story is durable on who took part: after a restart it can still be told. */
START_TEST(the_story_survives_restarts)
{
    hold_and_wait();
    stage_kill(s, HOLDER);
    granted();
    stage_run(s, 2 * STAGE_SECOND);
    for (size_t i = 0; i < 5; i++) {
        if (i == HOLDER)
            continue;
        struct order_view before, after;
        ck_assert(stage_known_order(s, i, HOLDER, 1, &before));
        struct digest proof = before.proof_digest;
        size_t opinions = before.story.count;
        stage_kill(s, i);
        ck_assert_int_eq(stage_start(s, i), RECOVERED);
        ck_assert(stage_known_order(s, i, HOLDER, 1, &after));
        ck_assert_uint_eq(after.story.count, opinions);
        ck_assert_mem_eq(after.proof_digest.bytes, proof.bytes, DIGEST_SIZE);
        ck_assert_uint_eq(after.report_count, 1);
        ck_assert_uint_eq(stage_over(s, i, HOLDER), 1);
        ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    }
}
END_TEST

/* A long order goes without its story, which comes behind it: kept beside the order, the first one
 * for good, and acknowledged as such. Of an order that is not known no story is kept. */
START_TEST(a_story_comes_behind_its_order)
{
    uint8_t cert_bytes[ORDER_CERT_BYTES_MAX], bytes[STORY_BYTES_MAX];
    struct order_cert cert = stage_order(s, HOLDER, 1, 3, 3);
    struct fence_story told = {.accuser = stage_slot(0), .name = stage_view(name), .count = 1};
    told.opinions[0].juror = stage_slot(3);
    told.opinions[0].evidence.direct = 2;
    struct writer w = writer_init(bytes, sizeof bytes);
    story_encode(&w, &told);
    struct message order = {.type = WIRE_ORDER,
                            .order = {.cert = {cert_bytes, stage_order_bytes(cert_bytes, &cert)}}};
    struct message story = {
        .type = WIRE_STORY,
        .story = {.slot = stage_slot(HOLDER), .life = 1, .story = {bytes, writer_size(&w)}}};
    struct order_view view;
    stage_say(s, 0, 4, &story);
    ck_assert(!stage_known_order(s, 4, HOLDER, 1, &view));
    ck_assert_uint_eq(s->nodes[0].heard[WIRE_ORDER_STORED], 0);
    stage_say(s, 0, 4, &order);
    stage_run(s, 5);
    ck_assert_uint_eq(s->nodes[0].last[WIRE_ORDER_STORED].order_stored.actions, 3);
    stage_say(s, 0, 4, &story);
    stage_run(s, 5);
    ck_assert_uint_eq(s->nodes[0].last[WIRE_ORDER_STORED].order_stored.actions,
                      3 | ORDER_STORY_KEPT);
    told.opinions[0].evidence.direct = 1;
    w = writer_init(bytes, sizeof bytes);
    story_encode(&w, &told);
    stage_say(s, 0, 4, &story);
    stage_kill(s, 4);
    ck_assert_int_eq(stage_start(s, 4), RECOVERED);
    ck_assert(stage_known_order(s, 4, HOLDER, 1, &view));
    ck_assert_uint_eq(view.story.count, 1);
    ck_assert_uint_eq(view.story.opinions[0].evidence.direct, 2);
}
END_TEST

/* F2e: nobody is asked about a hold under `hold`; the machine's own word frees it (F6a). */
START_TEST(a_hold_under_hold_asks_nobody_and_waits_for_the_boot)
{
    s->policy = LOCK_STALE_HOLD;
    hold_and_wait();
    stage_kill(s, HOLDER);
    not_granted(LONG);
    ck_assert_uint_eq(stage_sent(s, WIRE_ACCUSE), 0);
    ck_assert_uint_eq(stage_votes(s, HOLDER, 1), 0);
    const struct answer *a = stage_answer(s, waits, ANSWER_WAITING);
    ck_assert_int_eq(a->stale.stage, FENCE_HOLD);
    ck_assert_uint_eq(a->stale.slot, stage_slot(HOLDER));
    stage_power_cut(s, HOLDER);
    stage_start(s, HOLDER);
    check_broken(granted(), LOCK_ENDED_BY_STATEMENT);
    ck_assert_uint_eq(s->run_count, 0);
}
END_TEST

/* F2e, `when = wanted`: a dead holder that nobody waits for is left in peace. */
START_TEST(nobody_is_fenced_whom_nobody_waits_for)
{
    held = stage_hold(s, HOLDER, name, LOCK_EXCLUSIVE);
    stage_kill(s, HOLDER);
    stage_run(s, LONG);
    ck_assert_uint_eq(stage_sent(s, WIRE_ACCUSE), 0);
    ck_assert_uint_eq(s->run_count, 0);
    waits = stage_acquire(s, WAITER, name, LOCK_EXCLUSIVE);
    check_mark(granted());
}
END_TEST

/* The same of one that the first of the queue could hold beside: it waits for another, who lives.
 */
START_TEST(nobody_is_fenced_who_is_not_in_the_way)
{
    stage_hold(s, HOLDER, name, LOCK_CR);
    uint64_t writer = stage_hold(s, 0, name, LOCK_CW);
    waits = stage_acquire(s, WAITER, name, LOCK_PR);
    stage_kill(s, HOLDER);
    stage_run(s, LONG);
    ck_assert_uint_eq(stage_sent(s, WIRE_ACCUSE), 0);
    ck_assert_int_eq(stage_answer(s, waits, ANSWER_WAITING)->stale.stage, FENCE_NONE);
    stage_release(s, 0, writer);
    ck_assert_ptr_nonnull(granted());
    ck_assert_uint_eq(s->run_count, 0);
    ck_assert_uint_eq(stage_show(s, 0, name)->hold_count, 2);
}
END_TEST

/* A counted holder is in the way when there is no room for one more. */
START_TEST(a_dead_counted_holder_is_fenced_for_the_next)
{
    s->limit = 2;
    held = stage_hold(s, HOLDER, name, LOCK_COUNTED);
    stage_hold(s, 0, name, LOCK_COUNTED);
    stage_kill(s, HOLDER);
    stage_run(s, LONG);
    ck_assert_uint_eq(stage_sent(s, WIRE_ACCUSE), 0);
    waits = stage_acquire(s, WAITER, name, LOCK_COUNTED);
    const struct answer *a = granted();
    ck_assert(a->mark.set && a->mark.by == LOCK_ENDED_BY_RECEIPT);
    ck_assert_int_eq(a->mark.mode, LOCK_COUNTED);
    ck_assert_uint_gt(s->run_count, 0);
}
END_TEST

/* A site comes back from a power loss by end statements alone: no order, no run (F6a). */
START_TEST(all_boot_again_without_one_order)
{
    uint64_t holds[5];
    char own[16];
    for (size_t i = 0; i < 5; i++) {
        snprintf(own, sizeof own, "disk-%zu", i);
        holds[i] = stage_hold(s, i, own, LOCK_EXCLUSIVE);
    }
    stage_run(s, STAGE_SECOND);
    for (size_t i = 0; i < 5; i++)
        stage_power_cut(s, i);
    stage_run(s, STAGE_SECOND);
    for (size_t i = 0; i < 5; i++)
        stage_start(s, i);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    for (size_t i = 0; i < 5; i++) {
        snprintf(own, sizeof own, "disk-%zu", i);
        uint64_t next = stage_hold(s, (i + 1) % 5, own, LOCK_EXCLUSIVE);
        const struct answer *a = stage_answer(s, next, ANSWER_GRANTED);
        ck_assert(a->mark.set && a->mark.by == LOCK_ENDED_BY_STATEMENT);
        ck_assert_uint_eq(a->mark.slot, stage_slot(i));
        ck_assert_uint_gt(a->token, stage_answer(s, holds[i], ANSWER_GRANTED)->token);
    }
    ck_assert_uint_eq(stage_sent(s, WIRE_VOTE), 0);
    ck_assert_uint_eq(s->run_count, 0);
}
END_TEST

/* --- Executors (F9) --- */

/* The one of a better rank fails; the next acts. */
START_TEST(the_next_executor_acts_when_one_fails)
{
    hold_and_wait();
    stage_tools(s, TOOL_FAILS);
    stage_kill(s, HOLDER);
    size_t target = HOLDER;
    ck_assert(stage_until(s, stage_was_run, &target, LONG));
    size_t first = s->runs[0].executor;
    for (size_t i = 0; i < 5; i++)
        s->nodes[i].tool = i == first ? TOOL_FAILS : TOOL_WORKS;
    check_mark(granted());
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, (int)first), 1);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, STAGE_NONE), 2);
    stage_run(s, STAGE_SECOND);
    struct order_view order;
    ck_assert(stage_known_order(s, 0, HOLDER, 1, &order));
    ck_assert_uint_eq(order.report_count, 2);
    ck_assert_uint_eq(order.reports[0].executor, stage_slot(first));
    ck_assert_int_eq(order.reports[0].stage, RUN_FAILED);
    ck_assert_str_eq(order.reports[0].text, "as the script says");
}
END_TEST

/* Slow failures do not bring all who are left to act at once: one after the other. */
START_TEST(one_executor_at_a_time)
{
    hold_and_wait();
    stage_tools(s, TOOL_FAILS);
    for (size_t i = 0; i < 5; i++)
        s->nodes[i].tool_ms = 9 * STAGE_SECOND;
    stage_kill(s, HOLDER);
    not_granted(3 * LONG);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, STAGE_NONE), 4);
    for (size_t i = 1; i < s->run_count; i++)
        ck_assert_int_ge(span_between(s->runs[i - 1].at, s->runs[i].at).ns,
                         SPAN_MS(9 * STAGE_SECOND).ns);
}
END_TEST

/*
 * loop test: _i is a tool that does nothing and does not truly say off. It never gives a receipt
 * (F6b), each executor tries once for this life, and the wait goes on until the machine boots.
 */
START_TEST(what_is_not_off_gives_no_receipt)
{
    hold_and_wait();
    stage_tools(s, (enum stage_tool)_i);
    stage_kill(s, HOLDER);
    not_granted(3 * LONG);
    for (int i = 0; i < 5; i++)
        ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, i), i != HOLDER);
    ck_assert_uint_eq(STAGE_SUM(s, fence_receipts), 0);
    ck_assert_uint_eq(stage_over(s, 0, HOLDER), 0);
    if (_i != TOOL_HANGS)
        ck_assert_int_eq(stage_answer(s, waits, ANSWER_WAITING)->stale.stage, FENCE_FAILED);
    stage_power_cut(s, HOLDER);
    stage_start(s, HOLDER);
    check_broken(granted(), LOCK_ENDED_BY_STATEMENT);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, STAGE_NONE), 4);
}
END_TEST

/* F6b: an executor's device lies, a further node's status query says on: no receipt. */
START_TEST(a_witness_that_says_on_stops_the_receipt)
{
    hold_and_wait();
    stage_kill(s, HOLDER);
    /* Who has its turn lies; the others would do it rightly, and are asked as witnesses. */
    size_t target = HOLDER;
    ck_assert(stage_until(s, stage_was_run, &target, LONG));
    size_t liar = s->runs[0].executor;
    s->nodes[liar].tool = TOOL_LIES;
    stage_run(s, 250);
    ck_assert_uint_eq(stage_run_count(s, RUN_STATUS, HOLDER, STAGE_NONE), 1);
    ck_assert_uint_eq(STAGE_SUM(s, fence_receipts), 0);
    struct order_view order;
    ck_assert(stage_known_order(s, liar, HOLDER, 1, &order));
    ck_assert_int_eq(order.reports[0].stage, RUN_FAILED);
    ck_assert_ptr_nonnull(strstr(order.reports[0].text, "F6b"));
    check_mark(granted()); /* by another's hand */
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, STAGE_NONE), 2);
}
END_TEST

/* That it acts is durable before it does; a restart in the middle does not make it act again. */
START_TEST(an_executor_acts_once_per_life_also_over_a_restart)
{
    hold_and_wait();
    stage_tools(s, TOOL_HANGS);
    stage_kill(s, HOLDER);
    size_t target = HOLDER;
    ck_assert(stage_until(s, stage_was_run, &target, LONG));
    int first = (int)s->runs[0].executor;
    stage_power_cut(s, (size_t)first);
    s->nodes[first].tool = TOOL_WORKS;
    stage_run(s, 100);
    stage_start(s, (size_t)first);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    stage_run(s, 3 * LONG);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, first), 1);
    for (int i = 0; i < 5; i++)
        ck_assert_uint_le(stage_run_count(s, RUN_OFF_STATUS, HOLDER, i), 1);
}
END_TEST

static void only_three_executes(struct roster *roster)
{
    for (size_t i = 0; i < roster->node_count; i++)
        roster->nodes[i].executes = i == 3;
}

static void let_three_execute(void)
{
    stage_end(s);
    s = stage_begin_under(5, 11, only_three_executes);
    stage_start_all(s);
    s->policy = LOCK_STALE_FENCE;
}

/* No record that it acts, no run: a sync that does not come holds the executor back, and what the
 * jurors had said is too old then (F9). */
START_TEST(an_executor_writes_before_it_acts)
{
    let_three_execute();
    hold_and_wait();
    stage_sync(s, 3, SYNC_HELD);
    stage_kill(s, HOLDER);
    stage_run(s, 20 * STAGE_SECOND);
    struct order_view order;
    ck_assert(stage_known_order(s, 3, HOLDER, 1, &order));
    ck_assert_uint_eq(order.cert.count, 3);
    uint64_t asked = s->nodes[3].sent[WIRE_EXEC_ASK];
    ck_assert_uint_gt(asked, 0);
    ck_assert_uint_eq(s->run_count, 0);
    stage_sync(s, 3, SYNC_PROMPT);
    check_mark(granted());
    ck_assert_uint_gt(s->nodes[3].sent[WIRE_EXEC_ASK], asked);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, 3), 1);
    /* There is no further node that reaches the device: none is asked. */
    ck_assert_uint_eq(stage_run_count(s, RUN_STATUS, HOLDER, STAGE_NONE), 0);
}
END_TEST

/* Of the asking alone nothing has come: who asked in vain acts after a restart all the same. */
START_TEST(an_asking_is_not_an_act)
{
    struct stage_filter no_answers[] = {
        {STAGE_NONE, STAGE_NONE, STAGE_TYPE(EXEC_OK), FATE_LOSE, false}, {0}};
    let_three_execute();
    hold_and_wait();
    s->way = stage_filters;
    s->way_context = no_answers;
    stage_kill(s, HOLDER);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_gt(s->nodes[3].sent[WIRE_EXEC_ASK], 0);
    ck_assert_uint_eq(s->run_count, 0);
    stage_power_cut(s, 3);
    s->way = NULL;
    stage_run(s, 100);
    stage_start(s, 3);
    check_mark(granted());
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, 3), 1);
}
END_TEST

/* F9: nobody is asked to act who does not know q jurors that agree. */
START_TEST(an_executor_asks_a_quorum_before_it_acts)
{
    hold_and_wait();
    struct stage_filter no_asks[] = {
        {STAGE_NONE, STAGE_NONE, STAGE_TYPE(EXEC_ASK), FATE_LOSE, false}, {0}};
    s->way = stage_filters;
    s->way_context = no_asks;
    stage_kill(s, HOLDER);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_ge(stage_votes(s, HOLDER, 1), 3);
    ck_assert_uint_gt(stage_sent(s, WIRE_EXEC_ASK), 0);
    ck_assert_uint_eq(s->run_count, 0);
    s->way = NULL;
    check_mark(granted());
}
END_TEST

/* F9: the driver is started only within 2 s of asking q jurors: what comes later is not an answer.
 */
START_TEST(late_answers_start_no_driver)
{
    hold_and_wait();
    struct stage_filter keep[] = {{STAGE_NONE, STAGE_NONE, STAGE_TYPE(EXEC_OK), FATE_KEEP, false},
                                  {0}};
    s->way = stage_filters;
    s->way_context = keep;
    stage_kill(s, HOLDER);
    for (int i = 0; i < 200 && s->kept_count == 0; i++)
        stage_run(s, 100);
    ck_assert_uint_gt(s->kept_count, 0);
    stage_run(s, 2500);
    keep[0].fate = FATE_LOSE; /* what is asked from now on is not answered at all */
    stage_run(s, 2500);
    stage_deliver_kept(s);
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(s->run_count, 0);
    ck_assert_uint_eq(STAGE_SUM(s, fence_runs), 0);
    s->way = NULL;
    check_mark(granted());
}
END_TEST

/* --- Votes (F1) --- */

/*
 * The votes for one asker count for any other: the first coordinator gets none of them and dies;
 * the next gets the very same ones, signed once.
 */
START_TEST(votes_of_two_accusers_add_up)
{
    hold_and_wait();
    struct stage_filter no_votes[] = {{STAGE_NONE, 0, STAGE_TYPE(VOTE), FATE_LOSE, false}, {0}};
    s->way = stage_filters;
    s->way_context = no_votes;
    stage_kill(s, HOLDER);
    for (int i = 0; i < 300 && stage_votes(s, HOLDER, 1) < 4; i++)
        stage_run(s, 100);
    ck_assert_uint_eq(stage_votes(s, HOLDER, 1), 4);
    ck_assert_uint_eq(s->run_count, 0);
    uint64_t signed_before = STAGE_SUM(s, fence_votes) - stage_counters(s, 0)->fence_votes;
    stage_kill(s, 0);
    check_mark(granted());
    struct order_view order;
    ck_assert(stage_known_order(s, WAITER, HOLDER, 1, &order));
    ck_assert_uint_ge(order.cert.count, 3);
    ck_assert_uint_ne(order.story.accuser, stage_slot(0));
    ck_assert_uint_eq(STAGE_SUM(s, fence_votes), signed_before);
}
END_TEST

/* --- The target obeys (F3) --- */

/* An order that allows only to retire: nobody can touch the machine. */
static void submit_retire(void)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct order_cert cert = stage_order(s, HOLDER, 1, 3, 1u << ACTION_RETIRE);
    uint64_t handle = stage_submit(s, 4, ORDER_FILE_MAGIC, bytes, stage_order_bytes(bytes, &cert));
    ck_assert_ptr_nonnull(stage_answer(s, handle, ANSWER_SUBMITTED));
    stage_run(s, 200);
}

/*
 * All is well with it, and it obeys at once: holders of any policy are told, requests refused; when
 * the last hold is dropped, and not before, it is another life, whose word breaks the old one's
 * holds (F2, F3, F6a).
 */
START_TEST(the_target_obeys)
{
    hold_and_wait();
    s->policy = LOCK_STALE_HOLD;
    uint64_t other = stage_hold(s, HOLDER, "another", LOCK_SHARED);
    s->policy = LOCK_STALE_FENCE;
    uint64_t blocker = stage_hold(s, WAITER, "busy", LOCK_EXCLUSIVE);
    uint64_t pending = stage_acquire(s, HOLDER, "busy", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, pending, ANSWER_WAITING, STAGE_SECOND));
    submit_retire();
    ck_assert(stage_status(s, HOLDER).bound);
    ck_assert_uint_eq(s->nodes[HOLDER].notices[NOTICE_BOUND], 1);
    ck_assert_uint_eq(stage_told(s, held_id(), ANSWER_LOST), 1);
    ck_assert_uint_eq(stage_told(s, stage_id(s, other), ANSWER_LOST), 1);
    ck_assert_int_eq(stage_answer(s, 0, ANSWER_LOST)->lost, LOST_ORDER);
    ck_assert_ptr_nonnull(stage_answer(s, pending, ANSWER_LIFE_ENDED));
    ck_assert_ptr_nonnull(
        stage_answer(s, stage_acquire(s, HOLDER, "new", LOCK_SHARED), ANSWER_LIFE_ENDED));
    /* Its stop sets are not empty: it neither drops nor begins another life. */
    not_granted(10 * STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, HOLDER).life, 1);
    ck_assert_uint_eq(s->nodes[HOLDER].sent[WIRE_PROOF], 0);
    stage_drop_unclean(s, HOLDER, held_id());
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, HOLDER).life, 1); /* one hold is left */
    stage_drop_unclean(s, HOLDER, stage_id(s, other));
    granted();
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, HOLDER).life, 2);
    ck_assert(!stage_status(s, HOLDER).bound);
    stage_run(s, 2 * STAGE_SECOND);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(stage_over(s, i, HOLDER), 1);
    ck_assert_uint_eq(s->run_count, 0);
    ck_assert(s->nodes[HOLDER].powered);
    stage_hold(s, HOLDER, "new", LOCK_SHARED);
    (void)blocker;
}
END_TEST

/* An unclean drop on a living node marks the lock as the node's own word, not as broken (F11). */
START_TEST(a_stopped_holder_leaves_a_mark)
{
    hold_and_wait();
    stage_drop_unclean(s, HOLDER, held_id());
    const struct answer *a = granted();
    ck_assert(a->mark.set && a->mark.by == LOCK_ENDED_BY_AGENT);
    ck_assert_uint_eq(a->mark.slot, stage_slot(HOLDER));
    ck_assert_uint_eq(a->mark.token, stage_answer(s, held, ANSWER_GRANTED)->token);
}
END_TEST

/* F3: it obeys after a restart too: the order is in its docket. */
START_TEST(an_order_binds_over_a_restart)
{
    hold_and_wait();
    submit_retire();
    ck_assert_uint_eq(stage_told(s, held_id(), ANSWER_LOST), 1);
    stage_run(s, 200);
    stage_kill(s, HOLDER);
    stage_start(s, HOLDER);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, HOLDER).life, 1);
    ck_assert(stage_status(s, HOLDER).bound);
    stage_drop_unclean(s, HOLDER, held_id());
    granted();
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, HOLDER).life, 2);
}
END_TEST

Suite *suite_order_story(void)
{
    Suite *suite = suite_create("order_story");
    TCase *story = tcase_create("story");
    tcase_add_checked_fixture(story, open_five, close_stage);
    tcase_add_loop_test(story, a_dead_holder_is_fenced_and_the_waiter_has_the_lock, 0, 2);
    tcase_add_test(story, the_story_survives_restarts);
    tcase_add_test(story, a_story_comes_behind_its_order);
    tcase_add_test(story, a_hold_under_hold_asks_nobody_and_waits_for_the_boot);
    tcase_add_test(story, nobody_is_fenced_whom_nobody_waits_for);
    tcase_add_test(story, nobody_is_fenced_who_is_not_in_the_way);
    tcase_add_test(story, a_dead_counted_holder_is_fenced_for_the_next);
    tcase_add_test(story, all_boot_again_without_one_order);
    tcase_add_test(story, votes_of_two_accusers_add_up);
    suite_add_tcase(suite, story);

    TCase *executors = tcase_create("executors");
    tcase_add_checked_fixture(executors, open_five, close_stage);
    tcase_add_test(executors, the_next_executor_acts_when_one_fails);
    tcase_add_test(executors, one_executor_at_a_time);
    tcase_add_loop_test(executors, what_is_not_off_gives_no_receipt, TOOL_FAILS, TOOL_LIES);
    tcase_add_loop_test(executors, what_is_not_off_gives_no_receipt, TOOL_WRONG_DEVICE,
                        TOOL_NO_NAME + 1);
    tcase_add_test(executors, a_witness_that_says_on_stops_the_receipt);
    tcase_add_test(executors, an_executor_acts_once_per_life_also_over_a_restart);
    tcase_add_test(executors, an_executor_writes_before_it_acts);
    tcase_add_test(executors, an_asking_is_not_an_act);
    tcase_add_test(executors, an_executor_asks_a_quorum_before_it_acts);
    tcase_add_test(executors, late_answers_start_no_driver);
    suite_add_tcase(suite, executors);

    TCase *orders = tcase_create("orders");
    tcase_add_checked_fixture(orders, open_five, close_stage);
    tcase_add_test(orders, the_target_obeys);
    tcase_add_test(orders, a_stopped_holder_leaves_a_mark);
    tcase_add_test(orders, an_order_binds_over_a_restart);
    suite_add_tcase(suite, orders);
    return suite;
}
