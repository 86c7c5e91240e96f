/*
 * Membership: SWIM (Das, Gupta, Motivala, DSN 2002) with suspicion, incarnations, refutation,
 * indirect probes and infection-style piggyback; Lifeguard's local health, shrinking suspicion and
 * buddy system (arXiv 1707.00788); fixed watchers beside the random round (proto/watch.h).
 *
 * Members come from the roster alone; gossip says how they are, never who they are. M1: nothing
 * here decides who may hold a lock, only who is asked. M2: alive and left count only with the
 * member's own signature, bound to its life; a suspicion or a death is hearsay about one
 * incarnation of one life and is undone by a signed word with a higher incarnation. M3:
 * "unreachable" here means: for me, first-hand.
 *
 * Order of words about one member (the SWIM paper, section 4.2, with lives in front): a higher life
 * beats a lower one; within a life a higher incarnation beats a lower one; within an incarnation
 * dead > suspect > alive, and left > alive: only the member's own
 * word with a higher incarnation undoes either.
 */
#ifndef PROTO_SWIM_H
#define PROTO_SWIM_H

#include "crypto/drbg.h"
#include "crypto/roster.h"
#include "proto/accusers.h"
#include "proto/edges.h"
#include "proto/outbox.h"
#include "proto/timing.h"
#include "proto/wire.h"

enum member_state { MEMBER_UNKNOWN, MEMBER_ALIVE, MEMBER_SUSPECT, MEMBER_DEAD, MEMBER_LEFT };
const char *member_state_text(enum member_state state);

/* Of five members, with their default target (proto/timing.h). */
struct swim_timing swim_timing_default(void);

struct words;

struct swim_config {
    const struct roster *roster; /* outlives the swim */
    uint16_t self;               /* slot */
    const struct key_pair *key;  /* outlives the swim */
    struct cluster_id cluster;
    struct swim_timing timing;
    struct words *words; /* signed words that several swims of one process keep together; outlives
                            the swim. NULL: a store of its own */
    uint32_t hush_among; /* who sits among fewer always refutes (hush.h); 0: HUSH_AMONG */
};

/* First-hand numbers of a node about its own store, as it last told us (L7). */
struct vitals {
    uint64_t life;
    uint64_t commits;
    uint64_t ops;
};

/* What this node knows of one member. */
struct member_view {
    uint16_t slot;
    enum member_state state; /* gossip's word */
    bool unreachable; /* first-hand: it answered neither a direct nor an indirect probe last time */
    uint64_t life;
    uint32_t incarnation;
    uint16_t by;           /* who said `state` first, of suspect and dead; else SLOT_NONE */
    uint16_t accused_by;   /* who first suspected it; SLOT_NONE if nobody */
    struct instant since;  /* of `state` */
    struct instant due;    /* a suspect that does not refute is dead then; else INSTANT_NEVER */
    uint8_t accuser_count; /* of a suspect: members that found it silent on their own, */
    uint8_t accusers_full; /*   and how many of them make the suspicion shortest */
    uint16_t accusers[ACCUSERS_EACH]; /* their slots, the first one first */
    struct instant heard;             /* last authenticated datagram; ns 0 if never */
    struct span round_trip;           /* of direct probes, smoothed (round_trip.h); 0 if none yet */
    uint16_t via;                     /* the relay to it (T3); SLOT_NONE: it is reached directly */
    bool hushed;                 /* of this node itself: it does not refute for now (hush.h), */
    struct instant hushed_since; /*   since then; */
    uint32_t alone;              /*   of its last HUSH_LOOKED probes: those that nobody answered */
};

struct swim_change {
    uint16_t slot;
    enum member_state before : 8;
    enum member_state after : 8;
    uint32_t incarnation;
    uint64_t life;
    uint16_t by; /* who said `after`, of suspect and dead; else SLOT_NONE */
    uint16_t accused_by;
    bool new_life; /* before it was another one */
};

struct swim_counters {
    uint64_t probes;
    uint64_t probes_failed; /* no direct and no indirect answer */
    uint64_t refutations;   /* of ours */
    uint64_t words_forged;  /* signature did not verify */
    uint64_t words_ignored; /* unknown slot, old life or incarnation */
};

struct swim;

size_t swim_size(const struct swim_config *config);
/* Initialises in `memory` (swim_size bytes, aligned for max_align_t), which lives as long as the
 * swim. */
struct swim *swim_init(void *memory, const struct swim_config *config, struct outbox *outbox,
                       struct drbg *drbg);
/* This node's life is known and durable: says alive for the first time and starts to probe. Called
 * again if the life is raised. Before the first call nothing is sent and words are only remembered.
 */
void swim_start(struct swim *s, struct instant now, uint64_t life, const struct nonce *life_nonce);
/* Numbers that our probes carry. */
void swim_set_vitals(struct swim *s, uint64_t commits, uint64_t ops);
/* A signed word that the caller vouches for, since it had been verified: known from the start, and
 * no news. Before swim_start. */
void swim_recall(struct swim *s, struct instant now, const struct wire_alive *word);
/* When swim_step wants to be called; INSTANT_NEVER before swim_start. */
struct instant swim_deadline(const struct swim *s);
void swim_step(struct swim *s, struct instant now);
/* A message of types PING .. AWAY from `from`, authenticated. */
void swim_take(struct swim *s, struct instant now, uint16_t from, const struct message *m);
/* Any authenticated datagram came from `slot`. */
void swim_heard(struct swim *s, struct instant now, uint16_t slot);
/* A session with `slot` was established: tell it all we know. */
void swim_connected(struct swim *s, struct instant now, uint16_t slot);
/* Says, signed, that this node leaves (M2), to everybody directly. Nothing is freed by it. */
void swim_leave(struct swim *s, struct instant now);
/* Says to everybody directly that this agent stops and means to come back in this life. */
void swim_away(struct swim *s);

/* Tells `to` all that is held about `about`, now, instead of with the next probe. */
void swim_tell(struct swim *s, uint16_t to, uint16_t about);

enum member_state swim_state(const struct swim *s, uint16_t slot);
/* Alive or merely suspect: worth asking. True for this node itself. */
bool swim_alive(const struct swim *s, uint16_t slot);
void swim_view(const struct swim *s, uint16_t slot, struct member_view *out);
/* What `slot` last told about itself; false if never heard. */
bool swim_vitals(const struct swim *s, uint16_t slot, struct vitals *out);
/* Takes a member, in the roster's order, that told more of itself than when it was taken last;
 * false if there is none. */
bool swim_next_vitals(struct swim *s, uint16_t *slot, struct vitals *out);
/* Takes the oldest change not yet taken; bounded: the oldest are lost and counted by nobody, since
 * the present state can always be read. */
bool swim_next_change(struct swim *s, struct swim_change *out);
/* The same of this node's own finding: whom it reaches no more, or again (M3). */
bool swim_next_edge(struct swim *s, struct edge_change *out);
/* This node does not refute for now: most of its own probes get no answer (hush.h). */
bool swim_hushed(const struct swim *s);
/* How far this node trusts its own probes: 0 (well) to HEALTH_MAX (proto/health.h). */
uint32_t swim_health(const struct swim *s);
const struct swim_counters *swim_counters(const struct swim *s);

#endif
