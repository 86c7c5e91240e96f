/*
 * Forgetting (L10): how a coordinator has all voters drop the registers of locks that are free, one
 * batch of each shard at a time.
 *
 *           a lock of the shard         all of them are          the floor          all k dropped
 *           is to be forgotten          at all k, and free       is true            them, or it
 * took NONE --------------------> SPREADING -------------> RAISING --------> DROPPING ---- too long
 *       ^                          |                         |                  |            |
 *       +--------------------------+-------------------------+------------------+------------+
 *          a request for a lock takes that one out; with the ballot the whole batch is given up
 *
 * Requests never wait for any of this, and whatever of it is left undone does no harm (see "Why all
 * k" in docs/design.md). What is to be forgotten is told by this node's own registers
 * (proto/idle), and by other voters that have some left over.
 */
#ifndef PROTO_FORGET_H
#define PROTO_FORGET_H

#include "proto/coordinator.h"

/* Looks for locks that are due, and carries the batches on. */
void forget_step(struct coordinator *k, struct instant now);
struct instant forget_deadline(const struct coordinator *k);
/* Messages: a voter has a register left over; one has dropped what it was told to. `member`: its
 * place in the cohort. */
void forget_idle(struct coordinator *k, struct instant now, uint16_t from,
                 const struct wire_idle *m);
void forget_forgotten(struct coordinator *k, struct instant now, int member,
                      const struct wire_forgotten *m);
/* A voter has answered about a lock of the shard, or about its floor. */
void forget_answered(struct coordinator *k, struct instant now, struct lead *lead, int member);
/* The lock is asked for, if only to look at it: it stays, for another span at least. */
void forget_used(struct coordinator *k, struct instant now, struct lead *lead, struct served *s);
/* Its place is needed: it is not forgotten now. */
void forget_leave(struct coordinator *k, struct instant now, struct lead *lead, struct served *s);
/* The ballot is given up. */
void forget_end(struct coordinator *k, struct lead *lead);
/* SWIM says that a member is alive: what it was needed for is tried again. */
void forget_member(struct coordinator *k, struct instant now, uint16_t slot);
/* The lead carries on with its batch at its deadline. */
void forget_carry_on(struct coordinator *k, struct instant now, struct lead *lead);

#endif
