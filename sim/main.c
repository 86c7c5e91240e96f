/*
 * holdfast-sim: runs seeds of the simulator, and tells what broke. See docs/simulator.md.
 */
#include "proto/mutant.h"
#include "sim/cmd.h"
#include "sim/crowd.h"
#include "sim/jobs.h"
#include "sim/members.h"
#include "sim/progress.h"
#include "sim/soak.h"
#include "sim/summary.h"

#include <getopt.h>
#include <sodium.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef HOLDFAST_MUTANTS
int mutant_planted;
#endif

struct tally {
    const char *program;
    struct jobs *jobs;
    bool json;
    int mutant; /* 0: none; else a failure is what is hoped for */
    bool must_break;
    bool stuck_counts; /* no progress is a planted bug caught, too */
    bool coverage;     /* print it */
    bool must_cover;   /* and fail for a cell that was not reached */
    uint64_t done;
    uint64_t failures;
    int code;      /* the worst */
    uint64_t hash; /* of all seeds, in whatever order they ended */
    uint64_t uncovered;
    struct figures sum;
    struct run_result caught; /* the first failure under a mutant */
    struct soak soak;
    struct progress progress;
    bool seed_given;
};

static const char usage[] =
    "usage: holdfast-sim [options]                   clusters and faults drawn from seeds\n"
    "       holdfast-sim run FILE [options]          a scenario in words: timeline, verdict, page\n"
    "       holdfast-sim shrink --seed N [options]   a failing seed becomes a small scenario\n"
    "       holdfast-sim crowd [options]             membership alone, of up to 10,240 nodes\n"
    "       holdfast-sim members [options]           membership beside two others, in experiments\n"
    "       holdfast-sim fencing [options]           figures of fencing, of up to 1,000 whole "
    "peers\n"
    "Each of the last five has a --help of its own. Without one of them:\n"
    "  --seed N              the first seed (default 1)\n"
    "  --seeds N             how many (default 1)\n"
    "  --jobs N              processes at once (default: processors)\n"
    "  --seconds N           virtual seconds of a run (default 220, at least 190)\n"
    "  --profile NAME        only this profile (--profiles lists them)\n"
    "  --scenario NAME       this directed scenario (--scenarios lists them)\n"
    "  --soak                new seeds, from the clock on, until SIGINT; tells how it goes\n"
    "  --must-break          a broken check is what is hoped for; stop at the first\n"
    "  --coverage            print which faults met which phases\n"
    "  --must-cover          the same, and fail for a cell that applies and was not reached\n"
    "  --trace               print the timeline\n"
    "  --check-determinism   run each seed twice and compare\n"
    "  --mutant N            plant bug N (builds with planted bugs) and stop when it is caught\n"
    "  --stuck-counts        with it: a seed without progress has caught it, too\n"
    "  --json                print results as JSON, one object a line\n"
    "exit codes: 0 clean, 10 a check broke, 11 no progress, 12 crashed, 64 wrong options\n";

static void print_command(const struct tally *t, uint64_t seed)
{
    const struct world_options *run = &t->jobs->run;
    printf("  again: %s --seed %llu --seconds %lld", t->program, (unsigned long long)seed,
           (long long)run->seconds);
    if (run->profile >= 0)
        printf(" --profile %s", profile_name((size_t)run->profile));
    if (run->scenario >= 0)
        printf(" --scenario %s", scenario_name((size_t)run->scenario));
    if (t->mutant)
        printf(" --mutant %d", t->mutant);
    printf(" --trace\n");
}

static void print_failure(const struct tally *t, const struct run_result *r)
{
    struct parameters p;
    profile_draw(&p, t->jobs->run.profile, r->seed);
    if (t->jobs->run.scenario >= 0)
        scenario_shape(&p, (size_t)t->jobs->run.scenario);
    printf("seed %llu: %s: %s\n", (unsigned long long)r->seed, r->verdict.check, r->verdict.text);
    profile_print(&p, stdout);
    struct run_result again;
    jobs_again(t->jobs, r->seed, t->jobs->run.text == TRACE_PRINT ? TRACE_PRINT : TRACE_KEEP,
               &again);
    print_command(t, r->seed);
}

/* A planted bug is caught by a broken invariant, or by want of progress where that is its whole
 * harm, at a seed that is clean without it. */
static bool caught(const struct tally *t, const struct run_result *r)
{
    struct run_result without = {0};
    bool stuck = r->verdict.code == EXIT_STUCK && t->stuck_counts;
    if (r->verdict.code != EXIT_BROKEN && !stuck)
        return false;
    if (t->must_break)
        return true;
#ifdef HOLDFAST_MUTANTS
    mutant_planted = 0;
    jobs_again(t->jobs, r->seed, TRACE_HASH_ONLY, &without);
    mutant_planted = t->mutant;
#else
    (void)t;
#endif
    return without.verdict.code == EXIT_CLEAN;
}

