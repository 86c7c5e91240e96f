/*
 * The observer's books: every name, every operation that a client ever asked for, every value that
 * was ever proposed for a register, and which of these are chosen. Nothing is forgotten during a
 * run.
 *
 * Version order is (ballot, seq). Values of one ballot for one name are a group; a voter that
 * durably accepted seq q of a group counts for every lower seq of it too (L3).
 */
#ifndef SIM_HISTORY_H
#define SIM_HISTORY_H

#include "proto/floor.h"
#include "proto/lock.h"
#include "sim/profile.h"

struct world;
struct machine;
struct change;
struct stamp;
struct writing;

enum {
    NAMES_MAX = 640,
    REGISTERS_MAX = NAMES_MAX + SHARDS_MAX, /* with the shards' floors (L10) */
    NAME_TEXT_SIZE = 24,
    OPS_SLOTS = 1 << 15
};

/* One request of a client, from outside. */
struct op {
    struct op_id id;
    struct machine *machine;
    uint32_t epoch; /* of the machine: with another one, nobody can act for it any more */
    struct name *name;
    enum lock_mode mode; /* asked for; conversions are in `changes` */
    uint16_t limit;      /* of a counted one */
    enum lock_policy policy;
    uint32_t ttl_ms;      /* under `expire` */
    struct scope scope;   /* under `action` */
    struct instant until; /* by its machine's clock: it is believed until then (lease.h) */
    int64_t until_at;     /* the same in virtual time */
    uint64_t until_run;   /* of the agent that said so */
    bool head;            /* it waits before all others */
    uint64_t expect;      /* granted only while the lock's token is this one; 0: whatever it is */
    struct lock_data data;
    struct op *under;      /* whose hold the register has, in which it was let in (delegating.h) */
    uint64_t token_lent;   /* told to the last one that was let in under it */
    int64_t recalled_at;   /* its node heard that somebody waits for it; 0: it did not */
    uint64_t recalled_run; /* of the agent that did */
    int64_t asked_at;
    uint64_t token_floor;        /* highest token of the name told before it was asked for */
    uint64_t chosen_token;       /* of its hold in a chosen state; 0: none yet */
    uint64_t chosen_before;      /* of its hold before that, where it was granted anew */
    const struct value *held_in; /* the first such state */
    uint64_t chosen_changed;     /* the highest counter of a change in a chosen state (L9) */
    bool seen_chosen;            /* it holds or waits in some chosen state */
    bool granted_told;
    uint64_t token_granted; /* told, */
    uint64_t token_told;    /*   and the last one: of a conversion, perhaps */
    int64_t granted_at;     /* told */
    int64_t drop_at;        /* of the first call; 0: none */
    int64_t waits_since;    /* in chosen states; 0 or INT64_MAX: it does not */
    int64_t gone_at;      /* since when no chosen state has it any more; 0: none did, or one does */
    bool drop_called;     /* by the client, or by its driver */
    bool drop_sent;       /* its agent asked a coordinator to drop it, */
    bool drop_clean;      /*   and did not say that it ended uncleanly */
    uint64_t handed_over; /* counter of the last hand-over that its agent has durably */
    struct change *changes; /* of its hold (changes.h); newest first */
    int64_t guest_ended_at;
    int64_t in_way_since; /* since when the first of the queue was seen to wait for its hold; 0: it
                             does not */
    bool broken_counted;
    bool dropped_told;
    bool accepted;  /* ANSWER_ACCEPTED came; states may name it a moment before */
    bool withdrawn; /* a coordinator said that no register has it (L5: on a true state) */
    bool finished;  /* a final answer was told that is no grant, or the hold was dropped */
    int64_t finished_at;
    struct op *older;      /* of the same machine */
    struct op *older_here; /* of the same name */
};

struct value_hold {
    struct op *op;
    enum lock_mode mode;
    uint16_t limit;
    uint64_t token;
    uint64_t changed; /* counter of the last change applied to it (L9) */
};

/* A hold that waits to be converted. */
struct value_convert {
    struct op *op;
    uint64_t change;
    enum lock_mode mode;
    uint16_t limit;
};

