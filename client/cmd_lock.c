/*
 * `holdfast lock`: runs a command under a lock, with the habits of flock(1).
 *
 *   connect -- fork the child at its gate -- Acquire(pid) -- granted -- gate opens -- child ends --
 * Release |                          | refused, signal: the child       agent lost: the child's
 * group is killed never ran                        and the code is 4
 *
 * What must hold: the child does not run before the lock is held; when this process ends, the child
 * has ended or dies with it (PR_SET_PDEATHSIG); and when the agent is lost the child ends, since
 * from then on nobody speaks for its lock.
 */
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "client/agent.h"
#include "client/child.h"
#include "client/command.h"
#include "client/signals.h"

static const char help[] =
    "usage: holdfast lock [-s|-x] [-n] [-w SEC] [-E CODE] [-v] [--stale hold|fence]\n"
    "                     NAME [--] COMMAND [ARGUMENT...]\n"
    "\n"
    "Takes the lock NAME, runs COMMAND, and releases the lock when COMMAND ends. COMMAND finds\n"
    "HOLDFAST_NAME, HOLDFAST_MODE and HOLDFAST_TOKEN in its environment.\n"
    "\n"
    "  -s, --shared        together with other readers\n"
    "  -x, --exclusive     alone (the default)\n"
    "  -n, --nonblock      do not wait\n"
    "  -w, --wait SEC      wait no longer than this; a fraction is allowed\n"
    "  -E, --conflict-exit-code CODE\n"
    "                      instead of 3 if the lock is not granted\n"
    "  -v, --verbose       say what is waited for, and when the lock is held\n"
    "  --stale POLICY      if this node dies: hold (wait for an operator) or fence\n"
    "\n"
    "The exit code is COMMAND's (128+n if signal n ended it); 2 no majority; 3 not granted; 4 the\n"
    "agent was lost while the lock was held; 69 no agent; 126, 127 COMMAND cannot run.\n";

enum {
    STALE = OPTION_OWN,
    GO_ON = -1,                  /* no exit code yet; every other number may be one, 0 by -E too */
    TRY_PATIENCE_MS = 30 * 1000, /* the agent answers a try long before, unless it is stuck */
    LATE_MS = 3 * 1000,          /* how much later than the deadline the agent may answer */
    RETRY_MS = 200,              /* between questions to an agent that is not ready */
    RELEASE_MS = 10 * 1000,      /* the agent answers once it is durable there */
    KILL_GRACE_MS = 2 * 1000
};

struct lock_run {
    struct cli *cli;
    const char *name;
    const char *mode;
    const char *stale; /* NULL: the agent's default */
    char **argv;
    bool try;
    bool verbose;
    long long wait_ms; /* -1: for ever */
    int conflict;      /* the code for "not granted" */
    long long deadline_ms;
    struct varlink agent;
    struct child child;
    int signals;         /* signalfd */
    json_t *held;        /* the reply that granted */
    char progress[1200]; /* the last line about waiting, so that none is said twice */
};

static long long now_ms(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return (long long)t.tv_sec * 1000 + t.tv_nsec / 1000000;
}

/* Waits for the agent or a signal; -1 waits for ever. True if the agent has something. */
static bool wait_for_news(const struct lock_run *run, long long ms)
{
    struct pollfd p[2] = {{.fd = run->agent.fd, .events = POLLIN},
                          {.fd = run->signals, .events = POLLIN}};
    if (ms > 60 * 1000)
        ms = 60 * 1000; /* the caller looks at its deadline again */
    return poll(p, 2, (int)ms) > 0 && p[0].revents != 0;
}

/* Says what is waited for, if that is new and somebody looks. */
static void show_progress(struct lock_run *run, const json_t *reply)
{
    char line[sizeof run->progress], parties[1024];
    const char *reason = json_text(reply, "reason");
    long long place = json_number(reply, "place");
    if (!run->verbose && !isatty(STDERR_FILENO))
        return;
    agent_parties(parties, sizeof parties, json_object_get(reply, "holders"));
    if (strcmp(reason, "no-majority") == 0)
        snprintf(line, sizeof line, "waiting: no majority: %lld of %lld",
                 json_number(reply, "reachable"), json_number(reply, "cohort"));
    else if (strcmp(reason, "queued") == 0 && place > 0)
        snprintf(line, sizeof line, "waiting, place %lld in the queue, held by %s", place,
                 *parties ? parties : "somebody");
    else if (run->verbose && run->progress[0] == '\0')
        snprintf(line, sizeof line, "asking");
    else
        return; /* asked again, as happens now and then: what was said last still holds */
    if (strcmp(line, run->progress) == 0)
        return;
    memcpy(run->progress, line, sizeof line);
    say("%s: %s", run->name, line);
}

