/*
 * The methods that explain fences: FenceLog, Inquiries, Preview. The log is read from memory;
 * only a check reads the disk, in the log's own thread.
 */
#include "node/api.h"

#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "node/render_preview.h"
#include "node/render_step.h"
#include "proto/must.h"

enum { API_STEPS_MAX = 128 }; /* in one reply */

/* Which steps are asked for. */
struct api_log_wish {
    uint64_t after;
    bool about; /* only these: */
    uint16_t slot;
    uint64_t life; /* 0: any */
};

/* A call that follows the log, or waits for a check of it. */
struct api_log_call {
    struct api *api;
    struct varlink_call *call;
    struct api_log_wish wish;
    uint64_t handle; /* of a check; 0: it follows */
    struct api_log_call *next, *prev;
};

/* --- Steps --- */

static bool api_log_wanted(const struct api_log_wish *wish, const struct fence_log_entry *entry)
{
    return !wish->about || (entry->step.about.slot == wish->slot &&
                            (wish->life == 0 || entry->step.about.life == wish->life));
}

/* The next ones; *more: there are others behind them. wish->after moves. */
static json_t *api_log_page(const struct api *api, struct api_log_wish *wish, bool *more)
{
    struct fence_log_entry entry;
    json_t *steps = json_array();
    *more = false;
    while (fence_log_next(agent_fence_log(api->agent), wish->after, &entry)) {
        if (json_array_size(steps) == API_STEPS_MAX) {
            *more = true;
            break;
        }
        wish->after = entry.seq;
        if (api_log_wanted(wish, &entry))
            json_array_append_new(steps, render_step(api->agent, &entry));
    }
    return steps;
}

/* The reply: `steps` is stolen. */
static json_t *api_log_reply(const struct api *api, const struct api_log_wish *wish, json_t *steps,
                             bool more, const struct fence_check *check)
{
    struct fence_log_figures f;
    char digest[2 * DIGEST_SIZE + 1];
    fence_log_figures(agent_fence_log(api->agent), &f);
    /* Of what was checked: by now there may be more. */
    hex_encode(digest, check ? check->digest.bytes : f.digest.bytes, DIGEST_SIZE);
    json_t *checked = json_null();
    if (check)
        checked =
            json_pack("{s:b s:I s:I s:s}", "good", check->good, "first", (json_int_t)check->first,
                      "last", (json_int_t)check->last, "text", check->text);
    return json_pack("{s:o s:I s:b s:I s:I s:s s:b s:I s:s s:o}", "steps", steps, "after",
                     (json_int_t)wish->after, "more", more, "first", (json_int_t)f.first, "last",
                     (json_int_t)f.last, "digest", digest, "stopped", f.stopped, "lost",
                     (json_int_t)f.lost, "trouble", f.why, "check", checked);
}

static void api_log_send(struct api_log_call *c)
{
    bool more;
    json_t *steps = api_log_page(c->api, &c->wish, &more);
    if (json_array_size(steps) == 0)
        json_decref(steps);
    else
        varlink_reply_more(c->call, api_log_reply(c->api, &c->wish, steps, more, NULL));
}

void api_fence_logged(struct api *api)
{
    struct api_log_call *c;
    DL_FOREACH(api->log_calls, c)
    if (c->handle == 0)
        api_log_send(c);
}

static void api_log_end(struct api_log_call *c)
{
    if (c->handle)
        fence_log_forget(agent_fence_log(c->api->agent), c->handle);
    DL_DELETE(c->api->log_calls, c);
    free(c);
}

static void api_log_cancelled(struct varlink_call *call)
{
    api_log_end(call->owner);
}

static void api_log_checked(void *context, const struct fence_check *check)
{
    struct api_log_call *c = context;
    c->handle = 0; /* it is over */
    varlink_reply(c->call, api_log_reply(c->api, &c->wish, json_array(), false, check));
    api_log_end(c);
}

static void api_log_check(struct api_log_call *c)
{
    static const struct fence_check none = {.text = "the log is not there, or its disk is stuck"};
    c->handle = fence_log_check(agent_fence_log(c->api->agent), api_log_checked, c);
    if (c->handle)
        return;
    varlink_reply(c->call, api_log_reply(c->api, &c->wish, json_array(), false, &none));
    api_log_end(c);
}

/* Reads node, life and after. False: the call was answered. */
static bool api_log_wish(struct varlink_call *call, const json_t *parameters,
                         struct api_log_wish *wish)
{
    const struct roster *roster = agent_identity(api_of(call)->agent)->roster;
    const char *node = frame_string(parameters, "node", NULL);
    int64_t life = frame_int(parameters, "life", 0), after = frame_int(parameters, "after", 0);
    int index = node ? roster_find_name(roster, node) : -1;
    if (life < 0 || after < 0) {
        varlink_invalid(call, life < 0 ? "life" : "after");
        return false;
    }
    if (node && index < 0) {
        varlink_error(call, "org.holdfast.NoSuchNode", json_pack("{s:s}", "node", node));
        return false;
    }
    *wish = (struct api_log_wish){.after = (uint64_t)after, .about = node, .life = (uint64_t)life};
    if (node)
        wish->slot = roster->nodes[index].slot;
    return true;
}

void api_fence_log(struct varlink_call *call, const json_t *parameters)
{
    struct api *api = api_of(call);
    struct api_log_wish wish;
    bool check = frame_bool(parameters, "check", false), more;
    if (!api_log_wish(call, parameters, &wish))
        return;
    if (!check && !call->more) {
        json_t *steps = api_log_page(api, &wish, &more);
        varlink_reply(call, api_log_reply(api, &wish, steps, more, NULL));
        return;
    }
    struct api_log_call *c = calloc(1, sizeof *c);
    must(c);
    *c = (struct api_log_call){.api = api, .call = call, .wish = wish};
    call->owner = c;
    call->cancel = api_log_cancelled;
    DL_APPEND(api->log_calls, c);
    if (check)
        api_log_check(c);
    else
        api_log_send(c);
}

/* --- Inquiries --- */

void api_inquiries(struct varlink_call *call, const json_t *parameters)
{
    (void)parameters;
    const struct agent *agent = api_of(call)->agent;
    json_t *inquiries = json_array();
    struct inquiry_view view;
    size_t cursor = 0;
    while (peer_next_inquiry(agent_peer(agent), &cursor, &view))
        json_array_append_new(inquiries, render_inquiry(agent, &view));
    varlink_reply(call, json_pack("{s:o}", "inquiries", inquiries));
}

/* --- What would be --- */

void api_fence_preview(struct varlink_call *call, const json_t *parameters)
{
    const struct agent *agent = api_of(call)->agent;
    const struct roster *roster = agent_identity(agent)->roster;
    const char *node = frame_string(parameters, "node", "");
    int index = roster_find_name(roster, node);
    json_t *preview = index < 0 ? NULL : render_preview(agent, roster->nodes[index].slot);
    if (preview)
        varlink_reply(call, json_pack("{s:o}", "preview", preview));
    else
        varlink_error(call, "org.holdfast.NoSuchNode", json_pack("{s:s}", "node", node));
}
