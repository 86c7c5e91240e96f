/* One request or hold of this node. */
#include "node/operation.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "node/log.h"
#include "node/render.h"
#include "node/session.h"
#include "proto/must.h"

static struct operation_key operation_key(struct op_id id)
{
    return (struct operation_key){id.slot, id.life, id.counter};
}

struct operation *operation_find(const struct operations *all, struct op_id id)
{
    struct operation *op;
    struct operation_key key = operation_key(id);
    HASH_FIND(hh, all->by_id, &key, sizeof key, op);
    return op;
}

static void operation_know(struct operation *op, struct op_id id)
{
    op->id = id;
    op->key = operation_key(id);
    op->known = true;
    HASH_ADD(hh, op->all->by_id, key, sizeof op->key, op);
}

void operation_free(struct operation *op)
{
    if (op->known)
        HASH_DELETE(hh, op->all->by_id, op);
    json_decref(op->waiting);
    free(op->name);
    free(op);
}

/* Nothing of it is left in the peer, nor anybody who waits. */
static void operation_gone(struct operation *op)
{
    agent_forget(op->all->agent, op->acquire_handle);
    agent_forget(op->all->agent, op->drop_handle);
    session_operation_gone(op->session, op);
}

/* --- Answers to Acquire --- */

static json_t *operation_json(const struct operation *op, const struct answer *answer,
                              const char *state)
{
    bool held = answer->kind == ANSWER_GRANTED;
    return json_pack("{s:s s:s s:I s:I s:s s:o s:I s:I}", "state", state, "hold",
                     render_hold(op->id).text, "token", (json_int_t)(held ? answer->token : 0),
                     "place", (json_int_t)(held ? 0 : answer->place), "reason",
                     held ? "" : render_reason(answer->reason), "holders",
                     held ? json_array() : render_holders(op->all->agent, answer), "reachable",
                     (json_int_t)answer->reachable, "cohort", (json_int_t)answer->cohort);
}

/* Ends the call that waits for the grant, if it is still there. */
static void operation_refuse(struct operation *op, const char *error, json_t *parameters)
{
    struct varlink_call *call = op->call;
    op->call = NULL;
    if (call)
        varlink_error(call, error, parameters);
    else
        json_decref(parameters);
}

static void operation_waits(struct operation *op, const struct answer *answer)
{
    json_t *waiting = operation_json(op, answer, "waiting");
    bool news = !op->waiting || !json_equal(op->waiting, waiting);
    if (news && op->call && op->call->more)
        varlink_reply_more(op->call, json_incref(waiting));
    json_decref(op->waiting);
    op->waiting = waiting;
}

static void operation_granted(struct operation *op, const struct answer *answer)
{
    agent_forget(op->all->agent, op->acquire_handle);
    op->acquire_handle = 0;
    if (op->state != OPERATION_ASKED)
        return; /* a drop is under way; its answer ends it */
    op->state = OPERATION_HELD;
    op->token = answer->token;
    if (op->unwanted || !op->call) {
        operation_drop(op, NULL); /* nobody was told */
        return;
    }
    struct varlink_call *call = op->call;
    op->call = NULL;
    varlink_reply(call, operation_json(op, answer, "held"));
    session_tell(op->session, "granted", op, op->mode, "");
}

/* TimedOut says what it last waited for. */
static json_t *operation_timed_out(const struct operation *op, const struct answer *answer)
{
    if (!op->waiting)
        return json_pack("{s:s s:I s:o}", "reason", render_reason(answer->reason), "place",
                         (json_int_t)answer->place, "holders",
                         render_holders(op->all->agent, answer));
    return json_pack("{s:O s:O s:O}", "reason", json_object_get(op->waiting, "reason"), "place",
                     json_object_get(op->waiting, "place"), "holders",
                     json_object_get(op->waiting, "holders"));
}

/* It was not granted and never will be. */
static void operation_refused(struct operation *op, const char *error, json_t *parameters)
{
    operation_refuse(op, error, parameters);
    agent_forget(op->all->agent, op->acquire_handle);
    op->acquire_handle = 0;
    if (!op->drop_handle) /* else the drop's answer ends it */
        operation_gone(op);
}

