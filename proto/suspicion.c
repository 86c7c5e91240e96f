/* The suspicion's span: see suspicion.h. */
#include "proto/suspicion.h"

#include "proto/must.h"

enum { FRACTION_BITS = 5 };

/* floor(256 * log2(1 + i / 32)) */
static const uint8_t fraction_log2[1 << FRACTION_BITS] = {
    0,   11,  22,  33,  43,  53,  63,  73,  82,  91,  100, 109, 117, 125, 134, 141,
    149, 157, 164, 172, 179, 186, 193, 200, 206, 213, 219, 225, 232, 238, 244, 250,
};

uint32_t suspicion_log2(uint32_t n)
{
    if (n < 2)
        return 0;
    uint32_t whole = 31U - (uint32_t)__builtin_clz(n);
    /* The bits behind the leading one, as a fraction of 1, cut to the table's width. */
    uint32_t behind = n - (UINT32_C(1) << whole);
    uint32_t index = (uint32_t)(((uint64_t)behind << FRACTION_BITS) >> whole);
    return whole * LOG2_ONE + fraction_log2[index];
}

struct span suspicion_min(struct span period, uint32_t members)
{
    enum { FLOOR = 410, SLOPE = 92 }; /* 1.6 and 0.36, in 256ths */
    int64_t factor = (int64_t)suspicion_log2(members) * SLOPE / LOG2_ONE;
    return (struct span){period.ns * (factor < FLOOR ? FLOOR : factor) / LOG2_ONE};
}

uint32_t suspicion_wanted(uint32_t live)
{
    uint32_t others = live > 1 ? live - 1 : 0;
    return others < SUSPICION_CONFIRMS ? others : SUSPICION_CONFIRMS;
}

struct span suspicion_span(struct span min, uint32_t confirmed, uint32_t wanted)
{
    if (confirmed >= wanted)
        return min;
    int64_t range = min.ns * (SUSPICION_MAX_FACTOR - 1);
    int64_t whole = suspicion_log2(wanted + 1);
    must(whole > 0); /* one at least is wanted */
    int64_t cut = range * suspicion_log2(confirmed + 1) / whole;
    return (struct span){min.ns + range - cut};
}
