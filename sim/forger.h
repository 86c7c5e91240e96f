/*
 * The forger: hands in, at any machine, orders and proofs that are not what they seem, and true
 * ones that are old. It has the keys of fewer jurors than a quorum (A1), and those of another
 * cluster in which the same keys are used. None of what it makes may be taken (S17); what is old
 * may be taken and must do nothing (S10, S8).
 */
#ifndef SIM_FORGER_H
#define SIM_FORGER_H

#include "proto/peer.h"
#include "sim/random.h"

struct world;
struct machine;

/* F(NAME, text) */
#define FORGERIES(F)                                                                               \
    F(OTHER_CLUSTER, "an order of another cluster")                                                \
    F(TWICE, "an order with a signer counted twice")                                               \
    F(TOO_FEW, "an order with too few votes")                                                      \
    F(RECEIPT_OTHER_CLUSTER, "an order and its receipt of another cluster")                        \
    F(RECEIPT_ALONE, "a receipt without its order")                                                \
    F(END_OTHER_CLUSTER, "an end statement of another cluster")                                    \
    F(END_OTHER_KEY, "an end statement by another node")                                           \
    F(OLD_ORDER, "an order that was certified before")                                             \
    /* By plays alone. Of these a quorum has signed: what is wrong is the epoch, or the length. */ \
    F(OLD_EPOCH, "an order of an earlier roster")                                                  \
    F(CUT_SHORT, "an order whose last byte is missing")                                            \
    F(TOO_LONG, "an order with a byte too many")

enum forgery {
#define FORGERY_ENUM(NAME, text) FORGERY_##NAME,
    FORGERIES(FORGERY_ENUM)
#undef FORGERY_ENUM
        FORGERY_KINDS
};

struct forger {
    struct random random;
    uint32_t left;
    uint64_t number;
    uint8_t file[FENCE_FILE_MAGIC_SIZE + PROOF_BYTES_MAX];
};

void forger_open(struct world *w);
/* HAPPEN_FORGERY. */
void forger_next(struct world *w);
/* Makes one about `target`'s present life and hands it in at `m`. */
void forger_hand_in(struct world *w, struct machine *m, struct machine *target, enum forgery kind);
/* ANSWER_SUBMITTED or ANSWER_REFUSED to one of its calls. */
void forger_answer(struct world *w, struct machine *m, const struct answer *a);

#endif
