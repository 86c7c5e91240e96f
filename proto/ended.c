/* Sessions that are proven over: see ended.h. */
#include "proto/ended.h"

#include "proto/must.h"
#include "proto/mutant.h"

#define SPREAD_WAIT_FIRST SPAN_MS(200)
#define SPREAD_WAIT_MAX   SPAN_MS(2000)

size_t ended_bytes(const struct peer_config *config)
{
    (void)config;
    return ENDED_MAX * sizeof(struct ended_entry);
}

void ended_init(struct ended *e, struct core *core, void *memory)
{
    *e = (struct ended){.core = core, .entries = memory, .spread_at = INSTANT_NEVER};
    memset(e->entries, 0, ENDED_MAX * sizeof *e->entries);
}

/* --- The table --- */

static size_t mask_bytes(const struct ended *e)
{
    return (e->core->config.roster->node_count + 7) / 8;
}

static struct ended_entry *find(const struct ended *e, uint16_t slot, uint64_t life,
                                const struct scope *scope)
{
    for (size_t i = 0; e->used && i < ENDED_MAX; i++) {
        struct ended_entry *entry = &e->entries[i];
        if (entry->bytes && entry->slot == slot && entry->life == life &&
            (scope_equal(&entry->scope, scope) || MUTANT(111))) /* "matched by life" */
            return entry;
    }
    return NULL;
}

const struct ended_entry *ended_of(const struct ended *e, uint16_t slot, uint64_t life,
                                   const struct scope *scope)
{
    return scope->session ? find(e, slot, life, scope) : NULL;
}

bool ended_any(const struct ended *e, uint16_t slot, uint64_t life)
{
    for (size_t i = 0; e->used && i < ENDED_MAX; i++)
        if (e->entries[i].bytes && e->entries[i].slot == slot && e->entries[i].life == life)
            return true;
    return false;
}

static void let_go(struct ended *e, struct ended_entry *entry)
{
    arena_put(&e->core->arena, entry->bytes, entry->size);
    arena_put(&e->core->arena, entry->acked, mask_bytes(e));
    e->used--;
    e->fresh -= entry->fresh;
    *entry = (struct ended_entry){0};
}

void ended_forget(struct ended *e, uint16_t slot, uint64_t life)
{
    for (size_t i = 0; e->used && i < ENDED_MAX; i++)
        if (e->entries[i].bytes && e->entries[i].slot == slot && e->entries[i].life <= life)
            let_go(e, &e->entries[i]);
}

static struct ended_entry *free_entry(struct ended *e)
{
    for (size_t i = 0; i < ENDED_MAX; i++)
        if (!e->entries[i].bytes)
            return &e->entries[i];
    return NULL;
}

/* A free entry; what is about lives that are over gives way. While the log is read it may be there
 * still. */
static struct ended_entry *make_room(struct ended *e)
{
    struct ended_entry *entry = free_entry(e);
    for (size_t i = 0; !entry && i < ENDED_MAX; i++)
        if (proofs_covers(e->core->proofs, e->entries[i].slot) >= e->entries[i].life)
            let_go(e, &e->entries[i]);
    return entry ? entry : free_entry(e);
}

/* A new entry, in memory; NULL if there is no room. */
static struct ended_entry *enter(struct ended *e, const struct proof *proof, struct view bytes)
{
    uint64_t life;
    const struct scope *scope = proof_scope(proof, &life);
    must(scope);
    struct ended_entry *entry = make_room(e);
    uint8_t *copy = entry ? arena_get(&e->core->arena, bytes.size) : NULL;
    if (!copy)
        return NULL;
    memcpy(copy, bytes.bytes, bytes.size);
    e->used++;
    *entry = (struct ended_entry){.bytes = copy,
                                  .size = (uint32_t)bytes.size,
                                  .slot = proof_slot(proof),
                                  .life = life,
                                  .scope = *scope,
                                  .digest = digest_of(bytes.bytes, bytes.size)};
    return entry;
}

static bool is_held(const struct ended *e, const struct proof *proof)
{
    uint64_t life;
    const struct scope *scope = proof_scope(proof, &life);
    return proofs_covers(e->core->proofs, proof_slot(proof)) >= life ||
           find(e, proof_slot(proof), life, scope);
}

bool ended_load(struct ended *e, const struct proof *proof, struct view bytes, uint64_t lsn)
{
    if (is_held(e, proof))
        return true;
    struct ended_entry *entry = enter(e, proof, bytes);
    if (entry)
        entry->lsn = lsn;
    return entry != NULL;
}

const char *ended_keep(struct ended *e, const struct proof *proof, struct view bytes)
{
    if (is_held(e, proof))
        return NULL;
    struct ended_entry *entry = enter(e, proof, bytes);
    if (!entry)
        return "this node keeps as many proofs about sessions as it can";
    struct record record = {.kind = RECORD_PROOF, .proof = {.bytes = bytes}};
    entry->lsn = journal_append(&e->core->journal, &record, true);
    entry->fresh = true;
    e->fresh++;
    return NULL;
}

