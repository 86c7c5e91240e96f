/*
 * What operators ask of this node: Inhibit, Inhibitors, RequestFence, HearLife. None of them waits
 * for others: each says how far it has come, and is called again for more. What is asked for lasts
 * a few seconds beyond the last call, so that a caller who has gone asks for nothing.
 */
#include "node/api.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/render_fence.h"
#include "node/render_inhibitor.h"
#include "proto/must.h"

enum { API_WHO_SIZE = 96, API_LOCKS_MAX = 256 };

struct api_operator {
    struct api *api;
    struct varlink_call *call;
    uint64_t handle;
    uint16_t slot;
    uint64_t life;
    json_t *(*reply)(const struct api *api, uint16_t slot, uint64_t life);
};

static void api_operator_end(struct api_operator *o)
{
    agent_forget(o->api->agent, o->handle);
    free(o);
}

static void api_operator_cancelled(struct varlink_call *call)
{
    api_operator_end(call->owner);
}

static void api_operator_refuse(struct varlink_call *call, const char *text)
{
    const struct identity *id = agent_identity(api_of(call)->agent);
    varlink_error(call, "org.holdfast.Refused",
                  json_pack("{s:s s:s}", "node", id->node->name, "text", text));
}

static void api_operator_answer(void *context, const struct answer *answer)
{
    struct api_operator *o = context;
    if (answer->kind == ANSWER_SUBMITTED)
        varlink_reply(o->call, o->reply(o->api, o->slot, o->life));
    else
        api_operator_refuse(o->call, answer->text ? answer->text : "");
    api_operator_end(o);
}

static void api_operator_ask(struct varlink_call *call, const struct event *event, uint16_t slot,
                             uint64_t life,
                             json_t *(*reply)(const struct api *, uint16_t, uint64_t))
{
    struct api_operator *o = calloc(1, sizeof *o);
    must(o);
    *o = (struct api_operator){
        .api = api_of(call), .call = call, .slot = slot, .life = life, .reply = reply};
    call->owner = o;
    call->cancel = api_operator_cancelled;
    o->handle = agent_ask(o->api->agent, event, api_operator_answer, o);
}

/* Who called, for the record; valid until the next call. */
static struct view api_operator_who(const struct varlink_call *call)
{
    static char text[API_WHO_SIZE];
    snprintf(text, sizeof text, "uid %u", (unsigned)varlink_peer(call->connection)->uid);
    return api_view(text);
}

/* The node of `node`; NULL: the call was answered. */
static const struct roster_node *api_operator_node(struct varlink_call *call,
                                                   const json_t *parameters)
{
    const struct roster *roster = agent_identity(api_of(call)->agent)->roster;
    const char *name = frame_string(parameters, "node", "");
    int index = roster_find_name(roster, name);
    if (index < 0)
        varlink_error(call, "org.holdfast.NoSuchNode", json_pack("{s:s}", "node", name));
    return index < 0 ? NULL : &roster->nodes[index];
}

/* --- Inhibit --- */

static json_t *api_inhibit_reply(const struct api *api, uint16_t slot, uint64_t life)
{
    (void)slot;
    (void)life;
    return json_pack("{s:o}", "inhibitors", render_inhibitors(api->agent));
}

static bool api_inhibit_kind(enum inhibitor_kind *out, const char *text)
{
    for (int i = 0; i < INHIBITOR_KINDS; i++)
        if (strcmp(text, inhibitor_kind_text((enum inhibitor_kind)i)) == 0) {
            *out = (enum inhibitor_kind)i;
            return true;
        }
    return false;
}

void api_inhibit(struct varlink_call *call, const json_t *parameters)
{
    struct event event = {.kind = EVENT_INHIBIT};
    int64_t span_ms = frame_int(parameters, "span_ms", 0);
    event.inhibit.on = frame_bool(parameters, "on", false);
    event.inhibit.scope = SLOT_NONE;
    if (!api_inhibit_kind(&event.inhibit.kind, frame_string(parameters, "kind", ""))) {
        varlink_invalid(call, "kind");
        return;
    }
    if ((event.inhibit.on && span_ms < 1) || span_ms < 0 || span_ms > INHIBITOR_SPAN_MAX_MS) {
        varlink_invalid(call, "span_ms");
        return;
    }
    if (event.inhibit.kind != INHIBIT_FREEZE || frame_has(parameters, "node")) {
        const struct roster_node *node = api_operator_node(call, parameters);
        if (!node)
            return;
        event.inhibit.scope = node->slot;
    }
    event.inhibit.span_ms = (uint32_t)span_ms;
    event.inhibit.who = api_operator_who(call);
    event.inhibit.reason = api_view(frame_string(parameters, "reason", ""));
    api_operator_ask(call, &event, event.inhibit.scope, 0, api_inhibit_reply);
}

