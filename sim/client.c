/* Clients and guests: see client.h. */
#include "sim/client.h"

#include "proto/must.h"
#include "sim/changer.h"
#include "sim/changes.h"
#include "sim/check.h"
#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/rude.h"
#include "sim/sessions.h"
#include "sim/world.h"

enum { LIMIT_DRAWN_MAX = 4 /* of counted ones */, TTL_DRAWN_PERMILLE = 300 };

static const struct span api_high = SPAN_MS(1); /* a call over the local socket */
static const struct span retry = SPAN_MS(500);
static const struct range late_drop = {SPAN_MS(500), SPAN_MS(20000)};
static const struct span fresh_pause = SPAN_MS(20);

void client_plan(struct world *w, struct client *c, struct span after)
{
    world_plan(w, after,
               (struct item){.kind = HAPPEN_CLIENT,
                             .machine = c->machine->index,
                             .detail = c->index,
                             .tag = c->serial});
}

void client_enter(struct world *w, struct client *c, enum client_state state)
{
    c->state = state;
    c->serial++;
    c->since = w->now;
    c->due = INT64_MAX;
}

void client_rest(struct world *w, struct client *c)
{
    client_enter(w, c, CLIENT_IDLE);
    c->op = NULL;
    struct span think = random_span(&c->random, w->p.think.low, w->p.think.high);
    client_plan(w, c, c->fresh ? fresh_pause : think);
}

void client_open(struct world *w, struct machine *m, size_t index)
{
    struct client *c = &m->clients[index];
    c->machine = m;
    c->index = (uint32_t)index;
    c->fresh = index == CLIENT_FRESH;
    uint64_t stream = (uint64_t)m->index * CLIENTS_MAX + index;
    random_init(&c->random, w->seed, STREAM_CLIENT + stream);
    random_init(&c->wishes, w->seed, STREAM_WISHES + stream);
    if (index < m->workers)
        client_rest(w, c);
}

uint64_t client_handle(struct client *c)
{
    c->handle = c->serial << 8 | c->index;
    return c->handle;
}

struct name *client_pick_name(struct world *w, struct random *r)
{
    static const uint32_t jammed_permille = 100, stale_permille = 700;
    struct name **window = w->observer->window;
    size_t at = random_below(r, w->p.names);
    if (w->play && w->play->story->named_workload)
        return window[at];
    /* Names of the dead need somebody who waits for them; some clients move on. */
    bool moves = !window[at] || (window[at]->jammed && !random_chance(r, jammed_permille)) ||
                 (history_stale(window[at]) && !random_chance(r, stale_permille));
    struct name *fresh = moves ? history_name_new(w) : NULL;
    if (fresh)
        window[at] = fresh;
    return window[at];
}

/* --- asking --- */

/* Each thing that a client does is a session of its own. */
static void name_session(struct client *c)
{
    char info[48];
    snprintf(info, sizeof info, "%s/%u guest %llu", c->machine->name, c->index,
             (unsigned long long)c->handle);
    bool named = scope_make(&c->scope, c->handle, ACTION_END_SESSION, info, strlen(info));
    must(named);
}

