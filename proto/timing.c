/* Membership's timers: see timing.h. */
#include "proto/timing.h"

#include "proto/suspicion.h"

enum {
    PERIOD_MS = 1000,
    TIMEOUT_MS = 300,
    JUDGE_MS = 800,
    GOSSIP_MS = 100,
    DIGEST_MS = 10000,
    LATE_MS = 250,
    ROUND_PERIODS = 5, /* one probe in six is random: watchers find what dies, the round what
                          watchers cannot see */
    WATCHERS = 4,
    INDIRECT = 3, /* SWIM paper, section 5: k = 3 */
    FANOUT = 3,
    RENEWALS = 3, /* r = D/3, and F = D: an agent may be absent for F - r (F11) */
    /* Shorter than that, scheduling and a switch's queue look like death. */
    PERIOD_MIN_MS = 250,
    TIMEOUT_MIN_MS = 100,
    JUDGE_MIN_MS = 250,
    LATE_MIN_MS = 100
};

struct span timing_detect_default(size_t members)
{
    if (members <= 16)
        return SPAN_MS(4000);
    return members <= 200 ? SPAN_MS(6000) : SPAN_MS(7500);
}

/* `ms` of the defaults, scaled by detect / usual if that is below 1, and not below `least_ms`. */
static struct span scaled(int64_t ms, struct span detect, struct span usual, int64_t least_ms)
{
    int64_t scaled_ms = detect.ns < usual.ns ? ms * (detect.ns / 1000) / (usual.ns / 1000) : ms;
    return SPAN_MS(scaled_ms < least_ms ? least_ms : scaled_ms);
}

struct span timing_spread(const struct swim_timing *timing, size_t members)
{
    /* News is passed on when it comes: a round reaches FANOUT times as many in a few milliseconds.
     * What a round missed, about e^-FANOUT of all, the next ones reach. */
    int64_t rounds = 1 + suspicion_log2((uint32_t)members) / (4 * LOG2_ONE);
    return span_times(timing->gossip_period, rounds);
}

struct swim_timing timing_derive(struct span detect, size_t members, struct timing_bound *bound)
{
    struct span usual = timing_detect_default(members);
    struct swim_timing t = {
        .period = scaled(PERIOD_MS, detect, usual, PERIOD_MIN_MS),
        .timeout = scaled(TIMEOUT_MS, detect, usual, TIMEOUT_MIN_MS),
        .judge = scaled(JUDGE_MS, detect, usual, JUDGE_MIN_MS),
        .gossip_period = SPAN_MS(GOSSIP_MS),
        .digest_period = SPAN_MS(DIGEST_MS),
        .away = {detect.ns - detect.ns / RENEWALS},
        .late = scaled(LATE_MS, detect, usual, LATE_MIN_MS),
        .watchers = WATCHERS,
        .indirect_count = INDIRECT,
        .gossip_count = FANOUT,
    };
    t.round_period = span_times(t.period, ROUND_PERIODS);
    t.suspicion = suspicion_min(t.period, (uint32_t)members);
    if (bound) {
        int64_t sum = t.period.ns + t.judge.ns + t.suspicion.ns + timing_spread(&t, members).ns;
        *bound =
            (struct timing_bound){.detect = detect, .longest = {sum}, .holds = sum <= detect.ns};
    }
    return t;
}
