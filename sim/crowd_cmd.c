/* The command `holdfast-sim crowd`: options in, figures out. The run is crowd.c's. */
#include "crypto/roster.h"
#include "proto/must.h"
#include "sim/crowd.h"
#include "sim/world.h"

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>

enum { NODES_MIN = 3 };

/* --- Figures --- */

static uint64_t rate(uint64_t count, int64_t cpu_ns)
{
    return count * 1000 / (uint64_t)(cpu_ns / 1000000 + 1);
}

/* For people; nothing that is simulated comes from a double. */
static double seconds(int64_t ns)
{
    return (double)ns / 1e9;
}

static void print_rates(const struct crowd_cost *c)
{
    printf("  %llu events, %llu a CPU second; %.2f virtual seconds a CPU second\n",
           (unsigned long long)c->events, (unsigned long long)rate(c->events, c->cpu_ns),
           seconds(c->ns) / seconds(c->cpu_ns > 0 ? c->cpu_ns : 1));
}

static void print_after(const char *what, int64_t ns)
{
    if (ns < 0)
        printf("%s never", what);
    else
        printf("%s after %.1f s", what, seconds(ns));
}

static void print_start(const struct crowd_options *o, const struct crowd_figures *f)
{
    const struct crowd_cost *s = &f->start;
    bool all = seconds(s->ns) < CROWD_START_SECONDS;
    double datagrams = (double)s->datagrams / (double)o->nodes;
    double bytes = (double)s->bytes / (double)o->nodes;
    printf("  cold start: %s holds everybody alive after %.1f s, %.1f CPU seconds\n",
           all ? "everybody" : "not everybody", seconds(s->ns), seconds(s->cpu_ns));
    printf("  %.0f datagrams and %.0f bytes a node for it, %.0f and %.0f in a second\n", datagrams,
           bytes, datagrams / seconds(s->ns), bytes / seconds(s->ns));
    print_rates(s);
}

static void print_deaths(const struct crowd_options *o, const struct crowd_figures *f)
{
    if (o->kill == 0)
        return;
    printf("  %zu killed:", o->kill);
    print_after(" suspected", f->suspected_first);
    print_after(", held dead by the first", f->dead_first);
    print_after(", by everybody", f->not_dead ? -1 : f->dead_last);
    putchar('\n');
}

static void print_strike(const struct crowd_options *o, const struct crowd_figures *f)
{
    uint64_t pairs = (uint64_t)o->nodes * o->nodes, untrue = f->wrong + f->not_dead;
    double each = (double)o->nodes * seconds(f->cost.ns);
    printf("  %lld s after %d s of settling: %.2f datagrams and %.0f bytes a node and second\n",
           (long long)o->seconds, CROWD_SETTLE_SECONDS, (double)f->cost.datagrams / each,
           (double)f->cost.bytes / each);
    print_deaths(o, f);
    printf("  %llu false suspicions, %llu false deaths; %llu of %llu pairs disagree with the truth",
           (unsigned long long)f->false_suspicions, (unsigned long long)f->false_deaths,
           (unsigned long long)untrue, (unsigned long long)pairs);
    print_after(f->wrong ? "" : ", none", f->wrong ? -1 : f->agreed_at - f->settled_at);
    putchar('\n');
    print_rates(&f->cost);
}

static void print_figures(const struct crowd_options *o, const struct crowd_figures *f)
{
    printf("crowd of %zu nodes, seed %llu: %.1f bytes a pair of members, hash %016llx\n", o->nodes,
           (unsigned long long)o->seed, (double)f->memory_each / (double)o->nodes,
           (unsigned long long)f->hash);
    if (o->cold)
        print_start(o, f);
    if (o->seconds > 0)
        print_strike(o, f);
}

static void print_crowd_json(const struct crowd_options *o, const struct crowd_figures *f)
{
    printf("{\"nodes\":%zu,\"seed\":%llu,\"seconds\":%lld,\"kill\":%zu,\"cut\":%zu,"
           "\"datagrams\":%llu,\"bytes\":%llu,\"suspected_first_ms\":%lld,\"dead_first_ms\":%lld,"
           "\"dead_last_ms\":%lld,\"false_suspicions\":%llu,\"false_deaths\":%llu,\"wrong\":%llu,"
           "\"not_dead\":%llu,\"bytes_each\":%zu,\"events\":%llu,\"cpu_ms\":%lld",
           o->nodes, (unsigned long long)o->seed, (long long)o->seconds, o->kill, o->cut,
           (unsigned long long)f->cost.datagrams, (unsigned long long)f->cost.bytes,
           (long long)(f->suspected_first / 1000000), (long long)(f->dead_first / 1000000),
           (long long)(f->dead_last / 1000000), (unsigned long long)f->false_suspicions,
           (unsigned long long)f->false_deaths, (unsigned long long)f->wrong,
           (unsigned long long)f->not_dead, f->memory_each, (unsigned long long)f->cost.events,
           (long long)(f->cost.cpu_ns / 1000000));
    if (o->cold)
        printf(",\"start_ms\":%lld,\"start_cpu_ms\":%lld,\"start_events\":%llu,"
               "\"start_datagrams\":%llu,\"start_bytes\":%llu",
               (long long)(f->start.ns / 1000000), (long long)(f->start.cpu_ns / 1000000),
               (unsigned long long)f->start.events, (unsigned long long)f->start.datagrams,
               (unsigned long long)f->start.bytes);
    printf("}\n");
}

