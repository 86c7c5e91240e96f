/*
 * The stale policy `action`, as plays (peer_play.h, fence_play.h): a holder names what is to be
 * done about its session; that is done first, and proves over that session alone (F1, F2, F3, F6b).
 * If it fails, or nobody does it, the ladder goes to the whole life.
 */
#include "proto/peer_internal.h"
#include "tests/unit/crypto_fixture.h"
#include "tests/unit/fence_play.h"

Suite *suite_action(void);

enum { HOLDER = 2, WAITER = 1, LONG = 60 * STAGE_SECOND, END_SESSION = 2 };

static struct stage *s;
static const char *first, *second; /* their cohorts begin with node 0 */
static uint64_t held[2], waits;

static void with_session_action(struct roster *roster)
{
    fixture_session_action(roster);
}

static void open_five(void)
{
    s = stage_begin_under(5, 11, with_session_action);
    stage_start_all(s);
    s->policy = LOCK_STALE_ACTION;
    first = "export/a";
    second = "export/b";
    stage_tools(s, TOOL_WORKS);
    for (size_t i = 0; i < 5; i++)
        s->nodes[i].tool_ms = STAGE_SECOND;
}

static void close_stage(void)
{
    stage_end(s);
}

static void session_is(uint64_t session, const char *info)
{
    ck_assert(scope_make(&s->scope, session, END_SESSION, info, strlen(info)));
}

/* Two sessions of HOLDER have a lock each; WAITER waits for the first. */
static void hold_and_wait(void)
{
    session_is(41, "vm-1");
    held[0] = stage_hold(s, HOLDER, first, LOCK_EXCLUSIVE);
    session_is(42, "vm-2");
    held[1] = stage_hold(s, HOLDER, second, LOCK_EXCLUSIVE);
    session_is(7, "next");
    waits = stage_acquire(s, WAITER, first, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_WAITING, STAGE_SECOND));
}

/* Runs that ended, or were to end, the session with that info. */
static size_t runs_about(const char *info)
{
    size_t count = 0;
    for (size_t i = 0; i < s->run_count; i++)
        count += s->runs[i].run.kind == RUN_OFF_STATUS &&
                 s->runs[i].run.scope.info_size == strlen(info) &&
                 memcmp(s->runs[i].run.scope.info, info, strlen(info)) == 0;
    return count;
}

static bool is_held_by(size_t node, const char *lock)
{
    uint64_t look = stage_ask_show(s, 0, lock);
    ck_assert_ptr_nonnull(stage_await(s, look, ANSWER_SHOWN, 5 * STAGE_SECOND));
    return s->shown.hold_count == 1 && s->shown.holds[0].id.slot == stage_slot(node);
}

START_TEST(what_the_holder_named_is_done_and_nothing_else)
{
    hold_and_wait();
    stage_pause(s, HOLDER, true);
    const struct answer *a = stage_await(s, waits, ANSWER_GRANTED, LONG);
    ck_assert_ptr_nonnull(a);
    ck_assert_int_eq(a->mark.by, LOCK_ENDED_BY_RECEIPT);
    ck_assert_uint_eq(runs_about("vm-1"), 1);
    ck_assert_uint_eq(runs_about("vm-2"), 0);
    ck_assert(s->nodes[HOLDER].powered);
    /* The life is not over, and what its other session holds is held. */
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert_uint_eq(stage_over(s, WAITER, HOLDER), 0);
    ck_assert(is_held_by(HOLDER, second));
    uint64_t later = stage_acquire(s, WAITER, second, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, later, ANSWER_GRANTED, LONG));
    ck_assert_uint_eq(runs_about("vm-1"), 1);
    ck_assert_uint_eq(runs_about("vm-2"), 1);
    ck_assert(s->nodes[HOLDER].powered);
    ck_assert_uint_eq(stage_over(s, WAITER, HOLDER), 0);
}
END_TEST

/* The fence log of a juror: each session that is accused has its step, once, however often it is
 * repeated; so has the life. */
