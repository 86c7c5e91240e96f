/*
 * The link (T1, T2): two or three of them, and datagrams carried by hand. Sessions through lost
 * hellos and restarts, messages that share a datagram or need several, and all that is dropped and
 * counted.
 */
#include <check.h>
#include <stdlib.h>

#include "proto/link.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_link(void);

enum { ENDS = 3, ARENA_SIZE = 1 << 18 };

/* One node's link, and what it heard. */
struct end {
    struct core core;
    struct link link;
    struct roster roster;
    struct key_pair key;
    void *memory;
    void *arena_memory;
    size_t heard; /* messages */
    size_t connected;
    uint32_t last_seq; /* of the last PING */
    uint8_t *whole;    /* the last long message put together */
    size_t whole_size;
};

static struct end ends[ENDS];
static struct instant now;

static uint16_t slot(size_t node)
{
    return (uint16_t)(2 * node + 1);
}

/* A new run of that node's agent. */
static void begin(size_t node, uint8_t run)
{
    struct end *e = &ends[node];
    memset(&e->core, 0, sizeof e->core);
    e->core.config = (struct peer_config){.roster = &e->roster, .self = slot(node), .key = &e->key};
    e->core.drbg = fixture_drbg((uint8_t)(16 * run + node));
    arena_init(&e->core.arena, e->arena_memory, ARENA_SIZE);
    link_init(&e->link, &e->core, e->memory);
    link_start(&e->link, now);
    e->heard = e->connected = 0;
    e->last_seq = 0;
}

static void set_up(void)
{
    now = (struct instant){1000};
    for (size_t i = 0; i < ENDS; i++) {
        struct end *e = &ends[i];
        struct peer_config config = {.roster = &e->roster};
        fixture_roster(&e->roster, ENDS, 1);
        e->key = fixture_key((unsigned)i);
        e->memory = malloc(link_bytes(&config));
        e->arena_memory = aligned_alloc(16, ARENA_SIZE);
        e->whole = malloc(MESSAGE_MAX + MESSAGE_HEADER);
        begin(i, 1);
    }
}

static void tear_down(void)
{
    for (size_t i = 0; i < ENDS; i++) {
        free(ends[i].memory);
        free(ends[i].arena_memory);
        free(ends[i].whole);
    }
}

/* --- Carrying --- */

static void take_one(struct end *e, uint16_t from, const struct message *m)
{
    struct view whole;
    e->heard++;
    if (m->type == WIRE_PING)
        e->last_seq = m->ping.seq;
    if (m->type == WIRE_FRAGMENT && link_reassemble(&e->link, from, &m->fragment, &whole)) {
        memcpy(e->whole, whole.bytes, whole.size);
        e->whole_size = whole.size;
    }
}

static bool deliver(size_t to, struct view datagram)
{
    struct end *e = &ends[to];
    struct link_messages messages;
    if (!link_open(&e->link, now, datagram, &(struct address){0}, &messages))
        return false;
    e->connected += messages.connected;
    while (reader_left(&messages.reader) > 0) {
        struct message m;
        ck_assert(wire_decode(&m, &messages.reader));
        take_one(e, messages.from, &m);
    }
    return true;
}

/* Sends what `from` has to say, except to `lost`; the number of datagrams. */
static size_t carry_but(size_t from, size_t lost)
{
    const struct outgoing *out;
    ck_assert(link_agrees(&ends[from].link));
    size_t count = link_flush(&ends[from].link, now, &out);
    ck_assert(link_agrees(&ends[from].link));
    for (size_t i = 0; i < count; i++) {
        size_t to = (size_t)(out[i].to - 1) / 2;
        ck_assert_uint_le(out[i].bytes.size, DATAGRAM_MAX);
        if (to != lost)
            deliver(to, out[i].bytes);
    }
    return count;
}

static size_t carry(size_t from)
{
    return carry_but(from, SIZE_MAX);
}

static void later(int64_t ms)
{
    now = instant_after(now, SPAN_MS(ms));
}

static void ping(size_t from, size_t to, uint32_t seq)
{
    uint8_t bytes[64];
    struct message m = {.type = WIRE_PING, .ping = {.seq = seq}};
    struct writer w = writer_init(bytes, sizeof bytes);
    wire_encode(&w, &m);
    ends[from].core.now = now;
    link_put(&ends[from].link, slot(to), (struct view){bytes, writer_size(&w)});
}

