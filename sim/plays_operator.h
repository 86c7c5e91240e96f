/* The plays about what operators say: see plays_operator.c. */
#ifndef SIM_PLAYS_OPERATOR_H
#define SIM_PLAYS_OPERATOR_H

#include "sim/plays.h"

size_t plays_operator_count(void);
const struct play *plays_operator_get(size_t index);

#endif
