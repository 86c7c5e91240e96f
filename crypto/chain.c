/* A hash-chained file: see chain.h. */
#include "crypto/chain.h"

#include <string.h>

#include <sodium.h>

_Static_assert(sizeof CHAIN_MAGIC - 1 == CHAIN_MAGIC_SIZE, "the magic has no NUL");
_Static_assert(CHAIN_PAYLOAD_MAX <= UINT16_MAX, "a record's size is two bytes");

/* A file system may have grown a file before it had the bytes: a record that was written whole ends
 * in a digest, which does not end in so many zeros. */
enum { TORN_ZEROS = 16 };

static const uint8_t check_key[HASH_KEY_SIZE] = "frame of a chain";

const char *chain_verdict_text(enum chain_verdict verdict)
{
    switch (verdict) {
    case CHAIN_RECORD:
        return "a record";
    case CHAIN_END:
        return "the chain is whole";
    case CHAIN_TORN:
        return "the last record was never written whole";
    case CHAIN_BROKEN:
        return "the chain is broken: what follows was altered, or is not of this chain";
    }
    __builtin_trap();
}

/* Of the bytes behind the digest that they go on from (NULL: of these alone): as its key the digest
 * is the first block of what is hashed (RFC 7693). */
static struct digest linked(const struct digest *before, const uint8_t *bytes, size_t size)
{
    struct digest out;
    crypto_generichash_blake2b(out.bytes, sizeof out.bytes, bytes, size,
                               before ? before->bytes : NULL, before ? DIGEST_SIZE : 0);
    return out;
}

static bool same(const struct digest *a, const uint8_t *bytes)
{
    return memcmp(a->bytes, bytes, DIGEST_SIZE) == 0;
}

struct chain_tip chain_begin(uint8_t out[CHAIN_HEADER_SIZE], const struct chain_head *head)
{
    struct writer w = writer_init(out, CHAIN_HEADER_SIZE);
    write_copy(&w, CHAIN_MAGIC, CHAIN_MAGIC_SIZE);
    write_copy(&w, head->cluster.bytes, DIGEST_SIZE);
    write_u16(&w, head->slot);
    write_u64(&w, head->first);
    write_copy(&w, head->before.bytes, DIGEST_SIZE);
    struct chain_tip tip = {head->first, linked(NULL, out, writer_size(&w))};
    write_copy(&w, tip.digest.bytes, DIGEST_SIZE);
    return tip;
}

enum { CHECKED_SIZE = CHAIN_FRAME_SIZE - 8 };

size_t chain_add(uint8_t out[CHAIN_RECORD_MAX], struct chain_tip *tip, uint64_t time_ms,
                 const void *payload, size_t size)
{
    struct writer w = writer_init(out, CHAIN_RECORD_MAX);
    write_u16(&w, (uint16_t)size);
    write_u64(&w, tip->next);
    write_u64(&w, time_ms);
    write_u64(&w, hash64(check_key, out, CHECKED_SIZE));
    write_copy(&w, payload, size);
    tip->digest = linked(&tip->digest, out, writer_size(&w));
    tip->next++;
    write_copy(&w, tip->digest.bytes, DIGEST_SIZE);
    return writer_size(&w);
}

enum chain_verdict chain_open(struct chain_reader *reader, const void *bytes, size_t size)
{
    struct reader r = reader_init(bytes, size);
    *reader = (struct chain_reader){.bytes = bytes, .size = size};
    if (size < CHAIN_HEADER_SIZE)
        return CHAIN_TORN;
    struct digest digest = linked(NULL, bytes, CHAIN_HEADER_SIZE - DIGEST_SIZE);
    bool ours = memcmp(read_view(&r, CHAIN_MAGIC_SIZE), CHAIN_MAGIC, CHAIN_MAGIC_SIZE) == 0;
    read_copy(&r, reader->head.cluster.bytes, DIGEST_SIZE);
    reader->head.slot = read_u16(&r);
    reader->head.first = read_u64(&r);
    read_copy(&r, reader->head.before.bytes, DIGEST_SIZE);
    if (!ours || reader->head.first == 0 || !same(&digest, read_view(&r, DIGEST_SIZE)))
        return CHAIN_BROKEN;
    reader->at = CHAIN_HEADER_SIZE;
    reader->tip = (struct chain_tip){reader->head.first, digest};
    return CHAIN_END;
}

/* What is not a record at the end of the file: never written whole, or altered? */
static enum chain_verdict judge(const struct chain_reader *reader)
{
    static const uint8_t zeros[TORN_ZEROS];
    size_t left = reader->size - reader->at;
    size_t tail = left < TORN_ZEROS ? left : TORN_ZEROS;
    return memcmp(reader->bytes + reader->size - tail, zeros, tail) == 0 ? CHAIN_TORN
                                                                         : CHAIN_BROKEN;
}

enum chain_verdict chain_next(struct chain_reader *reader, struct chain_record *out)
{
    const uint8_t *start = reader->bytes + reader->at;
    struct reader r = reader_init(start, reader->size - reader->at);
    size_t left = reader_left(&r);
    if (reader->at < CHAIN_HEADER_SIZE)
        return CHAIN_BROKEN;
    if (left == 0)
        return CHAIN_END;
    if (left < CHAIN_FRAME_SIZE)
        return CHAIN_TORN;
    *out = (struct chain_record){.size = read_u16(&r)};
    out->seq = read_u64(&r);
    out->time_ms = read_u64(&r);
    size_t sealed = CHAIN_FRAME_SIZE + out->size;
    if (read_u64(&r) != hash64(check_key, start, CHECKED_SIZE))
        return judge(reader);
    if (out->seq != reader->tip.next || out->size == 0 || out->size > CHAIN_PAYLOAD_MAX)
        return CHAIN_BROKEN;
    if (left < sealed + DIGEST_SIZE)
        return CHAIN_TORN;
    out->payload = read_view(&r, out->size);
    out->digest = linked(&reader->tip.digest, start, sealed);
    if (!same(&out->digest, read_view(&r, DIGEST_SIZE)))
        return judge(reader);
    reader->at += sealed + DIGEST_SIZE;
    reader->tip = (struct chain_tip){out->seq + 1, out->digest};
    return CHAIN_RECORD;
}

bool chain_peek(const void *bytes, size_t size, size_t at, struct chain_record *out)
{
    if (at > size)
        return false;
    struct reader r = reader_init((const uint8_t *)bytes + at, size - at);
    *out = (struct chain_record){.size = read_u16(&r)};
    out->seq = read_u64(&r);
    out->time_ms = read_u64(&r);
    read_u64(&r);
    out->payload = read_view(&r, out->size);
    read_copy(&r, out->digest.bytes, DIGEST_SIZE);
    return !r.failed;
}

bool chain_follows(const struct chain_head *head, const struct chain_tip *tip)
{
    return head->first == tip->next && same(&head->before, tip->digest.bytes);
}
