/* holdfast-sim run: plays a scenario file. See docs/simulator.md, "Write a scenario". */
#include "proto/mutant.h"
#include "sim/cmd.h"
#include "sim/page.h"
#include "sim/run.h"
#include "sim/story_load.h"
#include "sim/story_tell.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>

static const char usage[] =
    "usage: holdfast-sim run FILE [options]\n"
    "  --seed N        of network, disks and workload (default: the file's, or 1)\n"
    "  --roster FILE   nodes, jurors and detection target of this signed roster\n"
    "  --config FILE   on_isolation of this agent's configuration\n"
    "  --html FILE     write a page that shows the run\n"
    "  --json          print the result as one JSON object\n"
    "  --quiet         print the verdict only\n"
    "  --variant       with the lines marked `variant:` too: the run has to fail\n"
    "  --mutant N      with planted bug N (builds with planted bugs)\n"
    "  --trace         print every message besides\n";

struct request {
    const char *file;
    const char *roster;
    const char *config;
    const char *html;
    bool json;
    bool quiet;
    bool variant;
    bool seed_given;
    uint64_t seed;
    bool html_failed;
    int code;
};

static void plant(const char *text)
{
#ifdef HOLDFAST_MUTANTS
    mutant_planted = atoi(text);
#else
    fprintf(stderr, "holdfast-sim: --mutant %s: this build has no planted bugs\n", text);
    exit(EXIT_USAGE);
#endif
}

static void parse(struct request *q, struct world_options *run, int argc, char **argv)
{
    static const struct option options[] = {
        {"seed", required_argument, NULL, 's'},
        {"roster", required_argument, NULL, 'r'},
        {"config", required_argument, NULL, 'c'},
        {"html", required_argument, NULL, 'H'},
        {"json", no_argument, NULL, 'J'},
        {"quiet", no_argument, NULL, 'q'},
        {"variant", no_argument, NULL, 'v'},
        {"mutant", required_argument, NULL, 'm'},
        {"trace", no_argument, NULL, 'T'},
        {"help", no_argument, NULL, 'h'},
        {NULL, 0, NULL, 0},
    };
    int c;
    char *end = NULL;
    while ((c = getopt_long(argc, argv, "h", options, NULL)) != -1) {
        if (c == 's') {
            q->seed = strtoull(optarg, &end, 10);
            q->seed_given = true;
        } else if (c == 'r') {
            q->roster = optarg;
        } else if (c == 'c') {
            q->config = optarg;
        } else if (c == 'H') {
            q->html = optarg;
        } else if (c == 'J') {
            q->json = true;
        } else if (c == 'q') {
            q->quiet = true;
        } else if (c == 'v') {
            q->variant = true;
        } else if (c == 'm') {
            plant(optarg);
        } else if (c == 'T') {
            run->text = TRACE_PRINT;
        } else {
            fputs(usage, c == 'h' ? stdout : stderr);
            exit(c == 'h' ? EXIT_CLEAN : EXIT_USAGE);
        }
    }
    if (optind + 1 != argc || (end && (*end || end == argv[optind]))) {
        fputs(usage, stderr);
        exit(EXIT_USAGE);
    }
    q->file = argv[optind];
}

static void write_page(const struct world *w, struct request *q)
{
    FILE *out = fopen(q->html, "w");
    if (out)
        page_write(w, out);
    q->html_failed = !out || ferror(out);
    if (out && fclose(out) != 0)
        q->html_failed = true;
    if (q->html_failed)
        fprintf(stderr, "holdfast-sim: %s: %s\n", q->html, strerror(errno));
}

/* The run is over, and its world still there. */
static void look(struct world *w, void *context)
{
    struct request *q = context;
    char text[TELL_TEXT_SIZE];
    q->code = story_exit_code(w);
    story_verdict_text(w, text);
    if (q->json)
        story_tell_json(w, stdout);
    else if (q->quiet)
        printf("%s%s: %s\n", q->file, q->variant ? " (variant)" : "", text);
    else
        story_tell(w, stdout);
    if (q->html)
        write_page(w, q);
}

/* A variant is there to fail: that is what makes a green run worth something. */
static int variant_code(const struct request *q)
{
    if (q->code == EXIT_BROKEN || q->code == EXIT_STUCK)
        return EXIT_CLEAN;
    printf("%s: the variant did not fail: its expectations say nothing\n", q->file);
    return q->code == EXIT_CLEAN ? 1 : q->code;
}

int cmd_run(int argc, char **argv)
{
    struct request q = {0};
    char error[STORY_ERROR_SIZE];
    struct run_result result;
    struct world_options run = {.profile = -1, .scenario = -1, .chronicle = true};
    parse(&q, &run, argc, argv);
    struct story *story = calloc(1, sizeof *story);
    if (!story || !story_load(story, q.file, q.roster, q.config, q.variant, error)) {
        fprintf(stderr, "%s\n", story ? error : "holdfast-sim: no memory");
        free(story);
        return EXIT_USAGE;
    }
    if (q.seed_given)
        story->seed = q.seed;
    run.story = story;
    if (q.variant && !story->has_variant) {
        fprintf(stderr, "%s: it has no line marked `variant:`\n", q.file);
        free(story);
        return EXIT_USAGE;
    }
    run_world(story->seed, &run, look, &q, &result);
    free(story);
    if (q.html_failed)
        return EXIT_MUST;
    return q.variant ? variant_code(&q) : q.code;
}
