/* Guests: see guest.h. */
#include "sim/guest.h"

#include "proto/mutant.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/world.h"

enum { UNTIL_AGENT_PERMILLE = 300 };

static const struct span notice_low = {5000}, notice_high = SPAN_MS(2000);
static const struct span stuck_high = SPAN_MS(60000);
static const struct span again = SPAN_MS(100); /* a paused driver does nothing */

static void plan(struct world *w, const struct client *c, struct span after, enum happening kind)
{
    world_plan(w, after,
               (struct item){.kind = (uint16_t)kind,
                             .machine = c->machine->index,
                             .detail = c->index,
                             .tag = c->guest_handle});
}

bool guest_any(const struct machine *m)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (m->clients[i].guest_runs)
            return true;
    return false;
}

void guest_begins(struct world *w, struct client *c)
{
    c->guest_runs = true;
    c->guest_waits = false;
    c->guest_op = c->op;
    c->guest_handle = c->handle;
    check_guest_begins(w, c);
}

void guest_over(struct world *w, struct client *c)
{
    world_trace(w, "%s/%u guest ends: %s", c->machine->name, c->index, c->guest_op->name->text);
    c->guest_runs = false;
    c->guest_waits = false;
    c->guest_op->guest_ended_at = w->now;
}

/* Kills the stop set; it is seen empty some time later. */
static void stop(struct world *w, struct client *c)
{
    struct span high = w->p.stop_high;
    if (!world_heals(w, c->machine->index) && random_chance(&c->random, w->p.stuck_permille))
        high = stuck_high;
    world_trace(w, "%s/%u guest is stopped: %s", c->machine->name, c->index,
                c->guest_op->name->text);
    plan(w, c, random_span(&c->random, (struct span){0}, high), HAPPEN_GUEST_END);
}

static uint64_t driver_handle(const struct client *c)
{
    return (uint64_t)c->index << 8 | HANDLE_DRIVER;
}

void guest_parent_dies(struct world *w, struct client *c)
{
    world_trace(w, "%s/%u guest's parent dies: %s", c->machine->name, c->index,
                c->guest_op->name->text);
    client_enter(w, c, CLIENT_ORPHAN);
    if (MUTANT(62)) { /* "released when the socket closes" */
        client_send_drop(w, c->machine, driver_handle(c), c->guest_op, true);
        plan(w, c, stuck_high, HAPPEN_GUEST_END);
        return;
    }
    plan(w, c, random_span(&c->random, notice_low, again), HAPPEN_GUEST_STOP);
}

static struct client *find(struct machine *m, size_t index, uint64_t handle)
{
    struct client *c = &m->clients[index];
    return c->guest_runs && c->guest_handle == handle && c->state == CLIENT_ORPHAN ? c : NULL;
}

void guest_stop_due(struct world *w, struct machine *m, size_t index, uint64_t handle)
{
    struct client *c = find(m, index, handle);
    if (!c)
        return;
    if (!m->agent_up)
        c->guest_waits = true; /* found by the next agent */
    else if (m->paused)
        plan(w, c, again, HAPPEN_GUEST_STOP);
    else
        stop(w, c);
}

void guest_lost(struct world *w, struct machine *m, const struct answer *a)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        if (!c->guest_runs || !op_equal(c->guest_op->id, a->hold))
            continue;
        w->figures.lost++;
        world_trace(w, "%s/%u has lost %s: %s", m->name, c->index, c->guest_op->name->text,
                    a->lost == LOST_ORDER   ? "an order"
                    : a->lost == LOST_LEASE ? "its lease"
                                            : "standing");
        bool dying = c->state == CLIENT_ORPHAN && !c->guest_waits;
        if (c->state == CLIENT_HOLDS)
            client_enter(w, c, CLIENT_ORPHAN);
        c->guest_waits = false;
        if (!dying)
            stop(w, c);
        return;
    }
}

void guest_ends(struct world *w, struct machine *m, size_t index, uint64_t handle)
{
    struct client *c = find(m, index, handle);
    if (!c)
        return;
    struct op *op = c->guest_op;
    guest_over(w, c);
    client_rest(w, c);
    /* If the agent is back it watched the process; else it will find that there is none. */
    if (m->agent_up && !op->drop_called)
        client_send_drop(w, m, driver_handle(c), op, true);
}

void guest_orphaned(struct world *w, struct client *c)
{
    client_enter(w, c, CLIENT_ORPHAN);
    if (random_chance(&c->random, UNTIL_AGENT_PERMILLE))
        c->guest_waits = true;
    else
        plan(w, c, random_span(&c->random, notice_low, notice_high), HAPPEN_GUEST_END);
}

void guest_loaded(struct world *w, struct machine *m, struct op_id id)
{
    struct op *op = history_op(w, id);
    if (!op || op->epoch != m->epoch)
        return; /* of an earlier boot: never given back */
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        if (!c->guest_runs || c->guest_op != op)
            continue;
        if (c->guest_waits)
            plan(w, c, random_span(&c->random, notice_low, notice_high), HAPPEN_GUEST_END);
        c->guest_waits = false;
        return;
    }
    client_send_drop(w, m, HANDLE_DRIVER, op, true);
}

void guest_calm(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++)
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            struct client *c = &w->machines[i].clients[k];
            if (c->guest_runs && c->state == CLIENT_ORPHAN && !c->guest_waits)
                plan(w, c, w->p.stop_high, HAPPEN_GUEST_END);
        }
}
