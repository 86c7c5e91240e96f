/*
 * Delegation (section 6, "Expiring locks"): what this node holds under `expire` and no client uses
 * is cached for the next one. While its lease runs, clients of this node are granted the lock
 * without a message and without a sync.
 *
 *              released, and nobody waits         a client asks for the same
 *        HELD ---------------------------> CACHED ---------------------------> in use
 *                                           | ^      (a new id, the same hold)   |
 *                                           | '----------------------------------'
 *                                           v             released
 *                                         given up: somebody waits, unused for a TTL, no room
 *
 * It is one hold all the time: the register knows it by the id of the operation that asked for it
 * first, and to its coordinator it looks as if one client held it for long. Each client that is let
 * in knows it by an id of its own (`as`), so that a late word of an earlier one is not taken for
 * its. Readers are let in together, as many as come (readers.h); of several holds of the register
 * that would serve the same readers one is kept.
 *
 * Tokens. Of a hold that reads all clients get the same token, since they change nothing. A hold
 * under `expire` in mode exclusive has LOCK_TOKENS_SPARE tokens (lock.h): each client gets the next
 * one, and the drop says which was the last.
 *
 * That it is cached is recorded once, and written before anybody is let in, so that the record
 * outlives the agent; it need not outlive the machine, which ends the life. What is let in then is
 * volatile. A run that finds such a record knows nothing of the clients of the last one, which
 * believe in what they hold for a TTL yet: so long it keeps others out, and then it gives it up.
 *
 * What a client changed about its hold (changing.c) goes through the register as ever, and such a
 * hold is not cached: thus it is clear without asking what a grant tells of the lock.
 */
#ifndef PROTO_DELEGATING_H
#define PROTO_DELEGATING_H

#include "proto/core.h"

struct asker;
struct asker_op;

struct delegating {
    uint32_t *names; /* buckets of what is cached, and what readers share; index + 1 */
    uint32_t *ids;   /* buckets of what has an id of its present client, index + 1 */
    uint32_t bucket_count;
    uint32_t first, last;   /* what is cached, the one that was used longest ago first */
    uint32_t count;         /* of those in the buckets of names */
    bool closed;            /* this node leaves: nothing is cached any more */
    struct instant next_at; /* none has been unused for its TTL before */
};

/* What an operation has of it. */
struct delegation {
    bool cached;          /* it is no client's */
    bool recorded;        /* its record says that it is cached, as it is between two clients */
    bool recalled;        /* it is given up when its client releases it */
    uint64_t as;          /* by which counter its present client knows it; 0: by its own */
    uint64_t first_token; /* the one that the register knows, once it is recorded */
    struct instant used;  /* when it was released last */
    bool served;          /* it is in its name's bucket: cached, or shared */
    uint32_t name_chain, id_chain;
    uint32_t prev, next; /* what is cached */
    /* Several readers under one hold (readers.h). */
    bool reader;           /* it was let in under another operation's hold, */
    uint32_t root;         /*   this one: index + 1; 0: that one is gone */
    uint32_t readers;      /* or so many read under it, */
    uint32_t first_reader; /*   index + 1 */
    uint32_t reader_prev, reader_next;
};

size_t delegating_bytes(const struct peer_config *config);
void delegating_init(struct delegating *d, void *memory, const struct peer_config *config);
/* Its client releases it: whether it is cached instead of being given up. */
bool delegating_keep(struct asker *a, struct instant now, struct asker_op *op);
/* A record says that the last run had it cached. */
void delegating_found(struct asker *a, struct instant now, struct asker_op *op);
/* A request (EVENT_ACQUIRE): whether it is granted here. If not, what is cached here and in its way
 * is given up. */
bool delegating_serve(struct asker *a, struct instant now, const struct event *event);
/* It is not cached any more: somebody waits for it, or it was changed. */
void delegating_recall(struct asker *a, struct instant now, struct asker_op *op);
/* Nothing is cached from now on: this node leaves. */
void delegating_close(struct asker *a, struct instant now);
/* An order is out against this life: it lets nobody in any more. */
void delegating_recall_all(struct asker *a, struct instant now);
/* It is being given up; or its entry goes. */
void delegating_end(struct asker *a, struct asker_op *op);
void delegating_forget(struct asker *a, struct asker_op *op);
/* No client knows it by the id that the register has: it is cached, or readers share it. */
bool delegating_unowned(const struct asker_op *op);
/* It is that client's from now on, and nobody's after it. */
void delegating_lend(struct asker *a, struct asker_op *op, uint64_t counter);
/* The last one that used it is through. */
void delegating_left(struct asker *a, struct instant now, struct asker_op *op);
/* The operation that a client means by that counter; NULL: none. */
struct asker_op *delegating_find(const struct asker *a, uint64_t counter);
/* Makes room in the table of operations, if it is nearly full. */
void delegating_make_room(struct asker *a, struct instant now);
/* The time is `now`: what has been unused for its TTL is given up. */
void delegating_pass(struct asker *a, struct instant now);

#endif
