/* One swim, spoken to by hand: what exactly does it say, and to whom? */
#include <check.h>

#include "proto/watch.h"
#include "tests/unit/swim_play.h"

static const size_t hv1 = 0, hv2 = 1, hv3 = 2, hv4 = 3;

/* hv1 has started; hv2 to hv5 are voices, whose words it knows. */
static struct play *monologue(void)
{
    struct play *p = play_begin(5, 26);
    play_boot(p, hv1);
    play_start(p, hv1, 1);
    for (size_t i = 1; i < 5; i++) {
        struct message m = play_word(p, i, i, 1, 0, false);
        play_say(p, i, hv1, &m);
    }
    play_run(p, 5);
    return p;
}

/* Gives a message to hv1 now; what hv1 says to it stays in its outbox. */
static void hand(struct play *p, size_t from, const struct message *m)
{
    swim_take(p->actors[hv1].swim, p->now, play_slot(from), m);
}

/* The next message in hv1's outbox; type WIRE_NONE if there is none. */
static struct message said(struct play *p, size_t *to)
{
    struct outbox_entry entry;
    struct message m = {.type = WIRE_NONE};
    if (!outbox_next(&p->actors[hv1].outbox, &entry))
        return m;
    *to = (size_t)(entry.to - play_slot(0)) / 3;
    struct reader r = reader_init(entry.bytes.bytes, entry.bytes.size);
    ck_assert(wire_decode(&m, &r));
    return m;
}

/* Time passes for hv1 alone until its next deadline. */
static void step_alone(struct play *p)
{
    p->now = swim_deadline(p->actors[hv1].swim);
    swim_step(p->actors[hv1].swim, p->now);
}

/* Time passes for hv1 alone until it says something of `type`. */
static struct message until(struct play *p, enum wire_type type, size_t *to)
{
    for (;;) {
        for (struct message m = said(p, to); m.type != WIRE_NONE; m = said(p, to)) {
            if (m.type == type)
                return m;
        }
        step_alone(p);
    }
}

static void drain(struct play *p)
{
    size_t to;
    while (said(p, &to).type != WIRE_NONE)
        continue;
}

START_TEST(late_answer_counts_first_hand)
{
    struct play *p = monologue();
    size_t target, relay;
    struct message ping = until(p, WIRE_PING, &target);
    struct instant sent = p->now;
    until(p, WIRE_PING_REQ, &relay);
    ck_assert_uint_ne(relay, target);
    ck_assert_int_eq(span_between(sent, p->now).ns, p->timing.timeout.ns);
    while (span_between(sent, p->now).ns < p->timing.judge.ns) /* then it is judged */
        step_alone(p);
    ck_assert(play_view(p, hv1, target).unreachable);
    ck_assert_int_eq(play_view(p, hv1, target).state, MEMBER_SUSPECT);
    ck_assert_uint_eq(play_view(p, hv1, target).accused_by, play_slot(hv1));
    ck_assert_uint_eq(play_view(p, hv1, target).accuser_count, 1);
    ck_assert_uint_eq(play_view(p, hv1, target).accusers[0], play_slot(hv1));
    struct message ack = {.type = WIRE_ACK, .ack = {.seq = ping.ping.seq, .life = 1}};
    hand(p, target, &ack);
    struct member_view v = play_view(p, hv1, target);
    ck_assert(!v.unreachable);
    ck_assert_int_eq(v.round_trip.ns, p->timing.judge.ns);
    ck_assert_int_eq(v.state, MEMBER_SUSPECT); /* gossip's word stands until it refutes */
    play_end(p);
}
END_TEST

START_TEST(indirect_answer_counts)
{
    struct play *p = monologue();
    size_t target, relay;
    until(p, WIRE_PING, &target);
    struct message ask = until(p, WIRE_PING_REQ, &relay);
    ck_assert_uint_eq(ask.ping_req.target, play_slot(target));
    struct message answer = {
        .type = WIRE_INDIRECT_ACK,
        .indirect_ack = {.seq = ask.ping_req.seq, .target = play_slot(target), .answered = true}};
    hand(p, relay, &answer);
    struct instant judged = instant_after(p->now, p->timing.judge);
    while (!instant_reached(p->now, judged) && play_view(p, hv1, target).state == MEMBER_ALIVE)
        step_alone(p);
    ck_assert_int_eq(play_view(p, hv1, target).state, MEMBER_ALIVE);
    ck_assert(!play_view(p, hv1, target).unreachable);
    ck_assert_int_eq(play_view(p, hv1, target).heard.ns, play_view(p, hv1, target).since.ns);
    play_end(p);
}
END_TEST