static enum varlink_status send_acquire(struct lock_run *run)
{
    json_t *p = json_pack("{s:s, s:s, s:I}", "name", run->name, "mode", run->mode, "pid",
                          (json_int_t)run->child.pid);
    if (run->try)
        json_object_set_new(p, "try", json_true());
    if (run->stale)
        json_object_set_new(p, "stale", json_string(run->stale));
    if (run->wait_ms >= 0 && !run->try) {
        long long left = run->deadline_ms - now_ms();
        json_object_set_new(p, "timeout_ms", json_integer(left > 0 ? left : 0));
    }
    return varlink_send(&run->agent, AGENT_INTERFACE "Acquire", p,
                        run->try ? VARLINK_PLAIN : VARLINK_MORE);
}

/* One signal while the lock is awaited: the code to end with, or GO_ON. */
static int signal_while_waiting(struct lock_run *run, int signo)
{
    int code;
    if (signo == SIGTSTP) {
        kill(getpid(), SIGSTOP);
        return GO_ON;
    }
    if (signo != SIGCHLD)
        return EXIT_SIGNAL + signo;
    if (child_poll(&run->child, &code) != CHILD_ENDED)
        return GO_ON;
    say("the process for the command ended before the lock was granted");
    return EXIT_ERROR;
}

/* The agent does not know its own life yet: asks again, until the time is over. */
static int ask_again(struct lock_run *run, const struct varlink_reply *reply)
{
    char line[sizeof run->progress];
    bool over = run->wait_ms >= 0 && now_ms() >= run->deadline_ms;
    if (run->try || over) {
        int code = agent_unready(&run->agent, reply, run->name);
        return code == EXIT_ERROR && over ? run->conflict : code;
    }
    snprintf(line, sizeof line, "waiting: the agent is not ready: %s",
             json_text(reply->parameters, "reason"));
    if ((run->verbose || isatty(STDERR_FILENO)) && strcmp(line, run->progress) != 0)
        say("%s: %s", run->name, line);
    memcpy(run->progress, line, sizeof line);
    wait_for_news(run, RETRY_MS);
    enum varlink_status status = send_acquire(run);
    return status == VARLINK_OK ? GO_ON : agent_failed(run->cli, status);
}

/* One reply to Acquire: GO_ON (held or not), or the code to end with. */
static int take_reply(struct lock_run *run, struct varlink_reply *reply)
{
    int code = GO_ON;
    if (strcmp(reply->error, AGENT_INTERFACE "NotReady") == 0) {
        code = ask_again(run, reply);
    } else if (reply->error[0] != '\0') {
        code = agent_refused(reply, run->name);
        code = code == EXIT_NOT_GRANTED ? run->conflict : code;
    } else if (reply->continues) {
        show_progress(run, reply->parameters);
    } else {
        run->held = reply->parameters;
        return GO_ON;
    }
    json_decref(reply->parameters);
    return code;
}

/* How long to wait for the agent before it counts as stuck; -1: for ever. */
static long long patience_ms(const struct lock_run *run)
{
    if (run->wait_ms < 0 && !run->try)
        return -1;
    long long left = run->deadline_ms + (run->try ? TRY_PATIENCE_MS : LATE_MS) - now_ms();
    return left > 0 ? left : 0;
}

/* Until held (GO_ON), or the code to end with, which has been explained. */
static int acquire(struct lock_run *run)
{
    run->deadline_ms = now_ms() + (run->wait_ms > 0 ? run->wait_ms : 0);
    enum varlink_status status = send_acquire(run);
    int code = status == VARLINK_OK ? GO_ON : agent_failed(run->cli, status);
    while (code == GO_ON && run->held == NULL) {
        struct varlink_reply reply;
        int signo;
        while (code == GO_ON && (signo = signals_next(run->signals)) != 0)
            code = signal_while_waiting(run, signo);
        if (code != GO_ON)
            return code;
        status = varlink_take(&run->agent, &reply);
        if (status == VARLINK_OK) {
            code = take_reply(run, &reply);
            continue;
        }
        long long left = patience_ms(run);
        if (status == VARLINK_AGAIN && left != 0) {
            status = wait_for_news(run, left) ? varlink_fill(&run->agent) : VARLINK_OK;
            if (status == VARLINK_OK)
                continue;
        }
        code = agent_failed(run->cli, status);
    }
    return code;
}

static bool agent_lost(struct lock_run *run)
{
    struct varlink_reply reply;
    if (varlink_fill(&run->agent) != VARLINK_OK)
        return true;
    enum varlink_status status = varlink_take(&run->agent, &reply);
    if (status == VARLINK_OK)
        json_decref(reply.parameters); /* not asked for, and nothing to us */
    return status == VARLINK_GARBLED;
}

/* Signals that are pending, and what has become of the child. True when it ended, with its code. */
static bool serve_signals(struct lock_run *run, int *code)
{
    int signo;
    while ((signo = signals_next(run->signals)) != 0)
        if (signo != SIGCHLD)
            child_signal(&run->child, signo);
    enum child_state state = child_poll(&run->child, code);
    switch (state) {
    case CHILD_RUNS:
        return false;
    case CHILD_STOPPED:
        child_stop_along(&run->child);
        return false;
    case CHILD_ENDED:
        return true;
    }
    __builtin_trap();
}

