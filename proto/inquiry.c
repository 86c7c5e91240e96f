/* The juror's inquiry, and its vote: see inquiry.h. */
#include "proto/inquiry.h"

#include "proto/fence_told.h"
#include "proto/inequality.h"
#include "proto/inhibitors.h"
#include "proto/life.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/scopes.h"

#define INQUIRY_SPAN  SPAN_MS(450)
#define INQUIRY_AGAIN SPAN_MS(200)   /* the second of its probes */
#define LOGGED_SPAN   SPAN_MS(60000) /* accused again after so long it is a matter of its own */
#define FRESH_SPAN    SPAN_MS(1000)  /* a look that began so long ago at most is "just now" */
#define PREPARE_SPAN  SPAN_MS(550)   /* a look begins so long before D is over */

enum { RELAYED = 0x80000000u }; /* in the number of a DOUBT: a relayed probe; else of a shard */

bool juror_asked(const struct wire_doubt_answer *m)
{
    return m->seq & RELAYED;
}

/* --- Evidence --- */

static struct span renewal_age(const struct dossier *s, struct instant now, uint64_t life)
{
    if (s->renewed_life != life)
        return (struct span){-1000000};
    return span_between(s->renewed_at, now);
}

/* Members that SWIM holds alive here, this node included. */
static uint16_t count_alive(const struct juror *j)
{
    const struct roster *roster = j->core->config.roster;
    uint16_t count = 0;
    for (size_t i = 0; i < roster->node_count; i++) {
        uint16_t slot = roster->nodes[i].slot;
        count = (uint16_t)(count + (slot == core_self(j->core) ||
                                    swim_state(j->core->swim, slot) == MEMBER_ALIVE));
    }
    return count;
}

/* F8: nodes that became unreachable, or came under a vote of this juror, not long ago; `counted`
 * itself included. */
static uint16_t count_brake(const struct juror *j, struct instant now,
                            const struct dossier *counted)
{
    uint16_t count = 0;
    for (size_t i = 0; i < j->core->config.roster->node_count; i++) {
        const struct dossier *s = &j->dossiers[i];
        int64_t span = j->core->config.brake_span.ns;
        bool lately = (s->unreachable_at.ns && span_between(s->unreachable_at, now).ns < span) ||
                      (s->voted_at.ns && span_between(s->voted_at, now).ns < span);
        count = (uint16_t)(count + (lately || s == counted));
    }
    return count;
}

static size_t brake_limit(const struct core *c)
{
    return jury_brake(&c->jury, c->config.roster->node_count);
}

size_t juror_brake(const struct juror *j, struct instant now, uint16_t slot, size_t *limit)
{
    *limit = brake_limit(j->core);
    return count_brake(j, now, juror_dossier(j, slot));
}

struct evidence inquiry_gather(const struct juror *j, struct instant now, uint16_t slot,
                               uint64_t life, const struct dossier *s, enum opinion opinion)
{
    struct member_view view;
    swim_view(j->core->swim, slot, &view);
    struct span heard = view.heard.ns ? span_between(view.heard, now) : (struct span){-1000000};
    return (struct evidence){.opinion = opinion,
                             .renewal_ms = span_milliseconds(renewal_age(s, now, life)),
                             .heard_ms = span_milliseconds(heard),
                             .direct = s->direct,
                             .relays = s->relays,
                             .silent = (uint8_t)__builtin_popcount(s->silent),
                             .acknowledged =
                                 (uint8_t)standing_acknowledged(j->core->standing, s->began_at),
                             .alive = count_alive(j),
                             .brake = count_brake(j, now, s)};
}

/* --- The fence log --- */

/* Accusations are repeated, and so are answers to them: the fence log has each once. */
void inquiry_log_accused(struct juror *j, struct instant now, uint16_t from,
                         const struct wire_accuse *m, struct dossier *s, struct instant *session_at)
{
    bool whole = m->word.scope.session == 0;
    bool again = s->logged == m->life && span_between(s->logged_at, now).ns < LOGGED_SPAN.ns;
    bool fresh = !again || (whole && !s->logged_whole);
    if (session_at)
        fresh = session_at->ns == 0 || span_between(*session_at, now).ns >= LOGGED_SPAN.ns;
    if (fresh) {
        fence_told_accused(j->core, from, m);
        s->logged = m->life;
        s->logged_whole = whole || (again && s->logged_whole);
        s->logged_opinion = OPINIONS;
    }
    s->logged_at = now;
    if (session_at)
        *session_at = now;
}

