/*
 * The observer's book of what holders change (L9): each conversion, write, clearing and hand-over
 * that a client ever called for, under which counter its agent asked for it, what came of it, and
 * where in the chain of chosen states it took effect.
 */
#ifndef SIM_CHANGES_H
#define SIM_CHANGES_H

#include "proto/peer.h"
#include "sim/history.h"

struct world;
struct client;

/* As its client was told. */
enum change_end {
    CHANGE_OPEN, /* nothing yet, or never: its agent died, or it gave its hold up first */
    CHANGE_MADE,
    CHANGE_REFUSED, /* the hold is as it was, and stays so */
    CHANGE_UNKNOWN  /* nobody can tell: it may have been made, or be yet */
};

struct change {
    struct op *op; /* whose hold the register has, */
    struct op *by; /*   and whose client called for it: another one under delegation */
    enum change_kind kind;
    uint64_t counter; /* that its agent gave it; 0: it was not asked for yet */
    enum lock_mode mode;
    uint16_t limit;
    struct op *to;       /* TRANSFER */
    uint64_t serial;     /* WRITE: of all writes of a run */
    struct op_id mark;   /* CLEAR: its slot and life, */
    uint64_t mark_token; /*  and its token */
    int64_t called_at;
    int64_t answered_at; /* 0: it was not */
    enum change_end end;
    enum answer_kind answer; /* once it is */
    uint64_t token_floor;    /* highest token of the name told before the call */
    bool shown;   /* WRITE: a chosen state shows it, or what was written over it in the same step */
    bool nothing; /* CONVERT: to the mode that it was told that it has */
    uint64_t token; /* CONVERT: told */
    /* Of chosen states: the first that shows it, and the first in which another value follows. */
    const struct value *in;
    const struct value *over;
    struct change *older; /* of the same hold */
};

/* A client calls for a change of what it holds. */
struct change *changes_call(struct world *w, struct op *by, enum change_kind kind);
/* Whose hold the register has of it: itself, or the one under which it was let in. */
struct op *changes_root(struct op *op);
/* The one that its agent asked for under this counter; NULL: none. */
struct change *changes_find(const struct op *op, uint64_t counter);
/* Whether it was asked for, and its client was not told that it was refused. */
bool changes_may_be(const struct change *c);
/* Whether a hold may have been handed over, and to whom: the first from `c` on, op->changes or a
 * later one; NULL: none. */
struct change *changes_hand_over(struct change *c);
/* The modes, in bits, of conversions of that hold that may come yet, or may have been made without
 * a word to its client. */
uint32_t changes_modes(const struct op *op);
/* Whether some holder of the name may have cleared that mark. */
bool changes_may_clear(const struct name *name, const struct lock_mark *mark);

/* The bytes that write `serial` writes; returns how many, at most LOCK_VALUE_MAX. */
size_t changes_value(uint64_t serial, uint8_t out[LOCK_VALUE_MAX]);
/* Who wrote this value. Fails the run if nobody did (S14). */
struct change *changes_written(struct world *w, struct name *name, const struct lock_value *value);

#endif
