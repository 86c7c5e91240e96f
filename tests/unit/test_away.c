/* Who is not accused while its agent restarts: the table, and plays (tests/unit/swim_play.h). */
#include <check.h>

#include "proto/away.h"
#include "tests/unit/swim_play.h"

Suite *suite_away(void);

enum { hv1, hv2, hv3, hv4, hv5 };
enum { PHASES = 10, PHASE_MS = 100 };

static struct instant at(int64_t ms)
{
    return instant_after((struct instant){0}, SPAN_MS(ms));
}

/* --- The table --- */

START_TEST(only_probes_of_before_are_excused)
{
    struct away a = {0};
    ck_assert(!away_excuses(&a, 0, at(0)));
    away_note(&a, 7, at(100));
    ck_assert(away_excuses(&a, 7, at(99)));
    ck_assert(!away_excuses(&a, 7, at(100)));
    ck_assert(!away_excuses(&a, 8, at(99)));
    away_note(&a, 7, at(50)); /* nothing that was said is taken back */
    ck_assert(away_excuses(&a, 7, at(99)));
    away_end(&a, 7, at(60));
    ck_assert(away_excuses(&a, 7, at(59)));
    ck_assert(!away_excuses(&a, 7, at(60)));
    away_end(&a, 7, at(80));
    ck_assert(!away_excuses(&a, 7, at(60)));
    away_end(&a, 9, at(80));
    ck_assert(!away_excuses(&a, 9, at(60)));
}
END_TEST

START_TEST(a_new_one_takes_the_place_of_the_oldest)
{
    struct away a = {0};
    for (int i = 0; i <= AWAY_MAX; i++)
        away_note(&a, (uint16_t)i, at(100));
    ck_assert(!away_excuses(&a, 0, at(0)));
    for (int i = 1; i <= AWAY_MAX; i++)
        ck_assert(away_excuses(&a, (uint16_t)i, at(0)));
}
END_TEST

/* --- Plays --- */

/* As an agent does: it is told what it said before, and goes on above that. */
static void come_back(struct play *p, size_t actor)
{
    play_boot(p, actor);
    for (size_t i = 0; i < p->count; i++)
        if (i != actor)
            play_connect(p, actor, i);
    play_run(p, 50);
    play_start(p, actor, 1);
}

/* F - r: its watchdog would not let it be away longer. */
START_TEST(who_says_so_is_not_suspected_meanwhile)
{
    struct play *p = play_begin(5, 31);
    play_enter_all(p);
    for (int64_t phase = 0; phase < PHASES; phase++) {
        play_away(p, hv4);
        play_run(p, p->timing.away.ns / 1000000 - PHASE_MS);
        come_back(p, hv4);
        play_run(p, 5000 + phase * PHASE_MS);
        ck_assert(play_all_alive(p));
    }
    ck_assert_uint_eq(play_noticed_by_all(p, hv4, MEMBER_SUSPECT), 0);
    play_end(p);
}
END_TEST

START_TEST(who_does_not_come_back_is_held_dead_a_little_later)
{
    struct play *p = play_begin(5, 32);
    play_enter_all(p);
    play_away(p, hv4);
    play_run(p, p->timing.away.ns / 1000000);
    ck_assert_uint_eq(play_noticed_by_all(p, hv4, MEMBER_SUSPECT), 0);
    play_run(p, timing_detect_default(5).ns / 1000000);
    ck_assert(play_all_hold(p, hv4, MEMBER_DEAD));
    play_end(p);
}
END_TEST

/* Once it spoke as a new run, it is probed as ever. */
START_TEST(who_dies_after_it_came_back_is_found_as_fast_as_ever)
{
    struct play *p = play_begin(5, 33);
    play_enter_all(p);
    play_away(p, hv4);
    play_run(p, 200);
    come_back(p, hv4);
    play_run(p, 300);
    play_crash(p, hv4);
    play_run(p, timing_detect_default(5).ns / 1000000);
    ck_assert(play_all_hold(p, hv4, MEMBER_DEAD));
    ck_assert_uint_gt(play_view(p, hv1, hv4).incarnation, 0);
    play_end(p);
}
END_TEST

/* A probe lay before the gap or in it, and nobody answers it any more. */
START_TEST(who_crashes_and_is_back_at_once_is_not_accused)
{
    struct play *p = play_begin(5, 34);
    play_enter_all(p);
    for (int64_t phase = 0; phase < 3 * PHASES; phase++) {
        play_crash(p, hv4);
        play_run(p, p->timing.judge.ns / 1000000 - PHASE_MS);
        come_back(p, hv4);
        play_run(p, 5000 + phase * PHASE_MS);
        ck_assert(play_all_alive(p));
    }
    ck_assert_uint_eq(play_noticed_by_all(p, hv4, MEMBER_SUSPECT), 0);
    play_end(p);
}
END_TEST

/* M2: about itself alone, and its present life. */
START_TEST(of_another_life_it_says_nothing)
{
    struct play *p = play_begin(5, 35);
    play_enter_all(p);
    const struct message m = {.type = WIRE_AWAY, .away = {.life = 2}};
    for (size_t i = 0; i < 5; i++)
        if (i != hv4)
            play_say(p, hv4, i, &m);
    play_run(p, 10);
    play_crash(p, hv4);
    play_run(p, p->timing.away.ns / 1000000);
    ck_assert_uint_gt(play_noticed_by_all(p, hv4, MEMBER_SUSPECT), 0);
    play_end(p);
}
END_TEST

Suite *suite_away(void)
{
    Suite *suite = suite_create("away");
    TCase *table = tcase_create("table");
    tcase_add_test(table, only_probes_of_before_are_excused);
    tcase_add_test(table, a_new_one_takes_the_place_of_the_oldest);
    suite_add_tcase(suite, table);
    TCase *plays = tcase_create("plays");
    tcase_add_test(plays, who_says_so_is_not_suspected_meanwhile);
    tcase_add_test(plays, who_does_not_come_back_is_held_dead_a_little_later);
    tcase_add_test(plays, who_dies_after_it_came_back_is_found_as_fast_as_ever);
    tcase_add_test(plays, who_crashes_and_is_back_at_once_is_not_accused);
    tcase_add_test(plays, of_another_life_it_says_nothing);
    suite_add_tcase(suite, plays);
    return suite;
}
