/* The times of the lock side and the inequality between them: see inequality.h. */
#include "proto/inequality.h"

#include "proto/limits.h"
#include "proto/must.h"

#define KILL     SPAN_MS(2000)
#define SOFT     SPAN_MS(1000)
#define LATENESS SPAN_MS(1000)
#define LANDED   SPAN_MS(1000)

enum { PPM = 1000000, RHO = CLOCK_RATE_PPM };

/* `ns` times over/under parts of a million, rounded up. */
static struct span stretched(struct span span, int64_t over, int64_t under)
{
    /* In microseconds, so that hours do not overflow. */
    int64_t us = (span.ns + 999) / 1000;
    return (struct span){(us * over + under - 1) / under * 1000};
}

static struct span sum(struct span a, struct span b)
{
    return (struct span){a.ns + b.ns};
}

void fence_times_derive(struct fence_times *out, struct span detect)
{
    const int64_t second = SPAN_MS(1000).ns;
    struct span renew = renew_span_of(detect), lose = lose_span_of(detect);
    struct span least = stretched(sum(lose, KILL), PPM, PPM - RHO);
    *out = (struct fence_times){
        .detect = detect,
        .renew = renew,
        .again = {renew.ns / 4},
        .warn = {lose.ns / 2},
        .lose = lose,
        .late = late_span_of(detect),
        .kill = KILL,
        .watchdog = {(least.ns + second - 1) / second * second},
        .pet_age = {renew.ns / 4},
        .soft = SOFT,
        .lateness = LATENESS,
        .landed = LANDED,
    };
    fence_times_set(out, out->watchdog);
}

void fence_times_set(struct fence_times *times, struct span watchdog)
{
    times->watchdog = watchdog;
    times->reset = sum(sum(times->pet_age, times->soft), sum(watchdog, times->lateness));
    times->hand_over = sum(stretched(times->reset, PPM + RHO, PPM - RHO), times->landed);
}

bool fence_rule_holds(const struct fence_times *t, enum fence_rule rule, struct span *left,
                      struct span *right)
{
    switch (rule) {
    case FENCE_RULE_RENEW:
        *left = span_times(t->renew, 3);
        *right = t->lose;
        return left->ns <= right->ns;
    case FENCE_RULE_LOSE:
        *left = t->lose;
        *right = t->detect;
        return left->ns == right->ns;
    case FENCE_RULE_SOFT:
        *left = sum(t->lose, t->kill);
        *right = (struct span){t->watchdog.ns / PPM * (PPM - RHO)};
        return left->ns <= right->ns;
    case FENCE_RULE_HAND_OVER:
        *left = t->hand_over;
        *right = sum(stretched(t->reset, PPM + RHO, PPM - RHO), t->landed);
        return left->ns >= right->ns;
    case FENCE_RULES:
        break;
    }
    must(false);
}

enum fence_rule fence_rule_broken(const struct fence_times *t)
{
    struct span left, right;
    for (int rule = 0; rule < FENCE_RULES; rule++)
        if (!fence_rule_holds(t, (enum fence_rule)rule, &left, &right))
            return (enum fence_rule)rule;
    return FENCE_RULES;
}
