/*
 * Faults: a schedule drawn from the seed. One at a time begins, several may be at work at once;
 * each heals by itself after its length, and all of them heal when the calm begins.
 *
 * Bounded by what is promised: never are more stores destroyed than a cohort can lose. The first
 * two faults of every seed are the death of a coordinating agent, long enough for a take-over, and
 * a cut.
 */
#ifndef SIM_FAULTS_H
#define SIM_FAULTS_H

#include "sim/profile.h"

struct world;

enum { FAULTS_ACTIVE_MAX = 64 };

struct fault {
    bool active;
    uint64_t number;
    enum fault_kind kind;
    uint32_t bits; /* machines it is about */
    bool inward;   /* cuts: datagrams to the machines in `bits` are stopped */
    bool outward;  /* and those from them */
    uint32_t only; /* cuts: the other side; bits of machines */
    size_t turn;   /* FAULT_TURNS: whose it is, */
    uint32_t turns_left;
};

struct faults {
    struct random random;
    struct fault active[FAULTS_ACTIVE_MAX];
    uint64_t begun;
    size_t stores_destroyed;
};

void faults_open(struct world *w);
/* HAPPEN_FAULT: one begins, and the next is planned. */
void faults_next(struct world *w);
/* HAPPEN_HEAL. */
void faults_heal(struct world *w, size_t index, uint64_t number);
/* All of them heal, and everything is switched on. */
void faults_calm(struct world *w);

#endif
