/* Shards and cohorts: who keeps a lock depends on the cluster, the shard and the slots, and on
 * nothing else. */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/cohort.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_cohort(void);

enum { SHARDS = 1024, K = 5 };

static struct roster roster;
static struct cluster_id cluster;
static struct cohorts cohorts, others;

static void make(struct cohorts *c)
{
    free(c->slots);
    cohorts_init(c, malloc(cohorts_bytes(&roster)), &roster, &cluster);
}

static void set_up(void)
{
    memset(&cluster, 0xc1, sizeof cluster);
    fixture_roster(&roster, 7, 1);
    roster.shard_count = SHARDS;
    roster.cohort_size = K;
    make(&cohorts);
}

static void tear_down(void)
{
    free(cohorts.slots);
    free(others.slots);
    cohorts.slots = others.slots = NULL;
}

static struct view view_of(const char *text)
{
    return (struct view){(const uint8_t *)text, strlen(text)};
}

/* L0: more than half of the cohort as the roster names it. */
START_TEST(majorities)
{
    const size_t expected[] = {0, 1, 2, 2, 3, 3, 4, 4};
    for (size_t size = 1; size <= 7; size++)
        ck_assert_uint_eq(cohort_majority(&(struct cohorts){.size = size}), expected[size]);
    for (size_t size = 1; size <= ROSTER_COHORT_MAX; size++) {
        size_t majority = cohort_majority(&(struct cohorts){.size = size});
        ck_assert_uint_gt(2 * majority, size);
        ck_assert_uint_le(2 * (majority - 1), size);
    }
}
END_TEST

/* Computed by another implementation of SipHash-2-4: all nodes of a cluster must agree for ever. */
START_TEST(golden_values)
{
    const uint16_t rows[][K] = {
        {11, 1, 3, 9, 13}, {7, 13, 11, 5, 1}, {1, 11, 7, 3, 5}, {5, 9, 1, 7, 11}};
    for (uint32_t shard = 0; shard < 4; shard++)
        ck_assert(memcmp(cohort_of(&cohorts, shard), rows[shard], sizeof rows[shard]) == 0);
    ck_assert_uint_eq(cohort_shard(&cohorts, view_of("image")), 394);
    ck_assert_uint_eq(cohort_shard(&cohorts, view_of("a")), 340);
    ck_assert_uint_eq(cohort_shard(&cohorts, view_of("\xe2\x82\xac")), 675);
    ck_assert_uint_eq(cohort_shard(&cohorts, view_of("image/debian-12.qcow2")), 693);
}
END_TEST

START_TEST(members_are_different_voters)
{
    roster.nodes[2].votes = false;
    make(&cohorts);
    ck_assert_uint_eq(cohorts.size, K);
    for (uint32_t shard = 0; shard < SHARDS; shard++) {
        const uint16_t *row = cohort_of(&cohorts, shard);
        ck_assert_int_eq(cohort_index(&cohorts, shard, roster.nodes[2].slot), -1);
        ck_assert_int_eq(cohort_index(&cohorts, shard, SLOT_NONE), -1);
        for (int i = 0; i < K; i++) {
            ck_assert_int_ge(roster_find(&roster, row[i]), 0);
            ck_assert_int_eq(cohort_index(&cohorts, shard, row[i]), i);
        }
    }
}
END_TEST

/* loop test: _i voters; with fewer than k all of them, and with k = 0 always. */
START_TEST(small_clusters_are_their_own_cohort)
{
    fixture_roster(&roster, (size_t)_i, 1);
    roster.shard_count = SHARDS;
    for (roster.cohort_size = 0; roster.cohort_size <= K;
         roster.cohort_size = K + roster.cohort_size) {
        make(&cohorts);
        ck_assert_uint_eq(cohorts.size, (size_t)_i);
        for (uint32_t shard = 0; shard < SHARDS; shard++)
            for (int n = 0; n < _i; n++)
                ck_assert_int_ge(cohort_index(&cohorts, shard, roster.nodes[n].slot), 0);
    }
}
END_TEST

/* Each cohort with the newcomer is the old one with its last member gone; all others are as they
 * were. */
START_TEST(a_new_voter_moves_only_its_share)
{
    fixture_roster(&roster, 10, 1);
    roster.shard_count = SHARDS;
    roster.cohort_size = K;
    const uint16_t newcomer = roster.nodes[9].slot;
    make(&others);
    roster.node_count = 9;
    make(&cohorts);
    unsigned moved = 0;
    for (uint32_t shard = 0; shard < SHARDS; shard++) {
        const uint16_t *before = cohort_of(&cohorts, shard);
        const uint16_t *after = cohort_of(&others, shard);
        int kept = 0;
        for (int i = 0; i < K; i++)
            if (after[i] != newcomer)
                ck_assert_uint_eq(after[i], before[kept++]);
        moved += kept < K;
    }
    ck_assert_uint_gt(moved, SHARDS / 2 - 80); /* k / n = 1/2; sixteen a standard deviation */
    ck_assert_uint_lt(moved, SHARDS / 2 + 80);
}
END_TEST

START_TEST(work_is_spread)
{
    unsigned first[7] = {0}, any[7] = {0};
    for (uint32_t shard = 0; shard < SHARDS; shard++)
        for (size_t i = 0; i < K; i++) {
            size_t node = (size_t)(cohort_of(&cohorts, shard)[i] - 1) / 2;
            first[node] += i == 0;
            any[node]++;
        }
    for (size_t n = 0; n < 7; n++) {
        ck_assert_uint_gt(first[n], SHARDS / 7 / 2);
        ck_assert_uint_lt(first[n], SHARDS / 7 * 2);
        ck_assert_uint_gt(any[n], SHARDS * K / 7 * 8 / 10);
    }
}
END_TEST

/* Names, keys, addresses, stores, the order in the roster and its epoch may change; the cluster may
 * not. */
START_TEST(only_cluster_and_slots_count)
{
    for (size_t n = 0; n < 7; n++) {
        struct roster_node *node = &roster.nodes[n];
        node->key = fixture_key((unsigned)n + 100).public;
        node->address.port++;
        node->store.bytes[5] ^= 1;
        node->name[0] = 'm';
    }
    roster.epoch = 9;
    make(&others);
    ck_assert_mem_eq(others.slots, cohorts.slots, cohorts_bytes(&roster));
    cluster.bytes[0] ^= 1;
    make(&others);
    ck_assert_int_ne(memcmp(others.slots, cohorts.slots, cohorts_bytes(&roster)), 0);
}
END_TEST

Suite *suite_cohort(void)
{
    Suite *suite = suite_create("cohort");
    TCase *rows = tcase_create("rows");
    tcase_add_checked_fixture(rows, set_up, tear_down);
    tcase_add_test(rows, majorities);
    tcase_add_test(rows, golden_values);
    tcase_add_test(rows, members_are_different_voters);
    tcase_add_loop_test(rows, small_clusters_are_their_own_cohort, 1, K + 1);
    tcase_add_test(rows, a_new_voter_moves_only_its_share);
    tcase_add_test(rows, work_is_spread);
    tcase_add_test(rows, only_cluster_and_slots_count);
    suite_add_tcase(suite, rows);
    return suite;
}
