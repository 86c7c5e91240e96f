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
    PROBES_KEPT = 48, /* at most some 40 a second, while many fall silent */
    RELAYS_MAX = 64   /* more than the ring sends to one relay at once, but for a mass failure */
};

struct probe {
    uint32_t seq; /* 0: none yet */
    uint16_t target;
    bool open;     /* not yet answered or judged */
    bool indirect; /* others may be asked to try as well, and a silent target is accused */
    bool watch;    /* by its watcher */
    uint8_t asked; /* others that were asked */
    uint8_t heard; /* of them, those that said that they try */
    struct instant sent;
    struct instant ask_at; /* INSTANT_NEVER: asked */
    struct instant judge_at;
};

struct relay {
    uint32_t seq; /* of our own ping; 0: free */
    uint16_t target;
    uint16_t asker;
    uint32_t asker_seq; /* what the asker calls it */
    struct instant expires;
};

_Static_assert(PROBES_KEPT <= 64, "a bit for each");

struct probes {
    uint32_t seq_last;
    size_t next;     /* where the next probe goes: over the oldest */
    uint64_t recent; /* bit per probe of the table: whatever is open is among these. They are few,
                        and every turn asks */
    struct probe table[PROBES_KEPT];
    struct relay relays[RELAYS_MAX];
};

/* `seq` is random, so that answers to an earlier run of this agent match nothing. */
void probes_init(struct probes *p, uint32_t seq);
/* Enters a probe, whose `seq` is filled in, never 0; its times and kind are the caller's to set. It
 * lives until as many others were entered. */
struct probe *probes_open(struct probes *p, uint16_t target, struct instant now);
/* When an open probe is due next. */
struct instant probes_deadline(const struct probes *p);
/* A probe to `target` is open. */
bool probes_busy(const struct probes *p, uint16_t target);
/* NULL if no such probe is kept. */
struct probe *probes_find(struct probes *p, uint32_t seq, uint16_t target);
/* Enters a relay and returns the number of the ping to send; 0 if the table is full. */
uint32_t probes_relay(struct probes *p, const struct relay *wanted, struct instant now);
/* Takes a relay out, since its target answered. False if there is none. */
bool probes_relayed(struct probes *p, uint32_t seq, uint16_t target, struct relay *out);

#endif
