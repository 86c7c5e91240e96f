/*
 * How long a suspect has to refute: a pure function of the timing and the cluster's size.
 *
 * A suspicion must reach its subject and the refutation must come back, each over gossip that needs
 * about log2(n) periods (SWIM paper, section 4.2; hashicorp/memberlist's suspicion.go uses the same
 * shape with log10). Logarithms are integers from a table, since floating point may differ between
 * compilers and equal seeds would then give different histories.
 */
#ifndef PROTO_SUSPICION_H
#define PROTO_SUSPICION_H

#include <stdint.h>

#include "proto/time.h"

enum { LOG2_ONE = 256 }; /* suspicion_log2 counts in 256ths */

/* log2(n) in 256ths, rounded down to the table's grain (at most 12/256 below); 0 for n = 0 and 1.
 */
uint32_t suspicion_log2(uint32_t n);
/* `count` periods, times max(1, log2(members) / 2). */
struct span suspicion_span(struct span period, uint32_t count, uint32_t members);

#endif
