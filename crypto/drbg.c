/*
 * The random stream: see drbg.h. Block i is the ChaCha20 key stream (RFC 8439, counter 0) under the
 * seed with the 96-bit nonce i, little-endian. The same seed gives the same stream on every
 * machine: the simulator's "one seed, one history" rests on that.
 */
#include "crypto/drbg.h"

#include "crypto/bytes.h"

#include <sodium.h>
#include <string.h>

_Static_assert(DRBG_SEED_SIZE == crypto_stream_chacha20_ietf_KEYBYTES, "the seed is the key");

static void draw_block(struct drbg *d)
{
    uint8_t nonce[crypto_stream_chacha20_ietf_NONCEBYTES] = {0};
    struct writer w = writer_init(nonce, sizeof nonce);
    write_u64(&w, d->block_index);
    crypto_stream_chacha20_ietf(d->block, sizeof d->block, nonce, d->key);
    d->block_index++;
    d->used = 0;
}

void drbg_init(struct drbg *d, const uint8_t seed[DRBG_SEED_SIZE])
{
    memset(d, 0, sizeof *d);
    memcpy(d->key, seed, sizeof d->key);
    d->used = sizeof d->block;
}

void drbg_bytes(struct drbg *d, void *out, size_t size)
{
    uint8_t *at = out;
    while (size > 0) {
        if (d->used == sizeof d->block)
            draw_block(d);
        size_t piece = sizeof d->block - d->used;
        if (piece > size)
            piece = size;
        memcpy(at, d->block + d->used, piece);
        d->used += piece;
        at += piece;
        size -= piece;
    }
}

uint64_t drbg_u64(struct drbg *d)
{
    uint8_t bytes[8];
    drbg_bytes(d, bytes, sizeof bytes);
    struct reader r = reader_init(bytes, sizeof bytes);
    return read_u64(&r);
}

uint64_t drbg_below(struct drbg *d, uint64_t bound)
{
    /* 2^64 mod bound: values below it would make the small residues likelier than the others. */
    uint64_t excess = (0 - bound) % bound;
    uint64_t v = drbg_u64(d);
    while (v < excess)
        v = drbg_u64(d);
    return v % bound;
}