START_TEST(answer_from_the_wrong_one_does_not_count)
{
    struct play *p = monologue();
    size_t target;
    struct message ping = until(p, WIRE_PING, &target);
    size_t impostor = target == hv2 ? hv3 : hv2;
    struct message ack = {.type = WIRE_ACK, .ack = {.seq = ping.ping.seq, .life = 1}};
    hand(p, impostor, &ack);
    struct instant judged = instant_after(p->now, p->timing.judge);
    while (!instant_reached(p->now, judged))
        step_alone(p);
    ck_assert_int_eq(play_view(p, hv1, target).state, MEMBER_SUSPECT);
    play_end(p);
}
END_TEST

START_TEST(relay_answers_under_the_askers_number)
{
    struct play *p = monologue();
    drain(p);
    size_t to;
    struct message ask = {.type = WIRE_PING_REQ, .ping_req = {.seq = 77, .target = play_slot(hv3)}};
    hand(p, hv2, &ask);
    struct message trying = said(p, &to); /* at once: it is there, and tries */
    ck_assert_int_eq(trying.type, WIRE_INDIRECT_ACK);
    ck_assert(to == hv2 && trying.indirect_ack.seq == 77 && !trying.indirect_ack.answered);
    struct message ping = said(p, &to);
    ck_assert_int_eq(ping.type, WIRE_PING);
    ck_assert_uint_eq(to, hv3);
    ck_assert_uint_ne(ping.ping.seq, 77);
    drain(p);
    struct message ack = {.type = WIRE_ACK, .ack = {.seq = ping.ping.seq, .life = 1}};
    hand(p, hv4, &ack); /* not the one who was asked */
    ck_assert_int_eq(said(p, &to).type, WIRE_NONE);
    hand(p, hv3, &ack);
    struct message answer = said(p, &to);
    ck_assert_int_eq(answer.type, WIRE_INDIRECT_ACK);
    ck_assert_uint_eq(to, hv2);
    ck_assert_uint_eq(answer.indirect_ack.seq, 77);
    ck_assert_uint_eq(answer.indirect_ack.target, play_slot(hv3));
    ck_assert(answer.indirect_ack.answered);
    hand(p, hv3, &ack);
    ck_assert_int_eq(said(p, &to).type, WIRE_NONE);
    play_end(p);
}
END_TEST

START_TEST(relays_are_bounded)
{
    struct play *p = monologue();
    drain(p);
    size_t pings = 0, to;
    for (uint32_t i = 0; i < 1000; i++) {
        struct message ask = {.type = WIRE_PING_REQ,
                              .ping_req = {.seq = i + 1, .target = play_slot(hv3)}};
        hand(p, hv2, &ask);
        for (struct message m = said(p, &to); m.type != WIRE_NONE; m = said(p, &to))
            pings += m.type == WIRE_PING;
    }
    ck_assert_uint_eq(pings, 64);
    p->now = instant_after(p->now, p->timing.period); /* then the old ones are given up */
    struct message ask = {.type = WIRE_PING_REQ, .ping_req = {.seq = 9, .target = play_slot(hv3)}};
    hand(p, hv2, &ask);
    ck_assert_int_eq(said(p, &to).type, WIRE_INDIRECT_ACK);
    ck_assert_int_eq(said(p, &to).type, WIRE_PING);
    /* About oneself, about the asker, about nobody: no ping. */
    drain(p);
    const uint16_t vain[] = {play_slot(hv1), play_slot(hv2), 9999};
    for (size_t i = 0; i < 3; i++) {
        ask.ping_req.target = vain[i];
        hand(p, hv2, &ask);
    }
    ck_assert_int_eq(said(p, &to).type, WIRE_NONE);
    play_end(p);
}
END_TEST

