/* Makes a failing seed small: see shrink.h. */
#include "sim/shrink.h"

#include "proto/must.h"
#include "sim/jobs.h"
#include "sim/story_drawn.h"

#include <stdlib.h>
#include <string.h>

#define BIT(i) (UINT32_C(1) << (i))

static const int64_t second = 1000000000;

/* --- the seed as a story --- */

struct recording {
    struct story *story;
    int64_t ended_at;
};

static void write_acts(struct story *s, const struct faults *f)
{
    for (size_t i = 0; i < f->kept_count && s->act_count < STORY_ACTS_MAX; i++) {
        const struct fault *fault = &f->kept[i];
        s->acts[s->act_count++] = (struct act){.kind = ACT_FAULT,
                                               .at = f->kept_at[i],
                                               .length = f->kept_length[i],
                                               .bits = fault->bits,
                                               .only = fault->only,
                                               .outward = fault->outward,
                                               .inward = fault->inward,
                                               .fault = fault->kind,
                                               .dice = fault->number};
    }
}

static void record(struct world *w, void *context)
{
    struct recording *r = context;
    struct story *s = r->story;
    story_init(s);
    s->seed = w->seed;
    s->p = w->p;
    s->p.profile = "story";
    /* A story has its own faults; what is left of this is in story_drawn.c. */
    struct parameters drawn = s->p;
    memset(s->p.weights, 0, sizeof s->p.weights);
    s->p.weights[FAULT_REPLAY] = drawn.weights[FAULT_REPLAY];
    s->p.weights[FAULT_STORE_BACK] = drawn.weights[FAULT_STORE_BACK];
    s->p.fault_gap = (struct range){SPAN_MS(1000), SPAN_MS(1000)};
    for (size_t i = 0; i < w->machine_count; i++)
        snprintf(s->nodes[i], sizeof s->nodes[i], "n%zu", i % MACHINES_MAX + 1);
    s->calm = w->calm_at;
    s->siege = true;
    s->until = w->calm_at;
    write_acts(s, &w->faults);
    r->ended_at = w->now;
}

bool shrink_record(uint64_t seed, const struct world_options *options, struct story *out,
                   struct verdict *verdict)
{
    struct recording recording = {.story = out};
    struct run_result result;
    run_world(seed, options, record, &recording, &result);
    *verdict = result.verdict;
    return verdict->code != EXIT_CLEAN;
}

/* --- whether a candidate fails too --- */

static bool fails(struct shrink *s, const struct story *candidate)
{
    struct world_options options = {.profile = -1, .scenario = -1, .story = candidate};
    struct jobs jobs = {.run = options};
    struct run_result result;
    if (s->runs >= s->runs_max)
        return false;
    s->runs++;
    jobs_again(&jobs, candidate->seed, TRACE_HASH_ONLY, &result);
    bool same = result.verdict.code == s->verdict.code &&
                strcmp(result.verdict.check, s->verdict.check) == 0;
    if (same)
        s->verdict = result.verdict;
    return same;
}

/* Takes the candidate if it fails. */
static bool try(struct shrink *s, struct story *best, const struct story *candidate)
{
    if (!fails(s, candidate))
        return false;
    *best = *candidate;
    return true;
}

static struct story *copy_of(const struct story *story)
{
    struct story *copy = malloc(sizeof *copy);
    must(copy);
    *copy = *story;
    return copy;
}

/* --- fewer acts --- */

static void remove_acts(struct story *s, size_t first, size_t count)
{
    memmove(&s->acts[first], &s->acts[first + count],
            (s->act_count - first - count) * sizeof s->acts[0]);
    s->act_count -= count;
}

/* In chunks that halve: first half of all, in the end one by one. */
static bool fewer_acts(struct shrink *s, struct story *best)
{
    bool any = false;
    struct story *candidate = copy_of(best);
    for (size_t chunk = best->act_count; chunk > 0; chunk /= 2)
        for (size_t first = best->act_count; first-- > 0;) {
            if (first % chunk != 0 || first >= best->act_count)
                continue;
            size_t count = best->act_count - first < chunk ? best->act_count - first : chunk;
            *candidate = *best;
            remove_acts(candidate, first, count);
            any |= try(s, best, candidate);
        }
    free(candidate);
    return any;
}

/* --- shorter --- */

