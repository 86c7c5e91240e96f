/*
 * Orders and proofs that somebody hands in (section 12), as plays: each that is none is refused by
 * the rule that it breaks (F1, F3, F4, F6, F9), and changes nothing.
 */
#include "tests/unit/crypto_fixture.h"
#include "tests/unit/fence_play.h"

Suite *suite_submit(void);

enum { HOLDER = 2, WAITER = 1, LONG = 40 * STAGE_SECOND };

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 71);
}

static void close_stage(void)
{
    stage_end(s);
}

static void refused_with(size_t node, const char *magic, const void *bytes, size_t size,
                         const char *rule)
{
    uint64_t handle = stage_submit(s, node, magic, bytes, size);
    const struct answer *a = stage_answer(s, handle, ANSWER_REFUSED);
    ck_assert_msg(a != NULL, "taken, and should be refused by %s", rule);
    ck_assert_msg(strstr(a->text, rule) != NULL, "\"%s\" does not name %s", a->text, rule);
}

/* F3: against the life that followed an order can do nothing. */
START_TEST(a_replayed_order_after_rebirth_is_refused)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    s->policy = LOCK_STALE_FENCE;
    stage_hold(s, HOLDER, "image", LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, WAITER, "image", LOCK_EXCLUSIVE);
    stage_kill(s, HOLDER);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    struct order_view order;
    ck_assert(stage_known_order(s, WAITER, HOLDER, 1, &order));
    size_t size = stage_order_bytes(bytes, &order.cert);
    stage_start(s, HOLDER);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    stage_run(s, 5 * STAGE_SECOND);
    for (size_t i = 0; i < 5; i++)
        refused_with(i, ORDER_FILE_MAGIC, bytes, size, "F3");
    struct message m = {.type = WIRE_ORDER, .order = {.cert = {bytes, size}}};
    for (size_t i = 0; i < 5; i++)
        if (i != 4)
            stage_say(s, 4, i, &m);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert(!stage_status(s, HOLDER).bound);
    ck_assert_uint_eq(stage_status(s, HOLDER).life, 2);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, HOLDER, STAGE_NONE), 1);
}
END_TEST

static void submit_cert(const struct order_cert *cert, const char *rule)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    refused_with(3, ORDER_FILE_MAGIC, bytes, stage_order_bytes(bytes, cert), rule);
}

START_TEST(bad_orders_are_refused_with_their_rule)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct order_cert good = stage_order(s, HOLDER, 1, 3, 3), bad = good;
    size_t size = stage_order_bytes(bytes, &good);
    refused_with(3, "HFWRONG1", bytes, size, "F4");
    refused_with(3, "HF", NULL, 0, "F4");
    for (size_t cut = 0; cut < size; cut += 9)
        refused_with(3, ORDER_FILE_MAGIC, bytes, cut, "F1");
    bytes[size] = 0;
    refused_with(3, ORDER_FILE_MAGIC, bytes, size + 1, "F1");
    for (size_t bit = 0; bit < 8 * size; bit += 61) {
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
        refused_with(3, ORDER_FILE_MAGIC, bytes, size, "(F");
        bytes[bit / 8] ^= (uint8_t)(1u << bit % 8);
    }
    bad.count = 2;
    submit_cert(&bad, "fewer than a majority");
    bad.votes[2] = bad.votes[1];
    bad.count = 3;
    submit_cert(&bad, "counted twice");
    struct cluster_id other = s->cluster;
    other.bytes[0] ^= 1;
    bad = fixture_order_cert(&good.order, 3, 2, 3, &other);
    struct vote vote = fixture_vote(&good.order, 0, 3, &other);
    order_cert_add(&bad, &vote);
    submit_cert(&bad, "does not verify for this cluster");
    struct order order = good.order;
    order.roster.bytes[5] ^= 1;
    bad = fixture_order_cert(&order, 3, 2, 3, &s->cluster);
    submit_cert(&bad, "another roster");
    order = good.order;
    order.slot = 200;
    bad = fixture_order_cert(&order, 0, 3, 3, &s->cluster);
    submit_cert(&bad, "does not name");
    /* The votes allow, each for itself, different actions: no action has a majority. */
    bad = (struct order_cert){.order = good.order};
    static const size_t voters[] = {0, 1, 3};
    for (size_t i = 0; i < 3; i++) {
        vote = fixture_vote(&good.order, voters[i], 1u << (i % 2), &s->cluster);
        order_cert_add(&bad, &vote);
    }
    submit_cert(&bad, "fewer than a majority");
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_eq(STAGE_SUM(s, fence_orders), 0);
    ck_assert(!stage_status(s, HOLDER).bound);
    ck_assert_uint_eq(s->run_count, 0);
}
END_TEST

