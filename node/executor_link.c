/* The agent's end of the executor's socket: see executor_link.h. */
#include "node/executor_link.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <event2/event.h>
#include <utlist.h>

#include "node/executor_wire.h"
#include "node/log.h"
#include "proto/must.h"

/* Later than the executor itself answers, so that only one that hangs is given up. */
#define LINK_LATE SPAN_MS(2000)

struct link_run {
    struct executor_link *link;
    uint64_t id;
    struct run run;
    bool power_on; /* afterwards; nobody waits for its outcome */
    struct alarm late;
    uint8_t cert[ORDER_CERT_BYTES_MAX];
    size_t cert_size;
    struct link_run *next, *prev;
};

struct executor_link {
    struct event_base *base;
    struct clock *clock;
    const struct config *config;
    const struct identity *identity;
    executor_link_done done;
    void *context;
    int fd; /* -1: not connected */
    struct event *event;
    uint64_t last_id;
    struct link_run *runs;  /* sent, not answered */
    struct link_run *ended; /* by devices, off: until the life is proven over; the oldest first */
    size_t ended_count;
};

static const char *link_node_name(const struct executor_link *l, uint16_t slot)
{
    int index = roster_find(l->identity->roster, slot);
    return index < 0 ? "?" : l->identity->roster->nodes[index].name;
}

/* --- Outcomes --- */

static void link_tell(struct executor_link *l, const struct link_run *r,
                      const struct executor_answer *answer)
{
    static const char *const outcomes[] = {
        [RUN_UNKNOWN] = "unknown", [RUN_OFF] = "off", [RUN_ON] = "on"};
    struct event event = {.kind = EVENT_EXECUTED};
    bool good = answer->outcome == (r->power_on ? RUN_ON : RUN_OFF);
    log_event(good ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, r->power_on ? "powered-on" : "executed",
              "node=%s life=%" PRIu64 " outcome=%s device=%s text=%s rule=F9",
              link_node_name(l, r->run.slot), r->run.life, outcomes[answer->outcome],
              log_value(answer->device, strlen(answer->device)).text,
              log_value(answer->text, strlen(answer->text)).text);
    if (r->power_on)
        return;
    event.executed.slot = r->run.slot;
    event.executed.life = r->run.life;
    event.executed.scope = r->run.scope;
    event.executed.kind = r->run.kind;
    event.executed.outcome = answer->outcome;
    memcpy(event.executed.device, answer->device, sizeof event.executed.device);
    event.executed.text = (struct view){(const uint8_t *)answer->text, strlen(answer->text)};
    l->done(l->context, &event);
}

static bool link_by_devices(const struct executor_link *l, uint8_t action)
{
    const char *name = roster_action_name(l->identity->roster, action);
    const struct config_action *a = name ? config_action_find(l->config, name) : NULL;
    return a && !a->exec;
}

/* Keeps what may be switched on again; the oldest gives way. */
static void link_keep(struct executor_link *l, struct link_run *r)
{
    if (l->ended_count == EFFECTS_RUNS_MAX) {
        struct link_run *oldest = l->ended;
        DL_DELETE(l->ended, oldest);
        l->ended_count--;
        free(oldest);
    }
    DL_APPEND(l->ended, r);
    l->ended_count++;
}

static void link_end(struct link_run *r, const struct executor_answer *answer)
{
    struct executor_link *l = r->link;
    DL_DELETE(l->runs, r);
    clock_clear(l->clock, &r->late);
    link_tell(l, r, answer);
    bool whole = r->run.scope.session == 0; /* else no machine was switched off */
    if (whole && r->run.kind == RUN_OFF_STATUS && !r->power_on && answer->outcome == RUN_OFF &&
        link_by_devices(l, r->run.action))
        link_keep(l, r);
    else
        free(r);
}

