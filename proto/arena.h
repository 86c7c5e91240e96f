/*
 * Blocks of variable size in one piece of the caller's memory: registers' names and states, and
 * messages being put together. Sizes are rounded up to classes (four per power of two, so at most a
 * fifth is lost); a freed block is kept in its class's list. Untouched pages cost nothing.
 */
#ifndef PROTO_ARENA_H
#define PROTO_ARENA_H

#include <stddef.h>
#include <stdint.h>

enum { ARENA_CLASSES = 64 };

struct arena {
    uint8_t *memory;
    size_t size;
    size_t used;                        /* high-water mark: the rest was never touched */
    uint32_t free_lists[ARENA_CLASSES]; /* offset / 16 + 1 of the first free block, 0 if none */
    size_t allocated;                   /* bytes in blocks that are in use */
};

enum { ARENA_BLOCK_MAX = 1 << 18 };

/* `memory` aligned to 16; at most 64 GiB. */
void arena_init(struct arena *a, void *memory, size_t size);
/* A block of at least `size` bytes (1..ARENA_BLOCK_MAX), aligned to 16; NULL if full. */
void *arena_get(struct arena *a, size_t size);
/* Gives back a block that was got with the same `size`. NULL is ignored. */
void arena_put(struct arena *a, void *block, size_t size);

#endif
