/* Linearizability of each name's calls: see linear.h. */
#include "sim/linear.h"

#include "proto/must.h"
#include "sim/changes.h"
#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/sessions.h"
#include "sim/world.h"

#include <stdlib.h>

enum { CALLS_MAX = 8192, MEMORY_SLOTS = 1 << 15, STEPS_MAX = 200000, HOLDERS_MAX = 64 };

enum call_kind { CALL_GRANT, CALL_DROP, CALL_CONVERT, CALL_BUSY, CALL_STAYS, CALL_SHOW };

/* Somebody who holds, in its present mode. */
struct holder {
    struct op *op;
    enum lock_mode mode;
    uint16_t limit;
    uint64_t change; /* counter of the conversion that made it so; 0: its grant did */
    uint64_t token;  /* as it was shown */
};

/* What a client was told besides grants and drops. */
struct look {
    enum call_kind kind;
    int64_t from, to;
    struct op *op;  /* BUSY */
    uint64_t token; /* SHOW */
    size_t count;
    struct holder *holds;
    struct look *older;
};

struct call {
    enum call_kind kind;
    int64_t from;
    int64_t to; /* INT64_MAX: no answer came: it may have happened or not */
    struct op *op;
    const struct look *look;
    const struct change *change; /* CONVERT, STAYS */
    uint64_t salt;               /* the hash of a set of calls is the sum of theirs */
    bool done;
};

struct search {
    struct call calls[CALLS_MAX];
    size_t count;
    size_t first;  /* all before are done */
    size_t needed; /* calls with an answer that are not done */
    uint64_t hash; /* of the set that is done */
    struct holder holders[HOLDERS_MAX];
    size_t holder_count;
    uint64_t token; /* of the last grant, or conversion to a mode that writes */
    uint32_t path[CALLS_MAX];
    uint64_t tokens[CALLS_MAX];      /* before each step of the path, */
    struct holder before[CALLS_MAX]; /*   and whom it concerned */
    size_t length;
    uint64_t memory[MEMORY_SLOTS]; /* of sets that lead nowhere, or are on the way */
    uint32_t marks[MEMORY_SLOTS];  /* whose search it is; others count as empty */
    uint32_t mark;
    size_t remembered;
};

/* --- what is told --- */

static struct look *new_look(struct world *w, struct name *name, enum call_kind kind, int64_t from)
{
    struct look *look = pool_take(&w->pool, sizeof *look);
    *look = (struct look){.kind = kind, .from = from, .to = w->now, .older = name->looks};
    return name->looks = look;
}

void linear_busy(struct world *w, struct op *op)
{
    new_look(w, op->name, CALL_BUSY, op->asked_at)->op = op;
}

void linear_shown(struct world *w, struct name *name, const struct lock_state *state, int64_t since)
{
    struct look *look = new_look(w, name, CALL_SHOW, since);
    look->token = state->token;
    look->count = state->hold_count;
    look->holds = pool_take(&w->pool, (state->hold_count + 1) * sizeof *look->holds);
    for (size_t i = 0; i < state->hold_count; i++)
        look->holds[i] = (struct holder){.op = history_op_named(w, name, state->holds[i].id),
                                         .mode = state->holds[i].mode,
                                         .limit = state->holds[i].limit,
                                         .token = state->holds[i].token};
}

/* --- the calls of one name --- */

static void add(struct search *s, struct call call)
{
    must(s->count < CALLS_MAX);
    call.salt = (s->count + 1) * UINT64_C(0x9e3779b97f4a7c15);
    call.salt = (call.salt ^ call.salt >> 29) * UINT64_C(0xbf58476d1ce4e5b9);
    s->needed += call.to < INT64_MAX;
    s->calls[s->count++] = call;
}

static int64_t earlier(int64_t a, int64_t b)
{
    return a && (!b || a < b) ? a : b;
}

/* Its hold ended when it was given back or handed over, or by a proof about its life, or with its
 * lease: whichever came first. That a release is acknowledged says that its node keeps it, durably;
 * others see it when the register has it, or has no more what it was let in under. */
