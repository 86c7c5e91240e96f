/* Faults: see faults.h. */
#include "sim/faults.h"

#include "proto/must.h"
#include "sim/cuts.h"
#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/stores.h"
#include "sim/world.h"

#define BIT(i) (UINT32_C(1) << (i))

enum { REBOOTS_MAX = 5, STRIKE_MAX = 60 };

static const struct range first_at = {SPAN_MS(8000), SPAN_MS(16000)};
static const struct range takeover_length = {SPAN_MS(9000), SPAN_MS(15000)};
static const struct range anxious_gap = {SPAN_MS(3000), SPAN_MS(12000)}; /* until a take-over */
static const struct range reboot_delay = {SPAN_MS(20), SPAN_MS(1500)};
static const struct range reboot_length = {SPAN_MS(50), SPAN_MS(4000)};
static const struct range restart_delay = {SPAN_MS(10), SPAN_MS(1500)};

/* Whether it keeps one machine, or its agent, down for its length. FAULT_BLACKOUT and FAULT_DEATH
 * choose whom themselves. */
static bool is_down(enum fault_kind kind)
{
    return kind == FAULT_AGENT_CRASH || kind == FAULT_COORDINATOR_CRASH || kind == FAULT_LEAVE ||
           kind == FAULT_MACHINE_CRASH || kind == FAULT_STORE_LOST || kind == FAULT_STORE_DAMAGED ||
           kind == FAULT_STORE_BACK;
}

static void plan_next(struct world *w, struct range gap)
{
    world_plan(w, random_span(&w->faults.random, gap.low, gap.high),
               (struct item){.kind = HAPPEN_FAULT});
}

void faults_open(struct world *w)
{
    random_init(&w->faults.random, w->seed, STREAM_FAULTS);
    plan_next(w, first_at);
}

static size_t any_machine(struct world *w)
{
    return (size_t)random_below(&w->faults.random, w->machine_count);
}

/* A machine whose agent coordinates a name that clients use now; any one if there is none. */
static size_t some_coordinator(struct world *w)
{
    size_t first = random_below(&w->faults.random, w->p.names);
    for (size_t i = 0; i < w->p.names; i++) {
        const struct name *name = w->observer->window[(first + i) % w->p.names];
        if (!name)
            continue;
        int index = cluster_index(w->cluster, w->observer->served_by[name->shard]);
        if (index >= 0 && w->machines[index].agent_up)
            return (size_t)index;
    }
    return any_machine(w);
}

/* A machine dies and stays off, one that holds something if there is one. No more are dead for good
 * at once than a majority can miss. */
static void begin_death(struct world *w, struct fault *f)
{
    if (f->given) {
        w->machines[__builtin_ctz(f->bits)].held_down++;
        machine_power_crash(w, &w->machines[__builtin_ctz(f->bits)]);
        return;
    }
    size_t dead = 0, a = any_machine(w);
    for (size_t i = 0; i < FAULTS_ACTIVE_MAX; i++) {
        const struct fault *other = &w->faults.active[i];
        dead += other != f && other->active && other->kind == FAULT_DEATH && other->bits;
    }
    f->bits = 0;
    if (dead >= (w->machine_count - 1) / 2)
        return;
    for (size_t i = 0; i < w->machine_count && !guest_any(&w->machines[a]); i++)
        a = (a + 1) % w->machine_count;
    f->bits = BIT(a);
    w->machines[a].held_down++;
    machine_power_crash(w, &w->machines[a]);
}

static void begin_site(struct world *w, struct fault *f)
{
    f->bits = 0;
    for (size_t i = 0; i < w->machine_count; i++) {
        machine_power_crash(w, &w->machines[i]);
        world_plan(w, random_span(&w->faults.detail, w->p.boot_spread.low, w->p.boot_spread.high),
                   (struct item){.kind = HAPPEN_BOOT, .machine = (uint16_t)i});
    }
}

