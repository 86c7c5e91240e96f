/*
 * Makes and starts a lab: keys, roster, configurations, machines; then waits until all see all.
 *
 * Nothing may be left when this is interrupted, or killed: until the lab is complete the machines
 * hang on a leash, a pipe whose other end is ours. One write of a byte for each lets them live on;
 * it is shorter than PIPE_BUF and so happens wholly or not at all (pipe(7)).
 */
#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "client/command.h"
#include "client/enrol.h"
#include "client/file.h"
#include "client/identity.h"
#include "client/lab.h"
#include "client/lab_machine.h"
#include "client/lab_watchdog.h"

enum {
    ADDRESS_TRIES = 64,
    PORT_FIRST = 10000, /* below the range from which the system takes ports (ip(7)) */
    PORT_COUNT = 20000,
    UP_TIMEOUT_MS = 20 * 1000,
    LOOK_MS = 50,
    AGENT_PATH_MAX = PATH_MAX
};

/* The one thing that the handler does. */
static volatile sig_atomic_t interrupted;

static void interrupt(int signo)
{
    interrupted = signo;
}

/* Whether UDP sockets can be bound at 127.a.b.1 .. N with one port. */
static bool addresses_free(uint8_t a, uint8_t b, uint16_t port, int count)
{
    bool good = true;
    for (int i = 1; good && i <= count; i++) {
        struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons(port)};
        address.sin_addr.s_addr =
            htonl(127u << 24 | (uint32_t)a << 16 | (uint32_t)b << 8 | (uint32_t)i);
        int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
        good = fd >= 0 && bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        if (fd >= 0)
            close(fd);
    }
    return good;
}

/* Draws a network for the lab, so that labs run side by side. */
static bool draw_network(char prefix[32], uint16_t *port, int count)
{
    for (int i = 0; i < ADDRESS_TRIES; i++) {
        uint8_t random[4];
        identity_random(random, sizeof random);
        uint8_t a = (uint8_t)(1 + random[0] % 254);
        *port = (uint16_t)(PORT_FIRST + (random[2] << 8 | random[3]) % PORT_COUNT);
        snprintf(prefix, 32, "127.%u.%u", a, random[1]);
        if (addresses_free(a, random[1], *port, count))
            return true;
    }
    say("no free addresses were found in 127.0.0.0/8");
    return false;
}

/* Where this program is. If it was replaced since it began, the new one at its place serves too. */
static bool own_path(char out[PATH_MAX])
{
    static const char gone[] = " (deleted)"; /* what the kernel appends then (proc(5)) */
    ssize_t size = readlink("/proc/self/exe", out, PATH_MAX - 1);
    out[size > 0 ? size : 0] = '\0';
    char *end = strstr(out, gone);
    if (end && end[sizeof gone - 1] == '\0')
        *end = '\0';
    return access(out, X_OK) == 0;
}

/*
 * The lab's fence device, a script by the contract of docs/configuration.md: the name of the node
 * is the name of the machine. It needs no program but ours, and whatever it does not understand is
 * neither "off" nor "done": `off` ends with 0 once nothing of the machine runs, `status` with 2 if
 * so.
 */
static const char fence_script[] =
    "#!/bin/sh\n"
    "# Made by 'holdfast lab start': switches machines of this lab off. SCRIPT off|status\n"
    "holdfast='%s'\n"
    "lab='%s'\n"
    "\n"
    "case $1 in\n"
    "off)\n"
    "    \"$holdfast\" lab power -d \"$lab\" \"$HOLDFAST_NODE\" off || exit 1\n"
    "    ;;\n"
    "status)\n"
    "    # The identity that the roster names: half of the machine's id.\n"
    "    read -r id <\"$lab/$HOLDFAST_NODE/machine-id\" || exit 1\n"
    "    echo \"lab:${id%%????????????????}\"\n"
    "    case $(\"$holdfast\" lab power -d \"$lab\" \"$HOLDFAST_NODE\" status) in\n"
    "    on) exit 0 ;;\n"
    "    off) exit 2 ;;\n"
    "    esac\n"
    "    exit 1\n"
    "    ;;\n"
    "*)\n"
    "    exit 64\n"
    "    ;;\n"
    "esac\n";

