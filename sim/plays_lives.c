/*
 * The plays about lives that nobody began (F3), about stores that know less than their machine
 * (L7, F6a), and about agents that start under an order (F3). As in plays.c five machines vote and
 * are jurors; a holds, b waits, and an operator sits at c.
 */
#include "sim/plays_lives.h"

#include "proto/must.h"
#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/operator.h"
#include "sim/step.h"
#include "sim/stores.h"

enum { UNBORN = 20 };

static const struct span some_time = SPAN_MS(12000);
static const struct span start_span = SPAN_MS(300);

static bool b_waits(struct world *w, struct script *s)
{
    if (step_b_holds(w, s))
        step_must_not(w, "b got the lock while a's guest runs");
    if (!step_client(w, s->a)->guest_runs)
        step_must_not(w, "a's guest was ended");
    return w->now - s->since > some_time.ns;
}

/* --- Votes against a life that nobody began --- */

/* The jurors started so long ago that their votes allow all (F8). */
static bool a_dies_late(struct world *w, struct script *s)
{
    s->a = 0, s->b = 1, s->c = 2;
    if (w->now < w->p.brake_span.ns + SPAN_MS(10000).ns)
        return false;
    s->life = step_machine(w, s->a)->life;
    step_machine(w, s->a)->held_down++;
    machine_power_crash(w, step_machine(w, s->a));
    return true;
}

static bool a_later_life_is_asked_for(struct world *w, struct script *s)
{
    if (w->now - s->since < some_time.ns) /* by then it is dead for all */
        return false;
    operator_requests(w, step_machine(w, s->c), step_machine(w, s->a), UNBORN);
    return true;
}

static void mute(struct world *w, size_t index, int by)
{
    for (size_t i = 0; i < w->machine_count; i++)
        if (i != index)
            w->network.cuts[index][i] += (uint32_t)by;
}

/* It has asked, and hears the votes; nobody hears of the order that it makes of them. */
static bool c_falls_silent(struct world *w, struct script *s)
{
    if (w->now - s->since < SPAN_MS(100).ns)
        return false;
    mute(w, s->c, 1);
    return true;
}

static bool c_has_an_order(struct world *w, struct script *s)
{
    return lives_of(w, cluster_slot(s->a), UNBORN)->known == UINT32_C(1) << s->c;
}

static bool c_is_heard(struct world *w, struct script *s)
{
    mute(w, s->c, -1);
    return true;
}

/* To all but a, whose life it is not about. */
static bool the_order_gets_about(struct world *w, struct script *s)
{
    uint32_t known = lives_of(w, cluster_slot(s->a), UNBORN)->known & ~(UINT32_C(1) << s->a);
    return __builtin_popcount(known) + 1 == (int)w->machine_count;
}

static bool nobody_acts(struct world *w, struct script *s)
{
    (void)s;
    if (w->figures.kills || w->figures.receipts)
        step_must_not(w, "somebody acts on an order against a life that never was");
    return true;
}

/* --- A store that knows less than its machine --- */

/* What a's client began runs on, whatever becomes of the agent: nothing that was planned for it
 * comes true. */
static void guest_runs_on(struct client *c)
{
    c->guest_waits = false;
    c->serial++;
    c->guest_handle++;
}

static bool the_agent_finds_no_store(struct world *w, struct script *s)
{
    struct machine *m = step_machine(w, s->a);
    s->c = 2;
    if (w->now - s->since < some_time.ns) /* until others know that it has had one */
        return false;
    machine_agent_crash(w, m);
    guest_runs_on(step_client(w, s->a));
    stores_take(w, m, FAULT_STORE_LOST);
    machine_plan_start(w, m, start_span);
    return true;
}

static bool it_lives_on(struct world *w, struct script *s)
{
    const struct machine *m = step_machine(w, s->a);
    if (!m->agent_up || m->ready_life <= s->life)
        return false;
    s->life = m->ready_life;
    return true;
}

