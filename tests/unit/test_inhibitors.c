/*
 * Inhibitors (proto/inhibitors.h), as plays (peer_play.h, fence_play.h): a freeze, a maintenance, a
 * drain is stored and enforced by each for itself, told to whoever was away, and ends in time (F8).
 * Node 0 accuses by hand, JUROR is looked at, TARGET is what it is about.
 */
#include "proto/peer_internal.h"
#include "tests/unit/fence_play.h"

Suite *suite_inhibitors(void);

enum {
    SAYS = 4,
    JUROR = 1,
    TARGET = 2,
    DETECT = 4 * STAGE_SECOND,
    LOOK = 600,
    HOUR = 3600 * STAGE_SECOND,
    RETIRE = 1 << ACTION_RETIRE,
    OFF = 1 << 1
};

static struct stage *s;

static void open_five(void)
{
    s = stage_open(5, 31);
    s->policy = LOCK_STALE_FENCE;
}

static void close_stage(void)
{
    stage_end(s);
}

/* --- Saying and looking --- */

static uint64_t say_nothing_else(size_t node, enum inhibitor_kind kind, uint16_t scope, bool on,
                                 uint32_t span_ms)
{
    struct event event = {.kind = EVENT_INHIBIT,
                          .inhibit = {.handle = ++s->last_handle,
                                      .kind = kind,
                                      .scope = scope,
                                      .on = on,
                                      .span_ms = span_ms,
                                      .who = stage_view("operator"),
                                      .reason = stage_view("the switch is exchanged")}};
    stage_event(s, node, &event);
    return s->last_handle;
}

static void say(size_t node, enum inhibitor_kind kind, uint16_t scope, bool on, uint32_t span_ms)
{
    uint64_t handle = say_nothing_else(node, kind, scope, on, span_ms);
    ck_assert_ptr_nonnull(stage_answer(s, handle, ANSWER_SUBMITTED));
    stage_run(s, 50);
}

static void freeze(uint32_t span_ms)
{
    say(SAYS, INHIBIT_FREEZE, SLOT_NONE, true, span_ms);
}

static void thaw(void)
{
    say(SAYS, INHIBIT_FREEZE, SLOT_NONE, false, 0);
}

static bool known(size_t observer, enum inhibitor_kind kind, struct inhibitor_view *out)
{
    size_t cursor = 0;
    while (peer_next_inhibitor(s->nodes[observer].peer, &cursor, out))
        if (out->kind == kind)
            return true;
    return false;
}

static struct inhibitor_view view_of(size_t observer, enum inhibitor_kind kind)
{
    struct inhibitor_view view;
    ck_assert(known(observer, kind, &view));
    return view;
}

static bool holds(size_t observer, enum inhibitor_kind kind)
{
    struct inhibitor_view view;
    return known(observer, kind, &view) && view.on;
}

static unsigned stored(size_t observer, enum inhibitor_kind kind)
{
    return (unsigned)__builtin_popcount(view_of(observer, kind).stored);
}

/* What the juror answers to an accusation, in the end. */
static enum opinion opinion_of(size_t juror)
{
    struct stage_node *n = &s->nodes[0];
    uint64_t before = n->heard[WIRE_OPINION] + n->heard[WIRE_VOTE], votes = n->heard[WIRE_VOTE];
    struct message m = {
        .type = WIRE_ACCUSE,
        .accuse = {.slot = stage_slot(TARGET), .life = 1, .name = stage_view(stage_name_of(s, 0))}};
    stage_say(s, 0, juror, &m);
    for (int i = 0; i < 8 && n->heard[WIRE_OPINION] + n->heard[WIRE_VOTE] == before; i++)
        stage_run(s, LOOK / 6);
    ck_assert_uint_eq(n->heard[WIRE_OPINION] + n->heard[WIRE_VOTE], before + 1);
    return n->heard[WIRE_VOTE] > votes ? n->last[WIRE_VOTE].vote.evidence.opinion
                                       : n->last[WIRE_OPINION].opinion.evidence.opinion;
}

/* The target's agent is dead, everybody knows it, and every renewal is older than D. */
static void bury(void)
{
    stage_hold(s, TARGET, "disk", LOCK_EXCLUSIVE);
    stage_kill(s, TARGET);
    stage_await_dead(s, TARGET);
    stage_run(s, DETECT);
}

/* --- Spreading --- */

