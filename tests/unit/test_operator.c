/*
 * What operators ask (proto/accuser.h, proto/hearing.h), as plays: an order that nobody waits for
 * is made by the jurors' own evidence alone (F2), and a person's receipt is taken only when nobody
 * hears that life (F6d, F12).
 */
#include "tests/unit/crypto_fixture.h"
#include "tests/unit/fence_play.h"

Suite *suite_operator(void);

enum { ASKER = 0, JUROR = 1, TARGET = 2, DETECT = 4 * STAGE_SECOND, H = 14 * STAGE_SECOND };

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 41);
    s->policy = LOCK_STALE_FENCE;
}

static void one_voter(struct roster *roster)
{
    for (size_t i = 0; i < roster->node_count; i++)
        roster->nodes[i].votes = roster->nodes[i].juror = i == 0;
}

static void open_two(void)
{
    s = stage_begin_under(2, 42, one_voter);
    stage_start_all(s);
    s->policy = LOCK_STALE_FENCE;
}

static void close_stage(void)
{
    stage_end(s);
}

/* --- Asking for an order --- */

static uint64_t request_of(size_t node, size_t target, uint64_t life)
{
    struct event event = {.kind = EVENT_FENCE,
                          .fence = {.handle = ++s->last_handle,
                                    .slot = stage_slot(target),
                                    .life = life,
                                    .who = stage_view("uid 0"),
                                    .reason = stage_view("its disk burns")}};
    stage_event(s, node, &event);
    return s->last_handle;
}

/* Asks on, as the command does. */
static void request_for(int64_t ms)
{
    for (int64_t at = 0; at < ms; at += 500) {
        ck_assert_ptr_nonnull(stage_answer(s, request_of(ASKER, TARGET, 1), ANSWER_SUBMITTED));
        stage_run(s, 500);
    }
}

static struct stale_view asked(struct fence_story *story)
{
    struct stale_view view;
    ck_assert(peer_accused(s->nodes[ASKER].peer, stage_slot(TARGET), 1, story, &view));
    return view;
}

/* Nothing is held, nobody waits. */
START_TEST(a_dead_node_is_fenced_at_an_operators_word)
{
    struct order_view order;
    stage_run(s, 10 * STAGE_SECOND); /* its life is heard by all (F8) */
    stage_kill(s, TARGET);
    stage_await_dead(s, TARGET);
    stage_run(s, DETECT);
    ck_assert(!stage_known_order(s, ASKER, TARGET, 1, &order));
    for (int i = 0; i < 60 && stage_over(s, ASKER, TARGET) == 0; i++) {
        request_of(ASKER, TARGET, 1);
        stage_run(s, 500);
    }
    ck_assert_uint_eq(stage_over(s, ASKER, TARGET), 1);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, TARGET, STAGE_NONE), 1);
    for (size_t i = 0; i < s->count; i++) {
        if (i == TARGET)
            continue;
        ck_assert(stage_known_order(s, i, TARGET, 1, &order));
        ck_assert_uint_eq(order.story.accuser, stage_slot(ASKER));
        ck_assert_uint_eq(order.story.name.size, 0);
        ck_assert_mem_eq(order.story.who.bytes, "uid 0", order.story.who.size);
        ck_assert_mem_eq(order.story.reason.bytes, "its disk burns", order.story.reason.size);
        ck_assert_uint_ge(order.story.count, 3);
    }
    uint64_t late = request_of(ASKER, TARGET, 1);
    ck_assert_ptr_nonnull(stage_answer(s, late, ANSWER_REFUSED));
}
END_TEST

START_TEST(a_healthy_node_is_not)
{
    struct fence_story story;
    request_for(20 * STAGE_SECOND);
    struct stale_view view = asked(&story);
    ck_assert_int_eq(view.stage, FENCE_ASKING);
    ck_assert_uint_eq(view.votes, 0);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
    ck_assert_uint_eq(story.count, 4);
    for (size_t i = 0; i < story.count; i++)
        ck_assert_int_eq(story.opinions[i].evidence.opinion, OPINION_NOT_DEAD);
    stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE); /* it renews: that is said */
    stage_run(s, 2 * STAGE_SECOND);
    request_for(2 * STAGE_SECOND);
    asked(&story);
    ck_assert_int_eq(story.opinions[0].evidence.opinion, OPINION_RENEWED);
}
END_TEST

