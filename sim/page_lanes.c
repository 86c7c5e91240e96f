/* The lanes of a run's page: what was done, and each node's power, agent, doubts and orders. */
#include "sim/page_draw.h"

#include "sim/machine.h"
#include "sim/story_tell.h"
#include "sim/world.h"

#include <string.h>

#define BIT(i) (UINT32_C(1) << (i))

/* A node's strip from its top: votes, its bar with orders on it, how many doubt it with the end of
 * its power on it, and proofs. So marks of one moment do not lie on one another. */
enum { BAR_TOP = 13, BAR_HEIGHT = 16, DOUBT_TOP = 33, DOUBT_HEIGHT = 16, STRIP = 62 };

static void rect(const struct page *p, int64_t from, int64_t to, int top, int height,
                 const char *color)
{
    if (to <= from)
        return;
    fprintf(p->out, "<rect x=%s y=%d width=%s height=%d fill=\"var(--%s)\"/>", page_x(p, from), top,
            page_x(p, to - from), height, color);
}

static void begin_lane(const struct page *p, const char *name, const char *kind)
{
    bool tall = strcmp(kind, "node") == 0;
    fprintf(p->out, "<div class=\"lane%s\"><span class=name>", tall ? " tall" : "");
    page_text(p, name);
    fprintf(p->out, "</span><div class=\"strip %s\">", kind);
}

static void begin_svg(const struct page *p, int height)
{
    fprintf(p->out,
            "<svg viewBox=\"0 0 1000 %d\" preserveAspectRatio=none aria-hidden=true "
            "focusable=false>",
            height);
}

/* --- what was done --- */

static void act_lane(const struct page *p, const struct act *a)
{
    char text[TELL_TEXT_SIZE];
    int64_t to = a->length ? a->at + a->length : act_heals(a->kind) ? p->end : a->at;
    if (to > p->end)
        to = p->end;
    story_act_text(p->w->play->story, a, text, sizeof text);
    begin_lane(p, text, "act");
    begin_svg(p, 12);
    rect(p, 0, p->end, 5, 2, "line");
    /* A moment is drawn wide enough to be seen. */
    int64_t least = a->at + p->end / 150;
    rect(p, a->at, to < least ? least : to, 1, 10, "cut");
    fputs("</svg></div></div>\n", p->out);
}

static void acts(const struct page *p)
{
    enum { ACTS_SHOWN = 16 };
    const struct story *s = p->w->play->story;
    size_t shown = 0;
    if (s->act_count == 0)
        return;
    fputs("<h2>What was done</h2>\n", p->out);
    for (size_t i = 0; i < s->act_count; i++)
        if (s->acts[i].at <= p->end && shown++ < ACTS_SHOWN)
            act_lane(p, &s->acts[i]);
    if (shown > ACTS_SHOWN)
        fprintf(p->out, "<p class=soft>And %zu more: see <a href=#events>the list</a>.</p>\n",
                shown - ACTS_SHOWN);
    page_axis(p);
}

/* --- a node --- */

struct condition {
    bool powered, up, still;
};

static const char *condition_color(struct condition c)
{
    return !c.powered ? NULL : !c.up ? "down" : c.still ? "still" : "up";
}

static void follow(struct condition *c, const struct entry *e)
{
    switch (e->kind) {
    case CHRONICLE_BOOTS:
        c->powered = true;
        break;
    case CHRONICLE_POWER_GOES:
        *c = (struct condition){false, false, false};
        break;
    case CHRONICLE_AGENT_STARTS:
        c->up = true;
        c->still = false;
        break;
    case CHRONICLE_AGENT_ENDS:
        c->up = c->still = false;
        break;
    case CHRONICLE_STANDS_STILL:
        c->still = true;
        break;
    case CHRONICLE_GOES_ON:
        c->still = false;
        break;
    case CHRONICLE_READY:
    case CHRONICLE_STORE:
    case CHRONICLE_STANDING:
    case CHRONICLE_VIEW:
    case CHRONICLE_GRANT:
    case CHRONICLE_CONVERTS:
    case CHRONICLE_END:
    case CHRONICLE_LOST:
    case CHRONICLE_ASKS:
    case CHRONICLE_REFUSED:
    case CHRONICLE_VOTE:
    case CHRONICLE_ORDERED:
    case CHRONICLE_DRIVER:
    case CHRONICLE_OUTCOME:
    case CHRONICLE_PROOF:
    case CHRONICLE_ACT:
    case CHRONICLE_HEALS:
    case CHRONICLE_KINDS:
        break;
    }
}

static void bar(const struct page *p, size_t node)
{
    const struct chronicle *c = p->w->chronicle;
    struct condition now = {false, false, false};
    int64_t since = 0;
    rect(p, 0, p->end, BAR_TOP + BAR_HEIGHT / 2 - 1, 2, "line");
    for (size_t i = 0; i <= c->count; i++) {
        struct condition before = now;
        const struct entry *e = i < c->count ? &c->entries[i] : NULL;
        bool own =
            e && e->machine == node && e->kind != CHRONICLE_ACT && e->kind != CHRONICLE_HEALS;
        if (own)
            follow(&now, e);
        const char *color = condition_color(before);
        if (e && color == condition_color(now))
            continue;
        int64_t until = e ? e->at : p->end;
        if (color)
            rect(p, since, until, BAR_TOP, BAR_HEIGHT, color);
        since = until;
    }
}

