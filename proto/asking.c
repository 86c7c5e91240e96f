/* The asker's conversation with coordinators: see asking.h. */
#include "proto/asking.h"

#include "proto/doubt.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/proofs.h"
#include "proto/provisional.h"
#include "proto/readers.h"
#include "proto/standing.h"

#define ASK_WAIT_FIRST SPAN_MS(50) /* L8's "for a while", at least */
#define ASK_WAIT_MAX   SPAN_MS(500)
#define WAIT_REPEAT    SPAN_MS(1000)
#define INSIST_SPAN                                                                                \
    SPAN_MS(2000) /* sent in circles, or cut off from the owner alone: any member shall lead */
#define POKE_SPAN    SPAN_MS(300)  /* for the cohort's signs of life */
#define QUIET_SPAN   SPAN_MS(400)  /* then signs of life are asked for: short waits learn why too */
#define SILENCE_SPAN SPAN_MS(1000) /* then the reason is told: is there a majority to ask? */

enum {
    DOUBT_ATTEMPTS = 2,  /* silences after which the next one is asked, */
    SECOND_ATTEMPTS = 4, /*   and the one after that: it may be asking around (L8) */
    REDIRECTS_MAX = 3    /* followed at once; then the timer decides */
};

/*
 * The record of a request has to be durable before its grant is told (L9), not before it is asked
 * for. Where this node votes on the lock too, that vote's sync carries it: one sync for both. Where
 * the vote did not come, the grant or the next repeat has it synced.
 */
bool asking_votes(const struct asker *a, const struct asker_op *op)
{
    const struct core *c = a->core;
    return core_votes(c) && cohort_index(&c->cohorts, op->shard, core_self(c)) >= 0;
}

/* Nobody has the operation's record synced yet. */
static bool unsynced(const struct asker *a, const struct asker_op *op)
{
    return op->lsn > a->core->journal.awaited && !a->core->journal.failed;
}

/* --- Whom to ask --- */

static bool worth_asking(const struct asker *a, const struct asker_op *op, uint16_t slot)
{
    int member = cohort_index(&a->core->cohorts, op->shard, slot);
    return member >= 0 && !(op->tried & (1u << member)) && swim_alive(a->core->swim, slot);
}

static uint16_t choose(const struct asker *a, struct asker_op *op)
{
    const struct hint *hint = &a->hints[op->shard];
    const uint16_t *cohort = cohort_of(&a->core->cohorts, op->shard);
    for (int round = 0; round < 2; round++) {
        if (hint->slot != SLOT_NONE && worth_asking(a, op, hint->slot))
            return hint->slot;
        for (size_t i = 0; i < a->core->cohorts.size; i++)
            if (worth_asking(a, op, cohort[i]))
                return cohort[i];
        op->tried = 0; /* everybody was: begin anew */
    }
    return cohort[0];
}

/* `slot` did not answer, or cannot: somebody else shall, and hear why it was asked. */
static void doubt(struct asker *a, struct asker_op *op, uint16_t slot)
{
    int member = cohort_index(&a->core->cohorts, op->shard, slot);
    if (member >= 0)
        op->tried |= 1u << member;
    op->doubt = slot == core_self(a->core) ? SLOT_NONE : slot;
}

static void forgive(const struct asker *a, struct asker_op *op, uint16_t slot)
{
    int member = cohort_index(&a->core->cohorts, op->shard, slot);
    if (member >= 0)
        op->tried &= ~(1u << member);
}

/* Asks the whole cohort for a sign of life: who can be asked is counted first-hand, not by gossip.
 */
static void poke_cohort(struct asker *a, struct instant now, struct asker_op *op)
{
    const uint16_t *cohort = cohort_of(&a->core->cohorts, op->shard);
    struct message m = {.type = WIRE_POKE, .poke = {.seq = 0}};
    for (size_t i = 0; i < a->core->cohorts.size; i++)
        if (cohort[i] != core_self(a->core))
            outbox_send(&a->core->outbox, cohort[i], &m);
    op->poked = now;
}

