/* What a juror keeps about sessions: see scopes.h. */
#include "proto/scopes.h"

#include "proto/ended.h"
#include "proto/fence_told.h"
#include "proto/inquiry.h"
#include "proto/must.h"
#include "proto/mutant.h"

#define ASKED_SPAN SPAN_MS(3000) /* an accuser repeats its question in less */

size_t scopes_bytes(const struct peer_config *config)
{
    (void)config;
    return SCOPES_MAX * sizeof(struct scope_file);
}

void scopes_init(struct scopes *t, struct juror *juror, void *memory)
{
    *t = (struct scopes){.juror = juror, .files = memory};
    memset(t->files, 0, SCOPES_MAX * sizeof *t->files);
}

static struct core *core_of(const struct scopes *t)
{
    return t->juror->core;
}

/* --- The table --- */

static struct scope_file *find(const struct scopes *t, uint16_t slot, uint64_t life,
                               const struct scope *scope)
{
    for (size_t i = 0; i < SCOPES_MAX; i++) {
        struct scope_file *f = &t->files[i];
        if (f->used && f->slot == slot && f->life == life && scope_equal(&f->scope, scope))
            return f;
    }
    return NULL;
}

static bool window_open(const struct scope_file *f, struct instant now)
{
    return f->window && !instant_reached(now, f->window_until);
}

/* A later life is in the book: its claim was taken when no window was open any more (F9). */
static bool outlived(const struct scopes *t, const struct scope_file *f)
{
    const struct dossier *s = juror_dossier(t->juror, f->slot);
    return s && s->life > f->life;
}

/* Nothing that must be remembered stands in it. A vote is final as long as its life may live. */
static bool spare(const struct scopes *t, const struct scope_file *f)
{
    struct instant now = core_of(t)->now;
    if (!f->used)
        return true;
    bool over = proofs_covers(core_of(t)->proofs, f->slot) >= f->life;
    /* Nobody has asked about what was read from the log. */
    bool asked = f->accuser != SLOT_NONE && span_between(f->asked_at, now).ns < ASKED_SPAN.ns;
    return !(window_open(f, now) && !outlived(t, f)) && (over || (!f->voted && !asked));
}

/* The file of that session, a new one if need be; NULL if there is no room. */
static struct scope_file *open_file(struct scopes *t, uint16_t slot, uint64_t life,
                                    const struct scope *scope)
{
    struct scope_file *f = find(t, slot, life, scope);
    for (size_t i = 0; !f && i < SCOPES_MAX; i++) {
        if (!spare(t, &t->files[i]))
            continue;
        f = &t->files[i];
        *f = (struct scope_file){
            .used = true, .slot = slot, .life = life, .scope = *scope, .accuser = SLOT_NONE};
    }
    return f;
}

/* --- The log --- */

/* F2: from then on no renewal of that life is acknowledged, whether the vote itself is kept or not.
 */
static void note_vote(struct scopes *t, uint16_t slot, uint64_t life, uint64_t lsn)
{
    struct dossier *s = juror_dossier(t->juror, slot);
    if (s && life >= s->scoped) {
        s->scoped = life;
        s->scoped_lsn = lsn;
    }
}

static void load_vote(struct scopes *t, const struct record_vote *r, uint64_t lsn)
{
    struct scope_file *f = open_file(t, r->slot, r->life, &r->scope);
    note_vote(t, r->slot, r->life, lsn);
    if (!f)
        return;
    f->voted = true;
    f->vote = (struct vote){.juror = core_self(core_of(t)),
                            .allows = r->allows,
                            .age_ms = r->age_ms,
                            .signature = r->signature};
    f->evidence = r->evidence;
    f->vote_lsn = lsn;
}

/* There is no place for that window: then it counts for the whole life, which bars as much (F9). */
static void keep_closed(struct scopes *t, const struct record_window *r)
{
    struct dossier *s = juror_dossier(t->juror, r->slot);
    struct span span = SPAN_MS((int64_t)r->span_ms);
    if (!s || s->window_life > r->life || s->life > r->life)
        return;
    if (s->window_life < r->life || s->window_span.ns < span.ns)
        s->window_span = span;
    s->window_life = r->life;
    s->window_by = SLOT_NONE;
}

static void load_window(struct scopes *t, const struct record_window *r, uint64_t lsn)
{
    struct scope_file *f = open_file(t, r->slot, r->life, &r->scope);
    if (!f) {
        keep_closed(t, r);
        return;
    }
    f->window = r->span_ms > 0;
    f->window_by = r->executor;
    f->window_span = SPAN_MS((int64_t)r->span_ms);
    f->window_until = INSTANT_NEVER; /* until scopes_start() says when */
    f->window_lsn = lsn;
}

