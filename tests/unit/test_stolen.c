/*
 * Stolen keys, as plays (peer_play.h, fence_play.h): up to q - 1 jurors, who also sit in the
 * cohorts and are executors, say everything that the protocol has words for, to everybody, against
 * a holder that is well and that somebody waits for. None of it may end the holder's life, start a
 * fence driver, or pass its lock on (F1, F4, F5, F6; section 11, A1). What stolen keys can do, and
 * what the manual says openly, is to keep a node from new locks: a juror's word that it voted binds
 * (F2).
 */
#include <stdio.h>

#include "proto/inquiry.h"
#include "proto/life.h"
#include "proto/peer_internal.h"
#include "tests/unit/fence_play.h"

Suite *suite_stolen(void);

enum { HOLDER = 0, WAITER = 1, HONEST = 2, FIRST_THIEF = 3, NODES = 5, QUORUM = 3 };

static struct stage *s;
static uint64_t held, waits;

static void open_five(void)
{
    s = stage_open(NODES, 31);
    s->policy = LOCK_STALE_FENCE;
    /* A cohort's first is honest: that who coordinates keeps to the protocol is assumed (A1). */
    const char *name = stage_name_of(s, HONEST);
    held = stage_hold(s, HOLDER, name, LOCK_EXCLUSIVE);
    waits = stage_acquire(s, WAITER, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
}

static void close_stage(void)
{
    stage_end(s);
}

static void say_to_all(size_t thief, const struct message *m)
{
    for (size_t to = 0; to < NODES; to++)
        if (to != thief)
            stage_say(s, thief, to, m);
}

/* --- What a thief says --- */

static struct vote vote_of(size_t thief, const struct order *order)
{
    struct vote vote = {.juror = stage_slot(thief), .allows = 3, .age_ms = 60000};
    vote_sign(&vote, order, &s->cluster, &s->nodes[thief].key);
    return vote;
}

/* An order with a true vote of each thief. */
static struct order_cert their_order(size_t thieves)
{
    struct order_cert cert = {
        .order = {
            .epoch = s->roster.epoch, .roster = s->digest, .slot = stage_slot(HOLDER), .life = 1}};
    for (size_t i = 0; i < thieves; i++) {
        struct vote vote = vote_of(FIRST_THIEF + i, &cert.order);
        order_cert_add(&cert, &vote);
    }
    return cert;
}

/* The holder is accused, and voted against, as if it were dead. */
static void accuse_and_vote(size_t thief)
{
    const struct order_cert cert = their_order(1);
    struct vote vote = vote_of(thief, &cert.order);
    struct message accuse = {.type = WIRE_ACCUSE,
                             .accuse = {.slot = stage_slot(HOLDER),
                                        .life = 1,
                                        .name = stage_view(stage_name_of(s, thief))}};
    struct message said = {.type = WIRE_VOTE,
                           .vote = {.slot = stage_slot(HOLDER),
                                    .life = 1,
                                    .allows = vote.allows,
                                    .age_ms = vote.age_ms,
                                    .signature = vote.signature,
                                    .evidence = {.opinion = OPINION_VOTES}}};
    say_to_all(thief, &accuse);
    say_to_all(thief, &said);
    say_to_all(thief, &said); /* the same one counts once */
}

/* The order that is one vote short, by itself, with a signer twice, and in a receipt. */
static void hand_out_orders(size_t thief, size_t thieves)
{
    uint8_t order[ORDER_CERT_BYTES_MAX], bytes[PROOF_BYTES_MAX];
    struct order_cert cert = their_order(thieves);
    for (int twice = 0; twice < 2; twice++) {
        size_t size = stage_order_bytes(order, &cert);
        struct message m = {.type = WIRE_ORDER, .order = {.cert = {order, size}}};
        say_to_all(thief, &m);
        struct proof proof = stage_receipt(s, &cert, thief);
        size = stage_proof_bytes(bytes, &proof);
        struct message receipt = {.type = WIRE_PROOF, .proof = {.bytes = {bytes, size}}};
        say_to_all(thief, &receipt);
        cert.votes[cert.count] = cert.votes[cert.count - 1];
        cert.count++;
    }
}

/* The holder's own word, by another's key; under the thief's slot it says nothing of the holder. */
static void state_ends(size_t thief)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    struct proof proof = {.kind = PROOF_END};
    proof.end.slot = stage_slot(HOLDER);
    proof.end.life = 2;
    end_statement_sign(&proof.end, &s->cluster, &s->nodes[thief].key);
    size_t size = stage_proof_bytes(bytes, &proof);
    struct message m = {.type = WIRE_PROOF, .proof = {.bytes = {bytes, size}}};
    say_to_all(thief, &m);
}

