/* The asking side: the table, its records, and what clients ask and are told. See asker.h; the
 * conversation with coordinators is in asking.c, what a lost standing does to holds in holding.c.
 */
#include "proto/asking.h"

#include "proto/must.h"
#include "proto/standing.h"

/* Counters are reserved durably in blocks, so that none is used twice in a life (L9). */
enum { COUNTER_BLOCK = 1 << 16 };

/* A try, or a look without a deadline of its own, is given up after so long without an answer. */
#define TRY_SPAN SPAN_MS(3000)

size_t asker_bytes(const struct peer_config *config)
{
    return config->max_ops * (sizeof(struct asker_op) + sizeof(uint32_t)) +
           roster_shard_count(config->roster) * sizeof(struct hint) + 64;
}

void asker_init(struct asker *a, struct core *core, void *memory)
{
    memset(a, 0, sizeof *a);
    a->core = core;
    a->max = core->config.max_ops;
    a->ops = memory;
    a->hints = (struct hint *)(a->ops + a->max);
    a->buckets = (uint32_t *)(a->hints + core->cohorts.shard_count);
    memset(a->buckets, 0, a->max * sizeof *a->buckets);
    for (uint32_t s = 0; s < core->cohorts.shard_count; s++)
        a->hints[s] = (struct hint){.slot = SLOT_NONE};
    a->next_counter = 1;
}

/* --- The table --- */

static uint32_t index_of(const struct asker *a, const struct asker_op *op)
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
        a->ops[a->active - 1].active_prev = index_of(a, op);
    a->active = index_of(a, op);
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
    op->owes |= what;
    if (op->owed)
        return;
    op->owed = true;
    op->owed_next = 0;
    if (a->owed_last)
        a->ops[a->owed_last - 1].owed_next = index_of(a, op);
    else
        a->owed_first = index_of(a, op);
    a->owed_last = index_of(a, op);
}

/* Copies into the arena; NULL for nothing. False if there is no room. */
static bool keep(struct asker *a, struct view bytes, uint8_t **out)
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
        a->ops[a->last - 1].next = index_of(a, op);
    else
        a->first = index_of(a, op);
    a->last = index_of(a, op);
}

