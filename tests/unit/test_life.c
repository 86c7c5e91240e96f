/*
 * Lives, as plays (peer_play.h, fence_play.h): F6a's order (empty, number durable, statement), who
 * may state an end and who must not (L7), claims and what answers them (F9). The juror's side is in
 * test_juror.c, what an end statement frees in test_order_story.c.
 */
#include <stdlib.h>

#include "proto/life.h"
#include "tests/unit/fence_play.h"

Suite *suite_life(void);

enum { NODE = 2, LONG = 40 * STAGE_SECOND };

static struct stage *s;
static struct stage_filter filters[3];

static void open_five(void)
{
    s = stage_open(5, 41);
    s->policy = LOCK_STALE_FENCE;
    memset(filters, 0, sizeof filters);
    s->way = stage_filters;
    s->way_context = filters;
    stage_run(s, 2 * STAGE_SECOND);
}

static void close_stage(void)
{
    stage_end(s);
}

static void lose(size_t index, int from, int to, uint64_t types)
{
    filters[index] = (struct stage_filter){from, to, types, FATE_LOSE, false};
}

static uint64_t sent(enum wire_type type)
{
    return s->nodes[NODE].sent[type];
}

static void forget_sent(void)
{
    memset(s->nodes[NODE].sent, 0, sizeof s->nodes[NODE].sent);
}

static bool its_life_counts(struct stage *stage, void *context)
{
    (void)context;
    return stage_status(stage, NODE).life_known;
}

static void reboot(void)
{
    stage_power_cut(s, NODE);
    ck_assert_int_eq(stage_start(s, NODE), RECOVERED);
}

/* Whatever the others know of NODE's lives. */
static void all_know_over(uint64_t life)
{
    stage_run(s, 5 * STAGE_SECOND);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(stage_over(s, i, NODE), life);
}

/* --- Raised by a boot (F6a) --- */

START_TEST(the_same_boot_keeps_the_life)
{
    for (int i = 0; i < 3; i++) {
        stage_kill(s, NODE);
        stage_start(s, NODE);
        ck_assert(stage_until(s, its_life_counts, NULL, LONG));
        ck_assert_uint_eq(stage_status(s, NODE).life, 1);
    }
    all_know_over(0);
    ck_assert_uint_eq(sent(WIRE_PROOF), 0);
    ck_assert_uint_eq(s->nodes[NODE].notices[NOTICE_LIFE], 1);
}
END_TEST

START_TEST(a_new_boot_states_the_end_of_all_below)
{
    reboot();
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, NODE).life, 2);
    all_know_over(1);
    /* Twice in quick succession: the life between was never heard of. */
    stage_run(s, STAGE_SECOND);
    for (int i = 0; i < 2; i++) {
        stage_power_cut(s, NODE);
        lose(0, NODE, STAGE_NONE, UINT64_MAX);
        ck_assert_int_eq(stage_start(s, NODE), RECOVERED);
        stage_run(s, 100);
    }
    filters[0].off = true;
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, NODE).life, 4);
    all_know_over(3);
}
END_TEST

/* Number durable, before it is claimed or anything is said under it. */
START_TEST(nothing_is_claimed_before_it_is_durable)
{
    stage_power_cut(s, NODE);
    forget_sent();
    stage_sync(s, NODE, SYNC_HELD);
    stage_start(s, NODE);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_eq(sent(WIRE_LIFE_CLAIM), 0);
    ck_assert_uint_eq(sent(WIRE_PROOF), 0);
    ck_assert_uint_eq(sent(WIRE_ALIVE), 0);
    ck_assert(!stage_status(s, NODE).life_known);
    stage_sync(s, NODE, SYNC_PROMPT);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    all_know_over(1);
}
END_TEST

