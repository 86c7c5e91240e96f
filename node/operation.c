/* One request or hold of this node. */
#include "node/operation.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "node/change.h"
#include "node/log.h"
#include "node/render.h"
#include "node/render_fence.h"
#include "node/session.h"
#include "proto/must.h"

/* While this node's life does not count: */
#define OPERATION_AGAIN    SPAN_MS(250)  /* between two questions; NOTICE_READY comes before */
#define OPERATION_PATIENCE SPAN_MS(3000) /* of a `try`, for which nobody waits long */

enum { OPERATION_TEXT_SIZE = 320 }; /* the longest numbers included */

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

static void operation_forget_id(struct operation *op)
{
    if (op->known)
        HASH_DELETE(hh, op->all->by_id, op);
    op->known = false;
    op->id = (struct op_id){0};
}

void operation_free(struct operation *op)
{
    change_free(op->change);
    operation_forget_id(op);
    clock_clear(op->all->clock, &op->again);
    json_decref(op->waiting);
    free(op->name);
    free(op);
}

/* Nothing of it is left in the peer, nor anybody who waits. */
static void operation_gone(struct operation *op)
{
    if (op->held_at.ns != 0)
        histogram_add_span(&agent_figures(op->all->agent)->holds,
                           span_between(op->held_at, clock_now()));
    agent_forget(op->all->agent, op->acquire_handle);
    agent_forget(op->all->agent, op->drop_handle);
    change_gone(op->change);
    session_operation_gone(op->session, op);
}

void operation_passed(struct operation *op)
{
    if (op->state != OPERATION_HELD)
        return; /* a drop is under way; its answer ends it */
    log_event(LOG_LEVEL_INFO, "hold-passed", "hold=%s name=%s session=%s", render_hold(op->id).text,
              log_value(op->name, strlen(op->name)).text, op->session->name);
    session_tell(op->session, "passed", op, op->mode, "it was handed over");
    operation_gone(op);
}

void operation_never_held(struct operation *op)
{
    log_event(LOG_LEVEL_INFO, "hold-never-was",
              "hold=%s name=%s session=%s note=\"it waited when the agent ended\"",
              render_hold(op->id).text, log_value(op->name, strlen(op->name)).text,
              op->session->name);
    session_tell(op->session, "passed", op, op->mode, "it was never granted");
    operation_gone(op);
}

/* --- Answers to Acquire --- */

static json_t *operation_json(const struct operation *op, const struct answer *answer,
                              const char *state, const char *reason)
{
    const struct agent *agent = op->all->agent;
    bool held = answer->kind == ANSWER_GRANTED;
    return json_pack("{s:s s:s s:I s:I s:s s:o s:I s:I s:o s:o s:o}", "state", state, "hold",
                     op->known ? render_hold(op->id).text : "", "token",
                     (json_int_t)(held ? answer->token : 0), "place",
                     (json_int_t)(held ? 0 : answer->place), "reason", reason, "holders",
                     held ? json_array() : render_holders(agent, answer), "reachable",
                     (json_int_t)answer->reachable, "cohort", (json_int_t)answer->cohort, "unclean",
                     held ? render_fence_mark(agent, &answer->mark) : json_null(), "stale",
                     held ? json_null() : render_fence_stale(agent, &answer->stale), "value",
                     render_value(answer->value));
}

/* Tells whoever still listens. */
static void operation_refuse(struct operation *op, const char *error, json_t *parameters)
{
    const struct operation_listener *listener = op->listener;
    op->listener = NULL;
    if (listener)
        listener->refused(op->context, error, parameters);
    else
        json_decref(parameters);
}

/* Tells what it waits for, if that is news; `waiting` is stolen. */
static void operation_tell_waiting(struct operation *op, json_t *waiting)
{
    bool news = !op->waiting || !json_equal(op->waiting, waiting);
    if (news && op->listener)
        op->listener->waits(op->context, waiting);
    json_decref(op->waiting);
    op->waiting = waiting;
}