static void send_acquire(struct world *w, struct client *c, struct span wait)
{
    struct event e = {.kind = EVENT_ACQUIRE};
    client_enter(w, c, CLIENT_ASKS);
    struct writer process = writer_init(c->process, sizeof c->process);
    write_u64(&process, client_handle(c));
    e.acquire.handle = c->handle;
    e.acquire.name = c->name->view;
    e.acquire.mode = c->mode;
    e.acquire.limit = c->limit;
    e.acquire.policy = c->policy;
    e.acquire.ttl_ms = c->policy == LOCK_STALE_EXPIRE ? c->ttl_ms : 0;
    c->scope = scope_none;
    if (c->policy == LOCK_STALE_ACTION)
        name_session(c);
    e.acquire.scope = c->scope;
    e.acquire.try = c->try;
    e.acquire.head = c->head;
    e.acquire.expect = c->expect;
    e.acquire.data = (struct view){c->data.bytes, c->data.size};
    e.acquire.deadline = INSTANT_NEVER;
    e.acquire.process = (struct view){c->process, sizeof c->process};
    c->op = NULL;
    if (wait.ns < INT64_MAX) {
        e.acquire.deadline = machine_deadline(c->machine, wait);
        c->due = w->now + wait.ns;
    }
    world_trace(w, "%s/%u asks for %s %s%s, %s", c->machine->name, c->index, c->name->text,
                modes_text(c->mode, c->limit), c->try ? " (try)" : "", lock_policy_text(c->policy));
    bool patient = wait.ns == INT64_MAX && !c->fresh && !c->scripted;
    if (patient || (!c->fresh && !c->scripted && random_chance(&c->random, w->p.cancel_permille)))
        client_plan(w, c, random_span(&c->random, w->p.wait.low, span_times(w->p.wait.high, 2)));
    machine_post(w, c->machine, &e);
}

static void demand(struct world *w, struct client *c, struct name *name, enum lock_policy policy)
{
    c->scripted = true;
    c->name = name;
    c->policy = policy;
    c->try = c->head = false;
    c->expect = 0;
    c->data.size = 0;
    send_acquire(w, c, (struct span){INT64_MAX});
}

void client_demand(struct world *w, struct client *c, struct name *name, enum lock_mode mode,
                   enum lock_policy policy)
{
    c->mode = mode;
    c->limit = 0;
    demand(w, c, name, policy);
}

void client_demand_counted(struct world *w, struct client *c, struct name *name, uint16_t limit,
                           enum lock_policy policy)
{
    c->mode = LOCK_COUNTED;
    c->limit = limit;
    demand(w, c, name, policy);
}

static void ask(struct world *w, struct client *c)
{
    struct span wait = random_span(&c->random, w->p.wait.low, w->p.wait.high);
    c->name = c->herded ? c->herded : client_pick_name(w, &c->random);
    c->herded = NULL;
    c->mode = random_chance(&c->random, w->p.shared_permille) ? LOCK_SHARED : LOCK_EXCLUSIVE;
    c->limit = 0;
    if (w->p.modes_permille && random_chance(&c->random, w->p.modes_permille))
        c->mode = modes_draw(&c->random, LIMIT_DRAWN_MAX, &c->limit);
    c->policy = random_chance(&c->random, w->p.fence_permille) ? LOCK_STALE_FENCE : LOCK_STALE_HOLD;
    if (w->p.expire_permille && random_chance(&c->random, w->p.expire_permille)) {
        c->policy = LOCK_STALE_EXPIRE;
        struct span ttl = w->p.ttl.low; /* of most: what is cached serves no other one */
        if (random_chance(&c->random, TTL_DRAWN_PERMILLE))
            ttl = random_span(&c->random, ttl, w->p.ttl.high);
        c->ttl_ms = (uint32_t)(ttl.ns / 1000000);
    }
    if (w->p.action_permille && random_chance(&c->random, w->p.action_permille))
        c->policy = LOCK_STALE_ACTION;
    c->try = random_chance(&c->random, w->p.try_permille);
    if (!c->try && random_chance(&c->random, w->p.forever_permille))
        wait.ns = INT64_MAX;
    changer_wishes(w, c);
    send_acquire(w, c, wait);
}

static void look(struct world *w, struct client *c)
{
    struct span wait = random_span(&c->random, w->p.wait.low, w->p.wait.high);
    c->name = client_pick_name(w, &c->random);
    client_enter(w, c, CLIENT_LOOKS);
    c->floor = c->name->told;
    c->due = w->now + wait.ns;
    struct event e = {.kind = EVENT_SHOW,
                      .show = {.handle = client_handle(c),
                               .name = c->name->view,
                               .deadline = machine_deadline(c->machine, wait)}};
    machine_post(w, c->machine, &e);
}

