/*
 * Grants that their asker's own vote makes true, as plays of three nodes (proto/provisional.h): the
 * coordinator's vote and the asker's are a majority. What they cost is in test_counts.c, what a
 * vote is in test_voter.c.
 */
#include "tests/unit/peer_play.h"

Suite *suite_provisional(void);

enum { LEAD, ASKER, THIRD };

static struct stage *s;
static const char *name;

static void open_three(void)
{
    s = stage_open(3, 21);
    name = stage_name_of(s, LEAD);
    for (int i = 0; i < 2; i++) /* it is served, and all have voted on it */
        stage_release(s, ASKER, stage_hold(s, ASKER, name, LOCK_EXCLUSIVE));
    ck_assert_int_eq(stage_coordinator(s, name), LEAD);
}

static void close_stage(void)
{
    stage_end(s);
}

static uint64_t by_own_vote(void)
{
    return stage_counters(s, ASKER)->grants_by_own_vote;
}

/* Datagrams with these types to a node, or from it, are lost, or kept back. */
static struct {
    size_t from, to;
    uint64_t types;
    enum stage_fate fate;
} hit;

enum { ANY = STAGE_NODES_MAX };

static enum stage_fate hit_way(void *context, size_t from, size_t to, uint64_t types)
{
    (void)context;
    bool it = (hit.from == ANY || hit.from == from) && (hit.to == ANY || hit.to == to);
    return it && (types & hit.types) ? hit.fate : FATE_PASS;
}

static void set_way(size_t from, size_t to, enum wire_type type, enum stage_fate fate)
{
    hit.from = from;
    hit.to = to;
    hit.types = UINT64_C(1) << type;
    hit.fate = fate;
    s->way = hit_way;
}

/* The asker waits for what the coordinator's node holds; its record is durable. */
static uint64_t wait_behind(uint64_t *holds)
{
    *holds = stage_hold(s, LEAD, name, LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, ASKER, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
    stage_run(s, 20);
    return waits;
}

static void let_go(uint64_t holds)
{
    stage_drop(s, LEAD, stage_id(s, holds));
}

/* --- It is true --- */

/* Though its coordinator never hears of the vote, and dies with what it knew. */
START_TEST(the_own_vote_makes_it_true)
{
    uint64_t before = by_own_vote();
    stage_isolate(s, THIRD, true);
    set_way(ASKER, LEAD, WIRE_ACCEPTED, FATE_LOSE);
    uint64_t asked = stage_acquire(s, ASKER, name, LOCK_EXCLUSIVE);
    const struct answer *granted = stage_await(s, asked, ANSWER_GRANTED, 10);
    ck_assert_ptr_nonnull(granted);
    uint64_t token = granted->token;
    ck_assert_uint_eq(by_own_vote(), before + 1);
    stage_power_cut(s, LEAD);
    stage_isolate(s, THIRD, false);
    s->way = NULL;
    const struct lock_state *state = stage_show(s, THIRD, name);
    ck_assert_uint_eq(state->hold_count, 1);
    ck_assert_uint_eq(state->token, token);
}
END_TEST

/* What the asker does next is applied to that state, and what others ask waits until it is known to
 * be true. */
START_TEST(what_follows_waits_for_it)
{
    stage_isolate(s, THIRD, true);
    set_way(ASKER, LEAD, WIRE_ACCEPTED, FATE_LOSE);
    uint64_t asked = stage_acquire(s, ASKER, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 10));
    uint64_t tried = stage_try(s, LEAD, name, LOCK_EXCLUSIVE);
    stage_run(s, 30);
    ck_assert_ptr_null(stage_answer(s, tried, ANSWER_BUSY));
    s->way = NULL;
    ck_assert_ptr_nonnull(stage_await(s, tried, ANSWER_BUSY, STAGE_SECOND));
    uint64_t next = stage_acquire(s, LEAD, name, LOCK_EXCLUSIVE);
    stage_release(s, ASKER, asked);
    ck_assert_ptr_nonnull(stage_await(s, next, ANSWER_GRANTED, STAGE_SECOND));
    ck_assert_uint_eq(stage_counters(s, ASKER)->ghosts, 0);
}
END_TEST

/* --- It is not known to be --- */

START_TEST(not_before_the_vote_is_durable)
{
    uint64_t holds, waits = wait_behind(&holds);
    stage_isolate(s, THIRD, true);
    stage_sync(s, ASKER, SYNC_HELD);
    let_go(holds);
    stage_run(s, 30);
    const struct wire_reply *last = &s->nodes[ASKER].last[WIRE_REPLY].reply;
    ck_assert(last->verdict == REPLY_GRANTED && last->seq > 0);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    stage_sync(s, ASKER, SYNC_PROMPT);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10));
    ck_assert_uint_eq(stage_counters(s, ASKER)->drop_provisional, 0);
}
END_TEST