static void add_drop(struct world *w, struct search *s, struct op *op)
{
    int64_t over = earlier(w->observer->lives.of[op->machine->index][op->id.life].over_at,
                           sessions_over_at(w, op));
    const struct op *root = changes_root(op);
    const struct change *passed = changes_hand_over(root->changes);
    if (passed && passed->by != op)
        passed = NULL;
    struct call call = {.kind = CALL_DROP, .to = INT64_MAX, .op = op};
    call.from = earlier(earlier(op->drop_at, over), passed ? passed->called_at : 0);
    if (op->policy == LOCK_STALE_EXPIRE)
        call.from = earlier(op->until_at, call.from);
    if (passed && passed->end == CHANGE_MADE)
        call.to = passed->answered_at;
    else if (op->dropped_told && root->gone_at)
        call.to = op->finished_at > root->gone_at ? op->finished_at : root->gone_at;
    if (call.from)
        add(s, call);
}

/* A conversion of which its client was told nothing may have been made or not; so may one whose
 * time was over. */
static void add_converts(struct search *s, const struct op *op)
{
    for (const struct change *c = op->changes; c; c = c->older) {
        struct call call = {
            .kind = CALL_CONVERT, .from = c->called_at, .to = INT64_MAX, .op = c->by, .change = c};
        bool refused = c->end == CHANGE_REFUSED;
        bool in_way = c->answer == ANSWER_BUSY || c->answer == ANSWER_DEADLOCK;
        if (c->kind != CHANGE_CONVERT || !c->counter || (refused && !in_way))
            continue;
        if (refused)
            call.kind = CALL_STAYS;
        if (refused || c->end == CHANGE_MADE)
            call.to = c->answered_at;
        add(s, call);
    }
}

static int by_beginning(const void *a, const void *b)
{
    const struct call *x = a, *y = b;
    if (x->from != y->from)
        return x->from < y->from ? -1 : 1;
    return x->salt < y->salt ? -1 : x->salt > y->salt;
}

static bool gather(struct world *w, struct search *s, const struct name *name)
{
    size_t count = 0;
    for (const struct op *op = name->ops; op; op = op->older_here) {
        count += 2;
        for (const struct change *c = op->changes; c; c = c->older)
            count++;
    }
    for (const struct look *l = name->looks; l; l = l->older)
        count++;
    s->count = s->first = s->needed = s->holder_count = s->length = s->remembered = 0;
    s->hash = s->token = 0;
    s->mark++;
    if (count > CALLS_MAX)
        return false;
    for (struct op *op = name->ops; op; op = op->older_here) {
        if (!op->granted_told)
            continue;
        add(s, (struct call){
                   .kind = CALL_GRANT, .from = op->asked_at, .to = op->granted_at, .op = op});
        add_drop(w, s, op);
        add_converts(s, op);
    }
    for (const struct look *l = name->looks; l; l = l->older)
        add(s,
            (struct call){.kind = l->kind, .from = l->from, .to = l->to, .op = l->op, .look = l});
    qsort(s->calls, s->count, sizeof s->calls[0], by_beginning);
    return true;
}

/* --- the lock that nobody shares out --- */

static const struct holder *holder(const struct search *s, const struct op *op)
{
    for (size_t i = 0; i < s->holder_count; i++)
        if (s->holders[i].op == op)
            return &s->holders[i];
    return NULL;
}

/* With somebody else than `op`. */
static bool conflicts(const struct search *s, const struct op *op, enum lock_mode mode,
                      uint16_t limit)
{
    struct modes held = modes_none();
    for (size_t i = 0; i < s->holder_count; i++)
        if (s->holders[i].op != op)
            modes_add(&held, s->holders[i].mode, s->holders[i].limit);
    return !modes_fit(&held, mode, limit);
}

/* Whether a conversion of that hold was under way at some time of the call: whoever waits for one
 * comes before those who ask for the lock. */
static bool converting(const struct op *op, const struct call *call)
{
    for (const struct change *c = op->changes; c; c = c->older) {
        bool answered = c->answered_at && c->answered_at < call->from && c->end != CHANGE_UNKNOWN;
        if (c->kind == CHANGE_CONVERT && c->called_at <= call->to && !answered)
            return true;
    }
    return false;
}

/* A request that was under way at the same time may have been in the queue. So may one whose client
 * was told that its time was over, or nothing at all: it is pending until it is known to be
 * dropped. */
static bool crossed(const struct call *c)
{
    for (const struct op *o = c->op->name->ops; o; o = o->older_here) {
        if (o == c->op || o->asked_at > c->to)
            continue;
        bool under_way = !o->finished || o->finished_at >= c->from;
        bool gone = o->gone_at && o->gone_at < c->from;
        bool unknown = o->seen_chosen && !o->granted_told && !gone;
        if (under_way || unknown || converting(o, c))
            return true;
    }
    return false;
}

