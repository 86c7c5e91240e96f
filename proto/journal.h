/*
 * The log as the peer writes it: records appended in this turn, and how far the log is durable.
 *
 * Every record changes memory first and is appended after; the number it gets is what an answer
 * waits for. If one turn appends more than fits, its bytes are dropped and a new segment is wanted
 * instead, which holds the whole state anyway: nothing can be lost here.
 */
#ifndef PROTO_JOURNAL_H
#define PROTO_JOURNAL_H

#include "proto/record.h"
#include "proto/votelog.h"

struct journal {
    struct store_id store;
    uint64_t lsn;      /* last record appended */
    uint64_t durable;  /* last record known to be synced */
    uint64_t written;  /* last record known to outlive the agent; at least `durable` */
    uint64_t awaited;  /* last record that somebody waits for to be durable: all before are synced
                          with it */
    bool failed;       /* a sync failed: nothing will ever be durable again */
    bool sync_wanted;  /* somebody waits for what was appended to be durable */
    bool write_wanted; /* somebody waits for it to be written */
    bool segment_wanted;
    uint8_t *bytes; /* of this turn */
    size_t size;
    size_t room;
};

void journal_init(struct journal *j, uint8_t *memory, size_t room);
/* Appends; `sync` if somebody waits for it. Returns the record's number. */
uint64_t journal_append(struct journal *j, const struct record *record, bool sync);
/* Everything up to `lsn` is in the kernel's hands. Nothing is believed to be after a failed sync:
 * the kernel may drop what it could not write. */
void journal_written(struct journal *j, uint64_t lsn);
/* Forgets the bytes that the driver has taken over. */
void journal_taken(struct journal *j);

#endif
