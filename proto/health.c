/* Local health: see health.h. */
#include "proto/health.h"

static void raise(struct health *h, uint32_t by)
{
    h->score = by > HEALTH_MAX - h->score ? HEALTH_MAX : h->score + by;
}

void health_good(struct health *h)
{
    if (h->score > 0)
        h->score--;
}

void health_bad(struct health *h, uint32_t asked, uint32_t silent)
{
    raise(h, asked ? silent : 1);
}

void health_slow(struct health *h)
{
    raise(h, 1);
}

struct span health_scale(const struct health *h, struct span span)
{
    return span_times(span, 1 + (int64_t)h->score);
}
