/*
 * Relays (T3): the way's own arithmetic by hand; frames that no honest peer sends, given to real
 * links; and plays (tests/unit/peer_play.h) in which links break.
 */
#include <check.h>

#include "proto/peer_internal.h"
#include "tests/unit/peer_play.h"

Suite *suite_relay(void);

enum { C = 3, D = 4 }; /* relays: index + 1 */

/* --- The way --- */

static struct relay_way way;
static struct instant now;

static void set_up(void)
{
    relay_init(&way);
    now = instant_after((struct instant){0}, SPAN_MS(5000));
}

static void later(int64_t ms)
{
    now = instant_after(now, SPAN_MS(ms));
}

/* An answer is overdue, and the first round begins. */
static void trouble(void)
{
    relay_demanded(&way, now);
    later(250);
    ck_assert(relay_round(&way, now, false));
    ck_assert(way.troubled);
}

/* By C, found in the first round, which has gone by. */
static void go_by_c(void)
{
    trouble();
    uint32_t seq = relay_ask(&way, C);
    ck_assert(relay_answered(&way, now, seq));
    ck_assert_uint_eq(way.via, C);
    later(1000);
    ck_assert(relay_round(&way, now, false));
}

START_TEST(the_direct_way_costs_nothing)
{
    ck_assert_int_eq(relay_deadline(&way).ns, INSTANT_NEVER.ns);
    for (int i = 0; i < 100; i++) {
        relay_demanded(&way, now);
        later(200);
        ck_assert(!relay_round(&way, now, false));
        relay_heard(&way, now, 0, true);
        ck_assert_int_eq(relay_deadline(&way).ns, INSTANT_NEVER.ns);
    }
    ck_assert_uint_eq(way.seq, 0);
}
END_TEST

START_TEST(what_answers_at_once_is_known)
{
    ck_assert(relay_demands(WIRE_PING) && relay_demands(WIRE_RENEW) && relay_demands(WIRE_ACCEPT));
    ck_assert(!relay_demands(WIRE_ACK) && !relay_demands(WIRE_RELAY) && !relay_demands(WIRE_TYPES));
}
END_TEST

START_TEST(a_replayed_hello_is_no_answer)
{
    relay_demanded(&way, now);
    relay_heard(&way, now, 0, false);
    later(250);
    ck_assert(relay_round(&way, now, false));
}
END_TEST

START_TEST(rounds_slow_down_and_end)
{
    static const int64_t waits[] = {250, 500, 1000, 2000, 2000, 2000};
    trouble();
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        ck_assert_int_eq(span_between(now, relay_deadline(&way)).ns, SPAN_MS(waits[i]).ns);
        relay_demanded(&way, now); /* one search at a time */
        later(waits[i]);
        ck_assert_int_eq(relay_round(&way, now, false), i + 1 < RELAY_ROUNDS);
    }
    ck_assert_int_eq(relay_deadline(&way).ns, INSTANT_NEVER.ns);
    trouble(); /* with the next message it begins anew */
}
END_TEST

START_TEST(the_dead_are_not_looked_for)
{
    go_by_c();
    later(1000);
    ck_assert(!relay_round(&way, now, true));
    ck_assert_uint_eq(way.via, 0);
    ck_assert_int_eq(relay_deadline(&way).ns, INSTANT_NEVER.ns);
}
END_TEST

START_TEST(the_first_answer_shows_the_way)
{
    trouble();
    relay_ask(&way, 0);
    uint32_t by_c = relay_ask(&way, C), by_d = relay_ask(&way, D);
    ck_assert(relay_answered(&way, now, by_d));
    ck_assert_uint_eq(way.via, D);
    ck_assert(relay_answered(&way, now, by_c)); /* slower: no change */
    ck_assert_uint_eq(way.via, D);
}
END_TEST

/* A lost message, not a broken link: the direct way is back within the round. */
START_TEST(a_direct_answer_of_the_same_round_wins)
{
    trouble();
    uint32_t direct = relay_ask(&way, 0), by_c = relay_ask(&way, C);
    relay_answered(&way, now, by_c);
    relay_answered(&way, now, direct);
    ck_assert_uint_eq(way.via, 0);
    ck_assert_int_eq(relay_deadline(&way).ns, INSTANT_NEVER.ns);
    relay_answered(&way, now, by_c); /* late, or twice */
    ck_assert_uint_eq(way.via, 0);
}
END_TEST

