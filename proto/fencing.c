/* Fencing: see fencing.h. */
#include "proto/fencing.h"

#include "proto/fence_told.h"
#include "proto/must.h"
#include "proto/mutant.h"

#define ALARM_WAIT SPAN_MS(1000)
#define LATE_SPAN  SPAN_MS(5000) /* datagrams may come so late: no alarm for them (T2) */

enum { ALIGNMENT = 16 };

static size_t aligned(size_t size)
{
    return (size + ALIGNMENT - 1) & ~(size_t)(ALIGNMENT - 1);
}

size_t fencing_bytes(const struct peer_config *config)
{
    return aligned(signs_bytes(config)) + aligned(proofs_bytes(config)) +
           aligned(docket_bytes(config)) + aligned(juror_bytes(config)) +
           aligned(accuser_bytes(config)) + aligned(inhibitors_bytes(config)) +
           aligned(armory_bytes(config)) + aligned(vigil_bytes(config)) +
           aligned(ended_bytes(config)) + aligned(scopes_bytes(config)) +
           aligned(executor_bytes(config));
}

static void *carve(uint8_t **at, size_t size)
{
    uint8_t *p = *at;
    *at += aligned(size);
    return p;
}

void fencing_init(struct fencing *f, struct core *core, struct asker *asker,
                  struct coordinator *coordinator, void *memory)
{
    const struct peer_config *config = &core->config;
    uint8_t *at = memory;
    *f = (struct fencing){.core = core, .asker = asker, .coordinator = coordinator};
    jury_init(&core->jury, config->roster);
    signs_init(&f->signs, core, carve(&at, signs_bytes(config)));
    proofs_init(&f->proofs, core, &f->signs, carve(&at, proofs_bytes(config)));
    docket_init(&f->docket, core, &f->proofs, carve(&at, docket_bytes(config)));
    juror_init(&f->juror, core, &f->signs, carve(&at, juror_bytes(config)));
    accuser_init(&f->accuser, core, &f->docket, &f->proofs, carve(&at, accuser_bytes(config)));
    inhibitors_init(&f->inhibitors, core, carve(&at, inhibitors_bytes(config)));
    hearing_init(&f->hearing, core, &f->signs);
    ended_init(&f->ended, core, carve(&at, ended_bytes(config)));
    scopes_init(&f->scopes, &f->juror, carve(&at, scopes_bytes(config)));
    f->juror.scopes = &f->scopes;
    standing_init(&f->standing, core);
    life_init(&f->life, core, &f->proofs);
    executor_init(&f->executor, core, &f->docket, &f->proofs, carve(&at, executor_bytes(config)));
    armory_init(&f->armory, core, &f->juror, asker, carve(&at, armory_bytes(config)));
    vigil_init(&f->vigil, core, &f->accuser, &f->proofs, carve(&at, vigil_bytes(config)));
    core->proofs = &f->proofs;
    core->ended = &f->ended;
    core->standing = &f->standing;
    core->docket = &f->docket;
    core->accuser = &f->accuser;
    core->inhibitors = &f->inhibitors;
    core->armory = &f->armory;
    core->vigil = &f->vigil;
}

/* --- The log --- */

bool fencing_load(struct fencing *f, const struct record *record, uint64_t lsn)
{
    if (record->kind == RECORD_LIFE)
        life_load(&f->life, &record->life);
    juror_load(&f->juror, record, lsn);
    armory_load(&f->armory, record, lsn);
    inhibitors_load(&f->inhibitors, record, lsn);
    return executor_load(&f->executor, record) && proofs_load(&f->proofs, record, lsn) &&
           docket_load(&f->docket, record, lsn);
}

size_t fencing_records(const struct fencing *f)
{
    return f->core->config.roster->node_count * 5 + f->docket.count * (2 + FENCE_REPORTS_MAX) +
           f->executor.count + INHIBITORS_MAX + ENDED_MAX + 2 * SCOPES_MAX;
}

