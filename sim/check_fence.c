/*
 * Orders, from outside. S10: whoever acts has the true votes of a majority of the jurors, against
 * the life that dies by it. S11: so few nodes at once are under orders that the rest can go on, and
 * a node that is under one signs nothing. S20: nobody votes against a node that a majority can
 * reach and that answers, or that renewed in time; a vote is final (F2).
 *
 * A vote counts as true if its juror's own log has it.
 */
#include "sim/check.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/world.h"

/* In-flight messages, hellos after a start, suspicions that are being refuted. */
static const struct span reach_grace = SPAN_MS(10000);
/* F9: a driver starts only within this of asking the jurors; and a little for the turn itself. */
static const struct span ask_span = SPAN_MS(2000);

/* F2b: an inquiry listens at least so long before it ends in a vote. */
static const struct span look_span = SPAN_MS(250);

static size_t quorum(const struct world *w)
{
    return roster_juror_quorum(&w->cluster->roster);
}

static size_t bit_count(uint32_t bits)
{
    return (size_t)__builtin_popcount(bits);
}

bool check_under_order(const struct world *w, const struct machine *m)
{
    const struct life *life = &w->observer->lives.of[m->index][m->life];
    return m->life != 0 && m->powered && (life->known >> m->index & 1);
}

/* --- S20 --- */

static bool answers(const struct machine *m)
{
    return m->agent_up && !m->paused && !m->disk.failed && m->votes;
}

static bool reachable(const struct world *w, size_t target)
{
    const struct network *n = &w->network;
    size_t count = 1;
    if (!answers(&w->machines[target]) || n->burst[target])
        return false;
    for (size_t i = 0; i < w->machine_count; i++)
        count += i != target && answers(&w->machines[i]) && !n->burst[i] &&
                 network_passes(n, i, target) && network_passes(n, target, i);
    return count > w->machine_count / 2;
}

void check_reach_update(struct world *w)
{
    int64_t *since = w->observer->lives.reachable_since;
    for (size_t i = 0; i < w->machine_count; i++) {
        if (!reachable(w, i))
            since[i] = INT64_MAX;
        else if (since[i] == INT64_MAX)
            since[i] = w->now;
    }
}

/* Whether a majority can reach that life, and it answers, since long. */
static bool is_well(const struct world *w, const struct machine *target, uint64_t number)
{
    int64_t since = w->observer->lives.reachable_since[target->index];
    return target->life == number && since != INT64_MAX &&
           w->now - since >= SPAN_MS(w->p.detect_ms).ns + reach_grace.ns;
}

static void judge_evidence(struct world *w, const struct machine *m, const struct machine *target,
                           uint64_t number)
{
    const struct lives *lives = &w->observer->lives;
    int64_t detect = SPAN_MS(w->p.detect_ms).ns;
    if (lives->renewed[m->index][target->index].life == number &&
        w->now - lives->renewed[m->index][target->index].at < detect)
        world_fail(w, EXIT_BROKEN, "S20",
                   "%s votes against life %llu of %s, which renewed with it %lld ms ago", m->name,
                   (unsigned long long)number, target->name,
                   (long long)(w->now - lives->renewed[m->index][target->index].at) / 1000000);
    int64_t heard = w->observer->lives.heard_at[m->index][target->index];
    if (target->life == number && heard && w->now - heard < look_span.ns)
        world_fail(w, EXIT_BROKEN, "S20",
                   "%s votes against life %llu of %s, of which it heard %lld ms ago", m->name,
                   (unsigned long long)number, target->name, (long long)(w->now - heard) / 1000000);
}

static void judge_order(struct world *w, const struct machine *target, uint64_t number)
{
    if (!is_well(w, target, number))
        return;
    w->figures.false_orders++;
    world_fail(w, EXIT_BROKEN, "S20",
               "life %llu of %s is ordered fenced; it answers, and a majority can reach it since "
               "%lld ms",
               (unsigned long long)number, target->name,
               (long long)(w->now - w->observer->lives.reachable_since[target->index]) / 1000000);
}

void check_renewal_acknowledged(struct world *w, const struct machine *m, uint16_t to,
                                uint64_t number)
{
    int index = cluster_index(w->cluster, to);
    if (index < 0 || m->shadow->appended.voted[index] >= number)
        world_fail(w, EXIT_BROKEN, "S20",
                   "%s acknowledges a renewal of life %llu of slot %u, which it voted against (F2)",
                   m->name, (unsigned long long)number, to);
    struct lives *lives = &w->observer->lives;
    lives->renewed[m->index][index].life = number;
    lives->renewed[m->index][index].at = w->now;
}

/* --- S11 --- */

/* Votes of a majority that are younger than the brake's span make a node one that is under an
 * order. Voting jurors each count at most b, so at most J b / q < 2b come together (F8). */
