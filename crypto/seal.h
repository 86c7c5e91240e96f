/*
 * One sealed datagram (design T1): XChaCha20-Poly1305 under a key that only the two nodes can
 * compute (X25519 of their roster keys, then BLAKE2b over the shared point, the cluster and both
 * public keys).
 *
 *   byte 0        version (SEAL_VERSION)
 *   byte 1        kind: hello or data
 *   bytes 2..3    sender's slot, little-endian
 *   bytes 4..27   nonce, 192 random bits
 *   then          ciphertext, and a 16-byte tag at its end
 *
 * Everything else that the datagram is bound to is associated data and not sent: cluster, sender,
 * receiver, kind, and for data both ends' starts (all zero for a hello, which teaches them).
 * There is no unencrypted mode and no algorithm field.
 */
#ifndef CRYPTO_SEAL_H
#define CRYPTO_SEAL_H

#include "crypto/hash.h"
#include "crypto/key.h"

enum {
    SEAL_VERSION = 1,
    SEAL_NONCE_SIZE = 24,
    SEAL_HEADER_SIZE = 4 + SEAL_NONCE_SIZE,
    SEAL_TAG_SIZE = 16,
    SEAL_OVERHEAD = SEAL_HEADER_SIZE + SEAL_TAG_SIZE,
    SEAL_KEY_SIZE = 32,
    START_SIZE = 16
};

enum seal_kind { SEAL_HELLO = 1, SEAL_DATA = 2 };

/* One run of one agent: 128 random bits drawn anew each time it starts. */
struct start_id {
    uint8_t bytes[START_SIZE];
};

struct seal_key {
    uint8_t bytes[SEAL_KEY_SIZE];
};

/* What a datagram is bound to, beside its bytes. */
struct seal_binding {
    struct cluster_id cluster;
    enum seal_kind kind;
    uint16_t from; /* slots */
    uint16_t to;
    struct start_id from_start;
    struct start_id to_start;
};

/* The header in clear, read before anything is opened. */
struct seal_header {
    enum seal_kind kind;
    uint16_t from;
};

/* The same key at both ends. False if `peer` is not a usable public key. */
bool seal_key_make(struct seal_key *out, const struct key_pair *own, const struct public_key *peer,
                   const struct cluster_id *cluster);

/* False if too short, or the version or kind is unknown. */
bool seal_peek(struct seal_header *out, const uint8_t *datagram, size_t size);

/*
 * Writes size + SEAL_OVERHEAD bytes to `out`; `plain` must not overlap it. The nonce must be fresh.
 */
void seal_write(uint8_t *out, const struct seal_key *key, const struct seal_binding *binding,
                const uint8_t nonce[SEAL_NONCE_SIZE], const uint8_t *plain, size_t size);

/*
 * Opens a datagram into `plain`, which has room for size - SEAL_OVERHEAD bytes. Costs one MAC.
 * False if it does not open; then `plain` holds nothing of it.
 */
bool seal_open(uint8_t *plain, const struct seal_key *key, const struct seal_binding *binding,
               const uint8_t *datagram, size_t size);

#endif
