/*
 * The watcher: a process of its own between the agent and a fence script (F9). It starts the
 * script, takes what it prints, and kills its process group at the deadline.
 *
 *     agent --fork--> watcher (own session) --fork, exec--> SCRIPT VERB (own process group)
 *       ^                |  timer, pidfd, pipes
 *       +---- report ----+
 *
 * What must hold: the deadline holds also while the agent is stopped; when the agent dies, the
 * script's group dies; when the watcher dies, the script does. A script that ends leaves nobody of
 * its group behind. (What left the group by setsid(2) is out of reach without a cgroup.)
 */
#ifndef NODE_WATCHER_H
#define NODE_WATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/time.h"

enum { WATCHER_VERBS_MAX = 2, WATCHER_CAPTURE_MAX = 4096 };

/* What to run: SCRIPT VERB for each verb in turn, while the one before exited 0. */
struct watcher_order {
    const char *script; /* absolute path */
    const char *verbs[WATCHER_VERBS_MAX];
    size_t verb_count;
    char *const *environment; /* all of it, as for execve(2) */
    struct span deadline;     /* for all verbs together, on CLOCK_BOOTTIME */
};

/* The first bytes of what was printed; the rest was read and thrown away. */
struct watcher_capture {
    uint32_t size;
    char text[WATCHER_CAPTURE_MAX];
};

struct watcher_step {
    int32_t status; /* as of waitpid(2) */
    struct watcher_capture out;
    struct watcher_capture err;
};

struct watcher_report {
    uint32_t step_count; /* verbs that ended by themselves */
    bool timed_out;      /* the next one was killed at the deadline */
    int32_t error;       /* the next one could not be started: errno; else 0 */
    struct watcher_step steps[WATCHER_VERBS_MAX];
};

/*
 * Starts one. 0, or errno. The caller waits for the end of *pid; *fd then holds the report, and its
 * close tells the watcher that nobody cares any more. `order` is not needed after the call.
 */
int watcher_start(const struct watcher_order *order, pid_t *pid, int *fd);
/* The report of a watcher that ended; never blocks. False: it ended without one. */
bool watcher_read(int fd, struct watcher_report *out);

#endif