/* The next one of the present part; false when it has no more. */
static bool next_of_part(const struct fencing *f, struct fencing_cursor *c, struct record *out)
{
    size_t nodes = f->core->config.roster->node_count;
    while (c->part == 0 && c->index < nodes) {
        if (juror_record(&f->juror, c->index, &c->step, out))
            return true;
        c->index++;
        c->step = 0;
    }
    /* What is over makes room in the tables that come behind, as it did when they were filled. */
    while (c->part == 1 && c->index < nodes)
        if (proofs_record(&f->proofs, c->index++, out))
            return true;
    while (c->part == 2 && c->index < ENDED_MAX)
        if (ended_record(&f->ended, c->index++, out))
            return true;
    while (c->part == 3 && c->index < f->docket.count) {
        if (docket_record(&f->docket, c->index, &c->step, out, c->bytes))
            return true;
        c->index++;
        c->step = 0;
    }
    while (c->part == 4 && c->index < f->executor.count)
        if (executor_record(&f->executor, c->index++, out))
            return true;
    while (c->part == 5 && c->index < INHIBITORS_MAX)
        if (inhibitors_record(&f->inhibitors, c->index++, out))
            return true;
    while (c->part == 6 && c->index < nodes)
        if (armory_record(&f->armory, c->index++, out, c->bytes))
            return true;
    while (c->part == 7 && c->index < SCOPES_MAX) {
        if (scopes_record(&f->scopes, c->index, &c->step, out))
            return true;
        c->index++;
        c->step = 0;
    }
    return false;
}

bool fencing_record(const struct fencing *f, struct fencing_cursor *cursor, struct record *out)
{
    enum { PARTS = 8 };
    while (cursor->part < PARTS) {
        if (next_of_part(f, cursor, out))
            return true;
        cursor->part++;
        cursor->index = 0;
        cursor->step = 0;
    }
    return false;
}

/* What administrators inhibit is another thing now: what this node has to do about it itself. */
static void inhibitors_changed(struct fencing *f, struct instant now)
{
    bool drains = inhibitors_drain(&f->inhibitors, now, core_self(f->core));
    if (drains != f->asker->drained)
        asker_drain(f->asker, now, drains);
}

/* --- Lives --- */

/* What binds the present life, out of the docket. */
static void look_bound(struct fencing *f)
{
    uint16_t self = core_self(f->core);
    f->standing.ordered = docket_binds(&f->docket, self, f->core->life);
    f->standing.scoped = docket_binds_session(&f->docket, self, f->core->life);
}

/* Another life is this node's: nothing of the one before is this one's. */
static void life_changed(struct fencing *f, struct instant now)
{
    asker_end_life(f->asker);
    standing_reset(&f->standing, now);
    look_bound(f);
    armory_life_changed(&f->armory, now);
    executor_look(&f->executor, now); /* it was bound, and may act again */
}

/* F7: this life is over as soon as nothing acts under it: all is stopped, nothing new begins, and
 * it surrenders; if it cannot in time, the watchdog fires. */
static void spend(struct fencing *f, struct instant now)
{
    f->standing.spent = true;
    f->spend = false;
    asker_lost(f->asker, now, LOST_STANDING);
    asker_bound(f->asker, now);
}

void fencing_start(struct fencing *f, struct instant now, bool store_lost)
{
    uint64_t before = f->core->life;
    proofs_start(&f->proofs, now);
    ended_start(&f->ended, now);
    docket_start(&f->docket, now);
    juror_start(&f->juror, now);
    inhibitors_start(&f->inhibitors, now);
    hearing_start(&f->hearing, now);
    life_start(&f->life, now, store_lost);
    if (f->core->life != before)
        asker_end_life(f->asker);
    standing_reset(&f->standing, now);
    look_bound(f);
    f->obey = (f->standing.ordered || f->standing.scoped) && !MUTANT(183); /* "is forgotten" */
    f->spend = armory_start(&f->armory, now);
    executor_look(&f->executor, now);
    inhibitors_changed(f, now);
}

void fencing_checked(struct fencing *f, struct instant now, bool behind, uint64_t seen)
{
    uint64_t before = f->core->life;
    life_checked(&f->life, now, behind, seen);
    if (f->core->life != before)
        life_changed(f, now);
    if (f->core->life != before && !f->life.ends)
        armory_bar(&f->armory);
    executor_look(&f->executor, now); /* orders that were found in the store (F9) */
}

