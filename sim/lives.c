/*
 * The observer's books on lives: see lives.h.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

struct life *lives_of(struct world *w, uint16_t slot, uint64_t number)
{
    int index = cluster_index(w->cluster, slot);
    if (index >= 0 && number > 0 && number < LIVES_MAX)
        return &w->observer->lives.of[index][number];
    world_fail(w, EXIT_BROKEN, "S17", "life %llu of slot %u appears, and nobody has it",
               (unsigned long long)number, slot);
}

/* Whom an agent had let in under what it had cached its next run knows nothing of (delegating.h):
 * such a guest counts while its lease is believed in, and may be late to go when that is over. */
static bool counts(const struct client *c)
{
    return c->guest_runs && (!c->guest_op->under || check_believed(c->guest_op));
}

bool lives_over(const struct world *w, const struct machine *m, uint64_t number)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (counts(&m->clients[i]) && m->clients[i].guest_op->id.life <= number)
            return false;
    const struct life *life = &w->observer->lives.of[m->index][number];
    return !m->powered || life->boot != m->boot || m->life > number;
}

bool lives_switched_off(struct world *w, const struct machine *m, uint64_t number)
{
    const struct life *life = lives_of(w, cluster_slot(m->index), number);
    if (life->boot == 0) /* never was; but some below it may have been */
        return !m->powered || m->ready_life == 0 || m->ready_life > number;
    return !m->powered || life->boot != m->boot;
}

size_t lives_votes(struct world *w, const struct order_cert *cert, uint8_t action)
{
    const struct life *life = lives_of(w, cert->order.slot, cert->order.life);
    int target = cluster_index(w->cluster, cert->order.slot);
    uint32_t bits = 0;
    for (size_t i = 0; i < cert->count; i++) {
        int index = cluster_index(w->cluster, cert->votes[i].juror);
        bool durable =
            index >= 0 && w->machines[index].shadow->durable.voted[target] >= cert->order.life;
        if (durable && (cert->votes[i].allows >> action & 1))
            bits |= UINT32_C(1) << index;
    }
    bits &= action == ACTION_RETIRE ? life->votes : life->power;
    return (size_t)__builtin_popcount(bits);
}

const struct proof_seen *lives_proof(const struct lives *lives, const struct digest *digest)
{
    for (size_t i = lives->proof_count; i-- > 0;)
        if (memcmp(&lives->proofs[i].digest, digest, sizeof *digest) == 0)
            return &lives->proofs[i];
    return NULL;
}
