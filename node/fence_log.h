/*
 * The fence log: every step of a fence that this node saw, with its time, kept durably as a
 * hash-chained file (design section 7). "Why was this machine rebooted?" is answered from it, also
 * after the agent was restarted and the order has left the docket.
 *
 *     peer_effects: steps  ->  fence_log_take: numbered, timed, chained  ->  fence_file's thread
 *                                   |
 *                                   +->  kept in memory too, for who reads it
 *
 * It is bounded: a file of FENCE_LOG_FILE_MAX bytes and the one before it. It never holds up the
 * agent: where its disk is full or fails, steps are counted as lost, that is told once, and all
 * else goes on. A file that fails its checks is kept aside and told; a torn tail is cut off.
 */
#ifndef NODE_FENCE_LOG_H
#define NODE_FENCE_LOG_H

#include "node/clock.h"
#include "node/fence_file.h"
#include "proto/fence_step.h"

struct event_base;
struct fence_log;

struct fence_log_hooks {
    void *context;
    /* A step was logged: it is the last one. */
    void (*logged)(void *context);
    /* Writing has ended, or what was found at the start is not whole: for an operator. */
    void (*trouble)(void *context, const char *text);
};

/* One record. */
struct fence_log_entry {
    uint64_t seq;
    uint64_t time_ms; /* since 1970, UTC */
    struct digest digest;
    struct fence_step step; /* points into the log's memory: until the next turn */
};

struct fence_log_figures {
    uint64_t first, last; /* kept, by number; last < first: none */
    struct digest digest; /* of the last */
    uint64_t logged;      /* since this start */
    uint64_t lost;        /* that could not be written, or did not reach it, since this start */
    bool stopped;         /* nothing is written any more until the agent starts again */
    char why[FENCE_FILE_TEXT_SIZE]; /* it stopped, or what was found at the start; "" */
};

/* Never NULL: without a directory it counts what is lost. `hooks`' context outlives it; `trouble`
 * may be called from here. */
struct fence_log *fence_log_open(struct event_base *base, const char *dir,
                                 const struct cluster_id *cluster, uint16_t slot,
                                 const struct fence_log_hooks *hooks);
/* Finishes what is queued. */
void fence_log_close(struct fence_log *log);

/* A step; one that says the same as one of the last minute is left out. */
void fence_log_add(struct fence_log *log, const struct fence_step *step);
/* A list of steps, from effects; `dropped`: what did not fit into effects, so far. */
void fence_log_take(struct fence_log *log, struct view steps, uint64_t dropped);

/* The first with a number above `after`; false if there is none. */
bool fence_log_next(const struct fence_log *log, uint64_t after, struct fence_log_entry *out);
void fence_log_figures(const struct fence_log *log, struct fence_log_figures *out);

typedef void (*fence_log_checked)(void *context, const struct fence_check *check);
/*
 * Reads the files from disk again and checks the chain; `done` is called once, later, unless it is
 * forgotten. Returns a handle; 0: too much waits for the disk.
 */
uint64_t fence_log_check(struct fence_log *log, fence_log_checked done, void *context);
void fence_log_forget(struct fence_log *log, uint64_t handle);

#endif
