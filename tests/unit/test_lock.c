/*
 * The lock's own rules: each by itself, then random sequences against a naive model, which knows
 * requests only as a list in order of coming. How its states are written is in test_lock_codec.c.
 */
#include <check.h>

#include "crypto/drbg.h"
#include "tests/unit/lock_rig.h"

Suite *suite_lock(void);

static struct lock_state state;

static void set_up(void)
{
    lock_rig_begin(&state);
}

static struct lock_result acquire(uint64_t counter, enum lock_mode mode, bool try)
{
    return lock_rig_acquire(&state, counter, mode, 0, try);
}

static struct lock_result counted(uint64_t counter, uint16_t limit, bool try)
{
    return lock_rig_acquire(&state, counter, LOCK_COUNTED, limit, try);
}

static struct lock_result drop(uint64_t counter)
{
    return lock_rig_drop(&state, counter);
}

static bool holds(uint64_t counter)
{
    return lock_find_hold(&state, lock_rig_id(counter)) >= 0;
}

START_TEST(a_free_lock_is_granted)
{
    struct lock_result r = acquire(1, LOCK_EXCLUSIVE, false);
    ck_assert_int_eq(r.outcome, LOCK_GRANTED);
    ck_assert(r.changed);
    ck_assert_uint_eq(r.token, 1);
    ck_assert_uint_eq(r.granted_first, 1);
    ck_assert_uint_eq(state.token, 1);
    ck_assert_uint_eq(state.generation, 1);
    ck_assert_int_eq(state.holds[0].policy, LOCK_STALE_FENCE);
}
END_TEST

START_TEST(exclusive_excludes)
{
    acquire(1, LOCK_EXCLUSIVE, false);
    struct lock_result r = acquire(2, LOCK_EXCLUSIVE, false);
    ck_assert_int_eq(r.outcome, LOCK_WAITS);
    ck_assert_uint_eq(r.place, 1);
    r = acquire(3, LOCK_SHARED, false);
    ck_assert_int_eq(r.outcome, LOCK_WAITS);
    ck_assert_uint_eq(r.place, 2);
    ck_assert_uint_eq(state.token, 1);
}
END_TEST

START_TEST(readers_hold_together)
{
    for (uint64_t i = 1; i <= 3; i++) {
        struct lock_result r = acquire(i, LOCK_SHARED, false);
        ck_assert_int_eq(r.outcome, LOCK_GRANTED);
        ck_assert_uint_eq(r.token, i);
    }
    ck_assert_uint_eq(state.generation, 0);
    ck_assert_int_eq(acquire(4, LOCK_EXCLUSIVE, false).outcome, LOCK_WAITS);
}
END_TEST

START_TEST(a_writer_is_not_overtaken)
{
    acquire(1, LOCK_SHARED, false);
    acquire(2, LOCK_EXCLUSIVE, false);
    ck_assert_int_eq(acquire(3, LOCK_SHARED, false).outcome, LOCK_WAITS);
    ck_assert_int_eq(acquire(4, LOCK_SHARED, true).outcome, LOCK_BUSY);
    struct lock_result r = drop(1);
    ck_assert_uint_eq(r.granted_first, 0);
    ck_assert(holds(2) && !holds(3));
    drop(2);
    ck_assert(holds(3));
    ck_assert_uint_eq(state.token, 3);
}
END_TEST

/* Those who can hold together are let in together, up to the first who cannot. */
START_TEST(the_queue_is_let_in_as_far_as_it_fits)
{
    acquire(1, LOCK_EXCLUSIVE, false);
    acquire(2, LOCK_SHARED, false);
    acquire(3, LOCK_SHARED, false);
    acquire(4, LOCK_EXCLUSIVE, false);
    acquire(5, LOCK_SHARED, false);
    struct lock_result r = drop(1);
    ck_assert_int_eq(r.outcome, LOCK_DROPPED);
    ck_assert_uint_eq(r.granted_first, 0);
    ck_assert_uint_eq(state.hold_count, 2);
    ck_assert(holds(2) && holds(3));
    ck_assert_uint_eq(state.waiter_count, 2);
    ck_assert_uint_eq(state.holds[0].token, 2);
    ck_assert_uint_eq(state.holds[1].token, 3);
}
END_TEST

START_TEST(a_writer_that_goes_lets_the_readers_in)
{
    acquire(1, LOCK_SHARED, false);
    acquire(2, LOCK_EXCLUSIVE, false);
    acquire(3, LOCK_SHARED, false);
    struct lock_result r = drop(2);
    ck_assert_int_eq(r.outcome, LOCK_DROPPED);
    ck_assert(r.changed);
    ck_assert_uint_eq(r.granted_first, 1);
    ck_assert(holds(1) && holds(3));
}
END_TEST

