/*
 * The verbs of `holdfast fence` that have files of their own: each takes its own options. argv[0]
 * is "fence", and the verb is the first of the arguments that are no options.
 */
#ifndef CLIENT_FENCE_VERBS_H
#define CLIENT_FENCE_VERBS_H

#include "client/command.h"

struct fence_verb {
    const char *name;
    int (*run)(struct cli *cli, int argc, char **argv);
};

int fence_log_run(struct cli *cli, int argc, char **argv);
int fence_why_run(struct cli *cli, int argc, char **argv);
int fence_preview_run(struct cli *cli, int argc, char **argv);
int fence_verify_run(struct cli *cli, int argc, char **argv);

/* The node (and life, 0 if none) that argv[optind] names; moves optind. EXIT_OK, or EXIT_USAGE
 * after saying what is wrong. `node`: room for FENCE_TEXT_NODE_MAX + 1. */
int fence_verb_target(const struct cli *cli, int argc, char **argv, char *node, long *life);

#endif