/* It lasts a few seconds beyond the last call. */
START_TEST(who_goes_away_asks_for_nothing)
{
    struct fence_story story;
    struct stale_view view;
    request_for(STAGE_SECOND);
    stage_run(s, 8 * STAGE_SECOND);
    ck_assert(!peer_accused(s->nodes[ASKER].peer, stage_slot(TARGET), 1, &story, &view));
    uint64_t asks = stage_sent(s, WIRE_FENCE_ASK);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_sent(s, WIRE_FENCE_ASK), asks);
}
END_TEST

/* It replaces F2e, not the brake, the freeze, or the jury. */
START_TEST(what_it_does_not_replace)
{
    ck_assert_ptr_nonnull(stage_answer(s, request_of(ASKER, ASKER, 1), ANSWER_REFUSED));
    struct event freeze = {.kind = EVENT_INHIBIT,
                           .inhibit = {.handle = ++s->last_handle,
                                       .kind = INHIBIT_FREEZE,
                                       .scope = SLOT_NONE,
                                       .on = true,
                                       .span_ms = 600 * STAGE_SECOND}};
    stage_event(s, ASKER, &freeze);
    stage_kill(s, TARGET);
    stage_await_dead(s, TARGET);
    stage_run(s, DETECT);
    request_for(5 * STAGE_SECOND);
    struct fence_story story;
    asked(&story);
    ck_assert_int_eq(story.opinions[0].evidence.opinion, OPINION_FROZEN);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
}
END_TEST

START_TEST(a_waiter_that_comes_later)
{
    stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    stage_kill(s, TARGET);
    stage_tools(s, TOOL_FAILS);
    request_for(2 * STAGE_SECOND);
    stage_acquire(s, JUROR, "disk", LOCK_EXCLUSIVE);
    stage_await_dead(s, TARGET);
    for (int i = 0; i < 20; i++) {
        request_of(ASKER, TARGET, 1);
        stage_run(s, 500);
    }
    ck_assert_uint_ge(stage_votes(s, TARGET, 1), 3);
}
END_TEST

/* --- The operator's receipt --- */

static uint64_t hear(size_t node, size_t target, uint64_t life)
{
    struct event event = {
        .kind = EVENT_HEAR,
        .fence = {.handle = ++s->last_handle, .slot = stage_slot(target), .life = life}};
    stage_event(s, node, &event);
    stage_run(s, 3 * STAGE_SECOND);
    return s->last_handle;
}

static struct hearing_view heard(size_t node)
{
    struct hearing_view view;
    peer_hearing(s->nodes[node].peer, &view);
    return view;
}

static struct proof by_hand(size_t target, size_t votes, uint8_t operators)
{
    struct proof proof = {.kind = PROOF_OPERATOR,
                          .cert = stage_order(s, target, 1, votes, 1 << ACTION_RETIRE)};
    proof.operator_receipt.form = votes ? OPERATOR_CONFIRMS : OPERATOR_BREAKS_GLASS;
    memcpy(proof.operator_receipt.machine, s->roster.nodes[target].name, ROSTER_NAME_SIZE);
    for (uint8_t i = 0; i < operators; i++)
        fixture_operator_sign(&proof, i, &s->cluster);
    return proof;
}

static uint64_t hand_in(size_t node, const struct proof *proof)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    return stage_submit(s, node, PROOF_FILE_MAGIC, bytes, stage_proof_bytes(bytes, proof));
}

static const char *refused(size_t node, const struct proof *proof)
{
    const struct answer *a = stage_answer(s, hand_in(node, proof), ANSWER_REFUSED);
    ck_assert_ptr_nonnull(a);
    return a->text;
}

/* Its machine is off, and no device says so. */
static uint64_t lose_a_holder(void)
{
    stage_tools(s, TOOL_FAILS);
    uint64_t holds_it = stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, JUROR, "disk", LOCK_EXCLUSIVE);
    stage_run(s, 100);
    stage_power_cut(s, TARGET);
    (void)holds_it;
    return waits;
}

