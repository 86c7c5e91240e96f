/* Plays a story: see story_run.h. */
#include "sim/story_run.h"

#include "proto/must.h"
#include "sim/changer.h"
#include "sim/machine.h"
#include "sim/world.h"

#define BIT(i) (UINT32_C(1) << (i))

enum { DUE_BEGIN, DUE_END, DUE_AGAIN };

static const struct span ask_again = SPAN_MS(50);
static const struct span restart_after = SPAN_MS(300);

static void plan(struct world *w, struct span after, size_t index, uint64_t due)
{
    world_plan(w, after,
               (struct item){.kind = HAPPEN_STORY, .detail = (uint32_t)index, .tag = due});
}

static struct name *name_of(struct world *w, size_t index)
{
    struct name **name = &w->play->names[index];
    if (!*name)
        *name = history_name_called(w, w->play->story->names[index]);
    must(*name);
    return *name;
}

void story_prepare(struct world *w, const struct story *story)
{
    w->play = pool_take(&w->pool, sizeof *w->play);
    w->play->story = story;
}

void story_open(struct world *w)
{
    const struct story *s = w->play->story;
    for (size_t i = 0; s->named_workload && i < s->p.names; i++)
        w->observer->window[i] = name_of(w, s->workload_first + i);
    for (size_t i = 0; i < s->act_count; i++)
        plan(w, (struct span){s->acts[i].at}, i, DUE_BEGIN);
}

/* --- links --- */

/* Calls `change` for each direction of each link that the act is about. */
static void links(struct world *w, const struct act *a, int64_t by)
{
    struct network *n = &w->network;
    for (size_t from = 0; from < w->machine_count; from++)
        for (size_t to = 0; to < w->machine_count; to++) {
            bool there = (a->bits & BIT(from)) && (a->only & BIT(to)) && a->outward;
            bool back = (a->bits & BIT(to)) && (a->only & BIT(from)) && a->inward;
            if (from == to || !(there || back))
                continue;
            if (a->kind == ACT_LOSS)
                n->lossy[from][to] += (uint32_t)(by * a->amount);
            else if (a->kind == ACT_DELAY)
                n->slowed[from][to] += by * a->amount;
            else
                n->cuts[from][to] += (uint32_t)by;
        }
}

static void flap(struct world *w, size_t index)
{
    const struct act *a = &w->play->story->acts[index];
    if (!w->play->active[index])
        return;
    w->play->flap_on[index] = !w->play->flap_on[index];
    links(w, a, w->play->flap_on[index] ? 1 : -1);
    plan(w, (struct span){a->amount / 2}, index, DUE_AGAIN);
}

/* --- agents and machines --- */

static uint32_t *downs(struct world *w, const struct machine *m, bool power)
{
    return power ? &w->play->power_down[m->index] : &w->play->agent_down[m->index];
}

static void hold_down(struct world *w, struct machine *m, bool power)
{
    if ((*downs(w, m, power))++ == 0)
        m->held_down++;
}

/* One act less keeps it down, or, if `all`, none does any more. */
static void let_up(struct world *w, struct machine *m, bool power, bool all)
{
    uint32_t *down = downs(w, m, power);
    uint32_t before = *down;
    *down = all || before == 0 ? 0 : before - 1;
    if (before && *down == 0)
        m->held_down--;
    if (m->held_down)
        return;
    if (!m->powered && (before || all))
        machine_boot(w, m);
    else if (m->powered && !m->agent_up)
        machine_plan_start(w, m, restart_after);
}

