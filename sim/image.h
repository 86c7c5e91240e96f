/*
 * What a machine's store durably says, as seen from outside: the records of its log, applied as
 * they become durable. Beside it, what was appended, durable or not. The peer's own books are not
 * asked.
 *
 * image_durable is where the observer learns that a promise or a value is durable somewhere, and so
 * where values become chosen (check_registers.c).
 */
#ifndef SIM_IMAGE_H
#define SIM_IMAGE_H

#include "proto/id.h"
#include "sim/history.h"

struct world;
struct machine;

struct version {
    struct ballot ballot;
    uint64_t seq;
};

struct image {
    struct ballot promised[SHARDS_MAX];
    struct version dropped[SHARDS_MAX]; /* the highest (L10) */
    struct value *stored[REGISTERS_MAX];
    /* Fencing, by machine: the highest life that this store says it voted against, that its book
     * has, and that is proven over. */
    uint64_t voted[MACHINES_MAX];
    uint64_t book[MACHINES_MAX];
    uint64_t proven[MACHINES_MAX];
    uint64_t life; /* its own */
};

enum entry_kind {
    ENTRY_REGISTER,
    ENTRY_DROP,
    ENTRY_VOTE,
    ENTRY_BOOK,
    ENTRY_PROOF,
    ENTRY_LIFE,
    ENTRY_HAND_OVER /* a hold may be another's by a hand-over */
};

/* One promise or one value on its way to the disk, a register that is dropped, or a word about a
 * life or a hold. */
struct image_entry {
    uint64_t lsn;
    enum entry_kind kind;
    uint16_t index;  /* a life: whose, */
    uint64_t number; /*   and which; ENTRY_DROP: the seq; ENTRY_HAND_OVER: the hold's counter */
    uint64_t change; /* ENTRY_HAND_OVER: its own */
    uint32_t shard;
    struct ballot promised; /* ENTRY_DROP: the ballot */
    struct value *value;    /* NULL: a promise alone; ENTRY_DROP: the mark alone */
};

struct shadow {
    struct image durable;
    struct image appended;
    struct image_entry *entries; /* not yet durable, ascending */
    size_t first;
    size_t count; /* index behind the last */
    size_t room;
};

/* A record was appended. */
void image_append(struct world *w, struct machine *m, uint64_t lsn, struct view payload);
/* A segment is being written: it must say all that was appended, and may say more. */
void image_segment(struct world *w, struct machine *m, struct view segment, uint64_t lsn);
/* All up to `lsn` is durable. */
void image_durable(struct world *w, struct machine *m, uint64_t lsn);
/* An agent starts from these bytes: they must say all that was durable (S4). What they say beyond
 * that and their snapshot is durable with the run's first segment only. */
void image_recover(struct world *w, struct machine *m, struct view bytes);
/* Whether a store that dropped as much may store the value anew (L10). */
bool image_above(const struct image *i, const struct value *v);
/* The store is gone; what it had said stays said, but nothing more will be. */
void image_lose(struct machine *m);

#endif
