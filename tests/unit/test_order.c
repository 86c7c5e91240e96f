/* Fence orders (F1): votes that add up whoever asked, and a verdict that names the rule and the
 * culprit for everything that is not q good votes which allow the action. */
#include "tests/unit/crypto_fixture.h"

#include <check.h>

Suite *suite_order(void);

/* Six nodes, slots 1 3 5 7 9 11: five jurors, and the last one votes but is none. Quorum 3. */
enum {
    NODES = 6,
    JURORS = 5,
    QUORUM = 3,
    TARGET = 5,
    POWER = 1,
    ALLOWS_RETIRE = 1u << ACTION_RETIRE,
    ALLOWS_POWER = 1u << POWER,
    NOBODY = 0xffff,
    ENTRIES_AT = ORDER_BYTES + 1 /* of the first vote in a certificate's bytes */
};

static struct roster roster;
static struct digest digest;
static struct cluster_id cluster;
static struct order order;
static uint16_t culprit;
static uint8_t bytes[ORDER_CERT_BYTES_MAX];

static void set_up(void)
{
    fixture_roster(&roster, NODES, 1);
    digest = fixture_digest(&roster);
    memset(&cluster, 0xc1, sizeof cluster);
    order = fixture_order(&roster, TARGET);
    culprit = NOBODY;
}

static struct order_cert voted_by(size_t first, size_t count)
{
    return fixture_order_cert(&order, first, count, ALLOWS_RETIRE | ALLOWS_POWER, &cluster);
}

static enum order_verdict verdict_of(const struct order_cert *cert)
{
    culprit = NOBODY;
    return order_cert_verify(cert, POWER, &cluster, &roster, &digest, &culprit);
}

static size_t encode(const struct order_cert *cert)
{
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, cert);
    ck_assert(!w.failed);
    return writer_size(&w);
}

/* True if the bytes are one certificate and nothing else. */
static bool decode(struct order_cert *out, size_t size)
{
    struct reader r = reader_init(bytes, size);
    return order_cert_decode(out, &r) && reader_done(&r);
}

START_TEST(a_majority_of_votes_certifies)
{
    for (size_t first = 0; first < JURORS; first++)
        for (size_t count = 0; first + count <= JURORS; count++) {
            struct order_cert cert = voted_by(first, count);
            ck_assert_int_eq(verdict_of(&cert), count >= QUORUM ? ORDER_OK : ORDER_TOO_FEW);
            ck_assert_uint_eq(culprit, NOBODY);
        }
}
END_TEST

/* F12: of one or two jurors a majority is one key, or both: they order nothing, whoever signed. */
START_TEST(fewer_than_three_jurors_order_nothing)
{
    for (size_t jurors = 1; jurors <= 3; jurors++) {
        for (size_t i = 0, left = jurors; i < NODES; i++)
            roster.nodes[i].juror = left > 0 && left-- > 0;
        digest = fixture_digest(&roster);
        order = fixture_order(&roster, TARGET);
        struct order_cert cert = voted_by(0, jurors);
        ck_assert_int_eq(verdict_of(&cert), jurors < JURY_LEAST ? ORDER_NO_JURY : ORDER_OK);
    }
}
END_TEST

START_TEST(two_of_five_are_too_few)
{
    struct order_cert cert = voted_by(0, 2);
    ck_assert_int_eq(verdict_of(&cert), ORDER_TOO_FEW);
    ck_assert_uint_eq(culprit, NOBODY);
    ck_assert_int_eq(order_cert_verify(&cert, POWER, &cluster, &roster, &digest, NULL),
                     ORDER_TOO_FEW);
}
END_TEST

/* F1: an order is certified for an action by the votes that allow that action, not by the others.
 */
START_TEST(only_votes_that_allow_the_action_count)
{
    struct order_cert cert = voted_by(0, 2);
    for (size_t i = 2; i < JURORS; i++) {
        struct vote vote = fixture_vote(&order, i, ALLOWS_RETIRE, &cluster);
        ck_assert(order_cert_add(&cert, &vote));
    }
    ck_assert_uint_eq(order_cert_allowing(&cert, POWER), 2);
    ck_assert_uint_eq(order_cert_allowing(&cert, ACTION_RETIRE), JURORS);
    ck_assert_int_eq(verdict_of(&cert), ORDER_TOO_FEW);
    ck_assert_int_eq(order_cert_verify(&cert, ACTION_RETIRE, &cluster, &roster, &digest, NULL),
                     ORDER_OK);
    struct vote third = fixture_vote(&order, 2, ALLOWS_POWER, &cluster);
    ck_assert(order_cert_add(&cert, &third));
    ck_assert_int_eq(verdict_of(&cert), ORDER_OK);
}
END_TEST

