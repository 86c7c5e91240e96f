/*
 * What the plays have in common: the machines and clients that a script calls a and b, and steps
 * that many of them take. A step says whether it has happened (plays.h).
 */
#ifndef SIM_STEP_H
#define SIM_STEP_H

#include "sim/lives.h"
#include "sim/plays.h"
#include "sim/world.h"

struct machine *step_machine(struct world *w, size_t index);
/* Its first one. */
struct client *step_client(struct world *w, size_t index);
/* The life of a that the script is about. */
const struct life *step_life(struct world *w, const struct script *s);
/* What must not happen did. */
_Noreturn void step_must_not(struct world *w, const char *what);
/* All datagrams from and to that machine are lost from now on (`by` 1), or pass again (-1). */
void step_isolate(struct world *w, size_t index, int by);

/* A fresh name, exclusively, under `fence`: machine 0 is a, and 1 is b. */
bool step_a_asks(struct world *w, struct script *s);
/* Its life is the script's. */
bool step_a_holds(struct world *w, struct script *s);
bool step_a_lets_go(struct world *w, struct script *s);
/* For an hour: longer than any play. */
bool step_a_is_paused(struct world *w, struct script *s);
bool step_a_goes_on(struct world *w, struct script *s);
/* After it was held down. */
bool step_a_is_brought_up(struct world *w, struct script *s);
/* Under a later life, which counts. */
bool step_a_comes_back(struct world *w, struct script *s);
/* For the same name in the same way. */
bool step_b_asks(struct world *w, struct script *s);
bool step_b_holds(struct world *w, struct script *s);

#endif