/* A link that lets one in five through does not make the way go to and fro. */
START_TEST(later_it_takes_two_in_a_row)
{
    go_by_c();
    relay_answered(&way, now, relay_ask(&way, 0));
    ck_assert_uint_eq(way.via, C);
    ck_assert_int_eq(span_between(now, relay_deadline(&way)).ns, RELAY_WAIT.ns);
    later(250);
    relay_round(&way, now, false); /* the second direct question is lost */
    relay_answered(&way, now, relay_ask(&way, C));
    later(1000);
    relay_round(&way, now, false);
    relay_answered(&way, now, relay_ask(&way, 0));
    ck_assert_uint_eq(way.via, C);
    later(250);
    relay_round(&way, now, false);
    relay_answered(&way, now, relay_ask(&way, 0));
    ck_assert_uint_eq(way.via, 0);
}
END_TEST

START_TEST(a_second_relay_takes_the_place_of_a_silent_one)
{
    go_by_c();
    relay_ask(&way, C);
    later(250);
    ck_assert(relay_round(&way, now, false));
    ck_assert(way.troubled);
    ck_assert_uint_eq(way.via, C); /* until another one is known to work */
    relay_answered(&way, now, relay_ask(&way, D));
    ck_assert_uint_eq(way.via, D);
    ck_assert(!way.troubled);
}
END_TEST

START_TEST(who_is_heard_through_a_relay_is_answered_through_it)
{
    relay_heard(&way, now, C, true);
    ck_assert_uint_eq(way.via, C);
    ck_assert_int_eq(relay_deadline(&way).ns, now.ns); /* and the direct way is tried at once */
    ck_assert(relay_round(&way, now, false));
    ck_assert(!way.troubled);
    relay_answered(&way, now, relay_ask(&way, 0));
    ck_assert_uint_eq(way.via, 0);
}
END_TEST

/* One way is cut: what comes through a relay does not change the direct one, which works. */
START_TEST(a_direct_way_that_works_is_kept)
{
    relay_heard(&way, now, C, true);
    relay_round(&way, now, false);
    relay_answered(&way, now, relay_ask(&way, 0));
    for (int i = 0; i < 20; i++) {
        later(500);
        relay_heard(&way, now, C, true);
        ck_assert_uint_eq(way.via, 0);
        if (relay_round(&way, now, false))
            relay_answered(&way, now, relay_ask(&way, 0));
    }
    ck_assert_uint_le(way.seq, 12); /* a question a second */
    later(30001);
    relay_heard(&way, now, D, true);
    ck_assert_uint_eq(way.via, D);
}
END_TEST

START_TEST(answers_to_no_question_are_nothing)
{
    ck_assert(!relay_answered(&way, now, 0));
    ck_assert(!relay_answered(&way, now, 1));
    uint32_t first = relay_ask(&way, C);
    ck_assert(!relay_answered(&way, now, first + 1));
    for (int i = 1; i < RELAY_ASKS; i++)
        relay_ask(&way, C);
    ck_assert(relay_answered(&way, now, first));
    relay_ask(&way, C);
    ck_assert(!relay_answered(&way, now, first));
    ck_assert(!relay_answered(&way, now, first - 1));
    ck_assert_uint_eq(way.via, 0);
}
END_TEST

START_TEST(a_meter_lets_so_many_through_in_a_second)
{
    struct relay_meter meter = {0};
    for (int second = 0; second < 3; second++) {
        size_t taken = 0;
        for (int i = 0; i < 50; i++)
            taken += relay_meter_take(&meter, now, 20);
        ck_assert_uint_eq(taken, 20);
        later(1000);
    }
}
END_TEST

/* --- Frames --- */

static struct stage *s;

static void open_three(void)
{
    s = stage_open(3, 4);
}

static void open_five(void)
{
    s = stage_open(5, 4);
}

static void close_stage(void)
{
    stage_end(s);
}

