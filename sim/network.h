/*
 * The network. Every direction of every link has its own base delay and its own tail; a datagram
 * may be lost (also in bursts), doubled, overtaken, minutes late, damaged, or too large, and does
 * not pass a cut. Cuts are one-way and counted, so that overlapping faults heal independently.
 *
 * It keeps a sample of what it carried, old and new, for replays: to the same machine, back to the
 * sender, or to another. A damaged datagram, a replay of one that its receiver took already, and
 * one that was for somebody else must be dropped and counted (S17): the network knows which they
 * are.
 */
#ifndef SIM_NETWORK_H
#define SIM_NETWORK_H

#include "proto/id.h"
#include "proto/limits.h"
#include "sim/profile.h"

struct world;

enum {
    FLIGHT_MAX = 4096,  /* datagrams on their way at once; more are lost */
    RECORDED_MAX = 512, /* kept for replays */
    RECORDED_OLD = 128  /*   of these, from all of the run; the others are the last ones */
};

struct link_weather {
    struct span base; /* of every delay */
    struct span tail; /* of a delay's random part: half of them are below this */
    bool bad;         /* loses many, now */
    int64_t changes;  /* virtual time */
};

struct recorded {
    uint64_t number; /* of the datagram; 0: none */
    uint16_t from;
    uint16_t to;
    uint16_t size;
    bool taken; /* its receiver opened it */
    uint8_t bytes[DATAGRAM_MAX];
};

enum flight_flaw { FLAW_NONE, FLAW_CORRUPT, FLAW_REPLAYED };

struct flight {
    uint16_t size;
    uint16_t recorded; /* index */
    uint64_t number;
    enum flight_flaw flaw; /* other than none: must be dropped */
};

struct network {
    struct random random;
    uint32_t cuts[MACHINES_MAX][MACHINES_MAX];  /* [from][to] */
    uint32_t core;                              /* bits: between these no cut counts (a siege), */
    uint32_t apart[MACHINES_MAX];               /*   but these: [from] bits of whom it misses */
    uint32_t lossy[MACHINES_MAX][MACHINES_MAX]; /* per mille that a story adds to the loss */
    int64_t slowed[MACHINES_MAX][MACHINES_MAX]; /* ns that a story adds to the delay */
    uint32_t burst[MACHINES_MAX];               /* loss bursts at a machine now */
    uint32_t narrow[MACHINES_MAX];              /* faults: datagrams over `mtu` vanish */
    uint16_t mtu[MACHINES_MAX];
    int64_t clogged[MACHINES_MAX]; /* until then nothing comes or goes, and nothing is lost */
    struct link_weather links[MACHINES_MAX][MACHINES_MAX];
    uint8_t (*buffers)[DATAGRAM_MAX];
    struct flight *flights;
    uint16_t *free_buffers; /* a stack */
    size_t free_count;
    uint64_t lost_full;
    uint64_t sent; /* numbers datagrams */
    struct recorded *recorded;
    size_t recorded_next; /* of the last ones */
};

void network_open(struct world *w);
void network_send(struct world *w, size_t from, size_t to, struct view bytes);
/* Sends old datagrams again, up to `count` of those that were kept; each goes to its receiver, back
 * to its sender, or to somebody else. */
void network_replay(struct world *w, size_t count);
/* Whether a datagram from `from` reaches `to` now, but for bad luck. */
bool network_passes(const struct network *n, size_t from, size_t to);
/* Whether it does so without any trouble: no burst, no clog, no small MTU. */
bool network_well(const struct world *w, size_t from, size_t to);
/* The same, and in good time: no story makes it slow or lossy. */
bool network_clean(const struct network *n, size_t from, size_t to);
struct view network_bytes(const struct network *n, uint32_t buffer);
enum flight_flaw network_flaw(const struct network *n, uint32_t buffer);
/* Its receiver opened it: another copy must not be. */
void network_taken(struct network *n, uint32_t buffer);
void network_release(struct network *n, uint32_t buffer);

#endif
