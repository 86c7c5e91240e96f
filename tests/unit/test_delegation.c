/*
 * Delegation (proto/delegating.h): what a node has released under `expire` serves its next clients,
 * without a message and without a record, until somebody else wants it.
 */
#include <stdio.h>

#include "proto/lease.h"
#include "tests/unit/peer_play.h"

Suite *suite_delegation(void);

enum { TTL = 3 * STAGE_SECOND, HOLDER = 1 };

static struct stage *s;
static const char *name;
static size_t other;

static void open_five(void)
{
    s = stage_open(5, 9);
    s->policy = LOCK_STALE_EXPIRE;
    s->ttl_ms = TTL;
    other = 3;
    name = stage_name_of(s, 2);
}

static void close_stage(void)
{
    stage_end(s);
}

/* A client takes the lock, and gives it back. */
static struct op_id use(size_t node, enum lock_mode mode)
{
    uint64_t handle = stage_hold(s, node, name, mode);
    stage_release(s, node, handle);
    return stage_id(s, handle);
}

/* It is granted within the same turn: nobody else can have been asked. */
static uint64_t take_at_once(size_t node, enum lock_mode mode)
{
    uint64_t handle = stage_acquire(s, node, name, mode);
    ck_assert_ptr_nonnull(stage_answer(s, handle, ANSWER_GRANTED));
    return handle;
}

static uint64_t take_later(size_t node, enum lock_mode mode)
{
    uint64_t handle = stage_acquire(s, node, name, mode);
    ck_assert_ptr_null(stage_answer(s, handle, ANSWER_GRANTED));
    return handle;
}

static void release_at_once(size_t node, uint64_t handle)
{
    uint64_t drop = stage_drop(s, node, stage_id(s, handle));
    ck_assert_ptr_nonnull(stage_answer(s, drop, ANSWER_DROPPED));
}

static uint64_t token_of(uint64_t handle)
{
    return stage_answer(s, handle, ANSWER_GRANTED)->token;
}

static size_t cached_count(size_t node)
{
    size_t cursor = 0, count = 0;
    struct op_view view;
    while (peer_next_op(s->nodes[node].peer, &cursor, &view))
        count += view.state == OP_CACHED;
    return count;
}

static size_t hold_count(void)
{
    return stage_show(s, other, name)->hold_count;
}

/* --- Serving --- */

START_TEST(readers_cost_nothing)
{
    use(HOLDER, LOCK_SHARED);
    ck_assert_uint_eq(cached_count(HOLDER), 1);
    uint64_t trace = s->trace, token = 0, lsn = stage_status(s, HOLDER).lsn;
    struct op_id last = {0};
    for (int i = 0; i < 100; i++) {
        uint64_t handle = take_at_once(HOLDER, LOCK_SHARED);
        ck_assert(!op_equal(stage_id(s, handle), last));
        last = stage_id(s, handle);
        ck_assert(token == 0 || token_of(handle) == token);
        token = token_of(handle);
        release_at_once(HOLDER, handle);
    }
    ck_assert_uint_eq(s->trace, trace);                  /* no datagram, */
    ck_assert_uint_eq(stage_status(s, HOLDER).lsn, lsn); /* no record */
    ck_assert_uint_eq(stage_counters(s, HOLDER)->grants_local, 100);
    ck_assert_uint_eq(hold_count(), 1);
}
END_TEST

