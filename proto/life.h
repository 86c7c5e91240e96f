/*
 * This node's life (section 7): what one boot of this machine does under one number.
 *
 *     WRITTEN   --durable, store checked-->        CLAIMED
 *     CLAIMED   --q jurors stored it-->            ENDING
 *     ENDING    --q jurors hold its statement-->   it counts: requests are made under it (F6a, F9)
 *
 * A life is raised, durably and with a fresh nonce, when the kernel's boot id is not the one in the
 * store, or by a surrender. In this order (F6a): nothing of the old life acts any more, the new
 * number is durable, the end of all lives below it is stated. A restart of the agent alone keeps
 * the life.
 */
#ifndef PROTO_LIFE_H
#define PROTO_LIFE_H

#include "proto/proofs.h"

struct life {
    struct core *core;
    struct proofs *proofs;
    uint64_t recovered; /* number in the store, before this start */
    struct nonce boot;  /* boot id in the store; then the present one */
    bool ends;          /* this store knows that the lives before are over (F6a) */
    uint64_t lsn;       /* of the record of the present life; 0 once durable */
    bool checked;       /* the store's check is done (L7) */
    uint32_t stored;    /* jurors that have it in their book */
    struct instant claim_at;
    struct span claim_wait;
};

/* No honest node is so many lives ahead of what is known of it: one for each boot, or surrender.
 * Numbers further on are not believed, since whoever says them could use up all there are. */
#define LIFE_AHEAD_MAX 65536
/* known: the highest life of that node that is known, 0: none. */
static inline bool life_far(uint64_t life, uint64_t known)
{
    return known && life > known && life - known > LIFE_AHEAD_MAX;
}

void life_init(struct life *l, struct core *core, struct proofs *proofs);
void life_load(struct life *l, const struct record_life *record);
/* All is loaded. store_lost: this store never voted, or never will again. */
void life_start(struct life *l, struct instant now, bool store_lost);
/* L7: enough others have answered. `behind`: they know more of this store than it holds; the next
 * life is above `seen`, the highest that anybody knows. */
void life_checked(struct life *l, struct instant now, bool behind, uint64_t seen);
/* Nothing acts under the present life any more: it ends, and another begins (F2, F3, F6a). */
void life_surrender(struct life *l, struct instant now);
/* The log is durable further. True if the present life became durable by it. */
bool life_durable(struct life *l);
/* Messages LIFE_STORED. */
void life_take_stored(struct life *l, struct instant now, uint16_t from,
                      const struct wire_life_stored *m);
/* Whether it counts now and did not before. */
bool life_counts(struct life *l, struct instant now);
/* A juror may be alive again that lacks this life. */
void life_alive(struct life *l, struct instant now);
void life_step(struct life *l, struct instant now);
struct instant life_deadline(const struct life *l);
void life_record(const struct life *l, struct record *out);

#endif
