/* The vigil: see vigil.h. */
#include "proto/vigil.h"

#include "proto/must.h"
#include "proto/places.h"

#define ASK_WAIT SPAN_MS(1000) /* while a juror has not spoken, or has to vote yet */
#define LAST     SPAN_MS(10)   /* after a juror's own time: its clock is read in milliseconds */

size_t vigil_bytes(const struct peer_config *config)
{
    return places_asked(config->roster) * sizeof(struct watched_life);
}

void vigil_init(struct vigil *v, struct core *core, const struct accuser *accuser,
                struct proofs *proofs, void *memory)
{
    *v = (struct vigil){.core = core, .accuser = accuser, .proofs = proofs, .table = memory};
}

static struct watched_life *find(const struct vigil *v, uint16_t slot, uint64_t life)
{
    for (size_t i = 0; v->used && i < v->count; i++)
        if (v->table[i].used && v->table[i].slot == slot && v->table[i].life == life)
            return &v->table[i];
    return NULL;
}

/* Whether that life is accused, as a whole or for one of its sessions. */
static bool accused(const struct vigil *v, const struct watched_life *w)
{
    for (size_t i = 0; i < v->accuser->count; i++) {
        const struct accusation *c = &v->accuser->table[i];
        if (c->used && c->slot == w->slot && c->life == w->life)
            return true;
    }
    return false;
}

/* The votes against all of it that the accuser has gathered; NULL: it is not accused as a whole. */
static const struct order_cert *votes_of(const struct vigil *v, const struct watched_life *w)
{
    for (size_t i = 0; i < v->accuser->count; i++) {
        const struct accusation *c = &v->accuser->table[i];
        if (c->used && c->slot == w->slot && c->life == w->life && !c->word.scope.session)
            return &c->cert;
    }
    return NULL;
}

static bool has_said(const struct watched_life *w, uint16_t juror)
{
    for (size_t i = 0; i < w->receipt.count; i++)
        if (w->receipt.silences[i].juror == juror)
            return true;
    return false;
}

struct instant vigil_due(const struct vigil *v, uint16_t slot, uint64_t life)
{
    const struct watched_life *w = find(v, slot, life);
    const struct jury *jury = &v->core->jury;
    struct instant best = INSTANT_NEVER;
    for (size_t i = 0; w && w->armed && i < jury->count; i++) {
        size_t sooner = 0;
        for (size_t k = 0; (w->told >> i & 1) && k < jury->count; k++)
            sooner += (w->told >> k & 1) && w->due[k].ns <= w->due[i].ns;
        if (sooner >= jury->quorum)
            best = instant_earlier(best, w->due[i]);
    }
    return best;
}

/* --- Asking --- */

static void ask(struct vigil *v, struct instant now, struct watched_life *w)
{
    const struct jury *jury = &v->core->jury;
    struct message m = {.type = WIRE_SILENCE,
                        .silence = {.slot = w->slot, .life = w->life, .asks = true}};
    uint8_t bytes[ARMED_BYTES];
    struct writer writer = writer_init(bytes, sizeof bytes);
    if (w->armed) { /* who does not have the statement yet takes it: it proves itself */
        armed_encode(&writer, &w->receipt.armed);
        m.silence.statement = (struct view){bytes, writer_size(&writer)};
    }
    w->ask_at = instant_after(now, ASK_WAIT);
    for (size_t i = 0; i < jury->count; i++) {
        bool told = w->told >> i & 1, due = !told || instant_reached(now, w->due[i]);
        if (jury->slots[i] == w->slot || has_said(w, jury->slots[i]))
            continue;
        if (due)
            outbox_send(&v->core->outbox, jury->slots[i], &m);
        else
            w->ask_at = instant_earlier(w->ask_at, w->due[i]);
    }
}

