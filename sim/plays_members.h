/* The plays about members that lie, run twice, or whose clock stands: see plays_members.c. */
#ifndef SIM_PLAYS_MEMBERS_H
#define SIM_PLAYS_MEMBERS_H

#include "sim/plays.h"

size_t plays_members_count(void);
const struct play *plays_members_get(size_t index);

#endif
