/* The methods that look at this node: List, Events, Status, Members, Locate. */
#include "node/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <utlist.h>

#include "crypto/version.h"
#include "node/render.h"
#include "node/render_executor.h"
#include "node/render_fence.h"
#include "node/render_inhibitor.h"
#include "node/render_member.h"
#include "proto/must.h"

/* --- List --- */

static const char *api_op_state(const struct op_view *view)
{
    if (view->passing || view->converting)
        return view->passing ? "passing" : "converting";
    switch (view->state) {
    case OP_PENDING:
    case OP_WAITING:
        return "pending";
    case OP_HELD:
        return "held";
    case OP_DROPPING:
        return "dropping";
    case OP_CACHED:
        return "cached";
    }
    return "pending";
}

/* How long it is still believed; -1: it does not expire. */
static json_int_t api_op_left(const struct op_view *view)
{
    if (view->until.ns == INSTANT_NEVER.ns)
        return -1;
    struct span left = span_between(clock_now(), view->until);
    return left.ns > 0 ? left.ns / 1000000 : 0;
}

static json_t *api_operation(const struct api *api, const struct op_view *view)
{
    const struct operation *op = operation_find(&api->sessions.operations, view->id);
    json_t *pids = json_array();
    for (size_t i = 0; op && i < op->process_count; i++)
        json_array_append_new(pids, json_integer(op->processes[i].pid));
    bool owned = op && op->session->state == SESSION_OPEN;
    return json_pack(
        "{s:s s:s% s:s s:i s:s s:I s:I s:s s:I s:s s:o}", "hold", render_hold(view->id).text,
        "name", (const char *)view->name.bytes, view->name.size, "mode", lock_mode_text(view->mode),
        "limit", (int)view->limit, "policy", lock_policy_text(view->policy), "ttl_ms",
        (json_int_t)view->ttl_ms, "left_ms", api_op_left(view), "state", api_op_state(view),
        "token", (json_int_t)view->token, "session", owned ? op->session->name : "", "pids", pids);
}

/* All, also those that are over. */
static json_t *api_operations(const struct api *api)
{
    json_t *operations = json_array();
    struct op_view view;
    size_t cursor = 0;
    while (peer_next_op(agent_peer(api->agent), &cursor, &view))
        if (!view.readers) /* each of them is listed */
            json_array_append_new(operations, api_operation(api, &view));
    return json_pack("{s:o}", "operations", operations);
}

/* Of one session: clients ask for that now and then, so no others are looked at. */
static json_t *api_session_operations(const struct api *api, const struct session *session)
{
    json_t *operations = json_array();
    struct op_view view;
    const struct operation *op;
    DL_FOREACH(session->operations, op)
    {
        if (op->known && peer_op(agent_peer(api->agent), op->id, &view) && !view.readers)
            json_array_append_new(operations, api_operation(api, &view));
    }
    return json_pack("{s:o}", "operations", operations);
}

json_t *api_list_json(const struct api *api)
{
    return api_operations(api);
}

void api_list(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    varlink_reply(call, api_list_json(api_of(call)));
}

void api_list_session(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    const struct session *session = session_present(call->connection);
    if (session)
        varlink_reply(call, api_session_operations(api_of(call), session));
    else
        varlink_error(call, "org.holdfast.NoSuchSession", NULL);
}

/* --- The node --- */

void api_events(struct varlink_call *call, const json_t *parameters)
{
    struct events *events = api_of(call)->events;
    int64_t after = frame_int(parameters, "after", 0);
    const char *since = frame_string(parameters, "since", NULL);
    struct events_place place = {.after = (uint64_t)after, .resumed = after > 0};
    if (after < 0 || (after > 0 && since))
        varlink_invalid(call, "after");
    else if (since && !events_place_parse(events, &place, since))
        varlink_invalid(call, "since");
    else
        events_stream(events, call, &place);
}

static json_t *api_counters(const struct api *api)
{
    json_t *out = json_object();
    const struct peer_counters *p = peer_counters(agent_peer(api->agent));
    const struct udp_counters *u = agent_udp_counters(api->agent);
    const struct varlink_counters *v = varlink_counters(api->server);
#define API_COUNTER(name) json_object_set_new(out, #name, json_integer((json_int_t)p->name));
    PEER_COUNTERS(API_COUNTER)
#undef API_COUNTER
#define API_COUNTER(name) json_object_set_new(out, #name, json_integer((json_int_t)u->name));
    UDP_COUNTERS(API_COUNTER)
#undef API_COUNTER
    json_object_set_new(out, "api_connections", json_integer((json_int_t)v->connections));
    json_object_set_new(out, "api_refused", json_integer((json_int_t)v->refused));
    json_object_set_new(out, "api_calls", json_integer((json_int_t)v->calls));
    json_object_set_new(out, "api_denied", json_integer((json_int_t)v->denied));
    json_object_set_new(out, "api_garbage", json_integer((json_int_t)v->garbage));
    json_object_set_new(out, "api_slow", json_integer((json_int_t)v->slow));
    return out;
}

