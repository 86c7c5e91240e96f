/* What the agent counts beside the core's own counters, for metrics: how long clients waited and
 * held, how late the loop was, what the core's notices said. From the start of this run on. */
#ifndef NODE_FIGURES_H
#define NODE_FIGURES_H

#include "node/histogram.h"
#include "proto/peer.h"

/* How a client's request ended. */
enum figures_outcome {
    FIGURES_GRANTED,
    FIGURES_BUSY,
    FIGURES_TIMED_OUT,
    FIGURES_NO_MAJORITY,
    FIGURES_REFUSED, /* anything else, its client's own end included */
    FIGURES_OUTCOMES
};
const char *figures_outcome_text(enum figures_outcome outcome);

enum { FIGURES_MEMBER_STATES = MEMBER_LEFT + 1, FIGURES_STANDINGS = 3 };

struct figures {
    struct histogram waits[FIGURES_OUTCOMES]; /* from the request to its end */
    struct histogram holds;                   /* from the grant to the end of the hold */
    struct histogram ticks;                   /* how late the core's alarms rang */
    /* Gossip's changes, by what came after; of those that were suspicions before, apart. */
    uint64_t changes[FIGURES_MEMBER_STATES];
    uint64_t suspicions[FIGURES_MEMBER_STATES];
    uint64_t reaches[2];                   /* no more, again */
    uint64_t standings[FIGURES_STANDINGS]; /* by the number of NOTICE_STANDING */
    uint64_t opinions[OPINIONS];           /* of this juror; OPINION_VOTES: its votes */
    uint64_t proofs[2];                    /* end statements, receipts */
    uint64_t proofs_refused;
    uint64_t orders;
    uint64_t runs;
    uint64_t runs_failed; /* of any executor, as far as it was told here */
};

void figures_notice(struct figures *figures, const struct notice *notice);
/* `error`: as the API says it, "org.holdfast.Busy"; NULL: granted. */
void figures_waited(struct figures *figures, const char *error, struct span span);

#endif
