/* The observer's books on sessions: see sessions.h. */
#include "sim/sessions.h"

#include "proto/must.h"
#include "sim/check.h"
#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/world.h"

void sessions_open(struct world *w)
{
    w->sessions.seen = pool_take(&w->pool, SESSIONS_MAX * sizeof *w->sessions.seen);
    w->sessions.count = 0;
}

const struct session_seen *sessions_find(const struct world *w, size_t index, uint64_t life,
                                         const struct scope *scope)
{
    for (size_t i = 0; i < w->sessions.count; i++) {
        const struct session_seen *s = &w->sessions.seen[i];
        if (s->index == index && s->life == life && scope_equal(&s->scope, scope))
            return s;
    }
    return NULL;
}

struct session_seen *sessions_of(struct world *w, uint16_t slot, uint64_t life,
                                 const struct scope *scope)
{
    (void)lives_of(w, slot, life);
    size_t index = (size_t)cluster_index(w->cluster, slot);
    const struct session_seen *known = sessions_find(w, index, life, scope);
    if (known)
        return &w->sessions.seen[known - w->sessions.seen];
    must(w->sessions.count < SESSIONS_MAX);
    struct session_seen *s = &w->sessions.seen[w->sessions.count++];
    *s = (struct session_seen){.index = (uint16_t)index, .life = life, .scope = *scope};
    return s;
}

static bool is_of(const struct session_seen *s, const struct op *op)
{
    return op->machine->index == s->index && op->id.life == s->life &&
           op->policy == LOCK_STALE_ACTION && scope_equal(&op->scope, &s->scope);
}

int64_t sessions_over_at(const struct world *w, const struct op *op)
{
    if (op->policy != LOCK_STALE_ACTION)
        return 0;
    const struct session_seen *s = sessions_find(w, op->machine->index, op->id.life, &op->scope);
    return s && s->proven ? s->proven_at : 0;
}

bool sessions_over(const struct world *w, const struct op *op)
{
    return sessions_over_at(w, op) > 0;
}

bool sessions_voted(const struct world *w, const struct machine *juror, size_t index, uint64_t life)
{
    for (size_t i = 0; i < w->sessions.count; i++) {
        const struct session_seen *s = &w->sessions.seen[i];
        if (s->index == index && s->life == life && (s->votes >> juror->index & 1))
            return true;
    }
    return false;
}

static unsigned long long number(uint64_t n)
{
    return (unsigned long long)n;
}

/* --- Votes and orders (S10) --- */

void check_session_vote(struct world *w, struct machine *m, const struct record_vote *vote)
{
    struct session_seen *s = sessions_of(w, vote->slot, vote->life, &vote->scope);
    const struct machine *target = &w->machines[s->index];
    uint32_t bit = UINT32_C(1) << m->index;
    bool acts = vote->allows >> vote->scope.action & 1;
    if ((s->votes & bit) && !(acts && !(s->acts & bit)))
        return; /* written again, in a new segment */
    world_trace(w, "%s votes against session %llu of %s, life %llu, allowing %x", m->name,
                number(s->scope.session), target->name, number(s->life), vote->allows);
    if (check_under_order(w, m))
        world_fail(w, EXIT_BROKEN, "S11",
                   "%s signs a vote against %s, and its own life %llu is under an order", m->name,
                   target->name, number(m->life));
    if (vote->allows & ~(1u << ACTION_RETIRE | 1u << vote->scope.action))
        world_fail(w, EXIT_BROKEN, "S10", "%s allows %x against one session of %s", m->name,
                   vote->allows, target->name);
    if (!(s->votes & bit)) {
        check_vote_evidence(w, m, target, s->life);
        w->figures.votes++;
        w->figures.false_votes += check_is_well(w, target, s->life);
    }
    s->votes |= bit;
    if (acts) {
        s->acts |= bit;
        /* It counts for F8 from now on, as a vote against the life would. */
        lives_of(w, vote->slot, vote->life)->power_at[m->index] = w->now;
    }
}

static size_t true_votes(struct world *w, const struct order_cert *cert, uint8_t action)
{
    const struct session_seen *s =
        sessions_of(w, cert->order.slot, cert->order.life, &cert->order.scope);
    uint32_t bits = 0;
    for (size_t i = 0; i < cert->count; i++) {
        int index = cluster_index(w->cluster, cert->votes[i].juror);
        if (index >= 0 && (cert->votes[i].allows >> action & 1))
            bits |= UINT32_C(1) << index;
    }
    return (size_t)__builtin_popcount(bits & (action == ACTION_RETIRE ? s->votes : s->acts));
}

