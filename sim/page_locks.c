/* The locks of a run's page: who holds which, orders with their signatures, and how long grants
 * took. */
#include "sim/page_draw.h"

#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/story_judge.h"
#include "sim/world.h"

enum { LOCKS_SHOWN = 10 };

static const char *node(const struct page *p, size_t index)
{
    return p->w->machines[index].name;
}

/* The class of a holder's colour: there are eight, then the same again, striped. */
static const char *owner(size_t machine)
{
    static const char *const classes[] = {"own0",       "own1",       "own2",       "own3",
                                          "own4",       "own5",       "own6",       "own7",
                                          "own0 again", "own1 again", "own2 again", "own3 again",
                                          "own4 again", "own5 again", "own6 again", "own7 again"};
    _Static_assert(sizeof classes / sizeof classes[0] >= MACHINES_MAX, "a colour for each");
    return classes[machine];
}

/* One bar: whose it is stands in it if there is room. */
static void hold(const struct page *p, const struct entry *e, int64_t until)
{
    int64_t width = until - e->at;
    fprintf(p->out, "<span class=\"hold %s\" style=\"left:%s;width:%s\" title=\"",
            owner(e->machine), page_percent(p, e->at), page_percent(p, width));
    page_text(p, node(p, e->machine));
    fprintf(p->out, ", %s, %lld.%03lld s to %lld.%03lld s, token %llu\">",
            modes_text(e->mode, e->limit), (long long)e->at / 1000000000,
            (long long)e->at / 1000000 % 1000, (long long)until / 1000000000,
            (long long)until / 1000000 % 1000, (unsigned long long)e->number);
    if (width > p->end / 8)
        page_text(p, node(p, e->machine));
    fputs("</span>", p->out);
}

static int64_t held_until(const struct page *p, size_t index)
{
    const struct chronicle *c = p->w->chronicle;
    const struct entry *e = &c->entries[index];
    for (size_t i = index + 1; i < c->count; i++) {
        const struct entry *n = &c->entries[i];
        bool over = n->kind == CHRONICLE_END || n->kind == CHRONICLE_CONVERTS;
        if (over && n->machine == e->machine && n->other == e->other)
            return n->at;
    }
    return p->end;
}

static void lock_lane(const struct page *p, uint32_t name)
{
    const struct chronicle *c = p->w->chronicle;
    fputs("<div class=lane><span class=name>", p->out);
    page_text(p, p->w->observer->history.names[name]->text);
    fputs("</span><div class=\"strip lock\">", p->out);
    for (size_t i = 0; i < c->count; i++)
        if ((c->entries[i].kind == CHRONICLE_GRANT || c->entries[i].kind == CHRONICLE_CONVERTS) &&
            c->entries[i].name == name)
            hold(p, &c->entries[i], held_until(p, i));
    fputs("</div></div>\n", p->out);
}

/* Those that the story names come first; the workload's after them. */
static size_t choose(const struct page *p, uint32_t out[LOCKS_SHOWN])
{
    const struct story *s = p->w->play->story;
    size_t count = 0;
    for (int workload = 0; workload < 2; workload++)
        for (size_t i = 0; i < s->name_count && count < LOCKS_SHOWN; i++) {
            const struct name *n = p->w->play->names[i];
            bool works =
                s->named_workload && i >= s->workload_first && i < s->workload_first + s->p.names;
            if (n && works == (workload == 1))
                out[count++] = n->index;
        }
    return count;
}

static void holder_key(const struct page *p)
{
    fputs("<ul class=key>\n", p->out);
    for (size_t i = 0; i < p->w->machine_count; i++) {
        fprintf(p->out, "<li><i class=\"%s\"></i>", owner(i));
        page_text(p, node(p, i));
        fputs("</li>\n", p->out);
    }
    fputs("</ul>\n", p->out);
}

/* --- orders --- */

static void order_votes(const struct page *p, const struct entry *order)
{
    const struct chronicle *c = p->w->chronicle;
    const char *between = "Signed by ";
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *e = &c->entries[i];
        if (e->kind != CHRONICLE_VOTE || e->other != order->machine || e->number != order->number)
            continue;
        fputs(between, p->out);
        page_text(p, node(p, e->machine));
        fprintf(p->out, " at %lld.%03lld s", (long long)e->at / 1000000000,
                (long long)e->at / 1000000 % 1000);
        between = ", ";
    }
    fputs(".", p->out);
}

