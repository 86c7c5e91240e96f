/* Tells how a story went: see story_tell.h. */
#include "sim/story_tell.h"

#include "proto/must.h"
#include "sim/machine.h"
#include "sim/modes.h"
#include "sim/story_judge.h"
#include "sim/world.h"

#include <stdlib.h>
#include <string.h>

/* Votes and suspicions come from several machines within a moment. */
static const int64_t moment = 1500000000;
/* Everybody boots and meets, and is granted standing: nothing to tell. */
static const int64_t beginning = 4000000000;

static const char *node(const struct world *w, size_t index)
{
    return w->machines[index].name;
}

/* Whether the story itself names the lock: what a workload does is in the figures. */
static bool is_named(const struct world *w, uint32_t index)
{
    const struct story *s = w->play->story;
    for (size_t i = 0; i < s->name_count; i++) {
        const struct name *n = w->play->names[i];
        bool workload =
            s->named_workload && i >= s->workload_first && i < s->workload_first + s->p.names;
        if (n && n->index == index)
            return !workload;
    }
    return false;
}

/* All machines that say the same of the same one within a moment. */
static void gather(const struct world *w, size_t index, uint8_t *told, char *out, size_t size)
{
    const struct chronicle *c = w->chronicle;
    const struct entry *first = &c->entries[index];
    size_t used = 0;
    uint32_t named = 0;
    for (size_t i = index; i < c->count && c->entries[i].at - first->at <= moment; i++) {
        const struct entry *e = &c->entries[i];
        if (told[i] || e->kind != first->kind || e->other != first->other ||
            e->number != first->number)
            continue;
        told[i] = 1;
        bool twice = named & UINT32_C(1) << e->machine;
        named |= UINT32_C(1) << e->machine;
        if (used < size && !twice)
            used += (size_t)snprintf(out + used, size - used, "%s%s", used ? ", " : "",
                                     node(w, e->machine));
    }
}

/* Whoever has just started learns of everybody: that is nothing to tell. */
static bool is_starting(const struct world *w, size_t index)
{
    const struct chronicle *c = w->chronicle;
    const struct entry *e = &c->entries[index];
    for (size_t i = index; i-- > 0 && e->at - c->entries[i].at < moment;)
        if (c->entries[i].kind == CHRONICLE_AGENT_STARTS && c->entries[i].machine == e->machine)
            return true;
    return false;
}

static bool view_sentence(const struct world *w, size_t index, uint8_t *told, char *out)
{
    const struct entry *e = &w->chronicle->entries[index];
    char who[200];
    if (e->number == MEMBER_UNKNOWN || e->at < beginning ||
        (e->number == MEMBER_ALIVE && (e->at < beginning * 2 || is_starting(w, index)))) {
        told[index] = 1;
        return false;
    }
    gather(w, index, told, who, sizeof who);
    const char *verb = strchr(who, ',') ? "see" : "sees";
    if (e->number == MEMBER_SUSPECT)
        verb = strchr(who, ',') ? "suspect" : "suspects";
    snprintf(out, TELL_TEXT_SIZE, "%s %s %s%s%s", who, verb, node(w, e->other),
             e->number == MEMBER_SUSPECT ? "" : " ",
             e->number == MEMBER_SUSPECT ? "" : member_state_text((enum member_state)e->number));
    return true;
}

static bool lock_sentence(const struct world *w, const struct entry *e, char *out)
{
    const char *lock = w->observer->history.names[e->name]->text;
    if (!is_named(w, e->name))
        return false;
    if (e->kind == CHRONICLE_ASKS)
        snprintf(out, TELL_TEXT_SIZE, "%s asks for %s", node(w, e->machine), lock);
    else if (e->kind == CHRONICLE_GRANT)
        snprintf(out, TELL_TEXT_SIZE, "%s is granted to %s, %s, token %llu, after %lld ms", lock,
                 node(w, e->machine), modes_text(e->mode, e->limit), (unsigned long long)e->number,
                 (long long)e->span / 1000000);
    else if (e->kind == CHRONICLE_CONVERTS)
        snprintf(out, TELL_TEXT_SIZE, "what runs under %s on %s goes on in another mode, %s", lock,
                 node(w, e->machine), modes_text(e->mode, e->limit));
    else if (e->kind == CHRONICLE_END)
        snprintf(out, TELL_TEXT_SIZE, "nothing runs under %s on %s any more", lock,
                 node(w, e->machine));
    else if (e->kind == CHRONICLE_LOST)
        snprintf(out, TELL_TEXT_SIZE, "%s learns that %s is lost, and stops what runs under it",
                 node(w, e->machine), lock);
    else
        snprintf(out, TELL_TEXT_SIZE, "%s waits for %s no longer", node(w, e->machine), lock);
    return true;
}

