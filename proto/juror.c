/* The juror: see juror.h. The inquiry and the vote are in inquiry.c. */
#include "proto/inquiry.h"

#include "proto/begun.h"
#include "proto/inhibitors.h"
#include "proto/life.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/scopes.h"

#define TELL_WAIT SPAN_MS(1000) /* a target hears so often at most that it was voted against */

size_t juror_bytes(const struct peer_config *config)
{
    size_t count = config->roster->node_count;
    return count * sizeof(struct dossier) + dues_bytes(count);
}

void juror_init(struct juror *j, struct core *core, const struct signs *signs, void *memory)
{
    *j = (struct juror){.core = core, .signs = signs, .dossiers = memory};
    j->serves = jury_find(&core->jury, core_self(core)) >= 0;
    size_t count = core->config.roster->node_count;
    memset(j->dossiers, 0, count * sizeof *j->dossiers);
    dues_init(&j->due, j->dossiers + count, count);
}

struct dossier *juror_dossier(const struct juror *j, uint16_t slot)
{
    int index = roster_find(j->core->config.roster, slot);
    return index < 0 ? NULL : &j->dossiers[index];
}

/* --- The log --- */

static void load_vote(struct juror *j, struct dossier *s, const struct record_vote *r, uint64_t lsn)
{
    if (r->life < s->voted || MUTANT(147)) /* "a vote is forgotten when its juror restarts" */
        return;
    s->voted = r->life;
    s->vote = (struct vote){.juror = core_self(j->core),
                            .allows = r->allows,
                            .age_ms = r->age_ms,
                            .signature = r->signature};
    s->evidence = r->evidence;
    s->vote_lsn = lsn;
}

void juror_load(struct juror *j, const struct record *record, uint64_t lsn)
{
    struct dossier *s;
    bool session = (record->kind == RECORD_VOTE && record->vote.scope.session) ||
                   (record->kind == RECORD_WINDOW && record->window.scope.session);
    if (session) {
        scopes_load(j->scopes, record, lsn);
    } else if (record->kind == RECORD_BOOK && (s = juror_dossier(j, record->book.slot)) &&
               record->book.life >= s->life) {
        s->life = record->book.life;
        s->nonce = record->book.life_nonce;
        s->lsn = lsn;
        if (s->window_life < s->life) /* it was over when the claim was taken */
            s->window_life = 0;
    } else if (record->kind == RECORD_VOTE && (s = juror_dossier(j, record->vote.slot))) {
        load_vote(j, s, &record->vote, lsn);
    } else if (record->kind == RECORD_WINDOW && (s = juror_dossier(j, record->window.slot))) {
        s->window_life = record->window.span_ms ? record->window.life : 0;
        s->window_by = record->window.executor;
        s->window_span = SPAN_MS((int64_t)record->window.span_ms);
        s->window_lsn = lsn;
    }
}

/* Whether that life of the node is over by the node's own word. A receipt ends nothing here (F8).
 */
static bool is_stated(const struct juror *j, uint16_t slot, uint64_t life)
{
    const struct proof_entry *p = proofs_of(j->core->proofs, slot);
    return p && !p->executed && p->covers >= life;
}

void juror_start(struct juror *j, struct instant now)
{
    j->started = now;
    scopes_start(j->scopes, now);
    for (size_t i = 0; i < j->core->config.roster->node_count; i++) {
        struct dossier *s = &j->dossiers[i];
        if (s->window_life) /* how much of it has passed is not known: all of it is to come */
            s->window_until = instant_after(instant_after(now, ASK_SPAN), s->window_span);
        uint16_t slot = j->core->config.roster->nodes[i].slot;
        uint64_t voted = s->voted > s->scoped ? s->voted : s->scoped;
        if (voted && !is_stated(j, slot, voted)) /* nor is how long ago it voted (F8) */
            s->voted_at = now;
    }
}

bool juror_record(const struct juror *j, size_t index, int *cursor, struct record *out)
{
    const struct dossier *s = &j->dossiers[index];
    uint16_t slot = j->core->config.roster->nodes[index].slot;
    for (;;) {
        int at = (*cursor)++;
        if (at == 0 && s->life) {
            *out = (struct record){.kind = RECORD_BOOK,
                                   .book = {.slot = slot, .life = s->life, .life_nonce = s->nonce}};
            return true;
        }
        if (at == 1 && s->voted) {
            *out = (struct record){.kind = RECORD_VOTE,
                                   .vote = {.slot = slot,
                                            .life = s->voted,
                                            .allows = s->vote.allows,
                                            .age_ms = s->vote.age_ms,
                                            .signature = s->vote.signature,
                                            .evidence = s->evidence}};
            return true;
        }
        if (at == 2 && s->window_life) {
            *out = (struct record){.kind = RECORD_WINDOW,
                                   .window = {.slot = slot,
                                              .life = s->window_life,
                                              .executor = s->window_by,
                                              .span_ms = (uint32_t)(s->window_span.ns / 1000000)}};
            return true;
        }
        if (at > 2)
            return false;
    }
}

