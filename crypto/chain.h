/*
 * A hash-chained file: records that are only ever added, each sealed by a digest of itself and of
 * the one before (design section 7, "kept durably and can be shown"). What is altered, left out or
 * put in anywhere but at the very end is found; what a power loss tore off the end is told apart
 * from that.
 *
 *   header  magic 8, cluster 32, slot u16, first u64, before 32, digest 32
 *   record  size u16, seq u64, time u64, check u64, payload, digest 32
 *
 * `before` is the digest of the last record of the file that this one follows on, zero if it is the
 * first. The header's digest is over all before it; a record's over the digest before it, then its
 * own bytes. `check` is a keyed hash of size, seq and time: by it a size that was altered differs
 * from a record that was cut short. Records are numbered without a gap.
 *
 * What it does not show: that whole records were cut off the end, or that all of it was written
 * anew by somebody who may write the file. For that somebody else must remember a digest: other
 * nodes keep logs of the same orders, and the agent tells its own log of each.
 */
#ifndef CRYPTO_CHAIN_H
#define CRYPTO_CHAIN_H

#include "crypto/bytes.h"
#include "crypto/hash.h"

#define CHAIN_MAGIC "HFCHAIN1"

enum {
    CHAIN_MAGIC_SIZE = 8,
    CHAIN_HEADER_SIZE = CHAIN_MAGIC_SIZE + DIGEST_SIZE + 2 + 8 + DIGEST_SIZE + DIGEST_SIZE,
    CHAIN_FRAME_SIZE = 2 + 8 + 8 + 8,
    CHAIN_PAYLOAD_MAX = 4096,
    CHAIN_RECORD_MAX = CHAIN_FRAME_SIZE + CHAIN_PAYLOAD_MAX + DIGEST_SIZE
};

struct chain_head {
    struct cluster_id cluster;
    uint16_t slot;        /* whose file it is */
    uint64_t first;       /* number of its first record, from 1 */
    struct digest before; /* zero: it follows on none */
};

/* The end of a chain: what the next record goes on from. */
struct chain_tip {
    uint64_t next; /* number of the next record */
    struct digest digest;
};

/* Writes a header, CHAIN_HEADER_SIZE bytes; returns the tip behind it. */
struct chain_tip chain_begin(uint8_t out[CHAIN_HEADER_SIZE], const struct chain_head *head);
/*
 * Writes the next record (`payload`: 1 to CHAIN_PAYLOAD_MAX bytes; time_ms: since 1970, UTC) and
 * moves the tip. Returns its size, at most CHAIN_RECORD_MAX.
 */
size_t chain_add(uint8_t out[CHAIN_RECORD_MAX], struct chain_tip *tip, uint64_t time_ms,
                 const void *payload, size_t size);

enum chain_verdict {
    CHAIN_RECORD, /* one is given */
    CHAIN_END,    /* all of it is good */
    CHAIN_TORN,   /* so far; then a record that was never written whole. Nothing follows it */
    CHAIN_BROKEN  /* so far; what follows was altered, or is not of this chain */
};
/* One sentence for a person, without a final stop; static. */
const char *chain_verdict_text(enum chain_verdict verdict);

struct chain_reader {
    const uint8_t *bytes; /* the whole file; the caller's */
    size_t size;
    size_t at; /* all before is good */
    struct chain_head head;
    struct chain_tip tip; /* of what was read */
};

struct chain_record {
    uint64_t seq;
    uint64_t time_ms;
    const uint8_t *payload; /* points into the file's bytes */
    size_t size;
    struct digest digest;
};

/* Reads the header: CHAIN_END if it is good, else TORN (cut short) or BROKEN; then `at` is 0. */
enum chain_verdict chain_open(struct chain_reader *reader, const void *bytes, size_t size);
/* The next record, checked. Once it says anything but CHAIN_RECORD it says the same again. */
enum chain_verdict chain_next(struct chain_reader *reader, struct chain_record *out);
/* The record at `at` of bytes that were checked before; `digest` is read, not computed. False if
 * there is none. */
bool chain_peek(const void *bytes, size_t size, size_t at, struct chain_record *out);
/* Whether `head` follows on a file that ended in this tip. */
bool chain_follows(const struct chain_head *head, const struct chain_tip *tip);

#endif