void fencing_durable(struct fencing *f, struct instant now)
{
    if (life_durable(&f->life))
        swim_start(f->core->swim, now, f->core->life, &f->core->life_nonce);
    executor_step(&f->executor, now);
}

/* F2, F3: it gives its life up as soon as it holds nothing. In this order (F6a): every stop set was
 * seen empty, for the driver has dropped every hold; the number is durable; the end is stated. */
static void surrender(struct fencing *f, struct instant now)
{
    struct core *c = f->core;
    if (!standing_bound(&f->standing) || !c->life_known || c->journal.failed ||
        !asker_holds_nothing(f->asker))
        return;
    life_surrender(&f->life, now);
    life_changed(f, now);
}

/* --- News --- */

static void standing_changed(struct fencing *f, struct instant now, enum standing_change change)
{
    bool has = change == STANDING_GAINED || change == STANDING_SAVED;
    if (change == STANDING_SAME)
        return;
    if (!(change == STANDING_GONE && f->standing.gone))
        told_notice(&f->core->told, NOTICE_STANDING)->number = has                         ? 1
                                                               : change == STANDING_RISKED ? 2
                                                                                           : 0;
    f->standing.gone = change == STANDING_GONE;
    if (has)
        asker_standing_gained(f->asker, now);
    if (has || change == STANDING_RISKED)
        asker_warn(f->asker, !has);
    if (change == STANDING_GONE && armed_here(f->core))
        spend(f, now);
    else if (change == STANDING_GONE && f->core->config.stop_on_isolation)
        asker_lost(f->asker, now, LOST_STANDING);
}

/* F3, of orders about sessions of this life: these lose their locks at once, and the life takes no
 * new one; it ends when it holds nothing. */
static void obey_for_sessions(struct fencing *f, struct instant now)
{
    struct core *c = f->core;
    for (size_t i = 0; i < f->docket.count; i++) {
        const struct docket_entry *e = &f->docket.entries[i];
        if (!e->used || e->slot != core_self(c) || e->life != c->life || !e->scope.session)
            continue;
        if (!f->standing.scoped)
            told_notice(&c->told, NOTICE_BOUND)->number = c->life;
        f->standing.scoped = true;
        asker_lost_session(f->asker, now, &e->scope);
    }
    if (f->standing.scoped)
        asker_bound(f->asker, now);
}

/* An order is in the docket that was not: it may bind this node, or be this node's to carry out. */
static void order_news(struct fencing *f, struct instant now)
{
    struct core *c = f->core;
    if (!f->standing.ordered && docket_binds(&f->docket, core_self(c), c->life)) {
        f->standing.ordered = true; /* F3: it obeys at once, even if all is well again */
        struct notice *n = told_notice(&c->told, NOTICE_BOUND);
        n->number = c->life;
        asker_lost(f->asker, now, LOST_ORDER);
    }
    obey_for_sessions(f, now);
    executor_look(&f->executor, now);
    coordinator_tell(f->coordinator);
}

static void proof_news(struct fencing *f, struct instant now, uint16_t slot)
{
    const struct proof_entry *e = proofs_of(&f->proofs, slot);
    if (e)
        fence_told_proof(f->core, (struct view){e->bytes, e->size});
    docket_proof(&f->docket, slot);
    if (e)
        ended_forget(&f->ended, slot, e->covers);
    juror_proof(&f->juror, slot);
    executor_look_soon(&f->executor, now);
    coordinator_proof(f->coordinator, now);
    struct notice *n = told_notice(&f->core->told, NOTICE_PROOF);
    n->slot = slot;
    n->number = e ? e->covers : 0;
    n->executed = e && e->executed;
}

static void ended_news(struct fencing *f, struct instant now, const struct ended_entry *e)
{
    fence_told_proof(f->core, (struct view){e->bytes, e->size});
    docket_ended(&f->docket, e);
    executor_look_soon(&f->executor, now);
    coordinator_proof(f->coordinator, now);
    struct notice *n = told_notice(&f->core->told, NOTICE_ENDED);
    n->slot = e->slot;
    n->number = e->life;
}

