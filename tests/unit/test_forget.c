/*
 * Forgetting, as plays (L10): whole peers forget what is free, keep what is not, and lose neither
 * tokens nor room, whatever is lost or dies in between.
 */
#include <stdio.h>

#include "proto/peer_internal.h"
#include "tests/unit/fence_play.h"

Suite *suite_forget(void);

enum { SPAN = 1000 };

static struct stage *s;

static void open_stage(void)
{
    s = stage_begin(5, 5);
    s->forget_ms = SPAN;
    stage_start_all(s);
}

static void close_stage(void)
{
    stage_end(s);
}

static bool has(size_t node, const char *name)
{
    struct ballot ballot;
    struct view bytes;
    uint64_t seq;
    return peer_register(s->nodes[node].peer, stage_view(name), &ballot, &seq, &bytes);
}

/* How many that are up have it. */
static size_t kept(const char *name)
{
    size_t count = 0;
    for (size_t i = 0; i < s->count; i++)
        count += s->nodes[i].up && has(i, name);
    return count;
}

static bool is_gone(struct stage *stage, void *context)
{
    const char **name = context;
    (void)stage;
    return kept(*name) == 0;
}

static void await_gone(const char *name, int64_t ms)
{
    ck_assert_msg(stage_until(s, is_gone, &name, ms), "%zu still have \"%s\"", kept(name), name);
}

/* Locked and released once; the token. */
static uint64_t use(size_t node, const char *name)
{
    uint64_t held = stage_hold(s, node, name, LOCK_EXCLUSIVE);
    uint64_t token = stage_answer(s, held, ANSWER_GRANTED)->token;
    stage_release(s, node, held);
    return token;
}

static size_t coordinator_of(const char *name)
{
    int found = stage_coordinator(s, name);
    ck_assert_int_ge(found, 0);
    return (size_t)found;
}

/* Other names of the same shard: the first, the second. */
static const char *nth_sibling(const char *name, unsigned nth)
{
    static char others[3][32];
    const struct peer *peer = s->nodes[0].peer;
    char *other = others[nth];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(other, sizeof others[nth], "other-%u", i);
        if (peer_shard(peer, stage_view(other)) == peer_shard(peer, stage_view(name)) && !nth--)
            return other;
    }
    ck_abort_msg("there is no other name");
    return NULL;
}

static const char *sibling(const char *name)
{
    return nth_sibling(name, 0);
}

/* --- What is forgotten, and what stays of it --- */

START_TEST(what_nobody_uses_is_forgotten_everywhere)
{
    use(0, "image");
    ck_assert_uint_eq(kept("image"), 5);
    stage_run(s, SPAN / 2);
    ck_assert_uint_eq(kept("image"), 5); /* not so soon */
    await_gone("image", 2 * SPAN);
    stage_run(s, 10);
    for (size_t i = 0; i < 5; i++) { /* the floor is left */
        ck_assert_uint_eq(stage_status(s, i).lock_count, 0);
        ck_assert_uint_eq(s->nodes[i].peer->voter.registers.floors, 1);
        ck_assert_uint_eq(s->nodes[i].peer->coordinator.forgetting, 0);
    }
    ck_assert_uint_eq(STAGE_SUM(s, registers_dropped), 5);
    ck_assert_uint_eq(STAGE_SUM(s, locks_forgotten), 1);
    ck_assert(!served_find(&s->nodes[coordinator_of("image")].peer->coordinator.served,
                           stage_view("image")));
}
END_TEST

START_TEST(tokens_and_generations_go_on)
{
    for (uint64_t i = 1; i <= 7; i++) {
        ck_assert_uint_eq(use(i % 5, "image"), i);
        await_gone("image", 3 * SPAN);
        const struct lock_state *shown = stage_show(s, i % 5, "image");
        ck_assert_uint_eq(shown->token, i);
        ck_assert_uint_eq(shown->generation, i);
    }
    ck_assert_uint_eq(use(1, sibling("image")), 8); /* born with the same floor */
}
END_TEST

/*
 * "Only if nobody was granted it since": a name that is the last of its shard to have been
 * forgotten has its own token, and so it is granted; else the floor is higher by then, and the
 * refusal says that nobody knows. Who has looked at the data asks with the token that is told.
 */
