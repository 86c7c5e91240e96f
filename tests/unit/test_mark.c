/*
 * Holds that end uncleanly, by the lock's own rules (F5, F11): breaks, the marks that they leave,
 * and the encoding of both.
 */
#include <check.h>
#include <stdlib.h>

#include "proto/lock.h"
#include "tests/unit/fence_play.h"

Suite *suite_mark(void);

static struct lock_state state;

static void set_up(void)
{
    memset(&state, 0xa5, sizeof state);
    lock_init(&state);
}

static struct op_id id_of(uint16_t slot, uint64_t life, uint64_t counter)
{
    return (struct op_id){.slot = slot, .life = life, .counter = counter};
}

static enum lock_outcome acquire(struct op_id id, enum lock_mode mode)
{
    struct lock_op op = {.kind = LOCK_ACQUIRE, .id = id, .mode = mode, .policy = LOCK_STALE_FENCE};
    return lock_apply(&state, &op).outcome;
}

/* With the highest limit, and in the form that has the most bytes. */
static void acquire_counted(struct op_id id)
{
    struct lock_op op = {.kind = LOCK_ACQUIRE,
                         .id = id,
                         .mode = LOCK_COUNTED,
                         .limit = LOCK_COUNT_MAX,
                         .policy = LOCK_STALE_EXPIRE,
                         .ttl_ms = LEASE_TTL_MAX_MS};
    lock_apply(&state, &op);
}

static struct lock_result drop(struct op_id id, bool unclean)
{
    struct lock_op op = {.kind = LOCK_DROP, .id = id, .unclean = unclean};
    return lock_apply(&state, &op);
}

static struct lock_result end_lives(uint16_t slot, uint64_t life, uint8_t proof)
{
    struct lock_op op = {.kind = LOCK_BREAK,
                         .id = {.slot = slot, .life = life},
                         .proof = {{proof}},
                         .receipt = proof % 2 == 1};
    return lock_apply(&state, &op);
}

static void acquire_leased(struct op_id id, enum lock_mode mode)
{
    struct lock_op op = {.kind = LOCK_ACQUIRE,
                         .id = id,
                         .mode = mode,
                         .policy = LOCK_STALE_EXPIRE,
                         .ttl_ms = LEASE_TTL_DEFAULT_MS};
    lock_apply(&state, &op);
}

static struct lock_result expire(struct op_id id)
{
    struct lock_op op = {.kind = LOCK_EXPIRE, .id = id};
    return lock_apply(&state, &op);
}

static bool holds(struct op_id id)
{
    return lock_find_hold(&state, id) >= 0;
}

/* --- Breaks --- */

START_TEST(a_break_ends_the_hold_and_lets_the_next_in)
{
    acquire(id_of(1, 3, 1), LOCK_EXCLUSIVE);
    ck_assert_int_eq(acquire(id_of(2, 1, 1), LOCK_EXCLUSIVE), LOCK_WAITS);
    struct lock_result r = end_lives(1, 3, 7);
    ck_assert(r.changed);
    ck_assert_uint_eq(r.granted_first, 0);
    ck_assert(holds(id_of(2, 1, 1)));
    ck_assert_uint_eq(state.token, 2);
    ck_assert(state.broken.set);
    ck_assert_uint_eq(state.broken.slot, 1);
    ck_assert_uint_eq(state.broken.life, 3);
    ck_assert_uint_eq(state.broken.proof.bytes[0], 7);
}
END_TEST

/* It is about one node's lives up to one: nobody else's, and no later one. */
START_TEST(a_break_ends_those_lives_alone)
{
    acquire(id_of(1, 2, 1), LOCK_SHARED);
    acquire(id_of(1, 3, 1), LOCK_SHARED);
    acquire(id_of(1, 4, 1), LOCK_SHARED);
    acquire(id_of(2, 2, 1), LOCK_SHARED);
    ck_assert(end_lives(1, 3, 7).changed);
    ck_assert(!holds(id_of(1, 2, 1)) && !holds(id_of(1, 3, 1)));
    ck_assert(holds(id_of(1, 4, 1)) && holds(id_of(2, 2, 1)));
}
END_TEST

