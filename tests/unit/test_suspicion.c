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

START_TEST(small_clusters_have_the_plain_count)
{
    for (uint32_t n = 0; n <= 4; n++)
        ck_assert_int_eq(suspicion_span(SPAN_MS(1000), 3, n).ns, SPAN_MS(3000).ns);
}
END_TEST

START_TEST(large_clusters_have_half_the_logarithm)
{
    ck_assert_int_eq(suspicion_span(SPAN_MS(1000), 3, 16).ns, SPAN_MS(6000).ns);
    ck_assert_int_eq(suspicion_span(SPAN_MS(1000), 3, 64).ns, SPAN_MS(9000).ns);
    ck_assert_int_eq(suspicion_span(SPAN_MS(500), 4, 1024).ns, SPAN_MS(10000).ns);
    int64_t five = suspicion_span(SPAN_MS(1000), 3, 5).ns; /* 3 * 297/256 s */
    ck_assert_int_eq(five, INT64_C(3480468750));
}
END_TEST

Suite *suite_suspicion(void)
{
    Suite *suite = suite_create("suspicion");
    TCase *t = tcase_create("span");
    tcase_add_test(t, powers_of_two_are_exact);
    tcase_add_test(t, values_in_between);
    tcase_add_test(t, never_falls);
    tcase_add_test(t, small_clusters_have_the_plain_count);
    tcase_add_test(t, large_clusters_have_half_the_logarithm);
    suite_add_tcase(suite, t);
    return suite;
}
