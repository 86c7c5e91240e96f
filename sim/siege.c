/* The siege: see siege.h. */
#include "sim/siege.h"

#include "sim/check.h"
#include "sim/guest.h"
#include "sim/linear.h"
#include "sim/machine.h"
#include "sim/world.h"

#define BIT(i) (UINT32_C(1) << (i))

enum { HERD_PERMILLE = 120, LARGER_PERMILLE = 300, LONGER_PERMILLE = 500, SPLIT_PERMILLE = 500 };

static const struct span poll = SPAN_MS(100);
static const struct span siege_span = SPAN_MS(60000);
/* F8 holds orders back for its span: some sieges are as much longer. */
static const struct span brake_short = SPAN_MS(30000);
/* V4: 3 gossip rounds of a second x log2(n), and 5 s; agents that start take one of these. */
static const struct span settle_least = SPAN_MS(6000), round_span = SPAN_MS(3000);
static const struct span probe_pace = SPAN_MS(1000);
static const struct span usual_span = SPAN_MS(8000), trigger_span = SPAN_MS(4000);

bool siege_inside(const struct world *w, size_t index)
{
    return w->siege.on && (w->siege.inside >> index & 1);
}

bool siege_serves(const struct world *w, const struct name *name)
{
    return w->siege.served >> name->shard & 1;
}

bool siege_disturbed(const struct world *w)
{
    return w->siege.herd && w->now >= w->siege.trigger_at;
}

/* --- the core --- */

static bool whole(const struct machine *m)
{
    return m->votes && !m->store_excused;
}

/* Whose disks are swapped come back together, or not at all: they stay outside. */
static uint32_t swapped(const struct world *w)
{
    uint32_t bits = 0;
    for (size_t i = 0; i < FAULTS_ACTIVE_MAX; i++) {
        const struct fault *f = &w->faults.active[i];
        if (f->active && f->kind == FAULT_STORES_SWAPPED)
            bits |= f->bits;
    }
    return bits;
}

/* Enough for whoever starts anew (L7 asks half of the roster besides itself), and for a quorum of
 * the jurors. */
static bool suffices(const struct world *w, uint32_t bits)
{
    const struct roster *roster = &w->cluster->roster;
    size_t stores = 0, jurors = 0;
    for (size_t i = 0; i < w->machine_count; i++) {
        bool counts = (bits & BIT(i)) && whole(&w->machines[i]);
        stores += counts;
        jurors += counts && roster->nodes[i].juror;
    }
    return stores > w->machine_count / 2 && jurors >= roster_juror_quorum(roster);
}

static uint32_t draw_core(struct world *w)
{
    struct random *r = &w->siege.random;
    uint32_t bits = 0, all = (BIT(w->machine_count) - 1) & ~swapped(w);
    while (bits != all && (!suffices(w, bits) || random_chance(r, LARGER_PERMILLE)))
        bits |= BIT(random_below(r, w->machine_count)) & all;
    return suffices(w, bits) ? bits : 0;
}

/* Whether both hear each other, with the cuts as they are. */
static bool linked(const uint32_t *apart, size_t a, size_t b)
{
    return !(apart[a] >> b & 1) && !(apart[b] >> a & 1);
}

/* Whether all of the core are linked, or have a common neighbour in it: one relay is enough. */
static bool within_two(const struct world *w, const uint32_t *apart)
{
    for (size_t a = 0; a < w->machine_count; a++)
        for (size_t b = 0; b < a; b++) {
            bool reached =
                !(w->siege.inside & BIT(a)) || !(w->siege.inside & BIT(b)) || linked(apart, a, b);
            for (size_t i = 0; i < w->machine_count && !reached; i++)
                reached = (w->siege.inside & BIT(i)) && i != a && i != b && linked(apart, a, i) &&
                          linked(apart, b, i);
            if (!reached)
                return false;
        }
    return true;
}

