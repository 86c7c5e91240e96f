/* Proofs that a life is over (F5, F6): the node's own word under a higher life, or a certified
 * order with the receipt of an executor; everything less is refused for a reason that is named. */
#include "tests/unit/crypto_fixture.h"

#include <check.h>

Suite *suite_proof(void);

/* Six nodes, slots 1 3 5 7 9 11, five jurors; the last one is switched off by the second. */
enum { NODES = 6, QUORUM = 3, TARGET = 5, EXECUTOR = 1, POWER = 1 };

static struct roster roster;
static struct digest digest;
static struct cluster_id cluster;
static enum order_verdict order_verdict;
static struct proof executed, end;
static uint8_t bytes[PROOF_BYTES_MAX];
static const struct proof none;

static void set_up(void)
{
    fixture_roster(&roster, NODES, 1);
    digest = fixture_digest(&roster);
    memset(&cluster, 0xc1, sizeof cluster);
    executed = fixture_executed(&roster, TARGET, QUORUM, EXECUTOR, &cluster);
    end = fixture_end(TARGET, 8, &cluster);
}

static enum proof_verdict verdict_of(const struct proof *proof)
{
    order_verdict = ORDER_OK;
    return proof_verify(proof, &cluster, &roster, &digest, &order_verdict);
}

static size_t encode(const struct proof *proof)
{
    struct writer w = writer_init(bytes, sizeof bytes);
    proof_encode(&w, proof);
    ck_assert(!w.failed);
    return writer_size(&w);
}

/* True if the bytes are one proof and nothing else. */
static bool decode(struct proof *out, size_t size)
{
    struct reader r = reader_init(bytes, size);
    return proof_decode(out, &r) && reader_done(&r);
}

/* Changes the executed proof, signs its receipt anew, expects the verdict, and starts again. */
#define EXPECT(expected, change)                                                                   \
    do {                                                                                           \
        change;                                                                                    \
        fixture_receipt_sign(&executed, EXECUTOR, &cluster);                                       \
        ck_assert_str_eq(proof_verdict_text(verdict_of(&executed)), proof_verdict_text(expected)); \
        set_up();                                                                                  \
    } while (0)

START_TEST(both_kinds_verify)
{
    ck_assert_int_eq(verdict_of(&executed), PROOF_OK);
    ck_assert_uint_eq(proof_slot(&executed), 11);
    ck_assert_uint_eq(proof_covers(&executed), 7);
    ck_assert_int_eq(verdict_of(&end), PROOF_OK);
    ck_assert_uint_eq(proof_slot(&end), 11);
    ck_assert_uint_eq(proof_covers(&end), 7);
    ck_assert_int_eq(proof_verify(&executed, &cluster, &roster, &digest, NULL), PROOF_OK);
    executed.cert.count--;
    ck_assert_int_eq(proof_verify(&executed, &cluster, &roster, &digest, NULL), PROOF_ORDER);
}
END_TEST

/* F6a: below life 2 there is nothing that could be over, and life 0 less one is every life. */
START_TEST(an_end_statement_needs_a_life_before_it)
{
    struct proof back;
    for (uint64_t life = 0; life < 4; life++) {
        struct proof proof = fixture_end(TARGET, life, &cluster);
        ck_assert_int_eq(verdict_of(&proof), life < 2 ? PROOF_MALFORMED : PROOF_OK);
        ck_assert_int_eq(decode(&back, encode(&proof)), life >= 2);
    }
    struct proof last = fixture_end(TARGET, UINT64_MAX, &cluster);
    ck_assert_int_eq(verdict_of(&last), PROOF_OK);
    ck_assert_uint_eq(proof_covers(&last), UINT64_MAX - 1);
}
END_TEST

