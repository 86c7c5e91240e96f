/*
 * Words: what is told about whom, and what is believed (swim_core.h).
 *
 * M2 lives here: a member's life, incarnation and leaving come from words that it signed; suspicion
 * and death are hearsay about exactly the signed word that is held, and a signed word above it
 * undoes them.
 */
#include "crypto/statement.h"
#include "proto/mutant.h"
#include "proto/suspicion.h"
#include "proto/swim_core.h"

/* Hearsay about ourselves may be ahead of us by so much (an earlier run of this agent in the same
 * life got so far); beyond it the sender is broken, and following it would use up the numbers. */
enum { INCARNATION_STEP_MAX = 1 << 16 };

/* Members in a digest whose difference is told rather than looked for, and parts of a larger one.
 */
enum { DIGEST_LEAF = 32, DIGEST_PARTS = 16 };

void swim_word_send(struct swim *s, uint16_t to, const struct message *m)
{
    outbox_send(s->outbox, members_slot(&s->members, to), m);
}

/* Each that suspects it on its own counts (proto/accusers.h). */
static void tell_accusers(struct swim *s, uint16_t to, uint16_t subject)
{
    const struct accusers_entry *accusers = accusers_of(&s->accusers, subject);
    const struct wire_alive *word = members_word(&s->members, subject);
    size_t count = accusers ? accusers->count : 1;
    for (size_t i = 0; i < count; i++) {
        struct message m = {.type = WIRE_SUSPECT};
        m.suspect =
            (struct wire_suspect){.slot = word->slot,
                                  .life = word->life,
                                  .incarnation = word->incarnation,
                                  .by = accusers ? accusers->by[i] : s->members.table[subject].by};
        swim_word_send(s, to, &m);
    }
}

/* True if there is any: the member is suspect or dead. */
static bool tell_hearsay(struct swim *s, uint16_t to, uint16_t subject)
{
    const struct member *m = &s->members.table[subject];
    const struct wire_alive *word = members_word(&s->members, subject);
    if (m->state == MEMBER_SUSPECT) {
        tell_accusers(s, to, subject);
    } else if (m->state == MEMBER_DEAD) {
        struct message hearsay = {.type = WIRE_DEAD};
        hearsay.dead = (struct wire_dead){
            .slot = word->slot, .life = word->life, .incarnation = word->incarnation, .by = m->by};
        swim_word_send(s, to, &hearsay);
    }
    return m->state == MEMBER_SUSPECT || m->state == MEMBER_DEAD;
}

/* All we hold about `subject`. Hearsay goes behind the signed word that it is about: without it the
 * receiver could not tell which incarnation is meant, and would drop it. */
void swim_word_tell(struct swim *s, uint16_t to, uint16_t subject)
{
    if (s->members.table[subject].state == MEMBER_UNKNOWN)
        return;
    const struct wire_alive *word = members_word(&s->members, subject);
    swim_word_send(s, to, &(struct message){.type = WIRE_ALIVE, .alive = *word});
    (void)tell_hearsay(s, to, subject);
}

/* The words that ride with a probe or an answer. One who is accused hears that first, so that it
 * can refute; news is not spent on the dead, who may not hear it. When many fall silent at once,
 * hearsay about them goes without the signed words, which nearly all hold already: four times as
 * much in as many bytes. Digests bring them to whoever does not. */
void swim_word_tell_news(struct swim *s, uint16_t to)
{
    enum member_state state = s->members.table[to].state;
    if (state == MEMBER_SUSPECT || state == MEMBER_DEAD)
        swim_word_tell(s, to, to);
    if (!members_live(&s->members, to))
        return;
    uint16_t picked[GOSSIP_PER_CROWDED];
    bool crowded = s->members.suspect_count > GOSSIP_PER_CROWDED;
    size_t count =
        gossip_pick(&s->gossip, to, picked, crowded ? GOSSIP_PER_CROWDED : GOSSIP_PER_DATAGRAM);
    for (size_t i = 0; i < count; i++)
        if (!crowded || !tell_hearsay(s, to, picked[i]))
            swim_word_tell(s, to, picked[i]);
}

static void tell_range(struct swim *s, uint16_t to, size_t first, size_t count)
{
    for (size_t i = first; i < first + count; i++)
        swim_word_tell(s, to, (uint16_t)i);
}

static void tell_range_digest(struct swim *s, uint16_t to, size_t first, size_t count, bool ask)
{
    struct message m = {.type = WIRE_DIGEST};
    m.digest = (struct wire_digest){.hash = members_hash(&s->members, first, count),
                                    .first = (uint16_t)first,
                                    .count = (uint16_t)count,
                                    .ask = ask};
    swim_word_send(s, to, &m);
}

