/* Answering a doubt: see doubt.h. */
#include "proto/doubt.h"

#define DOUBT_SLACK SPAN_MS(20)

void doubts_init(struct doubts *d, struct core *core)
{
    memset(d, 0, sizeof *d);
    d->core = core;
}

struct span doubt_patience(const struct core *c, uint16_t slot)
{
    struct member_view view;
    swim_view(c->swim, slot, &view);
    struct span patience = span_times(view.round_trip, 4);
    if (patience.ns < DOUBT_POKE_SPAN.ns)
        patience = DOUBT_POKE_SPAN;
    return span_min(patience, DOUBT_POKE_SPAN_MAX);
}

struct span doubt_round(const struct core *c, uint32_t shard)
{
    const uint16_t *cohort = cohort_of(&c->cohorts, shard);
    int64_t most = 0;
    for (size_t i = 0; i < c->cohorts.size; i++) {
        struct span patience = doubt_patience(c, cohort[i]);
        most = patience.ns > most ? patience.ns : most;
    }
    return (struct span){2 * most + DOUBT_SLACK.ns};
}

static void answer(struct doubts *d, struct doubt_entry *e, bool heard, bool alive)
{
    struct message m = {
        .type = WIRE_DOUBT_ANSWER,
        .doubt_answer = {.slot = e->slot, .seq = e->seq, .heard = heard, .alive = alive}};
    outbox_send(&d->core->outbox, e->asker, &m);
    e->used = false;
    d->used--;
}

static void answer_all(struct doubts *d, uint16_t slot, bool heard, bool alive)
{
    for (size_t i = 0; i < DOUBTS_MAX; i++)
        if (d->entries[i].used && d->entries[i].slot == slot)
            answer(d, &d->entries[i], heard, alive);
}

static void take_doubt(struct doubts *d, struct instant now, uint16_t from,
                       const struct wire_doubt *m)
{
    if (m->slot == core_self(d->core) || roster_find(d->core->config.roster, m->slot) < 0)
        return;
    for (size_t i = 0; i < DOUBTS_MAX; i++) {
        if (d->entries[i].used)
            continue;
        d->entries[i] =
            (struct doubt_entry){.used = true,
                                 .asker = from,
                                 .slot = m->slot,
                                 .seq = m->seq,
                                 .until = instant_after(now, doubt_patience(d->core, m->slot))};
        d->used++;
        struct message poke = {.type = WIRE_POKE, .poke = {.seq = m->seq}};
        outbox_send(&d->core->outbox, m->slot, &poke);
        return;
    }
}

void doubts_take(struct doubts *d, struct instant now, uint16_t from, const struct message *m)
{
    if (m->type == WIRE_DOUBT) {
        take_doubt(d, now, from, &m->doubt);
    } else if (m->type == WIRE_POKE) {
        struct message poked = {.type = WIRE_POKED,
                                .poked = {.seq = m->poke.seq, .votes = core_votes(d->core)}};
        outbox_send(&d->core->outbox, from, &poked);
    } else if (m->type == WIRE_POKED) {
        answer_all(d, from, m->poked.votes, true);
    }
}

void doubts_refused(struct doubts *d, uint16_t slot)
{
    answer_all(d, slot, false, false);
}

void doubts_step(struct doubts *d, struct instant now)
{
    for (size_t i = 0; d->used && i < DOUBTS_MAX; i++)
        if (d->entries[i].used && instant_reached(now, d->entries[i].until))
            answer(d, &d->entries[i], false, false);
}

struct instant doubts_deadline(const struct doubts *d)
{
    struct instant deadline = INSTANT_NEVER;
    for (size_t i = 0; d->used && i < DOUBTS_MAX; i++)
        if (d->entries[i].used)
            deadline = instant_earlier(deadline, d->entries[i].until);
    return deadline;
}
