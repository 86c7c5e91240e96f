/* The locks that a coordinator serves: the table, and their rounds. See served.h; what requests do
 * to them is in applying.c. */
#include "proto/served.h"

#include "proto/floor.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/stale.h"

#define RETRY_FIRST SPAN_MS(40)
#define RETRY_MAX   SPAN_MS(640)
#define REST        SPAN_MS(5)

static uint32_t served_max(const struct peer_config *config)
{
    return config->max_served ? config->max_served : config->max_ops * 2;
}

size_t served_bytes(const struct peer_config *config)
{
    size_t shards = roster_shard_count(config->roster);
    return served_max(config) * (sizeof(struct served) + sizeof(uint32_t)) +
           shards * (sizeof(struct served) + sizeof(struct served_floor)) +
           (size_t)config->max_ops * 4 * sizeof(struct asked) + 64;
}

void served_init(struct served_table *t, struct core *core, void *memory)
{
    t->core = core;
    t->max = served_max(&core->config);
    t->asked_max = core->config.max_ops * 4;
    uint32_t shards = core->cohorts.shard_count;
    t->locks = memory;
    t->floors = (struct served_floor *)(t->locks + t->max + shards);
    for (uint32_t i = 0; i < shards; i++) {
        t->floors[i] = (struct served_floor){0};
        t->locks[t->max + i].used = false;
    }
    t->asked = (struct asked *)(t->floors + shards);
    t->buckets = (uint32_t *)(t->asked + t->asked_max);
    memset(t->buckets, 0, t->max * sizeof *t->buckets);
    t->count = t->free = t->active = 0;
    t->clock = 0;
    t->rounds = 0;
    t->lapse_at = INSTANT_NEVER;
    t->rest_until = (struct instant){0};
    t->asked_count = t->asked_free = 0;
}

/* --- The table --- */

static uint32_t *bucket_of(const struct served_table *t, struct view name)
{
    return &t->buckets[core_name_hash(t->core, name) % t->max];
}

