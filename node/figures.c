/* What the agent counts: see figures.h. */
#include "node/figures.h"

#include <string.h>

static const struct {
    const char *text;
    const char *error;
} figures_outcomes[FIGURES_OUTCOMES] = {
    [FIGURES_GRANTED] = {"granted", ""},
    [FIGURES_BUSY] = {"busy", "org.holdfast.Busy"},
    [FIGURES_TIMED_OUT] = {"timed-out", "org.holdfast.TimedOut"},
    [FIGURES_NO_MAJORITY] = {"no-majority", "org.holdfast.NoMajority"},
    [FIGURES_REFUSED] = {"refused", ""},
};

const char *figures_outcome_text(enum figures_outcome outcome)
{
    return figures_outcomes[outcome].text;
}

void figures_waited(struct figures *f, const char *error, struct span span)
{
    enum figures_outcome outcome = error ? FIGURES_REFUSED : FIGURES_GRANTED;
    for (int i = FIGURES_BUSY; error && i < FIGURES_REFUSED; i++)
        if (strcmp(error, figures_outcomes[i].error) == 0)
            outcome = (enum figures_outcome)i;
    histogram_add_span(&f->waits[outcome], span);
}

/* The core counts itself what is not here. */
void figures_notice(struct figures *f, const struct notice *n)
{
    if (n->kind == NOTICE_MEMBER) {
        f->changes[n->change.after]++;
        f->suspicions[n->change.after] += n->change.before == MEMBER_SUSPECT;
    }
    if (n->kind == NOTICE_REACH)
        f->reaches[n->number == 1]++;
    if (n->kind == NOTICE_STANDING && n->number < FIGURES_STANDINGS)
        f->standings[n->number]++;
    if (n->kind == NOTICE_VOTED)
        f->opinions[OPINION_VOTES]++;
    if (n->kind == NOTICE_OPINION && n->opinion < OPINIONS)
        f->opinions[n->opinion]++;
    if (n->kind == NOTICE_PROOF)
        f->proofs[n->executed]++;
    f->proofs_refused += n->kind == NOTICE_PROOF_REFUSED;
    f->orders += n->kind == NOTICE_ORDER;
    f->runs += n->kind == NOTICE_RUN;
    f->runs_failed += n->kind == NOTICE_RUN_FAILED;
}
