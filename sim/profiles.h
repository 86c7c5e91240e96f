/*
 * The named corners of the space of worlds: what each profile makes of a usual world. The list is
 * in profiles.c; profile.h is what others use.
 */
#ifndef SIM_PROFILES_H
#define SIM_PROFILES_H

#include "sim/profile.h"

struct profile {
    const char *name;
    void (*shape)(struct parameters *p, struct random *r);
    bool plain; /* its clients change nothing about what they hold */
    bool alike; /* most of them ask for the same */
    bool apart; /* breaks an assumption of the design: never drawn by chance */
};

const struct profile *profiles_get(size_t index);

#endif
