/* Orders about one session of a life (F1, F6b): their scope is the holder's own word, their bytes
 * are fixed by what they are about, and what proves a session over proves nothing of the life. */
#include "tests/unit/crypto_fixture.h"

#include <check.h>

Suite *suite_scope(void);

/* Six nodes, slots 1 3 5 7 9 11, five jurors, quorum 3. */
enum { NODES = 6, QUORUM = 3, TARGET = 5, EXECUTOR = 1, POWER = 1, END_SESSION = 2 };

static struct roster roster;
static struct digest digest;
static struct cluster_id cluster;
static struct order order;

static void set_up(void)
{
    fixture_roster(&roster, NODES, 1);
    fixture_session_action(&roster);
    digest = fixture_digest(&roster);
    memset(&cluster, 0xc1, sizeof cluster);
    order = fixture_session_order(&roster, TARGET, 42, "vm-1");
}

static bool made(const char *info, size_t size)
{
    struct scope scope;
    bool good = scope_make(&scope, 1, END_SESSION, info, size);
    ck_assert_int_eq(good, scope.session != 0);
    return good;
}

START_TEST(an_info_is_one_text)
{
    char longest[SCOPE_INFO_MAX + 1];
    memset(longest, 'i', sizeof longest);
    ck_assert(made("", 0));
    ck_assert(made("vm 1, export=/srv/a\"b$c", 23));
    ck_assert(made("\xc3\xa9", 2));
    ck_assert(made(longest, SCOPE_INFO_MAX));
    ck_assert(!made(longest, SCOPE_INFO_MAX + 1));
    ck_assert(!made("\xc3", 1));
    ck_assert(!made("a\0b", 3));
    ck_assert(!made("a\nb", 3));
    ck_assert(!made("\x7f", 1));
    ck_assert(!made("\xc2\x85", 2));
    struct scope scope;
    ck_assert(!scope_make(&scope, 0, END_SESSION, "x", 1));
    ck_assert(!scope_make(&scope, 1, ACTION_RETIRE, "x", 1));
}
END_TEST

START_TEST(a_word_is_the_holders_own)
{
    struct key_pair key = fixture_key(TARGET), other = fixture_key(0);
    struct scope_word word = {.scope = order.scope}, changed;
    scope_sign(&word, 11, 7, &cluster, &key);
    ck_assert(scope_verify(&word, 11, 7, &cluster, &roster));
    ck_assert(!scope_verify(&word, 11, 8, &cluster, &roster));
    ck_assert(!scope_verify(&word, 1, 7, &cluster, &roster));
    ck_assert(!scope_verify(&word, 2, 7, &cluster, &roster));
    changed = word;
    changed.scope.session++;
    ck_assert(!scope_verify(&changed, 11, 7, &cluster, &roster));
    changed = word;
    changed.scope.info[0] ^= 1;
    ck_assert(!scope_verify(&changed, 11, 7, &cluster, &roster));
    changed = word;
    changed.scope.action = POWER; /* not for sessions, whoever says so */
    scope_sign(&changed, 11, 7, &cluster, &key);
    ck_assert(!scope_verify(&changed, 11, 7, &cluster, &roster));
    scope_sign(&word, 11, 7, &cluster, &other);
    ck_assert(!scope_verify(&word, 11, 7, &cluster, &roster));
}
END_TEST

START_TEST(words_go_both_ways)
{
    struct key_pair key = fixture_key(TARGET);
    struct scope_word word = {.scope = order.scope}, none = {0}, back;
    uint8_t bytes[SCOPE_WORD_BYTES_MAX];
    scope_sign(&word, 11, 7, &cluster, &key);
    struct writer w = writer_init(bytes, sizeof bytes);
    scope_word_encode(&w, &word);
    ck_assert(!w.failed);
    ck_assert_uint_eq(writer_size(&w), scope_word_size(&word));
    for (size_t size = 0; size <= writer_size(&w); size++) {
        struct reader r = reader_init(bytes, size);
        bool whole = size == writer_size(&w);
        ck_assert_int_eq(scope_word_decode(&back, &r) && reader_done(&r), whole);
        ck_assert_int_eq(scope_equal(&back.scope, &word.scope), whole);
    }
    w = writer_init(bytes, sizeof bytes);
    scope_word_encode(&w, &none);
    ck_assert_uint_eq(writer_size(&w), scope_word_size(&none));
    struct reader r = reader_init(bytes, writer_size(&w));
    ck_assert(scope_word_decode(&back, &r) && reader_done(&r));
    ck_assert_uint_eq(back.scope.session, 0);
}
END_TEST

/* F1: the votes of two askers about one session add up, those about another, or the life, do not.
 */