void client_send_drop(struct world *w, struct machine *m, uint64_t handle, struct op *op,
                      bool unclean)
{
    world_trace(w, "%s gives back %s (operation %llu%s)", m->name, op->name->text,
                (unsigned long long)op->id.counter, unclean ? ", unclean" : "");
    op->drop_called = true;
    if (!op->drop_at)
        op->drop_at = w->now;
    machine_post(w, m,
                 &(struct event){.kind = EVENT_DROP,
                                 .drop = {.handle = handle, .hold = op->id, .unclean = unclean}});
}

void client_give_back(struct world *w, struct client *c, enum client_state state, bool unclean)
{
    struct op *op = c->op;
    rude_before_drop(w, c, op);
    if (!c->machine->agent_up || c->op != op)
        return; /* the agent died of it */
    client_enter(w, c, state);
    client_send_drop(w, c->machine, client_handle(c), op, unclean);
    rude_after_drop(w, c, op);
}

/* The guest ends first, then the agent is told (S1 rests on this order). */
void client_let_go(struct world *w, struct client *c)
{
    must(c->state == CLIENT_HOLDS);
    guest_over(w, c);
    client_give_back(w, c, CLIENT_DROPS, false);
}

static void end_hold(struct world *w, struct client *c)
{
    bool accident = !c->fresh && random_chance(&c->random, w->p.accident_permille);
    bool late = !c->fresh && !w->calm && random_chance(&c->random, w->p.late_drop_permille);
    if (accident || late)
        coverage_hit(w, COVER_CLIENT);
    if (!accident && late) {
        guest_over(w, c);
        client_enter(w, c, CLIENT_LATE);
        client_plan(w, c, random_span(&c->random, late_drop.low, late_drop.high));
    } else if (!accident) {
        client_let_go(w, c);
    } else if (random_chance(&c->random, 500)) {
        guest_parent_dies(w, c);
    } else {
        world_trace(w, "%s/%u guest dies: %s", c->machine->name, c->index, c->name->text);
        guest_over(w, c);
        client_give_back(w, c, CLIENT_DROPS, true);
    }
}

/* Asks for the next name of its share. */
static void sweep_on(struct world *w, struct client *c)
{
    const struct history *h = &w->observer->history;
    while (c->sweep_next < h->name_count && h->names[c->sweep_next]->jammed)
        c->sweep_next += w->machine_count;
    if (c->sweep_next >= h->name_count)
        return;
    c->name = h->names[c->sweep_next];
    c->sweep_next += w->machine_count;
    c->policy = LOCK_STALE_HOLD;
    send_acquire(w, c, (struct span){INT64_MAX});
}

/* The last client: its fresh name until it is granted (an agent may not be ready yet), then its
 * share of all names. */
static void next_in_calm(struct world *w, struct client *c)
{
    if (c->sweeps)
        sweep_on(w, c);
    else if (c->name && !c->fresh_granted)
        send_acquire(w, c, (struct span){INT64_MAX});
}

void client_wake(struct world *w, struct machine *m, size_t index, uint64_t serial)
{
    struct client *c = &m->clients[index];
    if (serial != c->serial)
        return;
    bool no_answer = !m->agent_up || (m->api_stuck > 0 && !c->fresh);
    if (no_answer && c->state != CLIENT_ORPHAN) {
        client_plan(w, c, retry);
        return;
    }
    switch (c->state) {
    case CLIENT_IDLE:
        if (c->fresh)
            next_in_calm(w, c);
        if (w->closing || c->fresh || c->scripted)
            return;
        if (!c->herded && random_chance(&c->random, w->p.show_permille))
            look(w, c);
        else
            ask(w, c);
        return;
    case CLIENT_ASKS:
        if (c->op)
            client_give_back(w, c, CLIENT_CANCELS, false);
        else /* a paused agent has not even taken the call */
            client_plan(w, c, retry);
        return;
    case CLIENT_HOLDS:
        if (!changer_begins(w, c))
            end_hold(w, c);
        return;
    case CLIENT_CHANGES:
    case CLIENT_PASSES:
    case CLIENT_ORPHAN:
        changer_wakes(w, c);
        return;
    case CLIENT_LATE:
        client_give_back(w, c, CLIENT_DROPS, false);
        return;
    case CLIENT_DROPS:
    case CLIENT_CANCELS:
    case CLIENT_LOOKS:
        return;
    }
}

