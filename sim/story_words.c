/* The statements of a story that do something to the world: `at T ...`. See story.h. */
#include "sim/story_read.h"

#include <string.h>

const char *act_text(enum act_kind kind)
{
    static const char *const texts[] = {
#define ACT_TEXT(NAME, heals, text) text,
        ACTS(ACT_TEXT)
#undef ACT_TEXT
    };
    return texts[kind];
}

bool act_heals(enum act_kind kind)
{
    static const bool heals_of[] = {
#define ACT_HEALS(NAME, heals, text) heals,
        ACTS(ACT_HEALS)
#undef ACT_HEALS
    };
    return heals_of[kind];
}

static struct act *add(struct story_reader *r, const struct act *a)
{
    struct story *s = r->story;
    if (s->act_count == STORY_ACTS_MAX) {
        read_error(r, "a story has at most %d acts", STORY_ACTS_MAX);
        return NULL;
    }
    if (r->failed)
        return NULL;
    s->acts[s->act_count] = *a;
    return &s->acts[s->act_count++];
}

/* "for 10s", if it is there. */
static int64_t read_length(struct story_reader *r)
{
    return read_try(r, "for") ? read_span(r) : 0;
}

/* "8s" or "for 8s": some things have to end. */
static int64_t need_length(struct story_reader *r)
{
    read_try(r, "for");
    int64_t length = read_span(r);
    if (!r->failed && length == 0)
        read_error(r, "it has to last");
    return length;
}

/* The other side of a cut: a group, all others, or the rest. */
static uint32_t read_others(struct story_reader *r, uint32_t bits)
{
    if (read_try(r, "the") && read_need(r, "rest"))
        return read_all(r->story) & ~bits;
    uint32_t others = read_group(r) & ~bits;
    if (!r->failed && !others)
        read_error(r, "nobody is left on the other side");
    return others;
}

/* "A from B", "A -> B" or "A - B". */
static void read_sides(struct story_reader *r, struct act *a)
{
    a->bits = read_group(r);
    a->outward = true;
    a->inward = true;
    if (read_try(r, "->"))
        a->inward = false;
    else if (!read_try(r, "-"))
        read_need(r, "from");
    a->only = read_others(r, a->bits);
}

static void read_cut(struct story_reader *r, struct act a)
{
    a.kind = ACT_CUT;
    read_sides(r, &a);
    a.length = read_length(r);
    add(r, &a);
}

/* Each of them from everybody. */
static void read_isolate(struct story_reader *r, struct act a)
{
    a.kind = ACT_CUT;
    a.outward = a.inward = true;
    uint32_t group = read_group(r);
    a.length = read_length(r);
    for (uint32_t i = 0; i < MACHINES_MAX; i++)
        if (group & UINT32_C(1) << i) {
            a.bits = UINT32_C(1) << i;
            a.only = read_all(r->story) & ~a.bits;
            add(r, &a);
        }
}

/* One hears all; of the others, the first half hears nothing of the second. */
static void read_bridge(struct story_reader *r, struct act a)
{
    uint32_t bridge = read_node(r), others = read_all(r->story) & ~bridge;
    uint32_t half = 0, wanted = (r->story->p.nodes - 1) / 2;
    for (uint32_t i = 0; wanted > 0 && i < MACHINES_MAX; i++)
        if (others & UINT32_C(1) << i) {
            half |= UINT32_C(1) << i;
            wanted--;
        }
    a.kind = ACT_CUT;
    a.outward = a.inward = true;
    a.bits = half;
    a.only = others & ~half;
    a.length = read_length(r);
    if (!half)
        read_error(r, "a bridge needs three nodes");
    add(r, &a);
}

static void read_flap(struct story_reader *r, struct act a)
{
    a.kind = ACT_FLAP;
    a.bits = read_group(r);
    a.only = read_all(r->story) & ~a.bits;
    a.outward = a.inward = true;
    read_need(r, "every");
    a.amount = read_span(r);
    a.length = need_length(r);
    if (!r->failed && (a.amount < 100000000 || a.length / a.amount > 1000))
        read_error(r, "it flaps every 100ms at most, and a thousand times");
    add(r, &a);
}

/* "20% at hv2" or "20% hv1 -> hv2"; of all traffic without either. */
static void read_where(struct story_reader *r, struct act *a)
{
    if (read_try(r, "at")) {
        a->bits = read_group(r);
        a->only = read_all(r->story);
        a->outward = a->inward = true;
    } else if (!read_end(r) && strcmp(read_peek(r), "for") != 0) {
        read_sides(r, a);
    } else {
        a->bits = a->only = read_all(r->story);
        a->outward = true;
    }
}

