/*
 * The locks that one `holdfast lock` asks for and holds: one, or with -a several, in the order in
 * which they were named. What the API replied to Acquire or AcquireAll, made the same for both.
 */
#ifndef CLIENT_HELD_H
#define CLIENT_HELD_H

#include <stdbool.h>
#include <stddef.h>

#include <jansson.h>

enum {
    HELD_MAX = 32,     /* as many as AcquireAll takes */
    HELD_ID_SIZE = 64, /* "SLOT.LIFE.COUNTER" and NUL */
};

struct held_lock {
    const char *name;
    char hold[HELD_ID_SIZE];
    unsigned long long token;
    json_t *unclean;  /* the API's type Mark, or null; the reply's own */
    json_t *value;    /* the API's type Value, or null; the reply's own */
    bool passed;      /* it was handed over, and is held no more */
    bool at_risk;     /* it was said to be, and not to be safe since */
    long long end_ms; /* under `expire`: held until then for sure (lease.h) */
};

struct held {
    bool several; /* asked for with -a: also if it is one */
    size_t count;
    struct held_lock locks[HELD_MAX];
    json_t *reply; /* NULL: they are not held (yet) */
};

/* A name that is there twice, or NULL. */
const char *held_twice(const struct held *held);
/* Takes the last reply to Acquire or AcquireAll, which is stolen. False if it is not about these
 * locks; then they count as not held. */
bool held_take(struct held *held, json_t *reply);
void held_drop(struct held *held);
/* The lock of a hold, or NULL if it is none of these. */
struct held_lock *held_find(struct held *held, const char *hold);
/* Of one reply: the name of the lock that it is about. NULL if it names none and there are several.
 */
const char *held_subject(const struct held *held, const json_t *reply);
/* Of each lock, "name", "hold", "token", "unclean", "value" and "passed": into `out` itself if it
 * is one, else as a list "locks". */
void held_print(const struct held *held, json_t *out);

#endif
