/*
 * S7: the tokens of a name strictly grow over its grants, and its conversions to modes that write:
 * in chosen states, and as clients hear them. One that was asked for after another one was told has
 * the higher token, across take-overs and restarts; so has one that is told after another that
 * could not be held beside it. Of what a node grants by itself (delegating.h): each client that
 * writes has a higher one than the last, those that read have the one of their node's hold.
 */
#include "sim/changes.h"
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/world.h"

/* Whether a conversion may have given it that token. */
static bool converted(const struct op *op, const struct value_hold *hold)
{
    for (const struct change *c = op->changes; c; c = c->older)
        if (c->kind == CHANGE_CONVERT && c->counter && c->counter <= hold->changed &&
            modes_write(c->mode))
            return true;
    return false;
}

static bool handed_over(const struct op *op)
{
    const struct change *c = changes_hand_over(op->changes);
    return c && c->end == CHANGE_MADE;
}

/* Its node may hand on tokens of its own (lock.h). */
static void note_spare(const struct op *op, const struct value_hold *hold)
{
    uint64_t last = hold->token + LOCK_TOKENS_SPARE - 1;
    if (op->policy == LOCK_STALE_EXPIRE && hold->mode == LOCK_EXCLUSIVE &&
        last > op->name->token_spare)
        op->name->token_spare = last;
}

void check_token_chosen(struct world *w, struct value *v, const struct value *before)
{
    uint64_t highest = before ? before->token : 0;
    const struct value *chosen = v->group->name->chosen;
    bool late = chosen && value_compare(v, chosen) < 0;
    for (size_t i = 0; i < v->hold_count; i++) {
        struct op *op = v->holds[i].op;
        uint64_t token = v->holds[i].token;
        op->seen_chosen = true;
        note_spare(op, &v->holds[i]);
        bool since = late && token < op->chosen_token; /* it was converted, as is known already */
        if (op->chosen_token == token || since)
            continue;
        if (token <= highest)
            world_fail(w, EXIT_BROKEN, "S7", "%s: a new grant in %s has token %llu, not above %llu",
                       op->name->text, value_text(v), (unsigned long long)token,
                       (unsigned long long)highest);
        /* A late duplicate may be granted again after the drop, the end of its lease, or after the
         * hold was handed over and its client told; that one is a ghost and given back (L9). */
        if (op->granted_told && !op->drop_called && check_believed(op) && !handed_over(op) &&
            !converted(op, &v->holds[i]))
            world_fail(w, EXIT_BROKEN, "S15", "%s: a hold told with token %llu came back with %llu",
                       op->name->text, (unsigned long long)op->chosen_token,
                       (unsigned long long)token);
        op->chosen_before = op->chosen_token;
        op->chosen_token = token;
        op->held_in = v;
    }
}

void check_token_told(struct world *w, struct op *op, enum lock_mode mode, uint64_t token,
                      uint64_t floor)
{
    struct name *name = op->name;
    struct op *root = op->under;
    if (root && mode == op->mode && !modes_write(mode) && token == root->token_granted)
        return;
    if (root && mode == op->mode)
        floor = root->token_lent > root->token_granted ? root->token_lent : root->token_granted;
    for (int other = 0; other < LOCK_MODES; other++)
        if (!modes_agree(mode, (enum lock_mode)other) && name->token_told_of[other] > floor)
            floor = name->token_told_of[other];
    if (token <= floor)
        world_fail(w, EXIT_BROKEN, "S7",
                   "%s: %s is told token %llu, and %llu was told before its turn", name->text,
                   op->machine->name, (unsigned long long)token, (unsigned long long)floor);
    if (token > name->token_told)
        name->token_told = token;
    if (token > name->token_told_of[mode])
        name->token_told_of[mode] = token;
}
