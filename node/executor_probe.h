/*
 * Whether the executor beside this agent is there, asked now and then (EXECUTOR_LOOK), so that it
 * is known before an order needs it: for Status, `doctor` and metrics. Nothing depends on it. A
 * node whose roster has no action that it may carry out needs none, and asks none.
 */
#ifndef NODE_EXECUTOR_PROBE_H
#define NODE_EXECUTOR_PROBE_H

#include "node/clock.h"
#include "node/config.h"
#include "node/executor_wire.h"

/* Between two questions, while it answers and while it does not; and how long it has for an answer.
 */
#define EXECUTOR_PROBE_EVERY SPAN_MS(10000)
#define EXECUTOR_PROBE_AGAIN SPAN_MS(1000)
#define EXECUTOR_PROBE_WAIT  SPAN_MS(5000)

enum { EXECUTOR_PROBE_TEXT_SIZE = 256 };

struct executor_probe;

struct executor_probe_view {
    bool wanted;                 /* the roster lets this node execute */
    bool reachable;              /* it answered the last question */
    struct instant since;        /* of `reachable`; ns 0: it was not asked yet */
    const char *text;            /* why it is not reachable; "" if it is, or none is wanted */
    struct executor_state state; /* as it last said; all zero if it never did */
};

/* What is given outlives it. */
struct executor_probe *executor_probe_open(struct event_base *base, struct clock *clock,
                                           const struct config *config, bool wanted);
void executor_probe_close(struct executor_probe *probe);
struct executor_probe_view executor_probe_view(const struct executor_probe *probe);

#endif