static bool write_fence_script(const struct lab *lab)
{
    char path[PATH_MAX], program[PATH_MAX];
    char *text = NULL;
    /* prepare() has looked at the lab's own path. */
    if (!own_path(program) || strpbrk(program, "'\n")) {
        say("a script cannot name this program: it is not where it began, or its path holds a "
            "quote");
        return false;
    }
    file_path(path, sizeof path, lab->dir, LAB_FENCE_SCRIPT);
    int n = asprintf(&text, fence_script, program, lab->dir);
    bool good = n > 0 && file_create(path, 0700, text, (size_t)n);
    free(text);
    return good;
}

/* `http`: where it is served, or "". */
static bool write_config(const struct lab *lab, int machine, const struct digest *cluster,
                         const struct lab_plan *plan, const char *http)
{
    char path[PATH_MAX], dir[PATH_MAX], id[2 * DIGEST_SIZE + 1];
    char *text = NULL, *end = NULL;
    lab_path(dir, lab, machine, NULL);
    lab_path(path, lab, machine, "holdfast.conf");
    hex_encode(id, cluster->bytes, DIGEST_SIZE);
    /* Single quotes: in them the parser expands nothing. */
    int n = asprintf(&text,
                     "# Made by 'holdfast lab start'.\n"
                     "cluster = '%s'\n"
                     "roster = '%s/roster'\n"
                     "key = '%s/key'\n"
                     "state = '%s/state'\n"
                     "socket = '%s/holdfast.sock'\n"
                     "boot-id = '%s/boot-id'\n"
                     "machine-id = '%s/machine-id'\n"
                     "executor-socket = '%s/executor.sock'\n"
                     "executor-state = '%s/executor'\n"
                     "%s%s%s",
                     id, dir, dir, dir, dir, dir, dir, dir, dir, *http ? "http = '" : "", http,
                     *http ? "'\n" : "");
    int last = plan->watchdogs
                   ? asprintf(&end, "%swatchdog = 'stand-in:%s/" LAB_WATCHDOG_SOCKET "'\n",
                              n > 0 ? text : "", dir)
                   : asprintf(&end,
                              "%saction \"" LAB_ACTION "\" {\n"
                              "    exec = '%s/" LAB_FENCE_SCRIPT "'\n"
                              "}\n",
                              n > 0 ? text : "", lab->dir);
    bool good = n > 0 && last > 0 && file_create(path, 0600, end, (size_t)last);
    free(text);
    free(end);
    return good;
}

/* One machine's directory, machine id, fence device, key, store and card. */
static bool make_machine(const struct lab *lab, int machine, const char *prefix, uint16_t port,
                         bool device, struct roster_node *card)
{
    char dir[PATH_MAX], state[PATH_MAX], path[PATH_MAX], text[64], name[LAB_NAME_SIZE];
    char executor[PATH_MAX];
    struct identity_request request = {.dir = dir, .state = state, .name = name, .genesis = true};
    lab_path(dir, lab, machine, NULL);
    lab_path(state, lab, machine, "state");
    lab_path(path, lab, machine, "machine-id");
    snprintf(name, sizeof name, "hv%d", machine);
    snprintf(text, sizeof text, "%s.%d:%u", prefix, machine, (unsigned)port);
    if (!address_parse(&request.address, text))
        return false;
    identity_random(request.machine.bytes, MACHINE_ID_SIZE);
    hex_encode(text, request.machine.bytes, MACHINE_ID_SIZE);
    if (device)
        snprintf(request.device, sizeof request.device, "lab:%.16s", text);
    strcat(text, "\n");
    lab_path(executor, lab, machine, "executor");
    return file_directory(dir, 0700) && file_directory(executor, 0700) &&
           file_create(path, 0600, text, strlen(text)) && identity_make(card, &request) == EXIT_OK;
}

