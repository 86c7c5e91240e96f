/*
 * RELAY frames, questions and answers about ways, as three real links take them (T3).
 *
 * Node 0 seals for node 1; node 2 is the relay, and hands over whatever the input makes of it. The
 * input is a row of steps; each begins with a byte, whose upper bits choose:
 *     0x00..0x3f  a frame comes to node (first % 3), carried by the next node (bit 2) or the one
 *                 before: author u8, target u8, kind u8 (even: the last sealed datagram with a bit
 *                 flipped if the next byte is not 0; odd: size u8, bytes)
 *     0x40..0x7f  node 0 seals something new for node 1
 *     0x80..0x9f  a question or an answer of number u8 from any to any
 *     0xa0..0xbf  something is sent that is answered at once
 *     0xc0..0xff  time passes, and all say what is due
 * What must hold: no crash, no datagram that is too large; what node 0 sealed opens at node 1 once
 * and nowhere else, and not when it was changed; nothing is handed on but for its author.
 */
#include <stdlib.h>

#include "proto/link.h"
#include "proto/must.h"
#include "tests/unit/crypto_fixture.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { NODES = 3, STEPS_MAX = 300, OUTBOX_ROOM = 4 * (MESSAGE_MAX + 64), ARENA_ROOM = 1 << 18 };

struct end {
    struct core core;
    struct link link;
    struct key_pair key;
    void *memory;
    uint8_t *outbox;
    void *arena;
};

static struct roster roster;
static struct end ends[NODES];
static struct instant now;
static uint8_t sealed[DATAGRAM_MAX];
static size_t sealed_size;
static bool taken; /* the sealed one was opened */

static uint16_t slot(size_t node)
{
    return (uint16_t)(2 * node + 1);
}

static void make_world(void)
{
    fixture_roster(&roster, NODES, 1);
    for (size_t i = 0; i < NODES; i++) {
        struct peer_config config = {.roster = &roster};
        ends[i].key = fixture_key((unsigned)i);
        ends[i].memory = malloc(link_bytes(&config));
        ends[i].outbox = malloc(OUTBOX_ROOM);
        ends[i].arena = aligned_alloc(16, ARENA_ROOM);
        must(ends[i].memory && ends[i].outbox && ends[i].arena);
    }
}

/* Delivers what `from` has to say; only the link's own messages are taken. */
static void carry(size_t from)
{
    const struct outgoing *out;
    struct link_messages messages;
    struct message m;
    size_t count = link_flush(&ends[from].link, now, &out);
    must(count <= EFFECTS_DATAGRAMS_MAX && link_agrees(&ends[from].link));
    for (size_t i = 0; i < count; i++) {
        struct end *to = &ends[(out[i].to - 1) / 2];
        must(out[i].bytes.size <= DATAGRAM_MAX);
        if (!link_open(&to->link, now, out[i].bytes, &(struct address){0}, &messages))
            continue;
        while (reader_left(&messages.reader) > 0) {
            must(wire_decode(&m, &messages.reader));
            to->link.came_via = 0;
            if (m.type == WIRE_EDGE_ASK || m.type == WIRE_EDGE_OK)
                link_edge(&to->link, now, messages.from, &m);
        }
    }
}

static void pass(int64_t ms)
{
    now = instant_after(now, SPAN_MS(ms));
    for (size_t i = 0; i < NODES; i++) {
        ends[i].core.now = now;
        carry(i);
    }
}

static void begin(void)
{
    now = (struct instant){1000000};
    sealed_size = 0;
    taken = false;
    for (size_t i = 0; i < NODES; i++) {
        struct end *e = &ends[i];
        memset(&e->core, 0, sizeof e->core);
        e->core.config = (struct peer_config){.roster = &roster, .self = slot(i), .key = &e->key};
        e->core.drbg = fixture_drbg((uint8_t)i);
        arena_init(&e->core.arena, e->arena, ARENA_ROOM);
        outbox_init(&e->core.outbox, e->outbox, OUTBOX_ROOM, 0);
        link_init(&e->link, &e->core, e->memory);
        link_start(&e->link, now);
    }
    for (int i = 0; i < 40; i++)
        pass(20);
}