START_TEST(an_end_statement_is_the_nodes_own)
{
    struct key_pair other = fixture_key(0);
    end_statement_sign(&end.end, &cluster, &other);
    ck_assert_int_eq(verdict_of(&end), PROOF_BAD_SIGNATURE);
    end = fixture_end(TARGET, 8, &cluster);
    end.end.life++;
    ck_assert_int_eq(verdict_of(&end), PROOF_BAD_SIGNATURE);
    end = fixture_end(TARGET, 8, &cluster);
    end.end.nonce[15] ^= 1;
    ck_assert_int_eq(verdict_of(&end), PROOF_BAD_SIGNATURE);
    end = fixture_end(TARGET, 8, &cluster);
    end.end.slot = 1;
    ck_assert_int_eq(verdict_of(&end), PROOF_BAD_SIGNATURE);
    end.end.slot = 2;
    ck_assert_int_eq(verdict_of(&end), PROOF_NO_SUCH_NODE);
    struct cluster_id foreign = {{0xf0}};
    end = fixture_end(TARGET, 8, &foreign);
    ck_assert_int_eq(verdict_of(&end), PROOF_BAD_SIGNATURE);
}
END_TEST

/* F4, F6b: a receipt is worth what its order is worth, and the order's fault is told. */
START_TEST(a_receipt_needs_its_certified_order)
{
    struct proof few = fixture_executed(&roster, TARGET, QUORUM - 1, EXECUTOR, &cluster);
    ck_assert_int_eq(verdict_of(&few), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_TOO_FEW);

    executed.cert.votes[1].signature.bytes[0] ^= 1;
    ck_assert_int_eq(verdict_of(&executed), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_BAD_SIGNATURE);
    set_up();
    executed.cert.votes[1] = executed.cert.votes[0];
    ck_assert_int_eq(verdict_of(&executed), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_DUPLICATE);
    set_up();
    executed.cert.order.epoch++;
    ck_assert_int_eq(verdict_of(&executed), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_OTHER_ROSTER);
    set_up();
    executed.cert.votes[0].juror = 0;
    ck_assert_int_eq(verdict_of(&executed), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_NOT_A_JUROR);
    set_up();
    executed.cert.order.life = 0;
    ck_assert_int_eq(verdict_of(&executed), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_MALFORMED);
    set_up();
    executed.cert.order.slot = 2;
    ck_assert_int_eq(verdict_of(&executed), PROOF_NO_SUCH_NODE);
}
END_TEST

/* F1: three jurors voted, but only two of them allow what was done. */
START_TEST(the_votes_must_allow_what_was_done)
{
    struct order order = fixture_order(&roster, TARGET);
    struct vote vote = fixture_vote(&order, 2, 1u << ACTION_RETIRE, &cluster);
    EXPECT(PROOF_ORDER, ck_assert(order_cert_add(&executed.cert, &vote)));
    executed.cert = fixture_order_cert(&order, 0, QUORUM, 1u << ACTION_RETIRE, &cluster);
    ck_assert_int_eq(verdict_of(&executed), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_TOO_FEW);
}
END_TEST

/* `retire` is what the target does; executors know the roster's actions and no others. */
START_TEST(the_action_is_one_of_the_rosters)
{
    struct order order = fixture_order(&roster, TARGET);
    for (unsigned action = 0; action <= UINT8_MAX; action++) {
        executed.cert = fixture_order_cert(&order, 0, QUORUM, UINT32_MAX, &cluster);
        EXPECT(action == POWER ? PROOF_OK : PROOF_NO_EXECUTOR,
               executed.receipt.action = (uint8_t)action);
    }
}
END_TEST

/* F9: never by the target itself, and only by nodes that the roster lets execute. */
START_TEST(who_may_execute)
{
    fixture_receipt_sign(&executed, TARGET, &cluster);
    ck_assert_int_eq(verdict_of(&executed), PROOF_NO_EXECUTOR);
    for (size_t executor = 0; executor < TARGET; executor++) {
        fixture_receipt_sign(&executed, executor, &cluster);
        ck_assert_int_eq(verdict_of(&executed), PROOF_OK);
    }
    /* A node that the roster does not have: a key beyond the last. */
    fixture_receipt_sign(&executed, NODES, &cluster);
    ck_assert_int_eq(verdict_of(&executed), PROOF_NO_EXECUTOR);

    roster.nodes[EXECUTOR].executes = false;
    digest = fixture_digest(&roster);
    executed = fixture_executed(&roster, TARGET, QUORUM, EXECUTOR, &cluster);
    ck_assert_int_eq(verdict_of(&executed), PROOF_NO_EXECUTOR);
    fixture_receipt_sign(&executed, 0, &cluster);
    ck_assert_int_eq(verdict_of(&executed), PROOF_OK);
}
END_TEST

