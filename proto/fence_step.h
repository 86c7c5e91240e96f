/*
 * What the fence log says: one step of a fence, as this node saw it, from one list in the manner of
 * record.h. A step's bytes are a kind (u8) and exactly the fields listed. The peer tells them with
 * its effects, in the order in which they happened (told_step); the driver adds the time and keeps
 * them in a hash-chained file (crypto/chain.h).
 *
 * Steps explain; nothing is ever decided by them. What decides is in the vote log.
 */
#ifndef PROTO_FENCE_STEP_H
#define PROTO_FENCE_STEP_H

#include "proto/fields.h"

#define FENCE_STEP_KINDS(S)                                                                        \
    S(STARTED, started)                                                                            \
    S(GAP, gap)                                                                                    \
    S(ACCUSED, accused)                                                                            \
    S(OPINION, opinion)                                                                            \
    S(VOTE, vote)                                                                                  \
    S(ORDER, order)                                                                                \
    S(REPORT, report)                                                                              \
    S(RAN, ran)                                                                                    \
    S(PROOF, proof)                                                                                \
    S(REFUSED, refused)                                                                            \
    S(FREED, freed)                                                                                \
    S(ALARM, alarm)                                                                                \
    S(NOTE, note)

typedef struct digest field_hash;

/* All begin with whom it is about: the node, the life, and the session if it is about one alone
 * (crypto/scope.h), else 0. */
#define FENCE_STEP_ABOUT(F) F(u16, slot) F(u64, life) F(u64, session)

/* The agent of `slot`, which keeps this log, started. */
#define FENCE_STEP_FIELDS_started(F) FENCE_STEP_ABOUT(F)
/* Of the log itself: what is missing before this, and why. */
#define FENCE_STEP_FIELDS_gap(F) FENCE_STEP_ABOUT(F) F(blob, text)
/* A juror was asked about it, for whoever waits for `lock`. */
#define FENCE_STEP_FIELDS_accused(F) FENCE_STEP_ABOUT(F) F(u16, accuser) F(name, lock)
/* A juror does not vote; what it had seen, and why not (F2). */
#define FENCE_STEP_FIELDS_opinion(F) FENCE_STEP_ABOUT(F) F(u16, juror) F(evidence, evidence)
#define FENCE_STEP_FIELDS_vote(F)                                                                  \
    FENCE_STEP_ABOUT(F) F(u16, juror) F(u32, allows) F(u32, age_ms) F(evidence, evidence)
/* A certificate (F1). lock: empty if it was handed in. actions: that q of its votes allow. */
#define FENCE_STEP_FIELDS_order(F)                                                                 \
    FENCE_STEP_ABOUT(F)                                                                            \
    F(u32, epoch) F(hash, order) F(u16, accuser) F(blob, lock) F(u32, actions) F(u8, votes)
/* An executor told; stage: enum run_stage. */
#define FENCE_STEP_FIELDS_report(F) FENCE_STEP_ABOUT(F) F(u16, executor) F(u8, stage) F(blob, text)
/* What this node's own fence driver did and said. run: enum run_kind; outcome: enum run_outcome. */
#define FENCE_STEP_FIELDS_ran(F)                                                                   \
    FENCE_STEP_ABOUT(F) F(u8, run) F(u8, outcome) F(blob, device) F(blob, text)
/* Its lives up to this one are proven over (F6). proof: kind, as in crypto/proof.h; executor: who
 * signed it, the node itself for an end statement. */
#define FENCE_STEP_FIELDS_proof(F) FENCE_STEP_ABOUT(F) F(u8, proof) F(u16, executor) F(hash, digest)
/* A proof about it was refused here; text: the rule. */
#define FENCE_STEP_FIELDS_refused(F) FENCE_STEP_ABOUT(F) F(blob, text)
/* A hold of it was broken (F5). mode: enum lock_mode; proof: by which digest. */
#define FENCE_STEP_FIELDS_freed(F)                                                                 \
    FENCE_STEP_ABOUT(F) F(name, lock) F(op, hold) F(u8, mode) F(u64, token) F(hash, proof)
/* It is heard after a receipt said that it was off (F6). */
#define FENCE_STEP_FIELDS_alarm(F) FENCE_STEP_ABOUT(F)
/* Something else that explains: what an operator asked for, froze or confirmed. by: a node, or
 * SLOT_NONE; about: enum fence_note. */
#define FENCE_STEP_FIELDS_note(F) FENCE_STEP_ABOUT(F) F(u16, by) F(u8, about) F(blob, text)

enum fence_note { FENCE_NOTE_OTHER, FENCE_NOTE_FREEZE, FENCE_NOTE_REQUEST, FENCE_NOTE_CONFIRM };

enum fence_step_kind {
    FENCE_STEP_NONE,
#define FENCE_STEP_ENUM(NAME, name) FENCE_STEP_##NAME,
    FENCE_STEP_KINDS(FENCE_STEP_ENUM)
#undef FENCE_STEP_ENUM
        FENCE_STEP_KINDS_END
};

#define FENCE_STEP_STRUCT(NAME, name)                                                              \
    struct fence_step_##name {                                                                     \
        FENCE_STEP_FIELDS_##name(FIELD_MEMBER)                                                     \
    };
FENCE_STEP_KINDS(FENCE_STEP_STRUCT)
#undef FENCE_STEP_STRUCT

/* `about` is the beginning of each. */
struct fence_step_about {
    FENCE_STEP_ABOUT(FIELD_MEMBER)
};

struct fence_step {
    enum fence_step_kind kind;
    union {
        struct fence_step_about about;
#define FENCE_STEP_UNION(NAME, name) struct fence_step_##name name;
        FENCE_STEP_KINDS(FENCE_STEP_UNION)
#undef FENCE_STEP_UNION
    };
};

enum { FENCE_STEP_TEXT_MAX = 2048, FENCE_STEP_BYTES_MAX = FENCE_STEP_TEXT_MAX + 256 };

/* One word for a kind, as the API has it; static. */
const char *fence_step_word(enum fence_step_kind kind);
/* Fails the writer if a name is none or a text is too long. */
void fence_step_encode(struct writer *w, const struct fence_step *step);
/* False if it is not a step; names and texts point into the bytes. */
bool fence_step_decode(struct fence_step *out, struct view bytes);

/* --- A list of them: each behind its size (u16) --- */

void fence_steps_put(struct writer *w, const struct fence_step *step);
/* The next one's bytes; false at the end. */
bool fence_steps_next(struct view *list, struct view *out);

#endif
