/*
 * The HTTP server.
 *
 *   read -> input buffer -> one request -> `run` -> answer -> output buffer -> read: next request
 *
 * As in varlink.c, whatever closes a connection only marks it; the `pending` event, which runs
 * between callbacks, frees it. So no answer can find its connection gone under its feet. It has a
 * parser and deadlines of its own rather than libevent's evhttp, which bounds neither the number of
 * connections nor the time of a request, and whose timers do not count suspend.
 */
#include "node/http.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/bufferevent.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <utlist.h>

#include "node/log.h"
#include "proto/must.h"

enum http_state {
    HTTP_AWAITS,  /* a request, or the rest of one */
    HTTP_RUNS,    /* the exchange waits for its answer */
    HTTP_WRITES,  /* the answer waits to be read */
    HTTP_STREAMS, /* until it is closed */
    HTTP_LINGERS  /* the last answer is out; what still comes is thrown away: to close before the
                     other end has read it would make its kernel drop the answer (RFC 9112, 9.6) */
};

struct http_connection {
    struct http_server *server;
    struct bufferevent *stream;
    enum http_state state;
    struct http_request request;
    struct http_exchange exchange;
    struct alarm deadline; /* of AWAITS, WRITES and LINGERS */
    bool begun;            /* AWAITS: a part of the request is there */
    bool last;             /* to be closed behind the answer */
    bool ended;            /* the other end sends no more; what it sent is answered still */
    bool dead;             /* to be freed by the `pending` event */
    bool queued;
    struct http_connection *next, *prev;             /* in all, oldest first */
    struct http_connection *queue_next, *queue_prev; /* in queue */
};

struct http_server {
    const struct http_service *service;
    struct event_base *base;
    struct clock *clock;
    struct evconnlistener *listener;
    struct event *pending;
    struct alarm pause; /* until connections are accepted again, after a failure to */
    struct http_connection *all;
    struct http_connection *queue;
    size_t count; /* that are not dead */
    size_t streams;
    struct http_counters counters;
};

/* --- Connections --- */

static void http_queue(struct http_connection *c)
{
    if (c->queued)
        return;
    c->queued = true;
    DL_APPEND2(c->server->queue, c, queue_prev, queue_next);
    event_active(c->server->pending, EV_TIMEOUT, 0);
}

static void http_kill(struct http_connection *c)
{
    if (c->dead)
        return;
    c->dead = true;
    c->server->count--;
    bufferevent_disable(c->stream, EV_READ | EV_WRITE);
    clock_clear(c->server->clock, &c->deadline);
    http_queue(c);
}

static void http_free_connection(struct http_connection *c)
{
    bool open = c->state == HTTP_RUNS || c->state == HTTP_STREAMS;
    if (open && c->exchange.cancel)
        c->exchange.cancel(&c->exchange);
    c->server->streams -= c->state == HTTP_STREAMS;
    clock_clear(c->server->clock, &c->deadline);
    DL_DELETE(c->server->all, c);
    bufferevent_free(c->stream);
    free(c);
}

static void http_expect(struct http_connection *c, struct span span)
{
    clock_set(c->server->clock, &c->deadline, instant_after(clock_now(), span));
}

static void http_late(void *context)
{
    struct http_connection *c = context;
    c->server->counters.slow += c->state == HTTP_WRITES || c->begun;
    http_kill(c);
}

/* --- Answers --- */

static const char *http_reason(int status)
{
    static const struct {
        int status;
        const char *text;
    } reasons[] = {{200, "OK"},
                   {400, "Bad Request"},
                   {403, "Forbidden"},
                   {404, "Not Found"},
                   {405, "Method Not Allowed"},
                   {413, "Content Too Large"},
                   {414, "URI Too Long"},
                   {421, "Misdirected Request"},
                   {431, "Request Header Fields Too Large"},
                   {503, "Service Unavailable"},
                   {504, "Gateway Timeout"},
                   {505, "HTTP Version Not Supported"}};
    for (size_t i = 0; i < sizeof reasons / sizeof *reasons; i++)
        if (reasons[i].status == status)
            return reasons[i].text;
    must(false);
}

/* Nothing of it is kept, sniffed, framed or read by other sites. */
#define HTTP_GUARDS                                                                                \
    "Cache-Control: no-store\r\nX-Content-Type-Options: nosniff\r\n"                               \
    "Cross-Origin-Resource-Policy: same-origin\r\nReferrer-Policy: no-referrer\r\n"

static void http_head(struct http_connection *c, const struct http_answer *answer)
{
    struct evbuffer *output = bufferevent_get_output(c->stream);
    evbuffer_add_printf(output, "HTTP/1.1 %d %s\r\nContent-Type: %s\r\n" HTTP_GUARDS "%s%s",
                        answer->status, http_reason(answer->status), answer->type, answer->extra,
                        answer->status == 405 ? "Allow: GET, HEAD\r\n" : "");
}

