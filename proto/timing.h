/*
 * Membership's timers, from two numbers: the detection target D and the count of members. One knob,
 * the target, sets all of them; what a table of defaults would say for its size is scaled down when
 * D is shorter.
 *
 *     |-- h --|-- judge --|---------- suspicion ----------|-- spread --|
 *     crash   probed      suspect                         dead         everybody knows     <= D
 *
 * h: between two probes of a member by any of its watchers. judge: from a probe without an answer,
 * by any way, to the suspicion. suspicion: a suspect's time to refute once its other watchers
 * confirmed. spread: from the first that holds it dead to the last. Their sum is at most D (DESIGN
 * section 7: a juror may vote when a life was silent for V, a little longer, and nobody should have
 * to wait for membership then).
 */
#ifndef PROTO_TIMING_H
#define PROTO_TIMING_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/time.h"

struct swim_timing {
    struct span period;        /* h: each member is probed once by one of its watchers */
    struct span timeout;       /* for a direct answer, then others are asked to try */
    struct span judge;         /* for an answer by any way */
    struct span round_period;  /* between a node's probes of random members (SWIM's round) */
    struct span suspicion;     /* shortest, with all confirmations; proto/suspicion.h */
    struct span gossip_period; /* between two rounds of news of one node, while there is any */
    struct span digest_period; /* a digest to one random member, when all is quiet */
    struct span away;          /* who said that it restarts may be silent so long (proto/away.h) */
    struct span late;        /* a step that comes later than this was starved: it accuses nobody */
    uint32_t watchers;       /* of each member */
    uint32_t indirect_count; /* k others asked for an indirect probe */
    uint32_t gossip_count;   /* members told in one round of news */
};

/* What is derived beside the timers, to be shown. */
struct timing_bound {
    struct span detect;  /* D */
    struct span longest; /* a crash is known to all by then, without loss: the sum above */
    bool holds;          /* longest <= detect */
};

/* D's default for so many members: SWIM's suspicion grows with their logarithm, and D has to
 * outlast it. */
struct span timing_detect_default(size_t members);
/* The timers for a target and a size; `bound` (may be NULL) says whether they meet it. */
struct swim_timing timing_derive(struct span detect, size_t members, struct timing_bound *bound);
/* From the first to the last observer of a death: rounds of news. */
struct span timing_spread(const struct swim_timing *timing, size_t members);

#endif
