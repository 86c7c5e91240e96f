/*
 * The agent asks its executor what it could carry an order out with, and how its devices are
 * (EXECUTOR_ASK_PART; node/inspector.h), part by part over a connection of its own. Whoever asks
 * while that goes on hears the same answer, so there is never more than one such connection, and
 * an order's is never kept waiting.
 */
#ifndef NODE_EXECUTOR_CHECK_H
#define NODE_EXECUTOR_CHECK_H

#include "node/clock.h"
#include "node/config.h"
#include "node/executor_wire.h"

/* Longer than the devices have together. */
#define EXECUTOR_CHECK_SPAN SPAN_MS(40000)

/* More than the configuration can name. */
enum { EXECUTOR_CHECK_PARTS_MAX = 8192 };

struct executor_check;

/* All parts; or `why` not, and no parts. Valid during the call. */
typedef void (*executor_check_done)(void *context, const struct executor_answer *parts,
                                    size_t count, const char *why);

/* What is given outlives it. */
struct executor_check *executor_check_open(struct event_base *base, struct clock *clock,
                                           const struct config *config);
/* Nothing is told any more. */
void executor_check_close(struct executor_check *check);
/* `done` is called once, never from here, unless executor_check_forget(context) comes first. */
void executor_check_ask(struct executor_check *check, executor_check_done done, void *context);
void executor_check_forget(struct executor_check *check, const void *context);

#endif