/* Who this node is, as the configuration and the roster say. */
static json_t *api_status_node(const struct api *api)
{
    const struct identity *id = agent_identity(api->agent);
    char cluster[2 * DIGEST_SIZE + 1];
    hex_encode(cluster, agent_config(api->agent)->cluster.bytes, DIGEST_SIZE);
    return json_pack(
        "{s:s s:i s:s s:I s:b s:s s:I s:I s:I}", "node", id->node->name, "slot", (int)id->self,
        "cluster", cluster, "epoch", (json_int_t)id->roster->epoch, "lab", id->roster->lab,
        "version", HOLDFAST_VERSION, "jurors", (json_int_t)roster_juror_count(id->roster), "pid",
        (json_int_t)getpid(), "uptime_ms",
        (json_int_t)(span_between(agent_started(api->agent), clock_now()).ns / 1000000));
}

/* Where this node stands with the jurors (F7, F2, F6a). */
static json_t *api_status_fence(const struct peer_status *p)
{
    return json_pack("{s:b s:b s:b s:b s:I s:b s:b}", "juror", p->juror, "life_counts",
                     p->life_known, "standing_wanted", p->standing_wanted, "standing", p->standing,
                     "acknowledging", (json_int_t)p->acknowledging, "bound", p->bound, "cloned",
                     p->cloned);
}

enum { API_STORE_TEXT_SIZE = 256 };

/* What the store's state means here, and of one that failed, why it did. */
static void api_store_text(char text[API_STORE_TEXT_SIZE], const struct api *api,
                           enum store_state state)
{
    const struct store_news *news = agent_store_news(api->agent);
    if (state == STORE_FAILED && news->failed && news->failed_at)
        snprintf(text, API_STORE_TEXT_SIZE, "%s: %s", news->failed_at, strerror(news->error));
    else
        snprintf(text, API_STORE_TEXT_SIZE, "%s", store_state_text(state));
}

json_t *api_status_json(const struct api *api)
{
    const struct store_figures *f = &agent_store_news(api->agent)->figures;
    struct peer_status p;
    peer_status(agent_peer(api->agent), &p);
    static const char *const states[] = {[STORE_CHECKING] = "checking",
                                         [STORE_VOTING] = "voting",
                                         [STORE_LOST] = "lost",
                                         [STORE_BEHIND] = "behind",
                                         [STORE_FAILED] = "failed"};
    char store[API_STORE_TEXT_SIZE];
    api_store_text(store, api, p.store);
    json_t *out = api_status_node(api);
    json_t *rest = json_pack(
        "{s:I s:s s:s s:I s:I s:I s:I s:I s:I s:I s:b s:I s:I s:I s:I s:o}", "life",
        (json_int_t)p.life, "store", states[p.store], "store_text", store, "lsn", (json_int_t)p.lsn,
        "durable", (json_int_t)p.durable, "locks", (json_int_t)p.lock_count, "operations",
        (json_int_t)p.op_count, "serving", (json_int_t)p.serving, "voters", (json_int_t)p.voters,
        "voters_alive", (json_int_t)p.voters_alive, "majority", p.voters_alive > p.voters / 2,
        "clients", (json_int_t)varlink_connection_count(api->server), "syncs", (json_int_t)f->syncs,
        "sync_p50_us", (json_int_t)f->p50_us, "sync_p99_us", (json_int_t)f->p99_us, "counters",
        api_counters(api));
    json_t *fence = api_status_fence(&p);
    struct executor_probe_view executor = executor_probe_view(api->executor);
    json_object_set_new(out, "inhibitors", render_inhibitors(api->agent));
    json_object_set_new(out, "executor", render_executor(&executor));
    json_object_update_missing(out, fence);
    json_object_update_missing(out, rest);
    json_decref(rest);
    json_decref(fence);
    return out;
}

void api_status(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    varlink_reply(call, api_status_json(api_of(call)));
}

json_t *api_members_json(const struct api *api)
{
    const struct agent *agent = api->agent;
    const struct roster *roster = agent_identity(agent)->roster;
    json_t *members = json_array();
    for (size_t i = 0; i < roster->node_count; i++)
        json_array_append_new(members, render_member(agent, &roster->nodes[i]));
    return json_pack("{s:o s:s s:I s:I}", "members", members, "node",
                     agent_identity(agent)->node->name, "seq", (json_int_t)events_last(api->events),
                     "local_health", (json_int_t)peer_health(agent_peer(agent)));
}

void api_members(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    varlink_reply(call, api_members_json(api_of(call)));
}

void api_locate(struct varlink_call *call, const json_t *parameters)
{
    const struct agent *agent = api_of(call)->agent;
    const struct peer *peer = agent_peer(agent);
    struct view name = api_view(frame_string(parameters, "name", ""));
    uint16_t slots[ROSTER_COHORT_MAX];
    if (!lock_name_valid(name)) {
        api_bad_name(call);
        return;
    }
    uint32_t shard = peer_shard(peer, name);
    size_t count = peer_cohort(peer, shard, slots);
    uint16_t coordinator = peer_coordinator(peer, shard);
    json_t *cohort = json_array();
    for (size_t i = 0; i < count; i++)
        json_array_append_new(cohort, json_string(agent_node_name(agent, slots[i])));
    varlink_reply(call,
                  json_pack("{s:I s:o s:s}", "shard", (json_int_t)shard, "cohort", cohort,
                            "coordinator",
                            coordinator == SLOT_NONE ? "" : agent_node_name(agent, coordinator)));
}
