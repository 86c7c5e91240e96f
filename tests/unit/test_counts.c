/*
 * Messages and syncs of each operation, counted, on three nodes and on five that all vote: the
 * table of docs/benchmarks.md. The bound is a round for each change, k-1 messages out and k-1 back,
 * and the request and its answer, which cost nothing where the asker coordinates itself.
 *
 * Locks are under the policy `hold`, so that no juror is asked, but for the lease's own. Steps are
 * what has to happen one after the other before the client is told: a datagram's way and a sync are
 * one each, as long as this stage makes them.
 */
#include "tests/unit/fence_play.h"

Suite *suite_counts(void);

enum { TTL = 3 * STAGE_SECOND, SETTLED = 30 /* ms; nothing is repeated so soon */ };

struct cost {
    uint64_t asked;     /* requests and their answers; leases and theirs */
    uint64_t out;       /* of rounds: Accepts, and questions whether the ballot stands, */
    uint64_t back;      /*   and their answers */
    uint64_t other;     /* all else about locks */
    uint64_t datagrams; /* with any of these; those of many locks share them */
    uint64_t syncs;     /* of all nodes */
    uint64_t steps;
};

static const struct shape {
    size_t nodes;
    bool apart; /* the asker is another than the coordinator */
} shapes[] = {{3, false}, {3, true}, {5, false}, {5, true}};
enum { SHAPES = sizeof shapes / sizeof shapes[0] };

static struct stage *s;
static const char *name;
static size_t lead, asker, waiter;
static uint64_t datagrams;
static struct cost before;
static struct instant begun;
static uint64_t handle; /* of the hold */

static const uint64_t asked_types =
    STAGE_TYPE(REQUEST) | STAGE_TYPE(REPLY) | STAGE_TYPE(LEASE) | STAGE_TYPE(LEASE_KEPT);
static const uint64_t out_types = STAGE_TYPE(ACCEPT) | STAGE_TYPE(CONFIRM);
static const uint64_t back_types = STAGE_TYPE(ACCEPTED) | STAGE_TYPE(CONFIRMED);
static const uint64_t other_types = STAGE_TYPE(PREPARE) | STAGE_TYPE(PROMISE) | STAGE_TYPE(READ) |
                                    STAGE_TYPE(STORED) | STAGE_TYPE(REFUSE) | STAGE_TYPE(IDLE) |
                                    STAGE_TYPE(FORGET) | STAGE_TYPE(FORGOTTEN) | STAGE_TYPE(DOUBT) |
                                    STAGE_TYPE(POKE) | STAGE_TYPE(BLOCKING);

static enum stage_fate note(void *context, size_t from, size_t to, uint64_t types)
{
    (void)context, (void)from, (void)to;
    datagrams += (types & (asked_types | out_types | back_types | other_types)) != 0;
    return FATE_PASS;
}

static uint64_t sent(uint64_t types)
{
    uint64_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        for (int type = 0; type < WIRE_TYPES; type++)
            count += types >> type & 1 ? s->nodes[i].sent[type] : 0;
    return count;
}

static struct cost now(void)
{
    struct cost c = {.asked = sent(asked_types),
                     .out = sent(out_types),
                     .back = sent(back_types),
                     .other = sent(other_types),
                     .datagrams = datagrams};
    for (size_t i = 0; i < s->count; i++)
        c.syncs += s->nodes[i].disk.syncs;
    return c;
}

static void begin(void)
{
    stage_run(s, SETTLED);
    before = now();
    begun = s->now;
}

/* The client has just been told. */
static struct cost end(void)
{
    uint64_t steps = (uint64_t)(span_between(begun, s->now).ns / 1000000);
    stage_run(s, SETTLED);
    struct cost c = now();
    c.asked -= before.asked;
    c.out -= before.out;
    c.back -= before.back;
    c.other -= before.other;
    c.datagrams -= before.datagrams;
    c.syncs -= before.syncs;
    c.steps = steps;
    return c;
}

static void open_stage(const struct shape *shape)
{
    s = stage_open(shape->nodes, 21);
    s->way = note;
    lead = 0;
    asker = shape->apart ? 1 : 0;
    waiter = 2;
    name = stage_name_of(s, lead);
    for (int i = 0; i < 3; i++) { /* the shard is taken, the lock and the floor are read */
        handle = stage_hold(s, asker, name, LOCK_EXCLUSIVE);
        stage_release(s, asker, handle);
    }
    ck_assert_int_eq(stage_coordinator(s, name), (int)lead);
}

