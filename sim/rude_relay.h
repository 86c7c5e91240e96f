/*
 * The mouth of a member that does not keep to the protocol: the one place of the simulator that
 * reaches into a peer, since what it says has to be sealed by that peer's own session, and lies
 * best with what that peer knows.
 */
#ifndef SIM_RUDE_RELAY_H
#define SIM_RUDE_RELAY_H

#include "proto/wire.h"

struct peer;

/* The peer says `m` to `to` with its next effects. */
void rude_relay_says(struct peer *peer, uint16_t to, const struct message *m);
/* The signed word of a member that the peer holds; false if it has none. */
bool rude_relay_word(const struct peer *peer, uint16_t slot, struct wire_alive *out);

#endif