static bool take_one(struct tally *t, const struct run_result *r)
{
    t->done++;
    summary_add(&t->sum, &r->figures);
    live_add(&t->sum.live, &r->figures.live, r->seed);
    /* Added up, not chained: seeds end in any order. */
    t->hash += (r->hash ^ r->seed) * UINT64_C(0x9e3779b97f4a7c15);
    if (t->json)
        summary_print_run_json(r, stdout);
    if (r->verdict.code != EXIT_CLEAN) {
        if (t->mutant || t->must_break) {
            if (t->failures || !caught(t, r))
                return t->failures == 0;
            t->failures = 1;
            t->caught = *r;
            return false;
        }
        t->failures++;
        if (t->code < r->verdict.code)
            t->code = r->verdict.code;
        if (!t->json)
            print_failure(t, r);
        return t->failures < 20;
    }
    bool covered = t->jobs->run.scenario >= 0 ||
                   (r->figures.crashes && r->figures.cuts && r->figures.takeovers);
    if (!covered && t->uncovered++ < 10 && !t->json)
        printf("seed %llu: no %s\n", (unsigned long long)r->seed,
               !r->figures.crashes ? "crash"
               : !r->figures.cuts  ? "cut"
                                   : "take-over");
    return true;
}

static bool take(void *context, const struct run_result *r)
{
    struct tally *t = context;
    if (r->verdict.code != EXIT_CLEAN)
        progress_end(&t->progress); /* something will be said of it */
    bool go_on = take_one(t, r);
    if (!t->soak.on && !t->json)
        progress_tell(&t->progress, t->done, t->jobs->seeds, t->failures);
    return soak_goes_on(&t->soak, &(struct soak_state){.seeds = t->done,
                                                       .seconds = t->sum.seconds,
                                                       .events = t->sum.events,
                                                       .failures = t->failures,
                                                       .live = &t->sum.live}) &&
           go_on;
}

static void print_sum(const struct tally *t)
{

    struct summary summary = {.seeds = t->done,
                              .failures = t->failures,
                              .missed = t->uncovered,
                              .hash = t->hash,
                              .coverage = t->coverage,
                              .sum = &t->sum};
    if (t->json)
        summary_print_json(&summary, stdout);
    else
        summary_print(&summary, stdout);
}

static int must_break_verdict(const struct tally *t)
{
    const char *profile = profile_name((size_t)t->jobs->run.profile);
    if (t->failures == 0)
        printf("sim: 0 passed, 1 failed: %s broke nothing in %llu seeds: the observer is blind\n",
               profile, (unsigned long long)t->done);
    else
        printf("sim: 1 passed, 0 failed: %s breaks %s at seed %llu: %s\n", profile,
               t->caught.verdict.check, (unsigned long long)t->caught.seed, t->caught.verdict.text);
    return t->failures == 0;
}

static int mutant_verdict(const struct tally *t)
{
    if (t->failures == 0) {
        printf("mutant %d was not caught in %llu seeds\n", t->mutant, (unsigned long long)t->done);
        return 1;
    }
    printf("mutant %d caught by %s at seed %llu after %llu seeds: %s\n", t->mutant,
           t->caught.verdict.check, (unsigned long long)t->caught.seed, (unsigned long long)t->done,
           t->caught.verdict.text);
    return 0;
}

/* A whole number of the command line, or the end. */
static uint64_t number(const char *option, const char *text, uint64_t low, uint64_t high)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0' && v >= low && v <= high)
        return v;
    fprintf(stderr, "holdfast-sim: --%s: \"%s\" is not a number from %llu to %llu\n", option, text,
            (unsigned long long)low, (unsigned long long)high);
    exit(EXIT_USAGE);
}

static int profile_option(const char *text)
{
    int index = profile_find(text);
    if (index >= 0)
        return index;
    fprintf(stderr, "holdfast-sim: there is no profile \"%s\"; see --profiles\n", text);
    exit(EXIT_USAGE);
}

static _Noreturn void list_profiles(void)
{
    for (size_t i = 0; i < profile_count(); i++)
        printf("%s%s\n", profile_name(i), profile_apart(i) ? " (only by name)" : "");
    exit(EXIT_CLEAN);
}

static int scenario_option(const char *text)
{
    int index = scenario_find(text);
    if (index >= 0)
        return index;
    fprintf(stderr, "holdfast-sim: there is no scenario \"%s\"; see --scenarios\n", text);
    exit(EXIT_USAGE);
}

static _Noreturn void list_scenarios(void)
{
    for (size_t i = 0; i < scenario_count(); i++) {
        printf("%-14s %s", scenario_name(i), scenario_text(i));
        if (scenario_mutant(i))
            printf("; planted bug %d", scenario_mutant(i));
        putchar('\n');
    }
    exit(EXIT_CLEAN);
}

static void plant(struct tally *t, int mutant)
{
    t->mutant = mutant;
#ifdef HOLDFAST_MUTANTS
    mutant_planted = mutant;
#else
    fprintf(stderr, "holdfast-sim: this build has no planted bugs; use `make V=mutants "
                    "build/mutants/holdfast-sim`\n");
    exit(EXIT_USAGE);
#endif
}

static _Noreturn void refuse_usage(void)
{
    fputs(usage, stderr);
    exit(EXIT_USAGE);
}

