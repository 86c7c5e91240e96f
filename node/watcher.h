/*
 * The watcher: a process of its own between the executor and a fence driver (F9). It starts the
 * driver, feeds it, takes what it prints, and kills its process group at the deadline.
 *
 *     executor --fork--> watcher (own session) --fork, exec--> the driver (own process group)
 *        ^                  |  timer, pidfd, pipes
 *        +----- report -----+
 *
 * What must hold: the deadline holds also while the executor is stopped; when the executor dies,
 * the driver's group dies; when the watcher dies, the driver does. A driver that ends leaves nobody
 * of its group behind. (What left the group by setsid(2) is out of reach without a cgroup.)
 */
#ifndef NODE_WATCHER_H
#define NODE_WATCHER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "proto/time.h"

/* A driver's description of itself has to fit; what else is printed is short. */
enum { WATCHER_CAPTURE_MAX = 32 * 1024, WATCHER_INPUT_MAX = 16 * 1024 };

/* What to run, once. */
struct watcher_order {
    char *const *argv;        /* NULL at the end; the first is an absolute path */
    char *const *environment; /* all of it, as for execve(2) */
    struct instant deadline;  /* on CLOCK_BOOTTIME; reached already: nothing is started */
    const void *input; /* its standard input, at most WATCHER_INPUT_MAX; NULL: there is none */
    size_t input_size;
};

/* The first bytes of what was printed; the rest was read and thrown away. */
struct watcher_capture {
    uint32_t size;
    char text[WATCHER_CAPTURE_MAX];
};

struct watcher_report {
    bool timed_out; /* it was killed at the deadline */
    int32_t error;  /* it could not be started: errno; else 0 */
    int32_t status; /* how it ended: as of waitpid(2) */
    struct watcher_capture out;
    struct watcher_capture err;
};

/*
 * Starts one. 0, or errno. The caller waits for the end of *pid; *fd then holds the report, and its
 * close tells the watcher that nobody cares any more. `order` is not needed after the call.
 */
int watcher_start(const struct watcher_order *order, pid_t *pid, int *fd);
/* The report of a watcher that ended; never blocks. False: it ended without one. */
bool watcher_read(int fd, struct watcher_report *out);

#endif
