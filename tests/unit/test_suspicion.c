/* The suspicion's span. */
#include <check.h>

#include "proto/suspicion.h"

Suite *suite_suspicion(void);

START_TEST(powers_of_two_are_exact)
{
    ck_assert_uint_eq(suspicion_log2(0), 0);
    for (uint32_t i = 0; i < 32; i++)
        ck_assert_uint_eq(suspicion_log2(UINT32_C(1) << i), i * LOG2_ONE);
}
END_TEST

START_TEST(values_in_between)
{
    ck_assert_uint_eq(suspicion_log2(3), 405);           /* 256 * 1.58496 = 405.75 */
    ck_assert_uint_eq(suspicion_log2(5), 594);           /* 256 * 2.32193 = 594.41 */
    ck_assert_uint_eq(suspicion_log2(31), 1268);         /* 256 * 4.95420 = 1268.27 */
    ck_assert_uint_eq(suspicion_log2(UINT32_MAX), 8186); /* 31 * 256 + 250 */
    ck_assert_uint_eq(suspicion_log2(1000), 2548);       /* 256 * 9.96578 = 2551.24 */
}
END_TEST

START_TEST(never_falls)
{
    for (uint32_t n = 1; n < 100000; n++)
        ck_assert_uint_le(suspicion_log2(n), suspicion_log2(n + 1));
}
END_TEST

START_TEST(shortest_grows_with_the_logarithm)
{
    const struct span second = SPAN_MS(1000);
    for (uint32_t n = 0; n <= 16; n++) /* 1.6 s: 410 / 256 */
        ck_assert_int_eq(suspicion_min(second, n).ns, INT64_C(1601562500));
    /* log2(1024) * 0.36, and half of it with half a period. */
    ck_assert_int_eq(suspicion_min(second, 1024).ns, INT64_C(3593750000));
    ck_assert_int_eq(suspicion_min(SPAN_MS(500), 1024).ns, INT64_C(1796875000));
}
END_TEST

START_TEST(confirmations_shorten_it)
{
    const struct span min = SPAN_MS(1000);
    ck_assert_int_eq(suspicion_span(min, 0, 3).ns, SPAN_MS(6000).ns);
    /* log(2) / log(4) is a half: 6 - 5 / 2. */
    ck_assert_int_eq(suspicion_span(min, 1, 3).ns, SPAN_MS(3500).ns);
    ck_assert_int_lt(suspicion_span(min, 2, 3).ns, SPAN_MS(3500).ns);
    ck_assert_int_gt(suspicion_span(min, 2, 3).ns, min.ns);
    ck_assert_int_eq(suspicion_span(min, 3, 3).ns, min.ns);
    ck_assert_int_eq(suspicion_span(min, 0, 0).ns, min.ns);
}
END_TEST

START_TEST(nobody_is_waited_for_who_is_not_there)
{
    ck_assert_uint_eq(suspicion_wanted(0), 0);
    ck_assert_uint_eq(suspicion_wanted(1), 0); /* this node alone */
    ck_assert_uint_eq(suspicion_wanted(2), 1);
    ck_assert_uint_eq(suspicion_wanted(4), 3);
    ck_assert_uint_eq(suspicion_wanted(10000), SUSPICION_CONFIRMS);
}
END_TEST

Suite *suite_suspicion(void)
{
    Suite *suite = suite_create("suspicion");
    TCase *t = tcase_create("span");
    tcase_add_test(t, powers_of_two_are_exact);
    tcase_add_test(t, values_in_between);
    tcase_add_test(t, never_falls);
    tcase_add_test(t, shortest_grows_with_the_logarithm);
    tcase_add_test(t, confirmations_shorten_it);
    tcase_add_test(t, nobody_is_waited_for_who_is_not_there);
    suite_add_tcase(suite, t);
    return suite;
}
