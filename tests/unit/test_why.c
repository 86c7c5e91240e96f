/* `holdfast why`: the words, from what an agent says. */
#include <check.h>
#include <stdio.h>
#include <string.h>

#include "client/member_text.h"
#include "client/why.h"
#include "client/why_state.h"

Suite *suite_why(void);

static json_t *explained;
static char told[8192]; /* as it is printed: text, and "next: " before what comes next */

static void setup(void)
{
    explained = NULL;
}

static void teardown(void)
{
    json_decref(explained);
}

static void append(const char *before, const json_t *lines)
{
    const json_t *line;
    size_t index;
    json_array_foreach(lines, index, line)
    {
        size_t at = strlen(told);
        snprintf(told + at, sizeof told - at, "%s%s\n", before, json_string_value(line));
    }
}

/* All that is told about facts, an object's members. */
static const char *why(const char *facts)
{
    static char text[16384];
    json_error_t error;
    snprintf(text, sizeof text, "{\"name\":\"image/a\",%s}", facts);
    json_t *in = json_loads(text, 0, &error);
    ck_assert_msg(in != NULL, "%s: %s", error.text, text);
    json_decref(explained);
    explained = why_explain(in);
    json_decref(in);
    ck_assert_ptr_nonnull(explained);
    told[0] = '\0';
    append("", json_object_get(explained, "text"));
    append("next: ", json_object_get(explained, "next"));
    return told;
}

#define HAS(part)   ck_assert_msg(strstr(told, part), "'%s' is not in:\n%s", part, told)
#define LACKS(part) ck_assert_msg(!strstr(told, part), "'%s' is in:\n%s", part, told)

#define HOLDER(node, hold, mode, policy)                                                           \
    "{\"hold\":\"" hold "\",\"node\":\"" node "\",\"mode\":\"" mode                                \
    "\",\"limit\":0,\"policy\":\"" policy "\",\"token\":17,\"place\":0,\"data\":\"\"}"
#define WAITER(node, hold, mode, place)                                                            \
    "{\"hold\":\"" hold "\",\"node\":\"" node "\",\"mode\":\"" mode                                \
    "\",\"limit\":0,\"policy\":\"fence\",\"token\":0,\"place\":" place ",\"data\":\"\"}"
#define LOCK(holders, converting, waiters, rest)                                                   \
    "\"lock\":{\"name\":\"image/a\",\"token\":17,\"holders\":[" holders                            \
    "],\"converting\":[" converting "],\"waiters\":[" waiters "]" rest "}"
#define MEMBER(node, gossip, life)                                                                 \
    "{\"name\":\"" node "\",\"gossip\":\"" gossip "\",\"life\":" life                              \
    ",\"since_ms\":4200,\"accused_by\":\"\",\"unreachable\":false}"
#define MEMBERS(second)                                                                            \
    "\"members\":[" MEMBER("hv1", "alive", "1") "," second "," MEMBER("hv3", "alive", "1") "]"
#define STALE(stage)                                                                               \
    ",\"stale\":{\"stage\":\"" stage "\",\"node\":\"hv2\",\"slot\":1,\"life\":3,\"votes\":2,"      \
    "\"quorum\":3,\"text\":\"as the agent says\"}"
#define STATUS(rest) "\"status\":{\"node\":\"hv1\",\"jurors\":5" rest "}"
#define WELL         MEMBERS(MEMBER("hv2", "alive", "3"))
#define DEAD         MEMBERS(MEMBER("hv2", "dead", "3"))

/* hv2 holds it, hv1 waits. */
#define PAIR(policy, rest)                                                                         \
    LOCK(HOLDER("hv2", "1.3.5", "exclusive", policy), "",                                          \
         WAITER("hv1", "0.1.9", "exclusive", "1"), rest)

START_TEST(free_lock)
{
    ck_assert_str_eq(why(LOCK("", "", "", "") "," WELL),
                     "image/a is free; its token is 17\n"
                     "next: whoever asks first is granted it at once\n");
    ck_assert(json_is_true(json_object_get(explained, "known")));
    ck_assert_str_eq(json_string_value(json_object_get(explained, "name")), "image/a");
}
END_TEST

