/*
 * The small names of the protocol: ballots, operation ids, life numbers, byte views.
 * Structs, so that two integers cannot be swapped; compared only through the functions here.
 */
#ifndef PROTO_ID_H
#define PROTO_ID_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

enum { SLOT_NONE = 0xffff };

/* A ballot: (epoch, round, slot), ordered so (L1). All zero: no ballot, below every other. */
struct ballot {
    uint32_t epoch;
    uint64_t round;
    uint16_t slot;
};

static inline int ballot_compare(struct ballot a, struct ballot b)
{
    if (a.epoch != b.epoch)
        return a.epoch < b.epoch ? -1 : 1;
    if (a.round != b.round)
        return a.round < b.round ? -1 : 1;
    return a.slot == b.slot ? 0 : a.slot < b.slot ? -1 : 1;
}

static inline bool ballot_equal(struct ballot a, struct ballot b)
{
    return ballot_compare(a, b) == 0;
}

static inline bool ballot_none(struct ballot b)
{
    return b.epoch == 0 && b.round == 0 && b.slot == 0;
}

/* Where a stored state stands: ballot first, then the sequence within it (L3). */
static inline int version_compare(struct ballot a, uint64_t a_seq, struct ballot b, uint64_t b_seq)
{
    int c = ballot_compare(a, b);
    return c ? c : a_seq == b_seq ? 0 : a_seq < b_seq ? -1 : 1;
}

/* An operation (L9): the counter is never used twice in a life. It also names the hold it asks for.
 */
struct op_id {
    uint16_t slot;
    uint64_t life;
    uint64_t counter;
};

static inline bool op_equal(struct op_id a, struct op_id b)
{
    return a.slot == b.slot && a.life == b.life && a.counter == b.counter;
}

/* Bytes that belong to somebody else. */
struct view {
    const uint8_t *bytes;
    size_t size;
};

static inline bool view_equal(struct view a, struct view b)
{
    return a.size == b.size && (a.size == 0 || memcmp(a.bytes, b.bytes, a.size) == 0);
}

#endif
