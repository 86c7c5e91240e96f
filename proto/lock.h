/*
 * The lock's own rules: one pure function, (state, operation) -> (state, effects) (design section
 * 6).
 *
 * First come, first served, readers together: whoever asks joins the queue unless the queue is
 * empty and it fits beside all holders; at each change the head of the queue is granted while it
 * fits. So a stream of readers cannot starve a writer. Nobody overtakes, also not NL, which would
 * fit at any time: one rule for all is easier to foresee, and its place says who came first. Nor
 * does a counted request with a higher limit overtake one with a lower. Applying an operation twice
 * changes nothing the second time (L9): an acquire that already holds or waits is answered again.
 */
#ifndef PROTO_LOCK_H
#define PROTO_LOCK_H

#include "crypto/bytes.h"
#include "crypto/hash.h"
#include "proto/id.h"
#include "proto/limits.h"
#include "proto/lock_mode.h"

/* What happens to a hold whose holder dies. HOLD: nobody is fenced for it, it waits until its
 * holder's life is over for another reason. FENCE: for its sake that life is ended (section 7), if
 * somebody waits. */
enum lock_policy { LOCK_STALE_HOLD, LOCK_STALE_FENCE, LOCK_POLICIES };

const char *lock_policy_text(enum lock_policy policy);

struct lock_hold {
    struct op_id id;
    enum lock_mode mode;
    uint16_t limit; /* COUNTED: at most so many hold, while this one does; else 0 */
    enum lock_policy policy;
    uint64_t token; /* handed out with this grant */
};

struct lock_waiter {
    struct op_id id;
    enum lock_mode mode;
    uint16_t limit;
    enum lock_policy policy;
};

/* What ended a hold uncleanly: its own agent, or a proof (F5). */
enum lock_ended {
    LOCK_ENDED_BY_AGENT,
    LOCK_ENDED_BY_STATEMENT,
    LOCK_ENDED_BY_RECEIPT,
    LOCK_ENDINGS
};

/* The last hold that ended uncleanly (section 6): broken with a proof, or given up by its own agent
 * because what acted under it died or was stopped. It stays until a later mark takes its place. */
struct lock_mark {
    bool set;
    uint16_t slot;
    uint64_t life;
    enum lock_mode mode;
    uint64_t token; /* of that hold */
    enum lock_ended by;
    struct digest proof; /* of the proof's bytes; zero if by its own agent */
};

/* The break that made this state (F5): a voter takes it only with a proof that the lives of `slot`
 * up to `life` are over. Not set in states that rest on a true one without another break. */
struct lock_break {
    bool set;
    uint16_t slot;
    uint64_t life;
    struct digest proof;
};

struct lock_state {
    uint64_t token;      /* of the last grant; only ever rises (S7) */
    uint64_t generation; /* rises with every grant of a mode that writes */
    size_t hold_count;
    size_t waiter_count;
    struct lock_mark mark;
    struct lock_break broken;
    struct lock_hold holds[LOCK_HOLDS_MAX];
    struct lock_waiter waiters[LOCK_WAITERS_MAX]; /* in order of coming */
};

enum lock_op_kind {
    LOCK_ACQUIRE, /* hold, or wait; with `try`: hold, or be refused */
    LOCK_DROP,    /* give up the hold, or the place in the queue, that `id` names */
    LOCK_BREAK /* the lives of `id.slot` up to `id.life` are proven over: their holds and places end
                */
};

struct lock_op {
    enum lock_op_kind kind;
    struct op_id id;
    enum lock_mode mode;
    uint16_t limit; /* ACQUIRE: lock_mode_valid() with mode */
    enum lock_policy policy;
    bool try;
    bool unclean;        /* DROP: the holder died, or was stopped */
    struct digest proof; /* BREAK */
    bool receipt;        /* BREAK: the proof is an executor's receipt, else an end statement */
};

enum lock_outcome { LOCK_GRANTED, LOCK_WAITS, LOCK_BUSY, LOCK_DROPPED, LOCK_FULL };

struct lock_result {
    enum lock_outcome outcome; /* of the operation itself */
    bool changed;              /* the state is another one now */
    uint64_t token;            /* GRANTED: of its grant */
    size_t place;              /* WAITS: in the queue, from 1 */
    size_t granted_first;      /* waiters that this operation let in: holds[granted_first ..] */
};

void lock_init(struct lock_state *state);
struct lock_result lock_apply(struct lock_state *state, const struct lock_op *op);
/* Whether such a request fits beside all holders: its mode with the mode of each, and if it is
 * COUNTED their number with the least of its limit and theirs. */
bool lock_fits(const struct lock_state *state, enum lock_mode mode, uint16_t limit);
/* Whether the first of the queue waits for holds[index], or for that and others, to end. */
bool lock_in_the_way(const struct lock_state *state, size_t index);
/* Index into holds or waiters, or -1. */
int lock_find_hold(const struct lock_state *state, struct op_id id);
int lock_find_waiter(const struct lock_state *state, struct op_id id);

enum { LOCK_STATE_BYTES_MAX = 160 + LOCK_HOLDS_MAX * 32 + LOCK_WAITERS_MAX * 24 };
void lock_encode(struct writer *w, const struct lock_state *state);
/* Empty bytes are the state of a lock that was never touched. False if malformed or not canonical.
 */
bool lock_decode(struct lock_state *out, struct view bytes);

/* 1..LOCK_NAME_MAX bytes of valid UTF-8 (RFC 3629) without control characters. */
bool lock_name_valid(struct view name);

#endif
