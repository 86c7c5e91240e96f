/* How often something took how long. */
#include "node/histogram.h"

const uint32_t histogram_bounds_us[HISTOGRAM_BOUNDS] = {
    100,    250,    500,     1000,    2500,    5000,     10000,    25000,    50000,     100000,
    250000, 500000, 1000000, 2500000, 5000000, 10000000, 30000000, 60000000, 300000000,
};

void histogram_add_us(struct histogram *h, uint64_t us)
{
    int i = 0;
    while (i < HISTOGRAM_BOUNDS && us > histogram_bounds_us[i])
        i++;
    h->counts[i]++;
    h->sum_us += us;
}

void histogram_add_span(struct histogram *h, struct span span)
{
    histogram_add_us(h, span.ns > 0 ? (uint64_t)span.ns / 1000 : 0);
}