START_TEST(accused_is_told_with_every_ping_and_ack)
{
    struct play *p = monologue();
    struct message m = play_accusation(WIRE_DEAD, hv3, 1, 0, hv2);
    hand(p, hv2, &m);
    drain(p);
    size_t to;
    struct message ping = {.type = WIRE_PING, .ping = {.seq = 3, .life = 1}};
    hand(p, hv3, &ping);
    struct message ack = said(p, &to);
    ck_assert_int_eq(ack.type, WIRE_ACK);
    ck_assert_uint_eq(ack.ack.seq, 3);
    ck_assert_int_eq(said(p, &to).type, WIRE_ALIVE); /* the word that the hearsay is about */
    struct message dead = said(p, &to);
    ck_assert_int_eq(dead.type, WIRE_DEAD);
    ck_assert_uint_eq(dead.dead.slot, play_slot(hv3));
    ck_assert_uint_eq(dead.dead.by, play_slot(hv2));
    struct message digest = said(p, &to); /* it talks although it is dead: what does it know? */
    ck_assert_int_eq(digest.type, WIRE_DIGEST);
    ck_assert(digest.digest.ask);
    ck_assert_uint_eq(to, hv3);
    play_end(p);
}
END_TEST

START_TEST(digest_that_differs_is_answered_with_all)
{
    struct play *p = monologue();
    struct message m = play_accusation(WIRE_SUSPECT, hv3, 1, 0, hv2);
    hand(p, hv2, &m);
    drain(p);
    size_t to, alive = 0, suspect = 0;
    struct message digest = {.type = WIRE_DIGEST, .digest = {.hash = 1, .ask = true}};
    hand(p, hv4, &digest);
    struct message own = {.type = WIRE_NONE};
    for (m = said(p, &to); m.type != WIRE_NONE; m = said(p, &to)) {
        ck_assert_uint_eq(to, hv4);
        alive += m.type == WIRE_ALIVE;
        suspect += m.type == WIRE_SUSPECT;
        own = m;
    }
    ck_assert_uint_eq(alive, 5);
    ck_assert_uint_eq(suspect, 1);
    ck_assert_int_eq(own.type, WIRE_DIGEST);
    ck_assert(!own.digest.ask);
    own.digest.ask = true;
    hand(p, hv4, &own); /* the same view: nothing to say */
    ck_assert_int_eq(said(p, &to).type, WIRE_NONE);
    digest.digest.ask = false;
    hand(p, hv4, &digest); /* words, but no digest: it ends here */
    for (m = said(p, &to); m.type != WIRE_NONE; m = said(p, &to))
        ck_assert_int_ne(m.type, WIRE_DIGEST);
    play_end(p);
}
END_TEST

START_TEST(vitals_are_kept_as_maxima_of_a_life)
{
    struct play *p = monologue();
    const struct swim *s = p->actors[hv1].swim;
    struct vitals v;
    ck_assert(!swim_vitals(s, play_slot(hv2), &v));
    struct message m = {.type = WIRE_PING, .ping = {1, 3, 100, 10, 0}};
    hand(p, hv2, &m);
    m.ping = (struct wire_ping){2, 3, 90, 20, 0};
    hand(p, hv2, &m);
    ck_assert(swim_vitals(s, play_slot(hv2), &v));
    ck_assert(v.life == 3 && v.commits == 100 && v.ops == 20);
    m.ping = (struct wire_ping){3, 2, 999, 999, 0};
    hand(p, hv2, &m);
    ck_assert(swim_vitals(s, play_slot(hv2), &v));
    ck_assert(v.life == 3 && v.commits == 100 && v.ops == 20);
    struct message ack = {.type = WIRE_ACK, .ack = {4, 4, 5, 6, 0}};
    hand(p, hv2, &ack);
    ck_assert(swim_vitals(s, play_slot(hv2), &v));
    ck_assert(v.life == 4 && v.commits == 5 && v.ops == 6);
    ck_assert(!swim_vitals(s, play_slot(hv3), &v));
    /* And ours are told. */
    size_t to;
    swim_set_vitals(p->actors[hv1].swim, 41, 42);
    drain(p);
    hand(p, hv3, &m);
    ack = said(p, &to);
    ck_assert(ack.ack.life == 1 && ack.ack.commits == 41 && ack.ack.ops == 42);
    ck_assert(swim_vitals(s, play_slot(hv1), &v) && v.commits == 41);
    play_end(p);
}
END_TEST

