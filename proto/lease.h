/*
 * Leases (section 6, "Expiring locks"): how long a hold under `expire` is believed, and the
 * coordinator's side of it: when it may let go of one.
 *
 *   holder       S sends --------- believes: TTL (1-rho)/(1+rho) by its own clock -----|
 *                   \         /
 *   coordinator      \-asks--/ A answers ---------- TTL by its own clock -------------------| lets
 * go the next one         P a majority promised ---------- TTL by its own clock ----------------|
 * lets go
 *
 * No clock is compared with another, only their rates (within rho). S comes before A. It comes
 * before P too: what is answered was confirmed by a majority to a question that was asked after S,
 * and one of these promised the next ballot later than it confirmed this one. So whoever lets go
 * does so after the holder has ceased to believe, in real time, whatever is lost or late between.
 *
 * To let go is a state like any other: a few voters may take it although its coordinator has been
 * replaced, and a later one may find it there and go on with it, long after. So before it is sent a
 * majority confirms the ballot to a question asked after the lease was over: then no other ballot
 * has renewed it by then, and none will, since the holder resumes nothing that has lapsed. For the
 * same reason what is believed anew (a grant that is found, a hold after a restart) rests on a
 * state that was accepted under the very ballot: it covers what older ballots left behind.
 *
 * What is renewed is a shard under a ballot, for all that one life holds there: a holder's node
 * goes on believing in what it still believes in, and a coordinator counts for a node and its life,
 * whichever shard it was about: a word too many only makes it wait longer. Grants count for their
 * lock alone as long as it is served: one that is granted to a dead waiter shall not prolong all
 * that its node holds.
 */
#ifndef PROTO_LEASE_H
#define PROTO_LEASE_H

#include "proto/core.h"

struct coordinator;
struct lead;

/* How long its holder believes in a hold, from the time of sending. */
static inline struct span lease_belief(uint32_t ttl_ms)
{
    int64_t ppm = 1000000;
    return (struct span){(int64_t)ttl_ms * 1000000 * (ppm - CLOCK_RATE_PPM) /
                         (ppm + CLOCK_RATE_PPM)};
}

/* The renewals that a coordinator has answered one node. */
struct lease_word {
    uint64_t life;       /* the highest that it answered */
    struct instant last; /* its last answer to that life; ns 0: none */
    struct instant past; /* and to lives before it */
};

/* A node's wish that a shard's lease be renewed, until a majority has confirmed the ballot. */
struct lease_ask {
    uint32_t next; /* in its list: index + 1 */
    uint16_t slot;
    uint64_t life;
    uint64_t sent;  /* as in its message: goes back with the answer */
    uint32_t round; /* the confirm round that answers it: its question comes after this */
};

struct lease_list {
    uint32_t first; /* index + 1, 0 if empty */
    uint32_t last;
};

/* What a coordinator knows of its ballot for one shard. */
struct lease_ballot {
    struct instant since; /* a majority promised it */
    struct instant asked; /* of the confirm round under way, or the last: its question left */
    struct instant sure;  /* the last confirmed question left; ns 0: none under this ballot */
};

struct leases {
    struct core *core;
    struct lease_word *words;     /* by index in the roster */
    struct lease_ballot *ballots; /* by shard */
    struct lease_ask *asks;
    uint32_t ask_max;
    uint32_t ask_free;
};

size_t leases_bytes(const struct peer_config *config);
void leases_init(struct leases *l, struct core *core, void *memory);
/* Who was told of a grant of one lock last; `at` ns 0: nobody was. */
struct lease_told {
    struct instant at;
    uint16_t slot;
    uint64_t life;
};

/* What the holds of one lock are judged by. */
struct lease_times {
    struct instant since; /* as in lease_ballot */
    struct instant sure;
    struct lease_told told;
};

/* This node serves the shard from now on. */
void leases_lead(struct leases *l, struct instant now, uint32_t shard);
/* That life of `slot` is about to be told of a grant of a lock: *told is the lock's. */
void leases_granted(struct leases *l, struct instant now, struct lease_told *told, uint16_t slot,
                    uint64_t life);
/* The lock is forgotten: what was told of it goes on to count. */
void leases_forgot(struct leases *l, const struct lease_told *told);
/* A confirm round begins; a majority has answered it. */
void leases_asked(struct leases *l, struct instant now, uint32_t shard);
void leases_confirmed(struct leases *l, uint32_t shard);
struct lease_times leases_times(const struct leases *l, uint32_t shard,
                                const struct lease_told *told);
/* That life of `slot` is about to be told that it may go on believing. */
void leases_renewed(struct leases *l, struct instant now, uint16_t slot, uint64_t life);
/* When what that life holds for `ttl_ms` may be let go at the earliest. */
struct instant leases_end(const struct leases *l, const struct lease_times *times, uint16_t slot,
                          uint64_t life, uint32_t ttl_ms);

/* --- For coordinator.c --- */
/* A message LEASE: answered once a majority has confirmed the ballot. */
void lease_take(struct coordinator *k, struct instant now, uint16_t from,
                const struct wire_lease *m);
/* Confirm round number `round` of the shard is over: whom it answers is answered. */
void lease_confirmed(struct coordinator *k, struct instant now, struct lead *lead);
/* Somebody waits for a later round than the last. */
bool lease_wanted(const struct lead *lead);
/* The ballot is given up. */
void lease_forget(struct coordinator *k, struct lead *lead);

#endif
