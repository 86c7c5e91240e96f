/*
 * Plays about what operators say (sim/operator.h): a dead holder is not fenced within a freeze
 * (F8); a machine that no device reaches is confirmed to be off by hand, and one that is heard is
 * not (F6d).
 */
#include "sim/plays_operator.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/step.h"
#include "sim/world.h"

enum { DESK = 2 }; /* the machine at which the operator sits */

static const struct span hour = SPAN_MS(3600000);

static bool a_dies(struct world *w, struct script *s)
{
    step_machine(w, s->a)->held_down++;
    machine_power_crash(w, step_machine(w, s->a));
    return true;
}

static bool ordered(struct world *w, struct script *s)
{
    return lives_of(w, cluster_slot(s->a), s->life)->ordered;
}

/* --- A freeze --- */

static bool a_freeze_is_said(struct world *w, struct script *s)
{
    (void)s;
    operator_says(w, step_machine(w, DESK), INHIBIT_FREEZE, MACHINES_MAX, true, hour);
    return true;
}

static bool it_is_in_effect(struct world *w, struct script *s)
{
    struct inhibitor_view view;
    size_t cursor = 0;
    (void)s;
    return peer_next_inhibitor(step_machine(w, DESK)->peer, &cursor, &view) &&
           __builtin_popcount(view.stored) == (int)w->machine_count;
}

static bool nobody_votes(struct world *w, struct script *s)
{
    if (lives_of(w, cluster_slot(s->a), s->life)->votes)
        step_must_not(w, "somebody votes within a freeze");
    return w->now - s->since > SPAN_MS(15000).ns;
}

static bool it_is_lifted(struct world *w, struct script *s)
{
    operator_says(w, step_machine(w, s->b), INHIBIT_FREEZE, MACHINES_MAX, false, hour);
    return true;
}

/* --- By hand --- */

static void wrong_shape(struct parameters *p)
{
    p->wrong_hands = true;
}

static bool b_waits(struct world *w, struct script *s)
{
    if (step_b_holds(w, s))
        step_must_not(w, "the lock passed on, and nothing says that its holder is off");
    return w->now - s->since > SPAN_MS(15000).ns;
}

static bool it_is_confirmed(struct world *w, struct script *s)
{
    s->at = w->now;
    operator_hears(w, step_machine(w, DESK), step_machine(w, s->a));
    return true;
}

/* Refused because a datagram of a came late, after which it counts as heard for H: asked again. */
static bool b_holds_by_then(struct world *w, struct script *s)
{
    if (w->figures.confirmed == 0 && w->now - s->at > SPAN_MS(5000).ns)
        it_is_confirmed(w, s);
    return step_b_holds(w, s);
}

static bool by_hand(struct world *w, struct script *s)
{
    (void)s;
    if (w->figures.confirmed != 1 || w->figures.receipts)
        step_must_not(w, "the lock passed on otherwise");
    return true;
}

static bool it_is_refused(struct world *w, struct script *s)
{
    if (step_b_holds(w, s) || w->figures.confirmed)
        step_must_not(w, "a confirmation was taken of a life that was heard just now");
    return w->now - s->since > SPAN_MS(5000).ns;
}

/* clang-format off */
static const struct play plays[] = {
    {"frozen", "a dead holder is not fenced within a freeze, and is when it is lifted (F8)",
     .mutant = 130, .device = DEVICE_WORKS,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks},
               {"a freeze is said", a_freeze_is_said}, {"it is in effect", it_is_in_effect},
               {"a dies", a_dies}, {"nobody votes", nobody_votes}, {"it is lifted", it_is_lifted},
               {"b holds", step_b_holds}, {"a is brought up", step_a_is_brought_up}}},
    {"by-hand", "no device reaches a dead holder: an operator confirms that it is off (F6d)",
     .device = DEVICE_FAILS,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks}, {"a dies", a_dies},
               {"an order", ordered}, {"b waits", b_waits}, {"it is confirmed", it_is_confirmed},
               {"b holds", b_holds_by_then}, {"by hand", by_hand}, {"a is brought up", step_a_is_brought_up}}},
    {"wrong-word", "a confirmation of a life that was heard just now is refused (F6d)",
     .mutant = 135, .device = DEVICE_FAILS, .shape = wrong_shape,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks},
               {"a is paused", step_a_is_paused}, {"an order", ordered},
               {"it is confirmed", it_is_confirmed}, {"it is refused", it_is_refused},
               {"a goes on", step_a_goes_on}, {"b holds", step_b_holds}}},
};
/* clang-format on */

size_t plays_operator_count(void)
{
    return sizeof plays / sizeof plays[0];
}

const struct play *plays_operator_get(size_t index)
{
    return &plays[index];
}