static struct link *link_of(size_t node)
{
    return &s->nodes[node].peer->link;
}

static uint8_t sealed[DATAGRAM_MAX];
static uint8_t long_bytes[2 * FRAGMENT_BYTES];

/* What node 0 seals for node 1, which does not get it. */
static struct view sealed_for_one(const struct message *m)
{
    uint8_t bytes[DATAGRAM_ROOM];
    const struct outgoing *out;
    struct writer w = writer_init(bytes, sizeof bytes);
    wire_encode(&w, m);
    link_put(link_of(0), stage_slot(1), (struct view){bytes, writer_size(&w)});
    size_t count = link_flush(link_of(0), s->now, &out);
    for (size_t i = 0; i < count; i++) {
        if (out[i].to != stage_slot(1))
            continue;
        memcpy(sealed, out[i].bytes.bytes, out[i].bytes.size);
        return (struct view){sealed, out[i].bytes.size};
    }
    ck_abort_msg("nothing was sealed");
}

static struct wire_relay relay_frame(size_t from, size_t to, struct view datagram)
{
    return (struct wire_relay){
        .from = stage_slot(from), .to = stage_slot(to), .datagram = datagram};
}

/* Whether node `at` opens it, as brought by `carrier`. */
static bool opens(size_t at, size_t carrier, const struct wire_relay *r)
{
    struct link_messages out;
    return link_relay(link_of(at), s->now, stage_slot(carrier), r, &out);
}

static const struct message poke = {.type = WIRE_POKE, .poke = {.seq = 7}};

START_TEST(a_relayed_datagram_is_taken_once)
{
    struct wire_relay r = relay_frame(0, 1, sealed_for_one(&poke));
    struct peer_counters before = *stage_counters(s, 1);
    ck_assert(opens(1, 2, &r));
    ck_assert(!opens(1, 2, &r));
    ck_assert_uint_eq(stage_counters(s, 1)->drop_replay, before.drop_replay + 1);
    ck_assert_uint_eq(stage_counters(s, 1)->relays_in, before.relays_in + 1);
    stage_datagram(s, 1, r.datagram.bytes, r.datagram.size); /* nor directly, after that */
    ck_assert_uint_eq(stage_counters(s, 1)->drop_replay, before.drop_replay + 2);
}
END_TEST

/* loop test: bit _i * 37 is flipped. */
START_TEST(a_relay_cannot_change_it)
{
    struct view datagram = sealed_for_one(&poke);
    struct wire_relay r = relay_frame(0, 1, datagram);
    size_t bit = (size_t)_i * 37 % (8 * datagram.size);
    sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    ck_assert(!opens(1, 2, &r));
    sealed[bit / 8] ^= (uint8_t)(1u << bit % 8);
    ck_assert(opens(1, 2, &r)); /* the window did not move */
}
END_TEST

START_TEST(a_relay_hands_on_for_the_author_alone)
{
    struct wire_relay r = relay_frame(0, 1, sealed_for_one(&poke));
    struct peer_counters before = *stage_counters(s, 2);
    opens(2, 0, &r);
    ck_assert_uint_eq(stage_counters(s, 2)->relays_handed, before.relays_handed + 1);
    opens(2, 1, &r); /* it was handed on already: no second hop */
    struct wire_relay back = relay_frame(0, 0, r.datagram);
    opens(2, 0, &back);
    struct wire_relay nobody = r;
    nobody.to = 999;
    opens(2, 0, &nobody);
    struct wire_relay other = relay_frame(1, 0, r.datagram); /* it is not what it says */
    opens(2, 1, &other);
    ck_assert_uint_eq(stage_counters(s, 2)->relays_handed, before.relays_handed + 1);
    ck_assert_uint_eq(stage_counters(s, 2)->drop_relay, before.drop_relay + 4);
}
END_TEST

START_TEST(a_relay_that_needs_one_itself_hands_nothing_on)
{
    struct wire_relay r = relay_frame(0, 1, sealed_for_one(&poke));
    stage_cut(s, 2, 1, true);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_eq(link_via(link_of(2), stage_slot(1)), stage_slot(0));
    uint64_t before = stage_counters(s, 2)->relays_handed;
    opens(2, 0, &r);
    ck_assert_uint_eq(stage_counters(s, 2)->relays_handed, before);
}
END_TEST

