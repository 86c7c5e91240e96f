/* Words and timers of the models: see members_model.h. */
#include "sim/members_model.h"

#include "proto/must.h"

#include <stdlib.h>
#include <string.h>

static const int64_t second = 1000000000;
static const int64_t gossip_period = 200000000;

enum { GOSSIP_NODES = 3, GOSSIP_TO_DEAD_SECONDS = 30, AWARENESS_MAX = 8, MAX_MULT = 6 };

/* Records on the wire, in bytes, as msgpack with field names makes them for names of about ten. */
static const uint16_t wire_sizes[] = {
    [MODEL_PING] = 60,        [MODEL_ACK] = 22,    [MODEL_NACK] = 12,    [MODEL_PING_REQ] = 75,
    [MODEL_STREAM_PING] = 60, [MODEL_ALIVE] = 105, [MODEL_SUSPECT] = 60, [MODEL_DEAD] = 60,
    [MODEL_PUSH] = 20,        [MODEL_PULL] = 20,
};
enum { WIRE_COMPOUND = 4, WIRE_STATE = 140 };

uint32_t model_log10(uint64_t n)
{
    /* log10(n) = log2(n) * 0.30103; log2 by repeated squaring of the fraction. */
    if (n < 2)
        return 0;
    uint32_t whole = 63U - (uint32_t)__builtin_clzll(n);
    uint64_t x = (n << 16) >> whole; /* 1.0 to 2.0, 16 bits behind the point */
    uint64_t log2 = (uint64_t)whole << 16;
    for (uint32_t bit = 1U << 15; bit; bit >>= 1) {
        x = x * x >> 16;
        if (x >= UINT64_C(2) << 16) {
            x >>= 1;
            log2 += bit;
        }
    }
    return (uint32_t)(log2 * 30103 / 100000 >> 6);
}

/* log(a) / log(b) for small numbers, in 1/1024ths. */
static uint64_t log_ratio(uint32_t a, uint32_t b)
{
    return (uint64_t)model_log10(a) * 1024 / model_log10(b);
}

void model_aware(struct model *m, struct model_node *n, int32_t delta)
{
    int32_t next = (int32_t)n->awareness + delta;
    if (!m->lifeguard || next < 0)
        next = 0;
    n->awareness = next >= AWARENESS_MAX ? AWARENESS_MAX - 1 : (uint32_t)next;
}

static void set_state(struct members_world *w, size_t node, size_t subject, enum member_state state,
                      uint32_t incarnation)
{
    struct model_node *n = &model_of(w)->nodes[node];
    enum member_state before = (enum member_state)n->views[subject].state;
    n->views[subject].state = (uint32_t)state & 15U;
    n->views[subject].incarnation = incarnation & 0xfffffffU;
    if (state == MEMBER_DEAD)
        n->gone_at[subject] = (uint16_t)(w->now / second);
    members_changed(w, node, subject, before, state);
}

/* --- Words to tell --- */

static void put_word(struct model_level *level, const struct model_word *word)
{
    if (level->count == level->room) {
        level->room = level->room ? 2 * level->room : 8;
        level->words = realloc(level->words, level->room * sizeof *level->words);
        must(level->words);
    }
    level->words[level->count++] = *word;
}

static void broadcast(struct members_world *w, size_t node, const struct model_record *r)
{
    put_word(&model_of(w)->nodes[node].levels[0],
             &(struct model_word){
                 .node = r->node, .from = r->from, .kind = r->kind, .incarnation = r->incarnation});
}

/* A word that says no longer what is held has been replaced by another. */
static bool stale(const struct model_node *n, const struct model_word *word)
{
    static const uint8_t kinds[] = {[MEMBER_ALIVE] = MODEL_ALIVE,
                                    [MEMBER_SUSPECT] = MODEL_SUSPECT,
                                    [MEMBER_DEAD] = MODEL_DEAD,
                                    [MEMBER_LEFT] = MODEL_DEAD};
    struct model_view view = n->views[word->node];
    return kinds[view.state] != word->kind || view.incarnation != word->incarnation;
}

