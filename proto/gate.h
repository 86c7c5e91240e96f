/*
 * The gate: what an executor lets through to a device (F4, F9). It believes nobody but the jurors'
 * signatures: whatever an agent asks for, only a certificate for this very node, life, info and
 * action opens it, and never against the executor's own node. That it opens once is acts.h's part.
 */
#ifndef PROTO_GATE_H
#define PROTO_GATE_H

#include "crypto/order.h"
#include "proto/acts.h"
#include "proto/time.h"

struct gate {
    uint16_t self; /* slot of the executor's own node */
    const struct cluster_id *cluster;
    const struct roster *roster; /* which it loaded itself */
    const struct digest *roster_digest;
};

/* What somebody asks an executor to do. */
struct gate_request {
    uint16_t slot;
    uint64_t life;
    uint8_t action;
    struct view info; /* of an order about one session; of others empty */
    struct view cert; /* order_cert_encode's bytes */
};

/* NULL: certified, and *out is the act that it would be. Else the rule that forbids it; static. */
const char *gate_check(const struct gate *gate, const struct gate_request *request,
                       struct fence_act *out);

/* F9: what was asked of the executor is begun before `begin_by` or not at all, by whatever clock
 * both have: the jurors' answers are old by then, another may have acted meanwhile, and the target
 * be back. NULL, or that it is too late; static. */
const char *gate_late(struct instant now, struct instant begin_by);

#endif
