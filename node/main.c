/*
 * holdfastd: options, the order of starting and stopping, exit statuses.
 *
 * Order of starting: what can be wrong on paper first (configuration, key, roster, machine), then
 * what is exclusive (the store's lock, the address, the socket), then the peer; READY last. Order
 * of stopping: say goodbye to the peers, close the clients' connections, finish the log. Holds are
 * kept: who stops an agent to upgrade it loses no lock.
 *
 *     SIGUSR1          makes way for the next start: stops at once
 *     SIGTERM, SIGINT  stops for longer. While something is held here for which this node would be
 *                      fenced it waits until that is released; the second one stops at once
 *     SIGHUP           reads the configuration anew (reload.h)
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "crypto/version.h"
#include "node/api.h"
#include "node/daemon_options.h"
#include "node/listener.h"
#include "node/notify.h"
#include "node/privileges.h"
#include "node/render_setting.h"
#include "node/reload.h"
#include "node/watchdog_keeper.h"
#include "node/web.h"
#include "proto/must.h"

_Noreturn void must_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr,
            "holdfastd: bug at %s:%d: %s does not hold; the durable state makes a restart safe\n",
            file, line, condition);
    abort();
}

enum { SIGNALS = 4, STATUS_SIZE = 600 };
/* From the last release to the end of an agent that waits for it: its holder hears that it is done.
 */
#define STOP_REST SPAN_MS(1000)

/* Everything that runs, in the order in which it is started. */
struct daemon {
    struct config config;
    struct identity identity;
    struct event_base *base;
    struct clock clock;
    struct events *events;
    struct agent *agent;
    int socket;
    struct api *api;
    struct web *web; /* NULL: off */
    struct event *signals[SIGNALS];
    bool level_given;    /* on the command line, which is above the configuration */
    struct event *alive; /* tells the service manager so, if it wants to know; or NULL */
    bool stop_waits;     /* for holders to release */
    struct alarm rest;   /* rings after STOP_REST without any */
    bool resting;
    bool stopping;
};

static const char usage[] =
    "usage: holdfastd [-c FILE] [--check-config] [--show-config] [--store-lost]\n"
    "                 [--log-level LEVEL]\n"
    "\n"
    "The agent of Holdfast: one on each node.\n"
    "\n"
    "  -c, --config FILE    read this configuration (default " CONFIG_PATH_DEFAULT ")\n"
    "      --check-config   check the configuration, key and roster, and exit: 0 or 78\n"
    "      --show-config    print each option as JSON, with where it comes from, and exit: 0 or "
    "78\n"
    "      --store-lost     if the store is damaged, move it aside and go on without a vote\n"
    "      --log-level LEVEL  debug, info, warning or error; overrides the configuration\n"
    "      --version        print the version\n"
    "  -h, --help           print this\n";

static const struct daemon_program program = {"holdfastd", usage, true};

/* What is held here for which this node would be fenced if its agent stayed away; *first is one. */
static size_t main_fenced_for(const struct daemon *d, struct op_view *first)
{
    size_t cursor = 0, count = 0;
    struct op_view view;
    while (peer_next_op(agent_peer(d->agent), &cursor, &view)) {
        if ((!lock_policy_fences(view.policy) && !*d->config.watchdog) || view.state != OP_HELD)
            continue; /* a watchdog fires whatever the policy is */
        if (count++ == 0)
            *first = view;
    }
    return count;
}

/* A service manager cannot be refused a stop, so it waits for it: new locks are not taken, and the
 * manager's user reads why (systemctl status). */
static void main_wait_to_stop(struct daemon *d, int signal, size_t held,
                              const struct op_view *first)
{
    char status[STATUS_SIZE];
    struct log_value name = log_value(first->name.bytes, first->name.size);
    d->stop_waits = true;
    api_stopping(d->api);
    log_event(
        LOG_LEVEL_WARNING, "stop-waits", "signal=%d held=%zu lock=%s why=\"%s\"", signal, held,
        name.text,
        "this node would be fenced for what it holds: it stops once that is released (holdfast "
        "locks), and takes no new locks; SIGUSR1 restarts and keeps all, the same signal again "
        "stops now");
    snprintf(status, sizeof status,
             "STATUS=waits to stop until holders release (%zu, %s among them): this node would be "
             "fenced for that; to stop now: systemctl kill holdfastd",
             held, name.text);
    notify_manager(status);
}