/* Each that told more is taken once, in the roster's order; who says the same again is not. */
START_TEST(vitals_that_rose_are_taken_once)
{
    struct play *p = monologue();
    struct swim *s = p->actors[hv1].swim;
    struct message m = {.type = WIRE_PING, .ping = {1, 3, 100, 10, 0}};
    struct vitals v;
    uint16_t slot;
    ck_assert(!swim_next_vitals(s, &slot, &v));
    hand(p, hv3, &m);
    hand(p, hv2, &m);
    m.ping.commits = 101;
    hand(p, hv2, &m);
    ck_assert(swim_next_vitals(s, &slot, &v));
    ck_assert(slot == play_slot(hv2) && v.life == 3 && v.commits == 101 && v.ops == 10);
    ck_assert(swim_next_vitals(s, &slot, &v));
    ck_assert(slot == play_slot(hv3) && v.commits == 100);
    ck_assert(!swim_next_vitals(s, &slot, &v));
    hand(p, hv2, &m);
    m.ping.commits = 99;
    hand(p, hv3, &m);
    ck_assert(!swim_next_vitals(s, &slot, &v));
    m.ping.life = 4; /* a new life counts anew */
    hand(p, hv3, &m);
    ck_assert(swim_next_vitals(s, &slot, &v));
    ck_assert(slot == play_slot(hv3) && v.life == 4 && v.commits == 99);
    play_end(p);
}
END_TEST

START_TEST(late_step_accuses_nobody)
{
    struct play *p = monologue();
    size_t to;
    struct message m = play_accusation(WIRE_SUSPECT, hv3, 1, 0, hv2);
    until(p, WIRE_PING, &to);
    hand(p, hv2, &m);
    p->now = instant_after(p->now, SPAN_MS(30000)); /* the process was paused */
    swim_step(p->actors[hv1].swim, p->now);
    for (size_t i = 1; i < 5; i++) {
        enum member_state expected = i == hv3 ? MEMBER_SUSPECT : MEMBER_ALIVE;
        ck_assert_int_eq(play_view(p, hv1, i).state, expected);
        ck_assert(!play_view(p, hv1, i).unreachable);
    }
    m = play_word(p, hv3, hv3, 1, 1, false);
    hand(p, hv3, &m);
    ck_assert_int_eq(play_view(p, hv1, hv3).state, MEMBER_ALIVE);
    play_end(p);
}
END_TEST

/* The next thing that hv1 says is this word, to `to`. */
static void expect_word(struct play *p, size_t to, uint16_t slot, uint32_t incarnation)
{
    size_t heard_by;
    struct message m = said(p, &heard_by);
    ck_assert_int_eq(m.type, WIRE_ALIVE);
    ck_assert_uint_eq(heard_by, to);
    ck_assert_uint_eq(m.alive.slot, slot);
    ck_assert_uint_eq(m.alive.incarnation, incarnation);
}

START_TEST(accusation_of_the_past_is_answered_with_the_present)
{
    struct play *p = monologue();
    drain(p);
    size_t to;
    struct message m = play_accusation(WIRE_DEAD, hv1, 1, 0, hv3);
    hand(p, hv2, &m);
    expect_word(p, hv2, play_slot(hv1), 1);
    hand(p, hv4, &m);
    expect_word(p, hv4, play_slot(hv1), 1);
    ck_assert_int_eq(said(p, &to).type, WIRE_NONE);
    ck_assert_uint_eq(swim_counters(p->actors[hv1].swim)->refutations, 1);
    play_end(p);
}
END_TEST