START_TEST(a_try_leaves_nothing_behind)
{
    acquire(1, LOCK_EXCLUSIVE, false);
    struct lock_result r = acquire(2, LOCK_SHARED, true);
    ck_assert_int_eq(r.outcome, LOCK_BUSY);
    ck_assert(!r.changed);
    ck_assert_uint_eq(state.waiter_count, 0);
}
END_TEST

/* L9: twice is once. */
START_TEST(applied_twice_is_applied_once)
{
    struct lock_result first = acquire(1, LOCK_EXCLUSIVE, false);
    struct lock_result again = acquire(1, LOCK_EXCLUSIVE, false);
    ck_assert_int_eq(again.outcome, LOCK_GRANTED);
    ck_assert(!again.changed);
    ck_assert_uint_eq(again.token, first.token);
    acquire(2, LOCK_SHARED, false);
    again = acquire(2, LOCK_SHARED, false);
    ck_assert_int_eq(again.outcome, LOCK_WAITS);
    ck_assert(!again.changed);
    ck_assert_uint_eq(again.place, 1);
    ck_assert_int_eq(acquire(1, LOCK_EXCLUSIVE, true).outcome, LOCK_GRANTED);
    drop(1);
    again = drop(1);
    ck_assert_int_eq(again.outcome, LOCK_DROPPED);
    ck_assert(!again.changed);
    ck_assert_uint_eq(again.granted_first, state.hold_count);
    ck_assert(holds(2));
}
END_TEST

START_TEST(ids_differ_in_each_part)
{
    acquire(1, LOCK_SHARED, false);
    struct op_id id = lock_rig_id(1);
    id.life++;
    ck_assert_int_eq(lock_find_hold(&state, id), -1);
    id.life--;
    id.slot++;
    ck_assert_int_eq(lock_find_hold(&state, id), -1);
}
END_TEST

START_TEST(full_is_said)
{
    for (uint64_t i = 1; i <= LOCK_HOLDS_MAX; i++)
        ck_assert_int_eq(acquire(i, LOCK_SHARED, false).outcome, LOCK_GRANTED);
    ck_assert_int_eq(acquire(1000, LOCK_SHARED, true).outcome, LOCK_FULL);
    for (uint64_t i = 1; i <= LOCK_WAITERS_MAX; i++)
        ck_assert_int_eq(acquire(2000 + i, LOCK_SHARED, false).outcome, LOCK_WAITS);
    struct lock_result r = acquire(3000, LOCK_SHARED, false);
    ck_assert_int_eq(r.outcome, LOCK_FULL);
    ck_assert(!r.changed);
    ck_assert_int_eq(acquire(3000, LOCK_EXCLUSIVE, true).outcome, LOCK_BUSY);
    drop(7);
    ck_assert(holds(2001) && !holds(2002));
    ck_assert_uint_eq(state.hold_count, LOCK_HOLDS_MAX);
    uint8_t bytes[LOCK_STATE_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, &state);
    ck_assert(!w.failed);
}
END_TEST

START_TEST(words_and_modes)
{
    enum lock_mode mode;
    for (int i = 0; i < LOCK_MODES; i++) {
        ck_assert(lock_mode_parse(&mode, lock_mode_text((enum lock_mode)i)));
        ck_assert_int_eq(mode, i);
    }
    ck_assert(!lock_mode_parse(&mode, "Shared"));
    ck_assert(!lock_mode_parse(&mode, ""));
    ck_assert_str_eq(lock_mode_text(LOCK_MODES), "unknown");
    ck_assert_str_eq(lock_policy_text(LOCK_STALE_HOLD), "hold");
    ck_assert_str_eq(lock_policy_text(LOCK_STALE_FENCE), "fence");
    static const struct {
        const char *text;
        enum lock_mode mode;
    } takes[] = {{"NL", LOCK_NL},        {"cr", LOCK_CR},          {"Cw", LOCK_CW},
                 {"PR", LOCK_PR},        {"pr", LOCK_SHARED},      {"pW", LOCK_PW},
                 {"EX", LOCK_EX},        {"ex", LOCK_EXCLUSIVE},   {"shared", LOCK_PR},
                 {"exclusive", LOCK_EX}, {"counted", LOCK_COUNTED}};
    for (size_t i = 0; i < sizeof takes / sizeof takes[0]; i++) {
        ck_assert(lock_mode_parse(&mode, takes[i].text));
        ck_assert_int_eq(mode, takes[i].mode);
    }
    static const char *const refused[] = {"N",       "NLL",       "XX",   "null",
                                          "Counted", "EXCLUSIVE", "E\xd8"};
    for (size_t i = 0; i < sizeof refused / sizeof refused[0]; i++)
        ck_assert(!lock_mode_parse(&mode, refused[i]));
    for (int i = 0; i < LOCK_MODES; i++)
        ck_assert_int_eq(lock_mode_writes((enum lock_mode)i),
                         i == LOCK_CW || i == LOCK_PW || i == LOCK_EX);
}
END_TEST