START_TEST(everybody_stores_it)
{
    freeze(HOUR);
    for (size_t i = 0; i < s->count; i++) {
        struct inhibitor_view view = view_of(i, INHIBIT_FREEZE);
        ck_assert(view.on && view.durable);
        ck_assert_uint_eq(view.by, stage_slot(SAYS));
        ck_assert_uint_eq(view.scope, SLOT_NONE);
        ck_assert_uint_eq(view.needed, 3);
        ck_assert_mem_eq(view.reason.bytes, "the switch is exchanged", view.reason.size);
        ck_assert_int_le(view.left.ns, SPAN_MS(HOUR).ns);
        ck_assert_int_gt(view.left.ns, SPAN_MS(HOUR - 1000).ns);
        ck_assert_uint_eq(s->nodes[i].notices[NOTICE_INHIBITOR], 1);
    }
    ck_assert_uint_eq(stored(SAYS, INHIBIT_FREEZE), 5);
}
END_TEST

/* In effect is what is durable (L6). */
START_TEST(it_is_answered_when_it_is_durable)
{
    stage_sync(s, JUROR, SYNC_HELD);
    freeze(HOUR);
    ck_assert_uint_eq(stored(SAYS, INHIBIT_FREEZE), 4);
    ck_assert(!view_of(JUROR, INHIBIT_FREEZE).durable);
    stage_sync(s, JUROR, SYNC_PROMPT);
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(stored(SAYS, INHIBIT_FREEZE), 5);
}
END_TEST

START_TEST(who_was_away_hears_of_it)
{
    stage_kill(s, JUROR);
    stage_await_dead(s, JUROR);
    freeze(HOUR);
    stage_kill(s, SAYS); /* so another juror brings it */
    stage_start(s, JUROR);
    stage_run(s, 5 * STAGE_SECOND);
    ck_assert(holds(JUROR, INHIBIT_FREEZE));
}
END_TEST

START_TEST(what_was_lifted_is_not_brought_back)
{
    freeze(HOUR);
    stage_kill(s, JUROR);
    stage_await_dead(s, JUROR);
    thaw();
    stage_start(s, JUROR);
    stage_run(s, 5 * STAGE_SECOND);
    for (size_t i = 0; i < s->count; i++)
        ck_assert(!holds(i, INHIBIT_FREEZE));
}
END_TEST

/* Whoever says it did not hear of the last words about it. */
START_TEST(an_older_word_is_said_above_the_newer_ones)
{
    stage_isolate(s, JUROR, true);
    freeze(HOUR);
    thaw();
    say_nothing_else(JUROR, INHIBIT_FREEZE, SLOT_NONE, true, HOUR);
    stage_isolate(s, JUROR, false);
    stage_run(s, 500);
    uint64_t handle = say_nothing_else(JUROR, INHIBIT_FREEZE, SLOT_NONE, true, HOUR);
    ck_assert_ptr_nonnull(stage_answer(s, handle, ANSWER_SUBMITTED));
    stage_run(s, 10 * STAGE_SECOND);
    for (size_t i = 0; i < s->count; i++)
        ck_assert_msg(holds(i, INHIBIT_FREEZE), "node %zu", i);
}
END_TEST

/* The second word of two that disagree counts, everywhere. */
START_TEST(another_node_lifts_it)
{
    freeze(HOUR);
    say(JUROR, INHIBIT_FREEZE, SLOT_NONE, false, 0);
    stage_run(s, 2 * STAGE_SECOND);
    for (size_t i = 0; i < s->count; i++)
        ck_assert(!holds(i, INHIBIT_FREEZE));
    uint64_t again = say_nothing_else(JUROR, INHIBIT_FREEZE, SLOT_NONE, false, 0);
    ck_assert_ptr_nonnull(stage_answer(s, again, ANSWER_REFUSED));
}
END_TEST

