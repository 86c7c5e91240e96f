/*
 * Probes: who is pinged, through whom else, and who is found silent (swim_core.h).
 *
 * M3 lives here: "unreachable" is this node's own finding about one edge, set when a probe got no
 * answer by any way and cleared by the first sign of life; it is never told to anybody. What is
 * told is a suspicion, and only of a member that was held alive or is suspected already.
 */
#include "proto/round_trip.h"
#include "proto/swim_core.h"

/* Random probes of a period, in a hurry, and where most are silent; 48 are kept, and judged after
 * 0.8. */
enum { HURRIED = 32, HURRIED_WIDE = 50 };

void swim_probe_set_reach(struct swim *s, uint16_t index, bool unreachable)
{
    struct member *m = &s->members.table[index];
    if (m->unreachable == unreachable)
        return;
    m->unreachable = unreachable;
    edges_note(&s->edges, members_slot(&s->members, index), unreachable);
}

static void send_ping(struct swim *s, uint16_t to, uint32_t seq, uint8_t ring)
{
    struct message m = {.type = WIRE_PING};
    m.ping = (struct wire_ping){.seq = seq,
                                .life = s->vitals.life,
                                .commits = s->vitals.commits,
                                .ops = s->vitals.ops,
                                .ring = ring};
    swim_word_send(s, to, &m);
    swim_word_tell_news(s, to);
}

/* A watcher is told when to come again, so that they come one after another. */
static void send_ack(struct swim *s, struct instant now, uint16_t to, const struct wire_ping *ping)
{
    struct message m = {.type = WIRE_ACK};
    m.ack = (struct wire_ack){.seq = ping->seq,
                              .life = s->vitals.life,
                              .commits = s->vitals.commits,
                              .ops = s->vitals.ops};
    if (ping->ring > 0 && ping->ring <= s->watch.rings) {
        struct span wait =
            watch_wait(now, (uint8_t)(ping->ring - 1), s->watch.rings, s->config.timing.period);
        m.ack.wait_ms = (uint16_t)(wait.ns / 1000000);
    }
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
    if (s->started)
        send_ack(s, now, from, &m->ping);
    struct vitals told = {.life = m->ping.life, .commits = m->ping.commits, .ops = m->ping.ops};
    take_vitals(s, from, &told);
}

/* A node that loses four datagrams of five has an answer to one probe in seven; one that is left
 * with a hundredth of the others, to one in a hundred. Where members are few, half of them may well
 * be suspects because their links are slow for this detection target, and then patience helps. */
bool swim_probe_cut_off(const struct swim *s, struct instant now)
{
    enum { IN_A_ROW = 16, MANY = 24 };
    struct span silence = span_between(s->heard_last, now);
    bool most =
        s->members.suspect_count > MANY && s->members.suspect_count > s->members.alive_count;
    return silence.ns > 2 * s->config.timing.period.ns || s->unanswered >= IN_A_ROW || most ||
           s->hush.on;
}

/* Times for answers, as far as this node trusts itself. Where it is not slow but cut off, waiting
 * longer helps nobody. */
static struct span patience(const struct swim *s, struct instant now, struct span span)
{
    return swim_probe_cut_off(s, now) ? span : health_scale(&s->health, span);
}

/* From one turn of the rings to the next. */
static struct span turn(const struct swim *s)
{
    return span_times(s->config.timing.period, s->watch.rings);
}

/* It says when we shall come again; a node that does not trust itself comes turns later. */
static void plan_watch(struct swim *s, struct instant now, uint16_t member, uint16_t wait_ms)
{
    struct watched *w = watch_find(&s->watch, member);
    struct span wait = SPAN_MS((int64_t)wait_ms);
    if (!w || wait_ms == 0 || wait.ns > 2 * turn(s).ns)
        return;
    w->next = instant_after(now, wait);
    w->next = instant_after(w->next, span_times(turn(s), s->health.score));
}

/* Whether the end of a probe says something about this node's link (hush.h). One of a dead or
 * unknown member does only where nobody is left to ask: else it is that member's end. */
static bool tells_of_link(const struct swim *s, const struct probe *probe, bool live)
{
    bool nobody = s->members.alive_count + s->members.suspect_count <= 1;
    return probe->indirect ? live : s->hush.on && nobody;
}

static void answered(struct swim *s, const struct probe *probe)
{
    health_good(&s->health);
    if (tells_of_link(s, probe, true))
        hush_probed(&s->hush, false);
}

static void take_own_ack(struct swim *s, struct instant now, struct probe *probe,
                         const struct wire_ack *ack)
{
    uint32_t *us = &s->members.table[probe->target].round_trip_us;
    *us = round_trip_smooth(*us, span_between(probe->sent, now));
    if (probe->open)
        answered(s, probe);
    s->unanswered = 0;
    if (probe->watch)
        plan_watch(s, now, probe->target, ack->wait_ms);
    probe->open = false;
}

