/*
 * Several readers under one cached hold (proto/readers.h): let in together without a message or a
 * record, recalled together, lost together, and each a client of its own besides.
 */
#include "proto/lease.h"
#include "tests/unit/peer_play.h"

Suite *suite_readers(void);

enum { TTL = 3 * STAGE_SECOND, NODE = 1 };

static struct stage *s;
static const char *name;
static size_t other;

/* A hold that a reader has released is cached at NODE. */
static void open_cached(void)
{
    s = stage_open(5, 9);
    s->policy = LOCK_STALE_EXPIRE;
    s->ttl_ms = TTL;
    other = 3;
    name = stage_name_of(s, 2);
    stage_release(s, NODE, stage_hold(s, NODE, name, LOCK_SHARED));
}

static void close_stage(void)
{
    stage_end(s);
}

/* Granted within the call: nobody else can have been asked. */
static uint64_t reads(void)
{
    uint64_t handle = stage_acquire(s, NODE, name, LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_answer(s, handle, ANSWER_GRANTED));
    return handle;
}

static uint64_t asks(size_t node, enum lock_mode mode)
{
    uint64_t handle = stage_acquire(s, node, name, mode);
    stage_run(s, 100);
    ck_assert_ptr_null(stage_answer(s, handle, ANSWER_GRANTED));
    return handle;
}

static void leaves(uint64_t handle)
{
    uint64_t drop = stage_drop(s, NODE, stage_id(s, handle));
    ck_assert_ptr_nonnull(stage_answer(s, drop, ANSWER_DROPPED));
}

static uint64_t change(uint64_t of, struct event event, int64_t ms)
{
    event.kind = EVENT_CHANGE;
    event.change.handle = ++s->last_handle;
    event.change.hold = stage_id(s, of);
    event.change.deadline =
        ms < 0 ? INSTANT_NEVER : instant_after(s->now, (struct span){ms * INT64_C(1000000)});
    stage_event(s, NODE, &event);
    return event.change.handle;
}

static uint64_t converts(uint64_t of, enum lock_mode mode, int64_t ms)
{
    return change(of, (struct event){.change = {.kind = CHANGE_CONVERT, .mode = mode}}, ms);
}

static size_t hold_count(void)
{
    return stage_show(s, other, name)->hold_count;
}

static struct op_view view_of(uint64_t handle)
{
    struct op_view view = {0};
    ck_assert(stage_op(s, NODE, stage_id(s, handle), &view));
    return view;
}

static size_t told(uint64_t handle, enum answer_kind kind)
{
    return stage_told(s, stage_id(s, handle), kind);
}

/* --- Together --- */

START_TEST(together_they_cost_nothing)
{
    uint64_t trace = s->trace, lsn = stage_status(s, NODE).lsn, syncs = s->nodes[NODE].disk.syncs;
    uint64_t handles[50];
    for (int i = 0; i < 50; i++) {
        handles[i] = reads();
        ck_assert_uint_eq(stage_answer(s, handles[i], ANSWER_GRANTED)->token,
                          stage_answer(s, handles[0], ANSWER_GRANTED)->token);
        ck_assert(i == 0 || !op_equal(stage_id(s, handles[i]), stage_id(s, handles[i - 1])));
    }
    for (int i = 0; i < 50; i++)
        leaves(handles[i * 7 % 50]);
    ck_assert_uint_eq(s->trace, trace);                /* no datagram, */
    ck_assert_uint_eq(stage_status(s, NODE).lsn, lsn); /* no record, */
    ck_assert_uint_eq(s->nodes[NODE].disk.syncs, syncs);
    ck_assert_uint_eq(stage_counters(s, NODE)->grants_local, 50);
    ck_assert_uint_eq(hold_count(), 1);
    ck_assert_uint_eq(stage_op_count(s, NODE), 1);
}
END_TEST