void fencing_settle(struct fencing *f, struct instant now)
{
    uint16_t slot;
    const struct ended_entry *e;
    while (proofs_next_fresh(&f->proofs, &slot))
        proof_news(f, now, slot);
    while ((e = ended_next_fresh(&f->ended)))
        ended_news(f, now, e);
    if (!f->core->life_known && life_counts(&f->life, now))
        armory_life_changed(&f->armory, now);
    if (f->obey) { /* F3, also after a restart */
        f->obey = false;
        if (f->standing.ordered)
            asker_lost(f->asker, now, LOST_ORDER);
        obey_for_sessions(f, now);
    }
    if (f->spend) /* by now the asker has started */
        spend(f, now);
    surrender(f, now);
    armory_step(&f->armory, now);
}

/* F6: whoever hears a life after a receipt for it raises the alarm, and sends it the order. */
static void heard_after_receipt(struct fencing *f, struct instant now, uint16_t slot, uint64_t life)
{
    const struct proof_entry *e = proofs_of(&f->proofs, slot);
    if (!e || !e->executed || e->covers < life || !instant_reached(now, f->alarm_at) ||
        span_between(e->at, now).ns < LATE_SPAN.ns)
        return;
    f->alarm_at = instant_after(now, ALARM_WAIT);
    f->core->counters.alarms++;
    fence_told_alarm(f->core, slot, life);
    struct notice *n = told_notice(&f->core->told, NOTICE_ALARM);
    n->slot = slot;
    n->number = life;
    const struct docket_entry *order = docket_find(&f->docket, slot, e->covers);
    if (order)
        docket_send(&f->docket, slot, order);
}

/* Its agent lives, while a session of it was ended by another: it may not know, and then its locks
 * go on being believed there. */
static void remind(struct fencing *f, struct instant now, uint16_t slot, uint64_t life)
{
    if (!instant_reached(now, f->remind_at) || !ended_any(&f->ended, slot, life))
        return;
    f->remind_at = instant_after(now, ALARM_WAIT);
    for (size_t i = 0; i < f->docket.count; i++) {
        const struct docket_entry *e = &f->docket.entries[i];
        if (e->used && e->slot == slot && e->life == life && e->scope.session)
            docket_send(&f->docket, slot, e);
    }
}

void fencing_heard(struct fencing *f, struct instant now, uint16_t slot, uint64_t life)
{
    if (slot == core_self(f->core) || life == 0)
        return;
    signs_heard(&f->signs, now, slot, life);
    juror_heard(&f->juror, now, slot, life);
    heard_after_receipt(f, now, slot, life);
    remind(f, now, slot, life);
}

void fencing_member(struct fencing *f, struct instant now, const struct swim_change *change)
{
    if (change->after == MEMBER_ALIVE) {
        proofs_alive(&f->proofs, now);
        inhibitors_alive(&f->inhibitors, now, change->slot);
        ended_alive(&f->ended, now);
        life_alive(&f->life, now);
    } else if (change->after != MEMBER_UNKNOWN) { /* suspect, dead, or it left */
        coordinator_gone(f->coordinator, now);
        if (change->after == MEMBER_DEAD) {
            juror_dead(&f->juror, now, change->slot, change->life);
            coordinator_tell(f->coordinator);
        }
    }
}

/* --- Messages --- */

static void acknowledge(struct fencing *f, uint16_t to, const struct proof *proof)
{
    uint64_t life;
    const struct scope *scope = proof_scope(proof, &life);
    const struct ended_entry *e =
        scope ? ended_of(&f->ended, proof_slot(proof), life, scope) : NULL;
    if (e)
        ended_acknowledge(&f->ended, to, e);
    else if (!scope)
        proofs_acknowledge(&f->proofs, to, proof_slot(proof));
    else /* its whole life is over, and that is all that there is to know */
        proofs_send(&f->proofs, to, proof_slot(proof));
}

