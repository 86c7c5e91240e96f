/*
 * Watchdogs (F6c, F7), as Linux has them. A device resets its machine unless it is petted within W;
 * it is a little late, and gives more seconds than it was asked for. The handle is held by a helper
 * that outlives the agent and pets for it: now and then it is stuck in the middle of that, and is
 * killed at s* + p + sigma; the device is then closed, which pets it, and opened again for the next
 * pet. Nobody pets for an agent that is gone or paused.
 *
 * A device goes on while its machine is frozen, or suspended. In worlds that break A3 (the profile
 * watchdog-stops) it stands as long as the machine's clock does: S9 has to see what comes of it.
 */
#ifndef SIM_WATCHDOG_H
#define SIM_WATCHDOG_H

#include "proto/peer.h"

struct world;
struct machine;

struct watchdog {
    bool runs;          /* since this boot's first agent opened it */
    uint64_t opened_by; /* that run */
    uint64_t number;    /* counts pets: what was planned for an earlier one is void */
    bool stuck;         /* the helper is, until it is killed */
};

/* From a pet to a reset, at most; nothing without watchdogs. A siege that begins waits for it: what
 * was paused before may be reset still. */
struct span watchdog_longest(const struct world *w);
/* Opened for the machine's agent if the world has watchdogs, and what the peer is to know of it. */
void watchdog_open(struct world *w, struct machine *m, struct peer_config *config);
/* An effect: pet it, until then by the machine's clock. */
void watchdog_pet(struct world *w, struct machine *m, struct instant until);
/* HAPPEN_WATCHDOG. */
void watchdog_happens(struct world *w, struct machine *m, uint64_t tag);
/* The machine loses power. */
void watchdog_power_gone(struct machine *m);

#endif