struct served *served_find(const struct served_table *t, struct view name)
{
    uint32_t shard;
    if (floor_shard(name, &shard))
        return shard < t->core->cohorts.shard_count ? served_floor_of(t, shard) : NULL;
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

void served_rest(struct served_table *t, struct instant now, struct served *s)
{
    must(s->phase == SERVED_TRUE);
    if (s->resting)
        return;
    if (instant_reached(now, t->rest_until))
        t->rest_until = instant_after(now, REST);
    s->resting = true;
    s->retry_at = t->rest_until;
    activate(t, s);
}

void served_rouse(struct served_table *t, struct served *s)
{
    if (s->resting)
        deactivate(t, s);
    s->resting = false;
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
    bool is_floor = served_is_floor(t, s);
    for (uint32_t *at = bucket_of(t, served_name(s)); *at && !is_floor;
         at = &t->locks[*at - 1].chain) {
        if (*at == index_of(t, s)) {
            *at = s->chain;
            break;
        }
    }
    unlink_shard(t, s, shard_list);
    served_rouse(t, s);
    leases_forgot(t->core->leases, &s->told);
    if (s->phase != SERVED_TRUE)
        deactivate(t, s);
    asked_clear(t, &s->inbox);
    asked_clear(t, &s->outcomes);
    set_state(t, s, NULL, 0);
    arena_put(&t->core->arena, s->name, s->name_size);
    s->used = false;
    if (is_floor)
        return;
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
    served_rouse(t, s);
    if (s->phase == SERVED_TRUE)
        activate(t, s);
    if (phase == SERVED_READING) {
        s->round = ++t->rounds;
        s->lacked = false;
    }
    s->phase = phase;
    s->voted = s->answered | s->alike;
    s->answered = s->alike = 0;
    s->retry_wait = RETRY_FIRST;
    s->retry_at = instant_after(now, RETRY_FIRST);
    send_round(t, s);
}

/* Begins to read it, in a place that is free. False if there is no memory. */
static bool open_at(struct served_table *t, struct instant now, struct served *s, struct view name,
                    uint32_t shard, struct ballot ballot, uint32_t *shard_list)
{
    uint8_t *copy = arena_get(&t->core->arena, name.size);
    if (!copy)
        return false;
    memcpy(copy, name.bytes, name.size);
    *s = (struct served){.used = true,
                         .phase = SERVED_TRUE, /* begin_round makes it READING */
                         .name = copy,
                         .name_size = (uint8_t)name.size,
                         .shard = shard,
                         .ballot = ballot,
                         .used_at = ++t->clock};
    s->shard_next = *shard_list;
    if (*shard_list)
        t->locks[*shard_list - 1].shard_prev = index_of(t, s);
    *shard_list = index_of(t, s);
    begin_round(t, now, s, SERVED_READING);
    return true;
}

/* L10: beside the first lock of the shard. */
static bool touch_floor(struct served_table *t, struct instant now, uint32_t shard,
                        struct ballot ballot, uint32_t *shard_list)
{
    struct floor_name name = floor_name(shard);
    struct view view = {name.bytes, sizeof name.bytes};
    return served_floor_of(t, shard) ||
           open_at(t, now, &t->locks[t->max + shard], view, shard, ballot, shard_list);
}

struct served *served_touch(struct served_table *t, struct instant now, struct view name,
                            uint32_t shard, struct ballot ballot, uint32_t *shard_list)
{
    struct served *s = served_find(t, name);
    if (s) {
        s->used_at = ++t->clock;
        return s;
    }
    if ((!t->free && t->count == t->max) || !touch_floor(t, now, shard, ballot, shard_list))
        return NULL;
    s = t->free ? &t->locks[t->free - 1] : &t->locks[t->count];
    uint32_t next_free = t->free ? s->chain : 0;
    if (!open_at(t, now, s, name, shard, ballot, shard_list))
        return NULL;
    if (t->free)
        t->free = next_free;
    else
        t->count++;
    uint32_t *bucket = bucket_of(t, name);
    s->chain = *bucket;
    *bucket = index_of(t, s);
    return s;
}

/* --- Rounds --- */

static bool majority(const struct served_table *t, uint32_t mask)
{
    return (size_t)__builtin_popcount(mask) >= core_majority(t->core);
}

/* L10: above all that was dropped under the ballot, so that whoever dropped stores it anew. */
static uint64_t next_seq(const struct served_table *t, const struct served *s)
{
    uint64_t dropped = t->floors[s->shard].dropped;
    return (s->seq > dropped ? s->seq : dropped) + 1;
}

bool served_send(struct served_table *t, struct instant now, struct served *s,
                 const struct lock_state *state)
{
    uint8_t bytes[LOCK_STATE_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, state);
    must(!w.failed);
    if (!copy_state(t, s, (struct view){bytes, writer_size(&w)}))
        return false;
    s->seq = next_seq(t, s);
    s->broken = state->broken;
    begin_round(t, now, s, SERVED_SENDING);
    return true;
}

/* L10: what locks are born with from now on. */
static void note_floor(struct served_table *t, const struct served *s)
{
    struct served_floor *floor = &t->floors[s->shard];
    bool ok = lock_decode(&t->scratch, (struct view){s->state, s->state_size});
    must(ok);
    floor->known = true;
    floor->token = t->scratch.token;
    floor->generation = t->scratch.generation;
}

static void become_true(struct served_table *t, struct instant now, struct served *s)
{
    s->phase = SERVED_TRUE;
    t->true_at = now;
    deactivate(t, s);
    if (served_is_floor(t, s))
        note_floor(t, s);
    else
        served_tell_true(t, now, s);
}

/*
 * A lock that a majority does not have is born with the floor's token and generation (L10). So is a
 * free one that some still have and others dropped already: whoever looked while it was missed was
 * told the floor's, and must not be told less later.
 */
static bool bear(struct served_table *t, struct served *s)
{
    const struct served_floor *floor = &t->floors[s->shard];
    uint8_t bytes[64];
    if (!floor->known && !MUTANT(21)) /* "token restarts at 0 after delete" */
        return false;
    bool ok = lock_decode(&t->scratch, (struct view){s->state, s->state_size});
    must(ok);
    uint64_t token = t->scratch.token, generation = t->scratch.generation;
    bool higher = floor->token > token && !MUTANT(21);
    bool born = higher || t->scratch.born;
    if (!MUTANT(21) && floor->generation > generation)
        generation = floor->generation;
    lock_init(&t->scratch);
    t->scratch.token = higher ? floor->token : token;
    t->scratch.generation = generation;
    t->scratch.born = born;
    struct writer w = writer_init(bytes, sizeof bytes);
    lock_encode(&w, &t->scratch);
    must(!w.failed);
    return copy_state(t, s, (struct view){bytes, writer_size(&w)});
}

/* Free, with nothing but a token and a generation. */
static bool blank(struct served_table *t, const struct served *s)
{
    struct view bytes = {s->state, s->state_size};
    bool ok = lock_decode(&t->scratch, bytes);
    must(ok);
    return lock_is_blank(&t->scratch, bytes, &t->brief);
}

/* Whether enough have answered, and what that amounts to; true if the state is true by it. */
static bool finish_reading(struct served_table *t, struct instant now, struct served *s)
{
    if (!majority(t, s->answered))
        return false;
    bool whole = majority(t, s->alike); /* L5: a majority holds just this */
    if (!served_is_floor(t, s) && (ballot_none(s->best) || (s->lacked && !whole && blank(t, s))) &&
        !bear(t, s))
        return false;
    /* Under our own ballot (the lock was forgotten) the numbers go on; else they begin anew. */
    s->seq = ballot_equal(s->best, s->ballot) ? s->best_seq : 0;
    if (whole) {
        become_true(t, now, s);
        return true;
    }
    s->seq = next_seq(t, s);
    begin_round(t, now, s, SERVED_SENDING); /* write it back, so that it is true */
    return false;
}

bool served_only_read(const struct served *s)
{
    return s->seq == (ballot_equal(s->best, s->ballot) ? s->best_seq : 0);
}

bool served_stored(struct served_table *t, struct instant now, struct served *s, int member,
                   const struct wire_stored *m)
{
    uint32_t bit = 1u << member;
    /* L0: only for the request at hand. The lock may have been forgotten and read before (MUTANT
     * 50). */
    bool asked = ballot_equal(m->ballot, s->ballot) && (m->round == s->round || MUTANT(50));
    if (!asked || (s->answered & bit) || s->phase == SERVED_SENDING)
        return false;
    int order = version_compare(m->version, m->seq, s->best, s->best_seq);
    if (s->phase == SERVED_TRUE) { /* one more who has what the majority has, or not */
        if (served_only_read(s)) {
            s->answered |= bit;
            s->alike |= order == 0 ? bit : 0;
        }
        return false;
    }
    if (!lock_decode(&t->scratch, m->state)) {
        t->core->counters.drop_malformed++;
        return false;
    }
    if (!stale_proven(t->core, now, &t->scratch, m->proof))
        return false;                                /* F5: not handed on without its proof */
    if ((order > 0 && !MUTANT(8)) || !s->answered) { /* "recovery takes any reply" */
        if (!copy_state(t, s, m->state))
            return false;
        s->broken = t->scratch.broken;
        s->best = m->version;
        s->best_seq = m->seq;
        s->alike = bit;
    } else if (order == 0) {
        s->alike |= bit;
    }
    s->lacked |= ballot_none(m->version);
    s->answered |= bit;
    return finish_reading(t, now, s);
}

bool served_accepted(struct served_table *t, struct instant now, struct served *s, int member,
                     const struct wire_accepted *m)
{
    if (s->phase == SERVED_READING || !ballot_equal(m->ballot, s->ballot) || m->seq < s->seq)
        return false;
    if (m->seq > s->seq) {
        t->core->counters.drop_role++; /* of a state that was never sent */
        return false;
    }
    s->alike |= 1u << member;
    if (s->phase == SERVED_TRUE)
        return false;
    s->answered |= 1u << member;
    if (!majority(t, s->answered) && !MUTANT(13)) { /* "held told from a minority value" */
        served_tell_provisionally(t, now, s);
        return false;
    }
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

/* L10: another lock was dropped meanwhile under a higher seq. Whoever did that and never had this
 * one would refuse it under its old number. */
static void renumber(struct served_table *t, struct served *s)
{
    if (s->phase != SERVED_SENDING || s->seq > t->floors[s->shard].dropped)
        return;
    s->seq = next_seq(t, s);
    s->answered = s->alike = 0;
    for (struct asked *a = asked_first(t, &s->outcomes); a; a = asked_next(t, a))
        a->provisional = false; /* that was about the old number */
}

void served_step(struct served_table *t, struct instant now)
{
    for (uint32_t i = t->active; i; i = t->locks[i - 1].active_next) {
        struct served *s = &t->locks[i - 1];
        if (s->resting || !instant_reached(now, s->retry_at))
            continue;
        prepare_again(t, s);
        renumber(t, s);
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

/* --- Forgetting (L10) --- */

struct served *served_floor_of(const struct served_table *t, uint32_t shard)
{
    struct served *s = &t->locks[t->max + shard];
    return s->used ? s : NULL;
}

bool served_is_floor(const struct served_table *t, const struct served *s)
{
    return s >= t->locks + t->max;
}

void served_floor_reset(struct served_table *t, uint32_t shard)
{
    t->floors[shard] = (struct served_floor){0};
}

bool served_floor_raise(struct served_table *t, struct instant now, struct served *s,
                        uint64_t token, uint64_t generation)
{
    must(s->phase == SERVED_TRUE);
    bool ok = lock_decode(&t->scratch, (struct view){s->state, s->state_size});
    must(ok);
    if (t->scratch.token < token)
        t->scratch.token = token;
    if (t->scratch.generation < generation)
        t->scratch.generation = generation;
    return served_send(t, now, s, &t->scratch);
}

bool served_born(struct served_table *t, struct instant now, struct served *s)
{
    return s->phase == SERVED_READING && finish_reading(t, now, s);
}

void served_send_again(struct served_table *t, struct instant now, struct served *s)
{
    must(s->phase == SERVED_TRUE);
    s->seq = next_seq(t, s);
    begin_round(t, now, s, SERVED_SENDING);
}

/* send_round() of one who is not in `alike`. */
static void send_others(struct served_table *t, const struct served *s, enum served_phase phase)
{
    struct served others = *s;
    others.phase = phase;
    others.answered = phase == SERVED_READING ? s->answered : s->alike;
    send_round(t, &others);
}

void served_send_missing(struct served_table *t, const struct served *s)
{
    send_others(t, s, SERVED_SENDING);
}

void served_read_missing(struct served_table *t, const struct served *s)
{
    send_others(t, s, SERVED_READING);
}
