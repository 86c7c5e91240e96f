/* What can be looked at in a peer: see peer.h. Nothing here changes anything. */
#include "proto/asking.h"
#include "proto/fenced.h"
#include "proto/inequality.h"
#include "proto/must.h"
#include "proto/peer_internal.h"
#include "proto/readers.h"

const char *store_state_text(enum store_state state)
{
    switch (state) {
    case STORE_CHECKING:
        return "checking";
    case STORE_VOTING:
        return "voting";
    case STORE_LOST:
        return "lost";
    case STORE_BEHIND:
        return "behind";
    case STORE_FAILED:
        return "failed";
    }
    must(false);
}

/* What was found pending is not called held before it is known to be. */
static enum op_state state_of(const struct peer *p, const struct asker_op *op, bool cached)
{
    if (cached)
        return OP_CACHED;
    bool doubtful = op->loaded && op->state == OP_HELD && !asker_held_known(&p->asker, op);
    return doubtful ? OP_PENDING : op->state;
}

static struct op_view view_of(const struct peer *p, const struct asker_op *op)
{
    const struct asker_op *root = readers_root(&p->asker, op);
    bool cached = delegating_unowned(op);
    bool lent = (op->local.as && !cached) || op->local.reader;
    struct op_id own = {.slot = core_self(&p->core), .life = op->life, .counter = op->counter};
    struct op_id id = own;
    id.counter = root ? root->counter : 0;
    if (op->local.as && !cached)
        own.counter = op->local.as;
    return (struct op_view){.id = own,
                            .state = state_of(p, op, cached),
                            .under = lent ? id : (struct op_id){0},
                            .readers = op->local.readers,
                            .loaded = op->loaded,
                            .converting = changing_recorded(op) && !changing_transfers(op),
                            .passing = changing_transfers(op),
                            .mode = op->mode,
                            .limit = op->limit,
                            .policy = op->policy,
                            .ttl_ms = op->ttl_ms,
                            .scope = op->word ? op->word->scope : (struct scope){0},
                            .until = renewing_until(&p->asker, op),
                            .token = op->token,
                            .handle = op->handle,
                            .name = {op->name, op->name_size},
                            .process = {op->process, op->process_size}};
}

bool peer_next_op(const struct peer *p, size_t *cursor, struct op_view *out)
{
    const struct asker *a = &p->asker;
    while (*cursor < a->used) {
        const struct asker_op *op = &a->ops[(*cursor)++];
        if (!op->used || op->show || op->gone)
            continue;
        *out = view_of(p, op);
        return true;
    }
    return false;
}

bool peer_op(const struct peer *p, struct op_id id, struct op_view *out)
{
    const struct asker_op *op = delegating_find(&p->asker, id.counter);
    if (!op) { /* what is cached is known by the register's id too */
        op = asker_find(&p->asker, id.counter);
        op = op && delegating_unowned(op) ? op : NULL;
    }
    bool found =
        op && !op->show && !op->gone && op->life == id.life && id.slot == core_self(&p->core);
    if (found)
        *out = view_of(p, op);
    return found;
}

void peer_status(const struct peer *p, struct peer_status *out)
{
    const struct core *c = &p->core;
    const struct roster *roster = c->config.roster;
    *out = (struct peer_status){.self = core_self(c),
                                .life = c->life,
                                .life_known = c->life_known,
                                .cloned = c->cloned,
                                .store = c->store,
                                .lsn = c->journal.lsn,
                                .durable = c->journal.durable,
                                .lock_count = p->voter.registers.count,
                                .op_count = p->asker.count,
                                .serving = coordinator_serving(&p->coordinator),
                                .voters = (uint32_t)roster_voter_count(roster),
                                .start = p->link.start,
                                .juror = p->fencing.juror.serves,
                                .jurors = (uint32_t)c->jury.count,
                                .standing_wanted = p->fencing.standing.users > 0,
                                .standing = standing_has(&p->fencing.standing, c->now),
                                .bound = standing_bound(&p->fencing.standing)};
    struct instant since = {c->now.ns - lose_span_of(core_detect(c)).ns};
    out->acknowledging = standing_acknowledged(&p->fencing.standing, since);
    for (size_t i = 0; i < roster->node_count; i++) {
        const struct roster_node *node = &roster->nodes[i];
        bool alive = node->slot == core_self(c) ? core_votes(c)
                                                : swim_state(c->swim, node->slot) == MEMBER_ALIVE;
        out->voters_alive += node->votes && alive;
    }
}

const struct peer_counters *peer_counters(const struct peer *p)
{
    return &p->core.counters;
}

uint32_t peer_health(const struct peer *p)
{
    return swim_health(p->core.swim);
}

void peer_member(const struct peer *p, uint16_t slot, struct member_view *out)
{
    swim_view(p->core.swim, slot, out);
    /* M3: our edge to it is broken, though it is reached and answers. */
    out->via = link_via(&p->link, slot);
    out->unreachable |= out->via != SLOT_NONE;
}

uint32_t peer_shard(const struct peer *p, struct view name)
{
    return cohort_shard(&p->core.cohorts, name);
}

size_t peer_cohort(const struct peer *p, uint32_t shard, uint16_t out[ROSTER_COHORT_MAX])
{
    const struct cohorts *c = &p->core.cohorts;
    memcpy(out, cohort_of(c, shard), c->size * sizeof *out);
    return c->size;
}