/* What each of the six does (bit 0: reads, bit 1: writes), and what it lets others do: the words
 * that the manual of VMS has for them, from which its table follows. */
static const struct {
    unsigned does, lets;
} meaning[LOCK_COUNTED] = {[LOCK_NL] = {0, 3}, [LOCK_CR] = {1, 3}, [LOCK_CW] = {3, 3},
                           [LOCK_PR] = {1, 1}, [LOCK_PW] = {3, 1}, [LOCK_EX] = {3, 0}};

static bool together(enum lock_mode a, enum lock_mode b)
{
    if (a == LOCK_COUNTED || b == LOCK_COUNTED)
        return a == b || a == LOCK_NL || b == LOCK_NL;
    return !(meaning[a].does & ~meaning[b].lets) && !(meaning[b].does & ~meaning[a].lets);
}

/* The whole table, as DLM prints it, by its meaning, and by what is granted. */
START_TEST(the_table_of_modes)
{
    static const char *const rows[LOCK_MODES] = {"1111111", "1111100", "1110000", "1101000",
                                                 "1100000", "1000000", "1000001"};
    for (int a = 0; a < LOCK_MODES; a++)
        for (int b = 0; b < LOCK_MODES; b++) {
            enum lock_mode held = (enum lock_mode)a, asked = (enum lock_mode)b;
            bool fits = rows[a][b] == '1';
            ck_assert_int_eq(lock_modes_compatible(held, asked), fits);
            ck_assert_int_eq(together(held, asked), fits);
            set_up();
            struct lock_result r =
                held == LOCK_COUNTED ? counted(1, 2, true) : acquire(1, held, true);
            ck_assert_int_eq(r.outcome, LOCK_GRANTED);
            r = asked == LOCK_COUNTED ? counted(2, 2, false) : acquire(2, asked, false);
            ck_assert_int_eq(r.outcome, fits ? LOCK_GRANTED : LOCK_WAITS);
            ck_assert_uint_eq(state.generation,
                              (uint64_t)lock_mode_writes(held) + (fits && lock_mode_writes(asked)));
            if (!fits)
                ck_assert(lock_in_the_way(&state, 0));
        }
}
END_TEST

/* The least limit of all that are there counts, also if it is the one that asks. */
START_TEST(counted_holders_keep_the_least_limit)
{
    for (uint64_t i = 1; i <= 3; i++)
        ck_assert_int_eq(counted(i, 4, false).outcome, LOCK_GRANTED);
    ck_assert_int_eq(counted(4, 3, true).outcome, LOCK_BUSY);
    ck_assert_int_eq(counted(5, 4, true).outcome, LOCK_GRANTED);
    ck_assert_int_eq(counted(6, 9, true).outcome, LOCK_BUSY);
    drop(1);
    drop(2);
    ck_assert_int_eq(counted(7, 3, false).outcome, LOCK_GRANTED); /* three, and the least is 3 */
    ck_assert_int_eq(counted(8, 9, false).outcome, LOCK_WAITS);
    ck_assert(lock_in_the_way(&state, 0) && lock_in_the_way(&state, 2));
    drop(7); /* the last with a limit of 3 */
    ck_assert(holds(8));
    ck_assert_uint_eq(state.generation, 0);
}
END_TEST

/* First come, first served: also who would fit does not overtake. */
START_TEST(nobody_overtakes)
{
    counted(1, 2, false);
    ck_assert_int_eq(counted(2, 1, false).outcome, LOCK_WAITS);
    ck_assert_int_eq(counted(3, 2, false).outcome, LOCK_WAITS);
    ck_assert_int_eq(acquire(4, LOCK_NL, false).outcome, LOCK_WAITS);
    ck_assert_int_eq(acquire(5, LOCK_NL, true).outcome, LOCK_BUSY);
    drop(1);
    ck_assert(holds(2) && !holds(3) && !holds(4));
    drop(2);
    ck_assert(holds(3) && holds(4));
    ck_assert_uint_eq(state.waiter_count, 0);
}
END_TEST

