/*
 * Which module answers for each message. A fragment is put together before, and a RELAY is opened
 * before; either inside of either is nobody's (T3: one hop).
 */
#ifndef PROTO_DOOR_H
#define PROTO_DOOR_H

#include "proto/wire.h"

enum door {
    DOOR_NONE,
    DOOR_EDGE,
    DOOR_SWIM,
    DOOR_CHECK,
    DOOR_VOTER,
    DOOR_COORDINATOR,
    DOOR_DOUBT_ANSWERS, /* to a coordinator, or to a juror's inquiry */
    DOOR_DOUBTS,
    DOOR_ASKER,
    DOOR_FENCING,
    DOOR_CLONE
};

enum door door_of(enum wire_type type);
/* What a node that runs twice may say: how it is, never what it holds or votes (proto/clone.h). */
bool door_is_membership(enum door door);

#endif
