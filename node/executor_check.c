/* What the executor could use: see executor_check.h. */
#include "node/executor_check.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <utlist.h>

#include "node/executor_line.h"
#include "proto/must.h"

enum { CHECK_TEXT_SIZE = 256 };

struct check_waiter {
    executor_check_done done;
    void *context;
    struct check_waiter *next, *prev;
};

struct executor_check {
    struct clock *clock;
    const struct config *config;
    struct executor_line line;
    struct alarm begin; /* a failure to connect is told in a turn of its own */
    struct alarm late;
    bool busy;
    struct check_waiter *waiters;  /* perhaps none any more while it is busy */
    struct executor_answer *parts; /* `count` of them, `asked` of which are there */
    size_t count;
    uint32_t asked;
};

static void check_end(struct executor_check *c, const char *why)
{
    struct executor_answer *parts = c->parts;
    struct check_waiter *waiters = c->waiters, *w, *next;
    size_t count = why ? 0 : c->count;
    executor_line_close(&c->line);
    clock_clear(c->clock, &c->late);
    c->busy = false;
    c->parts = NULL;
    c->waiters = NULL;
    c->count = c->asked = 0;
    DL_FOREACH_SAFE(waiters, w, next)
    {
        w->done(w->context, why ? NULL : parts, count, why);
        free(w);
    }
    free(parts);
}

static void check_lost(void *context, const char *why)
{
    check_end(context, why);
}

static void check_ask_next(struct executor_check *c)
{
    struct executor_request request = {
        .type = EXECUTOR_ASK_PART, .id = c->asked, .index = c->asked};
    int error = executor_line_send(&c->line, &request);
    if (error)
        check_end(c, strerror(error));
}

/* The first part says how many there are. */
static void check_answered(void *context, const struct executor_answer *answer)
{
    struct executor_check *c = context;
    size_t count = answer->part.count;
    bool right = answer->type == EXECUTOR_PART && answer->id == c->asked &&
                 count <= EXECUTOR_CHECK_PARTS_MAX && (!c->parts || count == c->count);
    if (!right) {
        check_end(c, "its answer is none");
        return;
    }
    if (!c->parts) {
        c->count = count;
        c->parts = calloc(count + 1, sizeof *c->parts);
        must(c->parts);
    }
    if (c->asked < count)
        c->parts[c->asked++] = *answer;
    if (c->asked < count)
        check_ask_next(c);
    else
        check_end(c, NULL);
}

static void check_begin(void *context)
{
    struct executor_check *c = context;
    int error = executor_line_connect(&c->line, c->config->executor_socket);
    if (error) {
        char why[CHECK_TEXT_SIZE];
        snprintf(why, sizeof why, "%s", strerror(error));
        check_end(c, why);
        return;
    }
    clock_set(c->clock, &c->late, instant_after(clock_now(), EXECUTOR_CHECK_SPAN));
    check_ask_next(c);
}

static void check_late(void *context)
{
    check_end(context, "it does not answer in time");
}

void executor_check_ask(struct executor_check *c, executor_check_done done, void *context)
{
    struct check_waiter *w = calloc(1, sizeof *w);
    must(w);
    *w = (struct check_waiter){.done = done, .context = context};
    DL_APPEND(c->waiters, w);
    if (!c->busy)
        clock_set(c->clock, &c->begin, clock_now());
    c->busy = true;
}

/* What is asked goes on: it is over soon, and others may wait for it. */
void executor_check_forget(struct executor_check *c, const void *context)
{
    struct check_waiter *w, *next;
    DL_FOREACH_SAFE(c->waiters, w, next)
    if (w->context == context) {
        DL_DELETE(c->waiters, w);
        free(w);
    }
}

struct executor_check *executor_check_open(struct event_base *base, struct clock *clock,
                                           const struct config *config)
{
    struct executor_check *c = calloc(1, sizeof *c);
    must(c);
    c->clock = clock;
    c->config = config;
    c->begin = (struct alarm){.ring = check_begin, .context = c};
    c->late = (struct alarm){.ring = check_late, .context = c};
    executor_line_init(&c->line, base, check_answered, check_lost, c);
    return c;
}

void executor_check_close(struct executor_check *c)
{
    struct check_waiter *w, *next;
    clock_clear(c->clock, &c->begin);
    clock_clear(c->clock, &c->late);
    executor_line_close(&c->line);
    DL_FOREACH_SAFE(c->waiters, w, next)
    free(w);
    free(c->parts);
    free(c);
}
