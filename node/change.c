/* What a client changes about its hold: see change.h. */
#include "node/change.h"

#include <stdlib.h>

#include "node/render.h"
#include "node/render_fence.h"
#include "node/session.h"
#include "proto/must.h"

struct change {
    struct operation *op;
    enum change_kind kind;
    uint64_t handle;
    struct varlink_call *call; /* NULL if its connection is gone */
    json_t *waiting;           /* the last "waiting" answer; NULL before */
};

void change_free(struct change *change)
{
    if (!change)
        return;
    agent_forget(change->op->all->agent, change->handle);
    change->op->change = NULL;
    json_decref(change->waiting);
    free(change);
}

static void change_refuse(struct change *change, const char *error, json_t *parameters)
{
    struct varlink_call *call = change->call;
    change_free(change);
    if (call)
        varlink_error(call, error, parameters);
    else
        json_decref(parameters);
}

static json_t *change_no_hold(const struct change *change)
{
    return json_pack("{s:s}", "hold", render_hold(change->op->id).text);
}

void change_gone(struct change *change)
{
    if (change)
        change_refuse(change, "org.holdfast.NoSuchHold", change_no_hold(change));
}

static void change_cancelled(struct varlink_call *call)
{
    struct change *change = call->owner;
    change->call = NULL;
}

/* --- Answers --- */

static json_t *change_json(const struct change *change, const struct answer *answer,
                           const char *state, const char *reason)
{
    const struct agent *agent = change->op->all->agent;
    bool held = answer->kind == ANSWER_CHANGED;
    return json_pack("{s:s s:s s:s s:i s:I s:I s:s s:o s:o}", "state", state, "hold",
                     render_hold(change->op->id).text, "mode", lock_mode_text(change->op->mode),
                     "limit", (int)change->op->limit, "token", (json_int_t)change->op->token,
                     "place", (json_int_t)(held ? 0 : answer->place), "reason", reason, "holders",
                     held ? json_array() : render_holders(agent, answer), "stale",
                     held ? json_null() : render_fence_stale(agent, &answer->stale));
}

static void change_waits(struct change *change, const struct answer *answer)
{
    json_t *waiting = change_json(change, answer, "waiting", render_reason(answer->reason));
    bool news = !change->waiting || !json_equal(change->waiting, waiting);
    if (news && change->call && change->call->more)
        varlink_reply_more(change->call, json_incref(waiting));
    json_decref(change->waiting);
    change->waiting = waiting;
}

static void change_made(struct change *change, const struct answer *answer)
{
    struct operation *op = change->op;
    struct varlink_call *call = change->call;
    bool passed = change->kind == CHANGE_TRANSFER;
    json_t *reply = NULL;
    if (!passed) {
        op->mode = answer->mode;
        op->limit = answer->limit;
        op->token = answer->token;
    }
    if (change->kind == CHANGE_CONVERT)
        reply = change_json(change, answer, "held", "");
    change_free(change);
    if (call)
        varlink_reply(call, reply);
    else
        json_decref(reply);
    if (passed)
        operation_passed(op);
}

/* What a refusal is called, if it says no more than that; NULL if it does. */
static const char *change_error(enum answer_kind kind)
{
    if (kind == ANSWER_CHANGING)
        return "org.holdfast.ChangeUnderWay";
    if (kind == ANSWER_NOT_WRITER)
        return "org.holdfast.NotWriter";
    if (kind == ANSWER_OTHER_MARK)
        return "org.holdfast.OtherMark";
    if (kind == ANSWER_NO_WAITER)
        return "org.holdfast.NoSuchWaiter";
    return kind == ANSWER_FULL ? "org.holdfast.QueueFull" : NULL;
}

static void change_refused(struct change *change, const struct answer *answer)
{
    const struct agent *agent = change->op->all->agent;
    const char *plain = change_error(answer->kind);
    if (plain)
        change_refuse(change, plain, NULL);
    else if (answer->kind == ANSWER_BUSY)
        change_refuse(change, "org.holdfast.Busy",
                      json_pack("{s:o s:o}", "holders", render_holders(agent, answer), "stale",
                                render_fence_stale(agent, &answer->stale)));
    else if (answer->kind == ANSWER_DEADLOCK)
        change_refuse(change, "org.holdfast.Deadlock",
                      json_pack("{s:o}", "holders", render_holders(agent, answer)));
    else if (answer->kind == ANSWER_TIMED_OUT)
        change_refuse(change, "org.holdfast.TimedOut",
                      json_pack("{s:s s:I s:o s:o}", "reason", render_reason(answer->reason),
                                "place", (json_int_t)answer->place, "holders",
                                render_holders(agent, answer), "stale",
                                render_fence_stale(agent, &answer->stale)));
    else if (answer->kind == ANSWER_NO_MAJORITY)
        change_refuse(change, "org.holdfast.NoMajority",
                      json_pack("{s:I s:I}", "reachable", (json_int_t)answer->reachable, "cohort",
                                (json_int_t)answer->cohort));
    else if (answer->kind == ANSWER_NOT_READY)
        change_refuse(change, "org.holdfast.NotReady",
                      json_pack("{s:s}", "reason", "this node's life does not count yet"));
    else if (answer->kind == ANSWER_LOG_FAILED)
        change_refuse(change, "org.holdfast.LogFailed",
                      json_pack("{s:s}", "reason", RENDER_LOG_FAILED));
    else
        change_refuse(change, "org.holdfast.NoSuchHold", change_no_hold(change));
}

static void change_answer(void *context, const struct answer *answer)
{
    struct change *change = context;
    if (answer->kind == ANSWER_WAITING)
        change_waits(change, answer);
    else if (answer->kind == ANSWER_CHANGED)
        change_made(change, answer);
    else
        change_refused(change, answer);
}

void change_ask(struct operation *op, struct varlink_call *call, const struct event *event)
{
    if (op->change) {
        varlink_error(call, "org.holdfast.ChangeUnderWay", NULL);
        return;
    }
    struct change *change = calloc(1, sizeof *change);
    must(change);
    *change = (struct change){.op = op, .kind = event->change.kind, .call = call};
    call->owner = change;
    call->cancel = change_cancelled;
    op->change = change;
    struct event asked = *event;
    asked.change.hold = op->id;
    change->handle = agent_ask(op->all->agent, &asked, change_answer, change);
}
