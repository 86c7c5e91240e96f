/*
 * A started peer of three, whose two companions say whatever the input says.
 *
 * The input's messages are sealed by real links under real sessions, so that all of it comes in
 * *after opening*: the datagram is authentic, what it says is not. Between them time passes, writes
 * become durable or fail, and clients ask. What must hold: no crash, no message out that does not
 * fit, bounded work for a bounded input, and a log that recovers to what the peer had promised
 * (L6).
 *
 * The input is a row of steps; each begins with a byte:
 *     0x00..0x7f  a message body follows: type u8, size u8, bytes; said by node 1 or 2 (bit 0)
 *                 bit 1: the fields are made plausible first (the sender's slot, the peer's epoch,
 *                 a known name, a vote, order or proof that is signed)
 *     0x80..0xbf  time passes: one of sixteen spans
 *     0xc0..0xdf  everything appended so far is durable
 *     0xe0..0xef  a client asks: acquire, try, show, or drops what was asked last
 *     0xf0..0xff  the sync fails (0xf7), the agent leaves (0xf8), a new segment (0xf9), the last
 *                 run of a fence device ends (0xfa..0xfc: unknown, off, on), a file is handed in
 *                 (0xfd), a port is refused
 */
#include <stdlib.h>

#include "proto/must.h"
#include "proto/peer_internal.h"
#include "tests/unit/crypto_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    NODES = 3,
    STEPS_MAX = 400,
    TURNS_MAX = 64, /* of effects after one event */
    LOG_MAX = 4 * 1024 * 1024,
    LINK_MEMORY = 8 * 1024 * 1024,
    NAMES = 4
};

struct companion {
    struct core core;
    struct link link;
    struct key_pair key;
    void *memory;
};

static struct roster roster;
static struct peer_config config;
static struct key_pair own_key;
static struct companion companions[NODES - 1];
static struct peer *peer;
static void *peer_memory;
static void *again_memory;
static uint8_t *log_bytes;
static size_t log_size;
static uint64_t durable_lsn; /* of the last EVENT_DURABLE that could be sent */
static struct instant now;
static struct op_id last_hold;
static struct run last_run;
static bool failed;

static const char *const names[NAMES] = {"image", "a", "another image", "*"};

static uint16_t slot(size_t node)
{
    return (uint16_t)(2 * node + 1);
}

/* --- The world --- */

static void keep_records(const struct effects *e)
{
    if (e->segment_wanted || log_size + e->records.size > LOG_MAX) {
        must(peer_segment_size(peer) <= LOG_MAX);
        log_size = peer_segment(peer, log_bytes, LOG_MAX, &durable_lsn);
    } else if (e->records.size > 0) {
        memcpy(log_bytes + log_size, e->records.bytes, e->records.size);
        log_size += e->records.size;
        durable_lsn = e->lsn;
    }
}

static void note_answers(const struct effects *e)
{
    for (size_t i = 0; i < e->answer_count; i++) {
        const struct answer *a = &e->answers[i];
        if (a->kind == ANSWER_ACCEPTED)
            last_hold = a->hold;
        must(a->kind != ANSWER_SHOWN || a->state);
        must(a->holder_count <= ANSWER_HOLDERS_MAX);
    }
}

static void hear_companion(const struct outgoing *o)
{
    size_t node = (size_t)(o->to - 1) / 2;
    must(node >= 1 && node < NODES && o->bytes.size <= DATAGRAM_MAX);
    struct link_messages messages;
    link_open(&companions[node - 1].link, now, o->bytes, &(struct address){0}, &messages);
}

static void settle(void)
{
    struct effects e;
    int turns = 0;
    do {
        must(turns++ < TURNS_MAX);
        peer_effects(peer, now, &e);
        keep_records(&e);
        note_answers(&e);
        if (e.run_count > 0)
            last_run = e.runs[e.run_count - 1];
        for (size_t i = 0; i < e.datagram_count; i++)
            hear_companion(&e.datagrams[i]);
    } while (peer_pending(peer));
}

static void event(const struct event *what)
{
    peer_step(peer, now, what);
    settle();
}

