/* What the driver will be told: see told.h. */
#include "proto/told.h"

#include "proto/mutant.h"

struct answer *told_answer(struct told *t, enum answer_kind kind, uint64_t handle)
{
    if (t->answer_count == EFFECTS_ANSWERS_MAX)
        return NULL;
    struct answer *a = &t->answers[t->answer_count++];
    *a = (struct answer){.kind = kind, .handle = handle, .coordinator = SLOT_NONE};
    return a;
}

struct notice *told_notice(struct told *t, enum notice_kind kind)
{
    if (t->notice_count == EFFECTS_NOTICES_MAX) {
        /* Keep the first ones: they tell how it began. */
        t->dropped++;
        t->notice_count--;
    }
    struct notice *n = &t->notices[t->notice_count++];
    *n = (struct notice){.kind = kind, .slot = SLOT_NONE};
    return n;
}

void told_step(struct told *t, const struct fence_step *step)
{
    struct writer w = writer_init(t->steps + t->steps_size, EFFECTS_STEPS_MAX - t->steps_size);
    if (MUTANT(140) && step->kind == FENCE_STEP_ORDER) /* "an order is not in the fence log" */
        return;
    fence_steps_put(&w, step);
    if (w.failed)
        t->steps_dropped++;
    else
        t->steps_size += writer_size(&w);
}

void told_clear(struct told *t)
{
    t->answer_count = 0;
    t->notice_count = 0;
    t->steps_size = 0;
}
