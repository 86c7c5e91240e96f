/* Membership as traces that read like a play (tests/unit/swim_play.h has the stage). */
#include <check.h>

#include "tests/unit/swim_play.h"

Suite *suite_swim(void);

static const size_t hv1 = 0, hv2 = 1, hv3 = 2, hv4 = 3, hv5 = 4;

static const struct swim_counters *counters(const struct play *p, size_t actor)
{
    return swim_counters(p->actors[actor].swim);
}

START_TEST(nothing_is_said_before_the_life_is_known)
{
    struct play *p = play_begin(2, 1);
    play_boot(p, hv1);
    play_boot(p, hv2);
    play_connect(p, hv1, hv2);
    struct message ping = {.type = WIRE_PING, .ping = {.seq = 5, .life = 1}};
    play_say(p, hv2, hv1, &ping);
    struct message word = play_word(p, hv2, hv2, 1, 0, false);
    play_say(p, hv2, hv1, &word);
    play_run(p, 20000);
    ck_assert_uint_eq(p->actors[hv1].outbox.sent, 0);
    ck_assert(swim_deadline(p->actors[hv1].swim).ns == INSTANT_NEVER.ns);
    /* But the word was remembered. */
    ck_assert_int_eq(play_view(p, hv1, hv2).state, MEMBER_ALIVE);
    ck_assert(swim_alive(p->actors[hv1].swim, play_slot(hv1)));
    play_end(p);
}
END_TEST

START_TEST(five_find_each_other)
{
    struct play *p = play_begin(5, 2);
    play_enter_all(p);
    ck_assert(play_all_alive(p));
    play_run(p, 60000);
    ck_assert(play_all_alive(p));
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(play_noticed_by_all(p, i, MEMBER_SUSPECT), 0);
        ck_assert_int_eq(play_view(p, hv1, i).incarnation, 0);
    }
    struct member_view v = play_view(p, hv1, hv2);
    ck_assert_int_eq(v.round_trip.ns, SPAN_MS(4).ns);
    ck_assert(!v.unreachable && v.heard.ns > 0 && v.accused_by == SLOT_NONE);
    play_end(p);
}
END_TEST

START_TEST(newcomer_that_meets_one_is_known_to_all)
{
    struct play *p = play_begin(6, 3);
    for (size_t i = 0; i < 5; i++)
        play_enter(p, i, 1);
    play_run(p, 5000);
    play_boot(p, 5);
    play_start(p, 5, 1);
    play_connect(p, 5, hv3);
    play_run(p, 100);
    ck_assert_int_eq(play_view(p, 5, hv1).state, MEMBER_ALIVE);
    play_run(p, 6000);
    ck_assert(play_all_alive(p));
    play_end(p);
}
END_TEST

START_TEST(without_any_hello_probes_find_everybody)
{
    struct play *p = play_begin(4, 4);
    for (size_t i = 0; i < 4; i++) {
        play_boot(p, i);
        play_start(p, i, 1);
    }
    play_run(p, 10000);
    ck_assert(play_all_alive(p));
    play_end(p);
}
END_TEST

START_TEST(crash_is_seen_by_all)
{
    struct play *p = play_begin(5, 5);
    play_enter_all(p);
    play_run(p, 10000);
    play_crash(p, hv4);
    play_run(p, 12000);
    ck_assert(play_all_hold(p, hv4, MEMBER_DEAD));
    for (size_t i = 0; i < 5; i++) {
        if (i == hv4)
            continue;
        ck_assert_uint_eq(play_noticed(p, i, hv4, MEMBER_DEAD), 1);
        ck_assert(!swim_alive(p->actors[i].swim, play_slot(hv4)));
        ck_assert_uint_ne(play_view(p, i, hv4).accused_by, SLOT_NONE);
        ck_assert(play_all_hold(p, i, MEMBER_ALIVE));
        ck_assert_uint_eq(play_noticed_by_all(p, i, MEMBER_SUSPECT), 0);
    }
    /* Who probes the dead finds it unreachable, first-hand (M3). */
    play_run(p, 10000);
    ck_assert(play_view(p, hv1, hv4).unreachable);
    ck_assert(!play_view(p, hv1, hv2).unreachable);
    play_end(p);
}
END_TEST

