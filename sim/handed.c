/* What relays hand on: see handed.h. */
#include "sim/handed.h"

#include "crypto/seal.h"
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/rude_relay.h"
#include "sim/world.h"

enum { AGAIN_PERMILLE = 20, LATE_PERMILLE = 200 };

static const struct span soon = SPAN_MS(50), late = SPAN_MS(20000);

void handed_open(struct world *w, struct machine *m)
{
    struct handed *h = &m->handed;
    *h = (struct handed){0};
    random_init(&h->random, w->seed, STREAM_HANDED + m->index + m->run * MACHINES_MAX);
}

/* FNV-1a: a seal's nonce is random, so what is equal is the same datagram. */
static uint64_t hash_of(struct view bytes)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);
    for (size_t i = 0; i < bytes.size; i++)
        hash = (hash ^ bytes.bytes[i]) * UINT64_C(0x100000001b3);
    return hash;
}

static void keep(struct world *w, struct machine *m, const struct wire_relay *r)
{
    struct handed *h = &m->handed;
    if (h->kept || w->calm || !random_chance(&h->random, AGAIN_PERMILLE))
        return;
    h->kept = true;
    h->kept_from = r->from;
    h->kept_to = r->to;
    h->kept_size = (uint16_t)r->datagram.size;
    memcpy(h->kept_bytes, r->datagram.bytes, r->datagram.size);
    struct span most = random_chance(&h->random, LATE_PERMILLE) ? late : soon;
    world_plan(w, random_span(&h->random, (struct span){0}, most),
               (struct item){.kind = HAPPEN_HANDED, .machine = m->index, .tag = m->run});
}

void handed_sent(struct world *w, struct machine *m, uint16_t to, const struct wire_relay *r)
{
    if (r->from == cluster_slot(m->index))
        return;
    if (to != r->to)
        world_fail(w, EXIT_BROKEN, "S17", "%s hands on a datagram for slot %u to slot %u (T3)",
                   m->name, r->to, to);
    coverage_relay(w, COVER_HANDED);
    keep(w, m, r);
}

void handed_came(struct world *w, struct machine *m, uint16_t from, const struct wire_relay *r)
{
    struct handed *h = &m->handed;
    int author = cluster_index(w->cluster, r->from);
    handed_settle(w, m);
    if (r->to != cluster_slot(m->index) && r->from != from)
        world_fail(w, EXIT_BROKEN, "S17", "slot %u hands %s what slot %u had handed on (T3)", from,
                   m->name, r->from);
    if (r->to != cluster_slot(m->index) || author < 0)
        return;
    h->pending = true;
    h->author = (uint16_t)author;
    h->hash = hash_of(r->datagram);
    h->hello = r->datagram.size > 1 && r->datagram.bytes[1] == SEAL_HELLO;
    h->relays_in = peer_counters(m->peer)->relays_in;
}

/* What was opened before does not open again (T1). A hello may: it is no more than a question. */
static void judge_taken(struct world *w, struct machine *m)
{
    struct handed *h = &m->handed;
    for (size_t i = 0; i < HANDED_TAKEN_MAX && !h->hello; i++)
        if (h->taken[i] == h->hash)
            world_fail(w, EXIT_BROKEN, "S17", "%s takes a datagram of %s twice from a relay",
                       m->name, w->machines[h->author].name);
    if (h->hello)
        coverage_relay(w, COVER_HELLO);
    else
        h->taken[h->taken_next++ % HANDED_TAKEN_MAX] = h->hash;
    check_traffic_taken(m, h->author);
    check_traffic_reached(w, m, h->author);
}

void handed_settle(struct world *w, struct machine *m)
{
    struct handed *h = &m->handed;
    const struct peer_counters *now = peer_counters(m->peer);
    if (h->pending && now->relays_in != h->relays_in)
        judge_taken(w, m);
    else if (h->pending && now->drop_replay != h->before.drop_replay)
        coverage_relay(w, COVER_REPEATED);
    h->pending = false;
    if (now->ways_relayed != h->before.ways_relayed)
        coverage_relay(w, COVER_RELAYED);
    if (now->ways_changed != h->before.ways_changed)
        coverage_relay(w, COVER_CHANGED);
    if (now->ways_direct != h->before.ways_direct)
        coverage_relay(w, COVER_DIRECT);
    if (now->drop_relay != h->before.drop_relay)
        coverage_relay(w, COVER_NOT_HANDED);
    h->before.drop_replay = now->drop_replay;
    h->before.drop_relay = now->drop_relay;
    h->before.ways_relayed = now->ways_relayed;
    h->before.ways_changed = now->ways_changed;
    h->before.ways_direct = now->ways_direct;
}

void handed_again(struct world *w, struct machine *m, uint64_t run)
{
    struct handed *h = &m->handed;
    if (!m->agent_up || m->run != run || !h->kept)
        return;
    h->kept = false;
    if (m->paused)
        return;
    struct message again = {.type = WIRE_RELAY};
    again.relay = (struct wire_relay){
        .from = h->kept_from, .to = h->kept_to, .datagram = {h->kept_bytes, h->kept_size}};
    rude_relay_says(m->peer, h->kept_to, &again);
    machine_post(w, m, &(struct event){.kind = EVENT_TICK});
}
