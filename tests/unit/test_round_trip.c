/* Smoothed round-trip times. */
#include <check.h>

#include "proto/round_trip.h"

Suite *suite_round_trip(void);

START_TEST(first_sample_is_taken_as_it_is)
{
    ck_assert_uint_eq(round_trip_smooth(0, SPAN_MS(4)), 4000);
    ck_assert_uint_eq(round_trip_smooth(0, (struct span){999}), 1);
    ck_assert_uint_eq(round_trip_smooth(0, (struct span){0}), 1); /* 0 says "none yet" */
    ck_assert_uint_eq(round_trip_smooth(0, (struct span){INT64_MAX}), UINT32_MAX);
}
END_TEST

START_TEST(further_ones_weigh_an_eighth)
{
    ck_assert_uint_eq(round_trip_smooth(8000, SPAN_MS(16)), 9000);
    ck_assert_uint_eq(round_trip_smooth(8000, (struct span){0}), 7000); /* 7999/8 away from zero */
    ck_assert_uint_eq(round_trip_smooth(8000, SPAN_MS(8)), 8000);
    ck_assert_uint_eq(round_trip_smooth(UINT32_MAX, (struct span){INT64_MAX}), UINT32_MAX);
}
END_TEST

START_TEST(equal_samples_lead_to_their_value)
{
    static const uint32_t starts[] = {1, 7, 999, 1001, 5000000, UINT32_MAX};
    for (size_t i = 0; i < sizeof starts / sizeof *starts; i++) {
        uint32_t us = starts[i];
        for (int k = 0; k < 200; k++)
            us = round_trip_smooth(us, SPAN_MS(1));
        ck_assert_uint_eq(us, 1000);
    }
}
END_TEST

Suite *suite_round_trip(void)
{
    Suite *suite = suite_create("round_trip");
    TCase *t = tcase_create("smooth");
    tcase_add_test(t, first_sample_is_taken_as_it_is);
    tcase_add_test(t, further_ones_weigh_an_eighth);
    tcase_add_test(t, equal_samples_lead_to_their_value);
    suite_add_tcase(suite, t);
    return suite;
}