void swim_word_tell_start(struct swim *s, uint16_t to)
{
    if (s->members.count <= DIGEST_LEAF)
        tell_range(s, to, 0, s->members.count);
    else
        swim_word_tell(s, to, s->self);
}

void swim_word_tell_digest(struct swim *s, uint16_t to, bool ask)
{
    tell_range_digest(s, to, 0, s->members.count, ask);
}

/* There is a word about `index` to pass on: at once, unless a round of news was just now. */
static void add_news(struct swim *s, struct instant now, uint16_t index)
{
    enum { UNSETTLED = 10 };
    const struct swim_timing *timing = &s->config.timing;
    struct instant soonest = instant_after(s->news_last, timing->gossip_period);
    gossip_add(&s->gossip, index);
    s->news_at = instant_earlier(s->news_at, instant_reached(now, soonest) ? now : soonest);
    s->unsettled_until = instant_after(now, span_times(timing->period, UNSETTLED));
    s->digest_at = instant_earlier(s->digest_at, instant_after(now, timing->period));
    s->watch.stale = true;
}

void swim_word_spread(struct swim *s, struct instant now)
{
    enum { TOLD_MAX = 8 };
    uint16_t to[TOLD_MAX];
    const struct swim_timing *timing = &s->config.timing;
    if (!instant_reached(now, s->news_at))
        return;
    size_t wanted = timing->gossip_count < TOLD_MAX ? timing->gossip_count : TOLD_MAX;
    size_t count = swim_probe_choose(s, s->self, wanted, to);
    for (size_t i = 0; i < count; i++)
        swim_word_tell_news(s, to[i]);
    s->news_last = now;
    s->news_at = s->gossip.count > 0 ? instant_after(now, timing->gossip_period) : INSTANT_NEVER;
}

static void say_own_word(struct swim *s, struct instant now, const struct wire_alive *word)
{
    members_set_alive(&s->members, now, s->self, word);
    add_news(s, now, s->self);
}

/* Signs and publishes. Called only when something in the word changed. */
static void sign_own_word(struct swim *s, struct instant now, struct wire_alive word)
{
    uint8_t statement[MEMBER_STATEMENT_SIZE];
    wire_member_statement(statement, &word);
    word.signature = statement_sign(STATEMENT_MEMBER, &s->config.cluster, statement,
                                    sizeof statement, s->config.key);
    say_own_word(s, now, &word);
}

static void rise_above(struct swim *s, struct instant now, uint32_t seen)
{
    struct wire_alive word = *members_word(&s->members, s->self);
    word.incarnation = seen + 1;
    sign_own_word(s, now, word);
    s->counters.refutations++;
}

/* Takes an incarnation above `seen` and says so, first to the one who accused us. */
static void refute(struct swim *s, struct instant now, uint16_t accuser, uint32_t seen)
{
    rise_above(s, now, seen);
    swim_word_tell(s, accuser, s->self);
    health_slow(&s->health);
}

void swim_word_end_hush(struct swim *s, struct instant now)
{
    if (s->hush.incarnation >= members_word(&s->members, s->self)->incarnation)
        rise_above(s, now, s->hush.incarnation);
}

/* An earlier run of this agent may have spoken in this life already, and others told us so before
 * the start: then this run goes on above it. */
void swim_word_begin_life(struct swim *s, struct instant now, const struct nonce *life_nonce)
{
    const struct wire_alive *own = members_word(&s->members, s->self);
    struct wire_alive word = {
        .slot = s->config.self, .life = s->vitals.life, .life_nonce = *life_nonce};
    bool resumed = s->members.table[s->self].state != MEMBER_UNKNOWN && own->life == word.life;
    if (resumed && own->incarnation < UINT32_MAX)
        word.incarnation = own->incarnation + 1;
    s->hush.on = false; /* nobody accused this life yet, and who does is answered anew */
    sign_own_word(s, now, word);
}

void swim_word_leave(struct swim *s, struct instant now)
{
    struct wire_alive word = *members_word(&s->members, s->self);
    if (word.left)
        return;
    word.left = true;
    word.incarnation++;
    sign_own_word(s, now, word);
}

/* A signed word about ourselves that we did not say in this run. An earlier run of this agent in
 * this life may have got further: it raised the incarnation, or it left. We go above it. */
static void take_own_word(struct swim *s, struct instant now, uint16_t from,
                          const struct wire_alive *word)
{
    enum word_verdict verdict = members_judge_alive(&s->members, s->self, word);
    bool this_life = word->life == s->vitals.life;
    if (verdict == WORD_KNOWN)
        return;
    if (verdict == WORD_FORGED)
        s->counters.words_forged++;
    else if (verdict == WORD_OLD || !this_life)
        s->counters.words_ignored++;
    else if (word->incarnation < UINT32_MAX)
        refute(s, now, from, word->incarnation);
}