/* --- Leases that are over --- */

START_TEST(a_writer_s_lease_that_is_over_leaves_a_mark)
{
    acquire_leased(id_of(1, 3, 1), LOCK_PW);
    acquire(id_of(2, 1, 1), LOCK_EXCLUSIVE);
    struct lock_result r = expire(id_of(1, 3, 1));
    ck_assert(r.changed);
    ck_assert_uint_eq(r.granted_first, 0);
    ck_assert(holds(id_of(2, 1, 1)) && !holds(id_of(1, 3, 1)));
    ck_assert(state.mark.set && !state.broken.set);
    ck_assert_int_eq(state.mark.by, LOCK_ENDED_BY_EXPIRY);
    ck_assert(!lock_ended_with_proof(state.mark.by));
    ck_assert_uint_eq(state.mark.slot, 1);
    ck_assert_uint_eq(state.mark.token, 1);
    ck_assert(!expire(id_of(1, 3, 1)).changed); /* twice is once */
}
END_TEST

START_TEST(a_reader_s_leaves_none)
{
    acquire_leased(id_of(1, 3, 1), LOCK_SHARED);
    ck_assert(expire(id_of(1, 3, 1)).changed);
    ck_assert(!state.mark.set);
    ck_assert_uint_eq(state.hold_count, 0);
}
END_TEST

/* Only what was taken so ends so: all else needs a proof (F5). */
START_TEST(no_other_policy_expires)
{
    acquire(id_of(1, 3, 1), LOCK_EXCLUSIVE);
    acquire(id_of(2, 1, 1), LOCK_EXCLUSIVE);
    ck_assert(!expire(id_of(1, 3, 1)).changed);
    ck_assert(!expire(id_of(2, 1, 1)).changed); /* nor a place in the queue */
    ck_assert(holds(id_of(1, 3, 1)));
    ck_assert_uint_eq(state.waiter_count, 1);
}
END_TEST

START_TEST(ttls_are_encoded)
{
    static struct lock_state out;
    uint8_t bytes[LOCK_STATE_BYTES_MAX];
    acquire_leased(id_of(1, 3, 1), LOCK_EXCLUSIVE);
    acquire_leased(id_of(2, 3, 1), LOCK_EXCLUSIVE);
    acquire(id_of(2, 3, 2), LOCK_EXCLUSIVE);
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, &state);
    ck_assert(lock_decode(&out, (struct view){bytes, writer_size(&w)}));
    ck_assert_uint_eq(out.holds[0].ttl_ms, LEASE_TTL_DEFAULT_MS);
    ck_assert_uint_eq(out.waiters[0].ttl_ms, LEASE_TTL_DEFAULT_MS);
    ck_assert_uint_eq(out.waiters[1].ttl_ms, 0);
    static const uint32_t wrong[] = {0, LEASE_TTL_MIN_MS - 1, LEASE_TTL_MAX_MS + 1, UINT32_MAX};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        state.holds[0].ttl_ms = wrong[i];
        w = writer_init(bytes, sizeof bytes);
        lock_encode(&w, &state);
        ck_assert(!lock_decode(&out, (struct view){bytes, writer_size(&w)}));
    }
    ck_assert(lock_policy_valid(LOCK_STALE_EXPIRE, LEASE_TTL_MIN_MS));
    ck_assert(lock_policy_valid(LOCK_STALE_EXPIRE, LEASE_TTL_MAX_MS));
    ck_assert(!lock_policy_valid(LOCK_STALE_FENCE, LEASE_TTL_MIN_MS));
    ck_assert(!lock_policy_valid(LOCK_POLICIES, 0));
}
END_TEST

