/* Server processes: started so that they cannot outlive this one, and looked at through /proc. */
#ifndef TESTS_BENCH_PEER_PROC_H
#define TESTS_BENCH_PEER_PROC_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "tests/bench/peer.h"

/* Starts argv[0] in `dir`, its output appended to dir/output. -1 after saying why. */
pid_t proc_start(const char *dir, const char *const argv[]);
/* Runs argv[0] to its end, its output appended to dir/output; true if it ended with 0. */
bool proc_run(const char *dir, const char *const argv[]);
/* Kills it and waits for its end. `*pid` becomes 0. */
void proc_kill(pid_t *pid);
/* False if it is a child that ended, which is then said. */
bool proc_alive(pid_t pid, const char *name);

/* What the processes of a system, all together, have used since they began. */
struct proc_usage {
    int64_t cpu_ns;
    int64_t resident_bytes;
    int64_t wakeups; /* voluntary context switches of all threads */
};
struct proc_usage proc_usage(const struct peer *peer);

/* Ports of 127.0.0.1 for each node that nobody has now, below those that the system hands out. */
bool proc_ports(struct peer *peer);
/* "DIR/FILE" of a node: "DIR/nN/FILE". The directory is made. False after saying why. */
bool proc_node_dir(char out[PATH_MAX], const struct peer *peer, int node);
bool proc_write_file(const char *dir, const char *name, const char *text);
/* Removes a directory with all that is in it. */
void proc_remove(const char *dir);

#endif
