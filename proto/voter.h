/*
 * The voter: what this node has promised and accepted, and its answers (L0 - L3, L6, L7,
 * L10).
 *
 * Every answer that rests on a write goes through outbox_send_after with that write's number; there
 * is no other way out of this file. A node whose store is not the one that votes answers nothing.
 */
#ifndef PROTO_VOTER_H
#define PROTO_VOTER_H

#include "proto/idle.h"

struct promise {
    struct instant since;   /* of `promised`, in this run; ns 0: found in the store */
    struct ballot promised; /* L1: never decreases */
    uint64_t lsn;           /* of the record that made it durable, and what was dropped since */
    uint32_t adopted;       /* roster epoch whose locks this voter has in the shard (R2) */
    struct ballot dropped;  /* L10: the highest version that was ever dropped in the shard; */
    uint64_t dropped_seq;   /*   no lower one is stored anew */
};

struct voter {
    struct core *core;
    struct promise *promises; /* by shard */
    struct registers registers;
    struct idle idle;
    struct lock_state scratch; /* to check that what is accepted is a state */
};

size_t voter_bytes(const struct peer_config *config);
/* `memory`: voter_bytes bytes, aligned for max_align_t. */
void voter_init(struct voter *v, struct core *core, void *memory);
/* Takes a record of the log; the kinds that are not the voter's are ignored. False if there is no
 * room. */
bool voter_load(struct voter *v, const struct record *record, uint64_t lsn);
/* Everything was loaded. */
void voter_start(struct voter *v, struct instant now);
/* What this node's vote for a state of a lock has come to. */
enum voter_vote {
    VOTE_DURABLE, /* it counts, here and now (L3, L6) */
    VOTE_AWAITED, /* it may come yet, or is being written */
    VOTE_NEVER    /* a higher ballot was promised before, or this node does not vote (L7) */
};
enum voter_vote voter_vote(const struct voter *v, struct view name, struct ballot ballot,
                           uint64_t seq);
/* A message of types PREPARE, READ, ACCEPT, CONFIRM, FORGET. */
void voter_take(struct voter *v, uint16_t from, const struct message *m);
/* L1 for this node's own ballots: the promise that a coordinator makes before it sends one to
 * anybody. */
/* Since when that has been the promise. */
struct instant voter_promised_since(const struct voter *v, uint32_t shard);
struct ballot voter_promised(const struct voter *v, uint32_t shard);

#endif
