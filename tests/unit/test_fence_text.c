/* What the command says of dead holders and orders (F1, F2, F6), from the API's values. */
#include <check.h>
#include <stdlib.h>
#include <string.h>

#include "client/fence_story.h"
#include "client/fence_text.h"

Suite *suite_fence_text(void);

static json_t *value;
static char text[FENCE_TEXT_LINE_MAX];

static void setup(void)
{
    value = NULL;
    memset(text, 'x', sizeof text);
}

static void teardown(void)
{
    json_decref(value);
}

static const json_t *of(const char *json)
{
    json_decref(value);
    value = json_loads(json, JSON_DECODE_ANY, NULL);
    ck_assert_ptr_nonnull(value);
    return value;
}

static const char *waiting(const char *json)
{
    fence_text_waiting(text, sizeof text, of(json));
    return text;
}

#define STALE                                                                                      \
    "\"stale\":{\"stage\":\"asking\",\"node\":\"hv3\",\"slot\":2,\"life\":4,\"votes\":2,"          \
    "\"quorum\":3,\"text\":\"hv3 (life 4) is dead; 2 of 3 votes for an order so far\"}"
#define HELD "\"holders\":[{\"node\":\"hv3\",\"mode\":\"exclusive\"}]"

START_TEST(waiting_names_the_dead_holder)
{
    ck_assert_str_eq(
        waiting("{\"reason\":\"queued\",\"place\":2," HELD "," STALE "}"),
        "waiting, place 2 in the queue, held by hv3 (exclusive): hv3 (life 4) is dead; 2 of 3 "
        "votes for an order so far");
    ck_assert_str_eq(waiting("{\"reason\":\"unknown\"," STALE "}"),
                     "waiting: hv3 (life 4) is dead; 2 of 3 votes for an order so far");
    ck_assert_str_eq(
        waiting("{\"reason\":\"unknown\",\"stale\":{\"stage\":\"hold\",\"node\":\"hv3\","
                "\"life\":4,\"text\":\"\"}}"),
        "waiting: hv3 (life 4) is dead: hold");
}
END_TEST

START_TEST(waiting_says_why)
{
    ck_assert_str_eq(waiting("{\"reason\":\"queued\",\"place\":1," HELD ",\"stale\":null}"),
                     "waiting, place 1 in the queue, held by hv3 (exclusive)");
    ck_assert_str_eq(waiting("{\"reason\":\"queued\",\"place\":1,\"holders\":[]}"),
                     "waiting, place 1 in the queue, held by somebody");
    ck_assert_str_eq(waiting("{\"reason\":\"no-majority\",\"reachable\":2,\"cohort\":5}"),
                     "waiting: no majority: 2 of 5 reachable");
    ck_assert_str_eq(waiting("{\"reason\":\"standing\"}"),
                     "waiting: too few jurors acknowledge this node");
    ck_assert_str_eq(waiting("{\"reason\":\"starting\"}"),
                     "waiting: this node's life does not count yet");
    ck_assert_str_eq(waiting("{\"reason\":\"unknown\"}"), "");
    ck_assert_str_eq(waiting("{}"), "");
}
END_TEST

#define MARK(by, proof)                                                                            \
    "{\"node\":\"hv3\",\"slot\":2,\"life\":4,\"mode\":\"exclusive\",\"token\":17,\"by\":\"" by     \
    "\",\"proof\":\"" proof "\"}"

START_TEST(mark_says_by_what)
{
    fence_text_mark(text, sizeof text, of(MARK("receipt", "ab")));
    ck_assert_str_eq(text, "hv3 (life 4), exclusive, token 17: that node was ended under an "
                           "order (see 'holdfast fence show hv3/4')");
    fence_text_mark(text, sizeof text, of(MARK("end-statement", "ab")));
    ck_assert_ptr_nonnull(strstr(text, "came back"));
    fence_text_mark(text, sizeof text, of(MARK("agent", "")));
    ck_assert_ptr_nonnull(strstr(text, "its own agent"));
    fence_text_mark(text, sizeof text, of(MARK("new-kind", "")));
    ck_assert_ptr_nonnull(strstr(text, "'new-kind'"));
    fence_text_mark(text, sizeof text, of("null"));
    ck_assert_str_eq(text, "");
    fence_text_mark(text, sizeof text, NULL);
    ck_assert_str_eq(text, "");
}
END_TEST

