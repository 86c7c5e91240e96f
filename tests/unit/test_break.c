/*
 * Breaks and their proofs (F5, F6b), as plays (peer_play.h, fence_play.h): what a lock voter asks
 * of a state that names a break, what it keeps and hands out, what a coordinator asks of what it
 * reads. Node 0 plays the coordinator by hand, VOTER is looked at, TARGET is whose life it is
 * about.
 */
#include <stdlib.h>

#include "proto/record.h"
#include "tests/unit/crypto_fixture.h"
#include "proto/peer_internal.h"
#include "tests/unit/fence_play.h"

Suite *suite_break(void);

enum { VOTER = 1, TARGET = 2, ROUND = 1000, LONG = 40 * STAGE_SECOND };

static struct stage *s;
static const char *name; /* its cohort begins with node 0 */

static void open_five(void)
{
    s = stage_open(5, 51);
    name = stage_name_of(s, 0);
}

static void close_stage(void)
{
    stage_end(s);
}

/* --- States and proofs --- */

static struct view encoded(const struct lock_state *state)
{
    static uint8_t bytes[LOCK_STATE_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, state);
    ck_assert(!w.failed);
    return (struct view){bytes, writer_size(&w)};
}

/* A free lock with that token; broken by a proof about a life of TARGET, if life is not 0. */
static struct view state_of(uint64_t token, uint64_t life)
{
    static struct lock_state state;
    lock_init(&state);
    state.token = token;
    if (life)
        state.broken = (struct lock_break){.set = true, .slot = stage_slot(TARGET), .life = life};
    return encoded(&state);
}

static struct view proof_view(const struct proof *proof)
{
    static uint8_t bytes[PROOF_BYTES_MAX];
    return (struct view){bytes, stage_proof_bytes(bytes, proof)};
}

/* TARGET's word that its lives below `life` are over. */
static struct view end_view(size_t node, uint64_t life)
{
    struct proof proof = stage_end_statement(s, node, life);
    return proof_view(&proof);
}

static struct view receipt_view(size_t votes)
{
    struct order_cert cert = stage_order(s, TARGET, 1, votes, 3);
    struct proof proof = stage_receipt(s, &cert, 0);
    return proof_view(&proof);
}

/* --- Speaking to the voter --- */

static struct ballot ballot_of(size_t node, uint64_t round)
{
    return (struct ballot){.epoch = 1, .round = round, .slot = stage_slot(node)};
}

/* Whether the voter accepted it. */
static bool accept(uint64_t seq, struct view state, struct view proof)
{
    struct message m = {.type = WIRE_ACCEPT,
                        .accept = {.ballot = ballot_of(0, ROUND),
                                   .seq = seq,
                                   .name = stage_view(name),
                                   .state = state,
                                   .proof = proof}};
    uint64_t before = s->nodes[0].heard[WIRE_ACCEPTED];
    stage_say(s, 0, VOTER, &m);
    stage_run(s, 10);
    return s->nodes[0].heard[WIRE_ACCEPTED] > before &&
           s->nodes[0].last[WIRE_ACCEPTED].accepted.seq == seq;
}

static uint64_t drops(size_t node)
{
    return stage_counters(s, node)->drop_proof;
}

static bool stored(size_t node, uint64_t *token)
{
    static struct lock_state state;
    struct ballot ballot;
    struct view bytes;
    uint64_t seq;
    if (!peer_register(s->nodes[node].peer, stage_view(name), &ballot, &seq, &bytes))
        return false;
    ck_assert(lock_decode(&state, bytes));
    *token = state.token;
    return true;
}

/* --- Voters (F5) --- */