/* Words for a datagram with `room` bytes left, those told least first; returns how many. */
static size_t pick_words(struct model *m, struct model_node *n, size_t room,
                         struct model_record *out, size_t most, size_t *wire)
{
    size_t picked = 0, level_of[MODEL_RECORDS_MAX];
    struct model_word taken[MODEL_RECORDS_MAX];
    for (size_t level = 0; level < m->transmit_limit; level++) {
        struct model_level *l = &n->levels[level];
        while (l->count > 0 && picked < most) {
            struct model_word word = l->words[l->count - 1];
            size_t cost = wire_sizes[word.kind] + (size_t)WIRE_COMPOUND;
            if (!stale(n, &word)) {
                if (*wire + cost > room)
                    break;
                *wire += cost;
                level_of[picked] = level;
                taken[picked] = word;
                out[picked++] = (struct model_record){.kind = word.kind,
                                                      .node = word.node,
                                                      .from = word.from,
                                                      .incarnation = word.incarnation};
            }
            l->count--;
        }
    }
    for (size_t i = 0; i < picked; i++)
        if (level_of[i] + 1 < m->transmit_limit)
            put_word(&n->levels[level_of[i] + 1], &taken[i]);
    return picked;
}

void model_send(struct members_world *w, size_t from, size_t to, struct model_record record,
                bool ride)
{
    struct model *m = model_of(w);
    struct model_record records[MODEL_RECORDS_MAX];
    size_t count = 1, wire = wire_sizes[record.kind] + (size_t)MODEL_SEAL;
    records[0] = record;
    if (ride)
        count += pick_words(m, &m->nodes[from], MODEL_DATAGRAM_MAX, records + 1,
                            MODEL_RECORDS_MAX - 1, &wire);
    members_send(w, from, to, (const uint8_t *)records, count * sizeof records[0], wire, false);
}

void model_stream(struct members_world *w, size_t from, size_t to, struct model_record record)
{
    members_send(w, from, to, (const uint8_t *)&record, sizeof record,
                 wire_sizes[record.kind] + (size_t)MODEL_SEAL, true);
}

size_t model_choose(struct members_world *w, size_t node, size_t except, bool suspects,
                    size_t wanted, uint16_t *out)
{
    struct model_node *n = &model_of(w)->nodes[node];
    size_t chosen = 0;
    for (size_t tries = 0; tries < 3 * w->o.nodes && chosen < wanted; tries++) {
        size_t at = (size_t)random_below(&w->random, w->o.nodes);
        enum member_state state = (enum member_state)n->views[at].state;
        bool recent = state == MEMBER_DEAD &&
                      (uint16_t)(w->now / second) - n->gone_at[at] <= GOSSIP_TO_DEAD_SECONDS;
        bool taken = at == node || at == except ||
                     !(state == MEMBER_ALIVE || (suspects && (state == MEMBER_SUSPECT || recent)));
        for (size_t i = 0; i < chosen; i++)
            taken |= out[i] == at;
        if (!taken)
            out[chosen++] = (uint16_t)at;
    }
    return chosen;
}

static void gossip(struct members_world *w, size_t node)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    bool news = false;
    for (size_t i = 0; i < m->transmit_limit; i++)
        news |= n->levels[i].count > 0;
    uint16_t to[GOSSIP_NODES];
    size_t count = news ? model_choose(w, node, node, true, GOSSIP_NODES, to) : 0;
    for (size_t i = 0; i < count; i++) {
        struct model_record records[MODEL_RECORDS_MAX];
        size_t wire = MODEL_SEAL;
        size_t picked = pick_words(m, n, MODEL_DATAGRAM_MAX, records, MODEL_RECORDS_MAX, &wire);
        if (picked)
            members_send(w, node, to[i], (const uint8_t *)records, picked * sizeof records[0], wire,
                         false);
    }
}

/* --- What is believed: aliveNode, suspectNode, deadNode --- */

