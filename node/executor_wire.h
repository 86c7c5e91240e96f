/*
 * What the agent and the executor say to each other: one message in one packet of a SOCK_SEQPACKET
 * Unix socket (unix(7)), so nothing has to be put together.
 *
 *     agent -> executor   version, type, id, then
 *                           RUN   kind, action, slot, life, info, certificate
 *                           LOOK  nothing
 *     executor -> agent   version, type, id of the request, then
 *                           ENDED  outcome, device, text
 *                           STATE  counts
 *
 * There is one encoding of each message; anything else is refused, and its connection closed.
 */
#ifndef NODE_EXECUTOR_WIRE_H
#define NODE_EXECUTOR_WIRE_H

#include "crypto/bytes.h"
#include "crypto/order.h"
#include "proto/peer.h"

enum {
    EXECUTOR_VERSION = 1,
    EXECUTOR_INFO_MAX = 255, /* bytes of what a holder said about itself; no control characters */
    EXECUTOR_REQUEST_MAX = 2 + 8 + 2 + 2 + 8 + 1 + EXECUTOR_INFO_MAX + 2 + ORDER_CERT_BYTES_MAX,
    EXECUTOR_ANSWER_MAX = 2 + 8 + 1 + DEVICE_SIZE + 1 + FENCE_TEXT_MAX
};

enum executor_request_type { EXECUTOR_RUN = 1, EXECUTOR_LOOK };
enum executor_answer_type { EXECUTOR_ENDED = 1, EXECUTOR_STATE };

/* What to do with the target. */
enum executor_kind {
    EXECUTOR_OFF = 1, /* off, and then ask whether it is off */
    EXECUTOR_STATUS,  /* ask only, as a witness does */
    EXECUTOR_ON       /* on again, as well as may be: only after this executor's own off */
};

struct executor_request {
    enum executor_request_type type;
    uint64_t id; /* the asker's, for the answer */
    enum executor_kind kind;
    uint8_t action; /* of the roster */
    uint16_t slot;
    uint64_t life;
    struct view info; /* for the script's HOLDFAST_INFO; both views point into the packet */
    struct view cert; /* order_cert_encode's bytes */
};

struct executor_state {
    uint32_t running;   /* runs under way */
    uint32_t acts;      /* that it keeps for good */
    uint64_t runs;      /* carried out since its start */
    uint64_t refusals;  /* runs that a rule forbade */
    uint64_t malformed; /* packets that were no message */
    uint64_t strangers; /* connections of other users */
};

struct executor_answer {
    enum executor_answer_type type;
    uint64_t id;
    enum run_outcome outcome;
    char device[DEVICE_SIZE]; /* identity that the device named; empty: none */
    char text[FENCE_TEXT_MAX + 1];
    struct executor_state state;
};

/* Bytes written: at most EXECUTOR_REQUEST_MAX. `info` and `cert` must be within their limits. */
size_t executor_request_encode(uint8_t out[EXECUTOR_REQUEST_MAX],
                               const struct executor_request *request);
/* False if it is no such message; *out is then all zero. */
bool executor_request_decode(struct executor_request *out, const uint8_t *bytes, size_t size);

size_t executor_answer_encode(uint8_t out[EXECUTOR_ANSWER_MAX],
                              const struct executor_answer *answer);
bool executor_answer_decode(struct executor_answer *out, const uint8_t *bytes, size_t size);

#endif