/* The statement is a word of a life that q jurors have stored; without them it is not made. */
START_TEST(no_end_is_stated_before_a_quorum_has_the_life)
{
    lose(0, STAGE_NONE, NODE, STAGE_TYPE(LIFE_STORED));
    forget_sent();
    reboot();
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_gt(sent(WIRE_LIFE_CLAIM), 4 * 4); /* asked for again and again */
    ck_assert_uint_eq(sent(WIRE_PROOF), 0);
    ck_assert(!stage_status(s, NODE).life_known);
    filters[0].to = filters[0].from = 0; /* of four others, one is heard: with itself, two */
    filters[0] = (struct stage_filter){0, NODE, STAGE_TYPE(LIFE_STORED), FATE_LOSE, false};
    lose(1, 1, NODE, STAGE_TYPE(LIFE_STORED));
    ck_assert(stage_until(s, its_life_counts, NULL, LONG)); /* itself, 3 and 4 */
    all_know_over(1);
}
END_TEST

/* F9: it takes no lock until q jurors have stored that the old life is over. */
START_TEST(no_lock_before_a_quorum_has_the_end)
{
    lose(0, STAGE_NONE, NODE, STAGE_TYPE(PROOF_STORED));
    forget_sent();
    reboot();
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_gt(sent(WIRE_PROOF), 8);
    ck_assert(!stage_status(s, NODE).life_known);
    ck_assert_uint_eq(s->nodes[NODE].notices[NOTICE_READY], 1); /* of life 1 */
    uint64_t asked = stage_acquire(s, NODE, "image", LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_answer(s, asked, ANSWER_NOT_READY));
    filters[0].off = true;
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_uint_eq(s->nodes[NODE].notices[NOTICE_READY], 2);
    ck_assert_uint_eq(s->nodes[NODE].last_notice[NOTICE_READY].number, 2);
    stage_hold(s, NODE, "image", LOCK_SHARED);
}
END_TEST

/* It crashes between raising the life and stating the end: the next run of the same boot goes on.
 */
START_TEST(a_crash_before_the_statement)
{
    lose(0, STAGE_NONE, NODE, STAGE_TYPE(LIFE_STORED));
    reboot();
    stage_run(s, STAGE_SECOND);
    stage_kill(s, NODE);
    filters[0].off = true;
    stage_start(s, NODE);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, NODE).life, 2);
    all_know_over(1);
}
END_TEST

/* A receipt for the old life is no word of the node: it states the end all the same (F8, F9). */
START_TEST(a_receipt_does_not_stand_for_the_statement)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    stage_kill(s, NODE);
    stage_run(s, 10 * STAGE_SECOND);
    struct order_cert cert = stage_order(s, NODE, 1, 3, 3);
    struct proof receipt = stage_receipt(s, &cert, 0);
    size_t size = stage_proof_bytes(bytes, &receipt);
    for (size_t i = 0; i < 5; i++)
        if (i != NODE)
            stage_submit(s, i, PROOF_FILE_MAGIC, bytes, size);
    stage_power_cut(s, NODE);
    lose(0, STAGE_NONE, NODE, STAGE_TYPE(LIFE_STORED));
    stage_start(s, NODE);
    stage_run(s, 2 * STAGE_SECOND);
    struct message m = {.type = WIRE_PROOF, .proof = {.bytes = {bytes, size}}};
    stage_say(s, 0, NODE, &m); /* it hears of the receipt before its life is stored */
    ck_assert_uint_eq(stage_over(s, NODE, NODE), 1);
    filters[0].off = true;
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    all_know_over(1);
    struct proof end;
    for (size_t i = 0; i < 5; i++) {
        uint64_t covers;
        struct view held = peer_proof(s->nodes[i].peer, stage_slot(NODE), &covers);
        struct reader r = reader_init(held.bytes, held.size);
        ck_assert(proof_decode(&end, &r));
        ck_assert_int_eq(end.kind, PROOF_END);
    }
    /* And the receipt does not come back over it, also not over a restart. */
    uint64_t handle = stage_submit(s, 0, PROOF_FILE_MAGIC, bytes, size);
    ck_assert_ptr_nonnull(stage_answer(s, handle, ANSWER_SUBMITTED));
    stage_kill(s, 0);
    stage_start(s, 0);
    uint64_t covers;
    struct view held = peer_proof(s->nodes[0].peer, stage_slot(NODE), &covers);
    struct reader r = reader_init(held.bytes, held.size);
    ck_assert(proof_decode(&end, &r));
    ck_assert_int_eq(end.kind, PROOF_END);
}
END_TEST