static void act_as_executor(size_t thief)
{
    struct message ask = {
        .type = WIRE_EXEC_ASK,
        .exec_ask = {.slot = stage_slot(HOLDER), .life = 1, .nonce = 7, .span_ms = 1000}};
    struct message witness = {
        .type = WIRE_WITNESS_ASK,
        .witness_ask = {.slot = stage_slot(HOLDER), .life = 1, .action = 1, .nonce = 7}};
    struct message report = {
        .type = WIRE_EXEC_REPORT,
        .exec_report = {.slot = stage_slot(HOLDER),
                        .life = 1,
                        .stage = RUN_DONE,
                        .span_ms = 1000,
                        .text = stage_view("off, and a status query says off")}};
    say_to_all(thief, &ask);
    say_to_all(thief, &witness);
    say_to_all(thief, &report);
}

/* Gossip: the holder is suspect, dead; its own word with a higher life, by another's key. */
static void gossip(size_t thief)
{
    struct message suspect = {
        .type = WIRE_SUSPECT,
        .suspect = {.slot = stage_slot(HOLDER), .life = 1, .by = stage_slot(thief)}};
    struct message dead = {
        .type = WIRE_DEAD,
        .dead = {.slot = stage_slot(HOLDER), .life = 1, .by = stage_slot(thief)}};
    struct message alive = {.type = WIRE_ALIVE,
                            .alive = {.slot = stage_slot(HOLDER), .life = 9, .incarnation = 9}};
    say_to_all(thief, &suspect);
    say_to_all(thief, &dead);
    say_to_all(thief, &alive);
}

static void say_everything(size_t thieves)
{
    for (size_t i = 0; i < thieves; i++) {
        gossip(FIRST_THIEF + i);
        accuse_and_vote(FIRST_THIEF + i);
        hand_out_orders(FIRST_THIEF + i, thieves);
        state_ends(FIRST_THIEF + i);
        act_as_executor(FIRST_THIEF + i);
    }
}

static void nothing_came_of_it(void)
{
    struct order_view order;
    ck_assert_uint_eq(s->run_count, 0);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    ck_assert_uint_eq(stage_told(s, stage_id(s, held), ANSWER_LOST), 0);
    ck_assert_uint_eq(stage_votes(s, HOLDER, 1), 0);
    ck_assert_uint_eq(stage_status(s, HOLDER).life, 1);
    for (size_t i = 0; i < NODES; i++) {
        ck_assert(!stage_known_order(s, i, HOLDER, 1, &order));
        ck_assert_uint_eq(stage_over(s, i, HOLDER), 0);
    }
}

/* Loop test: by one thief, and by two, who are all that is below q. */
START_TEST(whatever_they_say_nobody_is_fenced_and_no_lock_passes)
{
    size_t thieves = (size_t)_i;
    ck_assert_uint_lt(thieves, QUORUM);
    for (int round = 0; round < 20; round++) {
        say_everything(thieves);
        stage_run(s, STAGE_SECOND);
    }
    nothing_came_of_it();
    /* And the lock goes its way as ever. */
    stage_release(s, HOLDER, held);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 5 * STAGE_SECOND));
}
END_TEST

/* The same while the holder's own way to the honest jurors is bad for less than D. */
START_TEST(nor_in_a_blip)
{
    for (int round = 0; round < 6; round++) {
        stage_isolate(s, HOLDER, true);
        say_everything(QUORUM - 1);
        stage_run(s, STAGE_SECOND);
        stage_isolate(s, HOLDER, false);
        say_everything(QUORUM - 1);
        stage_run(s, 3 * STAGE_SECOND);
    }
    nothing_came_of_it();
}
END_TEST

/* With the votes of a quorum it is an order: what is refused above is refused for want of one. */
START_TEST(with_a_quorum_of_keys_it_is_an_order)
{
    uint8_t order[ORDER_CERT_BYTES_MAX];
    struct order_cert cert = their_order(2);
    struct vote vote = vote_of(HONEST, &cert.order);
    struct order_view view;
    order_cert_add(&cert, &vote);
    struct message m = {.type = WIRE_ORDER,
                        .order = {.cert = {order, stage_order_bytes(order, &cert)}}};
    stage_say(s, FIRST_THIEF, HONEST, &m);
    ck_assert(stage_known_order(s, HONEST, HOLDER, 1, &view));
}
END_TEST

/* --- Numbers of lives --- */

enum { OFF = HONEST, UNBORN = 50 };

/* A machine is off, and nobody waits for it. The jurors started so long ago that their votes allow
 * all that the roster has (F8). */
static void open_off(void)
{
    s = stage_open(NODES, 31);
    stage_tools(s, TOOL_WORKS);
    stage_run(s, 602 * STAGE_SECOND);
    stage_power_cut(s, OFF);
    stage_await_dead(s, OFF);
    stage_run(s, 10 * STAGE_SECOND);
}

