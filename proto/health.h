/*
 * Local health (Lifeguard, arXiv 1707.00788, section IV-A): how far a node trusts its own probes.
 *
 * A saturating counter: what hints that this node is the slow one raises it, an answered probe
 * lowers it. Times for answers, and between probes, are multiplied by 1 + score, so that a starved
 * node is slow to accuse.
 */
#ifndef PROTO_HEALTH_H
#define PROTO_HEALTH_H

#include <stdint.h>

#include "proto/time.h"

enum { HEALTH_MAX = 7 }; /* S - 1 of the paper, S = 8 */

struct health {
    uint32_t score; /* 0: well */
};

/* A probe was answered: -1. */
void health_good(struct health *h);
/* It was not: +1, or, if others were asked, one for each of them that was silent too. */
void health_bad(struct health *h, uint32_t asked, uint32_t silent);
/* This node had to refute, or its loop came late: +1. */
void health_slow(struct health *h);
/* `span` times 1 + score. */
struct span health_scale(const struct health *h, struct span span);

#endif