/* --- Raised by a surrender (F2, F6a) --- */

/* Empty first: as long as one hold is not dropped, no number is raised and no end is stated. */
START_TEST(nothing_ends_before_it_is_empty)
{
    uint64_t one = stage_hold(s, NODE, "one", LOCK_EXCLUSIVE);
    s->policy = LOCK_STALE_HOLD;
    uint64_t two = stage_hold(s, NODE, "two", LOCK_SHARED);
    stage_run(s, STAGE_SECOND);
    stage_kill(s, NODE);
    stage_start(s, NODE);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    forget_sent();
    struct message voted = {.type = WIRE_VOTED, .voted = {.life = 1}};
    stage_say(s, 3, NODE, &voted);
    ck_assert(stage_status(s, NODE).bound);
    stage_drop_unclean(s, NODE, stage_id(s, one));
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, NODE).life, 1);
    ck_assert_uint_eq(sent(WIRE_PROOF), 0);
    stage_sync(s, NODE, SYNC_HELD);
    stage_drop_unclean(s, NODE, stage_id(s, two));
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, NODE).life, 2);
    ck_assert_uint_eq(sent(WIRE_LIFE_CLAIM), 0); /* the number is not durable */
    ck_assert_uint_eq(sent(WIRE_PROOF), 0);
    ck_assert(!stage_status(s, NODE).life_known);
    stage_sync(s, NODE, SYNC_PROMPT);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    all_know_over(1);
    ck_assert(!stage_status(s, NODE).bound);
}
END_TEST

/* A node that holds nothing gives the life up at once. */
START_TEST(an_idle_node_that_is_bound_is_another_life)
{
    struct message voted = {.type = WIRE_VOTED, .voted = {.life = 1}};
    stage_say(s, 3, NODE, &voted);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, NODE).life, 2);
    all_know_over(1);
}
END_TEST

/* --- Lost stores and those that are behind (L7) --- */

static void restore(const uint8_t *bytes, size_t size)
{
    struct stage_disk *d = &s->nodes[NODE].disk;
    memcpy(d->written, bytes, size);
    memcpy(d->synced, bytes, size);
    d->written_size = d->synced_size = size;
}

/*
 * A rolled-back disk must not mint a life twice, and does not know which boot the lives in between
 * belonged to: it goes above them and states no end. The machine's next boot knows better.
 */
START_TEST(a_store_that_is_behind_states_no_end)
{
    struct stage_disk *d = &s->nodes[NODE].disk;
    size_t size = d->written_size;
    uint8_t *copy = malloc(size);
    memcpy(copy, d->written, size);
    reboot();
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    uint64_t held = stage_hold(s, NODE, "disk", LOCK_EXCLUSIVE);
    stage_run(s, 5 * STAGE_SECOND);
    all_know_over(1);
    stage_kill(s, NODE); /* the agent alone: what holds the lock goes on */
    restore(copy, size);
    ck_assert_int_eq(stage_start(s, NODE), RECOVERED);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_int_eq(stage_status(s, NODE).store, STORE_BEHIND);
    ck_assert_uint_ge(stage_status(s, NODE).life, 3);
    stage_run(s, 5 * STAGE_SECOND);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(stage_over(s, i, NODE), i == NODE ? 0 : 1);
    uint64_t tried = stage_try(s, 0, "disk", LOCK_SHARED);
    const struct answer *busy = stage_await(s, tried, ANSWER_BUSY, 5 * STAGE_SECOND);
    ck_assert_ptr_nonnull(busy);
    ck_assert(op_equal(busy->holders[0].id, stage_id(s, held)));
    uint64_t life = stage_status(s, NODE).life;
    reboot();
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, NODE).life, life + 1);
    all_know_over(life);
    free(copy);
}
END_TEST