uint16_t peer_coordinator(const struct peer *p, uint32_t shard)
{
    if (p->coordinator.leads[shard].phase == LEAD_SERVING)
        return core_self(&p->core);
    return p->asker.hints[shard].slot;
}

bool peer_next_order(const struct peer *p, size_t *cursor, struct order_view *out)
{
    const struct docket *d = &p->fencing.docket;
    const struct docket_entry *next = NULL;
    for (size_t i = 0; i < d->count; i++) {
        const struct docket_entry *e = &d->entries[i];
        if (e->used && e->serial > *cursor && (!next || e->serial < next->serial))
            next = e;
    }
    if (!next)
        return false;
    *cursor = (size_t)next->serial;
    bool over = docket_over(d, next);
    *out = (struct order_view){.cert = next->cert,
                               .order = next->order,
                               .stage = over ? FENCE_OVER : executor_stage(&p->core, next),
                               .report_count = next->report_count,
                               .reports = next->reports,
                               .proof = {next->proof, next->proof_size},
                               .proof_digest = next->proof_digest};
    story_decode(&out->story, (struct view){next->story, next->story_size});
    return true;
}

struct view peer_proof(const struct peer *p, uint16_t slot, uint64_t *covers)
{
    const struct proof_entry *e = proofs_of(&p->fencing.proofs, slot);
    *covers = e ? e->covers : 0;
    return e ? (struct view){e->bytes, e->size} : (struct view){0};
}

void peer_fenced(const struct peer *p, uint16_t slot, struct fenced_view *out)
{
    fenced_look(&p->fencing.docket, &p->fencing.proofs, slot, out);
}

bool peer_next_inhibitor(const struct peer *p, size_t *cursor, struct inhibitor_view *out)
{
    return inhibitors_next(&p->fencing.inhibitors, cursor, out);
}

bool peer_accused(const struct peer *p, uint16_t slot, uint64_t life, struct fence_story *story,
                  struct stale_view *view)
{
    *view = accuser_view(&p->fencing.accuser, slot, life, &scope_none);
    return accuser_story(&p->fencing.accuser, slot, life, &scope_none, story);
}

void peer_hearing(const struct peer *p, struct hearing_view *out)
{
    hearing_look(&p->fencing.hearing, p->core.now, out);
}

uint32_t peer_held(const struct peer *p)
{
    return asker_held(&p->asker);
}

bool peer_vote(const struct peer *p, uint16_t slot, uint64_t *life)
{
    *life = juror_voted(&p->fencing.juror, slot);
    return *life != 0;
}

struct ballot peer_promised(const struct peer *p, uint32_t shard)
{
    return voter_promised(&p->voter, shard);
}

static void fill_register(const struct lock_register *e, struct ballot *ballot, uint64_t *seq,
                          struct view *state)
{
    *ballot = e->ballot;
    *seq = e->seq;
    *state = (struct view){e->state, e->state_size};
}

bool peer_register(const struct peer *p, struct view name, struct ballot *ballot, uint64_t *seq,
                   struct view *state)
{
    const struct lock_register *e =
        registers_find(&p->voter.registers, core_name_hash(&p->core, name), name);
    if (e)
        fill_register(e, ballot, seq, state);
    return e != NULL;
}

bool peer_next_register(const struct peer *p, size_t *cursor, struct view *name,
                        struct ballot *ballot, uint64_t *seq, struct view *state)
{
    uint32_t at = (uint32_t)*cursor;
    const struct lock_register *e = registers_next(&p->voter.registers, &at);
    *cursor = at;
    if (!e)
        return false;
    *name = (struct view){e->name, e->name_size};
    fill_register(e, ballot, seq, state);
    return true;
}

void peer_set_tap(struct peer *p, peer_tap tap, void *context)
{
    p->tap = tap;
    p->tap_context = context;
}

bool peer_next_accusation(const struct peer *p, size_t *cursor, struct order_view *out)
{
    const struct accuser *a = &p->fencing.accuser;
    for (size_t i = *cursor; a->used && i < a->count; i++) {
        const struct accusation *c = &a->table[i];
        if (!c->used || docket_find_scope(&p->fencing.docket, c->slot, c->life, &c->word.scope) ||
            proofs_covers(&p->fencing.proofs, c->slot) >= c->life)
            continue;
        *cursor = i + 1;
        *out = (struct order_view){
            .cert = c->cert,
            .order = order_digest(&c->cert.order),
            .stage = accuser_view(a, c->slot, c->life, &c->word.scope).stage,
            .story = {.accuser = core_self(&p->core), .name = {c->name, c->name_size}}};
        for (size_t j = 0; j < p->core.jury.count; j++) {
            if (!(c->answered & (1u << j)))
                continue;
            out->story.opinions[out->story.count].juror = p->core.jury.slots[j];
            out->story.opinions[out->story.count++].evidence = c->evidence[j];
        }
        return true;
    }
    return false;
}

const struct swim_counters *peer_swim_counters(const struct peer *p)
{
    return swim_counters(p->core.swim);
}

bool peer_agrees(const struct peer *p)
{
    return link_agrees(&p->link) && storecheck_agrees(&p->check) && juror_agrees(&p->fencing.juror);
}
