/* What clients are told of their operations, and when it may be: see asker.h. */
#include "proto/asking.h"

#include "proto/armed.h"
#include "proto/inequality.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/readers.h"
#include "proto/standing.h"

/* By which the register knows it, */
static struct op_id id_of(const struct asker *a, const struct asker_op *op)
{
    return (struct op_id){.slot = core_self(a->core), .life = op->life, .counter = op->counter};
}

/* and its client (delegating.h). */
static struct op_id client_id_of(const struct asker *a, const struct asker_op *op)
{
    struct op_id id = id_of(a, op);
    id.counter = op->local.as ? op->local.as : id.counter;
    return id;
}

/* Fills what a waiting or refused client wants to know: who is in the way. One who waits to be
 * converted is not in its own. */
static void fill_holders(struct asker *a, const struct asker_op *op, struct answer *answer)
{
    if (op->local.reader)
        readers_fill(a, op, answer);
    if (!lock_decode(&a->scratch, (struct view){op->detail, op->detail_size}))
        return;
    for (size_t i = 0; i < a->scratch.hold_count; i++) {
        const struct lock_hold *hold = &a->scratch.holds[i];
        if (answer->holder_count < ANSWER_HOLDERS_MAX && !op_equal(hold->id, id_of(a, op)))
            answer->holders[answer->holder_count++] = *hold;
    }
}

static struct instant since_lose(const struct asker *a)
{
    return (struct instant){a->core->now.ns - lose_span_of(core_detect(a->core)).ns};
}

/* Tells one thing. False if there is no room, or the scratch state is taken by an earlier look. */
static bool tell(struct asker *a, struct asker_op *op, enum answer_kind kind, uint64_t handle)
{
    struct told *t = &a->core->told;
    bool taken = false;
    for (size_t i = 0; i < t->answer_count; i++)
        taken |= t->answers[i].state || t->answers[i].value;
    if (taken) /* its state is in the scratch until these effects are carried out */
        return false;
    struct answer *answer = told_answer(t, kind, handle);
    if (!answer)
        return false;
    answer->hold = client_id_of(a, op);
    answer->mode = kind == ANSWER_BLOCKING ? op->blocking_mode : op->mode;
    answer->limit = op->limit;
    answer->token = op->token;
    answer->until = renewing_until(a, op);
    answer->reason = op->reason;
    answer->place = op->place;
    answer->reachable = op->reachable;
    answer->cohort = (uint32_t)a->core->cohorts.size;
    answer->coordinator = op->coordinator;
    answer->name = (struct view){op->name, op->name_size};
    answer->stale = op->stale;
    answer->lost = op->lost_reason;
    if (op->reason == WAIT_STANDING && kind != ANSWER_GRANTED) {
        answer->reachable = standing_acknowledged(a->core->standing, since_lose(a));
        answer->cohort = (uint32_t)a->core->jury.count;
    }
    const struct asker_op *root = readers_root(a, op);
    if (kind == ANSWER_GRANTED && root && root->detail_size &&
        lock_decode(&a->scratch, (struct view){root->detail, root->detail_size})) {
        answer->mark = a->scratch.mark;
        if (a->scratch.value.token)
            answer->value = &a->scratch.value;
    }
    if (kind == ANSWER_WAITING || kind == ANSWER_BUSY || kind == ANSWER_TIMED_OUT ||
        kind == ANSWER_DEADLOCK)
        fill_holders(a, op, answer);
    if (kind == ANSWER_SHOWN) {
        bool ok = lock_decode(&a->scratch, (struct view){op->detail, op->detail_size});
        must(ok);
        answer->state = &a->scratch;
    }
    return true;
}

/* F7: no new grant without standing; under a watchdog not in the last part of it either. */
static bool may_begin(const struct asker *a, const struct asker_op *op)
{
    const struct core *c = a->core;
    if (!op->counted)
        return true;
    return armed_here(c) ? armory_may_tell(c->armory, c->now) : standing_has(c->standing, c->now);
}

