/* `holdfast show`: one lock, as a majority of its voters knows it (L5). */
#include <stdio.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/fence_text.h"
#include "client/table.h"

/* Of a hold that the node keeps for its clients what it is to them. */
static const char *state_text(const json_t *party, const char *state)
{
    if (json_array_size(json_object_get(party, "readers")) > 0)
        return "shared";
    return json_flag(party, "cached") ? "cached" : state;
}

static const char help[] =
    "usage: holdfast show [-w SEC] [--json] NAME\n"
    "\n"
    "Prints who holds the lock NAME, who waits to be converted to another mode, and who waits for\n"
    "it, each with its mode (and limit, if it is counted), confirmed by a majority; what they "
    "wait\n"
    "for if a holder is dead; and how the last hold went that ended uncleanly.\n"
    "\n"
    "  -w, --wait SEC      give up after so long (5)\n"
    "\n"
    "The exit code is 2 if there is no majority, 3 if nobody answered in time.\n";

/* Those that the node has let in under that hold. */
static void add_readers(struct table *t, const json_t *party, bool data)
{
    size_t index;
    json_t *reader;
    json_array_foreach(json_object_get(party, "readers"), index, reader)
    {
        table_cell(t, "reads");
        table_cell(t, "%s", json_text(party, "node"));
        table_cell(t, "%s", json_text(reader, "mode"));
        table_cell(t, "%lld", json_number(party, "token"));
        table_cell(t, "-");
        table_cell(t, "%s", json_text(reader, "hold"));
        if (data)
            table_cell(t, "-");
    }
}

/* `state`: of those without a place in the queue, or NULL. */
static void add_rows(struct table *t, const json_t *parties, const char *state, bool data)
{
    size_t index;
    char mode[AGENT_MODE_SIZE], policy[AGENT_POLICY_SIZE], own[AGENT_DATA_SIZE];
    json_t *party;
    json_array_foreach(parties, index, party)
    {
        long long token = json_number(party, "token");
        if (state)
            table_cell(t, "%s", state_text(party, state));
        else
            table_cell(t, "waits, %lld", json_number(party, "place"));
        table_cell(t, "%s", json_text(party, "node"));
        table_cell(t, "%s", agent_mode(mode, party));
        if (token > 0)
            table_cell(t, "%lld", token);
        else
            table_cell(t, "-");
        table_cell(t, "%s", agent_policy(policy, party));
        table_cell(t, "%s", json_text(party, "hold"));
        if (data)
            table_cell(t, "%s", agent_data(own, party));
        add_readers(t, party, data);
    }
}

static bool any_data(const json_t *parties)
{
    size_t index;
    json_t *party;
    json_array_foreach(parties, index, party)
    {
        if (json_text(party, "data")[0] != '\0')
            return true;
    }
    return false;
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
    static const char *const heading[] = {"STATE", "NODE", "MODE", "TOKEN",
                                          "STALE", "HOLD", "DATA"};
    const json_t *holders = json_object_get(lock, "holders");
    const json_t *waiters = json_object_get(lock, "waiters");
    const json_t *value = json_object_get(lock, "value");
    struct table t;
    printf("%s: %s; token %lld, generation %lld, coordinated by %s\n", json_text(lock, "name"),
           json_array_size(holders) ? "held" : "free", json_number(lock, "token"),
           json_number(lock, "generation"), json_text(lock, "coordinator"));
    if (json_array_size(holders) + json_array_size(waiters) > 0) {
        bool data = any_data(holders) || any_data(waiters);
        table_init(&t, sizeof heading / sizeof heading[0] - !data, heading);
        add_rows(&t, holders, "holds", data);
        add_rows(&t, json_object_get(lock, "converting"), "converts", data);
        add_rows(&t, waiters, NULL, data);
        table_print(&t);
    }
    if (json_is_object(value))
        printf("value      written under token %lld, %s\n", json_number(value, "token"),
               json_flag(value, "valid") ? "valid" : "but a writing holder went uncleanly since");
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
