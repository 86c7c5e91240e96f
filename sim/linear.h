/*
 * Whether what the clients saw of each name is linearizable (S14): whether their calls can be put
 * in one order, each between its question and its answer, in which a lock that nobody shares out
 * would have given the same answers. The search is that of Wing and Gong (1993), with Lowe's memory
 * of the sets that were tried ("Testing for linearizability", 2017); by P-compositionality each
 * name stands alone.
 *
 * - grant (token): legal if it fits beside all holders, and no grant before has this token or a
 *   higher one
 * - end: legal if it holds; without an answer it may have happened or not, also by a proof that its
 *   life is over. A hand-over is the end of one hold; that of another begins with its own grant
 * - conversion (mode, token): legal if it holds, and fits beside all others; without an answer it
 *   may have happened or not, but not after a later one of the same hold
 * - busy, stays (mode): legal if it does not fit, or somebody else was in the queue meanwhile
 * - show (holders and their modes): legal if the holders are these, but for such as never were told
 */
#ifndef SIM_LINEAR_H
#define SIM_LINEAR_H

#include "sim/history.h"

struct world;

/* A client is told of these, of a name that was asked for at `since`. */
void linear_busy(struct world *w, struct op *op);
void linear_shown(struct world *w, struct name *name, const struct lock_state *state,
                  int64_t since);
/* A checkpoint: every name, from its beginning. Fails the run. */
void linear_check(struct world *w);

#endif
