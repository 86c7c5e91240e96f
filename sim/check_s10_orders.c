/*
 * S10: whoever takes an order for certified, or acts on it, has the true votes of a majority of the
 * jurors, against the life that dies by it. A vote counts as true if its juror's own log has it.
 */
#include "sim/check.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/sessions.h"
#include "sim/world.h"

/* F9: a driver starts only within this of asking the jurors; and a little for the turn itself. */
static const struct span ask_span = SPAN_MS(2000);
static const struct span rounding = {1000}; /* of clocks that are not ours */

void check_votes_lost(struct world *w, struct machine *m)
{
    struct lives *lives = &w->observer->lives;
    uint32_t others = ~(UINT32_C(1) << m->index);
    for (size_t i = 0; i < w->machine_count; i++)
        for (uint64_t n = lives->highest[i]; n > m->shadow->appended.voted[i]; n--) {
            lives->of[i][n].votes &= others;
            lives->of[i][n].power &= others;
        }
}

void check_vote_written(struct world *w, struct machine *m, uint16_t slot, uint64_t number,
                        uint32_t allows)
{
    struct life *life = lives_of(w, slot, number);
    const struct machine *target = world_machine(w, slot);
    uint32_t bit = UINT32_C(1) << m->index;
    must(target);
    bool allows_power = allows & ~(UINT32_C(1) << ACTION_RETIRE);
    bool again = life->votes & bit, more = allows_power && !(life->power & bit);
    if (again && !more)
        return; /* written again, in a new segment */
    world_trace(w, "%s votes against life %llu of %s, allowing %x", m->name,
                (unsigned long long)number, target->name, allows);
    if (check_under_order(w, m))
        world_fail(w, EXIT_BROKEN, "S11",
                   "%s signs a vote against %s, and its own life %llu is under an order", m->name,
                   target->name, (unsigned long long)m->life);
    if (!again)
        check_vote_evidence(w, m, target, number);
    w->figures.votes += !again;
    w->figures.false_votes += !again && check_is_well(w, target, number);
    life->votes |= bit;
    if (more) {
        life->power |= bit;
        life->power_at[m->index] = w->now;
    }
    if (!life->ordered &&
        (size_t)__builtin_popcount(life->votes) >= roster_juror_quorum(&w->cluster->roster)) {
        life->ordered = true;
        life->ordered_at = w->now;
        w->figures.orders++;
        check_order_evidence(w, target, number);
        check_ordered(w, target, number);
        world_trace(w, "       ordered: life %llu of %s", (unsigned long long)number, target->name);
    }
    check_brake(w);
}

void check_order_known(struct world *w, struct machine *m, const struct order_cert *cert)
{
    if (cert->order.scope.session) {
        check_session_order(w, m, cert);
        return;
    }
    struct life *life = lives_of(w, cert->order.slot, cert->order.life);
    size_t votes = lives_votes(w, cert, ACTION_RETIRE);
    if (votes < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S10",
                   "%s takes for certified an order against life %llu of slot %u with %zu true "
                   "votes",
                   m->name, (unsigned long long)cert->order.life, cert->order.slot, votes);
    life->known |= UINT32_C(1) << m->index;
}

static bool find_order(const struct machine *m, const struct digest *digest, struct order_view *out)
{
    size_t cursor = 0;
    while (peer_next_order(m->peer, &cursor, out))
        if (memcmp(&out->order, digest, sizeof *digest) == 0)
            return true;
    return false;
}

/*
 * F9: a juror let it act less than 2 s ago, by its own clock. By true time that may be long ago if
 * its clock stood meanwhile, against A2: the jurors' windows are over then, and nothing that was
 * let can be called back. True if so.
 */
