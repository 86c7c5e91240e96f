/*
 * The voter and what it drops, spoken to by hand (L10): a real voter with a core around it, one
 * shard. Node 0 is the voter; 1 and 2 are coordinators that send what the test says.
 */
#include <check.h>
#include <stdlib.h>

#include "proto/floor.h"
#include "proto/voter.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_voter_forget(void);

enum { MAX_LOCKS = 8, OUTBOX_SIZE = 1 << 18, ARENA_SIZE = 1 << 16, RECORDS_SIZE = 1 << 18 };

static struct core core;
static struct voter voter;
static struct roster roster;
static void *memory[4];
static uint8_t cohort_memory[64 * 5 * 2];
static uint8_t listed[512];
static struct writer list;

static uint16_t slot(size_t node)
{
    return (uint16_t)(2 * node + 1);
}

static void set_up(void)
{
    memset(&core, 0, sizeof core);
    fixture_roster(&roster, 5, 1);
    roster.shard_count = 1;
    roster.cohort_size = 5;
    core.config = (struct peer_config){.roster = &roster, .self = slot(0), .max_locks = MAX_LOCKS};
    core.store = STORE_VOTING;
    ck_assert_uint_le(cohorts_bytes(&roster), sizeof cohort_memory);
    cohorts_init(&core.cohorts, cohort_memory, &roster, &core.config.cluster);
    memory[0] = malloc(OUTBOX_SIZE);
    memory[1] = malloc(RECORDS_SIZE);
    memory[2] = aligned_alloc(16, ARENA_SIZE);
    memory[3] = malloc(voter_bytes(&core.config));
    outbox_init(&core.outbox, memory[0], OUTBOX_SIZE, 0);
    journal_init(&core.journal, memory[1], RECORDS_SIZE);
    arena_init(&core.arena, memory[2], ARENA_SIZE);
    voter_init(&voter, &core, memory[3]);
    list = writer_init(listed, sizeof listed);
}

static void tear_down(void)
{
    for (size_t i = 0; i < 4; i++)
        free(memory[i]);
}

static struct ballot ballot(uint64_t round, size_t node)
{
    return (struct ballot){.epoch = 1, .round = round, .slot = slot(node)};
}

static struct view name_view(const char *name)
{
    return (struct view){(const uint8_t *)name, strlen(name)};
}

/* --- Speaking --- */

static struct view state_bytes(const struct lock_state *state)
{
    static uint8_t bytes[512];
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, state);
    return (struct view){bytes, writer_size(&w)};
}

static void accept_state(struct ballot b, uint64_t seq, struct view name, struct view state)
{
    struct message m = {.type = WIRE_ACCEPT,
                        .accept = {.ballot = b, .seq = seq, .name = name, .state = state}};
    voter_take(&voter, b.slot, &m);
}

static void accept(struct ballot b, uint64_t seq, const char *name, uint64_t token)
{
    static struct lock_state state;
    lock_init(&state);
    state.token = token;
    accept_state(b, seq, name_view(name), state_bytes(&state));
}

/* What the next FORGET names. */
static void name_lock(uint64_t seq, const char *name)
{
    put_lock(&list, seq, name_view(name));
    ck_assert(!list.failed);
}

static void forget(struct ballot b)
{
    struct message m = {
        .type = WIRE_FORGET,
        .forget = {.shard = 0, .ballot = b, .round = 7, .locks = {listed, writer_size(&list)}}};
    voter_take(&voter, b.slot, &m);
    list = writer_init(listed, sizeof listed);
}

/* --- Hearing --- */

static void sync_now(void)
{
    core.journal.durable = core.journal.lsn;
    outbox_durable(&core.outbox, core.journal.lsn);
}

static struct message hear(void)
{
    struct outbox_entry entry;
    struct message m = {.type = WIRE_NONE};
    if (!outbox_next(&core.outbox, &entry))
        return m;
    struct reader r = reader_init(entry.bytes.bytes, entry.bytes.size);
    ck_assert(wire_decode(&m, &r));
    return m;
}

static void expect(enum wire_type type)
{
    ck_assert_int_eq(hear().type, type);
}

/* Nothing more, and what was said before is forgotten. */
static void quiet(void)
{
    sync_now();
    while (hear().type != WIRE_NONE)
        ;
}