static void say(struct companion *c)
{
    c->core.now = now;
    const struct outgoing *out;
    size_t count = link_flush(&c->link, now, &out);
    for (size_t i = 0; i < count; i++)
        if (out[i].to == config.self)
            event(&(struct event){.kind = EVENT_DATAGRAM, .datagram = out[i].bytes});
}

static void all_durable(void)
{
    if (!failed && durable_lsn > 0)
        event(&(struct event){.kind = EVENT_DURABLE, .lsn = durable_lsn});
}

static void pass(int64_t ms)
{
    now = instant_after(now, SPAN_MS(ms));
    event(&(struct event){.kind = EVENT_TICK});
    for (size_t i = 0; i < NODES - 1; i++)
        say(&companions[i]);
}

/* --- Beginning --- */

static void make_world(void)
{
    fixture_roster(&roster, NODES, 1);
    roster.shard_count = 2;
    own_key = fixture_key(0);
    peer_config_default(&config);
    config.roster = &roster;
    config.self = slot(0);
    config.roster_digest = fixture_digest(&roster);
    config.key = &own_key;
    config.max_locks = 8;
    config.max_ops = 4;
    config.forget_span = SPAN_MS(100);
    config.register_bytes = 256 * 1024;
    memset(config.boot_id, 1, sizeof config.boot_id);
    peer_memory = malloc(peer_size(&config));
    again_memory = malloc(peer_size(&config));
    log_bytes = malloc(LOG_MAX);
    for (size_t i = 0; i < NODES - 1; i++) {
        companions[i].key = fixture_key((unsigned)i + 1);
        companions[i].memory = malloc(LINK_MEMORY);
    }
}

/* A store as enrolment makes it. */
static void make_store(void)
{
    struct votelog_header header = {
        .store = roster.nodes[0].store, .slot = SLOT_NONE, .first_lsn = 1, .base_lsn = 1};
    struct record record = {.kind = RECORD_STORE, .store = {.adopted = 1}};
    uint8_t payload[64];
    struct writer body = writer_init(payload, sizeof payload);
    record_encode(&body, &record);
    votelog_header_encode(log_bytes, &header);
    struct writer w = writer_init(log_bytes + VOTELOG_HEADER_SIZE, 256);
    votelog_record_encode(&w, &header.store, 1, 0, payload, writer_size(&body));
    log_size = VOTELOG_HEADER_SIZE + writer_size(&w);
}

static void begin_companion(size_t i)
{
    struct companion *c = &companions[i];
    memset(&c->core, 0, sizeof c->core);
    c->core.config = config;
    c->core.config.self = slot(i + 1);
    c->core.config.key = &c->key;
    c->core.drbg = fixture_drbg((uint8_t)(i + 1));
    must(link_bytes(&config) <= LINK_MEMORY);
    link_init(&c->link, &c->core, c->memory);
    link_start(&c->link, now);
}

/* Three that know each other, and a peer that has been told that its store is not behind. */
static void begin(void)
{
    now = (struct instant){INT64_C(1000000000)};
    failed = false;
    durable_lsn = 0;
    last_hold = (struct op_id){0};
    last_run = (struct run){0};
    make_store();
    for (size_t i = 0; i < NODES - 1; i++)
        begin_companion(i);
    peer = peer_init(peer_memory, &config);
    must(peer_recover(peer, log_bytes, log_size) == RECOVERED);
    peer_start(peer, now);
    settle();
    all_durable();
    for (int i = 0; i < 20; i++)
        pass(20);
    for (size_t i = 0; i < NODES - 1; i++)
        must(link_connected(&companions[i].link, config.self));
}

/* --- Steps --- */

static struct view name_of(uint8_t choice)
{
    const char *name = names[choice % NAMES];
    return (struct view){(const uint8_t *)name, strlen(name)};
}

/* One that the peer may have, and the other names under low numbers. */
static struct view some_locks(uint8_t choice)
{
    static uint8_t bytes[NAMES * (8 + 1 + LOCK_NAME_MAX)];
    struct writer w = writer_init(bytes, sizeof bytes);
    for (int n = 0; n < NAMES; n++)
        if (choice & 16 || n == choice % NAMES)
            put_lock(&w, 1 + (choice >> 5), name_of((uint8_t)n));
    must(!w.failed);
    return (struct view){bytes, writer_size(&w)};
}