START_TEST(each_accused_session_has_its_step)
{
    s->session_tool = TOOL_FAILS;
    hold_and_wait();
    uint64_t later = stage_acquire(s, WAITER, second, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, later, ANSWER_WAITING, STAGE_SECOND));
    uint64_t before = s->nodes[0].steps[FENCE_STEP_ACCUSED];
    stage_pause(s, HOLDER, true);
    stage_await_dead(s, HOLDER);
    stage_run(s, STAGE_SECOND);
    ck_assert_uint_eq(s->nodes[0].steps[FENCE_STEP_ACCUSED], before + 2);
    /* Every executor fails: the whole life is accused, too. */
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10 * LONG));
    ck_assert_uint_eq(s->nodes[0].steps[FENCE_STEP_ACCUSED], before + 3);
    ck_assert_uint_eq(s->nodes[0].last_step[FENCE_STEP_ACCUSED].accused.session, 0);
}
END_TEST

/* loop test: votes are frozen when the holder dies (0), or it is under maintenance, so that the
 * order allows to retire alone (1). That is no reason to go up the ladder, then or later (F8). */
START_TEST(who_is_kept_from_it_does_not_climb)
{
    struct event event = {.kind = EVENT_INHIBIT,
                          .inhibit = {.handle = ++s->last_handle,
                                      .kind = _i ? INHIBIT_MAINTENANCE : INHIBIT_FREEZE,
                                      .scope = _i ? stage_slot(HOLDER) : SLOT_NONE,
                                      .on = true,
                                      .span_ms = 30 * STAGE_SECOND,
                                      .who = stage_view("operator"),
                                      .reason = stage_view("the switch is exchanged")}};
    hold_and_wait();
    stage_event(s, WAITER, &event);
    stage_pause(s, HOLDER, true);
    stage_run(s, 25 * STAGE_SECOND);
    ck_assert_uint_eq(s->run_count, 0);
    ck_assert(s->nodes[WAITER].notices[NOTICE_ORDER] == (_i == 1));
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    ck_assert_uint_eq(runs_about("vm-1"), 1);
    ck_assert(s->nodes[HOLDER].powered);
    ck_assert(s->nodes[WAITER].notices[NOTICE_ORDER] == 1);
}
END_TEST

/* loop test: every executor's script fails (0), or hangs (1). */
START_TEST(the_ladder_goes_to_the_whole_life)
{
    s->session_tool = _i == 0 ? TOOL_FAILS : TOOL_HANGS;
    hold_and_wait();
    stage_pause(s, HOLDER, true);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 10 * LONG));
    ck_assert_uint_ge(runs_about("vm-1"), 1);
    ck_assert_uint_eq(runs_about("vm-2"), 0);
    ck_assert(!s->nodes[HOLDER].powered);
    ck_assert_uint_eq(stage_over(s, WAITER, HOLDER), 1);
}
END_TEST

/* F3: the target hears of the order first: its session ends, the others keep what they hold. */
START_TEST(the_target_ends_that_session_itself)
{
    s->session_tool = TOOL_HANGS;
    for (size_t i = 0; i < 5; i++)
        s->nodes[i].tool = TOOL_HANGS;
    hold_and_wait();
    stage_pause(s, HOLDER, true);
    struct order_view order;
    for (int i = 0; i < 600 && runs_about("vm-1") == 0; i++)
        stage_run(s, 100);
    ck_assert_uint_eq(runs_about("vm-1"), 1);
    ck_assert(!stage_known_order(s, WAITER, HOLDER, 1, &order) || order.cert.order.scope.session);
    stage_pause(s, HOLDER, false);
    struct op_id lost = stage_id(s, held[0]);
    for (int i = 0; i < 100 && stage_told(s, lost, ANSWER_LOST) == 0; i++)
        stage_run(s, 100);
    ck_assert_uint_eq(stage_told(s, lost, ANSWER_LOST), 1);
    ck_assert(stage_status(s, HOLDER).bound);
    stage_drop_unclean(s, HOLDER, stage_id(s, held[0]));
    const struct answer *a = stage_await(s, waits, ANSWER_GRANTED, LONG);
    ck_assert_ptr_nonnull(a);
    ck_assert_int_eq(a->mark.by, LOCK_ENDED_BY_AGENT);
    /* It takes no new lock, and its life ends once it holds nothing. */
    uint64_t refused = stage_acquire(s, HOLDER, "new", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, refused, ANSWER_LIFE_ENDED, STAGE_SECOND));
    stage_drop_unclean(s, HOLDER, stage_id(s, held[1]));
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(stage_status(s, HOLDER).life, 2);
}
END_TEST