static void say(size_t from, size_t to, const struct message *m)
{
    uint8_t bytes[DATAGRAM_ROOM];
    struct writer w = writer_init(bytes, sizeof bytes);
    wire_encode(&w, m);
    link_put(&ends[from].link, slot(to), (struct view){bytes, writer_size(&w)});
}

static void step_seal(void)
{
    const struct outgoing *out;
    say(0, 1, &(struct message){.type = WIRE_POKE});
    size_t count = link_flush(&ends[0].link, now, &out);
    for (size_t i = 0; i < count; i++) {
        if (out[i].to != slot(1) || out[i].bytes.bytes[1] != SEAL_DATA)
            continue;
        memcpy(sealed, out[i].bytes.bytes, out[i].bytes.size);
        sealed_size = out[i].bytes.size;
        taken = false;
    }
}

static void step_frame(uint8_t first, struct reader *input)
{
    static uint8_t bytes[DATAGRAM_MAX];
    size_t at = first % NODES, carrier = (at + (first & 4 ? 1 : 2)) % NODES;
    uint16_t author = slot(read_u8(input) % (NODES + 1));
    uint16_t target = slot(read_u8(input) % (NODES + 1));
    uint8_t kind = read_u8(input), chosen = read_u8(input);
    size_t size = sealed_size;
    bool whole = kind % 2 == 0 && chosen == 0;
    memcpy(bytes, sealed, sealed_size);
    if (kind % 2 != 0) {
        size = chosen < reader_left(input) ? chosen : reader_left(input);
        if (size > 0)
            memcpy(bytes, read_view(input, size), size);
    } else if (chosen != 0 && size > 0) {
        bytes[(size_t)chosen * kind % size] ^= (uint8_t)(1u << chosen % 8);
    }
    struct wire_relay r = {.from = author, .to = target, .datagram = {bytes, size}};
    struct link_messages messages;
    struct link *l = &ends[at].link;
    uint64_t handed = ends[at].core.counters.relays_handed;
    bool opened = link_relay(l, now, slot(carrier), &r, &messages);
    must(!opened ||
         (target == slot(at) && messages.from == author && at == 1 && author == slot(0)));
    must(!opened || (whole && !taken));
    taken |= opened;
    must(ends[at].core.counters.relays_handed == handed ||
         (author == slot(carrier) && target != slot(at) && target != author));
}

static void step(struct reader *input)
{
    uint8_t first = read_u8(input);
    size_t from = first % NODES, to = (from + 1 + (first >> 2 & 1)) % NODES;
    struct message m = {.type = first & 8 ? WIRE_EDGE_ASK : WIRE_EDGE_OK};
    struct outbox_entry entry;
    if (first < 0x40) {
        step_frame(first, input);
    } else if (first < 0x80) {
        step_seal();
    } else if (first < 0xa0) {
        m.edge_ask.seq = read_u8(input);
        ends[to].link.came_via = (uint16_t)(first & 16 ? 3 : 0);
        link_edge(&ends[to].link, now, slot(from), &m);
    } else if (first < 0xc0) {
        say(from, to, &(struct message){.type = WIRE_PING});
    } else {
        for (size_t i = 0; i < NODES; i++)
            while (link_has_room(&ends[i].link) && outbox_next(&ends[i].core.outbox, &entry))
                link_put(&ends[i].link, entry.to, entry.bytes);
        pass(first % 64 * 10);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (!ends[0].memory)
        make_world();
    begin();
    struct reader input = reader_init(data, size);
    for (int steps = 0; steps < STEPS_MAX && reader_left(&input) > 0; steps++)
        step(&input);
    return 0;
}