/* Somebody votes against that later life, which holds nothing. */
static bool somebody_votes(struct world *w, struct script *s)
{
    if (step_life(w, s)->votes)
        return true;
    if (w->now - s->at > SPAN_MS(1000).ns) {
        operator_requests(w, step_machine(w, s->c), step_machine(w, s->a), s->life);
        s->at = w->now;
    }
    return false;
}

static bool a_is_switched_off(struct world *w, struct script *s)
{
    step_machine(w, s->a)->held_down++;
    machine_power_crash(w, step_machine(w, s->a));
    return true;
}

/* --- A start under an order --- */

static void slow_to_stop(struct parameters *p)
{
    p->stop_on_isolation = false;
    p->stop_high = SPAN_MS(4000);
}

static bool a_is_cut_off(struct world *w, struct script *s)
{
    step_isolate(w, s->a, 1);
    return true;
}

static bool an_order_comes(struct world *w, struct script *s)
{
    if (!step_life(w, s)->ordered)
        return false;
    step_isolate(w, s->a, -1);
    return true;
}

/* It has written the order down, and dies before what it began has come to an end; its client goes
 * on with the next agent. */
static bool the_agent_dies_of_it(struct world *w, struct script *s)
{
    struct machine *m = step_machine(w, s->a);
    struct client *c = step_client(w, s->a);
    struct peer_status status;
    peer_status(m->peer, &status);
    if (!(step_life(w, s)->known >> s->a & 1) || !status.bound)
        return false;
    machine_agent_crash(w, m);
    if (c->guest_runs) {
        guest_runs_on(c);
        client_enter(w, c, CLIENT_HOLDS);
    }
    machine_plan_start(w, m, start_span);
    s->at = w->now + start_span.ns;
    return true;
}

static bool it_is_stopped(struct world *w, struct script *s)
{
    if (w->now - s->at > w->p.stop_high.ns + SPAN_MS(500).ns)
        step_must_not(w, "it runs on under an order");
    return !step_client(w, s->a)->guest_runs;
}

/* clang-format off */
static const struct play plays[] = {
    {"unborn", "votes against a life that nobody began: the order comes when a later one lives (F3)",
     .mutant = 181, .device = DEVICE_WORKS, .seconds = 120,
     .steps = {{"a dies", a_dies_late},
               {"an order is asked for against a later life", a_later_life_is_asked_for},
               {"c falls silent", c_falls_silent}, {"c has an order", c_has_an_order},
               {"a is brought up", step_a_is_brought_up}, {"a comes back", step_a_comes_back},
               {"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks},
               {"c is heard", c_is_heard}, {"the order gets about", the_order_gets_about},
               {"b waits", b_waits}, {"nobody acts", nobody_acts},
               {"a lets go", step_a_lets_go}, {"b holds", step_b_holds}}},
    {"lost-under-way", "a store is lost while its machine runs: no end is stated before the next boot (L7)",
     .mutant = 182, .device = DEVICE_FAILS, .seconds = 90,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds},
               {"the agent finds no store", the_agent_finds_no_store},
               {"it lives on", it_lives_on}, {"b asks", step_b_asks},
               {"a is paused", step_a_is_paused}, {"somebody votes", somebody_votes},
               {"a goes on", step_a_goes_on}, {"a comes back", step_a_comes_back},
               {"b waits", b_waits}, {"a is switched off", a_is_switched_off},
               {"a is brought up", step_a_is_brought_up}, {"b holds", step_b_holds}}},
    {"start-under-order", "an agent starts under an order against its life: it obeys at once (F3)",
     .mutant = 183, .device = DEVICE_FAILS, .seconds = 30, .shape = slow_to_stop,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks},
               {"a is cut off", a_is_cut_off}, {"an order", an_order_comes},
               {"the agent dies of it", the_agent_dies_of_it}, {"it is stopped", it_is_stopped},
               {"b holds", step_b_holds}}},
};
/* clang-format on */

enum { PLAYS = sizeof plays / sizeof plays[0] };

size_t plays_lives_count(void)
{
    return PLAYS;
}

const struct play *plays_lives_get(size_t index)
{
    must(index < PLAYS);
    return &plays[index];
}
