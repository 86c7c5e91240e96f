/*
 * The smoothed round-trip time of one edge, in whole microseconds: a pure function.
 *
 * RFC 6298, section 2: the first sample is taken as it is, each further one with weight 1/8. What
 * counts is a direct answer to one's own probe, so a sample is never of a path through a third.
 */
#ifndef PROTO_ROUND_TRIP_H
#define PROTO_ROUND_TRIP_H

#include "proto/time.h"

/* `smoothed_us` so far (0: no sample yet), and one more; never 0, at most UINT32_MAX. Equal samples
 * lead to exactly their value. */
uint32_t round_trip_smooth(uint32_t smoothed_us, struct span sample);

#endif