/* --- The operations --- */

static struct cost lock(enum lock_mode mode)
{
    begin();
    handle = stage_acquire(s, asker, name, mode);
    ck_assert_ptr_nonnull(stage_await(s, handle, ANSWER_GRANTED, STAGE_SECOND));
    return end();
}

static struct cost unlock(void)
{
    begin();
    uint64_t drop = stage_drop(s, asker, stage_id(s, handle));
    ck_assert_ptr_nonnull(stage_await(s, drop, ANSWER_DROPPED, STAGE_SECOND));
    return end();
}

static struct cost exclusive(void)
{
    return lock(LOCK_EXCLUSIVE);
}

static struct cost release(void)
{
    lock(LOCK_EXCLUSIVE);
    return unlock();
}

static struct cost pair(void)
{
    begin();
    handle = stage_acquire(s, asker, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, handle, ANSWER_GRANTED, STAGE_SECOND));
    uint64_t drop = stage_drop(s, asker, stage_id(s, handle));
    ck_assert_ptr_nonnull(stage_await(s, drop, ANSWER_DROPPED, STAGE_SECOND));
    return end();
}

/* Somebody reads already. */
static struct cost shared(void)
{
    stage_hold(s, waiter, name, LOCK_SHARED);
    return lock(LOCK_SHARED);
}

/* A place in the queue; the holder hears that somebody waits. */
static struct cost queue(void)
{
    stage_hold(s, waiter, name, LOCK_EXCLUSIVE);
    begin();
    handle = stage_acquire(s, asker, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, handle, ANSWER_WAITING, STAGE_SECOND));
    return end();
}

/* From the holder's release to the waiter's grant: one change. */
static struct cost handover(void)
{
    lock(LOCK_EXCLUSIVE);
    uint64_t next = stage_acquire(s, waiter, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, next, ANSWER_WAITING, STAGE_SECOND));
    begin();
    stage_drop(s, asker, stage_id(s, handle));
    ck_assert_ptr_nonnull(stage_await(s, next, ANSWER_GRANTED, STAGE_SECOND));
    return end();
}

static struct cost convert(enum lock_mode from, enum lock_mode to)
{
    lock(from);
    begin();
    struct event event = {.kind = EVENT_CHANGE,
                          .change = {.handle = ++s->last_handle,
                                     .hold = stage_id(s, handle),
                                     .kind = CHANGE_CONVERT,
                                     .mode = to,
                                     .deadline = INSTANT_NEVER}};
    stage_event(s, asker, &event);
    ck_assert_ptr_nonnull(stage_await(s, event.change.handle, ANSWER_CHANGED, STAGE_SECOND));
    return end();
}

static struct cost up(void)
{
    return convert(LOCK_SHARED, LOCK_EXCLUSIVE);
}

static struct cost down(void)
{
    return convert(LOCK_EXCLUSIVE, LOCK_SHARED);
}

static bool renewed(struct stage *stage, void *context)
{
    (void)stage;
    return asker == lead ? sent(STAGE_TYPE(CONFIRMED)) >= *(uint64_t *)context + s->count - 1
                         : sent(STAGE_TYPE(LEASE_KEPT)) > *(uint64_t *)context;
}

/* Of all that a node holds with one coordinator in a shard. */
static struct cost renewal(void)
{
    s->policy = LOCK_STALE_EXPIRE;
    s->ttl_ms = TTL;
    lock(LOCK_SHARED);
    begin();
    uint64_t count = asker == lead ? sent(STAGE_TYPE(CONFIRMED)) : sent(STAGE_TYPE(LEASE_KEPT));
    ck_assert(stage_until(s, renewed, &count, TTL));
    begun = s->now; /* nobody waits for it */
    return end();
}

/* A look, a refused try: what rests on no write has the ballot confirmed. */
static struct cost look(void)
{
    begin();
    stage_show(s, asker, name);
    return end();
}

/* --- What they cost --- */

/* Where the asker coordinates, and where it does not. */
struct wanted {
    uint64_t asked;
    uint64_t other;
    uint64_t records; /* syncs beside a vote of each voter and round: the asker's own */
    uint64_t steps;   /* at most, on three nodes, */
    uint64_t
        steps_5; /*   and on five: there the vote of a third one is waited for (provisional.h) */
};