/* It was heard since the cohort was poked. This node hears itself. */
static bool shows_life(const struct asker *a, const struct asker_op *op, uint16_t slot)
{
    struct member_view view;
    swim_view(a->core->swim, slot, &view);
    return slot == core_self(a->core) || view.heard.ns > op->poked.ns;
}

/* Voters of the cohort that showed life, this node included. */
static uint32_t reachable(const struct asker *a, const struct asker_op *op)
{
    const struct core *c = a->core;
    const uint16_t *cohort = cohort_of(&c->cohorts, op->shard);
    uint32_t count = 0;
    for (size_t i = 0; i < c->cohorts.size; i++)
        count += shows_life(a, op, cohort[i]) && (cohort[i] != core_self(c) || core_votes(c));
    return count;
}

/* Mask over the cohort: who had the time to show life, and did not. */
static uint32_t lifeless(const struct asker *a, struct instant now, const struct asker_op *op)
{
    const uint16_t *cohort = cohort_of(&a->core->cohorts, op->shard);
    uint32_t mask = 0;
    for (size_t i = 0; op->poked.ns && i < a->core->cohorts.size; i++) {
        struct span patience = doubt_patience(a->core, cohort[i]);
        int64_t time = patience.ns > POKE_SPAN.ns ? patience.ns : POKE_SPAN.ns;
        if (span_between(op->poked, now).ns >= time && !shows_life(a, op, cohort[i]))
            mask |= 1u << i;
    }
    return mask;
}

static enum request_kind kind_of(const struct asker_op *op)
{
    if (op->show)
        return REQUEST_SHOW;
    if (changing(op))
        return changing_request(op);
    if (op->state == OP_HELD)
        return REQUEST_KEEP;
    return op->state == OP_DROPPING ? REQUEST_DROP : REQUEST_ACQUIRE;
}

/* It waits here for its own record: see changing.c. Nobody was asked. */
static bool unsent(const struct asker *a, const struct asker_op *op)
{
    enum request_kind kind = kind_of(op);
    bool moves = kind == REQUEST_TRANSFER || kind == REQUEST_CONVERT;
    return moves && changing_yields(op) && op->lsn > a->core->journal.durable;
}

static uint64_t lowest_counter(const struct asker *a)
{
    return a->first ? a->ops[a->first - 1].counter : a->next_counter;
}

/* Nobody has answered it for long. While its coordinator lives and is merely full, that one alone
 * hears of it, which keeps its next place for it; others would take the shard. */
static bool insists(const struct asker_op *op, struct instant now)
{
    bool led = op->led.ns && span_between(op->led, now).ns < INSIST_SPAN.ns;
    return span_between(op->answered, now).ns >= INSIST_SPAN.ns && (!led || op->named.round);
}

/* Of a hold that ends, or becomes another one: the last that was handed out under it. */
static uint64_t token_for(const struct asker_op *op, enum request_kind kind)
{
    if (kind == REQUEST_ACQUIRE)
        return op->expect;
    bool ends = kind == REQUEST_DROP || kind == REQUEST_CONVERT || kind == REQUEST_TRANSFER;
    return ends ? op->token : op->change.token;
}

