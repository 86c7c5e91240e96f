/*
 * The peer: see peer.h. This file is the door: it hands each event to the module that answers for
 * it, makes the effects, and loads and saves the durable state. The rules live in the modules.
 */
#include "proto/peer.h"

#include "proto/inequality.h"
#include "proto/door.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/peer_internal.h"

enum {
    OUTBOX_BYTES = 2 * 512 * 1024,
    OUTBOX_SMALL_BYTES = 2 * 128 * 1024, /* for tables of few operations */
    ALIGNMENT = 16,
    DISPATCH_MAX = 4096 /* messages to oneself that are handled in one call of peer_effects */
};

void peer_config_default(struct peer_config *config)
{
    memset(config, 0, sizeof *config);
    config->max_locks = 65536;
    config->max_ops = 4096;
    config->register_bytes = (size_t)64 * 1024 * 1024;
    config->forget_span = SPAN_MS(600000);
    config->stop_on_isolation = true;
    config->brake_span = SPAN_MS(600000);
    config->run_span = SPAN_MS(10000);
}

/* --- Memory --- */

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

static size_t outbox_bytes(const struct peer_config *config)
{
    return config->max_ops > 1024 ? OUTBOX_BYTES : OUTBOX_SMALL_BYTES;
}

static struct swim_config swim_config_of(const struct peer_config *config)
{
    return (struct swim_config){.roster = config->roster,
                                .self = config->self,
                                .key = config->key,
                                .cluster = config->cluster,
                                .hush_among = config->hush_among,
                                .timing = timing_derive(SPAN_MS(config->roster->detect_ms),
                                                        config->roster->node_count, NULL)};
}

size_t peer_size(const struct peer_config *config)
{
    struct swim_config swim = swim_config_of(config);
    return aligned(sizeof(struct peer)) + aligned(cohorts_bytes(config->roster)) +
           aligned(link_bytes(config)) + aligned(voter_bytes(config)) +
           aligned(coordinator_bytes(config)) + aligned(asker_bytes(config)) +
           aligned(storecheck_bytes(config)) + aligned(swim_size(&swim)) +
           aligned(fencing_bytes(config)) + aligned(outbox_bytes(config)) +
           aligned(EFFECTS_RECORDS_MAX) + aligned(MESSAGE_MAX + MESSAGE_HEADER) +
           aligned(config->register_bytes) + ALIGNMENT;
}

static uint8_t *carve(uint8_t **at, size_t size)
{
    uint8_t *p = *at;
    *at += aligned(size);
    return p;
}

struct peer *peer_init(void *memory, const struct peer_config *config)
{
    uint8_t *at = memory;
    struct peer *p = (struct peer *)(void *)carve(&at, sizeof *p);
    struct core *c = &p->core;
    struct swim_config swim = swim_config_of(config);
    memset(p, 0, sizeof *p);
    c->config = *config;
    c->store = STORE_CHECKING;
    drbg_init(&c->drbg, config->seed);
    cohorts_init(&c->cohorts, carve(&at, cohorts_bytes(config->roster)), config->roster,
                 &config->cluster);
    link_init(&p->link, c, carve(&at, link_bytes(config)));
    voter_init(&p->voter, c, carve(&at, voter_bytes(config)));
    coordinator_init(&p->coordinator, c, &p->voter, carve(&at, coordinator_bytes(config)));
    asker_init(&p->asker, c, carve(&at, asker_bytes(config)));
    storecheck_init(&p->check, c, carve(&at, storecheck_bytes(config)));
    outbox_init(&c->outbox, carve(&at, outbox_bytes(config)), outbox_bytes(config), 0);
    c->swim = swim_init(carve(&at, swim_size(&swim)), &swim, &c->outbox, &c->drbg);
    journal_init(&c->journal, carve(&at, EFFECTS_RECORDS_MAX), EFFECTS_RECORDS_MAX);
    p->local = carve(&at, MESSAGE_MAX + MESSAGE_HEADER);
    arena_init(&c->arena, carve(&at, config->register_bytes), config->register_bytes);
    doubts_init(&p->doubts, c);
    fencing_init(&p->fencing, c, &p->asker, &p->coordinator, carve(&at, fencing_bytes(config)));
    return p;
}

/* --- Recovery --- */

