/*
 * Bulk crypto: crypto/seal.h and crypto/statement.h by a keyed hash, for runs of many seeds. Linked
 * instead of crypto/seal.c and crypto/statement.c into holdfast-sim-bulk, and into nothing else:
 * neither the agent nor the library ever contains it. Same sizes, same verdicts, same bindings;
 * nothing is secret.
 *
 *   sealed     header, plain text, tag = hashes of (key, binding) and, under that, of the rest
 *   signature  hash of (context, cluster, bytes) under the public key, repeated
 *
 * A forger who tries is not modelled; a datagram of other starts, another receiver or another
 * cluster does not open here either.
 */
#include "crypto/bytes.h"
#include "crypto/seal.h"
#include "crypto/statement.h"
#include "proto/mutant.h"

#include <string.h>

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

static uint64_t word_at(const uint8_t *bytes)
{
    uint64_t word;
    memcpy(&word, bytes, sizeof word);
    return bytes_little(word);
}

/* Words are mixed by multiplication, each step of which is a bijection: what differs in one word
 * never looks the same. SipHash was a twentieth of a run. */
static inline uint64_t mixed_in(uint64_t hash, uint64_t word)
{
    hash = (hash ^ word) * UINT64_C(0x9fb21c651e98df25);
    return hash ^ hash >> 32;
}

static uint64_t mixed(uint64_t key, const void *bytes, size_t size)
{
    uint64_t even = key, odd = ~key ^ size;
    const uint8_t *at = bytes;
    uint8_t rest[16] = {0};
    for (; size >= sizeof rest; at += sizeof rest, size -= sizeof rest) {
        even = mixed_in(even, word_at(at));
        odd = mixed_in(odd, word_at(at + 8));
    }
    if (size > 0)
        memcpy(rest, at, size);
    even = mixed_in(even, word_at(rest));
    odd = mixed_in(odd, word_at(rest + 8));
    return mixed_in(mixed_in(even, 0), odd);
}

/* The tag: what the datagram is bound to enters as the hash's key. */
static void tag(uint8_t out[SEAL_TAG_SIZE], const struct seal_key *key,
                const struct seal_binding *b, const uint8_t *bytes, size_t size)
{
    bool starts = b->kind == SEAL_DATA;
    uint64_t bound = mixed_in(word_at(key->bytes), word_at(key->bytes + 8));
    bound = mixed_in(bound, (uint64_t)SEAL_VERSION << 40 | (uint64_t)b->kind << 32 |
                                (uint64_t)b->from << 16 | b->to);
    bound = mixed_in(bound, word_at(b->cluster.bytes));
    bound = mixed_in(bound, starts ? word_at(b->from_start.bytes) : 0);
    bound = mixed_in(bound, starts ? word_at(b->to_start.bytes) : 0);
    struct writer t = writer_init(out, SEAL_TAG_SIZE);
    write_u64(&t, mixed(bound, bytes, size));
    write_u64(&t, bound);
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
    uint64_t word = mixed(word_at(key->bytes), context, strlen(context));
    if (!MUTANT(43)) /* "cluster id not in signature" */
        word = mixed_in(word, word_at(cluster->bytes));
    word = mixed(mixed_in(word, word_at(key->bytes + 8)), bytes, size);
    struct writer s = writer_init(signature.bytes, sizeof signature.bytes);
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
