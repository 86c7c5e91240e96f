/*
 * Holdfast beside other lock services, in one run on one machine. Everything is started once; then
 * each repetition runs each workload on each system in turn, so that what else happens on the
 * machine hits all of them alike, and only the ratios count.
 *
 * In the environment:
 *     REPEAT     repetitions (5)
 *     SECONDS    of one workload on one system (1)
 *     NAMES      that are held at once (100000)
 *     SYSTEMS    those to run, by commas (floor,holdfast,etcd,zookeeper,redlock)
 *     WORKLOADS  those to run (idle,pair1,pair64,handover,shared,death,gap,silent,names)
 */
#include <errno.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "tests/bench/peer_floor.h"
#include "tests/bench/peer_loop.h"
#include "tests/bench/peer_proc.h"
#include "tests/bench/peer_work.h"

enum {
    KNOWN_NAMES = 10000,
    NAMES_SPAN_MS = 20 * 1000, /* for each 100,000 that are wanted */
    SETTLE_MS = 3000,
    WARM_MS = 2000,
    IDLE_MS = 2000
};

static struct plan {
    int repeat;
    int span_ms;
    int names;
    const char *systems;
    const char *workloads;
} plan;

static const struct {
    const struct peer_driver *driver;
    int nodes;
} systems[COLUMNS] = {
    [HOLDFAST_3] = {&peer_holdfast, 3}, [HOLDFAST_5] = {&peer_holdfast, 5},
    [ETCD] = {&peer_etcd, 3},           [ZOOKEEPER] = {&peer_zookeeper, 3},
    [REDLOCK] = {&peer_redlock, 5},
};

static char work_dir[PATH_MAX];
static struct peer started[COLUMNS];
static struct peer *peers[COLUMNS]; /* NULL: not there */

/* Whether `word` is one of those in `list`, which are separated by commas. */
static bool listed(const char *list, const char *word)
{
    size_t size = strlen(word);
    for (const char *at = list; (at = strstr(at, word)); at += size)
        if ((at == list || at[-1] == ',') && (at[size] == ',' || at[size] == '\0'))
            return true;
    return false;
}

static bool wanted(const char *workload)
{
    return listed(plan.workloads, workload) && !loop_interrupted();
}

static int number(const char *name, int otherwise, int most)
{
    const char *text = getenv(name);
    int value = text && *text ? atoi(text) : otherwise;
    if (value >= 1 && value <= most)
        return value;
    loop_say("%s is 1 to %d", name, most);
    exit(64);
}

static const char *words(const char *name, const char *otherwise)
{
    const char *text = getenv(name);
    return text && *text ? text : otherwise;
}

/* --- Starting and stopping --- */

static bool start(enum column column)
{
    struct peer *peer = &started[column];
    const struct peer_driver *driver = systems[column].driver;
    const char *missing = driver->missing();
    if (missing) {
        loop_say("%s-%d is left out: %s", driver->name, systems[column].nodes, missing);
        return true;
    }
    peer->driver = driver;
    peer->nodes = systems[column].nodes;
    snprintf(peer->label, sizeof peer->label, "%s-%d", driver->name, peer->nodes);
    int n = snprintf(peer->dir, sizeof peer->dir, "%s/%s", work_dir, peer->label);
    if (n >= (int)sizeof peer->dir || mkdir(peer->dir, 0700) != 0) {
        loop_say("%s: %s", peer->dir, strerror(errno));
        return false;
    }
    peers[column] = peer;
    return driver->start(peer);
}

static bool start_all(void)
{
    for (int i = 0; i < COLUMNS; i++)
        if (systems[i].driver && listed(plan.systems, systems[i].driver->name) &&
            !start((enum column)i))
            return false;
    return true;
}

static void stop_all(void)
{
    for (int i = 0; i < COLUMNS; i++)
        if (peers[i])
            peers[i]->driver->stop(peers[i]);
}

/* --- One repetition --- */

static void floor_one(enum column column, int nodes, int clients)
{
    struct floor_result r;
    bool one = clients == 1;
    if (!floor_measure(&r, work_dir, nodes, clients, plan.span_ms))
        return;
    figures_add(column, one ? PAIR_1_P50 : PAIR_64_P50, (double)r.p50_ns / 1e3);
    figures_add(column, one ? PAIR_1_P99 : PAIR_64_P99, (double)r.p99_ns / 1e3);
    figures_add(column, one ? PAIR_1_CPU : PAIR_64_CPU, r.cpu_us);
    if (!one)
        figures_add(column, PAIR_64_RATE, r.rounds_per_s);
}

static void floors(int clients)
{
    if (listed(plan.systems, "floor")) {
        floor_one(FLOOR_3, 3, clients);
        floor_one(FLOOR_5, 5, clients);
    }
}

static void pairs_64(struct peer *peer, enum column column)
{
    int before = figures_count(column, PIPED_64_RATE);
    if (!work_pairs(peer, column, 64, false, plan.span_ms))
        return;
    double best = figures_value(column, PAIR_64_RATE, figures_count(column, PAIR_64_RATE) - 1);
    if (peer->driver->pipes && work_pairs(peer, column, 64, true, plan.span_ms)) {
        double piped = figures_value(column, PIPED_64_RATE, before);
        best = piped > best ? piped : best;
    }
    figures_add(column, BEST_64_RATE, best);
}

