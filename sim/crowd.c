/* Membership of thousands: see crowd.h. */
#include "sim/crowd.h"

#include "crypto/statement.h"
#include "proto/must.h"
#include "proto/swim.h"
#include "proto/words.h"
#include "sim/queue.h"
#include "sim/random.h"
#include "sim/world.h"

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <time.h>

enum {
    OUTBOX_SIZE = 4 * 1024 * 1024,
    WORDS_EACH = 64,     /* of one member, believed by somebody at the same time */
    SETTLE_SECONDS = 40, /* the words of the start are told out */
    BYTES_BESIDE = SEAL_OVERHEAD + DATAGRAM_PREFIX,
    NODES_MIN = 3
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

struct crowd_options {
    uint64_t seed;
    size_t nodes;
    size_t kill;
    size_t cut;
    int64_t seconds;
    int64_t cut_seconds;
    uint32_t loss_permille;
    bool cold;
    bool json;
};

struct crowd_figures {
    uint64_t events;
    uint64_t datagrams;
    uint64_t bytes;
    uint64_t false_suspicions;
    uint64_t false_deaths;
    int64_t suspected_first; /* ns after the deaths; -1: never */
    int64_t dead_first;
    int64_t dead_last; /* everybody alive holds all of them dead */
    int64_t agreed_at; /* ns of virtual time: the views became true, and stayed so */
};

struct crowd {
    struct crowd_options o;
    struct roster *roster;
    struct key_pair *keys;
    struct cluster_id cluster;
    struct words words;
    struct person *people;
    uint8_t *memory;
    size_t memory_each;
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
    uint64_t wrong;    /* ordered pairs of living, connected nodes, one of which does not hold the
                          other alive */
    uint64_t not_dead; /* pairs of a living node and a killed one that it does not hold dead */
    int64_t settled_at;
    uint64_t hash;
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
    c->f.datagrams++;
    c->f.bytes += p->size + BYTES_BESIDE;
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
        int64_t since = c->now - c->settled_at;
        if (change->after == MEMBER_SUSPECT && c->f.suspected_first < 0)
            c->f.suspected_first = since;
        if (change->after == MEMBER_DEAD && c->f.dead_first < 0)
            c->f.dead_first = since;
        c->not_dead += (change->before == MEMBER_DEAD);
        c->not_dead -= (change->after == MEMBER_DEAD);
        if (c->not_dead == 0 && change->before != change->after)
            c->f.dead_last = since;
        return;
    }
    if (!together(c, observer, subject))
        return;
    bool known = change->before != MEMBER_UNKNOWN;
    c->wrong += (uint64_t)before;
    c->wrong -= (uint64_t)after;
    c->f.false_suspicions += known && change->after == MEMBER_SUSPECT;
    c->f.false_deaths += known && change->after == MEMBER_DEAD;
    if (c->wrong == 0 && !before)
        c->f.agreed_at = c->now;
}

