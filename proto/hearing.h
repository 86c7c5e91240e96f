/*
 * The hearing (F6d): who still hears a life. An operator's receipt is a person's word, so whoever
 * hands one in has the jurors asked first: each tells when it heard that life last, and probes it.
 *
 *     asked --HEARD_ASK--> jurors: probe, answer       --after ROUND_SPAN--> asked once more
 *                          so that what a probe has brought is in the second answers: `done`
 *
 * The node that takes the receipt needs a hearing of just now in which a quorum of the jurors (if
 * there is no jury to speak of, F12: every juror but the target) answered, and nobody heard the
 * life within H.
 */
#ifndef PROTO_HEARING_H
#define PROTO_HEARING_H

#include "proto/signs.h"

struct hearing {
    struct core *core;
    const struct signs *signs;
    struct instant started; /* of this node */
    /* The one that this node holds; slot SLOT_NONE: none. */
    uint16_t slot;
    uint64_t life;
    uint32_t seq; /* of the second round: odd */
    struct instant began_at, again_at;
    uint8_t rounds;
    uint32_t answered;                  /* jurors, in the second round: a mask over the jury */
    uint32_t never;                     /* did not hear it since they started, */
    uint32_t age_ms[ROSTER_JURORS_MAX]; /*   from which this counts, then */
};

void hearing_init(struct hearing *h, struct core *core, const struct signs *signs);
void hearing_start(struct hearing *h, struct instant now);
/* EVENT_HEAR: begins one, unless one about that life is young. */
void hearing_begin(struct hearing *h, struct instant now, uint16_t slot, uint64_t life);
/* Messages HEARD_ASK, HEARD. */
void hearing_take(struct hearing *h, struct instant now, uint16_t from, const struct message *m);
void hearing_step(struct hearing *h, struct instant now);
struct instant hearing_deadline(const struct hearing *h);
/* NULL if what was heard allows an operator's receipt about that life to be taken; else why not:
 * static. */
const char *hearing_refuses(const struct hearing *h, struct instant now, uint16_t slot,
                            uint64_t life);
void hearing_look(const struct hearing *h, struct instant now, struct hearing_view *out);

#endif
