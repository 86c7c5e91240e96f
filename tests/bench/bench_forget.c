/*
 * What becomes of names that are used once (L10): NODES whole peers in one process and in virtual
 * time, NAMES names one after the other, each locked and released.
 *
 *     bench_forget NODES NAMES RATE [SECONDS]
 *
 * RATE: names per second; SECONDS: how long a lock stays free before it is forgotten, 0 for ever
 * (60). Prints, for one node on average, how many registers there were at most and in the end, the
 * bytes of their names and states, and the log when it is written anew; and for all nodes together
 * messages, datagrams and syncs of each name, and of each lock that is forgotten when all were
 * used.
 */
#include "proto/must.h"
#include "proto/peer_internal.h"
#include "tests/unit/crypto_fixture.h"

#include <stdlib.h>

enum { NODES_MAX = 9, FLIGHTS_MAX = 1 << 16, LOG_PAYLOAD = 64 };

static const struct span trip = {200000}, sync_span = {300000};

struct node {
    struct peer *peer;
    struct key_pair key;
    uint64_t lsn; /* appended, */
    uint64_t syncing_lsn;
    bool wanted;
    struct instant synced_at; /* INSTANT_NEVER: no sync is under way */
    uint64_t syncs;
    uint32_t registers_max;
    size_t bytes_max;
};

struct flight {
    struct instant due;
    uint16_t to;
    uint16_t size;
    uint8_t bytes[DATAGRAM_MAX];
};

static struct roster roster;
static struct digest digest;
static struct cluster_id cluster;
static struct node nodes[NODES_MAX];
static size_t node_count;
static struct flight *flights; /* a ring: the delay is constant */
static size_t flight_start, flight_count;
static struct instant now = {1000000000};
static uint64_t granted, dropped;

/* What was granted is released in the next step. */
static struct owed {
    size_t node;
    struct op_id hold;
} owed[EFFECTS_ANSWERS_MAX];
static size_t owed_count;

void must_failed(const char *condition, const char *file, int line)
{
    fprintf(stderr, "%s:%d: must(%s) failed\n", file, line, condition);
    abort();
}

static _Noreturn void fail(const char *what)
{
    fprintf(stderr, "bench_forget: %s\n", what);
    exit(1);
}

static size_t index_of(uint16_t slot)
{
    return (size_t)(slot - 1) / 2;
}

static void begin_sync(struct node *n)
{
    if (!n->wanted || n->synced_at.ns != INSTANT_NEVER.ns)
        return;
    n->wanted = false;
    n->syncing_lsn = n->lsn;
    n->synced_at = instant_after(now, sync_span);
}

static void fly(const struct outgoing *o)
{
    if (flight_count == FLIGHTS_MAX)
        fail("too much is under way");
    struct flight *f = &flights[(flight_start + flight_count++) % FLIGHTS_MAX];
    f->due = instant_after(now, trip);
    f->to = (uint16_t)index_of(o->to);
    f->size = (uint16_t)o->bytes.size;
    memcpy(f->bytes, o->bytes.bytes, o->bytes.size);
}

/* A whole segment is not kept: only its size is of interest. */
static size_t write_segment(struct node *n)
{
    size_t size = peer_segment_size(n->peer);
    uint8_t *bytes = malloc(size);
    if (!bytes)
        fail("no memory");
    size = peer_segment(n->peer, bytes, size, &n->lsn);
    free(bytes);
    return size;
}

static void answer(size_t index, const struct answer *a)
{
    dropped += a->kind == ANSWER_DROPPED;
    if (a->kind != ANSWER_GRANTED)
        return;
    if (owed_count == EFFECTS_ANSWERS_MAX)
        fail("too much is granted at once");
    granted++;
    owed[owed_count++] = (struct owed){.node = index, .hold = a->hold};
}

static void settle(size_t index)
{
    struct node *n = &nodes[index];
    do {
        struct effects e;
        peer_effects(n->peer, now, &e);
        for (size_t i = 0; i < e.datagram_count; i++)
            fly(&e.datagrams[i]);
        if (e.segment_wanted)
            write_segment(n);
        n->lsn = e.lsn;
        n->wanted |= e.sync_wanted || e.write_wanted || e.segment_wanted;
        begin_sync(n);
        for (size_t i = 0; i < e.answer_count; i++)
            answer(index, &e.answers[i]);
    } while (peer_pending(n->peer));
    struct peer_status status;
    peer_status(n->peer, &status);
    if (status.lock_count > n->registers_max)
        n->registers_max = status.lock_count;
    if (n->peer->core.arena.allocated > n->bytes_max)
        n->bytes_max = n->peer->core.arena.allocated;
}

