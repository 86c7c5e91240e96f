/*
 * Sessions that are proven over, of lives that are not (F5, F6b): the receipts of orders about one
 * session. Such a proof covers the holds in its scope, and no others; proofs.h has those that cover
 * whole lives.
 *
 * Like those it is verified once, stored, handed on with what rests on it (Read, Accept), and told
 * to everybody by the executor that made it. It is kept until its life is proven over, so that
 * whoever reads a state that names it finds it. The table is bounded: where it is full, no further
 * session is ended by itself, and the ladder goes to the whole life.
 */
#ifndef PROTO_ENDED_H
#define PROTO_ENDED_H

#include "proto/proofs.h"

enum { ENDED_MAX = 128 };

struct ended_entry {
    uint8_t *bytes; /* of the proof, in the arena; NULL: a free place */
    uint32_t size;
    uint16_t slot;
    uint64_t life;
    struct scope scope;
    struct digest digest;
    uint64_t lsn;
    bool fresh;     /* not yet seen by ended_next_fresh */
    uint8_t *acked; /* bit per index in the roster, in the arena; NULL unless made here */
};

struct ended {
    struct core *core;
    struct ended_entry *entries; /* ENDED_MAX */
    /* Mostly there are none, and every turn asks. */
    uint32_t used, fresh;
    struct instant spread_at;
    struct span spread_wait;
};

size_t ended_bytes(const struct peer_config *config);
void ended_init(struct ended *e, struct core *core, void *memory);
/* A proof of the log, decoded. False if there is no room. */
bool ended_load(struct ended *e, const struct proof *proof, struct view bytes, uint64_t lsn);
/* All is loaded: what this node made is spread again. */
void ended_start(struct ended *e, struct instant now);
/* A proof that was verified: NULL, or why it is not kept; static. */
const char *ended_keep(struct ended *e, const struct proof *proof, struct view bytes);
/* This node made it: kept and spread. False if there is no room. */
bool ended_make(struct ended *e, struct instant now, const struct proof *proof);
/* Its life is proven over: what was about its sessions goes. */
void ended_forget(struct ended *e, uint16_t slot, uint64_t life);

/* NULL if that session is not proven over by such a proof. */
const struct ended_entry *ended_of(const struct ended *e, uint16_t slot, uint64_t life,
                                   const struct scope *scope);
/* Whether any session of that life is. */
bool ended_any(const struct ended *e, uint16_t slot, uint64_t life);
/* Takes one that came since; NULL if there is none. */
const struct ended_entry *ended_next_fresh(struct ended *e);

void ended_send(struct ended *e, uint16_t to, const struct ended_entry *entry);
/* Acknowledges one that is held, once it is durable. */
void ended_acknowledge(struct ended *e, uint16_t to, const struct ended_entry *entry);
/* PROOF_STORED about a session. */
void ended_take_stored(struct ended *e, uint16_t from, const struct wire_proof_stored *m);
/* Somebody is alive again, and may lack what this node spreads. */
void ended_alive(struct ended *e, struct instant now);
void ended_step(struct ended *e, struct instant now);
struct instant ended_deadline(const struct ended *e);
/* The record of one place; false if it is free. */
bool ended_record(const struct ended *e, size_t index, struct record *out);

#endif
