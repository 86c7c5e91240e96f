/* `holdfast locks`: what this node holds and asks for. */
#include <stdio.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/table.h"

static const char help[] =
    "usage: holdfast locks [--json]\n"
    "\n"
    "Lists what clients of this node hold or ask for. SESSION is '-' if the client is gone.\n";

static void print_text(const json_t *operations)
{
    static const char *const heading[] = {"NAME",  "MODE",    "STATE", "TOKEN",
                                          "STALE", "SESSION", "PIDS"};
    struct table t;
    size_t index, i;
    json_t *op, *pid;
    table_init(&t, sizeof heading / sizeof heading[0], heading);
    json_array_foreach(operations, index, op)
    {
        char pids[128] = "", mode[AGENT_MODE_SIZE], policy[AGENT_POLICY_SIZE];
        int at = 0;
        json_array_foreach(json_object_get(op, "pids"), i, pid)
        {
            if ((size_t)at < sizeof pids)
                at += snprintf(pids + at, sizeof pids - (size_t)at, "%s%lld", i ? "," : "",
                               (long long)json_integer_value(pid));
        }
        const char *session = json_text(op, "session");
        table_cell(&t, "%s", json_text(op, "name"));
        table_cell(&t, "%s", agent_mode(mode, op));
        table_cell(&t, "%s", json_text(op, "state"));
        table_cell(&t, "%lld", json_number(op, "token"));
        table_cell(&t, "%s", agent_policy(policy, op));
        table_cell(&t, "%s", *session ? session : "-");
        table_cell(&t, "%s", *pids ? pids : "-");
    }
    table_print(&t);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {COMMAND_OPTIONS};
    json_t *reply = NULL;
    command_option(cli, argc, argv, ":", longs);
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    int code = agent_ask(cli, "List", NULL, &reply);
    if (code != EXIT_OK)
        return code;
    if (cli->json) {
        json_print(reply);
    } else {
        print_text(json_object_get(reply, "operations"));
        json_decref(reply);
    }
    return EXIT_OK;
}

const struct command cmd_locks = {"locks", "what this node holds and asks for", help, true, run};
