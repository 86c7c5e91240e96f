/*
 * The plays about refuting (proto/hush.h): whose link loses most for long is held dead until it is
 * well, and holds and takes locks again then; who is cut off for moments refutes each time.
 */
#include "sim/plays_hush.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/step.h"
#include "sim/world.h"

enum { LOST_PERMILLE = 800, CUTS = 4 };

static const struct span kept_away = SPAN_MS(15000);
static const struct span soon = SPAN_MS(5000);
static const struct span cut = SPAN_MS(2500);
static const struct span well = SPAN_MS(15000);

static void shape(struct parameters *p)
{
    p->far_permille = 0;
    p->detect_ms = 4000;
    p->hush_among = 1; /* else clusters of so few always refute */
}

static struct member_view seen(struct world *w, size_t from, size_t of)
{
    struct member_view view;
    peer_member(step_machine(w, from)->peer, cluster_slot(of), &view);
    return view;
}

static bool all_hold_a(struct world *w, const struct script *s, enum member_state state)
{
    for (size_t i = 0; i < w->machine_count; i++)
        if (i != s->a && seen(w, i, s->a).state != state)
            return false;
    return true;
}

static void set_loss(struct world *w, const struct script *s, uint32_t permille)
{
    for (size_t i = 0; i < w->machine_count; i++)
        if (i != s->a)
            w->network.lossy[i][s->a] = w->network.lossy[s->a][i] = permille;
}

static bool link_of_a_is_bad(struct world *w, struct script *s)
{
    s->a = 0, s->b = 1;
    set_loss(w, s, LOST_PERMILLE);
    return true;
}

/* Before that it may be held dead for moments, as anybody who is slow to hear. */
static bool a_is_removed(struct world *w, struct script *s)
{
    return seen(w, s->a, s->a).hushed && all_hold_a(w, s, MEMBER_DEAD);
}

static bool a_stays_away(struct world *w, struct script *s)
{
    if (!all_hold_a(w, s, MEMBER_DEAD))
        step_must_not(w, "a is back, and its link as bad as before");
    return w->now - s->since >= kept_away.ns;
}

static bool link_of_a_is_well(struct world *w, struct script *s)
{
    set_loss(w, s, 0);
    return true;
}

static bool a_is_back(struct world *w, struct script *s)
{
    if (all_hold_a(w, s, MEMBER_ALIVE))
        return true;
    if (w->now - s->since > soon.ns)
        step_must_not(w, "a is not back though its link is well");
    return false;
}

/* M1: what gossip said took nothing from it. */
static bool nobody_ordered(struct world *w, struct script *s)
{
    (void)s;
    if (w->figures.orders || w->figures.kills || w->figures.votes)
        step_must_not(w, "a juror voted against a node that holds nothing");
    return true;
}

/* s->bits: cuts so far, and in the lowest bit whether there is one. */
static bool cuts_pass(struct world *w, struct script *s)
{
    if (s->at == 0)
        s->a = 0, s->at = w->now;
    if (seen(w, s->a, s->a).hushed)
        step_must_not(w, "a does not refute after a short cut");
    if (w->now - s->at < (s->bits & 1 ? cut.ns : well.ns))
        return false;
    if (s->bits == 2 * CUTS)
        return true;
    step_isolate(w, s->a, s->bits & 1 ? -1 : 1);
    s->bits++;
    s->at = s->since = w->now; /* each has its time */
    return false;
}

/* clang-format off: a play reads like one */
static const struct play plays[] = {
    {"bad-link", "a link that loses 80 %: held dead by all until it is well, at once back then",
     .mutant = 175, .device = DEVICE_WORKS, .seconds = 120, .shape = shape,
     .steps = {{"the link of a is bad", link_of_a_is_bad},
               {"a is held dead by all", a_is_removed},
               {"it stays away", a_stays_away},
               {"the link of a is well", link_of_a_is_well},
               {"all hold it alive", a_is_back},
               {"nobody was ordered", nobody_ordered},
               {"a asks", step_a_asks},
               {"a holds", step_a_holds}}},
    {"short-cuts", "a node is cut off for moments, again and again, and refutes each time",
     .mutant = 177, .device = DEVICE_WORKS, .seconds = 60, .shape = shape,
     .steps = {{"the cuts pass", cuts_pass},
               {"nobody was ordered", nobody_ordered},
               {"a asks", step_a_asks},
               {"a holds", step_a_holds}}},
};
/* clang-format on */

size_t plays_hush_count(void)
{
    return sizeof plays / sizeof plays[0];
}

const struct play *plays_hush_get(size_t index)
{
    return &plays[index];
}