static void event(size_t index, const struct event *what)
{
    peer_step(nodes[index].peer, now, what);
    settle(index);
}

/* What happens next, if it does by then. */
static bool step(struct instant until)
{
    if (owed_count > 0) {
        struct owed o = owed[--owed_count];
        event(o.node, &(struct event){.kind = EVENT_DROP, .drop = {.handle = 1, .hold = o.hold}});
        return true;
    }
    struct instant at = flight_count ? flights[flight_start].due : INSTANT_NEVER;
    size_t who = NODES_MAX;
    for (size_t i = 0; i < node_count; i++) {
        struct instant due = instant_earlier(peer_deadline(nodes[i].peer), nodes[i].synced_at);
        if (due.ns < at.ns) {
            at = due;
            who = i;
        }
    }
    if (at.ns > until.ns) {
        now = until;
        return false;
    }
    now = at.ns > now.ns ? at : now;
    if (who == NODES_MAX) {
        struct flight f = flights[flight_start];
        flight_start = (flight_start + 1) % FLIGHTS_MAX;
        flight_count--;
        event(f.to, &(struct event){.kind = EVENT_DATAGRAM, .datagram = {f.bytes, f.size}});
    } else if (instant_reached(now, nodes[who].synced_at)) {
        nodes[who].synced_at = INSTANT_NEVER;
        nodes[who].syncs++;
        event(who, &(struct event){.kind = EVENT_DURABLE, .lsn = nodes[who].syncing_lsn});
        begin_sync(&nodes[who]);
    } else {
        event(who, &(struct event){.kind = EVENT_TICK});
    }
    return true;
}

static void run(struct span length)
{
    struct instant until = instant_after(now, length);
    while (step(until))
        ;
}

static void start(size_t index, int64_t forget_seconds)
{
    struct node *n = &nodes[index];
    struct peer_config config;
    uint8_t log[VOTELOG_HEADER_SIZE + LOG_PAYLOAD], payload[LOG_PAYLOAD];
    struct votelog_header header = {
        .store = roster.nodes[index].store, .slot = SLOT_NONE, .first_lsn = 1, .base_lsn = 1};
    struct record record = {.kind = RECORD_STORE, .store = {.adopted = 1}};
    struct writer body = writer_init(payload, sizeof payload);
    struct writer w = writer_init(log + VOTELOG_HEADER_SIZE, LOG_PAYLOAD);
    record_encode(&body, &record);
    votelog_header_encode(log, &header);
    votelog_record_encode(&w, &header.store, 1, 0, payload, writer_size(&body));
    peer_config_default(&config);
    config.roster = &roster;
    config.roster_digest = digest;
    config.cluster = cluster;
    config.self = roster.nodes[index].slot;
    n->key = fixture_key((unsigned)index);
    config.key = &n->key;
    config.max_locks = 1 << 20;
    config.register_bytes = (size_t)512 << 20;
    config.forget_span = SPAN_MS(forget_seconds * 1000);
    config.seed[0] = (uint8_t)(index + 1);
    n->synced_at = INSTANT_NEVER;
    n->peer = peer_init(malloc(peer_size(&config)), &config);
    if (peer_recover(n->peer, log, VOTELOG_HEADER_SIZE + writer_size(&w)) != RECOVERED)
        fail("a store does not open");
    peer_start(n->peer, now);
    settle(index);
}

static void open_cluster(int64_t forget_seconds)
{
    fixture_roster(&roster, node_count, 1);
    digest = fixture_digest(&roster);
    memcpy(cluster.bytes, digest.bytes, DIGEST_SIZE);
    flights = calloc(FLIGHTS_MAX, sizeof *flights);
    if (!flights)
        fail("no memory");
    for (size_t i = 0; i < node_count; i++)
        start(i, forget_seconds);
    run(SPAN_MS(10000)); /* all have met */
}

