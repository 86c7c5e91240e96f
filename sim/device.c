/* Fence devices: see device.h. */
#include "sim/device.h"

#include "proto/gate.h"
#include "proto/mutant.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/sessions.h"
#include "sim/world.h"

/* What is due, in the low bits of an item's tag. */
enum { DUE_EFFECT, DUE_ANSWER, DUE_BEGIN, DUE_BITS = 2 };

static const struct span deadline_span = SPAN_MS(DEVICE_DEADLINE_MS);
static const struct range status_time = {SPAN_MS(30), SPAN_MS(800)};
static const struct range back_after = {SPAN_MS(5000), SPAN_MS(60000)};

void devices_open(struct world *w)
{
    random_init(&w->devices.random, w->seed, STREAM_DEVICES);
}

static void plan(struct world *w, struct device_run *d, struct span after, uint64_t due)
{
    world_plan(w, after,
               (struct item){.kind = HAPPEN_DEVICE,
                             .machine = d->executor,
                             .detail = (uint32_t)(d - w->devices.runs),
                             .tag = d->number << DUE_BITS | due});
}

static struct span between(struct world *w, int64_t low_ms, int64_t high_ms)
{
    return random_span(&w->devices.random, SPAN_MS(low_ms), SPAN_MS(high_ms));
}

static enum device_mood draw_mood(struct world *w)
{
    uint64_t sum = 0;
    size_t mood = 0;
    if (w->calm || w->siege.on)
        return DEVICE_WORKS;
    for (size_t i = 0; i < DEVICE_MOODS; i++)
        sum += w->p.devices[i];
    uint64_t at = random_below(&w->devices.random, sum);
    while (at >= w->p.devices[mood])
        at -= w->p.devices[mood++];
    return (enum device_mood)mood;
}

/* Whose power goes: with a device that is another's, that one's. */
static struct machine *victim(const struct world *w, const struct device_run *d)
{
    return &w->machines[d->mood == DEVICE_OTHER ? d->other : d->target];
}

static void plan_effect(struct world *w, struct device_run *d, struct span after)
{
    d->effects++;
    plan(w, d, after, DUE_EFFECT);
}

/* Off, then status: the effect comes first, and the answer says what the status query saw. */
static void begin_off(struct world *w, struct device_run *d)
{
    struct span answer = between(w, 100, 3000);
    d->outcome = RUN_UNKNOWN;
    switch (d->mood) {
    case DEVICE_WORKS:
    case DEVICE_SLOW:
        if (d->mood == DEVICE_SLOW)
            answer = between(w, 3000, 9500);
        if (w->devices.told_time[d->target])
            answer.ns = w->devices.told_time[d->target];
        d->outcome = RUN_OFF;
        plan_effect(w, d, random_span(&w->devices.random, SPAN_MS(10), answer));
        break;
    case DEVICE_HANGS:
        answer = deadline_span;
        if (random_chance(&w->devices.random, 500))
            plan_effect(w, d, between(w, 10, 9900));
        break;
    case DEVICE_LATE:
        answer = deadline_span;
        plan_effect(w, d,
                    between(w, 10000, random_chance(&w->devices.random, 200) ? 180000 : 40000));
        break;
    case DEVICE_STAYS:
        d->outcome = RUN_ON;
        break;
    case DEVICE_SAYS_ON:
        d->outcome = RUN_ON;
        plan_effect(w, d, random_span(&w->devices.random, SPAN_MS(10), answer));
        break;
    case DEVICE_OTHER: /* switches another off, and says so, with that one's identity */
        d->outcome = RUN_OFF;
        plan_effect(w, d, random_span(&w->devices.random, SPAN_MS(10), answer));
        break;
    case DEVICE_LIES:
        d->outcome = RUN_OFF;
        break;
    case DEVICE_FAILS:
    case DEVICE_MOODS:
        break;
    }
    plan(w, d, answer, DUE_ANSWER);
}

/* The executor's process hangs before it reads the request. When it goes on it judges whether that
 * is too late; its agent has given it up when the run's time is over. */
static bool executor_hangs(struct world *w, struct machine *m, struct device_run *d)
{
    if (w->p.devices[DEVICE_HANGS] == 0 || w->calm || w->siege.on || w->script.playing ||
        w->devices.told[d->target] || !random_chance(&w->devices.random, HANGS_PERMILLE))
        return false;
    struct span given_up = span_between(machine_clock(m), d->run.end_by);
    d->outcome = RUN_UNKNOWN;
    plan(w, d, given_up, DUE_ANSWER);
    plan(w, d, between(w, 10, 40000), DUE_BEGIN);
    d->hangs = true;
    coverage_hit(w, COVER_DEVICE);
    return true;
}

