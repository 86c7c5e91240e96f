/* The membership's part of the explanation: see explain.h. */
#include "client/explain.h"

#include <stdio.h>

#include "proto/suspicion.h"
#include "proto/swim.h"

void explain_members(struct explanation *e)
{
    static const char part[] = "membership";
    char formula[EXPLAIN_FORMULA_MAX];
    struct swim_timing t = swim_timing_default();
    explain_timer(e, part, "probe_period", "h", t.period, "each node probes one other so often");
    explain_timer(e, part, "probe_timeout", "fixed", t.timeout,
                  "without an answer by then others are asked to try");
    explain_timer(e, part, "judge", "h", t.period, "without one by any way it is suspect by then");
    snprintf(formula, sizeof formula, "%u h max(1, log2(%zu)/2)", t.suspicion_count, e->members);
    explain_timer(e, part, "suspicion", formula,
                  suspicion_span(t.period, t.suspicion_count, (uint32_t)e->members),
                  "a suspect that does not refute by then is dead");
    explain_timer(e, part, "digest_period", "fixed", t.digest_period,
                  "views are compared with a random member so often");
}
