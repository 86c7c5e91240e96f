/* The command under `holdfast lock`: see child.h. */
#include "client/child.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "client/exit.h"

enum { POLL_MS = 10 };

static void sleep_ms(int ms)
{
    struct timespec t = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&t, NULL);
}

/* They cross the gate in one write that never waits for a reader. */
_Static_assert(sizeof(struct child_grants) <= 65536, "grants fit an empty pipe (pipe(7))");

/* `value` NULL or "": removes the variable, since one of a lock around this one is not about this.
 */
static bool set(const char *name, size_t number, const char *value)
{
    char full[32];
    if (number > 0)
        snprintf(full, sizeof full, "%s_%zu", name, number);
    else
        snprintf(full, sizeof full, "%s", name);
    return value && *value ? setenv(full, value, 1) == 0 : unsetenv(full) == 0;
}

/* Of one lock; `number` is 0 where there is only one. `name` NULL: removes all. */
static bool set_lock(size_t number, const char *name, const struct child_grant *grant)
{
    static const struct child_grant nothing;
    char token[24] = "";
    if (name)
        snprintf(token, sizeof token, "%" PRIu64, grant->token);
    else
        grant = &nothing;
    return set("HOLDFAST_NAME", number, name) && set("HOLDFAST_TOKEN", number, token) &&
           set("HOLDFAST_HOLD", number, grant->hold) &&
           set("HOLDFAST_UNCLEAN", number, grant->unclean) &&
           set("HOLDFAST_MARK", number, grant->mark) &&
           set("HOLDFAST_VALUE", number, grant->value) &&
           set("HOLDFAST_VALUE_VALID", number, grant->valid);
}

/* The agent's socket, also for a command that changes its directory. */
static bool set_socket(const char *path)
{
    char *full = path[0] == '/' ? NULL : realpath(path, NULL);
    bool done = setenv("HOLDFAST_SOCKET", full ? full : path, 1) == 0;
    free(full);
    return done;
}

static bool set_environment(const struct child_plan *plan, const struct child_grants *grants)
{
    const struct held *held = plan->held;
    char count[24];
    if (!set("HOLDFAST_MODE", 0, plan->mode) || !set("HOLDFAST_SESSION", 0, grants->session) ||
        !set_socket(plan->socket))
        return false;
    if (!held->several)
        return set_lock(0, held->locks[0].name, &grants->of[0]);
    snprintf(count, sizeof count, "%zu", held->count);
    for (size_t i = 0; i < HELD_MAX; i++)
        if (!set_lock(i + 1, i < held->count ? held->locks[i].name : NULL, &grants->of[i]))
            return false;
    return set("HOLDFAST_COUNT", 0, count) && set_lock(0, NULL, NULL);
}

/* In the child, the gate open: becomes the command, or reports why not. */
static _Noreturn void become(const struct child_plan *plan, const struct child_grants *grants,
                             int report)
{
    if (set_environment(plan, grants)) {
        signal(SIGPIPE, SIG_DFL); /* ignored by this program, not by the command */
        sigprocmask(SIG_SETMASK, plan->mask, NULL);
        execvp(plan->argv[0], plan->argv);
    }
    int error = errno;
    ssize_t ignored = write(report, &error, sizeof error);
    (void)ignored; /* without a reader nobody is left to tell */
    _exit(error == ENOENT ? EXIT_NOT_FOUND : EXIT_CANNOT_RUN);
}

/* False if the other end closes before. */
static bool read_all(int fd, void *out, size_t size)
{
    size_t at = 0;
    while (at < size) {
        ssize_t got = read(fd, (char *)out + at, size - at);
        if (got == 0 || (got < 0 && errno != EINTR))
            return false;
        at += got > 0 ? (size_t)got : 0;
    }
    return true;
}

static _Noreturn void wait_at_gate(const struct child_plan *plan, pid_t parent, int gate,
                                   int report)
{
    static struct child_grants grants;
    setpgid(0, 0);
    /* Until it is let go it has nothing to outlive its parent for. */
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    /* A parent that died before the line above sends no signal. */
    if (getppid() != parent)
        _exit(EXIT_ERROR);
    close(plan->secret_fd);
    if (!read_all(gate, &grants, sizeof grants))
        _exit(EXIT_ERROR);
    close(gate);
    if (plan->outlives)
        prctl(PR_SET_PDEATHSIG, 0);
    become(plan, &grants, report);
}

