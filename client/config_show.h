/* `holdfast config show`: every option with its value and where that comes from, the times that
 * follow, and what a running agent has otherwise. */
#ifndef CLIENT_CONFIG_SHOW_H
#define CLIENT_CONFIG_SHOW_H

#include <jansson.h>

#include "client/command.h"

/* `file` NULL: the one that the agent runs with, else the default. Returns the exit code. */
int config_show(struct cli *cli, const char *file);

/* What the agent has otherwise than the file, each {"name", "running", "file", "line", "reload",
 * "restart"}: of what `holdfastd --show-config` says (agent_program.h) and what the API's Settings
 * replies. A new list. */
json_t *config_differences(json_t *file, json_t *running);
/* "reload holdfastd", "restart holdfastd and holdfast-executor": what such a one takes. */
void config_takes(char *text, size_t size, const json_t *setting);

#endif
