/* The command `holdfast-sim fencing`: options in, tables out. What is played is fleet_plays.c's. */
#include "proto/must.h"
#include "proto/timing.h"
#include "sim/cmd.h"
#include "sim/fleet_plays.h"
#include "sim/world.h"

#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { TRIALS_MAX = 1000, NODES_LEAST = 3 };

struct fencing_options {
    struct fleet_options fleet;
    const char *play; /* NULL: all */
    size_t trials;
};

static const char fencing_usage[] =
    "usage: holdfast-sim fencing [options]\n"
    "  --nodes N        whole peers (default 5, at most 1000)\n"
    "  --play NAME      passing: a holder's machine dies; idle: nothing happens, and what that\n"
    "                   costs; starved: agents without CPU;\n"
    "                   blips: cuts of half the detection target to a sixth more than that;\n"
    "                   switch: a rack's switch is down for 90 s (default: all)\n"
    "  --trials N       of each row (default 10)\n"
    "  --device MS      that off and status take (default 3000)\n"
    "  --watchdogs      in the place of devices; for passing and idle\n"
    "  --loss P         of a thousand datagrams are lost (default 0)\n"
    "  --seed N         (default 1)\n"
    "  --trace          votes, orders and executors, as they come\n"
    "exit code: 11 if a lock did not pass on, a healthy node was ordered fenced, a minority "
    "ordered\n"
    "  anything, or a cut shorter than the detection target cost a lock, or a vote\n";

static _Noreturn void fencing_refuse(void)
{
    fputs(fencing_usage, stderr);
    exit(EXIT_USAGE);
}

static uint64_t number(const char *text, uint64_t low, uint64_t high)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || v < low || v > high)
        fencing_refuse();
    return v;
}

static const struct option fencing_options[] = {
    {"nodes", required_argument, NULL, 'n'},  {"play", required_argument, NULL, 'p'},
    {"trials", required_argument, NULL, 't'}, {"device", required_argument, NULL, 'd'},
    {"watchdogs", no_argument, NULL, 'w'},    {"loss", required_argument, NULL, 'l'},
    {"seed", required_argument, NULL, 's'},   {"trace", no_argument, NULL, 'T'},
    {"help", no_argument, NULL, 'h'},         {NULL, 0, NULL, 0},
};

static void take(struct fencing_options *o, int c)
{
    static const char *const plays[] = {"passing", "idle", "starved", "blips", "switch"};
    bool known = c != 'p';
    for (size_t i = 0; i < sizeof plays / sizeof plays[0] && !known; i++)
        known = strcmp(optarg, plays[i]) == 0;
    if (!known || c == '?')
        fencing_refuse();
    if (c == 'n')
        o->fleet.nodes = number(optarg, NODES_LEAST, FLEET_NODES_MAX);
    else if (c == 'p')
        o->play = optarg;
    else if (c == 't')
        o->trials = number(optarg, 1, TRIALS_MAX);
    else if (c == 'd')
        o->fleet.device = SPAN_MS((int64_t)number(optarg, 10, 9000));
    else if (c == 'l')
        o->fleet.loss_permille = (uint32_t)number(optarg, 0, 900);
    else if (c == 's')
        o->fleet.seed = number(optarg, 0, UINT64_MAX);
    else if (c == 'w')
        o->fleet.watchdogs = true;
    else if (c == 'T')
        o->fleet.trace = true;
}

/* --- Passing --- */