void swim_probe_take_ack(struct swim *s, struct instant now, uint16_t from, const struct message *m)
{
    struct probe *probe = probes_find(&s->probes, m->ack.seq, from);
    struct relay relay;
    if (probe) {
        take_own_ack(s, now, probe, &m->ack);
    } else if (probes_relayed(&s->probes, m->ack.seq, from, &relay)) {
        struct message answer = {.type = WIRE_INDIRECT_ACK};
        answer.indirect_ack = (struct wire_indirect_ack){
            .seq = relay.asker_seq, .target = members_slot(&s->members, from), .answered = true};
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
                           .expires = instant_after(now, s->config.timing.judge)};
    uint32_t seq = probes_relay(&s->probes, &wanted, now);
    if (seq == 0)
        return;
    struct message trying = {.type = WIRE_INDIRECT_ACK};
    trying.indirect_ack =
        (struct wire_indirect_ack){.seq = m->ping_req.seq, .target = m->ping_req.target};
    swim_word_send(s, from, &trying);
    send_ping(s, (uint16_t)target, seq, 0);
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
    if (!m->indirect_ack.answered) {
        if (probe->heard < probe->asked)
            probe->heard++;
        return;
    }
    if (probe->open)
        answered(s, probe);
    s->unanswered = 0;
    probe->open = false;
    swim_probe_set_reach(s, (uint16_t)target, false);
}

void swim_probe_take_away(struct swim *s, struct instant now, uint16_t from,
                          const struct message *m)
{
    if (m->away.life == members_word(&s->members, from)->life)
        away_note(&s->away, from, instant_after(now, s->config.timing.away));
    else
        s->counters.words_ignored++;
}

