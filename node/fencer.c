/* The fencer: from a certificate to a script's outcome. */
#include "node/fencer.h"

#include <errno.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/wait.h>
#include <unistd.h>

#include <event2/event.h>
#include <utlist.h>

#include "node/log.h"
#include "node/watcher.h"
#include "proto/must.h"

#define FENCER_PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* How much later than the deadline a watcher may end: a second to see the group end, and some. */
#define FENCER_LATE SPAN_MS(3000)

enum {
    FENCER_STATUS_ON = 0,
    FENCER_STATUS_OFF = 2,
    FENCER_VARIABLE_SIZE = 256,
    FENCER_PATH_SIZE = 4096,
    FENCER_LINES_MAX = 20 /* of stderr in the log, for one verb */
};

struct fencer_job {
    struct fencer *fencer;
    struct run run;
    const struct config_action *action;
    pid_t pid; /* the watcher */
    int fd;    /* its report */
    int pidfd;
    struct event *event;
    struct alarm late;
    struct fencer_job *next, *prev;
};

struct fencer {
    struct event_base *base;
    struct clock *clock;
    const struct config *config;
    const struct identity *identity;
    fencer_done done;
    void *context;
    struct fencer_job *jobs;
};

static const char *fencer_node_name(const struct fencer *f, uint16_t slot)
{
    int index = roster_find(f->identity->roster, slot);
    return index < 0 ? "?" : f->identity->roster->nodes[index].name;
}

/* --- What came of it --- */

struct fencer_result {
    enum run_outcome outcome;
    char device[DEVICE_SIZE];
    char text[FENCE_TEXT_MAX + 1];
};