/* --- The command --- */

static const char crowd_usage[] =
    "usage: holdfast-sim crowd [options]\n"
    "  --nodes N        members (default 1000)\n"
    "  --seconds S      of virtual time, after the start has settled (default 60);\n"
    "                   0: the cold start alone\n"
    "  --kill K         so many die when it has (default 1)\n"
    "  --cut C          so many are cut off then, from the others but not from each other\n"
    "  --cut-seconds S  for so long (default 30)\n"
    "  --loss P         of a thousand datagrams are lost (default 0)\n"
    "  --cold           all start at once and know the roster alone; until all see all alive\n"
    "  --seed N         (default 1)\n"
    "  --json           figures as one JSON object\n";

static _Noreturn void crowd_refuse(void)
{
    fputs(crowd_usage, stderr);
    exit(EXIT_USAGE);
}

static _Noreturn void crowd_help(void)
{
    fputs(crowd_usage, stdout);
    exit(EXIT_CLEAN);
}

static uint64_t crowd_number(const char *text, uint64_t low, uint64_t high)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);
    if (*text < '0' || *text > '9' || *end != '\0' || v < low || v > high)
        crowd_refuse();
    return v;
}

static const struct option crowd_options[] = {
    {"nodes", required_argument, NULL, 'n'},
    {"seconds", required_argument, NULL, 't'},
    {"kill", required_argument, NULL, 'k'},
    {"cut", required_argument, NULL, 'c'},
    {"cut-seconds", required_argument, NULL, 'C'},
    {"loss", required_argument, NULL, 'l'},
    {"cold", no_argument, NULL, 'o'},
    {"seed", required_argument, NULL, 's'},
    {"json", no_argument, NULL, 'J'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static void crowd_take(struct crowd_options *o, int c)
{
    if (c == 'n')
        o->nodes = crowd_number(optarg, NODES_MIN, ROSTER_NODES_MAX);
    else if (c == 't')
        o->seconds = (int64_t)crowd_number(optarg, 0, 100000);
    else if (c == 'k')
        o->kill = crowd_number(optarg, 0, ROSTER_NODES_MAX);
    else if (c == 'c')
        o->cut = crowd_number(optarg, 0, ROSTER_NODES_MAX);
    else if (c == 'C')
        o->cut_seconds = (int64_t)crowd_number(optarg, 1, 100000);
    else if (c == 'l')
        o->loss_permille = (uint32_t)crowd_number(optarg, 0, 1000);
    else if (c == 's')
        o->seed = crowd_number(optarg, 0, UINT64_MAX);
    else if (c == 'o')
        o->cold = true;
    else if (c == 'J')
        o->json = true;
    else if (c == 'h')
        crowd_help();
    else
        crowd_refuse();
}

static struct crowd_options crowd_parse(int argc, char **argv)
{
    struct crowd_options o = {
        .seed = 1, .nodes = 1000, .kill = 1, .seconds = 60, .cut_seconds = 30};
    int c;
    while ((c = getopt_long(argc, argv, "h", crowd_options, NULL)) != -1)
        crowd_take(&o, c);
    bool crowded = o.kill + o.cut + 2 > o.nodes, long_cut = o.cut && o.cut_seconds >= o.seconds;
    if (optind < argc || crowded || long_cut || (o.seconds == 0 && !o.cold))
        crowd_refuse();
    return o;
}

int crowd_main(int argc, char **argv)
{
    struct crowd_options o = crowd_parse(argc, argv);
    struct crowd_figures f;
    must(sodium_init() >= 0);
    crowd_run(&o, &f);
    if (o.json)
        print_crowd_json(&o, &f);
    else
        print_figures(&o, &f);
    /* With loss somebody is under suspicion at every moment. */
    return f.not_dead || (f.wrong && o.loss_permille == 0) ? EXIT_STUCK : EXIT_CLEAN;
}