START_TEST(an_action_beyond_the_mask_is_allowed_by_nobody)
{
    struct order_cert cert = fixture_order_cert(&order, 0, JURORS, UINT32_MAX, &cluster);
    ck_assert_uint_eq(order_cert_allowing(&cert, ACTIONS_MAX - 1), JURORS);
    for (unsigned action = ACTIONS_MAX; action <= UINT8_MAX; action++) {
        ck_assert_uint_eq(order_cert_allowing(&cert, (uint8_t)action), 0);
        ck_assert_int_eq(
            order_cert_verify(&cert, (uint8_t)action, &cluster, &roster, &digest, NULL),
            ORDER_TOO_FEW);
    }
}
END_TEST

/* A mask that is widened on the way was not signed. */
START_TEST(what_a_vote_allows_and_its_age_are_signed)
{
    struct order_cert cert = fixture_order_cert(&order, 0, QUORUM, ALLOWS_RETIRE, &cluster);
    for (size_t i = 0; i < QUORUM; i++)
        cert.votes[i].allows |= ALLOWS_POWER;
    ck_assert_int_eq(verdict_of(&cert), ORDER_BAD_SIGNATURE);
    ck_assert_uint_eq(culprit, 1);
    cert = voted_by(0, QUORUM);
    cert.votes[2].age_ms++;
    ck_assert_int_eq(verdict_of(&cert), ORDER_BAD_SIGNATURE);
    ck_assert_uint_eq(culprit, 5);
}
END_TEST

START_TEST(a_duplicate_is_named)
{
    struct order_cert cert = voted_by(0, 2);
    cert.votes[2] = cert.votes[1];
    cert.count = 3;
    ck_assert_int_eq(verdict_of(&cert), ORDER_DUPLICATE);
    ck_assert_uint_eq(culprit, 3);
    /* Two different votes of one juror, both good, are one juror all the same; and so where there
     * would be enough without it. */
    cert = voted_by(0, 4);
    cert.votes[4] = fixture_vote(&order, 3, ALLOWS_POWER, &cluster);
    cert.count = 5;
    ck_assert_int_eq(vote_verify(&cert.votes[4], &order, &cluster, &roster), ORDER_OK);
    ck_assert_int_eq(verdict_of(&cert), ORDER_DUPLICATE);
    ck_assert_uint_eq(culprit, 7);
}
END_TEST

START_TEST(a_signer_that_is_no_juror_is_named)
{
    struct order_cert cert = voted_by(JURORS - 2, 3);
    ck_assert_int_eq(verdict_of(&cert), ORDER_NOT_A_JUROR);
    ck_assert_uint_eq(culprit, 11);
    cert = voted_by(0, 3);
    cert.votes[0].juror = 0; /* a slot that the roster does not have */
    ck_assert_int_eq(verdict_of(&cert), ORDER_NOT_A_JUROR);
    ck_assert_uint_eq(culprit, 0);
    /* A stranger beside a majority spoils it as well. */
    cert = voted_by(0, NODES);
    ck_assert_int_eq(verdict_of(&cert), ORDER_NOT_A_JUROR);
    ck_assert_uint_eq(culprit, 11);
}
END_TEST

START_TEST(one_vote_by_itself)
{
    struct vote vote = fixture_vote(&order, 0, ALLOWS_POWER, &cluster);
    ck_assert_int_eq(vote_verify(&vote, &order, &cluster, &roster), ORDER_OK);
    vote.juror = 3;
    ck_assert_int_eq(vote_verify(&vote, &order, &cluster, &roster), ORDER_BAD_SIGNATURE);
    vote.juror = 2;
    ck_assert_int_eq(vote_verify(&vote, &order, &cluster, &roster), ORDER_NOT_A_JUROR);
    vote = fixture_vote(&order, 5, ALLOWS_POWER, &cluster);
    ck_assert_int_eq(vote_verify(&vote, &order, &cluster, &roster), ORDER_NOT_A_JUROR);
}
END_TEST

START_TEST(one_bad_signature_spoils_it)
{
    for (size_t i = 0; i < JURORS; i++) {
        struct order_cert cert = voted_by(0, JURORS);
        cert.votes[i].signature.bytes[5] ^= 1;
        ck_assert_int_eq(verdict_of(&cert), ORDER_BAD_SIGNATURE);
        ck_assert_uint_eq(culprit, 2 * i + 1);
    }
}
END_TEST

