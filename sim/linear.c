/* Linearizability of each name's calls: see linear.h. */
#include "sim/linear.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/world.h"

#include <stdlib.h>

enum { CALLS_MAX = 8192, MEMORY_SLOTS = 1 << 15, STEPS_MAX = 200000, HOLDERS_MAX = 64 };

enum call_kind { CALL_GRANT, CALL_DROP, CALL_BUSY, CALL_SHOW };

/* What a client was told besides grants and drops. */
struct look {
    enum call_kind kind;
    int64_t from, to;
    struct op *op;  /* BUSY */
    uint64_t token; /* SHOW */
    size_t count;
    struct value_hold *holds;
    struct look *older;
};

struct call {
    enum call_kind kind;
    int64_t from;
    int64_t to; /* INT64_MAX: no answer came: it may have happened or not */
    struct op *op;
    const struct look *look;
    uint64_t salt; /* the hash of a set of calls is the sum of theirs */
    bool done;
};

struct search {
    struct call calls[CALLS_MAX];
    size_t count;
    size_t first;  /* all before are done */
    size_t needed; /* calls with an answer that are not done */
    uint64_t hash; /* of the set that is done */
    struct op *holders[HOLDERS_MAX];
    size_t holder_count;
    uint64_t token; /* of the last grant */
    uint32_t path[CALLS_MAX];
    uint64_t tokens[CALLS_MAX]; /* before each step of the path */
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
        look->holds[i] = (struct value_hold){.op = history_op_named(w, name, state->holds[i].id),
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

/* Its hold ended when it was given back, or by a proof about its life, or with its lease: whichever
 * came first. That a
 * release is acknowledged says that its node keeps it, durably; others see it when the register has
 * it. */
static void add_drop(struct world *w, struct search *s, struct op *op)
{
    int64_t over = w->observer->lives.of[op->machine->index][op->id.life].over_at;
    if (op->policy == LOCK_STALE_EXPIRE && (!over || op->until_at < over))
        over = op->until_at;
    struct call call = {.kind = CALL_DROP, .from = op->drop_at, .to = INT64_MAX, .op = op};
    if (over && (!op->drop_at || over < op->drop_at))
        call.from = over;
    if (op->dropped_told && op->gone_at)
        call.to = op->finished_at > op->gone_at ? op->finished_at : op->gone_at;
    if (call.from)
        add(s, call);
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
    for (const struct op *op = name->ops; op; op = op->older_here)
        count += 2;
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
    }
    for (const struct look *l = name->looks; l; l = l->older)
        add(s,
            (struct call){.kind = l->kind, .from = l->from, .to = l->to, .op = l->op, .look = l});
    qsort(s->calls, s->count, sizeof s->calls[0], by_beginning);
    return true;
}

/* --- the lock that nobody shares out --- */

static bool holds(const struct search *s, const struct op *op)
{
    for (size_t i = 0; i < s->holder_count; i++)
        if (s->holders[i] == op)
            return true;
    return false;
}

static bool conflicts(const struct search *s, const struct op *op)
{
    struct modes held = modes_none();
    for (size_t i = 0; i < s->holder_count; i++)
        modes_add(&held, s->holders[i]->mode, s->holders[i]->limit);
    return !modes_fit(&held, op->mode, op->limit);
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
        if (under_way || unknown)
            return true;
    }
    return false;
}

/* All who hold are shown, and whoever is shown holds, or was never told of this grant, or gave it
 * back: a late duplicate may be granted again (L9). */
static bool shows(const struct search *s, const struct call *c)
{
    size_t seen = 0;
    if (c->look->token < s->token)
        return false;
    for (size_t i = 0; i < c->look->count; i++) {
        const struct op *op = c->look->holds[i].op;
        bool told = op->granted_told && op->token_told == c->look->holds[i].token;
        bool there = told && holds(s, op);
        seen += there;
        if (!there && told && !(op->drop_at && op->drop_at <= c->to))
            return false;
    }
    return seen == s->holder_count;
}

static bool legal(const struct search *s, const struct call *c)
{
    switch (c->kind) {
    case CALL_GRANT:
        return !conflicts(s, c->op) && c->op->token_told > s->token &&
               s->holder_count < HOLDERS_MAX;
    case CALL_DROP:
        return holds(s, c->op);
    case CALL_BUSY:
        return conflicts(s, c->op) || crossed(c);
    case CALL_SHOW:
        return shows(s, c);
    }
    return false;
}

/* --- the search --- */

static void set_holder(struct search *s, struct op *op, bool in)
{
    size_t i = 0;
    while (i < s->holder_count && s->holders[i] != op)
        i++;
    if (in)
        s->holders[s->holder_count++] = op;
    else
        s->holders[i] = s->holders[--s->holder_count];
}

static void go(struct search *s, uint32_t index)
{
    struct call *c = &s->calls[index];
    s->tokens[s->length] = s->token;
    s->path[s->length++] = index;
    c->done = true;
    s->needed -= c->to < INT64_MAX;
    s->hash += c->salt;
    if (c->kind == CALL_GRANT)
        s->token = c->op->token_told;
    if (c->kind == CALL_GRANT || c->kind == CALL_DROP)
        set_holder(s, c->op, c->kind == CALL_GRANT);
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
    if (c->kind == CALL_GRANT || c->kind == CALL_DROP)
        set_holder(s, c->op, c->kind == CALL_DROP);
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
    static const char *const kinds[] = {"a grant to", "a release by", "a refusal of",
                                        "what was shown"};
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