START_TEST(a_break_needs_a_proof)
{
    uint64_t token;
    ck_assert(!accept(1, state_of(9, 1), (struct view){0}));
    ck_assert(!accept(1, state_of(9, 1), stage_view("no proof at all")));
    ck_assert(!accept(1, state_of(9, 1), end_view(TARGET, 1))); /* of no life before it */
    ck_assert(!accept(1, state_of(9, 1), end_view(3, 2)));      /* about another node */
    ck_assert(!accept(1, state_of(9, 1), receipt_view(2)));     /* no certified order */
    ck_assert(!accept(1, state_of(9, 2), end_view(TARGET, 2))); /* life 2 is not over */
    ck_assert(!stored(VOTER, &token));
    ck_assert_uint_ge(drops(VOTER), 6);
    ck_assert_uint_eq(stage_counters(s, VOTER)->accepts, 0);
    ck_assert(accept(1, state_of(9, 1), end_view(TARGET, 2)));
    ck_assert(stored(VOTER, &token));
    ck_assert_uint_eq(token, 9);
    ck_assert_uint_eq(stage_over(s, VOTER, TARGET), 1);
}
END_TEST

/* What it holds already it need not be shown again, also after a restart. */
START_TEST(a_proof_that_is_held_serves_later_breaks)
{
    struct view proof = end_view(TARGET, 5);
    stage_submit(s, VOTER, PROOF_FILE_MAGIC, proof.bytes, proof.size);
    stage_run(s, 100);
    ck_assert(accept(1, state_of(9, 4), (struct view){0}));
    ck_assert(accept(2, state_of(10, 1), (struct view){0}));
    ck_assert(!accept(3, state_of(11, 5), (struct view){0}));
    stage_kill(s, VOTER);
    stage_start(s, VOTER);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    ck_assert_uint_eq(stage_over(s, VOTER, TARGET), 4);
    ck_assert(accept(3, state_of(11, 3), (struct view){0}));
}
END_TEST

/* The records of one kind in the node's log, and the place of the last one; -1 if there is none. */
static int last_place(size_t node, enum record_kind kind)
{
    const struct stage_disk *d = &s->nodes[node].disk;
    struct votelog_reader reader;
    struct votelog_record entry;
    int place = 0, last = -1;
    ck_assert_int_eq(votelog_open(&reader, d->written, d->written_size), VOTELOG_RECORD);
    while (votelog_next(&reader, &entry) == VOTELOG_RECORD) {
        struct record record;
        ck_assert(record_decode(&record, entry.payload));
        place++;
        if (record.kind == kind)
            last = place;
    }
    return last;
}

/* In the same write: no crash leaves a state whose break this voter could not prove. */
START_TEST(the_proof_is_written_before_the_state)
{
    stage_sync(s, VOTER, SYNC_HELD);
    ck_assert_int_eq(last_place(VOTER, RECORD_PROOF), -1);
    ck_assert(!accept(1, state_of(9, 1), end_view(TARGET, 2))); /* not durable: not answered */
    int proof = last_place(VOTER, RECORD_PROOF), state = last_place(VOTER, RECORD_ACCEPT);
    ck_assert_int_gt(proof, 0);
    ck_assert_int_gt(state, proof);
    ck_assert_uint_eq(s->nodes[VOTER].sent[WIRE_ACCEPTED], 0);
    uint64_t before = s->nodes[0].heard[WIRE_ACCEPTED];
    stage_sync(s, VOTER, SYNC_PROMPT);
    stage_run(s, 10);
    ck_assert_uint_eq(s->nodes[0].heard[WIRE_ACCEPTED], before + 1);
}
END_TEST

