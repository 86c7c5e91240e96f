/*
 * Signs of life: under which life each node was last heard, first-hand. A probe, its answer and a
 * renewal name the sender's life; a lock voter and a juror that still hear a life refuse a receipt
 * which says that it is over (F6b).
 */
#ifndef PROTO_SIGNS_H
#define PROTO_SIGNS_H

#include "proto/core.h"

struct sign {
    uint64_t life; /* the highest heard; 0: none since this start */
    struct instant at;
};

struct signs {
    struct core *core;
    struct sign *table; /* by index in the roster */
};

size_t signs_bytes(const struct peer_config *config);
void signs_init(struct signs *s, struct core *core, void *memory);
/* `slot` was heard under `life`; words of a life below the highest came late and say nothing. */
void signs_heard(struct signs *s, struct instant now, uint16_t slot, uint64_t life);
/* Since that very life was heard; negative if never. */
struct span signs_age(const struct signs *s, struct instant now, uint16_t slot, uint64_t life);

#endif
