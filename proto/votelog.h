/*
 * The vote log: the one durable thing of a node, as bytes. Pure: the agent puts them into a file,
 * the simulator tears them at every byte.
 *
 *   header   magic, format version, store id, cluster id (zero until a roster was first loaded),
 * slot, first lsn, base lsn, checksum: VOTELOG_HEADER_SIZE bytes records  lsn u64, durable u64,
 * payload size u32, payload, checksum u64; one after the other zeros    the preallocated rest
 *
 * lsn counts records over the whole life of the store, without a gap: it is also the store's count
 * of commits (L7). `durable` is the highest lsn known to be synced when the record was written. A
 * segment starts with a snapshot of the live state, records first..base, which was synced as a
 * whole before the segment took its name. So recovery can tell the two kinds of damage apart:
 *
 *   a record that fails its check, and no good record after it that says it was synced
 *        -> a torn tail: it was never durable, nobody was told; recovery stops before it
 *   a record that fails its check, with lsn <= base, or below a later good record's `durable`
 *        -> a damaged middle: votes may be missing; the store is lost (L7)
 *
 * The checksum is SipHash-2-4 under the store's id and covers lsn, so that a record of another
 * store or another place does not check out.
 */
#ifndef PROTO_VOTELOG_H
#define PROTO_VOTELOG_H

#include "crypto/bytes.h"
#include "crypto/roster.h"
#include "proto/id.h"

enum {
    VOTELOG_HEADER_SIZE = 128,
    VOTELOG_RECORD_OVERHEAD = 8 + 8 + 4 + 8,
    VOTELOG_PAYLOAD_MAX = 128 * 1024
};

struct votelog_header {
    struct store_id store;
    struct cluster_id cluster;
    uint16_t slot;      /* SLOT_NONE until a roster was first loaded */
    uint64_t first_lsn; /* of this segment's first record */
    uint64_t base_lsn;  /* the snapshot's last record; first_lsn - 1 if it is empty */
};

void votelog_header_encode(uint8_t out[VOTELOG_HEADER_SIZE], const struct votelog_header *header);

/* Appends one framed record. The writer fails if it does not fit. */
void votelog_record_encode(struct writer *w, const struct store_id *store, uint64_t lsn,
                           uint64_t durable, const void *payload, size_t size);

enum votelog_verdict {
    VOTELOG_RECORD,  /* *out is the next record */
    VOTELOG_END,     /* clean end: only zeros follow */
    VOTELOG_TORN,    /* torn tail: what follows was never durable; the store is good up to here */
    VOTELOG_DAMAGED, /* damaged middle: the store is lost */
    VOTELOG_NOT_A_STORE, /* too short, wrong magic, header does not check out */
    VOTELOG_FOREIGN      /* format version of another build */
};

const char *votelog_verdict_text(enum votelog_verdict verdict);

struct votelog_record {
    uint64_t lsn;
    struct view payload; /* points into the bytes being read */
};

struct votelog_reader {
    const uint8_t *bytes;
    size_t size;
    size_t at; /* offset of the next record */
    uint64_t next_lsn;
    struct votelog_header header;
    enum votelog_verdict ended; /* VOTELOG_RECORD while it goes on; the verdict is latched */
};

/* Reads the header. VOTELOG_RECORD if it is good (read on), else the reason. */
enum votelog_verdict votelog_open(struct votelog_reader *reader, const uint8_t *bytes, size_t size);
/* The next record, or how it ended. O(size) over all calls but for one scan at a failed check. */
enum votelog_verdict votelog_next(struct votelog_reader *reader, struct votelog_record *out);

#endif
