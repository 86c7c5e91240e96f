/*
 * Restarts, as plays (tests/unit/peer_play.h): what a log brings back and what it does not (L6, L7,
 * L9). An agent that starts again in the same boot goes on with its holds; a machine that starts
 * again is another life; a log that is behind, lost or torn never makes a vote.
 */
#include "tests/unit/peer_play.h"

#include <stdlib.h>

#include "proto/record.h"

Suite *suite_restart(void);

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 3);
}

static void close_stage(void)
{
    stage_end(s);
}

static void settle(void)
{
    ck_assert(stage_until(s, stage_all_settled, NULL, 20 * STAGE_SECOND));
}

static void restart(size_t node)
{
    stage_kill(s, node);
    ck_assert_int_eq(stage_start(s, node), RECOVERED);
    settle();
}

/* --- Holds and lives (L9) --- */

START_TEST(holds_come_back_and_are_not_given_away)
{
    uint64_t held = stage_hold(s, 1, "image", LOCK_EXCLUSIVE);
    struct op_id id = stage_id(s, held);
    uint64_t waits = stage_acquire(s, 2, "image", LOCK_SHARED);
    stage_run(s, STAGE_SECOND);
    restart(1);
    struct op_view view;
    ck_assert(stage_op(s, 1, id, &view));
    ck_assert_int_eq(view.state, OP_HELD);
    ck_assert(view.loaded);
    ck_assert_int_eq(view.mode, LOCK_EXCLUSIVE);
    ck_assert(view_equal(view.name, stage_view("image")));
    ck_assert(view_equal(view.process, stage_view("a process")));
    ck_assert_uint_eq(stage_status(s, 1).life, 1);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    ck_assert_uint_eq(stage_counters(s, 1)->ghosts, 0);
    uint64_t drop = stage_drop(s, 1, id);
    ck_assert_ptr_nonnull(stage_await(s, drop, ANSWER_DROPPED, STAGE_SECOND));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 5 * STAGE_SECOND));
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_op_count(s, 1), 0);
}
END_TEST

/* A counted hold keeps its limit, in its own node's records and in the state. */
START_TEST(a_limit_comes_back)
{
    s->limit = 3;
    struct op_id id = stage_id(s, stage_hold(s, 1, "cache", LOCK_COUNTED));
    restart(1);
    struct op_view view;
    ck_assert(stage_op(s, 1, id, &view));
    ck_assert_int_eq(view.mode, LOCK_COUNTED);
    ck_assert_uint_eq(view.limit, 3);
    for (size_t i = 0; i < 5; i++)
        restart(i);
    const struct lock_state *state = stage_show(s, 0, "cache");
    ck_assert_uint_eq(state->hold_count, 1);
    ck_assert_uint_eq(state->holds[0].limit, 3);
}
END_TEST

/* It was given up, and that was told; the new run goes on dropping it. */
START_TEST(what_was_given_up_is_dropped_by_the_next_run)
{
    uint64_t held = stage_hold(s, 1, "image", LOCK_EXCLUSIVE);
    stage_isolate(s, 1, true);
    uint64_t drop = stage_drop(s, 1, stage_id(s, held));
    ck_assert_ptr_nonnull(stage_await(s, drop, ANSWER_DROPPED, STAGE_SECOND));
    stage_kill(s, 1);
    stage_isolate(s, 1, false);
    uint64_t waits = stage_acquire(s, 2, "image", LOCK_EXCLUSIVE);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    stage_start(s, 1);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10 * STAGE_SECOND));
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_op_count(s, 1), 0);
}
END_TEST

/* It died while it asked: what it may have told is taken for held until its driver says otherwise.
 */
