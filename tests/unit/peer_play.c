/* A stage for whole peers: see peer_play.h. */
#include "tests/unit/peer_play.h"

#include <stdlib.h>

#include "proto/record.h"
#include "tests/unit/crypto_fixture.h"
#include "tests/unit/fence_play.h"

enum {
    FLIGHTS_MAX = 8192,
    KEPT_MAX = 1024,
    ANSWERS_MAX = 65536,
    HANDLES_MAX = 65536,
    LOG_MAX = 8 * 1024 * 1024,
    SHARDS = 64,
    TURNS_MAX = 100000, /* events without time passing: more is a loop */
    STORE_BYTES = VOTELOG_HEADER_SIZE + 64
};

#define TRIP      SPAN_MS(1)
#define SYNC_SPAN SPAN_MS(1)

uint16_t stage_slot(size_t node)
{
    return (uint16_t)(2 * node + 1);
}

static size_t node_of(uint16_t slot)
{
    return (size_t)(slot - 1) / 2;
}

/* --- Disks --- */

/* A store as enrolment makes it: made for the first roster, bound to no cluster yet. */
static void make_store(struct stage_node *n)
{
    struct votelog_header header = {.store = n->stage->roster.nodes[n->index].store,
                                    .slot = SLOT_NONE,
                                    .first_lsn = 1,
                                    .base_lsn = 1};
    struct record record = {.kind = RECORD_STORE, .store = {.adopted = 1}};
    uint8_t payload[64];
    struct writer body = writer_init(payload, sizeof payload);
    record_encode(&body, &record);
    struct stage_disk *d = &n->disk;
    votelog_header_encode(d->synced, &header);
    struct writer w = writer_init(d->synced + VOTELOG_HEADER_SIZE, STORE_BYTES);
    votelog_record_encode(&w, &header.store, 1, 0, payload, writer_size(&body));
    d->synced_size = VOTELOG_HEADER_SIZE + writer_size(&w);
    memcpy(d->written, d->synced, d->synced_size);
    d->written_size = d->synced_size;
}

static void begin_sync(struct stage *s, struct stage_disk *d)
{
    if (!d->wanted || d->done_at.ns != INSTANT_NEVER.ns || d->mode == SYNC_HELD)
        return;
    d->wanted = false;
    memcpy(d->syncing, d->written, d->written_size);
    d->syncing_size = d->written_size;
    d->syncing_lsn = d->written_lsn;
    d->done_at = instant_after(s->now, SYNC_SPAN);
}

static void write_log(struct stage_node *n, const struct effects *e)
{
    struct stage_disk *d = &n->disk;
    if (e->segment_wanted) {
        ck_assert_uint_le(peer_segment_size(n->peer), LOG_MAX);
        d->written_size = peer_segment(n->peer, d->written, LOG_MAX, &d->written_lsn);
    } else if (e->records.size) {
        ck_assert_uint_le(d->written_size + e->records.size, LOG_MAX);
        memcpy(d->written + d->written_size, e->records.bytes, e->records.size);
        d->written_size += e->records.size;
        d->written_lsn = e->lsn;
    }
    d->wanted |= e->sync_wanted || e->segment_wanted;
    begin_sync(n->stage, d);
}

/* --- The network --- */

static void fly(struct stage *s, size_t from, size_t to, const uint8_t *bytes, size_t size)
{
    ck_assert_uint_lt(s->flight_count, FLIGHTS_MAX);
    struct stage_flight *f = &s->flights[(s->flight_start + s->flight_count++) % FLIGHTS_MAX];
    f->due = instant_after(s->now, TRIP);
    f->from = (uint16_t)from;
    f->to = (uint16_t)to;
    f->size = (uint16_t)size;
    memcpy(f->bytes, bytes, size);
}

static void note_trace(struct stage *s, const struct outgoing *o)
{
    static const uint64_t prime = UINT64_C(0x100000001b3); /* FNV-1a */
    s->trace = (s->trace ^ (uint64_t)s->now.ns) * prime;
    for (size_t i = 0; i < o->bytes.size; i++)
        s->trace = (s->trace ^ o->bytes.bytes[i]) * prime;
}

