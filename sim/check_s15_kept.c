/*
 * S15: no hold disappears that was not given back, unless its life is proven over (S8), and none
 * that was given back comes back to its client. S6 besides: what a client is told of a grant rests
 * on a chosen state.
 */
#include "sim/changes.h"
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

static bool holds(const struct value *v, const struct op *op, uint64_t token)
{
    for (size_t i = 0; i < v->hold_count; i++)
        if (v->holds[i].op == op && v->holds[i].token == token)
            return true;
    return false;
}

/* The register has what it was let in under; the token is one of that hold's (lock.h). */
static bool covers(const struct value *v, const struct op *op, uint64_t token)
{
    const struct value_hold *hold = history_hold(v, op->under);
    uint64_t spare = op->mode == LOCK_EXCLUSIVE ? LOCK_TOKENS_SPARE : 1;
    return hold && token >= hold->token && token - hold->token < spare && hold->mode == op->mode;
}

/* Whether it holds still, with the same token or with one that a conversion gave it. */
static bool keeps(const struct value *after, const struct value_hold *hold)
{
    const struct value_hold *now = history_hold(after, hold->op);
    if (!now || now->token == hold->token)
        return now != NULL;
    /* Its lease was over, and it was granted anew: it is that grant that it was told of. */
    if (hold->op->policy == LOCK_STALE_EXPIRE && hold->op->granted_told &&
        hold->op->token_granted >= now->token && now->token > hold->token)
        return true;
    for (const struct change *c = hold->op->changes; c; c = c->older)
        if (c->kind == CHANGE_CONVERT && c->counter && c->counter <= now->changed &&
            c->counter >= hold->changed)
            return true;
    return false;
}

void check_holds_kept(struct world *w, const struct value *before, const struct value *after)
{
    for (size_t i = 0; i < before->hold_count; i++)
        if (!keeps(after, &before->holds[i]))
            check_passed_on(w, before->holds[i].op, after);
}

void check_granted(struct world *w, struct op *op, uint64_t token)
{
    const struct value *chosen = op->name->chosen;
    if (op->dropped_told || op->finished)
        world_fail(w, EXIT_BROKEN, "S15", "%s: %s is told of a grant after a final answer",
                   op->name->text, op->machine->name);
    bool rests = chosen && (op->under ? covers(chosen, op, token) : holds(chosen, op, token));
    if (!rests)
        world_fail(w, EXIT_BROKEN, "S6",
                   "%s: %s is told of a grant with token %llu; the chosen state is %s",
                   op->name->text, op->machine->name, (unsigned long long)token,
                   value_text(chosen));
    check_token_told(w, op, op->mode, token, op->token_floor);
    op->granted_told = true;
    op->granted_at = w->now;
    op->token_told = op->token_granted = token;
    if (op->under) {
        op->held_in = op->under->held_in;
        op->under->token_lent = token;
    }
    if (!op->name->told || value_compare(op->held_in, op->name->told) > 0)
        op->name->told = op->held_in;
}
