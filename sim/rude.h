/*
 * What clients do wrong, and agents have to bear: a release that is sent twice, one of a hold that
 * is somebody else's or nobody's, and one that comes long after the guest ended. (Accidents of
 * guests are guest.h's; a herd is client_herd.)
 */
#ifndef SIM_RUDE_H
#define SIM_RUDE_H

#include "proto/peer.h"

struct world;
struct machine;
struct client;
struct op;

/* A client is about to give back `op`: perhaps something is wrong with it. */
void rude_before_drop(struct world *w, struct client *c, const struct op *op);
/* It has: perhaps it sends the same call again. */
void rude_after_drop(struct world *w, struct client *c, const struct op *op);
/* It has called for a change: perhaps it calls again, or for one of what is not its own. */
void rude_change(struct world *w, struct client *c, const struct event *event);
/* The answer to a release of what is not its own. */
void rude_answer(struct world *w, const struct machine *m, const struct answer *a);

#endif
