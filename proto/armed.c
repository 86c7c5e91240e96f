/* A node under a watchdog: see armed.h. */
#include "proto/armed.h"

#include "proto/asker.h"
#include "proto/inhibitors.h"
#include "proto/inquiry.h"
#include "proto/must.h"
#include "proto/mutant.h"

#define SEND_WAIT_FIRST SPAN_MS(100)
#define SEND_WAIT_MAX   SPAN_MS(2000)

_Static_assert((int)WATCHDOG_RATE_PPM == (int)CLOCK_RATE_PPM, "one rho");

size_t armory_bytes(const struct peer_config *config)
{
    return config->roster->node_count * sizeof(struct armed_entry);
}

void armory_init(struct armory *a, struct core *core, const struct juror *juror,
                 const struct asker *asker, void *memory)
{
    *a = (struct armory){
        .core = core, .juror = juror, .asker = asker, .entries = memory, .send_at = INSTANT_NEVER};
    memset(a->entries, 0, armory_bytes(&core->config));
    fence_times_derive(&a->times, core_detect(core));
    if (armed_here(core) && !MUTANT(122)) /* "B rests on the time-out that was asked for" */
        fence_times_set(&a->times, core->config.watchdog);
}

static struct armed_entry *entry_of(const struct armory *a, uint16_t slot)
{
    int index = roster_find(a->core->config.roster, slot);
    return index < 0 ? NULL : &a->entries[index];
}

static struct armed_entry *own(const struct armory *a)
{
    struct armed_entry *e = entry_of(a, core_self(a->core));
    must(e);
    return e;
}

struct span armory_hand_over(const struct core *c, uint16_t slot, uint64_t life)
{
    const struct armed_entry *e = entry_of(c->armory, slot);
    struct fence_times times;
    fence_times_derive(&times, core_detect(c));
    if (!e || e->statement.life != life)
        return times.hand_over;
    struct span stated = SPAN_MS((int64_t)armed_hand_over_ms(&e->statement));
    return stated.ns > times.hand_over.ns ? stated : times.hand_over;
}

/* --- The log --- */

static struct view encode(const struct armed *armed, uint8_t out[ARMED_BYTES])
{
    struct writer w = writer_init(out, ARMED_BYTES);
    armed_encode(&w, armed);
    must(!w.failed);
    return (struct view){out, ARMED_BYTES};
}

static bool decode(struct armed *out, struct view bytes)
{
    struct reader r = reader_init(bytes.bytes, bytes.size);
    return armed_decode(out, &r) && reader_done(&r);
}

void armory_load(struct armory *a, const struct record *record, uint64_t lsn)
{
    struct armed armed;
    if (record->kind != RECORD_ARMED || !decode(&armed, record->armed.statement))
        return;
    struct armed_entry *e = entry_of(a, armed.slot);
    if (e && armed.life >= e->statement.life)
        *e = (struct armed_entry){.statement = armed, .lsn = lsn};
}

bool armory_record(const struct armory *a, size_t index, struct record *out,
                   uint8_t bytes[ARMED_BYTES])
{
    const struct armed_entry *e = &a->entries[index];
    if (e->statement.life == 0)
        return false;
    *out =
        (struct record){.kind = RECORD_ARMED, .armed = {.statement = encode(&e->statement, bytes)}};
    return true;
}

static void keep(struct armory *a, struct armed_entry *e, const struct armed *armed)
{
    uint8_t bytes[ARMED_BYTES];
    e->statement = *armed;
    struct record record = {.kind = RECORD_ARMED, .armed = {.statement = encode(armed, bytes)}};
    e->lsn = journal_append(&a->core->journal, &record, true);
}

/* --- This node's own --- */

static struct span kept_ms(struct span span)
{
    return SPAN_MS(span.ns / 1000000);
}

static uint32_t reset_ms(const struct armory *a)
{
    return (uint32_t)((a->times.reset.ns + 999999) / 1000000);
}

static uint32_t timeout_ms(const struct armory *a)
{
    return (uint32_t)(kept_ms(a->times.watchdog).ns / 1000000);
}

static bool is_armed(const struct armory *a)
{
    const struct armed_entry *e = own(a);
    return e->statement.life == a->core->life && a->core->life != 0;
}

bool armory_start(struct armory *a, struct instant now)
{
    const struct armed *armed = &own(a)->statement;
    const struct peer_config *config = &a->core->config;
    a->idle_at = a->petted = now;
    a->send_at = armed_here(a->core) ? now : INSTANT_NEVER;
    a->wait = SEND_WAIT_FIRST;
    return is_armed(a) && (!armed_here(a->core) || config->watchdog_fresh ||
                           armed->reset_ms != reset_ms(a) || armed->timeout_ms != timeout_ms(a));
}

