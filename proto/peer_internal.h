/* The peer's parts, for its own files: peer.c is the door, segment.c saves, peer_view.c shows. */
#ifndef PROTO_PEER_INTERNAL_H
#define PROTO_PEER_INTERNAL_H

#include "proto/asking.h"
#include "proto/clone.h"
#include "proto/coordinator.h"
#include "proto/doubt.h"
#include "proto/fencing.h"
#include "proto/forget.h"
#include "proto/link.h"
#include "proto/storecheck.h"
#include "proto/voter.h"

struct peer {
    struct core core;
    struct link link;
    struct voter voter;
    struct coordinator coordinator;
    struct doubts doubts;
    struct asker asker;
    struct storecheck check;
    struct fencing fencing;
    uint32_t adopted; /* RECORD_STORE */
    bool store_lost;  /* RECORD_STORE, or peer_recover_lost */
    /* RECORD_STORE: no run since has done the store's check (L7); what it held before the first of
     * these is what it is judged by, since a run that is not checked writes too. */
    bool unchecked;
    struct vitals before;
    uint64_t checked_lsn; /* of the record that says that the check is done; 0: it is not */
    bool started;
    bool hushed;        /* as was told (NOTICE_HUSH) */
    bool handed;        /* the last effects were handed out: a new turn begins with the next call */
    struct instant due; /* the deadline that was told with them */
    peer_tap tap;
    void *tap_context;
    struct clone_self clone;
    uint8_t *local; /* a message to this node itself, while it is dispatched */
};

#endif
