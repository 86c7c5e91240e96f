/* Keys and hex: see key.h. */
#include "crypto/key.h"

#include <sodium.h>
#include <string.h>

_Static_assert(KEY_SEED_SIZE == crypto_sign_ed25519_SEEDBYTES, "an Ed25519 seed");
_Static_assert(KEY_PUBLIC_SIZE == crypto_sign_ed25519_PUBLICKEYBYTES, "an Ed25519 public key");
_Static_assert(KEY_SECRET_SIZE == crypto_sign_ed25519_SECRETKEYBYTES, "libsodium's secret key");
_Static_assert(SIGNATURE_SIZE == crypto_sign_ed25519_BYTES, "an Ed25519 signature");

void key_pair_make(struct key_pair *out, const uint8_t seed[KEY_SEED_SIZE])
{
    crypto_sign_ed25519_seed_keypair(out->public.bytes, out->secret, seed);
}

void key_pair_wipe(struct key_pair *key)
{
    sodium_memzero(key, sizeof *key);
}

bool public_key_valid(const struct public_key *key)
{
    /* Refuses other encodings of a point too (y >= p), so that two keys that differ in bytes are
     * two keys; and points outside the prime-order group, which X25519 would fold together. */
    return crypto_core_ed25519_is_valid_point(key->bytes) == 1;
}

bool public_key_equal(const struct public_key *a, const struct public_key *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

void hex_encode(char *text, const void *bytes, size_t size)
{
    /* Seeds pass here as well: libsodium's version has no branch or index that depends on them. */
    sodium_bin2hex(text, 2 * size + 1, bytes, size);
}

/* Value of a digit, or -1. */
static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    if (c >= 'a' && c <= 'f')
        return c - 'a' + 10;
    if (c >= 'A' && c <= 'F')
        return c - 'A' + 10;
    return -1;
}

bool hex_decode(void *out, size_t size, const char *text)
{
    /* The first pass stops at the text's NUL at the latest, so a short text is never overread. */
    for (size_t i = 0; i < 2 * size; i++)
        if (hex_digit(text[i]) < 0)
            return false;
    if (text[2 * size] != '\0')
        return false;
    uint8_t *bytes = out;
    for (size_t i = 0; i < size; i++)
        bytes[i] = (uint8_t)(16 * hex_digit(text[2 * i]) + hex_digit(text[2 * i + 1]));
    return true;
}
