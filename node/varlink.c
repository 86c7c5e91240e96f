/*
 * The varlink server.
 *
 *     read  ->  input buffer  ->  serve: one call at a time  ->  method  ->  answer  ->  write
 *                                      ^                                       |
 *                                      +------- `pending` event: next call ----+
 *
 * An answer is written at once; what the socket does not take waits in the output buffer.
 *
 * Whatever closes a connection only marks it; the `pending` event, which runs between callbacks,
 * frees it. So no method and no answer can find its connection gone under its feet.
 */
#include "node/varlink.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/buffer.h>
#include <event2/event.h>
#include <event2/listener.h>
#include <utlist.h>

#include "node/log.h"
#include "proto/must.h"

enum {
    VARLINK_READ_SIZE = 16 * 1024
}; /* of one connection at once; the rest wakes the loop again */

struct varlink_connection {
    struct varlink_server *server;
    int fd;
    struct event *readable;
    struct event *writable; /* added while `output` is not empty */
    struct evbuffer *input;
    struct evbuffer *output;
    struct ucred peer;
    uint64_t badge;
    struct varlink_call call;
    bool calling; /* `call` waits for its final answer */
    bool dead;    /* to be freed by the `pending` event */
    bool queued;  /* in the server's queue */
    void *note;
    struct varlink_connection *next, *prev;             /* in all */
    struct varlink_connection *queue_next, *queue_prev; /* in queue */
};

struct varlink_server {
    const struct varlink_service *service;
    struct event_base *base;
    struct clock *clock;
    struct evconnlistener *listener;
    struct event *pending;
    struct alarm pause; /* until connections are accepted again, after a failure to */
    struct varlink_connection *all;
    struct varlink_connection *queue; /* to be served or freed between callbacks */
    size_t count;
    struct varlink_counters counters;
    uint8_t scratch[VARLINK_READ_SIZE]; /* what was just read */
};

/* --- Connections --- */

/* Has the connection served, or freed if it is dead, once the present callback is over. */
static void varlink_queue(struct varlink_connection *c)
{
    if (c->queued)
        return;
    c->queued = true;
    DL_APPEND2(c->server->queue, c, queue_prev, queue_next);
    event_active(c->server->pending, EV_TIMEOUT, 0);
}

static void varlink_kill(struct varlink_connection *c)
{
    if (c->dead)
        return;
    c->dead = true;
    event_del(c->readable);
    event_del(c->writable);
    varlink_queue(c);
}

static void varlink_garbage(struct varlink_connection *c, const char *why)
{
    if (c->dead)
        return;
    c->server->counters.garbage++;
    log_event(LOG_LEVEL_WARNING, "client-garbage", "pid=%d uid=%u why=\"%s\"", (int)c->peer.pid,
              (unsigned)c->peer.uid, why);
    varlink_kill(c);
}

/* What belongs to the connection alone; any of it may be missing. */
static void varlink_release(struct varlink_connection *c)
{
    if (c->readable)
        event_free(c->readable);
    if (c->writable)
        event_free(c->writable);
    if (c->input)
        evbuffer_free(c->input);
    if (c->output)
        evbuffer_free(c->output);
    close(c->fd);
    free(c);
}

static void varlink_free_connection(struct varlink_connection *c)
{
    DL_DELETE(c->server->all, c);
    c->server->count--;
    varlink_release(c);
}

/* --- Answers --- */

/* Writes what the socket takes at once, behind what waits already; the rest waits. An error waits
 * too: `varlink_writable` meets it again, between callbacks. */
static void varlink_put(struct varlink_connection *c, const char *bytes, size_t size)
{
    size_t waiting = evbuffer_get_length(c->output);
    ssize_t sent = waiting ? 0 : send(c->fd, bytes, size, MSG_DONTWAIT | MSG_NOSIGNAL);
    size_t done = sent > 0 ? (size_t)sent : 0;
    if (done == size)
        return;
    if (evbuffer_add(c->output, bytes + done, size - done) != 0 ||
        event_add(c->writable, NULL) != 0)
        varlink_kill(c);
}

