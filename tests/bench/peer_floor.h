/*
 * What the machine allows: one durable majority round over loopback in bare C, without any
 * protocol, and the two yardsticks that it is made of.
 */
#ifndef TESTS_BENCH_PEER_FLOOR_H
#define TESTS_BENCH_PEER_FLOOR_H

#include <stdbool.h>
#include <stdint.h>

struct floor_result {
    int64_t p50_ns; /* of one round */
    int64_t p99_ns;
    double rounds_per_s;
    double cpu_us; /* of all processes, per round */
};

/*
 * `nodes` processes, the first of which coordinates: a round sends one datagram to each other and
 * appends to a file of its own; the others append to theirs, sync what has come, and answer. It is
 * over when a majority, the coordinator included, has synced. `clients` rounds are under way at any
 * time, and share what they can. False after saying why.
 */
bool floor_measure(struct floor_result *out, const char *dir, int nodes, int clients, int span_ms);

/* Appends of 200 bytes, each with fdatasync: the median, or -1. */
int64_t floor_fdatasync_ns(const char *dir);
/* A datagram of 200 bytes to another process on loopback and back: the median, or -1. */
int64_t floor_datagram_ns(void);

#endif
