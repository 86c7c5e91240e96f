/* What clients change about what they hold: see changer.h. */
#include "sim/changer.h"

#include "proto/must.h"
#include "sim/changes.h"
#include "sim/check.h"
#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/rude.h"
#include "sim/world.h"

enum {
    TRY_PERMILLE = 250,
    DEADLINE_PERMILLE = 500,
    PATIENCE_PERMILLE = 600, /* of those without a deadline: they never give up */
    BOGUS_PERMILLE = 100,    /* what must be refused: a mark, a waiter, a write of a reader */
    HEAD_PERMILLE = 200,
    EXPECT_PERMILLE = 200,
    DATA_PERMILLE = 500,
    LIMIT_DRAWN_MAX = 4
};

static const struct span again = SPAN_MS(300), dies_high = SPAN_MS(20);
static const struct range short_wait = {SPAN_MS(5), SPAN_MS(300)};
static const struct range late_drop = {SPAN_MS(10), SPAN_MS(9000)};

/* --- wishes --- */

static void draw_data(struct random *r, struct lock_data *data)
{
    data->size = (uint8_t)random_between(r, 1, LOCK_DATA_MAX);
    random_bytes(r, data->bytes, data->size);
}

void changer_wishes(struct world *w, struct client *c)
{
    struct random *r = &c->wishes;
    uint64_t told = c->name->token_told;
    c->head = false;
    c->expect = 0;
    c->data.size = 0;
    if (!w->p.wish_permille || !random_chance(r, w->p.wish_permille))
        return;
    c->head = random_chance(r, HEAD_PERMILLE);
    if (told && random_chance(r, EXPECT_PERMILLE))
        c->expect = random_chance(r, 700) ? told : 1 + random_below(r, told);
    if (random_chance(r, DATA_PERMILLE))
        draw_data(r, &c->data);
}

/* --- what to change --- */

static bool draw_write(struct client *c)
{
    return modes_write(c->mode) || random_chance(&c->wishes, BOGUS_PERMILLE);
}

static enum lock_mode draw_mode(const struct world *w, struct random *r, uint16_t *limit)
{
    *limit = 0;
    if (w->p.modes_permille && random_chance(r, w->p.modes_permille))
        return modes_draw(r, LIMIT_DRAWN_MAX, limit);
    return random_chance(r, 500) ? LOCK_SHARED : LOCK_EXCLUSIVE;
}

/* Somebody who waits for it, best on another machine. NULL: nobody does. */
static struct op *draw_heir(struct client *c)
{
    struct random *r = &c->wishes;
    const struct value *v = c->name->chosen;
    struct op *found = NULL;
    if (random_chance(r, BOGUS_PERMILLE))
        return c->name->ops;
    for (size_t i = 0; v && i < v->waiter_count; i++) {
        bool other = v->waiters[i]->machine != c->machine;
        if (v->waiters[i]->accepted && (!found || (other && random_chance(r, 600))))
            found = v->waiters[i];
    }
    return found;
}

static bool draw_convert(struct world *w, struct client *c, struct event *e)
{
    struct random *r = &c->wishes;
    e->change.mode = draw_mode(w, r, &e->change.limit);
    e->change.try = random_chance(r, TRY_PERMILLE);
    return true;
}

static bool draw_clear(struct client *c, struct event *e)
{
    bool bogus = random_chance(&c->wishes, BOGUS_PERMILLE);
    if (!c->mark.set)
        return false;
    e->change.mark = (struct op_id){.slot = c->mark.slot, .life = c->mark.life};
    e->change.mark_token = c->mark.token + bogus;
    return true;
}

/* False: there is nothing of the kind to change. */
static bool draw(struct world *w, struct client *c, struct event *e, struct op **heir)
{
    struct random *r = &c->wishes;
    uint64_t drawn = random_below(r, 10);
    e->change.kind = drawn < 4   ? CHANGE_CONVERT
                     : drawn < 6 ? CHANGE_WRITE
                     : drawn < 8 ? CHANGE_TRANSFER
                                 : CHANGE_CLEAR;
    if (e->change.kind == CHANGE_CONVERT)
        return draw_convert(w, c, e);
    if (e->change.kind == CHANGE_CLEAR)
        return draw_clear(c, e);
    if (e->change.kind == CHANGE_WRITE)
        return draw_write(c);
    *heir = draw_heir(c);
    return *heir != NULL;
}

