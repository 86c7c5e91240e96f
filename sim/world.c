/* The world of one run: see world.h. */
#include "sim/world.h"

#include "proto/must.h"
#include "sim/check.h"
#include "sim/guest.h"
#include "sim/linear.h"
#include "sim/machine.h"

#include <stdarg.h>

enum { SAME_INSTANT_MAX = 200000 };

static const size_t pool_size = (size_t)1 << 30;
static const struct span calm_span = SPAN_MS(60000); /* the last */
/* Agents come back and find each other, orders that are out are carried out, lives are raised and
 * count: 12 s after an executor may have begun last. */
static const struct span settle_span = SPAN_MS(30000);
static const struct span closing_span = SPAN_MS(20000); /* everything that is out is answered */
static const struct span sweep_span = SPAN_MS(15000);
static const struct range boot_after = {SPAN_MS(0), SPAN_MS(3000)};

void world_plan(struct world *w, struct span after, struct item item)
{
    item.at = w->now + after.ns;
    queue_push(&w->queue, item);
}

static void plan_at(struct world *w, int64_t at, enum happening kind)
{
    world_plan(w, (struct span){at - w->now}, (struct item){.kind = (uint16_t)kind});
}

static void open_machines(struct world *w)
{
    struct random r;
    random_init(&r, w->seed, STREAM_MACHINE - 1);
    w->machine_count = w->p.nodes;
    w->machines = pool_take(&w->pool, w->machine_count * sizeof *w->machines);
    for (size_t i = 0; i < w->machine_count; i++) {
        machine_open(w, &w->machines[i], i);
        world_plan(w, random_span(&r, boot_after.low, boot_after.high),
                   (struct item){.kind = HAPPEN_BOOT, .machine = (uint16_t)i});
    }
}

/* A story without a calm just ends: its expectations judge it. */
static void plan_end(struct world *w, int64_t at)
{
    w->calm_at = w->closing_at = INT64_MAX;
    w->end_at = at;
    w->figures.seconds = (uint64_t)(at / 1000000000);
    plan_at(w, w->end_at, HAPPEN_END);
}

static void plan_phases(struct world *w, const struct world_options *options)
{
    int64_t drawn = (options->seconds + w->p.extra_seconds) * 1000000000;
    w->end_at = options->story ? options->story->calm + calm_span.ns : drawn;
    w->figures.seconds = (uint64_t)(w->end_at / 1000000000);
    w->calm_at = w->end_at - calm_span.ns;
    w->closing_at = w->end_at - closing_span.ns;
    w->siege_at = w->calm_at - w->siege.length.ns;
    if (options->scenario < 0 && (!options->story || options->story->siege))
        plan_at(w, w->siege_at, HAPPEN_SIEGE);
    plan_at(w, w->calm_at, HAPPEN_CALM);
    plan_at(w, w->calm_at + settle_span.ns, HAPPEN_FRESH);
    plan_at(w, w->closing_at, HAPPEN_CLOSING);
    plan_at(w, w->end_at - sweep_span.ns, HAPPEN_SWEEP);
    plan_at(w, w->end_at, HAPPEN_END);
}

void world_open(struct world *w, uint64_t seed, const struct world_options *options)
{
    w->seed = seed;
    profile_draw(&w->p, options->profile, seed);
    if (options->scenario >= 0)
        scenario_shape(&w->p, (size_t)options->scenario);
    if (options->story)
        w->p = options->story->p;
    trace_init(&w->trace, seed, options->text);
    pool_open(&w->pool, pool_size);
    w->cluster = pool_take(&w->pool, sizeof *w->cluster);
    cluster_make(w->cluster, &w->p, options->story, seed, &w->pool);
    if (options->story)
        story_prepare(w, options->story);
    network_open(w);
    w->siege.length = siege_open(w);
    observer_open(w);
    devices_open(w);
    sessions_open(w);
    open_machines(w);
    check_executors_open(w);
    if (options->scenario >= 0) {
        scenario_open(w, (size_t)options->scenario);
    } else if (options->story) {
        story_open(w);
    } else {
        faults_open(w);
    }
    forger_open(w);
    operator_open(w);
    if (options->scenario < 0)
        gossiper_open(w);
    w->figures.margin = w->figures.silence_margin = INT64_MAX;
    if (options->chronicle)
        chronicle_open(w);
    if (options->story && options->story->calm == 0)
        plan_end(w, options->story->until);
    else
        plan_phases(w, options);
}

