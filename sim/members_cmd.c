/* The command `holdfast-sim members`: options in, a row for each figure out. */
#include "proto/must.h"
#include "sim/members.h"
#include "sim/world.h"

#include <getopt.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const char *const mode_names[MEMBERS_MODES] = {"holdfast", "swim", "memberlist"};
static const char *const experiment_names[MEMBERS_EXPERIMENTS] = {
    "crash", "interval", "starved", "split", "storm", "start", "bytes"};
static const char *const storm_names[] = {"crashes", "one-way", "loss"};

static const char usage[] =
    "usage: holdfast-sim members --experiment NAME [options]\n"
    "  --experiment NAME   crash, interval, starved, split, storm, start or bytes\n"
    "  --mode NAME         holdfast (default), swim or memberlist\n"
    "  --nodes N           3 to 10240 (default 100)\n"
    "  --seed N            the first seed (default 1)\n"
    "  --seeds K           worlds, one after another (default 10)\n"
    "  --loss N            datagrams lost, of a thousand (default 10)\n"
    "  --part N            split: percent on the smaller side (50); starved: only this percentage\n"
    "  --held SECONDS      split: how long (30); starved: only this length\n"
    "  --storm NAME        crashes (default), one-way or loss\n"
    "  --json              one object a figure and line\n"
    "exit codes: 0 done, 11 something that must end did not, 64 wrong options\n";

static const struct option options[] = {
    {"experiment", required_argument, NULL, 'e'},
    {"mode", required_argument, NULL, 'm'},
    {"nodes", required_argument, NULL, 'n'},
    {"seed", required_argument, NULL, 's'},
    {"seeds", required_argument, NULL, 'k'},
    {"loss", required_argument, NULL, 'l'},
    {"part", required_argument, NULL, 'p'},
    {"held", required_argument, NULL, 'H'},
    {"storm", required_argument, NULL, 't'},
    {"json", no_argument, NULL, 'j'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

static _Noreturn void refuse(void)
{
    fputs(usage, stderr);
    exit(EXIT_USAGE);
}

static uint64_t number(const char *text, uint64_t low, uint64_t high)
{
    char *after;
    unsigned long long v = strtoull(text, &after, 10);
    if (*text < '0' || *text > '9' || *after || v < low || v > high)
        refuse();
    return v;
}

static size_t name(const char *text, const char *const *names, size_t count)
{
    for (size_t i = 0; i < count; i++)
        if (strcmp(text, names[i]) == 0)
            return i;
    refuse();
}

static void take_option(struct members_play *p, int c)
{
    switch (c) {
    case 'e':
        p->experiment =
            (enum members_experiment)name(optarg, experiment_names, MEMBERS_EXPERIMENTS);
        break;
    case 'm':
        p->mode = (enum members_mode)name(optarg, mode_names, MEMBERS_MODES);
        break;
    case 'n':
        p->nodes = number(optarg, 3, ROSTER_NODES_MAX);
        break;
    case 's':
        p->seed = number(optarg, 0, UINT64_MAX);
        break;
    case 'k':
        p->seeds = number(optarg, 1, 100000);
        break;
    case 'l':
        p->loss_permille = (uint32_t)number(optarg, 0, 999);
        break;
    case 'p':
        p->part = (uint32_t)number(optarg, 1, 50);
        break;
    case 'H':
        p->held = (int64_t)number(optarg, 1, 1000000) * 1000000000;
        break;
    case 't':
        p->part = (uint32_t)name(optarg, storm_names, 3);
        break;
    case 'h':
        fputs(usage, stdout);
        exit(EXIT_CLEAN);
    default:
        refuse();
    }
}

static int compare(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The smallest sample that `permille` of all are not above. */
static int64_t quantile(const struct members_figure *f, size_t permille)
{
    size_t rank = (f->count * permille + 999) / 1000;
    return f->count ? f->samples[rank ? rank - 1 : 0] : -1;
}

static void print_figure(const struct members_play *p, struct members_figure *f, bool json)
{
    int64_t sum = 0;
    qsort(f->samples, f->count, sizeof *f->samples, compare);
    for (size_t i = 0; i < f->count; i++)
        sum += f->samples[i];
    printf(json ? "{\"mode\":\"%s\",\"experiment\":\"%s\",\"nodes\":%zu,\"figure\":\"%s\","
                  "\"unit\":\"%s\",\"samples\":%zu,\"never\":%zu,\"p50\":%lld,\"p99\":%lld,"
                  "\"max\":%lld,\"sum\":%lld}\n"
                : "%-10s %-8s %6zu  %-26s %-5s %6zu %5zu  %9lld %9lld %9lld %12lld\n",
           mode_names[p->mode], experiment_names[p->experiment], p->nodes, f->name, f->unit,
           f->count, f->never, (long long)quantile(f, 500), (long long)quantile(f, 990),
           (long long)quantile(f, 1000), (long long)sum);
}

static void progress(const struct members_play *p, uint64_t done)
{
    fprintf(stderr, "\r%s %s, %zu nodes: %llu of %llu", mode_names[p->mode],
            experiment_names[p->experiment], p->nodes, (unsigned long long)done,
            (unsigned long long)p->seeds);
    if (done == p->seeds)
        fputs("\r\033[K", stderr);
}

int members_main(int argc, char **argv)
{
    struct members_play p = {.experiment = MEMBERS_EXPERIMENTS,
                             .nodes = 100,
                             .seed = 1,
                             .seeds = 10,
                             .loss_permille = 10};
    bool json = false, never = false;
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 'j')
            json = true;
        else
            take_option(&p, c);
    }
    if (optind < argc || p.experiment == MEMBERS_EXPERIMENTS)
        refuse();
    must(sodium_init() >= 0);
    if (isatty(STDERR_FILENO))
        p.progress = progress;
    members_play(&p);
    if (!json)
        printf("%-10s %-8s %6s  %-26s %-5s %6s %5s  %9s %9s %9s %12s\n", "mode", "of", "nodes",
               "figure", "unit", "count", "never", "p50", "p99", "max", "sum");
    for (size_t i = 0; i < p.figure_count; i++) {
        print_figure(&p, &p.figures[i], json);
        never |= p.figures[i].never > 0;
        free(p.figures[i].samples);
    }
    return never ? EXIT_STUCK : EXIT_CLEAN;
}