/* Whoever takes over reads the state with its proof, and can hand it on. */
START_TEST(a_read_hands_the_proof_out)
{
    struct view proof = end_view(TARGET, 2), state = state_of(9, 1);
    for (size_t voter = 1; voter < 4; voter++) { /* it is true */
        struct message m = {.type = WIRE_ACCEPT,
                            .accept = {.ballot = ballot_of(0, ROUND),
                                       .seq = 1,
                                       .name = stage_view(name),
                                       .state = state,
                                       .proof = proof}};
        stage_say(s, 0, voter, &m);
    }
    stage_run(s, 100);
    stage_kill(s, 0);
    ck_assert_uint_eq(stage_over(s, 4, TARGET), 0);
    stage_isolate(s, TARGET, true); /* it would say itself that it is not so, and has a vote */
    uint64_t asked = stage_hold(s, 4, name, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(stage_answer(s, asked, ANSWER_GRANTED)->token, 10);
    int leader = stage_coordinator(s, name);
    ck_assert_int_ge(leader, 0);
    ck_assert_uint_eq(stage_over(s, (size_t)leader, TARGET), 1);
}
END_TEST

/*
 * It does not guess breaks by comparing with what it has stored: that may be a grant that never was
 * true. A minority has a grant to TARGET; the next leader read of a majority without it and writes
 * a state that knows nothing of it.
 */
START_TEST(a_grant_that_never_was_true_needs_no_proof)
{
    static struct lock_state state;
    uint64_t token;
    lock_init(&state);
    struct lock_op op = {.kind = LOCK_ACQUIRE,
                         .id = {.slot = stage_slot(TARGET), .life = 1, .counter = 7},
                         .mode = LOCK_EXCLUSIVE,
                         .policy = LOCK_STALE_FENCE};
    lock_apply(&state, &op);
    ck_assert(accept(1, encoded(&state), (struct view){0}));
    lock_init(&state);
    op.id.slot = stage_slot(4);
    lock_apply(&state, &op);
    struct message m = {.type = WIRE_ACCEPT,
                        .accept = {.ballot = ballot_of(3, ROUND + 1),
                                   .seq = 1,
                                   .name = stage_view(name),
                                   .state = encoded(&state)}};
    uint64_t before = s->nodes[3].heard[WIRE_ACCEPTED];
    stage_say(s, 3, VOTER, &m);
    stage_run(s, 10);
    ck_assert_uint_eq(s->nodes[3].heard[WIRE_ACCEPTED], before + 1);
    ck_assert(stored(VOTER, &token));
    ck_assert_uint_eq(drops(VOTER), 0);
}
END_TEST

/* --- Coordinators (F5) --- */

/* A voter says that it has stored this, in answer to node 0's last reading: of the lock, or of its
 * shard's floor, which is read beside it; an answer to the other is none. */
static void say_stored(size_t voter, struct view state, struct view proof)
{
    const struct wire_read *read = &s->nodes[voter].last[WIRE_READ].read;
    struct message m = {.type = WIRE_STORED,
                        .stored = {.ballot = read->ballot,
                                   .round = read->round,
                                   .name = stage_view(name),
                                   .version = ballot_of(3, 0),
                                   .seq = 5,
                                   .state = state,
                                   .proof = proof}};
    for (uint32_t round = read->round > 1 ? read->round - 1 : 1; round <= read->round + 1;
         round++) {
        m.stored.round = round;
        outbox_send(&s->nodes[voter].peer->core.outbox, stage_slot(0), &m);
    }
    stage_say(s, voter, 0, &m);
}

START_TEST(what_is_read_without_its_proof_is_not_used)
{
    struct stage_filter no_answers[] = {{STAGE_NONE, 0, STAGE_TYPE(STORED), FATE_LOSE, false}, {0}};
    s->way = stage_filters;
    s->way_context = no_answers;
    uint64_t asked = stage_acquire(s, 4, name, LOCK_EXCLUSIVE);
    stage_run(s, 140); /* between two repeats of the reading */
    ck_assert_uint_gt(s->nodes[VOTER].heard[WIRE_READ], 0);
    for (size_t voter = 1; voter < 5; voter++) {
        no_answers[0].off = true;
        say_stored(voter, state_of(50, 1), (struct view){0});
        no_answers[0].off = false;
    }
    ck_assert_uint_ge(s->nodes[0].heard[WIRE_STORED], 4); /* more than a majority, */
    ck_assert_uint_eq(s->nodes[0].sent[WIRE_ACCEPT], 0);  /* and none counts */
    stage_run(s, STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    no_answers[0].off = true;
    say_stored(1, state_of(50, 1), end_view(TARGET, 2));
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 5 * STAGE_SECOND));
    ck_assert_uint_eq(stage_over(s, 0, TARGET), 1);
}
END_TEST