static bool judge_window(struct world *w, const struct machine *m, const struct run *run)
{
    int64_t let = w->observer->lives.window_at[cluster_index(w->cluster, run->slot)];
    if (let < clock_ago(&m->clock, w->now, ask_span) - rounding.ns)
        world_fail(w, EXIT_BROKEN, "S10",
                   "%s acts on life %llu of slot %u; it was let %lld ms ago (F9)", m->name,
                   (unsigned long long)run->life, run->slot, (long long)(w->now - let) / 1000000);
    return w->now - let > 2 * ask_span.ns;
}

/* F9: a majority of the jurors has just said that it knows no proof that this life is over. */
static void judge_asked(struct world *w, const struct machine *m, const struct run *run)
{
    const struct life *life = lives_of(w, run->slot, run->life);
    const struct roster *roster = &w->cluster->roster;
    int64_t since = clock_ago(&m->clock, w->now, ask_span) - rounding.ns;
    size_t knew = 0;
    for (size_t i = 0; i < w->machine_count; i++)
        knew += roster->nodes[i].juror && life->told_at[i] && life->told_at[i] < since;
    if (knew > roster_juror_count(roster) - roster_juror_quorum(&w->cluster->roster))
        world_fail(
            w, EXIT_BROKEN, "S10",
            "%s acts on life %llu of slot %u, and %zu jurors know since long that it is over",
            m->name, (unsigned long long)run->life, run->slot, knew);
}

void check_act_written(struct world *w, struct machine *m, uint16_t slot, uint64_t number)
{
    uint32_t let = lives_of(w, slot, number)->let[m->index];
    if ((size_t)__builtin_popcount(let) < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S10",
                   "%s writes that it acts on life %llu of slot %u, and %d jurors let it (F9)",
                   m->name, (unsigned long long)number, slot, __builtin_popcount(let));
}

bool check_run(struct world *w, struct machine *m, const struct run *run, bool *refused)
{
    struct order_view view;
    struct life *life = lives_of(w, run->slot, run->life);
    if (!find_order(m, &run->order, &view))
        world_fail(w, EXIT_BROKEN, "S10", "%s acts on an order that it does not hold", m->name);
    if (run->scope.session) {
        check_session_run(w, m, run, &view.cert);
        return judge_window(w, m, run);
    }
    size_t votes = lives_votes(w, &view.cert, run->action);
    if (view.cert.order.slot != run->slot || view.cert.order.life != run->life ||
        run->action == ACTION_RETIRE || votes < roster_juror_quorum(&w->cluster->roster))
        world_fail(w, EXIT_BROKEN, "S10",
                   "%s acts on life %llu of slot %u by an order with %zu true votes", m->name,
                   (unsigned long long)run->life, run->slot, votes);
    must(run->action < sizeof life->acted / sizeof life->acted[0]);
    if (life->acted[run->action] >> m->index & 1)
        world_fail(w, EXIT_BROKEN, "S10", "%s acts twice on life %llu of slot %u (F9)", m->name,
                   (unsigned long long)run->life, run->slot);
    /* The ladder: not before the rung below failed here. */
    if (run->action > 1 && !(life->acted[1] >> m->index & 1))
        world_fail(w, EXIT_BROKEN, "S10", "%s leaves out a rung of the ladder against slot %u",
                   m->name, run->slot);
    life->acted[run->action] |= UINT32_C(1) << m->index;
    life->executors |= UINT32_C(1) << m->index;
    *refused = !check_executor(w, m, run, &view.cert);
    judge_asked(w, m, run);
    return judge_window(w, m, run);
}

void check_power_effect(struct world *w, struct machine *target, const struct run *run, bool late)
{
    if (target->life == run->life)
        return;
    w->figures.strays++;
    /* It took no lock yet: a life counts only when nobody can still act on those before it (F9). */
    if (!late && target->ready_life > run->life)
        world_fail(w, EXIT_BROKEN, "S10",
                   "life %llu of %s, which counts, dies by an order against life %llu",
                   (unsigned long long)target->ready_life, target->name,
                   (unsigned long long)run->life);
}