static void begin_at(struct world *w, struct machine *m, const struct act *a)
{
    switch (a->kind) {
    case ACT_KILL_AGENT:
        hold_down(w, m, false);
        machine_agent_crash(w, m);
        break;
    case ACT_STOP_AGENT:
        hold_down(w, m, false);
        machine_agent_leave(w, m);
        break;
    case ACT_RESTART_AGENT:
        machine_agent_crash(w, m);
        if (!m->held_down && m->powered)
            machine_plan_start(w, m, restart_after);
        break;
    case ACT_START_AGENT:
        let_up(w, m, false, true);
        break;
    case ACT_POWER_OFF:
        hold_down(w, m, true);
        machine_power_crash(w, m);
        break;
    case ACT_POWER_ON:
        let_up(w, m, true, true);
        break;
    case ACT_FREEZE:
        m->frozen_until = w->now + a->length;
        machine_pause(w, m, (struct span){a->length});
        break;
    case ACT_PAUSE:
        machine_pause(w, m, (struct span){a->length});
        break;
    case ACT_DISK_SLOW:
        m->disk.extra += a->amount;
        break;
    case ACT_DISK_FAILS:
        m->disk.fail_next = m->agent_up;
        break;
    case ACT_STORE_LOST:
        hold_down(w, m, true);
        machine_power_crash(w, m);
        disk_lose(&m->disk);
        m->store_excused = true;
        w->faults.stores_destroyed++;
        break;
    case ACT_DEVICE:
        w->devices.told[m->index] = (uint8_t)(1 + a->mood);
        w->devices.told_time[m->index] = a->amount;
        break;
    case ACT_CUT:
    case ACT_FLAP:
    case ACT_HEAL:
    case ACT_LOSS:
    case ACT_DELAY:
    case ACT_LOCK:
    case ACT_RELEASE:
    case ACT_CONVERT:
    case ACT_WRITE:
    case ACT_HAND_OVER:
    case ACT_FAULT:
    case ACT_KINDS:
        break;
    }
}

static void end_at(struct world *w, struct machine *m, const struct act *a)
{
    if (a->kind == ACT_KILL_AGENT || a->kind == ACT_STOP_AGENT)
        let_up(w, m, false, false);
    else if (a->kind == ACT_POWER_OFF || a->kind == ACT_STORE_LOST)
        let_up(w, m, true, false);
    else if (a->kind == ACT_DISK_SLOW)
        m->disk.extra -= a->amount;
}

/* --- clients --- */

/* The one that an act gave its word to; NULL if it has none. */
static struct client *client_of(struct world *w, size_t index)
{
    const struct act *a = &w->play->story->acts[index];
    size_t machine = (size_t)__builtin_ctz(a->bits);
    uint8_t client = w->play->client[index];
    return client ? &w->machines[machine].clients[client - 1] : NULL;
}

static bool client_taken(struct world *w, const struct act *a, uint8_t number)
{
    for (size_t i = 0; i < w->play->story->act_count; i++)
        if (w->play->client[i] == number && w->play->story->acts[i].bits == a->bits)
            return true;
    return false;
}

/* story_parse.c counted them in the order of the file; one too many asks for nothing. */
static void take_client(struct world *w, size_t index)
{
    const struct act *a = &w->play->story->acts[index];
    uint8_t number = (uint8_t)(w->p.clients + 1);
    while (number < CLIENTS_MAX && client_taken(w, a, number))
        number++;
    w->play->client[index] = number < CLIENTS_MAX ? number : 0;
}

/* Asks, and asks again while it is refused since its agent is down or not ready: until it holds. */
static void pursue(struct world *w, size_t index)
{
    const struct act *a = &w->play->story->acts[index];
    struct client *c = client_of(w, index);
    if (!c || w->play->granted[index])
        return;
    w->play->granted[index] = c->state == CLIENT_HOLDS;
    bool may = c->state == CLIENT_IDLE && c->machine->agent_up && !c->machine->paused;
    c->ttl_ms = (uint32_t)(a->amount / 1000000);
    if (may && a->mode == LOCK_COUNTED)
        client_demand_counted(w, c, name_of(w, a->name), a->limit, a->policy);
    else if (may)
        client_demand(w, c, name_of(w, a->name), a->mode, a->policy);
    plan(w, ask_again, index, DUE_AGAIN);
}

/* The first of this machine's clients that has or awaits the name gives it up. */
static void release(struct world *w, const struct act *a)
{
    const struct story *s = w->play->story;
    for (size_t i = 0; i < s->act_count; i++) {
        struct client *c = client_of(w, i);
        if (s->acts[i].kind != ACT_LOCK || s->acts[i].name != a->name ||
            s->acts[i].bits != a->bits || !c)
            continue;
        w->play->granted[i] = true;
        w->play->client[i] = 0;
        if (c->state == CLIENT_HOLDS || c->state == CLIENT_ASKS)
            client_wake(w, c->machine, c->index, c->serial);
        return;
    }
}

/* The request of that machine which waits for the name first; else its last one, which does not. */
static struct op *waiter_on(const struct name *name, const struct machine *m)
{
    const struct value *v = name->chosen;
    struct op *last = name->ops;
    for (size_t i = 0; v && i < v->waiter_count; i++)
        if (v->waiters[i]->machine == m)
            return v->waiters[i];
    while (last && last->machine != m)
        last = last->older_here;
    return last;
}

