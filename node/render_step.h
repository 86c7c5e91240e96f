/* The fence log's steps and open inquiries, as the API has them: FenceStep and Inquiry of
 * org.holdfast.varlink. Each function gives a new value. */
#ifndef NODE_RENDER_STEP_H
#define NODE_RENDER_STEP_H

#include <jansson.h>

#include "node/agent.h"

json_t *render_step(const struct agent *agent, const struct fence_log_entry *entry);
json_t *render_inquiry(const struct agent *agent, const struct inquiry_view *view);

#endif
