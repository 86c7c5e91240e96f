/* A voter's registers: found by name, dropped, and their room used again (L3, L10). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "crypto/drbg.h"
#include "proto/floor.h"
#include "proto/registers.h"

Suite *suite_registers(void);

enum { MAX = 24, SHARDS = 3, NAMES = 40, ROOM = 1 << 16 };

static struct arena arena;
static struct registers registers;
static void *memory[2];

static void set_up(void)
{
    memory[0] = aligned_alloc(16, ROOM);
    memory[1] = malloc(registers_bytes(MAX, SHARDS));
    arena_init(&arena, memory[0], ROOM);
    registers_init(&registers, memory[1], MAX, SHARDS, &arena);
}

static void tear_down(void)
{
    free(memory[0]);
    free(memory[1]);
}

/* Few hashes, so that chains are long. */
static uint64_t hash_of(unsigned n)
{
    return n % 5;
}

static struct view name_of(unsigned n)
{
    static char text[16];
    snprintf(text, sizeof text, "image-%u", n);
    return (struct view){(const uint8_t *)text, strlen(text)};
}

static struct lock_register *find(unsigned n)
{
    return registers_find(&registers, hash_of(n), name_of(n));
}

static struct lock_register *store(unsigned n, uint8_t value)
{
    struct lock_register *e = registers_make(&registers, hash_of(n), name_of(n), n % 3);
    if (e)
        ck_assert(registers_store(&registers, e, (struct ballot){.round = 1}, value,
                                  (struct view){&value, 1}));
    return e;
}

START_TEST(what_is_dropped_is_not_found)
{
    store(1, 11);
    store(6, 66); /* in the same chain */
    store(11, 111);
    registers_drop(&registers, hash_of(6), find(6));
    ck_assert_ptr_null(find(6));
    ck_assert_uint_eq(find(1)->seq, 11);
    ck_assert_uint_eq(find(11)->seq, 111);
    ck_assert_uint_eq(registers.count, 2);
    registers_drop(&registers, hash_of(1), find(1));
    registers_drop(&registers, hash_of(11), find(11));
    ck_assert_uint_eq(registers.count, 0);
    ck_assert_uint_eq(arena.allocated, 0);
}
END_TEST

/* As many names as one likes, one after the other, in the room of one. */
START_TEST(room_is_used_again)
{
    for (unsigned n = 0; n < 10 * MAX; n++) {
        ck_assert_ptr_nonnull(store(n, 1));
        registers_drop(&registers, hash_of(n), find(n));
    }
    ck_assert_uint_eq(registers.used, 1);
    ck_assert_uint_eq(arena.allocated, 0);
}
END_TEST

START_TEST(an_entry_that_comes_again_begins_anew)
{
    struct lock_register *e = store(1, 11);
    e->lsn = 7;
    e->idle = IDLE_PARKED;
    registers_drop(&registers, hash_of(1), e);
    e = registers_make(&registers, hash_of(1), name_of(1), 2);
    ck_assert(ballot_none(e->ballot));
    ck_assert_uint_eq(e->seq, 0);
    ck_assert_uint_eq(e->lsn, 0);
    ck_assert_uint_eq(e->state_size, 0);
    ck_assert_int_eq(e->idle, IDLE_NONE);
}
END_TEST

static struct lock_register *make_floor(uint32_t shard)
{
    struct floor_name name = floor_name(shard);
    return registers_make(&registers, shard, (struct view){name.bytes, sizeof name.bytes}, shard);
}

/* Neither keeps the other out. */
START_TEST(floors_have_places_of_their_own)
{
    for (unsigned n = 0; n < MAX; n++)
        ck_assert_ptr_nonnull(store(n, 1));
    ck_assert_ptr_null(store(MAX, 1));
    for (uint32_t shard = 0; shard < SHARDS; shard++)
        ck_assert_ptr_nonnull(make_floor(shard));
    ck_assert_ptr_eq(make_floor(0), make_floor(0));
    ck_assert_ptr_null(make_floor(SHARDS));
    ck_assert_uint_eq(registers.count, MAX);
    ck_assert_uint_eq(registers.floors, SHARDS);
    registers_drop(&registers, hash_of(7), find(7));
    ck_assert_ptr_null(make_floor(SHARDS));
    ck_assert_ptr_nonnull(store(MAX, 1));
    ck_assert_uint_eq(registers.count, MAX);
}
END_TEST

static void expect_model(const bool *there, const uint8_t *values)
{
    uint32_t count = 0, cursor = 0, seen = 0;
    for (unsigned n = 0; n < NAMES; n++) {
        const struct lock_register *e = find(n);
        ck_assert_int_eq(e != NULL, there[n]);
        if (e)
            ck_assert_uint_eq(e->state[0], values[n]);
        count += there[n];
    }
    while (registers_next(&registers, &cursor))
        seen++;
    ck_assert_uint_eq(seen, count);
    ck_assert_uint_eq(registers.count, count);
}

/* Against a table that a child would make. */
START_TEST(it_is_a_table_of_names)
{
    struct drbg drbg;
    uint8_t seed[DRBG_SEED_SIZE] = {1};
    bool there[NAMES] = {false};
    uint8_t values[NAMES] = {0};
    uint32_t count = 0;
    drbg_init(&drbg, seed);
    for (int step = 0; step < 5000; step++) {
        unsigned n = (unsigned)drbg_below(&drbg, NAMES);
        uint8_t value = (uint8_t)drbg_below(&drbg, 256);
        if (drbg_below(&drbg, 2) && there[n]) {
            registers_drop(&registers, hash_of(n), find(n));
            there[n] = false;
            count--;
        } else if (store(n, value)) {
            count += !there[n];
            there[n] = true;
            values[n] = value;
        } else {
            ck_assert(!there[n] && count == MAX);
        }
        if (step % 50 == 0)
            expect_model(there, values);
    }
    expect_model(there, values);
}
END_TEST

Suite *suite_registers(void)
{
    Suite *suite = suite_create("registers");
    TCase *tcase = tcase_create("table");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, what_is_dropped_is_not_found);
    tcase_add_test(tcase, room_is_used_again);
    tcase_add_test(tcase, an_entry_that_comes_again_begins_anew);
    tcase_add_test(tcase, floors_have_places_of_their_own);
    tcase_add_test(tcase, it_is_a_table_of_names);
    suite_add_tcase(suite, tcase);
    return suite;
}