void check_session_order(struct world *w, struct machine *m, const struct order_cert *cert)
{
    size_t votes = true_votes(w, cert, ACTION_RETIRE);
    if (votes < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S10",
                   "%s takes for certified an order against session %llu of slot %u with %zu true "
                   "votes",
                   m->name, number(cert->order.scope.session), cert->order.slot, votes);
}

void check_session_act(struct world *w, struct machine *m, const struct record_executed *act)
{
    uint32_t let = sessions_of(w, act->slot, act->life, &act->scope)->let[m->index];
    if ((size_t)__builtin_popcount(let) < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S10",
                   "%s writes that it acts on session %llu of slot %u, and %d jurors let it (F9)",
                   m->name, number(act->scope.session), act->slot, __builtin_popcount(let));
}

void check_session_run(struct world *w, struct machine *m, const struct run *run,
                       const struct order_cert *cert)
{
    struct session_seen *s = sessions_of(w, run->slot, run->life, &run->scope);
    size_t votes = true_votes(w, cert, run->action);
    if (!scope_equal(&cert->order.scope, &run->scope) || run->action != run->scope.action ||
        votes < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S10",
                   "%s acts on session %llu of slot %u by an order with %zu true votes", m->name,
                   number(run->scope.session), run->slot, votes);
    if (s->executors >> m->index & 1)
        world_fail(w, EXIT_BROKEN, "S10", "%s acts twice on session %llu of slot %u (F9)", m->name,
                   number(run->scope.session), run->slot);
    s->executors |= UINT32_C(1) << m->index;
    w->figures.session_runs++;
}

/* --- Receipts (S8, S9) --- */

bool sessions_runs(const struct world *w, const struct session_seen *s)
{
    const struct machine *m = &w->machines[s->index];
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (m->clients[i].guest_runs && is_of(s, m->clients[i].guest_op))
            return true;
    return false;
}

static bool is_known(const struct session_seen *s, const struct digest *digest)
{
    for (size_t i = 0; i < s->proof_count; i++)
        if (memcmp(&s->proofs[i], digest, sizeof *digest) == 0)
            return true;
    return false;
}

void check_session_proof(struct world *w, struct machine *m, const struct proof *proof,
                         const struct digest *digest)
{
    const struct order *order = &proof->cert.order;
    struct session_seen *s = sessions_of(w, order->slot, order->life, &order->scope);
    size_t votes = true_votes(w, &proof->cert, proof->receipt.action);
    if (is_known(s, digest))
        return;
    must(s->proof_count < sizeof s->proofs / sizeof s->proofs[0]);
    s->proofs[s->proof_count++] = *digest;
    check_receipt(w, m, proof, votes);
    if (!s->proven)
        s->proven_at = w->now;
    s->proven = true;
    w->figures.session_receipts++;
    if (s->lied) /* A4 does not hold: what follows from it is S1's to see */
        w->figures.lies++;
    else if (!s->ended || sessions_runs(w, s))
        world_fail(w, EXIT_BROKEN, "S9",
                   "%s signs that session %llu of %s was ended, and it was not", m->name,
                   number(s->scope.session), w->machines[s->index].name);
    world_trace(w, "%s: session %llu of %s, life %llu, is proven over, by a receipt", m->name,
                number(s->scope.session), w->machines[s->index].name, number(s->life));
}

void check_session_break(struct world *w, const char *where, const struct lock_break *b)
{
    const struct session_seen *s = sessions_of(w, b->slot, b->life, &b->scope);
    if (!is_known(s, &b->proof))
        world_fail(w, EXIT_BROKEN, "S8",
                   "%s is broken for session %llu of slot %u, and its proof is %s", where,
                   number(b->scope.session), b->slot,
                   s->proven ? "another one's" : "made by nobody");
}

void check_session_begins(struct world *w, const struct op *op)
{
    if (!sessions_over(w, op))
        return;
    const struct session_seen *s = sessions_find(w, op->machine->index, op->id.life, &op->scope);
    if (!s->lied)
        world_fail(w, EXIT_BROKEN, "S9",
                   "%s: a guest begins on %s in session %llu, which is proven over", op->name->text,
                   op->machine->name, number(op->scope.session));
}

void sessions_end(struct world *w, struct session_seen *s)
{
    struct machine *m = &w->machines[s->index];
    s->ended = true;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        if (c->guest_runs && is_of(s, c->guest_op))
            guest_is_ended(w, c);
    }
}