/* One printable line: the text is told to others, who have never seen the script. */
static void fencer_clean(char *text)
{
    for (char *c = text; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
}

static void fencer_tell(const struct fencer *f, const struct run *run, struct fencer_result *result)
{
    static const char *const outcomes[] = {
        [RUN_UNKNOWN] = "unknown", [RUN_OFF] = "off", [RUN_ON] = "on"};
    struct event event = {.kind = EVENT_EXECUTED};
    fencer_clean(result->text);
    log_event(result->outcome == RUN_OFF ? LOG_LEVEL_WARNING : LOG_LEVEL_ERROR, "executed",
              "node=%s life=%" PRIu64 " outcome=%s device=%s text=%s rule=F9",
              fencer_node_name(f, run->slot), run->life, outcomes[result->outcome],
              log_value(result->device, strlen(result->device)).text,
              log_value(result->text, strlen(result->text)).text);
    event.executed.slot = run->slot;
    event.executed.life = run->life;
    event.executed.scope = run->scope;
    event.executed.kind = run->kind;
    event.executed.outcome = result->outcome;
    memcpy(event.executed.device, result->device, sizeof event.executed.device);
    event.executed.text = (struct view){(const uint8_t *)result->text, strlen(result->text)};
    f->done(f->context, &event);
}

static void fencer_refuse(const struct fencer *f, const struct run *run, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

static void fencer_refuse(const struct fencer *f, const struct run *run, const char *format, ...)
{
    struct fencer_result result = {.outcome = RUN_UNKNOWN};
    va_list ap;
    va_start(ap, format);
    vsnprintf(result.text, sizeof result.text, format, ap);
    va_end(ap);
    fencer_tell(f, run, &result);
}

/* The first line of what was printed, without white space around it. */
static struct view fencer_line(const struct watcher_capture *capture)
{
    const char *from = capture->text, *end = from + capture->size;
    const char *line = memchr(from, '\n', capture->size);
    if (line)
        end = line;
    while (from < end && (*from == ' ' || *from == '\t'))
        from++;
    while (end > from && (end[-1] == ' ' || end[-1] == '\t' || end[-1] == '\r'))
        end--;
    return (struct view){(const uint8_t *)from, (size_t)(end - from)};
}

static void fencer_take_device(char device[DEVICE_SIZE], const struct watcher_capture *out)
{
    struct view line = fencer_line(out);
    memset(device, 0, DEVICE_SIZE);
    if (line.size >= DEVICE_SIZE)
        return; /* cut it would be another's */
    memcpy(device, line.bytes, line.size);
    if (!roster_device_valid(device))
        memset(device, 0, DEVICE_SIZE);
}

/* "off: exit 1: the first line that it printed to stderr". */
static void fencer_say_ended(struct fencer_result *result, const char *verb,
                             const struct watcher_step *step)
{
    struct view why = fencer_line(&step->err);
    bool killed = WIFSIGNALED(step->status);
    snprintf(result->text, sizeof result->text, "%s: %s %d%s%.*s", verb, killed ? "signal" : "exit",
             killed ? WTERMSIG(step->status) : WEXITSTATUS(step->status), why.size ? ": " : "",
             (int)why.size, (const char *)why.bytes);
}

static void fencer_judge_status(struct fencer_result *result, const struct watcher_step *step,
                                bool after_off)
{
    int code = WIFEXITED(step->status) ? WEXITSTATUS(step->status) : -1;
    fencer_take_device(result->device, &step->out);
    if (code == FENCER_STATUS_OFF) {
        result->outcome = RUN_OFF;
        snprintf(result->text, sizeof result->text, "%sstatus: off",
                 after_off ? "off: done; " : "");
    } else if (code == FENCER_STATUS_ON) {
        result->outcome = RUN_ON;
        snprintf(result->text, sizeof result->text, "%sstatus: on", after_off ? "off: done; " : "");
    } else {
        fencer_say_ended(result, "status", step);
    }
}

static size_t fencer_verbs(const char *out[WATCHER_VERBS_MAX], enum run_kind kind)
{
    size_t count = 0;
    if (kind == RUN_OFF_STATUS)
        out[count++] = "off";
    out[count++] = "status";
    return count;
}

/* What it complained of, a line at a time; never taken apart further. */
static void fencer_log_stderr(const struct fencer_job *job, const char *verb,
                              const struct watcher_capture *err)
{
    size_t at = 0;
    for (int lines = 0; at < err->size && lines < FENCER_LINES_MAX; lines++) {
        const char *line = err->text + at;
        const char *end = memchr(line, '\n', err->size - at);
        size_t size = end ? (size_t)(end - line) : err->size - at;
        log_event(LOG_LEVEL_INFO, "script-said", "action=%s verb=%s stderr=%s", job->action->name,
                  verb, log_value(line, size).text);
        at += size + 1;
    }
}

static void fencer_judge(const struct fencer_job *job, const struct watcher_report *report,
                         struct fencer_result *result)
{
    const char *verbs[WATCHER_VERBS_MAX];
    size_t count = fencer_verbs(verbs, job->run.kind);
    size_t done = report->step_count;
    *result = (struct fencer_result){.outcome = RUN_UNKNOWN};
    if (report->timed_out)
        snprintf(result->text, sizeof result->text, "%s: timed out after %" PRId64 " s",
                 verbs[done], job->action->deadline.ns / 1000000000);
    else if (report->error)
        snprintf(result->text, sizeof result->text, "%s: cannot be started: %s", verbs[done],
                 strerror(report->error));
    else if (done == count)
        fencer_judge_status(result, &report->steps[done - 1], count > 1);
    else
        fencer_say_ended(result, verbs[done - 1], &report->steps[done - 1]);
    for (size_t i = 0; i < count && i <= done; i++)
        fencer_log_stderr(job, verbs[i], &report->steps[i].err);
}

/* --- The watcher's end --- */

static void fencer_free_job(struct fencer_job *job)
{
    DL_DELETE(job->fencer->jobs, job);
    clock_clear(job->fencer->clock, &job->late);
    if (job->event)
        event_free(job->event);
    if (job->pidfd >= 0)
        close(job->pidfd);
    close(job->fd);
    free(job);
}

static void fencer_ended(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct fencer_job *job = context;
    struct fencer *f = job->fencer;
    struct watcher_report report;
    struct fencer_result result;
    const struct run run = job->run;
    bool reported = watcher_read(job->fd, &report);
    (void)waitpid(job->pid, NULL, WNOHANG); /* its pidfd is readable, so it has ended */
    if (reported)
        fencer_judge(job, &report, &result);
    fencer_free_job(job);
    if (reported)
        fencer_tell(f, &run, &result);
    else
        fencer_refuse(f, &run, "the process that watches the script ended without a report");
}

/* A watcher that does not end is stuck or stopped itself; its script dies with it. */
static void fencer_late(void *context)
{
    const struct fencer_job *job = context;
    (void)pidfd_send_signal(job->pidfd, SIGKILL, NULL, 0);
}

/* --- Starting --- */

static const struct config_action *fencer_action(const struct fencer *f, const char *name)
{
    for (size_t i = 0; i < f->config->action_count; i++)
        if (strcmp(f->config->actions[i].name, name) == 0)
            return &f->config->actions[i];
    return NULL;
}

static bool fencer_same_run(const struct run *a, const struct run *b)
{
    return a->slot == b->slot && a->life == b->life && a->kind == b->kind &&
           scope_equal(&a->scope, &b->scope);
}

/* F4: nobody is believed but the jurors' signatures. NULL, or which rule forbids it. */
static const char *fencer_check(const struct fencer *f, const struct run *run, struct view bytes)
{
    struct order_cert cert;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (run->slot == f->identity->self)
        return "an executor never acts on its own node (F9)";
    if (run->action == ACTION_RETIRE)
        return "the action retire touches no machine (F6)";
    if (!order_cert_decode(&cert, &r) || !reader_done(&r))
        return order_verdict_text(ORDER_MALFORMED);
    struct digest order = order_digest(&cert.order);
    if (cert.order.slot != run->slot || cert.order.life != run->life ||
        !scope_equal(&cert.order.scope, &run->scope) ||
        memcmp(order.bytes, run->order.bytes, DIGEST_SIZE) != 0)
        return "the certificate is about another node, life or order (F4)";
    enum order_verdict verdict =
        order_cert_verify(&cert, run->action, &f->config->cluster, f->identity->roster,
                          &f->identity->roster_digest, NULL);
    return verdict == ORDER_OK ? NULL : order_verdict_text(verdict);
}

enum { FENCER_VARIABLES = 6 };

struct fencer_environment {
    char path[FENCER_PATH_SIZE];
    char text[FENCER_VARIABLES - 1][FENCER_VARIABLE_SIZE];
    char *list[FENCER_VARIABLES + 1];
};

static void fencer_fill(struct fencer_environment *out, const struct fencer *f,
                        const struct run *run)
{
    char order[2 * DIGEST_SIZE + 1];
    const char *path = getenv("PATH");
    if (!path || strlen(path) + sizeof "PATH=" > sizeof out->path)
        path = FENCER_PATH_DEFAULT;
    hex_encode(order, run->order.bytes, DIGEST_SIZE);
    snprintf(out->path, sizeof out->path, "PATH=%s", path);
    snprintf(out->text[0], sizeof out->text[0], "HOLDFAST_NODE=%s", fencer_node_name(f, run->slot));
    snprintf(out->text[1], sizeof out->text[1], "HOLDFAST_SLOT=%u", run->slot);
    snprintf(out->text[2], sizeof out->text[2], "HOLDFAST_LIFE=%" PRIu64, run->life);
    snprintf(out->text[3], sizeof out->text[3], "HOLDFAST_ORDER=%s", order);
    snprintf(out->text[4], sizeof out->text[4], "HOLDFAST_INFO=%.*s", (int)run->scope.info_size,
             (const char *)run->scope.info);
    out->list[0] = out->path;
    for (int i = 1; i < FENCER_VARIABLES; i++)
        out->list[i] = out->text[i - 1];
    out->list[FENCER_VARIABLES] = NULL;
}

/* 0, or errno. */
static int fencer_start(struct fencer_job *job)
{
    struct fencer *f = job->fencer;
    struct fencer_environment environment;
    fencer_fill(&environment, f, &job->run);
    struct watcher_order order = {.script = job->action->exec,
                                  .environment = environment.list,
                                  .deadline = job->action->deadline};
    order.verb_count = fencer_verbs(order.verbs, job->run.kind);
    int error = watcher_start(&order, &job->pid, &job->fd);
    if (error)
        return error;
    job->pidfd = pidfd_open(job->pid, 0);
    error = job->pidfd < 0 ? errno : 0;
    if (!error)
        job->event = event_new(f->base, job->pidfd, EV_READ, fencer_ended, job);
    if (job->event && event_add(job->event, NULL) == 0)
        return 0;
    /* Nobody would hear of it: so it must not go on. Its script dies with it. */
    kill(job->pid, SIGKILL);
    (void)waitpid(job->pid, NULL, 0);
    return error ? error : ENOMEM;
}

static void fencer_begin(struct fencer *f, const struct run *run,
                         const struct config_action *action)
{
    struct fencer_job *job = calloc(1, sizeof *job);
    must(job);
    *job = (struct fencer_job){
        .fencer = f, .run = *run, .action = action, .pid = -1, .fd = -1, .pidfd = -1};
    job->late = (struct alarm){.ring = fencer_late, .context = job};
    DL_APPEND(f->jobs, job);
    log_event(LOG_LEVEL_WARNING, "executing",
              "node=%s life=%" PRIu64 " action=%s script=%s verb=%s rule=F9",
              fencer_node_name(f, run->slot), run->life, action->name,
              log_value(action->exec, strlen(action->exec)).text,
              run->kind == RUN_OFF_STATUS ? "off,status" : "status");
    int error = fencer_start(job);
    if (error) {
        fencer_free_job(job);
        fencer_refuse(f, run, "action %s: cannot be started: %s", action->name, strerror(error));
        return;
    }
    struct instant late = instant_after(clock_now(), action->deadline);
    clock_set(f->clock, &job->late, instant_after(late, FENCER_LATE));
}

void fencer_run(struct fencer *f, const struct run *run, struct view cert)
{
    const struct fencer_job *job;
    const char *why = fencer_check(f, run, cert);
    if (why) {
        fencer_refuse(f, run, "refused: %s", why);
        return;
    }
    DL_FOREACH(f->jobs, job)
    if (fencer_same_run(&job->run, run))
        return; /* its outcome is this one's too */
    const char *name = roster_action_name(f->identity->roster, run->action);
    const struct config_action *action = name ? fencer_action(f, name) : NULL;
    if (!action)
        fencer_refuse(f, run, "action %s: this node's configuration has no script for it",
                      name ? name : "?");
    else if (access(action->exec, X_OK) != 0)
        fencer_refuse(f, run, "action %s: %s: %s", action->name, action->exec, strerror(errno));
    else if (fencer_count(f) >= EFFECTS_RUNS_MAX)
        fencer_refuse(f, run, "action %s: too many scripts run on this node", action->name);
    else
        fencer_begin(f, run, action);
}

/* --- Start and end --- */

/* What others may be able to carry out is no reason for this node not to start. */
static void fencer_warn(const struct fencer *f)
{
    const struct roster *roster = f->identity->roster;
    for (size_t i = 0; i < f->config->action_count; i++) {
        const struct config_action *action = &f->config->actions[i];
        if (access(action->exec, X_OK) != 0)
            log_event(LOG_LEVEL_WARNING, "script-unusable",
                      "action=%s script=%s error=\"%s\" note=\"this node cannot carry it out\"",
                      action->name, log_value(action->exec, strlen(action->exec)).text,
                      strerror(errno));
    }
    for (uint8_t i = 1; f->identity->node->executes && i <= roster->action_count; i++) {
        const char *name = roster_action_name(roster, i);
        if (!fencer_action(f, name))
            log_event(LOG_LEVEL_WARNING, "script-missing",
                      "action=%s note=\"the roster lets this node execute it, but the "
                      "configuration has no section for it\"",
                      name);
    }
}

struct fencer *fencer_open(struct event_base *base, struct clock *clock,
                           const struct config *config, const struct identity *identity,
                           fencer_done done, void *context)
{
    struct fencer *f = calloc(1, sizeof *f);
    must(f);
    *f = (struct fencer){base, clock, config, identity, done, context, NULL};
    fencer_warn(f);
    return f;
}

void fencer_close(struct fencer *f)
{
    /* The watchers see their sockets close, kill their scripts and end; the kernel hands them on.
     */
    while (f->jobs)
        fencer_free_job(f->jobs);
    free(f);
}

struct span fencer_longest(const struct config *config)
{
    struct span longest = {0};
    for (size_t i = 0; i < config->action_count; i++)
        if (config->actions[i].deadline.ns > longest.ns)
            longest = config->actions[i].deadline;
    return (struct span){longest.ns + FENCER_LATE.ns};
}

size_t fencer_count(const struct fencer *f)
{
    size_t count = 0;
    const struct fencer_job *job;
    DL_FOREACH(f->jobs, job)
    count++;
    return count;
}