START_TEST(a_token_of_before_is_granted_or_refused_by_name)
{
    const char *other = sibling("image");
    ck_assert_uint_eq(use(1, "image"), 1);
    await_gone("image", 3 * SPAN);
    s->expect = 1;
    ck_assert_uint_eq(use(2, "image"), 2);
    s->expect = 0;
    await_gone("image", 3 * SPAN);
    ck_assert_uint_eq(use(3, other), 3);
    await_gone(other, 3 * SPAN);
    s->expect = 2;
    const struct answer *a =
        stage_await(s, stage_acquire(s, 0, "image", LOCK_EXCLUSIVE), ANSWER_FORGOTTEN, 1000);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(a->token, 3);
    s->expect = 3;
    ck_assert_uint_eq(use(0, "image"), 4);
    a = stage_await(s, stage_acquire(s, 1, "image", LOCK_EXCLUSIVE), ANSWER_MOVED, 1000);
    ck_assert_ptr_nonnull(a);
    ck_assert_uint_eq(a->token, 4);
}
END_TEST

/* Whoever leads next reads the floor. */
START_TEST(tokens_go_on_under_another_coordinator)
{
    use(1, "image");
    use(1, "image");
    await_gone("image", 3 * SPAN);
    size_t first = coordinator_of("image");
    stage_kill(s, first);
    stage_run(s, 15 * STAGE_SECOND);
    size_t other = stage_other(s, first, first);
    ck_assert_uint_eq(stage_show(s, other, "image")->token, 2);
    ck_assert_uint_eq(use(other, "image"), 3);
}
END_TEST

/* loop test: _i: after the agents' restart, or after a power cut everywhere. */
START_TEST(tokens_go_on_after_a_restart)
{
    use(1, "image");
    use(1, "image");
    await_gone("image", 3 * SPAN);
    stage_run(s, 100);
    for (size_t i = 0; i < 5; i++)
        _i ? stage_power_cut(s, i) : stage_kill(s, i);
    stage_start_all(s);
    ck_assert_uint_eq(kept("image"), 0);
    ck_assert_uint_eq(use(3, "image"), 3);
}
END_TEST

START_TEST(what_is_held_awaited_or_marked_stays)
{
    stage_hold(s, 0, "held", LOCK_SHARED);
    uint64_t marked = stage_hold(s, 1, "marked", LOCK_EXCLUSIVE);
    stage_drop_unclean(s, 1, stage_id(s, marked));
    stage_run(s, 20 * SPAN);
    ck_assert_uint_eq(kept("held"), 5);
    ck_assert_uint_eq(kept("marked"), 5);
    ck_assert(stage_show(s, 2, "marked")->mark.set);
}
END_TEST

START_TEST(what_is_used_again_and_again_stays)
{
    for (int i = 0; i < 20; i++) {
        use((size_t)i % 5, "image");
        stage_run(s, SPAN / 2);
        ck_assert_uint_eq(kept("image"), 5);
    }
    await_gone("image", 3 * SPAN);
}
END_TEST

/* Also who only looks at it uses it: a stamp shall not move by itself. */
START_TEST(what_is_looked_at_stays)
{
    use(0, "image");
    for (int i = 0; i < 20; i++) {
        stage_run(s, SPAN / 2);
        ck_assert_uint_eq(stage_show(s, (size_t)i % 5, "image")->generation, 1);
        ck_assert_uint_eq(kept("image"), 5);
    }
    await_gone("image", 3 * SPAN);
}
END_TEST

/* --- In between --- */

/* A request that comes while voters drop: it is served, and what comes late names another state. */
START_TEST(a_lock_that_is_asked_for_meanwhile_stays)
{
    struct stage_filter late[] = {
        {STAGE_NONE, STAGE_NONE, UINT64_C(1) << WIRE_FORGET, FATE_KEEP, false}, {0}};
    use(1, "image");
    s->way = stage_filters;
    s->way_context = late;
    stage_run(s, SPAN + SPAN / 4);
    ck_assert_uint_eq(kept("image"), 4); /* at the coordinator it is gone */
    uint64_t held = stage_hold(s, 2, "image", LOCK_EXCLUSIVE);
    ck_assert_uint_eq(stage_answer(s, held, ANSWER_GRANTED)->token, 2);
    stage_deliver_kept(s);
    stage_run(s, 2 * SPAN);
    ck_assert_uint_eq(kept("image"), 5);
    const struct lock_state *state = stage_show(s, 3, "image");
    ck_assert_uint_eq(state->hold_count, 1);
    ck_assert_uint_eq(state->token, 2);
}
END_TEST