/* All machines, the roster of their cards, signed, and a copy of it and a configuration for each.
 */
static bool make_cluster(struct lab *lab, const struct lab_plan *plan, struct enrolment *e)
{
    char path[PATH_MAX], prefix[32], page[sizeof lab->page] = "";
    struct roster_node card;
    struct key_pair key;
    uint16_t port;
    bool good = identity_operator(&e->roster->operators[0], lab->dir) == EXIT_OK &&
                draw_network(prefix, &port, lab->machines);
    for (int i = 1; good && i <= lab->machines; i++)
        good = make_machine(lab, i, prefix, port, !plan->watchdogs, &card) && enrol_add(e, &card);
    e->roster->operator_count = 1;
    e->roster->lab = true;
    e->roster->action_count = plan->watchdogs ? 0 : 1;
    if (!plan->watchdogs)
        memcpy(e->roster->actions[0], LAB_ACTION, sizeof LAB_ACTION);
    if (!good || !write_fence_script(lab) || enrol_finish(e) != ROSTER_UNSIGNED)
        return false;
    file_path(path, sizeof path, lab->dir, "operator.key");
    if (identity_load_key(&key, path) != EXIT_OK)
        return false;
    good = enrol_sign(e, &key);
    key_pair_wipe(&key);
    for (int i = 1; good && i <= lab->machines; i++) {
        lab_path(path, lab, i, "roster");
        if (plan->http)
            snprintf(page, sizeof page, "%s.%d:%u", prefix, i, (unsigned)port);
        if (i == 1)
            memcpy(lab->page, page, sizeof page);
        good = enrol_save(e, path) && write_config(lab, i, &e->digest, plan, page);
    }
    return good;
}

static bool make_files(struct lab *lab, const struct lab_plan *plan)
{
    struct enrolment e;
    enrol_init(&e);
    e.roster->detect_ms = plan->detect_ms;
    bool good = make_cluster(lab, plan, &e);
    enrol_deinit(&e);
    return good;
}

/* "holdfastd" next to this program, else as PATH has it. */
static bool find_agent(char out[AGENT_PATH_MAX])
{
    char *slash = own_path(out) ? strrchr(out, '/') : NULL;
    if (slash && (size_t)(slash - out) < AGENT_PATH_MAX - 16) {
        strcpy(slash + 1, "holdfastd");
        if (access(out, X_OK) == 0)
            return true;
    }
    const char *path = getenv("PATH");
    while (path && *path) {
        size_t length = strcspn(path, ":");
        int n = snprintf(out, AGENT_PATH_MAX, "%.*s/holdfastd", (int)length, path);
        if (length > 0 && n > 0 && n < AGENT_PATH_MAX && access(out, X_OK) == 0)
            return true;
        path += length + (path[length] == ':');
    }
    say("holdfastd is neither beside this program nor in PATH");
    return false;
}

/* In the new process: leaves the terminal, keeps only the leash and the tie, becomes the
 * supervisor. */
static _Noreturn void become_machine(const char *dir, const char *log, const char *agent, int leash,
                                     int tie)
{
    setsid();
    int null = open("/dev/null", O_RDWR);
    int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);
    if (null < 0 || out < 0)
        _exit(EXIT_ERROR);
    /* Out of the way first: the places that are wanted may be taken by one of these. */
    leash = fcntl(leash, F_DUPFD, 16);
    tie = tie >= 0 ? fcntl(tie, F_DUPFD, 16) : -1;
    null = fcntl(null, F_DUPFD, 16);
    out = fcntl(out, F_DUPFD, 16);
    dup2(null, STDIN_FILENO);
    dup2(out, STDOUT_FILENO);
    dup2(out, STDERR_FILENO);
    dup2(leash, LAB_LEASH_FD);
    if (tie >= 0)
        dup2(tie, LAB_TIE_FD);
    close_range(tie >= 0 ? LAB_TIE_FD + 1 : LAB_TIE_FD, ~0U, 0);
    execl("/proc/self/exe", "holdfast", "lab-machine", "--agent", agent, dir,
          tie >= 0 ? "--tied" : (char *)NULL, (char *)NULL);
    _exit(EXIT_ERROR);
}

