/*
 * What happens to this node's holds when its standing is lost or its life is ended (F2, F3, F7):
 * see asker.h. Nothing is given up here that a client was told it holds: the driver stops what acts
 * under it, sees it empty, and drops it then (F11).
 */
#include "proto/asking.h"

#include "proto/must.h"
#include "proto/standing.h"

static bool present(const struct asker *a, const struct asker_op *op)
{
    return !op->show && !op->gone && op->life == a->core->life && op->state != OP_DROPPING;
}

bool asker_untold(const struct asker_op *op)
{
    return op->state == OP_HELD && !op->loaded && (op->owes & OWE_FINAL);
}

void asker_standing_gained(struct asker *a, struct instant now)
{
    for (uint32_t i = a->first; i; i = a->ops[i - 1].next) {
        struct asker_op *op = &a->ops[i - 1];
        if (!present(a, op) || !asking_parked(op))
            continue;
        op->reason = WAIT_UNKNOWN;
        asking_begin(a, now, op);
    }
}

void asker_warn(struct asker *a, bool risk)
{
    for (uint32_t i = a->first; i; i = a->ops[i - 1].next) {
        struct asker_op *op = &a->ops[i - 1];
        if (!present(a, op) || !op->counted || op->state != OP_HELD || asker_untold(op) ||
            op->lost || op->warned == risk)
            continue;
        op->warned = risk;
        op->owes &= ~(uint32_t)(OWE_RISK | OWE_SAFE);
        asker_owe(a, op, risk ? OWE_RISK : OWE_SAFE);
    }
}

/* It was never told of a grant, so it holds nothing: refused, and whatever is held is dropped. */
static void refuse(struct asker *a, struct instant now, struct asker_op *op, enum answer_kind final)
{
    asking_finish(a, op, final);
    asker_give_up(a, now, op);
}

/* Its client believes that it holds it: no more. */
static void lose(struct asker *a, struct asker_op *op, enum lost_reason reason)
{
    op->lost = true;
    op->lost_reason = reason;
    op->owes &= ~(uint32_t)(OWE_BLOCKING | OWE_RISK | OWE_SAFE | OWE_DRAINING);
    changing_finish(a, op, ANSWER_UNKNOWN);
    asker_owe(a, op, OWE_LOST);
}

void asker_lost_session(struct asker *a, struct instant now, const struct scope *scope)
{
    for (uint32_t i = a->first; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->next;
        if (!present(a, op) || !op->word || !scope_equal(&op->word->scope, scope))
            continue;
        if (op->state == OP_PENDING || asker_untold(op))
            refuse(a, now, op, ANSWER_LIFE_ENDED);
        else if (!op->lost)
            lose(a, op, LOST_ORDER);
    }
}

void asker_lost(struct asker *a, struct instant now, enum lost_reason reason)
{
    for (uint32_t i = a->first; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->next;
        if (!present(a, op) ||
            (reason == LOST_STANDING && !op->counted && !a->core->standing->spent))
            continue;
        if (op->state == OP_PENDING || asker_untold(op)) {
            /* Without standing a request may go on waiting: what is granted to it is not told. */
            if (reason == LOST_ORDER)
                refuse(a, now, op, ANSWER_LIFE_ENDED);
            else if (asker_untold(op))
                refuse(a, now, op, ANSWER_NO_MAJORITY);
        } else if (delegating_unowned(op)) {
            delegating_recall(a, now, op);
        } else if (op->unheard) {
            asker_not_held(a, now, op);
        } else if (!op->lost) {
            lose(a, op, reason);
        }
    }
}

void asker_bound(struct asker *a, struct instant now)
{
    for (uint32_t i = a->first; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->next;
        if (present(a, op) && (op->state == OP_PENDING || asker_untold(op)))
            refuse(a, now, op, ANSWER_LIFE_ENDED);
    }
    delegating_recall_all(a, now);
}

void asker_drain(struct asker *a, struct instant now, bool on)
{
    a->drained = on;
    for (uint32_t i = a->first; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->next;
        if (!present(a, op))
            continue;
        if (!on)
            op->owes &= ~(uint32_t)OWE_DRAINING;
        else if (op->state == OP_PENDING || asker_untold(op))
            refuse(a, now, op, ANSWER_DRAINED);
        else if (!op->lost)
            asker_owe(a, op, OWE_DRAINING);
    }
    if (on)
        delegating_recall_all(a, now);
}

uint32_t asker_held(const struct asker *a)
{
    uint32_t count = 0;
    for (uint32_t i = a->first; i; i = a->ops[i - 1].next) {
        const struct asker_op *op = &a->ops[i - 1];
        count += !op->show && !op->gone && op->local.readers == 0;
    }
    return count;
}

bool asker_acts(const struct asker *a)
{
    for (uint32_t i = a->first; i; i = a->ops[i - 1].next) {
        const struct asker_op *op = &a->ops[i - 1];
        bool told = op->state == OP_HELD && !delegating_unowned(op) && !asker_untold(op);
        if (present(a, op) && (op->loaded || told))
            return true;
    }
    return false;
}

bool asker_holds_nothing(const struct asker *a)
{
    for (uint32_t i = a->first; i; i = a->ops[i - 1].next)
        if (present(a, &a->ops[i - 1]))
            return false;
    return true;
}
