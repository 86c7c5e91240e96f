/* What is remembered of a watchdog's test (node/watchdog_test.h): it counts only once a later boot
 * has come, and only for that device with that time-out. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "node/watchdog_test.h"

Suite *suite_watchdog_test(void);

static char dir[] = "/tmp/holdfast-watchdog-XXXXXX";
static uint8_t boot[16];
static struct watchdog_test t;
static struct fault fault;

static void set_up(void)
{
    ck_assert_ptr_nonnull(mkdtemp(dir));
    boot[0] = 1;
    t = (struct watchdog_test){dir, "iTCO_wdt", 7, boot};
}

static void tear_down(void)
{
    char path[64];
    snprintf(path, sizeof path, "%s/watchdog.test", dir);
    unlink(path);
    rmdir(dir);
}

START_TEST(a_later_boot_says_that_it_fired)
{
    ck_assert_int_eq(watchdog_test_look(&t, &fault), WATCHDOG_UNTESTED);
    ck_assert_int_eq(watchdog_test_look(&t, &fault), WATCHDOG_UNTESTED); /* the same boot */
    boot[0] = 2;
    ck_assert_int_eq(watchdog_test_look(&t, &fault), WATCHDOG_TESTED);
    ck_assert_int_eq(watchdog_test_look(&t, &fault), WATCHDOG_TESTED);
}
END_TEST

START_TEST(another_device_or_time_out_is_tested_anew)
{
    watchdog_test_look(&t, &fault);
    boot[0] = 2;
    t.timeout_s = 8;
    ck_assert_int_eq(watchdog_test_look(&t, &fault), WATCHDOG_UNTESTED);
    boot[0] = 3;
    t.identity = "another one";
    ck_assert_int_eq(watchdog_test_look(&t, &fault), WATCHDOG_UNTESTED);
    boot[0] = 4;
    ck_assert_int_eq(watchdog_test_look(&t, &fault), WATCHDOG_TESTED);
}
END_TEST

START_TEST(without_a_place_to_remember_there_is_no_test)
{
    t.state = "/proc/nowhere";
    ck_assert_int_eq(watchdog_test_look(&t, &fault), WATCHDOG_TEST_LOST);
    ck_assert_int_eq(fault.status, FAULT_OTHER);
}
END_TEST

Suite *suite_watchdog_test(void)
{
    Suite *s = suite_create("watchdog_test");
    TCase *tc = tcase_create("test");
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, a_later_boot_says_that_it_fired);
    tcase_add_test(tc, another_device_or_time_out_is_tested_anew);
    tcase_add_test(tc, without_a_place_to_remember_there_is_no_test);
    suite_add_tcase(s, tc);
    return s;
}
