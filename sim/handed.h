/*
 * What relays hand on (T3): judged from outside, and a relay's misdeeds.
 *
 * S17 for relays: a datagram makes one hop, from its author's relay to its target; and what it
 * brings is opened once. A relay may keep what it handed on, and hand it on again, soon or late.
 */
#ifndef SIM_HANDED_H
#define SIM_HANDED_H

#include "proto/peer.h"
#include "proto/wire.h"
#include "sim/random.h"

struct world;
struct machine;

enum { HANDED_TAKEN_MAX = 64 };

/* Of one machine, since its agent started. */
struct handed {
    struct random random;
    uint64_t taken[HANDED_TAKEN_MAX]; /* hashes of what was opened last, hellos left out */
    size_t taken_next;
    bool pending; /* a datagram for this machine came, and was perhaps opened: */
    bool hello;
    uint64_t hash;
    uint16_t author;    /* index */
    uint64_t relays_in; /* the peer's counter before */
    /* The peer's counters, as they were: a copy of all of them would cost a hundredth of a run. */
    struct {
        uint64_t drop_replay, drop_relay, ways_relayed, ways_changed, ways_direct;
    } before;
    bool kept; /* what the relay hands on again */
    uint16_t kept_from, kept_to;
    uint16_t kept_size;
    uint8_t kept_bytes[DATAGRAM_MAX];
};

/* The agent starts. */
void handed_open(struct world *w, struct machine *m);
/* It sends a RELAY message on for another one. */
void handed_sent(struct world *w, struct machine *m, uint16_t to, const struct wire_relay *r);
/* It takes one from `from`. */
void handed_came(struct world *w, struct machine *m, uint16_t from, const struct wire_relay *r);
/* Its step is over, or the next such message comes. */
void handed_settle(struct world *w, struct machine *m);
/* HAPPEN_HANDED. */
void handed_again(struct world *w, struct machine *m, uint64_t run);

#endif