START_TEST(what_is_handed_on_is_bounded)
{
    struct wire_relay r = relay_frame(0, 1, sealed_for_one(&poke));
    struct peer_counters before = *stage_counters(s, 2);
    for (int i = 0; i < RELAY_PEER_MAX + 100; i++)
        opens(2, 0, &r);
    const struct peer_counters *after = stage_counters(s, 2);
    ck_assert_uint_eq(after->relays_handed, before.relays_handed + RELAY_PEER_MAX);
    ck_assert_uint_eq(after->drop_relay_rate, before.drop_relay_rate + 100);
}
END_TEST

START_TEST(no_relay_within_a_relayed_datagram)
{
    struct view inner = sealed_for_one(&poke);
    uint8_t kept[DATAGRAM_MAX];
    memcpy(kept, inner.bytes, inner.size);
    struct message m = {.type = WIRE_RELAY};
    m.relay = relay_frame(0, 1, (struct view){kept, inner.size});
    struct wire_relay r = relay_frame(0, 1, sealed_for_one(&m));
    uint64_t before = stage_counters(s, 1)->drop_malformed;
    ck_assert(!opens(1, 2, &r));
    ck_assert_uint_eq(stage_counters(s, 1)->drop_malformed, before + 1);
}
END_TEST

/* In pieces it does not get past the link either. */
START_TEST(no_relay_in_pieces)
{
    uint8_t bytes[MESSAGE_HEADER + 64];
    struct message m = {.type = WIRE_RELAY};
    m.relay = relay_frame(0, 2, (struct view){sealed, 40});
    struct writer w = writer_init(bytes, sizeof bytes);
    wire_encode(&w, &m);
    struct message piece = {
        .type = WIRE_FRAGMENT,
        .fragment = {.id = 1, .count = 2, .bytes = {long_bytes, FRAGMENT_BYTES}}};
    size_t body = FRAGMENT_BYTES + 10 - MESSAGE_HEADER;
    memcpy(long_bytes, bytes, writer_size(&w));
    long_bytes[1] = (uint8_t)body;
    long_bytes[2] = (uint8_t)(body >> 8);
    long_bytes[MESSAGE_HEADER + 4] = (uint8_t)(body - 6);
    long_bytes[MESSAGE_HEADER + 5] = (uint8_t)((body - 6) >> 8);
    uint64_t before = stage_counters(s, 1)->drop_malformed;
    struct view first = sealed_for_one(&piece);
    stage_datagram(s, 1, first.bytes, first.size);
    piece.fragment.index = 1;
    piece.fragment.bytes = (struct view){long_bytes + FRAGMENT_BYTES, 10};
    struct view second = sealed_for_one(&piece);
    stage_datagram(s, 1, second.bytes, second.size);
    ck_assert_uint_eq(stage_counters(s, 1)->drop_malformed, before + 1);
    ck_assert_uint_eq(stage_counters(s, 1)->relays_handed, 0);
}
END_TEST

START_TEST(the_largest_fits)
{
    static uint8_t bytes[RELAYED_MAX];
    uint8_t room[DATAGRAM_ROOM];
    struct message m = {.type = WIRE_RELAY};
    m.relay = relay_frame(0, 1, (struct view){bytes, sizeof bytes});
    struct writer w = writer_init(room, sizeof room);
    wire_encode(&w, &m);
    ck_assert(!w.failed);
    ck_assert_uint_eq(writer_size(&w), DATAGRAM_ROOM);
    /* What a relayed datagram costs on each of its two hops. */
    ck_assert_uint_eq(SEAL_OVERHEAD + DATAGRAM_PREFIX + RELAY_HEADER, 65);
}
END_TEST

/* --- Plays --- */

static struct member_view member(size_t node, size_t of)
{
    struct member_view view;
    peer_member(s->nodes[node].peer, stage_slot(of), &view);
    return view;
}

static void cut_one_way(size_t from, size_t to, bool cut)
{
    s->cut[from][to] = cut;
}

