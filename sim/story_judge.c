/* Judges what a story expected: see story_judge.h. */
#include "sim/story_judge.h"

#include "proto/must.h"
#include "sim/modes.h"
#include "sim/world.h"

#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#define BIT(i) (UINT32_C(1) << (i))

/* To the millisecond: nobody reads more. */
static const char *when(int64_t ns)
{
    return story_span(ns / 1000000 * 1000000);
}

/* The history's index of a name; UINT32_MAX if nobody ever used it. */
static uint32_t name_index(const struct world *w, uint16_t name)
{
    const struct name *n = w->play->names[name];
    return n ? n->index : UINT32_MAX;
}

static void say(struct judgement *j, bool met, int64_t at, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
static void say(struct judgement *j, bool met, int64_t at, const char *format, ...)
{
    va_list arguments;
    j->met = met;
    j->at = at;
    va_start(arguments, format);
    vsnprintf(j->why, sizeof j->why, format, arguments);
    va_end(arguments);
}

/* --- figures --- */

static int compare_spans(const void *a, const void *b)
{
    int64_t x = *(const int64_t *)a, y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

/* The waits of all grants, ascending: the caller frees them. */
static int64_t *sorted_waits(const struct world *w, size_t *count)
{
    const struct chronicle *c = w->chronicle;
    int64_t *waits = calloc(c->count + 1, sizeof *waits);
    must(waits);
    *count = 0;
    for (size_t i = 0; i < c->count; i++)
        if (c->entries[i].kind == CHRONICLE_GRANT)
            waits[(*count)++] = c->entries[i].span;
    qsort(waits, *count, sizeof *waits, compare_spans);
    return waits;
}

/* The value below which `permille` of them are: nearest rank. */
static int64_t ranked(const int64_t *waits, size_t count, uint32_t permille)
{
    size_t at = (count * permille + 999) / 1000;
    return count ? waits[at ? at - 1 : 0] : 0;
}

static void count_gap(struct story_figures *f, int64_t *last, int64_t at)
{
    if (*last >= 0 && at - *last > f->gap) {
        f->gap = at - *last;
        f->gap_at = *last;
    }
    *last = at;
}

void story_count(const struct world *w, struct story_figures *f)
{
    const struct chronicle *c = w->chronicle;
    size_t count;
    int64_t last = -1;
    *f = (struct story_figures){0};
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *e = &c->entries[i];
        if (e->kind == CHRONICLE_GRANT)
            f->grants++, count_gap(f, &last, e->at);
        f->refused += e->kind == CHRONICLE_REFUSED;
        f->lost += e->kind == CHRONICLE_LOST;
        f->orders += e->kind == CHRONICLE_ORDERED;
        f->switched_off += e->kind == CHRONICLE_POWER_GOES && e->other;
    }
    if (last >= 0)
        count_gap(f, &last, w->now);
    int64_t *waits = sorted_waits(w, &count);
    f->wait_p50 = ranked(waits, count, 500);
    f->wait_p99 = ranked(waits, count, 990);
    f->wait_max = ranked(waits, count, 1000);
    free(waits);
}

uint32_t story_holders(const struct world *w, uint16_t name, int64_t at)
{
    const struct chronicle *c = w->chronicle;
    uint32_t index = name_index(w, name), bits = 0;
    uint32_t holds[MACHINES_MAX] = {0};
    for (size_t i = 0; i < c->count && c->entries[i].at <= at; i++) {
        const struct entry *e = &c->entries[i];
        if (e->name != index)
            continue;
        if (e->kind == CHRONICLE_GRANT)
            holds[e->machine]++;
        else if (e->kind == CHRONICLE_END && holds[e->machine])
            holds[e->machine]--;
    }
    for (size_t i = 0; i < MACHINES_MAX; i++)
        bits |= holds[i] ? BIT(i) : 0;
    return bits;
}

/* --- one by one --- */

static bool about(const struct expect *e, uint16_t machine)
{
    return !e->bits || e->bits & BIT(machine);
}

/* The first entry of a kind about the machines of `e`, in its time. */
static const struct entry *first(const struct world *w, const struct expect *e,
                                 enum chronicle_kind kind)
{
    const struct chronicle *c = w->chronicle;
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *n = &c->entries[i];
        bool by_device = kind != CHRONICLE_POWER_GOES || n->other;
        if (n->kind == kind && by_device && about(e, n->machine) && n->at >= e->from &&
            n->at <= e->until)
            return n;
    }
    return NULL;
}

