/*
 * Words that members signed about themselves, kept once and named by a number.
 *
 * A word never changes, so whoever believes it holds a reference. A swim has a store of its own
 * with one reference a member; a process that runs many swims (the simulator) gives them one store,
 * and what a member said is there once, however many believe it. That is what makes the part that
 * is kept for each pair of members small (proto/members.h). Reference 0 is "no word": all zero.
 *
 * Only words whose signature was verified are kept, so one that is here already need not be
 * verified again, whoever hears it.
 */
#ifndef PROTO_WORDS_H
#define PROTO_WORDS_H

#include "proto/wire.h"

struct word_entry {
    struct wire_alive word;
    uint64_t hash;       /* the user's, of this word; 0: not reckoned yet */
    uint32_t references; /* 0: free */
    uint32_t next;       /* of the same member, or the next free one; 0: none */
};

struct words {
    uint32_t *first; /* of each member */
    struct word_entry *entries;
    uint32_t room; /* entries, reference 0 included */
    uint32_t used; /* those that were ever in use */
    uint32_t free;
};

/* For one user; each further user may believe older words than the first. */
static inline size_t words_room(size_t members)
{
    return members + 2; /* "no word", and the new one before the old one is dropped */
}
size_t words_bytes(size_t members, size_t room);
/* `memory` (words_bytes, aligned for max_align_t) is the caller's, as long as the store lives. */
void words_init(struct words *w, void *memory, size_t members, size_t room);
/* Somebody keeps this very word of `member` (an index into the roster), signature and all. */
bool words_known(const struct words *w, size_t member, const struct wire_alive *word);
/* A reference to this word of `member`, which signed it. A full store is a bug of whoever
 * chose its room. */
uint32_t words_keep(struct words *w, size_t member, const struct wire_alive *word);
void words_drop(struct words *w, size_t member, uint32_t reference);

/* Valid as long as the reference is held. */
static inline const struct wire_alive *words_get(const struct words *w, uint32_t reference)
{
    return &w->entries[reference].word;
}

/* The same; where its user remembers the word's hash. */
static inline uint64_t *words_hash(struct words *w, uint32_t reference)
{
    return &w->entries[reference].hash;
}

#endif
