/*
 * Who takes a shard that this node does not serve (L8), and what coordinator.c and takeover.c
 * share. Not for others: see coordinator.h.
 *
 * The owner of the highest ballot promised here keeps the shard while it lives; when SWIM says that
 * it is dead, the first of the cohort that is alive takes it; when requesters say that it does not
 * answer, the cohort is asked (proto/doubt), and a majority that did not hear it either is enough.
 * A requester that nobody has answered for long insists: then any member takes it, unless the owner
 * has only just done so.
 */
#ifndef PROTO_TAKEOVER_H
#define PROTO_TAKEOVER_H

#include "proto/coordinator.h"

/* --- takeover.c --- */
/* A request for a shard that this node does not serve: take it, or say whom to ask. */
void takeover_consider(struct coordinator *k, struct instant now, struct lead *lead,
                       const struct wire_request *r);
void takeover_doubt_answer(struct coordinator *k, struct instant now, uint16_t from,
                           const struct wire_doubt_answer *m);
/* The first of the shard's cohort that is alive: where it goes by rank. */
uint16_t lead_first(const struct coordinator *k, uint32_t shard);
/* The deadline of an IDLE lead came: asking around, or a back-off, is over. */
void takeover_step(struct coordinator *k, struct instant now, struct lead *lead);

/* --- coordinator.c --- */
uint32_t lead_shard(const struct coordinator *k, const struct lead *lead);
/* When the lead wants to be stepped; INSTANT_NEVER if nothing is under way. */
struct instant lead_deadline(const struct lead *lead);
bool lead_majority(const struct coordinator *k, uint32_t mask);
/* Puts it among those with a timer. */
void lead_watch(struct coordinator *k, struct lead *lead);
void lead_send_cohort(struct coordinator *k, uint32_t shard, uint32_t except_mask,
                      const struct message *m);
void lead_reply_elsewhere(struct coordinator *k, const struct asked *a, enum reply_verdict verdict,
                          struct ballot ballot, uint16_t owner, struct view name);
void lead_answer_knocks(struct coordinator *k, struct lead *lead, enum reply_verdict verdict,
                        struct ballot ballot, uint16_t owner);
/* Has the ballot confirmed by a question that is asked after now: at once, or after the round under
 * way (lease_wanted). */
void lead_confirm(struct coordinator *k, struct instant now, struct lead *lead);
/* L1: takes the shard with a ballot above everything promised here. */
void lead_take(struct coordinator *k, struct instant now, struct lead *lead);

#endif
