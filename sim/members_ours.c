/* The real membership (proto/swim.h) as a mode: see members.h. */
#include "sim/members.h"

#include "crypto/statement.h"
#include "proto/limits.h"
#include "proto/must.h"
#include "proto/words.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

enum {
    OUTBOX_SIZE = 8 * 1024 * 1024,
    WORDS_EACH = 64,
    BYTES_BESIDE = SEAL_OVERHEAD + DATAGRAM_PREFIX
};

struct ours {
    struct roster *roster;
    struct key_pair *keys;
    struct cluster_id cluster;
    struct words words;
    void *words_memory;
    size_t words_size;
    uint8_t *memory;
    size_t memory_size;
    struct swim **swims;
    struct outbox outbox;
    void *outbox_memory;
    struct drbg drbg;
};

static struct ours *ours_of(const struct members_world *w)
{
    return w->state;
}

static uint16_t slot_of(size_t index)
{
    return (uint16_t)(index + 1);
}

static void *map(size_t size)
{
    void *memory = mmap(NULL, size, PROT_READ | PROT_WRITE,
                        MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE, -1, 0);
    must(memory != MAP_FAILED);
    (void)madvise(memory, size, MADV_HUGEPAGE);
    return memory;
}

static void make_roster(struct members_world *w)
{
    struct ours *o = ours_of(w);
    uint8_t seed[KEY_SEED_SIZE];
    o->roster = calloc(1, sizeof *o->roster);
    o->keys = calloc(w->o.nodes, sizeof *o->keys);
    must(o->roster && o->keys);
    o->roster->epoch = 1;
    o->roster->node_count = w->o.nodes;
    for (size_t i = 0; i < w->o.nodes; i++) {
        random_bytes(&w->random, seed, sizeof seed);
        key_pair_make(&o->keys[i], seed);
        o->roster->nodes[i].slot = slot_of(i);
        o->roster->nodes[i].key = o->keys[i].public;
    }
}

static void make_swims(struct members_world *w)
{
    struct ours *o = ours_of(w);
    size_t n = w->o.nodes, room = words_room(n) + WORDS_EACH * n;
    o->words_size = words_bytes(n, room);
    o->words_memory = map(o->words_size);
    words_init(&o->words, o->words_memory, n, room);
    struct swim_config config = {.roster = o->roster,
                                 .cluster = o->cluster,
                                 .timing = timing_derive(timing_detect_default(n), n, NULL),
                                 .words = &o->words,
                                 .self = slot_of(0)};
    size_t each = swim_size(&config);
    o->memory_size = n * each;
    o->memory = map(o->memory_size);
    o->swims = calloc(n, sizeof(struct swim *));
    must(o->swims);
    for (size_t i = 0; i < n; i++) {
        config.self = slot_of(i);
        config.key = &o->keys[i];
        o->swims[i] = swim_init(o->memory + i * each, &config, &o->outbox, &o->drbg);
    }
}

static struct nonce nonce_of(size_t index)
{
    struct nonce nonce = {{0}};
    struct writer w = writer_init(nonce.bytes, sizeof nonce.bytes);
    write_u64(&w, index + 1);
    return nonce;
}

static void discard_changes(struct swim *s)
{
    struct swim_change change;
    while (swim_next_change(s, &change))
        continue;
}

/* The words that the nodes will begin with are known to all, as long ago as can be. */
static void introduce(struct members_world *w)
{
    struct ours *o = ours_of(w);
    for (size_t k = 0; k < w->o.nodes; k++) {
        uint8_t statement[MEMBER_STATEMENT_SIZE];
        struct wire_alive said = {.slot = slot_of(k), .life = 1, .life_nonce = nonce_of(k)};
        wire_member_statement(statement, &said);
        said.signature =
            statement_sign(STATEMENT_MEMBER, &o->cluster, statement, sizeof statement, &o->keys[k]);
        for (size_t i = 0; i < w->o.nodes; i++)
            swim_recall(o->swims[i], (struct instant){w->now}, &said);
    }
    for (size_t i = 0; i < w->o.nodes; i++)
        discard_changes(o->swims[i]);
}

