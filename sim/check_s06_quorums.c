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

/* L5: what a requester is told rests on a chosen state. */
void check_reply_said(struct world *w, const struct machine *m, const struct wire_reply *r)
{
    struct op *op = r->kind == REQUEST_SHOW ? NULL : history_op(w, r->op);
    if (!op)
        return;
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