static void submit_proof(const struct proof *proof, const char *rule)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    refused_with(3, PROOF_FILE_MAGIC, bytes, stage_proof_bytes(bytes, proof), rule);
}

START_TEST(bad_proofs_are_refused_with_their_rule)
{
    stage_kill(s, HOLDER);
    stage_run(s, 10 * STAGE_SECOND); /* it is not heard any more */
    struct order_cert cert = stage_order(s, HOLDER, 1, 3, 3);
    struct proof good = stage_receipt(s, &cert, 0), bad = good;
    bad.cert.count = 0;
    submit_proof(&bad, "without its certified order");
    bad.cert = stage_order(s, HOLDER, 1, 2, 3);
    submit_proof(&bad, "without its certified order");
    bad.cert = stage_order(s, HOLDER, 1, 3, 1); /* only to retire */
    submit_proof(&bad, "without its certified order");
    bad.cert = cert;
    bad.cert.votes[2] = bad.cert.votes[1];
    submit_proof(&bad, "F1");
    bad.cert = stage_order(s, HOLDER, 2, 3, 3); /* of another life: the receipt is not about it */
    submit_proof(&bad, "F6");
    bad = good;
    fixture_receipt_sign(&bad, HOLDER, &s->cluster); /* the target itself */
    submit_proof(&bad, "F9");
    bad = good;
    memcpy(bad.receipt.device, "lab:other", sizeof "lab:other");
    fixture_receipt_sign(&bad, 0, &s->cluster);
    submit_proof(&bad, "F6");
    bad = good;
    bad.receipt.signature.bytes[7] ^= 1;
    submit_proof(&bad, "F6");
    bad = stage_end_statement(s, HOLDER, 2);
    bad.end.slot = stage_slot(4); /* a word in another's name */
    submit_proof(&bad, "F6");
    bad = stage_end_statement(s, HOLDER, UINT64_C(1) << 63);
    submit_proof(&bad, "F6");
    bad = stage_end_statement(s, 3, 9); /* it knows that it lives */
    submit_proof(&bad, "F6a");
    ck_assert_uint_eq(stage_over(s, 3, HOLDER), 0);
    uint8_t bytes[PROOF_BYTES_MAX];
    size_t size = stage_proof_bytes(bytes, &good);
    for (size_t cut = 0; cut < size; cut += 9)
        refused_with(3, PROOF_FILE_MAGIC, bytes, cut, "(F");
    uint64_t handle = stage_submit(s, 3, PROOF_FILE_MAGIC, bytes, size);
    ck_assert_ptr_nonnull(stage_answer(s, handle, ANSWER_SUBMITTED));
    ck_assert_uint_eq(stage_over(s, 3, HOLDER), 1);
    handle = stage_submit(s, 3, PROOF_FILE_MAGIC, bytes, size);
    ck_assert_ptr_nonnull(strstr(stage_answer(s, handle, ANSWER_SUBMITTED)->text, "known"));
}
END_TEST

Suite *suite_submit(void)
{
    Suite *suite = suite_create("submit");
    TCase *files = tcase_create("files");
    tcase_add_checked_fixture(files, open_five, close_stage);
    tcase_add_test(files, a_replayed_order_after_rebirth_is_refused);
    tcase_add_test(files, bad_orders_are_refused_with_their_rule);
    tcase_add_test(files, bad_proofs_are_refused_with_their_rule);
    suite_add_tcase(suite, files);
    return suite;
}
