/* Smoothed round-trip times: see round_trip.h. */
#include "proto/round_trip.h"

enum { WEIGHT = 8 }; /* 1/alpha of RFC 6298, (2.3) */

uint32_t round_trip_smooth(uint32_t smoothed_us, struct span sample)
{
    int64_t us = sample.ns / 1000;
    us = us < 1 ? 1 : us > UINT32_MAX ? UINT32_MAX : us;
    if (smoothed_us == 0)
        return (uint32_t)us;
    /* Rounded away from zero, or the last WEIGHT - 1 microseconds would never be made up. */
    int64_t off = us - smoothed_us;
    off += off < 0 ? 1 - WEIGHT : WEIGHT - 1;
    return (uint32_t)(smoothed_us + off / WEIGHT);
}
