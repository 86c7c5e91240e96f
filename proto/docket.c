/* The docket: see docket.h. */
#include "proto/docket.h"

#include "proto/begun.h"
#include "proto/fence_told.h"
#include "proto/must.h"
#include "proto/mutant.h"
#include "proto/places.h"

#define RECEIPT_SPAN SPAN_MS(3000)

size_t docket_bytes(const struct peer_config *config)
{
    return places_orders(config->roster) * sizeof(struct docket_entry);
}

void docket_init(struct docket *d, struct core *core, struct proofs *proofs, void *memory)
{
    *d = (struct docket){.core = core, .proofs = proofs, .entries = memory};
}

struct docket_entry *docket_find_scope(const struct docket *d, uint16_t slot, uint64_t life,
                                       const struct scope *scope)
{
    for (size_t i = 0; i < d->count; i++) {
        struct docket_entry *e = &d->entries[i];
        if (e->used && e->slot == slot && e->life == life && scope_equal(&e->scope, scope))
            return e;
    }
    return NULL;
}

struct docket_entry *docket_find(const struct docket *d, uint16_t slot, uint64_t life)
{
    return docket_find_scope(d, slot, life, &scope_none);
}

bool docket_binds_session(const struct docket *d, uint16_t slot, uint64_t life)
{
    for (size_t i = 0; i < d->count; i++) {
        const struct docket_entry *e = &d->entries[i];
        if (e->used && e->slot == slot && e->life == life && e->scope.session)
            return true;
    }
    return false;
}

bool docket_over(const struct docket *d, const struct docket_entry *e)
{
    return proofs_covers(d->proofs, e->slot) >= e->life ||
           ended_of(d->core->ended, e->slot, e->life, &e->scope);
}

bool docket_binds(const struct docket *d, uint16_t slot, uint64_t life)
{
    return docket_find(d, slot, life) != NULL;
}

uint8_t docket_action_after(const struct docket_entry *e, uint8_t action)
{
    uint32_t up_to = (2u << action) - 1; /* all of them after the last */
    uint32_t others = e->actions & ~up_to;
    return others ? (uint8_t)__builtin_ctz(others) : ACTION_RETIRE;
}

uint8_t docket_action(const struct docket_entry *e)
{
    return docket_action_after(e, ACTION_RETIRE);
}

/* --- Stories --- */

/* Up to 255 bytes, or none. */
static void put_line(struct writer *w, struct view line)
{
    if (line.size > UINT8_MAX)
        w->failed = true;
    write_u8(w, (uint8_t)line.size);
    write_copy(w, line.bytes, line.size);
}

static struct view get_line(struct reader *r)
{
    struct view line = {.size = read_u8(r)};
    line.bytes = read_view(r, line.size);
    return line;
}

void story_encode(struct writer *w, const struct fence_story *story)
{
    write_u16(w, story->accuser);
    put_line(w, story->name);
    write_u8(w, (uint8_t)story->count);
    for (size_t i = 0; i < story->count; i++) {
        write_u16(w, story->opinions[i].juror);
        put_evidence(w, story->opinions[i].evidence);
    }
    if (story->who.size || story->reason.size) {
        put_line(w, story->who);
        put_line(w, story->reason);
    }
}

bool story_decode(struct fence_story *out, struct view bytes)
{
    *out = (struct fence_story){.accuser = SLOT_NONE};
    struct reader r = reader_init(bytes.bytes, bytes.size);
    out->accuser = read_u16(&r);
    out->name = get_line(&r);
    out->count = read_u8(&r);
    if (r.failed || out->count > ROSTER_JURORS_MAX ||
        (out->name.size && !lock_name_valid(out->name)))
        reader_fail(&r);
    for (size_t i = 0; !r.failed && i < out->count; i++) {
        out->opinions[i].juror = read_u16(&r);
        out->opinions[i].evidence = get_evidence(&r);
    }
    if (reader_left(&r)) {
        out->who = get_line(&r);
        out->reason = get_line(&r);
        if (out->who.size + out->reason.size == 0) /* one story has one form */
            reader_fail(&r);
    } else if (out->name.size == 0) {
        reader_fail(&r); /* nobody asked */
    }
    if (reader_done(&r))
        return true;
    *out = (struct fence_story){.accuser = SLOT_NONE};
    return false;
}

