/*
 * `holdfast lock`: runs a command under a lock, with the habits of flock(1), or under several.
 *
 * 1. Connect, fork the child at its gate, open a session and watch it.
 * 2. Acquire or AcquireAll, naming the child. Refused, or a signal: the child never ran.
 * 3. Granted: the gate opens. The child ends: Release; unclean if a signal ended it.
 * 4. Meanwhile the lock may be lost: then the child's group is killed, and the code is EXIT_LOST.
 * 5. Or the agent goes away. If it is back soon (an upgrade, a crash), the session is taken up
 * again and nothing is lost; else it is as in 4.
 *
 * What must hold: the child does not run before the lock is held; when this process ends, the child
 * has ended or dies with it (PR_SET_PDEATHSIG); and when the agent stays away the child ends, since
 * nobody speaks for its lock any more.
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
#include <unistd.h>

#include <sodium.h>

#include "client/agent.h"
#include "client/child.h"
#include "client/command.h"
#include "client/fence_text.h"
#include "client/lease.h"
#include "client/lock_options.h"
#include "client/own_cgroup.h"
#include "client/resume.h"
#include "client/signals.h"
#include "client/waiting.h"
#include "client/watch.h"
#include "proto/limits.h"

enum {
    GO_ON = -1,                  /* no exit code yet; every other number may be one, 0 by -E too */
    TRY_PATIENCE_MS = 30 * 1000, /* the agent answers a try long before, unless it is stuck */
    LATE_MS = 3 * 1000,          /* how much later than the deadline the agent may answer */
    RETRY_MS = 200,              /* between questions to an agent that is not ready */
    RELEASE_MS = 10 * 1000,      /* the agent answers once it is durable there */
    REASON_MS = 500,             /* for the reason of a loss that Release was told first */
    AWAY_MS = 2 * 1000, /* an agent may be away for so long: less than its standing lasts */
    AWAY_TTL_PART = 4,  /*   with the default target; of a lease, this part of its TTL, */
    AWAY_LOOK_MS = 20,  /*   looked for so often */
    TERM_MS = 2 * 1000, /* from SIGTERM to SIGKILL, and not beyond a lease, */
    KILL_MS = 20,       /*   less what it takes to kill; */
    LAST_WORDS_MS = 700 /* and if the lock is lost: the agent kills us after 1 s */
};

struct lock_run {
    struct cli *cli;
    struct lock_options options;
    struct held held; /* what is asked for, and held */
    long long deadline_ms;
    struct varlink agent;
    struct watch watch;
    struct waiting waiting;
    struct lease lease;
    struct child child;
    struct own_cgroup cgroup; /* of the child; with --cgroup alone */
    int signals;              /* signalfd */
    bool lost;                /* a hold, or the agent, while it was held; `reason` says why */
    const char *lost_name;    /* of that lock; NULL: of all */
    char reason[WATCH_REASON_SIZE];
};

/* Waits for the agent or a signal; -1 waits for ever. True if the agent has something. */
static bool wait_for_news(const struct lock_run *run, long long ms)
{
    struct pollfd p[2] = {{.fd = run->agent.fd, .events = POLLIN},
                          {.fd = run->signals, .events = POLLIN}};
    if (ms > 60 * 1000)
        ms = 60 * 1000; /* the caller looks at its deadline again */
    return poll(p, 2, (int)ms) > 0 && p[0].revents != 0;
}

/* Whether anything is held still: what was handed over needs no agent any more. */
static bool holds_any(const struct lock_run *run)
{
    for (size_t i = 0; i < run->held.count; i++)
        if (!run->held.locks[i].passed)
            return true;
    return false;
}

/* Waits for the agent, for what happens to the lock, or for a signal. */
static void wait_while_held(const struct lock_run *run)
{
    bool any = holds_any(run);
    struct pollfd p[3] = {{.fd = any ? run->agent.fd : -1, .events = POLLIN},
                          {.fd = any ? run->watch.stream.fd : -1, .events = POLLIN},
                          {.fd = run->signals, .events = POLLIN}};
    poll(p, 3, any ? (int)lease_sleep_ms(&run->lease) : -1);
}

