/*
 * The fencer: the hands of an executor (F9). It carries out certified orders by the operator's
 * scripts (docs/configuration.md has their contract); when to, is proto/executor.h's to say.
 *
 * It takes nothing but certificates. No caller, message, key or file can make it act: it decodes
 * the certificate that it is given and verifies it itself for the very action (F4), and that it is
 * about the slot, life and order of the run. It never acts on its own node, and starts nothing that
 * is under way already. That q jurors were asked just before, and that it acts at most once per
 * life, is the peer's part: a `struct run` comes from there only.
 *
 *     SCRIPT off|status, with HOLDFAST_NODE, _SLOT, _LIFE, _ORDER, _INFO and PATH as environment:
 *     `off` exits 0 when it is done; then `status` exits 2 for off, 0 for on, and prints the
 *     device's identity as its first line. Anything else is "not known", which never counts as off.
 */
#ifndef NODE_FENCER_H
#define NODE_FENCER_H

#include "node/clock.h"
#include "node/config.h"
#include "node/identity.h"
#include "proto/peer.h"

struct fencer;

/* EVENT_EXECUTED for a run, ready for the peer; its text is valid during the call. */
typedef void (*fencer_done)(void *context, const struct event *executed);

/*
 * `base`, `clock`, `config`, `identity` outlive it. Warns in the log of what this node could not
 * carry out: others may be able to.
 */
struct fencer *fencer_open(struct event_base *base, struct clock *clock,
                           const struct config *config, const struct identity *identity,
                           fencer_done done, void *context);
/* Kills what runs; nothing is told any more. */
void fencer_close(struct fencer *fencer);

/*
 * Carries out `run` on the strength of `cert` (order_cert_encode's bytes). `done` is called once
 * for it, from here if it is refused; not for one that is under way already, whose outcome is its
 * own.
 */
void fencer_run(struct fencer *fencer, const struct run *run, struct view cert);
/* The longest until `done` is called for a run: peer_config's run_span. */
struct span fencer_longest(const struct config *config);
/* Runs that are under way: at most EFFECTS_RUNS_MAX. */
size_t fencer_count(const struct fencer *fencer);

#endif
