/* What was measured: samples of one run, and the figures of all runs. */
#ifndef TESTS_BENCH_PEER_FIGURES_H
#define TESTS_BENCH_PEER_FIGURES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* Spans of one run, in nanoseconds. All zero is empty. */
struct samples {
    int64_t *ns;
    size_t count;
    size_t room;
};
void samples_add(struct samples *s, int64_t ns);
/* Sorts them. 0 if there are none. */
int64_t samples_percentile(struct samples *s, unsigned percent);
void samples_free(struct samples *s);

/* One column for each system; a floor is one too. */
enum column { FLOOR_3, FLOOR_5, HOLDFAST_3, HOLDFAST_5, ETCD, ZOOKEEPER, REDLOCK, COLUMNS };

/* METRIC(name, workload, what and unit, decimals). An empty workload: not printed, for ratios only.
 */
#define METRICS_OF(METRIC)                                                                         \
    METRIC(PAIR_1_P50, "lock+unlock of a name of its own, 1 client", "p50, us", 0)                 \
    METRIC(PAIR_1_P99, "lock+unlock of a name of its own, 1 client", "p99, us", 0)                 \
    METRIC(LOCK_1_P50, "lock+unlock of a name of its own, 1 client", "of it the lock, p50", 0)     \
    METRIC(UNLOCK_1_P50, "lock+unlock of a name of its own, 1 client", "of it the unlock", 0)      \
    METRIC(PAIR_1_CPU, "lock+unlock of a name of its own, 1 client", "servers' CPU/pair, us", 0)   \
    METRIC(PAIR_1_DATAGRAMS, "lock+unlock of a name of its own, 1 client", "datagrams/pair", 2)    \
    METRIC(PAIR_1_SYNCS, "lock+unlock of a name of its own, 1 client", "syncs/pair", 2)            \
    METRIC(PAIR_64_RATE, "the same, 64 clients", "pairs/s", 0)                                     \
    METRIC(PIPED_64_RATE, "the same, 64 clients", "pairs/s, shared wire", 0)                       \
    METRIC(BEST_64_RATE, "", "", 0)                                                                \
    METRIC(PAIR_64_P50, "the same, 64 clients", "p50, us", 0)                                      \
    METRIC(PAIR_64_P99, "the same, 64 clients", "p99, us", 0)                                      \
    METRIC(PAIR_64_CPU, "the same, 64 clients", "servers' CPU/pair, us", 0)                        \
    METRIC(PAIR_64_DATAGRAMS, "the same, 64 clients", "datagrams/pair", 2)                         \
    METRIC(PAIR_64_SYNCS, "the same, 64 clients", "syncs/pair", 2)                                 \
    METRIC(HANDOVER_P50, "handover of one lock, 8 clients on all nodes", "p50, us", 0)             \
    METRIC(HANDOVER_P99, "handover of one lock, 8 clients on all nodes", "p99, us", 0)             \
    METRIC(SHARED_P50, "one shared lock again and again, 1 client", "p50, us", 0)                  \
    METRIC(SHARED_P99, "one shared lock again and again, 1 client", "p99, us", 0)                  \
    METRIC(SHARED_DATAGRAMS, "one shared lock again and again, 1 client", "datagrams/pair", 2)     \
    METRIC(SHARED_SYNCS, "one shared lock again and again, 1 client", "syncs/pair", 2)             \
    METRIC(DEATH_MS, "a waiter's time after its holder's death", "ms (least session)", 1)          \
    METRIC(GAP_MS, "coordinator, leader killed (SIGKILL)", "longest gap, ms", 0)                   \
    METRIC(GAP_OTHERS_MS, "coordinator, leader killed (SIGKILL)", "same, other shards, ms", 0)     \
    METRIC(CALM_MS, "coordinator, leader killed (SIGKILL)", "longest gap before, ms", 0)           \
    METRIC(SILENT_MS, "coordinator falls silent (SIGSTOP)", "longest gap, ms", 0)                  \
    METRIC(IDLE_CPU, "one server, idle", "CPU, % of a core", 2)                                    \
    METRIC(IDLE_MB, "one server, idle", "resident, MB", 1)                                         \
    METRIC(IDLE_WAKEUPS, "one server, idle", "wakeups/s", 0)                                       \
    METRIC(LOAD_CPU, "one server, 64 clients", "CPU, % of a core", 0)                              \
    METRIC(LOAD_MB, "one server, 64 clients", "resident, MB", 1)                                   \
    METRIC(LOAD_WAKEUPS, "one server, 64 clients", "wakeups/s", 0)                                 \
    METRIC(KNOWN_MB, "names", "10,000 known: MB", 1)                                               \
    METRIC(NAMES_HELD, "names", "held at once", 0)                                                 \
    METRIC(NAMES_BYTES, "names", "bytes a name, server", 0)

#define METRIC_NAME(name, workload, what, decimals) name,
enum metric { METRICS_OF(METRIC_NAME) METRICS };
#undef METRIC_NAME

enum { FIGURES_REPEAT_MAX = 32 };

/* Beyond FIGURES_REPEAT_MAX they are dropped. */
void figures_add(enum column column, enum metric metric, double value);
/* How many there are. */
int figures_count(enum column column, enum metric metric);
/* In the order in which they came. */
double figures_value(enum column column, enum metric metric, int index);

/* The median, least and most of `count` values, which get sorted. */
struct spread {
    double median;
    double least;
    double most;
};
struct spread spread_of(double *sorted, int count);

/* Prints the one table: medians and spreads, and after each workload what is to be reached. */
void table_print(const bool present[COLUMNS]);

#endif