START_TEST(a_lost_store_states_no_end)
{
    uint64_t held = stage_hold(s, NODE, "disk", LOCK_EXCLUSIVE);
    stage_run(s, 5 * STAGE_SECOND);
    stage_kill(s, NODE);
    s->nodes[NODE].disk.written_size = 0;
    ck_assert_int_eq(stage_start(s, NODE), RECOVERY_LOST);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, NODE).life, 2);
    all_know_over(0);
    ck_assert_uint_eq(stage_status(s, NODE).juror, true);
    uint64_t tried = stage_try(s, 0, "disk", LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_await(s, tried, ANSWER_BUSY, 5 * STAGE_SECOND));
    stage_hold(s, NODE, "another", LOCK_EXCLUSIVE);
    /* As a juror it is silent. */
    uint64_t stored = sent(WIRE_LIFE_STORED), renewed = sent(WIRE_RENEWED);
    stage_kill(s, 3);
    stage_start(s, 3);
    stage_run(s, 10 * STAGE_SECOND);
    stage_hold(s, 3, "a third", LOCK_EXCLUSIVE);
    ck_assert_uint_eq(sent(WIRE_LIFE_STORED), stored);
    ck_assert_uint_eq(sent(WIRE_RENEWED), renewed);
    (void)held;
}
END_TEST

/*
 * loop test: the store is behind (0), or lost (1), and its agent alone started anew. What that life
 * did not state, its surrender does not state either: below it something may act. The next boot's
 * life does.
 */
START_TEST(nor_does_its_surrender)
{
    struct stage_disk *d = &s->nodes[NODE].disk;
    size_t size = _i == 0 ? d->written_size : 0;
    uint8_t *copy = malloc(size + 1);
    memcpy(copy, d->written, size);
    uint64_t held = stage_hold(s, NODE, "disk", LOCK_EXCLUSIVE);
    stage_run(s, 5 * STAGE_SECOND);
    stage_kill(s, NODE);
    restore(copy, size);
    free(copy);
    ck_assert_int_eq(stage_start(s, NODE), _i == 0 ? RECOVERED : RECOVERY_LOST);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_int_eq(stage_status(s, NODE).store, _i == 0 ? STORE_BEHIND : STORE_LOST);
    uint64_t life = stage_status(s, NODE).life;
    struct message voted = {.type = WIRE_VOTED, .voted = {.life = life}};
    stage_say(s, 3, NODE, &voted);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, NODE).life, life + 1);
    all_know_over(0);
    uint64_t tried = stage_try(s, 0, "disk", LOCK_EXCLUSIVE);
    const struct answer *busy = stage_await(s, tried, ANSWER_BUSY, 5 * STAGE_SECOND);
    ck_assert_ptr_nonnull(busy);
    ck_assert(op_equal(busy->holders[0].id, stage_id(s, held)));
    reboot();
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    all_know_over(life + 1);
    stage_hold(s, 0, "disk", LOCK_EXCLUSIVE);
}
END_TEST

/* Somebody claimed a number under this node's key: it goes above it, and states nothing of it. */
START_TEST(a_number_that_is_taken_is_gone_above)
{
    stage_power_cut(s, NODE);
    lose(0, STAGE_NONE, NODE, STAGE_TYPE(LIFE_STORED));
    stage_start(s, NODE);
    stage_run(s, STAGE_SECOND);
    filters[0].off = true;
    struct message m = {.type = WIRE_LIFE_STORED, .life_stored = {.life = 3 + LIFE_AHEAD_MAX}};
    stage_say(s, 1, NODE, &m); /* which nobody can have claimed */
    ck_assert_uint_eq(stage_status(s, NODE).life, 2);
    m.life_stored.life = 7;
    stage_say(s, 1, NODE, &m);
    ck_assert_uint_eq(stage_status(s, NODE).life, 8);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    all_know_over(0);
    /* Once it counts, no such word moves it. */
    m.life_stored.life = 20;
    stage_say(s, 1, NODE, &m);
    m.life_stored.life = UINT64_MAX;
    stage_say(s, 1, NODE, &m);
    ck_assert_uint_eq(stage_status(s, NODE).life, 8);
}
END_TEST