START_TEST(writers_get_a_token_each)
{
    use(HOLDER, LOCK_EXCLUSIVE);
    uint64_t trace = s->trace, token = 0, lsn = stage_status(s, HOLDER).lsn;
    for (int i = 0; i < 100; i++) {
        uint64_t handle = take_at_once(HOLDER, LOCK_EXCLUSIVE);
        ck_assert(token == 0 || token_of(handle) == token + 1);
        token = token_of(handle);
        release_at_once(HOLDER, handle);
    }
    ck_assert_uint_eq(s->trace, trace);
    ck_assert_uint_eq(stage_status(s, HOLDER).lsn, lsn);
    uint64_t next = stage_hold(s, other, name, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(token_of(next), token + 1); /* the drop said how many were used */
}
END_TEST

START_TEST(used_up_tokens_are_asked_for)
{
    use(HOLDER, LOCK_EXCLUSIVE);
    uint64_t token = 0;
    for (int i = 0; i < 2 * LOCK_TOKENS_SPARE + 10; i++) {
        uint64_t handle = stage_hold(s, HOLDER, name, LOCK_EXCLUSIVE);
        ck_assert_uint_gt(token_of(handle), token);
        token = token_of(handle);
        stage_drop(s, HOLDER, stage_id(s, handle));
        if (i % LOCK_TOKENS_SPARE < 2)
            stage_run(s, 20);
    }
    ck_assert_uint_ge(stage_counters(s, HOLDER)->grants_local, 2 * LOCK_TOKENS_SPARE);
}
END_TEST

/* Another TTL, another mode, an expected token, data; and what does not expire at all. */
START_TEST(only_the_same_is_served)
{
    use(HOLDER, LOCK_SHARED);
    s->ttl_ms = 2 * TTL;
    uint64_t handle = take_later(HOLDER, LOCK_SHARED);
    stage_run(s, 100);
    stage_release(s, HOLDER, handle);
    s->ttl_ms = TTL;
    struct event e = {.kind = EVENT_ACQUIRE,
                      .acquire = {.handle = ++s->last_handle,
                                  .name = stage_view(name),
                                  .mode = LOCK_SHARED,
                                  .policy = LOCK_STALE_EXPIRE,
                                  .ttl_ms = TTL,
                                  .expect = 1,
                                  .deadline = INSTANT_NEVER}};
    stage_event(s, HOLDER, &e);
    ck_assert_ptr_null(stage_answer(s, e.acquire.handle, ANSWER_GRANTED));
    e.acquire.handle = ++s->last_handle;
    e.acquire.expect = 0;
    e.acquire.data = stage_view("me");
    stage_event(s, HOLDER, &e);
    ck_assert_ptr_null(stage_answer(s, e.acquire.handle, ANSWER_GRANTED));
    stage_run(s, 100);
    s->policy = LOCK_STALE_HOLD;
    s->ttl_ms = 0;
    name = stage_name_of(s, 4);
    use(HOLDER, LOCK_SHARED);
    use(HOLDER, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(hold_count(), 0);
}
END_TEST

/* Its node's own clients do not wait for it either. */
START_TEST(another_mode_replaces_it)
{
    use(HOLDER, LOCK_SHARED);
    uint64_t writer = take_later(HOLDER, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, writer, ANSWER_GRANTED, 30));
    stage_release(s, HOLDER, writer);
    uint64_t reader = take_later(HOLDER, LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_await(s, reader, ANSWER_GRANTED, 30));
    ck_assert_uint_eq(hold_count(), 1);
}
END_TEST

static uint64_t change(size_t node, uint64_t of, struct event event)
{
    event.kind = EVENT_CHANGE;
    event.change.handle = ++s->last_handle;
    event.change.hold = stage_id(s, of);
    event.change.deadline = INSTANT_NEVER;
    stage_event(s, node, &event);
    return event.change.handle;
}

/* What a client of it changes goes through the register, under the id that it knows. */
START_TEST(what_was_changed_is_not_cached)
{
    use(HOLDER, LOCK_EXCLUSIVE);
    uint64_t handle = take_at_once(HOLDER, LOCK_EXCLUSIVE);
    struct event write = {.change = {.kind = CHANGE_WRITE, .value = stage_view("new")}};
    uint64_t wrote = change(HOLDER, handle, write);
    ck_assert_ptr_nonnull(stage_await(s, wrote, ANSWER_CHANGED, STAGE_SECOND));
    ck_assert(op_equal(stage_answer(s, wrote, ANSWER_CHANGED)->hold, stage_id(s, handle)));
    struct event convert = {.change = {.kind = CHANGE_CONVERT, .mode = LOCK_SHARED}};
    uint64_t down = change(HOLDER, handle, convert);
    ck_assert_ptr_nonnull(stage_await(s, down, ANSWER_CHANGED, STAGE_SECOND));
    ck_assert_uint_eq(stage_answer(s, down, ANSWER_CHANGED)->token, token_of(handle));
    uint64_t beside = stage_hold(s, other, name, LOCK_SHARED);
    ck_assert_uint_eq(token_of(beside), token_of(handle) + 1); /* what is spare was not used */
    stage_release(s, other, beside);
    stage_release(s, HOLDER, handle);
    ck_assert_uint_eq(cached_count(HOLDER), 0);
    uint64_t reader = take_later(HOLDER, LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_await(s, reader, ANSWER_GRANTED, STAGE_SECOND));
    ck_assert_uint_eq(stage_show(s, other, name)->value.size, 3);
}
END_TEST

/* A late word of one client does not touch the next one's hold. */
START_TEST(an_old_id_is_nobodys)
{
    struct op_id first = use(HOLDER, LOCK_EXCLUSIVE);
    uint64_t again = stage_drop(s, HOLDER, first);
    ck_assert_ptr_nonnull(stage_answer(s, again, ANSWER_UNKNOWN));
    uint64_t second = take_at_once(HOLDER, LOCK_EXCLUSIVE);
    again = stage_drop(s, HOLDER, first);
    ck_assert_ptr_nonnull(stage_answer(s, again, ANSWER_UNKNOWN));
    release_at_once(HOLDER, second);
    take_at_once(HOLDER, LOCK_EXCLUSIVE);
    again = stage_drop(s, HOLDER, stage_id(s, second));
    ck_assert_ptr_nonnull(stage_answer(s, again, ANSWER_UNKNOWN));
    struct op_view view;
    ck_assert(!stage_op(s, HOLDER, first, &view));
    stage_run(s, 2 * TTL);
    ck_assert_uint_eq(hold_count(), 1);
}
END_TEST

START_TEST(who_dies_of_it_leaves_a_mark)
{
    use(HOLDER, LOCK_EXCLUSIVE);
    uint64_t handle = take_at_once(HOLDER, LOCK_EXCLUSIVE);
    stage_drop_unclean(s, HOLDER, stage_id(s, handle));
    stage_run(s, 100);
    ck_assert_uint_eq(cached_count(HOLDER), 0);
    uint64_t next = stage_hold(s, other, name, LOCK_EXCLUSIVE);
    ck_assert(stage_answer(s, next, ANSWER_GRANTED)->mark.set);
    ck_assert_uint_gt(token_of(next), token_of(handle));
    stage_release(s, other, next); /* while the mark is there each grant tells it */
    ck_assert_uint_eq(cached_count(other), 0);
}
END_TEST

/* --- Recalling --- */

/* To its coordinator, to the node, back, and what any grant takes. */
START_TEST(a_recall_takes_one_round_trip)
{
    use(HOLDER, LOCK_SHARED);
    uint64_t writer = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, writer, ANSWER_GRANTED, 15));
    ck_assert_uint_eq(cached_count(HOLDER), 0);
    ck_assert_uint_eq(hold_count(), 1);
}
END_TEST

