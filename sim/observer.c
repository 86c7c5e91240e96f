/* The observer: see observer.h. */
#include "sim/observer.h"

#include "sim/check.h"
#include "sim/machine.h"
#include "sim/world.h"

void observer_open(struct world *w)
{
    w->observer = pool_take(&w->pool, sizeof *w->observer);
    history_open(w);
    for (size_t i = 0; i < SHARDS_MAX; i++)
        w->observer->served_by[i] = SLOT_NONE;
    for (size_t i = 0; i < MACHINES_MAX; i++)
        for (size_t k = 0; k < MACHINES_MAX; k++)
            w->observer->lives.reached_since[i][k] = INT64_MAX;
}

struct promise_seen *observer_promise(struct world *w, uint32_t shard, struct ballot ballot)
{
    struct promise_seen **top = &w->observer->promises[shard];
    for (struct promise_seen *p = *top; p; p = p->older)
        if (ballot_equal(p->ballot, ballot))
            return p;
    struct promise_seen *p = pool_take(&w->pool, sizeof *p);
    p->ballot = ballot;
    p->older = *top;
    return *top = p;
}

static bool is_gossip(enum wire_type type)
{
    return type <= WIRE_DIGEST || type == WIRE_RENEW || type == WIRE_RENEWED ||
           type == WIRE_STORE_ASK || type == WIRE_STORE_KNOWN || type == WIRE_FRAGMENT;
}

/* The life that a message of fencing names; 0 if it names none. */
static uint64_t life_named(const struct message *m, uint16_t *slot)
{
    *slot = SLOT_NONE; /* of the sender, or of the receiver */
    if (m->type == WIRE_LIFE_CLAIM)
        return m->life_claim.life;
    if (m->type == WIRE_LIFE_STORED)
        return m->life_stored.life;
    if (m->type == WIRE_VOTED)
        return m->voted.life;
    if (m->type == WIRE_PROOF_STORED)
        return *slot = m->proof_stored.slot, m->proof_stored.covers;
    if (m->type == WIRE_ACCUSE)
        return *slot = m->accuse.slot, m->accuse.life;
    if (m->type == WIRE_OPINION)
        return *slot = m->opinion.slot, m->opinion.life;
    if (m->type == WIRE_VOTE)
        return *slot = m->vote.slot, m->vote.life;
    if (m->type == WIRE_ORDER_STORED)
        return *slot = m->order_stored.slot, m->order_stored.life;
    if (m->type == WIRE_EXEC_ASK)
        return *slot = m->exec_ask.slot, m->exec_ask.life;
    if (m->type == WIRE_EXEC_OK)
        return *slot = m->exec_ok.slot, m->exec_ok.life;
    if (m->type == WIRE_EXEC_REPORT)
        return *slot = m->exec_report.slot, m->exec_report.life;
    return 0;
}

static bool trace_life(char *out, size_t size, const struct message *m)
{
    uint16_t slot;
    unsigned long long life = life_named(m, &slot);
    if (!life)
        return false;
    if (slot == SLOT_NONE)
        snprintf(out, size, "life %llu", life);
    else
        snprintf(out, size, "life %llu of n%u%s%s", life, slot / 3 + 1u,
                 m->type == WIRE_OPINION ? ": " : "",
                 m->type == WIRE_OPINION ? opinion_text(m->opinion.evidence.opinion) : "");
    return true;
}