/* --- Receipts (F6b) --- */

/* A receipt whose order is good, by an executor that lies: whoever hears the life refuses it. */
START_TEST(who_still_hears_the_life_refuses_the_receipt)
{
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert(!accept(1, state_of(9, 1), receipt_view(3)));
    ck_assert_uint_eq(drops(VOTER), 2); /* by the proofs, and by the voter */
    ck_assert_uint_eq(stage_counters(s, VOTER)->alarms, 1);
    ck_assert_uint_eq(s->nodes[VOTER].last_notice[NOTICE_ALARM].slot, stage_slot(TARGET));
    ck_assert_ptr_nonnull(strstr(s->nodes[VOTER].last_notice[NOTICE_PROOF_REFUSED].text, "F6b"));
    struct view receipt = receipt_view(3);
    struct message m = {.type = WIRE_PROOF, .proof = {.bytes = receipt}};
    for (size_t i = 1; i < 5; i++)
        stage_say(s, 0, i, &m);
    for (size_t i = 1; i < 5; i++)
        ck_assert_uint_eq(stage_over(s, i, TARGET), 0);
    ck_assert_uint_eq(s->nodes[VOTER].sent[WIRE_PROOF_STORED], 0);
    /* Silent for the detection target: then the executor's word counts (A4). */
    stage_kill(s, TARGET);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert(!accept(1, state_of(9, 1), receipt_view(3)));
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert(accept(1, state_of(9, 1), receipt_view(3)));
}
END_TEST

/* Refused, and the order that it rests on is known: the target is told of it (F6). */
START_TEST(a_refused_receipt_sends_the_order_to_its_target)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    stage_run(s, 10 * STAGE_SECOND);
    struct order_cert cert = stage_order(s, TARGET, 1, 3, 1);
    struct stage_filter no_orders[] = {{STAGE_NONE, TARGET, STAGE_TYPE(ORDER), FATE_LOSE, false},
                                       {0}};
    s->way = stage_filters;
    s->way_context = no_orders;
    stage_submit(s, VOTER, ORDER_FILE_MAGIC, bytes, stage_order_bytes(bytes, &cert));
    stage_run(s, 500);
    s->way = NULL;
    ck_assert(!stage_status(s, TARGET).bound);
    struct message m = {.type = WIRE_PROOF, .proof = {.bytes = receipt_view(3)}};
    stage_say(s, 0, VOTER, &m);
    stage_run(s, 10);
    ck_assert_uint_gt(s->nodes[TARGET].heard[WIRE_ORDER], 0);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, TARGET).life, 2); /* it obeyed */
}
END_TEST

/*
 * A device that lies, with a witness that lies: the lock passes on while the old holder runs (A4 is
 * broken). Whoever hears it then raises the alarm and sends it the order, which it obeys.
 */
START_TEST(a_life_that_is_heard_after_its_receipt)
{
    s->policy = LOCK_STALE_FENCE;
    struct op_id held = stage_id(s, stage_hold(s, TARGET, name, LOCK_EXCLUSIVE));
    uint64_t waits = stage_acquire(s, VOTER, name, LOCK_EXCLUSIVE);
    stage_tools(s, TOOL_LIES);
    stage_pause(s, TARGET, true);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    ck_assert(s->nodes[TARGET].powered);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_eq(STAGE_SUM(s, alarms), 0);
    stage_pause(s, TARGET, false);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_uint_gt(STAGE_SUM(s, alarms), 0);
    ck_assert(stage_status(s, TARGET).bound);
    ck_assert_uint_ge(stage_told(s, held, ANSWER_LOST), 1);
    stage_drop_unclean(s, TARGET, held);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, TARGET).life, 2);
    const struct lock_state *state = stage_show(s, 3, name);
    ck_assert_uint_eq(state->hold_count, 1); /* the new holder's */
    ck_assert_uint_eq(state->holds[0].id.slot, stage_slot(VOTER));
}
END_TEST

