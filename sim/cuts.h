/*
 * Faults of the network that have sides, turns, or a shape in time: cuts of all kinds, links that
 * flap, machines that are cut off from one juror after the other, and swizzle-clog: machines are
 * clogged one after the other, and go on in another order.
 *
 *   bridge   A | B, and one machine that reaches both: reachability is not transitive
 *   flap     off, on, off, on ... of one machine's links, each for a moment
 *   clog     what a clogged machine sends and is sent is late, and not lost
 */
#ifndef SIM_CUTS_H
#define SIM_CUTS_H

#include "sim/faults.h"

/* Whether a fault of this kind has sides between which nothing passes. */
bool cuts_kind(enum fault_kind kind);
/* Puts up its cuts (by 1), or takes them down (by -1). */
void cuts_apply(struct world *w, const struct fault *f, int by);
/* One begins: chooses its sides, unless they are given. */
void cuts_begin(struct world *w, struct fault *f, struct span length);
/* Its length, or that of its first turn. */
struct range cuts_length(struct world *w, enum fault_kind kind);
/* A turn ends; it was taken down. False: that was the last one. */
bool cuts_turn(struct world *w, struct fault *f, struct span *length);

#endif