static struct model_suspicion *find_suspicion(struct model_node *n, size_t subject)
{
    for (size_t i = 0; i < n->suspicion_count; i++)
        if (n->suspicions[i].node == subject)
            return &n->suspicions[i];
    return NULL;
}

static void end_suspicion(struct model_node *n, size_t subject)
{
    struct model_suspicion *s = find_suspicion(n, subject);
    if (s)
        *s = n->suspicions[--n->suspicion_count];
}

static void begin_suspicion(struct members_world *w, size_t node, size_t subject, uint16_t from)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    uint64_t scale = model_log10(w->o.nodes);
    if (n->suspicion_count == n->suspicion_room) {
        n->suspicion_room = n->suspicion_room ? 2 * n->suspicion_room : 4;
        n->suspicions = realloc(n->suspicions, n->suspicion_room * sizeof *n->suspicions);
        must(n->suspicions);
    }
    if (scale < 1024)
        scale = 1024;
    int64_t min = (int64_t)(m->suspicion_mult * scale * (uint64_t)second / 1024);
    struct model_suspicion s = {.node = (uint16_t)subject,
                                .wanted = m->lifeguard ? m->suspicion_mult - 2 : 0,
                                .began = w->now,
                                .min = min,
                                .max = m->lifeguard ? MAX_MULT * min : min};
    if (w->o.nodes - 2 < s.wanted)
        s.wanted = 0;
    s.from[0] = from;
    s.due = w->now + (s.wanted ? s.max : s.min);
    n->suspicions[n->suspicion_count++] = s;
}

/* suspicion.go: the time left shrinks with the logarithm of the confirmations. */
static bool confirm(struct model_suspicion *s, uint16_t from)
{
    if (s->confirmed >= s->wanted)
        return false;
    for (uint32_t i = 0; i <= s->confirmed; i++)
        if (s->from[i] == from)
            return false;
    s->from[++s->confirmed] = from;
    int64_t cut = (s->max - s->min) * (int64_t)log_ratio(s->confirmed + 1, s->wanted + 1) / 1024;
    s->due = s->began + (s->max - cut > s->min ? s->max - cut : s->min);
    return true;
}

static void refute(struct members_world *w, size_t node, uint32_t accused)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    n->incarnation = accused + 1;
    model_aware(m, n, 1);
    set_state(w, node, node, MEMBER_ALIVE, n->incarnation);
    broadcast(w, node,
              &(struct model_record){
                  .kind = MODEL_ALIVE, .node = (uint16_t)node, .incarnation = n->incarnation});
}

void model_suspect(struct members_world *w, size_t node, struct model_record r)
{
    struct model_node *n = &model_of(w)->nodes[node];
    struct model_view view = n->views[r.node];
    if (view.state == MEMBER_UNKNOWN || r.incarnation < view.incarnation)
        return;
    struct model_suspicion *s = find_suspicion(n, r.node);
    if (s) {
        if (confirm(s, r.from))
            broadcast(w, node, &r);
        return;
    }
    if (view.state != MEMBER_ALIVE)
        return;
    if (r.node == node) {
        refute(w, node, r.incarnation);
        return;
    }
    set_state(w, node, r.node, MEMBER_SUSPECT, r.incarnation);
    broadcast(w, node, &r);
    begin_suspicion(w, node, r.node, r.from);
}

static void believe_dead(struct members_world *w, size_t node, const struct model_record *r)
{
    struct model_node *n = &model_of(w)->nodes[node];
    struct model_view view = n->views[r->node];
    if (view.state == MEMBER_UNKNOWN || r->incarnation < view.incarnation ||
        view.state == MEMBER_DEAD)
        return;
    end_suspicion(n, r->node);
    if (r->node == node) {
        refute(w, node, r->incarnation);
        return;
    }
    set_state(w, node, r->node, MEMBER_DEAD, r->incarnation);
    broadcast(w, node, r);
}

