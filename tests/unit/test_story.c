/* The language of scenarios: what is read, what is refused and in which words, and what is written
 * is read back. */
#include "sim/story.h"

#include "proto/swim.h"

#include <check.h>
#include <stdlib.h>
#include <string.h>

static struct story *story; /* too large for a stack */
static char error[STORY_ERROR_SIZE];

static void set_up(void)
{
    story = calloc(1, sizeof *story);
    ck_assert_ptr_nonnull(story);
}

static void tear_down(void)
{
    free(story);
}

static bool parse(const char *text, bool variant)
{
    error[0] = '\0';
    story_init(story);
    return story_parse(story, "a.hf", (struct view){(const uint8_t *)text, strlen(text)}, variant,
                       error);
}

static void accept(const char *text)
{
    ck_assert_msg(parse(text, false), "%s: %s", text, error);
}

/* --- what is read --- */

START_TEST(test_world)
{
    accept("# A title\n"
           "# more\n"
           "nodes hv1..hv3 db-1\n"
           "racks left: hv1 hv2, right: hv3 db-1\n"
           "detect 2500ms\n"
           "cohort 3\n"
           "shards 4\n"
           "brake 1min\n"
           "on_isolation continue\n"
           "workload 2 clients on left, names image/1..image/3, hold 1s..3s, think 100ms, wait 5s, "
           "30.5% shared, 20% any mode, stale hold\n"
           "network delay 50us..3ms, loss 1%, duplicates 0.5%, late 2% up to 4s\n"
           "disk sync 1ms..5ms\n"
           "fenced machines stay off\n"
           "guests stop within 2s\n"
           "seed 7\n"
           "until 2min\n");
    ck_assert_str_eq(story->title, "A title");
    ck_assert_uint_eq(story->p.nodes, 4);
    ck_assert_str_eq(story->nodes[3], "db-1");
    ck_assert_uint_eq(story->racks[1].bits, 12);
    ck_assert_uint_eq(story->p.detect_ms, 2500);
    ck_assert_int_eq(story->p.brake_span.ns, INT64_C(60000000000));
    ck_assert(!story->p.stop_on_isolation);
    ck_assert_uint_eq(story->p.clients, 2);
    ck_assert_uint_eq(story->quiet, 12);
    ck_assert_uint_eq(story->p.names, 3);
    ck_assert_str_eq(story->names[story->workload_first + 2], "image/3");
    ck_assert_int_eq(story->p.think.low.ns, story->p.think.high.ns);
    ck_assert_uint_eq(story->p.shared_permille, 305);
    ck_assert_uint_eq(story->p.modes_permille, 200);
    ck_assert_uint_eq(story->p.fence_permille, 0);
    ck_assert_int_eq(story->p.delay.low.ns, 50000);
    ck_assert_uint_eq(story->p.duplicate_permille, 5);
    ck_assert_uint_eq(story->p.back_permille, 0);
    ck_assert_uint_eq(story->seed, 7);
    ck_assert_int_eq(story->until, INT64_C(120000000000));
}
END_TEST

