/* What kind of world a seed makes: see profile.h. */
#include "sim/profile.h"

#include "proto/limits.h"
#include "sim/profiles.h"

const char *fault_text(enum fault_kind kind)
{
    static const char *const texts[] = {
#define FAULT_TEXT(NAME, row, text) text,
        FAULTS(FAULT_TEXT)
#undef FAULT_TEXT
    };
    return texts[kind];
}

const char *device_mood_text(enum device_mood mood)
{
    static const char *const texts[] = {
#define DEVICE_TEXT(NAME, text) text,
        DEVICES(DEVICE_TEXT)
#undef DEVICE_TEXT
    };
    return texts[mood];
}

static void draw_fencing(struct parameters *p, struct random *r)
{
    p->detect_ms = (uint32_t)random_between(r, 1000, 4000);
    p->ladder = p->detect_ms % 2; /* without a draw: seeds stay what they were */
    p->brake_span = SPAN_MS(random_chance(r, 100) ? 600000 : random_between(r, 20, 60) * 1000);
    p->stop_on_isolation = random_chance(r, 800);
    p->fence_permille = (uint32_t)random_between(r, 300, 900);
    p->stop_high = SPAN_MS(2000);
    p->stuck_permille = (uint32_t)random_between(r, 0, 100);
    p->accident_permille = (uint32_t)random_between(r, 0, 150);
    p->life_crash_permille = (uint32_t)random_between(r, 0, 150);
    p->back_permille = (uint32_t)random_between(r, 300, 1000);
    p->forgeries = (uint32_t)random_between(r, 0, 3);
    p->death_length = (struct range){SPAN_MS(30000), SPAN_MS(90000)};
    p->boot_spread = (struct range){SPAN_MS(0), SPAN_MS(40000)};
    p->devices[DEVICE_WORKS] = 20;
    for (int i = DEVICE_SLOW; i < DEVICE_LIES; i++)
        p->devices[i] = 1;
    p->weights[FAULT_DEATH] = 2;
    p->weights[FAULT_TURNS] = 1;
    p->weights[FAULT_SITE] = random_chance(r, 100) ? 1 : 0;
}

/* Most links are alike, some are far; some worlds have bursts of loss, and in some a datagram now
 * and then is minutes late, or damaged. */
static void draw_network(struct parameters *p, struct random *r)
{
    p->far_permille = random_chance(r, 300) ? (uint32_t)random_between(r, 50, 500) : 0;
    p->far_high = SPAN_MS(random_between(r, 5, 60));
    p->deep_permille = random_chance(r, 300);
    p->deep_high = SPAN_MS(random_between(r, 20, 180) * 1000);
    p->bad_loss_permille = random_chance(r, 250) ? (uint32_t)random_between(r, 50, 600) : 0;
    p->bad_length = (struct range){SPAN_MS(10), SPAN_MS(random_between(r, 50, 800))};
    p->good_length = (struct range){SPAN_MS(500), SPAN_MS(random_between(r, 2, 30) * 1000)};
    p->corrupt_permille = random_chance(r, 300) ? (uint32_t)random_between(r, 1, 10) : 0;
    p->replay_most = (uint32_t)random_between(r, 20, 200);
    p->clock_ppm = (uint32_t)random_between(r, 0, 500); /* A2 */
}

/* What comes seldom, and what clients do wrong. */
static void draw_misdeeds(struct parameters *p, struct random *r)
{
    static const enum fault_kind seldom[] = {
        FAULT_BRIDGE,     FAULT_FLAP,      FAULT_CLOG,      FAULT_STARVED,   FAULT_SUSPEND,
        FAULT_MTU,        FAULT_SYNC_FAIL, FAULT_DISK_FULL, FAULT_API_STUCK, FAULT_HERD,
        FAULT_STUCK_DISK, FAULT_MID_CRASH, FAULT_MID_POWER, FAULT_REBOOTS,   FAULT_CLOCK_STOPS};
    for (size_t i = 0; i < sizeof seldom / sizeof seldom[0]; i++)
        p->weights[seldom[i]] = 1;
    p->weights[FAULT_REPLAY] = random_chance(r, 300) ? 1 : 0;
    p->double_permille = (uint32_t)random_between(r, 0, 100);
    p->wrong_permille = (uint32_t)random_between(r, 0, 50);
    p->late_drop_permille = (uint32_t)random_between(r, 0, 30);
}