/* F3, F1: votes are for one life of one node under one roster of one cluster. */
START_TEST(votes_do_not_serve_another_order)
{
    struct order_cert good = voted_by(0, QUORUM), cert = good;
    cert.order.life++;
    ck_assert_int_eq(verdict_of(&cert), ORDER_BAD_SIGNATURE);
    cert.order.life -= 2;
    ck_assert_int_eq(verdict_of(&cert), ORDER_BAD_SIGNATURE);
    cert = good;
    cert.order.slot = roster.nodes[0].slot;
    ck_assert_int_eq(verdict_of(&cert), ORDER_BAD_SIGNATURE);
    cert.order.slot = 2;
    ck_assert_int_eq(verdict_of(&cert), ORDER_NO_SUCH_NODE);
    ck_assert_uint_eq(culprit, NOBODY);
    cert = good;
    cert.order.life = 0;
    ck_assert_int_eq(verdict_of(&cert), ORDER_MALFORMED);

    struct cluster_id foreign = cluster;
    foreign.bytes[9] ^= 1;
    ck_assert_int_eq(order_cert_verify(&good, POWER, &foreign, &roster, &digest, &culprit),
                     ORDER_BAD_SIGNATURE);
    ck_assert_uint_eq(culprit, 1);
    ck_assert_int_eq(verdict_of(&good), ORDER_OK);
}
END_TEST

/* A signature of the same jurors over the same bytes, but as another kind of statement. */
START_TEST(another_kind_of_statement_is_no_vote)
{
    struct order_cert cert = voted_by(0, QUORUM);
    uint8_t signed_bytes[ORDER_BYTES + 10];
    struct writer w = writer_init(signed_bytes, sizeof signed_bytes);
    order_encode(&w, &order);
    write_u16(&w, cert.votes[1].juror);
    write_u32(&w, cert.votes[1].allows);
    write_u32(&w, cert.votes[1].age_ms);
    struct key_pair key = fixture_key(1);
    cert.votes[1].signature =
        statement_sign(STATEMENT_VOTE, &cluster, signed_bytes, sizeof signed_bytes, &key);
    ck_assert_int_eq(verdict_of(&cert), ORDER_OK);
    cert.votes[1].signature =
        statement_sign(STATEMENT_RECEIPT, &cluster, signed_bytes, sizeof signed_bytes, &key);
    ck_assert_int_eq(verdict_of(&cert), ORDER_BAD_SIGNATURE);
    ck_assert_uint_eq(culprit, 3);
}
END_TEST

/* F10 begins here: an epoch's votes are good under that epoch only. */
START_TEST(a_foreign_roster_is_refused)
{
    struct order_cert cert = voted_by(0, QUORUM);
    cert.order.epoch++;
    ck_assert_int_eq(verdict_of(&cert), ORDER_OTHER_ROSTER);
    cert.order.epoch--;
    cert.order.roster.bytes[31] ^= 1;
    ck_assert_int_eq(verdict_of(&cert), ORDER_OTHER_ROSTER);
    ck_assert_uint_eq(culprit, NOBODY);

    cert = voted_by(0, QUORUM);
    roster.epoch = 2;
    roster.previous = digest;
    digest = fixture_digest(&roster);
    ck_assert_int_eq(verdict_of(&cert), ORDER_OTHER_ROSTER);
    /* The same jurors' votes with the new roster's name written over: not what they signed. */
    cert.order.epoch = 2;
    cert.order.roster = digest;
    ck_assert_int_eq(verdict_of(&cert), ORDER_BAD_SIGNATURE);
}
END_TEST

/* F1: no asker is in an order, so what two askers gathered is one certificate. */
START_TEST(votes_of_two_askers_add_up)
{
    struct order again = fixture_order(&roster, TARGET);
    ck_assert(order_equal(&order, &again));
    struct digest one = order_digest(&order), other = order_digest(&again);
    ck_assert_mem_eq(&one, &other, sizeof one);
    struct order_cert first = fixture_order_cert(&order, 3, 2, ALLOWS_POWER, &cluster);
    struct order_cert second = fixture_order_cert(&again, 0, 1, ALLOWS_POWER, &cluster);
    ck_assert_int_eq(verdict_of(&first), ORDER_TOO_FEW);
    ck_assert_int_eq(verdict_of(&second), ORDER_TOO_FEW);
    ck_assert(order_cert_add(&first, &second.votes[0]));
    ck_assert_uint_eq(first.votes[0].juror, 1);
    ck_assert_int_eq(verdict_of(&first), ORDER_OK);
}
END_TEST

