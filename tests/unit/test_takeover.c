/*
 * Take-over, as plays (tests/unit/peer_play.h): coordinators that die, are cut off, come back or
 * cannot write; majorities that are lost and found (L4, L5, L8); and a storm in which everything is
 * lost now and then, judged by what clients were told.
 */
#include "tests/unit/peer_play.h"

#include <stdio.h>

#include "crypto/drbg.h"
#include "proto/peer_internal.h"

Suite *suite_takeover(void);

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 2);
}

static void close_stage(void)
{
    stage_end(s);
}

static size_t coordinator_of(const char *name)
{
    int found = stage_coordinator(s, name);
    ck_assert_int_ge(found, 0);
    return (size_t)found;
}

START_TEST(the_first_of_the_cohort_coordinates)
{
    const char *name = stage_name_of(s, 3);
    stage_hold(s, 0, name, LOCK_EXCLUSIVE);
    ck_assert_int_eq(stage_coordinator(s, name), 3);
    ck_assert_uint_eq(s->nodes[3].notices[NOTICE_COORDINATOR], 1);
    ck_assert_uint_eq(stage_counters(s, 3)->takeovers, 1);
}
END_TEST

START_TEST(another_takes_over_and_nobody_loses_a_hold)
{
    const char *name = stage_name_of(s, 0);
    uint64_t held = stage_hold(s, 1, name, LOCK_EXCLUSIVE);
    uint64_t first = stage_acquire(s, 2, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, first, ANSWER_WAITING, STAGE_SECOND));
    uint64_t second = stage_acquire(s, 3, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, second, ANSWER_WAITING, STAGE_SECOND));
    stage_kill(s, 0);
    stage_run(s, 6 * STAGE_SECOND);
    size_t next = coordinator_of(name);
    ck_assert_int_eq(stage_place(s, name, next), 1);
    const struct lock_state *state = stage_show(s, 4, name);
    ck_assert_uint_eq(state->hold_count, 1);
    ck_assert(op_equal(state->holds[0].id, stage_id(s, held)));
    ck_assert_uint_eq(state->waiter_count, 2);
    stage_release(s, 1, held);
    ck_assert_uint_eq(stage_await(s, first, ANSWER_GRANTED, 3 * STAGE_SECOND)->token, 2);
    ck_assert_ptr_null(stage_answer(s, second, ANSWER_GRANTED));
    stage_release(s, 2, first);
    ck_assert_uint_eq(stage_await(s, second, ANSWER_GRANTED, 3 * STAGE_SECOND)->token, 3);
    ck_assert_uint_eq(stage_answer_count(s, first, ANSWER_GRANTED), 1);
}
END_TEST

/* The holder releases while nobody coordinates: its drop is repeated until somebody does. */
START_TEST(a_release_survives_the_coordinator)
{
    const char *name = stage_name_of(s, 0);
    uint64_t held = stage_hold(s, 1, name, LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, 2, name, LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
    stage_kill(s, 0);
    stage_release(s, 1, held);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10 * STAGE_SECOND));
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_op_count(s, 1), 0);
}
END_TEST

/* It dies with the state accepted by a majority and nobody told: the next one finds it and tells
 * (L4). */
START_TEST(a_grant_that_was_not_told_is_found)
{
    const char *name = stage_name_of(s, 0);
    uint64_t held = stage_hold(s, 1, name, LOCK_SHARED);
    for (size_t i = 1; i < 5; i++)
        s->cut[i][0] = true; /* it is not answered any more */
    uint64_t asked = stage_acquire(s, 0, name, LOCK_SHARED);
    stage_run(s, 20);
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    stage_kill(s, 0);
    ck_assert_uint_eq(stage_show(s, 2, name)->hold_count, 2);
    (void)held;
}
END_TEST

