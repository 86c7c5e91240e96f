/*
 * V8: what L10 lets go is let go: at the end of a calm, in which nobody has asked for anything for
 * a while, no voter has a register of a lock that is free and that all its voters could drop.
 *
 * A node forgets at most so many at once as are a quarter of its places for served locks. In a
 * world where these are few, one lock goes after the other, each by a read, an Accept, the floor's
 * Accept and a FORGET with a sync each (200 ms on slow disks), and fifty names take more than ten
 * seconds. Then it is enough that the queue moves.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

enum { SPANS = 8 };

static const struct span quiet_least = SPAN_MS(8000);
static const struct span queue_wait = SPAN_MS(2000); /* from one batch to the next */

/* Whether nothing can keep a lock of that cohort: all its voters vote. */
static bool all_vote(const struct world *w, uint32_t cohort)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        struct peer_status status;
        if (!(cohort >> i & 1))
            continue;
        if (!w->machines[i].agent_up)
            return false;
        peer_status(w->machines[i].peer, &status);
        if (!w->machines[i].votes || status.store != STORE_VOTING)
            return false;
    }
    return true;
}

static bool is_free(const struct name *name)
{
    const struct value *v = name->chosen;
    return v && v->hold_count == 0 && v->waiter_count == 0 && !v->mark.set && !v->written;
}

/* Whether there are few places, and its coordinator gets on with what is to be forgotten. */
static bool queue_moves(const struct world *w, const struct name *name)
{
    const struct observer *o = w->observer;
    int64_t at = 0;
    for (uint32_t shard = 0; shard < w->p.shards; shard++)
        if (o->served_by[shard] == o->served_by[name->shard] && o->forgets[shard].at > at)
            at = o->forgets[shard].at;
    return w->p.served > 0 && w->now - at < queue_wait.ns;
}

void check_let_go(struct world *w)
{
    int64_t quiet = w->p.forget_span.ns * SPANS;
    quiet = quiet > quiet_least.ns ? quiet : quiet_least.ns;
    const struct history *h = &w->observer->history;
    if (w->p.forget_span.ns == 0)
        return;
    for (size_t i = 0; i < h->name_count; i++) {
        const struct name *name = h->names[i];
        if (name->jammed || !is_free(name) || w->now - name->chosen->chosen_at < quiet ||
            !all_vote(w, name->cohort))
            continue;
        w->figures.let_go++;
        if (queue_moves(w, name))
            continue;
        for (size_t k = 0; k < w->machine_count; k++)
            if ((name->cohort >> k & 1) && w->machines[k].shadow->appended.stored[name->index])
                world_fail(w, EXIT_STUCK, "V8", "%s still has %s, which is free since %lld ms",
                           w->machines[k].name, name->text,
                           (long long)((w->now - name->chosen->chosen_at) / 1000000));
    }
}
