/*
 * The observer: it knows the truth, hears every message, and lets the checks judge. It never
 * changes what happens.
 */
#ifndef SIM_OBSERVER_H
#define SIM_OBSERVER_H

#include "proto/peer.h"
#include "sim/history.h"
#include "sim/image.h"

struct promise_seen {
    struct ballot ballot;
    uint32_t bits; /* machines that durably promised it */
    struct promise_seen *older;
};

struct observer {
    struct history history;
    struct promise_seen *promises[SHARDS_MAX];
    uint16_t served_by[SHARDS_MAX]; /* slot of the last coordinator; SLOT_NONE before the first */
    struct name *window[NAMES_WIDTH_MAX]; /* the names that clients choose from */
    struct image scratch_image;
    struct image scratch_before;
    struct lock_state scratch_state;
    uint8_t scratch_bytes[LOCK_STATE_BYTES_MAX];
};

void observer_open(struct world *w);
/* A new run of a peer: hears what it says. */
void observer_attach(struct machine *m);
void observer_notice(struct world *w, struct machine *m, const struct notice *n);
/* The machine's epoch ends: whatever it still holds or waits for may stay so for ever. */
void observer_epoch_ends(struct world *w, struct machine *m);
/* Its store is lost, and with it the releases that it had acknowledged and not yet passed on: the
 * design keeps them on that one store, so what they held may stay held too. */
void observer_store_lost(struct world *w, struct machine *m);

#endif
