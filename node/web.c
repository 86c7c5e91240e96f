/* What the agent shows over HTTP: see web.h. */
#include "node/web_internal.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "node/http_listener.h"
#include "node/log.h"
#include "node/metrics.h"
#include "proto/must.h"

enum { WEB_EVENTS = 200 /* of /api/events */ };

#define WEB_JSON "application/json; charset=utf-8"
/* Of what is no page: a browser that is shown it does nothing with it. */
#define WEB_INERT "Content-Security-Policy: default-src 'none'; frame-ancestors 'none'\r\n"

struct web *web_of(const struct http_exchange *exchange)
{
    return http_context(exchange);
}

void web_json(struct http_exchange *exchange, int status, json_t *body)
{
    char *text = json_dumps(body, JSON_COMPACT);
    must(text);
    json_decref(body);
    struct http_answer answer = {status, WEB_JSON, WEB_INERT, text, strlen(text)};
    http_reply(exchange, &answer);
    free(text);
}

/* --- What is there --- */

static void web_page(struct http_exchange *exchange)
{
    const struct page *page = &web_of(exchange)->page;
    struct http_answer answer = {200, "text/html; charset=utf-8", page->headers, page->text,
                                 page->size};
    http_reply(exchange, &answer);
}

static void web_metrics(struct http_exchange *exchange)
{
    const struct web *web = web_of(exchange);
    char *text = NULL;
    size_t size = 0;
    FILE *out = open_memstream(&text, &size);
    must(out);
    metrics_write(out, web->api, web->server);
    must(fclose(out) == 0);
    struct http_answer answer = {200, METRICS_TYPE, WEB_INERT, text, size};
    http_reply(exchange, &answer);
    free(text);
}

static void web_status(struct http_exchange *exchange)
{
    web_json(exchange, 200, api_status_json(web_of(exchange)->api));
}

static void web_members(struct http_exchange *exchange)
{
    web_json(exchange, 200, api_members_json(web_of(exchange)->api));
}

static void web_locks(struct http_exchange *exchange)
{
    web_json(exchange, 200, api_list_json(web_of(exchange)->api));
}

static void web_orders(struct http_exchange *exchange)
{
    web_json(exchange, 200, api_orders_json(web_of(exchange)->api));
}

static void web_recent(struct http_exchange *exchange)
{
    web_json(
        exchange, 200,
        json_pack("{s:o}", "events", events_recent(web_of(exchange)->api->events, WEB_EVENTS)));
}

/* --- Events as they happen --- */

static void web_tell(void *context, const char *id, const json_t *event)
{
    struct http_exchange *exchange = context;
    char *json = json_dumps(event, JSON_COMPACT), *text = NULL;
    must(json);
    int size = asprintf(&text, "id: %s\ndata: %s\n\n", id, json);
    must(size > 0);
    http_stream_write(exchange, text, (size_t)size);
    free(text);
    free(json);
}

static void web_leave(struct http_exchange *exchange)
{
    events_unfollow(exchange->owner);
}

/* From the place that a browser resumes at, or that the query names; else from the first kept. */
static void web_events(struct http_exchange *exchange)
{
    static const char hello[] = "retry: 2000\n\n";
    struct events *events = web_of(exchange)->api->events;
    const struct http_request *request = exchange->request;
    char since[HTTP_VALUE_MAX + 1] = "";
    size_t length;
    struct events_place place = {0};
    if (*request->last_id)
        snprintf(since, sizeof since, "%s", request->last_id);
    else
        (void)http_query(request->query, "since", since, sizeof since, &length);
    if (*since && !events_place_parse(events, &place, since)) {
        http_refuse(exchange, 400, "since: not the id of an event");
        return;
    }
    if (!http_stream(exchange, "text/event-stream; charset=utf-8"))
        return;
    http_stream_write(exchange, hello, sizeof hello - 1);
    exchange->owner = events_follow(events, &place, web_tell, exchange);
    exchange->cancel = web_leave;
}

/* --- Requests --- */

static void web_run(struct http_exchange *exchange)
{
    static const struct {
        const char *path;
        void (*run)(struct http_exchange *exchange);
    } paths[] = {
        {"/", web_page},
        {"/metrics", web_metrics},
        {"/events", web_events},
        {"/api/status", web_status},
        {"/api/members", web_members},
        {"/api/locks", web_locks},
        {"/api/orders", web_orders},
        {"/api/events", web_recent},
        {"/api/lock", web_lock},
        {"/api/names", web_names},
    };
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        if (strcmp(exchange->request->path, paths[i].path) == 0) {
            paths[i].run(exchange);
            return;
        }
    http_refuse(exchange, 404, "nothing is there; the status page is /, metrics are /metrics");
}

/* The names that requests may be for: this node's, and the configuration's. */
static void web_take_names(struct web *web, const struct agent *agent)
{
    const struct config *config = agent_config(agent);
    size_t count = 0;
    web->service.names[count++] = agent_identity(agent)->node->name;
    for (size_t i = 0; i < config->http_name_count && count < HTTP_NAMES_MAX; i++)
        web->service.names[count++] = config->http_names[i];
}

bool web_open(struct web **out, struct api *api, struct event_base *base, struct clock *clock,
              struct fault *fault)
{
    const char *address = agent_config(api->agent)->http;
    *out = NULL;
    if (!address)
        return true;
    struct web *web = calloc(1, sizeof *web);
    must(web);
    web->api = api;
    web->clock = clock;
    web->service = (struct http_service){.context = web, .run = web_run};
    web_take_names(web, api->agent);
    page_make(&web->page);
    web->fd = http_listener_open(address, fault);
    if (web->fd >= 0)
        web->server = http_open(base, clock, web->fd, &web->service, fault);
    if (!web->server) {
        web_close(web);
        return false;
    }
    log_event(LOG_LEVEL_INFO, "http", "page=http://%s/", address);
    *out = web;
    return true;
}

void web_close(struct web *web)
{
    if (!web)
        return;
    http_close(web->server);
    if (web->fd >= 0)
        close(web->fd);
    page_free(&web->page);
    free(web);
}
