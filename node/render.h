/* What the API says, as JSON: the types of org.holdfast.varlink. Each function gives a new object.
 */
#ifndef NODE_RENDER_H
#define NODE_RENDER_H

#include <jansson.h>

#include "node/agent.h"
#include "node/render_hold.h"
#include "proto/lock.h"

const char *render_reason(enum wait_reason reason);

/* Why a node whose log failed refuses, and what to do. */
#define RENDER_DRAINED  "this node is drained: it takes no new locks"
#define RENDER_STOPPING "this agent stops once what is held here is released: it takes no new locks"
#define RENDER_LOG_FAILED                                                                          \
    "this node's vote log cannot be written any more: mend its disk and start the agent again"

/* Who holds or waits; `policy` NULL and token 0 where they are not known. */
struct party {
    struct op_id id;
    enum lock_mode mode;
    uint16_t limit;
    const char *policy;
    uint32_t ttl_ms;           /* under `expire` */
    const struct scope *scope; /* under `action`; NULL if there is none */
    uint64_t token;
    size_t place;
    const struct lock_data *data; /* NULL where it is not known */
    bool cached;                  /* this node's, and no client uses it, */
    uint32_t readers;             /*   or so many read under it */
};
json_t *render_party(const struct agent *agent, const struct party *party);
/* []Party: those in the way, as an answer names them. */
json_t *render_holders(const struct agent *agent, const struct answer *answer);
/* ?Value: null if none was ever written. */
json_t *render_value(const struct lock_value *value);
/* []Party: all who hold it. */
json_t *render_lock_holders(const struct agent *agent, const struct lock_state *state);
/* Lock. */
json_t *render_lock(const struct agent *agent, struct view name, const struct answer *answer);

#endif