/* A contract with scripts: four words, always. */
START_TEST(unclean_has_four_words)
{
    ck_assert(fence_text_unclean(text, sizeof text, of(MARK("receipt", "00ff"))));
    ck_assert_str_eq(text, "hv3/4 exclusive receipt 00ff");
    ck_assert(fence_text_unclean(text, sizeof text, of(MARK("agent", ""))));
    ck_assert_str_eq(text, "hv3/4 exclusive agent -");
    ck_assert(!fence_text_unclean(text, sizeof text, of("null")));
    ck_assert_str_eq(text, "");
    ck_assert(!fence_text_unclean(text, sizeof text, NULL));
}
END_TEST

/* A digest that is cut short would name another proof. */
START_TEST(unclean_is_whole_or_not_there)
{
    const char *whole = "hv3/4 exclusive receipt 00ff";
    for (size_t size = 1; size <= strlen(whole); size++) {
        ck_assert(!fence_text_unclean(text, size, of(MARK("receipt", "00ff"))));
        ck_assert_str_eq(text, "");
    }
    ck_assert(fence_text_unclean(text, strlen(whole) + 1, of(MARK("receipt", "00ff"))));
    ck_assert_str_eq(text, whole);
}
END_TEST

START_TEST(long_lines_are_cut)
{
    for (size_t size = 1; size < 96; size++) {
        memset(text, 'x', sizeof text);
        fence_text_waiting(text, size,
                           of("{\"reason\":\"queued\",\"place\":1," HELD "," STALE "}"));
        ck_assert_uint_le(strlen(text), size - 1);
        ck_assert_int_eq(text[size], 'x');
        fence_text_mark(text, size, of(MARK("receipt", "ab")));
        ck_assert_uint_le(strlen(text), size - 1);
        ck_assert_int_eq(text[size], 'x');
        fence_text_list(text, size, of("[\"one\",\"two\",\"three\",\"four\"]"));
        ck_assert_uint_le(strlen(text), size - 1);
        ck_assert_int_eq(text[size], 'x');
    }
}
END_TEST

START_TEST(target_is_node_or_node_and_life)
{
    static const char *const bad[] = {
        "",       "/",     "/4",      "hv3/",   "hv3/0",
        "hv3/-1", "hv3/x", "hv3/1/2", "hv3/ 1", "hv3/99999999999999999999"};
    char node[FENCE_TEXT_NODE_MAX + 1], longest[FENCE_TEXT_NODE_MAX + 2] = {0};
    long life;
    ck_assert(fence_text_target("hv3", node, &life));
    ck_assert_str_eq(node, "hv3");
    ck_assert_int_eq(life, 0);
    ck_assert(fence_text_target("hv-3.rack/12", node, &life));
    ck_assert_str_eq(node, "hv-3.rack");
    ck_assert_int_eq(life, 12);
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++)
        ck_assert_msg(!fence_text_target(bad[i], node, &life), "%s", bad[i]);
    memset(longest, 'a', FENCE_TEXT_NODE_MAX);
    ck_assert(fence_text_target(longest, node, &life));
    ck_assert_str_eq(node, longest);
    longest[FENCE_TEXT_NODE_MAX] = 'a';
    char longer[FENCE_TEXT_NODE_MAX + 3];
    snprintf(longer, sizeof longer, "%.*sb", FENCE_TEXT_NODE_MAX, longest);
    ck_assert(!fence_text_target(longer, node, &life));
}
END_TEST

START_TEST(age_is_seconds_or_never)
{
    fence_text_age(text, sizeof text, 4250);
    ck_assert_str_eq(text, "4.2 s");
    fence_text_age(text, sizeof text, 0);
    ck_assert_str_eq(text, "0.0 s");
    fence_text_age(text, sizeof text, -1);
    ck_assert_str_eq(text, "never");
}
END_TEST

#define ORDER_HEAD                                                                                 \
    "{\"node\":\"hv3\",\"slot\":2,\"life\":4,\"order\":\"8f3a\",\"epoch\":1,\"stage\":\"over\","   \
    "\"text\":\"ended by hv1\",\"accuser\":\"hv1\",\"lock\":\"image/x\",\"signatures\":3,"         \
    "\"quorum\":3,\"jurors\":5,\"bytes\":412,"
#define OPINIONS                                                                                   \
    "\"opinions\":[{\"juror\":\"hv1\",\"slot\":0,\"verdict\":\"votes\",\"text\":\"it voted\","     \
    "\"renewal_ms\":4250,\"heard_ms\":4150,\"direct\":2,\"relays\":3,\"silent\":3,"                \
    "\"acknowledged\":3,\"alive\":4,\"brake\":1,\"signed\":true,\"age_ms\":4300,"                  \
    "\"allows\":[\"retire\",\"lab-off\"]},"                                                        \
    "{\"juror\":\"hv5\",\"slot\":4,\"verdict\":\"late\",\"text\":\"\",\"renewal_ms\":-1,"          \
    "\"heard_ms\":-1,\"signed\":false,\"age_ms\":-1,\"allows\":[]}],"
