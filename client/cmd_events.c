/* `holdfast events`: what happened on this node. */
#include <stdio.h>

#include "client/agent.h"
#include "client/command.h"

static const char help[] =
    "usage: holdfast events [-f] [--after SEQ] [--json]\n"
    "\n"
    "Prints the events that the agent keeps, oldest first; with --json one object a line.\n"
    "\n"
    "  -f, --follow        go on with those to come\n"
    "  --after SEQ         only those with a higher number, to resume\n";

enum { AFTER = OPTION_OWN };

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

/* A plain call gives the first event after a number; number 0 says that there is none. */
static int print_kept(struct varlink *v, const struct cli *cli, long long after)
{
    for (;;) {
        json_t *reply = NULL;
        json_t *p = json_pack("{s:I}", "after", (json_int_t)after);
        int code = agent_call(v, cli, "Events", p, &reply);
        if (code != EXIT_OK)
            return code;
        const json_t *event = json_object_get(reply, "event");
        long long seq = json_number(event, "seq");
        bool more = seq > after && print_event(cli, event);
        json_decref(reply);
        if (!more)
            return EXIT_OK;
        after = seq;
    }
}

static int follow(struct varlink *v, const struct cli *cli, long long after)
{
    json_t *p = json_pack("{s:I}", "after", (json_int_t)after);
    enum varlink_status status = varlink_send(v, AGENT_INTERFACE "Events", p, VARLINK_MORE);
    while (status == VARLINK_OK) {
        struct varlink_reply reply;
        status = varlink_receive(v, &reply, -1);
        if (status != VARLINK_OK)
            break;
        bool refused = reply.error[0] != '\0';
        int code = refused ? agent_refused(&reply, NULL) : EXIT_OK;
        bool more = !refused && print_event(cli, json_object_get(reply.parameters, "event")) &&
                    reply.continues;
        json_decref(reply.parameters);
        if (!more)
            return code;
    }
    return agent_failed(cli, status);
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {{"follow", no_argument, NULL, 'f'},
                                          {"after", required_argument, NULL, AFTER},
                                          COMMAND_OPTIONS};
    struct varlink v;
    bool follows = false;
    long after = 0;
    int option;
    while ((option = command_option(cli, argc, argv, ":f", longs)) != -1) {
        if (option == 'f')
            follows = true;
        if (option == AFTER && !parse_number(optarg, 0, __LONG_MAX__, &after))
            return usage_error(cli, "--after takes the number of an event, not '%s'", optarg);
    }
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    int code = agent_open(&v, cli);
    if (code != EXIT_OK)
        return code;
    code = follows ? follow(&v, cli, after) : print_kept(&v, cli, after);
    varlink_close(&v);
    return code;
}

const struct command cmd_events = {"events", "what happened on this node", help, true, run};
