/*
 * Sealing: see seal.h. Key of a pair of nodes:
 *
 *     shared = X25519(own secret, peer's public)
 *     key    = BLAKE2b-256(key = shared, personal = SEAL_PERSONAL,
 *                          cluster || lower public key || higher public key)
 *
 * The key is the same in both directions; what keeps a datagram from being sent back to its sender
 * is that sender and receiver are part of the associated data, in this order:
 *
 *     version u8, kind u8, from u16, to u16, cluster 32, sender's start 16, receiver's start 16
 *
 * The clear header must repeat version, kind and sender; the nonce is bound by the cipher itself.
 */
#include "crypto/seal.h"

#include "crypto/bytes.h"

#include <sodium.h>
#include <string.h>

enum { AAD_SIZE = 1 + 1 + 2 + 2 + DIGEST_SIZE + 2 * START_SIZE };

/* BLAKE2b's personalisation is 16 bytes and needs no NUL. */
static const uint8_t SEAL_PERSONAL[crypto_generichash_blake2b_PERSONALBYTES] = "holdfast seal 1";

_Static_assert(SEAL_NONCE_SIZE == crypto_aead_xchacha20poly1305_ietf_NPUBBYTES, "XChaCha20 nonce");
_Static_assert(SEAL_TAG_SIZE == crypto_aead_xchacha20poly1305_ietf_ABYTES, "Poly1305 tag");
_Static_assert(SEAL_KEY_SIZE == crypto_aead_xchacha20poly1305_ietf_KEYBYTES, "XChaCha20 key");

/* Mixes the shared point with all that both ends must agree on. */
static void derive(struct seal_key *out, const uint8_t shared[crypto_scalarmult_curve25519_BYTES],
                   const struct cluster_id *cluster, const struct public_key *a,
                   const struct public_key *b)
{
    bool in_order = memcmp(a->bytes, b->bytes, sizeof a->bytes) < 0;
    uint8_t agreed[DIGEST_SIZE + 2 * KEY_PUBLIC_SIZE];
    struct writer w = writer_init(agreed, sizeof agreed);
    write_copy(&w, cluster->bytes, sizeof cluster->bytes);
    write_copy(&w, in_order ? a->bytes : b->bytes, KEY_PUBLIC_SIZE);
    write_copy(&w, in_order ? b->bytes : a->bytes, KEY_PUBLIC_SIZE);
    crypto_generichash_blake2b_salt_personal(out->bytes, sizeof out->bytes, agreed, sizeof agreed,
                                             shared, crypto_scalarmult_curve25519_BYTES, NULL,
                                             SEAL_PERSONAL);
}

bool seal_key_make(struct seal_key *out, const struct key_pair *own, const struct public_key *peer,
                   const struct cluster_id *cluster)
{
    uint8_t secret[crypto_scalarmult_curve25519_SCALARBYTES];
    uint8_t point[crypto_scalarmult_curve25519_BYTES];
    uint8_t shared[crypto_scalarmult_curve25519_BYTES];
    bool made = false;

    if (!public_key_valid(peer) || crypto_sign_ed25519_pk_to_curve25519(point, peer->bytes) != 0 ||
        crypto_sign_ed25519_sk_to_curve25519(secret, own->secret) != 0 ||
        crypto_scalarmult_curve25519(shared, secret, point) != 0)
        goto out;
    derive(out, shared, cluster, &own->public, peer);
    made = true;
out:
    sodium_memzero(secret, sizeof secret);
    sodium_memzero(shared, sizeof shared);
    return made;
}

bool seal_peek(struct seal_header *out, const uint8_t *datagram, size_t size)
{
    if (size < SEAL_OVERHEAD)
        return false;
    struct reader r = reader_init(datagram, SEAL_HEADER_SIZE);
    uint8_t version = read_u8(&r);
    uint8_t kind = read_u8(&r);
    uint16_t from = read_u16(&r);
    if (version != SEAL_VERSION || (kind != SEAL_HELLO && kind != SEAL_DATA))
        return false;
    *out = (struct seal_header){.kind = (enum seal_kind)kind, .from = from};
    return true;
}

static void write_aad(uint8_t out[AAD_SIZE], const struct seal_binding *b)
{
    static const struct start_id none;
    /* A hello teaches the starts: it must open for somebody who does not know them yet. */
    bool bound_to_starts = b->kind == SEAL_DATA;
    struct writer w = writer_init(out, AAD_SIZE);
    write_u8(&w, SEAL_VERSION);
    write_u8(&w, (uint8_t)b->kind);
    write_u16(&w, b->from);
    write_u16(&w, b->to);
    write_copy(&w, b->cluster.bytes, sizeof b->cluster.bytes);
    write_copy(&w, bound_to_starts ? b->from_start.bytes : none.bytes, START_SIZE);
    write_copy(&w, bound_to_starts ? b->to_start.bytes : none.bytes, START_SIZE);
}

void seal_write(uint8_t *out, const struct seal_key *key, const struct seal_binding *binding,
                const uint8_t nonce[SEAL_NONCE_SIZE], const uint8_t *plain, size_t size)
{
    uint8_t aad[AAD_SIZE];
    write_aad(aad, binding);
    struct writer w = writer_init(out, SEAL_HEADER_SIZE);
    write_u8(&w, SEAL_VERSION);
    write_u8(&w, (uint8_t)binding->kind);
    write_u16(&w, binding->from);
    write_copy(&w, nonce, SEAL_NONCE_SIZE);
    crypto_aead_xchacha20poly1305_ietf_encrypt(out + SEAL_HEADER_SIZE, NULL, plain, size, aad,
                                               sizeof aad, NULL, nonce, key->bytes);
}

bool seal_open(uint8_t *plain, const struct seal_key *key, const struct seal_binding *binding,
               const uint8_t *datagram, size_t size)
{
    struct seal_header header;
    uint8_t aad[AAD_SIZE];
    /* The header is compared, not trusted: the associated data is made from the binding alone. */
    if (!seal_peek(&header, datagram, size) || header.kind != binding->kind ||
        header.from != binding->from)
        return false;
    write_aad(aad, binding);
    return crypto_aead_xchacha20poly1305_ietf_decrypt(
               plain, NULL, NULL, datagram + SEAL_HEADER_SIZE, size - SEAL_HEADER_SIZE, aad,
               sizeof aad, datagram + 4, key->bytes) == 0;
}
