/* What to expect if a member vanished: see preview.h. */
#include "proto/preview.h"

#include "proto/executor.h"
#include "proto/inequality.h"
#include "proto/inquiry.h"
#include "proto/peer_internal.h"

#define CERTIFY_SPAN SPAN_MS(1000) /* a look that began late, a round trip and a sync */
#define WITNESS_SPAN SPAN_MS(3000) /* another node asks the device, too */

/* Whether this node could ask it now. */
static bool reaches(const struct peer *p, uint16_t slot)
{
    struct member_view view;
    if (slot == core_self(&p->core))
        return core_votes(&p->core);
    peer_member(p, slot, &view);
    return view.state == MEMBER_ALIVE && (!view.unreachable || view.via != SLOT_NONE);
}

static void fill_jurors(const struct peer *p, struct instant now, uint16_t slot,
                        struct preview *out)
{
    const struct jury *jury = &p->core.jury;
    out->jurors = jury->count;
    out->quorum = jury->quorum;
    for (size_t i = 0; i < jury->count; i++) {
        if (jury->slots[i] == slot)
            continue;
        out->juror[out->juror_count].slot = jury->slots[i];
        out->juror[out->juror_count++].reachable = reaches(p, jury->slots[i]);
    }
    out->brake = juror_brake(&p->fencing.juror, now, slot, &out->brake_limit);
}

/* Inserts by rank: the lowest acts first. */
static void fill_executors(const struct peer *p, uint16_t slot, struct preview *out)
{
    const struct roster *roster = p->core.config.roster;
    struct order order = {.epoch = roster->epoch,
                          .roster = p->core.config.roster_digest,
                          .slot = slot,
                          .life = out->life};
    struct digest digest = order_digest(&order);
    uint64_t ranks[ROSTER_JURORS_MAX] = {0};
    for (size_t i = 0; i < roster->node_count; i++) {
        const struct roster_node *node = &roster->nodes[i];
        uint64_t rank = executor_rank(&p->core, &digest, node->slot);
        size_t at = out->executor_count;
        if (!node->executes || node->slot == slot)
            continue;
        if (at == ROSTER_JURORS_MAX && ranks[at - 1] <= rank)
            continue;
        if (at < ROSTER_JURORS_MAX)
            out->executor_count++;
        else
            at--;
        for (; at > 0 && ranks[at - 1] > rank; at--) {
            ranks[at] = ranks[at - 1];
            out->executors[at] = out->executors[at - 1];
        }
        ranks[at] = rank;
        out->executors[at] = (struct preview_executor){node->slot, reaches(p, node->slot)};
    }
}

static void fill_shards(const struct peer *p, uint16_t slot, struct preview *out)
{
    const struct cohorts *c = &p->core.cohorts;
    out->shards = c->shard_count;
    for (uint32_t shard = 0; shard < c->shard_count; shard++) {
        out->votes_in += cohort_index(c, shard, slot) >= 0;
        out->known += cohort_index(c, shard, core_self(&p->core)) >= 0;
    }
}

static void fill_times(const struct peer *p, struct preview *out)
{
    struct fence_times times;
    fence_times_derive(&times, core_detect(&p->core));
    out->ordered = (struct span){times.vote.ns + CERTIFY_SPAN.ns};
    out->executed = (struct span){out->ordered.ns + p->core.config.run_span.ns + WITNESS_SPAN.ns};
    out->turn = executor_turn();
    int64_t later = out->ordered.ns > times.hand_over.ns ? out->ordered.ns : times.hand_over.ns;
    out->watchdog = (struct span){later + CERTIFY_SPAN.ns};
}

bool peer_preview(const struct peer *p, struct instant now, uint16_t slot, struct preview *out)
{
    struct member_view view;
    if (roster_find(p->core.config.roster, slot) < 0)
        return false;
    *out = (struct preview){0};
    peer_member(p, slot, &view);
    const struct dossier *d = juror_dossier(&p->fencing.juror, slot);
    out->life = d && d->life > view.life ? d->life : view.life;
    if (slot == core_self(&p->core))
        out->life = p->core.life;
    fill_jurors(p, now, slot, out);
    fill_executors(p, slot, out);
    fill_shards(p, slot, out);
    fill_times(p, out);
    return true;
}
