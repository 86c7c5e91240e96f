/* What a voter has stored: see registers.h. */
#include "proto/registers.h"

#include "proto/floor.h"
#include "proto/must.h"
#include "proto/mutant.h"

size_t registers_bytes(uint32_t max, uint32_t shards)
{
    return ((size_t)max + shards) * sizeof(struct lock_register) + max * sizeof(uint32_t);
}

void registers_init(struct registers *r, void *memory, uint32_t max, uint32_t shards,
                    struct arena *arena)
{
    must(max > 0);
    *r = (struct registers){.arena = arena, .entries = memory, .max = max, .shards = shards};
    r->buckets = (uint32_t *)(r->entries + max + shards);
    memset(r->buckets, 0, max * sizeof *r->buckets);
}

/* What an entry of that name counts as. */
static uint32_t *count_of(struct registers *r, struct view name)
{
    uint32_t shard;
    return floor_shard(name, &shard) ? &r->floors : &r->count;
}

/* L10. */
static bool has_room(struct registers *r, struct view name)
{
    if (MUTANT(185)) /* "floors take the places of locks" */
        return r->count + r->floors < r->max;
    return count_of(r, name) == &r->floors ? r->floors < r->shards : r->count < r->max;
}

struct lock_register *registers_find(const struct registers *r, uint64_t hash, struct view name)
{
    for (uint32_t i = r->buckets[hash % r->max]; i; i = r->entries[i - 1].next) {
        struct lock_register *e = &r->entries[i - 1];
        if (view_equal((struct view){e->name, e->name_size}, name))
            return e;
    }
    return NULL;
}

struct lock_register *registers_make(struct registers *r, uint64_t hash, struct view name,
                                     uint32_t shard)
{
    struct lock_register *e = registers_find(r, hash, name);
    if (e)
        return e;
    if (!has_room(r, name))
        return NULL;
    uint8_t *copy = arena_get(r->arena, name.size);
    if (!copy)
        return NULL;
    memcpy(copy, name.bytes, name.size);
    if (r->free) {
        e = &r->entries[r->free - 1];
        r->free = e->next;
    } else {
        must(r->used < r->max + r->shards);
        e = &r->entries[r->used++];
    }
    ++*count_of(r, name);
    *e = (struct lock_register){.name = copy, .name_size = (uint8_t)name.size, .shard = shard};
    uint32_t *bucket = &r->buckets[hash % r->max];
    e->next = *bucket;
    *bucket = (uint32_t)(e - r->entries) + 1;
    return e;
}

void registers_drop(struct registers *r, uint64_t hash, struct lock_register *e)
{
    uint32_t index = (uint32_t)(e - r->entries) + 1;
    uint32_t *at = &r->buckets[hash % r->max];
    while (*at != index) {
        must(*at);
        at = &r->entries[*at - 1].next;
    }
    *at = e->next;
    --*count_of(r, (struct view){e->name, e->name_size});
    if (e->state)
        arena_put(r->arena, e->state, e->state_size);
    arena_put(r->arena, e->name, e->name_size);
    *e = (struct lock_register){.next = r->free};
    r->free = index;
}

struct lock_register *registers_next(const struct registers *r, uint32_t *cursor)
{
    while (*cursor < r->used) {
        struct lock_register *e = &r->entries[(*cursor)++];
        if (e->name)
            return e;
    }
    return NULL;
}

bool registers_store(struct registers *r, struct lock_register *e, struct ballot ballot,
                     uint64_t seq, struct view state)
{
    uint8_t *copy = NULL;
    if (state.size) {
        copy = arena_get(r->arena, state.size);
        if (!copy)
            return false;
        memcpy(copy, state.bytes, state.size);
    }
    if (e->state)
        arena_put(r->arena, e->state, e->state_size);
    e->state = copy;
    e->state_size = (uint32_t)state.size;
    e->ballot = ballot;
    e->seq = seq;
    return true;
}
