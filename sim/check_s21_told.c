/*
 * S21: the fence log tells what happened. Each vote, order, proof, break and alarm that a node's
 * driver hears of has its step in the same effects; a vote is logged with what a voter had seen, a
 * refusal never as a vote; what was freed was held under a life that is proven over.
 */
#include "sim/check.h"

#include "proto/fence_step.h"
#include "sim/machine.h"
#include "sim/world.h"

static void check_one(struct world *w, const struct machine *m, const struct fence_step *step)
{
    const struct machine *about = world_machine(w, step->about.slot);
    const char *word = fence_step_word(step->kind);
    if (!about) {
        world_fail(w, EXIT_BROKEN, "S21", "%s logs a step '%s' about nobody", m->name, word);
        return;
    }
    if (step->kind == FENCE_STEP_VOTE && step->vote.evidence.opinion != OPINION_VOTES)
        world_fail(w, EXIT_BROKEN, "S21", "%s logs a refusal against %s as a vote", m->name,
                   about->name);
    if (step->kind == FENCE_STEP_OPINION && step->opinion.evidence.opinion == OPINION_VOTES)
        world_fail(w, EXIT_BROKEN, "S21", "%s logs a vote against %s as a refusal", m->name,
                   about->name);
    if (step->kind == FENCE_STEP_FREED && step->about.session == 0 &&
        w->observer->lives.covered[about->index] < step->freed.life)
        world_fail(w, EXIT_BROKEN, "S21",
                   "%s logs that a lock of %s, life %llu, was freed, and that life is not over",
                   m->name, about->name, (unsigned long long)step->freed.life);
}

/* The step that a notice must come with; FENCE_STEP_NONE: none need. */
static enum fence_step_kind step_of(const struct notice *n)
{
    if (n->kind == NOTICE_VOTED)
        return FENCE_STEP_VOTE;
    if (n->kind == NOTICE_ORDER)
        return FENCE_STEP_ORDER;
    if (n->kind == NOTICE_PROOF || n->kind == NOTICE_ENDED)
        return FENCE_STEP_PROOF;
    if (n->kind == NOTICE_BROKEN)
        return FENCE_STEP_FREED;
    return n->kind == NOTICE_ALARM ? FENCE_STEP_ALARM : FENCE_STEP_NONE;
}

/* About that life; what is freed may be of an earlier one than the proof is about. */
static bool tells(const struct fence_step *step, const struct notice *n)
{
    bool life = step->about.life == n->number ||
                (step->kind == FENCE_STEP_FREED && step->about.life < n->number);
    return step->kind == step_of(n) && step->about.slot == n->slot && life;
}

static bool is_told(struct view steps, const struct notice *n)
{
    struct view one;
    struct fence_step step;
    while (fence_steps_next(&steps, &one))
        if (fence_step_decode(&step, one) && tells(&step, n))
            return true;
    return false;
}

void check_told(struct world *w, struct machine *m, const struct effects *e)
{
    struct view steps = e->steps, one;
    struct fence_step step;
    while (fence_steps_next(&steps, &one)) {
        if (fence_step_decode(&step, one))
            check_one(w, m, &step);
        else
            world_fail(w, EXIT_BROKEN, "S21", "%s logs a step that cannot be read", m->name);
    }
    if (e->steps_dropped > 0)
        return; /* counted, and told to whoever reads the log */
    for (size_t i = 0; i < e->notice_count; i++) {
        const struct notice *n = &e->notices[i];
        if (step_of(n) != FENCE_STEP_NONE && !is_told(e->steps, n))
            world_fail(w, EXIT_BROKEN, "S21", "%s has a '%s' about slot %u that it does not log",
                       m->name, fence_step_word(step_of(n)), n->slot);
    }
}
