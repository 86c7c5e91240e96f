/*
 * What this node would expect if a member vanished now: which jurors could vote (F2), whether the
 * brake (F8) would let them allow more than to retire, who would carry it out, in which order (F9),
 * and when its locks would pass on. Nothing here changes anything, and nothing is asked of others:
 * it is this node's view.
 */
#ifndef PROTO_PREVIEW_H
#define PROTO_PREVIEW_H

#include "crypto/roster.h"
#include "proto/time.h"

struct peer;

struct preview_executor {
    uint16_t slot;
    bool alive; /* by SWIM; of those that are, the first acts first */
};

struct preview {
    uint64_t life; /* the one that would be ordered; 0: not known */
    size_t jurors, quorum;
    size_t juror_count; /* who would be asked: all jurors but the node itself */
    struct {
        uint16_t slot;
        bool reachable; /* alive by SWIM, and reached by this node or through another one */
    } juror[ROSTER_JURORS_MAX];
    size_t brake;          /* nodes in this node's count, that one included; it counts as a juror */
    size_t brake_limit;    /* beyond it no action but retire is allowed */
    size_t executor_count; /* that the roster lets act on it, by rank; the first */
    struct preview_executor executors[ROSTER_JURORS_MAX]; /*   few of them */
    uint32_t shards, votes_in; /* of the cluster; those whose cohort it sits in, */
    uint32_t known;            /*   and those whose locks this node stores itself */
    /* Spans, counted from when it vanished, at most; device and disk well: */
    struct span ordered;  /* certified */
    struct span executed; /* a receipt of the first executor; each silent one before it adds */
    struct span turn;     /*   so much */
    struct span watchdog; /* what a watchdog's receipt takes, H */
};

/* False if the roster does not name it. It may be this node itself, as far as it can say how others
 * would go on without it. */
bool peer_preview(const struct peer *peer, struct instant now, uint16_t slot, struct preview *out);

#endif