void armory_bar(struct armory *a)
{
    a->barred = armed_here(a->core) && !a->core->config.watchdog_fresh;
}

void armory_life_changed(struct armory *a, struct instant now)
{
    a->stored = 0;
    a->wait = SEND_WAIT_FIRST;
    if (armed_here(a->core))
        a->send_at = now;
}

/* A pet that does not rest on s*. Who waits for a grant waits no longer than it takes to renew. */
static void note_idle(struct armory *a, struct instant now)
{
    a->idle_at = now;
    if (a->core->standing->users)
        standing_prove(a->core->standing, now);
}

/* Before anything acts under this life: what acted before was never under the device (F6c). */
static void arm(struct armory *a)
{
    struct core *c = a->core;
    if (is_armed(a) || !c->life_known || c->journal.failed || asker_acts(a->asker) ||
        standing_bound(c->standing))
        return;
    struct armed armed = {.slot = core_self(c),
                          .life = c->life,
                          .reset_ms = reset_ms(a),
                          .timeout_ms = timeout_ms(a)};
    memcpy(armed.nonce, c->life_nonce.bytes, sizeof armed.nonce);
    armed_sign(&armed, &c->config.cluster, c->config.key);
    keep(a, own(a), &armed);
    note_idle(a, c->now);
}

static void send(struct armory *a, struct instant now)
{
    struct core *c = a->core;
    const struct armed_entry *e = own(a);
    uint8_t bytes[ARMED_BYTES];
    bool sent = !is_armed(a);
    struct message m = {.type = WIRE_ARMED, .armed = {.life = c->life}};
    for (size_t i = 0; is_armed(a) && i < c->jury.count; i++) {
        if (a->stored & (1u << i))
            continue;
        m.armed.statement = encode(&e->statement, bytes);
        outbox_send_after(&c->outbox, e->lsn, c->jury.slots[i], &m);
        sent = true;
    }
    a->send_at = sent ? instant_after(now, a->wait) : INSTANT_NEVER;
    a->wait = span_min(span_times(a->wait, 2), SEND_WAIT_MAX);
}

bool armory_may_tell(const struct armory *a, struct instant now)
{
    struct instant newest = standing_newest(a->core->standing);
    struct span tells = {a->times.lose.ns - a->times.renew.ns};
    return is_armed(a) && jury_is_quorum(&a->core->jury, a->stored) && newest.ns >= a->idle_at.ns &&
           !instant_reached(now, instant_after(newest, tells));
}

/* --- Petting --- */

static struct instant idle_due(const struct armory *a)
{
    return instant_after(a->petted, (struct span){a->times.watchdog.ns / 2});
}

/* A pet that rests on s*, as soon as that has advanced; else one while nothing is held: it is in
 * nobody's way, but keeps grants waiting, and so comes only when it must. */
static void pet(struct armory *a, struct instant now)
{
    struct instant newest = standing_newest(a->core->standing);
    struct instant until = instant_after(newest, a->times.pet_age);
    bool idle = !is_armed(a) || !asker_acts(a->asker);
    if (a->barred)
        return;
    if (MUTANT(121)) /* "petted without standing while it holds" */
        idle = true;
    if (newest.ns > a->on.ns && !instant_reached(now, until)) {
        a->on = newest;
        a->pet_until = until;
    } else if (idle && instant_reached(now, idle_due(a))) {
        note_idle(a, now);
        a->pet_until = instant_after(now, a->times.pet_age);
    } else {
        return;
    }
    a->pet = true;
    a->petted = now;
}

void armory_taken(struct armory *a)
{
    a->pet = false;
}

void armory_step(struct armory *a, struct instant now)
{
    if (!armed_here(a->core))
        return;
    if (instant_reached(now, a->send_at)) {
        arm(a);
        send(a, now);
    }
    pet(a, now);
}

struct instant armory_deadline(const struct armory *a)
{
    if (!armed_here(a->core))
        return INSTANT_NEVER;
    bool idle = !is_armed(a) || !asker_acts(a->asker) || MUTANT(121);
    return idle && !a->barred ? instant_earlier(a->send_at, idle_due(a)) : a->send_at;
}

/* --- The juror --- */

/* The juror's clock since it acknowledged that life last; what it does not know, after a start,
 * counts from then. So does a freeze's end: until then it had promised not to vote (F8). */
