/* `holdfast lab`: a cluster on one machine. What it is made of is in lab.h. */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/explain.h"
#include "client/lab.h"
#include "client/lab_wire.h"
#include "client/signals.h"
#include "client/table.h"
#include "crypto/roster.h"

static const char help[] =
    "usage: holdfast lab start [-n N] [-d DIR] [--detect MS] [--watchdogs] [--http]\n"
    "                          [--tie PID | --keep]\n"
    "       holdfast lab exec [-d DIR] HV -- COMMAND [ARGUMENT...]\n"
    "       holdfast lab power [-d DIR] HV off|on|reboot|status\n"
    "       holdfast lab agent [-d DIR] HV stop|start|kill|pause|resume\n"
    "       holdfast lab status [-d DIR]\n"
    "       holdfast lab stop [-d DIR]\n"
    "\n"
    "A cluster on this machine, without root: machines hv1, hv2, ... with an agent each. start\n"
    "returns once all see all; the agents' sockets are DIR/hvN/holdfast.sock. exec runs a command\n"
    "on a machine, with its socket in the environment. power off ends everything on a machine at\n"
    "once; on starts it under a new boot id. agent acts on the agent alone. stop ends the lab and\n"
    "removes what it made.\n"
    "\n"
    "  -n, --machines N    how many (5)\n"
    "  -d, --dir DIR       where ($XDG_RUNTIME_DIR/holdfast-lab, or /tmp/holdfast-lab-UID)\n"
    "  --detect MS         the detection target, as in 'holdfast roster make' (4000 up to 16\n"
    "                      machines, else 6000)\n"
    "  --http              each agent serves its status page and metrics, at its own address\n"
    "  --watchdogs         each machine has a watchdog, a stand-in, in the place of a fence "
    "device\n"
    "  --tie PID           the lab ends when this process does\n"
    "  --keep              it does not end with the terminal's session, as it would otherwise\n"
    "  --json              print JSON (start, status)\n";

enum { TIE = OPTION_OWN, KEEP, DETECT, HTTP, WATCHDOGS, READY_MS = 10 * 1000 };

struct request {
    char dir[PATH_MAX];
    const char *given_dir; /* as typed; NULL: the default */
    long machines;
    long detect_ms; /* 0: by the number of machines */
    long tie;       /* a process; 0: none named */
    bool keep;
    bool http;
    bool watchdogs;
};

/* " -d DIR" if that is needed to find this lab again. */
static const char *dir_option(const struct request *q, const char *part)
{
    return q->given_dir ? part : "";
}

/*
 * What the lab is tied to: the process named; else the terminal's session, if there is a terminal,
 * so that a lab does not outlive the window in which it was started. -1 for nothing, -2 after an
 * error.
 */
static int open_tie(const struct request *q)
{
    if (q->tie) {
        int fd = pidfd_open((pid_t)q->tie, 0);
        if (fd < 0)
            say("--tie %ld: %s", q->tie, strerror(errno));
        return fd < 0 ? -2 : fd;
    }
    pid_t session = getsid(0);
    int terminal =
        open("/dev/tty", O_RDONLY | O_CLOEXEC); /* fails without a controlling terminal */
    if (terminal < 0)
        return -1;
    close(terminal);
    /* A leader that we are, or that ended, says nothing about the session. */
    if (q->keep || session <= 0 || session == getpid())
        return -1;
    return pidfd_open(session, 0);
}

static int start(const struct cli *cli, const struct request *q)
{
    struct lab lab;
    long took_ms = 0;
    int code = q->detect_ms ? explain_check((size_t)q->machines, SPAN_MS(q->detect_ms)) : EXIT_OK;
    if (code != EXIT_OK)
        return code;
    int tie = open_tie(q);
    if (tie == -2)
        return EXIT_ERROR;
    struct lab_plan plan = {.machines = (int)q->machines,
                            .detect_ms = (uint16_t)q->detect_ms,
                            .http = q->http,
                            .watchdogs = q->watchdogs,
                            .tie = tie};
    code = lab_start(&lab, q->dir, &plan, &took_ms);
    if (tie >= 0)
        close(tie);
    if (code != EXIT_OK)
        return code;
    if (cli->json) {
        json_print(json_pack("{s:s, s:i, s:I, s:s}", "dir", lab.dir, "machines", lab.machines,
                             "up_ms", (json_int_t)took_ms, "http", lab.page));
        return EXIT_OK;
    }
    printf("LAB: %d machine%s in %s, all see all (after %ld.%02ld s)\n", lab.machines,
           lab.machines == 1 ? "" : "s", lab.dir, took_ms / 1000, took_ms % 1000 / 10);
    printf("try: holdfast lab exec%s%s hv1 -- holdfast members\n", dir_option(q, " -d "),
           dir_option(q, q->dir));
    if (*lab.page)
        printf("see: http://%s/\n", lab.page);
    return EXIT_OK;
}

