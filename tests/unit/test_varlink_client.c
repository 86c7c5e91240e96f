/* The varlink client against the other end of a socket pair: framing, bounds, garbage, the end. */
#include <check.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "client/varlink.h"

Suite *suite_varlink_client(void);

static int other; /* the agent's end */
static struct varlink v;

static void setup(void)
{
    int fds[2];
    ck_assert_int_eq(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, fds), 0);
    v = (struct varlink){.fd = fds[0]};
    other = fds[1];
}

static void teardown(void)
{
    varlink_close(&v);
    if (other >= 0)
        close(other);
}

/* `size` bytes as they are; a literal's own NUL can be part of it. */
static void put(const char *bytes, size_t size)
{
    ck_assert_int_eq(write(other, bytes, size), (ssize_t)size);
}

START_TEST(call_is_one_object_and_nul)
{
    char text[256] = {0};
    ck_assert_int_eq(varlink_send(&v, "a.b.C", json_pack("{s:i}", "x", 1), VARLINK_MORE),
                     VARLINK_OK);
    ssize_t size = read(other, text, sizeof text);
    ck_assert_int_gt(size, 1);
    ck_assert_int_eq(text[size - 1], '\0');
    ck_assert_uint_eq(strlen(text), (size_t)size - 1);
    json_t *call = json_loads(text, 0, NULL);
    ck_assert_str_eq(json_string_value(json_object_get(call, "method")), "a.b.C");
    ck_assert(json_is_true(json_object_get(call, "more")));
    ck_assert_int_eq(json_integer_value(json_object_get(json_object_get(call, "parameters"), "x")),
                     1);
    json_decref(call);
}
END_TEST

START_TEST(replies_come_in_pieces_and_together)
{
    static const char two[] = "{\"parameters\":{\"n\":1},\"continues\":true}\0{}";
    struct varlink_reply reply;
    for (size_t i = 0; i < sizeof two; i++) {
        put(two + i, 1);
        ck_assert_int_eq(varlink_fill(&v), VARLINK_OK);
        if (i == strlen(two))
            break;
        ck_assert_int_eq(varlink_take(&v, &reply), VARLINK_AGAIN);
    }
    put(two + strlen(two) + 1, 3);
    ck_assert_int_eq(varlink_receive(&v, &reply, 1000), VARLINK_OK);
    ck_assert(reply.continues && reply.error[0] == '\0');
    ck_assert_int_eq(json_integer_value(json_object_get(reply.parameters, "n")), 1);
    json_decref(reply.parameters);
    ck_assert_int_eq(varlink_receive(&v, &reply, 1000), VARLINK_OK);
    ck_assert(!reply.continues);
    ck_assert_uint_eq(json_object_size(reply.parameters), 0);
    json_decref(reply.parameters);
    ck_assert_int_eq(varlink_receive(&v, &reply, 0), VARLINK_AGAIN);
}
END_TEST

START_TEST(error_carries_its_name)
{
    static const char text[] = "{\"error\":\"org.holdfast.Busy\",\"parameters\":{\"holders\":[]}}";
    struct varlink_reply reply;
    put(text, sizeof text);
    ck_assert_int_eq(varlink_receive(&v, &reply, 1000), VARLINK_OK);
    ck_assert_str_eq(reply.error, "org.holdfast.Busy");
    ck_assert(json_is_array(json_object_get(reply.parameters, "holders")));
    json_decref(reply.parameters);
}
END_TEST

START_TEST(garbage_is_refused)
{
    static const char *const bad[] = {"",
                                      "[]",
                                      "{",
                                      "{\"parameters\":1}",
                                      "{\"error\":1}",
                                      "{\"continues\":1}",
                                      "{} {}",
                                      "{\"parameters\":{\"a\":1,\"a\":2}}",
                                      "{\"parameters\":{\"a\":\"\xff\"}}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct varlink_reply reply;
        put(bad[i], strlen(bad[i]) + 1);
        ck_assert_int_eq(varlink_fill(&v), VARLINK_OK);
        ck_assert_msg(varlink_take(&v, &reply) == VARLINK_GARBLED, "%s", bad[i]);
    }
}
END_TEST

