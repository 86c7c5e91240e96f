/*
 * The command under `holdfast lock`: a child that is there before the lock is, so that the agent
 * can watch it (F11), and that runs only once the lock is held.
 *
 * - fork: the child leads a process group of its own, dies with its parent (PR_SET_PDEATHSIG)
 *   unless it is to outlive it, and waits at its gate, a pipe;
 * - go: the gate opens: exec, with HOLDFAST_SOCKET, _SESSION, _MODE and, of each lock, _NAME,
 * _HOLD, _TOKEN and what else is known (struct child_grant); of several locks HOLDFAST_COUNT, and
 * those of each lock with a number: HOLDFAST_NAME_1. An exec that fails is reported through a
 * second pipe, which an exec that succeeds closes;
 * - the end: the caller reaps it; or the caller closes the gate unopened, and the child exits.
 *
 * On a terminal the child's group becomes the foreground one, as under a shell, if this process is
 * in the foreground and both stdin and stdout are the terminal: then we are the whole job, and not
 * a part of a pipeline whose other members read the terminal too.
 */
#ifndef CLIENT_CHILD_H
#define CLIENT_CHILD_H

#include <signal.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "client/held.h"

struct child {
    pid_t pid;     /* 0 once it was reaped */
    int gate;      /* writing end; -1 once opened or closed */
    int report;    /* reading end; errno of an exec that failed */
    int terminal;  /* the controlling terminal if it is handed over, else -1 */
    bool signaled; /* a signal ended it, so that what it wrote may be half done */
};

/* What the child learns of a lock only when it is held; "": that variable is removed. */
struct child_grant {
    uint64_t token;
    char hold[HELD_ID_SIZE];
    char unclean[256]; /* HOLDFAST_UNCLEAN */
    char mark[64];     /* HOLDFAST_MARK */
    char value[360];   /* HOLDFAST_VALUE: base64 of LOCK_VALUE_MAX bytes */
    char valid[2];     /* HOLDFAST_VALUE_VALID */
};

/* What crosses the gate. */
struct child_grants {
    char session[72]; /* HOLDFAST_SESSION */
    struct child_grant of[HELD_MAX];
};

/* What the child needs; all of it is the caller's and outlives the fork. */
struct child_plan {
    char **argv;
    const struct held *held; /* the locks' names */
    const char *mode;
    const char *socket;   /* the agent's, for HOLDFAST_SOCKET */
    bool outlives;        /* it does not die with its parent */
    const sigset_t *mask; /* the signal mask to restore */
    int secret_fd;        /* the connection to the agent, which the child must not keep */
};

/* False with errno. */
bool child_fork(struct child *child, const struct child_plan *plan);
/* Opens the gate, with a grant of each lock. 0, or the errno with which exec failed (the child has
 * ended then). */
int child_go(struct child *child, const struct child_grants *grants);
/* Sends a signal to the child's group. */
void child_signal(const struct child *child, int signo);

enum child_state { CHILD_RUNS, CHILD_STOPPED, CHILD_ENDED };
/* What has become of it; on CHILD_ENDED it is reaped and `code` is its exit code, 128+n for a
 * signal. */
enum child_state child_poll(struct child *child, int *code);
/* It stopped (as with Ctrl-Z): takes the terminal back, stops this process too, and once that is
 * continued gives the terminal back and continues the child. */
void child_stop_along(struct child *child);
/* SIGTERM to the group, SIGKILL after `grace_ms` (SIGKILL at once if 0), and waits for the child's
 * end. */
void child_kill(struct child *child, int grace_ms);
/* Leaves a child that runs to itself. */
void child_leave(struct child *child);
/* Gives up a child that was never let go, or cleans up after one that ended. */
void child_close(struct child *child);

#endif
