/* The play about cuts that are shorter than D: see plays_blips.c. */
#ifndef SIM_PLAYS_BLIPS_H
#define SIM_PLAYS_BLIPS_H

#include "sim/plays.h"

size_t plays_blips_count(void);
const struct play *plays_blips_get(size_t index);

#endif
