/*
 * A cgroup (version 2) of a command's own: `holdfast lock --cgroup`. It is made below this
 * process's own, which takes the right to (root, or a delegated subtree: systemd's Delegate=), and
 * the agent finds it when the command is named to it (F11): then nothing that the command starts
 * gets out of what ends with the lock, whatever process groups and sessions it makes.
 */
#ifndef CLIENT_OWN_CGROUP_H
#define CLIENT_OWN_CGROUP_H

#include <limits.h>
#include <stdbool.h>
#include <sys/types.h>

struct own_cgroup {
    char path[PATH_MAX]; /* empty: none */
};

/* Makes one and puts `pid` into it. False after saying why not. Also removes what others left that
 * were killed. */
bool own_cgroup_make(struct own_cgroup *cgroup, pid_t pid);
/* Kills what is left in it, waits a while for its end, and removes it with those that were made
 * below it. True if there is none, or nobody is left in it. */
bool own_cgroup_end(struct own_cgroup *cgroup);

#endif