/* The usual world: every fault that needs no repair by hand, each now and then. */
static void draw_usual(struct parameters *p, struct random *r)
{
    *p = (struct parameters){
        .nodes = (uint32_t)random_between(r, 3, random_chance(r, 200) ? MACHINES_DRAWN_MAX : 7),
        .cohort = random_chance(r, 500) ? 3 : 5,
        .shards = (uint32_t)random_between(r, 1, SHARDS_MAX),
        .served = random_chance(r, 300) ? (uint32_t)random_between(r, 2, 6) : 512,
        .clients = (uint32_t)random_between(r, 1, CLIENTS_USUAL),
        .names = (uint32_t)random_between(r, 2, 12),
        .shared_permille = (uint32_t)random_between(r, 100, 800),
        .try_permille = (uint32_t)random_between(r, 0, 300),
        .forever_permille = (uint32_t)random_between(r, 0, 400),
        .cancel_permille = (uint32_t)random_between(r, 0, 100),
        .show_permille = (uint32_t)random_between(r, 0, 250),
        .think = {SPAN_MS(100), SPAN_MS(random_between(r, 2, 8) * 1000)},
        .hold = {SPAN_MS(10), SPAN_MS(random_between(r, 1, 4) * 1000)},
        .wait = {SPAN_MS(200), SPAN_MS(8000)},
        .delay = {{50000}, SPAN_MS(random_between(r, 1, 10))},
        .loss_permille = (uint32_t)random_between(r, 0, 20),
        .duplicate_permille = (uint32_t)random_between(r, 0, 20),
        .late_permille = (uint32_t)random_between(r, 0, 5),
        .late_high = SPAN_MS(random_between(r, 1, 8) * 1000),
        .sync = {{200000}, SPAN_MS(random_between(r, 1, 15))},
        .fault_gap = {SPAN_MS(1000), SPAN_MS(random_between(r, 8, 25) * 1000)},
        .fault_length = {SPAN_MS(100), SPAN_MS(random_between(r, 4, 15) * 1000)},
    };
    for (int i = 0; i < FAULT_BLACKOUT; i++)
        p->weights[i] = 2;
    p->weights[FAULT_BLACKOUT] = random_chance(r, 100) ? 1 : 0;
    draw_network(p, r);
    draw_fencing(p, r);
    draw_misdeeds(p, r);
}

/* From a stream of its own, so that a third of the seeds, where nobody draws modes, stay what they
 * were before there were more than two. */
static void draw_modes(struct parameters *p, uint64_t seed)
{
    struct random r;
    random_init(&r, seed, STREAM_MODES);
    p->modes_permille = random_chance(&r, 667) ? (uint32_t)random_between(&r, 50, 1000) : 0;
}

/* From a stream of its own too. In most worlds locks are forgotten between two of their uses. */
static struct span draw_forget(uint64_t seed)
{
    struct random r;
    random_init(&r, seed, STREAM_FORGET);
    switch (random_below(&r, 8)) {
    case 0:
        return (struct span){0};
    case 1:
    case 2:
        return SPAN_MS(random_between(&r, 2000, 10000));
    case 3:
    case 4:
    case 5:
        return SPAN_MS(random_between(&r, 300, 2000));
    default:
        return SPAN_MS(random_between(&r, 10, 300));
    }
}

/* From a stream of its own too. Devices give whole seconds, or more. */
static void draw_watchdogs(struct parameters *p, uint64_t seed)
{
    struct random r;
    random_init(&r, seed, STREAM_WATCHDOGS);
    bool often = random_chance(&r, 250) && p->clock_ppm <= CLOCK_RATE_PPM;
    p->watchdog |= often;
    p->watchdog_extra_ms = (uint32_t)random_between(&r, 0, 3) * 1000;
}

/* From a stream of its own too. A clock that stands is what no lease outlives (A2). */
static void draw_leases(struct parameters *p, uint64_t seed)
{
    struct random r;
    random_init(&r, seed, STREAM_LEASES);
    bool often = random_chance(&r, 500);
    uint32_t share = (uint32_t)random_between(&r, 50, 700);
    p->ttl.high = SPAN_MS(random_between(&r, 1, 12) * 1000);
    p->ttl.low = random_chance(&r, 500) ? SPAN_MS(1000) : p->ttl.high;
    if (p->expire_permille == 0 && often && p->weights[FAULT_CLOCK_STOPS] <= 1)
        p->expire_permille = share;
    if (p->expire_permille > 0 || p->action_permille > 0)
        p->weights[FAULT_CLOCK_STOPS] = 0;
    if (p->clock_ppm > CLOCK_RATE_PPM)
        p->expire_permille = 0;
}

/* The same for what holders change: a fifth of the seeds do without. */
static void draw_changes(struct parameters *p, uint64_t seed)
{
    struct random r;
    random_init(&r, seed, STREAM_CHANGES);
    if (!random_chance(&r, 800))
        return;
    p->change_permille = (uint32_t)random_between(&r, 100, 700);
    p->wish_permille = (uint32_t)random_between(&r, 100, 700);
    p->change_crash_permille = random_chance(&r, 500) ? (uint32_t)random_between(&r, 5, 60) : 0;
}