/* --- Claims --- */

/* A juror that was away hears of the life when it comes back. */
START_TEST(claims_are_repeated_to_who_missed_them)
{
    stage_kill(s, 3);
    stage_await_dead(s, 3);
    reboot();
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    stage_run(s, 5 * STAGE_SECOND);
    stage_start(s, 3);
    ck_assert(stage_until(s, stage_all_settled, NULL, LONG));
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_over(s, 3, NODE), 1);
    stage_hold(s, NODE, "image", LOCK_EXCLUSIVE);
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(s->nodes[NODE].last[WIRE_RENEWED].renewed.life, 2);
    ck_assert_uint_eq(stage_status(s, NODE).acknowledging, 5); /* the late one among them */
}
END_TEST

/* F9: who may still be acted upon does not count, though it runs. */
START_TEST(a_window_holds_the_next_life_back)
{
    const char *name = stage_name_of(s, 0);
    stage_hold(s, NODE, name, LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, 1, name, LOCK_EXCLUSIVE);
    stage_tools(s, TOOL_WORKS);
    for (size_t i = 0; i < 5; i++)
        s->nodes[i].tool_ms = 8 * STAGE_SECOND; /* off comes late */
    stage_kill(s, NODE);
    size_t target = NODE;
    ck_assert(stage_until(s, stage_was_run, &target, LONG));
    for (size_t i = 0; i < 5; i++)
        s->nodes[i].tool_ms =
            100; /* the witness is asked, and answers, before anybody is accused */
    stage_power_cut(s, NODE);
    stage_start(s, NODE); /* it boots by itself meanwhile */
    stage_run(s, 6 * STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, NODE).life, 2);
    ck_assert(!stage_status(s, NODE).life_known);
    ck_assert_uint_eq(stage_over(s, 0, NODE), 0);
    /* The late off hits the machine when it holds nothing yet. */
    for (int i = 0; i < 60 && s->nodes[NODE].up; i++)
        stage_run(s, 100);
    ck_assert(!s->nodes[NODE].powered);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    stage_start(s, NODE);
    ck_assert(stage_until(s, its_life_counts, NULL, LONG));
    ck_assert_uint_eq(stage_status(s, NODE).life, 3);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, NODE, STAGE_NONE), 1);
}
END_TEST

Suite *suite_life(void)
{
    Suite *suite = suite_create("life");
    TCase *boots = tcase_create("boots");
    tcase_add_checked_fixture(boots, open_five, close_stage);
    tcase_add_test(boots, the_same_boot_keeps_the_life);
    tcase_add_test(boots, a_new_boot_states_the_end_of_all_below);
    tcase_add_test(boots, nothing_is_claimed_before_it_is_durable);
    tcase_add_test(boots, no_end_is_stated_before_a_quorum_has_the_life);
    tcase_add_test(boots, no_lock_before_a_quorum_has_the_end);
    tcase_add_test(boots, a_crash_before_the_statement);
    tcase_add_test(boots, a_receipt_does_not_stand_for_the_statement);
    tcase_add_test(boots, nothing_ends_before_it_is_empty);
    tcase_add_test(boots, an_idle_node_that_is_bound_is_another_life);
    tcase_add_test(boots, claims_are_repeated_to_who_missed_them);
    tcase_add_test(boots, a_window_holds_the_next_life_back);
    suite_add_tcase(suite, boots);

    TCase *stores = tcase_create("stores");
    tcase_add_checked_fixture(stores, open_five, close_stage);
    tcase_add_test(stores, a_store_that_is_behind_states_no_end);
    tcase_add_test(stores, a_lost_store_states_no_end);
    tcase_add_loop_test(stores, nor_does_its_surrender, 0, 2);
    tcase_add_test(stores, a_number_that_is_taken_is_gone_above);
    suite_add_tcase(suite, stores);
    return suite;
}
