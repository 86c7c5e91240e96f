/*
 * The three verdicts about a member, kept apart by name (M3): what this node reaches (edges.h),
 * what gossip says and why (reason.h), what certificates and receipts say (fenced.h).
 */
#include <stdlib.h>

#include "proto/edges.h"
#include "proto/reason.h"
#include "tests/unit/crypto_fixture.h"
#include "tests/unit/fence_play.h"

Suite *suite_verdicts(void);

/* --- First-hand --- */

START_TEST(edges_are_told_in_order)
{
    struct edges e;
    struct edge_change c;
    edges_init(&e);
    ck_assert(!edges_next(&e, &c));
    edges_note(&e, 3, true);
    edges_note(&e, 3, false);
    ck_assert(edges_next(&e, &c) && c.slot == 3 && c.unreachable);
    ck_assert(edges_next(&e, &c) && c.slot == 3 && !c.unreachable);
    ck_assert(!edges_next(&e, &c));
}
END_TEST

START_TEST(the_oldest_edges_give_way)
{
    struct edges e;
    struct edge_change c;
    edges_init(&e);
    for (int i = 0; i < EDGES_MAX + 5; i++)
        edges_note(&e, (uint16_t)i, true);
    for (int i = 5; i < EDGES_MAX + 5; i++)
        ck_assert(edges_next(&e, &c) && c.slot == i);
    ck_assert(!edges_next(&e, &c));
}
END_TEST

/* --- Gossip --- */

START_TEST(every_change_has_a_reason)
{
    enum { SELF = 1, OTHER = 2 };
    static const struct {
        struct swim_change change;
        const char *text;
    } cases[] = {
        {{.before = MEMBER_UNKNOWN, .after = MEMBER_ALIVE, .life = 1}, "first-word"},
        {{.before = MEMBER_ALIVE, .after = MEMBER_SUSPECT, .by = SELF}, "probe"},
        {{.before = MEMBER_ALIVE, .after = MEMBER_SUSPECT, .by = OTHER}, "hearsay"},
        {{.before = MEMBER_SUSPECT, .after = MEMBER_DEAD, .by = SELF}, "unrefuted"},
        {{.before = MEMBER_ALIVE, .after = MEMBER_DEAD, .by = OTHER}, "told-dead"},
        {{.before = MEMBER_SUSPECT, .after = MEMBER_ALIVE, .life = 4}, "refuted"},
        {{.before = MEMBER_DEAD, .after = MEMBER_ALIVE, .life = 4}, "refuted"},
        {{.before = MEMBER_DEAD, .after = MEMBER_ALIVE, .life = 5, .new_life = true}, "new-life"},
        {{.before = MEMBER_ALIVE, .after = MEMBER_ALIVE, .life = 5, .new_life = true}, "new-life"},
        {{.before = MEMBER_LEFT, .after = MEMBER_ALIVE, .life = 4}, "came-back"},
        {{.before = MEMBER_LEFT, .after = MEMBER_ALIVE, .life = 5, .new_life = true}, "new-life"},
        {{.before = MEMBER_ALIVE, .after = MEMBER_LEFT, .life = 4}, "left"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        enum change_reason reason = change_reason(&cases[i].change, SELF);
        ck_assert_str_eq(change_reason_text(reason), cases[i].text);
    }
}
END_TEST

/* --- Certificates and receipts --- */

enum { LOOKER = 1, TARGET = 2, EXECUTOR = 3 };

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 77);
}

static void close_stage(void)
{
    stage_end(s);
}

static struct fenced_view look(void)
{
    struct fenced_view v;
    stage_run(s, 100);
    peer_fenced(s->nodes[LOOKER].peer, stage_slot(TARGET), &v);
    return v;
}

static void hand_in_order(const struct order_cert *cert)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    size_t size = stage_order_bytes(bytes, cert);
    stage_submit(s, LOOKER, ORDER_FILE_MAGIC, bytes, size);
}

static void hand_in_proof(struct proof proof)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    size_t size = stage_proof_bytes(bytes, &proof);
    stage_submit(s, LOOKER, PROOF_FILE_MAGIC, bytes, size);
}

START_TEST(gossip_alone_never_says_fenced)
{
    ck_assert_int_eq(look().verdict, FENCED_NO);
    stage_power_cut(s, TARGET);
    stage_await_dead(s, TARGET);
    struct fenced_view v = look();
    ck_assert_int_eq(v.verdict, FENCED_NO);
    ck_assert_uint_eq(v.life, 0);
    ck_assert_str_eq(fence_verdict_text(v.verdict), "none");
}
END_TEST

START_TEST(an_order_is_not_yet_a_fence)
{
    stage_power_cut(s, TARGET);
    stage_await_dead(s, TARGET);
    struct order_cert cert = stage_order(s, TARGET, 1, 3, 1); /* only to retire: nobody acts */
    hand_in_order(&cert);
    struct fenced_view v = look();
    ck_assert_int_eq(v.verdict, FENCED_ORDERED);
    ck_assert_uint_eq(v.life, 1);
    ck_assert_uint_eq(v.signatures, 3);
    ck_assert_uint_eq(v.executor, SLOT_NONE);
}
END_TEST

START_TEST(an_order_with_a_receipt_is_and_stays_one)
{
    stage_power_cut(s, TARGET);
    stage_await_dead(s, TARGET);
    struct order_cert cert = stage_order(s, TARGET, 1, 3, 3);
    stage_run(s, 20 * STAGE_SECOND); /* jurors heard it too lately for a receipt, before */
    hand_in_order(&cert);
    hand_in_proof(stage_receipt(s, &cert, EXECUTOR));
    struct fenced_view v = look();
    ck_assert_int_eq(v.verdict, FENCED_DONE);
    ck_assert_uint_eq(v.life, 1);
    ck_assert_uint_eq(v.executor, stage_slot(EXECUTOR));
    /* It boots: its own statement covers as much, and its receipt stays in the story. */
    hand_in_proof(stage_end_statement(s, TARGET, 2));
    ck_assert_int_eq(look().verdict, FENCED_DONE);
    hand_in_proof(stage_end_statement(s, TARGET, 4));
    v = look();
    ck_assert_int_eq(v.verdict, FENCED_ENDED);
    ck_assert_uint_eq(v.life, 3);
    ck_assert_uint_eq(v.signatures, 0);
}
END_TEST

Suite *suite_verdicts(void)
{
    Suite *suite = suite_create("verdicts");
    TCase *t = tcase_create("M3");
    tcase_add_test(t, edges_are_told_in_order);
    tcase_add_test(t, the_oldest_edges_give_way);
    tcase_add_test(t, every_change_has_a_reason);
    suite_add_tcase(suite, t);
    TCase *fenced = tcase_create("fenced");
    tcase_add_checked_fixture(fenced, open_five, close_stage);
    tcase_add_test(fenced, gossip_alone_never_says_fenced);
    tcase_add_test(fenced, an_order_is_not_yet_a_fence);
    tcase_add_test(fenced, an_order_with_a_receipt_is_and_stays_one);
    suite_add_tcase(suite, fenced);
    return suite;
}