/* SWIM has not noticed yet: requesters doubt it, and a majority does not hear it either (L8). */
START_TEST(doubts_are_faster_than_gossip)
{
    const char *name = stage_name_of(s, 0);
    stage_hold(s, 0, name, LOCK_SHARED);
    stage_kill(s, 0);
    uint64_t asked = stage_acquire(s, 1, name, LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 1500));
    struct member_view view;
    peer_member(s->nodes[1].peer, stage_slot(0), &view);
    ck_assert_int_ne(view.state, MEMBER_DEAD);
}
END_TEST

/* The kernel's "nobody listens there" is a hint at once (L8). */
START_TEST(a_refused_port_is_a_hint)
{
    const char *name = stage_name_of(s, 0);
    stage_hold(s, 0, name, LOCK_SHARED);
    stage_kill(s, 0);
    uint64_t asked = stage_acquire(s, 1, name, LOCK_SHARED);
    struct event event = {.kind = EVENT_REFUSED, .slot = stage_slot(0)};
    for (int i = 0; i < 20; i++) {
        stage_run(s, 10);
        for (size_t node = 1; node < 5; node++)
            stage_event(s, node, &event);
    }
    ck_assert_ptr_nonnull(stage_answer(s, asked, ANSWER_GRANTED));
}
END_TEST

/* Requests that find no room are told that their coordinator lives, or its shards would go round.
 */
START_TEST(a_full_coordinator_keeps_its_shards)
{
    enum { NAMES = 300 };
    static uint64_t asked[NAMES];
    uint64_t full = 0;
    char name[32];
    for (size_t i = 0; i < 5; i++) {
        stage_kill(s, i);
        s->max_served = 1;
        ck_assert_int_eq(stage_start(s, i), RECOVERED);
    }
    ck_assert(stage_until(s, stage_all_settled, NULL, 20 * STAGE_SECOND));
    for (size_t i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "image-%zu", i);
        asked[i] = stage_acquire(s, i % 5, name, LOCK_EXCLUSIVE);
    }
    for (size_t i = 0; i < NAMES; i++)
        ck_assert_ptr_nonnull(stage_await(s, asked[i], ANSWER_GRANTED, 20 * STAGE_SECOND));
    for (size_t i = 0; i < 5; i++) {
        full += stage_counters(s, i)->requests_full;
        ck_assert_uint_eq(stage_counters(s, i)->step_downs, 0);
    }
    ck_assert_uint_gt(full, 0);
}
END_TEST

/* Everybody hears the coordinator but one requester: it is not left out (T3), and nobody loses a
 * hold. */
START_TEST(a_bad_path_is_gone_around)
{
    const char *name = stage_name_of(s, 0);
    stage_hold(s, 2, name, LOCK_SHARED);
    stage_cut(s, 0, 1, true);
    uint64_t asked = stage_acquire(s, 1, name, LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 15 * STAGE_SECOND));
    uint64_t also = stage_acquire(s, 0, name, LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_await(s, also, ANSWER_GRANTED, 15 * STAGE_SECOND));
    stage_cut(s, 0, 1, false);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_eq(stage_show(s, 3, name)->hold_count, 3);
}
END_TEST

/* Two of five hear everybody but one requester: the owner, and one that comes back while it asks,
 * and is first in its order. It reaches both through others (T3), and has its lock in time (V1). */
START_TEST(who_hears_neither_owner_nor_first_is_served)
{
    const char *name = stage_name_of(s, 0);
    size_t by_place[5];
    for (size_t i = 0; i < 5; i++)
        by_place[stage_place(s, name, i)] = i;
    size_t owner = by_place[1], requester = by_place[2 + _i], returner = by_place[0];
    stage_kill(s, returner);
    stage_run(s, 20 * STAGE_SECOND);
    stage_release(s, owner, stage_hold(s, owner, name, LOCK_EXCLUSIVE));
    ck_assert_uint_eq(coordinator_of(name), owner);
    stage_cut(s, owner, requester, true);
    stage_cut(s, returner, requester, true);
    stage_run(s, 10 * STAGE_SECOND);
    struct instant in_time = instant_after(s->now, SPAN_MS(5 * STAGE_SECOND));
    uint64_t asked = stage_acquire(s, requester, name, LOCK_EXCLUSIVE);
    stage_start(s, returner);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 15 * STAGE_SECOND));
    ck_assert(!instant_reached(s->now, in_time));
}
END_TEST

