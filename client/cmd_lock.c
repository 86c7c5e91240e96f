/*
 * `holdfast lock`: runs a command under a lock, with the habits of flock(1), or under several.
 *
 * 1. Connect, fork the child at its gate, open a session and watch it.
 * 2. Acquire or AcquireAll, naming the child. Refused, or a signal: the child never ran.
 * 3. Granted: the gate opens. The child ends: Release; unclean if a signal ended it.
 * 4. Meanwhile the lock may be lost, or the agent: then the child's group is killed, and the code
 * is EXIT_LOST.
 *
 * What must hold: the child does not run before the lock is held; when this process ends, the child
 * has ended or dies with it (PR_SET_PDEATHSIG); and when the agent is lost the child ends, since
 * from then on nobody speaks for its lock.
 *
 * A lost lock (F7, F3): the agent kills all that acts under it, and this process is part of that,
 * being at the other end of the session's socket (F11). So that somebody can say what happened, the
 * agent first tells watchers, kills the child and its group at once, and gives this process a
 * second to end by itself. It kills the child too, and at once, so that neither depends on the
 * other. If the child's death is seen first, then Release is refused with NoSuchHold, which says
 * the same.
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
#include "client/fence_text.h"
#include "client/signals.h"
#include "client/watch.h"
#include "proto/limits.h"
#include "proto/lock_mode.h"

static const char help[] =
    "usage: holdfast lock [-s|-x|-m MODE|--count N] [-n] [-w SEC] [-E CODE] [-v|-q]\n"
    "                     [--stale hold|fence] [--json] NAME [--] COMMAND [ARGUMENT...]\n"
    "       holdfast lock -a [OPTION...] NAME [NAME...] -- COMMAND [ARGUMENT...]\n"
    "\n"
    "Takes the lock NAME, runs COMMAND, and releases the lock when COMMAND ends. COMMAND finds\n"
    "HOLDFAST_NAME, HOLDFAST_MODE, HOLDFAST_HOLD and HOLDFAST_TOKEN in its environment; and, if\n"
    "the last hold ended uncleanly, HOLDFAST_UNCLEAN: \"NODE/LIFE MODE BY PROOF\". With -a it "
    "finds\n"
    "HOLDFAST_MODE, HOLDFAST_COUNT, and HOLDFAST_NAME_1, HOLDFAST_TOKEN_1 and so on.\n"
    "\n"
    "  -a, --all           every NAME up to --, or none; in whatever order they are given, two "
    "that\n"
    "                      ask so never wait for each other\n"
    "  -s, --shared        together with other readers\n"
    "  -x, --exclusive     alone (the default)\n"
    "  -m, --mode MODE     one of " LOCK_MODE_NAMES "\n"
    "  --count N           together with at most N-1 others, and no more than any of them allows;\n"
    "                      N is 1 to 256; the mode is counted\n"
    "  -n, --nonblock      do not wait\n"
    "  -w, --wait SEC      wait no longer than this; a fraction is allowed\n"
    "  -E, --conflict-exit-code CODE\n"
    "                      instead of 3 if the lock is not granted\n"
    "  -v, --verbose       say what is waited for, and when the lock is held\n"
    "  -q, --quiet         no warnings: that the lock is at risk, that the last hold ended\n"
    "                      uncleanly\n"
    "  --stale POLICY      if this node dies: hold (until it boots again), or fence (by an order "
    "of the\n"
    "                      jurors), the default for the modes that write: CW, PW and EX\n"
    "  --json              one object on stdout after COMMAND has ended\n"
    "\n"
    "The exit code is COMMAND's (128+n if signal n ended it); 2 no majority; 3 not granted; 4 the\n"
    "lock or the agent was lost while the lock was held; 69 no agent; 126, 127 COMMAND cannot "
    "run.\n";

enum {
    STALE = OPTION_OWN,
    COUNT,
    GO_ON = -1,                  /* no exit code yet; every other number may be one, 0 by -E too */
    TRY_PATIENCE_MS = 30 * 1000, /* the agent answers a try long before, unless it is stuck */
    LATE_MS = 3 * 1000,          /* how much later than the deadline the agent may answer */
    RETRY_MS = 200,              /* between questions to an agent that is not ready */
    RELEASE_MS = 10 * 1000,      /* the agent answers once it is durable there */
    REASON_MS = 500,             /* for the reason of a loss that Release was told first */
    KILL_GRACE_MS = 2 * 1000
};

