/* `holdfast events`: what happened on this node. */
#include <stdio.h>
#include <string.h>

#include "client/agent.h"
#include "client/command.h"

static const char help[] =
    "usage: holdfast events [-f] [--since ID|SEQ] [--json]\n"
    "\n"
    "Prints the events that the agent keeps, oldest first; with --json one object a line.\n"
    "\n"
    "  -f, --follow        go on with those to come\n"
    "  --since ID|SEQ      only those behind it, to resume: the `id` or `seq` of the last one "
    "read;\n"
    "                      if some of these are lost, the first line is an event `gap`\n";

enum { SINCE = OPTION_OWN, PLACE_SIZE = 64 };

/* At once, since whoever follows wants to see it now. False if nobody reads any more. */
static bool print_event(const struct cli *cli, const json_t *event)
{
    if (cli->json)
        json_print(json_deep_copy(event));
    else
        printf("%s  %-12s  %s\n", json_text(event, "time"), json_text(event, "kind"),
               json_text(event, "text"));
    return fflush(stdout) == 0;
}

/* NULL: from the first that is kept. */
static json_t *parameters(const char *since)
{
    return since ? json_pack("{s:s}", "since", since) : json_object();
}

/* A plain call gives the first event behind a place; one without a kind says that there is none. */
static int print_kept(struct varlink *v, const struct cli *cli, const char *since)
{
    char place[PLACE_SIZE];
    for (;;) {
        json_t *reply = NULL;
        int code = agent_call(v, cli, "Events", parameters(since), &reply);
        if (code != EXIT_OK)
            return code;
        const json_t *event = json_object_get(reply, "event");
        int size = snprintf(place, sizeof place, "%s", json_text(event, "id"));
        bool more = *json_text(event, "kind") && size > 0 && (size_t)size < sizeof place &&
                    print_event(cli, event);
        json_decref(reply);
        if (!more)
            return EXIT_OK;
        since = place;
    }
}

static bool print_reply(const struct cli *cli, const json_t *reply)
{
    return print_event(cli, json_object_get(reply, "event"));
}

/* The agent looks closer. */
static bool is_place(const char *text)
{
    size_t size = strlen(text);
    const char *colon = strchr(text, ':'), *seq = colon ? colon + 1 : text;
    return size > 0 && size < PLACE_SIZE && *seq && strspn(seq, "0123456789") == strlen(seq) &&
           (!colon || strspn(text, "0123456789abcdef") == (size_t)(colon - text));
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"follow", no_argument, NULL, 'f'},
                                          {"since", required_argument, NULL, SINCE},
                                          COMMAND_OPTIONS};
    struct varlink v;
    bool follows = false;
    const char *since = NULL;
    int option;
    while ((option = command_option(cli, argc, argv, ":f", longs)) != -1) {
        if (option == 'f')
            follows = true;
        if (option == SINCE)
            since = optarg;
        if (option == SINCE && !is_place(optarg))
            return usage_error(
                cli, "--since takes the id or seq of an event, as --json prints it, not '%s'",
                optarg);
    }
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    int code = agent_open(&v, cli);
    if (code != EXIT_OK)
        return code;
    code = follows ? agent_follow(&v, cli, "Events", parameters(since), print_reply)
                   : print_kept(&v, cli, since);
    varlink_close(&v);
    return code;
}

const struct command cmd_events = {"events", "what happened on this node", help, true, run};