/*
 * The owner of the highest ballot restarts, and the first of the cohort, which promised that
 * ballot, is back: each could call the other the rightful one for ever.
 */
START_TEST(a_restarted_owner_and_the_first_agree)
{
    const char *name = stage_name_of(s, 0);
    stage_kill(s, 0);
    stage_run(s, 15 * STAGE_SECOND);
    uint64_t held = stage_hold(s, 4, name, LOCK_SHARED);
    size_t owner = coordinator_of(name);
    ck_assert_uint_ne(owner, 0);
    stage_start(s, 0);
    ck_assert(stage_until(s, stage_all_settled, NULL, 20 * STAGE_SECOND));
    stage_release(s, 4, held); /* the first hears the owner's ballot by the accepts */
    stage_run(s, STAGE_SECOND);
    stage_kill(s, owner);
    stage_start(s, owner);
    ck_assert(stage_until(s, stage_all_settled, NULL, 5 * STAGE_SECOND));
    size_t other = stage_other(s, 0, owner);
    uint64_t asked = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 5 * STAGE_SECOND));
}
END_TEST

/* Cut off with one client, the old coordinator grants nothing any more; the others go on (L5). */
START_TEST(a_deposed_coordinator_tells_nothing)
{
    const char *name = stage_name_of(s, 0);
    uint64_t held = stage_hold(s, 2, name, LOCK_EXCLUSIVE);
    for (size_t i = 2; i < 5; i++) {
        stage_cut(s, 0, i, true);
        stage_cut(s, 1, i, true);
    }
    uint64_t minority = stage_acquire(s, 1, name, LOCK_EXCLUSIVE);
    stage_release(s, 2, held);
    uint64_t majority = stage_acquire(s, 3, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, majority, ANSWER_GRANTED, 15 * STAGE_SECOND));
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, minority, ANSWER_GRANTED));
    uint64_t tried = stage_try(s, 1, name, LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_await(s, tried, ANSWER_NO_MAJORITY, 5 * STAGE_SECOND));
    for (size_t i = 2; i < 5; i++) {
        stage_cut(s, 0, i, false);
        stage_cut(s, 1, i, false);
    }
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, minority, ANSWER_GRANTED));
    stage_release(s, 3, majority);
    ck_assert_ptr_nonnull(stage_await(s, minority, ANSWER_GRANTED, 5 * STAGE_SECOND));
}
END_TEST

static const struct answer *last_waiting(uint64_t handle)
{
    const struct answer *waiting = stage_answer(s, handle, ANSWER_WAITING);
    ck_assert_ptr_nonnull(waiting);
    return waiting;
}

