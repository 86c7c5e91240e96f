/*
 * S1: at no instant do two guests act in modes that conflict, nor more counted ones than the limit
 * of any of them, whatever anybody believes. Judged whenever a guest begins, or its mode grows. A
 * guest under `expire` may act while its machine believes in the lease, by its clock; what it does
 * later is not protected.
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

static const char *acts_text(const struct client *c)
{
    return modes_text(c->guest_mode, c->guest_limit);
}

bool check_believed(const struct op *op)
{
    return op->policy != LOCK_STALE_EXPIRE ||
           (op->epoch == op->machine->epoch && machine_clock(op->machine).ns < op->until.ns);
}

void check_believes(struct world *w, struct op *op, struct instant until)
{
    op->until = until;
    op->until_at = clock_when(&op->machine->clock, w->now, until);
    op->until_run = op->machine->run;
}

void check_guest_acts(struct world *w, const struct client *c)
{
    struct modes all = modes_none();
    const struct op *op = c->guest_op;
    enum lock_mode mode = c->guest_mode;
    if (!check_believed(op))
        return;
    for (size_t i = 0; i < w->machine_count; i++) {
        struct machine *m = &w->machines[i];
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            const struct client *other = &m->clients[k];
            if (other == c || !other->guest_runs || other->guest_op->name != op->name ||
                !check_believed(other->guest_op))
                continue;
            modes_add(&all, other->guest_mode, other->guest_limit);
            if (modes_agree(other->guest_mode, mode))
                continue;
            world_fail(w, EXIT_BROKEN, "S1", "%s: a guest of %s (%s) runs beside one of %s (%s)",
                       op->name->text, c->machine->name, acts_text(c), m->name, acts_text(other));
        }
    }
    if (!modes_fit(&all, mode, c->guest_limit))
        world_fail(w, EXIT_BROKEN, "S1",
                   "%s: a guest of %s (%s) runs beside %u counted ones, of which one has a limit "
                   "of %u",
                   op->name->text, c->machine->name, acts_text(c), all.count[LOCK_COUNTED],
                   all.least);
    check_begins_in_time(w, op);
}

void check_guest_begins(struct world *w, const struct client *c)
{
    if (!check_believed(c->guest_op))
        world_fail(w, EXIT_BROKEN, "S1", "%s: %s is told of a grant when its lease is over",
                   c->guest_op->name->text, c->machine->name);
    check_guest_acts(w, c);
    measure(w, c->guest_op);
}

void check_believes_on(struct world *w, const struct client *c)
{
    struct op_view view;
    if (peer_op(c->machine->peer, c->guest_op->id, &view) && view.until.ns)
        check_believes(w, c->guest_op, view.until);
}

/* A lapsed lease is never resumed; but an agent that was started anew may find that the hold is
 * there still, and then nobody else has had it. */
static void check_belief(struct world *w, const struct client *c, struct op *op)
{
    struct op_view view;
    if (!peer_op(c->machine->peer, op->id, &view) || view.state != OP_HELD || view.until.ns == 0)
        return;
    if (view.until.ns == op->until.ns)
        return;
    bool over = !check_believed(op), anew = op->until_run != c->machine->run;
    check_believes(w, op, view.until);
    if (!over || !check_believed(op))
        return;
    if (!anew)
        world_fail(w, EXIT_BROKEN, "S1", "%s: %s believes again in a lease that was over",
                   op->name->text, c->machine->name);
    check_guest_acts(w, c);
}

void check_beliefs(struct world *w, const struct machine *m)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *c = &m->clients[i];
        if (c->guest_runs && c->guest_op->policy == LOCK_STALE_EXPIRE &&
            c->guest_op->epoch == m->epoch) {
            check_belief(w, c, c->guest_op);
            check_told_lost(w, m, c);
        }
    }
}
