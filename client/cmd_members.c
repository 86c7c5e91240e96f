/* `holdfast members`: the nodes of the cluster, as this node and the members' gossip see them (M3).
 */
#include <stdio.h>
#include <string.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/table.h"

static const char help[] =
    "usage: holdfast members [--json]\n"
    "\n"
    "Lists the nodes by slot. GOSSIP is the members' word: alive, suspect, dead, left or unknown.\n"
    "REACHED is what this node found by itself; HEARD is how long ago it last heard the other.\n";

static void add_row(struct table *t, const json_t *m, long long self)
{
    const char *accuser = json_text(m, "accused_by");
    long long heard = json_number(m, "heard_ms"), rtt = json_number(m, "rtt_us");
    bool voter = json_flag(m, "voter"), juror = json_flag(m, "juror");
    table_cell(t, "%lld", json_number(m, "slot"));
    table_cell(t, "%s", json_text(m, "name"));
    table_cell(t, "%s", json_text(m, "address"));
    table_cell(t, "%s%s%s", json_text(m, "gossip"), *accuser ? " by " : "", accuser);
    table_cell(t, "%s", json_flag(m, "unreachable") ? "no" : "yes");
    table_cell(t, "%lld", json_number(m, "life"));
    table_cell(t, "%s", voter && juror ? "voter, juror" : voter ? "voter" : juror ? "juror" : "-");
    if (json_number(m, "slot") == self)
        table_cell(t, "-"); /* nobody hears itself */
    else if (heard < 0)
        table_cell(t, "never");
    else
        table_cell(t, "%lld.%lld s", heard / 1000, heard % 1000 / 100);
    if (rtt <= 0)
        table_cell(t, "-");
    else
        table_cell(t, "%lld us", rtt);
}

static void print_text(const json_t *members, const json_t *status)
{
    static const char *const heading[] = {"SLOT", "NAME", "ADDRESS", "GOSSIP", "REACHED",
                                          "LIFE", "ROLE", "HEARD",   "RTT"};
    struct table t;
    size_t index;
    json_t *member;
    if (json_flag(status, "lab"))
        puts("LAB: a cluster for rehearsal");
    table_init(&t, sizeof heading / sizeof heading[0], heading);
    json_array_foreach(members, index, member) add_row(&t, member, json_number(status, "slot"));
    table_print(&t);
}

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

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {COMMAND_OPTIONS};
    json_t *status = NULL, *reply = NULL;
    command_option(cli, argc, argv, ":", longs);
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    int code = ask(cli, &status, &reply);
    if (code == EXIT_OK && cli->json)
        json_print(json_pack("{s:b, s:O}", "lab", (int)json_flag(status, "lab"), "members",
                             json_object_get(reply, "members")));
    else if (code == EXIT_OK)
        print_text(json_object_get(reply, "members"), status);
    json_decref(reply);
    json_decref(status);
    return code;
}

const struct command cmd_members = {"members", "the nodes of the cluster", help, true, run};