static void send_datagram(struct stage *s, size_t from, const struct outgoing *o)
{
    size_t to = node_of(o->to);
    ck_assert_uint_lt(to, s->count);
    ck_assert_uint_le(o->bytes.size, DATAGRAM_MAX);
    note_trace(s, o);
    if (s->cut[from][to])
        return;
    enum stage_fate fate =
        s->way ? s->way(s->way_context, from, to, s->nodes[from].sealed[to]) : FATE_PASS;
    if (fate == FATE_LOSE)
        return;
    fly(s, from, to, o->bytes.bytes, o->bytes.size);
    if (s->twin && to == s->twin_of)
        fly(s, from, s->count, o->bytes.bytes, o->bytes.size);
    if (fate == FATE_PASS) {
        if (s->twice)
            fly(s, from, to, o->bytes.bytes, o->bytes.size);
        return;
    }
    ck_assert_uint_lt(s->kept_count, KEPT_MAX);
    s->kept[s->kept_count++] = s->flights[(s->flight_start + --s->flight_count) % FLIGHTS_MAX];
}

static void tap(void *context, bool sent, uint16_t other, const struct message *m)
{
    struct stage_node *n = context;
    if (other == stage_slot(n->index))
        return;
    if (!sent) {
        n->heard[m->type]++;
        n->last[m->type] = *m;
        n->last_from[m->type] = other;
        return;
    }
    n->sent[m->type]++;
    n->sealed[node_of(other)] |= UINT64_C(1) << m->type;
}

/* --- Turns --- */

static void keep_answer(struct stage *s, size_t node, const struct answer *answer)
{
    ck_assert_uint_lt(s->answer_count, ANSWERS_MAX);
    ck_assert_uint_lt(answer->handle, HANDLES_MAX);
    size_t *last = &s->last_answers[answer->handle];
    s->answers[s->answer_count++] =
        (struct stage_answer){.node = node, .before = *last, .answer = *answer};
    *last = s->answer_count;
    if (answer->kind == ANSWER_SHOWN)
        s->shown = *answer->state;
}

static void keep_steps(struct stage_node *n, struct view steps)
{
    struct view one;
    struct fence_step step;
    while (fence_steps_next(&steps, &one)) {
        ck_assert(fence_step_decode(&step, one));
        n->steps[step.kind]++;
        n->last_step[step.kind] = step;
    }
}

/* What its clock shows: the stage's time, but for as long as it stood. */
static struct instant clock_of(const struct stage_node *n)
{
    struct instant now = n->stage->now;
    return n->clock_stands ? n->clock : (struct instant){now.ns - n->clock_behind.ns};
}

static void settle(struct stage_node *n)
{
    struct stage *s = n->stage;
    int turns = 0;
    bool written;
    do {
        struct effects e;
        ck_assert_int_lt(turns++, TURNS_MAX);
        memset(n->sealed, 0, sizeof n->sealed);
        peer_effects(n->peer, clock_of(n), &e);
        for (size_t i = 0; i < e.datagram_count; i++)
            send_datagram(s, n->index, &e.datagrams[i]);
        write_log(n, &e);
        for (size_t i = 0; i < e.answer_count; i++)
            keep_answer(s, n->index, &e.answers[i]);
        for (size_t i = 0; i < e.notice_count; i++) {
            n->notices[e.notices[i].kind]++;
            n->last_notice[e.notices[i].kind] = e.notices[i];
        }
        keep_steps(n, e.steps);
        if (e.pet) {
            n->pets++;
            n->pet_at = s->now;
            n->pet_until = e.pet_until;
        }
        for (size_t i = 0; i < e.run_count; i++)
            stage_begin_run(s, n->index, &e.runs[i]);
        written = e.write_wanted && !e.segment_wanted && !n->disk.write_held;
        if (written)
            peer_step(n->peer, clock_of(n), &(struct event){.kind = EVENT_WRITTEN, .lsn = e.lsn});
    } while (written || peer_pending(n->peer));
    ck_assert(peer_agrees(n->peer));
}