static void ping_all(void)
{
    for (size_t a = 0; a < ENDS; a++)
        for (size_t b = 0; b < ENDS; b++)
            if (link_connected(&ends[a].link, slot(b)))
                ping(a, b, 1);
    for (size_t a = 0; a < ENDS; a++)
        carry(a);
    for (size_t a = 0; a < ENDS; a++)
        ends[a].heard = ends[a].last_seq = 0;
}

static void carry_all_for(int64_t ms)
{
    for (int64_t i = 0; i < ms; i += 20) {
        for (size_t e = 0; e < ENDS; e++)
            carry(e);
        later(20);
    }
}

/* Hellos, and one message each way, since only what comes shows that the other one believes. Then
 * nobody wants to say hello any more. */
static void meet(void)
{
    carry_all_for(4000);
    ping_all();
    carry_all_for(5000);
    for (size_t a = 0; a < ENDS; a++) {
        ck_assert_int_eq(link_deadline(&ends[a].link).ns, INSTANT_NEVER.ns);
        for (size_t b = 0; b < ENDS; b++)
            ck_assert_int_eq(link_connected(&ends[a].link, slot(b)), a != b);
    }
}

/* --- Sessions --- */

START_TEST(all_meet_and_fall_silent)
{
    meet();
    for (size_t i = 0; i < ENDS; i++) {
        ck_assert_uint_eq(ends[i].connected, ENDS - 1);
        ck_assert_uint_le(ends[i].core.counters.hellos_out, 8 * (ENDS - 1));
        ck_assert_uint_eq(ends[i].core.counters.drop_malformed, 0);
    }
    ping(0, 1, 7);
    ck_assert_uint_eq(carry(0), 1);
    ck_assert_uint_eq(ends[1].last_seq, 7);
    ck_assert_uint_eq(ends[2].heard, 0);
}
END_TEST

START_TEST(nothing_is_said_before_the_session)
{
    ping(0, 1, 7);
    carry(0);
    ck_assert_uint_eq(ends[0].core.counters.drop_no_session, 1);
    ck_assert_uint_eq(ends[1].heard, 0);
    meet();
    ping(0, 0, 8); /* to oneself: the link is not the way */
    ck_assert_uint_eq(ends[0].core.counters.drop_no_session, 2);
}
END_TEST

/* loop test: the _i-th datagram from 0 to 1 is lost, or from 1 to 0: hellos are repeated. */
START_TEST(a_lost_hello_is_repeated)
{
    size_t from = (size_t)_i % 2, count = 0;
    for (int i = 0; i < 200; i++) {
        for (size_t e = 0; e < 2; e++) {
            const struct outgoing *out;
            size_t sent = link_flush(&ends[e].link, now, &out);
            for (size_t d = 0; d < sent; d++) {
                size_t to = (size_t)(out[d].to - 1) / 2;
                bool lost = to > 1 || (e == from && count++ == (size_t)_i / 2);
                if (!lost)
                    deliver(to, out[d].bytes);
            }
        }
        later(20);
    }
    for (size_t e = 0; e < 2; e++) {
        ck_assert(link_connected(&ends[e].link, slot(1 - e)));
        ck_assert_uint_eq(ends[e].connected, 1);
    }
    ping(0, 1, 1);
    ping(1, 0, 2);
    carry_but(0, 2);
    carry_but(1, 2);
    ck_assert_uint_eq(ends[1].last_seq, 1);
    ck_assert_uint_eq(ends[0].last_seq, 2);
    ck_assert(ends[0].link.ends[1].session.trusted && ends[1].link.ends[0].session.trusted);
}
END_TEST

START_TEST(one_end_starts_again)
{
    meet();
    begin(1, 2);
    ping(0, 1, 7); /* to the run before */
    carry(0);
    ck_assert_uint_eq(ends[1].heard, 0);
    ck_assert_uint_eq(ends[1].core.counters.drop_no_session, 1);
    meet();
    ping(0, 1, 8);
    ping(1, 0, 9);
    carry(0);
    carry(1);
    ck_assert_uint_eq(ends[1].last_seq, 8);
    ck_assert_uint_eq(ends[0].last_seq, 9);
    ck_assert_uint_eq(ends[0].connected, ENDS);
}
END_TEST

