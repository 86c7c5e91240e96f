/*
 * What is said on stderr while a lock, or a conversion, is waited for: each change once, on a
 * terminal or if it is asked for. With `verbose` the members are looked at as well, on a connection
 * of its own, so that whoever waits also learns that a holder's node is suspected.
 */
#ifndef CLIENT_WAITING_H
#define CLIENT_WAITING_H

#include "client/command.h"
#include "client/fence_text.h"
#include "client/member_text.h"
#include "client/varlink.h"

enum { WAITING_SUBJECT_SIZE = 320 };

struct waiting {
    const struct cli *cli;
    bool verbose;
    json_t *holders;     /* who is in the way, as last told; NULL: nobody is */
    struct varlink look; /* for the members; -1 while it is closed */
    long long look_ms;   /* when they are to be looked at again, by waiting_now_ms() */
    char subject[WAITING_SUBJECT_SIZE]; /* of the last reply */
    char line[FENCE_TEXT_LINE_MAX];     /* the last one, with its subject: none is said twice */
    char health[2 * MEMBER_TEXT_MAX];
};

void waiting_begin(struct waiting *w, const struct cli *cli, bool verbose);
void waiting_end(struct waiting *w);

/* A line about waiting for `subject`, a lock's name; said if it is another than the last. */
void waiting_say(struct waiting *w, const char *subject, const char *line);
/* The same, made of a "waiting" reply to Acquire or Convert. */
void waiting_reply(struct waiting *w, const char *subject, const json_t *reply);

/* For how long the caller may sleep, at most `ms` (-1: for ever). */
long long waiting_sleep_ms(const struct waiting *w, long long ms);
/* To be called after that: looks at the members, if it is time. */
void waiting_look(struct waiting *w);

/* Milliseconds of a clock that counts suspend. */
long long waiting_now_ms(void);

#endif