/* The peer asked with a number that the input cannot guess. */
static void answer_check(struct companion *c, struct wire_store_known *known)
{
    (void)c;
    known->seq = peer->check.seq;
}

/* An order against one of the three, by so many votes that allow all; or a proof: the node's own
 * word, or node 1's receipt with that order. */
static struct order_cert some_order(uint8_t choice)
{
    struct order order = {.epoch = 1,
                          .roster = config.roster_digest,
                          .slot = slot(choice % NODES),
                          .life = 1 + choice / 8 % 2};
    return fixture_order_cert(&order, choice % 2, 1 + choice / 4 % 2, 3, &config.cluster);
}

static struct view some_proof(uint8_t choice)
{
    static uint8_t bytes[PROOF_BYTES_MAX];
    struct proof proof = fixture_end(choice % NODES, 1 + choice / 8 % 2, &config.cluster);
    if (choice & 4) {
        proof = (struct proof){.kind = PROOF_EXECUTED,
                               .cert = some_order(choice),
                               .receipt = {.action = 1, .witness = WITNESS_NONE}};
        memcpy(proof.receipt.device, roster.nodes[choice % NODES].device, DEVICE_SIZE);
        fixture_receipt_sign(&proof, 1, &config.cluster);
    }
    struct writer w = writer_init(bytes, sizeof bytes);
    proof_encode(&w, &proof);
    must(!w.failed);
    return (struct view){bytes, writer_size(&w)};
}

static struct view order_bytes(uint8_t choice)
{
    static uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct order_cert cert = some_order(choice);
    struct writer w = writer_init(bytes, sizeof bytes);
    order_cert_encode(&w, &cert);
    must(!w.failed);
    return (struct view){bytes, writer_size(&w)};
}

/* The words of fencing name a node that there is, and a life that could be. */
static void make_fencing(struct companion *c, struct message *m, uint8_t choice)
{
    uint16_t about = slot(choice % NODES);
    uint64_t life = 1 + choice / 8 % 2;
    struct order order = {.epoch = 1, .roster = config.roster_digest, .slot = about, .life = life};
    if (m->type == WIRE_ACCUSE) {
        m->accuse.slot = about;
        m->accuse.life = life;
    } else if (m->type == WIRE_VOTE) {
        struct vote vote = fixture_vote(&order, (size_t)(c - companions) + 1, 3, &config.cluster);
        m->vote.slot = about;
        m->vote.life = life;
        m->vote.allows = vote.allows;
        m->vote.age_ms = vote.age_ms;
        m->vote.signature = vote.signature;
    } else if (m->type == WIRE_EXEC_ASK) {
        m->exec_ask.slot = about;
        m->exec_ask.life = life;
    } else if (m->type == WIRE_WITNESS_ASK) {
        m->witness_ask.slot = about;
        m->witness_ask.life = life;
    } else if (m->type == WIRE_ORDER) {
        m->order.cert = order_bytes(choice);
    } else if (m->type == WIRE_PROOF) {
        m->proof.bytes = some_proof(choice);
    } else if (m->type == WIRE_LIFE_STORED) {
        m->life_stored.life = peer->core.life;
    } else if (m->type == WIRE_RENEWED) {
        m->renewed.life = peer->core.life;
        m->renewed.seq = peer->fencing.standing.seq;
    }
}

