/* The coordinator: see coordinator.h. Who takes a shard is decided in takeover.c. */
#include "proto/takeover.h"

#include "proto/forget.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/room.h"
#include "proto/stale.h"

#define PREPARE_WAIT_FIRST SPAN_MS(40)
#define PREPARE_WAIT_MAX   SPAN_MS(1000)
#define BACKOFF_MIN        SPAN_MS(5) /* after a refusal, before a higher ballot of ours (L8) */
#define BACKOFF_MAX        SPAN_MS(40)
#define CONFIRM_WAIT       SPAN_MS(40)

size_t coordinator_bytes(const struct peer_config *config)
{
    return roster_shard_count(config->roster) * sizeof(struct lead) + lows_bytes(config) +
           leases_bytes(config) + served_bytes(config) + config->roster->node_count * sizeof(bool) +
           64;
}

void coordinator_init(struct coordinator *k, struct core *core, struct voter *voter, void *memory)
{
    uint32_t shards = core->cohorts.shard_count;
    k->core = core;
    k->voter = voter;
    k->busy = 0;
    k->knock_count = 0;
    k->idle = &voter->idle;
    k->forgetting = 0;
    k->forget_rounds = 0;
    k->leads = memory;
    memset(k->leads, 0, shards * sizeof *k->leads);
    for (uint32_t s = 0; s < shards; s++)
        k->leads[s].doubted = SLOT_NONE;
    uint8_t *rest = (uint8_t *)(k->leads + shards);
    lows_init(&k->lows, core, rest);
    rest += lows_bytes(&core->config);
    leases_init(&k->leases, core, rest);
    core->leases = &k->leases;
    rest += leases_bytes(&core->config);
    rest += -(uintptr_t)rest & 15;
    served_init(&k->served, core, rest);
    k->mute = (bool *)rest + served_bytes(&core->config);
    memset(k->mute, 0, core->config.roster->node_count * sizeof *k->mute);
}

uint32_t lead_shard(const struct coordinator *k, const struct lead *lead)
{
    return (uint32_t)(lead - k->leads);
}

/* When the lead wants to be stepped; INSTANT_NEVER if nothing is under way. */
struct instant lead_deadline(const struct lead *lead)
{
    struct instant at = INSTANT_NEVER;
    if (lead->phase == LEAD_PROMISING || lead->phase == LEAD_PREPARING)
        at = lead->retry_at;
    if (lead->phase == LEAD_IDLE && lead->doubted != SLOT_NONE)
        at = instant_earlier(at, lead->doubt_until);
    if (lead->phase == LEAD_IDLE && lead->retry_at.ns)
        at = instant_earlier(at, lead->retry_at);
    if (lead->phase == LEAD_SERVING && lead->confirming)
        at = instant_earlier(at, lead->confirm_at);
    if (lead->forget.phase != FORGET_NONE)
        at = instant_earlier(at, lead->forget.retry_at);
    return at;
}

bool lead_majority(const struct coordinator *k, uint32_t mask)
{
    return (size_t)__builtin_popcount(mask) >= core_majority(k->core);
}

void lead_watch(struct coordinator *k, struct lead *lead)
{
    if (lead->busy)
        return;
    lead->busy = true;
    lead->busy_next = k->busy;
    k->busy = lead_shard(k, lead) + 1;
}

void lead_send_cohort(struct coordinator *k, uint32_t shard, uint32_t except_mask,
                      const struct message *m)
{
    const uint16_t *cohort = cohort_of(&k->core->cohorts, shard);
    for (size_t i = 0; i < k->core->cohorts.size; i++)
        if (!(except_mask & (1u << i)))
            outbox_send(&k->core->outbox, cohort[i], m);
}

/* --- Giving up --- */

void lead_reply_elsewhere(struct coordinator *k, const struct asked *a, enum reply_verdict verdict,
                          struct ballot ballot, uint16_t owner, struct view name)
{
    struct message m = {.type = WIRE_REPLY,
                        .reply = {.op = a->op,
                                  .change = a->change,
                                  .kind = (uint8_t)a->kind,
                                  .verdict = (uint8_t)verdict,
                                  .ballot = ballot,
                                  .owner = owner,
                                  .name = name}};
    outbox_send(&k->core->outbox, a->to, &m);
}

