/* Free registers in the order in which they are due, and what becomes of those that have to wait
 * (L10). */
#include <check.h>
#include <stdio.h>
#include <stdlib.h>

#include "proto/floor.h"
#include "proto/idle.h"

Suite *suite_idle(void);

enum { MAX = 64, SHARDS = 1, ROOM = 1 << 16, SPAN = 1000 };

static struct core core;
static struct registers registers;
static struct idle idle;
static struct lock_state state;
static void *memory[2];

static void set_up(void)
{
    memset(&core, 0, sizeof core);
    core.config.forget_span = SPAN_MS(SPAN);
    core.store = STORE_VOTING;
    memory[0] = aligned_alloc(16, ROOM);
    memory[1] = malloc(registers_bytes(MAX, SHARDS));
    arena_init(&core.arena, memory[0], ROOM);
    registers_init(&registers, memory[1], MAX, SHARDS, &core.arena);
    idle_init(&idle, &core, &registers);
}

static void tear_down(void)
{
    free(memory[0]);
    free(memory[1]);
}

static struct instant at(int64_t ms)
{
    return instant_after((struct instant){1}, SPAN_MS(ms));
}

static struct lock_register *write_state(struct view name, int64_t ms)
{
    uint8_t bytes[256];
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, &state);
    struct lock_register *e = registers_make(&registers, name.bytes[name.size - 1], name, 0);
    ck_assert_ptr_nonnull(e);
    ck_assert(registers_store(&registers, e, (struct ballot){.round = 1}, 1,
                              (struct view){bytes, writer_size(&w)}));
    idle_note(&idle, at(ms), e, &state);
    return e;
}

static struct view name_of(unsigned n)
{
    static char text[16];
    snprintf(text, sizeof text, "image-%u", n);
    return (struct view){(const uint8_t *)text, strlen(text)};
}

/* With a token, held by nobody. */
static struct lock_register *write_free(unsigned n, int64_t ms)
{
    lock_init(&state);
    state.token = n + 1;
    state.generation = n;
    return write_state(name_of(n), ms);
}

static struct lock_register *write_held(unsigned n, int64_t ms)
{
    struct lock_op op = {.kind = LOCK_ACQUIRE, .id = {.slot = 1, .life = 1, .counter = 1}};
    lock_init(&state);
    lock_apply(&state, &op);
    return write_state(name_of(n), ms);
}

static size_t due(enum idle_kind kind, int64_t ms)
{
    size_t count = 0;
    for (struct lock_register *e = NULL; (e = idle_due(&idle, at(ms), kind, e));)
        count++;
    return count;
}

START_TEST(free_ones_are_due_in_the_order_of_their_writes)
{
    struct lock_register *a = write_free(1, 0), *b = write_free(2, 10), *c = write_free(3, 20);
    ck_assert_int_eq(idle_deadline(&idle).ns, at(SPAN).ns);
    ck_assert_uint_eq(due(IDLE_FRESH, SPAN - 1), 0);
    ck_assert_uint_eq(due(IDLE_FRESH, SPAN), 1);
    ck_assert_uint_eq(due(IDLE_FRESH, SPAN + 20), 3);
    write_free(1, 30); /* written again: it begins anew */
    ck_assert_ptr_eq(idle_due(&idle, at(SPAN + 20), IDLE_FRESH, NULL), b);
    ck_assert_ptr_eq(idle_due(&idle, at(SPAN + 20), IDLE_FRESH, b), c);
    ck_assert_ptr_null(idle_due(&idle, at(SPAN + 20), IDLE_FRESH, c));
    ck_assert_ptr_eq(idle_due(&idle, at(SPAN + 30), IDLE_FRESH, c), a);
}
END_TEST

START_TEST(what_is_in_use_is_never_due)
{
    write_free(1, 0);
    write_held(1, 5);
    ck_assert_uint_eq(due(IDLE_FRESH, 100 * SPAN), 0);
    ck_assert_int_eq(idle_deadline(&idle).ns, INSTANT_NEVER.ns);
    write_free(1, 9);
    ck_assert_uint_eq(due(IDLE_FRESH, 100 * SPAN), 1);
    idle_remove(&idle, registers_find(&registers, '1', name_of(1)));
    ck_assert_uint_eq(due(IDLE_FRESH, 100 * SPAN), 0);
}
END_TEST

/* A token and a generation are kept by the floor; all else is lost with the register. */
START_TEST(only_token_and_generation_may_be_lost)
{
    lock_init(&state);
    state.token = 7;
    state.mark = (struct lock_mark){.set = true, .slot = 3, .life = 1, .token = 7};
    write_state(name_of(1), 0);
    lock_init(&state);
    state.token = 7;
    state.broken = (struct lock_break){.set = true, .slot = 3, .life = 1};
    write_state(name_of(2), 0);
    lock_init(&state);
    state.waiter_count = 1;
    state.waiters[0].id = (struct op_id){.slot = 1, .life = 1, .counter = 1};
    write_state(name_of(3), 0);
    ck_assert_uint_eq(due(IDLE_FRESH, 100 * SPAN), 0);
    lock_init(&state); /* never touched: also to be dropped */
    write_state(name_of(4), 0);
    ck_assert_uint_eq(due(IDLE_FRESH, 100 * SPAN), 1);
}
END_TEST

START_TEST(a_floor_is_never_due)
{
    struct floor_name name = floor_name(3);
    lock_init(&state);
    state.token = 9;
    write_state((struct view){name.bytes, sizeof name.bytes}, 0);
    ck_assert_uint_eq(due(IDLE_FRESH, 100 * SPAN), 0);
}
END_TEST

