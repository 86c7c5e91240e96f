/*
 * What `fence freeze`, `maintenance` and `drain` have in common: an inhibitor is said at the local
 * agent, and the command waits until it is in effect.
 */
#ifndef CLIENT_INHIBIT_H
#define CLIENT_INHIBIT_H

#include <jansson.h>

#include "client/command.h"

struct inhibit_request {
    const char *kind;
    const char *node; /* "": all */
    bool on;
    long long span_ms;
    const char *reason;
    long long wait_ms;  /* until it is in effect */
    long long drain_ms; /* drain: until nothing is held; < 0: for ever */
};

enum { INHIBIT_SPAN_DEFAULT_MS = 3600 * 1000 };

/* Says it, waits, tells. EXIT_NO_MAJORITY if too few jurors have stored it in time;
 * EXIT_NOT_GRANTED if a drained node holds something yet. */
int inhibit_run(const struct cli *cli, const struct inhibit_request *request);
/* --for and --until: EXIT_OK, or EXIT_USAGE after saying what is wrong. */
int inhibit_take_span(const struct cli *cli, const char *option, const char *text,
                      long long *out_ms);
/* --for, --until, --reason and -w, which fills *wait_ms: EXIT_OK, or EXIT_USAGE. */
int inhibit_take_options(struct cli *cli, int argc, char **argv, struct inhibit_request *request,
                         long long *wait_ms);
/* One line for each that holds, each with `prefix`; nothing if there is none. */
void inhibit_print(const json_t *inhibitors, const char *prefix);

#endif
