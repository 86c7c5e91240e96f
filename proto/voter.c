/* The voter: see voter.h. */
#include "proto/voter.h"

#include "proto/fence_told.h"
#include "proto/floor.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/stale.h"

size_t voter_bytes(const struct peer_config *config)
{
    uint32_t shards = roster_shard_count(config->roster);
    return registers_bytes(config->max_locks, shards) + shards * sizeof(struct promise) + 64;
}

void voter_init(struct voter *v, struct core *core, void *memory)
{
    const struct peer_config *config = &core->config;
    uint32_t shards = roster_shard_count(config->roster);
    v->core = core;
    core->voter = v;
    v->promises = memory;
    memset(v->promises, 0, shards * sizeof *v->promises);
    uint8_t *rest = (uint8_t *)(v->promises + shards);
    rest += -(uintptr_t)rest & 15;
    registers_init(&v->registers, rest, config->max_locks, shards, &core->arena);
    idle_init(&v->idle, core, &v->registers);
}

void voter_start(struct voter *v, struct instant now)
{
    idle_start(&v->idle, now, &v->scratch);
}

struct ballot voter_promised(const struct voter *v, uint32_t shard)
{
    return v->promises[shard].promised;
}

struct instant voter_promised_since(const struct voter *v, uint32_t shard)
{
    return v->promises[shard].since;
}

static void load_promise(struct voter *v, uint32_t shard, struct ballot b, uint64_t lsn)
{
    struct promise *p = &v->promises[shard];
    if (ballot_compare(b, p->promised) >= 0) {
        p->promised = b;
        p->lsn = lsn;
    }
}

static bool load_accept(struct voter *v, const struct record_accept *a, uint64_t lsn)
{
    struct lock_register *e =
        registers_make(&v->registers, core_name_hash(v->core, a->name), a->name, a->shard);
    if (!e)
        return false;
    if (version_compare(a->ballot, a->seq, e->ballot, e->seq) >= 0) {
        if (!registers_store(&v->registers, e, a->ballot, a->seq, a->state))
            return false;
        e->lsn = lsn;
    }
    load_promise(v, a->shard, a->ballot, lsn);
    return true;
}

static struct lock_register *find(const struct voter *v, struct view name)
{
    return registers_find(&v->registers, core_name_hash(v->core, name), name);
}

static void drop(struct voter *v, struct lock_register *e)
{
    idle_remove(&v->idle, e);
    registers_drop(&v->registers, core_name_hash(v->core, (struct view){e->name, e->name_size}), e);
}

/* Of those dropped, and of those that a snapshot names by the highest alone. */
static void raise_dropped(struct promise *p, struct ballot b, uint64_t seq)
{
    if (version_compare(b, seq, p->dropped, p->dropped_seq) <= 0)
        return;
    p->dropped = b;
    p->dropped_seq = seq;
}

/* Those that are there at just this version are dropped; how many. A record finds what there was
 * when it was written. */
static uint32_t drop_listed(struct voter *v, struct promise *p, struct ballot b, struct view locks)
{
    struct reader r = reader_init(locks.bytes, locks.size);
    struct view name;
    uint64_t seq;
    uint32_t count = 0;
    while (get_lock(&r, &seq, &name)) {
        struct lock_register *e = find(v, name);
        /* MUTANT(66): "whatever a voter has is dropped". */
        if (!e || (!MUTANT(66) && version_compare(e->ballot, e->seq, b, seq) != 0))
            continue;
        drop(v, e);
        raise_dropped(p, b, seq);
        count++;
    }
    return count;
}

bool voter_load(struct voter *v, const struct record *record, uint64_t lsn)
{
    uint32_t shards = v->core->cohorts.shard_count;
    if (record->kind == RECORD_PROMISE && record->promise.shard < shards) {
        load_promise(v, record->promise.shard, record->promise.promised, lsn);
        if (record->promise.adopted > v->promises[record->promise.shard].adopted)
            v->promises[record->promise.shard].adopted = record->promise.adopted;
    } else if (record->kind == RECORD_ACCEPT && record->accept.shard < shards) {
        return load_accept(v, &record->accept, lsn);
    } else if (record->kind == RECORD_FORGET && record->forget.shard < shards) {
        struct promise *p = &v->promises[record->forget.shard];
        drop_listed(v, p, record->forget.ballot, record->forget.locks);
        raise_dropped(p, record->forget.ballot, record->forget.seq);
        p->lsn = lsn;
    } else if (record->kind == RECORD_STORE) {
        for (uint32_t s = 0; s < shards; s++)
            if (record->store.adopted > v->promises[s].adopted)
                v->promises[s].adopted = record->store.adopted;
    }
    return true;
}

