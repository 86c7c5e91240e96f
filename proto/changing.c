/*
 * What a client changes about its hold (L9): see asker.h.
 *
 *            asked                    answered, and the record durable
 *     (none) ------> under way ------------------------------------------> told, (none)
 *                       | its time is over
 *                       '-----------> cancelled: asks only what became of it
 *
 * One change of a hold at a time: the coordinator drops a counter that is not above the last one's,
 * so a second one that overtook the first would make it void.
 *
 * A conversion up is recorded when it is asked for, beside the voters' own writes, so that it costs
 * no sync of its own. A run that finds such a record does not know whether it was told: it cancels
 * what still waits, and takes the mode that the hold has. A transfer is recorded before it is asked
 * for, and so is a conversion that lets others do more than before: else this node could believe,
 * after a restart, that it holds what is another's, or keeps out who is in.
 */
#include "proto/asking.h"

#include "proto/must.h"
#include "proto/readers.h"

/* A try is given up after so long without an answer, and so is the asking what became of a change
 * whose time is over: its client hears that it is not known. */
#define TRY_SPAN SPAN_MS(3000)

bool changing(const struct asker_op *op)
{
    return op->state == OP_HELD && op->change.counter != 0 && !op->change.answered;
}

enum request_kind changing_request(const struct asker_op *op)
{
    if (op->change.cancelled)
        return REQUEST_CANCEL;
    switch (op->change.kind) {
    case CHANGE_CONVERT:
        return REQUEST_CONVERT;
    case CHANGE_WRITE:
        return REQUEST_WRITE;
    case CHANGE_CLEAR:
        return REQUEST_CLEAR;
    case CHANGE_TRANSFER:
        return REQUEST_TRANSFER;
    case CHANGES:
        break;
    }
    must(false);
}

bool changing_transfers(const struct asker_op *op)
{
    return changing(op) && (op->change.kind == CHANGE_TRANSFER || op->change.transfer);
}

bool changing_yields(const struct asker_op *op)
{
    const struct asker_change *c = &op->change;
    return changing_transfers(op) || (changing(op) && c->kind == CHANGE_CONVERT &&
                                      !lock_mode_covers(c->mode, c->limit, op->mode, op->limit));
}

bool changing_rests(const struct asker_op *op)
{
    const struct asker_change *c = &op->change;
    bool known = c->final != ANSWER_NO_MAJORITY && c->final != ANSWER_LOG_FAILED;
    return c->final == ANSWER_CHANGED || (known && c->kind == CHANGE_TRANSFER);
}

uint64_t changing_recorded(const struct asker_op *op)
{
    bool moves = op->change.kind == CHANGE_CONVERT || op->change.kind == CHANGE_TRANSFER;
    return changing(op) && moves ? op->change.counter : 0;
}

void changing_forget(struct asker *a, struct asker_op *op)
{
    if (op->change.bytes)
        arena_put(&a->core->arena, op->change.bytes, op->change.bytes_size);
    op->change = (struct asker_change){0};
}

/* --- What clients ask --- */

/* Why it cannot be asked for now; ANSWER_CHANGED if it can. */
static enum answer_kind refusal(const struct asker *a, const struct asker_op *op, struct op_id hold)
{
    bool ours = op && op->state == OP_HELD && !op->show && !op->gone && !op->lost &&
                !delegating_unowned(op) && readers_root(a, op) && hold.slot == core_self(a->core) &&
                hold.life == op->life && hold.life == a->core->life && !(op->owes & OWE_FINAL);
    if (!ours)
        return ANSWER_UNKNOWN;
    if (op->change.counter || op->change.answered)
        return ANSWER_CHANGING;
    if (op->unheard) /* whether it is held is being asked */
        return ANSWER_NOT_READY;
    return a->core->journal.failed ? ANSWER_LOG_FAILED : ANSWER_CHANGED;
}

void changing_begin(struct asker *a, struct instant now, struct asker_op *op)
{
    delegating_recall(a, now, op); /* what others are to know of it only the register has */
    if (changing_recorded(op))
        asker_write(a, op, true);
    op->reason = WAIT_UNKNOWN;
    op->place = 0;
    asking_begin(a, now, op);
}