static void send(struct asker *a, struct instant now, struct asker_op *op)
{
    struct core *c = a->core;
    struct hint *hint = &a->hints[op->shard];
    op->asked = choose(a, op);
    op->named = hint->slot == op->asked ? hint->ballot : (struct ballot){0};
    enum request_kind kind = kind_of(op);
    bool change = request_is_change(kind), acquire = kind == REQUEST_ACQUIRE;
    bool convert = kind == REQUEST_CONVERT;
    struct message m = {
        .type = WIRE_REQUEST,
        .request = {.op = {.slot = core_self(c), .life = op->life, .counter = op->counter},
                    .low = lowest_counter(a),
                    .ballot = op->named,
                    .doubt = op->doubt,
                    .kind = (uint8_t)kind,
                    .mode = (uint8_t)(convert ? op->change.mode : op->mode),
                    .limit = convert ? op->change.limit : op->limit,
                    .policy = (uint8_t)op->policy,
                    .ttl_ms = op->ttl_ms,
                    .sent = (uint64_t)now.ns,
                    .try = change ? op->change.try : op->try,
                    .head = acquire && op->head,
                    .insist = insists(op, now),
                    .unclean = op->unclean,
                    .change = change ? op->change.counter : 0,
                    .target = op->change.target,
                    .token = token_for(op, kind),
                    .name = {op->name, op->name_size}}};
    if (acquire)
        m.request.bytes = (struct view){op->data, op->data_size};
    if (acquire && op->word)
        m.request.word = *op->word;
    if (kind == REQUEST_WRITE)
        m.request.bytes = (struct view){op->change.bytes, op->change.bytes_size};
    if (unsent(a, op) && !MUTANT(84)) /* "asked for before it is durable" */
        outbox_send_after(&c->outbox, op->lsn, op->asked, &m);
    else
        outbox_send(&c->outbox, op->asked, &m);
    op->send_at = instant_after(now, core_jitter(c, op->wait, span_times(op->wait, 2)));
}

void asking_park(struct asker *a, struct instant now, struct asker_op *op)
{
    op->reason = WAIT_STANDING;
    op->answered = now;
    asker_activate(a, op);
    op->send_at = instant_after(now, QUIET_SPAN); /* then its client hears what it waits for */
}

bool asking_parked(const struct asker_op *op)
{
    return op->state == OP_PENDING && op->reason == WAIT_STANDING;
}

void asking_begin(struct asker *a, struct instant now, struct asker_op *op)
{
    op->wait = ASK_WAIT_FIRST;
    op->attempts = 0;
    op->redirects = 0;
    op->doubt = SLOT_NONE;
    op->tried = 0;
    op->answered = now;
    op->answered_since = false;
    op->poked = op->led = (struct instant){0};
    asker_activate(a, op);
    send(a, now, op);
}

void asking_anew(struct asker *a, struct instant now, struct asker_op *op)
{
    op->wait = ASK_WAIT_FIRST;
    send(a, now, op);
}

/* --- Replies --- */

/* A coordinator spoke: the next silence begins anew. */
static void heard(struct instant now, struct asker_op *op, uint16_t from)
{
    op->answered = now;
    op->poked = (struct instant){0};
    op->attempts = 0;
    op->doubt = SLOT_NONE;
    op->tried = 0;
    op->wait = ASK_WAIT_FIRST;
    op->coordinator = from;
}

void asking_soon(struct asker *a, struct instant now, struct asker_op *op, uint16_t from)
{
    struct span wait = core_jitter(a->core, ASK_WAIT_FIRST, span_times(ASK_WAIT_FIRST, 2));
    heard(now, op, from);
    op->send_at = instant_earlier(op->send_at, instant_after(now, wait));
}

void asking_finish(struct asker *a, struct asker_op *op, enum answer_kind final)
{
    op->final = final;
    op->owes &= ~(uint32_t)OWE_WAITING;
    asker_owe(a, op, OWE_FINAL);
}

static void take_granted(struct asker *a, struct instant now, struct asker_op *op,
                         const struct wire_reply *r)
{
    if (op->keeping)
        renewing_kept(a, now, op, r);
    if (op->state != OP_PENDING || !renewing_granted(a, now, op, r))
        return; /* held already, or not wanted any more: the drop is on its way */
    op->state = OP_HELD;
    op->granted = true;
    op->token = r->token;
    asker_deactivate(a, op);
    asker_set_detail(a, op, r->detail); /* how the last holder went, if uncleanly */
    /* The pending record carries the promise; this one says that its client may have heard of it.
     */
    asker_rewrite(a, op, unsynced(a, op));
    asking_finish(a, op, ANSWER_GRANTED);
}

struct stale_view asking_stale(const struct wire_reply *r)
{
    bool known = r->stage <= FENCE_WATCHDOG && r->stage != FENCE_NONE;
    if (!known)
        return (struct stale_view){.slot = SLOT_NONE};
    return (struct stale_view){.stage = (enum fence_stage)r->stage,
                               .slot = r->stale,
                               .life = r->life,
                               .votes = r->votes,
                               .watchdog_ms = r->watchdog_ms};
}