START_TEST(end_is_told)
{
    struct varlink_reply reply;
    close(other);
    other = -1;
    ck_assert_int_eq(varlink_receive(&v, &reply, 1000), VARLINK_CLOSED);
    ck_assert_int_eq(varlink_send(&v, "a.b.C", NULL, VARLINK_PLAIN), VARLINK_CLOSED);
}
END_TEST

static void *flood(void *nothing)
{
    static char bytes[64 * 1024];
    (void)nothing;
    memset(bytes, ' ', sizeof bytes);
    while (send(other, bytes, sizeof bytes, MSG_NOSIGNAL) > 0)
        continue;
    return NULL;
}

/* A message without an end costs bounded memory. */
START_TEST(endless_message_is_refused)
{
    struct varlink_reply reply;
    pthread_t thread;
    ck_assert_int_eq(pthread_create(&thread, NULL, flood, NULL), 0);
    ck_assert_int_eq(varlink_receive(&v, &reply, -1), VARLINK_GARBLED);
    varlink_close(&v);
    pthread_join(thread, NULL);
}
END_TEST

START_TEST(large_reply_is_whole)
{
    enum { SIZE = 1024 * 1024 };
    struct varlink_reply reply;
    char *text = malloc(SIZE);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', SIZE);
    json_t *p = json_pack("{s:{s:s#}}", "parameters", "long", text, SIZE);
    char *dump = json_dumps(p, JSON_COMPACT);
    size_t size = strlen(dump) + 1, at = 0;
    while (at < size) {
        ssize_t n = send(other, dump + at, size - at, MSG_DONTWAIT);
        at += n > 0 ? (size_t)n : 0;
        ck_assert_int_eq(varlink_fill(&v), VARLINK_OK);
    }
    ck_assert_int_eq(varlink_receive(&v, &reply, 1000), VARLINK_OK);
    ck_assert_uint_eq(json_string_length(json_object_get(reply.parameters, "long")), SIZE);
    json_decref(reply.parameters);
    json_decref(p);
    free(dump);
    free(text);
}
END_TEST

START_TEST(too_large_call_is_not_sent)
{
    struct varlink_reply reply;
    char *text = calloc(1, VARLINK_SEND_MAX + 1);
    ck_assert_ptr_nonnull(text);
    memset(text, 'x', VARLINK_SEND_MAX);
    ck_assert_int_eq(varlink_call(&v, "a.b.C", json_pack("{s:s}", "x", text), &reply, 10),
                     VARLINK_TOO_LARGE);
    ck_assert_int_lt(recv(other, text, 1, MSG_DONTWAIT), 0);
    free(text);
}
END_TEST

START_TEST(bad_paths_are_told_apart)
{
    struct varlink w;
    char path[200] = {0};
    memset(path, 'x', 108);
    ck_assert_int_eq(varlink_open(&w, path), VARLINK_LONG_PATH);
    ck_assert_int_eq(varlink_open(&w, "/nonexistent/holdfast.sock"), VARLINK_UNREACHABLE);
    ck_assert_int_eq(w.fd, -1);
}
END_TEST

Suite *suite_varlink_client(void)
{
    Suite *s = suite_create("varlink-client");
    TCase *t = tcase_create("varlink-client");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, call_is_one_object_and_nul);
    tcase_add_test(t, replies_come_in_pieces_and_together);
    tcase_add_test(t, error_carries_its_name);
    tcase_add_test(t, garbage_is_refused);
    tcase_add_test(t, end_is_told);
    tcase_add_test(t, endless_message_is_refused);
    tcase_add_test(t, large_reply_is_whole);
    tcase_add_test(t, too_large_call_is_not_sent);
    tcase_add_test(t, bad_paths_are_told_apart);
    suite_add_tcase(s, t);
    return s;
}
