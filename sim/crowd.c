/* Membership of thousands: see crowd.h. */
#include "sim/crowd.h"

#include "crypto/statement.h"
#include "proto/must.h"
#include "proto/swim.h"
#include "proto/words.h"
#include "sim/queue.h"
#include "sim/random.h"
#include "sim/world.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    OUTBOX_SIZE = 4 * 1024 * 1024,
    WORDS_EACH = 64, /* of one member, believed by somebody at the same time */
    BYTES_BESIDE = SEAL_OVERHEAD + DATAGRAM_PREFIX
};

static const struct range delay = {SPAN_MS(0), SPAN_MS(1)};

struct packet {
    uint16_t from;
    uint16_t size;
    uint32_t next_free;
    uint8_t bytes[DATAGRAM_ROOM];
};

struct person {
    struct swim *swim;
    int64_t tick_at; /* the earliest tick that is planned; INT64_MAX: none */
    bool dead;       /* killed */
    bool cut;        /* on the smaller side of the cut */
};

struct crowd {
    struct crowd_options o;
    struct roster *roster;
    struct key_pair *keys;
    struct cluster_id cluster;
    struct words words;
    struct person *people;
    uint8_t *memory;
    struct outbox outbox;
    struct drbg drbg;
    struct random random;
    struct queue queue;
    struct packet *packets;
    size_t packet_count;
    size_t packet_room;
    uint32_t packet_free; /* index + 1 */
    int64_t now;
    bool parted;
    struct crowd_figures f;
};

static const int64_t second = 1000000000;

static uint16_t slot_of(size_t index)
{
    return (uint16_t)(index + 1);
}

static void *take_memory(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    if (memory == MAP_FAILED) {
        fprintf(stderr, "holdfast-sim: no memory for %zu MB\n", size >> 20);
        exit(EXIT_USAGE);
    }
    (void)madvise(memory, size, MADV_HUGEPAGE); /* tables of gigabytes, looked at here and there */
    return memory;
}

/* --- The network --- */

static uint32_t packet_new(struct crowd *c)
{
    if (c->packet_free) {
        uint32_t at = c->packet_free - 1;
        c->packet_free = c->packets[at].next_free;
        return at;
    }
    if (c->packet_count == c->packet_room) {
        c->packet_room = c->packet_room ? 2 * c->packet_room : 4096;
        c->packets = realloc(c->packets, c->packet_room * sizeof *c->packets);
        must(c->packets);
    }
    return (uint32_t)c->packet_count++;
}

static void packet_drop(struct crowd *c, uint32_t at)
{
    c->packets[at].next_free = c->packet_free;
    c->packet_free = at + 1;
}

static void send_packet(struct crowd *c, uint32_t at, uint16_t to)
{
    struct packet *p = &c->packets[at];
    c->f.cost.datagrams++;
    c->f.cost.bytes += p->size + BYTES_BESIDE;
    if (random_chance(&c->random, c->o.loss_permille)) {
        packet_drop(c, at);
        return;
    }
    struct span after = random_span(&c->random, delay.low, delay.high);
    queue_push(&c->queue,
               (struct item){
                   .at = c->now + after.ns, .kind = HAPPEN_DATAGRAM, .machine = to, .detail = at});
}

/* What `from` has to say goes out: consecutive messages to one node in one datagram, as the link
 * does it. */
static void send_all(struct crowd *c, uint16_t from)
{
    struct outbox_entry e;
    uint32_t at = 0;
    int to = -1;
    while (outbox_next(&c->outbox, &e)) {
        uint16_t index = (uint16_t)(e.to - 1);
        if (to >= 0 && (to != index || c->packets[at].size + e.bytes.size > DATAGRAM_ROOM)) {
            send_packet(c, at, (uint16_t)to);
            to = -1;
        }
        if (to < 0) {
            at = packet_new(c);
            c->packets[at].from = from;
            c->packets[at].size = 0;
            to = index;
        }
        struct packet *p = &c->packets[at];
        must(p->size + e.bytes.size <= DATAGRAM_ROOM);
        memcpy(p->bytes + p->size, e.bytes.bytes, e.bytes.size);
        p->size = (uint16_t)(p->size + e.bytes.size);
    }
    if (to >= 0)
        send_packet(c, at, (uint16_t)to);
}