START_TEST(a_pending_request_counts_as_held)
{
    uint64_t held = stage_hold(s, 1, "image", LOCK_EXCLUSIVE);
    uint64_t asked = stage_acquire(s, 2, "image", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_WAITING, STAGE_SECOND));
    restart(2);
    struct op_view view;
    ck_assert(stage_op(s, 2, stage_id(s, asked), &view));
    ck_assert_int_eq(view.state, OP_HELD);
    stage_release(s, 1, held);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_uint_eq(stage_show(s, 1, "image")->hold_count, 1);
    stage_drop(s, 2, stage_id(s, asked));
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_show(s, 1, "image")->hold_count, 0);
}
END_TEST

START_TEST(a_reboot_is_another_life)
{
    uint64_t held = stage_hold(s, 1, "image", LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    stage_power_cut(s, 1);
    ck_assert_int_eq(stage_start(s, 1), RECOVERED);
    settle();
    ck_assert_uint_eq(stage_status(s, 1).life, 2);
    ck_assert_int_eq(stage_status(s, 1).store, STORE_VOTING);
    ck_assert_uint_eq(s->nodes[1].notices[NOTICE_LIFE], 2);
    ck_assert_uint_eq(stage_op_count(s, 1), 0);
    struct member_view view;
    peer_member(s->nodes[2].peer, stage_slot(1), &view);
    ck_assert_uint_eq(view.life, 2);
    /* The new life cannot drop the old one's hold, nor give it back (L9); its end statement breaks
     * it as soon as somebody asks (F5, F6a). */
    ck_assert_ptr_nonnull(stage_answer(s, stage_drop(s, 1, stage_id(s, held)), ANSWER_UNKNOWN));
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_eq(stage_show(s, 1, "image")->hold_count, 1);
    ck_assert_uint_eq(stage_counters(s, 1)->ghosts, 0);
    uint64_t tried = stage_try(s, 1, "image", LOCK_SHARED);
    const struct answer *granted = stage_await(s, tried, ANSWER_GRANTED, 3 * STAGE_SECOND);
    ck_assert_ptr_nonnull(granted);
    ck_assert(granted->mark.set && granted->mark.by == LOCK_ENDED_BY_STATEMENT);
    ck_assert_uint_eq(granted->mark.slot, stage_slot(1));
    ck_assert_uint_eq(granted->mark.life, 1);
    ck_assert_int_eq(granted->mark.mode, LOCK_EXCLUSIVE);
    ck_assert_uint_gt(granted->token, granted->mark.token);
    uint64_t other = stage_hold(s, 1, "another", LOCK_SHARED);
    ck_assert_uint_eq(stage_id(s, other).life, 2);
}
END_TEST

START_TEST(counters_are_never_used_twice)
{
    uint64_t first = stage_hold(s, 1, "image", LOCK_SHARED);
    restart(1);
    uint64_t second = stage_hold(s, 1, "image", LOCK_SHARED);
    ck_assert_uint_gt(stage_id(s, second).counter, stage_id(s, first).counter);
    stage_power_cut(s, 1);
    stage_start(s, 1);
    settle();
    uint64_t third = stage_hold(s, 1, "image", LOCK_SHARED);
    ck_assert_uint_gt(stage_id(s, third).counter, stage_id(s, second).counter);
}
END_TEST

START_TEST(all_restart_at_once)
{
    uint64_t held[5];
    for (size_t i = 0; i < 5; i++)
        held[i] = stage_hold(s, i, "image", LOCK_SHARED);
    stage_run(s, STAGE_SECOND);
    for (size_t i = 0; i < 5; i++)
        stage_power_cut(s, i);
    for (size_t i = 0; i < 5; i++)
        ck_assert_int_eq(stage_start(s, i), RECOVERED);
    settle();
    const struct lock_state *state = stage_show(s, 0, "image");
    ck_assert_uint_eq(state->hold_count, 5);
    ck_assert_uint_eq(state->token, 5);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_int_eq(stage_status(s, i).store, STORE_VOTING);
        ck_assert_int_ge(lock_find_hold(&s->shown, stage_id(s, held[i])), 0);
    }
}
END_TEST

/* --- Late and lost (L9) --- */

struct keeper {
    size_t from, to;
    uint64_t types; /* a datagram with any of them */
    enum stage_fate fate;
    bool on;
};

