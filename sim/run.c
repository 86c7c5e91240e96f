/* One seed: see run.h. */
#include "sim/run.h"

#include "proto/must.h"

#include <stdlib.h>

/* The world that runs now: a must() that fails knows only the process. */
static struct world *running;

void must_failed(const char *condition, const char *file, int line)
{
    if (running)
        world_fail(running, EXIT_MUST, "must", "%s:%d: %s", file, line, condition);
    fprintf(stderr, "holdfast-sim: %s:%d: %s\n", file, line, condition);
    exit(EXIT_MUST);
}

void run_world(uint64_t seed, const struct world_options *options,
               void (*look)(struct world *w, void *context), void *context, struct run_result *out)
{
    struct world *w = calloc(1, sizeof *w);
    must(w);
    running = w;
    if (setjmp(w->failed) == 0) {
        world_open(w, seed, options);
        world_run(w);
    }
    running = NULL;
    if (options->text == TRACE_KEEP && w->verdict.code != EXIT_CLEAN) {
        printf("  the last of the timeline:\n");
        trace_tail(&w->trace, stdout);
    }
    *out = (struct run_result){.seed = seed,
                               .done = true,
                               .hash = w->trace.hash,
                               .verdict = w->verdict,
                               .figures = w->figures};
    if (look)
        look(w, context);
    world_close(w);
    free(w);
}

void run_seed(uint64_t seed, const struct world_options *options, struct run_result *out)
{
    run_world(seed, options, NULL, NULL, out);
}
