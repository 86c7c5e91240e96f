/* The profiles: see profiles.h. */
#include "sim/profiles.h"

#include <string.h>

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
    p->weights[FAULT_STUCK_DISK] = 20;
    p->weights[FAULT_MACHINE_CRASH] = 10;
    p->weights[FAULT_SYNC_FAIL] = 5;
    p->weights[FAULT_DISK_FULL] = 5;
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
    p->weights[FAULT_STORES_SWAPPED] = 5;
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
    for (int i = 0; i < FAULT_BLACKOUT; i++)
        p->weights[i] = (uint32_t)random_below(r, 20);
    p->weights[FAULT_CUT]++;
    p->corrupt_permille = (uint32_t)random_between(r, 0, 20);
    p->deep_permille = (uint32_t)random_between(r, 0, 3);
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

/* Holders that name what is to be done about their sessions: a narrower order first, and the ladder
 * to the whole life where its script does not succeed. */
static void sessions(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->action_permille = (uint32_t)random_between(r, 500, 900);
    for (int i = 0; i < DEVICE_LIES; i++)
        p->devices[i] = (uint32_t)random_between(r, 0, 4);
    p->devices[DEVICE_WORKS] = 20;
    p->devices[DEVICE_FAILS] = (uint32_t)random_between(r, 0, 20);
    p->weights[FAULT_DEATH] = 10;
    p->weights[FAULT_PAUSE] = 20;
    p->weights[FAULT_ISOLATE] = 20;
    p->fault_length.high = SPAN_MS(random_between(r, 10, 40) * 1000);
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

/* --- the world's own faults --- */

/* Clocks that are as wrong as A2 allows, that stand while somebody stops the machine, and that jump
 * over a suspend. */
static void clocks(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->clock_ppm = 500;
    p->fault_gap = (struct range){SPAN_MS(1000), SPAN_MS(10000)};
    p->fault_length = (struct range){SPAN_MS(200), SPAN_MS(random_between(r, 8, 40) * 1000)};
    p->weights[FAULT_SUSPEND] = 30;
    p->weights[FAULT_CLOCK_STOPS] = 30;
    p->weights[FAULT_FREEZE] = 10;
    p->weights[FAULT_ISOLATE] = 10;
}

/* Rates far outside A2: what rests on it (F7's moments against another's) is judged by the clock of
 * whoever measured, all else as ever. */
static void wild_clocks(struct parameters *p, struct random *r)
{
    clocks(p, r);
    p->clock_ppm = 100000;
}

static void replay(struct parameters *p, struct random *r)
{
    p->fault_gap = (struct range){SPAN_MS(500), SPAN_MS(6000)};
    p->replay_most = (uint32_t)random_between(r, 50, 500);
    p->duplicate_permille = (uint32_t)random_between(r, 50, 300);
    p->weights[FAULT_REPLAY] = 60;
    p->weights[FAULT_AGENT_CRASH] = 10;
    p->weights[FAULT_MACHINE_CRASH] = 10;
    p->weights[FAULT_REBOOTS] = 10;
}

static void corruption(struct parameters *p, struct random *r)
{
    p->corrupt_permille = (uint32_t)random_between(r, 20, 300);
    p->forgeries = 6;
    p->weights[FAULT_MTU] = 20;
}

static void rollback(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->fault_gap = (struct range){SPAN_MS(3000), SPAN_MS(15000)};
    p->weights[FAULT_STORE_BACK] = 30;
    p->weights[FAULT_STORES_SWAPPED] = 15;
    p->weights[FAULT_STORE_DAMAGED] = 10;
    p->weights[FAULT_STORE_LOST] = 5;
}

/* Datagrams that overtake one another by minutes. */
static void reorder(struct parameters *p, struct random *r)
{
    p->deep_permille = (uint32_t)random_between(r, 2, 20);
    p->late_permille = (uint32_t)random_between(r, 20, 200);
    p->duplicate_permille = (uint32_t)random_between(r, 20, 300);
    p->far_permille = (uint32_t)random_between(r, 100, 700);
    p->far_high = SPAN_MS(random_between(r, 20, 150));
    p->weights[FAULT_AGENT_CRASH] = 10;
    p->weights[FAULT_COORDINATOR_CRASH] = 10;
    p->weights[FAULT_CLOG] = 20;
}

static void flap(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->fault_gap = (struct range){SPAN_MS(1000), SPAN_MS(8000)};
    p->fault_length = (struct range){SPAN_MS(2000), SPAN_MS(30000)};
    p->bad_loss_permille = (uint32_t)random_between(r, 100, 600);
    p->weights[FAULT_FLAP] = 40;
    p->weights[FAULT_BRIDGE] = 20;
    p->weights[FAULT_CLOG] = 20;
    p->weights[FAULT_ONE_WAY] = 10;
}

/* Too little CPU, disks that stick, calls that stick: alive for gossip, and of no use. */
static void starve(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->fault_gap = (struct range){SPAN_MS(500), SPAN_MS(6000)};
    p->fault_length = (struct range){SPAN_MS(1000), SPAN_MS(random_between(r, 5, 30) * 1000)};
    p->weights[FAULT_STARVED] = 40;
    p->weights[FAULT_STUCK_DISK] = 15;
    p->weights[FAULT_API_STUCK] = 15;
    p->weights[FAULT_PAUSE] = 10;
}

/* Deaths between any two effects, and machines that boot again at once, and again. */
static void reboots(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->fault_gap = (struct range){SPAN_MS(500), SPAN_MS(6000)};
    p->weights[FAULT_MID_CRASH] = 40;
    p->weights[FAULT_MID_POWER] = 30;
    p->weights[FAULT_REBOOTS] = 30;
    p->weights[FAULT_PAUSE] = 10;
}

/* Clients at their worst. */
static void misdeeds(struct parameters *p, struct random *r)
{
    contention_heavy(p, r);
    p->clients = CLIENTS_USUAL;
    p->double_permille = 500;
    p->wrong_permille = 300;
    p->late_drop_permille = 200;
    p->accident_permille = 300;
    p->weights[FAULT_HERD] = 40;
    p->weights[FAULT_API_STUCK] = 10;
}

/* More stores are destroyed than a cohort can lose: nothing may break, and progress may stop. */
static void beyond(struct parameters *p, struct random *r)
{
    fence_eager(p, r);
    p->beyond = true;
    p->fault_gap = (struct range){SPAN_MS(2000), SPAN_MS(12000)};
    p->weights[FAULT_STORE_LOST] = 20;
    p->weights[FAULT_STORE_DAMAGED] = 20;
    p->weights[FAULT_STORE_BACK] = 20;
}

/* Locks that expire, fought for while their holders and coordinators are cut off, sleep and die. */
static void leases(struct parameters *p, struct random *r)
{
    p->expire_permille = 1000;
    p->names = (uint32_t)random_between(r, 1, 4);
    p->shards = (uint32_t)random_between(r, 1, 3);
    p->shared_permille = (uint32_t)random_between(r, 0, 400);
    p->clock_ppm = 500;
    p->think = (struct range){SPAN_MS(20), SPAN_MS(1500)};
    p->hold = (struct range){SPAN_MS(500), SPAN_MS(random_between(r, 2, 12) * 1000)};
    p->fault_gap = (struct range){SPAN_MS(500), SPAN_MS(7000)};
    p->fault_length = (struct range){SPAN_MS(100), SPAN_MS(12000)};
    p->weights[FAULT_COORDINATOR_CRASH] = 20;
    p->weights[FAULT_ISOLATE] = 20;
    p->weights[FAULT_ONE_WAY] = 15;
    p->weights[FAULT_FREEZE] = 10;
    p->weights[FAULT_SUSPEND] = 10;
}

/* The same asked for again and again by the clients of few nodes, mostly to read: what a node has
 * cached for them, and is recalled. */
static void cached(struct parameters *p, struct random *r)
{
    leases(p, r);
    p->names = (uint32_t)random_between(r, 2, 8);
    p->clients = CLIENTS_USUAL;
    p->shared_permille = (uint32_t)random_between(r, 500, 980);
    p->think = (struct range){SPAN_MS(10), SPAN_MS(random_between(r, 100, 2000))};
    p->hold = (struct range){SPAN_MS(1), SPAN_MS(random_between(r, 50, 3000))};
    p->weights[FAULT_COORDINATOR_CRASH] = 5;
}

/* Many readers of few names on few nodes, for long and at once, and now and then somebody who wants
 * to write: several under one hold that their node has cached, which is recalled, or whose lease is
 * over. */
static void readers(struct parameters *p, struct random *r)
{
    cached(p, r);
    p->nodes = (uint32_t)random_between(r, 3, 4);
    p->names = (uint32_t)random_between(r, 1, 2);
    p->shards = 1;
    p->clients = CLIENTS_USUAL;
    p->shared_permille = (uint32_t)random_between(r, 900, 995);
    p->try_permille = (uint32_t)random_between(r, 0, 100);
    p->hold = (struct range){SPAN_MS(50), SPAN_MS(random_between(r, 1, 8) * 1000)};
    p->weights[FAULT_ISOLATE] = 30;
}

/* Links between two machines that are broken for long, in one direction or in both, while others
 * reach both (T3). */
static void broken_links(struct parameters *p, struct random *r)
{
    p->nodes = (uint32_t)random_between(r, 4, MACHINES_DRAWN_MAX);
    p->cohort = random_chance(r, 700) ? 5 : 3;
    p->fault_gap = (struct range){SPAN_MS(500), SPAN_MS(random_between(r, 2, 6) * 1000)};
    p->fault_length = (struct range){SPAN_MS(1000), SPAN_MS(random_between(r, 5, 40) * 1000)};
    for (int i = 0; i < FAULT_KINDS; i++)
        p->weights[i] = p->weights[i] > 0;
    p->weights[FAULT_CUT] = 40;
    p->weights[FAULT_ONE_WAY] = 40;
    p->weights[FAULT_BRIDGE] = 10;
    p->weights[FAULT_AGENT_CRASH] = 4;
}

/* Operators that freeze, maintain, drain, ask for orders and confirm what they have seen. */
static void operators(struct parameters *p, struct random *r)
{
    fence_pauses(p, r);
    p->operators = 120;
    p->weights[FAULT_DEATH] = 20;
    p->weights[FAULT_AGENT_CRASH] = 20;
    p->devices[DEVICE_FAILS] = (uint32_t)random_between(r, 0, 40);
}

/* Operators who confirm without having looked: whoever believes them breaks S1, and the observer
 * has to see it. */
static void wrong_hands(struct parameters *p, struct random *r)
{
    operators(p, r);
    p->wrong_hands = true;
    p->devices[DEVICE_FAILS] = 400;
}

/* Devices that say off while the machine is on: whoever believes them breaks S1, and the observer
 * has to see it. */
static void liars(struct parameters *p, struct random *r)
{
    fence_pauses(p, r);
    p->devices[DEVICE_LIES] = 200;
}

/* Nothing but their watchdogs ends what the dead hold (F6c): agents that hang while their guests go
 * on, cuts, processes that cannot be killed, and machines that stay off. */
static void watchdogs(struct parameters *p, struct random *r)
{
    fence_pauses(p, r);
    p->watchdog = true;
    for (int i = 0; i < DEVICE_MOODS; i++)
        p->devices[i] = 0;
    p->devices[DEVICE_FAILS] = 1;
    p->clock_ppm = 500;
    p->stuck_permille = (uint32_t)random_between(r, 0, 600);
    p->weights[FAULT_ISOLATE] = 30;
    p->weights[FAULT_AGENT_CRASH] = 15;
    p->weights[FAULT_STARVED] = 10;
    p->weights[FAULT_DEATH] = 10;
    p->weights[FAULT_SUSPEND] = 5;
}

/* A3 broken: machines that somebody stops, clock, device and all, and that go on later. */
static void watchdogs_stop(struct parameters *p, struct random *r)
{
    watchdogs(p, r);
    p->watchdog_stops = true;
    for (int i = 0; i < FAULT_KINDS; i++)
        p->weights[i] = p->weights[i] > 0;
    p->fault_length = (struct range){SPAN_MS(10000), SPAN_MS(60000)};
    p->weights[FAULT_CLOCK_STOPS] = 60;
}

static const struct profile profiles[] = {
    {.name = "calm", .shape = calm, .plain = true},
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
    {.name = "clocks", .shape = clocks},
    {.name = "wild-clocks", .shape = wild_clocks},
    {.name = "replay", .shape = replay},
    {.name = "corruption", .shape = corruption},
    {.name = "rollback", .shape = rollback},
    {.name = "reorder", .shape = reorder},
    {.name = "flap", .shape = flap},
    {.name = "starve", .shape = starve},
    {.name = "reboots", .shape = reboots},
    {.name = "misdeeds", .shape = misdeeds},
    {.name = "beyond", .shape = beyond},
    {.name = "leases", .shape = leases},
    {.name = "cached", .shape = cached, .alike = true},
    {.name = "broken-links", .shape = broken_links},
    {.name = "operators", .shape = operators},
    {.name = "wrong-hands", .shape = wrong_hands, .apart = true, .plain = true},
    {.name = "sessions", .shape = sessions},
    {.name = "liars", .shape = liars, .apart = true, .plain = true},
    {.name = "watchdog", .shape = watchdogs},
    {.name = "watchdog-stops", .shape = watchdogs_stop, .apart = true, .plain = true},
    {.name = "readers", .shape = readers, .alike = true},
};

const struct profile *profiles_get(size_t index)
{
    return &profiles[index];
}

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
