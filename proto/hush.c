/* When a node does not refute: see hush.h. */
#include "proto/hush.h"

#include "proto/mutant.h"

static uint32_t newest(const struct hush *h, uint32_t count)
{
    return h->probes & ((UINT32_C(1) << count) - 1);
}

uint32_t hush_alone(const struct hush *h)
{
    return (uint32_t)__builtin_popcount(newest(h, HUSH_LOOKED));
}

bool hush_troubled(const struct hush *h)
{
    return hush_alone(h) >= HUSH_MOST;
}

bool hush_well(const struct hush *h)
{
    return newest(h, HUSH_WELL) == 0;
}

void hush_probed(struct hush *h, bool alone)
{
    h->probes = h->probes << 1 | alone;
    if (hush_well(h) && !MUTANT(178)) /* "what was long ago counts" */
        h->refutes = 0;
}

bool hush_refutes(struct hush *h, struct instant now, struct span period, uint32_t incarnation)
{
    if (h->on) {
        h->incarnation = incarnation > h->incarnation ? incarnation : h->incarnation;
        return false;
    }
    bool again = h->refutes > 0 && span_between(h->counted, now).ns < HUSH_APART * period.ns;
    if (!hush_troubled(h) || again)
        return true;
    h->counted = now;
    h->refutes++;
    if (h->refutes <= HUSH_REFUTES && !MUTANT(177)) /* "the first bad moment makes quiet" */
        return true;
    if (MUTANT(176)) /* "whoever is accused refutes, for ever" */
        return true;
    h->on = true;
    h->since = now;
    h->incarnation = incarnation;
    return false;
}

bool hush_over(struct hush *h)
{
    if (!h->on || !hush_well(h) || MUTANT(175)) /* "the quiet never ends" */
        return false;
    h->on = false;
    return true;
}
