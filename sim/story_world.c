/* The lines of a story that say what there is: nodes, network, disks, workload. */
#include "sim/story_read.h"

#include "sim/story_drawn.h"

#include <stdlib.h>
#include <string.h>

static bool valid_name(const char *name)
{
    size_t size = strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_");
    return size > 0 && name[size] == '\0' && size < STORY_NODE_SIZE && strcmp(name, "all") != 0;
}

static bool add_node(struct story_reader *r, const char *name)
{
    struct story *s = r->story;
    if (s->p.nodes == MACHINES_MAX)
        return read_error(r, "at most %d nodes can be simulated", MACHINES_MAX);
    if (!valid_name(name))
        return read_error(r, "this is no name for a node");
    if (read_find(s, name))
        return read_error(r, "there are two nodes of this name");
    snprintf(s->nodes[s->p.nodes++], STORY_NODE_SIZE, "%s", name);
    return true;
}

/* "hv1..hv5": the first name up to its digits, counted on. */
static bool add_range(struct story_reader *r, const char *word, const char *dots)
{
    char stem[STORY_WORD_SIZE], name[STORY_WORD_SIZE + 24];
    size_t size = (size_t)(dots - word);
    while (size > 0 && word[size - 1] >= '0' && word[size - 1] <= '9')
        size--;
    memcpy(stem, word, size);
    stem[size] = '\0';
    unsigned long first = strtoul(word + size, NULL, 10);
    unsigned long last =
        strncmp(dots + 2, stem, size) == 0 ? strtoul(dots + 2 + size, NULL, 10) : 0;
    if (word + size == dots || first > last || last > 1000)
        return read_error(r, "a range of nodes looks like hv1..hv5");
    for (unsigned long i = first; i <= last; i++) {
        snprintf(name, sizeof name, "%s%lu", stem, i);
        if (!add_node(r, name))
            return false;
    }
    return true;
}

static void read_nodes(struct story_reader *r)
{
    struct story *s = r->story;
    if (r->roster_given)
        read_error(r, "the roster says already which nodes there are");
    if (s->rack_count || s->act_count || s->expect_count || s->named_workload || s->quiet)
        read_error(r, "nodes come before what is said of them");
    s->p.nodes = 0;
    while (!read_end(r)) {
        const char *word = read_peek(r);
        const char *dots = strstr(word, "..");
        if (!r->failed && strcmp(word, ",") != 0 &&
            !(dots ? add_range(r, word, dots) : add_node(r, word)))
            return;
        r->at++;
    }
    if (s->p.nodes == 0)
        read_error(r, "expected nodes, such as hv1..hv5");
}

/* "rack1: hv1 hv2, rack2: hv3 hv4" */
static void read_racks(struct story_reader *r)
{
    struct story *s = r->story;
    do {
        const char *name = read_peek(r);
        if (!valid_name(name) || read_find(s, name)) {
            read_error(r, valid_name(name) ? "there is a node or rack of this name already"
                                           : "expected the name of a rack");
            return;
        }
        if (s->rack_count == STORY_RACKS_MAX) {
            read_error(r, "at most %d racks", STORY_RACKS_MAX);
            return;
        }
        read_next(r);
        read_need(r, ":");
        uint32_t bits = read_group(r);
        if (r->failed)
            return;
        snprintf(s->racks[s->rack_count].name, STORY_NODE_SIZE, "%s", name);
        s->racks[s->rack_count++].bits = bits;
    } while (read_try(r, ","));
}

static void read_detect(struct story_reader *r)
{
    static const int64_t ms = 1000000;
    int64_t ns = read_span(r);
    if (r->roster_given)
        read_error(r, "the roster says the detection target already");
    else if (ns < ROSTER_DETECT_MIN_MS * ms || ns > ROSTER_DETECT_MAX_MS * ms)
        read_error(r, "the detection target is 1s to 60s");
    r->story->p.detect_ms = (uint32_t)(ns / ms);
}

/* One more of the workload's: they stand together in the story's names. */
static bool add_workload_name(struct story_reader *r, const char *name)
{
    struct story *s = r->story;
    for (size_t i = 0; i < s->name_count; i++)
        if (strcmp(s->names[i], name) == 0)
            return read_error(
                r, "%s is named already: a workload comes before what names its locks", name);
    if (s->name_count == STORY_NAMES_MAX || s->p.names == NAMES_WIDTH_MAX)
        return read_error(r, "a workload has at most %d names", NAMES_WIDTH_MAX);
    if (strlen(name) >= NAME_TEXT_SIZE)
        return read_error(r, "the name is too long");
    memcpy(s->names[s->name_count++], name, strlen(name) + 1);
    s->p.names++;
    return true;
}

/* "image/1..image/4": the first name up to its digits, counted on. */
static void add_workload_range(struct story_reader *r, const char *word, const char *dots)
{
    char name[STORY_WORD_SIZE + 24];
    size_t stem = (size_t)(dots - word);
    while (stem > 0 && word[stem - 1] >= '0' && word[stem - 1] <= '9')
        stem--;
    unsigned long from = strtoul(word + stem, NULL, 10), to = 0;
    if (strncmp(word, dots + 2, stem) == 0)
        to = strtoul(dots + 2 + stem, NULL, 10);
    bool fits = word + stem != dots && from <= to && to - from < NAMES_WIDTH_MAX;
    if (!fits || to > 999999) {
        read_error(r, "a range of names looks like image/1..image/4, %d at most", NAMES_WIDTH_MAX);
        return;
    }
    for (unsigned long i = from; i <= to; i++) {
        snprintf(name, sizeof name, "%.*s%lu", (int)stem, word, i);
        if (!add_workload_name(r, name))
            return;
    }
}

