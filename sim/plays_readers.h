/* The plays about readers under one cached hold: see plays_readers.c. */
#ifndef SIM_PLAYS_READERS_H
#define SIM_PLAYS_READERS_H

#include "sim/plays.h"

size_t plays_readers_count(void);
const struct play *plays_readers_get(size_t index);

#endif
