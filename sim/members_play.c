/* The experiments: see members.h. Each seed is a world of its own. */
#include "sim/members.h"

#include "proto/must.h"

#include <stdlib.h>

static const int64_t second = 1000000000;

/* Sizes from which several deaths are watched in one world, one after another. */
enum { LARGE = 2000, LARGE_DEATHS = 10 };

/* --- Figures --- */

static struct members_figure *figure(struct members_play *p, const char *name, const char *unit)
{
    for (size_t i = 0; i < p->figure_count; i++)
        if (p->figures[i].name == name)
            return &p->figures[i];
    must(p->figure_count < MEMBERS_FIGURES);
    struct members_figure *f = &p->figures[p->figure_count++];
    *f = (struct members_figure){
        .name = name, .unit = unit, .samples = malloc(MEMBERS_SAMPLES_MAX * sizeof(int64_t))};
    must(f->samples);
    return f;
}

static void sample(struct members_play *p, const char *name, const char *unit, int64_t value)
{
    struct members_figure *f = figure(p, name, unit);
    if (value < 0)
        f->never++;
    else if (f->count < MEMBERS_SAMPLES_MAX)
        f->samples[f->count++] = value;
}

static void sample_ns(struct members_play *p, const char *name, int64_t ns)
{
    sample(p, name, "ms", ns < 0 ? -1 : ns / 1000000);
}

static struct members_world *begin(const struct members_play *p, uint64_t seed, bool warm)
{
    struct members_options o = {.mode = p->mode,
                                .nodes = p->nodes,
                                .seed = seed,
                                .warm = warm,
                                .loss_permille = p->loss_permille,
                                .delay_low = SPAN_MS(1),
                                .delay_high = SPAN_MS(3),
                                .suspicion_mult = p->experiment == PLAY_INTERVAL ? 5 : 0};
    return members_open(&o);
}

static void end(struct members_play *p, struct members_world *w)
{
    p->hash ^= w->hash * UINT64_C(0x9e3779b97f4a7c15);
    p->events += w->f.events;
    members_close(w);
}

/* --- One dies --- */

static bool victim_known(const struct members_world *w)
{
    return w->seen.missing == 0;
}

static void play_crash(struct members_play *p, uint64_t seed)
{
    struct members_world *w = begin(p, seed, true);
    size_t deaths = p->nodes >= LARGE ? LARGE_DEATHS : 1;
    members_run(w, w->now + 20 * second, NULL);
    for (size_t i = 0; i < deaths; i++) {
        size_t victim;
        members_run(w, w->now + random_between(&w->random, 0, 2 * second), NULL);
        do
            victim = (size_t)random_below(&w->random, p->nodes);
        while (w->nodes[victim].dead);
        members_kill(w, victim);
        members_run(w, w->now + 120 * second, victim_known);
        sample_ns(p, "first suspicion", w->seen.suspected_first);
        sample_ns(p, "known to the first", w->seen.dead_first);
        sample_ns(p, "known to all", w->seen.dead_last);
        sample_ns(p, "spread", w->seen.dead_last < 0 ? -1 : w->seen.dead_last - w->seen.dead_first);
        members_run(w, w->now + 5 * second, NULL);
    }
    sample(p, "false deaths", "", (int64_t)w->f.false_deaths);
    end(p, w);
}

/* --- Agents that stand still --- */

struct freezing {
    size_t node;
    int64_t at; /* when it changes */
    bool still;
};

/* `count` random nodes stand still for `still` at a time, and run for `runs` between; for `span`.
 */
static void freeze_some(struct members_world *w, size_t count, int64_t still, int64_t runs,
                        int64_t span, bool blocked, bool together)
{
    struct freezing table[256];
    int64_t until = w->now + span;
    must(count > 0 && count <= 256 && count < w->o.nodes);
    for (size_t i = 0; i < count; i++) {
        size_t node;
        do
            node = (size_t)random_below(&w->random, w->o.nodes);
        while (w->nodes[node].faulty);
        w->nodes[node].faulty = true;
        int64_t first = together ? 0 : random_between(&w->random, 0, still + runs);
        table[i] = (struct freezing){.node = node, .at = w->now + first};
    }
    for (;;) {
        struct freezing *next = &table[0];
        for (size_t i = 1; i < count; i++)
            if (table[i].at < next->at)
                next = &table[i];
        if (next->at > until)
            break;
        members_run(w, next->at, NULL);
        next->still = !next->still;
        next->at += next->still ? still : runs;
        if (blocked)
            members_block(w, next->node, next->still);
        else
            members_freeze(w, next->node, next->still);
    }
    members_run(w, until, NULL);
    for (size_t i = 0; i < count; i++) {
        if (table[i].still && blocked)
            members_block(w, table[i].node, false);
        else if (table[i].still)
            members_freeze(w, table[i].node, false);
    }
    members_run(w, w->now + 20 * second, NULL);
}

