/* `holdfast show`: one lock, as a majority of its voters knows it (L5). */
#include <stdio.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/fence_text.h"
#include "client/table.h"

static const char help[] =
    "usage: holdfast show [-w SEC] [--json] NAME\n"
    "\n"
    "Prints who holds the lock NAME and who waits for it, each with its mode (and limit, if it is\n"
    "counted), confirmed by a majority; what they wait\n"
    "for if a holder is dead; and how the last hold went that ended uncleanly.\n"
    "\n"
    "  -w, --wait SEC      give up after so long (5)\n"
    "\n"
    "The exit code is 2 if there is no majority, 3 if nobody answered in time.\n";

static void add_rows(struct table *t, const json_t *parties)
{
    size_t index;
    char mode[AGENT_MODE_SIZE];
    json_t *party;
    json_array_foreach(parties, index, party)
    {
        long long place = json_number(party, "place");
        if (place == 0)
            table_cell(t, "holds");
        else
            table_cell(t, "waits, %lld", place);
        table_cell(t, "%s", json_text(party, "node"));
        table_cell(t, "%s", agent_mode(mode, party));
        if (place == 0)
            table_cell(t, "%lld", json_number(party, "token"));
        else
            table_cell(t, "-");
        table_cell(t, "%s", json_text(party, "policy"));
        table_cell(t, "%s", json_text(party, "hold"));
    }
}

/* What those that wait wait for, and how the last hold that ended uncleanly went. */
static void print_fencing(const json_t *lock)
{
    char text[FENCE_TEXT_LINE_MAX];
    const json_t *mark = json_object_get(lock, "mark");
    const char *proof = json_text(mark, "proof");
    fence_text_stale(text, sizeof text, json_object_get(lock, "stale"));
    if (*text)
        printf("waits for  %s\n", text);
    fence_text_mark(text, sizeof text, mark);
    if (*text)
        printf("unclean    %s%s%s\n", text, *proof ? "; proof " : "", proof);
}

static void print_text(const json_t *lock)
{
    static const char *const heading[] = {"STATE", "NODE", "MODE", "TOKEN", "STALE", "HOLD"};
    const json_t *holders = json_object_get(lock, "holders");
    const json_t *waiters = json_object_get(lock, "waiters");
    struct table t;
    printf("%s: %s; token %lld, generation %lld, coordinated by %s\n", json_text(lock, "name"),
           json_array_size(holders) ? "held" : "free", json_number(lock, "token"),
           json_number(lock, "generation"), json_text(lock, "coordinator"));
    if (json_array_size(holders) + json_array_size(waiters) > 0) {
        table_init(&t, sizeof heading / sizeof heading[0], heading);
        add_rows(&t, holders);
        add_rows(&t, waiters);
        table_print(&t);
    }
    print_fencing(lock);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"wait", required_argument, NULL, 'w'}, COMMAND_OPTIONS};
    long long wait_ms = AGENT_TIMEOUT_MS;
    json_t *reply = NULL;
    int option;
    while ((option = command_option(cli, argc, argv, ":w:", longs)) != -1)
        if (option == 'w' && take_patience(cli, &wait_ms) != EXIT_OK)
            return EXIT_USAGE;
    if (optind == argc)
        return usage_error(cli, "the lock's NAME is missing");
    const char *name = argv[optind++];
    if (check_lock_name(cli, name) != EXIT_OK || no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    int code = agent_ask_lock(cli, "Show", json_pack("{s:s}", "name", name), wait_ms, &reply);
    if (code == EXIT_OK && cli->json)
        json_print(json_incref(json_object_get(reply, "lock")));
    else if (code == EXIT_OK)
        print_text(json_object_get(reply, "lock"));
    json_decref(reply);
    return code;
}

const struct command cmd_show = {"show", "who holds a lock and who waits for it", help, true, run};
