#include "tests/bench/peer_work.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/bench/peer_loop.h"
#include "tests/bench/peer_proc.h"

enum {
    PATIENCE_MS = 30 * 1000, /* until the last are done */
    CONTENDERS = 8,
    NAMES_BATCHES = 5
};

/* --- Crowds --- */

static void member_lock(struct member *m);

static void member_rest(struct member *m)
{
    m->crowd->idle = --m->crowd->running == 0;
}

static void member_unlocked(void *context, bool good)
{
    struct member *m = context;
    struct crowd *c = m->crowd;
    int64_t now = loop_now_ns();
    if (good) {
        samples_add(&c->unlocks, now - m->asked_ns);
        samples_add(&c->pairs, m->locked_ns + now - m->asked_ns);
    }
    c->failures += !good;
    if (good && now < c->end_ns)
        member_lock(m);
    else
        member_rest(m);
}

static void member_locked(void *context, bool good)
{
    struct member *m = context;
    struct crowd *c = m->crowd;
    if (!good) {
        c->failures++;
        member_rest(m);
        return;
    }
    int64_t now = loop_now_ns();
    m->locked_ns = now - m->asked_ns;
    samples_add(&c->locks, m->locked_ns);
    if (c->released_ns > 0)
        samples_add(&c->handovers, now - c->released_ns);
    m->asked_ns = now;
    if (c->one_name)
        c->released_ns = now;
    c->peer->driver->unlock(m->client, member_unlocked, m);
}

static void member_lock(struct member *m)
{
    m->asked_ns = loop_now_ns();
    m->crowd->peer->driver->lock(m->client, m->name, m->crowd->mode, member_locked, m);
}

bool crowd_open(struct crowd *c, struct peer *peer, int count, const struct peer_terms *terms,
                const char *folder, bool one_name)
{
    *c = (struct crowd){.peer = peer, .one_name = one_name};
    for (int i = 0; i < count; i++) {
        struct member *m = &c->members[i];
        struct peer_terms own = *terms;
        own.node = (terms->node + i) % peer->nodes;
        m->crowd = c;
        m->client = peer->driver->open(peer, &own);
        if (!m->client) {
            crowd_close(c);
            return false;
        }
        c->count++;
        if (one_name)
            snprintf(m->name, sizeof m->name, "%s", folder);
        else
            snprintf(m->name, sizeof m->name, "%s/%d", folder, i);
    }
    return true;
}

bool crowd_run(struct crowd *c, int span_ms)
{
    c->locks.count = c->unlocks.count = c->pairs.count = c->handovers.count = 0;
    c->failures = 0;
    c->released_ns = 0;
    c->idle = false;
    c->running = c->count;
    c->end_ns = loop_now_ns() + span_ms * INT64_C(1000000);
    for (int i = 0; i < c->count; i++)
        member_lock(&c->members[i]);
    if (!loop_wait(&c->idle, span_ms + PATIENCE_MS)) {
        if (!loop_interrupted())
            loop_say("%s: %d of %d clients are still busy after %d s", c->peer->label, c->running,
                     c->count, PATIENCE_MS / 1000);
        return false;
    }
    if (c->failures > 0)
        loop_say("%s: %d operations failed", c->peer->label, c->failures);
    return c->failures == 0;
}

void crowd_close(struct crowd *c)
{
    for (int i = 0; i < c->count; i++)
        c->peer->driver->close(c->members[i].client);
    samples_free(&c->locks);
    samples_free(&c->unlocks);
    samples_free(&c->pairs);
    samples_free(&c->handovers);
    c->count = 0;
}

/* "WORK-N", with an N of its own for each use. */
static const char *folder_of(const char *work)
{
    static char folder[32];
    static int uses;
    snprintf(folder, sizeof folder, "%s-%d", work, uses++);
    return folder;
}

static double us(int64_t ns)
{
    return (double)ns / 1e3;
}

/* --- Workloads --- */

/* What the servers used while the crowd worked, and how long that took. */
struct cost {
    struct proc_usage usage;
    struct peer_counters counters; /* where the system counts */
    double seconds;
};

static bool counters_of(struct peer *peer, struct peer_counters *out)
{
    *out = (struct peer_counters){0};
    return !peer->driver->counters || peer->driver->counters(peer, out);
}

