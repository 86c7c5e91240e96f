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

/* e: for a renewal and its answers, with the turns of three loops. */
static struct span answer_span_of(struct span detect)
{
    return (struct span){detect.ns / 30};
}

static struct span outlast(struct span detect, struct span renew, struct span again,
                           struct span answer)
{
    return sum(sum(stretched(detect, PPM + RHO, PPM), renew), sum(again, answer));
}

struct span lose_span_of(struct span detect)
{
    return outlast(detect, renew_span_of(detect), again_span_of(detect), answer_span_of(detect));
}

struct span vote_span_of(struct span detect)
{
    return stretched(lose_span_of(detect), PPM + RHO, PPM - RHO);
}

void fence_times_derive(struct fence_times *out, struct span detect)
{
    const int64_t second = SPAN_MS(1000).ns;
    struct span lose = lose_span_of(detect);
    struct span least = stretched(sum(lose, KILL), PPM, PPM - RHO);
    *out = (struct fence_times){
        .detect = detect,
        .renew = renew_span_of(detect),
        .again = again_span_of(detect),
        .answer = answer_span_of(detect),
        .warn = {lose.ns / 2},
        .lose = lose,
        .vote = vote_span_of(detect),
        .late = late_span_of(detect),
        .kill = KILL,
        .watchdog = {(least.ns + second - 1) / second * second},
        .pet_age = {detect.ns / 12},
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
    case FENCE_RULE_OUTLAST:
        *left = outlast(t->detect, t->renew, t->again, t->answer);
        *right = t->lose;
        return left->ns <= right->ns;
    case FENCE_RULE_LOSE:
        *left = stretched(t->lose, PPM + RHO, PPM - RHO);
        *right = t->vote;
        return left->ns <= right->ns;
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
