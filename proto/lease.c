/* Leases, the coordinator's side: see lease.h. */
#include "proto/lease.h"

#include "proto/mutant.h"
#include "proto/takeover.h"

/* Renewals that wait for a majority at once, of all nodes and shards; more are dropped, and come
 * again. */
enum { ASKS_MAX = 4096 };

size_t leases_bytes(const struct peer_config *config)
{
    return config->roster->node_count * sizeof(struct lease_word) +
           roster_shard_count(config->roster) * sizeof(struct lease_ballot) +
           ASKS_MAX * sizeof(struct lease_ask);
}

void leases_init(struct leases *l, struct core *core, void *memory)
{
    memset(memory, 0, leases_bytes(&core->config));
    *l = (struct leases){.core = core, .words = memory, .ask_max = ASKS_MAX};
    l->ballots = (struct lease_ballot *)(l->words + core->config.roster->node_count);
    l->asks = (struct lease_ask *)(l->ballots + core->cohorts.shard_count);
    for (uint32_t i = l->ask_max; i > 0; i--) {
        l->asks[i - 1].next = l->ask_free;
        l->ask_free = i;
    }
}

/* --- Letting go --- */

void leases_lead(struct leases *l, struct instant now, uint32_t shard)
{
    l->ballots[shard] = (struct lease_ballot){.since = now};
}

void leases_asked(struct leases *l, struct instant now, uint32_t shard)
{
    l->ballots[shard].asked = now;
}

void leases_confirmed(struct leases *l, uint32_t shard)
{
    l->ballots[shard].sure = l->ballots[shard].asked;
}

static struct instant later(struct instant a, struct instant b)
{
    return a.ns > b.ns ? a : b;
}

void leases_renewed(struct leases *l, struct instant now, uint16_t slot, uint64_t life)
{
    int index = roster_find(l->core->config.roster, slot);
    if (index < 0)
        return;
    struct lease_word *word = &l->words[index];
    if (life > word->life)
        *word = (struct lease_word){.life = life, .past = later(word->last, word->past)};
    if (life == word->life)
        word->last = later(word->last, now);
    else
        word->past = later(word->past, now);
}

void leases_forgot(struct leases *l, const struct lease_told *told)
{
    if (told->at.ns)
        leases_renewed(l, told->at, told->slot, told->life);
}

void leases_granted(struct leases *l, struct instant now, struct lease_told *told, uint16_t slot,
                    uint64_t life)
{
    if (slot != told->slot || life != told->life)
        leases_forgot(l, told);
    *told = (struct lease_told){.at = now, .slot = slot, .life = life};
}

struct lease_times leases_times(const struct leases *l, uint32_t shard,
                                const struct lease_told *told)
{
    const struct lease_ballot *b = &l->ballots[shard];
    struct lease_times times = {.since = b->since, .sure = b->sure, .told = *told};
    if (MUTANT(76)) /* "a new coordinator lets go at once" */
        times.since = (struct instant){0};
    return times;
}

struct instant leases_end(const struct leases *l, const struct lease_times *times, uint16_t slot,
                          uint64_t life, uint32_t ttl_ms)
{
    int index = roster_find(l->core->config.roster, slot);
    const struct lease_word *word = index < 0 ? NULL : &l->words[index];
    struct instant from = times->since;
    if (slot == times->told.slot && life == times->told.life)
        from = later(from, times->told.at);
    if (word && life == word->life)
        from = later(from, word->last);
    if (word && life < word->life)
        from = later(from, word->past);
    return instant_after(from, SPAN_MS(ttl_ms));
}

/* --- Renewals --- */

static uint32_t index_of(const struct leases *l, const struct lease_ask *a)
{
    return (uint32_t)(a - l->asks) + 1;
}

static void push(struct leases *l, struct lease_list *list, struct lease_ask *a)
{
    a->next = 0;
    if (list->last)
        l->asks[list->last - 1].next = index_of(l, a);
    else
        list->first = index_of(l, a);
    list->last = index_of(l, a);
}

