/* Until when a command's locks last, by what the agent said of their leases. */
#include <check.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/lease.h"
#include "client/waiting.h"

Suite *suite_command_lease(void);

enum { TTL_MS = 3600 * 1000 }; /* so long that no test takes a part of it that matters */

static struct lease lease;
static struct held held;
static struct varlink agent;
static int other; /* the agent's end */

static void setup(void)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    agent = (struct varlink){.fd = fds[0]};
    other = fds[1];
    held = (struct held){.several = true, .count = 2};
    held.locks[0] = (struct held_lock){.name = "a", .hold = "0.1.1"};
    held.locks[1] = (struct held_lock){.name = "b", .hold = "0.1.2"};
    lease_begin(&lease, &held, TTL_MS);
}

static void teardown(void)
{
    varlink_close(&agent);
    close(other);
}

/* The agent's answer: what is left of either. */
static void take(long long first_ms, long long second_ms)
{
    json_t *reply =
        json_pack("{s:[{s:s s:I} {s:s s:I}]}", "operations", "hold", "0.1.1", "left_ms",
                  (json_int_t)first_ms, "hold", "0.1.2", "left_ms", (json_int_t)second_ms);
    lease_take(&lease, &held, reply);
    json_decref(reply);
}

static bool near(long long left_ms, long long expected_ms)
{
    return left_ms <= expected_ms && left_ms > expected_ms - TTL_MS / 10;
}

START_TEST(a_grant_is_good_for_half)
{
    ck_assert(near(lease_left_ms(&lease, &held), TTL_MS / 2));
    ck_assert(near(lease_sleep_ms(&lease), TTL_MS / 4));
    ck_assert(lease_ask(&lease, &agent)); /* not yet */
    ck_assert_int_eq(lease.asked_ms, 0);
    take(TTL_MS, TTL_MS); /* which nobody asked for */
    ck_assert(near(lease_left_ms(&lease, &held), TTL_MS / 2));
}
END_TEST

/* The end counts from the question; the one that ends first counts; what was said stays true. */
START_TEST(as_it_was_said_last)
{
    char call[256] = "";
    lease.ask_at_ms = waiting_now_ms();
    ck_assert(lease_ask(&lease, &agent));
    ck_assert_int_gt(read(other, call, sizeof call - 1), 0);
    ck_assert_ptr_nonnull(strstr(call, "ListSession"));
    ck_assert_int_eq(lease_sleep_ms(&lease), -1); /* until there is an answer */
    lease.asked_ms -= TTL_MS / 4;
    take(TTL_MS, TTL_MS * 9 / 10);
    ck_assert(near(lease_left_ms(&lease, &held), TTL_MS * 9 / 10 - TTL_MS / 4));
    lease.asked_ms = waiting_now_ms();
    take(0, TTL_MS); /* as after a start of the agent */
    ck_assert(near(lease_left_ms(&lease, &held), TTL_MS * 3 / 4));
    held.locks[0].passed = true;
    ck_assert(near(lease_left_ms(&lease, &held), TTL_MS));
    lease.asked_ms = waiting_now_ms();
    take(0, INT64_MAX / 2); /* no lease is longer than its TTL */
    ck_assert(near(lease_left_ms(&lease, &held), TTL_MS));
}
END_TEST

START_TEST(an_answer_that_is_owed)
{
    static const char answer[] = "{\"parameters\":{\"operations\":[]}}";
    ck_assert(lease_settle(&lease, &held, &agent, 0)); /* nothing is */
    lease.ask_at_ms = 0;
    ck_assert(lease_ask(&lease, &agent));
    ck_assert(!lease_settle(&lease, &held, &agent, 0));
    ck_assert_int_eq(write(other, answer, sizeof answer), (ssize_t)sizeof answer);
    ck_assert(lease_settle(&lease, &held, &agent, 60000));
    ck_assert_int_eq(lease.asked_ms, 0);
    lease.ask_at_ms = 0;
    ck_assert(lease_ask(&lease, &agent));
    lease_again(&lease);
    ck_assert(lease_settle(&lease, &held, &agent, 0));
    ck_assert_int_eq(lease_sleep_ms(&lease), 0);
}
END_TEST

START_TEST(over_and_at_risk)
{
    held.locks[1].end_ms = waiting_now_ms() - 1;
    ck_assert_int_eq(lease_left_ms(&lease, &held), 0);
    ck_assert(!lease_at_risk(&lease, &held));
    held.locks[1].at_risk = true;
    ck_assert(lease_at_risk(&lease, &held));
    held.locks[1].passed = true;
    ck_assert(!lease_at_risk(&lease, &held));
}
END_TEST

START_TEST(what_does_not_expire)
{
    lease_begin(&lease, &held, 0);
    held.locks[0].at_risk = true;
    ck_assert_int_eq(lease_left_ms(&lease, &held), -1);
    ck_assert_int_eq(lease_sleep_ms(&lease), -1);
    ck_assert(!lease_at_risk(&lease, &held));
    ck_assert(lease_ask(&lease, &agent));
    ck_assert_int_eq(lease.asked_ms, 0);
}
END_TEST

Suite *suite_command_lease(void)
{
    const TTest *const tests[] = {a_grant_is_good_for_half, as_it_was_said_last,
                                  an_answer_that_is_owed, over_and_at_risk, what_does_not_expire};
    Suite *s = suite_create("command_lease");
    TCase *c = tcase_create("command_lease");
    tcase_add_checked_fixture(c, setup, teardown);
    for (size_t i = 0; i < sizeof tests / sizeof *tests; i++)
        tcase_add_test(c, tests[i]);
    suite_add_tcase(s, c);
    return s;
}
