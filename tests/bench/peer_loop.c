#include "tests/bench/peer_loop.h"

#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <event2/event.h>

static struct event_base *base;
static bool interrupted;

static void interrupt(evutil_socket_t signo, short what, void *context)
{
    (void)signo;
    (void)what;
    (void)context;
    interrupted = true;
}

void loop_init(void)
{
    base = event_base_new();
    if (!base) {
        loop_say("no event loop");
        exit(1);
    }
}

void loop_catch_signals(void)
{
    static const int wanted[2] = {SIGINT, SIGTERM};
    for (int i = 0; i < 2; i++) {
        struct event *e = evsignal_new(base, wanted[i], interrupt, NULL);
        if (!e)
            abort();
        event_add(e, NULL);
    }
}

struct event_base *loop_base(void)
{
    return base;
}

bool loop_interrupted(void)
{
    return interrupted;
}

static void set_flag(evutil_socket_t fd, short what, void *flag)
{
    (void)fd;
    (void)what;
    *(bool *)flag = true;
}

bool loop_wait(const bool *flag, int timeout_ms)
{
    bool late = false;
    struct timeval span = {timeout_ms / 1000, timeout_ms % 1000 * 1000};
    struct event *timer = evtimer_new(base, set_flag, &late);
    if (!timer)
        return false;
    evtimer_add(timer, &span);
    while (!*flag && !late && !interrupted)
        event_base_loop(base, EVLOOP_ONCE);
    event_free(timer);
    return *flag;
}

bool loop_run(int span_ms)
{
    static const bool never = false;
    loop_wait(&never, span_ms);
    return !interrupted;
}

int64_t loop_now_ns(void)
{
    struct timespec t;
    clock_gettime(CLOCK_MONOTONIC, &t);
    return t.tv_sec * INT64_C(1000000000) + t.tv_nsec;
}

struct later {
    void (*call)(void *context);
    void *context;
};

static void later_due(evutil_socket_t fd, short what, void *context)
{
    (void)fd;
    (void)what;
    struct later later = *(struct later *)context;
    free(context);
    later.call(later.context);
}

void loop_after(int delay_us, void (*call)(void *context), void *context)
{
    struct timeval span = {delay_us / 1000000, delay_us % 1000000};
    struct later *later = malloc(sizeof *later);
    if (!later)
        abort();
    *later = (struct later){call, context};
    if (event_base_once(base, -1, EV_TIMEOUT, later_due, later, &span) != 0)
        abort();
}

void loop_say(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("bench-peers: ", stderr);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    va_end(arguments);
}