/* F6b: the witness is a *further* node. */
START_TEST(who_may_be_witness)
{
    for (unsigned slot = 0; slot <= 2 * NODES + 1; slot++) {
        bool further =
            slot % 2 == 1 && slot < 2 * NODES && slot != 2 * TARGET + 1 && slot != 2 * EXECUTOR + 1;
        EXPECT(further ? PROOF_OK : PROOF_NO_EXECUTOR, executed.receipt.witness = (uint16_t)slot);
    }
}
END_TEST

static void device_is(const char *device)
{
    memset(executed.receipt.device, 0, DEVICE_SIZE);
    memcpy(executed.receipt.device, device, strlen(device));
}

/* F6b: what was switched off is what the roster names for the target, to the last letter. */
START_TEST(the_device_is_the_targets)
{
    EXPECT(PROOF_OK, device_is("lab:n5"));
    EXPECT(PROOF_WRONG_DEVICE, device_is("lab:n4"));
    EXPECT(PROOF_WRONG_DEVICE, device_is("lab:n5x"));
    EXPECT(PROOF_WRONG_DEVICE, device_is("lab:n"));
    EXPECT(PROOF_WRONG_DEVICE, device_is(""));
    EXPECT(PROOF_WRONG_DEVICE, memset(executed.receipt.device, 'x', DEVICE_SIZE));
    /* A node without a device is ended by no receipt. */
    memset(roster.nodes[TARGET].device, 0, DEVICE_SIZE);
    digest = fixture_digest(&roster);
    executed = fixture_executed(&roster, TARGET, QUORUM, EXECUTOR, &cluster);
    ck_assert_int_eq(verdict_of(&executed), PROOF_WRONG_DEVICE);
}
END_TEST

START_TEST(a_device_has_one_encoding)
{
    struct proof back, spoiled = executed;
    size_t size = encode(&executed), device_at = size - SIGNATURE_SIZE - DEVICE_SIZE;
    /* What lies behind the NUL is neither signed nor sent. */
    memset(spoiled.receipt.device + 7, 'x', DEVICE_SIZE - 7);
    fixture_receipt_sign(&spoiled, EXECUTOR, &cluster);
    ck_assert_int_eq(verdict_of(&spoiled), PROOF_OK);
    struct digest a = proof_digest(&executed), b = proof_digest(&spoiled);
    ck_assert_mem_eq(&a, &b, sizeof a);
    ck_assert_mem_eq(bytes + device_at, "lab:n5", 7);
    for (size_t i = 7; i < DEVICE_SIZE; i++) {
        bytes[device_at + i] = 'x';
        ck_assert(!decode(&back, size));
        bytes[device_at + i] = 0;
    }
    ck_assert(decode(&back, size));
    bytes[device_at + 1] = ' ';
    ck_assert(!decode(&back, size));
    memset(bytes + device_at, 0, DEVICE_SIZE);
    ck_assert(!decode(&back, size));
}
END_TEST

/* The executor signs the order too: a receipt cannot be moved to another life. */
START_TEST(a_receipt_belongs_to_its_order)
{
    struct order later = fixture_order(&roster, TARGET);
    later.life++;
    executed.cert = fixture_order_cert(&later, 0, QUORUM, 1u << POWER, &cluster);
    ck_assert_int_eq(verdict_of(&executed), PROOF_BAD_SIGNATURE);
    fixture_receipt_sign(&executed, EXECUTOR, &cluster);
    ck_assert_int_eq(verdict_of(&executed), PROOF_OK);
    ck_assert_uint_eq(proof_covers(&executed), 8);

    executed.receipt.signature.bytes[40] ^= 1;
    ck_assert_int_eq(verdict_of(&executed), PROOF_BAD_SIGNATURE);
    set_up();
    executed.receipt.executor = 1;
    ck_assert_int_eq(verdict_of(&executed), PROOF_BAD_SIGNATURE);
    set_up();
    executed.receipt.witness = 7;
    ck_assert_int_eq(verdict_of(&executed), PROOF_BAD_SIGNATURE);
}
END_TEST