static void believe_alive(struct members_world *w, size_t node, const struct model_record *r)
{
    struct model_node *n = &model_of(w)->nodes[node];
    struct model_view view = n->views[r->node];
    if (r->node == node) {
        if (r->incarnation > n->incarnation)
            refute(w, node, r->incarnation);
        return;
    }
    if (view.state != MEMBER_UNKNOWN && r->incarnation <= view.incarnation)
        return;
    end_suspicion(n, r->node);
    set_state(w, node, r->node, MEMBER_ALIVE, r->incarnation);
    broadcast(w, node, r);
}

/* --- Push and pull: the whole state over a stream --- */

static void send_state(struct members_world *w, size_t node, size_t to, enum model_kind kind)
{
    struct model_node *n = &model_of(w)->nodes[node];
    struct model_record head = {.kind = (uint8_t)kind};
    size_t size = sizeof head + w->o.nodes * sizeof *n->views, known = 0;
    uint8_t *bytes = malloc(size);
    must(bytes);
    memcpy(bytes, &head, sizeof head);
    memcpy(bytes + sizeof head, n->views, w->o.nodes * sizeof *n->views);
    for (size_t i = 0; i < w->o.nodes; i++)
        known += n->views[i].state != MEMBER_UNKNOWN;
    members_send(w, node, to, bytes, size, MODEL_SEAL + known * WIRE_STATE, true);
    free(bytes);
}

/* mergeRemoteState: what another holds dead is suspected only. */
static void merge_state(struct members_world *w, size_t node, size_t from, const uint8_t *bytes)
{
    (void)from;
    for (size_t i = 0; i < w->o.nodes; i++) {
        struct model_view view;
        memcpy(&view, bytes + i * sizeof view, sizeof view);
        struct model_record r = {
            .node = (uint16_t)i, .from = (uint16_t)node, .incarnation = view.incarnation};
        if (view.state == MEMBER_ALIVE) {
            r.kind = MODEL_ALIVE;
            believe_alive(w, node, &r);
        } else if (view.state == MEMBER_SUSPECT || view.state == MEMBER_DEAD) {
            r.kind = MODEL_SUSPECT;
            model_suspect(w, node, r);
        }
    }
}

/* --- The door --- */

static void model_take(struct members_world *w, size_t node, size_t from, const uint8_t *bytes,
                       size_t size)
{
    struct model_record r;
    memcpy(&r, bytes, sizeof r);
    if (r.kind == MODEL_PUSH || r.kind == MODEL_PULL) {
        if (r.kind == MODEL_PUSH)
            send_state(w, node, from, MODEL_PULL);
        merge_state(w, node, from, bytes + sizeof r);
        return;
    }
    for (size_t at = 0; at < size; at += sizeof r) {
        memcpy(&r, bytes + at, sizeof r);
        if (r.kind == MODEL_ALIVE)
            believe_alive(w, node, &r);
        else if (r.kind == MODEL_SUSPECT)
            model_suspect(w, node, r);
        else if (r.kind == MODEL_DEAD)
            believe_dead(w, node, &r);
        else
            model_probe_take(w, node, from, &r);
    }
}

static void bury(struct members_world *w, size_t node)
{
    struct model_node *n = &model_of(w)->nodes[node];
    for (size_t i = 0; i < n->suspicion_count;) {
        struct model_suspicion s = n->suspicions[i];
        if (w->now < s.due) {
            i++;
            continue;
        }
        believe_dead(w, node,
                     &(struct model_record){.kind = MODEL_DEAD,
                                            .node = s.node,
                                            .from = (uint16_t)node,
                                            .incarnation = n->views[s.node].incarnation});
        i = 0;
    }
}

static void model_step(struct members_world *w, size_t node)
{
    struct model *m = model_of(w);
    struct model_node *n = &m->nodes[node];
    bury(w, node);
    model_probe_step(w, node);
    if (w->nodes[node].blocked)
        return;
    if (w->now >= n->gossip_at) {
        n->gossip_at = w->now + gossip_period;
        gossip(w, node);
    }
    if (w->now >= n->push_at) {
        uint16_t to;
        n->push_at = w->now + m->push_period;
        if (model_choose(w, node, node, false, 1, &to))
            send_state(w, node, to, MODEL_PUSH);
    }
}

