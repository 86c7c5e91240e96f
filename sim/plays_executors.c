/*
 * The plays about several executors of one order (F9). As in plays.c five machines vote and are
 * jurors; a holds and its agent stands still, b waits.
 */
#include "sim/plays_executors.h"

#include "sim/machine.h"
#include "sim/step.h"
#include "sim/world.h"

static size_t runs_of(const struct world *w, const struct script *s, size_t executor)
{
    size_t count = 0;
    for (size_t i = 0; i < DEVICE_RUNS_MAX; i++) {
        const struct device_run *d = &w->devices.runs[i];
        count += d->active && !d->answered && d->target == s->a && d->executor == executor &&
                 d->run.kind == RUN_OFF_STATUS;
    }
    return count;
}

/* --- Who comes up in mid-action --- */

static const struct span slow = SPAN_MS(9000);

/* A fourth machine, which neither holds nor waits. */
static bool c_goes_down(struct world *w, struct script *s)
{
    s->c = 4;
    w->devices.told_time[s->a] = slow.ns;
    step_machine(w, s->c)->held_down++;
    machine_agent_crash(w, step_machine(w, s->c));
    return true;
}

/* It knows nothing of who acts, and may think that it is its turn. */
static bool c_comes_up_meanwhile(struct world *w, struct script *s)
{
    bool acts = false;
    for (size_t i = 0; i < w->machine_count; i++)
        acts |= runs_of(w, s, i) > 0;
    if (!acts)
        return false;
    step_machine(w, s->a)->held_down++; /* else it may boot before the device is asked how it is */
    step_machine(w, s->c)->held_down--;
    machine_plan_start(w, step_machine(w, s->c), SPAN_MS(100));
    return true;
}

static bool b_holds_by_one_run(struct world *w, struct script *s)
{
    if (w->figures.runs > 1)
        step_must_not(w, "a second executor began beside one that began (F9)");
    return step_b_holds(w, s);
}

/* --- Two begin --- */

static void two_actions(struct parameters *p)
{
    p->ladder = true;
}

/* It has asked, and is let; that it begins nobody hears. */
static bool first_will_be_unheard(struct world *w, struct script *s)
{
    (void)w;
    s->mutes = true;
    return true;
}

static bool first_begins(struct world *w, struct script *s)
{
    (void)w;
    return !s->mutes;
}

/* Whoever is the next by what it knows. */
static bool another_begins(struct world *w, struct script *s)
{
    size_t others = 0;
    for (size_t i = 0; i < w->machine_count; i++)
        others += i != s->c ? runs_of(w, s, i) : 0;
    if (others > 0)
        step_isolate(w, s->c, -1);
    return others > 0;
}

/* Two rungs of 13 s and 2 s between them would be the other's time; a device fails within 3 s. */
static bool b_holds_before_their_time(struct world *w, struct script *s)
{
    if (w->now - s->since > SPAN_MS(24000).ns)
        step_must_not(w, "two executors that began wait for each other (F9)");
    return step_b_holds(w, s);
}

static bool by_one_of_them(struct world *w, struct script *s)
{
    const struct life *life = step_life(w, s);
    uint32_t upper = life->acted[2] | life->acted[3]; /* one of them is for sessions */
    if (__builtin_popcount(life->acted[1]) != 2 || __builtin_popcount(upper) != 1)
        step_must_not(w, "not exactly one of the two that began went on (F9)");
    return true;
}

/* clang-format off */
static const struct play plays[] = {
    {"mid-action", "an executor comes up while another one acts: it does not act beside it (F9)",
     .mutant = 164, .device = DEVICE_SLOW, .seconds = 60,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"a is paused", step_a_is_paused},
               {"c goes down", c_goes_down}, {"b asks", step_b_asks},
               {"c comes up while one acts", c_comes_up_meanwhile}, {"b holds", b_holds_by_one_run},
               {"a is brought up", step_a_is_brought_up}}},
    {"two-begin", "two executors began, and their first action fails: one of them goes on (F9)",
     .mutant = 165, .device = DEVICE_FAILS, .seconds = 60, .shape = two_actions,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"b asks", step_b_asks},
               {"a is paused", step_a_is_paused}, {"the first executor will be unheard", first_will_be_unheard},
               {"it begins", first_begins},
               {"another one begins", another_begins}, {"b holds", b_holds_before_their_time},
               {"by one of them", by_one_of_them}}},
};
/* clang-format on */

size_t plays_executors_count(void)
{
    return sizeof plays / sizeof plays[0];
}

const struct play *plays_executors_get(size_t index)
{
    return &plays[index];
}