/* The name of a lock is not kept with a knock; what no lock is called stands for "any of the
 * shard". */
static const struct view any_name = {(const uint8_t *)"\x01", 1};

void lead_answer_knocks(struct coordinator *k, struct lead *lead, enum reply_verdict verdict,
                        struct ballot ballot, uint16_t owner)
{
    struct asked *a;
    while ((a = asked_pop(&k->served, &lead->knocks))) {
        lead_reply_elsewhere(k, a, verdict, ballot, owner, any_name);
        asked_free(&k->served, a);
        k->knock_count--;
    }
}

/* L4: a ballot that it cannot keep to it gives up. What was under way is neither true nor false. */
static void step_down(struct coordinator *k, struct lead *lead, uint16_t owner)
{
    if (lead->phase == LEAD_SERVING) {
        struct notice *n = told_notice(&k->core->told, NOTICE_STEPPED_DOWN);
        n->shard = lead_shard(k, lead);
        n->slot = owner;
        k->core->counters.step_downs++;
    }
    lead->phase = LEAD_IDLE;
    lead->confirming = lead->lapsing = false;
    lead->retry_at = (struct instant){0};
    forget_end(k, lead);
    lease_forget(k, lead);
    while (lead->locks && !MUTANT(9)) /* "cached value used at a new ballot" */
        served_forget(&k->served, &k->served.locks[lead->locks - 1], &lead->locks);
    served_floor_reset(&k->served, lead_shard(k, lead));
    struct asked *a;
    while ((a = asked_pop(&k->served, &lead->unsure)))
        asked_free(&k->served, a);
    if (owner != SLOT_NONE && owner != core_self(k->core))
        lead_answer_knocks(k, lead, REPLY_REDIRECT, (struct ballot){0}, owner);
}

void coordinator_stop(struct coordinator *k)
{
    for (uint32_t s = 0; s < k->core->cohorts.shard_count; s++) {
        struct lead *lead = &k->leads[s];
        if (lead->phase != LEAD_IDLE)
            step_down(k, lead, SLOT_NONE);
        /* Nor is a shard taken whose back-off, or whose asking around, is under way. */
        lead->retry_at = (struct instant){0};
        lead->doubted = SLOT_NONE;
        lead_answer_knocks(k, lead, REPLY_REDIRECT, (struct ballot){0}, SLOT_NONE);
    }
}

/* --- Taking a shard --- */

static void send_prepare(struct coordinator *k, struct lead *lead, uint16_t to_self_only)
{
    struct message m = {.type = WIRE_PREPARE,
                        .prepare = {.shard = lead_shard(k, lead), .ballot = lead->ballot}};
    if (to_self_only != SLOT_NONE)
        outbox_send(&k->core->outbox, to_self_only, &m);
    else
        lead_send_cohort(k, lead_shard(k, lead), lead->promised, &m);
}

static void set_retry(struct coordinator *k, struct lead *lead, struct instant now)
{
    lead->retry_at =
        instant_after(now, core_jitter(k->core, lead->retry_wait, span_times(lead->retry_wait, 2)));
    lead->retry_wait = span_min(span_times(lead->retry_wait, 2), PREPARE_WAIT_MAX);
}

/*
 * L1: the ballot is above everything promised here, so it was never used by another run: every
 * ballot of ours was promised in this store before it was sent. First to this node's own voter
 * alone.
 */
void lead_take(struct coordinator *k, struct instant now, struct lead *lead)
{
    uint32_t shard = lead_shard(k, lead);
    struct ballot promised = voter_promised(k->voter, shard);
    uint64_t round = promised.round > lead->passed.round ? promised.round : lead->passed.round;
    lead->phase = LEAD_PROMISING;
    lead->ballot = (struct ballot){
        .epoch = k->core->config.roster->epoch, .round = round + 1, .slot = core_self(k->core)};
    lead->promised = 0;
    lead->adopted = 0;
    lead->doubted = SLOT_NONE;
    lead->retry_wait = PREPARE_WAIT_FIRST;
    set_retry(k, lead, now);
    lead_watch(k, lead);
    send_prepare(k, lead, core_self(k->core));
}

