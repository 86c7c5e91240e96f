/*
 * The fencer: the executor's judgement (F9), a module of the process `holdfast-executor` and of
 * nothing else. It has certified orders carried out by a driver (node/driver.h).
 *
 * It takes nothing but certificates. No caller, message, key or file can make it act: it decodes
 * the certificate that it is given and verifies it itself for the very action (F4), against the
 * roster that it loaded itself, and that it is about the slot and life of the request. It never
 * acts on its own node, and on one life at most once for each order and action: that it acts is
 * durable before a driver starts (node/acts.h). When to act is the peer's to say
 * (proto/executor.h), and a peer that lies about it gains nothing: without q jurors' votes against
 * that life there is no certificate.
 */
#ifndef NODE_FENCER_H
#define NODE_FENCER_H

#include "node/acts.h"
#include "node/driver.h"
#include "node/identity.h"

struct fencer;

/* What a request of `owner` came to; the result is valid during the call. */
typedef void (*fencer_done)(void *context, uint64_t owner, uint64_t id,
                            const struct driver_result *result);

/*
 * All of these outlive it. Warns in the log of what this node could not carry out: others may be
 * able to.
 */
struct fencer *fencer_open(struct event_base *base, struct clock *clock,
                           const struct config *config, const struct identity *identity,
                           struct acts *acts, struct transcript *transcript, fencer_done done,
                           void *context);
/* Kills what runs; nothing is told any more. */
void fencer_close(struct fencer *fencer);

/* Carries out an EXECUTOR_RUN. `done` is called once for it, from here if it is refused. */
void fencer_run(struct fencer *fencer, uint64_t owner, const struct executor_request *request);
/* Nobody waits for this owner's runs any more: they are ended. */
void fencer_forget(struct fencer *fencer, uint64_t owner);
/* Counts `running`, `acts`, `runs` and `refusals`; leaves the rest alone. */
void fencer_state(const struct fencer *fencer, struct executor_state *out);

#endif
