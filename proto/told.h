/*
 * What the driver will be told with the next effects: answers that no operation carries itself, and
 * notices, and steps for the fence log. Bounded; a notice that does not fit is dropped and counted,
 * since the present state can always be read.
 */
#ifndef PROTO_TOLD_H
#define PROTO_TOLD_H

#include "proto/fence_step.h"
#include "proto/peer.h"

struct told {
    struct answer answers[EFFECTS_ANSWERS_MAX];
    size_t answer_count;
    struct notice notices[EFFECTS_NOTICES_MAX];
    size_t notice_count;
    uint64_t dropped;
    uint8_t steps[EFFECTS_STEPS_MAX];
    size_t steps_size;
    uint64_t steps_dropped;
};

/* The next free answer, zeroed; NULL if full. */
struct answer *told_answer(struct told *t, enum answer_kind kind, uint64_t handle);
/* The next free notice, zeroed; never NULL (a spare one takes what does not fit). */
struct notice *told_notice(struct told *t, enum notice_kind kind);
/* A step for the fence log; one that does not fit is dropped and counted. */
void told_step(struct told *t, const struct fence_step *step);
void told_clear(struct told *t);

#endif
