/*
 * The vigil: whoever accuses a dead holder waits for its watchdog beside all else (F6c). Every
 * juror is asked what it knows of a watchdog for that life, and how long it still has to be silent;
 * once q of those whose votes are held say that they were silent for long enough, their words, the
 * certificate and the node's own statement are a receipt, which is spread like any other.
 *
 * The waits run from the first accusation on, beside votes and executors; the first receipt counts.
 */
#ifndef PROTO_VIGIL_H
#define PROTO_VIGIL_H

#include "proto/accuser.h"

struct watched_life {
    bool used;
    uint16_t slot;
    uint64_t life;
    bool armed; /* receipt.armed is set: a juror told of the statement */
    struct watchdog_receipt receipt;
    uint32_t told;                         /* jurors that spoke of it: */
    struct instant due[ROSTER_JURORS_MAX]; /* when each will have been silent for H */
    struct instant ask_at;
};

struct vigil {
    struct core *core;
    const struct accuser *accuser;
    struct proofs *proofs;
    struct watched_life *table; /* as many as there are accusations at most */
    size_t count;               /* so many were ever used */
    uint32_t used;              /* so many are; mostly none, and every turn asks */
    uint32_t followed;          /* the accuser's serial then */
};

size_t vigil_bytes(const struct peer_config *config);
void vigil_init(struct vigil *v, struct core *core, const struct accuser *accuser,
                struct proofs *proofs, void *memory);
/* Messages SILENCE that answer. */
void vigil_take(struct vigil *v, struct instant now, uint16_t from, const struct wire_silence *m);
void vigil_step(struct vigil *v, struct instant now);
struct instant vigil_deadline(const struct vigil *v);
/* When a quorum will have been silent for long enough, at the earliest; INSTANT_NEVER: as far as is
 * known that life has no watchdog. */
struct instant vigil_due(const struct vigil *v, uint16_t slot, uint64_t life);

#endif
