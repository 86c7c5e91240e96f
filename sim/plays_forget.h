/* The plays about forgetting: see plays_forget.c. */
#ifndef SIM_PLAYS_FORGET_H
#define SIM_PLAYS_FORGET_H

#include "sim/plays.h"

size_t plays_forget_count(void);
const struct play *plays_forget_get(size_t index);

#endif