START_TEST(no_cut_no_relay)
{
    const char *name = stage_name_of(s, 3);
    stage_release(s, 0, stage_hold(s, 0, name, LOCK_EXCLUSIVE));
    stage_run(s, 60 * STAGE_SECOND);
    for (size_t i = 0; i < 5; i++) {
        const struct peer_counters *c = stage_counters(s, i);
        ck_assert_uint_eq(c->edge_asks + c->relays_out + c->relays_in + c->relays_handed, 0);
        for (size_t k = 0; k < 5; k++)
            ck_assert_uint_eq(member(i, k).via, SLOT_NONE);
    }
}
END_TEST

/* M3: unreachable for me, and reached; alive for all. */
START_TEST(two_that_miss_each_other_talk_through_a_third)
{
    const char *name = stage_name_of(s, 3);
    stage_cut(s, 0, 3, true);
    uint64_t asked = stage_acquire(s, 0, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, STAGE_SECOND));
    ck_assert_int_eq(stage_coordinator(s, name), 3);
    stage_run(s, 30 * STAGE_SECOND);
    for (int i = 0; i < 2; i++) {
        struct member_view view = i ? member(0, 3) : member(3, 0);
        ck_assert_uint_ne(view.via, SLOT_NONE);
        ck_assert(view.unreachable);
        ck_assert_int_eq(view.state, MEMBER_ALIVE);
    }
    ck_assert(!member(1, 3).unreachable);
    stage_cut(s, 0, 3, false);
    stage_run(s, 3 * STAGE_SECOND);
    ck_assert_uint_eq(member(0, 3).via, SLOT_NONE);
    ck_assert_uint_eq(member(3, 0).via, SLOT_NONE);
    ck_assert(!member(0, 3).unreachable);
}
END_TEST

START_TEST(a_one_way_cut_needs_a_relay_one_way)
{
    cut_one_way(0, 3, true);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert_uint_ne(member(0, 3).via, SLOT_NONE);
    ck_assert_uint_eq(member(3, 0).via, SLOT_NONE);
    uint64_t before = stage_counters(s, 3)->relays_out;
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_le(stage_counters(s, 3)->relays_out - before, 25); /* answers to questions */
}
END_TEST

/* The relays of both are cut off, and the direct way works again: each answers the other's question
 * by it, too. */
START_TEST(relays_that_lead_nowhere_are_left_by_both)
{
    stage_cut(s, 0, 3, true);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_ne(member(0, 3).via, SLOT_NONE);
    ck_assert_uint_ne(member(3, 0).via, SLOT_NONE);
    for (size_t i = 0; i < 5; i++)
        if (i != 0 && i != 3)
            stage_isolate(s, i, true);
    stage_cut(s, 0, 3, false);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(member(0, 3).via, SLOT_NONE);
    ck_assert_uint_eq(member(3, 0).via, SLOT_NONE);
}
END_TEST

START_TEST(another_relay_takes_over)
{
    stage_cut(s, 0, 3, true);
    stage_run(s, 5 * STAGE_SECOND);
    uint16_t via = member(0, 3).via;
    size_t relay = 0;
    while (stage_slot(relay) != via)
        relay++;
    ck_assert(relay != 0 && relay != 3);
    stage_pause(s, relay, true);
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_ne(member(0, 3).via, via);
    ck_assert_uint_ne(member(0, 3).via, SLOT_NONE);
    const char *name = stage_name_of(s, 3);
    uint64_t asked = stage_acquire(s, 0, name, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, STAGE_SECOND));
}
END_TEST

/* Only one of the others reaches the target. */
START_TEST(the_relay_that_works_is_found)
{
    size_t only = 1 + (size_t)_i;
    for (size_t i = 0; i < 4; i++)
        if (i != only)
            stage_cut(s, i, 4, true);
    stage_run(s, 5 * STAGE_SECOND);
    for (size_t i = 0; i < 4; i++)
        if (i != only)
            ck_assert_uint_eq(member(i, 4).via, stage_slot(only));
}
END_TEST