static enum stage_fate keeper_way(void *context, size_t from, size_t to, uint64_t types)
{
    const struct keeper *k = context;
    bool meant = k->on && from == k->from && to == k->to && (types & k->types);
    return meant ? k->fate : FATE_PASS;
}

#define TYPE(name) (UINT64_C(1) << WIRE_##name)

/*
 * loop test: a request is kept on its way, repeated, granted, released; then it arrives, under the
 * same ballot. It is not applied: its counter is below the lowest alive (0), or is remembered as
 * dropped (1).
 */
START_TEST(a_late_duplicate_is_not_applied)
{
    const char *name = stage_name_of(s, 0);
    if (_i == 1)
        stage_hold(s, 1, "held all along", LOCK_SHARED); /* the lowest counter alive stays below */
    stage_release(s, 1, stage_hold(s, 1, name, LOCK_SHARED)); /* it knows the ballot */
    struct keeper keeper = {1, 0, TYPE(REQUEST), FATE_KEEP, true};
    s->way = keeper_way;
    s->way_context = &keeper;
    uint64_t asked = stage_acquire(s, 1, name, LOCK_EXCLUSIVE);
    stage_run(s, 10);
    ck_assert_uint_eq(s->kept_count, 1);
    keeper.on = false;
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, STAGE_SECOND));
    stage_release(s, 1, asked);
    ck_assert_uint_eq(stage_show(s, 2, name)->hold_count, 0);
    uint64_t requests = stage_counters(s, 0)->requests;
    stage_deliver_kept(s);
    ck_assert_uint_eq(stage_counters(s, 0)->requests, requests + 1); /* it was taken */
    stage_run(s, STAGE_SECOND);
    ck_assert_int_eq(stage_coordinator(s, name), 0);
    ck_assert_uint_eq(stage_show(s, 2, name)->hold_count, 0);
    ck_assert_uint_eq(stage_show(s, 2, name)->token, 2);
    ck_assert_uint_eq(stage_answer_count(s, asked, ANSWER_GRANTED), 1);
    ck_assert_uint_eq(stage_counters(s, 1)->ghosts, 0);
    ck_assert_uint_eq(stage_op_count(s, 1), _i == 1 ? 1 : 0);
}
END_TEST

/*
 * Node 1 asks and its agent dies between the datagram and the record, so that the run that follows
 * in the same life knows nothing of it. (The stage sends before it writes: what was written is
 * taken back.)
 */
static void ask_and_forget(const char *name)
{
    size_t written = s->nodes[1].disk.written_size;
    uint64_t asked = stage_acquire(s, 1, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    stage_kill(s, 1);
    s->nodes[1].disk.written_size = written;
    stage_run(s, 100);
    ck_assert_int_eq(stage_start(s, 1), RECOVERED);
    settle();
    ck_assert_uint_eq(stage_status(s, 1).life, 1);
    ck_assert_int_eq(stage_status(s, 1).store, STORE_VOTING);
    ck_assert_uint_eq(stage_op_count(s, 1), 0);
    ck_assert_uint_eq(stage_counters(s, 1)->ghosts, 0);
}

/* A grant for a request that no client of this node is known to have made is given back. */
START_TEST(a_ghost_is_given_back)
{
    const char *name = stage_name_of(s, 0);
    stage_release(s, 1, stage_hold(s, 1, name, LOCK_SHARED));
    uint64_t held = stage_hold(s, 2, name, LOCK_EXCLUSIVE);
    ask_and_forget(name);
    ck_assert_uint_eq(stage_show(s, 2, name)->waiter_count, 1);
    stage_release(s, 2, held);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_counters(s, 1)->ghosts, 1);
    ck_assert_uint_eq(s->nodes[1].notices[NOTICE_GHOST], 1);
    ck_assert_uint_eq(stage_show(s, 2, name)->hold_count, 0);
    ck_assert_uint_eq(stage_show(s, 2, name)->token, 3); /* it was granted */
    stage_hold(s, 3, name, LOCK_EXCLUSIVE);
}
END_TEST

