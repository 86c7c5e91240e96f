/* The suspicion's span: see suspicion.h. */
#include "proto/suspicion.h"

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

struct span suspicion_span(struct span period, uint32_t count, uint32_t members)
{
    uint32_t factor = suspicion_log2(members) / 2;
    if (factor < LOG2_ONE)
        factor = LOG2_ONE;
    return (struct span){span_times(period, count).ns * factor / LOG2_ONE};
}