/* Warms up, then runs for `span_ms`. */
static bool crowd_measure(struct crowd *c, int span_ms, struct cost *cost)
{
    struct peer_counters counted;
    if (!crowd_run(c, span_ms / 5) || !counters_of(c->peer, &counted))
        return false;
    struct proc_usage before = proc_usage(c->peer);
    int64_t began = loop_now_ns();
    if (!crowd_run(c, span_ms))
        return false;
    cost->seconds = (double)(loop_now_ns() - began) / 1e9;
    cost->usage = proc_usage(c->peer);
    cost->usage.cpu_ns -= before.cpu_ns;
    cost->usage.wakeups -= before.wakeups;
    if (!counters_of(c->peer, &cost->counters))
        return false;
    cost->counters.datagrams -= counted.datagrams;
    cost->counters.syncs -= counted.syncs;
    return true;
}

static void add_counters(const struct crowd *c, enum column column, enum metric datagrams,
                         enum metric syncs, const struct cost *cost)
{
    double pairs = (double)c->pairs.count;
    if (!c->peer->driver->counters)
        return;
    figures_add(column, datagrams, (double)cost->counters.datagrams / pairs);
    figures_add(column, syncs, (double)cost->counters.syncs / pairs);
}

/* Of one server, on an average. */
static void add_cost(const struct peer *peer, enum column column, enum metric cpu,
                     enum metric memory, enum metric wakeups, const struct cost *cost)
{
    double share = 1.0 / peer->nodes;
    figures_add(column, cpu, (double)cost->usage.cpu_ns / 1e7 / cost->seconds * share);
    figures_add(column, memory, (double)cost->usage.resident_bytes / 1e6 * share);
    figures_add(column, wakeups, (double)cost->usage.wakeups / cost->seconds * share);
}

bool work_pairs(struct peer *peer, enum column column, int clients, bool piped, int span_ms)
{
    struct peer_terms terms = {.piped = piped};
    struct crowd c;
    struct cost cost;
    if (!crowd_open(&c, peer, clients, &terms, folder_of("pair"), false))
        return false;
    bool good = crowd_measure(&c, span_ms, &cost);
    double pairs = (double)c.pairs.count;
    if (good && piped) {
        figures_add(column, PIPED_64_RATE, pairs / cost.seconds);
    } else if (good && clients > 1) {
        figures_add(column, PAIR_64_RATE, pairs / cost.seconds);
        figures_add(column, PAIR_64_P50, us(samples_percentile(&c.pairs, 50)));
        figures_add(column, PAIR_64_P99, us(samples_percentile(&c.pairs, 99)));
        figures_add(column, PAIR_64_CPU, us(cost.usage.cpu_ns) / pairs);
        add_cost(peer, column, LOAD_CPU, LOAD_MB, LOAD_WAKEUPS, &cost);
        add_counters(&c, column, PAIR_64_DATAGRAMS, PAIR_64_SYNCS, &cost);
    } else if (good) {
        figures_add(column, PAIR_1_P50, us(samples_percentile(&c.pairs, 50)));
        figures_add(column, PAIR_1_P99, us(samples_percentile(&c.pairs, 99)));
        figures_add(column, LOCK_1_P50, us(samples_percentile(&c.locks, 50)));
        figures_add(column, UNLOCK_1_P50, us(samples_percentile(&c.unlocks, 50)));
        figures_add(column, PAIR_1_CPU, us(cost.usage.cpu_ns) / pairs);
        add_counters(&c, column, PAIR_1_DATAGRAMS, PAIR_1_SYNCS, &cost);
    }
    crowd_close(&c);
    return good;
}

bool work_warm(struct peer *peer, int span_ms)
{
    struct peer_terms terms = {.piped = peer->driver->pipes};
    struct crowd c;
    if (!crowd_open(&c, peer, CROWD_MAX, &terms, folder_of("warm"), false))
        return false;
    bool good = crowd_run(&c, span_ms);
    crowd_close(&c);
    return good;
}

bool work_handover(struct peer *peer, enum column column, int span_ms)
{
    struct peer_terms terms = {0};
    struct crowd c;
    struct cost cost;
    if (!crowd_open(&c, peer, CONTENDERS, &terms, folder_of("handover"), true))
        return false;
    bool good = crowd_measure(&c, span_ms, &cost);
    if (good) {
        figures_add(column, HANDOVER_P50, us(samples_percentile(&c.handovers, 50)));
        figures_add(column, HANDOVER_P99, us(samples_percentile(&c.handovers, 99)));
    }
    crowd_close(&c);
    return good;
}

bool work_shared(struct peer *peer, enum column column, int span_ms)
{
    struct peer_terms terms = {0};
    struct crowd c;
    struct cost cost;
    if (!crowd_open(&c, peer, 1, &terms, folder_of("shared"), false))
        return false;
    c.mode = PEER_SHARED;
    bool good = crowd_measure(&c, span_ms, &cost);
    if (good) {
        figures_add(column, SHARED_P50, us(samples_percentile(&c.pairs, 50)));
        figures_add(column, SHARED_P99, us(samples_percentile(&c.pairs, 99)));
        add_counters(&c, column, SHARED_DATAGRAMS, SHARED_SYNCS, &cost);
    }
    crowd_close(&c);
    return good;
}