#ifdef HOLDFAST_MUTANTS
/* Planted bug 9: what was served under an older ballot is served on. */
static void keep_cached(struct coordinator *k, struct lead *lead)
{
    for (uint32_t i = lead->locks; i;) {
        struct served *s = &k->served.locks[i - 1];
        i = s->shard_next;
        if (s->phase == SERVED_TRUE && !served_is_floor(&k->served, s)) {
            s->ballot = lead->ballot;
            s->seq = 0;
        } else {
            served_forget(&k->served, s, &lead->locks);
        }
    }
}
#endif

static void take_promise(struct coordinator *k, struct instant now, int member,
                         const struct wire_promise *m)
{
    struct lead *lead = &k->leads[m->shard];
    bool wanted = lead->phase == LEAD_PROMISING || lead->phase == LEAD_PREPARING;
    if (!wanted || !ballot_equal(m->ballot, lead->ballot))
        return;
    const uint16_t *cohort = cohort_of(&k->core->cohorts, m->shard);
    bool own = cohort[member] == core_self(k->core);
    if (lead->phase == LEAD_PROMISING && !own)
        return; /* cannot be: nobody else was asked */
    lead->promised |= 1u << member;
    if (m->adopted >= lead->ballot.epoch)
        lead->adopted |= 1u << member;
    if (lead->phase == LEAD_PROMISING) {
        lead->phase = LEAD_PREPARING;
        send_prepare(k, lead, SLOT_NONE);
    }
    /* R2: served only once a majority shows that it has the epoch's locks. */
    if (!lead_majority(k, lead->promised) || !lead_majority(k, lead->adopted))
        return;
    lead->phase = LEAD_SERVING;
    leases_lead(&k->leases, now, m->shard);
    k->core->counters.takeovers++;
    struct notice *n = told_notice(&k->core->told, NOTICE_COORDINATOR);
    n->shard = m->shard;
    n->number = lead->ballot.round;
#ifdef HOLDFAST_MUTANTS
    keep_cached(k, lead);
#endif
    must(MUTANT(9) || lead->locks == 0);
    lead_answer_knocks(k, lead, REPLY_BALLOT, lead->ballot, core_self(k->core));
}

static void take_refuse(struct coordinator *k, struct instant now, const struct wire_refuse *m)
{
    struct lead *lead = &k->leads[m->shard];
    if (lead->phase == LEAD_IDLE || !ballot_equal(m->ballot, lead->ballot) ||
        ballot_compare(m->promised, m->ballot) <= 0 ||
        m->promised.round >= m->ballot.round + ROUND_STEP_MAX) /* the next one is above it */
        return;
    if (ballot_compare(m->promised, lead->passed) > 0) {
        lead->passed = m->promised;
        lead->passed_at = now;
    }
    uint16_t owner = m->promised.slot;
    bool elsewhere = owner != core_self(k->core) && swim_alive(k->core->swim, owner);
    step_down(k, lead, elsewhere ? owner : SLOT_NONE);
    if (!elsewhere) { /* L8: randomised back-off, then a higher ballot */
        lead->retry_at = instant_after(now, core_jitter(k->core, BACKOFF_MIN, BACKOFF_MAX));
        lead_watch(k, lead);
    }
}

/* --- Confirming --- */

static void begin_confirm(struct coordinator *k, struct instant now, struct lead *lead)
{
    lead->confirming = true;
    lead->confirm_round++;
    lead->confirmed = 0;
    lead->confirm_at = instant_after(now, CONFIRM_WAIT);
    leases_asked(&k->leases, now, lead_shard(k, lead));
    lead_watch(k, lead);
    struct message m = {.type = WIRE_CONFIRM,
                        .confirm = {.shard = lead_shard(k, lead),
                                    .ballot = lead->ballot,
                                    .round = lead->confirm_round}};
    lead_send_cohort(k, lead_shard(k, lead), 0, &m);
}

