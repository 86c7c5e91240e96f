/*
 * The mouth of a relay that does not keep to the protocol: the one place of the simulator that
 * reaches into a peer, since what it says has to be sealed by that peer's own session.
 */
#ifndef SIM_RUDE_RELAY_H
#define SIM_RUDE_RELAY_H

#include "proto/wire.h"

struct peer;

/* The peer says `m` to `to` with its next effects. */
void rude_relay_says(struct peer *peer, uint16_t to, const struct message *m);

#endif
