/* The one table. */
#include "tests/bench/peer_figures.h"

#include <stdio.h>
#include <string.h>

static const char *const column_names[COLUMNS] = {
    "floor-3", "floor-5", "holdfast-3", "holdfast-5", "etcd-3", "zookeeper-3", "redlock-5"};

struct description {
    const char *workload;
    const char *what;
    int decimals;
};

#define METRIC_TEXT(name, workload, what, decimals) {workload, what, decimals},
static const struct description metrics[METRICS] = {METRICS_OF(METRIC_TEXT)};
#undef METRIC_TEXT

/* Something to reach: a figure, or the ratio of two, at most or at least so much. */
struct target {
    enum metric metric; /* printed with the workload of this one */
    enum column column;
    bool ratio;
    enum metric below;
    enum column below_column;
    bool least; /* the bound is a lower one */
    double bound;
    const char *text; /* of what is compared */
};

#define AT_MOST(metric, column, bound, text)                                                       \
    {                                                                                              \
        metric, column, false, metric, column, false, bound, text                                  \
    }
#define RATIO_MOST(metric, column, below, below_column, bound, text)                               \
    {                                                                                              \
        metric, column, true, below, below_column, false, bound, text                              \
    }
#define RATIO_LEAST(metric, column, below, below_column, bound, text)                              \
    {                                                                                              \
        metric, column, true, below, below_column, true, bound, text                               \
    }

static const struct target targets[] = {
    RATIO_MOST(PAIR_1_P50, HOLDFAST_3, PAIR_1_P50, FLOOR_3, 1.5, "holdfast-3 / floor-3, p50"),
    RATIO_MOST(PAIR_1_P50, HOLDFAST_5, PAIR_1_P50, FLOOR_5, 1.5, "holdfast-5 / floor-5, p50"),
    RATIO_LEAST(PAIR_1_P50, ETCD, PAIR_1_P50, HOLDFAST_3, 6, "etcd / holdfast-3, p50"),
    RATIO_LEAST(PAIR_1_P50, REDLOCK, PAIR_1_P50, HOLDFAST_3, 2.5, "redlock / holdfast-3, p50"),
    RATIO_MOST(PAIR_1_P99, HOLDFAST_3, PAIR_1_P50, ETCD, 2, "holdfast-3 p99 / etcd p50"),
    RATIO_MOST(PAIR_1_P99, HOLDFAST_3, PAIR_1_P50, ZOOKEEPER, 2, "holdfast-3 p99 / zookeeper p50"),
    RATIO_MOST(PAIR_1_P99, HOLDFAST_3, PAIR_1_P50, REDLOCK, 2, "holdfast-3 p99 / redlock p50"),
    RATIO_LEAST(PAIR_64_RATE, HOLDFAST_3, PAIR_64_RATE, ETCD, 10, "holdfast-3 / etcd, pairs/s"),
    RATIO_LEAST(PAIR_64_RATE, HOLDFAST_3, BEST_64_RATE, REDLOCK, 1.5,
                "holdfast-3 / redlock's better"),
    RATIO_LEAST(PAIR_64_RATE, HOLDFAST_3, PAIR_64_RATE, FLOOR_3, 1.0 / 3, "holdfast-3 / floor-3"),
    RATIO_MOST(PAIR_64_CPU, HOLDFAST_3, PAIR_64_CPU, ETCD, 0.1, "holdfast-3 / etcd, CPU a pair"),
    RATIO_LEAST(HANDOVER_P50, ETCD, HANDOVER_P50, HOLDFAST_3, 6, "etcd / holdfast-3, p50"),
    RATIO_MOST(HANDOVER_P50, HOLDFAST_3, PAIR_1_P50, FLOOR_3, 1.5, "holdfast-3 / one floor round"),
    AT_MOST(SHARED_P50, HOLDFAST_3, 60, "holdfast-3, p50, us"),
    AT_MOST(SHARED_DATAGRAMS, HOLDFAST_3, 0.01, "holdfast-3, datagrams a pair"),
    AT_MOST(SHARED_SYNCS, HOLDFAST_3, 0.01, "holdfast-3, syncs a pair"),
    AT_MOST(DEATH_MS, HOLDFAST_3, 10, "holdfast-3, ms"),
    AT_MOST(DEATH_MS, HOLDFAST_5, 10, "holdfast-5, ms"),
    AT_MOST(GAP_MS, HOLDFAST_3, 200, "holdfast-3, ms"),
    AT_MOST(GAP_MS, HOLDFAST_5, 200, "holdfast-5, ms"),
    RATIO_MOST(GAP_OTHERS_MS, HOLDFAST_3, CALM_MS, HOLDFAST_3, 2, "holdfast-3, others / before"),
    AT_MOST(SILENT_MS, HOLDFAST_3, 500, "holdfast-3, ms"),
    AT_MOST(SILENT_MS, HOLDFAST_5, 500, "holdfast-5, ms"),
    AT_MOST(IDLE_CPU, HOLDFAST_3, 0.3, "holdfast-3, % of a core"),
    AT_MOST(IDLE_CPU, HOLDFAST_5, 0.3, "holdfast-5, % of a core"),
    AT_MOST(IDLE_MB, HOLDFAST_3, 8, "holdfast-3, MB"),
    AT_MOST(IDLE_MB, HOLDFAST_5, 8, "holdfast-5, MB"),
    AT_MOST(IDLE_WAKEUPS, HOLDFAST_3, 20, "holdfast-3, wakeups/s"),
    AT_MOST(IDLE_WAKEUPS, HOLDFAST_5, 20, "holdfast-5, wakeups/s"),
    AT_MOST(KNOWN_MB, HOLDFAST_5, 10, "holdfast-5, MB with 10,000 names"),
};