/* Boots again at once; perhaps again and again. */
static void reboot(struct world *w, struct fault *f, struct machine *m)
{
    world_trace(w, "%s boots again, %u more times", m->name, f->turns_left);
    machine_power_crash(w, m);
    world_plan(w, random_span(&w->faults.detail, reboot_delay.low, reboot_delay.high),
               (struct item){.kind = HAPPEN_BOOT, .machine = m->index});
}

/* One that a juror voted against, if there is one, in half of the cases. */
static struct machine *some_accused(struct world *w, struct machine *m)
{
    const struct lives *lives = &w->observer->lives;
    if (random_chance(&w->faults.random, 500))
        return m;
    for (size_t i = 0; i < w->machine_count; i++)
        if (w->machines[i].powered && lives->of[i][w->machines[i].life].votes)
            return &w->machines[i];
    return m;
}

static void begin_reboots(struct world *w, struct fault *f, struct machine *m)
{
    if (!f->given)
        m = some_accused(w, m);
    f->bits = BIT(m->index);
    f->turns_left = (uint32_t)random_between(&w->faults.detail, 1, REBOOTS_MAX);
    reboot(w, f, m);
}

/* The agent, or the machine, dies between two of its next effects. */
static void plan_strike(struct world *w, struct machine *m, bool power)
{
    m->strike_in = m->agent_up ? (uint32_t)random_between(&w->faults.detail, 1, STRIKE_MAX) : 0;
    m->strike_power = power;
}

static void hold_down(struct world *w, struct machine *m, enum fault_kind kind)
{
    m->held_down++;
    if (kind == FAULT_LEAVE)
        machine_agent_leave(w, m);
    else if (kind == FAULT_AGENT_CRASH || kind == FAULT_COORDINATOR_CRASH)
        machine_agent_crash(w, m);
    else
        machine_power_crash(w, m);
}

static void begin_blackout(struct world *w, struct fault *f)
{
    f->bits = BIT(w->machine_count) - 1;
    for (size_t i = 0; i < w->machine_count; i++)
        hold_down(w, &w->machines[i], f->kind);
}

/* What is about one machine and does not take it down: its time, */
static bool begin_pause(struct world *w, const struct fault *f, struct machine *m,
                        struct span length)
{
    if (f->kind == FAULT_PAUSE)
        machine_pause(w, m, length);
    else if (f->kind == FAULT_STARVED)
        m->starved++, machine_starve(w, m);
    else if (f->kind == FAULT_FREEZE || f->kind == FAULT_SUSPEND || f->kind == FAULT_CLOCK_STOPS)
        machine_freeze(w, m, length, f->kind == FAULT_CLOCK_STOPS);
    else
        return false;
    m->suspended |= f->kind == FAULT_SUSPEND && m->powered;
    return true;
}

/* its network and its disk, */
static bool begin_io(struct world *w, const struct fault *f, struct machine *m)
{
    if (f->kind == FAULT_LOSS)
        w->network.burst[m->index]++;
    else if (f->kind == FAULT_MTU)
        w->network.narrow[m->index]++;
    else if (f->kind == FAULT_REPLAY)
        network_replay(w, 1 + random_below(&w->faults.detail, w->p.replay_most));
    else if (f->kind == FAULT_SLOW_DISK)
        m->disk.slow++;
    else if (f->kind == FAULT_STUCK_DISK)
        m->disk.stuck++, coverage_hit(w, COVER_GRAY);
    else if (f->kind == FAULT_SYNC_FAIL)
        m->disk.fail_next = m->agent_up;
    else if (f->kind == FAULT_DISK_FULL)
        m->disk.full++;
    else
        return false;
    return true;
}

/* and the rest. */
static void begin_other(struct world *w, const struct fault *f, struct machine *m)
{
    if (f->kind == FAULT_API_STUCK)
        m->api_stuck++;
    else if (f->kind == FAULT_HERD)
        client_herd(w, &w->faults.detail);
    else if (f->kind == FAULT_MID_CRASH || f->kind == FAULT_MID_POWER)
        plan_strike(w, m, f->kind == FAULT_MID_POWER);
}