/* Places in the queue end too; as nobody held anything, that needs no proof and leaves no mark. */
START_TEST(a_break_ends_places_in_the_queue)
{
    acquire(id_of(2, 1, 1), LOCK_EXCLUSIVE);
    acquire(id_of(1, 3, 1), LOCK_EXCLUSIVE);
    acquire(id_of(3, 1, 1), LOCK_SHARED);
    acquire(id_of(1, 3, 2), LOCK_SHARED);
    struct lock_result r = end_lives(1, 3, 7);
    ck_assert(r.changed);
    ck_assert_uint_eq(state.waiter_count, 1);
    ck_assert_uint_eq(state.waiters[0].id.slot, 3);
    ck_assert(!state.broken.set && !state.mark.set);
    ck_assert(holds(id_of(2, 1, 1)));
}
END_TEST

START_TEST(a_break_of_nothing_changes_nothing)
{
    acquire(id_of(2, 1, 1), LOCK_EXCLUSIVE);
    acquire(id_of(3, 1, 1), LOCK_SHARED);
    struct lock_result r = end_lives(1, 3, 7);
    ck_assert(!r.changed);
    ck_assert_uint_eq(r.granted_first, state.hold_count);
    ck_assert(!state.broken.set && !state.mark.set);
    end_lives(2, 1, 7);
    r = end_lives(2, 1, 7); /* twice is once */
    ck_assert(!r.changed);
    ck_assert(holds(id_of(3, 1, 1)));
}
END_TEST

/* --- Marks --- */