#define REPORTS                                                                                    \
    "\"reports\":[{\"executor\":\"hv2\",\"stage\":\"failed\",\"text\":\"off: exit 1\"},"           \
    "{\"executor\":\"hv1\",\"stage\":\"began\",\"text\":\"\"}],"
#define RECEIPT                                                                                    \
    "\"receipt\":{\"executor\":\"hv1\",\"action\":\"lab-off\",\"device\":\"lab:hv3\","             \
    "\"witness\":\"hv2\",\"proof\":\"77aa\"}}"

START_TEST(executor_is_of_the_receipt_or_the_last_report)
{
    fence_text_executor(text, sizeof text, of(ORDER_HEAD REPORTS RECEIPT));
    ck_assert_str_eq(text, "hv1: receipt");
    fence_text_executor(text, sizeof text, of(ORDER_HEAD REPORTS "\"receipt\":null}"));
    ck_assert_str_eq(text, "hv1: began");
    fence_text_executor(text, sizeof text, of("{\"reports\":[],\"receipt\":null}"));
    ck_assert_str_eq(text, "-");
    fence_text_executor(text, sizeof text, of("{}"));
    ck_assert_str_eq(text, "-");
}
END_TEST

static char *story(const char *json)
{
    char *out = NULL;
    size_t size = 0;
    FILE *f = open_memstream(&out, &size);
    ck_assert_ptr_nonnull(f);
    fence_story_print(f, of(json));
    ck_assert_int_eq(fclose(f), 0);
    return out;
}

/* Who asked and for what, who saw what, who signed, who acted, what ended it: all of it is there.
 */
START_TEST(story_tells_everything)
{
    static const char *const parts[] = {
        "hv3 (slot 2), life 4: over\n",
        "ended by hv1\n",
        "asked by   hv1, for whoever waits for the lock image/x\n",
        "signed by  3 of 5 jurors, 3 are needed: hv1\n",
        "order      8f3a, epoch 1, a certificate of 412 bytes\n",
        "hv1 (slot 0): votes: it voted\n",
        "last renewal of that life: 4.2 s before; last word of that node: 4.1 s before\n",
        "probes sent: 2 direct, 3 through others (3 came back unheard)\n",
        "acknowledged by 3 jurors; members alive: 4; brake count: 1\n",
        "signed, 4.3 s after it last acknowledged that life; allows retire, lab-off\n",
        "hv5 (slot 4): late\n",
        "last renewal of that life: none since its start; last word of that node: none since",
        "not signed",
        "hv2: failed: off: exit 1\n",
        "hv1: began\n",
        "receipt    by hv1: lab-off, on the device lab:hv3\n",
        "hv2 asked the device too",
        "proof 77aa\n"};
    char *told = story(ORDER_HEAD OPINIONS REPORTS RECEIPT);
    for (size_t i = 0; i < sizeof parts / sizeof parts[0]; i++)
        ck_assert_msg(strstr(told, parts[i]) != NULL, "'%s' is not in:\n%s", parts[i], told);
    free(told);
}
END_TEST

START_TEST(story_of_little_is_short)
{
    char *told = story("{\"node\":\"hv3\",\"life\":4,\"stage\":\"ordered\",\"receipt\":null}");
    ck_assert_ptr_nonnull(strstr(told, "asked by   a node that is not known here\n"));
    ck_assert_ptr_nonnull(strstr(told, "is not known here"));
    ck_assert_ptr_nonnull(strstr(told, "no executor has told anything"));
    ck_assert_ptr_nonnull(strstr(told, "receipt    none\n"));
    free(told);
}
END_TEST

Suite *suite_fence_text(void)
{
    Suite *s = suite_create("fence-text");
    TCase *t = tcase_create("fence-text");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, waiting_names_the_dead_holder);
    tcase_add_test(t, waiting_says_why);
    tcase_add_test(t, mark_says_by_what);
    tcase_add_test(t, unclean_has_four_words);
    tcase_add_test(t, unclean_is_whole_or_not_there);
    tcase_add_test(t, long_lines_are_cut);
    tcase_add_test(t, target_is_node_or_node_and_life);
    tcase_add_test(t, age_is_seconds_or_never);
    tcase_add_test(t, executor_is_of_the_receipt_or_the_last_report);
    tcase_add_test(t, story_tells_everything);
    tcase_add_test(t, story_of_little_is_short);
    suite_add_tcase(s, t);
    return s;
}