static void go_on(struct world *w, struct device_run *d)
{
    struct machine *m = &w->machines[d->executor];
    bool asked = !d->answered && m->agent_up && m->run == d->agent;
    d->hangs = false;
    world_trace(w, "%s: the executor goes on with fence driver %llu", m->name,
                (unsigned long long)d->number);
    if (gate_late(machine_clock(m), d->run.begin_by) || (!asked && !MUTANT(190))) {
        plan(w, d, SPAN_MS(0), DUE_ANSWER);
        return;
    }
    d->deadline = w->now + deadline_span.ns;
    begin_off(w, d);
}

static void begin_status(struct world *w, struct device_run *d)
{
    bool hangs = d->mood == DEVICE_HANGS || d->mood == DEVICE_LATE;
    struct span answer = random_span(&w->devices.random, status_time.low, status_time.high);
    plan(w, d, hangs ? deadline_span : answer, DUE_ANSWER);
}

void device_begin(struct world *w, struct machine *m, const struct run *run)
{
    struct devices *all = &w->devices;
    int target = cluster_index(w->cluster, run->slot);
    if (target < 0 || target == m->index)
        world_fail(w, EXIT_BROKEN, "S10", "%s runs the fence driver against slot %u", m->name,
                   run->slot);
    size_t index = 0;
    while (index < DEVICE_RUNS_MAX && all->runs[index].active)
        index++;
    if (index == DEVICE_RUNS_MAX)
        world_fail(w, EXIT_BROKEN, "S18", "%s runs one fence driver too many", m->name);
    struct device_run *d = &all->runs[index];
    *d = (struct device_run){.active = true,
                             .number = ++all->begun,
                             .executor = m->index,
                             .agent = m->run,
                             .target = (uint16_t)target,
                             .run = *run,
                             .mood = draw_mood(w),
                             .deadline = w->now + deadline_span.ns};
    d->other = (uint16_t)(((size_t)target + 1 + random_below(&all->random, w->machine_count - 1)) %
                          w->machine_count);
    if (all->told[target])
        d->mood = (enum device_mood)(all->told[target] - 1);
    if (w->script.works == m->index + 1)
        d->mood = DEVICE_WORKS;
    if (w->script.playing && w->p.ladder && run->action > 1)
        d->mood = DEVICE_WORKS;                        /* a play's second rung */
    if (run->scope.session && d->mood == DEVICE_OTHER) /* there is but one such session */
        d->mood = DEVICE_FAILS;
    world_trace(w, "%s: fence driver %llu: %s of %s, life %llu; the device %s", m->name,
                (unsigned long long)d->number, run->kind == RUN_STATUS ? "status" : "off",
                w->machines[target].name, (unsigned long long)run->life, device_mood_text(d->mood));
    if (d->mood != DEVICE_WORKS)
        coverage_hit(w, COVER_DEVICE);
    if (run->kind == RUN_OFF_STATUS) {
        w->figures.runs++;
        bool refused = false;
        d->clock_stood = check_run(w, m, run, &refused);
        if (refused)
            d->mood = DEVICE_FAILS; /* no driver is started */
        if (!executor_hangs(w, m, d))
            begin_off(w, d);
    } else {
        begin_status(w, d);
    }
}

static struct session_seen *session_of(struct world *w, const struct device_run *d)
{
    return sessions_of(w, d->run.slot, d->run.life, &d->run.scope);
}

static void effect(struct world *w, struct device_run *d)
{
    if (d->run.scope.session) {
        d->effects--;
        sessions_end(w, session_of(w, d));
        return;
    }
    struct machine *m = victim(w, d);
    bool wrong = m->index != d->target;
    d->effects--;
    if (!m->powered)
        return;
    world_trace(w, "%s is switched off by fence driver %llu%s", m->name,
                (unsigned long long)d->number, wrong ? ", by mistake" : "");
    w->figures.kills++;
    if (d->mood != DEVICE_WORKS)
        coverage_hit(w, COVER_DEVICE);
    if (wrong)
        w->figures.strays++;
    else
        check_power_effect(w, m, &d->run, d->clock_stood || w->now > d->deadline);
    machine_power_crash(w, m);
    bool heals = world_heals(w, m->index);
    if (wrong || random_chance(&w->devices.random, w->p.back_permille) || heals) {
        struct span high = heals ? back_after.low : back_after.high;
        world_plan(w, random_span(&w->devices.random, back_after.low, high),
                   (struct item){.kind = HAPPEN_BOOT, .machine = m->index});
    }
}

