/*
 * A crowd: membership alone (proto/swim), of thousands of nodes, over a made-up network in virtual
 * time. No locks, logs, sessions or seals; signatures are the binary's.
 *
 * It answers what membership costs and how fast it is at sizes that whole clusters cannot be
 * simulated at: datagrams and bytes for each node, the time from a cold start, or from a death,
 * until everybody knows, false suspicions, and the memory for each pair of members.
 */
#ifndef SIM_CROWD_H
#define SIM_CROWD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    CROWD_START_SECONDS = 600, /* who has not heard of all by then never will */
    CROWD_SETTLE_SECONDS = 40, /* until the deaths: the words of the start are told out */
};

struct crowd_options {
    uint64_t seed;
    size_t nodes; /* 3 at least */
    size_t kill;  /* with `cut`, fewer than nodes - 1 */
    size_t cut;
    int64_t seconds; /* 0: the start alone */
    int64_t cut_seconds;
    uint32_t loss_permille;
    bool cold; /* they know the roster alone, and start in the same moment */
    bool json;
};

/* What a stretch of virtual time took. */
struct crowd_cost {
    int64_t ns; /* of virtual time */
    int64_t cpu_ns;
    uint64_t events;
    uint64_t datagrams;
    uint64_t bytes; /* seals and prefixes included, IP and UDP headers not */
};

struct crowd_figures {
    struct crowd_cost start; /* if cold: until every node held every other alive */
    struct crowd_cost cost;  /* from the deaths on */
    uint64_t false_suspicions;
    uint64_t false_deaths;
    int64_t settled_at;      /* ns of virtual time: the moment of the deaths */
    int64_t suspected_first; /* ns after the deaths; -1: never */
    int64_t dead_first;
    int64_t dead_last; /* everybody alive holds all of them dead */
    int64_t agreed_at; /* ns of virtual time: the views became true, and stayed so */
    uint64_t wrong;    /* ordered pairs of living, connected nodes, one of which does not hold the
                          other alive */
    uint64_t not_dead; /* pairs of a living node and a killed one that it does not hold dead */
    size_t memory_each;
    uint64_t hash;
};

/* crowd.c: runs it, once in a process. */
void crowd_run(const struct crowd_options *options, struct crowd_figures *out);

/* crowd_cmd.c: `holdfast-sim crowd [options]`: `argv[0]` is "crowd". Returns an exit code of
 * sim/world.h: clean, or stuck if the views of living, connected nodes do not agree with the truth
 * in the end. */
int crowd_main(int argc, char **argv);

#endif
