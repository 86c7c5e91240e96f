/* What kind of world a seed makes: see profile.h. */
#include "sim/profile.h"

#include <string.h>

const char *fault_text(enum fault_kind kind)
{
    static const char *const texts[] = {
#define FAULT_TEXT(NAME, text) text,
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

/* A profile turns a usual world into its own kind. */
struct profile {
    const char *name;
    void (*shape)(struct parameters *p, struct random *r);
    bool apart; /* breaks an assumption of the design: never drawn by chance */
};

static void calm(struct parameters *p, struct random *r)
{
    (void)r;
    p->fault_gap = (struct range){SPAN_MS(15000), SPAN_MS(40000)};
}

static void crash_heavy(struct parameters *p, struct random *r)
{
    p->fault_gap = (struct range){SPAN_MS(500), SPAN_MS(random_between(r, 2, 8) * 1000)};
    p->fault_length = (struct range){SPAN_MS(50), SPAN_MS(6000)};
    p->weights[FAULT_AGENT_CRASH] = 20;
    p->weights[FAULT_COORDINATOR_CRASH] = 15;
    p->weights[FAULT_MACHINE_CRASH] = 20;
    p->weights[FAULT_LEAVE] = 4;
    p->weights[FAULT_SYNC_FAIL] = 3;
}

static void contention_heavy(struct parameters *p, struct random *r)
{
    p->names = (uint32_t)random_between(r, 1, 2);
    p->think = (struct range){SPAN_MS(20), SPAN_MS(1500)};
    p->hold = (struct range){SPAN_MS(5), SPAN_MS(600)};
    p->cancel_permille = 200;
}

static void lossy(struct parameters *p, struct random *r)
{
    p->loss_permille = (uint32_t)random_between(r, 50, 300);
    p->duplicate_permille = (uint32_t)random_between(r, 10, 200);
    p->late_permille = (uint32_t)random_between(r, 1, 60);
    p->weights[FAULT_LOSS] = 20;
}

static void partition(struct parameters *p, struct random *r)
{
    (void)r;
    p->fault_gap = (struct range){SPAN_MS(500), SPAN_MS(6000)};
    p->fault_length = (struct range){SPAN_MS(200), SPAN_MS(15000)};
    p->weights[FAULT_CUT] = 25;
    p->weights[FAULT_ONE_WAY] = 25;
    p->weights[FAULT_ISOLATE] = 15;
    p->weights[FAULT_HALVES] = 15;
}

static void pause_heavy(struct parameters *p, struct random *r)
{
    (void)r;
    p->fault_gap = (struct range){SPAN_MS(300), SPAN_MS(5000)};
    p->fault_length = (struct range){SPAN_MS(200), SPAN_MS(20000)};
    p->weights[FAULT_PAUSE] = 40;
    p->weights[FAULT_FREEZE] = 20;
}

static void slow_disk(struct parameters *p, struct random *r)
{
    p->sync = (struct range){SPAN_MS(1), SPAN_MS(random_between(r, 20, 200))};
    p->weights[FAULT_SLOW_DISK] = 30;
    p->weights[FAULT_MACHINE_CRASH] = 10;
    p->weights[FAULT_SYNC_FAIL] = 5;
}

static void cold_start(struct parameters *p, struct random *r)
{
    (void)r;
    p->fault_gap = (struct range){SPAN_MS(4000), SPAN_MS(15000)};
    p->weights[FAULT_BLACKOUT] = 30;
}

static void store_loss(struct parameters *p, struct random *r)
{
    (void)r;
    p->weights[FAULT_STORE_LOST] = 20;
    p->weights[FAULT_STORE_DAMAGED] = 20;
}

/* Many coordinators' deaths in the middle of busy locks: where states are read under new ballots.
 */
static void takeover_heavy(struct parameters *p, struct random *r)
{
    contention_heavy(p, r);
    p->shards = (uint32_t)random_between(r, 1, 3);
    p->fault_gap = (struct range){SPAN_MS(1000), SPAN_MS(7000)};
    p->fault_length = (struct range){SPAN_MS(100), SPAN_MS(9000)};
    p->weights[FAULT_COORDINATOR_CRASH] = 40;
    p->weights[FAULT_ISOLATE] = 20;
}

/* Coordinators with room for two locks, that read them again and again under one ballot, while
 * answers to earlier readings are still on their way. */
static void forgetful(struct parameters *p, struct random *r)
{
    p->cohort = 5;
    p->served = 2;
    p->names = (uint32_t)random_between(r, 4, 12);
    p->shards = (uint32_t)random_between(r, 1, 2);
    p->clients = 2;
    p->think = (struct range){SPAN_MS(10), SPAN_MS(300)};
    p->hold = (struct range){SPAN_MS(10), SPAN_MS(500)};
    p->duplicate_permille = (uint32_t)random_between(r, 0, 300);
    p->late_permille = (uint32_t)random_between(r, 100, 400);
    p->late_high = SPAN_MS(random_between(r, 50, 500));
    p->weights[FAULT_SLOW_DISK] = 20;
}

static void everything(struct parameters *p, struct random *r)
{
    p->fault_gap = (struct range){SPAN_MS(300), SPAN_MS(random_between(r, 3, 15) * 1000)};
    p->loss_permille = (uint32_t)random_between(r, 0, 100);
    for (int i = 0; i < FAULT_STORE_LOST; i++)
        p->weights[i] = (uint32_t)random_below(r, 20);
    p->weights[FAULT_CUT]++;
}

/* --- fencing --- */

/* Clients that hold for long, under fence nearly always, and wait for one another. */
static void fence_eager(struct parameters *p, struct random *r)
{
    p->names = (uint32_t)random_between(r, 2, 5);
    p->shared_permille = (uint32_t)random_between(r, 0, 300);
    p->fence_permille = (uint32_t)random_between(r, 700, 1000);
    p->forever_permille = (uint32_t)random_between(r, 300, 800);
    p->hold = (struct range){SPAN_MS(200), SPAN_MS(random_between(r, 2, 8) * 1000)};
    p->wait = (struct range){SPAN_MS(5000), SPAN_MS(30000)};
    p->brake_span = SPAN_MS(random_between(r, 10, 30) * 1000);
}

/* A calm network, and machines that die for good. */
static void deaths(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    for (int i = 0; i < FAULT_KINDS; i++)
        p->weights[i] = 0;
    p->weights[FAULT_DEATH] = 10;
    p->weights[FAULT_MACHINE_CRASH] = 2;
    p->fault_gap = (struct range){SPAN_MS(5000), SPAN_MS(25000)};
    p->loss_permille = 0;
}

/* Agents that pause while their guests go on: what a time-out cannot make safe. */
static void fence_pauses(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->fault_gap = (struct range){SPAN_MS(2000), SPAN_MS(12000)};
    p->fault_length = (struct range){SPAN_MS(1000), SPAN_MS(random_between(r, 10, 60) * 1000)};
    p->weights[FAULT_PAUSE] = 60;
    p->weights[FAULT_FREEZE] = 10;
}

/* Cuts one after the other, each long enough for a vote. */
static void fence_turns(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->brake_span = SPAN_MS(random_between(r, 60, 600) * 1000);
    p->fault_gap = (struct range){SPAN_MS(2000), SPAN_MS(10000)};
    p->fault_length = (struct range){SPAN_MS(1000), SPAN_MS(12000)};
    p->weights[FAULT_TURNS] = 30;
    p->weights[FAULT_ISOLATE] = 30;
    p->weights[FAULT_CUT] = 10;
    p->weights[FAULT_ONE_WAY] = 10;
    p->weights[FAULT_HALVES] = 10;
    p->weights[FAULT_DEATH] = 10;
    p->stuck_permille = (uint32_t)random_between(r, 0, 600);
}

static void bad_devices(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    for (int i = 0; i < DEVICE_LIES; i++)
        p->devices[i] = (uint32_t)random_between(r, 1, 10);
    p->fault_length.high = SPAN_MS(random_between(r, 10, 40) * 1000);
    p->weights[FAULT_DEATH] = 10;
    p->weights[FAULT_PAUSE] = 20;
    p->weights[FAULT_ISOLATE] = 20;
    p->life_crash_permille = 200;
    p->stuck_permille = (uint32_t)random_between(r, 0, 600);
}

/* The site loses power with locks held, and its machines come back minutes apart. */
static void site(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    int64_t last = random_chance(r, 200) ? 600 : 90;
    p->boot_spread = (struct range){SPAN_MS(random_between(r, 0, 30) * 1000), SPAN_MS(last * 1000)};
    p->extra_seconds = last;
    p->brake_span = SPAN_MS(random_chance(r, 300) ? 600000 : 30000);
    p->weights[FAULT_SITE] = 40;
    p->fault_gap = (struct range){SPAN_MS(3000), SPAN_MS(20000)};
    p->life_crash_permille = 300;
}

/* Rebirths: lives raised again and again, agents that die in between. */
static void rebirth(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->fault_gap = (struct range){SPAN_MS(1000), SPAN_MS(8000)};
    p->fault_length = (struct range){SPAN_MS(50), SPAN_MS(8000)};
    p->weights[FAULT_MACHINE_CRASH] = 30;
    p->weights[FAULT_AGENT_CRASH] = 30;
    p->weights[FAULT_PAUSE] = 20;
    p->weights[FAULT_ISOLATE] = 15;
    p->life_crash_permille = 500;
    p->accident_permille = 300;
    p->forgeries = 6;
}

/* Devices that say off while the machine is on: whoever believes them breaks S1, and the observer
 * has to see it. */
static void liars(struct parameters *p, struct random *r)
{
    fence_pauses(p, r);
    p->devices[DEVICE_LIES] = 200;
}

static const struct profile profiles[] = {
    {.name = "calm", .shape = calm},
    {.name = "crash-heavy", .shape = crash_heavy},
    {.name = "contention-heavy", .shape = contention_heavy},
    {.name = "lossy", .shape = lossy},
    {.name = "partition", .shape = partition},
    {.name = "pause", .shape = pause_heavy},
    {.name = "slow-disk", .shape = slow_disk},
    {.name = "cold-start", .shape = cold_start},
    {.name = "store-loss", .shape = store_loss},
    {.name = "takeover-heavy", .shape = takeover_heavy},
    {.name = "forgetful", .shape = forgetful},
    {.name = "everything", .shape = everything},
    {.name = "deaths", .shape = deaths},
    {.name = "fence-pauses", .shape = fence_pauses},
    {.name = "fence-turns", .shape = fence_turns},
    {.name = "bad-devices", .shape = bad_devices},
    {.name = "site", .shape = site},
    {.name = "rebirth", .shape = rebirth},
    {.name = "liars", .shape = liars, .apart = true},
};

size_t profile_count(void)
{
    return sizeof profiles / sizeof profiles[0];
}

const char *profile_name(size_t index)
{
    return profiles[index].name;
}

int profile_find(const char *name)
{
    for (size_t i = 0; i < profile_count(); i++)
        if (strcmp(profiles[i].name, name) == 0)
            return (int)i;
    return -1;
}

bool profile_apart(size_t index)
{
    return profiles[index].apart;
}

static void draw_fencing(struct parameters *p, struct random *r)
{
    p->detect_ms = (uint32_t)random_between(r, 1000, 4000);
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

/* The usual world: every fault that needs no repair by hand, each now and then. */
static void draw_usual(struct parameters *p, struct random *r)
{
    *p = (struct parameters){
        .nodes = (uint32_t)random_between(r, 3, MACHINES_MAX),
        .cohort = random_chance(r, 500) ? 3 : 5,
        .shards = (uint32_t)random_between(r, 1, SHARDS_MAX),
        .served = random_chance(r, 300) ? (uint32_t)random_between(r, 2, 6) : 512,
        .clients = (uint32_t)random_between(r, 1, CLIENTS_MAX - 1),
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
    p->weights[FAULT_SYNC_FAIL] = 1;
    p->weights[FAULT_BLACKOUT] = random_chance(r, 100) ? 1 : 0;
    draw_fencing(p, r);
}

void profile_draw(struct parameters *out, int index, uint64_t seed)
{
    struct random r;
    random_init(&r, seed, STREAM_PROFILE);
    size_t any;
    do
        any = (size_t)random_below(&r, profile_count());
    while (profiles[any].apart);
    const struct profile *profile = &profiles[index < 0 ? any : (size_t)index];
    draw_usual(out, &r);
    profile->shape(out, &r);
    out->profile = profile->name;
}

static void print_range(const char *name, struct range range, FILE *out)
{
    fprintf(out, " %s %lld..%lld us", name, (long long)(range.low.ns / 1000),
            (long long)(range.high.ns / 1000));
}

void profile_print(const struct parameters *p, FILE *out)
{
    fprintf(
        out,
        "  profile %s: %u nodes, cohort %u, %u shards, %u locks served at once, %u clients a node, "
        "%u names\n",
        p->profile, p->nodes, p->cohort, p->shards, p->served, p->clients, p->names);
    fprintf(out, "  clients: shared %u, try %u, for ever %u, cancel %u, show %u of 1000;",
            p->shared_permille, p->try_permille, p->forever_permille, p->cancel_permille,
            p->show_permille);
    print_range("think", p->think, out);
    print_range("hold", p->hold, out);
    print_range("wait", p->wait, out);
    fprintf(out, "\n  network: loss %u, duplicates %u, late %u of 1000 (up to %lld ms);",
            p->loss_permille, p->duplicate_permille, p->late_permille,
            (long long)(p->late_high.ns / 1000000));
    print_range("delay", p->delay, out);
    fprintf(out, "\n  disk:");
    print_range("sync", p->sync, out);
    fprintf(
        out,
        "\n  fencing: D %u ms, brake %lld s, on isolation %s; fence %u, stuck %u, accidents %u, "
        "crashes at a new life %u, back %u of 1000; %u forgeries; devices",
        p->detect_ms, (long long)(p->brake_span.ns / 1000000000),
        p->stop_on_isolation ? "stop" : "go on", p->fence_permille, p->stuck_permille,
        p->accident_permille, p->life_crash_permille, p->back_permille, p->forgeries);
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