static bool has(const char *name)
{
    return registers_find(&voter.registers, core_name_hash(&core, name_view(name)),
                          name_view(name)) != NULL;
}

/* Stored at (1, n1, seq), and that was said. */
static void stored(const char *name, uint64_t seq)
{
    accept(ballot(1, 1), seq, name, seq);
    quiet();
    ck_assert(has(name));
}

/* --- What is dropped --- */

START_TEST(what_is_named_is_dropped_once_that_is_durable)
{
    stored("a", 3);
    stored("b", 5);
    stored("c", 4);
    name_lock(3, "a");
    name_lock(5, "b");
    uint64_t lsn = core.journal.lsn;
    forget(ballot(1, 1));
    ck_assert(!has("a") && !has("b") && has("c"));
    ck_assert_uint_eq(core.journal.lsn, lsn + 1); /* one record for all of them */
    ck_assert(core.journal.sync_wanted);
    expect(WIRE_NONE);
    sync_now();
    struct message m = hear();
    ck_assert_int_eq(m.type, WIRE_FORGOTTEN);
    ck_assert_uint_eq(m.forgotten.round, 7);
    ck_assert_uint_eq(core.counters.registers_dropped, 2);
}
END_TEST

START_TEST(twice_is_once)
{
    stored("a", 3);
    name_lock(3, "a");
    forget(ballot(1, 1));
    quiet();
    uint64_t lsn = core.journal.lsn;
    name_lock(3, "a");
    forget(ballot(1, 1));
    expect(WIRE_FORGOTTEN);
    ck_assert_uint_eq(core.journal.lsn, lsn);
}
END_TEST

/* A lock that is in use again is another version. */
START_TEST(a_later_state_stays)
{
    stored("a", 3);
    stored("a", 4);
    name_lock(3, "a");
    forget(ballot(1, 1));
    ck_assert(has("a"));
    expect(WIRE_FORGOTTEN); /* that version is not there any more */
}
END_TEST

/* Then not all k had it, and whoever says so is broken. */
START_TEST(an_earlier_state_stays)
{
    stored("a", 3);
    stored("b", 5);
    name_lock(5, "b");
    name_lock(4, "a");
    forget(ballot(1, 1));
    quiet();
    ck_assert(has("a") && has("b")); /* all or nothing */
    ck_assert_uint_eq(core.counters.drop_role, 1);
}
END_TEST

START_TEST(only_under_the_ballot_that_is_promised)
{
    stored("a", 3);
    struct message prepare = {.type = WIRE_PREPARE, .prepare = {.ballot = ballot(2, 2)}};
    voter_take(&voter, slot(2), &prepare);
    quiet();
    name_lock(3, "a");
    forget(ballot(1, 1));
    expect(WIRE_REFUSE);
    name_lock(3, "a");
    forget(ballot(3, 3)); /* never promised here */
    sync_now();
    expect(WIRE_NONE);
    ck_assert(has("a"));
    name_lock(3, "a");
    forget(ballot(2, 2)); /* the stored version is one of another ballot, an earlier one */
    sync_now();
    expect(WIRE_NONE);
    ck_assert(has("a"));
}
END_TEST

/* loop test: _i chooses what the state has besides. */
START_TEST(what_is_not_free_is_not_dropped)
{
    static struct lock_state state;
    struct op_id id = {.slot = 3, .life = 1, .counter = 1};
    struct lock_op op = {.kind = LOCK_ACQUIRE, .id = id};
    lock_init(&state);
    lock_apply(&state, &op);
    if (_i > 0) {
        op = (struct lock_op){.kind = LOCK_DROP, .id = id, .unclean = _i == 1};
        lock_apply(&state, &op);
    }
    accept_state(ballot(1, 1), 1, name_view("a"), state_bytes(&state));
    quiet();
    name_lock(1, "a");
    forget(ballot(1, 1));
    quiet();
    ck_assert_int_eq(has("a"), _i < 2); /* held; marked; free */
}
END_TEST