void api_inhibitors(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    varlink_reply(call, api_inhibit_reply(api_of(call), 0, 0));
}

/* --- Orders and confirmations --- */

/* The life that is meant: the one that is named, or the newest that this node knows of. 0: the call
 * was answered. */
static uint64_t api_operator_life(struct varlink_call *call, const json_t *parameters,
                                  uint16_t slot)
{
    const struct peer *peer = agent_peer(api_of(call)->agent);
    struct member_view member;
    struct order_view order;
    size_t cursor = 0;
    int64_t named = frame_int(parameters, "life", 0);
    if (named < 0 || (named == 0 && frame_has(parameters, "life"))) {
        varlink_invalid(call, "life");
        return 0;
    }
    peer_member(peer, slot, &member);
    uint64_t life = member.life;
    while (peer_next_order(peer, &cursor, &order))
        if (order.cert.order.slot == slot && order.cert.order.life > life)
            life = order.cert.order.life;
    if (life == 0 && named == 0)
        api_operator_refuse(call, "no life of that node was heard of here: name it, as NODE/LIFE");
    if (life > 0 && (uint64_t)named > life) {
        api_operator_refuse(call, "that node has not begun such a life, as far as is known here: "
                                  "'holdfast members' shows which it lives");
        return 0;
    }
    return named ? (uint64_t)named : life;
}

static json_t *api_request_reply(const struct api *api, uint16_t slot, uint64_t life)
{
    struct fence_story story;
    struct stale_view view;
    peer_accused(agent_peer(api->agent), slot, life, &story, &view);
    return render_fence_request(api->agent, &story, &view);
}

void api_request_fence(struct varlink_call *call, const json_t *parameters)
{
    const struct roster_node *node = api_operator_node(call, parameters);
    uint64_t life = node ? api_operator_life(call, parameters, node->slot) : 0;
    uint64_t covers;
    if (life == 0)
        return;
    peer_proof(agent_peer(api_of(call)->agent), node->slot, &covers);
    if (covers >= life) { /* what was asked for has come to pass */
        varlink_reply(call, api_request_reply(api_of(call), node->slot, life));
        return;
    }
    struct event event = {.kind = EVENT_FENCE};
    event.fence.slot = node->slot;
    event.fence.life = life;
    event.fence.who = api_operator_who(call);
    event.fence.reason = api_view(frame_string(parameters, "reason", ""));
    api_operator_ask(call, &event, node->slot, life, api_request_reply);
}

/* Locks that those lives hold, by this node's registers: of the shards that it votes in. */
static json_t *api_locks_of(const struct peer *peer, uint16_t slot, uint64_t life)
{
    static struct lock_state state; /* large */
    json_t *out = json_array();
    struct view name, bytes;
    struct ballot ballot;
    uint64_t seq;
    size_t cursor = 0;
    while (json_array_size(out) < API_LOCKS_MAX &&
           peer_next_register(peer, &cursor, &name, &ballot, &seq, &bytes)) {
        bool holds = false;
        if (!lock_name_valid(name) || !lock_decode(&state, bytes))
            continue;
        for (size_t i = 0; i < state.hold_count; i++)
            holds |= state.holds[i].id.slot == slot && state.holds[i].id.life <= life;
        if (holds)
            json_array_append_new(out, json_stringn((const char *)name.bytes, name.size));
    }
    return out;
}

static json_t *api_hear_reply(const struct api *api, uint16_t slot, uint64_t life)
{
    struct hearing_view hearing;
    peer_hearing(agent_peer(api->agent), &hearing);
    return render_hearing(api->agent, &hearing, api_locks_of(agent_peer(api->agent), slot, life));
}

void api_hear_life(struct varlink_call *call, const json_t *parameters)
{
    const struct roster_node *node = api_operator_node(call, parameters);
    uint64_t life = node ? api_operator_life(call, parameters, node->slot) : 0;
    if (life == 0)
        return;
    struct event event = {.kind = EVENT_HEAR};
    event.fence.slot = node->slot;
    event.fence.life = life;
    api_operator_ask(call, &event, node->slot, life, api_hear_reply);
}
