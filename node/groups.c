/* Which process groups run: see groups.h. */
#include "node/groups.h"

#include <ctype.h>
#include <dirent.h>
#include <stdlib.h>

#include "node/clock.h"

#define GROUPS_PAUSE_MIN SPAN_MS(200)
#define GROUPS_PAUSE_MAX SPAN_MS(10000)

enum { GROUPS_SHARE = 20, GROUPS_ROOM_FIRST = 256 };

void groups_init(struct groups *g)
{
    *g = (struct groups){.pause = GROUPS_PAUSE_MIN};
}

void groups_deinit(struct groups *g)
{
    free(g->seen);
    groups_init(g);
}

/* --- One scan --- */

static bool groups_add(struct groups *g, pid_t group, bool runs)
{
    if (g->count == g->room) {
        size_t room = g->room ? 2 * g->room : GROUPS_ROOM_FIRST;
        struct group_seen *seen = realloc(g->seen, room * sizeof *seen);
        if (!seen)
            return false;
        g->seen = seen;
        g->room = room;
    }
    g->seen[g->count++] = (struct group_seen){.group = group, .runs = runs};
    return true;
}

static int groups_compare(const void *a, const void *b)
{
    const struct group_seen *left = a, *right = b;
    return (left->group > right->group) - (left->group < right->group);
}

/* Makes each group one. */
static void groups_sort(struct groups *g)
{
    size_t count = 0;
    if (g->count)
        qsort(g->seen, g->count, sizeof *g->seen, groups_compare);
    for (size_t i = 0; i < g->count; i++) {
        if (count && g->seen[count - 1].group == g->seen[i].group)
            g->seen[count - 1].runs |= g->seen[i].runs;
        else
            g->seen[count++] = g->seen[i];
    }
    g->count = count;
}

static void groups_scan(struct groups *g)
{
    struct process_look look;
    const struct dirent *entry;
    DIR *proc = opendir("/proc");
    g->scans++;
    g->taken = clock_now();
    g->count = 0;
    g->whole = proc != NULL;
    while (g->whole && (entry = readdir(proc)) != NULL)
        if (isdigit((unsigned char)entry->d_name[0]) &&
            process_look((pid_t)atoi(entry->d_name), &look) == PROCESS_FOUND)
            g->whole = groups_add(g, look.group, process_runs(&look));
    if (proc)
        closedir(proc);
    groups_sort(g);
    struct instant end = clock_now();
    struct span cost = span_between(g->taken, end);
    g->pause = span_min(span_times(cost, GROUPS_SHARE), GROUPS_PAUSE_MAX);
    if (g->pause.ns < GROUPS_PAUSE_MIN.ns)
        g->pause = GROUPS_PAUSE_MIN;
    g->next = instant_after(end, g->pause);
}

/* --- Asking --- */

static const struct group_seen *groups_find(const struct groups *g, pid_t group)
{
    struct group_seen key = {.group = group};
    return g->count ? bsearch(&key, g->seen, g->count, sizeof key, groups_compare) : NULL;
}

/* By the last scan alone: all that it saw of the group is dead. */
static bool groups_dead(const struct groups *g, pid_t group, struct instant ended)
{
    const struct group_seen *seen = groups_find(g, group);
    return g->taken.ns >= ended.ns && g->whole && seen && !seen->runs;
}

bool groups_lives(struct groups *g, const struct process *leader, struct instant ended)
{
    if (!process_group_exists(leader))
        return false;
    if (groups_dead(g, leader->pid, ended))
        return false;
    if (!instant_reached(clock_now(), g->next))
        return true;
    groups_scan(g);
    if (groups_dead(g, leader->pid, ended))
        return false;
    /* One that is there and was not seen: /proc hides it, unless it has ended meanwhile. */
    return groups_find(g, leader->pid) || process_group_exists(leader);
}
