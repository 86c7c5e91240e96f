/*
 * A stop set.
 *
 * Processes are watched by pidfd. A group whose leader has ended has no descriptor, and a cgroup is
 * not worth one: they are looked at now and then, but only while somebody waits for the set to be
 * empty, so nothing runs when nothing is at stake.
 */
#include "node/stopset.h"

#include <signal.h>
#include <stdlib.h>
#include <sys/pidfd.h>
#include <unistd.h>

#include <event2/event.h>
#include <utlist.h>

#include "proto/must.h"

#define STOPSET_LOOK_AGAIN SPAN_MS(200)

static void stopset_examine(void *context);

void stopset_init(struct stopset *set, struct event_base *base, struct clock *clock,
                  void (*emptied)(void *context), void *context)
{
    *set = (struct stopset){.base = base, .clock = clock, .emptied = emptied, .context = context};
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
    clock_clear(set->clock, &set->look);
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

/* Takes over `fd` (-1: none). NULL if memory ran out. */
static struct stopset_member *stopset_insert(struct stopset *set, const struct process *process,
                                             int fd)
{
    struct stopset_member *m = stopset_find(set, process);
    if (m) {
        m->uses++;
        if (fd >= 0)
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
    if (set->watched)
        clock_set(set->clock, &set->look, clock_now());
    return m;
}

enum process_status stopset_add(struct stopset *set, pid_t pid, struct process *out)
{
    struct process process;
    int fd;
    enum process_status status = process_open(pid, &process, &fd);
    if (status != PROCESS_FOUND)
        return status;
    if (!stopset_insert(set, &process, fd))
        return PROCESS_UNREADABLE;
    *out = process;
    return PROCESS_FOUND;
}

enum process_status stopset_add_named(struct stopset *set, pid_t pid, struct process *out)
{
    enum process_status status = stopset_add(set, pid, out);
    if (status != PROCESS_FOUND)
        return status;
    struct stopset_member *m = stopset_find(set, out);
    must(m);
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
        m->ended = true;
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
    if (!m->ended && m->fd < 0)
        m->ended = process_reopen(&m->process, &m->fd) == PROCESS_GONE;
    if (!m->ended && m->fd >= 0 && process_ended(m->fd)) {
        m->ended = true;
        stopset_shut(m);
        /* Its descriptor tells nobody any more: so whoever found out sees to it that it is heard
         * of. */
        if (m->set->watched)
            clock_set(m->set->clock, &m->set->look, clock_now());
    }
    return m->ended;
}

static bool stopset_runs(struct stopset_member *m)
{
    if (!stopset_ended(m))
        return true;
    if (m->process.leads && process_group_lives(&m->process))
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
    const struct stopset_member *m = context;
    stopset_examine(m->set);
}

/* Sees to it that this member's end is heard of. False if nothing will tell: look again later. */
static bool stopset_watch_member(struct stopset_member *m)
{
    if (stopset_ended(m))
        return !m->process.leads && !m->cgroup.id;
    if (m->fd >= 0 && !m->event) {
        m->event = event_new(m->set->base, m->fd, EV_READ, stopset_member_ended, m);
        if (m->event && event_add(m->event, NULL) != 0) {
            event_free(m->event);
            m->event = NULL;
        }
    }
    return m->event != NULL;
}

/* While watched: says so if the set is empty, else sees to it that it is heard of. */
static void stopset_examine(void *context)
{
    struct stopset *set = context;
    struct stopset_member *m;
    bool told = true;
    if (!set->watched)
        return;
    if (stopset_empty(set)) {
        stopset_unwatch(set);
        set->emptied(set->context); /* may free the set: nothing of it is touched after this */
        return;
    }
    DL_FOREACH(set->members, m)
    told = stopset_watch_member(m) && told;
    if (!told)
        clock_set(set->clock, &set->look, instant_after(clock_now(), STOPSET_LOOK_AGAIN));
}

void stopset_watch(struct stopset *set)
{
    if (set->watched)
        return;
    set->watched = true;
    clock_set(set->clock, &set->look, clock_now());
}

void stopset_unwatch(struct stopset *set)
{
    struct stopset_member *m;
    set->watched = false;
    clock_clear(set->clock, &set->look);
    DL_FOREACH(set->members, m)
    {
        if (m->event)
            event_free(m->event);
        m->event = NULL;
    }
}

/* True if there is nothing left to kill, or it was killed. */
static bool stopset_kill_member(struct stopset_member *m)
{
    bool done = true;
    if (m->process.pid <= 1 || m->process.pid == getpid())
        return false; /* such a set would never be empty, but nobody is killed who must not be */
    /* The group first: while its leader is not waited for, or members live, its number is its own.
     */
    if (m->process.leads && (!stopset_ended(m) || process_group_lives(&m->process)))
        done = kill(-m->process.pid, SIGKILL) == 0;
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
