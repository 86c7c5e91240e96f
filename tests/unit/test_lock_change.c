/*
 * What a holder changes (proto/lock_change.c), and requests with a wish of their own: each rule by
 * itself, then random sequences, of which every state must be one that could be, and have one form.
 */
#include <check.h>

#include "crypto/drbg.h"
#include "tests/unit/lock_rig.h"

Suite *suite_lock_change(void);

static struct lock_state state;

static void set_up(void)
{
    lock_rig_begin(&state);
}

static struct lock_result acquire(uint64_t counter, enum lock_mode mode)
{
    return lock_rig_acquire(&state, counter, mode, mode == LOCK_COUNTED ? 3 : 0, false);
}

static struct lock_result drop(uint64_t counter)
{
    return lock_rig_drop(&state, counter);
}

static struct lock_result convert(uint64_t counter, uint64_t change, enum lock_mode mode, bool try)
{
    struct lock_op op = {.kind = LOCK_CONVERT,
                         .id = lock_rig_id(counter),
                         .change = change,
                         .mode = mode,
                         .limit = mode == LOCK_COUNTED ? 2 : 0,
                         .try = try};
    return lock_apply(&state, &op);
}

static struct lock_result cancel(uint64_t counter, uint64_t change)
{
    struct lock_op op = {.kind = LOCK_CANCEL, .id = lock_rig_id(counter), .change = change};
    return lock_apply(&state, &op);
}

static struct lock_result write_value(uint64_t counter, uint64_t change, const char *text)
{
    struct lock_op op = {.kind = LOCK_WRITE,
                         .id = lock_rig_id(counter),
                         .change = change,
                         .bytes = {(const uint8_t *)text, strlen(text)}};
    return lock_apply(&state, &op);
}

static struct lock_result transfer(uint64_t counter, uint64_t change, uint64_t to)
{
    struct lock_op op = {.kind = LOCK_TRANSFER,
                         .id = lock_rig_id(counter),
                         .change = change,
                         .other = lock_rig_id(to)};
    return lock_apply(&state, &op);
}

static struct lock_result clear_mark(uint64_t counter, uint64_t change, struct op_id marked,
                                     uint64_t token)
{
    struct lock_op op = {.kind = LOCK_CLEAR,
                         .id = lock_rig_id(counter),
                         .change = change,
                         .other = marked,
                         .token = token};
    return lock_apply(&state, &op);
}

static const struct lock_hold *hold_of(uint64_t counter)
{
    int index = lock_find_hold(&state, lock_rig_id(counter));
    return index < 0 ? NULL : &state.holds[index];
}

/* --- Conversions --- */

