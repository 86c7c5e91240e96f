/* The members as people want them: which, in which order, in a line, and why. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"
#include "client/color.h"
#include "client/member_list.h"

Suite *suite_member_list(void);

static json_t *members;

static void open_list(void)
{
    static const char text[] =
        "[{'slot':0,'name':'hv1','gossip':'alive','life':1,'fence':'none'},"
        "{'slot':1,'name':'hv2','gossip':'left','life':1,'gossip_why':'left','unreachable':true,"
        "'reach_why':'silent'},"
        "{'slot':2,'name':'hv3','gossip':'suspect','life':1,'gossip_why':'probe'},"
        "{'slot':3,'name':'hv4','gossip':'dead','life':3,'gossip_why':'unrefuted',"
        "'unreachable':true,'reach_why':'silent','fence':'fenced','fence_life':2,"
        "'fence_why':'of before'},"
        "{'slot':4,'name':'hv5','gossip':'alive','life':1,'unreachable':true,"
        "'reach_why':'silent'},"
        "{'slot':5,'name':'hv6','gossip':'alive','life':2,'fence':'ordered','fence_life':2,"
        "'fence_why':'an order'},"
        "{'slot':6,'name':'hv7','gossip':'unknown'}]";
    char json[sizeof text];
    memcpy(json, text, sizeof text);
    for (char *c = json; *c; c++)
        if (*c == '\'')
            *c = '"';
    members = json_loads(json, 0, NULL);
    ck_assert_ptr_nonnull(members);
}

static void close_list(void)
{
    json_decref(members);
}

/* "hv3 hv1": the names of those that pass. */
static const char *names(const struct member_filter *filter, bool worst_first)
{
    static char out[256];
    const json_t *m;
    size_t index, at = 0;
    json_t *list = member_list_pick(members, filter, worst_first);
    out[0] = '\0';
    json_array_foreach(list, index, m)
    {
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s", at ? " " : "",
                               json_text(m, "name"));
    }
    json_decref(list);
    return out;
}

static const json_t *member(size_t slot)
{
    return json_array_get(members, slot);
}

/* "gossip=probe reach=silent" */
static const char *whys(size_t slot)
{
    static char out[256];
    const char *verdict, *why;
    size_t at = 0;
    out[0] = '\0';
    for (size_t i = 0; member_list_why(member(slot), i, &verdict, &why); i++)
        at += (size_t)snprintf(out + at, sizeof out - at, "%s%s=%s", at ? " " : "", verdict, why);
    return out;
}

START_TEST(worst_first_then_by_slot)
{
    const struct member_filter all = {0};
    ck_assert_str_eq(names(&all, false), "hv1 hv2 hv3 hv4 hv5 hv6 hv7");
    ck_assert_str_eq(names(&all, true), "hv6 hv4 hv3 hv5 hv7 hv2 hv1");
}
END_TEST

START_TEST(names_and_patterns_choose)
{
    char one[] = "hv3", some[] = "hv[56]", none[] = "hv", wild[] = "*9";
    char *two[] = {one, some};
    const struct member_filter filter = {two, 2};
    ck_assert_str_eq(names(&filter, false), "hv3 hv5 hv6");
    ck_assert_ptr_null(member_filter_missing(&filter, members));
    char *bad[] = {one, none, wild};
    const struct member_filter wrong = {bad, 3};
    ck_assert_str_eq(member_filter_missing(&wrong, members), "hv");
    const struct member_filter last = {bad + 2, 1};
    ck_assert_str_eq(member_filter_missing(&last, members), "*9");
    ck_assert_str_eq(names(&last, true), "");
    const struct member_filter all = {0};
    ck_assert_ptr_null(member_filter_missing(&all, members));
}
END_TEST

START_TEST(each_bad_verdict_has_its_why)
{
    ck_assert_str_eq(whys(0), "");
    ck_assert_str_eq(whys(1), "gossip=left reach=silent");
    ck_assert_str_eq(whys(2), "gossip=probe");
    ck_assert_str_eq(whys(3), "gossip=unrefuted reach=silent"); /* fenced was a life before */
    ck_assert_str_eq(whys(4), "reach=silent");
    ck_assert_str_eq(whys(5), "fence=an order");
    ck_assert(!member_fence_present(member(3)) && member_fence_present(member(5)));
}
END_TEST

START_TEST(a_line_says_it_all)
{
    char text[MEMBER_SUMMARY_MAX];
    member_list_summary(text, members, "hv1");
    ck_assert_str_eq(text, "hv1 sees 7 members: 3 alive, 1 suspect, 1 dead, 1 left, 1 unknown; it "
                           "does not reach 3; fenced, ordered or over: 1");
    json_t *one = json_pack("[O]", member(0));
    member_list_summary(text, one, "hv1");
    ck_assert_str_eq(text, "hv1 sees 1 member: 1 alive");
    json_decref(one);
}
END_TEST

START_TEST(a_node_that_is_slow_says_so)
{
    char text[MEMBER_SUMMARY_MAX];
    json_t *reply = json_pack("{s:s s:i}", "node", "hv1", "local_health", 0);
    member_list_health(text, reply);
    ck_assert_str_eq(text, "");
    json_object_set_new(reply, "local_health", json_integer(3));
    member_list_health(text, reply);
    ck_assert_ptr_nonnull(strstr(text, "hv1 itself is slow"));
    ck_assert_ptr_nonnull(strstr(text, "4 times as long"));
    json_decref(reply);
}
END_TEST

START_TEST(no_color_where_none_is_wanted)
{
    setenv("TERM", "xterm", 1);
    setenv("NO_COLOR", "1", 1);
    ck_assert(!color_wanted());
    unsetenv("NO_COLOR");
    setenv("TERM", "dumb", 1);
    ck_assert(!color_wanted());
}
END_TEST

Suite *suite_member_list(void)
{
    Suite *suite = suite_create("member_list");
    TCase *t = tcase_create("list");
    tcase_add_checked_fixture(t, open_list, close_list);
    tcase_add_test(t, worst_first_then_by_slot);
    tcase_add_test(t, names_and_patterns_choose);
    tcase_add_test(t, each_bad_verdict_has_its_why);
    tcase_add_test(t, a_line_says_it_all);
    tcase_add_test(t, a_node_that_is_slow_says_so);
    tcase_add_test(t, no_color_where_none_is_wanted);
    suite_add_tcase(suite, t);
    return suite;
}