/* Whether its client was told of a hold with this token, or may have been given one by a conversion
 * of which it was not told: else it is a ghost, granted by a late duplicate (L9). */
static bool own(const struct op *op, uint64_t token)
{
    for (const struct change *c = op->changes; c; c = c->older)
        if (c->kind == CHANGE_CONVERT && changes_may_be(c) &&
            (c->end != CHANGE_MADE || c->token == token) && token > op->token_granted)
            return op->granted_told;
    return op->granted_told && op->token_granted == token;
}

/* Whether it is shown, in its mode; or what it was let in under. */
static bool is_shown(const struct look *look, const struct holder *h)
{
    for (size_t i = 0; i < look->count; i++) {
        const struct holder *seen = &look->holds[i];
        if (h->op->under ? seen->op == h->op->under
                         : seen->op == h->op && own(h->op, seen->token) && seen->mode == h->mode &&
                               seen->limit == h->limit)
            return true;
    }
    return false;
}

/* All who hold are shown, and whoever is shown holds, or is a ghost, or gave it
 * back: a late duplicate may be granted again (L9). */
static bool shows(const struct search *s, const struct call *c)
{
    if (c->look->token < s->token)
        return false;
    for (size_t i = 0; i < c->look->count; i++) {
        const struct op *op = c->look->holds[i].op;
        bool told = own(op, c->look->holds[i].token);
        const struct holder *there = told ? holder(s, op) : NULL;
        if (!there && told && !(op->drop_at && op->drop_at <= c->to))
            return false;
    }
    for (size_t i = 0; i < s->holder_count; i++)
        if (!is_shown(c->look, &s->holders[i]))
            return false;
    return true;
}

/* One that comes after a later one does nothing (L9). */
static bool may_convert(const struct search *s, const struct call *c)
{
    const struct change *change = c->change;
    const struct holder *h = holder(s, c->op);
    if (!h || h->change > change->counter)
        return h != NULL;
    bool token = change->end != CHANGE_MADE || !modes_write(change->mode) ||
                 change->token > s->token || change->nothing;
    return token && !conflicts(s, c->op, change->mode, change->limit);
}

static bool legal(const struct search *s, const struct call *c)
{
    switch (c->kind) {
    case CALL_GRANT:
        return !conflicts(s, c->op, c->op->mode, c->op->limit) &&
               (c->op->under || c->op->token_granted > s->token) && s->holder_count < HOLDERS_MAX;
    case CALL_DROP:
        return holder(s, c->op);
    case CALL_CONVERT:
        return may_convert(s, c);
    case CALL_BUSY:
        return conflicts(s, c->op, c->op->mode, c->op->limit) || crossed(c);
    case CALL_STAYS:
        return conflicts(s, c->op, c->change->mode, c->change->limit) || crossed(c);
    case CALL_SHOW:
        return shows(s, c);
    }
    return false;
}

/* --- the search --- */

/* Puts it in, or in the place of what it was; `op` NULL: `out` goes. What was there before it; its
 * `op` is NULL if nothing was. */
static struct holder set_holder(struct search *s, const struct op *out, struct holder in)
{
    struct holder before = {0};
    size_t i = 0;
    while (i < s->holder_count && s->holders[i].op != out)
        i++;
    if (i < s->holder_count)
        before = s->holders[i];
    else
        s->holder_count++;
    s->holders[i] = in.op ? in : s->holders[--s->holder_count];
    return before;
}

static bool moves(const struct call *c)
{
    return c->kind == CALL_GRANT || c->kind == CALL_DROP || c->kind == CALL_CONVERT;
}

/* What becomes of the hold. */
static struct holder moved(const struct search *s, const struct call *c)
{
    struct holder h = {.op = c->op, .mode = c->op->mode, .limit = c->op->limit};
    if (c->kind == CALL_DROP)
        return (struct holder){0};
    if (c->kind == CALL_GRANT)
        return h;
    const struct holder *now = holder(s, c->op);
    if (now->change > c->change->counter)
        return *now;
    return (struct holder){.op = c->op,
                           .mode = c->change->mode,
                           .limit = c->change->limit,
                           .change = c->change->counter};
}

