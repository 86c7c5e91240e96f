/*
 * Memory of one run: taken piece by piece, given back all at once. The address space is reserved
 * and touched only as far as it is used.
 */
#ifndef SIM_POOL_H
#define SIM_POOL_H

#include <stddef.h>
#include <stdint.h>

struct pool {
    uint8_t *memory;
    size_t used;
    size_t size;
};

void pool_open(struct pool *p, size_t size);
void pool_close(struct pool *p);
/* Zeroed, aligned to 16. Never NULL: a run that needs more than it may is a bug. */
void *pool_take(struct pool *p, size_t size);
/* An array twice as large, with the old contents; the old one is lost. */
void *pool_grow(struct pool *p, const void *old, size_t count, size_t *room, size_t item_size);

#endif