static void main_stop(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct daemon *d = context;
    struct op_view first;
    size_t held = number == SIGUSR1 ? 0 : main_fenced_for(d, &first);
    if (held > 0 && !d->stop_waits) {
        main_wait_to_stop(d, (int)number, held, &first);
        return;
    }
    log_event(LOG_LEVEL_INFO, "stopping", "signal=%d held=%zu", (int)number, held);
    d->stopping = true;
}

static void main_rested(void *context)
{
    struct daemon *d = context;
    struct op_view first;
    d->resting = false;
    if (d->stopping || main_fenced_for(d, &first) > 0)
        return; /* who waited for a lock has it now */
    log_event(LOG_LEVEL_INFO, "stopping", "held=0");
    d->stopping = true;
}

static void main_stop_if_free(struct daemon *d)
{
    struct op_view first;
    if (!d->stop_waits || d->resting || main_fenced_for(d, &first) > 0)
        return;
    d->resting = true;
    clock_set(&d->clock, &d->rest, instant_after(clock_now(), STOP_REST));
}

static void main_reload(evutil_socket_t number, short what, void *context)
{
    (void)number;
    (void)what;
    struct daemon *d = context;
    struct reload reload;
    struct fault fault = {0};
    if (!reload_config(&d->config, &reload, &fault)) {
        log_event(LOG_LEVEL_ERROR, "reload-failed", "why=%s help=\"%s\"",
                  log_value(fault.text, strlen(fault.text)).text,
                  "the old configuration stays in force; holdfastd --check-config says the same");
        return;
    }
    if (!d->level_given)
        log_open(d->config.log_level);
    if (d->api)
        api_reloaded(d->api);
    log_event(LOG_LEVEL_INFO, "reloaded",
              "changed=\"%s\" with-the-next-start=\"%s\" with-the-executors-next-start=\"%s\"",
              reload.changed, reload.later, reload.executor);
}

static void main_about_hold(void *context, const struct answer *answer)
{
    const struct daemon *d = context;
    if (d->api)
        api_about_hold(d->api, answer);
}

static void main_notice(void *context, const struct notice *notice)
{
    const struct daemon *d = context;
    events_notice(d->events, d->agent, notice);
    if (notice->kind == NOTICE_READY && d->api)
        api_ready(d->api);
}

static void main_fence_logged(void *context)
{
    const struct daemon *d = context;
    if (d->api)
        api_fence_logged(d->api);
}

static void main_fence_log_trouble(void *context, const char *text)
{
    const struct daemon *d = context;
    events_tell(d->events, d->identity.node->name, "fence-log", text);
}

/* In the loop, so that a loop that hangs says nothing: the manager then ends it (F11). */
static void main_alive(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    (void)context;
    notify_manager("WATCHDOG=1");
}

static bool main_add_alive(struct daemon *d, struct fault *fault)
{
    long us = notify_watchdog_us();
    struct timeval half = {.tv_sec = us / 2 / 1000000, .tv_usec = us / 2 % 1000000};
    if (us == 0)
        return true;
    d->alive = event_new(d->base, -1, EV_PERSIST, main_alive, NULL);
    if (!d->alive || event_add(d->alive, &half) != 0)
        return fault_set(fault, FAULT_OTHER, "a timer cannot be added to the loop");
    return true;
}

/* The process's own habits. Each session costs descriptors, so as many are taken as may be. */
static bool main_prepare(struct fault *fault)
{
    struct rlimit limit;
    signal(SIGPIPE, SIG_IGN);
    signal(SIGXFSZ, SIG_IGN); /* a file-size limit is then an error of the store, and told */
    if (getrlimit(RLIMIT_NOFILE, &limit) == 0) {
        limit.rlim_cur = limit.rlim_max;
        (void)setrlimit(RLIMIT_NOFILE, &limit);
    }
    if (sodium_init() < 0)
        return fault_set(fault, FAULT_OTHER, "libsodium cannot start");
    return true;
}

static bool main_add_signals(struct daemon *d, struct fault *fault)
{
    static const int numbers[SIGNALS] = {SIGTERM, SIGINT, SIGUSR1, SIGHUP};
    for (size_t i = 0; i < SIGNALS; i++) {
        event_callback_fn ring = numbers[i] == SIGHUP ? main_reload : main_stop;
        d->signals[i] = evsignal_new(d->base, numbers[i], ring, d);
        if (!d->signals[i] || event_add(d->signals[i], NULL) != 0)
            return fault_set(fault, FAULT_OTHER, "signals cannot be added to the loop");
    }
    return true;
}

