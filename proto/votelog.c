/*
 * The vote log's bytes: see votelog.h.
 *
 * Why a torn tail and a damaged middle can be told apart: a record says, in `durable`, how far the
 * log was known to be synced when it was written. So whoever finds a bad record L looks for a good
 * one further on with durable >= L. If there is one, L had been synced and votes may rest on it:
 * the store is lost (L7). If there is none, nobody had been told of L. One case cannot be seen from
 * here: the last synced records spoil and nothing was written after them. The majority's count of
 * this store's commits catches that one (L7).
 *
 * Appending over the remains of a torn tail would be wrong: an old record behind it may happen to
 * fit on to the new one. Drivers therefore begin with a new segment after every recovery.
 */
#include "proto/votelog.h"

#include "proto/must.h"
#include "proto/mutant.h"

enum {
    VERSION = 1,
    HEADER_CHECKED = VOTELOG_HEADER_SIZE - 8, /* all but the checksum; kept so in every version */
    RECORD_PREFIX = 8 + 8 + 4                 /* lsn, durable, size: what stands before a payload */
};

_Static_assert((int)STORE_ID_SIZE == (int)HASH_KEY_SIZE, "the store's id is the checksums' key");

static const char magic[8] = {'H', 'F', 'V', 'O', 'T', 'E', 'S', '\n'};

const char *votelog_verdict_text(enum votelog_verdict verdict)
{
    switch (verdict) {
    case VOTELOG_RECORD:
        return "the vote log goes on";
    case VOTELOG_END:
        return "the vote log ends cleanly";
    case VOTELOG_TORN:
        return "the vote log ends in a torn record that was never durable";
    case VOTELOG_DAMAGED:
        return "the vote log is damaged below its durable end; votes may be missing";
    case VOTELOG_NOT_A_STORE:
        return "this is not a vote log, or its header is damaged";
    case VOTELOG_FOREIGN:
        return "the vote log was written by another version of the program";
    }
    must(false); /* not a verdict */
}

/* A segment that could have been written: lsns start at 1 and leave room for the next one. */
static bool header_plausible(const struct votelog_header *header)
{
    return header->first_lsn >= 1 && header->base_lsn >= header->first_lsn - 1 &&
           header->base_lsn < UINT64_MAX;
}

void votelog_header_encode(uint8_t out[VOTELOG_HEADER_SIZE], const struct votelog_header *header)
{
    must(header_plausible(header));
    memset(out, 0, VOTELOG_HEADER_SIZE);
    struct writer w = writer_init(out, HEADER_CHECKED);
    write_copy(&w, magic, sizeof magic);
    write_u32(&w, VERSION);
    write_copy(&w, header->store.bytes, STORE_ID_SIZE);
    write_copy(&w, header->cluster.bytes, DIGEST_SIZE);
    write_u16(&w, header->slot);
    write_u64(&w, header->first_lsn);
    write_u64(&w, header->base_lsn);
    must(!w.failed);

    struct writer checksum = writer_init(out + HEADER_CHECKED, 8);
    write_u64(&checksum, hash64(header->store.bytes, out, HEADER_CHECKED));
}

void votelog_record_encode(struct writer *w, const struct store_id *store, uint64_t lsn,
                           uint64_t durable, const void *payload, size_t size)
{
    must(durable < lsn);
    must(size <= VOTELOG_PAYLOAD_MAX);
    const uint8_t *start = w->at;
    write_u64(w, lsn);
    write_u64(w, durable);
    write_u32(w, (uint32_t)size);
    write_copy(w, payload, size);
    if (w->failed)
        return;
    write_u64(w, hash64(store->bytes, start, RECORD_PREFIX + size));
}

enum votelog_verdict votelog_open(struct votelog_reader *reader, const uint8_t *bytes, size_t size)
{
    struct votelog_header header;
    struct reader r = reader_init(bytes, size);
    *reader = (struct votelog_reader){.bytes = bytes, .size = size, .ended = VOTELOG_NOT_A_STORE};

    const uint8_t *found = read_view(&r, sizeof magic);
    uint32_t version = read_u32(&r);
    read_copy(&r, header.store.bytes, STORE_ID_SIZE);
    read_copy(&r, header.cluster.bytes, DIGEST_SIZE);
    header.slot = read_u16(&r);
    header.first_lsn = read_u64(&r);
    header.base_lsn = read_u64(&r);
    if (size < VOTELOG_HEADER_SIZE || r.failed || memcmp(found, magic, sizeof magic) != 0)
        return reader->ended;