/* The first of the queue waits for the one, and not for those that it could hold beside. */
START_TEST(only_some_are_in_the_way)
{
    acquire(1, LOCK_NL, false);
    acquire(2, LOCK_CR, false);
    acquire(3, LOCK_CW, false);
    ck_assert(!lock_in_the_way(&state, 2)); /* nobody waits */
    ck_assert_int_eq(acquire(4, LOCK_PR, false).outcome, LOCK_WAITS);
    ck_assert(!lock_in_the_way(&state, 0) && !lock_in_the_way(&state, 1));
    ck_assert(lock_in_the_way(&state, 2));
    drop(3);
    ck_assert(holds(4));
    ck_assert_int_eq(counted(5, 1, false).outcome, LOCK_WAITS);
    ck_assert(!lock_in_the_way(&state, 0) && lock_in_the_way(&state, 1));
}
END_TEST

/* A counted waiter is not held up by counted holders that leave it room. */
START_TEST(counted_holders_with_room_are_not_in_the_way)
{
    counted(1, 3, false);
    acquire(2, LOCK_NL, false);
    acquire(3, LOCK_EXCLUSIVE, false);
    counted(4, 2, false);
    drop(3);
    ck_assert(holds(4));
    ck_assert_int_eq(counted(5, 3, false).outcome, LOCK_WAITS); /* by the limit of 4 */
    ck_assert(lock_in_the_way(&state, 0) && !lock_in_the_way(&state, 1));
    ck_assert(lock_in_the_way(&state, 2));
}
END_TEST

/* --- Against a model --- */

enum { MODEL_OPS = 24, MODEL_STEPS = 4000 };

/* All requests that were made and not dropped, in order of coming. */
struct model {
    struct {
        uint64_t counter;
        enum lock_mode mode;
        uint16_t limit;
        uint64_t token; /* 0: waits */
    } asked[MODEL_OPS];
    size_t count;
    uint64_t token, generation;
};

static size_t model_find(const struct model *m, uint64_t counter)
{
    size_t i = 0;
    while (i < m->count && m->asked[i].counter != counter)
        i++;
    return i;
}

/* Whether all that hold, and this one, can hold together: each two, and each counted one by its
 * own limit. */
static bool model_fits(const struct model *m, size_t who)
{
    size_t number = 0;
    for (size_t i = 0; i < m->count; i++) {
        if (i != who && m->asked[i].token && !together(m->asked[i].mode, m->asked[who].mode))
            return false;
        number += (i == who || m->asked[i].token) && m->asked[i].mode == LOCK_COUNTED;
    }
    for (size_t i = 0; i < m->count; i++)
        if ((i == who || m->asked[i].token) && m->asked[i].mode == LOCK_COUNTED &&
            m->asked[who].mode == LOCK_COUNTED && m->asked[i].limit < number)
            return false;
    return true;
}

static void model_let_in(struct model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->asked[i].token)
            continue;
        if (!model_fits(m, i))
            return;
        m->asked[i].token = ++m->token;
        m->generation += lock_mode_writes(m->asked[i].mode);
    }
}

static enum lock_outcome model_acquire(struct model *m, uint64_t counter, enum lock_mode mode,
                                       uint16_t limit, bool try)
{
    size_t i = model_find(m, counter);
    if (i == m->count) {
        m->asked[m->count].counter = counter;
        m->asked[m->count].mode = mode;
        m->asked[m->count].limit = limit;
        m->asked[m->count++].token = 0;
        model_let_in(m);
        if (try && !m->asked[i].token) {
            m->count--;
            return LOCK_BUSY;
        }
    }
    return m->asked[i].token ? LOCK_GRANTED : LOCK_WAITS;
}

static void model_drop(struct model *m, uint64_t counter)
{
    size_t i = model_find(m, counter);
    if (i == m->count)
        return;
    m->count--;
    memmove(&m->asked[i], &m->asked[i + 1], (m->count - i) * sizeof m->asked[0]);
    model_let_in(m);
}

