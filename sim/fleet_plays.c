/* What is played with a fleet: see fleet_plays.h. */
#include "sim/fleet_plays.h"

#include "proto/must.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum { BERTHS_USUAL = 40, PASSING_MS = 90000, AFTER_MS = 30000 };

static int64_t since(int64_t at, int64_t from)
{
    return at ? at - from : -1;
}

static size_t other_than(struct fleet *f, size_t ship)
{
    size_t at = (size_t)random_below(&f->random, f->o.nodes - 1);
    return at < ship ? at : at + 1;
}

static void berth_all(struct fleet *f)
{
    size_t count = f->o.nodes < BERTHS_USUAL ? f->o.nodes : BERTHS_USUAL;
    for (size_t i = 0; i < count; i++) {
        size_t holder = i * f->o.nodes / count;
        fleet_berth(f, holder, other_than(f, holder));
    }
    bool berthed = fleet_berthed(f);
    must(berthed);
}

/* So many of all, at random. */
static void choose(struct fleet *f, size_t some, size_t *chosen)
{
    for (size_t i = 0; i < f->o.nodes; i++)
        f->ships[i].side = 0;
    for (size_t i = 0; i < some; i++) {
        do
            chosen[i] = (size_t)random_below(&f->random, f->o.nodes);
        while (f->ships[chosen[i]].side);
        f->ships[chosen[i]].side = 1;
        f->ships[chosen[i]].well = false;
    }
}

static void add_up(const struct fleet *f, const bool *well, struct fleet_result *out)
{
    for (size_t i = 0; i < f->o.nodes; i++) {
        const struct ship *s = &f->ships[i];
        out->votes += s->votes;
        out->votes_well += s->votes_well;
        out->orders += s->ordered_at != 0;
        out->orders_well += s->ordered_at && well[i];
        out->orders_minority += s->ordered_at && s->votes_larger == 0;
    }
    out->kills = f->kills;
    out->berths = f->berth_count;
    for (size_t i = 0; i < f->berth_count; i++) {
        out->lost += f->berths[i].lost_at != 0;
        out->at_risk += f->berths[i].risk_at != 0;
        out->passes += f->berths[i].passed_at != 0;
    }
}

/* --- Idle --- */

static void print_traffic(const struct fleet *f)
{
    for (int i = 0; i < WIRE_TYPES; i++)
        if (f->traffic[i].count)
            printf("  %-14s%7llu messages%9llu bytes\n", wire_name((enum wire_type)i),
                   (unsigned long long)f->traffic[i].count,
                   (unsigned long long)f->traffic[i].bytes);
}

static int64_t cpu_now(void)
{
    struct timespec t;
    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t);
    return t.tv_sec * fleet_second + t.tv_nsec;
}

void fleet_play_idle(struct fleet *f, const struct fleet_trial *t, struct fleet_result *out)
{
    fleet_run(f, t->gap); /* what is told of the start is told for long */
    fleet_count_anew(f);
    int64_t from = cpu_now();
    fleet_run(f, t->length);
    out->cpu = cpu_now() - from;
    if (f->o.trace)
        print_traffic(f);
    for (size_t i = 0; i < f->o.nodes; i++) {
        const struct ship *s = &f->ships[i];
        out->turns += s->turns, out->sent += s->sent;
        out->turns_most = s->turns > out->turns_most ? s->turns : out->turns_most;
        out->sent_most = s->sent > out->sent_most ? s->sent : out->sent_most;
    }
}

/* --- Passing --- */

static bool first_passed(const struct fleet *f)
{
    return f->berths[0].passed_at != 0;
}