/*
 * L0: whether this voter may answer `from` about `shard` under ballot b. A ballot belongs to its
 * slot, is of the epoch whose roster this node holds certified, and both ends sit in the shard's
 * cohort. A round far beyond what was promised is a broken or stolen node's: it would use up all
 * ballots.
 */
static bool may_answer(struct voter *v, uint32_t shard, struct ballot b, uint16_t from)
{
    struct core *c = v->core;
    bool ok = shard < c->cohorts.shard_count && b.slot == from &&
              b.epoch == c->config.roster->epoch && cohort_index(&c->cohorts, shard, from) >= 0 &&
              cohort_index(&c->cohorts, shard, core_self(c)) >= 0 &&
              b.round <= v->promises[shard].promised.round + ROUND_STEP_MAX;
    if (!ok)
        c->counters.drop_role++;
    return ok;
}

static void refuse(struct voter *v, uint32_t shard, struct ballot b, uint16_t from)
{
    struct promise *p = &v->promises[shard];
    struct message m = {.type = WIRE_REFUSE,
                        .refuse = {.shard = shard, .ballot = b, .promised = p->promised}};
    v->core->counters.refusals++;
    outbox_send_after(&v->core->outbox, p->lsn, from, &m);
}

/* L1. */
static void take_prepare(struct voter *v, uint16_t from, const struct wire_prepare *m)
{
    struct core *c = v->core;
    if (!may_answer(v, m->shard, m->ballot, from))
        return;
    struct promise *p = &v->promises[m->shard];
    int order = ballot_compare(m->ballot, p->promised);
    if (order < 0) {
        refuse(v, m->shard, m->ballot, from);
        return;
    }
    if (order > 0) {
        p->promised = m->ballot;
        p->since = c->now;
        idle_changed(&v->idle, c->now);
        struct record record = {
            .kind = RECORD_PROMISE,
            .promise = {.shard = m->shard, .promised = m->ballot, .adopted = p->adopted}};
        if (!MUTANT(2)) /* "promise not durable" */
            p->lsn = journal_append(&c->journal, &record, true);
        c->counters.promises++;
    }
    struct message answer = {
        .type = WIRE_PROMISE,
        .promise = {.shard = m->shard, .ballot = m->ballot, .adopted = p->adopted}};
    outbox_send_after(&c->outbox, p->lsn, from, &answer);
}

/* F5: what is stored is handed out with the proof of the break that it names. */
static struct view proof_of(struct voter *v, const struct lock_register *e)
{
    bool ok = lock_decode(&v->scratch, (struct view){e->state, e->state_size});
    must(ok);
    return stale_proof(v->core, &v->scratch.broken);
}

/* L2. */
static void take_read(struct voter *v, uint16_t from, const struct wire_read *m)
{
    struct core *c = v->core;
    uint32_t shard = cohort_shard(&c->cohorts, m->name);
    if (!may_answer(v, shard, m->ballot, from))
        return;
    struct promise *p = &v->promises[shard];
    if (!ballot_equal(m->ballot, p->promised)) {
        if (ballot_compare(m->ballot, p->promised) < 0)
            refuse(v, shard, m->ballot, from);
        return; /* a ballot that was never promised here is not answered */
    }
    struct message answer = {.type = WIRE_STORED,
                             .stored = {.ballot = m->ballot, .round = m->round, .name = m->name}};
    uint64_t lsn = p->lsn;
    struct lock_register *e = find(v, m->name);
    if (e) {
        answer.stored.version = e->ballot;
        answer.stored.seq = e->seq;
        answer.stored.state = (struct view){e->state, e->state_size};
        answer.stored.proof = proof_of(v, e);
        if (e->lsn > lsn)
            lsn = e->lsn;
    }
    outbox_send_after(&c->outbox, lsn, from, &answer);
}

#ifdef HOLDFAST_MUTANTS
/* Planted bug 61: breaks are guessed by comparing with what is stored. The scratch holds the new
 * state. */
static bool guesses_break(struct voter *v, const struct lock_register *e)
{
    static struct lock_state stored;
    if (!lock_decode(&stored, (struct view){e->state, e->state_size}))
        return false;
    for (size_t i = 0; i < stored.hold_count; i++)
        if (lock_find_hold(&v->scratch, stored.holds[i].id) < 0 &&
            !stale_over(v->core, stored.holds[i].id.slot, stored.holds[i].id.life))
            return true;
    return false;
}
#endif

