/* The workloads in which something dies. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/bench/peer_loop.h"
#include "tests/bench/peer_work.h"

enum {
    HOLD_PATIENCE_MS = 15 * 1000,
    WAIT_SEEN_MS = 200, /* the waiter waits already when the holder dies */
    GAP_PATIENCE_MS =
        300, /* of a client, with one operation (those that the system would leave waiting) */
    GAP_CALM_MS = 1500, /* as long as after the fault, to compare with */
    GAP_TAIL_MS = 300,
    GAP_LEAST_MS = 1500, /* after the fault */
    GAP_MOST_MS = 20 * 1000,
    GAP_GROUP = 4, /* clients */
    GAP_RETRY_US = 5000
};

/* --- A holder dies --- */

struct outcome {
    bool done;
    bool good;
};

static void outcome_known(void *context, bool good)
{
    struct outcome *o = context;
    o->done = true;
    o->good = good;
}

/* In a child: holds the lock, says so, and lives on. */
static _Noreturn void hold(struct peer *peer, const char *name, int told)
{
    struct outcome locked = {0};
    struct peer_terms terms = {.ttl_ms = peer->driver->least_ttl_ms};
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    signal(SIGINT, SIG_DFL);
    signal(SIGTERM, SIG_DFL);
    loop_init();
    void *client = peer->driver->open(peer, &terms);
    if (client) {
        peer->driver->lock(client, name, PEER_EXCLUSIVE, outcome_known, &locked);
        if (loop_wait(&locked.done, HOLD_PATIENCE_MS) && locked.good && write(told, "h", 1) == 1)
            loop_run(3600 * 1000);
    }
    _exit(1);
}

/* The process that holds `name`, or -1. */
static pid_t holder_start(struct peer *peer, const char *name)
{
    int told[2];
    char byte;
    if (pipe(told) != 0)
        return -1;
    fflush(NULL);
    pid_t pid = fork();
    if (pid == 0) {
        close(told[0]);
        hold(peer, name, told[1]);
    }
    close(told[1]);
    bool good = pid > 0 && read(told[0], &byte, 1) == 1;
    close(told[0]);
    if (good)
        return pid;
    loop_say("%s: no process could take a lock", peer->label);
    if (pid > 0)
        waitpid(pid, NULL, 0);
    return -1;
}

bool work_death(struct peer *peer, enum column column)
{
    static int uses;
    char name[PEER_NAME_SIZE];
    struct outcome locked = {0}, unlocked = {0};
    struct peer_terms terms = {.node = 1};
    snprintf(name, sizeof name, "death/%d", uses++);
    pid_t pid = holder_start(peer, name);
    if (pid < 0)
        return false;
    void *client = peer->driver->open(peer, &terms);
    if (client) {
        peer->driver->lock(client, name, PEER_EXCLUSIVE, outcome_known, &locked);
        loop_run(WAIT_SEEN_MS);
    }
    bool waited = client && !locked.done;
    int64_t began = loop_now_ns();
    kill(pid, SIGKILL);
    bool good = waited && loop_wait(&locked.done, HOLD_PATIENCE_MS) && locked.good;
    int64_t took = loop_now_ns() - began;
    waitpid(pid, NULL, 0);
    if (good) {
        figures_add(column, DEATH_MS, (double)took / 1e6);
        peer->driver->unlock(client, outcome_known, &unlocked);
        loop_wait(&unlocked.done, HOLD_PATIENCE_MS);
    } else if (!loop_interrupted()) {
        loop_say("%s: %s", peer->label,
                 waited ? "a dead holder's lock did not pass on" : "the lock was not held");
    }
    if (client)
        peer->driver->close(client);
    return good;
}

/* --- A leader dies --- */

/* One client that locks and unlocks, whatever happens, and looks at the clock. */
struct walker {
    struct gap *gap;
    struct member member; /* client and name; its crowd is not used */
    int64_t granted_ns;   /* the last */
    int64_t calm_ns;      /* the longest time between two grants before the fault */
    int64_t gap_ns;       /* and after it */
    bool after;           /* it was granted something since the fault */
};

struct gap {
    struct peer *peer;
    int use; /* so that no name is used again that may be held for ever */
    struct walker walkers[2 * GAP_GROUP];
    int count;
    int group;        /* the first so many depend on the leader */
    int64_t fault_ns; /* 0: not yet */
    bool ending;
    int running;
    bool idle;
    bool recovered;
};

static void walker_lock(void *context);

static void walker_name(struct walker *w)
{
    if (!w->gap->peer->driver->depend)
        snprintf(w->member.name, PEER_NAME_SIZE, "gap-%d-%d-%d", w->gap->use,
                 (int)(w - w->gap->walkers), w->member.generation++);
}

/* Another name where an operation failed that may have been carried out. */
static void walker_failed(struct walker *w)
{
    walker_name(w);
    loop_after(GAP_RETRY_US, walker_lock, w);
}