static void judge_happens(const struct world *w, const struct expect *e, struct judgement *j,
                          enum chronicle_kind kind, const char *what)
{
    const struct entry *n = first(w, e, kind);
    if (n)
        say(j, true, n->at, "%s %s at %s", w->play->story->nodes[n->machine], what, when(n->at));
    else
        say(j, false, e->until == INT64_MAX ? -1 : e->until, "it did not happen");
}

static void judge_never(const struct world *w, const struct expect *e, struct judgement *j,
                        enum chronicle_kind kind, const char *what)
{
    const struct entry *n = first(w, e, kind);
    if (n)
        say(j, false, n->at, "%s %s at %s", w->play->story->nodes[n->machine], what, when(n->at));
    else
        say(j, true, -1, "it did not happen");
}

static void judge_no_fence(const struct world *w, const struct expect *e, struct judgement *j)
{
    judge_never(w, e, j, CHRONICLE_ORDERED, "is ordered fenced");
    if (j->met)
        judge_never(w, e, j, CHRONICLE_POWER_GOES, "is switched off");
}

/* Somebody else than at `from` is granted it. */
static const struct entry *passes(const struct world *w, const struct expect *e)
{
    const struct chronicle *c = w->chronicle;
    uint32_t before = story_holders(w, e->name, e->from);
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *n = &c->entries[i];
        if (n->kind == CHRONICLE_GRANT && n->name == name_index(w, e->name) && n->at > e->from &&
            n->at <= e->until && !(before & BIT(n->machine)))
            return n;
    }
    return NULL;
}

static void judge_passes(const struct world *w, const struct expect *e, struct judgement *j,
                         bool wanted)
{
    const struct entry *n = passes(w, e);
    if (n)
        say(j, wanted, n->at, "granted to %s at %s, after %s", w->play->story->nodes[n->machine],
            when(n->at), when(n->at - e->from));
    else if (wanted && !story_holders(w, e->name, e->from))
        say(j, false, e->until, "nobody held it at %s, and nobody was granted it", when(e->from));
    else
        say(j, !wanted, e->until, "nobody else was granted it by %s", when(e->until));
}

static void judge_held(const struct world *w, const struct expect *e, struct judgement *j)
{
    const struct chronicle *c = w->chronicle;
    char group[200];
    for (size_t i = 0; !e->exact && i < c->count; i++) {
        const struct entry *n = &c->entries[i];
        if (n->kind == CHRONICLE_GRANT && n->name == name_index(w, e->name) && n->at >= e->from &&
            n->at <= e->until && about(e, n->machine)) {
            say(j, true, n->at, "granted at %s", when(n->at));
            return;
        }
    }
    uint32_t holders = story_holders(w, e->name, e->exact ? e->until : e->from);
    bool met = holders && !(holders & ~e->bits);
    if (holders)
        say(j, met, e->until, "%s holds it",
            story_group(w->play->story, holders, group, sizeof group));
    else
        say(j, false, e->until, "nobody holds it");
}

/* Whoever holds at one time, each limit by itself. */
struct holders {
    uint32_t count[LOCK_MODES];
    uint32_t limits[LOCK_COUNT_MAX + 1];
};

static bool fits(const struct holders *h, const struct entry *n)
{
    struct modes held = modes_none();
    for (int mode = 0; mode < LOCK_MODES; mode++)
        held.count[mode] = h->count[mode];
    for (uint32_t limit = LOCK_COUNT_MAX; limit > 0; limit--)
        if (h->limits[limit])
            held.least = limit;
    return modes_fit(&held, n->mode, n->limit);
}

