/*
 * The explanation of a cluster's times: each with its formula and its value, and the inequalities
 * between them. The arithmetic is proto's (inequality.h, lease.h, the membership's own timing);
 * here it gets names and words.
 */
#ifndef CLIENT_EXPLAIN_H
#define CLIENT_EXPLAIN_H

#include <stdbool.h>
#include <stddef.h>

#include "proto/time.h"

enum { EXPLAIN_TIMERS_MAX = 40, EXPLAIN_RULES_MAX = 8, EXPLAIN_FORMULA_MAX = 64 };

struct explain_timer {
    const char *part; /* "membership", "standing", "watchdog", "leases" */
    const char *name; /* stable, as in --json */
    char formula[EXPLAIN_FORMULA_MAX];
    struct span value;
    const char *text; /* what it is for */
};

struct explain_rule {
    const char *formula;
    const char *relation; /* "<=", "=" or ">=" */
    struct span left;
    struct span right;
    bool holds;
    const char *text; /* what it is good for */
    const char *help; /* what to change if it is broken */
};

struct explanation {
    size_t members;
    struct span detect; /* D */
    struct explain_timer timers[EXPLAIN_TIMERS_MAX];
    size_t timer_count;
    struct explain_rule rules[EXPLAIN_RULES_MAX];
    size_t rule_count;
};

/* Of so many members (at least 1) with the detection target D. */
void explain_make(struct explanation *out, size_t members, struct span detect);
/* The same of machines whose watchdogs have that time-out: what holds of the least one may not. */
void explain_make_under(struct explanation *out, size_t members, struct span detect,
                        struct span watchdog);
/* The knob's own row, from which the others follow. */
#define EXPLAIN_KNOB "detect"
/* What it follows from: "detect", or "detect, members"; "fixed" if no roster changes it. */
const char *explain_from(const struct explain_timer *timer);
/* Milliseconds, rounded to the nearest. */
long long explain_ms(struct span span);
/* The rule's left side; one that is broken by less than 1 ms does not look as if it held. */
long long explain_left_ms(const struct explain_rule *rule);
/* The first rule that is broken; NULL if all hold. */
const struct explain_rule *explain_broken(const struct explanation *e);

/* EXIT_OK, or EXIT_CONFIG after saying which rule is broken, and what to change. */
int explain_check(size_t members, struct span detect);
int explain_refuse(const struct explanation *e);

/* For the parts: adds one. */
void explain_timer(struct explanation *e, const char *part, const char *name, const char *formula,
                   struct span value, const char *text);
/* Adds the part's timers, and its rules (explain_members.c). */
void explain_members(struct explanation *e);

#endif
