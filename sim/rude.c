/* What clients do wrong: see rude.h. */
#include "sim/rude.h"

#include "sim/machine.h"
#include "sim/world.h"

/* Far above any counter of a run. */
static const uint64_t never_given = UINT64_C(1) << 40;

static void drop(struct world *w, struct machine *m, struct op_id id, uint64_t handle)
{
    coverage_hit(w, COVER_CLIENT);
    machine_post(w, m, &(struct event){.kind = EVENT_DROP, .drop = {.handle = handle, .hold = id}});
}

void rude_before_drop(struct world *w, struct client *c, const struct op *op)
{
    if (w->calm || !random_chance(&c->random, w->p.wrong_permille))
        return;
    struct op_id id = op->id;
    const struct machine *other =
        &w->machines[(c->machine->index + 1 + random_below(&c->random, w->machine_count - 1)) %
                     w->machine_count];
    if (other->ops && random_chance(&c->random, 700))
        id = other->ops->id;
    else
        id.counter += never_given;
    drop(w, c->machine, id, HANDLE_RUDE);
}

void rude_after_drop(struct world *w, struct client *c, const struct op *op)
{
    bool out = c->state == CLIENT_DROPS && c->machine->agent_up;
    if (!w->calm && out && random_chance(&c->random, w->p.double_permille))
        drop(w, c->machine, op->id, c->handle);
}

void rude_change(struct world *w, struct client *c, const struct event *event)
{
    bool out = c->state == CLIENT_CHANGES && c->machine->agent_up;
    bool twice = random_chance(&c->wishes, w->p.double_permille);
    bool wrong = random_chance(&c->wishes, w->p.wrong_permille);
    struct event again = *event;
    if (w->calm || !out || (!twice && !wrong))
        return;
    coverage_hit(w, COVER_CLIENT);
    again.change.handle = HANDLE_RUDE;
    if (wrong)
        again.change.hold.counter += never_given;
    machine_post(w, c->machine, &again);
}

void rude_answer(struct world *w, const struct machine *m, const struct answer *a)
{
    bool granted = a->kind == ANSWER_GRANTED, changed = a->kind == ANSWER_CHANGED;
    if (granted || changed || a->kind == ANSWER_DROPPED)
        world_fail(
            w, EXIT_BROKEN, "S14",
            "%s answers %s to a call about operation %u/%llu/%llu that it has to refuse", m->name,
            granted   ? "granted"
            : changed ? "changed"
                      : "dropped",
            a->hold.slot, (unsigned long long)a->hold.life, (unsigned long long)a->hold.counter);
}