void fleet_play_passing(struct fleet *f, const struct fleet_trial *t, struct fleet_result *out)
{
    (void)t;
    size_t holder = (size_t)random_below(&f->random, f->o.nodes);
    struct ship *s = &f->ships[holder];
    fleet_berth(f, holder, other_than(f, holder));
    bool berthed = fleet_berthed(f);
    must(berthed);
    /* At any moment of a renewal's period, and of the probes'. */
    fleet_run(f, random_span(&f->random, SPAN_MS(3000), SPAN_MS(6000)));
    fleet_count_anew(f);
    int64_t from = f->now;
    fleet_power_off(f, holder);
    fleet_run_until(f, SPAN_MS(PASSING_MS), first_passed);
    out->dead = since(s->dead_first, from);
    out->timers = since(f->timers_at, from);
    out->order = since(s->ordered_at, from);
    out->receipt = since(s->receipt_at, from);
    out->passed = since(f->berths[0].passed_at, from);
    for (int i = 0; i < WIRE_TYPES; i++)
        out->bytes += f->traffic[i].bytes;
    if (f->o.trace)
        print_traffic(f);
    out->order_bytes = f->traffic[WIRE_ORDER].bytes + f->traffic[WIRE_STORY].bytes +
                       f->traffic[WIRE_ORDER_STORED].bytes;
    if (f->traffic[WIRE_ORDER].count)
        out->largest = f->traffic[WIRE_ORDER].bytes / f->traffic[WIRE_ORDER].count;
    bool *well = calloc(f->o.nodes, sizeof *well);
    must(well);
    add_up(f, well, out);
    free(well);
}

/* --- Trouble --- */

static bool *who_is_well(const struct fleet *f)
{
    bool *well = calloc(f->o.nodes, sizeof *well);
    must(well);
    for (size_t i = 0; i < f->o.nodes; i++)
        well[i] = f->ships[i].well;
    return well;
}

void fleet_play_starved(struct fleet *f, const struct fleet_trial *t, struct fleet_result *out)
{
    size_t chosen[FLEET_NODES_MAX];
    berth_all(f);
    choose(f, t->some, chosen);
    bool *well = who_is_well(f);
    int64_t until = f->now + t->length.ns;
    while (f->now < until) {
        for (size_t i = 0; i < t->some; i++)
            fleet_stall(f, chosen[i], true);
        fleet_run(f, t->stall);
        for (size_t i = 0; i < t->some; i++)
            fleet_stall(f, chosen[i], false);
        fleet_run(f, t->gap);
    }
    add_up(f, well, out);
    free(well);
}

void fleet_play_cut(struct fleet *f, const struct fleet_trial *t, struct fleet_result *out)
{
    size_t chosen[FLEET_NODES_MAX];
    berth_all(f);
    fleet_run(f, random_span(&f->random, SPAN_MS(3000), SPAN_MS(6000)));
    choose(f, t->some, chosen);
    bool *well = who_is_well(f);
    f->larger = t->some > f->o.nodes - t->some;
    f->parted = true;
    fleet_run(f, t->stall);
    f->parted = false;
    fleet_run(f, SPAN_MS(AFTER_MS));
    add_up(f, well, out);
    free(well);
}

/* --- In a process of its own --- */

static _Noreturn void play_in_child(struct fleet *f, fleet_play play, const struct fleet_trial *t,
                                    int to)
{
    struct fleet_result result = {0};
    random_init(&f->random, f->o.seed * 1000 + t->number, STREAM_FAULTS);
    play(f, t, &result);
    fflush(stdout);
    _exit(write(to, &result, sizeof result) == sizeof result ? 0 : 1);
}

bool fleet_try(struct fleet *f, fleet_play play, const struct fleet_trial *t,
               struct fleet_result *out)
{
    int ends[2], status;
    fflush(stdout);
    if (pipe(ends) != 0)
        return false;
    pid_t child = fork();
    if (child == 0)
        play_in_child(f, play, t, ends[1]);
    close(ends[1]);
    bool whole = child > 0 && read(ends[0], out, sizeof *out) == sizeof *out;
    close(ends[0]);
    return child > 0 && waitpid(child, &status, 0) == child && whole;
}