enum { SUBJECT_SIZE = LOCK_NAME_MAX + 32 };

/* What lines are about: a lock, or with `name` NULL all that was asked for. */
static const char *subject_of(char text[SUBJECT_SIZE], const struct held *held, const char *name)
{
    if (name || held->count == 1)
        snprintf(text, SUBJECT_SIZE, "%s", name ? name : held->locks[0].name);
    else
        snprintf(text, SUBJECT_SIZE, "%s and %zu more", held->locks[0].name, held->count - 1);
    return text;
}

static void say_reason(const struct lock_run *run, const char *name, const char *what,
                       const char *reason)
{
    char subject[SUBJECT_SIZE];
    say("%s: %s%s%s", subject_of(subject, &run->held, name), what, *reason ? ": " : "", reason);
}

/* What is wished for beside the names and the mode. */
static void add_wishes(json_t *p, const struct lock_options *o)
{
    char data[sodium_base64_ENCODED_LEN(LOCK_DATA_MAX, sodium_base64_VARIANT_ORIGINAL)];
    if (o->mode.limit > 0)
        json_object_set_new(p, "limit", json_integer(o->mode.limit));
    if (o->try)
        json_object_set_new(p, "try", json_true());
    if (o->stale)
        json_object_set_new(p, "stale", json_string(o->stale));
    if (o->ttl_ms > 0)
        json_object_set_new(p, "ttl_ms", json_integer(o->ttl_ms));
    if (o->action[0])
        json_object_set_new(p, "action", json_string(o->action));
    if (o->info)
        json_object_set_new(p, "info", json_string(o->info));
    if (o->head)
        json_object_set_new(p, "head", json_true());
    if (o->if_token > 0)
        json_object_set_new(p, "if_token", json_integer(o->if_token));
    if (o->on_lost == ON_LOST_TERM)
        json_object_set_new(p, "spare", json_true());
    if (o->data)
        json_object_set_new(
            p, "data",
            json_string(sodium_bin2base64(data, sizeof data, (const unsigned char *)o->data,
                                          strlen(o->data), sodium_base64_VARIANT_ORIGINAL)));
}

static enum varlink_status send_acquire(struct lock_run *run)
{
    const struct lock_options *o = &run->options;
    json_t *p = json_pack("{s:s}", "mode", lock_mode_text(o->mode.mode));
    json_t *names = json_array();
    for (size_t i = 0; i < run->held.count; i++)
        json_array_append_new(names, json_string(run->held.locks[i].name));
    if (run->held.several)
        json_object_set(p, "names", names);
    else
        json_object_set(p, "name", json_array_get(names, 0));
    json_decref(names);
    if (o->on_lost != ON_LOST_NONE)
        json_object_set_new(p, "pid", json_integer(run->child.pid));
    add_wishes(p, o);
    if (o->wait_ms >= 0 && !o->try) {
        long long left = run->deadline_ms - waiting_now_ms();
        json_object_set_new(p, "timeout_ms", json_integer(left > 0 ? left : 0));
    }
    return varlink_send(
        &run->agent, run->held.several ? AGENT_INTERFACE "AcquireAll" : AGENT_INTERFACE "Acquire",
        p, o->try ? VARLINK_PLAIN : VARLINK_MORE);
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
    char line[FENCE_TEXT_LINE_MAX], subject[SUBJECT_SIZE];
    bool over = run->options.wait_ms >= 0 && waiting_now_ms() >= run->deadline_ms;
    const char *name = held_subject(&run->held, reply->parameters);
    if (run->options.try || over) {
        int code = agent_unready(&run->agent, reply, name);
        return code == EXIT_ERROR && over ? run->options.conflict : code;
    }
    snprintf(line, sizeof line, "waiting: the agent is not ready: %s",
             json_text(reply->parameters, "reason"));
    waiting_say(&run->waiting, subject_of(subject, &run->held, name), line);
    wait_for_news(run, RETRY_MS);
    enum varlink_status status = send_acquire(run);
    return status == VARLINK_OK ? GO_ON : agent_failed(run->cli, status);
}

