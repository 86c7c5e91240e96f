/*
 * Hashes. BLAKE2b-256 (RFC 7693) names things (rosters, orders); SipHash-2-4 spreads and checks
 * things (shards, hash tables, the vote log's checksums). Both from libsodium.
 */
#ifndef CRYPTO_HASH_H
#define CRYPTO_HASH_H

#include <stddef.h>
#include <stdint.h>

enum { DIGEST_SIZE = 32, HASH_KEY_SIZE = 16 };

struct digest {
    uint8_t bytes[DIGEST_SIZE];
};

/* The cluster's name: the digest of its first roster. Zero while that roster is being signed. */
struct cluster_id {
    uint8_t bytes[DIGEST_SIZE];
};

struct digest digest_of(const void *bytes, size_t size);
/* 64-bit keyed SipHash-2-4. */
uint64_t hash64(const uint8_t key[HASH_KEY_SIZE], const void *bytes, size_t size);

#endif