START_TEST(a_reader_alone_becomes_the_writer)
{
    acquire(1, LOCK_SHARED);
    struct lock_result r = convert(1, 10, LOCK_EXCLUSIVE, false);
    ck_assert_int_eq(r.outcome, LOCK_GRANTED);
    ck_assert_int_eq(hold_of(1)->mode, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(state.generation, 1); /* a conversion to a mode that writes raises it */
    ck_assert_uint_eq(r.token, 2);          /* and hands out a token */
    ck_assert_uint_eq(hold_of(1)->token, 2);
}
END_TEST

/* A mode covers another one if it keeps out all whom that one does. */
START_TEST(which_modes_cover_which)
{
    for (unsigned mode = 0; mode < LOCK_COUNTED; mode++) {
        ck_assert(lock_mode_covers(mode, 0, mode, 0));
        ck_assert(lock_mode_covers(LOCK_EX, 0, mode, 0));
        ck_assert(lock_mode_covers(mode, 0, LOCK_NL, 0));
        ck_assert(mode == LOCK_NL || !lock_mode_covers(LOCK_NL, 0, mode, 0));
    }
    ck_assert(lock_mode_covers(LOCK_PW, 0, LOCK_PR, 0));
    ck_assert(lock_mode_covers(LOCK_PR, 0, LOCK_CR, 0));
    ck_assert(!lock_mode_covers(LOCK_PR, 0, LOCK_CW, 0));
    ck_assert(!lock_mode_covers(LOCK_CW, 0, LOCK_PR, 0));
    ck_assert(lock_mode_covers(LOCK_COUNTED, 2, LOCK_COUNTED, 3));
    ck_assert(!lock_mode_covers(LOCK_COUNTED, 3, LOCK_COUNTED, 2));
    ck_assert(!lock_mode_covers(LOCK_COUNTED, 1, LOCK_PR, 0));
}
END_TEST

START_TEST(down_lets_others_in)
{
    acquire(1, LOCK_EXCLUSIVE);
    acquire(2, LOCK_SHARED);
    acquire(3, LOCK_SHARED);
    acquire(4, LOCK_EXCLUSIVE);
    struct lock_result r = convert(1, 10, LOCK_SHARED, false);
    ck_assert_int_eq(r.outcome, LOCK_GRANTED);
    ck_assert_uint_eq(r.token, 1); /* nobody can have written meanwhile */
    ck_assert_uint_eq(r.granted_first, 1);
    ck_assert_uint_eq(state.hold_count, 3);
    ck_assert_uint_eq(state.waiter_count, 1);
    ck_assert_uint_eq(state.generation, 1);
}
END_TEST

START_TEST(up_waits_before_the_queue)
{
    acquire(1, LOCK_SHARED);
    acquire(2, LOCK_SHARED);
    struct lock_result r = convert(1, 10, LOCK_EXCLUSIVE, false);
    ck_assert_int_eq(r.outcome, LOCK_WAITS);
    ck_assert_uint_eq(r.place, 1);
    ck_assert_int_eq(acquire(3, LOCK_SHARED).outcome, LOCK_WAITS); /* no stream of readers */
    ck_assert(lock_in_the_way(&state, 1));                         /* of the one that converts */
    ck_assert(lock_in_the_way(&state, 0));                         /* of the queue */
    enum lock_mode wanted;
    ck_assert(lock_wanted(&state, &wanted));
    ck_assert_int_eq(wanted, LOCK_EXCLUSIVE);
    drop(2);
    ck_assert_int_eq(hold_of(1)->mode, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(state.convert_count, 0);
    ck_assert(!hold_of(3));
    drop(1);
    ck_assert(hold_of(3));
}
END_TEST

START_TEST(a_try_is_refused_and_stays_refused)
{
    acquire(1, LOCK_SHARED);
    acquire(2, LOCK_SHARED);
    ck_assert_int_eq(convert(1, 10, LOCK_EXCLUSIVE, true).outcome, LOCK_BUSY);
    ck_assert_int_eq(hold_of(1)->mode, LOCK_SHARED);
    drop(2);
    /* Its duplicate comes when it would fit: its client was told no. */
    struct lock_result late = convert(1, 10, LOCK_EXCLUSIVE, true);
    ck_assert_int_eq(late.outcome, LOCK_BUSY);
    ck_assert(!late.changed);
    ck_assert_int_eq(hold_of(1)->mode, LOCK_SHARED);
}
END_TEST

START_TEST(two_upgraders_would_wait_for_each_other)
{
    acquire(1, LOCK_SHARED);
    acquire(2, LOCK_SHARED);
    convert(1, 10, LOCK_EXCLUSIVE, false);
    ck_assert_int_eq(convert(2, 11, LOCK_EXCLUSIVE, false).outcome, LOCK_DEADLOCK);
    ck_assert_uint_eq(state.convert_count, 1);
    ck_assert_int_eq(convert(2, 12, LOCK_CR, false).outcome, LOCK_GRANTED); /* but not down */
    ck_assert_int_eq(hold_of(1)->mode, LOCK_SHARED);
    drop(2);
    ck_assert_int_eq(hold_of(1)->mode, LOCK_EXCLUSIVE);
}
END_TEST

/* 1 (CR) wants PW and waits for 2 (CW); 2 wants PR and waits for 3 (CW); 3 wants EX: a ring. */
START_TEST(a_ring_of_three_is_seen)
{
    acquire(1, LOCK_CR);
    acquire(2, LOCK_CW);
    acquire(3, LOCK_CW);
    ck_assert_int_eq(convert(1, 10, LOCK_PW, false).outcome, LOCK_WAITS);
    ck_assert_int_eq(convert(2, 11, LOCK_SHARED, false).outcome, LOCK_WAITS);
    ck_assert_int_eq(convert(3, 12, LOCK_EXCLUSIVE, false).outcome, LOCK_DEADLOCK);
    /* 3 lets go: 2 becomes PR, which still keeps 1 out of PW. */
    drop(3);
    ck_assert_int_eq(hold_of(2)->mode, LOCK_SHARED);
    ck_assert_int_eq(hold_of(1)->mode, LOCK_CR);
    drop(2);
    ck_assert_int_eq(hold_of(1)->mode, LOCK_PW);
}
END_TEST

/* Of counted ones a release of somebody who does not convert may do. */
START_TEST(counted_ones_wait_for_any)
{
    acquire(1, LOCK_COUNTED);
    acquire(2, LOCK_COUNTED);
    acquire(3, LOCK_COUNTED);
    ck_assert_int_eq(convert(1, 10, LOCK_COUNTED, false).outcome, LOCK_WAITS);
    ck_assert_int_eq(convert(2, 11, LOCK_COUNTED, false).outcome, LOCK_WAITS);
    ck_assert_int_eq(convert(3, 12, LOCK_COUNTED, false).outcome, LOCK_DEADLOCK);
    drop(3);
    ck_assert_uint_eq(state.convert_count, 0);
    ck_assert_uint_eq(hold_of(1)->limit, 2);
    ck_assert_uint_eq(hold_of(2)->limit, 2);
}
END_TEST

START_TEST(a_cancelled_conversion_never_comes)
{
    acquire(1, LOCK_SHARED);
    acquire(2, LOCK_SHARED);
    acquire(3, LOCK_SHARED);
    convert(1, 10, LOCK_EXCLUSIVE, false);
    acquire(4, LOCK_SHARED);
    struct lock_result r = cancel(1, 10);
    ck_assert_int_eq(r.outcome, LOCK_DONE);
    ck_assert(r.changed);
    ck_assert_uint_eq(state.convert_count, 0);
    ck_assert(hold_of(4)); /* the queue goes on */
    ck_assert_int_eq(convert(1, 10, LOCK_EXCLUSIVE, false).outcome, LOCK_BUSY);
    ck_assert_uint_eq(state.convert_count, 0);
    ck_assert(!cancel(1, 10).changed);
}
END_TEST

START_TEST(the_conversion_goes_with_its_hold)
{
    acquire(1, LOCK_SHARED);
    acquire(2, LOCK_SHARED);
    convert(1, 10, LOCK_EXCLUSIVE, false);
    drop(1);
    ck_assert_uint_eq(state.convert_count, 0);
    ck_assert_int_eq(convert(1, 12, LOCK_NL, false).outcome, LOCK_GONE);
}
END_TEST

/* --- The value --- */

START_TEST(writers_write_the_value)
{
    acquire(1, LOCK_SHARED);
    ck_assert_int_eq(write_value(1, 10, "no").outcome, LOCK_NOT_WRITER);
    ck_assert_uint_eq(state.value.token, 0);
    convert(1, 11, LOCK_PW, false);
    ck_assert_int_eq(write_value(1, 12, "v1").outcome, LOCK_DONE);
    ck_assert(state.value.valid);
    ck_assert_uint_eq(state.value.token, hold_of(1)->token);
    ck_assert_int_eq(write_value(1, 13, "second").outcome, LOCK_DONE);
    ck_assert_int_eq(write_value(1, 12, "v1").outcome, LOCK_DONE); /* a late duplicate */
    ck_assert_mem_eq(state.value.bytes, "second", 6);
    drop(1);
    ck_assert_uint_eq(state.value.size, 6); /* it stays with the lock */
}
END_TEST

/* What is said of a write that comes a second time is what was said the first time, whoever wrote
 * since, and whatever the hold itself wrote before. */
START_TEST(a_write_is_answered_the_same_again)
{
    acquire(1, LOCK_CW);
    acquire(2, LOCK_CW);
    ck_assert_int_eq(write_value(1, 10, "one").outcome, LOCK_DONE);
    ck_assert_int_eq(write_value(2, 11, "two").outcome, LOCK_DONE);
    ck_assert_int_eq(write_value(1, 10, "one").outcome, LOCK_DONE);
    ck_assert_mem_eq(state.value.bytes, "two", 3);
    ck_assert_int_eq(write_value(1, 12, "three").outcome, LOCK_DONE);
    convert(1, 13, LOCK_CR, false);
    ck_assert_int_eq(write_value(1, 14, "no").outcome, LOCK_NOT_WRITER);
    ck_assert_int_eq(write_value(1, 14, "no").outcome, LOCK_NOT_WRITER);
}
END_TEST

START_TEST(an_unclean_end_of_a_writer_makes_it_doubtful)
{
    acquire(1, LOCK_EXCLUSIVE);
    write_value(1, 10, "v");
    struct lock_op op = {.kind = LOCK_DROP, .id = lock_rig_id(1), .unclean = true};
    lock_apply(&state, &op);
    ck_assert(!state.value.valid);
    acquire(2, LOCK_EXCLUSIVE);
    write_value(2, 11, "w");
    ck_assert(state.value.valid);
    drop(2);
    acquire(3, LOCK_SHARED);
    op.id = lock_rig_id(3);
    lock_apply(&state, &op);
    ck_assert(state.value.valid); /* a reader wrote nothing */
}
END_TEST

/* --- The mark --- */

START_TEST(only_the_very_mark_is_cleared)
{
    acquire(1, LOCK_EXCLUSIVE);
    struct lock_op op = {.kind = LOCK_DROP, .id = lock_rig_id(1), .unclean = true};
    lock_apply(&state, &op);
    acquire(2, LOCK_EXCLUSIVE);
    ck_assert_int_eq(clear_mark(2, 10, lock_rig_id(1), 7).outcome, LOCK_OTHER_MARK);
    ck_assert_int_eq(clear_mark(2, 11, lock_rig_id(2), 1).outcome, LOCK_OTHER_MARK);
    ck_assert(state.mark.set);
    ck_assert_int_eq(clear_mark(2, 12, lock_rig_id(1), 1).outcome, LOCK_DONE);
    ck_assert(!state.mark.set);
    ck_assert_int_eq(clear_mark(2, 13, lock_rig_id(1), 1).outcome, LOCK_OTHER_MARK);
}
END_TEST

/* --- Handing over --- */

START_TEST(a_hold_is_handed_to_one_who_waits)
{
    acquire(1, LOCK_EXCLUSIVE);
    acquire(2, LOCK_EXCLUSIVE);
    acquire(3, LOCK_EXCLUSIVE);
    struct lock_result r = transfer(1, 10, 3);
    ck_assert_int_eq(r.outcome, LOCK_DONE);
    ck_assert_uint_eq(r.granted_first, 0);
    ck_assert(hold_of(3) && !hold_of(1) && !hold_of(2));
    ck_assert_uint_eq(hold_of(3)->token, 2);
    ck_assert_uint_eq(state.waiter_count, 1);
}
END_TEST

START_TEST(a_refused_transfer_stays_refused)
{
    acquire(1, LOCK_SHARED);
    acquire(2, LOCK_SHARED);
    ck_assert_int_eq(transfer(1, 10, 3).outcome, LOCK_NO_WAITER);
    acquire(3, LOCK_EXCLUSIVE);
    ck_assert_int_eq(transfer(1, 10, 3).outcome, LOCK_BUSY); /* a duplicate: it is still here */
    ck_assert_int_eq(transfer(1, 11, 3).outcome, LOCK_BUSY); /* 2 is in the way */
    drop(2);
    ck_assert(hold_of(1));
    ck_assert_int_eq(transfer(1, 11, 3).outcome, LOCK_BUSY);
    ck_assert(hold_of(1)); /* its client was told no, and acts on */
    ck_assert_int_eq(transfer(1, 12, 3).outcome, LOCK_DONE);
    ck_assert_int_eq(transfer(1, 12, 3).outcome, LOCK_GONE);
}
END_TEST

/* --- Requests with a wish --- */

START_TEST(the_head_of_the_queue)
{
    acquire(1, LOCK_EXCLUSIVE);
    acquire(2, LOCK_EXCLUSIVE);
    struct lock_op op = {
        .kind = LOCK_ACQUIRE, .id = lock_rig_id(3), .mode = LOCK_EXCLUSIVE, .head = true};
    struct lock_result r = lock_apply(&state, &op);
    ck_assert_int_eq(r.outcome, LOCK_WAITS);
    ck_assert_uint_eq(r.place, 1);
    drop(1);
    ck_assert(hold_of(3));
}
END_TEST

START_TEST(only_while_the_token_is_the_same)
{
    acquire(1, LOCK_EXCLUSIVE);
    drop(1);
    struct lock_op op = {
        .kind = LOCK_ACQUIRE, .id = lock_rig_id(2), .mode = LOCK_EXCLUSIVE, .token = 7};
    struct lock_result r = lock_apply(&state, &op);
    ck_assert_int_eq(r.outcome, LOCK_MOVED);
    ck_assert_uint_eq(r.token, 1);
    ck_assert(!r.changed);
    op.token = 1;
    ck_assert_int_eq(lock_apply(&state, &op).outcome, LOCK_GRANTED);
    /* One that waits is let go when somebody else's grant has moved the token. */
    acquire(3, LOCK_EXCLUSIVE);
    op.id = lock_rig_id(4);
    op.token = 2;
    ck_assert_int_eq(lock_apply(&state, &op).outcome, LOCK_WAITS);
    acquire(5, LOCK_EXCLUSIVE);
    drop(2);
    drop(3);
    ck_assert(hold_of(5));
    ck_assert_uint_eq(state.waiter_count, 0);
    ck_assert_int_eq(lock_apply(&state, &op).outcome, LOCK_MOVED);
}
END_TEST

/* L10: of a lock that was forgotten it is not known, unless it has the very token. */
START_TEST(a_token_of_before_it_was_forgotten)
{
    struct lock_op op = {
        .kind = LOCK_ACQUIRE, .id = lock_rig_id(2), .mode = LOCK_EXCLUSIVE, .token = 6};
    state.token = 7;
    state.born = true;
    struct lock_result r = lock_apply(&state, &op);
    ck_assert_int_eq(r.outcome, LOCK_FORGOTTEN);
    ck_assert_uint_eq(r.token, 7);
    ck_assert(!r.changed);
    op.token = 8; /* was never handed out */
    ck_assert_int_eq(lock_apply(&state, &op).outcome, LOCK_MOVED);
    op.token = 7;
    ck_assert_int_eq(lock_apply(&state, &op).outcome, LOCK_GRANTED);
    drop(2);
    op.id = lock_rig_id(3);
    op.token = 6; /* by now somebody was granted it for sure */
    ck_assert_int_eq(lock_apply(&state, &op).outcome, LOCK_MOVED);
}
END_TEST

/* A grant before the queue takes the token away that the first one there waits for: those behind it
 * are let in at once, and not by whatever is asked next, which may be nothing. */
START_TEST(a_grant_before_the_queue_settles_it)
{
    acquire(1, LOCK_CR);
    struct lock_op op = {
        .kind = LOCK_ACQUIRE, .id = lock_rig_id(2), .mode = LOCK_EXCLUSIVE, .token = 1};
    ck_assert_int_eq(lock_apply(&state, &op).outcome, LOCK_WAITS);
    ck_assert_int_eq(acquire(3, LOCK_CR).outcome, LOCK_WAITS);
    op =
        (struct lock_op){.kind = LOCK_ACQUIRE, .id = lock_rig_id(4), .mode = LOCK_CR, .head = true};
    struct lock_result r = lock_apply(&state, &op);
    ck_assert_int_eq(r.outcome, LOCK_GRANTED);
    ck_assert_uint_eq(r.token, 2);
    ck_assert_uint_eq(r.granted_first, 2);
    ck_assert_uint_eq(hold_of(3)->token, 3);
    ck_assert_uint_eq(state.waiter_count, 0);
    ck_assert(!drop(2).changed); /* it waits no more */
}
END_TEST

START_TEST(a_hold_is_not_handed_to_one_whose_token_has_passed)
{
    acquire(1, LOCK_EXCLUSIVE);
    struct lock_op op = {
        .kind = LOCK_ACQUIRE, .id = lock_rig_id(2), .mode = LOCK_EXCLUSIVE, .token = 1};
    ck_assert_int_eq(lock_apply(&state, &op).outcome, LOCK_WAITS);
    convert(1, 10, LOCK_EXCLUSIVE, false); /* a new token */
    ck_assert_int_eq(transfer(1, 11, 2).outcome, LOCK_NO_WAITER);
    ck_assert(hold_of(1) && !hold_of(2));
}
END_TEST

START_TEST(data_comes_with_the_hold)
{
    acquire(1, LOCK_EXCLUSIVE);
    struct lock_op op = {.kind = LOCK_ACQUIRE,
                         .id = lock_rig_id(2),
                         .mode = LOCK_EXCLUSIVE,
                         .bytes = {(const uint8_t *)"vm-7", 4}};
    lock_apply(&state, &op);
    drop(1);
    ck_assert_uint_eq(hold_of(2)->data.size, 4);
    ck_assert_mem_eq(hold_of(2)->data.bytes, "vm-7", 4);
}
END_TEST

/* --- At random --- */

static bool fits_together(void)
{
    for (size_t i = 0; i < state.hold_count; i++) {
        struct lock_hold h = state.holds[i];
        if (!lock_fits_beside(&state, (int)i, h.mode, h.limit))
            return false;
    }
    return true;
}

static void check_canonical(void)
{
    static struct lock_state out;
    static uint8_t bytes[LOCK_STATE_BYTES_MAX], again[LOCK_STATE_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes), v = writer_init(again, sizeof again);
    lock_encode(&w, &state);
    ck_assert(!w.failed);
    ck_assert(lock_decode(&out, (struct view){bytes, writer_size(&w)}));
    lock_encode(&v, &out);
    ck_assert_uint_eq(writer_size(&w), writer_size(&v));
    ck_assert_mem_eq(bytes, again, writer_size(&w));
}

static size_t encode(uint8_t bytes[LOCK_STATE_BYTES_MAX])
{
    struct writer w = writer_init(bytes, LOCK_STATE_BYTES_MAX);
    lock_encode(&w, &state);
    ck_assert(!w.failed);
    return writer_size(&w);
}

static void random_op(struct drbg *d, uint64_t change)
{
    static const uint8_t text[LOCK_VALUE_MAX];
    enum lock_mode mode = (enum lock_mode)drbg_below(d, LOCK_MODES);
    struct lock_op op = {.kind = (enum lock_op_kind)drbg_below(d, LOCK_OPS),
                         .id = lock_rig_id(1 + drbg_below(d, 12)),
                         .change = change - drbg_below(d, 3),
                         .mode = mode,
                         .limit = (uint16_t)(mode == LOCK_COUNTED ? 1 + drbg_below(d, 3) : 0),
                         .try = drbg_below(d, 4) == 0,
                         .head = drbg_below(d, 8) == 0,
                         .unclean = drbg_below(d, 2),
                         .other = lock_rig_id(1 + drbg_below(d, 12)),
                         .token = drbg_below(d, 6) ? 0 : state.token - drbg_below(d, 2),
                         .bytes = {text, drbg_below(d, LOCK_DATA_MAX)}};
    if (op.kind == LOCK_BREAK && drbg_below(d, 10))
        op.kind = LOCK_ACQUIRE;
    uint64_t token = state.token, generation = state.generation;
    static uint8_t before[LOCK_STATE_BYTES_MAX], after[LOCK_STATE_BYTES_MAX];
    size_t size = encode(before);
    struct lock_result r = lock_apply(&state, &op);
    ck_assert_uint_ge(state.token, token);
    ck_assert_uint_ge(state.generation, generation);
    /* What is told of a state that is said to be the same rests on the one before (L5). */
    if (!r.changed)
        ck_assert(encode(after) == size && memcmp(before, after, size) == 0);
}

START_TEST(every_state_could_be)
{
    struct drbg d;
    drbg_init(&d, (const uint8_t[DRBG_SEED_SIZE]){19});
    for (uint64_t i = 3; i < 60000; i++) {
        if (i % 5000 == 0)
            lock_init(&state);
        random_op(&d, i);
        ck_assert(fits_together());
        if (state.convert_count == 0 && state.waiter_count > 0 && state.waiters[0].expect == 0)
            ck_assert(!lock_fits(&state, state.waiters[0].mode, state.waiters[0].limit));
        for (size_t k = 0; k < state.convert_count; k++) {
            const struct lock_convert *c = &state.converts[k];
            int hold = lock_find_hold(&state, c->id);
            ck_assert_int_ge(hold, 0);
            ck_assert(!lock_fits_beside(&state, hold, c->mode, c->limit));
        }
        if (i % 7 == 0)
            check_canonical();
    }
}
END_TEST

Suite *suite_lock_change(void)
{
    Suite *suite = suite_create("lock_change");
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, set_up, NULL);
    tcase_add_test(rules, a_reader_alone_becomes_the_writer);
    tcase_add_test(rules, which_modes_cover_which);
    tcase_add_test(rules, down_lets_others_in);
    tcase_add_test(rules, up_waits_before_the_queue);
    tcase_add_test(rules, a_try_is_refused_and_stays_refused);
    tcase_add_test(rules, two_upgraders_would_wait_for_each_other);
    tcase_add_test(rules, a_ring_of_three_is_seen);
    tcase_add_test(rules, counted_ones_wait_for_any);
    tcase_add_test(rules, a_cancelled_conversion_never_comes);
    tcase_add_test(rules, the_conversion_goes_with_its_hold);
    tcase_add_test(rules, writers_write_the_value);
    tcase_add_test(rules, a_write_is_answered_the_same_again);
    tcase_add_test(rules, an_unclean_end_of_a_writer_makes_it_doubtful);
    tcase_add_test(rules, only_the_very_mark_is_cleared);
    tcase_add_test(rules, a_hold_is_handed_to_one_who_waits);
    tcase_add_test(rules, a_refused_transfer_stays_refused);
    tcase_add_test(rules, the_head_of_the_queue);
    tcase_add_test(rules, only_while_the_token_is_the_same);
    tcase_add_test(rules, a_token_of_before_it_was_forgotten);
    tcase_add_test(rules, a_grant_before_the_queue_settles_it);
    tcase_add_test(rules, a_hold_is_not_handed_to_one_whose_token_has_passed);
    tcase_add_test(rules, data_comes_with_the_hold);
    tcase_add_test(rules, every_state_could_be);
    suite_add_tcase(suite, rules);
    return suite;
}