START_TEST(who_forgot_its_words_is_told)
{
    struct play *p = monologue();
    size_t to;
    struct message m = play_word(p, hv2, hv2, 1, 5, false);
    hand(p, hv2, &m);
    drain(p);
    m = play_word(p, hv2, hv2, 1, 0, false);
    hand(p, hv3, &m); /* an old word passed on by another: no answer */
    ck_assert_int_eq(said(p, &to).type, WIRE_NONE);
    hand(p, hv2, &m);
    expect_word(p, hv2, play_slot(hv2), 5);
    m = play_accusation(WIRE_DEAD, hv2, 1, 5, hv3);
    hand(p, hv3, &m);
    m = play_word(p, hv2, hv2, 1, 5, false); /* it does not know that it is held dead */
    hand(p, hv2, &m);
    expect_word(p, hv2, play_slot(hv2), 5);
    ck_assert_int_eq(said(p, &to).type, WIRE_DEAD);
    play_end(p);
}
END_TEST

START_TEST(own_word_of_another_life_is_ignored)
{
    struct play *p = monologue();
    struct message m = play_word(p, hv1, hv1, 9, 0, false);
    hand(p, hv2, &m);
    ck_assert_uint_eq(swim_counters(p->actors[hv1].swim)->words_ignored, 1);
    ck_assert_uint_eq(swim_counters(p->actors[hv1].swim)->refutations, 0);
    ck_assert_uint_eq(play_view(p, hv1, hv1).life, 1);
    play_end(p);
}
END_TEST

START_TEST(own_leaving_known_before_the_start_is_undone)
{
    struct play *p = play_begin(2, 27);
    play_boot(p, hv1);
    struct message m = play_word(p, hv1, hv1, 1, 2, true);
    hand(p, hv2, &m);
    play_start(p, hv1, 1);
    ck_assert_int_eq(play_view(p, hv1, hv1).state, MEMBER_ALIVE);
    ck_assert_uint_eq(play_view(p, hv1, hv1).incarnation, 3);
    play_end(p);
}
END_TEST

START_TEST(failed_probe_of_one_that_left_accuses_nobody)
{
    struct play *p = monologue();
    size_t target, other;
    until(p, WIRE_PING, &target);
    struct message m = play_word(p, target, target, 1, 0, true);
    hand(p, target, &m);
    until(p, WIRE_PING, &other);
    ck_assert_int_eq(play_view(p, hv1, target).state, MEMBER_LEFT);
    play_end(p);
}
END_TEST

START_TEST(unknown_life_in_a_ping_is_asked_for)
{
    struct play *p = monologue();
    drain(p);
    size_t to;
    struct message m = {.type = WIRE_PING, .ping = {.seq = 1, .life = 2}};
    hand(p, hv2, &m);
    for (m = said(p, &to); m.type != WIRE_DIGEST; m = said(p, &to))
        ck_assert_int_ne(m.type, WIRE_NONE);
    ck_assert(m.digest.ask);
    ck_assert_uint_eq(to, hv2);
    play_end(p);
}
END_TEST

START_TEST(suspects_get_lost_time_back)
{
    struct play *p = monologue();
    struct swim *s = p->actors[hv1].swim;
    struct message m = play_accusation(WIRE_SUSPECT, hv3, 1, 0, hv2);
    hand(p, hv2, &m);
    p->now = instant_after(p->now, SPAN_MS(500));
    m = play_accusation(WIRE_SUSPECT, hv4, 1, 0, hv2);
    hand(p, hv2, &m);
    p->now = instant_after(p->now, SPAN_MS(30000));
    while (play_view(p, hv1, hv3).state == MEMBER_SUSPECT) {
        swim_step(s, p->now);
        ck_assert_int_eq(play_view(p, hv1, hv4).state, MEMBER_SUSPECT);
        p->now = swim_deadline(s);
    }
    ck_assert_int_eq(play_view(p, hv1, hv3).state, MEMBER_DEAD);
    play_end(p);
}
END_TEST

/* A probe is open until its answer, so that it is not taken for silence. */
static size_t probed_next(struct play *p, uint8_t *ring)
{
    size_t to;
    struct message ping = until(p, WIRE_PING, &to);
    struct message ack = {.type = WIRE_ACK, .ack = {.seq = ping.ping.seq, .life = 1}};
    hand(p, to, &ack);
    *ring = ping.ping.ring;
    return to;
}

