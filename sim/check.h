/*
 * The checks: one file for each family of invariants. All of them judge by the observer's books and
 * the machines' durable images, never by what a peer thinks. The first broken one ends the run.
 */
#ifndef SIM_CHECK_H
#define SIM_CHECK_H

#include "proto/peer.h"
#include "sim/history.h"

struct world;
struct machine;
struct image_entry;
struct client;

/* --- check_registers.c: S2, S3 (with history.c), S4, S5, S6 --- */
/* A value is seen for the first time, on the wire or in a log: it descends from every lower chosen
 * one. */
void check_proposed(struct world *w, struct value *v);
/* An entry is about to become durable: nothing decreases. */
void check_durable(struct world *w, struct machine *m, const struct image_entry *e);
/* A value became durable at a voter: perhaps it, and others below it, are chosen now. */
void check_accepted(struct world *w, struct machine *m, struct value *v);
/* A machine says something; its own vote counts no earlier than anybody's (L6). */
void check_message(struct world *w, struct machine *m, uint16_t to, const struct message *message);
/* The peer's own books are not behind its store. */
void check_books(struct world *w, struct machine *m);

/* --- check_tokens.c: S7 --- */
void check_token_chosen(struct world *w, struct value *v, const struct value *before);
void check_token_told(struct world *w, struct op *op, uint64_t token);

/* --- check_exclusion.c: S1, S15 --- */
void check_guest_begins(struct world *w, const struct client *c);
/* `after` is to follow `before`: every hold that a client was told of is still there (S15). */
void check_holds_kept(struct world *w, const struct value *before, const struct value *after);
/* A client is told that it holds. */
void check_granted(struct world *w, struct op *op, uint64_t token);
/* In the calm, nobody holds or waits whose client is gone, but on jammed names. Ends the run as
 * stuck. */
void check_leaks(struct world *w);

/* --- check_lives.c: S8, S9 --- */
/* A life is written to the log, by the boot that has it. */
void check_life_written(struct world *w, struct machine *m, uint64_t number);
/* A proof is in a log, or on the wire. */
void check_proof(struct world *w, struct machine *m, struct view bytes);
/* A state that names a break is proposed (F5). */
void check_break(struct world *w, const struct value *v);
/* A hold is not there any more. */
void check_passed_on(struct world *w, struct op *op, const struct value *after);
void check_begins_in_time(struct world *w, const struct op *op);

/* --- check_fence.c: S10, S11, S20 --- */
void check_vote_written(struct world *w, struct machine *m, uint16_t slot, uint64_t number,
                        uint32_t allows);
/* An agent starts: votes that it wrote and that are not in its log were never cast. */
void check_votes_lost(struct world *w, struct machine *m);
/* A machine holds an order that it takes for certified. */
void check_order_known(struct world *w, struct machine *m, const struct order_cert *cert);
/* An executor begins to switch somebody off. */
void check_run(struct world *w, struct machine *m, const struct run *run);
/* A machine that is on is switched off by a fence device; `late`: after its driver's deadline. */
void check_power_effect(struct world *w, struct machine *target, const struct run *run, bool late);
/* Whether its present life is under an order that its own peer holds. */
bool check_under_order(const struct world *w, const struct machine *m);
void check_renewal_acknowledged(struct world *w, const struct machine *m, uint16_t to,
                                uint64_t number);
/* The network, an agent or a machine has changed. */
void check_reach_update(struct world *w);
void check_fence_message(struct world *w, struct machine *m, uint16_t to,
                         const struct message *message);

/* --- check_store.c: S13 --- */
void check_may_vote(struct world *w, struct machine *m, const struct message *message);
/* It says that its store is behind. */
void check_behind(struct world *w, const struct machine *m);

/* --- check_history.c: S14 --- */
void check_asked(struct world *w, struct op *op);
void check_busy(struct world *w, struct op *op);
/* `floor`: what had been told of the name when the client asked. */
void check_shown(struct world *w, struct name *name, const struct lock_state *state,
                 const struct value *floor);

#endif
