/*
 * The network: every datagram has its own delay, may be lost, doubled, overtaken or very late, and
 * does not pass a cut. Cuts are one-way and counted, so that overlapping faults heal independently.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "proto/id.h"
#include "proto/limits.h"
#include "sim/profile.h"

struct world;

enum { FLIGHT_MAX = 4096 }; /* datagrams on their way at once; more are lost */

struct network {
    struct random random;
    uint32_t cuts[MACHINES_MAX][MACHINES_MAX]; /* [from][to] */
    uint32_t burst[MACHINES_MAX];              /* loss bursts at a machine now */
    uint8_t (*buffers)[DATAGRAM_MAX];
    uint16_t *sizes;
    uint16_t *free_buffers; /* a stack */
    size_t free_count;
    uint64_t lost_full;
};

void network_open(struct world *w);
void network_send(struct world *w, size_t from, size_t to, struct view bytes);
/* Whether a datagram from `from` reaches `to` now, but for bad luck. */
bool network_passes(const struct network *n, size_t from, size_t to);
struct view network_bytes(const struct network *n, uint32_t buffer);
void network_release(struct network *n, uint32_t buffer);

#endif
