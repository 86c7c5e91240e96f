/* The asking side: the table, its records, and what clients ask and are told. See asker.h; the
 * conversation with coordinators is in asking.c, what clients are told in telling.c, changes of a
 * hold in changing.c, what a lost standing does to holds in holding.c.
 */
#include "proto/asking.h"

#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/armed.h"
#include "proto/provisional.h"
#include "proto/readers.h"
#include "proto/standing.h"

/* Counters are reserved durably in blocks, so that none is used twice in a life (L9). */
enum { COUNTER_BLOCK = 1 << 16 };

/* A try, or a look without a deadline of its own, is given up after so long without an answer. */
#define TRY_SPAN SPAN_MS(3000)

size_t asker_bytes(const struct peer_config *config)
{
    return config->max_ops * (sizeof(struct asker_op) + sizeof(uint32_t)) +
           roster_shard_count(config->roster) * sizeof(struct hint) + renewing_bytes(config) +
           delegating_bytes(config) + 64;
}

void asker_init(struct asker *a, struct core *core, void *memory)
{
    memset(a, 0, sizeof *a);
    a->core = core;
    a->max = core->config.max_ops;
    a->ops = memory;
    a->hints = (struct hint *)(a->ops + a->max);
    uint8_t *rest = (uint8_t *)(a->hints + core->cohorts.shard_count);
    renewing_init(&a->renewing, rest, core->cohorts.shard_count);
    rest += renewing_bytes(&core->config);
    delegating_init(&a->delegating, rest, &core->config);
    rest += delegating_bytes(&core->config);
    a->buckets = (uint32_t *)(void *)rest;
    memset(a->buckets, 0, a->max * sizeof *a->buckets);
    for (uint32_t s = 0; s < core->cohorts.shard_count; s++)
        a->hints[s] = (struct hint){.slot = SLOT_NONE};
    a->next_counter = 1;
}

/* --- The table --- */

uint32_t asker_index(const struct asker *a, const struct asker_op *op)
{
    return (uint32_t)(op - a->ops) + 1;
}

struct asker_op *asker_find(const struct asker *a, uint64_t counter)
{
    for (uint32_t i = a->buckets[counter % a->max]; i; i = a->ops[i - 1].chain)
        if (a->ops[i - 1].counter == counter)
            return &a->ops[i - 1];
    return NULL;
}

void asker_activate(struct asker *a, struct asker_op *op)
{
    if (op->active)
        return;
    op->active = true;
    op->active_prev = 0;
    op->active_next = a->active;
    if (a->active)
        a->ops[a->active - 1].active_prev = asker_index(a, op);
    a->active = asker_index(a, op);
}

void asker_deactivate(struct asker *a, struct asker_op *op)
{
    if (!op->active)
        return;
    op->active = false;
    if (op->active_prev)
        a->ops[op->active_prev - 1].active_next = op->active_next;
    else
        a->active = op->active_next;
    if (op->active_next)
        a->ops[op->active_next - 1].active_prev = op->active_prev;
}

void asker_owe(struct asker *a, struct asker_op *op, uint32_t what)
{
    if (delegating_unowned(op)) /* nobody is there to hear it, or each reader by itself */
        what &= ~(uint32_t)(OWE_BLOCKING | OWE_RISK | OWE_SAFE | OWE_LOST | OWE_DRAINING);
    op->owes |= what;
    if (op->owed)
        return;
    op->owed = true;
    op->owed_next = 0;
    if (a->owed_last)
        a->ops[a->owed_last - 1].owed_next = asker_index(a, op);
    else
        a->owed_first = asker_index(a, op);
    a->owed_last = asker_index(a, op);
}

bool asker_keep(struct asker *a, struct view bytes, uint8_t **out)
{
    *out = NULL;
    if (bytes.size == 0)
        return true;
    *out = arena_get(&a->core->arena, bytes.size);
    if (*out)
        memcpy(*out, bytes.bytes, bytes.size);
    return *out != NULL;
}

static void link_last(struct asker *a, struct asker_op *op)
{
    op->prev = a->last;
    op->next = 0;
    if (a->last)
        a->ops[a->last - 1].next = asker_index(a, op);
    else
        a->first = asker_index(a, op);
    a->last = asker_index(a, op);
}

