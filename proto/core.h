/*
 * What the modules of one peer share. Not for drivers: their door is peer.h.
 *
 * The way of the data: peer.c takes an event; link.c opens datagrams into messages; each message
 * goes to the one module that answers for it (swim, store check, voter, coordinator, doubts,
 * asker, and behind proto/fencing the modules of section 7). Modules change their state, append to
 * the journal and speak through the outbox; peer.c then makes the effects of it.
 */
#ifndef PROTO_CORE_H
#define PROTO_CORE_H

#include "proto/arena.h"
#include "proto/cohort.h"
#include "proto/journal.h"
#include "proto/jury.h"
#include "proto/mutant.h"
#include "proto/outbox.h"
#include "proto/peer.h"
#include "proto/told.h"

struct proofs;
struct standing;
struct docket;
struct ended;
struct accuser;
struct leases;
struct inhibitors;
struct armory;
struct vigil;
struct voter;

struct core {
    struct peer_config config;
    struct jury jury;
    struct cohorts cohorts;
    struct arena arena;
    struct journal journal;
    struct outbox outbox;
    struct drbg drbg;
    struct swim *swim;
    struct told told;
    struct peer_counters counters;
    enum store_state store; /* whether this node votes (L7) */
    uint64_t life;          /* number of the present life; 0: none yet */
    struct nonce life_nonce;
    bool life_known; /* the life counts: requests may be made under it (F6a, F9) */
    bool cloned;     /* another agent with its key answers: this one abstains (clone.h) */
    struct instant now;
    struct instant late_at; /* when this node's loop was late last (F2d) */
    /* What others ask of fencing (proto/fencing). */
    struct proofs *proofs;
    struct ended *ended;
    struct standing *standing;
    struct docket *docket;
    struct accuser *accuser;
    struct leases *leases; /* of what this node coordinates */
    struct inhibitors *inhibitors;
    struct armory *armory; /* proto/armed */
    struct vigil *vigil;
    struct voter *voter; /* whose own vote may be the one that is missing (provisional.h) */
};

static inline uint16_t core_self(const struct core *c)
{
    return c->config.self;
}

static inline bool core_votes(const struct core *c)
{
    return c->store == STORE_VOTING && !c->cloned;
}

static inline uint64_t core_name_hash(const struct core *c, struct view name)
{
    return hash64(c->cohorts.hash_key, name.bytes, name.size);
}

/* Voters that decide for a shard (L0): fixed by the signed roster, whoever seems to be alive. */
static inline size_t core_majority(const struct core *c)
{
    size_t majority = cohort_majority(&c->cohorts);
    if (MUTANT(31)) { /* "quorum size from SWIM-alive count" */
        size_t alive = 0;
        for (size_t i = 0; i < c->config.roster->node_count; i++)
            alive += swim_alive(c->swim, c->config.roster->nodes[i].slot);
        majority = alive / 2 + 1 < majority ? alive / 2 + 1 : majority;
    }
    return majority;
}

/* D, the detection target: r, F and the jurors' V follow from it (section 7, the inequality). */
static inline struct span core_detect(const struct core *c)
{
    return SPAN_MS(c->config.roster->detect_ms);
}

/* A random span in [low, high). */
static inline struct span core_jitter(struct core *c, struct span low, struct span high)
{
    return (struct span){low.ns + (int64_t)drbg_below(&c->drbg, (uint64_t)(high.ns - low.ns))};
}

#endif
