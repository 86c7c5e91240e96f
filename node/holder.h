/*
 * What the agent keeps durably with a hold about the client behind it (peer.h: acquire.process), so
 * that after a restart of the agent it still knows whom to watch, and who may resume the session
 * (F11).
 *
 *   version u8, boot id 16 bytes, session key 16 bytes, uid u32, count u8,
 *   then for each process: pid u32, start u64, leads flag;
 *   then, of version 2, the cgroup of the first that has one, u64. Without one it is version 1, as
 *   agents wrote that knew of none.
 */
#ifndef NODE_HOLDER_H
#define NODE_HOLDER_H

#include "node/process.h"
#include "proto/id.h"
#include "proto/limits.h"

enum {
    HOLDER_VERSION_PLAIN = 1,
    HOLDER_VERSION = 2,
    HOLDER_KEY_SIZE = 16,
    HOLDER_BOOT_SIZE = 16,
    HOLDER_PROCESSES_MAX =
        4, /* the caller, the session's owner, and `pid` of Acquire; one to spare */
    HOLDER_BYTES_MAX =
        1 + HOLDER_BOOT_SIZE + HOLDER_KEY_SIZE + 4 + 1 + HOLDER_PROCESSES_MAX * 13 + 8
};
_Static_assert((int)HOLDER_BYTES_MAX <= (int)PROCESS_BLOB_MAX, "a holder fits the blob of a hold");

/* Names a session without giving away its secret: the start of the secret's digest. */
struct session_key {
    uint8_t bytes[HOLDER_KEY_SIZE];
};

struct holder {
    uint8_t boot_id[HOLDER_BOOT_SIZE]; /* of the boot in which its processes run */
    struct session_key session;
    uid_t uid;
    size_t count;
    struct process processes[HOLDER_PROCESSES_MAX];
};

/* Returns the bytes written to `out`, which has room for HOLDER_BYTES_MAX. */
size_t holder_encode(uint8_t *out, const struct holder *holder);
/* False if it is not a holder. */
bool holder_decode(struct holder *out, struct view bytes);

#endif
