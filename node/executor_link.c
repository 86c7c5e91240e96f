/* The agent's end of the executor's socket: see executor_link.h. */
#include "node/executor_link.h"

#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "node/executor_line.h"
#include "node/log.h"
#include "proto/must.h"

/* Switching on again: nobody keeps anything waiting for it, but it should not come much later. */
#define LINK_ON_SPAN SPAN_MS(2000)

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
    struct clock *clock;
    const struct config *config;
    const struct identity *identity;
    executor_link_done done;
    void *context;
    struct executor_line line;
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
    struct event event = {.kind = EVENT_EXECUTED};
    bool good = answer->outcome == (r->power_on ? RUN_ON : RUN_OFF);
    log_event(good ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, r->power_on ? "powered-on" : "executed",
              "node=%s life=%" PRIu64 " outcome=%s device=%s text=%s rule=F9",
              link_node_name(l, r->run.slot), r->run.life, executor_outcome_text(answer->outcome),
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

static void link_lost(void *context, const char *why)
{
    struct executor_link *l = context;
    log_event(LOG_LEVEL_ERROR, "executor-gone", "why=\"%s\"", why);
    while (l->runs)
        link_fail(l->runs, "the executor went away: %s", why);
}

static void link_answered(void *context, const struct executor_answer *answer)
{
    struct executor_link *l = context;
    struct link_run *r;
    if (answer->type != EXECUTOR_ENDED) {
        executor_line_close(&l->line);
        link_lost(l, "its answer is none");
        return;
    }
    DL_FOREACH(l->runs, r)
    if (r->id == answer->id) {
        link_end(r, answer);
        return;
    }
}

/* --- Runs --- */

/* It hangs, or is stopped: the jurors' windows may close, and another take its turn. With the
 * connection it loses what it runs; what it has not read yet came too late by then (F9). */
static void link_late(void *context)
{
    struct link_run *r = context;
    struct executor_link *l = r->link;
    executor_line_close(&l->line);
    link_lost(l, "it did not answer in time");
}

/* When drivers are killed: the rest of the run's time is for their ends to come about. */
static struct instant link_end_by(const struct link_run *r)
{
    return (struct instant){r->run.end_by.ns - CONFIG_RUN_LATE.ns};
}

static void link_send(struct link_run *r)
{
    struct executor_link *l = r->link;
    struct executor_request request = {.type = EXECUTOR_RUN,
                                       .id = r->id,
                                       .kind = r->power_on                 ? EXECUTOR_ON
                                               : r->run.kind == RUN_STATUS ? EXECUTOR_STATUS
                                                                           : EXECUTOR_OFF,
                                       .action = r->run.action,
                                       .slot = r->run.slot,
                                       .life = r->run.life,
                                       .begin_by = r->run.begin_by,
                                       .end_by = link_end_by(r),
                                       .info = {r->run.scope.info, r->run.scope.info_size},
                                       .cert = {r->cert, r->cert_size}};
    DL_APPEND(l->runs, r);
    int error = executor_line_connect(&l->line, l->config->executor_socket);
    if (error) {
        link_fail(r, "the executor does not answer at %s: %s", l->config->executor_socket,
                  strerror(error));
        return;
    }
    error = executor_line_send(&l->line, &request);
    if (error) {
        link_lost(l, strerror(error));
        return;
    }
    clock_set(l->clock, &r->late, r->run.end_by);
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
        r->run.begin_by = instant_after(clock_now(), LINK_ON_SPAN);
        r->run.end_by = instant_after(r->run.begin_by, config_run_longest(l->config));
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
    *l = (struct executor_link){
        .clock = clock, .config = config, .identity = identity, .done = done, .context = context};
    executor_line_init(&l->line, base, link_answered, link_lost, l);
    return l;
}

void executor_link_close(struct executor_link *l)
{
    struct link_run *r, *next;
    executor_line_close(&l->line);
    DL_FOREACH_SAFE(l->runs, r, next)
    {
        clock_clear(l->clock, &r->late);
        free(r);
    }
    DL_FOREACH_SAFE(l->ended, r, next)
    free(r);
    free(l);
}