/* loop test: 0, the coordinator is among the gone; 1, it stays. */
START_TEST(three_of_five_are_gone)
{
    size_t gone = _i ? 2 : 0;
    size_t here = _i ? 0 : 3, also_here = here + 1;
    const char *name = stage_name_of(s, 0);
    uint64_t held = stage_hold(s, here, name, LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, also_here, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
    for (size_t i = gone; i < gone + 3; i++)
        stage_kill(s, i);
    stage_run(s, 15 * STAGE_SECOND);
    ck_assert_int_eq(last_waiting(waits)->reason, WAIT_NO_MAJORITY);
    ck_assert_uint_eq(last_waiting(waits)->reachable, 2);
    ck_assert_uint_eq(last_waiting(waits)->cohort, 5);
    uint64_t tried = stage_try(s, here, "something else", LOCK_SHARED);
    const struct answer *refused = stage_await(s, tried, ANSWER_NO_MAJORITY, 4 * STAGE_SECOND);
    ck_assert_ptr_nonnull(refused);
    ck_assert_uint_eq(refused->reachable, 2);
    ck_assert_uint_eq(refused->cohort, 5);
    uint64_t look = stage_ask_show(s, here, name);
    ck_assert_ptr_nonnull(stage_await(s, look, ANSWER_NO_MAJORITY, 4 * STAGE_SECOND));
    uint64_t limited = stage_acquire_by(s, here, "a third", LOCK_SHARED, 2500);
    ck_assert_ptr_nonnull(stage_await(s, limited, ANSWER_NO_MAJORITY, 3 * STAGE_SECOND));

    uint64_t drop = stage_drop(s, here, stage_id(s, held));
    ck_assert_ptr_nonnull(stage_await(s, drop, ANSWER_DROPPED, STAGE_SECOND));
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    for (size_t i = gone; i < gone + 3; i++)
        stage_start(s, i);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 15 * STAGE_SECOND));
    stage_run(s, 5 * STAGE_SECOND);
    /* What was refused left nothing behind. */
    ck_assert_uint_eq(stage_show(s, gone, "something else")->hold_count, 0);
    ck_assert_uint_eq(stage_show(s, gone, "a third")->hold_count, 0);
}
END_TEST

START_TEST(two_of_five_are_gone)
{
    const char *name = stage_name_of(s, 0);
    uint64_t held = stage_hold(s, 3, name, LOCK_EXCLUSIVE);
    stage_kill(s, 0);
    stage_kill(s, 1);
    stage_release(s, 3, held);
    stage_hold(s, 4, name, LOCK_EXCLUSIVE);
    stage_hold(s, 2, "another", LOCK_EXCLUSIVE);
}
END_TEST

/* L6: it votes no more, and says so; its shards go to others. */
START_TEST(who_cannot_write_hands_over)
{
    const char *name = stage_name_of(s, 0);
    uint64_t held = stage_hold(s, 1, name, LOCK_EXCLUSIVE);
    stage_sync(s, 0, SYNC_FAILS);
    uint64_t waits = stage_acquire(s, 2, name, LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    ck_assert_int_eq(stage_status(s, 0).store, STORE_FAILED);
    ck_assert_uint_eq(s->nodes[0].notices[NOTICE_SYNC_FAILED], 1);
    ck_assert_uint_eq(stage_status(s, 0).serving, 0);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, 5 * STAGE_SECOND));
    ck_assert_uint_ne(coordinator_of(name), 0);
    uint64_t promises = s->nodes[0].sent[WIRE_PROMISE], accepts = s->nodes[0].sent[WIRE_ACCEPTED];
    stage_release(s, 1, held);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 5 * STAGE_SECOND));
    for (int i = 0; i < 20; i++) {
        char other[32];
        snprintf(other, sizeof other, "other-%d", i);
        stage_hold(s, 3, other, LOCK_SHARED);
    }
    ck_assert_uint_eq(s->nodes[0].sent[WIRE_PROMISE], promises);
    ck_assert_uint_eq(s->nodes[0].sent[WIRE_ACCEPTED], accepts);
    struct member_view view;
    peer_member(s->nodes[1].peer, stage_slot(0), &view);
    ck_assert_int_eq(view.state, MEMBER_ALIVE);
}
END_TEST

/* L6, L9: a grant whose record will never be durable is refused, not left untold; it goes to who
 * waits. */
START_TEST(a_grant_that_cannot_be_written_is_refused)
{
    const char *name = stage_name_of(s, 1);
    stage_sync(s, 0, SYNC_HELD);
    uint64_t asked = stage_acquire(s, 0, name, LOCK_EXCLUSIVE);
    stage_run(s, STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    ck_assert_uint_eq(stage_show(s, 2, name)->hold_count, 1);
    stage_sync(s, 0, SYNC_FAILS);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_LOG_FAILED, STAGE_SECOND));
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    ck_assert_ptr_nonnull(
        stage_answer(s, stage_acquire(s, 0, name, LOCK_SHARED), ANSWER_LOG_FAILED));
    stage_hold(s, 2, name, LOCK_EXCLUSIVE);
}
END_TEST

