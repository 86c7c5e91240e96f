/* Spans and times of day as operators type them (client/span.h). */
#include "client/span.h"

#include <check.h>
#include <stdio.h>
#include <time.h>

Suite *suite_span(void);

START_TEST(spans)
{
    static const struct {
        const char *text;
        long long ms;
    } good[] = {{"1", 1000},     {"90", 90000},   {"90s", 90000},
                {"15m", 900000}, {"2h", 7200000}, {"3d", 259200000}};
    static const char *const bad[] = {"",    "0",  "-1",           "1.5h", "h",
                                      "1 h", "1w", "99999999999d", "1hh"};
    long long ms = -1;
    for (size_t i = 0; i < sizeof good / sizeof good[0]; i++) {
        ck_assert_msg(span_parse(good[i].text, &ms), "%s", good[i].text);
        ck_assert_int_eq(ms, good[i].ms);
    }
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!span_parse(bad[i], &ms), "%s", bad[i]);
}
END_TEST

START_TEST(times_of_day)
{
    char text[64];
    long long ms;
    snprintf(text, sizeof text, "@%lld", (long long)time(NULL) + 600);
    ck_assert(span_parse_until(text, &ms));
    ck_assert_int_ge(ms, 500 * 1000);
    ck_assert_int_le(ms, 600 * 1000);
    ck_assert(!span_parse_until("@1", &ms)); /* it has passed */
    ck_assert(!span_parse_until("2020-01-01T00:00", &ms));
    ck_assert(span_parse_until("2999-01-01T00:00", &ms));
    ck_assert(span_parse_until("00:00", &ms)); /* of tomorrow */
    ck_assert_int_gt(ms, 0);
    ck_assert_int_le(ms, 25LL * 3600 * 1000);
    static const char *const bad[] = {"", "25:00", "12:00x", "soon", "@", "@x", "2999-01-01"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!span_parse_until(bad[i], &ms), "%s", bad[i]);
}
END_TEST

Suite *suite_span(void)
{
    Suite *suite = suite_create("span");
    TCase *all = tcase_create("all");
    tcase_add_test(all, spans);
    tcase_add_test(all, times_of_day);
    suite_add_tcase(suite, all);
    return suite;
}