static void check_model(const struct model *m)
{
    size_t waiters = 0, held = 0;
    for (size_t i = 0; i < m->count; i++) {
        int hold = lock_find_hold(&state, lock_rig_id(m->asked[i].counter));
        int waiter = lock_find_waiter(&state, lock_rig_id(m->asked[i].counter));
        if (m->asked[i].token) {
            ck_assert_int_ge(hold, 0);
            ck_assert_uint_eq(state.holds[hold].token, m->asked[i].token);
            ck_assert_int_eq(state.holds[hold].mode, m->asked[i].mode);
            ck_assert_uint_eq(state.holds[hold].limit, m->asked[i].limit);
            held++;
        } else {
            ck_assert_int_eq(waiter, (int)waiters);
            waiters++;
        }
        ck_assert_int_ne(hold < 0, waiter < 0);
    }
    ck_assert_uint_eq(state.hold_count, held);
    ck_assert_uint_eq(state.waiter_count, waiters);
    ck_assert_uint_eq(state.token, m->token);
    ck_assert_uint_eq(state.generation, m->generation);
}

static void check_encoding(void)
{
    uint8_t bytes[LOCK_STATE_BYTES_MAX], again[LOCK_STATE_BYTES_MAX];
    static struct lock_state out;
    struct writer w = writer_init(bytes, sizeof bytes), v = writer_init(again, sizeof again);
    lock_encode(&w, &state);
    ck_assert(lock_decode(&out, (struct view){bytes, writer_size(&w)}));
    lock_encode(&v, &out);
    ck_assert_uint_eq(writer_size(&v), writer_size(&w));
    ck_assert(writer_size(&w) == 0 || memcmp(bytes, again, writer_size(&w)) == 0);
}

/* loop test: _i is the seed. */
START_TEST(random_sequences_agree_with_a_naive_model)
{
    struct model m = {0};
    struct drbg random;
    drbg_init(&random, (const uint8_t[DRBG_SEED_SIZE]){(uint8_t)_i, 5});
    for (int step = 0; step < MODEL_STEPS; step++) {
        uint64_t counter = 1 + drbg_below(&random, MODEL_OPS);
        enum lock_mode mode = drbg_below(&random, 3) ? LOCK_SHARED : LOCK_EXCLUSIVE;
        if (_i % 2)
            mode = (enum lock_mode)drbg_below(&random, LOCK_MODES);
        uint16_t limit = 0;
        if (mode == LOCK_COUNTED || (_i > 8 && drbg_below(&random, 2))) {
            mode = LOCK_COUNTED;
            limit = (uint16_t)(1 + drbg_below(&random, 5));
        }
        bool try = drbg_below(&random, 5) == 0;
        if (drbg_below(&random, 2)) {
            enum lock_outcome expected = model_acquire(&m, counter, mode, limit, try);
            struct lock_result r =
                limit ? counted(counter, limit, try) : acquire(counter, mode, try);
            ck_assert_int_eq(r.outcome, expected);
            if (r.outcome == LOCK_GRANTED)
                ck_assert_uint_eq(r.token, m.asked[model_find(&m, counter)].token);
        } else {
            size_t before =
                state.hold_count - (size_t)(lock_find_hold(&state, lock_rig_id(counter)) >= 0);
            model_drop(&m, counter);
            struct lock_result r = drop(counter);
            ck_assert_int_eq(r.outcome, LOCK_DROPPED);
            ck_assert_uint_eq(r.granted_first, before);
        }
        check_model(&m);
        check_encoding();
    }
    ck_assert_uint_gt(state.token, 50);
}
END_TEST

Suite *suite_lock(void)
{
    Suite *suite = suite_create("lock");
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, set_up, NULL);
    tcase_add_test(rules, a_free_lock_is_granted);
    tcase_add_test(rules, exclusive_excludes);
    tcase_add_test(rules, readers_hold_together);
    tcase_add_test(rules, a_writer_is_not_overtaken);
    tcase_add_test(rules, the_queue_is_let_in_as_far_as_it_fits);
    tcase_add_test(rules, a_writer_that_goes_lets_the_readers_in);
    tcase_add_test(rules, a_try_leaves_nothing_behind);
    tcase_add_test(rules, applied_twice_is_applied_once);
    tcase_add_test(rules, ids_differ_in_each_part);
    tcase_add_test(rules, full_is_said);
    tcase_add_test(rules, words_and_modes);
    tcase_add_test(rules, the_table_of_modes);
    tcase_add_test(rules, counted_holders_keep_the_least_limit);
    tcase_add_test(rules, nobody_overtakes);
    tcase_add_test(rules, only_some_are_in_the_way);
    tcase_add_test(rules, counted_holders_with_room_are_not_in_the_way);
    tcase_add_loop_test(rules, random_sequences_agree_with_a_naive_model, 0, 16);
    suite_add_tcase(suite, rules);
    return suite;
}