/* It is looked at while the floor is being raised: another span, and it goes. */
START_TEST(a_lock_that_is_looked_at_meanwhile_goes_later)
{
    struct stage_filter lost[] = {
        {STAGE_NONE, STAGE_NONE, UINT64_C(1) << WIRE_ACCEPT, FATE_LOSE, false}, {0}};
    use(1, "image");
    struct peer *peer = s->nodes[coordinator_of("image")].peer;
    s->way = stage_filters;
    s->way_context = lost;
    stage_run(s, SPAN + SPAN / 4);
    ck_assert_uint_eq(peer->coordinator.forgetting, 1);
    ck_assert_uint_eq(stage_show(s, 1, "image")->token, 1);
    ck_assert_uint_eq(peer->coordinator.forgetting, 0);
    s->way = NULL;
    stage_run(s, SPAN / 2);
    ck_assert_uint_eq(kept("image"), 5);
    await_gone("image", SPAN);
}
END_TEST

/*
 * Another lock's state is on its way, and most have not got it, when one under the same number is
 * dropped: they would not store it any more, so it is sent under a new one.
 */
START_TEST(a_state_that_a_drop_has_overtaken_is_sent_again)
{
    struct stage_filter lost[4] = {{0}};
    uint64_t held = stage_hold(s, 1, "image", LOCK_EXCLUSIVE);
    for (int i = 0; i < 3; i++) /* the floor is above "image" then */
        use(1, sibling("image"));
    await_gone(sibling("image"), 3 * SPAN);
    stage_release(s, 1, held);
    stage_run(s, SPAN - 200);
    size_t first = coordinator_of("image");
    for (size_t i = 0, n = 0; i < 5 && n < 3; i++)
        if (i != first)
            lost[n++] = (struct stage_filter){(int)first, (int)i, UINT64_C(1) << WIRE_ACCEPT,
                                              FATE_LOSE, false};
    s->way = stage_filters;
    s->way_context = lost;
    uint64_t asked = stage_acquire(s, first, nth_sibling("image", 1), LOCK_EXCLUSIVE);
    await_gone("image", SPAN);
    ck_assert_ptr_null(stage_answer(s, asked, ANSWER_GRANTED));
    s->way = NULL;
    ck_assert_ptr_nonnull(stage_await(s, asked, ANSWER_GRANTED, STAGE_SECOND));
}
END_TEST

/* An Accept of before arrives when everybody has forgotten. */
START_TEST(an_old_accept_stores_nothing)
{
    struct stage_filter late[] = {
        {STAGE_NONE, STAGE_NONE, UINT64_C(1) << WIRE_ACCEPT, FATE_KEEP, false}, {0}};
    use(1, "image");
    size_t far = stage_other(s, coordinator_of("image"), 1);
    late[0].to = (int)far;
    s->way = stage_filters;
    s->way_context = late;
    use(1, "image");
    ck_assert_uint_gt(s->kept_count, 0);
    s->way = NULL;
    await_gone("image", 4 * SPAN);
    stage_deliver_kept(s);
    stage_run(s, 10);
    ck_assert_uint_eq(kept("image"), 0);
    ck_assert_uint_gt(stage_counters(s, far)->drop_forgotten, 0);
    ck_assert_uint_eq(use(2, "image"), 3);
}
END_TEST

/* It dies when some have dropped: the next one finds it, and has it dropped by the others. */
START_TEST(a_coordinator_that_dies_in_between_leaves_nothing)
{
    struct stage_filter lost[6] = {{0}};
    use(1, "image");
    size_t first = coordinator_of("image"), other = stage_other(s, first, 1);
    for (size_t i = 0, n = 0; i < 5; i++)
        if (i != first && i != other)
            lost[n++] = (struct stage_filter){(int)first, (int)i, UINT64_C(1) << WIRE_FORGET,
                                              FATE_LOSE, false};
    s->way = stage_filters;
    s->way_context = lost;
    stage_run(s, SPAN + SPAN / 4);
    ck_assert(!has(other, "image") && !has(first, "image"));
    ck_assert_uint_eq(kept("image"), 3);
    stage_kill(s, first);
    s->way = NULL;
    stage_run(s, 15 * STAGE_SECOND);
    ck_assert_uint_eq(use(other, sibling("image")), 2); /* another one leads now */
    stage_run(s, 10 * SPAN);
    ck_assert_uint_eq(kept("image"), 3); /* all k are needed */
    stage_start(s, first);
    ck_assert(stage_until(s, stage_all_settled, NULL, 20 * STAGE_SECOND));
    await_gone("image", 30 * SPAN);
    ck_assert_uint_eq(use(1, "image"), 3);
}
END_TEST

