/* The locks that a coordinator serves: see served.h. */
#include "proto/served.h"

#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/proofs.h"
#include "proto/stale.h"

#define RETRY_FIRST SPAN_MS(40)
#define RETRY_MAX   SPAN_MS(640)

static uint32_t served_max(const struct peer_config *config)
{
    return config->max_served ? config->max_served : config->max_ops * 2;
}

size_t served_bytes(const struct peer_config *config)
{
    return served_max(config) * (sizeof(struct served) + sizeof(uint32_t)) +
           (size_t)config->max_ops * 4 * sizeof(struct asked) + 64;
}

void served_init(struct served_table *t, struct core *core, void *memory)
{
    t->core = core;
    t->max = served_max(&core->config);
    t->asked_max = core->config.max_ops * 4;
    t->locks = memory;
    t->asked = (struct asked *)(t->locks + t->max);
    t->buckets = (uint32_t *)(t->asked + t->asked_max);
    memset(t->buckets, 0, t->max * sizeof *t->buckets);
    t->count = t->free = t->active = 0;
    t->clock = 0;
    t->rounds = 0;
    t->asked_free = 0;
    for (uint32_t i = t->asked_max; i > 0; i--) {
        t->asked[i - 1].next = t->asked_free;
        t->asked_free = i;
    }
}

/* --- Requests --- */

struct asked *asked_new(struct served_table *t)
{
    if (!t->asked_free)
        return NULL;
    struct asked *a = &t->asked[t->asked_free - 1];
    t->asked_free = a->next;
    *a = (struct asked){0};
    return a;
}

bool asked_keep(struct served_table *t, struct asked *a, struct view bytes)
{
    if (bytes.size == 0)
        return true;
    a->bytes = arena_get(&t->core->arena, bytes.size);
    if (!a->bytes)
        return false;
    memcpy(a->bytes, bytes.bytes, bytes.size);
    a->bytes_size = (uint16_t)bytes.size;
    return true;
}

void asked_free(struct served_table *t, struct asked *a)
{
    if (a->bytes)
        arena_put(&t->core->arena, a->bytes, a->bytes_size);
    a->next = t->asked_free;
    t->asked_free = (uint32_t)(a - t->asked) + 1;
}

void asked_push(struct served_table *t, struct asked_list *list, struct asked *a)
{
    uint32_t index = (uint32_t)(a - t->asked) + 1;
    a->next = 0;
    if (list->last)
        t->asked[list->last - 1].next = index;
    else
        list->first = index;
    list->last = index;
}

struct asked *asked_first(const struct served_table *t, const struct asked_list *list)
{
    return list->first ? &t->asked[list->first - 1] : NULL;
}

struct asked *asked_next(const struct served_table *t, const struct asked *a)
{
    return a->next ? &t->asked[a->next - 1] : NULL;
}

struct asked *asked_pop(struct served_table *t, struct asked_list *list)
{
    struct asked *a = asked_first(t, list);
    if (!a)
        return NULL;
    list->first = a->next;
    if (!list->first)
        list->last = 0;
    return a;
}

bool asked_has(const struct served_table *t, const struct asked_list *list, struct op_id op,
               enum request_kind kind, uint64_t change)
{
    for (struct asked *a = asked_first(t, list); a; a = asked_next(t, a))
        if (op_equal(a->op, op) && a->kind == kind && a->change == change)
            return true;
    return false;
}

void asked_remove(struct served_table *t, struct asked_list *list, struct op_id op,
                  enum request_kind kind)
{
    struct asked_list rest = {0};
    struct asked *a;
    while ((a = asked_pop(t, list))) {
        if (op_equal(a->op, op) && a->kind == kind)
            asked_free(t, a);
        else
            asked_push(t, &rest, a);
    }
    *list = rest;
}

void asked_free_all(struct served_table *t, struct asked_list *list)
{
    struct asked *a;
    while ((a = asked_pop(t, list)))
        asked_free(t, a);
}

/* --- The table --- */

static uint32_t *bucket_of(const struct served_table *t, struct view name)
{
    return &t->buckets[core_name_hash(t->core, name) % t->max];
}

struct served *served_find(const struct served_table *t, struct view name)
{
    for (uint32_t i = *bucket_of(t, name); i; i = t->locks[i - 1].chain)
        if (view_equal(served_name(&t->locks[i - 1]), name))
            return &t->locks[i - 1];
    return NULL;
}

static uint32_t index_of(const struct served_table *t, const struct served *s)
{
    return (uint32_t)(s - t->locks) + 1;
}

static void activate(struct served_table *t, struct served *s)
{
    s->active_prev = 0;
    s->active_next = t->active;
    if (t->active)
        t->locks[t->active - 1].active_prev = index_of(t, s);
    t->active = index_of(t, s);
}

