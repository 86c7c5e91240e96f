/* A stage for whole peers: see peer_play.h. */
#include "tests/unit/peer_play.h"

#include <stdlib.h>

#include "tests/unit/crypto_fixture.h"
#include "proto/record.h"

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
    if (!sent || other == stage_slot(n->index))
        return;
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

static void settle(struct stage_node *n)
{
    struct stage *s = n->stage;
    int turns = 0;
    do {
        struct effects e;
        ck_assert_int_lt(turns++, TURNS_MAX);
        memset(n->sealed, 0, sizeof n->sealed);
        peer_effects(n->peer, s->now, &e);
        for (size_t i = 0; i < e.datagram_count; i++)
            send_datagram(s, n->index, &e.datagrams[i]);
        write_log(n, &e);
        for (size_t i = 0; i < e.answer_count; i++)
            keep_answer(s, n->index, &e.answers[i]);
        for (size_t i = 0; i < e.notice_count; i++)
            n->notices[e.notices[i].kind]++;
    } while (peer_pending(n->peer));
}

void stage_event(struct stage *s, size_t node, const struct event *event)
{
    struct stage_node *n = &s->nodes[node];
    ck_assert(n->up);
    peer_step(n->peer, s->now, event);
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
    return n->up ? instant_earlier(peer_deadline(n->peer), n->disk.done_at) : INSTANT_NEVER;
}

static void land(struct stage *s)
{
    struct stage_flight f = s->flights[s->flight_start];
    s->flight_start = (s->flight_start + 1) % FLIGHTS_MAX;
    s->flight_count--;
    s->carried++;
    if (s->nodes[f.to].up && !s->cut[f.from][f.to])
        stage_datagram(s, f.to, f.bytes, f.size);
}

/* The next thing that happens, if it does by `limit`. */
static bool next(struct stage *s, struct instant limit)
{
    struct instant at = s->flight_count ? s->flights[s->flight_start].due : INSTANT_NEVER;
    size_t who = STAGE_NODES_MAX;
    for (size_t i = 0; i < s->count; i++) {
        struct instant deadline = node_deadline(&s->nodes[i]);
        if (deadline.ns < at.ns) {
            at = deadline;
            who = i;
        }
    }
    if (at.ns > limit.ns || at.ns == INSTANT_NEVER.ns)
        return false;
    if (at.ns > s->now.ns)
        s->now = at;
    if (who == STAGE_NODES_MAX)
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
    c->self = stage_slot(n->index);
    c->key = &n->key;
    c->max_locks = 512;
    c->max_ops = s->max_ops;
    c->register_bytes = 4 * 1024 * 1024;
    memset(c->boot_id, (int)n->boot, sizeof c->boot_id);
    memset(c->seed, s->seed, sizeof c->seed);
    c->seed[0] = (uint8_t)n->index;
    c->seed[1] = (uint8_t)n->run;
    c->seed[2] = (uint8_t)(n->run >> 8);
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
    n->up = true;
    peer_start(n->peer, s->now);
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
    n->up = false;
    n->boot++;
    memcpy(n->disk.written, n->disk.synced, n->disk.synced_size);
    n->disk.written_size = n->disk.synced_size;
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
        if (s->nodes[f.to].up)
            stage_datagram(s, f.to, f.bytes, f.size);
    }
}

struct stage *stage_begin(size_t count, uint8_t seed)
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
    s->digest = digest_of(canonical, roster_encode(canonical, &s->roster));
    memcpy(s->cluster.bytes, s->digest.bytes, DIGEST_SIZE);
    for (size_t i = 0; i < count; i++) {
        struct stage_node *n = &s->nodes[i];
        n->stage = s;
        n->index = i;
        n->boot = 1;
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
    for (size_t i = 0; i < s->count; i++) {
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
        if (!s->nodes[i].up)
            continue;
        struct peer_status status = stage_status(s, i);
        if (status.store == STORE_CHECKING || !status.life_known)
            return false;
        for (size_t j = 0; j < s->count; j++) {
            struct member_view view;
            peer_member(s->nodes[i].peer, stage_slot(j), &view);
            if (j != i && s->nodes[j].up && (view.state != MEMBER_ALIVE || view.unreachable))
                return false;
        }
    }
    return true;
}

struct stage *stage_open(size_t count, uint8_t seed)
{
    struct stage *s = stage_begin(count, seed);
    for (size_t i = 0; i < count; i++)
        ck_assert_int_eq(stage_start(s, i), RECOVERED);
    ck_assert(stage_until(s, stage_all_settled, NULL, 10 * STAGE_SECOND));
    return s;
}

/* --- Clients --- */

struct view stage_view(const char *name)
{
    return (struct view){(const uint8_t *)name, strlen(name)};
}

static uint64_t ask(struct stage *s, size_t node, struct event *event)
{
    event->acquire.handle = ++s->last_handle;
    stage_event(s, node, event);
    return s->last_handle;
}

static uint64_t acquire(struct stage *s, size_t node, const char *name, enum lock_mode mode,
                        bool try, int64_t ms)
{
    struct event event = {
        .kind = EVENT_ACQUIRE,
        .acquire = {.name = stage_view(name),
                    .mode = mode,
                    .policy = LOCK_STALE_HOLD,
                    .try = try,
                    .deadline = ms < 0 ? INSTANT_NEVER : instant_after(s->now, SPAN_MS(ms)),
                    .process = stage_view("a process")}};
    return ask(s, node, &event);
}

uint64_t stage_acquire_by(struct stage *s, size_t node, const char *name, enum lock_mode mode,
                          int64_t ms)
{
    return acquire(s, node, name, mode, false, ms);
}

uint64_t stage_acquire(struct stage *s, size_t node, const char *name, enum lock_mode mode)
{
    return acquire(s, node, name, mode, false, -1);
}

