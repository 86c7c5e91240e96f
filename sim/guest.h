/*
 * Guests: the processes that a lock protects, and the agent's driver that watches them (F11).
 *
 * A guest begins at ANSWER_GRANTED and has ended before EVENT_DROP is sent. It dies with its
 * machine, not with its agent: it goes on while the agent is paused or dead, and hears nothing
 * then. It may die by itself, and its parent may die while the child goes on: the driver then stops
 * the whole stop set, waits until it is empty, and gives the hold back as unclean. So it does with
 * a hold that is lost (F7, F3). Stopping takes up to K, and now and then a minute.
 *
 * A guest acts in a mode: the one granted, until its client converts the hold. While that is under
 * way it does only what both modes allow, and keeps to it for as long as nobody tells what became
 * of it. From the moment a hand-over is called for it does nothing.
 */
#ifndef SIM_GUEST_H
#define SIM_GUEST_H

#include "proto/peer.h"

struct world;
struct machine;
struct client;
struct op;

/* How long a guest acted in modes that write. */
struct writing {
    const struct op *op;
    int64_t from;
    int64_t to; /* INT64_MAX: it still does; with its lease its protection ends before that */
    struct writing *older;
};

/* Its client was granted its lock. */
void guest_begins(struct world *w, struct client *c);
/* It acts again, in its client's mode. */
void guest_goes_on(struct world *w, struct client *c);
/* From now on it acts in that mode alone, which allows no more than the one before. */
void guest_restricts(struct world *w, struct client *c, enum lock_mode mode, uint16_t limit);
/* From now on it acts in its client's mode, whatever that was before. */
void guest_changes(struct world *w, struct client *c);
/* It is gone, or acts no more. */
void guest_over(struct world *w, struct client *c);
/* Its parent dies, its child goes on. */
/* A fence device ends it, from outside. */
void guest_is_ended(struct world *w, struct client *c);
void guest_parent_dies(struct world *w, struct client *c);
/* ANSWER_LOST about a hold. */
void guest_lost(struct world *w, struct machine *m, const struct answer *a);
/* HAPPEN_GUEST_STOP, HAPPEN_GUEST_END: `handle` is of the grant. */
void guest_stop_due(struct world *w, struct machine *m, size_t index, uint64_t handle);
void guest_ends(struct world *w, struct machine *m, size_t index, uint64_t handle);
/* The agent takes this for a request that waited when it ended, under which nobody ever acted. */
void guest_never_held(struct world *w, const struct machine *m, struct op_id id);
/* The agent came back and found this hold in its store. */
void guest_loaded(struct world *w, struct machine *m, struct op_id id);
/* The agent died: its clients' guests go on. */
void guest_orphaned(struct world *w, struct client *c);
/* A session was resumed: its guest acts again, for a while. */
void guest_resumes(struct world *w, struct client *c);
/* Whoever is being stopped is gone soon. */
void guest_calm(struct world *w);
/* Whether any guest runs on a machine. */
bool guest_any(const struct machine *m);

#endif