START_TEST(held_and_nobody_waits)
{
    ck_assert_str_eq(
        why(LOCK(HOLDER("hv2", "1.3.5", "exclusive", "fence"), "", "", "") "," WELL),
        "image/a is held by hv2 (exclusive, token 17, policy fence)\n"
        "next: nobody waits: it stays so until a holder releases it, or somebody asks\n");
    why(LOCK(HOLDER("hv2", "1.3.5", "exclusive", "fence"), "", "", "") "," DEAD);
    HAS("hv2 is dead by gossip since 4 s\n");
    HAS("next: as long as nobody waits for what hv2 held, nobody is asked for an order");
}
END_TEST

START_TEST(data_of_a_holder_that_is_text)
{
    why("\"lock\":{\"holders\":[{\"hold\":\"1.3.5\",\"node\":\"hv2\",\"mode\":\"counted\","
        "\"limit\":4,\"policy\":\"hold\",\"token\":2,\"data\":\"dm0tNw==\"}]}");
    HAS("held by hv2 (counted 4, token 2, policy hold, \"vm-7\")\n");
    why("\"lock\":{\"holders\":[{\"hold\":\"1.3.5\",\"node\":\"hv2\",\"mode\":\"counted\","
        "\"limit\":4,\"policy\":\"hold\",\"token\":2,\"data\":\"AAEC\"}]}");
    HAS("held by hv2 (counted 4, token 2, policy hold, \"base64:AAEC\")\n");
}
END_TEST

START_TEST(waiting_and_who_comes_next)
{
    ck_assert_str_eq(why(PAIR("fence", "") "," WELL),
                     "image/a is held by hv2 (exclusive, token 17, policy fence)\n"
                     "hv1 waits (exclusive), place 1: for hv2\n"
                     "next: when hv2 has released it, hv1 is granted it (exclusive)\n");
    /* Two readers hold it, a writer waits, and behind it two readers, who get in together. */
    why(LOCK(HOLDER("hv2", "1.3.5", "shared", "hold") "," HOLDER("hv3", "2.1.2", "shared", "hold"),
             "",
             WAITER("hv1", "0.1.9", "EX", "1") "," WAITER("hv2", "1.3.6", "shared", "2") "," WAITER(
                 "hv3", "2.1.3", "shared", "3"),
             "") "," WELL);
    HAS("image/a is held by 2:\n  hv2's 1.3.5 (shared, token 17, policy hold)\n");
    HAS("hv1 waits (EX), place 1: for hv2's 1.3.5 and hv3's 2.1.2\n");
    HAS("hv2's 1.3.6 waits (shared), place 2: for those before it\n");
    HAS("next: when hv2's 1.3.5 and hv3's 2.1.2 have released it, hv1 is granted it (EX)\n");
    HAS("next: then, when hv1 has released it, hv2's 1.3.6 and hv3's 2.1.3 are granted it together "
        "(shared)\n");
}
END_TEST

START_TEST(many_that_wait_are_counted)
{
    why(LOCK(HOLDER("hv2", "1.3.5", "EX", "fence"), "",
             WAITER("a", "5.1.1", "EX", "1") "," WAITER("b", "6.1.1", "EX", "2") "," WAITER(
                 "c", "7.1.1", "EX", "3") "," WAITER("d", "8.1.1", "EX",
                                                     "4") "," WAITER("e", "9.1.1", "EX", "5"),
             ""));
    HAS("next: then, when b has released it, c is granted it (EX)\n");
    HAS("next: 2 more wait behind them\n");
}
END_TEST

/* A free place for who waits: the coordinator is at it. */
START_TEST(waiting_for_nobody)
{
    why(LOCK("", "", WAITER("hv1", "0.1.9", "exclusive", "1"), "") "," WELL);
    HAS("hv1 waits (exclusive), place 1: for the lock's coordinator\n");
    HAS("next: now: hv1 is granted it (exclusive)\n");
}
END_TEST

START_TEST(converting_comes_first)
{
    why(LOCK(HOLDER("hv2", "1.3.5", "shared", "hold") "," HOLDER("hv3", "2.1.2", "shared", "hold"),
             WAITER("hv2", "1.3.5", "exclusive", "1"), WAITER("hv1", "0.1.9", "shared", "1"),
             "") "," WELL);
    HAS("hv2 waits to be converted to exclusive: for hv3\n");
    HAS("hv1 waits (shared), place 1: for the conversion, which comes first\n");
    HAS("next: when hv3 has released it, hv2 is converted to exclusive\n");
    HAS("next: then the queue goes on\n");
}
END_TEST

