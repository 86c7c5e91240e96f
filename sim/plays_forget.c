/*
 * The plays about forgetting (L10). Free locks are forgotten after half a second; all five machines
 * vote for the one shard.
 */
#include "sim/plays_forget.h"

#include "proto/must.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/step.h"
#include "sim/world.h"

static const struct span late = SPAN_MS(20000);

static void shape(struct parameters *p)
{
    p->forget_span = SPAN_MS(500);
    p->shards = 1;
    p->delay = (struct range){SPAN_MS(1), SPAN_MS(1)};
    p->far_permille = p->deep_permille = p->bad_loss_permille = p->corrupt_permille = 0;
}

enum { REGISTERS = 32 };

/* All are used before any can be forgotten, which begins after a sixty-fourth of that time. */
static void shape_few_registers(struct parameters *p)
{
    shape(p);
    p->forget_span = SPAN_MS(512000);
    p->registers = REGISTERS;
}

/* At how many machines it is. */
static size_t kept(const struct world *w, const struct script *s)
{
    size_t count = 0;
    for (size_t i = 0; i < w->machine_count; i++)
        count += w->machines[i].shadow->durable.stored[s->name->index] != NULL;
    return count;
}

static uint16_t coordinator(const struct world *w, const struct script *s)
{
    int index = cluster_index(w->cluster, w->observer->served_by[s->name->shard]);
    must(index >= 0);
    return (uint16_t)index;
}

/* --- Steps --- */

static bool a_asks(struct world *w, struct script *s)
{
    s->a = 0, s->b = 1, s->c = 4;
    if (!s->name)
        s->name = history_name_new(w);
    must(s->name);
    client_demand(w, step_client(w, s->a), s->name, LOCK_EXCLUSIVE, LOCK_STALE_HOLD);
    return true;
}

static bool a_holds(struct world *w, struct script *s)
{
    return step_client(w, s->a)->guest_runs;
}

static bool it_is_gone(struct world *w, struct script *s)
{
    return s->name->chosen && s->name->chosen->hold_count == 0 && kept(w, s) == 0;
}

static bool b_asks(struct world *w, struct script *s)
{
    client_demand(w, step_client(w, s->b), s->name, LOCK_EXCLUSIVE, LOCK_STALE_HOLD);
    return true;
}

static bool a_uses_all_registers(struct world *w, struct script *s)
{
    struct client *c = step_client(w, s->a);
    if (c->guest_runs)
        client_let_go(w, c);
    if (c->state != CLIENT_IDLE)
        return false;
    if (++s->bits == REGISTERS)
        return true;
    struct name *name = history_name_new(w);
    must(name);
    client_demand(w, c, name, LOCK_EXCLUSIVE, LOCK_STALE_HOLD);
    return false;
}

static bool a_asks_for_another(struct world *w, struct script *s)
{
    s->name = NULL;
    return a_asks(w, s);
}

/* S7 sees to its token. */
static bool b_holds_and_lets_go(struct world *w, struct script *s)
{
    if (!step_client(w, s->b)->guest_runs)
        return false;
    client_let_go(w, step_client(w, s->b));
    return true;
}

static bool its_coordinator_dies(struct world *w, struct script *s)
{
    struct machine *m = &w->machines[coordinator(w, s)];
    machine_agent_crash(w, m);
    machine_plan_start(w, m, SPAN_MS(300));
    s->b = (uint16_t)((m->index + 1u) % w->machine_count);
    return true;
}

static bool site_goes_down(struct world *w, struct script *s)
{
    (void)s;
    for (size_t i = 0; i < w->machine_count; i++)
        machine_power_crash(w, &w->machines[i]);
    for (size_t i = 0; i < w->machine_count; i++)
        world_plan(w, SPAN_MS(1000 + 200 * (int64_t)i),
                   (struct item){.kind = HAPPEN_BOOT, .machine = (uint16_t)i});
    return true;
}

static bool site_is_back(struct world *w, struct script *s)
{
    (void)s;
    for (size_t i = 0; i < w->machine_count; i++)
        if (w->machines[i].ready_life == 0)
            return false;
    return true;
}