/* What waits for shards that nobody can lead is bounded, so that the others' requests find room. */
START_TEST(knocks_starve_nobody)
{
    char name[32];
    for (size_t node = 1; node < 5; node++)
        stage_kill(s, node);
    for (int i = 0; i < 400; i++) {
        snprintf(name, sizeof name, "stuck-%d", i);
        stage_acquire(s, 0, name, LOCK_EXCLUSIVE);
    }
    stage_run(s, 20 * STAGE_SECOND);
    const struct coordinator *k = &s->nodes[0].peer->coordinator;
    ck_assert_uint_eq(k->knock_count, k->served.asked_max / 8);
}
END_TEST

/* --- Forgetting (L4) --- */

struct stored_way {
    bool keep, lose; /* what voters 2, 3, 4 (all others) answer to a Read of node 0 */
};

static enum stage_fate stored_way(void *context, size_t from, size_t to, uint64_t types)
{
    const struct stored_way *w = context;
    if (to != 0 || !(types & (UINT64_C(1) << WIRE_STORED)))
        return FATE_PASS;
    if (w->keep && from >= 2)
        return FATE_KEEP;
    return w->lose ? FATE_LOSE : FATE_PASS;
}

/*
 * A coordinator with a small table forgets a lock and reads it again, under the ballot that it
 * still has. Meanwhile answers to its first Read arrive, from before anybody held the lock, and its
 * own voter's disk is slow. They are answers to another question (L0): were they counted, two would
 * hold.
 */
START_TEST(a_forgotten_lock_is_not_read_from_old_answers)
{
    stage_end(s);
    s = stage_begin(5, 6);
    s->max_ops = 4;
    for (size_t i = 0; i < 5; i++)
        stage_start(s, i);
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    struct stored_way way = {.keep = true};
    s->way = stored_way;
    s->way_context = &way;
    const char *name = stage_name_of(s, 0);
    uint64_t first = stage_acquire(s, 1, name, LOCK_EXCLUSIVE);
    stage_run(s, 25);
    ck_assert_uint_eq(s->kept_count, 3);
    way.keep = false;
    stage_sync(s, 0, SYNC_HELD);
    ck_assert_ptr_nonnull(stage_await(s, first, ANSWER_GRANTED, STAGE_SECOND));
    uint32_t shard = peer_shard(s->nodes[0].peer, stage_view(name));
    for (int i = 0, used = 0; used < 12; i++) {
        char other[32];
        snprintf(other, sizeof other, "other-%d", i);
        if (peer_shard(s->nodes[0].peer, stage_view(other)) != shard)
            continue;
        stage_release(s, 1, stage_hold(s, 1, other, LOCK_SHARED));
        used++;
    }
    way.lose = true;
    uint64_t second = stage_acquire(s, 2, name, LOCK_EXCLUSIVE);
    stage_run(s, 20);
    stage_deliver_kept(s);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, second, ANSWER_GRANTED));
    way.lose = false;
    stage_sync(s, 0, SYNC_PROMPT);
    stage_release(s, 1, first);
    ck_assert_ptr_nonnull(stage_await(s, second, ANSWER_GRANTED, 15 * STAGE_SECOND));
}
END_TEST

/* --- A storm --- */

enum { STORM_CLIENTS = 10, STORM_NAMES = 3, STORM_MS = 60 * STAGE_SECOND };

struct client {
    size_t node;
    uint64_t handle; /* 0: idle */
    unsigned name;
    enum lock_mode mode;
    bool held;
    bool dropping;
};

struct storm {
    struct drbg random;
    bool calm;
    unsigned loss_percent;
};