/* loop test: the grant went to the run that died, so that only a waiter brings the ghost to light;
 * with a long name, and with one of a single byte. */
START_TEST(a_ghost_is_found_by_who_waits)
{
    const char *name = stage_name_of(s, 0);
    char letter[2] = "a";
    if (_i == 1) {
        while (stage_place(s, letter, 0) != 0)
            letter[0]++;
        name = letter;
    }
    stage_release(s, 1, stage_hold(s, 1, name, LOCK_SHARED));
    ask_and_forget(name);
    ck_assert_uint_eq(stage_show(s, 2, name)->hold_count, 1);
    uint64_t waits = stage_acquire(s, 2, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 5 * STAGE_SECOND));
    ck_assert_uint_gt(stage_counters(s, 1)->ghosts, 0);
    ck_assert_uint_eq(stage_show(s, 2, name)->hold_count, 1);
}
END_TEST

/* Replies are lost: the request is repeated, and applied once. */
START_TEST(a_lost_reply_is_asked_for_again)
{
    const char *name = stage_name_of(s, 0);
    struct keeper keeper = {0, 1, TYPE(REPLY), FATE_LOSE, true};
    s->way = keeper_way;
    s->way_context = &keeper;
    uint64_t asked = stage_acquire(s, 1, name, LOCK_EXCLUSIVE);
    stage_run(s, 100);
    keeper.on = false;
    const struct answer *granted = stage_await(s, asked, ANSWER_GRANTED, 2 * STAGE_SECOND);
    ck_assert_ptr_nonnull(granted);
    ck_assert_uint_eq(granted->token, 1);
    ck_assert_uint_eq(stage_show(s, 2, name)->hold_count, 1);
    ck_assert_uint_eq(stage_show(s, 2, name)->token, 1);
    keeper.on = true;
    stage_release(s, 1, asked);
    stage_run(s, 100);
    keeper.on = false;
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_uint_eq(stage_op_count(s, 1), 0);
    ck_assert_uint_eq(stage_show(s, 2, name)->hold_count, 0);
}
END_TEST

/* --- Durable before spoken (L6) --- */

static uint64_t votes_sent(size_t node)
{
    const uint64_t *sent = s->nodes[node].sent;
    return sent[WIRE_PROMISE] + sent[WIRE_ACCEPTED] + sent[WIRE_STORED] + sent[WIRE_CONFIRMED];
}

START_TEST(no_vote_leaves_before_it_is_durable)
{
    for (size_t i = 0; i < 5; i++)
        stage_sync(s, i, SYNC_HELD);
    uint64_t asked = stage_acquire(s, 1, stage_name_of(s, 0), LOCK_EXCLUSIVE);
    stage_run(s, 5 * STAGE_SECOND);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(votes_sent(i), 0);
    /* The coordinator's own promise comes first, and it is not durable. */
    ck_assert_uint_eq(s->nodes[0].sent[WIRE_PREPARE], 0);
    stage_sync(s, 0, SYNC_PROMPT);
    stage_run(s, 100);
    ck_assert_uint_gt(s->nodes[0].sent[WIRE_PREPARE], 0);
    for (size_t i = 1; i < 5; i++)
        ck_assert_uint_eq(votes_sent(i), 0);
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    stage_sync(s, 2, SYNC_PROMPT);
    stage_sync(s, 3, SYNC_PROMPT);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_uint_gt(votes_sent(0) + votes_sent(2) + votes_sent(3), 0);
    ck_assert_uint_eq(votes_sent(1) + votes_sent(4), 0);
    /* A majority has it, but the asker's own record is not durable: its client is not told. */
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    stage_sync(s, 1, SYNC_PROMPT);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 2 * STAGE_SECOND));
}
END_TEST

/* Promises and accepts that no sync had reached are lost with the machine; nobody was told of them.
 */
