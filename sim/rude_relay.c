/* A relay's misdeeds: see rude_relay.h. */
#include "sim/rude_relay.h"

#include "proto/peer_internal.h"

void rude_relay_says(struct peer *peer, uint16_t to, const struct message *m)
{
    outbox_send(&peer->core.outbox, to, m);
}
