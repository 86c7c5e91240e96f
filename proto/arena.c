/* Blocks of variable size: see arena.h. */
#include "proto/arena.h"

#include "proto/must.h"

#include <string.h>

enum { GRAIN = 16 };

/* Class of a size and the class's own size: 16, 32, 48, 64, then four steps per power of two. */
static unsigned class_of(size_t size, size_t *rounded)
{
    size_t grains = (size + GRAIN - 1) / GRAIN;
    if (grains <= 4) {
        *rounded = grains * GRAIN;
        return (unsigned)grains - 1;
    }
    unsigned power = 63 - (unsigned)__builtin_clzll(grains - 1); /* 2^power <= grains - 1 */
    size_t step = (size_t)1 << (power - 2);
    size_t steps = (grains + step - 1) / step; /* 5..8 of that step */
    *rounded = steps * step * GRAIN;
    return 4 + (power - 2) * 4 + (unsigned)(steps - 5);
}

void arena_init(struct arena *a, void *memory, size_t size)
{
    must((uintptr_t)memory % GRAIN == 0);
    *a = (struct arena){.memory = memory, .size = size};
}

void *arena_get(struct arena *a, size_t size)
{
    must(size > 0 && size <= ARENA_BLOCK_MAX);
    size_t rounded;
    unsigned class = class_of(size, &rounded);
    must(class < ARENA_CLASSES && rounded >= size);
    uint8_t *block = NULL;
    if (a->free_lists[class]) {
        block = a->memory + (size_t)(a->free_lists[class] - 1) * GRAIN;
        memcpy(&a->free_lists[class], block, sizeof a->free_lists[class]);
    } else if (a->size - a->used >= rounded) {
        block = a->memory + a->used;
        a->used += rounded;
    }
    if (block)
        a->allocated += rounded;
    return block;
}

void arena_put(struct arena *a, void *block, size_t size)
{
    if (!block)
        return;
    size_t rounded;
    unsigned class = class_of(size, &rounded);
    uint8_t *p = block;
    must(p >= a->memory && p + rounded <= a->memory + a->used);
    memcpy(p, &a->free_lists[class], sizeof a->free_lists[class]);
    a->free_lists[class] = (uint32_t)((size_t)(p - a->memory) / GRAIN) + 1;
    a->allocated -= rounded;
}