static void sample_false(struct members_play *p, const struct members_world *w)
{
    sample(p, "false suspicions", "", (int64_t)w->f.false_suspicions);
    sample(p, "false deaths", "", (int64_t)w->f.false_deaths);
    sample(p, "false deaths at healthy", "", (int64_t)w->f.false_deaths_healthy);
    sample(p, "runs with a false death", "", w->f.false_deaths > 0);
}

/* Lifeguard, section V-D: every cell once per seed; the seed picks a cell in turn. */
static void play_interval(struct members_play *p, uint64_t seed)
{
    static const size_t anomalies[] = {1, 4, 8, 16, 32};
    static const int64_t lasts_ms[] = {128, 512, 2048, 8192, 16384, 32768};
    static const int64_t apart_ms[] = {1, 64, 1024, 16384};
    for (size_t c = 0; c < 5; c++) {
        for (size_t d = 0; d < 6; d++) {
            for (size_t i = 0; i < 4; i++) {
                struct members_world *w = begin(p, seed * 1000 + c * 100 + d * 10 + i, true);
                members_run(w, w->now + 15 * second, NULL);
                freeze_some(w, anomalies[c], lasts_ms[d] * 1000000, apart_ms[i] * 1000000,
                            120 * second, true, true);
                sample_false(p, w);
                end(p, w);
            }
        }
    }
}

/* Nine cells a size: 1, 3, 10 % of the nodes, frozen for 1, 5, 30 s at a time, running 1 s between.
 */
static void play_starved(struct members_play *p, uint64_t seed)
{
    static const uint32_t percent[] = {1, 3, 10};
    static const int64_t lasts[] = {1, 5, 30};
    for (size_t c = 0; c < 3; c++) {
        for (size_t d = 0; d < 3; d++) {
            if ((p->part && p->part != percent[c]) || (p->held && p->held != lasts[d] * second))
                continue;
            struct members_world *w = begin(p, seed * 100 + c * 10 + d, true);
            size_t count = (p->nodes * percent[c] + 99) / 100;
            members_run(w, w->now + 10 * second, NULL);
            freeze_some(w, count, lasts[d] * second, second, 120 * second, false, false);
            sample_false(p, w);
            end(p, w);
        }
    }
}

/* --- Splits --- */

static bool both_settled(const struct members_world *w)
{
    return w->f.across == 0 && w->f.wrong == 0;
}

static bool one_view(const struct members_world *w)
{
    return w->f.wrong == 0;
}

static void play_split(struct members_play *p, uint64_t seed)
{
    struct members_world *w = begin(p, seed, true);
    size_t smaller = p->nodes * (p->part ? p->part : 50) / 100;
    int64_t held = p->held ? p->held : 30 * second;
    members_run(w, w->now + 10 * second + random_between(&w->random, 0, second), NULL);
    for (size_t i = 0; i < (smaller ? smaller : 1);) {
        size_t at = (size_t)random_below(&w->random, p->nodes);
        i += w->nodes[at].side == 0;
        w->nodes[at].side = 1;
    }
    w->split = true;
    members_count(w);
    int64_t struck = w->now;
    bool settled = members_run(w, struck + held, both_settled);
    sample_ns(p, "both sides settled", settled ? w->now - struck : -1);
    members_run(w, struck + held, NULL);
    sample(p, "false deaths while split", "", (int64_t)w->f.false_deaths);
    w->split = false;
    members_count(w);
    struck = w->now;
    bool healed = members_run(w, struck + 120 * second, one_view);
    sample_ns(p, "healed to one view", healed ? w->now - struck : -1);
    members_run(w, w->now + 10 * second, NULL);
    sample(p, "wrong 10 s later", "", (int64_t)w->f.wrong);
    sample(p, "false deaths", "", (int64_t)w->f.false_deaths);
    end(p, w);
}

/* --- Storms: `part` 0: ten crash at once; 1: 1 % are deaf for 20 s in 40; 2: 1 % lose 80 % --- */

static size_t pick_faulty(struct members_world *w, size_t count, size_t *out)
{
    for (size_t i = 0; i < count; i++) {
        do
            out[i] = (size_t)random_below(&w->random, w->o.nodes);
        while (w->nodes[out[i]].faulty);
        w->nodes[out[i]].faulty = true;
    }
    return count;
}