/* Makes a message one that could be meant: of its sender, this epoch, a name in use. */
static void make_plausible(struct companion *c, struct message *m, uint8_t choice)
{
    uint16_t from = c->core.config.self;
#define MAKE_u8(field)
#define MAKE_u16(field)
#define MAKE_u32(field)
#define MAKE_u64(field)
#define MAKE_flag(field)
#define MAKE_ballot(field)                                                                         \
    (field).epoch = 1;                                                                             \
    (field).round %= 8;                                                                            \
    (field).slot = choice & 4 ? config.self : from;
#define MAKE_op(field)                                                                             \
    if (choice & 8)                                                                                \
        (field) = last_hold;                                                                       \
    else                                                                                           \
        (field).slot = from;
#define MAKE_name(field) (field) = name_of(choice);
#define MAKE_blob(field)
#define MAKE_locks(field) (field) = some_locks(choice);
#define MAKE_nonce(field)
#define MAKE_sig(field)
#define MAKE_evidence(field)
#define MAKE_addr(field)
#define MAKE_scope(field)                                                                          \
    if (choice & 8)                                                                                \
        (field) = last_run.scope;
#define MAKE_scope_word(field)
#define MAKE(kind, field) MAKE_##kind(now_meant->field)
#define MAKE_CASE(NAME, name)                                                                      \
    case WIRE_##NAME: {                                                                            \
        struct wire_##name *now_meant = &m->name;                                                  \
        (void)now_meant;                                                                           \
        WIRE_FIELDS_##name(MAKE) break;                                                            \
    }
    switch (m->type) {
    case WIRE_NONE:
    case WIRE_TYPES:
        break;
        WIRE_MESSAGES(MAKE_CASE)
    }
    if (m->type == WIRE_STORE_KNOWN)
        answer_check(c, &m->store_known);
    if (m->type == WIRE_PREPARE)
        m->prepare.shard %= 2;
    if (m->type == WIRE_FORGET)
        m->forget.shard %= 2;
    if (m->type == WIRE_FORGOTTEN)
        m->forgotten.shard %= 2;
    make_fencing(c, m, choice);
}

/* A message from the input's next bytes, decoded and encoded again if it can be; else its bytes as
 * they are. */
static void step_message(uint8_t first, struct reader *input)
{
    struct companion *c = &companions[first & 1];
    uint8_t bytes[MESSAGE_HEADER + UINT8_MAX], sealed[2048];
    uint8_t type = read_u8(input), wanted = read_u8(input);
    size_t body = wanted < reader_left(input) ? wanted : reader_left(input);
    struct writer w = writer_init(bytes, sizeof bytes);
    write_u8(&w, type);
    write_u16(&w, (uint16_t)body);
    if (body > 0)
        write_copy(&w, read_view(input, body), body);
    struct view message = {bytes, writer_size(&w)};
    struct message m;
    struct reader r = reader_init(bytes, writer_size(&w));
    if ((first & 2) && wire_decode(&m, &r)) {
        make_plausible(c, &m, first >> 2);
        struct writer again = writer_init(sealed, sizeof sealed);
        wire_encode(&again, &m);
        must(!again.failed);
        message = (struct view){sealed, writer_size(&again)};
    }
    link_put(&c->link, config.self, message);
    say(c);
}

static void step_client(uint8_t first)
{
    struct event what = {.kind = EVENT_ACQUIRE};
    if ((first & 3) == 3) {
        what.kind = EVENT_DROP;
        what.drop.handle = first;
        what.drop.hold = last_hold;
    } else if ((first & 3) == 2) {
        what.kind = EVENT_SHOW;
        what.show.handle = first;
        what.show.name = name_of(first >> 2);
        what.show.deadline = instant_after(now, SPAN_MS(500));
    } else {
        what.acquire.handle = first;
        what.acquire.name = name_of(first >> 2);
        what.acquire.mode = first & 4 ? LOCK_EXCLUSIVE : LOCK_SHARED;
        if (first & 16)
            what.acquire.mode = (enum lock_mode)((first >> 5) % LOCK_MODES);
        what.acquire.limit = what.acquire.mode == LOCK_COUNTED ? 1 + (first & 1) : 0;
        what.acquire.policy = first & 4 ? LOCK_STALE_FENCE : LOCK_STALE_HOLD;
        what.acquire.try = first & 1;
        what.acquire.deadline = first & 8 ? instant_after(now, SPAN_MS(700)) : INSTANT_NEVER;
    }
    event(&what);
}

static void step_executed(enum run_outcome outcome)
{
    struct event what = {.kind = EVENT_EXECUTED,
                         .executed = {.slot = last_run.slot,
                                      .life = last_run.life,
                                      .scope = last_run.scope,
                                      .kind = last_run.kind,
                                      .outcome = outcome,
                                      .text = {(const uint8_t *)"said", 4}}};
    int target = roster_find(&roster, last_run.slot);
    if (target < 0)
        return;
    memcpy(what.executed.device, roster.nodes[target].device, DEVICE_SIZE);
    event(&what);
}

