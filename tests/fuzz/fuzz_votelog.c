/*
 * The vote log's recovery under libFuzzer. The first byte chooses what the rest means:
 *
 *     0  the bytes of a log, as they are
 *     1  the bytes of a log, whose checksums are put right first where bounds allow it, so that
 *        what lies behind a checksum is reached too
 *     2  a mutation of a valid log: flip, cut, zero or move; read against the original
 *
 * What must hold: no read outside, lsns without a gap, payloads inside the bytes, a latched end;
 * and of a valid log exactly the untouched records before the first touched one, with the verdict
 * that the durable numbers of the records after it demand.
 */
#include <stdlib.h>
#include <string.h>

#include "proto/must.h"
#include "proto/votelog.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum {
    LOG_MAX = 64 * 1024,
    RECORDS = 16,
    PAYLOAD_MAX = 64,
    PREFIX = 20, /* lsn, durable, size */
    FIRST = 1000,
    BASE = 1004
};

static void read_any(const uint8_t *bytes, size_t size)
{
    struct votelog_reader reader;
    struct votelog_record record;
    enum votelog_verdict verdict = votelog_open(&reader, bytes, size);
    uint64_t expected = reader.next_lsn;
    while (verdict == VOTELOG_RECORD) {
        verdict = votelog_next(&reader, &record);
        must(reader.at <= size);
        if (verdict != VOTELOG_RECORD)
            break;
        must(record.lsn == expected);
        must(record.payload.bytes >= bytes && record.payload.size <= VOTELOG_PAYLOAD_MAX);
        must(record.payload.bytes + record.payload.size + 8 == bytes + reader.at);
        expected++;
    }
    must(verdict != VOTELOG_RECORD && votelog_next(&reader, &record) == verdict);
}

static void put_checksum(uint8_t *bytes, size_t at, const uint8_t *key, const uint8_t *start)
{
    struct writer w = writer_init(bytes + at, 8);
    write_u64(&w, hash64(key, start, (size_t)(bytes + at - start)));
}

/* The store's id stands behind magic and version. */
static void repair(uint8_t *bytes, size_t size)
{
    if (size < VOTELOG_HEADER_SIZE)
        return;
    const uint8_t *key = bytes + 8 + 4;
    put_checksum(bytes, VOTELOG_HEADER_SIZE - 8, key, bytes);
    size_t at = VOTELOG_HEADER_SIZE;
    while (size - at >= VOTELOG_RECORD_OVERHEAD) {
        struct reader r = reader_init(bytes + at + 16, 4);
        uint32_t payload = read_u32(&r);
        if (payload > size - at - VOTELOG_RECORD_OVERHEAD)
            return;
        put_checksum(bytes, at + PREFIX + payload, key, bytes + at);
        at += VOTELOG_RECORD_OVERHEAD + payload;
    }
}

struct sample {
    uint8_t bytes[VOTELOG_HEADER_SIZE + RECORDS * (VOTELOG_RECORD_OVERHEAD + PAYLOAD_MAX) + 64];
    size_t size;
    size_t at[RECORDS + 1];
    uint64_t durable[RECORDS];
};

/* Each byte of the input makes one record: its payload's size, and whether a sync came before it.
 */
static void make_sample(struct sample *s, struct reader *input)
{
    static const uint8_t filler[PAYLOAD_MAX] = "what a voter promised and accepted";
    struct votelog_header header = {.slot = 1, .first_lsn = FIRST, .base_lsn = BASE};
    memset(s, 0, sizeof *s);
    memset(header.store.bytes, 0x5a, STORE_ID_SIZE);
    votelog_header_encode(s->bytes, &header);
    struct writer w = writer_init(s->bytes, sizeof s->bytes);
    w.at += VOTELOG_HEADER_SIZE;
    uint64_t durable = FIRST - 1;
    for (size_t i = 0; i < RECORDS; i++) {
        uint8_t shape = reader_left(input) ? read_u8(input) : (uint8_t)(i * 37);
        if (FIRST + i > BASE && (FIRST + i == BASE + 1 || shape >= 128))
            durable = FIRST + i - 1;
        s->at[i] = writer_size(&w);
        s->durable[i] = durable;
        votelog_record_encode(&w, &header.store, FIRST + i, durable, filler, shape % PAYLOAD_MAX);
    }
    must(!w.failed);
    s->at[RECORDS] = writer_size(&w);
    s->size = s->at[RECORDS] + 64;
}

