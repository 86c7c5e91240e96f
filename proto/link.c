/* The link: see link.h. */
#include "proto/link.h"

#include "proto/must.h"

#define HELLO_WAIT_FIRST  SPAN_MS(100)
#define HELLO_WAIT_MAX    SPAN_MS(2000)
#define HELLO_ANSWER_WAIT SPAN_MS(10)

size_t link_bytes(const struct peer_config *config)
{
    return config->roster->node_count * sizeof(struct link_end) +
           EFFECTS_DATAGRAMS_MAX *
               (sizeof(struct staged) + DATAGRAM_MAX + sizeof(struct outgoing)) +
           64;
}

void link_init(struct link *l, struct core *core, void *memory)
{
    const struct peer_config *config = &core->config;
    size_t count = config->roster->node_count;
    memset(l, 0, sizeof *l);
    l->core = core;
    l->ends = memory;
    memset(l->ends, 0, count * sizeof *l->ends);
    l->out = (struct outgoing *)(l->ends + count);
    l->staged = (struct staged *)(l->out + EFFECTS_DATAGRAMS_MAX);
    l->sealed = (uint8_t(*)[DATAGRAM_MAX])(l->staged + EFFECTS_DATAGRAMS_MAX);
    drbg_bytes(&core->drbg, l->start.bytes, sizeof l->start.bytes);
    for (size_t i = 0; i < count; i++) {
        const struct roster_node *node = &config->roster->nodes[i];
        struct link_end *end = &l->ends[i];
        session_init(&end->session);
        end->hello_next = INSTANT_NEVER;
        end->usable = node->slot != core_self(core) &&
                      seal_key_make(&end->key, config->key, &node->key, &config->cluster);
    }
}

static struct link_end *find_end(const struct link *l, uint16_t slot)
{
    int index = roster_find(l->core->config.roster, slot);
    return index >= 0 && l->ends[index].usable ? &l->ends[index] : NULL;
}

static uint16_t slot_of(const struct link *l, const struct link_end *end)
{
    return l->core->config.roster->nodes[end - l->ends].slot;
}

static size_t end_count(const struct link *l)
{
    return l->core->config.roster->node_count;
}

bool link_connected(const struct link *l, uint16_t slot)
{
    const struct link_end *end = find_end(l, slot);
    return end && end->session.believed;
}

void link_start(struct link *l, struct instant now)
{
    for (size_t i = 0; i < end_count(l); i++) {
        struct link_end *end = &l->ends[i];
        end->hello_wait = HELLO_WAIT_FIRST;
        end->hello_next = end->usable ? now : INSTANT_NEVER;
    }
}

/* Both ends believe each other, as far as this one can see: no hello is needed. */
static bool settled(const struct link_end *end)
{
    return end->session.believed && end->session.trusted;
}

/* --- In --- */

static bool take_hello(struct link *l, struct instant now, struct link_end *end,
                       struct view datagram, struct link_messages *out)
{
    struct core *c = l->core;
    struct seal_binding binding = {
        .cluster = c->config.cluster, .kind = SEAL_HELLO, .from = out->from, .to = core_self(c)};
    struct hello hello;
    if (!seal_open(l->opened, &end->key, &binding, datagram.bytes, datagram.size)) {
        c->counters.drop_unsealed++;
        return false;
    }
    if (!hello_decode(&hello, l->opened, datagram.size - SEAL_OVERHEAD)) {
        c->counters.drop_malformed++;
        return false;
    }
    if (hello.epoch != c->config.roster->epoch ||
        memcmp(hello.roster.bytes, c->config.roster_digest.bytes, DIGEST_SIZE) != 0) {
        c->counters.drop_epoch++;
        return false;
    }
    c->counters.hellos_in++;
    enum session_hello verdict = session_hello_take(&end->session, &l->start, &hello);
    if (verdict == HELLO_BAD) {
        c->counters.drop_malformed++;
        return false;
    }
    out->connected = verdict == HELLO_BELIEVED;
    if (verdict == HELLO_ASKS || (verdict == HELLO_BELIEVED && !hello.believes))
        end->hello_next = now.ns > end->answer_next.ns ? now : end->answer_next;
    else if (settled(end))
        end->hello_next = INSTANT_NEVER;
    if (out->connected)
        end->hello_wait = HELLO_WAIT_FIRST;
    return true;
}

/* All messages must decode before any is acted on. */
static bool all_decode(struct reader reader)
{
    struct message m;
    while (reader_left(&reader) > 0)
        if (!wire_decode(&m, &reader))
            return false;
    return true;
}