START_TEST(what_cannot_be_said)
{
    struct message m = {.type = WIRE_INHIBIT,
                        .inhibit = {.kind = INHIBIT_FREEZE,
                                    .scope = SLOT_NONE,
                                    .version = 1,
                                    .by = stage_slot(0),
                                    .on = true,
                                    .left_ms = HOUR}};
    struct wire_inhibit *w = &m.inhibit;
    const struct wire_inhibit good = *w;
    w->left_ms = INHIBITOR_SPAN_MAX_MS + 1;
    stage_say(s, 0, JUROR, &m);
    *w = good;
    w->version = UINT64_C(1) << 32;
    stage_say(s, 0, JUROR, &m);
    *w = good;
    w->kind = INHIBITOR_KINDS;
    stage_say(s, 0, JUROR, &m);
    *w = good;
    w->scope = stage_slot(0) + 1;
    stage_say(s, 0, JUROR, &m);
    *w = good;
    w->kind = INHIBIT_DRAIN; /* of all nodes */
    stage_say(s, 0, JUROR, &m);
    *w = good;
    w->by = SLOT_NONE;
    stage_say(s, 0, JUROR, &m);
    ck_assert_uint_eq(stage_counters(s, JUROR)->drop_role, 6);
    size_t cursor = 0;
    struct inhibitor_view view;
    ck_assert(!peer_next_inhibitor(s->nodes[JUROR].peer, &cursor, &view));
    *w = good;
    stage_say(s, 0, JUROR, &m);
    ck_assert(holds(JUROR, INHIBIT_FREEZE));
}
END_TEST

/* --- A freeze --- */

START_TEST(nobody_votes_within_a_freeze)
{
    bury();
    freeze(HOUR);
    for (size_t i = 1; i < s->count; i++)
        if (i != TARGET)
            ck_assert_int_eq(opinion_of(i), OPINION_FROZEN);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
    thaw();
    ck_assert_int_eq(opinion_of(JUROR), OPINION_VOTES);
}
END_TEST

/* It looked, and was about to vote. */
START_TEST(a_freeze_that_comes_while_it_looks)
{
    bury();
    struct message m = {
        .type = WIRE_ACCUSE,
        .accuse = {.slot = stage_slot(TARGET), .life = 1, .name = stage_view(stage_name_of(s, 0))}};
    stage_say(s, 0, JUROR, &m);
    freeze(HOUR);
    stage_run(s, LOOK);
    ck_assert_uint_eq(stage_votes(s, TARGET, 1), 0);
    ck_assert_int_eq(s->nodes[0].last[WIRE_OPINION].opinion.evidence.opinion, OPINION_FROZEN);
}
END_TEST

START_TEST(a_vote_is_not_repeated_within_a_freeze)
{
    bury();
    ck_assert_int_eq(opinion_of(JUROR), OPINION_VOTES);
    freeze(HOUR);
    ck_assert_int_eq(opinion_of(JUROR), OPINION_FROZEN);
    thaw();
    ck_assert_int_eq(opinion_of(JUROR), OPINION_VOTES);
}
END_TEST

START_TEST(a_freeze_of_another_node)
{
    bury();
    say(SAYS, INHIBIT_FREEZE, stage_slot(3), true, HOUR);
    ck_assert_int_eq(opinion_of(JUROR), OPINION_VOTES);
}
END_TEST

START_TEST(a_freeze_of_this_node)
{
    bury();
    say(SAYS, INHIBIT_FREEZE, stage_slot(TARGET), true, HOUR);
    ck_assert_int_eq(opinion_of(JUROR), OPINION_FROZEN);
}
END_TEST

/* _i: the agent alone, or its machine. */
START_TEST(a_freeze_outlives_a_restart)
{
    bury();
    freeze(60 * STAGE_SECOND);
    stage_run(s, 30 * STAGE_SECOND);
    if (_i)
        stage_power_cut(s, JUROR);
    else
        stage_kill(s, JUROR);
    stage_start(s, JUROR);
    stage_run(s, 10 * STAGE_SECOND);
    ck_assert(holds(JUROR, INHIBIT_FREEZE));
    ck_assert_int_eq(opinion_of(JUROR), OPINION_FROZEN);
    /* How long it was away it does not know: all that was left when that was written comes anew. */
    stage_run(s, 21 * STAGE_SECOND);
    ck_assert(holds(JUROR, INHIBIT_FREEZE));
    ck_assert(!holds(SAYS, INHIBIT_FREEZE));
    stage_run(s, 60 * STAGE_SECOND);
    ck_assert(!holds(JUROR, INHIBIT_FREEZE));
}
END_TEST

START_TEST(a_freeze_ends_by_itself)
{
    bury();
    freeze(20 * STAGE_SECOND);
    stage_run(s, 15 * STAGE_SECOND);
    ck_assert_int_eq(opinion_of(JUROR), OPINION_FROZEN);
    stage_run(s, 5 * STAGE_SECOND);
    struct inhibitor_view view;
    ck_assert(!known(JUROR, INHIBIT_FREEZE, &view));
    ck_assert_int_eq(opinion_of(JUROR), OPINION_VOTES);
}
END_TEST

