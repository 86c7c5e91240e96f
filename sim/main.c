/*
 * holdfast-sim: runs seeds of the simulator, and tells what broke. See docs/simulator.md.
 */
#include "proto/mutant.h"
#include "sim/jobs.h"

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
    uint64_t done;
    uint64_t failures;
    int code;      /* the worst */
    uint64_t hash; /* of all seeds, in whatever order they ended */
    uint64_t uncovered;
    struct figures sum;
    struct run_result caught; /* the first failure under a mutant */
};

static const char usage[] =
    "usage: holdfast-sim [options]\n"
    "  --seed N              the first seed (default 1)\n"
    "  --seeds N             how many (default 1)\n"
    "  --jobs N              processes at once (default: processors)\n"
    "  --seconds N           virtual seconds of a run (default 160, at least 100)\n"
    "  --profile NAME        only this profile (--profiles lists them)\n"
    "  --scenario NAME       this directed scenario (--scenarios lists them)\n"
    "  --must-break          a broken check is what is hoped for; stop at the first\n"
    "  --trace               print the timeline\n"
    "  --check-determinism   run each seed twice and compare\n"
    "  --mutant N            plant bug N (builds with planted bugs) and stop when it is caught\n"
    "  --json                print results as JSON, one object a line\n";

static void json_text(const char *text)
{
    putchar('"');
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            putchar('\\');
        putchar((unsigned char)*text < ' ' ? ' ' : *text);
    }
    putchar('"');
}

static void print_json(const struct run_result *r)
{
    const struct figures *f = &r->figures;
    printf("{\"seed\":%llu,\"code\":%d,\"check\":\"%s\",\"text\":", (unsigned long long)r->seed,
           r->verdict.code, r->verdict.check);
    json_text(r->verdict.text);
    printf(
        ",\"hash\":\"%016llx\",\"events\":%llu,\"datagrams\":%llu,\"grants\":%llu,\"shows\":%llu,"
        "\"crashes\":%llu,\"cuts\":%llu,\"takeovers\":%llu,\"ghosts\":%llu,\"tears\":%llu,"
        "\"orders\":%llu,\"kills\":%llu,\"strays\":%llu,\"receipts\":%llu,\"ends\":%llu,"
        "\"broken\":%llu}\n",
        (unsigned long long)r->hash, (unsigned long long)f->events,
        (unsigned long long)f->datagrams, (unsigned long long)f->grants,
        (unsigned long long)f->shows, (unsigned long long)f->crashes, (unsigned long long)f->cuts,
        (unsigned long long)f->takeovers, (unsigned long long)f->ghosts,
        (unsigned long long)f->tears, (unsigned long long)f->orders, (unsigned long long)f->kills,
        (unsigned long long)f->strays, (unsigned long long)f->receipts, (unsigned long long)f->ends,
        (unsigned long long)f->broken);
}

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

static void add(struct figures *sum, const struct figures *f)
{
    sum->events += f->events;
    sum->datagrams += f->datagrams;
    sum->grants += f->grants;
    sum->drops += f->drops;
    sum->shows += f->shows;
    sum->crashes += f->crashes;
    sum->cuts += f->cuts;
    sum->takeovers += f->takeovers;
    sum->ghosts += f->ghosts;
    sum->tears += f->tears;
    sum->chosen += f->chosen;
    sum->seconds += f->seconds;
    sum->lives += f->lives;
    sum->votes += f->votes;
    sum->orders += f->orders;
    sum->false_votes += f->false_votes;
    sum->false_orders += f->false_orders;
    sum->runs += f->runs;
    sum->kills += f->kills;
    sum->strays += f->strays;
    sum->receipts += f->receipts;
    sum->ends += f->ends;
    sum->surrenders += f->surrenders;
    sum->broken += f->broken;
    sum->lost += f->lost;
    sum->lies += f->lies;
    sum->forgeries += f->forgeries;
    if (f->margin && f->margin < sum->margin)
        sum->margin = f->margin;
}