static void take_proof(struct fencing *f, struct instant now, uint16_t from, struct view bytes)
{
    struct proof proof;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (proofs_offer(&f->proofs, now, bytes, NULL) != PROOFS_REFUSED) {
        if (from != core_self(f->core) && proof_decode(&proof, &r) &&
            (!f->juror.serves || core_votes(f->core))) /* L7: a juror speaks out of its store */
            acknowledge(f, from, &proof);
        return;
    }
    /* Refused since that life is still heard: it may lack the order that binds it (F6). */
    if (!proof_decode(&proof, &r))
        return;
    uint64_t life = proof_covers(&proof);
    const struct scope *scope = proof_scope(&proof, &life);
    const struct docket_entry *order =
        docket_find_scope(&f->docket, proof_slot(&proof), life, scope ? scope : &scope_none);
    if (order && order->slot != core_self(f->core))
        docket_send(&f->docket, order->slot, order);
}

static void take_order(struct fencing *f, struct instant now, uint16_t from,
                       const struct wire_order *m)
{
    struct order_cert cert;
    struct reader r = reader_init(m->cert.bytes, m->cert.size);
    enum docket_news news = docket_offer(&f->docket, now, m->cert, m->story, NULL);
    if (news == DOCKET_NEW)
        order_news(f, now);
    if (!order_cert_decode(&cert, &r))
        return;
    if (news == DOCKET_REFUSED) { /* that life is over, perhaps: whoever sent it may not know */
        proofs_send(&f->proofs, from, cert.order.slot);
        return;
    }
    const struct docket_entry *e =
        docket_find_scope(&f->docket, cert.order.slot, cert.order.life, &cert.order.scope);
    must(e);
    docket_acknowledge(&f->docket, from, e);
}

static void take_story(struct fencing *f, uint16_t from, const struct wire_story *m)
{
    const struct docket_entry *e = docket_story(&f->docket, m);
    if (e)
        docket_acknowledge(&f->docket, from, e);
}

static void take_report(struct fencing *f, struct instant now, uint16_t from,
                        const struct wire_exec_report *m)
{
    if (!docket_report(&f->docket, now, from, m))
        return;
    if (m->stage == RUN_DONE) /* a driver that failed may have its effect late: the window stays */
        juror_run_over(&f->juror, now, from, m);
    if (m->stage == RUN_FAILED && from != core_self(f->core)) {
        struct notice *n = told_notice(&f->core->told, NOTICE_RUN_FAILED);
        n->slot = m->slot;
        n->number = m->life;
        n->other = from;
    }
    executor_look(&f->executor, now);
    coordinator_tell(f->coordinator);
}

static void take_standing(struct fencing *f, struct instant now, uint16_t from,
                          const struct message *m)
{
    bool bound = standing_bound(&f->standing);
    standing_changed(f, now, standing_take(&f->standing, now, from, m));
    if (!bound && standing_bound(&f->standing))
        asker_bound(f->asker, now);
}

static void take_life_stored(struct fencing *f, struct instant now, uint16_t from,
                             const struct wire_life_stored *m)
{
    uint64_t before = f->core->life;
    life_take_stored(&f->life, now, from, m);
    if (f->core->life != before) { /* by a life that this store knows nothing of */
        life_changed(f, now);
        armory_bar(&f->armory);
    }
}

/* --- What administrators inhibit --- */

static void take_inhibit(struct fencing *f, struct instant now, uint16_t from,
                         const struct wire_inhibit *m)
{
    if (inhibitors_take(&f->inhibitors, now, from, m, asker_held(f->asker)))
        inhibitors_changed(f, now);
}

void fencing_inhibit(struct fencing *f, struct instant now, const struct event *event)
{
    const char *why;
    bool said = inhibitors_say(&f->inhibitors, now, event, &why);
    if (said)
        inhibitors_changed(f, now);
    struct answer *answer = told_answer(&f->core->told, said ? ANSWER_SUBMITTED : ANSWER_REFUSED,
                                        event->inhibit.handle);
    if (answer)
        answer->text = said ? "said to all" : why;
    else
        f->core->counters.drop_effects_full++;
}

/* --- What operators ask --- */

