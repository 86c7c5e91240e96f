/* The members as people want them: see member_list.h. */
#include "client/member_list.h"

#include <fnmatch.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "client/agent.h"
#include "client/color.h"
#include "client/table.h"
#include "proto/must.h"

enum { TROUBLE_NONE, TROUBLE_LEFT, TROUBLE_UNKNOWN, TROUBLE_REACH, TROUBLE_SUSPECT, TROUBLE_DEAD };
enum { TROUBLE_FENCED = TROUBLE_DEAD + 1 };

static bool is_text(const json_t *member, const char *key, const char *value)
{
    return strcmp(json_text(member, key), value) == 0;
}

/* --- Which --- */

bool member_filter_passes(const struct member_filter *filter, const char *name)
{
    bool passes = filter->count == 0;
    for (size_t i = 0; i < filter->count && !passes; i++)
        passes = fnmatch(filter->patterns[i], name, 0) == 0;
    return passes;
}

const char *member_filter_missing(const struct member_filter *filter, const json_t *members)
{
    for (size_t i = 0; i < filter->count; i++) {
        const struct member_filter one = {.patterns = filter->patterns + i, .count = 1};
        const json_t *member;
        size_t index;
        bool found = false;
        json_array_foreach(members, index, member) found |=
            member_filter_passes(&one, json_text(member, "name"));
        if (!found)
            return filter->patterns[i];
    }
    return NULL;
}

/* --- In which order --- */

bool member_fence_present(const json_t *member)
{
    return !is_text(member, "fence", "none") && !is_text(member, "fence", "") &&
           json_number(member, "fence_life") >= json_number(member, "life");
}

int member_trouble(const json_t *member)
{
    if (member_fence_present(member))
        return TROUBLE_FENCED;
    if (is_text(member, "gossip", "dead"))
        return TROUBLE_DEAD;
    if (is_text(member, "gossip", "suspect"))
        return TROUBLE_SUSPECT;
    if (is_text(member, "gossip", "left"))
        return TROUBLE_LEFT; /* nobody expects an answer */
    if (json_flag(member, "unreachable"))
        return TROUBLE_REACH;
    return is_text(member, "gossip", "unknown") ? TROUBLE_UNKNOWN : TROUBLE_NONE;
}

static int by_slot(const void *a, const void *b)
{
    long long x = json_number(*(json_t *const *)a, "slot");
    long long y = json_number(*(json_t *const *)b, "slot");
    return (x > y) - (x < y);
}

static int by_trouble(const void *a, const void *b)
{
    int x = member_trouble(*(json_t *const *)a), y = member_trouble(*(json_t *const *)b);
    return x == y ? by_slot(a, b) : y - x;
}

json_t *member_list_pick(const json_t *members, const struct member_filter *filter,
                         bool worst_first)
{
    size_t count = 0, index, size = json_array_size(members);
    json_t **picked = calloc(size + 1, sizeof *picked), *member, *out = json_array();
    must(picked && out);
    json_array_foreach(members, index, member)
    {
        if (member_filter_passes(filter, json_text(member, "name")))
            picked[count++] = member;
    }
    qsort(picked, count, sizeof *picked, worst_first ? by_trouble : by_slot);
    for (size_t i = 0; i < count; i++)
        json_array_append(out, picked[i]);
    free(picked);
    return out;
}

/* --- In a line --- */

void member_list_summary(char text[MEMBER_SUMMARY_MAX], const json_t *list, const char *node)
{
    static const char *const states[] = {"alive", "suspect", "dead", "left", "unknown"};
    size_t counts[sizeof states / sizeof *states] = {0}, unreached = 0, fenced = 0, index;
    const json_t *m;
    json_array_foreach(list, index, m)
    {
        for (size_t i = 0; i < sizeof states / sizeof *states; i++)
            counts[i] += is_text(m, "gossip", states[i]);
        unreached += json_flag(m, "unreachable");
        fenced += member_fence_present(m);
    }
    char told[MEMBER_SUMMARY_MAX / 2] = "";
    size_t at = 0;
    for (size_t i = 0; i < sizeof states / sizeof *states; i++)
        if (counts[i] > 0)
            at += (size_t)snprintf(told + at, sizeof told - at, "%s%zu %s", at ? ", " : "",
                                   counts[i], states[i]);
    int n = snprintf(text, MEMBER_SUMMARY_MAX, "%.64s sees %zu member%s: %s", node,
                     json_array_size(list), json_array_size(list) == 1 ? "" : "s", told);
    if (unreached > 0 && n > 0)
        n += snprintf(text + n, MEMBER_SUMMARY_MAX - (size_t)n, "; it does not reach %zu",
                      unreached);
    if (fenced > 0 && n > 0)
        snprintf(text + n, MEMBER_SUMMARY_MAX - (size_t)n, "; fenced, ordered or over: %zu",
                 fenced);
}

