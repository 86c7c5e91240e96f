/*
 * S8: a hold passes on only after a release, by a hand-over, or with a proof that its life is over;
 * one under `expire` also when nobody believes in it any more. A state that names a break names a
 * proof that covers it (F5).
 */
#include "sim/changes.h"
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/sessions.h"
#include "sim/world.h"

void check_break(struct world *w, const struct value *v)
{
    const struct lock_break *b = &v->broken;
    if (!b->set)
        return;
    const struct proof_seen *proof = lives_proof(&w->observer->lives, &b->proof);
    if (b->scope.session) {
        check_session_break(w, v->group->name->text, b);
        return;
    }
    if (!proof || cluster_slot(proof->index) != b->slot || proof->covers < b->life)
        world_fail(w, EXIT_BROKEN, "S8", "%s: %s is broken for life %llu of slot %u, and %s",
                   v->group->name->text, value_text(v), (unsigned long long)b->life, b->slot,
                   proof ? "its proof is about another life" : "its proof was made by nobody");
}

/* Whether it was ever to be handed over: if that was refused, S14 sees that it is done all the
 * same.
 */
static bool asked_to_pass(const struct op *op)
{
    for (const struct change *c = op->changes; c; c = c->older)
        if (c->kind == CHANGE_TRANSFER && c->counter)
            return true;
    return false;
}

/* Its node let in a client under it, which acts. */
static const struct op *user_of(const struct op *op)
{
    for (const struct op *o = op->name->ops; o; o = o->older_here)
        if (o->under == op && o->granted_told && !o->drop_called && check_believed(o))
            return o;
    return NULL;
}

void check_passed_on(struct world *w, struct op *op, const struct value *after)
{
    const struct op *user = after->chosen && !asked_to_pass(op) ? user_of(op) : NULL;
    if (user && op->id.life > w->observer->lives.covered[op->machine->index])
        world_fail(
            w, EXIT_BROKEN, "S8",
            "%s: what %s had cached, operation %llu, is not in %s; operation %llu acts under "
            "it",
            op->name->text, op->machine->name, (unsigned long long)op->id.counter,
            value_text(after), (unsigned long long)user->id.counter);
    if (op->drop_sent || op->drop_called || asked_to_pass(op))
        return;
    const struct lives *lives = &w->observer->lives;
    /* A coordinator that was replaced without knowing it may propose so; it is not chosen. Or it
     * is, when a later state was long before: what its node believes in is a grant of that one,
     * anew (seed 804826). */
    bool anew = op->granted_told && op->token_told > after->token;
    if (op->policy == LOCK_STALE_EXPIRE && (!after->chosen || !check_believed(op) || anew))
        return;
    if (op->id.life > lives->covered[op->machine->index] && !sessions_over(w, op))
        world_fail(w, EXIT_BROKEN, "S8",
                   "%s: the hold of %s, operation %u/%llu/%llu, is not in %s; it was not released, "
                   "and its life is not proven over",
                   op->name->text, op->machine->name, op->id.slot, (unsigned long long)op->id.life,
                   (unsigned long long)op->id.counter, value_text(after));
    w->figures.broken += !op->broken_counted;
    if (!op->broken_counted)
        check_broken(w, op);
    op->broken_counted = true;
}
