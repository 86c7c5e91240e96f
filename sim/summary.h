/* What runs amount to: figures added up, and told as text or as JSON, one object a line. */
#ifndef SIM_SUMMARY_H
#define SIM_SUMMARY_H

#include "sim/run.h"

struct summary {
    uint64_t seeds;
    uint64_t failures;
    uint64_t missed; /* seeds without one of the faults that every seed begins with */
    uint64_t hash;
    bool coverage; /* print it too */
    const struct figures *sum;
};

/* Adds those of one more run, but for `live` (live_add). */
void summary_add(struct figures *sum, const struct figures *f);
void summary_print(const struct summary *s, FILE *out);
void summary_print_json(const struct summary *s, FILE *out);
void summary_print_run_json(const struct run_result *r, FILE *out);
/* The bound that clean runs give: with 95 % confidence a failure is rarer than 3 in so many. */
void summary_print_bound(uint64_t seeds, uint64_t failures, FILE *out);

#endif