void member_list_health(char text[MEMBER_SUMMARY_MAX], const json_t *reply)
{
    long long health = json_number(reply, "local_health");
    text[0] = '\0';
    if (health > 0)
        snprintf(
            text, MEMBER_SUMMARY_MAX,
            "%.64s itself is slow, or cut off (local health %lld): it waits %lld times as long "
            "before it accuses\n",
            json_text(reply, "node"), health, health + 1);
}

bool member_list_why(const json_t *member, size_t index, const char **verdict, const char **why)
{
    const struct {
        const char *verdict, *key;
        bool bad;
    } all[] = {
        {"gossip", "gossip_why", !is_text(member, "gossip", "alive")},
        {"reach", "reach_why", json_flag(member, "unreachable")},
        {"fence", "fence_why", member_fence_present(member)},
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++) {
        if (!all[i].bad || index-- > 0)
            continue;
        *verdict = all[i].verdict;
        *why = json_text(member, all[i].key);
        return true;
    }
    return false;
}

/* --- As a table --- */

enum { CELL_SIZE = 48 };

static const char *role_of(const json_t *m)
{
    bool voter = json_flag(m, "voter"), juror = json_flag(m, "juror");
    return voter && juror ? "voter, juror" : voter ? "voter" : juror ? "juror" : "-";
}

static void heard_text(char text[CELL_SIZE], const json_t *m, bool self)
{
    long long ms = json_number(m, "heard_ms");
    if (self)
        snprintf(text, CELL_SIZE, "-"); /* nobody hears itself */
    else if (ms < 0)
        snprintf(text, CELL_SIZE, "never");
    else if (ms < 120000)
        snprintf(text, CELL_SIZE, "%lld.%lld s", ms / 1000, ms % 1000 / 100);
    else if (ms < 120 * 60000)
        snprintf(text, CELL_SIZE, "%lld min", ms / 60000);
    else
        snprintf(text, CELL_SIZE, "%lld h", ms / 3600000);
}

static void rtt_text(char text[CELL_SIZE], const json_t *m)
{
    long long us = json_number(m, "rtt_us");
    if (us <= 0)
        snprintf(text, CELL_SIZE, "-");
    else if (us < 10000)
        snprintf(text, CELL_SIZE, "%lld.%02lld ms", us / 1000, us % 1000 / 10);
    else
        snprintf(text, CELL_SIZE, "%lld ms", us / 1000);
}

static void add_row(struct table *t, const json_t *m, const char *node, bool color)
{
    char heard[CELL_SIZE], rtt[CELL_SIZE];
    bool self = is_text(m, "name", node), fence = member_fence_present(m);
    int trouble = member_trouble(m);
    const char *paint = !color || trouble == TROUBLE_NONE ? ""
                        : trouble >= TROUBLE_DEAD         ? COLOR_BAD
                        : trouble >= TROUBLE_UNKNOWN      ? COLOR_WARN
                                                          : COLOR_FAINT;
    heard_text(heard, m, self);
    rtt_text(rtt, m);
    table_cell(t, "%s%s", paint, json_text(m, "name"));
    table_cell(t, "%s", json_text(m, "gossip"));
    table_cell(t, "%s", self ? "-" : json_flag(m, "unreachable") ? "NO" : "yes");
    table_cell(t, "%s", fence ? json_text(m, "fence") : "-");
    table_cell(t, "%lld", json_number(m, "life"));
    table_cell(t, "%s", heard);
    table_cell(t, "%s", rtt);
    table_cell(t, "%s", role_of(m));
    table_cell(t, "%s%s", json_text(m, "address"), *paint ? COLOR_END : "");
}

static void print_why(const json_t *list, size_t most)
{
    const char *verdict, *why;
    const json_t *m;
    size_t index;
    bool any = false;
    json_array_foreach(list, index, m)
    {
        for (size_t i = 0; index < most && member_list_why(m, i, &verdict, &why); i++) {
            printf("%s%s: %s: %s\n", any ? "" : "\n", json_text(m, "name"), verdict, why);
            any = true;
        }
    }
}

void member_list_print(const json_t *list, const char *node, bool color, size_t most)
{
    static const char *const heading[] = {"NAME",  "GOSSIP", "REACHED", "FENCED", "LIFE",
                                          "HEARD", "RTT",    "ROLE",    "ADDRESS"};
    struct table t;
    const json_t *m;
    size_t index, size = json_array_size(list);
    if (most == 0 || most > size)
        most = size;
    table_init(&t, sizeof heading / sizeof heading[0], heading);
    json_array_foreach(list, index, m)
    {
        if (index < most)
            add_row(&t, m, node, color);
    }
    table_print(&t);
    if (most < size)
        printf("... and %zu more\n", size - most);
    print_why(list, most);
}
