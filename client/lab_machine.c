/*
 * A lab machine: the supervisor under which an agent and everything started with `lab exec` run. It
 * is a child subreaper (prctl(2)), so whatever loses its parent becomes its child and nothing
 * escapes.
 *
 *         lab start -- fork, setsid, exec --> holdfast lab-machine DIR/hvN
 *                                               |-- holdfastd         "agent"
 *                                               |-- holdfast-executor its executor
 *                                               |-- commands          one connection each
 *                                               '-- orphans of these
 *
 * Its watchdog is a stand-in (lab_watchdog.c), which nobody opens unless the lab says so: when it
 * fires the machine is off, and stays so.
 *
 * It ends, and everything on it, when it is told to (quit, SIGTERM), when its directory is gone,
 * when the process it is tied to ends, and when `lab start` ends before the lab was complete. Those
 * two come as descriptors, so that no number of a process can come to mean another one:
 *
 *   LEASH_FD  a pipe from `lab start`: one byte lets the machine live on, the end of file ends it
 *   TIE_FD    with --tied: a pidfd
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/signalfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/command.h"
#include "client/file.h"
#include "client/identity.h"
#include "client/lab.h"
#include "client/lab_machine.h"
#include "client/lab_proc.h"
#include "client/lab_watchdog.h"
#include "client/lab_wire.h"

enum {
    CLIENTS_MAX = 128,
    END_ALL_MS = 15 * 1000,
    STOP_MS = 5 * 1000,  /* between SIGTERM and SIGKILL to an agent */
    GRACE_MS = 2 * 1000, /* the same for a command whose client went away */
    LOOK_MS = 1000,      /* how often the directory is looked for */
    KILL_LOOK_MS = 50
};

/* One connection, and the command that it spawned. */
struct client {
    int fd;            /* -1: it went away */
    pid_t pid;         /* 0: none */
    long long kill_at; /* when the command of one that went away is killed; 0: not yet */
};

struct machine {
    char dir[PATH_MAX];
    const char *agent_path;
    int listener;
    int signals;
    int leash; /* -1 once it may live on */
    int tie;   /* -1: tied to nothing */
    bool on;
    bool quit;
    pid_t agent;    /* 0: stopped */
    pid_t executor; /* the same; it starts and stops with an agent, but outlives its death */
    char ended[LAB_STATE_SIZE];
    struct lab_watchdog watchdog;
    struct client clients[CLIENTS_MAX];
};

static void note(const char *text)
{
    fprintf(stderr, "%s\n", text);
}

static void describe(char out[LAB_STATE_SIZE], int status)
{
    if (WIFSIGNALED(status))
        snprintf(out, LAB_STATE_SIZE, "ended by signal %d (%s)", WTERMSIG(status),
                 strsignal(WTERMSIG(status)));
    else
        snprintf(out, LAB_STATE_SIZE, "ended with code %d", WEXITSTATUS(status));
}

/* A command ended: its client learns the code. */
static void finish_client(struct client *c, int status)
{
    char code[16];
    snprintf(code, sizeof code, "%d",
             WIFSIGNALED(status) ? EXIT_SIGNAL + WTERMSIG(status) : WEXITSTATUS(status));
    if (c->fd >= 0) {
        lab_wire_say(c->fd, "exit", code, NULL);
        close(c->fd);
    }
    *c = (struct client){.fd = -1};
}

/* Collects whatever has ended: the agent, commands, and orphans that became ours. */
static void reap(void *context)
{
    struct machine *m = context;
    int status;
    pid_t pid;
    while ((pid = waitpid(-1, &status, WNOHANG)) > 0) {
        if (pid == m->agent) {
            m->agent = 0;
            describe(m->ended, status);
            note(m->ended);
        }
        if (pid == m->executor) {
            m->executor = 0;
            note("the executor ended");
        }
        for (size_t i = 0; i < CLIENTS_MAX; i++)
            if (m->clients[i].pid == pid)
                finish_client(&m->clients[i], status);
    }
}