START_TEST(the_rest_is_due_later)
{
    struct lock_register *e = write_free(1, 0);
    idle_move(&idle, e, IDLE_REST);
    ck_assert_uint_eq(due(IDLE_REST, 4 * SPAN - 1), 0);
    ck_assert_int_eq(idle_deadline(&idle).ns, at(4 * SPAN).ns);
    ck_assert_uint_eq(due(IDLE_REST, 4 * SPAN), 1);
}
END_TEST

/* No work when nothing changes, and a bounded number of tries when something has. */
START_TEST(what_is_parked_waits_for_a_change)
{
    idle_move(&idle, write_free(1, 0), IDLE_PARKED);
    ck_assert_int_eq(idle_deadline(&idle).ns, INSTANT_NEVER.ns);
    int64_t now = 10 * SPAN, waits[] = {2 * SPAN, 4 * SPAN, 8 * SPAN, 16 * SPAN};
    idle_changed(&idle, at(now));
    for (size_t i = 0; i < sizeof waits / sizeof waits[0]; i++) {
        ck_assert_int_eq(idle_deadline(&idle).ns, at(now + waits[i]).ns);
        now += waits[i];
        idle_again(&idle, at(now - 1));
        ck_assert_uint_eq(due(IDLE_FRESH, now), 0);
        idle_again(&idle, at(now));
        struct lock_register *e = idle_due(&idle, at(now), IDLE_FRESH, NULL);
        ck_assert_ptr_nonnull(e);
        idle_move(&idle, e, IDLE_PARKED);
    }
    ck_assert_int_eq(idle_deadline(&idle).ns, INSTANT_NEVER.ns);
    idle_dropped(&idle, at(now)); /* forgetting works again: one more try */
    ck_assert_int_eq(idle_deadline(&idle).ns, at(now + 16 * SPAN).ns);
}
END_TEST

/* One change after the other puts the next try off no further. */
START_TEST(changes_do_not_put_off_the_next_try)
{
    idle_move(&idle, write_free(1, 0), IDLE_PARKED);
    for (int64_t ms = 0; ms <= 2 * SPAN; ms += 100)
        idle_changed(&idle, at(ms));
    ck_assert_int_eq(idle_deadline(&idle).ns, at(2 * SPAN).ns);
}
END_TEST

START_TEST(it_is_not_looked_at_too_often)
{
    write_free(1, 0);
    idle_looked(&idle, at(SPAN), SPAN_MS(50));
    ck_assert_int_eq(idle_deadline(&idle).ns, at(SPAN + 50).ns);
}
END_TEST

START_TEST(it_is_off_where_nothing_is_forgotten_or_nobody_votes)
{
    write_free(1, 0);
    core.store = STORE_BEHIND;
    ck_assert_int_eq(idle_deadline(&idle).ns, INSTANT_NEVER.ns);
    core.store = STORE_VOTING;
    core.config.forget_span = SPAN_MS(0);
    ck_assert_int_eq(idle_deadline(&idle).ns, INSTANT_NEVER.ns);
    ck_assert_uint_eq(due(IDLE_FRESH, 100 * SPAN), 0);
}
END_TEST

START_TEST(a_table_that_fills_hurries)
{
    unsigned n = 0;
    for (; n < MAX / 2; n++)
        write_free(n, 0);
    ck_assert_int_eq(idle_span(&idle).ns, SPAN_MS(SPAN).ns);
    for (; n < MAX * 3 / 4; n++)
        write_free(n, 0);
    ck_assert_int_eq(idle_span(&idle).ns, SPAN_MS(SPAN).ns / 8);
    ck_assert_uint_eq(due(IDLE_FRESH, SPAN / 8), n);
    for (; n < MAX; n++)
        write_free(n, 0);
    ck_assert_int_eq(idle_span(&idle).ns, SPAN_MS(SPAN).ns / 64);
}
END_TEST

/* After a start everything counts as written then. */
START_TEST(a_start_finds_what_was_loaded)
{
    static struct lock_state scratch;
    struct lock_register *e = write_free(1, 0);
    idle_remove(&idle, e);
    write_held(2, 0);
    idle_start(&idle, at(500), &scratch);
    ck_assert_uint_eq(due(IDLE_FRESH, SPAN), 0);
    ck_assert_ptr_eq(idle_due(&idle, at(SPAN + 500), IDLE_FRESH, NULL), e);
    ck_assert_uint_eq(due(IDLE_FRESH, SPAN + 500), 1);
}
END_TEST

Suite *suite_idle(void)
{
    Suite *suite = suite_create("idle");
    TCase *tcase = tcase_create("lists");
    tcase_add_checked_fixture(tcase, set_up, tear_down);
    tcase_add_test(tcase, free_ones_are_due_in_the_order_of_their_writes);
    tcase_add_test(tcase, what_is_in_use_is_never_due);
    tcase_add_test(tcase, only_token_and_generation_may_be_lost);
    tcase_add_test(tcase, a_floor_is_never_due);
    tcase_add_test(tcase, the_rest_is_due_later);
    tcase_add_test(tcase, what_is_parked_waits_for_a_change);
    tcase_add_test(tcase, changes_do_not_put_off_the_next_try);
    tcase_add_test(tcase, it_is_not_looked_at_too_often);
    tcase_add_test(tcase, it_is_off_where_nothing_is_forgotten_or_nobody_votes);
    tcase_add_test(tcase, a_table_that_fills_hurries);
    tcase_add_test(tcase, a_start_finds_what_was_loaded);
    suite_add_tcase(suite, tcase);
    return suite;
}
