/* What became of a story's expectations, out of the run's chronicle. */
#ifndef SIM_STORY_JUDGE_H
#define SIM_STORY_JUDGE_H

#include "sim/chronicle.h"
#include "sim/story.h"

struct world;

struct judgement {
    bool met;
    int64_t at;    /* ns: when that was certain; -1: only at the end */
    char why[160]; /* for a person */
};

/* Figures that the chronicle has and struct figures has not. Spans are ns. */
struct story_figures {
    uint64_t grants;
    uint64_t refused;
    uint64_t lost;
    uint64_t orders;
    uint64_t switched_off; /* by fence devices */
    int64_t wait_p50, wait_p99, wait_max;
    int64_t gap; /* the longest without a grant, between the first one and the end */
    int64_t gap_at;
};

void story_count(const struct world *w, struct story_figures *f);
/* `w` has run, to its end or to a broken check. */
void story_judge(const struct world *w, const struct expect *e, struct judgement *out);
/* Bits of the machines that hold a name of the story at a moment. */
uint32_t story_holders(const struct world *w, uint16_t name, int64_t at);

#endif