static struct span silent_for(const struct armory *a, struct instant now, const struct dossier *s,
                              uint16_t slot, uint64_t life)
{
    struct instant promised = inhibitors_promised(a->core->inhibitors, slot);
    struct instant since = a->juror->started;
    if (s->renewed_life == life && s->renewed_at.ns > since.ns)
        since = s->renewed_at;
    if (promised.ns > since.ns)
        since = instant_earlier(promised, now);
    return span_between(since, now);
}

/*
 * The node's statement, from whoever has it: it proves itself. One for each life; of the life that
 * is in the book it has the nonce. False if it is not to be kept here.
 */
static bool take_statement(struct armory *a, struct view bytes, uint16_t slot, uint64_t life)
{
    const struct peer_config *config = &a->core->config;
    struct armed armed;
    struct armed_entry *e = entry_of(a, slot);
    const struct dossier *s = juror_dossier(a->juror, slot);
    if (!e || !decode(&armed, bytes) || armed.slot != slot || armed.life != life)
        return false;
    struct digest held = armed_digest(&e->statement), came = armed_digest(&armed);
    if (memcmp(&held, &came, sizeof held) == 0)
        return true;
    bool other = s->life == life && memcmp(armed.nonce, s->nonce.bytes, sizeof armed.nonce) != 0;
    if (life <= e->statement.life || other ||
        !armed_verify(&armed, &config->cluster, config->roster)) {
        a->core->counters.drop_proof++;
        return false;
    }
    keep(a, e, &armed);
    return true;
}

/* F3: a node under an order signs nothing. */
static void answer(struct armory *a, struct instant now, uint16_t from,
                   const struct wire_silence *m)
{
    struct core *c = a->core;
    struct dossier *s = juror_dossier(a->juror, m->slot);
    if (!s || standing_bound(c->standing))
        return;
    if (m->statement.size)
        take_statement(a, m->statement, m->slot, m->life);
    const struct armed_entry *e = entry_of(a, m->slot);
    if (e->statement.life != m->life || e->lsn > c->journal.durable)
        return; /* it is asked again */
    uint8_t bytes[ARMED_BYTES];
    struct span past = silent_for(a, now, s, m->slot, m->life);
    struct span need = SPAN_MS((int64_t)armed_hand_over_ms(&e->statement));
    bool voted = s->voted == m->life && s->vote_lsn <= c->journal.durable;
    struct message out = {
        .type = WIRE_SILENCE,
        .silence = {.slot = m->slot, .life = m->life, .statement = encode(&e->statement, bytes)}};
    if (MUTANT(120) && voted) /* "says so before that time has passed" */
        past = need;
    if (past.ns < need.ns)
        out.silence.left_ms = (uint32_t)((need.ns - past.ns + 999999) / 1000000);
    if (past.ns >= need.ns && voted) {
        struct order order = {.epoch = c->config.roster->epoch,
                              .roster = c->config.roster_digest,
                              .slot = m->slot,
                              .life = m->life};
        struct silence silence = {
            .juror = core_self(c),
            .silent_ms =
                (uint32_t)(past.ns / 1000000 < UINT32_MAX ? past.ns / 1000000 : UINT32_MAX)};
        silence_sign(&silence, &order, &e->statement, &c->config.cluster, c->config.key);
        out.silence.silent_ms = silence.silent_ms;
        out.silence.signature = silence.signature;
    }
    outbox_send(&c->outbox, from, &out);
}

static void take_armed(struct armory *a, uint16_t from, const struct wire_armed *m)
{
    if (!juror_dossier(a->juror, from) || !take_statement(a, m->statement, from, m->life))
        return;
    struct message stored = {.type = WIRE_ARMED, .armed = {.life = m->life, .stored = true}};
    outbox_send_after(&a->core->outbox, entry_of(a, from)->lsn, from, &stored);
}

void armory_take(struct armory *a, struct instant now, uint16_t from, const struct message *m)
{
    struct core *c = a->core;
    int juror = jury_find(&c->jury, from);
    if (m->type == WIRE_ARMED && m->armed.stored) {
        if (juror >= 0 && m->armed.life == c->life && is_armed(a))
            a->stored |= 1u << juror;
        return;
    }
    if (!a->juror->serves || !core_votes(c)) /* L7 */
        return;
    if (m->type == WIRE_ARMED)
        take_armed(a, from, &m->armed);
    else if (m->silence.asks)
        answer(a, now, from, &m->silence);
}