START_TEST(false_suspicion_is_refuted)
{
    struct play *p = play_begin(5, 6);
    play_enter_all(p);
    struct message m = play_accusation(WIRE_SUSPECT, hv3, 1, 0, hv2);
    play_say(p, hv2, hv1, &m);
    play_run(p, 3); /* its refutation takes longer: there and back */
    struct member_view v = play_view(p, hv1, hv3);
    ck_assert_int_eq(v.state, MEMBER_SUSPECT);
    ck_assert_uint_eq(v.accused_by, play_slot(hv2));
    ck_assert(swim_alive(p->actors[hv1].swim, play_slot(hv3)));
    play_run(p, 10000);
    ck_assert(play_all_alive(p));
    ck_assert_uint_eq(play_noticed_by_all(p, hv3, MEMBER_DEAD), 0);
    ck_assert_uint_eq(counters(p, hv3)->refutations, 1);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(play_view(p, i, hv3).incarnation, 1);
    ck_assert_uint_eq(play_view(p, hv1, hv3).accused_by, SLOT_NONE);
    play_end(p);
}
END_TEST

START_TEST(false_death_is_refuted_to_the_teller_at_once)
{
    struct play *p = play_begin(3, 7);
    play_enter_all(p);
    struct message m = play_accusation(WIRE_DEAD, hv3, 1, 0, hv2);
    play_say(p, hv2, hv1, &m);
    play_run(p, 3);
    ck_assert_int_eq(play_view(p, hv1, hv3).state, MEMBER_DEAD);
    play_say(p, hv1, hv3, &m);
    play_run(p, 5);
    ck_assert_int_eq(play_view(p, hv1, hv3).state, MEMBER_ALIVE);
    ck_assert_uint_eq(play_view(p, hv1, hv3).incarnation, 1);
    /* The same again is about the past: the present word is the answer, and no new one is made. */
    play_say(p, hv1, hv3, &m);
    play_run(p, 5);
    ck_assert_uint_eq(counters(p, hv3)->refutations, 1);
    ck_assert_uint_eq(play_view(p, hv3, hv3).incarnation, 1);
    play_end(p);
}
END_TEST

/* A liar waits for the refutation, and then says that its victim is dead after all. */
START_TEST(death_right_after_a_refutation_is_a_suspicion)
{
    struct play *p = play_begin(5, 6);
    play_enter_all(p);
    play_run(p, 10000);
    struct message m = play_accusation(WIRE_SUSPECT, hv3, 1, 0, hv2);
    play_say(p, hv2, hv1, &m);
    play_run(p, 100);
    ck_assert_int_eq(play_view(p, hv1, hv3).state, MEMBER_ALIVE);
    m = play_accusation(WIRE_DEAD, hv3, 1, play_view(p, hv1, hv3).incarnation, hv2);
    play_say(p, hv2, hv1, &m);
    play_run(p, 10000);
    ck_assert_uint_eq(play_noticed_by_all(p, hv3, MEMBER_DEAD), 0);
    ck_assert(play_all_alive(p));
    play_end(p);
}
END_TEST

START_TEST(absurd_incarnation_is_not_followed)
{
    struct play *p = play_begin(3, 8);
    play_enter_all(p);
    struct message m = play_accusation(WIRE_DEAD, hv3, 1, UINT32_MAX - 1, hv2);
    play_say(p, hv2, hv3, &m);
    play_say(p, hv2, hv1, &m);
    m = play_accusation(WIRE_DEAD, hv3, 1, UINT32_MAX, hv2);
    play_say(p, hv2, hv3, &m);
    play_run(p, 5000);
    ck_assert_uint_eq(play_view(p, hv3, hv3).incarnation, 0);
    ck_assert(play_all_alive(p));
    m = play_accusation(WIRE_DEAD, hv3, 1, 4, hv2);
    play_say(p, hv2, hv3, &m);
    play_run(p, 5);
    ck_assert_uint_eq(play_view(p, hv3, hv3).incarnation, 5);
    play_end(p);
}
END_TEST

