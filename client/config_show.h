/* `holdfast config show`: every option with its value and where that comes from, the times that
 * follow, and what a running agent has otherwise. */
#ifndef CLIENT_CONFIG_SHOW_H
#define CLIENT_CONFIG_SHOW_H

#include "client/command.h"

/* `file` NULL: the one that the agent runs with, else the default. Returns the exit code. */
int config_show(struct cli *cli, const char *file);

#endif
