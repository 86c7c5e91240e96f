/*
 * S14 for the queue: first come, first served. Who waits keeps the place before those who came
 * later, and nobody is let in before, but by somebody's wish: a request for the head of the queue,
 * or a holder that hands its hold over. Who waits to be converted comes before the queue.
 */
#include "sim/changes.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/world.h"

static _Noreturn void fail(struct world *w, const struct value *before, const struct value *after,
                           const struct op *first, const struct op *who)
{
    world_fail(w, EXIT_BROKEN, "S14", "%s: from %s to %s operation %llu of %s overtakes %llu of %s",
               who->name->text, value_text(before), value_text(after),
               (unsigned long long)who->id.counter, who->machine->name,
               (unsigned long long)first->id.counter, first->machine->name);
}

/* Whether it waited all the while, as far as one can tell: who gave up may have come again, by a
 * late duplicate. */
static bool waits_on(const struct value *after, const struct op *op)
{
    return !op->drop_sent && history_waits(after, op) >= 0;
}

static bool handed_to(const struct value *before, const struct op *op)
{
    for (size_t i = 0; i < before->hold_count; i++)
        for (struct change *c = changes_hand_over(before->holds[i].op->changes); c;
             c = changes_hand_over(c->older))
            if (c->to == op)
                return true;
    return false;
}

/* Those who waited before `who` did, or all who waited if it did not, wait no more. */
static void judge_let_in(struct world *w, const struct value *before, const struct value *after,
                         const struct op *who)
{
    int place = history_waits(before, who);
    size_t ahead = place >= 0 ? (size_t)place : before->waiter_count;
    if (!who->accepted || handed_to(before, who))
        return;
    for (size_t i = 0; i < before->convert_count; i++) {
        const struct value_convert *c = &before->converts[i];
        const struct value_convert *still = history_convert(after, c->op);
        if (still && still->change == c->change)
            fail(w, before, after, c->op, who);
    }
    for (size_t i = 0; i < ahead && !(place < 0 && who->head); i++)
        if (waits_on(after, before->waiters[i]))
            fail(w, before, after, before->waiters[i], who);
}

/* Those who waited stand in the same order, behind who asked for the head of the queue, and before
 * others who are new. */
static void judge_order(struct world *w, const struct value *before, const struct value *after)
{
    const struct op *newcomer = NULL;
    int last = -1;
    for (size_t i = 0; i < after->waiter_count; i++) {
        const struct op *op = after->waiters[i];
        int place = history_waits(before, op);
        if (!waits_on(after, op) || !op->accepted)
            continue;
        if (place < 0 && !op->head)
            newcomer = op;
        if (place < 0)
            continue;
        if (newcomer)
            fail(w, before, after, op, newcomer);
        if (place < last)
            fail(w, before, after, op, before->waiters[last]);
        last = place;
    }
}

void check_queue(struct world *w, const struct value *before, const struct value *after)
{
    for (size_t i = 0; i < after->hold_count; i++)
        if (after->holds[i].token > before->token && !history_hold(before, after->holds[i].op))
            judge_let_in(w, before, after, after->holds[i].op);
    judge_order(w, before, after);
}
