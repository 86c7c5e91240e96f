/*
 * Which process groups run, as one scan of /proc saw it: shared by all stop sets of the loop.
 *
 * A group without its leader has no descriptor, and that it exists does not say that anybody runs:
 * its members may be dead and not waited for. To tell takes a look at every process of the machine
 * (some 25 us each), in the loop. So there is one scan for all who ask, and the next no sooner than
 * 20 times its span later: all lost clients together cost 5 % of the loop. Source: proc(5).
 *
 * What must hold: a group counts as ended only by a scan that began after its leader was seen to
 * have ended, and in which no member runs. When in doubt it lives.
 */
#ifndef NODE_GROUPS_H
#define NODE_GROUPS_H

#include <stddef.h>

#include "node/process.h"
#include "proto/time.h"

struct group_seen {
    pid_t group;
    bool runs; /* some member does; else those that were seen are dead */
};

struct groups {
    struct group_seen *seen; /* of the last scan, sorted, each group once */
    size_t count;
    size_t room;
    bool whole;           /* it could look at all that there is */
    struct instant taken; /* when it began; ns 0: there was none */
    struct instant next;  /* no other before */
    struct span pause;    /* from one to the next, as the last was */
    uint64_t scans;
};

void groups_init(struct groups *groups);
void groups_deinit(struct groups *groups);
/* True if the group that `leader` led has a member that runs, or may have. `ended`: when the leader
 * was seen to have ended. Scans if that is due and nothing less tells. */
bool groups_lives(struct groups *groups, const struct process *leader, struct instant ended);

#endif