/* The terminal to hand over, or -1: see child.h. */
static int find_terminal(void)
{
    if (!isatty(STDIN_FILENO) || !isatty(STDOUT_FILENO))
        return -1;
    int terminal = open("/dev/tty", O_RDWR | O_CLOEXEC);
    if (terminal < 0)
        return -1;
    if (tcgetpgrp(terminal) == getpgrp())
        return terminal;
    close(terminal);
    return -1;
}

bool child_fork(struct child *child, const struct child_plan *plan)
{
    int gate[2], report[2];
    pid_t parent = getpid();
    *child = (struct child){.gate = -1, .report = -1, .terminal = -1};
    if (pipe2(gate, O_CLOEXEC) != 0)
        return false;
    if (pipe2(report, O_CLOEXEC) != 0) {
        close(gate[0]);
        close(gate[1]);
        return false;
    }
    fflush(NULL); /* what is buffered must not be written twice */
    pid_t pid = fork();
    if (pid == 0) {
        close(gate[1]);
        close(report[0]);
        wait_at_gate(plan, parent, gate[0], report[1]);
    }
    close(gate[0]);
    close(report[1]);
    child->gate = gate[1];
    child->report = report[0];
    if (pid < 0) {
        child_close(child);
        return false;
    }
    child->pid = pid;
    setpgid(pid, pid); /* both sides do it, so that it is done before either goes on */
    child->terminal = find_terminal();
    return true;
}

/* Makes `group` the foreground one. From the background that would stop us: SIGTTOU is blocked. */
static void give_terminal(const struct child *child, pid_t group)
{
    sigset_t block, old;
    if (child->terminal < 0)
        return;
    sigemptyset(&block);
    sigaddset(&block, SIGTTOU);
    sigprocmask(SIG_BLOCK, &block, &old);
    tcsetpgrp(child->terminal, group);
    sigprocmask(SIG_SETMASK, &old, NULL);
}

int child_go(struct child *child, const struct child_grants *grants)
{
    int error = 0;
    give_terminal(child, child->pid);
    ssize_t put = write(child->gate, grants, sizeof *grants);
    close(child->gate);
    child->gate = -1;
    if (put != (ssize_t)sizeof *grants)
        return ECHILD;
    ssize_t got;
    do
        got = read(child->report, &error, sizeof error);
    while (got < 0 && errno == EINTR);
    return got == (ssize_t)sizeof error ? error : 0;
}

void child_signal(const struct child *child, int signo)
{
    if (child->pid > 0)
        kill(-child->pid, signo);
}

enum child_state child_poll(struct child *child, int *code)
{
    int status;
    pid_t got = waitpid(child->pid, &status, WNOHANG | WUNTRACED);
    if (got == 0 || (got < 0 && errno == EINTR))
        return CHILD_RUNS;
    if (got == child->pid && WIFSTOPPED(status))
        return CHILD_STOPPED;
    child->pid = 0;
    child->signaled = got > 0 && WIFSIGNALED(status);
    *code = got < 0               ? EXIT_ERROR
            : WIFEXITED(status)   ? WEXITSTATUS(status)
            : WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status)
                                  : EXIT_ERROR;
    return CHILD_ENDED;
}

void child_stop_along(struct child *child)
{
    give_terminal(child, getpgrp());
    kill(getpid(), SIGSTOP);
    /* Continued with `fg` we are in the foreground again, with `bg` we are not. */
    if (child->terminal >= 0 && tcgetpgrp(child->terminal) == getpgrp())
        give_terminal(child, child->pid);
    child_signal(child, SIGCONT);
}

/* Whether it has ended, without reaping it: its pid stays its own until the group is dealt with. */
static bool has_ended(const struct child *child)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
           info.si_pid == child->pid;
}

void child_kill(struct child *child, int grace_ms)
{
    if (child->pid == 0)
        return;
    if (grace_ms > 0) {
        child_signal(child, SIGTERM);
        child_signal(child, SIGCONT); /* one that is stopped would not see the first */
    }
    for (int waited = 0; waited < grace_ms && !has_ended(child); waited += POLL_MS)
        sleep_ms(POLL_MS);
    child_signal(child, SIGKILL);
    while (waitpid(child->pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    child->pid = 0;
}

void child_leave(struct child *child)
{
    child->pid = 0;
}

void child_close(struct child *child)
{
    int code;
    if (child->gate >= 0)
        close(child->gate); /* a child that still waits at it ends */
    if (child->report >= 0)
        close(child->report);
    child->gate = child->report = -1;
    while (child->pid > 0 && child_poll(child, &code) != CHILD_ENDED)
        sleep_ms(POLL_MS);
    give_terminal(child, getpgrp());
    if (child->terminal >= 0)
        close(child->terminal);
    child->terminal = -1;
}
