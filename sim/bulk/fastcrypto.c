/*
 * Bulk crypto: crypto/seal.h and crypto/statement.h by a keyed hash, for runs of many seeds. Linked
 * instead of crypto/seal.c and crypto/statement.c into holdfast-sim-bulk, and into nothing else:
 * neither the agent nor the library ever contains it. Same sizes, same verdicts, same bindings;
 * nothing is secret.
 *
 *   sealed     header, plain text, tag = SipHash twice over (binding, header, plain text)
 *   signature  SipHash of (context, cluster, bytes) under the public key, repeated
 *
 * A forger who tries is not modelled; a datagram of other starts, another receiver or another
 * cluster does not open here either.
 */
#include "crypto/bytes.h"
#include "crypto/seal.h"
#include "crypto/statement.h"
#include "proto/mutant.h"

#include <string.h>

enum { SALTED_SIZE = 1 + 1 + 2 + 2 + 4 * 8 };

bool seal_key_make(struct seal_key *out, const struct key_pair *own, const struct public_key *peer,
                   const struct cluster_id *cluster)
{
    for (size_t i = 0; i < sizeof out->bytes; i++)
        out->bytes[i] = (uint8_t)(own->public.bytes[i] ^ peer->bytes[i] ^ cluster->bytes[i]);
    return true;
}

bool seal_peek(struct seal_header *out, const uint8_t *datagram, size_t size)
{
    if (size < SEAL_OVERHEAD || datagram[0] != SEAL_VERSION ||
        (datagram[1] != SEAL_HELLO && datagram[1] != SEAL_DATA))
        return false;
    *out = (struct seal_header){.kind = (enum seal_kind)datagram[1],
                                .from = (uint16_t)(datagram[2] | datagram[3] << 8)};
    return true;
}

static uint64_t first_word(const uint8_t *bytes)
{
    struct reader r = reader_init(bytes, 8);
    return read_u64(&r);
}

/* The tag: what the datagram is bound to enters by the hash's key. */
static void tag(uint8_t out[SEAL_TAG_SIZE], const struct seal_key *key,
                const struct seal_binding *b, const uint8_t *bytes, size_t size)
{
    uint8_t bound[SALTED_SIZE], hash_key[HASH_KEY_SIZE];
    struct writer w = writer_init(bound, sizeof bound);
    bool starts = b->kind == SEAL_DATA;
    write_u8(&w, SEAL_VERSION);
    write_u8(&w, (uint8_t)b->kind);
    write_u16(&w, b->from);
    write_u16(&w, b->to);
    write_u64(&w, first_word(b->cluster.bytes));
    write_u64(&w, starts ? first_word(b->from_start.bytes) : 0);
    write_u64(&w, starts ? first_word(b->to_start.bytes) : 0);
    write_u64(&w, first_word(key->bytes + 8));
    struct writer k = writer_init(hash_key, sizeof hash_key);
    write_u64(&k, hash64(key->bytes, bound, writer_size(&w)));
    write_u64(&k, first_word(key->bytes));
    struct writer t = writer_init(out, SEAL_TAG_SIZE);
    write_u64(&t, hash64(hash_key, bytes, size));
    write_u64(&t, first_word(hash_key));
}

void seal_write(uint8_t *out, const struct seal_key *key, const struct seal_binding *binding,
                const uint8_t nonce[SEAL_NONCE_SIZE], const uint8_t *plain, size_t size)
{
    struct writer w = writer_init(out, size + SEAL_OVERHEAD);
    write_u8(&w, SEAL_VERSION);
    write_u8(&w, (uint8_t)binding->kind);
    write_u16(&w, binding->from);
    write_copy(&w, nonce, SEAL_NONCE_SIZE);
    write_copy(&w, plain, size);
    tag(out + SEAL_HEADER_SIZE + size, key, binding, out, SEAL_HEADER_SIZE + size);
}

bool seal_open(uint8_t *plain, const struct seal_key *key, const struct seal_binding *binding,
               const uint8_t *datagram, size_t size)
{
    struct seal_header header;
    uint8_t expected[SEAL_TAG_SIZE];
    if (!seal_peek(&header, datagram, size) || header.kind != binding->kind ||
        header.from != binding->from)
        return false;
    tag(expected, key, binding, datagram, size - SEAL_TAG_SIZE);
    if (memcmp(expected, datagram + size - SEAL_TAG_SIZE, SEAL_TAG_SIZE) != 0)
        return false;
    memcpy(plain, datagram + SEAL_HEADER_SIZE, size - SEAL_OVERHEAD);
    return true;
}

static struct signature sign(enum statement_kind kind, const struct cluster_id *cluster,
                             const void *bytes, size_t size, const struct public_key *key)
{
    struct signature signature;
    const char *context = statement_context(kind);
    uint8_t parts[3 * 8], hash_key[HASH_KEY_SIZE] = {0};
    memcpy(hash_key, key->bytes, sizeof hash_key);
    struct writer w = writer_init(parts, sizeof parts);
    write_u64(&w, hash64(hash_key, context, strlen(context)));
    write_u64(&w, MUTANT(43) ? 0 : first_word(cluster->bytes)); /* "cluster id not in signature" */
    write_u64(&w, hash64(hash_key, bytes, size));
    struct writer s = writer_init(signature.bytes, sizeof signature.bytes);
    uint64_t word = hash64(hash_key, parts, sizeof parts);
    while (writer_left(&s) >= 8)
        write_u64(&s, word);
    return signature;
}

struct signature statement_sign(enum statement_kind kind, const struct cluster_id *cluster,
                                const void *bytes, size_t size, const struct key_pair *key)
{
    return sign(kind, cluster, bytes, size, &key->public);
}

bool statement_verify(enum statement_kind kind, const struct cluster_id *cluster, const void *bytes,
                      size_t size, const struct signature *signature, const struct public_key *key)
{
    struct signature expected = sign(kind, cluster, bytes, size, key);
    return memcmp(&expected, signature, sizeof expected) == 0;
}
