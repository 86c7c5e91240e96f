/*
 * The store: the vote log's file, and the one thread that syncs it.
 *
 *   DIR            0700, must exist
 *   DIR/votes.log  0600, the current segment (proto/votelog.h), preallocated to its capacity
 *   DIR/votes.new  the next segment while it is being written; worthless until it is renamed
 *   DIR/lock       flocked while an agent runs; holds its pid
 *
 * The loop hands over bytes and goes on; the thread writes all that waits with one pwrite and one
 * fdatasync (group commit; or the write alone, if nobody waits for more), then says through an
 * eventfd how far the log is written and how far it is durable. The loop never
 * waits for the disk (L6: it answers only after it heard). Everything here but the thread itself is
 * called from one thread, the loop.
 *
 * What must hold:
 *
 *   1. The first write after store_open is a whole segment. What recovery read may never have been
 *      synced (the agent alone crashed, or its last sync failed), and old records may lie behind a
 *      torn tail; a segment of the recovered state leaves both behind. The rule "used + batch >
 *      capacity: compact" brings this about by itself, since the capacity is 0 before.
 *   2. A failed write or sync is never tried again and nothing is called durable after it: the
 *      kernel may have dropped the pages, and a second fdatasync would lie. The store stays failed
 *      until it is closed (fail-stop for voting, L6).
 *   3. votes.log is replaced only by a segment that was synced whole, so it is readable at every
 *      instant.
 *
 * The process must ignore SIGXFSZ, so that a file-size limit comes as EFBIG. Sources: fdatasync(2),
 * fsync(2) (a directory needs its own), flock(2), rename(2).
 */
#ifndef NODE_STORE_H
#define NODE_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "node/histogram.h"
#include "proto/id.h"

enum {
    STORE_QUEUE_MAX = 8 * 1024 * 1024,     /* bytes of records that wait for the thread */
    STORE_CAPACITY_MIN = 16 * 1024 * 1024, /* of a segment's file */
    STORE_CAPACITY_FACTOR = 4,             /* the file is at least so many times its snapshot */
    STORE_SEGMENT_MAX = 256 * 1024 * 1024, /* bytes of a new segment (header and snapshot) */
    STORE_LAZY_MS = 1000,                  /* an append that wants no sync gets one after so long */
    STORE_NAME_SIZE = 32,                  /* of a file in DIR, NUL included */
    STORE_TEXT_SIZE = 512                  /* enough for store_status_text with most paths */
};

struct store; /* one open store; owned by who opened it */

enum store_status {
    STORE_OK,
    STORE_MISSING,   /* open, but there is no votes.log: the store is new to us or lost (L7) */
    STORE_LOCKED,    /* another agent runs on this state */
    STORE_NO_DIR,    /* DIR cannot be opened */
    STORE_EXPOSED,   /* DIR is open to its group or to others, or is somebody else's */
    STORE_UNREADABLE /* a file in DIR, or memory or a thread, cannot be had */
};

struct store_trouble {
    const char *what; /* the file in DIR, or what else was refused; static */
    int error;        /* errno; 0 if there is none */
    int holder;       /* STORE_LOCKED: the pid that holds it, 0 if it cannot be read */
};

/*
 * Opens and locks the store in `dir`, reads votes.log whole and starts the thread. STORE_OK and
 * STORE_MISSING give an open store; with STORE_OK `log` is what was read, the store's until
 * store_recovered, else it is empty. Any other status opens nothing and fills `trouble`.
 */
enum store_status store_open(const char *dir, struct store_trouble *trouble, struct store **out,
                             struct view *log) __attribute__((warn_unused_result));
/* One line for a person: what is wrong with `dir` and what to do. Cut at `size`, always ended. */
void store_status_text(char *out, size_t size, enum store_status status,
                       const struct store_trouble *trouble, const char *dir);
/* Recovery is over: frees what store_open read. */
void store_recovered(struct store *store);
/*
 * Before the first segment: moves a votes.log that failed its checks aside as votes.log.damaged-N
 * with the least free N, and writes that name. Never overwrites. 0, or the errno (ENOENT: there is
 * none).
 */
int store_replace_lost(struct store *store, char name[STORE_NAME_SIZE])
    __attribute__((warn_unused_result));

/*
 * Queues a whole new segment (header and snapshot, copied), which takes the place of the old one;
 * what is appended later goes behind it. `lsn` is its base: once it is durable, so is all up to
 * there. False: the store has failed, or fails now for want of memory.
 */
bool store_segment(struct store *store, const void *bytes, size_t size, uint64_t lsn)
    __attribute__((warn_unused_result));
/* What somebody waits for. */
enum store_haste {
    STORE_LATER,   /* nothing: they are synced with others, STORE_LAZY_MS later at most */
    STORE_WRITTEN, /* that the kernel has them: they survive the agent, not the machine. Synced as
                      above */
    STORE_SYNCED   /* that they are durable */
};
/*
 * Queues records (copied) that follow the last ones; `lsn` is that of the last of them and rises.
 * They must fit: used + size <= capacity. False: the store has failed, or fails now since the queue
 * is full. Then nothing of it was taken, and what was queued before may still become durable.
 */
bool store_append(struct store *store, const void *bytes, size_t size, uint64_t lsn,
                  enum store_haste haste) __attribute__((warn_unused_result));
/* Bytes of the newest segment's file that are taken, and its size, queued ones included. */
size_t store_used(const struct store *store);
size_t store_capacity(const struct store *store);

struct store_figures {
    uint64_t syncs;    /* fdatasyncs that succeeded, those of segments included */
    uint64_t segments; /* written since the start */
    uint64_t appends;  /* calls of store_append that became durable */
    uint64_t bytes;    /* of these appends */
    uint32_t last_us;  /* the last sync of appends; segments are not timed */
    uint32_t p50_us;   /* over the last 500 to 1,000 of them, rounded up to a power of two; */
    uint32_t p99_us;   /* 0 before the first */
    struct histogram sync_times; /* of all of them */
};

/* Whether an errno is about a disk that is full, not broken. */
bool store_error_is_room(int error);

struct store_news {
    uint64_t durable_lsn;  /* everything up to here is durable; 0 before the first segment is */
    uint64_t written_lsn;  /* the same for what the kernel has; told if somebody waited for it */
    bool failed;           /* latched */
    int error;             /* errno of the failure; ENOBUFS: the queue was full */
    const char *failed_at; /* what failed, for a person; static. NULL if nothing did */
    struct store_figures figures;
};

/* Readable when there is news. The store's; for poll only. */
int store_event_fd(const struct store *store);
/* Takes the news and makes the eventfd unreadable. */
void store_poll(struct store *store, struct store_news *out);

/*
 * Finishes what is queued, joins the thread and frees everything; the lock goes last. True if all
 * that was ever queued is durable.
 */
bool store_close(struct store *store);

#endif
