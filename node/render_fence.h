/*
 * What the API says about fencing, as JSON: Mark, Stale and FenceOrder of org.holdfast.varlink.
 * Each function gives a new value. Names and orders are those that this node knows: see
 * peer_next_order; nothing here asks others.
 */
#ifndef NODE_RENDER_FENCE_H
#define NODE_RENDER_FENCE_H

#include <jansson.h>

#include "node/agent.h"

/* ?Mark: null if it is not set. */
json_t *render_fence_mark(const struct agent *agent, const struct lock_mark *mark);
/* ?Stale: null if no dead holder is in the way. */
json_t *render_fence_stale(const struct agent *agent, const struct stale_view *stale);
/* Opinion. `evidence`: NULL if what it had seen did not come to this node; `vote`: NULL if it did
 * not sign. */
json_t *render_fence_opinion(const struct agent *agent, uint16_t juror,
                             const struct evidence *evidence, const struct vote *vote);
/* FenceOrder. */
json_t *render_fence_order(const struct agent *agent, const struct order_view *view);

#endif
