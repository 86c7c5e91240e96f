/* The proofs that this node holds: see proofs.h. */
#include "proto/proofs.h"

#include "proto/armed.h"
#include "proto/ended.h"
#include "proto/fence_told.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/standing.h"

#define SPREAD_WAIT_FIRST SPAN_MS(200)
#define SPREAD_WAIT_MAX   SPAN_MS(2000)

size_t proofs_bytes(const struct peer_config *config)
{
    return config->roster->node_count * (sizeof(struct proof_entry) + sizeof(uint16_t));
}

void proofs_init(struct proofs *p, struct core *core, const struct signs *signs, void *memory)
{
    size_t nodes = core->config.roster->node_count;
    *p = (struct proofs){.core = core, .signs = signs, .spread_at = INSTANT_NEVER};
    p->entries = memory;
    memset(p->entries, 0, nodes * sizeof *p->entries);
    p->fresh = (uint16_t *)(p->entries + nodes);
}

static struct proof_entry *entry_of(const struct proofs *p, uint16_t slot)
{
    int index = roster_find(p->core->config.roster, slot);
    return index < 0 ? NULL : &p->entries[index];
}

const struct proof_entry *proofs_of(const struct proofs *p, uint16_t slot)
{
    const struct proof_entry *e = entry_of(p, slot);
    return e && e->bytes ? e : NULL;
}

uint64_t proofs_ended(const struct proofs *p, uint16_t slot)
{
    const struct proof_entry *e = proofs_of(p, slot);
    return e && !e->executed ? e->covers : 0;
}

uint64_t proofs_covers(const struct proofs *p, uint16_t slot)
{
    const struct proof_entry *e = entry_of(p, slot);
    return e ? e->covers : 0;
}

static size_t mask_bytes(const struct proofs *p)
{
    return (p->core->config.roster->node_count + 7) / 8;
}

static bool acked(const struct proof_entry *e, size_t index)
{
    return e->acked[index / 8] >> (index % 8) & 1;
}

/* --- Taking --- */

static bool decode(struct proof *out, struct view bytes)
{
    struct reader r = reader_init(bytes.bytes, bytes.size);
    return proof_decode(out, &r) && reader_done(&r);
}

/*
 * Whether it takes the place of what is held. It covers more, or it is the node's own word where a
 * receipt is held: the end statement takes its node out of F8's count, and the node's next life
 * waits for a quorum of jurors that hold it.
 */
static bool better(const struct proof_entry *e, const struct proof *proof)
{
    uint64_t covers = proof_covers(proof);
    return covers > e->covers || (covers == e->covers && e->executed && proof->kind == PROOF_END);
}

/* Keeps the bytes in the place of older ones. False, and nothing changed, if there is no room. */
static bool keep(struct proofs *p, struct proof_entry *e, const struct proof *proof,
                 struct view bytes)
{
    uint8_t *copy = arena_get(&p->core->arena, bytes.size);
    if (!copy)
        return false;
    memcpy(copy, bytes.bytes, bytes.size);
    arena_put(&p->core->arena, e->bytes, e->size);
    arena_put(&p->core->arena, e->acked, mask_bytes(p));
    e->acked = NULL;
    e->bytes = copy;
    e->size = (uint32_t)bytes.size;
    e->covers = proof_covers(proof);
    e->executed = proof->kind != PROOF_END;
    e->by_hand = proof->kind == PROOF_OPERATOR;
    e->digest = digest_of(bytes.bytes, bytes.size);
    return true;
}

bool proofs_load(struct proofs *p, const struct record *record, uint64_t lsn)
{
    struct proof proof;
    if (record->kind != RECORD_PROOF || !decode(&proof, record->proof.bytes))
        return true;
    uint64_t life;
    if (proof_scope(&proof, &life))
        return ended_load(p->core->ended, &proof, record->proof.bytes, lsn);
    struct proof_entry *e = entry_of(p, proof_slot(&proof));
    if (!e || !better(e, &proof))
        return true;
    e->lsn = lsn;
    return keep(p, e, &proof, record->proof.bytes);
}

