/* The membership's part of the explanation: see explain.h. */
#include "client/explain.h"

#include <stdio.h>

#include "proto/must.h"
#include "proto/suspicion.h"
#include "proto/timing.h"

/* Without any confirmation (Lifeguard). */
static struct span alone(const struct swim_timing *t)
{
    return suspicion_span(t->suspicion, 0, SUSPICION_CONFIRMS);
}

static void add_rule(struct explanation *e, const struct timing_bound *bound)
{
    must(e->rule_count < EXPLAIN_RULES_MAX);
    e->rules[e->rule_count++] =
        (struct explain_rule){.formula = "h + judge + suspicion + spread <= D",
                              .relation = "<=",
                              .left = bound->longest,
                              .right = bound->detect,
                              .holds = bound->holds,
                              .text = "a dead member is known to be dead when jurors may vote",
                              .help = "raise the detection target (roster make --detect)"};
}

void explain_members(struct explanation *e)
{
    static const char part[] = "membership";
    char text[EXPLAIN_FORMULA_MAX];
    struct timing_bound bound;
    struct swim_timing t = timing_derive(e->detect, e->members, &bound);
    explain_timer(e, part, "probe_period", "h, by D", t.period,
                  "each member is probed by one of its watchers so often");
    explain_timer(e, part, "probe_timeout", "by D", t.timeout,
                  "without an answer by then others are asked to try");
    explain_timer(e, part, "judge", "by D", t.judge,
                  "without one by any way it is suspected by then");
    snprintf(text, sizeof text, "h max(1.6, 0.36 log2(%zu))", e->members);
    explain_timer(e, part, "suspicion", text, t.suspicion,
                  "a suspect that does not refute by then is dead, if all watchers agree");
    snprintf(text, sizeof text, "%d suspicion", SUSPICION_MAX_FACTOR);
    explain_timer(e, part, "suspicion_alone", text, alone(&t), "and if none confirms");
    explain_timer(e, part, "spread", "by log2(members)", timing_spread(&t, e->members),
                  "from the first that holds it dead to the last");
    explain_timer(e, part, "crash_known", "h + judge + suspicion + spread", bound.longest,
                  "a crash is known to all by then, where nothing is lost");
    snprintf(text, sizeof text, "%lld h", (long long)(t.round_period.ns / t.period.ns));
    explain_timer(e, part, "round_period", text, t.round_period,
                  "each node probes a random member so often");
    explain_timer(e, part, "gossip_period", "fixed", t.gossip_period,
                  "news goes out so often while there is any");
    explain_timer(e, part, "digest_period", "fixed", t.digest_period,
                  "views are compared with a random member so often");
    explain_timer(e, part, "away", "D - D/3", t.away,
                  "who said that it restarts is not suspected before");
    explain_timer(e, part, "starved", "by D", t.late, "a loop that comes later accuses nobody");
    add_rule(e, &bound);
}
