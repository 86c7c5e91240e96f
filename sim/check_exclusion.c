/*
 * S1: at no instant do two guests run under conflicting locks, whatever anybody believes. S15: no
 * hold disappears that was not given back, unless its life is proven over (S8), and none that was
 * given back comes back to its client.
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

static bool holds(const struct value *v, const struct op *op, uint64_t token)
{
    for (size_t i = 0; i < v->hold_count; i++)
        if (v->holds[i].op == op && v->holds[i].token == token)
            return true;
    return false;
}

void check_holds_kept(struct world *w, const struct value *before, const struct value *after)
{
    for (size_t i = 0; i < before->hold_count; i++) {
        struct op *op = before->holds[i].op;
        if (!holds(after, op, before->holds[i].token))
            check_passed_on(w, op, after);
    }
}

void check_granted(struct world *w, struct op *op, uint64_t token)
{
    const struct value *chosen = op->name->chosen;
    if (op->dropped_told || op->finished)
        world_fail(w, EXIT_BROKEN, "S15", "%s: %s is told of a grant after a final answer",
                   op->name->text, op->machine->name);
    if (!chosen || !holds(chosen, op, token))
        world_fail(w, EXIT_BROKEN, "S6",
                   "%s: %s is told of a grant with token %llu; the chosen state is %s",
                   op->name->text, op->machine->name, (unsigned long long)token,
                   value_text(chosen));
    check_token_told(w, op, token);
    op->granted_told = true;
    op->token_told = token;
    if (!op->name->told || value_compare(op->held_in, op->name->told) > 0)
        op->name->told = op->held_in;
}

static bool client_has(const struct op *op)
{
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        const struct client *c = &op->machine->clients[k];
        if (c->op == op || (c->guest_runs && c->guest_op == op))
            return true;
    }
    return false;
}

static _Noreturn void leak(struct world *w, const struct op *op, const char *what)
{
    world_fail(w, EXIT_STUCK, "live", "%s stays %s for %s, operation %u/%llu/%llu: %s%s",
               op->name->text, what, op->machine->name, op->id.slot,
               (unsigned long long)op->id.life, (unsigned long long)op->id.counter,
               op->dropped_told   ? "its release was acknowledged"
               : op->granted_told ? "its client is gone"
               : op->finished     ? "its client was told that it got nothing"
                                  : "its client never heard of it",
               op->epoch != op->machine->epoch ? ", in an earlier life" : "");
}

void check_leaks(struct world *w)
{
    struct history *h = &w->observer->history;
    for (size_t i = 0; i < h->name_count; i++) {
        const struct name *name = h->names[i];
        if (name->jammed || !name->chosen)
            continue;
        for (size_t k = 0; k < name->chosen->hold_count; k++)
            if (!client_has(name->chosen->holds[k].op))
                leak(w, name->chosen->holds[k].op, "held");
        for (size_t k = 0; k < name->chosen->waiter_count; k++)
            if (!client_has(name->chosen->waiters[k]))
                leak(w, name->chosen->waiters[k], "awaited");
    }
}