void http_reply(struct http_exchange *exchange, const struct http_answer *answer)
{
    struct http_connection *c = exchange->connection;
    struct evbuffer *output = bufferevent_get_output(c->stream);
    must(c->state == HTTP_RUNS);
    bool good = answer->status < 400;
    c->server->counters.answers += good;
    c->server->counters.refused += !good;
    c->last = !c->request.keep_alive;
    exchange->owner = NULL;
    exchange->cancel = NULL;
    c->state = HTTP_WRITES;
    if (c->dead)
        return;
    http_head(c, answer);
    evbuffer_add_printf(output, "Content-Length: %zu\r\nConnection: %s\r\n\r\n", answer->size,
                        c->last ? "close" : "keep-alive");
    if (!c->request.head)
        evbuffer_add(output, answer->body, answer->size);
    http_expect(c, HTTP_REQUEST);
}

void http_refuse(struct http_exchange *exchange, int status, const char *text)
{
    char line[512];
    int n = snprintf(line, sizeof line, "%s\n", text);
    struct http_answer answer = {status, "text/plain; charset=utf-8", "", line, (size_t)n};
    if (answer.size >= sizeof line)
        answer.size = sizeof line - 1;
    http_reply(exchange, &answer);
}

bool http_stream(struct http_exchange *exchange, const char *type)
{
    struct http_connection *c = exchange->connection;
    struct http_answer answer = {200, type, "", "", 0};
    must(c->state == HTTP_RUNS);
    if (c->server->streams >= HTTP_STREAMS_MAX) {
        http_refuse(exchange, 503, "too many streams are open");
        return false;
    }
    if (c->request.head) {
        http_reply(exchange, &answer);
        return false;
    }
    c->server->counters.answers++;
    c->server->streams++;
    c->state = HTTP_STREAMS;
    http_head(c, &answer);
    evbuffer_add_printf(bufferevent_get_output(c->stream), "Connection: close\r\n\r\n");
    return true;
}

void http_stream_write(struct http_exchange *exchange, const void *bytes, size_t size)
{
    struct http_connection *c = exchange->connection;
    struct evbuffer *output = bufferevent_get_output(c->stream);
    must(c->state == HTTP_STREAMS);
    if (c->dead)
        return;
    if (evbuffer_get_length(output) > HTTP_BACKLOG_MAX) {
        c->server->counters.slow++;
        http_kill(c);
    } else if (evbuffer_add(output, bytes, size) != 0) {
        http_kill(c);
    }
}

/* --- Requests --- */

static bool http_is_for_us(const struct http_service *service, const char *host)
{
    if (*host == '\0' || strcmp(host, "localhost") == 0 || http_host_is_address(host))
        return true; /* no browser leaves Host out, and an address cannot be rebound */
    for (size_t i = 0; i < HTTP_NAMES_MAX && service->names[i]; i++)
        if (strcmp(host, service->names[i]) == 0)
            return true;
    return false;
}

static const char *http_fault(int status)
{
    switch (status) {
    case 405:
        return "only GET and HEAD: nothing can be changed here";
    case 413:
        return "no body is taken";
    case 414:
        return "the target is too long";
    case 431:
        return "the header is too long";
    case 505:
        return "HTTP/1.1 is spoken here";
    default:
        return "not a request";
    }
}

/* Takes one whole request from the input and has it answered. False if there is none yet. */
static bool http_take(struct http_connection *c)
{
    struct evbuffer *input = bufferevent_get_input(c->stream);
    size_t size = evbuffer_get_length(input);
    size_t reach = size > HTTP_HEAD_MAX ? HTTP_HEAD_MAX : size;
    if (size == 0 && c->ended)
        http_kill(c);
    if (size == 0)
        return false;
    const char *bytes = (const char *)evbuffer_pullup(input, (ev_ssize_t)reach);
    enum http_verdict verdict =
        bytes ? http_request_parse(&c->request, bytes, reach) : HTTP_PARTIAL;
    if (verdict == HTTP_PARTIAL) {
        if (c->ended)
            http_kill(c);
        else if (!c->begun)
            http_expect(c, HTTP_REQUEST);
        c->begun = true;
        return false;
    }
    evbuffer_drain(input, verdict == HTTP_WHOLE ? c->request.size : size);
    clock_clear(c->server->clock, &c->deadline);
    c->state = HTTP_RUNS;
    c->begun = false;
    c->exchange = (struct http_exchange){.connection = c, .request = &c->request};
    if (verdict == HTTP_REFUSED)
        http_refuse(&c->exchange, c->request.status, http_fault(c->request.status));
    else if (!http_is_for_us(c->server->service, c->request.host))
        http_refuse(&c->exchange, 421,
                    "this node does not answer under that name; see http-names in its "
                    "configuration");
    else if (c->request.cross_site)
        http_refuse(&c->exchange, 403, "another site's page may not ask");
    else
        c->server->service->run(&c->exchange);
    return true;
}

static void http_readable(struct bufferevent *stream, void *context)
{
    struct http_connection *c = context;
    if (!c->dead && c->state == HTTP_AWAITS)
        http_take(c);
    if (c->state == HTTP_LINGERS)
        evbuffer_drain(bufferevent_get_input(stream), HTTP_HEAD_MAX);
}