static void count(struct holders *h, enum lock_mode mode, uint16_t limit, uint32_t by)
{
    h->count[mode] += by;
    h->limits[limit] += mode == LOCK_COUNTED ? by : 0;
}

/* S1 judges the same: this is for people, and for runs that S1 ended. */
static void judge_never_two(const struct world *w, const struct expect *e, struct judgement *j)
{
    const struct chronicle *c = w->chronicle;
    struct holders holders = {0};
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *n = &c->entries[i];
        if (n->name != name_index(w, e->name))
            continue;
        if (n->kind == CHRONICLE_END)
            count(&holders, n->mode, n->limit, UINT32_MAX);
        else if (n->kind == CHRONICLE_CONVERTS)
            count(&holders, n->before, n->before_limit, UINT32_MAX);
        if (n->kind != CHRONICLE_GRANT && n->kind != CHRONICLE_CONVERTS)
            continue;
        if (!fits(&holders, n)) {
            say(j, false, n->at, "two at %s", when(n->at));
            return;
        }
        count(&holders, n->mode, n->limit, 1);
    }
    bool two = strcmp(w->verdict.check, "S1") == 0;
    say(j, !two, -1, two ? "S1 is broken" : "never");
}

static void judge_votes(const struct world *w, const struct expect *e, struct judgement *j,
                        bool wanted)
{
    const struct chronicle *c = w->chronicle;
    uint32_t votes = 0;
    int64_t since = -1, until = e->until == INT64_MAX ? w->now : e->until;
    for (size_t i = 0; i < c->count && c->entries[i].at <= until; i++) {
        const struct entry *n = &c->entries[i];
        if (!(e->bits & BIT(n->machine)))
            continue;
        if (n->kind == CHRONICLE_STORE && n->number == STORE_VOTING) {
            votes |= BIT(n->machine);
            since = n->at;
        } else if (n->kind == CHRONICLE_STORE || n->kind == CHRONICLE_AGENT_ENDS ||
                   n->kind == CHRONICLE_POWER_GOES) {
            votes &= ~BIT(n->machine);
        }
    }
    bool met = wanted ? votes == e->bits : votes == 0;
    if (votes)
        say(j, met, since, "votes since %s", when(since));
    else
        say(j, met, until, "does not vote at %s", when(until));
}

static void judge_number(const struct expect *e, struct judgement *j, uint64_t is, const char *what)
{
    uint64_t wanted = (uint64_t)e->amount;
    say(j, e->at_least ? is >= wanted : is <= wanted, -1, "%llu %s", (unsigned long long)is, what);
}

static void judge_spans(const struct world *w, const struct expect *e, struct judgement *j)
{
    struct story_figures f;
    size_t count;
    story_count(w, &f);
    if (e->kind == EXPECT_GAP) {
        say(j, f.grants && f.gap <= e->amount, f.gap_at,
            "%lld ms without a grant, from %lld.%03lld s on", (long long)f.gap / 1000000,
            (long long)f.gap_at / 1000000000, (long long)f.gap_at / 1000000 % 1000);
        return;
    }
    int64_t *waits = sorted_waits(w, &count);
    int64_t is = ranked(waits, count, e->rank);
    free(waits);
    say(j, count && is <= e->amount, -1, "%lld ms, of %zu grants", (long long)is / 1000000, count);
}

