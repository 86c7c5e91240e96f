/*
 * S6: every quorum is a majority of the cohort that the roster names, and what requesters are told
 * rests on a chosen state (L5).
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/world.h"

/* S6, L4: values go out under b only once a majority of the cohort has durably promised b. */
void check_accept_said(struct world *w, const struct machine *m, const struct wire_accept *a)
{
    struct value *v = history_value(w, a->name, a->ballot, a->seq, a->state);
    struct group *g = v->group;
    if (g->quorum_seen)
        return;
    uint32_t bits = observer_promise(w, g->name->shard, a->ballot)->bits & g->name->cohort;
    if ((size_t)__builtin_popcount(bits) < w->cluster->majority)
        world_fail(w, EXIT_BROKEN, "S6",
                   "%s sends values of %s under round %llu, which %zu of a cohort of %zu promised",
                   m->name, g->name->text, (unsigned long long)a->ballot.round,
                   (size_t)__builtin_popcount(bits), w->cluster->cohorts.size);
    g->quorum_seen = true;
}

/* The value of that seq under that ballot; NULL if none was seen. */
static const struct value *find_value(const struct name *name, struct ballot ballot, uint64_t seq)
{
    const struct group *g = name->top;
    while (g && !ballot_equal(g->ballot, ballot))
        g = g->lower;
    for (size_t i = 0; g && i < g->count; i++)
        if (g->values[i]->seq == seq)
            return g->values[i];
    return NULL;
}

/* L5: a grant that lacks its asker's vote: a majority but for that has the state durably. What its
 * client is told is judged as any grant is (check_s15_kept.c). */
static void check_provisional(struct world *w, const struct machine *m, uint16_t to,
                              const struct op *op, const struct wire_reply *r)
{
    const struct value *v = find_value(op->name, r->ballot, r->seq);
    const struct value_hold *hold = v ? history_hold(v, op) : NULL;
    size_t others = 0;
    for (size_t k = 0; v && k < w->machine_count; k++)
        others += (op->name->cohort & v->group->stored_bits) >> k & 1 &&
                  v->group->stored_seq[k] >= r->seq && cluster_slot(k) != to;
    bool grant = r->kind == REQUEST_ACQUIRE && r->verdict == REPLY_GRANTED;
    if (!grant || !hold || hold->token != r->token || others + 1 < w->cluster->majority)
        world_fail(w, EXIT_BROKEN, "S6",
                   "%s says that round %llu seq %llu of %s lacks the vote of its asker alone, and "
                   "%zu others have it",
                   m->name, (unsigned long long)r->ballot.round, (unsigned long long)r->seq,
                   op->name->text, others);
    w->figures.provisional++;
}

/* L5: what a requester is told rests on a chosen state. */
void check_reply_said(struct world *w, const struct machine *m, uint16_t to,
                      const struct wire_reply *r)
{
    struct op *op = r->kind == REQUEST_SHOW ? NULL : history_op(w, r->op);
    if (!op)
        return;
    if (r->seq) {
        check_provisional(w, m, to, op, r);
        return;
    }
    const char *wrong = NULL;
    check_change_reply(w, m, op, r);
    /* The token may be another one by now, that it was converted under. */
    bool converted = op->chosen_changed && r->token < op->chosen_token;
    /* Or it was granted anew, as whoever coordinated before and was paused has not heard. */
    bool anew = op->chosen_before && r->token == op->chosen_before;
    if (r->verdict == REPLY_GRANTED && op->chosen_token != r->token && !converted && !anew)
        wrong = "granted";
    if (r->verdict == REPLY_WAITING && !op->seen_chosen)
        wrong = "a place in the queue";
    /* Granted again by a late duplicate, it has another token: a ghost (L9). */
    const struct value_hold *hold = op->name->chosen ? history_hold(op->name->chosen, op) : NULL;
    if (r->verdict == REPLY_DROPPED && hold && hold->token == op->token_told)
        world_fail(w, EXIT_BROKEN, "S15",
                   "%s says that operation %u/%llu/%llu is dropped, but the chosen %s of %s has it",
                   m->name, op->id.slot, (unsigned long long)op->id.life,
                   (unsigned long long)op->id.counter, value_text(op->name->chosen),
                   op->name->text);
    if (r->verdict == REPLY_DROPPED)
        op->withdrawn = true;
    if (wrong)
        world_fail(w, EXIT_BROKEN, "S6", "%s tells %s of %s, and no chosen state says so", m->name,
                   wrong, op->name->text);
}
