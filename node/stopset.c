/*
 * A stop set.
 *
 * Processes are watched by pidfd, from the beginning on: once a leader has ended its group's number
 * is the group's only as long as that has members, and then may become another's. A group whose
 * leader has ended has no descriptor, and a cgroup is not worth one: they are looked at now and
 * then. While nobody waits for the set to be empty that is one question to the kernel for such a
 * group, and nothing for the rest.
 */
#include "node/stopset.h"

#include <errno.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <event2/event.h>
#include <utlist.h>

#include "proto/must.h"

#define STOPSET_LOOK_IDLE SPAN_MS(1000) /* at groups without leaders, while nobody waits */

static void stopset_examine(void *context);
static void stopset_attend(struct stopset_member *m);

void stopset_init(struct stopset *set, const struct stopset_loop *loop,
                  void (*emptied)(void *context), void *context)
{
    *set = (struct stopset){.loop = *loop, .emptied = emptied, .context = context};
    set->look = (struct alarm){.ring = stopset_examine, .context = set};
}

static void stopset_shut(struct stopset_member *m)
{
    if (m->event)
        event_free(m->event);
    m->event = NULL;
    if (m->fd >= 0)
        close(m->fd);
    m->fd = -1;
}

static void stopset_free_member(struct stopset_member *m)
{
    DL_DELETE(m->set->members, m);
    stopset_shut(m);
    cgroup_drop(&m->cgroup);
    free(m);
}

void stopset_deinit(struct stopset *set)
{
    clock_clear(set->loop.clock, &set->look);
    while (set->members)
        stopset_free_member(set->members);
}

static struct stopset_member *stopset_find(const struct stopset *set, const struct process *process)
{
    struct stopset_member *m;
    DL_FOREACH(set->members, m)
    if (m->process.pid == process->pid && m->process.start == process->start)
        return m;
    return NULL;
}

bool stopset_has(const struct stopset *set, const struct process *process)
{
    return stopset_find(set, process) != NULL;
}

size_t stopset_count(const struct stopset *set)
{
    size_t count = 0;
    const struct stopset_member *m;
    DL_FOREACH(set->members, m)
    count++;
    return count;
}

/* Its descriptor tells nobody any more, so it is looked at from now on. */
static void stopset_note_end(struct stopset_member *m)
{
    if (m->ended)
        return;
    m->ended = true;
    m->at = clock_now();
    stopset_shut(m);
    if (m->set->watched || m->process.leads)
        clock_set(m->set->loop.clock, &m->set->look, m->at);
}

/* Takes over `fd` (-1: none). NULL if memory ran out. */
static struct stopset_member *stopset_insert(struct stopset *set, const struct process *process,
                                             int fd)
{
    struct stopset_member *m = stopset_find(set, process);
    if (m) {
        m->uses++;
        if (fd >= 0 && m->fd < 0 && !m->ended)
            m->fd = fd;
        else if (fd >= 0)
            close(fd);
        return m;
    }
    m = calloc(1, sizeof *m);
    if (!m) {
        if (fd >= 0)
            close(fd);
        return NULL;
    }
    m->process = *process;
    m->process.leads =
        process->leads && process->pid != getpgrp(); /* the agent's own group is no client's */
    m->fd = fd;
    m->uses = 1;
    m->set = set;
    DL_APPEND(set->members, m);
    stopset_attend(m);
    if (set->watched)
        clock_set(set->loop.clock, &set->look, clock_now());
    return m;
}

enum process_status stopset_add(struct stopset *set, pid_t pid, struct process *out)
{
    struct process_look look;
    int fd;
    enum process_status status = process_open(pid, &look, &fd);
    if (status != PROCESS_FOUND)
        return status;
    if (!stopset_insert(set, &look.process, fd))
        return PROCESS_UNREADABLE;
    *out = look.process;
    return PROCESS_FOUND;
}

enum process_status stopset_add_named(struct stopset *set, const struct process *parent, pid_t pid,
                                      struct process *out)
{
    struct process_look look;
    int fd;
    const struct stopset_member *by = stopset_find(set, parent);
    enum process_status status = process_open(pid, &look, &fd);
    if (status != PROCESS_FOUND)
        return status;
    /* The look is at the very process that the descriptor is of; and the parent lives after it, so
     * its number is not another's. */
    must(by);
    if (look.parent != parent->pid || by->fd < 0 || process_ended(by->fd)) {
        close(fd);
        return PROCESS_STRANGER;
    }
    struct stopset_member *m = stopset_insert(set, &look.process, fd);
    if (!m)
        return PROCESS_UNREADABLE;
    *out = look.process;
    /* Its descriptor is there: if it still runs after the look, it was the one that was looked at.
     */
    struct cgroup cgroup;
    bool own = !m->cgroup.id && cgroup_own(&cgroup, pid);
    if (own && !process_ended(m->fd))
        m->cgroup = cgroup;
    else if (own)
        cgroup_drop(&cgroup);
    m->process.cgroup = out->cgroup = m->cgroup.id;
    return PROCESS_FOUND;
}

bool stopset_adopt(struct stopset *set, const struct process *process)
{
    int fd = -1;
    enum process_status status = process_reopen(process, &fd);
    struct stopset_member *m = stopset_insert(set, process, fd);
    if (m && status == PROCESS_GONE)
        stopset_note_end(m);
    if (m && process->cgroup && !m->cgroup.id) {
        m->process.cgroup = process->cgroup;
        m->cgroup = cgroup_again(process->cgroup, m->ended ? 0 : process->pid);
    }
    return m != NULL;
}

