/*
 * holdfast-executor: what switches machines off (F9), as a process of its own, with the rights that
 * the agent gives up: to read the devices' secrets and to start their drivers. It acts on certified
 * orders alone, from the agent's user, and verifies each itself; see node/fencer.h. Without one it
 * tells how its devices are; see node/inspector.h.
 *
 * It reads the agent's configuration, and of it the roster, the machine id, the sections `action`
 * and `device`; not the agent's key.
 */
#include <pwd.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include <event2/event.h>
#include <sodium.h>

#include "crypto/version.h"
#include "node/daemon_options.h"
#include "node/executor_server.h"
#include "node/listener.h"
#include "node/metadata.h"
#include "node/notify.h"
#include "proto/must.h"

_Noreturn void must_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr,
            "holdfast-executor: bug at %s:%d: %s does not hold; its acts make a restart safe\n",
            file, line, condition);
    abort();
}

/* Everything that runs, in the order in which it is started. */
struct daemon {
    struct config config;
    struct identity identity;
    struct event_base *base;
    struct clock clock;
    struct acts *acts;
    struct transcript *transcript;
    int socket;
    struct executor_server *server;
    struct fencer *fencer;
    struct inspector *inspector;
    struct event *term;
    struct event *interrupt;
    bool stopping;
};

static const char usage[] =
    "usage: holdfast-executor [-c FILE] [--check-config] [--log-level LEVEL]\n"
    "\n"
    "Carries out certified fence orders that the agent on this node hands it: one beside each\n"
    "agent.\n"
    "\n"
    "  -c, --config FILE    read this configuration (default " CONFIG_PATH_DEFAULT ")\n"
    "      --check-config   check the configuration, roster, devices and secrets: 0 or 78\n"
    "      --log-level LEVEL  debug, info, warning or error; overrides the configuration\n"
    "      --version        print the version\n"
    "  -h, --help           print this\n";

static const struct daemon_program program = {"holdfast-executor", usage, false};

static void main_stop(evutil_socket_t number, short what, void *context)
{
    (void)what;
    struct daemon *d = context;
    log_event(LOG_LEVEL_INFO, "stopping", "signal=%d", (int)number);
    d->stopping = true;
}

/* It holds secrets: no core file, no debugger of its own user, nothing that others can open. */
static bool main_prepare(struct fault *fault)
{
    static const struct rlimit none = {0, 0};
    signal(SIGPIPE, SIG_IGN);
    umask(077);
    (void)setrlimit(RLIMIT_CORE, &none);
    (void)prctl(PR_SET_DUMPABLE, 0, 0, 0, 0);
    if (sodium_init() < 0)
        return fault_set(fault, FAULT_OTHER, "libsodium cannot start");
    return true;
}

static bool main_loop(struct daemon *d, struct fault *fault)
{
    d->base = event_base_new();
    if (!d->base)
        return fault_set(fault, FAULT_OTHER, "the event loop cannot be made");
    d->term = evsignal_new(d->base, SIGTERM, main_stop, d);
    d->interrupt = evsignal_new(d->base, SIGINT, main_stop, d);
    if (!d->term || !d->interrupt || event_add(d->term, NULL) != 0 ||
        event_add(d->interrupt, NULL) != 0)
        return fault_set(fault, FAULT_OTHER, "signals cannot be added to the loop");
    return clock_open(&d->clock, d->base, fault);
}

static bool main_agent_user(uid_t *out, const struct config *config, struct fault *fault)
{
    const struct passwd *user = config->agent_user ? getpwnam(config->agent_user) : NULL;
    *out = user ? user->pw_uid : geteuid();
    return user || !config->agent_user ||
           fault_set(fault, FAULT_CONFIG, "%s: agent-user: there is no user %s on this machine",
                     config->path, config->agent_user);
}

static bool main_start(struct daemon *d, struct fault *fault)
{
    const struct config *config = &d->config;
    uid_t agent;
    if (!main_agent_user(&agent, config, fault) || !main_loop(d, fault))
        return false;
    d->acts = acts_open(config->executor_state, &config->cluster, fault);
    if (!d->acts)
        return false;
    d->transcript = transcript_open(config->executor_state, fault);
    if (!d->transcript)
        return false;
    d->socket = listener_open(config->executor_socket, SOCK_SEQPACKET,
                              agent == geteuid() ? (uid_t)-1 : agent, (gid_t)-1, fault);
    if (d->socket < 0)
        return false;
    /* To ask fence agents what they are takes a moment. An agent that asks meanwhile waits; what it
     * wants done is refused if it is too late by then (F9). */
    if (!metadata_check_devices(config, &d->identity, fault))
        return false;
    d->server = executor_server_open(d->base, d->socket, agent, fault);
    if (!d->server)
        return false;
    d->fencer = fencer_open(d->base, &d->clock, config, &d->identity, d->acts, d->transcript,
                            executor_server_done, d->server);
    d->inspector = inspector_open(d->base, &d->clock, config, &d->identity,
                                  executor_server_inspected, d->server);
    executor_server_serve(d->server, d->fencer, d->inspector);
    return true;
}

static void main_run(struct daemon *d)
{
    log_event(LOG_LEVEL_INFO, "started", "version=%s node=%s slot=%u acts=%zu lab=%s pid=%d",
              HOLDFAST_VERSION, d->identity.node->name, d->identity.self,
              acts_table(d->acts)->count, d->identity.roster->lab ? "yes" : "no", (int)getpid());
    notify_manager("READY=1");
    while (!d->stopping)
        if (event_base_loop(d->base, EVLOOP_ONCE) < 0)
            break;
    notify_manager("STOPPING=1");
}

static void main_finish(struct daemon *d)
{
    if (d->server)
        executor_server_close(d->server);
    if (d->fencer)
        fencer_close(d->fencer);
    if (d->inspector)
        inspector_close(d->inspector);
    listener_close(d->socket, d->config.executor_socket);
    if (d->transcript)
        transcript_close(d->transcript);
    if (d->acts)
        acts_close(d->acts);
    if (d->term)
        event_free(d->term);
    if (d->interrupt)
        event_free(d->interrupt);
    if (d->base) {
        clock_close(&d->clock);
        event_base_free(d->base);
    }
}

static int main_fault(const struct fault *fault)
{
    fprintf(stderr, "holdfast-executor: %s\n", fault->text);
    return fault->status;
}

int main(int argc, char **argv)
{
    struct daemon_options options;
    struct fault fault = {0};
    struct daemon d = {.socket = -1, .clock.fd = -1};
    int status = daemon_options_take(&options, &program, argc, argv);
    if (status >= 0)
        return status;
    if (!main_prepare(&fault) || !config_load(&d.config, options.config, &fault))
        return main_fault(&fault);
    log_open(options.level_given ? options.level : d.config.log_level);
    if (!identity_load_keyless(&d.identity, &d.config, &fault) ||
        (options.check && !metadata_check_devices(&d.config, &d.identity, &fault))) {
        status = main_fault(&fault);
    } else if (options.check) {
        printf("%s: good: node %s, slot %u\n", options.config, d.identity.node->name,
               d.identity.self);
        status = FAULT_NONE;
    } else {
        bool started = main_start(&d, &fault);
        if (started)
            main_run(&d);
        main_finish(&d);
        status = started ? FAULT_NONE : main_fault(&fault);
    }
    identity_free(&d.identity);
    config_free(&d.config);
    return status;
}
