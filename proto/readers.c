/* Several readers under one cached hold: see readers.h. */
#include "proto/readers.h"

#include "proto/asking.h"
#include "proto/must.h"
#include "proto/mutant.h"

static struct asker_op *op_at(const struct asker *a, uint32_t index)
{
    return index ? &a->ops[index - 1] : NULL;
}

static struct asker_op *first_of(const struct asker *a, const struct asker_op *root)
{
    return op_at(a, root->local.first_reader);
}

static struct asker_op *after(const struct asker *a, const struct asker_op *reader)
{
    return op_at(a, reader->local.reader_next);
}

const struct asker_op *readers_root(const struct asker *a, const struct asker_op *op)
{
    if (MUTANT(152) && op->believed) /* "a reader believes for a TTL of its own" */
        return op;
    return op->local.reader ? op_at(a, op->local.root) : op;
}

/* --- Who reads under it --- */

static void link_to(struct asker *a, struct asker_op *root, struct asker_op *reader)
{
    reader->local.reader = true;
    reader->local.root = asker_index(a, root);
    reader->local.reader_prev = 0;
    reader->local.reader_next = root->local.first_reader;
    if (root->local.first_reader)
        first_of(a, root)->local.reader_prev = asker_index(a, reader);
    root->local.first_reader = asker_index(a, reader);
    root->local.readers++;
}

static void unlink_from(struct asker *a, struct asker_op *reader)
{
    struct asker_op *root = op_at(a, reader->local.root);
    if (!root)
        return;
    if (reader->local.reader_prev)
        op_at(a, reader->local.reader_prev)->local.reader_next = reader->local.reader_next;
    else
        root->local.first_reader = reader->local.reader_next;
    if (reader->local.reader_next)
        after(a, reader)->local.reader_prev = reader->local.reader_prev;
    root->local.readers--;
    reader->local.root = 0;
}

void readers_forget(struct asker *a, struct asker_op *op)
{
    unlink_from(a, op);
    for (struct asker_op *reader = first_of(a, op); reader; reader = after(a, reader))
        reader->local.root = 0;
    op->local.first_reader = op->local.readers = 0;
}

bool readers_let_in(struct asker *a, struct instant now, struct asker_op *root,
                    const struct event *event)
{
    uint64_t counter = asker_next_counter(a);
    if (counter == 0)
        return false;
    struct asker_op *op = asker_make(a, counter, event->acquire.name, event->acquire.process);
    if (!op)
        return false;
    op->handle = event->acquire.handle;
    op->state = OP_HELD;
    op->mode = root->mode;
    op->limit = root->limit;
    op->policy = root->policy;
    op->ttl_ms = root->ttl_ms;
    op->granted = true;
    op->token = root->token;
    if (MUTANT(152))
        op->from = now, op->believed = true;
    link_to(a, root, op);
    asker_count(a, now, op);
    a->core->counters.grants_local++;
    asker_owe(a, op, OWE_ACCEPTED);
    asking_finish(a, op, ANSWER_GRANTED);
    return true;
}

/* It is over for good: its entry goes once these effects are carried out, and not before, since its
 * table may be looked through just now. */
static void vanish(struct asker *a, struct asker_op *reader)
{
    unlink_from(a, reader);
    asker_deactivate(a, reader);
    reader->state = OP_DROPPING;
    reader->gone = true;
    asker_owe(a, reader, 0);
}

/* --- Changes --- */

/* The only one there is has the hold to itself from now on: it is its client (delegating.h). What
 * it changes is not for those who come after it, so nobody does. */
static struct asker_op *take_over(struct asker *a, struct asker_op *reader)
{
    struct asker_op *root = op_at(a, reader->local.root);
    must(root->local.readers == 1 && !(reader->owes & (OWE_ACCEPTED | OWE_FINAL | OWE_DROPPED)));
    if (root->process)
        arena_put(&a->core->arena, root->process, root->process_size);
    root->process = reader->process;
    root->process_size = reader->process_size;
    root->handle = reader->handle;
    root->warned = reader->warned;
    root->blocking_mode = reader->blocking_mode;
    root->change = reader->change;
    uint32_t owes = reader->owes;
    reader->process = NULL;
    reader->process_size = 0;
    reader->change = (struct asker_change){0};
    reader->owes = 0;
    uint64_t counter = reader->counter;
    vanish(a, reader);
    delegating_lend(a, root, counter);
    asker_owe(a, root, owes);
    return root;
}

/* The register has the hold in the mode of those that have left. */
static void convert_down(struct asker *a, struct instant now, struct asker_op *op,
                         enum lock_mode mode)
{
    uint64_t counter = asker_next_counter(a);
    if (counter == 0)
        return;
    op->change = (struct asker_change){
        .counter = counter, .kind = CHANGE_CONVERT, .mode = mode, .deadline = INSTANT_NEVER};
    changing_begin(a, now, op);
}

/* It is alone by now: what waited for that goes on. */
static void alone(struct asker *a, struct instant now, struct asker_op *reader)
{
    const struct asker_op *root = op_at(a, reader->local.root);
    bool waits = changing(reader), weaker = reader->mode != root->mode;
    bool told = !(reader->owes & (OWE_ACCEPTED | OWE_FINAL | OWE_DROPPED | OWE_CHANGED));
    if (reader->lost || !told || (!waits && !weaker))
        return;
    enum lock_mode mode = reader->mode;
    struct asker_op *op = take_over(a, reader);
    if (waits)
        changing_begin(a, now, op);
    else
        convert_down(a, now, op, mode);
}

