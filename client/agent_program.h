/* The agent's program, for what it alone can say: of its configuration. */
#ifndef CLIENT_AGENT_PROGRAM_H
#define CLIENT_AGENT_PROGRAM_H

#include <limits.h>
#include <stdbool.h>

#include <jansson.h>

/* Beside this program, else as the shell would find it. */
void agent_program(char path[PATH_MAX]);

/*
 * What `holdfastd -c CONFIG --show-config` says: EXIT_OK, and *out is the caller's to json_decref.
 * Else the code; what is wrong with the configuration holdfastd has said on stderr by itself,
 * unless `quiet`.
 */
int agent_program_settings(const char *config, bool quiet, json_t **out);

#endif
