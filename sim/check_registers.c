/*
 * The registers, from outside: S2 all chosen values of a name form one chain, S3 one value under
 * one version (its comparison is in history.c), S4 nothing durable decreases, S5 whatever a voter
 * says is implied by its durable image, S6 every quorum is a majority of the cohort that the roster
 * names.
 *
 * Chosen: durably accepted under one ballot by a majority of the cohort, where a voter that has a
 * later seq of the ballot counts for the earlier ones (L3). Once chosen, always chosen.
 */
#include "sim/check.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/world.h"

#include <stdlib.h>

static size_t bit_count(uint32_t bits)
{
    return (size_t)__builtin_popcount(bits);
}

static struct promise_seen *promise_of(struct world *w, uint32_t shard, struct ballot ballot)
{
    struct promise_seen **top = &w->observer->promises[shard];
    for (struct promise_seen *p = *top; p; p = p->older)
        if (ballot_equal(p->ballot, ballot))
            return p;
    struct promise_seen *p = pool_take(&w->pool, sizeof *p);
    p->ballot = ballot;
    p->older = *top;
    return *top = p;
}

static const struct value_hold *find_hold(const struct value *v, const struct op *op)
{
    for (size_t i = 0; i < v->hold_count; i++)
        if (v->holds[i].op == op)
            return &v->holds[i];
    return NULL;
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
        const struct value_hold *new = &after->holds[i], *old = find_hold(before, new->op);
        bool kept = old && old->token == new->token; /* else it was dropped and granted anew */
        if (old && old->mode != new->mode)
            what = "a hold changed its mode";
        if (!kept && (new->token <= before->token || new->token > after->token))
            what = "a hold is new, but its token is not";
    }
    if (what)
        world_fail(w, EXIT_BROKEN, "S2", "%s: %s does not descend from the chosen %s: %s",
                   before->group->name->text, value_text(after), value_text(before), what);
    check_holds_kept(w, before, after);
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
}

/* A value is chosen from now on: everything proposed above it must descend from it. */
static void choose(struct world *w, struct value *v)
{
    struct name *name = v->group->name;
    const struct value *below = chosen_below(v);
    v->chosen = true;
    v->chosen_at = w->now;
    w->figures.chosen++;
    world_trace(w, "       chosen: %s %s", name->text, value_text(v));
    if (below)
        follows(w, below, v);
    for (const struct group *g = name->top; g && ballot_compare(g->ballot, v->group->ballot) >= 0;
         g = g->lower)
        for (size_t i = g->count; i-- > 0 && (g != v->group || g->values[i]->seq > v->seq);)
            follows(w, v, g->values[i]);
    check_token_chosen(w, v, below);
    for (size_t i = 0; i < v->waiter_count; i++)
        v->waiters[i]->seen_chosen = true;
    if (name->chosen && value_compare(v, name->chosen) < 0)
        return;
    if (name->chosen && (name->chosen->hold_count || name->chosen->waiter_count))
        name->busy_until = w->now;
    name->chosen = v;
    for (size_t i = 0; i < v->hold_count; i++)
        came_late(v->holds[i].op);
    for (size_t i = 0; i < v->waiter_count; i++)
        came_late(v->waiters[i]);
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
        if (old && value_compare(e->value, old) < 0)
            world_fail(w, EXIT_BROKEN, "S4", "%s stores %s of %s over %s", m->name,
                       value_text(e->value), old->group->name->text, value_text(old));
    }
    promise_of(w, e->shard, e->promised)->bits |= UINT32_C(1) << m->index;
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

/* S5: a voter that speaks of ballot b has promised it, or a higher one, durably. */
static void promised_at_least(struct world *w, const struct machine *m, uint32_t shard,
                              struct ballot ballot, const char *what)
{
    if (shard >= w->p.shards || ballot_compare(m->shadow->durable.promised[shard], ballot) < 0)
        world_fail(w, EXIT_BROKEN, "S5",
                   "%s sends %s for round %llu of shard %u, which its store has not promised",
                   m->name, what, (unsigned long long)ballot.round, shard);
}

