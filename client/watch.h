/*
 * What happens to the locks of a session (the API's Watch), on a connection of its own, since a
 * stream occupies the one that it was asked on.
 */
#ifndef CLIENT_WATCH_H
#define CLIENT_WATCH_H

#include "client/command.h"
#include "client/varlink.h"

enum watch_event {
    WATCH_NONE,     /* nothing has come */
    WATCH_OTHER,    /* something that needs no answer */
    WATCH_AT_RISK,  /* standing is running out (F7) */
    WATCH_SAFE,     /* and was renewed */
    WATCH_PASSED,   /* the hold was handed over: nothing may act under it here */
    WATCH_LOST,     /* the hold is over: its processes are being stopped */
    WATCH_DRAINING, /* an administrator drains this node: let go as soon as you can */
    WATCH_ENDED     /* the stream is over; nothing more will come */
};

enum { WATCH_REASON_SIZE = 256, WATCH_HOLD_SIZE = 64, WATCH_SECRET_SIZE = 72 };

struct watch {
    char secret[WATCH_SECRET_SIZE]; /* of the session */
    struct varlink stream;          /* its descriptor may be polled for reading; -1 once it ended */
};

/*
 * Opens a session on `session`, which then is its first connection, and watches it. EXIT_OK, or the
 * code after saying what is wrong; then `w` is closed.
 */
int watch_open(struct watch *w, const struct cli *cli, struct varlink *session);
/* Watches the session of w->secret anew, after the agent was restarted; waits at most so long for
 * an answer. False, quietly, if it cannot be; then `w` is closed. */
bool watch_again(struct watch *w, const char *socket, int ms);
void watch_close(struct watch *w);
/*
 * The next thing that came, without waiting. `hold` says whose it is, "" if it names none; `reason`
 * is for a person, perhaps empty. Both are "" on WATCH_NONE.
 */
enum watch_event watch_next(struct watch *w, char hold[WATCH_HOLD_SIZE],
                            char reason[WATCH_REASON_SIZE]);

#endif