void stage_event(struct stage *s, size_t node, const struct event *event)
{
    struct stage_node *n = &s->nodes[node];
    ck_assert(n->up && !n->paused);
    peer_step(n->peer, clock_of(n), event);
    settle(n);
}

void stage_datagram(struct stage *s, size_t to, const void *bytes, size_t size)
{
    struct event event = {.kind = EVENT_DATAGRAM, .datagram = {bytes, size}};
    stage_event(s, to, &event);
}

/* --- Time --- */

static void finish_sync(struct stage_node *n)
{
    struct stage_disk *d = &n->disk;
    struct event event = {.kind = EVENT_DURABLE, .lsn = d->syncing_lsn};
    d->done_at = INSTANT_NEVER;
    d->syncs++;
    if (d->mode == SYNC_FAILS) {
        event.kind = EVENT_SYNC_FAILED;
        d->mode = SYNC_HELD; /* nothing is ever tried again */
    } else {
        memcpy(d->synced, d->syncing, d->syncing_size);
        d->synced_size = d->syncing_size;
    }
    stage_event(n->stage, n->index, &event);
    begin_sync(n->stage, d);
}

static struct instant node_deadline(const struct stage_node *n)
{
    if (!n->up || n->paused)
        return INSTANT_NEVER;
    struct instant due =
        n->clock_stands ? INSTANT_NEVER : instant_after(peer_deadline(n->peer), n->clock_behind);
    return instant_earlier(due, n->disk.done_at);
}

static void land(struct stage *s)
{
    struct stage_flight f = s->flights[s->flight_start];
    s->flight_start = (s->flight_start + 1) % FLIGHTS_MAX;
    s->flight_count--;
    s->carried++;
    if (s->nodes[f.to].up && !s->nodes[f.to].paused && !s->cut[f.from][f.to])
        stage_datagram(s, f.to, f.bytes, f.size);
}

/* The next thing that happens, if it does by `limit`. */
static bool next(struct stage *s, struct instant limit)
{
    struct instant at = s->flight_count ? s->flights[s->flight_start].due : INSTANT_NEVER;
    size_t who = STAGE_NODES_MAX;
    struct stage_run *run = stage_next_run(s);
    for (size_t i = 0; i < s->count + s->twin; i++) {
        struct instant deadline = node_deadline(&s->nodes[i]);
        if (deadline.ns < at.ns) {
            at = deadline;
            who = i;
        }
    }
    if (run && run->due.ns < at.ns)
        at = run->due;
    else
        run = NULL;
    if (at.ns > limit.ns || at.ns == INSTANT_NEVER.ns)
        return false;
    if (at.ns > s->now.ns)
        s->now = at;
    if (run)
        stage_end_run(s, run);
    else if (who == STAGE_NODES_MAX)
        land(s);
    else if (instant_reached(s->now, s->nodes[who].disk.done_at))
        finish_sync(&s->nodes[who]);
    else
        stage_event(s, who, &(struct event){.kind = EVENT_TICK});
    return true;
}

static bool never(struct stage *s, void *context)
{
    (void)s;
    (void)context;
    return false;
}

void stage_run(struct stage *s, int64_t ms)
{
    stage_until(s, never, NULL, ms);
}

bool stage_until(struct stage *s, bool (*so)(struct stage *s, void *context), void *context,
                 int64_t ms)
{
    struct instant limit = instant_after(s->now, SPAN_MS(ms));
    struct instant before = s->now;
    int turns = 0;
    while (!so(s, context)) {
        if (!next(s, limit)) {
            s->now = limit;
            return so(s, context);
        }
        turns = s->now.ns == before.ns ? turns + 1 : 0;
        before = s->now;
        ck_assert_msg(turns < TURNS_MAX, "time stands still");
    }
    return true;
}

/* --- Machines --- */

