/* The page of a run: see page.h. */
#include "sim/page.h"

#include "proto/must.h"
#include "sim/page_draw.h"
#include "sim/story_judge.h"
#include "sim/story_tell.h"
#include "sim/world.h"

#include <stdarg.h>
#include <stdlib.h>

void page_text(const struct page *p, const char *text)
{
    for (; *text; text++) {
        if (*text == '&')
            fputs("&amp;", p->out);
        else if (*text == '<')
            fputs("&lt;", p->out);
        else if (*text == '>')
            fputs("&gt;", p->out);
        else if (*text == '"')
            fputs("&quot;", p->out);
        else
            fputc(*text, p->out);
    }
}

static const char *share(const struct page *p, int64_t at, int64_t whole, const char *unit)
{
    static char texts[4][24];
    static unsigned next;
    char *text = texts[next++ % 4];
    int64_t clipped = at < 0 ? 0 : at > p->end ? p->end : at;
    int64_t thousandths = (int64_t)((__int128)clipped * whole * 1000 / p->end);
    snprintf(text, sizeof texts[0], "%lld.%03lld%s", (long long)thousandths / 1000,
             (long long)thousandths % 1000, unit);
    return text;
}

const char *page_percent(const struct page *p, int64_t at)
{
    return share(p, at, 100, "%");
}

const char *page_x(const struct page *p, int64_t at)
{
    return share(p, at, 1000, "");
}

const char *page_span(int64_t ns)
{
    static char texts[4][24];
    static unsigned next;
    char *text = texts[next++ % 4];
    if (ns < 10 * INT64_C(1000000000))
        snprintf(text, sizeof texts[0], "%lld ms", (long long)ns / 1000000);
    else
        snprintf(text, sizeof texts[0], "%lld.%lld s", (long long)ns / 1000000000,
                 (long long)ns / 100000000 % 10);
    return text;
}

void page_axis(const struct page *p)
{
    enum { STEPS = 4 };
    fputs("<div class=lane aria-hidden=true><span></span><div class=axis>", p->out);
    for (int64_t i = 0; i <= STEPS; i++)
        fprintf(p->out, "<span style=\"left:%lld%%\">%lld s</span>", (long long)(100 * i / STEPS),
                (long long)(p->end * i / STEPS / 1000000000));
    fputs("</div></div>\n", p->out);
}

static void tile(const struct page *p, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
static void tile(const struct page *p, const char *name, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    fputs("<li><b>", p->out);
    vfprintf(p->out, format, arguments);
    fprintf(p->out, "</b>%s</li>\n", name);
    va_end(arguments);
}

static void figures(const struct page *p)
{
    struct story_figures f;
    story_count(p->w, &f);
    fputs("<h2>Figures</h2>\n<ul class=tiles>\n", p->out);
    tile(p, "locks granted", "%llu", (unsigned long long)f.grants);
    tile(p, "waited, half of them", "%s", page_span(f.wait_p50));
    tile(p, "waited, 99 of 100", "%s", page_span(f.wait_p99));
    tile(p, "longest without a grant", "%s", page_span(f.gap));
    tile(p, "locks lost", "%llu", (unsigned long long)f.lost);
    tile(p, "fence orders", "%llu", (unsigned long long)f.orders);
    tile(p, "switched off", "%llu", (unsigned long long)f.switched_off);
    tile(p, "datagrams", "%llu", (unsigned long long)p->w->figures.datagrams);
    fputs("</ul>\n", p->out);
}

static void expectations(const struct page *p)
{
    const struct story *s = p->w->play->story;
    if (s->expect_count == 0)
        return;
    fputs("<h2>What was expected</h2>\n<ul class=rows>\n", p->out);
    for (size_t i = 0; i < s->expect_count; i++) {
        struct judgement j;
        story_judge(p->w, &s->expects[i], &j);
        fprintf(p->out, "<li><span class=\"tag %s\">%s</span><span>", j.met ? "good" : "bad",
                j.met ? "met" : "not met");
        page_text(p, s->expects[i].text);
        fputs(" <span class=soft>", p->out);
        page_text(p, j.why);
        fputs("</span></span></li>\n", p->out);
    }
    fputs("</ul>\n", p->out);
}

static bool is_grave(const struct entry *e)
{
    return e->kind == CHRONICLE_ORDERED || e->kind == CHRONICLE_LOST ||
           (e->kind == CHRONICLE_POWER_GOES && e->other);
}

static void events(const struct page *p)
{
    const struct chronicle *c = p->w->chronicle;
    char text[TELL_TEXT_SIZE];
    fputs("<h2 id=events>Everything that happened</h2>\n"
          "<p class=soft>What a workload does is in the figures and the plot of waits only.</p>\n"
          "<ol class=events>\n",
          p->out);
    for (size_t i = 0; i < c->count; i++) {
        const struct entry *e = &c->entries[i];
        if (!story_sentence(p->w, i, p->told, text))
            continue;
        bool done = e->kind == CHRONICLE_ACT || e->kind == CHRONICLE_HEALS;
        fprintf(p->out, "<li id=e%zu tabindex=0%s><time>%lld.%03lld s</time><span>", i,
                done          ? " class=done"
                : is_grave(e) ? " class=grave"
                              : "",
                (long long)e->at / 1000000000, (long long)e->at / 1000000 % 1000);
        page_text(p, done ? text + 2 : text);
        fputs("</span></li>\n", p->out);
    }
    fputs("</ol>\n", p->out);
}

static void head(const struct page *p)
{
    const struct story *s = p->w->play->story;
    char verdict[TELL_TEXT_SIZE];
    story_verdict_text(p->w, verdict);
    fputs("<!doctype html>\n<html lang=en><head><meta charset=utf-8>\n"
          "<meta name=viewport content=\"width=device-width,initial-scale=1\">\n<title>",
          p->out);
    page_text(p, s->title[0] ? s->title : s->file);
    fprintf(p->out, "</title>\n<style>%s</style></head>\n<body><main>\n<h1>", page_style);
    page_text(p, s->title[0] ? s->title : s->file);
    fprintf(p->out, "</h1>\n<p class=\"verdict %s\">",
            story_exit_code(p->w) == EXIT_CLEAN ? "good" : "bad");
    page_text(p, verdict);
    fputs("</p>\n<p class=soft>", p->out);
    page_text(p, s->file);
    fprintf(p->out,
            ", seed %llu: %u nodes, detection target %u.%03u s, %lld s of virtual time.</p>\n",
            (unsigned long long)p->w->seed, s->p.nodes, s->p.detect_ms / 1000,
            s->p.detect_ms % 1000, (long long)p->w->now / 1000000000);
}

void page_write(const struct world *w, FILE *out)
{
    struct page page = {.w = w, .out = out, .end = w->now > 0 ? w->now : 1};
    page.told = calloc(w->chronicle->count + 1, 1);
    must(page.told);
    head(&page);
    expectations(&page);
    figures(&page);
    page_lanes(&page);
    page_locks(&page);
    page_waits(&page);
    events(&page);
    fputs("</main></body></html>\n", out);
    free(page.told);
}
