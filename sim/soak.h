/*
 * The long run: new seeds until somebody stops it, and a line every ten seconds that says how it
 * goes. SIGINT or SIGTERM ends it with the summary; seeds under way are finished.
 */
#ifndef SIM_SOAK_H
#define SIM_SOAK_H

#include "sim/jobs.h"

struct soak {
    bool on;
    int64_t began_ns; /* of the real clock */
    int64_t told_ns;
};

/* What a line tells. */
struct soak_state {
    uint64_t seeds;
    uint64_t seconds; /* of virtual time */
    uint64_t events;
    uint64_t failures;
    const struct live *live; /* the worst so far */
};

/* Takes the first seed from the real clock, unless `seed_given`, and prints it. */
void soak_begin(struct soak *s, struct jobs *jobs, bool seed_given);
/* After each seed. False: no further ones. */
bool soak_goes_on(struct soak *s, const struct soak_state *state);

#endif
