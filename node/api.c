/* The local API: the table of its methods. What each takes stands here, as the interface's file
 * says it. */
#include "node/api.h"

#include <stdlib.h>

#include "crypto/version.h"
#include "proto/must.h"

static const struct frame_parameter join_takes[] = {{"secret", FRAME_STRING, true}};
static const struct frame_parameter acquire_takes[] = {
    {"name", FRAME_STRING, true},     {"mode", FRAME_STRING, false},
    {"limit", FRAME_INT, false},      {"try", FRAME_BOOL, false},
    {"timeout_ms", FRAME_INT, false}, {"stale", FRAME_STRING, false},
    {"ttl_ms", FRAME_INT, false},     {"pid", FRAME_INT, false},
    {"head", FRAME_BOOL, false},      {"if_token", FRAME_INT, false},
    {"data", FRAME_STRING, false},    {"spare", FRAME_BOOL, false},
    {"action", FRAME_STRING, false},  {"info", FRAME_STRING, false},
};
static const struct frame_parameter acquire_all_takes[] = {
    {"names", FRAME_STRINGS, true},   {"mode", FRAME_STRING, false},
    {"limit", FRAME_INT, false},      {"try", FRAME_BOOL, false},
    {"timeout_ms", FRAME_INT, false}, {"stale", FRAME_STRING, false},
    {"ttl_ms", FRAME_INT, false},     {"pid", FRAME_INT, false},
    {"head", FRAME_BOOL, false},      {"data", FRAME_STRING, false},
    {"spare", FRAME_BOOL, false},     {"action", FRAME_STRING, false},
    {"info", FRAME_STRING, false},
};
static const struct frame_parameter convert_takes[] = {
    {"hold", FRAME_STRING, true}, {"mode", FRAME_STRING, true},     {"limit", FRAME_INT, false},
    {"try", FRAME_BOOL, false},   {"timeout_ms", FRAME_INT, false},
};
static const struct frame_parameter set_value_takes[] = {{"hold", FRAME_STRING, true},
                                                         {"value", FRAME_STRING, true}};
static const struct frame_parameter clear_mark_takes[] = {{"hold", FRAME_STRING, true},
                                                          {"slot", FRAME_INT, true},
                                                          {"life", FRAME_INT, true},
                                                          {"token", FRAME_INT, true}};
static const struct frame_parameter transfer_takes[] = {{"hold", FRAME_STRING, true},
                                                        {"to", FRAME_STRING, true}};
static const struct frame_parameter validate_takes[] = {
    {"name", FRAME_STRING, true}, {"stamp", FRAME_STRING, true}, {"timeout_ms", FRAME_INT, false}};
static const struct frame_parameter release_takes[] = {{"hold", FRAME_STRING, true},
                                                       {"unclean", FRAME_BOOL, false}};
static const struct frame_parameter show_takes[] = {{"name", FRAME_STRING, true},
                                                    {"timeout_ms", FRAME_INT, false}};
static const struct frame_parameter watch_takes[] = {{"kinds", FRAME_STRINGS, false},
                                                     {"prefix", FRAME_STRING, false}};
static const struct frame_parameter events_takes[] = {{"after", FRAME_INT, false},
                                                      {"since", FRAME_STRING, false}};
static const struct frame_parameter locate_takes[] = {{"name", FRAME_STRING, true}};
static const struct frame_parameter order_takes[] = {{"node", FRAME_STRING, true},
                                                     {"life", FRAME_INT, false}};
static const struct frame_parameter submit_takes[] = {{"file", FRAME_STRING, true}};
static const struct frame_parameter inhibit_takes[] = {
    {"kind", FRAME_STRING, true},  {"node", FRAME_STRING, false},   {"on", FRAME_BOOL, true},
    {"span_ms", FRAME_INT, false}, {"reason", FRAME_STRING, false},
};
static const struct frame_parameter request_fence_takes[] = {
    {"node", FRAME_STRING, true}, {"life", FRAME_INT, false}, {"reason", FRAME_STRING, true}};
static const struct frame_parameter hear_life_takes[] = {{"node", FRAME_STRING, true},
                                                         {"life", FRAME_INT, false}};
static const struct frame_parameter fence_preview_takes[] = {{"node", FRAME_STRING, true}};
static const struct frame_parameter fence_log_takes[] = {{"after", FRAME_INT, false},
                                                         {"node", FRAME_STRING, false},
                                                         {"life", FRAME_INT, false},
                                                         {"check", FRAME_BOOL, false}};

#define API_METHOD(name, run)                                                                      \
    {                                                                                              \
        API_INTERFACE "." name, run, NULL, 0, false                                                \
    }
