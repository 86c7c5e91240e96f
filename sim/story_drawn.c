/* The quantities of a drawn world, by name: see story_drawn.h. */
#include "proto/limits.h"
#include "sim/story_drawn.h"

#include <string.h>

/* Where each stands in struct parameters. */
struct quantity {
    const char *key;
    size_t at;
    size_t size;
    uint64_t low, high;
};

/* clang-format off */
#define WITHIN(field, low, high) \
    {#field, offsetof(struct parameters, field), sizeof(((struct parameters *)0)->field), (low), (high)}
#define SPAN_NS_MAX UINT64_C(3600000000000)
#define PERMILLE(name) WITHIN(name, 0, 1000)
#define DEVICE(mood) WITHIN(devices[mood], 0, 1000)
/* clang-format on */

static const struct quantity quantities[] = {
    WITHIN(cohort, 1, MACHINES_MAX),
    WITHIN(served, 1, 4096),
    WITHIN(forget_span.ns, 0, SPAN_NS_MAX),
    WITHIN(shards, 1, SHARDS_MAX),
    WITHIN(clients, 0, CLIENT_FRESH),
    WITHIN(names, 1, NAMES_WIDTH_MAX),
    PERMILLE(shared_permille),
    PERMILLE(modes_permille),
    PERMILLE(try_permille),
    PERMILLE(forever_permille),
    PERMILLE(cancel_permille),
    PERMILLE(show_permille),
    PERMILLE(wish_permille),
    PERMILLE(change_permille),
    PERMILLE(change_crash_permille),
    WITHIN(think.low.ns, 0, SPAN_NS_MAX),
    WITHIN(think.high.ns, 0, SPAN_NS_MAX),
    WITHIN(hold.low.ns, 0, SPAN_NS_MAX),
    WITHIN(hold.high.ns, 0, SPAN_NS_MAX),
    WITHIN(wait.low.ns, 0, SPAN_NS_MAX),
    WITHIN(wait.high.ns, 0, SPAN_NS_MAX),
    WITHIN(delay.low.ns, 0, SPAN_NS_MAX),
    WITHIN(delay.high.ns, 0, SPAN_NS_MAX),
    PERMILLE(loss_permille),
    PERMILLE(duplicate_permille),
    PERMILLE(late_permille),
    WITHIN(late_high.ns, 0, SPAN_NS_MAX),
    PERMILLE(deep_permille),
    WITHIN(deep_high.ns, 0, SPAN_NS_MAX),
    PERMILLE(far_permille),
    WITHIN(far_high.ns, 0, SPAN_NS_MAX),
    PERMILLE(bad_loss_permille),
    WITHIN(bad_length.low.ns, 0, SPAN_NS_MAX),
    WITHIN(bad_length.high.ns, 0, SPAN_NS_MAX),
    WITHIN(good_length.low.ns, 0, SPAN_NS_MAX),
    WITHIN(good_length.high.ns, 0, SPAN_NS_MAX),
    PERMILLE(corrupt_permille),
    WITHIN(replay_most, 0, 1000),
    WITHIN(clock_ppm, 0, 200000),
    PERMILLE(double_permille),
    PERMILLE(wrong_permille),
    PERMILLE(late_drop_permille),
    WITHIN(beyond, 0, 1),
    WITHIN(detect_ms, 1000, 60000),
    WITHIN(ladder, 0, 1),
    WITHIN(brake_span.ns, 0, SPAN_NS_MAX),
    WITHIN(stop_on_isolation, 0, 1),
    PERMILLE(fence_permille),
    PERMILLE(expire_permille),
    WITHIN(ttl.low.ns, LEASE_TTL_MIN_MS *UINT64_C(1000000), LEASE_TTL_MAX_MS *UINT64_C(1000000)),
    WITHIN(ttl.high.ns, LEASE_TTL_MIN_MS *UINT64_C(1000000), LEASE_TTL_MAX_MS *UINT64_C(1000000)),
    PERMILLE(action_permille),
    WITHIN(stop_high.ns, 0, SPAN_NS_MAX),
    PERMILLE(stuck_permille),
    PERMILLE(accident_permille),
    PERMILLE(life_crash_permille),
    PERMILLE(back_permille),
    WITHIN(forgeries, 0, 1000),
    WITHIN(operators, 0, 1000),
    WITHIN(wrong_hands, 0, 1),
    WITHIN(death_length.low.ns, 0, SPAN_NS_MAX),
    WITHIN(death_length.high.ns, 0, SPAN_NS_MAX),
    WITHIN(boot_spread.low.ns, 0, SPAN_NS_MAX),
    WITHIN(boot_spread.high.ns, 0, SPAN_NS_MAX),
    DEVICE(DEVICE_WORKS),
    DEVICE(DEVICE_SLOW),
    DEVICE(DEVICE_FAILS),
    DEVICE(DEVICE_HANGS),
    DEVICE(DEVICE_LATE),
    DEVICE(DEVICE_STAYS),
    DEVICE(DEVICE_OTHER),
    DEVICE(DEVICE_SAYS_ON),
    DEVICE(DEVICE_LIES),
    /* Of the weights of faults, those that the world looks at besides: whether old traffic and old
     * stores are kept. */
    WITHIN(weights[FAULT_REPLAY], 0, 1000),
    WITHIN(weights[FAULT_STORE_BACK], 0, 1000),
    WITHIN(extra_seconds, 0, 3600),
    WITHIN(watchdog, 0, 1),
    WITHIN(watchdog_extra_ms, 0, 60000),
    WITHIN(watchdog_stops, 0, 1),
    WITHIN(sync.low.ns, 0, SPAN_NS_MAX),
    WITHIN(sync.high.ns, 0, SPAN_NS_MAX),
    WITHIN(fault_length.low.ns, 0, SPAN_NS_MAX),
    WITHIN(fault_length.high.ns, 0, SPAN_NS_MAX),
};
enum { QUANTITIES = sizeof quantities / sizeof quantities[0] };

static const struct quantity *find(const char *key)
{
    for (size_t i = 0; i < QUANTITIES; i++)
        if (strcmp(quantities[i].key, key) == 0)
            return &quantities[i];
    return NULL;
}

/* Little endian, as wide as it is. */
static uint64_t get(const struct parameters *p, const struct quantity *q)
{
    uint64_t value = 0;
    memcpy(&value, (const uint8_t *)p + q->at, q->size);
    return value;
}

bool drawn_limits(const char *key, uint64_t *low, uint64_t *high)
{
    const struct quantity *q = find(key);
    if (q) {
        *low = q->low;
        *high = q->high;
    }
    return q != NULL;
}

void drawn_set(struct parameters *p, const char *key, uint64_t value)
{
    const struct quantity *q = find(key);
    memcpy((uint8_t *)p + q->at, &value, q->size);
}

bool drawn_reset(struct parameters *p, const struct parameters *base, size_t index, bool *end)
{
    *end = index >= QUANTITIES;
    if (*end)
        return false;
    bool changed = false;
    const struct quantity *q = &quantities[index];
    size_t count = strstr(q->key, ".low.") ? 2 : 1;
    for (size_t i = 0; i < count; i++, q++) {
        changed |= get(p, q) != get(base, q);
        drawn_set(p, q->key, get(base, q));
    }
    /* The high end of a range goes with its low one. */
    return changed && !strstr(quantities[index].key, ".high.");
}

void drawn_write(const struct parameters *p, const struct parameters *base, FILE *out)
{
    for (size_t i = 0; i < QUANTITIES; i++)
        if (get(p, &quantities[i]) != get(base, &quantities[i]))
            fprintf(out, "drawn %s %llu\n", quantities[i].key,
                    (unsigned long long)get(p, &quantities[i]));
}
