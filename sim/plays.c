/*
 * The plays. Machine a holds, machine b waits; all five are voters and jurors, three are a quorum.
 */
#include "sim/plays.h"

#include "proto/must.h"
#include "sim/check.h"
#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/plays_blips.h"
#include "sim/plays_executors.h"
#include "sim/plays_forget.h"
#include "sim/plays_lives.h"
#include "sim/plays_operator.h"
#include "sim/plays_hard.h"
#include "sim/plays_hush.h"
#include "sim/plays_members.h"
#include "sim/plays_readers.h"
#include "sim/plays_watchdog.h"
#include "sim/step.h"
#include "sim/world.h"

/* All datagrams between two machines, or those of one direction, are lost from now on, or pass. */
static void cut(struct world *w, size_t from, size_t to, int by)
{
    w->network.cuts[from][to] += (uint32_t)by;
}

static void keep_down(struct world *w, uint16_t index)
{
    step_machine(w, index)->held_down++;
    machine_power_crash(w, step_machine(w, index));
}

static void bring_up(struct world *w, uint16_t index)
{
    step_machine(w, index)->held_down--;
    machine_boot(w, step_machine(w, index));
}

/* --- steps that many plays have --- */

static bool some_time(struct world *w, struct script *s)
{
    if (step_b_holds(w, s))
        step_must_not(w, "b got the lock while a's guest runs");
    return w->now - s->since > SPAN_MS(12000).ns;
}

static bool ordered(struct world *w, struct script *s)
{
    return step_life(w, s)->ordered;
}

static bool nobody_ordered(struct world *w, struct script *s)
{
    (void)s;
    if (w->figures.orders || w->figures.kills)
        step_must_not(w, "a life was ended by an order");
    return true;
}

/* The hung drivers may strike it at any time: a person starts it again whenever it is off. */
static bool b_holds_and_a_is_kept_up(struct world *w, struct script *s)
{
    machine_boot(w, step_machine(w, s->a));
    return step_b_holds(w, s);
}

/* --- hand-over: V2 --- */

static bool a_dies(struct world *w, struct script *s)
{
    keep_down(w, s->a);
    s->at = w->now;
    return true;
}

/* Detection (D, and until the dead one is dead for all), device, and 5 s. */
static bool b_holds_in_time(struct world *w, struct script *s)
{
    if (w->now - s->at > SPAN_MS(w->p.detect_ms + 6000 + 3000 + 5000).ns)
        step_must_not(w, "the dead holder's lock has not passed on in time (V2)");
    return step_b_holds(w, s);
}

static bool by_receipt(struct world *w, struct script *s)
{
    (void)s;
    if (w->figures.orders != 1 || w->figures.receipts == 0)
        step_must_not(w, "the lock passed on without one order and its receipt");
    return true;
}

/* --- F2: two cuts one after the other --- */

static void two_cuts_shape(struct parameters *p)
{
    p->stop_on_isolation = false;
    p->brake_span = SPAN_MS(600000);
}

/* It is healed again as soon as somebody has voted: the others may do so or not. */
static bool a_is_cut_off(struct world *w, struct script *s)
{
    s->bits = step_life(w, s)->votes;
    if (!step_life(w, s)->ordered)
        step_isolate(w, s->a, 1);
    return true;
}

static bool somebody_votes(struct world *w, struct script *s)
{
    if (step_life(w, s)->ordered && s->bits == step_life(w, s)->votes)
        return true;
    if (step_life(w, s)->votes == s->bits)
        return false;
    step_isolate(w, s->a, -1);
    return true;
}

/* Whoever voted acknowledges no renewal any more (check_fence.c sees it), and a knows that. */
static bool a_is_bound(struct world *w, struct script *s)
{
    const struct machine *m = step_machine(w, s->a);
    struct peer_status status;
    if (!m->agent_up) /* more had voted already, and it was switched off */
        return ordered(w, s);
    peer_status(m->peer, &status);
    return status.bound || status.life > s->life;
}

