/*
 * The modes of a lock: the six of VMS and of Linux's DLM, and a counted one.
 *
 * Of the six each says what its holder does with the data and what it lets others do meanwhile (the
 * VMS system services manual, $ENQ; fs/dlm/lock.c, __dlm_compat_matrix):
 *
 *   NL         does nothing, lets others do all: a place that is held, and says so
 *   CR         reads, beside readers and writers
 *   CW         writes, beside readers and writers
 *   PR shared  reads, beside readers
 *   PW         writes, beside readers that allow it (CR)
 *   EX         reads and writes, beside nobody
 *
 * COUNTED is a semaphore: each request carries a limit n, and holds only while at most n holders,
 * itself included, are there, and while that is so by the limit of each other holder too. Beside
 * counted holders only NL may hold.
 */
#ifndef PROTO_LOCK_MODE_H
#define PROTO_LOCK_MODE_H

#include <stdbool.h>
#include <stdint.h>

enum lock_mode {
    LOCK_NL,
    LOCK_CR,
    LOCK_CW,
    LOCK_PR,
    LOCK_PW,
    LOCK_EX,
    LOCK_COUNTED,
    LOCK_MODES,
    LOCK_SHARED = LOCK_PR, /* the same mode by its other name */
    LOCK_EXCLUSIVE = LOCK_EX
};

/* For people: all that lock_mode_parse takes. */
#define LOCK_MODE_NAMES "NL, CR, CW, PR or shared, PW, EX or exclusive, counted"

/* One form for each mode: NL, CR, CW, shared, PW, exclusive, counted. Static. */
const char *lock_mode_text(enum lock_mode mode);
/* Takes these, and the two letters of all six, in either case. */
bool lock_mode_parse(enum lock_mode *out, const char *text);
/* Whether its holder may change the data: its grant raises the generation, its unclean end says
 * that the data may be half written. COUNTED does not: it says how many act, nothing of data. */
bool lock_mode_writes(enum lock_mode mode);
/* Whether holders in these modes may be there together. Of two COUNTED: as far as their limits let
 * them, see lock_fits(). */
bool lock_modes_compatible(enum lock_mode a, enum lock_mode b);
/* Whether whoever may hold beside `a` may hold beside `b` too. */
bool lock_mode_covers(enum lock_mode a, unsigned a_limit, enum lock_mode b, unsigned b_limit);
/* Of bytes from outside: a mode there is, with a limit of 1..LOCK_COUNT_MAX if it is COUNTED, else
 * with none (0). */
bool lock_mode_valid(unsigned mode, unsigned limit);

#endif
