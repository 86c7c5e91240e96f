/* `holdfast drain` and `undrain`: a node before planned work takes no new locks, and lets go. */
#include <string.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/inhibit.h"

static const char help_drain[] =
    "usage: holdfast drain [NODE] [--for SPAN | --until TIME] [--reason TEXT] [-w SEC] [--json]\n"
    "\n"
    "Before planned work on NODE (the local agent's, if none is named): it takes no new locks, "
    "gives\n"
    "up what it has cached, and tells those who hold locks there to let go (the event "
    "`draining`).\n"
    "Waits until it holds nothing; then it may be switched off, and nobody is fenced. It lasts "
    "over\n"
    "restarts, until `holdfast undrain`, or until it ends by itself.\n"
    "\n"
    "  --for SPAN     90s, 15m, 2h, 3d: it ends by itself then (1h), a week at most\n"
    "  --until TIME   the same as HH:MM, YYYY-MM-DDTHH:MM or @SECONDS\n"
    "  --reason TEXT  for others to read\n"
    "  -w SEC         waits so long until nothing is held (for ever)\n"
    "\n"
    "The exit code is 3 if it holds something yet when the time is over, 2 if it did not answer.\n";

static const char help_undrain[] =
    "usage: holdfast undrain [NODE] [-w SEC] [--json]\n"
    "\n"
    "NODE (the local agent's, if none is named) takes locks again.\n";

enum { NODE_MAX = 64 };

/* The name of the local agent's node. */
static int own_node(const struct cli *cli, char out[NODE_MAX])
{
    json_t *status = NULL;
    int code = agent_ask(cli, "Status", NULL, &status);
    if (code != EXIT_OK)
        return code;
    out[0] = '\0';
    strncat(out, json_text(status, "node"), NODE_MAX - 1);
    json_decref(status);
    return EXIT_OK;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static char node[NODE_MAX];
    struct inhibit_request r = {.kind = "drain",
                                .on = strcmp(argv[0], "drain") == 0,
                                .span_ms = INHIBIT_SPAN_DEFAULT_MS,
                                .wait_ms = 10000,
                                .drain_ms = -1};
    int code = inhibit_take_options(cli, argc, argv, &r, &r.drain_ms);
    if (code != EXIT_OK)
        return code;
    r.node = optind < argc ? argv[optind++] : node;
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    if (r.node == node)
        code = own_node(cli, node);
    return code == EXIT_OK ? inhibit_run(cli, &r) : code;
}

const struct command cmd_drain = {"drain", "a node takes no new locks, before planned work",
                                  help_drain, true, run};
const struct command cmd_undrain = {"undrain", "lets a drained node take locks again", help_undrain,
                                    true, run};
