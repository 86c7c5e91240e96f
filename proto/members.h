/*
 * What this node knows of every member of the roster, and what a word about one is worth.
 *
 * A member's entry rests on the last word that the member itself signed (M2). Hearsay, suspicion or
 * death, is about exactly that signed word: the same life and incarnation. Whoever passes hearsay
 * on sends the signed word in front of it, so nobody but the member can move its incarnation or its
 * life. Members are indices into the roster; nothing here sends or waits.
 */
#ifndef PROTO_MEMBERS_H
#define PROTO_MEMBERS_H

#include "proto/marks.h"
#include "proto/swim.h"
#include "proto/words.h"

enum {
    MEMBER_CHANGES_MAX = 256,
    MEMBERS_SUMMED = 64 /* in one sum of hashes: an eighth of a byte a member */
};

/* There is one of these for every pair of nodes of a cluster: 100 million among 10,000. */
struct member {
    struct vitals vitals;        /* first-hand */
    uint32_t word;               /* the last signed word: a reference into `words` */
    uint32_t round_trip_us;      /* first-hand, smoothed */
    struct brief_instant since;  /* of `state` */
    struct brief_instant due;    /* a suspect is dead then */
    struct brief_instant heard;  /* first-hand */
    uint16_t by;                 /* who said `state` first, of suspect and dead; else SLOT_NONE */
    uint16_t accused_by;         /* who first suspected it; SLOT_NONE if nobody */
    enum member_state state : 8; /* gossip's word */
    bool unreachable : 1;        /* first-hand */
    bool told_vitals : 1;
    bool refuted : 1; /* it was suspect before it was alive */
};
_Static_assert(sizeof(struct member) == 56, "with ring and news at most 64 bytes a pair");

struct members {
    const struct roster *roster;
    struct cluster_id cluster;
    size_t count;
    size_t quiet_count; /* members that are dead or unknown */
    size_t alive_count; /* members that are alive, not even suspect */
    size_t suspect_count;
    uint64_t hash;                                  /* of all, kept up to date */
    struct words *words;                            /* perhaps others' too */
    struct member *table;                           /* in the roster's order */
    uint64_t *sums;                                 /* the same for MEMBERS_SUMMED members each */
    struct marks vitals_new;                        /* whose vitals rose, and nobody took them */
    struct swim_change changes[MEMBER_CHANGES_MAX]; /* a ring; the oldest give way */
    size_t change_start;
    size_t change_count;
};

enum word_verdict {
    WORD_NEW,   /* take it over */
    WORD_KNOWN, /* says what is held already */
    WORD_OLD,   /* an older life or incarnation, or less than what is held */
    WORD_FORGED /* would be new, but the member did not sign it */
};

/* Bytes of memory that the table of so many members needs. */
size_t members_bytes(size_t count);
/* `memory` (members_bytes, aligned for max_align_t) is the caller's, like `words`, as long as `ms`
 * lives. */
void members_init(struct members *ms, const struct roster *roster, const struct cluster_id *cluster,
                  void *memory, struct words *words);
/* The last word that the member signed; all zero while it is unknown. */
const struct wire_alive *members_word(const struct members *ms, size_t index);
/* Index of a slot; -1 if the roster does not name it. */
int members_find(const struct members *ms, uint16_t slot);
uint16_t members_slot(const struct members *ms, size_t index);
/* Alive or merely suspect. */
bool members_live(const struct members *ms, size_t index);
/* The member signed this word. */
bool members_signed(const struct members *ms, size_t index, const struct wire_alive *word);
/* The word is of the life that is held, by number, but with another nonce. */
bool members_other_copy(const struct members *ms, size_t index, const struct wire_alive *word);
/* What a signed word about member `index` is worth. Verifies only what would be new. */
enum word_verdict members_judge_alive(const struct members *ms, size_t index,
                                      const struct wire_alive *word);
/* What hearsay is worth; `state` is MEMBER_SUSPECT or MEMBER_DEAD. Never WORD_FORGED. */
enum word_verdict members_judge_hearsay(const struct members *ms, size_t index, uint64_t life,
                                        uint32_t incarnation, enum member_state state);
/* Takes over a judged word. */
void members_set_alive(struct members *ms, struct instant now, size_t index,
                       const struct wire_alive *word);
void members_set_hearsay(struct members *ms, struct instant now, size_t index,
                         enum member_state state, uint16_t by);
/* What a member told about itself: kept as a maximum within a life. An older life is ignored. */
void members_set_vitals(struct members *ms, size_t index, const struct vitals *told);
/* Hash over slot, state, life and incarnation of `count` members from index `first` on (which must
 * be there): equal views have equal hashes at every node. */
uint64_t members_hash(const struct members *ms, size_t first, size_t count);
bool members_next_change(struct members *ms, struct swim_change *out);

#endif
