/* The queue of news. */
#include <check.h>
#include <stdbool.h>

#include "proto/gossip.h"

Suite *suite_gossip(void);

/* So many that the queue has room for some of them only. */
enum { MEMBERS = 20, CROWD = GOSSIP_ROOM_MAX + 700 };

static uint16_t memory[GOSSIP_ROOM_MAX * sizeof(struct gossip_item) / 2 + CROWD];
static struct gossip news;
static uint16_t picked[GOSSIP_PER_DATAGRAM];

static void setup(void)
{
    ck_assert_uint_eq(gossip_bytes(CROWD), sizeof memory);
    gossip_init(&news, memory, MEMBERS);
}

/* What a queue does, said in the plainest way: by looking at everything. */
struct plain_item {
    uint16_t member;
    uint16_t sent;
    uint32_t stamp;
};

static struct plain_item plain[GOSSIP_ROOM_MAX];
static size_t plain_count;
static uint32_t plain_stamp;

static bool goes_before(const struct plain_item *a, const struct plain_item *b)
{
    return a->sent != b->sent ? a->sent < b->sent : a->stamp > b->stamp;
}

static void plain_add(uint16_t member)
{
    size_t at = 0, last = 0;
    while (at < plain_count && plain[at].member != member)
        at++;
    for (size_t i = 1; i < plain_count; i++)
        if (goes_before(&plain[last], &plain[i]))
            last = i;
    if (at == plain_count && plain_count == GOSSIP_ROOM_MAX)
        at = last;
    else if (at == plain_count)
        plain_count++;
    plain[at] = (struct plain_item){.member = member, .stamp = ++plain_stamp};
}

static size_t plain_pick(uint16_t skip, uint16_t limit, uint16_t out[GOSSIP_PER_DATAGRAM])
{
    size_t count = 0;
    for (; count < GOSSIP_PER_DATAGRAM; count++) {
        const struct plain_item *best = NULL;
        for (size_t i = 0; i < plain_count; i++) {
            bool taken = plain[i].member == skip;
            for (size_t k = 0; k < count; k++)
                taken |= plain[i].member == out[k];
            if (!taken && (!best || goes_before(&plain[i], best)))
                best = &plain[i];
        }
        if (!best)
            break;
        out[count] = best->member;
    }
    for (size_t i = plain_count; i-- > 0;) {
        bool told = false;
        for (size_t k = 0; k < count; k++)
            told |= plain[i].member == out[k];
        plain[i].sent = (uint16_t)(plain[i].sent + told);
        if (plain[i].sent >= limit)
            plain[i] = plain[--plain_count];
    }
    return count;
}

START_TEST(limit_grows_with_the_logarithm)
{
    ck_assert_uint_eq(gossip_limit(0), 1);
    ck_assert_uint_eq(gossip_limit(1), 3);
    ck_assert_uint_eq(gossip_limit(3), 6);
    ck_assert_uint_eq(gossip_limit(5), 8); /* 3 * 2.58 */
    ck_assert_uint_eq(gossip_limit(31), 15);
    ck_assert_uint_eq(gossip_limit(1023), 30);
}
END_TEST

START_TEST(nothing_to_tell)
{
    ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM), 0);
}
END_TEST

START_TEST(each_word_is_told_up_to_the_limit)
{
    gossip_add(&news, 4);
    for (uint16_t i = 0; i < gossip_limit(MEMBERS); i++) {
        ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM), 1);
        ck_assert_uint_eq(picked[0], 4);
    }
    ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM), 0);
    ck_assert_uint_eq(news.count, 0);
}
END_TEST

START_TEST(least_told_first_then_newest)
{
    for (uint16_t i = 0; i < 8; i++)
        gossip_add(&news, i);
    ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM),
                      GOSSIP_PER_DATAGRAM);
    for (size_t i = 0; i < GOSSIP_PER_DATAGRAM; i++)
        ck_assert_uint_eq(picked[i], 7 - i);
    gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM);
    ck_assert_uint_eq(picked[0], 1); /* never told yet */
    ck_assert_uint_eq(picked[1], 0);
    ck_assert_uint_eq(picked[2], 7); /* told once */
}
END_TEST

START_TEST(newer_word_replaces_the_older)
{
    for (int i = 0; i < 5; i++)
        gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM);
    gossip_add(&news, 3);
    gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM);
    gossip_add(&news, 3); /* starts anew, and is there once */
    ck_assert_uint_eq(news.count, 1);
    uint16_t told = 0;
    while (gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM) == 1)
        told++;
    ck_assert_uint_eq(told, gossip_limit(MEMBERS));
}
END_TEST