/* Cuts links within the core, as long as it stays one that relays can serve. */
static void split_core(struct world *w)
{
    struct siege *s = &w->siege;
    struct random r;
    uint32_t apart[MACHINES_MAX] = {0};
    random_init(&r, w->seed, STREAM_RELAYS);
    s->split = random_chance(&r, SPLIT_PERMILLE);
    size_t tries = s->split ? 1 + random_below(&r, 3 * w->machine_count) : 0;
    for (size_t i = 0; i < tries; i++) {
        size_t a = random_below(&r, w->machine_count), b = random_below(&r, w->machine_count);
        uint32_t before_a = apart[a], before_b = apart[b];
        if (a == b)
            continue;
        apart[a] |= BIT(b);
        if (random_chance(&r, 700))
            apart[b] |= BIT(a);
        if (!within_two(w, apart))
            apart[a] = before_a, apart[b] = before_b;
    }
    for (size_t i = 0; i < w->machine_count; i++) {
        w->network.apart[i] = apart[i];
        if ((s->inside & BIT(i)) && (apart[i] & s->inside))
            world_trace(w, "n%zu does not reach %x of the core", i + 1, apart[i] & s->inside);
    }
}

static uint32_t served_shards(struct world *w)
{
    uint32_t bits = 0;
    for (uint32_t shard = 0; shard < w->p.shards; shard++) {
        uint32_t cohort = cluster_cohort_bits(w->cluster, shard) & w->siege.inside;
        size_t voters = 0;
        for (size_t i = 0; i < w->machine_count; i++)
            voters += (cohort & BIT(i)) && whole(&w->machines[i]);
        if (voters >= w->cluster->majority)
            bits |= BIT(shard);
    }
    return bits;
}

/* What becomes of a machine outside, beside what it suffers already. */
static void draw_fate(struct world *w, size_t index)
{
    struct random *r = &w->siege.random;
    struct fault f = {.bits = BIT(index), .inward = true, .outward = true};
    switch (random_below(r, 6)) {
    case 0:
        return;
    case 1:
        f.kind = FAULT_DEATH;
        break;
    case 2:
        f.kind = FAULT_AGENT_CRASH;
        break;
    case 3:
        machine_pause(w, &w->machines[index], (struct span){w->calm_at - w->now});
        return;
    case 4: /* from all others, or from some: no longer transitive */
        f.kind = FAULT_ISOLATE;
        f.only = BIT(w->machine_count) - 1;
        if (random_chance(r, 500))
            f.only &= (uint32_t)random_u64(r);
        break;
    default:
        f.kind = FAULT_ONE_WAY;
        f.only = BIT(w->machine_count) - 1;
        if (random_chance(r, 700))
            f.only &= (uint32_t)random_u64(r);
        f.inward = random_chance(r, 500);
        f.outward = !f.inward;
        break;
    }
    f.only &= ~f.bits;
    faults_add(w, &f);
}

static void open_probes(struct world *w)
{
    struct siege *s = &w->siege;
    for (size_t i = 0; i < w->machine_count; i++) {
        struct probe *p = &s->probes[i];
        for (size_t tries = 0; tries < 8 && p->name_count < PROBE_NAMES; tries++) {
            struct name *name = siege_inside(w, i) ? history_name_new(w) : NULL;
            if (name && siege_serves(w, name))
                p->names[p->name_count++] = name;
        }
        p->next_at = s->settled_at + random_span(&s->random, (struct span){0}, probe_pace).ns;
    }
}

struct span siege_open(struct world *w)
{
    struct span length = siege_span;
    random_init(&w->siege.random, w->seed, STREAM_SIEGE);
    if (w->p.brake_span.ns <= brake_short.ns && random_chance(&w->siege.random, LONGER_PERMILLE))
        length.ns += w->p.brake_span.ns;
    length.ns += watchdog_longest(w).ns;
    return length;
}

static void plan_times(struct world *w)
{
    struct siege *s = &w->siege;
    int64_t log2 = 32 - __builtin_clz((uint32_t)w->machine_count - 1);
    s->since = w->now;
    s->settled_at = w->now + settle_least.ns + round_span.ns * log2 + watchdog_longest(w).ns;
    s->until = w->calm_at;
    s->herd = random_chance(&s->random, HERD_PERMILLE);
    s->lossy = random_chance(&s->random, 500);
    s->window_at = s->settled_at + SPAN_MS(1000).ns;
    s->trigger_at = s->settled_at + usual_span.ns;
    s->trigger_end = s->trigger_at + trigger_span.ns;
}

