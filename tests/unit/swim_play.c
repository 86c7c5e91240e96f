/* A stage for swims: see swim_play.h. */
#include "tests/unit/swim_play.h"

#include <stdio.h>
#include <stdlib.h>

#include "proto/must.h"

enum { FLIGHTS_MAX = 1 << 17, DELAY_MS = 2 };

static const uint8_t trace_key[HASH_KEY_SIZE] = {0};

uint16_t play_slot(size_t actor)
{
    return (uint16_t)(10 + 3 * actor);
}

static size_t actor_of(uint16_t slot)
{
    return (size_t)(slot - 10) / 3;
}

struct nonce play_nonce(size_t actor, uint64_t life)
{
    struct nonce nonce = {{0}};
    nonce.bytes[0] = (uint8_t)(actor + 1);
    nonce.bytes[1] = (uint8_t)life;
    return nonce;
}

static void cast_actor(struct play *p, size_t i)
{
    uint8_t seed[KEY_SEED_SIZE] = {0};
    seed[0] = (uint8_t)(i + 1);
    key_pair_make(&p->actors[i].key, seed);
    struct roster_node *node = &p->roster.nodes[i];
    node->slot = play_slot(i);
    snprintf(node->name, sizeof node->name, "hv%zu", i + 1);
    node->key = p->actors[i].key.public;
    node->votes = true;
}

struct play *play_begin(size_t count, uint8_t seed)
{
    struct play *p = calloc(1, sizeof *p);
    must(p && count <= PLAY_ACTORS_MAX);
    uint8_t bytes[DRBG_SEED_SIZE] = {0};
    bytes[0] = seed;
    drbg_init(&p->drbg, bytes);
    p->count = count;
    p->now = (struct instant){INT64_C(1000000000)};
    p->timing = swim_timing_default();
    p->roster.epoch = 1;
    p->roster.node_count = count;
    memset(p->cluster.bytes, 7, sizeof p->cluster.bytes);
    for (size_t i = 0; i < count; i++)
        cast_actor(p, i);
    p->flights = calloc(FLIGHTS_MAX, sizeof *p->flights);
    must(p->flights);
    return p;
}

static void clear_actor(struct play_actor *a)
{
    free(a->memory);
    free(a->outbox_memory);
    a->memory = NULL;
    a->outbox_memory = NULL;
    a->swim = NULL;
    a->up = false;
}

void play_end(struct play *p)
{
    for (size_t i = 0; i < p->count; i++)
        clear_actor(&p->actors[i]);
    free(p->flights);
    free(p);
}

static void take_off(struct play *p, size_t from, size_t to, struct view bytes)
{
    must(bytes.size <= PLAY_LINE_MAX && p->flight_count < FLIGHTS_MAX);
    if (p->cut[from][to] || drbg_below(&p->drbg, 100) < p->loss_percent)
        return;
    size_t at = (p->flight_start + p->flight_count) % FLIGHTS_MAX;
    struct play_flight *f = &p->flights[at];
    f->due = instant_after(p->now, SPAN_MS(DELAY_MS));
    f->from = (uint16_t)from;
    f->to = (uint16_t)to;
    f->size = (uint16_t)bytes.size;
    memcpy(f->bytes, bytes.bytes, bytes.size);
    p->flight_count++;
}

/* What the actor has to say goes out; what it noticed is noted down. */
static void collect(struct play *p, size_t actor)
{
    struct play_actor *a = &p->actors[actor];
    struct outbox_entry entry;
    while (outbox_next(&a->outbox, &entry))
        take_off(p, actor, actor_of(entry.to), entry.bytes);
    must(a->outbox.dropped_full == 0);
    struct swim_change change;
    while (swim_next_change(a->swim, &change)) {
        must(a->change_count < PLAY_TALK_MAX);
        a->changes[a->change_count++] = change;
    }
}

void play_boot(struct play *p, size_t actor)
{
    struct play_actor *a = &p->actors[actor];
    clear_actor(a);
    struct swim_config config = {.roster = &p->roster,
                                 .self = play_slot(actor),
                                 .key = &a->key,
                                 .cluster = p->cluster,
                                 .timing = p->timing,
                                 .hush_among = 1};
    uint8_t seed[DRBG_SEED_SIZE];
    drbg_bytes(&p->drbg, seed, sizeof seed);
    drbg_init(&a->drbg, seed);
    a->outbox_memory = malloc(PLAY_OUTBOX_SIZE);
    a->memory = malloc(swim_size(&config));
    must(a->outbox_memory && a->memory);
    outbox_init(&a->outbox, a->outbox_memory, PLAY_OUTBOX_SIZE, 0);
    a->swim = swim_init(a->memory, &config, &a->outbox, &a->drbg);
    a->change_count = 0;
    a->up = true;
}

void play_start(struct play *p, size_t actor, uint64_t life)
{
    struct nonce nonce = play_nonce(actor, life);
    swim_start(p->actors[actor].swim, p->now, life, &nonce);
    collect(p, actor);
}

void play_connect(struct play *p, size_t a, size_t b)
{
    swim_connected(p->actors[a].swim, p->now, play_slot(b));
    collect(p, a);
    swim_connected(p->actors[b].swim, p->now, play_slot(a));
    collect(p, b);
}

void play_enter(struct play *p, size_t actor, uint64_t life)
{
    play_boot(p, actor);
    play_start(p, actor, life);
    for (size_t i = 0; i < p->count; i++) {
        if (i != actor && p->actors[i].up && !p->cut[i][actor] && !p->cut[actor][i])
            play_connect(p, actor, i);
    }
}