START_TEST(test_acts)
{
    accept("nodes a b c d e\n"
           "rack r: d e\n"
           "at 1s cut r from the rest for 10s\n"
           "at 1s cut a -> b\n"
           "at 1s isolate a and b for 2s\n"
           "at 1s bridge c for 5s\n"
           "at 2s flap d every 500ms for 10s\n"
           "at 2s loss 20% at b for 1s\n"
           "at 2s delay 200ms a - c\n"
           "at 3s kill agent a\n"
           "at 3s power off r for 4s\n"
           "at 3s pause b 8s\n"
           "at 3s disk of a slow 500ms for 10s\n"
           "at 3s store of b lost\n"
           "at 3s fence device of c slow 5s\n"
           "at 4s a locks image/x shared stale hold\n"
           "at 5s a releases image/x\n"
           "at 6s b locks image/x CW\n"
           "at 6s c locks image/x PR stale fence\n"
           "at 6s d locks image/y counted 3 stale hold\n"
           "at 7s d locks image/z stale expire 1.5s\n");
    const struct act *a = story->acts;
    ck_assert_uint_eq(a[0].bits, 24);
    ck_assert_uint_eq(a[0].only, 7);
    ck_assert_int_eq(a[0].length, INT64_C(10000000000));
    ck_assert(a[0].inward && a[0].outward);
    ck_assert(!a[1].inward && a[1].outward && a[1].length == 0);
    ck_assert_uint_eq(a[2].bits, 1);
    ck_assert_uint_eq(a[3].bits, 2);
    ck_assert_uint_eq(a[4].bits, 3);
    ck_assert_uint_eq(a[4].only, 24);
    ck_assert_int_eq(a[5].kind, ACT_FLAP);
    ck_assert_int_eq(a[6].amount, 200);
    ck_assert_int_eq(a[7].amount, 200000000);
    ck_assert_int_eq(a[10].length, INT64_C(8000000000));
    ck_assert_int_eq(a[13].mood, DEVICE_SLOW);
    ck_assert_int_eq(a[14].mode, LOCK_SHARED);
    ck_assert_int_eq(a[14].policy, LOCK_STALE_HOLD);
    ck_assert_int_eq(a[15].kind, ACT_RELEASE);
    ck_assert_uint_eq(a[15].name, a[14].name);
    ck_assert_int_eq(a[16].mode, LOCK_CW);
    ck_assert_int_eq(a[17].mode, LOCK_SHARED);
    ck_assert_uint_eq(a[17].limit, 0);
    ck_assert_int_eq(a[18].mode, LOCK_COUNTED);
    ck_assert_uint_eq(a[18].limit, 3);
    ck_assert_int_eq(a[19].policy, LOCK_STALE_EXPIRE);
    ck_assert_int_eq(a[19].amount, 1500000000);
}
END_TEST

START_TEST(test_changes)
{
    accept("nodes a b c\n"
           "at 6s b locks image/x CW\n"
           "at 7s b converts image/x to counted 2\n"
           "at 7s b writes image/x\n"
           "at 7s b hands image/x over to c\n");
    const struct act *a = story->acts;
    ck_assert_int_eq(a[1].kind, ACT_CONVERT);
    ck_assert_int_eq(a[1].mode, LOCK_COUNTED);
    ck_assert_uint_eq(a[1].limit, 2);
    ck_assert_int_eq(a[2].kind, ACT_WRITE);
    ck_assert_int_eq(a[3].kind, ACT_HAND_OVER);
    ck_assert_uint_eq(a[3].name, a[0].name);
    ck_assert_uint_eq(a[3].bits, 2);
    ck_assert_uint_eq(a[3].only, 4);
}
END_TEST

START_TEST(test_expectations)
{
    accept("expect no fence\n"
           "at 10s expect fence of hv3 within 20s\n"
           "expect lock image/x passes within 15s\n"
           "expect image/x held by hv1 at 40s\n"
           "expect image/x stays until 50s\n"
           "expect never two holders of image/x\n"
           "expect hv2 votes again within 30s\n"
           "expect all votes again within 30s\n"
           "expect hv2 votes no more\n"
           "expect no lost lock on hv1\n"
           "expect grants >= 100\n"
           "expect p99 of waiting <= 2s\n"
           "expect all see hv3 dead within 20s\n"
           "expect nobody holds hv1 dead\n"
           "expect nobody holds all suspect\n"
           "expect at most 2 machines switched off\n"
           "expect S1 broken\n");
    const struct expect *e = story->expects;
    ck_assert_int_eq(e[0].kind, EXPECT_NO_FENCE);
    ck_assert_int_eq(e[1].until, INT64_C(30000000000));
    ck_assert_int_eq(e[2].from, INT64_C(10000000000));
    ck_assert_int_eq(e[2].until, INT64_C(25000000000));
    ck_assert(e[3].exact && e[3].bits == 1);
    ck_assert_int_eq(e[6].kind, EXPECT_VOTES);
    ck_assert_uint_eq(e[7].bits, 31);
    ck_assert_int_eq(e[8].kind, EXPECT_NO_VOTE);
    ck_assert(e[10].at_least && e[10].amount == 100);
    ck_assert_uint_eq(e[11].rank, 990);
    ck_assert_uint_eq(e[12].state, MEMBER_DEAD);
    ck_assert(e[13].kind == EXPECT_NEVER_HELD && e[13].state == MEMBER_DEAD);
    ck_assert(e[14].kind == EXPECT_NEVER_HELD && e[14].state == MEMBER_SUSPECT);
    ck_assert_str_eq(e[16].check, "S1");
    ck_assert_str_eq(e[4].text, "image/x stays until 50s");
}
END_TEST

