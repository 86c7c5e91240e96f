/*
 * S14 for what stays with the lock. The value block is a register: each value was written by a
 * holder that writes, none comes back once another one took its place, and it is not valid from the
 * unclean end of a holder that writes until the next write. The mark about such an end stays until
 * exactly that one is cleared, or another one takes its place.
 */
#include "sim/changes.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/sessions.h"
#include "sim/world.h"

static _Noreturn void fail(struct world *w, const struct value *before, const struct value *after,
                           const char *what)
{
    world_fail(w, EXIT_BROKEN, "S14", "%s: from %s to %s %s", after->group->name->text,
               value_text(before), value_text(after), what);
}

/* --- the value --- */

void check_value_kept(struct world *w, const struct value *before, const struct value *after)
{
    const struct change *write = after->written;
    if (before->written && !write)
        fail(w, before, after, "the value is gone");
    if (write && write->over && value_compare(after, write->over) > 0)
        fail(w, before, after, "a value comes back that another one took the place of");
}

/* The modes that it may have had in the end, in bits: it may have been converted in the same step.
 */
static uint32_t modes_of(const struct value_hold *hold)
{
    return changes_modes(hold->op) | UINT32_C(1) << hold->mode;
}

static bool may_write(const struct value_hold *hold)
{
    for (int mode = 0; mode < LOCK_MODES; mode++)
        if ((modes_of(hold) >> mode & 1) && modes_write((enum lock_mode)mode))
            return true;
    return false;
}

static bool must_write(const struct value_hold *hold)
{
    for (int mode = 0; mode < LOCK_MODES; mode++)
        if ((modes_of(hold) >> mode & 1) && !modes_write((enum lock_mode)mode))
            return false;
    return true;
}

/* Whether its hold, which is gone, may have ended uncleanly; whether it must have. */
static bool may_be_unclean(const struct world *w, const struct op *op)
{
    return op->drop_sent || op->id.life <= w->observer->lives.covered[op->machine->index] ||
           sessions_over(w, op) || !check_believed(op);
}

static bool is_unclean(const struct op *op)
{
    return !op->drop_clean && !changes_hand_over(op->changes);
}

static void judge_valid(struct world *w, const struct value *before, const struct value *after)
{
    bool may = after->mark.set && after->mark.token > before->token, is = false;
    for (size_t i = 0; i < before->hold_count; i++) {
        const struct value_hold *hold = &before->holds[i];
        const struct value_hold *now = history_hold(after, hold->op);
        bool gone = !now || now->token > before->token;
        may |= gone && may_write(hold) && may_be_unclean(w, hold->op);
        is |= !now && must_write(hold) && is_unclean(hold->op);
    }
    if (after->valid && !before->valid)
        fail(w, before, after, "the value is valid again, and nobody wrote");
    if (!after->valid && before->valid && !may)
        fail(w, before, after, "the value is not valid any more, and all holders went cleanly");
    if (after->valid && is)
        fail(w, before, after, "the value is valid, and a holder that writes went uncleanly");
}

/* --- the mark --- */

static bool same(const struct lock_mark *a, const struct lock_mark *b)
{
    return a->set == b->set && (!a->set || (a->slot == b->slot && a->life == b->life &&
                                            a->token == b->token && a->mode == b->mode));
}

/* Whether it is about a hold of `before` that is gone, or one that came and went in this step. */
static bool about_one(const struct value *before, const struct value *after)
{
    const struct lock_mark *mark = &after->mark;
    for (size_t i = 0; i < before->hold_count; i++) {
        const struct value_hold *hold = &before->holds[i];
        bool this = hold->token == mark->token && hold->op->id.slot == mark->slot &&
                    hold->op->id.life == mark->life;
        const struct value_hold *now = history_hold(after, hold->op);
        if (this && (!now || now->token > before->token)) /* it may have been granted anew */
            return modes_of(hold) >> mark->mode & 1;
    }
    return mark->token > before->token;
}

static void judge_mark(struct world *w, const struct value *before, const struct value *after)
{
    const struct lock_mark *old = &before->mark, *new = &after->mark;
    if (same(old, new))
        return;
    bool replaced = new->set && (modes_write(new->mode) || !modes_write(old->mode));
    if (old->set && !replaced && !changes_may_clear(after->group->name, old))
        fail(w, before, after, "the mark is gone, and nobody cleared it");
    if (new->set && !about_one(before, after))
        fail(w, before, after, "there is a mark about no hold that ended");
}

void check_value(struct world *w, const struct value *before, const struct value *after)
{
    if (after->written == before->written)
        judge_valid(w, before, after);
    else if (after->written && !changes_may_be(after->written))
        fail(w, before, after, "there is a value that was refused, or never asked for");
    judge_mark(w, before, after);
}

/* --- what is told with a grant --- */

static bool tells(const struct value *v, struct change *written, const struct answer *a)
{
    bool value = v->written == written && (!written || v->valid == a->value->valid);
    return value && same(&v->mark, &a->mark);
}

void check_grant_tells(struct world *w, const struct op *op, const struct answer *a)
{
    struct change *written = a->value ? changes_written(w, op->name, a->value) : NULL;
    for (const struct group *g = op->name->top; g; g = g->lower)
        for (size_t i = g->count; i-- > 0;) {
            const struct value *v = g->values[i];
            if (v->chosen && value_compare(v, op->held_in) >= 0 && tells(v, written, a))
                return;
        }
    world_fail(w, EXIT_BROKEN, "S14",
               "%s: %s is told of a value or a mark with its grant that no chosen state has",
               op->name->text, op->machine->name);
}
