/* A story in words again: acts for timelines, and whole files. See story.h. */
#include "sim/story.h"

#include "sim/modes.h"
#include "sim/story_drawn.h"

#include <string.h>

#define BIT(i) (UINT32_C(1) << (i))

const char *story_span(int64_t ns)
{
    static char texts[4][32];
    static unsigned next;
    static const struct {
        int64_t ns;
        int digits;
        const char *unit;
    } units[] = {{1000000000, 9, "s"}, {1000000, 6, "ms"}, {1000, 3, "us"}, {1, 0, "ns"}};
    char *text = texts[next++ % 4];
    size_t u = 0;
    while (u < 3 && ns < units[u].ns)
        u++;
    if (ns == 0)
        u = 0;
    int used = snprintf(text, sizeof texts[0], "%lld", (long long)(ns / units[u].ns));
    if (ns % units[u].ns) {
        used += snprintf(text + used, sizeof texts[0] - (size_t)used, ".%0*lld", units[u].digits,
                         (long long)(ns % units[u].ns));
        while (text[used - 1] == '0')
            used--;
    }
    snprintf(text + used, sizeof texts[0] - (size_t)used, "%s", units[u].unit);
    return text;
}

const char *story_group(const struct story *s, uint32_t bits, char *out, size_t size)
{
    size_t used = 0;
    if (bits == BIT(s->p.nodes) - 1 && s->p.nodes > 1) {
        snprintf(out, size, "all");
        return out;
    }
    for (size_t i = 0; i < s->rack_count; i++)
        if (s->racks[i].bits == bits) {
            snprintf(out, size, "%s", s->racks[i].name);
            return out;
        }
    out[0] = '\0';
    for (size_t i = 0; i < s->p.nodes && used < size; i++)
        if (bits & BIT(i))
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? " " : "", s->nodes[i]);
    return out;
}

static const char *mood_word(enum device_mood mood)
{
    switch (mood) {
    case DEVICE_WORKS:
        return "works";
    case DEVICE_SLOW:
        return "slow";
    case DEVICE_FAILS:
        return "fails";
    case DEVICE_HANGS:
        return "hangs";
    case DEVICE_LATE:
        return "late";
    case DEVICE_STAYS:
        return "stays";
    case DEVICE_SAYS_ON:
        return "says-on";
    case DEVICE_OTHER:
        return "another";
    case DEVICE_LIES:
        return "lies";
    case DEVICE_MOODS:
        break;
    }
    return "works";
}

const char *fault_name(enum fault_kind kind)
{
    static const char *const names[] = {
#define FAULT_NAME(NAME, ...) #NAME,
        FAULTS(FAULT_NAME)
#undef FAULT_NAME
    };
    return kind < FAULT_KINDS ? names[kind] : NULL;
}

/* "A from B", "A -> B"; loss and delay of all that a node sends and gets: "at A". */
static void sides(const struct story *s, const struct act *a, char *out, size_t size)
{
    char left[120], right[120];
    uint32_t all = BIT(s->p.nodes) - 1;
    bool ill = a->kind == ACT_LOSS || a->kind == ACT_DELAY;
    if (ill && a->only == all) {
        snprintf(out, size, "%s%s", a->bits == all ? "" : "at ",
                 a->bits == all ? "" : story_group(s, a->bits, left, sizeof left));
        return;
    }
    story_group(s, a->outward ? a->bits : a->only, left, sizeof left);
    story_group(s, a->outward ? a->only : a->bits, right, sizeof right);
    const char *between = !a->outward || !a->inward ? "->" : a->kind == ACT_CUT ? "from" : "-";
    snprintf(out, size, "%s %s %s", left, between, right);
}

static void fault_text_of(const struct story *s, const struct act *a, char *out, size_t size)
{
    char group[120], only[120] = "", from[128] = "";
    story_group(s, a->bits, group, sizeof group);
    if (a->only)
        snprintf(from, sizeof from, " from %s", story_group(s, a->only, only, sizeof only));
    snprintf(out, size, "fault %s of %s%s%s", fault_name(a->fault), group, from,
             !a->only || (a->inward && a->outward) ? ""
             : a->outward                          ? " outward"
                                                   : " inward");
}

