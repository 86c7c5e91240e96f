/* The explanation of a cluster's times: complete, and refused by the rule that is broken. */
#include <check.h>
#include <string.h>

#include "client/command.h"
#include "client/enrol.h"
#include "client/explain.h"
#include "proto/timing.h"

Suite *suite_explain(void);

static struct explanation e;

START_TEST(names_are_told_once_and_values_are_positive)
{
    explain_make(&e, 100, SPAN_MS(6000));
    ck_assert_uint_gt(e.timer_count, 20);
    for (size_t i = 0; i < e.timer_count; i++) {
        ck_assert(e.timers[i].formula[0] && e.timers[i].text[0]);
        ck_assert_int_gt(e.timers[i].value.ns, 0);
        for (size_t k = 0; k < i; k++)
            ck_assert_str_ne(e.timers[i].name, e.timers[k].name);
    }
    ck_assert_uint_eq(e.rule_count, 6);
    ck_assert_ptr_null(explain_broken(&e));
}
END_TEST

START_TEST(every_default_target_holds)
{
    for (size_t members = 1; members <= ROSTER_NODES_MAX; members++) {
        explain_make(&e, members, SPAN_MS(enrol_default_detect_ms(members)));
        ck_assert_msg(!explain_broken(&e), "%zu members", members);
        ck_assert_int_eq(timing_detect_default(members).ns,
                         SPAN_MS(enrol_default_detect_ms(members)).ns);
    }
}
END_TEST

START_TEST(too_short_a_target_is_refused)
{
    explain_make(&e, 10000, SPAN_MS(1000));
    ck_assert_ptr_nonnull(explain_broken(&e));
    ck_assert_ptr_nonnull(strstr(explain_broken(&e)->formula, "suspicion"));
    ck_assert_int_eq(explain_check(10000, SPAN_MS(1000)), EXIT_CONFIG);
    ck_assert_int_eq(explain_check(5, SPAN_MS(4000)), EXIT_OK);
}
END_TEST

Suite *suite_explain(void)
{
    Suite *suite = suite_create("explain");
    TCase *t = tcase_create("explain");
    tcase_add_test(t, names_are_told_once_and_values_are_positive);
    tcase_add_test(t, every_default_target_holds);
    tcase_add_test(t, too_short_a_target_is_refused);
    suite_add_tcase(suite, t);
    return suite;
}