/* After something changed the truth: counts anew. Costs a look at every pair. */
static void count_pairs(struct crowd *c)
{
    c->wrong = c->not_dead = 0;
    for (size_t i = 0; i < c->o.nodes; i++) {
        for (size_t k = 0; k < c->o.nodes && !c->people[i].dead; k++) {
            if (i == k)
                continue;
            enum member_state state = swim_state(c->people[i].swim, slot_of(k));
            if (c->people[k].dead)
                c->not_dead += state != MEMBER_DEAD;
            else if (together(c, i, k))
                c->wrong += state != MEMBER_ALIVE;
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

static void run_until(struct crowd *c, int64_t until)
{
    static const uint8_t hash_key[HASH_KEY_SIZE] = "crowd";
    struct item item;
    while (queue_pop(&c->queue, &item)) {
        if (item.at > until) {
            queue_push(&c->queue, item);
            break;
        }
        uint64_t line[3] = {c->hash, (uint64_t)item.at, (uint64_t)item.kind << 32 | item.machine};
        c->hash = hash64(hash_key, (const uint8_t *)line, sizeof line);
        c->now = item.at;
        c->f.events++;
        if (item.kind == HAPPEN_TICK)
            take_tick(c, &item);
        else
            take_datagram(c, &item);
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
    struct swim_config config = {.roster = c->roster,
                                 .cluster = c->cluster,
                                 .timing = swim_timing_default(),
                                 .words = &c->words,
                                 .self = slot_of(0)};
    c->memory_each = swim_size(&config);
    c->memory = take_memory(c->o.nodes * c->memory_each);
    for (size_t i = 0; i < c->o.nodes; i++) {
        config.self = slot_of(i);
        config.key = &c->keys[i];
        c->people[i].swim =
            swim_init(c->memory + i * c->memory_each, &config, &c->outbox, &c->drbg);
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
    c->settled_at = c->now;
    count_pairs(c);
}

/* --- Figures --- */

static int64_t cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * second + t.tv_nsec;
}

static void print_after(const char *what, int64_t ns)
{
    if (ns < 0)
        printf("%s never", what);
    else
        printf("%s after %lld.%lld s", what, (long long)(ns / second),
               (long long)(ns % second / 100000000));
}

static void print_deaths(const struct crowd *c)
{
    if (c->o.kill == 0)
        return;
    printf("  %zu killed:", c->o.kill);
    print_after(" suspected", c->f.suspected_first);
    print_after(", held dead by the first", c->f.dead_first);
    print_after(", by everybody", c->not_dead ? -1 : c->f.dead_last);
    putchar('\n');
}

static void print_figures(const struct crowd *c, int64_t cpu)
{
    const struct crowd_figures *f = &c->f;
    uint64_t person_seconds = (uint64_t)(c->o.seconds) * c->o.nodes;
    uint64_t pairs = (uint64_t)c->o.nodes * c->o.nodes;
    uint64_t each = 10 * c->memory_each / c->o.nodes, untrue = c->wrong + c->not_dead;
    if (cpu < 1)
        cpu = 1;
    printf("crowd of %zu nodes, seed %llu: %lld s after %d s of settling\n", c->o.nodes,
           (unsigned long long)c->o.seed, (long long)c->o.seconds, SETTLE_SECONDS);
    printf("  %llu.%02llu datagrams and %llu bytes a node and second\n",
           (unsigned long long)(f->datagrams / person_seconds),
           (unsigned long long)(f->datagrams * 100 / person_seconds % 100),
           (unsigned long long)(f->bytes / person_seconds));
    print_deaths(c);
    printf("  %llu false suspicions, %llu false deaths; %llu of %llu pairs disagree with the truth",
           (unsigned long long)f->false_suspicions, (unsigned long long)f->false_deaths,
           (unsigned long long)untrue, (unsigned long long)pairs);
    print_after(c->wrong ? "" : ", none", c->wrong ? -1 : f->agreed_at - c->settled_at);
    printf("\n  %llu.%llu bytes a pair of members\n", (unsigned long long)(each / 10),
           (unsigned long long)(each % 10));
    printf("  %llu events, %llu a CPU second; %llu.%02llu virtual seconds a CPU second, hash "
           "%016llx\n",
           (unsigned long long)f->events,
           (unsigned long long)(f->events * 1000 / (uint64_t)(cpu / 1000000 + 1)),
           (unsigned long long)(c->o.seconds * second / cpu),
           (unsigned long long)(c->o.seconds * second * 100 / cpu % 100),
           (unsigned long long)c->hash);
}

static void print_crowd_json(const struct crowd *c, int64_t cpu)
{
    const struct crowd_figures *f = &c->f;
    printf("{\"nodes\":%zu,\"seed\":%llu,\"seconds\":%lld,\"kill\":%zu,\"cut\":%zu,"
           "\"datagrams\":%llu,\"bytes\":%llu,\"suspected_first_ms\":%lld,\"dead_first_ms\":%lld,"
           "\"dead_last_ms\":%lld,\"false_suspicions\":%llu,\"false_deaths\":%llu,\"wrong\":%llu,"
           "\"not_dead\":%llu,\"bytes_each\":%zu,\"events\":%llu,\"cpu_ms\":%lld}\n",
           c->o.nodes, (unsigned long long)c->o.seed, (long long)c->o.seconds, c->o.kill, c->o.cut,
           (unsigned long long)f->datagrams, (unsigned long long)f->bytes,
           (long long)(f->suspected_first / 1000000), (long long)(f->dead_first / 1000000),
           (long long)(f->dead_last / 1000000), (unsigned long long)f->false_suspicions,
           (unsigned long long)f->false_deaths, (unsigned long long)c->wrong,
           (unsigned long long)c->not_dead, c->memory_each, (unsigned long long)f->events,
           (long long)(cpu / 1000000));
}

/* --- The command --- */

static const char crowd_usage[] =
    "usage: holdfast-sim crowd [options]\n"
    "  --nodes N        members (default 1000)\n"
    "  --seconds S      of virtual time, after the start has settled (default 60)\n"
    "  --kill K         so many die when it has (default 1)\n"
    "  --cut C          so many are cut off then, from the others but not from each other\n"
    "  --cut-seconds S  for so long (default 30)\n"
    "  --loss P         of a thousand datagrams are lost (default 0)\n"
    "  --cold           nobody knows anybody in the beginning\n"
    "  --seed N         (default 1)\n"
    "  --json           figures as one JSON object\n";

static _Noreturn void crowd_refuse(void)
{
    fputs(crowd_usage, stderr);
    exit(EXIT_USAGE);
}

static _Noreturn void crowd_help(void)
{
    fputs(crowd_usage, stdout);
    exit(EXIT_CLEAN);
}

static uint64_t crowd_number(const char *text, uint64_t low, uint64_t high)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || v < low || v > high)
        crowd_refuse();
    return v;
}

static struct crowd_options crowd_parse(int argc, char **argv)
{
    static const struct option options[] = {
        {"nodes", required_argument, NULL, 'n'},
        {"seconds", required_argument, NULL, 't'},
        {"kill", required_argument, NULL, 'k'},
        {"cut", required_argument, NULL, 'c'},
        {"cut-seconds", required_argument, NULL, 'C'},
        {"loss", required_argument, NULL, 'l'},
        {"cold", no_argument, NULL, 'o'},
        {"seed", required_argument, NULL, 's'},
        {"json", no_argument, NULL, 'J'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    struct crowd_options o = {
        .seed = 1, .nodes = 1000, .kill = 1, .seconds = 60, .cut_seconds = 30};
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'n')
            o.nodes = crowd_number(optarg, NODES_MIN, ROSTER_NODES_MAX);
        else if (c == 't')
            o.seconds = (int64_t)crowd_number(optarg, 1, 100000);
        else if (c == 'k')
            o.kill = crowd_number(optarg, 0, ROSTER_NODES_MAX);
        else if (c == 'c')
            o.cut = crowd_number(optarg, 0, ROSTER_NODES_MAX);
        else if (c == 'C')
            o.cut_seconds = (int64_t)crowd_number(optarg, 1, 100000);
        else if (c == 'l')
            o.loss_permille = (uint32_t)crowd_number(optarg, 0, 1000);
        else if (c == 's')
            o.seed = crowd_number(optarg, 0, UINT64_MAX);
        else if (c == 'o')
            o.cold = true;
        else if (c == 'J')
            o.json = true;
        else if (c == 'h')
            crowd_help();
        else
            crowd_refuse();
    }
    if (optind < argc || o.kill + o.cut + 2 > o.nodes || (o.cut && o.cut_seconds >= o.seconds))
        crowd_refuse();
    return o;
}

int crowd_main(int argc, char **argv)
{
    static struct crowd c;
    c.o = crowd_parse(argc, argv);
    must(sodium_init() >= 0);
    open_crowd(&c);
    c.f.suspected_first = c.f.dead_first = c.f.dead_last = -1;
    run_until(&c, c.now + SETTLE_SECONDS * second);
    struct crowd_figures settled = c.f;
    strike(&c);
    int64_t end = c.now + c.o.seconds * second, began = cpu_now();
    if (c.parted) {
        run_until(&c, c.now + c.o.cut_seconds * second);
        c.parted = false;
        count_pairs(&c);
    }
    run_until(&c, end);
    int64_t cpu = cpu_now() - began;
    c.f.events -= settled.events;
    c.f.datagrams -= settled.datagrams;
    c.f.bytes -= settled.bytes;
    if (c.o.json)
        print_crowd_json(&c, cpu);
    else
        print_figures(&c, cpu);
    /* With loss somebody is under suspicion at every moment. */
    return c.not_dead || (c.wrong && c.o.loss_permille == 0) ? EXIT_STUCK : EXIT_CLEAN;
}
