/*
 * How long a suspect has to refute: pure functions of the timing, the cluster's size and how many
 * confirmed.
 *
 * A suspicion must reach its subject and the refutation must come back, each over gossip that needs
 * about log2(n) rounds (SWIM paper, section 4.2). Lifeguard (arXiv 1707.00788, section IV-B) lets
 * it begin long and shortens it with each member that suspects the same on its own: whoever is cut
 * off or slow accuses alone, and waits. Logarithms are integers from a table, since floating point
 * may differ between compilers and equal seeds would then give different histories.
 */
#ifndef PROTO_SUSPICION_H
#define PROTO_SUSPICION_H

#include <stdint.h>

#include "proto/time.h"

enum {
    LOG2_ONE = 256, /* suspicion_log2 counts in 256ths */
    SUSPICION_MAX_FACTOR =
        6, /* beta: with no confirmation it lasts so many times as long as with all */
    SUSPICION_CONFIRMS = 3 /* K: of members other than the first accuser. All watchers but one */
};

/* log2(n) in 256ths, rounded down to the table's grain (at most 12/256 below); 0 for n = 0 and 1.
 */
uint32_t suspicion_log2(uint32_t n);
/* The shortest: `period` times max(1.6, 0.36 * log2(members)), alpha * log(n) of the paper. */
struct span suspicion_min(struct span period, uint32_t members);
/* K for so many members held alive, this node included and the suspect not: nobody can confirm who
 * is not there. */
uint32_t suspicion_wanted(uint32_t live);
/* max - (max - min) * log(confirmed + 1) / log(wanted + 1), with max = SUSPICION_MAX_FACTOR * min;
 * `min` if none are wanted. */
struct span suspicion_span(struct span min, uint32_t confirmed, uint32_t wanted);

#endif