/* `text`: a whole message, `size` with its NUL. */
static void varlink_write_text(struct varlink_connection *c, const char *text, size_t size)
{
    if (c->dead || c->call.oneway)
        return;
    /* Asked before this answer is added: one answer, however long, always has room. */
    if (evbuffer_get_length(c->output) > VARLINK_BACKLOG_MAX) {
        c->server->counters.slow++;
        log_event(LOG_LEVEL_WARNING, "client-slow",
                  "pid=%d uid=%u why=\"does not read its answers\"", (int)c->peer.pid,
                  (unsigned)c->peer.uid);
        varlink_kill(c);
    } else {
        varlink_put(c, text, size);
    }
}

static void varlink_write(struct varlink_connection *c, json_t *message)
{
    char *text = c->dead || c->call.oneway ? NULL : json_dumps(message, JSON_COMPACT);
    json_decref(message);
    if (text)
        varlink_write_text(c, text, strlen(text) + 1);
    free(text);
}

static void varlink_end(struct varlink_call *call)
{
    must(call->connection->calling);
    call->connection->calling = false;
    call->owner = NULL;
    call->cancel = NULL;
    if (evbuffer_get_length(call->connection->input) > 0)
        varlink_queue(call->connection); /* perhaps for its next call */
}

static json_t *varlink_message(json_t *parameters)
{
    json_t *message = json_object();
    json_object_set_new(message, "parameters", parameters ? parameters : json_object());
    return message;
}

void varlink_reply(struct varlink_call *call, json_t *parameters)
{
    varlink_write(call->connection, varlink_message(parameters));
    varlink_end(call);
}

void varlink_reply_text(struct varlink_call *call, const char *parameters)
{
    char text[VARLINK_TEXT_MAX];
    int size = snprintf(text, sizeof text, "{\"parameters\":%s}", parameters);
    must(size > 0 && size < (int)sizeof text);
    varlink_write_text(call->connection, text, (size_t)size + 1);
    varlink_end(call);
}

void varlink_reply_more(struct varlink_call *call, json_t *parameters)
{
    json_t *message = varlink_message(parameters);
    must(call->more);
    json_object_set_new(message, "continues", json_true());
    varlink_write(call->connection, message);
}

void varlink_error(struct varlink_call *call, const char *error, json_t *parameters)
{
    json_t *message = varlink_message(parameters);
    json_object_set_new(message, "error", json_string(error));
    varlink_write(call->connection, message);
    varlink_end(call);
}

void varlink_invalid(struct varlink_call *call, const char *name)
{
    varlink_error(call, "org.varlink.service.InvalidParameter",
                  json_pack("{s:s}", "parameter", name));
}

/* --- Calls --- */

#define VARLINK_SERVICE "org.varlink.service"

/* The two methods that every varlink service has. */
static void varlink_introspect(struct varlink_call *call, const char *method,
                               const json_t *parameters)
{
    static const struct frame_parameter list[] = {{"interface", FRAME_STRING, true}};
    const struct varlink_service *s = call->connection->server->service;
    if (strcmp(method, "GetInfo") == 0) {
        const char *bad = frame_check(parameters, NULL, 0);
        if (bad) {
            varlink_invalid(call, bad);
            return;
        }
        varlink_reply(call, json_pack("{s:s s:s s:s s:s s:[s,s]}", "vendor", s->vendor, "product",
                                      s->product, "version", s->version, "url", s->url,
                                      "interfaces", VARLINK_SERVICE, s->interface));
        return;
    }
    if (strcmp(method, "GetInterfaceDescription") != 0) {
        varlink_error(call, VARLINK_SERVICE ".MethodNotFound",
                      json_pack("{s:s}", "method", method));
        return;
    }
    const char *bad = frame_check(parameters, list, 1);
    const char *interface = bad ? "" : frame_string(parameters, "interface", "");
    if (bad)
        varlink_invalid(call, bad);
    else if (strcmp(interface, s->interface) == 0)
        varlink_reply(call, json_pack("{s:s}", "description", s->description));
    else if (strcmp(interface, VARLINK_SERVICE) == 0)
        varlink_reply(
            call,
            json_pack("{s:s}", "description",
                      "interface org.varlink.service\n"
                      "method GetInfo() -> (vendor: string, product: string, version: string, "
                      "url: string, interfaces: []string)\n"
                      "method GetInterfaceDescription(interface: string) -> "
                      "(description: string)\n"
                      "error InterfaceNotFound (interface: string)\n"
                      "error MethodNotFound (method: string)\n"
                      "error MethodNotImplemented (method: string)\n"
                      "error InvalidParameter (parameter: string)\n"
                      "error ExpectedMore ()\n"));
    else
        varlink_error(call, VARLINK_SERVICE ".InterfaceNotFound",
                      json_pack("{s:s}", "interface", interface));
}

