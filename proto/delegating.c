/* Delegation: see delegating.h. */
#include "proto/delegating.h"

#include "proto/asking.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/readers.h"
#include "proto/standing.h"

enum {
    CACHED_SHARE = 4, /* of the operations that this node may have at once */
    ROOM_SHARE = 8    /* of them is left to clients */
};

/* What is given up is looked for so often at most. */
#define LOOK_SPAN SPAN_MS(100)

size_t delegating_bytes(const struct peer_config *config)
{
    return config->max_ops * 2 * sizeof(uint32_t);
}

void delegating_init(struct delegating *d, void *memory, const struct peer_config *config)
{
    *d = (struct delegating){
        .names = memory, .bucket_count = config->max_ops, .next_at = INSTANT_NEVER};
    d->ids = d->names + d->bucket_count;
    memset(memory, 0, delegating_bytes(config));
}

static struct asker_op *op_at(const struct asker *a, uint32_t index)
{
    return index ? &a->ops[index - 1] : NULL;
}

/* --- Ids of clients --- */

static uint32_t *bucket_of_id(const struct asker *a, uint64_t counter)
{
    return &a->delegating.ids[counter % a->delegating.bucket_count];
}

struct asker_op *delegating_find(const struct asker *a, uint64_t counter)
{
    struct asker_op *op = op_at(a, *bucket_of_id(a, counter));
    while (op && op->local.as != counter)
        op = op_at(a, op->local.id_chain);
    if (op)
        return op;
    op = asker_find(a, counter);
    return op && op->local.as ? NULL : op; /* it is another client's by now */
}

static void set_id(struct asker *a, struct asker_op *op, uint64_t counter)
{
    if (op->local.as) {
        uint32_t *at = bucket_of_id(a, op->local.as);
        while (*at != asker_index(a, op))
            at = &op_at(a, *at)->local.id_chain;
        *at = op->local.id_chain;
    }
    op->local.as = counter;
    if (counter) {
        uint32_t *bucket = bucket_of_id(a, counter);
        op->local.id_chain = *bucket;
        *bucket = asker_index(a, op);
    }
}

/* --- What is cached --- */

static uint32_t *bucket_of_name(const struct asker *a, struct view name)
{
    const struct delegating *d = &a->delegating;
    return &d->names[core_name_hash(a->core, name) % d->bucket_count];
}

static struct instant idle_at(const struct asker_op *op)
{
    return instant_after(op->local.used, SPAN_MS(op->ttl_ms));
}

/* Clients find it by its name. */
static void serve(struct asker *a, struct asker_op *op)
{
    if (op->local.served)
        return;
    uint32_t *bucket = bucket_of_name(a, (struct view){op->name, op->name_size});
    op->local.served = true;
    op->local.name_chain = *bucket;
    *bucket = asker_index(a, op);
    a->delegating.count++;
}

static void serve_not(struct asker *a, struct asker_op *op)
{
    if (!op->local.served)
        return;
    uint32_t *at = bucket_of_name(a, (struct view){op->name, op->name_size});
    while (*at != asker_index(a, op))
        at = &op_at(a, *at)->local.name_chain;
    *at = op->local.name_chain;
    op->local.served = false;
    a->delegating.count--;
}

static void insert(struct asker *a, struct instant now, struct asker_op *op)
{
    struct delegating *d = &a->delegating;
    serve(a, op);
    op->local.cached = true;
    op->local.used = now;
    op->local.prev = d->last;
    op->local.next = 0;
    if (d->last)
        op_at(a, d->last)->local.next = asker_index(a, op);
    else
        d->first = asker_index(a, op);
    d->last = asker_index(a, op);
    d->next_at = instant_earlier(d->next_at, idle_at(op));
}

/* Somebody uses it. */
static void take(struct asker *a, struct asker_op *op)
{
    struct delegating *d = &a->delegating;
    if (!op->local.cached)
        return;
    if (op->local.prev)
        op_at(a, op->local.prev)->local.next = op->local.next;
    else
        d->first = op->local.next;
    if (op->local.next)
        op_at(a, op->local.next)->local.prev = op->local.prev;
    else
        d->last = op->local.prev;
    op->local.cached = false;
}

static void take_out(struct asker *a, struct asker_op *op)
{
    take(a, op);
    serve_not(a, op);
}

