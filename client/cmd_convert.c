/*
 * `holdfast convert`: another mode for a hold of the `holdfast lock` around it, in place. The hold
 * stays held all the time; what it waits for is said as under `lock`.
 */
#include <stdio.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/mode_option.h"
#include "client/own_hold.h"
#include "client/waiting.h"

static const char help[] =
    "usage: holdfast convert [-s|-x|-m MODE|--count N] [-n] [-w SEC] [-v] [--json] [HOLD]\n"
    "\n"
    "Converts a hold of the 'holdfast lock' that this runs under: HOLDFAST_HOLD, or HOLD if it is\n"
    "another of the same session. It stays held, in its old mode, until the new one fits beside "
    "the\n"
    "other holders; those who convert come before those who wait. Prints the hold's token, which "
    "is\n"
    "a new one if the new mode writes.\n"
    "\n"
    "  -s, -x, -m MODE, --count N\n"
    "                      the mode, as under 'holdfast lock'; one of them is needed\n"
    "  -n, --nonblock      do not wait\n"
    "  -w, --wait SEC      wait no longer than this; then the hold has its old mode\n"
    "  -v, --verbose       say what is waited for\n"
    "  --json              one object on stdout: name, hold, mode, limit, token\n"
    "\n"
    "The exit code is 2 if there is no majority, 3 if it was not converted (somebody holds it, "
    "the\n"
    "time is over, or two would wait for each other for ever), 4 if the hold was lost.\n";

enum {
    LATE_MS = 8 * 1000,         /* after the deadline it is cancelled, which takes 3 s if nobody
                                   answers */
    TRY_PATIENCE_MS = 30 * 1000 /* the agent answers a try long before, unless it is stuck */
};

struct conversion {
    struct cli *cli;
    struct mode_option mode;
    bool try;
    bool verbose;
    long long wait_ms; /* -1: for ever */
    long long deadline_ms;
    struct own_hold hold;
    struct waiting waiting;
};

static enum varlink_status send_convert(struct conversion *c)
{
    json_t *p = json_pack("{s:s, s:s}", "hold", c->hold.id, "mode", lock_mode_text(c->mode.mode));
    if (c->mode.limit > 0)
        json_object_set_new(p, "limit", json_integer(c->mode.limit));
    if (c->try)
        json_object_set_new(p, "try", json_true());
    else if (c->wait_ms >= 0)
        json_object_set_new(p, "timeout_ms", json_integer(c->wait_ms));
    return varlink_send(&c->hold.agent, AGENT_INTERFACE "Convert", p,
                        c->try ? VARLINK_PLAIN : VARLINK_MORE);
}

/* The next reply; says meanwhile how the holders' nodes are. */
static enum varlink_status next_reply(struct conversion *c, struct varlink_reply *reply)
{
    for (;;) {
        long long left = -1;
        if (c->try || c->wait_ms >= 0)
            left = c->deadline_ms + (c->try ? TRY_PATIENCE_MS : LATE_MS) - waiting_now_ms();
        if (left < -1)
            left = 0;
        long long sleep_ms = waiting_sleep_ms(&c->waiting, left);
        enum varlink_status status = varlink_receive(&c->hold.agent, reply, (int)sleep_ms);
        if (status != VARLINK_AGAIN || left == 0)
            return status;
        waiting_look(&c->waiting);
    }
}

static int convert(struct conversion *c)
{
    static const struct own_hold_doubt doubt = {
        .timed_out = "the hold has its old mode",
        .no_majority = "it is not known which mode the hold has (see 'holdfast locks')"};
    c->deadline_ms = waiting_now_ms() + (c->wait_ms > 0 ? c->wait_ms : 0);
    enum varlink_status status = send_convert(c);
    for (;;) {
        struct varlink_reply reply;
        int code = EXIT_OK;
        status = status == VARLINK_OK ? next_reply(c, &reply) : status;
        if (status != VARLINK_OK)
            return agent_failed(c->cli, status);
        bool waits = reply.continues && reply.error[0] == '\0';
        if (waits)
            waiting_reply(&c->waiting, own_hold_subject(&c->hold), reply.parameters);
        else if (reply.error[0] != '\0')
            code = own_hold_refused(&c->hold, &reply, &doubt);
        else if (c->cli->json)
            json_print(json_pack("{s:s, s:s, s:s, s:I, s:I}", "name", c->hold.name, "hold",
                                 c->hold.id, "mode", json_text(reply.parameters, "mode"), "limit",
                                 (json_int_t)json_number(reply.parameters, "limit"), "token",
                                 (json_int_t)json_number(reply.parameters, "token")));
        else
            printf("%lld\n", json_number(reply.parameters, "token"));
        json_decref(reply.parameters);
        if (!waits)
            return code;
    }
}

static int take_options(struct conversion *c, int argc, char **argv)
{
    static const struct option longs[] = {MODE_OPTION_LONGS,
                                          {"nonblock", no_argument, NULL, 'n'},
                                          {"wait", required_argument, NULL, 'w'},
                                          {"verbose", no_argument, NULL, 'v'},
                                          COMMAND_OPTIONS};
    int option;
    while ((option = command_option(c->cli, argc, argv, ":" MODE_OPTION_SHORTS "nw:v", longs)) !=
           -1) {
        if (option == 'n')
            c->try = true;
        else if (option == 'v')
            c->verbose = true;
        else if (option == 'w' && !parse_seconds(optarg, &c->wait_ms))
            return usage_error(c->cli, "-w takes seconds, not '%s'", optarg);
        else if (mode_option_take(&c->mode, c->cli, option) != EXIT_OK)
            return EXIT_USAGE;
    }
    if (c->mode.mode == LOCK_MODES && c->mode.limit == 0)
        return usage_error(c->cli, "the mode is missing: -s, -x, -m MODE or --count N");
    c->try = c->try || c->wait_ms == 0;
    return mode_option_settle(&c->mode, c->cli, LOCK_EXCLUSIVE);
}

static int run(struct cli *cli, int argc, char **argv)
{
    struct conversion c = {.cli = cli, .mode.mode = LOCK_MODES, .wait_ms = -1};
    if (take_options(&c, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    const char *hold = optind < argc ? argv[optind++] : NULL;
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    int code = own_hold_open(&c.hold, cli, hold);
    if (code != EXIT_OK)
        return code;
    waiting_begin(&c.waiting, cli, c.verbose);
    code = convert(&c);
    waiting_end(&c.waiting);
    own_hold_close(&c.hold);
    return code;
}

const struct command cmd_convert = {"convert", "gives a hold another mode, in place", help, true,
                                    run};
