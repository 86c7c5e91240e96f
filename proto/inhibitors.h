/*
 * Inhibitors (F8): freeze, maintenance, drain. An administrator says one at any node; it is spread
 * to all, and each that it concerns enforces it for itself: a juror votes against nobody while it
 * has stored a freeze (inquiry.c, juror.c), allows nothing but `retire` against a node under
 * maintenance, and a node that is drained takes no new lock (asker.c).
 *
 *     said at hv1 --INHIBIT--> everybody: durable, enforced --INHIBITED--> hv1
 *                                         in effect once J - q + 1 jurors have it durably: what is
 *                                         left of the jury is no quorum
 *
 * An inhibitor can only prevent, so it needs no signature: whoever administers a node of the roster
 * may say one, and may lift another's. Nobody can be reset by lifting it that F2 does not allow to
 * be reset. None lasts longer than INHIBITOR_SPAN_MAX_MS: one that was forgotten would keep the
 * locks of the dead for ever.
 *
 * Of two words about the same (kind, scope) the one with the higher (version, slot of who said it)
 * counts. What was lifted is remembered until it would have ended by itself, so that nobody who was
 * away brings it back. Spans travel, not times: each counts by its own clock from when it stored
 * it, and anew from its start, since how long it was away it does not know. So one may last longer
 * than was said, never shorter.
 *
 * A freeze is also a promise not to vote until its end, which a thaw does not take back: see
 * inhibitors_promised.
 */
#ifndef PROTO_INHIBITORS_H
#define PROTO_INHIBITORS_H

#include "proto/core.h"
#include "proto/inhibitor.h"

struct inhibitor {
    bool used;
    enum inhibitor_kind kind;
    uint16_t scope;
    uint16_t by;
    uint64_t version;
    bool on;
    uint8_t who_size, reason_size;
    uint8_t who[INHIBITOR_WHO_MAX], reason[INHIBITOR_REASON_MAX];
    struct span left;         /* as it was loaded */
    struct span promise_left; /* the same */
    struct instant until;     /* it ends by itself, or is forgotten if it was lifted */
    struct instant promised;  /* a freeze: the latest end that was ever said; ns 0: none */
    uint64_t lsn;
    struct instant said_at; /* here, just now; ns 0: not, or said once more since (say_again) */
    uint32_t stored;        /* jurors that have it durably */
    uint32_t held;          /* INHIBITED's, of a drained node */
    /* Nodes that it is sent to until they have it: bit per index in the roster. */
    uint8_t due[(ROSTER_NODES_MAX + 7) / 8];
};

struct inhibitors {
    struct core *core;
    struct inhibitor *table;   /* INHIBITORS_MAX */
    size_t count;              /* of places that are taken */
    struct instant spread_at;  /* INSTANT_NEVER: nobody is due */
    struct instant ends_at;    /* the next one ends by itself */
    struct instant refresh_at; /* the records are written anew then, with what is left */
    struct span spread_wait;
};

size_t inhibitors_bytes(const struct peer_config *config);
void inhibitors_init(struct inhibitors *t, struct core *core, void *memory);
/* Records INHIBITOR. */
void inhibitors_load(struct inhibitors *t, const struct record *record, uint64_t lsn);
void inhibitors_start(struct inhibitors *t, struct instant now);
/* EVENT_INHIBIT. True if what holds on this node has changed. *why is set on a refusal: static. */
bool inhibitors_say(struct inhibitors *t, struct instant now, const struct event *event,
                    const char **why);
/* Message INHIBIT; `held`: locks that this node holds. True if what holds has changed. */
bool inhibitors_take(struct inhibitors *t, struct instant now, uint16_t from,
                     const struct wire_inhibit *m, uint32_t held);
void inhibitors_take_stored(struct inhibitors *t, struct instant now, uint16_t from,
                            const struct wire_inhibited *m);
/* `slot` is alive again: it may lack some. */
void inhibitors_alive(struct inhibitors *t, struct instant now, uint16_t slot);
void inhibitors_step(struct inhibitors *t, struct instant now);
struct instant inhibitors_deadline(const struct inhibitors *t);

/* Whether this juror may not vote against that node, nor let an executor begin on it. */
bool inhibitors_freeze(const struct inhibitors *t, struct instant now, uint16_t slot);
/* Whether this juror may allow nothing but `retire` against it. */
bool inhibitors_maintain(const struct inhibitors *t, struct instant now, uint16_t slot);
/* Whether that node takes no new lock. */
bool inhibitors_drain(const struct inhibitors *t, struct instant now, uint16_t slot);
/*
 * Until when this juror has promised not to vote against that node, by its own clock; ns 0: it has
 * not. A thaw lets it vote before, but what counts silence since the last acknowledgement (H)
 * counts from then, since a holder may have gone on under the promise.
 */
struct instant inhibitors_promised(const struct inhibitors *t, uint16_t slot);

/* Iterates: start with *cursor = 0; false at the end. */
bool inhibitors_next(const struct inhibitors *t, size_t *cursor, struct inhibitor_view *out);
/* The record of one place; false if there is none. */
bool inhibitors_record(const struct inhibitors *t, size_t index, struct record *out);

#endif