const char *peer_recovery_text(enum peer_recovery recovery)
{
    switch (recovery) {
    case RECOVERED:
        return "the store is whole";
    case RECOVERED_TORN:
        return "the store is whole; an unfinished last write was left out";
    case RECOVERY_FOREIGN:
        return "the store belongs to another cluster or node";
    case RECOVERY_LOST:
        return "the store is damaged, or not the one that the roster names";
    case RECOVERY_TOO_LARGE:
        return "the store holds more than the configured limits allow";
    }
    must(false);
}

static bool load(struct peer *p, const struct record *record, uint64_t lsn)
{
    switch (record->kind) {
    case RECORD_STORE:
        p->adopted = record->store.adopted;
        p->store_lost |= record->store.lost;
        p->unchecked = record->store.unchecked;
        p->before = (struct vitals){.life = record->store.life, .commits = record->store.commits};
        return voter_load(&p->voter, record, lsn);
    case RECORD_LIFE:
    case RECORD_BOOK:
    case RECORD_VOTE:
    case RECORD_WINDOW:
    case RECORD_ORDER:
    case RECORD_REPORT:
    case RECORD_PROOF:
    case RECORD_EXECUTED:
    case RECORD_INHIBITOR:
    case RECORD_ARMED:
        return fencing_load(&p->fencing, record, lsn);
    case RECORD_PROMISE:
    case RECORD_ACCEPT:
    case RECORD_FORGET:
        return voter_load(&p->voter, record, lsn);
    case RECORD_OPS:
    case RECORD_OP:
    case RECORD_OP_END:
        return asker_load(&p->asker, record);
    case RECORD_KNOWN:
        storecheck_load(&p->check, record);
        return true;
    case RECORD_NONE:
    case RECORD_KINDS_END:
        break;
    }
    must(false);
}

static enum peer_recovery check_header(const struct peer *p, const struct votelog_header *header)
{
    const struct peer_config *config = &p->core.config;
    static const struct cluster_id unbound;
    bool fresh = memcmp(header->cluster.bytes, unbound.bytes, DIGEST_SIZE) == 0;
    if (!fresh && (memcmp(header->cluster.bytes, config->cluster.bytes, DIGEST_SIZE) != 0 ||
                   header->slot != config->self))
        return RECOVERY_FOREIGN;
    return RECOVERED;
}

/* Whether the roster names this store, or it is known to be one that does not vote. */
static bool store_named(const struct peer *p, const struct store_id *store)
{
    const struct peer_config *config = &p->core.config;
    int index = roster_find(config->roster, config->self);
    return p->store_lost ||
           memcmp(config->roster->nodes[index].store.bytes, store->bytes, STORE_ID_SIZE) == 0;
}

enum peer_recovery peer_recover(struct peer *p, const uint8_t *bytes, size_t size)
{
    struct votelog_reader reader;
    struct votelog_record entry;
    enum votelog_verdict verdict = votelog_open(&reader, bytes, size);
    if (verdict != VOTELOG_RECORD)
        return RECOVERY_LOST;
    if (check_header(p, &reader.header) != RECOVERED)
        return RECOVERY_FOREIGN;
    struct journal *j = &p->core.journal;
    j->store = reader.header.store;
    j->lsn = reader.header.first_lsn - 1;
    while ((verdict = votelog_next(&reader, &entry)) == VOTELOG_RECORD) {
        struct record record;
        if (!record_decode(&record, entry.payload))
            return RECOVERY_LOST; /* checks out, but says nothing: written by another build */
        if (!load(p, &record, entry.lsn))
            return RECOVERY_TOO_LARGE;
        j->lsn = entry.lsn;
    }
    if ((verdict != VOTELOG_END && verdict != VOTELOG_TORN) || !store_named(p, &j->store))
        return RECOVERY_LOST;
    /* L6: only the snapshot is known to be synced. What follows may be in the kernel's memory
     * alone, and is not spoken of before the first segment of this run is durable. */
    j->durable = reader.header.base_lsn;
    p->core.outbox.durable = j->durable;
    return verdict == VOTELOG_TORN ? RECOVERED_TORN : RECOVERED;
}

void peer_recover_lost(struct peer *p, const struct store_id *store)
{
    p->store_lost = true;
    p->core.journal.store = *store;
}

/* --- Life and store --- */

/* A lost store never votes again, also after a restart: that is written into it. */
static void lose_store(struct peer *p, enum store_state state)
{
    p->core.store = state;
    p->store_lost = true;
}

