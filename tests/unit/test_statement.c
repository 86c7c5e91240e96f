/* Statements: bound to kind, cluster, bytes and signer; one signature has one form. */
#include "tests/unit/crypto_fixture.h"

#include <check.h>
#include <sodium.h>

Suite *suite_statement(void);

static const uint8_t BYTES[] = "slot 3 is alive";

static struct key_pair key;
static struct cluster_id cluster;
static struct signature signature;

static void set_up(void)
{
    key = fixture_key(3);
    memset(&cluster, 0xc1, sizeof cluster);
    signature = statement_sign(STATEMENT_MEMBER, &cluster, BYTES, sizeof BYTES, &key);
}

static bool verifies(const struct signature *s)
{
    return statement_verify(STATEMENT_MEMBER, &cluster, BYTES, sizeof BYTES, s, &key.public);
}

START_TEST(a_signature_verifies)
{
    ck_assert(verifies(&signature));
    /* Nothing may be signed as well. */
    struct signature empty = statement_sign(STATEMENT_MEMBER, &cluster, NULL, 0, &key);
    ck_assert(statement_verify(STATEMENT_MEMBER, &cluster, NULL, 0, &empty, &key.public));
    ck_assert(!verifies(&empty));
}
END_TEST

static const enum statement_kind KINDS[] = {STATEMENT_ROSTER, STATEMENT_MEMBER,  STATEMENT_VOTE,
                                            STATEMENT_END,    STATEMENT_RECEIPT, STATEMENT_ARMED,
                                            STATEMENT_SILENCE};

START_TEST(kinds_have_contexts_of_their_own)
{
    for (size_t i = 0; i < sizeof KINDS / sizeof KINDS[0]; i++) {
        struct signature s = statement_sign(KINDS[i], &cluster, BYTES, sizeof BYTES, &key);
        const char *context = statement_context(KINDS[i]);
        for (size_t j = 0; j < sizeof KINDS / sizeof KINDS[0]; j++) {
            bool same = statement_verify(KINDS[j], &cluster, BYTES, sizeof BYTES, &s, &key.public);
            ck_assert_int_eq(same, i == j);
            /* None is the beginning of another. */
            if (i != j)
                ck_assert_ptr_ne(strstr(statement_context(KINDS[j]), context),
                                 statement_context(KINDS[j]));
        }
    }
}
END_TEST

START_TEST(bound_to_cluster_bytes_and_signer)
{
    struct cluster_id foreign = cluster;
    struct public_key other = fixture_key(4).public;
    foreign.bytes[0] ^= 1;
    ck_assert(!statement_verify(STATEMENT_MEMBER, &foreign, BYTES, sizeof BYTES, &signature,
                                &key.public));
    ck_assert(
        !statement_verify(STATEMENT_MEMBER, &cluster, BYTES, sizeof BYTES, &signature, &other));
    for (size_t size = 0; size < sizeof BYTES; size++)
        ck_assert(
            !statement_verify(STATEMENT_MEMBER, &cluster, BYTES, size, &signature, &key.public));
    for (size_t bit = 0; bit < 8 * sizeof BYTES; bit++) {
        uint8_t changed[sizeof BYTES];
        memcpy(changed, BYTES, sizeof changed);
        changed[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert(!statement_verify(STATEMENT_MEMBER, &cluster, changed, sizeof changed, &signature,
                                    &key.public));
    }
}
END_TEST

START_TEST(every_bit_of_a_signature_counts)
{
    for (size_t bit = 0; bit < 8 * SIGNATURE_SIZE; bit++) {
        struct signature changed = signature;
        changed.bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(!verifies(&changed), "bit %zu may be flipped", bit);
    }
}
END_TEST

/* S + L is the same number modulo the group's order L: a lax verifier takes it for S. */
START_TEST(a_second_form_is_refused)
{
    static const uint8_t order[32] = {0xed, 0xd3, 0xf5, 0x5c, 0x1a, 0x63, 0x12, 0x58,
                                      0xd6, 0x9c, 0xf7, 0xa2, 0xde, 0xf9, 0xde, 0x14,
                                      0,    0,    0,    0,    0,    0,    0,    0,
                                      0,    0,    0,    0,    0,    0,    0,    0x10};
    struct signature second = signature;
    sodium_add(second.bytes + 32, order, sizeof order);
    ck_assert(!verifies(&second));
}
END_TEST

/* With the neutral point as key and as R, S = 0 satisfies the bare equation for any message. */
START_TEST(a_key_of_small_order_signs_nothing)
{
    struct public_key neutral = {{1}};
    struct signature forged = {{1}};
    ck_assert(
        !statement_verify(STATEMENT_MEMBER, &cluster, BYTES, sizeof BYTES, &forged, &neutral));
    ck_assert(!verifies(&forged));
}
END_TEST

/* The layout that statement.h gives, put together by hand. */
START_TEST(what_is_signed_is_as_documented)
{
    uint8_t text[256];
    const char *context = statement_context(STATEMENT_MEMBER);
    struct writer w = writer_init(text, sizeof text);
    write_copy(&w, context, strlen(context));
    write_u8(&w, 0);
    write_copy(&w, cluster.bytes, sizeof cluster.bytes);
    write_copy(&w, BYTES, sizeof BYTES);
    crypto_sign_state state;
    crypto_sign_init(&state);
    crypto_sign_update(&state, text, writer_size(&w));
    ck_assert_int_eq(crypto_sign_final_verify(&state, signature.bytes, key.public.bytes), 0);
    /* Prehashed (Ed25519ph): not a plain Ed25519 signature of the same text. */
    ck_assert_int_ne(
        crypto_sign_verify_detached(signature.bytes, text, writer_size(&w), key.public.bytes), 0);
}
END_TEST

START_TEST(signing_is_deterministic)
{
    struct signature again = statement_sign(STATEMENT_MEMBER, &cluster, BYTES, sizeof BYTES, &key);
    ck_assert_mem_eq(&again, &signature, sizeof again);
}
END_TEST

Suite *suite_statement(void)
{
    Suite *suite = suite_create("statement");
    TCase *tc = tcase_create("signatures");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, a_signature_verifies);
    tcase_add_test(tc, kinds_have_contexts_of_their_own);
    tcase_add_test(tc, bound_to_cluster_bytes_and_signer);
    tcase_add_test(tc, every_bit_of_a_signature_counts);
    tcase_add_test(tc, a_second_form_is_refused);
    tcase_add_test(tc, a_key_of_small_order_signs_nothing);
    tcase_add_test(tc, what_is_signed_is_as_documented);
    tcase_add_test(tc, signing_is_deterministic);
    suite_add_tcase(suite, tc);
    return suite;
}
