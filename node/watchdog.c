/* The agent and its machine's watchdog: see watchdog.h. */
#include "node/watchdog.h"

#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "node/clock.h"
#include "node/log.h"
#include "node/watchdog_keeper.h"
#include "node/watchdog_test.h"
#include "proto/must.h"

enum { HELLO_SECONDS = 10 };

struct watchdog {
    const struct config *config;
    struct fence_times times;
    char socket[PATH_MAX];
    int fd; /* -1: the keeper is gone */
    bool fresh;
    struct instant petted; /* by this agent, last; before that when it got to know its keeper */
    struct span least;     /* left at a pet */
};

/* The keeper's first word. False if it has none, or a reason. */
static bool take_hello(struct watchdog *w, struct keeper_hello *hello)
{
    struct timeval patience = {.tv_sec = HELLO_SECONDS};
    memset(hello, 0, sizeof *hello);
    setsockopt(w->fd, SOL_SOCKET, SO_RCVTIMEO, &patience, sizeof patience);
    ssize_t size = recv(w->fd, hello, sizeof *hello, 0);
    hello->error[sizeof hello->error - 1] = hello->identity[sizeof hello->identity - 1] = '\0';
    hello->device[sizeof hello->device - 1] = '\0';
    if (size != (ssize_t)sizeof *hello)
        snprintf(hello->error, sizeof hello->error, "its keeper does not answer");
    return size == (ssize_t)sizeof *hello && hello->timeout_s > 0;
}

static bool spawn(struct watchdog *w, struct keeper_hello *hello)
{
    struct keeper_start start = {
        .device = w->config->watchdog,
        .identity = *w->config->watchdog_identity ? w->config->watchdog_identity : NULL,
        .socket = w->socket,
        .seconds = (uint32_t)((w->times.watchdog.ns + 999999999) / 1000000000)};
    w->fd = keeper_spawn(&start);
    if (w->fd < 0) {
        memset(hello, 0, sizeof *hello);
        snprintf(hello->error, sizeof hello->error, "no process for its keeper: %s",
                 strerror(errno));
        return false;
    }
    return take_hello(w, hello);
}

/* W, and all that follows from it; an inequality that it breaks is a fault (section 7). */
static bool take_timeout(struct watchdog *w, const struct keeper_hello *hello, struct fault *fault)
{
    fence_times_set(&w->times, SPAN_MS((int64_t)hello->timeout_s * 1000));
    w->petted = clock_now();
    w->least = w->times.watchdog;
    if (fence_rule_broken(&w->times) == FENCE_RULES)
        return true;
    return fault_set(fault, FAULT_CONFIG,
                     "watchdog %s: its time-out is %u s, too short for what is held to be stopped "
                     "before it fires (F + K <= W (1 - rho)); see holdfast config explain",
                     w->config->watchdog, hello->timeout_s);
}

/* Lets it fire, unless it is known that it does. It is a fault to come back. */
static bool test(struct watchdog *w, const struct keeper_hello *hello,
                 const struct identity *identity, struct fault *fault)
{
    struct watchdog_test t = {.state = w->config->state,
                              .identity = hello->identity,
                              .timeout_s = hello->timeout_s,
                              .boot_id = identity->boot_id};
    enum watchdog_tested tested =
        w->config->watchdog_test ? watchdog_test_look(&t, fault) : WATCHDOG_TESTED;
    if (tested != WATCHDOG_UNTESTED)
        return tested == WATCHDOG_TESTED;
    log_event(LOG_LEVEL_WARNING, "watchdog-test",
              "device=%s timeout_s=%u note=\"it is let fire, once, to see that it resets this "
              "machine\"",
              w->config->watchdog, hello->timeout_s);
    sleep(hello->timeout_s + 1 + (unsigned)(w->times.lateness.ns / 1000000000));
    return fault_set(fault, FAULT_CONFIG,
                     "watchdog %s: it was not petted for its time-out of %u s, and did not reset "
                     "this machine",
                     w->config->watchdog, hello->timeout_s);
}

/* A keeper of an earlier start in this boot goes on with its device, and an agent that does not
 * know of it would let it fire. */
static bool none_kept(const struct config *config, struct fault *fault)
{
    char path[PATH_MAX];
    snprintf(path, sizeof path, "%s/watchdog.sock", config->state);
    int fd = keeper_connect(path);
    if (fd < 0)
        return true;
    close(fd);
    return fault_set(
        fault, FAULT_CONFIG,
        "watchdog: an earlier start has armed one, which resets this machine unless it is "
        "petted: put `watchdog` back into %s; a stop while nothing is held disarms it",
        config->path);
}

