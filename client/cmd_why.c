/* `holdfast why`: explains a lock in words; gathers what the local agent knows (see why.h). */
#include <stdio.h>
#include <string.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/why.h"

static const char help[] =
    "usage: holdfast why [-w SEC] [--json] NAME\n"
    "\n"
    "Explains in words who holds the lock NAME, who waits for what, and what will happen next, "
    "and\n"
    "after what: confirmed by a majority as under 'holdfast show', with what this node knows of "
    "the\n"
    "members and of orders against the dead.\n"
    "\n"
    "  -w, --wait SEC      give up after so long (5)\n"
    "  --json              one object on stdout: name, known, holders, converting, waiters (each\n"
    "                      with text, a line), text, next (lists of lines)\n"
    "\n"
    "The exit code is 2 if there is no majority, 3 if nobody answered in time; what is known is\n"
    "explained all the same.\n";

enum { EVENTS_ASKED = 1024 }; /* as many as the agent keeps */

struct asking {
    struct cli *cli;
    struct varlink agent;
    json_t *facts;
};

/* Asks something; its reply, whole or only `member` of it, becomes the fact `as`. */
static int gather(struct asking *a, const char *method, json_t *parameters, const char *member,
                  const char *as)
{
    json_t *reply = NULL;
    int code = agent_call(&a->agent, a->cli, method, parameters, &reply);
    if (code == EXIT_OK)
        json_object_set(a->facts, as, member ? json_object_get(reply, member) : reply);
    json_decref(reply);
    return code;
}

/* The lock, or why it cannot be shown. EXIT_OK if there is something to explain; *code is what to
 * end with then. */
static int gather_lock(struct asking *a, const char *name, long long wait_ms, int *code)
{
    struct varlink_reply reply;
    json_t *p = json_pack("{s:s, s:I}", "name", name, "timeout_ms", (json_int_t)wait_ms);
    enum varlink_status status =
        varlink_call(&a->agent, AGENT_INTERFACE "Show", p, &reply, (int)wait_ms + AGENT_TIMEOUT_MS);
    bool known = status == VARLINK_OK && reply.error[0] == '\0';
    *code = EXIT_OK;
    if (status != VARLINK_OK)
        return agent_failed(a->cli, status);
    if (known) {
        json_object_set(a->facts, "lock", json_object_get(reply.parameters, "lock"));
    } else if (agent_error_is(&reply, "NoMajority") || agent_error_is(&reply, "TimedOut") ||
               agent_error_is(&reply, "NotReady")) {
        json_object_set_new(a->facts, "refusal",
                            json_string(reply.error + strlen(AGENT_INTERFACE)));
        json_object_update_missing(a->facts, reply.parameters); /* reachable, cohort */
        *code = agent_error_is(&reply, "NoMajority") ? EXIT_NO_MAJORITY
                : agent_error_is(&reply, "TimedOut") ? EXIT_NOT_GRANTED
                                                     : EXIT_ERROR;
    } else {
        int refused = agent_refused(&reply, name);
        json_decref(reply.parameters);
        return refused;
    }
    json_decref(reply.parameters);
    return EXIT_OK;
}

/* The last word of this node's own juror stands in its events, so they matter while jurors are
 * asked. A plain call gives the first event after a number. */
static int gather_events(struct asking *a)
{
    json_t *events = json_array();
    const json_t *stale = json_object_get(json_object_get(a->facts, "lock"), "stale");
    bool wanted = strcmp(json_text(stale, "stage"), "asking") == 0;
    long long after = 0;
    int code = EXIT_OK;
    for (int i = 0; wanted && i < EVENTS_ASKED; i++) {
        json_t *reply = NULL;
        code = agent_call(&a->agent, a->cli, "Events",
                          json_pack("{s:I}", "after", (json_int_t)after), &reply);
        json_t *event = json_object_get(reply, "event");
        long long seq = json_number(event, "seq");
        wanted = code == EXIT_OK && seq > after;
        if (wanted)
            json_array_append(events, event);
        json_decref(reply);
        after = seq;
    }
    json_object_set_new(a->facts, "events", events);
    return code;
}

static int gather_all(struct asking *a, const char *name, long long wait_ms, int *code)
{
    int failed = gather_lock(a, name, wait_ms, code);
    if (failed == EXIT_OK)
        failed = gather(a, "Locate", json_pack("{s:s}", "name", name), NULL, "place");
    if (failed == EXIT_OK)
        failed = gather(a, "Members", NULL, "members", "members");
    if (failed == EXIT_OK)
        failed = gather(a, "Orders", NULL, "orders", "orders");
    if (failed == EXIT_OK)
        failed = gather(a, "List", NULL, "operations", "operations");
    if (failed == EXIT_OK)
        failed = gather(a, "Status", NULL, NULL, "status");
    return failed == EXIT_OK ? gather_events(a) : failed;
}

static void print_text(const json_t *explained)
{
    const json_t *line;
    size_t index;
    json_array_foreach(json_object_get(explained, "text"), index, line)
    {
        printf("%s\n", json_string_value(line));
    }
    json_array_foreach(json_object_get(explained, "next"), index, line)
    {
        printf("%s%s\n", index == 0 ? "Next: " : "      ", json_string_value(line));
    }
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"wait", required_argument, NULL, 'w'}, COMMAND_OPTIONS};
    long long wait_ms = AGENT_TIMEOUT_MS;
    int option, code;
    while ((option = command_option(cli, argc, argv, ":w:", longs)) != -1)
        if (option == 'w' && take_patience(cli, &wait_ms) != EXIT_OK)
            return EXIT_USAGE;
    if (optind == argc)
        return usage_error(cli, "the lock's NAME is missing");
    const char *name = argv[optind++];
    if (check_lock_name(cli, name) != EXIT_OK || no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    struct asking a = {.cli = cli, .facts = json_pack("{s:s}", "name", name)};
    int failed = agent_open(&a.agent, cli);
    if (failed == EXIT_OK)
        failed = gather_all(&a, name, wait_ms, &code);
    varlink_close(&a.agent);
    json_t *explained = failed == EXIT_OK ? why_explain(a.facts) : NULL;
    json_decref(a.facts);
    if (explained == NULL)
        return failed;
    if (cli->json) {
        json_print(explained);
    } else {
        print_text(explained);
        json_decref(explained);
    }
    return code;
}

const struct command cmd_why = {"why", "who holds a lock, who waits for what, and what comes next",
                                help, true, run};