static enum stage_fate storm_way(void *context, size_t from, size_t to, uint64_t types)
{
    struct storm *storm = context;
    (void)from;
    (void)to;
    (void)types;
    if (storm->calm)
        return FATE_PASS;
    uint64_t drawn = drbg_below(&storm->random, 100);
    if (drawn < storm->loss_percent)
        return FATE_LOSE;
    return drawn > 97 && s->kept_count < 500 ? FATE_KEEP : FATE_PASS;
}

static const char *storm_name(unsigned name)
{
    static const char *const names[STORM_NAMES] = {"one", "two", "three"};
    return names[name];
}

/* A client that was told of its grant holds from then on until it asks to drop (S1). */
static void check_exclusion(const struct client *clients)
{
    for (size_t i = 0; i < STORM_CLIENTS; i++)
        for (size_t j = i + 1; j < STORM_CLIENTS; j++)
            ck_assert_msg(!clients[i].held || !clients[j].held ||
                              clients[i].name != clients[j].name ||
                              lock_modes_compatible(clients[i].mode, clients[j].mode),
                          "two hold \"%s\"", storm_name(clients[i].name));
}

static void storm_client(struct storm *storm, struct client *c, uint64_t *last_token)
{
    if (c->handle == 0) {
        if (storm->calm)
            return;
        c->name = (unsigned)drbg_below(&storm->random, STORM_NAMES);
        c->mode = drbg_below(&storm->random, 2) ? LOCK_SHARED : LOCK_EXCLUSIVE;
        c->handle = stage_acquire(s, c->node, storm_name(c->name), c->mode);
        if (stage_answer(s, c->handle, ANSWER_NOT_READY))
            c->handle = 0;
        return;
    }
    const struct answer *granted = stage_answer(s, c->handle, ANSWER_GRANTED);
    if (granted && !c->held && !c->dropping) {
        c->held = true;
        if (c->mode == LOCK_EXCLUSIVE) {
            ck_assert_uint_gt(granted->token, last_token[c->name]);
            last_token[c->name] = granted->token;
        }
    }
    bool leaves = storm->calm || drbg_below(&storm->random, 100) < (c->held ? 20 : 2);
    if (leaves && !c->dropping && (c->held || !storm->calm)) {
        c->held = false;
        stage_drop(s, c->node, stage_id(s, c->handle));
        c->handle = 0;
    }
}

static void storm_fault(struct storm *storm, size_t *down)
{
    uint64_t drawn = drbg_below(&storm->random, 1000);
    if (*down < s->count && (storm->calm || drawn < 100)) {
        stage_start(s, *down);
        *down = s->count;
    } else if (drawn < 10 && *down == s->count && !storm->calm) {
        *down = (size_t)drbg_below(&storm->random, s->count);
        stage_kill(s, *down);
    }
    if (drawn % 40 == 1 || storm->calm)
        stage_deliver_kept(s);
    if (drawn % 40 == 2) {
        size_t a = (size_t)drbg_below(&storm->random, s->count);
        size_t b = (size_t)drbg_below(&storm->random, s->count);
        s->cut[a][b] = a != b && !storm->calm && drbg_below(&storm->random, 2);
    }
}

/* A restarted agent knows its holds, and whoever holds goes on; who was still waiting has lost its
 * connection, and what it asked for is given up. */
static void storm_restart(struct client *clients, size_t node)
{
    stage_start(s, node);
    for (size_t i = 0; i < STORM_CLIENTS; i++) {
        struct client *c = &clients[i];
        if (c->node != node || c->handle == 0 || c->held)
            continue;
        stage_drop(s, node, stage_id(s, c->handle));
        c->handle = 0;
    }
}

static bool all_idle(const struct client *clients)
{
    for (size_t i = 0; i < STORM_CLIENTS; i++)
        if (clients[i].handle != 0)
            return false;
    return true;
}

