/* The command line of holdfastd and of holdfast-executor, which is the same but for a word. */
#ifndef NODE_DAEMON_OPTIONS_H
#define NODE_DAEMON_OPTIONS_H

#include "node/log.h"

struct daemon_options {
    const char *config; /* of argv, or the default */
    bool check;
    bool store_lost; /* of the agent alone, as is */
    bool show;       /*   --show-config */
    bool level_given;
    enum log_level level;
};

struct daemon_program {
    const char *name;
    const char *usage; /* what --help prints */
    bool is_agent;
};

/* -1: go on; else the exit status, after saying what is wrong, or what was asked for. */
int daemon_options_take(struct daemon_options *out, const struct daemon_program *program, int argc,
                        char **argv);

#endif