/*
 * A grant, or the end of something, rests on its record (L9, S15): a grant on a durable one, an
 * end, and a grant of what was cached, on one that outlives the agent (asker_give_up): also where
 * the coordinator has confirmed it before, since an agent that starts anew goes by its records
 * alone, and would show the hold to who resumes the session. After a failed sync no grant is told
 * any more, and a release only once the coordinator has confirmed it; that nothing was got is told
 * all the same, since nothing is promised by that.
 */
static bool may_tell(const struct asker *a, const struct asker_op *op, uint32_t what)
{
    const struct journal *j = &a->core->journal;
    bool durable = op->lsn <= j->durable, written = op->lsn <= j->written;
    if (what == OWE_FINAL && op->final == ANSWER_GRANTED)
        return (durable || (written && op->local.as)) && may_begin(a, op) &&
               (asker_held_known(a, op) || MUTANT(186)) && /* "told before it is durable" */
               !instant_reached(a->core->now, renewing_until(a, op));
    if (what == OWE_FINAL)
        return written || op->gone || op->show || j->failed;
    if (what == OWE_CHANGED)
        return durable || op->gone || !changing_rests(op);
    if (what == OWE_DROPPED)
        return written || (op->gone && j->failed) || op->show ||
               MUTANT(98); /* "told before it is written" */
    if ((what >= OWE_BLOCKING && what <= OWE_LOST) || what == OWE_DRAINING)
        return !(op->owes & OWE_FINAL);
    return true;
}

/* What is owed and may be told now: the lowest bit, so that things come in order. */
static uint32_t next_owed(const struct asker *a, const struct asker_op *op)
{
    for (uint32_t what = OWE_ACCEPTED; what <= OWE_NOT_HELD; what *= 2)
        if ((op->owes & what) && may_tell(a, op, what))
            return what;
    return 0;
}

static bool tell_next(struct asker *a, struct asker_op *op, uint32_t what)
{
    switch (what) {
    case OWE_ACCEPTED:
        return tell(a, op, ANSWER_ACCEPTED, op->handle);
    case OWE_WAITING:
        return tell(a, op, ANSWER_WAITING, op->handle);
    case OWE_FINAL:
        return tell(a, op, op->final, op->handle);
    case OWE_DROPPED:
        return tell(a, op, ANSWER_DROPPED, op->drop_handle);
    case OWE_BLOCKING:
        return tell(a, op, ANSWER_BLOCKING, 0);
    case OWE_RISK:
        return tell(a, op, ANSWER_AT_RISK, 0);
    case OWE_SAFE:
        return tell(a, op, ANSWER_SAFE, 0);
    case OWE_LOST:
        return tell(a, op, ANSWER_LOST, 0);
    case OWE_CHANGE_WAITING:
        return tell(a, op, ANSWER_WAITING, op->change.handle);
    case OWE_CHANGED:
        if (!tell(a, op, op->change.final, op->change.handle))
            return false;
        changing_told(a, op);
        return true;
    case OWE_PASSED:
        return tell(a, op, ANSWER_PASSED, 0);
    case OWE_DRAINING:
        return tell(a, op, ANSWER_DRAINING, 0);
    case OWE_NOT_HELD:
        return tell(a, op, ANSWER_NOT_HELD, 0);
    default:
        must(false);
    }
}

bool asker_owes_now(const struct asker *a)
{
    for (uint32_t i = a->owed_first; i; i = a->ops[i - 1].owed_next)
        if (next_owed(a, &a->ops[i - 1]))
            return true;
    return false;
}

bool asker_tell(struct asker *a)
{
    uint32_t i = a->owed_first;
    bool room = true;
    a->owed_first = a->owed_last = 0;
    while (i) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->owed_next;
        op->owed = false;
        uint32_t what;
        while (room && (what = next_owed(a, op))) {
            room = tell_next(a, op, what);
            if (room)
                op->owes &= ~what;
        }
        if (op->owes) {
            asker_owe(a, op, 0);
        } else if (op->gone) {
            op->owed_next = a->told_gone;
            a->told_gone = asker_index(a, op);
        }
    }
    return !room;
}

void asker_sweep(struct asker *a)
{
    while (a->told_gone) {
        struct asker_op *op = &a->ops[a->told_gone - 1];
        a->told_gone = op->owed_next;
        asker_unmake(a, op);
    }
}