/* A new proof: in memory, in the log, and in the list of news. */
static bool store(struct proofs *p, struct proof_entry *e, const struct proof *proof,
                  struct view bytes)
{
    if (!keep(p, e, proof, bytes))
        return false;
    e->at = p->core->now;
    struct record record = {.kind = RECORD_PROOF, .proof = {.bytes = bytes}};
    e->lsn = journal_append(&p->core->journal, &record, true);
    if (!e->fresh)
        p->fresh[p->fresh_count++] = (uint16_t)(e - p->entries);
    e->fresh = true;
    return true;
}

static void alarm(struct proofs *p, uint16_t slot, uint64_t life)
{
    p->core->counters.alarms++;
    struct notice *n = told_notice(&p->core->told, NOTICE_ALARM);
    n->slot = slot;
    n->number = life;
    fence_told_alarm(p->core, slot, life);
}

/* A person may be wrong about the machine: the life must have been silent for H, as for what no
 * device says (F6d). */
static struct span silence_needed(const struct core *c, const struct proof *proof)
{
    return proof->kind != PROOF_OPERATOR
               ? core_detect(c)
               : armory_hand_over(c, proof_slot(proof), proof_covers(proof));
}

/*
 * F6b: whoever still hears a life refuses the receipt that it is over; a node hears itself. An end
 * statement needs no such check: it is the node's own word, and what is heard of older lives after
 * it came late. Of a session that somebody ended the target's own word is not needed, once it knows
 * that it is bound: it ends it too.
 */
static const char *contradicts(struct proofs *p, struct instant now, const struct proof *proof)
{
    uint16_t slot = proof_slot(proof);
    uint64_t life = proof_covers(proof);
    const struct core *c = p->core;
    const struct scope *scope = proof_scope(proof, &life);
    if (slot == core_self(c) && life >= c->life && !(scope && standing_bound(c->standing)))
        return proof->kind == PROOF_END
                   ? "this node's present life is said to be over by itself (F6a)"
                   : "this node is the target, and runs (F6)";
    if (proof->kind == PROOF_END)
        return NULL;
    struct span age = signs_age(p->signs, now, slot, life);
    if (age.ns < 0 || age.ns >= silence_needed(c, proof).ns)
        return NULL;
    if (proof->kind == PROOF_OPERATOR && MUTANT(135)) /* "an operator is believed in any case" */
        return NULL;
    alarm(p, slot, life);
    return proof->kind == PROOF_OPERATOR ? "that life was heard here within H (F6d)"
                                         : "that life is still heard here (F6b)";
}

const char *proofs_verdict(struct proofs *p, struct instant now, const struct proof *proof)
{
    const struct peer_config *config = &p->core->config;
    enum order_verdict order = ORDER_OK;
    enum proof_verdict verdict =
        proof_verify(proof, &config->cluster, config->roster, &config->roster_digest, &order);
    if (verdict == PROOF_ORDER && order != ORDER_TOO_FEW)
        return order_verdict_text(order);
    if (verdict == PROOF_OPERATOR_REFUSED)
        return operator_verdict_text(operator_receipt_verify(&proof->operator_receipt, &proof->cert,
                                                             &config->cluster, config->roster,
                                                             &config->roster_digest));
    if (verdict != PROOF_OK)
        return proof_verdict_text(verdict);
    uint64_t life = proof_covers(proof);
    proof_scope(proof, &life);
    if (life >> PROOFS_NUMBER_MAX_BITS)
        return "a life with such a number cannot be (F6)";
    return contradicts(p, now, proof);
}

const char *proofs_judge(struct proofs *p, struct instant now, struct view bytes)
{
    struct proof proof;
    if (!decode(&proof, bytes))
        return proof_verdict_text(PROOF_MALFORMED);
    return proofs_verdict(p, now, &proof);
}

