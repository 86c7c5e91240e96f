/* Dues and marks: what they find is what a look at all finds, in the same order. */
#include <check.h>
#include <stdlib.h>

#include "proto/dues.h"
#include "proto/marks.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_dues(void);

enum { COUNT_MAX = 1100, STEPS = 3000, INSTANTS = 50 };

static const size_t counts[] = {1, 2, 3, 5, 8, 63, 64, 65, 127, 1000, 1024, COUNT_MAX};
enum { COUNTS = sizeof counts / sizeof counts[0] };

/* --- Dues --- */

static void agree_with(const struct dues *d, const struct instant *at, size_t from,
                       struct instant now)
{
    struct instant first = INSTANT_NEVER;
    size_t next = d->count;
    for (size_t i = d->count; i-- > 0;) {
        first = instant_earlier(first, at[i]);
        if (i >= from && instant_reached(now, at[i]))
            next = i;
    }
    ck_assert_int_eq(dues_first(d).ns, first.ns);
    ck_assert_uint_eq(dues_next(d, from, now), next);
}

START_TEST(dues_agree_with_a_look_at_all)
{
    static struct instant at[COUNT_MAX];
    size_t count = counts[_i];
    struct drbg drbg = fixture_drbg((uint8_t)_i);
    struct dues d;
    void *memory = malloc(dues_bytes(count));
    dues_init(&d, memory, count);
    for (size_t i = 0; i < count; i++)
        at[i] = INSTANT_NEVER;
    agree_with(&d, at, 0, (struct instant){INT64_MAX - 1});
    for (int i = 0; i < STEPS; i++) {
        size_t index = drbg_below(&drbg, count);
        int64_t ns = (int64_t)drbg_below(&drbg, INSTANTS);
        at[index] = ns < INSTANTS / 2 ? INSTANT_NEVER : (struct instant){ns};
        dues_set(&d, index, at[index]);
        agree_with(&d, at, drbg_below(&drbg, count + 1),
                   (struct instant){(int64_t)drbg_below(&drbg, INSTANTS)});
    }
    free(memory);
}
END_TEST

START_TEST(all_that_are_due_come_in_their_order)
{
    struct dues d;
    void *memory = malloc(dues_bytes(10));
    dues_init(&d, memory, 10);
    dues_set(&d, 7, (struct instant){5});
    dues_set(&d, 2, (struct instant){9});
    dues_set(&d, 9, (struct instant){7});
    ck_assert_uint_eq(dues_next(&d, 0, (struct instant){4}), 10);
    ck_assert_uint_eq(dues_next(&d, 0, (struct instant){8}), 7);
    ck_assert_uint_eq(dues_next(&d, 8, (struct instant){8}), 9);
    ck_assert_uint_eq(dues_next(&d, 0, (struct instant){9}), 2);
    ck_assert_uint_eq(dues_next(&d, 10, (struct instant){9}), 10);
    dues_set(&d, 7, INSTANT_NEVER);
    ck_assert_int_eq(dues_first(&d).ns, 7);
    free(memory);
}
END_TEST

/* --- Marks --- */

static size_t next_of(const bool *is, size_t count, size_t from)
{
    while (from < count && !is[from])
        from++;
    return from < count ? from : count;
}

START_TEST(marks_agree_with_a_look_at_all)
{
    static bool is[COUNT_MAX];
    size_t count = counts[_i], set = 0;
    struct drbg drbg = fixture_drbg((uint8_t)(_i + COUNTS));
    struct marks m;
    void *memory = malloc(marks_bytes(count));
    marks_init(&m, memory, count);
    memset(is, 0, sizeof is);
    for (int i = 0; i < STEPS; i++) {
        size_t index = drbg_below(&drbg, count), from = drbg_below(&drbg, count + 2);
        bool put = drbg_below(&drbg, 1 + (uint64_t)i % 7) == 0;
        ck_assert_int_eq(marks_has(&m, index), is[index]);
        (put ? marks_put : marks_drop)(&m, index);
        set += (size_t)put - (size_t)is[index];
        is[index] = put;
        size_t next = next_of(is, count, from);
        ck_assert_uint_eq(m.set, set);
        ck_assert_uint_eq(marks_next(&m, from), next);
        ck_assert_uint_eq(marks_next_round(&m, from), next < count ? next : next_of(is, count, 0));
    }
    free(memory);
}
END_TEST

Suite *suite_dues(void)
{
    Suite *suite = suite_create("dues");
    TCase *dues = tcase_create("dues");
    tcase_add_loop_test(dues, dues_agree_with_a_look_at_all, 0, COUNTS);
    tcase_add_test(dues, all_that_are_due_come_in_their_order);
    suite_add_tcase(suite, dues);
    TCase *marks = tcase_create("marks");
    tcase_add_loop_test(marks, marks_agree_with_a_look_at_all, 0, COUNTS);
    suite_add_tcase(suite, marks);
    return suite;
}
