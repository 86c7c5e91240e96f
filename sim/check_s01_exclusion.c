/*
 * S1: at no instant do two guests run under conflicting locks, whatever anybody believes.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

/* How long ago the guests ended whose broken holds this grant follows. */
static void measure(struct world *w, const struct op *op)
{
    for (const struct op *o = op->name->ops; o; o = o->older_here) {
        bool ended = o->guest_ended_at && !o->drop_called && o->broken_counted;
        if (!ended || lock_modes_compatible(o->mode, op->mode))
            continue;
        int64_t margin = w->now - o->guest_ended_at;
        if (margin < w->figures.margin)
            w->figures.margin = margin;
    }
}

void check_guest_begins(struct world *w, const struct client *c)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        struct machine *m = &w->machines[i];
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            const struct client *other = &m->clients[k];
            if (other == c || !other->guest_runs || other->guest_op->name != c->guest_op->name)
                continue;
            if (lock_modes_compatible(other->guest_op->mode, c->guest_op->mode))
                continue;
            world_fail(w, EXIT_BROKEN, "S1", "%s: a guest of %s (%s) runs beside one of %s (%s)",
                       c->guest_op->name->text, c->machine->name, lock_mode_text(c->guest_op->mode),
                       m->name, lock_mode_text(other->guest_op->mode));
        }
    }
    check_begins_in_time(w, c->guest_op);
    measure(w, c->guest_op);
}
