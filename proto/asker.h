/*
 * The asking side (L9): what this node's clients hold and ask for, durable before a client is told,
 * and repeated to whoever coordinates until it is answered.
 *
 *                 granted, told once the record          drop          coordinator: dropped
 *      PENDING ---------------------------------> HELD ------> DROPPING ----------------> (gone)
 *         |                                                       ^
 *         +---- deadline, try refused or unanswered, drop --------+
 *
 * The record is written when the request is sent, beside the voters' own writes, so that a grant
 * costs no sync of its own; therefore an operation found after a restart, pending or held, may have
 * been told to a client and counts as held until its processes are gone. A grant for an operation
 * that is not in the table was never told to anybody: it is given back (a "ghost").
 *
 * Who waited under `expire` has a record that says so, and hears of its grant only once its record
 * as a hold is durable. So what is found waiting was never told to be held (`unheard`): if its
 * coordinator says that it is not, it is given up, and nothing is stopped for it. Written will not
 * do: a sync that fails may lose what was written, and the client acts on. A grant at once pays
 * nothing for this.
 */
#ifndef PROTO_ASKER_H
#define PROTO_ASKER_H

#include "proto/core.h"
#include "proto/delegating.h"
#include "proto/renewing.h"

enum asker_owes {
    OWE_ACCEPTED = 1,
    OWE_WAITING = 2,
    OWE_FINAL = 4,   /* `final` */
    OWE_DROPPED = 8, /* to drop_handle */
    OWE_BLOCKING = 16,
    OWE_RISK = 32,
    OWE_SAFE = 64,
    OWE_LOST = 128,
    OWE_CHANGE_WAITING = 256, /* to change.handle */
    OWE_CHANGED = 512,        /* change.final, to change.handle */
    OWE_PASSED = 1024,
    OWE_DRAINING = 2048,
    OWE_NOT_HELD = 4096
};

/* What a holder wants done with its hold: one thing at a time (changing.c). */
struct asker_change {
    uint64_t counter; /* 0: nothing is under way */
    enum change_kind kind;
    bool cancelled; /* its time is over, or this run did not begin it: only its end is asked for */
    bool transfer;  /* loaded: it was one */
    bool answered;  /* `final` is owed */
    bool try;
    enum lock_mode mode;
    uint16_t limit;
    struct op_id target;
    uint64_t token;
    uint8_t *bytes; /* in the arena */
    uint16_t bytes_size;
    uint64_t handle;
    enum answer_kind final;
    struct instant deadline;
};

struct provisional;

struct asker_op {
    bool used;
    bool show; /* a look, not a lock: not durable */
    bool loaded;
    enum op_state state;
    uint64_t life; /* the present one, unless it was being dropped when that life ended */
    uint64_t counter;
    uint8_t *name;
    uint8_t name_size;
    uint8_t process_size;
    uint8_t *process;
    uint32_t shard;
    enum lock_mode mode;
    uint16_t limit; /* of a counted one */
    enum lock_policy policy;
    uint32_t ttl_ms;         /* under `expire` */
    struct scope_word *word; /* under `action`, in the arena; else NULL */
    bool try;
    bool head;
    uint8_t data_size;
    uint8_t *data;
    uint64_t expect;
    bool unclean; /* dropped because what acted under it died or was stopped */
    bool counted; /* it is one of the operations that need standing (F7) */
    bool warned;  /* its client was told that it is at risk */
    bool lost;    /* its client was told so, or will be */
    bool granted;
    bool waited;  /* under `expire`: its client was told that it waits, or is told soon */
    bool unheard; /* loaded: no client was told that it is held, nor was it seen to be */
    bool gone;    /* the coordinator confirmed that it holds nothing of it any more */
    uint64_t handle;
    uint64_t drop_handle;
    uint64_t token;
    struct asker_change change; /* HELD */
    uint64_t lsn;               /* of the record that its next answer rests on */
    uint64_t held_lsn;          /* if it waited: of the one that says that it is held */
    struct instant deadline;
    /* Its lease (renewing.h). */
    struct instant from; /* it is believed since then */
    bool believed;
    bool leased;                     /* in the list of its shard */
    bool keeping;                    /* its coordinator is asked whether it is held still */
    bool anew;                       /* asked for once more, since its grant was old */
    struct ballot waited_under;      /* the last word that it waits, */
    uint64_t waited_sent;            /*   to a request sent then, */
    uint64_t waited_token;           /*   and the last token given out by then */
    uint32_t lease_prev, lease_next; /* of its shard */
    struct delegation local;         /* delegating.h */
    uint8_t busy;                    /* how often a try was refused, and tried again */
    /* Asking. */
    struct instant send_at;
    struct span wait;
    struct instant poked;    /* the cohort was asked for a sign of life; ns 0: not since then */
    struct instant answered; /* when the present silence began */
    struct instant led;      /* its coordinator said last that it leads, and has no room */
    bool answered_since;     /* a coordinator spoke of it since it was sent last: no silence */
    uint16_t asked;          /* slot asked last */
    uint16_t doubt;
    uint32_t tried; /* mask over the cohort: silent, or sent us away, since the last answer */
    struct ballot named;
    uint32_t attempts;                           /* since the last answer */
    uint32_t redirects;                          /* since the last timer */
    struct provisional *provisional;             /* in the arena; NULL: none (provisional.h) */
    uint32_t provisional_prev, provisional_next; /* of those that keep one */
    /* What is owed to the client. */
    uint32_t owes;
    enum answer_kind final;
    enum wait_reason reason;
    uint32_t place;
    uint32_t reachable;
    uint16_t coordinator;
    enum lock_mode blocking_mode;
    enum lost_reason lost_reason;
    struct stale_view stale; /* the dead holder in the way */
    uint8_t *detail;         /* a lock's state as the coordinator told it */
    uint32_t detail_size;
    uint32_t chain;                    /* of the counter's bucket */
    uint32_t prev, next;               /* all, in order of counters */
    uint32_t active_prev, active_next; /* those with a timer */
    bool active;
    uint32_t owed_next; /* those that owe something */
    bool owed;
};