/* What the earlier run said is nothing to the later one, and the other way round (T1). */
START_TEST(datagrams_of_earlier_runs_do_not_open)
{
    meet();
    const struct outgoing *out;
    uint8_t kept[DATAGRAM_MAX];
    ping(0, 1, 7);
    ck_assert_uint_eq(link_flush(&ends[0].link, now, &out), 1);
    size_t size = out[0].bytes.size;
    memcpy(kept, out[0].bytes.bytes, size);
    begin(1, 2);
    meet();
    ck_assert(!deliver(1, (struct view){kept, size}));
    ck_assert_uint_eq(ends[1].core.counters.drop_unsealed, 1);
    begin(0, 2);
    meet();
    ck_assert(!deliver(1, (struct view){kept, size}));
    ck_assert_uint_eq(ends[1].heard, 0);
}
END_TEST

START_TEST(a_datagram_is_taken_once)
{
    meet();
    const struct outgoing *out;
    ping(0, 1, 7);
    ck_assert_uint_eq(link_flush(&ends[0].link, now, &out), 1);
    ck_assert(deliver(1, out[0].bytes));
    ck_assert(!deliver(1, out[0].bytes));
    ck_assert(!deliver(2, out[0].bytes)); /* it is sealed for one */
    ck_assert_uint_eq(ends[1].core.counters.drop_replay, 1);
    ck_assert_uint_eq(ends[2].core.counters.drop_unsealed, 1);
    ck_assert_uint_eq(ends[1].heard, 1);
}
END_TEST

/* A recorded hello played over and over is answered at a bounded rate. */
START_TEST(hellos_are_answered_at_a_bounded_rate)
{
    const struct outgoing *out;
    uint8_t hello[DATAGRAM_MAX];
    size_t size = 0;
    size_t count = link_flush(&ends[0].link, now, &out);
    for (size_t i = 0; i < count; i++) {
        if (out[i].to != slot(1))
            continue;
        size = out[i].bytes.size;
        memcpy(hello, out[i].bytes.bytes, size);
    }
    meet();
    uint64_t before = ends[1].core.counters.hellos_out;
    for (int i = 0; i < 1000; i++) {
        deliver(1, (struct view){hello, size});
        link_flush(&ends[1].link, now, &out);
        now = instant_after(now, (struct span){100000}); /* 0.1 s in all */
    }
    ck_assert_uint_le(ends[1].core.counters.hellos_out - before, 11);
}
END_TEST

START_TEST(another_roster_is_another_world)
{
    memset(ends[1].core.config.roster_digest.bytes, 9, DIGEST_SIZE);
    carry_all_for(2000);
    ck_assert(!link_connected(&ends[0].link, slot(1)));
    ck_assert(!link_connected(&ends[1].link, slot(0)));
    ck_assert(link_connected(&ends[0].link, slot(2)));
    ck_assert_uint_gt(ends[0].core.counters.drop_epoch, 0);
    ck_assert_uint_eq(ends[0].core.counters.drop_unsealed, 0);
}
END_TEST

START_TEST(another_epoch_in_data_is_dropped)
{
    meet();
    ends[0].roster.epoch = 2;
    ping(0, 1, 7);
    carry(0);
    ck_assert_uint_eq(ends[1].heard, 0);
    ck_assert_uint_eq(ends[1].core.counters.drop_epoch, 1);
}
END_TEST

START_TEST(another_cluster_does_not_open)
{
    meet();
    memset(&ends[0].core.config.cluster, 0x22, sizeof ends[0].core.config.cluster);
    link_init(&ends[0].link, &ends[0].core, ends[0].memory);
    link_start(&ends[0].link, now);
    uint64_t before = ends[1].core.counters.drop_unsealed;
    carry(0);
    ck_assert_uint_eq(ends[1].core.counters.drop_unsealed, before + 1);
}
END_TEST