static bool power_sentence(const struct world *w, const struct entry *e, char *out)
{
    const char *m = node(w, e->machine);
    if (e->kind == CHRONICLE_BOOTS)
        snprintf(out, TELL_TEXT_SIZE, "%s boots", m);
    else if (e->kind == CHRONICLE_POWER_GOES && e->other)
        snprintf(out, TELL_TEXT_SIZE, "%s is SWITCHED OFF by the fence driver of %s", m,
                 node(w, e->other - 1u));
    else if (e->kind == CHRONICLE_POWER_GOES)
        snprintf(out, TELL_TEXT_SIZE, "the power of %s goes", m);
    else if (e->kind == CHRONICLE_AGENT_STARTS)
        snprintf(out, TELL_TEXT_SIZE, "the agent of %s starts", m);
    else if (e->kind == CHRONICLE_AGENT_ENDS)
        snprintf(out, TELL_TEXT_SIZE, "the agent of %s ends", m);
    else if (e->kind == CHRONICLE_STANDS_STILL)
        snprintf(out, TELL_TEXT_SIZE,
                 e->number ? "%s stands still" : "the agent of %s stands still", m);
    else
        snprintf(out, TELL_TEXT_SIZE, "%s goes on", m);
    return e->at > beginning;
}

static bool fence_sentence(const struct world *w, size_t index, uint8_t *told, char *out)
{
    static const char *const outcomes[] = {"gives no answer that counts", "says: off", "says: on"};
    const struct entry *e = &w->chronicle->entries[index];
    char who[200];
    if (e->kind == CHRONICLE_VOTE) {
        gather(w, index, told, who, sizeof who);
        snprintf(out, TELL_TEXT_SIZE, "%s vote%s against %s", who, strchr(who, ',') ? "" : "s",
                 node(w, e->other));
    } else if (e->kind == CHRONICLE_ORDERED) {
        snprintf(out, TELL_TEXT_SIZE, "ORDER: a majority of the jurors has voted against %s",
                 node(w, e->machine));
    } else if (e->kind == CHRONICLE_DRIVER) {
        snprintf(out, TELL_TEXT_SIZE, "%s carries it out: its fence driver switches %s off",
                 node(w, e->machine), node(w, e->other));
    } else if (e->kind == CHRONICLE_OUTCOME) {
        snprintf(out, TELL_TEXT_SIZE, "the fence device of %s %s", node(w, e->other),
                 outcomes[e->number % 3]);
    } else {
        snprintf(out, TELL_TEXT_SIZE, "what %s held may pass on: %s", node(w, e->machine),
                 e->number ? "it says itself that its life before is over" : "there is a receipt");
    }
    return e->kind != CHRONICLE_PROOF || e->at > beginning;
}

static bool agent_sentence(const struct world *w, const struct entry *e, char *out)
{
    const char *m = node(w, e->machine);
    if (e->kind == CHRONICLE_READY)
        snprintf(out, TELL_TEXT_SIZE, "%s may take locks again", m);
    else if (e->kind == CHRONICLE_STANDING)
        snprintf(out, TELL_TEXT_SIZE,
                 e->number ? "%s is acknowledged by a majority of the jurors"
                           : "%s is not acknowledged by a majority of the jurors any more",
                 m);
    else if (e->number == STORE_VOTING)
        snprintf(out, TELL_TEXT_SIZE, "%s votes again", m);
    else if (e->number == STORE_CHECKING)
        return false;
    else
        snprintf(out, TELL_TEXT_SIZE, "%s votes no more: its store is %s", m,
                 store_state_text((enum store_state)e->number));
    bool routine = e->kind == CHRONICLE_STANDING && e->number;
    return e->at > 2 * beginning && !routine;
}

