/* Who goes on of several executors that began: see begun.h. */
#include "proto/begun.h"

#include "proto/executor.h"
#include "proto/juror.h"
#include "proto/mutant.h"

/* Longer than the rest of an executor that no quorum said yes to. */
#define FIRST_SPAN SPAN_MS(1000)

static struct fence_report *report_of(struct docket_entry *e, uint16_t executor)
{
    for (size_t i = 0; i < e->report_count; i++)
        if (e->reports[i].executor == executor)
            return &e->reports[i];
    return NULL;
}

void begun_asks(struct docket_entry *e, uint16_t executor)
{
    struct fence_report *r = report_of(e, executor);
    if (r)
        r->asks = true;
}

void begun_again(struct docket_entry *e, struct instant now, uint16_t executor, struct span span)
{
    struct fence_report *r = report_of(e, executor);
    size_t rungs = (size_t)__builtin_popcount(e->actions);
    if (!r || r->stage != RUN_BEGAN || span.ns == 0)
        return;
    r->asks = false;
    if (++r->again >=
        rungs) /* more than it can have: it does not keep the others from it for ever */
        return;
    r->at = now;
    struct instant until = instant_after(now, span);
    if (until.ns > e->runs_until.ns)
        e->runs_until = until;
}

/* Whether another one acts, or goes on before it. */
static bool bars(const struct core *c, struct instant now, const struct docket_entry *e,
                 uint16_t executor)
{
    const struct fence_report *own = docket_report_of(e, executor);
    bool began = own && own->stage == RUN_BEGAN;
    uint64_t rank = executor_rank(c, &e->order, executor);
    if (instant_reached(now, e->runs_until))
        return false;
    if (MUTANT(164)) /* "a second executor begins beside one that began" */
        return false;
    for (size_t i = 0; i < e->report_count; i++) {
        const struct fence_report *r = &e->reports[i];
        if (r->executor == executor || r->stage == RUN_FAILED)
            continue;
        bool first = began && r->stage == RUN_BEGAN && r->asks &&
                     rank < executor_rank(c, &e->order, r->executor);
        if (!first || MUTANT(165)) /* "two that began wait for each other" */
            return true;
    }
    return false;
}

/* Of those that ask now, each every 200 ms. */
static bool asks_first(const struct core *c, struct instant now, struct docket_entry *e,
                       uint16_t executor)
{
    bool better = executor_rank(c, &e->order, executor) <= executor_rank(c, &e->order, e->first);
    if (!instant_reached(now, e->first_until) && !better)
        return false;
    e->first = executor;
    e->first_until = instant_after(now, FIRST_SPAN);
    return true;
}

bool begun_yes(const struct core *c, struct instant now, struct docket_entry *e, uint16_t executor)
{
    if (bars(c, now, e, executor))
        return false;
    bool first = asks_first(c, now, e, executor);
    const struct fence_report *r = docket_report_of(e, e->yes_to);
    bool other = e->yes_to != executor && !instant_reached(now, e->yes_until) &&
                 !(r && r->stage == RUN_FAILED);
    if ((other || !first) && !MUTANT(166)) /* "a juror says yes to two at a time" */
        return false;
    e->yes_to = executor;
    e->yes_until = instant_after(now, ASK_SPAN);
    return true;
}
