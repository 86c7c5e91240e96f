/* What would follow if a member vanished now, as the API has it: Preview of org.holdfast.varlink.
 */
#ifndef NODE_RENDER_PREVIEW_H
#define NODE_RENDER_PREVIEW_H

#include <jansson.h>

#include "node/agent.h"

/* A new value; NULL if the roster does not name the node. Of this node itself it lists all that it
 * holds, of another one what the registers here know. */
json_t *render_preview(const struct agent *agent, uint16_t slot);

#endif