static void begin(struct world *w, struct fault *f, struct span length)
{
    size_t a = f->given                             ? (size_t)__builtin_ctz(f->bits)
               : f->kind == FAULT_COORDINATOR_CRASH ? some_coordinator(w)
                                                    : any_machine(w);
    struct machine *m = &w->machines[a];
    random_init(&w->faults.detail, w->seed, STREAM_FAULT + f->number);
    coverage_fault(w, f->kind);
    if (!f->given)
        f->bits = BIT(a);
    if (is_down(f->kind))
        hold_down(w, m, f->kind);
    if (f->kind == FAULT_STORE_LOST || f->kind == FAULT_STORE_DAMAGED ||
        f->kind == FAULT_STORE_BACK)
        stores_take(w, m, f->kind);
    else if (f->kind == FAULT_STORES_SWAPPED)
        stores_swap(w, f, m);
    else if (f->kind == FAULT_BLACKOUT)
        begin_blackout(w, f);
    else if (f->kind == FAULT_DEATH)
        begin_death(w, f);
    else if (f->kind == FAULT_SITE)
        begin_site(w, f);
    else if (f->kind == FAULT_REBOOTS)
        begin_reboots(w, f, m);
    else if (cuts_kind(f->kind) || f->kind == FAULT_CLOG)
        cuts_begin(w, f, length);
    else if (!begin_pause(w, f, m, length) && !begin_io(w, f, m))
        begin_other(w, f, m);
}

/* One cause less keeps it down. */
static void let_up(struct world *w, struct machine *m, bool spread)
{
    struct range delay = restart_delay;
    if (spread && !w->calm)
        delay.high = SPAN_MS(6000);
    struct span after = random_span(&w->faults.detail, delay.low, delay.high);
    if (m->held_down > 0 && --m->held_down > 0)
        return;
    if (m->powered)
        machine_plan_start(w, m, after);
    else
        world_plan(w, after, (struct item){.kind = HAPPEN_BOOT, .machine = m->index});
}

/* After a failed sync the agent does not vote until somebody starts it anew. */
static void restart_failed(struct world *w, struct machine *m)
{
    m->disk.fail_next = false;
    if (!m->disk.failed)
        return;
    machine_agent_crash(w, m);
    machine_plan_start(w, m, restart_delay.low);
}

/* What it did to one machine ends. */
static void relieve(struct world *w, struct fault *f, struct machine *m)
{
    if (is_down(f->kind) || f->kind == FAULT_DEATH || f->kind == FAULT_BLACKOUT)
        let_up(w, m, f->kind == FAULT_BLACKOUT);
    else if (f->kind == FAULT_LOSS)
        w->network.burst[m->index]--;
    else if (f->kind == FAULT_MTU)
        w->network.narrow[m->index]--;
    else if (f->kind == FAULT_CLOG)
        w->network.clogged[m->index] = 0;
    else if (f->kind == FAULT_STARVED)
        m->starved--;
    else if (f->kind == FAULT_API_STUCK)
        m->api_stuck--;
    else if (f->kind == FAULT_SLOW_DISK)
        m->disk.slow--;
    else if (f->kind == FAULT_STUCK_DISK)
        m->disk.stuck--;
    else if (f->kind == FAULT_DISK_FULL)
        m->disk.full--;
    else if (f->kind == FAULT_MID_CRASH || f->kind == FAULT_MID_POWER)
        m->strike_in = 0;
    if (f->kind == FAULT_SYNC_FAIL || f->kind == FAULT_DISK_FULL)
        restart_failed(w, m);
    if (f->kind == FAULT_SLOW_DISK || f->kind == FAULT_STUCK_DISK)
        disk_hurry(w, m);
}

/* Its end for the machines it is about, but for its cuts. */
static void end_at(struct world *w, struct fault *f)
{
    if (f->kind == FAULT_STORES_SWAPPED && (f->bits & ~f->healed))
        stores_swap_back(w, f);
    for (size_t i = 0; i < w->machine_count; i++)
        if (f->bits & ~f->healed & BIT(i))
            relieve(w, f, &w->machines[i]);
}