bool delegating_unowned(const struct asker_op *op)
{
    return op->local.cached || op->local.readers > 0;
}

void delegating_end(struct asker *a, struct asker_op *op)
{
    take_out(a, op);
    op->local.recorded = false;
}

void delegating_forget(struct asker *a, struct asker_op *op)
{
    delegating_end(a, op);
    readers_forget(a, op);
    set_id(a, op, 0);
}

/* Whether a mark is there, which somebody may clear meanwhile: then a grant asks for it. */
static bool marked(struct asker *a, const struct asker_op *op)
{
    struct view detail = {op->detail, op->detail_size};
    return detail.size > 0 && (!lock_decode(&a->scratch, detail) || a->scratch.mark.set);
}

static bool may_keep(struct asker *a, const struct asker_op *op)
{
    bool mode = op->mode == LOCK_SHARED || op->mode == LOCK_EXCLUSIVE;
    if (MUTANT(154) && op->mode == LOCK_COUNTED) /* "one count for all of a node" */
        mode = true;
    bool kind = op->policy == LOCK_STALE_EXPIRE && op->data_size == 0 && !op->local.reader && mode;
    bool well = op->state == OP_HELD && op->believed && !op->lost && !op->warned && !op->loaded &&
                !(op->owes & OWE_FINAL) && op->change.counter == 0 && !op->unclean &&
                op->life == a->core->life;
    return kind && well && !op->local.recalled && !a->delegating.closed && !a->drained &&
           !a->core->journal.failed && !standing_bound(a->core->standing) && !marked(a, op);
}

static void give_up_oldest(struct asker *a, struct instant now)
{
    if (a->delegating.first)
        asker_give_up(a, now, op_at(a, a->delegating.first));
}

void delegating_make_room(struct asker *a, struct instant now)
{
    if (a->count >= a->max - a->max / ROOM_SHARE)
        give_up_oldest(a, now);
}

/* Another hold serves the same readers. */
static bool spare(const struct asker *a, const struct asker_op *op)
{
    struct view name = {op->name, op->name_size};
    for (uint32_t i = *bucket_of_name(a, name); i; i = op_at(a, i)->local.name_chain) {
        const struct asker_op *o = op_at(a, i);
        if (view_equal((struct view){o->name, o->name_size}, name) && o->mode == op->mode &&
            o->ttl_ms == op->ttl_ms && o->believed && !o->warned && !o->local.recalled)
            return true;
    }
    return false;
}

bool delegating_keep(struct asker *a, struct instant now, struct asker_op *op)
{
    if (!may_keep(a, op) || spare(a, op))
        return false;
    if (a->delegating.count >= a->max / CACHED_SHARE)
        give_up_oldest(a, now);
    op->owes &= (uint32_t)OWE_DROPPED;
    insert(a, now, op);
    if (op->local.recorded)
        return true;
    op->local.recorded = true;
    op->local.first_token = op->token;
    asker_write(a, op, false);
    a->core->journal.write_wanted = true;
    return true;
}

void delegating_found(struct asker *a, struct instant now, struct asker_op *op)
{
    op->local.recorded = op->local.recalled = true;
    /* A client may have been in it, and half through with what it wrote. */
    op->unclean = lock_mode_writes(op->mode) && !MUTANT(188); /* "ends cleanly" */
    insert(a, now, op);
    if (MUTANT(91)) /* "an agent that starts again gives back what clients of its last run hold" */
        op->local.used = (struct instant){0};
}

/* --- Letting in --- */

static bool tokens_left(const struct asker_op *op)
{
    return op->mode != LOCK_EXCLUSIVE || op->token - op->local.first_token < LOCK_TOKENS_SPARE - 1;
}

/* Its record outlives the agent, its last client has heard all, and its lease is fresh. */
static bool open(const struct asker *a, const struct asker_op *op)
{
    bool recalled = op->local.recalled;
    if (MUTANT(151) && op->local.readers) /* "a recall keeps out nobody who reads" */
        recalled = false;
    return op->believed && !op->warned && !recalled && op->lsn <= a->core->journal.written &&
           op->owes == 0 && tokens_left(op) && !a->delegating.closed;
}

static bool serves(const struct asker *a, const struct asker_op *op, const struct event *event)
{
    return event->acquire.policy == LOCK_STALE_EXPIRE && event->acquire.mode == op->mode &&
           event->acquire.ttl_ms == op->ttl_ms && event->acquire.expect == 0 &&
           event->acquire.limit == op->limit && event->acquire.data.size == 0 && open(a, op);
}