static void operation_waits(struct operation *op, const struct answer *answer)
{
    operation_tell_waiting(op,
                           operation_json(op, answer, "waiting", render_reason(answer->reason)));
}

/* What operation_json says of a grant where nobody went uncleanly and no value stays: nearly
 * always, and ten times as fast. */
static void operation_tell_granted(struct operation *op, const struct answer *answer)
{
    char text[OPERATION_TEXT_SIZE];
    if (!op->listener->granted_text || answer->mark.set || answer->value) {
        op->listener->granted(op->context, operation_json(op, answer, "held", ""));
        return;
    }
    snprintf(text, sizeof text,
             "{\"state\":\"held\",\"hold\":\"%s\",\"token\":%lld,\"place\":0,\"reason\":\"\","
             "\"holders\":[],\"reachable\":%lld,\"cohort\":%lld,\"unclean\":null,"
             "\"stale\":null,\"value\":null}",
             op->known ? render_hold(op->id).text : "", (long long)answer->token,
             (long long)answer->reachable, (long long)answer->cohort);
    op->listener->granted_text(op->context, text);
}

static void operation_granted(struct operation *op, const struct answer *answer)
{
    agent_forget(op->all->agent, op->acquire_handle);
    op->acquire_handle = 0;
    if (op->state != OPERATION_ASKED)
        return; /* a drop is under way; its answer ends it */
    op->state = OPERATION_HELD;
    op->token = answer->token;
    op->held_at = clock_now();
    figures_waited(agent_figures(op->all->agent), NULL, span_between(op->asked_at, op->held_at));
    if (op->unwanted || !op->listener)
        operation_drop(op, NULL, false); /* nobody was told, so nothing acted under it */
    else
        operation_tell_granted(op, answer);
}

bool operation_untold(const struct operation *op)
{
    return op->state == OPERATION_HELD && op->listener;
}

void operation_told(struct operation *op)
{
    must(operation_untold(op));
    op->listener = NULL;
    session_tell(op->session, "granted", op, op->mode, "");
    session_catch_up(op);
}

/* TimedOut says what it last waited for. */
static json_t *operation_timed_out(const struct operation *op, const struct answer *answer)
{
    if (!op->waiting)
        return json_pack("{s:s s:I s:o s:o}", "reason", render_reason(answer->reason), "place",
                         (json_int_t)answer->place, "holders",
                         render_holders(op->all->agent, answer), "stale",
                         render_fence_stale(op->all->agent, &answer->stale));
    return json_pack("{s:O s:O s:O s:O}", "reason", json_object_get(op->waiting, "reason"), "place",
                     json_object_get(op->waiting, "place"), "holders",
                     json_object_get(op->waiting, "holders"), "stale",
                     json_object_get(op->waiting, "stale"));
}

/* It was not granted and never will be. */
static void operation_refused(struct operation *op, const char *error, json_t *parameters)
{
    if (op->state == OPERATION_ASKED)
        figures_waited(agent_figures(op->all->agent), error,
                       span_between(op->asked_at, clock_now()));
    operation_refuse(op, error, parameters);
    agent_forget(op->all->agent, op->acquire_handle);
    op->acquire_handle = 0;
    if (!op->drop_handle) /* else the drop's answer ends it */
        operation_gone(op);
}

/* --- While this node's life does not count --- */

static void operation_answer(void *context, const struct answer *answer);

static void operation_send(struct operation *op)
{
    struct event event = {.kind = EVENT_ACQUIRE};
    event.acquire.name = (struct view){(const uint8_t *)op->name, strlen(op->name)};
    event.acquire.mode = op->mode;
    event.acquire.limit = op->limit;
    event.acquire.policy = op->policy;
    event.acquire.ttl_ms = op->ttl_ms;
    event.acquire.scope = op->scope;
    event.acquire.try = op->try;
    event.acquire.head = op->head;
    event.acquire.expect = op->expect;
    event.acquire.data = op->data;
    event.acquire.deadline = op->deadline;
    event.acquire.process = op->holder;
    op->acquire_handle = agent_ask(op->all->agent, &event, operation_answer, op);
}

