#include "tests/bench/peer_figures.h"

#include <stdlib.h>

static double values[COLUMNS][METRICS][FIGURES_REPEAT_MAX];
static int counts[COLUMNS][METRICS];

void samples_add(struct samples *s, int64_t ns)
{
    if (s->count == s->room) {
        s->room = s->room ? 2 * s->room : 4096;
        int64_t *more = realloc(s->ns, s->room * sizeof *more);
        if (!more)
            abort();
        s->ns = more;
    }
    s->ns[s->count++] = ns;
}

static int by_size(const void *a, const void *b)
{
    const int64_t *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

int64_t samples_percentile(struct samples *s, unsigned percent)
{
    if (s->count == 0)
        return 0;
    qsort(s->ns, s->count, sizeof s->ns[0], by_size);
    return s->ns[(s->count - 1) * percent / 100];
}

void samples_free(struct samples *s)
{
    free(s->ns);
    *s = (struct samples){0};
}

void figures_add(enum column column, enum metric metric, double value)
{
    if (counts[column][metric] < FIGURES_REPEAT_MAX)
        values[column][metric][counts[column][metric]++] = value;
}

int figures_count(enum column column, enum metric metric)
{
    return counts[column][metric];
}

double figures_value(enum column column, enum metric metric, int index)
{
    return values[column][metric][index];
}

static int by_value(const void *a, const void *b)
{
    const double *x = a, *y = b;
    return *x < *y ? -1 : *x > *y;
}

struct spread spread_of(double *sorted, int count)
{
    if (count == 0)
        return (struct spread){0};
    qsort(sorted, (size_t)count, sizeof sorted[0], by_value);
    double median = count % 2 ? sorted[count / 2] : (sorted[count / 2 - 1] + sorted[count / 2]) / 2;
    return (struct spread){median, sorted[0], sorted[count - 1]};
}
