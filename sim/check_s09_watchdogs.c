/*
 * S9 for watchdogs: a receipt is complete only after all that its life held has ended, by whatever;
 * and by how much, which is the figure that the inequality is for (proto/inequality.h).
 *
 * A machine may live on under such a life for a while, if it holds nothing: nothing begins under it
 * then (check_begins_in_time), since a quorum of the jurors acknowledges it no more.
 */
#include "sim/check.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/world.h"

void check_armed_written(struct world *w, struct machine *m, struct view statement)
{
    struct armed armed;
    struct reader r = reader_init(statement.bytes, statement.size);
    if (!armed_decode(&armed, &r) || !reader_done(&r))
        world_fail(w, EXIT_BROKEN, "S4", "%s stores a watchdog's statement that is none", m->name);
    struct life *life = lives_of(w, armed.slot, armed.life);
    if (!w->p.watchdog || life->boot == 0)
        world_fail(w, EXIT_BROKEN, "S17", "%s stores a watchdog's statement that nobody made",
                   m->name);
    life->armed |= UINT32_C(1) << m->index;
}

static const struct op *acting(const struct machine *m, uint64_t life)
{
    for (size_t i = 0; i < CLIENTS_MAX; i++)
        if (m->clients[i].guest_runs && m->clients[i].guest_op->id.life <= life)
            return m->clients[i].guest_op;
    return NULL;
}

void check_watchdog_receipt(struct world *w, const struct machine *m, const struct proof *proof)
{
    const struct order *order = &proof->cert.order;
    struct machine *target = world_machine(w, order->slot);
    must(target);
    if (lives_votes(w, &proof->cert, ACTION_RETIRE) < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S8", "%s has a watchdog's receipt without a quorum of votes",
                   m->name);
    w->figures.watchdog_receipts++;
    const struct op *op = acting(target, order->life);
    if (op)
        world_fail(w, EXIT_BROKEN, "S9",
                   "%s has a receipt that the watchdog ended life %llu of %s, where a guest runs "
                   "under %s",
                   m->name, (unsigned long long)order->life, target->name, op->name->text);
    int64_t ended = 0;
    for (uint64_t n = 1; n <= order->life; n++) {
        const struct life *life = lives_of(w, order->slot, n);
        ended = life->acted_until > ended ? life->acted_until : ended;
    }
    if (ended && w->now - ended < w->figures.silence_margin)
        w->figures.silence_margin = w->now - ended;
}