static bool main_start(struct daemon *d, bool store_lost, struct fault *fault)
{
    struct agent_hooks hooks = {d, main_about_hold, main_notice, main_fence_logged,
                                main_fence_log_trouble};
    d->base = event_base_new();
    if (!d->base)
        return fault_set(fault, FAULT_OTHER, "the event loop cannot be made");
    if (!clock_open(&d->clock, d->base, fault) || !main_add_signals(d, fault) ||
        !main_add_alive(d, fault))
        return false;
    d->events = events_new();
    d->agent = agent_open(d->base, &d->clock, &d->config, &d->identity, store_lost, &hooks, fault);
    if (!d->agent)
        return false;
    d->socket =
        listener_open(d->config.socket, SOCK_STREAM, (uid_t)-1, d->config.socket_group, fault);
    if (d->socket < 0)
        return false;
    d->api = api_open(d->agent, d->base, &d->clock, d->socket, d->events, fault);
    return d->api && web_open(&d->web, d->api, d->base, &d->clock, fault);
}

static void main_run(struct daemon *d)
{
    char address[UDP_ADDRESS_SIZE];
    udp_address_text(address, &d->identity.node->address);
    log_event(LOG_LEVEL_INFO, "started",
              "version=%s node=%s slot=%u address=%s nodes=%zu lab=%s pid=%d", HOLDFAST_VERSION,
              d->identity.node->name, d->identity.self, address, d->identity.roster->node_count,
              d->identity.roster->lab ? "yes" : "no", (int)getpid());
    agent_start(d->agent);
    api_started(d->api);
    notify_manager("READY=1");
    while (!d->stopping) {
        if (event_base_loop(d->base, EVLOOP_ONCE) < 0)
            break;
        agent_turn(d->agent);
        main_stop_if_free(d);
    }
    notify_manager("STOPPING=1");
    agent_leave(d->agent);
}

static bool main_finish(struct daemon *d)
{
    bool good = true;
    web_close(d->web);
    d->web = NULL;
    if (d->api)
        api_close(d->api);
    d->api = NULL;
    listener_close(d->socket, d->config.socket);
    if (d->agent)
        good = agent_close(d->agent);
    if (d->events)
        events_free(d->events);
    for (size_t i = 0; i < SIGNALS; i++)
        if (d->signals[i])
            event_free(d->signals[i]);
    if (d->alive)
        event_free(d->alive);
    if (d->base) {
        clock_close(&d->clock);
        event_base_free(d->base);
    }
    return good;
}

/* --show-config. */
static int main_show(const struct config *config)
{
    json_t *settings = json_pack("{s:s s:o}", "file", config->path, "settings",
                                 render_settings(&config->settings));
    int failed = settings ? json_dumpf(settings, stdout, JSON_INDENT(2)) : -1;
    json_decref(settings);
    failed |= puts("") < 0;
    return failed ? FAULT_OTHER : FAULT_NONE;
}

static int main_fault(const struct fault *fault)
{
    fprintf(stderr, "holdfastd: %s\n", fault->text);
    return fault->status;
}

int main(int argc, char **argv)
{
    struct daemon_options options;
    struct fault fault = {0};
    struct daemon d = {.socket = -1, .clock.fd = -1};
    d.rest = (struct alarm){.ring = main_rested, .context = &d};
    if (argc == 2 + KEEPER_ARGUMENTS && strcmp(argv[1], KEEPER_OPTION) == 0)
        return keeper_main(argv + 2);
    int status = daemon_options_take(&options, &program, argc, argv);
    if (status >= 0)
        return status;
    if (!main_prepare(&fault) || !config_load(&d.config, options.config, &fault))
        return main_fault(&fault);
    d.level_given = options.level_given;
    log_open(options.level_given ? options.level : d.config.log_level);
    if (options.level_given)
        settings_override(&d.config.settings, "log-level", log_level_text(options.level),
                          SETTING_COMMAND_LINE);
    if (options.show) {
        status = main_show(&d.config);
    } else if (!identity_load(&d.identity, &d.config, &fault)) {
        status = main_fault(&fault);
    } else if (options.check) {
        printf("%s: good: node %s, slot %u\n", options.config, d.identity.node->name,
               d.identity.self);
        status = FAULT_NONE;
    } else {
        /* Once the watchdog's keeper is there, and before a byte from outside is read. */
        bool started = main_start(&d, options.store_lost, &fault) && privileges_limit(&fault);
        if (started)
            main_run(&d);
        bool good = main_finish(&d);
        status = !started ? main_fault(&fault) : good ? FAULT_NONE : FAULT_OTHER;
    }
    identity_free(&d.identity);
    config_free(&d.config);
    return status;
}