bool story_sentence(const struct world *w, size_t index, uint8_t *told, char out[TELL_TEXT_SIZE])
{
    const struct entry *e = &w->chronicle->entries[index];
    const struct story *s = w->play->story;
    if (told[index])
        return false;
    told[index] = 1;
    switch (e->kind) {
    case CHRONICLE_BOOTS:
    case CHRONICLE_POWER_GOES:
    case CHRONICLE_AGENT_STARTS:
    case CHRONICLE_AGENT_ENDS:
    case CHRONICLE_STANDS_STILL:
    case CHRONICLE_GOES_ON:
        return power_sentence(w, e, out);
    case CHRONICLE_READY:
    case CHRONICLE_STORE:
    case CHRONICLE_STANDING:
        return agent_sentence(w, e, out);
    case CHRONICLE_VIEW:
        told[index] = 0;
        return view_sentence(w, index, told, out);
    case CHRONICLE_GRANT:
    case CHRONICLE_CONVERTS:
    case CHRONICLE_END:
    case CHRONICLE_LOST:
    case CHRONICLE_ASKS:
    case CHRONICLE_REFUSED:
        return lock_sentence(w, e, out);
    case CHRONICLE_VOTE:
        told[index] = 0;
        return fence_sentence(w, index, told, out);
    case CHRONICLE_ORDERED:
    case CHRONICLE_DRIVER:
    case CHRONICLE_OUTCOME:
    case CHRONICLE_PROOF:
        return fence_sentence(w, index, told, out);
    case CHRONICLE_ACT:
        out[0] = '=', out[1] = ' ';
        story_act_text(s, &s->acts[e->number], out + 2, TELL_TEXT_SIZE - 2);
        return true;
    case CHRONICLE_HEALS:
        snprintf(out, 16, "= over: ");
        story_act_text(s, &s->acts[e->number], out + 8, TELL_TEXT_SIZE - 8);
        return true;
    case CHRONICLE_KINDS:
        break;
    }
    return false;
}

/* --- the verdict --- */

/* A check that the story says will break is no failure of the run. */
static bool break_expected(const struct world *w)
{
    const struct story *s = w->play->story;
    for (size_t i = 0; i < s->expect_count; i++)
        if (s->expects[i].kind == EXPECT_BROKEN &&
            strcmp(s->expects[i].check, w->verdict.check) == 0)
            return true;
    return false;
}

static size_t count_unmet(const struct world *w)
{
    const struct story *s = w->play->story;
    struct judgement j;
    size_t unmet = 0;
    for (size_t i = 0; i < s->expect_count; i++) {
        story_judge(w, &s->expects[i], &j);
        unmet += !j.met;
    }
    return unmet;
}

int story_exit_code(const struct world *w)
{
    if (w->verdict.code != EXIT_CLEAN && !break_expected(w))
        return w->verdict.code;
    return count_unmet(w) ? EXIT_STUCK : EXIT_CLEAN;
}

void story_verdict_text(const struct world *w, char out[TELL_TEXT_SIZE])
{
    size_t count = w->play->story->expect_count, unmet = count_unmet(w);
    if (w->verdict.code != EXIT_CLEAN && !break_expected(w))
        snprintf(out, TELL_TEXT_SIZE, "%s is broken at %s: %.300s", w->verdict.check,
                 story_span(w->now / 1000000 * 1000000), w->verdict.text);
    else if (unmet)
        snprintf(out, TELL_TEXT_SIZE, "%zu of %zu expectations are not met", unmet, count);
    else if (count)
        snprintf(out, TELL_TEXT_SIZE, "all expectations are met, and %s",
                 w->verdict.code ? "a check broke, as expected" : "no check broke");
    else
        snprintf(out, TELL_TEXT_SIZE, "no check broke; nothing was expected");
}

