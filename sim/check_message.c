/*
 * A machine says something: the checks that judge messages.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/sessions.h"
#include "sim/world.h"

static void note_refusal(struct world *w, const struct machine *m, const struct wire_refuse *r)
{
    if (r->shard < w->p.shards)
        check_preempted(w, m, observer_promise(w, r->shard, r->ballot), r->shard);
}

static void note_request(struct world *w, const struct machine *m, const struct wire_request *r)
{
    if (r->kind == REQUEST_DROP) {
        struct op *op = history_op_named(w, history_name(w, r->name), r->op);
        op->drop_sent = true;
        op->drop_clean |= !r->unclean;
    } else if (request_is_change((enum request_kind)r->kind)) {
        check_change_sent(w, m, r);
    }
}

/* F9: until the window of this executor is over the juror takes no higher life into its book. */
static void note_window(struct world *w, const struct machine *juror, uint16_t to,
                        const struct wire_exec_ok *ok)
{
    int executor = cluster_index(w->cluster, to);
    int index = cluster_index(w->cluster, ok->slot);
    if (index < 0 || executor < 0)
        return;
    w->observer->lives.window_at[index] = w->now;
    uint32_t bit = UINT32_C(1) << juror->index;
    if (ok->scope.session)
        sessions_of(w, ok->slot, ok->life, &ok->scope)->let[executor] |= bit;
    else
        lives_of(w, ok->slot, ok->life)->let[executor] |= bit;
}

void check_message(struct world *w, struct machine *m, uint16_t to, const struct message *message)
{
    bool to_itself = to == cluster_slot(m->index);
    /* What it says to itself in the turn in which its log fails goes no further. */
    if (to != cluster_slot(m->index) || !m->votes)
        check_may_vote(w, m, message);
    check_fence_said(w, m, to, message);
    operator_said(w, m, message);
    /* L1: to itself first, and to others once that is durable. */
    if (message->type == WIRE_PREPARE && !to_itself)
        check_promised(w, m, message->prepare.shard, message->prepare.ballot, "prepare");
    else if (message->type == WIRE_PROMISE)
        check_promised(w, m, message->promise.shard, message->promise.ballot, "a promise");
    else if (message->type == WIRE_CONFIRMED)
        check_promised(w, m, message->confirmed.shard, message->confirmed.ballot, "confirmed");
    else if (message->type == WIRE_STORED)
        check_stored_said(w, m, &message->stored);
    else if (message->type == WIRE_ACCEPTED)
        check_accepted_said(w, m, &message->accepted);
    else if (message->type == WIRE_ACCEPT)
        check_accept_said(w, m, &message->accept);
    else if (message->type == WIRE_FORGET)
        check_forget_said(w, &message->forget);
    else if (message->type == WIRE_FORGOTTEN)
        check_forgotten_said(w, m, &message->forgotten);
    else if (message->type == WIRE_REFUSE)
        note_refusal(w, m, &message->refuse);
    else if (message->type == WIRE_REQUEST)
        note_request(w, m, &message->request);
    else if (message->type == WIRE_EXEC_ASK)
        check_exec_asked(w, m, &message->exec_ask);
    else if (message->type == WIRE_EXEC_OK) {
        note_window(w, m, to, &message->exec_ok);
        check_let_beside(w, m, to, &message->exec_ok);
    } else if (message->type == WIRE_REPLY)
        check_reply_said(w, m, to, &message->reply);
}