struct hint {
    uint16_t slot; /* who coordinates, as far as known; SLOT_NONE if not */
    struct ballot ballot;
};

struct asker {
    struct core *core;
    struct asker_op *ops;
    uint32_t max;
    uint32_t used; /* ops[0..used) were ever used */
    uint32_t free;
    uint32_t count;
    uint32_t *buckets;
    struct hint *hints; /* by shard */
    struct renewing renewing;
    struct delegating delegating;
    uint32_t first, last; /* all, in order of counters */
    uint32_t active;
    uint32_t provisional; /* first that keeps a provisional grant */
    uint32_t owed_first, owed_last;
    uint32_t told_gone; /* over and told: unmade once these effects are carried out */
    uint64_t next_counter;
    uint64_t reserved; /* counters up to here may be used once reserved_lsn is durable */
    uint64_t reserved_lsn;
    uint64_t usable; /* counters up to here may be used now */
    bool drained;    /* this node takes no new lock (proto/inhibitors.h) */
    struct lock_state scratch;
};

size_t asker_bytes(const struct peer_config *config);
void asker_init(struct asker *a, struct core *core, void *memory);
/* Takes a record of the log; kinds that are not the asker's are ignored. False if there is no room.
 */
bool asker_load(struct asker *a, const struct record *record);
/* A new life: what was held under older ones is no client's of this life, and stays held until that
 * life is proven over. What a client had given up is still dropped: that was acknowledged. */
void asker_end_life(struct asker *a);
/* All is loaded: reserves counters, goes on dropping what was being dropped. */
void asker_start(struct asker *a, struct instant now);
void asker_acquire(struct asker *a, struct instant now, const struct event *event);
void asker_drop(struct asker *a, struct instant now, const struct event *event);
void asker_show(struct asker *a, struct instant now, const struct event *event);
void asker_change(struct asker *a, struct instant now, const struct event *event);
/* A message of types REPLY, BLOCKING, LEASE_KEPT. */
void asker_take(struct asker *a, struct instant now, uint16_t from, const struct message *m);
/* The kernel says that nobody listens at `slot`, or SWIM that it is dead. */
void asker_refused(struct asker *a, struct instant now, uint16_t slot);
void asker_durable(struct asker *a);
/* The log failed: what waits for a record that will never be durable is refused, and given up (L6).
 */
void asker_sync_failed(struct asker *a, struct instant now);
/* Standing was gained: what waited for it is asked now (F7). */
void asker_standing_gained(struct asker *a, struct instant now);
/* Holders are warned that standing is at risk, or told that it is safe again (F7). */
void asker_warn(struct asker *a, bool risk);
/* Locks are lost: for want of standing those whose policy may end this life, by an order all. */
void asker_lost(struct asker *a, struct instant now, enum lost_reason reason);
/* That session of this life is under a certified order: its locks in that scope are lost. */
void asker_lost_session(struct asker *a, struct instant now, const struct scope *scope);
/* A juror voted against this life: it takes no new lock (F2). */
void asker_bound(struct asker *a, struct instant now);
/* An administrator drains this node: it takes no new lock, gives up what it has cached, and tells
 * its holders; or that is over. */
void asker_drain(struct asker *a, struct instant now, bool on);
/* Locks that are held, cached or asked for. */
uint32_t asker_held(const struct asker *a);
/* Something may act under a lock of this node: a client was told of a grant, or perhaps was by an
 * earlier run, and what acts has not been seen to end. */
bool asker_acts(const struct asker *a);
/* Nothing of the present life is held or asked for any more. */
bool asker_holds_nothing(const struct asker *a);
void asker_step(struct asker *a, struct instant now);
struct instant asker_deadline(const struct asker *a);
/* Puts what may be told into core->told. True if more is left for the next time. */
bool asker_tell(struct asker *a);
/* The effects were carried out: what is over and told goes. */
void asker_sweep(struct asker *a);
bool asker_owes_now(const struct asker *a);
/* Whether its client may have been told that it is held, or may be told now. */
bool asker_held_known(const struct asker *a, const struct asker_op *op);
struct asker_op *asker_find(const struct asker *a, uint64_t counter);

#endif
