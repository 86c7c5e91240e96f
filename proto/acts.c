/* An executor's acts: see acts.h. */
#include "proto/acts.h"

#include <string.h>

#include "proto/must.h"
#include "proto/mutant.h"

const char *acts_verdict_text(enum acts_verdict verdict)
{
    switch (verdict) {
    case ACTS_NEW:
        return "not acted upon yet";
    case ACTS_DONE:
        return "this executor has acted on this order already, and acts once (F9)";
    case ACTS_OLD:
        return "this executor has acted on a later life of that node (F9)";
    case ACTS_FULL:
        return "this executor cannot note down any more acts (F9)";
    }
    return "?";
}

static bool acts_same(const struct fence_act *a, const struct fence_act *b)
{
    return a->slot == b->slot && a->life == b->life && a->action == b->action &&
           memcmp(a->order.bytes, b->order.bytes, DIGEST_SIZE) == 0;
}

enum acts_verdict acts_look(const struct acts_table *table, const struct fence_act *act)
{
    size_t alike = 0, lower = 0;
    for (size_t i = 0; i < table->count; i++) {
        const struct fence_act *known = &table->list[i];
        if (known->slot != act->slot)
            continue;
        if (known->life > act->life)
            return ACTS_OLD;
        if (acts_same(known, act) && !MUTANT(106)) /* "the executor acts again" */
            return ACTS_DONE;
        alike += known->life == act->life && known->action == act->action;
        lower += known->life < act->life;
    }
    return alike < ACTS_ACTION_MAX && table->count - lower < ACTS_MAX ? ACTS_NEW : ACTS_FULL;
}

void acts_add(struct acts_table *table, const struct fence_act *act)
{
    size_t kept = 0;
    must(acts_look(table, act) == ACTS_NEW);
    for (size_t i = 0; i < table->count; i++)
        if (table->list[i].slot != act->slot || table->list[i].life == act->life)
            table->list[kept++] = table->list[i];
    table->list[kept++] = *act;
    table->count = kept;
}
