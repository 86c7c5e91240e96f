/*
 * The agent's clock: CLOCK_BOOTTIME, which counts suspend (timerfd_create(2), clock_gettime(2)),
 * and alarms on it. libevent's own timers do not count suspend, so the loop has one timerfd, armed
 * for the earliest alarm; with no alarm set, nothing wakes.
 */
#ifndef NODE_CLOCK_H
#define NODE_CLOCK_H

#include <stdbool.h>

#include "node/fault.h"
#include "proto/time.h"

struct event_base;
struct event;

struct instant clock_now(void);

/* Embedded in whatever wants to be woken; zero it, then set `ring` and `context`. */
struct alarm {
    void (*ring)(void *context); /* called once, after the alarm was cleared; may set it again */
    void *context;
    struct instant at;
    bool set;
    struct alarm *next, *prev; /* the clock's */
};

struct clock {
    int fd;
    struct event *event;
    struct alarm *alarms; /* those that are set, in no order: there are few */
    struct instant armed; /* what the timerfd is set to; INSTANT_NEVER if to nothing */
    struct instant floor; /* alarms are set after this: one that rings cannot ring again at once */
};

bool clock_open(struct clock *clock, struct event_base *base, struct fault *fault);
void clock_close(struct clock *clock);
/* An instant in the past rings in the next turn; INSTANT_NEVER clears. */
void clock_set(struct clock *clock, struct alarm *alarm, struct instant at);
void clock_clear(struct clock *clock, struct alarm *alarm);

#endif
