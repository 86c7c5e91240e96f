/* A driver at work: see driver.h. */
#include "node/driver.h"

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
#include <sodium.h>

#include "node/device.h"
#include "node/log.h"
#include "node/watcher.h"
#include "proto/must.h"

#define DRIVER_PATH_DEFAULT "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
/* How much later than the deadline a watcher may end: a second to see the group end, and some. */
#define DRIVER_LATE SPAN_MS(2000)

enum {
    DRIVER_STATUS_ON = 0,
    DRIVER_STATUS_OFF = 2,
    DRIVER_VARIABLES = 6,
    DRIVER_VARIABLE_SIZE = 64 + EXECUTOR_INFO_MAX,
    DRIVER_PATH_SIZE = 4096,
    DRIVER_LINES_MAX = 20, /* of each stream in the transcript, for one verb */
    DRIVER_SAID_MAX = 4096
};

enum driver_verb { DRIVER_IDENTITY, DRIVER_OFF, DRIVER_STATUS, DRIVER_ON };
static const char *const driver_verbs[] = {"identity", "off", "status", "on"};

struct driver {
    struct event_base *base;
    struct clock *clock;
    struct driver_order order;
    uint8_t info[EXECUTOR_INFO_MAX];
    driver_done done;
    void *context;
    const struct config_device *device; /* at work; NULL: the script is */
    size_t next_device;
    enum driver_verb verb;
    struct instant deadline; /* of the script, or of this device */
    struct secrets secrets;  /* of this device */
    struct driver_result result;
    pid_t pid; /* the watcher; 0: none */
    int fd;    /* its report */
    int pidfd;
    struct event *event;
    struct alarm late;
};

/* --- What it is called with --- */

struct driver_environment {
    char path[DRIVER_PATH_SIZE];
    char text[DRIVER_VARIABLES - 1][DRIVER_VARIABLE_SIZE];
    char *list[DRIVER_VARIABLES + 2];
};

static void driver_fill(struct driver_environment *out, const struct driver_order *o, char *extra)
{
    char order[2 * DIGEST_SIZE + 1];
    const char *path = getenv("PATH");
    if (!path || strlen(path) + sizeof "PATH=" > sizeof out->path)
        path = DRIVER_PATH_DEFAULT;
    hex_encode(order, o->order.bytes, DIGEST_SIZE);
    snprintf(out->path, sizeof out->path, "PATH=%s", path);
    snprintf(out->text[0], DRIVER_VARIABLE_SIZE, "HOLDFAST_NODE=%s", o->target->name);
    snprintf(out->text[1], DRIVER_VARIABLE_SIZE, "HOLDFAST_SLOT=%u", o->target->slot);
    snprintf(out->text[2], DRIVER_VARIABLE_SIZE, "HOLDFAST_LIFE=%" PRIu64, o->life);
    snprintf(out->text[3], DRIVER_VARIABLE_SIZE, "HOLDFAST_ORDER=%s", order);
    snprintf(out->text[4], DRIVER_VARIABLE_SIZE, "HOLDFAST_INFO=%.*s", (int)o->info.size,
             (const char *)o->info.bytes);
    out->list[0] = out->path;
    for (int i = 1; i < DRIVER_VARIABLES; i++)
        out->list[i] = out->text[i - 1];
    out->list[DRIVER_VARIABLES] = extra;
    out->list[DRIVER_VARIABLES + 1] = NULL;
}

/* --- What it said --- */