/* L7: enough others have answered. */
static void check_done(struct peer *p)
{
    struct core *c = &p->core;
    const struct vitals *highest = &p->check.highest;
    /* A life above the present one cannot be an echo of this run: a later run took it. */
    bool behind =
        storecheck_behind(&p->check, p->before.life) || (c->life && p->check.seen_life > c->life);
    if (behind && !p->store_lost && !MUTANT(16)) { /* "amnesiac votes under its old identity" */
        told_notice(&c->told, NOTICE_STORE_BEHIND)->number = highest->commits;
        lose_store(p, STORE_BEHIND);
    }
    p->unchecked = false;
    struct record record = {.kind = RECORD_STORE,
                            .store = {.adopted = p->adopted, .lost = p->store_lost}};
    p->checked_lsn = journal_append(&c->journal, &record, true);
    if (c->store == STORE_CHECKING) {
        c->store = STORE_VOTING;
        told_notice(&c->told, NOTICE_STORE_CHECKED);
    }
    uint64_t seen = p->check.seen_life;
    fencing_checked(&p->fencing, c->now, behind, highest->life > seen ? highest->life : seen);
}

void peer_start(struct peer *p, struct instant now)
{
    struct core *c = &p->core;
    c->now = now;
    p->started = true;
    if (p->store_lost && !MUTANT(16))
        c->store = STORE_LOST;
    if (!p->unchecked)
        p->before = (struct vitals){.life = p->fencing.life.recovered, .commits = c->journal.lsn};
    p->unchecked = true;
    storecheck_start(&p->check, now, p->before.commits);
    fencing_start(&p->fencing, now, p->store_lost);
    asker_start(&p->asker, now);
    voter_start(&p->voter, now);
    link_start(&p->link, now);
    /* What was read may never have been synced by the run that wrote it: write it all anew. */
    c->journal.segment_wanted = true;
    c->journal.sync_wanted = true;
    if (storecheck_done(&p->check))
        check_done(p);
    fencing_durable(&p->fencing, now); /* a life that was found durable goes on at once */
}

/* --- Events --- */

/* What names the sender's life is a sign that it goes on. */
static void note_life(struct peer *p, uint16_t from, const struct message *m)
{
    uint64_t life = m->type == WIRE_PING    ? m->ping.life
                    : m->type == WIRE_ACK   ? m->ack.life
                    : m->type == WIRE_RENEW ? m->renew.life
                                            : 0;
    if (life)
        fencing_heard(&p->fencing, p->core.now, from, life);
}

/* A juror says that another agent answers under this node's key. A quorum of them makes this one
 * abstain, as all others do that hear both. */
static void take_cloned(struct peer *p, uint16_t from, const struct wire_cloned *m)
{
    struct core *c = &p->core;
    int juror = jury_find(&c->jury, from);
    if (juror < 0) {
        c->counters.drop_role++;
        return;
    }
    clone_self_told(&p->clone, c->now, (size_t)juror);
    p->clone.at[0] = m->one;
    p->clone.at[1] = m->other;
}

/* Whether this node runs twice, as of now. */
static void judge_self(struct peer *p)
{
    struct core *c = &p->core;
    bool cloned = clone_self_is(&p->clone, &c->jury, c->now, core_detect(c)) &&
                  !MUTANT(96); /* "a cloned node does not abstain" */
    if (cloned == c->cloned)
        return;
    c->cloned = cloned;
    if (cloned)
        coordinator_stop(&p->coordinator);
    struct notice *n = told_notice(&c->told, NOTICE_CLONE);
    n->slot = core_self(c);
    n->number = cloned ? 2 : 1;
    memcpy(n->at, p->clone.at, sizeof n->at);
}