START_TEST(one_way_loss_is_bridged_by_indirect_probes)
{
    struct play *p = play_begin(5, 9);
    play_enter_all(p);
    play_cut(p, hv1, hv2, true);
    play_cut(p, hv4, hv3, true);
    play_run(p, 120000);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(play_noticed_by_all(p, i, MEMBER_SUSPECT), 0);
    ck_assert(!play_view(p, hv1, hv2).unreachable);
    ck_assert_uint_eq(counters(p, hv1)->probes_failed, 0);
    play_end(p);
}
END_TEST

START_TEST(without_indirect_probes_the_same_loss_is_suspected)
{
    struct play *p = play_begin(5, 9);
    p->timing.indirect_count = 0;
    play_enter_all(p);
    play_cut(p, hv1, hv2, true);
    play_run(p, 120000);
    ck_assert_uint_gt(play_noticed_by_all(p, hv2, MEMBER_SUSPECT), 0);
    /* It refutes through the others each time. */
    ck_assert_uint_eq(play_noticed_by_all(p, hv2, MEMBER_DEAD), 0);
    play_end(p);
}
END_TEST

START_TEST(partition_of_two_and_three_heals)
{
    struct play *p = play_begin(5, 10);
    play_enter_all(p);
    play_split(p, 2, true);
    play_run(p, 600000);
    for (size_t a = 0; a < 5; a++) {
        for (size_t b = 0; b < 5; b++) {
            bool together = (a < 2) == (b < 2);
            ck_assert_int_eq(play_view(p, a, b).state, together ? MEMBER_ALIVE : MEMBER_DEAD);
        }
    }
    play_split(p, 2, false);
    play_run(p, 10000);
    ck_assert(play_all_alive(p));
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(play_view(p, hv1, i).incarnation, play_view(p, i, i).incarnation);
    play_end(p);
}
END_TEST

START_TEST(everybody_alone_heals_too)
{
    struct play *p = play_begin(5, 11);
    play_enter_all(p);
    p->loss_percent = 100;
    play_run(p, 60000);
    ck_assert(play_all_hold(p, hv1, MEMBER_DEAD));
    p->loss_percent = 0;
    play_run(p, 15000);
    ck_assert(play_all_alive(p));
    play_end(p);
}
END_TEST

START_TEST(heavy_loss_ends_well)
{
    struct play *p = play_begin(7, 12);
    play_enter_all(p);
    p->loss_percent = 25;
    for (int round = 0; round < 300; round++) {
        play_run(p, 1000);
        /* S20: nobody's incarnation is ahead of its own. */
        for (size_t a = 0; a < 7; a++) {
            for (size_t b = 0; b < 7; b++)
                ck_assert_uint_le(play_view(p, a, b).incarnation, play_view(p, b, b).incarnation);
        }
    }
    p->loss_percent = 0;
    play_run(p, 30000);
    ck_assert(play_all_alive(p));
    play_end(p);
}
END_TEST

START_TEST(forged_words_change_nothing)
{
    struct play *p = play_begin(3, 13);
    play_enter_all(p);
    struct message m = play_word(p, hv3, hv2, 1, 7, false); /* another's key */
    play_say(p, hv2, hv1, &m);
    m = play_word(p, hv3, hv3, 1, 0, false); /* another life than the signed one */
    m.alive.life = 2;
    play_say(p, hv2, hv1, &m);
    m = play_word(p, hv3, hv3, 1, 0, false); /* "left" was not signed */
    m.alive.left = true;
    play_say(p, hv2, hv1, &m);
    m = play_word(p, hv3, hv3, 1, 0, false);
    m.alive.incarnation = 9;
    play_say(p, hv2, hv1, &m);
    struct cluster_id right = p->cluster;
    p->cluster.bytes[0] ^= 1;
    m = play_word(p, hv3, hv3, 5, 0, false); /* of another cluster */
    p->cluster = right;
    play_say(p, hv2, hv1, &m);
    play_run(p, 10);
    ck_assert_uint_eq(counters(p, hv1)->words_forged, 5);
    struct member_view v = play_view(p, hv1, hv3);
    ck_assert_int_eq(v.state, MEMBER_ALIVE);
    ck_assert_uint_eq(v.life, 1);
    ck_assert_uint_eq(v.incarnation, 0);
    /* About hv1 itself, too. */
    m = play_word(p, hv1, hv2, 1, 3, true);
    play_say(p, hv2, hv1, &m);
    play_run(p, 10);
    ck_assert_uint_eq(counters(p, hv1)->words_forged, 6);
    ck_assert_uint_eq(counters(p, hv1)->refutations, 0);
    ck_assert_int_eq(play_view(p, hv1, hv1).state, MEMBER_ALIVE);
    play_end(p);
}
END_TEST

