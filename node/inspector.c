/* What the executor could use: see inspector.h. */
#include "node/inspector.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <event2/event.h>

#include "node/log.h"
#include "proto/must.h"

/* Beside twice the login, for the identity and for the status: the agent's own start. */
#define INSPECTOR_MARGIN SPAN_MS(5000)

static const struct config_action inspector_by_devices = {.name = "inspection"};

struct inspector_device {
    struct inspector *inspector;
    struct config_devices one; /* the device alone, as the driver takes it */
    struct driver *driver;     /* NULL: it is not being asked */
    struct driver_result result;
    struct instant at; /* when it was asked */
};

struct inspector_waiter {
    uint64_t owner; /* 0: none */
    uint64_t id;
    uint32_t index;
};

struct inspector {
    struct event_base *base;
    struct clock *clock;
    const struct config *config;
    const struct identity *identity;
    inspector_done done;
    void *context;
    struct inspector_device *devices; /* as many as the configuration has */
    size_t next;                      /* that has not been asked in this go */
    size_t running;
    bool looks;     /* a go is under way */
    bool beginning; /* within inspector_go_on: a driver that ends at once does not come back */
    struct instant looked; /* when the last whole one began; ns 0: there was none */
    struct alarm late;
    struct inspector_waiter waiters[INSPECTOR_WAITERS_MAX];
};

/* --- Answers --- */

static uint32_t inspector_count(const struct inspector *i)
{
    return (uint32_t)(i->identity->roster->action_count + i->config->devices.count);
}

static void inspector_name(struct executor_part *part, const char *name)
{
    snprintf(part->name, sizeof part->name, "%s", name);
    for (char *c = part->name; *c; c++)
        if (*c < 0x20 || *c > 0x7e)
            *c = '?';
}

static void inspector_tell_action(const struct inspector *i, struct executor_answer *answer,
                                  uint8_t index)
{
    struct executor_part *part = &answer->part;
    const char *name = roster_action_name(i->identity->roster, (uint8_t)(index + 1));
    const struct config_action *action = config_action_find(i->config, name);
    inspector_name(part, name);
    part->kind = !action        ? EXECUTOR_PART_MISSING
                 : action->exec ? EXECUTOR_PART_SCRIPT
                                : EXECUTOR_PART_DEVICES;
    part->good = action && (!action->exec || access(action->exec, X_OK) == 0);
    if (!action)
        snprintf(answer->text, sizeof answer->text, "its configuration has no section for it");
    else if (!part->good)
        snprintf(answer->text, sizeof answer->text, "%s", strerror(errno));
}

/* F6b: it is the device that the roster names, and said how its machine is. */
static void inspector_tell_device(const struct inspector *i, struct executor_answer *answer,
                                  size_t index, struct instant now)
{
    const struct inspector_device *d = &i->devices[index];
    const struct roster *roster = i->identity->roster;
    int node = roster_find_name(roster, d->one.list->node);
    answer->part.kind = EXECUTOR_PART_DEVICE;
    inspector_name(&answer->part, d->one.list->name);
    answer->outcome = d->result.outcome;
    memcpy(answer->device, d->result.device, sizeof answer->device);
    memcpy(answer->text, d->result.text, sizeof answer->text);
    if (node < 0) /* it is checked before the executor starts */
        return;
    answer->part.slot = roster->nodes[node].slot;
    answer->part.good = d->result.outcome != RUN_UNKNOWN &&
                        strcmp(d->result.device, roster->nodes[node].device) == 0;
    int64_t age = span_between(d->at, now).ns / 1000000;
    answer->part.age_ms = age < UINT32_MAX ? (uint32_t)age : UINT32_MAX;
}

static void inspector_tell(struct inspector *i, uint64_t owner, uint64_t id, uint32_t index)
{
    uint32_t count = inspector_count(i), actions = i->identity->roster->action_count;
    struct executor_answer answer = {.type = EXECUTOR_PART,
                                     .id = id,
                                     .outcome = RUN_UNKNOWN,
                                     .part = {.count = count, .slot = SLOT_NONE}};
    if (index < actions)
        inspector_tell_action(i, &answer, (uint8_t)index);
    else if (index < count)
        inspector_tell_device(i, &answer, index - actions, clock_now());
    i->done(i->context, owner, &answer);
}

/* The go is over: whoever waited hears. An answer may make its owner forgotten. */
static void inspector_end(struct inspector *i)
{
    i->looks = false;
    clock_clear(i->clock, &i->late);
    for (size_t w = 0; w < INSPECTOR_WAITERS_MAX; w++) {
        struct inspector_waiter waiter = i->waiters[w];
        i->waiters[w] = (struct inspector_waiter){0};
        if (waiter.owner)
            inspector_tell(i, waiter.owner, waiter.id, waiter.index);
    }
}

/* --- Devices --- */

static void inspector_go_on(struct inspector *i);

static void inspector_device_done(void *context, const struct driver_result *result)
{
    struct inspector_device *d = context;
    struct inspector *i = d->inspector;
    d->result = *result;
    d->driver = NULL;
    i->running--;
    inspector_go_on(i);
}

