/*
 * The accuser: what a coordinator does about a dead holder that somebody waits for (F1, F2e).
 *
 * It names to every juror the lock, its holder's life and no more; an accusation contains no bytes
 * of an order. Votes and opinions are gathered; q votes are an order, which goes into the docket
 * with its story and to everybody who is alive, until they have it durably. The votes of any two
 * accusers add up, since an order's bytes say nothing of who asked (F1).
 */
#ifndef PROTO_ACCUSER_H
#define PROTO_ACCUSER_H

#include "proto/docket.h"
#include "proto/turns.h"

enum { ACCUSER_WHO_MAX = 64, ACCUSER_REASON_MAX = 160 };

struct accusation {
    bool used;
    uint16_t slot;
    uint64_t life;
    uint64_t held; /* the life that holds the lock: `life`, or an earlier one (accuse_heir) */
    struct scope_word word;      /* of the session that is asked for; none: the whole life */
    uint8_t name[LOCK_NAME_MAX]; /* of the lock that was named first */
    uint8_t name_size;           /* 0: nobody waits, an operator asked */
    uint8_t who[ACCUSER_WHO_MAX], reason[ACCUSER_REASON_MAX]; /* of that operator */
    uint8_t who_size, reason_size;
    uint64_t heir;          /* a later life that a juror has in its book; 0: none known */
    bool dead;              /* SWIM held it dead when the jurors were asked last */
    struct instant placed;  /* begun: others may want the place */
    struct instant since;   /* accused, or dead */
    struct instant noted;   /* somebody waited for it then */
    struct instant next_at; /* to ask, or to tell, again */
    struct span wait;       /* between tellings of the order */
    uint16_t tell_from;     /* index in the roster: those before have been told in this round */
    struct order_cert cert; /* votes so far */
    uint32_t answered;      /* mask over the jury */
    struct evidence evidence[ROSTER_JURORS_MAX];
    uint8_t
        told[(ROSTER_NODES_MAX + 7) / 8]; /* has the order durably; bit per index in the roster */
};

struct accuser {
    struct core *core;
    struct docket *docket;
    struct proofs *proofs;
    struct accusation *table; /* places_asked() of them at most; full: they take turns */
    size_t count;             /* so many were ever used */
    size_t used;              /* so many are */
    uint32_t serial;          /* begun and ended so far */
    struct turns turns;
};

size_t accuser_bytes(const struct peer_config *config);
void accuser_init(struct accuser *a, struct core *core, struct docket *docket,
                  struct proofs *proofs, void *memory);
/* Somebody waits for `name`, which life `held` of `slot` holds under `fence`. `life` is that one,
 * or a later one that never stated the end of those before it; it is suspect or dead by SWIM, has
 * left, was never heard of, or lives on under a later life without a proof of the end. Once `held`
 * is proven over nobody is asked about `life` any more. */
void accuser_note(struct accuser *a, struct instant now, uint16_t slot, uint64_t life,
                  uint64_t held, struct view name);
/* The same of one session of it, by its node's own word, if the lock is held under `action`. */
void accuser_note_session(struct accuser *a, struct instant now, uint16_t slot, uint64_t life,
                          const struct scope_word *word, struct view name);
/* Whether the order about that session has failed, or nobody acts on it: the ladder goes on to the
 * whole life. */
bool accuser_climbs(const struct accuser *a, struct instant now, uint16_t slot, uint64_t life,
                    const struct scope *scope);
/* An operator asks for an order without a waiter, which replaces F2e and nothing else; it lasts a
 * few seconds, and is repeated. NULL, or why it cannot be: static. */
const char *accuser_request(struct accuser *a, struct instant now, uint16_t slot, uint64_t life,
                            struct view who, struct view reason);
/* What jurors have said so far; false if that life is not accused here. Points at the accuser's. */
bool accuser_story(const struct accuser *a, uint16_t slot, uint64_t life, const struct scope *scope,
                   struct fence_story *out);
/* The later life that jurors told of when that one was accused, and gave no proof for it in a
 * while; 0: none, or it is too early to say. */
uint64_t accuser_heir(const struct accuser *a, struct instant now, uint16_t slot, uint64_t life);
/* Messages OPINION, VOTE, ORDER_STORED. True if an order became certified by it. */
bool accuser_take(struct accuser *a, struct instant now, uint16_t from, const struct message *m);
void accuser_step(struct accuser *a, struct instant now);
struct instant accuser_deadline(const struct accuser *a);
/* How far it has come, for those who wait. */
struct stale_view accuser_view(const struct accuser *a, uint16_t slot, uint64_t life,
                               const struct scope *scope);

#endif