static void deactivate(struct served_table *t, struct served *s)
{
    if (s->active_prev)
        t->locks[s->active_prev - 1].active_next = s->active_next;
    else
        t->active = s->active_next;
    if (s->active_next)
        t->locks[s->active_next - 1].active_prev = s->active_prev;
}

static void set_state(struct served_table *t, struct served *s, uint8_t *bytes, uint32_t size)
{
    if (s->state)
        arena_put(&t->core->arena, s->state, s->state_size);
    s->state = bytes;
    s->state_size = size;
}

/* Copies into the arena. False, and nothing changed, if there is no room. */
static bool copy_state(struct served_table *t, struct served *s, struct view state)
{
    uint8_t *copy = NULL;
    if (state.size) {
        copy = arena_get(&t->core->arena, state.size);
        if (!copy)
            return false;
        memcpy(copy, state.bytes, state.size);
    }
    set_state(t, s, copy, (uint32_t)state.size);
    return true;
}

static void unlink_shard(struct served_table *t, struct served *s, uint32_t *shard_list)
{
    if (s->shard_prev)
        t->locks[s->shard_prev - 1].shard_next = s->shard_next;
    else
        *shard_list = s->shard_next;
    if (s->shard_next)
        t->locks[s->shard_next - 1].shard_prev = s->shard_prev;
}

void served_forget(struct served_table *t, struct served *s, uint32_t *shard_list)
{
    for (uint32_t *at = bucket_of(t, served_name(s)); *at; at = &t->locks[*at - 1].chain) {
        if (*at == index_of(t, s)) {
            *at = s->chain;
            break;
        }
    }
    unlink_shard(t, s, shard_list);
    if (s->phase != SERVED_TRUE)
        deactivate(t, s);
    asked_free_all(t, &s->inbox);
    asked_free_all(t, &s->outcomes);
    set_state(t, s, NULL, 0);
    arena_put(&t->core->arena, s->name, s->name_size);
    s->used = false;
    s->chain = t->free;
    t->free = index_of(t, s);
}

static void send_to_cohort(struct served_table *t, const struct served *s, const struct message *m)
{
    const uint16_t *cohort = cohort_of(&t->core->cohorts, s->shard);
    for (size_t i = 0; i < t->core->cohorts.size; i++)
        if (!(s->answered & (1u << i)))
            outbox_send(&t->core->outbox, cohort[i], m);
}

static void send_round(struct served_table *t, const struct served *s)
{
    struct message m;
    if (s->phase == SERVED_READING)
        m = (struct message){
            .type = WIRE_READ,
            .read = {.ballot = s->ballot, .round = s->round, .name = served_name(s)}};
    else
        m = (struct message){.type = WIRE_ACCEPT,
                             .accept = {.ballot = s->ballot,
                                        .seq = s->seq,
                                        .name = served_name(s),
                                        .state = {s->state, s->state_size},
                                        .proof = stale_proof(t->core, &s->broken)}};
    send_to_cohort(t, s, &m);
}

static void begin_round(struct served_table *t, struct instant now, struct served *s,
                        enum served_phase phase)
{
    if (s->phase == SERVED_TRUE)
        activate(t, s);
    if (phase == SERVED_READING)
        s->round = ++t->rounds;
    s->phase = phase;
    s->answered = 0;
    s->retry_wait = RETRY_FIRST;
    s->retry_at = instant_after(now, RETRY_FIRST);
    send_round(t, s);
}

struct served *served_touch(struct served_table *t, struct instant now, struct view name,
                            uint32_t shard, struct ballot ballot, uint32_t *shard_list)
{
    struct served *s = served_find(t, name);
    if (s) {
        s->used_at = ++t->clock;
        return s;
    }
    if (!t->free && t->count == t->max)
        return NULL;
    uint8_t *copy = arena_get(&t->core->arena, name.size);
    if (!copy)
        return NULL;
    memcpy(copy, name.bytes, name.size);
    if (t->free) {
        s = &t->locks[t->free - 1];
        t->free = s->chain;
    } else {
        s = &t->locks[t->count++];
    }
    *s = (struct served){.used = true,
                         .phase = SERVED_TRUE, /* begin_round makes it READING */
                         .name = copy,
                         .name_size = (uint8_t)name.size,
                         .shard = shard,
                         .ballot = ballot,
                         .used_at = ++t->clock};
    uint32_t *bucket = bucket_of(t, name);
    s->chain = *bucket;
    *bucket = index_of(t, s);
    s->shard_next = *shard_list;
    if (*shard_list)
        t->locks[*shard_list - 1].shard_prev = index_of(t, s);
    *shard_list = index_of(t, s);
    begin_round(t, now, s, SERVED_READING);
    return s;
}