/* Sends the command with our descriptors, directory and environment. */
static bool send_command(int fd, int argc, char **argv)
{
    static const int fds[LAB_WIRE_FDS] = {STDIN_FILENO, STDOUT_FILENO, STDERR_FILENO};
    char cwd[PATH_MAX], count[16], verb[] = "spawn";
    size_t variables = 0, at = 0;
    while (environ[variables])
        variables++;
    char **strings = calloc((size_t)argc + variables + 4, sizeof *strings);
    if (strings == NULL || getcwd(cwd, sizeof cwd) == NULL) {
        free(strings);
        return false;
    }
    snprintf(count, sizeof count, "%d", argc);
    strings[at++] = verb;
    strings[at++] = cwd;
    strings[at++] = count;
    for (int i = 0; i < argc; i++)
        strings[at++] = argv[i];
    for (size_t i = 0; i < variables; i++)
        strings[at++] = environ[i];
    bool good = lab_wire_send(fd, strings, fds);
    free(strings);
    return good;
}

/* The machine's word on how the command ended. */
static int take_end(int fd, const char *machine)
{
    struct lab_wire reply;
    int code = EXIT_ERROR;
    if (!lab_wire_receive(fd, &reply)) {
        say("%s went away", machine);
        return EXIT_ERROR;
    }
    if (strcmp(reply.strings[0], "exit") == 0 && reply.count == 2)
        code = atoi(reply.strings[1]);
    else if (strcmp(reply.strings[0], "error") == 0 && reply.count == 3) {
        say("%s: %s", machine, reply.strings[1]);
        code = atoi(reply.strings[2]);
    }
    lab_wire_free(&reply);
    return code;
}

/* Waits for the command's end; signals that reach us are passed on to it. */
static int attend(int fd, int signals, const char *machine)
{
    for (;;) {
        struct pollfd p[2] = {{.fd = fd, .events = POLLIN}, {.fd = signals, .events = POLLIN}};
        char number[16];
        int signo;
        if (poll(p, 2, -1) < 0)
            continue;
        while ((signo = signals_next(signals)) != 0) {
            snprintf(number, sizeof number, "%d", signo);
            lab_wire_say(fd, "signal", number, NULL);
        }
        if (p[0].revents)
            return take_end(fd, machine);
    }
}

static int exec_on(const struct lab *lab, int machine, int argc, char **argv)
{
    char name[LAB_NAME_SIZE];
    snprintf(name, sizeof name, "hv%d", machine);
    int fd = lab_connect(lab, machine);
    if (fd < 0) {
        say("%s in %s does not answer (is the lab running?)", name, lab->dir);
        return EXIT_ERROR;
    }
    int signals = signals_open(false, NULL);
    int code = EXIT_ERROR;
    if (send_command(fd, argc, argv))
        code = attend(fd, signals, name);
    else
        say("%s: the command cannot be sent: %s%s", name, strerror(errno),
            errno == EMSGSIZE ? " (is the environment over 192 KiB?)" : "");
    close(signals);
    close(fd);
    return code;
}

/* A machine or an agent was started: waits until it answers. */
static int await_agent(const struct lab *lab, int machine)
{
    struct lab_state state;
    char log[PATH_MAX];
    if (lab_wait_agent(lab, machine, READY_MS))
        return EXIT_OK;
    lab_path(log, lab, machine, "agent.log");
    lab_state(&state, lab, machine);
    say("hv%d's agent does not answer%s%s (see %s)", machine, *state.ended ? ": it " : "",
        state.ended, log);
    return EXIT_ERROR;
}

