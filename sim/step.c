#include "sim/step.h"

#include "proto/must.h"
#include "sim/client.h"
#include "sim/cluster.h"
#include "sim/history.h"
#include "sim/machine.h"
#include "sim/scenario.h"

struct machine *step_machine(struct world *w, size_t index)
{
    return &w->machines[index];
}

struct client *step_client(struct world *w, size_t index)
{
    return &w->machines[index].clients[0];
}

const struct life *step_life(struct world *w, const struct script *s)
{
    return lives_of(w, cluster_slot(s->a), s->life);
}

_Noreturn void step_must_not(struct world *w, const char *what)
{
    world_fail(w, EXIT_BROKEN, "play", "%s: %s", scenario_name(w->script.index), what);
}

void step_isolate(struct world *w, size_t index, int by)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        if (i == index)
            continue;
        w->network.cuts[i][index] += (uint32_t)by;
        w->network.cuts[index][i] += (uint32_t)by;
    }
}

bool step_a_asks(struct world *w, struct script *s)
{
    s->a = 0, s->b = 1;
    s->name = history_name_new(w);
    must(s->name);
    client_demand(w, step_client(w, s->a), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

bool step_a_holds(struct world *w, struct script *s)
{
    if (!step_client(w, s->a)->guest_runs)
        return false;
    s->life = step_client(w, s->a)->guest_op->id.life;
    return true;
}

bool step_a_lets_go(struct world *w, struct script *s)
{
    client_let_go(w, step_client(w, s->a));
    return true;
}

bool step_a_is_paused(struct world *w, struct script *s)
{
    machine_pause(w, step_machine(w, s->a), SPAN_MS(3600000));
    s->at = w->now;
    return true;
}

bool step_a_goes_on(struct world *w, struct script *s)
{
    machine_thaw(w, step_machine(w, s->a));
    return true;
}

bool step_a_is_brought_up(struct world *w, struct script *s)
{
    step_machine(w, s->a)->held_down--;
    machine_boot(w, step_machine(w, s->a));
    return true;
}

bool step_a_comes_back(struct world *w, struct script *s)
{
    return step_machine(w, s->a)->ready_life > s->life;
}

bool step_b_asks(struct world *w, struct script *s)
{
    client_demand(w, step_client(w, s->b), s->name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
    return true;
}

bool step_b_holds(struct world *w, struct script *s)
{
    return step_client(w, s->b)->guest_runs;
}
