/*
 * The conversation of membership: see swim.h.
 *
 * What is known of whom is in members.c, what is in flight in probes.c, what is news in gossip.c,
 * who watches whom in watch.c, who suspects whom in accusers.c, how long a suspect has in
 * suspicion.c, how far we trust ourselves in health.c; here they meet the wire and the time. A
 * probe:
 *
 *     |-- PING ----- timeout: PING_REQ to k others -------- judged --|
 *                                                           unanswered: suspect
 *
 * It goes to whom this node watches when that one is due, to the next of the round, and, without
 * asking others, to one member that is dead or was never seen, so that a partition of any length
 * heals without an operator. What must hold: nothing is sent before swim_start; nobody but a member
 * moves its own life or incarnation (M2); a step that comes late accuses nobody.
 */
#include "crypto/hash.h"
#include "proto/must.h"
#include "proto/swim_core.h"

struct swim_timing swim_timing_default(void)
{
    enum { MEMBERS = 5 };
    return timing_derive(timing_detect_default(MEMBERS), MEMBERS, NULL);
}

static size_t aligned(size_t size)
{
    size_t grain = _Alignof(max_align_t);
    return (size + grain - 1) / grain * grain;
}

size_t swim_size(const struct swim_config *config)
{
    size_t n = config->roster->node_count;
    size_t words = config->words ? 0 : words_bytes(n, words_room(n));
    return aligned(sizeof(struct swim)) + aligned(members_bytes(n)) + aligned(gossip_bytes(n)) +
           aligned(n * sizeof(uint16_t)) + words;
}

struct swim *swim_init(void *memory, const struct swim_config *config, struct outbox *outbox,
                       struct drbg *drbg)
{
    size_t n = config->roster->node_count;
    uint8_t *at = memory;
    struct swim *s = memory;
    at += aligned(sizeof *s);
    void *table = at;
    at += aligned(members_bytes(n));
    void *news = at;
    at += aligned(gossip_bytes(n));
    uint16_t *ring = (uint16_t *)(void *)at;
    at += aligned(n * sizeof *ring);

    int self = roster_find(config->roster, config->self);
    must(self >= 0);
    *s = (struct swim){
        .config = *config,
        .outbox = outbox,
        .drbg = drbg,
        .self = (uint16_t)self,
        .ring = ring,
        .ring_next = n, /* shuffled at the first use */
        .quiet_next = (size_t)self,
        .round_at = INSTANT_NEVER,
        .quiet_at = INSTANT_NEVER,
        .news_at = INSTANT_NEVER,
        .digest_at = INSTANT_NEVER,
        .suspect_at = INSTANT_NEVER,
    };
    for (size_t i = 0; i < n; i++)
        s->ring[i] = (uint16_t)i;
    if (!config->words)
        words_init(&s->own_words, at, n, words_room(n));
    members_init(&s->members, config->roster, &config->cluster, table,
                 config->words ? config->words : &s->own_words);
    gossip_init(&s->gossip, news, n);
    edges_init(&s->edges);
    probes_init(&s->probes, (uint32_t)drbg_u64(drbg));
    accusers_init(&s->accusers);
    static const uint8_t rings[] = "rings";
    watch_init(&s->watch, n, config->timing.watchers,
               hash64(config->cluster.bytes, rings, sizeof rings));
    return s;
}

/* The timers' first instants lie anywhere within their spans, so that nodes that were started
 * together do not probe in step. */
static struct instant within(struct swim *s, struct instant now, struct span span)
{
    return instant_after(now, (struct span){(int64_t)drbg_below(s->drbg, (uint64_t)span.ns)});
}

static void start_timers(struct swim *s, struct instant now)
{
    const struct swim_timing *timing = &s->config.timing;
    s->round_at = within(s, now, timing->period);
    s->quiet_at = within(s, now, timing->period);
    s->digest_at = within(s, now, timing->period);
}

void swim_start(struct swim *s, struct instant now, uint64_t life, const struct nonce *life_nonce)
{
    must(!s->started || life > s->vitals.life);
    s->vitals.life = life;
    swim_word_begin_life(s, now, life_nonce);
    if (!s->started)
        start_timers(s, now);
    s->started = true;
    s->leaving = false;
    for (size_t i = 0; i < s->members.count; i++) {
        if (i != s->self && brief_instant(s->members.table[i].heard).ns != 0)
            swim_word_tell(s, (uint16_t)i, s->self);
    }
}

void swim_recall(struct swim *s, struct instant now, const struct wire_alive *word)
{
    must(!s->started);
    int index = members_find(&s->members, word->slot);
    if (index >= 0 && index != s->self)
        members_set_alive(&s->members, now, (size_t)index, word);
}