/* Stores what L3 accepts. False if it cannot: not a state, or no room. */
static bool store(struct voter *v, uint32_t shard, const struct wire_accept *m,
                  struct lock_register *e)
{
    struct core *c = v->core;
    if (!lock_decode(&v->scratch, m->state)) {
        c->counters.drop_malformed++;
        return false;
    }
    /* F5: the proof goes into the log before the state that rests on it. It is not guessed what was
     * broken by comparing with what is stored: that may be a grant that never was true. */
    if (!MUTANT(61) && !stale_proven(c, c->now, &v->scratch, m->proof)) {
        c->counters.drop_proof++;
        return false;
    }
#ifdef HOLDFAST_MUTANTS
    if (MUTANT(61) && e && !ballot_equal(e->ballot, m->ballot) && guesses_break(v, e))
        return false;
#endif
    if (!e)
        e = registers_make(&v->registers, core_name_hash(c, m->name), m->name, shard);
    if (!e || !registers_store(&v->registers, e, m->ballot, m->seq, m->state)) {
        if (c->counters.register_full++ == 0)
            told_notice(&c->told, NOTICE_FULL);
        return false;
    }
    struct record record = {.kind = RECORD_ACCEPT,
                            .accept = {.shard = shard,
                                       .ballot = m->ballot,
                                       .seq = m->seq,
                                       .name = m->name,
                                       .state = m->state}};
    e->lsn = journal_append(&c->journal, &record, true);
    idle_note(&v->idle, c->now, e, &v->scratch);
    struct promise *p = &v->promises[shard];
    if (MUTANT(5)) /* "accept erases shard promise (literal CASPaxos)" */
        p->promised = (struct ballot){0};
    else if (ballot_compare(m->ballot, p->promised) > 0) {
        p->promised = m->ballot;
        p->since = c->now;
        idle_changed(&v->idle, c->now);
    }
    must(MUTANT(5) || MUTANT(6) || ballot_equal(p->promised, m->ballot));
    p->lsn = e->lsn;
    c->counters.accepts++;
    return true;
}

/* Of a lock, or of a floor. */
static bool register_name_valid(const struct voter *v, struct view name)
{
    uint32_t shard;
    return lock_name_valid(name) ||
           (floor_shard(name, &shard) && shard < v->core->cohorts.shard_count);
}

/* L10: what is not there was never there, or was dropped. */
static bool may_be_stored_anew(const struct voter *v, uint32_t shard, const struct wire_accept *m)
{
    const struct promise *p = &v->promises[shard];
    return version_compare(m->ballot, m->seq, p->dropped, p->dropped_seq) > 0 ||
           MUTANT(65); /* "no mark of what was dropped" */
}

/* L3. */
static void take_accept(struct voter *v, uint16_t from, const struct wire_accept *m)
{
    struct core *c = v->core;
    uint32_t shard = cohort_shard(&c->cohorts, m->name);
    if (!may_answer(v, shard, m->ballot, from) || !register_name_valid(v, m->name))
        return;
    /* MUTANT(6): "accept ignores ballots". */
    if (ballot_compare(m->ballot, v->promises[shard].promised) < 0 && !MUTANT(6)) {
        refuse(v, shard, m->ballot, from);
        return;
    }
    struct lock_register *e = find(v, m->name);
    if (!e && !may_be_stored_anew(v, shard, m)) {
        c->counters.drop_forgotten++;
        return;
    }
    bool newer = !e || version_compare(m->ballot, m->seq, e->ballot, e->seq) > 0 ||
                 (MUTANT(6) && !ballot_equal(m->ballot, e->ballot)) ||
                 (MUTANT(10) && ballot_equal(m->ballot, e->ballot)); /* "no sequence check" */
    if (newer) {
        if (!store(v, shard, m, e))
            return;
        e = find(v, m->name);
        if (from != core_self(c)) /* else it told of its own break */
            fence_told_broken(c, &v->scratch, m->name);
    }
    must(e);
    /* Only what is stored of this very ballot is an answer to it. */
    if (!ballot_equal(e->ballot, m->ballot))
        return;
    struct message answer = {.type = WIRE_ACCEPTED,
                             .accepted = {.ballot = m->ballot, .seq = e->seq, .name = m->name}};
    /* MUTANT(3): "accept not durable before ack". */
    outbox_send_after(&c->outbox, MUTANT(3) ? 0 : e->lsn, from, &answer);
}

