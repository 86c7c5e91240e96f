/*
 * Plays a story: its acts are done to the world at their times, by the same means as the faults of
 * a drawn one. Beyond that the world is like any other, and all checks judge it.
 */
#ifndef SIM_STORY_RUN_H
#define SIM_STORY_RUN_H

#include "sim/story.h"

struct world;

/* What a story that runs has to remember. */
struct story_play {
    const struct story *story;
    uint32_t agent_down[MACHINES_MAX];   /* acts that keep the agent down, */
    uint32_t power_down[MACHINES_MAX];   /*   or the power off */
    bool active[STORY_ACTS_MAX];         /* begun, and not ended */
    bool flap_on[STORY_ACTS_MAX];        /* cut now */
    uint8_t client[STORY_ACTS_MAX];      /* LOCK: 1 + the client's index; 0: none */
    bool granted[STORY_ACTS_MAX];        /* LOCK: it is not asked for again */
    struct name *names[STORY_NAMES_MAX]; /* NULL: not used yet */
};

/* Before the machines are made. */
void story_prepare(struct world *w, const struct story *story);
/* When they are: plans all that happens. */
void story_open(struct world *w);
/* HAPPEN_STORY: `index` of the act, and what is due of it. */
void story_step(struct world *w, uint32_t index, uint64_t due);
/* The calm begins: all that the story did heals. */
void story_calm(struct world *w);

#endif