void swim_leave(struct swim *s, struct instant now)
{
    if (!s->started || s->leaving)
        return;
    s->leaving = true;
    swim_word_leave(s, now);
    for (size_t i = 0; i < s->members.count; i++) {
        if (i != s->self)
            swim_word_tell(s, (uint16_t)i, s->self);
    }
}

void swim_away(struct swim *s)
{
    if (!s->started || s->leaving)
        return;
    s->leaving = true;
    const struct message m = {.type = WIRE_AWAY, .away = {.life = s->vitals.life}};
    for (size_t i = 0; i < s->members.count; i++)
        if (i != s->self)
            swim_word_send(s, (uint16_t)i, &m);
}

void swim_set_vitals(struct swim *s, uint64_t commits, uint64_t ops)
{
    s->vitals.commits = commits;
    s->vitals.ops = ops;
}

struct instant swim_deadline(const struct swim *s)
{
    if (!s->started || s->leaving)
        return INSTANT_NEVER;
    struct instant at = instant_earlier(s->round_at, s->quiet_at);
    at = instant_earlier(at, instant_earlier(s->digest_at, s->suspect_at));
    at = instant_earlier(at, instant_earlier(s->news_at, probes_deadline(&s->probes)));
    return instant_earlier(at, watch_deadline(&s->watch));
}

/* This step comes late: we were paused, and what others sent meanwhile is not read yet. Open probes
 * say nothing then, and suspects get the lost time back. */
static void excuse(struct swim *s, struct span late)
{
    swim_probe_void(s);
    health_slow(&s->health);
    accusers_excuse(&s->accusers, late);
    s->suspect_at = instant_after(s->suspect_at, late);
    for (size_t i = 0; i < s->members.count; i++) {
        struct member *m = &s->members.table[i];
        m->due = brief_ceiling(instant_after(brief_instant(m->due), late));
    }
}

/* Whom to compare views with; -1 if there is nobody. In a mass failure most suspects do not answer,
 * so somebody else is better; and who is cut off asks whom it heard last. */
static int choose_partner(struct swim *s, struct instant now)
{
    enum { OFFERED = 4 };
    uint16_t offered[OFFERED];
    const struct member *table = s->members.table;
    size_t count = swim_probe_choose(s, s->self, OFFERED, offered);
    if (count == 0)
        return -1;
    size_t taken = 0;
    while (taken + 1 < count && table[offered[taken]].state != MEMBER_ALIVE)
        taken++;
    size_t partner = offered[taken];
    for (size_t i = 0; i < s->members.count && swim_probe_cut_off(s, now); i++)
        if (i != s->self && table[i].state == MEMBER_ALIVE &&
            brief_instant(table[i].heard).ns > brief_instant(table[partner].heard).ns)
            partner = i;
    return (int)partner;
}

static void exchange_digest(struct swim *s, struct instant now)
{
    const struct swim_timing *timing = &s->config.timing;
    bool unsettled = !instant_reached(now, s->unsettled_until);
    s->digest_at = instant_after(now, unsettled ? timing->period : timing->digest_period);
    int partner = choose_partner(s, now);
    if (partner >= 0)
        swim_word_tell_digest(s, (uint16_t)partner, true);
}

void swim_step(struct swim *s, struct instant now)
{
    if (!s->started || s->leaving)
        return;
    struct span late = span_between(swim_deadline(s), now);
    if (late.ns > s->config.timing.late.ns)
        excuse(s, late);
    if (instant_reached(now, s->suspect_at))
        swim_word_bury(s, now);
    swim_probe_judge(s, now);
    if (hush_over(&s->hush))
        swim_word_end_hush(s, now);
    swim_probe_begin(s, now);
    if (instant_reached(now, s->digest_at))
        exchange_digest(s, now);
    swim_word_spread(s, now);
}

/* First-hand: it is there. */
static void mark_heard(struct swim *s, struct instant now, uint16_t index)
{
    s->heard_last = now;
    s->members.table[index].heard = brief_floor(now);
    swim_probe_set_reach(s, index, false);
}

void swim_take(struct swim *s, struct instant now, uint16_t from, const struct message *m)
{
    static swim_taker *const takers[WIRE_TYPES] = {
        [WIRE_PING] = swim_probe_take_ping,
        [WIRE_ACK] = swim_probe_take_ack,
        [WIRE_PING_REQ] = swim_probe_take_ping_req,
        [WIRE_INDIRECT_ACK] = swim_probe_take_indirect_ack,
        [WIRE_ALIVE] = swim_word_take_alive,
        [WIRE_SUSPECT] = swim_word_take_suspect,
        [WIRE_DEAD] = swim_word_take_dead,
        [WIRE_DIGEST] = swim_word_take_digest,
        [WIRE_AWAY] = swim_probe_take_away,
    };
    must(m->type < WIRE_TYPES && takers[m->type]);
    int index = members_find(&s->members, from);
    if (index < 0 || index == s->self) {
        s->counters.words_ignored++;
        return;
    }
    mark_heard(s, now, (uint16_t)index);
    takers[m->type](s, now, (uint16_t)index, m);
}