void world_close(struct world *w)
{
    check_executors_close(w);
    queue_free(&w->queue);
    pool_close(&w->pool);
}

struct machine *world_machine(struct world *w, uint16_t slot)
{
    int index = cluster_index(w->cluster, slot);
    return index < 0 ? NULL : &w->machines[index];
}

void world_fail(struct world *w, int code, const char *check, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(w->verdict.text, sizeof w->verdict.text, format, arguments);
    va_end(arguments);
    snprintf(w->verdict.check, sizeof w->verdict.check, "%s", check);
    w->verdict.code = code;
    /* Beyond what the cohorts can lose, progress may stop. */
    if (code == EXIT_STUCK && w->p.beyond && w->same_since <= SAME_INSTANT_MAX)
        w->verdict.code = EXIT_CLEAN;
    longjmp(w->failed, 1);
}

/* In the calm every machine is up, and sees every other one alive. */
static void check_all_views(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        const struct machine *m = &w->machines[i];
        if (!m->agent_up)
            world_fail(w, EXIT_STUCK, "live", "%s did not come up in the calm", m->name);
        for (size_t k = 0; k < w->machine_count; k++) {
            struct member_view view;
            peer_member(m->peer, cluster_slot(k), &view);
            if (view.state != MEMBER_ALIVE)
                world_fail(w, EXIT_STUCK, "live", "%s sees %s %s, and all is well since %lld s",
                           m->name, w->machines[k].name, member_state_text(view.state),
                           (long long)(calm_span.ns / 1000000000));
        }
    }
}

static void finish(struct world *w)
{
    w->ended = true;
    if (w->play && !w->calm)
        return;
    client_check_done(w);
    check_all_views(w);
    check_leaks(w);
    check_let_go(w);
    linear_check(w);
    scenario_end(w);
}

/* What happens to a frozen machine happens when it thaws. The network goes on: its queues fill. */
static bool postponed(struct world *w, const struct item *item)
{
    if (item->kind != HAPPEN_CLIENT && item->kind != HAPPEN_GUEST_END &&
        item->kind != HAPPEN_GUEST_STOP)
        return false;
    const struct machine *m = &w->machines[item->machine];
    if (m->frozen_until <= w->now)
        return false;
    world_plan(w, (struct span){m->frozen_until - w->now}, *item);
    return true;
}

