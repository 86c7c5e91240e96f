/*
 * Why a member's state changed, as a pure function of the change: one word for programs, which
 * never changes its meaning, and none of it is a verdict of its own (M3).
 */
#ifndef PROTO_REASON_H
#define PROTO_REASON_H

#include "proto/swim.h"

enum change_reason {
    REASON_FIRST_WORD, /* its first signed word that came here */
    REASON_PROBE,      /* this node's probe, and those through others, got no answer: suspect */
    REASON_HEARSAY,    /* another one found so, and told: suspect */
    REASON_UNREFUTED,  /* the suspicion's time ran out here: dead */
    REASON_TOLD_DEAD,  /* it ran out at another one, who told: dead */
    REASON_REFUTED,    /* it said, signed, that it is alive after all */
    REASON_NEW_LIFE,   /* it booted, or surrendered: a higher life */
    REASON_CAME_BACK,  /* it had left, and speaks again under the same life */
    REASON_LEFT,       /* it said so itself */
    REASONS
};

/* `self`: the slot of the node that noticed. */
enum change_reason change_reason(const struct swim_change *change, uint16_t self);
/* "first-word", "probe", ...; static. */
const char *change_reason_text(enum change_reason reason);

#endif