/* Somebody holds us suspect or dead. If that is about what we are now, we rise above it; if it is
 * about the past, our present word is answer enough. */
static void take_accusation(struct swim *s, struct instant now, uint16_t from, uint64_t life,
                            uint32_t incarnation)
{
    const struct wire_alive *own = members_word(&s->members, s->self);
    bool past = life < own->life || (life == own->life && incarnation < own->incarnation);
    bool sane = incarnation < UINT32_MAX && incarnation - own->incarnation <= INCARNATION_STEP_MAX;
    if (!past && life == own->life && sane && !own->left) {
        bool hushed = s->hush.on;
        uint32_t among = s->config.hush_among ? s->config.hush_among : HUSH_AMONG;
        if (s->members.count < among ||
            hush_refutes(&s->hush, now, s->config.timing.period, incarnation))
            refute(s, now, from, incarnation);
        else if (!hushed)
            s->round_at = now; /* from now on it probes fast */
        return;
    }
    s->counters.words_ignored++;
    if (past || own->left)
        swim_word_tell(s, from, s->self);
}

/* Most are gone or about to be: this node is on the smaller side of a cut, without a quorum, and
 * too few are left to confirm each. */
static bool few_left(const struct swim *s)
{
    const struct members *ms = &s->members;
    return ms->suspect_count >= ms->alive_count || 2 * ms->alive_count <= ms->count;
}

/* When its time is over, as many as confirmed it by now. */
static void set_due(struct swim *s, uint16_t index)
{
    const struct accusers_entry *accusers = accusers_of(&s->accusers, index);
    struct member *m = &s->members.table[index];
    uint32_t wanted = few_left(s) ? 0 : suspicion_wanted((uint32_t)s->members.alive_count);
    if (accusers && accusers->wanted < wanted)
        wanted = accusers->wanted;
    uint32_t confirmed = accusers ? (uint32_t)accusers->count - 1 : wanted;
    struct span span = suspicion_span(s->config.timing.suspicion, confirmed, wanted);
    struct instant began =
        accusers ? accusers_began(&s->accusers, accusers) : brief_instant(m->since);
    m->due = brief_ceiling(instant_after(began, span));
    s->suspect_at = instant_earlier(s->suspect_at, brief_instant(m->due));
}

static void set_all_due(struct swim *s)
{
    for (size_t i = 0; i < s->members.count; i++)
        if (s->members.table[i].state == MEMBER_SUSPECT)
            set_due(s, (uint16_t)i);
}

static void suspect(struct swim *s, struct instant now, uint16_t index, uint16_t by,
                    uint32_t wanted)
{
    bool few = few_left(s);
    members_set_hearsay(&s->members, now, index, MEMBER_SUSPECT, by);
    accusers_begin(&s->accusers, now, index, by, wanted);
    add_news(s, now, index);
    if (few_left(s) != few || s->members.alive_count <= SUSPICION_CONFIRMS + 1)
        set_all_due(s);
    else
        set_due(s, index);
    if (by == s->config.self)
        swim_word_tell(s, index, index);
    else
        swim_probe_look(s, now, index);
}

void swim_word_accuse(struct swim *s, struct instant now, uint16_t index, enum member_state state,
                      uint16_t by)
{
    if (state == MEMBER_DEAD) {
        members_set_hearsay(&s->members, now, index, state, by);
        accusers_end(&s->accusers, index);
        add_news(s, now, index);
    } else if (s->members.table[index].state != MEMBER_SUSPECT) {
        uint32_t others = (uint32_t)s->members.alive_count - 1;
        suspect(s, now, index, by, suspicion_wanted(others));
    } else if (accusers_confirm(&s->accusers, index, by)) {
        add_news(s, now, index);
        set_due(s, index);
    }
}

/* Somebody holds dead whom we hold alive since long, or since it refuted, or suspect since just
 * now: it comes from the other side of a cut that has healed, or we missed the suspicion, or it is
 * a lie. The member gets the shortest time to refute, from when we heard first. */
static void accuse_late(struct swim *s, struct instant now, uint16_t index, uint16_t by)
{
    const struct member *m = &s->members.table[index];
    struct span shortest = s->config.timing.suspicion;
    struct span held = span_between(brief_instant(m->since), now);
    bool late = !MUTANT(94); /* "a death that comes late is believed at once" */
    if (late && m->state == MEMBER_ALIVE && (m->refuted || held.ns > shortest.ns)) {
        suspect(s, now, index, by, 0);
    } else if (late && m->state == MEMBER_SUSPECT && held.ns < shortest.ns / 2) {
        accusers_settle(&s->accusers, index);
        set_due(s, index);
    } else {
        swim_word_accuse(s, now, index, MEMBER_DEAD, by);
    }
}

