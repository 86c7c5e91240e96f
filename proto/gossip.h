/*
 * News: about which members there is a word to pass on, and how often each was told already.
 *
 * Infection style (SWIM paper, section 4.1): a word rides on probes and answers, those told least
 * go first, and after lambda * log2(n + 1) tellings practically everybody has it. The queue holds
 * members, not words: what is told is what the teller believes at that moment, so a newer word
 * replaces an older one by itself. It holds each member at most once; among thousands it has less
 * room than members, and when it is full what was told most often gives way: digests bring the
 * rest.
 *
 * Nothing is searched for, since at a cold start of thousands everything is news to everybody:
 *
 *     at[member] -> item           an index by member
 *     levels[0]  -> 9 - 8 - 4      never told, newest first: told from here on
 *     levels[1]  -> 7 - 6          told once
 *       ...
 *     levels[k]  -> 2 - 5          told most often: whoever is last gives way
 */
#ifndef PROTO_GOSSIP_H
#define PROTO_GOSSIP_H

#include <stddef.h>
#include <stdint.h>

#include "proto/limits.h"

enum {
    GOSSIP_LAMBDA = 3,
    GOSSIP_LIMIT_MAX = 48, /* 3 * log2(2^16): members are 16-bit numbers */
    GOSSIP_NOBODY = 0xffff,
    GOSSIP_ROOM_MAX = 2048
};

/* There is up to one of these for every pair of nodes of a cluster (proto/members.h): ten bytes.
 * Items are named by their index; GOSSIP_NOBODY is none. */
struct gossip_item {
    uint16_t member; /* index into the roster */
    uint16_t newer;  /* its neighbours in its level */
    uint16_t older;
    uint16_t stamp_low; /* when it became news: later is higher, modulo 2^24 */
    uint8_t stamp_high;
    uint8_t sent; /* times told */
};

/* Items that were told equally often, newest first. */
struct gossip_level {
    uint16_t newest;
    uint16_t oldest;
    uint16_t entered; /* the last that came between others; the next is likely to follow it */
};

struct gossip {
    struct gossip_item *items;
    uint16_t *at; /* of each member: its item */
    size_t room;
    size_t count;
    size_t used;          /* items that were ever in use */
    uint16_t free;        /* the first of those that are in use no more, chained by `older` */
    uint16_t limit;       /* tellings of one word */
    uint64_t levels_used; /* a bit for each */
    uint32_t stamp_last;
    struct gossip_level levels[GOSSIP_LIMIT_MAX];
};

/* Tellings of one word among `members` members: at least 1. */
uint16_t gossip_limit(uint32_t members);
/* Items that a queue about so many members has room for. */
size_t gossip_room(size_t members);
/* Bytes of memory that a queue about so many members works in. */
size_t gossip_bytes(size_t members);
/* `memory` (gossip_bytes, aligned for uint16_t) is the caller's, as long as the queue lives. */
void gossip_init(struct gossip *g, void *memory, size_t members);
/* There is a new word about `member`: it will be told from the start. */
void gossip_add(struct gossip *g, uint16_t member);
/* Whom to tell about now, up to `room`: least told first, newest first among equals, never `skip`
 * (GOSSIP_NOBODY: skip nobody). Counts them as told. Returns how many. */
size_t gossip_pick(struct gossip *g, uint16_t skip, uint16_t *out, size_t room);

#endif
