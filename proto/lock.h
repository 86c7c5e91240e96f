/*
 * The lock's own rules: one pure function, (state, operation) -> (state, effects) (design section
 * 6).
 *
 * First come, first served, readers together: whoever asks joins the queue unless the queue is
 * empty and it fits beside all holders; at each change the head of the queue is granted while it
 * fits. So a stream of readers cannot starve a writer. Nobody overtakes, also not NL, which would
 * fit at any time: one rule for all is easier to foresee, and its place says who came first. Nor
 * does a counted request with a higher limit overtake one with a lower. Two exceptions, both by
 * somebody's wish: a request for the head of the queue, and a holder that hands its hold over.
 *
 * A holder converts its hold in place, up or down. What fits beside the other holders is converted
 * at once, the rest waits, before the queue. Two that wait for each other would wait for ever: the
 * second is refused.
 *
 * An exclusive hold under `expire` is its node's, which may hand it on to its own clients while
 * nobody else wants it (delegating.h), each time with a token of its own. LOCK_TOKENS_SPARE tokens
 * from the hold's own on are set aside for that: the next grant beside it is above them. With the
 * operation that ends it comes the last one that was used; all count as used if it ends otherwise.
 *
 * Applying an operation twice changes nothing the second time (L9): an acquire that already holds
 * or waits is answered again, and each hold keeps the highest change applied to it.
 */
#ifndef PROTO_LOCK_H
#define PROTO_LOCK_H

#include "crypto/bytes.h"
#include "crypto/hash.h"
#include "crypto/scope.h"
#include "proto/id.h"
#include "proto/limits.h"
#include "proto/lock_mode.h"

/* What happens to a hold whose holder dies. EXPIRE: it is let go a time after its node was heard
 * last (lease.h): no proof is needed, since nothing is lost if its holder acts on. HOLD: nobody is
 * fenced for it, it waits until its holder's life is over for another reason. FENCE: for its sake
 * that life is ended (section 7), if somebody waits. ACTION: its session is, by an action of the
 * roster that its holder named, with an info for it; the life only if that does not succeed. */
enum lock_policy {
    LOCK_STALE_HOLD,
    LOCK_STALE_FENCE,
    LOCK_STALE_EXPIRE,
    LOCK_STALE_ACTION,
    LOCK_POLICIES
};

const char *lock_policy_text(enum lock_policy policy);
/* Of bytes from outside: a policy there is, with LEASE_TTL_MIN_MS..LEASE_TTL_MAX_MS if it is
 * EXPIRE, else with none (0). */
bool lock_policy_valid(unsigned policy, uint32_t ttl_ms);
/* Whether its node may lose its life, or a session of it, by that policy: it needs standing (F7).
 */
bool lock_policy_fences(enum lock_policy policy);

/* Of tokens and generations: no honest one comes near (a million a second take 146,000 years). */
#define LOCK_NUMBER_MAX (UINT64_C(1) << 62)

/* What a holder tells others about itself, with its request; opaque. */
struct lock_data {
    uint8_t size;
    uint8_t bytes[LOCK_DATA_MAX];
};

struct lock_hold {
    struct op_id id;
    enum lock_mode mode;
    uint16_t limit; /* COUNTED: at most so many hold, while this one does; else 0 */
    enum lock_policy policy;
    uint32_t ttl_ms;  /* EXPIRE; else 0 */
    uint64_t token;   /* the first one of this grant, or of a conversion to a mode that writes */
    uint64_t changed; /* counter of the last change applied to it, or cancelled (L9) */
    struct scope_word word; /* ACTION: what its node says is to be done; else none */
    struct lock_data data;
};

struct lock_waiter {
    struct op_id id;
    enum lock_mode mode;
    uint16_t limit;
    enum lock_policy policy;
    uint32_t ttl_ms;
    uint64_t expect; /* granted only while the lock's token is this one; 0: whatever it is */
    struct scope_word word;
    struct lock_data data;
};

/* A hold that waits to be converted. */
struct lock_convert {
    struct op_id id; /* of the hold */
    uint64_t change; /* its counter */
    enum lock_mode mode;
    uint16_t limit;
};

/* The value block: written by holders that write, read by all. */
struct lock_value {
    bool valid; /* no holder that writes went uncleanly since it was written */
    uint16_t size;
    uint64_t token; /* of the hold that wrote it; 0: never written */
    uint8_t bytes[LOCK_VALUE_MAX];
};

/* What ended a hold uncleanly: its own agent, or a proof (F5). */
enum lock_ended {
    LOCK_ENDED_BY_AGENT,
    LOCK_ENDED_BY_STATEMENT,
    LOCK_ENDED_BY_RECEIPT,
    LOCK_ENDED_BY_EXPIRY, /* nor a proof: its lease was over */
    LOCK_ENDED_BY_HAND,   /* an operator's receipt (F6d) */
    LOCK_ENDINGS
};

