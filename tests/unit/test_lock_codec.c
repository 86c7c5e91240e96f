/*
 * The encoding of a lock's state (proto/lock_codec.c): canonical, and nothing else decodes.
 */
#include <check.h>

#include "tests/unit/lock_rig.h"

Suite *suite_lock_codec(void);

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

static size_t sample(uint8_t *out, size_t room)
{
    lock_init(&state);
    acquire(1, LOCK_SHARED, false);
    acquire(2, LOCK_SHARED, false);
    acquire(3, LOCK_EXCLUSIVE, false);
    counted(4, 3, false);
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
    uint8_t zeros[1 + 8 + 8 + 1 + 1 + 1 + 8 + 2 + 1 + 2] = {6};
    ck_assert(!lock_decode(&state, (struct view){zeros, sizeof zeros}));
    zeros[1] = 1;
    ck_assert(lock_decode(&state, (struct view){zeros, sizeof zeros}));
    /* Nor is it born with nothing, or held as it is born (L10). */
    zeros[1 + 8 + 8] = 1;
    ck_assert(lock_decode(&state, (struct view){zeros, sizeof zeros}));
    ck_assert(state.born);
    zeros[1] = 0;
    ck_assert(!lock_decode(&state, (struct view){zeros, sizeof zeros}));
}
END_TEST

START_TEST(a_grant_ends_what_it_was_born_with)
{
    uint8_t bytes[256];
    state.token = 9;
    state.born = true;
    acquire(1, LOCK_SHARED, false);
    ck_assert(!state.born);
    state.born = true;
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, &state);
    ck_assert(!lock_decode(&state, (struct view){bytes, writer_size(&w)}));
}
END_TEST

START_TEST(cut_or_long_states_are_refused)
{
    uint8_t bytes[256] = {0};
    static struct lock_state out;
    size_t size = sample(bytes, sizeof bytes);
    ck_assert_uint_eq(size, 28 + 2 + 2 * 37 + 1 + 2 + 29 + 31);
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
    const size_t born_at = 17, mark_at = 18, broken_at = 19, holds_at = 28;
    const size_t mode_at = holds_at + 2 + 18, policy_at = mode_at + 1;
    struct {
        size_t at;
        uint8_t value;
    } bad[] = {
        {0, 5},
        {0, 7},
        {born_at, 2},
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

/* The limit of a counted one, held or waited for, is 1..LOCK_COUNT_MAX; no other has one. */
START_TEST(limits_out_of_range_are_refused)
{
    uint8_t bytes[256] = {0};
    static struct lock_state out;
    lock_init(&state);
    counted(1, LOCK_COUNT_MAX, false);
    counted(2, 1, false);
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, &state);
    size_t size = writer_size(&w);
    const size_t held_at = 28 + 2 + 18 + 1, waits_at = held_at + 2 + 1 + 17 + 1 + 2 + 18 + 1;
    ck_assert_uint_eq(size, waits_at + 2 + 1 + 9);
    ck_assert(lock_decode(&out, (struct view){bytes, size}));
    ck_assert_uint_eq(out.holds[0].limit, LOCK_COUNT_MAX);
    ck_assert_uint_eq(out.waiters[0].limit, 1);
    for (int i = 0; i < 2; i++) {
        uint8_t *limit = bytes + (i ? waits_at : held_at), kept[2] = {limit[0], limit[1]};
        limit[0] = limit[1] = 0;
        ck_assert(!lock_decode(&out, (struct view){bytes, size}));
        limit[0] = limit[1] = 1; /* 257 in either order */
        ck_assert(!lock_decode(&out, (struct view){bytes, size}));
        memcpy(limit, kept, 2);
        limit[-1] = LOCK_EX; /* two bytes too many */
        ck_assert(!lock_decode(&out, (struct view){bytes, size}));
        limit[-1] = LOCK_COUNTED;
    }
    ck_assert(lock_decode(&out, (struct view){bytes, size}));
    for (unsigned mode = 0; mode <= LOCK_MODES; mode++)
        for (unsigned limit = 0; limit <= LOCK_COUNT_MAX + 1; limit++)
            ck_assert_int_eq(lock_mode_valid(mode, limit),
                             mode == LOCK_COUNTED ? limit >= 1 && limit <= LOCK_COUNT_MAX
                                                  : mode < LOCK_COUNTED && limit == 0);
}
END_TEST

/* T4: a state that leaves nothing to count on comes from nobody honest, and is none. */
START_TEST(numbers_at_their_end_do_not_decode)
{
    static uint8_t bytes[LOCK_STATE_BYTES_MAX];
    static struct lock_state back;
    uint64_t *numbers[] = {&state.token, &state.generation, &state.holds[0].token};
    acquire(1, LOCK_EXCLUSIVE, false);
    for (size_t i = 0; i < sizeof numbers / sizeof numbers[0]; i++) {
        uint64_t before = *numbers[i];
        for (uint64_t above = 0; above < 2; above++) {
            *numbers[i] = LOCK_NUMBER_MAX + above;
            struct writer w = writer_init(bytes, sizeof bytes);
            lock_encode(&w, &state);
            ck_assert_int_eq(lock_decode(&back, (struct view){bytes, writer_size(&w)}), above == 0);
        }
        *numbers[i] = before;
    }
}
END_TEST

Suite *suite_lock_codec(void)
{
    Suite *suite = suite_create("lock_codec");
    TCase *bytes = tcase_create("bytes");
    tcase_add_checked_fixture(bytes, set_up, NULL);
    tcase_add_test(bytes, an_untouched_lock_is_no_bytes);
    tcase_add_test(bytes, a_grant_ends_what_it_was_born_with);
    tcase_add_test(bytes, cut_or_long_states_are_refused);
    tcase_add_test(bytes, flipped_bits_are_refused_or_another_state);
    tcase_add_test(bytes, counts_and_modes_out_of_range_are_refused);
    tcase_add_test(bytes, limits_out_of_range_are_refused);
    tcase_add_test(bytes, numbers_at_their_end_do_not_decode);
    suite_add_tcase(suite, bytes);
    return suite;
}