/* A broken invariant needs no calm behind it; progress is judged there only. */
static bool shorter(struct shrink *s, struct story *best)
{
    bool any = false;
    struct story *candidate = copy_of(best);
    if (best->calm && s->verdict.code != EXIT_STUCK) {
        candidate->calm = 0;
        candidate->siege = false;
        any |= try(s, best, candidate);
    }
    if (best->siege) {
        *candidate = *best;
        candidate->siege = false;
        any |= try(s, best, candidate);
    }
    int64_t least = best->act_count ? best->acts[best->act_count - 1].at : 0;
    for (int64_t step = best->until / 2; step >= second; step /= 2) {
        *candidate = *best;
        candidate->until = (best->until - step) / second * second;
        if (candidate->calm)
            candidate->calm = candidate->until;
        bool room = !candidate->siege || candidate->calm >= 120 * second;
        if (candidate->until > least && candidate->until > second && room)
            any |= try(s, best, candidate);
    }
    for (size_t i = 0; i < best->act_count; i++)
        for (int64_t divisor = 8; divisor > 1; divisor /= 2) {
            *candidate = *best;
            candidate->acts[i].length /= divisor;
            if (candidate->acts[i].length > second / 10 && try(s, best, candidate)) {
                any = true;
                break;
            }
        }
    free(candidate);
    return any;
}

/* --- a simpler world --- */

/* A quantity of the world, and the values to try, the simplest first. */
static bool simpler_number(struct shrink *s, struct story *best, uint32_t *(*of)(struct story *),
                           uint32_t least)
{
    bool any = false;
    struct story *candidate = copy_of(best);
    for (uint32_t step = *of(candidate); step > 0; step /= 2) {
        *candidate = *best;
        uint32_t *value = of(candidate);
        if (*value < least + step)
            continue;
        *value -= step;
        any |= try(s, best, candidate);
    }
    free(candidate);
    return any;
}

#define QUANTITIES(Q)                                                                              \
    Q(loss_permille, 0)                                                                            \
    Q(duplicate_permille, 0)                                                                       \
    Q(late_permille, 0)                                                                            \
    Q(deep_permille, 0)                                                                            \
    Q(far_permille, 0)                                                                             \
    Q(bad_loss_permille, 0)                                                                        \
    Q(corrupt_permille, 0)                                                                         \
    Q(clock_ppm, 0)                                                                                \
    Q(double_permille, 0)                                                                          \
    Q(wrong_permille, 0)                                                                           \
    Q(late_drop_permille, 0)                                                                       \
    Q(forgeries, 0)                                                                                \
    Q(operators, 0)                                                                                \
    Q(stuck_permille, 0)                                                                           \
    Q(accident_permille, 0)                                                                        \
    Q(life_crash_permille, 0)                                                                      \
    Q(try_permille, 0)                                                                             \
    Q(cancel_permille, 0)                                                                          \
    Q(show_permille, 0)                                                                            \
    Q(wish_permille, 0)                                                                            \
    Q(change_permille, 0)                                                                          \
    Q(change_crash_permille, 0)                                                                    \
    Q(shared_permille, 0)                                                                          \
    Q(modes_permille, 0)                                                                           \
    Q(expire_permille, 0)                                                                          \
    Q(clients, 0)                                                                                  \
    Q(names, 1)                                                                                    \
    Q(shards, 1)

#define QUANTITY_OF(name, least)                                                                   \
    static uint32_t *of_##name(struct story *s)                                                    \
    {                                                                                              \
        return &s->p.name;                                                                         \
    }
QUANTITIES(QUANTITY_OF)
#undef QUANTITY_OF

static bool simpler_world(struct shrink *s, struct story *best)
{
    bool any = false;
#define QUANTITY_TRY(name, least) any |= simpler_number(s, best, of_##name, least);
    QUANTITIES(QUANTITY_TRY)
#undef QUANTITY_TRY
    struct story *candidate = copy_of(best);
    for (size_t i = 0; i < best->p.nodes && best->p.clients > 0; i++) {
        if (best->quiet & BIT(i))
            continue;
        *candidate = *best;
        candidate->quiet |= BIT(i);
        any |= try(s, best, candidate);
    }
    free(candidate);
    return any;
}

/* Whether something that is to be small is larger than it was: the usual is not always smaller. */
static bool grows(const struct story *before, const struct story *after)
{
#define QUANTITY_GROWS(name, least)                                                                \
    if (after->p.name > before->p.name)                                                            \
        return true;
    QUANTITIES(QUANTITY_GROWS)
#undef QUANTITY_GROWS
    return false;
}

