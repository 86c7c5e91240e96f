/* One seed, from its first boot to its verdict. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim/world.h"

/* What is asked of a run. */
struct run_options {
    int profile; /* -1: as the seed draws */
    int64_t seconds;
    enum trace_text text;
};

struct run_result {
    uint64_t seed;
    bool done; /* false: the process died before it could tell */
    uint64_t hash;
    struct verdict verdict;
    struct figures figures;
};

/* Prints the timeline as `options` say; with TRACE_KEEP its last lines, if the run fails. */
void run_seed(uint64_t seed, const struct run_options *options, struct run_result *out);

#endif
