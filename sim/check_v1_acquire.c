/*
 * V1: a machine of the core that asks for a free name, served by the core, is granted it within 5
 * s, a refusal for want of a life that counts included. Judged by probers (siege.c): their names
 * are wanted by nobody else.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

static const struct span acquire_high = SPAN_MS(5000);

enum { ROUNDS = 40, LOSS_DOUBLES = 200, FEW_SERVED = 16, FEW_FACTOR = 4 };

/* Far links lengthen each round, and so does loss: where a fifth is lost, five datagrams in a row
 * get through one time in three (seed 812334). A coordinator that has room for a few locks reads
 * them again and again for all who ask. */
static int64_t high_of(const struct world *w)
{
    int64_t high = acquire_high.ns + ROUNDS * w->p.far_high.ns;
    high += high / LOSS_DOUBLES * w->p.loss_permille;
    return w->p.served < FEW_SERVED ? FEW_FACTOR * high : high;
}

/* A new life does not count while an executor may still act on the one before it (F9): for its
 * asking and its driver's time, and then some, since a driver that failed may have its effect late.
 */
static int64_t window_end(const struct world *w, const struct machine *m)
{
    int64_t window_at = w->observer->lives.window_at[m->index];
    return window_at ? window_at + SPAN_MS(DEVICE_DEADLINE_MS + 4000).ns : 0;
}

/* A machine that a juror voted against gives its life up once nothing acts under it (F2), and takes
 * no lock before; what it holds under `hold` is not stopped for that. Until when that went on. */
static int64_t occupied_until(struct world *w, const struct machine *m)
{
    bool voted = m->life && lives_of(w, cluster_slot(m->index), m->life)->votes;
    for (size_t i = 0; voted && i < CLIENTS_MAX; i++)
        if (m->clients[i].guest_runs)
            w->siege.occupied_at[m->index] = w->now;
    return w->siege.occupied_at[m->index];
}

static int64_t later_of(int64_t a, int64_t b)
{
    return a > b ? a : b;
}

void check_acquired(struct world *w, const struct machine *m, struct span took)
{
    (void)m;
    if (!siege_disturbed(w) && w->p.served >= FEW_SERVED)
        live_note(&w->figures.live, LIVE_ACQUIRE, took.ns / 1000000);
}

void check_acquires(struct world *w, const struct machine *m, struct span since)
{
    const struct client *c = &m->clients[CLIENT_PROBER];
    int64_t from = later_of(occupied_until(w, m), window_end(w, m));
    int64_t took = w->now - later_of(from, w->now - since.ns);
    if (siege_disturbed(w) || took <= high_of(w))
        return;
    world_fail(w, EXIT_STUCK, "V1", "%s waits for the free %s since %lld ms; core %x, shard %u",
               m->name, c->name->text, (long long)since.ns / 1000000, w->siege.inside,
               c->name->shard);
}