static bool take_data(struct link *l, struct link_end *end, struct view datagram,
                      struct link_messages *out)
{
    struct core *c = l->core;
    if (!end->session.believed) {
        c->counters.drop_no_session++;
        return false;
    }
    struct seal_binding binding = {.cluster = c->config.cluster,
                                   .kind = SEAL_DATA,
                                   .from = out->from,
                                   .to = core_self(c),
                                   .from_start = end->session.peer_start,
                                   .to_start = l->start};
    if (!seal_open(l->opened, &end->key, &binding, datagram.bytes, datagram.size)) {
        c->counters.drop_unsealed++;
        return false;
    }
    out->reader = reader_init(l->opened, datagram.size - SEAL_OVERHEAD);
    uint64_t counter = read_u64(&out->reader);
    uint32_t epoch = read_u32(&out->reader);
    if (out->reader.failed) {
        c->counters.drop_malformed++;
        return false;
    }
    if (!session_take(&end->session, counter)) {
        c->counters.drop_replay++;
        return false;
    }
    end->session.trusted = true; /* it was sealed for our start */
    if (epoch != c->config.roster->epoch) {
        c->counters.drop_epoch++;
        return false;
    }
    if (!all_decode(out->reader)) {
        c->counters.drop_malformed++;
        return false;
    }
    return true;
}

bool link_open(struct link *l, struct instant now, struct view datagram, struct link_messages *out)
{
    struct core *c = l->core;
    struct seal_header header;
    *out = (struct link_messages){.reader = reader_init(l->opened, 0)};
    if (datagram.size > DATAGRAM_MAX || !seal_peek(&header, datagram.bytes, datagram.size)) {
        c->counters.drop_short++;
        return false;
    }
    struct link_end *end = find_end(l, header.from);
    if (!end) {
        c->counters.drop_sender++;
        return false;
    }
    out->from = header.from;
    bool ok = header.kind == SEAL_HELLO ? take_hello(l, now, end, datagram, out)
                                        : take_data(l, end, datagram, out);
    if (ok)
        c->counters.datagrams_in++;
    return ok;
}

static void drop_reassembly(struct link *l, struct reassembly *in)
{
    arena_put(&l->core->arena, in->bytes, (size_t)in->count * FRAGMENT_BYTES);
    *in = (struct reassembly){.id = in->id};
}

/* A newer message takes the place of an unfinished one. False if there is no room for it. */
static bool begin_reassembly(struct link *l, struct reassembly *in, const struct wire_fragment *f)
{
    drop_reassembly(l, in);
    in->id = f->id;
    in->bytes = arena_get(&l->core->arena, (size_t)f->count * FRAGMENT_BYTES);
    if (in->bytes)
        in->count = f->count;
    return in->bytes != NULL;
}

bool link_reassemble(struct link *l, uint16_t from, const struct wire_fragment *f, struct view *out)
{
    struct link_end *end = find_end(l, from);
    must(end);
    struct reassembly *in = &end->in;
    bool last = f->index + 1 == f->count;
    bool sane = f->count >= 2 && f->count <= FRAGMENTS_MAX && f->index < f->count &&
                f->bytes.size > 0 && f->bytes.size <= FRAGMENT_BYTES &&
                (last || f->bytes.size == FRAGMENT_BYTES);
    if (!sane || (in->count && in->id == f->id && in->count != f->count)) {
        l->core->counters.drop_fragment++;
        return false;
    }
    if ((in->count == 0 || in->id != f->id) && !begin_reassembly(l, in, f)) {
        l->core->counters.drop_fragment++;
        return false;
    }
    uint8_t bit = (uint8_t)(1u << (f->index % 8));
    if (in->seen[f->index / 8] & bit)
        return false;
    in->seen[f->index / 8] |= bit;
    in->got++;
    memcpy(in->bytes + (size_t)f->index * FRAGMENT_BYTES, f->bytes.bytes, f->bytes.size);
    if (last)
        in->size = (size_t)f->index * FRAGMENT_BYTES + f->bytes.size;
    *out = (struct view){in->bytes, in->size};
    return in->got == in->count;
}

/* --- Out --- */

bool link_has_room(const struct link *l)
{
    /* A long message takes FRAGMENTS_MAX datagrams, and each node may be owed a hello. */
    size_t reserved = end_count(l) < 64 ? end_count(l) : 64;
    return l->staged_count + FRAGMENTS_MAX + reserved < EFFECTS_DATAGRAMS_MAX;
}

/* A datagram to `end` with `room` bytes left; NULL if there is none. */
static struct staged *staged_for(struct link *l, struct link_end *end, size_t room)
{
    if (end->open) {
        struct staged *open = &l->staged[end->open - 1];
        if (sizeof open->plain - open->size >= room)
            return open;
    }
    if (l->staged_count == EFFECTS_DATAGRAMS_MAX)
        return NULL;
    struct staged *fresh = &l->staged[l->staged_count++];
    end->open = (uint16_t)l->staged_count;
    fresh->end = (uint16_t)(end - l->ends);
    struct writer w = writer_init(fresh->plain, sizeof fresh->plain);
    write_u64(&w, session_send_next(&end->session));
    write_u32(&w, l->core->config.roster->epoch);
    fresh->size = (uint16_t)writer_size(&w);
    return fresh;
}