static void operation_no_majority(struct operation *op, size_t reachable, size_t cohort)
{
    operation_refused(
        op, "org.holdfast.NoMajority",
        json_pack("{s:I s:I}", "reachable", (json_int_t)reachable, "cohort", (json_int_t)cohort));
}

/*
 * It waited for the life to count, and its time is over. A majority that this node does not see is
 * then the reason, as it would be for a life that counts.
 */
static void operation_starting_over(struct operation *op)
{
    struct peer_status p;
    peer_status(agent_peer(op->all->agent), &p);
    if (op->try)
        operation_refused(op, "org.holdfast.NotReady",
                          json_pack("{s:s}", "reason", "this node's life does not count yet"));
    else if (p.voters_alive <= p.voters / 2)
        operation_no_majority(op, p.voters_alive, p.voters);
    else
        operation_refused(op, "org.holdfast.TimedOut",
                          operation_timed_out(op, &(struct answer){.kind = ANSWER_TIMED_OUT}));
}

static void operation_again(void *context)
{
    struct operation *op = context;
    if (op->unwanted) {
        operation_gone(op);
    } else if (instant_reached(clock_now(), op->patience)) {
        operation_starting_over(op);
    } else {
        op->starting = false;
        operation_send(op);
    }
}

/* The peer wants none of it as long as the life does not count; who asked may wait for that. */
static void operation_starting(struct operation *op, const struct answer *answer)
{
    agent_forget(op->all->agent, op->acquire_handle);
    op->acquire_handle = 0;
    if (op->state != OPERATION_ASKED)
        return; /* a drop is under way; its answer ends it */
    operation_forget_id(op);
    op->starting = true;
    if (!op->unwanted)
        operation_tell_waiting(op, operation_json(op, answer, "waiting", "starting"));
    clock_set(op->all->clock, &op->again,
              op->unwanted
                  ? clock_now()
                  : instant_earlier(instant_after(clock_now(), OPERATION_AGAIN), op->patience));
}

void operation_ready(struct operation *op)
{
    if (op->starting)
        clock_set(op->all->clock, &op->again, clock_now());
}

/* --- What the peer says --- */

static json_t *operation_reason(const char *text)
{
    return json_pack("{s:s}", "reason", text);
}

static void operation_moved(struct operation *op, const struct answer *answer)
{
    operation_refused(op, "org.holdfast.TokenMoved",
                      json_pack("{s:I s:b}", "token", (json_int_t)answer->token, "forgotten",
                                answer->kind == ANSWER_FORGOTTEN));
}

static void operation_full(struct operation *op, const struct answer *answer)
{
    if (answer->kind == ANSWER_FULL)
        operation_refused(op, "org.holdfast.QueueFull", NULL);
    else
        operation_refused(op, "org.holdfast.TooMuchInfo",
                          json_pack("{s:i}", "most", (int)LOCK_SCOPES_MAX));
}

/* A try: who is in the way, and what is being done about it. */
static void operation_busy(struct operation *op, const struct answer *answer)
{
    const struct agent *agent = op->all->agent;
    operation_refused(op, "org.holdfast.Busy",
                      json_pack("{s:o s:o}", "holders", render_holders(agent, answer), "stale",
                                render_fence_stale(agent, &answer->stale)));
}