static void dispatch(struct peer *p, uint16_t from, const struct message *m)
{
    struct instant now = p->core.now;
    switch (door_of(m->type)) {
    case DOOR_EDGE:
        link_edge(&p->link, now, from, m);
        break;
    case DOOR_SWIM:
        swim_take(p->core.swim, now, from, m);
        break;
    case DOOR_CHECK:
        if (storecheck_take(&p->check, now, from, m))
            check_done(p);
        break;
    case DOOR_VOTER:
        voter_take(&p->voter, from, m);
        break;
    case DOOR_COORDINATOR:
        coordinator_take(&p->coordinator, now, from, m);
        break;
    case DOOR_DOUBT_ANSWERS:
        if (juror_asked(&m->doubt_answer))
            fencing_take(&p->fencing, now, from, m);
        else
            coordinator_take(&p->coordinator, now, from, m);
        break;
    case DOOR_DOUBTS:
        doubts_take(&p->doubts, now, from, m);
        break;
    case DOOR_ASKER:
        asker_take(&p->asker, now, from, m);
        break;
    case DOOR_FENCING:
        fencing_take(&p->fencing, now, from, m);
        break;
    case DOOR_CLONE:
        take_cloned(p, from, &m->cloned);
        break;
    case DOOR_NONE:
        p->core.counters.drop_malformed++;
        break;
    }
}

static void take_message(struct peer *p, uint16_t from, const struct message *m)
{
    p->core.counters.messages_in++;
    if (p->tap)
        p->tap(p->tap_context, false, from, m);
    if (link_is_double(&p->link, from) && !door_is_membership(door_of(m->type))) {
        p->core.counters.drop_cloned++;
        return;
    }
    note_life(p, from, m);
    dispatch(p, from, m);
}

static void take_fragment(struct peer *p, uint16_t from, const struct wire_fragment *f)
{
    struct view whole;
    struct message m;
    if (!link_reassemble(&p->link, from, f, &whole))
        return;
    struct reader r = reader_init(whole.bytes, whole.size);
    if (!wire_decode(&m, &r) || !reader_done(&r))
        p->core.counters.drop_malformed++;
    else
        take_message(p, from, &m);
}

static void note_heard(struct peer *p, const struct link_messages *messages)
{
    swim_heard(p->core.swim, p->core.now, messages->from);
    if (messages->connected)
        swim_connected(p->core.swim, p->core.now, messages->from);
}

static void take_whole_or_part(struct peer *p, const struct link_messages *messages,
                               const struct message *m)
{
    p->link.came_via = messages->via;
    if (m->type == WIRE_FRAGMENT)
        take_fragment(p, messages->from, &m->fragment);
    else
        take_message(p, messages->from, m);
}

/* Perhaps it is for this node: then it is a datagram of its own, from its author. */
static void take_relay(struct peer *p, uint16_t carrier, const struct message *relay)
{
    struct link_messages messages;
    p->core.counters.messages_in++;
    if (p->tap)
        p->tap(p->tap_context, false, carrier, relay);
    if (!link_relay(&p->link, p->core.now, carrier, &relay->relay, &messages))
        return;
    note_heard(p, &messages);
    while (reader_left(&messages.reader) > 0) {
        struct message m;
        bool ok = wire_decode(&m, &messages.reader);
        must(ok); /* link_relay has decoded them all */
        take_whole_or_part(p, &messages, &m);
    }
}

static void take_datagram(struct peer *p, const struct event *event)
{
    struct link_messages messages;
    if (!link_open(&p->link, p->core.now, event->datagram, &event->source, &messages))
        return;
    note_heard(p, &messages);
    while (reader_left(&messages.reader) > 0) {
        struct message m;
        bool ok = wire_decode(&m, &messages.reader);
        must(ok); /* link_open has decoded them all */
        if (m.type == WIRE_RELAY)
            take_relay(p, messages.from, &m);
        else
            take_whole_or_part(p, &messages, &m);
    }
}

static void take_durable(struct peer *p, uint64_t lsn)
{
    struct core *c = &p->core;
    must(lsn <= c->journal.lsn);
    if (lsn <= c->journal.durable || c->journal.failed)
        return;
    c->journal.durable = lsn;
    journal_written(&c->journal, lsn);
    outbox_durable(&c->outbox, lsn);
    asker_durable(&p->asker);
    fencing_durable(&p->fencing, c->now);
}

/* L6: after a failed sync the process votes no more. Its shards go to whoever takes them. */
static void take_sync_failure(struct peer *p)
{
    struct core *c = &p->core;
    if (c->journal.failed)
        return;
    if (MUTANT(44)) { /* "fsync error retried and acknowledged" */
        take_durable(p, c->journal.lsn);
        return;
    }
    c->journal.failed = true;
    c->store = STORE_FAILED;
    outbox_drop_held(&c->outbox);
    outbox_drop_ready(&c->outbox);
    coordinator_stop(&p->coordinator);
    asker_sync_failed(&p->asker, p->core.now);
    told_notice(&c->told, NOTICE_SYNC_FAILED);
}