/* The last hold that ended uncleanly (section 6): broken with a proof, given up by its own agent
 * because what acted under it died or was stopped, or let go as its lease was over. It stays until
 * a later mark takes its place. */
struct lock_mark {
    bool set;
    uint16_t slot;
    uint64_t life;
    enum lock_mode mode;
    uint64_t token; /* of that hold */
    enum lock_ended by;
    struct digest proof; /* of the proof's bytes; zero if there is none */
};

/* The break that made this state (F5): a voter takes it only with a proof that the lives of `slot`
 * up to `life` are over, or with a scope, that this session of `life` is. Not set in states that
 * rest on a true one without another break. */
struct lock_break {
    bool set;
    uint16_t slot;
    uint64_t life;
    struct scope scope;
    struct digest proof;
};

struct lock_state {
    uint64_t token;      /* the last one handed out, as far as it is told; only rises (S7) */
    uint64_t generation; /* rises with every grant of, and conversion to, a mode that writes */
    bool born; /* L10: it was forgotten, these are its shard's floor's, and nobody was granted it
                  since */
    size_t hold_count;
    size_t convert_count;
    size_t waiter_count;
    struct lock_mark mark;
    struct lock_break broken;
    struct lock_value value;
    struct lock_hold holds[LOCK_HOLDS_MAX];
    struct lock_convert converts[LOCK_CONVERTS_MAX]; /* in order of coming */
    struct lock_waiter waiters[LOCK_WAITERS_MAX];    /* in order of coming */
};

enum lock_op_kind {
    LOCK_ACQUIRE, /* hold, or wait; with `try`: hold, or be refused */
    LOCK_DROP,    /* give up the hold, or the place in the queue, that `id` names */
    LOCK_EXPIRE, /* the lease of the hold that `id` names is over: nobody believes in it any more */
    LOCK_BREAK,  /* the lives of `id.slot` up to `id.life` are proven over: their holds and places
                    end; with a scope, that session is: its holds in that very scope end */
    /* Changes of the hold that `id` names, each under a counter of its own. */
    LOCK_CONVERT,  /* to `mode`, or wait for it; with `try`: or be refused */
    LOCK_CANCEL,   /* a change with this counter, or a lower one, is applied no more */
    LOCK_WRITE,    /* the value block */
    LOCK_CLEAR,    /* the mark about the life and token that `other` and `token` name */
    LOCK_TRANSFER, /* to the waiter `other`, before those who came earlier */
    LOCK_OPS
};

struct lock_op {
    enum lock_op_kind kind;
    struct op_id id;
    uint64_t change; /* its counter: CONVERT and those after it */
    enum lock_mode mode;
    uint16_t limit; /* ACQUIRE, CONVERT: lock_mode_valid() with mode */
    enum lock_policy policy;
    uint32_t ttl_ms; /* ACQUIRE: lock_policy_valid() with policy */
    bool try;
    bool head;                     /* ACQUIRE: waits before all others */
    bool unclean;                  /* DROP: the holder died, or was stopped */
    bool receipt;                  /* BREAK: the proof is a receipt, else an end statement */
    bool by_hand;                  /* BREAK: an operator's receipt */
    struct digest proof;           /* BREAK */
    const struct scope *scope;     /* BREAK: NULL: whole lives */
    const struct scope_word *word; /* ACQUIRE: under ACTION; else NULL */
    struct op_id other;
    uint64_t token;    /* ACQUIRE: as in lock_waiter, `expect`; DROP, CONVERT, TRANSFER: the last
                          one handed out under the hold */
    struct view bytes; /* ACQUIRE: data; WRITE: the value */
};

enum lock_outcome {
    LOCK_GRANTED, /* acquired, converted */
    LOCK_WAITS,
    LOCK_BUSY, /* a try that would have to wait; TRANSFER: that waiter would not fit */
    LOCK_DROPPED,
    LOCK_FULL,
    LOCK_DONE,       /* written, cleared, cancelled; TRANSFER: the hold is another's */
    LOCK_MOVED,      /* ACQUIRE: the token is another one by now, */
    LOCK_FORGOTTEN,  /*   and the lock was forgotten: perhaps nobody was granted it since */
    LOCK_DEADLOCK,   /* CONVERT: one that waits for this hold is in its way */
    LOCK_GONE,       /* a change: there is no such hold (any more) */
    LOCK_NOT_WRITER, /* WRITE: its mode does not write */
    LOCK_OTHER_MARK, /* CLEAR: the mark is another one, or there is none */
    LOCK_NO_WAITER,  /* TRANSFER: nobody waits under that id */
    LOCK_INFO_FULL   /* ACQUIRE: the infos of all that hold and wait take too much room */
};

