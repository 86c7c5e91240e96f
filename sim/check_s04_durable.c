/*
 * S4: what a store durably promised and accepted never decreases, across crash and restart (image.c
 * compares what is read back), and the peer's own books are never behind it.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

void check_durable(struct world *w, struct machine *m, const struct image_entry *e)
{
    const struct image *durable = &m->shadow->durable;
    if (e->kind != ENTRY_REGISTER)
        return;
    if (ballot_compare(e->promised, durable->promised[e->shard]) < 0)
        world_fail(w, EXIT_BROKEN, "S4",
                   "%s, shard %u: the promise goes down from round %llu to %llu", m->name, e->shard,
                   (unsigned long long)durable->promised[e->shard].round,
                   (unsigned long long)e->promised.round);
    if (e->value) {
        const struct value *old = durable->stored[e->value->group->name->index];
        if (!old)
            check_stored_anew(w, m, e->value);
        if (old && value_compare(e->value, old) < 0)
            world_fail(w, EXIT_BROKEN, "S4", "%s stores %s of %s over %s", m->name,
                       value_text(e->value), old->group->name->text, value_text(old));
    }
    observer_promise(w, e->shard, e->promised)->bits |= UINT32_C(1) << m->index;
}

void check_books(struct world *w, struct machine *m)
{
    if (!m->votes)
        return;
    for (uint32_t shard = 0; shard < w->p.shards; shard++) {
        struct ballot promised = peer_promised(m->peer, shard);
        if (ballot_compare(promised, m->shadow->durable.promised[shard]) < 0)
            world_fail(w, EXIT_BROKEN, "S4",
                       "%s, shard %u: it goes by a lower promise than its store has", m->name,
                       shard);
    }
}