START_TEST(each_is_listed_under_the_hold)
{
    uint64_t first = reads(), second = reads();
    struct op_view a = view_of(first), b = view_of(second), root;
    ck_assert_int_eq(a.state, OP_HELD);
    ck_assert(op_equal(a.under, b.under) && !op_equal(a.id, b.id));
    ck_assert(stage_op(s, NODE, a.under, &root));
    ck_assert_int_eq(root.state, OP_CACHED);
    ck_assert_uint_eq(root.readers, 2);
    ck_assert_int_eq(a.until.ns, root.until.ns);
    ck_assert_uint_eq(peer_held(s->nodes[NODE].peer), 2);
    leaves(first);
    ck_assert(stage_op(s, NODE, b.under, &root));
    ck_assert_uint_eq(root.readers, 1);
}
END_TEST

/* The id that the register knows is no client's, and what one has given back is nobody's. */
START_TEST(ids_are_their_own)
{
    uint64_t first = reads(), second = reads();
    uint64_t late = stage_drop(s, NODE, view_of(first).under);
    ck_assert_ptr_nonnull(stage_answer(s, late, ANSWER_UNKNOWN));
    struct op_id id = stage_id(s, first);
    leaves(first);
    late = stage_drop(s, NODE, id);
    ck_assert_ptr_nonnull(stage_answer(s, late, ANSWER_UNKNOWN));
    ck_assert_int_eq(view_of(second).state, OP_HELD);
}
END_TEST

/* Holds that serve the same readers are one too many. */
START_TEST(one_hold_is_kept)
{
    name = stage_name_of(s, 4);
    uint64_t first = stage_hold(s, NODE, name, LOCK_SHARED);
    uint64_t second = stage_hold(s, NODE, name, LOCK_SHARED);
    stage_release(s, NODE, first);
    stage_release(s, NODE, second);
    stage_run(s, 100);
    ck_assert_uint_eq(hold_count(), 1);
    reads();
    reads();
}
END_TEST

/* One that dies ends nothing but its own part. */
START_TEST(one_dies)
{
    uint64_t first = reads(), second = reads();
    uint64_t drop = stage_drop_unclean(s, NODE, stage_id(s, first));
    ck_assert_ptr_nonnull(stage_answer(s, drop, ANSWER_DROPPED));
    stage_run(s, 2 * TTL);
    ck_assert_int_eq(view_of(second).state, OP_HELD);
    ck_assert_uint_eq(told(second, ANSWER_LOST), 0);
    reads();
}
END_TEST

START_TEST(counts_are_not_shared)
{
    name = stage_name_of(s, 4);
    s->limit = 2;
    uint64_t first = stage_hold(s, NODE, name, LOCK_COUNTED);
    stage_release(s, NODE, first);
    stage_hold(s, NODE, name, LOCK_COUNTED);
    stage_hold(s, NODE, name, LOCK_COUNTED);
    uint64_t third = asks(NODE, LOCK_COUNTED);
    stage_run(s, STAGE_SECOND);
    ck_assert_ptr_null(stage_answer(s, third, ANSWER_GRANTED));
    s->limit = 0;
    ck_assert_uint_eq(hold_count(), 2);
}
END_TEST

START_TEST(full_is_said)
{
    s->max_ops = 16;
    stage_kill(s, NODE);
    stage_start(s, NODE);
    stage_run(s, 5 * STAGE_SECOND);
    stage_release(s, NODE, stage_hold(s, NODE, name, LOCK_SHARED));
    for (int i = 0; i < 15; i++)
        reads();
    uint64_t handle = stage_acquire(s, NODE, name, LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_await(s, handle, ANSWER_FULL, 100));
}
END_TEST

/* --- Recalled --- */

