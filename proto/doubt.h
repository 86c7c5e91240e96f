/*
 * Answering a doubt: "do you hear this node?". A coordinator's voters are asked so before its
 * shards are taken (L8), and a juror asks others so to probe a target for it (F2b). Whoever is
 * asked pokes the node and says within a few round trips whether it answered. A node that does not
 * vote answers that it is alive, but cannot coordinate.
 */
#ifndef PROTO_DOUBT_H
#define PROTO_DOUBT_H

#include "proto/core.h"

#define DOUBT_POKE_SPAN     SPAN_MS(50) /* at least; 4 round trips where these are longer */
#define DOUBT_POKE_SPAN_MAX SPAN_MS(1000)

enum { DOUBTS_MAX = 64 };

struct doubt_entry {
    bool used;
    uint16_t asker;
    uint16_t slot; /* the one that is doubted */
    uint32_t seq;  /* the asker's number */
    struct instant until;
};

struct doubts {
    struct core *core;
    struct doubt_entry entries[DOUBTS_MAX]; /* full: further ones are not answered */
    size_t used;
};

/* How long `slot` is given to answer. */
struct span doubt_patience(const struct core *c, uint16_t slot);
/* How long to ask a shard's cohort about one of them: anybody's poke, and a round trip to him. */
struct span doubt_round(const struct core *c, uint32_t shard);
void doubts_init(struct doubts *d, struct core *core);
/* A message of types DOUBT, POKE, POKED. */
void doubts_take(struct doubts *d, struct instant now, uint16_t from, const struct message *m);
/* The kernel says that nobody listens at `slot`. */
void doubts_refused(struct doubts *d, uint16_t slot);
void doubts_step(struct doubts *d, struct instant now);
struct instant doubts_deadline(const struct doubts *d);

#endif
