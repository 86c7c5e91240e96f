/* Several locks at once, all or nothing: see several.h. */
#include "node/several.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "node/session.h"
#include "proto/must.h"

/* One of the names. */
struct several_lock {
    struct several *several;
    char *name;
    size_t position;      /* among the caller's names */
    struct operation *op; /* asked for or held; NULL before and after */
    json_t *held;         /* what the grant said; NULL before */
};

struct several {
    struct operations *all;
    struct session *session; /* there as long as one of the operations is */
    struct varlink_call *call;
    struct operation_request request;
    struct holder holder;
    uint8_t data[LOCK_DATA_MAX];
    size_t count;
    size_t at; /* which is asked for; those before are held */
    struct several_lock locks[SEVERAL_MAX];
    char *error; /* DROPPING: what the caller will be told; else NULL */
    json_t *error_parameters;
    struct several *next, *prev;
};

/* --- Order --- */

const char *several_order(size_t order[SEVERAL_MAX], const char *const *names, size_t count)
{
    must(count <= SEVERAL_MAX);
    for (size_t i = 0; i < count; i++) {
        size_t k = i;
        for (; k > 0 && strcmp(names[order[k - 1]], names[i]) > 0; k--)
            order[k] = order[k - 1];
        order[k] = i;
    }
    for (size_t i = 1; i < count; i++)
        if (strcmp(names[order[i - 1]], names[order[i]]) == 0)
            return names[order[i]];
    return NULL;
}

/* --- Lifetime --- */

static void several_free(struct several *s)
{
    DL_DELETE(s->all->several, s);
    for (size_t i = 0; i < s->count; i++) {
        free(s->locks[i].name);
        json_decref(s->locks[i].held);
    }
    json_decref(s->error_parameters);
    free(s->error);
    free(s);
}

void several_free_all(struct operations *all)
{
    struct several *s, *next;
    DL_FOREACH_SAFE(all->several, s, next)
    several_free(s);
}

/* Hears no more of any of them: what is not told yet is given up. */
static void several_leave(struct several *s)
{
    for (size_t i = 0; i < s->count; i++) {
        struct operation *op = s->locks[i].op;
        s->locks[i].op = NULL;
        if (op)
            operation_leave(op);
    }
}

static void several_cancelled(struct varlink_call *call)
{
    struct several *s = call->owner;
    several_leave(s);
    several_free(s);
}

/* --- All --- */

static void several_held(struct several *s)
{
    struct varlink_call *call = s->call;
    json_t *holds[SEVERAL_MAX], *list = json_array();
    for (size_t i = 0; i < s->count; i++) {
        const struct several_lock *lock = &s->locks[i];
        holds[lock->position] = json_pack("{s:s s:O s:O s:O s:O}", "name", lock->name, "hold",
                                          json_object_get(lock->held, "hold"), "token",
                                          json_object_get(lock->held, "token"), "unclean",
                                          json_object_get(lock->held, "unclean"), "value",
                                          json_object_get(lock->held, "value"));
    }
    for (size_t i = 0; i < s->count; i++)
        json_array_append_new(list, holds[i]);
    varlink_reply(call, json_pack("{s:s s:o s:s s:i s:s s:[] s:i s:i s:n}", "state", "held",
                                  "holds", list, "waiting_for", "", "place", 0, "reason", "",
                                  "holders", "reachable", 0, "cohort", 0, "stale"));
    for (size_t i = 0; i < s->count; i++)
        operation_told(s->locks[i].op);
    several_free(s);
}

/* --- Nothing --- */

/* Tells why, once nothing is left of what was granted. */
static void several_settle(struct several *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->locks[i].op)
            return;
    varlink_error(s->call, s->error, json_incref(s->error_parameters));
    several_free(s);
}

/* `lock` is refused or lost, and no longer ours. */
static void several_fail(struct several *s, const struct several_lock *lock, const char *error,
                         json_t *parameters)
{
    s->error = strdup(error);
    s->error_parameters = parameters ? parameters : json_object();
    must(s->error && s->error_parameters);
    if (strcmp(error, "org.holdfast.NoSuchSession") != 0)
        json_object_set_new(s->error_parameters, "name", json_string(lock->name));
    if (strcmp(error, "org.holdfast.LogFailed") == 0)
        several_leave(s); /* it may never be known that they are given back */
    for (size_t i = 0; i < s->count; i++) {
        struct operation *op = s->locks[i].op;
        if (!op)
            continue;
        if (op->state == OPERATION_ASKED) {
            s->locks[i].op = NULL;
            operation_leave(op);
        } else {
            operation_drop(op, NULL, false); /* several_refused() hears of its end */
        }
    }
}

/* --- One by one --- */

static void several_next(struct several *s);

static void several_waits(void *context, const json_t *waiting)
{
    const struct several_lock *lock = context;
    struct varlink_call *call = lock->several->call;
    if (!call->more)
        return;
    json_t *reply = json_copy((json_t *)(uintptr_t)waiting);
    json_object_del(reply, "hold");
    json_object_del(reply, "token");
    json_object_del(reply, "unclean");
    json_object_del(reply, "value");
    json_object_set_new(reply, "holds", json_array());
    json_object_set_new(reply, "waiting_for", json_string(lock->name));
    varlink_reply_more(call, reply);
}

static void several_granted(void *context, json_t *held)
{
    struct several_lock *lock = context;
    struct several *s = lock->several;
    lock->held = held;
    s->at++;
    if (s->at == s->count)
        several_held(s);
    else
        several_next(s);
}

static void several_refused(void *context, const char *error, json_t *parameters)
{
    struct several_lock *lock = context;
    struct several *s = lock->several;
    lock->op = NULL;
    if (s->error)
        json_decref(parameters); /* a drop has ended */
    else
        several_fail(s, lock, error, parameters);
    several_settle(s);
}

static void several_next(struct several *s)
{
    static const struct operation_listener listener = {
        .waits = several_waits, .granted = several_granted, .refused = several_refused};
    struct several_lock *lock = &s->locks[s->at];
    s->request.name = lock->name;
    /* The first took over the uses that the caller had made. It is there still, and with it they.
     */
    for (size_t i = 0; s->at > 0 && i < s->holder.count; i++)
        stopset_use(&s->session->stopset, &s->holder.processes[i]);
    lock->op = operation_ask_for(s->all, s->session, &listener, lock, &s->request);
}

void several_ask(struct operations *all, struct session *session, struct varlink_call *call,
                 const struct several_wish *wish)
{
    size_t order[SEVERAL_MAX];
    struct several *s = calloc(1, sizeof *s);
    must(s && wish->count > 0 && !several_order(order, wish->names, wish->count));
    s->all = all;
    s->session = session;
    s->call = call;
    s->request = wish->request;
    s->holder = *wish->request.holder;
    s->request.holder = &s->holder;
    must(s->request.data.size <= sizeof s->data);
    if (s->request.data.size)
        memcpy(s->data, s->request.data.bytes, s->request.data.size);
    s->request.data.bytes = s->data;
    s->count = wish->count;
    for (size_t i = 0; i < s->count; i++) {
        s->locks[i] = (struct several_lock){.several = s, .position = order[i]};
        s->locks[i].name = strdup(wish->names[order[i]]);
        must(s->locks[i].name);
    }
    DL_APPEND(all->several, s);
    call->owner = s;
    call->cancel = several_cancelled;
    several_next(s);
}