static void trace_message(struct world *w, const struct machine *m, uint16_t to,
                          const struct message *message)
{
    char more[120] = "";
    if (trace_life(more, sizeof more, message))
        (void)0;
    else if (message->type == WIRE_PREPARE || message->type == WIRE_PROMISE)
        snprintf(more, sizeof more, "shard %u round %llu", message->prepare.shard,
                 (unsigned long long)message->prepare.ballot.round);
    else if (message->type == WIRE_REFUSE)
        snprintf(more, sizeof more, "shard %u round %llu, promised %llu of n%u",
                 message->refuse.shard, (unsigned long long)message->refuse.ballot.round,
                 (unsigned long long)message->refuse.promised.round,
                 message->refuse.promised.slot / 3 + 1);
    else if (message->type == WIRE_READ)
        snprintf(more, sizeof more, "%.*s round %llu", (int)message->read.name.size,
                 (const char *)message->read.name.bytes,
                 (unsigned long long)message->read.ballot.round);
    else if (message->type == WIRE_STORED)
        snprintf(more, sizeof more, "%.*s round %llu: round %llu#%llu",
                 (int)message->stored.name.size, (const char *)message->stored.name.bytes,
                 (unsigned long long)message->stored.ballot.round,
                 (unsigned long long)message->stored.version.round,
                 (unsigned long long)message->stored.seq);
    else if (message->type == WIRE_ACCEPT)
        snprintf(more, sizeof more, "%.*s round %llu#%llu", (int)message->accept.name.size,
                 (const char *)message->accept.name.bytes,
                 (unsigned long long)message->accept.ballot.round,
                 (unsigned long long)message->accept.seq);
    else if (message->type == WIRE_ACCEPTED)
        snprintf(more, sizeof more, "%.*s round %llu#%llu", (int)message->accepted.name.size,
                 (const char *)message->accepted.name.bytes,
                 (unsigned long long)message->accepted.ballot.round,
                 (unsigned long long)message->accepted.seq);
    else if (message->type == WIRE_FORGET || message->type == WIRE_FORGOTTEN)
        snprintf(more, sizeof more, "shard %u round %llu, batch %u, %zu bytes",
                 message->forget.shard, (unsigned long long)message->forget.ballot.round,
                 message->forget.round,
                 message->type == WIRE_FORGET ? message->forget.locks.size : 0);
    else if (message->type == WIRE_IDLE)
        snprintf(more, sizeof more, "%.*s", (int)message->idle.name.size,
                 (const char *)message->idle.name.bytes);
    else if (message->type == WIRE_REQUEST)
        snprintf(more, sizeof more, "%.*s op %llu kind %u mode %u round %llu low %llu",
                 (int)message->request.name.size, (const char *)message->request.name.bytes,
                 (unsigned long long)message->request.op.counter, message->request.kind,
                 message->request.mode, (unsigned long long)message->request.ballot.round,
                 (unsigned long long)message->request.low);
    else if (message->type == WIRE_REPLY)
        snprintf(more, sizeof more, "%.*s op %llu kind %u verdict %u token %llu%s",
                 (int)message->reply.name.size, (const char *)message->reply.name.bytes,
                 (unsigned long long)message->reply.op.counter, message->reply.kind,
                 message->reply.verdict, (unsigned long long)message->reply.token,
                 message->reply.seq ? ", but for your vote" : "");
    trace_line(&w->trace, w->now, "%s > n%d %s %s", m->name, cluster_index(w->cluster, to) + 1,
               wire_name(message->type), more);
}

static void tap(void *context, bool sent, uint16_t other, const struct message *message)
{
    struct machine *m = context;
    struct world *w = m->world;
    if (!sent)
        check_traffic_taken(m, (size_t)cluster_index(w->cluster, other));
    if (message->type == WIRE_RELAY) {
        (sent ? handed_sent : handed_came)(w, m, other, &message->relay);
        return;
    }
    if (!sent)
        w->observer->lives.heard_at[m->index][cluster_index(w->cluster, other)] = w->now;
    if (!sent && message->type == WIRE_BLOCKING)
        check_recalled(w, m, &message->blocking);
    if (!sent)
        return;
    trace_numbers(&w->trace, m->index, other, message->type);
    coverage_message(w, message->type);
    if (w->trace.text != TRACE_HASH_ONLY && !is_gossip(message->type))
        trace_message(w, m, other, message);
    if (message->type == WIRE_ALIVE)
        check_word_said(w, m, &message->alive);
    check_message(w, m, other, message);
}

void observer_attach(struct machine *m)
{
    peer_set_tap(m->peer, tap, m);
}

