/*
 * The proofs that this node holds: for each node the best one that lives of it are over (F5, F6).
 * What is offered and proves but a session over goes to ended.h.
 *
 * A proof is verified once, when it is taken, stored in the log, and handed out from then on.
 * Whoever made a proof, an end statement or a receipt, tells everybody until they have it durably;
 * others hand it out with what rests on it. Of two proofs about one node the one that covers more
 * is kept, of two that cover as much the node's own word: a voter asks whether a life is proven
 * over, and the digest in a lock's state says by which proof it was broken.
 */
#ifndef PROTO_PROOFS_H
#define PROTO_PROOFS_H

#include "proto/signs.h"

enum { PROOFS_NUMBER_MAX_BITS = 62 }; /* of a life's number: no honest one comes near */

struct proof_entry {
    uint8_t *bytes; /* in the arena; NULL: none */
    uint32_t size;
    uint64_t covers; /* the highest life proven over */
    bool executed;   /* by a receipt, else by an end statement */
    bool by_hand;    /* by an operator's receipt (F6d) */
    bool fresh;      /* in the list of proofs not yet seen by proofs_next_fresh */
    uint64_t lsn;
    struct instant at; /* taken, in this run */
    struct digest digest;
    uint8_t *acked; /* bit per index in the roster; NULL unless this node made the proof */
};

struct proofs {
    struct core *core;
    const struct signs *signs;
    struct proof_entry *entries; /* by index in the roster */
    uint16_t *fresh;             /* indices; as many as nodes */
    size_t fresh_count;
    struct instant spread_at;
    struct span spread_wait;
};

enum proofs_news {
    PROOFS_NEW,
    PROOFS_HELD,   /* what is held says as much */
    PROOFS_REFUSED /* counted, and told with the rule */
};

size_t proofs_bytes(const struct peer_config *config);
void proofs_init(struct proofs *p, struct core *core, const struct signs *signs, void *memory);
/* From the log. False if there is no room. */
bool proofs_load(struct proofs *p, const struct record *record, uint64_t lsn);
/* All is loaded: what this node made is spread again. */
void proofs_start(struct proofs *p, struct instant now);
/* Somebody handed in these bytes. *why (may be NULL) is set on PROOFS_REFUSED. */
enum proofs_news proofs_offer(struct proofs *p, struct instant now, struct view bytes,
                              const char **why);
/* Verifies the bytes strictly, whatever is held: NULL, or the rule that they break; static. */
const char *proofs_judge(struct proofs *p, struct instant now, struct view bytes);
/* The same, and spreads it until everybody alive has it: whoever made it is no node. */
enum proofs_news proofs_offer_spread(struct proofs *p, struct instant now, struct view bytes,
                                     const char **why);
/* The same of one that is decoded. */
const char *proofs_verdict(struct proofs *p, struct instant now, const struct proof *proof);
/* This node made it: taken and spread. */
void proofs_make(struct proofs *p, struct instant now, const struct proof *proof);
/* The same, of others' words: unless it is refused, for this node may still hear that life (F6). */
void proofs_gathered(struct proofs *p, struct instant now, const struct proof *proof);
/* Messages PROOF_STORED. */
void proofs_take_stored(struct proofs *p, uint16_t from, const struct wire_proof_stored *m);
/* Acknowledges what is held about `slot`, once it is durable. */
void proofs_acknowledge(struct proofs *p, uint16_t to, uint16_t slot);
/* Sends what is held about `slot`, if anything is. */
void proofs_send(struct proofs *p, uint16_t to, uint16_t slot);
/* `slot` is alive again: it may lack what this node spreads. */
void proofs_alive(struct proofs *p, struct instant now);
void proofs_step(struct proofs *p, struct instant now);
struct instant proofs_deadline(const struct proofs *p);

/* The highest life of `slot` that is proven over; 0: none. */
uint64_t proofs_covers(const struct proofs *p, uint16_t slot);
/* The same by the node's own end statement alone. */
uint64_t proofs_ended(const struct proofs *p, uint16_t slot);
/* NULL if nothing is held. */
const struct proof_entry *proofs_of(const struct proofs *p, uint16_t slot);
/* Whether a quorum of the jurors, this node included, holds this node's own end statement. */
bool proofs_quorum_holds(const struct proofs *p, const struct jury *jury);
/* Takes the oldest proof that came since; false if there is none. */
bool proofs_next_fresh(struct proofs *p, uint16_t *slot);
/* The record of one node's proof; false if there is none. */
bool proofs_record(const struct proofs *p, size_t index, struct record *out);

#endif
