/* Faults: see faults.h. */
#include "sim/faults.h"

#include "proto/must.h"
#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/world.h"

#define BIT(i) (UINT32_C(1) << (i))

static const struct range first_at = {SPAN_MS(8000), SPAN_MS(16000)};
static const struct range takeover_length = {SPAN_MS(9000), SPAN_MS(15000)};
static const struct range anxious_gap = {SPAN_MS(3000), SPAN_MS(12000)}; /* until a take-over */
static const struct range restart_delay = {SPAN_MS(10), SPAN_MS(1500)};

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

static void cut(struct world *w, const struct fault *f, int by)
{
    for (size_t a = 0; a < w->machine_count; a++)
        for (size_t b = 0; b < w->machine_count; b++) {
            if (!(f->bits & BIT(a)) || !(f->only & BIT(b)) || a == b)
                continue;
            if (f->outward)
                w->network.cuts[a][b] += (uint32_t)by;
            if (f->inward)
                w->network.cuts[b][a] += (uint32_t)by;
        }
}

/* Chooses the two sides of a cut. */
static void draw_cut(struct world *w, struct fault *f)
{
    struct random *r = &w->faults.random;
    uint32_t all = BIT(w->machine_count) - 1;
    size_t a = any_machine(w);
    size_t b = (a + 1 + random_below(r, w->machine_count - 1)) % w->machine_count;
    f->bits = BIT(a);
    f->only = f->kind == FAULT_CUT || f->kind == FAULT_ONE_WAY ? BIT(b) : all & ~BIT(a);
    f->inward = f->outward = true;
    if (f->kind == FAULT_HALVES) {
        f->bits = (uint32_t)random_between(r, 1, (int64_t)all - 1);
        f->only = all & ~f->bits;
    }
    bool one_way = f->kind == FAULT_ONE_WAY || (f->kind == FAULT_ISOLATE && random_chance(r, 200));
    if (one_way) {
        f->inward = random_chance(r, 500);
        f->outward = !f->inward;
    }
    w->figures.cuts++;
    cut(w, f, 1);
}

static void take_store(struct world *w, struct machine *m, enum fault_kind kind)
{
    size_t bearable = w->cluster->cohorts.size - w->cluster->majority;
    if (m->store_excused || w->faults.stores_destroyed >= bearable)
        return;
    if (kind == FAULT_STORE_LOST)
        disk_lose(&m->disk);
    else if (!disk_damage(&m->disk))
        return;
    m->store_excused = true;
    w->faults.stores_destroyed++;
    world_trace(w, "%s: %s", m->name, fault_text(kind));
}

/* A machine dies and stays off, one that holds something if there is one. No more are dead for good
 * at once than a majority can miss. */
static void begin_death(struct world *w, struct fault *f)
{
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
        world_plan(w, random_span(&w->faults.random, w->p.boot_spread.low, w->p.boot_spread.high),
                   (struct item){.kind = HAPPEN_BOOT, .machine = (uint16_t)i});
    }
}

/* The next juror's turn, and perhaps that of some others with it. */
static void cut_turn(struct world *w, struct fault *f)
{
    size_t count = w->machine_count, target = (size_t)__builtin_ctz(f->bits);
    f->turn = (f->turn + 1) % count;
    if (f->turn == target)
        f->turn = (f->turn + 1) % count;
    f->only = BIT(f->turn);
    if (random_chance(&w->faults.random, 700))
        f->only |= (uint32_t)random_below(&w->faults.random, BIT(count)) |
                   (uint32_t)random_below(&w->faults.random, BIT(count));
    f->only &= ~f->bits;
    w->figures.cuts++;
    cut(w, f, 1);
}

static void begin_turns(struct world *w, struct fault *f)
{
    size_t a = any_machine(w);
    for (size_t i = 0; i < w->machine_count && !guest_any(&w->machines[a]); i++)
        a = (a + 1) % w->machine_count;
    f->bits = BIT(a);
    f->inward = f->outward = true;
    f->turn = any_machine(w);
    f->turns_left = (uint32_t)w->machine_count;
    cut_turn(w, f);
}

static void begin(struct world *w, struct fault *f, struct span length)
{
    size_t a = f->kind == FAULT_COORDINATOR_CRASH ? some_coordinator(w) : any_machine(w);
    struct machine *m = &w->machines[a];
    f->bits = BIT(a);
    switch (f->kind) {
    case FAULT_AGENT_CRASH:
    case FAULT_COORDINATOR_CRASH:
        m->held_down++;
        machine_agent_crash(w, m);
        break;
    case FAULT_LEAVE:
        m->held_down++;
        machine_agent_leave(w, m);
        break;
    case FAULT_STORE_LOST:
    case FAULT_STORE_DAMAGED:
    case FAULT_MACHINE_CRASH:
        m->held_down++;
        machine_power_crash(w, m);
        if (f->kind != FAULT_MACHINE_CRASH)
            take_store(w, m, f->kind);
        break;
    case FAULT_BLACKOUT:
        f->bits = BIT(w->machine_count) - 1;
        for (size_t i = 0; i < w->machine_count; i++) {
            w->machines[i].held_down++;
            machine_power_crash(w, &w->machines[i]);
        }
        break;
    case FAULT_DEATH:
        begin_death(w, f);
        break;
    case FAULT_SITE:
        begin_site(w, f);
        break;
    case FAULT_TURNS:
        begin_turns(w, f);
        break;
    case FAULT_CUT:
    case FAULT_ONE_WAY:
    case FAULT_ISOLATE:
    case FAULT_HALVES:
        draw_cut(w, f);
        break;
    case FAULT_FREEZE:
        m->frozen_until = w->now + length.ns;
        machine_pause(w, m, length);
        break;
    case FAULT_PAUSE:
        machine_pause(w, m, length);
        break;
    case FAULT_LOSS:
        w->network.burst[a]++;
        break;
    case FAULT_SLOW_DISK:
        m->disk.slow++;
        break;
    case FAULT_SYNC_FAIL:
        m->disk.fail_next = m->agent_up;
        break;
    case FAULT_KINDS:
        break;
    }
}