static void tell_figures(const struct world *w, FILE *out)
{
    struct story_figures f;
    story_count(w, &f);
    fprintf(out,
            "%llu grants, %llu asked in vain; waiting p50 %lld ms, p99 %lld ms, at most %lld ms; "
            "longest gap %lld ms\n"
            "%llu locks lost, %llu orders, %llu switched off, %llu agents or machines died; %llu "
            "datagrams, %llu events\n",
            (unsigned long long)f.grants, (unsigned long long)f.refused,
            (long long)f.wait_p50 / 1000000, (long long)f.wait_p99 / 1000000,
            (long long)f.wait_max / 1000000, (long long)f.gap / 1000000, (unsigned long long)f.lost,
            (unsigned long long)f.orders, (unsigned long long)f.switched_off,
            (unsigned long long)w->figures.crashes, (unsigned long long)w->figures.datagrams,
            (unsigned long long)w->figures.events);
}

void story_tell(const struct world *w, FILE *out)
{
    const struct chronicle *c = w->chronicle;
    const struct story *s = w->play->story;
    char text[TELL_TEXT_SIZE];
    uint8_t *told = calloc(c->count + 1, 1);
    must(told);
    if (s->title[0])
        fprintf(out, "%s\n\n", s->title);
    for (size_t i = 0; i < c->count; i++) {
        int64_t at = c->entries[i].at;
        if (story_sentence(w, i, told, text))
            fprintf(out, "%8lld.%03lld  %s\n", (long long)at / 1000000000,
                    (long long)at / 1000000 % 1000, text);
    }
    free(told);
    if (c->full)
        fprintf(out, "          (more happened than the chronicle has room for)\n");
    fputc('\n', out);
    for (size_t i = 0; i < s->expect_count; i++) {
        struct judgement j;
        story_judge(w, &s->expects[i], &j);
        fprintf(out, "%-7s  %s: %s\n", j.met ? "met" : "NOT MET", s->expects[i].text, j.why);
    }
    tell_figures(w, out);
    story_verdict_text(w, text);
    fprintf(out, "%s\n", text);
}

static void json_string(const char *text, FILE *out)
{
    fputc('"', out);
    for (; *text; text++) {
        if (*text == '"' || *text == '\\')
            fputc('\\', out);
        fputc((unsigned char)*text < ' ' ? ' ' : *text, out);
    }
    fputc('"', out);
}

void story_tell_json(const struct world *w, FILE *out)
{
    const struct chronicle *c = w->chronicle;
    const struct story *s = w->play->story;
    char text[TELL_TEXT_SIZE];
    struct story_figures f;
    bool first = true;
    uint8_t *told = calloc(c->count + 1, 1);
    must(told);
    story_count(w, &f);
    fprintf(out, "{\"file\":");
    json_string(s->file, out);
    fprintf(out,
            ",\"seed\":%llu,\"code\":%d,\"check\":\"%s\",\"text\":", (unsigned long long)w->seed,
            story_exit_code(w), w->verdict.check);
    story_verdict_text(w, text);
    json_string(text, out);
    fprintf(out, ",\"hash\":\"%016llx\",\"timeline\":[", (unsigned long long)w->trace.hash);
    for (size_t i = 0; i < c->count; i++) {
        if (!story_sentence(w, i, told, text))
            continue;
        fprintf(out, "%s{\"ns\":%lld,\"text\":", first ? "" : ",", (long long)c->entries[i].at);
        json_string(text, out);
        fputc('}', out);
        first = false;
    }
    free(told);
    fprintf(out, "],\"expectations\":[");
    for (size_t i = 0; i < s->expect_count; i++) {
        struct judgement j;
        story_judge(w, &s->expects[i], &j);
        fprintf(out, "%s{\"line\":%u,\"met\":%s,\"text\":", i ? "," : "", s->expects[i].line,
                j.met ? "true" : "false");
        json_string(s->expects[i].text, out);
        fprintf(out, ",\"why\":");
        json_string(j.why, out);
        fputc('}', out);
    }
    fprintf(out,
            "],\"grants\":%llu,\"wait_p50_ns\":%lld,\"wait_p99_ns\":%lld,\"wait_max_ns\":%lld,"
            "\"gap_ns\":%lld,\"lost\":%llu,\"orders\":%llu,\"switched_off\":%llu,"
            "\"datagrams\":%llu}\n",
            (unsigned long long)f.grants, (long long)f.wait_p50, (long long)f.wait_p99,
            (long long)f.wait_max, (long long)f.gap, (unsigned long long)f.lost,
            (unsigned long long)f.orders, (unsigned long long)f.switched_off,
            (unsigned long long)w->figures.datagrams);
}
