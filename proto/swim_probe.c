/*
 * Probes: who is pinged, through whom else, and who is found silent (swim_core.h).
 *
 * M3 lives here: "unreachable" is this node's own finding about one edge, set when a probe got no
 * answer by any way and cleared by the first sign of life; it is never told to anybody. What is
 * told is a suspicion, and only of a member that was held alive.
 */
#include "proto/swim_core.h"

static void send_ping(struct swim *s, uint16_t to, uint32_t seq)
{
    struct message m = {.type = WIRE_PING};
    m.ping = (struct wire_ping){
        .seq = seq, .life = s->vitals.life, .commits = s->vitals.commits, .ops = s->vitals.ops};
    swim_word_send(s, to, &m);
    swim_word_tell_news(s, to);
}

static void send_ack(struct swim *s, uint16_t to, uint32_t seq)
{
    struct message m = {.type = WIRE_ACK};
    m.ack = (struct wire_ack){
        .seq = seq, .life = s->vitals.life, .commits = s->vitals.commits, .ops = s->vitals.ops};
    swim_word_send(s, to, &m);
    swim_word_tell_news(s, to);
}

/* A sign of life and numbers from the member itself. If what we hold of it does not fit a member
 * that talks, we ask for its words. */
static void take_vitals(struct swim *s, uint16_t from, const struct vitals *told)
{
    members_set_vitals(&s->members, from, told);
    const struct member *m = &s->members.table[from];
    bool odd = m->state == MEMBER_UNKNOWN || m->state == MEMBER_DEAD ||
               told->life > members_word(&s->members, from)->life;
    if (s->started && odd)
        swim_word_tell_digest(s, from, true);
}

void swim_probe_take_ping(struct swim *s, struct instant now, uint16_t from,
                          const struct message *m)
{
    (void)now;
    if (s->started)
        send_ack(s, from, m->ping.seq);
    struct vitals told = {.life = m->ping.life, .commits = m->ping.commits, .ops = m->ping.ops};
    take_vitals(s, from, &told);
}

void swim_probe_take_ack(struct swim *s, struct instant now, uint16_t from, const struct message *m)
{
    struct probe *probe = probes_find(&s->probes, m->ack.seq, from);
    struct relay relay;
    if (probe) {
        probe->answered = true;
        int64_t us = span_between(probe->sent, now).ns / 1000;
        s->members.table[from].round_trip_us = us > UINT32_MAX ? UINT32_MAX : (uint32_t)us;
    } else if (probes_relayed(&s->probes, m->ack.seq, from, &relay)) {
        struct message answer = {.type = WIRE_INDIRECT_ACK};
        answer.indirect_ack = (struct wire_indirect_ack){.seq = relay.asker_seq,
                                                         .target = members_slot(&s->members, from)};
        swim_word_send(s, relay.asker, &answer);
    }
    struct vitals told = {.life = m->ack.life, .commits = m->ack.commits, .ops = m->ack.ops};
    take_vitals(s, from, &told);
}

void swim_probe_take_ping_req(struct swim *s, struct instant now, uint16_t from,
                              const struct message *m)
{
    int target = members_find(&s->members, m->ping_req.target);
    if (!s->started || target < 0 || target == s->self || target == from)
        return;
    struct relay wanted = {.target = (uint16_t)target,
                           .asker = from,
                           .asker_seq = m->ping_req.seq,
                           .expires = instant_after(now, s->config.timing.period)};
    uint32_t seq = probes_relay(&s->probes, &wanted, now);
    if (seq != 0)
        send_ping(s, (uint16_t)target, seq);
}

void swim_probe_take_indirect_ack(struct swim *s, struct instant now, uint16_t from,
                                  const struct message *m)
{
    (void)now;
    (void)from;
    int target = members_find(&s->members, m->indirect_ack.target);
    if (target < 0)
        return;
    struct probe *probe = probes_find(&s->probes, m->indirect_ack.seq, (uint16_t)target);
    if (!probe || !probe->indirect)
        return;
    probe->answered = true;
    s->members.table[target].unreachable = false;
}

/* Fisher and Yates, with the caller's randomness. */
static void shuffle(struct swim *s)
{
    for (size_t i = s->members.count; i > 1; i--) {
        size_t j = (size_t)drbg_below(s->drbg, i);
        uint16_t swapped = s->ring[i - 1];
        s->ring[i - 1] = s->ring[j];
        s->ring[j] = swapped;
    }
}