void lead_confirm(struct coordinator *k, struct instant now, struct lead *lead)
{
    if (!lead->confirming)
        begin_confirm(k, now, lead);
}

/* Answered by a round that began after it came. */
static void ask_confirm(struct coordinator *k, struct instant now, struct lead *lead,
                        struct asked *a, const struct served *s)
{
    a->served = (uint32_t)(s - k->served.locks) + 1;
    a->confirmed = lead->confirm_round + 1;
    asked_push(&k->served, &lead->unsure, a);
    lead_confirm(k, now, lead);
}

/* Applies what waits at a lock; what that leaves unsure asks for a round. */
static void advance(struct coordinator *k, struct instant now, struct lead *lead, struct served *s)
{
    struct asked_list unsure = {0};
    served_advance(&k->served, now, s, &unsure);
    struct asked *a;
    while ((a = asked_pop(&k->served, &unsure)))
        ask_confirm(k, now, lead, a, s);
    if (s->lapsing) {
        lead->lapsing = true;
        lead_confirm(k, now, lead);
    }
}

/* What kept for a moment is done now. */
static void end_rest(struct coordinator *k, struct instant now, struct served *s)
{
    if (!s->resting)
        return;
    s->retry_at = now;
    advance(k, now, &k->leads[s->shard], s);
}

/* The ballot was confirmed: locks that waited for it to let go do so, or wait for the next round.
 */
static void advance_lapsing(struct coordinator *k, struct instant now, struct lead *lead)
{
    bool any = lead->lapsing;
    lead->lapsing = false;
    for (uint32_t i = any ? lead->locks : 0; i; i = k->served.locks[i - 1].shard_next)
        if (k->served.locks[i - 1].lapsing)
            advance(k, now, lead, &k->served.locks[i - 1]);
}

/* Answers what waited for a round that is over, where the lock's state is true. */
static void answer_confirmed(struct coordinator *k, struct instant now, struct lead *lead)
{
    struct asked_list waiting = lead->unsure;
    struct asked *a;
    lead->unsure = (struct asked_list){0};
    while ((a = asked_pop(&k->served, &waiting))) {
        uint32_t over = lead->confirming ? lead->confirm_round - 1 : lead->confirm_round;
        struct served *s = &k->served.locks[a->served - 1];
        if (a->confirmed > over || s->phase != SERVED_TRUE) {
            asked_push(&k->served, &lead->unsure, a);
        } else if (a->kind == REQUEST_SHOW) {
            a->verdict = REPLY_SHOWN;
            bool ok = lock_decode(&k->served.scratch, (struct view){s->state, s->state_size});
            must(ok);
            served_reply(&k->served, s, a, &k->served.scratch);
            asked_free(&k->served, a);
        } else {
            a->sure = true;
            asked_push(&k->served, &s->inbox, a);
            advance(k, now, lead, s);
        }
    }
}

/* A lock that somebody waits for, of a shard that is served. */
static bool waited(const struct coordinator *k, const struct served *s)
{
    return s->used && s->waited && k->leads[s->shard].phase == LEAD_SERVING;
}

void coordinator_proof(struct coordinator *k, struct instant now)
{
    for (uint32_t i = 0; i < k->served.count; i++) {
        struct served *s = &k->served.locks[i];
        if (waited(k, s))
            advance(k, now, &k->leads[s->shard], s);
    }
}

void coordinator_gone(struct coordinator *k, struct instant now)
{
    for (uint32_t i = 0; i < k->served.count; i++)
        if (waited(k, &k->served.locks[i]))
            served_gone(&k->served, now, &k->served.locks[i]);
}

void coordinator_tell(struct coordinator *k)
{
    for (uint32_t i = 0; i < k->served.count; i++)
        if (waited(k, &k->served.locks[i]))
            served_tell(&k->served, &k->served.locks[i]);
}

