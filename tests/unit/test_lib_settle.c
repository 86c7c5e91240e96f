/*
 * Settling against an agent's end of a socket pair: what the agent listed before a conversion
 * ended does not undo what that conversion was told.
 */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include <utlist.h>

#include "client/lib.h"

Suite *suite_lib_settle(void);

static struct hf hf;
static struct hf_hold *hold;
static struct varlink watch; /* the keeper's connection, */
static int watch_agent;      /*   and the agent's end of it; */
static int link_agent;       /* the same of the only link */
static bool converts;        /* before the list is answered */

static int pair(int *agent)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    *agent = fds[1];
    return fds[0];
}

static void setup(void)
{
    hf = (struct hf){.pid = getpid(),
                     .event_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                     .wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK),
                     .state = LIB_READY,
                     .generation = 1,
                     .patience_ms = 1000,
                     .settle_at_ms = INT64_MAX,
                     .idle_count = 1};
    pthread_mutex_init(&hf.lock, NULL);
    pthread_cond_init(&hf.changed, NULL);
    strcpy(hf.session.name, "session-1");
    watch = (struct varlink){.fd = pair(&watch_agent)};
    hf.idle = calloc(1, sizeof *hf.idle);
    *hf.idle = (struct lib_link){.agent = {.fd = pair(&link_agent)}, .generation = 1};
    hold = calloc(1, sizeof *hold);
    *hold = (struct hf_hold){.hf = &hf, .mode = HF_SHARED, .name = strdup("image")};
    strcpy(hold->grant.id, "hv1/1/7");
    hold->grant.token = 4;
    DL_APPEND(hf.holds, hold);
    converts = false;
}

static void teardown(void)
{
    varlink_close(&watch);
    lib_link_free_all(hf.idle);
    lib_hold_free(hold);
    close(watch_agent);
    close(link_agent);
    close(hf.event_fd);
    close(hf.wake_fd);
}

static void say(int fd, const char *text)
{
    ck_assert_int_eq(write(fd, text, strlen(text) + 1), (ssize_t)strlen(text) + 1);
}

static void hear(int fd)
{
    char text[4096] = {0};
    ck_assert_int_gt(read(fd, text, sizeof text), 0);
}

/* The agent: it has looked at its holds when the conversion is made. */
static void *agent(void *context)
{
    (void)context;
    hear(watch_agent);
    if (converts) {
        struct hf_options options = {.size = sizeof options, .mode = HF_EXCLUSIVE};
        say(link_agent, "{\"parameters\":{\"state\":\"held\",\"mode\":\"exclusive\",\"token\":9}}");
        ck_assert_int_eq(hf_convert(hold, &options), HF_OK);
    }
    say(watch_agent, "{\"parameters\":{\"operations\":[{\"hold\":\"hv1/1/7\",\"name\":\"image\","
                     "\"mode\":\"shared\",\"state\":\"held\",\"token\":5,\"session\":"
                     "\"session-1\"}]}}");
    return NULL;
}

static void settle(void)
{
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, agent, NULL), 0);
    ck_assert(lib_settle(&hf, &watch, LIB_SETTLE_LIST));
    ck_assert_int_eq(pthread_join(thread, NULL), 0);
}

START_TEST(a_change_whose_answer_was_lost_is_seen)
{
    settle();
    ck_assert_uint_eq(hf_hold_token(hold), 5);
}
END_TEST

START_TEST(an_older_list_does_not_undo_a_conversion)
{
    converts = true;
    settle();
    ck_assert_uint_eq(hf_hold_token(hold), 9);
    ck_assert_int_eq(hold->mode, HF_EXCLUSIVE);
    converts = false;
    settle(); /* the next list is younger than it */
    ck_assert_uint_eq(hf_hold_token(hold), 5);
}
END_TEST

Suite *suite_lib_settle(void)
{
    Suite *suite = suite_create("lib_settle");
    TCase *tcase = tcase_create("settling");
    tcase_add_checked_fixture(tcase, setup, teardown);
    tcase_add_test(tcase, a_change_whose_answer_was_lost_is_seen);
    tcase_add_test(tcase, an_older_list_does_not_undo_a_conversion);
    suite_add_tcase(suite, tcase);
    return suite;
}