static void link_fail(struct link_run *r, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void link_fail(struct link_run *r, const char *format, ...)
{
    struct executor_answer answer = {.type = EXECUTOR_ENDED, .outcome = RUN_UNKNOWN};
    va_list ap;
    va_start(ap, format);
    vsnprintf(answer.text, sizeof answer.text, format, ap);
    va_end(ap);
    link_end(r, &answer);
}

/* --- The connection --- */

static void link_disconnect(struct executor_link *l)
{
    if (l->event)
        event_free(l->event);
    if (l->fd >= 0)
        close(l->fd);
    l->event = NULL;
    l->fd = -1;
}

static void link_lose(struct executor_link *l, const char *why)
{
    log_event(LOG_LEVEL_ERROR, "executor-gone", "why=\"%s\"", why);
    link_disconnect(l);
    while (l->runs)
        link_fail(l->runs, "the executor went away: %s", why);
}

static void link_readable(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct executor_link *l = context;
    uint8_t bytes[EXECUTOR_ANSWER_MAX + 1];
    struct executor_answer answer;
    struct link_run *r;
    ssize_t n = recv(fd, bytes, sizeof bytes, MSG_DONTWAIT);
    if (n < 0 && (errno == EAGAIN || errno == EINTR))
        return;
    if (n <= 0) {
        link_lose(l, n < 0 ? strerror(errno) : "it closed the connection");
        return;
    }
    if (!executor_answer_decode(&answer, bytes, (size_t)n) || answer.type != EXECUTOR_ENDED) {
        link_lose(l, "its answer is none");
        return;
    }
    DL_FOREACH(l->runs, r)
    if (r->id == answer.id) {
        link_end(r, &answer);
        return;
    }
}

/* 0, or errno. */
static int link_connect(struct executor_link *l)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (l->fd >= 0)
        return 0;
    memcpy(address.sun_path, l->config->executor_socket, strlen(l->config->executor_socket));
    l->fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (l->fd < 0)
        return errno;
    if (connect(l->fd, (const struct sockaddr *)&address, sizeof address) == 0) {
        l->event = event_new(l->base, l->fd, EV_READ | EV_PERSIST, link_readable, l);
        if (l->event && event_add(l->event, NULL) == 0)
            return 0;
        errno = ENOMEM;
    }
    int error = errno;
    link_disconnect(l);
    return error;
}

/* --- Runs --- */

static void link_late(void *context)
{
    link_fail(context, "the executor did not answer in time");
}

static void link_send(struct link_run *r)
{
    struct executor_link *l = r->link;
    uint8_t bytes[EXECUTOR_REQUEST_MAX];
    struct executor_request request = {.type = EXECUTOR_RUN,
                                       .id = r->id,
                                       .kind = r->power_on                 ? EXECUTOR_ON
                                               : r->run.kind == RUN_STATUS ? EXECUTOR_STATUS
                                                                           : EXECUTOR_OFF,
                                       .action = r->run.action,
                                       .slot = r->run.slot,
                                       .life = r->run.life,
                                       .info = {r->run.scope.info, r->run.scope.info_size},
                                       .cert = {r->cert, r->cert_size}};
    DL_APPEND(l->runs, r);
    int error = link_connect(l);
    if (error) {
        link_fail(r, "the executor does not answer at %s: %s", l->config->executor_socket,
                  strerror(error));
        return;
    }
    size_t size = executor_request_encode(bytes, &request);
    if (send(l->fd, bytes, size, MSG_NOSIGNAL | MSG_DONTWAIT) != (ssize_t)size) {
        link_lose(l, strerror(errno));
        return;
    }
    struct span longest = config_run_longest(l->config);
    clock_set(l->clock, &r->late,
              instant_after(clock_now(), (struct span){longest.ns + LINK_LATE.ns}));
}

void executor_link_run(struct executor_link *l, const struct run *run, struct view cert)
{
    const struct link_run *other;
    DL_FOREACH(l->runs, other)
    if (!other->power_on && other->run.slot == run->slot && other->run.life == run->life &&
        other->run.kind == run->kind && scope_equal(&other->run.scope, &run->scope))
        return; /* its outcome is this one's too */
    struct link_run *r = calloc(1, sizeof *r);
    must(r && cert.size <= sizeof r->cert);
    *r = (struct link_run){.link = l, .id = ++l->last_id, .run = *run, .cert_size = cert.size};
    r->late = (struct alarm){.ring = link_late, .context = r};
    if (cert.size)
        memcpy(r->cert, cert.bytes, cert.size);
    link_send(r);
}

void executor_link_proven(struct executor_link *l, uint16_t slot, uint64_t life)
{
    struct link_run *r, *next;
    DL_FOREACH_SAFE(l->ended, r, next)
    {
        if (r->run.slot != slot || r->run.life > life)
            continue;
        DL_DELETE(l->ended, r);
        l->ended_count--;
        r->power_on = true;
        r->id = ++l->last_id;
        link_send(r);
    }
}

/* --- Start and end --- */

struct executor_link *executor_link_open(struct event_base *base, struct clock *clock,
                                         const struct config *config,
                                         const struct identity *identity, executor_link_done done,
                                         void *context)
{
    struct executor_link *l = calloc(1, sizeof *l);
    must(l);
    *l = (struct executor_link){.base = base,
                                .clock = clock,
                                .config = config,
                                .identity = identity,
                                .done = done,
                                .context = context,
                                .fd = -1};
    return l;
}

void executor_link_close(struct executor_link *l)
{
    struct link_run *r, *next;
    link_disconnect(l);
    DL_FOREACH_SAFE(l->runs, r, next)
    {
        clock_clear(l->clock, &r->late);
        free(r);
    }
    DL_FOREACH_SAFE(l->ended, r, next)
    free(r);
    free(l);
}