static int64_t model_deadline(struct members_world *w, size_t node)
{
    struct model_node *n = &model_of(w)->nodes[node];
    int64_t at = model_probe_deadline(w, node);
    if (!w->nodes[node].blocked) {
        at = n->gossip_at < at ? n->gossip_at : at;
        at = n->push_at < at ? n->push_at : at;
    }
    for (size_t i = 0; i < n->suspicion_count; i++)
        at = n->suspicions[i].due < at ? n->suspicions[i].due : at;
    return at;
}

static enum member_state model_state(const struct members_world *w, size_t observer, size_t subject)
{
    return (enum member_state)model_of(w)->nodes[observer].views[subject].state;
}

/* state.go, pushPullScale: longer from 32 nodes on, with the logarithm. */
static int64_t push_period(size_t nodes)
{
    int64_t scale = 1;
    for (size_t n = 32; n < nodes; n *= 2)
        scale++;
    return 30 * second * scale;
}

static void open_model(struct members_world *w, bool lifeguard)
{
    struct model *m = calloc(1, sizeof *m);
    size_t n = w->o.nodes;
    must(m);
    w->state = m;
    m->lifeguard = lifeguard;
    m->suspicion_mult = w->o.suspicion_mult ? w->o.suspicion_mult : lifeguard ? 4 : 5;
    m->transmit_limit = 4 * (uint32_t)((model_log10(n + 1) + 1023) / 1024);
    must(m->transmit_limit <= MODEL_LEVELS);
    m->push_period = push_period(n);
    m->nodes = calloc(n, sizeof *m->nodes);
    m->views = calloc(n * n, sizeof *m->views);
    m->gone_at = calloc(n * n, sizeof *m->gone_at);
    m->rings = calloc(n * n, sizeof *m->rings);
    must(m->nodes && m->views && m->gone_at && m->rings);
    for (size_t i = 0; i < n; i++) {
        struct model_node *node = &m->nodes[i];
        node->views = m->views + i * n;
        node->gone_at = m->gone_at + i * n;
        node->ring = m->rings + i * n;
        node->ring_next = n;
        for (size_t k = 0; k < n; k++) {
            node->ring[k] = (uint16_t)k;
            if (w->o.warm || k == i)
                node->views[k].state = MEMBER_ALIVE;
        }
        node->probe_at = w->now + random_between(&w->random, 0, second);
        node->gossip_at = w->now + random_between(&w->random, 0, gossip_period);
        node->push_at = w->now + random_between(&w->random, 0, m->push_period);
    }
}

static void open_swim(struct members_world *w)
{
    open_model(w, false);
}

static void open_memberlist(struct members_world *w)
{
    open_model(w, true);
}

static void close_model(struct members_world *w)
{
    struct model *m = model_of(w);
    for (size_t i = 0; i < w->o.nodes; i++) {
        free(m->nodes[i].suspicions);
        for (size_t k = 0; k < MODEL_LEVELS; k++)
            free(m->nodes[i].levels[k].words);
    }
    free(m->nodes);
    free(m->views);
    free(m->gone_at);
    free(m->rings);
    free(m);
}

/* Cold: everybody joins through the first, as an operator's one seed. */
static void start_model(struct members_world *w, size_t node)
{
    struct model_record word = {.kind = MODEL_ALIVE, .node = (uint16_t)node};
    if (w->o.warm)
        return;
    broadcast(w, node, &word);
    if (node > 0)
        send_state(w, node, 0, MODEL_PUSH);
}

const struct members_rules members_rules_swim = {"swim",      open_swim,      close_model,
                                                 start_model, model_deadline, model_step,
                                                 model_take,  model_state};
const struct members_rules members_rules_memberlist = {"memberlist", open_memberlist, close_model,
                                                       start_model,  model_deadline,  model_step,
                                                       model_take,   model_state};