/* The first of this machine's clients that holds the name changes something about it. */
static void change(struct world *w, const struct act *a)
{
    const struct story *s = w->play->story;
    for (size_t i = 0; i < s->act_count; i++) {
        struct client *c = client_of(w, i);
        if (s->acts[i].kind != ACT_LOCK || s->acts[i].name != a->name ||
            s->acts[i].bits != a->bits || !c || c->state != CLIENT_HOLDS || !c->machine->agent_up)
            continue;
        struct op *to = NULL;
        if (a->kind == ACT_HAND_OVER)
            to = waiter_on(c->name, &w->machines[__builtin_ctz(a->only)]);
        if (a->kind == ACT_CONVERT)
            changer_convert(w, c, a->mode, a->limit);
        else if (a->kind == ACT_WRITE)
            changer_write(w, c);
        else if (to)
            changer_hand_over(w, c, to);
        return;
    }
}

/* --- acts --- */

static void end(struct world *w, size_t index)
{
    const struct act *a = &w->play->story->acts[index];
    if (!w->play->active[index])
        return;
    w->play->active[index] = false;
    world_trace(w, "story: %s of line %u ends", act_text(a->kind), a->line);
    if (w->chronicle)
        chronicle_note(w, (struct entry){.kind = CHRONICLE_HEALS, .number = index});
    bool cut_now = a->kind == ACT_CUT || a->kind == ACT_LOSS || a->kind == ACT_DELAY ||
                   (a->kind == ACT_FLAP && w->play->flap_on[index]);
    if (cut_now)
        links(w, a, -1);
    w->play->flap_on[index] = false;
    for (size_t i = 0; i < w->machine_count; i++)
        if (a->bits & BIT(i))
            end_at(w, &w->machines[i], a);
}

static bool is_network(enum act_kind kind)
{
    return kind == ACT_CUT || kind == ACT_FLAP || kind == ACT_LOSS || kind == ACT_DELAY;
}

static void begin(struct world *w, size_t index)
{
    const struct story *s = w->play->story;
    const struct act *a = &s->acts[index];
    world_trace(w, "story: %s of line %u", act_text(a->kind), a->line);
    if (w->chronicle)
        chronicle_note(w, (struct entry){.kind = CHRONICLE_ACT, .number = index});
    w->play->active[index] = true;
    w->figures.cuts += a->kind == ACT_CUT || a->kind == ACT_FLAP;
    if (a->kind == ACT_FLAP) {
        flap(w, index);
    } else if (is_network(a->kind)) {
        links(w, a, 1);
    } else if (a->kind == ACT_HEAL) {
        for (size_t i = 0; i < s->act_count; i++)
            if (is_network(s->acts[i].kind))
                end(w, i);
    } else if (a->kind == ACT_LOCK) {
        take_client(w, index);
        pursue(w, index);
    } else if (a->kind == ACT_RELEASE) {
        release(w, a);
    } else if (a->kind == ACT_CONVERT || a->kind == ACT_WRITE || a->kind == ACT_HAND_OVER) {
        change(w, a);
    } else if (a->kind == ACT_FAULT) {
        faults_inject(w,
                      &(struct fault){.kind = a->fault,
                                      .bits = a->bits,
                                      .only = a->only,
                                      .outward = a->outward,
                                      .inward = a->inward,
                                      .number = a->dice},
                      (struct span){a->length});
    } else {
        for (size_t i = 0; i < w->machine_count; i++)
            if (a->bits & BIT(i))
                begin_at(w, &w->machines[i], a);
    }
    if (a->length > 0 && a->kind != ACT_FAULT)
        plan(w, (struct span){a->length}, index, DUE_END);
}

void story_step(struct world *w, uint32_t index, uint64_t due)
{
    if (w->calm)
        return;
    if (due == DUE_BEGIN)
        begin(w, index);
    else if (due == DUE_END)
        end(w, index);
    else if (w->play->story->acts[index].kind == ACT_FLAP)
        flap(w, index);
    else
        pursue(w, index);
}

void story_calm(struct world *w)
{
    for (size_t i = 0; i < w->play->story->act_count; i++)
        end(w, i);
    for (size_t i = 0; i < w->machine_count; i++) {
        w->devices.told[i] = 0;
        if (w->play->agent_down[i])
            let_up(w, &w->machines[i], false, true);
        if (w->play->power_down[i])
            let_up(w, &w->machines[i], true, true);
    }
}
