/*
 * The plays about hard cases of fencing: who dies, or starts anew, in the midst of an order. As in
 * plays.c five machines vote and are jurors; a holds and its agent stands still, b waits.
 */
#include "sim/plays_hard.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/step.h"
#include "sim/world.h"

/* Two wait: whichever of them is struck, the other one is granted. */
static bool two_ask(struct world *w, struct script *s)
{
    s->b = 1;
    s->c = 2;
    client_demand(w, step_client(w, s->b), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    client_demand(w, step_client(w, s->c), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

static bool one_holds(struct world *w, struct script *s)
{
    return step_client(w, s->b)->guest_runs || step_client(w, s->c)->guest_runs;
}

/* The executor of the driver that runs against a; SIZE_MAX if none runs. */
static size_t acting(const struct world *w, const struct script *s)
{
    for (size_t i = 0; i < DEVICE_RUNS_MAX; i++) {
        const struct device_run *d = &w->devices.runs[i];
        if (d->active && !d->answered && d->target == s->a && d->run.kind == RUN_OFF_STATUS)
            return d->executor;
    }
    return SIZE_MAX;
}

/* --- The executor's machine dies while its driver runs --- */

static bool executor_dies(struct world *w, struct script *s)
{
    size_t executor = acting(w, s);
    if (executor == SIZE_MAX || !step_machine(w, s->a)->powered)
        return false;
    s->bits = 1u << executor;
    step_machine(w, executor)->held_down++;
    step_machine(w, s->a)->held_down++; /* else it may boot before the next one's status */
    machine_power_crash(w, step_machine(w, executor));
    return true;
}

/* Another one, after the first one's time; a machine acts once. */
static bool another_acts(struct world *w, struct script *s)
{
    size_t executor = acting(w, s);
    if (executor != SIZE_MAX && s->bits >> executor & 1)
        step_must_not(w, "who died acts again");
    return executor != SIZE_MAX;
}

static bool executor_is_brought_up(struct world *w, struct script *s)
{
    size_t executor = (size_t)__builtin_ctz(s->bits);
    step_machine(w, executor)->held_down--;
    step_machine(w, s->a)->held_down--;
    machine_boot(w, step_machine(w, executor));
    machine_boot(w, step_machine(w, s->a));
    return true;
}

static bool by_one_order(struct world *w, struct script *s)
{
    if (w->figures.receipts == 0 || !step_life(w, s)->ordered)
        step_must_not(w, "the lock passed on without an order and its receipt");
    return true;
}

/* --- Agents restart in the midst of an order --- */

static void restart(struct world *w, size_t index)
{
    struct machine *m = step_machine(w, index);
    machine_agent_crash(w, m);
    machine_plan_start(w, m, SPAN_MS(300));
}

/* Some votes are there, and no order yet. Whoever coordinates the lock's shard is the accuser. */
static bool accuser_restarts(struct world *w, struct script *s)
{
    if (step_life(w, s)->votes == 0 && !step_life(w, s)->ordered)
        return false;
    int accuser = cluster_index(w->cluster, w->observer->served_by[s->name->shard]);
    must(accuser >= 0);
    restart(w, accuser == s->a ? (size_t)s->a + 3u : (size_t)accuser);
    s->bits = step_life(w, s)->votes;
    return true;
}

/* All that voted, too: their votes are durable, and count. */
static bool voters_restart(struct world *w, struct script *s)
{
    for (size_t i = 0; i < w->machine_count; i++)
        if (i != s->a && (s->bits >> i & 1) && step_machine(w, i)->agent_up)
            restart(w, i);
    return true;
}

static bool executors_agent_restarts(struct world *w, struct script *s)
{
    size_t executor = acting(w, s);
    if (executor == SIZE_MAX)
        return false;
    restart(w, executor); /* its driver goes on, and nobody hears what it says */
    return true;
}

/* The clients of agents that were restarted are gone with them. */
static bool two_ask_again(struct world *w, struct script *s)
{
    if (!step_machine(w, s->b)->ready_life || !step_machine(w, s->c)->ready_life ||
        !step_machine(w, s->b)->agent_up || !step_machine(w, s->c)->agent_up)
        return false;
    if (step_client(w, s->b)->state == CLIENT_IDLE)
        client_demand(w, step_client(w, s->b), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    if (step_client(w, s->c)->state == CLIENT_IDLE)
        client_demand(w, step_client(w, s->c), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

/* Whoever was refused, since its agent was not ready yet, asks once more. */
static bool one_of_them_holds(struct world *w, struct script *s)
{
    two_ask_again(w, s);
    return one_holds(w, s);
}

/* --- The ladder: the first device fails, the second one works --- */

static void ladder_shape(struct parameters *p)
{
    p->ladder = true;
}

static bool by_the_second_rung(struct world *w, struct script *s)
{
    const struct life *life = step_life(w, s);
    bool second = life->acted[2] || life->acted[3]; /* one of them is for sessions */
    if (!life->acted[1] || !second || w->figures.receipts == 0)
        step_must_not(w, "the lock passed on without the ladder's second rung");
    return true;
}

/* clang-format off */
static const struct play plays[] = {
    {"executor-dies", "an executor's machine dies while its driver runs: the next one acts (F9)",
     .mutant = 146, .device = DEVICE_SLOW, .seconds = 60,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"a is paused", step_a_is_paused},
               {"b and c ask", two_ask}, {"the executor dies", executor_dies},
               {"another one acts", another_acts}, {"b or c holds", one_holds},
               {"by an order", by_one_order},
               {"the executor is brought up", executor_is_brought_up}}},
    {"restarts", "agents restart in the midst of an order: votes stay, it is carried out once (F2)",
     .mutant = 147, .device = DEVICE_SLOW, .seconds = 90,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"a is paused", step_a_is_paused},
               {"b and c ask", two_ask}, {"the accuser restarts", accuser_restarts},
               {"those who voted restart", voters_restart}, {"they ask again", two_ask_again},
               {"an executor's agent restarts", executors_agent_restarts},
               {"they ask again", two_ask_again}, {"b or c holds", one_of_them_holds}}},
    {"ladder", "the first action against a machine fails, the second one does it (F8, F9)",
     .mutant = 163, .device = DEVICE_FAILS, .seconds = 60, .shape = ladder_shape,
     .steps = {{"a asks", step_a_asks}, {"a holds", step_a_holds}, {"a is paused", step_a_is_paused},
               {"b asks", step_b_asks}, {"b holds", step_b_holds},
               {"by the second rung", by_the_second_rung}}},
};
/* clang-format on */

enum { PLAYS = sizeof plays / sizeof plays[0] };

size_t plays_hard_count(void)
{
    return PLAYS;
}

const struct play *plays_hard_get(size_t index)
{
    must(index < PLAYS);
    return &plays[index];
}
