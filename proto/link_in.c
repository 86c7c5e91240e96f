/* What comes in: datagrams are opened, and long messages are put together again. */
#include "proto/link_core.h"

#include "proto/must.h"

static uint8_t *room_for(struct link *l, const struct link_messages *out)
{
    return out->via ? l->opened_inner : l->opened;
}

static bool take_hello(struct link *l, struct instant now, struct link_end *end,
                       struct view datagram, struct link_messages *out)
{
    struct core *c = l->core;
    uint8_t *plain = room_for(l, out);
    struct seal_binding binding = {
        .cluster = c->config.cluster, .kind = SEAL_HELLO, .from = out->from, .to = core_self(c)};
    struct hello hello;
    if (!seal_open(plain, &end->key, &binding, datagram.bytes, datagram.size)) {
        c->counters.drop_unsealed++;
        return false;
    }
    if (!hello_decode(&hello, plain, datagram.size - SEAL_OVERHEAD)) {
        c->counters.drop_malformed++;
        return false;
    }
    if (hello.epoch != c->config.roster->epoch ||
        memcmp(hello.roster.bytes, c->config.roster_digest.bytes, DIGEST_SIZE) != 0) {
        c->counters.drop_epoch++;
        return false;
    }
    c->counters.hellos_in++;
    bool answers = memcmp(hello.echo.bytes, l->start.bytes, sizeof l->start.bytes) == 0;
    uint32_t sent = end->session.hello_seq;
    enum session_hello verdict = session_hello_take(&end->session, &l->start, &hello);
    if (verdict == HELLO_BAD) {
        c->counters.drop_malformed++;
        return false;
    }
    clone_hello(&end->clone, now, core_detect(c), &hello, answers, sent, &l->came_from);
    clone_watch(&end->clone, c, now, link_end_slot(l, end));
    out->connected = verdict == HELLO_BELIEVED;
    if (verdict == HELLO_ASKS || (verdict == HELLO_BELIEVED && !hello.believes)) {
        end->hello_next = now.ns > end->answer_next.ns ? now : end->answer_next;
        end->answers_relayed = out->via != 0;
    } else if (link_end_settled(end))
        end->hello_next = INSTANT_NEVER;
    if (out->connected) {
        end->hello_wait = HELLO_WAIT_FIRST;
        end->hellos_lost = 0;
    }
    return true;
}

/* All messages must decode before any is acted on; and in what came through a relay is no RELAY. */
static bool all_decode(struct reader reader, bool relayed)
{
    struct message m;
    while (reader_left(&reader) > 0)
        if (!wire_decode(&m, &reader) || (relayed && m.type == WIRE_RELAY))
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
    uint8_t *plain = room_for(l, out);
    if (!seal_open(plain, &end->key, &binding, datagram.bytes, datagram.size)) {
        c->counters.drop_unsealed++;
        return false;
    }
    out->reader = reader_init(plain, datagram.size - SEAL_OVERHEAD);
    uint64_t counter = read_u64(&out->reader);
    uint32_t epoch = read_u32(&out->reader);
    if (out->reader.failed) {
        c->counters.drop_malformed++;
        return false;
    }
    bool window = !(out->via && MUTANT(101)); /* "no replay window for what a relay brings" */
    if (!session_take(&end->session, counter) && window) {
        c->counters.drop_replay++;
        return false;
    }
    end->session.trusted = true; /* it was sealed for our start */
    if (epoch != c->config.roster->epoch) {
        c->counters.drop_epoch++;
        return false;
    }
    if (!all_decode(out->reader, out->via != 0)) {
        c->counters.drop_malformed++;
        return false;
    }
    return true;
}

bool link_in_open(struct link *l, struct instant now, struct view datagram,
                  struct link_messages *out)
{
    struct core *c = l->core;
    struct seal_header header;
    out->reader = reader_init(l->opened, 0);
    if (datagram.size > DATAGRAM_MAX || !seal_peek(&header, datagram.bytes, datagram.size)) {
        c->counters.drop_short++;
        return false;
    }
    struct link_end *end = link_end_find(l, header.from);
    if (!end) {
        c->counters.drop_sender++;
        return false;
    }
    out->from = header.from;
    bool hello = header.kind == SEAL_HELLO;
    bool ok = hello ? take_hello(l, now, end, datagram, out) : take_data(l, end, datagram, out);
    if (!ok)
        return false;
    if (out->via)
        c->counters.relays_in++;
    else
        c->counters.datagrams_in++;
    uint16_t before = end->way.via;
    relay_heard(&end->way, now, out->via, !hello || out->connected);
    link_way_count(l, end, before);
    link_end_changed(l, end);
    return true;
}

bool link_open(struct link *l, struct instant now, struct view datagram,
               const struct address *source, struct link_messages *out)
{
    l->came_from = *source;
    *out = (struct link_messages){0};
    return link_in_open(l, now, datagram, out);
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
    struct link_end *end = link_end_find(l, from);
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