/* Somebody waits, and the lease of a hold may be over by now. */
static void look_for_lapsed(struct coordinator *k, struct instant now)
{
    if (!served_lapses(&k->served, now))
        return;
    k->served.lapse_at = INSTANT_NEVER; /* found anew by each lock that is waited for */
    coordinator_proof(k, now);
}

static void take_confirmed(struct coordinator *k, struct instant now, int member,
                           const struct wire_confirmed *m)
{
    struct lead *lead = &k->leads[m->shard];
    if (lead->phase != LEAD_SERVING || !lead->confirming || m->round != lead->confirm_round ||
        !ballot_equal(m->ballot, lead->ballot))
        return;
    lead->confirmed |= 1u << member;
    if (!lead_majority(k, lead->confirmed))
        return;
    lead->confirming = false;
    leases_confirmed(&k->leases, m->shard);
    lease_confirmed(k, now, lead);
    advance_lapsing(k, now, lead);
    answer_confirmed(k, now, lead);
    if (lease_wanted(lead))
        lead_confirm(k, now, lead);
    if (lead->confirming)
        return; /* what was answered asked for another round */
    for (struct asked *a = asked_first(&k->served, &lead->unsure); a;
         a = asked_next(&k->served, a)) {
        if (a->confirmed > lead->confirm_round) {
            begin_confirm(k, now, lead);
            return;
        }
    }
}

/* --- Requests --- */

static void serve(struct coordinator *k, struct instant now, struct lead *lead,
                  const struct wire_request *r)
{
    struct served_table *t = &k->served;
    struct served *s = room_for(k, now, lead, r);
    enum request_kind kind = (enum request_kind)r->kind;
    if (s && (asked_has(t, &s->inbox, r->op, kind, r->change) ||
              asked_has(t, &s->outcomes, r->op, kind, r->change) ||
              asked_has(t, &lead->unsure, r->op, kind, r->change)))
        return; /* it is being answered */
    if (s)
        forget_used(k, now, lead, s);
    struct asked *a = s ? asked_new(t) : NULL;
    if (a && !(asked_keep(t, a, r->bytes) && asked_keep_word(t, a, &r->word))) {
        asked_free(t, a);
        a = NULL;
    }
    if (!a) {
        room_none(k, now, lead, r);
        return;
    }
    a->op = r->op;
    a->to = r->op.slot;
    a->kind = kind;
    a->mode = (enum lock_mode)r->mode;
    a->limit = r->limit;
    a->policy = (enum lock_policy)r->policy;
    a->ttl_ms = r->ttl_ms;
    a->sent = r->sent;
    a->try = r->try;
    a->head = r->head;
    a->unclean = r->unclean;
    a->change = r->change;
    a->target = r->target;
    a->expect = r->token;
    if (kind == REQUEST_SHOW) {
        end_rest(k, now, s); /* whoever looks after a release was told sees it */
        ask_confirm(k, now, lead, a, s);
        return;
    }
    if (kind == REQUEST_DROP || kind == REQUEST_TRANSFER) { /* it will not be wanted any more */
        asked_remove(t, &s->inbox, r->op, REQUEST_ACQUIRE);
        asked_remove(t, &lead->unsure, r->op, REQUEST_ACQUIRE);
    }
    asked_push(t, &s->inbox, a);
    advance(k, now, lead, s);
}

/* What no agent of ours sends. */
static bool well_formed(const struct wire_request *r)
{
    enum request_kind kind = (enum request_kind)r->kind;
    size_t most = kind == REQUEST_ACQUIRE ? LOCK_DATA_MAX
                  : kind == REQUEST_WRITE ? LOCK_VALUE_MAX
                                          : 0;
    return r->kind < REQUEST_KINDS && lock_mode_valid(r->mode, r->limit) &&
           lock_policy_valid(r->policy, r->ttl_ms) &&
           (kind != REQUEST_KEEP || r->policy == LOCK_STALE_EXPIRE) && lock_name_valid(r->name) &&
           r->bytes.size <= most && request_is_change(kind) == (r->change != 0);
}

