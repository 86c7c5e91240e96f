/*
 * The fence log's files, and the thread that writes them (node/fence_log.h says what is in them).
 *
 *   DIR/fence.log           0600, the current file (crypto/chain.h)
 *   DIR/fence.log.old       the one before it, whole
 *   DIR/fence.new           the next one while it is made; worthless until it is renamed
 *   DIR/fence.log.broken-N  one that failed its checks, kept aside
 *
 * The loop hands over bytes and goes on. The first failure of a write or a sync is the end of
 * writing until the agent starts again: after a failed fdatasync nobody knows what the file holds.
 * Unlike the vote log's, this is no reason to vote no more: it only explains.
 */
#ifndef NODE_FENCE_FILE_H
#define NODE_FENCE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "crypto/chain.h"

enum {
    FENCE_FILE_QUEUE_MAX = 256 * 1024, /* bytes that wait for the thread */
    FENCE_FILE_NAME_SIZE = 32,
    FENCE_FILE_TEXT_SIZE = 256
};

enum fence_file_which { FENCE_FILE_NOW, FENCE_FILE_OLD };

struct fence_file;

/* What a check of the files on disk found; `text` for a person. */
struct fence_check {
    bool good;
    uint64_t first,
        last; /* numbers of the first and last good record; last < first: there is none */
    struct digest digest; /* of the last */
    char text[FENCE_FILE_TEXT_SIZE];
};

/* NULL with errno: the directory cannot be opened, or no thread be had. Nothing is written yet. */
struct fence_file *fence_file_open(const char *dir);
/* Finishes the queue. */
void fence_file_close(struct fence_file *file);

/* --- Before the first append; 0 or an errno --- */

/* All of it, the caller's to free; ENOENT: there is none; EFBIG: it is none of ours. */
int fence_file_read(struct fence_file *file, enum fence_file_which which, uint8_t **bytes,
                    size_t *size);
/* Keeps it aside, and writes the name that it has then. */
int fence_file_aside(struct fence_file *file, enum fence_file_which which,
                     char name[FENCE_FILE_NAME_SIZE]);
/* Makes fence.log with this header; what was fence.log becomes fence.log.old. */
int fence_file_begin(struct fence_file *file, const uint8_t header[CHAIN_HEADER_SIZE]);
/* Goes on with fence.log, of which `size` bytes are good: what follows is cut off. */
int fence_file_resume(struct fence_file *file, size_t size);

/* --- From then on --- */

/* Queue a record (copied), or a new file after all that was queued. False: the queue is full, or
 * writing has ended. */
bool fence_file_append(struct fence_file *file, const void *bytes, size_t size);
bool fence_file_rotate(struct fence_file *file, const uint8_t header[CHAIN_HEADER_SIZE]);
/* Reads both files again, after all that was queued; they should end in `tip`. `handle` comes back
 * with the result. */
bool fence_file_check(struct fence_file *file, const struct chain_tip *tip, uint64_t handle);

struct fence_file_news {
    bool stopped;
    int error;
    const char *failed_at; /* static; NULL */
    bool checked;          /* a check is done: these two */
    uint64_t handle;
    struct fence_check check;
};
/* Readable when there is news. */
int fence_file_event_fd(const struct fence_file *file);
/* Takes the news, one check at a time: true if there may be more. */
bool fence_file_poll(struct fence_file *file, struct fence_file_news *out);

/* Judges both files' bytes as one chain that ends in `tip` (NULL: anywhere); `old` may be empty. */
void fence_file_judge(struct fence_check *out, const uint8_t *old, size_t old_size,
                      const uint8_t *now, size_t now_size, const struct chain_tip *tip);

#endif
