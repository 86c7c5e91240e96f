/* An operator's words about fencing: see fence_operate.h. */
#include "client/fence_operate.h"

#include <string.h>

#include "client/agent.h"
#include "client/inhibit.h"

enum { FOR = OPTION_OWN, UNTIL, REASON, NODE, KEY, DRY_RUN, BREAK_GLASS, WAIT_DEFAULT_MS = 10000 };

static int take(const struct cli *cli, int option, struct fence_operation *o)
{
    if (option == FOR || option == UNTIL)
        return inhibit_take_span(cli, option == FOR ? "--for" : "--until", optarg, &o->span_ms);
    if (option == 'w')
        return take_patience(cli, &o->wait_ms);
    if (option == REASON)
        o->reason = optarg;
    if (option == NODE)
        o->node = optarg;
    if (option == KEY && o->key_count == sizeof o->keys / sizeof o->keys[0])
        return usage_error(cli, "a roster has 8 operator keys at most");
    if (option == KEY)
        o->keys[o->key_count++] = optarg;
    o->dry_run |= option == DRY_RUN;
    o->break_glass |= option == BREAK_GLASS;
    return EXIT_OK;
}

static int freeze(const struct cli *cli, const struct fence_operation *o, bool on)
{
    struct inhibit_request r = {.kind = "freeze",
                                .node = o->node,
                                .on = on,
                                .span_ms = o->span_ms,
                                .reason = o->reason,
                                .wait_ms = o->wait_ms < 0 ? WAIT_DEFAULT_MS : o->wait_ms};
    return inhibit_run(cli, &r);
}

int fence_operate(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"for", required_argument, NULL, FOR},           {"until", required_argument, NULL, UNTIL},
        {"reason", required_argument, NULL, REASON},     {"node", required_argument, NULL, NODE},
        {"key", required_argument, NULL, KEY},           {"dry-run", no_argument, NULL, DRY_RUN},
        {"break-glass", no_argument, NULL, BREAK_GLASS}, COMMAND_OPTIONS};
    struct fence_operation o = {.node = "", .span_ms = INHIBIT_SPAN_DEFAULT_MS, .wait_ms = -1};
    int option, code = EXIT_OK;
    while (code == EXIT_OK && (option = command_option(cli, argc, argv, ":w:", longs)) != -1)
        code = take(cli, option, &o);
    if (code != EXIT_OK)
        return code;
    const char *word = argv[optind++];
    bool freezes = strcmp(word, "freeze") == 0, requests = strcmp(word, "request") == 0;
    bool thaws = strcmp(word, "thaw") == 0;
    if (!freezes && !thaws && optind == argc)
        return usage_error(cli, "the NODE is missing");
    const char *target = freezes || thaws ? NULL : argv[optind++];
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    if (freezes || thaws)
        return freeze(cli, &o, freezes);
    if (requests && (o.reason == NULL || *o.reason == '\0'))
        return usage_error(cli, "--reason is missing: it is kept with the order");
    return requests ? fence_request(cli, &o, target) : fence_confirm(cli, &o, target);
}