void swim_probe_meet(struct swim *s, struct instant now, uint16_t index)
{
    if (probes_busy(&s->probes, index))
        away_note(&s->away, index, now);
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
 * each (SWIM paper, section 4.3). In a hurry those that are suspect already are passed over. -1 if
 * there is none. */
static int next_live(struct swim *s, bool hurried)
{
    size_t n = s->members.count;
    for (size_t tries = 0; tries < 2 * n; tries++) {
        if (s->ring_next == n) {
            shuffle(s);
            s->ring_next = 0;
        }
        uint16_t index = s->ring[s->ring_next++];
        enum member_state state = s->members.table[index].state;
        bool wanted = state == MEMBER_ALIVE || (state == MEMBER_SUSPECT && !hurried);
        if (index != s->self && wanted)
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

static void ask_others(struct swim *s, struct probe *probe)
{
    enum { ASKED_MAX = 16 };
    uint16_t asked[ASKED_MAX];
    uint32_t wanted = s->config.timing.indirect_count;
    if (wanted > ASKED_MAX)
        wanted = ASKED_MAX;
    struct message m = {.type = WIRE_PING_REQ};
    m.ping_req = (struct wire_ping_req){.seq = probe->seq,
                                        .target = members_slot(&s->members, probe->target)};
    size_t count = swim_probe_choose(s, probe->target, wanted, asked);
    for (size_t j = 0; j < count; j++)
        swim_word_send(s, asked[j], &m);
    probe->asked = (uint8_t)count;
}

/* Nobody answered. Where nothing at all was heard meanwhile, the fault is not that we are slow: we
 * are cut off, or the others are gone, and have to say so (Lifeguard would wait). */
static void judge(struct swim *s, struct instant now, struct probe *probe)
{
    enum { HURRY_STEP = 4, HURRY_WIDE = 16, HURRY_MAX = 64 };
    bool live = members_live(&s->members, probe->target);
    probe->open = false;
    if (away_excuses(&s->away, probe->target, probe->sent))
        return;
    /* Nobody else tries a quiet one: of a member that came back meanwhile it says nothing. */
    const struct member *m = &s->members.table[probe->target];
    if (!probe->indirect && (live || brief_instant(m->heard).ns >= probe->sent.ns))
        return;
    swim_probe_set_reach(s, probe->target, true);
    s->counters.probes_failed++;
    if (tells_of_link(s, probe, live))
        hush_probed(&s->hush, probe->heard == 0);
    if (!probe->indirect || !live)
        return;
    s->unanswered++;
    if (s->heard_last.ns > probe->sent.ns)
        health_bad(&s->health, probe->asked, (uint32_t)probe->asked - probe->heard);
    s->hurry += probe->asked > 0 && probe->heard == 0 ? HURRY_WIDE : HURRY_STEP;
    s->hurry = s->hurry > HURRY_MAX ? HURRY_MAX : s->hurry;
    if (s->hush.on)
        return; /* it is this end */
    s->round_at = instant_earlier(s->round_at, now);
    swim_word_accuse(s, now, probe->target, MEMBER_SUSPECT, s->config.self);
}

void swim_probe_judge(struct swim *s, struct instant now)
{
    for (size_t i = 0; i < PROBES_KEPT; i++) {
        struct probe *probe = &s->probes.table[i];
        if (probe->open && instant_reached(now, probe->ask_at)) {
            probe->ask_at = INSTANT_NEVER;
            ask_others(s, probe);
        }
        if (probe->open && instant_reached(now, probe->judge_at))
            judge(s, now, probe);
    }
}

/* It had to refute while its own probes failed (hush.h), and probes fast. The table is full after
 * so many: what waits longer, since this node does not trust itself, is written over before anybody
 * judges it, and it would not find out that its link is bad. */
static bool doubts_link(const struct swim *s)
{
    return s->hurry > 0 && s->hush.refutes > 0;
}

static struct span judge_span(const struct swim *s, struct instant now)
{
    struct span span = patience(s, now, s->config.timing.judge);
    /* With a rest. */
    struct span kept = {s->config.timing.period.ns * PROBES_KEPT / HURRIED * 5 / 6};
    return doubts_link(s) ? span_min(span, kept) : span;
}

static struct span ask_span(const struct swim *s, struct instant now)
{
    struct span span = s->config.timing.timeout;
    return doubts_link(s) ? span : patience(s, now, span);
}

static void send_probe(struct swim *s, struct instant now, int target, bool indirect, uint8_t ring)
{
    if (target < 0)
        return;
    struct probe *probe = probes_open(&s->probes, (uint16_t)target, now);
    probe->indirect = indirect;
    probe->watch = ring > 0;
    probe->judge_at = instant_after(now, judge_span(s, now));
    if (indirect)
        probe->ask_at = instant_after(now, ask_span(s, now));
    s->counters.probes++;
    send_ping(s, (uint16_t)target, probe->seq, ring);
}

static bool is_live(const void *members, size_t index)
{
    return members_live(members, index);
}

static void probe_watched(struct swim *s, struct instant now)
{
    if (s->watch.stale)
        watch_reckon(&s->watch, s->members.count, s->self, is_live, &s->members, now, turn(s),
                     drbg_u64(s->drbg));
    for (size_t i = 0; i < s->watch.count; i++) {
        struct watched *w = &s->watch.table[i];
        if (!instant_reached(now, w->next))
            continue;
        w->next = instant_after(now, patience(s, now, turn(s)));
        send_probe(s, now, w->member, true, (uint8_t)(w->ring + 1));
    }
}

/* The round goes on slowly, but fast for a while after somebody was silent: who is cut off from
 * many finds out, and others confirm (proto/accusers.h). Who does not refute has to find out when
 * it may again; but whoever hears its probes knows it alive, so not faster than that needs. */
static void probe_round(struct swim *s, struct instant now)
{
    const struct swim_timing *timing = &s->config.timing;
    struct span wait = patience(s, now, timing->round_period);
    bool hurried = s->hurry > 0 && !s->hush.on;
    if (hurried) {
        s->hurry--;
        wait.ns = timing->period.ns / (swim_probe_cut_off(s, now) ? HURRIED_WIDE : HURRIED);
    }
    if (s->hush.on)
        wait.ns = timing->period.ns / HUSH_WELL;
    s->round_at = instant_after(now, wait);
    int target = next_live(s, hurried);
    if (target < 0 && s->hush.on)
        send_probe(s, now, next_quiet(s), false, 0);
    else
        send_probe(s, now, target, true, 0);
}

/* At a site's start most are unknown still: then faster. */
static void probe_quiet(struct swim *s, struct instant now)
{
    enum { STARTING = 4 };
    bool starting =
        s->members.quiet_count > s->members.count / 2 && !instant_reached(now, s->unsettled_until);
    struct span period = s->config.timing.period;
    s->quiet_at = instant_after(now, (struct span){starting ? period.ns / STARTING : period.ns});
    send_probe(s, now, next_quiet(s), false, 0);
}

void swim_probe_begin(struct swim *s, struct instant now)
{
    probe_watched(s, now);
    if (instant_reached(now, s->round_at))
        probe_round(s, now);
    if (instant_reached(now, s->quiet_at))
        probe_quiet(s, now);
}

void swim_probe_look(struct swim *s, struct instant now, uint16_t index)
{
    struct watched *w = watch_find(&s->watch, index);
    if (w && !probes_busy(&s->probes, index))
        w->next = instant_earlier(w->next, now);
}

void swim_probe_void(struct swim *s)
{
    for (size_t i = 0; i < PROBES_KEPT; i++)
        s->probes.table[i].open = false;
}