/* --- The truth --- */

static bool together(const struct crowd *c, size_t a, size_t b)
{
    return !c->people[a].dead && !c->people[b].dead &&
           (!c->parted || c->people[a].cut == c->people[b].cut);
}

static void judge_change(struct crowd *c, size_t observer, const struct swim_change *change)
{
    size_t subject = (size_t)change->slot - 1;
    bool before = change->before == MEMBER_ALIVE, after = change->after == MEMBER_ALIVE;
    if (subject == observer)
        return;
    if (c->people[subject].dead) {
        int64_t since = c->now - c->f.settled_at;
        if (change->after == MEMBER_SUSPECT && c->f.suspected_first < 0)
            c->f.suspected_first = since;
        if (change->after == MEMBER_DEAD && c->f.dead_first < 0)
            c->f.dead_first = since;
        c->f.not_dead += (change->before == MEMBER_DEAD);
        c->f.not_dead -= (change->after == MEMBER_DEAD);
        if (c->f.not_dead == 0 && change->before != change->after)
            c->f.dead_last = since;
        return;
    }
    if (!together(c, observer, subject))
        return;
    bool known = change->before != MEMBER_UNKNOWN;
    c->f.wrong += (uint64_t)before;
    c->f.wrong -= (uint64_t)after;
    c->f.false_suspicions += known && change->after == MEMBER_SUSPECT;
    c->f.false_deaths += known && change->after == MEMBER_DEAD;
    if (c->f.wrong == 0 && !before)
        c->f.agreed_at = c->now;
}

/* After something changed the truth: counts anew. Costs a look at every pair. */
static void count_pairs(struct crowd *c)
{
    c->f.wrong = c->f.not_dead = 0;
    for (size_t i = 0; i < c->o.nodes; i++) {
        for (size_t k = 0; k < c->o.nodes && !c->people[i].dead; k++) {
            if (i == k)
                continue;
            enum member_state state = swim_state(c->people[i].swim, slot_of(k));
            if (c->people[k].dead)
                c->f.not_dead += state != MEMBER_DEAD;
            else if (together(c, i, k))
                c->f.wrong += state != MEMBER_ALIVE;
        }
    }
    c->f.agreed_at = c->now;
}

/* --- Events --- */

/* Whatever a node did: its messages leave, its changes are judged, its timer is planned. */
static void after_step(struct crowd *c, size_t index)
{
    struct person *p = &c->people[index];
    struct swim_change change;
    send_all(c, (uint16_t)index);
    while (swim_next_change(p->swim, &change))
        judge_change(c, index, &change);
    struct instant deadline = swim_deadline(p->swim);
    if (deadline.ns < p->tick_at) {
        p->tick_at = deadline.ns;
        queue_push(&c->queue, (struct item){.at = deadline.ns > c->now ? deadline.ns : c->now,
                                            .kind = HAPPEN_TICK,
                                            .machine = (uint16_t)index,
                                            .tag = (uint64_t)deadline.ns});
    }
}

static void take_tick(struct crowd *c, const struct item *item)
{
    struct person *p = &c->people[item->machine];
    if (p->dead || (int64_t)item->tag != p->tick_at)
        return;
    p->tick_at = INT64_MAX;
    swim_step(p->swim, (struct instant){c->now});
    after_step(c, item->machine);
}

