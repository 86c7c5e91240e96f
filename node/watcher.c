/*
 * The watcher: a process between the executor and a fence driver.
 *
 * It may be forked from a process that has threads, so between fork and exec, and for all of the
 * watcher's own time, only async-signal-safe functions are called (signal-safety(7)): no heap, no
 * stdio, no locks. The second fork is _Fork(3), which runs no handlers.
 */
#include "node/watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/pidfd.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
    WATCHER_FD = 3,         /* the socket to the executor, in the watcher */
    WATCHER_DRAIN_MAX = 64, /* reads of one pipe in one go: who prints for ever is read in turns */
    WATCHER_REAP_TURNS = 100,
    WATCHER_REAP_NS = 10 * 1000 * 1000, /* so a killed group has 1 s to be gone */
    WATCHER_NS_PER_S = 1000000000
};

/* The watcher's own state, on its stack. */
struct watcher {
    const struct watcher_order *order;
    pid_t self;
    int timer;
};

/* One driver while it runs. */
struct watcher_driver {
    pid_t pid; /* also its process group */
    int pidfd;
    int out; /* read ends; -1 once nobody writes any more */
    int err;
};

/* --- The driver's side of the fork --- */

static void watcher_default_signals(void)
{
    struct sigaction action = {.sa_handler = SIG_DFL};
    sigset_t none;
    for (int number = 1; number < NSIG; number++)
        (void)sigaction(number, &action, NULL); /* those that cannot be caught say so */
    sigemptyset(&none);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

static _Noreturn void watcher_exec(const struct watcher *w, int in, int out, int err)
{
    (void)setpgid(0, 0);
    if (prctl(PR_SET_PDEATHSIG, SIGKILL) != 0 || getppid() != w->self)
        _exit(127);
    watcher_default_signals();
    if ((in >= 0 && dup2(in, STDIN_FILENO) < 0) || dup2(out, STDOUT_FILENO) < 0 ||
        dup2(err, STDERR_FILENO) < 0 || chdir("/") != 0)
        _exit(127);
    (void)execve(w->order->argv[0], w->order->argv, w->order->environment);
    const char *why = strerrordesc_np(errno);
    const char *text = why ? why : "unknown error";
    if (write(STDERR_FILENO, "cannot be executed: ", 20) == 20)
        (void)!write(STDERR_FILENO, text, strlen(text));
    _exit(127);
}

/* --- One driver --- */

/* Reads what is there. False once there is nothing to come. */
static bool watcher_take(int fd, struct watcher_capture *capture)
{
    char bytes[WATCHER_CAPTURE_MAX];
    for (int i = 0; i < WATCHER_DRAIN_MAX; i++) {
        ssize_t n = read(fd, bytes, sizeof bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n < 0 && errno == EAGAIN;
        size_t room = sizeof capture->text - capture->size;
        size_t kept = (size_t)n < room ? (size_t)n : room;
        memcpy(capture->text + capture->size, bytes, kept);
        capture->size += (uint32_t)kept;
    }
    return true;
}

static void watcher_take_from(int *fd, struct watcher_capture *capture)
{
    if (*fd < 0 || watcher_take(*fd, capture))
        return;
    close(*fd);
    *fd = -1;
}

/*
 * Kills the group and waits for its members. Those whose parent has ended are the watcher's own
 * children by then (it is a subreaper). What the kernel cannot end within a second is left to it.
 */
static int watcher_end_group(pid_t group)
{
    const struct timespec pause = {.tv_nsec = WATCHER_REAP_NS};
    int status = 0, leader = 0;
    (void)kill(-group, SIGKILL);
    for (int i = 0; i < WATCHER_REAP_TURNS; i++) {
        pid_t pid;
        while ((pid = waitpid(-group, &status, WNOHANG)) > 0)
            leader = pid == group ? status : leader;
        if (pid < 0)
            break;
        (void)nanosleep(&pause, NULL);
    }
    return leader;
}

/* A pipe whose read end does not block. 0, or errno. */
static int watcher_pipe(int ends[2])
{
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    return fcntl(ends[0], F_SETFL, O_NONBLOCK) == 0 ? 0 : errno;
}

/* A pipe with the input in it, whole: a pipe holds 64 KiB. *fd: its read end; -1 if there is no
 * input. */
static int watcher_feed(const struct watcher_order *order, int *fd)
{
    int ends[2];
    *fd = -1;
    if (!order->input)
        return 0;
    if (pipe2(ends, O_CLOEXEC) != 0)
        return errno;
    bool whole = write(ends[1], order->input, order->input_size) == (ssize_t)order->input_size;
    close(ends[1]);
    *fd = ends[0];
    return whole ? 0 : EIO;
}

/* 0, or errno: then nothing runs. What stays open ends with the watcher. */
static int watcher_spawn(const struct watcher *w, struct watcher_driver *s)
{
    int in, out[2], err[2];
    int error = watcher_feed(w->order, &in);
    if (error == 0)
        error = watcher_pipe(out);
    if (error == 0)
        error = watcher_pipe(err);
    if (error)
        return error;
    pid_t pid = _Fork();
    if (pid < 0)
        return errno;
    if (pid == 0)
        watcher_exec(w, in, out[1], err[1]);
    (void)setpgid(pid, pid); /* whoever is first: from here on the group is there */
    if (in >= 0)
        close(in);
    close(out[1]);
    close(err[1]);
    *s = (struct watcher_driver){pid, pidfd_open(pid, 0), out[0], err[0]};
    if (s->pidfd >= 0)
        return 0;
    error = errno;
    (void)watcher_end_group(pid);
    return error;
}

enum watcher_end { WATCHER_ENDED, WATCHER_TIMED_OUT, WATCHER_ORPHANED };

/* Until the driver ends, the deadline comes, or the executor is gone. */
static enum watcher_end watcher_follow(const struct watcher *w, struct watcher_driver *s,
                                       struct watcher_report *report)
{
    for (;;) {
        struct pollfd p[] = {{WATCHER_FD, POLLIN, 0},
                             {w->timer, POLLIN, 0},
                             {s->pidfd, POLLIN, 0},
                             {s->out, POLLIN, 0},
                             {s->err, POLLIN, 0}};
        if (poll(p, sizeof p / sizeof *p, -1) < 0) {
            if (errno == EINTR)
                continue;
            return WATCHER_ORPHANED; /* blind: the driver must not go on unwatched */
        }
        if (p[0].revents)
            return WATCHER_ORPHANED; /* the executor sends nothing: this is the end of it */
        if (p[2].revents)
            return WATCHER_ENDED;
        if (p[1].revents)
            return WATCHER_TIMED_OUT;
        watcher_take_from(&s->out, &report->out);
        watcher_take_from(&s->err, &report->err);
    }
}

static enum watcher_end watcher_run(const struct watcher *w, struct watcher_driver *s,
                                    struct watcher_report *report)
{
    enum watcher_end end = watcher_follow(w, s, report);
    /* The leader is not waited for yet, so the number of its group is still its own. */
    report->status = watcher_end_group(s->pid);
    watcher_take_from(&s->out, &report->out);
    watcher_take_from(&s->err, &report->err);
    close(s->pidfd);
    if (s->out >= 0)
        close(s->out);
    if (s->err >= 0)
        close(s->err);
    return end;
}

/* --- The watcher --- */

/* Nothing of the executor's is left: no descriptor but the socket, no handler, no terminal. */
static bool watcher_detach(int fd)
{
    struct sigaction ignore = {.sa_handler = SIG_IGN};
    static const int numbers[] = {SIGTERM, SIGINT, SIGHUP, SIGQUIT, SIGPIPE};
    (void)setsid();
    /* Whoever ends the executor's whole unit ends the executor too, and that ends the driver. */
    for (size_t i = 0; i < sizeof numbers / sizeof *numbers; i++)
        (void)sigaction(numbers[i], &ignore, NULL);
    if (fd != WATCHER_FD && dup2(fd, WATCHER_FD) < 0)
        return false;
    closefrom(WATCHER_FD + 1);
    int null = open("/dev/null", O_RDWR);
    if (null < 0 || fcntl(WATCHER_FD, F_SETFD, FD_CLOEXEC) != 0)
        return false;
    for (int i = STDIN_FILENO; i <= STDERR_FILENO; i++)
        if (dup2(null, i) < 0)
            return false;
    if (null > STDERR_FILENO) /* else the executor had closed one of these, and it has its place */
        close(null);
    return prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

/* An instant, not a span: the executor may have been stopped since it chose the deadline. */
static int watcher_timer(struct instant deadline)
{
    struct itimerspec spec = {.it_value = {.tv_sec = deadline.ns / WATCHER_NS_PER_S,
                                           .tv_nsec = deadline.ns % WATCHER_NS_PER_S}};
    int fd = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC);
    return fd >= 0 && timerfd_settime(fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0 ? fd : -1;
}

static bool watcher_timer_over(int timer)
{
    struct pollfd p = {timer, POLLIN, 0};
    return poll(&p, 1, 0) != 0;
}

static void watcher_work(const struct watcher *w, struct watcher_report *report)
{
    struct watcher_driver driver = {-1, -1, -1, -1};
    report->timed_out = watcher_timer_over(w->timer);
    if (report->timed_out)
        return;
    report->error = watcher_spawn(w, &driver);
    if (report->error)
        return;
    switch (watcher_run(w, &driver, report)) {
    case WATCHER_ENDED:
        break;
    case WATCHER_TIMED_OUT:
        report->timed_out = true;
        break;
    case WATCHER_ORPHANED:
        _exit(1);
    }
}

static _Noreturn void watcher_main(const struct watcher_order *order, int fd)
{
    struct watcher_report report;
    struct watcher w = {.order = order};
    memset(&report, 0, sizeof report);
    watcher_default_signals();
    if (!watcher_detach(fd))
        _exit(1);
    w.self = getpid();
    w.timer = watcher_timer(order->deadline);
    if (w.timer < 0)
        report.error = errno;
    else
        watcher_work(&w, &report);
    _exit(send(WATCHER_FD, &report, sizeof report, MSG_NOSIGNAL) == (ssize_t)sizeof report ? 0 : 1);
}

int watcher_start(const struct watcher_order *order, pid_t *pid, int *fd)
{
    int ends[2];
    sigset_t all, before;
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, ends) != 0)
        return errno;
    /* A signal that arrives in the child before its handlers are gone would run the executor's. */
    sigfillset(&all);
    (void)pthread_sigmask(SIG_SETMASK, &all, &before);
    pid_t child = fork();
    int error = errno;
    if (child == 0)
        watcher_main(order, ends[1]);
    (void)pthread_sigmask(SIG_SETMASK, &before, NULL);
    close(ends[1]);
    if (child < 0) {
        close(ends[0]);
        return error;
    }
    *pid = child;
    *fd = ends[0];
    return 0;
}

bool watcher_read(int fd, struct watcher_report *out)
{
    return recv(fd, out, sizeof *out, MSG_DONTWAIT) == (ssize_t)sizeof *out;
}
