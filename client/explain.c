/* The explanation of a cluster's times: see explain.h. */
#include "client/explain.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/command.h"
#include "proto/inequality.h"
#include "proto/lease.h"
#include "proto/must.h"

void explain_timer(struct explanation *e, const char *part, const char *name, const char *formula,
                   struct span value, const char *text)
{
    must(e->timer_count < EXPLAIN_TIMERS_MAX);
    struct explain_timer *t = &e->timers[e->timer_count++];
    *t = (struct explain_timer){.part = part, .name = name, .value = value, .text = text};
    snprintf(t->formula, sizeof t->formula, "%s", formula);
}

static void add_standing(struct explanation *e, const struct fence_times *t)
{
    static const char part[] = "standing";
    explain_timer(e, part, EXPLAIN_KNOB, "D", t->detect,
                  "the knob: no cut that is shorter costs a holder anything");
    explain_timer(e, part, "renew", "r = D/10", t->renew, "a node that holds renews so often");
    explain_timer(e, part, "again", "r/4", t->again, "and so often while too few jurors answer");
    explain_timer(e, part, "late", "D/6", t->late,
                  "a juror whose loop came later does not vote on what it saw");
    explain_timer(e, part, "warn", "F/2", t->warn,
                  "without a majority of jurors for so long: holders are warned");
    explain_timer(e, part, "answer", "e = D/30", t->answer,
                  "from a renewal to the answers of a majority of the jurors");
    explain_timer(e, part, "lose", "F = D (1 + rho) + r + r/4 + e", t->lose,
                  "without them for so long: what is held is lost");
    explain_timer(e, part, "vote", "V = F (1 + rho)/(1 - rho)", t->vote,
                  "a juror votes against a life that was silent so long");
    explain_timer(e, part, "kill", "K", t->kill, "what acts under it is killed within");
}

static void add_watchdog(struct explanation *e, const struct fence_times *t)
{
    static const char part[] = "watchdog";
    explain_timer(e, part, "watchdog", "W = ceil((F + K)/(1 - rho))", t->watchdog,
                  "the device's time-out, in whole seconds");
    explain_timer(e, part, "pet_age", "p = D/12", t->pet_age,
                  "the device is petted on a renewal that is at most so old");
    explain_timer(e, part, "soft", "sigma", t->soft, "the petting process ends so much later");
    explain_timer(e, part, "lateness", "delta", t->lateness, "of the device, at most");
    explain_timer(e, part, "landed", "delta_io", t->landed,
                  "what was out of the machine has landed by then");
    explain_timer(e, part, "reset", "B = p + sigma + W + delta", t->reset,
                  "from the last renewal to the reset, at most");
    explain_timer(e, part, "hand_over", "H = B (1 + rho)/(1 - rho) + delta_io", t->hand_over,
                  "by each juror's clock, before others may have its locks");
}

static void add_leases(struct explanation *e)
{
    static const char part[] = "leases";
    struct span ttl = SPAN_MS(LEASE_TTL_DEFAULT_MS), belief = lease_belief(LEASE_TTL_DEFAULT_MS);
    explain_timer(e, part, "ttl", "TTL", ttl,
                  "of expire by default; a waiter gets the lock no sooner");
    explain_timer(e, part, "lease_belief", "L = TTL (1 - rho)/(1 + rho)", belief,
                  "its holder believes in it, from the sending of a renewal");
    explain_timer(e, part, "lease_renew", "L/3", (struct span){belief.ns / 3},
                  "it is renewed so often");
    explain_timer(e, part, "lease_warn", "L/2", (struct span){belief.ns / 2},
                  "not renewed for so long: its holder is warned");
}

static void add_rules(struct explanation *e, const struct fence_times *t)
{
    static const struct {
        const char *formula, *relation, *text, *help;
    } words[FENCE_RULES] = {
        [FENCE_RULE_RENEW] = {"3 r <= F", "<=", "two renewals in a row may be lost"},
        [FENCE_RULE_OUTLAST] = {"D (1 + rho) + r + r/4 + e <= F",
                                "<=", "a holder outlasts any cut shorter than D"},
        [FENCE_RULE_LOSE] = {"F (1 + rho)/(1 - rho) <= V",
                             "<=", "a holder stops before a juror may vote"},
        [FENCE_RULE_SOFT] = {"F + K <= W (1 - rho)",
                             "<=", "what it ran has ended before its device fires",
                             "choose a watchdog with a longer time-out, or a shorter target"},
        [FENCE_RULE_HAND_OVER] = {"H >= B (1 + rho)/(1 - rho) + delta_io",
                                  ">=", "the next holder comes after the last has stopped"},
    };
    for (int i = 0; i < FENCE_RULES; i++) {
        must(e->rule_count < EXPLAIN_RULES_MAX);
        struct explain_rule *r = &e->rules[e->rule_count++];
        *r = (struct explain_rule){.formula = words[i].formula,
                                   .relation = words[i].relation,
                                   .text = words[i].text,
                                   .help = words[i].help ? words[i].help
                                                         : "this is a fault of the program"};
        r->holds = fence_rule_holds(t, (enum fence_rule)i, &r->left, &r->right);
    }
}

void explain_make(struct explanation *out, size_t members, struct span detect)
{
    explain_make_under(out, members, detect, (struct span){0});
}

void explain_make_under(struct explanation *out, size_t members, struct span detect,
                        struct span watchdog)
{
    struct fence_times times;
    fence_times_derive(&times, detect);
    if (watchdog.ns > 0)
        fence_times_set(&times, watchdog);
    *out = (struct explanation){.members = members, .detect = detect};
    add_standing(out, &times);
    explain_members(out);
    add_leases(out);
    add_watchdog(out, &times);
    add_rules(out, &times);
}

const char *explain_from(const struct explain_timer *timer)
{
    static const char *const fixed[] = {"kill",   "soft",          "lateness",
                                        "landed", "gossip_period", "digest_period"};
    static const char *const sized[] = {"suspicion", "suspicion_alone", "spread", "crash_known",
                                        "round_period"};
    for (size_t i = 0; i < sizeof fixed / sizeof *fixed; i++)
        if (strcmp(timer->name, fixed[i]) == 0)
            return "fixed";
    if (strcmp(timer->part, "leases") == 0)
        return strcmp(timer->name, "ttl") == 0 ? "fixed" : "ttl";
    for (size_t i = 0; i < sizeof sized / sizeof *sized; i++)
        if (strcmp(timer->name, sized[i]) == 0)
            return "detect, members";
    return "detect";
}

const struct explain_rule *explain_broken(const struct explanation *e)
{
    for (size_t i = 0; i < e->rule_count; i++)
        if (!e->rules[i].holds)
            return &e->rules[i];
    return NULL;
}

long long explain_ms(struct span span)
{
    return (span.ns + 500000) / 1000000;
}

long long explain_left_ms(const struct explain_rule *rule)
{
    long long left = explain_ms(rule->left);
    return rule->holds || left != explain_ms(rule->right) ? left : left + 1;
}

int explain_refuse(const struct explanation *e)
{
    const struct explain_rule *broken = explain_broken(e);
    if (!broken)
        return EXIT_OK;
    say("%s does not hold for %zu members (%lld %s %lld ms): %s", broken->formula, e->members,
        explain_left_ms(broken), broken->relation, explain_ms(broken->right), broken->help);
    return EXIT_CONFIG;
}

int explain_check(size_t members, struct span detect)
{
    struct explanation *e = malloc(sizeof *e);
    must(e != NULL);
    explain_make(e, members, detect);
    int code = explain_refuse(e);
    free(e);
    return code;
}
