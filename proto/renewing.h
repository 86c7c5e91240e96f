/*
 * Leases (section 6, "Expiring locks"), the holder's side: what this node believes that it holds
 * under `expire`, and until when. See lease.h for why that is safe.
 *
 *      granted: sent at S                                   S + belief/2           S + belief
 *     -------|----------- each third: LEASE ----------------|--- at risk ------------| lost
 *            ^---- S moves on with each LEASE_KEPT, to when that LEASE was sent -----'
 *
 * A grant counts from the sending of the request that it answers. If that is long ago, or not
 * known, it is asked for once more before its client hears of it. What was not renewed in time has
 * lapsed, and is never resumed: its client is told, and stops what acts under it. That is looked at
 * before anything else in a turn, so no answer that comes late finds it still believed.
 *
 * Renewed are shards, at their coordinators, all that are due soon in one go. A coordinator that
 * does not answer, or serves no more, is looked for with a question about one hold (REQUEST_KEEP),
 * which goes the way of all requests (asking.h). The same question is asked of each hold that is
 * found after a start: none of them is believed before it is answered.
 */
#ifndef PROTO_RENEWING_H
#define PROTO_RENEWING_H

#include "proto/core.h"

struct asker;
struct asker_op;

/* The lease of one shard. */
struct renewal {
    uint32_t first;         /* what is held in it, believed or found at the start: index + 1 */
    uint32_t live_next;     /* shards with any: shard + 1 */
    struct instant ask_at;  /* the next LEASE leaves */
    struct instant soon_at; /* and may leave earlier in company, from then on */
    uint32_t silent;        /* LEASEs since the last answer, */
    struct ballot asked;    /*   under this ballot */
    bool live;
};

struct renewing {
    struct renewal *shards;
    uint32_t live;          /* shard + 1 */
    struct instant next_at; /* nothing lapses or is due before */
};

size_t renewing_bytes(const struct peer_config *config);
void renewing_init(struct renewing *r, void *memory, uint32_t shard_count);
/* The time is `now`: what has lapsed is over, what is due is asked. First thing in every turn. */
void renewing_pass(struct asker *a, struct instant now);
/* A message LEASE_KEPT. */
void renewing_take(struct asker *a, struct instant now, uint16_t from,
                   const struct wire_lease_kept *m);
/* A grant: whether its client may hear of it. If not, it is asked for anew. */
bool renewing_granted(struct asker *a, struct instant now, struct asker_op *op,
                      const struct wire_reply *r);
/* It waits, as of a request sent then. */
void renewing_waits(struct asker_op *op, const struct wire_reply *r);
/* It is held still, as of a request sent then (REQUEST_KEEP); or is not any more. */
void renewing_kept(struct asker *a, struct instant now, struct asker_op *op,
                   const struct wire_reply *r);
void renewing_not_kept(struct asker *a, struct instant now, struct asker_op *op);
/* Found at the start and pending, and it is a hold from now on. */
void renewing_heard(struct asker *a, struct asker_op *op);
/* Found at the start. */
void renewing_found(struct asker *a, struct instant now, struct asker_op *op);
/* It is given up, or gone. */
void renewing_end(struct asker *a, struct asker_op *op);
/* Until when it is believed: ns 0 if it is not, INSTANT_NEVER if it does not expire. */
struct instant renewing_until(const struct asker *a, const struct asker_op *op);

#endif
