/* Hashes: see hash.h. Both functions are plain libsodium; the byte order of hash64 is fixed here.
 */
#include "crypto/hash.h"

#include "crypto/bytes.h"

#include <sodium.h>

_Static_assert(DIGEST_SIZE >= crypto_generichash_blake2b_BYTES_MIN &&
                   DIGEST_SIZE <= crypto_generichash_blake2b_BYTES_MAX,
               "a digest is a BLAKE2b output");
_Static_assert(HASH_KEY_SIZE == crypto_shorthash_siphash24_KEYBYTES, "a SipHash-2-4 key");

struct digest digest_of(const void *bytes, size_t size)
{
    struct digest digest;
    crypto_generichash_blake2b(digest.bytes, sizeof digest.bytes, bytes, size, NULL, 0);
    return digest;
}

uint64_t hash64(const uint8_t key[HASH_KEY_SIZE], const void *bytes, size_t size)
{
    uint8_t out[crypto_shorthash_siphash24_BYTES];
    crypto_shorthash_siphash24(out, bytes, size, key);
    /* Shards are chosen by this value, so it must be the same number on every machine. */
    struct reader r = reader_init(out, sizeof out);
    return read_u64(&r);
}