/* --- The table --- */

static void let_go(struct docket *d, struct docket_entry *e)
{
    arena_put(&d->core->arena, e->story, e->story_size);
    arena_put(&d->core->arena, e->proof, e->proof_size);
    *e = (struct docket_entry){0};
}

/* A free place, or that of the oldest order whose target is proven over; NULL if all are open.
 * Those about sessions leave half of the places to those about lives, which are the ladder's next
 * rung. */
static struct docket_entry *make_place(struct docket *d, const struct scope *scope)
{
    struct docket_entry *oldest = NULL;
    size_t sessions = 0;
    for (size_t i = 0; i < d->count; i++) {
        const struct docket_entry *e = &d->entries[i];
        sessions += e->used && e->scope.session && !docket_over(d, e);
    }
    size_t places = places_orders(d->core->config.roster);
    if (scope->session && sessions >= places / 2)
        return NULL;
    for (size_t i = 0; i < d->count; i++) {
        struct docket_entry *e = &d->entries[i];
        if (!e->used)
            return e;
        if (docket_over(d, e) && (!oldest || e->serial < oldest->serial))
            oldest = e;
    }
    if (d->count < places) {
        d->entries[d->count] = (struct docket_entry){0};
        return &d->entries[d->count++];
    }
    if (oldest)
        let_go(d, oldest);
    return oldest;
}

static bool keep_bytes(struct docket *d, struct view bytes, uint8_t **at, uint32_t *size)
{
    uint8_t *copy = bytes.size ? arena_get(&d->core->arena, bytes.size) : NULL;
    if (bytes.size && !copy)
        return false;
    if (copy)
        memcpy(copy, bytes.bytes, bytes.size);
    arena_put(&d->core->arena, *at, *size);
    *at = copy;
    *size = (uint32_t)bytes.size;
    return true;
}

static uint32_t actions_of(const struct docket *d, const struct order_cert *cert)
{
    uint32_t actions = 0;
    for (uint8_t a = 0; a <= d->core->config.roster->action_count; a++)
        if (order_cert_allowing(cert, a) >= d->core->jury.quorum &&
            order_suits(&cert->order, a, d->core->config.roster))
            actions |= 1u << a;
    return actions;
}

/* An entry for the certificate; without a story the one that is kept stays. NULL if there is no
 * room. */
static struct docket_entry *enter(struct docket *d, const struct order_cert *cert,
                                  struct view story)
{
    struct docket_entry *e =
        docket_find_scope(d, cert->order.slot, cert->order.life, &cert->order.scope);
    if (!e)
        e = make_place(d, &cert->order.scope);
    if (!e || (story.size && !keep_bytes(d, story, &e->story, &e->story_size)))
        return NULL;
    if (!e->used)
        e->serial = ++d->serial;
    e->used = true;
    e->slot = cert->order.slot;
    e->life = cert->order.life;
    e->scope = cert->order.scope;
    e->order = order_digest(&cert->order);
    e->cert = *cert;
    e->actions = actions_of(d, cert);
    return e;
}

static bool decode_cert(struct order_cert *out, struct view bytes)
{
    struct reader r = reader_init(bytes.bytes, bytes.size);
    return order_cert_decode(out, &r) && reader_done(&r);
}

static struct view encode_cert(const struct order_cert *cert, uint8_t out[ORDER_CERT_BYTES_MAX])
{
    struct writer w = writer_init(out, ORDER_CERT_BYTES_MAX);
    order_cert_encode(&w, cert);
    must(!w.failed);
    return (struct view){out, writer_size(&w)};
}

/* --- Taking --- */

