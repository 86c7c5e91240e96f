/*
 * The locks that a coordinator serves (L4, L5): for each one the last state that it sent under its
 * ballot, whether that state is true, and the requests that wait.
 *
 *            request                majority answered         all answered alike, or accepted
 *   (absent) --------> READING ------------------------> SENDING ------------------> TRUE
 *                                                          ^   a request changes it    |
 *                                                          +---------------------------+
 *
 * One state is out at a time: requests that come meanwhile wait in the inbox and are applied
 * together to the next one, so a busy lock costs fewer rounds, not more. Outcomes are told when the
 * state that they rest on is true, and not before (L5); a grant that lacks its asker's vote alone
 * is told for when it has that (provisional.h). An outcome that rests on what is *not* in a state
 * that was true before the request came (busy, nothing to drop) could be out of date, since
 * somebody else may lead by now: it needs a confirm round of the shard first, like a look.
 */
#ifndef PROTO_SERVED_H
#define PROTO_SERVED_H

#include "proto/lease.h"

/* One request, from its arrival to its answer. Also used for a grant that a waiter is owed. */
struct asked {
    uint32_t next; /* in its list: index + 1 */
    struct op_id op;
    uint16_t to; /* the slot that asked */
    enum request_kind kind;
    enum lock_mode mode;
    uint16_t limit;
    enum lock_policy policy;
    uint32_t ttl_ms;
    uint64_t sent; /* by the asker's clock; 0 if it is told unasked */
    bool try;
    bool head;
    bool unclean;
    uint64_t change; /* of a hold: its counter; else 0 */
    struct op_id target;
    uint64_t expect; /* the token that ACQUIRE or CLEAR names */
    uint8_t *bytes;  /* in the arena: ACQUIRE: the holder's data; WRITE: the value */
    uint16_t bytes_size;
    struct scope_word *word;    /* in the arena: ACQUIRE under `action`; else NULL */
    enum reply_verdict verdict; /* once applied */
    uint64_t token;
    uint32_t place;
    uint32_t served;    /* waits for a confirm round: index + 1 of its lock */
    uint32_t confirmed; /* the round that answers it (serial number) */
    bool sure;          /* that round is over: what the true state says may be told */
    bool provisional;   /* told already, for when its asker's own vote makes it true */
};

struct asked_list {
    uint32_t first; /* index + 1, 0 if empty */
    uint32_t last;
};

enum served_phase { SERVED_READING, SERVED_SENDING, SERVED_TRUE };

struct served {
    bool used;
    enum served_phase phase;
    uint8_t *name;
    uint8_t name_size;
    uint32_t shard;
    uint32_t chain;                  /* of the hash bucket: index + 1 */
    uint32_t shard_prev, shard_next; /* locks of one shard: index + 1 */
    struct ballot ballot;
    uint32_t answered; /* mask over the cohort: Read, or Accept of the last state sent */
    uint32_t voted;    /* and of the round before */
    uint32_t round;    /* number of its reading */
    /* READING: the highest version answered so far. */
    struct ballot best;
    uint64_t best_seq;
    bool lacked; /* one has nothing */
    /* Mask of those who answered just that version, or accepted the last state sent. It goes on
     * being filled when the state is true (L10). */
    uint32_t alike;
    /* The last state sent under `ballot` (or read, before the first is sent: 0). */
    uint64_t seq;
    uint8_t *state;
    uint32_t state_size;
    struct lock_break broken; /* that the state names (F5): it is sent with its proof */
    struct lease_told told;   /* of a grant under `expire` */
    bool lapsing;            /* its requests wait until the ballot was confirmed: leases are over */
    bool waited;             /* somebody waits for it, as of the last true state */
    bool resting;            /* TRUE, and what is in the inbox keeps until `retry_at` */
    struct asked_list inbox; /* not applied yet */
    struct asked_list outcomes; /* applied to the state that is being sent */
    struct instant retry_at;
    struct span retry_wait;
    struct instant tell_next;          /* holders hear that somebody waits, but not before */
    struct instant tell_try_next;      /* all of them hear that somebody tried, but not before */
    uint32_t active_prev, active_next; /* READING, SENDING or resting: index + 1 */
    uint64_t used_at;                  /* for choosing which idle lock to forget */
    bool forgetting;                   /* it is in the batch of its shard (forget.h) */
    uint32_t forget_next;              /* in that batch: index + 1 */
};

/* L10, of a shard that is led. */
struct served_floor {
    bool known; /* the floor is true: locks that are not there are born with this: */
    uint64_t token;
    uint64_t generation;
    uint64_t dropped; /* the highest seq that voters were told to drop under this ballot */
};

struct served_table {
    struct core *core;
    struct served *locks;        /* behind those of names, one for the floor of each shard */
    struct served_floor *floors; /* by shard */
    uint32_t max;
    uint32_t count; /* locks[0..count) were ever used */
    uint32_t free;  /* chain of unused ones, by `chain` */
    uint32_t *buckets;
    uint32_t active;           /* first one with a round under way, or that rests */
    struct instant rest_until; /* of those that rest now, or rested last */
    uint64_t clock;            /* of uses */
    uint32_t rounds;           /* readings begun */
    struct instant true_at;    /* a state became true last */
    struct instant lapse_at;   /* somebody may be waiting for a hold whose lease is over then */
    struct asked *asked;
    uint32_t asked_max;
    uint32_t asked_count; /* asked[0..asked_count) were ever used: pages of the rest cost nothing */
    uint32_t asked_free;
    struct lock_state scratch;
    struct lock_state brief;
};