/* --- the call --- */

static void draw_deadline(struct world *w, struct client *c, struct event *e)
{
    struct random *r = &c->wishes;
    bool soon = random_chance(r, 500);
    struct range wait = soon ? short_wait : w->p.wait;
    struct span within = random_span(r, wait.low, wait.high);
    e->change.deadline = INSTANT_NEVER;
    if (c->scripted)
        return;
    if (random_chance(r, DEADLINE_PERMILLE)) {
        e->change.deadline = machine_deadline(c->machine, within);
        c->due = w->now + within.ns;
    } else if (c->name->jammed || !random_chance(r, PATIENCE_PERMILLE)) {
        client_plan(w, c, random_span(r, w->p.wait.low, span_times(w->p.wait.high, 2)));
    }
}

/* What the observer notes of it, and what the guest does from now on. */
static void note(struct world *w, struct client *c, struct event *e, struct op *heir)
{
    struct change *change = changes_call(w, c->op, e->change.kind);
    c->change = change;
    if (change->kind == CHANGE_CONVERT) {
        uint16_t limit = e->change.limit > c->guest_limit ? e->change.limit : c->guest_limit;
        enum lock_mode both = modes_both(c->guest_mode, e->change.mode);
        change->mode = e->change.mode;
        change->limit = e->change.limit;
        change->nothing = e->change.mode == c->mode && e->change.limit == c->limit;
        guest_restricts(w, c, both, both == LOCK_COUNTED ? limit : 0);
    } else if (change->kind == CHANGE_WRITE) {
        e->change.value.size = changes_value(change->serial, c->value);
        e->change.value.bytes = c->value;
    } else if (change->kind == CHANGE_CLEAR) {
        change->mark = e->change.mark;
        change->mark_token = e->change.mark_token;
    } else {
        must(heir);
        change->to = heir;
        e->change.to = heir->id;
        guest_over(w, c);
    }
}

static void trace(struct world *w, const struct client *c)
{
    const struct change *change = c->change;
    char more[60] = "";
    if (change->kind == CHANGE_CONVERT)
        snprintf(more, sizeof more, " to %s", modes_text(change->mode, change->limit));
    else if (change->kind == CHANGE_WRITE)
        snprintf(more, sizeof more, " %llu", (unsigned long long)change->serial);
    else if (change->kind == CHANGE_TRANSFER)
        snprintf(more, sizeof more, " to operation %llu of %s",
                 (unsigned long long)change->to->id.counter, change->to->machine->name);
    world_trace(w, "%s/%u calls for %s%s of %s (operation %llu)", c->machine->name, c->index,
                check_change_text(change->kind), more, c->name->text,
                (unsigned long long)c->op->id.counter);
}

static void call(struct world *w, struct client *c, struct event *e, struct op *heir)
{
    struct machine *m = c->machine;
    client_enter(w, c, CLIENT_CHANGES);
    note(w, c, e, heir);
    draw_deadline(w, c, e);
    e->change.handle = client_handle(c);
    e->change.hold = c->op->id;
    trace(w, c);
    machine_post(w, m, e);
    rude_change(w, c, e);
    if (m->agent_up && c->state == CLIENT_CHANGES &&
        random_chance(&c->wishes, w->p.change_crash_permille))
        world_plan(w, random_span(&c->wishes, (struct span){0}, dies_high),
                   (struct item){.kind = HAPPEN_AGENT_DIES, .machine = m->index, .tag = m->run});
}

bool changer_begins(struct world *w, struct client *c)
{
    struct event e = {.kind = EVENT_CHANGE};
    struct op *heir = NULL;
    bool may = w->p.change_permille && !w->closing && !c->fresh && !c->scripted;
    if (c->denied)
        world_fail(w, EXIT_BROKEN, "S15", "%s does not know the hold of %s that it granted",
                   c->machine->name, c->name->text);
    if (!may || !random_chance(&c->wishes, w->p.change_permille) || !draw(w, c, &e, &heir))
        return false;
    call(w, c, &e, heir);
    return true;
}

