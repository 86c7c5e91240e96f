/*
 * Sessions (T1): the hello handshake as traces that read like a play, a storm of lost, repeated,
 * late and recorded hellos with restarts, and the window against a slow model.
 */
#include "tests/unit/crypto_fixture.h"

#include <check.h>

Suite *suite_session(void);

/* One run of one agent, towards one peer. */
struct end {
    struct start_id start;
    struct session session;
};

static struct end a, b;

static void begin(struct end *end, uint8_t start)
{
    memset(&end->start, start, sizeof end->start);
    session_init(&end->session);
}

static void set_up(void)
{
    begin(&a, 0xa1);
    begin(&b, 0xb1);
}

static struct hello say(struct end *end)
{
    struct hello hello;
    session_hello_next(&end->session, &end->start, &hello);
    return hello;
}

static enum session_hello hear(struct end *end, struct hello hello)
{
    return session_hello_take(&end->session, &end->start, &hello);
}

static bool believes(const struct end *end, const struct end *peer)
{
    return end->session.believed &&
           memcmp(&end->session.peer_start, &peer->start, sizeof peer->start) == 0;
}

/* The three hellos of session.h. */
static void meet(void)
{
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_ASKS);
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_BELIEVED);
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_BELIEVED);
    ck_assert(believes(&a, &b) && believes(&b, &a));
}

START_TEST(three_hellos_make_a_session)
{
    struct hello first = say(&a);
    ck_assert_uint_eq(first.seq, 1);
    ck_assert_uint_eq(first.echo_seq, 0);
    ck_assert(!first.believes);
    ck_assert_int_eq(hear(&b, first), HELLO_ASKS);
    struct hello second = say(&b);
    ck_assert_mem_eq(&second.echo, &a.start, START_SIZE);
    ck_assert_uint_eq(second.echo_seq, 1);
    ck_assert(!second.believes);
    ck_assert_int_eq(hear(&a, second), HELLO_BELIEVED);
    ck_assert(believes(&a, &b) && !a.session.trusted);
    struct hello third = say(&a);
    ck_assert(third.believes);
    ck_assert_int_eq(hear(&b, third), HELLO_BELIEVED);
    ck_assert(believes(&b, &a) && b.session.trusted);
    /* A fourth is not wanted, but ends it too: nobody answers a hello that believes. */
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_KNOWN);
    ck_assert(a.session.trusted);
}
END_TEST

START_TEST(data_shows_that_the_peer_believes)
{
    meet();
    ck_assert(!a.session.trusted);
    ck_assert(session_take(&a.session, session_send_next(&b.session)));
    ck_assert(a.session.trusted);
}
END_TEST

/* Both ask at once: neither waits for the other. */
START_TEST(both_begin_at_once)
{
    struct hello of_a = say(&a), of_b = say(&b);
    ck_assert_int_eq(hear(&a, of_b), HELLO_ASKS);
    ck_assert_int_eq(hear(&b, of_a), HELLO_ASKS);
    of_a = say(&a), of_b = say(&b);
    ck_assert_int_eq(hear(&a, of_b), HELLO_BELIEVED);
    ck_assert_int_eq(hear(&b, of_a), HELLO_BELIEVED);
    of_a = say(&a), of_b = say(&b);
    ck_assert_int_eq(hear(&a, of_b), HELLO_KNOWN);
    ck_assert_int_eq(hear(&b, of_a), HELLO_KNOWN);
    ck_assert(a.session.trusted && b.session.trusted);
}
END_TEST

/* A believes B and B does not believe A, since the third hello was lost. B asks; A must not keep
 * silent. */
START_TEST(a_lost_third_hello_is_asked_for)
{
    hear(&b, say(&a));
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_BELIEVED);
    (void)say(&a);
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_ASKS);
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_BELIEVED);
}
END_TEST

/*
 * The same loss after A started again. B believes A's earlier run and A believes B, so neither
 * misses a belief, and yet nothing that they send opens: only `trusted` tells A to repeat its
 * hello.
 */
START_TEST(a_lost_third_hello_after_a_restart)
{
    meet();
    struct end earlier = a;
    begin(&a, 0xa2);
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_ASKS);
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_BELIEVED);
    (void)say(&a);
    ck_assert(believes(&a, &b) && !a.session.trusted);
    ck_assert(believes(&b, &earlier));
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_BELIEVED);
    ck_assert(believes(&b, &a));
}
END_TEST

