/*
 * The play about cuts that are shorter than D: a holds, b waits, and a is cut off again and again,
 * each time at another moment of its renewals' period. No juror votes, and a keeps what it holds
 * (F2a, F7).
 */
#include "sim/plays_blips.h"

#include "proto/inequality.h"
#include "proto/must.h"
#include "sim/machine.h"
#include "sim/step.h"
#include "sim/world.h"

enum { CUTS = 12 };

static const struct span asked = SPAN_MS(20); /* of a step */
static const struct span well = SPAN_MS(2000);

/* e, a thirtieth of D, holds an answer's way there and back. */
static void shape(struct parameters *p)
{
    p->far_permille = p->deep_permille = p->late_permille = 0; /* what comes late is lost */
    p->bad_loss_permille = p->loss_permille = 0;
    p->detect_ms = 4000;
    p->watchdog = false;
}

static bool cut_ends(const struct world *w, const struct script *s)
{
    return w->now - s->at >= SPAN_MS(w->p.detect_ms).ns - 2 * asked.ns;
}

/* s->bits: cuts so far, and in the lowest bit whether there is one. */
static bool cuts_pass(struct world *w, struct script *s)
{
    int64_t renew = renew_span_of(SPAN_MS(w->p.detect_ms)).ns;
    if (!step_client(w, s->a)->guest_runs)
        step_must_not(w, "a lost its lock in a cut shorter than D");
    if (step_life(w, s)->votes)
        step_must_not(w, "a juror voted in a cut shorter than D");
    if (s->bits & 1) {
        if (!cut_ends(w, s))
            return false;
        step_isolate(w, s->a, -1);
    } else if (w->now - s->at < well.ns + renew * (int64_t)s->bits / (2 * CUTS)) {
        return false;
    } else if (s->bits == 2 * CUTS) {
        return true;
    } else {
        step_isolate(w, s->a, 1);
    }
    s->bits++;
    s->at = s->since = w->now; /* each has its time */
    return false;
}

static bool b_asks(struct world *w, struct script *s)
{
    s->at = w->now;
    return step_b_asks(w, s);
}

/* clang-format off: a play reads like one */
static const struct play plays[] = {
    {"blips", "a holder is cut off twelve times for almost D, and loses nothing (F2a, F7)",
     .mutant = 161, .device = DEVICE_WORKS, .seconds = 120, .shape = shape,
     .steps = {{"a asks", step_a_asks},
               {"a holds", step_a_holds},
               {"b asks", b_asks},
               {"the cuts pass", cuts_pass},
               {"a lets go", step_a_lets_go},
               {"b holds", step_b_holds}}},
};
/* clang-format on */

size_t plays_blips_count(void)
{
    return sizeof plays / sizeof plays[0];
}

const struct play *plays_blips_get(size_t index)
{
    return &plays[index];
}
