/* The operator's receipt (crypto/operator_receipt.h, F6d, F12): what verifies, and what does not.
 */
#include <check.h>

#include "tests/unit/crypto_fixture.h"

Suite *suite_operator_receipt(void);

enum { TARGET = 4 };

static const struct cluster_id cluster = {{0xc1}};
static struct roster roster;
static struct digest digest;
static struct proof proof;

static void confirmed(void)
{
    fixture_roster(&roster, 5, 2);
    digest = fixture_digest(&roster);
    proof = fixture_by_hand(&roster, TARGET, 3, &cluster);
}

static void broken_glass(void)
{
    fixture_roster(&roster, 2, 2);
    digest = fixture_digest(&roster);
    proof = fixture_by_hand(&roster, 1, 0, &cluster);
    fixture_operator_sign(&proof, 1, &cluster);
}

static enum proof_verdict verdict(void)
{
    return proof_verify(&proof, &cluster, &roster, &digest, NULL);
}

static enum operator_verdict operator_verdict(void)
{
    return operator_receipt_verify(&proof.operator_receipt, &proof.cert, &cluster, &roster,
                                   &digest);
}

START_TEST(a_confirmation)
{
    ck_assert_int_eq(verdict(), PROOF_OK);
    ck_assert_uint_eq(proof_slot(&proof), roster.nodes[TARGET].slot);
    ck_assert_uint_eq(proof_covers(&proof), 7);
    fixture_operator_sign(&proof, 1, &cluster); /* more may sign */
    ck_assert_int_eq(verdict(), PROOF_OK);
}
END_TEST

/* No single operator makes an order. */
START_TEST(without_a_certificate)
{
    proof = fixture_by_hand(&roster, TARGET, 2, &cluster);
    ck_assert_int_eq(verdict(), PROOF_ORDER);
    proof = fixture_by_hand(&roster, TARGET, 0, &cluster);
    proof.operator_receipt.form = OPERATOR_CONFIRMS;
    fixture_operator_sign(&proof, 0, &cluster);
    ck_assert_int_eq(verdict(), PROOF_ORDER);
}
END_TEST

START_TEST(what_it_names)
{
    proof.cert = fixture_order_cert(
        &(struct order){.epoch = 1, .roster = digest, .slot = roster.nodes[TARGET].slot, .life = 8},
        0, 3, 1, &cluster);
    ck_assert_int_eq(operator_verdict(), OPERATOR_BAD_SIGNATURE); /* of another life */
    confirmed();
    strcpy(proof.operator_receipt.machine, "n3");
    ck_assert_int_eq(operator_verdict(), OPERATOR_WRONG_MACHINE);
    fixture_operator_sign(&proof, 0, &cluster);
    ck_assert_int_eq(verdict(), PROOF_OPERATOR_REFUSED);
    confirmed();
    struct cluster_id other = {{0xc2}};
    ck_assert_int_eq(
        operator_receipt_verify(&proof.operator_receipt, &proof.cert, &other, &roster, &digest),
        OPERATOR_BAD_SIGNATURE);
    proof.operator_receipt.form = OPERATOR_BREAKS_GLASS; /* a signature has one form */
    ck_assert_int_eq(operator_verdict(), OPERATOR_NOT_ALLOWED);
}
END_TEST

START_TEST(who_signs)
{
    proof.operator_receipt.signatures[0].operator_index = 1; /* another one's key */
    ck_assert_int_eq(operator_verdict(), OPERATOR_BAD_SIGNATURE);
    proof.operator_receipt.signatures[0].operator_index = 2;
    ck_assert_int_eq(operator_verdict(), OPERATOR_UNKNOWN);
    proof.operator_receipt.count = 0;
    ck_assert_int_eq(operator_verdict(), OPERATOR_MALFORMED);
    confirmed(); /* a node's key is no operator's */
    struct key_pair node = fixture_key(0);
    operator_receipt_sign(&proof.operator_receipt, &proof.cert.order, &cluster, 0, &node);
    ck_assert_int_eq(operator_verdict(), OPERATOR_BAD_SIGNATURE);
    confirmed(); /* one good signature does not cover for a bad one */
    operator_receipt_sign(&proof.operator_receipt, &proof.cert.order, &cluster, 1, &node);
    ck_assert_int_eq(operator_verdict(), OPERATOR_BAD_SIGNATURE);
}
END_TEST

