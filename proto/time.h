/*
 * Instants and spans, in nanoseconds. Two types, so that adding two instants does not compile.
 *
 * An instant is a reading of the driver's clock that counts suspend (CLOCK_BOOTTIME; the
 * simulator's virtual time). Instants of two nodes are never compared.
 */
#ifndef PROTO_TIME_H
#define PROTO_TIME_H

#include <stdbool.h>
#include <stdint.h>

struct instant {
    int64_t ns;
};

struct span {
    int64_t ns;
};

#define SPAN_MS(n) ((struct span){INT64_C(1000000) * (n)})
/* Later than anything: "no deadline". */
#define INSTANT_NEVER ((struct instant){INT64_MAX})

static inline struct instant instant_after(struct instant t, struct span d)
{
    return t.ns > INT64_MAX - d.ns ? INSTANT_NEVER : (struct instant){t.ns + d.ns};
}

/* How long from `earlier` to `later`; negative if the other way round. */
static inline struct span span_between(struct instant earlier, struct instant later)
{
    return (struct span){later.ns - earlier.ns};
}

/* In whole milliseconds, as messages and records state an age; UINT32_MAX for a negative one:
 * never. */
static inline uint32_t span_milliseconds(struct span age)
{
    int64_t ms = age.ns / 1000000;
    if (age.ns < 0)
        return UINT32_MAX;
    return ms < UINT32_MAX ? (uint32_t)ms : UINT32_MAX - 1;
}

static inline bool instant_reached(struct instant now, struct instant t)
{
    return now.ns >= t.ns;
}

static inline struct instant instant_earlier(struct instant a, struct instant b)
{
    return a.ns < b.ns ? a : b;
}

/*
 * An instant in six bytes, for tables with an entry for every pair of nodes: units of 4 us, 35
 * years of uptime; later ones are "never".
 */
struct brief_instant {
    uint16_t parts[3];
};

static inline struct brief_instant brief_of(uint64_t units)
{
    if (units >> 48)
        units = (UINT64_C(1) << 48) - 1;
    return (struct brief_instant){
        {(uint16_t)units, (uint16_t)(units >> 16), (uint16_t)(units >> 32)}};
}

/* The last that is not later than `t`. */
static inline struct brief_instant brief_floor(struct instant t)
{
    return brief_of((uint64_t)t.ns / 4000);
}

/* The first that is not earlier than `t`. */
static inline struct brief_instant brief_ceiling(struct instant t)
{
    return brief_of(((uint64_t)t.ns + 3999) / 4000);
}

static inline struct instant brief_instant(struct brief_instant b)
{
    uint64_t units = (uint64_t)b.parts[2] << 32 | (uint64_t)b.parts[1] << 16 | (uint64_t)b.parts[0];
    return units == (UINT64_C(1) << 48) - 1 ? INSTANT_NEVER
                                            : (struct instant){(int64_t)(units * 4000)};
}

static inline struct span span_times(struct span d, int64_t n)
{
    return (struct span){d.ns * n};
}

static inline struct span span_min(struct span a, struct span b)
{
    return a.ns < b.ns ? a : b;
}

#endif
