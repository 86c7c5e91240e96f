/*
 * The ends of lives, from outside. S8: a hold passes on only after a release, or with a proof that
 * its life is over. S9: such a proof is made only after that life had truly ended: its guests gone,
 * or its machine switched off. F5: a state that names a break names a proof that covers it.
 *
 * Proofs are judged when they are first seen, in a log or on the wire, at whoever made them.
 */
#include "sim/check.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/world.h"

struct life *lives_of(struct world *w, uint16_t slot, uint64_t number)
{
    int index = cluster_index(w->cluster, slot);
    if (index < 0 || number == 0 || number >= LIVES_MAX)
        world_fail(w, EXIT_BROKEN, "S17", "life %llu of slot %u appears, and nobody has it",
                   (unsigned long long)number, slot);
    return &w->observer->lives.of[index][number];
}

bool lives_over(const struct world *w, const struct machine *m, uint64_t number)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (m->clients[i].guest_runs && m->clients[i].guest_op->id.life <= number)
            return false;
    const struct life *life = &w->observer->lives.of[m->index][number];
    return !m->powered || life->boot != m->boot || m->life > number;
}

bool lives_switched_off(struct world *w, const struct machine *m, uint64_t number)
{
    const struct life *life = lives_of(w, cluster_slot(m->index), number);
    return life->boot != 0 && (!m->powered || life->boot != m->boot);
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

void check_life_written(struct world *w, struct machine *m, uint64_t number)
{
    struct life *life = lives_of(w, cluster_slot(m->index), number);
    if (life->counted && life->boot != m->boot)
        world_fail(w, EXIT_BROKEN, "S9", "%s takes life %llu again, which an earlier boot had",
                   m->name, (unsigned long long)number);
    if (number > m->life) {
        w->figures.lives++;
        w->figures.surrenders += m->life != 0;
        m->life = number;
    }
    life->boot = m->boot;
    if (number > w->observer->lives.highest[m->index])
        w->observer->lives.highest[m->index] = number;
}

/* --- proofs --- */

static const struct proof_seen *find(const struct lives *lives, const struct digest *digest)
{
    for (size_t i = lives->proof_count; i-- > 0;)
        if (memcmp(&lives->proofs[i].digest, digest, sizeof *digest) == 0)
            return &lives->proofs[i];
    return NULL;
}

/* S9, for the node's own word. */
static void judge_end(struct world *w, const struct machine *m, const struct proof *proof)
{
    uint64_t covers = proof_covers(proof);
    if (cluster_slot(m->index) != proof->end.slot)
        world_fail(w, EXIT_BROKEN, "S17",
                   "%s has an end statement of slot %u that this node never made", m->name,
                   proof->end.slot);
    if (!lives_over(w, m, covers))
        world_fail(w, EXIT_BROKEN, "S9", "%s states that its lives up to %llu are over, but %s",
                   m->name, (unsigned long long)covers,
                   m->life > covers ? "a guest of them runs" : "the last is its present one");
    w->figures.ends++;
}

/* S8, S9, S11, for an executor's. */
static void judge_receipt(struct world *w, const struct machine *m, const struct proof *proof)
{
    const struct order *order = &proof->cert.order;
    struct machine *target = world_machine(w, order->slot);
    struct life *life = lives_of(w, order->slot, order->life);
    size_t votes = lives_votes(w, &proof->cert, proof->receipt.action);
    must(target);
    if (cluster_slot(m->index) != proof->receipt.executor)
        world_fail(w, EXIT_BROKEN, "S17", "%s has a receipt that its executor never made", m->name);
    if (votes < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S8", "%s signs a receipt for an order with %zu true votes",
                   m->name, votes);
    if (check_under_order(w, m))
        world_fail(w, EXIT_BROKEN, "S11",
                   "%s signs a receipt, and its own life %llu is under an order", m->name,
                   (unsigned long long)m->life);
    if (strcmp(proof->receipt.device, w->cluster->roster.nodes[target->index].device) != 0)
        world_fail(w, EXIT_BROKEN, "S9", "%s signs a receipt by device %s for %s", m->name,
                   proof->receipt.device, target->name);
    w->figures.receipts++;
    if (lives_switched_off(w, target, order->life))
        return;
    if (life->lied) { /* A4 does not hold: what follows from it is S1's to see */
        w->figures.lies++;
        return;
    }
    world_fail(w, EXIT_BROKEN, "S9",
               "%s signs that life %llu of %s was switched off, and it was not", m->name,
               (unsigned long long)order->life, target->name);
}

void check_proof(struct world *w, struct machine *m, struct view bytes)
{
    struct lives *lives = &w->observer->lives;
    struct digest digest = digest_of(bytes.bytes, bytes.size);
    struct proof proof;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (bytes.size == 0 || find(lives, &digest))
        return;
    if (!proof_decode(&proof, &r) || !reader_done(&r))
        world_fail(w, EXIT_BROKEN, "S17", "%s takes something for a proof that is none", m->name);
    int index = cluster_index(w->cluster, proof_slot(&proof));
    uint64_t covers = proof_covers(&proof);
    if (index < 0 || covers >= LIVES_MAX)
        world_fail(w, EXIT_BROKEN, "S17", "%s takes a proof about lives that nobody has", m->name);
    if (proof.kind == PROOF_END)
        judge_end(w, m, &proof);
    else
        judge_receipt(w, m, &proof);
    must(lives->proof_count < PROOFS_MAX);
    lives->proofs[lives->proof_count++] = (struct proof_seen){
        .digest = digest, .index = (uint16_t)index, .covers = covers, .kind = proof.kind};
    if (covers > lives->covered[index])
        lives->covered[index] = covers;
    if (proof.kind == PROOF_END && covers > lives->stated[index])
        lives->stated[index] = covers;
    world_trace(w, "%s: lives of %s up to %llu are proven over, by %s", m->name,
                w->machines[index].name, (unsigned long long)covers,
                proof.kind == PROOF_END ? "its own word" : "a receipt");
}

void check_break(struct world *w, const struct value *v)
{
    const struct lock_break *b = &v->broken;
    if (!b->set)
        return;
    const struct proof_seen *proof = find(&w->observer->lives, &b->proof);
    if (!proof || cluster_slot(proof->index) != b->slot || proof->covers < b->life)
        world_fail(w, EXIT_BROKEN, "S8", "%s: %s is broken for life %llu of slot %u, and %s",
                   v->group->name->text, value_text(v), (unsigned long long)b->life, b->slot,
                   proof ? "its proof is about another life" : "its proof was made by nobody");
}

void check_passed_on(struct world *w, struct op *op, const struct value *after)
{
    if (op->drop_sent || op->drop_called)
        return;
    const struct lives *lives = &w->observer->lives;
    if (op->id.life > lives->covered[op->machine->index])
        world_fail(w, EXIT_BROKEN, "S8",
                   "%s: the hold of %s, operation %u/%llu/%llu, is not in %s; it was not released, "
                   "and its life is not proven over",
                   op->name->text, op->machine->name, op->id.slot, (unsigned long long)op->id.life,
                   (unsigned long long)op->id.counter, value_text(after));
    w->figures.broken += !op->broken_counted;
    op->broken_counted = true;
}

/* S9 from the other side: nothing begins under a life that is proven over. */
void check_begins_in_time(struct world *w, const struct op *op)
{
    const struct machine *m = op->machine;
    const struct lives *lives = &w->observer->lives;
    if (op->id.life <= lives->covered[m->index] && !lives->of[m->index][op->id.life].lied)
        world_fail(w, EXIT_BROKEN, "S9",
                   "%s: a guest begins on %s under life %llu, which is proven over", op->name->text,
                   m->name, (unsigned long long)op->id.life);
}
