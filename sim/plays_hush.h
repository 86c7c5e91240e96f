/* The plays about a link that loses most for long, and one that does for a moment: plays_hush.c. */
#ifndef SIM_PLAYS_HUSH_H
#define SIM_PLAYS_HUSH_H

#include "sim/plays.h"

size_t plays_hush_count(void);
const struct play *plays_hush_get(size_t index);

#endif
