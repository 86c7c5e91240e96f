/* The keeper of the watchdog's handle: see watchdog_keeper.h. */
#include "node/watchdog_keeper.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

struct keeper {
    const char *name; /* of the device, as it was asked for */
    struct watchdog_device device;
    timer_t timer;
    int listener;
    int agent; /* -1: none */
};

static int64_t now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_BOOTTIME, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

/* The kernel kills this process then, also while it is stopped; 0: not any more. */
static void kill_at(const struct keeper *k, int64_t at)
{
    struct itimerspec spec = {.it_value = {.tv_sec = at / 1000000000, .tv_nsec = at % 1000000000}};
    if (timer_settime(k->timer, TIMER_ABSTIME, &spec, NULL) != 0)
        _exit(1);
}

static void say_hello(int fd, const struct keeper *k, const char *error)
{
    struct keeper_hello hello = {.timeout_s = error ? 0 : k->device.timeout_s};
    snprintf(hello.device, sizeof hello.device, "%s", k->name);
    memcpy(hello.identity, k->device.identity, sizeof hello.identity);
    snprintf(hello.error, sizeof hello.error, "%s", error ? error : "");
    ssize_t size = send(fd, &hello, sizeof hello, MSG_NOSIGNAL);
    (void)size; /* who is gone needs no word */
}

static void take_word(struct keeper *k)
{
    struct keeper_word word;
    ssize_t size = recv(k->agent, &word, sizeof word, 0);
    if (size != (ssize_t)sizeof word) {
        if (size < 0 && errno == EINTR)
            return;
        close(k->agent);
        k->agent = -1;
        return;
    }
    if (word.kind == KEEPER_DISARM) {
        watchdog_device_disarm(&k->device);
        _exit(0);
    }
    if (now_ns() >
        word.until) /* too late: not petted, and nobody is killed for it, which would pet */
        return;
    kill_at(k, word.killed);
    if (now_ns() <= word.until && !watchdog_device_pet(&k->device))
        _exit(1);
    kill_at(k, 0);
}

static void take_agent(struct keeper *k)
{
    int fd = accept4(k->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    if (k->agent >= 0) /* one at a time: the store's lock sees to it that the last one is it */
        close(k->agent);
    k->agent = fd;
    say_hello(fd, k, NULL);
}

static bool listen_at(struct keeper *k, const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return false;
    memcpy(address.sun_path, path, strlen(path) + 1);
    unlink(path); /* of a keeper that is gone: nobody answered there */
    k->listener = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    mode_t old = umask(0177);
    bool good = k->listener >= 0 &&
                bind(k->listener, (struct sockaddr *)&address, sizeof address) == 0 &&
                listen(k->listener, 4) == 0;
    umask(old);
    return good;
}

static _Noreturn void serve(struct keeper *k)
{
    for (;;) {
        struct pollfd p[2] = {{.fd = k->listener, .events = POLLIN},
                              {.fd = k->agent, .events = POLLIN}};
        if (poll(p, 2, -1) < 0)
            continue;
        if (p[1].revents)
            take_word(k);
        if (p[0].revents)
            take_agent(k);
    }
}

int keeper_main(char **argv)
{
    struct keeper k = {.agent = KEEPER_FD, .listener = -1, .name = argv[0]};
    struct sigevent event = {.sigev_notify = SIGEV_SIGNAL, .sigev_signo = SIGKILL};
    const char *identity = argv[1], *path = argv[2];
    char error[WATCHDOG_ERROR_SIZE] = "";
    fcntl(KEEPER_FD, F_SETFD, FD_CLOEXEC);
    prctl(PR_SET_NAME, "holdfast-watch");
    for (int i = SIGHUP; i <= SIGTERM; i++)
        if (i != SIGKILL)
            signal(i, SIG_IGN); /* it ends when it is told to, or with the machine */
    if (timer_create(CLOCK_BOOTTIME, &event, &k.timer) != 0 || !listen_at(&k, path))
        snprintf(error, sizeof error, "its keeper cannot start: %s", strerror(errno));
    if (!error[0] && watchdog_device_open(&k.device, k.name, (uint32_t)strtoul(argv[3], NULL, 10),
                                          *identity ? identity : NULL, error)) {
        say_hello(k.agent, &k, NULL);
        serve(&k);
    }
    say_hello(k.agent, &k, error);
    unlink(path);
    return 1;
}

/* In the child's child. A program of its own: nothing of the agent's is in its memory. */
static _Noreturn void become_keeper(const struct keeper_start *start, int agent)
{
    char seconds[16];
    sigset_t none;
    snprintf(seconds, sizeof seconds, "%u", start->seconds);
    setsid();
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
    int null = open("/dev/null", O_RDWR | O_CLOEXEC);
    if (null >= 0)
        dup2(null, STDIN_FILENO), dup2(null, STDOUT_FILENO);
    if (agent == KEEPER_FD)
        fcntl(agent, F_SETFD, 0);
    else
        dup2(agent, KEEPER_FD);
    close_range(KEEPER_FD + 1, ~0U, 0);
    if (chdir("/") == 0)
        execl("/proc/self/exe", "holdfastd", KEEPER_OPTION, start->device,
              start->identity ? start->identity : "", start->socket, seconds, (char *)NULL);
    _exit(1);
}

int keeper_spawn(const struct keeper_start *start)
{
    int pair[2];
    if (socketpair(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0, pair) != 0)
        return -1;
    /* Twice, so that it is nobody's child whose end has to be waited for. */
    pid_t pid = fork();
    if (pid == 0) {
        pid = fork();
        if (pid == 0)
            become_keeper(start, pair[1]);
        _exit(pid < 0);
    }
    close(pair[1]);
    while (pid > 0 && waitpid(pid, NULL, 0) < 0 && errno == EINTR)
        continue;
    if (pid < 0) {
        close(pair[0]);
        return -1;
    }
    return pair[0];
}

int keeper_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    if (strlen(path) >= sizeof address.sun_path)
        return -1;
    memcpy(address.sun_path, path, strlen(path) + 1);
    int fd = socket(AF_UNIX, SOCK_SEQPACKET | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof address) == 0)
        return fd;
    if (fd >= 0)
        close(fd);
    return -1;
}