static void check_brake(struct world *w)
{
    const struct roster *roster = &w->cluster->roster;
    const struct lives *lives = &w->observer->lives;
    size_t jurors = roster_juror_count(roster), under = 0;
    size_t spare = jurors - quorum(w), b = spare < 2 ? spare : 2;
    if (roster->node_count / 8 > b)
        b = roster->node_count / 8;
    for (size_t i = 0; i < w->machine_count; i++) {
        bool is_under = false;
        for (uint64_t n = lives->highest[i]; n > lives->stated[i]; n--) {
            const struct life *life = &lives->of[i][n];
            size_t recent = 0;
            for (size_t k = 0; k < w->machine_count; k++)
                recent += (life->power >> k & 1) && w->now - life->power_at[k] < w->p.brake_span.ns;
            is_under |= recent >= quorum(w);
        }
        under += is_under;
    }
    if (under >= 2 * b)
        world_fail(w, EXIT_BROKEN, "S11", "%zu machines are under orders at once, and b is %zu",
                   under, b);
}

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
        judge_evidence(w, m, target, number);
    w->figures.votes += !again;
    w->figures.false_votes += !again && is_well(w, target, number);
    life->votes |= bit;
    if (more) {
        life->power |= bit;
        life->power_at[m->index] = w->now;
    }
    if (!life->ordered && bit_count(life->votes) >= quorum(w)) {
        life->ordered = true;
        w->figures.orders++;
        judge_order(w, target, number);
        world_trace(w, "       ordered: life %llu of %s", (unsigned long long)number, target->name);
    }
    check_brake(w);
}

/* --- S10 --- */

void check_order_known(struct world *w, struct machine *m, const struct order_cert *cert)
{
    struct life *life = lives_of(w, cert->order.slot, cert->order.life);
    size_t votes = lives_votes(w, cert, ACTION_RETIRE);
    if (votes < quorum(w))
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

/* F9: a majority of the jurors has just said that it knows no proof that this life is over. */
static void judge_asked(struct world *w, const struct machine *m, const struct run *run)
{
    const struct life *life = lives_of(w, run->slot, run->life);
    const struct roster *roster = &w->cluster->roster;
    size_t knew = 0;
    for (size_t i = 0; i < w->machine_count; i++)
        knew +=
            roster->nodes[i].juror && life->told_at[i] && life->told_at[i] < w->now - ask_span.ns;
    if (knew > roster_juror_count(roster) - quorum(w))
        world_fail(
            w, EXIT_BROKEN, "S10",
            "%s acts on life %llu of slot %u, and %zu jurors know since long that it is over",
            m->name, (unsigned long long)run->life, run->slot, knew);
}

void check_run(struct world *w, struct machine *m, const struct run *run)
{
    struct order_view view;
    struct life *life = lives_of(w, run->slot, run->life);
    if (!find_order(m, &run->order, &view))
        world_fail(w, EXIT_BROKEN, "S10", "%s acts on an order that it does not hold", m->name);
    size_t votes = lives_votes(w, &view.cert, run->action);
    if (view.cert.order.slot != run->slot || view.cert.order.life != run->life ||
        run->action == ACTION_RETIRE || votes < quorum(w))
        world_fail(w, EXIT_BROKEN, "S10",
                   "%s acts on life %llu of slot %u by an order with %zu true votes", m->name,
                   (unsigned long long)run->life, run->slot, votes);
    if (life->executors >> m->index & 1)
        world_fail(w, EXIT_BROKEN, "S10", "%s acts twice on life %llu of slot %u (F9)", m->name,
                   (unsigned long long)run->life, run->slot);
    life->executors |= UINT32_C(1) << m->index;
    judge_asked(w, m, run);
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

/* --- what is said (S5) --- */

static void durable_number(struct world *w, const struct machine *m, const uint64_t *numbers,
                           uint16_t slot, uint64_t number, const char *what)
{
    int index = cluster_index(w->cluster, slot);
    if (index < 0 || numbers[index] < number)
        world_fail(w, EXIT_BROKEN, "S5",
                   "%s sends %s about life %llu of slot %u, which is not durable", m->name, what,
                   (unsigned long long)number, slot);
}

void check_fence_message(struct world *w, struct machine *m, uint16_t to,
                         const struct message *message)
{
    const struct image *durable = &m->shadow->durable;
    if (message->type == WIRE_VOTE)
        durable_number(w, m, durable->voted, message->vote.slot, message->vote.life, "a vote");
    else if (message->type == WIRE_VOTED)
        durable_number(w, m, durable->voted, to, message->voted.life, "voted");
    else if (message->type == WIRE_LIFE_STORED)
        durable_number(w, m, durable->book, to, message->life_stored.life, "life stored");
    else if (message->type == WIRE_PROOF_STORED)
        durable_number(w, m, durable->proven, message->proof_stored.slot,
                       message->proof_stored.covers, "proof stored");
    else if (message->type == WIRE_RENEWED)
        check_renewal_acknowledged(w, m, to, message->renewed.life);
    else if (message->type == WIRE_PROOF)
        check_proof(w, m, message->proof.bytes);
    else if (message->type == WIRE_ACCEPT)
        check_proof(w, m, message->accept.proof);
    else if (message->type == WIRE_STORED)
        check_proof(w, m, message->stored.proof);
}
