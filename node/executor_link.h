/*
 * The agent's end of the executor's socket: hands it certified runs, and brings back what came of
 * them. The agent itself reads no device's secrets and starts no driver.
 *
 * A run is always answered, once: by the executor; or as "not known" when the executor is not
 * there, goes away, or says nothing until the run's time is over. "Not known" is never off.
 */
#ifndef NODE_EXECUTOR_LINK_H
#define NODE_EXECUTOR_LINK_H

#include "node/clock.h"
#include "node/config.h"
#include "node/identity.h"
#include "proto/peer.h"

struct executor_link;

/* EVENT_EXECUTED for a run, ready for the peer; its text is valid during the call. */
typedef void (*executor_link_done)(void *context, const struct event *executed);

/* Connects when there is something to run. What is given outlives it. */
struct executor_link *executor_link_open(struct event_base *base, struct clock *clock,
                                         const struct config *config,
                                         const struct identity *identity, executor_link_done done,
                                         void *context);
/* The executor ends what runs; nothing is told any more. */
void executor_link_close(struct executor_link *link);

/*
 * Has `run` carried out on the strength of `cert` (order_cert_encode's bytes). `done` may be called
 * from here; not for a run that is under way already, whose outcome is its own.
 */
void executor_link_run(struct executor_link *link, const struct run *run, struct view cert);
/* Lives of `slot` up to `life` are proven over: what was switched off here may be switched on
 * again, as well as may be. Its failure is only told. */
void executor_link_proven(struct executor_link *link, uint16_t slot, uint64_t life);

#endif
