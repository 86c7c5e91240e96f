/* The fencer: see fencer.h. */
#include "node/fencer.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>
#include <utlist.h>

#include "node/executor_wire.h"
#include "node/log.h"
#include "proto/gate.h"
#include "proto/must.h"

struct fencer_job {
    struct fencer *fencer;
    struct driver *driver;
    uint64_t owner;
    uint64_t id;
    enum executor_kind kind;
    bool by_devices;
    uint16_t slot;
    uint64_t life;
    struct digest order; /* names the node, the life and the session too */
    struct fencer_job *next, *prev;
};

/* A life that this process switched off by a device, and may switch on again, once. */
struct fencer_off {
    uint16_t slot;
    uint64_t life; /* 0: none */
};

struct fencer {
    struct event_base *base;
    struct clock *clock;
    const struct config *config;
    const struct identity *identity;
    struct acts *acts;
    struct transcript *transcript;
    fencer_done done;
    void *context;
    struct fencer_job *jobs;
    size_t job_count;
    struct fencer_off off[EFFECTS_RUNS_MAX];
    size_t next_off;
    uint64_t runs;
    uint64_t refusals;
};

static const struct roster_node *fencer_node(const struct fencer *f, uint16_t slot)
{
    int index = roster_find(f->identity->roster, slot);
    return index < 0 ? NULL : &f->identity->roster->nodes[index];
}

static const char *fencer_node_name(const struct fencer *f, uint16_t slot)
{
    const struct roster_node *node = fencer_node(f, slot);
    return node ? node->name : "?";
}

static const char *fencer_kind_text(enum executor_kind kind)
{
    switch (kind) {
    case EXECUTOR_OFF:
        return "off,status";
    case EXECUTOR_STATUS:
        return "status";
    case EXECUTOR_ON:
        return "on";
    }
    return "?";
}

/* --- What came of it --- */

static void fencer_tell(struct fencer *f, const struct fencer_job *job,
                        const struct driver_result *result)
{
    transcript_say(f->transcript,
                   "ended node=%s life=%" PRIu64 " verb=%s outcome=%s device=%s text=%s rule=F9",
                   fencer_node_name(f, job->slot), job->life, fencer_kind_text(job->kind),
                   executor_outcome_text(result->outcome),
                   log_value(result->device, strlen(result->device)).text,
                   log_value(result->text, strlen(result->text)).text);
    f->done(f->context, job->owner, job->id, result);
}