static const char *judge(struct docket *d, const struct order_cert *cert)
{
    const struct core *c = d->core;
    const struct peer_config *config = &c->config;
    uint32_t actions = actions_of(d, cert);
    uint8_t action = actions ? (uint8_t)__builtin_ctz(actions) : ACTION_RETIRE;
    enum order_verdict verdict = order_cert_verify(cert, action, &config->cluster, config->roster,
                                                   &config->roster_digest, NULL);
    if (MUTANT(39) && verdict == ORDER_DUPLICATE) /* "duplicate signer counted twice" */
        verdict = ORDER_OK;
    if (MUTANT(148) && verdict == ORDER_OTHER_ROSTER) /* "an order of an earlier roster binds" */
        verdict = ORDER_OK;
    if (verdict != ORDER_OK)
        return order_verdict_text(verdict);
    /* F3: an order binds one life; against a higher one it can do nothing. */
    bool over = proofs_covers(d->proofs, cert->order.slot) >= cert->order.life ||
                (cert->order.slot == core_self(c) && cert->order.life < c->life);
    if (over && !MUTANT(32)) /* "fence order accepted for an old life" */
        return "the life that it names is over: against a higher life an order can do nothing (F3)";
    return NULL;
}

const char *docket_judge(struct docket *d, struct view bytes)
{
    struct order_cert cert;
    return decode_cert(&cert, bytes) ? judge(d, &cert) : order_verdict_text(ORDER_MALFORMED);
}

static enum docket_news refuse(struct docket *d, const char *text, const char **why)
{
    d->core->counters.drop_order++;
    if (why)
        *why = text;
    return DOCKET_REFUSED;
}

static void announce(struct docket *d, const struct docket_entry *e)
{
    d->core->counters.fence_orders++;
    struct notice *n = told_notice(&d->core->told, NOTICE_ORDER);
    n->slot = e->slot;
    n->number = e->life;
}

enum docket_news docket_offer(struct docket *d, struct instant now, struct view bytes,
                              struct view story, const char **why)
{
    struct order_cert cert;
    struct fence_story told;
    if (!decode_cert(&cert, bytes))
        return refuse(d, order_verdict_text(ORDER_MALFORMED), why);
    struct docket_entry *e =
        docket_find_scope(d, cert.order.slot, cert.order.life, &cert.order.scope);
    bool known =
        e && order_equal(&e->cert.order, &cert.order) && (actions_of(d, &cert) & ~e->actions) == 0;
    const char *text = known && actions_of(d, &cert) ? NULL : judge(d, &cert);
    if (text)
        return refuse(d, text, why);
    if (known)
        return DOCKET_HELD;
    if (!story_decode(&told, story))
        story = (struct view){0}; /* a submitted order has none; one that is broken is nobody's */
    bool fresh = !e;
    e = enter(d, &cert, story);
    if (!e)
        return refuse(d, "this node keeps as many open orders as it can", why);
    struct record record = {.kind = RECORD_ORDER, .order = {.cert = bytes, .story = story}};
    e->lsn = journal_append(&d->core->journal, &record, true);
    e->at = now;
    fence_told_order(d->core, &cert, e->actions, &told, fresh);
    if (fresh)
        announce(d, e);
    return DOCKET_NEW;
}

static struct view story_of(const struct docket_entry *e)
{
    return (struct view){e->story, e->story_size};
}

bool docket_long(const struct docket_entry *e)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    size_t cert = encode_cert(&e->cert, bytes).size;
    return MESSAGE_HEADER + 2 + cert + 2 + e->story_size > RELAYED_ROOM;
}

void docket_send(struct docket *d, uint16_t to, const struct docket_entry *e)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct message m = {.type = WIRE_ORDER,
                        .order = {.cert = encode_cert(&e->cert, bytes),
                                  .story = docket_long(e) ? (struct view){0} : story_of(e)}};
    outbox_send(&d->core->outbox, to, &m);
}

void docket_send_story(struct docket *d, uint16_t to, const struct docket_entry *e)
{
    struct message m = {
        .type = WIRE_STORY,
        .story = {.slot = e->slot, .life = e->life, .story = story_of(e), .scope = e->scope}};
    outbox_send(&d->core->outbox, to, &m);
}

