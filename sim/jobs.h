/*
 * Many seeds at once: each in a process of its own, so that a crash of one is a verdict and not the
 * end, and no seed can leave anything to the next.
 */
#ifndef SIM_JOBS_H
#define SIM_JOBS_H

#include "sim/run.h"

struct jobs {
    uint64_t first_seed;
    uint64_t seeds;
    uint32_t processes;     /* at once */
    bool check_determinism; /* every seed runs twice, and must give the same hash (S19) */
    struct world_options run;
    /* Each result, as it comes; false: start no more. */
    bool (*take)(void *context, const struct run_result *result);
    void *context;
};

enum { JOBS_MAX = 256 };

void jobs_run(const struct jobs *jobs);
/* Runs one seed again, in a process of its own, with as much text as asked for. */
void jobs_again(const struct jobs *jobs, uint64_t seed, enum trace_text text,
                struct run_result *out);

#endif