/* A name that no method has: says whether it is the interface or the method. */
static void varlink_unknown(struct varlink_call *call, const char *interface, const char *method)
{
    if (strcmp(interface, call->connection->server->service->interface) == 0)
        varlink_error(call, VARLINK_SERVICE ".MethodNotFound",
                      json_pack("{s:s}", "method", method));
    else
        varlink_error(call, VARLINK_SERVICE ".InterfaceNotFound",
                      json_pack("{s:s}", "interface", interface));
}

static void varlink_run(struct varlink_call *call, const struct frame_call *frame,
                        const struct varlink_method *method)
{
    struct varlink_server *server = call->connection->server;
    const char *bad = frame_check(frame->parameters, method->list, method->list_count);
    if (bad)
        varlink_invalid(call, bad);
    else if (server->service->permits &&
             !server->service->permits(call, method->name, frame->parameters))
        server->counters.denied++;
    else if (method->needs_more && !call->more)
        varlink_error(call, VARLINK_SERVICE ".ExpectedMore", NULL);
    else
        method->run(call, frame->parameters);
}

static void varlink_dispatch(struct varlink_connection *c, const struct frame_call *frame)
{
    const struct varlink_service *s = c->server->service;
    struct varlink_call *call = &c->call;
    *call = (struct varlink_call){.connection = c, .more = frame->more, .oneway = frame->oneway};
    c->calling = true;
    c->server->counters.calls++;
    if (frame->upgrade) {
        varlink_invalid(call, "upgrade");
        return;
    }
    for (size_t i = 0; i < s->method_count; i++)
        if (strcmp(frame->method, s->methods[i].name) == 0) {
            varlink_run(call, frame, &s->methods[i]);
            return;
        }
    const char *dot = strrchr(frame->method, '.');
    char *interface =
        strndup(frame->method, dot ? (size_t)(dot - frame->method) : strlen(frame->method));
    must(interface);
    if (dot && strcmp(interface, VARLINK_SERVICE) == 0)
        varlink_introspect(call, dot + 1, frame->parameters);
    else
        varlink_unknown(call, interface, dot ? dot + 1 : "");
    free(interface);
}

/* Parses the message that `bytes` begin with; its length with its NUL. 0: there is none yet, or it
 * was garbage. */
static size_t varlink_parse(struct varlink_connection *c, const void *bytes, size_t size,
                            struct frame_call *out)
{
    size_t length;
    const char *why = "longer than a message may be";
    enum frame_verdict verdict = frame_find(bytes, size, &length);
    if (verdict == FRAME_PARTIAL)
        return 0;
    if (verdict == FRAME_WHOLE && frame_call_parse(out, bytes, length, &why))
        return length + 1;
    varlink_garbage(c, why);
    return 0;
}

/* Takes one whole message from the input and runs it. False if there is none yet, or it was
 * garbage. */