START_TEST(a_recall_ends_it)
{
    uint64_t first = reads(), second = reads();
    uint64_t writer = asks(other, LOCK_EXCLUSIVE);
    ck_assert_uint_ge(told(first, ANSWER_BLOCKING), 1);
    ck_assert_uint_ge(told(second, ANSWER_BLOCKING), 1);
    uint64_t late = asks(NODE, LOCK_SHARED); /* behind the writer */
    leaves(first);
    stage_run(s, 3 * TTL);
    ck_assert_ptr_null(stage_answer(s, writer, ANSWER_GRANTED));
    leaves(second);
    ck_assert_ptr_nonnull(stage_await(s, writer, ANSWER_GRANTED, 30));
    ck_assert_ptr_null(stage_answer(s, late, ANSWER_GRANTED));
    stage_release(s, other, writer);
    ck_assert_ptr_nonnull(stage_await(s, late, ANSWER_GRANTED, 30));
}
END_TEST

START_TEST(a_writer_of_the_node_recalls_it_too)
{
    uint64_t first = reads(), second = reads();
    uint64_t try = stage_try(s, NODE, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, try, ANSWER_BUSY, 500));
    leaves(reads()); /* who only tries keeps nobody out */
    uint64_t writer = stage_acquire(s, NODE, name, LOCK_EXCLUSIVE);
    uint64_t late = asks(NODE, LOCK_SHARED);
    leaves(first);
    leaves(second);
    ck_assert_ptr_nonnull(stage_await(s, writer, ANSWER_GRANTED, 30));
    ck_assert_ptr_null(stage_answer(s, late, ANSWER_GRANTED));
}
END_TEST

START_TEST(who_leaves_the_cluster_lets_nobody_in)
{
    uint64_t first = reads(), second = reads();
    stage_event(s, NODE, &(struct event){.kind = EVENT_LEAVE});
    uint64_t late = stage_acquire(s, NODE, name, LOCK_SHARED);
    ck_assert_ptr_null(stage_answer(s, late, ANSWER_GRANTED));
    leaves(first);
    leaves(second);
    stage_run(s, STAGE_SECOND);
    ck_assert_ptr_nonnull(stage_answer(s, late, ANSWER_GRANTED));
    stage_release(s, NODE, late);
    ck_assert_uint_eq(stage_op_count(s, NODE), 0);
    ck_assert_uint_eq(hold_count(), 0);
}
END_TEST

/* --- Its lease --- */

START_TEST(all_lose_it_with_the_lease)
{
    uint64_t handles[3] = {reads(), reads(), reads()};
    stage_isolate(s, NODE, true);
    stage_run(s, TTL * 2 / 3 + 200);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(told(handles[i], ANSWER_AT_RISK), 1);
    stage_run(s, TTL / 2);
    for (int i = 0; i < 3; i++)
        ck_assert_uint_eq(told(handles[i], ANSWER_LOST), 1);
    stage_isolate(s, NODE, false);
    uint64_t writer = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    for (int i = 0; i < 3; i++)
        stage_drop_unclean(s, NODE, stage_id(s, handles[i])); /* what acted was stopped */
    ck_assert_ptr_nonnull(stage_await(s, writer, ANSWER_GRANTED, 2 * TTL));
    stage_run(s, 10); /* its own word comes a little later */
    ck_assert_uint_eq(stage_op_count(s, NODE), 0);
}
END_TEST

START_TEST(all_are_safe_again)
{
    uint64_t first = reads(), second = reads();
    stage_isolate(s, NODE, true);
    stage_run(s, TTL * 2 / 3 + 200);
    stage_isolate(s, NODE, false);
    stage_run(s, 2 * TTL);
    ck_assert_uint_eq(told(first, ANSWER_SAFE), 1);
    ck_assert_uint_eq(told(second, ANSWER_SAFE), 1);
    ck_assert_uint_eq(told(second, ANSWER_LOST), 0);
    leaves(first);
    leaves(second);
    reads();
}
END_TEST