static void log_opinion(struct juror *j, uint16_t slot, uint64_t life, struct dossier *s,
                        const struct evidence *evidence, const struct vote *vote)
{
    struct order order = {.slot = slot, .life = life};
    if (!vote && s->logged == life && s->logged_opinion == evidence->opinion)
        return;
    s->logged_opinion = evidence->opinion;
    s->logged_evidence = *evidence;
    fence_told_opinion(j->core, &order, core_self(j->core), evidence, vote);
}

/* --- The vote --- */

static uint32_t all_actions(const struct core *c)
{
    return ((1u << c->config.roster->action_count) - 1u) << 1;
}

/*
 * What the vote allows: `retire` always; the roster's actions within the limit of F8. A juror that
 * has not heard this life since its own start waits as long as F8 looks back, since boots take
 * long.
 */
uint32_t inquiry_allows(const struct juror *j, struct instant now, uint16_t slot, uint64_t life,
                        const struct dossier *s)
{
    const struct core *c = j->core;
    bool heard = signs_age(j->signs, now, slot, life).ns >= 0 || s->renewed_life == life;
    bool waited = span_between(j->started, now).ns >= c->config.brake_span.ns;
    bool within = count_brake(j, now, s) <= brake_limit(c);
    uint32_t actions = 1u << ACTION_RETIRE;
    if (inhibitors_maintain(c->inhibitors, now, slot) &&
        !MUTANT(133)) /* "maintenance is ignored" */
        return actions;
    return within && (heard || waited) ? actions | all_actions(c) : actions;
}

bool inquiry_frozen(const struct juror *j, struct instant now, uint16_t slot)
{
    return inhibitors_freeze(j->core->inhibitors, now, slot) && !MUTANT(130); /* "is ignored" */
}

/* Against a whole life: what ends sessions is not for it. */
static uint32_t allowed(const struct juror *j, struct instant now, uint16_t slot, uint64_t life,
                        const struct dossier *s)
{
    uint32_t sessions = (uint32_t)j->core->config.roster->session_actions << 1;
    return inquiry_allows(j, now, slot, life, s) & ~sessions;
}

uint32_t inquiry_age_ms(const struct juror *j, struct instant now, const struct dossier *s,
                        uint64_t life)
{
    struct span age = renewal_age(s, now, life);
    if (age.ns < 0)
        age = span_between(j->started, now);
    return span_milliseconds(age);
}

static void send_vote(struct juror *j, uint16_t to, uint16_t slot, const struct dossier *s)
{
    struct message m = {.type = WIRE_VOTE,
                        .vote = {.slot = slot,
                                 .life = s->voted,
                                 .allows = s->vote.allows,
                                 .age_ms = s->vote.age_ms,
                                 .signature = s->vote.signature,
                                 .evidence = s->evidence}};
    outbox_send_after(&j->core->outbox, s->vote_lsn, to, &m);
}

/* Signs, and makes it durable before it can be sent (F2: final). */
static void sign(struct juror *j, struct instant now, uint16_t slot, uint64_t life,
                 struct dossier *s, uint32_t allows)
{
    struct core *c = j->core;
    must(!standing_bound(c->standing) || MUTANT(41)); /* F3: a node under an order signs nothing */
    must(life >= s->voted && core_votes(c));
    must(!inquiry_frozen(j, now, slot)); /* F8 */
    struct order order = {.epoch = c->config.roster->epoch,
                          .roster = c->config.roster_digest,
                          .slot = slot,
                          .life = life};
    s->voted = life;
    s->vote = (struct vote){
        .juror = core_self(c), .allows = allows, .age_ms = inquiry_age_ms(j, now, s, life)};
    vote_sign(&s->vote, &order, &c->config.cluster, c->config.key);
    struct record record = {.kind = RECORD_VOTE,
                            .vote = {.slot = slot,
                                     .life = life,
                                     .allows = allows,
                                     .age_ms = s->vote.age_ms,
                                     .signature = s->vote.signature,
                                     .evidence = s->evidence}};
    s->vote_lsn = journal_append(&c->journal, &record, true);
}

