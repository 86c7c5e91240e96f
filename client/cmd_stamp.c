/*
 * `holdfast stamp` and `holdfast validate`: the optimistic read of data that a lock guards. Nobody
 * waits for such a reader, and it waits for nobody; it learns afterwards whether anybody may have
 * written meanwhile.
 */
#include <stdio.h>

#include "client/agent.h"
#include "client/command.h"

static const char stamp_help[] =
    "usage: holdfast stamp [-w SEC] [--json] NAME\n"
    "\n"
    "Prints a stamp of the lock NAME, for 'holdfast validate': it says that nobody writes now. "
    "The\n"
    "exit code is 3 if somebody holds NAME in a mode that writes, or the last one that did went\n"
    "uncleanly; 2 if there is no majority.\n"
    "\n"
    "  -w, --wait SEC      give up after so long (5)\n"
    "  --json              one object on stdout: name, stamp, token, value\n";

static const char validate_help[] =
    "usage: holdfast validate [-w SEC] [--json] NAME STAMP\n"
    "\n"
    "Whether what was read since 'holdfast stamp NAME' printed STAMP is whole: the exit code is 0 "
    "if\n"
    "nobody was granted NAME since then in a mode that writes, nor converted to one; 1 if "
    "somebody\n"
    "was; 2 if there is no majority, 3 if nobody answered in time.\n"
    "\n"
    "  -w, --wait SEC      give up after so long (5)\n"
    "  --json              one object on stdout: name, stamp, valid\n";

struct question {
    struct cli *cli;
    const char *name;
    const char *stamp; /* NULL: one is asked for */
    long long wait_ms;
};

static int take_arguments(struct question *q, int argc, char **argv, bool stamped)
{
    static const struct option longs[] = {{"wait", required_argument, NULL, 'w'}, COMMAND_OPTIONS};
    int option;
    q->wait_ms = AGENT_TIMEOUT_MS;
    while ((option = command_option(q->cli, argc, argv, ":w:", longs)) != -1)
        if (option == 'w' && take_patience(q->cli, &q->wait_ms) != EXIT_OK)
            return EXIT_USAGE;
    if (optind == argc)
        return usage_error(q->cli, "the lock's NAME is missing");
    q->name = argv[optind++];
    if (check_lock_name(q->cli, q->name) != EXIT_OK)
        return EXIT_USAGE;
    if (stamped && optind == argc)
        return usage_error(q->cli, "the STAMP is missing");
    if (stamped)
        q->stamp = argv[optind++];
    return no_arguments(q->cli, argc, argv);
}

static int run_stamp(struct cli *cli, int argc, char **argv)
{
    struct question q = {.cli = cli};
    json_t *reply = NULL;
    if (take_arguments(&q, argc, argv, false) != EXIT_OK)
        return EXIT_USAGE;
    int code = agent_ask_lock(cli, "Stamp", json_pack("{s:s}", "name", q.name), q.wait_ms, &reply);
    if (code != EXIT_OK)
        return code;
    if (cli->json) {
        json_object_set_new(reply, "name", json_string(q.name));
        json_print(reply);
    } else {
        printf("%s\n", json_text(reply, "stamp"));
        json_decref(reply);
    }
    return EXIT_OK;
}

static int run_validate(struct cli *cli, int argc, char **argv)
{
    struct question q = {.cli = cli};
    json_t *reply = NULL;
    if (take_arguments(&q, argc, argv, true) != EXIT_OK)
        return EXIT_USAGE;
    json_t *p = json_pack("{s:s, s:s}", "name", q.name, "stamp", q.stamp);
    if (!p)
        return usage_error(cli, "'%s' is no stamp", q.stamp);
    int code = agent_ask_lock(cli, "Validate", p, q.wait_ms, &reply);
    if (code != EXIT_OK)
        return code;
    bool valid = json_flag(reply, "valid");
    json_decref(reply);
    if (cli->json)
        json_print(
            json_pack("{s:s, s:s, s:b}", "name", q.name, "stamp", q.stamp, "valid", (int)valid));
    else if (!valid)
        say("%s: somebody may have written since that stamp", q.name);
    return valid ? EXIT_OK : EXIT_ERROR;
}

const struct command cmd_stamp = {"stamp", "begins to read without a lock", stamp_help, true,
                                  run_stamp};
const struct command cmd_validate = {"validate", "whether what was read since a stamp is whole",
                                     validate_help, true, run_validate};
