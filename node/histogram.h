/* How often something took how long: counts below fixed bounds, from the start on. */
#ifndef NODE_HISTOGRAM_H
#define NODE_HISTOGRAM_H

#include "proto/time.h"

enum { HISTOGRAM_BOUNDS = 19 };
/* Microseconds, rising: 100 us to five minutes. */
extern const uint32_t histogram_bounds_us[HISTOGRAM_BOUNDS];

struct histogram {
    uint64_t counts[HISTOGRAM_BOUNDS + 1]; /* at most that bound, above the one before; the rest */
    uint64_t sum_us;
};

/* What is negative counts as nothing. */
void histogram_add_us(struct histogram *h, uint64_t us);
void histogram_add_span(struct histogram *h, struct span span);

#endif
