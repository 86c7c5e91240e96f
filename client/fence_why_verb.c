/* `holdfast fence why`: gathers what the local agent knows of a fence, and explains it. */
#include <string.h>

#include "client/agent.h"
#include "client/fence_text.h"
#include "client/fence_verbs.h"
#include "client/fence_why.h"

struct asking {
    const struct cli *cli;
    struct varlink agent;
    json_t *facts;
    const char *node;
    long life;
};

int fence_verb_target(const struct cli *cli, int argc, char **argv, char *node, long *life)
{
    if (optind >= argc)
        return usage_error(cli, "the NODE is missing");
    const char *text = argv[optind++];
    if (!fence_text_target(text, node, life))
        return usage_error(cli, "'%.96s' is neither NODE nor NODE/LIFE", text);
    return EXIT_OK;
}

static json_t *about(const struct asking *a, bool life)
{
    json_t *p = json_pack("{s:s}", "node", a->node);
    if (life && a->life > 0)
        json_object_set_new(p, "life", json_integer(a->life));
    return p;
}

/* The order, if the agent still has it. */
static int gather_order(struct asking *a)
{
    struct varlink_reply reply;
    enum varlink_status status =
        varlink_call(&a->agent, AGENT_INTERFACE "Order", about(a, true), &reply, AGENT_TIMEOUT_MS);
    if (status != VARLINK_OK)
        return agent_failed(a->cli, status);
    bool none = agent_error_is(&reply, "NoSuchOrder");
    int code = EXIT_OK;
    if (reply.error[0] && !none)
        code = agent_refused(&reply, a->node);
    else if (!none)
        json_object_set(a->facts, "order", json_object_get(reply.parameters, "order"));
    json_decref(reply.parameters);
    return code;
}

/* The steps about that node, page after page. */
static int gather_steps(struct asking *a)
{
    json_t *steps = json_array();
    json_object_set_new(a->facts, "steps", steps);
    bool more = true;
    long long after = 0;
    while (more) {
        json_t *reply = NULL, *p = about(a, false);
        json_object_set_new(p, "after", json_integer(after));
        int code = agent_call(&a->agent, a->cli, "FenceLog", p, &reply);
        if (code != EXIT_OK)
            return code;
        json_array_extend(steps, json_object_get(reply, "steps"));
        more = json_flag(reply, "more") && json_number(reply, "after") > after;
        after = json_number(reply, "after");
        json_object_del(reply, "steps");
        json_object_set_new(a->facts, "log", reply);
    }
    return EXIT_OK;
}

static int gather_rest(struct asking *a)
{
    json_t *reply = NULL, *member;
    size_t index;
    int code = agent_call(&a->agent, a->cli, "Inquiries", NULL, &reply);
    if (code != EXIT_OK)
        return code;
    json_object_set(a->facts, "inquiries", json_object_get(reply, "inquiries"));
    json_decref(reply);
    code = agent_call(&a->agent, a->cli, "Members", NULL, &reply);
    if (code != EXIT_OK)
        return code;
    json_array_foreach(json_object_get(reply, "members"), index, member)
    {
        if (strcmp(json_text(member, "name"), a->node) == 0)
            json_object_set(a->facts, "member", member);
    }
    json_decref(reply);
    return EXIT_OK;
}

static int explain(const struct asking *a)
{
    json_t *why = fence_why_explain(a->facts);
    int code = strcmp(json_text(why, "state"), "none") == 0 ? EXIT_ERROR : EXIT_OK;
    if (a->cli->json) {
        json_print(why);
        return code;
    }
    fence_why_print(stdout, why);
    json_decref(why);
    return code;
}

int fence_why_run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {COMMAND_OPTIONS};
    char node[FENCE_TEXT_NODE_MAX + 1];
    struct asking a = {.cli = cli, .node = node};
    while (command_option(cli, argc, argv, ":", longs) != -1)
        ;
    optind++; /* the verb */
    if (fence_verb_target(cli, argc, argv, node, &a.life) != EXIT_OK ||
        no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    a.facts = json_pack("{s:s s:I}", "node", node, "life", (json_int_t)a.life);
    if (a.facts == NULL)
        return usage_error(cli, "a node's name is ASCII");
    int code = agent_open(&a.agent, cli);
    if (code == EXIT_OK) {
        code = gather_steps(&a); /* it says so if there is no such node */
        if (code == EXIT_OK)
            code = gather_order(&a);
        if (code == EXIT_OK)
            code = gather_rest(&a);
        varlink_close(&a.agent);
    }
    if (code == EXIT_OK)
        code = explain(&a);
    json_decref(a.facts);
    return code;
}