START_TEST(copied_life_does_not_displace_the_first)
{
    struct play *p = play_begin(3, 14);
    play_enter_all(p);
    struct message m = play_word(p, hv3, hv3, 1, 0, false);
    m.alive.life_nonce.bytes[5] ^= 1;
    m.alive.incarnation = 4;
    uint8_t bytes[MEMBER_STATEMENT_SIZE];
    wire_member_statement(bytes, &m.alive);
    m.alive.signature =
        statement_sign(STATEMENT_MEMBER, &p->cluster, bytes, sizeof bytes, &p->actors[hv3].key);
    play_say(p, hv2, hv1, &m);
    play_run(p, 10);
    ck_assert_uint_eq(play_view(p, hv1, hv3).incarnation, 0);
    ck_assert_uint_eq(counters(p, hv1)->words_ignored, 1);
    play_end(p);
}
END_TEST

START_TEST(hearsay_about_what_is_not_held_is_ignored)
{
    struct play *p = play_begin(3, 15);
    play_enter(p, hv1, 1);
    play_enter(p, hv2, 1);
    play_enter(p, hv3, 8);
    play_run(p, 100);
    const struct message lies[] = {
        play_accusation(WIRE_DEAD, hv3, 7, 0, hv2),    /* an old life */
        play_accusation(WIRE_DEAD, hv3, 9, 0, hv2),    /* a life that it never signed */
        play_accusation(WIRE_SUSPECT, hv3, 8, 1, hv2), /* an incarnation that it never signed */
        play_accusation(WIRE_SUSPECT, 20, 8, 0, hv2),  /* nobody of ours */
        play_accusation(WIRE_SUSPECT, hv3, 8, 0, 20),  /* said by nobody of ours */
    };
    for (size_t i = 0; i < sizeof lies / sizeof *lies; i++)
        play_say(p, hv2, hv1, &lies[i]);
    play_run(p, 10);
    ck_assert_int_eq(play_view(p, hv1, hv3).state, MEMBER_ALIVE);
    ck_assert_uint_eq(play_view(p, hv1, hv3).life, 8);
    ck_assert_uint_eq(counters(p, hv1)->words_ignored, 5);
    /* Nor does hv3 care what is said about its old life. */
    play_say(p, hv2, hv3, &lies[0]);
    play_run(p, 10);
    ck_assert_uint_eq(counters(p, hv3)->refutations, 0);
    play_end(p);
}
END_TEST

START_TEST(left_stays_until_the_leaver_is_back)
{
    struct play *p = play_begin(5, 16);
    play_enter_all(p);
    swim_leave(p->actors[hv5].swim, p->now);
    ck_assert(swim_deadline(p->actors[hv5].swim).ns == INSTANT_NEVER.ns);
    play_run(p,
             1500); /* what it said is collected by the answer to somebody's probe at the latest */
    ck_assert(play_all_hold(p, hv5, MEMBER_LEFT));
    play_crash(p, hv5);
    play_run(p, 60000);
    ck_assert(play_all_hold(p, hv5, MEMBER_LEFT)); /* not dead: nobody looks for it */
    struct message later[] = {
        play_accusation(WIRE_SUSPECT, hv5, 1, 0, hv2),
        play_accusation(WIRE_DEAD, hv5, 1, 0, hv2),
        play_word(p, hv5, hv5, 1, 0, false),
    };
    for (size_t i = 0; i < sizeof later / sizeof later[0]; i++)
        play_say(p, hv2, hv1, &later[i]);
    play_run(p, 100);
    ck_assert_int_eq(play_view(p, hv1, hv5).state, MEMBER_LEFT);
    /* A restart of the agent in the same life does: it learns what it said, and rises above it. */
    play_enter(p, hv5, 1);
    play_run(p, 5000);
    ck_assert(play_all_alive(p));
    ck_assert_uint_gt(play_view(p, hv1, hv5).incarnation, 1);
    play_end(p);
}
END_TEST

