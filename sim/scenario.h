/*
 * Directed scenarios: interleavings that chance finds rarely, as plays of a few steps on a cluster
 * without other faults. Each step waits until something has happened, in at most a minute; each
 * play is about one rule, and does not come to its end when that rule is taken out. The checks
 * judge every step besides.
 */
#ifndef SIM_SCENARIO_H
#define SIM_SCENARIO_H

#include "sim/profile.h"

struct world;
struct machine;
struct name;

struct script {
    bool playing;
    size_t index; /* of the scenario */
    size_t step;
    int64_t since; /* of the step */
    struct name *name, *other;
    uint16_t a, b, c; /* machines of the play */
    uint16_t works; /* 1 + the machine for which devices work, whatever they do for others; or 0 */
    uint64_t life;
    int64_t at;
    uint32_t bits;
    bool mutes; /* who begins to act is cut off before anybody hears that it does, and is the c */
};

size_t scenario_count(void);
const char *scenario_name(size_t index);
/* What it is about, with the rule. */
const char *scenario_text(size_t index);
/* The planted bug that takes its rule out; 0: none. */
int scenario_mutant(size_t index);
int scenario_find(const char *name); /* -1 if there is none */
/* A world without faults. */
void scenario_shape(struct parameters *p, size_t index);
void scenario_open(struct world *w, size_t index);
/* This executor begins: true if nobody is to hear of it. */
bool scenario_mutes(struct world *w, const struct machine *m);
/* HAPPEN_SCRIPT. */
void scenario_step(struct world *w);
/* At the end of a run: the play came to its end. */
void scenario_end(struct world *w);

#endif