static void check_stored(struct world *w, const struct machine *m, const struct wire_stored *s)
{
    const struct name *name = history_name(w, s->name);
    const struct value *durable = m->shadow->durable.stored[name->index];
    promised_at_least(w, m, name->shard, s->ballot, "a read's answer");
    bool implied;
    if (ballot_none(s->version)) {
        /* What was stored since then has a ballot of its own that is not below the reader's. */
        implied = !durable || ballot_compare(durable->group->ballot, s->ballot) >= 0;
    } else {
        const struct value *v = history_value(w, s->name, s->version, s->seq, s->state);
        implied = durable == v || (durable && value_compare(durable, v) > 0 &&
                                   ballot_compare(durable->group->ballot, s->ballot) >= 0);
    }
    if (!implied)
        world_fail(w, EXIT_BROKEN, "S5", "%s answers a read of %s by %s, but has %s durably",
                   m->name, name->text, ballot_none(s->version) ? "nothing" : "what it has not",
                   value_text(durable));
}

static void check_accepted_said(struct world *w, const struct machine *m,
                                const struct wire_accepted *a)
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

/* S6, L4: values go out under b only once a majority of the cohort has durably promised b. */
static void check_accept(struct world *w, const struct machine *m, const struct wire_accept *a)
{
    struct value *v = history_value(w, a->name, a->ballot, a->seq, a->state);
    struct group *g = v->group;
    if (g->quorum_seen)
        return;
    uint32_t bits = promise_of(w, g->name->shard, a->ballot)->bits & g->name->cohort;
    if (bit_count(bits) < w->cluster->majority)
        world_fail(w, EXIT_BROKEN, "S6",
                   "%s sends values of %s under round %llu, which %zu of a cohort of %zu promised",
                   m->name, g->name->text, (unsigned long long)a->ballot.round, bit_count(bits),
                   w->cluster->cohorts.size);
    g->quorum_seen = true;
}

/* L5: what a requester is told rests on a chosen state. */
static void check_reply(struct world *w, const struct machine *m, const struct wire_reply *r)
{
    struct op *op = r->kind == REQUEST_SHOW ? NULL : history_op(w, r->op);
    if (!op)
        return;
    const char *wrong = NULL;
    if (r->verdict == REPLY_GRANTED && op->chosen_token != r->token)
        wrong = "granted";
    if (r->verdict == REPLY_WAITING && !op->seen_chosen)
        wrong = "a place in the queue";
    /* Granted again by a late duplicate, it has another token: a ghost (L9). */
    const struct value_hold *hold = op->name->chosen ? find_hold(op->name->chosen, op) : NULL;
    if (r->verdict == REPLY_DROPPED && hold && hold->token == op->token_told)
        world_fail(w, EXIT_BROKEN, "S15",
                   "%s says that operation %u/%llu/%llu is dropped, but the chosen %s of %s has it",
                   m->name, op->id.slot, (unsigned long long)op->id.life,
                   (unsigned long long)op->id.counter, value_text(op->name->chosen),
                   op->name->text);
    if (r->verdict == REPLY_DROPPED)
        op->withdrawn = true;
    if (wrong)
        world_fail(w, EXIT_BROKEN, "S6", "%s tells %s of %s, and no chosen state says so", m->name,
                   wrong, op->name->text);
}

static void note_drop(struct world *w, const struct wire_request *r)
{
    if (r->kind == REQUEST_DROP)
        history_op_named(w, history_name(w, r->name), r->op)->drop_sent = true;
}

void check_message(struct world *w, struct machine *m, uint16_t to, const struct message *message)
{
    bool to_itself = to == cluster_slot(m->index);
    check_may_vote(w, m, message);
    check_fence_message(w, m, to, message);
    /* L1: to itself first, and to others once that is durable. */
    if (message->type == WIRE_PREPARE && !to_itself)
        promised_at_least(w, m, message->prepare.shard, message->prepare.ballot, "prepare");
    else if (message->type == WIRE_PROMISE)
        promised_at_least(w, m, message->promise.shard, message->promise.ballot, "a promise");
    else if (message->type == WIRE_CONFIRMED)
        promised_at_least(w, m, message->confirmed.shard, message->confirmed.ballot, "confirmed");
    else if (message->type == WIRE_STORED)
        check_stored(w, m, &message->stored);
    else if (message->type == WIRE_ACCEPTED)
        check_accepted_said(w, m, &message->accepted);
    else if (message->type == WIRE_ACCEPT)
        check_accept(w, m, &message->accept);
    else if (message->type == WIRE_REQUEST)
        note_drop(w, &message->request);
    else if (message->type == WIRE_REPLY)
        check_reply(w, m, &message->reply);
}
