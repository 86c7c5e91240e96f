/*
 * What is said about this node's executor, in JSON: the types Executor, ExecutorAction,
 * ExecutorDevice and ExecutorTarget of org.holdfast.varlink.
 */
#ifndef NODE_RENDER_EXECUTOR_H
#define NODE_RENDER_EXECUTOR_H

#include <jansson.h>

#include "node/agent.h"
#include "node/executor_probe.h"

/* Executor: whether it is there, and what it counts. A new object. */
json_t *render_executor(const struct executor_probe_view *view);

/*
 * The reply of CheckExecutor: what it could use, and how its devices are, compared with what this
 * node hears itself; and whether that is enough for each other node. `why`: it did not answer, and
 * there are no parts. A new object.
 */
json_t *render_executor_check(const struct agent *agent, const struct executor_probe_view *view,
                              const struct executor_answer *parts, size_t count, const char *why);

#endif