START_TEST(what_is_no_datagram_is_counted)
{
    static uint8_t bytes[DATAGRAM_MAX + 1];
    struct peer_counters *c = &ends[1].core.counters;
    ck_assert(!deliver(1, (struct view){bytes, 0}));
    ck_assert(!deliver(1, (struct view){bytes, sizeof bytes}));
    ck_assert_uint_eq(c->drop_short, 2);
    bytes[0] = SEAL_VERSION;
    bytes[1] = SEAL_DATA;
    bytes[2] = 99; /* nobody's slot */
    ck_assert(!deliver(1, (struct view){bytes, 200}));
    bytes[2] = (uint8_t)slot(1); /* its own */
    ck_assert(!deliver(1, (struct view){bytes, 200}));
    ck_assert_uint_eq(c->drop_sender, 2);
    bytes[2] = (uint8_t)slot(0);
    ck_assert(!deliver(1, (struct view){bytes, 200}));
    ck_assert_uint_eq(c->drop_no_session, 1);
    bytes[1] = SEAL_HELLO;
    ck_assert(!deliver(1, (struct view){bytes, 200}));
    ck_assert_uint_eq(c->drop_unsealed, 1);
}
END_TEST

/* All messages of a datagram must decode, or none counts. */
START_TEST(one_bad_message_spoils_its_datagram)
{
    meet();
    static const uint8_t unknown[] = {250, 0, 0};
    ping(0, 1, 7);
    link_put(&ends[0].link, slot(1), (struct view){unknown, sizeof unknown});
    ck_assert_uint_eq(carry(0), 1);
    ck_assert_uint_eq(ends[1].heard, 0);
    ck_assert_uint_eq(ends[1].core.counters.drop_malformed, 1);
    ping(0, 1, 8);
    carry(0);
    ck_assert_uint_eq(ends[1].last_seq, 8);
}
END_TEST

/* --- Messages --- */

START_TEST(small_messages_share_a_datagram)
{
    meet();
    for (uint32_t i = 0; i < 30; i++)
        ping(0, 1, i);
    ping(0, 2, 5);
    ck_assert_uint_eq(carry(0), 2);
    ck_assert_uint_eq(ends[1].heard, 30);
    for (uint32_t i = 0; i < 100; i++)
        ping(0, 1, i);
    size_t each = DATAGRAM_ROOM / (MESSAGE_HEADER + 4 + 3 * 8);
    ck_assert_uint_eq(carry(0), (100 + each - 1) / each);
    ck_assert_uint_eq(ends[1].heard, 130);
}
END_TEST

static uint8_t long_message[MESSAGE_MAX + MESSAGE_HEADER];

/* Bytes that nobody decodes here: the link only cuts them and puts them together. */
static struct view make_long(size_t size, uint8_t mark)
{
    for (size_t i = 0; i < size; i++)
        long_message[i] = (uint8_t)(i * 31 + i / 251 + mark);
    long_message[0] = WIRE_NONE; /* no type that is answered at once */
    return (struct view){long_message, size};
}

static bool is_whole(size_t node, struct view expected)
{
    return ends[node].whole_size == expected.size &&
           memcmp(ends[node].whole, expected.bytes, expected.size) == 0;
}

START_TEST(long_messages_are_cut_and_put_together)
{
    static const size_t sizes[] = {DATAGRAM_ROOM + 1,
                                   2 * FRAGMENT_BYTES - 1,
                                   2 * FRAGMENT_BYTES,
                                   2 * FRAGMENT_BYTES + 1,
                                   20000,
                                   FRAGMENT_BYTES * (FRAGMENTS_MAX - 1) + 1,
                                   MESSAGE_MAX + MESSAGE_HEADER};
    meet();
    for (size_t i = 0; i < sizeof sizes / sizeof sizes[0]; i++) {
        struct view whole = make_long(sizes[i], (uint8_t)i);
        link_put(&ends[0].link, slot(1), whole);
        size_t pieces = (sizes[i] + FRAGMENT_BYTES - 1) / FRAGMENT_BYTES;
        size_t datagrams = carry(0); /* a short last piece may ride with the one before */
        ck_assert(datagrams == pieces || datagrams + 1 == pieces);
        ck_assert(is_whole(1, whole));
        ends[1].whole_size = 0;
    }
    ck_assert_uint_eq(ends[1].core.counters.drop_fragment, 0);
}
END_TEST