static void operation_answer(void *context, const struct answer *answer)
{
    struct operation *op = context;
    switch (answer->kind) {
    case ANSWER_ACCEPTED:
        operation_know(op, answer->hold);
        if (op->unwanted)
            operation_drop(op, NULL);
        break;
    case ANSWER_WAITING:
        operation_waits(op, answer);
        break;
    case ANSWER_GRANTED:
        operation_granted(op, answer);
        break;
    case ANSWER_BUSY:
        operation_refused(op, "org.holdfast.Busy",
                          json_pack("{s:o}", "holders", render_holders(op->all->agent, answer)));
        break;
    case ANSWER_TIMED_OUT:
        operation_refused(op, "org.holdfast.TimedOut", operation_timed_out(op, answer));
        break;
    case ANSWER_NO_MAJORITY:
        operation_refused(op, "org.holdfast.NoMajority",
                          json_pack("{s:I s:I}", "reachable", (json_int_t)answer->reachable,
                                    "cohort", (json_int_t)answer->cohort));
        break;
    case ANSWER_FULL:
        operation_refused(op, "org.holdfast.QueueFull", NULL);
        break;
    case ANSWER_BAD_NAME:
        operation_refused(
            op, "org.holdfast.BadName",
            json_pack("{s:s}", "reason",
                      "a name is 1 to 255 bytes of UTF-8 without control characters"));
        break;
    case ANSWER_NOT_READY:
        operation_refused(op, "org.holdfast.NotReady",
                          json_pack("{s:s}", "reason",
                                    "this node is starting: it does not know its own life yet"));
        break;
    case ANSWER_LOG_FAILED:
        operation_refused(op, "org.holdfast.LogFailed",
                          json_pack("{s:s}", "reason", RENDER_LOG_FAILED));
        break;
    case ANSWER_DROPPED:
        operation_refused(op, "org.holdfast.NoSuchHold",
                          json_pack("{s:s}", "hold", render_hold(op->id).text));
        break;
    case ANSWER_UNKNOWN:
    case ANSWER_SHOWN:
    case ANSWER_BLOCKING:
        break; /* not about an Acquire */
    }
}

/* --- Giving up --- */

static void operation_drop_answer(void *context, const struct answer *answer)
{
    struct operation *op = context;
    if (answer->kind != ANSWER_DROPPED && answer->kind != ANSWER_UNKNOWN)
        return;
    const struct hold_text hold = render_hold(op->id);
    struct varlink_call *call = op->drop_call;
    op->drop_call = NULL;
    if (call && answer->kind == ANSWER_DROPPED)
        varlink_reply(call, NULL);
    else if (call)
        varlink_error(call, "org.holdfast.NoSuchHold", json_pack("{s:s}", "hold", hold.text));
    operation_refuse(op, "org.holdfast.NoSuchHold", json_pack("{s:s}", "hold", hold.text));
    operation_gone(op);
}

static void operation_drop_cancelled(struct varlink_call *call)
{
    struct operation *op = call->owner;
    op->drop_call = NULL; /* the drop itself goes on */
}

void operation_drop(struct operation *op, struct varlink_call *call)
{
    if (call && op->drop_call) {
        varlink_error(call, "org.holdfast.NoSuchHold",
                      json_pack("{s:s}", "hold", render_hold(op->id).text));
        return;
    }
    if (call) {
        op->drop_call = call;
        call->owner = op;
        call->cancel = operation_drop_cancelled;
    }
    if (op->state == OPERATION_DROPPING)
        return;
    must(op->known);
    op->state = OPERATION_DROPPING;
    struct event event = {.kind = EVENT_DROP};
    event.drop.hold = op->id;
    op->drop_handle = agent_ask(op->all->agent, &event, operation_drop_answer, op);
}

static void operation_unwant(struct operation *op)
{
    op->unwanted = true;
    if (op->known && op->state == OPERATION_ASKED)
        operation_drop(op, NULL);
}

/* The connection of the Acquire closes while it waits. */
static void operation_cancelled(struct varlink_call *call)
{
    struct operation *op = call->owner;
    op->call = NULL;
    operation_unwant(op);
}

void operation_abandon(struct operation *op)
{
    operation_refuse(op, "org.holdfast.NoSuchSession", NULL);
    operation_unwant(op);
}

/* --- Making --- */

static struct operation *operation_new(struct operations *all, struct session *session,
                                       const char *name, size_t size, const struct holder *holder)
{
    struct operation *op = calloc(1, sizeof *op);
    char *copy = strndup(name, size);
    if (!op || !copy) {
        free(op);
        free(copy);
        return NULL;
    }
    op->all = all;
    op->session = session;
    op->name = copy;
    op->process_count = holder->count;
    memcpy(op->processes, holder->processes, sizeof op->processes);
    DL_APPEND(session->operations, op);
    session->operation_count++;
    return op;
}

void operation_ask(struct operations *all, struct session *session, struct varlink_call *call,
                   const struct operation_request *request)
{
    uint8_t blob[HOLDER_BYTES_MAX];
    struct event event = {.kind = EVENT_ACQUIRE};
    struct operation *op =
        operation_new(all, session, request->name, strlen(request->name), request->holder);
    must(op);
    op->mode = request->mode;
    op->policy = request->policy;
    op->call = call;
    call->owner = op;
    call->cancel = operation_cancelled;
    event.acquire.name = (struct view){(const uint8_t *)op->name, strlen(op->name)};
    event.acquire.mode = request->mode;
    event.acquire.policy = request->policy;
    event.acquire.try = request->try;
    event.acquire.deadline = request->deadline;
    event.acquire.process = (struct view){blob, holder_encode(blob, request->holder)};
    op->acquire_handle = agent_ask(all->agent, &event, operation_answer, op);
}

struct operation *operation_adopt(struct operations *all, struct session *session,
                                  const struct op_view *view, const struct holder *holder)
{
    struct operation *op =
        operation_new(all, session, (const char *)view->name.bytes, view->name.size, holder);
    if (!op)
        return NULL;
    op->state = OPERATION_HELD;
    op->loaded = true;
    op->mode = view->mode;
    op->policy = view->policy;
    op->token = view->token;
    operation_know(op, view->id);
    return op;
}