void changer_convert(struct world *w, struct client *c, enum lock_mode mode, uint16_t limit)
{
    struct event e = {.kind = EVENT_CHANGE,
                      .change = {.kind = CHANGE_CONVERT, .mode = mode, .limit = limit}};
    call(w, c, &e, NULL);
}

void changer_write(struct world *w, struct client *c)
{
    call(w, c, &(struct event){.kind = EVENT_CHANGE, .change = {.kind = CHANGE_WRITE}}, NULL);
}

void changer_hand_over(struct world *w, struct client *c, struct op *to)
{
    call(w, c, &(struct event){.kind = EVENT_CHANGE, .change = {.kind = CHANGE_TRANSFER}}, to);
}

/* --- what becomes of it --- */

enum outcome { MADE, REFUSED, NOT_KNOWN, NO_HOLD };

/* A conversion or a hand-over whose time was over was cancelled; a write may have been made. */
static enum outcome outcome_of(enum change_kind change, enum answer_kind kind)
{
    bool moves = change == CHANGE_CONVERT || change == CHANGE_TRANSFER;
    static const enum answer_kind refusals[] = {
        ANSWER_BUSY,      ANSWER_DEADLOCK, ANSWER_NOT_WRITER, ANSWER_OTHER_MARK,
        ANSWER_NO_WAITER, ANSWER_FULL,     ANSWER_NOT_READY,  ANSWER_CHANGING};
    for (size_t i = 0; i < sizeof refusals / sizeof refusals[0]; i++)
        if (refusals[i] == kind || (moves && kind == ANSWER_TIMED_OUT))
            return REFUSED;
    bool unknown =
        kind == ANSWER_TIMED_OUT || kind == ANSWER_NO_MAJORITY || kind == ANSWER_LOG_FAILED;
    must(unknown || kind == ANSWER_CHANGED || kind == ANSWER_UNKNOWN);
    if (unknown)
        return NOT_KNOWN;
    return kind == ANSWER_CHANGED ? MADE : NO_HOLD;
}

static void hold_on(struct world *w, struct client *c)
{
    client_enter(w, c, CLIENT_HOLDS);
    if (c->scripted)
        return;
    client_plan(w, c, c->denied ? again : random_span(&c->wishes, w->p.hold.low, w->p.hold.high));
}

static void passed(struct world *w, struct client *c)
{
    client_finish(w, c->op);
    client_rest(w, c);
}

static void converted(struct world *w, struct client *c, enum outcome how)
{
    if (how == MADE) {
        c->mode = c->change->mode;
        c->limit = c->change->limit;
    } else if (how != REFUSED) { /* it has what both modes allow, and keeps to that */
        c->mode = c->guest_mode;
        c->limit = c->guest_limit;
    }
    guest_changes(w, c);
    hold_on(w, c);
}

static void handed_over(struct world *w, struct client *c, enum outcome how)
{
    if (how == MADE) {
        passed(w, c);
    } else if (how == REFUSED) {
        guest_goes_on(w, c);
        hold_on(w, c);
    } else {
        client_enter(w, c, CLIENT_LATE);
        client_plan(w, c, random_span(&c->wishes, late_drop.low, late_drop.high));
    }
}

static void cover(struct world *w, enum change_kind change, enum answer_kind kind, enum outcome how)
{
    if (how == MADE)
        coverage_change(w, change, COVER_MADE);
    else if (how == REFUSED && kind != ANSWER_TIMED_OUT)
        coverage_change(w, change, COVER_REFUSED);
    else if (how != NO_HOLD)
        coverage_change(w, change, COVER_TIMED_OUT);
}