/* The first vote against that life, or one that allows more by now: both rest on a look of just
 * now. What was allowed once stays allowed. */
static void vote(struct juror *j, struct instant now, uint16_t slot, struct dossier *s)
{
    uint64_t life = s->inquired;
    bool first = s->voted != life;
    uint32_t allows = allowed(j, now, slot, life, s) | (first ? 0 : s->vote.allows);
    if (!first && allows == s->vote.allows)
        return;
    s->evidence = inquiry_gather(j, now, slot, life, s, OPINION_VOTES);
    sign(j, now, slot, life, s, allows);
    s->voted_at = now; /* under such an order from now on (F8) */
    send_vote(j, s->accuser, slot, s);
    log_opinion(j, slot, life, s, &s->evidence, &s->vote);
    if (!first)
        return;
    j->core->counters.fence_votes++;
    struct notice *n = told_notice(&j->core->told, NOTICE_VOTED);
    n->slot = slot;
    n->number = life;
}

/* --- The inquiry --- */

static void tell_opinion(struct juror *j, struct instant now, uint16_t to, uint16_t slot,
                         uint64_t life, struct dossier *s, enum opinion opinion)
{
    struct message m = {.type = WIRE_OPINION,
                        .opinion = {.slot = slot,
                                    .life = life,
                                    .evidence = inquiry_gather(j, now, slot, life, s, opinion)}};
    outbox_send(&j->core->outbox, to, &m);
    log_opinion(j, slot, life, s, &m.opinion.evidence, NULL);
}

/* Nor does anybody live of whom nothing was heard since this node's start, or since an earlier life
 * died: after a power loss everywhere a machine that stays off is known by its locks alone. */
static bool view_dead(const struct juror *j, uint16_t slot, uint64_t life)
{
    struct member_view view;
    swim_view(j->core->swim, slot, &view);
    bool gone = view.state == MEMBER_DEAD || view.state == MEMBER_LEFT; /* M2: left frees nothing */
    return (gone && view.life <= life) || view.state == MEMBER_UNKNOWN;
}

static bool view_suspect(const struct juror *j, uint16_t slot, uint64_t life)
{
    struct member_view view;
    swim_view(j->core->swim, slot, &view);
    return view.state == MEMBER_SUSPECT && view.life == life;
}

/* When V since the last renewal is over (F2a): F by the slowest clock of a holder, which lasts
 * longer than any cut shorter than D (F7). What came before its own start is not known, so that
 * counts as one. */
static struct instant renewal_over(const struct juror *j, const struct dossier *s, uint64_t life)
{
    bool later = s->renewed_life == life && s->renewed_at.ns > j->started.ns;
    struct span wait = vote_span_of(core_detect(j->core));
    if (MUTANT(160)) /* "a juror votes when D is over, while its holder stands" */
        wait = core_detect(j->core);
    return instant_after(later ? s->renewed_at : j->started, wait);
}

static bool renewed_lately(const struct juror *j, struct instant now, const struct dossier *s,
                           uint64_t life)
{
    return !instant_reached(now, renewal_over(j, s, life));
}

/* What can be said without looking; OPINION_LOOKING if it takes a look. */
static enum opinion first_view(const struct juror *j, struct instant now, uint16_t from,
                               const struct wire_accuse *m, const struct dossier *s)
{
    const struct core *c = j->core;
    uint32_t shard = m->name.size ? cohort_shard(&c->cohorts, m->name) : 0;
    if (proofs_covers(c->proofs, m->slot) >= m->life)
        return OPINION_OVER;
    /* First what also forbids to repeat a vote that stands: F8, F2e. Who is bound may do that. */
    if (inquiry_frozen(j, now, m->slot))
        return OPINION_FROZEN;
    if (m->name.size && cohort_index(&c->cohorts, shard, from) < 0)
        return OPINION_NO_STAKE;
    if (standing_bound(c->standing) && !MUTANT(41))
        return OPINION_BOUND;
    if (MUTANT(40)) /* "signer signs on hearsay" */
        return OPINION_LOOKING;
    if (MUTANT(134) && m->name.size == 0) /* "an operator's request replaces all of F2" */
        return OPINION_LOOKING;
    if (view_suspect(j, m->slot, m->life))
        return OPINION_LOOKING; /* what takes time is prepared while the suspicion runs */
    if (renewed_lately(j, now, s, m->life))
        return OPINION_RENEWED;
    return view_dead(j, m->slot, m->life) ? OPINION_LOOKING : OPINION_NOT_DEAD;
}