START_TEST(who_uses_it_is_waited_for)
{
    use(HOLDER, LOCK_SHARED);
    uint64_t reader = take_at_once(HOLDER, LOCK_SHARED);
    uint64_t writer = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    stage_run(s, 5 * TTL);
    ck_assert_ptr_null(stage_answer(s, writer, ANSWER_GRANTED));
    ck_assert_uint_ge(stage_told(s, stage_id(s, reader), ANSWER_BLOCKING), 1);
    uint64_t late = take_later(HOLDER, LOCK_SHARED); /* behind the writer */
    stage_run(s, STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, late, ANSWER_GRANTED));
    stage_drop(s, HOLDER, stage_id(s, reader));
    ck_assert_ptr_nonnull(stage_await(s, writer, ANSWER_GRANTED, 30));
    ck_assert_ptr_null(stage_answer(s, late, ANSWER_GRANTED));
    stage_release(s, other, writer);
    ck_assert_ptr_nonnull(stage_await(s, late, ANSWER_GRANTED, 30));
}
END_TEST

START_TEST(a_try_is_not_refused_for_it)
{
    use(HOLDER, LOCK_EXCLUSIVE);
    uint64_t handle = stage_try(s, other, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, handle, ANSWER_GRANTED, 100));
    stage_release(s, other, handle);
    uint64_t used = take_at_once(other, LOCK_EXCLUSIVE);
    handle = stage_try(s, HOLDER, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, handle, ANSWER_BUSY, 500));
    release_at_once(other, used);
}
END_TEST