/* What a thief makes of the jurors' votes against that life. */
static void hand_in(void)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct order_cert cert = {.order = {.epoch = s->roster.epoch,
                                        .roster = s->digest,
                                        .slot = stage_slot(OFF),
                                        .life = UNBORN}};
    for (size_t i = 0; i < NODES; i++) {
        const struct dossier *d =
            i == OFF ? NULL : juror_dossier(&s->nodes[i].peer->fencing.juror, stage_slot(OFF));
        if (d && d->voted == UNBORN)
            order_cert_add(&cert, &d->vote);
    }
    ck_assert_uint_ge(cert.count, QUORUM);
    struct message m = {.type = WIRE_ORDER,
                        .order = {.cert = {bytes, stage_order_bytes(bytes, &cert)}}};
    say_to_all(FIRST_THIEF, &m);
}

static bool its_life_counts(struct stage *stage, void *context)
{
    (void)context;
    return stage_status(stage, OFF).life_known;
}

/*
 * loop test: a thief asks for votes against a life that nobody has begun, which hit nothing while
 * the machine is off. It hands the certificate in once the machine is up and well (0), or before
 * (1): neither the certificate nor the receipt that comes of it touches the life that the machine
 * has by then, or its locks (F3).
 */
START_TEST(votes_against_a_life_that_nobody_began)
{
    struct message ask = {.type = WIRE_FENCE_ASK,
                          .fence_ask = {.slot = stage_slot(OFF), .life = UNBORN}};
    say_to_all(FIRST_THIEF, &ask);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_uint_ge(stage_votes(s, OFF, UNBORN), QUORUM);
    if (_i == 1) {
        hand_in();
        stage_run(s, 5 * STAGE_SECOND);
        ck_assert_uint_eq(stage_over(s, WAITER, OFF), UNBORN);
    }
    size_t runs = s->run_count;
    stage_start(s, OFF);
    ck_assert(stage_until(s, its_life_counts, NULL, 60 * STAGE_SECOND));
    ck_assert_uint_gt(stage_status(s, OFF).life, UNBORN);
    s->policy = LOCK_STALE_FENCE;
    held = stage_hold(s, OFF, "disk", LOCK_EXCLUSIVE);
    stage_run(s, 20 * STAGE_SECOND);
    if (_i == 0)
        hand_in();
    waits = stage_acquire(s, WAITER, "disk", LOCK_EXCLUSIVE);
    stage_run(s, 30 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    ck_assert_uint_eq(stage_told(s, stage_id(s, held), ANSWER_LOST), 0);
    ck_assert_uint_eq(s->run_count, runs);
    ck_assert(s->nodes[OFF].powered && stage_status(s, OFF).standing);
}
END_TEST

/* So far ahead no honest node is: who says it is not believed, and uses up no numbers. */
START_TEST(numbers_that_nobody_can_have_begun)
{
    const uint64_t last = 1 + LIFE_AHEAD_MAX;
    struct message ask = {.type = WIRE_FENCE_ASK,
                          .fence_ask = {.slot = stage_slot(OFF), .life = last + 1}};
    struct message accuse = {.type = WIRE_ACCUSE,
                             .accuse = {.slot = stage_slot(OFF),
                                        .life = last + 1,
                                        .name = stage_view(stage_name_of(s, FIRST_THIEF))}};
    struct message claim = {.type = WIRE_LIFE_CLAIM, .life_claim = {.life = last + 1}};
    uint64_t dropped = stage_counters(s, WAITER)->drop_role;
    stage_say(s, FIRST_THIEF, WAITER, &ask);
    stage_say(s, FIRST_THIEF, WAITER, &accuse);
    stage_say(s, FIRST_THIEF, WAITER, &claim);
    ck_assert_uint_eq(stage_counters(s, WAITER)->drop_role, dropped + 3);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_votes(s, OFF, last + 1), 0);
    ask.fence_ask.life = claim.life_claim.life = last;
    stage_say(s, FIRST_THIEF, WAITER, &ask);
    stage_say(s, FIRST_THIEF, WAITER, &claim);
    ck_assert_uint_eq(stage_counters(s, WAITER)->drop_role, dropped + 3);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_votes(s, OFF, last), 1);
    ck_assert(!life_far(last, 1) && life_far(last + 1, 1) && !life_far(last + 1, 0));
}
END_TEST

Suite *suite_stolen(void)
{
    Suite *suite = suite_create("stolen");
    TCase *keys = tcase_create("keys");
    tcase_add_checked_fixture(keys, open_five, close_stage);
    tcase_add_loop_test(keys, whatever_they_say_nobody_is_fenced_and_no_lock_passes, 1, QUORUM);
    tcase_add_test(keys, nor_in_a_blip);
    tcase_add_test(keys, with_a_quorum_of_keys_it_is_an_order);
    suite_add_tcase(suite, keys);
    TCase *lives = tcase_create("lives");
    tcase_add_checked_fixture(lives, open_off, close_stage);
    tcase_add_loop_test(lives, votes_against_a_life_that_nobody_began, 0, 2);
    tcase_add_test(lives, numbers_that_nobody_can_have_begun);
    suite_add_tcase(suite, lives);
    return suite;
}
