/*
 * A deterministic stream of random bytes (ChaCha20, RFC 8439) from a 32-byte seed. The agent seeds
 * it from the kernel at each start, the simulator from its one seed. Nonces, ids and jitter come
 * from it.
 */
#ifndef CRYPTO_DRBG_H
#define CRYPTO_DRBG_H

#include <stddef.h>
#include <stdint.h>

enum { DRBG_SEED_SIZE = 32, DRBG_BLOCK_SIZE = 256 };

struct drbg {
    uint8_t key[DRBG_SEED_SIZE];
    uint64_t block_index; /* blocks drawn so far: the stream's nonce */
    uint8_t block[DRBG_BLOCK_SIZE];
    size_t used; /* bytes of `block` handed out */
};

void drbg_init(struct drbg *d, const uint8_t seed[DRBG_SEED_SIZE]);
void drbg_bytes(struct drbg *d, void *out, size_t size);
uint64_t drbg_u64(struct drbg *d);
/* Uniform in [0, bound); bound > 0. Unbiased (rejection). */
uint64_t drbg_below(struct drbg *d, uint64_t bound);

#endif