static void read_loss(struct story_reader *r, struct act a)
{
    a.kind = ACT_LOSS;
    a.amount = read_permille(r);
    read_where(r, &a);
    a.length = read_length(r);
    add(r, &a);
}

static void read_delay(struct story_reader *r, struct act a)
{
    a.kind = ACT_DELAY;
    a.amount = read_span(r);
    read_where(r, &a);
    a.length = read_length(r);
    add(r, &a);
}

static void read_of_group(struct story_reader *r, struct act a, enum act_kind kind)
{
    a.kind = kind;
    a.bits = read_group(r);
    if (kind == ACT_PAUSE || kind == ACT_FREEZE)
        a.length = need_length(r);
    else if (act_heals(kind))
        a.length = read_length(r);
    add(r, &a);
}

static void read_power(struct story_reader *r, struct act a)
{
    if (read_try(r, "on"))
        read_of_group(r, a, ACT_POWER_ON);
    else if (read_need(r, "off"))
        read_of_group(r, a, ACT_POWER_OFF);
}

static void read_disk(struct story_reader *r, struct act a)
{
    read_need(r, "of");
    a.bits = read_group(r);
    a.kind = ACT_DISK_FAILS;
    if (read_try(r, "slow")) {
        a.kind = ACT_DISK_SLOW;
        a.amount = read_span(r);
        a.length = read_length(r);
    } else {
        read_need(r, "fails");
    }
    add(r, &a);
}

static void read_store(struct story_reader *r, struct act a)
{
    read_need(r, "of");
    a.kind = ACT_STORE_LOST;
    a.bits = read_node(r);
    read_need(r, "lost");
    a.length = read_length(r);
    if (a.length == 0)
        a.length = 2000000000; /* off for this long: nobody takes a store from a running agent */
    add(r, &a);
}

static void read_device(struct story_reader *r, struct act a)
{
    static const struct {
        const char *word;
        enum device_mood mood;
    } words[] = {{"works", DEVICE_WORKS},     {"slow", DEVICE_SLOW},   {"fails", DEVICE_FAILS},
                 {"hangs", DEVICE_HANGS},     {"lies", DEVICE_LIES},   {"late", DEVICE_LATE},
                 {"says-on", DEVICE_SAYS_ON}, {"stays", DEVICE_STAYS}, {"another", DEVICE_OTHER}};
    read_need(r, "device");
    read_need(r, "of");
    a.kind = ACT_DEVICE;
    a.bits = read_group(r);
    for (size_t i = 0; i < sizeof words / sizeof words[0]; i++)
        if (read_try(r, words[i].word)) {
            a.mood = words[i].mood;
            if (a.mood == DEVICE_SLOW && read_is_span(r))
                a.amount = read_span(r);
            add(r, &a);
            return;
        }
    read_error(r, "a fence device works, is slow, fails, hangs, lies, acts late, stays on, or is "
                  "another machine's");
}

/* "shared", "exclusive", the two letters of any of the six, "counted 3". */
static bool try_mode(struct story_reader *r, struct act *a)
{
    static const char *const letters[] = {"NL", "CR", "CW", "PR", "PW", "EX"};
    for (int mode = 0; mode < LOCK_MODES; mode++) {
        if (!read_try(r, lock_mode_text((enum lock_mode)mode)) &&
            !(mode < LOCK_COUNTED && read_try(r, letters[mode])))
            continue;
        a->mode = (enum lock_mode)mode;
        a->limit = mode == LOCK_COUNTED ? (uint16_t)read_number(r, 1, LOCK_COUNT_MAX) : 0;
        return true;
    }
    return false;
}

/* "hv3 converts image/x to shared", "hv3 writes image/x", "hv3 hands image/x over to hv1" */
static void read_change(struct story_reader *r, struct act a)
{
    a.name = read_name(r);
    if (a.kind == ACT_CONVERT && read_need(r, "to") && !try_mode(r, &a))
        read_error(r, "expected a mode");
    if (a.kind == ACT_HAND_OVER && read_need(r, "over") && read_need(r, "to"))
        a.only = read_node(r);
    add(r, &a);
}

static bool try_change(struct story_reader *r, struct act a)
{
    static const struct {
        const char *word;
        enum act_kind kind;
    } verbs[] = {{"converts", ACT_CONVERT}, {"writes", ACT_WRITE}, {"hands", ACT_HAND_OVER}};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (read_try(r, verbs[i].word)) {
            a.kind = verbs[i].kind;
            read_change(r, a);
            return true;
        }
    return false;
}

