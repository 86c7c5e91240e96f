/*
 * What is in flight: this node's own probes, and those that it relays for others.
 *
 * Both draw their numbers from one counter, so an ACK names exactly one of them. A probe stays in
 * the table for some periods after it was judged, so that a late answer is still recognised.
 * Members are indices into the roster here; nothing here knows messages or states.
 */
#ifndef PROTO_PROBES_H
#define PROTO_PROBES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/time.h"

enum {
    PROBES_KEPT = 16, /* two a period: the last eight periods */
    RELAYS_MAX = 64   /* more than the ring sends to one relay at once, but for a mass failure */
};

struct probe {
    uint32_t seq; /* 0: none yet */
    uint16_t target;
    bool open;     /* not yet judged */
    bool indirect; /* others may be asked to try as well */
    bool answered;
    struct instant sent;
};

struct relay {
    uint32_t seq; /* of our own ping; 0: free */
    uint16_t target;
    uint16_t asker;
    uint32_t asker_seq; /* what the asker calls it */
    struct instant expires;
};

struct probes {
    uint32_t seq_last;
    size_t next; /* where the next probe goes: over the oldest */
    struct probe table[PROBES_KEPT];
    struct relay relays[RELAYS_MAX];
};

/* `seq` is random, so that answers to an earlier run of this agent match nothing. */
void probes_init(struct probes *p, uint32_t seq);
/* Enters a probe and returns its number, never 0. */
uint32_t probes_open(struct probes *p, uint16_t target, bool indirect, struct instant now);
/* NULL if no such probe is kept. */
struct probe *probes_find(struct probes *p, uint32_t seq, uint16_t target);
/* Enters a relay and returns the number of the ping to send; 0 if the table is full. */
uint32_t probes_relay(struct probes *p, const struct relay *wanted, struct instant now);
/* Takes a relay out, since its target answered. False if there is none. */
bool probes_relayed(struct probes *p, uint32_t seq, uint16_t target, struct relay *out);

#endif
