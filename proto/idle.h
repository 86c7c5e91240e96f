/*
 * The registers of a voter that are free, and since when: what could be forgotten (L10).
 *
 *               written, free        due, and not this       four spans        taken up by this
 * node, node's shard            are over          or named to the owner (in use) ------------->
 * FRESH ----------------> REST ----------------+   +--> PARKED ^                     |  due, and
 * this node's shard              |   |       | | +------------------------------------------+---+ |
 *       +--- written, not free; or dropped: from any list                            |
 *                             ^                                                      |
 *                             +------------------------------------------------------+
 *                                       something has changed: tried again
 *
 * Each list is in the order of time, so that nothing is searched for: what is due is at its head.
 * What is parked costs nothing until something has changed: a voter came back or speaks again, a
 * shard has a new ballot. Then all of it is tried again, a few times, ever more rarely.
 */
#ifndef PROTO_IDLE_H
#define PROTO_IDLE_H

#include "proto/core.h"
#include "proto/registers.h"

struct idle_list {
    uint32_t first; /* index + 1, 0 if empty */
    uint32_t last;
    uint32_t count;
};

struct idle {
    struct core *core;
    struct registers *registers;
    struct idle_list lists[IDLE_LISTS]; /* by enum idle_kind */
    struct instant next_at;             /* the pace: nothing is looked at before */
    struct instant again_at; /* what is parked is tried again; INSTANT_NEVER: after a change */
    uint32_t tries;          /* since the last change */
    uint32_t again_left;     /* of this try: still to be taken out of those parked */
    struct lock_state blank;
};

void idle_init(struct idle *i, struct core *core, struct registers *registers);
/* The peer starts: what was loaded counts as written now. `scratch` is overwritten. */
void idle_start(struct idle *i, struct instant now, struct lock_state *scratch);
/* Whether a lock in this state can be forgotten: nobody holds it or waits, and there is nothing
 * else that is worth keeping but its token and generation. `bytes`: of the same state. */
bool idle_is_free(struct idle *i, const struct lock_state *state, struct view bytes);
/* The register was written. */
void idle_note(struct idle *i, struct instant now, struct lock_register *e,
               const struct lock_state *state);
/* It is about to be dropped. */
void idle_remove(struct idle *i, struct lock_register *e);
/* To the end of another list; since when it is free stays. */
void idle_move(struct idle *i, struct lock_register *e, enum idle_kind kind);
/* It counts as written now. */
void idle_renew(struct idle *i, struct instant now, struct lock_register *e);
/* The first of that list, or the one behind `after`, if it is due; else NULL. */
struct lock_register *idle_due(const struct idle *i, struct instant now, enum idle_kind kind,
                               const struct lock_register *after);
/* What is parked is tried again, if it is time. */
void idle_again(struct idle *i, struct instant now);
/* Looked at as far as it goes for now: not again before `wait` is over. */
void idle_looked(struct idle *i, struct instant now, struct span wait);
/* Something has changed that may have kept locks from being forgotten. */
void idle_changed(struct idle *i, struct instant now);
/* Something was dropped here: what is parked may be worth one more try. */
void idle_dropped(struct idle *i, struct instant now);
/* When to look; INSTANT_NEVER if nothing will be due by itself. */
struct instant idle_deadline(const struct idle *i);
/* How long a lock stays free before it is forgotten; ns 0: for ever. */
struct span idle_span(const struct idle *i);

#endif
