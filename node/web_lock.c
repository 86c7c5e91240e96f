/*
 * Locks, looked at over HTTP. What is said of a lock's holders and waiters is what a majority of
 * its voters confirmed (L5), as by the local API's Show. The list has only names: those that this
 * voter stores, which is all of them in a small cluster, and a share of them in a large one.
 */
#include "node/web_internal.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/render.h"
#include "proto/must.h"

enum {
    WEB_LOOKS_MAX = 32,      /* at once */
    WEB_NAMES_MAX = 50,      /* in one answer */
    WEB_NAMES_SCANNED = 8192 /* registers looked through for one: the loop has other work */
};
#define WEB_LOOK SPAN_MS(3000)

/* --- One lock --- */

struct web_look {
    struct web *web;
    struct http_exchange *exchange;
    uint64_t handle;
    char name[LOCK_NAME_MAX + 1];
};

static void web_look_end(struct web_look *look)
{
    agent_forget(look->web->api->agent, look->handle);
    look->web->looks--;
    free(look);
}

static void web_look_cancelled(struct http_exchange *exchange)
{
    web_look_end(exchange->owner);
}

static void web_look_fail(struct web_look *look, int status, const char *reason)
{
    web_json(look->exchange, status, json_pack("{s:s}", "error", reason));
}

static void web_look_answer(void *context, const struct answer *answer)
{
    struct web_look *look = context;
    if (answer->kind == ANSWER_SHOWN)
        web_json(look->exchange, 200,
                 json_pack("{s:o}", "lock",
                           render_lock(look->web->api->agent, api_view(look->name), answer)));
    else if (answer->kind == ANSWER_TIMED_OUT)
        web_look_fail(look, 504, "no majority of its voters answered in time");
    else if (answer->kind == ANSWER_NO_MAJORITY)
        web_look_fail(look, 503, "no majority of its voters can be asked");
    else if (answer->kind == ANSWER_NOT_READY)
        web_look_fail(look, 503, "this node's life does not count yet");
    else if (answer->kind == ANSWER_LOG_FAILED)
        web_look_fail(look, 503, RENDER_LOG_FAILED);
    else if (answer->kind == ANSWER_FULL)
        web_look_fail(look, 503, "this node's table of operations is full");
    else if (answer->kind == ANSWER_BAD_NAME)
        web_look_fail(look, 400, "not a lock's name");
    else
        return; /* not the end of it */
    web_look_end(look);
}

void web_lock(struct http_exchange *exchange)
{
    struct web *web = web_of(exchange);
    char name[LOCK_NAME_MAX + 1];
    size_t length;
    if (!http_query(exchange->request->query, "name", name, sizeof name, &length) ||
        !lock_name_valid(api_view(name))) {
        http_refuse(exchange, 400, "name: the name of a lock is needed, as in ?name=image%2Fa");
        return;
    }
    if (web->looks >= WEB_LOOKS_MAX) {
        http_refuse(exchange, 503, "too many locks are looked at just now");
        return;
    }
    struct web_look *look = calloc(1, sizeof *look);
    must(look);
    *look = (struct web_look){.web = web, .exchange = exchange};
    memcpy(look->name, name, length + 1);
    web->looks++;
    exchange->owner = look;
    exchange->cancel = web_look_cancelled;
    struct event event = {.kind = EVENT_SHOW};
    event.show.name = api_view(look->name);
    event.show.deadline = instant_after(clock_now(), WEB_LOOK);
    look->handle = agent_ask(web->api->agent, &event, web_look_answer, look);
}

/* --- Names --- */

/* Names with `match` in them, from register `from` on; `next`: where to go on, 0 at the end. */
void web_names(struct http_exchange *exchange)
{
    const struct peer *peer = agent_peer(web_of(exchange)->api->agent);
    const char *query = exchange->request->query;
    char match[LOCK_NAME_MAX + 1] = "", from[24] = "0";
    size_t length = 0, unused, cursor = 0, scanned = 0;
    json_t *names = json_array();
    (void)http_query(query, "match", match, sizeof match, &length);
    (void)http_query(query, "from", from, sizeof from, &unused);
    if (sscanf(from, "%9zu", &cursor) != 1)
        cursor = 0;
    struct view name, state;
    struct ballot ballot;
    uint64_t seq;
    bool more = true;
    while (json_array_size(names) < WEB_NAMES_MAX && scanned++ < WEB_NAMES_SCANNED &&
           (more = peer_next_register(peer, &cursor, &name, &ballot, &seq, &state)))
        if (lock_name_valid(name) && (length == 0 || memmem(name.bytes, name.size, match, length)))
            json_array_append_new(names, json_stringn((const char *)name.bytes, name.size));
    web_json(exchange, 200,
             json_pack("{s:o s:I}", "names", names, "next", (json_int_t)(more ? cursor : 0)));
}
