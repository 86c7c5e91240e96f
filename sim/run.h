/* One seed, from its first boot to its verdict. */
#ifndef SIM_RUN_H
#define SIM_RUN_H

#include "sim/world.h"

struct run_result {
    uint64_t seed;
    bool done; /* false: the process died before it could tell */
    uint64_t hash;
    struct verdict verdict;
    struct figures figures;
};

/* The same, and `look` (may be NULL) sees the world when it is over, before it goes. */
void run_world(uint64_t seed, const struct world_options *options,
               void (*look)(struct world *w, void *context), void *context, struct run_result *out);
/* Prints the timeline as `options` say; with TRACE_KEEP its last lines, if the run fails. */
void run_seed(uint64_t seed, const struct world_options *options, struct run_result *out);

#endif
