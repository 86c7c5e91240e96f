/* The queue of news. */
#include <check.h>

#include "proto/gossip.h"

Suite *suite_gossip(void);

enum { MEMBERS = 20 };

static struct gossip_item items[MEMBERS];
static struct gossip news;
static uint16_t picked[GOSSIP_PER_DATAGRAM];

static void setup(void)
{
    gossip_init(&news, items, MEMBERS);
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
    ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked), 0);
}
END_TEST

START_TEST(each_word_is_told_up_to_the_limit)
{
    gossip_add(&news, 4);
    for (uint16_t i = 0; i < gossip_limit(MEMBERS); i++) {
        ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked), 1);
        ck_assert_uint_eq(picked[0], 4);
    }
    ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked), 0);
    ck_assert_uint_eq(news.count, 0);
}
END_TEST

START_TEST(least_told_first_then_newest)
{
    for (uint16_t i = 0; i < 8; i++)
        gossip_add(&news, i);
    ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked), GOSSIP_PER_DATAGRAM);
    for (size_t i = 0; i < GOSSIP_PER_DATAGRAM; i++)
        ck_assert_uint_eq(picked[i], 7 - i);
    gossip_pick(&news, GOSSIP_NOBODY, picked);
    ck_assert_uint_eq(picked[0], 1); /* never told yet */
    ck_assert_uint_eq(picked[1], 0);
    ck_assert_uint_eq(picked[2], 7); /* told once */
}
END_TEST

START_TEST(newer_word_replaces_the_older)
{
    for (int i = 0; i < 5; i++)
        gossip_pick(&news, GOSSIP_NOBODY, picked);
    gossip_add(&news, 3);
    gossip_pick(&news, GOSSIP_NOBODY, picked);
    gossip_add(&news, 3); /* starts anew, and is there once */
    ck_assert_uint_eq(news.count, 1);
    uint16_t told = 0;
    while (gossip_pick(&news, GOSSIP_NOBODY, picked) == 1)
        told++;
    ck_assert_uint_eq(told, gossip_limit(MEMBERS));
}
END_TEST

START_TEST(skipped_member_is_not_told_and_not_counted)
{
    gossip_add(&news, 1);
    gossip_add(&news, 2);
    for (int i = 0; i < 3; i++) {
        ck_assert_uint_eq(gossip_pick(&news, 2, picked), 1);
        ck_assert_uint_eq(picked[0], 1);
    }
    ck_assert_uint_eq(gossip_pick(&news, GOSSIP_NOBODY, picked), 2);
    ck_assert_uint_eq(picked[0], 2);
}
END_TEST

START_TEST(all_members_are_told_equally_often)
{
    unsigned told[MEMBERS] = {0};
    for (unsigned i = 0; i < MEMBERS; i++)
        gossip_add(&news, (uint16_t)i);
    for (size_t n = gossip_pick(&news, GOSSIP_NOBODY, picked); n > 0;
         n = gossip_pick(&news, GOSSIP_NOBODY, picked)) {
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
    suite_add_tcase(suite, t);
    return suite;
}