START_TEST(a_repeated_hello_changes_nothing)
{
    struct hello first = say(&a);
    hear(&b, first);
    struct hello second = say(&b);
    hear(&a, second);
    struct hello third = say(&a);
    ck_assert_int_eq(hear(&b, third), HELLO_BELIEVED);
    for (uint64_t c = 1; c <= 3; c++) {
        ck_assert(session_take(&a.session, session_send_next(&b.session)));
        ck_assert(session_take(&b.session, session_send_next(&a.session)));
    }
    struct session a_before = a.session, b_before = b.session;
    ck_assert_int_eq(hear(&a, second), HELLO_KNOWN);
    ck_assert_int_eq(hear(&b, first), HELLO_KNOWN);
    ck_assert_int_eq(hear(&b, third), HELLO_KNOWN);
    ck_assert_mem_eq(&a.session, &a_before, sizeof a_before);
    ck_assert_mem_eq(&b.session, &b_before, sizeof b_before);
    ck_assert(!session_take(&a.session, 3) && !session_take(&b.session, 3));
}
END_TEST

/* B's agent starts again; what its earlier run said is then played back to A. */
START_TEST(an_old_hello_cannot_bring_an_old_start_back)
{
    struct hello recorded[3];
    recorded[0] = say(&b);
    hear(&a, recorded[0]);
    hear(&b, say(&a));
    recorded[1] = say(&b);
    ck_assert_int_eq(hear(&a, recorded[1]), HELLO_BELIEVED);
    hear(&b, say(&a));
    recorded[2] = say(&b);
    hear(&a, recorded[2]);
    ck_assert(session_take(&a.session, 1));

    begin(&b, 0xb2);
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_ASKS);
    ck_assert_msg(!believes(&a, &b), "a start is not believed before it echoed");
    for (size_t i = 0; i < 3; i++)
        hear(&a, recorded[i]);
    ck_assert(!session_take(&a.session, 1));
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_ASKS);
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_BELIEVED);
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_BELIEVED);
    ck_assert(believes(&a, &b));
    ck_assert_uint_eq(a.session.count.sent, 0);

    ck_assert(session_take(&a.session, 1));
    for (size_t i = 0; i < 3; i++)
        ck_assert_int_eq(hear(&a, recorded[i]), HELLO_ASKS);
    ck_assert(believes(&a, &b));
    ck_assert(!session_take(&a.session, 1));
}
END_TEST

/* A copy of B lives beside it, and A's belief goes from one to the other: the counters of each pair
 * of starts go on, so nothing that was taken once is taken again. */
START_TEST(a_clone_that_comes_back_finds_its_counters)
{
    struct end copy;
    begin(&copy, 0xc1);
    meet();
    ck_assert_uint_eq(session_send_next(&a.session), 1);
    ck_assert(session_take(&a.session, 7));
    for (uint64_t turn = 0; turn < 3; turn++) {
        hear(&a, say(&copy));
        hear(&copy, say(&a));
        ck_assert_int_eq(hear(&a, say(&copy)), HELLO_BELIEVED);
        ck_assert_uint_eq(session_send_next(&a.session), turn + 1);
        ck_assert(session_take(&a.session, 7 + turn));
        hear(&b, say(&a));
        ck_assert_int_eq(hear(&a, say(&b)), HELLO_BELIEVED);
        ck_assert_uint_eq(session_send_next(&a.session), turn + 2);
        ck_assert(!session_take(&a.session, 7));
    }
}
END_TEST

/*
 * The harder trace. B's first run answers A's newest hello and somebody keeps that answer back; its
 * second run answers an older hello of A's. Were the echoed number alone remembered, the kept
 * answer would count as newer and bring the first run back, with an empty window.
 */
START_TEST(a_hello_held_back_cannot_bring_an_old_start_back)
{
    meet();
    struct hello late = say(&a);
    (void)say(&a);
    hear(&b, say(&a));
    struct hello kept = say(&b);
    ck_assert_uint_gt(kept.echo_seq, late.seq);

    begin(&b, 0xb2);
    ck_assert_int_eq(hear(&b, late), HELLO_ASKS);
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_BELIEVED);
    ck_assert(believes(&a, &b));
    ck_assert_int_eq(hear(&a, kept), HELLO_ASKS);
    ck_assert(believes(&a, &b));
    /* And A, which now echoes the dead run, finds back by itself. */
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_ASKS);
    ck_assert_int_ne(hear(&a, say(&b)), HELLO_BAD);
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_BELIEVED);
    ck_assert(believes(&a, &b) && believes(&b, &a));
}
END_TEST