/* One cause less keeps it down. */
static void let_up(struct world *w, struct machine *m, bool spread)
{
    struct range delay = restart_delay;
    if (spread && !w->calm)
        delay.high = SPAN_MS(6000);
    struct span after = random_span(&w->faults.random, delay.low, delay.high);
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

static void end(struct world *w, struct fault *f)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        struct machine *m = &w->machines[i];
        if (!(f->bits & BIT(i)))
            continue;
        switch (f->kind) {
        case FAULT_AGENT_CRASH:
        case FAULT_COORDINATOR_CRASH:
        case FAULT_LEAVE:
        case FAULT_MACHINE_CRASH:
        case FAULT_STORE_LOST:
        case FAULT_STORE_DAMAGED:
        case FAULT_DEATH:
            let_up(w, m, false);
            break;
        case FAULT_BLACKOUT:
            let_up(w, m, true);
            break;
        case FAULT_LOSS:
            w->network.burst[i]--;
            break;
        case FAULT_SLOW_DISK:
            m->disk.slow--;
            break;
        case FAULT_SYNC_FAIL:
            restart_failed(w, m);
            break;
        case FAULT_CUT:
        case FAULT_ONE_WAY:
        case FAULT_ISOLATE:
        case FAULT_HALVES:
        case FAULT_TURNS:
        case FAULT_SITE:
        case FAULT_PAUSE:
        case FAULT_FREEZE:
        case FAULT_KINDS:
            break;
        }
    }
    bool is_cut = f->kind == FAULT_CUT || f->kind == FAULT_ONE_WAY || f->kind == FAULT_ISOLATE ||
                  f->kind == FAULT_HALVES || f->kind == FAULT_TURNS;
    if (is_cut)
        cut(w, f, -1);
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

/* Long enough for a juror's own evidence, often too short for a quorum of them. */
static struct range turn_length(const struct world *w)
{
    int64_t d = w->p.detect_ms;
    return (struct range){SPAN_MS(d), SPAN_MS(2 * d + 6000)};
}

void faults_next(struct world *w)
{
    struct faults *f = &w->faults;
    if (w->calm)
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
        if (kind == FAULT_TURNS)
            lengths = turn_length(w);
        struct span length = random_span(&f->random, lengths.low, lengths.high);
        f->active[index] = (struct fault){.active = true, .number = ++f->begun, .kind = kind};
        begin(w, &f->active[index], length);
        world_trace(w, "fault %llu: %s, machines %x%s%s, %lld ms", (unsigned long long)f->begun,
                    fault_text(kind), f->active[index].bits,
                    f->active[index].inward ? ", inward" : "",
                    f->active[index].outward ? ", outward" : "", (long long)length.ns / 1000000);
        world_plan(w, length,
                   (struct item){.kind = HAPPEN_HEAL, .detail = (uint32_t)index, .tag = f->begun});
    }
    plan_next(w, w->figures.takeovers == 0 ? anxious_gap : w->p.fault_gap);
}

void faults_heal(struct world *w, size_t index, uint64_t number)
{
    struct fault *f = &w->faults.active[index];
    if (!f->active || f->number != number)
        return;
    world_trace(w, "fault %llu heals: %s", (unsigned long long)number, fault_text(f->kind));
    end(w, f);
    if (f->kind != FAULT_TURNS || f->turns_left == 0)
        return;
    struct range lengths = turn_length(w);
    f->turns_left--;
    f->active = true;
    cut_turn(w, f);
    world_plan(w, random_span(&w->faults.random, lengths.low, lengths.high),
               (struct item){.kind = HAPPEN_HEAL, .detail = (uint32_t)index, .tag = number});
}

void faults_calm(struct world *w)
{
    world_trace(w, "the calm begins");
    for (size_t i = 0; i < FAULTS_ACTIVE_MAX; i++)
        if (w->faults.active[i].active)
            end(w, &w->faults.active[i]);
    for (size_t i = 0; i < w->machine_count; i++) {
        struct machine *m = &w->machines[i];
        m->frozen_until = 0;
        machine_thaw(w, m);
        must(m->held_down == 0);
        /* Switched off by a device, or in a site that comes back slowly. */
        if (!m->powered)
            world_plan(w, random_span(&w->faults.random, restart_delay.low, restart_delay.high),
                       (struct item){.kind = HAPPEN_BOOT, .machine = m->index});
    }
}
