/* A lock as the API shows it, read back: see why_state.h. */
#include "client/why_state.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "client/agent.h"

bool why_state_id(struct op_id *out, const char *text)
{
    struct op_id id;
    int used = 0;
    if (sscanf(text, "%5" SCNu16 ".%20" SCNu64 ".%20" SCNu64 "%n", &id.slot, &id.life, &id.counter,
               &used) != 3 ||
        text[used])
        return false;
    *out = id;
    return true;
}

/* What the three kinds of a Party have in common. */
static bool read_party(const json_t *party, struct op_id *id, enum lock_mode *mode, uint16_t *limit)
{
    long long number = json_number(party, "limit");
    if (!why_state_id(id, json_text(party, "hold")) ||
        !lock_mode_parse(mode, json_text(party, "mode")) || number < 0 || number > UINT16_MAX ||
        !lock_mode_valid(*mode, (unsigned)number))
        return false;
    *limit = (uint16_t)number;
    return true;
}

static bool read_holds(struct lock_state *out, const json_t *list)
{
    const json_t *party;
    size_t index;
    if (json_array_size(list) > LOCK_HOLDS_MAX)
        return false;
    json_array_foreach(list, index, party)
    {
        struct lock_hold *h = &out->holds[out->hold_count++];
        if (!read_party(party, &h->id, &h->mode, &h->limit))
            return false;
    }
    return true;
}

static bool read_converts(struct lock_state *out, const json_t *list)
{
    const json_t *party;
    size_t index;
    if (json_array_size(list) > LOCK_CONVERTS_MAX)
        return false;
    json_array_foreach(list, index, party)
    {
        struct lock_convert *c = &out->converts[out->convert_count++];
        if (!read_party(party, &c->id, &c->mode, &c->limit) || lock_find_hold(out, c->id) < 0)
            return false;
    }
    return true;
}

static bool read_waiters(struct lock_state *out, const json_t *list)
{
    const json_t *party;
    size_t index;
    if (json_array_size(list) > LOCK_WAITERS_MAX)
        return false;
    json_array_foreach(list, index, party)
    {
        struct lock_waiter *w = &out->waiters[out->waiter_count++];
        if (!read_party(party, &w->id, &w->mode, &w->limit))
            return false;
    }
    return true;
}

bool why_state_read(struct lock_state *out, const json_t *lock)
{
    lock_init(out);
    if (read_holds(out, json_object_get(lock, "holders")) &&
        read_converts(out, json_object_get(lock, "converting")) &&
        read_waiters(out, json_object_get(lock, "waiters")))
        return true;
    lock_init(out);
    return false;
}

struct why_wish why_state_convert(const struct lock_state *s, size_t index)
{
    const struct lock_convert *c = &s->converts[index];
    return (struct why_wish){lock_find_hold(s, c->id), c->mode, c->limit};
}

struct why_wish why_state_first(const struct lock_state *s)
{
    return (struct why_wish){-1, s->waiters[0].mode, s->waiters[0].limit};
}

bool why_state_excludes(const struct lock_state *s, size_t hold, const struct why_wish *wish)
{
    if (wish->self < 0 && s->hold_count == LOCK_HOLDS_MAX) /* it waits for room */
        return true;
    return lock_excludes(s, hold, wish->self, wish->mode, wish->limit);
}

void why_state_release(struct lock_state *s, struct why_wish wish)
{
    bool gone[LOCK_HOLDS_MAX];
    for (size_t i = 0; i < s->hold_count; i++)
        gone[i] = why_state_excludes(s, i, &wish);
    for (size_t i = s->hold_count; i-- > 0;)
        if (gone[i])
            lock_remove_hold(s, i);
    lock_settle(s);
}