static void config_fill(struct stage_node *n)
{
    struct stage *s = n->stage;
    struct peer_config *c = &n->config;
    peer_config_default(c);
    c->roster = &s->roster;
    c->roster_digest = s->digest;
    c->cluster = s->cluster;
    c->self = stage_slot(n->index < s->count ? n->index : s->twin_of);
    c->key = &n->key;
    c->max_locks = s->max_locks ? s->max_locks : 512;
    c->max_ops = s->max_ops;
    c->max_served = s->max_served;
    c->forget_span = SPAN_MS(s->forget_ms);
    c->stop_on_isolation = !s->go_on_isolated;
    c->watchdog = SPAN_MS(s->watchdog_ms);
    c->watchdog_fresh = n->device_boot != n->boot;
    n->device_boot = s->watchdog_ms ? n->boot : 0;
    c->register_bytes = 4 * 1024 * 1024;
    memset(c->boot_id, (int)n->boot, sizeof c->boot_id);
    memset(c->seed, s->seed, sizeof c->seed);
    c->seed[0] = (uint8_t)n->index;
    c->seed[1] = (uint8_t)n->run;
    c->seed[2] = (uint8_t)(n->run >> 8);
}

/* Its own randomness, and a disk that began as a copy. */
size_t stage_twin(struct stage *s, size_t node)
{
    const struct stage_node *of = &s->nodes[node];
    struct stage_node *n = &s->nodes[s->count];
    ck_assert(!s->twin);
    s->twin = true;
    s->twin_of = node;
    n->stage = s;
    n->index = s->count;
    n->boot = of->boot;
    n->run = 100;
    n->key = of->key;
    n->disk = (struct stage_disk){.written = malloc(LOG_MAX),
                                  .synced = malloc(LOG_MAX),
                                  .syncing = malloc(LOG_MAX),
                                  .done_at = INSTANT_NEVER};
    memcpy(n->disk.written, of->disk.written, of->disk.written_size);
    n->disk.written_size = of->disk.written_size;
    stage_start(s, s->count);
    return s->count;
}

enum peer_recovery stage_start(struct stage *s, size_t node)
{
    struct stage_node *n = &s->nodes[node];
    struct stage_disk *d = &n->disk;
    ck_assert(!n->up);
    n->run++;
    config_fill(n);
    n->memory = realloc(n->memory, peer_size(&n->config));
    n->peer = peer_init(n->memory, &n->config);
    enum peer_recovery recovery = peer_recover(n->peer, d->written, d->written_size);
    if (recovery == RECOVERY_LOST) {
        struct store_id fresh = {{0x77, (uint8_t)node, (uint8_t)n->run}};
        n->peer = peer_init(n->memory, &n->config);
        peer_recover_lost(n->peer, &fresh);
    }
    ck_assert(recovery != RECOVERY_FOREIGN && recovery != RECOVERY_TOO_LARGE);
    peer_set_tap(n->peer, tap, n);
    d->done_at = INSTANT_NEVER;
    d->wanted = false;
    if (d->mode == SYNC_FAILS)
        d->mode = SYNC_PROMPT;
    n->up = n->powered = true;
    n->paused = false;
    peer_start(n->peer, clock_of(n));
    settle(n);
    return recovery;
}

void stage_kill(struct stage *s, size_t node)
{
    ck_assert(s->nodes[node].up);
    s->nodes[node].up = false;
}

void stage_power_cut(struct stage *s, size_t node)
{
    struct stage_node *n = &s->nodes[node];
    n->up = n->powered = n->paused = false;
    n->boot++;
    memcpy(n->disk.written, n->disk.synced, n->disk.synced_size);
    n->disk.written_size = n->disk.synced_size;
}

void stage_pause(struct stage *s, size_t node, bool paused)
{
    ck_assert(s->nodes[node].up);
    s->nodes[node].paused = paused;
}

void stage_stop_clock(struct stage *s, size_t node, bool stands)
{
    struct stage_node *n = &s->nodes[node];
    if (stands)
        n->clock = clock_of(n);
    else
        n->clock_behind = span_between(n->clock, s->now);
    n->clock_stands = stands;
}