static bool stale_differs(const struct stale_view *a, const struct stale_view *b)
{
    return a->stage != b->stage || a->slot != b->slot || a->life != b->life ||
           a->votes != b->votes ||
           !a->watchdog_ms != !b->watchdog_ms; /* that it grows less needs no telling */
}

bool asking_note_waiting(struct asker *a, struct instant now, struct asker_op *op,
                         const struct wire_reply *r)
{
    struct stale_view stale = asking_stale(r);
    bool news = op->place != r->place || op->reason != WAIT_QUEUED ||
                stale_differs(&op->stale, &stale) ||
                !view_equal((struct view){op->detail, op->detail_size}, r->detail);
    op->reason = WAIT_QUEUED;
    op->place = r->place;
    op->stale = stale;
    op->send_at = instant_after(now, core_jitter(a->core, WAIT_REPEAT, span_times(WAIT_REPEAT, 2)));
    if (news)
        asker_set_detail(a, op, r->detail);
    return news;
}

static void take_waiting(struct asker *a, struct instant now, struct asker_op *op,
                         const struct wire_reply *r)
{
    if (op->state != OP_PENDING)
        return;
    renewing_waits(op, r);
    if (op->policy == LOCK_STALE_EXPIRE && !op->waited) {
        op->waited = true;
        asker_rewrite(a, op, false);
    }
    if (asking_note_waiting(a, now, op, r))
        asker_owe(a, op, OWE_WAITING);
}

/* Whether a node may have it cached only: it has heard of this try, and gives it up
 * (delegating.h). Then it is tried again, after 10 ms and 40 ms. */
static bool try_again(struct asker *a, struct instant now, struct asker_op *op,
                      const struct wire_reply *r)
{
    enum { TRIES_MAX = 2 };
    bool cached = false;
    if (op->state != OP_PENDING || op->busy == TRIES_MAX || !lock_decode(&a->scratch, r->detail))
        return false;
    for (size_t i = 0; i < a->scratch.hold_count; i++)
        cached |= a->scratch.holds[i].policy == LOCK_STALE_EXPIRE;
    if (cached)
        op->send_at = instant_after(now, SPAN_MS(op->busy++ == 0 ? 10 : 40));
    return cached;
}

/* Refused on a true state: nothing of it is there, so nothing needs to be dropped. */
static void take_refusal(struct asker *a, struct asker_op *op, const struct wire_reply *r,
                         enum answer_kind final)
{
    if (op->state != OP_PENDING)
        return;
    op->stale = asking_stale(r);
    asker_set_detail(a, op, r->detail);
    asking_finish(a, op, final);
    asker_end(a, op);
}

/* Not applied there: follow the hint, at once unless we are sent in circles. */
static void take_elsewhere(struct asker *a, struct instant now, struct asker_op *op, uint16_t from,
                           const struct wire_reply *r)
{
    struct hint *hint = &a->hints[op->shard];
    if (r->verdict == REPLY_BALLOT) {
        bool known = ballot_equal(op->named, r->ballot) && op->asked == from;
        *hint = (struct hint){.slot = from, .ballot = r->ballot};
        op->doubt = SLOT_NONE;
        /* It leads: what was held against it is over. Not what is held against others: of two that
         * lead by turns and reach no majority, a third shall hear. */
        forgive(a, op, from);
        if (known)
            return;
    } else if (r->owner == SLOT_NONE) { /* it does not vote */
        if (hint->slot == from)
            hint->slot = SLOT_NONE;
        doubt(a, op, from);
    } else {
        int owner = cohort_index(&a->core->cohorts, op->shard, r->owner);
        if (owner < 0 || r->owner == from)
            return;
        *hint = (struct hint){.slot = r->owner};
        if (!swim_alive(a->core->swim, r->owner))
            doubt(a, op, r->owner); /* they have not heard yet that it is dead */
        else if (op->doubt == r->owner)
            op->doubt = SLOT_NONE; /* a majority hears it */
        if (op->doubt != r->owner)
            forgive(a, op, r->owner); /* so it is asked again, else we would go in circles */
    }
    if (op->redirects++ < REDIRECTS_MAX)
        send(a, now, op);
}

