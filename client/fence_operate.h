/* What `holdfast fence` does at an operator's word: freeze, thaw, request, confirm. */
#ifndef CLIENT_FENCE_OPERATE_H
#define CLIENT_FENCE_OPERATE_H

#include <stddef.h>

#include "client/command.h"

/* freeze, thaw, request and confirm: argv[0] is `fence`, the word is its first argument. */
int fence_operate(struct cli *cli, int argc, char **argv);

/* Options of all four. */
struct fence_operation {
    const char *node; /* freeze: "" for all */
    const char *reason;
    long long span_ms;
    long long wait_ms; /* < 0: not given */
    const char *keys[8];
    size_t key_count;
    bool dry_run;
    bool break_glass;
};

/* fence_request.c, fence_confirm.c. `target`: NODE or NODE/LIFE. */
int fence_request(const struct cli *cli, const struct fence_operation *o, const char *target);
int fence_confirm(const struct cli *cli, const struct fence_operation *o, const char *target);

#endif