/* H counts from the end that was promised, also if votes are allowed before. */
START_TEST(a_thaw_takes_no_promise_back)
{
    const struct inhibitors *t = &s->nodes[JUROR].peer->fencing.inhibitors;
    ck_assert_int_eq(inhibitors_promised(t, stage_slot(TARGET)).ns, 0);
    struct instant begin = s->now;
    freeze(60 * STAGE_SECOND);
    thaw();
    ck_assert(!inhibitors_freeze(t, s->now, stage_slot(TARGET)));
    struct instant until = inhibitors_promised(t, stage_slot(TARGET));
    ck_assert_int_ge(until.ns, instant_after(begin, SPAN_MS(60 * STAGE_SECOND)).ns);
    freeze(10 * STAGE_SECOND);
    ck_assert_int_eq(inhibitors_promised(t, stage_slot(TARGET)).ns, until.ns);
    stage_kill(s, JUROR);
    stage_start(s, JUROR);
    t = &s->nodes[JUROR].peer->fencing.inhibitors;
    ck_assert_int_ge(inhibitors_promised(t, stage_slot(TARGET)).ns, until.ns - 1000000);
}
END_TEST

/* Else a juror that votes right behind it would count its silence from before the freeze (F8). */
START_TEST(a_promise_is_remembered_behind_its_end)
{
    const struct inhibitors *t = &s->nodes[JUROR].peer->fencing.inhibitors;
    struct inhibitor_view view;
    freeze(10 * STAGE_SECOND);
    struct instant until = inhibitors_promised(t, stage_slot(TARGET));
    stage_run(s, 12 * STAGE_SECOND);
    ck_assert(!known(JUROR, INHIBIT_FREEZE, &view));
    ck_assert(instant_reached(s->now, until));
    ck_assert_int_eq(inhibitors_promised(t, stage_slot(TARGET)).ns, until.ns);
}
END_TEST

/* _i: frozen, or under maintenance. An order that was there before is not carried out meanwhile. */
START_TEST(no_executor_begins)
{
    struct order_cert cert = stage_order(s, TARGET, 1, 3, RETIRE | OFF);
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    size_t size = stage_order_bytes(bytes, &cert);
    bury();
    if (_i)
        say(SAYS, INHIBIT_MAINTENANCE, stage_slot(TARGET), true, HOUR);
    else
        freeze(HOUR);
    stage_submit(s, 0, ORDER_FILE_MAGIC, bytes, size);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, TARGET, STAGE_NONE), 0);
    say(SAYS, _i ? INHIBIT_MAINTENANCE : INHIBIT_FREEZE, _i ? stage_slot(TARGET) : SLOT_NONE, false,
        0);
    stage_run(s, 20 * STAGE_SECOND);
    ck_assert_uint_eq(stage_run_count(s, RUN_OFF_STATUS, TARGET, STAGE_NONE), 1);
}
END_TEST

/* --- Maintenance --- */

START_TEST(under_maintenance_retire_alone_is_allowed)
{
    bury();
    say(SAYS, INHIBIT_MAINTENANCE, stage_slot(TARGET), true, HOUR);
    ck_assert_int_eq(opinion_of(JUROR), OPINION_VOTES);
    ck_assert_uint_eq(s->nodes[0].last[WIRE_VOTE].vote.allows, RETIRE);
    say(JUROR, INHIBIT_MAINTENANCE, stage_slot(TARGET), false, 0);
    ck_assert_int_eq(opinion_of(JUROR), OPINION_VOTES); /* the same vote; it looks anew */
    stage_run(s, LOOK);
    ck_assert_int_eq(opinion_of(JUROR), OPINION_VOTES);
    ck_assert_uint_eq(s->nodes[0].last[WIRE_VOTE].vote.allows, RETIRE | OFF);
}
END_TEST

/* --- A drain --- */

