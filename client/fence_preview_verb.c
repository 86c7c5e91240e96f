/* `holdfast fence preview`: what would follow if a machine vanished now. */
#include "client/agent.h"
#include "client/fence_preview.h"
#include "client/fence_text.h"
#include "client/fence_verbs.h"

int fence_preview_run(struct cli *cli, int argc, char **argv)
{
    static const struct option longs[] = {COMMAND_OPTIONS};
    char node[FENCE_TEXT_NODE_MAX + 1];
    long life;
    json_t *reply = NULL;
    while (command_option(cli, argc, argv, ":", longs) != -1)
        ;
    optind++; /* the verb */
    if (fence_verb_target(cli, argc, argv, node, &life) != EXIT_OK ||
        no_arguments(cli, argc, argv) != EXIT_OK)
        return EXIT_USAGE;
    json_t *p = life == 0 ? json_pack("{s:s}", "node", node) : NULL;
    if (p == NULL)
        return usage_error(cli, "preview takes the name of a NODE");
    int code = agent_ask_about(cli, node, "Preview", p, &reply);
    if (code != EXIT_OK)
        return code;
    json_t *preview = json_incref(json_object_get(reply, "preview"));
    json_decref(reply);
    fence_preview_explain(preview);
    if (cli->json) {
        json_print(preview);
        return EXIT_OK;
    }
    fence_preview_print(stdout, preview);
    json_decref(preview);
    return EXIT_OK;
}