/* A starts again, and an answer to its earlier run arrives late: to A it proves nothing, and it
 * asks. */
START_TEST(an_echo_of_our_own_past_proves_nothing)
{
    hear(&b, say(&a));
    struct hello late = say(&b);
    begin(&a, 0xa2);
    ck_assert_int_eq(hear(&a, late), HELLO_ASKS);
    ck_assert(!a.session.believed);
    /* What A asks with echoes that late hello, and so shows B that this run is alive. */
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_BELIEVED);
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_BELIEVED);
    ck_assert(believes(&a, &b) && believes(&b, &a));
}
END_TEST

START_TEST(what_no_honest_peer_says)
{
    meet();
    struct session before = a.session;
    struct hello good = say(&b), bad;
#define BAD(change)                                                                                \
    do {                                                                                           \
        bad = good;                                                                                \
        bad.change;                                                                                \
        ck_assert_int_eq(hear(&a, bad), HELLO_BAD);                                                \
    } while (0)
    BAD(seq = 0);
    BAD(start = (struct start_id){{0}});
    BAD(start = a.start); /* reflected: sealing forbids it as well */
    BAD(echo = (struct start_id){{0}});
    BAD(echo_seq = 0);
    BAD(echo_seq = a.session.hello_seq + 1);
    BAD(echo_seq = UINT32_MAX);
    good = (struct hello){.start = b.start, .seq = 9};
    BAD(believes = true);
#undef BAD
    ck_assert_mem_eq(&a.session, &before, sizeof before);
}
END_TEST

START_TEST(numbers_end_without_wrapping)
{
    a.session.hello_seq = UINT32_MAX - 1;
    ck_assert_uint_eq(say(&a).seq, UINT32_MAX);
    ck_assert_uint_eq(say(&a).seq, UINT32_MAX);
}
END_TEST

/*
 * The storm. Two agents that restart at random talk over a network that keeps every hello ever said
 * (to the present runs or earlier ones) and delivers any of them, at any time, any number of times.
 * At no time may a belief go back to an earlier run of the peer; and once each hello arrives, they
 * believe each other.
 */
enum { STORM_STEPS = 4000 };

struct side {
    struct end end;
    uint8_t mark;        /* keeps the two sides' starts apart */
    uint8_t run;         /* 1, 2, ...: first byte of the start */
    uint8_t peer_newest; /* newest run of the peer that this run has believed */
    struct hello said[STORM_STEPS + 100];
    size_t said_count;
};

static void storm_restart(struct side *side)
{
    if (side->run == UINT8_MAX)
        return;
    begin(&side->end, ++side->run);
    side->end.start.bytes[START_SIZE - 1] = side->mark;
    side->peer_newest = 0;
}

static const struct hello *storm_say(struct side *side)
{
    struct hello *hello = &side->said[side->said_count++];
    *hello = say(&side->end);
    return hello;
}

static void storm_deliver(struct side *to, const struct side *from, const struct hello *hello)
{
    enum session_hello verdict = hear(&to->end, *hello);
    ck_assert_int_ne(verdict, HELLO_BAD);
    if (!to->end.session.believed)
        return;
    uint8_t believed = to->end.session.peer_start.bytes[0];
    ck_assert_uint_ge(believed, to->peer_newest);
    ck_assert_uint_le(believed, from->run);
    ck_assert_int_eq(verdict == HELLO_BELIEVED, believed > to->peer_newest);
    to->peer_newest = believed;
}

START_TEST(a_storm_never_turns_a_belief_back)
{
    static struct side sides[2];
    struct drbg d = fixture_drbg((uint8_t)_i);
    memset(sides, 0, sizeof sides);
    for (uint8_t i = 0; i < 2; i++) {
        sides[i].mark = (uint8_t)(i + 1);
        storm_restart(&sides[i]);
    }
    for (int step = 0; step < STORM_STEPS; step++) {
        size_t i = drbg_below(&d, 2);
        struct side *me = &sides[i], *other = &sides[1 - i];
        uint64_t what = drbg_below(&d, 100);
        if (what < 1)
            storm_restart(me);
        else if (what < 30)
            storm_deliver(other, me, storm_say(me));
        else if (what < 50)
            storm_say(me);
        else if (other->said_count > 0)
            storm_deliver(me, other, &other->said[drbg_below(&d, other->said_count)]);
    }
    /* The network is whole again, and both repeat their hellos. */
    for (int round = 0; round < 4; round++)
        for (size_t i = 0; i < 2; i++)
            storm_deliver(&sides[1 - i], &sides[i], storm_say(&sides[i]));
    ck_assert(believes(&sides[0].end, &sides[1].end) && sides[0].end.session.trusted);
    ck_assert(believes(&sides[1].end, &sides[0].end) && sides[1].end.session.trusted);
}
END_TEST

