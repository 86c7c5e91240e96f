/*
 * Who suspects whom: the members that found a suspect silent on their own (Lifeguard, section
 * IV-B). Each shortens the suspicion. Bounded: when thousands fall silent at once, those beyond the
 * table are taken as confirmed, since that is no single node's mistake.
 */
#ifndef PROTO_ACCUSERS_H
#define PROTO_ACCUSERS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/suspicion.h"

enum { ACCUSERS_MAX = 256, ACCUSERS_EACH = SUSPICION_CONFIRMS + 1 };

struct accusers_entry {
    uint16_t member; /* index into the roster */
    uint8_t count;
    uint8_t wanted;             /* confirmations, as reckoned when it began (suspicion_wanted) */
    uint16_t by[ACCUSERS_EACH]; /* slots; the first suspected it first */
};

struct accusers {
    struct accusers_entry table[ACCUSERS_MAX];
    struct instant began[ACCUSERS_MAX]; /* of each: its time runs from here */
    size_t count;
};

void accusers_init(struct accusers *a);
/* A suspicion begins; nothing if there is no room. */
void accusers_begin(struct accusers *a, struct instant now, uint16_t member, uint16_t by,
                    uint32_t wanted);
/* This node stood still for so long: every suspect gets it back. */
void accusers_excuse(struct accusers *a, struct span late);
/* Another one says so. True if that is new. */
bool accusers_confirm(struct accusers *a, uint16_t member, uint16_t by);
/* Nobody's confirmation is waited for any more. */
void accusers_settle(struct accusers *a, uint16_t member);
void accusers_end(struct accusers *a, uint16_t member);
/* NULL: none is kept. */
const struct accusers_entry *accusers_of(const struct accusers *a, uint16_t member);
/* Of an entry that accusers_of() found. */
struct instant accusers_began(const struct accusers *a, const struct accusers_entry *entry);

#endif
