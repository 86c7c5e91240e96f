/* The processes of a lab machine: all descendants of its supervisor, found in /proc (proc(5)). */
#ifndef CLIENT_LAB_PROC_H
#define CLIENT_LAB_PROC_H

#include <stdbool.h>
#include <sys/types.h>

/* How many descendants of `root` are alive (zombies are not). */
long lab_proc_count(pid_t root);
/* Whether a process is stopped by a signal. */
bool lab_proc_stopped(pid_t pid);
/*
 * Ends all descendants of `root`, as a power cut would: all are stopped before the first is killed,
 * so that none sees another one's end; again until there are none. `reap` is called between the
 * rounds. False if some are left after `timeout_ms`. `root` must be the caller and a child
 * subreaper, or orphans would escape.
 */
bool lab_proc_end_all(pid_t root, int timeout_ms, void (*reap)(void *context), void *context);

#endif