/* The next run knows nobody of them, and keeps others out as long as they may believe. */
START_TEST(a_new_run_waits_for_all)
{
    uint64_t first = reads(), second = reads();
    stage_run(s, TTL / 2);
    stage_kill(s, NODE);
    stage_start(s, NODE);
    stage_run(s, 100);
    struct op_view view;
    ck_assert(!stage_op(s, NODE, stage_id(s, first), &view));
    ck_assert(!stage_op(s, NODE, stage_id(s, second), &view));
    uint64_t waits = stage_acquire(s, other, name, LOCK_EXCLUSIVE);
    stage_run(s, TTL * 2 / 3);
    ck_assert_ptr_null(stage_answer(s, waits, ANSWER_GRANTED));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 2 * TTL));
}
END_TEST

/* --- Changes --- */

START_TEST(alone_it_takes_the_hold_over)
{
    uint64_t reader = reads();
    uint64_t up = converts(reader, LOCK_EXCLUSIVE, -1);
    const struct answer *made = stage_await(s, up, ANSWER_CHANGED, 30);
    ck_assert_ptr_nonnull(made);
    ck_assert(op_equal(made->hold, stage_id(s, reader)));
    ck_assert_int_eq(view_of(reader).mode, LOCK_EXCLUSIVE);
    uint64_t next = asks(other, LOCK_SHARED);
    stage_drop(s, NODE, stage_id(s, reader));
    ck_assert_ptr_nonnull(stage_await(s, next, ANSWER_GRANTED, 30));
}
END_TEST

START_TEST(up_waits_for_the_others)
{
    uint64_t first = reads(), second = reads();
    uint64_t trace = s->trace;
    uint64_t up = converts(first, LOCK_EXCLUSIVE, -1);
    const struct answer *waits = stage_answer(s, up, ANSWER_WAITING);
    ck_assert_ptr_nonnull(waits);
    ck_assert_uint_eq(waits->holder_count, 1);
    ck_assert(op_equal(waits->holders[0].id, stage_id(s, second)));
    ck_assert_uint_eq(s->trace, trace);
    ck_assert_uint_eq(told(second, ANSWER_BLOCKING), 1);
    uint64_t other_up = converts(second, LOCK_EXCLUSIVE, -1);
    ck_assert_ptr_nonnull(stage_answer(s, other_up, ANSWER_DEADLOCK));
    uint64_t late = stage_acquire(s, NODE, name, LOCK_SHARED);
    stage_run(s, 500); /* a hold of its own, beside theirs */
    ck_assert_ptr_nonnull(stage_answer(s, late, ANSWER_GRANTED));
    leaves(second);
    stage_run(s, 100);
    ck_assert_ptr_null(stage_answer(s, up, ANSWER_CHANGED));
    stage_drop(s, NODE, stage_id(s, late));
    ck_assert_ptr_nonnull(stage_await(s, up, ANSWER_CHANGED, 50));
    ck_assert_uint_eq(hold_count(), 1);
}
END_TEST

START_TEST(up_ends_with_its_time)
{
    uint64_t first = reads(), second = reads();
    uint64_t up = converts(first, LOCK_EXCLUSIVE, 300);
    stage_run(s, 400);
    ck_assert_ptr_nonnull(stage_answer(s, up, ANSWER_TIMED_OUT));
    ck_assert_int_eq(view_of(first).mode, LOCK_SHARED);
    leaves(second);
    stage_run(s, 100);
    ck_assert_int_eq(stage_show(s, other, name)->holds[0].mode, LOCK_SHARED);
    up = converts(first, LOCK_EXCLUSIVE, -1);
    ck_assert_ptr_nonnull(stage_await(s, up, ANSWER_CHANGED, 50));
}
END_TEST