static const char *ttl_text(const struct act *a)
{
    static char text[24];
    snprintf(text, sizeof text, " %s", story_span(a->amount));
    return text;
}

static void verb_text(const struct story *s, const struct act *a, char *out, size_t size)
{
    char group[120], links[260];
    story_group(s, a->bits, group, sizeof group);
    sides(s, a, links, sizeof links);
    switch (a->kind) {
    case ACT_CUT:
        snprintf(out, size, "cut %s", links);
        break;
    case ACT_FLAP:
        snprintf(out, size, "flap %s every %s", group, story_span(a->amount));
        break;
    case ACT_LOSS:
        snprintf(out, size, "loss %lld.%lld%% %s", (long long)a->amount / 10,
                 (long long)a->amount % 10, links);
        break;
    case ACT_DELAY:
        snprintf(out, size, "delay %s %s", story_span(a->amount), links);
        break;
    case ACT_DISK_SLOW:
        snprintf(out, size, "disk of %s slow %s", group, story_span(a->amount));
        break;
    case ACT_DISK_FAILS:
        snprintf(out, size, "disk of %s fails", group);
        break;
    case ACT_STORE_LOST:
        snprintf(out, size, "store of %s lost", group);
        break;
    case ACT_DEVICE:
        snprintf(out, size, "fence device of %s %s%s%s", group, mood_word(a->mood),
                 a->amount ? " " : "", a->amount ? story_span(a->amount) : "");
        break;
    case ACT_LOCK:
        snprintf(out, size, "%s locks %s %s%s%s%s", group, s->names[a->name],
                 modes_text(a->mode, a->limit), a->policy == LOCK_STALE_FENCE ? "" : " stale ",
                 a->policy == LOCK_STALE_FENCE ? "" : lock_policy_text(a->policy),
                 a->policy == LOCK_STALE_EXPIRE ? ttl_text(a) : "");
        break;
    case ACT_RELEASE:
    case ACT_WRITE:
        snprintf(out, size, "%s %s %s", group, act_text(a->kind), s->names[a->name]);
        break;
    case ACT_CONVERT:
        snprintf(out, size, "%s converts %s to %s", group, s->names[a->name],
                 modes_text(a->mode, a->limit));
        break;
    case ACT_HAND_OVER:
        snprintf(out, size, "%s hands %s over to %s", group, s->names[a->name],
                 s->nodes[__builtin_ctz(a->only)]);
        break;
    case ACT_FAULT:
        fault_text_of(s, a, out, size);
        break;
    case ACT_HEAL:
        snprintf(out, size, "heal");
        break;
    case ACT_KILL_AGENT:
    case ACT_START_AGENT:
    case ACT_RESTART_AGENT:
    case ACT_STOP_AGENT:
    case ACT_POWER_OFF:
    case ACT_POWER_ON:
    case ACT_PAUSE:
    case ACT_FREEZE:
        snprintf(out, size, "%s %s", act_text(a->kind), group);
        break;
    case ACT_KINDS:
        break;
    }
}

void story_act_text(const struct story *s, const struct act *a, char *out, size_t size)
{
    verb_text(s, a, out, size);
    size_t used = strlen(out);
    if (a->length > 0)
        used += (size_t)snprintf(out + used, size - used, " for %s", story_span(a->length));
    if (a->dice && used < size)
        snprintf(out + used, size - used, " dice %llu", (unsigned long long)a->dice);
}

/* --- a whole file --- */

static void write_nodes(const struct story *s, FILE *out)
{
    fprintf(out, "nodes");
    for (size_t i = 0; i < s->p.nodes; i++)
        fprintf(out, " %s", s->nodes[i]);
    fputc('\n', out);
    for (size_t i = 0; i < s->rack_count; i++) {
        char group[200];
        struct story plain = {.p.nodes = s->p.nodes};
        memcpy(plain.nodes, s->nodes, sizeof plain.nodes);
        fprintf(out, "rack %s: %s\n", s->racks[i].name,
                story_group(&plain, s->racks[i].bits, group, sizeof group));
    }
}

/* What has words of its own; `base` becomes the same, so that the rest is left for `drawn`. */
static void write_range(const char *word, struct range r, struct range *base, FILE *out)
{
    if (r.low.ns == base->low.ns && r.high.ns == base->high.ns)
        return;
    if (r.low.ns == r.high.ns)
        fprintf(out, "%s %s", word, story_span(r.low.ns));
    else
        fprintf(out, "%s %s..%s", word, story_span(r.low.ns), story_span(r.high.ns));
    *base = r;
}