START_TEST(only_the_leaver_says_left)
{
    struct play *p = play_begin(3, 17);
    play_enter_all(p);
    struct message m = play_word(p, hv3, hv2, 1, 0, true);
    play_say(p, hv2, hv1, &m);
    play_run(p, 10);
    ck_assert_int_eq(play_view(p, hv1, hv3).state, MEMBER_ALIVE);
    m = play_word(p, hv3, hv3, 1, 0, true);
    play_say(p, hv2, hv1, &m); /* passed on by another, but signed by the leaver */
    play_run(p, 10);
    ck_assert_int_eq(play_view(p, hv1, hv3).state, MEMBER_LEFT);
    play_end(p);
}
END_TEST

START_TEST(restart_with_a_higher_life)
{
    struct play *p = play_begin(5, 18);
    play_enter_all(p);
    play_crash(p, hv2);
    play_run(p, 20000);
    ck_assert(play_all_hold(p, hv2, MEMBER_DEAD));
    play_enter(p, hv2, 2);
    play_run(p, 100);
    ck_assert(play_all_alive(p));
    ck_assert_uint_eq(play_view(p, hv1, hv2).life, 2);
    ck_assert_uint_eq(play_view(p, hv1, hv2).incarnation, 0);
    play_end(p);
}
END_TEST

START_TEST(restart_that_nobody_missed_is_still_a_change)
{
    struct play *p = play_begin(5, 19);
    play_enter_all(p);
    play_crash(p, hv2);
    play_enter(p, hv2, 2);
    play_run(p, 100);
    ck_assert_uint_eq(play_noticed(p, hv1, hv2, MEMBER_ALIVE), 2);
    const struct play_actor *a = &p->actors[hv1];
    const struct swim_change *last = &a->changes[a->change_count - 1];
    ck_assert_int_eq(last->before, MEMBER_ALIVE);
    ck_assert_int_eq(last->after, MEMBER_ALIVE);
    ck_assert_uint_eq(last->life, 2);
    play_end(p);
}
END_TEST

START_TEST(life_is_raised_while_running)
{
    struct play *p = play_begin(3, 20);
    play_enter_all(p);
    play_start(p, hv2, 2);
    play_run(p, 100);
    ck_assert(play_all_alive(p));
    ck_assert_uint_eq(play_view(p, hv1, hv2).life, 2);
    play_end(p);
}
END_TEST

START_TEST(restart_of_the_agent_keeps_the_life_and_goes_on)
{
    struct play *p = play_begin(5, 21);
    play_enter_all(p);
    struct message m = play_accusation(WIRE_SUSPECT, hv2, 1, 0, hv3);
    play_say(p, hv3, hv2, &m);
    play_run(p, 20000);
    ck_assert_uint_eq(play_view(p, hv1, hv2).incarnation, 1);
    play_crash(p, hv2);
    play_run(p, 20000);
    ck_assert(play_all_hold(p, hv2, MEMBER_DEAD));
    play_enter(p, hv2, 1); /* starts with incarnation 0 again, and learns better */
    play_run(p, 2000);
    ck_assert(play_all_alive(p));
    ck_assert_uint_ge(play_view(p, hv1, hv2).incarnation, 2);
    play_end(p);
}
END_TEST

START_TEST(words_about_oneself_before_the_start_are_heeded)
{
    struct play *p = play_begin(3, 22);
    play_enter(p, hv1, 1);
    play_enter(p, hv2, 1);
    play_boot(p, hv3);
    struct message m = play_word(p, hv3, hv3, 4, 6, false);
    play_say(p, hv1, hv3, &m);
    m = play_accusation(WIRE_DEAD, hv3, 4, 6, hv1);
    play_say(p, hv1, hv3, &m);
    play_run(p, 10);
    play_start(p, hv3, 4);
    ck_assert_uint_eq(play_view(p, hv3, hv3).incarnation, 7);
    ck_assert_int_eq(play_view(p, hv3, hv3).state, MEMBER_ALIVE);
    play_run(p, 5); /* hv1 was heard before the start, so it is told at once */
    ck_assert_int_eq(play_view(p, hv1, hv3).state, MEMBER_ALIVE);
    play_end(p);
}
END_TEST