void fencing_ask(struct fencing *f, struct instant now, const struct event *event)
{
    uint16_t slot = event->fence.slot;
    uint64_t life = event->fence.life;
    const char *why = NULL;
    must(roster_find(f->core->config.roster, slot) >= 0);
    if (event->kind == EVENT_HEAR)
        hearing_begin(&f->hearing, now, slot, life);
    else if (proofs_covers(&f->proofs, slot) >= life)
        why = "that life is proven over already (F3)";
    else
        why = accuser_request(&f->accuser, now, slot, life, event->fence.who, event->fence.reason);
    struct answer *answer =
        told_answer(&f->core->told, why ? ANSWER_REFUSED : ANSWER_SUBMITTED, event->fence.handle);
    if (answer)
        answer->text = why ? why : "the jurors are asked";
    else
        f->core->counters.drop_effects_full++;
}

static void take_proof_stored(struct fencing *f, uint16_t from, const struct wire_proof_stored *m)
{
    if (m->scope.session)
        ended_take_stored(&f->ended, from, m);
    else
        proofs_take_stored(&f->proofs, from, m);
}

void fencing_take(struct fencing *f, struct instant now, uint16_t from, const struct message *m)
{
    if (m->type == WIRE_PROOF)
        take_proof(f, now, from, m->proof.bytes);
    else if (m->type == WIRE_PROOF_STORED)
        take_proof_stored(f, from, &m->proof_stored);
    else if (m->type == WIRE_LIFE_STORED)
        take_life_stored(f, now, from, &m->life_stored);
    else if (m->type == WIRE_RENEWED || m->type == WIRE_VOTED)
        take_standing(f, now, from, m);
    else if (m->type == WIRE_ORDER)
        take_order(f, now, from, &m->order);
    else if (m->type == WIRE_STORY)
        take_story(f, from, &m->story);
    else if (m->type == WIRE_EXEC_REPORT)
        take_report(f, now, from, &m->exec_report);
    else if (m->type == WIRE_EXEC_OK || m->type == WIRE_WITNESS_ASK || m->type == WIRE_WITNESS)
        executor_take(&f->executor, now, from, m);
    else if (m->type == WIRE_HEARD_ASK || m->type == WIRE_HEARD)
        hearing_take(&f->hearing, now, from, m);
    else if (m->type == WIRE_INHIBIT)
        take_inhibit(f, now, from, &m->inhibit);
    else if (m->type == WIRE_INHIBITED)
        inhibitors_take_stored(&f->inhibitors, now, from, &m->inhibited);
    else if (m->type == WIRE_OPINION || m->type == WIRE_VOTE || m->type == WIRE_ORDER_STORED) {
        if (accuser_take(&f->accuser, now, from, m))
            order_news(f, now);
    } else if (m->type == WIRE_SILENCE && !m->silence.asks) {
        vigil_take(&f->vigil, now, from, &m->silence);
    } else if (m->type == WIRE_ARMED || m->type == WIRE_SILENCE) {
        armory_take(&f->armory, now, from, m);
    } else {
        juror_take(&f->juror, now, from, m);
    }
}

/* --- What is handed in (section 12) --- */

static bool strip(struct view *file, const char *magic)
{
    if (file->size < FENCE_FILE_MAGIC_SIZE ||
        memcmp(file->bytes, magic, FENCE_FILE_MAGIC_SIZE) != 0)
        return false;
    file->bytes += FENCE_FILE_MAGIC_SIZE;
    file->size -= FENCE_FILE_MAGIC_SIZE;
    return true;
}