static void end(struct world *w, struct fault *f)
{
    end_at(w, f);
    if (cuts_kind(f->kind) && !f->up)
        cuts_apply(w, f, -1);
    f->active = false;
}

static enum fault_kind draw_kind(struct world *w)
{
    struct faults *f = &w->faults;
    if (f->begun == 0)
        return FAULT_COORDINATOR_CRASH;
    if (f->begun == 1)
        return FAULT_CUT;
    if (w->figures.takeovers == 0) /* nobody missed the dead one: once more */
        return FAULT_COORDINATOR_CRASH;
    uint64_t sum = 0;
    for (size_t i = 0; i < FAULT_KINDS; i++)
        sum += w->p.weights[i];
    uint64_t at = random_below(&f->random, sum);
    size_t kind = 0;
    while (at >= w->p.weights[kind])
        at -= w->p.weights[kind++];
    return (enum fault_kind)kind;
}

/* Writes it down, for a story that plays it again. */
static void keep(struct world *w, const struct fault *f, struct span length)
{
    struct faults *all = &w->faults;
    bool everybody = f->kind == FAULT_SITE || f->kind == FAULT_REPLAY || f->kind == FAULT_HERD;
    uint32_t bits = everybody ? BIT(w->machine_count) - 1 : f->bits;
    if (!bits || all->kept_count == FAULTS_KEPT_MAX)
        return;
    all->kept[all->kept_count] = *f;
    all->kept[all->kept_count].bits = bits;
    all->kept_at[all->kept_count] = w->now;
    all->kept_length[all->kept_count++] = length.ns;
}

void faults_next(struct world *w)
{
    struct faults *f = &w->faults;
    if (w->calm || w->siege.on)
        return;
    size_t index = 0;
    while (index < FAULTS_ACTIVE_MAX && f->active[index].active)
        index++;
    if (index < FAULTS_ACTIVE_MAX) {
        enum fault_kind kind = draw_kind(w);
        bool longer = kind == FAULT_COORDINATOR_CRASH && w->figures.takeovers == 0;
        struct range lengths = longer ? takeover_length : w->p.fault_length;
        if (kind == FAULT_DEATH)
            lengths = w->p.death_length;
        if (cuts_kind(kind) || kind == FAULT_CLOG)
            lengths = cuts_length(w, kind);
        if (kind == FAULT_REBOOTS)
            lengths = reboot_length;
        struct span length = random_span(&f->random, lengths.low, lengths.high);
        f->active[index] = (struct fault){.active = true, .number = ++f->begun, .kind = kind};
        begin(w, &f->active[index], length);
        keep(w, &f->active[index], length);
        world_trace(w, "fault %llu: %s, machines %x%s%s, %lld ms", (unsigned long long)f->begun,
                    fault_text(kind), f->active[index].bits,
                    f->active[index].inward ? ", inward" : "",
                    f->active[index].outward ? ", outward" : "", (long long)length.ns / 1000000);
        world_plan(w, length,
                   (struct item){.kind = HAPPEN_HEAL, .detail = (uint32_t)index, .tag = f->begun});
    }
    plan_next(w, w->figures.takeovers == 0 ? anxious_gap : w->p.fault_gap);
}

void faults_inject(struct world *w, const struct fault *fault, struct span length)
{
    struct faults *all = &w->faults;
    size_t index = 0;
    while (index < FAULTS_ACTIVE_MAX && all->active[index].active)
        index++;
    if (index == FAULTS_ACTIVE_MAX)
        return;
    struct fault *f = &all->active[index];
    *f = *fault;
    f->active = f->given = true;
    all->begun++;
    if (f->number == 0)
        f->number = all->begun;
    begin(w, f, length);
    world_trace(w, "fault %llu: %s", (unsigned long long)f->number, fault_text(f->kind));
    world_plan(w, length,
               (struct item){.kind = HAPPEN_HEAL, .detail = (uint32_t)index, .tag = f->number});
}