static void read_workload_names(struct story_reader *r)
{
    struct story *s = r->story;
    if (s->named_workload)
        read_error(r, "the workload has its names already");
    s->workload_first = (uint16_t)s->name_count;
    s->named_workload = true;
    s->p.names = 0;
    while (!read_end(r) && strcmp(read_peek(r), ",") != 0) {
        const char *word = read_peek(r), *dots = strstr(word, "..");
        if (dots)
            add_workload_range(r, word, dots);
        else
            add_workload_name(r, word);
        if (!r->failed)
            r->at++;
    }
    if (s->p.names == 0)
        read_error(r, "expected the names of locks");
}

static void read_stale(struct story_reader *r)
{
    if (read_try(r, "hold")) {
        r->story->p.fence_permille = 0;
    } else if (read_try(r, "expire")) {
        struct span ttl = {read_ttl(r)};
        r->story->p.expire_permille = 1000;
        r->story->p.ttl = (struct range){ttl, ttl};
    } else if (read_need(r, "fence")) {
        r->story->p.fence_permille = 1000;
    }
}

/* "30% shared", "20% any mode" */
static void read_share(struct story_reader *r)
{
    uint32_t share = read_permille(r);
    if (r->failed)
        return;
    if (read_try(r, "any")) {
        r->story->p.modes_permille = share;
        read_need(r, "mode");
    } else {
        r->story->p.shared_permille = share;
        read_need(r, "shared");
    }
}

static void read_workload(struct story_reader *r)
{
    struct story *s = r->story;
    struct parameters *p = &s->p;
    p->clients = (uint32_t)read_number(r, 0, CLIENT_FRESH);
    if (!read_try(r, "client"))
        read_need(r, "clients");
    read_need(r, "on");
    if (!read_try(r, "each"))
        s->quiet = read_all(s) & ~read_group(r);
    while (!read_end(r) && read_need(r, ",")) {
        if (read_try(r, "names"))
            read_workload_names(r);
        else if (read_try(r, "hold"))
            p->hold = read_range(r);
        else if (read_try(r, "think"))
            p->think = read_range(r);
        else if (read_try(r, "wait"))
            p->wait = read_range(r);
        else if (read_try(r, "stale"))
            read_stale(r);
        else
            read_share(r);
    }
}

static void read_network(struct story_reader *r)
{
    struct parameters *p = &r->story->p;
    do {
        if (read_try(r, "delay")) {
            p->delay = read_range(r);
        } else if (read_try(r, "loss")) {
            p->loss_permille = read_permille(r);
        } else if (read_try(r, "duplicates")) {
            p->duplicate_permille = read_permille(r);
        } else if (read_need(r, "late")) {
            p->late_permille = read_permille(r);
            read_need(r, "up");
            read_need(r, "to");
            p->late_high = (struct span){read_span(r)};
        }
    } while (read_try(r, ","));
}

static void read_isolation(struct story_reader *r)
{
    if (read_try(r, "continue"))
        r->story->p.stop_on_isolation = false;
    else if (read_need(r, "stop"))
        r->story->p.stop_on_isolation = true;
}

static void read_watchdogs(struct story_reader *r)
{
    r->story->p.watchdog = read_try(r, "on");
    if (!r->story->p.watchdog)
        read_need(r, "off");
}

/* "fenced machines stay off", or "... boot again" */
static void read_fenced(struct story_reader *r)
{
    read_need(r, "machines");
    bool stay = read_try(r, "stay");
    r->story->p.back_permille = stay ? 0 : 1000;
    if (stay)
        read_need(r, "off");
    else if (read_need(r, "boot"))
        read_need(r, "again");
}

static void read_guests(struct story_reader *r)
{
    read_need(r, "stop");
    read_need(r, "within");
    r->story->p.stop_high = (struct span){read_span(r)};
}

/* Ranges stay the right way round: their ends are written low first. */
static void read_drawn(struct story_reader *r)
{
    const char *key = read_peek(r);
    uint64_t low, high;
    if (!drawn_limits(key, &low, &high)) {
        read_error(r, "the drawn world has no such quantity");
        return;
    }
    read_next(r);
    uint64_t value = read_number(r, low, high);
    if (!r->failed)
        drawn_set(&r->story->p, key, value);
}

bool story_read_world(struct story_reader *r)
{
    struct story *s = r->story;
    if (read_try(r, "nodes"))
        read_nodes(r);
    else if (read_try(r, "racks") || read_try(r, "rack"))
        read_racks(r);
    else if (read_try(r, "detect"))
        read_detect(r);
    else if (read_try(r, "cohort"))
        s->p.cohort = (uint32_t)read_number(r, 1, MACHINES_MAX);
    else if (read_try(r, "shards"))
        s->p.shards = (uint32_t)read_number(r, 1, SHARDS_MAX);
    else if (read_try(r, "brake"))
        s->p.brake_span = (struct span){read_span(r)};
    else if (read_try(r, "on_isolation"))
        read_isolation(r);
    else if (read_try(r, "watchdogs"))
        read_watchdogs(r);
    else if (read_try(r, "workload"))
        read_workload(r);
    else if (read_try(r, "network"))
        read_network(r);
    else if (read_try(r, "disk") && read_need(r, "sync"))
        s->p.sync = read_range(r);
    else if (read_try(r, "fenced"))
        read_fenced(r);
    else if (read_try(r, "guests"))
        read_guests(r);
    else if (read_try(r, "seed"))
        s->seed = read_number(r, 0, INT64_MAX);
    else if (read_try(r, "drawn"))
        read_drawn(r);
    else if (read_try(r, "until"))
        s->until = read_span(r);
    else if (read_try(r, "siege"))
        s->siege = true;
    else if (read_try(r, "calm") && read_need(r, "at"))
        s->calm = read_span(r);
    else
        return r->failed;
    return true;
}
