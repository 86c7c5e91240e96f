/*
 * S1: at no instant do two guests run under conflicting locks, nor more counted ones than the limit
 * of any of them, whatever anybody believes.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/world.h"

/* How long ago the guests ended whose broken holds this grant follows. */
static void measure(struct world *w, const struct op *op)
{
    for (const struct op *o = op->name->ops; o; o = o->older_here) {
        bool ended = o->guest_ended_at && !o->drop_called && o->broken_counted;
        if (!ended || modes_agree(o->mode, op->mode))
            continue;
        int64_t margin = w->now - o->guest_ended_at;
        if (margin < w->figures.margin)
            w->figures.margin = margin;
    }
}

static const char *modes_text_of(const struct op *op)
{
    return modes_text(op->mode, op->limit);
}

void check_guest_begins(struct world *w, const struct client *c)
{
    struct modes all = modes_none();
    const struct op *op = c->guest_op;
    for (size_t i = 0; i < w->machine_count; i++) {
        struct machine *m = &w->machines[i];
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            const struct client *other = &m->clients[k];
            if (other == c || !other->guest_runs || other->guest_op->name != op->name)
                continue;
            modes_add(&all, other->guest_op->mode, other->guest_op->limit);
            if (modes_agree(other->guest_op->mode, op->mode))
                continue;
            world_fail(w, EXIT_BROKEN, "S1", "%s: a guest of %s (%s) runs beside one of %s (%s)",
                       op->name->text, c->machine->name, modes_text_of(op), m->name,
                       modes_text_of(other->guest_op));
        }
    }
    if (!modes_fit(&all, op->mode, op->limit))
        world_fail(w, EXIT_BROKEN, "S1",
                   "%s: a guest of %s (%s) runs beside %u counted ones, of which one has a limit "
                   "of %u",
                   op->name->text, c->machine->name, modes_text_of(op), all.count[LOCK_COUNTED],
                   all.least);
    check_begins_in_time(w, c->guest_op);
    measure(w, c->guest_op);
}