static void ours_open(struct members_world *w)
{
    struct ours *o = calloc(1, sizeof *o);
    uint8_t seed[DRBG_SEED_SIZE];
    must(o);
    w->state = o;
    random_bytes(&w->random, seed, sizeof seed);
    drbg_init(&o->drbg, seed);
    random_bytes(&w->random, o->cluster.bytes, sizeof o->cluster.bytes);
    o->outbox_memory = map(OUTBOX_SIZE);
    outbox_init(&o->outbox, o->outbox_memory, OUTBOX_SIZE, 0);
    make_roster(w);
    make_swims(w);
    if (w->o.warm)
        introduce(w);
}

static void ours_close(struct members_world *w)
{
    struct ours *o = ours_of(w);
    munmap(o->outbox_memory, OUTBOX_SIZE);
    munmap(o->words_memory, o->words_size);
    munmap(o->memory, o->memory_size);
    free(o->swims);
    free(o->keys);
    free(o->roster);
    free(o);
}

struct bundle {
    int to; /* -1: nothing begun */
    size_t size;
    uint8_t bytes[DATAGRAM_ROOM];
};

static void send_bundle(struct members_world *w, size_t from, struct bundle *b)
{
    if (b->to >= 0)
        members_send(w, from, (size_t)b->to, b->bytes, b->size, b->size + BYTES_BESIDE, false);
    b->to = -1;
    b->size = 0;
}

/* Consecutive messages to one node share a datagram, as the link does it. */
static void after(struct members_world *w, size_t node)
{
    struct ours *o = ours_of(w);
    struct bundle b = {.to = -1};
    struct outbox_entry e;
    struct swim_change change;
    while (outbox_next(&o->outbox, &e)) {
        int to = e.to - 1;
        must(e.bytes.size <= sizeof b.bytes);
        if (b.to != to || b.size + e.bytes.size > sizeof b.bytes)
            send_bundle(w, node, &b);
        b.to = to;
        memcpy(b.bytes + b.size, e.bytes.bytes, e.bytes.size);
        b.size += e.bytes.size;
    }
    send_bundle(w, node, &b);
    while (swim_next_change(o->swims[node], &change))
        members_changed(w, node, (size_t)change.slot - 1, change.before, change.after);
}

static void ours_start(struct members_world *w, size_t node)
{
    struct nonce nonce = nonce_of(node);
    swim_start(ours_of(w)->swims[node], (struct instant){w->now}, 1, &nonce);
    discard_changes(ours_of(w)->swims[node]);
    after(w, node);
}

static int64_t ours_deadline(struct members_world *w, size_t node)
{
    return w->nodes[node].blocked ? INT64_MAX : swim_deadline(ours_of(w)->swims[node]).ns;
}

static void ours_step(struct members_world *w, size_t node)
{
    if (w->nodes[node].blocked) /* one thread: where it waits, all waits */
        return;
    swim_step(ours_of(w)->swims[node], (struct instant){w->now});
    after(w, node);
}

static void ours_take(struct members_world *w, size_t node, size_t from, const uint8_t *bytes,
                      size_t size)
{
    struct reader r = reader_init(bytes, size);
    while (reader_left(&r) > 0) {
        struct message m;
        bool ok = wire_decode(&m, &r);
        must(ok);
        swim_take(ours_of(w)->swims[node], (struct instant){w->now}, slot_of(from), &m);
    }
    after(w, node);
}

static enum member_state ours_state(const struct members_world *w, size_t observer, size_t subject)
{
    return swim_state(ours_of(w)->swims[observer], slot_of(subject));
}

const struct members_rules members_rules_ours = {"holdfast",    ours_open, ours_close, ours_start,
                                                 ours_deadline, ours_step, ours_take,  ours_state};
