/*
 * S9: a proof that a life is over is made only after it had truly ended: its guests gone, or its
 * machine switched off; nothing begins under it afterwards, and no life counts in two boots.
 *
 * Proofs are judged when they are first seen, in a log or on the wire, at whoever made them.
 */
#include "sim/check.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/sessions.h"
#include "sim/world.h"

void check_life_written(struct world *w, struct machine *m, uint64_t number)
{
    struct life *life = lives_of(w, cluster_slot(m->index), number);
    bool taken = life->boot != 0 && life->boot != m->boot;
    if (taken && m->store_excused)
        return; /* its store does not know better, until it has asked: it must not count */
    if (taken && life->counted)
        world_fail(w, EXIT_BROKEN, "S9", "%s takes life %llu again, which an earlier boot had",
                   m->name, (unsigned long long)number);
    if (number > m->life) {
        w->figures.lives++;
        w->figures.surrenders += m->life != 0;
        m->life = number;
    }
    life->boot = m->boot;
    if (!life->written_at)
        life->written_at = w->now;
    if (number > w->observer->lives.highest[m->index])
        w->observer->lives.highest[m->index] = number;
}

/* S10: what is ordered against a life that nobody has begun meets none that begins below it later
 * (F3): its receipt would end that one, too. */
static void judge_below(struct world *w, const struct machine *m, uint64_t number)
{
    const struct life *of = w->observer->lives.of[m->index];
    for (uint64_t n = number + 1; n < LIVES_MAX; n++) {
        bool ordered = of[n].ordered_at && of[n].ordered_at < of[number].written_at;
        if (ordered &&
            (size_t)__builtin_popcount(of[n].votes) >= roster_juror_quorum(&w->cluster->roster))
            world_fail(w, EXIT_BROKEN, "S10",
                       "life %llu of %s counts, and life %llu is under an order since before",
                       (unsigned long long)number, m->name, (unsigned long long)n);
    }
}

void check_life_counts(struct world *w, struct machine *m, uint64_t number)
{
    struct life *life = lives_of(w, cluster_slot(m->index), number);
    judge_below(w, m, number);
    if (life->counted && life->boot != m->boot)
        world_fail(w, EXIT_BROKEN, "S9", "life %llu of %s counts, which an earlier boot had",
                   (unsigned long long)number, m->name);
    life->counted = true;
    life->boot = m->boot; /* an earlier one may have written it down, and it never counted */
    if (number > m->life)
        m->life = number;
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

void check_receipt(struct world *w, const struct machine *m, const struct proof *proof,
                   size_t votes)
{
    if (cluster_slot(m->index) != proof->receipt.executor)
        world_fail(w, EXIT_BROKEN, "S17", "%s has a receipt that its executor never made", m->name);
    if (votes < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S8", "%s signs a receipt for an order with %zu true votes",
                   m->name, votes);
    if (check_under_order(w, m))
        world_fail(w, EXIT_BROKEN, "S11",
                   "%s signs a receipt, and its own life %llu is under an order", m->name,
                   (unsigned long long)m->life);
}

/* S8, S9, S11, for an executor's. */
static void judge_receipt(struct world *w, const struct machine *m, const struct proof *proof)
{
    const struct order *order = &proof->cert.order;
    struct machine *target = world_machine(w, order->slot);
    struct life *life = lives_of(w, order->slot, order->life);
    size_t votes = lives_votes(w, &proof->cert, proof->receipt.action);
    must(target);
    check_receipt(w, m, proof, votes);
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

/* S8, S9, for an operator's: the observer knows whether that was so. */
static void judge_by_hand(struct world *w, const struct machine *m, const struct proof *proof)
{
    const struct order *order = &proof->cert.order;
    struct machine *target = world_machine(w, order->slot);
    must(target);
    if (lives_votes(w, &proof->cert, ACTION_RETIRE) < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S8", "%s takes an operator's receipt on no order", m->name);
    if (lives_switched_off(w, target, order->life))
        return;
    if (!lives_of(w, order->slot, order->life)->lied)
        world_fail(w, EXIT_BROKEN, "S9",
                   "%s takes an operator's receipt about life %llu of %s that nobody gave", m->name,
                   (unsigned long long)order->life, target->name);
    w->figures.wrong++;
}

void check_proof(struct world *w, struct machine *m, struct view bytes)
{
    struct lives *lives = &w->observer->lives;
    struct digest digest = digest_of(bytes.bytes, bytes.size);
    struct proof proof;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (bytes.size == 0 || lives_proof(lives, &digest))
        return;
    if (!proof_decode(&proof, &r) || !reader_done(&r))
        world_fail(w, EXIT_BROKEN, "S17", "%s takes something for a proof that is none", m->name);
    uint64_t covers = proof_covers(&proof), life;
    if (proof_scope(&proof, &life)) {
        check_session_proof(w, m, &proof, &digest);
        return;
    }
    int index = cluster_index(w->cluster, proof_slot(&proof));
    if (index < 0 || covers >= LIVES_MAX)
        world_fail(w, EXIT_BROKEN, "S17", "%s takes a proof about lives that nobody has", m->name);
    if (proof.kind == PROOF_END)
        judge_end(w, m, &proof);
    else if (proof.kind == PROOF_OPERATOR)
        judge_by_hand(w, m, &proof);
    else if (proof.kind == PROOF_WATCHDOG)
        check_watchdog_receipt(w, m, &proof);
    else
        judge_receipt(w, m, &proof);
    must(lives->proof_count < PROOFS_MAX);
    lives->proofs[lives->proof_count++] = (struct proof_seen){
        .digest = digest, .index = (uint16_t)index, .covers = covers, .kind = proof.kind};
    for (uint64_t n = covers; n > lives->covered[index]; n--)
        lives->of[index][n].over_at = w->now;
    if (covers > lives->covered[index])
        lives->covered[index] = covers;
    if (proof.kind == PROOF_END && covers > lives->stated[index])
        lives->stated[index] = covers;
    world_trace(w, "%s: lives of %s up to %llu are proven over, by %s", m->name,
                w->machines[index].name, (unsigned long long)covers,
                proof.kind == PROOF_END        ? "its own word"
                : proof.kind == PROOF_WATCHDOG ? "its watchdog"
                                               : "a receipt");
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
