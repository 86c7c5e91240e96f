/*
 * Keys of nodes and operators: Ed25519 for signing (RFC 8032), turned into X25519 (RFC 7748) for
 * sealing, so that one public key in the roster serves both. A key is made from a 32-byte seed that
 * the caller brings: nothing here asks the system for randomness.
 */
#ifndef CRYPTO_KEY_H
#define CRYPTO_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { KEY_SEED_SIZE = 32, KEY_PUBLIC_SIZE = 32, KEY_SECRET_SIZE = 64, SIGNATURE_SIZE = 64 };

struct public_key {
    uint8_t bytes[KEY_PUBLIC_SIZE];
};

struct signature {
    uint8_t bytes[SIGNATURE_SIZE];
};

/* Secret: wipe with key_pair_wipe when done. */
struct key_pair {
    struct public_key public;
    uint8_t secret[KEY_SECRET_SIZE]; /* libsodium's layout: seed, then public key */
};

void key_pair_make(struct key_pair *out, const uint8_t seed[KEY_SEED_SIZE]);
void key_pair_wipe(struct key_pair *key);
/*
 * False for a point that is not on the curve, not in the prime-order group, or not in its one
 * encoding: such a key may not enter a roster.
 */
bool public_key_valid(const struct public_key *key);
bool public_key_equal(const struct public_key *a, const struct public_key *b);

/*
 * Hex of any byte string: `text` gets 2 * size characters and a NUL. hex_decode takes exactly
 * 2 * size lower- or upper-case digits and a NUL, and returns false (out unchanged) for anything
 * else.
 */
void hex_encode(char *text, const void *bytes, size_t size);
bool hex_decode(void *out, size_t size, const char *text);

#endif