static bool start_machines(const struct lab *lab, int leash, int tie)
{
    char dir[PATH_MAX], log[PATH_MAX], agent[AGENT_PATH_MAX];
    if (!find_agent(agent))
        return false;
    fflush(NULL);
    for (int i = 1; i <= lab->machines; i++) {
        lab_path(dir, lab, i, NULL);
        lab_path(log, lab, i, "machine.log");
        pid_t pid = fork();
        if (pid == 0)
            become_machine(dir, log, agent, leash, tie);
        if (pid < 0) {
            say("cannot start hv%d: %s", i, strerror(errno));
            return false;
        }
    }
    return true;
}

/* What is still missing on one machine; false if nothing is. */
static bool lacks(char text[256], const struct lab *lab, int machine)
{
    struct lab_state state;
    struct lab_view view;
    if (!lab_state(&state, lab, machine)) {
        snprintf(text, 256, "hv%d does not run", machine);
        return true;
    }
    if (strcmp(state.agent, "running") != 0) {
        snprintf(text, 256, "hv%d's agent is %s: %s", machine, state.agent, state.ended);
        return true;
    }
    lab_view(&view, lab, machine);
    if (view.answers && view.votes && view.majority && view.alive == lab->machines)
        return false;
    if (!view.answers)
        snprintf(text, 256, "hv%d's agent does not answer", machine);
    else if (view.alive < lab->machines)
        snprintf(text, 256, "hv%d sees %d of %d alive", machine, view.alive, lab->machines);
    else
        snprintf(text, 256, "hv%d does not vote: its store is %s", machine, view.store);
    return true;
}

/* The end of an agent's log, so that the cause is seen where the failure is. */
static void show_log(const struct lab *lab, int machine)
{
    char path[PATH_MAX];
    size_t size = 0;
    lab_path(path, lab, machine, "agent.log");
    uint8_t *text = access(path, R_OK) == 0 ? file_read(path, 1 << 24, &size) : NULL;
    size_t from = size > 600 ? size - 600 : 0;
    if (text && size > 0)
        fprintf(stderr, "%s%s\n", from ? "..." : "", (const char *)text + from);
    free(text);
}

/* Until every agent votes and sees all. False when interrupted, when one ended, or when it is late.
 */
static bool wait_until_up(const struct lab *lab)
{
    char text[256] = "";
    bool terminal = isatty(STDERR_FILENO);
    int machine = 1;
    long long begun = lab_now_ms(), deadline = begun + UP_TIMEOUT_MS;
    while (machine <= lab->machines && !interrupted && lab_now_ms() < deadline) {
        if (!lacks(text, lab, machine)) {
            machine++;
            continue;
        }
        struct lab_state state;
        bool ended = lab_state(&state, lab, machine) && strcmp(state.agent, "stopped") == 0;
        if (ended)
            break;
        if (terminal)
            fprintf(stderr, "\r%d of %d machines up; %s\033[K", machine - 1, lab->machines, text);
        lab_sleep_ms(LOOK_MS);
    }
    if (terminal)
        fputs("\r\033[K", stderr);
    if (machine > lab->machines)
        return true;
    if (interrupted)
        return false;
    say("the lab did not come up: %s", text);
    show_log(lab, machine);
    return false;
}