static enum proofs_news refuse(struct proofs *p, uint16_t slot, const char *text, const char **why)
{
    p->core->counters.drop_proof++;
    struct notice *n = told_notice(&p->core->told, NOTICE_PROOF_REFUSED);
    n->slot = slot;
    n->text = text;
    fence_told_refused(p->core, slot, text);
    if (why)
        *why = text;
    return PROOFS_REFUSED;
}

/* One about a session. */
static enum proofs_news offer_scoped(struct proofs *p, struct instant now,
                                     const struct proof *proof, struct view bytes, const char **why)
{
    uint64_t life;
    const struct scope *scope = proof_scope(proof, &life);
    uint16_t slot = proof_slot(proof);
    if (proofs_covers(p, slot) >= life || ended_of(p->core->ended, slot, life, scope))
        return PROOFS_HELD;
    const char *text = proofs_verdict(p, now, proof);
    if (!text)
        text = ended_keep(p->core->ended, proof, bytes);
    return text ? refuse(p, slot, text, why) : PROOFS_NEW;
}

enum proofs_news proofs_offer(struct proofs *p, struct instant now, struct view bytes,
                              const char **why)
{
    uint64_t life;
    struct proof proof;
    if (!decode(&proof, bytes))
        return refuse(p, SLOT_NONE, proof_verdict_text(PROOF_MALFORMED), why);
    if (proof_scope(&proof, &life))
        return offer_scoped(p, now, &proof, bytes, why);
    uint16_t slot = proof_slot(&proof);
    struct proof_entry *e = entry_of(p, slot);
    if (e && !better(e, &proof))
        return PROOFS_HELD;
    if (!e)
        return refuse(p, slot, proof_verdict_text(PROOF_NO_SUCH_NODE), why);
    const char *text = proofs_verdict(p, now, &proof);
    if (!text && !store(p, e, &proof, bytes))
        text = "this node's memory for locks and proofs is used up";
    return text ? refuse(p, slot, text, why) : PROOFS_NEW;
}

/* The mask of those who hold it; without room for it nothing is spread by this node alone. */
static void begin_spread(struct proofs *p, struct instant now, struct proof_entry *e)
{
    e->acked = arena_get(&p->core->arena, mask_bytes(p));
    if (e->acked)
        memset(e->acked, 0, mask_bytes(p));
    p->spread_at = now;
    p->spread_wait = SPREAD_WAIT_FIRST;
}

enum proofs_news proofs_offer_spread(struct proofs *p, struct instant now, struct view bytes,
                                     const char **why)
{
    struct proof proof;
    enum proofs_news news = proofs_offer(p, now, bytes, why);
    if (news == PROOFS_REFUSED || !decode(&proof, bytes))
        return news;
    struct proof_entry *e = entry_of(p, proof_slot(&proof));
    if (e && e->bytes && !e->acked)
        begin_spread(p, now, e);
    return news;
}

void proofs_gathered(struct proofs *p, struct instant now, const struct proof *proof)
{
    const struct proof_entry *e = proofs_of(p, proof_slot(proof));
    if (e && !better(e, proof))
        return;
    const char *text = proofs_verdict(p, now, proof);
    if (text)
        refuse(p, proof_slot(proof), text, NULL);
    else
        proofs_make(p, now, proof);
}

void proofs_make(struct proofs *p, struct instant now, const struct proof *proof)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    proof_encode(&w, proof);
    must(!w.failed);
    struct proof_entry *e = entry_of(p, proof_slot(proof));
    must(e);
    if (better(e, proof) && store(p, e, proof, (struct view){bytes, writer_size(&w)}))
        begin_spread(p, now, e);
}

bool proofs_next_fresh(struct proofs *p, uint16_t *slot)
{
    if (p->fresh_count == 0)
        return false;
    uint16_t index = p->fresh[0];
    p->fresh_count--;
    memmove(p->fresh, p->fresh + 1, p->fresh_count * sizeof *p->fresh);
    p->entries[index].fresh = false;
    *slot = p->core->config.roster->nodes[index].slot;
    return true;
}

/* --- Spreading --- */