START_TEST(a_floor_and_locks_of_no_name_are_not_dropped)
{
    static struct lock_state state;
    struct floor_name floor = floor_name(0);
    struct view name = {floor.bytes, sizeof floor.bytes};
    lock_init(&state);
    state.token = 4;
    accept_state(ballot(1, 1), 1, name, state_bytes(&state));
    sync_now();
    expect(WIRE_ACCEPTED);
    put_lock(&list, 1, name);
    forget(ballot(1, 1));
    quiet();
    ck_assert_uint_eq(voter.registers.floors, 1);
    name_lock(1, "a\n");
    forget(ballot(1, 1));
    quiet();
    ck_assert_uint_eq(voter.registers.floors, 1);
}
END_TEST

START_TEST(only_the_owner_of_the_ballot_is_heard)
{
    stored("a", 3);
    name_lock(3, "a");
    struct message m = {.type = WIRE_FORGET,
                        .forget = {.ballot = ballot(1, 1), .locks = {listed, writer_size(&list)}}};
    uint64_t before = core.counters.drop_role;
    voter_take(&voter, slot(2), &m);
    m.forget.shard = 1;
    voter_take(&voter, slot(1), &m);
    core.store = STORE_BEHIND;
    m.forget.shard = 0;
    voter_take(&voter, slot(1), &m);
    sync_now();
    expect(WIRE_NONE);
    ck_assert(has("a"));
    ck_assert_uint_eq(core.counters.drop_role, before + 2);
}
END_TEST

/* --- The mark --- */

static void drop_at(const char *name, uint64_t seq)
{
    stored(name, seq);
    name_lock(seq, name);
    forget(ballot(1, 1));
    quiet();
    ck_assert(!has(name));
}

/* A datagram of minutes ago. */
START_TEST(what_was_dropped_does_not_come_back)
{
    drop_at("a", 5);
    accept(ballot(1, 1), 4, "a", 9);
    accept(ballot(1, 1), 5, "a", 9);
    sync_now();
    expect(WIRE_NONE);
    ck_assert(!has("a"));
    ck_assert_uint_eq(core.counters.drop_forgotten, 2);
    accept(ballot(1, 1), 6, "a", 9);
    sync_now();
    expect(WIRE_ACCEPTED);
    ck_assert(has("a"));
}
END_TEST

/* One mark for the whole shard: what is there goes on, what is not begins above it. */
START_TEST(the_mark_is_of_the_shard)
{
    stored("b", 2);
    stored("c", 3);
    drop_at("a", 5);
    name_lock(3, "c");
    forget(ballot(1, 1)); /* below: the mark stays */
    quiet();
    ck_assert(!has("c"));
    accept(ballot(1, 1), 3, "b", 9);
    sync_now();
    expect(WIRE_ACCEPTED);
    accept(ballot(1, 1), 5, "new", 1);
    sync_now();
    expect(WIRE_NONE);
    accept(ballot(1, 1), 6, "new", 1);
    sync_now();
    expect(WIRE_ACCEPTED);
    accept(ballot(2, 2), 1, "newer", 1); /* the ballot goes before the sequence */
    sync_now();
    expect(WIRE_ACCEPTED);
}
END_TEST

START_TEST(a_read_waits_for_what_was_dropped)
{
    struct message prepare = {.type = WIRE_PREPARE, .prepare = {.ballot = ballot(1, 1)}};
    struct message read = {.type = WIRE_READ,
                           .read = {.ballot = ballot(1, 1), .name = name_view("a")}};
    voter_take(&voter, slot(1), &prepare);
    stored("a", 3);
    name_lock(3, "a");
    forget(ballot(1, 1));
    voter_take(&voter, slot(1), &read);
    expect(WIRE_NONE);
    sync_now();
    expect(WIRE_FORGOTTEN);
    struct message m = hear();
    ck_assert_int_eq(m.type, WIRE_STORED);
    ck_assert(ballot_none(m.stored.version));
    ck_assert_uint_eq(m.stored.state.size, 0);
}
END_TEST

/* --- The log --- */

