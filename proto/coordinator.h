/*
 * The coordinator: the shards that this node serves (L1, L4, L5, L8).
 *
 *            a request, and it is ours        own promise        a majority promised b,
 *            to take                          is durable         a majority adopted the epoch
 *     IDLE ------------------> PROMISING ----------------> PREPARING ----------------> SERVING
 *       ^                          |                           |                          |
 *       +--------------------------+---------------------------+--------------------------+
 *                        a voter names a higher promise: the ballot is given up
 *
 * Who takes a shard is decided for speed and order only (takeover.h); safety rests on ballots alone
 * (L8).
 */
#ifndef PROTO_COORDINATOR_H
#define PROTO_COORDINATOR_H

#include "proto/lease.h"
#include "proto/lows.h"
#include "proto/served.h"
#include "proto/voter.h"

enum lead_phase { LEAD_IDLE, LEAD_PROMISING, LEAD_PREPARING, LEAD_SERVING };

enum forget_phase { FORGET_NONE, FORGET_SPREADING, FORGET_RAISING, FORGET_DROPPING };

/* L10: the locks of a shard that are being forgotten (forget.h). */
struct forgetting {
    enum forget_phase phase;
    uint32_t first;    /* served lock: index + 1, by forget_next */
    size_t bytes;      /* of the message that names them */
    uint32_t round;    /* DROPPING: number of the message, */
    uint32_t answered; /*   and mask of who answered it */
    uint32_t tries;
    struct instant retry_at;
};

struct lead {
    enum lead_phase phase;
    struct ballot ballot;
    uint32_t promised;    /* mask over the cohort: who promised `ballot` */
    uint32_t adopted;     /* and shows the epoch as adopted (R2) */
    struct ballot passed; /* the highest that a refusal named: the next one is above it */
    struct instant passed_at;
    struct instant retry_at;
    struct span retry_wait;
    uint32_t locks; /* first served lock: index + 1 */
    struct forgetting forget;
    struct asked_list knocks; /* asked before this node served: told the ballot then */
    /* Looks, and what rests on an absence: answered after a majority confirmed the ballot to a
     * question asked later (section 6). */
    struct asked_list unsure;
    uint32_t confirm_round; /* serial number of the round under way, or the last */
    bool confirming;
    bool lapsing;               /* a lock may have to let go, after such a round */
    struct lease_list renewals; /* of leases: answered by such a round too */
    uint32_t confirmed;         /* mask: who answered it */
    struct instant confirm_at;
    /* Doubts of requesters in `doubted`, asked around until doubt_until. */
    uint16_t doubted; /* SLOT_NONE: none */
    uint32_t unheard; /* mask: who does not hear it */
    struct instant doubt_until;
    uint32_t busy_next; /* list of leads with a timer: shard + 1 */
    bool busy;
};

struct coordinator {
    struct core *core;
    const struct voter *voter;
    struct lead *leads; /* by shard */
    struct lows lows;
    struct leases leases;
    struct served_table served;
    struct instant reserved_until; /* a full table's next room is for whoever insists */
    struct instant full_at;        /* somebody found no room last */
    struct idle *idle;             /* of the voter */
    uint32_t forgetting;           /* locks in all batches */
    uint32_t forget_rounds;        /* batches that voters were told of */
    bool *mute; /* by index in the roster: does not answer, and keeps locks from being forgotten */
    uint32_t knock_count; /* of all shards; bounded, so that shards without a majority starve no
                             others */
    uint32_t busy; /* leads that are PROMISING, PREPARING, confirming or doubting: shard + 1 */
};

size_t coordinator_bytes(const struct peer_config *config);
void coordinator_init(struct coordinator *k, struct core *core, struct voter *voter, void *memory);
/* A message of types PROMISE, REFUSE, STORED, ACCEPTED, CONFIRMED, IDLE, FORGOTTEN, DOUBT_ANSWER,
 * REQUEST, LEASE. */
void coordinator_take(struct coordinator *k, struct instant now, uint16_t from,
                      const struct message *m);
void coordinator_step(struct coordinator *k, struct instant now);
struct instant coordinator_deadline(const struct coordinator *k);
/* A proof about `slot` is held: what its lives hold is broken where somebody waits (F5). */
void coordinator_proof(struct coordinator *k, struct instant now);
/* SWIM suspects a node, or holds it dead: somebody may wait for it. */
void coordinator_gone(struct coordinator *k, struct instant now);
/* What is done about a dead holder has come further: those who wait for it hear so. */
void coordinator_tell(struct coordinator *k);
/* Gives up every shard: this node may not vote any more, or it leaves. */
void coordinator_stop(struct coordinator *k);
uint32_t coordinator_serving(const struct coordinator *k);

#endif