START_TEST(test_variant)
{
    static const char text[] = "at 1s kill agent hv1\nvariant: at 2s kill agent hv2\n";
    ck_assert(parse(text, false));
    ck_assert_uint_eq(story->act_count, 1);
    ck_assert(story->has_variant);
    ck_assert(parse(text, true));
    ck_assert_uint_eq(story->act_count, 2);
}
END_TEST

START_TEST(test_times)
{
    static const int64_t spans[] = {0,       1,          999,           1000,
                                    1500000, 2000000000, 1234567890123, 60000000000};
    char line[100];
    for (size_t i = 0; i < sizeof spans / sizeof spans[0]; i++) {
        snprintf(line, sizeof line, "until 1h\n");
        ck_assert(!parse(line, false));
        snprintf(line, sizeof line, "until 59min\nat %s heal\n", story_span(spans[i]));
        ck_assert_msg(parse(line, false), "%s", error);
        ck_assert_int_eq(story->acts[0].at, spans[i]);
    }
}
END_TEST

/* --- what is refused --- */

static const struct {
    const char *text;
    const char *error;
} refused[] = {
    {"frobnicate\n", "a.hf:1: \"frobnicate\": a line begins with nodes"},
    {"\n\n  at 10s frob hv1\n", "a.hf:3: \"frob\": expected a node, or cut"},
    {"at 10s cut hv9 from all\n", "a.hf:1: \"hv9\": there is no node or rack of this name"},
    {"at 10s cut hv1\n", "a.hf:1: the line ends here: expected \"from\""},
    {"at 10s cut all from all\n", "nobody is left on the other side"},
    {"at ten kill agent hv1\n", "\"ten\": expected a time such as 500ms"},
    {"at 10 kill agent hv1\n", "\"10\": expected a time"},
    {"at 2h heal\n", "\"2h\": expected a time"},
    {"at 61min heal\n", "\"61min\": expected a time"},
    {"at 70s kill agent hv1\n", "a.hf:1: this is after the end: until 60s"},
    {"at 10s kill agent hv1 hv2 hv9\n", "\"hv9\": nothing more was expected"},
    {"at 10s pause hv4\n", "the line ends here" /* a pause has to end */},
    {"at 10s pause hv4 0s\n", "it has to last"},
    {"at 10s loss 120% at hv1\n", "\"120%\": expected a share"},
    {"at 10s loss 20 at hv1\n", "\"20\": expected a share"},
    {"at 10s flap hv1 every 1ms for 10s\n", "it flaps every 100ms at most"},
    {"at 10s power cycle hv1\n", "\"cycle\": expected \"off\""},
    {"at 10s disk of hv1 explodes\n", "\"explodes\": expected \"fails\""},
    {"at 10s store of all lost\n", "\"all\": there is no node of this name"},
    {"at 10s fence device of hv1 sings\n", "\"sings\": a fence device works"},
    {"at 10s hv1 eats image/x\n", "\"eats\": a node \"locks\" or \"releases\""},
    {"at 10s hv1 converts image/x\n", "the line ends here: expected \"to\""},
    {"at 10s hv1 converts image/x to writing\n", "\"writing\": expected a mode"},
    {"at 10s hv1 hands image/x over to all\n", "\"all\": there is no node"},
    {"at 10s hv1 locks\n", "the line ends here: expected the name of a lock"},
    {"at 10s hv1 locks a-name-that-is-far-too-long-for-this\n", "the name is too long"},
    {"at 10s hv1 locks x stale forget\n", "\"forget\": expected \"fence\""},
    {"at 10s hv1 locks x stale expire\n", "expected a time such as"},
    {"at 10s hv1 locks x stale expire 100ms\n", "a TTL is 1s to 1h"},
    {"at 10s fault NONE of hv1 for 1s\n", "\"NONE\": there is no fault of this name"},
    {"workload 6 clients on each\nat 1s hv1 locks x\n", "hv1 has 6 clients already"},
    {"workload 99 clients on each\n", "\"99\": expected a number from 0 to"},
    {"workload 1 clients on each, names a/5..a/1\n", "\"a/5..a/1\": a range of names looks like"},
    {"workload 1 clients on each, names a, names b\n", "the workload has its names already"},
    {"workload 1 clients on each, names\n", "expected the names of locks"},
    {"workload 1 clients on each, names a b a\n", "\"a\": a is named already"},
    {"at 1s hv1 locks a/2\nworkload 1 clients on each, names a/1..a/3\n", "a/2 is named already"},
    {"workload 1 clients on each, sleep 1s\n", "\"sleep\": expected a share"},
    {"workload 1 clients on each, hold 3s..1s\n", "\"3s..1s\": expected a time"},
    {"nodes\n", "expected nodes"},
    {"nodes a a\n", "\"a\": there are two nodes of this name"},
    {"nodes hv1..hv99\n", "nodes can be simulated"},
    {"nodes hv5..hv1\n", "a range of nodes looks like hv1..hv5"},
    {"nodes a!b\n", "\"a!b\": this is no name for a node"},
    {"racks r: hv1, r: hv2\n", "\"r\": there is a node or rack of this name already"},
    {"racks hv1: hv2\n", "\"hv1\": there is a node or rack of this name already"},
    {"detect 100ms\n", "the detection target is 1s to 60s"},
    {"cohort 0\n", "\"0\": expected a number from 1"},
    {"on_isolation panic\n", "\"panic\": expected \"stop\""},
    {"network jitter 1s\n", "\"jitter\": expected \"late\""},
    {"drawn served 0\n", "\"0\": expected a number from 1"},
    {"drawn nonsense 1\n", "\"nonsense\": the drawn world has no such quantity"},
    {"drawn hold.low.ns 3000000000000\n", "the low end of a range is above its high one"},
    {"drawn devices[DEVICE_WORKS] 0\n", "fence devices do nothing at all"},
    {"until 20s\ncalm at 10s\n", "the calm begins before the story ends"},
    {"until 20s\ncalm at 30s\nsiege\n", "a siege needs two minutes"},
    {"expect\n", "expected an expectation"},
    {"expect peace\n", "the line ends here: expected \"held\""},
    {"expect no rain\n", "\"rain\": expected \"lost\""},
    {"expect image/x passes\n", "the line ends here: expected \"within\""},
    {"expect grants > 5\n", "\">\": expected \"<=\""},
    {"at 50s expect fence of hv1 within 20s\n", "the story ends before: until 60s"},
    {"expect all see hv1 purple within 1s\n", "\"purple\": expected \"suspect\""},
    {"variant at 1s heal\n", "\"at\": expected \":\""},
    {"at 1s kill agent h\xc3\xa4\n", "only printable ASCII is known"},
    {"at 1s kill agent aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\n",
     "the word is too long"},
    {"at 1s kill agent hv1\nnodes b\n", "\"b\": nodes come before what is said of them"},
};

