/*
 * Turns: who of those that find no place in a full table gets the next one. Who had none for the
 * longest comes first, so that each gets one in the end, however often others ask.
 */
#ifndef PROTO_TURNS_H
#define PROTO_TURNS_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/time.h"

struct turn {
    struct instant asked; /* found none then; ns 0: has one, or never asked */
    struct instant had;   /* got one then; ns 0: never */
};

struct turns {
    struct turn *list; /* one for each node of the roster */
    size_t count;
};

size_t turns_bytes(size_t count);
void turns_init(struct turns *t, size_t count, void *memory);
/* That one (index in the roster; negative: none, who gets no turn) found no place. True if nobody
 * else who asked lately has waited for longer. */
bool turns_next(struct turns *t, struct instant now, int index);
/* That one has a place. */
void turns_got(struct turns *t, struct instant now, int index);

#endif