/* How many members hold this node suspect or dead. */
static void doubts(const struct page *p, size_t node)
{
    const struct chronicle *c = p->w->chronicle;
    uint32_t doubting = 0;
    int64_t since = 0;
    int members = (int)p->w->machine_count - 1;
    for (size_t i = 0; i <= c->count; i++) {
        const struct entry *e = i < c->count ? &c->entries[i] : NULL;
        uint32_t before = doubting;
        if (e && e->kind == CHRONICLE_VIEW && e->other == node) {
            bool doubts_it = e->number == MEMBER_SUSPECT || e->number == MEMBER_DEAD;
            doubting = doubts_it ? doubting | BIT(e->machine) : doubting & ~BIT(e->machine);
        }
        if (e && before == doubting)
            continue;
        int count = __builtin_popcount(before);
        if (count > 0 && members > 0) {
            int height = DOUBT_HEIGHT * count / members;
            rect(p, since, e ? e->at : p->end, DOUBT_TOP + DOUBT_HEIGHT - height, height, "doubt");
        }
        since = e ? e->at : p->end;
    }
}

/* Cuts that this node is on the smaller side of. */
static void cuts(const struct page *p, size_t node)
{
    const struct story *s = p->w->play->story;
    for (size_t i = 0; i < s->act_count; i++) {
        const struct act *a = &s->acts[i];
        bool network = a->kind == ACT_CUT || a->kind == ACT_FLAP || a->kind == ACT_LOSS ||
                       a->kind == ACT_DELAY;
        bool other = a->only && __builtin_popcount(a->only) < __builtin_popcount(a->bits);
        uint32_t side = other ? a->only : a->bits;
        if (!network || !(side & BIT(node)) || a->at > p->end)
            continue;
        int64_t to = a->length && a->at + a->length < p->end ? a->at + a->length : p->end;
        fprintf(p->out, "<rect x=%s y=0 width=%s height=62 fill=\"var(--apart)\"/>",
                page_x(p, a->at), page_x(p, to - a->at));
    }
}

static void mark(const struct page *p, size_t index, const char *kind)
{
    char text[TELL_TEXT_SIZE];
    static uint8_t told[CHRONICLE_MAX];
    const struct entry *e = &p->w->chronicle->entries[index];
    memset(told, 0, p->w->chronicle->count);
    if (!story_sentence(p->w, index, told, text))
        return;
    fprintf(p->out, "<a class=\"mark %s\" href=#e%zu style=\"left:%s\" title=\"", kind, index,
            page_percent(p, e->at));
    page_text(p, text);
    fprintf(p->out, "\" aria-label=\"%lld.%03lld s: ", (long long)e->at / 1000000000,
            (long long)e->at / 1000000 % 1000);
    page_text(p, text);
    fputs("\"></a>", p->out);
}

/* Votes within a moment are one mark: they would lie on one another. */
static void marks(const struct page *p, size_t node)
{
    const struct chronicle *c = p->w->chronicle;
    int64_t last_vote = -p->end;
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *e = &c->entries[i];
        if (e->kind == CHRONICLE_VOTE && e->other == node && e->at - last_vote > p->end / 60) {
            last_vote = e->at;
            mark(p, i, "vote");
        } else if (e->machine != node) {
            continue;
        } else if (e->kind == CHRONICLE_ORDERED) {
            mark(p, i, "order");
        } else if (e->kind == CHRONICLE_POWER_GOES && e->other) {
            mark(p, i, "off");
        } else if (e->kind == CHRONICLE_PROOF && e->at > p->end / 20) {
            mark(p, i, "receipt");
        }
    }
}

static void key(const struct page *p)
{
    static const struct {
        const char *color, *text;
    } colors[] = {{"up", "agent runs"},
                  {"still", "stands still"},
                  {"down", "on, no agent"},
                  {"apart", "network cut or ill"},
                  {"doubt", "held suspect or dead, the higher the more members"}};
    static const struct {
        const char *mark, *text;
    } kinds[] = {{"vote", "votes against it"},
                 {"order", "order"},
                 {"off", "switched off"},
                 {"receipt", "proof that its life is over"}};
    fputs("<ul class=key>\n", p->out);
    for (size_t i = 0; i < sizeof colors / sizeof colors[0]; i++)
        fprintf(p->out, "<li><i style=\"background:var(--%s)\"></i>%s</li>\n", colors[i].color,
                colors[i].text);
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++)
        fprintf(p->out, "<li><span class=\"mark %s\"></span>%s</li>\n", kinds[i].mark,
                kinds[i].text);
    fputs("</ul>\n", p->out);
}

void page_lanes(const struct page *p)
{
    acts(p);
    fputs("<h2>Nodes</h2>\n", p->out);
    key(p);
    for (size_t i = 0; i < p->w->machine_count; i++) {
        begin_lane(p, p->w->machines[i].name, "node");
        begin_svg(p, STRIP);
        cuts(p, i);
        bar(p, i);
        doubts(p, i);
        fputs("</svg>", p->out);
        marks(p, i);
        fputs("</div></div>\n", p->out);
    }
    page_axis(p);
}
