/*
 * `holdfast transfer`: hands a hold of the `holdfast lock` around it over to somebody who waits, as
 * at the end of a guest's live migration: there is no moment in which nobody holds the lock.
 */
#include <stdio.h>
#include <string.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/own_hold.h"

static const char help[] =
    "usage: holdfast transfer --to NODE|ID [--json] [HOLD]\n"
    "\n"
    "Hands a hold of the 'holdfast lock' that this runs under (HOLDFAST_HOLD, or HOLD if it is\n"
    "another of the same session) over to somebody who waits for the lock, before all others: to "
    "the\n"
    "first waiter of NODE, or to the one with that ID in 'holdfast show'. From the call on "
    "nothing\n"
    "may act under the lock here; if it is refused, it may again.\n"
    "\n"
    "The exit code is 1 if nobody of that name waits; 2 if there is no majority (then it is not\n"
    "known whose it is); 3 if the waiter would not fit beside other holders; 4 if the hold was "
    "lost.\n";

enum { TO = OPTION_OWN, ID_SIZE = 64 };

/* "1.4.17": what names nodes has letters, as long as nobody calls one by three numbers. */
static bool is_id(const char *text)
{
    int dots = 0;
    for (const char *c = text; *c; c++)
        dots += *c == '.';
    return dots == 2 && strspn(text, "0123456789.") == strlen(text);
}

/* The id of the first waiter of a node: EXIT_OK, or the code after saying that there is none. */
static int first_waiter(const struct own_hold *hold, const char *node, char id[ID_SIZE])
{
    json_t *reply = NULL, *waiter;
    size_t index;
    int code = agent_ask_lock(hold->cli, "Show", json_pack("{s:s}", "name", hold->name),
                              AGENT_TIMEOUT_MS, &reply);
    if (code != EXIT_OK)
        return code;
    id[0] = '\0';
    json_array_foreach(json_object_get(json_object_get(reply, "lock"), "waiters"), index, waiter)
    {
        if (id[0] == '\0' && strcmp(json_text(waiter, "node"), node) == 0)
            snprintf(id, ID_SIZE, "%s", json_text(waiter, "hold"));
    }
    json_decref(reply);
    if (id[0] != '\0')
        return EXIT_OK;
    say("%s: nobody on %s waits for it", own_hold_subject(hold), node);
    return EXIT_ERROR;
}

static int hand_over(struct own_hold *hold, const char *to)
{
    static const struct own_hold_doubt doubt = {
        .timed_out = "it is still held here",
        .no_majority = "it is not known who holds it: do not act under it (see 'holdfast locks')"};
    char id[ID_SIZE];
    int code = EXIT_OK;
    if (!is_id(to)) {
        code = first_waiter(hold, to, id);
        to = id;
    }
    if (code == EXIT_OK)
        code = own_hold_call(hold, "Transfer", json_pack("{s:s}", "to", to), &doubt);
    if (code == EXIT_OK && hold->cli->json)
        json_print(json_pack("{s:s, s:s, s:s}", "name", hold->name, "hold", hold->id, "to", to));
    return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"to", required_argument, NULL, TO}, COMMAND_OPTIONS};
    struct own_hold own;
    const char *to = NULL;
    while (command_option(cli, argc, argv, ":", longs) != -1)
        to = optarg;
    if (to == NULL || *to == '\0')
        return usage_error(cli, "--to is missing: the node, or the id, of one who waits");
    const char *hold = optind < argc ? argv[optind++] : NULL;
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    int code = own_hold_open(&own, cli, hold);
    if (code != EXIT_OK)
        return code;
    code = hand_over(&own, to);
    own_hold_close(&own);
    return code;
}

const struct command cmd_transfer = {"transfer", "hands a hold over to somebody who waits", help,
                                     true, run};