static int power(const struct cli *cli, const struct lab *lab, int machine, const char *verb)
{
    struct lab_state state;
    if (strcmp(verb, "status") == 0) {
        if (!lab_state(&state, lab, machine)) {
            say("hv%d in %s does not answer (is the lab running?)", machine, lab->dir);
            return EXIT_ERROR;
        }
        if (cli->json)
            json_print(json_pack("{s:b}", "on", (int)state.on));
        else
            puts(state.on ? "on" : "off");
        return EXIT_OK;
    }
    if (strcmp(verb, "off") == 0)
        return lab_order(lab, machine, "power-off");
    bool on = strcmp(verb, "on") == 0;
    if (!on && strcmp(verb, "reboot") != 0)
        return usage_error(cli, "lab power takes off, on, reboot or status, not '%s'", verb);
    /* A machine that is on already may have a stopped agent, which `on` does not start. */
    if (on && lab_state(&state, lab, machine) && state.on)
        return EXIT_OK;
    int code = lab_order(lab, machine, on ? "power-on" : "power-reboot");
    return code == EXIT_OK ? await_agent(lab, machine) : code;
}

static int agent(const struct cli *cli, const struct lab *lab, int machine, const char *verb)
{
    static const char *const verbs[] = {"stop", "start", "kill", "pause", "resume"};
    char order[32];
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++) {
        if (strcmp(verb, verbs[i]) != 0)
            continue;
        snprintf(order, sizeof order, "agent-%s", verb);
        int code = lab_order(lab, machine, order);
        return code == EXIT_OK && strcmp(verb, "start") == 0 ? await_agent(lab, machine) : code;
    }
    return usage_error(cli, "lab agent takes stop, start, kill, pause or resume, not '%s'", verb);
}

struct row {
    bool runs; /* its supervisor answers */
    struct lab_state state;
    struct lab_view view;
};

static json_t *row_json(const struct row *r, const char *name, const char *socket)
{
    return json_pack("{s:s, s:b, s:b, s:s, s:s, s:I, s:s, s:b, s:i, s:s}", "name", name, "runs",
                     (int)r->runs, "on", (int)r->state.on, "agent",
                     r->runs ? r->state.agent : "stopped", "ended", r->state.ended, "processes",
                     (json_int_t)r->state.processes, "store", r->view.store, "majority",
                     (int)r->view.majority, "alive", r->view.alive, "socket", socket);
}

static void row_text(struct table *t, const struct row *r, const char *name, int machines)
{
    table_cell(t, "%s", name);
    table_cell(t, "%s", !r->runs ? "gone" : r->state.on ? "on" : "off");
    table_cell(t, "%s", r->runs ? r->state.agent : "-");
    table_cell(t, "%s", r->view.answers ? r->view.store : "-");
    if (r->view.answers)
        table_cell(t, "%d of %d", r->view.alive, machines);
    else
        table_cell(t, "-");
    table_cell(t, "%ld", r->state.processes);
    table_cell(t, "%s", r->state.ended);
}

static int status(const struct cli *cli, const struct lab *lab)
{
    static const char *const heading[] = {"MACHINE", "POWER",     "AGENT",     "STORE",
                                          "ALIVE",   "PROCESSES", "LAST AGENT"};
    struct table t;
    json_t *list = json_array();
    char name[LAB_NAME_SIZE], socket[PATH_MAX];
    table_init(&t, sizeof heading / sizeof heading[0], heading);
    for (int i = 1; i <= lab->machines; i++) {
        struct row r = {0};
        snprintf(name, sizeof name, "hv%d", i);
        lab_path(socket, lab, i, "holdfast.sock");
        r.runs = lab_state(&r.state, lab, i);
        if (r.runs && strcmp(r.state.agent, "running") == 0)
            lab_view(&r.view, lab, i);
        if (cli->json)
            json_array_append_new(list, row_json(&r, name, socket));
        else
            row_text(&t, &r, name, lab->machines);
    }
    if (cli->json) {
        json_print(json_pack("{s:s, s:b, s:O}", "dir", lab->dir, "lab", 1, "machines", list));
        table_drop(&t);
    } else {
        printf("LAB: %s\n", lab->dir);
        table_print(&t);
    }
    json_decref(list);
    return EXIT_OK;
}

static int stop(const struct lab *lab)
{
    lab_end(lab);
    return lab_remove(lab) ? EXIT_OK : EXIT_ERROR;
}

