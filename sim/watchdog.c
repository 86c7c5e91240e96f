/* Watchdogs: see watchdog.h. */
#include "sim/watchdog.h"

#include "proto/inequality.h"
#include "sim/machine.h"
#include "sim/world.h"

enum { STUCK_PERMILLE = 20, KIND_BITS = 2 };

/* What is due, in the low bits of the tag. */
enum due { DUE_FIRE, DUE_KILL, DUE_BOOT };

static const struct range boot_delay = {SPAN_MS(1000), SPAN_MS(15000)};
static const struct span soon = SPAN_MS(200); /* what was paused before it heals may still fire */
static const struct span look_again = SPAN_MS(200);

static struct fence_times times_of(const struct world *w)
{
    struct fence_times t;
    fence_times_derive(&t, SPAN_MS(w->p.detect_ms));
    fence_times_set(&t, (struct span){t.watchdog.ns + SPAN_MS(w->p.watchdog_extra_ms).ns});
    return t;
}

struct span watchdog_longest(const struct world *w)
{
    struct fence_times t = times_of(w);
    return (struct span){w->p.watchdog ? t.watchdog.ns + t.lateness.ns : 0};
}

static void plan(struct world *w, const struct machine *m, struct span after, enum due due)
{
    world_plan(w, after,
               (struct item){.kind = HAPPEN_WATCHDOG,
                             .machine = m->index,
                             .tag = m->watchdog.number << KIND_BITS | due});
}

/* The countdown begins anew; it is late by up to delta. W is by the machine's own clock. */
static void start(struct world *w, struct machine *m)
{
    struct fence_times t = times_of(w);
    int64_t slow = t.watchdog.ns / 1000000 * m->clock.rate_ppm;
    struct span late = random_span(&m->random, (struct span){0}, t.lateness);
    m->watchdog.number++;
    plan(w, m, (struct span){t.watchdog.ns - slow + late.ns}, DUE_FIRE);
}

void watchdog_open(struct world *w, struct machine *m, struct peer_config *config)
{
    if (!w->p.watchdog)
        return;
    if (!m->watchdog.runs) {
        m->watchdog.runs = true;
        m->watchdog.opened_by = m->run;
        start(w, m);
    }
    config->watchdog = times_of(w).watchdog;
    config->watchdog_fresh = m->watchdog.opened_by == m->run;
}

void watchdog_pet(struct world *w, struct machine *m, struct instant until)
{
    struct fence_times t = times_of(w);
    int64_t killed = clock_when(&m->clock, w->now, instant_after(until, t.soft));
    if (!m->watchdog.runs || m->watchdog.stuck)
        return;
    w->figures.pets++;
    if (random_chance(&m->random, STUCK_PERMILLE) && killed < INT64_MAX) {
        m->watchdog.stuck = true; /* its last close pets */
        world_plan(w, (struct span){killed - w->now},
                   (struct item){.kind = HAPPEN_WATCHDOG,
                                 .machine = m->index,
                                 .tag = m->boot << KIND_BITS | DUE_KILL});
        return;
    }
    start(w, m);
}

static void fire(struct world *w, struct machine *m)
{
    if (w->p.watchdog_stops && m->clock.stands) { /* A3 does not hold */
        plan(w, m, look_again, DUE_FIRE);
        return;
    }
    world_trace(w, "%s: its watchdog fires", m->name);
    w->figures.fired++;
    machine_power_crash(w, m);
    if (w->p.back_permille == 0) /* nobody switches a machine on again */
        return;
    struct span after = random_span(&m->random, boot_delay.low, boot_delay.high);
    plan(w, m, world_heals(w, m->index) ? soon : after, DUE_BOOT);
}

void watchdog_happens(struct world *w, struct machine *m, uint64_t tag)
{
    enum due due = (enum due)(tag & ((1u << KIND_BITS) - 1));
    uint64_t number = tag >> KIND_BITS;
    if (due == DUE_KILL) {
        if (m->powered && number == m->boot && m->watchdog.stuck)
            start(w, m);
        m->watchdog.stuck = false;
    } else if (number != m->watchdog.number) {
        return;
    } else if (due == DUE_FIRE) {
        if (m->powered && m->watchdog.runs)
            fire(w, m);
    } else if (m->held_down) {
        plan(w, m, look_again, DUE_BOOT);
    } else {
        machine_boot(w, m);
    }
}

void watchdog_power_gone(struct machine *m)
{
    m->watchdog.runs = m->watchdog.stuck = false;
    m->watchdog.number++;
}
