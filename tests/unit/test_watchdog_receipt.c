/* What a watchdog proves (F6c): a certificate, the target's own statement and q silences, of those
 * who voted; everything less is refused for a reason that is named. */
#include "tests/unit/crypto_fixture.h"

#include <check.h>

Suite *suite_watchdog_receipt(void);

/* Six nodes, slots 1 3 5 7 9 11, five jurors. */
enum { NODES = 6, QUORUM = 3, TARGET = 5 };

static struct roster roster;
static struct digest digest;
static struct cluster_id cluster;
static enum order_verdict order_verdict;
static struct proof proof;

static void set_up(void)
{
    fixture_roster(&roster, NODES, 1);
    digest = fixture_digest(&roster);
    memset(&cluster, 0xc1, sizeof cluster);
    proof = fixture_watchdog(&roster, TARGET, 4, QUORUM, &cluster);
}

static enum proof_verdict verdict(void)
{
    order_verdict = ORDER_OK;
    return proof_verify(&proof, &cluster, &roster, &digest, &order_verdict);
}

static enum watchdog_verdict why(void)
{
    return watchdog_receipt_verify(&proof.watchdog, &proof.cert, &cluster, &roster);
}

/* The silence of that node, anew. */
static void say(size_t place, size_t juror, uint32_t silent_ms)
{
    proof.watchdog.silences[place] =
        fixture_silence(&proof.cert.order, &proof.watchdog.armed, juror, silent_ms, &cluster);
}

START_TEST(it_verifies_and_covers_the_life)
{
    ck_assert_int_eq(verdict(), PROOF_OK);
    ck_assert_uint_eq(proof_slot(&proof), 11);
    ck_assert_uint_eq(proof_covers(&proof), 7);
}
END_TEST

/* H = B (1 + rho)/(1 - rho) + landed: 9334 ms make 9343.3 and a second. */
START_TEST(the_wait_follows_from_the_nodes_own_number)
{
    uint32_t h = armed_hand_over_ms(&proof.watchdog.armed);
    ck_assert_uint_eq(h, 10344);
    say(1, 1, h - 1);
    ck_assert_int_eq(why(), WATCHDOG_TOO_EARLY);
    ck_assert_int_eq(verdict(), PROOF_NOT_SILENT);
    say(1, 1, h);
    ck_assert_int_eq(verdict(), PROOF_OK);
}
END_TEST

START_TEST(fewer_than_a_quorum)
{
    proof.watchdog.count--;
    ck_assert_int_eq(why(), WATCHDOG_TOO_FEW);
    ck_assert_int_eq(verdict(), PROOF_NOT_SILENT);
    proof.watchdog.count++;
    proof.cert.count = QUORUM - 1;
    ck_assert_int_eq(verdict(), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_TOO_FEW);
}
END_TEST

/* Who did not vote may acknowledge that life again: its silence says nothing (F2). */
START_TEST(a_silent_juror_that_did_not_vote)
{
    uint32_t h = armed_hand_over_ms(&proof.watchdog.armed);
    say(2, 4, h);
    ck_assert_int_eq(why(), WATCHDOG_NOT_A_JUROR);
    say(2, 5, h); /* the target is none */
    ck_assert_int_eq(why(), WATCHDOG_NOT_A_JUROR);
    ck_assert_int_eq(verdict(), PROOF_NOT_SILENT);
}
END_TEST

START_TEST(a_juror_twice)
{
    proof.watchdog.silences[2] = proof.watchdog.silences[1];
    ck_assert_int_eq(why(), WATCHDOG_DUPLICATE);
    ck_assert_int_eq(verdict(), PROOF_NOT_SILENT);
}
END_TEST

START_TEST(a_statement_of_another_life_or_node)
{
    proof.watchdog.armed.life++;
    ck_assert_int_eq(verdict(), PROOF_NOT_ARMED);
    proof.watchdog.armed = fixture_armed(4, &cluster);
    ck_assert_int_eq(verdict(), PROOF_NOT_ARMED);
    proof.watchdog.armed = fixture_armed(TARGET, &cluster);
    proof.watchdog.armed.timeout_ms = proof.watchdog.armed.reset_ms + 1;
    ck_assert_int_eq(verdict(), PROOF_NOT_ARMED);
}
END_TEST

/* A shorter B than the one that was signed, or silences about another statement. */
START_TEST(signatures_bind_all_of_it)
{
    proof.watchdog.armed.reset_ms--;
    ck_assert_int_eq(verdict(), PROOF_BAD_SIGNATURE);
    set_up();
    struct key_pair key = fixture_key(TARGET);
    proof.watchdog.armed.reset_ms--;
    armed_sign(&proof.watchdog.armed, &cluster, &key);
    ck_assert_int_eq(verdict(), PROOF_BAD_SIGNATURE);
    set_up();
    proof.watchdog.silences[0].silent_ms++;
    ck_assert_int_eq(verdict(), PROOF_BAD_SIGNATURE);
    set_up();
    cluster.bytes[0] ^= 1;
    ck_assert_int_eq(why(), WATCHDOG_BAD_SIGNATURE);
}
END_TEST

START_TEST(bytes_go_both_ways)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    struct proof back;
    struct writer w = writer_init(bytes, sizeof bytes);
    proof_encode(&w, &proof);
    ck_assert(!w.failed);
    size_t size = writer_size(&w);
    struct reader r = reader_init(bytes, size);
    ck_assert(proof_decode(&back, &r) && reader_done(&r));
    proof = back;
    ck_assert_int_eq(verdict(), PROOF_OK);
    for (size_t cut = 0; cut < size; cut++) {
        r = reader_init(bytes, cut);
        ck_assert(!proof_decode(&back, &r));
    }
}
END_TEST

Suite *suite_watchdog_receipt(void)
{
    Suite *s = suite_create("watchdog_receipt");
    TCase *t = tcase_create("receipt");
    tcase_add_checked_fixture(t, set_up, NULL);
    tcase_add_test(t, it_verifies_and_covers_the_life);
    tcase_add_test(t, the_wait_follows_from_the_nodes_own_number);
    tcase_add_test(t, fewer_than_a_quorum);
    tcase_add_test(t, a_silent_juror_that_did_not_vote);
    tcase_add_test(t, a_juror_twice);
    tcase_add_test(t, a_statement_of_another_life_or_node);
    tcase_add_test(t, signatures_bind_all_of_it);
    tcase_add_test(t, bytes_go_both_ways);
    suite_add_tcase(s, t);
    return s;
}