void changer_answer(struct world *w, struct client *c, const struct answer *a)
{
    if (a->kind == ANSWER_WAITING) {
        check_awaits(w, c->op);
        return;
    }
    struct change *change = c->change;
    enum outcome how = outcome_of(change->kind, a->kind);
    world_trace(w, "%s/%u hears of %s of %s: %d", c->machine->name, c->index,
                check_change_text(change->kind), c->name->text, a->kind);
    if (how == MADE) {
        check_changed(w, change, a);
    } else if (how == REFUSED) {
        check_change_refused(w, change, a->kind, c->mode);
    } else {
        change->end = CHANGE_UNKNOWN;
        change->answered_at = w->now;
    }
    cover(w, change->kind, a->kind, how);
    w->figures.changes += how == MADE;
    c->denied |= how == NO_HOLD;
    if (change->kind == CHANGE_CONVERT)
        converted(w, c, how);
    else if (change->kind == CHANGE_TRANSFER)
        handed_over(w, c, how);
    else
        hold_on(w, c);
}

/* --- what goes wrong --- */

void changer_passed(struct world *w, struct machine *m, struct op_id hold)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        if (c->guest_runs && op_equal(c->guest_op->id, hold))
            world_fail(w, EXIT_BROKEN, "S15",
                       "%s: %s hears that its hold passed, and acts under it",
                       c->guest_op->name->text, m->name);
        bool waits = c->state == CLIENT_PASSES || c->state == CLIENT_LATE;
        if (waits && c->op && op_equal(c->op->id, hold))
            passed(w, c);
    }
}

void changer_lost(struct world *w, struct machine *m, struct op_id hold)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++) {
        struct client *c = &m->clients[i];
        /* Its guest has ended for a hand-over, whose answer may come later than this. */
        bool passes = c->state == CLIENT_PASSES || (c->state == CLIENT_CHANGES && !c->guest_runs);
        if (!passes || !op_equal(c->op->id, hold))
            continue;
        client_send_drop(w, m, HANDLE_DRIVER, c->op, true);
        client_rest(w, c);
    }
}

bool changer_agent_gone(struct world *w, struct client *c)
{
    if (c->state == CLIENT_PASSES)
        return true;
    if (c->state != CLIENT_CHANGES)
        return false;
    coverage_change(w, c->change->kind, COVER_CRASHED);
    c->resumes = c->guest_runs && c->change->kind == CHANGE_CONVERT;
    if (c->guest_runs)
        return false;
    client_enter(w, c, CLIENT_PASSES);
    client_plan(w, c, again);
    return true;
}

bool changer_resumes(const struct machine *m, const struct op *op)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (m->clients[i].state == CLIENT_PASSES && m->clients[i].op == op)
            return true;
    return false;
}

/* An agent is there: whose is the hold? If it is still this client's, the guest acts again. */
static void look(struct world *w, struct client *c)
{
    struct op_view view;
    bool found = peer_op(c->machine->peer, c->op->id, &view);
    if (c->machine->paused || (found && view.passing)) {
        client_plan(w, c, again);
    } else if (!found || view.state != OP_HELD) {
        passed(w, c);
    } else {
        world_trace(w, "%s/%u has not handed over %s: its guest goes on", c->machine->name,
                    c->index, c->name->text);
        guest_resumes(w, c);
    }
}

/* The same after a conversion: once the next agent says in which mode it is held, that counts. */
static void look_at_mode(struct world *w, struct client *c)
{
    struct op_view view;
    const struct machine *m = c->machine;
    if (!c->guest_runs || !c->resumes)
        return;
    if (!m->agent_up || m->paused) {
        client_plan(w, c, again);
        return;
    }
    bool found = peer_op(m->peer, c->guest_op->id, &view) && view.state == OP_HELD;
    c->resumes = found && view.converting;
    if (c->resumes)
        client_plan(w, c, again);
    if (!found || view.converting)
        return;
    c->mode = view.mode;
    c->limit = view.limit;
    guest_changes(w, c);
}

void changer_wakes(struct world *w, struct client *c)
{
    if (c->state == CLIENT_ORPHAN) {
        look_at_mode(w, c);
        return;
    }
    if (c->state == CLIENT_PASSES) {
        look(w, c);
        return;
    }
    if (c->guest_runs)
        guest_over(w, c);
    client_give_back(w, c, CLIENT_DROPS, false);
}