/* What the seed drew and what does not matter becomes usual. */
static bool usual_world(struct shrink *s, struct story *best)
{
    bool any = false, end = false;
    struct story *base = copy_of(best), *candidate = copy_of(best);
    story_init(base);
    base->p.nodes = best->p.nodes;
    for (size_t i = 0; !end; i++) {
        *candidate = *best;
        if (drawn_reset(&candidate->p, &base->p, i, &end) && !grows(best, candidate))
            any |= try(s, best, candidate);
    }
    free(base);
    free(candidate);
    return any;
}

/* The last node goes, with all that was done to it. */
static bool fewer_nodes(struct shrink *s, struct story *best)
{
    bool any = false;
    while (best->p.nodes > 3) {
        struct story *candidate = copy_of(best);
        uint32_t gone = BIT(--candidate->p.nodes);
        candidate->quiet &= ~gone;
        for (size_t i = candidate->act_count; i-- > 0;) {
            struct act *a = &candidate->acts[i];
            bool sided = a->only != 0;
            a->bits &= ~gone;
            a->only &= ~gone;
            if (!a->bits || (sided && !a->only))
                remove_acts(candidate, i, 1);
        }
        bool taken = try(s, best, candidate);
        free(candidate);
        any |= taken;
        if (!taken)
            break;
    }
    return any;
}

/* --- in an operator's words --- */

static bool reword(struct act *a)
{
    static const struct {
        enum fault_kind fault;
        enum act_kind act;
    } words[] = {{FAULT_CUT, ACT_CUT},
                 {FAULT_ONE_WAY, ACT_CUT},
                 {FAULT_ISOLATE, ACT_CUT},
                 {FAULT_HALVES, ACT_CUT},
                 {FAULT_BRIDGE, ACT_CUT},
                 {FAULT_AGENT_CRASH, ACT_KILL_AGENT},
                 {FAULT_COORDINATOR_CRASH, ACT_KILL_AGENT},
                 {FAULT_LEAVE, ACT_STOP_AGENT},
                 {FAULT_MACHINE_CRASH, ACT_POWER_OFF},
                 {FAULT_BLACKOUT, ACT_POWER_OFF},
                 {FAULT_DEATH, ACT_POWER_OFF},
                 {FAULT_STORE_LOST, ACT_STORE_LOST},
                 {FAULT_PAUSE, ACT_PAUSE},
                 {FAULT_FREEZE, ACT_FREEZE}};
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (words[i].fault == a->fault && a->kind == ACT_FAULT) {
            a->kind = words[i].act;
            a->dice = 0;
            if (a->kind != ACT_CUT)
                a->only = 0;
            return true;
        }
    return false;
}

static int64_t rounded(int64_t ns, int64_t to)
{
    int64_t near = (ns + to / 2) / to * to;
    return near > 0 ? near : to;
}

static void plainer_words(struct shrink *s, struct story *best)
{
    static const int64_t units[] = {1000000000, 100000000, 1000000};
    struct story *candidate = copy_of(best);
    /* All at once first: what one fault draws may hang on another one. */
    for (size_t i = 0; i < best->act_count; i++)
        reword(&candidate->acts[i]);
    try(s, best, candidate);
    for (size_t i = 0; i < best->act_count; i++) {
        *candidate = *best;
        if (reword(&candidate->acts[i]))
            try(s, best, candidate);
    }
    for (size_t i = 0; i < best->act_count; i++)
        for (size_t u = 0; u < sizeof units / sizeof units[0]; u++) {
            *candidate = *best;
            struct act *a = &candidate->acts[i];
            a->at = rounded(a->at, units[u]);
            if (a->length)
                a->length = rounded(a->length, units[u]);
            if (a->at <= candidate->until && try(s, best, candidate))
                break;
        }
    free(candidate);
}

bool shrink_story(struct shrink *s, struct story *story)
{
    s->acts_before = story->act_count;
    s->story = story;
    if (!fails(s, story))
        return false;
    /* The network's seed sees what is left out: each turn opens the way for the next. */
    for (bool smaller = true; smaller && s->runs < s->runs_max;) {
        smaller = fewer_acts(s, story);
        smaller |= shorter(s, story);
        smaller |= fewer_nodes(s, story);
        smaller |= simpler_world(s, story);
        smaller |= usual_world(s, story);
    }
    s->runs_max += s->runs_max / 4;
    plainer_words(s, story);
    return true;
}
