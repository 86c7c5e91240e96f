/* `holdfast members`: the nodes of the cluster, as this node and the members' gossip see them (M3).
 */
#include <stdio.h>
#include <string.h>

#include "client/agent.h"
#include "client/inhibit.h"
#include "client/color.h"
#include "client/command.h"
#include "client/member_list.h"
#include "client/member_watch.h"

static const char help[] =
    "usage: holdfast members [-f] [--json] [NAME...]\n"
    "\n"
    "Lists the members, those in trouble first, and below them why each verdict is so. NAME is a\n"
    "member's name, or a pattern such as 'hv1*'; without any, all are listed.\n"
    "\n"
    "  -f, --watch   goes on: on a terminal the table is drawn anew, else there is one line for\n"
    "                each change (with --json one object), without those that were before\n"
    "\n"
    "GOSSIP   the members' word: alive, suspect, dead, left or unknown\n"
    "REACHED  what this node found by itself: NO if its last probe got no answer by any way\n"
    "FENCED   about the present life: ordered (an order is out), fenced (and there is a receipt),\n"
    "         ended (its own statement)\n"
    "HEARD    how long ago this node last heard it\n"
    "RTT      of this node's probes, smoothed\n"
    "\n"
    "Only FENCED ever moves a lock. The exit code is 1 if no member has a NAME, 69 if no agent\n"
    "answers.\n";

/* Members do not say whether this is a lab; the status does. */
static int ask(const struct cli *cli, json_t **status, json_t **members)
{
    struct varlink v;
    int code = agent_open(&v, cli);
    if (code != EXIT_OK)
        return code;
    code = agent_call(&v, cli, "Status", NULL, status);
    if (code == EXIT_OK)
        code = agent_call(&v, cli, "Members", NULL, members);
    varlink_close(&v);
    return code;
}

static void print_text(const json_t *list, const json_t *reply, bool lab)
{
    char summary[MEMBER_SUMMARY_MAX], health[MEMBER_SUMMARY_MAX];
    const char *node = json_text(reply, "node");
    if (lab)
        puts("LAB: a cluster for rehearsal");
    member_list_summary(summary, list, node);
    member_list_health(health, reply);
    printf("%s\n%s\n", summary, health);
    member_list_print(list, node, color_wanted(), 0);
}

/* The reply of Members without those that do not pass, and whether it is of a lab. */
static void print_json(json_t *reply, json_t *list, bool lab)
{
    json_t *out = json_copy(reply);
    json_object_set_new(out, "lab", json_boolean(lab));
    json_object_set(out, "members", list);
    json_print(out);
}

static int list_now(const struct cli *cli, const struct member_filter *filter)
{
    json_t *status = NULL, *reply = NULL;
    int code = ask(cli, &status, &reply);
    const json_t *members = json_object_get(reply, "members");
    bool lab = json_flag(status, "lab");
    if (code == EXIT_OK)
        code = member_check_filter(filter, members);
    if (code == EXIT_OK) {
        json_t *list = member_list_pick(members, filter, !cli->json);
        if (cli->json)
            print_json(reply, list, lab);
        else
            print_text(list, reply, lab);
        if (!cli->json)
            inhibit_print(json_object_get(status, "inhibitors"), "inhibited: ");
        json_decref(list);
    }
    json_decref(reply);
    json_decref(status);
    return code;
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {
        {"watch", no_argument, NULL, 'f'}, {"follow", no_argument, NULL, 'f'}, COMMAND_OPTIONS};
    bool watches = false;
    int option;
    while ((option = command_option(cli, argc, argv, ":f", longs)) != -1)
        watches |= option == 'f';
    const struct member_filter filter = {.patterns = argv + optind,
                                         .count = (size_t)(argc - optind)};
    return watches ? member_watch(cli, &filter) : list_now(cli, &filter);
}

const struct command cmd_members = {"members", "the nodes of the cluster, and how they are", help,
                                    true, run};