/* It leads, lives, and will have room: nobody else is asked. */
static void take_no_room(struct asker *a, struct instant now, struct asker_op *op, uint16_t from,
                         const struct wire_reply *r)
{
    a->hints[op->shard] = (struct hint){.slot = from, .ballot = r->ballot};
    op->doubt = SLOT_NONE;
    op->tried = 0;
    op->attempts = 0;
    op->led = now;
}

/* A grant, or a place, of which this table knows nothing: no client was ever told of it. Give it
 * back. */
static void give_back(struct asker *a, uint16_t to, struct op_id id, struct ballot ballot,
                      struct view name)
{
    struct core *c = a->core;
    if (c->counters.ghosts++ < 1000) {
        struct notice *n = told_notice(&c->told, NOTICE_GHOST);
        n->hold = id;
    }
    struct message m = {.type = WIRE_REQUEST,
                        .request = {.op = id,
                                    .low = lowest_counter(a),
                                    .ballot = ballot,
                                    .doubt = SLOT_NONE,
                                    .kind = REQUEST_DROP,
                                    .name = name}};
    outbox_send(&c->outbox, to, &m);
}

static void take_unknown(struct asker *a, uint16_t from, const struct wire_reply *r)
{
    bool ghost =
        r->verdict == REPLY_GRANTED || r->verdict == REPLY_WAITING ||
        (r->verdict == REPLY_BALLOT && r->kind == REQUEST_DROP && lock_name_valid(r->name));
    if (ghost && r->kind != REQUEST_SHOW)
        give_back(a, from, r->op, r->ballot, r->name);
}

/* The verdicts that only a serving coordinator gives, on a true state. */
static void take_verdict(struct asker *a, struct instant now, struct asker_op *op,
                         const struct wire_reply *r)
{
    switch ((enum reply_verdict)r->verdict) {
    case REPLY_GRANTED:
        take_granted(a, now, op, r);
        break;
    case REPLY_WAITING:
        take_waiting(a, now, op, r);
        break;
    case REPLY_BUSY:
        if (!try_again(a, now, op, r))
            take_refusal(a, op, r, ANSWER_BUSY);
        break;
    case REPLY_FULL:
    case REPLY_INFO_FULL:
        take_refusal(a, op, r, r->verdict == REPLY_FULL ? ANSWER_FULL : ANSWER_INFO_FULL);
        break;
    case REPLY_DROPPED:
        if (op->state == OP_DROPPING)
            asker_end(a, op);
        else if (op->keeping)
            renewing_not_kept(a, now, op);
        break;
    case REPLY_SHOWN:
        if (!op->show || !lock_decode(&a->scratch, r->detail))
            break;
        op->stale = asking_stale(r);
        asker_set_detail(a, op, r->detail);
        if (op->detail_size ==
            r->detail.size) { /* else no room to keep it: it will be asked again */
            asking_finish(a, op, ANSWER_SHOWN);
            asker_end(a, op);
        }
        break;
    case REPLY_MOVED:
    case REPLY_FORGOTTEN:
        op->token = op->state == OP_PENDING ? r->token : op->token;
        take_refusal(a, op, r, r->verdict == REPLY_MOVED ? ANSWER_MOVED : ANSWER_FORGOTTEN);
        break;
    case REPLY_BALLOT:
    case REPLY_REDIRECT:
    case REPLY_NO_ROOM:
    case REPLY_DONE: /* this and what follows: of changes */
    case REPLY_DEADLOCK:
    case REPLY_GONE:
    case REPLY_NOT_WRITER:
    case REPLY_OTHER_MARK:
    case REPLY_NO_WAITER:
    case REPLY_VERDICTS:
        break;
    }
}

