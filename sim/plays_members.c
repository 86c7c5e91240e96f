/*
 * The plays about membership's bad input: forged gossip (M2), two starts of one life (section 7),
 * starts that follow each other, and a clock that stands. Machine a holds, b waits.
 */
#include "sim/plays_members.h"

#include "proto/must.h"
#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/step.h"
#include "sim/world.h"

enum { RESTARTS = 6 };

static bool passed(struct world *w, const struct script *s, int64_t ms)
{
    return w->now - s->since >= SPAN_MS(ms).ns;
}

static void demand(struct world *w, uint16_t index, struct name *name)
{
    client_demand(w, step_client(w, index), name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
}

static bool a_asks(struct world *w, struct script *s)
{
    s->a = 0, s->b = 1, s->c = 2;
    s->name = history_name_new(w);
    s->other = history_name_new(w);
    must(s->name && s->other);
    demand(w, s->a, s->name);
    return true;
}

static bool b_asks(struct world *w, struct script *s)
{
    demand(w, s->b, s->name);
    return true;
}

static bool nobody_ordered(struct world *w, struct script *s)
{
    (void)s;
    if (w->figures.orders || w->figures.kills || w->figures.votes)
        step_must_not(w, "a juror voted against a node that is there");
    return true;
}

/* --- forged gossip --- */

static bool c_lies(struct world *w, struct script *s)
{
    gossiper_begin(w, s->c);
    return true;
}

static enum member_state state_of(const struct machine *m, size_t target)
{
    struct member_view view;
    peer_member(m->peer, cluster_slot(target), &view);
    return view.state;
}

/* Each lie is a suspicion at most, and refuted before its time is over. */
static bool nobody_is_believed_dead(struct world *w, struct script *s)
{
    for (size_t i = 0; i < w->machine_count; i++)
        for (size_t k = 0; k < w->machine_count && i != s->c; k++)
            if (i != k && state_of(&w->machines[i], k) == MEMBER_DEAD)
                step_must_not(w, "somebody is held dead on a liar's word");
    if (!step_client(w, s->a)->guest_runs)
        step_must_not(w, "a lost its lock to a liar's word");
    return passed(w, s, 40000);
}

static bool c_is_silent(struct world *w, struct script *s)
{
    gossiper_end(w);
    s->bits = (uint32_t)w->gossiper.said;
    if (s->bits < 20)
        step_must_not(w, "the liar said too little");
    return true;
}

/* --- a copy of a --- */

static bool copy_of_a_starts(struct world *w, struct script *s)
{
    twin_begin(w, step_machine(w, s->a));
    twin_asks(w, s->other);
    s->at = w->now;
    return true;
}

static bool is_cloned(const struct peer *peer)
{
    struct peer_status status;
    peer_status(peer, &status);
    return status.cloned;
}

static void copy_has_nothing(struct world *w)
{
    if (w->twin.granted)
        step_must_not(w, "the copy was granted a lock while its original answers");
}

static bool both_know(struct world *w, struct script *s)
{
    copy_has_nothing(w);
    if (!is_cloned(step_machine(w, s->a)->peer) || !is_cloned(w->twin.peer))
        return false;
    twin_asks(w, s->other);
    if (!w->twin.refused)
        step_must_not(w, "the copy takes requests although it knows");
    return true;
}

static bool a_lost_it(struct world *w, struct script *s)
{
    copy_has_nothing(w);
    return !step_client(w, s->a)->guest_runs;
}

/* As long as both are there; the others go on. */
static bool neither_holds(struct world *w, struct script *s)
{
    copy_has_nothing(w);
    if (step_client(w, s->a)->guest_runs)
        step_must_not(w, "a holds while a copy of it answers");
    return passed(w, s, 15000);
}

static bool b_asks_for_another(struct world *w, struct script *s)
{
    demand(w, s->b, s->other);
    return true;
}

static bool copy_is_switched_off(struct world *w, struct script *s)
{
    (void)s;
    twin_end(w);
    return true;
}

static bool a_may_again(struct world *w, struct script *s)
{
    struct client *c = step_client(w, s->a);
    if (c->guest_runs)
        return true;
    if (c->state == CLIENT_IDLE && !is_cloned(step_machine(w, s->a)->peer))
        demand(w, s->a, s->name);
    return false;
}

/* --- starts that follow each other --- */

static bool a_starts_anew(struct world *w, struct script *s)
{
    struct machine *m = step_machine(w, s->a);
    if (s->at && w->now - s->at < SPAN_MS(700).ns)
        return false;
    s->at = w->now;
    if (s->bits == RESTARTS)
        return true;
    s->bits++;
    machine_agent_crash(w, m);
    step_client(w, s->a)->guest_waits = false;
    step_client(w, s->a)->serial++;
    step_client(w, s->a)->guest_handle++; /* items that would end it are stale */
    machine_plan_start(w, m, SPAN_MS(100));
    return false;
}

static bool the_guest_ends(struct world *w, struct script *s)
{
    if (!passed(w, s, 5000))
        return false;
    guest_over(w, step_client(w, s->a));
    client_rest(w, step_client(w, s->a));
    client_send_drop(w, step_machine(w, s->a), HANDLE_DRIVER, step_client(w, s->a)->guest_op, true);
    return true;
}

/* --- a clock that stands: A2 says that it does not, so nothing may rest on it (F7) --- */

static bool clock_of_a_stands(struct world *w, struct script *s)
{
    clock_stop(&step_machine(w, s->a)->clock, w->now);
    return true;
}

/* It answers probes and renews no more; nobody takes it for dead, so nobody is let in. */
static bool b_waits_on(struct world *w, struct script *s)
{
    if (step_b_holds(w, s))
        step_must_not(w, "b got the lock while a's guest runs");
    return passed(w, s, 15000);
}

static bool clock_of_a_goes_on(struct world *w, struct script *s)
{
    clock_go_on(&step_machine(w, s->a)->clock, w->now);
    machine_post(w, step_machine(w, s->a), &(struct event){.kind = EVENT_TICK});
    return true;
}

/* clang-format off */
static const struct play plays[] = {
    {"gossip", "a member forges words, suspicions and deaths of others: all are refuted (M2)",
     .mutant = 94, .device = DEVICE_WORKS, .seconds = 30,
     .steps = {{"a asks", a_asks}, {"a holds", step_a_holds}, {"b asks", b_asks}, {"c lies", c_lies},
               {"nobody is believed dead", nobody_is_believed_dead},
               {"c is silent", c_is_silent}, {"nobody was ordered", nobody_ordered},
               {"a lets go", step_a_lets_go}, {"b holds", step_b_holds}}},
    {"clone", "a copy of a holder runs beside it: neither holds until one is off (section 7)",
     .mutant = 95, .device = DEVICE_WORKS, .seconds = 60,
     .steps = {{"a asks", a_asks}, {"a holds", step_a_holds},
               {"a copy of a starts, and asks", copy_of_a_starts}, {"both know", both_know},
               {"a lost its lock", a_lost_it}, {"b asks for another", b_asks_for_another},
               {"b holds", step_b_holds}, {"neither of the two holds", neither_holds},
               {"nobody was ordered", nobody_ordered},
               {"the copy is switched off", copy_is_switched_off},
               {"a asks and holds again", a_may_again}}},
    {"quick-restarts", "starts of an agent that follow each other quickly are no clones (section 7)",
     .mutant = 97, .device = DEVICE_WORKS, .seconds = 30,
     .steps = {{"a asks", a_asks}, {"a holds", step_a_holds}, {"b asks", b_asks},
               {"its agent starts anew, and again", a_starts_anew},
               {"its guest ends", the_guest_ends}, {"b holds", step_b_holds},
               {"nobody was ordered", nobody_ordered}}},
    {"clock-stands", "a holder's clock stands: it is alive, so its lock does not pass (A2, F2)",
     .device = DEVICE_WORKS, .seconds = 30,
     .steps = {{"a asks", a_asks}, {"a holds", step_a_holds},
               {"its clock stands", clock_of_a_stands}, {"b asks", b_asks},
               {"b waits on", b_waits_on}, {"nobody was ordered", nobody_ordered},
               {"its clock goes on", clock_of_a_goes_on}, {"a lets go", step_a_lets_go},
               {"b holds", step_b_holds}}},
};
/* clang-format on */

size_t plays_members_count(void)
{
    return sizeof plays / sizeof plays[0];
}

const struct play *plays_members_get(size_t index)
{
    return &plays[index];
}
