/*
 * What a voter has stored: one register per lock name, (ballot, seq, state) (L3), in fixed memory.
 *
 * Names and states live in the arena; the entry's number is stable as long as it is not dropped
 * (L10). Lookup is by chained hashing with the cluster's key, so that names cannot be chosen to
 * collide.
 *
 * Floors have places of their own, one per shard, and are counted apart: a lock can be dropped only
 * after its shard's floor is stored, so locks that take all places must not keep a floor out, and
 * floors, which are never dropped, must not keep locks out in the end.
 */
#ifndef PROTO_REGISTERS_H
#define PROTO_REGISTERS_H

#include "proto/arena.h"
#include "proto/id.h"
#include "proto/time.h"

/* In which list of proto/idle it is. */
enum idle_kind { IDLE_NONE, IDLE_FRESH, IDLE_REST, IDLE_PARKED, IDLE_LISTS };

struct lock_register {
    uint8_t *name; /* in the arena; NULL: the entry is not used */
    uint8_t *state;
    uint32_t state_size;
    uint32_t next; /* chain, or of entries not used: index + 1, 0 at its end */
    uint32_t shard;
    uint8_t name_size;
    struct ballot ballot; /* under which `state` was accepted */
    uint64_t seq;
    uint64_t lsn; /* of the record that holds it */
    enum idle_kind idle;
    uint32_t idle_prev, idle_next; /* index + 1 */
    struct instant idle_since;     /* when it was written last, if it is free */
};

struct registers {
    struct arena *arena;
    struct lock_register *entries;
    uint32_t *buckets; /* index + 1 of the chain's first entry */
    uint32_t count;    /* locks, of which there may be */
    uint32_t max;      /*   so many, */
    uint32_t floors;   /* and floors, of which there may be */
    uint32_t shards;   /*   so many */
    uint32_t used;     /* all entries in use are below this one */
    uint32_t free;     /* first that was dropped: index + 1 */
};

/* max: locks; beside them there is room for the floors of so many shards. */
size_t registers_bytes(uint32_t max, uint32_t shards);
/* `memory`: registers_bytes(max, shards) bytes, aligned for max_align_t. */
void registers_init(struct registers *r, void *memory, uint32_t max, uint32_t shards,
                    struct arena *arena);
/* hash: of the name, under the cluster's key. NULL if there is none. */
struct lock_register *registers_find(const struct registers *r, uint64_t hash, struct view name);
/* Finds or makes an (empty) entry, of a lock or of a floor; NULL if there is no room for one. */
struct lock_register *registers_make(struct registers *r, uint64_t hash, struct view name,
                                     uint32_t shard);
/* Replaces the state. False, and nothing changed, if there is no room. */
bool registers_store(struct registers *r, struct lock_register *e, struct ballot ballot,
                     uint64_t seq, struct view state);
/* The entry is not there any more, and its room is free. */
void registers_drop(struct registers *r, uint64_t hash, struct lock_register *e);
/* Iterates: start with *cursor = 0; NULL at the end. */
struct lock_register *registers_next(const struct registers *r, uint32_t *cursor);

#endif
