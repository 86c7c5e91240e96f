/*
 * A twin: a copy of a machine that runs beside it, with its key, its store and its boot, as a
 * cloned disk or a restored snapshot does. What is sent to one of the two comes to both, as on a
 * wire; what either says comes from the same address. It asks for locks, and must never get one
 * while the other answers (proto/clone.h). One at a time.
 */
#ifndef SIM_TWIN_H
#define SIM_TWIN_H

#include "proto/peer.h"
#include "sim/random.h"

struct world;
struct machine;
struct name;

struct twin {
    bool up;
    uint16_t of; /* index of the machine */
    uint64_t run;
    struct random random;
    void *memory;
    struct peer *peer;
    uint8_t *segment; /* nobody reads it again */
    size_t segment_size;
    uint64_t granted; /* answers */
    uint64_t refused;
};

/* It starts, with what is on that machine's disk now. */
void twin_begin(struct world *w, struct machine *m);
void twin_end(struct world *w);
/* It asks for a lock, exclusively and for ever. */
void twin_asks(struct world *w, const struct name *name);
/* HAPPEN_TWIN: a deadline came, or (detail) its log is durable up to there. */
void twin_wakes(struct world *w, uint64_t run, uint32_t lsn);
/* A datagram to its machine. */
void twin_datagram(struct world *w, const struct machine *m, struct view bytes);

#endif
