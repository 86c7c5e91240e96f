/*
 * The observer's books on single sessions of lives (crypto/scope.h): who voted against which, who
 * acted on it, and whether a receipt says that it is over. What lives.h is for whole lives.
 */
#ifndef SIM_SESSIONS_H
#define SIM_SESSIONS_H

#include "proto/peer.h"
#include "proto/record.h"
#include "sim/profile.h"

struct world;
struct machine;
struct op;

enum { SESSIONS_MAX = 512 };

struct session_seen {
    uint16_t index; /* of its machine */
    uint64_t life;
    struct scope scope;
    uint32_t votes;             /* jurors that signed a vote, */
    uint32_t acts;              /*   one that allows its action */
    uint32_t executors;         /* that began to act */
    uint32_t let[MACHINES_MAX]; /* jurors that let an executor act (F9) */
    struct digest proofs[8];    /* of receipts: several executors may have ended it, */
    size_t proof_count;
    bool proven;       /*   if there is one, */
    int64_t proven_at; /*   and when */
    bool ended;        /* a device has ended it: nothing of it begins any more */
    bool lied;         /* or said so, and had not */
};

struct sessions {
    struct session_seen *seen; /* SESSIONS_MAX */
    size_t count;
};

void sessions_open(struct world *w);
/* Fails the run for a slot or a life that no machine has. */
struct session_seen *sessions_of(struct world *w, uint16_t slot, uint64_t life,
                                 const struct scope *scope);
/* NULL if nobody spoke of it. */
const struct session_seen *sessions_find(const struct world *w, size_t index, uint64_t life,
                                         const struct scope *scope);
/* Whether that hold's session is proven over by a receipt about it. */
bool sessions_over(const struct world *w, const struct op *op);
/* When that receipt was first seen; 0: never. */
int64_t sessions_over_at(const struct world *w, const struct op *op);
/* Whether a juror signed a vote against a session of that life. */
bool sessions_voted(const struct world *w, const struct machine *juror, size_t index,
                    uint64_t life);

/* --- Judged when they are written, said or done: S8, S9, S10 --- */
void check_session_vote(struct world *w, struct machine *m, const struct record_vote *vote);
void check_session_order(struct world *w, struct machine *m, const struct order_cert *cert);
void check_session_act(struct world *w, struct machine *m, const struct record_executed *act);
void check_session_run(struct world *w, struct machine *m, const struct run *run,
                       const struct order_cert *cert);
void check_session_proof(struct world *w, struct machine *m, const struct proof *proof,
                         const struct digest *digest);
/* A break that names a session names a proof about that very one. */
void check_session_break(struct world *w, const char *where, const struct lock_break *b);
/* A guest begins, or goes on, in a session that is proven over. */
void check_session_begins(struct world *w, const struct op *op);

/* The device ends it: its guest is gone, and none begins in it. */
void sessions_end(struct world *w, struct session_seen *s);
/* Whether anything of it acts. */
bool sessions_runs(const struct world *w, const struct session_seen *s);

#endif