START_TEST(test_refused)
{
    ck_assert_msg(!parse(refused[_i].text, false), "%s was taken", refused[_i].text);
    ck_assert_msg(strncmp(error, "a.hf:", 5) == 0, "%s", error);
    ck_assert_msg(strstr(error, refused[_i].error) != NULL, "%s: %s", refused[_i].text, error);
}
END_TEST

START_TEST(test_roster_goes_first)
{
    static const char text[] = "nodes a b\n";
    story_init(story);
    story->roster_given = true;
    ck_assert(!story_parse(story, "a.hf", (struct view){(const uint8_t *)text, strlen(text)}, false,
                           error));
    ck_assert_ptr_nonnull(strstr(error, "the roster says already which nodes there are"));
}
END_TEST

/* --- written, and read back --- */

static void write_and_read(struct story *s)
{
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    ck_assert_ptr_nonnull(out);
    story_write(s, "why", out);
    fclose(out);
    story_init(story);
    ck_assert_msg(
        story_parse(story, "b.hf", (struct view){(const uint8_t *)text, size}, false, error),
        "%s\n%s", error, text);
    free(text);
}

/* Every quantity that a seed draws has its place in the language. */
START_TEST(test_drawn_worlds)
{
    struct story *s = calloc(1, sizeof *s);
    ck_assert_ptr_nonnull(s);
    for (uint64_t seed = 1; seed <= 200; seed++) {
        story_init(s);
        profile_draw(&s->p, -1, seed);
        for (size_t i = 0; i < MACHINES_MAX; i++)
            snprintf(s->nodes[i], sizeof s->nodes[i], "n%zu", i % 100 + 1);
        write_and_read(s);
        s->p.profile = story->p.profile = "";
        /* These choose faults, and a story has its own. */
        for (size_t i = 0; i < FAULT_KINDS; i++)
            if (i != FAULT_REPLAY && i != FAULT_STORE_BACK)
                s->p.weights[i] = 0;
        s->p.fault_gap = story->p.fault_gap;
        ck_assert_msg(memcmp(&s->p, &story->p, sizeof s->p) == 0,
                      "seed %llu: a quantity is missing in story_drawn.c",
                      (unsigned long long)seed);
    }
    free(s);
}
END_TEST

