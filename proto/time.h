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

static inline bool instant_reached(struct instant now, struct instant t)
{
    return now.ns >= t.ns;
}

static inline struct instant instant_earlier(struct instant a, struct instant b)
{
    return a.ns < b.ns ? a : b;
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
