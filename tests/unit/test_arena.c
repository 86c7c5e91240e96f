/* The arena: blocks do not overlap, come back, are bounded, and cost nothing before they are used.
 */
#include <check.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "crypto/drbg.h"
#include "proto/arena.h"

Suite *suite_arena(void);

enum { ROOM = 1 << 20 };

static struct arena arena;
static uint8_t *memory;

static void set_up(void)
{
    memory = aligned_alloc(16, ROOM);
    arena_init(&arena, memory, ROOM);
}

static void tear_down(void)
{
    free(memory);
}

START_TEST(blocks_are_aligned_and_come_back)
{
    void *first = arena_get(&arena, 100), *second = arena_get(&arena, 100);
    ck_assert_ptr_nonnull(first);
    ck_assert_ptr_ne(first, second);
    ck_assert_uint_eq((uintptr_t)first % 16, 0);
    ck_assert_uint_eq((uintptr_t)second % 16, 0);
    ck_assert_uint_eq(arena.allocated, 2 * 112);
    arena_put(&arena, first, 100);
    ck_assert_uint_eq(arena.allocated, 112);
    ck_assert_ptr_eq(arena_get(&arena, 97), first); /* the same class */
    arena_put(&arena, NULL, 100);
    arena_put(&arena, second, 100);
    ck_assert_ptr_ne(arena_get(&arena, 96), second); /* another one */
}
END_TEST

/* Every size has room for itself, and at most a quarter more and a grain. */
START_TEST(sizes_are_rounded_up_a_little)
{
    size_t before = 0;
    for (size_t size = 1; size <= ARENA_BLOCK_MAX; size += size < 5000 ? 1 : 997) {
        arena_init(&arena, memory, ROOM);
        ck_assert_ptr_nonnull(arena_get(&arena, size));
        ck_assert_uint_ge(arena.allocated, size);
        ck_assert_uint_le(arena.allocated, size + size / 4 + 16);
        ck_assert_uint_eq(arena.allocated % 16, 0);
        ck_assert_uint_ge(arena.allocated, before);
        ck_assert_uint_eq(arena.used, arena.allocated);
        before = arena.allocated;
    }
    ck_assert_ptr_nonnull(arena_get(&arena, ARENA_BLOCK_MAX));
}
END_TEST

START_TEST(full_is_null_and_goes_on)
{
    void *blocks[64];
    size_t count = 0;
    while ((blocks[count] = arena_get(&arena, 64 * 1024)))
        count++;
    ck_assert_uint_eq(count, ROOM / (64 * 1024));
    ck_assert_ptr_null(arena_get(&arena, 1));
    arena_put(&arena, blocks[3], 64 * 1024);
    ck_assert_ptr_eq(arena_get(&arena, 64 * 1024), blocks[3]);
    ck_assert_ptr_null(arena_get(&arena, 64 * 1024));
}
END_TEST

START_TEST(an_arena_may_be_empty)
{
    arena_init(&arena, memory, 0);
    ck_assert_ptr_null(arena_get(&arena, 1));
    arena_init(&arena, memory, 15);
    ck_assert_ptr_null(arena_get(&arena, 1));
    arena_init(&arena, memory, 16);
    ck_assert_ptr_eq(arena_get(&arena, 16), memory);
}
END_TEST

struct kept {
    uint8_t *block;
    size_t size;
    uint8_t mark;
};

static void check_marks(const struct kept *kept, size_t count)
{
    bool intact = true;
    for (size_t i = 0; i < count; i++)
        for (size_t at = 0; kept[i].block && at < kept[i].size; at++)
            intact &= kept[i].block[at] == kept[i].mark;
    ck_assert(intact);
}

/* loop test: _i is the seed. Blocks of all sizes, each filled with its own mark. */
START_TEST(random_blocks_do_not_overlap)
{
    struct kept kept[100] = {0};
    struct drbg random;
    size_t allocated = 0;
    drbg_init(&random, (const uint8_t[DRBG_SEED_SIZE]){(uint8_t)_i, 6});
    for (unsigned step = 0; step < 3000; step++) {
        struct kept *k = &kept[drbg_below(&random, 100)];
        if (k->block) {
            arena_put(&arena, k->block, k->size);
            k->block = NULL;
        } else {
            k->size = 1 + (size_t)drbg_below(&random, step % 7 ? 500 : 30000);
            k->mark = (uint8_t)step;
            k->block = arena_get(&arena, k->size);
            if (k->block)
                memset(k->block, k->mark, k->size);
        }
        if (step % 50 == 0)
            check_marks(kept, 100);
    }
    check_marks(kept, 100);
    for (size_t i = 0; i < 100; i++) {
        allocated += kept[i].block ? kept[i].size : 0;
        arena_put(&arena, kept[i].block, kept[i].size);
    }
    ck_assert_uint_gt(allocated, 0);
    ck_assert_uint_eq(arena.allocated, 0);
}
END_TEST

Suite *suite_arena(void)
{
    Suite *suite = suite_create("arena");
    TCase *tcase = tcase_create("blocks");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, blocks_are_aligned_and_come_back);
    tcase_add_test(tcase, sizes_are_rounded_up_a_little);
    tcase_add_test(tcase, full_is_null_and_goes_on);
    tcase_add_test(tcase, an_arena_may_be_empty);
    tcase_add_loop_test(tcase, random_blocks_do_not_overlap, 0, 8);
    suite_add_tcase(suite, tcase);
    return suite;
}
