/*
 * When a node does not refute: pure arithmetic over its own probes and refutations.
 *
 * SWIM lets every accused refute, and at 80 % loss a refutation gets through in time. So a node
 * with such a link would be suspect and alive in turns for ever, asked by all and of use to nobody.
 * Only it can tell that it is its own link: a probe of a dead member fails, too, but those that
 * were asked to help say that they try (swim.h). Where they are silent as well, it is this end.
 *
 *     accused, probes well -------------------------> refutes, as in SWIM
 *     accused, most of the last probes in trouble --> refutes, and counts
 *     the same again, HUSH_REFUTES spans apart --> silent: held dead by all, soon
 *     its probes are well again --------------------> refutes at once; the count is clear
 *
 * So a blip, a pause, a cut of any kind or a restart is over as soon as the link is: after it a
 * node refutes once or twice. No clock says how long the silence is: probes do, many in a second.
 */
#ifndef PROTO_HUSH_H
#define PROTO_HUSH_H

#include <stdbool.h>
#include <stdint.h>

#include "proto/time.h"

enum {
    HUSH_LOOKED = 8, /* probes that say how the link is now */
    HUSH_MOST = 5,   /* so many of them alone: in trouble */
    /* So many without one alone: well. By luck with 80 % loss, where three of four are alone: once
     * in ten thousand million. */
    HUSH_WELL = 16,
    HUSH_REFUTES = 2, /* in trouble, before it is silent */
    /* Among so many members: it accuses nobody, so who dies meanwhile is known to it by others'
     * word alone. Of few all may be silent, or dead, and none would ever find its link well. */
    HUSH_AMONG = 32,
    /* Periods between refutations that count: what is said of one cut's end comes in one heap. */
    HUSH_APART = 2
};

struct hush {
    uint32_t probes;  /* the last ones, the newest lowest: 1 where nobody at all said a word */
    uint32_t refutes; /* refutations in trouble that counted */
    struct instant counted; /* the last of them */
    bool on;                /* this node does not refute */
    uint32_t incarnation;   /* of which it was accused meanwhile, the highest */
    struct instant since;   /* of `on` */
};

/* A probe of a live member came to its end; `alone`: no answer, and nobody who was asked to help
 * said a word. */
void hush_probed(struct hush *h, bool alone);
/* Of the last HUSH_LOOKED. */
uint32_t hush_alone(const struct hush *h);
bool hush_troubled(const struct hush *h);
bool hush_well(const struct hush *h);
/* This node is accused: whether it refutes. `period` is h. */
bool hush_refutes(struct hush *h, struct instant now, struct span period, uint32_t incarnation);
/* True once when the silence is over: now it refutes `incarnation`. */
bool hush_over(struct hush *h);

#endif
