/* This node's life: see life.h. */
#include "proto/life.h"

#include "proto/must.h"
#include "proto/mutant.h"

#define CLAIM_WAIT_FIRST SPAN_MS(100)
#define CLAIM_WAIT_MAX   SPAN_MS(2000)

void life_init(struct life *l, struct core *core, struct proofs *proofs)
{
    *l = (struct life){.core = core, .proofs = proofs, .claim_at = INSTANT_NEVER};
}

void life_load(struct life *l, const struct record_life *record)
{
    l->recovered = record->number;
    l->boot = record->boot_id;
    l->ends = record->ends;
    l->core->life = record->number;
    l->core->life_nonce = record->life_nonce;
}

void life_record(const struct life *l, struct record *out)
{
    *out = (struct record){.kind = RECORD_LIFE,
                           .life = {.number = l->core->life,
                                    .life_nonce = l->core->life_nonce,
                                    .boot_id = l->boot,
                                    .ends = l->ends}};
}

/* Makes life `number` this node's; it counts once its record is durable, and jurors know it. */
static void begin(struct life *l, struct instant now, uint64_t number, bool ends)
{
    struct core *c = l->core;
    must(number > c->life);
    c->life = number;
    c->life_known = false;
    drbg_bytes(&c->drbg, c->life_nonce.bytes, sizeof c->life_nonce.bytes);
    memcpy(l->boot.bytes, c->config.boot_id, sizeof l->boot.bytes);
    l->ends = ends;
    l->stored = 0;
    l->claim_at = INSTANT_NEVER;
    struct record record;
    life_record(l, &record);
    l->lsn = journal_append(&c->journal, &record, true);
    told_notice(&c->told, NOTICE_LIFE)->number = number;
    (void)now;
}

void life_start(struct life *l, struct instant now, bool store_lost)
{
    struct core *c = l->core;
    bool same_boot = memcmp(l->boot.bytes, c->config.boot_id, sizeof c->config.boot_id) == 0 &&
                     !MUTANT(36); /* "agent restart treated as the end of a life" */
    if (c->life != 0 && same_boot)
        l->lsn = c->journal.lsn; /* its record is found, but perhaps not durable */
    else if (c->life != 0 || !store_lost)
        begin(l, now, c->life + 1, true);
    /* A lost store that knows no life waits for what others know of its lives (L7). */
}

static bool jury_complete(const struct life *l)
{
    return (size_t)__builtin_popcount(l->stored) == l->core->jury.count;
}

static void claim_soon(struct life *l, struct instant now)
{
    l->claim_at = now;
    l->claim_wait = CLAIM_WAIT_FIRST;
}

void life_alive(struct life *l, struct instant now)
{
    if (!l->lsn && l->checked && !jury_complete(l))
        claim_soon(l, now);
}

void life_checked(struct life *l, struct instant now, bool behind, uint64_t seen)
{
    l->checked = true;
    /* Whoever is behind takes the next number above theirs: none is used twice. It does not know
     * which boot the lives in between belonged to, so it must not state their end. */
    if (behind || l->core->life == 0)
        begin(l, now, (seen > l->core->life ? seen : l->core->life) + 1,
              l->core->life == 0 && !seen);
    else if (!l->lsn)
        claim_soon(l, now);
}

void life_surrender(struct life *l, struct instant now)
{
    /* Of lives that this store knows nothing of it states nothing, now as before. */
    begin(l, now, l->core->life + 1, l->ends || MUTANT(182)); /* "states the end of all" */
}

bool life_durable(struct life *l)
{
    if (!l->lsn || l->core->journal.durable < l->lsn)
        return false;
    l->lsn = 0;
    if (l->checked)
        claim_soon(l, l->core->now);
    return true;
}

/* --- Claiming --- */

static void claim(struct life *l, uint16_t juror)
{
    struct message m = {.type = WIRE_LIFE_CLAIM,
                        .life_claim = {.life = l->core->life, .life_nonce = l->core->life_nonce}};
    outbox_send(&l->core->outbox, juror, &m);
}

void life_step(struct life *l, struct instant now)
{
    struct core *c = l->core;
    if (!instant_reached(now, l->claim_at))
        return;
    bool sent = false;
    for (size_t i = 0; i < c->jury.count; i++) {
        uint16_t juror = c->jury.slots[i];
        /* Once the life counts, only who may have missed it is asked. */
        if ((l->stored & (1u << i)) || (c->life_known && !swim_alive(c->swim, juror)))
            continue;
        claim(l, juror);
        sent = true;
    }
    l->claim_at = sent ? instant_after(now, l->claim_wait) : INSTANT_NEVER;
    l->claim_wait = span_min(span_times(l->claim_wait, 2), CLAIM_WAIT_MAX);
}

/* F6a: the end of every life below this one, in this node's own word. */
static void state_end(struct life *l, struct instant now)
{
    struct core *c = l->core;
    struct proof proof = {.kind = PROOF_END, .end = {.slot = core_self(c), .life = c->life}};
    memcpy(proof.end.nonce, c->life_nonce.bytes, sizeof proof.end.nonce);
    end_statement_sign(&proof.end, &c->config.cluster, c->config.key);
    proofs_make(l->proofs, now, &proof);
}

void life_take_stored(struct life *l, struct instant now, uint16_t from,
                      const struct wire_life_stored *m)
{
    struct core *c = l->core;
    int juror = jury_find(&c->jury, from);
    if (juror < 0 || l->lsn || !l->checked)
        return;
    if (m->life == c->life && m->same) {
        l->stored |= 1u << juror;
    } else if (m->life < c->life) {
        l->stored &= ~(1u << juror); /* it lacks this life: its renewals would count for nothing */
        claim(l, from);
    } else if (!c->life_known && m->life >> PROOFS_NUMBER_MAX_BITS == 0 &&
               !life_far(m->life, c->life)) {
        /* A life that this store knows nothing of was claimed under its key, or voted against
         * before anybody began it: go above it. */
        begin(l, now, m->life + 1, false);
    }
}

bool life_counts(struct life *l, struct instant now)
{
    struct core *c = l->core;
    if (c->life_known || l->lsn || !l->checked || !jury_is_quorum(&c->jury, l->stored))
        return false;
    if (l->ends && c->life > 1) {
        /* A store that does not know which lives this boot has had states nothing (ends is false):
         * the machine's older locks wait for its next boot. */
        if (proofs_ended(l->proofs, core_self(c)) + 1 < c->life)
            state_end(l, now);
        if (!proofs_quorum_holds(l->proofs, &c->jury))
            return false;
    }
    c->life_known = true;
    told_notice(&c->told, NOTICE_READY)->number = c->life;
    return true;
}

struct instant life_deadline(const struct life *l)
{
    return l->claim_at;
}