static void write_share(const char *word, uint32_t permille, uint32_t *base, FILE *out)
{
    if (permille != *base)
        fprintf(out, "%s %u.%u%%", word, permille / 10, permille % 10);
    *base = permille;
}

static void write_world(const struct parameters *p, struct parameters *base, FILE *out)
{
    if (p->cohort != base->cohort)
        fprintf(out, "cohort %u\n", p->cohort);
    if (p->shards != base->shards)
        fprintf(out, "shards %u\n", p->shards);
    if (p->detect_ms != base->detect_ms)
        fprintf(out, "detect %s\n", story_span((int64_t)p->detect_ms * 1000000));
    if (p->brake_span.ns != base->brake_span.ns)
        fprintf(out, "brake %s\n", story_span(p->brake_span.ns));
    if (!p->stop_on_isolation)
        fprintf(out, "on_isolation continue\n");
    if (p->watchdog)
        fprintf(out, "watchdogs on\n");
    fprintf(out, "network delay %s..%s", story_span(p->delay.low.ns), story_span(p->delay.high.ns));
    write_share(", loss", p->loss_permille, &base->loss_permille, out);
    write_share(", duplicates", p->duplicate_permille, &base->duplicate_permille, out);
    fprintf(out, "\ndisk sync %s..%s\n", story_span(p->sync.low.ns), story_span(p->sync.high.ns));
    base->cohort = p->cohort;
    base->shards = p->shards;
    base->detect_ms = p->detect_ms;
    base->brake_span = p->brake_span;
    base->stop_on_isolation = p->stop_on_isolation;
    base->watchdog = p->watchdog;
    base->delay = p->delay;
    base->sync = p->sync;
}

static void write_workload(const struct story *s, struct parameters *base, FILE *out)
{
    char group[200];
    uint32_t all = BIT(s->p.nodes) - 1;
    if (s->p.clients == 0)
        return;
    fprintf(out, "workload %u clients on %s", s->p.clients,
            s->quiet ? story_group(s, all & ~s->quiet, group, sizeof group) : "each");
    for (size_t i = 0; s->named_workload && i < s->p.names; i++)
        fprintf(out, "%s %s", i ? "" : ", names", s->names[s->workload_first + i]);
    write_range(", hold", s->p.hold, &base->hold, out);
    write_range(", think", s->p.think, &base->think, out);
    write_range(", wait", s->p.wait, &base->wait, out);
    if (s->p.shared_permille != base->shared_permille)
        fprintf(out, ", %u.%u%% shared", s->p.shared_permille / 10, s->p.shared_permille % 10);
    base->shared_permille = s->p.shared_permille;
    if (s->p.modes_permille != base->modes_permille)
        fprintf(out, ", %u.%u%% any mode", s->p.modes_permille / 10, s->p.modes_permille % 10);
    base->modes_permille = s->p.modes_permille;
    base->clients = s->p.clients;
    fputc('\n', out);
}

void story_write(const struct story *s, const char *why, FILE *out)
{
    static struct story base; /* too large for a stack */
    char text[500];
    story_init(&base);
    base.p.nodes = s->p.nodes;
    base.p.names = s->named_workload ? s->p.names : base.p.names;
    fprintf(out, "# %s\n\nseed %llu\n", why, (unsigned long long)s->seed);
    write_nodes(s, out);
    write_world(&s->p, &base.p, out);
    write_workload(s, &base.p, out);
    drawn_write(&s->p, &base.p, out);
    fprintf(out, "until %s\n", story_span(s->until));
    if (s->calm)
        fprintf(out, "calm at %s\n%s", story_span(s->calm), s->siege ? "siege\n" : "");
    fputc('\n', out);
    for (size_t i = 0; i < s->act_count; i++) {
        story_act_text(s, &s->acts[i], text, sizeof text);
        fprintf(out, "at %s %s\n", story_span(s->acts[i].at), text);
    }
    for (size_t i = 0; i < s->expect_count; i++)
        fprintf(out, "at %s expect %s\n", story_span(s->expects[i].from), s->expects[i].text);
}