START_TEST(a_break_leaves_a_mark)
{
    acquire(id_of(1, 3, 9), LOCK_EXCLUSIVE);
    end_lives(1, 5, 7);
    ck_assert(state.mark.set);
    ck_assert_int_eq(state.mark.by, LOCK_ENDED_BY_RECEIPT);
    ck_assert_uint_eq(state.mark.slot, 1);
    ck_assert_uint_eq(state.mark.life, 3); /* that hold's, not the proof's */
    ck_assert_int_eq(state.mark.mode, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(state.mark.token, 1);
    ck_assert_uint_eq(state.mark.proof.bytes[0], 7);
    acquire(id_of(1, 6, 1), LOCK_EXCLUSIVE);
    end_lives(1, 6, 8);
    ck_assert_int_eq(state.mark.by, LOCK_ENDED_BY_STATEMENT);
    ck_assert_uint_eq(state.mark.life, 6);
}
END_TEST

START_TEST(a_clean_drop_leaves_none_and_clears_none)
{
    acquire(id_of(1, 1, 1), LOCK_EXCLUSIVE);
    drop(id_of(1, 1, 1), false);
    ck_assert(!state.mark.set);
    acquire(id_of(1, 1, 2), LOCK_EXCLUSIVE);
    drop(id_of(1, 1, 2), true);
    ck_assert(state.mark.set);
    ck_assert_int_eq(state.mark.by, LOCK_ENDED_BY_AGENT);
    ck_assert_uint_eq(state.mark.token, 2);
    ck_assert(!state.broken.set);
    acquire(id_of(2, 1, 1), LOCK_EXCLUSIVE);
    drop(id_of(2, 1, 1), false);
    ck_assert_uint_eq(state.mark.token, 2);
}
END_TEST

/* Who only waited did nothing, however it went. */
START_TEST(a_waiter_leaves_no_mark)
{
    acquire(id_of(1, 1, 1), LOCK_EXCLUSIVE);
    acquire(id_of(2, 1, 1), LOCK_EXCLUSIVE);
    drop(id_of(2, 1, 1), true);
    ck_assert(!state.mark.set);
}
END_TEST

/* loop test: by an unclean drop (0) or by a break (1). The data may be half written: what a reader
 * leaves does not cover that up; a later writer's mark takes its place. */
START_TEST(a_writing_mark_is_not_covered_by_a_reading_one)
{
    acquire(id_of(1, 1, 1), LOCK_SHARED);
    drop(id_of(1, 1, 1), true);
    ck_assert_int_eq(state.mark.mode, LOCK_SHARED);
    acquire(id_of(2, 1, 1), LOCK_EXCLUSIVE);
    drop(id_of(2, 1, 1), true);
    ck_assert_int_eq(state.mark.mode, LOCK_EXCLUSIVE);
    ck_assert_uint_eq(state.mark.token, 2);
    acquire(id_of(3, 1, 1), LOCK_SHARED);
    if (_i == 0)
        drop(id_of(3, 1, 1), true);
    else
        end_lives(3, 1, 7);
    ck_assert_uint_eq(state.hold_count, 0);
    ck_assert_uint_eq(state.mark.token, 2);
    acquire(id_of(4, 1, 1), LOCK_EXCLUSIVE);
    if (_i == 0)
        drop(id_of(4, 1, 1), true);
    else
        end_lives(4, 1, 7);
    ck_assert_uint_eq(state.mark.token, 4);
}
END_TEST

/* --- Encoding --- */

static size_t encode(uint8_t *out, size_t room, const struct lock_state *from)
{
    struct writer w = writer_init(out, room);
    lock_encode(&w, from);
    ck_assert(!w.failed);
    return writer_size(&w);
}

/* loop test: the kinds of mark, with and without a break. */
START_TEST(marks_and_breaks_are_encoded)
{
    uint8_t bytes[256] = {0}, again[LOCK_STATE_BYTES_MAX];
    static struct lock_state out;
    acquire(id_of(1, 3, 9), LOCK_EXCLUSIVE);
    acquire(id_of(2, 1, 1), LOCK_SHARED);
    if (_i == 0)
        drop(id_of(1, 3, 9), true);
    else
        end_lives(1, 3, (uint8_t)(5 + _i));
    size_t size = encode(bytes, sizeof bytes, &state);
    ck_assert(lock_decode(&out, (struct view){bytes, size}));
    ck_assert_int_eq(out.mark.by, state.mark.by);
    ck_assert_uint_eq(out.mark.token, 1);
    ck_assert_uint_eq(out.mark.life, 3);
    ck_assert_mem_eq(out.mark.proof.bytes, state.mark.proof.bytes, DIGEST_SIZE);
    ck_assert_int_eq(out.broken.set, _i > 0);
    ck_assert_mem_eq(out.broken.proof.bytes, state.broken.proof.bytes, DIGEST_SIZE);
    for (size_t cut = 1; cut < size; cut++)
        ck_assert(!lock_decode(&out, (struct view){bytes, cut}));
    ck_assert(!lock_decode(&out, (struct view){bytes, size + 1}));
    for (size_t bit = 0; bit < size * 8; bit++) {
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
        if (lock_decode(&out, (struct view){bytes, size})) {
            ck_assert_uint_eq(encode(again, sizeof again, &out), size);
            ck_assert_mem_eq(again, bytes, size);
        }
        bytes[bit / 8] ^= (uint8_t)(1u << (bit % 8));
    }
}
END_TEST

START_TEST(a_mark_alone_is_no_untouched_lock)
{
    uint8_t bytes[128];
    static struct lock_state out;
    state.mark = (struct lock_mark){.set = true, .slot = 1, .life = 1};
    size_t size = encode(bytes, sizeof bytes, &state);
    ck_assert_uint_gt(size, 0);
    ck_assert(lock_decode(&out, (struct view){bytes, size}));
    ck_assert(out.mark.set);
    const size_t mode_at = 18 + 1 + 2 + 8, by_at = mode_at + 1 + 8;
    bytes[mode_at] = LOCK_MODES;
    ck_assert(!lock_decode(&out, (struct view){bytes, size}));
    bytes[mode_at] = 0;
    bytes[by_at] = LOCK_ENDINGS;
    ck_assert(!lock_decode(&out, (struct view){bytes, size}));
    bytes[by_at] = 0;
    ck_assert(lock_decode(&out, (struct view){bytes, size}));
}
END_TEST

/* The largest state there is has room, with a mark and a break. */
START_TEST(the_largest_state_has_room)
{
    uint8_t bytes[LOCK_STATE_BYTES_MAX];
    for (uint64_t i = 1; i <= LOCK_HOLDS_MAX; i++)
        acquire_counted(id_of(1, 1, i));
    for (uint64_t i = 1; i <= LOCK_WAITERS_MAX; i++)
        acquire_counted(id_of(2, 1, i));
    ck_assert_uint_eq(state.hold_count, LOCK_HOLDS_MAX);
    ck_assert_uint_eq(state.waiter_count, LOCK_WAITERS_MAX);
    state.mark = (struct lock_mark){.set = true, .by = LOCK_ENDED_BY_RECEIPT};
    state.broken.set = true;
    ck_assert_uint_gt(encode(bytes, sizeof bytes, &state),
                      LOCK_HOLDS_MAX * 30 + LOCK_WAITERS_MAX * 22);
}
END_TEST

/* --- On its way through coordinators and voters --- */

static struct lock_state stored_at(const struct stage *s, size_t node, const char *name)
{
    struct lock_state out;
    struct ballot ballot;
    struct view bytes;
    uint64_t seq;
    ck_assert(peer_register(s->nodes[node].peer, stage_view(name), &ballot, &seq, &bytes));
    ck_assert(lock_decode(&out, bytes));
    return out;
}

/* A state names a break only if it is the one that breaks: what follows rests on a true state. */
START_TEST(only_the_breaking_state_names_the_break)
{
    struct stage *s = stage_open(5, 61);
    s->policy = LOCK_STALE_FENCE;
    stage_hold(s, 2, "image", LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, 1, "image", LOCK_EXCLUSIVE);
    stage_power_cut(s, 2);
    stage_start(s, 2);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 20 * STAGE_SECOND));
    stage_run(s, 100);
    struct lock_state at = stored_at(s, 3, "image");
    ck_assert(at.broken.set);
    ck_assert_uint_eq(at.broken.slot, stage_slot(2));
    ck_assert_mem_eq(at.broken.proof.bytes, at.mark.proof.bytes, DIGEST_SIZE);
    ck_assert_uint_eq(STAGE_SUM(s, breaks), 1);
    stage_release(s, 1, waits);
    stage_run(s, 100);
    at = stored_at(s, 3, "image");
    ck_assert(!at.broken.set);
    ck_assert(at.mark.set); /* that stays until a later one takes its place */
    uint64_t next = stage_hold(s, 4, "image", LOCK_EXCLUSIVE);
    ck_assert(stage_answer(s, next, ANSWER_GRANTED)->mark.set);
    stage_end(s);
}
END_TEST

