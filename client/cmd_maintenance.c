/* `holdfast maintenance`: jurors allow nothing against one node but that it retires. */
#include <string.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/inhibit.h"

static const char help[] =
    "usage: holdfast maintenance NODE on [--for SPAN | --until TIME] --reason TEXT [-w SEC] "
    "[--json]\n"
    "       holdfast maintenance NODE off [-w SEC] [--json]\n"
    "\n"
    "While NODE is under maintenance no juror signs an order that lets its machine be switched "
    "off,\n"
    "or a script be run against it; and no executor begins. If it dies with locks that others "
    "wait\n"
    "for, they wait: until it boots, or the maintenance ends.\n"
    "\n"
    "  --for SPAN     90s, 15m, 2h, 3d: it ends by itself then (1h), a week at most\n"
    "  --until TIME   the same as HH:MM, YYYY-MM-DDTHH:MM or @SECONDS\n"
    "  --reason TEXT  for others to read\n"
    "  -w SEC         waits so long for the jurors to store it (10)\n"
    "\n"
    "The exit code is 2 if too few jurors have stored it in time: then it is not in effect yet.\n";

static int run(struct cli *cli, int argc, char **argv)
{
    struct inhibit_request r = {
        .kind = "maintenance", .span_ms = INHIBIT_SPAN_DEFAULT_MS, .wait_ms = 10000};
    int code = inhibit_take_options(cli, argc, argv, &r, &r.wait_ms);
    if (code != EXIT_OK)
        return code;
    if (argc - optind < 2)
        return usage_error(cli, "say NODE, and on or off");
    r.node = argv[optind++];
    const char *what = argv[optind++];
    r.on = strcmp(what, "on") == 0;
    if (!r.on && strcmp(what, "off") != 0)
        return usage_error(cli, "'%s' is neither on nor off", what);
    if (r.on && (r.reason == NULL || *r.reason == '\0'))
        return usage_error(cli, "--reason is missing: others will ask");
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    return inhibit_run(cli, &r);
}

const struct command cmd_maintenance = {
    "maintenance", "keeps a node from being switched off for a while", help, true, run};
