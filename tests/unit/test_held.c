/* What the API replied to Acquire and AcquireAll, made the same for both. */
#include <check.h>
#include <string.h>

#include "client/held.h"

Suite *suite_held(void);

static struct held held;

static void ask(bool several, size_t count, const char *const *names)
{
    held = (struct held){.several = several, .count = count};
    for (size_t i = 0; i < count; i++)
        held.locks[i].name = names[i];
}

static bool take(const char *reply)
{
    json_t *json = json_loads(reply, 0, NULL);
    ck_assert_ptr_nonnull(json);
    return held_take(&held, json);
}

static void teardown(void)
{
    held_drop(&held);
}

static const char *const names[] = {"b", "a"};

static void check_printed(const char *expected)
{
    json_t *out = json_pack("{s:i}", "code", 0), *want = json_loads(expected, 0, NULL);
    held_print(&held, out);
    ck_assert_ptr_nonnull(want);
    ck_assert_msg(json_equal(out, want), "%s", json_dumps(out, 0));
    json_decref(out);
    json_decref(want);
}

START_TEST(one)
{
    ask(false, 1, names);
    ck_assert_str_eq(held_subject(&held, NULL), "b");
    ck_assert(take("{\"state\":\"held\",\"hold\":\"1.2.3\",\"token\":7,\"unclean\":null,"
                   "\"value\":{\"bytes\":\"\"}}"));
    ck_assert_str_eq(held.locks[0].hold, "1.2.3");
    ck_assert_uint_eq(held.locks[0].token, 7);
    ck_assert_ptr_eq(held_find(&held, "1.2.3"), &held.locks[0]);
    ck_assert_ptr_null(held_find(&held, "1.2.4"));
    held.locks[0].passed = true;
    check_printed("{\"code\":0,\"name\":\"b\",\"hold\":\"1.2.3\",\"token\":7,\"unclean\":null,"
                  "\"value\":{\"bytes\":\"\"},\"passed\":true}");
}
END_TEST

START_TEST(several)
{
    ask(true, 2, names);
    ck_assert(take("{\"state\":\"held\",\"holds\":["
                   "{\"name\":\"b\",\"hold\":\"1.2.4\",\"token\":8,\"unclean\":{\"node\":\"n\"}},"
                   "{\"name\":\"a\",\"hold\":\"1.2.3\",\"token\":7,\"unclean\":null}]}"));
    ck_assert_str_eq(held_find(&held, "1.2.3")->name, "a");
    ck_assert(json_is_object(held.locks[0].unclean) && json_is_null(held.locks[1].unclean));
    check_printed("{\"code\":0,\"locks\":["
                  "{\"name\":\"b\",\"hold\":\"1.2.4\",\"token\":8,\"unclean\":{\"node\":\"n\"},"
                  "\"value\":null,\"passed\":false},{\"name\":\"a\",\"hold\":\"1.2.3\",\"token\":7,"
                  "\"unclean\":null,\"value\":null,\"passed\":false}]}");
}
END_TEST

static const char *const wrong[] = {
    "{}",
    "{\"holds\":[]}",
    "{\"hold\":\"1.2.3\",\"token\":7}",
    "{\"holds\":[{\"name\":\"b\",\"hold\":\"1.2.4\",\"token\":8}]}",
    "{\"holds\":[{\"name\":\"a\",\"hold\":\"1.2.3\"},{\"name\":\"b\",\"hold\":\"1.2.4\"}]}",
    "{\"holds\":[{\"name\":\"b\",\"hold\":\"1.2.4\"},{\"name\":\"a\",\"token\":7}]}",
    "{\"holds\":[1,2]}",
    "{\"holds\":{\"name\":\"b\"}}",
};

START_TEST(not_about_these)
{
    ask(true, 2, names);
    ck_assert(!take(wrong[_i]));
    ck_assert_ptr_null(held.reply);
}
END_TEST

START_TEST(what_a_reply_is_about)
{
    json_t *waiting = json_pack("{s:s}", "waiting_for", "a");
    json_t *refused = json_pack("{s:s}", "name", "b");
    ask(true, 2, names);
    ck_assert_str_eq(held_subject(&held, waiting), "a");
    ck_assert_str_eq(held_subject(&held, refused), "b");
    ck_assert_ptr_null(held_subject(&held, NULL));
    json_decref(waiting);
    json_decref(refused);
}
END_TEST

START_TEST(twice)
{
    static const char *const doubled[] = {"b", "a", "a"};
    ask(true, 2, doubled);
    ck_assert_ptr_null(held_twice(&held));
    ask(true, 3, doubled);
    ck_assert_str_eq(held_twice(&held), "a");
}
END_TEST

Suite *suite_held(void)
{
    Suite *s = suite_create("held");
    TCase *t = tcase_create("held");
    tcase_add_checked_fixture(t, NULL, teardown);
    tcase_add_test(t, one);
    tcase_add_test(t, several);
    tcase_add_loop_test(t, not_about_these, 0, sizeof wrong / sizeof *wrong);
    tcase_add_test(t, what_a_reply_is_about);
    tcase_add_test(t, twice);
    suite_add_tcase(s, t);
    return s;
}
