/* When a node does not refute: the formula, and one swim that is spoken to. */
#include "proto/hush.h"

#include "tests/unit/swim_play.h"

Suite *suite_hush(void);

static const struct span period = SPAN_MS(1000);

static void probed(struct hush *h, int count, bool alone)
{
    for (int i = 0; i < count; i++)
        hush_probed(h, alone);
}

static bool refutes_at(struct hush *h, int64_t ms, uint32_t incarnation)
{
    return hush_refutes(h, (struct instant){ms * 1000000}, period, incarnation);
}

START_TEST(who_is_well_refutes_for_ever)
{
    struct hush h = {0};
    for (int i = 0; i < 100; i++)
        ck_assert(refutes_at(&h, 1000 + 5000 * i, (uint32_t)i));
    ck_assert(!h.on);
}
END_TEST

START_TEST(most_of_the_last_eight_are_trouble)
{
    struct hush h = {0};
    ck_assert(hush_well(&h));
    probed(&h, HUSH_MOST - 1, true);
    ck_assert(!hush_troubled(&h) && !hush_well(&h));
    probed(&h, 1, true);
    ck_assert(hush_troubled(&h));
    ck_assert_uint_eq(hush_alone(&h), HUSH_MOST);
    probed(&h, HUSH_LOOKED - HUSH_MOST + 1, false);
    ck_assert(!hush_troubled(&h));
    probed(&h, HUSH_WELL - (HUSH_LOOKED - HUSH_MOST + 1) - 1, false);
    ck_assert(!hush_well(&h)); /* the last of the bad ones counts still */
    probed(&h, 1, false);
    ck_assert(hush_well(&h));
}
END_TEST

START_TEST(the_third_time_in_trouble_is_silence)
{
    struct hush h = {0};
    probed(&h, HUSH_LOOKED, true);
    ck_assert(refutes_at(&h, 1000, 1));
    ck_assert(refutes_at(&h, 2999, 2)); /* too soon to count */
    ck_assert(refutes_at(&h, 3000, 3));
    ck_assert(refutes_at(&h, 4000, 4));
    ck_assert(!refutes_at(&h, 5000, 5));
    ck_assert(h.on);
    ck_assert_int_eq(h.since.ns, SPAN_MS(5000).ns);
    ck_assert(!refutes_at(&h, 60000, 9));
    ck_assert(!refutes_at(&h, 61000, 7));
    ck_assert_uint_eq(h.incarnation, 9);
    ck_assert_int_eq(h.since.ns, SPAN_MS(5000).ns);
}
END_TEST

START_TEST(good_probes_clear_the_count)
{
    struct hush h = {0};
    for (int i = 0; i < 20; i++) {
        probed(&h, HUSH_LOOKED, true);
        ck_assert(refutes_at(&h, 1000 + 20000 * i, 1));
        ck_assert(refutes_at(&h, 4000 + 20000 * i, 2));
        probed(&h, HUSH_WELL, false);
    }
    ck_assert(!h.on);
}
END_TEST

START_TEST(one_bad_probe_keeps_it_silent_and_sixteen_good_ones_end_it)
{
    struct hush h = {0};
    ck_assert(!hush_over(&h));
    probed(&h, HUSH_LOOKED, true);
    refutes_at(&h, 1000, 1);
    refutes_at(&h, 4000, 2);
    ck_assert(!refutes_at(&h, 7000, 3));
    probed(&h, HUSH_WELL - 1, false);
    ck_assert(!hush_over(&h));
    probed(&h, 1, true);
    probed(&h, HUSH_WELL - 1, false);
    ck_assert(!hush_over(&h));
    probed(&h, 1, false);
    ck_assert(hush_over(&h));
    ck_assert(!hush_over(&h)); /* once */
    ck_assert(refutes_at(&h, 9000, 4));
}
END_TEST

/* --- Five swims, of which the last one has a bad link --- */

enum { ALL = 5, BAD = 4 };

static struct member_view own_view(const struct play *p)
{
    return play_view(p, BAD, BAD);
}

static void bad_link(struct play *p, bool cut)
{
    for (size_t i = 0; i < BAD; i++) {
        play_cut(p, i, BAD, cut);
        play_cut(p, BAD, i, cut);
    }
}

/* The link is up for so short that it hears that it is accused, and nothing gets well. */
static void flicker(struct play *p)
{
    for (int i = 0; i < 40 && !own_view(p).hushed; i++) {
        bad_link(p, true);
        play_run(p, 1900);
        bad_link(p, false);
        play_run(p, 100);
    }
}

