/*
 * One process, known for sure: its pid may be used again after its end, but not with the same start
 * time in the same boot. Sources: proc(5), pidfd_open(2).
 */
#ifndef NODE_PROCESS_H
#define NODE_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    pid_t pid;
    uint64_t start;  /* in clock ticks since boot: field 22 of /proc/PID/stat */
    bool leads;      /* it leads a process group, whose members act with it */
    uint64_t cgroup; /* that was its own when a client named it (cgroup.h); 0: none */
};

enum process_status {
    PROCESS_FOUND,
    PROCESS_GONE,       /* no such process, or another one under its pid */
    PROCESS_UNREADABLE, /* the system does not say: no descriptor left, or /proc is hidden */
    PROCESS_STRANGER    /* of stopset_add_named() alone: it is no child of the one who names it */
};

struct process_look {
    struct process process;
    pid_t parent;
    pid_t group;
    char state;   /* as in /proc/PID/stat; 'Z': its main thread is dead, but not waited for */
    long threads; /* those that run on, with the main thread's remains */
};

/* What /proc says of `pid` at this instant. */
enum process_status process_look(pid_t pid, struct process_look *out);
/* Whether anything of it still runs: a process goes on without its main thread. */
bool process_runs(const struct process_look *look);
/* Takes /proc/PID/stat's text apart. False if it is not such a text. */
bool process_parse(struct process_look *out, const char *text);

/* Opens a pidfd of the process that has `pid` now, and tells what /proc says of that very one. */
enum process_status process_open(pid_t pid, struct process_look *out, int *fd);
/* Opens a pidfd of this very process. */
enum process_status process_reopen(const struct process *process, int *fd);
/* True once the process has ended, waited for or not. */
bool process_ended(int fd);

/* True if the group that `leader` led has a member, or one that was not waited for: so its number
 * is its own still. False: there is no such group any more, or another process has the number. */
bool process_group_exists(const struct process *leader);

#endif