START_TEST(another_cluster_or_roster)
{
    struct cluster_id ours = cluster;
    cluster.bytes[3] ^= 1;
    ck_assert_int_eq(verdict_of(&end), PROOF_BAD_SIGNATURE);
    ck_assert_int_eq(verdict_of(&executed), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_BAD_SIGNATURE);
    cluster = ours;
    roster.epoch = 2;
    roster.previous = digest;
    digest = fixture_digest(&roster);
    ck_assert_int_eq(verdict_of(&executed), PROOF_ORDER);
    ck_assert_int_eq(order_verdict, ORDER_OTHER_ROSTER);
    /* An end statement outlives the roster: it names nothing but the node and its life. */
    ck_assert_int_eq(verdict_of(&end), PROOF_OK);
}
END_TEST

START_TEST(bytes_go_both_ways)
{
    struct proof *both[] = {&executed, &end}, back;
    for (size_t i = 0; i < 2; i++) {
        size_t size = encode(both[i]);
        ck_assert(decode(&back, size));
        ck_assert_int_eq(back.kind, both[i]->kind);
        ck_assert_int_eq(verdict_of(&back), PROOF_OK);
        struct digest expected = digest_of(bytes, size), name = proof_digest(&back);
        ck_assert_mem_eq(&name, &expected, sizeof name);
        for (size_t cut = 0; cut < size; cut++) {
            struct reader r = reader_init(bytes, cut);
            ck_assert(!proof_decode(&back, &r));
            ck_assert(r.failed);
            ck_assert_mem_eq(&back, &none, sizeof none);
        }
        bytes[size] = 0;
        ck_assert(!decode(&back, size + 1));
    }
}
END_TEST

START_TEST(the_largest_proof_fits)
{
    struct vote vote = {.allows = UINT32_MAX};
    struct proof back;
    executed.cert.count = 0;
    for (int i = 0; i < ROSTER_JURORS_MAX; i++) {
        vote.juror = (uint16_t)i;
        ck_assert(order_cert_add(&executed.cert, &vote));
    }
    executed.kind = PROOF_OPERATOR; /* with all operators' signatures */
    executed.operator_receipt =
        (struct operator_receipt){.form = OPERATOR_CONFIRMS, .machine = "n1"};
    for (uint8_t i = 0; i < ROSTER_OPERATORS_MAX; i++)
        fixture_operator_sign(&executed, i, &cluster);
    size_t by_hand = encode(&executed);
    ck_assert_uint_le(by_hand, PROOF_BYTES_MAX);
    ck_assert(decode(&back, by_hand));
    executed.kind = PROOF_WATCHDOG; /* with the word of all jurors */
    executed.watchdog = (struct watchdog_receipt){.armed = fixture_armed(TARGET, &cluster)};
    for (int i = 0; i < ROSTER_JURORS_MAX; i++) {
        struct silence silence = {.juror = (uint16_t)i, .silent_ms = 9999};
        ck_assert(watchdog_receipt_add(&executed.watchdog, &silence));
    }
    ck_assert_uint_eq(encode(&executed), PROOF_BYTES_MAX);
    ck_assert(decode(&back, PROOF_BYTES_MAX));
    executed.kind = PROOF_EXECUTED; /* about a session, which no other kind is */
    uint8_t info[SCOPE_INFO_MAX];
    memset(info, 'i', sizeof info);
    ck_assert(scope_make(&executed.cert.order.scope, 1, 1, info, sizeof info));
    size_t receipt = 1 + 2 + 2 + DEVICE_SIZE + SIGNATURE_SIZE;
    ck_assert_uint_eq(encode(&executed), 1 + ORDER_CERT_BYTES_MAX + receipt);
    ck_assert(decode(&back, 1 + ORDER_CERT_BYTES_MAX + receipt));
    executed.kind = PROOF_OPERATOR;
    ck_assert(!decode(&back, encode(&executed)));
}
END_TEST

