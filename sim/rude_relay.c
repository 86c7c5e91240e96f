/* A relay's misdeeds: see rude_relay.h. */
#include "sim/rude_relay.h"

#include "proto/peer_internal.h"
#include "proto/swim_core.h"

void rude_relay_says(struct peer *peer, uint16_t to, const struct message *m)
{
    outbox_send(&peer->core.outbox, to, m);
}

bool rude_relay_word(const struct peer *peer, uint16_t slot, struct wire_alive *out)
{
    const struct members *ms = &peer->core.swim->members;
    int index = members_find(ms, slot);
    if (index < 0 || ms->table[index].state == MEMBER_UNKNOWN)
        return false;
    *out = *members_word(ms, (size_t)index);
    return true;
}