/* A new entry with `counter`, which is above all others; NULL if full. */
static struct asker_op *make(struct asker *a, uint64_t counter, struct view name,
                             struct view process)
{
    if (!a->free && a->used == a->max)
        return NULL;
    uint8_t *kept_name, *kept_process = NULL;
    if (!keep(a, name, &kept_name) || !keep(a, process, &kept_process)) {
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
    *bucket = index_of(a, op);
    link_last(a, op);
    a->count++;
    return op;
}

void asker_set_detail(struct asker *a, struct asker_op *op, struct view detail)
{
    if (op->detail)
        arena_put(&a->core->arena, op->detail, op->detail_size);
    bool kept = keep(a, detail, &op->detail);
    op->detail_size = kept ? (uint32_t)detail.size : 0;
}

static void unmake(struct asker *a, struct asker_op *op)
{
    must(!op->owed);
    asker_deactivate(a, op);
    if (op->counted)
        standing_unuse(a->core->standing, a->core->now);
    asker_set_detail(a, op, (struct view){0});
    arena_put(&a->core->arena, op->name, op->name_size);
    if (op->process)
        arena_put(&a->core->arena, op->process, op->process_size);
    for (uint32_t *at = &a->buckets[op->counter % a->max]; *at; at = &a->ops[*at - 1].chain) {
        if (*at == index_of(a, op)) {
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
    a->free = index_of(a, op);
    a->count--;
}

/* --- Records --- */

void asker_record_of(const struct asker_op *op, struct record *out)
{
    *out = (struct record){.kind = RECORD_OP,
                           .op = {.life = op->life,
                                  .counter = op->counter,
                                  .state = (uint8_t)op->state,
                                  .mode = (uint8_t)op->mode,
                                  .limit = op->limit,
                                  .policy = (uint8_t)op->policy,
                                  .unclean = op->unclean,
                                  .token = op->token,
                                  .name = {op->name, op->name_size},
                                  .process = {op->process, op->process_size}}};
}

void asker_write(struct asker *a, struct asker_op *op, bool sync)
{
    struct record record;
    asker_record_of(op, &record);
    op->lsn = journal_append(&a->core->journal, &record, sync);
}

/* It is over: its end need not be durable, since asking again about it is harmless. */
void asker_end(struct asker *a, struct asker_op *op)
{
    if (!op->show) {
        struct record record = {.kind = RECORD_OP_END,
                                .op_end = {.life = op->life, .counter = op->counter}};
        journal_append(&a->core->journal, &record, false);
    }
    op->gone = true;
    asker_deactivate(a, op);
    if (!op->owed)
        unmake(a, op);
}

static bool load_op(struct asker *a, const struct record_op *r)
{
    if (r->state > OP_DROPPING || !lock_mode_valid(r->mode, r->limit) || r->policy >= LOCK_POLICIES)
        return false;
    struct asker_op *op = asker_find(a, r->counter);
    if (!op)
        op = make(a, r->counter, r->name, r->process);
    if (!op)
        return false;
    /* It may have been told to a client even if it was only pending: see asker.h. */
    op->state = r->state == OP_DROPPING ? OP_DROPPING : OP_HELD;
    op->life = r->life;
    op->loaded = true;
    op->mode = (enum lock_mode)r->mode;
    op->limit = r->limit;
    op->policy = (enum lock_policy)r->policy;
    op->unclean = r->unclean;
    op->token = r->token;
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
            unmake(a, op);
        return true;
    case RECORD_NONE:
    case RECORD_STORE:
    case RECORD_LIFE:
    case RECORD_PROMISE:
    case RECORD_ACCEPT:
    case RECORD_KNOWN:
    case RECORD_BOOK:
    case RECORD_VOTE:
    case RECORD_WINDOW:
    case RECORD_ORDER:
    case RECORD_REPORT:
    case RECORD_PROOF:
    case RECORD_EXECUTED:
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
        if (op->show) /* a look belongs to no life */
            op->life = a->core->life;
        else if (op->state != OP_DROPPING && !op->owed)
            unmake(a, op);
    }
}

/* F7: an operation whose policy may end this node's life needs standing as long as it lasts. */
static void count(struct asker *a, struct instant now, struct asker_op *op)
{
    if (op->policy != LOCK_STALE_FENCE)
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
        count(a, now, &a->ops[i - 1]);
        if (a->ops[i - 1].state == OP_DROPPING)
            asking_begin(a, now, &a->ops[i - 1]);
    }
}

void asker_durable(struct asker *a)
{
    if (a->reserved_lsn && a->reserved_lsn <= a->core->journal.durable) {
        a->usable = a->reserved;
        a->reserved_lsn = 0;
    }
}

/* --- What clients ask --- */

static void refuse_now(struct asker *a, uint64_t handle, enum answer_kind kind)
{
    if (!told_answer(&a->core->told, kind, handle))
        a->core->counters.drop_effects_full++;
}

/* The next counter, or 0 if none may be used yet. */
static uint64_t next_counter(struct asker *a)
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
        refuse_now(a, handle, ANSWER_BAD_NAME);
        return NULL;
    }
    if (c->journal.failed) {
        refuse_now(a, handle, ANSWER_LOG_FAILED);
        return NULL;
    }
    uint64_t counter = c->life_known ? next_counter(a) : 0;
    if (counter == 0) {
        refuse_now(a, handle, ANSWER_NOT_READY);
        return NULL;
    }
    struct asker_op *op = make(a, counter, name, process);
    if (!op)
        refuse_now(a, handle, ANSWER_FULL);
    else
        op->handle = handle;
    return op;
}

