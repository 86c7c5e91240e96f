/* The link: see link.h. */
#include "proto/link.h"

#include "proto/must.h"

#define HELLO_WAIT_FIRST  SPAN_MS(100)
#define HELLO_WAIT_MAX    SPAN_MS(2000)
#define HELLO_ANSWER_WAIT SPAN_MS(10)

/* Hellos that may be lost before they are also handed to a relay. */
enum { HELLOS_DIRECT = 2 };

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
        relay_init(&end->way);
        clone_init(&end->clone);
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

static uint16_t slot_via(const struct link *l, uint16_t via)
{
    return via ? slot_of(l, &l->ends[via - 1]) : SLOT_NONE;
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

bool link_is_double(const struct link *l, uint16_t slot)
{
    const struct link_end *end = find_end(l, slot);
    return end && end->clone.proven && !MUTANT(95); /* "what a cloned node says counts" */
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
    clone_watch(&end->clone, c, now, slot_of(l, end));
    out->connected = verdict == HELLO_BELIEVED;
    if (verdict == HELLO_ASKS || (verdict == HELLO_BELIEVED && !hello.believes)) {
        end->hello_next = now.ns > end->answer_next.ns ? now : end->answer_next;
        end->answers_relayed = out->via != 0;
    } else if (settled(end))
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

/* The way was through relay `before` (index + 1; 0: direct) until now. */
static void count_way(struct link *l, const struct link_end *end, uint16_t before)
{
    struct peer_counters *c = &l->core->counters;
    const struct relay_way *way = &end->way;
    if (way->via == before)
        return;
    struct notice *n = told_notice(&l->core->told, NOTICE_REACH);
    n->slot = slot_of(l, end), n->number = way->via ? 2 : 3;
    n->other = slot_via(l, way->via ? way->via : before);
    if (way->via == 0)
        c->ways_direct++;
    else if (before == 0)
        c->ways_relayed++;
    else
        c->ways_changed++;
}

/* Opens what came by out->via. */
static bool open_from(struct link *l, struct instant now, struct view datagram,
                      struct link_messages *out)
{
    struct core *c = l->core;
    struct seal_header header;
    out->reader = reader_init(l->opened, 0);
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
    count_way(l, end, before);
    return true;
}

bool link_open(struct link *l, struct instant now, struct view datagram,
               const struct address *source, struct link_messages *out)
{
    l->came_from = *source;
    *out = (struct link_messages){0};
    return open_from(l, now, datagram, out);
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
    write_u64(&w, session_send_next(&end->session));
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

static void put_message(struct link *l, struct link_end *end, uint16_t via, const struct message *m)
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
        put_message(l, end, end->way.via, &m);
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
    struct relay_way *way = &end->way;
    c->counters.messages_out++;
    bool hands_on = message.bytes[0] == WIRE_RELAY;
    if (hands_on && way->via) { /* one hop only */
        c->counters.drop_relay++;
        return;
    }
    if (relay_demands((enum wire_type)message.bytes[0]))
        relay_demanded(way, c->now);
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
    m.relay = (struct wire_relay){.from = core_self(c), .to = slot_of(l, end), .datagram = sealed};
    put_message(l, relay, 0, &m);
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
    size_t before = l->out_count;
    end->open = 0;
    seal_one(l, end, d->via, &binding, (struct view){d->plain, d->size});
    clone_aim(&end->clone, l->out + before, l->out_count - before, &end->session.peer_start);
}

static void seal_hello(struct link *l, struct link_end *end, uint16_t via)
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
    seal_one(l, end, via, &binding, (struct view){plain, sizeof plain});
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

static bool is_gone(const struct link *l, const struct link_end *end)
{
    const struct swim *swim = l->core->swim; /* NULL: nobody is known to be */
    enum member_state state = swim ? swim_state(swim, slot_of(l, end)) : MEMBER_ALIVE;
    return state == MEMBER_DEAD || state == MEMBER_LEFT;
}

/* Whether it may be asked to hand something to another one. */
static bool may_relay(const struct link *l, const struct link_end *relay)
{
    return relay->usable && settled(relay) && !relay->way.via && !relay->way.troubled &&
           !is_gone(l, relay);
}

/* Up to `wanted` relays to `end`, others each time, beginning with the one through which it was
 * heard last. */
static size_t choose_relays(struct link *l, struct link_end *end, size_t wanted, uint16_t *out)
{
    struct relay_way *way = &end->way;
    size_t count = end_count(l), chosen = 0;
    size_t looked = count < RELAY_LOOKED_MAX ? count : RELAY_LOOKED_MAX;
    if (MUTANT(102)) { /* "no fall-back to a second relay" */
        way->next = way->hint = 0;
        wanted = 1;
    }
    if (way->hint && way->hint != way->via && may_relay(l, &l->ends[way->hint - 1]))
        out[chosen++] = way->hint;
    for (size_t i = 0; i < looked && chosen < wanted; i++) {
        uint16_t at = (uint16_t)(way->next++ % count);
        way->next %= (uint16_t)count;
        bool taken = &l->ends[at] == end || at + 1 == way->via || at + 1 == way->hint;
        if (!taken && may_relay(l, &l->ends[at]))
            out[chosen++] = (uint16_t)(at + 1);
    }
    return chosen;
}

static void ask_by(struct link *l, struct link_end *end, uint16_t via)
{
    struct message m = {.type = WIRE_EDGE_ASK, .edge_ask = {.seq = relay_ask(&end->way, via)}};
    put_message(l, end, via, &m);
    l->core->counters.edge_asks++;
}

static void ask_round(struct link *l, struct link_end *end, struct instant now)
{
    uint16_t relays[RELAY_TRIES], before = end->way.via;
    if (!end->session.believed || !instant_reached(now, relay_deadline(&end->way)))
        return;
    bool asks = relay_round(&end->way, now, is_gone(l, end));
    count_way(l, end, before);
    if (!asks)
        return;
    ask_by(l, end, 0);
    if (end->way.via)
        ask_by(l, end, end->way.via);
    if (!end->way.troubled)
        return;
    size_t count = choose_relays(l, end, RELAY_TRIES, relays);
    for (size_t i = 0; i < count; i++)
        ask_by(l, end, relays[i]);
}

/* Directly, and when that seems to be in vain, also through a relay. What a relay brought is
 * answered by the same one alone: it says nothing about the direct way (T2). */
static void say_hello(struct link *l, struct link_end *end)
{
    uint16_t relay = end->way.hint;
    bool answers = end->answers_relayed && relay;
    bool lost = !settled(end) && end->hellos_lost >= HELLOS_DIRECT && !is_gone(l, end);
    size_t n = l->out_count;
    end->answers_relayed = false;
    if (!answers)
        seal_hello(l, end, 0);
    clone_aim(&end->clone, l->out + n, l->out_count - n, &end->session.peer_seen);
    if (answers || (lost && choose_relays(l, end, 1, &relay) > 0))
        seal_hello(l, end, relay);
    if (end->hellos_lost < HELLOS_DIRECT)
        end->hellos_lost++;
}

/* Each start of it is asked whether it is there, and told if there are two. */
static void ask_starts(struct link *l, struct link_end *end, struct instant now)
{
    struct address at[3];
    uint16_t slot = slot_of(l, end);
    clone_watch(&end->clone, l->core, now, slot);
    size_t first = l->out_count, count = clone_asks(&end->clone, l->core, now, slot, at);
    for (size_t i = 0; i < count; i++)
        seal_hello(l, end, 0);
    for (size_t i = 0; first + i < l->out_count; i++)
        l->out[first + i].at = at[i];
    struct message m = {.type = WIRE_CLONED}; /* directly: a relay may believe the other one */
    if (clone_tells(&end->clone, l->core, slot, &end->session.peer_start, count > 0, &m.cloned))
        put_message(l, end, 0, &m);
}

/* Asks and says what is due, and puts what is relayed into datagrams to relays. */
static void prepare(struct link *l, struct instant now)
{
    l->relayed_ends = 0;
    for (size_t i = 0; i < end_count(l); i++) {
        struct link_end *end = &l->ends[i];
        if (!end->usable)
            continue;
        ask_round(l, end, now);
        ask_starts(l, end, now);
        if (hello_due(l, end, now))
            say_hello(l, end);
        l->relayed_ends += end->way.via != 0;
    }
}

size_t link_flush(struct link *l, struct instant now, const struct outgoing **out)
{
    l->out_count = 0;
    prepare(l, now);
    for (size_t i = 0; i < l->staged_count; i++) /* it grows by what is handed to relays */
        if (l->staged[i].via)
            seal_data(l, i);
    for (size_t i = 0; i < l->staged_count; i++)
        if (!l->staged[i].via)
            seal_data(l, i);
    l->staged_count = 0;
    *out = l->out;
    return l->out_count;
}

struct instant link_deadline(const struct link *l)
{
    struct instant deadline = INSTANT_NEVER;
    for (size_t i = 0; i < end_count(l); i++) {
        const struct link_end *end = &l->ends[i];
        if (end->usable)
            deadline = instant_earlier(
                deadline, instant_earlier(end->hello_next, clone_deadline(&end->clone)));
        if (end->usable && end->session.believed)
            deadline = instant_earlier(deadline, relay_deadline(&end->way));
    }
    return deadline;
}

/* --- Relays --- */

uint16_t link_via(const struct link *l, uint16_t slot)
{
    const struct link_end *end = find_end(l, slot);
    return end ? slot_via(l, end->way.via) : SLOT_NONE;
}

/* What its author gave us himself, for somebody whom we reach directly: no second hop. */
static bool may_hand_on(const struct link *l, uint16_t carrier, const struct wire_relay *r)
{
    const struct link_end *end = find_end(l, r->to);
    bool first_hop = r->from == carrier && r->to != carrier;
    bool direct = end && end->session.believed && !end->way.via;
    return (first_hop && direct) || (MUTANT(100) && end);
}

static void hand_on(struct link *l, struct instant now, uint16_t carrier,
                    const struct wire_relay *r)
{
    struct core *c = l->core;
    struct link_end *author = find_end(l, carrier);
    if (!author || !may_hand_on(l, carrier, r)) {
        c->counters.drop_relay++;
        return;
    }
    if (!relay_meter_take(&author->way.handed, now, RELAY_PEER_MAX) ||
        !relay_meter_take(&l->handed, now, RELAY_ALL_MAX)) {
        c->counters.drop_relay_rate++;
        return;
    }
    struct message m = {.type = WIRE_RELAY, .relay = *r};
    uint16_t next = r->to;
    if (MUTANT(100) && link_via(l, next) != SLOT_NONE) /* "relays what was relayed" */
        next = link_via(l, next);
    outbox_send(&c->outbox, next, &m);
    c->counters.relays_handed++;
}

bool link_relay(struct link *l, struct instant now, uint16_t carrier, const struct wire_relay *r,
                struct link_messages *out)
{
    struct seal_header header;
    int index = roster_find(l->core->config.roster, carrier);
    if (index < 0 || r->from == core_self(l->core) || r->datagram.size > RELAYED_MAX ||
        !seal_peek(&header, r->datagram.bytes, r->datagram.size) || header.from != r->from) {
        l->core->counters.drop_relay++;
        return false;
    }
    if (r->to != core_self(l->core)) {
        hand_on(l, now, carrier, r);
        return false;
    }
    *out = (struct link_messages){.via = (uint16_t)(index + 1)};
    l->came_from = (struct address){0};
    return open_from(l, now, r->datagram, out);
}

void link_edge(struct link *l, struct instant now, uint16_t from, const struct message *m)
{
    struct link_end *end = find_end(l, from);
    if (!end)
        return;
    if (m->type == WIRE_EDGE_OK) {
        uint16_t before = end->way.via;
        relay_answered(&end->way, now, m->edge_ok.seq);
        count_way(l, end, before);
        return;
    }
    struct message answer = {.type = WIRE_EDGE_OK, .edge_ok = {.seq = m->edge_ask.seq}};
    if (l->staged_count < EFFECTS_DATAGRAMS_MAX / 2)
        put_message(l, end, l->came_via ? l->came_via : end->way.via, &answer);
}