/* Gives the lock back; its failure does not change the code, since the agent drops what a client
 * that went away had held. */
static void release(struct lock_run *run)
{
    struct varlink_reply reply;
    json_t *p = json_pack("{s:s}", "hold", json_text(run->held, "hold"));
    enum varlink_status status =
        varlink_call(&run->agent, AGENT_INTERFACE "Release", p, &reply, RELEASE_MS);
    if (status != VARLINK_OK)
        say("%s: the release was not confirmed: %s", run->name, varlink_status_text(status));
    else if (reply.error[0] != '\0')
        agent_refused(&reply, run->name);
    if (status == VARLINK_OK)
        json_decref(reply.parameters);
}

/* Runs the command under the lock, to its end. */
static int guard(struct lock_run *run)
{
    int code = EXIT_ERROR;
    int error = child_go(&run->child, (uint64_t)json_number(run->held, "token"));
    if (error != 0) {
        say("cannot run %s: %s", run->argv[0], strerror(error));
        release(run);
        return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
    }
    while (!serve_signals(run, &code)) {
        if (!wait_for_news(run, -1) || !agent_lost(run))
            continue;
        say("%s: the agent was lost while the lock was held: the command is ended", run->name);
        child_kill(&run->child, KILL_GRACE_MS);
        return EXIT_LOST;
    }
    release(run);
    return code;
}

static int run_locked(struct lock_run *run)
{
    sigset_t mask;
    /* Whoever reads our stderr may go away; the lock and its command must not end by that. */
    signal(SIGPIPE, SIG_IGN);
    int code = agent_open(&run->agent, run->cli);
    if (code != EXIT_OK)
        return code;
    const struct child_plan plan = {.argv = run->argv,
                                    .name = run->name,
                                    .mode = run->mode,
                                    .mask = &mask,
                                    .secret_fd = run->agent.fd};
    run->signals = signals_open(true, &mask);
    if (run->signals < 0 || !child_fork(&run->child, &plan)) {
        say("cannot start a process: %s", strerror(errno));
        varlink_close(&run->agent);
        return EXIT_ERROR;
    }
    code = acquire(run);
    if (run->held && run->verbose)
        say("%s: held %s, token %lld", run->name, run->mode, json_number(run->held, "token"));
    if (run->held)
        code = guard(run);
    /* Before the connection: to the agent its end says that the client is dead, and then it waits
     * for the child. */
    child_close(&run->child);
    varlink_close(&run->agent);
    json_decref(run->held);
    close(run->signals);
    return code;
}

/* One option; EXIT_OK or EXIT_USAGE. */
static int take_option(struct lock_run *run, int option)
{
    long number;
    switch (option) {
    case 's':
        run->mode = "shared";
        break;
    case 'x':
        run->mode = "exclusive";
        break;
    case 'n':
        run->try = true;
        break;
    case 'v':
        run->verbose = true;
        break;
    case 'w':
        if (!parse_seconds(optarg, &run->wait_ms))
            return usage_error(run->cli, "-w takes seconds, not '%s'", optarg);
        break;
    case 'E':
        if (!parse_number(optarg, 0, 255, &number))
            return usage_error(run->cli, "-E takes 0 to 255, not '%s'", optarg);
        run->conflict = (int)number;
        break;
    case STALE:
        if (strcmp(optarg, "hold") != 0 && strcmp(optarg, "fence") != 0)
            return usage_error(run->cli, "--stale takes hold or fence, not '%s'", optarg);
        run->stale = optarg;
        break;
    }
    return EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"shared", no_argument, NULL, 's'},
                                          {"exclusive", no_argument, NULL, 'x'},
                                          {"nonblock", no_argument, NULL, 'n'},
                                          {"nb", no_argument, NULL, 'n'},
                                          {"wait", required_argument, NULL, 'w'},
                                          {"timeout", required_argument, NULL, 'w'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"stale", required_argument, NULL, STALE},
                                          {"conflict-exit-code", required_argument, NULL, 'E'},
                                          COMMAND_OPTIONS};
    struct lock_run lock = {
        .cli = cli, .mode = "exclusive", .wait_ms = -1, .conflict = EXIT_NOT_GRANTED};
    int option;
    while ((option = command_option(cli, argc, argv, "+:sxnw:E:v", longs)) != -1)
        if (take_option(&lock, option) != EXIT_OK)
            return EXIT_USAGE;
    if (optind == argc)
        return usage_error(cli, "the lock's NAME is missing");
    lock.name = argv[optind++];
    if (check_lock_name(cli, lock.name) != EXIT_OK)
        return EXIT_USAGE;
    if (optind < argc && strcmp(argv[optind], "--") == 0)
        optind++;
    if (optind == argc)
        return usage_error(cli, "the COMMAND to run under the lock is missing");
    lock.argv = argv + optind;
    lock.try = lock.try || lock.wait_ms == 0; /* as flock has it */
    return run_locked(&lock);
}

const struct command cmd_lock = {"lock", "run a command under a lock", help, false, run};
