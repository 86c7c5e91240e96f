/*
 * The store's check at start (L7), spoken to by hand: whose answers count, when there are enough,
 * and what they make of the store. The whole of it is played in test_restart.c.
 */
#include <check.h>
#include <stdlib.h>

#include "proto/life.h"
#include "proto/storecheck.h"
#include "tests/unit/crypto_fixture.h"

Suite *suite_storecheck(void);

enum { OUTBOX_SIZE = 1 << 18, LSN = 50, LIFE = 3 };

static struct core core;
static struct storecheck check;
static struct roster roster;
static uint8_t *outbox_memory;
static void *memory;
static const struct instant now = {1000};

static uint16_t slot(size_t node)
{
    return (uint16_t)(2 * node + 1);
}

/* Node 0 of so many, with a store of LSN records in which it found life LIFE. */
static void begin(size_t nodes)
{
    memset(&core, 0, sizeof core);
    fixture_roster(&roster, nodes, 1);
    core.config = (struct peer_config){.roster = &roster, .self = slot(0)};
    core.drbg = fixture_drbg(1);
    core.journal.lsn = core.journal.durable = LSN;
    outbox_memory = malloc(OUTBOX_SIZE);
    outbox_init(&core.outbox, outbox_memory, OUTBOX_SIZE, LSN);
    memory = malloc(storecheck_bytes(&core.config));
    storecheck_init(&check, &core, memory);
    storecheck_start(&check, now, LSN);
}

static void tear_down(void)
{
    free(outbox_memory);
    free(memory);
}

static bool answer(size_t from, uint64_t life, uint64_t commits)
{
    struct message m = {
        .type = WIRE_STORE_KNOWN,
        .store_known = {.seq = check.seq, .life = life, .commits = commits, .seen = life}};
    return storecheck_take(&check, now, slot(from), &m);
}

static size_t asked_again(void)
{
    struct outbox_entry entry;
    size_t count = 0;
    while (outbox_next(&core.outbox, &entry))
        count++;
    return count;
}

START_TEST(a_majority_with_itself_is_needed)
{
    static const size_t needed[] = {0, 0, 1, 1, 2, 2, 3, 3}; /* others, by the roster's size */
    for (size_t nodes = 1; nodes < sizeof needed / sizeof needed[0]; nodes++) {
        begin(nodes);
        ck_assert_uint_eq(asked_again(), needed[nodes] ? nodes - 1 : 0);
        for (size_t i = 1; i <= needed[nodes]; i++) {
            ck_assert(!storecheck_done(&check));
            ck_assert_int_eq(answer(i, LIFE, LSN), i == needed[nodes]);
        }
        ck_assert(storecheck_done(&check));
        ck_assert_int_eq(storecheck_deadline(&check).ns, INSTANT_NEVER.ns);
        tear_down();
    }
}
END_TEST

START_TEST(each_counts_once_and_for_this_question)
{
    begin(5);
    struct message m = {.type = WIRE_STORE_KNOWN, .store_known = {.seq = check.seq + 1}};
    ck_assert(!storecheck_take(&check, now, slot(1), &m)); /* of an earlier run */
    m.store_known.seq = check.seq;
    ck_assert(!storecheck_take(&check, now, slot(0), &m)); /* its own */
    ck_assert(!storecheck_take(&check, now, 99, &m));      /* nobody's */
    ck_assert_uint_eq(check.answers, 0);
    ck_assert(!answer(1, LIFE, LSN));
    ck_assert(!answer(1, LIFE, LSN));
    ck_assert_uint_eq(check.answers, 1);
    ck_assert(answer(2, LIFE, LSN));
    ck_assert(!answer(3, LIFE, LSN + 1)); /* too late to matter */
    ck_assert(!storecheck_behind(&check, LIFE));
    tear_down();
}
END_TEST

START_TEST(who_has_not_answered_is_asked_again)
{
    begin(5);
    ck_assert_uint_eq(asked_again(), 4);
    answer(1, LIFE, LSN);
    storecheck_step(&check, now);
    ck_assert_uint_eq(asked_again(), 0);
    storecheck_step(&check, storecheck_deadline(&check));
    ck_assert_uint_eq(asked_again(), 3);
    tear_down();
}
END_TEST

START_TEST(a_higher_count_or_life_means_behind)
{
    static const struct {
        uint64_t life, commits;
        bool behind;
    } rows[] = {{0, 0, false},       {LIFE, LSN, false},         {LIFE, LSN + 1, true},
                {LIFE + 1, 1, true}, {LIFE - 1, LSN + 9, false}, {LIFE, 1, false}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        begin(5);
        answer(1, LIFE, LSN);
        ck_assert(answer(2, rows[i].life, rows[i].commits));
        ck_assert_int_eq(storecheck_behind(&check, LIFE), rows[i].behind);
        tear_down();
    }
}
END_TEST

/* What no honest node can have counted is no answer, and nothing is counted on from there (T4). */
START_TEST(absurd_numbers_are_no_answer)
{
    begin(5);
    ck_assert(!answer(1, UINT64_MAX, 1));
    ck_assert(!answer(1, LIFE, UINT64_MAX));
    struct message m = {.type = WIRE_STORE_KNOWN,
                        .store_known = {.seq = check.seq, .seen = UINT64_MAX}};
    ck_assert(!storecheck_take(&check, now, slot(1), &m));
    core.life = LIFE; /* a life for each boot is not so far ahead */
    ck_assert(!answer(1, LIFE + LIFE_AHEAD_MAX + 1, 1));
    m.store_known.seen = LIFE + LIFE_AHEAD_MAX + 1;
    ck_assert(!storecheck_take(&check, now, slot(1), &m));
    ck_assert_uint_eq(check.answers, 0);
    ck_assert_uint_eq(core.counters.drop_role, 5);
    ck_assert_uint_eq(check.seen_life, 0);
    answer(1, LIFE, LSN);
    ck_assert(answer(2, LIFE, LSN));
    tear_down();
}
END_TEST

Suite *suite_storecheck(void)
{
    Suite *suite = suite_create("storecheck");
    TCase *tcase = tcase_create("answers");
    tcase_add_test(tcase, a_majority_with_itself_is_needed);
    tcase_add_test(tcase, each_counts_once_and_for_this_question);
    tcase_add_test(tcase, who_has_not_answered_is_asked_again);
    tcase_add_test(tcase, a_higher_count_or_life_means_behind);
    tcase_add_test(tcase, absurd_numbers_are_no_answer);
    suite_add_tcase(suite, tcase);
    return suite;
}
