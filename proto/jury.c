/* The jurors of the roster: see jury.h. */
#include "proto/jury.h"

void jury_init(struct jury *jury, const struct roster *roster)
{
    *jury = (struct jury){.quorum = roster_juror_quorum(roster)};
    for (size_t i = 0; i < roster->node_count; i++)
        if (roster->nodes[i].juror)
            jury->slots[jury->count++] = roster->nodes[i].slot;
}

int jury_find(const struct jury *jury, uint16_t slot)
{
    for (size_t i = 0; i < jury->count; i++)
        if (jury->slots[i] == slot)
            return (int)i;
    return -1;
}

bool jury_can_order(const struct jury *jury)
{
    return jury->count >= JURY_LEAST;
}

size_t jury_brake(const struct jury *jury, size_t nodes)
{
    size_t spare = jury->count - jury->quorum;
    size_t small = spare < 2 ? spare : 2;
    size_t share = nodes / 8;
    return small > share ? small : share;
}

bool jury_is_quorum(const struct jury *jury, uint32_t mask)
{
    return (size_t)__builtin_popcount(mask) >= jury->quorum;
}