/* All that are up see them so at one moment, and still at the end of the time. */
static void judge_seen(const struct world *w, const struct expect *e, struct judgement *j)
{
    const struct chronicle *c = w->chronicle;
    uint8_t views[MACHINES_MAX][MACHINES_MAX] = {{0}};
    bool up[MACHINES_MAX] = {false};
    int64_t since = -1;
    size_t i = 0;
    for (; i < c->count && c->entries[i].at <= e->until; i++) {
        const struct entry *n = &c->entries[i];
        if (n->kind == CHRONICLE_VIEW)
            views[n->machine][n->other] = (uint8_t)n->number;
        else if (n->kind == CHRONICLE_AGENT_STARTS)
            up[n->machine] = true;
        else if (n->kind == CHRONICLE_AGENT_ENDS || n->kind == CHRONICLE_POWER_GOES)
            up[n->machine] = false;
        bool all = true;
        for (size_t a = 0; a < w->machine_count; a++)
            for (size_t b = 0; up[a] && b < w->machine_count; b++)
                all = all && (a == b || !(e->bits & BIT(b)) || views[a][b] == e->state);
        for (size_t b = 0; e->state == MEMBER_ALIVE && b < w->machine_count; b++)
            all = all && (up[b] || !(e->bits & BIT(b)));
        since = !all ? -1 : since < 0 ? n->at : since;
    }
    if (since >= 0)
        say(j, true, since, "since %s", when(since));
    else
        say(j, false, e->until, "not so at %s", when(e->until));
}

static void judge_never_held(const struct world *w, const struct expect *e, struct judgement *j)
{
    const struct chronicle *c = w->chronicle;
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *n = &c->entries[i];
        bool held = n->kind == CHRONICLE_VIEW &&
                    (n->number == MEMBER_DEAD || n->number == (uint64_t)e->state);
        if (!held || !(e->bits & BIT(n->other)) || n->at < e->from)
            continue;
        say(j, false, n->at, "%s holds %s %s at %s", w->play->story->nodes[n->machine],
            w->play->story->nodes[n->other], member_state_text((enum member_state)n->number),
            when(n->at));
        return;
    }
    say(j, true, -1, "never");
}

static void judge_broken(const struct world *w, const struct expect *e, struct judgement *j)
{
    bool met = strcmp(w->verdict.check, e->check) == 0;
    if (met)
        say(j, true, w->now, "%.140s", w->verdict.text);
    else
        say(j, false, -1, "%s", w->verdict.code ? "another check broke" : "no check broke");
}

void story_judge(const struct world *w, const struct expect *e, struct judgement *out)
{
    struct story_figures f;
    switch (e->kind) {
    case EXPECT_NO_FENCE:
        judge_no_fence(w, e, out);
        break;
    case EXPECT_FENCE:
        judge_happens(w, e, out, CHRONICLE_POWER_GOES, "is switched off");
        break;
    case EXPECT_ORDER:
        judge_happens(w, e, out, CHRONICLE_ORDERED, "is ordered fenced");
        break;
    case EXPECT_SWITCHED:
        story_count(w, &f);
        judge_number(e, out, f.switched_off, "switched off");
        break;
    case EXPECT_PASSES:
        judge_passes(w, e, out, true);
        break;
    case EXPECT_STAYS:
        judge_passes(w, e, out, false);
        break;
    case EXPECT_HELD:
        judge_held(w, e, out);
        break;
    case EXPECT_NEVER_TWO:
        judge_never_two(w, e, out);
        break;
    case EXPECT_VOTES:
        judge_votes(w, e, out, true);
        break;
    case EXPECT_NO_VOTE:
        judge_votes(w, e, out, false);
        break;
    case EXPECT_LOST:
        judge_happens(w, e, out, CHRONICLE_LOST, "is told that its lock is lost");
        break;
    case EXPECT_NO_LOST:
        judge_never(w, e, out, CHRONICLE_LOST, "is told that its lock is lost");
        break;
    case EXPECT_GRANTS:
        story_count(w, &f);
        judge_number(e, out, f.grants, "grants");
        break;
    case EXPECT_GAP:
    case EXPECT_WAIT:
        judge_spans(w, e, out);
        break;
    case EXPECT_SEEN:
        judge_seen(w, e, out);
        break;
    case EXPECT_NEVER_HELD:
        judge_never_held(w, e, out);
        break;
    case EXPECT_BROKEN:
        judge_broken(w, e, out);
        break;
    case EXPECT_KINDS:
        break;
    }
}