static void probe(struct juror *j, uint16_t slot, struct dossier *s)
{
    const struct roster *roster = j->core->config.roster;
    struct outbox *o = &j->core->outbox;
    struct message poke = {.type = WIRE_POKE, .poke = {.seq = RELAYED}};
    struct message relay = {.type = WIRE_DOUBT, .doubt = {.slot = slot, .seq = RELAYED}};
    outbox_send(o, slot, &poke);
    s->direct++;
    s->relays = 0;
    /* From a random place on, so that not always the same are asked. */
    size_t first = (size_t)drbg_below(&j->core->drbg, roster->node_count);
    for (size_t i = 0; i < roster->node_count && s->relays < INQUIRY_RELAYS; i++) {
        uint16_t to = roster->nodes[(first + i) % roster->node_count].slot;
        if (to == slot || to == core_self(j->core) || !swim_alive(j->core->swim, to))
            continue;
        outbox_send(o, to, &relay);
        s->relays++;
    }
}

/* When juror_step() has something to do about it. */
static struct instant due_of(const struct dossier *s)
{
    struct instant at = s->open ? instant_earlier(s->until, s->again_at) : INSTANT_NEVER;
    return s->prepare_at.ns ? instant_earlier(at, s->prepare_at) : at;
}

static void plan(struct juror *j, const struct dossier *s)
{
    dues_set(&j->due, (size_t)(s - j->dossiers), due_of(s));
}

static void look(struct juror *j, struct instant now, uint16_t from, uint16_t slot, uint64_t life,
                 struct dossier *s)
{
    s->open = true;
    s->inquired = life;
    s->accuser = from;
    s->began_at = now;
    s->again_at = instant_after(now, INQUIRY_AGAIN);
    s->until = instant_after(now, MUTANT(40) ? SPAN_MS(0) : INQUIRY_SPAN);
    s->direct = 0;
    s->alive = s->silent = 0;
    plan(j, s);
    probe(j, slot, s);
    standing_prove(j->core->standing, now);
}

void inquiry_look(struct juror *j, struct instant now, uint16_t from, const struct wire_accuse *m,
                  struct dossier *s)
{
    s->whole = m->word.scope.session == 0;
    look(j, now, from, m->slot, m->life, s);
}

static void set_prepare(struct juror *j, struct dossier *s, struct instant at)
{
    s->prepare_at = at;
    plan(j, s);
}

/* The renewal's timer alone stands between this juror and a vote: it will look just before that
 * ends, and vote when it does. */
void inquiry_prepare(struct juror *j, uint16_t from, const struct wire_accuse *m, struct dossier *s)
{
    bool whole = m->word.scope.session == 0;
    if (s->open || !view_dead(j, m->slot, m->life))
        return;
    s->accuser = from; /* the last one: one before may be lost by then */
    s->whole = whole || (s->whole && s->inquired == m->life && s->prepare_at.ns);
    if (s->prepare_at.ns && s->inquired == m->life)
        return;
    s->inquired = m->life;
    set_prepare(j, s, (struct instant){renewal_over(j, s, m->life).ns - PREPARE_SPAN.ns});
}

void inquiry_tell(struct juror *j, struct instant now, uint16_t to, const struct wire_accuse *m,
                  struct dossier *s, enum opinion opinion)
{
    tell_opinion(j, now, to, m->slot, m->life, s, opinion);
}

/* The highest life of it that is claimed, or voted against, be it in one session. */
static uint64_t latest(const struct dossier *s)
{
    uint64_t voted = s->voted > s->scoped ? s->voted : s->scoped;
    return s->life > voted ? s->life : voted;
}

/* The highest that was ever heard of, be it only claimed; 0: none. */
static uint64_t known(const struct juror *j, uint16_t slot, const struct dossier *s)
{
    struct member_view view;
    swim_view(j->core->swim, slot, &view);
    uint64_t life = latest(s) > s->claimed ? latest(s) : s->claimed;
    return view.life > life ? view.life : life;
}