/* An order proves itself, whoever hands it in: everybody is told. */
static const char *submit_order(struct fencing *f, struct instant now, struct view cert,
                                const char **why)
{
    const struct roster *roster = f->core->config.roster;
    *why = docket_judge(&f->docket, cert);
    if (*why)
        return NULL;
    enum docket_news news = docket_offer(&f->docket, now, cert, (struct view){0}, why);
    if (news != DOCKET_NEW)
        return news == DOCKET_HELD ? "the order is certified, and was known here" : NULL;
    order_news(f, now);
    struct order_cert decoded;
    struct reader r = reader_init(cert.bytes, cert.size);
    bool ok = order_cert_decode(&decoded, &r);
    must(ok);
    const struct docket_entry *e =
        docket_find_scope(&f->docket, decoded.order.slot, decoded.order.life, &decoded.order.scope);
    for (size_t i = 0; e && i < roster->node_count; i++)
        if (roster->nodes[i].slot != core_self(f->core))
            docket_send(&f->docket, roster->nodes[i].slot, e);
    return "the order is certified: taken, and told to everybody";
}

static const char *submit_proof(struct fencing *f, struct instant now, struct view bytes,
                                const char **why)
{
    struct proof proof;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    *why = proofs_judge(&f->proofs, now, bytes);
    bool by_hand = proof_decode(&proof, &r) && proof.kind == PROOF_OPERATOR;
    if (!*why && by_hand)
        *why = hearing_refuses(&f->hearing, now, proof_slot(&proof), proof_covers(&proof));
    if (*why)
        return NULL;
    enum proofs_news news = by_hand ? proofs_offer_spread(&f->proofs, now, bytes, why)
                                    : proofs_offer(&f->proofs, now, bytes, why);
    if (news == PROOFS_REFUSED)
        return NULL;
    return news == PROOFS_NEW ? "the proof is good: taken"
                              : "the proof is good, and was known here";
}

void fencing_submit(struct fencing *f, struct instant now, const struct event *event)
{
    struct view file = event->submit.file;
    const char *why = "not a file of an order or a proof: it begins with neither's mark (F4)";
    const char *text = NULL;
    if (strip(&file, ORDER_FILE_MAGIC))
        text = submit_order(f, now, file, &why);
    else if (strip(&file, PROOF_FILE_MAGIC))
        text = submit_proof(f, now, file, &why);
    struct answer *answer =
        told_answer(&f->core->told, text ? ANSWER_SUBMITTED : ANSWER_REFUSED, event->submit.handle);
    if (answer)
        answer->text = text ? text : why;
    else
        f->core->counters.drop_effects_full++;
}

/* --- Time --- */

void fencing_step(struct fencing *f, struct instant now)
{
    if (instant_reached(now, standing_deadline(&f->standing)))
        standing_changed(f, now, standing_step(&f->standing, now));
    if (instant_reached(now, life_deadline(&f->life)))
        life_step(&f->life, now);
    if (instant_reached(now, proofs_deadline(&f->proofs)))
        proofs_step(&f->proofs, now);
    if (instant_reached(now, ended_deadline(&f->ended)))
        ended_step(&f->ended, now);
    if (instant_reached(now, juror_deadline(&f->juror)))
        juror_step(&f->juror, now);
    if (instant_reached(now, accuser_deadline(&f->accuser)))
        accuser_step(&f->accuser, now);
    vigil_step(&f->vigil, now);
    if (instant_reached(now, executor_deadline(&f->executor)))
        executor_step(&f->executor, now);
    if (instant_reached(now, inhibitors_deadline(&f->inhibitors)))
        inhibitors_step(&f->inhibitors, now);
    if (instant_reached(now, hearing_deadline(&f->hearing)))
        hearing_step(&f->hearing, now);
    inhibitors_changed(f, now); /* a drain may have ended by itself */
}

struct instant fencing_deadline(const struct fencing *f)
{
    struct instant at = standing_deadline(&f->standing);
    at = instant_earlier(at, life_deadline(&f->life));
    at = instant_earlier(at, proofs_deadline(&f->proofs));
    at = instant_earlier(at, ended_deadline(&f->ended));
    at = instant_earlier(at, juror_deadline(&f->juror));
    at = instant_earlier(at, accuser_deadline(&f->accuser));
    at = instant_earlier(at, inhibitors_deadline(&f->inhibitors));
    at = instant_earlier(at, hearing_deadline(&f->hearing));
    at = instant_earlier(at, armory_deadline(&f->armory));
    at = instant_earlier(at, vigil_deadline(&f->vigil));
    return instant_earlier(at, executor_deadline(&f->executor));
}
