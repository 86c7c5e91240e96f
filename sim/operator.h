/*
 * The operator: says at random machines what administrators and operators say. Freezes, thaws,
 * maintains, drains; asks for orders against nodes that are dead, and against such as are well;
 * confirms by hand that a machine is off: when it is; when it runs and the very node that it asks
 * has heard it just now, which must refuse; and in the profile `wrong-hands` whenever it likes (A4
 * does not hold then: what follows is S1's to see).
 *
 * What must hold: a juror that has said that it stored a freeze votes against nobody whom that is
 * about until it ends or was lifted, and lets no executor begin; nor under maintenance (S22). A
 * request against a node that is well gets no vote (S20). An operator's receipt is not taken by a
 * juror that acknowledged that life within H (S9).
 */
#ifndef SIM_OPERATOR_H
#define SIM_OPERATOR_H

#include "proto/peer.h"
#include "sim/profile.h"
#include "sim/random.h"

struct world;
struct machine;

enum { OPERATOR_WORDS = 256, OPERATOR_SCOPES = MACHINES_MAX + 1 /* the last: all */ };

/* What a juror has said that it stored about one scope. */
struct operator_kept {
    uint64_t version;
    uint16_t by;
    bool on;
    int64_t until; /* it ends no earlier */
};

struct operator_desk {
    struct random random;
    uint32_t left;
    uint64_t number;
    struct operator_word {
        enum inhibitor_kind kind;
        size_t scope;
        uint64_t version;
        uint16_t by;
        bool on;
        int64_t said_at;
        struct span span;
    } words[OPERATOR_WORDS];
    size_t word_count;
    struct operator_kept kept[INHIBITOR_KINDS][MACHINES_MAX][OPERATOR_SCOPES];
    int64_t held_off_at; /* a freeze, or a maintenance, was in effect last in a siege */
    /* The confirmation under way. */
    uint16_t confirms; /* machine; SLOT_NONE: none */
    uint64_t life;
    struct machine *at;
    uint8_t file[FENCE_FILE_MAGIC_SIZE + PROOF_BYTES_MAX];
};

void operator_open(struct world *w);
/* At that machine, about one machine or all (MACHINES_MAX); for that long. */
void operator_says(struct world *w, struct machine *m, enum inhibitor_kind kind, size_t scope,
                   bool on, struct span span);
/* Asks that machine for an order against that life of another. */
void operator_requests(struct world *w, struct machine *m, const struct machine *target,
                       uint64_t life);
/* Confirms that the machine is off as soon as the jurors were asked; it looks at the machine
 * first, unless the world is of `wrong_hands`. */
void operator_hears(struct world *w, struct machine *m, struct machine *target);
/* HAPPEN_OPERATOR; detail: 1 if a hearing has had its time. */
void operator_next(struct world *w, uint32_t detail);
/* In a siege, ten times a second. */
void operator_watch(struct world *w);
/* An answer to one of its calls. */
void operator_answer(struct world *w, struct machine *m, const struct answer *a);
/* A machine says something (S22). */
void operator_said(struct world *w, const struct machine *m, const struct message *message);

#endif