struct sums {
    int64_t at;
    uint64_t messages, datagrams, syncs, forgotten;
};

static struct sums sum(void)
{
    struct sums s = {.at = now.ns};
    for (size_t i = 0; i < node_count; i++) {
        const struct peer_counters *c = peer_counters(nodes[i].peer);
        s.messages += c->messages_out;
        s.datagrams += c->datagrams_out;
        s.syncs += nodes[i].syncs;
        s.forgotten += c->locks_forgotten;
    }
    return s;
}

/* What came in between, without what goes on anyway (as from `quiet` to `end`), for each name. */
static double each(uint64_t from, uint64_t to, uint64_t quiet, uint64_t end, double part,
                   double names)
{
    return ((double)(to - from) - (double)(end - quiet) * part) / names;
}

static void print_sums(const char *what, struct sums from, struct sums to, struct sums quiet,
                       struct sums end, double names)
{
    double part = (double)(to.at - from.at) / (double)(end.at - quiet.at);
    printf("%s: %.2f messages, %.2f datagrams, %.3f syncs\n", what,
           each(from.messages, to.messages, quiet.messages, end.messages, part, names),
           each(from.datagrams, to.datagrams, quiet.datagrams, end.datagrams, part, names),
           each(from.syncs, to.syncs, quiet.syncs, end.syncs, part, names));
}

static void print_rooms(const char *what)
{
    double registers = 0, most = 0, bytes = 0, bytes_most = 0, log = 0, served = 0;
    for (size_t i = 0; i < node_count; i++) {
        const struct peer *p = nodes[i].peer;
        const struct served_table *t = &p->coordinator.served;
        registers += p->voter.registers.count;
        most += nodes[i].registers_max;
        bytes += (double)p->core.arena.allocated;
        bytes_most += (double)nodes[i].bytes_max;
        log += (double)write_segment(&nodes[i]);
        for (uint32_t k = 0; k < t->count; k++)
            served += t->locks[k].used;
    }
    double n = (double)node_count;
    printf("%s: %.0f registers (at most %.0f), %.0f locks served, arena %.0f bytes (at most %.0f), "
           "log %.0f bytes\n",
           what, registers / n, most / n, served / n, bytes / n, bytes_most / n, log / n);
}

int main(int argc, char **argv)
{
    if (argc < 4) {
        fprintf(stderr, "usage: bench_forget NODES NAMES RATE [SECONDS]\n");
        return 64;
    }
    node_count = strtoul(argv[1], NULL, 10);
    unsigned long names = strtoul(argv[2], NULL, 10);
    double rate = strtod(argv[3], NULL);
    int64_t seconds = argc > 4 ? strtol(argv[4], NULL, 10) : 60;
    if (node_count < 3 || node_count > NODES_MAX || names == 0 || rate <= 0)
        fail("3 to 9 nodes, some names, some a second");
    open_cluster(seconds);
    struct span gap = {(int64_t)(1e9 / rate)};
    struct sums before = sum();
    for (unsigned long i = 0; i < names; i++) {
        char name[32];
        int size = snprintf(name, sizeof name, "image/%lu", i);
        struct event ask = {.kind = EVENT_ACQUIRE,
                            .acquire = {.handle = 1,
                                        .name = {(const uint8_t *)name, (size_t)size},
                                        .mode = LOCK_EXCLUSIVE,
                                        .policy = LOCK_STALE_HOLD,
                                        .deadline = INSTANT_NEVER}};
        event(i % node_count, &ask);
        run(gap);
    }
    run(SPAN_MS(1000));
    struct sums used = sum();
    print_rooms("when all were used");
    run(SPAN_MS(2 * seconds * 1000 + 10000));
    struct sums done = sum();
    print_rooms("when they were left alone");
    run(SPAN_MS(100000));
    struct sums end = sum();
    print_sums("a name, while they were used", before, used, done, end, (double)names);
    if (done.forgotten > used.forgotten)
        print_sums("a lock, while they were forgotten", used, done, done, end,
                   (double)(done.forgotten - used.forgotten));
    printf("%lu names, %lu granted, %lu dropped, %lu forgotten\n", names, (unsigned long)granted,
           (unsigned long)dropped, (unsigned long)done.forgotten);
    return granted == names && dropped == names ? 0 : 1;
}