struct asker_op *asker_make(struct asker *a, uint64_t counter, struct view name,
                            struct view process)
{
    if (!a->free && a->used == a->max)
        return NULL;
    uint8_t *kept_name, *kept_process = NULL;
    if (!asker_keep(a, name, &kept_name) || !asker_keep(a, process, &kept_process)) {
        arena_put(&a->core->arena, kept_name, name.size);
        return NULL;
    }
    struct asker_op *op;
    if (a->free) {
        op = &a->ops[a->free - 1];
        a->free = op->chain;
    } else {
        op = &a->ops[a->used++];
    }
    *op = (struct asker_op){.used = true,
                            .life = a->core->life,
                            .counter = counter,
                            .name = kept_name,
                            .name_size = (uint8_t)name.size,
                            .process = kept_process,
                            .process_size = (uint8_t)process.size,
                            .shard = cohort_shard(&a->core->cohorts, name),
                            .deadline = INSTANT_NEVER,
                            .send_at = INSTANT_NEVER,
                            .asked = SLOT_NONE,
                            .doubt = SLOT_NONE,
                            .coordinator = SLOT_NONE};
    uint32_t *bucket = &a->buckets[counter % a->max];
    op->chain = *bucket;
    *bucket = asker_index(a, op);
    link_last(a, op);
    a->count++;
    return op;
}

void asker_set_detail(struct asker *a, struct asker_op *op, struct view detail)
{
    if (op->detail)
        arena_put(&a->core->arena, op->detail, op->detail_size);
    bool kept = asker_keep(a, detail, &op->detail);
    op->detail_size = kept ? (uint32_t)detail.size : 0;
}

void asker_unmake(struct asker *a, struct asker_op *op)
{
    must(!op->owed);
    asker_deactivate(a, op);
    renewing_end(a, op);
    delegating_forget(a, op);
    provisional_forget(a, op);
    if (op->counted)
        standing_unuse(a->core->standing, a->core->now);
    asker_set_detail(a, op, (struct view){0});
    arena_put(&a->core->arena, op->name, op->name_size);
    if (op->process)
        arena_put(&a->core->arena, op->process, op->process_size);
    if (op->data)
        arena_put(&a->core->arena, op->data, op->data_size);
    arena_put(&a->core->arena, op->word, sizeof *op->word);
    changing_forget(a, op);
    for (uint32_t *at = &a->buckets[op->counter % a->max]; *at; at = &a->ops[*at - 1].chain) {
        if (*at == asker_index(a, op)) {
            *at = op->chain;
            break;
        }
    }
    if (op->prev)
        a->ops[op->prev - 1].next = op->next;
    else
        a->first = op->next;
    if (op->next)
        a->ops[op->next - 1].prev = op->prev;
    else
        a->last = op->prev;
    op->used = false;
    op->chain = a->free;
    a->free = asker_index(a, op);
    a->count--;
}

/* --- Records --- */

/* What a client that was let in does leaves no record (delegating.h). */
static enum op_state recorded_state(const struct asker_op *op)
{
    if (op->waited && (op->state == OP_PENDING || (op->unheard && op->state == OP_HELD)))
        return OP_WAITING;
    return op->state == OP_HELD && op->local.recorded ? OP_CACHED : op->state;
}

void asker_record_of(const struct asker_op *op, struct record *out)
{
    *out = (struct record){.kind = RECORD_OP,
                           .op = {.life = op->life,
                                  .counter = op->counter,
                                  .state = (uint8_t)recorded_state(op),
                                  .mode = (uint8_t)op->mode,
                                  .limit = op->limit,
                                  .policy = (uint8_t)op->policy,
                                  .ttl_ms = op->ttl_ms,
                                  .unclean = op->unclean,
                                  .change = changing_recorded(op),
                                  .transfer = changing_transfers(op),
                                  .token = op->token,
                                  .name = {op->name, op->name_size},
                                  .process = {op->process, op->process_size},
                                  .scope = op->word ? op->word->scope : (struct scope){0}}};
}

void asker_write(struct asker *a, struct asker_op *op, bool sync)
{
    struct record record;
    must(!op->local.reader);
    asker_record_of(op, &record);
    op->lsn = journal_append(&a->core->journal, &record, sync);
}

void asker_rewrite(struct asker *a, struct asker_op *op, bool sync)
{
    uint64_t lsn = op->lsn;
    bool held = op->waited && op->state == OP_HELD;
    asker_write(a, op, sync || held);
    if (held)
        op->held_lsn = op->lsn;
    else if (op->waited)
        a->core->journal.write_wanted = true;
    op->lsn = lsn;
}

bool asker_held_known(const struct asker *a, const struct asker_op *op)
{
    return !op->unheard && op->held_lsn <= a->core->journal.durable;
}

