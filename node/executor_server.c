/* The executor's socket: see executor_server.h. */
#include "node/executor_server.h"

#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>

#include "node/log.h"
#include "proto/must.h"

struct executor_connection {
    struct executor_server *server;
    uint64_t number; /* the owner of its runs; 0: not in use */
    int fd;
    struct event *event;
    bool busy; /* a request of it is being carried out: it is closed after that */
    bool lost;
};

struct executor_server {
    struct event_base *base;
    struct fencer *fencer;
    struct inspector *inspector;
    uid_t user;
    struct event *event;
    uint64_t last_number;
    uint64_t malformed;
    uint64_t strangers;
    struct executor_connection connections[EXECUTOR_CONNECTIONS_MAX];
};

static void server_drop(struct executor_connection *c)
{
    if (c->busy) {
        c->lost = true;
        return;
    }
    uint64_t number = c->number;
    event_free(c->event);
    close(c->fd);
    *c = (struct executor_connection){.server = c->server};
    fencer_forget(c->server->fencer, number);
    inspector_forget(c->server->inspector, number);
}

static void server_send(struct executor_connection *c, const struct executor_answer *answer)
{
    uint8_t bytes[EXECUTOR_ANSWER_MAX];
    size_t size = executor_answer_encode(bytes, answer);
    if (send(c->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size)
        server_drop(c);
}

void executor_server_done(void *context, uint64_t owner, uint64_t id,
                          const struct driver_result *result)
{
    struct executor_server *s = context;
    struct executor_answer answer = {.type = EXECUTOR_ENDED, .id = id, .outcome = result->outcome};
    memcpy(answer.device, result->device, sizeof answer.device);
    memcpy(answer.text, result->text, sizeof answer.text);
    for (size_t i = 0; i < EXECUTOR_CONNECTIONS_MAX; i++)
        if (s->connections[i].number == owner)
            server_send(&s->connections[i], &answer);
}

void executor_server_inspected(void *context, uint64_t owner, const struct executor_answer *answer)
{
    struct executor_server *s = context;
    for (size_t i = 0; i < EXECUTOR_CONNECTIONS_MAX; i++)
        if (s->connections[i].number == owner)
            server_send(&s->connections[i], answer);
}

static void server_answer_look(struct executor_connection *c, uint64_t id)
{
    struct executor_answer answer = {.type = EXECUTOR_STATE, .id = id};
    answer.state.malformed = c->server->malformed;
    answer.state.strangers = c->server->strangers;
    fencer_state(c->server->fencer, &answer.state);
    server_send(c, &answer);
}

static void server_ask_part(struct executor_connection *c, const struct executor_request *request)
{
    struct executor_state state;
    fencer_state(c->server->fencer, &state);
    if (inspector_ask(c->server->inspector, c->number, request, state.running > 0))
        return;
    c->server->malformed++; /* it asks while it waits for an answer, as no agent does */
    server_drop(c);
}

/* Nobody would hear of the outcome, and what was asked for may be another's to do by now. */
static bool server_asker_gone(const struct executor_connection *c)
{
    struct pollfd p = {c->fd, POLLRDHUP, 0};
    return poll(&p, 1, 0) > 0;
}

static void server_carry_out(struct executor_connection *c, const struct executor_request *request)
{
    switch (request->type) {
    case EXECUTOR_LOOK:
        server_answer_look(c, request->id);
        break;
    case EXECUTOR_ASK_PART:
        server_ask_part(c, request);
        break;
    case EXECUTOR_RUN:
        if (server_asker_gone(c)) {
            log_event(LOG_LEVEL_WARNING, "asker-gone", "id=%" PRIu64, request->id);
            server_drop(c);
            break;
        }
        inspector_yield(c->server->inspector);
        fencer_run(c->server->fencer, c->number, request);
        break;
    }
}

static void server_take(struct executor_connection *c, const uint8_t *bytes, size_t size)
{
    struct executor_request request;
    if (!executor_request_decode(&request, bytes, size)) {
        c->server->malformed++;
        log_event(LOG_LEVEL_ERROR, "malformed", "bytes=%zu note=\"the connection is closed\"",
                  size);
        server_drop(c);
        return;
    }
    c->busy = true;
    server_carry_out(c, &request);
    c->busy = false;
    if (c->lost)
        server_drop(c);
}

/* One packet in one turn of the loop, so that no peer keeps it from another. */
static void server_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct executor_connection *c = context;
    uint8_t bytes[EXECUTOR_REQUEST_MAX + 1]; /* one more: what is too long does not decode */
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0)
        server_drop(c);
    else
        server_take(c, bytes, (size_t)n);
}

static struct executor_connection *server_place(struct executor_server *s)
{
    for (size_t i = 0; i < EXECUTOR_CONNECTIONS_MAX; i++)
        if (s->connections[i].number == 0)
            return &s->connections[i];
    return NULL;
}

static void server_accept(evutil_socket_t socket, short what, void *context)
{
    (void)what;
    struct executor_server *s = context;
    struct ucred peer = {.uid = (uid_t)-1};
    socklen_t size = sizeof peer;
    int fd = accept4(socket, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0)
        return;
    struct executor_connection *c = server_place(s);
    if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &peer, &size) != 0 || peer.uid != s->user) {
        s->strangers++;
        log_event(LOG_LEVEL_ERROR, "stranger", "uid=%u note=\"only the agent's user may ask\"",
                  (unsigned)peer.uid);
        close(fd);
        return;
    }
    if (c)
        *c = (struct executor_connection){
            .server = s, .number = ++s->last_number, .fd = fd, .event = NULL};
    if (c)
        c->event = event_new(s->base, fd, EV_READ | EV_PERSIST, server_readable, c);
    if (!c || !c->event || event_add(c->event, NULL) != 0) {
        log_event(LOG_LEVEL_ERROR, "too-many-connections", "most=%d", EXECUTOR_CONNECTIONS_MAX);
        if (c && c->event)
            event_free(c->event);
        if (c)
            c->number = 0;
        close(fd);
    }
}

struct executor_server *executor_server_open(struct event_base *base, int socket, uid_t user,
                                             struct fault *fault)
{
    struct executor_server *s = calloc(1, sizeof *s);
    must(s);
    s->base = base;
    s->user = user;
    s->event = event_new(base, socket, EV_READ | EV_PERSIST, server_accept, s);
    for (size_t i = 0; i < EXECUTOR_CONNECTIONS_MAX; i++)
        s->connections[i].server = s;
    if (s->event)
        return s;
    fault_set(fault, FAULT_OTHER, "the executor's socket cannot be added to the loop");
    free(s);
    return NULL;
}

void executor_server_serve(struct executor_server *s, struct fencer *fencer,
                           struct inspector *inspector)
{
    s->fencer = fencer;
    s->inspector = inspector;
    must(event_add(s->event, NULL) == 0);
}

void executor_server_close(struct executor_server *s)
{
    for (size_t i = 0; i < EXECUTOR_CONNECTIONS_MAX; i++)
        if (s->connections[i].number)
            server_drop(&s->connections[i]);
    event_free(s->event);
    free(s);
}
