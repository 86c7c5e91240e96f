/* Whether the executor is there: see executor_probe.h. */
#include "node/executor_probe.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "node/executor_line.h"
#include "node/log.h"
#include "proto/must.h"

struct executor_probe {
    struct clock *clock;
    const struct config *config;
    struct executor_line line;
    struct alarm alarm; /* the next question, or the end of the time for an answer */
    bool asked;
    uint64_t last_id;
    struct executor_probe_view view;
    char text[EXECUTOR_PROBE_TEXT_SIZE];
};

/* Told in the log when it changes. */
static void probe_note(struct executor_probe *p, bool reachable, const char *text)
{
    bool first = p->view.since.ns == 0, changed = first || p->view.reachable != reachable;
    p->asked = false;
    snprintf(p->text, sizeof p->text, "%s", text);
    clock_set(p->clock, &p->alarm,
              instant_after(clock_now(), reachable ? EXECUTOR_PROBE_EVERY : EXECUTOR_PROBE_AGAIN));
    if (!changed)
        return;
    p->view.reachable = reachable;
    p->view.since = clock_now();
    if (!reachable)
        log_event(LOG_LEVEL_WARNING, "executor-unreachable",
                  "socket=%s why=%s note=\"this node carries no order out meanwhile\"",
                  log_value(p->config->executor_socket, strlen(p->config->executor_socket)).text,
                  log_value(text, strlen(text)).text);
    else
        log_event(LOG_LEVEL_INFO, "executor-reachable", "socket=%s",
                  log_value(p->config->executor_socket, strlen(p->config->executor_socket)).text);
}

static void probe_lost(void *context, const char *why)
{
    probe_note(context, false, why);
}

static void probe_answered(void *context, const struct executor_answer *answer)
{
    struct executor_probe *p = context;
    if (answer->type != EXECUTOR_STATE) {
        executor_line_close(&p->line);
        probe_note(p, false, "its answer is none");
    } else if (p->asked && answer->id == p->last_id) {
        p->view.state = answer->state;
        probe_note(p, true, "");
    }
}

static void probe_ring(void *context)
{
    struct executor_probe *p = context;
    if (p->asked) {
        executor_line_close(&p->line);
        probe_note(p, false, "it does not answer in time");
        return;
    }
    struct executor_request request = {.type = EXECUTOR_LOOK, .id = ++p->last_id};
    int error = executor_line_connect(&p->line, p->config->executor_socket);
    if (!error)
        error = executor_line_send(&p->line, &request);
    if (error) {
        probe_note(p, false, strerror(error));
        return;
    }
    p->asked = true;
    clock_set(p->clock, &p->alarm, instant_after(clock_now(), EXECUTOR_PROBE_WAIT));
}

struct executor_probe *executor_probe_open(struct event_base *base, struct clock *clock,
                                           const struct config *config, bool wanted)
{
    struct executor_probe *p = calloc(1, sizeof *p);
    must(p);
    *p = (struct executor_probe){.clock = clock, .config = config, .view.wanted = wanted};
    p->alarm = (struct alarm){.ring = probe_ring, .context = p};
    executor_line_init(&p->line, base, probe_answered, probe_lost, p);
    if (wanted)
        clock_set(clock, &p->alarm, clock_now());
    return p;
}

void executor_probe_close(struct executor_probe *p)
{
    clock_clear(p->clock, &p->alarm);
    executor_line_close(&p->line);
    free(p);
}

struct executor_probe_view executor_probe_view(const struct executor_probe *p)
{
    struct executor_probe_view view = p->view;
    view.text = p->text;
    return view;
}