/* With fewer votes than a quorum it keeps its lock: b waits on. */
static bool a_keeps_it_or_obeys(struct world *w, struct script *s)
{
    bool ordered_now = step_life(w, s)->ordered;
    if (!ordered_now && !step_client(w, s->a)->guest_runs)
        step_must_not(w, "a lost its lock to fewer votes than a quorum");
    if (!ordered_now && step_b_holds(w, s))
        step_must_not(w, "b got the lock without an order");
    return ordered_now || w->now - s->since > SPAN_MS(2 * w->p.detect_ms).ns;
}

/* --- F5: a grant that never was true --- */

static bool name_is_served(struct world *w, struct script *s)
{
    s->a = (uint16_t)cluster_index(w->cluster, w->observer->served_by[s->name->shard]);
    s->b = (uint16_t)((s->a + 1u) % w->machine_count);
    s->c = (uint16_t)((s->a + 2u) % w->machine_count);
    client_let_go(w, step_client(w, 0));
    return true;
}

static bool name_is_free(struct world *w, struct script *s)
{
    (void)s;
    return step_client(w, 0)->state == CLIENT_IDLE;
}

/* The coordinator's word reaches c only. */
static bool a_grants_itself(struct world *w, struct script *s)
{
    for (size_t i = 0; i < w->machine_count; i++)
        if (i != s->a && i != s->c)
            cut(w, s->a, i, 1);
    client_demand(w, step_client(w, s->a), s->name, LOCK_EXCLUSIVE, LOCK_STALE_HOLD);
    return true;
}

/* Another one took the shard over meanwhile, and may bring that grant to a majority: all is healed,
 * a gives it back once it has it, and the play begins anew with another name. */
static bool anew(struct world *w, struct script *s)
{
    struct client *client = step_client(w, s->a);
    if (s->bits == 0)
        for (size_t i = 0; i < w->machine_count; i++)
            if (i != s->a && i != s->c)
                cut(w, s->a, i, -1);
    s->bits = 1;
    if (client->guest_runs && client->state == CLIENT_HOLDS)
        client_let_go(w, client);
    if (client->state != CLIENT_IDLE)
        return false;
    s->bits = 0;
    s->step = 0;
    return step_a_asks(w, s);
}

static bool c_stored_it(struct world *w, struct script *s)
{
    const struct value *v = step_machine(w, s->c)->shadow->durable.stored[s->name->index];
    if (s->bits || w->observer->served_by[s->name->shard] != cluster_slot(s->a))
        return anew(w, s);
    if (!v || v->chosen || v->hold_count == 0)
        return false;
    keep_down(w, s->a);
    for (size_t i = 0; i < w->machine_count; i++)
        if (i != s->a && i != s->c)
            cut(w, s->a, i, -1);
    step_isolate(w, s->c, 1);
    return true;
}

/* Without a and c the other three are a majority that never saw that grant. */
static bool b_lets_go(struct world *w, struct script *s)
{
    if (!step_b_holds(w, s))
        return false;
    step_isolate(w, s->c, -1);
    client_let_go(w, step_client(w, s->b));
    return true;
}

/* A majority needs c now: it has to take states that lack what it stored. */
static bool c_is_needed(struct world *w, struct script *s)
{
    if (w->now - s->since < SPAN_MS(3000).ns)
        return false;
    step_isolate(w, (s->a + 3u) % w->machine_count, 1);
    client_demand(w, step_client(w, s->c), s->name, LOCK_EXCLUSIVE, LOCK_STALE_HOLD);
    return true;
}

static bool c_holds(struct world *w, struct script *s)
{
    if (!step_client(w, s->c)->guest_runs)
        return false;
    step_isolate(w, (s->a + 3u) % w->machine_count, -1);
    bring_up(w, s->a);
    client_let_go(w, step_client(w, s->c));
    return true;
}