/*
 * One still has it when all others have dropped it. Who looks without that one is told the floor's
 * token and generation; who reads it there later must not be told less.
 */
START_TEST(what_one_still_has_does_not_undo_the_floor)
{
    struct stage_filter lost[] = {{STAGE_NONE, 4, UINT64_C(1) << WIRE_FORGET, FATE_LOSE, false},
                                  {0}};
    for (int i = 0; i < 6; i++) /* the floor will be above "image" */
        use(1, sibling("image"));
    stage_run(s, SPAN / 2);
    use(1, "image");
    await_gone(sibling("image"), SPAN);
    s->way = stage_filters;
    s->way_context = lost;
    stage_run(s, 3 * SPAN);
    ck_assert_uint_eq(kept("image"), 1);
    ck_assert(has(4, "image"));
    stage_isolate(s, 4, true);
    size_t first = coordinator_of("image");
    ck_assert_uint_ne(first, 4);
    stage_kill(s, first);
    size_t other = stage_other(s, first, 4);
    stage_run(s, 15 * STAGE_SECOND);
    uint64_t told = stage_show(s, other, "image")->generation;
    stage_isolate(s, 4, false);
    stage_start(s, first);
    ck_assert(stage_until(s, stage_all_settled, NULL, 20 * STAGE_SECOND));
    size_t second = coordinator_of("image");
    ck_assert_uint_ne(second, 4);
    stage_kill(s, second);
    size_t last = second == first ? other : first;
    size_t away = 0;
    while (away == second || away == last)
        away++;
    stage_isolate(s, away, true); /* three are left, 4 among them */
    stage_run(s, 15 * STAGE_SECOND);
    const struct lock_state *state = stage_show(s, last, "image");
    ck_assert_uint_eq(told, 6);
    ck_assert_uint_ge(state->generation, told);
    ck_assert(state->born);
}
END_TEST

/* A voter that never heard the word, and does not lead: it names what it has left over. */
START_TEST(what_is_left_over_at_one_is_named_by_it)
{
    struct stage_filter deaf[] = {
        {STAGE_NONE, STAGE_NONE, UINT64_C(1) << WIRE_FORGET, FATE_LOSE, false}, {0}};
    use(1, "image");
    size_t far = stage_other(s, coordinator_of("image"), 1);
    deaf[0].to = (int)far;
    s->way = stage_filters;
    s->way_context = deaf;
    stage_run(s, 3 * SPAN + SPAN / 2);
    ck_assert_uint_eq(kept("image"), 1);
    ck_assert(has(far, "image"));
    s->way = NULL;
    await_gone("image", 60 * SPAN);
    ck_assert_uint_gt(s->nodes[far].sent[WIRE_IDLE], 0);
    ck_assert_uint_eq(use(1, "image"), 2);
}
END_TEST

/* --- Who is away --- */

START_TEST(a_voter_that_is_away_keeps_it)
{
    use(1, "image");
    size_t away = stage_other(s, coordinator_of("image"), 1);
    stage_kill(s, away);
    ck_assert_uint_eq(use(1, "image"), 2);
    stage_run(s, 30 * SPAN);
    ck_assert_uint_eq(kept("image"), 4);
    uint64_t tries = STAGE_SUM(s, accepts);
    stage_run(s, 120 * SPAN); /* nothing is tried in vain */
    ck_assert_uint_eq(STAGE_SUM(s, accepts), tries);
    stage_start(s, away);
    ck_assert(stage_until(s, stage_all_settled, NULL, 20 * STAGE_SECOND));
    await_gone("image", 10 * SPAN);
    ck_assert_uint_eq(use(away, "image"), 3);
}
END_TEST

/* It lives, and its disk stands: it is asked a few times, then left in peace until it speaks. */
START_TEST(a_voter_that_does_not_answer_is_left_in_peace)
{
    use(1, "image");
    size_t mute = stage_other(s, coordinator_of("image"), 1);
    stage_sync(s, mute, SYNC_HELD);
    use(1, "image");
    stage_run(s, 150 * SPAN);
    uint64_t sent = stage_sent(s, WIRE_ACCEPT) + stage_sent(s, WIRE_READ);
    stage_run(s, 300 * SPAN);
    ck_assert_uint_eq(stage_sent(s, WIRE_ACCEPT) + stage_sent(s, WIRE_READ), sent);
    ck_assert_uint_eq(kept("image"), 5);
    stage_sync(s, mute, SYNC_PROMPT);
    use(1, sibling("image")); /* it hears, and is heard again */
    await_gone("image", 20 * SPAN);
}
END_TEST