static void take_time(struct peer *p)
{
    struct core *c = &p->core;
    if (instant_reached(p->core.now, swim_deadline(c->swim)))
        swim_step(c->swim, p->core.now);
    if (instant_reached(p->core.now, storecheck_deadline(&p->check)))
        storecheck_step(&p->check, p->core.now);
    if (instant_reached(p->core.now, doubts_deadline(&p->doubts)))
        doubts_step(&p->doubts, p->core.now);
    if (instant_reached(p->core.now, coordinator_deadline(&p->coordinator)))
        coordinator_step(&p->coordinator, p->core.now);
    if (instant_reached(p->core.now, asker_deadline(&p->asker)))
        asker_step(&p->asker, p->core.now);
    fencing_step(&p->fencing, p->core.now);
}

static void take_changes(struct peer *p)
{
    struct swim_change change;
    while (swim_next_change(p->core.swim, &change)) {
        told_notice(&p->core.told, NOTICE_MEMBER)->change = change;
        if (change.after == MEMBER_DEAD || change.after == MEMBER_LEFT)
            asker_refused(&p->asker, p->core.now, change.slot);
        if (change.after == MEMBER_ALIVE)
            forget_member(&p->coordinator, p->core.now, change.slot);
        fencing_member(&p->fencing, p->core.now, &change);
    }
    bool hushed = swim_hushed(p->core.swim);
    if (hushed != p->hushed)
        told_notice(&p->core.told, NOTICE_HUSH)->number = hushed;
    p->hushed = hushed;
    struct edge_change edge;
    while (swim_next_edge(p->core.swim, &edge)) {
        struct notice *n = told_notice(&p->core.told, NOTICE_REACH);
        n->slot = edge.slot;
        n->number = !edge.unreachable;
    }
}

/* What was handed out with the last effects was carried out. A turn that begins long after it was
 * due says that this node was paused, or starved: a juror's evidence of that time is void (F2d). */
static void clear_handed(struct peer *p)
{
    struct core *c = &p->core;
    if (span_between(p->due, c->now).ns > late_span_of(core_detect(c)).ns)
        c->late_at = c->now;
    p->handed = false;
    executor_taken(&p->fencing.executor);
    armory_taken(&p->fencing.armory);
    told_clear(&p->core.told);
    journal_taken(&p->core.journal);
    asker_sweep(&p->asker);
}

static void begin_turn(struct peer *p, struct instant now)
{
    struct core *c = &p->core;
    must(p->started);
    c->now = now.ns > c->now.ns ? now : c->now;
    if (p->handed)
        clear_handed(p);
    renewing_pass(&p->asker, c->now);
}

/* What the event brought is carried on, until nothing follows from it any more. */
static void settle(struct peer *p)
{
    judge_self(p);
    take_changes(p);
    fencing_settle(&p->fencing, p->core.now);
}

/* `left` frees nothing (M2), and hides that somebody is gone who still holds: so it is said only by
 * whoever holds nothing. Another may restart under its holds (proto/away.h). */
static void leave(struct peer *p)
{
    coordinator_stop(&p->coordinator);
    delegating_close(&p->asker, p->core.now);
    if (asker_holds_nothing(&p->asker))
        swim_leave(p->core.swim, p->core.now);
    else
        swim_away(p->core.swim);
}

void peer_step(struct peer *p, struct instant now, const struct event *event)
{
    begin_turn(p, now);
    switch (event->kind) {
    case EVENT_DATAGRAM:
        take_datagram(p, event);
        break;
    case EVENT_DURABLE:
        take_durable(p, event->lsn);
        break;
    case EVENT_WRITTEN:
        journal_written(&p->core.journal, event->lsn);
        break;
    case EVENT_SYNC_FAILED:
        take_sync_failure(p);
        break;
    case EVENT_REFUSED:
        doubts_refused(&p->doubts, event->slot);
        asker_refused(&p->asker, p->core.now, event->slot);
        break;
    case EVENT_TICK:
        take_time(p);
        break;
    case EVENT_ACQUIRE:
        asker_acquire(&p->asker, p->core.now, event);
        break;
    case EVENT_DROP:
        asker_drop(&p->asker, p->core.now, event);
        break;
    case EVENT_CHANGE:
        asker_change(&p->asker, p->core.now, event);
        break;
    case EVENT_SHOW:
        asker_show(&p->asker, p->core.now, event);
        break;
    case EVENT_SUBMIT:
        fencing_submit(&p->fencing, p->core.now, event);
        break;
    case EVENT_EXECUTED:
        executor_ran(&p->fencing.executor, p->core.now, event);
        break;
    case EVENT_LEAVE:
        leave(p);
        break;
    case EVENT_INHIBIT:
        fencing_inhibit(&p->fencing, p->core.now, event);
        break;
    case EVENT_FENCE:
    case EVENT_HEAR:
        fencing_ask(&p->fencing, p->core.now, event);
        break;
    }
    settle(p);
}

