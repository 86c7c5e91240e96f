/*
 * `holdfast doctor`: whether this host can do what it is there for, each check in a line, and what
 * to mend. It only looks: nothing is switched, locked or written.
 */
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/doctor_agent.h"
#include "client/doctor_executor.h"
#include "client/doctor_host.h"

#define CONFIG_DEFAULT "/etc/holdfast/holdfast.conf"
#define STATE_DEFAULT  "/var/lib/holdfast"

static const char help[] =
    "usage: holdfast doctor [-c FILE] [--state DIR] [--json]\n"
    "\n"
    "Checks this host: configuration, clock, watchdog, disk, and with the agent's help its store "
    "and\n"
    "the time of its syncs, its life, the majority, each peer by round trip, what was dropped, and "
    "the\n"
    "executor, which asks each fence device how its machine is, for up to half a minute.\n"
    "Each check is a line; below it, behind ->, what to do. Nothing is changed.\n"
    "\n"
    "  -c, --config FILE  the agent's configuration (the one that it runs with, else\n"
    "                     " CONFIG_DEFAULT ")\n"
    "      --state DIR    the agent's state directory (the one that it runs with, else\n"
    "                     " STATE_DEFAULT ")\n"
    "\n"
    "The exit code is 0 if nothing is BAD, 1 if something is, 69 if no agent answers.\n";

enum { STATE = OPTION_OWN, YOUNG_MS = 5000, AGAIN_MS = 100 };

/* An agent that came up a moment ago is given the time to find the others. */
static int ask_status(struct cli *cli, json_t **status)
{
    bool terminal = isatty(STDERR_FILENO) && !cli->json, told = false;
    for (;;) {
        int code = agent_ask(cli, "Status", NULL, status);
        if (code != EXIT_OK || json_number(*status, "uptime_ms") > YOUNG_MS ||
            (strcmp(json_text(*status, "store"), "checking") != 0 &&
             json_flag(*status, "life_counts"))) {
            if (told)
                fputs("\r\033[K", stderr);
            return code;
        }
        if (terminal && !told)
            fputs("      it has just started: it is given some seconds to find the others", stderr);
        told = told || terminal;
        json_decref(*status);
        *status = NULL;
        (void)poll(NULL, 0, AGAIN_MS);
    }
}

/* What the agent runs with; NULL if it does not say, which makes it none the worse. */
static json_t *ask_settings(const struct cli *cli)
{
    struct varlink v;
    struct varlink_reply reply;
    json_t *out = NULL;
    if (varlink_open(&v, cli->socket) != VARLINK_OK)
        return NULL;
    if (varlink_call(&v, AGENT_INTERFACE "Settings", NULL, &reply, AGENT_TIMEOUT_MS) ==
        VARLINK_OK) {
        if (!reply.error[0])
            out = json_incref(reply.parameters);
        json_decref(reply.parameters);
    }
    varlink_close(&v);
    return out;
}

/* Of what it runs with, or the default. */
static const char *setting(const json_t *running, const char *name, const char *otherwise)
{
    const json_t *one;
    size_t index;
    json_array_foreach(json_object_get(running, "settings"), index, one)
    {
        if (strcmp(json_text(one, "name"), name) == 0)
            return json_text(one, "value");
    }
    return otherwise;
}

static int ask_agent(struct findings *f, struct cli *cli, json_t *running)
{
    json_t *status = NULL, *members = NULL;
    int code = ask_status(cli, &status);
    if (code == EXIT_OK)
        code = agent_ask(cli, "Members", NULL, &members);
    if (code == EXIT_OK) {
        doctor_version(f, status);
        if (running)
            doctor_settings(f, running);
        doctor_store(f, status);
        doctor_life(f, status);
        doctor_majority(f, status);
        doctor_peers(f, members);
        doctor_drops(f, status);
        doctor_executor(f, cli, status);
        doctor_inhibitors(f, status);
    } else {
        finding(f, FINDING_BAD, "agent", "none answers at %s", cli->socket);
        finding_mend(f, "start it (systemctl start holdfastd), or name its socket with --socket");
    }
    json_decref(status);
    json_decref(members);
    return code;
}

static void print_summary(const struct findings *f)
{
    unsigned bad = f->count[FINDING_BAD], warnings = f->count[FINDING_WARNING];
    if (bad == 0 && warnings == 0)
        puts("\nnothing is wrong");
    else
        printf("\n%u bad, %u to look at\n", bad, warnings);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"config", required_argument, NULL, 'c'},
                                          {"state", required_argument, NULL, STATE},
                                          COMMAND_OPTIONS};
    const char *config = NULL, *state = NULL;
    struct findings f;
    int option;
    while ((option = command_option(cli, argc, argv, ":c:", longs)) != -1)
        *(option == 'c' ? &config : &state) = optarg;
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    json_t *running = ask_settings(cli);
    if (!config)
        config = running ? json_text(running, "file") : CONFIG_DEFAULT;
    if (!state)
        state = setting(running, "state", STATE_DEFAULT);
    findings_init(&f, cli->json);
    doctor_config(&f, config);
    doctor_clock(&f);
    doctor_watchdog(&f);
    doctor_disk(&f, state);
    int code = ask_agent(&f, cli, running);
    bool bad = f.count[FINDING_BAD] > 0;
    if (cli->json)
        json_print(json_pack("{s:b s:O}", "ok", !bad, "checks", f.list));
    else
        print_summary(&f);
    findings_deinit(&f);
    json_decref(running);
    return code != EXIT_OK ? code : bad ? EXIT_ERROR : EXIT_OK;
}

const struct command cmd_doctor = {"doctor", "whether this host can do its part, and what to mend",
                                   help, true, run};