static void take_request(struct coordinator *k, struct instant now, uint16_t from,
                         const struct wire_request *r)
{
    struct core *c = k->core;
    uint32_t shard = cohort_shard(&c->cohorts, r->name);
    if (r->op.slot != from || !well_formed(r) || !asked_word_suits(c, r) ||
        cohort_index(&c->cohorts, shard, core_self(c)) < 0) {
        c->counters.drop_role++;
        return;
    }
    c->counters.requests++;
    if (!lows_alive(&k->lows, r)) /* L9: a late duplicate of something that is over */
        return;
    struct lead *lead = &k->leads[shard];
    if (lead->phase != LEAD_SERVING) {
        takeover_consider(k, now, lead, r);
    } else if (!ballot_equal(r->ballot, lead->ballot)) { /* L9 */
        struct asked a = {
            .op = r->op, .to = from, .kind = (enum request_kind)r->kind, .change = r->change};
        lead_reply_elsewhere(k, &a, REPLY_BALLOT, lead->ballot, core_self(c), r->name);
    } else {
        serve(k, now, lead, r);
    }
}

/* A node that does not vote says so at once: nobody needs to find out by waiting. */
static void send_away(struct coordinator *k, uint16_t from, const struct wire_request *r)
{
    if (r->op.slot != from || r->kind >= REQUEST_KINDS)
        return;
    struct asked a = {
        .op = r->op, .to = from, .kind = (enum request_kind)r->kind, .change = r->change};
    lead_reply_elsewhere(k, &a, REPLY_REDIRECT, (struct ballot){0}, SLOT_NONE, r->name);
}

/* --- The door --- */

/* A lock's state has become true. */
static void go_on(struct coordinator *k, struct instant now, struct lead *lead, struct served *s)
{
    answer_confirmed(k, now, lead);
    advance(k, now, lead, s);
}

/* L10: the floor is true, and locks may have waited for it. */
static void take_floor(struct coordinator *k, struct instant now, struct lead *lead)
{
    for (uint32_t i = lead->locks; i; i = k->served.locks[i - 1].shard_next)
        if (served_born(&k->served, now, &k->served.locks[i - 1]))
            go_on(k, now, lead, &k->served.locks[i - 1]);
}

/* An answer about a served lock; its shard's shows may rest on it. */
static void take_lock_answer(struct coordinator *k, struct instant now, uint16_t from,
                             const struct message *m)
{
    struct view name = m->type == WIRE_STORED ? m->stored.name : m->accepted.name;
    struct served *s = served_find(&k->served, name);
    int member = s ? cohort_index(&k->core->cohorts, s->shard, from) : -1;
    if (member < 0)
        return;
    struct lead *lead = &k->leads[s->shard];
    if (lead->phase != LEAD_SERVING) /* only planted bug 9 keeps a lock then */
        return;
    bool now_true = m->type == WIRE_STORED
                        ? served_stored(&k->served, now, s, member, &m->stored)
                        : served_accepted(&k->served, now, s, member, &m->accepted);
    if (now_true && served_is_floor(&k->served, s))
        take_floor(k, now, lead);
    else if (now_true)
        go_on(k, now, lead, s);
    forget_answered(k, now, lead, member);
}

