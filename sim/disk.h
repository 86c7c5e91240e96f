/*
 * The disk under one machine's vote log, as bytes: what node/store.c does with files, in virtual
 * time.
 *
 *   append    goes to the page cache, and survives a crash of the agent (perhaps but for its end),
 *             not one of the machine
 *   sync      takes a random time; what was appended before it began is then durable
 *   segment   is written beside the old file, synced, and renamed over it: atomic
 *   power     of what was not synced, nothing, any prefix, or any set of sectors survives a loss;
 *             the others are empty, half written, or say what was there before
 *   full      nothing more can be written: the next sync fails
 *   open      reads the file, page cache and all, and syncs nothing: what was read may still go
 *             with the power, until the segment that every run begins with is synced
 */
#ifndef SIM_DISK_H
#define SIM_DISK_H

#include "proto/id.h"
#include "proto/peer.h"
#include "sim/random.h"

struct world;
struct machine;

enum { DISK_SECTOR = 512, DISK_ZEROS = 4096, DISK_COPIES = 2 };

/* Bytes behind `size` are zero, as in a preallocated file; at least DISK_ZEROS of them. */
struct log_file {
    uint8_t *bytes;
    size_t size;
    size_t room;
    size_t synced;  /* bytes */
    size_t written; /* bytes of which the agent heard that they are in the page cache */
    size_t read;    /* bytes that an agent found at its start: they are in the page cache */
    uint64_t lsn;   /* last record in it */
};

/* As it once was synced. */
struct disk_copy {
    struct log_file file;
    int64_t at;        /* virtual time */
    int64_t passed_at; /* when something beyond it was first durable; 0: it was not */
};

struct disk {
    struct random random;
    struct log_file file;
    struct log_file next; /* a segment being written; empty if there is none */
    bool segment_pending;
    bool wanted;        /* somebody waits for what is not yet being synced */
    uint64_t write_lsn; /* of the write that somebody waits for; an item with another is stale */
    size_t write_size;  /* of the file then */
    bool syncing;
    bool failed;    /* a sync failed: the log is closed until the agent starts anew */
    bool unwritten; /* ever: the kernel dropped what it had and could not write */
    bool fail_next;
    size_t sync_size;
    uint64_t sync_lsn;
    uint64_t sync_number; /* of the sync that runs; an item with another one is stale */
    uint32_t slow;        /* slow-disk faults at work */
    int64_t extra;        /* ns that a story adds to each sync */
    uint32_t stuck;       /* faults: a sync takes up to 30 s */
    uint32_t full;        /* faults: no room for anything new */
    struct disk_copy copies[DISK_COPIES]; /* the older one first; kept for rollbacks */
};

void disk_open(struct world *w, struct machine *m, const uint8_t *bytes, size_t size);
/* Carries out records and segment of a turn. */
void disk_write(struct world *w, struct machine *m, const struct effects *effects);
/* HAPPEN_WRITTEN. */
void disk_written(struct world *w, struct machine *m, uint64_t lsn);
/* HAPPEN_SYNCED. */
void disk_synced(struct world *w, struct machine *m, uint64_t number);
/* A slow or stuck disk is well again: the sync that runs ends soon. */
void disk_hurry(struct world *w, const struct machine *m);
/* The agent died: what it had written stays, perhaps but for the end. */
void disk_agent_crash(struct disk *d);
/* The power went. */
void disk_power_crash(struct disk *d);
/* What an agent reads when it starts. */
struct view disk_read(struct disk *d);
/* Damages, at rest, something that recovery must notice: what stands before a record that says of
 * it that it was synced. (The last records before the end look the same when they are spoiled as
 * when they were torn: L7's question to others is for that, and no fault does it.) False if there
 * is nothing. */
bool disk_damage(struct disk *d);
void disk_lose(struct disk *d);
/* An old copy that says less than the log; NULL if there is none. */
const struct disk_copy *disk_old_copy(const struct world *w, struct disk *d);
/* It takes the place of the log. */
void disk_roll_back(struct world *w, struct disk *d, const struct disk_copy *copy);
/* Two machines have each other's disk. */
void disk_swap(struct disk *a, struct disk *b);
/* Whether the log says whose it is. */
bool disk_bound(const struct disk *d);

#endif