size_t served_bytes(const struct peer_config *config);
void served_init(struct served_table *t, struct core *core, void *memory);

/* --- Requests: asked.c --- */
/* NULL if the pool is empty. */
struct asked *asked_new(struct served_table *t);
/* Copies the bytes that come with a request. False if there is no room for them. */
bool asked_keep(struct served_table *t, struct asked *a, struct view bytes);
/* Only who asks under `action` says what is to be done about it, of its own life and in its own
 * word: what jurors would not take must not be stored (crypto/scope.h). */
bool asked_word_suits(const struct core *c, const struct wire_request *r);
bool asked_keep_word(struct served_table *t, struct asked *a, const struct scope_word *word);
void asked_free(struct served_table *t, struct asked *a);
void asked_push(struct served_table *t, struct asked_list *list, struct asked *a);
struct asked *asked_pop(struct served_table *t, struct asked_list *list);
struct asked *asked_first(const struct served_table *t, const struct asked_list *list);
struct asked *asked_next(const struct served_table *t, const struct asked *a);
bool asked_has(const struct served_table *t, const struct asked_list *list, struct op_id op,
               enum request_kind kind, uint64_t change);
/* Takes one out of a list and frees it, if it is there. */
void asked_remove(struct served_table *t, struct asked_list *list, struct op_id op,
                  enum request_kind kind);
/* Frees all of a list. */
void asked_clear(struct served_table *t, struct asked_list *list);

/* --- Locks --- */
struct served *served_find(const struct served_table *t, struct view name);
/*
 * Finds the lock, or begins to read it under `ballot` (L4), and with the first of a shard its floor
 * (L10). `*list` is the first lock of its shard.
 * NULL if there is no room: the caller may forget an idle lock for it (proto/room).
 */
struct served *served_touch(struct served_table *t, struct instant now, struct view name,
                            uint32_t shard, struct ballot ballot, uint32_t *shard_list);
/* Forgets the lock and its requests; L4 allows it for a TRUE one, or when the ballot is given up.
 */
void served_forget(struct served_table *t, struct served *s, uint32_t *shard_list);
/* The floor of a shard; NULL if it was not read under the present ballot. */
struct served *served_floor_of(const struct served_table *t, uint32_t shard);
bool served_is_floor(const struct served_table *t, const struct served *s);
/* The shard's ballot is given up: its floor is not known any more. */
void served_floor_reset(struct served_table *t, uint32_t shard);
/* A floor that is true is raised to this at least, and sent. False if there is no memory for it. */
bool served_floor_raise(struct served_table *t, struct instant now, struct served *s,
                        uint64_t token, uint64_t generation);
/* The floor has become known: true if the state of a lock that waited for it became true by it. */
bool served_born(struct served_table *t, struct instant now, struct served *s);
/* Whether nothing was sent since it was read. */
bool served_only_read(const struct served *s);
/* A true state is sent once more, under a new number, or only to those who did not say that they
 * have it. */
void served_send_again(struct served_table *t, struct instant now, struct served *s);
void served_send_missing(struct served_table *t, const struct served *s);
/* Reads again at those who did not answer; the state is true, and nothing was sent. */
void served_read_missing(struct served_table *t, const struct served *s);
/*
 * Applies what waits, if the state is true. Returns true if the state is (still) true afterwards.
 * What needs a confirm round first is moved to `unsure`; if all of it does, the lock is `lapsing`.
 */
bool served_advance(struct served_table *t, struct instant now, struct served *s,
                    struct asked_list *unsure);
/* Answers of voters; true if the lock's state became true by it. `member`: place in the cohort. */
bool served_stored(struct served_table *t, struct instant now, struct served *s, int member,
                   const struct wire_stored *m);
bool served_accepted(struct served_table *t, struct instant now, struct served *s, int member,
                     const struct wire_accepted *m);
/* SWIM suspects a node, or holds it dead: is it in the way of somebody? */
void served_gone(struct served_table *t, struct instant now, struct served *s);
/* Tells those who wait what is done about the dead holder in the way, if one is. */
void served_tell(struct served_table *t, struct served *s);
/* Somebody waits, and the lease of a hold may be over. */
bool served_lapses(const struct served_table *t, struct instant now);
/* Sends again what was not answered. */
void served_step(struct served_table *t, struct instant now);
/* What is in the inbox of a lock whose state is true keeps until the next rest ends: `retry_at`,
 * the same for all that rest now. served_rouse: it keeps no longer. */
void served_rest(struct served_table *t, struct instant now, struct served *s);
void served_rouse(struct served_table *t, struct served *s);
struct instant served_deadline(const struct served_table *t);

/* --- Between served.c and applying.c --- */

static inline struct view served_name(const struct served *s)
{
    return (struct view){s->name, s->name_size};
}
/* The state is sent as the next one under the ballot. False if there is no memory for it. */
bool served_send(struct served_table *t, struct instant now, struct served *s,
                 const struct lock_state *state);
/* The state is true: all that rests on it is told (L5). */
void served_tell_true(struct served_table *t, struct instant now, struct served *s);
/* Tells those grants of the state that is being sent which lack nothing but their asker's vote
 * (provisional.h). */
void served_tell_provisionally(struct served_table *t, struct instant now, struct served *s);
/* Tells a request its outcome, with what it needs of the (true) state. */
void served_reply(struct served_table *t, const struct served *s, const struct asked *a,
                  const struct lock_state *state);

#endif
