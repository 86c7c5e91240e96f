/* Grants that their asker's own vote makes true: see provisional.h. */
#include "proto/provisional.h"

#include "proto/asking.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/voter.h"

struct provisional {
    struct wire_reply reply; /* its name is the operation's, its detail stands behind */
    uint16_t from;
};

static uint8_t *detail_of(struct provisional *p)
{
    return (uint8_t *)(p + 1);
}

void provisional_forget(struct asker *a, struct asker_op *op)
{
    struct provisional *p = op->provisional;
    if (!p)
        return;
    if (op->provisional_prev)
        a->ops[op->provisional_prev - 1].provisional_next = op->provisional_next;
    else
        a->provisional = op->provisional_next;
    if (op->provisional_next)
        a->ops[op->provisional_next - 1].provisional_prev = op->provisional_prev;
    arena_put(&a->core->arena, p, sizeof *p + p->reply.detail.size);
    op->provisional = NULL;
}

static bool keep(struct asker *a, struct asker_op *op, uint16_t from, const struct wire_reply *r)
{
    struct provisional *p = arena_get(&a->core->arena, sizeof *p + r->detail.size);
    if (!p)
        return false;
    *p = (struct provisional){.reply = *r, .from = from};
    p->reply.name = (struct view){op->name, op->name_size};
    if (r->detail.size)
        memcpy(detail_of(p), r->detail.bytes, r->detail.size);
    p->reply.detail.bytes = detail_of(p);
    op->provisional = p;
    op->provisional_prev = 0;
    op->provisional_next = a->provisional;
    if (a->provisional)
        a->ops[a->provisional - 1].provisional_prev = asker_index(a, op);
    a->provisional = asker_index(a, op);
    return true;
}

/* Only a grant to whoever asks for it, by the ballot's owner. */
static bool well_formed(const struct core *c, uint16_t from, const struct wire_reply *r)
{
    return r->op.slot == core_self(c) && r->kind == REQUEST_ACQUIRE &&
           r->verdict == REPLY_GRANTED && r->ballot.slot == from;
}

static bool wanted(const struct asker_op *op)
{
    return op->state == OP_PENDING && !op->show && !op->gone;
}

static enum voter_vote own_vote(const struct asker *a, const struct asker_op *op,
                                const struct wire_reply *r)
{
    struct view name = {op->name, op->name_size};
    if (MUTANT(170)) /* "believed without the own vote" */
        return VOTE_DURABLE;
    return voter_vote(a->core->voter, name, r->ballot, r->seq);
}

/* L5: it is true by this node's vote. */
static void believe(struct asker *a, struct instant now, uint16_t from, const struct wire_reply *r)
{
    struct wire_reply known = *r;
    known.seq = 0;
    a->core->counters.grants_by_own_vote++;
    asking_reply(a, now, from, &known);
}

void provisional_take(struct asker *a, struct instant now, uint16_t from,
                      const struct wire_reply *r)
{
    struct core *c = a->core;
    if (!well_formed(c, from, r)) {
        c->counters.drop_role++;
        return;
    }
    struct asker_op *op = asker_find(a, r->op.counter);
    if (!op || op->gone || op->life != r->op.life) {
        asking_reply(a, now, from, r); /* of what was never told to a client, whether true or not */
        return;
    }
    if (!wanted(op))
        return;
    if (!view_equal(r->name, (struct view){op->name, op->name_size})) {
        c->counters.drop_role++;
        return;
    }
    provisional_forget(a, op); /* the newer one counts */
    enum voter_vote vote = own_vote(a, op, r);
    if (vote == VOTE_DURABLE) {
        believe(a, now, from, r);
        return;
    }
    asking_soon(a, now, op, from);
    if (vote == VOTE_NEVER || !keep(a, op, from, r))
        c->counters.drop_provisional++;
}

void provisional_durable(struct asker *a, struct instant now)
{
    for (uint32_t i = a->provisional; i;) {
        struct asker_op *op = &a->ops[i - 1];
        struct provisional *p = op->provisional;
        enum voter_vote vote = own_vote(a, op, &p->reply);
        i = op->provisional_next;
        if (wanted(op) && vote == VOTE_AWAITED)
            continue;
        if (wanted(op) && vote == VOTE_DURABLE)
            believe(a, now, p->from, &p->reply);
        else if (wanted(op))
            a->core->counters.drop_provisional++;
        provisional_forget(a, op);
    }
}