START_TEST(cold_start_of_thirty_one)
{
    struct play *p = play_begin(31, 23);
    play_enter_all(p);
    ck_assert(play_all_alive(p));
    play_run(p, 30000);
    for (size_t i = 0; i < 31; i++)
        ck_assert_uint_eq(play_noticed_by_all(p, i, MEMBER_SUSPECT), 0);
    play_end(p);
}
END_TEST

static uint64_t trace_of(uint8_t seed)
{
    struct play *p = play_begin(5, seed);
    play_enter_all(p);
    p->loss_percent = 10;
    play_run(p, 20000);
    play_crash(p, hv3);
    play_run(p, 20000);
    play_enter(p, hv3, 2);
    play_run(p, 20000);
    uint64_t trace = p->trace;
    play_end(p);
    return trace;
}

START_TEST(one_seed_is_one_history)
{
    uint64_t trace = trace_of(24);
    ck_assert(trace == trace_of(24));
    ck_assert(trace != trace_of(25));
}
END_TEST

/* While it was dead it was probed, and nothing answered; that is not held against what came back in
 * the meantime. */
START_TEST(who_comes_back_is_not_judged_by_probes_of_before)
{
    struct play *p = play_begin(5, 29);
    play_enter_all(p);
    for (int64_t phase = 0; phase < 10; phase++) {
        play_crash(p, hv4);
        play_run(p, 20000 + 100 * phase);
        ck_assert(play_all_hold(p, hv4, MEMBER_DEAD));
        size_t before = play_noticed_by_all(p, hv4, MEMBER_SUSPECT);
        play_enter(p, hv4, 1);
        play_run(p, 10000);
        ck_assert(play_all_alive(p));
        ck_assert_uint_eq(play_noticed_by_all(p, hv4, MEMBER_SUSPECT), before);
    }
    play_end(p);
}
END_TEST

static void add_plays(TCase *t)
{
    tcase_add_test(t, who_comes_back_is_not_judged_by_probes_of_before);
    tcase_add_test(t, nothing_is_said_before_the_life_is_known);
    tcase_add_test(t, five_find_each_other);
    tcase_add_test(t, newcomer_that_meets_one_is_known_to_all);
    tcase_add_test(t, without_any_hello_probes_find_everybody);
    tcase_add_test(t, crash_is_seen_by_all);
    tcase_add_test(t, false_suspicion_is_refuted);
    tcase_add_test(t, false_death_is_refuted_to_the_teller_at_once);
    tcase_add_test(t, death_right_after_a_refutation_is_a_suspicion);
    tcase_add_test(t, absurd_incarnation_is_not_followed);
    tcase_add_test(t, one_way_loss_is_bridged_by_indirect_probes);
    tcase_add_test(t, without_indirect_probes_the_same_loss_is_suspected);
    tcase_add_test(t, partition_of_two_and_three_heals);
    tcase_add_test(t, everybody_alone_heals_too);
    tcase_add_test(t, heavy_loss_ends_well);
    tcase_add_test(t, forged_words_change_nothing);
    tcase_add_test(t, copied_life_does_not_displace_the_first);
    tcase_add_test(t, hearsay_about_what_is_not_held_is_ignored);
    tcase_add_test(t, left_stays_until_the_leaver_is_back);
    tcase_add_test(t, only_the_leaver_says_left);
    tcase_add_test(t, restart_with_a_higher_life);
    tcase_add_test(t, restart_that_nobody_missed_is_still_a_change);
    tcase_add_test(t, life_is_raised_while_running);
    tcase_add_test(t, restart_of_the_agent_keeps_the_life_and_goes_on);
    tcase_add_test(t, words_about_oneself_before_the_start_are_heeded);
    tcase_add_test(t, cold_start_of_thirty_one);
    tcase_add_test(t, one_seed_is_one_history);
}

Suite *suite_swim(void)
{
    Suite *suite = suite_create("swim");
    TCase *plays = tcase_create("plays");
    add_plays(plays);
    suite_add_tcase(suite, plays);
    suite_add_tcase(suite, tcase_swim_alone());
    return suite;
}