static void take_datagram(struct crowd *c, const struct item *item)
{
    struct person *p = &c->people[item->machine];
    struct packet packet = c->packets[item->detail];
    packet_drop(c, item->detail);
    bool parted = c->parted && p->cut != c->people[packet.from].cut;
    if (p->dead || parted)
        return;
    struct reader r = reader_init(packet.bytes, packet.size);
    struct instant now = {c->now};
    while (reader_left(&r) > 0) {
        struct message m;
        bool ok = wire_decode(&m, &r);
        must(ok);
        swim_take(p->swim, now, slot_of(packet.from), &m);
    }
    after_step(c, item->machine);
}

/* Up to that moment; with `agree` only until every view is true, and then now is that moment. */
static void run_until(struct crowd *c, int64_t until, bool agree)
{
    static const uint8_t hash_key[HASH_KEY_SIZE] = "crowd";
    struct item item;
    while (queue_pop(&c->queue, &item)) {
        if (item.at > until) {
            queue_push(&c->queue, item);
            break;
        }
        uint64_t line[3] = {c->f.hash, (uint64_t)item.at, (uint64_t)item.kind << 32 | item.machine};
        c->f.hash = hash64(hash_key, (const uint8_t *)line, sizeof line);
        c->now = item.at;
        c->f.cost.events++;
        if (item.kind == HAPPEN_TICK)
            take_tick(c, &item);
        else
            take_datagram(c, &item);
        if (agree && c->f.wrong == 0)
            return;
    }
    c->now = until;
}

/* --- Beginning and end --- */

static void make_people(struct crowd *c)
{
    uint8_t seed[KEY_SEED_SIZE];
    c->roster = take_memory(sizeof *c->roster);
    c->keys = take_memory(c->o.nodes * sizeof *c->keys);
    c->people = take_memory(c->o.nodes * sizeof *c->people);
    c->roster->epoch = 1;
    c->roster->node_count = c->o.nodes;
    for (size_t i = 0; i < c->o.nodes; i++) {
        random_bytes(&c->random, seed, sizeof seed);
        key_pair_make(&c->keys[i], seed);
        c->roster->nodes[i].slot = slot_of(i);
        c->roster->nodes[i].key = c->keys[i].public;
    }
}

static void make_swims(struct crowd *c)
{
    size_t room = words_room(c->o.nodes) + WORDS_EACH * c->o.nodes;
    words_init(&c->words, take_memory(words_bytes(c->o.nodes, room)), c->o.nodes, room);
    struct swim_config config = {
        .roster = c->roster,
        .cluster = c->cluster,
        .timing = timing_derive(timing_detect_default(c->o.nodes), c->o.nodes, NULL),
        .words = &c->words,
        .self = slot_of(0)};
    c->f.memory_each = swim_size(&config);
    c->memory = take_memory(c->o.nodes * c->f.memory_each);
    for (size_t i = 0; i < c->o.nodes; i++) {
        config.self = slot_of(i);
        config.key = &c->keys[i];
        c->people[i].swim =
            swim_init(c->memory + i * c->f.memory_each, &config, &c->outbox, &c->drbg);
        c->people[i].tick_at = INT64_MAX;
    }
}

static struct nonce nonce_of(size_t index)
{
    struct nonce nonce = {{0}};
    struct writer w = writer_init(nonce.bytes, sizeof nonce.bytes);
    write_u64(&w, index + 1);
    return nonce;
}

/* The words that the nodes will begin with are known to all of them, as long ago as can be. */
static void introduce(struct crowd *c)
{
    struct wire_alive *said = take_memory(c->o.nodes * sizeof *said);
    for (size_t k = 0; k < c->o.nodes; k++) {
        uint8_t statement[MEMBER_STATEMENT_SIZE];
        said[k] = (struct wire_alive){.slot = slot_of(k), .life = 1, .life_nonce = nonce_of(k)};
        wire_member_statement(statement, &said[k]);
        said[k].signature =
            statement_sign(STATEMENT_MEMBER, &c->cluster, statement, sizeof statement, &c->keys[k]);
    }
    for (size_t i = 0; i < c->o.nodes; i++)
        for (size_t k = 0; k < c->o.nodes; k++)
            swim_recall(c->people[i].swim, (struct instant){c->now}, &said[k]);
    munmap(said, c->o.nodes * sizeof *said);
}