/* What the coordinator says to c from now on takes 20 s, */
static bool c_is_far(struct world *w, struct script *s)
{
    s->bits = coordinator(w, s);
    s->c = (uint16_t)((s->bits + 1u) % w->machine_count);
    w->network.slowed[s->bits][s->c] += late.ns;
    s->at = w->now;
    return true;
}

/*   and now it does not any more. */
static bool c_is_near(struct world *w, struct script *s)
{
    w->network.slowed[s->bits][s->c] -= late.ns;
    return true;
}

static bool it_stays_gone(struct world *w, struct script *s)
{
    if (kept(w, s) > 0)
        step_must_not(w, "what was forgotten is back");
    return w->now - s->at > late.ns + SPAN_MS(1000).ns;
}

static bool c_is_cut_off(struct world *w, struct script *s)
{
    step_isolate(w, s->c, 1);
    return true;
}

/* Four of five have the free state; one knows of a holder. */
static bool nothing_is_forgotten(struct world *w, struct script *s)
{
    if (kept(w, s) < w->machine_count)
        step_must_not(w, "it was forgotten while one still has an older state of it");
    return w->now - s->since > SPAN_MS(10000).ns;
}

static bool c_comes_back(struct world *w, struct script *s)
{
    step_isolate(w, s->c, -1);
    return true;
}

/* clang-format off */
static const struct play plays[] = {
    {"forgotten", "a free lock is forgotten, and its tokens go on, whoever coordinates (L10)",
     .mutant = 21, .device = DEVICE_FAILS, .shape = shape,
     .steps = {{"a asks", a_asks}, {"a holds", a_holds}, {"a lets go", step_a_lets_go},
               {"the lock is gone", it_is_gone}, {"b asks", b_asks},
               {"b holds and lets go", b_holds_and_lets_go}, {"the lock is gone", it_is_gone},
               {"its coordinator dies", its_coordinator_dies}, {"b asks", b_asks},
               {"b holds and lets go", b_holds_and_lets_go}, {"the lock is gone", it_is_gone},
               {"the site goes down", site_goes_down}, {"the site is back", site_is_back},
               {"b asks", b_asks}, {"b holds and lets go", b_holds_and_lets_go}}},
    {"old-accept", "a datagram of before a lock was forgotten stores nothing (L10)",
     .mutant = 65, .device = DEVICE_FAILS, .shape = shape,
     .steps = {{"a asks", a_asks}, {"a holds", a_holds}, {"c is far", c_is_far},
               {"a lets go", step_a_lets_go}, {"b asks", b_asks},
               {"b holds and lets go", b_holds_and_lets_go}, {"c is near", c_is_near},
               {"the lock is gone", it_is_gone}, {"it stays gone", it_stays_gone}}},
    {"away", "a lock that one voter cannot hear of is not forgotten (L10)",
     .mutant = 19, .device = DEVICE_FAILS, .shape = shape,
     .steps = {{"a asks", a_asks}, {"a holds", a_holds}, {"c is cut off", c_is_cut_off},
               {"a lets go", step_a_lets_go}, {"nothing is forgotten", nothing_is_forgotten},
               {"c comes back", c_comes_back}, {"the lock is gone", it_is_gone}}},
    {"full", "a floor takes no lock's place, and full registers empty again (L10)",
     .mutant = 185, .device = DEVICE_FAILS, .shape = shape_few_registers,
     .steps = {{"a asks", a_asks}, {"a holds", a_holds}, {"a lets go", step_a_lets_go},
               {"a uses all registers", a_uses_all_registers},
               {"the lock is gone", it_is_gone}, {"a asks for another", a_asks_for_another},
               {"a holds", a_holds}, {"a lets go", step_a_lets_go}}},
};
/* clang-format on */

size_t plays_forget_count(void)
{
    return sizeof plays / sizeof plays[0];
}

const struct play *plays_forget_get(size_t index)
{
    return &plays[index];
}