/* Most ask for the same: what one has released serves the next (delegating.h). */
static void make_alike(struct parameters *p)
{
    p->ttl.low = p->ttl.high;
    p->modes_permille /= 8;
    p->change_permille /= 4;
    p->wish_permille /= 8;
}

void profile_draw(struct parameters *out, int index, uint64_t seed)
{
    struct random r;
    random_init(&r, seed, STREAM_PROFILE);
    size_t any;
    do
        any = (size_t)random_below(&r, profile_count());
    while (profiles_get(any)->apart);
    const struct profile *profile = profiles_get(index < 0 ? any : (size_t)index);
    draw_usual(out, &r);
    profile->shape(out, &r);
    draw_modes(out, seed);
    out->forget_span = draw_forget(seed);
    draw_leases(out, seed);
    draw_watchdogs(out, seed);
    if (!profile->plain)
        draw_changes(out, seed);
    if (profile->alike)
        make_alike(out);
    out->profile = profile->name;
}

static void print_range(const char *name, struct range range, FILE *out)
{
    fprintf(out, " %s %lld..%lld us", name, (long long)(range.low.ns / 1000),
            (long long)(range.high.ns / 1000));
}

void profile_print(const struct parameters *p, FILE *out)
{
    fprintf(out,
            "  profile %s: %u nodes, cohort %u, %u shards, %u locks served at once, forgotten "
            "after %lld "
            "ms, %u clients a node, %u names\n",
            p->profile, p->nodes, p->cohort, p->shards, p->served,
            (long long)(p->forget_span.ns / 1000000), p->clients, p->names);
    fprintf(
        out,
        "  clients: shared %u, any mode %u, try %u, for ever %u, cancel %u, show %u, wishes %u, "
        "changes %u (%u die of it) of 1000;",
        p->shared_permille, p->modes_permille, p->try_permille, p->forever_permille,
        p->cancel_permille, p->show_permille, p->wish_permille, p->change_permille,
        p->change_crash_permille);
    print_range("think", p->think, out);
    print_range("hold", p->hold, out);
    print_range("wait", p->wait, out);
    fprintf(out, "\n  network: loss %u, duplicates %u, late %u of 1000 (up to %lld ms);",
            p->loss_permille, p->duplicate_permille, p->late_permille,
            (long long)(p->late_high.ns / 1000000));
    print_range("delay", p->delay, out);
    fprintf(
        out,
        "\n  links: far %u of 1000 (up to %lld ms), minutes late %u (up to %lld s), bursts lose "
        "%u, corrupt %u, replays of %u; clocks within %u ppm\n",
        p->far_permille, (long long)(p->far_high.ns / 1000000), p->deep_permille,
        (long long)(p->deep_high.ns / 1000000000), p->bad_loss_permille, p->corrupt_permille,
        p->replay_most, p->clock_ppm);
    fprintf(out, "  misdeeds: releases twice %u, of others %u, late %u of 1000\n  disk:",
            p->double_permille, p->wrong_permille, p->late_drop_permille);
    print_range("sync", p->sync, out);
    fprintf(out,
            "\n  fencing: D %u ms, brake %lld s, on isolation %s; fence %u, expire %u (up to %lld "
            "ms), action %u, stuck %u, accidents %u, "
            "crashes at a new life %u, back %u of 1000; %u forgeries; devices",
            p->detect_ms, (long long)(p->brake_span.ns / 1000000000),
            p->stop_on_isolation ? "stop" : "go on", p->fence_permille, p->expire_permille,
            (long long)(p->ttl.high.ns / 1000000), p->action_permille, p->stuck_permille,
            p->accident_permille, p->life_crash_permille, p->back_permille, p->forgeries);
    if (p->watchdog)
        fprintf(out, ", watchdogs that give %u ms more%s", p->watchdog_extra_ms,
                p->watchdog_stops ? " and stand with the clock" : "");
    for (int i = 0; i < DEVICE_MOODS; i++)
        if (p->devices[i])
            fprintf(out, ", %s %u", device_mood_text((enum device_mood)i), p->devices[i]);
    fprintf(out, "\n  faults:");
    print_range("gap", p->fault_gap, out);
    print_range("length", p->fault_length, out);
    for (int i = 0; i < FAULT_KINDS; i++)
        if (p->weights[i])
            fprintf(out, ", %s %u", fault_text((enum fault_kind)i), p->weights[i]);
    fputc('\n', out);
}