/* The next live member of the round: each is probed once in a round, the order is drawn anew for
 * each (SWIM paper, section 4.3). -1 if there is none. */
static int next_live(struct swim *s)
{
    size_t n = s->members.count;
    for (size_t tries = 0; tries < 2 * n; tries++) {
        if (s->ring_next == n) {
            shuffle(s);
            s->ring_next = 0;
        }
        uint16_t index = s->ring[s->ring_next++];
        if (index != s->self && members_live(&s->members, index))
            return index;
    }
    return -1;
}

/* The next that is dead or was never seen; -1 if there is none among those that come next. One dead
 * among thousands is not looked for by all of them in every period. */
static int next_quiet(struct swim *s)
{
    enum { LOOKED_MAX = 256 };
    size_t n = s->members.count;
    size_t looked = s->members.quiet_count == 0 ? 0 : n < LOOKED_MAX ? n : LOOKED_MAX;
    for (size_t tries = 0; tries < looked; tries++) {
        s->quiet_next = (s->quiet_next + 1) % n;
        enum member_state state = s->members.table[s->quiet_next].state;
        bool quiet = state == MEMBER_UNKNOWN || state == MEMBER_DEAD;
        if (s->quiet_next != s->self && quiet)
            return (int)s->quiet_next;
    }
    return -1;
}

/* Up to `wanted` random live members other than `except` and ourselves. In a large cluster nearly
 * all are alive, so guessing finds them; else whoever comes next in the roster is taken. */
size_t swim_probe_choose(struct swim *s, uint16_t except, size_t wanted, uint16_t *out)
{
    size_t n = s->members.count, chosen = 0, guesses = 8 * wanted;
    size_t start = wanted ? (size_t)drbg_below(s->drbg, n) : 0;
    for (size_t tries = 0; tries < guesses + n && chosen < wanted; tries++) {
        size_t at = tries < guesses ? (size_t)drbg_below(s->drbg, n) : (start + tries) % n;
        bool taken = at == s->self || at == except || !members_live(&s->members, at);
        for (size_t i = 0; i < chosen; i++)
            taken |= out[i] == at;
        if (!taken)
            out[chosen++] = (uint16_t)at;
    }
    return chosen;
}

void swim_probe_ask_others(struct swim *s)
{
    enum { ASKED_MAX = 16 };
    uint16_t asked[ASKED_MAX];
    uint32_t wanted = s->config.timing.indirect_count;
    if (wanted > ASKED_MAX)
        wanted = ASKED_MAX;
    for (size_t i = 0; i < PROBES_KEPT; i++) {
        const struct probe *probe = &s->probes.table[i];
        if (!probe->open || !probe->indirect || probe->answered)
            continue;
        struct message m = {.type = WIRE_PING_REQ};
        m.ping_req = (struct wire_ping_req){.seq = probe->seq,
                                            .target = members_slot(&s->members, probe->target)};
        size_t count = swim_probe_choose(s, probe->target, wanted, asked);
        for (size_t j = 0; j < count; j++)
            swim_word_send(s, asked[j], &m);
    }
}

/* The period is over: who answered neither us nor anybody we asked? */
void swim_probe_judge(struct swim *s, struct instant now)
{
    for (size_t i = 0; i < PROBES_KEPT; i++) {
        struct probe *probe = &s->probes.table[i];
        if (!probe->open)
            continue;
        probe->open = false;
        if (probe->answered)
            continue;
        struct member *m = &s->members.table[probe->target];
        m->unreachable = true;
        s->counters.probes_failed++;
        if (m->state == MEMBER_ALIVE)
            swim_word_accuse(s, now, probe->target, MEMBER_SUSPECT, s->config.self);
    }
}

static void send_probe(struct swim *s, struct instant now, int target, bool indirect)
{
    if (target < 0)
        return;
    s->counters.probes++;
    send_ping(s, (uint16_t)target, probes_open(&s->probes, (uint16_t)target, indirect, now));
}

void swim_probe_begin(struct swim *s, struct instant now)
{
    send_probe(s, now, next_live(s), true);
    send_probe(s, now, next_quiet(s), false);
}

void swim_probe_void(struct swim *s)
{
    for (size_t i = 0; i < PROBES_KEPT; i++)
        s->probes.table[i].open = false;
}
