/* The plays about numbers of lives, and about starts under an order: see plays_lives.c. */
#ifndef SIM_PLAYS_LIVES_H
#define SIM_PLAYS_LIVES_H

#include "sim/plays.h"

size_t plays_lives_count(void);
const struct play *plays_lives_get(size_t index);

#endif
