/*
 * A stop set (F11): the processes that act under a session's locks. They are the process at the
 * other end of the session's sockets, those that Acquire named, the process groups that these lead,
 * and the cgroup that a named one had for itself.
 *
 * What must hold: a lock is released for a dead client only when its stop set is *empty*, which is
 * when each process has ended, no member of a group it led runs any more, and nobody is left in its
 * cgroup. What cannot be seen counts as running; what may not be killed is waited for.
 */
#ifndef NODE_STOPSET_H
#define NODE_STOPSET_H

#include <stddef.h>
#include <stdint.h>

#include "node/cgroup.h"
#include "node/clock.h"
#include "node/groups.h"
#include "node/process.h"

struct event_base;
struct event;

struct stopset_member {
    struct process process;
    int fd;               /* pidfd; -1 if it has ended, or could not be opened */
    bool ended;           /* seen to have ended, */
    struct instant at;    /*   then */
    bool spared;          /* stopset_kill leaves it alone */
    unsigned uses;        /* how many operations and connections named it */
    struct cgroup cgroup; /* process.cgroup */
    struct event *event;
    struct stopset *set;
    struct stopset_member *next, *prev;
};

/* What all stop sets of the loop share. */
struct stopset_loop {
    struct event_base *base;
    struct clock *clock;
    struct groups *groups;
};

struct stopset {
    struct stopset_loop loop;
    struct stopset_member *members;
    void (*emptied)(void *context); /* called while watched, once, when the set is empty */
    void *context;
    bool watched;
    struct alarm
        look; /* for what no descriptor tells: groups without leaders, unreadable processes */
};

void stopset_init(struct stopset *set, const struct stopset_loop *loop,
                  void (*emptied)(void *context), void *context);
void stopset_deinit(struct stopset *set);

/* Adds the process that has `pid` now and tells which it is; each needs a stopset_remove. */
enum process_status stopset_add(struct stopset *set, pid_t pid, struct process *out);
/* The same of a process that `parent`, which is in it, names as its child, and with it all that is
 * in its cgroup, if that is its own. PROCESS_STRANGER: it is another's child. */
enum process_status stopset_add_named(struct stopset *set, const struct process *parent, pid_t pid,
                                      struct process *out);
/* One more use of a process that is in it. */
void stopset_use(struct stopset *set, const struct process *process);
/* Adds a process that an earlier run of the agent knew, ended or not. False: out of memory. */
bool stopset_adopt(struct stopset *set, const struct process *process);
void stopset_remove(struct stopset *set, const struct process *process);
bool stopset_has(const struct stopset *set, const struct process *process);
size_t stopset_count(const struct stopset *set);

/* True if nobody in it runs. Looks anew. */
bool stopset_empty(struct stopset *set);
/* From now on `emptied` is called when the set is empty, though never from within this call. */
void stopset_watch(struct stopset *set);
void stopset_unwatch(struct stopset *set);
/* From now on this process and the group that it leads are not killed; they still count as running.
 */
void stopset_spare(struct stopset *set, const struct process *process);
void stopset_spare_none(struct stopset *set);
/* SIGKILL for every process and group. Returns how many the system did not let it kill. */
size_t stopset_kill(struct stopset *set);

#endif