/* A member says of itself less than we hold, or does not know what we hold against it, as after a
 * restart of its agent. Only it can say something newer, so it is told. */
static void tell_back(struct swim *s, uint16_t from, uint16_t subject)
{
    if (s->started && from == subject)
        swim_word_tell(s, from, subject);
}

void swim_word_take_alive(struct swim *s, struct instant now, uint16_t from,
                          const struct message *m)
{
    int found = members_find(&s->members, m->alive.slot);
    if (found < 0) {
        s->counters.words_ignored++;
        return;
    }
    uint16_t index = (uint16_t)found;
    if (s->started && index == s->self) {
        take_own_word(s, now, from, &m->alive);
        return;
    }
    switch (members_judge_alive(&s->members, index, &m->alive)) {
    case WORD_NEW:
        members_set_alive(&s->members, now, index, &m->alive);
        accusers_end(&s->accusers, index);
        away_end(&s->away, index, now);
        add_news(s, now, index);
        break;
    case WORD_KNOWN:
        if (s->members.table[index].state != MEMBER_ALIVE)
            tell_back(s, from, index);
        break;
    case WORD_OLD:
        s->counters.words_ignored++;
        /* Another nonce under the same number: a copy of the machine. Arguing with it would not
         * end. */
        if (!members_other_copy(&s->members, index, &m->alive))
            tell_back(s, from, index);
        break;
    case WORD_FORGED:
        s->counters.words_forged++;
        break;
    }
}

static void take_hearsay(struct swim *s, struct instant now, uint16_t from, enum member_state state,
                         const struct wire_suspect *word)
{
    int found = members_find(&s->members, word->slot);
    if (found < 0 || members_find(&s->members, word->by) < 0) {
        s->counters.words_ignored++;
        return;
    }
    uint16_t index = (uint16_t)found;
    if (s->started && index == s->self) {
        take_accusation(s, now, from, word->life, word->incarnation);
        return;
    }
    enum word_verdict verdict =
        members_judge_hearsay(&s->members, index, word->life, word->incarnation, state);
    if (verdict == WORD_NEW && state == MEMBER_DEAD)
        accuse_late(s, now, index, word->by);
    else if (verdict == WORD_NEW || (verdict == WORD_KNOWN && state == MEMBER_SUSPECT))
        swim_word_accuse(s, now, index, state, word->by);
    else if (verdict != WORD_KNOWN)
        s->counters.words_ignored++;
}

void swim_word_take_suspect(struct swim *s, struct instant now, uint16_t from,
                            const struct message *m)
{
    take_hearsay(s, now, from, MEMBER_SUSPECT, &m->suspect);
}

void swim_word_take_dead(struct swim *s, struct instant now, uint16_t from, const struct message *m)
{
    struct wire_suspect word = {.slot = m->dead.slot,
                                .life = m->dead.life,
                                .incarnation = m->dead.incarnation,
                                .by = m->dead.by};
    take_hearsay(s, now, from, MEMBER_DEAD, &word);
}

/* Differences are looked for part by part, so that two views of thousands that differ in one
 * member cost some digests and a few words. Parts only get smaller, so it ends. */
void swim_word_take_digest(struct swim *s, struct instant now, uint16_t from,
                           const struct message *m)
{
    (void)now;
    size_t first = m->digest.first, count = m->digest.count ? m->digest.count : s->members.count;
    if (first + count > s->members.count) {
        s->counters.words_ignored++;
        return;
    }
    if (!s->started || m->digest.hash == members_hash(&s->members, first, count))
        return;
    if (count <= DIGEST_LEAF) {
        tell_range(s, from, first, count);
        if (m->digest.ask)
            tell_range_digest(s, from, first, count, false);
        return;
    }
    size_t part = (count + DIGEST_PARTS - 1) / DIGEST_PARTS;
    for (size_t at = 0; at < count; at += part)
        tell_range_digest(s, from, first + at, count - at < part ? count - at : part, true);
}

/* Suspects whose time is over are dead, by our word. */
void swim_word_bury(struct swim *s, struct instant now)
{
    s->suspect_at = INSTANT_NEVER;
    for (size_t i = 0; i < s->members.count; i++) {
        struct member *m = &s->members.table[i];
        if (m->state != MEMBER_SUSPECT)
            continue;
        if (instant_reached(now, brief_instant(m->due)))
            swim_word_accuse(s, now, (uint16_t)i, MEMBER_DEAD, s->config.self);
        else
            s->suspect_at = instant_earlier(s->suspect_at, brief_instant(m->due));
    }
}
