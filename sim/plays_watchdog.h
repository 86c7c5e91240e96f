/* The plays about watchdogs: see plays_watchdog.c. */
#ifndef SIM_PLAYS_WATCHDOG_H
#define SIM_PLAYS_WATCHDOG_H

#include "sim/plays.h"

size_t plays_watchdog_count(void);
const struct play *plays_watchdog_get(size_t index);

#endif