START_TEST(break_glass)
{
    ck_assert_int_eq(verdict(), PROOF_OK);
    proof.operator_receipt.count = 1; /* all must sign */
    ck_assert_int_eq(operator_verdict(), OPERATOR_MISSING);
}
END_TEST

START_TEST(break_glass_where_a_jury_can_order)
{
    fixture_roster(&roster, 5, 2);
    digest = fixture_digest(&roster);
    proof = fixture_by_hand(&roster, TARGET, 0, &cluster);
    fixture_operator_sign(&proof, 1, &cluster);
    ck_assert_int_eq(operator_verdict(), OPERATOR_NOT_ALLOWED);
    ck_assert_int_eq(verdict(), PROOF_OPERATOR_REFUSED);
}
END_TEST

START_TEST(break_glass_of_another_roster)
{
    digest.bytes[0] ^= 1;
    ck_assert_int_eq(operator_verdict(), OPERATOR_NOT_ALLOWED);
    digest.bytes[0] ^= 1;
    roster.epoch = 2;
    ck_assert_int_eq(operator_verdict(), OPERATOR_NOT_ALLOWED);
}
END_TEST

static size_t encode(uint8_t out[PROOF_BYTES_MAX])
{
    struct writer w = writer_init(out, PROOF_BYTES_MAX);
    proof_encode(&w, &proof);
    ck_assert(!w.failed);
    return writer_size(&w);
}

START_TEST(one_encoding)
{
    uint8_t bytes[PROOF_BYTES_MAX], again[PROOF_BYTES_MAX];
    fixture_operator_sign(&proof, 1, &cluster);
    size_t size = encode(bytes);
    for (size_t cut = 0; cut < size; cut++) {
        struct reader r = reader_init(bytes, cut);
        ck_assert(!proof_decode(&proof, &r));
        ck_assert_uint_eq(proof.kind, 0);
    }
    struct reader r = reader_init(bytes, size);
    ck_assert(proof_decode(&proof, &r) && reader_done(&r));
    ck_assert_int_eq(verdict(), PROOF_OK);
    ck_assert_uint_eq(encode(again), size);
    ck_assert_mem_eq(again, bytes, size);
}
END_TEST

START_TEST(what_does_not_decode)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    size_t size = encode(bytes);
    size_t receipt = size - (1 + ROSTER_NAME_SIZE + 1 + 1 + SIGNATURE_SIZE);
    const struct {
        size_t at;
        uint8_t value;
    } changes[] = {{receipt, 0}, /* the form */
                   {receipt, 3},
                   {receipt + 1, 0},                    /* the name: none, */
                   {receipt + 10, 'x'},                 /*   something behind it, */
                   {receipt + 1 + ROSTER_NAME_SIZE, 0}, /* signatures: none, too many */
                   {receipt + 1 + ROSTER_NAME_SIZE, 9},
                   {receipt + 2 + ROSTER_NAME_SIZE, 8}}; /* of an operator that cannot be */
    for (size_t i = 0; i < sizeof changes / sizeof changes[0]; i++) {
        uint8_t was = bytes[changes[i].at];
        bytes[changes[i].at] = changes[i].value;
        struct reader r = reader_init(bytes, size);
        ck_assert_msg(!proof_decode(&proof, &r), "change %zu", i);
        bytes[changes[i].at] = was;
    }
}
END_TEST

Suite *suite_operator_receipt(void)
{
    Suite *suite = suite_create("operator_receipt");
    TCase *confirms = tcase_create("confirmation");
    tcase_add_checked_fixture(confirms, confirmed, NULL);
    tcase_add_test(confirms, a_confirmation);
    tcase_add_test(confirms, without_a_certificate);
    tcase_add_test(confirms, what_it_names);
    tcase_add_test(confirms, who_signs);
    tcase_add_test(confirms, one_encoding);
    tcase_add_test(confirms, what_does_not_decode);
    suite_add_tcase(suite, confirms);
    TCase *glass = tcase_create("break-glass");
    tcase_add_checked_fixture(glass, broken_glass, NULL);
    tcase_add_test(glass, break_glass);
    tcase_add_test(glass, break_glass_where_a_jury_can_order);
    tcase_add_test(glass, break_glass_of_another_roster);
    suite_add_tcase(suite, glass);
    return suite;
}