/* exec, power and agent: HV and what follows. */
static int on_machine(const struct cli *cli, const struct lab *lab, const char *verb, int argc,
                      char **argv)
{
    if (argc == 0)
        return usage_error(cli, "lab %s: the machine is missing", verb);
    int machine = lab_find(lab, argv[0]);
    if (machine == 0)
        return usage_error(cli, "'%s' is none of this lab's machines hv1 to hv%d", argv[0],
                           lab->machines);
    argc--;
    argv++;
    if (argc > 0 && strcmp(argv[0], "--") == 0) {
        argc--;
        argv++;
    }
    if (argc == 0)
        return usage_error(cli, "lab %s: what to do on the machine is missing", verb);
    if (strcmp(verb, "exec") == 0)
        return exec_on(lab, machine, argc, argv);
    if (argc > 1)
        return usage_error(cli, "'%s' is one argument too many", argv[1]);
    return strcmp(verb, "power") == 0 ? power(cli, lab, machine, argv[0])
                                      : agent(cli, lab, machine, argv[0]);
}

/* Options stand before and behind the verb, but not behind a machine: what follows it may be a
 * command. */
static int take_options(struct cli *cli, struct request *q, int argc, char **argv)
{
    static const struct option longs[] = {
        {"machines", required_argument, NULL, 'n'},  {"dir", required_argument, NULL, 'd'},
        {"tie", required_argument, NULL, TIE},       {"keep", no_argument, NULL, KEEP},
        {"detect", required_argument, NULL, DETECT}, {"http", no_argument, NULL, HTTP},
        {"watchdogs", no_argument, NULL, WATCHDOGS}, COMMAND_OPTIONS};
    int option;
    optind = 0;
    while ((option = command_option(cli, argc, argv, "+:n:d:", longs)) != -1) {
        switch (option) {
        case 'n':
            if (!parse_number(optarg, 1, LAB_MACHINES_MAX, &q->machines))
                return usage_error(cli, "-n takes 1 to %d, not '%s'", LAB_MACHINES_MAX, optarg);
            break;
        case 'd':
            q->given_dir = optarg;
            break;
        case TIE:
            if (!parse_number(optarg, 1, 1L << 22, &q->tie))
                return usage_error(cli, "--tie takes the number of a process, not '%s'", optarg);
            break;
        case KEEP:
            q->keep = true;
            break;
        case HTTP:
            q->http = true;
            break;
        case WATCHDOGS:
            q->watchdogs = true;
            break;
        case DETECT:
            if (!parse_number(optarg, ROSTER_DETECT_MIN_MS, ROSTER_DETECT_MAX_MS, &q->detect_ms))
                return usage_error(cli, "--detect takes %d to %d milliseconds, not '%s'",
                                   ROSTER_DETECT_MIN_MS, ROSTER_DETECT_MAX_MS, optarg);
            break;
        }
    }
    return EXIT_OK;
}

static int run_verb(struct cli *cli, const struct request *q, const char *verb, int argc,
                    char **argv)
{
    static const char *const verbs[] = {"start", "stop", "status", "exec", "power", "agent"};
    struct lab lab;
    size_t known = 0;
    while (known < 6 && strcmp(verb, verbs[known]) != 0)
        known++;
    if (known == 6)
        return usage_error(cli, "start, exec, power, agent, status or stop is expected, not '%s'",
                           verb);
    if (known < 3 && argc > 0)
        return usage_error(cli, "'%s' is one argument too many", argv[0]);
    if (known == 0)
        return start(cli, q);
    if (!lab_open(&lab, q->dir)) {
        say("there is no lab in %s (holdfast lab start%s%s)", q->dir, dir_option(q, " -d "),
            dir_option(q, q->dir));
        return EXIT_ERROR;
    }
    if (known == 1)
        return stop(&lab);
    return known == 2 ? status(cli, &lab) : on_machine(cli, &lab, verb, argc, argv);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct request q = {.machines = 5};
    if (take_options(cli, &q, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    argc -= optind;
    argv += optind;
    const char *verb = argc > 0 ? argv[0] : "";
    if (argc > 0 && take_options(cli, &q, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    argc -= optind;
    argv += optind;
    if (q.given_dir && strlen(q.given_dir) >= sizeof q.dir)
        return usage_error(cli, "the path '%.64s...' is too long", q.given_dir);
    if (q.given_dir)
        strcpy(q.dir, q.given_dir);
    else
        lab_default_dir(q.dir);
    return run_verb(cli, &q, verb, argc, argv);
}

const struct command cmd_lab = {"lab", "a cluster on this machine, to try and to test", help, true,
                                run};
