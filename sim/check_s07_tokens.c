/*
 * S7: the tokens of a name strictly grow over its grants: in chosen states, and as clients hear
 * them. A grant that was asked for after another one was told has the higher token, across
 * take-overs and restarts; so has one that is told after another that could not be held beside it.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/world.h"

void check_token_chosen(struct world *w, struct value *v, const struct value *before)
{
    uint64_t highest = before ? before->token : 0;
    for (size_t i = 0; i < v->hold_count; i++) {
        struct op *op = v->holds[i].op;
        uint64_t token = v->holds[i].token;
        op->seen_chosen = true;
        if (op->chosen_token == token)
            continue;
        if (token <= highest)
            world_fail(w, EXIT_BROKEN, "S7", "%s: a new grant in %s has token %llu, not above %llu",
                       op->name->text, value_text(v), (unsigned long long)token,
                       (unsigned long long)highest);
        /* A late duplicate may be granted again after the drop, or the end of its lease; that one
         * is a ghost and given back (L9). */
        if (op->granted_told && !op->drop_called && check_believed(op))
            world_fail(w, EXIT_BROKEN, "S15", "%s: a hold told with token %llu came back with %llu",
                       op->name->text, (unsigned long long)op->chosen_token,
                       (unsigned long long)token);
        op->chosen_token = token;
        op->held_in = v;
    }
}

void check_token_told(struct world *w, struct op *op, uint64_t token)
{
    struct name *name = op->name;
    uint64_t floor = op->token_floor;
    for (int mode = 0; mode < LOCK_MODES; mode++)
        if (!modes_agree(op->mode, (enum lock_mode)mode) && name->token_told_of[mode] > floor)
            floor = name->token_told_of[mode];
    if (token <= floor)
        world_fail(w, EXIT_BROKEN, "S7",
                   "%s: %s is told token %llu, and %llu was told before its turn", name->text,
                   op->machine->name, (unsigned long long)token, (unsigned long long)floor);
    if (token > name->token_told)
        name->token_told = token;
    if (token > name->token_told_of[op->mode])
        name->token_told_of[op->mode] = token;
}