static void one_pair(struct peer *peer, enum column column)
{
    work_pairs(peer, column, 1, false, plan.span_ms);
}

static void handover(struct peer *peer, enum column column)
{
    work_handover(peer, column, plan.span_ms);
}

static void shared(struct peer *peer, enum column column)
{
    if (peer->driver->shares)
        work_shared(peer, column, plan.span_ms);
}

static void death(struct peer *peer, enum column column)
{
    work_death(peer, column);
}

static void killed(struct peer *peer, enum column column)
{
    work_gap(peer, column, SIGKILL);
}

/* Others notice a silent leader by timeouts of many seconds; that is theirs to choose. */
static void silent(struct peer *peer, enum column column)
{
    if (peer->driver == &peer_holdfast)
        work_gap(peer, column, SIGSTOP);
}

static void each(const char *workload, void (*run)(struct peer *peer, enum column column))
{
    if (!wanted(workload))
        return;
    for (int i = 0; i < COLUMNS && !loop_interrupted(); i++)
        if (peers[i])
            run(peers[i], (enum column)i);
}

/* A JVM is slow until it has compiled what it does. */
static void warm(struct peer *peer, enum column column)
{
    (void)column;
    work_warm(peer, WARM_MS);
}

static double yardstick(struct samples *all, int64_t ns)
{
    if (ns > 0)
        samples_add(all, ns);
    return (double)samples_percentile(all, 50) / 1e3;
}

static void repeat_all(void)
{
    struct samples syncs = {0}, datagrams = {0};
    double sync_us = 0, datagram_us = 0;
    for (int i = 0; i < plan.repeat && !loop_interrupted(); i++) {
        fprintf(stderr, "repetition %d of %d\n", i + 1, plan.repeat);
        sync_us = yardstick(&syncs, floor_fdatasync_ns(work_dir));
        datagram_us = yardstick(&datagrams, floor_datagram_ns());
        if (wanted("pair1"))
            floors(1);
        each("pair1", one_pair);
        if (wanted("pair64"))
            floors(64);
        each("pair64", pairs_64);
        each("handover", handover);
        each("shared", shared);
        each("death", death);
        each("gap", killed);
        each("silent", silent);
    }
    if (!loop_interrupted())
        printf("yardsticks, medians of %d: fdatasync of an append %.0f us, datagram there and back "
               "%.0f us\n",
               plan.repeat, sync_us, datagram_us);
    samples_free(&syncs);
    samples_free(&datagrams);
}

/* --- All --- */

static void idle(void)
{
    if (!wanted("idle"))
        return;
    loop_run(SETTLE_MS);
    for (int i = 0; i < plan.repeat; i++)
        if (!work_idle(peers, IDLE_MS))
            return;
}

static void names(void)
{
    int span_ms = NAMES_SPAN_MS * ((plan.names + 99999) / 100000);
    for (int i = 0; i < COLUMNS && wanted("names"); i++)
        if (peers[i]) {
            fprintf(stderr, "names: %s\n", peers[i]->label);
            if (peers[i]->driver == &peer_holdfast)
                work_known(peers[i], (enum column)i, KNOWN_NAMES);
            if (i != HOLDFAST_5)
                work_names(peers[i], (enum column)i, plan.names, span_ms);
        }
}

static void print(void)
{
    bool present[COLUMNS];
    for (int i = 0; i < COLUMNS; i++)
        present[i] = peers[i] != NULL;
    present[FLOOR_3] = present[FLOOR_5] = listed(plan.systems, "floor");
    table_print(present);
}

int main(void)
{
    int most = FIGURES_REPEAT_MAX;
    plan =
        (struct plan){.repeat = number("REPEAT", 5, most),
                      .span_ms = 1000 * number("SECONDS", 1, 60),
                      .names = number("NAMES", 100000, 1000000),
                      .systems = words("SYSTEMS", "floor,holdfast,etcd,zookeeper,redlock"),
                      .workloads = words(
                          "WORKLOADS", "idle,pair1,pair64,handover,shared,death,gap,silent,names")};
    const char *tmp = words("TMPDIR", "/tmp");
    int n = snprintf(work_dir, sizeof work_dir, "%s/holdfast-peers-XXXXXX", tmp);
    if (n >= (int)sizeof work_dir || !mkdtemp(work_dir)) {
        loop_say("%s: %s", work_dir, strerror(errno));
        return 1;
    }
    loop_init();
    loop_catch_signals();
    int64_t began = loop_now_ns();
    bool good = start_all();
    if (good) {
        idle();
        each("pair1", warm);
        repeat_all();
        names();
    }
    stop_all();
    if (good && !loop_interrupted()) {
        print();
        printf("\n%d repetitions, %lld s in all\n", plan.repeat,
               (long long)((loop_now_ns() - began) / 1000000000));
    }
    if (good || !getenv("KEEP"))
        proc_remove(work_dir);
    return good && !loop_interrupted() ? 0 : 1;
}