void siege_begin(struct world *w)
{
    struct siege *s = &w->siege;
    linear_check(w);
    s->inside = draw_core(w);
    if (!s->inside) {
        world_trace(w, "no core is possible: the faults go on");
        return;
    }
    s->on = true;
    plan_times(w);
    s->served = served_shards(w);
    w->network.core = s->inside;
    split_core(w);
    world_trace(w, "the siege begins: core %x, shards %x%s", s->inside, s->served,
                !s->herd   ? ""
                : s->lossy ? "; a loss burst will come"
                           : "; a herd will come");
    faults_freeze(w, s->inside);
    devices_spare(w, s->inside);
    guest_calm(w);
    for (size_t i = 0; i < w->machine_count; i++)
        if (!siege_inside(w, i))
            draw_fate(w, i);
    open_probes(w);
    w->figures.sieges++;
    world_plan(w, poll, (struct item){.kind = HAPPEN_WATCH});
}

void siege_end(struct world *w)
{
    if (w->siege.on)
        check_duels(w);
    w->siege.on = false;
    w->network.core = 0;
}

/* --- what its clients do --- */

static void next_probe(struct world *w, struct client *c, struct probe *p)
{
    struct siege *s = &w->siege;
    bool due = p->out || (w->now >= p->next_at && p->name_count > 0);
    if (!s->on || !due) {
        p->out = false;
        return;
    }
    if (!p->out) {
        p->out = true;
        p->asked_at = w->now;
        p->turn++;
    }
    client_demand(w, c, p->names[p->turn % p->name_count], LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
}

static void drive_probe(struct world *w, struct machine *m)
{
    struct probe *p = &w->siege.probes[m->index];
    struct client *c = &m->clients[CLIENT_PROBER];
    if (c->state == CLIENT_IDLE) {
        next_probe(w, c, p);
    } else if (c->state == CLIENT_HOLDS) {
        if (p->out && w->siege.on) {
            w->siege.done++;
            check_acquired(w, m, (struct span){c->since - p->asked_at});
        }
        p->out = false;
        p->next_at = w->now + (w->siege.herd ? 0 : probe_pace.ns);
        client_let_go(w, c);
    }
    if (p->out && w->siege.on)
        check_acquires(w, m, (struct span){w->now - p->asked_at});
}

static bool has_heir(const struct world *w, const struct name *name)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        const struct client *c = &w->machines[i].clients[CLIENT_HEIR];
        if (c->state != CLIENT_IDLE && c->name == name)
            return true;
    }
    return false;
}

/* Names of the dead need somebody who waits for them. */
static void drive_heir(struct world *w, struct machine *m)
{
    const struct history *h = &w->observer->history;
    struct client *c = &m->clients[CLIENT_HEIR];
    if (c->state == CLIENT_HOLDS)
        client_let_go(w, c);
    if (c->state != CLIENT_IDLE || !w->siege.on)
        return;
    for (size_t i = 0; i < h->name_count; i++) {
        struct name *name = h->names[i];
        if (name->jammed || !siege_serves(w, name) || !check_is_stale(w, name) || has_heir(w, name))
            continue;
        client_demand(w, c, name, LOCK_EXCLUSIVE, LOCK_STALE_FENCE);
        return;
    }
}

/* The trigger: loss within the core, or all its clients at once. */
static void drive_trigger(struct world *w)
{
    struct siege *s = &w->siege;
    bool now_on = s->on && s->herd && w->now >= s->trigger_at && w->now < s->trigger_end;
    if (now_on && s->lossy && !s->losing) {
        world_trace(w, "the core loses datagrams");
        s->losing = true;
    } else if (!now_on) {
        s->losing = false;
    }
    for (size_t i = 0; i < w->machine_count && now_on && !s->lossy; i++)
        for (size_t k = 0; k < w->p.clients && siege_inside(w, i); k++)
            client_hurry(w, &w->machines[i].clients[k]);
}

static void judge(struct world *w)
{
    check_views(w);
    check_ways(w);
    check_goodput(w);
    if (w->siege.polls % 10 != 0 || siege_disturbed(w))
        return;
    check_passing(w);
    check_starved(w);
}

void siege_watch(struct world *w)
{
    drive_trigger(w);
    operator_watch(w);
    for (size_t i = 0; i < w->machine_count; i++) {
        struct machine *m = &w->machines[i];
        if (!(w->siege.inside & BIT(i)) || !m->agent_up || m->paused)
            continue;
        drive_probe(w, m);
        if (w->siege.polls % 5 == 0)
            drive_heir(w, m);
    }
    if (w->siege.on)
        judge(w);
    w->siege.polls++;
    if (!w->closing)
        world_plan(w, poll, (struct item){.kind = HAPPEN_WATCH});
}
