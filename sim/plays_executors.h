/* The plays about several executors of one order: see plays_executors.c. */
#ifndef SIM_PLAYS_EXECUTORS_H
#define SIM_PLAYS_EXECUTORS_H

#include "sim/plays.h"

size_t plays_executors_count(void);
const struct play *plays_executors_get(size_t index);

#endif