void coordinator_take(struct coordinator *k, struct instant now, uint16_t from,
                      const struct message *m)
{
    struct cohorts *cohorts = &k->core->cohorts;
    uint32_t shard = 0;
    if (m->type == WIRE_LEASE) {
        lease_take(k, now, from, &m->lease);
        return;
    }
    if (!core_votes(k->core)) { /* L7: nor does it coordinate */
        if (m->type == WIRE_REQUEST)
            send_away(k, from, &m->request);
        return;
    }
    if (m->type == WIRE_REQUEST) {
        take_request(k, now, from, &m->request);
        return;
    }
    if (m->type == WIRE_DOUBT_ANSWER) {
        takeover_doubt_answer(k, now, from, &m->doubt_answer);
        return;
    }
    if (m->type == WIRE_IDLE) {
        forget_idle(k, now, from, &m->idle);
        return;
    }
    if (m->type == WIRE_STORED || m->type == WIRE_ACCEPTED) {
        take_lock_answer(k, now, from, m);
        return;
    }
    if (m->type == WIRE_PROMISE)
        shard = m->promise.shard;
    else if (m->type == WIRE_REFUSE)
        shard = m->refuse.shard;
    else if (m->type == WIRE_CONFIRMED)
        shard = m->confirmed.shard;
    else if (m->type == WIRE_FORGOTTEN)
        shard = m->forgotten.shard;
    int member = shard < cohorts->shard_count ? cohort_index(cohorts, shard, from) : -1;
    if (member < 0) { /* L0: only the cohort's answers count */
        k->core->counters.drop_role++;
        return;
    }
    if (m->type == WIRE_PROMISE)
        take_promise(k, now, member, &m->promise);
    else if (m->type == WIRE_REFUSE)
        take_refuse(k, now, &m->refuse);
    else if (m->type == WIRE_CONFIRMED)
        take_confirmed(k, now, member, &m->confirmed);
    else if (m->type == WIRE_FORGOTTEN)
        forget_forgotten(k, now, member, &m->forgotten);
}

/* --- Time --- */

static void step_lead(struct coordinator *k, struct instant now, struct lead *lead)
{
    if (!instant_reached(now, lead_deadline(lead)))
        return;
    if (lead->phase == LEAD_PROMISING || lead->phase == LEAD_PREPARING) {
        send_prepare(k, lead, lead->phase == LEAD_PROMISING ? core_self(k->core) : SLOT_NONE);
        set_retry(k, lead, now);
    } else if (lead->phase == LEAD_SERVING) {
        if (!lead->confirming || !instant_reached(now, lead->confirm_at))
            return;                       /* something is being forgotten */
        send_prepare(k, lead, SLOT_NONE); /* who was away when the others promised may be needed */
        /* The same question again: an answer to it is as good, since it was asked after they came.
         */
        lead->confirm_at = instant_after(now, CONFIRM_WAIT);
        struct message m = {.type = WIRE_CONFIRM,
                            .confirm = {.shard = lead_shard(k, lead),
                                        .ballot = lead->ballot,
                                        .round = lead->confirm_round}};
        lead_send_cohort(k, lead_shard(k, lead), lead->confirmed, &m);
    } else {
        takeover_step(k, now, lead);
    }
}

static void end_rests(struct coordinator *k, struct instant now)
{
    for (uint32_t i = k->served.active, next; i; i = next) {
        struct served *s = &k->served.locks[i - 1];
        next = s->active_next;
        if (instant_reached(now, s->retry_at))
            end_rest(k, now, s);
    }
}

void coordinator_step(struct coordinator *k, struct instant now)
{
    forget_step(k, now);
    uint32_t *at = &k->busy;
    while (*at) {
        struct lead *lead = &k->leads[*at - 1];
        step_lead(k, now, lead);
        forget_carry_on(k, now, lead);
        if (lead_deadline(lead).ns == INSTANT_NEVER.ns) {
            lead->busy = false;
            *at = lead->busy_next;
        } else {
            at = &lead->busy_next;
        }
    }
    look_for_lapsed(k, now);
    end_rests(k, now);
    served_step(&k->served, now);
}

struct instant coordinator_deadline(const struct coordinator *k)
{
    struct instant deadline = instant_earlier(served_deadline(&k->served), forget_deadline(k));
    deadline = instant_earlier(deadline, k->served.lapse_at);
    for (uint32_t s = k->busy; s; s = k->leads[s - 1].busy_next)
        deadline = instant_earlier(deadline, lead_deadline(&k->leads[s - 1]));
    return deadline;
}

uint32_t coordinator_serving(const struct coordinator *k)
{
    uint32_t count = 0;
    for (uint32_t s = 0; s < k->core->cohorts.shard_count; s++)
        count += k->leads[s].phase == LEAD_SERVING;
    return count;
}