void client_herd(struct world *w, struct random *r)
{
    static const struct span within = SPAN_MS(2);
    struct name *name = client_pick_name(w, r);
    for (size_t i = 0; name && i < w->machine_count; i++)
        for (size_t k = 0; k < w->p.clients; k++) {
            struct client *c = &w->machines[i].clients[k];
            if (c->state != CLIENT_IDLE || c->fresh || c->scripted)
                continue;
            client_enter(w, c, CLIENT_IDLE);
            c->herded = name;
            client_plan(w, c, random_span(r, (struct span){0}, within));
        }
}

void client_hurry(struct world *w, struct client *c)
{
    bool may = c->state == CLIENT_IDLE || c->state == CLIENT_HOLDS;
    if (may && !c->scripted && !c->fresh)
        client_wake(w, c->machine, c->index, c->serial);
}

/* --- answers --- */

static struct op *note_op(struct world *w, struct machine *m, struct name *name, struct op_id id)
{
    struct op *op = history_op_accepted(w, id);
    op->machine = m;
    op->epoch = m->epoch;
    op->name = name;
    op->older = m->ops;
    m->ops = op;
    op->older_here = name->ops;
    name->ops = op;
    return op;
}

static void note_wishes(struct op *op, const struct client *c)
{
    op->head = c->head;
    op->expect = c->expect;
    op->data = c->data;
}

static void accepted(struct world *w, struct client *c, struct op_id id)
{
    struct op *op = note_op(w, c->machine, c->name, id);
    op->mode = c->mode;
    op->limit = c->limit;
    op->policy = c->policy;
    op->ttl_ms = c->ttl_ms;
    op->scope = c->scope;
    note_wishes(op, c);
    c->op = op;
    check_asked(w, op);
}

void client_unheard(struct world *w, struct machine *m)
{
    struct op_view view;
    size_t cursor = 0;
    while (peer_next_op(m->peer, &cursor, &view)) {
        struct op *known = history_op(w, view.id);
        if (view.loaded || (known && known->accepted))
            continue;
        struct op *op = note_op(w, m, history_name(w, view.name), view.id);
        op->mode = view.mode;
        op->limit = view.limit;
        op->policy = view.policy;
        op->ttl_ms = view.ttl_ms;
        op->scope = view.scope;
        if ((view.handle & 0xff) < CLIENTS_MAX)
            note_wishes(op, &m->clients[view.handle & 0xff]);
        check_asked(w, op);
    }
}

/* Granted by its own agent alone: by what its node had cached. */
static struct op *let_in_under(struct world *w, const struct client *c)
{
    struct op_view view;
    if (!peer_op(c->machine->peer, c->op->id, &view) || view.under.life == 0)
        return NULL;
    w->figures.grants_local++;
    return history_op_named(w, c->name, view.under);
}

static void granted(struct world *w, struct client *c, const struct answer *a)
{
    w->figures.grants++;
    c->op->under = let_in_under(w, c);
    check_granted(w, c->op, a->token);
    check_let_in(w, c->op);
    check_grant_tells(w, c->op, a);
    check_believes(w, c->op, a->until);
    world_trace(w, "%s/%u guest begins: %s %s token %llu", c->machine->name, c->index,
                c->name->text, modes_text(c->mode, c->limit), (unsigned long long)a->token);
    c->mark = a->mark;
    c->denied = false;
    guest_begins(w, c);
    check_session_begins(w, c->op);
    c->fresh_granted |= c->fresh;
    client_enter(w, c, CLIENT_HOLDS);
    struct span hold = random_span(&c->random, w->p.hold.low, w->p.hold.high);
    if (c->scripted)
        return;
    client_plan(w, c, w->closing || c->fresh ? api_high : hold);
}