static void inspector_begin(struct inspector_device *d)
{
    const struct inspector *i = d->inspector;
    int node = roster_find_name(i->identity->roster, d->one.list->node);
    must(node >= 0);
    struct driver_order order = {.kind = EXECUTOR_STATUS,
                                 .action = &inspector_by_devices,
                                 .devices = &d->one,
                                 .target = &i->identity->roster->nodes[node],
                                 .limit = {2 * d->one.list->login_timeout.ns + INSPECTOR_MARGIN.ns},
                                 .end_by = INSTANT_NEVER};
    d->driver = driver_new(i->base, i->clock, &order, inspector_device_done, d);
    driver_begin(d->driver);
}

/* Begins with as many more as may run; the go is over when all have ended. */
static void inspector_go_on(struct inspector *i)
{
    if (i->beginning)
        return;
    i->beginning = true;
    while (i->looks && i->running < INSPECTOR_DRIVERS_MAX && i->next < i->config->devices.count) {
        struct inspector_device *d = &i->devices[i->next++];
        d->at = clock_now();
        if (roster_find_name(i->identity->roster, d->one.list->node) < 0)
            continue;
        i->running++;
        inspector_begin(d);
    }
    i->beginning = false;
    if (i->looks && i->running == 0 && i->next == i->config->devices.count)
        inspector_end(i);
}

/* Those that have not answered never will in this go, for that reason. */
static void inspector_stop(struct inspector *i, const char *why)
{
    i->looks = false;
    for (size_t n = 0; n < i->config->devices.count; n++) {
        struct inspector_device *d = &i->devices[n];
        bool asked = n < i->next;
        if (asked && !d->driver)
            continue;
        if (d->driver)
            driver_stop(d->driver);
        *d = (struct inspector_device){
            .inspector = i, .one = d->one, .at = clock_now(), .result.outcome = RUN_UNKNOWN};
        snprintf(d->result.text, sizeof d->result.text, "%s: %s", asked ? "stopped" : "not asked",
                 why);
    }
    i->next = i->config->devices.count;
    i->running = 0;
    inspector_end(i);
}

static void inspector_late(void *context)
{
    inspector_stop(context, "the time for all devices is over");
}

static void inspector_look(struct inspector *i, bool busy)
{
    i->next = 0;
    i->looked = clock_now();
    if (busy) {
        i->looked = (struct instant){0};
        inspector_stop(i, "an order is being carried out");
        return;
    }
    i->looks = true;
    log_event(LOG_LEVEL_INFO, "inspecting", "devices=%zu", i->config->devices.count);
    clock_set(i->clock, &i->late, instant_after(i->looked, INSPECTOR_SPAN));
    inspector_go_on(i);
}

/* --- Requests --- */

static bool inspector_wait(struct inspector *i, uint64_t owner,
                           const struct executor_request *request)
{
    struct inspector_waiter *place = NULL;
    for (size_t w = 0; w < INSPECTOR_WAITERS_MAX; w++) {
        if (i->waiters[w].owner == owner)
            return false;
        if (!i->waiters[w].owner && !place)
            place = &i->waiters[w];
    }
    if (place)
        *place = (struct inspector_waiter){owner, request->id, request->index};
    return place != NULL;
}

bool inspector_ask(struct inspector *i, uint64_t owner, const struct executor_request *request,
                   bool busy)
{
    bool fresh = i->looked.ns != 0 && span_between(i->looked, clock_now()).ns < INSPECTOR_FRESH.ns;
    if (!i->looks && (request->index > 0 || fresh || i->config->devices.count == 0)) {
        inspector_tell(i, owner, request->id, request->index);
        return true;
    }
    if (!inspector_wait(i, owner, request))
        return false;
    if (!i->looks)
        inspector_look(i, busy);
    return true;
}

void inspector_yield(struct inspector *i)
{
    if (!i->looks)
        return;
    i->looked = (struct instant){0};
    inspector_stop(i, "an order is being carried out");
}

void inspector_forget(struct inspector *i, uint64_t owner)
{
    for (size_t w = 0; w < INSPECTOR_WAITERS_MAX; w++)
        if (i->waiters[w].owner == owner)
            i->waiters[w] = (struct inspector_waiter){0};
}

/* --- Start and end --- */

struct inspector *inspector_open(struct event_base *base, struct clock *clock,
                                 const struct config *config, const struct identity *identity,
                                 inspector_done done, void *context)
{
    struct inspector *i = calloc(1, sizeof *i);
    must(i);
    *i = (struct inspector){.base = base,
                            .clock = clock,
                            .config = config,
                            .identity = identity,
                            .done = done,
                            .context = context,
                            .next = config->devices.count};
    i->late = (struct alarm){.ring = inspector_late, .context = i};
    i->devices = calloc(config->devices.count + 1, sizeof *i->devices);
    must(i->devices);
    for (size_t n = 0; n < config->devices.count; n++) {
        struct inspector_device *d = &i->devices[n];
        d->inspector = i;
        d->one = (struct config_devices){1, &config->devices.list[n]};
        d->result.outcome = RUN_UNKNOWN;
        snprintf(d->result.text, sizeof d->result.text, "not asked yet");
    }
    return i;
}

void inspector_close(struct inspector *i)
{
    clock_clear(i->clock, &i->late);
    for (size_t n = 0; n < i->config->devices.count; n++)
        if (i->devices[n].driver)
            driver_stop(i->devices[n].driver);
    free(i->devices);
    free(i);
}