START_TEST(records_bring_mark_and_drops_back)
{
    static struct voter again;
    static struct lock_state state;
    lock_init(&state);
    state.token = 2;
    struct record accepted = {.kind = RECORD_ACCEPT,
                              .accept = {.shard = 0,
                                         .ballot = ballot(1, 1),
                                         .seq = 5,
                                         .name = name_view("a"),
                                         .state = state_bytes(&state)}};
    struct record dropped = {.kind = RECORD_FORGET,
                             .forget = {.shard = 0, .ballot = ballot(1, 1), .seq = 5}};
    void *fresh = malloc(voter_bytes(&core.config));
    voter_init(&again, &core, fresh);
    name_lock(5, "a");
    dropped.forget.locks = (struct view){listed, writer_size(&list)};
    ck_assert(voter_load(&again, &accepted, 1));
    ck_assert(voter_load(&again, &dropped, 2));
    ck_assert_uint_eq(again.registers.count, 0);
    ck_assert_uint_eq(again.promises[0].dropped_seq, 5);
    accepted.accept.seq = 6; /* stored again later */
    ck_assert(voter_load(&again, &accepted, 3));
    ck_assert_uint_eq(again.registers.count, 1);
    free(fresh);

    /* A snapshot: what is left, which may be below the mark, and the mark. */
    fresh = malloc(voter_bytes(&core.config));
    voter_init(&again, &core, fresh);
    dropped.forget.locks.size = 0;
    dropped.forget.seq = 500;
    ck_assert(voter_load(&again, &dropped, 1));
    ck_assert(voter_load(&again, &accepted, 2));
    ck_assert_uint_eq(again.registers.count, 1);
    ck_assert_uint_eq(again.promises[0].dropped_seq, 500);
    dropped.forget.shard = 1; /* of no shard of this roster */
    ck_assert(voter_load(&again, &dropped, 3));
    free(fresh);
}
END_TEST

/* A voter that is full has room again. */
START_TEST(room_comes_back)
{
    char name[] = "a";
    for (uint64_t i = 1; i <= 10 * MAX_LOCKS; i++, name[0] = (char)('a' + i % 26))
        drop_at(name, i);
    ck_assert_uint_eq(voter.registers.count, 0);
    ck_assert_uint_eq(core.arena.allocated, 0);
    ck_assert_uint_eq(core.counters.register_full, 0);
}
END_TEST

/* --- Names of floors --- */

START_TEST(floors_have_names_that_no_client_can_give)
{
    uint32_t shards[] = {0, 1, 15, 16, 255, 4096, 65535}, shard;
    for (size_t i = 0; i < sizeof shards / sizeof shards[0]; i++) {
        struct floor_name name = floor_name(shards[i]);
        struct view view = {name.bytes, sizeof name.bytes};
        ck_assert(floor_shard(view, &shard));
        ck_assert_uint_eq(shard, shards[i]);
        ck_assert(!lock_name_valid(view));
        view.size--;
        ck_assert(!floor_shard(view, &shard));
    }
    ck_assert(!floor_shard(name_view("00000"), &shard));
    ck_assert(!floor_shard(name_view("\x02"
                                     "00g0"),
                           &shard));
    ck_assert(!floor_shard(name_view("\x02"
                                     "00A0"),
                           &shard));
    struct floor_name mine = floor_name(0);
    ck_assert_uint_eq(cohort_shard(&core.cohorts, (struct view){mine.bytes, sizeof mine.bytes}), 0);
}
END_TEST

Suite *suite_voter_forget(void)
{
    Suite *suite = suite_create("voter_forget");
    TCase *tcase = tcase_create("by hand");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_named_is_dropped_once_that_is_durable);
    tcase_add_test(tcase, twice_is_once);
    tcase_add_test(tcase, a_later_state_stays);
    tcase_add_test(tcase, an_earlier_state_stays);
    tcase_add_test(tcase, only_under_the_ballot_that_is_promised);
    tcase_add_loop_test(tcase, what_is_not_free_is_not_dropped, 0, 3);
    tcase_add_test(tcase, a_floor_and_locks_of_no_name_are_not_dropped);
    tcase_add_test(tcase, only_the_owner_of_the_ballot_is_heard);
    tcase_add_test(tcase, what_was_dropped_does_not_come_back);
    tcase_add_test(tcase, the_mark_is_of_the_shard);
    tcase_add_test(tcase, a_read_waits_for_what_was_dropped);
    tcase_add_test(tcase, records_bring_mark_and_drops_back);
    tcase_add_test(tcase, room_comes_back);
    tcase_add_test(tcase, floors_have_names_that_no_client_can_give);
    suite_add_tcase(suite, tcase);
    return suite;
}