START_TEST(unclean_mark)
{
    why(LOCK(
        "", "", "",
        ",\"mark\":{\"node\":\"hv3\",\"slot\":2,\"life\":4,\"mode\":\"exclusive\",\"token\":16,"
        "\"by\":\"agent\",\"proof\":\"\"},\"value\":{\"bytes\":\"\",\"token\":16,"
        "\"valid\":false}"));
    HAS("the last hold that ended uncleanly: hv3 (life 4), exclusive, token 16: its processes "
        "died");
    HAS("its value may be of before that\n");
    HAS("next: whoever is granted it is told of the unclean end, until a holder clears the mark");
}
END_TEST

START_TEST(suspected_holder)
{
    why(PAIR("fence", "") "," MEMBERS(MEMBER("hv2", "suspect", "3")));
    HAS("hv2 is suspected since 4 s\n");
    HAS("next: hv2 answers, or is soon held dead by gossip; then the jurors are asked for an order "
        "against its life 3\n");
    HAS("next: then what hv2 held is over, and hv1 is granted it (exclusive)\n");
    why(PAIR("hold", "") "," MEMBERS(MEMBER("hv2", "suspect", "3")));
    HAS("then its hold lasts until it states that its life 3 is over\n");
}
END_TEST

START_TEST(dead_holder_while_jurors_are_asked)
{
    why(PAIR("fence", STALE("asking")) "," DEAD "," STATUS(
        "") ",\"events\":[{\"kind\":\"vote\",\"node\":\"hv3\",\"text\":\"about another\"},"
            "{\"kind\":\"opinion\",\"node\":\"hv2\",\"text\":\"this juror does not vote against "
            "hv2, life 3: its own loop was late meanwhile (F2d)\"}]");
    HAS("hv2 is dead by gossip since 4 s\n");
    HAS("an order against hv2 (life 3) needs 3 of 5 jurors; 2 have voted\n");
    HAS("hv1: this juror does not vote against hv2, life 3: its own loop was late");
    LACKS("about another");
    HAS("next: when 1 more juror votes by what it has seen itself, the order against hv2 is "
        "certified, and an executor ends its life 3\n");
    HAS("next: then what hv2 held is over, and hv1 is granted it (exclusive)\n");
    why(PAIR(
        "fence",
        STALE(
            "asking")) "," DEAD
                       ",\"orders\":[{\"node\":\"hv2\",\"life\":3,\"opinions\":[{\"juror\":\"hv3\","
                       "\"signed\":false,\"text\":\"its own renewals are not "
                       "acknowledged\"},{\"juror\":\"hv4\","
                       "\"signed\":true,\"text\":\"voted\"}]},{\"node\":\"hv2\",\"life\":2,"
                       "\"opinions\":["
                       "{\"juror\":\"hv5\",\"signed\":false,\"text\":\"of an earlier life\"}]}]");
    HAS("hv3 does not vote: its own renewals are not acknowledged\n");
    LACKS("hv4 does not");
    LACKS("hv5");
}
END_TEST

START_TEST(dead_holder_in_each_stage)
{
    static const struct {
        const char *facts;
        const char *next;
    } stages[] = {
        {PAIR("hold", STALE("hold")) "," DEAD,
         "next: when hv2 boots again it states that its life 3 is over (policy hold: nobody is "
         "fenced for it)\n"},
        {PAIR("fence", STALE("ordered")) "," DEAD,
         "next: an executor begins, ends life 3 of hv2 and signs a receipt\n"},
        {PAIR("fence", STALE("no-action")) "," DEAD,
         "next: when the order reaches hv2 it stops, or else when it boots again"},
        {PAIR("fence", STALE("running")) "," DEAD,
         "next: the executor ends life 3 of hv2 and signs a receipt; if it fails, the next one "
         "begins\n"},
        {PAIR("fence", STALE("failed")) "," DEAD,
         "next: when hv2 boots again it states that its life 3 is over: every executor failed\n"},
        {PAIR("fence", STALE("over")) "," DEAD,
         "next: hv2 is proven over: the lock's coordinator ends its hold now\n"},
        {PAIR("fence", STALE("watchdog\",\"watchdog_ms\":4210,\"seen\":\"")) "," DEAD,
         "next: in 4.2 s the jurors will have been silent for so long that the watchdog of hv2 has "
         "ended its life 3, whatever else is done\n"},
        {PAIR("fence", STALE("of-a-later-release")) "," DEAD, "next: as the agent says\n"},
        /* Nothing is told of it yet. */
        {PAIR("fence", "") "," DEAD,
         "next: the lock's coordinator asks the jurors for an order against hv2 (life 3)\n"},
        {PAIR("hold", "") "," DEAD,
         "next: when hv2 boots again it states that its life 3 is over (policy hold)\n"},
        {PAIR("fence", "") "," MEMBERS(MEMBER("hv2", "alive", "4")),
         "next: hv2 runs again: when its statement that its life 3 is over has reached the lock's "
         "coordinator, its hold is over\n"},
    };
    for (size_t i = 0; i < sizeof stages / sizeof stages[0]; i++) {
        why(stages[i].facts);
        HAS(stages[i].next);
        HAS("next: then what hv2 held is over, and hv1 is granted it (exclusive)\n");
        if (strstr(stages[i].facts, "\"stale\""))
            HAS("as the agent says\n");
    }
}
END_TEST