void asking_reply(struct asker *a, struct instant now, uint16_t from, const struct wire_reply *r)
{
    struct core *c = a->core;
    if (r->op.slot != core_self(c) || r->kind >= REQUEST_KINDS || r->verdict >= REPLY_VERDICTS) {
        c->counters.drop_role++;
        return;
    }
    struct asker_op *op = asker_find(a, r->op.counter);
    if (!op || op->gone || op->life != r->op.life) {
        /* L9: a hold of an earlier life is never given back; that life's end is proven instead. */
        if (r->op.life == c->life)
            take_unknown(a, from, r);
        else if (r->verdict == REPLY_GRANTED || r->verdict == REPLY_WAITING)
            proofs_send(c->proofs, from, core_self(c));
        return;
    }
    if (cohort_index(&c->cohorts, op->shard, from) < 0) {
        c->counters.drop_role++;
        return;
    }
    if (!op->active || op->local.reader || r->kind != (uint8_t)kind_of(op))
        return; /* an answer to an earlier question */
    if (r->verdict == REPLY_BALLOT || r->verdict == REPLY_REDIRECT) {
        take_elsewhere(a, now, op, from, r);
        return;
    }
    if (r->verdict == REPLY_NO_ROOM) {
        take_no_room(a, now, op, from, r);
        return;
    }
    a->hints[op->shard] = (struct hint){.slot = from, .ballot = r->ballot};
    heard(now, op, from);
    if (changing(op))
        changing_reply(a, now, op, r);
    else
        take_verdict(a, now, op, r);
}

static void take_blocking(struct asker *a, struct instant now, uint16_t from,
                          const struct wire_blocking *b)
{
    struct core *c = a->core;
    if (b->hold.slot != core_self(c) || b->mode >= LOCK_MODES)
        return;
    if (b->hold.life != c->life) {
        proofs_send(c->proofs, from, core_self(c));
        return;
    }
    struct asker_op *op = asker_find(a, b->hold.counter);
    if (!op || op->gone || op->life != b->hold.life) {
        give_back(a, from, b->hold, (struct ballot){0}, b->name);
        return;
    }
    if (op->state != OP_HELD || op->local.reader || (b->tries && !op->local.cached))
        return;
    op->blocking_mode = (enum lock_mode)b->mode;
    if (!op->loaded)
        asker_owe(a, op, OWE_BLOCKING);
    delegating_recall(a, now, op);
    readers_blocked(a, now, op, op->blocking_mode);
}

void asker_take(struct asker *a, struct instant now, uint16_t from, const struct message *m)
{
    if (!a->core->life_known)
        return; /* the table may not be whole before */
    if (m->type == WIRE_REPLY && m->reply.seq)
        provisional_take(a, now, from, &m->reply);
    else if (m->type == WIRE_REPLY)
        asking_reply(a, now, from, &m->reply);
    else if (m->type == WIRE_BLOCKING)
        take_blocking(a, now, from, &m->blocking);
    else if (m->type == WIRE_LEASE_KEPT)
        renewing_take(a, now, from, &m->lease_kept);
}

void asker_refused(struct asker *a, struct instant now, uint16_t slot)
{
    for (uint32_t i = a->active; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->active_next;
        if (op->asked != slot || op->doubt == slot)
            continue;
        doubt(a, op, slot);
        op->redirects = 0;
        op->wait = ASK_WAIT_FIRST;
        send(a, now, op);
    }
}

/* --- Time --- */

/* Whether too few of the cohort gave a sign of life; true only if they had the time to. */
static bool cut_off(struct asker *a, struct instant now, struct asker_op *op)
{
    if (op->poked.ns == 0 || span_between(op->poked, now).ns < POKE_SPAN.ns)
        return op->reason == WAIT_NO_MAJORITY || op->reason == WAIT_STANDING;
    op->reachable = reachable(a, op);
    return op->reachable < cohort_majority(&a->core->cohorts);
}