/* In a new child: the signals as a program expects them, and an end when the supervisor ends. */
static void become_ordinary(pid_t supervisor)
{
    sigset_t none;
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != supervisor)
        _exit(EXIT_ERROR);
    setsid();
    signal(SIGPIPE, SIG_DFL);
    sigemptyset(&none);
    sigprocmask(SIG_SETMASK, &none, NULL);
}

/* A daemon of this machine, with its configuration, and its words in LOG. 0: it cannot be made. */
static pid_t daemon_start(const struct machine *m, const char *program, const char *log_name)
{
    char config[PATH_MAX], log[PATH_MAX];
    pid_t supervisor = getpid();
    file_path(config, sizeof config, m->dir, "holdfast.conf");
    file_path(log, sizeof log, m->dir, log_name);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    pid_t pid = out >= 0 ? fork() : -1;
    if (pid == 0) {
        become_ordinary(supervisor);
        dup2(out, STDOUT_FILENO);
        dup2(out, STDERR_FILENO);
        execl(program, strrchr(program, '/') + 1, "-c", config, (char *)NULL);
        dprintf(STDERR_FILENO, "cannot run %s: %s\n", program, strerror(errno));
        _exit(EXIT_NOT_FOUND);
    }
    if (out >= 0)
        close(out);
    return pid > 0 ? pid : 0;
}

static const char *agent_start(struct machine *m)
{
    char executor[PATH_MAX];
    if (!m->on)
        return "the machine is off";
    snprintf(executor, sizeof executor, "%.*s/holdfast-executor",
             (int)(strrchr(m->agent_path, '/') - m->agent_path), m->agent_path);
    if (m->executor == 0)
        m->executor = daemon_start(m, executor, "executor.log");
    if (m->agent)
        return NULL;
    m->agent = daemon_start(m, m->agent_path, "agent.log");
    if (m->agent == 0)
        return "no process for the agent can be made";
    m->ended[0] = '\0';
    return NULL;
}

/* Politely first. */
static void daemon_stop(struct machine *m, const pid_t *pid, int signo)
{
    if (*pid == 0)
        return;
    kill(*pid, signo);
    kill(*pid, SIGCONT); /* one that is paused would not see the first */
    for (int waited = 0; *pid && waited < STOP_MS; waited += 5) {
        lab_sleep_ms(5);
        reap(m);
    }
    while (*pid) {
        kill(*pid, SIGKILL);
        lab_sleep_ms(5);
        reap(m);
    }
}

/* Both read their configuration at their start, so both are stopped. */
static const char *agent_stop(struct machine *m)
{
    /* SIGUSR1 never refuses: what it holds is kept for the next start. */
    daemon_stop(m, &m->agent, SIGUSR1);
    daemon_stop(m, &m->executor, SIGTERM);
    return NULL;
}

static const char *agent_signal(struct machine *m, int signo)
{
    if (m->agent == 0)
        return "its agent is stopped";
    kill(m->agent, signo);
    while (signo == SIGKILL && m->agent) {
        lab_sleep_ms(1);
        reap(m);
    }
    /* Stopping takes a moment, and "paused" shall be true when it is said. */
    while (signo == SIGSTOP && m->agent && !lab_proc_stopped(m->agent)) {
        lab_sleep_ms(1);
        reap(m);
    }
    return NULL;
}

static const char *power_off(struct machine *m)
{
    m->on = false;
    lab_watchdog_reset(&m->watchdog);
    if (!lab_proc_end_all(getpid(), END_ALL_MS, reap, m))
        return "some processes of the machine do not end";
    return NULL;
}

/* Power comes: the machine boots anew, which its boot id says. */
static const char *power_on(struct machine *m)
{
    char path[PATH_MAX], text[64];
    uint8_t b[16];
    if (m->on)
        return NULL;
    identity_random(b, sizeof b);
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40); /* version 4, as the kernel's (RFC 4122) */
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    int n = snprintf(text, sizeof text,
                     "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x\n", b[0],
                     b[1], b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12],
                     b[13], b[14], b[15]);
    file_path(path, sizeof path, m->dir, "boot-id");
    if (!file_replace(path, 0600, text, (size_t)n))
        return "its boot id cannot be written";
    m->on = true;
    return agent_start(m);
}