START_TEST(test_acts_again)
{
    struct story *s = calloc(1, sizeof *s);
    ck_assert_ptr_nonnull(s);
    accept(
        "nodes a b c d e\nrack r: d e\nworkload 1 clients on a b, names x/1 x/2\n"
        "at 1.000000001s cut r from the rest for 10s\nat 1s cut a -> b\nat 2s flap d every 500ms "
        "for 10s\nat 2s loss 2.5% at b for 1s\nat 2s loss 3%\nat 2s delay 200us a -> c\nat 3s "
        "stop agent a for 1s\n"
        "at 3s power off r\nat 3s freeze b 8s\nat 3s disk of a slow 1.5ms\nat 3s disk of a "
        "fails\nat 3s store of b lost\nat 3s fence device of c another\nat 4s a locks y shared "
        "stale hold\n"
        "at 5s a converts y to PW\nat 5s a writes y\nat 5s a hands y over to b\n"
        "at 5s a releases y\nat 6s fault FLAP of a from b outward for 3.25s dice 7\nat 7s heal\n"
        "at 8s expect no fence\n");
    *s = *story;
    write_and_read(s);
    ck_assert_uint_eq(s->act_count, story->act_count);
    for (size_t i = 0; i < s->act_count; i++) {
        struct act *a = &s->acts[i], *b = &story->acts[i];
        a->line = b->line;
        ck_assert_msg(memcmp(a, b, sizeof *a) == 0, "act %zu", i);
    }
    ck_assert_uint_eq(story->expect_count, 1);
    ck_assert_int_eq(story->expects[0].from, INT64_C(8000000000));
    ck_assert_uint_eq(story->quiet, s->quiet);
    free(s);
}
END_TEST

Suite *suite_story(void);
Suite *suite_story(void)
{
    Suite *suite = suite_create("story");
    TCase *reads = tcase_create("reads");
    tcase_add_checked_fixture(reads, set_up, tear_down);
    tcase_add_test(reads, test_world);
    tcase_add_test(reads, test_acts);
    tcase_add_test(reads, test_changes);
    tcase_add_test(reads, test_expectations);
    tcase_add_test(reads, test_variant);
    tcase_add_test(reads, test_times);
    suite_add_tcase(suite, reads);
    TCase *refuses = tcase_create("refuses");
    tcase_add_checked_fixture(refuses, set_up, tear_down);
    tcase_add_loop_test(refuses, test_refused, 0, (int)(sizeof refused / sizeof refused[0]));
    tcase_add_test(refuses, test_roster_goes_first);
    suite_add_tcase(suite, refuses);
    TCase *writes = tcase_create("writes");
    tcase_add_checked_fixture(writes, set_up, tear_down);
    tcase_add_test(writes, test_drawn_worlds);
    tcase_add_test(writes, test_acts_again);
    suite_add_tcase(suite, writes);
    return suite;
}
