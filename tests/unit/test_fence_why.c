/* `holdfast fence why` and `preview`: the words, from what an agent says. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "client/agent.h"
#include "client/fence_preview.h"
#include "client/fence_why.h"

Suite *suite_fence_why(void);

static json_t *explained;
static char *text;
static size_t text_size;

static void teardown(void)
{
    json_decref(explained);
    explained = NULL;
    free(text);
    text = NULL;
}

static json_t *parse(const char *json)
{
    json_error_t error;
    json_t *in = json_loads(json, 0, &error);
    ck_assert_msg(in != NULL, "%s: %s", error.text, json);
    return in;
}

/* What is told about facts, an object's members beside the node's name. */
static const char *why(const char *facts)
{
    static char whole[16384];
    snprintf(whole, sizeof whole, "{\"node\":\"hv3\",%s}", facts);
    json_t *in = parse(whole);
    teardown();
    explained = fence_why_explain(in);
    json_decref(in);
    FILE *out = open_memstream(&text, &text_size);
    fence_why_print(out, explained);
    fclose(out);
    return text;
}

static void has(const char *part)
{
    ck_assert_msg(strstr(text, part) != NULL, "'%s' is not in:\n%s", part, text);
}

static void state_is(const char *state, bool over)
{
    ck_assert_str_eq(json_text(explained, "state"), state);
    ck_assert_int_eq(json_flag(explained, "over"), over);
    ck_assert(strncmp(text, json_text(explained, "headline"),
                      strlen(json_text(explained, "headline"))) == 0);
}

#define OPINION(juror, verdict, text, sign)                                                        \
    "{\"juror\":\"" juror "\",\"slot\":1,\"verdict\":\"" verdict "\",\"text\":\"" text             \
    "\",\"renewal_ms\":2300,\"heard_ms\":-1,\"direct\":2,\"relays\":3,\"silent\":3,"               \
    "\"acknowledged\":4,\"alive\":4,\"brake\":1,\"signed\":" sign                                  \
    ",\"age_ms\":2400,\"allows\":[\"retire\",\"power\"]}"

#define STEP(kind, time, rest)                                                                     \
    "{\"kind\":\"" kind "\",\"time\":\"" time "\",\"node\":\"hv3\",\"life\":2," rest "}"

#define VOTES                                                                                      \
    STEP("accused", "T1", "\"by\":\"hv1\",\"lock\":\"disk/a\"")                                    \
    "," STEP("vote", "T2",                                                                         \
             "\"by\":\"hv1\",\"opinion\":" OPINION(                                                \
                 "hv1", "votes", "it votes",                                                       \
                 "true")) "," STEP("vote", "T3",                                                   \
                                   "\"by\":\"hv2\",\"opinion\":" OPINION(                          \
                                       "hv2", "votes", "it votes",                                 \
                                       "true")) "," STEP("opinion", "T3",                          \
                                                         "\"by\":\"hv4\",\"opinion\":" OPINION(    \
                                                             "hv4", "renewed",                     \
                                                             "a renewal came lately", "false"))

#define ORDER_STEP STEP("order", "T4", "\"by\":\"hv1\",\"lock\":\"disk/a\",\"digest\":\"abcd\"")

#define ORDER(stage)                                                                               \
    "\"order\":{\"node\":\"hv3\",\"life\":2,\"order\":\"abcd\",\"epoch\":1,\"stage\":\"" stage     \
    "\",\"text\":\"how it stands\",\"accuser\":\"hv1\",\"lock\":\"disk/a\",\"signatures\":3,"      \
    "\"quorum\":3,\"jurors\":5,\"opinions\":[],\"reports\":[],\"receipt\":null}"

START_TEST(test_nothing_is_known)
{
    why("\"member\":{\"name\":\"hv3\",\"gossip\":\"alive\",\"life\":7}");
    state_is("none", false);
    has("hv3 (life 7): nothing is known here of a fence");
    has("next: hv3 is alive to the members (life 7)");
}
END_TEST

