/*
 * The local API, org.holdfast (client/org.holdfast.varlink): its methods, on the varlink server's
 * one side and the agent's on the other.
 */
#ifndef NODE_API_H
#define NODE_API_H

#include "node/agent.h"
#include "node/events.h"
#include "node/executor_check.h"
#include "node/executor_probe.h"
#include "node/session.h"
#include "node/varlink.h"

#define API_INTERFACE "org.holdfast"

struct api {
    struct agent *agent;
    struct events *events;
    struct sessions sessions;
    struct varlink_service service;
    struct varlink_server *server;
    struct api_log_call *log_calls; /* that follow the fence log, or wait for a check of it */
    struct executor_probe *executor;
    struct executor_check *executor_check;
    bool stopping;
};

/* `fd`: listening, stays the caller's. The agent outlives it. */
struct api *api_open(struct agent *agent, struct event_base *base, struct clock *clock, int fd,
                     struct events *events, struct fault *fault);
/* The agent was started: takes up the holds of its last run. Before that the peer may still find
 * that they are of an earlier life, and forget them. */
void api_started(struct api *api);
/* The configuration was read anew: who may do what is asked again for every connection. */
void api_reloaded(struct api *api);
/* The agent ends soon: no new locks are taken. */
void api_stopping(struct api *api);
void api_close(struct api *api);
/* ANSWER_BLOCKING, AT_RISK, SAFE, LOST, for the session whose hold it is about. */
void api_about_hold(struct api *api, const struct answer *answer);
/* NOTICE_READY: those who wait for this node's life to count are asked for again. */
void api_ready(struct api *api);

/* The fence log has a new step: for those who follow it. */
void api_fence_logged(struct api *api);

/* The interface's description, as the client's file has it. */
extern const char api_description[];

/* --- Between the files of the API --- */

struct api *api_of(const struct varlink_call *call);
/* A deadline `timeout_ms` from now; false if negative. */
bool api_deadline(struct instant *out, int64_t timeout_ms);

static inline struct view api_view(const char *text)
{
    return (struct view){(const uint8_t *)text, strlen(text)};
}
/* Reads mode and limit, which go together; exclusive by default. False: the call was answered. */
bool api_mode(struct varlink_call *call, const json_t *parameters, enum lock_mode *mode,
              uint16_t *limit);
/* The bytes of a parameter in base64, at most `most`, none if it is absent; valid until the next
 * call. False: the call was answered. */
bool api_bytes(struct varlink_call *call, const json_t *parameters, const char *what, size_t most,
               struct view *out);
void api_bad_name(struct varlink_call *call);
/* What needs no waiting for others is given up after so long. */
#define API_PROMPT SPAN_MS(5000)
/* What an Acquire asks for, and on whose behalf; of AcquireAll the same (api_lock.c). False: the
 * call was answered with what is wrong about it. */
bool api_acquire_request(struct varlink_call *call, const json_t *parameters,
                         struct operation_request *out);
bool api_acquire_wishes(struct varlink_call *call, const json_t *parameters,
                        struct operation_request *out);
bool api_acquire_holder(struct varlink_call *call, const json_t *parameters, struct session **out,
                        struct holder *holder);

/* For the varlink server: who it is, and whether it may (api_access.c). */
uint64_t api_badge(const struct varlink_connection *connection);
bool api_permits(struct varlink_call *call, const char *method, const json_t *parameters);

/* The methods that take and give (api_lock.c, api_several.c), that change what is held
 * (api_change.c), that look at a lock (api_show.c) or at this node (api_look.c), and those about
 * orders (api_fence.c). */
void api_open_session(struct varlink_call *call, const json_t *parameters);
void api_join_session(struct varlink_call *call, const json_t *parameters);
void api_acquire(struct varlink_call *call, const json_t *parameters);
void api_acquire_all(struct varlink_call *call, const json_t *parameters);
void api_release(struct varlink_call *call, const json_t *parameters);
void api_convert(struct varlink_call *call, const json_t *parameters);
void api_set_value(struct varlink_call *call, const json_t *parameters);
void api_clear_mark(struct varlink_call *call, const json_t *parameters);
void api_transfer(struct varlink_call *call, const json_t *parameters);
void api_stamp(struct varlink_call *call, const json_t *parameters);
void api_validate(struct varlink_call *call, const json_t *parameters);
void api_watch(struct varlink_call *call, const json_t *parameters);
void api_list(struct varlink_call *call, const json_t *parameters);
void api_list_session(struct varlink_call *call, const json_t *parameters);
void api_show(struct varlink_call *call, const json_t *parameters);
void api_events(struct varlink_call *call, const json_t *parameters);
void api_status(struct varlink_call *call, const json_t *parameters);
void api_members(struct varlink_call *call, const json_t *parameters);
void api_locate(struct varlink_call *call, const json_t *parameters);
void api_orders(struct varlink_call *call, const json_t *parameters);
void api_order(struct varlink_call *call, const json_t *parameters);
void api_submit(struct varlink_call *call, const json_t *parameters);
/* What operators ask (api_operator.c). */
void api_inhibit(struct varlink_call *call, const json_t *parameters);
void api_inhibitors(struct varlink_call *call, const json_t *parameters);
void api_request_fence(struct varlink_call *call, const json_t *parameters);
void api_hear_life(struct varlink_call *call, const json_t *parameters);
/* Those that explain fences (api_explain.c). */
void api_fence_log(struct varlink_call *call, const json_t *parameters);
void api_inquiries(struct varlink_call *call, const json_t *parameters);
void api_fence_preview(struct varlink_call *call, const json_t *parameters);
/* What could be used to carry an order out here (api_executor.c). */
void api_check_executor(struct varlink_call *call, const json_t *parameters);

/* The configuration (api_setting.c). */
void api_settings(struct varlink_call *call, const json_t *parameters);

/* What these four of them say, for whoever else shows it. New values. */
json_t *api_list_json(const struct api *api);
json_t *api_status_json(const struct api *api);
json_t *api_members_json(const struct api *api);
json_t *api_orders_json(const struct api *api);

#endif