/* One does not get the last state of one lock: the other lock of its batch goes on without it. */
START_TEST(a_lock_that_one_lacks_does_not_keep_the_others)
{
    struct stage_filter lost[] = {
        {STAGE_NONE, STAGE_NONE, UINT64_C(1) << WIRE_ACCEPT, FATE_LOSE, false}, {0}};
    const char *other = sibling("image");
    uint64_t held = stage_hold(s, 1, other, LOCK_EXCLUSIVE);
    lost[0].to = (int)stage_other(s, coordinator_of("image"), 1);
    uint64_t mine = stage_hold(s, 1, "image", LOCK_EXCLUSIVE);
    stage_drop(s, 1, stage_id(s, mine));
    stage_run(s, 20);
    s->way = stage_filters;
    s->way_context = lost;
    stage_drop(s, 1, stage_id(s, held));
    await_gone("image", 8 * SPAN);
    ck_assert_uint_eq(kept(other), 5);
    s->way = NULL;
    use(2, nth_sibling("image", 1)); /* it is heard again */
    await_gone(other, 20 * SPAN);
}
END_TEST

/* --- Room --- */

START_TEST(nothing_is_done_when_nothing_is_left)
{
    static const enum wire_type types[] = {WIRE_READ,   WIRE_ACCEPT,    WIRE_IDLE,
                                           WIRE_FORGET, WIRE_FORGOTTEN, WIRE_PREPARE};
    uint64_t before = 0, after = 0;
    use(1, "image");
    await_gone("image", 3 * SPAN);
    stage_run(s, SPAN);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        before += stage_sent(s, types[i]);
    uint64_t lsn = stage_status(s, 0).lsn;
    stage_run(s, 600 * SPAN);
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++)
        after += stage_sent(s, types[i]);
    ck_assert_uint_eq(after, before);
    ck_assert_uint_lt(stage_status(s, 0).lsn,
                      lsn + 20); /* counts of others are written now and then */
}
END_TEST

/* Many more names than there are registers: none is refused, and the log does not grow with them.
 */
START_TEST(more_names_than_registers)
{
    enum { NAMES = 2000, AT_ONCE = 100 };
    static uint64_t held[AT_ONCE];
    char name[32];
    for (unsigned i = 0; i < NAMES; i += AT_ONCE) {
        for (unsigned k = 0; k < AT_ONCE; k++) {
            snprintf(name, sizeof name, "image-%u", i + k);
            held[k] = stage_acquire(s, k % 5, name, LOCK_EXCLUSIVE);
        }
        for (unsigned k = 0; k < AT_ONCE; k++)
            ck_assert_ptr_nonnull(stage_await(s, held[k], ANSWER_GRANTED, 10 * STAGE_SECOND));
        for (unsigned k = 0; k < AT_ONCE; k++)
            stage_drop(s, k % 5, stage_id(s, held[k]));
        stage_run(s, SPAN);
    }
    stage_run(s, 10 * SPAN);
    ck_assert_uint_eq(STAGE_SUM(s, register_full), 0);
    for (size_t i = 0; i < 5; i++) {
        const struct peer *peer = s->nodes[i].peer;
        ck_assert_uint_eq(stage_status(s, i).lock_count, 0);
        ck_assert_uint_le(peer->voter.registers.floors, 64);
        ck_assert_uint_le(peer->core.arena.allocated, (size_t)(64 + 64) * (16 + 32 + 64));
        stage_kill(s, i);
        stage_start(s, i); /* begins with a new segment */
        stage_run(s, 100);
        ck_assert_uint_le(s->nodes[i].disk.written_size, (size_t)3 * 64 * 128 + 4096);
    }
}
END_TEST

static void start_with_registers(uint32_t max)
{
    for (size_t i = 0; i < 5; i++)
        stage_kill(s, i);
    s->max_locks = max;
    stage_start_all(s);
}