static void answer(int fd, const char *problem)
{
    lab_wire_say(fd, problem ? "error" : "ok", problem, problem ? "1" : NULL);
}

static void answer_state(const struct machine *m, int fd)
{
    char count[24];
    long processes = lab_proc_count(getpid());
    const char *agent = m->agent == 0                ? "stopped"
                        : lab_proc_stopped(m->agent) ? "paused"
                                                     : "running";
    snprintf(count, sizeof count, "%ld", processes);
    /* Off is what is seen to be off: no process is left. */
    char *strings[] = {
        "ok", m->on || processes > 0 ? "on" : "off", (char *)agent, count, (char *)m->ended, NULL};
    lab_wire_send(fd, strings, NULL);
}

/* The command's environment: the client's, with this machine's socket and the program's directory.
 */
static void set_environment(const struct machine *m, char **env)
{
    char socket[PATH_MAX], bin[PATH_MAX];
    char *path = NULL;
    environ = env;
    file_path(socket, sizeof socket, m->dir, "holdfast.sock");
    setenv("HOLDFAST_SOCKET", socket, 1);
    setenv("HOLDFAST_MACHINE", strrchr(m->dir, '/') + 1, 1);
    ssize_t size = readlink("/proc/self/exe", bin, sizeof bin - 1);
    if (size <= 0)
        return;
    bin[size] = '\0';
    *strrchr(bin, '/') = '\0';
    const char *old = getenv("PATH");
    if (asprintf(&path, "%s:%s", bin, old ? old : "/usr/bin:/bin") > 0)
        setenv("PATH", path, 1);
    free(path);
}

static _Noreturn void become_command(const struct machine *m, const struct lab_wire *packet,
                                     size_t argc, pid_t supervisor, int report)
{
    char **argv = packet->strings + 3;
    become_ordinary(supervisor);
    for (int i = 0; i < LAB_WIRE_FDS; i++)
        dup2(packet->fds[i], i);
    /* argv and the environment stand one after the other in the packet. */
    char **command = calloc(argc + 1, sizeof *command);
    if (command && chdir(packet->strings[1]) == 0) {
        memcpy(command, argv, argc * sizeof *command);
        set_environment(m, argv + argc);
        execvp(command[0], command);
    }
    int error = errno;
    ssize_t ignored = write(report, &error, sizeof error);
    (void)ignored; /* the supervisor is gone then, and so are we */
    _exit(EXIT_CANNOT_RUN);
}

/* Starts a command; on failure the errno. */
static int fork_command(struct machine *m, struct client *c, const struct lab_wire *packet,
                        size_t argc)
{
    int report[2], error = 0;
    pid_t supervisor = getpid();
    if (pipe2(report, O_CLOEXEC) != 0)
        return errno;
    pid_t pid = fork();
    if (pid == 0)
        become_command(m, packet, argc, supervisor, report[1]);
    if (pid < 0)
        error = errno;
    close(report[1]);
    /* An exec that succeeds closes the other end. */
    if (pid > 0 && read(report[0], &error, sizeof error) == (ssize_t)sizeof error)
        waitpid(pid, NULL, 0);
    else if (pid > 0)
        c->pid = pid;
    close(report[0]);
    return error;
}

static void spawn(struct machine *m, struct client *c, const struct lab_wire *packet)
{
    long argc = packet->count > 3 ? atol(packet->strings[2]) : 0;
    char text[256];
    if (c->pid || argc < 1 || (size_t)argc > packet->count - 3 ||
        packet->fds[LAB_WIRE_FDS - 1] < 0) {
        lab_wire_say(c->fd, "error", "this is no command", "64");
        return;
    }
    if (!m->on) {
        lab_wire_say(c->fd, "error", "the machine is off", "1");
        return;
    }
    int error = fork_command(m, c, packet, (size_t)argc);
    if (error == 0)
        return;
    snprintf(text, sizeof text, "cannot run %.128s: %s", packet->strings[3], strerror(error));
    lab_wire_say(c->fd, "error", text, error == ENOENT ? "127" : "126");
}