static bool excludes(const struct asker_op *op, const struct event *event)
{
    return event->acquire.mode == LOCK_COUNTED ||
           !lock_modes_compatible(op->mode, event->acquire.mode);
}

static bool let_in(struct asker *a, struct instant now, struct asker_op *op,
                   const struct event *event)
{
    if (MUTANT(89)) /* "to let in is to renew": served after its lease's end */
        op->from = a->core->now;
    if (op->mode != LOCK_EXCLUSIVE) {
        if (!readers_let_in(a, now, op, event))
            return false;
        take(a, op);
        return true;
    }
    uint8_t *process;
    if (!asker_keep(a, event->acquire.process, &process))
        return false;
    uint64_t counter = asker_next_counter(a);
    if (counter == 0) {
        if (process)
            arena_put(&a->core->arena, process, event->acquire.process.size);
        return false;
    }
    if (op->process)
        arena_put(&a->core->arena, op->process, op->process_size);
    op->process = process;
    op->process_size = (uint8_t)event->acquire.process.size;
    take_out(a, op);
    set_id(a, op, counter);
    op->handle = event->acquire.handle;
    op->token++;
    a->core->counters.grants_local++;
    asker_owe(a, op, OWE_ACCEPTED);
    asking_finish(a, op, ANSWER_GRANTED);
    return true;
}

bool delegating_serve(struct asker *a, struct instant now, const struct event *event)
{
    if (a->delegating.count == 0 || a->core->journal.failed || standing_bound(a->core->standing))
        return false;
    for (uint32_t i = *bucket_of_name(a, event->acquire.name); i;) {
        struct asker_op *op = op_at(a, i);
        i = op->local.name_chain;
        if (!view_equal((struct view){op->name, op->name_size}, event->acquire.name))
            continue;
        if (serves(a, op, event) && let_in(a, now, op, event))
            return true;
        /* It shall not wait for what only this node has cached, nor for ever more readers. */
        if (excludes(op, event) && (op->local.cached || !event->acquire.try))
            delegating_recall(a, now, op);
    }
    return false;
}

/* --- Giving up --- */

void delegating_lend(struct asker *a, struct asker_op *op, uint64_t counter)
{
    take_out(a, op);
    set_id(a, op, counter);
    op->local.recalled = true;
}

void delegating_left(struct asker *a, struct instant now, struct asker_op *op)
{
    if (op->local.readers == 0 && may_keep(a, op))
        insert(a, now, op);
    else
        asker_give_up(a, now, op);
}

void delegating_recall(struct asker *a, struct instant now, struct asker_op *op)
{
    if (MUTANT(88)) /* "a recall is ignored" */
        return;
    op->local.recalled = true;
    /* What the last run told may be believed for a TTL yet, and what it asked for may be made. */
    bool in_use = !op->local.cached && op->local.as && op->state == OP_HELD;
    if (in_use && MUTANT(90)) /* "a recall takes what a client uses" */
        asker_give_up(a, now, op);
    bool early = op->loaded && (!instant_reached(now, idle_at(op)) || op->change.counter);
    if (op->local.cached && !early)
        asker_give_up(a, now, op);
}

void delegating_recall_all(struct asker *a, struct instant now)
{
    for (uint32_t i = a->delegating.first; i;) {
        struct asker_op *op = op_at(a, i);
        i = op->local.next;
        delegating_recall(a, now, op);
    }
}

void delegating_close(struct asker *a, struct instant now)
{
    a->delegating.closed = true;
    delegating_recall_all(a, now);
}

void delegating_pass(struct asker *a, struct instant now)
{
    struct delegating *d = &a->delegating;
    if (!instant_reached(now, d->next_at))
        return;
    struct instant soon = instant_after(now, LOOK_SPAN);
    d->next_at = INSTANT_NEVER;
    for (uint32_t i = d->first; i;) {
        struct asker_op *op = op_at(a, i);
        i = op->local.next;
        if (instant_reached(now, idle_at(op)))
            delegating_recall(a, now, op);
        if (op->local.cached) {
            struct instant at = idle_at(op);
            d->next_at = instant_earlier(d->next_at, at.ns > soon.ns ? at : soon);
        }
    }
}