/* An old life's word that comes late, under the next one, is no alarm. */
START_TEST(a_reborn_node_is_no_alarm)
{
    s->policy = LOCK_STALE_FENCE;
    stage_hold(s, TARGET, name, LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, VOTER, name, LOCK_EXCLUSIVE);
    stage_kill(s, TARGET);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    stage_run(s, 10 * STAGE_SECOND);
    stage_start(s, TARGET);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_eq(STAGE_SUM(s, alarms), 0);
}
END_TEST

/* L9: requests of a life that is over are not applied any more. */
START_TEST(requests_of_an_ended_life_are_not_applied)
{
    struct view proof = end_view(TARGET, 2);
    stage_release(s, 0, stage_hold(s, 0, name, LOCK_SHARED));
    stage_submit(s, 0, PROOF_FILE_MAGIC, proof.bytes, proof.size);
    uint64_t asked = stage_acquire(s, TARGET, name, LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_gt(stage_counters(s, 0)->drop_old_life, 0);
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
}
END_TEST

/* L9: nor those that came in time, and waited for the lock to be read while their life ended. */
START_TEST(requests_that_outwait_their_life_are_not_applied)
{
    struct stage_filter no_answers[] = {{STAGE_NONE, 0, STAGE_TYPE(STORED), FATE_LOSE, false}, {0}};
    struct view proof = end_view(TARGET, 2);
    s->way = stage_filters;
    s->way_context = no_answers;
    stage_acquire(s, TARGET, name, LOCK_EXCLUSIVE);
    stage_run(s, 200);
    ck_assert_uint_gt(s->nodes[VOTER].heard[WIRE_READ], 0); /* node 0 has it, and reads */
    stage_kill(s, TARGET);
    stage_submit(s, 0, PROOF_FILE_MAGIC, proof.bytes, proof.size);
    ck_assert_uint_eq(stage_counters(s, 0)->drop_old_life, 0);
    s->way = NULL;
    const struct lock_state *state = stage_show(s, 0, name);
    ck_assert_uint_eq(stage_counters(s, 0)->drop_old_life, 1);
    ck_assert_uint_eq(state->token, 0);
    ck_assert(!state->mark.set);
}
END_TEST

Suite *suite_break(void)
{
    Suite *suite = suite_create("break");
    TCase *voters = tcase_create("voters");
    tcase_add_checked_fixture(voters, open_five, close_stage);
    tcase_add_test(voters, a_break_needs_a_proof);
    tcase_add_test(voters, a_proof_that_is_held_serves_later_breaks);
    tcase_add_test(voters, the_proof_is_written_before_the_state);
    tcase_add_test(voters, a_read_hands_the_proof_out);
    tcase_add_test(voters, a_grant_that_never_was_true_needs_no_proof);
    tcase_add_test(voters, what_is_read_without_its_proof_is_not_used);
    tcase_add_test(voters, requests_of_an_ended_life_are_not_applied);
    tcase_add_test(voters, requests_that_outwait_their_life_are_not_applied);
    suite_add_tcase(suite, voters);

    TCase *receipts = tcase_create("receipts");
    tcase_add_checked_fixture(receipts, open_five, close_stage);
    tcase_add_test(receipts, who_still_hears_the_life_refuses_the_receipt);
    tcase_add_test(receipts, a_refused_receipt_sends_the_order_to_its_target);
    tcase_add_test(receipts, a_life_that_is_heard_after_its_receipt);
    tcase_add_test(receipts, a_reborn_node_is_no_alarm);
    suite_add_tcase(suite, receipts);
    return suite;
}
