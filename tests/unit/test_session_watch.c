/* What the command hears of its lock (F7), from the other end of a socket pair. */
#include <check.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/watch.h"

Suite *suite_session_watch(void);

static int other; /* the agent's end; -1 once closed */
static struct watch w;
static char hold[WATCH_HOLD_SIZE], reason[WATCH_REASON_SIZE];

static void setup(void)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    w = (struct watch){.stream.fd = fds[0]};
    other = fds[1];
}

static void teardown(void)
{
    watch_close(&w);
    if (other >= 0)
        close(other);
}

static void put(const char *text)
{
    size_t size = strlen(text) + 1; /* the NUL is part of the message */
    ck_assert_int_eq(write(other, text, size), (ssize_t)size);
}

static void put_event(const char *kind, const char *about, const char *why, bool continues)
{
    char text[1024];
    snprintf(text, sizeof text,
             "{\"parameters\":{\"event\":{\"kind\":\"%s\",\"hold\":\"%s\",\"name\":\"x\","
             "\"mode\":\"exclusive\",\"reason\":\"%s\"}},\"continues\":%s}",
             kind, about, why, continues ? "true" : "false");
    put(text);
}

static enum watch_event next(void)
{
    return watch_next(&w, hold, reason);
}

START_TEST(events_come_in_order)
{
    ck_assert_int_eq(next(), WATCH_NONE);
    put_event("granted", "2.4.1", "", true);
    put_event("at-risk", "2.4.1", "few jurors", true);
    put_event("safe", "2.4.1", "", true);
    put_event("draining", "2.4.1", "let go", true);
    put_event("passed", "2.4.1", "", true);
    put_event("lost", "2.4.1", "no majority", true);
    ck_assert_int_eq(next(), WATCH_OTHER);
    ck_assert_int_eq(next(), WATCH_AT_RISK);
    ck_assert_str_eq(reason, "few jurors");
    ck_assert_int_eq(next(), WATCH_SAFE);
    ck_assert_str_eq(reason, "");
    ck_assert_int_eq(next(), WATCH_DRAINING);
    ck_assert_int_eq(next(), WATCH_PASSED);
    ck_assert_int_eq(next(), WATCH_LOST);
    ck_assert_str_eq(reason, "no majority");
    ck_assert_int_eq(next(), WATCH_NONE);
}
END_TEST

START_TEST(each_says_whose_it_is)
{
    put_event("lost", "2.4.7", "an order", true);
    put_event("lost", "", "all of this node", true);
    ck_assert_int_eq(next(), WATCH_LOST);
    ck_assert_str_eq(hold, "2.4.7");
    ck_assert_int_eq(next(), WATCH_LOST);
    ck_assert_str_eq(hold, "");
    ck_assert_str_eq(reason, "all of this node");
    put_event("lost", "2.4.7", "an order", true);
    ck_assert_int_eq(next(), WATCH_LOST);
    ck_assert_int_eq(next(), WATCH_NONE);
    ck_assert_str_eq(hold, "");
    ck_assert_str_eq(reason, "");
}
END_TEST

START_TEST(what_came_before_the_end_is_heard)
{
    put_event("lost", "2.4.1", "an order", true);
    close(other);
    other = -1;
    ck_assert_int_eq(next(), WATCH_LOST);
    ck_assert_int_eq(next(), WATCH_ENDED);
    ck_assert_int_eq(next(), WATCH_NONE);
    ck_assert_int_eq(w.stream.fd, -1);
}
END_TEST

START_TEST(last_reply_may_be_the_loss)
{
    put_event("lost", "2.4.1", "an order", false);
    ck_assert_int_eq(next(), WATCH_LOST);
    ck_assert_str_eq(reason, "an order");
    ck_assert_int_eq(next(), WATCH_NONE);
}
END_TEST

START_TEST(error_and_garbage_end_it)
{
    put("{\"error\":\"org.holdfast.NoSuchSession\",\"parameters\":{}}");
    ck_assert_int_eq(next(), WATCH_ENDED);
    teardown();
    setup();
    put("{");
    ck_assert_int_eq(next(), WATCH_ENDED);
    ck_assert_int_eq(next(), WATCH_NONE);
}
END_TEST

START_TEST(long_reason_is_cut)
{
    char why[600] = {0};
    memset(why, 'y', sizeof why - 1);
    put_event("at-risk", "2.4.1", why, true);
    ck_assert_int_eq(next(), WATCH_AT_RISK);
    ck_assert_uint_eq(strlen(reason), WATCH_REASON_SIZE - 1);
}
END_TEST

Suite *suite_session_watch(void)
{
    Suite *s = suite_create("session_watch");
    TCase *t = tcase_create("watch");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, events_come_in_order);
    tcase_add_test(t, each_says_whose_it_is);
    tcase_add_test(t, what_came_before_the_end_is_heard);
    tcase_add_test(t, last_reply_may_be_the_loss);
    tcase_add_test(t, error_and_garbage_end_it);
    tcase_add_test(t, long_reason_is_cut);
    suite_add_tcase(s, t);
    return s;
}