/* Changes `bytes` anywhere behind the header; returns the new size. */
static size_t mutate(uint8_t *bytes, size_t size, struct reader *input)
{
    size_t room = size - VOTELOG_HEADER_SIZE;
    uint8_t kind = read_u8(input);
    size_t at = VOTELOG_HEADER_SIZE + read_u16(input) % room;
    size_t from = VOTELOG_HEADER_SIZE + read_u16(input) % room;
    size_t span = read_u8(input) % (size - (at > from ? at : from));
    switch (kind % 4) {
    case 0:
        bytes[at] ^= (uint8_t)(from | 1);
        return size;
    case 1:
        return at;
    case 2:
        memset(bytes + at, 0, span);
        return size;
    default:
        memmove(bytes + at, bytes + from, span);
        return size;
    }
}

static bool intact(const struct sample *s, const uint8_t *bytes, size_t size, size_t i)
{
    return s->at[i + 1] <= size &&
           memcmp(bytes + s->at[i], s->bytes + s->at[i], s->at[i + 1] - s->at[i]) == 0;
}

/* Moves can bring a good record to another place, where it still says what had been durable. */
static bool told_durable(const struct sample *s, const uint8_t *bytes, size_t size, size_t good)
{
    for (size_t i = good + 1; i < RECORDS; i++) {
        size_t whole = s->at[i + 1] - s->at[i];
        if (s->durable[i] >= FIRST + good && size >= s->at[good] + whole &&
            memmem(bytes + s->at[good], size - s->at[good], s->bytes + s->at[i], whole))
            return true;
    }
    return false;
}

static void read_mutated(struct reader *input)
{
    struct sample s;
    make_sample(&s, input);
    uint8_t *scratch = malloc(sizeof s.bytes);
    memcpy(scratch, s.bytes, s.size);
    size_t size = mutate(scratch, s.size, input);
    uint8_t *bytes = malloc(size); /* of that very size, for the address sanitizer */
    memcpy(bytes, scratch, size);
    free(scratch);

    size_t good = 0;
    while (good < RECORDS && intact(&s, bytes, size, good))
        good++;
    struct votelog_reader reader;
    struct votelog_record record;
    must(votelog_open(&reader, bytes, size) == VOTELOG_RECORD);
    for (size_t i = 0; i < good; i++)
        must(votelog_next(&reader, &record) == VOTELOG_RECORD && record.lsn == FIRST + i);
    enum votelog_verdict verdict = votelog_next(&reader, &record);
    must(reader.at == s.at[good]);

    bool zeros = true;
    for (size_t at = s.at[good]; at < size; at++)
        zeros = zeros && bytes[at] == 0;
    if (FIRST + good <= BASE)
        must(verdict == VOTELOG_DAMAGED);
    else if (zeros)
        must(verdict == VOTELOG_END);
    else if (!told_durable(&s, bytes, size, good))
        must(verdict == VOTELOG_TORN);
    else /* a record that was moved nearer than it can be is not believed */
        must(verdict == VOTELOG_DAMAGED || verdict == VOTELOG_TORN);
    for (size_t i = good + 1; i < RECORDS; i++)
        must(!intact(&s, bytes, size, i) || s.durable[i] < FIRST + good ||
             verdict == VOTELOG_DAMAGED);
    free(bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size < 1 || size > LOG_MAX)
        return 0;
    struct reader input = reader_init(data + 1, size - 1);
    if (data[0] % 3 == 2) {
        read_mutated(&input);
        return 0;
    }
    uint8_t *bytes = malloc(size);
    memcpy(bytes, data + 1, size - 1);
    if (data[0] % 3 == 1)
        repair(bytes, size - 1);
    read_any(bytes, size - 1);
    free(bytes);
    return 0;
}
