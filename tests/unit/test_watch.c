/* Watchers: who, and when. */
#include <check.h>

#include "proto/watch.h"

Suite *suite_watch(void);

enum { MEMBERS = 20, RINGS = 4 };

static const struct span second = SPAN_MS(1000);
static const struct instant start = {INT64_C(5000000000)};

static bool lives(const void *context, size_t member)
{
    const bool *dead = context;
    return !dead[member];
}

static struct watch reckoned(size_t self, const bool *dead)
{
    struct watch w;
    watch_init(&w, MEMBERS, RINGS, 7);
    watch_reckon(&w, MEMBERS, self, lives, dead, start, second, self);
    return w;
}

/* Watchers of `target` among those that live. */
static size_t watchers_of(size_t target, const bool *dead)
{
    size_t count = 0;
    for (size_t i = 0; i < MEMBERS; i++) {
        struct watch w = reckoned(i, dead);
        count += !dead[i] && watch_find(&w, target) != NULL;
    }
    return count;
}

START_TEST(each_has_as_many_watchers_as_rings)
{
    bool dead[MEMBERS] = {false};
    for (size_t i = 0; i < MEMBERS; i++) {
        ck_assert_uint_eq(watchers_of(i, dead), RINGS);
        struct watch w = reckoned(i, dead);
        ck_assert_uint_eq(w.count, RINGS);
        ck_assert_ptr_null(watch_find(&w, i));
    }
}
END_TEST

START_TEST(the_next_that_lives_steps_in)
{
    bool dead[MEMBERS] = {false};
    dead[3] = dead[4] = dead[11] = true;
    for (size_t i = 0; i < MEMBERS; i++) {
        /* Two rings may meet at one watcher, so not always four. */
        ck_assert_uint_ge(watchers_of(i, dead), dead[i] ? 0 : RINGS - 1);
        if (dead[i])
            ck_assert_uint_eq(watchers_of(i, dead), 0);
    }
}
END_TEST

START_TEST(in_small_clusters_all_watch_all)
{
    bool dead[MEMBERS] = {false};
    for (size_t members = 1; members <= 5; members++) {
        for (size_t i = 0; i < members; i++) {
            struct watch w;
            watch_init(&w, members, RINGS, 99);
            watch_reckon(&w, members, i, lives, dead, start, second, 1);
            ck_assert_uint_eq(w.count, members - 1);
        }
    }
}
END_TEST

START_TEST(alone_among_the_dead_it_watches_nobody)
{
    bool dead[MEMBERS];
    for (size_t i = 0; i < MEMBERS; i++)
        dead[i] = i != 6;
    struct watch w = reckoned(6, dead);
    ck_assert_uint_eq(w.count, 0);
    ck_assert(watch_deadline(&w).ns == INSTANT_NEVER.ns);
}
END_TEST

START_TEST(times_are_kept_over_a_change)
{
    bool dead[MEMBERS] = {false};
    struct watch w = reckoned(6, dead);
    w.table[0].next = (struct instant){42};
    size_t kept = w.table[0].member, gone = w.table[1].member;
    dead[gone] = true;
    watch_reckon(&w, MEMBERS, 6, lives, dead, start, second, 9);
    ck_assert_ptr_null(watch_find(&w, gone));
    ck_assert_int_eq(watch_find(&w, kept)->next.ns, 42);
    ck_assert_int_eq(watch_deadline(&w).ns, 42);
}
END_TEST

START_TEST(turns_are_staggered)
{
    /* Whenever they come first, from then on each comes once a turn, one a period. */
    for (int ring = 0; ring < RINGS; ring++) {
        struct instant at = instant_after(start, SPAN_MS(137 * ring));
        struct span wait = watch_wait(at, (uint8_t)ring, RINGS, second);
        ck_assert(wait.ns >= 2 * second.ns && wait.ns < 6 * second.ns);
        at = instant_after(at, wait);
        ck_assert_int_eq(at.ns % (RINGS * second.ns), ring * second.ns);
        ck_assert_int_eq(watch_wait(at, (uint8_t)ring, RINGS, second).ns, RINGS * second.ns);
        /* A little late, it is called back to its place. */
        wait = watch_wait(instant_after(at, SPAN_MS(30)), (uint8_t)ring, RINGS, second);
        ck_assert_int_eq(wait.ns, RINGS * second.ns - SPAN_MS(30).ns);
    }
}
END_TEST

Suite *suite_watch(void)
{
    Suite *suite = suite_create("watch");
    TCase *t = tcase_create("rings");
    tcase_add_test(t, each_has_as_many_watchers_as_rings);
    tcase_add_test(t, the_next_that_lives_steps_in);
    tcase_add_test(t, in_small_clusters_all_watch_all);
    tcase_add_test(t, alone_among_the_dead_it_watches_nobody);
    tcase_add_test(t, times_are_kept_over_a_change);
    tcase_add_test(t, turns_are_staggered);
    suite_add_tcase(suite, t);
    return suite;
}