/* loop test: _i is the seed. Nodes 0 and 1 host the clients and stay up; the others come and go. */
START_TEST(a_storm_never_gives_a_lock_twice)
{
    struct storm storm = {.loss_percent = 10 + 5 * (unsigned)(_i % 4)};
    struct client clients[STORM_CLIENTS] = {0};
    uint64_t last_token[STORM_NAMES] = {0};
    drbg_init(&storm.random, (const uint8_t[DRBG_SEED_SIZE]){(uint8_t)_i, 77});
    s->way = storm_way;
    s->way_context = &storm;
    size_t down = s->count;
    for (size_t i = 0; i < STORM_CLIENTS; i++)
        clients[i].node = i % 2;
    for (int64_t ms = 0; ms < STORM_MS; ms += 20) {
        stage_run(s, 20);
        storm_fault(&storm, &down);
        if (down < 2) { /* those with clients come back at once */
            storm_restart(clients, down);
            down = s->count;
        }
        for (size_t i = 0; i < STORM_CLIENTS; i++) {
            storm_client(&storm, &clients[i], last_token);
            check_exclusion(clients);
        }
    }
    ck_assert_uint_gt(last_token[0] + last_token[1] + last_token[2], 10);
    /* All is well again: whoever waits is granted and goes, and nothing is left behind. */
    storm.calm = true;
    memset(s->cut, 0, sizeof s->cut);
    storm_fault(&storm, &down); /* who is down starts, even if nobody has anything left to do */
    for (int64_t ms = 0; ms < 60 * STAGE_SECOND && !all_idle(clients); ms += 20) {
        stage_run(s, 20);
        storm_fault(&storm, &down);
        for (size_t i = 0; i < STORM_CLIENTS; i++)
            storm_client(&storm, &clients[i], last_token);
        check_exclusion(clients);
    }
    ck_assert(all_idle(clients));
    stage_run(s, 5 * STAGE_SECOND);
    /* A late duplicate may have left a hold that nobody knows: it is given back once somebody
     * waits. */
    for (unsigned i = 0; i < STORM_NAMES; i++) {
        stage_release(s, 2, stage_hold(s, 2, storm_name(i), LOCK_EXCLUSIVE));
        const struct lock_state *state = stage_show(s, 2, storm_name(i));
        ck_assert_uint_eq(state->hold_count + state->waiter_count, 0);
    }
}
END_TEST

Suite *suite_takeover(void)
{
    Suite *suite = suite_create("takeover");
    TCase *plays = tcase_create("plays");
    tcase_add_checked_fixture(plays, open_five, close_stage);
    tcase_add_test(plays, the_first_of_the_cohort_coordinates);
    tcase_add_test(plays, another_takes_over_and_nobody_loses_a_hold);
    tcase_add_test(plays, a_release_survives_the_coordinator);
    tcase_add_test(plays, a_grant_that_was_not_told_is_found);
    tcase_add_test(plays, doubts_are_faster_than_gossip);
    tcase_add_test(plays, a_refused_port_is_a_hint);
    tcase_add_test(plays, a_full_coordinator_keeps_its_shards);
    tcase_add_test(plays, a_bad_path_is_gone_around);
    tcase_add_loop_test(plays, who_hears_neither_owner_nor_first_is_served, 0, 3);
    tcase_add_test(plays, a_restarted_owner_and_the_first_agree);
    tcase_add_test(plays, a_deposed_coordinator_tells_nothing);
    tcase_add_loop_test(plays, three_of_five_are_gone, 0, 2);
    tcase_add_test(plays, two_of_five_are_gone);
    tcase_add_test(plays, who_cannot_write_hands_over);
    tcase_add_test(plays, a_grant_that_cannot_be_written_is_refused);
    tcase_add_test(plays, knocks_starve_nobody);
    tcase_add_test(plays, a_forgotten_lock_is_not_read_from_old_answers);
    suite_add_tcase(suite, plays);

    TCase *storm = tcase_create("storm");
    tcase_add_checked_fixture(storm, open_five, close_stage);
    tcase_add_loop_test(storm, a_storm_never_gives_a_lock_twice, 0, 8);
    suite_add_tcase(suite, storm);
    return suite;
}