enum voter_vote voter_vote(const struct voter *v, struct view name, struct ballot ballot,
                           uint64_t seq)
{
    const struct core *c = v->core;
    const struct lock_register *e = find(v, name);
    if (!core_votes(c))
        return VOTE_NEVER;
    if (MUTANT(171) && e && e->lsn <= c->journal.durable) /* "a vote for another state counts" */
        return VOTE_DURABLE;
    /* As an answer to the Accept would count: for this seq and every lower one of the ballot. */
    if (e && ballot_equal(e->ballot, ballot) && e->seq >= seq)
        return e->lsn <= c->journal.durable ? VOTE_DURABLE : VOTE_AWAITED;
    struct ballot promised = v->promises[cohort_shard(&c->cohorts, name)].promised;
    return ballot_compare(ballot, promised) < 0 ? VOTE_NEVER : VOTE_AWAITED;
}

/* Section 6, stamps: still promised = b, durably. */
static void take_confirm(struct voter *v, uint16_t from, const struct wire_confirm *m)
{
    if (!may_answer(v, m->shard, m->ballot, from))
        return;
    struct promise *p = &v->promises[m->shard];
    if (ballot_compare(m->ballot, p->promised) < 0) {
        refuse(v, m->shard, m->ballot, from);
    } else if (ballot_equal(m->ballot, p->promised)) {
        struct message answer = {
            .type = WIRE_CONFIRMED,
            .confirmed = {.shard = m->shard, .ballot = m->ballot, .round = m->round}};
        outbox_send_after(&v->core->outbox, p->lsn, from, &answer);
    }
}

/* Whether a register may be dropped for that, or there is nothing to drop: it is not there, or
 * another state has taken the place of this one. False if it has an older one, or the state is not
 * free: then not all k held this one, and whoever says so is broken. */
static bool may_drop(struct voter *v, struct ballot b, uint64_t seq, struct view name)
{
    if (!lock_name_valid(name)) /* a floor above all */
        return false;
    struct lock_register *e = find(v, name);
    int order = e ? version_compare(e->ballot, e->seq, b, seq) : 1;
    if (order != 0)
        return order > 0 || MUTANT(19);
    struct view state = {e->state, e->state_size};
    bool ok = lock_decode(&v->scratch, state);
    must(ok);
    return idle_is_free(&v->idle, &v->scratch, state);
}

static bool may_drop_all(struct voter *v, const struct wire_forget *m)
{
    struct reader r = reader_init(m->locks.bytes, m->locks.size);
    struct view name;
    uint64_t seq;
    while (get_lock(&r, &seq, &name))
        if (cohort_shard(&v->core->cohorts, name) != m->shard || !may_drop(v, m->ballot, seq, name))
            return false;
    return true;
}

/* L10. Only under the ballot that is promised: whoever reads under a higher one shall find what it
 * has found. */
static void take_forget(struct voter *v, uint16_t from, const struct wire_forget *m)
{
    struct core *c = v->core;
    if (!may_answer(v, m->shard, m->ballot, from))
        return;
    struct promise *p = &v->promises[m->shard];
    if (ballot_compare(m->ballot, p->promised) < 0) {
        refuse(v, m->shard, m->ballot, from);
        return;
    }
    if (!ballot_equal(m->ballot, p->promised))
        return; /* never promised here */
    if (!may_drop_all(v, m)) {
        c->counters.drop_role++;
        return;
    }
    uint32_t dropped = drop_listed(v, p, m->ballot, m->locks);
    if (dropped > 0) {
        c->counters.registers_dropped += dropped;
        struct record record = {
            .kind = RECORD_FORGET,
            .forget = {
                .shard = m->shard, .ballot = m->ballot, .seq = p->dropped_seq, .locks = m->locks}};
        p->lsn = journal_append(&c->journal, &record, true);
        idle_dropped(&v->idle, c->now);
    }
    struct message answer = {
        .type = WIRE_FORGOTTEN,
        .forgotten = {.shard = m->shard, .ballot = m->ballot, .round = m->round}};
    outbox_send_after(&c->outbox, p->lsn, from, &answer);
}

void voter_take(struct voter *v, uint16_t from, const struct message *m)
{
    if (!core_votes(v->core)) /* L7 */
        return;
    if (m->type == WIRE_PREPARE)
        take_prepare(v, from, &m->prepare);
    else if (m->type == WIRE_READ)
        take_read(v, from, &m->read);
    else if (m->type == WIRE_ACCEPT)
        take_accept(v, from, &m->accept);
    else if (m->type == WIRE_CONFIRM)
        take_confirm(v, from, &m->confirm);
    else if (m->type == WIRE_FORGET)
        take_forget(v, from, &m->forget);
}
