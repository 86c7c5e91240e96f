/* holdfast-sim shrink: a failing seed becomes a small scenario file. See docs/simulator.md. */
#include "proto/mutant.h"
#include "sim/cmd.h"
#include "sim/shrink.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] = "usage: holdfast-sim shrink --seed N [options]\n"
                            "  --seed N        a seed that fails\n"
                            "  --seconds N     as it was run (default 220)\n"
                            "  --profile NAME  as it was run\n"
                            "  --mutant N      as it was run (builds with planted bugs)\n"
                            "  --runs N        how many runs it may take (default 1500)\n"
                            "  --output FILE   the scenario file (default: standard output)\n";

struct request {
    uint64_t seed;
    bool seed_given;
    int mutant;
    uint64_t runs;
    const char *output;
};

static uint64_t number(const char *option, const char *text)
{
    char *end;
    unsigned long long v = strtoull(text, &end, 10);
    if (*text >= '0' && *text <= '9' && *end == '\0')
        return v;
    fprintf(stderr, "holdfast-sim: --%s: \"%s\" is not a number\n", option, text);
    exit(EXIT_USAGE);
}

static void parse(struct request *q, struct world_options *run, int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},    {"seconds", required_argument, NULL, 't'},
        {"profile", required_argument, NULL, 'p'}, {"mutant", required_argument, NULL, 'm'},
        {"runs", required_argument, NULL, 'r'},    {"output", required_argument, NULL, 'o'},
        {"help", no_argument, NULL, 'h'},          {NULL, 0, NULL, 0},
    };
    int c;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 's') {
            q->seed = number("seed", optarg);
            q->seed_given = true;
        } else if (c == 't') {
            run->seconds = (int64_t)number("seconds", optarg);
        } else if (c == 'p') {
            run->profile = profile_find(optarg);
        } else if (c == 'm') {
            q->mutant = (int)number("mutant", optarg);
        } else if (c == 'r') {
            q->runs = number("runs", optarg);
        } else if (c == 'o') {
            q->output = optarg;
        } else {
            fputs(usage, c == 'h' ? stdout : stderr);
            exit(c == 'h' ? EXIT_CLEAN : EXIT_USAGE);
        }
    }
    if (optind != argc || !q->seed_given || run->seconds < 160) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
}

static int write_out(const struct request *q, const struct shrink *s)
{
    char why[600];
    FILE *out = q->output ? fopen(q->output, "w") : stdout;
    if (!out) {
        fprintf(stderr, "holdfast-sim: %s: %s\n", q->output, strerror(errno));
        return EXIT_MUST;
    }
    int used = snprintf(why, sizeof why, "%s: %.300s\n#\n# Shrunk from seed %llu", s->verdict.check,
                        s->verdict.text, (unsigned long long)q->seed);
    if (q->mutant)
        used += snprintf(why + used, sizeof why - (size_t)used, " with planted bug %d", q->mutant);
    snprintf(why + used, sizeof why - (size_t)used, ": %zu of %zu faults are left.",
             s->story->act_count, s->acts_before);
    story_write(s->story, why, out);
    bool ok = !ferror(out);
    if (q->output)
        ok = fclose(out) == 0 && ok;
    fprintf(stderr, "%s: %zu acts of %zu, %u nodes, %s, after %llu runs\n", s->verdict.check,
            s->story->act_count, s->acts_before, s->story->p.nodes, story_span(s->story->until),
            (unsigned long long)s->runs);
    return ok ? EXIT_CLEAN : EXIT_MUST;
}

int cmd_shrink(int argc, char **argv)
{
    struct request q = {.runs = 1500};
    struct world_options run = {.profile = -1, .scenario = -1, .seconds = 220};
    parse(&q, &run, argc, argv);
#ifdef HOLDFAST_MUTANTS
    mutant_planted = q.mutant;
#else
    if (q.mutant) {
        fprintf(stderr, "holdfast-sim: this build has no planted bugs\n");
        return EXIT_USAGE;
    }
#endif
    struct story *story = calloc(1, sizeof *story);
    struct shrink shrink = {.runs_max = q.runs};
    if (!story)
        return EXIT_MUST;
    int code = 1;
    if (!shrink_record(q.seed, &run, story, &shrink.verdict))
        fprintf(stderr, "holdfast-sim: seed %llu does not fail\n", (unsigned long long)q.seed);
    else if (!shrink_story(&shrink, story))
        fprintf(stderr, "holdfast-sim: seed %llu fails by %s, but not so as a story\n",
                (unsigned long long)q.seed, shrink.verdict.check);
    else
        code = write_out(&q, &shrink);
    free(story);
    return code;
}
