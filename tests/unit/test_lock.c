/*
 * The lock's own rules: each by itself, then random sequences against a naive model, which knows
 * requests only as a list in order of coming. The encoding is canonical; names are UTF-8 by RFC
 * 3629's table.
 */
#include <check.h>
#include <stdlib.h>

#include "crypto/drbg.h"
#include "proto/lock.h"

Suite *suite_lock(void);

static struct lock_state state;

static void set_up(void)
{
    memset(&state, 0xa5, sizeof state);
    lock_init(&state);
}

static struct op_id id_of(uint64_t counter)
{
    return (struct op_id){.slot = (uint16_t)(counter % 5 + 1), .life = 1, .counter = counter};
}

static struct lock_result acquire(uint64_t counter, enum lock_mode mode, bool try)
{
    struct lock_op op = {.kind = LOCK_ACQUIRE,
                         .id = id_of(counter),
                         .mode = mode,
                         .policy = LOCK_STALE_FENCE,
                         .try = try};
    return lock_apply(&state, &op);
}

static struct lock_result drop(uint64_t counter)
{
    struct lock_op op = {.kind = LOCK_DROP, .id = id_of(counter)};
    return lock_apply(&state, &op);
}

static bool holds(uint64_t counter)
{
    return lock_find_hold(&state, id_of(counter)) >= 0;
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
    struct op_id id = id_of(1);
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
    ck_assert(lock_modes_compatible(LOCK_SHARED, LOCK_SHARED));
    ck_assert(!lock_modes_compatible(LOCK_SHARED, LOCK_EXCLUSIVE));
    ck_assert(!lock_modes_compatible(LOCK_EXCLUSIVE, LOCK_SHARED));
    ck_assert(!lock_modes_compatible(LOCK_EXCLUSIVE, LOCK_EXCLUSIVE));
    ck_assert(lock_mode_writes(LOCK_EXCLUSIVE) && !lock_mode_writes(LOCK_SHARED));
}
END_TEST

/* --- Against a model --- */

enum { MODEL_OPS = 24, MODEL_STEPS = 4000 };