static enum run_outcome seen(struct world *w, const struct device_run *d)
{
    bool on = d->run.scope.session ? !session_of(w, d)->ended : victim(w, d)->powered;
    if (d->run.kind == RUN_OFF_STATUS) /* booted again in the meantime: status says so */
        return d->outcome == RUN_OFF && on && d->mood <= DEVICE_SLOW ? RUN_ON : d->outcome;
    switch (d->mood) {
    case DEVICE_WORKS:
    case DEVICE_SLOW:
    case DEVICE_STAYS:
    case DEVICE_OTHER:
        return on ? RUN_ON : RUN_OFF;
    case DEVICE_SAYS_ON:
        return RUN_ON;
    case DEVICE_LIES:
        return RUN_OFF;
    case DEVICE_FAILS:
    case DEVICE_HANGS:
    case DEVICE_LATE:
    case DEVICE_MOODS:
        break;
    }
    return RUN_UNKNOWN;
}

static void answer(struct world *w, struct device_run *d)
{
    static const char *const texts[] = {"no answer that can be used", "off", "on"};
    struct machine *m = &w->machines[d->executor];
    d->answered = true;
    enum run_outcome outcome = seen(w, d);
    world_trace(w, "%s: fence driver %llu ends: %s", m->name, (unsigned long long)d->number,
                texts[outcome]);
    if (!m->agent_up || m->run != d->agent)
        return;
    if (d->run.scope.session)
        session_of(w, d)->lied |=
            d->mood == DEVICE_LIES && outcome == RUN_OFF && !session_of(w, d)->ended;
    else if (d->mood == DEVICE_LIES && outcome == RUN_OFF && w->machines[d->target].powered)
        observer_lied(w, &w->machines[d->target], d->run.life);
    struct event e = {.kind = EVENT_EXECUTED};
    e.executed.slot = d->run.slot;
    e.executed.life = d->run.life;
    e.executed.scope = d->run.scope;
    e.executed.kind = d->run.kind;
    e.executed.outcome = outcome;
    e.executed.text = (struct view){(const uint8_t *)texts[outcome], strlen(texts[outcome])};
    snprintf(e.executed.device, sizeof e.executed.device, "bmc-%u", victim(w, d)->index + 1u);
    if (outcome == RUN_UNKNOWN)
        e.executed.device[0] = '\0';
    machine_post(w, m, &e);
}

void device_happens(struct world *w, size_t index, uint64_t tag)
{
    struct device_run *d = &w->devices.runs[index];
    if (!d->active || d->number != tag >> DUE_BITS)
        return;
    uint64_t due = tag & ((1 << DUE_BITS) - 1);
    if (due == DUE_BEGIN && d->hangs)
        go_on(w, d);
    else if (due == DUE_EFFECT && d->effects > 0) /* else its target was spared in the meantime */
        effect(w, d);
    else if (due == DUE_ANSWER && !d->answered)
        answer(w, d);
    d->active = !d->answered || d->effects > 0 || d->hangs;
}

void device_power_gone(struct world *w, const struct machine *m)
{
    for (size_t i = 0; i < DEVICE_RUNS_MAX; i++) {
        struct device_run *d = &w->devices.runs[i];
        if (!d->active || d->executor != m->index)
            continue;
        d->answered = true;
        d->hangs = false;
        /* What the device was told already, it does: the half of them. */
        if (random_chance(&w->devices.random, 500))
            d->effects = 0;
        d->active = d->effects > 0;
    }
}

void devices_calm(struct world *w)
{
    devices_spare(w, UINT32_MAX);
}

void devices_spare(struct world *w, uint32_t machines)
{
    for (size_t i = 0; i < DEVICE_RUNS_MAX; i++) {
        struct device_run *d = &w->devices.runs[i];
        if (!(machines >> victim(w, d)->index & 1))
            continue;
        d->effects = 0;
        d->hangs = false;
        if (d->active && d->outcome == RUN_OFF && d->mood <= DEVICE_SLOW)
            d->outcome = RUN_UNKNOWN; /* unless its effect came already, it never will */
        d->active = d->active && !d->answered;
    }
}