void asker_change(struct asker *a, struct instant now, const struct event *event)
{
    struct asker_op *op = delegating_find(a, event->change.hold.counter);
    enum answer_kind why = refusal(a, op, event->change.hold);
    if (why != ANSWER_CHANGED) {
        asker_refuse_now(a, event->change.handle, why);
        return;
    }
    must(event->change.kind < CHANGES && event->change.value.size <= LOCK_VALUE_MAX);
    if (op->local.reader)
        op = readers_change(a, op, event);
    if (!op)
        return;
    struct asker_change change = {.kind = event->change.kind,
                                  .try = event->change.try,
                                  .mode = op->mode,
                                  .limit = op->limit,
                                  .handle = event->change.handle,
                                  .deadline = event->change.deadline,
                                  .bytes_size = (uint16_t)event->change.value.size};
    if (!asker_keep(a, event->change.value, &change.bytes)) {
        asker_refuse_now(a, event->change.handle, ANSWER_FULL);
        return;
    }
    change.counter = a->core->life_known ? asker_next_counter(a) : 0;
    op->change = change;
    if (change.counter == 0) {
        changing_forget(a, op);
        asker_refuse_now(a, event->change.handle, ANSWER_NOT_READY);
        return;
    }
    if (change.kind == CHANGE_CONVERT) {
        must(lock_mode_valid(event->change.mode, event->change.limit));
        op->change.mode = event->change.mode;
        op->change.limit = event->change.limit;
        if (change.try)
            op->change.deadline =
                instant_earlier(op->change.deadline, instant_after(now, TRY_SPAN));
    } else if (change.kind == CHANGE_CLEAR) {
        op->change.target = event->change.mark;
        op->change.token = event->change.mark_token;
    } else if (change.kind == CHANGE_TRANSFER) {
        op->change.target = event->change.to;
    }
    if (op->local.reader)
        readers_await(a, now, op);
    else
        changing_begin(a, now, op);
}

/* --- What becomes of it --- */

void changing_finish(struct asker *a, struct asker_op *op, enum answer_kind final)
{
    if (op->change.counter == 0 || op->change.answered)
        return;
    if (op->state == OP_HELD)
        asker_deactivate(a, op);
    op->owes &= ~(uint32_t)OWE_CHANGE_WAITING;
    if (op->change.handle == 0) { /* nobody asks any more */
        changing_forget(a, op);
        return;
    }
    op->change.answered = true;
    op->change.final = final;
    asker_owe(a, op, OWE_CHANGED);
}

void changing_failed(struct asker *a, struct asker_op *op)
{
    if (changing_recorded(op))
        changing_finish(a, op, ANSWER_LOG_FAILED);
    else if ((op->owes & OWE_CHANGED) && changing_rests(op) && !op->gone)
        op->change.final = ANSWER_LOG_FAILED;
}

void changing_told(struct asker *a, struct asker_op *op)
{
    if (op->change.answered)
        changing_forget(a, op);
    op->change.handle = 0; /* or it is still being cancelled */
}

/* The hold is what the coordinator says it is, by a true state. Whether its token rose. */
static bool adopt(struct asker *a, struct asker_op *op, const struct wire_reply *r)
{
    if (r->detail.size == 0 || !lock_decode(&a->scratch, r->detail))
        return false;
    int index = lock_find_hold(&a->scratch, r->op);
    if (index < 0)
        return false;
    op->mode = a->scratch.holds[index].mode;
    op->limit = a->scratch.holds[index].limit;
    if (a->scratch.holds[index].token <= op->token) /* or its client has one of the spare ones */
        return false;
    op->token = a->scratch.holds[index].token;
    return true;
}

