/*
 * What a coordinator does about the holds of lives that are over, or dead (F2e, F5). A hold of a
 * life that is proven over is broken; for one of a node that SWIM holds dead, under a policy that
 * asks for it, the jurors are asked as long as somebody waits. Everything here rests on a true
 * state (L5).
 */
#ifndef PROTO_STALE_H
#define PROTO_STALE_H

#include "proto/accuser.h"
#include "proto/lease.h"

/* Whether that life of `slot` is proven over here. */
bool stale_over(const struct core *c, uint16_t slot, uint64_t life);
/* Whether nobody asks any more for that operation: its life is over, or its node has a higher one.
 */
bool stale_outlived(const struct core *c, const struct op_id *id);
/*
 * Breaks what one node's proven-over lives hold or wait for; the state then names the proof. One
 * node at a time, since a state names one break. False if there is nothing to break.
 * *granted_first: see lock_apply.
 */
bool stale_break(struct core *c, struct lock_state *state, struct view name, size_t *granted_first);
/* Whether there is a hold whose lease is over, and that may be let go only after the ballot was
 * confirmed (lease.h). */
bool stale_lapsing(const struct core *c, struct instant now, const struct lease_times *times,
                   const struct lock_state *state);
/* Lets go of those of the first *first holds whose leases are over, surely. False if there are
 * none; else the waiters that this let in are holds[*first ..]. */
bool stale_let_go(struct core *c, const struct lease_times *times, struct lock_state *state,
                  size_t *first);
/* When somebody who waits may find that one more is over: INSTANT_NEVER if nobody does, or none
 * expires. */
struct instant stale_lapse(const struct core *c, const struct lease_times *times,
                           const struct lock_state *state);
/* Somebody may wait behind the dead: asks the jurors about them. */
void stale_accuse(struct core *c, struct instant now, const struct lock_state *state,
                  struct view name);
/* The dead holder in the way, if there is one. */
struct stale_view stale_view_of(const struct core *c, const struct lock_state *state);
/*
 * F5, at a voter and at whoever reads a state: a break that the state names needs a proof, held
 * already or in these bytes. False if there is none.
 */
bool stale_proven(struct core *c, struct instant now, const struct lock_state *state,
                  struct view proof);
/* The bytes of the proof of the break that the state names; empty if it names none. */
struct view stale_proof(const struct core *c, const struct lock_break *broken);

#endif