/* A planted bug is caught by a broken invariant, at a seed that is clean without it. */
static bool caught(const struct tally *t, const struct run_result *r)
{
    struct run_result without = {0};
    if (r->verdict.code != EXIT_BROKEN)
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

static bool take(void *context, const struct run_result *r)
{
    struct tally *t = context;
    t->done++;
    add(&t->sum, &r->figures);
    /* Added up, not chained: seeds end in any order. */
    t->hash += (r->hash ^ r->seed) * UINT64_C(0x9e3779b97f4a7c15);
    if (t->json)
        print_json(r);
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

static void print_fencing(const struct figures *f)
{
    printf("%llu lives, %llu by surrender; %llu votes, %llu of them false, %llu orders, %llu "
           "false; %llu drivers run, "
           "%llu machines switched off, %llu of them strays; %llu receipts, %llu on lies, %llu end "
           "statements; %llu holds broken, %llu guests stopped, %llu forgeries refused\n",
           (unsigned long long)f->lives, (unsigned long long)f->surrenders,
           (unsigned long long)f->votes, (unsigned long long)f->false_votes,
           (unsigned long long)f->orders, (unsigned long long)f->false_orders,
           (unsigned long long)f->runs, (unsigned long long)f->kills, (unsigned long long)f->strays,
           (unsigned long long)f->receipts, (unsigned long long)f->lies,
           (unsigned long long)f->ends, (unsigned long long)f->broken, (unsigned long long)f->lost,
           (unsigned long long)f->forgeries);
    if (f->margin < INT64_MAX)
        printf("least margin between a guest's end and the grant that followed its broken hold: "
               "%lld.%03lld ms\n",
               (long long)f->margin / 1000000, (long long)f->margin / 1000 % 1000);
}

static void print_sum(const struct tally *t)
{
    const struct figures *f = &t->sum;
    uint64_t seconds = f->seconds;
    if (t->json)
        return;
    printf(
        "%llu grants, %llu releases, %llu shows; %llu crashes, %llu cuts, %llu take-overs, %llu "
        "ghosts, %llu torn logs; %llu datagrams, %llu chosen values; %llu seeds missed a fault\n",
        (unsigned long long)f->grants, (unsigned long long)f->drops, (unsigned long long)f->shows,
        (unsigned long long)f->crashes, (unsigned long long)f->cuts,
        (unsigned long long)f->takeovers, (unsigned long long)f->ghosts,
        (unsigned long long)f->tears, (unsigned long long)f->datagrams,
        (unsigned long long)f->chosen, (unsigned long long)t->uncovered);
    print_fencing(f);
    printf("%llu seeds, %llu.%llu simulated hours, %llu events, %llu failures, hash %016llx\n",
           (unsigned long long)t->done, (unsigned long long)(seconds / 3600),
           (unsigned long long)(seconds % 3600 / 360), (unsigned long long)f->events,
           (unsigned long long)t->failures, (unsigned long long)t->hash);
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

static void list_profiles(void)
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

static void list_scenarios(void)
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

static void parse(int argc, char **argv, struct jobs *jobs, struct tally *tally)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"seeds", required_argument, NULL, 'n'},
        {"jobs", required_argument, NULL, 'j'},
        {"seconds", required_argument, NULL, 't'},
        {"profile", required_argument, NULL, 'p'},
        {"profiles", no_argument, NULL, 'P'},
        {"scenario", required_argument, NULL, 'c'},
        {"scenarios", no_argument, NULL, 'C'},
        {"must-break", no_argument, NULL, 'b'},
        {"trace", no_argument, NULL, 'T'},
        {"check-determinism", no_argument, NULL, 'd'},
        {"mutant", required_argument, NULL, 'm'},
        {"json", no_argument, NULL, 'J'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        switch (c) {
        case 's':
            jobs->first_seed = number("seed", optarg, 0, UINT64_MAX);
            break;
        case 'n':
            jobs->seeds = number("seeds", optarg, 1, UINT64_MAX);
            break;
        case 'j':
            jobs->processes = (uint32_t)number("jobs", optarg, 1, JOBS_MAX);
            break;
        case 't':
            jobs->run.seconds = (int64_t)number("seconds", optarg, 100, 100000);
            break;
        case 'p':
            jobs->run.profile = profile_option(optarg);
            break;
        case 'P':
            list_profiles();
            break;
        case 'c':
            jobs->run.scenario = scenario_option(optarg);
            break;
        case 'C':
            list_scenarios();
            break;
        case 'b':
            tally->must_break = true;
            break;
        case 'T':
            jobs->run.text = TRACE_PRINT;
            break;
        case 'd':
            jobs->check_determinism = true;
            break;
        case 'm':
            plant(tally, (int)number("mutant", optarg, 1, 99));
            break;
        case 'J':
            tally->json = true;
            break;
        case 'h':
            fputs(usage, stdout);
            exit(EXIT_CLEAN);
        default: /* getopt's own letters for what it does not know */
            fputs(usage, stderr);
            exit(EXIT_USAGE);
        }
    }
    if (optind < argc) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
}

int main(int argc, char **argv)
{
    long processors = sysconf(_SC_NPROCESSORS_ONLN);
    struct jobs jobs = {
        .first_seed = 1,
        .seeds = 1,
        .processes = processors < 1 || processors > JOBS_MAX ? 1 : (uint32_t)processors,
        .run = {.profile = -1, .scenario = -1, .seconds = 160, .text = TRACE_HASH_ONLY},
        .take = take,
    };
    struct tally tally = {.program = argv[0], .jobs = &jobs, .sum = {.margin = INT64_MAX}};
    jobs.context = &tally;
    parse(argc, argv, &jobs, &tally);
    if (sodium_init() < 0) {
        fprintf(stderr, "holdfast-sim: libsodium does not start\n");
        return EXIT_MUST;
    }
    jobs_run(&jobs);
    if (tally.mutant)
        return mutant_verdict(&tally);
    if (tally.must_break && jobs.run.profile >= 0)
        return must_break_verdict(&tally);
    print_sum(&tally);
    return tally.code;
}