static void put_whole(struct link *l, struct link_end *end, struct view bytes)
{
    struct staged *d = staged_for(l, end, bytes.size);
    if (!d) {
        l->core->counters.drop_outbox_full++;
        return;
    }
    memcpy(d->plain + d->size, bytes.bytes, bytes.size);
    d->size = (uint16_t)(d->size + bytes.size);
}

static void put_fragments(struct link *l, struct link_end *end, struct view bytes)
{
    size_t count = (bytes.size + FRAGMENT_BYTES - 1) / FRAGMENT_BYTES;
    end->fragment_id++;
    for (size_t i = 0; i < count; i++) {
        size_t at = i * FRAGMENT_BYTES;
        size_t size = bytes.size - at < FRAGMENT_BYTES ? bytes.size - at : FRAGMENT_BYTES;
        struct message m = {.type = WIRE_FRAGMENT,
                            .fragment = {.id = end->fragment_id,
                                         .index = (uint8_t)i,
                                         .count = (uint8_t)count,
                                         .bytes = {bytes.bytes + at, size}}};
        uint8_t piece[DATAGRAM_ROOM];
        struct writer w = writer_init(piece, sizeof piece);
        wire_encode(&w, &m);
        must(!w.failed);
        put_whole(l, end, (struct view){piece, writer_size(&w)});
    }
}

void link_put(struct link *l, uint16_t to, struct view message)
{
    struct core *c = l->core;
    struct link_end *end = find_end(l, to);
    if (!end || !end->session.believed) {
        c->counters.drop_no_session++;
        return;
    }
    c->counters.messages_out++;
    if (message.size <= DATAGRAM_ROOM)
        put_whole(l, end, message);
    else
        put_fragments(l, end, message);
}

static void seal_one(struct link *l, struct link_end *end, const struct seal_binding *binding,
                     size_t index, const uint8_t *plain, size_t size)
{
    uint8_t nonce[SEAL_NONCE_SIZE];
    drbg_bytes(&l->core->drbg, nonce, sizeof nonce);
    seal_write(l->sealed[index], &end->key, binding, nonce, plain, size);
    l->out[index] =
        (struct outgoing){.to = binding->to, .bytes = {l->sealed[index], size + SEAL_OVERHEAD}};
    l->core->counters.datagrams_out++;
}

static void seal_data(struct link *l, size_t index)
{
    struct staged *d = &l->staged[index];
    struct link_end *end = &l->ends[d->end];
    struct seal_binding binding = {.cluster = l->core->config.cluster,
                                   .kind = SEAL_DATA,
                                   .from = core_self(l->core),
                                   .to = slot_of(l, end),
                                   .from_start = l->start,
                                   .to_start = end->session.peer_start};
    end->open = 0;
    seal_one(l, end, &binding, index, d->plain, d->size);
}

static void seal_hello(struct link *l, struct link_end *end, size_t index)
{
    struct core *c = l->core;
    struct hello hello;
    uint8_t plain[SESSION_HELLO_PLAIN_SIZE];
    session_hello_next(&end->session, &l->start, &hello);
    hello.epoch = c->config.roster->epoch;
    hello.roster = c->config.roster_digest;
    hello_encode(plain, &hello);
    struct seal_binding binding = {.cluster = c->config.cluster,
                                   .kind = SEAL_HELLO,
                                   .from = core_self(c),
                                   .to = slot_of(l, end)};
    c->counters.hellos_out++;
    seal_one(l, end, &binding, index, plain, sizeof plain);
}

/* Whether a hello is due now; if so, when the next one will be. */
static bool hello_due(struct link *l, struct link_end *end, struct instant now)
{
    if (!instant_reached(now, end->hello_next))
        return false;
    end->answer_next = instant_after(now, HELLO_ANSWER_WAIT);
    end->hello_next = INSTANT_NEVER;
    if (!settled(end)) {
        struct span wait = end->hello_wait;
        end->hello_next = instant_after(now, core_jitter(l->core, wait, span_times(wait, 2)));
        end->hello_wait = span_min(span_times(wait, 2), HELLO_WAIT_MAX);
    }
    return true;
}

size_t link_flush(struct link *l, struct instant now, const struct outgoing **out)
{
    size_t count = l->staged_count;
    for (size_t i = 0; i < count; i++)
        seal_data(l, i);
    for (size_t i = 0; i < end_count(l) && count < EFFECTS_DATAGRAMS_MAX; i++)
        if (l->ends[i].usable && hello_due(l, &l->ends[i], now))
            seal_hello(l, &l->ends[i], count++);
    l->staged_count = 0;
    *out = l->out;
    return count;
}

struct instant link_deadline(const struct link *l)
{
    struct instant deadline = INSTANT_NEVER;
    for (size_t i = 0; i < end_count(l); i++)
        if (l->ends[i].usable)
            deadline = instant_earlier(deadline, l->ends[i].hello_next);
    return deadline;
}
