/* The outbox: order, "durable before spoken" (L6), and its bounds. */
#include <check.h>

#include "proto/outbox.h"

Suite *suite_outbox(void);

enum { ROOM = 2 * (MESSAGE_MAX + 4096) };

static uint8_t memory[ROOM];
static struct outbox box;

static void setup(void)
{
    outbox_init(&box, memory, sizeof memory, 10);
}

static struct message poke(uint32_t seq)
{
    return (struct message){.type = WIRE_POKE, .poke = {.seq = seq}};
}

static void send(uint16_t to, uint32_t seq)
{
    struct message m = poke(seq);
    outbox_send(&box, to, &m);
}

static void send_after(uint64_t lsn, uint16_t to, uint32_t seq)
{
    struct message m = poke(seq);
    outbox_send_after(&box, lsn, to, &m);
}

/* A message of `size` body bytes. */
static struct message large(size_t size)
{
    static uint8_t bytes[MESSAGE_MAX];
    struct message m = {.type = WIRE_FRAGMENT};
    m.fragment.bytes = (struct view){bytes, size - (4 + 1 + 1 + 2)};
    return m;
}

/* The next is `seq` for `to`. */
static void expect(uint16_t to, uint32_t seq)
{
    struct outbox_entry entry;
    struct message m;
    ck_assert(outbox_next(&box, &entry));
    struct reader r = reader_init(entry.bytes.bytes, entry.bytes.size);
    ck_assert(wire_decode(&m, &r) && reader_done(&r));
    ck_assert_int_eq(m.type, WIRE_POKE);
    ck_assert_uint_eq(m.poke.seq, seq);
    ck_assert_uint_eq(entry.to, to);
}

static void expect_nothing(void)
{
    struct outbox_entry entry;
    ck_assert(!outbox_next(&box, &entry));
}

START_TEST(first_in_first_out)
{
    expect_nothing();
    for (uint32_t i = 0; i < 100; i++)
        send((uint16_t)(i % 3), i);
    for (uint32_t i = 0; i < 100; i++)
        expect((uint16_t)(i % 3), i);
    expect_nothing();
    ck_assert_uint_eq(box.sent, 100);
    ck_assert_uint_eq(box.dropped_full, 0);
}
END_TEST

START_TEST(held_until_durable)
{
    send_after(12, 1, 120);
    send_after(13, 1, 130);
    send(1, 1);
    expect(1, 1);
    expect_nothing();
    outbox_durable(&box, 11);
    expect_nothing();
    outbox_durable(&box, 12);
    expect(1, 120);
    expect_nothing();
    outbox_durable(&box, 20);
    expect(1, 130);
    expect_nothing();
}
END_TEST

START_TEST(what_is_durable_already_leaves_at_once)
{
    send_after(10, 2, 5);
    send_after(3, 2, 6);
    expect(2, 5);
    expect(2, 6);
    expect_nothing();
}
END_TEST

START_TEST(one_sync_releases_all_that_waited_in_order)
{
    for (uint32_t i = 0; i < 50; i++)
        send_after(11 + i / 10, 1, i);
    outbox_durable(&box, 12);
    for (uint32_t i = 0; i < 20; i++)
        expect(1, i);
    expect_nothing();
    send_after(13, 1, 99); /* behind those of the same write */
    outbox_durable(&box, 100);
    for (uint32_t i = 20; i < 50; i++)
        expect(1, i);
    expect(1, 99);
    expect_nothing();
}
END_TEST

START_TEST(lower_number_behind_a_higher_one_waits_for_both)
{
    send_after(20, 1, 1);
    send_after(15, 1, 2);
    outbox_durable(&box, 15);
    expect_nothing();
    outbox_durable(&box, 20);
    expect(1, 1);
    expect(1, 2);
    send_after(21, 1, 3); /* the queue is empty again: no memory of 20 */
    outbox_durable(&box, 21);
    expect(1, 3);
}
END_TEST

START_TEST(failed_sync_drops_what_was_held)
{
    send(1, 1);
    send_after(11, 1, 2);
    outbox_drop_held(&box);
    outbox_durable(&box, 30);
    expect(1, 1);
    expect_nothing();
}
END_TEST