static struct lease_ask *pop(struct leases *l, struct lease_list *list)
{
    struct lease_ask *a = list->first ? &l->asks[list->first - 1] : NULL;
    if (!a)
        return NULL;
    list->first = a->next;
    if (!list->first)
        list->last = 0;
    return a;
}

static void give_back(struct leases *l, struct lease_ask *a)
{
    a->next = l->ask_free;
    l->ask_free = index_of(l, a);
}

static void answer(struct coordinator *k, uint16_t to, uint32_t shard, struct ballot ballot,
                   uint64_t sent, bool kept)
{
    struct message m = {
        .type = WIRE_LEASE_KEPT,
        .lease_kept = {.shard = shard, .ballot = ballot, .sent = sent, .kept = kept}};
    outbox_send(&k->core->outbox, to, &m);
}

static void keep(struct coordinator *k, struct instant now, const struct lead *lead,
                 const struct lease_ask *a)
{
    leases_renewed(&k->leases, now, a->slot, a->life);
    k->core->counters.leases_kept++;
    answer(k, a->slot, lead_shard(k, lead), lead->ballot, a->sent, true);
}

/* The one of that life that waits for `round`; NULL if there is none. */
static struct lease_ask *find(struct leases *l, const struct lease_list *list, uint16_t slot,
                              uint64_t life, uint32_t round)
{
    for (uint32_t i = list->first; i; i = l->asks[i - 1].next) {
        struct lease_ask *a = &l->asks[i - 1];
        if (a->slot == slot && a->life == life && a->round == round)
            return a;
    }
    return NULL;
}

/* The answer must rest on a question that is asked from now on: the next round's, which one that
 * waits for it already shares. */
static void wait_for_round(struct coordinator *k, struct instant now, struct lead *lead,
                           uint16_t from, const struct wire_lease *m)
{
    struct leases *l = &k->leases;
    uint32_t round = lead->confirm_round + 1;
    struct lease_ask *a = find(l, &lead->renewals, from, m->life, round);
    if (!a && !l->ask_free)
        return; /* it will be asked again */
    if (!a) {
        a = &l->asks[l->ask_free - 1];
        l->ask_free = a->next;
        *a = (struct lease_ask){.slot = from, .life = m->life, .round = round};
        push(l, &lead->renewals, a);
    }
    a->sent = m->sent;
    lead_confirm(k, now, lead);
}

void lease_take(struct coordinator *k, struct instant now, uint16_t from,
                const struct wire_lease *m)
{
    struct cohorts *cohorts = &k->core->cohorts;
    if (m->shard >= cohorts->shard_count ||
        cohort_index(cohorts, m->shard, core_self(k->core)) < 0) {
        k->core->counters.drop_role++;
        return;
    }
    struct lead *lead = &k->leads[m->shard];
    bool serves =
        core_votes(k->core) && lead->phase == LEAD_SERVING && ballot_equal(m->ballot, lead->ballot);
    if (!serves) {
        answer(k, from, m->shard, m->ballot, m->sent, false);
    } else if (MUTANT(77)) { /* "renewal answered without a majority" */
        struct lease_ask a = {.slot = from, .life = m->life, .sent = m->sent};
        keep(k, now, lead, &a);
    } else {
        wait_for_round(k, now, lead, from, m);
    }
}

void lease_confirmed(struct coordinator *k, struct instant now, struct lead *lead)
{
    struct lease_list waiting = lead->renewals;
    struct lease_ask *a;
    lead->renewals = (struct lease_list){0};
    while ((a = pop(&k->leases, &waiting))) {
        if (a->round > lead->confirm_round) {
            push(&k->leases, &lead->renewals, a);
            continue;
        }
        keep(k, now, lead, a);
        give_back(&k->leases, a);
    }
}

bool lease_wanted(const struct lead *lead)
{
    return lead->renewals.first != 0;
}

void lease_forget(struct coordinator *k, struct lead *lead)
{
    struct lease_ask *a;
    while ((a = pop(&k->leases, &lead->renewals)))
        give_back(&k->leases, a);
}