/* Only silences whose votes are held count; there may be more of either. */
static void gather(struct vigil *v, struct instant now, const struct watched_life *w)
{
    const struct order_cert *cert = votes_of(v, w);
    struct proof proof = {.kind = PROOF_WATCHDOG, .watchdog = {.armed = w->receipt.armed}};
    if (!cert || order_cert_allowing(cert, ACTION_RETIRE) < v->core->jury.quorum)
        return;
    proof.cert = *cert;
    for (size_t i = 0; i < w->receipt.count; i++) {
        const struct silence *silence = &w->receipt.silences[i];
        for (size_t k = 0; k < cert->count; k++)
            if (cert->votes[k].juror == silence->juror)
                watchdog_receipt_add(&proof.watchdog, silence);
    }
    if (proof.watchdog.count >= v->core->jury.quorum)
        proofs_gathered(v->proofs, now, &proof);
}

void vigil_take(struct vigil *v, struct instant now, uint16_t from, const struct wire_silence *m)
{
    struct core *c = v->core;
    struct watched_life *w = find(v, m->slot, m->life);
    int juror = jury_find(&c->jury, from);
    struct armed armed;
    struct reader r = reader_init(m->statement.bytes, m->statement.size);
    if (!w || juror < 0 || !armed_decode(&armed, &r) || !reader_done(&r) || armed.slot != m->slot ||
        armed.life != m->life) {
        c->counters.drop_role += juror < 0;
        return;
    }
    struct digest came = armed_digest(&armed), held = armed_digest(&w->receipt.armed);
    if (!w->armed && armed_verify(&armed, &c->config.cluster, c->config.roster)) {
        w->receipt.armed = armed;
        w->armed = true;
    } else if (memcmp(&came, &held, sizeof came) != 0) {
        c->counters.drop_proof++;
        return;
    }
    w->told |= 1u << juror;
    w->due[juror] = instant_after(instant_after(now, SPAN_MS((int64_t)m->left_ms)), LAST);
    if (m->left_ms == 0 && m->silent_ms == 0)
        w->due[juror] = now; /* but it has not voted: asked again after a while */
    else
        w->ask_at = instant_earlier(w->ask_at, w->due[juror]);
    if (m->silent_ms == 0)
        return;
    struct order order = {.epoch = c->config.roster->epoch,
                          .roster = c->config.roster_digest,
                          .slot = m->slot,
                          .life = m->life};
    struct silence silence = {.juror = from, .silent_ms = m->silent_ms, .signature = m->signature};
    if (silence.silent_ms < armed_hand_over_ms(&armed) ||
        !silence_verify(&silence, &order, &armed, &c->config.cluster, c->config.roster)) {
        c->counters.drop_proof++;
        return;
    }
    watchdog_receipt_add(&w->receipt, &silence);
    gather(v, now, w);
}

/* --- Time --- */

/* One watch for each life that is accused, and none without. */
static void follow(struct vigil *v, struct instant now)
{
    for (size_t i = 0; v->used && i < v->count; i++) {
        struct watched_life *w = &v->table[i];
        if (!w->used || (accused(v, w) && proofs_covers(v->proofs, w->slot) < w->life))
            continue;
        *w = (struct watched_life){0};
        v->used--;
    }
    for (size_t i = 0; v->accuser->used && i < v->accuser->count; i++) {
        const struct accusation *c = &v->accuser->table[i];
        if (!c->used || find(v, c->slot, c->life) || proofs_covers(v->proofs, c->slot) >= c->life)
            continue;
        struct watched_life *free = v->table;
        while (free < v->table + v->count && free->used)
            free++;
        v->count += free == v->table + v->count;
        must(v->count <= places_asked(v->core->config.roster));
        v->used++;
        *free =
            (struct watched_life){.used = true, .slot = c->slot, .life = c->life, .ask_at = now};
    }
}

void vigil_step(struct vigil *v, struct instant now)
{
    if (v->followed != v->accuser->serial)
        follow(v, now);
    v->followed = v->accuser->serial;
    for (size_t i = 0; v->used && i < v->count; i++) {
        struct watched_life *w = &v->table[i];
        if (!w->used || !instant_reached(now, w->ask_at))
            continue;
        gather(v, now, w); /* a vote may have come that was missing */
        ask(v, now, w);
    }
}

struct instant vigil_deadline(const struct vigil *v)
{
    struct instant at = INSTANT_NEVER;
    for (size_t i = 0; v->used && i < v->count; i++)
        if (v->table[i].used)
            at = instant_earlier(at, v->table[i].ask_at);
    return at;
}
