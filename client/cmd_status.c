/* `holdfast status`: how this node is, and whether it can grant. */
#include <stdio.h>
#include <string.h>

#include "client/agent.h"
#include "client/command.h"
#include "client/inhibit.h"

static const char help[] = "usage: holdfast status [--json]\n"
                           "\n"
                           "Prints how the node of the local agent is.\n"
                           "\n"
                           "The exit code is 0 if it votes and sees a majority, 2 if there is no "
                           "majority, 1 if there is one\n"
                           "but this node does not vote, 69 if no agent answers.\n";

/* Whether this node may hold and be granted locks that pass on by fencing (F7), and take part. */
static void print_standing(const json_t *s)
{
    long long acknowledging = json_number(s, "acknowledging"), jurors = json_number(s, "jurors");
    printf("jurors    %lld, this node is %s; its life %s\n", jurors,
           json_flag(s, "juror") ? "one of them" : "none of them",
           json_flag(s, "life_counts") ? "counts" : "does not count yet");
    if (!json_flag(s, "standing_wanted"))
        puts(
            "standing  not needed: nothing is held or asked for that this node could be ended for");
    else
        printf("standing  %s: %lld of %lld jurors acknowledge this node\n",
               json_flag(s, "standing") ? "yes" : "NO", acknowledging, jurors);
    if (json_flag(s, "cloned"))
        puts("CLONED    another agent answers with this node's key: neither takes a lock or votes "
             "until one is off; `holdfast events` says where both are");
    if (json_flag(s, "bound"))
        puts("BOUND     a juror voted against this life, or an order is out: no new locks here "
             "until "
             "a new life");
}

static void print_executor(const json_t *executor)
{
    if (!json_flag(executor, "wanted"))
        puts("executor  none: the roster has no action that this node may carry out");
    else if (json_flag(executor, "reachable"))
        printf("executor  answers; %lld orders carried out, %lld refused\n",
               json_number(executor, "runs"), json_number(executor, "refusals"));
    else if (json_number(executor, "since_ms") < 0)
        puts("executor  was not asked yet");
    else
        printf("EXECUTOR  does not answer: %s; this node carries no order out\n",
               json_text(executor, "text"));
}

static void print_text(const json_t *s)
{
    bool majority = json_flag(s, "majority");
    const char *store = json_text(s, "store"), *text = json_text(s, "store_text");
    if (strcmp(store, text) == 0)
        text = ""; /* one word says it all */
    if (json_flag(s, "lab"))
        puts("LAB: a cluster for rehearsal");
    printf("node      %s (slot %lld), life %lld, holdfastd %s, pid %lld\n", json_text(s, "node"),
           json_number(s, "slot"), json_number(s, "life"), json_text(s, "version"),
           json_number(s, "pid"));
    printf("cluster   %s, epoch %lld\n", json_text(s, "cluster"), json_number(s, "epoch"));
    printf("majority  %s: %lld of %lld voters alive\n", majority ? "yes" : "no",
           json_number(s, "voters_alive"), json_number(s, "voters"));
    print_standing(s);
    print_executor(json_object_get(s, "executor"));
    inhibit_print(json_object_get(s, "inhibitors"), "INHIBITED ");
    printf("store     %s%s%s; %lld records, %lld durable\n", store, *text ? ": " : "", text,
           json_number(s, "lsn"), json_number(s, "durable"));
    printf("locks     %lld stored, %lld shards coordinated, %lld operations of this node\n",
           json_number(s, "locks"), json_number(s, "serving"), json_number(s, "operations"));
    printf("syncs     %lld, p50 %lld us, p99 %lld us\n", json_number(s, "syncs"),
           json_number(s, "sync_p50_us"), json_number(s, "sync_p99_us"));
    printf("running   %lld s, %lld clients\n", json_number(s, "uptime_ms") / 1000,
           json_number(s, "clients"));
}

static int run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {COMMAND_OPTIONS};
    json_t *status = NULL;
    command_option(cli, argc, argv, ":", longs);
    if (no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    int code = agent_ask(cli, "Status", NULL, &status);
    if (code != EXIT_OK)
        return code;
    bool majority = json_flag(status, "majority");
    bool votes = strcmp(json_text(status, "store"), "voting") == 0;
    if (cli->json) {
        json_print(status);
    } else {
        print_text(status);
        json_decref(status);
    }
    return !majority ? EXIT_NO_MAJORITY : votes ? EXIT_OK : EXIT_ERROR;
}

const struct command cmd_status = {"status", "how this node is", help, true, run};