/* --- L0: late answers to an earlier reading of a lock --- */

/* Everybody is 30 ms away, and who coordinates has room for one lock. */
static void late_answers_shape(struct parameters *p)
{
    p->shards = 1;
    p->served = 1;
    p->delay = (struct range){SPAN_MS(30), SPAN_MS(30)};
    p->far_permille = p->deep_permille = p->bad_loss_permille = p->corrupt_permille = 0;
}

/* What all but a, and perhaps but b, send to a from now on takes so much longer. */
static void slow_answers(struct world *w, const struct script *s, bool b_too, int64_t ms)
{
    for (size_t i = 0; i < w->machine_count; i++)
        if (i != s->a && (i != s->b || b_too))
            w->network.slowed[i][s->a] += SPAN_MS(ms).ns;
}

static bool passed(struct world *w, const struct script *s, int64_t ms)
{
    return w->now - s->since >= SPAN_MS(ms).ns;
}

/* Once the shard is quiet. */
static bool b_asks_for_another(struct world *w, struct script *s)
{
    if (!passed(w, s, 1000))
        return false;
    s->other = history_name_new(w);
    must(s->other);
    client_demand(w, step_client(w, s->b), s->other, LOCK_EXCLUSIVE, LOCK_STALE_HOLD);
    return true;
}

/*
 * A request takes 30 ms, is told the ballot and repeated: after 90 ms a reads the lock, and is
 * answered after 120 ms. Its own disk is slow, so that what it accepts is not durable, and its own
 * word waits.
 */
static bool early_answers_are_late(struct world *w, struct script *s)
{
    if (!passed(w, s, 100))
        return false;
    slow_answers(w, s, false, 600);
    step_machine(w, s->a)->disk.extra += SPAN_MS(2000).ns;
    return true;
}

static bool repeated_ones_are_not(struct world *w, struct script *s)
{
    if (!passed(w, s, 40))
        return false;
    slow_answers(w, s, false, -600);
    return true;
}

/* The other lock makes room for the first one. */
static bool c_asks_for_the_first(struct world *w, struct script *s)
{
    if (!step_b_holds(w, s))
        return false;
    client_demand(w, step_client(w, s->c), s->name, LOCK_EXCLUSIVE, LOCK_STALE_HOLD);
    return true;
}

static struct client *d_client(struct world *w, const struct script *s)
{
    return step_client(w, (uint16_t)((s->a + 3u) % w->machine_count));
}

static bool d_asks_for_the_other(struct world *w, struct script *s)
{
    if (!step_client(w, s->c)->guest_runs)
        return false;
    client_demand(w, d_client(w, s), s->other, LOCK_EXCLUSIVE, LOCK_STALE_HOLD);
    return true;
}

/* It is read again under the same ballot, and the answers to the first reading come first. */
static bool new_answers_are_late(struct world *w, struct script *s)
{
    if (!passed(w, s, 100))
        return false;
    slow_answers(w, s, true, 300);
    return true;
}

static bool all_is_well(struct world *w, struct script *s)
{
    if (!passed(w, s, 300))
        return false;
    slow_answers(w, s, true, -300);
    step_machine(w, s->a)->disk.extra -= SPAN_MS(2000).ns;
    client_let_go(w, step_client(w, s->b));
    client_let_go(w, step_client(w, s->c));
    return true;
}

static bool d_holds_the_other(struct world *w, struct script *s)
{
    return d_client(w, s)->guest_runs;
}

/* --- F11: the parent dies, the child writes on --- */

static void slow_stops(struct parameters *p)
{
    p->stuck_permille = 1000;
}

static bool parent_dies(struct world *w, struct script *s)
{
    guest_parent_dies(w, step_client(w, s->a));
    return true;
}

static bool b_holds_after_the_child(struct world *w, struct script *s)
{
    if (!step_b_holds(w, s))
        return false;
    if (step_client(w, s->a)->guest_runs)
        step_must_not(w, "the lock was released while the child wrote on");
    return true;
}