START_TEST(an_order_is_fixed_by_its_scope_too)
{
    struct order other[] = {order, order, order, order};
    ck_assert(scope_make(&other[0].scope, 43, END_SESSION, "vm-1", 4));
    ck_assert(scope_make(&other[1].scope, 42, END_SESSION, "vm-2", 4));
    ck_assert(scope_make(&other[2].scope, 42, 3, "vm-1", 4));
    other[3].scope = (struct scope){0};
    struct digest name = order_digest(&order);
    struct vote vote = fixture_vote(&order, 0, 1u << END_SESSION, &cluster);
    ck_assert_int_eq(vote_verify(&vote, &order, &cluster, &roster), ORDER_OK);
    for (size_t i = 0; i < 4; i++) {
        struct digest d = order_digest(&other[i]);
        ck_assert(!order_equal(&order, &other[i]));
        ck_assert_mem_ne(&name, &d, sizeof d);
        ck_assert_int_eq(vote_verify(&vote, &other[i], &cluster, &roster), ORDER_BAD_SIGNATURE);
    }
}
END_TEST

static enum order_verdict verdict_of(const struct order *about, uint8_t action)
{
    struct order_cert cert = fixture_order_cert(about, 0, QUORUM, UINT32_MAX, &cluster), back;
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, &cert);
    ck_assert(!w.failed);
    struct reader r = reader_init(bytes, writer_size(&w));
    ck_assert(order_cert_decode(&back, &r) && reader_done(&r));
    ck_assert(order_equal(&back.order, about));
    return order_cert_verify(&back, action, &cluster, &roster, &digest, NULL);
}

/* Whatever the votes allow: an order about a session never switches a machine off, and what ends
 * sessions ends no life. */
START_TEST(an_action_suits_what_the_order_is_about)
{
    struct order life = fixture_order(&roster, TARGET);
    ck_assert_int_eq(verdict_of(&order, END_SESSION), ORDER_OK);
    ck_assert_int_eq(verdict_of(&order, ACTION_RETIRE), ORDER_OK);
    ck_assert_int_eq(verdict_of(&order, POWER), ORDER_WRONG_ACTION);
    ck_assert_int_eq(verdict_of(&life, POWER), ORDER_OK);
    ck_assert_int_eq(verdict_of(&life, END_SESSION), ORDER_WRONG_ACTION);
    order.scope.action = POWER;
    ck_assert_int_eq(verdict_of(&order, ACTION_RETIRE), ORDER_WRONG_ACTION);
}
END_TEST

START_TEST(a_receipt_about_a_session_covers_it_alone)
{
    uint64_t life = 0;
    struct proof proof = fixture_ended(&roster, TARGET, QUORUM, EXECUTOR, 42, "vm-1", &cluster);
    ck_assert_int_eq(proof_verify(&proof, &cluster, &roster, &digest, NULL), PROOF_OK);
    ck_assert_uint_eq(proof_slot(&proof), 11);
    ck_assert_uint_eq(proof_covers(&proof), 0);
    ck_assert(scope_equal(proof_scope(&proof, &life), &order.scope));
    ck_assert_uint_eq(life, 7);
    struct proof whole = fixture_executed(&roster, TARGET, QUORUM, EXECUTOR, &cluster);
    ck_assert_ptr_null(proof_scope(&whole, &life));
    ck_assert_uint_eq(proof_covers(&whole), 7);
    /* The machine's power was not asked for, and would be another order. */
    proof.receipt.action = POWER;
    memcpy(proof.receipt.device, roster.nodes[TARGET].device, DEVICE_SIZE);
    fixture_receipt_sign(&proof, EXECUTOR, &cluster);
    ck_assert_int_eq(proof_verify(&proof, &cluster, &roster, &digest, NULL), PROOF_ORDER);
}
END_TEST

START_TEST(the_format_is_pinned)
{
    char text[2 * DIGEST_SIZE + 1];
    memset(&order.roster, 0x11, sizeof order.roster);
    struct digest name = order_digest(&order);
    hex_encode(text, name.bytes, sizeof name.bytes);
    ck_assert_str_eq(text, "5f6aed725e36f718458e6391dfbe3903d3f44e217a46234d741592cfca62bfe8");
}
END_TEST

Suite *suite_scope(void)
{
    Suite *suite = suite_create("scope");
    TCase *tc = tcase_create("scopes");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, an_info_is_one_text);
    tcase_add_test(tc, a_word_is_the_holders_own);
    tcase_add_test(tc, words_go_both_ways);
    tcase_add_test(tc, an_order_is_fixed_by_its_scope_too);
    tcase_add_test(tc, an_action_suits_what_the_order_is_about);
    tcase_add_test(tc, a_receipt_about_a_session_covers_it_alone);
    tcase_add_test(tc, the_format_is_pinned);
    suite_add_tcase(suite, tc);
    return suite;
}