/* All requests that were made and not dropped, in order of coming. */
struct model {
    struct {
        uint64_t counter;
        enum lock_mode mode;
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

static bool model_fits(const struct model *m, enum lock_mode mode)
{
    for (size_t i = 0; i < m->count; i++)
        if (m->asked[i].token && (mode == LOCK_EXCLUSIVE || m->asked[i].mode == LOCK_EXCLUSIVE))
            return false;
    return true;
}

static void model_let_in(struct model *m)
{
    for (size_t i = 0; i < m->count; i++) {
        if (m->asked[i].token)
            continue;
        if (!model_fits(m, m->asked[i].mode))
            return;
        m->asked[i].token = ++m->token;
        m->generation += m->asked[i].mode == LOCK_EXCLUSIVE;
    }
}

static enum lock_outcome model_acquire(struct model *m, uint64_t counter, enum lock_mode mode,
                                       bool try)
{
    size_t i = model_find(m, counter);
    if (i == m->count) {
        m->asked[m->count].counter = counter;
        m->asked[m->count].mode = mode;
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
        int hold = lock_find_hold(&state, id_of(m->asked[i].counter));
        int waiter = lock_find_waiter(&state, id_of(m->asked[i].counter));
        if (m->asked[i].token) {
            ck_assert_int_ge(hold, 0);
            ck_assert_uint_eq(state.holds[hold].token, m->asked[i].token);
            ck_assert_int_eq(state.holds[hold].mode, m->asked[i].mode);
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
        bool try = drbg_below(&random, 5) == 0;
        if (drbg_below(&random, 2)) {
            enum lock_outcome expected = model_acquire(&m, counter, mode, try);
            struct lock_result r = acquire(counter, mode, try);
            ck_assert_int_eq(r.outcome, expected);
            if (r.outcome == LOCK_GRANTED)
                ck_assert_uint_eq(r.token, m.asked[model_find(&m, counter)].token);
        } else {
            size_t before =
                state.hold_count - (size_t)(lock_find_hold(&state, id_of(counter)) >= 0);
            model_drop(&m, counter);
            struct lock_result r = drop(counter);
            ck_assert_int_eq(r.outcome, LOCK_DROPPED);
            ck_assert_uint_eq(r.granted_first, before);
        }
        check_model(&m);
        check_encoding();
    }
    ck_assert_uint_gt(state.token, 100);
}
END_TEST

/* --- Encoding --- */

static size_t sample(uint8_t *out, size_t room)
{
    lock_init(&state);
    acquire(1, LOCK_SHARED, false);
    acquire(2, LOCK_SHARED, false);
    acquire(3, LOCK_EXCLUSIVE, false);
    struct writer w = writer_init(out, room);
    lock_encode(&w, &state);
    ck_assert(!w.failed);
    return writer_size(&w);
}

START_TEST(an_untouched_lock_is_no_bytes)
{
    uint8_t bytes[64];
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, &state);
    ck_assert_uint_eq(writer_size(&w), 0);
    state.token = 9;
    ck_assert(lock_decode(&state, (struct view){0}));
    ck_assert_uint_eq(state.token, 0);
    /* The same written out would be a second form of it. */
    uint8_t zeros[1 + 8 + 8 + 1 + 1 + 2 + 2] = {2};
    ck_assert(!lock_decode(&state, (struct view){zeros, sizeof zeros}));
    zeros[1] = 1;
    ck_assert(lock_decode(&state, (struct view){zeros, sizeof zeros}));
}
END_TEST

START_TEST(cut_or_long_states_are_refused)
{
    uint8_t bytes[256] = {0};
    static struct lock_state out;
    size_t size = sample(bytes, sizeof bytes);
    ck_assert_uint_eq(size, 1 + 8 + 8 + 1 + 1 + 2 + 2 * 28 + 2 + 20);
    for (size_t cut = 1; cut < size; cut++)
        ck_assert(!lock_decode(&out, (struct view){bytes, cut}));
    ck_assert(lock_decode(&out, (struct view){bytes, size}));
    ck_assert(!lock_decode(&out, (struct view){bytes, size + 1}));
}
END_TEST

/* Whatever decodes is the one encoding of what it decodes to. */
START_TEST(flipped_bits_are_refused_or_another_state)
{
    uint8_t bytes[256] = {0}, again[LOCK_STATE_BYTES_MAX];
    static struct lock_state out;
    size_t size = sample(bytes, sizeof bytes);
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (lock_decode(&out, (struct view){bytes, size})) {
            struct writer w = writer_init(again, sizeof again);
            lock_encode(&w, &out);
            ck_assert_uint_eq(writer_size(&w), size);
            ck_assert_mem_eq(again, bytes, size);
        }
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}
END_TEST

START_TEST(counts_and_modes_out_of_range_are_refused)
{
    uint8_t bytes[256] = {0};
    static struct lock_state out;
    size_t size = sample(bytes, sizeof bytes);
    const size_t mark_at = 17, broken_at = 18, holds_at = 19;
    const size_t mode_at = holds_at + 2 + 18, policy_at = mode_at + 1;
    struct {
        size_t at;
        uint8_t value;
    } bad[] = {
        {0, 1},
        {0, 3},
        {mark_at, 2},
        {broken_at, 2},
        {holds_at + 1, 2},
        {mode_at, LOCK_MODES},
        {policy_at, LOCK_POLICIES},
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        uint8_t kept = bytes[bad[i].at];
        bytes[bad[i].at] = bad[i].value;
        ck_assert(!lock_decode(&out, (struct view){bytes, size}));
        bytes[bad[i].at] = kept;
    }
    ck_assert(lock_decode(&out, (struct view){bytes, size}));
}
END_TEST

/* --- Names --- */

static const struct {
    const char *bytes;
    bool valid;
} names[] = {
    {"image", true},
    {"a", true},
    {" spaces and / slashes ", true},
    {"", false},
    {"\x1f", false}, /* C0 controls and DEL */
    {"a\tb", false},
    {"\x7f", false},
    {"\x80", false}, /* a continuation byte alone */
    {"\xbf", false},
    {"\xc0\x80", false}, /* overlong */
    {"\xc1\xbf", false},
    {"\xc2\x80", false}, /* U+0080..U+009F: C1 controls */
    {"\xc2\x9f", false},
    {"\xc2\xa0", true},
    {"\xc3\xbc", true},
    {"\xdf\xbf", true},
    {"\xc3", false}, /* cut */
    {"\xc3\x28", false},
    {"\xe0\x80\x80", false}, /* overlong */
    {"\xe0\x9f\xbf", false},
    {"\xe0\xa0\x80", true},
    {"\xe2\x82\xac", true},
    {"\xe2\x82", false},
    {"\xe2\x28\xa1", false},
    {"\xe2\x82\x28", false},
    {"\xed\x9f\xbf", true},
    {"\xed\xa0\x80", false}, /* surrogates */
    {"\xed\xbf\xbf", false},
    {"\xee\x80\x80", true},
    {"\xef\xbf\xbf", true},
    {"\xf0\x80\x80\x80", false}, /* overlong */
    {"\xf0\x8f\xbf\xbf", false},
    {"\xf0\x90\x80\x80", true},
    {"\xf0\x9f\x94\x92", true},
    {"\xf0\x9f\x94", false},
    {"\xf4\x8f\xbf\xbf", true},
    {"\xf4\x90\x80\x80", false}, /* above U+10FFFF */
    {"\xf5\x80\x80\x80", false},
    {"\xfe", false},
    {"\xff", false},
    {"ok\xc3\xbc\xff", false},
};

/* loop test: _i is the row. Alone, between others, and at the very end of its memory. */
START_TEST(names_are_utf8)
{
    size_t size = strlen(names[_i].bytes);
    uint8_t *exact = malloc(size + 1);
    memcpy(exact, names[_i].bytes, size);
    uint8_t *tight = realloc(exact, size ? size : 1);
    ck_assert_int_eq(lock_name_valid((struct view){tight, size}), names[_i].valid);
    uint8_t longer[32] = "x";
    memcpy(longer + 1, tight, size);
    longer[size + 1] = 'y';
    if (size)
        ck_assert_int_eq(lock_name_valid((struct view){longer, size + 2}), names[_i].valid);
    free(tight);
}
END_TEST

START_TEST(names_have_a_length)
{
    uint8_t name[LOCK_NAME_MAX + 1];
    memset(name, 'n', sizeof name);
    ck_assert(lock_name_valid((struct view){name, LOCK_NAME_MAX}));
    ck_assert(!lock_name_valid((struct view){name, LOCK_NAME_MAX + 1}));
    name[3] = '\0';
    ck_assert(!lock_name_valid((struct view){name, 5}));
}
END_TEST

Suite *suite_lock(void)
{
    Suite *suite = suite_create("lock");
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, set_up, NULL);
    tcase_set_timeout(rules, 60);
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
    tcase_add_loop_test(rules, random_sequences_agree_with_a_naive_model, 0, 8);
    suite_add_tcase(suite, rules);

    TCase *bytes = tcase_create("bytes");
    tcase_add_checked_fixture(bytes, set_up, NULL);
    tcase_add_test(bytes, an_untouched_lock_is_no_bytes);
    tcase_add_test(bytes, cut_or_long_states_are_refused);
    tcase_add_test(bytes, flipped_bits_are_refused_or_another_state);
    tcase_add_test(bytes, counts_and_modes_out_of_range_are_refused);
    tcase_add_loop_test(bytes, names_are_utf8, 0, sizeof names / sizeof names[0]);
    tcase_add_test(bytes, names_have_a_length);
    suite_add_tcase(suite, bytes);
    return suite;
}