/* --- an agent restarts, its guest goes on --- */

static bool agent_restarts(struct world *w, struct script *s)
{
    struct machine *m = step_machine(w, s->a);
    machine_agent_crash(w, m);
    step_client(w, s->a)->guest_waits = false; /* its end is not planned, whatever was drawn */
    step_client(w, s->a)->serial++;
    step_client(w, s->a)->guest_handle++; /* items that would end it are stale */
    machine_plan_start(w, m, SPAN_MS(300));
    return true;
}

static bool guest_is_let_go(struct world *w, struct script *s)
{
    guest_over(w, step_client(w, s->a));
    client_rest(w, step_client(w, s->a));
    client_send_drop(w, step_machine(w, s->a), HANDLE_DRIVER, step_client(w, s->a)->guest_op, true);
    return true;
}

/* --- old orders, after the target was reborn --- */

static bool b_lets_go_again(struct world *w, struct script *s)
{
    if (!step_b_holds(w, s))
        return false;
    client_let_go(w, step_client(w, s->b));
    return true;
}

static bool a_asks_again(struct world *w, struct script *s)
{
    client_demand(w, step_client(w, s->a), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

static bool a_holds_again(struct world *w, struct script *s)
{
    return step_client(w, s->a)->guest_runs;
}

/* At everybody, and more than once. */
static bool order_is_handed_in(struct world *w, struct script *s)
{
    for (size_t i = 0; i < w->machine_count; i++)
        forger_hand_in(w, &w->machines[i], step_machine(w, s->a), FORGERY_OLD_ORDER);
    return true;
}

static bool forgeries_are_handed_in(struct world *w, struct script *s)
{
    for (int kind = 0; kind < FORGERY_KINDS; kind++)
        for (size_t i = 0; i < w->machine_count && kind != FORGERY_OLD_ORDER; i++)
            forger_hand_in(w, &w->machines[i], step_machine(w, s->a), (enum forgery)kind);
    return true;
}

/* Longer than a waiter, an order and an executor would take. */
static bool a_lives_on(struct world *w, struct script *s)
{
    const struct machine *m = step_machine(w, s->a);
    if (!step_client(w, s->a)->guest_runs)
        step_must_not(w, "a lost its lock to an order that does not bind it");
    return m->powered && w->now - s->since > SPAN_MS(20000).ns;
}

/* --- a node under an order signs nothing --- */

static bool c_asks(struct world *w, struct script *s)
{
    s->c = 2;
    s->other = history_name_new(w);
    must(s->other);
    client_demand(w, step_client(w, s->c), s->other, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

static bool c_holds_it(struct world *w, struct script *s)
{
    return step_client(w, s->c)->guest_runs;
}

static bool d_asks(struct world *w, struct script *s)
{
    client_demand(w, step_client(w, 3), s->other, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

static bool ordered_and_healed(struct world *w, struct script *s)
{
    if (!ordered(w, s))
        return false;
    step_isolate(w, s->a, -1);
    return true;
}

static bool a_knows_the_order(struct world *w, struct script *s)
{
    s->works = (uint16_t)(s->a + 1);
    return check_under_order(w, step_machine(w, s->a)) || step_machine(w, s->a)->life > s->life;
}

static bool c_dies(struct world *w, struct script *s)
{
    keep_down(w, s->c);
    return true;
}

/* Its executors fail, so that it has to come back: but for a, which may neither vote nor act while
 * its guests are being stopped. */
static bool c_is_ordered(struct world *w, struct script *s)
{
    uint64_t life = w->observer->lives.highest[s->c];
    return w->observer->lives.of[s->c][life].ordered && w->now - s->since > SPAN_MS(15000).ns;
}

static bool c_is_brought_up(struct world *w, struct script *s)
{
    bring_up(w, s->c);
    return true;
}

static bool d_holds(struct world *w, struct script *s)
{
    (void)s;
    return step_client(w, 3)->guest_runs;
}

/* --- the site loses power --- */

static bool site_goes_down(struct world *w, struct script *s)
{
    (void)s;
    for (size_t i = 0; i < w->machine_count; i++)
        machine_power_crash(w, &w->machines[i]);
    for (size_t i = 0; i < w->machine_count; i++)
        world_plan(w, SPAN_MS(1000 + 2500 * (int64_t)i),
                   (struct item){.kind = HAPPEN_BOOT, .machine = (uint16_t)i});
    return true;
}

static bool b_comes_back(struct world *w, struct script *s)
{
    return step_machine(w, s->b)->ready_life != 0;
}

/* clang-format off */
static const struct play plays[] = {
    {"handover", "a holder dies: an order, an executor's receipt, the next holder (V2)",
     .device = DEVICE_WORKS,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks}, {"a dies", a_dies},
               {"b holds", b_holds_in_time}, {"by a receipt", by_receipt},
               {"a is brought up", step_a_is_brought_up}, {"a comes back", step_a_comes_back}}},
    {"writer", "an agent is paused, its writer writes on: switched off before the lock passes (S1)",
     .mutant = 34, .device = DEVICE_WORKS,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"a is paused", step_a_is_paused},
               {"b asks", step_b_asks}, {"b holds", b_holds_in_time}, {"by a receipt", by_receipt},
               {"a comes back", step_a_comes_back}}},
    {"hang", "a device hangs: a time-out is no receipt, the target obeys when it goes on (F6b)",
     .mutant = 35, .device = DEVICE_HANGS,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"a is paused", step_a_is_paused},
               {"b asks", step_b_asks}, {"an order", ordered}, {"b waits on", some_time},
               {"a goes on", step_a_goes_on}, {"b holds", b_holds_and_a_is_kept_up}}},
    {"two-cuts", "two cuts one after the other: a vote is final, and its target knows (F2)",
     .mutant = 60, .device = DEVICE_WORKS, .seconds = 90, .shape = two_cuts_shape,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks},
               {"a is cut off", a_is_cut_off}, {"somebody votes", somebody_votes},
               {"a knows it", a_is_bound}, {"a keeps its lock or obeys", a_keeps_it_or_obeys},
               {"a is cut off again", a_is_cut_off}, {"one more votes", somebody_votes},
               {"a keeps its lock or obeys", a_keeps_it_or_obeys},
               {"a third time", a_is_cut_off}, {"one more votes", somebody_votes},
               {"b holds", step_b_holds}}},
    {"never-true", "a grant that never was true: a later state without it is no break (F5)",
     .mutant = 61, .device = DEVICE_FAILS,
     .steps = {{"somebody asks", step_a_asks}, {"and holds", step_a_holds},
               {"the shard is served", name_is_served}, {"the lock is free", name_is_free},
               {"a grants itself", a_grants_itself}, {"c alone stored it", c_stored_it},
               {"b asks", step_b_asks}, {"b holds and lets go", b_lets_go},
               {"c is needed", c_is_needed}, {"c holds", c_holds}}},
    {"late-answers", "answers to an earlier reading of a lock do not count for a later one (L0)",
     .mutant = 50, .device = DEVICE_FAILS, .shape = late_answers_shape,
     .steps = {{"somebody asks", step_a_asks}, {"and holds", step_a_holds},
               {"the shard is served", name_is_served}, {"the lock is free", name_is_free},
               {"b asks for another lock", b_asks_for_another},
               {"early answers are late", early_answers_are_late},
               {"repeated ones are not", repeated_ones_are_not},
               {"b holds, c asks for the first lock", c_asks_for_the_first},
               {"c holds, d asks for the other lock", d_asks_for_the_other},
               {"new answers are late", new_answers_are_late}, {"all is well", all_is_well},
               {"d holds", d_holds_the_other}}},
    {"parent-dies", "a parent dies, its child writes on: released when that has ended (F11)",
     .mutant = 62, .device = DEVICE_WORKS, .seconds = 60, .shape = slow_stops,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks},
               {"the parent dies", parent_dies}, {"b holds", b_holds_after_the_child}}},
    {"agent-restart", "an agent restarts, its guest goes on: the same life (F6a)",
     .mutant = 36, .device = DEVICE_WORKS,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks},
               {"the agent restarts", agent_restarts}, {"b waits on", some_time},
               {"nobody was ordered", nobody_ordered}, {"the guest ends", guest_is_let_go},
               {"b holds", step_b_holds}}},
    {"old-order", "an order handed in again after its target was reborn does nothing (F3, F9)",
     .mutant = 32, .device = DEVICE_WORKS, .seconds = 120,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"a is paused", step_a_is_paused},
               {"b asks", step_b_asks}, {"b holds and lets go", b_lets_go_again},
               {"a comes back", step_a_comes_back}, {"a asks again", a_asks_again},
               {"a holds again", a_holds_again},
               {"the order is handed in again", order_is_handed_in},
               {"a lives on", a_lives_on}, {"and again", order_is_handed_in},
               {"a lives on", a_lives_on}}},
    {"bound", "a node under an order signs nothing, whatever it takes to empty its stop sets (F3)",
     .mutant = 41, .device = DEVICE_FAILS, .seconds = 120, .shape = slow_stops,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"c asks for another lock", c_asks},
               {"c holds", c_holds_it}, {"b asks", step_b_asks}, {"d asks for the other", d_asks},
               {"a is cut off", a_is_cut_off}, {"an order", ordered_and_healed},
               {"a knows it", a_knows_the_order}, {"c dies", c_dies},
               {"c is ordered, or a is done", c_is_ordered},
               {"c is brought up", c_is_brought_up}, {"d holds", d_holds}, {"b holds", step_b_holds}}},
    {"forgeries", "forged orders and proofs are refused, each by its rule (F1, F4, F6)",
     .mutant = 43, .device = DEVICE_WORKS, .seconds = 30,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks},
               {"forgeries are handed in", forgeries_are_handed_in}, {"a lives on", a_lives_on},
               {"nobody was ordered", nobody_ordered}}},
    {"site", "the site loses power and comes back: end statements alone, no order (F6a)",
     .device = DEVICE_WORKS,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"the site goes down", site_goes_down},
               {"b comes back", b_comes_back}, {"b asks", step_b_asks}, {"b holds", step_b_holds},
               {"nobody was ordered", nobody_ordered}}},
};
/* clang-format on */

enum { PLAYS = sizeof plays / sizeof plays[0] };

static size_t own_count(void)
{
    return PLAYS;
}

static const struct play *own_get(size_t index)
{
    return &plays[index];
}

/* Each file of plays; those of one keep their order. */
static const struct {
    size_t (*count)(void);
    const struct play *(*get)(size_t index);
} groups[] = {
    {own_count, own_get},
    {plays_forget_count, plays_forget_get},
    {plays_operator_count, plays_operator_get},
    {plays_hard_count, plays_hard_get},
    {plays_members_count, plays_members_get},
    {plays_watchdog_count, plays_watchdog_get},
    {plays_readers_count, plays_readers_get},
    {plays_blips_count, plays_blips_get},
    {plays_executors_count, plays_executors_get},
    {plays_hush_count, plays_hush_get},
    {plays_lives_count, plays_lives_get},
};

size_t plays_count(void)
{
    size_t count = 0;
    for (size_t i = 0; i < sizeof groups / sizeof groups[0]; i++)
        count += groups[i].count();
    return count;
}

const struct play *plays_get(size_t index)
{
    size_t i = 0;
    for (; index >= groups[i].count(); i++)
        index -= groups[i].count();
    return groups[i].get(index);
}
