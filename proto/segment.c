/* A whole new segment of the log: the live state of the peer as records. See peer.h and votelog.h.
 */
#include "proto/must.h"
#include "proto/peer_internal.h"

enum {
    FIXED_RECORD_MAX = VOTELOG_RECORD_OVERHEAD + 128
}; /* of a record, without its names and blobs */

size_t peer_segment_size(const struct peer *p)
{
    const struct core *c = &p->core;
    size_t records = 8 + c->config.roster->node_count + 2 * c->cohorts.shard_count +
                     p->voter.registers.count + p->voter.registers.floors + p->asker.count +
                     fencing_records(&p->fencing);
    size_t orders =
        p->fencing.docket.count * (ORDER_CERT_BYTES_MAX + FENCE_REPORTS_MAX * FENCE_TEXT_MAX) +
        INHIBITORS_MAX * (INHIBITOR_WHO_MAX + INHIBITOR_REASON_MAX);
    size_t scopes =
        (p->fencing.docket.count * FENCE_REPORTS_MAX + 2 * SCOPES_MAX + p->fencing.executor.count) *
        (size_t)SCOPE_BYTES_MAX;
    return VOTELOG_HEADER_SIZE + records * FIXED_RECORD_MAX + orders + scopes + c->arena.allocated;
}

/* Writes one record and counts it. */
static void put(struct peer *p, struct writer *w, const struct record *record)
{
    struct journal *j = &p->core.journal;
    uint8_t payload[RECORD_BYTES_MAX];
    struct writer body = writer_init(payload, sizeof payload);
    record_encode(&body, record);
    must(!body.failed);
    j->lsn++;
    votelog_record_encode(w, &j->store, j->lsn, j->durable, payload, writer_size(&body));
}

static void put_node(struct peer *p, struct writer *w)
{
    const struct core *c = &p->core;
    struct record record = {.kind = RECORD_STORE,
                            .store = {.adopted = p->adopted,
                                      .lost = p->store_lost,
                                      .unchecked = p->unchecked,
                                      .life = p->before.life,
                                      .commits = p->before.commits}};
    put(p, w, &record);
    if (c->life) {
        life_record(&p->fencing.life, &record);
        put(p, w, &record);
    }
    record = (struct record){.kind = RECORD_OPS, .ops = {.reserved = p->asker.reserved}};
    put(p, w, &record);
    for (size_t i = 0; i < c->config.roster->node_count; i++)
        if (storecheck_record(&p->check, i, &record))
            put(p, w, &record);
}

static void put_votes(struct peer *p, struct writer *w)
{
    const struct voter *v = &p->voter;
    for (uint32_t shard = 0; shard < p->core.cohorts.shard_count; shard++) {
        const struct promise *promise = &v->promises[shard];
        struct record record = {.kind = RECORD_PROMISE,
                                .promise = {.shard = shard,
                                            .promised = promise->promised,
                                            .adopted = promise->adopted}};
        if (!ballot_none(promise->promised) || promise->adopted != p->adopted)
            put(p, w, &record);
        record = (struct record){
            .kind = RECORD_FORGET,
            .forget = {.shard = shard, .ballot = promise->dropped, .seq = promise->dropped_seq}};
        if (!ballot_none(promise->dropped))
            put(p, w, &record);
    }
    uint32_t cursor = 0;
    const struct lock_register *e;
    while ((e = registers_next(&v->registers, &cursor))) {
        struct record record = {.kind = RECORD_ACCEPT,
                                .accept = {.shard = e->shard,
                                           .ballot = e->ballot,
                                           .seq = e->seq,
                                           .name = {e->name, e->name_size},
                                           .state = {e->state, e->state_size}}};
        put(p, w, &record);
    }
}

static void put_fencing(struct peer *p, struct writer *w)
{
    struct fencing_cursor cursor = {0};
    struct record record;
    while (fencing_record(&p->fencing, &cursor, &record))
        put(p, w, &record);
}

static void put_operations(struct peer *p, struct writer *w)
{
    for (uint32_t i = p->asker.first; i; i = p->asker.ops[i - 1].next) {
        const struct asker_op *op = &p->asker.ops[i - 1];
        struct record record;
        if (op->show || op->gone || op->local.reader)
            continue;
        asker_record_of(op, &record);
        put(p, w, &record);
    }
}

size_t peer_segment(struct peer *p, uint8_t *out, size_t size, uint64_t *lsn)
{
    struct journal *j = &p->core.journal;
    struct votelog_header header = {.store = j->store,
                                    .cluster = p->core.config.cluster,
                                    .slot = p->core.config.self,
                                    .first_lsn = j->lsn + 1};
    must(size >= VOTELOG_HEADER_SIZE);
    struct writer w = writer_init(out + VOTELOG_HEADER_SIZE, size - VOTELOG_HEADER_SIZE);
    put_node(p, &w);
    put_votes(p, &w);
    put_operations(p, &w);
    put_fencing(p, &w);
    must(!w.failed);
    header.base_lsn = j->lsn;
    votelog_header_encode(out, &header);
    j->size = 0; /* it is all in here */
    j->segment_wanted = false;
    *lsn = j->lsn;
    return VOTELOG_HEADER_SIZE + writer_size(&w);
}