bool work_idle(struct peer *const peers[COLUMNS], int span_ms)
{
    struct proc_usage before[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        if (peers[i])
            before[i] = proc_usage(peers[i]);
    int64_t began = loop_now_ns();
    if (!loop_run(span_ms))
        return false;
    for (int i = 0; i < COLUMNS; i++) {
        if (!peers[i])
            continue;
        struct cost cost = {.usage = proc_usage(peers[i])};
        cost.usage.cpu_ns -= before[i].cpu_ns;
        cost.usage.wakeups -= before[i].wakeups;
        cost.seconds = (double)(loop_now_ns() - began) / 1e9;
        add_cost(peers[i], (enum column)i, IDLE_CPU, IDLE_MB, IDLE_WAKEUPS, &cost);
    }
    return true;
}

/* --- Many names --- */

/* Clients that together take name after name, and keep it or let it go. */
struct taking {
    struct crowd crowd;
    int next; /* name */
    int held;
    int until; /* names of this batch */
    bool keep;
};

static void taker_next(struct member *m);

static void taker_unlocked(void *context, bool good)
{
    struct member *m = context;
    m->crowd->failures += !good;
    taker_next(m);
}

static void taker_locked(void *context, bool good)
{
    struct member *m = context;
    struct taking *t = (struct taking *)m->crowd; /* its first member */
    m->crowd->failures += !good;
    t->held += good;
    if (good && !t->keep)
        m->crowd->peer->driver->unlock(m->client, taker_unlocked, m);
    else
        taker_next(m);
}

static void taker_next(struct member *m)
{
    struct taking *t = (struct taking *)m->crowd;
    if (t->next >= t->until || loop_now_ns() >= m->crowd->end_ns || m->crowd->failures > 0) {
        member_rest(m);
        return;
    }
    snprintf(m->name, sizeof m->name, "%s-%d", t->keep ? "held" : "known", t->next++);
    m->crowd->peer->driver->lock(m->client, m->name, PEER_EXCLUSIVE, taker_locked, m);
}

/* Takes names up to `until`, or until the time is over. */
static bool taking_batch(struct taking *t, int until)
{
    struct crowd *c = &t->crowd;
    t->until = until;
    c->idle = false;
    c->running = c->count;
    for (int i = 0; i < c->count; i++)
        taker_next(&c->members[i]);
    return c->idle || loop_wait(&c->idle, 600 * 1000);
}

static bool taking_open(struct taking *t, struct peer *peer, bool keep, int span_ms)
{
    struct peer_terms terms = {.piped = peer->driver->pipes};
    *t = (struct taking){.keep = keep};
    if (!crowd_open(&t->crowd, peer, CROWD_MAX, &terms, "names", false))
        return false;
    t->crowd.end_ns = loop_now_ns() + span_ms * INT64_C(1000000);
    return true;
}

bool work_known(struct peer *peer, enum column column, int count)
{
    struct taking t;
    if (!taking_open(&t, peer, false, PATIENCE_MS))
        return false;
    bool good = taking_batch(&t, count) && t.held == count;
    if (good)
        figures_add(column, KNOWN_MB, (double)proc_usage(peer).resident_bytes / 1e6 / peer->nodes);
    else
        loop_say("%s: %d of %d names could be used", peer->label, t.held, count);
    crowd_close(&t.crowd);
    return good;
}

bool work_names(struct peer *peer, enum column column, int count, int span_ms)
{
    struct taking t;
    if (peer->driver->grow && !peer->driver->grow(peer))
        return false;
    if (!taking_open(&t, peer, true, span_ms))
        return false;
    int64_t resident = proc_usage(peer).resident_bytes;
    for (int i = 1; i <= NAMES_BATCHES; i++) {
        int before = t.held;
        if (!taking_batch(&t, count / NAMES_BATCHES * i) || t.held == before)
            break;
        int64_t now = proc_usage(peer).resident_bytes;
        figures_add(column, NAMES_BYTES,
                    (double)(now - resident) / (t.held - before) / peer->nodes);
        resident = now;
    }
    if (t.crowd.failures > 0)
        loop_say("%s: no more than %d names could be held", peer->label, t.held);
    figures_add(column, NAMES_HELD, t.held);
    /* The clients stay as they are: closing one with locks is the death of a client. */
    return t.held > 0;
}