START_TEST(a_hello_has_one_form)
{
    uint8_t plain[SESSION_HELLO_PLAIN_SIZE + 1], again[SESSION_HELLO_PLAIN_SIZE];
    struct hello hello, back;
    meet();
    hello = say(&a);
    hello.epoch = 0x01020304;
    memset(&hello.roster, 0x66, sizeof hello.roster);
    hello_encode(plain, &hello);
    ck_assert(hello_decode(&back, plain, SESSION_HELLO_PLAIN_SIZE));
    hello_encode(again, &back);
    ck_assert_mem_eq(again, plain, sizeof again);
    ck_assert_uint_eq(back.seq, hello.seq);
    ck_assert_uint_eq(back.epoch, hello.epoch);
    ck_assert(back.believes);
    for (size_t size = 0; size <= sizeof plain; size++)
        ck_assert_int_eq(hello_decode(&back, plain, size), size == SESSION_HELLO_PLAIN_SIZE);
    plain[SESSION_HELLO_PLAIN_SIZE - 1] = 2;
    ck_assert(!hello_decode(&back, plain, SESSION_HELLO_PLAIN_SIZE));
}
END_TEST

/* The window. */

static void believe_peer(void)
{
    meet();
    ck_assert_uint_eq(b.session.count.taken, 0);
}

START_TEST(counters_begin_at_one)
{
    ck_assert(!session_take(&b.session, 1));
    believe_peer();
    ck_assert_uint_eq(session_send_next(&a.session), 1);
    ck_assert_uint_eq(session_send_next(&a.session), 2);
    ck_assert(!session_take(&b.session, 0));
    ck_assert(session_take(&b.session, 2));
    ck_assert(session_take(&b.session, 1));
    ck_assert(!session_take(&b.session, 1) && !session_take(&b.session, 2));
    ck_assert(!session_take(&b.session, 0));
}
END_TEST

/* Whatever the newest counter's place in its word, the window is SESSION_WINDOW wide, to the bit.
 */
START_TEST(the_edge_of_the_window)
{
    believe_peer();
    uint64_t newest = 5 * SESSION_WINDOW + (uint64_t)_i;
    ck_assert(session_take(&b.session, newest));
    ck_assert(!session_take(&b.session, newest - SESSION_WINDOW));
    ck_assert(!session_take(&b.session, 1));
    for (uint64_t behind = 1; behind < SESSION_WINDOW; behind++)
        ck_assert(session_take(&b.session, newest - behind));
    for (uint64_t behind = 0; behind <= SESSION_WINDOW; behind++)
        ck_assert(!session_take(&b.session, newest - behind));
    ck_assert(session_take(&b.session, newest + 1));
    ck_assert(!session_take(&b.session, newest - SESSION_WINDOW + 1));
}
END_TEST

START_TEST(a_leap_empties_the_window)
{
    believe_peer();
    for (uint64_t c = 1; c <= SESSION_WINDOW; c++)
        ck_assert(session_take(&b.session, c));
    uint64_t far = UINT64_C(1) << 40;
    ck_assert(session_take(&b.session, far));
    for (uint64_t behind = 1; behind < SESSION_WINDOW; behind++)
        ck_assert(session_take(&b.session, far - behind));
    ck_assert(session_take(&b.session, UINT64_MAX));
    ck_assert(!session_take(&b.session, UINT64_MAX));
    ck_assert(!session_take(&b.session, far));
    ck_assert(session_take(&b.session, UINT64_MAX - SESSION_WINDOW + 1));
    ck_assert(!session_take(&b.session, UINT64_MAX - SESSION_WINDOW));
    ck_assert(!session_take(&b.session, 1));
}
END_TEST

/* Against a model that remembers every counter: any order, any leap around a word or a whole turn.
 */