/* One has to release it, and the other's hold has to be over. */
START_TEST(one_well_one_dead)
{
    why(LOCK(HOLDER("hv2", "1.3.5", "shared", "fence") "," HOLDER("hv3", "2.1.2", "shared", "hold"),
             "", WAITER("hv1", "0.1.9", "exclusive", "1"), STALE("ordered")) "," DEAD);
    HAS("next: when hv3 has released it, and what hv2 held is over, hv1 is granted it "
        "(exclusive)\n");
}
END_TEST

#define PENDING                                                                                    \
    "\"operations\":[{\"hold\":\"0.1.9\",\"name\":\"image/a\",\"mode\":\"exclusive\","             \
    "\"state\":\"pending\",\"token\":0},{\"hold\":\"0.1.1\",\"name\":\"another\","                 \
    "\"mode\":\"shared\",\"state\":\"held\",\"token\":3}]"

START_TEST(what_keeps_this_node)
{
    why(LOCK("", "", "", "") "," PENDING "," STATUS(
        ",\"life_counts\":true,\"standing_wanted\":true,\"standing\":false"));
    HAS("hv1 asks for it (exclusive) and has no place in the queue yet\n");
    HAS("too few jurors acknowledge this node\n");
    LACKS("another");
    why(PAIR("fence", "") "," PENDING "," STATUS(",\"life_counts\":true,\"bound\":true"));
    LACKS("no place in the queue");
    HAS("a juror voted against this node's life: it takes no new lock under it\n");
    why(PAIR("fence", "") "," PENDING "," STATUS(",\"life_counts\":false"));
    HAS("this node's life does not count yet");
}
END_TEST

START_TEST(no_majority)
{
    why("\"refusal\":\"NoMajority\",\"reachable\":1,\"cohort\":3,\"place\":{\"cohort\":[\"hv1\","
        "\"hv2\",\"hv3\"]}," MEMBERS(MEMBER("hv2", "dead", "3")) "," STATUS(
            ",\"life_counts\":true") ",\"operations\":[{\"hold\":\"0.1.9\",\"name\":\"image/a\","
                                     "\"mode\":\"shared\",\"state\":\"held\",\"token\":3}]");
    HAS("who holds image/a is not known: no majority: 1 of its 3 voters reachable, 2 are needed\n");
    HAS("its voter hv2 is dead by gossip since 4 s\n");
    HAS("hv1 holds it (shared, token 3), as its own agent knows\n");
    HAS("next: when 1 more of hv2 can be asked it goes on; until then every hold and every place "
        "in "
        "the queue is kept\n");
    ck_assert(json_is_false(json_object_get(explained, "known")));
    ck_assert_uint_eq(json_array_size(json_object_get(explained, "holders")), 0);
}
END_TEST

START_TEST(nobody_answers)
{
    why("\"refusal\":\"TimedOut\"");
    HAS("who holds image/a is not known: its voters did not answer in time\n");
    HAS("next: ask again");
    why("\"refusal\":\"NotReady\"," STATUS(",\"life_counts\":false"));
    HAS("is not known: this node's life does not count yet");
    why("\"refusal\":\"Odd\"");
    HAS("is not known: the agent says Odd\n");
}
END_TEST

/* What no agent says is taken for nothing known, not for a lock. */
START_TEST(what_makes_no_sense_is_not_known)
{
    static const char *const bad[] = {
        "\"lock\":7",
        LOCK("{\"hold\":\"1.3\",\"node\":\"hv2\",\"mode\":\"exclusive\"}", "", "", ""),
        LOCK("{\"hold\":\"1.3.5\",\"node\":\"hv2\",\"mode\":\"odd\"}", "", "", ""),
        LOCK("{\"hold\":\"1.3.5\",\"node\":\"hv2\",\"mode\":\"counted\",\"limit\":0}", "", "", ""),
        LOCK("", WAITER("hv2", "1.3.5", "exclusive", "1"), "", ""), /* converts what nobody holds */
        LOCK("", "", "7", "")};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        why(bad[i]);
        HAS("who holds image/a is not known: the agent says nothing of it\n");
    }
}
END_TEST

