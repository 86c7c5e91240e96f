/*
 * S8, S14 and S1 for those whom a node lets in under a hold that it has cached (proto/readers.h):
 * nobody is let in under one that the node was asked to give up; and once its lease is over each of
 * them has heard so, as soon as its agent runs. That they exclude who is excluded, and that the
 * register has the hold as long as one of them acts, is judged with all others (S1, S8).
 */
#include "sim/check.h"
#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/world.h"

static const struct span one_turn = SPAN_MS(1);

/* Guests of that machine that act under the hold, but not `except`. */
static size_t readers(const struct machine *m, const struct op *root, const struct op *except)
{
    size_t count = 0;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        const struct client *c = &m->clients[i];
        count += c->guest_runs && c->guest_op->under == root && c->guest_op != except;
    }
    return count;
}

void check_recalled(struct world *w, const struct machine *m, const struct wire_blocking *b)
{
    struct op *root = history_op(w, b->hold);
    if (!root || b->tries || !root->granted_told || root->epoch != m->epoch)
        return;
    if (readers(m, root, NULL) > 1)
        coverage_readers(w, COVER_READERS_RECALLED);
    root->recalled_at = w->now;
    root->recalled_run = m->run;
}

void check_let_in(struct world *w, const struct op *op)
{
    const struct op *root = op->under;
    const struct machine *m = op->machine;
    if (!root)
        return;
    if (root->recalled_at && root->recalled_run == m->run && op->asked_at > root->recalled_at)
        world_fail(w, EXIT_BROKEN, "S14",
                   "%s: %s lets operation %llu in under %llu, which somebody waits for",
                   op->name->text, m->name, (unsigned long long)op->id.counter,
                   (unsigned long long)root->id.counter);
    if (readers(m, root, op) > 0)
        coverage_readers(w, COVER_READERS_TOGETHER);
    if (readers(m, root, op) > 1)
        coverage_readers(w, COVER_READERS_THREE);
}

void check_leaves(struct world *w, const struct op *op)
{
    if (op->under && readers(op->machine, op->under, op) > 0)
        coverage_readers(w, COVER_READERS_LEFT);
}

void check_loses(struct world *w, const struct op *op)
{
    if (op->under && readers(op->machine, op->under, op) > 0)
        coverage_readers(w, COVER_READERS_LOST);
}

void check_awaits(struct world *w, const struct op *op)
{
    if (op->under && readers(op->machine, op->under, op) > 0)
        coverage_readers(w, COVER_READERS_ALONE);
}

void check_told_lost(struct world *w, const struct machine *m, const struct client *c)
{
    const struct op *op = c->guest_op;
    if (c->state != CLIENT_HOLDS || !op->under || op->until_run != m->run || check_believed(op))
        return;
    /* In the turn in which it is over each is told after the other (seed 820492). */
    if (span_between(op->until, machine_clock(m)).ns < one_turn.ns)
        return;
    world_fail(w, EXIT_BROKEN, "S1", "%s: the lease of %s is over, and %s/%u has not heard so",
               op->name->text, m->name, m->name, c->index);
}
