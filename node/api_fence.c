/*
 * The methods about orders: Orders, Order, Submit. An order is shown as a file that proves itself
 * (F4): whoever has it may check it without this agent, and hand it in at any other.
 */
#include "node/api.h"

#include <stdlib.h>
#include <string.h>

#include <sodium.h>

#include "node/render.h"
#include "node/render_fence.h"
#include "proto/must.h"

enum {
    FENCE_FILE_MAX = FENCE_FILE_MAGIC_SIZE + PROOF_BYTES_MAX,
    FENCE_BASE64_MAX = sodium_base64_ENCODED_LEN(FENCE_FILE_MAX, sodium_base64_VARIANT_ORIGINAL)
};
_Static_assert((int)ORDER_CERT_BYTES_MAX <= (int)PROOF_BYTES_MAX, "a file has room for either");

/* --- Orders --- */

json_t *api_orders_json(const struct api *api)
{
    const struct agent *agent = api->agent;
    json_t *orders = json_array(), *asking = json_array();
    struct order_view view;
    size_t cursor = 0;
    while (peer_next_order(agent_peer(agent), &cursor, &view))
        json_array_append_new(orders, render_fence_order(agent, &view));
    cursor = 0;
    while (peer_next_accusation(agent_peer(agent), &cursor, &view))
        json_array_append_new(asking, render_fence_order(agent, &view));
    return json_pack("{s:o s:o}", "orders", orders, "asking", asking);
}

void api_orders(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    varlink_reply(call, api_orders_json(api_of(call)));
}

/* The newest order against a node, or the one against `life` if that is not 0. */
static bool api_find_order(const struct agent *agent, uint16_t slot, uint64_t life,
                           struct order_view *out)
{
    struct order_view view;
    size_t cursor = 0;
    bool found = false;
    while (peer_next_order(agent_peer(agent), &cursor, &view)) {
        if (view.cert.order.slot != slot || (life != 0 && view.cert.order.life != life))
            continue;
        *out = view;
        found = true;
    }
    return found;
}

/* Base64 of magic and bytes; "" if there are none. */
static json_t *api_fence_file(const char *magic, struct view bytes)
{
    uint8_t file[FENCE_FILE_MAX];
    char text[FENCE_BASE64_MAX];
    if (bytes.size == 0)
        return json_string("");
    must(bytes.size <= PROOF_BYTES_MAX);
    memcpy(file, magic, FENCE_FILE_MAGIC_SIZE);
    memcpy(file + FENCE_FILE_MAGIC_SIZE, bytes.bytes, bytes.size);
    sodium_bin2base64(text, sizeof text, file, FENCE_FILE_MAGIC_SIZE + bytes.size,
                      sodium_base64_VARIANT_ORIGINAL);
    return json_string(text);
}

void api_order(struct varlink_call *call, const json_t *parameters)
{
    const struct agent *agent = api_of(call)->agent;
    const struct roster *roster = agent_identity(agent)->roster;
    const char *node = frame_string(parameters, "node", "");
    int64_t life = frame_int(parameters, "life", 0);
    int index = roster_find_name(roster, node);
    struct order_view view;
    if (life < 0 || (life == 0 && frame_has(parameters, "life"))) {
        varlink_invalid(call, "life");
        return;
    }
    if (index < 0) {
        varlink_error(call, "org.holdfast.NoSuchNode", json_pack("{s:s}", "node", node));
        return;
    }
    if (!api_find_order(agent, roster->nodes[index].slot, (uint64_t)life, &view)) {
        varlink_error(call, "org.holdfast.NoSuchOrder", json_pack("{s:s}", "node", node));
        return;
    }
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, &view.cert);
    must(!w.failed);
    varlink_reply(
        call, json_pack("{s:o s:o s:o}", "order", render_fence_order(agent, &view), "certificate",
                        api_fence_file(ORDER_FILE_MAGIC, (struct view){bytes, writer_size(&w)}),
                        "receipt", api_fence_file(PROOF_FILE_MAGIC, view.proof)));
}

/* --- Submit --- */

struct api_submission {
    struct api *api;
    struct varlink_call *call;
    uint64_t handle;
};

static void api_submit_end(struct api_submission *s)
{
    agent_forget(s->api->agent, s->handle);
    free(s);
}

static void api_submit_cancelled(struct varlink_call *call)
{
    api_submit_end(call->owner);
}

static void api_submit_refuse(struct varlink_call *call, const char *text)
{
    const struct identity *id = agent_identity(api_of(call)->agent);
    varlink_error(call, "org.holdfast.Refused",
                  json_pack("{s:s s:s}", "node", id->node->name, "text", text));
}

static void api_submit_answer(void *context, const struct answer *answer)
{
    struct api_submission *s = context;
    const char *text = answer->text ? answer->text : "";
    if (answer->kind == ANSWER_SUBMITTED)
        varlink_reply(s->call, json_pack("{s:s}", "text", text));
    else if (answer->kind == ANSWER_LOG_FAILED)
        varlink_error(s->call, "org.holdfast.LogFailed",
                      json_pack("{s:s}", "reason", RENDER_LOG_FAILED));
    else
        api_submit_refuse(s->call, text);
    api_submit_end(s);
}

void api_submit(struct varlink_call *call, const json_t *parameters)
{
    const char *text = frame_string(parameters, "file", "");
    uint8_t file[FENCE_FILE_MAX];
    size_t size = 0;
    const char *end = NULL;
    if (strlen(text) >= FENCE_BASE64_MAX) {
        api_submit_refuse(call, "not an order or a proof: it is too long for either");
        return;
    }
    if (sodium_base642bin(file, sizeof file, text, strlen(text), NULL, &size, &end,
                          sodium_base64_VARIANT_ORIGINAL) != 0 ||
        *end != '\0') {
        varlink_invalid(call, "file");
        return;
    }
    struct api_submission *s = calloc(1, sizeof *s);
    must(s);
    s->api = api_of(call);
    s->call = call;
    call->owner = s;
    call->cancel = api_submit_cancelled;
    struct event event = {.kind = EVENT_SUBMIT};
    event.submit.file = (struct view){file, size};
    s->handle = agent_ask(s->api->agent, &event, api_submit_answer, s);
}