START_TEST(test_a_fence_that_is_over)
{
    why("\"member\":{\"name\":\"hv3\",\"gossip\":\"alive\",\"life\":3}," ORDER(
        "over") ",\"steps\":[" VOTES "," ORDER_STEP
                "," STEP(
                    "report", "T5",
                    "\"by\":\"hv2\",\"detail\":\"done\","
                    "\"text\":\"executor hv2 is done\"") ","
                                                         "{\"kind\":\"proof\",\"time\":\"T6\","
                                                         "\"node\":\"hv3\",\"life\":2,\"by\":"
                                                         "\"hv2\","
                                                         "\"detail\":\"executor\",\"digest\":"
                                                         "\"beef\"}," STEP(
                                                             "freed", "T7",
                                                             "\"lock\":\"disk/"
                                                             "a\",\"mode\":\"exclusive\",\"token\":"
                                                             "17,"
                                                             "\"hold\":\"3.2.5\"") "," STEP("freed",
                                                                                            "T8",
                                                                                            "\"lock"
                                                                                            "\":"
                                                                                            "\"disk"
                                                                                            "/a\","
                                                                                            "\"mode"
                                                                                            "\":"
                                                                                            "\"excl"
                                                                                            "usive"
                                                                                            "\","
                                                                                            "\"toke"
                                                                                            "n\":"
                                                                                            "17,"
                                                                                            "\"hold"
                                                                                            "\":"
                                                                                            "\"\"") "]");
    state_is("fenced", true);
    has("was fenced: hv2 carried the order out at T6; it is over");
    has("next: nothing more is to come: 1 of its locks passed on");
    has("next: hv3 is back under life 3: alive to the members");
    has("by hv1, for whoever waits for disk/a");
    has("signed by 3 of 5 jurors, 3 are needed");
    has("T2  hv1: it votes; last renewal of that life 2.3 s before, last word never");
    has("allows retire, power");
    has("T3  hv4: a renewal came lately");
    has("disk/a (exclusive, token 17)");
    has("beef");
    ck_assert_uint_eq(json_array_size(json_object_get(explained, "signers")), 2);
    ck_assert_uint_eq(json_array_size(json_object_get(explained, "refusers")), 1);
    ck_assert_uint_eq(json_array_size(json_object_get(explained, "freed")), 1);
    ck_assert_uint_eq(json_array_size(json_object_get(explained, "missing")), 0);
}
END_TEST

START_TEST(test_it_came_back_by_itself)
{
    why("\"life\":2,\"member\":{\"name\":\"hv3\",\"gossip\":\"alive\",\"life\":3},\"steps\":["
        "{\"kind\":\"proof\",\"time\":\"T6\",\"node\":\"hv3\",\"life\":2,\"by\":\"hv3\","
        "\"detail\":\"end-statement\",\"digest\":\"beef\"}]");
    state_is("ended", true);
    has("started again and said so itself; nobody fenced it");
}
END_TEST

START_TEST(test_each_stage_says_that_it_is_not_over)
{
    static const struct {
        const char *facts, *state, *part;
    } stages[] = {
        {ORDER("ordered"), "ordered", "no executor has begun"},
        {ORDER("running"), "running", "an executor acts"},
        {ORDER("failed"), "failed", "every executor failed"},
        {ORDER("no-action"), "no-action", "nobody can carry it out"},
    };
    for (size_t i = 0; i < sizeof stages / sizeof *stages; i++) {
        why(stages[i].facts);
        state_is(stages[i].state, false);
        has("NOT over");
        has(stages[i].part);
        has("next: now: how it stands");
        has("times are missing"); /* the log has no step of it */
    }
}
END_TEST

START_TEST(test_an_order_that_only_the_log_remembers)
{
    why("\"steps\":[" VOTES "," ORDER_STEP "]");
    state_is("ordered", false);
    has("abcd");
}
END_TEST

START_TEST(test_an_accusation_that_is_no_order)
{
    why("\"inquiries\":[{\"node\":\"hv3\",\"life\":2,\"asks\":true,\"lock\":\"disk/a\","
        "\"quorum\":3,\"jurors\":5,\"answers\":[" OPINION("hv1", "votes", "it votes",
                                                          "true") "," OPINION("hv4", "renewed",
                                                                              "a renewal came "
                                                                              "lately",
                                                                              "false") "]}]");
    state_is("asking", false);
    has("1 votes known here, 3 are needed; NOT ordered");
    has("next: 2 more votes are needed");
    has("next: hv4 does not vote: a renewal came lately");
    why("\"steps\":[" VOTES "],\"member\":{\"name\":\"hv3\",\"gossip\":\"alive\",\"life\":2}");
    state_is("accused", false);
    has("no order came of it");
}
END_TEST

START_TEST(test_what_the_log_cannot_know_is_said)
{
    why("\"log\":{\"stopped\":true,\"trouble\":\"the disk is full\",\"lost\":3,\"first\":40}");
    has("the disk is full");
    has("3 steps are not in this node's fence log");
    has("begins with record 40");
}
END_TEST

/* --- Preview --- */

static void preview(const char *device, const char *reachable, int brake, const char *policy)
{
    static char whole[4096];
    snprintf(whole, sizeof whole,
             "{\"node\":\"hv3\",\"life\":2,\"locks\":[{\"name\":\"disk/a\",\"mode\":\"exclusive\","
             "\"policy\":\"%s\",\"token\":17,\"waiters\":1}],\"lock_count\":1,\"shards\":1024,"
             "\"shards_known\":512,\"shards_voted\":1024,\"juror\":true,\"executes\":true,"
             "\"jurors\":5,\"quorum\":3,\"asked\":[{\"juror\":\"hv1\",\"reachable\":true},"
             "{\"juror\":\"hv2\",\"reachable\":true},{\"juror\":\"hv4\",\"reachable\":%s},"
             "{\"juror\":\"hv5\",\"reachable\":false}],\"brake\":%d,\"brake_limit\":2,"
             "\"device\":\"%s\",\"actions\":[\"power\"],\"executors\":[{\"executor\":\"hv2\","
             "\"alive\":true},{\"executor\":\"hv1\",\"alive\":false}],\"ordered_ms\":5000,"
             "\"executed_ms\":21000,\"turn_ms\":3000,\"watchdog_ms\":15000}",
             policy, reachable, brake, device);
    teardown();
    explained = parse(whole);
    fence_preview_explain(explained);
    FILE *out = open_memstream(&text, &text_size);
    fence_preview_print(out, explained);
    fclose(out);
}