static bool made_here(const struct proofs *p, const struct proof_entry *e, uint16_t slot)
{
    struct proof proof;
    if (!e->bytes || !decode(&proof, (struct view){e->bytes, e->size}))
        return false;
    uint16_t self = core_self(p->core);
    if (proof.kind == PROOF_OPERATOR) /* who handed it in is not known any more: all do */
        return jury_find(&p->core->jury, self) >= 0;
    /* A watchdog's receipt names nobody who made it: who breaks a lock by it hands it on (F5). */
    return proof.kind == PROOF_END        ? slot == self
           : proof.kind == PROOF_EXECUTED ? proof.receipt.executor == self
                                          : false;
}

void proofs_start(struct proofs *p, struct instant now)
{
    const struct roster *roster = p->core->config.roster;
    for (size_t i = 0; i < roster->node_count; i++)
        if (made_here(p, &p->entries[i], roster->nodes[i].slot))
            begin_spread(p, now, &p->entries[i]);
}

void proofs_send(struct proofs *p, uint16_t to, uint16_t slot)
{
    const struct proof_entry *e = proofs_of(p, slot);
    if (!e)
        return;
    struct message m = {.type = WIRE_PROOF, .proof = {.bytes = {e->bytes, e->size}}};
    outbox_send_after(&p->core->outbox, e->lsn, to, &m);
}

void proofs_acknowledge(struct proofs *p, uint16_t to, uint16_t slot)
{
    const struct proof_entry *e = proofs_of(p, slot);
    if (!e)
        return;
    struct message m = {.type = WIRE_PROOF_STORED,
                        .proof_stored = {.slot = slot, .covers = e->covers}};
    outbox_send_after(&p->core->outbox, e->lsn, to, &m);
}

void proofs_take_stored(struct proofs *p, uint16_t from, const struct wire_proof_stored *m)
{
    struct proof_entry *e = entry_of(p, m->slot);
    int index = roster_find(p->core->config.roster, from);
    if (!e || index < 0 || !e->acked || m->covers < e->covers)
        return;
    e->acked[index / 8] |= (uint8_t)(1u << (index % 8));
}

bool proofs_quorum_holds(const struct proofs *p, const struct jury *jury)
{
    const struct proof_entry *e = proofs_of(p, core_self(p->core));
    size_t count = 0;
    for (size_t i = 0; e && i < jury->count; i++) {
        int index = roster_find(p->core->config.roster, jury->slots[i]);
        bool own = jury->slots[i] == core_self(p->core);
        count += own ? core_votes(p->core) && e->lsn <= p->core->journal.durable
                     : e->acked && acked(e, (size_t)index);
    }
    return count >= jury->quorum;
}

void proofs_alive(struct proofs *p, struct instant now)
{
    p->spread_at = now;
    p->spread_wait = SPREAD_WAIT_FIRST;
}

void proofs_step(struct proofs *p, struct instant now)
{
    if (!instant_reached(now, p->spread_at))
        return;
    const struct roster *roster = p->core->config.roster;
    bool sent = false;
    for (size_t i = 0; i < roster->node_count; i++) {
        const struct proof_entry *e = &p->entries[i];
        for (size_t to = 0; e->acked && to < roster->node_count; to++) {
            uint16_t slot = roster->nodes[to].slot;
            if (slot == core_self(p->core) || acked(e, to) || !swim_alive(p->core->swim, slot))
                continue;
            proofs_send(p, slot, roster->nodes[i].slot);
            sent = true;
        }
    }
    p->spread_at = sent ? instant_after(now, p->spread_wait) : INSTANT_NEVER;
    p->spread_wait = span_min(span_times(p->spread_wait, 2), SPREAD_WAIT_MAX);
}

struct instant proofs_deadline(const struct proofs *p)
{
    return p->spread_at;
}

bool proofs_record(const struct proofs *p, size_t index, struct record *out)
{
    const struct proof_entry *e = &p->entries[index];
    *out = (struct record){.kind = RECORD_PROOF, .proof = {.bytes = {e->bytes, e->size}}};
    return e->bytes != NULL;
}