START_TEST(what_was_not_durable_may_be_lost)
{
    const char *name = stage_name_of(s, 0);
    stage_sync(s, 4, SYNC_HELD);
    uint64_t held = stage_hold(s, 1, name, LOCK_EXCLUSIVE);
    uint32_t shard = peer_shard(s->nodes[4].peer, stage_view(name));
    ck_assert(!ballot_none(peer_promised(s->nodes[4].peer, shard)));
    ck_assert_uint_eq(votes_sent(4), 0);
    stage_power_cut(s, 4);
    stage_sync(s, 4, SYNC_PROMPT);
    stage_start(s, 4);
    ck_assert(ballot_none(peer_promised(s->nodes[4].peer, shard)));
    settle();
    ck_assert_int_eq(stage_status(s, 4).store, STORE_VOTING);
    stage_release(s, 1, held);
    stage_hold(s, 4, name, LOCK_EXCLUSIVE);
}
END_TEST

/*
 * What a run finds in its log may be in the kernel's memory only. So it may not speak of it before
 * a sync of its own: a power cut right after would unsay it.
 */
START_TEST(what_was_found_is_spoken_of_only_once_durable)
{
    const char *name = stage_name_of(s, 0);
    stage_sync(s, 4, SYNC_HELD);
    stage_hold(s, 1, name, LOCK_SHARED);
    ck_assert_uint_eq(votes_sent(4), 0);
    stage_kill(s, 4);
    stage_start(s, 4);
    uint32_t shard = peer_shard(s->nodes[4].peer, stage_view(name));
    ck_assert(!ballot_none(peer_promised(s->nodes[4].peer, shard)));
    stage_run(s, 5 * STAGE_SECOND);
    stage_show(s, 3, name); /* asks every voter whether its promise stands */
    stage_hold(s, 2, name, LOCK_SHARED);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(votes_sent(4), 0);
    stage_sync(s, 4, SYNC_PROMPT);
    stage_run(s, STAGE_SECOND);
    ck_assert_int_eq(stage_status(s, 4).store, STORE_VOTING);
    stage_hold(s, 3, name, LOCK_SHARED);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_gt(votes_sent(4), 0);
}
END_TEST