static void operation_answer(void *context, const struct answer *answer)
{
    struct operation *op = context;
    switch (answer->kind) {
    case ANSWER_ACCEPTED:
        operation_know(op, answer->hold);
        if (op->unwanted)
            operation_drop(op, NULL, false);
        break;
    case ANSWER_WAITING:
        operation_waits(op, answer);
        break;
    case ANSWER_GRANTED:
        operation_granted(op, answer);
        break;
    case ANSWER_NOT_READY:
    case ANSWER_LIFE_ENDED:
        operation_starting(op, answer);
        break;
    case ANSWER_BUSY:
        operation_busy(op, answer);
        break;
    case ANSWER_TIMED_OUT:
        operation_refused(op, "org.holdfast.TimedOut", operation_timed_out(op, answer));
        break;
    case ANSWER_NO_MAJORITY:
        operation_no_majority(op, answer->reachable, answer->cohort);
        break;
    case ANSWER_MOVED:
    case ANSWER_FORGOTTEN:
        operation_moved(op, answer);
        break;
    case ANSWER_FULL:
    case ANSWER_INFO_FULL:
        operation_full(op, answer);
        break;
    case ANSWER_BAD_NAME:
        operation_refused(
            op, "org.holdfast.BadName",
            operation_reason("a name is 1 to 255 bytes of UTF-8 without control characters"));
        break;
    case ANSWER_LOG_FAILED:
        operation_refused(op, "org.holdfast.LogFailed", operation_reason(RENDER_LOG_FAILED));
        break;
    case ANSWER_DROPPED:
        operation_refused(op, "org.holdfast.NoSuchHold",
                          json_pack("{s:s}", "hold", render_hold(op->id).text));
        break;
    case ANSWER_DRAINED:
        operation_refused(op, "org.holdfast.NotReady", operation_reason(RENDER_DRAINED));
        break;
    case ANSWER_DRAINING:
    case ANSWER_UNKNOWN:
    case ANSWER_SHOWN:
    case ANSWER_BLOCKING:
    case ANSWER_AT_RISK:
    case ANSWER_SAFE:
    case ANSWER_LOST:
    case ANSWER_CHANGED:
    case ANSWER_CHANGING:
    case ANSWER_DEADLOCK:
    case ANSWER_NOT_WRITER:
    case ANSWER_OTHER_MARK:
    case ANSWER_NO_WAITER:
    case ANSWER_PASSED:
    case ANSWER_NOT_HELD:
    case ANSWER_SUBMITTED:
    case ANSWER_REFUSED:
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
        varlink_reply_text(call, "{}");
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

void operation_drop(struct operation *op, struct varlink_call *call, bool unclean)
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
    event.drop.unclean = unclean;
    op->drop_handle = agent_ask(op->all->agent, &event, operation_drop_answer, op);
}

static void operation_unwant(struct operation *op)
{
    op->unwanted = true;
    if (op->starting) /* ends in a turn of its own: whoever calls may be in the midst of a list */
        clock_set(op->all->clock, &op->again, clock_now());
    else if (op->known && op->state == OPERATION_ASKED)
        operation_drop(op, NULL, false);
}

void operation_leave(struct operation *op)
{
    op->listener = NULL;
    if (op->state == OPERATION_HELD)
        operation_drop(op, NULL, false); /* untold, so nothing acted under it */
    else
        operation_unwant(op);
}

void operation_withdraw(struct operation *op, const char *why)
{
    char reason[256];
    must(operation_untold(op));
    snprintf(reason, sizeof reason, "it was lost before it was told: %s", why);
    operation_refuse(op, "org.holdfast.NotReady", operation_reason(reason));
    operation_drop(op, NULL, false);
}

void operation_abandon(struct operation *op)
{
    operation_refuse(op, "org.holdfast.NoSuchSession", NULL);
    operation_unwant(op);
}

/* --- Making --- */

/* NULL if memory ran out. `blob`: the holder's bytes. `data`: what it tells others. */
static struct operation *operation_new(struct operations *all, struct session *session,
                                       struct view name, const struct holder *holder,
                                       struct view blob, struct view data)
{
    struct operation *op = calloc(1, sizeof *op);
    char *copy = calloc(1, name.size + 1 + blob.size + data.size);
    if (!op || !copy) {
        free(op);
        free(copy);
        return NULL;
    }
    memcpy(copy, name.bytes, name.size);
    if (blob.size)
        memcpy(copy + name.size + 1, blob.bytes, blob.size);
    if (data.size)
        memcpy(copy + name.size + 1 + blob.size, data.bytes, data.size);
    op->all = all;
    op->session = session;
    op->name = copy;
    op->holder = (struct view){(const uint8_t *)copy + name.size + 1, blob.size};
    op->data = (struct view){op->holder.bytes + blob.size, data.size};
    op->again = (struct alarm){.ring = operation_again, .context = op};
    op->process_count = holder->count;
    memcpy(op->processes, holder->processes, sizeof op->processes);
    DL_APPEND(session->operations, op);
    session->operation_count++;
    return op;
}

struct operation *operation_ask_for(struct operations *all, struct session *session,
                                    const struct operation_listener *listener, void *context,
                                    const struct operation_request *request)
{
    uint8_t blob[HOLDER_BYTES_MAX];
    struct view name = {(const uint8_t *)request->name, strlen(request->name)};
    struct operation *op =
        operation_new(all, session, name, request->holder,
                      (struct view){blob, holder_encode(blob, request->holder)}, request->data);
    must(op);
    op->mode = request->mode;
    op->limit = request->limit;
    op->policy = request->policy;
    op->ttl_ms = request->ttl_ms;
    op->scope = request->scope;
    if (op->policy == LOCK_STALE_ACTION)
        op->scope.session = session_number(session);
    op->try = request->try;
    op->head = request->head;
    op->spare = request->spare;
    op->expect = request->expect;
    op->deadline = request->deadline;
    op->patience = request->deadline;
    if (request->try)
        op->patience =
            instant_earlier(op->patience, instant_after(clock_now(), OPERATION_PATIENCE));
    op->listener = listener;
    op->context = context;
    op->asked_at = clock_now();
    operation_send(op);
    return op;
}

struct operation *operation_adopt(struct operations *all, struct session *session,
                                  const struct op_view *view, const struct holder *holder)
{
    struct operation *op =
        operation_new(all, session, view->name, holder, view->process, (struct view){0});
    if (!op)
        return NULL;
    op->state = OPERATION_HELD;
    op->loaded = true;
    op->mode = view->mode;
    op->limit = view->limit;
    op->policy = view->policy;
    op->ttl_ms = view->ttl_ms;
    op->scope = view->scope;
    op->token = view->token;
    operation_know(op, view->id);
    return op;
}

/* --- An Acquire that waits --- */

static void operation_call_waits(void *context, const json_t *waiting)
{
    struct varlink_call *call = context;
    if (call->more)
        varlink_reply_more(call, json_incref((json_t *)(uintptr_t)waiting));
}

static void operation_call_granted(void *context, json_t *held)
{
    struct varlink_call *call = context;
    struct operation *op = call->owner;
    varlink_reply(call, held);
    operation_told(op);
}

static void operation_call_granted_text(void *context, const char *held)
{
    struct varlink_call *call = context;
    struct operation *op = call->owner;
    varlink_reply_text(call, held);
    operation_told(op);
}

static void operation_call_refused(void *context, const char *error, json_t *parameters)
{
    varlink_error(context, error, parameters);
}

/* Its connection closes. */
static void operation_call_cancelled(struct varlink_call *call)
{
    operation_leave(call->owner);
}

void operation_ask(struct operations *all, struct session *session, struct varlink_call *call,
                   const struct operation_request *request)
{
    static const struct operation_listener listener = {
        .waits = operation_call_waits,
        .granted = operation_call_granted,
        .granted_text = operation_call_granted_text,
        .refused = operation_call_refused,
    };
    call->owner = operation_ask_for(all, session, &listener, call, request);
    call->cancel = operation_call_cancelled;
}