void inquiry_accused(struct juror *j, struct instant now, uint16_t from,
                     const struct wire_accuse *m)
{
    struct dossier *s = juror_dossier(j, m->slot);
    if (!s || m->slot == core_self(j->core) || m->life == 0 || !jury_can_order(&j->core->jury) ||
        life_far(m->life, known(j, m->slot, s))) {
        j->core->counters.drop_role++;
        return;
    }
    uint64_t later = latest(s);
    enum opinion opinion = first_view(j, now, from, m, s);
    if (!m->word.scope.session || opinion == OPINION_OVER || later > m->life)
        inquiry_log_accused(j, now, from, m, s, NULL);
    s->requested = s->open ? s->requested : m->name.size == 0;
    if (opinion == OPINION_OVER) {
        proofs_send(j->core->proofs, from, m->slot);
        tell_opinion(j, now, from, m->slot, m->life, s, opinion);
    } else if (later > m->life) {
        /* Claimed, and the end of those before it never stated: who asks may not know of that life,
         * and nobody acts on an earlier one any more (F9). */
        tell_opinion(j, now, from, m->slot, later, s, OPINION_NOT_DEAD);
    } else if (m->word.scope.session) {
        scopes_accused(j->scopes, now, from, m, s, opinion);
    } else if (s->voted == m->life && opinion != OPINION_NO_STAKE && opinion != OPINION_FROZEN) {
        /* The same vote again. Does F8 allow more by now, that takes a new look (F2). */
        bool more = allowed(j, now, m->slot, m->life, s) & ~s->vote.allows;
        send_vote(j, from, m->slot, s);
        if (more && opinion == OPINION_LOOKING && !s->open)
            inquiry_look(j, now, from, m, s);
    } else if (s->open) { /* it answers when it has looked, and whoever asked last */
        s->accuser = opinion == OPINION_NO_STAKE ? s->accuser : from;
        s->whole |= opinion == OPINION_LOOKING && s->inquired == m->life;
    } else if (opinion == OPINION_LOOKING) {
        inquiry_look(j, now, from, m, s);
    } else {
        if (opinion == OPINION_RENEWED)
            inquiry_prepare(j, from, m, s);
        tell_opinion(j, now, from, m->slot, m->life, s, opinion);
    }
}

void inquiry_relayed(struct juror *j, uint16_t from, const struct wire_doubt_answer *m)
{
    struct dossier *s = juror_dossier(j, m->slot);
    int relay = roster_find(j->core->config.roster, from);
    if (!s || !s->open || relay < 0)
        return;
    /* A bit for each relay; of the few that were asked none share one in a cluster of up to 32. */
    uint32_t bit = 1u << ((unsigned)relay % 32);
    s->alive |= m->alive ? bit : 0;
    s->silent |= m->alive ? 0 : bit;
}

/* F2, all of it but (e), which held when the inquiry began. */
static enum opinion conclude(const struct juror *j, struct instant now, uint16_t slot,
                             const struct dossier *s)
{
    const struct core *c = j->core;
    struct member_view view;
    swim_view(c->swim, slot, &view);
    if (proofs_covers(c->proofs, slot) >= s->inquired)
        return OPINION_OVER;
    if (latest(s) > s->inquired)
        return OPINION_NOT_DEAD; /* a later life of it is known by now */
    if (standing_bound(c->standing) && !MUTANT(41))
        return OPINION_BOUND;
    if (inquiry_frozen(j, now, slot))
        return OPINION_FROZEN;
    if (MUTANT(40) || (MUTANT(134) && s->requested))
        return OPINION_VOTES;
    if (c->late_at.ns >= s->began_at.ns)
        return OPINION_LATE;
    if (s->alive || view.heard.ns > s->began_at.ns)
        return OPINION_ANSWERS;
    if (renewed_lately(j, now, s, s->inquired) && !MUTANT(145)) /* "votes before D is over" */
        return OPINION_RENEWED;
    if (!view_dead(j, slot, s->inquired))
        return OPINION_NOT_DEAD;
    if (standing_newest(c->standing).ns < s->began_at.ns)
        return OPINION_CUT_OFF;
    return count_alive(j) > c->config.roster->node_count / 2 ? OPINION_VOTES : OPINION_FEW_ALIVE;
}

static void close(struct juror *j, struct dossier *s)
{
    s->open = false;
    plan(j, s);
}