static bool varlink_take(struct varlink_connection *c)
{
    size_t size = evbuffer_get_length(c->input);
    size_t reach = size > FRAME_MAX + 1 ? FRAME_MAX + 1 : size;
    const void *bytes = size ? evbuffer_pullup(c->input, (ev_ssize_t)reach) : NULL;
    struct frame_call frame;
    size_t taken = bytes ? varlink_parse(c, bytes, reach, &frame) : 0;
    if (taken == 0)
        return false;
    evbuffer_drain(c->input, taken);
    varlink_dispatch(c, &frame);
    frame_call_free(&frame);
    return true;
}

static void varlink_serve(struct varlink_connection *c)
{
    for (int i = 0; i < VARLINK_CALLS_PER_TURN; i++)
        if (c->dead || c->calling || !varlink_take(c))
            break;
    if (!c->dead && c->calling && evbuffer_get_length(c->input) > VARLINK_PIPELINE)
        varlink_garbage(c, "too much sent ahead of an answer");
}

/* Takes what was just read: as a rule one whole call, and nothing waits before it. */
static void varlink_came(struct varlink_connection *c, const uint8_t *bytes, size_t size)
{
    struct frame_call frame;
    size_t taken = 0;
    bool at_once = !c->calling && !c->queued && evbuffer_get_length(c->input) == 0;
    if (at_once && memchr(bytes, '\0', size) == bytes + size - 1)
        taken = varlink_parse(c, bytes, size, &frame);
    if (taken > 0) {
        varlink_dispatch(c, &frame);
        frame_call_free(&frame);
    } else if (!c->dead && evbuffer_add(c->input, bytes, size) != 0) {
        varlink_kill(c);
    } else if (!c->queued) {
        varlink_serve(c);
    }
}

/* --- The loop's side --- */

/* Between callbacks: serves whose turn it is, frees who is dead. What they queue now has the next
 * turn. */
static void varlink_pending(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct varlink_server *server = context;
    struct varlink_connection *queue = server->queue;
    server->queue = NULL;
    while (queue) {
        struct varlink_connection *c = queue;
        DL_DELETE2(queue, c, queue_prev, queue_next);
        c->queued = false;
        if (!c->dead) {
            varlink_serve(c);
            continue;
        }
        if (c->calling && c->call.cancel)
            c->call.cancel(&c->call);
        server->service->closed(c);
        varlink_free_connection(c);
    }
}

/* What came before the end still counts, as far as it needs no answer: a Release, say. */
static void varlink_broken(struct varlink_connection *c)
{
    while (!c->dead && !c->calling && varlink_take(c))
        ;
    varlink_kill(c);
}

static bool varlink_for_now(ssize_t result)
{
    return result < 0 && (errno == EAGAIN || errno == EINTR);
}

static void varlink_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct varlink_connection *c = context;
    uint8_t *scratch = c->server->scratch;
    ssize_t n = recv(fd, scratch, VARLINK_READ_SIZE, MSG_DONTWAIT);
    if (varlink_for_now(n))
        return;
    if (n <= 0)
        varlink_broken(c);
    else
        varlink_came(c, scratch, (size_t)n);
}

static void varlink_writable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct varlink_connection *c = context;
    int n = evbuffer_write(c->output, fd);
    if (n <= 0 && !varlink_for_now(n))
        varlink_broken(c);
    else if (evbuffer_get_length(c->output) == 0)
        event_del(c->writable);
}

static size_t varlink_count_user(const struct varlink_server *server, uid_t uid)
{
    size_t count = 0;
    const struct varlink_connection *c;
    DL_FOREACH(server->all, c)
    count += c->peer.uid == uid;
    return count;
}