/* Locks have taken all places, and no shard has a floor yet. */
START_TEST(full_registers_empty_again)
{
    enum { LOCKS = 16 };
    uint64_t held[LOCKS];
    char name[32];
    start_with_registers(LOCKS);
    for (unsigned i = 0; i < LOCKS; i++) {
        snprintf(name, sizeof name, "image-%u", i);
        held[i] = stage_hold(s, i % 5, name, LOCK_EXCLUSIVE);
    }
    ck_assert_uint_eq(stage_status(s, 0).lock_count, LOCKS);
    for (unsigned i = 0; i < LOCKS; i++)
        stage_release(s, i % 5, held[i]);
    stage_run(s, 20 * SPAN);
    for (size_t i = 0; i < 5; i++)
        ck_assert_uint_eq(stage_status(s, i).lock_count, 0);
    use(0, "one more");
}
END_TEST

/* Fewer places than shards: floors fill up, one after the other, and take none of them. */
START_TEST(floors_keep_no_lock_out)
{
    enum { LOCKS = 8, NAMES = 100 };
    char name[32];
    start_with_registers(LOCKS);
    for (unsigned i = 0; i < NAMES; i++) {
        snprintf(name, sizeof name, "image-%u", i);
        use(i % 5, name);
        stage_run(s, SPAN);
    }
    stage_run(s, 20 * SPAN);
    ck_assert_uint_eq(STAGE_SUM(s, register_full), 0);
    for (size_t i = 0; i < 5; i++) {
        ck_assert_uint_eq(stage_status(s, i).lock_count, 0);
        ck_assert_uint_gt(s->nodes[i].peer->voter.registers.floors, LOCKS);
        stage_kill(s, i); /* all of it is read from the log again */
        ck_assert_int_eq(stage_start(s, i), RECOVERED);
        stage_run(s, 100);
    }
    use(0, "one more");
}
END_TEST

/* A place for one served lock is enough. */
START_TEST(little_room_for_served_locks_is_enough)
{
    char name[32];
    for (size_t i = 0; i < 5; i++)
        stage_kill(s, i);
    s->max_served = 1;
    stage_start_all(s);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "image-%u", i);
        use(i % 5, name);
    }
    stage_run(s, 40 * SPAN);
    for (unsigned i = 0; i < 20; i++) {
        snprintf(name, sizeof name, "image-%u", i);
        ck_assert_uint_eq(kept(name), 0);
    }
}
END_TEST

Suite *suite_forget(void)
{
    Suite *suite = suite_create("forget");
    TCase *tcase = tcase_create("plays");
    tcase_add_checked_fixture(tcase, open_stage, close_stage);
    tcase_add_test(tcase, what_nobody_uses_is_forgotten_everywhere);
    tcase_add_test(tcase, tokens_and_generations_go_on);
    tcase_add_test(tcase, a_token_of_before_is_granted_or_refused_by_name);
    tcase_add_test(tcase, tokens_go_on_under_another_coordinator);
    tcase_add_loop_test(tcase, tokens_go_on_after_a_restart, 0, 2);
    tcase_add_test(tcase, what_is_held_awaited_or_marked_stays);
    tcase_add_test(tcase, what_is_used_again_and_again_stays);
    tcase_add_test(tcase, what_is_looked_at_stays);
    tcase_add_test(tcase, a_lock_that_is_asked_for_meanwhile_stays);
    tcase_add_test(tcase, a_lock_that_is_looked_at_meanwhile_goes_later);
    tcase_add_test(tcase, a_state_that_a_drop_has_overtaken_is_sent_again);
    tcase_add_test(tcase, an_old_accept_stores_nothing);
    tcase_add_test(tcase, a_coordinator_that_dies_in_between_leaves_nothing);
    tcase_add_test(tcase, what_is_left_over_at_one_is_named_by_it);
    tcase_add_test(tcase, what_one_still_has_does_not_undo_the_floor);
    tcase_add_test(tcase, a_voter_that_is_away_keeps_it);
    tcase_add_test(tcase, a_voter_that_does_not_answer_is_left_in_peace);
    tcase_add_test(tcase, a_lock_that_one_lacks_does_not_keep_the_others);
    tcase_add_test(tcase, nothing_is_done_when_nothing_is_left);
    tcase_add_test(tcase, more_names_than_registers);
    tcase_add_test(tcase, full_registers_empty_again);
    tcase_add_test(tcase, floors_keep_no_lock_out);
    tcase_add_test(tcase, little_room_for_served_locks_is_enough);
    suite_add_tcase(suite, tcase);
    return suite;
}
