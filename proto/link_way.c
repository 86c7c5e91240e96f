/* The way to each end: directly, or through a relay (T3), and what is handed on for others. */
#include "proto/link_core.h"

static uint16_t slot_via(const struct link *l, uint16_t via)
{
    return via ? link_end_slot(l, &l->ends[via - 1]) : SLOT_NONE;
}

void link_way_count(struct link *l, const struct link_end *end, uint16_t before)
{
    struct peer_counters *c = &l->core->counters;
    const struct relay_way *way = &end->way;
    if (way->via == before)
        return;
    l->relayed_now += (way->via != 0) - (size_t)(before != 0);
    struct notice *n = told_notice(&l->core->told, NOTICE_REACH);
    n->slot = link_end_slot(l, end), n->number = way->via ? 2 : 3;
    n->other = slot_via(l, way->via ? way->via : before);
    if (way->via == 0)
        c->ways_direct++;
    else if (before == 0)
        c->ways_relayed++;
    else
        c->ways_changed++;
}

bool link_way_gone(const struct link *l, const struct link_end *end)
{
    const struct swim *swim = l->core->swim; /* NULL: nobody is known to be */
    enum member_state state = swim ? swim_state(swim, link_end_slot(l, end)) : MEMBER_ALIVE;
    return state == MEMBER_DEAD || state == MEMBER_LEFT;
}

/* Whether it may be asked to hand something to another one. */
static bool may_relay(const struct link *l, const struct link_end *relay)
{
    return relay->usable && link_end_settled(relay) && !relay->way.via && !relay->way.troubled &&
           !link_way_gone(l, relay);
}

size_t link_way_choose(struct link *l, struct link_end *end, size_t wanted, uint16_t *out)
{
    struct relay_way *way = &end->way;
    size_t count = link_end_count(l), chosen = 0;
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
    link_out_message(l, end, via, &m);
    l->core->counters.edge_asks++;
}

void link_way_ask(struct link *l, struct link_end *end, struct instant now)
{
    uint16_t relays[RELAY_TRIES], before = end->way.via;
    if (!end->session.believed || !instant_reached(now, relay_deadline(&end->way)))
        return;
    bool asks = relay_round(&end->way, now, link_way_gone(l, end));
    link_way_count(l, end, before);
    if (!asks)
        return;
    ask_by(l, end, 0);
    if (end->way.via)
        ask_by(l, end, end->way.via);
    if (!end->way.troubled)
        return;
    size_t count = link_way_choose(l, end, RELAY_TRIES, relays);
    for (size_t i = 0; i < count; i++)
        ask_by(l, end, relays[i]);
}

uint16_t link_via(const struct link *l, uint16_t slot)
{
    const struct link_end *end = link_end_find(l, slot);
    return end ? slot_via(l, end->way.via) : SLOT_NONE;
}

/* What its author gave us himself, for somebody whom we reach directly: no second hop. */
static bool may_hand_on(const struct link *l, uint16_t carrier, const struct wire_relay *r)
{
    const struct link_end *end = link_end_find(l, r->to);
    bool first_hop = r->from == carrier && r->to != carrier;
    bool direct = end && end->session.believed && !end->way.via;
    return (first_hop && direct) || (MUTANT(100) && end);
}

static void hand_on(struct link *l, struct instant now, uint16_t carrier,
                    const struct wire_relay *r)
{
    struct core *c = l->core;
    struct link_end *author = link_end_find(l, carrier);
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
    return link_in_open(l, now, r->datagram, out);
}

void link_edge(struct link *l, struct instant now, uint16_t from, const struct message *m)
{
    struct link_end *end = link_end_find(l, from);
    if (!end)
        return;
    if (m->type == WIRE_EDGE_OK) {
        uint16_t before = end->way.via;
        relay_answered(&end->way, now, m->edge_ok.seq);
        link_way_count(l, end, before);
        link_end_changed(l, end);
        return;
    }
    /* What came directly may not go back so (a one-way cut), or only so: where both ends take
     * relays that lead nowhere, each would wait for an answer that the other's relay loses. */
    struct message answer = {.type = WIRE_EDGE_OK, .edge_ok = {.seq = m->edge_ask.seq}};
    uint16_t via = l->came_via ? l->came_via : end->way.via;
    if (l->staged_count >= EFFECTS_DATAGRAMS_MAX / 2)
        return;
    link_out_message(l, end, via, &answer);
    if (!l->came_via && via)
        link_out_message(l, end, 0, &answer);
}