void asker_acquire(struct asker *a, struct instant now, const struct event *event)
{
    must(event->acquire.process.size <= PROCESS_BLOB_MAX);
    must(lock_mode_valid(event->acquire.mode, event->acquire.limit));
    struct asker_op *op =
        begin(a, event->acquire.handle, event->acquire.name, event->acquire.process);
    if (!op)
        return;
    if (standing_bound(a->core->standing)) { /* F2, F3: it takes no new lock */
        refuse_now(a, event->acquire.handle, ANSWER_LIFE_ENDED);
        unmake(a, op);
        return;
    }
    op->state = OP_PENDING;
    op->mode = event->acquire.mode;
    op->limit = event->acquire.limit;
    op->policy = event->acquire.policy;
    op->try = event->acquire.try;
    op->deadline = event->acquire.deadline;
    if (op->try)
        op->deadline = instant_earlier(op->deadline, instant_after(now, TRY_SPAN));
    count(a, now, op);
    asker_write(a, op, true);
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

/* From now on it is only to be got rid of; what is told of it waits for the record. */
void asker_give_up(struct asker *a, struct instant now, struct asker_op *op)
{
    must(op->state != OP_DROPPING);
    op->state = OP_DROPPING;
    op->owes &= ~(uint32_t)(OWE_WAITING | OWE_BLOCKING | OWE_RISK | OWE_SAFE | OWE_LOST);
    if (op->show) {
        asker_end(a, op);
        return;
    }
    asker_write(a, op, true);
    asking_begin(a, now, op);
}

void asker_drop(struct asker *a, struct instant now, const struct event *event)
{
    struct op_id hold = event->drop.hold;
    struct asker_op *op = asker_find(a, hold.counter);
    bool ours =
        op && !op->show && !op->gone && hold.slot == core_self(a->core) && hold.life == op->life;
    if (!ours) {
        refuse_now(a, event->drop.handle, ANSWER_UNKNOWN);
        return;
    }
    op->drop_handle = event->drop.handle;
    asker_owe(a, op, OWE_DROPPED);
    if (op->state == OP_DROPPING)
        return; /* given up already: told as soon as that is durable */
    op->unclean = event->drop.unclean;
    if (op->state == OP_PENDING && !(op->owes & OWE_FINAL)) {
        op->final = ANSWER_DROPPED;
        asker_owe(a, op, OWE_FINAL);
    }
    asker_give_up(a, now, op);
}

void asker_sync_failed(struct asker *a, struct instant now)
{
    for (uint32_t i = a->first; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->next;
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

/* --- What clients are told --- */

static struct op_id id_of(const struct asker *a, const struct asker_op *op)
{
    return (struct op_id){.slot = core_self(a->core), .life = op->life, .counter = op->counter};
}

/* Fills what a waiting or refused client wants to know: who is in the way. */
static void fill_holders(struct asker *a, const struct asker_op *op, struct answer *answer)
{
    if (!lock_decode(&a->scratch, (struct view){op->detail, op->detail_size}))
        return;
    size_t count =
        a->scratch.hold_count < ANSWER_HOLDERS_MAX ? a->scratch.hold_count : ANSWER_HOLDERS_MAX;
    answer->holder_count = count;
    for (size_t i = 0; i < count; i++) {
        answer->holders[i] = a->scratch.holds[i].id;
        answer->holder_modes[i] = a->scratch.holds[i].mode;
        answer->holder_limits[i] = a->scratch.holds[i].limit;
    }
}

static struct instant since_detect(const struct asker *a)
{
    return (struct instant){a->core->now.ns - core_detect(a->core).ns};
}

/* Tells one thing. False if there is no room, or the scratch state is taken by an earlier look. */
static bool tell(struct asker *a, struct asker_op *op, enum answer_kind kind, uint64_t handle)
{
    struct told *t = &a->core->told;
    bool shown_before = false;
    for (size_t i = 0; i < t->answer_count; i++)
        shown_before |= t->answers[i].kind == ANSWER_SHOWN;
    if (shown_before) /* its state is in the scratch until these effects are carried out */
        return false;
    struct answer *answer = told_answer(t, kind, handle);
    if (!answer)
        return false;
    answer->hold = id_of(a, op);
    answer->mode = kind == ANSWER_BLOCKING ? op->blocking_mode : op->mode;
    answer->token = op->token;
    answer->reason = op->reason;
    answer->place = op->place;
    answer->reachable = op->reachable;
    answer->cohort = (uint32_t)a->core->cohorts.size;
    answer->coordinator = op->coordinator;
    answer->name = (struct view){op->name, op->name_size};
    answer->stale = op->stale;
    answer->lost = op->lost_reason;
    if (op->reason == WAIT_STANDING && kind != ANSWER_GRANTED) {
        answer->reachable = standing_acknowledged(a->core->standing, since_detect(a));
        answer->cohort = (uint32_t)a->core->jury.count;
    }
    if (kind == ANSWER_GRANTED && op->detail_size &&
        lock_decode(&a->scratch, (struct view){op->detail, op->detail_size}))
        answer->mark = a->scratch.mark;
    if (kind == ANSWER_WAITING || kind == ANSWER_BUSY || kind == ANSWER_TIMED_OUT)
        fill_holders(a, op, answer);
    if (kind == ANSWER_SHOWN) {
        bool ok = lock_decode(&a->scratch, (struct view){op->detail, op->detail_size});
        must(ok);
        answer->state = &a->scratch;
    }
    return true;
}

/*
 * A grant, or the end of something, rests on its record (L9, S15). After a failed sync no grant is
 * told any more, and a release only once the coordinator has confirmed it; that nothing was got is
 * told all the same, since nothing is promised by that.
 */
static bool may_tell(const struct asker *a, const struct asker_op *op, uint32_t what)
{
    const struct journal *j = &a->core->journal;
    bool durable = op->lsn <= j->durable;
    if (what == OWE_FINAL && op->final == ANSWER_GRANTED) /* F7: no new grant without standing */
        return durable && (!op->counted || standing_has(a->core->standing, a->core->now));
    if (what == OWE_FINAL)
        return durable || op->gone || op->show || j->failed;
    if (what == OWE_DROPPED)
        return durable || op->gone || op->show;
    if (what >= OWE_BLOCKING)
        return !(op->owes & OWE_FINAL);
    return true;
}

/* What is owed and may be told now: the lowest bit, so that things come in order. */
static uint32_t next_owed(const struct asker *a, const struct asker_op *op)
{
    for (uint32_t what = OWE_ACCEPTED; what <= OWE_LOST; what *= 2)
        if ((op->owes & what) && may_tell(a, op, what))
            return what;
    return 0;
}

static bool tell_next(struct asker *a, struct asker_op *op, uint32_t what)
{
    switch (what) {
    case OWE_ACCEPTED:
        return tell(a, op, ANSWER_ACCEPTED, op->handle);
    case OWE_WAITING:
        return tell(a, op, ANSWER_WAITING, op->handle);
    case OWE_FINAL:
        return tell(a, op, op->final, op->handle);
    case OWE_DROPPED:
        return tell(a, op, ANSWER_DROPPED, op->drop_handle);
    case OWE_BLOCKING:
        return tell(a, op, ANSWER_BLOCKING, 0);
    case OWE_RISK:
        return tell(a, op, ANSWER_AT_RISK, 0);
    case OWE_SAFE:
        return tell(a, op, ANSWER_SAFE, 0);
    case OWE_LOST:
        return tell(a, op, ANSWER_LOST, 0);
    default:
        must(false);
    }
}

bool asker_owes_now(const struct asker *a)
{
    for (uint32_t i = a->owed_first; i; i = a->ops[i - 1].owed_next)
        if (next_owed(a, &a->ops[i - 1]))
            return true;
    return false;
}

bool asker_tell(struct asker *a)
{
    uint32_t i = a->owed_first;
    bool room = true;
    a->owed_first = a->owed_last = 0;
    while (i) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->owed_next;
        op->owed = false;
        uint32_t what;
        while (room && (what = next_owed(a, op))) {
            room = tell_next(a, op, what);
            if (room)
                op->owes &= ~what;
        }
        if (op->owes) {
            asker_owe(a, op, 0);
        } else if (op->gone) {
            op->owed_next = a->told_gone;
            a->told_gone = index_of(a, op);
        }
    }
    return !room;
}

void asker_sweep(struct asker *a)
{
    while (a->told_gone) {
        struct asker_op *op = &a->ops[a->told_gone - 1];
        a->told_gone = op->owed_next;
        unmake(a, op);
    }
}
