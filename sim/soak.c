/* The long run: see soak.h. */
#include "sim/soak.h"

#include "proto/must.h"
#include "sim/live.h"

#include <signal.h>
#include <stdio.h>
#include <time.h>

static const int64_t second = 1000000000;
static const int64_t tell_every = 10 * 1000000000LL;

static volatile sig_atomic_t stopped;

static void stop(int signal_number)
{
    (void)signal_number;
    stopped = 1;
}

static int64_t real_now(clockid_t clock)
{
    struct timespec t;
    int failed = clock_gettime(clock, &t);
    must(!failed);
    return t.tv_sec * second + t.tv_nsec;
}

void soak_begin(struct soak *s, struct jobs *jobs, bool seed_given)
{
    /* The seeds' processes inherit it and go on: the terminal's SIGINT reaches them too. */
    struct sigaction action = {.sa_handler = stop};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    s->on = true;
    s->began_ns = s->told_ns = real_now(CLOCK_MONOTONIC);
    if (!seed_given) /* two soaks a second apart have a thousand seeds of their own each */
        jobs->first_seed = (uint64_t)(real_now(CLOCK_REALTIME) / second) * 1000;
    jobs->seeds = UINT64_MAX - jobs->first_seed;
    printf("soak from seed %llu on; SIGINT ends it\n", (unsigned long long)jobs->first_seed);
    fflush(stdout);
}

/* The worst of each, in the units of live.h. */
static void print_worst(const struct live *live)
{
    const char *between = "; worst";
    for (int kind = 0; kind < LIVE_KINDS; kind++) {
        if (live->judged[kind] == 0)
            continue;
        printf("%s %s %lld %s", between, live_id((enum live_kind)kind),
               (long long)live->worst[kind], live_unit((enum live_kind)kind));
        between = ",";
    }
}

bool soak_goes_on(struct soak *s, const struct soak_state *state)
{
    int64_t now = real_now(CLOCK_MONOTONIC);
    if (!s->on || (now - s->told_ns < tell_every && !stopped))
        return !stopped;
    uint64_t spent_ms = (uint64_t)((now - s->began_ns) / 1000000) + 1;
    s->told_ns = now;
    printf("%llu s: %llu seeds, %llu simulated hours, %llu seeds and %llu events a second, "
           "%llu failures",
           (unsigned long long)(spent_ms / 1000), (unsigned long long)state->seeds,
           (unsigned long long)(state->seconds / 3600),
           (unsigned long long)(state->seeds * 1000 / spent_ms),
           (unsigned long long)(state->events * 1000 / spent_ms),
           (unsigned long long)state->failures);
    print_worst(state->live);
    putchar('\n');
    fflush(stdout);
    return !stopped;
}