/* One reply to Acquire: GO_ON (held or not), or the code to end with. */
static int take_reply(struct lock_run *run, struct varlink_reply *reply)
{
    int code = GO_ON;
    char subject[SUBJECT_SIZE];
    if (strcmp(reply->error, AGENT_INTERFACE "NotReady") == 0) {
        code = ask_again(run, reply);
    } else if (reply->error[0] != '\0') {
        code = agent_refused(reply, held_subject(&run->held, reply->parameters));
        code = code == EXIT_NOT_GRANTED ? run->options.conflict : code;
    } else if (reply->continues) {
        const char *name = held_subject(&run->held, reply->parameters);
        waiting_reply(&run->waiting, subject_of(subject, &run->held, name), reply->parameters);
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
    const struct lock_options *o = &run->options;
    if (o->wait_ms < 0 && !o->try)
        return -1;
    long long left = run->deadline_ms + (o->try ? TRY_PATIENCE_MS : LATE_MS) - waiting_now_ms();
    return left > 0 ? left : 0;
}

/*
 * The agent went away while the locks were waited for: once it is back they are asked for anew, at
 * the end of the queue, after what it may have been granted meanwhile was given back. False: it
 * stays away, or a signal came, which is still to be served.
 */
static bool ask_anew(struct lock_run *run)
{
    long long until_ms = waiting_now_ms() + AWAY_MS;
    char subject[SUBJECT_SIZE];
    waiting_say(&run->waiting, subject_of(subject, &run->held, NULL),
                "waiting: the agent went away; asked for anew once it is back");
    for (;;) {
        enum resume found =
            resume_try(&run->agent, &run->watch, run->cli->socket, RESUME_ANSWER_MS);
        if (found == RESUME_DONE)
            resume_let_go(&run->agent);
        else if (found == RESUME_OVER &&
                 varlink_open(&run->agent, run->cli->socket) == VARLINK_OK &&
                 watch_open(&run->watch, run->cli, &run->agent) == EXIT_OK)
            found = RESUME_DONE;
        if (found == RESUME_DONE && send_acquire(run) == VARLINK_OK)
            return true;
        struct pollfd p = {.fd = run->signals, .events = POLLIN};
        if (waiting_now_ms() >= until_ms || poll(&p, 1, AWAY_LOOK_MS) > 0)
            return false;
    }
}

/* Until held (GO_ON), or the code to end with, which has been explained. */
static int acquire(struct lock_run *run)
{
    run->deadline_ms = waiting_now_ms() + (run->options.wait_ms > 0 ? run->options.wait_ms : 0);
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
            left = waiting_sleep_ms(&run->waiting, left);
            status = wait_for_news(run, left) ? varlink_fill(&run->agent) : VARLINK_OK;
            waiting_look(&run->waiting);
            if (status == VARLINK_OK)
                continue;
        }
        if (status == VARLINK_CLOSED && ask_anew(run))
            continue;
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
    if (status == VARLINK_OK) {
        lease_take(&run->lease, &run->held, reply.parameters);
        json_decref(reply.parameters);
    }
    return status == VARLINK_GARBLED || !lease_ask(&run->lease, &run->agent);
}