static void go(struct search *s, uint32_t index)
{
    struct call *c = &s->calls[index];
    s->tokens[s->length] = s->token;
    s->path[s->length++] = index;
    c->done = true;
    s->needed -= c->to < INT64_MAX;
    s->hash += c->salt;
    if (c->kind == CALL_GRANT && !c->op->under) /* else S7 sees to it */
        s->token = c->op->token_granted;
    if (c->kind == CALL_CONVERT && c->change->token > s->token)
        s->token = c->change->token;
    if (moves(c))
        s->before[s->length - 1] = set_holder(s, c->op, moved(s, c));
    while (s->first < s->count && s->calls[s->first].done)
        s->first++;
}

static uint32_t go_back(struct search *s)
{
    uint32_t index = s->path[--s->length];
    struct call *c = &s->calls[index];
    c->done = false;
    s->needed += c->to < INT64_MAX;
    s->hash -= c->salt;
    s->token = s->tokens[s->length];
    if (moves(c))
        set_holder(s, c->op, s->before[s->length]);
    if (index < s->first)
        s->first = index;
    return index;
}

/* Whether this set is new; it is remembered. */
static bool remember(struct search *s, uint64_t hash)
{
    size_t at = (size_t)(hash >> 40) % MEMORY_SLOTS;
    for (; s->marks[at] == s->mark; at = (at + 1) % MEMORY_SLOTS)
        if (s->memory[at] == hash)
            return false;
    if (s->remembered++ < MEMORY_SLOTS / 2) {
        s->marks[at] = s->mark;
        s->memory[at] = hash;
    }
    return true;
}

/* No call may come after one that was answered before it was asked. */
static int64_t horizon(const struct search *s)
{
    int64_t earliest = INT64_MAX;
    for (size_t i = s->first; i < s->count && s->calls[i].from <= earliest; i++)
        if (!s->calls[i].done && s->calls[i].to < earliest)
            earliest = s->calls[i].to;
    return earliest;
}

/* The next call from `index` on that can come now, and leads to a set that is new; or the count. */
static uint32_t next_call(struct search *s, uint32_t index)
{
    int64_t latest = horizon(s);
    for (uint32_t i = index; i < s->count && s->calls[i].from <= latest; i++)
        if (!s->calls[i].done && legal(s, &s->calls[i]) && remember(s, s->hash + s->calls[i].salt))
            return i;
    return (uint32_t)s->count;
}

enum found { FOUND, NOT_FOUND, GAVE_UP };

/* What has to come next, at the latest. */
static const struct call *due(const struct search *s)
{
    const struct call *due = NULL;
    for (size_t i = s->first; i < s->count; i++)
        if (!s->calls[i].done && (!due || s->calls[i].to < due->to))
            due = &s->calls[i];
    return due;
}

/* `stuck`: what had to come next when most calls had been put in order. */
static enum found search(struct search *s, const struct call **stuck)
{
    uint32_t from = 0;
    size_t deepest = 0;
    *stuck = due(s);
    for (size_t steps = 0; s->needed > 0; steps++) {
        if (steps == STEPS_MAX)
            return GAVE_UP;
        uint32_t index = next_call(s, from < s->first ? (uint32_t)s->first : from);
        if (index < s->count) {
            go(s, index);
            from = 0;
            if (s->length > deepest) {
                deepest = s->length;
                *stuck = due(s);
            }
        } else if (s->length > 0) {
            from = go_back(s) + 1;
        } else {
            return NOT_FOUND;
        }
    }
    return FOUND;
}

static _Noreturn void fail(struct world *w, const struct search *s, const struct name *name,
                           const struct call *stuck)
{
    static const char *const kinds[] = {
        "a grant to",   "the end of a hold of",    "a conversion by",
        "a refusal of", "a refused conversion by", "what was shown to"};
    world_fail(w, EXIT_BROKEN, "S14",
               "%s: %zu calls are not linearizable: no order has a place for %s %s, asked at "
               "%.3f s and answered at %.3f s",
               name->text, s->count, kinds[stuck->kind],
               stuck->op ? stuck->op->machine->name : "somebody", (double)stuck->from / 1e9,
               (double)stuck->to / 1e9);
}

void linear_check(struct world *w)
{
    struct history *h = &w->observer->history;
    if (!w->observer->search)
        w->observer->search = pool_take(&w->pool, sizeof *w->observer->search);
    for (size_t i = 0; i < h->name_count; i++) {
        struct search *s = w->observer->search;
        const struct call *stuck;
        enum found found = gather(w, s, h->names[i]) ? search(s, &stuck) : GAVE_UP;
        w->figures.linear += found == FOUND;
        w->figures.linear_given_up += found == GAVE_UP;
        if (found == NOT_FOUND)
            fail(w, s, h->names[i], stuck);
    }
}