struct lock_run {
    struct cli *cli;
    struct held held; /* what is asked for, and held */
    enum lock_mode mode;
    long limit;        /* of a counted one; else 0 */
    const char *stale; /* NULL: the agent's default */
    char **argv;
    bool try;
    bool verbose;
    bool quiet;
    long long wait_ms; /* -1: for ever */
    int conflict;      /* the code for "not granted" */
    long long deadline_ms;
    struct varlink agent;
    struct watch watch;
    struct child child;
    int signals;           /* signalfd */
    bool lost;             /* a hold, or the agent, while it was held; `reason` says why */
    const char *lost_name; /* of that lock; NULL: of all */
    char reason[WATCH_REASON_SIZE];
    char progress[FENCE_TEXT_LINE_MAX]; /* the last line about waiting: none is said twice */
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

/* Waits for the agent, for what happens to the lock, or for a signal. */
static void wait_while_held(const struct lock_run *run)
{
    struct pollfd p[3] = {{.fd = run->agent.fd, .events = POLLIN},
                          {.fd = run->watch.stream.fd, .events = POLLIN},
                          {.fd = run->signals, .events = POLLIN}};
    poll(p, 3, -1);
}

/* "image/x: text"; `name` NULL: of all that was asked for. */
static void say_of(const struct lock_run *run, const char *name, const char *text)
{
    const char *first = run->held.locks[0].name;
    if (name || !run->held.several)
        say("%s: %s", name ? name : first, text);
    else if (run->held.count == 1)
        say("%s: %s", first, text);
    else
        say("%s and %zu more: %s", first, run->held.count - 1, text);
}

static void say_reason(const struct lock_run *run, const char *name, const char *what,
                       const char *reason)
{
    char text[FENCE_TEXT_LINE_MAX + 64];
    snprintf(text, sizeof text, "%s%s%s", what, *reason ? ": " : "", reason);
    say_of(run, name, text);
}

/* Says a line about waiting, if it is new and somebody looks. */
static void say_progress(struct lock_run *run, const char *name, const char *line)
{
    char full[sizeof run->progress];
    snprintf(full, sizeof full, "%s: %s", name ? name : "", line);
    bool said = strcmp(full, run->progress) == 0;
    memcpy(run->progress, full, sizeof full);
    if (!said && (run->verbose || isatty(STDERR_FILENO)))
        say_of(run, name, line);
}

static void show_progress(struct lock_run *run, const json_t *reply)
{
    char line[FENCE_TEXT_LINE_MAX];
    const char *name = held_subject(&run->held, reply);
    fence_text_waiting(line, sizeof line, reply);
    if (line[0] != '\0')
        say_progress(run, name, line);
    else if (run->verbose && run->progress[0] == '\0')
        say_progress(run, name, "asking");
    /* Else it is asked again, as happens now and then: what was said last still holds. */
}

static enum varlink_status send_acquire(struct lock_run *run)
{
    json_t *p = json_pack("{s:s, s:I}", "mode", lock_mode_text(run->mode), "pid",
                          (json_int_t)run->child.pid);
    json_t *names = json_array();
    for (size_t i = 0; i < run->held.count; i++)
        json_array_append_new(names, json_string(run->held.locks[i].name));
    if (run->held.several)
        json_object_set(p, "names", names);
    else
        json_object_set(p, "name", json_array_get(names, 0));
    json_decref(names);
    if (run->limit > 0)
        json_object_set_new(p, "limit", json_integer(run->limit));
    if (run->try)
        json_object_set_new(p, "try", json_true());
    if (run->stale)
        json_object_set_new(p, "stale", json_string(run->stale));
    if (run->wait_ms >= 0 && !run->try) {
        long long left = run->deadline_ms - now_ms();
        json_object_set_new(p, "timeout_ms", json_integer(left > 0 ? left : 0));
    }
    return varlink_send(
        &run->agent, run->held.several ? AGENT_INTERFACE "AcquireAll" : AGENT_INTERFACE "Acquire",
        p, run->try ? VARLINK_PLAIN : VARLINK_MORE);
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
    char line[FENCE_TEXT_LINE_MAX];
    bool over = run->wait_ms >= 0 && now_ms() >= run->deadline_ms;
    const char *name = held_subject(&run->held, reply->parameters);
    if (run->try || over) {
        int code = agent_unready(&run->agent, reply, name);
        return code == EXIT_ERROR && over ? run->conflict : code;
    }
    snprintf(line, sizeof line, "waiting: the agent is not ready: %s",
             json_text(reply->parameters, "reason"));
    say_progress(run, name, line);
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
        code = agent_refused(reply, held_subject(&run->held, reply->parameters));
        code = code == EXIT_NOT_GRANTED ? run->conflict : code;
    } else if (reply->continues) {
        show_progress(run, reply->parameters);
    } else if (held_take(&run->held, reply->parameters)) {
        return GO_ON;
    } else {
        return agent_failed(run->cli, VARLINK_GARBLED);
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
    while (code == GO_ON && run->held.reply == NULL) {
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

/* What has happened to the locks since the last look. False if the agent says no more of them. */
static bool hear_of_locks(struct lock_run *run)
{
    char hold[WATCH_HOLD_SIZE], reason[WATCH_REASON_SIZE];
    for (;;) {
        enum watch_event event = watch_next(&run->watch, hold, reason);
        const struct held_lock *lock = held_find(&run->held, hold);
        const char *name = lock ? lock->name : NULL;
        bool ours = lock || hold[0] == '\0';
        switch (event) {
        case WATCH_NONE:
            return true;
        case WATCH_OTHER:
            break;
        case WATCH_AT_RISK:
            if (ours && !run->quiet)
                say_reason(run, name, "the lock is at risk", reason);
            break;
        case WATCH_SAFE:
            if (ours && !run->quiet)
                say_reason(run, name, "the lock is safe again", reason);
            break;
        case WATCH_LOST:
            if (!ours)
                break;
            run->lost = true;
            run->lost_name = name;
            memcpy(run->reason, reason, sizeof reason);
            return true;
        case WATCH_ENDED:
            return false;
        }
    }
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

/* The agent does not know the hold any more: waits a little for the reason, which comes on the
 * other connection. */
static void learn_reason(struct lock_run *run)
{
    long long deadline = now_ms() + REASON_MS, left;
    while (hear_of_locks(run) && !run->lost && (left = deadline - now_ms()) > 0) {
        struct pollfd p = {.fd = run->watch.stream.fd, .events = POLLIN};
        poll(&p, 1, (int)left);
    }
    run->lost = true;
}

/* Gives one lock back. False if nobody is there any more to give another back to. */
static bool release_one(struct lock_run *run, const struct held_lock *lock)
{
    struct varlink_reply reply;
    json_t *p = json_pack("{s:s}", "hold", lock->hold);
    if (run->child.signaled)
        json_object_set_new(p, "unclean", json_true());
    enum varlink_status status =
        varlink_call(&run->agent, AGENT_INTERFACE "Release", p, &reply, RELEASE_MS);
    if (status != VARLINK_OK) {
        say_reason(run, lock->name, "the release was not confirmed", varlink_status_text(status));
        return false;
    }
    if (agent_error_is(&reply, "NoSuchHold") || agent_error_is(&reply, "NoSuchSession"))
        learn_reason(run);
    else if (reply.error[0] != '\0')
        agent_refused(&reply, lock->name);
    json_decref(reply.parameters);
    return true;
}

/*
 * Gives the locks back. A failure does not change the code, since the agent drops what a client
 * that went away had held; but a hold that the agent does not know any more was lost.
 */
static void release(struct lock_run *run)
{
    for (size_t i = 0; i < run->held.count; i++)
        if (!release_one(run, &run->held.locks[i]))
            return;
}

/* The lock is gone: ends the command before anything else is done (F7), then says why. */
static int end_lost(struct lock_run *run)
{
    child_signal(&run->child, SIGKILL);
    say_reason(run, run->lost_name, "the lock was lost and the command ended", run->reason);
    child_kill(&run->child, 0);
    return EXIT_LOST;
}

static int end_without_agent(struct lock_run *run)
{
    run->lost = true;
    snprintf(run->reason, sizeof run->reason, "the agent was lost while the lock was held");
    say_reason(run, NULL, run->reason, "the command is ended");
    child_kill(&run->child, KILL_GRACE_MS);
    return EXIT_LOST;
}

/* The command runs, or has just ended: to its end. */
static int watch_over(struct lock_run *run)
{
    int code = EXIT_ERROR;
    for (;;) {
        bool ended = serve_signals(run, &code);
        bool heard = hear_of_locks(run);
        if (run->lost)
            return end_lost(run);
        if (ended)
            break;
        if (!heard || agent_lost(run))
            return end_without_agent(run);
        wait_while_held(run);
    }
    release(run);
    return run->lost ? end_lost(run) : code;
}

/* What the command is told of one lock, and whoever started it. */
static void take_grant(const struct lock_run *run, const struct held_lock *lock,
                       struct child_grant *grant)
{
    char line[FENCE_TEXT_LINE_MAX];
    grant->token = lock->token;
    memcpy(grant->hold, lock->hold, sizeof grant->hold);
    fence_text_unclean(grant->unclean, sizeof grant->unclean, lock->unclean);
    fence_text_mark(line, sizeof line, lock->unclean);
    if (line[0] != '\0' && !run->quiet)
        say_reason(run, lock->name, "the last hold ended uncleanly", line);
    if (run->verbose)
        say("%s: held %s, token %llu", lock->name, lock_mode_text(run->mode), lock->token);
}

/* Runs the command under the locks. */
static int guard(struct lock_run *run)
{
    static struct child_grant grants[HELD_MAX];
    for (size_t i = 0; i < run->held.count; i++)
        take_grant(run, &run->held.locks[i], &grants[i]);
    int error = child_go(&run->child, grants, run->held.count);
    if (error == 0)
        return watch_over(run);
    say("cannot run %s: %s", run->argv[0], strerror(error));
    release(run);
    return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

/* After the command's own output, and only if it may have run. */
static void print_json(const struct lock_run *run, int code)
{
    json_t *out = json_pack("{s:s, s:I, s:b, s:s, s:i}", "mode", lock_mode_text(run->mode), "limit",
                            (json_int_t)run->limit, "lost", (int)run->lost, "reason", run->reason,
                            "code", code);
    if (!out)
        return;
    held_print(&run->held, out);
    json_print(out);
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
                                    .held = &run->held,
                                    .mode = lock_mode_text(run->mode),
                                    .mask = &mask,
                                    .secret_fd = run->agent.fd};
    run->signals = signals_open(true, &mask);
    if (run->signals < 0 || !child_fork(&run->child, &plan)) {
        say("cannot start a process: %s", strerror(errno));
        varlink_close(&run->agent);
        return EXIT_ERROR;
    }
    code = watch_open(&run->watch, run->cli, &run->agent);
    if (code == EXIT_OK)
        code = acquire(run);
    if (run->held.reply)
        code = guard(run);
    /* Before the connections: to the agent their end says that the client is dead, and then it
     * waits for the child. */
    child_close(&run->child);
    watch_close(&run->watch);
    varlink_close(&run->agent);
    if (run->held.reply && run->cli->json)
        print_json(run, code);
    held_drop(&run->held);
    close(run->signals);
    return code;
}

/* One option; EXIT_OK or EXIT_USAGE. */
static int take_option(struct lock_run *run, int option)
{
    long number;
    switch (option) {
    case 'a':
        run->held.several = true;
        break;
    case 's':
        run->mode = LOCK_SHARED;
        break;
    case 'x':
        run->mode = LOCK_EXCLUSIVE;
        break;
    case 'm':
        if (!lock_mode_parse(&run->mode, optarg))
            return usage_error(run->cli, "-m takes one of " LOCK_MODE_NAMES ", not '%s'", optarg);
        break;
    case COUNT:
        if (!parse_number(optarg, 1, LOCK_COUNT_MAX, &run->limit))
            return usage_error(run->cli, "--count takes 1 to %d, not '%s'", (int)LOCK_COUNT_MAX,
                               optarg);
        break;
    case 'n':
        run->try = true;
        break;
    case 'q':
        run->quiet = true;
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

/* What -m, -s, -x and --count say together. */
static int settle_mode(struct lock_run *run)
{
    if (run->mode == LOCK_MODES)
        run->mode = run->limit > 0 ? LOCK_COUNTED : LOCK_EXCLUSIVE;
    if (run->mode == LOCK_COUNTED && run->limit == 0)
        return usage_error(run->cli, "the mode counted needs --count N: how many may hold it");
    if (run->mode != LOCK_COUNTED && run->limit > 0)
        return usage_error(run->cli, "--count goes with the mode counted, not with %s",
                           lock_mode_text(run->mode));
    return EXIT_OK;
}

/* NAME, or with -a all up to "--"; then the command. flock's habits rule out to guess from a "--"
 * further on that there are several: it may be the command's own. */
static int take_names(struct lock_run *run, int argc, char **argv)
{
    struct held *held = &run->held;
    if (optind == argc)
        return usage_error(run->cli, "the lock's NAME is missing");
    while (optind < argc && (held->count == 0 || held->several) &&
           (held->count == 0 || strcmp(argv[optind], "--") != 0)) {
        if (held->count == HELD_MAX)
            return usage_error(run->cli, "-a takes at most %d names, up to '--'", (int)HELD_MAX);
        if (check_lock_name(run->cli, argv[optind]) != EXIT_OK)
            return EXIT_USAGE;
        held->locks[held->count++].name = argv[optind++];
    }
    if (held->several && optind == argc)
        return usage_error(run->cli, "with -a a '--' is needed after the last NAME");
    if (held_twice(held))
        return usage_error(run->cli, "'%s' is there twice", held_twice(held));
    if (optind < argc && strcmp(argv[optind], "--") == 0)
        optind++;
    if (optind == argc)
        return usage_error(run->cli, "the COMMAND to run under the lock is missing");
    run->argv = argv + optind;
    return EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"all", no_argument, NULL, 'a'},
                                          {"shared", no_argument, NULL, 's'},
                                          {"exclusive", no_argument, NULL, 'x'},
                                          {"mode", required_argument, NULL, 'm'},
                                          {"count", required_argument, NULL, COUNT},
                                          {"nonblock", no_argument, NULL, 'n'},
                                          {"nb", no_argument, NULL, 'n'},
                                          {"wait", required_argument, NULL, 'w'},
                                          {"timeout", required_argument, NULL, 'w'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          {"quiet", no_argument, NULL, 'q'},
                                          {"stale", required_argument, NULL, STALE},
                                          {"conflict-exit-code", required_argument, NULL, 'E'},
                                          COMMAND_OPTIONS};
    struct lock_run lock = {.cli = cli,
                            .mode = LOCK_MODES,
                            .wait_ms = -1,
                            .conflict = EXIT_NOT_GRANTED,
                            .watch.stream.fd = -1};
    int option;
    while ((option = command_option(cli, argc, argv, "+:asxm:nw:E:vq", longs)) != -1)
        if (take_option(&lock, option) != EXIT_OK)
            return EXIT_USAGE;
    if (settle_mode(&lock) != EXIT_OK || take_names(&lock, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    lock.try = lock.try || lock.wait_ms == 0; /* as flock has it */
    return run_locked(&lock);
}

const struct command cmd_lock = {"lock", "run a command under a lock", help, true, run};