START_TEST(skipped_member_is_not_told_and_not_counted)
{
    gossip_add(&news, 1);
    gossip_add(&news, 2);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(gossip_pick(&news, 2, picked, GOSSIP_PER_DATAGRAM), 1);
        ck_assert_uint_eq(picked[0], 1);
    }
    ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM), 2);
    ck_assert_uint_eq(picked[0], 2);
}
END_TEST

START_TEST(all_members_are_told_equally_often)
{
    unsigned told[MEMBERS] = {0};
    for (unsigned i = 0; i < MEMBERS; i++)
        gossip_add(&news, (uint16_t)i);
    for (size_t n = gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM); n > 0;
         n = gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM)) {
        for (size_t i = 0; i < n; i++) {
            for (size_t j = 0; j < i; j++)
                ck_assert_uint_ne(picked[i], picked[j]);
            told[picked[i]]++;
        }
    }
    for (size_t i = 0; i < MEMBERS; i++)
        ck_assert_uint_eq(told[i], gossip_limit(MEMBERS));
}
END_TEST

START_TEST(full_queue_drops_what_was_told_most)
{
    gossip_init(&news, memory, CROWD);
    for (size_t i = 0; i < GOSSIP_ROOM_MAX; i++)
        gossip_add(&news, (uint16_t)i);
    uint16_t newest = GOSSIP_ROOM_MAX - 1;
    ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked, GOSSIP_PER_DATAGRAM),
                      GOSSIP_PER_DATAGRAM);
    /* Of those that were told, the oldest gives way; when none is left, the oldest of all. */
    for (int i = 0; i < GOSSIP_PER_DATAGRAM; i++) {
        uint16_t gone = (uint16_t)(newest + 1 - GOSSIP_PER_DATAGRAM + i);
        ck_assert_uint_ne(news.at[gone], GOSSIP_NOBODY);
        gossip_add(&news, (uint16_t)(newest + 1 + i));
        ck_assert_uint_eq(news.at[gone], GOSSIP_NOBODY);
    }
    ck_assert_uint_ne(news.at[0], GOSSIP_NOBODY);
    gossip_add(&news, newest);
    ck_assert_uint_eq(news.at[0], GOSSIP_NOBODY);
    ck_assert_uint_eq(news.count, GOSSIP_ROOM_MAX);
}
END_TEST

/* Bursts of news and of tellings, among few members and among more than there is room for. */
static void play_both(uint16_t members, uint32_t seed)
{
    uint32_t rounds = members < 100 ? 10000 : 40;
    gossip_init(&news, memory, members);
    plain_count = plain_stamp = 0;
    for (uint32_t i = 0; i < rounds; i++) {
        seed = seed * 1103515245 + 12345;
        uint32_t draw = seed >> 8, burst = draw % 4 ? draw / 4 % 3 : draw / 4 % members;
        for (uint32_t k = 0; k < burst; k++) {
            uint16_t member = (uint16_t)((draw / 16 + k * k) % members);
            gossip_add(&news, member);
            plain_add(member);
        }
        for (uint32_t k = 0; k < draw / 64 % 8; k++) {
            uint16_t expected[GOSSIP_PER_DATAGRAM] = {0};
            uint16_t skip = (uint16_t)(draw % members);
            size_t count = plain_pick(skip, gossip_limit(members), expected);
            ck_assert_uint_eq(gossip_pick(&news, skip, picked, GOSSIP_PER_DATAGRAM), count);
            ck_assert_mem_eq(picked, expected, count * sizeof *picked);
        }
        ck_assert_uint_eq(news.count, plain_count);
    }
}

START_TEST(order_is_that_of_a_full_search)
{
    play_both(1, 1);
    play_both(7, 2);
    play_both(MEMBERS, 3);
    play_both(CROWD, 4);
    ck_assert_uint_eq(news.count, GOSSIP_ROOM_MAX);
}
END_TEST

Suite *suite_gossip(void)
{
    Suite *suite = suite_create("gossip");
    TCase *t = tcase_create("queue");
    tcase_add_checked_fixture(t, setup, NULL);
    tcase_add_test(t, limit_grows_with_the_logarithm);
    tcase_add_test(t, nothing_to_tell);
    tcase_add_test(t, each_word_is_told_up_to_the_limit);
    tcase_add_test(t, least_told_first_then_newest);
    tcase_add_test(t, newer_word_replaces_the_older);
    tcase_add_test(t, skipped_member_is_not_told_and_not_counted);
    tcase_add_test(t, all_members_are_told_equally_often);
    tcase_add_test(t, full_queue_drops_what_was_told_most);
    tcase_add_test(t, order_is_that_of_a_full_search);
    suite_add_tcase(suite, t);
    return suite;
}
