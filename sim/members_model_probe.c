/* Probes of the models: see members_model.h. After memberlist's state.go, probeNode(). */
#include "sim/members_model.h"

static const int64_t probe_period = 1000000000, probe_timeout = 500000000;

enum { INDIRECT = 3 };

/* The next of the shuffled ring that is alive or suspect; -1: nobody. */
static int next_target(struct members_world *w, struct model_node *n, size_t node)
{
    size_t count = w->o.nodes;
    for (size_t tries = 0; tries < count; tries++) {
        if (n->ring_next >= count) {
            for (size_t i = count - 1; i > 0; i--) {
                size_t k = (size_t)random_below(&w->random, i + 1);
                uint16_t t = n->ring[i];
                n->ring[i] = n->ring[k];
                n->ring[k] = t;
            }
            n->ring_next = 0;
        }
        uint16_t target = n->ring[n->ring_next++];
        enum member_state state = (enum member_state)n->views[target].state;
        if (target != node && (state == MEMBER_ALIVE || state == MEMBER_SUSPECT))
            return target;
    }
    return -1;
}

static void begin(struct members_world *w, size_t node)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    n->probe_at += probe_period;
    if (n->probe_at <= w->now) /* ticks that were missed are dropped */
        n->probe_at = w->now + probe_period;
    int target = next_target(w, n, node);
    if (target < 0)
        return;
    int64_t period = probe_period * (m->lifeguard ? n->awareness + 1 : 1);
    n->probe = (struct model_probe){.open = true,
                                    .target = (uint16_t)target,
                                    .seq = ++n->seq,
                                    .began = w->now,
                                    .ask_at = w->now + probe_timeout,
                                    .judge_at = w->now + period};
}

/* The ping; a suspect is told so in the same datagram (Lifeguard's buddy system). */
static void send_ping(struct members_world *w, size_t node)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    struct model_view view = n->views[n->probe.target];
    n->probe.sent = true;
    if (m->lifeguard && view.state == MEMBER_SUSPECT)
        model_send(w, node, n->probe.target,
                   (struct model_record){.kind = MODEL_SUSPECT,
                                         .node = n->probe.target,
                                         .from = (uint16_t)node,
                                         .incarnation = view.incarnation},
                   false);
    model_send(
        w, node, n->probe.target,
        (struct model_record){.kind = MODEL_PING, .node = n->probe.target, .seq = n->probe.seq},
        true);
}

static void ask_others(struct members_world *w, size_t node)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    uint16_t asked[INDIRECT];
    n->probe.asked = true;
    size_t count = model_choose(w, node, n->probe.target, false, INDIRECT, asked);
    n->probe.nacks_wanted = m->lifeguard ? (uint32_t)count : 0;
    for (size_t i = 0; i < count; i++)
        model_send(w, node, asked[i],
                   (struct model_record){
                       .kind = MODEL_PING_REQ, .node = n->probe.target, .seq = n->probe.seq},
                   true);
    model_stream(w, node, n->probe.target,
                 (struct model_record){.kind = MODEL_STREAM_PING, .seq = n->probe.seq});
}

static void judge(struct members_world *w, size_t node)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    struct model_probe *p = &n->probe;
    p->open = false;
    if (p->nacks_wanted > 0)
        model_aware(m, n, (int32_t)(p->nacks_wanted - p->nacks));
    else
        model_aware(m, n, 1);
    struct model_view view = n->views[p->target];
    model_suspect(w, node,
                  (struct model_record){.kind = MODEL_SUSPECT,
                                        .node = p->target,
                                        .from = (uint16_t)node,
                                        .incarnation = view.incarnation});
}

/* A blocked node begins one probe, and waits where it would send. */
void model_probe_step(struct members_world *w, size_t node)
{
    struct model_node *n = &model_of(w)->nodes[node];
    if (!n->probe.open && w->now >= n->probe_at)
        begin(w, node);
    for (size_t i = 0; i < MODEL_RELAYS && !w->nodes[node].blocked; i++) {
        struct model_relay *r = &n->relays[i];
        if (r->nack_at == 0 || w->now < r->nack_at)
            continue;
        r->nack_at = 0;
        model_send(w, node, r->asker,
                   (struct model_record){.kind = MODEL_NACK, .seq = r->asker_seq}, true);
    }
    if (!n->probe.open || w->nodes[node].blocked)
        return;
    if (!n->probe.sent)
        send_ping(w, node);
    if (!n->probe.asked && w->now >= n->probe.ask_at)
        ask_others(w, node);
    if (w->now >= n->probe.judge_at)
        judge(w, node);
}

int64_t model_probe_deadline(const struct members_world *w, size_t node)
{
    const struct model_node *n = &model_of(w)->nodes[node];
    int64_t at = INT64_MAX;
    if (!n->probe.open)
        at = n->probe_at;
    else if (!w->nodes[node].blocked)
        at = n->probe.asked ? n->probe.judge_at : n->probe.ask_at;
    for (size_t i = 0; i < MODEL_RELAYS && !w->nodes[node].blocked; i++)
        if (n->relays[i].nack_at && n->relays[i].nack_at < at)
            at = n->relays[i].nack_at;
    return at;
}

static void relay(struct members_world *w, size_t node, size_t from, const struct model_record *r)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    struct model_relay *slot = &n->relays[n->relay_next++ % MODEL_RELAYS];
    *slot = (struct model_relay){.seq = ++n->seq,
                                 .asker_seq = r->seq,
                                 .asker = (uint16_t)from,
                                 .nack_at = m->lifeguard ? w->now + probe_timeout : 0};
    model_send(w, node, r->node,
               (struct model_record){.kind = MODEL_PING, .node = r->node, .seq = slot->seq}, true);
}

static void take_ack(struct members_world *w, size_t node, const struct model_record *r)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    if (n->probe.open && n->probe.seq == r->seq) {
        n->probe.open = false;
        model_aware(m, n, -1);
        return;
    }
    for (size_t i = 0; i < MODEL_RELAYS; i++) {
        struct model_relay *slot = &n->relays[i];
        if (slot->seq != r->seq || slot->seq == 0)
            continue;
        slot->seq = 0;
        slot->nack_at = 0;
        model_send(w, node, slot->asker,
                   (struct model_record){.kind = MODEL_ACK, .seq = slot->asker_seq}, true);
    }
}

void model_probe_take(struct members_world *w, size_t node, size_t from,
                      const struct model_record *r)
{
    struct model_node *n = &model_of(w)->nodes[node];
    struct model_record ack = {.kind = MODEL_ACK, .seq = r->seq};
    switch ((enum model_kind)r->kind) {
    case MODEL_PING:
        model_send(w, node, from, ack, true);
        return;
    case MODEL_STREAM_PING:
        model_stream(w, node, from, ack);
        return;
    case MODEL_PING_REQ:
        relay(w, node, from, r);
        return;
    case MODEL_ACK:
        take_ack(w, node, r);
        return;
    case MODEL_NACK:
        n->probe.nacks += n->probe.open && n->probe.seq == r->seq;
        return;
    case MODEL_ALIVE:
    case MODEL_SUSPECT:
    case MODEL_DEAD:
    case MODEL_PUSH:
    case MODEL_PULL:
        return;
    }
}
