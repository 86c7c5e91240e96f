/*
 * S2: all chosen values of a name form one chain of descent.
 *
 * Chosen: durably accepted under one ballot by a majority of the cohort, where a voter that has a
 * later seq of the ballot counts for the earlier ones (L3). Once chosen, always chosen.
 */
#include "sim/changes.h"
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

/* Whether a hold may have come to what it is now by conversions, however many values lie between.
 */
static bool may_be_converted(const struct value_hold *old, const struct value_hold *new)
{
    for (const struct change *c = new->op->changes; c; c = c->older)
        if (c->kind == CHANGE_CONVERT && c->counter && c->counter <= new->changed &&
            c->mode == new->mode && c->limit == new->limit)
            return new->changed >= old->changed;
    return false;
}

/* S2: whether `after` can have come from the chosen `before` by the lock's own rules. */
static void follows(struct world *w, const struct value *before, const struct value *after)
{
    const char *what = NULL;
    if (after->token < before->token)
        what = "its token is lower";
    if (after->generation < before->generation)
        what = "its generation is lower";
    for (size_t i = 0; i < after->hold_count && !what; i++) {
        const struct value_hold *new = &after->holds[i], *old = history_hold(before, new->op);
        bool kept = old && old->token == new->token; /* else it was dropped and granted anew */
        bool same = old && old->mode == new->mode && old->limit == new->limit;
        bool gone = new->op->drop_sent || !check_believed(new->op);
        bool again = new->token > before->token;
        if (old && !same && !(gone && again) && !may_be_converted(old, new))
            what = "a hold changed its mode";
        if (!kept && (new->token <= before->token || new->token > after->token))
            what = "a hold is new, but its token is not";
    }
    if (what)
        world_fail(w, EXIT_BROKEN, "S2", "%s: %s does not descend from the chosen %s: %s",
                   before->group->name->text, value_text(after), value_text(before), what);
    check_holds_kept(w, before, after);
    check_value_kept(w, before, after);
}

/* The highest chosen value below v. */
static const struct value *chosen_below(const struct value *v)
{
    const struct name *name = v->group->name;
    if (!name->chosen || value_compare(name->chosen, v) < 0)
        return name->chosen;
    for (const struct group *g = v->group; g; g = g->lower)
        for (size_t i = g->count; i-- > 0;)
            if (g->values[i]->chosen && value_compare(g->values[i], v) < 0)
                return g->values[i];
    return NULL;
}

void check_proposed(struct world *w, struct value *v)
{
    const struct value *below = chosen_below(v);
    check_break(w, v);
    if (below)
        follows(w, below, v);
}

/*
 * A request may reach a register after its asker was told that no register has it: a coordinator
 * that was cut off or asleep had it all along, and a later one takes over its state. While the
 * asker lives it gives such a ghost back (L9); if its life is over the ghost is broken, as any
 * other hold of that life.
 */
static void came_late(struct op *op)
{
    op->withdrawn = false;
    op->gone_at = 0;
}

static bool has(const struct value *v, const struct op *op)
{
    return history_waits(v, op) >= 0 || history_hold(v, op);
}

/* Who held or waited, and does so no more. */
static void note_gone(const struct world *w, const struct value *before, const struct value *after)
{
    for (size_t i = 0; before && i < before->hold_count; i++)
        if (!has(after, before->holds[i].op))
            before->holds[i].op->gone_at = w->now;
    for (size_t i = 0; before && i < before->waiter_count; i++)
        if (!has(after, before->waiters[i]))
            before->waiters[i]->gone_at = w->now;
    for (size_t i = 0; before && i < before->waiter_count; i++)
        if (history_waits(after, before->waiters[i]) < 0)
            before->waiters[i]->waits_since = INT64_MAX;
}

/* A value is chosen from now on: everything proposed above it must descend from it. */
static void choose(struct world *w, struct value *v)
{
    struct name *name = v->group->name;
    const struct value *below = chosen_below(v);
    v->chosen = true;
    v->chosen_at = w->now;
    w->figures.chosen++;
    check_succeeded(w, name->shard);
    world_trace(w, "       chosen: %s %s", name->text, value_text(v));
    if (below)
        follows(w, below, v);
    for (const struct group *g = name->top; g && ballot_compare(g->ballot, v->group->ballot) >= 0;
         g = g->lower)
        for (size_t i = g->count; i-- > 0 && (g != v->group || g->values[i]->seq > v->seq);)
            follows(w, v, g->values[i]);
    check_token_chosen(w, v, below);
    check_changes_chosen(v, below);
    for (size_t i = 0; i < v->waiter_count; i++)
        v->waiters[i]->seen_chosen = true;
    if (name->chosen && value_compare(v, name->chosen) < 0)
        return;
    if (name->chosen && (name->chosen->hold_count || name->chosen->waiter_count))
        name->busy_until = w->now;
    if (name->chosen)
        check_step(w, name->chosen, v);
    note_gone(w, name->chosen, v);
    name->chosen = v;
    for (size_t i = 0; i < v->hold_count; i++)
        came_late(v->holds[i].op);
    for (size_t i = 0; i < v->waiter_count; i++) {
        came_late(v->waiters[i]);
        if (v->waiters[i]->waits_since == INT64_MAX || !v->waiters[i]->waits_since)
            v->waiters[i]->waits_since = w->now;
    }
}

void check_accepted(struct world *w, struct machine *m, struct value *v)
{
    struct group *g = v->group;
    uint32_t bit = UINT32_C(1) << m->index;
    if ((g->stored_bits & bit) && g->stored_seq[m->index] >= v->seq)
        return;
    g->stored_bits |= bit;
    g->stored_seq[m->index] = v->seq;
    for (size_t i = 0; i < g->count && g->values[i]->seq <= v->seq; i++) {
        struct value *lower = g->values[i];
        if (lower->chosen)
            continue;
        size_t votes = 0;
        for (size_t k = 0; k < w->machine_count; k++)
            votes += (g->name->cohort & g->stored_bits) >> k & 1 && g->stored_seq[k] >= lower->seq;
        if (votes >= w->cluster->majority)
            choose(w, lower);
    }
}
