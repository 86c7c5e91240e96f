/*
 * The plays about watchdogs (F6c, F7): no fence device works, so that what the dead hold passes on
 * by their watchdogs alone. Machine a holds, machine b waits.
 */
#include "sim/plays_watchdog.h"

#include "proto/inequality.h"
#include "proto/must.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/step.h"
#include "sim/world.h"

static void shape(struct parameters *p)
{
    p->watchdog = true;
    p->watchdog_extra_ms = 0;
    p->watchdog_stops = false;
}

static void unkillable(struct parameters *p)
{
    shape(p);
    p->stop_high = SPAN_MS(3600000);
}

/* Once it is reset it stays off: no end statement shall be faster. */
static bool a_hangs(struct world *w, struct script *s)
{
    step_machine(w, s->a)->held_down++;
    machine_pause(w, step_machine(w, s->a), SPAN_MS(3600000));
    s->at = w->now;
    return true;
}

static bool a_is_cut_off(struct world *w, struct script *s)
{
    step_machine(w, s->a)->held_down++;
    step_isolate(w, s->a, 1);
    s->at = w->now;
    return true;
}

/* max(V + C, H) + C, with C of 5 s (section 11). */
static bool b_holds_in_time(struct world *w, struct script *s)
{
    struct fence_times t;
    fence_times_derive(&t, SPAN_MS(w->p.detect_ms));
    int64_t voted = t.vote.ns + SPAN_MS(5000).ns;
    int64_t most = t.hand_over.ns > voted ? t.hand_over.ns : voted;
    if (w->now - s->at > most + SPAN_MS(5000).ns)
        step_must_not(w, "the dead holder's lock has not passed on in time (V2)");
    return step_client(w, s->b)->guest_runs;
}

static bool by_its_watchdog(struct world *w, struct script *s)
{
    if (w->figures.fired != 1 || w->figures.watchdog_receipts == 0 || w->figures.kills)
        step_must_not(w, "the lock passed on by something else than one watchdog");
    if (step_machine(w, s->a)->powered)
        step_must_not(w, "the machine runs on");
    return true;
}

static bool the_cut_ends(struct world *w, struct script *s)
{
    step_isolate(w, s->a, -1);
    return step_a_is_brought_up(w, s);
}

/* clang-format off: a play reads like one */
static const struct play plays[] = {
    {"watchdog", "an agent hangs, its writer writes on: the machine resets itself first (F6c)",
     .mutant = 120, .device = DEVICE_FAILS, .shape = shape,
     .steps = {{"a asks", step_a_asks},
               {"a holds", step_a_holds},
               {"b asks", step_b_asks},
               {"a hangs", a_hangs},
               {"b holds", b_holds_in_time},
               {"by its watchdog", by_its_watchdog},
               {"a is brought up", step_a_is_brought_up},
               {"a comes back", step_a_comes_back}}},
    {"unkillable", "cut off, and what acts there cannot be killed: nobody pets for it (F7)",
     .mutant = 121, .device = DEVICE_FAILS, .shape = unkillable,
     .steps = {{"a asks", step_a_asks},
               {"a holds", step_a_holds},
               {"b asks", step_b_asks},
               {"a is cut off", a_is_cut_off},
               {"b holds", b_holds_in_time},
               {"by its watchdog", by_its_watchdog},
               {"the cut ends", the_cut_ends},
               {"a comes back", step_a_comes_back}}},
};
/* clang-format on */

size_t plays_watchdog_count(void)
{
    return sizeof plays / sizeof plays[0];
}

const struct play *plays_watchdog_get(size_t index)
{
    return &plays[index];
}