START_TEST(a_lock_passes_on_by_hand)
{
    uint64_t waits = lose_a_holder();
    stage_run(s, 40 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    struct proof proof = by_hand(TARGET, 3, 1);
    ck_assert_ptr_nonnull(strstr(refused(ASKER, &proof), "ask the jurors first"));
    hear(ASKER, TARGET, 1);
    struct hearing_view view = heard(ASKER);
    ck_assert(view.done && !view.why);
    ck_assert_uint_eq(view.needed, 3);
    for (size_t i = 0; i < view.count; i++)
        ck_assert(view.jurors[i].juror == stage_slot(TARGET) ||
                  (view.jurors[i].answered && view.jurors[i].age_ms >= view.silence_ms));
    ck_assert_ptr_nonnull(stage_answer(s, hand_in(ASKER, &proof), ANSWER_SUBMITTED));
    const struct answer *granted = stage_await(s, waits, ANSWER_GRANTED, 5 * STAGE_SECOND);
    ck_assert(granted->mark.set);
    ck_assert_int_eq(granted->mark.by, LOCK_ENDED_BY_HAND);
    for (size_t i = 0; i < s->count; i++)
        ck_assert(i == TARGET || stage_over(s, i, TARGET) == 1);
    struct order_view order;
    ck_assert(stage_known_order(s, JUROR, TARGET, 1, &order) && order.proof.size > 0);
}
END_TEST

/* It runs, and its guests with it: the agent alone hangs. _i: it is silent for long, or not. */
START_TEST(who_is_heard_is_not_confirmed)
{
    stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    struct proof proof = by_hand(TARGET, 3, 1);
    if (_i) {
        stage_kill(s, TARGET);
        stage_run(s, 8 * STAGE_SECOND);
    }
    hear(ASKER, TARGET, 1);
    ck_assert_ptr_nonnull(heard(ASKER).why);
    ck_assert_ptr_nonnull(strstr(refused(ASKER, &proof), "within H"));
    ck_assert_uint_eq(stage_over(s, ASKER, TARGET), 0);
}
END_TEST

/* The asker is cut off from it, and one juror is not. */
START_TEST(one_juror_that_hears_it_is_enough)
{
    stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    for (size_t i = 0; i < s->count; i++)
        if (i != 3)
            stage_cut(s, i, TARGET, true);
    struct stage_filter no_relays[] = {
        {STAGE_NONE, STAGE_NONE, STAGE_TYPE(RELAY), FATE_LOSE, false}, {0}};
    s->way = stage_filters;
    s->way_context = no_relays;
    stage_run(s, H + 10 * STAGE_SECOND);
    struct proof proof = by_hand(TARGET, 3, 1);
    hear(ASKER, TARGET, 1);
    struct hearing_view view = heard(ASKER);
    ck_assert_ptr_nonnull(view.why);
    ck_assert_ptr_nonnull(strstr(refused(ASKER, &proof), "within H"));
}
END_TEST

/* A node that takes it from another one looks for itself. */
START_TEST(who_hears_it_refuses_it_and_raises_the_alarm)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    struct proof proof = by_hand(TARGET, 3, 1);
    stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    size_t size = stage_proof_bytes(bytes, &proof);
    struct message m = {.type = WIRE_PROOF, .proof = {.bytes = {bytes, size}}};
    stage_say(s, ASKER, JUROR, &m);
    ck_assert_uint_eq(stage_over(s, JUROR, TARGET), 0);
    ck_assert_uint_eq(s->nodes[JUROR].notices[NOTICE_ALARM], 1);
    stage_say(s, ASKER, TARGET, &m);
    ck_assert_uint_eq(stage_over(s, TARGET, TARGET), 0);
}
END_TEST

START_TEST(a_quorum_of_jurors_must_say_so)
{
    lose_a_holder();
    stage_run(s, 40 * STAGE_SECOND);
    stage_kill(s, 3);
    stage_kill(s, 4);
    struct proof proof = by_hand(TARGET, 3, 1);
    hear(ASKER, TARGET, 1);
    ck_assert_ptr_nonnull(strstr(refused(ASKER, &proof), "too few jurors"));
}
END_TEST