/* What happens to one machine. */
static void happen_at(struct world *w, struct machine *m, const struct item *item)
{
    switch ((enum happening)item->kind) {
    case HAPPEN_DATAGRAM:
        machine_datagram(w, m, (size_t)item->tag, item->detail);
        return;
    case HAPPEN_REFUSED:
        if (m->agent_up && m->run == item->tag)
            machine_post(
                w, m, &(struct event){.kind = EVENT_REFUSED, .slot = cluster_slot(item->detail)});
        return;
    case HAPPEN_TICK:
        machine_tick(w, m, item->tag);
        return;
    case HAPPEN_SYNCED:
        disk_synced(w, m, item->tag);
        return;
    case HAPPEN_WRITTEN:
        disk_written(w, m, item->tag);
        return;
    case HAPPEN_CLIENT:
        client_wake(w, m, item->detail, item->tag);
        return;
    case HAPPEN_GUEST_END:
        guest_ends(w, m, item->detail, item->tag);
        return;
    case HAPPEN_GUEST_STOP:
        guest_stop_due(w, m, item->detail, item->tag);
        return;
    case HAPPEN_AGENT_DIES:
        machine_agent_dies(w, m, item->tag);
        return;
    case HAPPEN_AGENT_START:
        if (item->tag == m->starts_planned)
            machine_agent_start(w, m);
        return;
    case HAPPEN_BOOT:
        machine_boot(w, m);
        return;
    case HAPPEN_THAW:
        if (item->tag == m->pause_number && (!w->siege.on || siege_inside(w, m->index)))
            machine_thaw(w, m);
        return;
    case HAPPEN_HANDED:
        handed_again(w, m, item->tag);
        return;
    case HAPPEN_WATCHDOG:
        watchdog_happens(w, m, item->tag);
        return;
    case HAPPEN_DEVICE:
    case HAPPEN_FORGERY:
    case HAPPEN_OPERATOR:
    case HAPPEN_GOSSIP:
    case HAPPEN_TWIN:
    case HAPPEN_SCRIPT:
    case HAPPEN_STORY:
    case HAPPEN_FAULT:
    case HAPPEN_HEAL:
    case HAPPEN_SIEGE:
    case HAPPEN_WATCH:
    case HAPPEN_CALM:
    case HAPPEN_FRESH:
    case HAPPEN_CLOSING:
    case HAPPEN_SWEEP:
    case HAPPEN_END:
        return;
    }
}

static void begin_calm(struct world *w)
{
    siege_end(w);
    linear_check(w);
    w->calm = true;
    devices_calm(w);
    if (w->play)
        story_calm(w);
    faults_calm(w);
    guest_calm(w);
}

/* What happens to the world: true if it was such an item. */
static bool happen(struct world *w, const struct item *item)
{
    if (item->kind == HAPPEN_WATCH)
        siege_watch(w);
    else if (item->kind == HAPPEN_SIEGE)
        siege_begin(w);
    else if (item->kind == HAPPEN_DEVICE)
        device_happens(w, item->detail, item->tag);
    else if (item->kind == HAPPEN_FORGERY)
        forger_next(w);
    else if (item->kind == HAPPEN_OPERATOR)
        operator_next(w, item->detail);
    else if (item->kind == HAPPEN_GOSSIP)
        gossiper_next(w);
    else if (item->kind == HAPPEN_TWIN)
        twin_wakes(w, item->tag, item->detail);
    else if (item->kind == HAPPEN_SCRIPT)
        scenario_step(w);
    else if (item->kind == HAPPEN_STORY)
        story_step(w, item->detail, item->tag);
    else if (item->kind == HAPPEN_FAULT)
        faults_next(w);
    else if (item->kind == HAPPEN_HEAL)
        faults_heal(w, item->detail, item->tag);
    else if (item->kind == HAPPEN_CALM)
        begin_calm(w);
    else if (item->kind == HAPPEN_FRESH)
        client_ask_fresh(w);
    else if (item->kind == HAPPEN_CLOSING)
        w->closing = true, client_close_all(w);
    else if (item->kind == HAPPEN_SWEEP)
        client_sweep(w);
    else if (item->kind == HAPPEN_END)
        finish(w);
    else
        return false;
    return true;
}

void world_run(struct world *w)
{
    struct item item;
    while (!w->ended && queue_pop(&w->queue, &item)) {
        must(item.at >= w->now);
        w->same_since = item.at == w->now ? w->same_since + 1 : 0;
        if (w->same_since > SAME_INSTANT_MAX)
            world_fail(w, EXIT_STUCK, "live", "time stands still: machine n%u, %s",
                       item.machine + 1u, happening_text((enum happening)item.kind));
        w->now = item.at;
        w->figures.events++;
        trace_numbers(&w->trace, (uint64_t)item.at, (uint64_t)item.kind << 32 | item.machine,
                      item.detail);
        if (postponed(w, &item))
            continue;
        if (!happen(w, &item))
            happen_at(w, &w->machines[item.machine], &item);
        if (item.kind >= HAPPEN_AGENT_START)
            check_reach_update(w);
        if (w->chronicle)
            chronicle_watch(w, &item);
    }
}
