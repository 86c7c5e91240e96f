/*
 * Faults: a schedule drawn from the seed. One at a time begins, several may be at work at once;
 * each heals by itself after its length, and all of them heal when the calm begins.
 *
 * Bounded by what is promised: never are more stores destroyed than a cohort can lose, but in
 * worlds beyond that. Those of the network are in cuts.c, those of the stores in stores.c. The
 * first two faults of every seed are the death of a coordinating agent, long enough for a
 * take-over, and a cut.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "sim/profile.h"

struct world;

enum { FAULTS_ACTIVE_MAX = 64, FAULTS_KEPT_MAX = 512 };

struct fault {
    bool active;
    uint64_t number;
    enum fault_kind kind;
    uint32_t bits; /* machines it is about */
    bool inward;   /* cuts: datagrams to the machines in `bits` are stopped */
    bool outward;  /* and those from them */
    uint32_t only; /* cuts: the other side; bits of machines */
    size_t turn;   /* FAULT_TURNS, FAULT_CLOG: whose it is, */
    uint32_t turns_left;
    bool swapped;    /* FAULT_STORES_SWAPPED: they are */
    int64_t step;    /* FAULT_CLOG: ns of a turn */
    int64_t until;   /* FAULT_FLAP: virtual time */
    bool up;         /* FAULT_FLAP: between two cuts */
    bool given;      /* by a story: nothing of it is drawn */
    uint32_t healed; /* machines of `bits` for which it has ended (a siege) */
};

struct faults {
    struct random random;
    struct fault active[FAULTS_ACTIVE_MAX];
    /* What a fault draws after its kind, place and length: from its number's own stream, so that it
     * draws the same whatever came before it. */
    struct random detail;
    /* All that began, with when and how long. */
    struct fault kept[FAULTS_KEPT_MAX];
    int64_t kept_at[FAULTS_KEPT_MAX];
    int64_t kept_length[FAULTS_KEPT_MAX];
    size_t kept_count;
    uint64_t begun;
    size_t stores_destroyed;
};

void faults_open(struct world *w);
/* HAPPEN_FAULT: one begins, and the next is planned. */
void faults_next(struct world *w);
/* One that a seed drew before, or that a story asks for: kind, bits, `only`, directions, number. */
void faults_inject(struct world *w, const struct fault *fault, struct span length);
/* HAPPEN_HEAL. */
void faults_heal(struct world *w, size_t index, uint64_t number);
/* One more that lasts until the calm: FAULT_DEATH, FAULT_AGENT_CRASH, or a cut with its sides. */
void faults_add(struct world *w, const struct fault *fault);
/* A siege begins: they end for the machines of the core, and stay as they are for all others. */
void faults_freeze(struct world *w, uint32_t core);
/* All of them heal, and everything is switched on. */
void faults_calm(struct world *w);

#endif
