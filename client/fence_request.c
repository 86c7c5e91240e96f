/*
 * `holdfast fence request`: an operator asks for an order that nobody waits for. That replaces F2e
 * and nothing else: each juror looks for itself, so a node that lives is never fenced by it. The
 * call is repeated while this runs; who goes away asks for nothing any more.
 */
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "client/agent.h"
#include "client/fence_operate.h"
#include "client/fence_text.h"

enum { POLL_MS = 300, ROUNDS_LEAST = 6 }; /* a juror's own look has had its time by then */

/* Whether it says that it will not vote, as things are. */
static bool refuses(const json_t *opinion)
{
    const char *verdict = json_text(opinion, "verdict");
    return strcmp(verdict, "votes") != 0 && strcmp(verdict, "looking") != 0 &&
           strcmp(verdict, "over") != 0;
}

static size_t count_refusers(const json_t *reply)
{
    json_t *opinion;
    size_t index, count = 0;
    json_array_foreach(json_object_get(reply, "opinions"), index, opinion)
    {
        count += refuses(opinion);
    }
    return count;
}

static void print_opinions(const json_t *reply)
{
    json_t *o;
    size_t index;
    json_array_foreach(json_object_get(reply, "opinions"), index, o)
    {
        char renewal[32], heard[32];
        fence_text_age(renewal, sizeof renewal, json_number(o, "renewal_ms"));
        fence_text_age(heard, sizeof heard, json_number(o, "heard_ms"));
        printf("  %s: %s: %s\n", json_text(o, "juror"), json_text(o, "verdict"),
               json_text(o, "text"));
        printf("      last renewal: %s; last word of that node: %s; probes: %lld direct, %lld "
               "through others\n",
               renewal, heard, json_number(o, "direct"), json_number(o, "relays"));
    }
}

static void print_progress(const json_t *reply, char last[FENCE_TEXT_LINE_MAX])
{
    char line[FENCE_TEXT_LINE_MAX];
    fence_text_stale(line, sizeof line, json_object_get(reply, "stale"));
    if (strcmp(json_text(reply, "stage"), "asking") == 0) /* it may well live */
        snprintf(line, sizeof line, "%lld of %lld votes", json_number(reply, "votes"),
                 json_number(reply, "quorum"));
    if (strcmp(line, last) == 0)
        return;
    snprintf(last, FENCE_TEXT_LINE_MAX, "%s", line);
    puts(line);
    fflush(stdout);
}

/* So many jurors refuse that no quorum is left. */
static bool hopeless(const json_t *reply)
{
    long long left = json_number(reply, "jurors") - json_number(reply, "quorum");
    return strcmp(json_text(reply, "stage"), "asking") == 0 &&
           (long long)count_refusers(reply) > left;
}

static json_t *parameters_of(const char *node, long life, const char *reason)
{
    json_t *p = json_pack("{s:s s:s}", "node", node, "reason", reason);
    if (p && life > 0)
        json_object_set_new(p, "life", json_integer(life));
    return p;
}

static int end(const struct cli *cli, json_t *reply, bool over)
{
    if (cli->json) {
        json_print(reply);
    } else if (over) {
        printf("%s (life %lld) is proven over; 'holdfast fence show %s/%lld' tells the story\n",
               json_text(reply, "node"), json_number(reply, "life"), json_text(reply, "node"),
               json_number(reply, "life"));
        json_decref(reply);
    } else {
        printf("%s (life %lld) is not fenced: what the jurors say, each by what it has seen "
               "itself\n",
               json_text(reply, "node"), json_number(reply, "life"));
        print_opinions(reply);
        json_decref(reply);
    }
    return over ? EXIT_OK : EXIT_ERROR;
}

int fence_request(const struct cli *cli, const struct fence_operation *o, const char *target)
{
    char node[FENCE_TEXT_NODE_MAX + 1], last[FENCE_TEXT_LINE_MAX] = "";
    long life;
    if (!fence_text_target(target, node, &life))
        return usage_error(cli, "'%.96s' is neither NODE nor NODE/LIFE", target);
    for (long long round = 1;; round++) {
        json_t *reply = NULL, *p = parameters_of(node, life, o->reason);
        if (p == NULL)
            return usage_error(cli, "names and reasons are UTF-8");
        int code = agent_ask_about(cli, target, "RequestFence", p, &reply);
        if (code != EXIT_OK)
            return code;
        life = (long)json_number(reply, "life"); /* not another one meanwhile */
        if (!cli->json)
            print_progress(reply, last);
        bool over = strcmp(json_text(reply, "stage"), "over") == 0;
        bool late = o->wait_ms >= 0 && round * POLL_MS >= o->wait_ms;
        if (over || late || (o->wait_ms < 0 && round >= ROUNDS_LEAST && hopeless(reply)))
            return end(cli, reply, over);
        json_decref(reply);
        nanosleep(&(struct timespec){.tv_nsec = POLL_MS * 1000000L}, NULL);
    }
}
