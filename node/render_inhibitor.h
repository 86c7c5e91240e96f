/*
 * What the API says about operators' words, as JSON: Inhibitor, FenceRequest and Hearing of
 * org.holdfast.varlink. Each function gives a new value.
 */
#ifndef NODE_RENDER_INHIBITOR_H
#define NODE_RENDER_INHIBITOR_H

#include <jansson.h>

#include "node/agent.h"

/* []Inhibitor: those that hold, and those that were lifted and are on their way. */
json_t *render_inhibitors(const struct agent *agent);
/* What the jurors have said so far. */
json_t *render_fence_request(const struct agent *agent, const struct fence_story *story,
                             const struct stale_view *view);
/* Who hears that life; `locks` is stolen. */
json_t *render_hearing(const struct agent *agent, const struct hearing_view *hearing,
                       json_t *locks);

#endif