START_TEST(test_a_preview_that_ends_well)
{
    preview("bmc3", "true", 1, "fence");
    ck_assert_str_eq(json_text(explained, "outcome"), "executor");
    ck_assert_int_eq(json_number(explained, "passes_ms"), 21000);
    has("1 of its locks would be freed by fencing it, within 21.0 s");
    has("3 jurors can be asked (hv1, hv2, hv4), 3 are needed; not reached now: hv5");
    has("number 1 of at most 2");
    has("action power on the device bmc3, by the first of these that answers: hv2");
    has("disk/a (exclusive, token 17, fence, 1 wait): freed once it is fenced");
    has("512 of 1024 shards");
    has("it is a juror: 3 of 5 would be left");
}
END_TEST

START_TEST(test_a_preview_says_whether_its_list_is_whole)
{
    static const char format[] =
        "{\"node\":\"hv3\",\"locks\":[{\"name\":\"disk/a\",\"mode\":\"exclusive\","
        "\"policy\":\"fence\",\"token\":17,\"waiters\":%s}],\"lock_count\":1,\"own\":%s,"
        "\"whole\":%s,\"shards\":1024,\"shards_known\":%d}";
    static const struct {
        const char *waiters, *own, *whole;
        int known;
        const char *line, *list;
    } rows[] = {
        {"2", "false", "false", 512, "512 of 1024 shards; for all of them ask hv3 itself",
         "as far as is known here\n  disk/a (exclusive, token 17, fence, 2 wait)"},
        {"2", "false", "false", 512, "run `holdfast fence preview hv3` there", "known here"},
        {"2", "false", "true", 1024, "is whole: this node stores the locks of all shards",
         "what it holds\n"},
        {"0", "true", "true", 1024, "is whole: its own book\n", "what it holds\n"},
        {"null", "true", "true", 512, "is whole: its own book; who waits is known here for the",
         "what it holds\n  disk/a (exclusive, token 17, fence, who waits is not known here)"},
    };
    char whole[1024];
    snprintf(whole, sizeof whole, format, rows[_i].waiters, rows[_i].own, rows[_i].whole,
             rows[_i].known);
    teardown();
    explained = parse(whole);
    fence_preview_explain(explained);
    FILE *out = open_memstream(&text, &text_size);
    fence_preview_print(out, explained);
    fclose(out);
    has(rows[_i].line);
    has(rows[_i].list);
}
END_TEST

START_TEST(test_a_preview_of_what_would_stop_it)
{
    preview("bmc3", "false", 1, "fence");
    ck_assert_str_eq(json_text(explained, "outcome"), "none");
    has("NO ORDER CAN COME");
    has("would WAIT until it boots again");
    preview("bmc3", "true", 3, "fence");
    ck_assert_str_eq(json_text(explained, "outcome"), "retire");
    has("NO MORE THAN TO RETIRE");
    preview("", "true", 1, "fence");
    ck_assert_str_eq(json_text(explained, "outcome"), "retire");
    has("names no fence device for it: NOBODY CAN SWITCH IT OFF");
    has("waits until it boots again: it cannot be fenced");
    preview("bmc3", "true", 1, "hold");
    ck_assert_str_eq(json_text(explained, "outcome"), "nothing");
    has("nobody would have to end it");
    has("1 of its locks are under the policy hold");
}
END_TEST

Suite *suite_fence_why(void)
{
    Suite *suite = suite_create("fence_why");
    TCase *tests = tcase_create("fence_why");
    tcase_add_checked_fixture(tests, NULL, teardown);
    tcase_add_test(tests, test_nothing_is_known);
    tcase_add_test(tests, test_a_fence_that_is_over);
    tcase_add_test(tests, test_it_came_back_by_itself);
    tcase_add_test(tests, test_each_stage_says_that_it_is_not_over);
    tcase_add_test(tests, test_an_order_that_only_the_log_remembers);
    tcase_add_test(tests, test_an_accusation_that_is_no_order);
    tcase_add_test(tests, test_what_the_log_cannot_know_is_said);
    tcase_add_test(tests, test_a_preview_that_ends_well);
    tcase_add_loop_test(tests, test_a_preview_says_whether_its_list_is_whole, 0, 5);
    tcase_add_test(tests, test_a_preview_of_what_would_stop_it);
    suite_add_tcase(suite, tests);
    return suite;
}
