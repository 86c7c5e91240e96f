/*
 * Taking a session up again with an agent that was restarted, by its secret (docs/locks.md,
 * "Sessions"). Quiet: whoever tries again and again says what came of it.
 */
#ifndef CLIENT_RESUME_H
#define CLIENT_RESUME_H

#include "client/held.h"
#include "client/watch.h"

enum resume {
    RESUME_DONE,  /* `agent` is the session's first connection again, and it is watched */
    RESUME_AGAIN, /* nobody answers yet, or the agent has not seen the old connection's end */
    RESUME_OVER   /* the agent does not know the session, or not this process: it is over */
};

enum { RESUME_ANSWER_MS = 2000 }; /* an agent that just came up has its store to read first */

/* One attempt; waits at most `ms` for its answers. Both connections are closed before, and are
 * unless it is RESUME_DONE. */
enum resume resume_try(struct varlink *agent, struct watch *watch, const char *socket, int ms);
/*
 * Which of the holds the agent still has: the first that it does not have, and that was not handed
 * over, or NULL. *known false: it could not be asked, and the connection is of no more use.
 */
const struct held_lock *resume_missing(struct varlink *agent, const struct held *held, int ms,
                                       bool *known);

/* Gives back, cleanly, all that the session asks for or holds: nothing of it was acted upon. */
void resume_let_go(struct varlink *agent);

#endif
