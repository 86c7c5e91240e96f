/* Every bound of the protocol, in one place. Full means refuse or drop with a count, never grow. */
#ifndef PROTO_LIMITS_H
#define PROTO_LIMITS_H

#include "crypto/proof.h"
#include "crypto/roster.h"
#include "crypto/seal.h"

enum {
    DATAGRAM_MAX = 1400,  /* bytes on the wire, seal included (T: section 4) */
    DATAGRAM_PREFIX = 12, /* counter u64, epoch u32, before the messages */
    DATAGRAM_ROOM = DATAGRAM_MAX - SEAL_OVERHEAD - DATAGRAM_PREFIX, /* for messages */
    MESSAGE_HEADER = 3,                                             /* type u8, size u16 */
    MESSAGE_MAX = 64 * 1024 - 1, /* body; longer than DATAGRAM_ROOM is cut */
    FRAGMENT_BYTES = 1264,       /* of a message in one fragment */
    FRAGMENTS_MAX = (MESSAGE_MAX + MESSAGE_HEADER + FRAGMENT_BYTES - 1) / FRAGMENT_BYTES,

    RELAY_HEADER = MESSAGE_HEADER + 2 + 2 + 2,  /* from u16, to u16, size u16 */
    RELAYED_MAX = DATAGRAM_ROOM - RELAY_HEADER, /* a sealed datagram within another one (T3) */
    RELAYED_ROOM = RELAYED_MAX - SEAL_OVERHEAD - DATAGRAM_PREFIX, /* for its messages */

    LOCK_NAME_MAX = 255,             /* bytes of UTF-8 */
    LOCK_HOLDS_MAX = 256,            /* holders of one lock */
    LOCK_WAITERS_MAX = 256,          /* in one queue */
    LOCK_CONVERTS_MAX = 32,          /* that wait to be converted at once */
    LOCK_COUNT_MAX = LOCK_HOLDS_MAX, /* the highest limit of a counted request */
    LOCK_VALUE_MAX = 256,            /* bytes of a value block */
    LOCK_DATA_MAX = 64,              /* bytes that a holder tells about itself */
    LOCK_SCOPES_MAX =
        5120, /* bytes of the words (crypto/scope) of one lock's holders and waiters */
    PROCESS_BLOB_MAX = 128, /* what the agent keeps about a holder's processes, opaque to proto/ */

    LEASE_TTL_MIN_MS = 1000,
    LEASE_TTL_MAX_MS = 3600 * 1000,
    LEASE_TTL_DEFAULT_MS = 30 * 1000,
    LOCK_TOKENS_SPARE = 1000, /* an exclusive hold that expires has so many (delegating.h) */
    CLOCK_RATE_PPM = 500,     /* rho: a clock runs faster or slower by at most so much (A2) */

    RUN_SPAN_MAX_MS = 120 * 1000, /* an executor that says that it acts is believed so long (F9) */

    GOSSIP_PER_DATAGRAM = 6, /* members told along with a probe */
    GOSSIP_PER_CROWDED = 24, /* the same while there is hearsay about many: it goes alone then */
    ROUND_STEP_MAX =
        1 << 20, /* a ballot's round may jump by so much; beyond it the sender is broken */

    FENCE_LOG_FILE_MAX = 1024 * 1024 /* bytes of a fence log's file; the one before it is kept */
};

_Static_assert(FRAGMENT_BYTES + 4 + 1 + 1 + 2 + MESSAGE_HEADER <= RELAYED_ROOM,
               "a fragment fits one datagram, also one that is relayed");
_Static_assert(FRAGMENTS_MAX <= 255, "a fragment's index is one byte");
/* A lock's state (proto/lock_codec.c), beside name, numbers and the proof of a break. */
_Static_assert(512 + SCOPE_BYTES_MAX + LOCK_SCOPES_MAX + LOCK_VALUE_MAX + PROOF_BYTES_MAX +
                       LOCK_NAME_MAX + LOCK_HOLDS_MAX * (44 + LOCK_DATA_MAX) +
                       LOCK_CONVERTS_MAX * 32 + LOCK_WAITERS_MAX * (36 + LOCK_DATA_MAX) <
                   MESSAGE_MAX,
               "a full lock fits one message");

#endif
