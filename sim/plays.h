/* The plays of scenario.h: each a name, what it is about, and its steps. */
#ifndef SIM_PLAYS_H
#define SIM_PLAYS_H

#include "sim/scenario.h"

enum { PLAY_STEPS_MAX = 16 };

struct play_step {
    const char *text; /* what has happened when it is done */
    /* Whether it has happened; asked every 20 ms. Fails the run if what must not happen did. */
    bool (*happens)(struct world *w, struct script *s);
};

struct play {
    const char *name;
    const char *text;
    int mutant;
    enum device_mood device; /* of every run */
    int64_t seconds;         /* beyond the usual */
    void (*shape)(struct parameters *p);
    struct play_step steps[PLAY_STEPS_MAX]; /* the last one has no function */
};

size_t plays_count(void);
const struct play *plays_get(size_t index);

#endif