static void varlink_accept(struct evconnlistener *listener, evutil_socket_t fd,
                           struct sockaddr *address, int size, void *context)
{
    (void)listener;
    (void)address;
    (void)size;
    struct varlink_server *server = context;
    struct ucred peer;
    socklen_t length = sizeof peer;
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &length) != 0) {
        close(fd);
        return;
    }
    if (server->count >= VARLINK_CONNECTIONS_MAX ||
        varlink_count_user(server, peer.uid) >= VARLINK_CONNECTIONS_PER_USER) {
        server->counters.refused++;
        log_event(LOG_LEVEL_WARNING, "client-refused", "pid=%d uid=%u why=\"too many connections\"",
                  (int)peer.pid, (unsigned)peer.uid);
        close(fd);
        return;
    }
    struct varlink_connection *c = calloc(1, sizeof *c);
    if (!c) {
        close(fd);
        return;
    }
    c->server = server;
    c->fd = fd;
    c->peer = peer;
    c->readable = event_new(server->base, fd, EV_READ | EV_PERSIST, varlink_readable, c);
    c->writable = event_new(server->base, fd, EV_WRITE | EV_PERSIST, varlink_writable, c);
    c->input = evbuffer_new();
    c->output = evbuffer_new();
    if (!c->readable || !c->writable || !c->input || !c->output ||
        event_add(c->readable, NULL) != 0) {
        varlink_release(c);
        return;
    }
    c->badge = server->service->badge ? server->service->badge(c) : 0;
    server->counters.connections++;
    server->count++;
    DL_APPEND(server->all, c);
}

/* Most likely no file descriptor was left. The listener would ask again at once, for ever: so it
 * pauses. */
static void varlink_accept_failed(struct evconnlistener *listener, void *context)
{
    struct varlink_server *server = context;
    log_event(LOG_LEVEL_ERROR, "accept-failed", "error=\"%s\"", strerror(errno));
    evconnlistener_disable(listener);
    clock_set(server->clock, &server->pause, instant_after(clock_now(), SPAN_MS(1000)));
}

static void varlink_resume(void *context)
{
    struct varlink_server *server = context;
    evconnlistener_enable(server->listener);
}

struct varlink_server *varlink_open(struct event_base *base, struct clock *clock, int fd,
                                    const struct varlink_service *service, struct fault *fault)
{
    struct varlink_server *server = calloc(1, sizeof *server);
    if (!server) {
        fault_set(fault, FAULT_OTHER, "out of memory");
        return NULL;
    }
    server->service = service;
    server->base = base;
    server->clock = clock;
    server->pause = (struct alarm){.ring = varlink_resume, .context = server};
    server->pending = event_new(base, -1, 0, varlink_pending, server);
    server->listener =
        evconnlistener_new(base, varlink_accept, server, LEV_OPT_CLOSE_ON_EXEC, 0, fd);
    if (!server->pending || !server->listener) {
        fault_set(fault, FAULT_OTHER, "the API's socket cannot be added to the loop");
        varlink_close(server);
        return NULL;
    }
    evconnlistener_set_error_cb(server->listener, varlink_accept_failed);
    return server;
}

void varlink_close(struct varlink_server *server)
{
    if (!server)
        return;
    clock_clear(server->clock, &server->pause);
    while (server->all) {
        struct varlink_connection *c = server->all;
        if (!c->dead && evbuffer_get_length(c->output) > 0)
            evbuffer_write(c->output, c->fd);
        varlink_free_connection(c);
    }
    if (server->listener)
        evconnlistener_free(server->listener);
    if (server->pending)
        event_free(server->pending);
    free(server);
}

size_t varlink_connection_count(const struct varlink_server *server)
{
    return server->count;
}

const struct varlink_counters *varlink_counters(const struct varlink_server *server)
{
    return &server->counters;
}

void *varlink_context(const struct varlink_connection *connection)
{
    return connection->server->service->context;
}

const struct ucred *varlink_peer(const struct varlink_connection *connection)
{
    return &connection->peer;
}

void varlink_rebadge(struct varlink_server *server)
{
    struct varlink_connection *c;
    DL_FOREACH(server->all, c)
    if (server->service->badge)
        c->badge = server->service->badge(c);
}

uint64_t varlink_badge(const struct varlink_connection *connection)
{
    return connection->badge;
}

int varlink_fd(const struct varlink_connection *connection)
{
    return connection->fd;
}

void *varlink_note(const struct varlink_connection *connection)
{
    return connection->note;
}

void varlink_set_note(struct varlink_connection *connection, void *note)
{
    connection->note = note;
}