Suite *suite_mark(void)
{
    Suite *suite = suite_create("mark");
    TCase *rules = tcase_create("rules");
    tcase_add_checked_fixture(rules, set_up, NULL);
    tcase_add_test(rules, a_break_ends_the_hold_and_lets_the_next_in);
    tcase_add_test(rules, a_break_ends_those_lives_alone);
    tcase_add_test(rules, a_writer_s_lease_that_is_over_leaves_a_mark);
    tcase_add_test(rules, a_reader_s_leaves_none);
    tcase_add_test(rules, no_other_policy_expires);
    tcase_add_test(rules, ttls_are_encoded);
    tcase_add_test(rules, a_break_ends_places_in_the_queue);
    tcase_add_test(rules, a_break_of_nothing_changes_nothing);
    tcase_add_test(rules, a_break_leaves_a_mark);
    tcase_add_test(rules, a_clean_drop_leaves_none_and_clears_none);
    tcase_add_test(rules, a_waiter_leaves_no_mark);
    tcase_add_loop_test(rules, a_writing_mark_is_not_covered_by_a_reading_one, 0, 2);
    tcase_add_loop_test(rules, marks_and_breaks_are_encoded, 0, 3);
    tcase_add_test(rules, a_mark_alone_is_no_untouched_lock);
    tcase_add_test(rules, the_largest_state_has_room);
    suite_add_tcase(suite, rules);

    TCase *peers = tcase_create("peers");
    tcase_add_test(peers, only_the_breaking_state_names_the_break);
    suite_add_tcase(suite, peers);
    return suite;
}
