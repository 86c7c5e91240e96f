/* Watchers: see watch.h. */
#include "proto/watch.h"

#include "proto/must.h"

static uint64_t mix(uint64_t x)
{
    x = (x ^ x >> 30) * UINT64_C(0xbf58476d1ce4e5b9);
    x = (x ^ x >> 27) * UINT64_C(0x94d049bb133111eb);
    return x ^ x >> 31;
}

static bool has_offset(const struct watch *w, size_t count, size_t offset)
{
    for (size_t i = 0; i < count; i++)
        if (w->offsets[i] == offset)
            return true;
    return false;
}

void watch_init(struct watch *w, size_t members, uint32_t rings, uint64_t seed)
{
    *w = (struct watch){.stale = true};
    size_t most = members > 0 ? members - 1 : 0;
    if (rings > WATCH_RINGS_MAX)
        rings = WATCH_RINGS_MAX;
    w->rings = (uint8_t)(rings < most ? rings : most);
    for (size_t i = 0; i < w->rings; i++) {
        size_t offset = 1 + (size_t)(mix(seed + i) % most);
        while (has_offset(w, i, offset))
            offset = offset % most + 1;
        w->offsets[i] = offset;
    }
}

struct watched *watch_find(struct watch *w, size_t member)
{
    for (size_t i = 0; i < w->count; i++)
        if (w->table[i].member == member)
            return &w->table[i];
    return NULL;
}

static void add(struct watch *w, const struct watch *before, size_t member, uint8_t ring,
                struct instant fresh)
{
    if (w->count == WATCHED_MAX || watch_find(w, member))
        return;
    struct watched entry = {.member = (uint16_t)member, .ring = ring, .next = fresh};
    for (size_t i = 0; i < before->count; i++)
        if (before->table[i].member == member)
            entry.next = before->table[i].next;
    w->table[w->count++] = entry;
}

void watch_reckon(struct watch *w, size_t members, size_t self,
                  bool (*live)(const void *context, size_t member), const void *context,
                  struct instant now, struct span turn, uint64_t random)
{
    struct watch before = *w;
    w->count = 0;
    w->stale = false;
    for (uint8_t ring = 0; ring < w->rings; ring++) {
        size_t watcher = self;
        /* Ours, and those of the dead in front of us. */
        for (size_t steps = 0; steps < members && w->count < WATCHED_MAX; steps++) {
            size_t target = (watcher + members - w->offsets[ring]) % members;
            random = mix(random + UINT64_C(0x9e3779b97f4a7c15));
            struct span wait = {(int64_t)(random % (uint64_t)turn.ns)};
            if (target != self && live(context, target))
                add(w, &before, target, ring, instant_after(now, wait));
            watcher = (watcher + members - 1) % members;
            if (watcher == self || live(context, watcher))
                break;
        }
    }
}

struct instant watch_deadline(const struct watch *w)
{
    struct instant at = INSTANT_NEVER;
    for (size_t i = 0; i < w->count; i++)
        at = instant_earlier(at, w->table[i].next);
    return at;
}

struct span watch_wait(struct instant now, uint8_t ring, uint8_t rings, struct span period)
{
    must(rings > 0 && ring < rings);
    int64_t turn = period.ns * rings;
    int64_t due = period.ns * ring;
    int64_t wait = (due - now.ns % turn + turn) % turn;
    return (struct span){wait < turn / 2 ? wait + turn : wait};
}
