/* What goes out: messages share datagrams, long ones are cut, and all are sealed. */
#include "proto/link_core.h"

#include "proto/must.h"

bool link_has_room(const struct link *l)
{
    /* A long message takes FRAGMENTS_MAX datagrams, and each node may be owed a hello. */
    size_t reserved = link_end_count(l) < 64 ? link_end_count(l) : 64;
    /* What is relayed takes a second place when it is sealed. */
    size_t places = l->relayed_ends ? 2 : 1;
    return places * (l->staged_count + FRAGMENTS_MAX) + reserved < EFFECTS_DATAGRAMS_MAX;
}

/* A datagram to `end` by `via` with `room` bytes left; NULL if there is none. */
static struct staged *staged_for(struct link *l, struct link_end *end, uint16_t via, size_t room)
{
    size_t most = via ? RELAYED_MAX - SEAL_OVERHEAD : DATAGRAM_MAX - SEAL_OVERHEAD;
    if (end->open) {
        struct staged *open = &l->staged[end->open - 1];
        if (open->via == via && open->size + room <= most)
            return open;
    }
    if (l->staged_count == EFFECTS_DATAGRAMS_MAX || DATAGRAM_PREFIX + room > most)
        return NULL;
    struct staged *fresh = &l->staged[l->staged_count++];
    end->open = (uint16_t)l->staged_count;
    fresh->end = (uint16_t)(end - l->ends);
    fresh->via = via;
    struct writer w = writer_init(fresh->plain, sizeof fresh->plain);
    write_u64(&w, 0); /* numbered when it is sealed: another start may be believed by then */
    write_u32(&w, l->core->config.roster->epoch);
    fresh->size = (uint16_t)writer_size(&w);
    return fresh;
}

static void put_whole(struct link *l, struct link_end *end, uint16_t via, struct view bytes)
{
    struct staged *d = staged_for(l, end, via, bytes.size);
    if (!d) {
        l->core->counters.drop_outbox_full++;
        return;
    }
    memcpy(d->plain + d->size, bytes.bytes, bytes.size);
    d->size = (uint16_t)(d->size + bytes.size);
}

void link_out_message(struct link *l, struct link_end *end, uint16_t via, const struct message *m)
{
    uint8_t bytes[DATAGRAM_ROOM];
    struct writer w = writer_init(bytes, sizeof bytes);
    wire_encode(&w, m);
    must(!w.failed);
    put_whole(l, end, via, (struct view){bytes, writer_size(&w)});
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
        link_out_message(l, end, end->way.via, &m);
    }
}

void link_put(struct link *l, uint16_t to, struct view message)
{
    struct core *c = l->core;
    struct link_end *end = link_end_find(l, to);
    if (!end || !end->session.believed) {
        c->counters.drop_no_session++;
        return;
    }
    struct relay_way *way = &end->way;
    c->counters.messages_out++;
    bool hands_on = message.bytes[0] == WIRE_RELAY;
    if (hands_on && way->via) { /* one hop only */
        c->counters.drop_relay++;
        return;
    }
    if (relay_demands((enum wire_type)message.bytes[0])) {
        relay_demanded(way, c->now);
        link_end_changed(l, end);
    }
    if (message.size <= (way->via ? RELAYED_ROOM : DATAGRAM_ROOM))
        put_whole(l, end, way->via, message);
    else
        put_fragments(l, end, message);
}

/* Seals `plain` into `out`; its size. */
static size_t seal_into(struct link *l, const struct link_end *end,
                        const struct seal_binding *binding, uint8_t out[DATAGRAM_MAX],
                        struct view plain)
{
    uint8_t nonce[SEAL_NONCE_SIZE];
    drbg_bytes(&l->core->drbg, nonce, sizeof nonce);
    seal_write(out, &end->key, binding, nonce, plain.bytes, plain.size);
    return plain.size + SEAL_OVERHEAD;
}

/* Hands a sealed datagram for `end` to a relay, if that is reached directly. */
static void hand_to(struct link *l, const struct link_end *end, uint16_t via, struct view sealed)
{
    struct core *c = l->core;
    struct link_end *relay = &l->ends[via - 1];
    if (!relay->session.believed || relay->way.via) {
        c->counters.drop_relay++;
        return;
    }
    struct message m = {.type = WIRE_RELAY};
    m.relay =
        (struct wire_relay){.from = core_self(c), .to = link_end_slot(l, end), .datagram = sealed};
    link_out_message(l, relay, 0, &m);
    c->counters.relays_out++;
}

/* Seals it for `end` and sends it by `via`. */
static void seal_one(struct link *l, const struct link_end *end, uint16_t via,
                     const struct seal_binding *binding, struct view plain)
{
    if (via) {
        uint8_t inner[DATAGRAM_MAX];
        size_t size = seal_into(l, end, binding, inner, plain);
        hand_to(l, end, via, (struct view){inner, size});
        return;
    }
    if (l->out_count == EFFECTS_DATAGRAMS_MAX) {
        l->core->counters.drop_outbox_full++;
        return;
    }
    uint8_t *sealed = l->sealed[l->out_count];
    size_t size = seal_into(l, end, binding, sealed, plain);
    l->out[l->out_count++] = (struct outgoing){.to = binding->to, .bytes = {sealed, size}};
    l->core->counters.datagrams_out++;
}

void link_out_data(struct link *l, size_t index)
{
    struct staged *d = &l->staged[index];
    struct link_end *end = &l->ends[d->end];
    struct seal_binding binding = {.cluster = l->core->config.cluster,
                                   .kind = SEAL_DATA,
                                   .from = core_self(l->core),
                                   .to = link_end_slot(l, end),
                                   .from_start = l->start,
                                   .to_start = end->session.peer_start};
    size_t before = l->out_count;
    end->open = 0;
    struct writer w = writer_init(d->plain, 8);
    write_u64(&w, session_send_next(&end->session));
    seal_one(l, end, d->via, &binding, (struct view){d->plain, d->size});
    clone_aim(&end->clone, l->out + before, l->out_count - before, &end->session.peer_start);
}

void link_out_hello(struct link *l, struct link_end *end, uint16_t via)
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
                                   .to = link_end_slot(l, end)};
    c->counters.hellos_out++;
    seal_one(l, end, via, &binding, (struct view){plain, sizeof plain});
}
