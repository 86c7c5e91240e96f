/*
 * S10: a juror that knows that an executor began lets no other begin while that one's driver runs
 * (F9). It knows it from the executor's own word in this run, and until that one asks it again. An
 * answer that waited for its window to be durable may have been decided on before. Nor does it say
 * yes to two at a time.
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

static const struct span run_span = SPAN_MS(DEVICE_DEADLINE_MS);
/* Who heard it may begin for 2 s; clocks may be fast. */
static const struct span yes_span = SPAN_MS(1700);
/* Its clock is not the world's. */
static const struct span one_turn = SPAN_MS(1);

void check_exec_asked(struct world *w, const struct machine *m, const struct wire_exec_ask *ask)
{
    int target = cluster_index(w->cluster, ask->slot);
    struct exec_asked *asked = target < 0 ? NULL : &w->exec_asked[m->index][target];
    if (asked && asked->nonce != ask->nonce)
        *asked = (struct exec_asked){.nonce = ask->nonce, .at = w->now};
}

/* When it first asked so; 0: not known. What is said to that was decided on since. */
static int64_t asked_at(const struct world *w, int executor, int target, uint64_t nonce)
{
    const struct exec_asked *asked = executor < 0 ? NULL : &w->exec_asked[executor][target];
    return asked && asked->nonce == nonce ? asked->at : 0;
}

/* The juror's answer, which waited for a sync, may have been decided on before it heard of the
 * other one; or it has not heard of that since its start. */
static bool decided_before(const struct world *w, const struct machine *juror, uint16_t to,
                           const struct wire_exec_ok *ok, const struct fence_report *r)
{
    int target = cluster_index(w->cluster, ok->slot);
    int64_t heard = w->now - span_between(r->at, machine_clock(juror)).ns;
    /* Who was frozen may ask itself, and hear the other one, in one turn (seed 811916). */
    return r->at.ns == 0 ||
           asked_at(w, cluster_index(w->cluster, to), target, ok->nonce) <= heard + one_turn.ns;
}

/* Its driver runs, by the truth, and began in this run of the juror. */
static bool acts(const struct world *w, const struct machine *juror, const struct wire_exec_ok *ok,
                 int executor)
{
    for (size_t i = 0; i < DEVICE_RUNS_MAX; i++) {
        const struct device_run *d = &w->devices.runs[i];
        if (d->active && !d->answered && d->run.kind == RUN_OFF_STATUS && d->executor == executor &&
            d->run.slot == ok->slot && d->run.life == ok->life &&
            scope_equal(&d->run.scope, &ok->scope) && w->now < d->deadline &&
            juror->bounds.started <= d->deadline - run_span.ns)
            return true;
    }
    return false;
}

/* Two hear yes about one life, and the first may still begin by it. */
static void check_one_at_a_time(struct world *w, const struct machine *juror, uint16_t to,
                                const struct wire_exec_ok *ok, const struct order_view *order)
{
    int target = cluster_index(w->cluster, ok->slot);
    struct yes_said *yes = &w->yes_said[juror->index][target];
    int64_t asked = asked_at(w, cluster_index(w->cluster, to), target, ok->nonce);
    if (!asked) /* of an asking that is over: nobody begins by it (seed 811920) */
        return;
    bool other = yes->life == ok->life && yes->to != to && yes->from >= juror->bounds.started;
    for (size_t i = 0; i < order->report_count; i++)
        other &= order->reports[i].executor != yes->to || order->reports[i].stage != RUN_FAILED;
    if (other && w->now - yes->from < yes_span.ns)
        world_fail(w, EXIT_BROKEN, "S10",
                   "%s lets slot %u act on life %llu of slot %u so soon after slot %u", juror->name,
                   to, (unsigned long long)ok->life, ok->slot, yes->to);
    *yes = (struct yes_said){.to = to, .life = ok->life, .from = asked};
}

void check_let_beside(struct world *w, const struct machine *juror, uint16_t to,
                      const struct wire_exec_ok *ok)
{
    struct order_view view;
    size_t cursor = 0;
    while (juror->peer && peer_next_order(juror->peer, &cursor, &view)) {
        const struct order *order = &view.cert.order;
        if (order->slot != ok->slot || order->life != ok->life ||
            !scope_equal(&order->scope, &ok->scope))
            continue;
        if (!ok->scope.session)
            check_one_at_a_time(w, juror, to, ok, &view);
        for (size_t i = 0; i < view.report_count; i++) {
            const struct fence_report *r = &view.reports[i];
            int executor = cluster_index(w->cluster, r->executor);
            if (r->executor == to || r->stage != RUN_BEGAN || r->asks || executor < 0 ||
                decided_before(w, juror, to, ok, r) || !acts(w, juror, ok, executor))
                continue;
            world_fail(w, EXIT_BROKEN, "S10",
                       "%s lets slot %u act on life %llu of slot %u beside %s, which it knows to "
                       "act (F9)",
                       juror->name, to, (unsigned long long)ok->life, ok->slot,
                       w->machines[executor].name);
        }
    }
}