/* A look that found nothing: its evidence stays good for a while. */
static void keep_look(struct dossier *s)
{
    s->clean_at = s->began_at;
    s->clean_direct = s->direct;
    s->clean_silent = s->silent;
}

/* It votes against all that was asked for: the life, or sessions of it, or both. */
static void conclude_votes(struct juror *j, struct instant now, uint16_t slot, struct dossier *s)
{
    scopes_vote(j->scopes, now, slot, s);
    if (s->whole)
        vote(j, now, slot, s);
}

/* SWIM's own timer has ended. If the juror looked just now, and found nothing, it need not begin
 * anew: it votes at once, on evidence that counts from that look. */
void inquiry_hasten(struct juror *j, struct instant now, uint16_t slot, struct dossier *s)
{
    struct instant began = s->began_at;
    if (!s->clean_at.ns || span_between(s->clean_at, now).ns >= FRESH_SPAN.ns ||
        !core_votes(j->core))
        return;
    s->began_at = s->clean_at;
    if (conclude(j, now, slot, s) == OPINION_VOTES) {
        s->direct = (uint8_t)(s->clean_direct + (s->open ? s->direct : 0));
        s->silent |= s->clean_silent;
        close(j, s);
        s->clean_at = (struct instant){0};
        conclude_votes(j, now, slot, s);
    } else {
        s->began_at = began;
    }
}

static void finish(struct juror *j, struct instant now, uint16_t slot, struct dossier *s)
{
    enum opinion opinion = core_votes(j->core) ? conclude(j, now, slot, s) : OPINION_LATE;
    close(j, s);
    s->clean_at = (struct instant){0};
    if (opinion == OPINION_RENEWED || opinion == OPINION_NOT_DEAD)
        keep_look(s); /* nothing but a timer stands between it and a vote */
    if (opinion == OPINION_VOTES) {
        conclude_votes(j, now, slot, s);
        return;
    }
    if (s->voted == s->inquired)
        return; /* its vote stands; it does not allow more */
    if (s->told_life != s->inquired || s->told != opinion) { /* not again for each look */
        struct notice *n = told_notice(&j->core->told, NOTICE_OPINION);
        n->slot = slot;
        n->number = s->told_life = s->inquired;
        n->opinion = s->told = opinion;
    }
    if (core_votes(j->core)) /* else it says nothing at all (L7) */
        tell_opinion(j, now, s->accuser, slot, s->inquired, s, opinion);
}

/* The look before D is over, or its end. A renewal that came meanwhile, or news of it, ends this:
 * who still waits for that lock accuses it again. */
static void prepare(struct juror *j, struct instant now, uint16_t slot, struct dossier *s)
{
    struct instant over = renewal_over(j, s, s->inquired);
    bool soon = span_between(now, over).ns <= PREPARE_SPAN.ns;
    bool still = core_votes(j->core) && s->voted < s->inquired && view_dead(j, slot, s->inquired);
    set_prepare(j, s, (struct instant){0});
    if (!still || !soon)
        return;
    if (instant_reached(now, over)) {
        inquiry_hasten(j, now, slot, s);
        return;
    }
    if (!s->open)
        look(j, now, s->accuser, slot, s->inquired, s);
    set_prepare(j, s, over);
}

void juror_step(struct juror *j, struct instant now)
{
    const struct roster *roster = j->core->config.roster;
    for (size_t i = dues_next(&j->due, 0, now); i < j->due.count;
         i = dues_next(&j->due, i + 1, now)) {
        struct dossier *s = &j->dossiers[i];
        if (s->prepare_at.ns && instant_reached(now, s->prepare_at))
            prepare(j, now, roster->nodes[i].slot, s);
        if (s->open && instant_reached(now, s->until)) {
            finish(j, now, roster->nodes[i].slot, s);
        } else if (s->open && instant_reached(now, s->again_at)) {
            s->again_at = s->until;
            plan(j, s);
            probe(j, roster->nodes[i].slot, s);
            standing_prove(j->core->standing, now);
        }
    }
}

struct instant juror_deadline(const struct juror *j)
{
    return dues_first(&j->due);
}

bool juror_agrees(const struct juror *j)
{
    struct instant first = INSTANT_NEVER;
    for (size_t i = 0; i < j->due.count; i++)
        first = instant_earlier(first, due_of(&j->dossiers[i]));
    return first.ns == juror_deadline(j).ns;
}
