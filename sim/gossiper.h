/*
 * The gossiper: a member that lies about others, in some worlds. It says, sealed by its own
 * sessions, words of others that they never signed (their life, their incarnation, that they left),
 * suspicions and deaths of members that are well, in anybody's name, and answers that nobody asked
 * for. Nothing of it may count but as a suspicion that its victim refutes (M2); judged by
 * check_s20_words.c and all others.
 */
#ifndef SIM_GOSSIPER_H
#define SIM_GOSSIPER_H

#include "proto/peer.h"
#include "sim/random.h"

struct world;

struct gossiper {
    struct random random;
    bool on;
    uint16_t index; /* of the machine */
    uint64_t said;
};

/* In one world of four that a seed draws. */
void gossiper_open(struct world *w);
/* In a scenario: this machine, from now on until the calm. */
void gossiper_begin(struct world *w, uint16_t index);
void gossiper_end(struct world *w);
/* HAPPEN_GOSSIP. */
void gossiper_next(struct world *w);

#endif