/* F2: a vote against a session is final like one against the life, over a restart too. */
START_TEST(no_renewal_is_acknowledged_after_a_vote)
{
    s->session_tool = TOOL_HANGS;
    hold_and_wait();
    stage_pause(s, HOLDER, true);
    for (int i = 0; i < 600 && runs_about("vm-1") == 0; i++)
        stage_run(s, 100);
    for (size_t i = 3; i < 5; i++) {
        stage_kill(s, i);
        ck_assert_int_eq(stage_start(s, i), RECOVERED);
    }
    stage_run(s, 3 * STAGE_SECOND);
    struct message renew = {.type = WIRE_RENEW, .renew = {.life = 1, .seq = 1000}};
    stage_pause(s, HOLDER, false);
    stage_run(s, 5 * STAGE_SECOND);
    stage_say(s, HOLDER, 3, &renew);
    stage_say(s, HOLDER, 4, &renew);
    stage_run(s, 500);
    ck_assert(!stage_status(s, HOLDER).standing);
    ck_assert_uint_gt(s->nodes[3].sent[WIRE_VOTED] + s->nodes[4].sent[WIRE_VOTED], 0);
}
END_TEST

/* F2e: a coordinator that makes up what is to be done finds no juror for it. */
START_TEST(only_the_holders_own_word_counts)
{
    struct message m = {.type = WIRE_ACCUSE, .accuse = {.life = 1, .name = stage_view("export/a")}};
    struct scope_word *word = &m.accuse.word;
    struct key_pair key = fixture_key(WAITER);
    hold_and_wait();
    m.accuse.slot = stage_slot(HOLDER);
    ck_assert(scope_make(&word->scope, 41, END_SESSION, "vm-of-another", 13));
    scope_sign(word, stage_slot(HOLDER), 1, &s->cluster, &key);
    stage_kill(s, HOLDER);
    stage_await_dead(s, HOLDER);
    uint64_t dropped = STAGE_SUM(s, drop_role);
    for (size_t to = 3; to < 5; to++)
        stage_say(s, WAITER, to, &m);
    ck_assert_uint_eq(STAGE_SUM(s, drop_role), dropped + 2);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, LONG));
    ck_assert_uint_eq(runs_about("vm-of-another"), 0);
    ck_assert_uint_eq(runs_about("vm-1"), 1);
}
END_TEST

/* The infos of one lock have a bound of their own; who is refused hears why. */
START_TEST(too_much_info_is_refused_by_name)
{
    char info[SCOPE_INFO_MAX + 1];
    memset(info, 'i', SCOPE_INFO_MAX);
    info[SCOPE_INFO_MAX] = '\0';
    size_t fit = LOCK_SCOPES_MAX / SCOPE_WORD_BYTES_MAX;
    for (size_t i = 0; i < fit; i++) {
        session_is(i + 1, info);
        stage_acquire(s, WAITER, "full", LOCK_EXCLUSIVE);
    }
    stage_run(s, 2 * STAGE_SECOND);
    uint64_t more = stage_acquire(s, WAITER, "full", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, more, ANSWER_INFO_FULL, STAGE_SECOND));
    s->policy = LOCK_STALE_FENCE;
    uint64_t other = stage_acquire(s, WAITER, "full", LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, other, ANSWER_WAITING, STAGE_SECOND));
}
END_TEST

/*
 * A dead life had more sessions than a juror keeps votes about. For those that are left no order
 * comes, so their waiters need not wait for one: the ladder goes to the whole life.
 */
START_TEST(the_ladder_when_jurors_are_full_of_votes)
{
    session_is(5000, "vm");
    stage_hold(s, HOLDER, first, LOCK_EXCLUSIVE);
    stage_pause(s, HOLDER, true);
    stage_await_dead(s, HOLDER);
    stage_run(s, 8 * STAGE_SECOND);
    struct message m = {
        .type = WIRE_ACCUSE,
        .accuse = {.slot = stage_slot(HOLDER), .life = 1, .name = stage_view(second)}};
    for (size_t i = 0; i < SCOPES_MAX; i++) { /* what each coordinator of one would ask for */
        ck_assert(scope_make(&m.accuse.word.scope, i + 1, END_SESSION, "vm", 2));
        scope_sign(&m.accuse.word, stage_slot(HOLDER), 1, &s->cluster, &s->nodes[HOLDER].key);
        for (size_t to = 0; to < 5; to++)
            if (to != HOLDER && to != 0)
                stage_say(s, 0, to, &m);
    }
    stage_run(s, 3 * STAGE_SECOND);
    for (size_t i = 0; i < SCOPES_MAX; i++)
        ck_assert_uint_gt(s->nodes[3].peer->fencing.scopes.files[i].voted, 0);
    session_is(7, "next");
    waits = stage_acquire(s, WAITER, first, LOCK_EXCLUSIVE);
    ck_assert_ptr_nonnull(stage_await(s, waits, ANSWER_GRANTED, 5 * LONG));
    ck_assert(!s->nodes[HOLDER].powered);
    ck_assert_uint_eq(stage_over(s, WAITER, HOLDER), 1);
}
END_TEST