START_TEST(a_failed_sync_is_the_end_of_voting)
{
    stage_sync(s, 4, SYNC_FAILS);
    stage_hold(s, 1, "image", LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    ck_assert_int_eq(stage_status(s, 4).store, STORE_FAILED);
    uint64_t before = votes_sent(4);
    stage_hold(s, 1, "another", LOCK_EXCLUSIVE);
    stage_hold(s, 2, "a third", LOCK_EXCLUSIVE);
    ck_assert_uint_eq(votes_sent(4), before);
    ck_assert_ptr_nonnull(
        stage_answer(s, stage_acquire(s, 4, "mine", LOCK_SHARED), ANSWER_LOG_FAILED));
    /* A new start votes again: the store is whole. */
    stage_sync(s, 4, SYNC_PROMPT);
    restart(4);
    ck_assert_int_eq(stage_status(s, 4).store, STORE_VOTING);
    stage_hold(s, 4, "mine", LOCK_SHARED);
}
END_TEST

/* --- Stores (L7) --- */

START_TEST(nobody_votes_before_its_check)
{
    stage_kill(s, 4);
    stage_isolate(s, 4, true);
    stage_start(s, 4);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_int_eq(stage_status(s, 4).store, STORE_CHECKING);
    ck_assert(!stage_status(s, 4).life_known);
    ck_assert_ptr_nonnull(
        stage_answer(s, stage_acquire(s, 4, "mine", LOCK_SHARED), ANSWER_NOT_READY));
    /* Itself and one other that reaches nobody are no majority of five. */
    stage_isolate(s, 0, true);
    stage_cut(s, 4, 0, false);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_int_eq(stage_status(s, 4).store, STORE_CHECKING);
    stage_cut(s, 4, 1, false);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_int_eq(stage_status(s, 4).store, STORE_VOTING);
}
END_TEST

static void roll_back(size_t node, const uint8_t *bytes, size_t size)
{
    struct stage_disk *d = &s->nodes[node].disk;
    memcpy(d->written, bytes, size);
    memcpy(d->synced, bytes, size);
    d->written_size = d->synced_size = size;
}

START_TEST(a_restored_copy_never_votes)
{
    struct stage_disk *d = &s->nodes[4].disk;
    size_t size = d->synced_size;
    uint8_t *copy = malloc(size);
    memcpy(copy, d->synced, size);
    uint64_t held = stage_hold(s, 4, "image", LOCK_EXCLUSIVE);
    for (int i = 0; i < 20; i++)
        stage_release(s, 4, stage_hold(s, 4, "another", LOCK_EXCLUSIVE));
    stage_run(s, 5 * STAGE_SECOND);
    stage_power_cut(s, 4);
    roll_back(4, copy, size);
    uint64_t before = votes_sent(4);
    ck_assert_int_eq(stage_start(s, 4), RECOVERED);
    settle();
    ck_assert_int_eq(stage_status(s, 4).store, STORE_BEHIND);
    ck_assert_uint_eq(s->nodes[4].notices[NOTICE_STORE_BEHIND], 1);
    ck_assert_uint_ge(stage_status(s, 4).life, 2);
    stage_hold(s, 1, "a third", LOCK_EXCLUSIVE);
    ck_assert_uint_eq(votes_sent(4), before);
    /* It asks for locks like anybody else, and so it does after it starts again. */
    uint64_t mine = stage_hold(s, 4, "mine", LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    stage_kill(s, 4);
    ck_assert_int_eq(stage_start(s, 4), RECOVERED);
    settle();
    ck_assert_int_eq(stage_status(s, 4).store, STORE_LOST);
    struct op_view view;
    ck_assert(stage_op(s, 4, stage_id(s, mine), &view));
    stage_hold(s, 2, "a fourth", LOCK_EXCLUSIVE);
    ck_assert_uint_eq(votes_sent(4), before);
    ck_assert_int_ge(lock_find_hold(stage_show(s, 1, "image"), stage_id(s, held)), 0);
    free(copy);
}
END_TEST

/* A copy that is behind within one boot: the life was told under it, and its holds, so it is
 * another. */
START_TEST(a_copy_restored_under_a_running_machine)
{
    uint64_t held = stage_hold(s, 4, "held", LOCK_SHARED);
    stage_run(s, STAGE_SECOND);
    struct stage_disk *d = &s->nodes[4].disk;
    size_t size = d->written_size;
    uint8_t *copy = malloc(size);
    memcpy(copy, d->written, size);
    for (int i = 0; i < 20; i++)
        stage_release(s, 4, stage_hold(s, 4, "another", LOCK_EXCLUSIVE));
    stage_run(s, 5 * STAGE_SECOND);
    stage_kill(s, 4);
    roll_back(4, copy, size);
    stage_isolate(s, 4, true);
    ck_assert_int_eq(stage_start(s, 4), RECOVERED);
    /* Its driver finds the holder gone and drops the hold, before anybody has answered. */
    uint64_t drop = stage_drop(s, 4, stage_id(s, held));
    stage_run(s, 100);
    stage_isolate(s, 4, false);
    settle();
    ck_assert_int_eq(stage_status(s, 4).store, STORE_BEHIND);
    ck_assert_uint_eq(stage_status(s, 4).life, 2);
    ck_assert(stage_answer(s, drop, ANSWER_DROPPED) || stage_answer(s, drop, ANSWER_UNKNOWN));
    stage_hold(s, 4, "mine", LOCK_EXCLUSIVE);
    free(copy);
}
END_TEST

START_TEST(a_lost_store_never_votes)
{
    stage_hold(s, 4, "image", LOCK_EXCLUSIVE);
    stage_run(s, 5 * STAGE_SECOND);
    stage_power_cut(s, 4);
    s->nodes[4].disk.written_size = 0;
    uint64_t before = votes_sent(4);
    ck_assert_int_eq(stage_start(s, 4), RECOVERY_LOST);
    settle();
    ck_assert_int_eq(stage_status(s, 4).store, STORE_LOST);
    ck_assert_uint_eq(stage_status(s, 4).life, 2);
    stage_hold(s, 4, "mine", LOCK_EXCLUSIVE);
    stage_hold(s, 1, stage_name_of(s, 4), LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(votes_sent(4), before);
    ck_assert_uint_eq(stage_status(s, 4).serving, 0);
    stage_kill(s, 4);
    ck_assert_int_eq(stage_start(s, 4), RECOVERED);
    settle();
    ck_assert_int_eq(stage_status(s, 4).store, STORE_LOST);
    stage_hold(s, 2, "a third", LOCK_EXCLUSIVE);
    ck_assert_uint_eq(votes_sent(4), before);
}
END_TEST

/* L9: a grant whose request's record was lost with the agent is known to nobody. Its node hears of
 * it when somebody tries, and gives it back. */
START_TEST(a_ghost_is_found_by_who_tries)
{
    struct stage_disk *d = &s->nodes[1].disk;
    const char *name = stage_name_of(s, 2);
    stage_release(s, 1, stage_hold(s, 1, name, LOCK_EXCLUSIVE));
    stage_run(s, STAGE_SECOND);
    size_t before = d->written_size;
    stage_acquire(s, 1, name, LOCK_EXCLUSIVE);
    d->written_size = before; /* it was still to be written */
    stage_kill(s, 1);
    stage_run(s, 500);
    ck_assert_int_eq(stage_start(s, 1), RECOVERED);
    settle();
    ck_assert_uint_eq(stage_show(s, 3, name)->hold_count, 1);
    uint64_t tried = stage_try(s, 3, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, tried, ANSWER_BUSY, 5 * STAGE_SECOND));
    stage_run(s, 2 * STAGE_SECOND);
    tried = stage_try(s, 3, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, tried, ANSWER_GRANTED, 5 * STAGE_SECOND));
}
END_TEST

Suite *suite_restart(void)
{
    Suite *suite = suite_create("restart");
    TCase *lives = tcase_create("lives");
    tcase_add_checked_fixture(lives, open_five, close_stage);
    tcase_add_test(lives, holds_come_back_and_are_not_given_away);
    tcase_add_test(lives, a_limit_comes_back);
    tcase_add_test(lives, what_was_given_up_is_dropped_by_the_next_run);
    tcase_add_test(lives, a_pending_request_counts_as_held);
    tcase_add_test(lives, a_reboot_is_another_life);
    tcase_add_test(lives, counters_are_never_used_twice);
    tcase_add_test(lives, all_restart_at_once);
    tcase_add_loop_test(lives, a_late_duplicate_is_not_applied, 0, 2);
    tcase_add_test(lives, a_ghost_is_given_back);
    tcase_add_loop_test(lives, a_ghost_is_found_by_who_waits, 0, 2);
    tcase_add_test(lives, a_lost_reply_is_asked_for_again);
    tcase_add_test(lives, a_ghost_is_found_by_who_tries);
    suite_add_tcase(suite, lives);

    TCase *stores = tcase_create("stores");
    tcase_add_checked_fixture(stores, open_five, close_stage);
    tcase_add_test(stores, no_vote_leaves_before_it_is_durable);
    tcase_add_test(stores, what_was_not_durable_may_be_lost);
    tcase_add_test(stores, what_was_found_is_spoken_of_only_once_durable);
    tcase_add_test(stores, a_failed_sync_is_the_end_of_voting);
    tcase_add_test(stores, nobody_votes_before_its_check);
    tcase_add_test(stores, a_restored_copy_never_votes);
    tcase_add_test(stores, a_copy_restored_under_a_running_machine);
    tcase_add_test(stores, a_lost_store_never_votes);
    suite_add_tcase(suite, stores);
    return suite;
}
