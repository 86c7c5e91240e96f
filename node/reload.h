/*
 * A configuration that is read anew (SIGHUP): checked whole, and then taken over, or left alone as
 * a whole. What an agent builds itself around (store, socket, memory, identity) takes a start: it
 * is told which of it has changed.
 */
#ifndef NODE_RELOAD_H
#define NODE_RELOAD_H

#include "node/config.h"

enum { RELOAD_TEXT_SIZE = 256 };

struct reload {
    char changed[RELOAD_TEXT_SIZE]; /* taken over: "access grace"; empty: nothing has changed */
    char later[RELOAD_TEXT_SIZE];   /* with the agent's next start */
    /* With the executor's next start, which reads the same file and is not told of a reload. */
    char executor[RELOAD_TEXT_SIZE];
};

/*
 * Reads running->path. On false *fault says what is wrong, and nothing has changed; else `running`
 * has the new `access`, `grace` and `log-level`. Whoever keeps something that was made of these
 * (the connections' badges) makes it anew.
 */
bool reload_config(struct config *running, struct reload *out, struct fault *fault);

#endif