struct docket_entry *docket_story(struct docket *d, const struct wire_story *m)
{
    uint8_t bytes[ORDER_CERT_BYTES_MAX];
    struct fence_story told;
    struct docket_entry *e = docket_find_scope(d, m->slot, m->life, &m->scope);
    if (!e || !story_decode(&told, m->story)) {
        d->core->counters.drop_role++;
        return NULL;
    }
    if (e->story)
        return e; /* the first that was told stands */
    if (!keep_bytes(d, m->story, &e->story, &e->story_size))
        return NULL;
    struct record record = {.kind = RECORD_ORDER,
                            .order = {.cert = encode_cert(&e->cert, bytes), .story = story_of(e)}};
    e->lsn = journal_append(&d->core->journal, &record, true);
    return e;
}

void docket_acknowledge(struct docket *d, uint16_t to, const struct docket_entry *e)
{
    struct message m = {.type = WIRE_ORDER_STORED,
                        .order_stored = {.slot = e->slot,
                                         .life = e->life,
                                         .actions = e->actions | (e->story ? ORDER_STORY_KEPT : 0),
                                         .scope = e->scope}};
    outbox_send_after(&d->core->outbox, e->lsn, to, &m);
}

/* --- Reports and receipts --- */

const struct fence_report *docket_report_of(const struct docket_entry *e, uint16_t executor)
{
    for (size_t i = 0; i < e->report_count; i++)
        if (e->reports[i].executor == executor)
            return &e->reports[i];
    return NULL;
}

/* One line of printable ASCII, whatever was sent. */
static void copy_text(char out[FENCE_TEXT_MAX + 1], struct view text)
{
    size_t size = text.size < FENCE_TEXT_MAX ? text.size : FENCE_TEXT_MAX;
    memcpy(out, text.bytes, size);
    for (size_t i = 0; i < size; i++)
        if (out[i] < ' ' || out[i] > '~')
            out[i] = '?';
    out[size] = '\0';
}

static struct fence_report *put_report(struct docket_entry *e, uint16_t executor,
                                       enum run_stage stage, struct view text)
{
    struct fence_report *r = (struct fence_report *)docket_report_of(e, executor);
    if (!r && e->report_count == FENCE_REPORTS_MAX) {
        e->report_count--; /* the oldest gives way */
        memmove(e->reports, e->reports + 1, e->report_count * sizeof e->reports[0]);
    }
    if (!r)
        r = &e->reports[e->report_count++];
    *r = (struct fence_report){.executor = executor, .stage = stage};
    copy_text(r->text, text);
    return r;
}

/* F9: of several the one that begins, or ends its run, does not end the others' time. */
static bool another_runs(const struct docket_entry *e, uint16_t executor)
{
    for (size_t i = 0; i < e->report_count; i++)
        if (e->reports[i].executor != executor && e->reports[i].stage == RUN_BEGAN)
            return true;
    return false;
}

/* How long nobody else need begin from here on. */
static struct span report_span(const struct wire_exec_report *m)
{
    if (m->stage == RUN_DONE) /* the receipt is on its way */
        return RECEIPT_SPAN;
    uint32_t ms = m->span_ms < RUN_SPAN_MAX_MS ? m->span_ms : RUN_SPAN_MAX_MS;
    return SPAN_MS(m->stage == RUN_BEGAN ? (int64_t)ms : 0);
}

bool docket_report(struct docket *d, struct instant now, uint16_t executor,
                   const struct wire_exec_report *m)
{
    struct docket_entry *e = docket_find_scope(d, m->slot, m->life, &m->scope);
    int index = roster_find(d->core->config.roster, executor);
    if (!e || m->stage >= RUN_STAGES || index < 0 ||
        !d->core->config.roster->nodes[index].executes || executor == m->slot) {
        d->core->counters.drop_role++;
        return false;
    }
    const struct fence_report *before = docket_report_of(e, executor);
    struct span span = report_span(m);
    if (before && before->stage >= m->stage) {
        if (m->stage == RUN_BEGAN)
            begun_again(e, now, executor, span);
        return false;
    }
    struct fence_report *r = put_report(e, executor, (enum run_stage)m->stage, m->text);
    r->at = e->at = now;
    fence_told_report(d->core, &e->cert.order, r);
    struct instant until = instant_after(now, span);
    if (until.ns > e->runs_until.ns || (m->stage != RUN_BEGAN && !another_runs(e, executor)))
        e->runs_until = until;
    struct record record = {.kind = RECORD_REPORT,
                            .report = {.slot = m->slot,
                                       .life = m->life,
                                       .executor = executor,
                                       .stage = m->stage,
                                       .scope = e->scope,
                                       .text = {(const uint8_t *)r->text, strlen(r->text)}}};
    journal_append(&d->core->journal, &record, false);
    return true;
}