/* --- The lock's own rules --- */

static struct lock_state state;

static void acquire(uint64_t counter, uint64_t session, const char *info)
{
    struct scope_word word = {0};
    struct lock_op op = {.kind = LOCK_ACQUIRE,
                         .id = {.slot = 1, .life = 4, .counter = counter},
                         .mode = LOCK_SHARED,
                         .policy = LOCK_STALE_ACTION,
                         .word = &word};
    ck_assert(scope_make(&word.scope, session, END_SESSION, info, strlen(info)));
    ck_assert_int_eq(lock_apply(&state, &op).outcome, LOCK_GRANTED);
}

/* F6b: what covers one session breaks its holds in that very scope, and no others. */
START_TEST(a_break_covers_its_scope)
{
    struct scope scope;
    lock_init(&state);
    acquire(1, 1, "a");
    acquire(2, 1, "b");
    acquire(3, 2, "a");
    acquire(4, 1, "a");
    struct lock_op fenced = {.kind = LOCK_ACQUIRE,
                             .id = {.slot = 1, .life = 4, .counter = 5},
                             .mode = LOCK_SHARED,
                             .policy = LOCK_STALE_FENCE};
    lock_apply(&state, &fenced);
    ck_assert(scope_make(&scope, 1, END_SESSION, "a", 1));
    struct lock_op op = {
        .kind = LOCK_BREAK, .id = {.slot = 1, .life = 4}, .scope = &scope, .receipt = true};
    ck_assert(lock_apply(&state, &op).changed);
    ck_assert_uint_eq(state.hold_count, 3);
    ck_assert(state.broken.set && scope_equal(&state.broken.scope, &scope));
    static uint8_t bytes[LOCK_STATE_BYTES_MAX], again[LOCK_STATE_BYTES_MAX];
    static struct lock_state back;
    struct writer w = writer_init(bytes, sizeof bytes), v = writer_init(again, sizeof again);
    lock_encode(&w, &state);
    ck_assert(lock_decode(&back, (struct view){bytes, writer_size(&w)}));
    lock_encode(&v, &back);
    ck_assert_uint_eq(writer_size(&v), writer_size(&w));
    ck_assert_mem_eq(again, bytes, writer_size(&w));
    ck_assert(scope_equal(&back.holds[0].word.scope, &state.holds[0].word.scope));
    op.id.life = 5; /* another life's session of the same number is another session */
    ck_assert(!lock_apply(&state, &op).changed);
    op.scope = NULL;
    ck_assert(lock_apply(&state, &op).changed);
    ck_assert_uint_eq(state.hold_count, 0);
}
END_TEST

Suite *suite_action(void)
{
    Suite *suite = suite_create("action");
    TCase *tc = tcase_create("plays");
    tcase_add_checked_fixture(tc, open_five, close_stage);
    tcase_add_test(tc, what_the_holder_named_is_done_and_nothing_else);
    tcase_add_test(tc, each_accused_session_has_its_step);
    tcase_add_loop_test(tc, who_is_kept_from_it_does_not_climb, 0, 2);
    tcase_add_loop_test(tc, the_ladder_goes_to_the_whole_life, 0, 2);
    tcase_add_test(tc, the_ladder_when_jurors_are_full_of_votes);
    tcase_add_test(tc, the_target_ends_that_session_itself);
    tcase_add_test(tc, no_renewal_is_acknowledged_after_a_vote);
    tcase_add_test(tc, only_the_holders_own_word_counts);
    tcase_add_test(tc, too_much_info_is_refused_by_name);
    suite_add_tcase(suite, tc);
    TCase *rules = tcase_create("rules");
    tcase_add_test(rules, a_break_covers_its_scope);
    suite_add_tcase(suite, rules);
    return suite;
}