/* The register hears of it once that is all that is left. */
START_TEST(down_is_made_at_once)
{
    uint64_t first = reads(), second = reads(), trace = s->trace;
    uint64_t down = converts(first, LOCK_CR, -1);
    const struct answer *made = stage_answer(s, down, ANSWER_CHANGED);
    ck_assert_ptr_nonnull(made);
    ck_assert_int_eq(made->mode, LOCK_CR);
    ck_assert_uint_eq(made->token, stage_answer(s, first, ANSWER_GRANTED)->token);
    ck_assert_uint_eq(s->trace, trace);
    uint64_t writer = asks(other, LOCK_PW);
    leaves(second);
    ck_assert_ptr_nonnull(stage_await(s, writer, ANSWER_GRANTED, 100));
    stage_run(s, 10); /* the change's own word comes a little later */
    ck_assert_int_eq(view_of(first).mode, LOCK_CR);
    ck_assert_uint_eq(hold_count(), 2);
}
END_TEST

START_TEST(what_is_refused_beside_others)
{
    uint64_t first = reads(), trace = s->trace;
    reads();
    struct event e = {.change = {.kind = CHANGE_WRITE, .value = stage_view("new")}};
    ck_assert_ptr_nonnull(stage_answer(s, change(first, e, -1), ANSWER_NOT_WRITER));
    e = (struct event){.change = {.kind = CHANGE_CLEAR, .mark_token = 1}};
    ck_assert_ptr_nonnull(stage_answer(s, change(first, e, -1), ANSWER_OTHER_MARK));
    e = (struct event){.change = {.kind = CHANGE_TRANSFER, .to = stage_id(s, first)}};
    ck_assert_ptr_nonnull(stage_answer(s, change(first, e, -1), ANSWER_BUSY));
    e = (struct event){.change = {.kind = CHANGE_CONVERT, .mode = LOCK_PW, .try = true}};
    ck_assert_ptr_nonnull(stage_answer(s, change(first, e, -1), ANSWER_BUSY));
    ck_assert_uint_eq(s->trace, trace);
    ck_assert_int_eq(view_of(first).state, OP_HELD);
}
END_TEST

/* It is handed to one who waits, as any hold is; and that it was another's shows nowhere. */
START_TEST(alone_it_hands_over)
{
    uint64_t first = reads(), second = reads();
    leaves(second);
    uint64_t heir = asks(other, LOCK_EXCLUSIVE);
    struct event e = {.change = {.kind = CHANGE_TRANSFER, .to = stage_id(s, heir)}};
    uint64_t passes = change(first, e, -1);
    ck_assert_ptr_nonnull(stage_await(s, passes, ANSWER_CHANGED, 100));
    ck_assert_ptr_nonnull(stage_await(s, heir, ANSWER_GRANTED, 100));
    ck_assert_uint_eq(stage_op_count(s, NODE), 0);
}
END_TEST

Suite *suite_readers(void)
{
    Suite *suite = suite_create("readers");
    TCase *plays = tcase_create("plays");
    tcase_add_checked_fixture(plays, open_cached, close_stage);
    tcase_add_test(plays, together_they_cost_nothing);
    tcase_add_test(plays, each_is_listed_under_the_hold);
    tcase_add_test(plays, ids_are_their_own);
    tcase_add_test(plays, one_hold_is_kept);
    tcase_add_test(plays, one_dies);
    tcase_add_test(plays, counts_are_not_shared);
    tcase_add_test(plays, full_is_said);
    tcase_add_test(plays, a_recall_ends_it);
    tcase_add_test(plays, a_writer_of_the_node_recalls_it_too);
    tcase_add_test(plays, who_leaves_the_cluster_lets_nobody_in);
    tcase_add_test(plays, all_lose_it_with_the_lease);
    tcase_add_test(plays, all_are_safe_again);
    tcase_add_test(plays, a_new_run_waits_for_all);
    tcase_add_test(plays, alone_it_takes_the_hold_over);
    tcase_add_test(plays, up_waits_for_the_others);
    tcase_add_test(plays, up_ends_with_its_time);
    tcase_add_test(plays, down_is_made_at_once);
    tcase_add_test(plays, what_is_refused_beside_others);
    tcase_add_test(plays, alone_it_hands_over);
    suite_add_tcase(suite, plays);
    return suite;
}