/* Orders, which take no arguments; false if it is none of them. */
static bool obey(struct machine *m, const char *verb, const char **problem)
{
    *problem = NULL;
    if (strcmp(verb, "power-off") == 0 || strcmp(verb, "quit") == 0)
        *problem = power_off(m);
    else if (strcmp(verb, "power-on") == 0)
        *problem = power_on(m);
    else if (strcmp(verb, "power-reboot") == 0)
        *problem = power_off(m) ? "some processes of the machine do not end" : power_on(m);
    else if (strcmp(verb, "agent-start") == 0)
        *problem = agent_start(m);
    else if (strcmp(verb, "agent-stop") == 0)
        *problem = agent_stop(m);
    else if (strcmp(verb, "agent-kill") == 0)
        *problem = agent_signal(m, SIGKILL);
    else if (strcmp(verb, "agent-pause") == 0)
        *problem = agent_signal(m, SIGSTOP);
    else if (strcmp(verb, "agent-resume") == 0)
        *problem = agent_signal(m, SIGCONT);
    else
        return false;
    return true;
}

/* The client went away: so does its command, politely first. */
static void lose_client(struct client *c)
{
    close(c->fd);
    c->fd = -1;
    if (c->pid == 0)
        return;
    kill(-c->pid, SIGTERM);
    kill(-c->pid, SIGHUP);
    kill(-c->pid, SIGCONT);
    c->kill_at = lab_now_ms() + GRACE_MS;
}

static void serve_client(struct machine *m, struct client *c)
{
    struct lab_wire packet;
    const char *problem;
    if (!lab_wire_receive(c->fd, &packet)) {
        lose_client(c);
        return;
    }
    const char *verb = packet.strings[0];
    int fd = c->fd;
    if (strcmp(verb, "state") == 0)
        answer_state(m, fd);
    else if (strcmp(verb, "spawn") == 0)
        spawn(m, c, &packet);
    else if (strcmp(verb, "signal") == 0 && packet.count == 2 && c->pid)
        kill(-c->pid, atoi(packet.strings[1]));
    else if (c->pid == 0 &&
             obey(m, verb, &problem)) /* the end of a command closes its connection */
        answer(fd, problem);
    m->quit = m->quit || strcmp(verb, "quit") == 0;
    lab_wire_free(&packet);
}

static void accept_client(struct machine *m)
{
    int fd = accept4(m->listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd < 0)
        return;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        if (c->fd >= 0 || c->pid != 0)
            continue;
        *c = (struct client){.fd = fd};
        return;
    }
    lab_wire_say(fd, "error", "too many commands run on this machine", "1");
    close(fd);
}

/* Its watchdog was not petted in time: everything on the machine ends, and it stays off. */
static void look_at_watchdog(struct machine *m)
{
    if (lab_watchdog_left(&m->watchdog) != 0)
        return;
    note("the watchdog fires");
    power_off(m);
}

/* Kills the commands whose time is over; how long until somebody must look again. */
static int look_at_time(struct machine *m)
{
    int left = lab_watchdog_left(&m->watchdog);
    int wait = left >= 0 && left < LOOK_MS ? left : LOOK_MS;
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        if (c->pid == 0 || c->kill_at == 0)
            continue;
        if (lab_now_ms() >= c->kill_at)
            kill(-c->pid, SIGKILL);
        wait = wait < KILL_LOOK_MS ? wait : KILL_LOOK_MS;
    }
    return wait;
}

static void look_at_leash(struct machine *m)
{
    char byte;
    ssize_t got = read(m->leash, &byte, 1);
    if (got < 0 && (errno == EINTR || errno == EAGAIN))
        return;
    m->quit = m->quit || got != 1;
    close(m->leash);
    m->leash = -1;
}

static void serve_signals(struct machine *m)
{
    struct signalfd_siginfo info;
    while (read(m->signals, &info, sizeof info) == (ssize_t)sizeof info)
        if (info.ssi_signo != SIGCHLD)
            m->quit = true;
    reap(m);
}