uint64_t stage_try(struct stage *s, size_t node, const char *name, enum lock_mode mode)
{
    return acquire(s, node, name, mode, true, -1);
}

uint64_t stage_drop(struct stage *s, size_t node, struct op_id hold)
{
    struct event event = {.kind = EVENT_DROP, .drop = {.handle = ++s->last_handle, .hold = hold}};
    stage_event(s, node, &event);
    return s->last_handle;
}

uint64_t stage_ask_show(struct stage *s, size_t node, const char *name)
{
    struct event event = {
        .kind = EVENT_SHOW,
        .show = {.handle = ++s->last_handle, .name = stage_view(name), .deadline = INSTANT_NEVER}};
    stage_event(s, node, &event);
    return s->last_handle;
}

const struct answer *stage_answer(const struct stage *s, uint64_t handle, enum answer_kind kind)
{
    for (size_t i = s->last_answers[handle]; i; i = s->answers[i - 1].before)
        if (s->answers[i - 1].answer.kind == kind)
            return &s->answers[i - 1].answer;
    return NULL;
}

size_t stage_answer_count(const struct stage *s, uint64_t handle, enum answer_kind kind)
{
    size_t count = 0;
    for (size_t i = s->last_answers[handle]; i; i = s->answers[i - 1].before)
        count += s->answers[i - 1].answer.kind == kind;
    return count;
}

struct awaited {
    uint64_t handle;
    enum answer_kind kind;
};

static bool answered(struct stage *s, void *context)
{
    const struct awaited *awaited = context;
    return stage_answer(s, awaited->handle, awaited->kind) != NULL;
}

const struct answer *stage_await(struct stage *s, uint64_t handle, enum answer_kind kind,
                                 int64_t ms)
{
    struct awaited awaited = {handle, kind};
    stage_until(s, answered, &awaited, ms);
    return stage_answer(s, handle, kind);
}

struct op_id stage_id(const struct stage *s, uint64_t handle)
{
    const struct answer *accepted = stage_answer(s, handle, ANSWER_ACCEPTED);
    ck_assert_ptr_nonnull(accepted);
    return accepted->hold;
}

uint64_t stage_hold(struct stage *s, size_t node, const char *name, enum lock_mode mode)
{
    uint64_t handle = stage_acquire(s, node, name, mode);
    ck_assert_msg(stage_await(s, handle, ANSWER_GRANTED, 10 * STAGE_SECOND),
                  "node %zu does not get \"%s\"", node, name);
    return handle;
}

void stage_release(struct stage *s, size_t node, uint64_t handle)
{
    uint64_t drop = stage_drop(s, node, stage_id(s, handle));
    ck_assert_ptr_nonnull(stage_await(s, drop, ANSWER_DROPPED, STAGE_SECOND));
    stage_run(s, 50);
}

const struct lock_state *stage_show(struct stage *s, size_t node, const char *name)
{
    uint64_t handle = stage_ask_show(s, node, name);
    ck_assert_msg(stage_await(s, handle, ANSWER_SHOWN, 5 * STAGE_SECOND),
                  "node %zu cannot look at \"%s\"", node, name);
    return &s->shown;
}

/* --- Looking --- */

struct peer_status stage_status(const struct stage *s, size_t node)
{
    struct peer_status status;
    peer_status(s->nodes[node].peer, &status);
    return status;
}

const struct peer_counters *stage_counters(const struct stage *s, size_t node)
{
    return peer_counters(s->nodes[node].peer);
}

static const struct peer *anybody(const struct stage *s)
{
    for (size_t i = 0; i < s->count; i++)
        if (s->nodes[i].peer)
            return s->nodes[i].peer;
    ck_abort_msg("nobody was ever up");
    return NULL;
}

int stage_coordinator(const struct stage *s, const char *name)
{
    uint32_t shard = peer_shard(anybody(s), stage_view(name));
    int found = STAGE_NONE;
    for (size_t i = 0; i < s->count; i++) {
        if (!s->nodes[i].up || peer_coordinator(s->nodes[i].peer, shard) != stage_slot(i))
            continue;
        if (found != STAGE_NONE)
            return STAGE_NONE;
        found = (int)i;
    }
    return found;
}

int stage_place(const struct stage *s, const char *name, size_t node)
{
    uint16_t cohort[ROSTER_COHORT_MAX];
    uint32_t shard = peer_shard(anybody(s), stage_view(name));
    size_t size = peer_cohort(anybody(s), shard, cohort);
    for (size_t i = 0; i < size; i++)
        if (cohort[i] == stage_slot(node))
            return (int)i;
    return -1;
}

const char *stage_name_of(const struct stage *s, size_t node)
{
    static char names[STAGE_NODES_MAX][32];
    for (unsigned i = 0; i < 10000; i++) {
        snprintf(names[node], sizeof names[node], "image-%u", i);
        if (stage_place(s, names[node], node) == 0)
            return names[node];
    }
    ck_abort_msg("no cohort begins with node %zu", node);
    return NULL;
}

size_t stage_other(const struct stage *s, size_t a, size_t b)
{
    for (size_t i = 0; i < s->count; i++)
        if (i != a && i != b)
            return i;
    ck_abort_msg("there is no third node");
    return 0;
}

bool stage_op(const struct stage *s, size_t node, struct op_id id, struct op_view *out)
{
    size_t cursor = 0;
    while (peer_next_op(s->nodes[node].peer, &cursor, out))
        if (op_equal(out->id, id))
            return true;
    return false;
}

size_t stage_op_count(const struct stage *s, size_t node)
{
    size_t cursor = 0, count = 0;
    struct op_view view;
    while (peer_next_op(s->nodes[node].peer, &cursor, &view))
        count++;
    return count;
}