static void settled(struct asker *a, struct asker_op *op, enum answer_kind final)
{
    bool recorded = changing_recorded(op) != 0;
    bool kept = changing_transfers(op) && final != ANSWER_CHANGED;
    uint64_t lsn = op->lsn;
    const struct journal *j = &a->core->journal;
    if (final == ANSWER_CHANGED && j->failed && lsn > j->durable)
        final = ANSWER_LOG_FAILED; /* L6: what became of it cannot be promised */
    changing_finish(a, op, final);
    /* The record with the change carries the promise that it was made. That a hold was kept rests
     * on the one without: an agent that starts from the other would take a loss of it for the
     * hand-over, while its client acts on. */
    if (recorded)
        asker_write(a, op, kept);
    if (!kept)
        op->lsn = lsn;
}

/* The hold is another's now. */
static void passed(struct asker *a, struct asker_op *op)
{
    if (op->change.handle == 0)
        asker_owe(a, op, OWE_PASSED);
    changing_finish(a, op, ANSWER_CHANGED);
    asker_end(a, op);
}

static void waits(struct asker *a, struct instant now, struct asker_op *op,
                  const struct wire_reply *r)
{
    if (op->change.cancelled || op->change.kind != CHANGE_CONVERT)
        return;
    if (asking_note_waiting(a, now, op, r))
        asker_owe(a, op, OWE_CHANGE_WAITING);
}

/* Cancelled, or done, by the coordinator's true word. What is converted to a mode that writes got a
 * token by it: else one that was cancelled had that mode before. */
static void done(struct asker *a, struct asker_op *op, bool rose)
{
    const struct asker_change *c = &op->change;
    bool converts = c->kind == CHANGE_CONVERT && !c->transfer;
    bool made = converts ? op->mode == c->mode && op->limit == c->limit : !c->cancelled;
    if (converts && c->cancelled && lock_mode_writes(c->mode))
        made &= rose;
    if (!converts && changing_transfers(op) && made)
        passed(a, op);
    else
        settled(a, op, made ? ANSWER_CHANGED : ANSWER_TIMED_OUT);
}

void changing_reply(struct asker *a, struct instant now, struct asker_op *op,
                    const struct wire_reply *r)
{
    if (r->change != op->change.counter)
        return;
    op->stale = asking_stale(r);
    enum reply_verdict verdict = (enum reply_verdict)r->verdict;
    if (verdict == REPLY_WAITING) {
        waits(a, now, op, r);
    } else if (verdict == REPLY_GRANTED || verdict == REPLY_DONE) {
        done(a, op, adopt(a, op, r));
    } else if (verdict == REPLY_GONE) {
        if (changing_transfers(op))
            passed(a, op);
        else
            settled(a, op, ANSWER_UNKNOWN);
    } else if (verdict == REPLY_BUSY || verdict == REPLY_DEADLOCK) {
        asker_set_detail(a, op, r->detail);
        settled(a, op, verdict == REPLY_BUSY ? ANSWER_BUSY : ANSWER_DEADLOCK);
    } else if (verdict == REPLY_FULL) {
        settled(a, op, ANSWER_FULL);
    } else if (verdict == REPLY_NOT_WRITER) {
        settled(a, op, ANSWER_NOT_WRITER);
    } else if (verdict == REPLY_OTHER_MARK) {
        settled(a, op, ANSWER_OTHER_MARK);
    } else if (verdict == REPLY_NO_WAITER) {
        settled(a, op, ANSWER_NO_WAITER);
    }
}

void changing_deadline(struct asker *a, struct instant now, struct asker_op *op)
{
    if (op->local.reader) { /* nobody was asked yet (readers.h) */
        changing_finish(a, op, ANSWER_TIMED_OUT);
        return;
    }
    if (!op->change.cancelled) {
        op->change.cancelled = true;
        op->change.deadline = instant_after(now, TRY_SPAN);
        asking_begin(a, now, op);
        return;
    }
    op->change.deadline = INSTANT_NEVER;
    if (op->change.handle == 0)
        return;
    /* Its client need not wait for ever; what became of it is asked on. Until that is known it may
     * be made yet, so it is not said to be cancelled. */
    op->change.final = ANSWER_NO_MAJORITY;
    asker_owe(a, op, OWE_CHANGED);
}