struct value {
    struct group *group;
    uint64_t seq;
    uint8_t *bytes; /* the state, as sent */
    size_t size;
    uint64_t token;
    uint64_t generation;
    bool born; /* they are the floor's */
    struct lock_break broken;
    struct lock_mark mark;
    struct change *written; /* what wrote the value block; NULL: nobody */
    bool valid;             /* the value block is, by its own word */
    size_t hold_count;
    size_t convert_count;
    size_t waiter_count;
    struct value_hold *holds;
    struct value_convert *converts;
    struct op **waiters;
    enum lock_mode head_mode; /* of the first waiter, if there is one */
    uint16_t head_limit;
    bool chosen;
    int64_t chosen_at;
};

/* The values of one name under one ballot. */
struct group {
    struct name *name;
    struct ballot ballot;
    struct group *lower;               /* the next lower ballot of the name */
    uint32_t stored_bits;              /* machines that durably accepted something of it */
    uint64_t stored_seq[MACHINES_MAX]; /* the highest */
    bool quorum_seen;                  /* a majority promised this ballot (S6); it stays so */
    struct value **values;             /* ascending by seq */
    size_t count;
    size_t room;
};

struct name {
    uint32_t index; /* in `names`; of a floor NAMES_MAX and its shard */
    char text[NAME_TEXT_SIZE];
    struct view view; /* of text, or of the floor's name */
    struct floor_name floor;
    uint32_t shard;
    uint32_t cohort;                    /* bits of machines */
    struct group *top;                  /* highest ballot */
    struct value *chosen;               /* the highest chosen value; NULL: never touched */
    const struct value *told;           /* the highest that an answer to a client rested on */
    uint64_t token_told;                /* highest told to a client */
    uint64_t token_spare;               /* highest that a node may have handed on by itself */
    uint64_t token_told_of[LOCK_MODES]; /* the same, for each mode */
    int64_t busy_until;       /* when the chosen state was last one with holders or waiters */
    struct op *ops;           /* newest first */
    struct look *looks;       /* what else was told of it (linear.h); newest first */
    struct writing *writings; /* when guests acted in modes that write (guest.h); newest first */
    struct stamp *stamps;     /* that were told (check_s07_stamps.c) */
    bool jammed; /* somebody whose store is lost held it or waited: it may stay so for ever */
};

struct history {
    struct name *names[NAMES_MAX];
    size_t name_count;
    struct name *floors[SHARDS_MAX]; /* by shard; no client ever asks for them */
    struct op **ops;                 /* OPS_SLOTS, open addressing */
    size_t op_count;
    struct change **writes; /* by serial, from 1 */
    size_t write_count;
    size_t write_room;
};

void history_open(struct world *w);
/* A name that was never used. NULL if there are no more. */
struct name *history_name_new(struct world *w);
/* The same, called so; `text` is shorter than NAME_TEXT_SIZE. */
struct name *history_name_called(struct world *w, const char *text);
/* Fails the run if nobody ever used that name. */
struct name *history_name(struct world *w, struct view text);
static inline bool history_is_floor(const struct name *name)
{
    return name->index >= NAMES_MAX;
}
/* All that may be in a register: start with *cursor = 0; NULL at the end. */
struct name *history_next(const struct history *h, size_t *cursor);

/* Whether the chosen state has a holder of an earlier boot of its machine, and somebody could have
 * to wait for it: so not of one in NL. */
bool history_stale(const struct name *name);

/* A client's call got this id. Fails the run if it was given out before (L9). */
struct op *history_op_accepted(struct world *w, struct op_id id);
/* The operation of a request or a state about this name; it may be a moment ahead of its own
 * ANSWER_ACCEPTED. Fails the run if no client asked for it. */
struct op *history_op_named(struct world *w, struct name *name, struct op_id id);
struct op *history_op(struct world *w, struct op_id id); /* NULL if nobody asked for it */

/* Its hold in that state, and the conversion that this waits for; NULL if there is none. */
const struct value_hold *history_hold(const struct value *v, const struct op *op);
const struct value_convert *history_convert(const struct value *v, const struct op *op);
/* Its place in the queue of that state, from 0; -1 if it does not wait. */
int history_waits(const struct value *v, const struct op *op);
int value_compare(const struct value *a, const struct value *b);
/* The value, new or known. Fails the run if it is another one than was known (S3). */
struct value *history_value(struct world *w, struct view name, struct ballot ballot, uint64_t seq,
                            struct view state);
/* "n3/7.4" for traces: ballot's slot and round, seq. Static, overwritten by the fourth call from
 * here. */
const char *value_text(const struct value *v);

#endif