/* All that was to be written is. */
static void http_written(struct bufferevent *stream, void *context)
{
    (void)stream;
    struct http_connection *c = context;
    if (c->dead || c->state != HTTP_WRITES)
        return;
    if (c->last) {
        shutdown(bufferevent_getfd(c->stream), SHUT_WR);
        evbuffer_drain(bufferevent_get_input(c->stream), HTTP_HEAD_MAX);
        c->state = HTTP_LINGERS;
        http_expect(c, HTTP_LINGER);
        return;
    }
    c->state = HTTP_AWAITS;
    http_expect(c, HTTP_IDLE);
    http_queue(c); /* the next request may be there */
}

static void http_broken(struct bufferevent *stream, short what, void *context)
{
    (void)stream;
    struct http_connection *c = context;
    /* Who closed its side behind its requests may still read the answers. */
    bool reads = c->state != HTTP_STREAMS && c->state != HTTP_LINGERS;
    if (!(what & BEV_EVENT_EOF) || !(what & BEV_EVENT_READING) || !reads) {
        http_kill(c);
        return;
    }
    c->ended = true;
    if (c->state == HTTP_AWAITS)
        http_queue(c);
}

static void http_pending(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct http_server *server = context;
    struct http_connection *queue = server->queue;
    server->queue = NULL;
    while (queue) {
        struct http_connection *c = queue;
        DL_DELETE2(queue, c, queue_prev, queue_next);
        c->queued = false;
        if (c->dead)
            http_free_connection(c);
        else if (c->state == HTTP_AWAITS)
            http_take(c);
    }
}

/* Makes room for one more: the one that waits for its request longest goes. */
static bool http_make_room(struct http_server *server)
{
    struct http_connection *c;
    if (server->count < HTTP_CONNECTIONS_MAX)
        return true;
    server->counters.crowded++;
    DL_FOREACH(server->all, c)
    if (!c->dead && (c->state == HTTP_AWAITS || c->state == HTTP_LINGERS)) {
        http_kill(c);
        return true;
    }
    return false;
}

static void http_accept(struct evconnlistener *listener, evutil_socket_t fd,
                        struct sockaddr *address, int size, void *context)
{
    (void)listener;
    (void)address;
    (void)size;
    struct http_server *server = context;
    int on = 1;
    struct http_connection *c = http_make_room(server) ? calloc(1, sizeof *c) : NULL;
    struct bufferevent *stream =
        c ? bufferevent_socket_new(server->base, fd, BEV_OPT_CLOSE_ON_FREE) : NULL;
    if (!stream) {
        free(c);
        close(fd);
        return;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof on); /* a stream's other end */
    /* Else the end of a long answer waits 40 ms for the acknowledgement of what is before it. */
    (void)setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof on);
    c->server = server;
    c->stream = stream;
    c->deadline = (struct alarm){.ring = http_late, .context = c};
    server->counters.connections++;
    server->count++;
    DL_APPEND(server->all, c);
    http_expect(c, HTTP_REQUEST);
    bufferevent_setwatermark(stream, EV_READ, 0, HTTP_HEAD_MAX);
    bufferevent_setcb(stream, http_readable, http_written, http_broken, c);
    bufferevent_enable(stream, EV_READ | EV_WRITE);
}

/* Most likely no file descriptor was left: as in varlink.c. */
static void http_accept_failed(struct evconnlistener *listener, void *context)
{
    struct http_server *server = context;
    log_event(LOG_LEVEL_ERROR, "accept-failed", "error=\"%s\"", strerror(errno));
    evconnlistener_disable(listener);
    clock_set(server->clock, &server->pause, instant_after(clock_now(), SPAN_MS(1000)));
}

static void http_resume(void *context)
{
    struct http_server *server = context;
    evconnlistener_enable(server->listener);
}

/* --- Start and end --- */

struct http_server *http_open(struct event_base *base, struct clock *clock, int fd,
                              const struct http_service *service, struct fault *fault)
{
    struct http_server *server = calloc(1, sizeof *server);
    must(server);
    server->service = service;
    server->base = base;
    server->clock = clock;
    server->pause = (struct alarm){.ring = http_resume, .context = server};
    server->pending = event_new(base, -1, 0, http_pending, server);
    server->listener = evconnlistener_new(base, http_accept, server, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (!server->pending || !server->listener) {
        fault_set(fault, FAULT_OTHER, "http: the socket cannot be added to the loop");
        http_close(server);
        return NULL;
    }
    evconnlistener_set_error_cb(server->listener, http_accept_failed);
    return server;
}

void http_close(struct http_server *server)
{
    if (!server)
        return;
    clock_clear(server->clock, &server->pause);
    while (server->all)
        http_free_connection(server->all);
    if (server->listener)
        evconnlistener_free(server->listener);
    if (server->pending)
        event_free(server->pending);
    free(server);
}

size_t http_connection_count(const struct http_server *server)
{
    return server->count;
}

size_t http_stream_count(const struct http_server *server)
{
    return server->streams;
}

const struct http_counters *http_counters(const struct http_server *server)
{
    return &server->counters;
}

void *http_context(const struct http_exchange *exchange)
{
    return exchange->connection->server->service->context;
}