void docket_proof(struct docket *d, uint16_t slot)
{
    const struct proof_entry *p = proofs_of(d->proofs, slot);
    struct docket_entry *e = p && p->executed ? docket_find(d, slot, p->covers) : NULL;
    if (!e || e->proof)
        return;
    if (keep_bytes(d, (struct view){p->bytes, p->size}, &e->proof, &e->proof_size))
        e->proof_digest = p->digest;
}

void docket_ended(struct docket *d, const struct ended_entry *ended)
{
    struct docket_entry *e = docket_find_scope(d, ended->slot, ended->life, &ended->scope);
    if (!e || e->proof)
        return;
    if (keep_bytes(d, (struct view){ended->bytes, ended->size}, &e->proof, &e->proof_size))
        e->proof_digest = ended->digest;
}

/* --- The log --- */

static bool load_order(struct docket *d, const struct record_order *r, uint64_t lsn)
{
    struct order_cert cert;
    if (!decode_cert(&cert, r->cert))
        return true;
    struct docket_entry *e = enter(d, &cert, r->story);
    if (e)
        e->lsn = lsn;
    return e != NULL;
}

static void load_receipt(struct docket *d, struct view bytes)
{
    struct proof proof;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (!proof_decode(&proof, &r) || proof.kind == PROOF_END)
        return;
    const struct order *order = &proof.cert.order;
    struct docket_entry *e = docket_find_scope(d, order->slot, order->life, &order->scope);
    if (e && keep_bytes(d, bytes, &e->proof, &e->proof_size))
        e->proof_digest = digest_of(bytes.bytes, bytes.size);
}

bool docket_load(struct docket *d, const struct record *record, uint64_t lsn)
{
    if (record->kind == RECORD_ORDER)
        return load_order(d, &record->order, lsn);
    if (record->kind == RECORD_PROOF)
        load_receipt(d, record->proof.bytes);
    if (record->kind == RECORD_REPORT) {
        const struct record_report *r = &record->report;
        struct docket_entry *e = docket_find_scope(d, r->slot, r->life, &r->scope);
        if (e && r->stage < RUN_STAGES)
            put_report(e, r->executor, (enum run_stage)r->stage, r->text);
    }
    return true;
}

void docket_start(struct docket *d, struct instant now)
{
    for (size_t i = 0; i < d->count; i++)
        d->entries[i].at = now;
}

/* Order, then its receipt, then the reports. The bytes stay valid until the next call. */
bool docket_record(const struct docket *d, size_t index, int *cursor, struct record *out,
                   uint8_t bytes[ORDER_CERT_BYTES_MAX])
{
    const struct docket_entry *e = &d->entries[index];
    int at = (*cursor)++;
    if (!e->used)
        return false;
    if (at == 0) {
        *out = (struct record){
            .kind = RECORD_ORDER,
            .order = {.cert = encode_cert(&e->cert, bytes), .story = {e->story, e->story_size}}};
        return true;
    }
    if (at == 1 && e->proof) {
        *out = (struct record){.kind = RECORD_PROOF, .proof = {.bytes = {e->proof, e->proof_size}}};
        return true;
    }
    size_t report = (size_t)(at - 1 - (e->proof ? 1 : 0));
    if (report >= e->report_count)
        return false;
    const struct fence_report *r = &e->reports[report];
    *out = (struct record){.kind = RECORD_REPORT,
                           .report = {.slot = e->slot,
                                      .life = e->life,
                                      .executor = r->executor,
                                      .stage = (uint8_t)r->stage,
                                      .scope = e->scope,
                                      .text = {(const uint8_t *)r->text, strlen(r->text)}}};
    return true;
}