void swim_heard(struct swim *s, struct instant now, uint16_t slot)
{
    int index = members_find(&s->members, slot);
    if (index >= 0 && index != s->self)
        mark_heard(s, now, (uint16_t)index);
}

void swim_connected(struct swim *s, struct instant now, uint16_t slot)
{
    int index = members_find(&s->members, slot);
    if (index < 0 || index == s->self)
        return;
    mark_heard(s, now, (uint16_t)index);
    if (!s->started)
        return;
    swim_probe_meet(s, now, (uint16_t)index);
    swim_word_tell_start(s, (uint16_t)index);
    swim_word_tell_digest(s, (uint16_t)index, true);
}

void swim_tell(struct swim *s, uint16_t to, uint16_t about)
{
    int receiver = members_find(&s->members, to);
    int subject = members_find(&s->members, about);
    if (s->started && receiver >= 0 && subject >= 0 && receiver != s->self)
        swim_word_tell(s, (uint16_t)receiver, (uint16_t)subject);
}

enum member_state swim_state(const struct swim *s, uint16_t slot)
{
    int index = members_find(&s->members, slot);
    return index < 0 ? MEMBER_UNKNOWN : s->members.table[index].state;
}

bool swim_alive(const struct swim *s, uint16_t slot)
{
    int index = members_find(&s->members, slot);
    return index >= 0 && (index == s->self || members_live(&s->members, (size_t)index));
}

static void view_accusers(const struct swim *s, uint16_t index, struct member_view *out)
{
    const struct accusers_entry *e = accusers_of(&s->accusers, index);
    if (!e)
        return;
    out->accuser_count = e->count;
    out->accusers_full = (uint8_t)(e->wanted + 1);
    memcpy(out->accusers, e->by, e->count * sizeof *e->by);
}

void swim_view(const struct swim *s, uint16_t slot, struct member_view *out)
{
    *out = (struct member_view){.slot = slot,
                                .by = SLOT_NONE,
                                .accused_by = SLOT_NONE,
                                .via = SLOT_NONE,
                                .due = INSTANT_NEVER};
    int index = members_find(&s->members, slot);
    if (index < 0)
        return;
    const struct member *m = &s->members.table[index];
    out->state = m->state;
    out->unreachable = m->unreachable;
    const struct wire_alive *word = members_word(&s->members, (size_t)index);
    out->life = word->life;
    out->incarnation = word->incarnation;
    out->by = m->by;
    out->accused_by = m->accused_by;
    out->since = brief_instant(m->since);
    if (m->state == MEMBER_SUSPECT) {
        out->due = brief_instant(m->due);
        view_accusers(s, (uint16_t)index, out);
    }
    out->heard = brief_instant(m->heard);
    out->round_trip = (struct span){m->round_trip_us * INT64_C(1000)};
    if (index == s->self) {
        out->hushed = s->hush.on;
        out->hushed_since = s->hush.since;
        out->alone = hush_alone(&s->hush);
    }
}

bool swim_vitals(const struct swim *s, uint16_t slot, struct vitals *out)
{
    int index = members_find(&s->members, slot);
    if (index < 0)
        return false;
    const struct member *m = &s->members.table[index];
    if (index == s->self)
        *out = s->vitals;
    else if (m->told_vitals)
        *out = m->vitals;
    return index == s->self ? s->started : m->told_vitals;
}

bool swim_next_vitals(struct swim *s, uint16_t *slot, struct vitals *out)
{
    size_t index = marks_next(&s->members.vitals_new, 0);
    if (index == s->members.count)
        return false;
    marks_drop(&s->members.vitals_new, index);
    *slot = members_slot(&s->members, index);
    *out = s->members.table[index].vitals;
    return true;
}

bool swim_next_change(struct swim *s, struct swim_change *out)
{
    return members_next_change(&s->members, out);
}

bool swim_next_edge(struct swim *s, struct edge_change *out)
{
    return edges_next(&s->edges, out);
}

bool swim_hushed(const struct swim *s)
{
    return s->hush.on;
}

uint32_t swim_health(const struct swim *s)
{
    return s->health.score;
}

const struct swim_counters *swim_counters(const struct swim *s)
{
    return &s->counters;
}