/* "hv3 locks image/x exclusive stale expire 5s", "hv1 waits for image/x", "hv3 releases image/x" */
static void read_lock(struct story_reader *r, struct act a)
{
    a.bits = read_node(r);
    if (try_change(r, a))
        return;
    a.kind = ACT_LOCK;
    a.mode = LOCK_EXCLUSIVE;
    a.policy = LOCK_STALE_FENCE;
    if (read_try(r, "releases"))
        a.kind = ACT_RELEASE;
    else if (read_try(r, "waits"))
        read_need(r, "for");
    else if (!read_try(r, "locks"))
        read_error(r, "a node \"locks\" or \"releases\" a lock, \"waits for\" it, \"converts\" it, "
                      "\"writes\" or \"hands\" it over");
    a.name = read_name(r);
    while (a.kind == ACT_LOCK && !read_end(r)) {
        if (try_mode(r, &a))
            continue;
        if (!read_need(r, "stale"))
            return;
        if (read_try(r, "hold"))
            a.policy = LOCK_STALE_HOLD;
        else if (read_try(r, "expire"))
            a.policy = LOCK_STALE_EXPIRE, a.amount = read_ttl(r);
        else if (read_need(r, "fence"))
            a.policy = LOCK_STALE_FENCE;
    }
    add(r, &a);
}

/* "fault FREEZE of hv2 hv3 for 3.25s": one that a seed drew and that has no words of its own. */
static void read_fault(struct story_reader *r, struct act a)
{
    static const char *const names[] = {
#define FAULT_NAME(NAME, ...) #NAME,
        FAULTS(FAULT_NAME)
#undef FAULT_NAME
    };
    a.kind = ACT_FAULT;
    size_t kind = 0;
    while (kind < FAULT_KINDS && !read_try(r, names[kind]))
        kind++;
    if (kind == FAULT_KINDS)
        read_error(r, "there is no fault of this name");
    a.fault = (enum fault_kind)kind;
    a.outward = a.inward = true;
    read_need(r, "of");
    a.bits = read_group(r);
    if (read_try(r, "from"))
        a.only = read_group(r);
    if (read_try(r, "outward"))
        a.inward = false;
    else if (read_try(r, "inward"))
        a.outward = false;
    a.length = need_length(r);
    if (read_try(r, "dice"))
        a.dice = read_number(r, 1, 1000000);
    add(r, &a);
}

static bool read_agent(struct story_reader *r, struct act a)
{
    static const struct {
        const char *word;
        enum act_kind kind;
    } verbs[] = {{"kill", ACT_KILL_AGENT},
                 {"start", ACT_START_AGENT},
                 {"restart", ACT_RESTART_AGENT},
                 {"stop", ACT_STOP_AGENT}};
    for (size_t i = 0; i < sizeof verbs / sizeof verbs[0]; i++)
        if (read_try(r, verbs[i].word)) {
            if (!read_try(r, "agents"))
                read_need(r, "agent");
            read_of_group(r, a, verbs[i].kind);
            return true;
        }
    return false;
}

void story_read_act(struct story_reader *r, int64_t at)
{
    struct act a = {.line = r->line, .at = at};
    if (read_try(r, "cut"))
        read_cut(r, a);
    else if (read_try(r, "isolate"))
        read_isolate(r, a);
    else if (read_try(r, "bridge"))
        read_bridge(r, a);
    else if (read_try(r, "flap"))
        read_flap(r, a);
    else if (read_try(r, "heal"))
        a.kind = ACT_HEAL, add(r, &a);
    else if (read_try(r, "loss"))
        read_loss(r, a);
    else if (read_try(r, "delay"))
        read_delay(r, a);
    else if (read_try(r, "power"))
        read_power(r, a);
    else if (read_try(r, "pause"))
        read_of_group(r, a, ACT_PAUSE);
    else if (read_try(r, "freeze"))
        read_of_group(r, a, ACT_FREEZE);
    else if (read_try(r, "disk"))
        read_disk(r, a);
    else if (read_try(r, "store"))
        read_store(r, a);
    else if (read_try(r, "fence"))
        read_device(r, a);
    else if (read_try(r, "fault"))
        read_fault(r, a);
    else if (read_find(r->story, read_peek(r)))
        read_lock(r, a);
    else if (!read_agent(r, a))
        read_error(r, "expected a node, or cut, isolate, flap, bridge, heal, loss, delay, kill, "
                      "stop, start, restart, power, pause, freeze, disk, store, fence device");
}