void client_finish(struct world *w, struct op *op)
{
    op->finished = true;
    op->finished_at = w->now;
}

static void answer_asking(struct world *w, struct client *c, const struct answer *a)
{
    if (a->kind == ANSWER_ACCEPTED) {
        accepted(w, c, a->hold);
        return;
    }
    if (a->kind == ANSWER_WAITING)
        return;
    bool known = c->op != NULL;
    if (!known && (a->kind == ANSWER_GRANTED || a->kind == ANSWER_DROPPED))
        world_fail(w, EXIT_BROKEN, "S14", "%s answers %d to a call that it never accepted",
                   c->machine->name, a->kind);
    if (a->kind == ANSWER_GRANTED) {
        granted(w, c, a);
        return;
    }
    if ((a->kind == ANSWER_MOVED || a->kind == ANSWER_FORGOTTEN) && known)
        check_moved(w, c->op, a->token, a->kind == ANSWER_FORGOTTEN);
    if (a->kind == ANSWER_BUSY && known)
        check_busy(w, c->op);
    world_trace(w, "%s/%u is refused %s: %d", c->machine->name, c->index, c->name->text, a->kind);
    if (known)
        client_finish(w, c->op);
    c->not_ready = a->kind == ANSWER_NOT_READY || a->kind == ANSWER_LIFE_ENDED;
    client_rest(w, c);
}

void client_ready(struct world *w, struct machine *m)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        if (c->not_ready && c->state == CLIENT_IDLE)
            client_plan(w, c, api_high);
        c->not_ready = false;
    }
}

static void dropped(struct world *w, struct op *op)
{
    w->figures.drops++;
    check_leaves(w, op);
    op->dropped_told = true;
    client_finish(w, op);
}

/* The drop's own answer: the acquire that was cancelled has one too, under the older handle. */
static void answer_dropping(struct world *w, struct client *c, const struct answer *a)
{
    bool passed = changes_hand_over(changes_root(c->op)->changes);
    if (a->kind == ANSWER_UNKNOWN && c->state == CLIENT_DROPS && !passed)
        world_fail(w, EXIT_BROKEN, "S15", "%s does not know the hold of %s that it granted",
                   c->machine->name, c->name->text);
    if (a->kind != ANSWER_DROPPED && a->kind != ANSWER_UNKNOWN)
        return;
    dropped(w, c->op);
    client_rest(w, c);
}

static void answer_looking(struct world *w, struct client *c, const struct answer *a)
{
    if (a->kind == ANSWER_WAITING)
        return;
    if (a->kind == ANSWER_SHOWN) {
        w->figures.shows++;
        check_shown(w, c->name, a->state, c->floor, c->since);
    }
    client_rest(w, c);
}

static void answer_driver(struct world *w, const struct answer *a)
{
    struct op *op = history_op(w, a->hold);
    if (op && (a->kind == ANSWER_DROPPED || a->kind == ANSWER_UNKNOWN))
        dropped(w, op);
}

void client_answer(struct world *w, struct machine *m, const struct answer *a)
{
    size_t index = a->handle & 0xff;
    if (a->kind == ANSWER_LOST)
        guest_lost(w, m, a);
    if (a->kind == ANSWER_PASSED)
        changer_passed(w, m, a->hold);
    if (a->kind == ANSWER_NOT_HELD)
        guest_never_held(w, m, a->hold);
    if (a->handle == 0) /* of a hold, to no call */
        return;
    if (index == HANDLE_DRIVER)
        answer_driver(w, a);
    if (index == HANDLE_RUDE)
        rude_answer(w, m, a);
    if (index == HANDLE_OPERATOR)
        operator_answer(w, m, a);
    if (index == HANDLE_FORGER)
        forger_answer(w, m, a);
    if (index >= CLIENTS_MAX || m->clients[index].handle != a->handle)
        return;
    struct client *c = &m->clients[index];
    switch (c->state) {
    case CLIENT_ASKS:
        answer_asking(w, c, a);
        break;
    case CLIENT_DROPS:
    case CLIENT_CANCELS:
        answer_dropping(w, c, a);
        break;
    case CLIENT_LOOKS:
        answer_looking(w, c, a);
        break;
    case CLIENT_CHANGES:
        changer_answer(w, c, a);
        break;
    case CLIENT_IDLE:
    case CLIENT_HOLDS:
    case CLIENT_LATE:
    case CLIENT_PASSES:
    case CLIENT_ORPHAN:
        break;
    }
}