static void serve(struct machine *m)
{
    enum { OTHERS = 6 };
    struct pollfd p[OTHERS + CLIENTS_MAX];
    struct stat s;
    while (!m->quit) {
        p[0] = (struct pollfd){.fd = m->listener, .events = POLLIN};
        p[1] = (struct pollfd){.fd = m->signals, .events = POLLIN};
        p[2] = (struct pollfd){.fd = m->leash, .events = POLLIN};
        p[3] = (struct pollfd){.fd = m->tie, .events = POLLIN};
        p[4] = (struct pollfd){.fd = m->watchdog.listener, .events = POLLIN};
        p[5] = (struct pollfd){.fd = m->watchdog.fd, .events = POLLIN};
        for (size_t i = 0; i < CLIENTS_MAX; i++)
            p[OTHERS + i] = (struct pollfd){.fd = m->clients[i].fd, .events = POLLIN};
        if (poll(p, OTHERS + CLIENTS_MAX, look_at_time(m)) < 0)
            continue;
        if (p[5].revents)
            lab_watchdog_take(&m->watchdog);
        if (p[4].revents)
            lab_watchdog_accept(&m->watchdog);
        look_at_watchdog(m);
        if (p[1].revents)
            serve_signals(m);
        if (p[2].revents)
            look_at_leash(m);
        m->quit = m->quit || p[3].revents || stat(m->dir, &s) != 0;
        for (size_t i = 0; i < CLIENTS_MAX; i++)
            if (p[OTHERS + i].revents && p[OTHERS + i].fd == m->clients[i].fd)
                serve_client(m, &m->clients[i]);
        if (p[0].revents)
            accept_client(m);
    }
}

static bool open_signals(struct machine *m)
{
    sigset_t mask;
    signal(SIGPIPE, SIG_IGN);
    sigemptyset(&mask);
    sigaddset(&mask, SIGCHLD);
    sigaddset(&mask, SIGTERM);
    sigaddset(&mask, SIGINT);
    sigaddset(&mask, SIGHUP);
    sigprocmask(SIG_BLOCK, &mask, NULL);
    m->signals = signalfd(-1, &mask, SFD_CLOEXEC | SFD_NONBLOCK);
    return m->signals >= 0 && prctl(PR_SET_CHILD_SUBREAPER, 1) == 0;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"agent", required_argument, NULL, 'a'}, {"tied", no_argument, NULL, 't'}, COMMAND_OPTIONS};
    static struct machine m = {.leash = LAB_LEASH_FD, .tie = -1};
    int option;
    while ((option = command_option(cli, argc, argv, ":", longs)) != -1) {
        if (option == 'a')
            m.agent_path = optarg;
        if (option == 't')
            m.tie = LAB_TIE_FD;
    }
    if (optind + 1 != argc || argv[optind][0] != '/' || m.agent_path == NULL ||
        m.agent_path[0] != '/')
        return usage_error(cli, "this command is for 'holdfast lab start' only");
    snprintf(m.dir, sizeof m.dir, "%s", argv[optind]);
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        m.clients[i].fd = -1;
    fcntl(m.leash, F_SETFD, FD_CLOEXEC);
    if (m.tie >= 0)
        fcntl(m.tie, F_SETFD, FD_CLOEXEC);
    m.listener = lab_listen(m.dir, LAB_SOCKET, 64);
    if (!open_signals(&m) || m.listener < 0 || !lab_watchdog_open(&m.watchdog, m.dir)) {
        say("the lab machine %s cannot start: %s", m.dir, strerror(errno));
        return EXIT_ERROR;
    }
    const char *problem = power_on(&m);
    if (problem)
        say("%s: %s", m.dir, problem);
    else
        serve(&m);
    power_off(&m);
    return problem ? EXIT_ERROR : EXIT_OK;
}

const struct command cmd_lab_machine = {
    "lab-machine", NULL, "usage: holdfast lab-machine --agent PATH [--tied] DIR\n", false, run};
