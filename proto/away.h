/*
 * Probes that say nothing: those that were sent while their target's agent was on purpose not
 * there, or to a run of it that is over.
 *
 * An agent that restarts under its locks says no `left`, which would hide that a holder is gone
 * (M2). It says AWAY, to those that it has a session with and about itself alone. Whoever was told
 * accuses it of no silence until it speaks again as a new run, or the time is over for which nobody
 * pets its watchdog either (F11): then it is probed as ever. An agent that dies and comes back says
 * nothing; but a new session proves that probes of before went to a run that cannot answer them.
 */
#ifndef PROTO_AWAY_H
#define PROTO_AWAY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/time.h"

/* Who restarts at one time. A new one takes the place of the oldest, which is then accused as if
 * it had said nothing. */
enum { AWAY_MAX = 16 };

struct away {
    size_t next;
    struct {
        bool used;
        uint16_t member; /* index into the roster */
        struct instant until;
    } table[AWAY_MAX];
};

/* Probes to `member` that are sent before `until` say nothing; never less than was said before. */
void away_note(struct away *a, uint16_t member, struct instant until);
/* It is back: those of before `now` still say nothing. */
void away_end(struct away *a, uint16_t member, struct instant now);
bool away_excuses(const struct away *a, uint16_t member, struct instant sent);

#endif