/* Some faults come in turns. False: that was the last one, or it was the only one. */
static bool next_turn(struct world *w, struct fault *f, struct span *length)
{
    if (f->kind == FAULT_TURNS || f->kind == FAULT_FLAP || f->kind == FAULT_CLOG)
        return cuts_turn(w, f, length);
    if (f->kind != FAULT_REBOOTS || f->turns_left == 0)
        return false;
    f->turns_left--;
    *length = random_span(&w->faults.detail, reboot_length.low, reboot_length.high);
    reboot(w, f, &w->machines[__builtin_ctz(f->bits)]);
    return true;
}

void faults_heal(struct world *w, size_t index, uint64_t number)
{
    struct fault *f = &w->faults.active[index];
    struct span length;
    if (!f->active || f->number != number || w->siege.on)
        return;
    if (f->kind == FAULT_TURNS || (f->kind == FAULT_FLAP && !f->up))
        cuts_apply(w, f, -1);
    if (next_turn(w, f, &length)) {
        world_plan(w, length,
                   (struct item){.kind = HAPPEN_HEAL, .detail = (uint32_t)index, .tag = number});
        return;
    }
    world_trace(w, "fault %llu heals: %s", (unsigned long long)number, fault_text(f->kind));
    f->up |= f->kind == FAULT_TURNS || f->kind == FAULT_FLAP; /* taken down above */
    end(w, f);
}

/* Whatever keeps it from working, other than the network. */
static void heal_machine(struct world *w, struct machine *m)
{
    m->frozen_until = 0;
    machine_thaw(w, m);
    must(m->held_down == 0);
    if (m->powered && !m->agent_up) /* its start was put off until it thaws */
        machine_plan_start(w, m, restart_delay.high);
    /* Switched off by a device, or in a site that comes back slowly. */
    if (!m->powered)
        world_plan(w, random_span(&w->faults.detail, restart_delay.low, restart_delay.high),
                   (struct item){.kind = HAPPEN_BOOT, .machine = m->index});
}

void faults_add(struct world *w, const struct fault *fault)
{
    size_t index = 0;
    while (index < FAULTS_ACTIVE_MAX && w->faults.active[index].active)
        index++;
    if (index == FAULTS_ACTIVE_MAX)
        return;
    struct fault *f = &w->faults.active[index];
    struct machine *m = &w->machines[__builtin_ctz(fault->bits)];
    *f = *fault;
    f->active = true;
    f->number = ++w->faults.begun;
    world_trace(w, "fault %llu: %s, machines %x, others %x%s%s, until the calm",
                (unsigned long long)f->number, fault_text(f->kind), f->bits, f->only,
                f->inward ? ", inward" : "", f->outward ? ", outward" : "");
    if (f->kind == FAULT_DEATH || f->kind == FAULT_AGENT_CRASH)
        m->held_down++;
    if (f->kind == FAULT_DEATH)
        machine_power_crash(w, m);
    else if (f->kind == FAULT_AGENT_CRASH)
        machine_agent_crash(w, m);
    else
        cuts_apply(w, f, 1);
}

void faults_freeze(struct world *w, uint32_t core)
{
    for (size_t i = 0; i < FAULTS_ACTIVE_MAX; i++) {
        struct fault *f = &w->faults.active[i], part = *f;
        if (!f->active)
            continue;
        part.bits &= core;
        end_at(w, &part);
        f->healed |= core;
    }
    for (size_t i = 0; i < w->machine_count; i++) {
        struct machine *m = &w->machines[i];
        if (core & BIT(i))
            heal_machine(w, m);
        else if (m->frozen_until > w->now)
            m->frozen_until = w->calm_at;
    }
}

void faults_calm(struct world *w)
{
    world_trace(w, "the calm begins");
    for (size_t i = 0; i < FAULTS_ACTIVE_MAX; i++)
        if (w->faults.active[i].active)
            end(w, &w->faults.active[i]);
    for (size_t i = 0; i < w->machine_count; i++)
        heal_machine(w, &w->machines[i]);
}