static void walker_unlocked(void *context, bool good)
{
    struct walker *w = context;
    if (good)
        walker_lock(w);
    else
        walker_failed(w);
}

static void walker_locked(void *context, bool good)
{
    struct walker *w = context;
    struct gap *g = w->gap;
    if (!good) {
        walker_failed(w);
        return;
    }
    int64_t now = loop_now_ns();
    int64_t span = w->granted_ns > 0 ? now - w->granted_ns : 0;
    int64_t *longest = g->fault_ns > 0 ? &w->gap_ns : &w->calm_ns;
    if (span > *longest)
        *longest = span;
    w->granted_ns = now;
    w->after = g->fault_ns > 0;
    g->recovered = true;
    for (int i = 0; i < g->count; i++)
        g->recovered &= g->walkers[i].after;
    g->peer->driver->unlock(w->member.client, walker_unlocked, w);
}

static void walker_lock(void *context)
{
    struct walker *w = context;
    struct gap *g = w->gap;
    if (g->ending) {
        g->idle = --g->running == 0;
        return;
    }
    g->peer->driver->lock(w->member.client, w->member.name, PEER_EXCLUSIVE, walker_locked, w);
}

/* Two groups where names differ, one where they do not; none on the node that will die. */
static bool gap_open(struct gap *g, struct peer *peer, int leader)
{
    const struct peer_driver *driver = peer->driver;
    char names[2 * GAP_GROUP][PEER_NAME_SIZE];
    static int uses;
    *g = (struct gap){.peer = peer, .use = uses++, .group = GAP_GROUP};
    int groups = driver->depend ? 2 : 1;
    if (driver->depend && (!driver->depend(peer, leader, false, names, GAP_GROUP) ||
                           !driver->depend(peer, leader, true, names + GAP_GROUP, GAP_GROUP)))
        return false;
    for (int i = 0; i < groups * GAP_GROUP; i++) {
        struct walker *w = &g->walkers[i];
        struct peer_terms terms = {.patience_ms = GAP_PATIENCE_MS};
        terms.node = (leader + 1 + i % (peer->nodes - 1)) % peer->nodes;
        w->gap = g;
        if (driver->depend)
            memcpy(w->member.name, names[i], PEER_NAME_SIZE);
        else
            walker_name(w);
        w->member.client = driver->open(peer, &terms);
        if (!w->member.client)
            return false;
        g->count++;
    }
    return true;
}

static int64_t longest(const struct gap *g, int from, int to, bool calm)
{
    int64_t most = 0;
    for (int i = from; i < to; i++) {
        int64_t span = calm ? g->walkers[i].calm_ns : g->walkers[i].gap_ns;
        most = span > most ? span : most;
    }
    return most;
}

/* Calm, the fault, and then until all were served again. */
static bool gap_play(struct gap *g, int leader, int signal)
{
    g->running = g->count;
    for (int i = 0; i < g->count; i++)
        walker_lock(&g->walkers[i]);
    loop_run(GAP_CALM_MS);
    kill(g->peer->pids[leader], signal);
    g->fault_ns = loop_now_ns();
    g->recovered = false;
    bool good = loop_run(GAP_LEAST_MS) && loop_wait(&g->recovered, GAP_MOST_MS);
    if (good)
        loop_run(GAP_TAIL_MS);
    g->ending = true;
    if (!loop_wait(&g->idle, GAP_MOST_MS))
        good = false;
    if (!good && !loop_interrupted())
        loop_say("%s did not serve again within %d s", g->peer->label, GAP_MOST_MS / 1000);
    return good;
}

bool work_gap(struct peer *peer, enum column column, int signal)
{
    static struct gap g;
    int leader = peer->driver->leader(peer);
    if (leader < 0) {
        loop_say("%s has no leader", peer->label);
        return false;
    }
    bool good = gap_open(&g, peer, leader) && gap_play(&g, leader, signal);
    if (good && signal == SIGKILL) {
        figures_add(column, GAP_MS, (double)longest(&g, 0, g.group, false) / 1e6);
        figures_add(column, CALM_MS, (double)longest(&g, 0, g.count, true) / 1e6);
        if (g.count > g.group)
            figures_add(column, GAP_OTHERS_MS, (double)longest(&g, g.group, g.count, false) / 1e6);
    } else if (good) {
        figures_add(column, SILENT_MS, (double)longest(&g, 0, g.group, false) / 1e6);
    }
    if (g.idle || g.running == 0)
        for (int i = 0; i < g.count; i++)
            peer->driver->close(g.walkers[i].member.client);
    if (signal == SIGSTOP) {
        kill(peer->pids[leader], SIGCONT);
        return loop_run(2 * GAP_LEAST_MS) && good;
    }
    return peer->driver->revive(peer, leader) && good;
}