void stage_sync(struct stage *s, size_t node, enum stage_sync mode)
{
    s->nodes[node].disk.mode = mode;
    begin_sync(s, &s->nodes[node].disk);
}

void stage_cut(struct stage *s, size_t a, size_t b, bool cut)
{
    s->cut[a][b] = s->cut[b][a] = cut;
}

void stage_isolate(struct stage *s, size_t node, bool cut)
{
    for (size_t i = 0; i < s->count; i++)
        if (i != node)
            stage_cut(s, node, i, cut);
}

void stage_deliver_kept(struct stage *s)
{
    size_t count = s->kept_count;
    s->kept_count = 0;
    for (size_t i = 0; i < count; i++) {
        struct stage_flight f = s->kept[i];
        if (s->nodes[f.to].up && !s->nodes[f.to].paused)
            stage_datagram(s, f.to, f.bytes, f.size);
    }
}

struct stage *stage_begin(size_t count, uint8_t seed)
{
    return stage_begin_under(count, seed, NULL);
}

struct stage *stage_begin_under(size_t count, uint8_t seed, void (*change)(struct roster *roster))
{
    struct stage *s = calloc(1, sizeof *s);
    static uint8_t canonical[ROSTER_BYTES_MAX];
    ck_assert_uint_le(count, STAGE_NODES_MAX);
    s->count = count;
    s->seed = seed;
    s->max_ops = 512;
    s->now = (struct instant){INT64_C(1000000000)};
    s->flights = calloc(FLIGHTS_MAX, sizeof *s->flights);
    s->kept = calloc(KEPT_MAX, sizeof *s->kept);
    s->answers = calloc(ANSWERS_MAX, sizeof *s->answers);
    s->last_answers = calloc(HANDLES_MAX, sizeof *s->last_answers);
    fixture_roster(&s->roster, count, 1);
    s->roster.shard_count = SHARDS;
    if (change)
        change(&s->roster);
    s->digest = digest_of(canonical, roster_encode(canonical, &s->roster));
    memcpy(s->cluster.bytes, s->digest.bytes, DIGEST_SIZE);
    for (size_t i = 0; i < count; i++) {
        struct stage_node *n = &s->nodes[i];
        n->stage = s;
        n->index = i;
        n->boot = 1;
        n->tool_ms = 100;
        n->key = fixture_key((unsigned)i);
        n->disk = (struct stage_disk){.written = malloc(LOG_MAX),
                                      .synced = malloc(LOG_MAX),
                                      .syncing = malloc(LOG_MAX),
                                      .done_at = INSTANT_NEVER};
        make_store(n);
    }
    return s;
}

void stage_end(struct stage *s)
{
    for (size_t i = 0; i < s->count + s->twin; i++) {
        free(s->nodes[i].disk.written);
        free(s->nodes[i].disk.synced);
        free(s->nodes[i].disk.syncing);
        free(s->nodes[i].memory);
    }
    free(s->flights);
    free(s->kept);
    free(s->answers);
    free(s->last_answers);
    free(s);
}

bool stage_all_settled(struct stage *s, void *context)
{
    (void)context;
    for (size_t i = 0; i < s->count; i++) {
        if (!s->nodes[i].up || s->nodes[i].paused)
            continue;
        struct peer_status status = stage_status(s, i);
        if (status.store == STORE_CHECKING || !status.life_known)
            return false;
        for (size_t j = 0; j < s->count; j++) {
            struct member_view view;
            peer_member(s->nodes[i].peer, stage_slot(j), &view);
            bool there = j != i && s->nodes[j].up && !s->nodes[j].paused;
            if (there && (view.state != MEMBER_ALIVE || view.unreachable))
                return false;
        }
    }
    return true;
}

void stage_start_all(struct stage *s)
{
    for (size_t i = 0; i < s->count; i++)
        ck_assert_int_eq(stage_start(s, i), RECOVERED);
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
}

struct stage *stage_open(size_t count, uint8_t seed)
{
    struct stage *s = stage_begin(count, seed);
    stage_start_all(s);
    return s;
}