/* --- Its end --- */

START_TEST(unused_it_goes)
{
    use(HOLDER, LOCK_SHARED);
    stage_run(s, TTL - 200);
    release_at_once(HOLDER, take_at_once(HOLDER, LOCK_SHARED));
    stage_run(s, TTL - 200);
    ck_assert_uint_eq(cached_count(HOLDER), 1);
    stage_run(s, 500);
    ck_assert_uint_eq(stage_op_count(s, HOLDER), 0);
    ck_assert_uint_eq(hold_count(), 0);
}
END_TEST

/* Its lease is renewed while it is used, for as long as that is. */
START_TEST(used_it_stays)
{
    use(HOLDER, LOCK_SHARED);
    for (int i = 0; i < 30; i++) {
        stage_run(s, TTL / 3);
        release_at_once(HOLDER, take_at_once(HOLDER, LOCK_SHARED));
    }
    uint64_t handle = take_at_once(HOLDER, LOCK_SHARED);
    stage_run(s, 5 * TTL);
    ck_assert_uint_eq(stage_told(s, stage_id(s, handle), ANSWER_AT_RISK), 0);
    release_at_once(HOLDER, handle);
    take_at_once(HOLDER, LOCK_SHARED);
}
END_TEST

START_TEST(the_oldest_makes_room)
{
    char text[16];
    s->max_ops = 32;
    stage_kill(s, HOLDER);
    stage_start(s, HOLDER);
    stage_run(s, 5 * STAGE_SECOND);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(text, sizeof text, "image-%u", i);
        name = text;
        use(HOLDER, LOCK_SHARED);
        ck_assert_uint_le(cached_count(HOLDER), 8);
    }
    take_at_once(HOLDER, LOCK_SHARED); /* the last one */
    name = "image-0";
    take_later(HOLDER, LOCK_SHARED);
}
END_TEST

START_TEST(who_leaves_has_nothing_cached)
{
    use(HOLDER, LOCK_SHARED);
    use(HOLDER, LOCK_SHARED);
    uint64_t handle = take_at_once(HOLDER, LOCK_SHARED);
    stage_event(s, HOLDER, &(struct event){.kind = EVENT_LEAVE});
    stage_release(s, HOLDER, handle);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(stage_op_count(s, HOLDER), 0);
    ck_assert_uint_eq(hold_count(), 0);
}
END_TEST

/* What is cached is served no longer than its lease lasts; who has it hears that it is lost. */
START_TEST(it_ends_with_its_lease)
{
    use(HOLDER, LOCK_SHARED);
    const char *first = name;
    name = stage_name_of(s, 3);
    use(HOLDER, LOCK_SHARED);
    uint64_t handle = take_at_once(HOLDER, LOCK_SHARED);
    stage_run(s, 10);
    stage_isolate(s, HOLDER, true);
    stage_run(s, TTL);
    ck_assert_uint_eq(stage_told(s, stage_id(s, handle), ANSWER_AT_RISK), 1);
    ck_assert_uint_eq(stage_told(s, stage_id(s, handle), ANSWER_LOST), 1);
    name = first;
    take_later(HOLDER, LOCK_SHARED);
}
END_TEST