static void start_all(struct crowd *c)
{
    struct swim_change change;
    for (size_t i = 0; i < c->o.nodes; i++) {
        struct nonce nonce = nonce_of(i);
        while (swim_next_change(c->people[i].swim, &change)) /* of the introduction */
            continue;
        swim_start(c->people[i].swim, (struct instant){c->now}, 1, &nonce);
    }
    count_pairs(c);
    for (size_t i = 0; i < c->o.nodes; i++)
        after_step(c, i);
}

static void open_crowd(struct crowd *c)
{
    uint8_t seed[DRBG_SEED_SIZE];
    random_init(&c->random, c->o.seed, STREAM_CLUSTER);
    random_bytes(&c->random, seed, sizeof seed);
    drbg_init(&c->drbg, seed);
    random_bytes(&c->random, c->cluster.bytes, sizeof c->cluster.bytes);
    outbox_init(&c->outbox, take_memory(OUTBOX_SIZE), OUTBOX_SIZE, 0);
    c->now = second;
    make_people(c);
    make_swims(c);
    if (!c->o.cold)
        introduce(c);
    start_all(c);
}

/* Somebody who was not chosen before. */
static size_t choose(struct crowd *c)
{
    size_t at;
    do
        at = (size_t)random_below(&c->random, c->o.nodes);
    while (c->people[at].dead || c->people[at].cut);
    return at;
}

static void strike(struct crowd *c)
{
    for (size_t i = 0; i < c->o.kill; i++)
        c->people[choose(c)].dead = true;
    for (size_t i = 0; i < c->o.cut; i++)
        c->people[choose(c)].cut = true;
    c->parted = c->o.cut > 0;
    c->f.settled_at = c->now;
    count_pairs(c);
}

/* --- The run --- */

static int64_t cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * second + t.tv_nsec;
}

/* What happened since `before`. */
static struct crowd_cost cost_since(const struct crowd *c, const struct crowd_cost *before)
{
    return (struct crowd_cost){.ns = c->now - before->ns,
                               .cpu_ns = cpu_now() - before->cpu_ns,
                               .events = c->f.cost.events - before->events,
                               .datagrams = c->f.cost.datagrams - before->datagrams,
                               .bytes = c->f.cost.bytes - before->bytes};
}

static struct crowd_cost cost_now(const struct crowd *c)
{
    return cost_since(c, &(struct crowd_cost){0});
}

/* Until every node holds every other alive. */
static void run_start(struct crowd *c)
{
    struct crowd_cost before = cost_now(c);
    run_until(c, c->now + CROWD_START_SECONDS * second, true);
    c->f.start = cost_since(c, &before);
}

static void run_strike(struct crowd *c)
{
    run_until(c, c->now + CROWD_SETTLE_SECONDS * second, false);
    strike(c);
    struct crowd_cost before = cost_now(c);
    int64_t end = c->now + c->o.seconds * second;
    if (c->parted) {
        run_until(c, c->now + c->o.cut_seconds * second, false);
        c->parted = false;
        count_pairs(c);
    }
    run_until(c, end, false);
    c->f.cost = cost_since(c, &before);
}

void crowd_run(const struct crowd_options *options, struct crowd_figures *out)
{
    static struct crowd c;
    c.o = *options;
    c.f.suspected_first = c.f.dead_first = c.f.dead_last = -1;
    open_crowd(&c);
    if (c.o.cold)
        run_start(&c);
    if (c.o.seconds > 0)
        run_strike(&c);
    else
        c.f.cost = (struct crowd_cost){0};
    *out = c.f;
}