/* The state is sent as the next one under the ballot. False if there is no memory for it. */
bool served_send(struct served_table *t, struct instant now, struct served *s,
                 const struct lock_state *state)
{
    uint8_t bytes[LOCK_STATE_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, state);
    must(!w.failed);
    if (!copy_state(t, s, (struct view){bytes, writer_size(&w)}))
        return false;
    s->seq++;
    s->broken = state->broken;
    begin_round(t, now, s, SERVED_SENDING);
    return true;
}

/* --- Rounds --- */

static bool majority(const struct served_table *t, uint32_t mask)
{
    return (size_t)__builtin_popcount(mask) >= core_majority(t->core);
}

/* The state is true now: tell what rests on it, then apply what came meanwhile. */
static void become_true(struct served_table *t, struct instant now, struct served *s)
{
    s->phase = SERVED_TRUE;
    t->true_at = now;
    deactivate(t, s);
    bool ok = lock_decode(&t->scratch, (struct view){s->state, s->state_size});
    must(ok);
    served_tell_outcomes(t, now, s, &t->scratch);
}

bool served_stored(struct served_table *t, struct instant now, struct served *s, int member,
                   const struct wire_stored *m)
{
    uint32_t bit = 1u << member;
    /* L0: only for the request at hand. The lock may have been forgotten and read before (MUTANT
     * 50). */
    bool asked = ballot_equal(m->ballot, s->ballot) && (m->round == s->round || MUTANT(50));
    if (s->phase != SERVED_READING || !asked || (s->answered & bit))
        return false;
    if (!lock_decode(&t->scratch, m->state)) {
        t->core->counters.drop_malformed++;
        return false;
    }
    if (!stale_proven(t->core, now, &t->scratch, m->proof))
        return false; /* F5: not handed on without its proof */
    int order = version_compare(m->version, m->seq, s->best, s->best_seq);
    if ((order > 0 && !MUTANT(8)) || !s->answered) { /* "recovery takes any reply" */
        if (!copy_state(t, s, m->state))
            return false;
        s->broken = t->scratch.broken;
        s->best = m->version;
        s->best_seq = m->seq;
        s->best_count = 1;
    } else if (order == 0) {
        s->best_count++;
    }
    s->answered |= bit;
    if (!majority(t, s->answered))
        return false;
    /* Under our own ballot (the lock was forgotten) the numbers go on; else they begin anew. */
    s->seq = ballot_equal(s->best, s->ballot) ? s->best_seq : 0;
    if (s->best_count >= core_majority(t->core)) {
        become_true(t, now, s); /* L5: a majority holds just this */
        return true;
    }
    s->seq++;
    begin_round(t, now, s, SERVED_SENDING); /* write it back, so that it is true */
    return false;
}

bool served_accepted(struct served_table *t, struct instant now, struct served *s, int member,
                     const struct wire_accepted *m)
{
    if (s->phase != SERVED_SENDING || !ballot_equal(m->ballot, s->ballot) || m->seq < s->seq)
        return false;
    if (m->seq > s->seq) {
        t->core->counters.drop_role++; /* of a state that was never sent */
        return false;
    }
    s->answered |= 1u << member;
    if (!majority(t, s->answered) && !MUTANT(13)) /* "held told from a minority value" */
        return false;
    become_true(t, now, s);
    return true;
}

/* Whoever does not answer a read may not have promised this ballot: it was away when the others
 * did, and one of these is away now (L2). A promise for the same ballot does no harm (L1). */
static void prepare_again(struct served_table *t, const struct served *s)
{
    struct message m = {.type = WIRE_PREPARE, .prepare = {.shard = s->shard, .ballot = s->ballot}};
    if (s->phase == SERVED_READING)
        send_to_cohort(t, s, &m);
}

void served_step(struct served_table *t, struct instant now)
{
    for (uint32_t i = t->active; i; i = t->locks[i - 1].active_next) {
        struct served *s = &t->locks[i - 1];
        if (!instant_reached(now, s->retry_at))
            continue;
        prepare_again(t, s);
        send_round(t, s);
        s->retry_wait = span_min(span_times(s->retry_wait, 2), RETRY_MAX);
        s->retry_at =
            instant_after(now, core_jitter(t->core, s->retry_wait, span_times(s->retry_wait, 2)));
    }
}

struct instant served_deadline(const struct served_table *t)
{
    struct instant deadline = INSTANT_NEVER;
    for (uint32_t i = t->active; i; i = t->locks[i - 1].active_next)
        deadline = instant_earlier(deadline, t->locks[i - 1].retry_at);
    return deadline;
}