/* --- when something dies --- */

void client_agent_gone(struct world *w, struct machine *m)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        bool acts = c->state == CLIENT_HOLDS || c->state == CLIENT_CHANGES;
        if (changer_agent_gone(w, c))
            continue;
        if (acts && c->guest_runs)
            guest_orphaned(w, c);
        else if (c->state != CLIENT_ORPHAN && c->state != CLIENT_IDLE)
            client_rest(w, c);
    }
}

void client_power_gone(struct world *w, struct machine *m)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        if (c->state == CLIENT_CHANGES)
            coverage_change(w, c->change->kind, COVER_CRASHED);
        if (c->guest_runs)
            guest_over(w, c);
        if (i < m->workers)
            client_rest(w, c);
        else
            client_enter(w, c, CLIENT_IDLE);
        c->op = NULL;
    }
}

/* --- the calm --- */

void client_ask_fresh(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        struct client *c = &w->machines[i].clients[CLIENT_FRESH];
        c->name = history_name_new(w);
        must(c->name);
        c->mode = LOCK_EXCLUSIVE;
        c->limit = 0;
        c->policy = LOCK_STALE_FENCE;
        c->try = false;
        client_rest(w, c);
    }
}

void client_sweep(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++) {
        struct client *c = &w->machines[i].clients[CLIENT_FRESH];
        c->sweeps = true;
        c->sweep_next = i;
        client_rest(w, c);
    }
}

void client_close_all(struct world *w)
{
    for (size_t i = 0; i < w->machine_count; i++)
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            struct client *c = &w->machines[i].clients[k];
            if (c->fresh && !c->fresh_granted)
                world_fail(w, EXIT_STUCK, "live", "%s is not granted the fresh %s in the calm",
                           c->machine->name, c->name->text);
            bool gives_up = c->state == CLIENT_ASKS && c->due == INT64_MAX;
            if (gives_up || (c->scripted && c->state == CLIENT_HOLDS))
                client_plan(w, c, api_high);
        }
}

/* Who is in the way, for a person. */
static const char *in_the_way(const struct name *name)
{
    static char text[120];
    const struct value *v = name ? name->chosen : NULL;
    const struct op *op = v && v->hold_count ? v->holds[0].op : NULL;
    if (!op)
        return "nobody holds it";
    snprintf(text, sizeof text, "held for operation %u/%llu/%llu of %s (%s%s)", op->id.slot,
             (unsigned long long)op->id.life, (unsigned long long)op->id.counter, op->machine->name,
             op->dropped_told   ? "given back"
             : op->granted_told ? "told"
                                : "never told",
             op->epoch != op->machine->epoch ? ", in an earlier life" : "");
    return text;
}

void client_check_done(struct world *w)
{
    static const char *const states[] = {
        "idle",   "an acquire",     "holding",  "a release",   "a cancel",
        "a show", "a late release", "a change", "a hand-over", "its own guest"};
    for (size_t i = 0; i < w->machine_count; i++)
        for (size_t k = 0; k < CLIENTS_MAX; k++) {
            const struct client *c = &w->machines[i].clients[k];
            if (c->state != CLIENT_IDLE && !(c->name && c->name->jammed))
                world_fail(w, EXIT_STUCK, "live",
                           "%s/%u has no answer to %s of %s since %lld ms (operation %llu); %s",
                           c->machine->name, c->index, states[c->state], c->name->text,
                           (long long)((w->now - c->since) / 1000000),
                           c->op ? (unsigned long long)c->op->id.counter : 0, in_the_way(c->name));
        }
}
