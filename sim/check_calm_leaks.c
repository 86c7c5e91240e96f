/*
 * In the calm nobody holds or waits whose client is gone, and no conversion of a hold is pending,
 * but on jammed names.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

static bool client_has(const struct op *op)
{
    for (size_t k = 0; k < CLIENTS_MAX; k++) {
        const struct client *c = &op->machine->clients[k];
        if (c->op == op || (c->guest_runs && c->guest_op == op))
            return true;
    }
    return false;
}

/* A ghost is given back when somebody waits for it (L9), and jurors are asked about an earlier life
 * for the sake of one who waits. For NL nobody ever does: it may stay until its coordinator hears
 * of the proof by itself. */
static bool in_nobodys_way(const struct value_hold *hold)
{
    const struct op *op = hold->op;
    return hold->mode == LOCK_NL && (op->epoch != op->machine->epoch || !op->granted_told);
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
            if (!client_has(name->chosen->holds[k].op) && !in_nobodys_way(&name->chosen->holds[k]))
                leak(w, name->chosen->holds[k].op, "held");
        for (size_t k = 0; k < name->chosen->waiter_count; k++)
            if (!client_has(name->chosen->waiters[k]))
                leak(w, name->chosen->waiters[k], "awaited");
        if (name->chosen->convert_count > 0) /* all clients have had their answers */
            leak(w, name->chosen->converts[0].op, "waiting to be converted");
    }
}