void scopes_load(struct scopes *t, const struct record *record, uint64_t lsn)
{
    if (record->kind == RECORD_VOTE && record->vote.scope.session)
        load_vote(t, &record->vote, lsn);
    else if (record->kind == RECORD_WINDOW && record->window.scope.session)
        load_window(t, &record->window, lsn);
}

/* How much of a window has passed is not known: all of it is to come. */
void scopes_start(struct scopes *t, struct instant now)
{
    for (size_t i = 0; i < SCOPES_MAX; i++) {
        struct scope_file *f = &t->files[i];
        f->window = f->window && !outlived(t, f);
        if (f->used && f->window)
            f->window_until = instant_after(instant_after(now, ASK_SPAN), f->window_span);
    }
}

static struct record vote_record(const struct scope_file *f)
{
    return (struct record){.kind = RECORD_VOTE,
                           .vote = {.slot = f->slot,
                                    .life = f->life,
                                    .allows = f->vote.allows,
                                    .age_ms = f->vote.age_ms,
                                    .signature = f->vote.signature,
                                    .evidence = f->evidence,
                                    .scope = f->scope}};
}

static struct record window_record(const struct scope_file *f, struct span span)
{
    return (struct record){.kind = RECORD_WINDOW,
                           .window = {.slot = f->slot,
                                      .life = f->life,
                                      .executor = f->window_by,
                                      .span_ms = (uint32_t)(span.ns / 1000000),
                                      .scope = f->scope}};
}

bool scopes_record(const struct scopes *t, size_t index, int *cursor, struct record *out)
{
    const struct scope_file *f = &t->files[index];
    int at = (*cursor)++;
    if (at == 0 && f->used && f->voted) {
        *out = vote_record(f);
        return true;
    }
    if (at <= 1 && f->used && f->window) {
        *cursor = 2;
        *out = window_record(f, f->window_span);
        return true;
    }
    return false;
}

/* --- The vote --- */

static uint32_t allowed(const struct scopes *t, struct instant now, const struct scope_file *f,
                        const struct dossier *s)
{
    uint32_t own = 1u << ACTION_RETIRE | 1u << f->scope.action;
    return inquiry_allows(t->juror, now, f->slot, f->life, s) & own;
}

static void send_vote(struct scopes *t, const struct scope_file *f)
{
    struct message m = {.type = WIRE_VOTE,
                        .vote = {.slot = f->slot,
                                 .life = f->life,
                                 .allows = f->vote.allows,
                                 .age_ms = f->vote.age_ms,
                                 .signature = f->vote.signature,
                                 .evidence = f->evidence,
                                 .scope = f->scope}};
    outbox_send_after(&core_of(t)->outbox, f->vote_lsn, f->accuser, &m);
}

/* Signs, and makes it durable before it can be sent (F2: final). */
static void vote(struct scopes *t, struct instant now, struct scope_file *f, struct dossier *s)
{
    struct core *c = core_of(t);
    uint32_t allows = allowed(t, now, f, s) | (f->voted ? f->vote.allows : 0);
    if (f->voted && allows == f->vote.allows)
        return;
    must(!standing_bound(c->standing) || MUTANT(41)); /* F3: a node under an order signs nothing */
    must(core_votes(c) && !inquiry_frozen(t->juror, now, f->slot)); /* F8 */
    struct order order = {.epoch = c->config.roster->epoch,
                          .roster = c->config.roster_digest,
                          .slot = f->slot,
                          .life = f->life,
                          .scope = f->scope};
    f->voted = true;
    f->evidence = inquiry_gather(t->juror, now, f->slot, f->life, s, OPINION_VOTES);
    f->vote = (struct vote){.juror = core_self(c),
                            .allows = allows,
                            .age_ms = inquiry_age_ms(t->juror, now, s, f->life)};
    vote_sign(&f->vote, &order, &c->config.cluster, c->config.key);
    struct record record = vote_record(f);
    f->vote_lsn = journal_append(&c->journal, &record, true);
    if (!MUTANT(112)) /* "acknowledges again after a vote against a session" */
        note_vote(t, f->slot, f->life, f->vote_lsn);
    s->voted_at = now; /* its node is under such an order from now on (F8) */
    send_vote(t, f);
    fence_told_opinion(c, &order, core_self(c), &f->evidence, &f->vote);
    c->counters.fence_votes++;
    struct notice *n = told_notice(&c->told, NOTICE_VOTED);
    n->slot = f->slot;
    n->number = f->life;
}

