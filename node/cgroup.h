/*
 * A cgroup that one process had for itself when it was named as a client's (F11): whatever is in it
 * later was started by that process or put beside it on purpose, so it acts with it, also if it
 * left the process group. Sources: cgroups(7), Documentation/admin-guide/cgroup-v2.rst.
 *
 * Known by its id, the inode of its directory in cgroup2's mount, which is not used again within a
 * boot; the path is only where it is looked for. Only the second version of cgroups is looked at.
 */
#ifndef NODE_CGROUP_H
#define NODE_CGROUP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct cgroup {
    uint64_t id; /* 0: none */
    char *path;  /* its directory; NULL: not looked for yet */
};

/*
 * Finds the cgroup of `pid` if nobody else is in it or below. False, and *out empty, if it is not
 * its own: the root's, shared, that of this process or around it, or with 64 cgroups below it; or
 * there are no cgroups here.
 */
bool cgroup_own(struct cgroup *out, pid_t pid);
/* The same again by its id, of an earlier run of the agent. `pid` may be in it yet, which spares a
 * search for it; 0: nobody known is. */
struct cgroup cgroup_again(uint64_t id, pid_t pid);
void cgroup_drop(struct cgroup *cgroup);

/* Whether anybody is in it or below. When in doubt, true. */
bool cgroup_lives(struct cgroup *cgroup);
/* SIGKILL for all in it and below: by cgroup.kill, else one by one. False if that could not be
 * done, and somebody is left. */
bool cgroup_kill(struct cgroup *cgroup);

/* --- What is read, for tests --- */

/* The path behind "0::" in the text of /proc/PID/cgroup, up to the end of the line. False if there
 * is none, or one that leads out of what this process sees. */
bool cgroup_parse(char *out, size_t size, const char *text);

#endif