/* What came of it, until the next order against the same machine. */
static void order_outcome(const struct page *p, size_t index)
{
    static const char *const outcomes[] = {"no answer that counts", "off", "on"};
    const struct chronicle *c = p->w->chronicle;
    const struct entry *order = &c->entries[index];
    bool proven = false;
    for (size_t i = index + 1; i < c->count && !proven; i++) {
        const struct entry *e = &c->entries[i];
        if (e->kind == CHRONICLE_ORDERED && e->machine == order->machine)
            break;
        proven = e->kind == CHRONICLE_PROOF && e->machine == order->machine;
        bool driver = e->kind == CHRONICLE_OUTCOME && e->other == order->machine;
        if (!proven && !driver)
            continue;
        fprintf(p->out, " At %lld.%03lld s ", (long long)e->at / 1000000000,
                (long long)e->at / 1000000 % 1000);
        if (driver) {
            page_text(p, node(p, e->machine));
            fprintf(p->out, "'s driver said: %s.", outcomes[e->number % 3]);
        } else {
            fputs(e->number ? "its own statement that it is over." : "a receipt.", p->out);
        }
    }
    if (!proven)
        fputs(" Nothing proved its life over.", p->out);
}

static void orders(const struct page *p)
{
    const struct chronicle *c = p->w->chronicle;
    bool any = false;
    fputs("<h2>Orders</h2>\n", p->out);
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *e = &c->entries[i];
        if (e->kind != CHRONICLE_ORDERED)
            continue;
        any = true;
        fputs("<p class=order><b>", p->out);
        page_text(p, node(p, e->machine));
        fprintf(p->out, ", life %llu, ordered at %lld.%03lld s.</b> ",
                (unsigned long long)e->number, (long long)e->at / 1000000000,
                (long long)e->at / 1000000 % 1000);
        order_votes(p, e);
        order_outcome(p, i);
        fputs("</p>\n", p->out);
    }
    if (!any)
        fputs("<p>None: nobody was fenced.</p>\n", p->out);
}

void page_locks(const struct page *p)
{
    uint32_t names[LOCKS_SHOWN];
    size_t count = choose(p, names);
    if (count > 0) {
        fputs("<h2>Who holds what</h2>\n", p->out);
        holder_key(p);
        for (size_t i = 0; i < count; i++)
            lock_lane(p, names[i]);
        page_axis(p);
    }
    orders(p);
}

/* --- waits --- */

/* 16 times the logarithm to base 2 of a span in milliseconds, 0 below one. */
static int scale(int64_t ns)
{
    int64_t ms = ns / 1000000;
    if (ms < 1)
        return 0;
    int whole = 63 - __builtin_clzll((uint64_t)ms);
    int64_t rest = ms - (INT64_C(1) << whole);
    return 16 * whole + (int)(16 * rest >> whole);
}

void page_waits(const struct page *p)
{
    const struct chronicle *c = p->w->chronicle;
    struct story_figures f;
    story_count(p->w, &f);
    int most = scale(f.wait_max);
    if (f.grants == 0 || most == 0)
        return;
    fprintf(p->out,
            "<h2>How long grants took</h2>\n<p class=soft>A line for each grant, at its time; its "
            "height is the wait, on a logarithmic scale from 1 ms to %s.</p>\n"
            "<div class=lane><span class=name>half within %s, 99 of 100 within %s"
            "</span><div class=\"strip plot\">",
            page_span(f.wait_max), page_span(f.wait_p50), page_span(f.wait_p99));
    fputs("<svg viewBox=\"0 0 1000 120\" preserveAspectRatio=none role=img aria-label=\"waits of "
          "all grants\"><path fill=none stroke=\"var(--stem)\" stroke-width=1.5 "
          "vector-effect=non-scaling-stroke d=\"M0 119H1000",
          p->out);
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *e = &c->entries[i];
        if (e->kind == CHRONICLE_GRANT)
            fprintf(p->out, "M%s 119v-%d", page_x(p, e->at), 1 + 116 * scale(e->span) / most);
    }
    fputs("\"/></svg></div></div>\n", p->out);
    page_axis(p);
}
