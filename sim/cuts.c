/* Cuts, turns, flapping, clogs: see cuts.h. */
#include "sim/cuts.h"

#include "sim/guest.h"
#include "sim/machine.h"
#include "sim/world.h"

#define BIT(i) (UINT32_C(1) << (i))

static const struct range flap_length = {SPAN_MS(50), SPAN_MS(4000)};
static const struct range clog_step = {SPAN_MS(50), SPAN_MS(1500)};

static size_t any_machine(struct world *w)
{
    return (size_t)random_below(&w->faults.random, w->machine_count);
}

bool cuts_kind(enum fault_kind kind)
{
    return kind == FAULT_CUT || kind == FAULT_ONE_WAY || kind == FAULT_ISOLATE ||
           kind == FAULT_HALVES || kind == FAULT_TURNS || kind == FAULT_BRIDGE ||
           kind == FAULT_FLAP;
}

void cuts_apply(struct world *w, const struct fault *f, int by)
{
    if (by > 0)
        w->figures.cuts++;
    for (size_t a = 0; a < w->machine_count; a++)
        for (size_t b = 0; b < w->machine_count; b++) {
            if (!(f->bits & BIT(a)) || !(f->only & BIT(b)) || a == b)
                continue;
            if (f->outward)
                w->network.cuts[a][b] += (uint32_t)by;
            if (f->inward)
                w->network.cuts[b][a] += (uint32_t)by;
        }
}

/* Two sides that do not reach each other; with a bridge, one machine reaches both. */
static void draw_sides(struct world *w, struct fault *f)
{
    uint32_t all = BIT(w->machine_count) - 1, bridge = 0;
    if (f->kind == FAULT_BRIDGE)
        bridge = BIT(any_machine(w));
    do
        f->bits = (uint32_t)random_below(&w->faults.random, all) & ~bridge;
    while (f->bits == 0 || (all & ~f->bits & ~bridge) == 0);
    f->only = all & ~f->bits & ~bridge;
}

/* Chooses the two sides of a cut. */
static void draw_cut(struct world *w, struct fault *f)
{
    struct random *r = &w->faults.random;
    uint32_t all = BIT(w->machine_count) - 1;
    size_t a = any_machine(w);
    size_t b = (a + 1 + random_below(r, w->machine_count - 1)) % w->machine_count;
    f->bits = BIT(a);
    f->only = f->kind == FAULT_CUT || f->kind == FAULT_ONE_WAY ? BIT(b) : all & ~BIT(a);
    f->inward = f->outward = true;
    if (f->kind == FAULT_HALVES || f->kind == FAULT_BRIDGE)
        draw_sides(w, f);
    bool perhaps = f->kind == FAULT_ISOLATE || f->kind == FAULT_FLAP || f->kind == FAULT_BRIDGE;
    bool one_way = f->kind == FAULT_ONE_WAY || (perhaps && random_chance(r, 200));
    if (one_way) {
        f->inward = random_chance(r, 500);
        f->outward = !f->inward;
    }
}

/* The next juror's turn, and perhaps that of some others with it. */
static void cut_turn(struct world *w, struct fault *f)
{
    size_t count = w->machine_count, target = (size_t)__builtin_ctz(f->bits);
    f->turn = (f->turn + 1) % count;
    if (f->turn == target)
        f->turn = (f->turn + 1) % count;
    f->only = BIT(f->turn);
    bool with_others = random_chance(&w->faults.detail, 700);
    for (int i = 0; i < 2 && with_others; i++)
        f->only |= (uint32_t)random_below(&w->faults.detail, BIT(count));
    f->only &= ~f->bits;
    cuts_apply(w, f, 1);
}

static void begin_turns(struct world *w, struct fault *f)
{
    size_t a = f->given ? (size_t)__builtin_ctz(f->bits) : any_machine(w);
    for (size_t i = 0; !f->given && i < w->machine_count && !guest_any(&w->machines[a]); i++)
        a = (a + 1) % w->machine_count;
    f->bits = BIT(a);
    f->inward = f->outward = true;
    f->turn = random_below(&w->faults.detail, w->machine_count);
    f->turns_left = (uint32_t)w->machine_count;
    cut_turn(w, f);
}

/* Long enough for a juror's own evidence, often too short for a quorum of them. */
static struct range turn_length(const struct world *w)
{
    int64_t d = w->p.detect_ms;
    return (struct range){SPAN_MS(d), SPAN_MS(2 * d + 6000)};
}

/* Some of them, one after the other; each knows when it goes on, so that nothing is lost. */
static void begin_clogs(struct world *w, struct fault *f)
{
    struct random *r = &w->faults.detail;
    struct span step = random_span(r, clog_step.low, clog_step.high);
    if (!f->given)
        f->bits = 1 + (uint32_t)random_below(&w->faults.random, BIT(w->machine_count) - 1);
    size_t count = (size_t)__builtin_popcount(f->bits);
    f->step = step.ns;
    f->turn = random_below(r, w->machine_count);
    f->turns_left = (uint32_t)(2 * count);
}

/* The next machine is clogged; in the second half of the turns they go on by themselves. */
static void clog_turn(struct world *w, struct fault *f)
{
    size_t count = (size_t)__builtin_popcount(f->bits);
    if (f->turns_left < count)
        return;
    do
        f->turn = (f->turn + 1) % w->machine_count;
    while (!(f->bits & BIT(f->turn)));
    int64_t turns = (int64_t)(f->turns_left - count) + random_between(&w->faults.detail, 1, 3);
    int64_t until = w->now + (turns + 1) * f->step;
    if (w->network.clogged[f->turn] < until)
        w->network.clogged[f->turn] = until;
}

void cuts_begin(struct world *w, struct fault *f, struct span length)
{
    if (f->kind == FAULT_TURNS) {
        begin_turns(w, f);
        return;
    }
    if (f->kind == FAULT_CLOG) {
        begin_clogs(w, f);
        clog_turn(w, f);
        return;
    }
    if (!f->given)
        draw_cut(w, f);
    if (f->kind == FAULT_FLAP) {
        f->until = w->now + random_span(&w->faults.detail, length, span_times(length, 4)).ns;
        f->only = f->only ? f->only : (BIT(w->machine_count) - 1) & ~f->bits;
    }
    cuts_apply(w, f, 1);
}

struct range cuts_length(struct world *w, enum fault_kind kind)
{
    if (kind == FAULT_TURNS)
        return turn_length(w);
    return kind == FAULT_CLOG ? clog_step : w->p.fault_length;
}

bool cuts_turn(struct world *w, struct fault *f, struct span *length)
{
    struct random *r = &w->faults.detail;
    if (f->kind == FAULT_FLAP) {
        f->up = !f->up;
        *length = random_span(r, flap_length.low, flap_length.high);
        if (w->now >= f->until && f->up)
            return false;
        if (!f->up)
            cuts_apply(w, f, 1);
        return true;
    }
    if (f->turns_left == 0)
        return false;
    f->turns_left--;
    if (f->kind == FAULT_CLOG) {
        *length = (struct span){f->step};
        clog_turn(w, f);
        return true;
    }
    struct range lengths = turn_length(w);
    *length = random_span(r, lengths.low, lengths.high);
    cut_turn(w, f);
    return true;
}