void readers_leave(struct asker *a, struct instant now, struct asker_op *op)
{
    struct asker_op *root = op_at(a, op->local.root);
    op->owes &=
        ~(uint32_t)(OWE_WAITING | OWE_BLOCKING | OWE_RISK | OWE_SAFE | OWE_LOST | OWE_DRAINING);
    changing_finish(a, op, ANSWER_DROPPED);
    vanish(a, op);
    if (!root)
        return;
    if (root->local.readers == 1)
        alone(a, now, first_of(a, root));
    bool last = root->local.readers == 0 && root->local.as == 0;
    if ((last || MUTANT(150)) && root->state == OP_HELD) /* "who leaves takes the hold along" */
        delegating_left(a, now, root);
}

static bool somebody_waits(const struct asker *a, const struct asker_op *root)
{
    for (const struct asker_op *r = first_of(a, root); r; r = after(a, r))
        if (changing(r))
            return true;
    return false;
}

/* What is answered here; ANSWER_WAITING if it has to wait for the others. */
static enum answer_kind verdict(const struct asker *a, const struct asker_op *op,
                                const struct event *event)
{
    switch (event->change.kind) {
    case CHANGE_WRITE:
        return ANSWER_NOT_WRITER;
    case CHANGE_CLEAR:
        return ANSWER_OTHER_MARK;
    case CHANGE_TRANSFER:
        return ANSWER_BUSY;
    case CHANGE_CONVERT:
        if (lock_mode_covers(op->mode, op->limit, event->change.mode, event->change.limit))
            return ANSWER_CHANGED;
        if (event->change.try)
            return ANSWER_BUSY;
        return somebody_waits(a, op_at(a, op->local.root)) ? ANSWER_DEADLOCK : ANSWER_WAITING;
    case CHANGES:
        break;
    }
    must(false);
}

struct asker_op *readers_change(struct asker *a, struct asker_op *op, const struct event *event)
{
    struct asker_op *root = op_at(a, op->local.root);
    if (root->local.readers == 1)
        return take_over(a, op);
    enum answer_kind kind = verdict(a, op, event);
    if (kind == ANSWER_WAITING)
        return op;
    if (kind == ANSWER_CHANGED)
        op->mode = event->change.mode;
    op->change =
        (struct asker_change){.answered = true, .final = kind, .handle = event->change.handle};
    asker_owe(a, op, OWE_CHANGED);
    return NULL;
}

void readers_await(struct asker *a, struct instant now, struct asker_op *op)
{
    struct asker_op *root = op_at(a, op->local.root);
    delegating_recall(a, now, root);
    for (struct asker_op *r = first_of(a, root); r; r = after(a, r)) {
        if (r == op || r->lost)
            continue;
        r->blocking_mode = op->change.mode;
        asker_owe(a, r, OWE_BLOCKING);
    }
    op->reason = WAIT_QUEUED;
    op->place = 0;
    op->send_at = INSTANT_NEVER;
    asker_activate(a, op);
    asker_owe(a, op, OWE_CHANGE_WAITING);
}

void readers_fill(const struct asker *a, const struct asker_op *op, struct answer *answer)
{
    const struct asker_op *root = op_at(a, op->local.root);
    const struct asker_op *r = root ? first_of(a, root) : NULL;
    for (; r && answer->holder_count < ANSWER_HOLDERS_MAX; r = after(a, r)) {
        if (r == op)
            continue;
        answer->holders[answer->holder_count++] = (struct lock_hold){
            .id = {.slot = core_self(a->core), .life = r->life, .counter = r->counter},
            .mode = r->mode,
            .limit = r->limit,
            .policy = r->policy,
            .ttl_ms = r->ttl_ms,
            .token = r->token};
    }
}

/* --- What they hear of the hold --- */

void readers_blocked(struct asker *a, struct instant now, struct asker_op *root,
                     enum lock_mode mode)
{
    for (struct asker_op *r = first_of(a, root); r; r = after(a, r)) {
        if (r->lost)
            continue;
        r->blocking_mode = mode;
        asker_owe(a, r, OWE_BLOCKING);
    }
    if (root->local.readers == 1)
        alone(a, now, first_of(a, root)); /* it may need less than the hold is */
}

void readers_warn(struct asker *a, struct asker_op *root, bool risk)
{
    for (struct asker_op *r = first_of(a, root); r; r = after(a, r)) {
        if (r->lost || r->warned == risk)
            continue;
        r->warned = risk;
        r->owes &= ~(uint32_t)(OWE_RISK | OWE_SAFE);
        asker_owe(a, r, risk ? OWE_RISK : OWE_SAFE);
    }
}

void readers_lapse(struct asker *a, struct instant now, struct asker_op *root)
{
    for (struct asker_op *r = first_of(a, root); r; r = after(a, r)) {
        r->warned = false;
        r->owes &= ~(uint32_t)(OWE_RISK | OWE_SAFE | OWE_BLOCKING);
        changing_finish(a, r, ANSWER_UNKNOWN);
        if (r->lost || asker_untold(r))
            continue;
        r->lost = true;
        r->lost_reason = LOST_LEASE;
        asker_owe(a, r, OWE_LOST);
        if (MUTANT(153)) /* "one of them hears that it is lost" */
            break;
    }
    for (struct asker_op *r = first_of(a, root), *next; r; r = next) {
        next = after(a, r);
        if (!asker_untold(r))
            continue;
        asking_finish(a, r, ANSWER_NO_MAJORITY); /* it was let in just now */
        asker_give_up(a, now, r);
    }
}