/* --- Effects --- */

/* A message to this node itself takes the same way as any other, without being sealed. */
static void deliver_local(struct peer *p, struct view bytes)
{
    struct message m;
    memcpy(p->local, bytes.bytes, bytes.size);
    struct reader r = reader_init(p->local, bytes.size);
    bool ok = wire_decode(&m, &r);
    must(ok);
    if (p->tap)
        p->tap(p->tap_context, true, core_self(&p->core), &m);
    take_message(p, core_self(&p->core), &m);
}

static void tap_sent(struct peer *p, uint16_t to, struct view bytes)
{
    struct message m;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (wire_decode(&m, &r))
        p->tap(p->tap_context, true, to, &m);
}

/* Moves what is ready into datagrams, as long as there is room. */
static void drain_outbox(struct peer *p)
{
    struct outbox_entry entry;
    for (int n = 0; n < DISPATCH_MAX && link_has_room(&p->link); n++) {
        if (!outbox_next(&p->core.outbox, &entry))
            return;
        if (entry.to == core_self(&p->core)) {
            deliver_local(p, entry.bytes);
            continue;
        }
        if (p->tap && link_connected(&p->link, entry.to))
            tap_sent(p, entry.to, entry.bytes);
        link_put(&p->link, entry.to, entry.bytes);
    }
}

void peer_effects(struct peer *p, struct instant now, struct effects *out)
{
    struct core *c = &p->core;
    begin_turn(p, now);
    /* Before the check is done, durably, we say nothing: others must tell what they knew before
     * this run, or before the first one that was not checked (L7). */
    if (p->checked_lsn && c->journal.durable >= p->checked_lsn)
        swim_set_vitals(c->swim, c->journal.durable, p->asker.reserved);
    drain_outbox(p);
    settle(p);
    storecheck_note(&p->check);
    asker_tell(&p->asker);
    memset(out, 0, sizeof *out);
    out->datagram_count = link_flush(&p->link, p->core.now, &out->datagrams);
    out->segment_wanted = c->journal.segment_wanted;
    if (!out->segment_wanted)
        out->records = (struct view){c->journal.bytes, c->journal.size};
    out->lsn = c->journal.lsn;
    out->sync_wanted = c->journal.sync_wanted;
    out->write_wanted = c->journal.write_wanted;
    out->answers = c->told.answers;
    out->answer_count = c->told.answer_count;
    out->notices = c->told.notices;
    out->notice_count = c->told.notice_count;
    out->runs = p->fencing.executor.runs;
    out->run_count = p->fencing.executor.run_count;
    out->steps = (struct view){c->told.steps, c->told.steps_size};
    out->steps_dropped = c->told.steps_dropped;
    out->pet = p->fencing.armory.pet;
    out->pet_until = p->fencing.armory.pet_until;
    c->counters.drop_outbox_full = c->outbox.dropped_full;
    p->due = peer_deadline(p);
    p->handed = true;
}

bool peer_pending(const struct peer *p)
{
    const struct outbox *o = &p->core.outbox;
    return o->ready_start < o->ready_end || asker_owes_now(&p->asker);
}

struct instant peer_deadline(const struct peer *p)
{
    if (p->handed && p->due.ns)
        return p->due; /* nothing has changed since it was worked out */
    struct instant at = swim_deadline(p->core.swim);
    at = instant_earlier(at, storecheck_deadline(&p->check));
    at = instant_earlier(at, doubts_deadline(&p->doubts));
    at = instant_earlier(at, coordinator_deadline(&p->coordinator));
    at = instant_earlier(at, asker_deadline(&p->asker));
    at = instant_earlier(at, fencing_deadline(&p->fencing));
    return instant_earlier(at, link_deadline(&p->link));
}