START_TEST(the_window_agrees_with_a_slow_model)
{
    enum { SPACE = 1 << 18 };
    static bool seen[SPACE];
    static const uint64_t leaps[] = {1,   2,    3,    63,   64,   65,   127,
                                     128, 1023, 1024, 1025, 1087, 1088, 1089};
    struct drbg d = fixture_drbg((uint8_t)_i);
    uint64_t newest = 0;
    memset(seen, 0, sizeof seen);
    believe_peer();
    for (int step = 0; step < 200000; step++) {
        uint64_t counter;
        if (drbg_below(&d, 100) == 0)
            counter = newest + leaps[drbg_below(&d, sizeof leaps / sizeof leaps[0])];
        else if (drbg_below(&d, 4) == 0)
            counter = newest + 1;
        else
            counter = newest - drbg_below(&d, newest < 1200 ? newest + 1 : 1200);
        if (counter >= SPACE)
            break;
        bool fresh = counter > 0 && !seen[counter] &&
                     (counter > newest || newest - counter < SESSION_WINDOW);
        ck_assert_int_eq(session_take(&b.session, counter), fresh);
        seen[counter] = seen[counter] || fresh;
        newest = counter > newest ? counter : newest;
    }
}
END_TEST

/* The whole of it with real sealing: data recorded under a pair of starts is worth nothing under
 * another. */
START_TEST(data_of_an_earlier_run_does_not_open)
{
    struct fixture_pair pair;
    static const uint8_t nonce[SEAL_NONCE_SIZE] = {1};
    uint8_t datagram[8 + SEAL_OVERHEAD], plain[8] = {1};
    fixture_pair(&pair, SEAL_DATA);
    meet();
    pair.binding.from_start = a.start;
    pair.binding.to_start = b.start;
    seal_write(datagram, &pair.key, &pair.binding, nonce, plain, sizeof plain);
    pair.binding.from_start = b.session.peer_start;
    ck_assert(seal_open(plain, &pair.key, &pair.binding, datagram, sizeof datagram));
    ck_assert(session_take(&b.session, 1));
    ck_assert_msg(!session_take(&b.session, 1), "replayed to the same run");

    begin(&b, 0xb2);
    ck_assert_int_eq(hear(&a, say(&b)), HELLO_ASKS);
    ck_assert_int_eq(hear(&b, say(&a)), HELLO_BELIEVED);
    pair.binding.from_start = b.session.peer_start;
    pair.binding.to_start = b.start;
    ck_assert_msg(!seal_open(plain, &pair.key, &pair.binding, datagram, sizeof datagram),
                  "replayed to the receiver's next run");
}
END_TEST

Suite *suite_session(void)
{
    Suite *suite = suite_create("session");
    TCase *hellos = tcase_create("hellos");
    tcase_add_checked_fixture(hellos, set_up, NULL);
    tcase_add_test(hellos, three_hellos_make_a_session);
    tcase_add_test(hellos, data_shows_that_the_peer_believes);
    tcase_add_test(hellos, both_begin_at_once);
    tcase_add_test(hellos, a_lost_third_hello_is_asked_for);
    tcase_add_test(hellos, a_lost_third_hello_after_a_restart);
    tcase_add_test(hellos, a_repeated_hello_changes_nothing);
    tcase_add_test(hellos, an_old_hello_cannot_bring_an_old_start_back);
    tcase_add_test(hellos, a_clone_that_comes_back_finds_its_counters);
    tcase_add_test(hellos, a_hello_held_back_cannot_bring_an_old_start_back);
    tcase_add_test(hellos, an_echo_of_our_own_past_proves_nothing);
    tcase_add_test(hellos, what_no_honest_peer_says);
    tcase_add_test(hellos, numbers_end_without_wrapping);
    tcase_add_loop_test(hellos, a_storm_never_turns_a_belief_back, 0, 100);
    tcase_add_test(hellos, a_hello_has_one_form);
    suite_add_tcase(suite, hellos);
    TCase *window = tcase_create("window");
    tcase_add_checked_fixture(window, set_up, NULL);
    tcase_add_test(window, counters_begin_at_one);
    tcase_add_loop_test(window, the_edge_of_the_window, 0, 65);
    tcase_add_test(window, a_leap_empties_the_window);
    tcase_add_loop_test(window, the_window_agrees_with_a_slow_model, 0, 4);
    tcase_add_test(window, data_of_an_earlier_run_does_not_open);
    suite_add_tcase(suite, window);
    return suite;
}