/* One printable line: the text is told to others, who have never seen the driver. */
static void driver_clean(char *text)
{
    for (char *c = text; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
}

/* The first line of what was printed, without white space around it. */
static struct view driver_line(const struct watcher_capture *capture)
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

static const char *driver_name(const struct driver *d)
{
    return d->device ? d->device->name : d->order.action->name;
}

static void driver_keep(const struct driver *d, const char *stream,
                        const struct watcher_capture *said)
{
    size_t size = said->size < DRIVER_SAID_MAX ? said->size : DRIVER_SAID_MAX, at = 0;
    for (int lines = 0; at < size && lines < DRIVER_LINES_MAX; lines++) {
        const char *line = said->text + at;
        const char *end = memchr(line, '\n', size - at);
        size_t bytes = end ? (size_t)(end - line) : size - at;
        transcript_say(d->order.transcript, "driver=%s node=%s life=%" PRIu64 " verb=%s %s=%s",
                       driver_name(d), d->order.target->name, d->order.life, driver_verbs[d->verb],
                       stream, log_value(line, bytes).text);
        at += bytes + 1;
    }
}

static void driver_take_identity(struct driver *d, const struct watcher_capture *out)
{
    struct view line = driver_line(out);
    char *device = d->result.device;
    memset(device, 0, DEVICE_SIZE);
    if (line.size >= DEVICE_SIZE)
        return; /* cut it would be another's */
    memcpy(device, line.bytes, line.size);
    if (!roster_device_valid(device))
        memset(device, 0, DEVICE_SIZE);
}

/* "hv1-bmc: off: exit 1: why". */
static void driver_why(struct driver *d, const char *format, ...)
    __attribute__((format(printf, 2, 3)));

static void driver_why(struct driver *d, const char *format, ...)
{
    char *text = d->result.text;
    size_t room = sizeof d->result.text;
    int at = snprintf(text, room, "%s%s%s: ", d->device ? d->device->name : "",
                      d->device ? ": " : "", driver_verbs[d->verb]);
    va_list ap;
    va_start(ap, format);
    if (at > 0 && (size_t)at < room) /* a name is shorter */
        vsnprintf(text + at, room - (size_t)at, format, ap);
    va_end(ap);
    driver_clean(d->result.text);
}

static void driver_say_ended(struct driver *d, const struct watcher_report *report)
{
    struct view why = driver_line(&report->err);
    bool killed = WIFSIGNALED(report->status);
    driver_why(d, "%s %d%s%.*s", killed ? "signal" : "exit",
               killed ? WTERMSIG(report->status) : WEXITSTATUS(report->status),
               why.size ? ": " : "", (int)(why.size < FENCE_TEXT_MAX ? why.size : FENCE_TEXT_MAX),
               (const char *)why.bytes);
}

static struct span driver_span(const struct driver *d)
{
    if (d->device && d->order.limit.ns > 0)
        return d->order.limit;
    return d->device ? config_device_deadline(d->device) : d->order.action->deadline;
}

/* From now on, but never longer than the jurors keep the target's next life waiting (F9). */
static void driver_set_deadline(struct driver *d)
{
    d->deadline = instant_earlier(instant_after(clock_now(), driver_span(d)), d->order.end_by);
}

static void driver_timed_out(struct driver *d)
{
    if (d->deadline.ns == d->order.end_by.ns)
        driver_why(d, "timed out: the time that was asked for it is over (F9)");
    else
        driver_why(d, "timed out after %" PRId64 " s", driver_span(d).ns / 1000000000);
}

/* --- Steps --- */

static void driver_go(struct driver *d);

static void driver_free(struct driver *d)
{
    clock_clear(d->clock, &d->late);
    if (d->event)
        event_free(d->event);
    if (d->pidfd >= 0)
        close(d->pidfd);
    if (d->fd >= 0)
        close(d->fd);
    secrets_wipe(&d->secrets);
    free(d);
}

void driver_stop(struct driver *d)
{
    driver_free(d); /* the watcher sees its socket close, kills the driver and ends */
}

static void driver_finish(struct driver *d)
{
    struct driver_result result = d->result;
    driver_done done = d->done;
    void *context = d->context;
    driver_free(d);
    done(context, &result);
}

/* The first thing to do with a device, or with the script. */
static enum driver_verb driver_first(const struct driver *d)
{
    if (d->device && d->device->identity == CONFIG_IDENTITY_IPMI_GUID)
        return DRIVER_IDENTITY;
    switch (d->order.kind) {
    case EXECUTOR_OFF:
        return DRIVER_OFF;
    case EXECUTOR_STATUS:
        return DRIVER_STATUS;
    case EXECUTOR_ON:
        return DRIVER_ON;
    }
    return DRIVER_STATUS;
}

/* The next device of this node; false if there is none. */
static bool driver_next_device(struct driver *d)
{
    const struct config_devices *devices = d->order.devices;
    while (d->next_device < devices->count) {
        const struct config_device *device = &devices->list[d->next_device++];
        if (strcmp(device->node, d->order.target->name) != 0 ||
            (d->order.kind == EXECUTOR_ON && !device->power_on))
            continue;
        d->device = device;
        d->verb = driver_first(d);
        driver_set_deadline(d);
        return true;
    }
    return false;
}

/* Nothing is known by this device, or by the script: on to the next device. False: there is none,
 * and it is over. */
static bool driver_next(struct driver *d)
{
    d->result.outcome = RUN_UNKNOWN;
    if (d->device)
        transcript_say(d->order.transcript, "driver=%s node=%s life=%" PRIu64 " failed=%s",
                       d->device->name, d->order.target->name, d->order.life,
                       log_value(d->result.text, strlen(d->result.text)).text);
    if (!d->order.action->exec && driver_next_device(d))
        return true;
    driver_finish(d);
    return false;
}

static void driver_give_up(struct driver *d)
{
    if (driver_next(d))
        driver_go(d);
}

static void driver_go_on(struct driver *d, enum driver_verb verb)
{
    d->verb = verb;
    driver_go(d);
}

static void driver_judge_status(struct driver *d, const struct watcher_report *report)
{
    int code = WIFEXITED(report->status) ? WEXITSTATUS(report->status) : -1;
    const char *before = d->order.kind == EXECUTOR_OFF ? "off: done; " : "";
    if (!d->device)
        driver_take_identity(d, &report->out);
    if (code != DRIVER_STATUS_OFF && code != DRIVER_STATUS_ON) {
        driver_say_ended(d, report);
        driver_give_up(d);
        return;
    }
    d->result.outcome = code == DRIVER_STATUS_OFF ? RUN_OFF : RUN_ON;
    snprintf(d->result.text, sizeof d->result.text, "%s%s%sstatus: %s",
             d->device ? d->device->name : "", d->device ? ": " : "", before,
             code == DRIVER_STATUS_OFF ? "off" : "on");
    /* It lies, or somebody else switched it on: another device may do better. */
    if (d->device && d->order.kind == EXECUTOR_OFF && d->result.outcome == RUN_ON)
        driver_give_up(d);
    else
        driver_finish(d);
}

/* F6b, before anything is switched off: the device is the one that the roster names. */
static void driver_judge_identity(struct driver *d, const struct watcher_report *report)
{
    char guid[DEVICE_SIZE] = {0};
    const char *wanted = d->device->fixed[0] ? d->device->fixed : d->order.target->device;
    if (WIFEXITED(report->status) && WEXITSTATUS(report->status) == 0)
        device_guid(guid, report->out.text, report->out.size);
    if (!guid[0]) {
        driver_say_ended(d, report);
        driver_give_up(d);
    } else if (strcmp(guid, wanted) != 0) {
        driver_why(d, "%s is not the device that the roster names: that is %s (F6b)", guid, wanted);
        driver_give_up(d);
    } else {
        memcpy(d->result.device, d->order.target->device, DEVICE_SIZE);
        driver_go_on(d, d->order.kind == EXECUTOR_OFF      ? DRIVER_OFF
                        : d->order.kind == EXECUTOR_STATUS ? DRIVER_STATUS
                                                           : DRIVER_ON);
    }
}

static void driver_judge_done(struct driver *d, const struct watcher_report *report)
{
    bool good = WIFEXITED(report->status) && WEXITSTATUS(report->status) == 0;
    if (!good) {
        driver_say_ended(d, report);
        driver_give_up(d);
    } else if (d->verb == DRIVER_OFF) {
        driver_go_on(d, DRIVER_STATUS);
    } else {
        driver_why(d, "done");
        d->result.outcome = RUN_ON;
        driver_finish(d);
    }
}

static void driver_judge(struct driver *d, const struct watcher_report *report)
{
    driver_keep(d, "stdout", &report->out);
    driver_keep(d, "stderr", &report->err);
    if (report->timed_out) {
        driver_timed_out(d);
        driver_give_up(d);
    } else if (report->error) {
        driver_why(d, "cannot be started: %s", strerror(report->error));
        driver_give_up(d);
    } else if (d->verb == DRIVER_IDENTITY) {
        driver_judge_identity(d, report);
    } else if (d->verb == DRIVER_STATUS) {
        driver_judge_status(d, report);
    } else {
        driver_judge_done(d, report);
    }
}

/* --- The watcher's end --- */

static void driver_ended(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct driver *d = context;
    struct watcher_report report;
    bool reported = watcher_read(d->fd, &report);
    (void)waitpid(d->pid, NULL, WNOHANG); /* its pidfd is readable, so it has ended */
    clock_clear(d->clock, &d->late);
    event_free(d->event);
    d->event = NULL;
    close(d->pidfd);
    close(d->fd);
    d->pidfd = d->fd = -1;
    if (!reported) {
        driver_why(d, "the process that watches the driver ended without a report");
        driver_give_up(d);
        return;
    }
    report.out.size = (uint32_t)secrets_mask(&d->secrets, report.out.text, report.out.size);
    report.err.size = (uint32_t)secrets_mask(&d->secrets, report.err.text, report.err.size);
    driver_judge(d, &report);
}

/* A watcher that does not end is stuck or stopped itself; its driver dies with it. */
static void driver_late(void *context)
{
    const struct driver *d = context;
    (void)pidfd_send_signal(d->pidfd, SIGKILL, NULL, 0);
}

/* 0, or errno. */
static int driver_watch(struct driver *d, const struct watcher_order *order)
{
    while (waitpid(-1, NULL, WNOHANG) > 0)
        ; /* of those that were stopped nobody else hears the end; all children are watchers */
    int error = watcher_start(order, &d->pid, &d->fd);
    if (error)
        return error;
    d->pidfd = pidfd_open(d->pid, 0);
    error = d->pidfd < 0 ? errno : 0;
    if (!error)
        d->event = event_new(d->base, d->pidfd, EV_READ, driver_ended, d);
    if (d->event && event_add(d->event, NULL) == 0) {
        clock_set(d->clock, &d->late, instant_after(d->deadline, DRIVER_LATE));
        return 0;
    }
    /* Nobody would hear of it: so it must not go on. Its driver dies with it. */
    kill(d->pid, SIGKILL);
    (void)waitpid(d->pid, NULL, 0);
    if (d->event)
        event_free(d->event);
    if (d->pidfd >= 0)
        close(d->pidfd);
    close(d->fd);
    d->event = NULL;
    d->pidfd = d->fd = -1;
    return error ? error : ENOMEM;
}

static int driver_start_script(struct driver *d)
{
    struct driver_environment environment;
    char *const argv[] = {d->order.action->exec, (char *)(uintptr_t)driver_verbs[d->verb], NULL};
    driver_fill(&environment, &d->order, NULL);
    struct watcher_order order = {
        .argv = argv, .environment = environment.list, .deadline = d->deadline};
    return driver_watch(d, &order);
}

/* 0, or errno; or -1 with the reason in the result. */
static int driver_start_query(struct driver *d)
{
    struct driver_environment environment;
    struct device_query query;
    char why[DEVICE_TEXT_SIZE];
    if (!device_query(&query, d->device, &d->secrets, why)) {
        driver_why(d, "%s", why);
        return -1;
    }
    driver_fill(&environment, &d->order, query.password);
    struct watcher_order order = {
        .argv = query.argv, .environment = environment.list, .deadline = d->deadline};
    int error = driver_watch(d, &order);
    sodium_memzero(&query, sizeof query);
    return error;
}

/* The same. */
static int driver_start_agent(struct driver *d)
{
    struct driver_environment environment;
    char input[WATCHER_INPUT_MAX];
    char *const argv[] = {d->device->agent, NULL};
    driver_fill(&environment, &d->order, NULL);
    struct watcher_order order = {
        .argv = argv,
        .environment = environment.list,
        .deadline = d->deadline,
        .input = input,
        .input_size = device_input(input, d->device, &d->secrets, driver_verbs[d->verb])};
    int error = order.input_size ? driver_watch(d, &order) : -1;
    if (!order.input_size)
        driver_why(d, "its options and secrets are too long");
    sodium_memzero(input, sizeof input);
    return error;
}

static int driver_start_device(struct driver *d)
{
    char why[SECRETS_WHY_SIZE];
    secrets_wipe(&d->secrets);
    if (d->device->identity == CONFIG_IDENTITY_FIXED)
        memcpy(d->result.device, d->device->fixed, DEVICE_SIZE);
    if (d->device->secrets && !secrets_load(&d->secrets, d->device->secrets, why)) {
        driver_why(d, "%s", why);
        return -1;
    }
    return d->verb == DRIVER_IDENTITY ? driver_start_query(d) : driver_start_agent(d);
}

/* Starts the next step. False, with the reason in the result, if it cannot be started. */
static bool driver_step(struct driver *d)
{
    if (instant_reached(clock_now(), d->deadline)) {
        driver_timed_out(d);
        return false;
    }
    int error = d->device ? driver_start_device(d) : driver_start_script(d);
    if (error > 0)
        driver_why(d, "cannot be started: %s", strerror(error));
    return error == 0;
}

/* Until a step is started, or it is over. */
static void driver_go(struct driver *d)
{
    while (!driver_step(d))
        if (!driver_next(d))
            return;
}

/* --- Start --- */

bool driver_usable(const struct driver_order *o, char why[FENCE_TEXT_MAX + 1])
{
    bool any = false;
    if (o->action->exec && access(o->action->exec, X_OK) == 0)
        return true;
    for (size_t i = 0; !o->action->exec && i < o->devices->count; i++)
        any = any || strcmp(o->devices->list[i].node, o->target->name) == 0;
    if (any)
        return true;
    if (o->action->exec)
        snprintf(why, FENCE_TEXT_MAX + 1, "action %s: %s: %s", o->action->name, o->action->exec,
                 strerror(errno));
    else
        snprintf(why, FENCE_TEXT_MAX + 1, "action %s: the configuration has no device of node %s",
                 o->action->name, o->target->name);
    driver_clean(why);
    return false;
}

struct driver *driver_new(struct event_base *base, struct clock *clock,
                          const struct driver_order *order, driver_done done, void *context)
{
    struct driver *d = calloc(1, sizeof *d);
    must(d && order->info.size <= sizeof d->info);
    *d = (struct driver){.base = base,
                         .clock = clock,
                         .order = *order,
                         .done = done,
                         .context = context,
                         .fd = -1,
                         .pidfd = -1,
                         .late = {.ring = driver_late, .context = d}};
    if (order->info.size)
        memcpy(d->info, order->info.bytes, order->info.size);
    d->order.info.bytes = d->info;
    d->result.outcome = RUN_UNKNOWN;
    return d;
}

void driver_begin(struct driver *d)
{
    d->verb = driver_first(d);
    driver_set_deadline(d);
    if (d->order.action->exec || driver_next_device(d)) {
        driver_go(d);
        return;
    }
    driver_why(d, "no device of this node does it");
    driver_finish(d);
}