START_TEST(more_than_a_lock_can_have)
{
    static char text[LOCK_HOLDS_MAX * 64 + 256];
    struct lock_state *s = calloc(1, sizeof *s);
    ck_assert_ptr_nonnull(s);
    for (int count = LOCK_HOLDS_MAX; count <= LOCK_HOLDS_MAX + 1; count++) {
        size_t at = (size_t)snprintf(text, sizeof text, "{\"holders\":[");
        for (int i = 0; i < count; i++)
            at += (size_t)snprintf(text + at, sizeof text - at,
                                   "%s{\"hold\":\"1.1.%d\",\"mode\":\"CR\"}", i ? "," : "", i);
        snprintf(text + at, sizeof text - at,
                 "],\"waiters\":[{\"hold\":\"2.1.1\",\"mode\":\"NL\"}]}");
        json_t *lock = json_loads(text, 0, NULL);
        ck_assert_ptr_nonnull(lock);
        ck_assert_int_eq(why_state_read(s, lock), count == LOCK_HOLDS_MAX);
        json_decref(lock);
    }
    ck_assert_uint_eq(s->hold_count, 0);
    free(s);
}
END_TEST

START_TEST(member_words)
{
    char text[MEMBER_TEXT_MAX];
    json_t *m = json_pack("{s:s, s:s, s:I, s:I, s:s, s:b}", "name", "hv2", "gossip", "suspect",
                          "life", (json_int_t)3, "since_ms", (json_int_t)130000, "accused_by",
                          "hv4", "unreachable", 0);
    ck_assert(member_text(text, sizeof text, m, 3, true));
    ck_assert_str_eq(text, "hv2 is suspected since 2 min, by hv4");
    ck_assert(member_text(text, sizeof text, m, 3, false));
    ck_assert_str_eq(text, "hv2 is suspected, by hv4");
    json_object_set_new(m, "gossip", json_string("left"));
    member_text(text, sizeof text, m, 3, true);
    ck_assert_str_eq(text, "hv2 has left since 2 min");
    json_object_set_new(m, "gossip", json_string("alive"));
    ck_assert(!member_text(text, sizeof text, m, 3, true));
    ck_assert_str_eq(text, "");
    ck_assert(member_text(text, sizeof text, m, 2, true));
    ck_assert_str_eq(text, "hv2 has booted since: it runs under its life 3, not 2");
    json_object_set_new(m, "unreachable", json_true());
    ck_assert(member_text(text, sizeof text, m, 3, true));
    ck_assert_str_eq(text, "hv2 cannot be reached from this node");
    json_decref(m);
    ck_assert(!member_text(text, sizeof text, NULL, 3, true));
    ck_assert_int_eq(member_hold_life("1.33.5"), 33);
    ck_assert_int_eq(member_hold_life("1.33"), 0);
    ck_assert_int_eq(member_hold_life("x"), 0);
}
END_TEST

Suite *suite_why(void)
{
    Suite *s = suite_create("why");
    TCase *t = tcase_create("why");
    tcase_add_checked_fixture(t, setup, teardown);
    tcase_add_test(t, free_lock);
    tcase_add_test(t, held_and_nobody_waits);
    tcase_add_test(t, data_of_a_holder_that_is_text);
    tcase_add_test(t, waiting_and_who_comes_next);
    tcase_add_test(t, many_that_wait_are_counted);
    tcase_add_test(t, waiting_for_nobody);
    tcase_add_test(t, converting_comes_first);
    tcase_add_test(t, unclean_mark);
    tcase_add_test(t, suspected_holder);
    tcase_add_test(t, dead_holder_while_jurors_are_asked);
    tcase_add_test(t, dead_holder_in_each_stage);
    tcase_add_test(t, one_well_one_dead);
    tcase_add_test(t, what_keeps_this_node);
    tcase_add_test(t, no_majority);
    tcase_add_test(t, nobody_answers);
    tcase_add_test(t, what_makes_no_sense_is_not_known);
    tcase_add_test(t, more_than_a_lock_can_have);
    tcase_add_test(t, member_words);
    suite_add_tcase(s, t);
    return s;
}