/* Backwards, each twice, and then once more: it is put together once. */
START_TEST(fragments_come_in_any_order)
{
    uint8_t bytes[FRAGMENT_BYTES];
    size_t wholes = 0;
    struct view whole;
    memset(bytes, 7, sizeof bytes);
    for (int pass = 0; pass < 3; pass++) {
        for (uint8_t i = 5; i > 0; i--) {
            struct wire_fragment f = {.id = 1,
                                      .index = (uint8_t)(i - 1),
                                      .count = 5,
                                      .bytes = {bytes, i == 5 ? 10 : FRAGMENT_BYTES}};
            wholes += link_reassemble(&ends[1].link, slot(0), &f, &whole);
            if (pass == 0)
                ck_assert(!link_reassemble(&ends[1].link, slot(0), &f, &whole));
        }
    }
    ck_assert_uint_eq(wholes, 1);
    ck_assert_uint_eq(whole.size, 4 * FRAGMENT_BYTES + 10);
}
END_TEST

START_TEST(a_newer_message_takes_the_place_of_an_unfinished_one)
{
    meet();
    struct view whole = make_long(5000, 1);
    link_put(&ends[0].link, slot(1), whole);
    const struct outgoing *out;
    ck_assert_uint_eq(link_flush(&ends[0].link, now, &out), 4);
    for (size_t i = 0; i < 3; i++)
        deliver(1, out[i].bytes);
    size_t in_use = ends[1].core.arena.allocated;
    for (uint8_t i = 0; i < 100; i++) {
        whole = make_long(5000, i);
        link_put(&ends[0].link, slot(1), whole);
        ck_assert_uint_eq(link_flush(&ends[0].link, now, &out), 4);
        for (size_t d = i % 2; d < 4; d++)
            deliver(1, out[d].bytes);
        ck_assert_uint_eq(ends[1].core.arena.allocated, in_use);
        ck_assert(i % 2 || is_whole(1, whole));
    }
}
END_TEST

START_TEST(fragments_that_make_no_sense_are_counted)
{
    static uint8_t bytes[FRAGMENT_BYTES + 1];
    static const struct {
        uint8_t index, count;
        size_t size;
    } bad[] = {{0, 0, 10},
               {0, 1, 10},
               {2, 2, 10},
               {255, 255, 10},
               {0, FRAGMENTS_MAX + 1, FRAGMENT_BYTES},
               {0, 3, 10}, /* only the last may be short */
               {0, 3, FRAGMENT_BYTES + 1},
               {2, 3, FRAGMENT_BYTES + 1},
               {2, 3, 0}};
    struct view whole;
    size_t rows = sizeof bad / sizeof bad[0];
    for (size_t i = 0; i < rows; i++) {
        struct wire_fragment f = {
            .id = 1, .index = bad[i].index, .count = bad[i].count, .bytes = {bytes, bad[i].size}};
        ck_assert(!link_reassemble(&ends[1].link, slot(0), &f, &whole));
    }
    ck_assert_uint_eq(ends[1].core.counters.drop_fragment, rows);
    ck_assert_uint_eq(ends[1].core.arena.allocated, 0);
    struct wire_fragment f = {.id = 1, .count = 3, .bytes = {bytes, FRAGMENT_BYTES}};
    ck_assert(!link_reassemble(&ends[1].link, slot(0), &f, &whole));
    f.count = 4; /* one message has one count */
    f.index = 1;
    ck_assert(!link_reassemble(&ends[1].link, slot(0), &f, &whole));
    ck_assert_uint_eq(ends[1].core.counters.drop_fragment, rows + 1);
}
END_TEST

START_TEST(no_memory_for_a_long_message)
{
    while (arena_get(&ends[1].core.arena, 1000))
        ;
    meet();
    link_put(&ends[0].link, slot(1), make_long(20000, 1));
    carry(0);
    ck_assert_uint_eq(ends[1].whole_size, 0);
    ck_assert_uint_eq(ends[1].core.counters.drop_fragment, 16);
    ping(0, 1, 3);
    carry(0);
    ck_assert_uint_eq(ends[1].last_seq, 3);
}
END_TEST

/* While there is room for one more, whatever is put leaves; after that, hellos still do. */
START_TEST(room_is_said_before_it_ends)
{
    meet();
    begin(2, 2); /* to be met again, so that hellos are due */
    size_t puts = 0;
    while (link_has_room(&ends[0].link)) {
        link_put(&ends[0].link, slot(1), make_long(sizeof long_message, (uint8_t)puts));
        puts++;
        ck_assert_uint_lt(puts, 100);
    }
    ck_assert_uint_gt(puts, 2);
    ck_assert_uint_eq(ends[0].core.counters.drop_outbox_full, 0);
    ck_assert_uint_le(carry(0), EFFECTS_DATAGRAMS_MAX);
    ck_assert(is_whole(1, make_long(sizeof long_message, (uint8_t)(puts - 1))));
    ck_assert(link_has_room(&ends[0].link));
}
END_TEST