static int by_value(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* Median and worst, in seconds; for people. */
static void print_spans(const char *what, int64_t *values, size_t count)
{
    qsort(values, count, sizeof *values, by_value);
    const int64_t *median = &values[count / 2];
    printf("  %-44s%8.2f%8.2f\n", what, (double)*median / 1e9, (double)values[count - 1] / 1e9);
}

static bool play_passing(struct fleet *f, const struct fencing_options *o)
{
    static int64_t dead[TRIALS_MAX], timers[TRIALS_MAX], order[TRIALS_MAX], adds[TRIALS_MAX],
        receipt[TRIALS_MAX], passed[TRIALS_MAX];
    uint64_t bytes = 0, order_bytes = 0, largest = 0;
    bool good = true;
    for (size_t i = 0; i < o->trials; i++) {
        struct fleet_result r;
        struct fleet_trial t = {.number = i};
        if (!fleet_try(f, fleet_play_passing, &t, &r) || r.passed < 0) {
            printf("  trial %zu: the lock did not pass on\n", i);
            good = false;
            continue;
        }
        dead[i] = r.dead, timers[i] = r.timers, order[i] = r.order, receipt[i] = r.receipt;
        passed[i] = r.passed, adds[i] = r.order - r.timers;
        if (o->fleet.trace)
            printf("  trial %zu: certified %.2f s after those timers, passed on after %.2f s\n", i,
                   (double)adds[i] / 1e9, (double)r.passed / 1e9);
        bytes = r.bytes > bytes ? r.bytes : bytes;
        order_bytes = r.order_bytes > order_bytes ? r.order_bytes : order_bytes;
        largest = r.largest > largest ? r.largest : largest;
    }
    printf("a holder's machine dies, %zu trials; s after that        median   worst\n", o->trials);
    print_spans("held dead by the first", dead, o->trials);
    print_spans("the timers of q jurors have ended", timers, o->trials);
    print_spans("the order is certified", order, o->trials);
    print_spans("  that is so long after those timers", adds, o->trials);
    print_spans("a receipt is known", receipt, o->trials);
    print_spans("the next one holds the lock", passed, o->trials);
    printf("  the certificate (%llu bytes) and its story: %.0f bytes x N at most; with "
           "accusations, votes,\n"
           "  executors and the proof of the end %.0f bytes x N\n",
           (unsigned long long)largest, (double)order_bytes / (double)f->o.nodes,
           (double)bytes / (double)f->o.nodes);
    return good;
}

/* --- Idle --- */

static size_t resident_bytes(void)
{
    unsigned long long pages = 0;
    FILE *file = fopen("/proc/self/statm", "r");
    if (file && fscanf(file, "%*u %llu", &pages) != 1)
        pages = 0;
    if (file)
        fclose(file);
    return (size_t)pages * (size_t)sysconf(_SC_PAGESIZE);
}

static bool play_idle(struct fleet *f)
{
    static const struct span length = SPAN_MS(20000);
    struct fleet_trial t = {.length = length, .gap = SPAN_MS(300000)};
    struct fleet_result r;
    double nodes = (double)f->o.nodes, seconds = (double)length.ns / 1e9;
    if (!fleet_try(f, fleet_play_idle, &t, &r))
        return false;
    printf("nobody holds anything, 20 s; of a node and second     mean    most\n"
           "  wakeups                                     %8.1f%8.1f\n"
           "  datagrams sent                              %8.1f%8.1f\n"
           "  CPU of the protocol, us                     %8.1f\n"
           "  the same of a wakeup, us                    %8.2f\n"
           "  memory that a node has touched, KB          %8.0f\n",
           (double)r.turns / nodes / seconds, (double)r.turns_most / seconds,
           (double)r.sent / nodes / seconds, (double)r.sent_most / seconds,
           (double)r.cpu / nodes / seconds / 1e3, (double)r.cpu / (double)r.turns / 1e3,
           (double)resident_bytes() / nodes / 1024);
    return true;
}

/* --- Trouble --- */

static struct fleet_result sum(struct fleet *f, const struct fencing_options *o, fleet_play play,
                               struct fleet_trial t)
{
    struct fleet_result all = {0};
    for (size_t i = 0; i < o->trials; i++) {
        struct fleet_result r;
        t.number = i;
        bool played = fleet_try(f, play, &t, &r);
        must(played);
        all.votes += r.votes, all.votes_well += r.votes_well, all.orders += r.orders;
        all.orders_well += r.orders_well, all.orders_minority += r.orders_minority;
        all.lost += r.lost, all.at_risk += r.at_risk, all.passes += r.passes;
        all.kills = r.kills > all.kills ? r.kills : all.kills; /* of one trial, at most */
        all.berths += r.berths;
    }
    return all;
}

/* One node, a part of all, and half of them; in a small fleet some are the same, and are left out.
 */
static size_t portions(const struct fleet *f, size_t part, size_t out[3])
{
    size_t all[3] = {1, f->o.nodes / part, f->o.nodes / 2}, count = 0;
    for (size_t i = 0; i < 3; i++)
        if (count == 0 || all[i] > out[count - 1])
            out[count++] = all[i];
    return count;
}

static bool play_starved(struct fleet *f, const struct fencing_options *o)
{
    static const int64_t stalls[] = {250, 1000, 4000, 16000}, gaps[] = {10, 250};
    size_t some[3], count = portions(f, 4, some);
    bool good = true;
    printf("agents without CPU, 60 s, %zu trials a row\n"
           "  starved   for ms   then ms   votes against others   orders against others   "
           "votes   orders\n",
           o->trials);
    for (size_t i = 0; i < count * 8; i++) {
        struct fleet_trial t = {.some = some[i / 8],
                                .stall = SPAN_MS(stalls[i % 8 / 2]),
                                .gap = SPAN_MS(gaps[i % 2]),
                                .length = SPAN_MS(60000)};
        struct fleet_result r = sum(f, o, fleet_play_starved, t);
        printf("  %7zu%9lld%10lld%23llu%24llu%8llu%9llu\n", t.some, (long long)t.stall.ns / 1000000,
               (long long)t.gap.ns / 1000000, (unsigned long long)r.votes_well,
               (unsigned long long)r.orders_well, (unsigned long long)r.votes,
               (unsigned long long)r.orders);
        good &= r.votes_well == 0 && r.orders_well == 0;
    }
    return good;
}

/* F outlasts any cut shorter than D (inequality.h); beyond it locks are lost, as they should be. */
static bool play_blips(struct fleet *f, const struct fencing_options *o)
{
    static const int64_t twelfths[] = {6, 8, 10, 11, 12, 14};
    size_t some[3], count = portions(f, 3, some);
    bool good = true;
    printf("cuts, D = %u ms, %zu trials a row\n"
           "  cut off   for ms   holders   warned   lost   votes   orders\n",
           f->roster->detect_ms, o->trials);
    for (size_t i = 0; i < count * 6; i++) {
        struct fleet_trial t = {.some = some[i / 6],
                                .stall = SPAN_MS(f->roster->detect_ms * twelfths[i % 6] / 12 - 10)};
        struct fleet_result r = sum(f, o, fleet_play_cut, t);
        printf("  %7zu%9lld%10llu%9llu%7llu%8llu%9llu\n", t.some, (long long)t.stall.ns / 1000000,
               (unsigned long long)r.berths, (unsigned long long)r.at_risk,
               (unsigned long long)r.lost, (unsigned long long)r.votes,
               (unsigned long long)r.orders);
        good &= twelfths[i % 6] > 12 || (r.lost == 0 && r.votes == 0);
    }
    return good;
}

static bool play_switch(struct fleet *f, const struct fencing_options *o)
{
    static const size_t percents[] = {10, 40, 60};
    size_t quorum = roster_juror_quorum(f->roster), jurors = 2 * quorum - 1;
    size_t brake = jurors - quorum < 2 ? jurors - quorum : 2;
    brake = brake > f->o.nodes / 8 ? brake : f->o.nodes / 8;
    bool good = true;
    printf(
        "a rack's switch is down for 90 s, %zu trials a row; b = %zu, so fewer than %zu may be\n"
        "  behind it   ordered   by a minority   switched off at most   holders stopped   passed\n",
        o->trials, brake, 2 * brake);
    for (size_t i = 0; i < 3; i++) {
        struct fleet_trial t = {.some = f->o.nodes * percents[i] / 100, .stall = SPAN_MS(90000)};
        struct fleet_result r = sum(f, o, fleet_play_cut, t);
        printf("  %7zu %%%10llu%16llu%23llu%18llu%9llu\n", percents[i],
               (unsigned long long)r.orders, (unsigned long long)r.orders_minority,
               (unsigned long long)r.kills, (unsigned long long)r.lost,
               (unsigned long long)r.passes);
        good &= r.kills < 2 * brake && r.orders_minority == 0;
    }
    return good;
}

/* --- The command --- */

static bool wanted(const struct fencing_options *o, const char *play)
{
    return !o->play || strcmp(o->play, play) == 0;
}

int cmd_fencing(int argc, char **argv)
{
    static struct fleet f;
    struct fencing_options o = {
        .trials = 10,
        .fleet = {.seed = 1, .nodes = 5, .device = SPAN_MS(3000), .brake = SPAN_MS(600000)}};
    int c;
    while ((c = getopt_long(argc, argv, "h", fencing_options, NULL)) != -1) {
        if (c == 'h') {
            fputs(fencing_usage, stdout);
            return EXIT_CLEAN;
        }
        take(&o, c);
    }
    bool either = o.play && (strcmp(o.play, "passing") == 0 || strcmp(o.play, "idle") == 0);
    if (optind < argc || (o.fleet.watchdogs && !either))
        fencing_refuse();
    must(sodium_init() >= 0);
    if (!fleet_open(&f, &o.fleet)) {
        fputs("holdfast-sim: the nodes do not meet\n", stderr);
        return EXIT_STUCK;
    }
    printf("%zu nodes, D = %u ms, seed %llu, ", o.fleet.nodes, f.roster->detect_ms,
           (unsigned long long)o.fleet.seed);
    if (o.fleet.watchdogs)
        puts("watchdogs and no devices");
    else
        printf("off and status take %lld ms\n", (long long)o.fleet.device.ns / 1000000);
    bool good = !wanted(&o, "passing") || play_passing(&f, &o);
    good &= !wanted(&o, "idle") || play_idle(&f);
    good &= !wanted(&o, "starved") || play_starved(&f, &o);
    good &= !wanted(&o, "blips") || play_blips(&f, &o);
    good &= !wanted(&o, "switch") || play_switch(&f, &o);
    fleet_close(&f);
    return good ? EXIT_CLEAN : EXIT_STUCK;
}