/* A session between two that never had a link, begun by hellos through a third. */
START_TEST(two_that_never_met_meet_through_a_third)
{
    stage_kill(s, 0);
    stage_run(s, 20 * STAGE_SECOND);
    stage_cut(s, 0, 1, true);
    stage_start(s, 0);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert(link_connected(link_of(0), stage_slot(1)));
    ck_assert(link_connected(link_of(1), stage_slot(0)));
    ck_assert_int_eq(member(0, 1).state, MEMBER_ALIVE);
    ck_assert_int_eq(member(1, 0).state, MEMBER_ALIVE);
}
END_TEST

/* Node 4 reaches one voter, and has its store checked, a life that counts and a lock (L7, F7). */
START_TEST(one_neighbour_is_enough)
{
    stage_kill(s, 4);
    stage_isolate(s, 4, true);
    stage_cut(s, 4, 0, false);
    stage_start(s, 4);
    stage_run(s, 8 * STAGE_SECOND);
    ck_assert_int_eq(stage_status(s, 4).store, STORE_VOTING);
    ck_assert(stage_status(s, 4).life_known);
    s->policy = LOCK_STALE_FENCE;
    uint64_t asked = stage_acquire(s, 4, "mine", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, 2 * STAGE_SECOND));
    stage_run(s, 30 * STAGE_SECOND);
    ck_assert(stage_status(s, 4).standing);
    for (size_t i = 0; i < 4; i++)
        ck_assert_int_eq(member(i, 4).state, MEMBER_ALIVE);
}
END_TEST

Suite *suite_relay(void)
{
    Suite *suite = suite_create("relay");
    TCase *ways = tcase_create("way");
    tcase_add_checked_fixture(ways, set_up, NULL);
    tcase_add_test(ways, the_direct_way_costs_nothing);
    tcase_add_test(ways, what_answers_at_once_is_known);
    tcase_add_test(ways, a_replayed_hello_is_no_answer);
    tcase_add_test(ways, rounds_slow_down_and_end);
    tcase_add_test(ways, the_dead_are_not_looked_for);
    tcase_add_test(ways, the_first_answer_shows_the_way);
    tcase_add_test(ways, a_direct_answer_of_the_same_round_wins);
    tcase_add_test(ways, later_it_takes_two_in_a_row);
    tcase_add_test(ways, a_second_relay_takes_the_place_of_a_silent_one);
    tcase_add_test(ways, who_is_heard_through_a_relay_is_answered_through_it);
    tcase_add_test(ways, a_direct_way_that_works_is_kept);
    tcase_add_test(ways, answers_to_no_question_are_nothing);
    tcase_add_test(ways, a_meter_lets_so_many_through_in_a_second);
    suite_add_tcase(suite, ways);

    TCase *frames = tcase_create("frames");
    tcase_add_checked_fixture(frames, open_three, close_stage);
    tcase_add_test(frames, a_relayed_datagram_is_taken_once);
    tcase_add_loop_test(frames, a_relay_cannot_change_it, 0, 20);
    tcase_add_test(frames, a_relay_hands_on_for_the_author_alone);
    tcase_add_test(frames, a_relay_that_needs_one_itself_hands_nothing_on);
    tcase_add_test(frames, what_is_handed_on_is_bounded);
    tcase_add_test(frames, no_relay_within_a_relayed_datagram);
    tcase_add_test(frames, no_relay_in_pieces);
    tcase_add_test(frames, the_largest_fits);
    suite_add_tcase(suite, frames);

    TCase *plays = tcase_create("plays");
    tcase_add_checked_fixture(plays, open_five, close_stage);
    tcase_add_test(plays, no_cut_no_relay);
    tcase_add_test(plays, two_that_miss_each_other_talk_through_a_third);
    tcase_add_test(plays, a_one_way_cut_needs_a_relay_one_way);
    tcase_add_test(plays, relays_that_lead_nowhere_are_left_by_both);
    tcase_add_test(plays, another_relay_takes_over);
    tcase_add_loop_test(plays, the_relay_that_works_is_found, 0, 3);
    tcase_add_test(plays, two_that_never_met_meet_through_a_third);
    tcase_add_test(plays, one_neighbour_is_enough);
    suite_add_tcase(suite, plays);
    return suite;
}