uint64_t juror_voted(const struct juror *j, uint16_t slot)
{
    const struct dossier *s = juror_dossier(j, slot);
    return !s ? 0 : s->voted > s->scoped ? s->voted : s->scoped;
}

/* --- The book --- */

static bool same_nonce(const struct nonce *a, const struct nonce *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static void tell_book(struct juror *j, uint16_t to, const struct dossier *s, bool same)
{
    struct message m = {.type = WIRE_LIFE_STORED, .life_stored = {.life = s->life, .same = same}};
    outbox_send_after(&j->core->outbox, s->lsn, to, &m);
}

static void take_claim(struct juror *j, struct instant now, uint16_t from,
                       const struct wire_life_claim *m)
{
    struct dossier *s = juror_dossier(j, from);
    if (m->life == 0 || m->life >> PROOFS_NUMBER_MAX_BITS ||
        life_far(m->life, s->claimed > s->life ? s->claimed : s->life)) {
        j->core->counters.drop_role++;
        return;
    }
    if (m->life > s->claimed)
        s->claimed = m->life; /* from now on no executor begins on an older one */
    /* F3: an order's receipt ends all lives up to its own, so a life below one that was voted
     * against, before anybody began that, goes above it. A quorum stores each life that counts and
     * another votes for each order: one juror is in both. */
    uint64_t voted = s->voted > s->scoped ? s->voted : s->scoped;
    if (m->life > s->life && m->life < voted && !MUTANT(181)) { /* "is stored" */
        struct message above = {.type = WIRE_LIFE_STORED, .life_stored = {.life = voted}};
        outbox_send_after(&j->core->outbox, voted == s->voted ? s->vote_lsn : s->scoped_lsn, from,
                          &above);
        return;
    }
    /* F9: none who asked before can still act on an older life. The claim is repeated. */
    if (m->life > s->window_life && s->window_life && !instant_reached(now, s->window_until))
        return;
    if (scopes_acted_on(j->scopes, now, from, m->life))
        return;
    if (m->life > s->life) {
        s->life = m->life;
        s->nonce = m->life_nonce;
        if (s->window_life < s->life)
            s->window_life = 0;
        struct record record = {
            .kind = RECORD_BOOK,
            .book = {.slot = from, .life = m->life, .life_nonce = m->life_nonce}};
        s->lsn = journal_append(&j->core->journal, &record, true);
    }
    tell_book(j, from, s, m->life == s->life && same_nonce(&m->life_nonce, &s->nonce));
}

/* --- Renewals --- */

static void tell_vote(struct juror *j, struct instant now, uint16_t to, uint64_t life,
                      struct dossier *s)
{
    s->tell_at = instant_after(now, TELL_WAIT);
    bool whole = s->voted >= s->scoped;
    struct message m = {.type = WIRE_VOTED, .voted = {.life = life}};
    outbox_send_after(&j->core->outbox, whole ? s->vote_lsn : s->scoped_lsn, to, &m);
}

static void take_renew(struct juror *j, struct instant now, uint16_t from,
                       const struct wire_renew *m)
{
    struct dossier *s = juror_dossier(j, from);
    if (m->life > s->life) {
        tell_book(j, from, s, false);
        return;
    }
    if (m->life < s->life || proofs_covers(j->core->proofs, from) >= m->life)
        return;
    bool voted = s->voted >= m->life && !MUTANT(60); /* "acknowledges again after its vote" (F2) */
    if (voted || s->scoped >= m->life) {
        tell_vote(j, now, from, m->life, s);
        return;
    }
    s->renewed_life = m->life;
    s->renewed_at = now;
    struct message answer = {.type = WIRE_RENEWED, .renewed = {.life = m->life, .seq = m->seq}};
    outbox_send(&j->core->outbox, from, &answer);
}

void juror_heard(struct juror *j, struct instant now, uint16_t slot, uint64_t life)
{
    struct dossier *s = juror_dossier(j, slot);
    if (s && life && (s->voted == life || s->scoped == life) && instant_reached(now, s->tell_at) &&
        core_votes(j->core))
        tell_vote(j, now, slot, life, s);
}

/* --- Executors (F9) --- */

static bool may_execute(const struct juror *j, uint16_t from, const struct wire_exec_ask *m,
                        const struct docket_entry *e)
{
    const struct roster *roster = j->core->config.roster;
    int index = roster_find(roster, from);
    return index >= 0 && roster->nodes[index].executes && from != m->slot && e &&
           docket_action(e) != ACTION_RETIRE && m->slot != core_self(j->core);
}

static void take_exec_ask(struct juror *j, struct instant now, uint16_t from,
                          const struct wire_exec_ask *m)
{
    struct dossier *s = juror_dossier(j, m->slot);
    struct docket_entry *order = docket_find_scope(j->core->docket, m->slot, m->life, &m->scope);
    if (!s || m->span_ms > RUN_SPAN_MAX_MS || !may_execute(j, from, m, order)) {
        j->core->counters.drop_role++;
        return;
    }
    begun_asks(order, from);
    if (proofs_covers(j->core->proofs, m->slot) >= m->life && !MUTANT(32)) {
        proofs_send(j->core->proofs, from, m->slot);
        return;
    }
    if ((s->life > m->life || s->claimed > m->life) && !MUTANT(32))
        return; /* it lives again already, under a higher life (F3) */
    /* F8: no executor begins while that is inhibited. It asks again. */
    const struct inhibitors *inhibitors = j->core->inhibitors;
    if ((inhibitors_freeze(inhibitors, now, m->slot) && !MUTANT(130)) ||
        (inhibitors_maintain(inhibitors, now, m->slot) && !MUTANT(133)))
        return;
    if (!begun_yes(j->core, now, order, from)) /* who has not heard of it asks again later */
        return;
    if (m->scope.session) {
        scopes_exec_ask(j->scopes, now, from, m);
        return;
    }
    bool open = s->window_life && !instant_reached(now, s->window_until);
    bool other = open && (s->window_by != from || s->window_life != m->life);
    /* Of two lives the lower one: none above it counts while somebody may act on it. */
    uint64_t life = other && s->window_life < m->life ? s->window_life : m->life;
    struct span span = SPAN_MS((int64_t)m->span_ms);
    if (other && s->window_span.ns > span.ns)
        span = s->window_span; /* of two drivers the one that may take longer */
    struct instant until = instant_after(instant_after(now, ASK_SPAN), span);
    s->window_until = other && until.ns < s->window_until.ns ? s->window_until : until;
    uint16_t by = other ? SLOT_NONE : from; /* of two, neither alone can close it */
    if (s->window_life != life || s->window_by != by || s->window_span.ns < span.ns) {
        s->window_by = by;
        s->window_life = life;
        s->window_span = span;
        struct record record = {.kind = RECORD_WINDOW,
                                .window = {.slot = m->slot,
                                           .life = s->window_life,
                                           .executor = s->window_by,
                                           .span_ms = (uint32_t)(span.ns / 1000000)}};
        s->window_lsn = journal_append(&j->core->journal, &record, true);
    }
    struct message ok = {.type = WIRE_EXEC_OK,
                         .exec_ok = {.slot = m->slot, .life = m->life, .nonce = m->nonce}};
    outbox_send_after(&j->core->outbox, s->window_lsn, from, &ok);
}

void juror_run_over(struct juror *j, struct instant now, uint16_t executor,
                    const struct wire_exec_report *m)
{
    struct dossier *s = juror_dossier(j, m->slot);
    if (m->scope.session) {
        scopes_run_over(j->scopes, now, executor, m);
        return;
    }
    if (!s || s->window_life != m->life || s->window_by != executor)
        return;
    s->window_until = now;
    /* A span of nothing: closed, also after a restart. That it is forgotten costs a wait, no more.
     */
    struct record record = {.kind = RECORD_WINDOW,
                            .window = {.slot = m->slot, .life = m->life, .executor = executor}};
    journal_append(&j->core->journal, &record, false);
    s->window_life = 0;
}

/* --- The door --- */

void juror_take(struct juror *j, struct instant now, uint16_t from, const struct message *m)
{
    if (!j->serves || !core_votes(j->core) || !juror_dossier(j, from)) /* L7 */
        return;
    if (m->type == WIRE_LIFE_CLAIM)
        take_claim(j, now, from, &m->life_claim);
    else if (m->type == WIRE_RENEW)
        take_renew(j, now, from, &m->renew);
    else if (m->type == WIRE_ACCUSE)
        inquiry_accused(j, now, from, &m->accuse);
    else if (m->type == WIRE_FENCE_ASK) /* of no lock */
        inquiry_accused(
            j, now, from,
            &(struct wire_accuse){.slot = m->fence_ask.slot, .life = m->fence_ask.life});
    else if (m->type == WIRE_DOUBT_ANSWER)
        inquiry_relayed(j, from, &m->doubt_answer);
    else if (m->type == WIRE_EXEC_ASK)
        take_exec_ask(j, now, from, &m->exec_ask);
}

void juror_dead(struct juror *j, struct instant now, uint16_t slot, uint64_t life)
{
    struct dossier *s = juror_dossier(j, slot);
    if (!s)
        return;
    s->unreachable_at = now;
    s->unreachable_life = life;
    inquiry_hasten(j, now, slot, s);
}

/* F8: the end of an earlier life, stated late, takes nobody out of the count: what became
 * unreachable, or came under the vote, is a later one. */
void juror_proof(struct juror *j, uint16_t slot)
{
    struct dossier *s = juror_dossier(j, slot);
    if (s && is_stated(j, slot, s->unreachable_life))
        s->unreachable_at = (struct instant){0};
    if (s && is_stated(j, slot, s->voted > s->scoped ? s->voted : s->scoped))
        s->voted_at = (struct instant){0};
}