#define API_METHOD_TAKES(name, run, list)                                                          \
    {                                                                                              \
        API_INTERFACE "." name, run, list, sizeof(list) / sizeof *(list), false                    \
    }

static const struct varlink_method api_methods[] = {
    API_METHOD("OpenSession", api_open_session),
    API_METHOD_TAKES("JoinSession", api_join_session, join_takes),
    API_METHOD_TAKES("Acquire", api_acquire, acquire_takes),
    API_METHOD_TAKES("AcquireAll", api_acquire_all, acquire_all_takes),
    API_METHOD_TAKES("Release", api_release, release_takes),
    API_METHOD_TAKES("Convert", api_convert, convert_takes),
    API_METHOD_TAKES("SetValue", api_set_value, set_value_takes),
    API_METHOD_TAKES("ClearMark", api_clear_mark, clear_mark_takes),
    API_METHOD_TAKES("Transfer", api_transfer, transfer_takes),
    API_METHOD("List", api_list),
    API_METHOD("ListSession", api_list_session),
    API_METHOD_TAKES("Show", api_show, show_takes),
    API_METHOD_TAKES("Stamp", api_stamp, show_takes),
    API_METHOD_TAKES("Validate", api_validate, validate_takes),
    {API_INTERFACE ".Watch", api_watch, watch_takes, sizeof watch_takes / sizeof *watch_takes,
     true},
    API_METHOD_TAKES("Events", api_events, events_takes),
    API_METHOD("Status", api_status),
    API_METHOD("Members", api_members),
    API_METHOD_TAKES("Locate", api_locate, locate_takes),
    API_METHOD("Orders", api_orders),
    API_METHOD_TAKES("Order", api_order, order_takes),
    API_METHOD_TAKES("Submit", api_submit, submit_takes),
    API_METHOD_TAKES("Inhibit", api_inhibit, inhibit_takes),
    API_METHOD("Inhibitors", api_inhibitors),
    API_METHOD_TAKES("RequestFence", api_request_fence, request_fence_takes),
    API_METHOD_TAKES("HearLife", api_hear_life, hear_life_takes),
    API_METHOD_TAKES("FenceLog", api_fence_log, fence_log_takes),
    API_METHOD("Inquiries", api_inquiries),
    API_METHOD_TAKES("Preview", api_fence_preview, fence_preview_takes),
    API_METHOD("CheckExecutor", api_check_executor),
    API_METHOD("Settings", api_settings),
};

struct api *api_of(const struct varlink_call *call)
{
    return varlink_context(call->connection);
}

bool api_deadline(struct instant *out, int64_t timeout_ms)
{
    if (timeout_ms < 0)
        return false;
    *out = timeout_ms > INT64_MAX / 1000000 ? INSTANT_NEVER
                                            : instant_after(clock_now(), SPAN_MS(timeout_ms));
    return true;
}

struct api *api_open(struct agent *agent, struct event_base *base, struct clock *clock, int fd,
                     struct events *events, struct fault *fault)
{
    struct api *api = calloc(1, sizeof *api);
    must(api);
    api->agent = agent;
    api->events = events;
    sessions_init(&api->sessions, agent, base, clock);
    api->service = (struct varlink_service){
        .vendor = "Holdfast",
        .product = "holdfastd",
        .version = HOLDFAST_VERSION,
        .url = "",
        .interface = API_INTERFACE,
        .description = api_description,
        .methods = api_methods,
        .method_count = sizeof api_methods / sizeof *api_methods,
        .context = api,
        .badge = api_badge,
        .permits = api_permits,
        .closed = session_left,
    };
    const struct identity *identity = agent_identity(agent);
    bool executes = identity->node->executes && identity->roster->action_count > 0;
    api->executor = executor_probe_open(base, clock, agent_config(agent), executes);
    api->executor_check = executor_check_open(base, clock, agent_config(agent));
    api->server = varlink_open(base, clock, fd, &api->service, fault);
    if (api->server)
        return api;
    api_close(api);
    return NULL;
}

void api_started(struct api *api)
{
    sessions_adopt(&api->sessions);
}

void api_reloaded(struct api *api)
{
    varlink_rebadge(api->server);
}

void api_stopping(struct api *api)
{
    api->stopping = true;
}

void api_close(struct api *api)
{
    varlink_close(api->server);
    executor_check_close(api->executor_check);
    executor_probe_close(api->executor);
    sessions_deinit(&api->sessions);
    free(api);
}

void api_about_hold(struct api *api, const struct answer *answer)
{
    session_about_hold(&api->sessions, answer);
}

void api_ready(struct api *api)
{
    sessions_ready(&api->sessions);
}
