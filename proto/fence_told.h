/*
 * The steps of a fence as this node tells them for its fence log (proto/fence_step.h), from where
 * each of them happens. Every node logs what it saw itself: a juror what it was asked, what it had
 * seen and what it said; whoever asked, each answer as it came; everybody each order with what all
 * had said, what executors told, the proofs taken; a lock's voters what was freed.
 */
#ifndef PROTO_FENCE_TOLD_H
#define PROTO_FENCE_TOLD_H

#include "proto/core.h"
#include "proto/wire.h"

/* A juror was asked about that life. */
void fence_told_accused(struct core *c, uint16_t from, const struct wire_accuse *m);
/* What a juror said of that life: its vote, or, if `vote` is NULL, why not (F2). */
void fence_told_opinion(struct core *c, const struct order *order, uint16_t juror,
                        const struct evidence *evidence, const struct vote *vote);
/* A certificate and its story are known here from now on. fresh: no other of that order was. */
void fence_told_order(struct core *c, const struct order_cert *cert, uint32_t actions,
                      const struct fence_story *story, bool fresh);
void fence_told_report(struct core *c, const struct order *order,
                       const struct fence_report *report);
/* This node's own fence driver has ended: EVENT_EXECUTED. */
void fence_told_ran(struct core *c, const struct event *event);
/* A proof is held from now on, by its bytes. */
void fence_told_proof(struct core *c, struct view bytes);
void fence_told_refused(struct core *c, uint16_t slot, const char *text);
/* This coordinator breaks holds (F5); `state`: before it. */
void fence_told_breaks(struct core *c, const struct lock_state *state, struct view name,
                       const struct lock_op *op);
/* A voter took a state from another that names a break. */
void fence_told_broken(struct core *c, const struct lock_state *state, struct view name);
void fence_told_alarm(struct core *c, uint16_t slot, uint64_t life);

#endif