void play_enter_all(struct play *p)
{
    for (size_t i = 0; i < p->count; i++)
        play_enter(p, i, 1);
    play_run(p, 100);
}

void play_crash(struct play *p, size_t actor)
{
    clear_actor(&p->actors[actor]);
}

void play_away(struct play *p, size_t actor)
{
    swim_away(p->actors[actor].swim);
    collect(p, actor);
    play_run(p, 10);
    play_crash(p, actor);
}

static void trace(struct play *p, const struct play_flight *f)
{
    uint8_t line[8 + 8 + 2 + 2 + PLAY_LINE_MAX];
    struct writer w = writer_init(line, sizeof line);
    write_u64(&w, p->trace);
    write_u64(&w, (uint64_t)f->due.ns);
    write_u16(&w, f->from);
    write_u16(&w, f->to);
    write_copy(&w, f->bytes, f->size);
    p->trace = hash64(trace_key, line, writer_size(&w));
    p->carried++;
}

static void land(struct play *p)
{
    struct play_flight f = p->flights[p->flight_start];
    p->flight_start = (p->flight_start + 1) % FLIGHTS_MAX;
    p->flight_count--;
    if (!p->actors[f.to].up || p->cut[f.from][f.to])
        return;
    trace(p, &f);
    struct reader r = reader_init(f.bytes, f.size);
    struct message m;
    must(wire_decode(&m, &r) && reader_done(&r));
    swim_take(p->actors[f.to].swim, p->now, play_slot(f.from), &m);
    collect(p, f.to);
}

/* The actor whose timer ends first; p->count if none is set. */
static size_t next_timer(const struct play *p, struct instant *when)
{
    size_t who = p->count;
    *when = INSTANT_NEVER;
    for (size_t i = 0; i < p->count; i++) {
        if (!p->actors[i].up)
            continue;
        struct instant t = swim_deadline(p->actors[i].swim);
        if (t.ns < when->ns) {
            *when = t;
            who = i;
        }
    }
    return who;
}

void play_run(struct play *p, int64_t ms)
{
    struct instant end = instant_after(p->now, SPAN_MS(ms));
    for (;;) {
        struct instant timer;
        size_t who = next_timer(p, &timer);
        struct instant landing = INSTANT_NEVER;
        if (p->flight_count)
            landing = p->flights[p->flight_start].due;
        struct instant next = instant_earlier(timer, landing);
        if (next.ns > end.ns)
            break;
        if (next.ns > p->now.ns)
            p->now = next;
        if (landing.ns <= timer.ns) {
            land(p);
        } else {
            swim_step(p->actors[who].swim, p->now);
            collect(p, who);
        }
    }
    p->now = end;
}

void play_cut(struct play *p, size_t a, size_t b, bool cut)
{
    p->cut[a][b] = cut;
}

void play_split(struct play *p, size_t size, bool cut)
{
    for (size_t a = 0; a < size; a++) {
        for (size_t b = size; b < p->count; b++) {
            play_cut(p, a, b, cut);
            play_cut(p, b, a, cut);
        }
    }
}

void play_say(struct play *p, size_t from, size_t to, const struct message *m)
{
    uint8_t bytes[PLAY_LINE_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    wire_encode(&w, m);
    must(!w.failed);
    take_off(p, from, to, (struct view){bytes, writer_size(&w)});
}

struct message play_word(const struct play *p, size_t subject, size_t signer, uint64_t life,
                         uint32_t incarnation, bool left)
{
    struct message m = {.type = WIRE_ALIVE};
    m.alive = (struct wire_alive){.slot = play_slot(subject),
                                  .life = life,
                                  .life_nonce = play_nonce(subject, life),
                                  .incarnation = incarnation,
                                  .left = left};
    uint8_t bytes[MEMBER_STATEMENT_SIZE];
    wire_member_statement(bytes, &m.alive);
    m.alive.signature =
        statement_sign(STATEMENT_MEMBER, &p->cluster, bytes, sizeof bytes, &p->actors[signer].key);
    return m;
}

struct message play_accusation(enum wire_type type, size_t subject, uint64_t life,
                               uint32_t incarnation, size_t by)
{
    struct message m = {.type = type};
    if (type == WIRE_SUSPECT)
        m.suspect = (struct wire_suspect){play_slot(subject), life, incarnation, play_slot(by)};
    else
        m.dead = (struct wire_dead){play_slot(subject), life, incarnation, play_slot(by)};
    return m;
}

struct member_view play_view(const struct play *p, size_t observer, size_t subject)
{
    struct member_view v;
    swim_view(p->actors[observer].swim, play_slot(subject), &v);
    return v;
}

bool play_all_hold(const struct play *p, size_t subject, enum member_state state)
{
    for (size_t i = 0; i < p->count; i++) {
        if (i != subject && p->actors[i].up && play_view(p, i, subject).state != state)
            return false;
    }
    return true;
}

bool play_all_alive(const struct play *p)
{
    for (size_t i = 0; i < p->count; i++) {
        if (!play_all_hold(p, i, MEMBER_ALIVE))
            return false;
    }
    return true;
}

size_t play_noticed(const struct play *p, size_t observer, size_t subject, enum member_state state)
{
    const struct play_actor *a = &p->actors[observer];
    size_t times = 0;
    for (size_t i = 0; i < a->change_count; i++)
        times += a->changes[i].slot == play_slot(subject) && a->changes[i].after == state;
    return times;
}

size_t play_noticed_by_all(const struct play *p, size_t subject, enum member_state state)
{
    size_t times = 0;
    for (size_t i = 0; i < p->count; i++)
        times += play_noticed(p, i, subject, state);
    return times;
}
