/* Guests: see guest.h. */
#include "sim/guest.h"

#include "proto/mutant.h"
#include "sim/changer.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/modes.h"
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

/* Keeps account of when it acts in a mode that writes. */
static void note_writing(struct world *w, struct client *c, bool writes)
{
    struct name *name = c->guest_op->name;
    if (!writes && c->writing) {
        c->writing->to = w->now;
        c->writing = NULL;
    }
    if (!writes || c->writing)
        return;
    c->writing = pool_take(&w->pool, sizeof *c->writing);
    *c->writing = (struct writing){
        .op = c->guest_op, .from = w->now, .to = INT64_MAX, .older = name->writings};
    name->writings = c->writing;
}

static void set_mode(struct world *w, struct client *c, enum lock_mode mode, uint16_t limit)
{
    c->guest_mode = mode;
    c->guest_limit = limit;
    note_writing(w, c, modes_write(mode));
}

static void begin(struct world *w, struct client *c)
{
    c->guest_runs = true;
    c->guest_waits = false;
    c->guest_op = c->op;
    c->guest_op->guest_ended_at = 0;
    c->guest_handle = c->handle;
    set_mode(w, c, c->mode, c->limit);
}

void guest_begins(struct world *w, struct client *c)
{
    begin(w, c);
    check_guest_begins(w, c);
}

void guest_goes_on(struct world *w, struct client *c)
{
    world_trace(w, "%s/%u guest goes on: %s", c->machine->name, c->index, c->op->name->text);
    begin(w, c);
    check_believes_on(w, c);
    check_guest_acts(w, c);
}

void guest_restricts(struct world *w, struct client *c, enum lock_mode mode, uint16_t limit)
{
    set_mode(w, c, mode, limit);
}

void guest_changes(struct world *w, struct client *c)
{
    world_trace(w, "%s/%u guest goes on: %s %s", c->machine->name, c->index,
                c->guest_op->name->text, modes_text(c->mode, c->limit));
    set_mode(w, c, c->mode, c->limit);
    check_guest_acts(w, c);
}

void guest_over(struct world *w, struct client *c)
{
    world_trace(w, "%s/%u guest ends: %s", c->machine->name, c->index, c->guest_op->name->text);
    note_writing(w, c, false);
    c->guest_runs = false;
    c->guest_waits = false;
    c->guest_op->guest_ended_at = w->now;
    lives_of(w, cluster_slot(c->machine->index), c->guest_op->id.life)->acted_until = w->now;
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
    /* Of one under a cached hold the next agent knows nothing: it dies with its parent
     * (PR_SET_PDEATHSIG; seed 801172). */
    bool found = !m->agent_up && !c->guest_op->under;
    if (found)
        c->guest_waits = true; /* by the next agent */
    else if (m->agent_up && m->paused)
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
        check_loses(w, c->guest_op);
        world_trace(w, "%s/%u has lost %s: %s", m->name, c->index, c->guest_op->name->text,
                    a->lost == LOST_ORDER   ? "an order"
                    : a->lost == LOST_LEASE ? "its lease"
                                            : "standing");
        bool dying = c->state == CLIENT_ORPHAN && !c->guest_waits;
        if (c->state == CLIENT_HOLDS || c->state == CLIENT_CHANGES)
            client_enter(w, c, CLIENT_ORPHAN);
        c->guest_waits = c->resumes = false;
        if (!dying)
            stop(w, c);
        return;
    }
    changer_lost(w, m, a->hold);
}

void guest_is_ended(struct world *w, struct client *c)
{
    struct machine *m = c->machine;
    struct op *op = c->guest_op;
    world_trace(w, "%s/%u guest is ended from outside: %s", m->name, c->index, op->name->text);
    guest_over(w, c);
    client_rest(w, c);
    if (m->agent_up && !op->drop_called)
        client_send_drop(w, m, driver_handle(c), op, true);
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
    if (c->resumes)
        client_plan(w, c, again);
    /* The next agent knows nothing of whom its last run let in (delegating.h). */
    if (!c->guest_op->under && random_chance(&c->random, UNTIL_AGENT_PERMILLE))
        c->guest_waits = true;
    else
        plan(w, c, random_span(&c->random, notice_low, notice_high), HAPPEN_GUEST_END);
}

void guest_resumes(struct world *w, struct client *c)
{
    guest_goes_on(w, c);
    client_enter(w, c, CLIENT_ORPHAN);
    plan(w, c, random_span(&c->wishes, notice_low, notice_high), HAPPEN_GUEST_END);
}

void guest_loaded(struct world *w, struct machine *m, struct op_id id)
{
    struct op *op = history_op(w, id);
    if (!op || op->epoch != m->epoch)
        return; /* of an earlier boot: never given back */
    if (op->dropped_told && !m->disk.unwritten && !m->store_excused)
        world_fail(w, EXIT_BROKEN, "S15", "%s: %s holds what it was told that it had given back",
                   op->name->text, m->name);
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        if (!c->guest_runs || c->guest_op != op)
            continue;
        if (c->guest_waits)
            plan(w, c, random_span(&c->random, notice_low, notice_high), HAPPEN_GUEST_END);
        c->guest_waits = false;
        return;
    }
    if (!changer_resumes(m, op))
        client_send_drop(w, m, HANDLE_DRIVER, op, true);
}

void guest_never_held(struct world *w, const struct machine *m, struct op_id id)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *c = &m->clients[i];
        if (c->guest_runs && op_equal(c->guest_op->id, id))
            world_fail(w, EXIT_BROKEN, "S15", "%s: %s takes it for never granted, and it acts",
                       c->guest_op->name->text, m->name);
    }
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