const struct ended_entry *ended_next_fresh(struct ended *e)
{
    for (size_t i = 0; e->fresh && i < ENDED_MAX; i++) {
        if (!e->entries[i].fresh)
            continue;
        e->entries[i].fresh = false;
        e->fresh--;
        return &e->entries[i];
    }
    return NULL;
}

/* --- Spreading --- */

static void begin_spread(struct ended *e, struct instant now, struct ended_entry *entry)
{
    entry->acked = arena_get(&e->core->arena, mask_bytes(e));
    if (entry->acked)
        memset(entry->acked, 0, mask_bytes(e));
    e->spread_at = now;
    e->spread_wait = SPREAD_WAIT_FIRST;
}

bool ended_make(struct ended *e, struct instant now, const struct proof *proof)
{
    uint8_t bytes[PROOF_BYTES_MAX];
    struct writer w = writer_init(bytes, sizeof bytes);
    uint64_t life;
    const struct scope *scope = proof_scope(proof, &life);
    proof_encode(&w, proof);
    must(!w.failed);
    if (ended_keep(e, proof, (struct view){bytes, writer_size(&w)}))
        return false;
    struct ended_entry *entry = find(e, proof_slot(proof), life, scope);
    if (entry && !entry->acked)
        begin_spread(e, now, entry);
    return true;
}

static bool made_here(const struct ended *e, const struct ended_entry *entry)
{
    struct proof proof;
    struct reader r = reader_init(entry->bytes, entry->size);
    return proof_decode(&proof, &r) && proof.receipt.executor == core_self(e->core);
}

void ended_start(struct ended *e, struct instant now)
{
    for (size_t i = 0; i < ENDED_MAX; i++) {
        struct ended_entry *entry = &e->entries[i];
        if (entry->bytes && proofs_covers(e->core->proofs, entry->slot) >= entry->life)
            let_go(e, entry);
        else if (entry->bytes && made_here(e, entry))
            begin_spread(e, now, entry);
    }
}

void ended_send(struct ended *e, uint16_t to, const struct ended_entry *entry)
{
    struct message m = {.type = WIRE_PROOF, .proof = {.bytes = {entry->bytes, entry->size}}};
    outbox_send_after(&e->core->outbox, entry->lsn, to, &m);
}

void ended_acknowledge(struct ended *e, uint16_t to, const struct ended_entry *entry)
{
    struct message m = {
        .type = WIRE_PROOF_STORED,
        .proof_stored = {.slot = entry->slot, .covers = entry->life, .scope = entry->scope}};
    outbox_send_after(&e->core->outbox, entry->lsn, to, &m);
}

void ended_take_stored(struct ended *e, uint16_t from, const struct wire_proof_stored *m)
{
    struct ended_entry *entry = find(e, m->slot, m->covers, &m->scope);
    int index = roster_find(e->core->config.roster, from);
    if (entry && entry->acked && index >= 0)
        entry->acked[index / 8] |= (uint8_t)(1u << (index % 8));
}

void ended_alive(struct ended *e, struct instant now)
{
    e->spread_at = now;
    e->spread_wait = SPREAD_WAIT_FIRST;
}

/* To those who are alive and have not got it. False if there is nobody. */
static bool spread(struct ended *e, const struct ended_entry *entry)
{
    const struct roster *roster = e->core->config.roster;
    bool sent = false;
    for (size_t i = 0; entry->acked && i < roster->node_count; i++) {
        uint16_t slot = roster->nodes[i].slot;
        if (slot == core_self(e->core) || (entry->acked[i / 8] >> (i % 8) & 1) ||
            !swim_alive(e->core->swim, slot))
            continue;
        ended_send(e, slot, entry);
        sent = true;
    }
    return sent;
}

void ended_step(struct ended *e, struct instant now)
{
    if (!instant_reached(now, e->spread_at))
        return;
    bool sent = false;
    for (size_t i = 0; i < ENDED_MAX; i++)
        sent |= spread(e, &e->entries[i]);
    e->spread_at = sent ? instant_after(now, e->spread_wait) : INSTANT_NEVER;
    e->spread_wait = span_min(span_times(e->spread_wait, 2), SPREAD_WAIT_MAX);
}

struct instant ended_deadline(const struct ended *e)
{
    return e->spread_at;
}

bool ended_record(const struct ended *e, size_t index, struct record *out)
{
    const struct ended_entry *entry = &e->entries[index];
    *out = (struct record){.kind = RECORD_PROOF, .proof = {.bytes = {entry->bytes, entry->size}}};
    return entry->bytes != NULL;
}