/* Nobody has spoken of it for a while: say why, as far as this node can tell. */
static void explain_silence(struct asker *a, struct instant now, struct asker_op *op)
{
    struct span silence = span_between(op->answered, now);
    bool waits = op->state == OP_PENDING || (changing(op) && !op->change.cancelled);
    if (!waits || silence.ns < QUIET_SPAN.ns)
        return;
    if (op->poked.ns == 0) {
        poke_cohort(a, now, op);
        return;
    }
    /* A refused request is soon sent again: the signs of life get their time all the same. */
    if (silence.ns < SILENCE_SPAN.ns || span_between(op->poked, now).ns < POKE_SPAN.ns)
        return;
    uint32_t before = op->reachable;
    bool alone = cut_off(a, now, op);
    enum wait_reason reason = alone ? WAIT_NO_MAJORITY : WAIT_UNKNOWN;
    bool news = op->reason != reason || op->reachable != before;
    op->reason = reason;
    op->place = 0;
    poke_cohort(a, now, op);
    if (alone && op->state == OP_PENDING && (op->try || op->show)) {
        asking_finish(a, op, ANSWER_NO_MAJORITY);
        asker_give_up(a, now, op);
    } else if (news && !op->show) {
        asker_owe(a, op, op->state == OP_PENDING ? OWE_WAITING : OWE_CHANGE_WAITING);
    }
}

static void deadline_passed(struct asker *a, struct instant now, struct asker_op *op)
{
    bool alone = !op->answered_since && cut_off(a, now, op);
    op->deadline = INSTANT_NEVER;
    asking_finish(a, op, alone ? ANSWER_NO_MAJORITY : ANSWER_TIMED_OUT);
    asker_give_up(a, now, op);
}

static void ask_again(struct asker *a, struct instant now, struct asker_op *op)
{
    if (unsent(a, op)) { /* so nobody is silent */
        op->answered = now;
        op->send_at = instant_after(now, ASK_WAIT_FIRST);
        return;
    }
    if (op->state == OP_PENDING && !op->show && unsynced(a, op))
        asker_write(a, op, true);
    if (op->answered_since) { /* a repeat: a silence would begin now */
        op->answered_since = false;
        op->answered = now;
    }
    op->attempts++;
    op->redirects = 0;
    if (op->attempts >= (op->doubt == SLOT_NONE ? DOUBT_ATTEMPTS : SECOND_ATTEMPTS)) {
        doubt(a, op, op->asked);
        op->attempts = 0;
    }
    if (insists(op, now)) /* with one that hears it: each that does not costs seconds */
        op->tried |= lifeless(a, now, op);
    op->wait = span_min(span_times(op->wait, 2), ASK_WAIT_MAX);
    send(a, now, op);
}

void asker_step(struct asker *a, struct instant now)
{
    for (uint32_t i = a->active; i;) {
        struct asker_op *op = &a->ops[i - 1];
        i = op->active_next;
        if (op->state == OP_PENDING && instant_reached(now, op->deadline)) {
            deadline_passed(a, now, op);
            continue;
        }
        if (changing(op) && instant_reached(now, op->change.deadline)) {
            (void)cut_off(a, now, op); /* its client may hear how many can be asked */
            changing_deadline(a, now, op);
            continue;
        }
        if (!instant_reached(now, op->send_at))
            continue;
        if (asking_parked(op)) {
            op->send_at = INSTANT_NEVER;
            asker_owe(a, op, OWE_WAITING);
            continue;
        }
        ask_again(a, now, op);
        explain_silence(a, now, op);
    }
}

struct instant asker_deadline(const struct asker *a)
{
    struct instant deadline = instant_earlier(a->renewing.next_at, a->delegating.next_at);
    for (uint32_t i = a->active; i; i = a->ops[i - 1].active_next) {
        const struct asker_op *op = &a->ops[i - 1];
        deadline = instant_earlier(deadline, op->send_at);
        if (op->state == OP_PENDING)
            deadline = instant_earlier(deadline, op->deadline);
        if (changing(op))
            deadline = instant_earlier(deadline, op->change.deadline);
    }
    return deadline;
}