/* DIR for a new lab: made, or found empty, or cleared of a lab that has ended. */
static bool prepare(struct lab *lab, const char *dir)
{
    struct lab old;
    struct lab_state state;
    struct stat s;
    char path[PATH_MAX];
    int machines = lab->machines;
    if (lab_open(&old, dir)) {
        for (int i = 1; i <= old.machines; i++)
            if (lab_state(&state, &old, i)) {
                say("a lab runs in %s already (holdfast lab stop -d %s)", old.dir, dir);
                return false;
            }
        say("what an earlier lab left in %s is removed", old.dir);
        if (!lab_remove(&old))
            return false;
    }
    *lab = (struct lab){.machines = machines, .made = mkdir(dir, 0700) == 0};
    if (!lab->made && errno != EEXIST) {
        say("cannot make the directory %s: %s", dir, strerror(errno));
        return false;
    }
    if (realpath(dir, lab->dir) == NULL || stat(lab->dir, &s) != 0) {
        say("%s: %s", dir, strerror(errno));
        return false;
    }
    if (s.st_uid != getuid()) { /* in /tmp anybody can make a directory of our name */
        say("the directory %s is somebody else's", lab->dir);
        return false;
    }
    lab_path(path, lab, machines, "holdfast.sock");
    const char *problem = strpbrk(lab->dir, "'\\\n") ? "holds a quote, a backslash or a newline"
                          : strlen(path) > SOCKET_PATH_MAX
                              ? "is too long for the path of a socket in it (107 bytes)"
                              : NULL;
    if (problem)
        say("the lab's directory %s %s", lab->dir, problem);
    if (problem == NULL && lab_has_room(lab) && lab_write_marker(lab))
        return true;
    if (lab->made)
        rmdir(lab->dir);
    return false;
}

static void catch_signals(void)
{
    static const int signals[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    struct sigaction action = {.sa_handler = interrupt};
    sigemptyset(&action.sa_mask);
    for (size_t i = 0; i < sizeof signals / sizeof signals[0]; i++)
        sigaction(signals[i], &action, NULL);
    signal(SIGPIPE, SIG_IGN); /* a machine that ended too early shows as a failed write */
}

/* Lets the machines live on without us; false if nobody is there to read. */
static bool let_live(const struct lab *lab, int leash)
{
    char bytes[LAB_MACHINES_MAX] = {0};
    return write(leash, bytes, (size_t)lab->machines) == lab->machines;
}

/* From files to a lab that is up; the caller cleans up. */
static bool bring_up(struct lab *lab, const struct lab_plan *plan, const int leash[2],
                     long *took_ms)
{
    if (!make_files(lab, plan) || interrupted)
        return false;
    long long begun = lab_now_ms();
    if (!start_machines(lab, leash[0], plan->tie) || !wait_until_up(lab) ||
        !let_live(lab, leash[1]))
        return false;
    *took_ms = (long)(lab_now_ms() - begun);
    return true;
}

int lab_start(struct lab *lab, const char *dir, const struct lab_plan *plan, long *took_ms)
{
    int leash[2];
    *lab = (struct lab){.machines = plan->machines};
    if (pipe2(leash, O_CLOEXEC) != 0) {
        say("no pipe can be made: %s", strerror(errno));
        return EXIT_ERROR;
    }
    catch_signals();
    int code = EXIT_ERROR;
    if (prepare(lab, dir)) {
        if (bring_up(lab, plan, leash, took_ms))
            code = EXIT_OK;
        close(leash[0]);
        close(leash[1]);
        if (code != EXIT_OK) {
            lab_end(lab);
            while (wait(NULL) > 0 || errno == EINTR)
                continue; /* those that the leash ends before they listened */
            lab_remove(lab);
        }
    }
    if (interrupted)
        say("interrupted; nothing is left");
    return code != EXIT_OK && interrupted ? EXIT_SIGNAL + interrupted : code;
}