START_TEST(a_kind_that_does_not_exist)
{
    struct proof back;
    size_t size = encode(&end);
    for (unsigned kind = 0; kind <= UINT8_MAX; kind++) {
        bytes[0] = (uint8_t)kind;
        ck_assert_int_eq(decode(&back, size), kind == PROOF_END);
    }
    ck_assert_int_eq(verdict_of(&none), PROOF_MALFORMED);
}
END_TEST

static void flip_every_bit(const struct proof *proof)
{
    struct proof back;
    size_t size = encode(proof);
    for (size_t bit = 0; bit < 8 * size; bit++) {
        /* In the votes, which the suite `order` has gone through, every eleventh bit. */
        bool in_votes = bit / 8 > ORDER_BYTES && bit / 8 < ORDER_BYTES + QUORUM * VOTE_BYTES;
        if (in_votes && bit % 11 != 0)
            continue;
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
        if (decode(&back, size))
            ck_assert_msg(verdict_of(&back) != PROOF_OK, "bit %zu may be flipped", bit);
        bytes[bit / 8] ^= (uint8_t)(1 << bit % 8);
    }
    ck_assert(decode(&back, size));
    ck_assert_int_eq(verdict_of(&back), PROOF_OK);
}

START_TEST(no_flipped_bit_verifies)
{
    flip_every_bit(&end);
    flip_every_bit(&executed);
}
END_TEST

/* Breaks name proofs by their digest (F5): the bytes may not change. */
START_TEST(the_format_is_pinned)
{
    char text[2 * DIGEST_SIZE + 1];
    struct digest name = proof_digest(&end);
    hex_encode(text, name.bytes, sizeof name.bytes);
    ck_assert_str_eq(text, "6079870a6fad05faa5a1d6122e8f9c6940d3f2799293b2b64f814edf75c21b04");
    name = proof_digest(&executed);
    hex_encode(text, name.bytes, sizeof name.bytes);
    ck_assert_str_eq(text, "41bd16e038f1c3bc5eaba1d88ec0fe3e66f86135862438a3aff3e97d623baf76");
}
END_TEST

START_TEST(every_verdict_has_its_text)
{
    for (int a = PROOF_OK; a <= PROOF_BAD_SIGNATURE; a++)
        for (int b = a + 1; b <= PROOF_BAD_SIGNATURE; b++)
            ck_assert_str_ne(proof_verdict_text((enum proof_verdict)a),
                             proof_verdict_text((enum proof_verdict)b));
}
END_TEST

static TCase *case_bytes(void)
{
    TCase *tc = tcase_create("bytes");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, a_device_has_one_encoding);
    tcase_add_test(tc, bytes_go_both_ways);
    tcase_add_test(tc, the_largest_proof_fits);
    tcase_add_test(tc, a_kind_that_does_not_exist);
    tcase_add_test(tc, no_flipped_bit_verifies);
    tcase_add_test(tc, the_format_is_pinned);
    tcase_add_test(tc, every_verdict_has_its_text);
    return tc;
}

Suite *suite_proof(void)
{
    Suite *suite = suite_create("proof");
    TCase *tc = tcase_create("proofs");
    tcase_add_checked_fixture(tc, set_up, NULL);
    tcase_add_test(tc, both_kinds_verify);
    tcase_add_test(tc, an_end_statement_needs_a_life_before_it);
    tcase_add_test(tc, an_end_statement_is_the_nodes_own);
    tcase_add_test(tc, a_receipt_needs_its_certified_order);
    tcase_add_test(tc, the_votes_must_allow_what_was_done);
    tcase_add_test(tc, the_action_is_one_of_the_rosters);
    tcase_add_test(tc, who_may_execute);
    tcase_add_test(tc, who_may_be_witness);
    tcase_add_test(tc, the_device_is_the_targets);
    tcase_add_test(tc, a_receipt_belongs_to_its_order);
    tcase_add_test(tc, another_cluster_or_roster);
    suite_add_tcase(suite, tc);
    suite_add_tcase(suite, case_bytes());
    return suite;
}