START_TEST(a_drained_node_takes_no_new_lock)
{
    uint64_t holds_one = stage_hold(s, TARGET, "held", LOCK_EXCLUSIVE);
    stage_hold(s, 0, "other", LOCK_EXCLUSIVE);
    uint64_t waits = stage_acquire(s, TARGET, "other", LOCK_EXCLUSIVE);
    stage_run(s, 100);
    say(SAYS, INHIBIT_DRAIN, stage_slot(TARGET), true, HOUR);
    ck_assert_ptr_nonnull(stage_answer(s, waits, ANSWER_DRAINED));
    ck_assert_uint_eq(stage_told(s, stage_id(s, holds_one), ANSWER_DRAINING), 1);
    uint64_t refused = stage_acquire(s, TARGET, "new", LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_answer(s, refused, ANSWER_DRAINED));
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(view_of(SAYS, INHIBIT_DRAIN).held, 1);
    ck_assert_uint_eq(peer_held(s->nodes[TARGET].peer), 1);
    stage_release(s, TARGET, holds_one);
    stage_run(s, 2 * STAGE_SECOND);
    ck_assert_uint_eq(view_of(SAYS, INHIBIT_DRAIN).held, 0);
    stage_hold(s, 0, "held", LOCK_EXCLUSIVE);
    say(SAYS, INHIBIT_DRAIN, stage_slot(TARGET), false, 0);
    stage_hold(s, TARGET, "new", LOCK_SHARED);
}
END_TEST

START_TEST(a_drain_gives_up_what_is_cached)
{
    s->policy = LOCK_STALE_EXPIRE;
    s->ttl_ms = 30 * STAGE_SECOND;
    stage_release(s, TARGET, stage_hold(s, TARGET, "image", LOCK_SHARED));
    ck_assert_uint_eq(peer_held(s->nodes[TARGET].peer), 1);
    uint64_t uses = stage_hold(s, TARGET, "image/2", LOCK_SHARED);
    say(SAYS, INHIBIT_DRAIN, stage_slot(TARGET), true, HOUR);
    stage_run(s, 200);
    ck_assert_uint_eq(peer_held(s->nodes[TARGET].peer), 1);
    stage_release(s, TARGET, uses);
    stage_run(s, 200);
    ck_assert_uint_eq(peer_held(s->nodes[TARGET].peer), 0);
}
END_TEST

START_TEST(a_drain_outlives_a_restart)
{
    say(SAYS, INHIBIT_DRAIN, stage_slot(TARGET), true, 120 * STAGE_SECOND);
    stage_kill(s, TARGET);
    stage_start(s, TARGET);
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    uint64_t refused = stage_acquire(s, TARGET, "new", LOCK_SHARED);
    ck_assert_ptr_nonnull(stage_answer(s, refused, ANSWER_DRAINED));
    stage_run(s, 181 * STAGE_SECOND);
    stage_hold(s, TARGET, "new", LOCK_SHARED);
}
END_TEST

Suite *suite_inhibitors(void)
{
    Suite *suite = suite_create("inhibitors");
    TCase *all = tcase_create("all");
    tcase_add_checked_fixture(all, open_five, close_stage);
    tcase_add_test(all, everybody_stores_it);
    tcase_add_test(all, it_is_answered_when_it_is_durable);
    tcase_add_test(all, who_was_away_hears_of_it);
    tcase_add_test(all, what_was_lifted_is_not_brought_back);
    tcase_add_test(all, an_older_word_is_said_above_the_newer_ones);
    tcase_add_test(all, another_node_lifts_it);
    tcase_add_test(all, what_cannot_be_said);
    tcase_add_test(all, nobody_votes_within_a_freeze);
    tcase_add_test(all, a_freeze_that_comes_while_it_looks);
    tcase_add_test(all, a_vote_is_not_repeated_within_a_freeze);
    tcase_add_test(all, a_freeze_of_another_node);
    tcase_add_test(all, a_freeze_of_this_node);
    tcase_add_loop_test(all, a_freeze_outlives_a_restart, 0, 2);
    tcase_add_test(all, a_freeze_ends_by_itself);
    tcase_add_test(all, a_thaw_takes_no_promise_back);
    tcase_add_test(all, a_promise_is_remembered_behind_its_end);
    tcase_add_loop_test(all, no_executor_begins, 0, 2);
    tcase_add_test(all, under_maintenance_retire_alone_is_allowed);
    tcase_add_test(all, a_drained_node_takes_no_new_lock);
    tcase_add_test(all, a_drain_gives_up_what_is_cached);
    tcase_add_test(all, a_drain_outlives_a_restart);
    suite_add_tcase(suite, all);
    return suite;
}