    /* Before the version is believed, so that a flipped bit in it does not look like another build.
     */
    struct reader checksum = reader_init(bytes + HEADER_CHECKED, 8);
    if (read_u64(&checksum) != hash64(header.store.bytes, bytes, HEADER_CHECKED))
        return reader->ended;
    if (version != VERSION)
        return reader->ended = VOTELOG_FOREIGN;
    if (!header_plausible(&header))
        return reader->ended;

    reader->header = header;
    reader->at = VOTELOG_HEADER_SIZE;
    reader->next_lsn = header.first_lsn;
    return reader->ended = VOTELOG_RECORD;
}

/* What stands before a payload, and whether it may be looked at: its bounds hold. */
struct frame {
    uint64_t lsn;
    uint64_t durable;
    uint32_t size;
    bool fits;
};

static struct frame frame_at(const struct votelog_reader *reader, size_t at)
{
    struct reader r = reader_init(reader->bytes + at, reader->size - at);
    struct frame f = {.lsn = read_u64(&r), .durable = read_u64(&r), .size = read_u32(&r)};
    f.fits = !r.failed && f.durable < f.lsn && f.size <= VOTELOG_PAYLOAD_MAX &&
             reader_left(&r) >= (size_t)f.size + 8;
    return f;
}

static bool checks_out(const struct votelog_reader *reader, size_t at, const struct frame *f)
{
    size_t checked = RECORD_PREFIX + (size_t)f->size;
    struct reader r = reader_init(reader->bytes + at + checked, 8);
    return read_u64(&r) == hash64(reader->header.store.bytes, reader->bytes + at, checked);
}

/*
 * Looks at every offset, since what failed may be the very size that led to the next record. A
 * record cannot be further on in lsn than bytes lie between, so nearly every offset is refused
 * without a checksum. Bytes made to pass that test would buy up to VOTELOG_PAYLOAD_MAX of hashing
 * for each offset; no honest log comes near the budget, and a log that exhausts it is called
 * damaged, which is the safe side.
 */
static bool told_durable_later(const struct votelog_reader *reader)
{
    size_t rest = reader->size - reader->at;
    size_t budget = 8 * rest;
    for (size_t ahead = VOTELOG_RECORD_OVERHEAD; ahead + VOTELOG_RECORD_OVERHEAD <= rest; ahead++) {
        struct frame f = frame_at(reader, reader->at + ahead);
        if (!f.fits || f.durable < reader->next_lsn)
            continue;
        if (f.lsn - reader->next_lsn > ahead / VOTELOG_RECORD_OVERHEAD)
            continue;
        if (checks_out(reader, reader->at + ahead, &f))
            return true;
        size_t cost = RECORD_PREFIX + (size_t)f.size;
        if (cost > budget)
            return true;
        budget -= cost;
    }
    return false;
}

static bool only_zeros(const uint8_t *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (bytes[i] != 0)
            return false;
    }
    return true;
}

/* The record that should stand at `at` does not check out: how did the log end? */
static enum votelog_verdict classify(const struct votelog_reader *reader)
{
    if (reader->next_lsn <= reader->header.base_lsn)
        return VOTELOG_DAMAGED; /* the snapshot was synced before the segment took its name */
    if (only_zeros(reader->bytes + reader->at, reader->size - reader->at))
        return VOTELOG_END;
    return told_durable_later(reader) ? VOTELOG_DAMAGED : VOTELOG_TORN;
}

enum votelog_verdict votelog_next(struct votelog_reader *reader, struct votelog_record *out)
{
    if (reader->ended != VOTELOG_RECORD)
        return reader->ended;
    struct frame f = frame_at(reader, reader->at);
    /* MUTANT(18): "a corrupt record is answered as absent". */
    while (MUTANT(18) && f.fits && f.lsn == reader->next_lsn &&
           !checks_out(reader, reader->at, &f)) {
        reader->at += VOTELOG_RECORD_OVERHEAD + (size_t)f.size;
        reader->next_lsn++;
        f = frame_at(reader, reader->at);
    }
    if (!f.fits || f.lsn != reader->next_lsn || f.lsn == UINT64_MAX ||
        !checks_out(reader, reader->at, &f))
        return reader->ended = classify(reader);

    out->lsn = f.lsn;
    out->payload = (struct view){reader->bytes + reader->at + RECORD_PREFIX, f.size};
    reader->at += VOTELOG_RECORD_OVERHEAD + (size_t)f.size;
    reader->next_lsn++;
    return VOTELOG_RECORD;
}