START_TEST(every_live_member_is_probed_once_a_round)
{
    struct play *p = monologue();
    drain(p);
    unsigned rounds[4] = {0};
    for (size_t count = 0; count < 16;) {
        uint8_t ring;
        size_t to = probed_next(p, &ring);
        if (ring == 0)
            rounds[count++ / 4] |= 1U << to;
    }
    for (int round = 0; round < 4; round++)
        ck_assert_uint_eq(rounds[round], 0x1e);
    play_end(p);
}
END_TEST

START_TEST(watchers_come_once_a_turn)
{
    struct play *p = monologue();
    drain(p);
    unsigned counts[5] = {0};
    struct instant until_then = instant_after(p->now, span_times(p->timing.period, 40));
    while (!instant_reached(p->now, until_then)) {
        uint8_t ring;
        size_t to = probed_next(p, &ring);
        ck_assert_uint_le(ring, 4);
        counts[to] += ring > 0;
    }
    for (size_t i = 1; i < 5; i++) /* 40 periods are ten turns of four rings */
        ck_assert(counts[i] >= 9 && counts[i] <= 11);
    play_end(p);
}
END_TEST

START_TEST(watcher_is_told_when_to_come_again)
{
    struct play *p = monologue();
    size_t to;
    drain(p);
    struct message ping = {.type = WIRE_PING, .ping = {.seq = 9, .life = 1, .ring = 2}};
    hand(p, hv2, &ping);
    struct message ack = said(p, &to);
    struct span wait = watch_wait(p->now, 1, 4, p->timing.period);
    ck_assert_int_eq(ack.type, WIRE_ACK);
    ck_assert_int_eq(ack.ack.wait_ms, wait.ns / 1000000);
    ping.ping.ring = 0;
    drain(p);
    hand(p, hv2, &ping);
    ck_assert_uint_eq(said(p, &to).ack.wait_ms, 0);
    ping.ping.ring = 5; /* there is no such ring */
    drain(p);
    hand(p, hv2, &ping);
    ck_assert_uint_eq(said(p, &to).ack.wait_ms, 0);
    play_end(p);
}
END_TEST

START_TEST(states_have_names)
{
    ck_assert_str_eq(member_state_text(MEMBER_UNKNOWN), "unknown");
    ck_assert_str_eq(member_state_text(MEMBER_ALIVE), "alive");
    ck_assert_str_eq(member_state_text(MEMBER_SUSPECT), "suspect");
    ck_assert_str_eq(member_state_text(MEMBER_DEAD), "dead");
    ck_assert_str_eq(member_state_text(MEMBER_LEFT), "left");
}
END_TEST

TCase *tcase_swim_alone(void)
{
    TCase *t = tcase_create("alone");
    tcase_add_test(t, late_answer_counts_first_hand);
    tcase_add_test(t, indirect_answer_counts);
    tcase_add_test(t, answer_from_the_wrong_one_does_not_count);
    tcase_add_test(t, relay_answers_under_the_askers_number);
    tcase_add_test(t, relays_are_bounded);
    tcase_add_test(t, accused_is_told_with_every_ping_and_ack);
    tcase_add_test(t, digest_that_differs_is_answered_with_all);
    tcase_add_test(t, vitals_are_kept_as_maxima_of_a_life);
    tcase_add_test(t, vitals_that_rose_are_taken_once);
    tcase_add_test(t, late_step_accuses_nobody);
    tcase_add_test(t, accusation_of_the_past_is_answered_with_the_present);
    tcase_add_test(t, who_forgot_its_words_is_told);
    tcase_add_test(t, own_word_of_another_life_is_ignored);
    tcase_add_test(t, own_leaving_known_before_the_start_is_undone);
    tcase_add_test(t, failed_probe_of_one_that_left_accuses_nobody);
    tcase_add_test(t, unknown_life_in_a_ping_is_asked_for);
    tcase_add_test(t, suspects_get_lost_time_back);
    tcase_add_test(t, every_live_member_is_probed_once_a_round);
    tcase_add_test(t, watchers_come_once_a_turn);
    tcase_add_test(t, watcher_is_told_when_to_come_again);
    tcase_add_test(t, states_have_names);
    return t;
}
