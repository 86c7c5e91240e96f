/* Messages to modules: see door.h. */
#include "proto/door.h"

enum door door_of(enum wire_type type)
{
    static const enum door doors[WIRE_TYPES] = {
        [WIRE_PING] = DOOR_SWIM,
        [WIRE_ACK] = DOOR_SWIM,
        [WIRE_PING_REQ] = DOOR_SWIM,
        [WIRE_INDIRECT_ACK] = DOOR_SWIM,
        [WIRE_ALIVE] = DOOR_SWIM,
        [WIRE_SUSPECT] = DOOR_SWIM,
        [WIRE_DEAD] = DOOR_SWIM,
        [WIRE_DIGEST] = DOOR_SWIM,
        [WIRE_STORE_ASK] = DOOR_CHECK,
        [WIRE_STORE_KNOWN] = DOOR_CHECK,
        [WIRE_PREPARE] = DOOR_VOTER,
        [WIRE_READ] = DOOR_VOTER,
        [WIRE_ACCEPT] = DOOR_VOTER,
        [WIRE_CONFIRM] = DOOR_VOTER,
        [WIRE_FORGET] = DOOR_VOTER,
        [WIRE_PROMISE] = DOOR_COORDINATOR,
        [WIRE_REFUSE] = DOOR_COORDINATOR,
        [WIRE_STORED] = DOOR_COORDINATOR,
        [WIRE_ACCEPTED] = DOOR_COORDINATOR,
        [WIRE_CONFIRMED] = DOOR_COORDINATOR,
        [WIRE_IDLE] = DOOR_COORDINATOR,
        [WIRE_FORGOTTEN] = DOOR_COORDINATOR,
        [WIRE_REQUEST] = DOOR_COORDINATOR,
        [WIRE_DOUBT_ANSWER] = DOOR_DOUBT_ANSWERS,
        [WIRE_DOUBT] = DOOR_DOUBTS,
        [WIRE_POKE] = DOOR_DOUBTS,
        [WIRE_POKED] = DOOR_DOUBTS,
        [WIRE_REPLY] = DOOR_ASKER,
        [WIRE_LEASE] = DOOR_COORDINATOR,
        [WIRE_LEASE_KEPT] = DOOR_ASKER,
        [WIRE_BLOCKING] = DOOR_ASKER,
        [WIRE_LIFE_CLAIM] = DOOR_FENCING,
        [WIRE_LIFE_STORED] = DOOR_FENCING,
        [WIRE_PROOF] = DOOR_FENCING,
        [WIRE_PROOF_STORED] = DOOR_FENCING,
        [WIRE_RENEW] = DOOR_FENCING,
        [WIRE_RENEWED] = DOOR_FENCING,
        [WIRE_VOTED] = DOOR_FENCING,
        [WIRE_ACCUSE] = DOOR_FENCING,
        [WIRE_OPINION] = DOOR_FENCING,
        [WIRE_VOTE] = DOOR_FENCING,
        [WIRE_ORDER] = DOOR_FENCING,
        [WIRE_ORDER_STORED] = DOOR_FENCING,
        [WIRE_EXEC_ASK] = DOOR_FENCING,
        [WIRE_EXEC_OK] = DOOR_FENCING,
        [WIRE_EXEC_REPORT] = DOOR_FENCING,
        [WIRE_WITNESS_ASK] = DOOR_FENCING,
        [WIRE_WITNESS] = DOOR_FENCING,
        [WIRE_EDGE_ASK] = DOOR_EDGE,
        [WIRE_EDGE_OK] = DOOR_EDGE,
        [WIRE_CLONED] = DOOR_CLONE,
    };
    return doors[type];
}

bool door_is_membership(enum door door)
{
    return door == DOOR_EDGE || door == DOOR_SWIM || door == DOOR_DOUBTS;
}