/* It is over: its end need not be durable, since asking again about it is harmless. */
void asker_end(struct asker *a, struct asker_op *op)
{
    if (!op->show) {
        struct record record = {.kind = RECORD_OP_END,
                                .op_end = {.life = op->life, .counter = op->counter}};
        journal_append(&a->core->journal, &record, false);
        a->core->journal.write_wanted |= (op->owes & OWE_DROPPED) != 0;
    }
    op->gone = true;
    asker_deactivate(a, op);
    renewing_end(a, op);
    if (!op->owed)
        asker_unmake(a, op);
}

/* Under `action` it says itself what is to be done, in words that nobody else can make. False if
 * there is no room. */
static bool keep_scope(struct asker *a, struct asker_op *op, const struct scope *scope)
{
    const struct peer_config *config = &a->core->config;
    if (scope->session == 0 || op->word)
        return true;
    op->word = arena_get(&a->core->arena, sizeof *op->word);
    if (!op->word)
        return false;
    op->word->scope = *scope;
    scope_sign(op->word, config->self, op->life, &config->cluster, config->key);
    return true;
}

static bool load_op(struct asker *a, const struct record_op *r)
{
    if (r->state > OP_WAITING || !lock_mode_valid(r->mode, r->limit) ||
        !lock_policy_valid(r->policy, r->ttl_ms) ||
        (r->policy == LOCK_STALE_ACTION) != (r->scope.session != 0))
        return false;
    struct asker_op *op = asker_find(a, r->counter);
    if (!op)
        op = asker_make(a, r->counter, r->name, r->process);
    if (!op)
        return false;
    /* It may have been told to a client even if it was only pending: see asker.h. */
    op->state = r->state == OP_DROPPING ? OP_DROPPING : OP_HELD;
    op->life = r->life;
    op->loaded = true;
    op->waited = op->unheard = r->state == OP_WAITING;
    op->mode = (enum lock_mode)r->mode;
    op->limit = r->limit;
    op->policy = (enum lock_policy)r->policy;
    op->ttl_ms = r->ttl_ms;
    if (!keep_scope(a, op, &r->scope))
        return false;
    op->unclean = r->unclean;
    op->token = r->token;
    op->local.recorded = r->state == OP_CACHED; /* see asker_start() */
    if (op->local.recorded && op->mode == LOCK_EXCLUSIVE)
        op->token += LOCK_TOKENS_SPARE - 1; /* for all that is known */
    op->change = (struct asker_change){
        .counter = r->change, .cancelled = true, .transfer = r->transfer, .kind = CHANGE_CONVERT};
    return true;
}

bool asker_load(struct asker *a, const struct record *record)
{
    struct asker_op *op;
    switch (record->kind) {
    case RECORD_OPS:
        if (record->ops.reserved > a->reserved)
            a->reserved = record->ops.reserved;
        return true;
    case RECORD_OP:
        return load_op(a, &record->op);
    case RECORD_OP_END:
        op = asker_find(a, record->op_end.counter);
        if (op && op->life == record->op_end.life)
            asker_unmake(a, op);
        return true;
    case RECORD_NONE:
    case RECORD_STORE:
    case RECORD_LIFE:
    case RECORD_PROMISE:
    case RECORD_ACCEPT:
    case RECORD_FORGET:
    case RECORD_KNOWN:
    case RECORD_BOOK:
    case RECORD_VOTE:
    case RECORD_WINDOW:
    case RECORD_ORDER:
    case RECORD_REPORT:
    case RECORD_PROOF:
    case RECORD_EXECUTED:
    case RECORD_INHIBITOR:
    case RECORD_ARMED:
    case RECORD_KINDS_END:
        return true;
    }
    must(false);
}

void asker_end_life(struct asker *a)
{
    for (uint32_t i = a->first; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->next;
        if (op->keeping)
            asker_deactivate(a, op);
        renewing_end(a, op);
        delegating_end(a, op);
        if (op->show) /* a look belongs to no life */
            op->life = a->core->life;
        else if (op->state != OP_DROPPING && !op->owed)
            asker_unmake(a, op);
    }
}

/* F7: an operation whose policy may end this node's life needs standing as long as it lasts. Under
 * a watchdog all do, since its receipt ends all that the life holds (F6c). */
void asker_count(struct asker *a, struct instant now, struct asker_op *op)
{
    if (!lock_policy_fences(op->policy) && !armed_here(a->core))
        return;
    op->counted = true;
    standing_use(a->core->standing, now);
}

