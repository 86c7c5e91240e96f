/* The agent's clock: one timerfd on CLOCK_BOOTTIME for all alarms of the loop. */
#include "node/clock.h"

#include <errno.h>
#include <string.h>
#include <sys/timerfd.h>
#include <time.h>
#include <unistd.h>

#include <event2/event.h>
#include <utlist.h>

#include "proto/must.h"

enum {
    NS_PER_S = 1000000000,
    CLOCK_RINGS_MAX = 64 /* in one turn of the loop: then its sockets have theirs */
};

struct instant clock_now(void)
{
    struct timespec t;
    must(clock_gettime(CLOCK_BOOTTIME, &t) == 0);
    return (struct instant){(int64_t)t.tv_sec * NS_PER_S + t.tv_nsec};
}

static struct instant clock_earliest(const struct clock *clock)
{
    struct instant earliest = INSTANT_NEVER;
    const struct alarm *a;
    DL_FOREACH(clock->alarms, a)
    earliest = instant_earlier(earliest, a->at);
    return earliest;
}

static void clock_arm(struct clock *clock)
{
    struct instant at = clock_earliest(clock);
    if (at.ns == clock->armed.ns)
        return;
    struct itimerspec spec = {0}; /* all zero disarms */
    if (at.ns != INSTANT_NEVER.ns) {
        int64_t ns = at.ns > 0 ? at.ns : 1;
        spec.it_value.tv_sec = ns / NS_PER_S;
        spec.it_value.tv_nsec = ns % NS_PER_S;
    }
    must(timerfd_settime(clock->fd, TFD_TIMER_ABSTIME, &spec, NULL) == 0);
    clock->armed = at;
}

/* Rings what is due, in the order in which it was set; what is too much for one turn rings in the
 * next. Each ring may set and clear any alarm, so the search starts anew after each. */
static void clock_ring(evutil_socket_t fd, short what, void *context)
{
    (void)what;
    struct clock *clock = context;
    uint64_t expirations;
    if (read(fd, &expirations, sizeof expirations) < 0 && errno == EAGAIN)
        return;
    clock->armed = INSTANT_NEVER;
    struct instant now = clock_now();
    clock->floor = instant_after(now, (struct span){1});
    for (int rung = 0; rung < CLOCK_RINGS_MAX; rung++) {
        struct alarm *a;
        DL_FOREACH(clock->alarms, a)
        if (instant_reached(now, a->at))
            break;
        if (!a)
            break;
        clock_clear(clock, a);
        a->ring(a->context);
    }
    clock_arm(clock);
}

bool clock_open(struct clock *clock, struct event_base *base, struct fault *fault)
{
    *clock = (struct clock){.armed = INSTANT_NEVER};
    clock->fd = timerfd_create(CLOCK_BOOTTIME, TFD_NONBLOCK | TFD_CLOEXEC);
    if (clock->fd < 0)
        return fault_set(fault, FAULT_OTHER, "timerfd: %s", strerror(errno));
    clock->event = event_new(base, clock->fd, EV_READ | EV_PERSIST, clock_ring, clock);
    if (!clock->event || event_add(clock->event, NULL) != 0)
        return fault_set(fault, FAULT_OTHER, "timerfd: cannot be added to the loop");
    return true;
}

void clock_close(struct clock *clock)
{
    if (clock->event)
        event_free(clock->event);
    if (clock->fd >= 0)
        close(clock->fd);
    *clock = (struct clock){.armed = INSTANT_NEVER};
}

void clock_set(struct clock *clock, struct alarm *alarm, struct instant at)
{
    if (at.ns == INSTANT_NEVER.ns) {
        clock_clear(clock, alarm);
        return;
    }
    if (at.ns < clock->floor.ns)
        at = clock->floor;
    if (alarm->set && alarm->at.ns == at.ns)
        return;
    if (!alarm->set)
        DL_APPEND(clock->alarms, alarm);
    alarm->set = true;
    alarm->at = at;
    clock_arm(clock);
}

void clock_clear(struct clock *clock, struct alarm *alarm)
{
    if (!alarm->set)
        return;
    DL_DELETE(clock->alarms, alarm);
    alarm->set = false;
    clock_arm(clock);
}