START_TEST(a_flickering_link_is_silence_and_a_good_one_ends_it)
{
    struct play *p = play_begin(ALL, 3);
    play_enter_all(p);
    play_run(p, 5000);
    ck_assert(!own_view(p).hushed);
    flicker(p);
    ck_assert(own_view(p).hushed);
    ck_assert_uint_gt(own_view(p).alone, 0);
    uint32_t incarnation = own_view(p).incarnation;
    bad_link(p, true);
    play_run(p, 20000);
    ck_assert(own_view(p).hushed);
    ck_assert_uint_eq(own_view(p).incarnation, incarnation);
    for (size_t i = 0; i < BAD; i++)
        ck_assert_int_eq(play_view(p, i, BAD).state, MEMBER_DEAD);
    bad_link(p, false);
    play_run(p, 5000);
    ck_assert(!own_view(p).hushed);
    ck_assert(play_all_alive(p));
    ck_assert_uint_gt(own_view(p).incarnation, incarnation);
    play_end(p);
}
END_TEST

/* Two others are dead by then: that they do not answer says nothing about its link. Seed 660058. */
START_TEST(the_dead_do_not_keep_it_silent)
{
    struct play *p = play_begin(ALL, 3);
    play_enter_all(p);
    play_run(p, 5000);
    play_crash(p, 0);
    play_crash(p, 1);
    play_run(p, 20000);
    flicker(p);
    ck_assert(own_view(p).hushed);
    bad_link(p, false);
    play_run(p, 10000);
    ck_assert(!own_view(p).hushed);
    for (size_t i = 2; i < BAD; i++) {
        ck_assert_int_eq(play_view(p, i, BAD).state, MEMBER_ALIVE);
        ck_assert_int_eq(play_view(p, BAD, i).state, MEMBER_ALIVE);
    }
    play_end(p);
}
END_TEST

/* It accuses nobody: it is this end. */
START_TEST(who_is_silent_accuses_nobody)
{
    struct play *p = play_begin(ALL, 3);
    play_enter_all(p);
    play_run(p, 5000);
    flicker(p);
    play_run(p, 100);
    size_t before = 0, after = 0;
    for (size_t i = 0; i < BAD; i++)
        before += play_noticed(p, BAD, i, MEMBER_SUSPECT);
    bad_link(p, true);
    play_run(p, 10000);
    for (size_t i = 0; i < BAD; i++)
        after += play_noticed(p, BAD, i, MEMBER_SUSPECT);
    ck_assert(own_view(p).hushed);
    ck_assert_uint_eq(before, after);
    play_end(p);
}
END_TEST

START_TEST(a_short_cut_is_no_silence)
{
    struct play *p = play_begin(ALL, 5);
    play_enter_all(p);
    for (int i = 0; i < 10; i++) {
        bad_link(p, true);
        play_run(p, 2500);
        bad_link(p, false);
        play_run(p, 15000);
        ck_assert(!own_view(p).hushed);
        ck_assert(play_all_alive(p));
    }
    play_end(p);
}
END_TEST

/* Another life is answered anew. */
START_TEST(a_new_life_ends_it)
{
    struct play *p = play_begin(ALL, 3);
    play_enter_all(p);
    flicker(p);
    ck_assert(own_view(p).hushed);
    play_start(p, BAD, 2);
    ck_assert(!own_view(p).hushed);
    play_end(p);
}
END_TEST

Suite *suite_hush(void)
{
    Suite *suite = suite_create("hush");
    TCase *t = tcase_create("formula");
    tcase_add_test(t, who_is_well_refutes_for_ever);
    tcase_add_test(t, most_of_the_last_eight_are_trouble);
    tcase_add_test(t, the_third_time_in_trouble_is_silence);
    tcase_add_test(t, good_probes_clear_the_count);
    tcase_add_test(t, one_bad_probe_keeps_it_silent_and_sixteen_good_ones_end_it);
    suite_add_tcase(suite, t);
    TCase *swims = tcase_create("swims");
    tcase_add_test(swims, a_flickering_link_is_silence_and_a_good_one_ends_it);
    tcase_add_test(swims, the_dead_do_not_keep_it_silent);
    tcase_add_test(swims, who_is_silent_accuses_nobody);
    tcase_add_test(swims, a_short_cut_is_no_silence);
    tcase_add_test(swims, a_new_life_ends_it);
    suite_add_tcase(suite, swims);
    return suite;
}
