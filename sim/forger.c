/* The forger: see forger.h. */
#include "sim/forger.h"

#include "sim/machine.h"
#include "sim/world.h"

static const struct range at = {SPAN_MS(5000), SPAN_MS(60000)};
static const char *const texts[] = {
#define FORGERY_TEXT(NAME, text) text,
    FORGERIES(FORGERY_TEXT)
#undef FORGERY_TEXT
};

static void plan(struct world *w)
{
    world_plan(w, random_span(&w->forger.random, at.low, at.high),
               (struct item){.kind = HAPPEN_FORGERY});
}

void forger_open(struct world *w)
{
    random_init(&w->forger.random, w->seed, STREAM_FORGER);
    w->forger.left = w->p.forgeries;
    if (w->forger.left > 0)
        plan(w);
}

static struct cluster_id cluster_of(const struct world *w, bool other)
{
    struct cluster_id id = w->cluster->id;
    if (other)
        id.bytes[0] ^= 0xff;
    return id;
}

/* Votes of the first `count` jurors, by their own keys. */
static void sign_votes(const struct world *w, struct order_cert *cert, size_t count, bool other)
{
    const struct roster *roster = &w->cluster->roster;
    struct cluster_id cluster = cluster_of(w, other);
    for (size_t i = 0; i < roster->node_count && cert->count < count; i++) {
        struct vote vote = {.juror = roster->nodes[i].slot, .allows = 3, .age_ms = 5000};
        if (!roster->nodes[i].juror)
            continue;
        vote_sign(&vote, &cert->order, &cluster, &w->cluster->keys[i]);
        order_cert_add(cert, &vote);
    }
}

static void make_order(const struct world *w, struct order_cert *cert, const struct machine *target,
                       enum forgery kind)
{
    size_t quorum = roster_juror_quorum(&w->cluster->roster);
    bool other = kind == FORGERY_OTHER_CLUSTER || kind == FORGERY_RECEIPT_OTHER_CLUSTER;
    bool whole = other || kind > FORGERY_OLD_ORDER;
    *cert = (struct order_cert){.order = {.epoch = w->cluster->roster.epoch,
                                          .roster = w->cluster->digest,
                                          .slot = cluster_slot(target->index),
                                          .life = target->life}};
    if (kind == FORGERY_OLD_EPOCH) {
        cert->order.epoch--;
        cert->order.roster.bytes[0] ^= 0xff;
    }
    if (kind != FORGERY_RECEIPT_ALONE)
        sign_votes(w, cert, whole ? quorum : quorum - 1, other);
    if (kind == FORGERY_TWICE) {
        cert->votes[cert->count] = cert->votes[cert->count - 1];
        cert->count++;
    }
}

static void make_receipt(const struct world *w, struct proof *proof, const struct machine *target,
                         enum forgery kind)
{
    size_t executor = (target->index + 1u) % w->machine_count;
    struct cluster_id cluster = cluster_of(w, kind == FORGERY_RECEIPT_OTHER_CLUSTER);
    *proof = (struct proof){.kind = PROOF_EXECUTED};
    make_order(w, &proof->cert, target, kind);
    proof->receipt =
        (struct receipt){.action = 1, .executor = cluster_slot(executor), .witness = WITNESS_NONE};
    memcpy(proof->receipt.device, w->cluster->roster.nodes[target->index].device, DEVICE_SIZE);
    receipt_sign(&proof->receipt, &proof->cert.order, &cluster, &w->cluster->keys[executor]);
}

static void make_end(const struct world *w, struct proof *proof, const struct machine *target,
                     enum forgery kind)
{
    size_t signer =
        kind == FORGERY_END_OTHER_KEY ? (target->index + 1u) % w->machine_count : target->index;
    struct cluster_id cluster = cluster_of(w, kind == FORGERY_END_OTHER_CLUSTER);
    *proof = (struct proof){.kind = PROOF_END};
    proof->end.slot = cluster_slot(target->index);
    proof->end.life = target->life + 1;
    end_statement_sign(&proof->end, &cluster, &w->cluster->keys[signer]);
}