/* The third one's vote makes it true meanwhile; the asker has nothing to believe it by, and asks
 * again soon, not when a waiter would have. */
START_TEST(who_is_not_asked_to_vote_asks_again_soon)
{
    uint64_t holds, waits = wait_behind(&holds), before = by_own_vote();
    set_way(LEAD, ASKER, WIRE_ACCEPT, FATE_LOSE);
    let_go(holds);
    stage_run(s, 30);
    ck_assert_uint_gt(s->nodes[ASKER].last[WIRE_REPLY].reply.seq, 0);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 150));
    ck_assert_uint_eq(s->nodes[ASKER].last[WIRE_REPLY].reply.seq, 0);
    ck_assert_uint_eq(by_own_vote(), before);
}
END_TEST

/* A vote that will never be durable. */
START_TEST(a_log_that_fails_drops_it)
{
    uint64_t holds, waits = wait_behind(&holds), before = by_own_vote();
    stage_sync(s, ASKER, SYNC_HELD);
    stage_isolate(s, THIRD, true);
    let_go(holds);
    stage_run(s, 20);
    stage_sync(s, ASKER, SYNC_FAILS);
    stage_run(s, 200);
    ck_assert_uint_eq(stage_counters(s, ASKER)->drop_provisional, 1);
    ck_assert_uint_eq(by_own_vote(), before);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
}
END_TEST

/* Its word comes when the asker has promised a later ballot, under which the lock is another's. */
START_TEST(a_word_of_an_older_ballot_is_dropped)
{
    uint64_t holds, waits = wait_behind(&holds), before = by_own_vote();
    stage_cut(s, LEAD, THIRD, true);
    set_way(LEAD, ASKER, WIRE_ACCEPT, FATE_LOSE); /* so it is not true */
    stage_run(s, 10);
    let_go(holds);
    stage_run(s, 10);
    set_way(LEAD, ASKER, WIRE_REPLY, FATE_LOSE);
    ck_assert_uint_gt(s->nodes[ASKER].last[WIRE_REPLY].reply.seq, 0);
    stage_kill(s, LEAD);
    stage_cut(s, LEAD, THIRD, false);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED)); /* the hold is there still */
    ck_assert_uint_eq(stage_counters(s, ASKER)->drop_provisional, 1);
    ck_assert_uint_eq(by_own_vote(), before);
}
END_TEST

/* --- Who is told so --- */

/* Whose vote was not there the last time is told by the ordinary way. */
START_TEST(a_vote_that_did_not_come_is_not_counted_on)
{
    uint64_t before = by_own_vote();
    set_way(ASKER, LEAD, WIRE_ACCEPTED, FATE_LOSE);
    stage_release(s, THIRD, stage_hold(s, THIRD, name, LOCK_EXCLUSIVE));
    stage_hold(s, ASKER, name, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(s->nodes[ASKER].last[WIRE_REPLY].reply.seq, 0);
    ck_assert_uint_eq(by_own_vote(), before);
}
END_TEST

/* A lease runs from the sending of the request, as ever, and its coordinator waits for its end. */
START_TEST(a_lease_counts_from_the_request)
{
    enum { TTL = 3 * STAGE_SECOND };
    s->policy = LOCK_STALE_EXPIRE;
    s->ttl_ms = TTL;
    uint64_t before = by_own_vote();
    struct instant sent = s->now;
    uint64_t asked = stage_acquire(s, ASKER, name, LOCK_EXCLUSIVE);
    const struct answer *granted = stage_await(s, asked, ANSWER_GRANTED, 10);
    ck_assert_ptr_nonnull(granted);
    ck_assert_uint_eq(by_own_vote(), before + 1);
    struct instant until = granted->until;
    ck_assert_int_le(until.ns, instant_after(sent, SPAN_MS(TTL)).ns);
    stage_isolate(s, ASKER, true);
    uint64_t next = stage_acquire(s, THIRD, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, next, ANSWER_GRANTED, 3 * TTL));
    ck_assert_int_ge(s->now.ns, until.ns);
}
END_TEST

Suite *suite_provisional(void)
{
    Suite *suite = suite_create("provisional");
    TCase *tcase = tcase_create("plays");
    tcase_add_checked_fixture(tcase, open_three, close_stage);
    tcase_add_test(tcase, the_own_vote_makes_it_true);
    tcase_add_test(tcase, what_follows_waits_for_it);
    tcase_add_test(tcase, not_before_the_vote_is_durable);
    tcase_add_test(tcase, who_is_not_asked_to_vote_asks_again_soon);
    tcase_add_test(tcase, a_log_that_fails_drops_it);
    tcase_add_test(tcase, a_word_of_an_older_ballot_is_dropped);
    tcase_add_test(tcase, a_vote_that_did_not_come_is_not_counted_on);
    tcase_add_test(tcase, a_lease_counts_from_the_request);
    suite_add_tcase(suite, tcase);
    return suite;
}