struct lock_result {
    enum lock_outcome outcome; /* of the operation itself */
    bool changed;              /* the state is another one now */
    uint64_t token;            /* GRANTED: of its grant; MOVED, FORGOTTEN: that it is now */
    size_t place;              /* WAITS: in the queue, from 1 */
    size_t granted_first;      /* waiters that this operation let in: holds[granted_first ..] */
};

void lock_init(struct lock_state *state);
struct lock_result lock_apply(struct lock_state *state, const struct lock_op *op);
/* Whether such a request fits beside all holders: its mode with the mode of each, and if it is
 * COUNTED their number with the least of its limit and theirs. */
bool lock_fits(const struct lock_state *state, enum lock_mode mode, uint16_t limit);
/* Whether somebody waits, and in which mode the first one does: those who convert come first. */
bool lock_wanted(const struct lock_state *state, enum lock_mode *mode);
/* Whether one who converts, or the first of the queue, waits for holds[index], or for that and
 * others, to end. */
bool lock_in_the_way(const struct lock_state *state, size_t index);
/* Whether the data may be read without a lock, if the generation has not moved when it was. */
enum lock_stability { LOCK_STABLE, LOCK_BEING_WRITTEN, LOCK_LEFT_UNCLEAN };
enum lock_stability lock_stability(const struct lock_state *state);
/* The highest token that may be handed out by now. */
uint64_t lock_highest_token(const struct lock_state *state);
/* Whether the token that a request asked for has passed: it will never be granted. */
bool lock_moved(const struct lock_state *state, uint64_t expect);
/* Index into holds or waiters, or -1. */
int lock_find_hold(const struct lock_state *state, struct op_id id);
int lock_find_waiter(const struct lock_state *state, struct op_id id);
/* Into converts. */
int lock_find_convert(const struct lock_state *state, struct op_id id);

/* Whether such an end leaves a proof. */
bool lock_ended_with_proof(enum lock_ended by);

/* --- Between lock.c, lock_change.c and lock_codec.c --- */

/* The other half of lock_apply(): changes of a hold, CONVERT to TRANSFER. */
struct lock_result lock_change(struct lock_state *state, const struct lock_op *op);
/* Converts those that fit by now, then lets in the first of the queue while it fits. True if that
 * changed the state. */
bool lock_settle(struct lock_state *state);
void lock_settle_converts(struct lock_state *state);
void lock_grant(struct lock_state *state, const struct lock_waiter *who);
/* The next token, above all that were, or may be by now, handed out; of one of its holds, which
 * says how many of its own were (lock_used_tokens), or of a new one: NULL. */
uint64_t lock_next_token(struct lock_state *state, const struct lock_hold *of);
/* Of the hold's tokens those up to this one were handed out. */
void lock_used_tokens(struct lock_state *state, const struct lock_hold *hold, uint64_t token);
void lock_remove_hold(struct lock_state *state, size_t index);
void lock_remove_waiter(struct lock_state *state, size_t index);
/* Whether holds[index] keeps such a request, or conversion of holds[except], from being granted;
 * except -1: of none. */
bool lock_excludes(const struct lock_state *state, size_t index, int except, enum lock_mode mode,
                   uint16_t limit);
bool lock_fits_beside(const struct lock_state *state, int except, enum lock_mode mode,
                      uint16_t limit);

/* Whether a BREAK ends that hold. What proves one session over covers its holds in that very scope,
 * and no others (F6b). */
bool lock_break_covers(const struct lock_op *op, const struct lock_hold *hold);

/* --- Bytes (lock_codec.c) --- */

enum {
    LOCK_HOLD_BYTES_MAX = 44 + LOCK_DATA_MAX, /* beside its word */
    LOCK_STATE_BYTES_MAX = 192 + SCOPE_BYTES_MAX + LOCK_VALUE_MAX + LOCK_SCOPES_MAX +
                           LOCK_HOLDS_MAX * LOCK_HOLD_BYTES_MAX + LOCK_CONVERTS_MAX * 32 +
                           LOCK_WAITERS_MAX * (36 + LOCK_DATA_MAX)
};
void lock_encode(struct writer *w, const struct lock_state *state);
/* Whether nothing is in it but a token and a generation: it is free, and can be forgotten (L10).
 * `bytes` encode it; `blank` is scratch. */
bool lock_is_blank(const struct lock_state *state, struct view bytes, struct lock_state *blank);
/* Empty bytes are the state of a lock that was never touched. False if malformed or not canonical.
 */
bool lock_decode(struct lock_state *out, struct view bytes);

/* 1..LOCK_NAME_MAX bytes of valid UTF-8 (RFC 3629) without control characters. */
bool lock_name_valid(struct view name);

#endif
