/*
 * The store's check at start (L7), and what this node knows of others' stores.
 *
 * An agent that starts asks the others for the highest commit count, life and operation counter
 * that they know of it. Together with the answers of enough others to make a majority of the roster
 * with itself, a count above its own means that its store was rolled back: it is lost. Until then
 * it does not vote. Its own answer does not count; others answer from their stores before their own
 * checks are done, so a whole site can start at once.
 */
#ifndef PROTO_STORECHECK_H
#define PROTO_STORECHECK_H

#include "proto/core.h"
#include "proto/marks.h"

struct known {
    struct vitals vitals; /* the highest heard, kept over restarts */
    bool answered;        /* our own question */
};

struct storecheck {
    struct core *core;
    struct known *known;   /* by index in the roster */
    struct vitals highest; /* that others know of us */
    uint64_t seen_life;    /* the highest life of ours that others heard of, also in passing */
    uint64_t commits;      /* of our store, before the first run that was not checked */
    size_t answers;
    bool asking;
    struct instant ask_at;
    uint32_t seq;
    struct marks dirty; /* by index in the roster: not in the log as it is */
    size_t next_dirty;  /* round robin */
};

size_t storecheck_bytes(const struct peer_config *config);
void storecheck_init(struct storecheck *s, struct core *core, void *memory);
void storecheck_load(struct storecheck *s, const struct record *record);
/* `commits`: what this store held before the first run that was not checked. */
void storecheck_start(struct storecheck *s, struct instant now, uint64_t commits);
/* A message of types STORE_ASK, STORE_KNOWN. True if the check is done by it. */
bool storecheck_take(struct storecheck *s, struct instant now, uint16_t from,
                     const struct message *m);
bool storecheck_done(const struct storecheck *s);
/* Whether others know more of this store than it held, under this life. */
bool storecheck_behind(const struct storecheck *s, uint64_t life);
void storecheck_step(struct storecheck *s, struct instant now);
struct instant storecheck_deadline(const struct storecheck *s);
/* Remembers what members told of themselves since; rides along with records that are written
 * anyway. */
void storecheck_note(struct storecheck *s);
/* Whether nobody told more than is remembered, as after storecheck_note(); for checks. */
bool storecheck_agrees(const struct storecheck *s);
/* The record of one node's numbers; false if nothing is known. */
bool storecheck_record(const struct storecheck *s, size_t index, struct record *out);

#endif