/* What has happened to the locks since the last look. False if the agent says no more of them. */
static bool hear_of_locks(struct lock_run *run)
{
    char hold[WATCH_HOLD_SIZE], reason[WATCH_REASON_SIZE];
    for (;;) {
        enum watch_event event = watch_next(&run->watch, hold, reason);
        struct held_lock *lock = held_find(&run->held, hold);
        const char *name = lock ? lock->name : NULL;
        bool ours = lock || hold[0] == '\0';
        if (lock && (event == WATCH_AT_RISK || event == WATCH_SAFE))
            lock->at_risk = event == WATCH_AT_RISK;
        switch (event) {
        case WATCH_NONE:
            return true;
        case WATCH_OTHER:
            break;
        case WATCH_AT_RISK:
            if (ours && !run->options.quiet)
                say_reason(run, name, "the lock is at risk", reason);
            break;
        case WATCH_SAFE:
            if (ours && !run->options.quiet)
                say_reason(run, name, "the lock is safe again", reason);
            break;
        case WATCH_DRAINING:
            if (ours && !run->options.quiet)
                say_reason(run, name, "please let go", reason);
            break;
        case WATCH_PASSED:
            if (lock)
                lock->passed = true;
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

/* The agent does not know the hold any more: waits a little for what became of it, which comes on
 * the other connection: it was handed over, or lost for some reason. */
static void learn_end(struct lock_run *run, const struct held_lock *lock)
{
    long long deadline = waiting_now_ms() + REASON_MS, left;
    while (hear_of_locks(run) && !run->lost && !lock->passed &&
           (left = deadline - waiting_now_ms()) > 0) {
        struct pollfd p = {.fd = run->watch.stream.fd, .events = POLLIN};
        poll(&p, 1, (int)left);
    }
    run->lost = run->lost || !lock->passed;
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
        learn_end(run, lock);
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
    if (!own_cgroup_end(&run->cgroup)) { /* what the command left acts on, so the lock stays */
        say("%s: processes that cannot be killed are left: the agent keeps the lock until they "
            "have ended",
            run->cgroup.path);
        return;
    }
    if (!lease_settle(&run->lease, &run->held, &run->agent, RELEASE_MS)) {
        say_reason(run, NULL, "the release was not confirmed", "the agent does not answer");
        return;
    }
    for (size_t i = 0; i < run->held.count; i++)
        if (!run->held.locks[i].passed && !release_one(run, &run->held.locks[i]))
            return;
}

/* How the command is ended where nothing was asked for. */
static enum on_lost way_of(const struct lock_run *run, enum on_lost otherwise)
{
    return run->options.on_lost == ON_LOST_DEFAULT ? otherwise : run->options.on_lost;
}

static void end_command(struct lock_run *run, enum on_lost way, int grace_ms)
{
    if (way == ON_LOST_NONE)
        child_leave(&run->child);
    else
        child_kill(&run->child, way == ON_LOST_TERM ? grace_ms : 0);
    own_cgroup_end(&run->cgroup);
}

/* The lock is gone: ends the command before anything else is done (F7), then says why. */
static int end_lost(struct lock_run *run)
{
    enum on_lost way = way_of(run, ON_LOST_KILL);
    bool left = way == ON_LOST_NONE && run->child.pid > 0;
    if (way != ON_LOST_NONE)
        child_signal(&run->child, way == ON_LOST_TERM ? SIGTERM : SIGKILL);
    say_reason(run, run->lost_name,
               left ? "the lock was lost and the command goes on without it"
                    : "the lock was lost and the command ended",
               run->reason);
    end_command(run, way, LAST_WORDS_MS);
    return EXIT_LOST;
}

/* How much of `ms` is left before the first lease is over, less `spare_ms` and what it takes to
 * kill: others are let in then. */
static int time_left(const struct lock_run *run, int ms, int spare_ms)
{
    long long left_ms = lease_left_ms(&run->lease, &run->held);
    if (left_ms < 0)
        return ms;
    left_ms -= spare_ms + KILL_MS;
    return left_ms < ms ? (int)(left_ms > 0 ? left_ms : 0) : ms;
}

static int end_without_agent(struct lock_run *run)
{
    enum on_lost way = way_of(run, ON_LOST_TERM);
    run->lost = true;
    snprintf(run->reason, sizeof run->reason, "the agent was lost while the lock was held");
    if (way != ON_LOST_NONE)
        child_signal(&run->child, way == ON_LOST_TERM && time_left(run, 1, 0) ? SIGTERM : SIGKILL);
    say_reason(run, NULL, run->reason,
               way == ON_LOST_NONE ? "the command goes on without it" : "the command is ended");
    end_command(run, way, time_left(run, TERM_MS, 0));
    return EXIT_LOST;
}

/* The TTL of what is asked for; 0: it does not expire. */
static long long ttl_of(const struct lock_options *o)
{
    bool expires = o->stale ? strcmp(o->stale, "expire") == 0 : !lock_mode_writes(o->mode.mode);
    return expires ? (o->ttl_ms > 0 ? o->ttl_ms : LEASE_TTL_DEFAULT_MS) : 0;
}

/* How long an answer of an agent that comes back is waited for: of a lease, as long as leaves the
 * time for SIGTERM, since when it is over nobody but this process ends the command. */
static int answer_ms(const struct lock_run *run)
{
    long long ttl_ms = run->lease.ttl_ms, term_ms = ttl_ms / AWAY_TTL_PART;
    if (ttl_ms == 0)
        return RESUME_ANSWER_MS;
    return time_left(run, RESUME_ANSWER_MS, term_ms < TERM_MS ? (int)term_ms : TERM_MS);
}

/* How long an agent may be away without anybody else being let in: not at all if it did not get a
 * lease renewed for half of it. */
static int away_ms(const struct lock_run *run)
{
    long long part_ms = run->lease.ttl_ms / AWAY_TTL_PART;
    if (run->lease.ttl_ms == 0)
        return AWAY_MS;
    if (lease_at_risk(&run->lease, &run->held))
        return 0;
    int left_ms = answer_ms(run), most_ms = part_ms < AWAY_MS ? (int)part_ms : AWAY_MS;
    return left_ms < most_ms ? left_ms : most_ms;
}

/* The agent is back: whether it has all that was held before. */
static bool all_resumed(struct lock_run *run, int ms)
{
    bool known;
    const struct held_lock *missing = resume_missing(&run->agent, &run->held, ms, &known);
    if (known && missing) {
        run->lost = true;
        run->lost_name = missing->name;
        snprintf(run->reason, sizeof run->reason, "the agent does not have it after its restart");
    }
    return known && !missing;
}

/*
 * The agent went away: until it is back and has all that was held (true), or it is too late. The
 * command goes on meanwhile; if it ends, *ended, it is still to be released.
 */
static bool agent_back(struct lock_run *run, bool *ended, int *code)
{
    int longest_ms = away_ms(run), ms;
    long long until_ms = waiting_now_ms() + longest_ms;
    lease_again(&run->lease);
    for (;;) {
        enum resume found = RESUME_AGAIN;
        if (longest_ms > 0 && (ms = answer_ms(run)) > 0)
            found = resume_try(&run->agent, &run->watch, run->cli->socket, ms);
        if (found == RESUME_DONE && all_resumed(run, answer_ms(run))) {
            if (run->options.verbose)
                say_reason(run, NULL, "the agent was restarted, and the lock is held", "");
            return true;
        }
        if (found == RESUME_OVER) {
            run->lost = true;
            snprintf(run->reason, sizeof run->reason,
                     "the agent was restarted, and does not know this session");
        }
        if (run->lost || waiting_now_ms() >= until_ms)
            return false;
        struct pollfd p = {.fd = run->signals, .events = POLLIN};
        poll(&p, 1, AWAY_LOOK_MS);
        *ended = *ended || serve_signals(run, code);
    }
}

/* The command runs, or has just ended: to its end. */
static int watch_over(struct lock_run *run)
{
    int code = EXIT_ERROR;
    bool ended = false;
    for (;;) {
        ended = ended || serve_signals(run, &code);
        bool heard = hear_of_locks(run);
        if (run->lost)
            return end_lost(run);
        if (ended)
            break;
        if (holds_any(run) && (!heard || agent_lost(run))) {
            if (agent_back(run, &ended, &code))
                continue;
            if (!ended)
                return run->lost ? end_lost(run) : end_without_agent(run);
            break;
        }
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
    const json_t *mark = lock->unclean;
    bool value = run->options.value && json_is_object(lock->value);
    grant->token = lock->token;
    memcpy(grant->hold, lock->hold, sizeof grant->hold);
    fence_text_unclean(grant->unclean, sizeof grant->unclean, mark);
    if (json_is_object(mark))
        snprintf(grant->mark, sizeof grant->mark, "%lld.%lld.%lld", json_number(mark, "slot"),
                 json_number(mark, "life"), json_number(mark, "token"));
    if (value)
        snprintf(grant->value, sizeof grant->value, "%s", json_text(lock->value, "bytes"));
    if (value)
        snprintf(grant->valid, sizeof grant->valid, "%d", json_flag(lock->value, "valid"));
    fence_text_mark(line, sizeof line, mark);
    if (line[0] != '\0' && !run->options.quiet)
        say_reason(run, lock->name, "the last hold ended uncleanly", line);
    if (run->options.verbose)
        say("%s: held %s, token %llu", lock->name, lock_mode_text(run->options.mode.mode),
            lock->token);
}

/* Runs the command under the locks. */
static int guard(struct lock_run *run)
{
    static struct child_grants grants;
    memcpy(grants.session, run->watch.secret, sizeof grants.session);
    lease_begin(&run->lease, &run->held, ttl_of(&run->options));
    for (size_t i = 0; i < run->held.count; i++)
        take_grant(run, &run->held.locks[i], &grants.of[i]);
    int error = child_go(&run->child, &grants);
    if (error == 0)
        return watch_over(run);
    say("cannot run %s: %s", run->options.argv[0], strerror(error));
    release(run);
    return error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN;
}

/* After the command's own output, and only if it may have run. */
static void print_json(const struct lock_run *run, int code)
{
    const struct mode_option *m = &run->options.mode;
    json_t *out = json_pack("{s:s, s:I, s:b, s:s, s:i}", "mode", lock_mode_text(m->mode), "limit",
                            (json_int_t)m->limit, "lost", (int)run->lost, "reason", run->reason,
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
    const struct child_plan plan = {.argv = run->options.argv,
                                    .held = &run->held,
                                    .mode = lock_mode_text(run->options.mode.mode),
                                    .socket = run->cli->socket,
                                    .outlives = run->options.on_lost == ON_LOST_NONE,
                                    .mask = &mask,
                                    .secret_fd = run->agent.fd};
    run->signals = signals_open(true, &mask);
    if (run->signals < 0 || !child_fork(&run->child, &plan)) {
        say("cannot start a process: %s", strerror(errno));
        varlink_close(&run->agent);
        return EXIT_ERROR;
    }
    waiting_begin(&run->waiting, run->cli, run->options.verbose);
    bool placed = !run->options.cgroup || own_cgroup_make(&run->cgroup, run->child.pid);
    code = placed ? watch_open(&run->watch, run->cli, &run->agent) : EXIT_ERROR;
    if (code == EXIT_OK)
        code = acquire(run);
    waiting_end(&run->waiting);
    if (run->held.reply)
        code = guard(run);
    /* Before the connections: to the agent their end says that the client is dead, and then it
     * waits for the child. */
    child_close(&run->child);
    own_cgroup_end(&run->cgroup);
    watch_close(&run->watch);
    varlink_close(&run->agent);
    if (run->held.reply && run->cli->json)
        print_json(run, code);
    held_drop(&run->held);
    close(run->signals);
    return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct lock_run lock = {.cli = cli, .watch.stream.fd = -1};
    if (lock_options_take(&lock.options, &lock.held, cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    return run_locked(&lock);
}

const struct command cmd_lock = {"lock", "runs a command under a lock", lock_options_help, true,
                                 run};
