/*
 * News: about which members there is a word to pass on, and how often each was told already.
 *
 * Infection style (SWIM paper, section 4.1): a word rides on probes and answers, those told least
 * go first, and after lambda * log2(n + 1) tellings practically everybody has it. The queue holds
 * members, not words: what is told is what the teller believes at that moment, so a newer word
 * replaces an older one by itself. It holds each member at most once; among thousands it has less
 * room than members, and when it is full what was told most often gives way: digests bring the
 * rest.
 */
#ifndef PROTO_GOSSIP_H
#define PROTO_GOSSIP_H

#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

enum { GOSSIP_LAMBDA = 3, GOSSIP_NOBODY = 0xffff, GOSSIP_ROOM_SMALL = 2048 };

struct gossip_item {
    uint16_t member; /* index into the roster */
    uint16_t sent;   /* times told */
    uint32_t stamp;  /* when it became news; later is higher, modulo 2^32 */
};

struct gossip {
    struct gossip_item *items; /* in no order */
    size_t room;
    size_t count;
    uint16_t limit; /* tellings of one word */
    uint32_t stamp_last;
};

/* Tellings of one word among `members` members: at least 1. */
uint16_t gossip_limit(uint32_t members);
/* Items that a queue about so many members has room for. */
size_t gossip_room(size_t members);
/* `items` has room for gossip_room(members) and is the caller's, as long as the queue lives. */
void gossip_init(struct gossip *g, struct gossip_item *items, size_t members);
/* There is a new word about `member`: it will be told from the start. */
void gossip_add(struct gossip *g, uint16_t member);
/* Whom to tell about now: least told first, newest first among equals, never `skip` (GOSSIP_NOBODY:
 * skip nobody). Counts them as told. Returns how many. */
size_t gossip_pick(struct gossip *g, uint16_t skip, uint16_t out[GOSSIP_PER_DATAGRAM]);

#endif