/* Who puts on regardless loses what does not fit, with a count. */
START_TEST(beyond_the_room_is_dropped_and_counted)
{
    meet();
    for (int i = 0; i < 10; i++)
        link_put(&ends[0].link, slot(1), make_long(sizeof long_message, 1));
    ck_assert_uint_eq(ends[0].core.counters.drop_outbox_full, 10 * FRAGMENTS_MAX - 256);
    ck_assert_uint_eq(carry(0), EFFECTS_DATAGRAMS_MAX);
}
END_TEST

/* A question of the run before that is answered in the turn in which the new run is believed: each
 * datagram is numbered for whom it is sealed for, or the new run's window would be ahead of all
 * that comes (T1). */
START_TEST(what_was_staged_for_the_last_run_does_not_move_the_window)
{
    enum { TALK = 5000 };
    struct message ask = {.type = WIRE_EDGE_ASK, .edge_ask = {.seq = 7}};
    struct link *a = &ends[0].link;
    meet();
    for (uint32_t i = 1; i <= TALK; i++) {
        ping(0, 1, i);
        carry(0);
    }
    begin(1, 2);
    size_t before = ends[0].connected;
    for (int i = 0; i < 200 && ends[0].connected == before; i++) {
        const struct outgoing *out;
        later(20);
        size_t count = link_flush(&ends[1].link, now, &out);
        for (size_t j = 0; j < count; j++) {
            if (out[j].to != slot(0))
                continue;
            a->came_via = 0;
            link_edge(a, now, slot(1), &ask);
            deliver(0, out[j].bytes);
        }
        carry(0);
    }
    carry_all_for(3000);
    uint64_t heard = ends[1].heard;
    for (uint32_t i = 1; i <= 100; i++) {
        ping(0, 1, i);
        carry(0);
    }
    ck_assert_uint_eq(ends[1].heard, heard + 100);
}
END_TEST

Suite *suite_link(void)
{
    Suite *suite = suite_create("link");
    TCase *sessions = tcase_create("sessions");
    tcase_add_checked_fixture(sessions, set_up, tear_down);
    tcase_add_test(sessions, all_meet_and_fall_silent);
    tcase_add_test(sessions, nothing_is_said_before_the_session);
    tcase_add_loop_test(sessions, a_lost_hello_is_repeated, 0, 8);
    tcase_add_test(sessions, one_end_starts_again);
    tcase_add_test(sessions, datagrams_of_earlier_runs_do_not_open);
    tcase_add_test(sessions, a_datagram_is_taken_once);
    tcase_add_test(sessions, hellos_are_answered_at_a_bounded_rate);
    tcase_add_test(sessions, another_roster_is_another_world);
    tcase_add_test(sessions, another_epoch_in_data_is_dropped);
    tcase_add_test(sessions, another_cluster_does_not_open);
    tcase_add_test(sessions, what_is_no_datagram_is_counted);
    tcase_add_test(sessions, one_bad_message_spoils_its_datagram);
    tcase_add_test(sessions, what_was_staged_for_the_last_run_does_not_move_the_window);
    suite_add_tcase(suite, sessions);

    TCase *messages = tcase_create("messages");
    tcase_add_checked_fixture(messages, set_up, tear_down);
    tcase_add_test(messages, small_messages_share_a_datagram);
    tcase_add_test(messages, long_messages_are_cut_and_put_together);
    tcase_add_test(messages, fragments_come_in_any_order);
    tcase_add_test(messages, a_newer_message_takes_the_place_of_an_unfinished_one);
    tcase_add_test(messages, fragments_that_make_no_sense_are_counted);
    tcase_add_test(messages, no_memory_for_a_long_message);
    tcase_add_test(messages, room_is_said_before_it_ends);
    tcase_add_test(messages, beyond_the_room_is_dropped_and_counted);
    suite_add_tcase(suite, messages);
    return suite;
}
