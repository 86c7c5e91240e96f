/*
 * S5: whatever a voter or a juror says is implied by its durable image when it says so.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/sessions.h"
#include "sim/world.h"

/* S5: a voter that speaks of ballot b has promised it, or a higher one, durably. */
void check_promised(struct world *w, const struct machine *m, uint32_t shard, struct ballot ballot,
                    const char *what)
{
    if (shard >= w->p.shards || ballot_compare(m->shadow->durable.promised[shard], ballot) < 0)
        world_fail(w, EXIT_BROKEN, "S5",
                   "%s sends %s for round %llu of shard %u, which its store has not promised",
                   m->name, what, (unsigned long long)ballot.round, shard);
}

void check_stored_said(struct world *w, const struct machine *m, const struct wire_stored *s)
{
    const struct name *name = history_name(w, s->name);
    const struct value *durable = m->shadow->durable.stored[name->index];
    check_promised(w, m, name->shard, s->ballot, "a read's answer");
    bool implied;
    if (ballot_none(s->version)) {
        /* What was stored since then has a ballot of its own that is not below the reader's. */
        implied = !durable || ballot_compare(durable->group->ballot, s->ballot) >= 0;
    } else {
        const struct value *v = history_value(w, s->name, s->version, s->seq, s->state);
        bool later = durable && value_compare(durable, v) > 0 &&
                     ballot_compare(durable->group->ballot, s->ballot) >= 0;
        bool dropped = !durable && (v->group->stored_bits >> m->index & 1) &&
                       v->group->stored_seq[m->index] >= v->seq &&
                       !image_above(&m->shadow->durable, v);
        implied = durable == v || later || dropped;
    }
    if (!implied)
        world_fail(w, EXIT_BROKEN, "S5", "%s answers a read of %s by %s, but has %s durably",
                   m->name, name->text, ballot_none(s->version) ? "nothing" : "what it has not",
                   value_text(durable));
}

void check_accepted_said(struct world *w, const struct machine *m, const struct wire_accepted *a)
{
    const struct name *name = history_name(w, a->name);
    const struct group *g = name->top;
    while (g && !ballot_equal(g->ballot, a->ballot))
        g = g->lower;
    if (!g || !(g->stored_bits >> m->index & 1) || g->stored_seq[m->index] < a->seq)
        world_fail(w, EXIT_BROKEN, "S5",
                   "%s says that it accepted round %llu seq %llu of %s, which is not durable",
                   m->name, (unsigned long long)a->ballot.round, (unsigned long long)a->seq,
                   name->text);
}

static void durable_number(struct world *w, const struct machine *m, const uint64_t *numbers,
                           uint16_t slot, uint64_t number, const char *what)
{
    int index = cluster_index(w->cluster, slot);
    if (!m->votes)
        return; /* its image is not kept any more, and its word does not count (S13) */
    if (index < 0 || numbers[index] < number)
        world_fail(w, EXIT_BROKEN, "S5",
                   "%s sends %s about life %llu of slot %u, which is not durable", m->name, what,
                   (unsigned long long)number, slot);
}

/* A claim is answered by the life that the book has, or by one above that was voted against (F3).
 */
static void check_claim_answered(struct world *w, const struct machine *m, uint16_t to,
                                 const struct wire_life_stored *said)
{
    int index = cluster_index(w->cluster, to);
    bool voted = index >= 0 && !said->same &&
                 (m->shadow->durable.voted[index] >= said->life ||
                  sessions_voted(w, m, (size_t)index, said->life));
    if (!voted)
        durable_number(w, m, m->shadow->durable.book, to, said->life, "life stored");
}

void check_fence_said(struct world *w, struct machine *m, uint16_t to,
                      const struct message *message)
{
    const struct image *durable = &m->shadow->durable;
    if (message->type == WIRE_VOTE && message->vote.scope.session)
        return; /* judged when it is written: sessions.h */
    if (message->type == WIRE_VOTE)
        durable_number(w, m, durable->voted, message->vote.slot, message->vote.life, "a vote");
    else if (message->type == WIRE_VOTED && cluster_index(w->cluster, to) >= 0 &&
             sessions_voted(w, m, (size_t)cluster_index(w->cluster, to), message->voted.life))
        return;
    else if (message->type == WIRE_VOTED)
        durable_number(w, m, durable->voted, to, message->voted.life, "voted");
    else if (message->type == WIRE_LIFE_STORED)
        check_claim_answered(w, m, to, &message->life_stored);
    else if (message->type == WIRE_PROOF_STORED && message->proof_stored.scope.session)
        return;
    else if (message->type == WIRE_PROOF_STORED)
        durable_number(w, m, durable->proven, message->proof_stored.slot,
                       message->proof_stored.covers, "proof stored");
    else if (message->type == WIRE_RENEWED)
        check_renewal_acknowledged(w, m, to, message->renewed.life);
    else if (message->type == WIRE_PROOF)
        check_proof(w, m, message->proof.bytes);
    else if (message->type == WIRE_ACCEPT)
        check_proof(w, m, message->accept.proof);
    else if (message->type == WIRE_STORED)
        check_proof(w, m, message->stored.proof);
}