static struct spread figure(enum column column, enum metric metric)
{
    double values[FIGURES_REPEAT_MAX];
    int count = figures_count(column, metric);
    for (int i = 0; i < count; i++)
        values[i] = figures_value(column, metric, i);
    return spread_of(values, count);
}

/* Repetitions are interleaved, so ratios are of those of one number. False if there are none. */
static bool target_found(struct spread *out, const struct target *t)
{
    double values[FIGURES_REPEAT_MAX];
    int count = figures_count(t->column, t->metric);
    if (t->ratio && figures_count(t->below_column, t->below) < count)
        count = figures_count(t->below_column, t->below);
    int used = 0;
    for (int i = 0; i < count; i++) {
        double value = figures_value(t->column, t->metric, i);
        double below = t->ratio ? figures_value(t->below_column, t->below, i) : 1;
        if (below > 0)
            values[used++] = value / below;
    }
    *out = spread_of(values, used);
    return used > 0;
}

static void target_print(const struct target *t)
{
    struct spread found;
    char bound[32];
    if (!target_found(&found, t))
        return;
    bool met = t->least ? found.median >= t->bound : found.median <= t->bound;
    snprintf(bound, sizeof bound, "%s %.*f", t->least ? ">=" : "<=", t->bound < 1 ? 2 : 1,
             t->bound);
    printf("    to reach: %-34s %-8s found %9.2f  (%.2f - %.2f)  %s\n", t->text, bound,
           found.median, found.least, found.most, met ? "met" : "MISSED");
}

static bool measured(enum metric metric)
{
    for (int i = 0; i < COLUMNS; i++)
        if (figures_count((enum column)i, metric) > 0)
            return true;
    return false;
}

/* Medians, and below them least and most. */
static void metric_print(enum metric metric, const bool present[COLUMNS])
{
    const struct description *m = &metrics[metric];
    printf("  %-24s", m->what);
    for (int i = 0; i < COLUMNS; i++) {
        struct spread s = figure((enum column)i, metric);
        if (present[i] && figures_count((enum column)i, metric) > 0)
            printf(" %16.*f", m->decimals, s.median);
        else if (present[i])
            printf(" %16s", "-");
    }
    printf("\n  %-24s", "");
    for (int i = 0; i < COLUMNS; i++) {
        struct spread s = figure((enum column)i, metric);
        char text[64] = "";
        if (figures_count((enum column)i, metric) > 1)
            snprintf(text, sizeof text, "%.*f - %.*f", m->decimals, s.least, m->decimals, s.most);
        if (present[i])
            printf(" %16s", text);
    }
    printf("\n");
}

static void targets_print(const char *workload)
{
    for (size_t i = 0; i < sizeof targets / sizeof targets[0]; i++)
        if (strcmp(metrics[targets[i].metric].workload, workload) == 0)
            target_print(&targets[i]);
}

void table_print(const bool present[COLUMNS])
{
    const char *workload = "";
    printf("floor-N: one durable majority round of N processes in bare C, in the place of a pair.\n"
           "Medians, with least and most below them; ratios are of repetitions of one number.\n\n");
    printf("%-26s", "");
    for (int i = 0; i < COLUMNS; i++)
        if (present[i])
            printf(" %16s", column_names[i]);
    printf("\n");
    for (int i = 0; i < METRICS; i++) {
        const char *next = metrics[i].workload;
        if (!next[0] || !measured((enum metric)i))
            continue;
        if (strcmp(next, workload) != 0) {
            targets_print(workload);
            printf("\n%s\n", next);
        }
        workload = next;
        metric_print((enum metric)i, present);
    }
    targets_print(workload);
}