/* What a juror does not know counts from its own start. */
START_TEST(a_juror_that_just_started)
{
    lose_a_holder();
    stage_run(s, 40 * STAGE_SECOND);
    stage_kill(s, JUROR);
    stage_start(s, JUROR);
    struct proof proof = by_hand(TARGET, 3, 1);
    hear(ASKER, TARGET, 1);
    ck_assert_ptr_nonnull(strstr(refused(ASKER, &proof), "within H"));
    stage_run(s, H);
    hear(ASKER, TARGET, 1);
    ck_assert_ptr_nonnull(stage_answer(s, hand_in(ASKER, &proof), ANSWER_SUBMITTED));
}
END_TEST

START_TEST(it_outlives_a_restart_and_reaches_who_was_away)
{
    lose_a_holder();
    stage_run(s, 40 * STAGE_SECOND);
    stage_kill(s, 4);
    stage_await_dead(s, 4);
    struct proof proof = by_hand(TARGET, 3, 1);
    hear(ASKER, TARGET, 1);
    ck_assert_ptr_nonnull(stage_answer(s, hand_in(ASKER, &proof), ANSWER_SUBMITTED));
    stage_run(s, 2 * STAGE_SECOND);
    stage_kill(s, ASKER);
    stage_start(s, ASKER);
    ck_assert_uint_eq(stage_over(s, ASKER, TARGET), 1);
    stage_start(s, 4);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_eq(stage_over(s, 4, TARGET), 1);
}
END_TEST

/* F12: two nodes, one of which votes: no jury. */
START_TEST(break_glass)
{
    uint64_t holds_it = stage_hold(s, 1, "disk", LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, 0, "disk", LOCK_EXCLUSIVE);
    (void)holds_it;
    stage_run(s, 100);
    stage_power_cut(s, 1);
    stage_run(s, 30 * STAGE_SECOND);
    ck_assert_ptr_nonnull(stage_answer(s, request_of(0, 1, 1), ANSWER_REFUSED));
    struct proof proof = by_hand(1, 0, 1);
    ck_assert_ptr_nonnull(strstr(refused(0, &proof), "ask the jurors first"));
    hear(0, 1, 1);
    ck_assert_ptr_nonnull(stage_answer(s, hand_in(0, &proof), ANSWER_SUBMITTED));
    const struct answer *granted = stage_await(s, waits, ANSWER_GRANTED, 5 * STAGE_SECOND);
    ck_assert_int_eq(granted->mark.by, LOCK_ENDED_BY_HAND);
    stage_start(s, 1); /* it boots again, under a higher life */
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_ge(stage_status(s, 1).life, 2);
}
END_TEST

Suite *suite_operator(void)
{
    Suite *suite = suite_create("operator");
    TCase *requests = tcase_create("requests");
    tcase_add_checked_fixture(requests, open_five, close_stage);
    tcase_add_test(requests, a_dead_node_is_fenced_at_an_operators_word);
    tcase_add_test(requests, a_healthy_node_is_not);
    tcase_add_test(requests, who_goes_away_asks_for_nothing);
    tcase_add_test(requests, what_it_does_not_replace);
    tcase_add_test(requests, a_waiter_that_comes_later);
    suite_add_tcase(suite, requests);
    TCase *receipts = tcase_create("receipts");
    tcase_add_checked_fixture(receipts, open_five, close_stage);
    tcase_add_test(receipts, a_lock_passes_on_by_hand);
    tcase_add_loop_test(receipts, who_is_heard_is_not_confirmed, 0, 2);
    tcase_add_test(receipts, one_juror_that_hears_it_is_enough);
    tcase_add_test(receipts, who_hears_it_refuses_it_and_raises_the_alarm);
    tcase_add_test(receipts, a_quorum_of_jurors_must_say_so);
    tcase_add_test(receipts, a_juror_that_just_started);
    tcase_add_test(receipts, it_outlives_a_restart_and_reaches_who_was_away);
    suite_add_tcase(suite, receipts);
    TCase *glass = tcase_create("two nodes");
    tcase_add_checked_fixture(glass, open_two, close_stage);
    tcase_add_test(glass, break_glass);
    suite_add_tcase(suite, glass);
    return suite;
}