static const struct {
    const char *what;
    struct cost (*run)(void);
    uint64_t rounds;
    bool writes; /* each voter votes in each round; else nobody writes */
    struct wanted near, apart;
} operations[] = {{"lock", exclusive, 1, true, {0, 0, 0, 3, 3}, {2, 0, 0, 3, 5}},
                  {"unlock", release, 1, true, {0, 0, 0, 0, 0}, {2, 0, 0, 0, 0}},
                  {"lock and unlock", pair, 2, true, {0, 0, 0, 3, 3}, {4, 0, 0, 3, 5}},
                  {"shared lock", shared, 1, true, {0, 0, 0, 3, 3}, {2, 0, 0, 3, 5}},
                  {"queue", queue, 1, true, {0, 1, 0, 3, 3}, {2, 1, 0, 5, 5}},
                  {"handover", handover, 1, true, {1, 0, 0, 2, 4}, {3, 0, 0, 3, 5}},
                  {"conversion up", up, 1, true, {0, 0, 0, 3, 3}, {2, 0, 1, 5, 5}},
                  {"conversion down", down, 1, true, {0, 0, 1, 4, 4}, {2, 0, 1, 6, 6}},
                  {"renewal", renewal, 1, false, {0, 0, 0, 0, 0}, {2, 0, 0, 0, 0}},
                  {"look", look, 1, false, {0, 0, 0, 2, 2}, {2, 0, 0, 4, 4}}};
enum { OPERATIONS = sizeof operations / sizeof operations[0] };

/* loop test: _i: the operation. */
START_TEST(each_costs_what_the_table_says)
{
    for (int i = 0; i < SHAPES; i++) {
        const struct shape *shape = &shapes[i];
        const struct wanted *wanted = shape->apart ? &operations[_i].apart : &operations[_i].near;
        uint64_t rounds = operations[_i].rounds, others = shape->nodes - 1;
        uint64_t steps = shape->nodes == 5 ? wanted->steps_5 : wanted->steps;
        uint64_t votes = operations[_i].writes ? rounds * shape->nodes : 0;
        open_stage(shape);
        struct cost c = operations[_i].run();
        ck_assert_msg(c.asked == wanted->asked && c.out == rounds * others &&
                          c.back == rounds * others && c.other == wanted->other &&
                          c.datagrams <= c.asked + c.out + c.back + c.other &&
                          c.syncs == votes + wanted->records && c.steps <= steps,
                      "%s on %zu nodes%s: %lu asked and answered, %lu out, %lu back, %lu others, "
                      "%lu datagrams, %lu syncs, %lu steps",
                      operations[_i].what, shape->nodes, shape->apart ? ", asked by another" : "",
                      c.asked, c.out, c.back, c.other, c.datagrams, c.syncs, c.steps);
        stage_end(s);
    }
}
END_TEST

/* Who takes a place behind others has no round of its own: it comes with the next handover. */
START_TEST(a_queue_grows_with_the_handovers)
{
    open_stage(&shapes[1]);
    lock(LOCK_EXCLUSIVE);
    uint64_t second = stage_acquire(s, waiter, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, second, ANSWER_WAITING, STAGE_SECOND));
    uint64_t third = stage_acquire(s, lead, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, third, ANSWER_WAITING, STAGE_SECOND));
    begin();
    stage_drop(s, asker, stage_id(s, handle));
    handle = stage_acquire(s, asker, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, second, ANSWER_GRANTED, STAGE_SECOND));
    stage_drop(s, waiter, stage_id(s, second));
    ck_assert_ptr_nonnull(stage_await(s, third, ANSWER_GRANTED, STAGE_SECOND));
    ck_assert_uint_eq(end().out, 2 * 2);
    stage_drop(s, lead, stage_id(s, third));
    ck_assert_ptr_nonnull(stage_await(s, handle, ANSWER_GRANTED, STAGE_SECOND));
    stage_end(s);
}
END_TEST

Suite *suite_counts(void)
{
    Suite *suite = suite_create("counts");
    TCase *tcase = tcase_create("plays");
    tcase_add_loop_test(tcase, each_costs_what_the_table_says, 0, OPERATIONS);
    tcase_add_test(tcase, a_queue_grows_with_the_handovers);
    suite_add_tcase(suite, tcase);
    return suite;
}
