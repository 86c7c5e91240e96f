/*
 * `holdfast fence verify`: what is good says so line by line; one changed bit, a vote too few,
 * another roster, device or executor is refused, by name (F4, F6).
 */
#include <check.h>
#include <string.h>

#include "client/agent.h"
#include "client/fence_verify.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_fence_verify(void);

enum {
    NODES = 6,
    QUORUM = 3,
    TARGET = 5,
    EXECUTOR = 1,
    ROOM = FENCE_FILE_MAGIC_SIZE + PROOF_BYTES_MAX
};

static struct roster roster;
static struct digest digest;
static struct cluster_id cluster;
static uint8_t file[ROOM];
static size_t size;
static json_t *verdict;

static void setup(void)
{
    fixture_roster(&roster, NODES, 1);
    digest = fixture_digest(&roster);
    memcpy(cluster.bytes, digest.bytes, DIGEST_SIZE);
    verdict = NULL;
}

static void teardown(void)
{
    json_decref(verdict);
}

static bool judge(void)
{
    json_decref(verdict);
    verdict = fence_verify_judge(file, size, &roster, &digest, &cluster);
    return json_flag(verdict, "good");
}

static void put_order(const struct order_cert *cert)
{
    struct writer w = writer_init(file, sizeof file);
    write_copy(&w, ORDER_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
    order_cert_encode(&w, cert);
    size = writer_size(&w);
}

static void put_proof(const struct proof *proof)
{
    struct writer w = writer_init(file, sizeof file);
    write_copy(&w, PROOF_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
    proof_encode(&w, proof);
    size = writer_size(&w);
}

/* Whether a check of that kind says `good` of that name. */
static bool says(const char *check, const char *name, bool good)
{
    json_t *item;
    size_t index;
    json_array_foreach(json_object_get(verdict, "checks"), index, item)
    {
        if (strcmp(json_text(item, "check"), check) == 0 &&
            (!name || strcmp(json_text(item, "name"), name) == 0) &&
            json_flag(item, "good") == good)
            return true;
    }
    return false;
}

static void make_order(size_t votes)
{
    struct order order = fixture_order(&roster, TARGET);
    struct order_cert cert = fixture_order_cert(&order, 0, votes, 3, &cluster);
    put_order(&cert);
}

START_TEST(test_an_order_is_judged_vote_by_vote)
{
    make_order(QUORUM);
    ck_assert(judge());
    ck_assert_str_eq(json_text(verdict, "what"), "order");
    ck_assert_str_eq(json_text(verdict, "node"), "n5");
    ck_assert_uint_eq(json_array_size(json_object_get(verdict, "actions")), 2);
    for (size_t i = 0; i < QUORUM; i++)
        ck_assert(says("vote", roster.nodes[i].name, true));
    ck_assert(says("quorum", NULL, true) && says("order", NULL, true));
    make_order(QUORUM - 1);
    ck_assert(!judge());
    ck_assert(says("vote", "n0", true) && says("quorum", NULL, false));
}
END_TEST

START_TEST(test_each_bit_flipped_is_refused)
{
    make_order(QUORUM);
    size_t whole = size;
    for (size_t bit = 0; bit < whole * 8; bit += 3) {
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
        ck_assert_msg(!judge(), "bit %zu", bit);
        file[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    for (size = 0; size < whole; size++)
        ck_assert(!judge());
    size = whole;
    ck_assert(judge());
}
END_TEST

START_TEST(test_another_roster_or_cluster)
{
    make_order(QUORUM);
    digest.bytes[0] ^= 1;
    ck_assert(!judge());
    ck_assert(says("roster", NULL, false));
    digest.bytes[0] ^= 1;
    cluster.bytes[0] ^= 1;
    ck_assert(!judge());
    ck_assert(says("vote", "n0", false));
}
END_TEST

START_TEST(test_a_receipt_with_its_order)
{
    struct proof proof = fixture_executed(&roster, TARGET, QUORUM, EXECUTOR, &cluster);
    put_proof(&proof);
    ck_assert(judge());
    ck_assert_str_eq(json_text(verdict, "what"), "executor");
    ck_assert(says("executor", "n1", true) && says("device", NULL, true) &&
              says("action", "power", true));
    proof.receipt.device[0] ^= 1;
    fixture_receipt_sign(&proof, EXECUTOR, &cluster);
    put_proof(&proof);
    ck_assert(!judge());
    ck_assert(says("device", NULL, false));
    proof = fixture_executed(&roster, TARGET, QUORUM, TARGET, &cluster);
    put_proof(&proof);
    ck_assert(!judge());
    ck_assert(says("executor", "n5", false));
    proof = fixture_executed(&roster, TARGET, QUORUM, EXECUTOR, &cluster);
    proof.receipt.signature.bytes[3] ^= 1;
    put_proof(&proof);
    ck_assert(!judge());
    ck_assert(says("proof", NULL, false) && says("order", NULL, true));
}
END_TEST

START_TEST(test_an_end_statement)
{
    struct proof proof = fixture_end(TARGET, 8, &cluster);
    put_proof(&proof);
    ck_assert(judge());
    ck_assert_str_eq(json_text(verdict, "what"), "end-statement");
    ck_assert_int_eq(json_number(verdict, "life"), 7);
    proof.end.life++;
    put_proof(&proof);
    ck_assert(!judge());
}
END_TEST

START_TEST(test_what_is_neither)
{
    memcpy(file, "HFOTHER1", FENCE_FILE_MAGIC_SIZE);
    size = FENCE_FILE_MAGIC_SIZE;
    ck_assert(!judge());
    ck_assert(says("file", NULL, false));
    ck_assert_str_eq(json_text(verdict, "what"), "");
}
END_TEST

Suite *suite_fence_verify(void)
{
    Suite *suite = suite_create("fence_verify");
    TCase *tests = tcase_create("fence_verify");
    tcase_add_checked_fixture(tests, setup, teardown);
    tcase_add_test(tests, test_an_order_is_judged_vote_by_vote);
    tcase_add_test(tests, test_each_bit_flipped_is_refused);
    tcase_add_test(tests, test_another_roster_or_cluster);
    tcase_add_test(tests, test_a_receipt_with_its_order);
    tcase_add_test(tests, test_an_end_statement);
    tcase_add_test(tests, test_what_is_neither);
    suite_add_tcase(suite, tests);
    return suite;
}