static void fencer_refuse(struct fencer *f, const struct fencer_job *job, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fencer_refuse(struct fencer *f, const struct fencer_job *job, const char *format, ...)
{
    struct driver_result result = {.outcome = RUN_UNKNOWN};
    va_list ap;
    va_start(ap, format);
    vsnprintf(result.text, sizeof result.text, format, ap);
    va_end(ap);
    f->refusals++;
    fencer_tell(f, job, &result);
}

static void fencer_drop(struct fencer_job *job)
{
    DL_DELETE(job->fencer->jobs, job);
    job->fencer->job_count--;
    free(job);
}

static void fencer_ended(void *context, const struct driver_result *result)
{
    struct fencer_job *job = context;
    struct fencer *f = job->fencer;
    struct fencer_job ended = *job;
    if (job->kind == EXECUTOR_OFF && job->by_devices && result->outcome == RUN_OFF) {
        f->off[f->next_off] = (struct fencer_off){job->slot, job->life};
        f->next_off = (f->next_off + 1) % EFFECTS_RUNS_MAX;
    }
    fencer_drop(job);
    fencer_tell(f, &ended, result);
}

/* --- What is allowed --- */

static bool fencer_runs(const struct fencer *f, const struct fencer_job *made)
{
    const struct fencer_job *job;
    DL_FOREACH(f->jobs, job)
    if (job->kind == made->kind && memcmp(job->order.bytes, made->order.bytes, DIGEST_SIZE) == 0)
        return true;
    return false;
}

/* F4: see proto/gate.h. NULL, or which rule forbids it. */
static const char *fencer_check(const struct fencer *f, const struct executor_request *request,
                                struct fence_act *act)
{
    struct gate gate = {.self = f->identity->self,
                        .cluster = &f->config->cluster,
                        .roster = f->identity->roster,
                        .roster_digest = &f->identity->roster_digest};
    struct gate_request asked = {.slot = request->slot,
                                 .life = request->life,
                                 .action = request->action,
                                 .info = request->info,
                                 .cert = request->cert};
    return gate_check(&gate, &asked, act);
}

/* Whether it may be switched on: it was switched off here, which is then spent. */
static bool fencer_take_off(struct fencer *f, const struct executor_request *request)
{
    for (size_t i = 0; i < EFFECTS_RUNS_MAX; i++)
        if (f->off[i].life == request->life && f->off[i].slot == request->slot) {
            f->off[i] = (struct fencer_off){0};
            return true;
        }
    return false;
}

static const char *fencer_late(const struct executor_request *request)
{
    return gate_late(clock_now(), request->begin_by);
}

/* Durable before the driver starts: once, whatever becomes of this process. That takes a while, and
 * too long may be too late. NULL, or why not. */
static const char *fencer_note(struct fencer *f, const struct executor_request *request,
                               const struct fence_act *act)
{
    enum acts_verdict verdict = acts_look(acts_table(f->acts), act);
    if (verdict != ACTS_NEW)
        return acts_verdict_text(verdict);
    int error = acts_write(f->acts, act);
    return error ? "that it acts cannot be noted down durably (F9)" : fencer_late(request);
}

static void fencer_begin(struct fencer *f, const struct fencer_job *made,
                         const struct driver_order *order)
{
    struct fencer_job *job = malloc(sizeof *job);
    must(job);
    *job = *made;
    DL_APPEND(f->jobs, job);
    f->job_count++;
    f->runs++;
    log_event(LOG_LEVEL_WARNING, "executing",
              "node=%s life=%" PRIu64 " action=%s by=%s verb=%s rule=F9", order->target->name,
              job->life, order->action->name,
              order->action->exec ? log_value(order->action->exec, strlen(order->action->exec)).text
                                  : "devices",
              fencer_kind_text(job->kind));
    job->driver = driver_new(f->base, f->clock, order, fencer_ended, job);
    driver_begin(job->driver);
}

void fencer_run(struct fencer *f, uint64_t owner, const struct executor_request *request)
{
    char text[FENCE_TEXT_MAX + 1];
    struct fence_act act;
    struct fencer_job job = {.fencer = f,
                             .owner = owner,
                             .id = request->id,
                             .kind = request->kind,
                             .slot = request->slot,
                             .life = request->life};
    const char *why = fencer_check(f, request, &act);
    if (why) {
        fencer_refuse(f, &job, "refused: %s", why);
        return;
    }
    const char *name = roster_action_name(f->identity->roster, request->action);
    const struct config_action *action = name ? config_action_find(f->config, name) : NULL;
    if (!action) {
        fencer_refuse(f, &job, "action %s: this node's configuration has no script for it",
                      name ? name : "?");
        return;
    }
    job.by_devices = action->exec == NULL;
    job.order = act.order;
    struct driver_order run = {.kind = request->kind,
                               .action = action,
                               .devices = &f->config->devices,
                               .target = fencer_node(f, request->slot),
                               .life = request->life,
                               .order = act.order,
                               .info = request->info,
                               .end_by = request->end_by,
                               .transcript = f->transcript};
    if (!driver_usable(&run, text))
        fencer_refuse(f, &job, "%s", text);
    else if (fencer_runs(f, &job))
        fencer_refuse(f, &job, "action %s: under way already", name);
    else if (f->job_count >= EFFECTS_RUNS_MAX)
        fencer_refuse(f, &job, "action %s: too many drivers run on this node", name);
    else if ((why = fencer_late(request)) != NULL)
        fencer_refuse(f, &job, "refused: %s", why);
    else if (request->kind == EXECUTOR_ON && !fencer_take_off(f, request))
        fencer_refuse(f, &job, "refused: this executor did not switch that life off (F9)");
    else if (request->kind == EXECUTOR_OFF && (why = fencer_note(f, request, &act)) != NULL)
        fencer_refuse(f, &job, "refused: %s", why);
    else
        fencer_begin(f, &job, &run);
}

void fencer_forget(struct fencer *f, uint64_t owner)
{
    struct fencer_job *job, *next;
    DL_FOREACH_SAFE(f->jobs, job, next)
    {
        if (job->owner != owner)
            continue;
        transcript_say(f->transcript,
                       "orphaned node=%s life=%" PRIu64 " note=\"its driver is killed\"",
                       fencer_node_name(f, job->slot), job->life);
        driver_stop(job->driver);
        fencer_drop(job);
    }
}

void fencer_state(const struct fencer *f, struct executor_state *out)
{
    out->running = (uint32_t)f->job_count;
    out->acts = (uint32_t)acts_table(f->acts)->count;
    out->runs = f->runs;
    out->refusals = f->refusals;
}

/* --- Start and end --- */

/* What others may be able to carry out is no reason for this node not to start. */
static void fencer_warn(const struct fencer *f)
{
    const struct roster *roster = f->identity->roster;
    for (size_t i = 0; i < f->config->action_count; i++) {
        const struct config_action *action = &f->config->actions[i];
        if (action->exec && access(action->exec, X_OK) != 0)
            log_event(LOG_LEVEL_WARNING, "script-unusable",
                      "action=%s script=%s error=\"%s\" note=\"this node cannot carry it out\"",
                      action->name, log_value(action->exec, strlen(action->exec)).text,
                      strerror(errno));
    }
    for (uint8_t i = 1; f->identity->node->executes && i <= roster->action_count; i++) {
        const char *name = roster_action_name(roster, i);
        if (!config_action_find(f->config, name))
            log_event(LOG_LEVEL_WARNING, "script-missing",
                      "action=%s note=\"the roster lets this node execute it, but the "
                      "configuration has no section for it\"",
                      name);
    }
}

struct fencer *fencer_open(struct event_base *base, struct clock *clock,
                           const struct config *config, const struct identity *identity,
                           struct acts *acts, struct transcript *transcript, fencer_done done,
                           void *context)
{
    struct fencer *f = calloc(1, sizeof *f);
    must(f);
    *f = (struct fencer){.base = base,
                         .clock = clock,
                         .config = config,
                         .identity = identity,
                         .acts = acts,
                         .transcript = transcript,
                         .done = done,
                         .context = context};
    fencer_warn(f);
    return f;
}

void fencer_close(struct fencer *f)
{
    while (f->jobs) {
        driver_stop(f->jobs->driver);
        fencer_drop(f->jobs);
    }
    free(f);
}