static void step_submit(uint8_t choice)
{
    uint8_t file[FENCE_FILE_MAGIC_SIZE + PROOF_BYTES_MAX];
    struct view bytes = choice & 1 ? order_bytes(choice) : some_proof(choice);
    memcpy(file, choice & 1 ? ORDER_FILE_MAGIC : PROOF_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
    memcpy(file + FENCE_FILE_MAGIC_SIZE, bytes.bytes, bytes.size);
    struct event what = {.kind = EVENT_SUBMIT,
                         .submit = {.file = {file, FENCE_FILE_MAGIC_SIZE + bytes.size}}};
    event(&what);
}

/* What operators say, and ask. */
static void step_operator(uint8_t choice)
{
    enum inhibitor_kind kind = (enum inhibitor_kind)(choice % INHIBITOR_KINDS);
    uint16_t scope = kind == INHIBIT_FREEZE && choice & 8 ? SLOT_NONE : slot(choice >> 4 & 1);
    struct view text = {(const uint8_t *)"said", choice & 4 ? 4 : 0};
    struct event what = {.kind = EVENT_INHIBIT,
                         .inhibit = {.kind = kind,
                                     .scope = scope,
                                     .on = choice >> 5 & 1,
                                     .span_ms = 100u * choice + 1,
                                     .who = text,
                                     .reason = text}};
    struct event asks = {.kind = choice & 0x40 ? EVENT_FENCE : EVENT_HEAR,
                         .fence = {.slot = slot(choice & 1), .life = 1 + (choice >> 1 & 1)}};
    event(choice & 0x80 ? &asks : &what);
}

static void step_rare(uint8_t first, struct reader *input)
{
    struct event refused = {.kind = EVENT_REFUSED, .slot = slot(1 + (first & 1))};
    switch (first) {
    case 0xf7:
        failed = true;
        event(&(struct event){.kind = EVENT_SYNC_FAILED});
        break;
    case 0xf8:
        event(&(struct event){.kind = EVENT_LEAVE});
        break;
    case 0xf9:
        log_size = peer_segment(peer, log_bytes, LOG_MAX, &durable_lsn);
        break;
    case 0xfa:
    case 0xfb:
    case 0xfc:
        step_executed((enum run_outcome)(first - 0xfa));
        break;
    case 0xfd:
        step_submit(read_u8(input));
        break;
    case 0xfe:
        step_operator(read_u8(input));
        break;
    default: /* a byte of the input, not an enum */
        event(&refused);
        break;
    }
}

static void step(struct reader *input)
{
    static const uint16_t spans[16] = {0,   1,   5,   10,  20,   40,   60,   100,
                                       150, 250, 400, 700, 1000, 2000, 5000, 20000};
    uint8_t first = read_u8(input);
    if (first < 0x80)
        step_message(first, input);
    else if (first < 0xc0)
        pass(spans[first & 15]);
    else if (first < 0xe0)
        all_durable();
    else if (first < 0xf0)
        step_client(first);
    else
        step_rare(first, input);
}

/* The log brings back what was promised and stored, and nothing more. */
static void check_log(void)
{
    struct peer *again = peer_init(again_memory, &config);
    must(peer_recover(again, log_bytes, log_size) == RECOVERED);
    for (uint32_t shard = 0; shard < roster.shard_count; shard++)
        must(ballot_equal(peer_promised(again, shard), peer_promised(peer, shard)));
    for (size_t i = 0; i < NODES; i++) { /* F2, F5: a vote is final, and so is a proof */
        uint64_t life, other_life;
        struct view proof = peer_proof(peer, slot(i), &life);
        struct view found_proof = peer_proof(again, slot(i), &other_life);
        must(life == other_life && view_equal(proof, found_proof));
        peer_vote(peer, slot(i), &life);
        peer_vote(again, slot(i), &other_life);
        must(life == other_life);
    }
    size_t cursor = 0;
    struct view name, state, found;
    struct ballot ballot, other;
    uint64_t seq, other_seq;
    while (peer_next_register(peer, &cursor, &name, &ballot, &seq, &state)) {
        must(peer_register(again, name, &other, &other_seq, &found));
        must(ballot_equal(ballot, other) && seq == other_seq && view_equal(state, found));
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!peer_memory)
        make_world();
    begin();
    struct reader input = reader_init(data, size);
    for (int steps = 0; steps < STEPS_MAX && reader_left(&input) > 0; steps++)
        step(&input);
    check_log();
    return 0;
}