static void reserve(struct asker *a)
{
    a->reserved += COUNTER_BLOCK;
    struct record record = {.kind = RECORD_OPS, .ops = {.reserved = a->reserved}};
    a->reserved_lsn = journal_append(&a->core->journal, &record, true);
}

void asker_start(struct asker *a, struct instant now)
{
    /* Counters of this life up to the old reservation may have been used. */
    a->next_counter = a->reserved + 1;
    a->usable = a->reserved;
    reserve(a);
    for (uint32_t i = a->first; i; i = a->ops[i - 1].next) {
        asker_count(a, now, &a->ops[i - 1]);
        /* Or it has to be seen what became of a change that was under way. */
        if (a->ops[i - 1].state == OP_DROPPING || a->ops[i - 1].change.counter)
            asking_begin(a, now, &a->ops[i - 1]);
        if (a->ops[i - 1].local.recorded)
            delegating_found(a, now, &a->ops[i - 1]);
        else if (a->ops[i - 1].state == OP_HELD && a->ops[i - 1].policy == LOCK_STALE_EXPIRE)
            renewing_found(a, now, &a->ops[i - 1]);
    }
}

void asker_durable(struct asker *a)
{
    if (a->reserved_lsn && a->reserved_lsn <= a->core->journal.durable) {
        a->usable = a->reserved;
        a->reserved_lsn = 0;
    }
    provisional_durable(a, a->core->now);
}

/* --- What clients ask --- */

void asker_refuse_now(struct asker *a, uint64_t handle, enum answer_kind kind)
{
    if (!told_answer(&a->core->told, kind, handle))
        a->core->counters.drop_effects_full++;
}

uint64_t asker_next_counter(struct asker *a)
{
    if (!a->reserved_lsn && a->reserved - a->next_counter < COUNTER_BLOCK / 2)
        reserve(a);
    return a->next_counter <= a->usable ? a->next_counter++ : 0;
}

static struct asker_op *begin(struct asker *a, uint64_t handle, struct view name,
                              struct view process)
{
    struct core *c = a->core;
    if (!lock_name_valid(name)) {
        asker_refuse_now(a, handle, ANSWER_BAD_NAME);
        return NULL;
    }
    if (c->journal.failed) {
        asker_refuse_now(a, handle, ANSWER_LOG_FAILED);
        return NULL;
    }
    uint64_t counter = c->life_known ? asker_next_counter(a) : 0;
    if (counter == 0) {
        asker_refuse_now(a, handle, ANSWER_NOT_READY);
        return NULL;
    }
    struct asker_op *op = asker_make(a, counter, name, process);
    if (!op)
        asker_refuse_now(a, handle, ANSWER_FULL);
    else
        op->handle = handle;
    return op;
}

void asker_acquire(struct asker *a, struct instant now, const struct event *event)
{
    must(event->acquire.process.size <= PROCESS_BLOB_MAX);
    must(lock_mode_valid(event->acquire.mode, event->acquire.limit));
    must(lock_policy_valid(event->acquire.policy, event->acquire.ttl_ms));
    must((event->acquire.policy == LOCK_STALE_ACTION) == (event->acquire.scope.session != 0));
    if (a->drained) {
        asker_refuse_now(a, event->acquire.handle, ANSWER_DRAINED);
        return;
    }
    if (a->core->cloned) {
        asker_refuse_now(a, event->acquire.handle, ANSWER_NOT_READY);
        return;
    }
    if (delegating_serve(a, now, event))
        return;
    delegating_make_room(a, now);
    struct asker_op *op =
        begin(a, event->acquire.handle, event->acquire.name, event->acquire.process);
    if (!op)
        return;
    must(event->acquire.data.size <= LOCK_DATA_MAX);
    if (!asker_keep(a, event->acquire.data, &op->data) ||
        !keep_scope(a, op, &event->acquire.scope)) {
        asker_refuse_now(a, event->acquire.handle, ANSWER_FULL);
        asker_unmake(a, op);
        return;
    }
    op->data_size = (uint8_t)event->acquire.data.size;
    if (standing_bound(a->core->standing)) { /* F2, F3: it takes no new lock */
        asker_refuse_now(a, event->acquire.handle, ANSWER_LIFE_ENDED);
        asker_unmake(a, op);
        return;
    }
    op->state = OP_PENDING;
    op->mode = event->acquire.mode;
    op->limit = event->acquire.limit;
    op->policy = event->acquire.policy;
    op->ttl_ms = event->acquire.ttl_ms;
    op->try = event->acquire.try;
    op->head = event->acquire.head;
    op->expect = event->acquire.expect;
    op->deadline = event->acquire.deadline;
    if (op->try)
        op->deadline = instant_earlier(op->deadline, instant_after(now, TRY_SPAN));
    asker_count(a, now, op);
    asker_write(a, op, !asking_votes(a, op));
    asker_owe(a, op, OWE_ACCEPTED);
    if (op->counted && !standing_has(a->core->standing, now))
        asking_park(a, now, op);
    else
        asking_begin(a, now, op);
}

