/* Membership's timers, local health, and who accuses whom. */
#include <check.h>

#include "proto/accusers.h"
#include "proto/health.h"
#include "proto/timing.h"

Suite *suite_timing(void);

START_TEST(defaults_meet_their_target)
{
    static const size_t sizes[] = {2, 3, 5, 16, 17, 40, 100, 200, 201, 1000, 10240};
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct timing_bound bound;
        struct span detect = timing_detect_default(sizes[i]);
        struct swim_timing t = timing_derive(detect, sizes[i], &bound);
        ck_assert(bound.holds && bound.detect.ns == detect.ns);
        ck_assert_int_eq(t.period.ns, SPAN_MS(1000).ns);
        ck_assert_int_lt(t.timeout.ns, t.judge.ns);
        ck_assert_int_lt(t.judge.ns, t.period.ns * t.watchers);
    }
}
END_TEST

START_TEST(one_knob_sets_all)
{
    struct timing_bound bound;
    struct swim_timing t = timing_derive(SPAN_MS(2000), 5, &bound); /* half of the default */
    ck_assert(bound.holds);
    ck_assert_int_eq(t.period.ns, SPAN_MS(500).ns);
    ck_assert_int_eq(t.timeout.ns, SPAN_MS(150).ns);
    ck_assert_int_eq(t.judge.ns, SPAN_MS(400).ns);
    ck_assert_int_eq(t.round_period.ns, SPAN_MS(2500).ns);
    ck_assert_int_eq(t.suspicion.ns, SPAN_MS(1601).ns / 2 + 281250);
    /* A longer one does not make membership slower. */
    ck_assert_int_eq(timing_derive(SPAN_MS(60000), 5, NULL).period.ns, SPAN_MS(1000).ns);
}
END_TEST

START_TEST(target_that_cannot_be_met_is_named)
{
    struct timing_bound bound;
    timing_derive(SPAN_MS(1000), 10000, &bound);
    ck_assert(!bound.holds);
    ck_assert_int_gt(bound.longest.ns, bound.detect.ns);
}
END_TEST

START_TEST(health_saturates_at_both_ends)
{
    struct health h = {0};
    health_good(&h);
    ck_assert_uint_eq(h.score, 0);
    health_bad(&h, 0, 0); /* nobody could be asked */
    ck_assert_uint_eq(h.score, 1);
    health_bad(&h, 3, 0); /* all three were there: the fault is not here */
    ck_assert_uint_eq(h.score, 1);
    health_bad(&h, 3, 2);
    ck_assert_uint_eq(h.score, 3);
    ck_assert_int_eq(health_scale(&h, SPAN_MS(300)).ns, SPAN_MS(1200).ns);
    for (int i = 0; i < 20; i++)
        health_slow(&h);
    ck_assert_uint_eq(h.score, HEALTH_MAX);
    health_good(&h);
    ck_assert_uint_eq(h.score, HEALTH_MAX - 1);
}
END_TEST

START_TEST(each_accuser_counts_once)
{
    static struct accusers a;
    accusers_init(&a);
    ck_assert(!accusers_confirm(&a, 7, 1)); /* no suspicion to confirm */
    accusers_begin(&a, (struct instant){10}, 7, 1, 2);
    ck_assert(!accusers_confirm(&a, 7, 1));
    ck_assert(accusers_confirm(&a, 7, 2));
    ck_assert(!accusers_confirm(&a, 7, 2));
    ck_assert(accusers_confirm(&a, 7, 3));
    ck_assert(!accusers_confirm(&a, 7, 4)); /* no more are wanted */
    ck_assert_uint_eq(accusers_of(&a, 7)->count, 3);
    accusers_excuse(&a, SPAN_MS(1));
    ck_assert_int_eq(accusers_began(&a, accusers_of(&a, 7)).ns, 1000010);
    accusers_end(&a, 7);
    ck_assert_ptr_null(accusers_of(&a, 7));
}
END_TEST

START_TEST(accusers_are_bounded)
{
    static struct accusers a;
    accusers_init(&a);
    for (int i = 0; i < ACCUSERS_MAX + 9; i++)
        accusers_begin(&a, (struct instant){1}, (uint16_t)i, 1, 3);
    ck_assert_uint_eq(a.count, ACCUSERS_MAX);
    ck_assert_ptr_null(accusers_of(&a, ACCUSERS_MAX));
    accusers_settle(&a, 3);
    ck_assert(!accusers_confirm(&a, 3, 2));
    accusers_end(&a, 5);
    accusers_begin(&a, (struct instant){1}, 5000, 1, 3);
    ck_assert_ptr_nonnull(accusers_of(&a, 5000));
}
END_TEST

Suite *suite_timing(void)
{
    Suite *suite = suite_create("timing");
    TCase *t = tcase_create("timing");
    tcase_add_test(t, defaults_meet_their_target);
    tcase_add_test(t, one_knob_sets_all);
    tcase_add_test(t, target_that_cannot_be_met_is_named);
    tcase_add_test(t, health_saturates_at_both_ends);
    tcase_add_test(t, each_accuser_counts_once);
    tcase_add_test(t, accusers_are_bounded);
    suite_add_tcase(suite, t);
    return suite;
}