/* Pairs of a living healthy observer and a faulty node that it does not hold dead. */
static uint64_t not_removed(const struct members_world *w, const size_t *faulty, size_t count)
{
    uint64_t sum = 0;
    for (size_t i = 0; i < w->o.nodes; i++)
        for (size_t k = 0; k < count && !w->nodes[i].faulty; k++)
            sum += w->rules->state(w, i, faulty[k]) != MEMBER_DEAD;
    return sum;
}

/* The links are well again. */
static void sample_back(struct members_play *p, struct members_world *w, const size_t *faulty,
                        size_t count)
{
    for (size_t i = 0; i < count; i++)
        w->nodes[faulty[i]].loss_permille = 0;
    members_count(w);
    int64_t healed = w->now;
    bool back = members_run(w, healed + 120 * second, one_view);
    sample_ns(p, "back once all is well", back ? w->now - healed : -1);
}

static void play_storm(struct members_play *p, uint64_t seed)
{
    struct members_world *w = begin(p, seed, true);
    size_t faulty[128], count;
    members_run(w, w->now + 15 * second + random_between(&w->random, 0, second), NULL);
    count = pick_faulty(w, p->part == 0 ? 10 : (p->nodes + 99) / 100, faulty);
    int64_t struck = w->now, all_at = -1;
    for (size_t i = 0; i < count; i++) {
        if (p->part == 0)
            w->nodes[faulty[i]].dead = true;
        w->nodes[faulty[i]].deaf = p->part == 1;
        w->nodes[faulty[i]].loss_permille = p->part == 2 ? 800 : 0;
    }
    for (int64_t tick = 1; tick <= 600; tick++) {
        members_run(w, struck + tick * second / 10, NULL);
        if (not_removed(w, faulty, count) == 0 && all_at < 0)
            all_at = w->now - struck;
        for (size_t i = 0; i < count && p->part == 1 && tick % 200 == 0; i++)
            w->nodes[faulty[i]].deaf = tick / 200 % 2 == 0;
    }
    sample_ns(p, "all faulty removed", all_at);
    sample(p, "not removed at 60 s", "%",
           (int64_t)(not_removed(w, faulty, count) * 100 / (count * (p->nodes - count))));
    sample(p, "re-admissions a victim", "/1000",
           (int64_t)(w->f.readmitted * 1000 / (count * (p->nodes - count))));
    sample(p, "false deaths at healthy", "", (int64_t)w->f.false_deaths_healthy);
    if (p->part == 2)
        sample_back(p, w, faulty, count);
    end(p, w);
}

/* --- A whole site starts --- */

static void play_start(struct members_play *p, uint64_t seed)
{
    struct members_world *w = begin(p, seed, false);
    int64_t struck = w->now;
    bool all = members_run(w, struck + 300 * second, one_view);
    sample_ns(p, "all know all", all ? w->now - struck : -1);
    sample(p, "bytes a node", "B", (int64_t)(w->f.bytes / p->nodes));
    end(p, w);
}

/* --- Nothing happens --- */

static void play_bytes(struct members_play *p, uint64_t seed)
{
    struct members_world *w = begin(p, seed, true);
    int64_t span = p->mode == MODE_HOLDFAST ? 60 : 400; /* push-pull has a long period */
    members_run(w, w->now + 60 * second, NULL);
    uint64_t bytes = w->f.bytes, datagrams = w->f.datagrams;
    members_run(w, w->now + span * second, NULL);
    uint64_t each = p->nodes * (uint64_t)span;
    sample(p, "bytes a node and second", "B", (int64_t)((w->f.bytes - bytes) / each));
    sample(p, "datagrams a node and 100 s", "",
           (int64_t)((w->f.datagrams - datagrams) * 100 / each));
    sample(p, "false suspicions", "", (int64_t)w->f.false_suspicions);
    end(p, w);
}

void members_play(struct members_play *p)
{
    static void (*const plays[MEMBERS_EXPERIMENTS])(struct members_play *, uint64_t) = {
        [PLAY_CRASH] = play_crash, [PLAY_INTERVAL] = play_interval, [PLAY_STARVED] = play_starved,
        [PLAY_SPLIT] = play_split, [PLAY_STORM] = play_storm,       [PLAY_START] = play_start,
        [PLAY_BYTES] = play_bytes,
    };
    for (uint64_t i = 0; i < p->seeds; i++) {
        plays[p->experiment](p, p->seed + i);
        if (p->progress)
            p->progress(p, i + 1);
    }
}