/* One that was true when it was certified, whosever. */
static bool old_order(struct world *w, struct writer *out)
{
    const struct lives *lives = &w->observer->lives;
    if (lives->order_count == 0)
        return false;
    const struct order_seen *o =
        &lives->orders[random_below(&w->forger.random, lives->order_count)];
    write_copy(out, ORDER_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
    write_copy(out, o->bytes, o->size);
    return true;
}

static bool make(struct world *w, struct writer *out, struct machine *target, enum forgery kind)
{
    struct order_cert cert;
    struct proof proof;
    switch (kind) {
    case FORGERY_OTHER_CLUSTER:
    case FORGERY_TWICE:
    case FORGERY_TOO_FEW:
    case FORGERY_OLD_EPOCH:
        make_order(w, &cert, target, kind);
        write_copy(out, ORDER_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
        order_cert_encode(out, &cert);
        return true;
    case FORGERY_CUT_SHORT:
    case FORGERY_TOO_LONG:
        make_order(w, &cert, target, kind);
        write_copy(out, ORDER_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
        order_cert_encode(out, &cert);
        if (kind == FORGERY_TOO_LONG)
            write_u8(out, 0);
        else
            out->at--;
        return true;
    case FORGERY_RECEIPT_OTHER_CLUSTER:
    case FORGERY_RECEIPT_ALONE:
        make_receipt(w, &proof, target, kind);
        break;
    case FORGERY_END_OTHER_CLUSTER:
    case FORGERY_END_OTHER_KEY:
        make_end(w, &proof, target, kind);
        break;
    case FORGERY_OLD_ORDER:
        return old_order(w, out);
    case FORGERY_KINDS:
        return false;
    }
    write_copy(out, PROOF_FILE_MAGIC, FENCE_FILE_MAGIC_SIZE);
    proof_encode(out, &proof);
    return true;
}

void forger_hand_in(struct world *w, struct machine *m, struct machine *target, enum forgery kind)
{
    struct forger *f = &w->forger;
    struct writer out = writer_init(f->file, sizeof f->file);
    if (!m->agent_up || m->paused || target->life == 0 || !make(w, &out, target, kind))
        return;
    struct event e = {.kind = EVENT_SUBMIT};
    e.submit.handle = ++f->number << 16 | (uint64_t)kind << 8 | HANDLE_FORGER;
    e.submit.file = (struct view){f->file, writer_size(&out)};
    coverage_hit(w, COVER_FORGER);
    world_trace(w, "%s is handed %s, against life %llu of %s", m->name, texts[kind],
                (unsigned long long)target->life, target->name);
    machine_post(w, m, &e);
}

void forger_next(struct world *w)
{
    struct forger *f = &w->forger;
    if (w->calm)
        return;
    struct machine *m = &w->machines[random_below(&f->random, w->machine_count)];
    struct machine *target = &w->machines[random_below(&f->random, w->machine_count)];
    bool old = w->observer->lives.order_count && random_chance(&f->random, 500);
    forger_hand_in(w, m, target,
                   old ? FORGERY_OLD_ORDER
                       : (enum forgery)random_below(&f->random, FORGERY_OLD_ORDER));
    if (--f->left > 0)
        plan(w);
}

void forger_answer(struct world *w, struct machine *m, const struct answer *a)
{
    enum forgery kind = (enum forgery)(a->handle >> 8 & 0xff);
    world_trace(w, "%s %s it: %s", m->name, a->kind == ANSWER_SUBMITTED ? "takes" : "refuses",
                a->text ? a->text : "");
    if (a->kind == ANSWER_SUBMITTED && kind != FORGERY_OLD_ORDER)
        world_fail(w, EXIT_BROKEN, "S17", "%s takes %s: %s", m->name, texts[kind],
                   a->text ? a->text : "");
    w->figures.forgeries += a->kind == ANSWER_REFUSED;
}