void scopes_vote(struct scopes *t, struct instant now, uint16_t slot, struct dossier *s)
{
    for (size_t i = 0; i < SCOPES_MAX; i++) {
        struct scope_file *f = &t->files[i];
        if (f->used && f->slot == slot && f->life == s->inquired && f->accuser != SLOT_NONE &&
            span_between(f->asked_at, now).ns < ASKED_SPAN.ns)
            vote(t, now, f, s);
    }
}

void scopes_accused(struct scopes *t, struct instant now, uint16_t from,
                    const struct wire_accuse *m, struct dossier *s, enum opinion opinion)
{
    struct core *c = core_of(t);
    const struct scope *scope = &m->word.scope;
    const struct ended_entry *ended = ended_of(c->ended, m->slot, m->life, scope);
    /* F2e: what is to be done, and about what, is the holder's word alone. */
    if (!scope_verify(&m->word, m->slot, m->life, &c->config.cluster, c->config.roster)) {
        c->counters.drop_role++;
        return;
    }
    if (ended) {
        ended_send(c->ended, from, ended);
        return;
    }
    bool may = opinion != OPINION_NO_STAKE && opinion != OPINION_FROZEN;
    struct scope_file *f = may ? open_file(t, m->slot, m->life, scope) : NULL;
    inquiry_log_accused(t->juror, now, from, m, s, f ? &f->logged_at : NULL);
    if (!f) {
        inquiry_tell(t->juror, now, from, m, s, may ? OPINION_FULL : opinion);
        return;
    }
    f->accuser = from;
    f->asked_at = now;
    bool more = f->voted && (allowed(t, now, f, s) & ~f->vote.allows);
    if (f->voted)
        send_vote(t, f);
    if (opinion == OPINION_LOOKING && !s->open && (!f->voted || more))
        inquiry_look(t->juror, now, from, m, s);
    if (f->voted || s->open)
        return;
    if (opinion == OPINION_RENEWED)
        inquiry_prepare(t->juror, from, m, s);
    inquiry_tell(t->juror, now, from, m, s, opinion);
}

/* --- Executors (F9) --- */

void scopes_exec_ask(struct scopes *t, struct instant now, uint16_t from,
                     const struct wire_exec_ask *m)
{
    struct core *c = core_of(t);
    const struct ended_entry *ended = ended_of(c->ended, m->slot, m->life, &m->scope);
    if (ended) {
        ended_send(c->ended, from, ended);
        return;
    }
    struct scope_file *f = open_file(t, m->slot, m->life, &m->scope);
    if (!f)
        return;
    bool other = window_open(f, now) && f->window_by != from;
    struct span span = SPAN_MS((int64_t)m->span_ms);
    struct instant until = instant_after(instant_after(now, ASK_SPAN), span);
    if (!window_open(f, now) || f->window_by != from || f->window_span.ns < span.ns) {
        f->window_by = other ? SLOT_NONE : from;
        f->window_span = other && f->window_span.ns > span.ns ? f->window_span : span;
        f->window_until = other && until.ns < f->window_until.ns ? f->window_until : until;
        f->window = true;
        struct record record = window_record(f, f->window_span);
        f->window_lsn = journal_append(&c->journal, &record, true);
    } else if (f->window_until.ns < until.ns) {
        f->window_until = until;
    }
    struct message ok = {
        .type = WIRE_EXEC_OK,
        .exec_ok = {.slot = m->slot, .life = m->life, .nonce = m->nonce, .scope = m->scope}};
    outbox_send_after(&c->outbox, f->window_lsn, from, &ok);
}

void scopes_run_over(struct scopes *t, struct instant now, uint16_t executor,
                     const struct wire_exec_report *m)
{
    struct scope_file *f = find(t, m->slot, m->life, &m->scope);
    if (!f || !f->window || f->window_by != executor)
        return;
    f->window_until = now;
    f->window = false;
    struct record record = window_record(f, SPAN_MS(0));
    journal_append(&core_of(t)->journal, &record, false);
}

bool scopes_acted_on(const struct scopes *t, struct instant now, uint16_t slot, uint64_t life)
{
    for (size_t i = 0; i < SCOPES_MAX; i++) {
        const struct scope_file *f = &t->files[i];
        if (f->used && f->slot == slot && f->life < life && window_open(f, now))
            return true;
    }
    return false;
}