START_TEST(orders_differ_in_each_of_their_parts)
{
    struct order other[] = {order, order, order, order};
    struct digest name = order_digest(&order);
    other[0].epoch++;
    other[1].roster.bytes[0] ^= 1;
    other[2].slot++;
    other[3].life++;
    for (size_t i = 0; i < 4; i++) {
        struct digest d = order_digest(&other[i]);
        ck_assert(!order_equal(&order, &other[i]));
        ck_assert_mem_ne(&name, &d, sizeof d);
    }
}
END_TEST

/* Votes rest on this: the bytes of an order, and of its certificate, may not change. */
START_TEST(the_format_is_pinned)
{
    char text[2 * DIGEST_SIZE + 1];
    memset(&order.roster, 0x11, sizeof order.roster);
    struct digest name = order_digest(&order);
    hex_encode(text, name.bytes, sizeof name.bytes);
    ck_assert_str_eq(text, "cf1c0c6a196300682fe0b912f2865c759ee7783f32b4568d39754025cf96acc4");
    struct order_cert cert = voted_by(0, QUORUM);
    size_t size = encode(&cert);
    ck_assert_uint_eq(size, ORDER_BYTES + 1 + QUORUM * VOTE_BYTES);
    name = digest_of(bytes, size);
    hex_encode(text, name.bytes, sizeof name.bytes);
    ck_assert_str_eq(text, "50a1e2b5c3c073f49627add32de3d39cd90104afe3dbb0c82e1a380df1c09a8f");
}
END_TEST

START_TEST(adding_keeps_order_and_takes_the_newer_vote)
{
    static const uint16_t jurors[] = {9, 3, 0xffff, 0, 5, 3};
    struct order_cert cert = {0};
    for (size_t i = 0; i < sizeof jurors / sizeof jurors[0]; i++) {
        struct vote vote = {.juror = jurors[i], .age_ms = (uint32_t)i};
        ck_assert(order_cert_add(&cert, &vote));
    }
    ck_assert_uint_eq(cert.count, 5);
    for (size_t i = 1; i < cert.count; i++)
        ck_assert_uint_lt(cert.votes[i - 1].juror, cert.votes[i].juror);
    ck_assert_uint_eq(cert.votes[1].juror, 3);
    ck_assert_uint_eq(cert.votes[1].age_ms, 5);
}
END_TEST

START_TEST(a_full_certificate_takes_no_more)
{
    struct order_cert cert = {.order = order}, back;
    struct vote vote = {.allows = UINT32_MAX};
    for (int i = 0; i < ROSTER_JURORS_MAX; i++) {
        vote.juror = (uint16_t)(100 - i);
        ck_assert(order_cert_add(&cert, &vote));
    }
    vote.juror = 1;
    ck_assert(!order_cert_add(&cert, &vote));
    vote.juror = 1000;
    ck_assert(!order_cert_add(&cert, &vote));
    vote.juror = 100;
    ck_assert(order_cert_add(&cert, &vote));
    ck_assert_uint_eq(cert.count, ROSTER_JURORS_MAX);
    uint8_t info[SCOPE_INFO_MAX];
    memset(info, 'i', sizeof info);
    ck_assert(scope_make(&cert.order.scope, 1, 1, info, sizeof info));
    ck_assert_uint_eq(encode(&cert), ORDER_CERT_BYTES_MAX);
    ck_assert(decode(&back, ORDER_CERT_BYTES_MAX));
    static uint8_t again[ORDER_CERT_BYTES_MAX];
    struct writer w = writer_init(again, sizeof again);
    order_cert_encode(&w, &back);
    ck_assert_mem_eq(again, bytes, sizeof again);
    cert.count++;
    ck_assert_int_eq(verdict_of(&cert), ORDER_MALFORMED);
}
END_TEST

START_TEST(bytes_go_both_ways)
{
    struct order_cert cert = voted_by(0, QUORUM), back;
    static const struct order_cert none;
    size_t size = encode(&cert);
    struct reader r = reader_init(bytes, size + 1);
    ck_assert(order_cert_decode(&back, &r));
    ck_assert_uint_eq(reader_left(&r), 1);
    ck_assert_int_eq(verdict_of(&back), ORDER_OK);
    for (size_t cut = 0; cut < size; cut++) {
        r = reader_init(bytes, cut);
        ck_assert(!order_cert_decode(&back, &r));
        ck_assert(r.failed);
        ck_assert_mem_eq(&back, &none, sizeof none);
    }
}
END_TEST

