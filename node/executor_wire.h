/*
 * What the agent and the executor say to each other: one message in one packet of a SOCK_SEQPACKET
 * Unix socket (unix(7)), so nothing has to be put together.
 *
 *     agent -> executor   version, type, id, then
 *                           RUN   kind, action, slot, life, begin by, end by, info, certificate
 *                           LOOK  nothing
 *                           PART  index
 *     executor -> agent   version, type, id of the request, then
 *                           ENDED  outcome, device, text
 *                           STATE  counts
 *                           PART   what it could carry an order out with
 *
 * There is one encoding of each message; anything else is refused, and its connection closed.
 */
#ifndef NODE_EXECUTOR_WIRE_H
#define NODE_EXECUTOR_WIRE_H

#include "crypto/bytes.h"
#include "crypto/order.h"
#include "proto/peer.h"

enum {
    EXECUTOR_VERSION = 2,
    EXECUTOR_INFO_MAX = 255, /* bytes of what a holder said about itself; no control characters */
    EXECUTOR_REQUEST_MAX =
        2 + 8 + 2 + 2 + 8 + 2 * 8 + 1 + EXECUTOR_INFO_MAX + 2 + ORDER_CERT_BYTES_MAX,
    EXECUTOR_NAME_SIZE = 64, /* of an action or a device, NUL included */
    EXECUTOR_RESULT_MAX = 1 + DEVICE_SIZE + 1 + FENCE_TEXT_MAX,
    EXECUTOR_ANSWER_MAX = 2 + 8 + 4 + 1 + 1 + 2 + 4 + EXECUTOR_NAME_SIZE + EXECUTOR_RESULT_MAX
};

enum executor_request_type { EXECUTOR_RUN = 1, EXECUTOR_LOOK, EXECUTOR_ASK_PART };
enum executor_answer_type { EXECUTOR_ENDED = 1, EXECUTOR_STATE, EXECUTOR_PART };

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
    /* On CLOCK_BOOTTIME, which both have: later it is not begun, and nothing runs any more (F9).
     * None of them is INSTANT_NEVER. */
    struct instant begin_by, end_by;
    struct view info; /* for the script's HOLDFAST_INFO; both views point into the packet */
    struct view cert; /* order_cert_encode's bytes */
    uint32_t index;   /* of EXECUTOR_ASK_PART */
};

struct executor_state {
    uint32_t running;   /* runs under way */
    uint32_t acts;      /* that it keeps for good */
    uint64_t runs;      /* carried out since its start */
    uint64_t refusals;  /* runs that a rule forbade */
    uint64_t malformed; /* packets that were no message */
    uint64_t strangers; /* connections of other users */
};

/*
 * What an executor could carry an order out with: the roster's actions, in its order, then the
 * devices, in that of the configuration. Whoever asks for part 0 has the devices asked how they
 * are, unless that was done a moment ago; the answer comes when all of them have said something.
 */
enum executor_part_kind {
    EXECUTOR_PART_NONE, /* there are not so many */
    EXECUTOR_PART_SCRIPT,
    EXECUTOR_PART_DEVICES, /* an action that the devices carry out */
    EXECUTOR_PART_MISSING, /* an action that its configuration does not have */
    EXECUTOR_PART_DEVICE
};

struct executor_part {
    uint32_t count; /* of all parts */
    enum executor_part_kind kind;
    bool good;       /* it could be used: a script can be run, a device said how its machine is */
    uint16_t slot;   /* whose device; else SLOT_NONE */
    uint32_t age_ms; /* since the device was asked */
    char name[EXECUTOR_NAME_SIZE];
};

struct executor_answer {
    enum executor_answer_type type;
    uint64_t id;
    /* Of ENDED and PART: */
    enum run_outcome outcome;
    char device[DEVICE_SIZE]; /* identity that the device named; empty: none */
    char text[FENCE_TEXT_MAX + 1];
    struct executor_state state;
    struct executor_part part;
};

/* Bytes written: at most EXECUTOR_REQUEST_MAX. `info` and `cert` must be within their limits. */
size_t executor_request_encode(uint8_t out[EXECUTOR_REQUEST_MAX],
                               const struct executor_request *request);
/* False if it is no such message; *out is then all zero. */
bool executor_request_decode(struct executor_request *out, const uint8_t *bytes, size_t size);

size_t executor_answer_encode(uint8_t out[EXECUTOR_ANSWER_MAX],
                              const struct executor_answer *answer);
bool executor_answer_decode(struct executor_answer *out, const uint8_t *bytes, size_t size);

/* "off"; "unknown" for what is no outcome, too. */
const char *executor_outcome_text(unsigned outcome);

#endif
