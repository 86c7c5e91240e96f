/* The API's framing: where a message ends, what a call is, what a method takes. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "node/frame.h"

Suite *suite_frame(void);

START_TEST(find_message)
{
    size_t length = 99;
    ck_assert_int_eq(frame_find("", 0, &length), FRAME_PARTIAL);
    ck_assert_int_eq(frame_find("{\"a\"", 4, &length), FRAME_PARTIAL);
    ck_assert_int_eq(frame_find("{}\0{", 4, &length), FRAME_WHOLE);
    ck_assert_uint_eq(length, 2);
    ck_assert_int_eq(frame_find("\0", 1, &length), FRAME_WHOLE);
    ck_assert_uint_eq(length, 0);
}
END_TEST

START_TEST(longest_message)
{
    char *bytes = malloc(FRAME_MAX + 2);
    size_t length;
    memset(bytes, 'x', FRAME_MAX + 2);
    ck_assert_int_eq(frame_find(bytes, FRAME_MAX, &length), FRAME_PARTIAL);
    ck_assert_int_eq(frame_find(bytes, FRAME_MAX + 1, &length), FRAME_TOO_LONG);
    bytes[FRAME_MAX + 1] = '\0';
    ck_assert_int_eq(frame_find(bytes, FRAME_MAX + 2, &length), FRAME_TOO_LONG);
    bytes[FRAME_MAX] = '\0';
    ck_assert_int_eq(frame_find(bytes, FRAME_MAX + 2, &length), FRAME_WHOLE);
    ck_assert_uint_eq(length, FRAME_MAX);
    free(bytes);
}
END_TEST

static bool parses(struct frame_call *call, const char *text)
{
    const char *why = NULL;
    bool good = frame_call_parse(call, text, strlen(text), &why);
    ck_assert(good == (why == NULL));
    ck_assert(good || !call->root);
    return good;
}

START_TEST(whole_call)
{
    struct frame_call call;
    ck_assert(parses(&call, "{\"method\":\"a.b.C\",\"parameters\":{\"x\":1},\"more\":true}"));
    ck_assert_str_eq(call.method, "a.b.C");
    ck_assert(call.more && !call.oneway && !call.upgrade);
    ck_assert_int_eq(frame_int(call.parameters, "x", 0), 1);
    frame_call_free(&call);
    ck_assert(parses(&call, "{\"method\":\"a.b.C\",\"parameters\":null,\"oneway\":true}"));
    ck_assert_ptr_null(call.parameters);
    ck_assert(call.oneway);
    frame_call_free(&call);
}
END_TEST

static const char *const no_calls[] = {
    "",
    "{",
    "[]",
    "1",
    "\"a.b.C\"",
    "null",
    "{}",
    "{\"method\":1}",
    "{\"method\":null}",
    "{\"method\":\"a.b.C\",\"method\":\"a.b.D\"}",
    "{\"method\":\"a.b.C\",\"parameters\":[]}",
    "{\"method\":\"a.b.C\",\"parameters\":\"x\"}",
    "{\"method\":\"a.b.C\",\"more\":1}",
    "{\"method\":\"a.b.C\",\"oneway\":\"yes\"}",
    "{\"method\":\"a.b.C\",\"upgrade\":null}",
    "{\"method\":\"a.b.C\",\"other\":1}",
    "{\"method\":\"a.b.C\",\"oneway\":true,\"more\":true}",
    "{\"method\":\"a.b.C\"} x",
    "{\"method\":\"a.b.\xff\"}",
    "{\"method\":\"a\\u0000b\"}",
};

START_TEST(not_a_call)
{
    struct frame_call call;
    ck_assert_msg(!parses(&call, no_calls[_i]), "taken for a call: %s", no_calls[_i]);
}
END_TEST

static const struct frame_parameter list[] = {{"name", FRAME_STRING, true},
                                              {"count", FRAME_INT, false},
                                              {"try", FRAME_BOOL, false},
                                              {"names", FRAME_STRINGS, false}};
enum { LIST = sizeof list / sizeof *list };

static void check_bad(const char *text, const char *expected)
{
    json_t *parameters = json_loads(text, 0, NULL);
    const char *bad = frame_check(parameters, list, LIST);
    ck_assert_ptr_nonnull(parameters);
    if (expected)
        ck_assert_str_eq(bad, expected);
    else
        ck_assert_ptr_null(bad);
    json_decref(parameters);
}

START_TEST(parameters)
{
    check_bad("{\"name\":\"x\"}", NULL);
    check_bad("{\"name\":\"x\",\"count\":9007199254740993,\"try\":false}", NULL);
    check_bad("{\"name\":\"x\",\"count\":null,\"try\":null}", NULL);
    check_bad("{}", "name");
    check_bad("{\"name\":null}", "name");
    check_bad("{\"name\":3}", "name");
    check_bad("{\"name\":\"x\",\"count\":1.5}", "count");
    check_bad("{\"name\":\"x\",\"count\":\"1\"}", "count");
    check_bad("{\"name\":\"x\",\"try\":0}", "try");
    check_bad("{\"name\":\"x\",\"other\":null}", "other");
    check_bad("{\"name\":\"x\",\"names\":[]}", NULL);
    check_bad("{\"name\":\"x\",\"names\":null}", NULL);
    check_bad("{\"name\":\"x\",\"names\":[\"a\",\"b\"]}", NULL);
    check_bad("{\"name\":\"x\",\"names\":[\"a\",1]}", "names");
    check_bad("{\"name\":\"x\",\"names\":[[\"a\"]]}", "names");
    check_bad("{\"name\":\"x\",\"names\":[null]}", "names");
    check_bad("{\"name\":\"x\",\"names\":\"a\"}", "names");
    check_bad("{\"name\":\"x\",\"names\":{\"a\":\"b\"}}", "names");
    check_bad("{\"name\":[\"x\"]}", "name");
    ck_assert_str_eq(frame_check(NULL, list, LIST), "name");
    ck_assert_ptr_null(frame_check(NULL, NULL, 0));
}
END_TEST

START_TEST(values)
{
    json_t *p = json_loads(
        "{\"s\":\"t\",\"i\":9007199254740993,\"b\":true,\"n\":null,\"l\":[\"u\"]}", 0, NULL);
    ck_assert_str_eq(frame_string(p, "s", "d"), "t");
    ck_assert_str_eq(frame_string(p, "n", "d"), "d");
    ck_assert_str_eq(frame_string(NULL, "s", "d"), "d");
    ck_assert(frame_int(p, "i", 0) == INT64_C(9007199254740993));
    ck_assert_int_eq(frame_int(p, "n", 7), 7);
    ck_assert(frame_bool(p, "b", false));
    ck_assert(frame_bool(p, "n", true));
    ck_assert_uint_eq(json_array_size(frame_strings(p, "l")), 1);
    ck_assert_ptr_null(frame_strings(p, "n"));
    ck_assert_ptr_null(frame_strings(NULL, "l"));
    ck_assert(frame_has(p, "s") && !frame_has(p, "n") && !frame_has(p, "x"));
    json_decref(p);
}
END_TEST

Suite *suite_frame(void)
{
    Suite *s = suite_create("frame");
    TCase *c = tcase_create("frame");
    tcase_add_test(c, find_message);
    tcase_add_test(c, longest_message);
    tcase_add_test(c, whole_call);
    tcase_add_loop_test(c, not_a_call, 0, sizeof no_calls / sizeof *no_calls);
    tcase_add_test(c, parameters);
    tcase_add_test(c, values);
    suite_add_tcase(s, c);
    return s;
}