START_TEST(full_drops_and_counts)
{
    uint64_t taken = 0;
    while (box.dropped_full == 0) {
        send(1, (uint32_t)taken);
        taken += box.dropped_full == 0;
    }
    ck_assert_uint_eq(box.sent, taken);
    send(1, 0);
    ck_assert_uint_eq(box.dropped_full, 2);
    /* What was taken is intact. */
    for (uint32_t i = 0; i < taken; i++)
        expect(1, i);
    expect_nothing();
    send(1, 77);
    expect(1, 77);
}
END_TEST

START_TEST(held_full_drops_and_counts)
{
    uint64_t taken = 0;
    while (box.dropped_full == 0) {
        send_after(11, 1, (uint32_t)taken);
        taken += box.dropped_full == 0;
    }
    ck_assert_uint_eq(box.sent, taken);
    outbox_durable(&box, 11);
    for (uint32_t i = 0; i < taken; i++)
        expect(1, i);
    expect_nothing();
}
END_TEST

START_TEST(released_into_a_full_queue_is_dropped_and_counted)
{
    send_after(11, 1, 1);
    struct message m = large(MESSAGE_MAX);
    outbox_send(&box, 1, &m);
    while (box.dropped_full == 0)
        send(1, 9);
    uint64_t before = box.dropped_full;
    outbox_durable(&box, 11);
    ck_assert_uint_eq(box.dropped_full, before + 1);
    ck_assert_uint_eq(box.held_end, 0);
}
END_TEST

START_TEST(room_is_used_again)
{
    struct message m = large(20000);
    struct outbox_entry entry;
    for (uint32_t i = 0; i < 1000; i++) {
        outbox_send(&box, 1, &m);
        send(2, i);
        ck_assert(outbox_next(&box, &entry));
        ck_assert_uint_eq(entry.bytes.size, 20000 + MESSAGE_HEADER);
        expect(2, i);
        send(3, i); /* one stays behind, so that the queue never empties by itself */
        outbox_send(&box, 1, &m);
        expect(3, i);
        ck_assert(outbox_next(&box, &entry));
    }
    ck_assert_uint_eq(box.dropped_full, 0);
    ck_assert_uint_eq(box.sent, 4000);
}
END_TEST

/* The queues never run empty and wrap many times; nothing is lost or reordered. */
START_TEST(long_run_keeps_order)
{
    uint32_t in = 0, out = 0;
    uint64_t lsn = 10;
    for (int round = 0; round < 3000; round++) {
        for (int i = 0; i < 7; i++)
            send_after(lsn + 1 + (uint64_t)i / 3, 4, in++);
        lsn += 2; /* one of the seven stays held until the next round */
        outbox_durable(&box, lsn);
        while (in - out > 10)
            expect(4, out++);
    }
    outbox_durable(&box, lsn + 10);
    while (out < in)
        expect(4, out++);
    expect_nothing();
    ck_assert_uint_eq(box.dropped_full, 0);
}
END_TEST

START_TEST(largest_message_fits)
{
    struct message m = large(MESSAGE_MAX);
    struct outbox_entry entry;
    outbox_send_after(&box, 11, 5, &m);
    outbox_durable(&box, 11);
    ck_assert(outbox_next(&box, &entry));
    ck_assert_uint_eq(entry.bytes.size, MESSAGE_MAX + MESSAGE_HEADER);
    ck_assert_uint_eq(entry.to, 5);
}
END_TEST

Suite *suite_outbox(void)
{
    Suite *suite = suite_create("outbox");
    TCase *t = tcase_create("queues");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, first_in_first_out);
    tcase_add_test(t, held_until_durable);
    tcase_add_test(t, what_is_durable_already_leaves_at_once);
    tcase_add_test(t, one_sync_releases_all_that_waited_in_order);
    tcase_add_test(t, lower_number_behind_a_higher_one_waits_for_both);
    tcase_add_test(t, failed_sync_drops_what_was_held);
    tcase_add_test(t, full_drops_and_counts);
    tcase_add_test(t, held_full_drops_and_counts);
    tcase_add_test(t, released_into_a_full_queue_is_dropped_and_counted);
    tcase_add_test(t, room_is_used_again);
    tcase_add_test(t, long_run_keeps_order);
    tcase_add_test(t, largest_message_fits);
    suite_add_tcase(suite, t);
    return suite;
}
