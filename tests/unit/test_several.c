/* The order in which several locks are asked for: that of their bytes, for every caller the same.
 */
#include <check.h>
#include <string.h>

#include "node/several.h"

Suite *suite_several(void);

static size_t order[SEVERAL_MAX];

START_TEST(by_bytes)
{
    static const char *const names[] = {"b", "a/2", "\xc3\xa9", "a/10", "Z", "a", "a/"};
    static const char *const sorted[] = {"Z", "a", "a/", "a/10", "a/2", "b", "\xc3\xa9"};
    ck_assert_ptr_null(several_order(order, names, 7));
    for (size_t i = 0; i < 7; i++)
        ck_assert_str_eq(names[order[i]], sorted[i]);
}
END_TEST

START_TEST(twice)
{
    static const char *const names[] = {"a", "b", "a", "c"};
    static const char *const near[] = {"a", "aa", "A", "a "};
    ck_assert_str_eq(several_order(order, names, 4), "a");
    ck_assert_ptr_null(several_order(order, names, 2));
    ck_assert_ptr_null(several_order(order, near, 4));
    ck_assert_ptr_null(several_order(order, near, 0));
}
END_TEST

/* However they are shuffled, the order is the same: else two callers could wait for each other. */
START_TEST(the_same_for_every_caller)
{
    const char *names[SEVERAL_MAX];
    char text[SEVERAL_MAX][8] = {{0}};
    unsigned random = (unsigned)_i + 1;
    for (size_t i = 0; i < SEVERAL_MAX; i++) {
        text[i][0] = (char)('A' + i);
        names[i] = text[i];
    }
    for (size_t i = SEVERAL_MAX - 1; i > 0; i--) {
        random = random * 1103515245u + 12345u;
        size_t k = random / 65536u % (i + 1);
        const char *other = names[k];
        names[k] = names[i];
        names[i] = other;
    }
    ck_assert_ptr_null(several_order(order, names, SEVERAL_MAX));
    for (size_t i = 0; i < SEVERAL_MAX; i++)
        ck_assert_int_eq(names[order[i]][0], (int)('A' + i));
}
END_TEST

Suite *suite_several(void)
{
    Suite *s = suite_create("several");
    TCase *c = tcase_create("several");
    tcase_add_test(c, by_bytes);
    tcase_add_test(c, twice);
    tcase_add_loop_test(c, the_same_for_every_caller, 0, 50);
    suite_add_tcase(s, c);
    return s;
}
