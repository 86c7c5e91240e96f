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
}

static bool is_gossip(enum wire_type type)
{
    return type <= WIRE_STORE_KNOWN || type == WIRE_FRAGMENT;
}

static void trace_message(struct world *w, const struct machine *m, uint16_t to,
                          const struct message *message)
{
    char more[120] = "";
    if (message->type == WIRE_PREPARE || message->type == WIRE_PROMISE)
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
    else if (message->type == WIRE_REQUEST)
        snprintf(more, sizeof more, "%.*s op %llu kind %u mode %u round %llu low %llu",
                 (int)message->request.name.size, (const char *)message->request.name.bytes,
                 (unsigned long long)message->request.op.counter, message->request.kind,
                 message->request.mode, (unsigned long long)message->request.ballot.round,
                 (unsigned long long)message->request.low);
    else if (message->type == WIRE_REPLY)
        snprintf(more, sizeof more, "%.*s op %llu kind %u verdict %u token %llu",
                 (int)message->reply.name.size, (const char *)message->reply.name.bytes,
                 (unsigned long long)message->reply.op.counter, message->reply.kind,
                 message->reply.verdict, (unsigned long long)message->reply.token);
    trace_line(&w->trace, w->now, "%s > n%d %s %s", m->name, cluster_index(w->cluster, to) + 1,
               wire_name(message->type), more);
}

static void tap(void *context, bool sent, uint16_t other, const struct message *message)
{
    struct machine *m = context;
    struct world *w = m->world;
    if (!sent)
        return;
    trace_numbers(&w->trace, m->index, other, message->type);
    if (w->trace.text != TRACE_HASH_ONLY && !is_gossip(message->type))
        trace_message(w, m, other, message);
    check_message(w, m, other == cluster_slot(m->index), message);
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
    };
    trace_numbers(&w->trace, m->index, n->kind, n->shard);
    if (n->kind == NOTICE_MEMBER)
        world_trace(w, "%s: n%d is %s", m->name, cluster_index(w->cluster, n->change.slot) + 1,
                    member_state_text(n->change.after));
    else
        world_trace(w, "%s: %s (shard %u, number %llu)", m->name, texts[n->kind], n->shard,
                    (unsigned long long)n->number);
    if (n->kind == NOTICE_GHOST)
        w->figures.ghosts++;
    if (n->kind == NOTICE_STORE_BEHIND)
        check_behind(w, m);
    if (n->kind != NOTICE_COORDINATOR || n->shard >= w->p.shards)
        return;
    uint16_t *served_by = &w->observer->served_by[n->shard];
    uint16_t slot = cluster_slot(m->index);
    if (*served_by != SLOT_NONE && *served_by != slot)
        w->figures.takeovers++;
    *served_by = slot;
}

void observer_epoch_ends(struct world *w, struct machine *m)
{
    (void)w;
    /* A release that was acknowledged is carried on by the next life; a request is not. */
    for (struct op *op = m->ops; op && op->epoch == m->epoch; op = op->older)
        if (!op->dropped_told && !op->withdrawn)
            op->name->jammed = true;
}

void observer_store_lost(struct world *w, struct machine *m)
{
    (void)w;
    for (struct op *op = m->ops; op; op = op->older)
        if (!op->withdrawn)
            op->name->jammed = true;
}
