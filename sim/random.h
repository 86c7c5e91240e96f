/*
 * Random numbers of a run: xoshiro256** (Blackman, Vigna 2018), seeded by splitmix64 from the run's
 * seed and a stream's number. Every noun of the world draws from a stream of its own, so that a
 * change in one does not reshuffle the others. Integers only: the same seed gives the same numbers
 * on every machine.
 */
#ifndef SIM_RANDOM_H
#define SIM_RANDOM_H

#include "proto/time.h"

#include <stddef.h>

enum random_stream {
    STREAM_PROFILE = 1,
    STREAM_CLUSTER,
    STREAM_NETWORK,
    STREAM_FAULTS,
    STREAM_DEVICES,
    STREAM_FORGER,
    STREAM_SIEGE,
    STREAM_MODES,
    STREAM_FORGET,
    STREAM_LEASES,
    STREAM_CHANGES,
    STREAM_RELAYS,
    STREAM_OPERATOR,
    STREAM_GOSSIPER,
    STREAM_WATCHDOGS,
    STREAM_MACHINE = 100, /* plus the machine's index */
    STREAM_DISK = 200,
    STREAM_CLIENT = 300,
    STREAM_WISHES = 500,     /* of clients */
    STREAM_TWIN = 4000000,   /* plus the number of its run */
    STREAM_HANDED = 5000000, /* plus the machine's index and run */
    STREAM_FAULT = 10000     /* plus the fault's number */
};

struct random {
    uint64_t s[4];
};

void random_init(struct random *r, uint64_t seed, uint64_t stream);
uint64_t random_u64(struct random *r);
/* Uniform in [0, bound), bound > 0, but for a bias below 2^-32 at the bounds used here. */
uint64_t random_below(struct random *r, uint64_t bound);
/* Uniform in [low, high], both ends included. */
int64_t random_between(struct random *r, int64_t low, int64_t high);
struct span random_span(struct random *r, struct span low, struct span high);
/* True `permille` times in a thousand. */
bool random_chance(struct random *r, uint32_t permille);
void random_bytes(struct random *r, void *out, size_t size);

#endif
