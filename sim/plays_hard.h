/* The plays about hard cases of fencing: see plays_hard.c. */
#ifndef SIM_PLAYS_HARD_H
#define SIM_PLAYS_HARD_H

#include "sim/plays.h"

size_t plays_hard_count(void);
const struct play *plays_hard_get(size_t index);

#endif
