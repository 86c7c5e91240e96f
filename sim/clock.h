/*
 * The clock of one machine, as its agent reads it: CLOCK_BOOTTIME. It starts with each boot, runs
 * at a rate of its own, and never steps: wall clocks that step are not read by anybody here.
 * Suspend is counted, so a machine that resumes finds its clock far ahead. A machine that somebody
 * else stops (a hypervisor under the hypervisor, a debugger) finds that it stood.
 *
 *   shows |            ___/     rate: ppm more or less than virtual time
 *         |      _____/         it stood: stopped_at .. world_at
 *         |   __/
 *         +---------------- virtual time
 */
#ifndef SIM_CLOCK_H
#define SIM_CLOCK_H

#include "proto/time.h"

struct clock {
    int64_t world_at;   /* virtual time of the last start, */
    int64_t shows;      /*   and what it showed then */
    int64_t stopped_at; /* virtual time at which it last stopped; world_at if it never did */
    int32_t rate_ppm;   /* -200000 .. 200000 */
    bool stands;
};

/* A boot. The rate is the crystal's, and stays. */
void clock_start(struct clock *c, int64_t now, int64_t shows);
void clock_stop(struct clock *c, int64_t now);
void clock_go_on(struct clock *c, int64_t now);
struct instant clock_read(const struct clock *c, int64_t now);
/* The virtual time at which it first shows `reading` or more, if it goes on like this; INT64_MAX if
 * it stands or never will. `now` is the earliest answer. */
int64_t clock_when(const struct clock *c, int64_t now, struct instant reading);
/* The virtual time at which it showed `span` less than now; over a stop, and before its boot, as if
 * it had run at rate 0. For the observer, who judges spans by the clock of whoever measured them.
 */
int64_t clock_ago(const struct clock *c, int64_t now, struct span span);

#endif