static bool as_configured(const struct config *config, const struct keeper_hello *hello,
                          struct fault *fault)
{
    bool device = strncmp(config->watchdog, hello->device, sizeof hello->device - 1) == 0;
    bool identity =
        !*config->watchdog_identity || strcmp(config->watchdog_identity, hello->identity) == 0;
    return (device && identity) ||
           fault_set(fault, FAULT_CONFIG,
                     "watchdog %s: an earlier start has armed %s (%s), which goes on until a stop "
                     "while nothing is held: put it back into %s till then",
                     config->watchdog, hello->device, hello->identity, config->path);
}

bool watchdog_open(struct watchdog **out, const struct config *config,
                   const struct identity *identity, struct fault *fault)
{
    struct keeper_hello hello;
    *out = NULL;
    if (!*config->watchdog)
        return none_kept(config, fault);
    if (watchdog_is_stand_in(config->watchdog) && !identity->roster->lab)
        return fault_set(fault, FAULT_CONFIG,
                         "watchdog: a stand-in ends no machine: only a lab's roster allows one");
    struct watchdog *w = calloc(1, sizeof *w);
    must(w);
    w->config = config;
    fence_times_derive(&w->times, SPAN_MS(identity->roster->detect_ms));
    snprintf(w->socket, sizeof w->socket, "%s/watchdog.sock", config->state);
    w->fd = keeper_connect(w->socket);
    bool found = w->fd >= 0 && take_hello(w, &hello);
    if (!found && w->fd >= 0)
        close(w->fd);
    w->fresh = !found;
    *out = w;
    if (!found && !spawn(w, &hello))
        return fault_set(fault, FAULT_CONFIG, "watchdog %s: %s%s", config->watchdog, hello.error,
                         access(config->watchdog, F_OK) != 0 && *config->watchdog == '/'
                             ? "; `wdctl` shows which this machine has"
                             : "");
    if (found && !as_configured(config, &hello, fault))
        return false;
    log_event(LOG_LEVEL_INFO, "watchdog", "device=%s identity=\"%s\" timeout_s=%u taken_over=%s",
              config->watchdog, hello.identity, hello.timeout_s, found ? "yes" : "no");
    return take_timeout(w, &hello, fault) && test(w, &hello, identity, fault);
}

struct span watchdog_timeout(const struct watchdog *w)
{
    return w->times.watchdog;
}

bool watchdog_fresh(const struct watchdog *w)
{
    return w->fresh;
}

static void lost(struct watchdog *w, const char *why)
{
    log_event(LOG_LEVEL_ERROR, "watchdog-lost",
              "device=%s why=\"%s\" note=\"it fires: its keeper starts with the agent alone\"",
              w->config->watchdog, why);
    if (w->fd >= 0)
        close(w->fd);
    w->fd = -1;
}

/* The keeper pets within a moment of being told, or not at all. */
static struct span watchdog_left(const struct watchdog *w, struct instant now)
{
    int64_t ns = w->times.watchdog.ns - span_between(w->petted, now).ns;
    return (struct span){ns > 0 ? ns : 0};
}

void watchdog_view(struct watchdog_view *out, const struct watchdog *w, struct instant now)
{
    *out = (struct watchdog_view){0};
    if (w)
        *out = (struct watchdog_view){.timeout = w->times.watchdog,
                                      .armed = w->fd >= 0,
                                      .left = watchdog_left(w, now),
                                      .least = w->least};
}

void watchdog_pet(struct watchdog *w, struct instant until)
{
    struct keeper_word word = {
        .kind = KEEPER_PET, .until = until.ns, .killed = instant_after(until, w->times.soft).ns};
    if (w->fd >= 0 && send(w->fd, &word, sizeof word, MSG_NOSIGNAL | MSG_DONTWAIT) > 0) {
        struct instant now = clock_now();
        struct span left = watchdog_left(w, now);
        w->least = left.ns < w->least.ns ? left : w->least;
        w->petted = now;
        return;
    }
    if (w->fd >= 0) /* no other is started: this process can start none any more (privileges.h) */
        lost(w, strerror(errno));
}

void watchdog_close(struct watchdog *w, bool idle)
{
    struct keeper_word word = {.kind = KEEPER_DISARM};
    if (!w)
        return;
    if (idle && w->fd >= 0 && send(w->fd, &word, sizeof word, MSG_NOSIGNAL) < 0)
        lost(w, strerror(errno));
    if (w->fd >= 0)
        close(w->fd);
    free(w);
}