static const struct option options[] = {
    {"seed", required_argument, NULL, 's'},
    {"seeds", required_argument, NULL, 'n'},
    {"jobs", required_argument, NULL, 'j'},
    {"seconds", required_argument, NULL, 't'},
    {"profile", required_argument, NULL, 'p'},
    {"profiles", no_argument, NULL, 'P'},
    {"scenario", required_argument, NULL, 'c'},
    {"scenarios", no_argument, NULL, 'C'},
    {"soak", no_argument, NULL, 'k'},
    {"must-break", no_argument, NULL, 'b'},
    {"trace", no_argument, NULL, 'T'},
    {"check-determinism", no_argument, NULL, 'd'},
    {"mutant", required_argument, NULL, 'm'},
    {"json", no_argument, NULL, 'J'},
    {"stuck-counts", no_argument, NULL, 'u'},
    {"coverage", no_argument, NULL, 'v'},
    {"must-cover", no_argument, NULL, 'V'},
    {"help", no_argument, NULL, 'h'},
    {NULL, 0, NULL, 0},
};

/* Which worlds. False: the option is about something else. */
static bool take_world(int c, struct jobs *jobs, struct tally *tally)
{
    switch (c) {
    case 's':
        jobs->first_seed = number("seed", optarg, 0, UINT64_MAX);
        tally->seed_given = true;
        return true;
    case 'n':
        jobs->seeds = number("seeds", optarg, 1, UINT64_MAX);
        return true;
    case 't':
        jobs->run.seconds = (int64_t)number("seconds", optarg, 190, 100000);
        return true;
    case 'p':
        jobs->run.profile = profile_option(optarg);
        return true;
    case 'c':
        jobs->run.scenario = scenario_option(optarg);
        return true;
    case 'm':
        plant(tally, (int)number("mutant", optarg, 1, 999));
        return true;
    default:
        return false;
    }
}

/* How they are run, and what makes the whole fail. */
static bool take_manner(int c, struct jobs *jobs, struct tally *tally)
{
    switch (c) {
    case 'j':
        jobs->processes = (uint32_t)number("jobs", optarg, 1, JOBS_MAX);
        return true;
    case 'k':
        tally->soak.on = true;
        return true;
    case 'b':
        tally->must_break = true;
        return true;
    case 'u':
        tally->stuck_counts = true;
        return true;
    case 'd':
        jobs->check_determinism = true;
        return true;
    default:
        return false;
    }
}

/* What is printed of them. */
static bool take_output(int c, struct jobs *jobs, struct tally *tally)
{
    switch (c) {
    case 'v':
    case 'V':
        tally->coverage = true;
        tally->must_cover |= c == 'V';
        return true;
    case 'T':
        jobs->run.text = TRACE_PRINT;
        return true;
    case 'J':
        tally->json = true;
        return true;
    default:
        return false;
    }
}

/* What is asked for instead of a run. */
static _Noreturn void answer(int c)
{
    if (c == 'P')
        list_profiles();
    if (c == 'C')
        list_scenarios();
    if (c != 'h')
        refuse_usage(); /* getopt's own letters for what it does not know */
    fputs(usage, stdout);
    exit(EXIT_CLEAN);
}

static void parse(int argc, char **argv, struct jobs *jobs, struct tally *tally)
{
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1)
        if (!take_world(c, jobs, tally) && !take_manner(c, jobs, tally) &&
            !take_output(c, jobs, tally))
            answer(c);
    if (optind < argc)
        refuse_usage();
}

int main(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct jobs jobs = {
        .first_seed = 1,
        .seeds = 1,
        .processes = processors < 1 || processors > JOBS_MAX ? 1 : (uint32_t)processors,
        .run = {.profile = -1, .scenario = -1, .seconds = 220, .text = TRACE_HASH_ONLY},
        .take = take,
    };
    struct tally tally = {.program = argv[0],
                          .jobs = &jobs,
                          .sum = {.margin = INT64_MAX, .silence_margin = INT64_MAX}};
    jobs.context = &tally;
    if (sodium_init() < 0) {
        fprintf(stderr, "holdfast-sim: libsodium does not start\n");
        return EXIT_MUST;
    }
    if (argc > 1 && strcmp(argv[1], "crowd") == 0)
        return crowd_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "members") == 0)
        return members_main(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "run") == 0)
        return cmd_run(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "fencing") == 0)
        return cmd_fencing(argc - 1, argv + 1);
    if (argc > 1 && strcmp(argv[1], "shrink") == 0)
        return cmd_shrink(argc - 1, argv + 1);
    parse(argc, argv, &jobs, &tally);
    if (tally.soak.on)
        soak_begin(&tally.soak, &jobs, tally.seed_given);
    jobs_run(&jobs);
    progress_end(&tally.progress);
    if (tally.mutant)
        return mutant_verdict(&tally);
    if (tally.must_break && jobs.run.profile >= 0)
        return must_break_verdict(&tally);
    print_sum(&tally);
    if (tally.must_cover && tally.code == EXIT_CLEAN && coverage_missing(&tally.sum.coverage) > 0)
        return 1;
    return tally.code;
}
