/*
 * What is played with a fleet (fleet.h), for the figures of fencing. Each trial is played in a
 * process of its own, all from the same fleet that has met, so that a large one meets only once.
 */
#ifndef SIM_FLEET_PLAYS_H
#define SIM_FLEET_PLAYS_H

#include "sim/fleet.h"

/* What came of one trial. Spans in ns, from the fault on; -1: never. */
struct fleet_result {
    int64_t dead;         /* the first holds it dead */
    int64_t timers;       /* q jurors' own timers had ended (F2) */
    int64_t order;        /* certified somewhere */
    int64_t receipt;      /* known somewhere */
    int64_t passed;       /* the waiter holds */
    uint64_t bytes;       /* of messages about the order and its proof, of all nodes */
    uint64_t order_bytes; /* of these, of the certificate, its story, and that they are stored */
    uint64_t largest;     /* bytes of the order's message */
    uint64_t votes, votes_well, orders, orders_well, kills; /* well: nothing was done to it */
    uint64_t orders_minority; /* q votes that came from the smaller side alone: must be 0 */
    uint64_t lost;            /* holders told that they lost it */
    uint64_t at_risk;
    uint64_t berths, passes;
    uint64_t turns, turns_most, sent, sent_most; /* of all, and of one node */
    int64_t cpu;                                 /* of this process, for all nodes */
};

/* One trial: its number, and the cell of its grid. */
struct fleet_trial {
    uint64_t number;
    size_t some;       /* nodes that it happens to */
    struct span stall; /* of a starved agent, or of a blip, or of the cut */
    struct span gap;   /* between two stalls */
    struct span length;
};

typedef void (*fleet_play)(struct fleet *f, const struct fleet_trial *t, struct fleet_result *out);

/* For `length`, after `gap`, nothing happens, and nobody holds anything. */
void fleet_play_idle(struct fleet *f, const struct fleet_trial *t, struct fleet_result *out);
/* A holder's machine loses its power. */
void fleet_play_passing(struct fleet *f, const struct fleet_trial *t, struct fleet_result *out);
/* `some` agents get no CPU for `stall`, then for `gap` they do, and so on. Each node holds. */
void fleet_play_starved(struct fleet *f, const struct fleet_trial *t, struct fleet_result *out);
/* `some` nodes are cut off from the others for `stall`, once. Each node holds. */
void fleet_play_cut(struct fleet *f, const struct fleet_trial *t, struct fleet_result *out);

/* Plays it in a child of this process. False if that died. */
bool fleet_try(struct fleet *f, fleet_play play, const struct fleet_trial *t,
               struct fleet_result *out);

#endif
