/*
 * The plays about hard cases of fencing: who dies, or starts anew, in the midst of an order. As in
 * plays.c five machines vote and are jurors; a holds and its agent stands still, b waits.
 */
#include "sim/plays_hard.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/world.h"

static struct machine *machine(struct world *w, size_t index)
{
    return &w->machines[index];
}

static struct client *client(struct world *w, size_t index)
{
    return &w->machines[index].clients[0];
}

static const struct life *life_of(struct world *w, const struct script *s)
{
    return lives_of(w, cluster_slot(s->a), s->life);
}

static _Noreturn void must_not(struct world *w, const char *what)
{
    world_fail(w, EXIT_BROKEN, "play", "%s: %s", scenario_name(w->script.index), what);
}

static bool a_asks(struct world *w, struct script *s)
{
    s->a = 0;
    s->name = history_name_new(w);
    must(s->name);
    client_demand(w, client(w, s->a), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

static bool a_holds(struct world *w, struct script *s)
{
    if (!client(w, s->a)->guest_runs)
        return false;
    s->life = client(w, s->a)->guest_op->id.life;
    return true;
}

static bool a_is_paused(struct world *w, struct script *s)
{
    machine_pause(w, machine(w, s->a), SPAN_MS(3600000));
    return true;
}

/* Two wait: whichever of them is struck, the other one is granted. */
static bool two_ask(struct world *w, struct script *s)
{
    s->b = 1;
    s->c = 2;
    client_demand(w, client(w, s->b), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    client_demand(w, client(w, s->c), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

static bool one_holds(struct world *w, struct script *s)
{
    return client(w, s->b)->guest_runs || client(w, s->c)->guest_runs;
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
    if (executor == SIZE_MAX || !machine(w, s->a)->powered)
        return false;
    s->bits = 1u << executor;
    machine(w, executor)->held_down++;
    machine(w, s->a)->held_down++; /* else it may boot before the next one's status */
    machine_power_crash(w, machine(w, executor));
    return true;
}

/* Another one, after the first one's time; a machine acts once. */
static bool another_acts(struct world *w, struct script *s)
{
    size_t executor = acting(w, s);
    if (executor != SIZE_MAX && s->bits >> executor & 1)
        must_not(w, "who died acts again");
    return executor != SIZE_MAX;
}

static bool executor_is_brought_up(struct world *w, struct script *s)
{
    size_t executor = (size_t)__builtin_ctz(s->bits);
    machine(w, executor)->held_down--;
    machine(w, s->a)->held_down--;
    machine_boot(w, machine(w, executor));
    machine_boot(w, machine(w, s->a));
    return true;
}

static bool by_one_order(struct world *w, struct script *s)
{
    if (w->figures.receipts == 0 || !life_of(w, s)->ordered)
        must_not(w, "the lock passed on without an order and its receipt");
    return true;
}

/* --- Agents restart in the midst of an order --- */

static void restart(struct world *w, size_t index)
{
    struct machine *m = machine(w, index);
    machine_agent_crash(w, m);
    machine_plan_start(w, m, SPAN_MS(300));
}

/* Some votes are there, and no order yet. Whoever coordinates the lock's shard is the accuser. */
static bool accuser_restarts(struct world *w, struct script *s)
{
    if (life_of(w, s)->votes == 0 && !life_of(w, s)->ordered)
        return false;
    int accuser = cluster_index(w->cluster, w->observer->served_by[s->name->shard]);
    must(accuser >= 0);
    restart(w, accuser == s->a ? (size_t)s->a + 3u : (size_t)accuser);
    s->bits = life_of(w, s)->votes;
    return true;
}

/* All that voted, too: their votes are durable, and count. */
static bool voters_restart(struct world *w, struct script *s)
{
    for (size_t i = 0; i < w->machine_count; i++)
        if (i != s->a && (s->bits >> i & 1) && machine(w, i)->agent_up)
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
    if (!machine(w, s->b)->ready_life || !machine(w, s->c)->ready_life ||
        !machine(w, s->b)->agent_up || !machine(w, s->c)->agent_up)
        return false;
    if (client(w, s->b)->state == CLIENT_IDLE)
        client_demand(w, client(w, s->b), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    if (client(w, s->c)->state == CLIENT_IDLE)
        client_demand(w, client(w, s->c), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

/* clang-format off */
static const struct play plays[] = {
    {"executor-dies", "an executor's machine dies while its driver runs: the next one acts (F9)",
     .mutant = 146, .device = DEVICE_SLOW, .seconds = 60,
     .steps = {{"a asks", a_asks}, {"a holds", a_holds}, {"a is paused", a_is_paused},
               {"b and c ask", two_ask}, {"the executor dies", executor_dies},
               {"another one acts", another_acts}, {"b or c holds", one_holds},
               {"by an order", by_one_order},
               {"the executor is brought up", executor_is_brought_up}}},
    {"restarts", "agents restart in the midst of an order: votes stay, it is carried out once (F2)",
     .mutant = 147, .device = DEVICE_SLOW, .seconds = 90,
     .steps = {{"a asks", a_asks}, {"a holds", a_holds}, {"a is paused", a_is_paused},
               {"b and c ask", two_ask}, {"the accuser restarts", accuser_restarts},
               {"those who voted restart", voters_restart}, {"they ask again", two_ask_again},
               {"an executor's agent restarts", executors_agent_restarts},
               {"they ask again", two_ask_again}, {"b or c holds", one_holds}}},
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