/* The head bit by bit, and of each vote a few bytes of every field. */
START_TEST(no_flipped_bit_verifies)
{
    struct order_cert cert = voted_by(0, QUORUM), back;
    size_t size = encode(&cert);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        size_t in_vote = bit / 8 < ENTRIES_AT ? 0 : (bit / 8 - ENTRIES_AT) % VOTE_BYTES;
        if (in_vote > 14 && in_vote % 8 != 0)
            continue;
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (decode(&back, size))
            ck_assert_msg(verdict_of(&back) != ORDER_OK, "bit %zu may be flipped", bit);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert(decode(&back, size));
    ck_assert_int_eq(verdict_of(&back), ORDER_OK);
}
END_TEST

START_TEST(votes_stand_in_one_order_only)
{
    struct order_cert cert = voted_by(0, QUORUM), back;
    struct vote first = cert.votes[0];
    cert.votes[0] = cert.votes[1];
    cert.votes[1] = first;
    ck_assert_int_eq(verdict_of(&cert), ORDER_MALFORMED);
    ck_assert_uint_eq(culprit, 1);
    ck_assert(!decode(&back, encode(&cert)));
    /* Duplicates decode, so that they can be named. */
    cert = voted_by(0, QUORUM);
    cert.votes[1] = cert.votes[0];
    ck_assert(decode(&back, encode(&cert)));
    ck_assert_int_eq(verdict_of(&back), ORDER_DUPLICATE);
}
END_TEST

START_TEST(counts_and_lives_out_of_range_do_not_decode)
{
    struct order_cert cert = voted_by(0, QUORUM), back;
    size_t size = encode(&cert);
    for (unsigned count = 0; count <= UINT8_MAX; count++) {
        bytes[ORDER_BYTES] = (uint8_t)count;
        ck_assert_int_eq(decode(&back, size), count == QUORUM);
    }
    memset(bytes, 0, sizeof bytes);
    bytes[ORDER_BYTES - SCOPE_NONE_BYTES - 8] = 1;
    bytes[ORDER_BYTES] = ROSTER_JURORS_MAX + 1;
    ck_assert(!decode(&back, sizeof bytes));
    cert.order.life = 0;
    ck_assert(!decode(&back, encode(&cert)));
}
END_TEST

START_TEST(every_verdict_has_its_text)
{
    for (int a = ORDER_OK; a <= ORDER_WRONG_ACTION; a++)
        for (int b = a + 1; b <= ORDER_WRONG_ACTION; b++)
            ck_assert_str_ne(order_verdict_text((enum order_verdict)a),
                             order_verdict_text((enum order_verdict)b));
}
END_TEST

static TCase *case_bytes(void)
{
    TCase *tc = tcase_create("bytes");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, orders_differ_in_each_of_their_parts);
    tcase_add_test(tc, the_format_is_pinned);
    tcase_add_test(tc, adding_keeps_order_and_takes_the_newer_vote);
    tcase_add_test(tc, a_full_certificate_takes_no_more);
    tcase_add_test(tc, bytes_go_both_ways);
    tcase_add_test(tc, no_flipped_bit_verifies);
    tcase_add_test(tc, votes_stand_in_one_order_only);
    tcase_add_test(tc, counts_and_lives_out_of_range_do_not_decode);
    tcase_add_test(tc, every_verdict_has_its_text);
    return tc;
}

Suite *suite_order(void)
{
    Suite *suite = suite_create("order");
    TCase *tc = tcase_create("votes");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, a_majority_of_votes_certifies);
    tcase_add_test(tc, fewer_than_three_jurors_order_nothing);
    tcase_add_test(tc, two_of_five_are_too_few);
    tcase_add_test(tc, only_votes_that_allow_the_action_count);
    tcase_add_test(tc, an_action_beyond_the_mask_is_allowed_by_nobody);
    tcase_add_test(tc, what_a_vote_allows_and_its_age_are_signed);
    tcase_add_test(tc, a_duplicate_is_named);
    tcase_add_test(tc, a_signer_that_is_no_juror_is_named);
    tcase_add_test(tc, one_vote_by_itself);
    tcase_add_test(tc, one_bad_signature_spoils_it);
    tcase_add_test(tc, votes_do_not_serve_another_order);
    tcase_add_test(tc, another_kind_of_statement_is_no_vote);
    tcase_add_test(tc, a_foreign_roster_is_refused);
    tcase_add_test(tc, votes_of_two_askers_add_up);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, case_bytes());
    return suite;
}