void observer_notice(struct world *w, struct machine *m, const struct notice *n)
{
    static const char *const texts[] = {
        [NOTICE_MEMBER] = "member",
        [NOTICE_COORDINATOR] = "serves",
        [NOTICE_STEPPED_DOWN] = "steps down",
        [NOTICE_STORE_CHECKED] = "store checked",
        [NOTICE_STORE_BEHIND] = "store behind",
        [NOTICE_SYNC_FAILED] = "sync failed",
        [NOTICE_LIFE] = "life",
        [NOTICE_GHOST] = "gives back a ghost",
        [NOTICE_FULL] = "registers full",
        [NOTICE_READY] = "its life counts",
        [NOTICE_STANDING] = "standing",
        [NOTICE_VOTED] = "voted",
        [NOTICE_OPINION] = "would not vote",
        [NOTICE_BOUND] = "is bound",
        [NOTICE_ORDER] = "knows an order",
        [NOTICE_RUN] = "acts on an order",
        [NOTICE_RUN_FAILED] = "an executor failed",
        [NOTICE_PROOF] = "holds a proof",
        [NOTICE_BROKEN] = "breaks holds",
        [NOTICE_PROOF_REFUSED] = "refused a proof",
        [NOTICE_REACH] = "reaches (1) or not (0)",
        [NOTICE_ALARM] = "alarm: a life is heard that is proven over",
        [NOTICE_INHIBITOR] = "hears of an inhibitor",
        [NOTICE_CLONE] = "runs twice (2), or no more (1)",
        [NOTICE_ENDED] = "a session is proven over",
        [NOTICE_HUSH] = "refutes no more (1), or again (0)",
    };
    trace_numbers(&w->trace, m->index, n->kind, n->shard);
    if (n->kind == NOTICE_MEMBER)
        world_trace(w, "%s: n%d is %s", m->name, cluster_index(w->cluster, n->change.slot) + 1,
                    member_state_text(n->change.after));
    else
        world_trace(w, "%s: %s (shard %u, slot %u, number %llu)%s%s", m->name, texts[n->kind],
                    n->shard, n->slot, (unsigned long long)n->number, n->text ? ": " : "",
                    n->text ? n->text : "");
    if (n->kind == NOTICE_MEMBER)
        check_word_held(w, m, &n->change);
    if (n->kind == NOTICE_CLONE)
        check_clone_told(w, m, n);
    if (n->kind == NOTICE_READY) {
        m->ready_life = n->number;
        m->ready_at = w->now;
        check_life_counts(w, m, n->number);
    }
    if (n->kind == NOTICE_GHOST)
        w->figures.ghosts++;
    if (n->kind == NOTICE_STORE_CHECKED) {
        m->checked_at = w->now;
        check_store_checked(w, m);
    }
    if (n->kind == NOTICE_STORE_BEHIND)
        check_behind(w, m);
    if (n->kind != NOTICE_COORDINATOR || n->shard >= w->p.shards)
        return;
    uint16_t *served_by = &w->observer->served_by[n->shard];
    uint16_t slot = cluster_slot(m->index);
    if (*served_by != SLOT_NONE && *served_by != slot)
        w->figures.takeovers++;
    *served_by = slot;
    w->observer->served_since[n->shard] = w->now;
}

void observer_order(struct world *w, struct machine *m, struct view bytes)
{
    struct lives *lives = &w->observer->lives;
    struct order_cert cert;
    struct reader r = reader_init(bytes.bytes, bytes.size);
    if (!order_cert_decode(&cert, &r) || !reader_done(&r))
        world_fail(w, EXIT_BROKEN, "S4", "%s stores an order that is none", m->name);
    check_order_known(w, m, &cert);
    if (cert.order.scope.session) /* whoever hands in orders again knows of lives only */
        return;
    struct digest digest = order_digest(&cert.order);
    for (size_t i = 0; i < lives->order_count; i++)
        if (memcmp(&lives->orders[i].digest, &digest, sizeof digest) == 0)
            return;
    if (lives->order_count == ORDERS_MAX)
        return; /* enough to choose from */
    struct order_seen *o = &lives->orders[lives->order_count++];
    o->digest = digest;
    o->size = bytes.size;
    memcpy(o->bytes, bytes.bytes, bytes.size);
}

/* Its request, if it is not out yet, will name that counter. */
static void note_hand_over(struct machine *m, const struct image_entry *e)
{
    struct op *op = m->ops;
    while (op && op->id.counter != e->number)
        op = op->older;
    if (op)
        op->handed_over = e->change;
}

void observer_durable(struct world *w, struct machine *m, const struct image_entry *e)
{
    if (e->kind == ENTRY_HAND_OVER)
        note_hand_over(m, e);
    if (e->kind != ENTRY_PROOF)
        return;
    for (uint64_t n = e->number; n > 0; n--) {
        int64_t *told_at = &w->observer->lives.of[e->index][n].told_at[m->index];
        if (*told_at)
            return;
        *told_at = w->now;
    }
}

void observer_lied(struct world *w, const struct machine *target, uint64_t life)
{
    lives_of(w, cluster_slot(target->index), life)->lied = true;
}

void observer_store_lost(struct world *w, struct machine *m)
{
    (void)w;
    for (struct op *op = m->ops; op; op = op->older)
        if (!op->withdrawn)
            op->name->jammed = true;
}