void stopset_use(struct stopset *set, const struct process *process)
{
    struct stopset_member *m = stopset_find(set, process);
    must(m);
    m->uses++;
}

void stopset_remove(struct stopset *set, const struct process *process)
{
    struct stopset_member *m = stopset_find(set, process);
    must(m);
    if (--m->uses == 0)
        stopset_free_member(m);
}

/* True if this process has ended; if it could not be opened before, tries again. */
static bool stopset_ended(struct stopset_member *m)
{
    if (!m->ended && m->fd < 0 && process_reopen(&m->process, &m->fd) == PROCESS_GONE)
        stopset_note_end(m);
    if (!m->ended && m->fd >= 0 && process_ended(m->fd))
        stopset_note_end(m);
    return m->ended;
}

static bool stopset_runs(struct stopset_member *m)
{
    if (!stopset_ended(m))
        return true;
    if (m->process.leads && groups_lives(m->set->loop.groups, &m->process, m->at))
        return true;
    m->process.leads = false; /* an ended group cannot come back; its number may, as another's */
    if (cgroup_lives(&m->cgroup))
        return true;
    cgroup_drop(&m->cgroup);
    return false;
}

bool stopset_empty(struct stopset *set)
{
    struct stopset_member *m;
    DL_FOREACH(set->members, m)
    if (stopset_runs(m))
        return false;
    return true;
}

static void stopset_member_ended(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct stopset_member *m = context;
    stopset_note_end(m);
    stopset_examine(m->set);
}

/* Sees to it that this member's end is heard of, if its descriptor can tell. */
static void stopset_attend(struct stopset_member *m)
{
    if (m->fd < 0 || m->event)
        return;
    m->event = event_new(m->set->loop.base, m->fd, EV_READ, stopset_member_ended, m);
    if (m->event && event_add(m->event, NULL) != 0) {
        event_free(m->event);
        m->event = NULL;
    }
}

/* False if nothing will tell of this member's end: look again later. */
static bool stopset_told(struct stopset_member *m)
{
    if (stopset_ended(m))
        return !m->process.leads && !m->cgroup.id;
    stopset_attend(m);
    return m->event != NULL;
}

/* While nobody waits: forgets each group that ended, before its number is another's. */
static void stopset_forget_groups(struct stopset *set)
{
    struct stopset_member *m;
    bool left = false;
    DL_FOREACH(set->members, m)
    {
        if (!m->process.leads || !stopset_ended(m))
            continue;
        m->process.leads = process_group_exists(&m->process);
        left = left || m->process.leads;
    }
    if (left)
        clock_set(set->loop.clock, &set->look, instant_after(clock_now(), STOPSET_LOOK_IDLE));
}

/* While watched: says so if the set is empty, else sees to it that it is heard of. */
static void stopset_examine(void *context)
{
    struct stopset *set = context;
    struct stopset_member *m;
    bool told = true;
    if (!set->watched) {
        stopset_forget_groups(set);
        return;
    }
    if (stopset_empty(set)) {
        stopset_unwatch(set);
        set->emptied(set->context); /* may free the set: nothing of it is touched after this */
        return;
    }
    DL_FOREACH(set->members, m)
    told = stopset_told(m) && told;
    if (!told)
        clock_set(set->loop.clock, &set->look, instant_after(clock_now(), set->loop.groups->pause));
}

void stopset_watch(struct stopset *set)
{
    if (set->watched)
        return;
    set->watched = true;
    clock_set(set->loop.clock, &set->look, clock_now());
}

void stopset_unwatch(struct stopset *set)
{
    set->watched = false;
    clock_set(set->loop.clock, &set->look, clock_now()); /* for the groups, at their own pace */
}

/* True if there is nothing left to kill, or it was killed. */
static bool stopset_kill_member(struct stopset_member *m)
{
    bool done = true;
    if (m->process.pid <= 1 || m->process.pid == getpid())
        return false; /* such a set would never be empty, but nobody is killed who must not be */
    /* The group first: while its leader is not waited for, or it has members, its number is its
     * own; it had some when it was looked at last. */
    if (m->process.leads && (!stopset_ended(m) || process_group_exists(&m->process)))
        done = kill(-m->process.pid, SIGKILL) == 0 || errno == ESRCH;
    if (!stopset_ended(m))
        done = m->fd >= 0 && pidfd_send_signal(m->fd, SIGKILL, NULL, 0) == 0 && done;
    if (m->cgroup.id)
        done = cgroup_kill(&m->cgroup) && done;
    return done || !stopset_runs(m);
}

void stopset_spare(struct stopset *set, const struct process *process)
{
    struct stopset_member *m = stopset_find(set, process);
    must(m);
    m->spared = true;
}

void stopset_spare_none(struct stopset *set)
{
    struct stopset_member *m;
    DL_FOREACH(set->members, m)
    m->spared = false;
}

size_t stopset_kill(struct stopset *set)
{
    size_t refused = 0;
    struct stopset_member *m;
    DL_FOREACH(set->members, m)
    refused += !m->spared && !stopset_kill_member(m);
    return refused;
}
