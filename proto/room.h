/*
 * Room for the locks that a coordinator serves. The table is bounded: when it is full, the idle
 * lock that was used longest ago makes room, which L4 allows if its state is true. Requests come
 * first, and among them those that have waited long.
 */
#ifndef PROTO_ROOM_H
#define PROTO_ROOM_H

#include "proto/coordinator.h"

/*
 * The lock of the request, served from now on; NULL if every place is busy. Whoever insists, having
 * waited long, finds the next place that falls idle kept for it: else requests for other locks
 * could be faster for ever.
 */
struct served *room_for(struct coordinator *k, struct instant now, struct lead *lead,
                        const struct wire_request *r);
/* The lock, served for the sake of forgetting it (L10); NULL if there is no room that requests need
 * less. */
struct served *room_to_forget(struct coordinator *k, struct instant now, struct lead *lead,
                              struct view name);
/*
 * Says that there is no room now, but that places fall free: a word of life, or its requester would
 * make others take the shard, which have no more room. It shall look for another without progress
 * here, and if the shard would go to another by rank: so the shards of a node with too many spread.
 */
void room_none(struct coordinator *k, struct instant now, const struct lead *lead,
               const struct wire_request *r);

#endif