/* The next run of the agent knows nothing of the clients of the last one, which believe in what
 * they hold for a TTL yet. */
START_TEST(a_new_run_lets_nobody_in)
{
    use(HOLDER, LOCK_EXCLUSIVE);
    uint64_t handle = take_at_once(HOLDER, LOCK_EXCLUSIVE);
    stage_run(s, TTL / 2);
    stage_kill(s, HOLDER);
    stage_start(s, HOLDER);
    stage_run(s, 100);
    struct op_view view;
    ck_assert(!stage_op(s, HOLDER, stage_id(s, handle), &view));
    take_later(HOLDER, LOCK_SHARED);
    uint64_t waits = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    stage_run(s, TTL * 2 / 3); /* it was renewed at a third of its time */
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 2 * TTL));
    stage_run(s, 2 * TTL);
    ck_assert_uint_eq(cached_count(HOLDER), 0);
    const struct lock_state *state = stage_show(s, other, name);
    ck_assert_uint_gt(state->token, token_of(handle)); /* none comes twice */
}
END_TEST

/* The record that it is cached has to outlive the agent, not the machine. */
START_TEST(no_sync_is_waited_for)
{
    uint64_t handle = stage_hold(s, HOLDER, name, LOCK_SHARED);
    stage_run(s, 10);
    stage_sync(s, HOLDER, SYNC_HELD);
    uint64_t drop = stage_drop(s, HOLDER, stage_id(s, handle));
    ck_assert_ptr_nonnull(stage_await(s, drop, ANSWER_DROPPED, 10));
    take_at_once(HOLDER, LOCK_SHARED);
}
END_TEST

/* Who had been let in when the agent died may be half through with what it wrote: the next holder
 * hears of it, also if nobody waited meanwhile. What reads leaves no mark. _i: the mode. */
START_TEST(a_crash_under_a_cached_hold_leaves_a_mark)
{
    enum lock_mode mode = _i ? LOCK_EXCLUSIVE : LOCK_SHARED;
    use(HOLDER, mode);
    take_at_once(HOLDER, mode);
    stage_run(s, 200);
    stage_kill(s, HOLDER);
    stage_start(s, HOLDER);
    stage_run(s, 2 * TTL);
    uint64_t waits = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    const struct answer *granted = stage_await(s, waits, ANSWER_GRANTED, 10 * TTL);
    ck_assert_ptr_nonnull(granted);
    ck_assert_int_eq(granted->mark.set, mode == LOCK_EXCLUSIVE);
}
END_TEST

Suite *suite_delegation(void)
{
    Suite *suite = suite_create("delegation");
    TCase *plays = tcase_create("plays");
    tcase_add_checked_fixture(plays, open_five, close_stage);
    tcase_add_test(plays, readers_cost_nothing);
    tcase_add_test(plays, writers_get_a_token_each);
    tcase_add_test(plays, used_up_tokens_are_asked_for);
    tcase_add_test(plays, only_the_same_is_served);
    tcase_add_test(plays, another_mode_replaces_it);
    tcase_add_test(plays, what_was_changed_is_not_cached);
    tcase_add_test(plays, an_old_id_is_nobodys);
    tcase_add_test(plays, who_dies_of_it_leaves_a_mark);
    tcase_add_test(plays, a_recall_takes_one_round_trip);
    tcase_add_test(plays, who_uses_it_is_waited_for);
    tcase_add_test(plays, a_try_is_not_refused_for_it);
    tcase_add_test(plays, unused_it_goes);
    tcase_add_test(plays, used_it_stays);
    tcase_add_test(plays, the_oldest_makes_room);
    tcase_add_test(plays, who_leaves_has_nothing_cached);
    tcase_add_test(plays, it_ends_with_its_lease);
    tcase_add_test(plays, a_new_run_lets_nobody_in);
    tcase_add_test(plays, no_sync_is_waited_for);
    tcase_add_loop_test(plays, a_crash_under_a_cached_hold_leaves_a_mark, 0, 2);
    suite_add_tcase(suite, plays);
    return suite;
}