void asker_show(struct asker *a, struct instant now, const struct event *event)
{
    struct asker_op *op = begin(a, event->show.handle, event->show.name, (struct view){0});
    if (!op)
        return;
    op->show = true;
    op->state = OP_PENDING;
    op->deadline = instant_earlier(event->show.deadline, instant_after(now, TRY_SPAN));
    asking_begin(a, now, op);
}

/*
 * From now on it is only to be got rid of. That is told once the record is written, not synced: an
 * agent that starts anew reads it, and if the machine goes down, the hold's life ends with it, so
 * that a lost record makes the release late and nothing else.
 */
void asker_give_up(struct asker *a, struct instant now, struct asker_op *op)
{
    must(op->state != OP_DROPPING);
    if (op->local.reader) { /* the hold is not its alone */
        readers_leave(a, now, op);
        return;
    }
    must(op->local.readers == 0 || MUTANT(150));
    op->state = OP_DROPPING;
    delegating_end(a, op);
    renewing_end(a, op);
    op->owes &=
        ~(uint32_t)(OWE_WAITING | OWE_BLOCKING | OWE_RISK | OWE_SAFE | OWE_LOST | OWE_DRAINING);
    changing_finish(a, op, ANSWER_DROPPED);
    if (op->show) {
        asker_end(a, op);
        return;
    }
    asker_write(a, op, false);
    a->core->journal.write_wanted = true;
    asking_begin(a, now, op);
}

void asker_not_held(struct asker *a, struct instant now, struct asker_op *op)
{
    must(op->unheard);
    asker_give_up(a, now, op);
    asker_owe(a, op, OWE_NOT_HELD);
}

void asker_drop(struct asker *a, struct instant now, const struct event *event)
{
    struct op_id hold = event->drop.hold;
    struct asker_op *op = delegating_find(a, hold.counter);
    bool ours = op && !op->show && hold.slot == core_self(a->core) && hold.life == op->life;
    /* A reader that leaves is gone at once; it may be told so once more until it was told. */
    bool there = ours && (!op->gone || (op->local.reader && (op->owes & OWE_DROPPED)));
    if (!there) {
        asker_refuse_now(a, event->drop.handle, ANSWER_UNKNOWN);
        return;
    }
    if (delegating_unowned(op) && !(op->owes & OWE_DROPPED)) { /* it was, and has given it back */
        asker_refuse_now(a, event->drop.handle, ANSWER_UNKNOWN);
        return;
    }
    op->drop_handle = event->drop.handle;
    asker_owe(a, op, OWE_DROPPED);
    if (op->state == OP_DROPPING || delegating_unowned(op))
        return; /* given up already: told as soon as that is durable */
    op->unclean = event->drop.unclean;
    bool untold = asker_untold(op) && op->final == ANSWER_GRANTED;
    if (untold || (op->state == OP_PENDING && !(op->owes & OWE_FINAL))) {
        op->final = ANSWER_DROPPED;
        asker_owe(a, op, OWE_FINAL);
    }
    if (!delegating_keep(a, now, op))
        asker_give_up(a, now, op);
}

void asker_sync_failed(struct asker *a, struct instant now)
{
    provisional_durable(a, now); /* or never will be */
    for (uint32_t i = a->first; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->next;
        if (op->lsn > a->core->journal.durable)
            changing_failed(a, op);
        if (delegating_unowned(op) && op->lsn > a->core->journal.durable)
            delegating_recall(a, now, op);
        bool untold =
            op->state == OP_PENDING || ((op->owes & OWE_FINAL) && op->final == ANSWER_GRANTED);
        if (op->show || op->gone || op->state == OP_DROPPING || !untold ||
            op->lsn <= a->core->journal.durable)
            continue;
        op->final = ANSWER_LOG_FAILED;
        asker_owe(a, op, OWE_FINAL);
        asker_give_up(a, now, op);
    }
}
