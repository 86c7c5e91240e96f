/* What a client changes about its hold: see change.h. */
#include "node/change.h"

#include <stdlib.h>

#include "node/render.h"
#include "node/render_fence.h"
#include "node/session.h"
#include "proto/must.h"

#define CHANGE_AGAIN    SPAN_MS(100)  /* one that comes before this node's life counts */
#define CHANGE_PATIENCE SPAN_MS(5000) /* is asked again, but not for ever */

struct change {
    struct operation *op;
    enum change_kind kind;
    struct event event; /* what `value` points at is `bytes` */
    uint8_t bytes[LOCK_VALUE_MAX];
    struct instant patience;
    struct alarm again;
    uint64_t handle;
    struct varlink_call *call; /* NULL if its connection is gone */
    json_t *waiting;           /* the last "waiting" answer; NULL before */
};

void change_free(struct change *change)
{
    if (!change)
        return;
    agent_forget(change->op->all->agent, change->handle);
    clock_clear(change->op->all->clock, &change->again);
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

/* The agent has just started, and its life does not count yet. False: it did not for long. */
static bool change_again(struct change *change)
{
    struct operations *all = change->op->all;
    struct instant again = instant_after(clock_now(), CHANGE_AGAIN);
    agent_forget(all->agent, change->handle);
    change->handle = 0;
    if (instant_reached(again, change->patience))
        return false;
    clock_set(all->clock, &change->again, again);
    return true;
}

static void change_answer(void *context, const struct answer *answer)
{
    struct change *change = context;
    if (answer->kind == ANSWER_NOT_READY && change_again(change))
        return;
    if (answer->kind == ANSWER_WAITING)
        change_waits(change, answer);
    else if (answer->kind == ANSWER_CHANGED)
        change_made(change, answer);
    else
        change_refused(change, answer);
}

static void change_send(void *context)
{
    struct change *change = context;
    change->handle = agent_ask(change->op->all->agent, &change->event, change_answer, change);
}

void change_ask(struct operation *op, struct varlink_call *call, const struct event *event)
{
    if (op->change) {
        varlink_error(call, "org.holdfast.ChangeUnderWay", NULL);
        return;
    }
    struct change *change = calloc(1, sizeof *change);
    must(change);
    *change = (struct change){.op = op, .kind = event->change.kind, .event = *event, .call = call};
    must(event->change.value.size <= sizeof change->bytes);
    if (event->change.value.size)
        memcpy(change->bytes, event->change.value.bytes, event->change.value.size);
    change->event.change.value.bytes = change->bytes;
    change->event.change.hold = op->id;
    change->patience =
        instant_earlier(event->change.deadline, instant_after(clock_now(), CHANGE_PATIENCE));
    change->again = (struct alarm){.ring = change_send, .context = change};
    call->owner = change;
    call->cancel = change_cancelled;
    op->change = change;
    change_send(change);
}
