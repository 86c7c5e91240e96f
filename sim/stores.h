/*
 * Faults of the stores: lost, damaged, rolled back to an old copy, swapped. All but the last
 * destroy one, and no more are destroyed than a cohort can lose, but in worlds beyond that.
 */
#ifndef SIM_STORES_H
#define SIM_STORES_H

#include "sim/faults.h"

struct machine;

/* Whether a machine that asks about its store cannot miss all of those who know (L7): the others'
 * answers that it waits for are half of the roster, and one of them is informed. */
bool stores_can_tell(const struct world *w, uint32_t informed);

/* Its power is off. */
void stores_take(struct world *w, struct machine *m, enum fault_kind kind);
/* Two machines, whose power goes, find each other's disk: FAULT_STORES_SWAPPED begins at `m`. */
void stores_swap(struct world *w, struct fault *f, struct machine *m);
/* And have their own again. */
void stores_swap_back(struct world *w, struct fault *f);

#endif
