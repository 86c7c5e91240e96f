/* Who takes a shard: see takeover.h. */
#include "proto/takeover.h"

#include "proto/doubt.h"

#define TENURE SPAN_MS(1000) /* an owner has at least so long to serve */

uint16_t lead_first(const struct coordinator *k, uint32_t shard)
{
    uint16_t self = core_self(k->core);
    const uint16_t *cohort = cohort_of(&k->core->cohorts, shard);
    for (size_t i = 0; i < k->core->cohorts.size; i++)
        if (cohort[i] == self || swim_alive(k->core->swim, cohort[i]))
            return cohort[i];
    return self;
}

/* The highest ballot that this node knows to be promised: by its own voter, or by others, of which
 * its voter may not have heard; and since when. */
static struct ballot known_ballot(const struct coordinator *k, const struct lead *lead,
                                  struct instant *since)
{
    uint32_t shard = lead_shard(k, lead);
    struct ballot promised = voter_promised(k->voter, shard);
    bool passed = ballot_compare(lead->passed, promised) > 0;
    *since = passed ? lead->passed_at : voter_promised_since(k->voter, shard);
    return passed ? lead->passed : promised;
}

/* The one that requests for the shard belong to, as far as this node knows. */
static uint16_t rightful(const struct coordinator *k, const struct lead *lead)
{
    struct instant since;
    uint32_t shard = lead_shard(k, lead);
    struct ballot known = known_ballot(k, lead, &since);
    if (known.round && cohort_index(&k->core->cohorts, shard, known.slot) >= 0 &&
        swim_alive(k->core->swim, known.slot))
        return known.slot;
    return lead_first(k, shard);
}

static void ask_around(struct coordinator *k, struct instant now, struct lead *lead,
                       uint16_t doubted)
{
    if (lead->doubted == doubted)
        return; /* asked already */
    uint32_t shard = lead_shard(k, lead);
    struct message m = {.type = WIRE_DOUBT, .doubt = {.slot = doubted, .seq = shard}};
    int member = cohort_index(&k->core->cohorts, shard, doubted);
    lead->doubted = doubted;
    lead->unheard = member >= 0 ? 1u << member : 0; /* it cannot speak for itself */
    lead->doubt_until = instant_after(now, doubt_round(k->core, shard));
    lead_watch(k, lead);
    lead_send_cohort(k, shard, lead->unheard, &m);
}

void takeover_doubt_answer(struct coordinator *k, struct instant now, uint16_t from,
                           const struct wire_doubt_answer *m)
{
    if (m->seq >= k->core->cohorts.shard_count || m->heard)
        return;
    struct lead *lead = &k->leads[m->seq];
    int member = cohort_index(&k->core->cohorts, m->seq, from);
    if (member < 0 || lead->doubted != m->slot || lead->phase != LEAD_IDLE)
        return;
    lead->unheard |= 1u << member;
    if (lead_majority(k, lead->unheard))
        lead_take(k, now, lead);
}

/* Remembered to be told as soon as this node serves. Whoever finds no room repeats its request
 * anyway. */
static void knock(struct coordinator *k, struct lead *lead, const struct wire_request *r)
{
    if (k->knock_count >= k->served.asked_max / 8 ||
        asked_has(&k->served, &lead->knocks, r->op, (enum request_kind)r->kind, r->change))
        return;
    struct asked *a = asked_new(&k->served);
    if (!a)
        return;
    a->op = r->op;
    a->to = r->op.slot;
    a->kind = (enum request_kind)r->kind;
    a->change = r->change;
    k->knock_count++;
    asked_push(&k->served, &lead->knocks, a);
}

/*
 * Whether the owner has had the time to serve (L8). Before that, insisting does not count: else two
 * members, of which each is reached by some requesters alone, take the shard from each other faster
 * than either can use it.
 */
static bool tenured(const struct coordinator *k, struct instant now, const struct lead *lead)
{
    struct instant since;
    known_ballot(k, lead, &since);
    struct span round = doubt_round(k->core, lead_shard(k, lead));
    return span_between(since, now).ns >= (round.ns > TENURE.ns ? round.ns : TENURE.ns);
}

void takeover_consider(struct coordinator *k, struct instant now, struct lead *lead,
                       const struct wire_request *r)
{
    uint16_t self = core_self(k->core);
    /* Asking around takes long on far links; who insists has waited longer, and does not wait for
     * the end of it. */
    bool asking = lead->phase == LEAD_IDLE && lead->doubted != SLOT_NONE && !lead->retry_at.ns;
    bool insist = r->insist && tenured(k, now, lead);
    if (lead_deadline(lead).ns != INSTANT_NEVER.ns && !(asking && insist)) {
        knock(k, lead, r); /* under way, or backing off */
        return;
    }
    uint16_t owner = rightful(k, lead);
    if (owner == self || insist) {
        knock(k, lead, r);
        lead_take(k, now, lead);
    } else if (owner == r->doubt) {
        knock(k, lead, r);
        ask_around(k, now, lead, owner);
    } else {
        struct asked a = {
            .op = r->op, .to = r->op.slot, .kind = (enum request_kind)r->kind, .change = r->change};
        lead_reply_elsewhere(k, &a, REPLY_REDIRECT, (struct ballot){0}, owner, r->name);
    }
}

void takeover_step(struct coordinator *k, struct instant now, struct lead *lead)
{
    if (lead->doubted != SLOT_NONE && instant_reached(now, lead->doubt_until)) {
        /* Heard by a majority after all: the requesters' trouble is their own path (T3). */
        uint16_t owner = lead->doubted;
        lead->doubted = SLOT_NONE;
        lead_answer_knocks(k, lead, REPLY_REDIRECT, (struct ballot){0}, owner);
    } else {
        /* The back-off is over: is it still ours to take? */
        lead->retry_at = (struct instant){0};
        uint16_t owner = rightful(k, lead);
        if (owner == core_self(k->core) && lead->knocks.first)
            lead_take(k, now, lead);
        else
            lead_answer_knocks(k, lead, REPLY_REDIRECT, (struct ballot){0}, owner);
    }
}
