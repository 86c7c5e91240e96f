/* Who suspects whom: see accusers.h. */
#include "proto/accusers.h"

void accusers_init(struct accusers *a)
{
    a->count = 0;
}

static struct accusers_entry *find(struct accusers *a, uint16_t member)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->table[i].member == member)
            return &a->table[i];
    return NULL;
}

const struct accusers_entry *accusers_of(const struct accusers *a, uint16_t member)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->table[i].member == member)
            return &a->table[i];
    return NULL;
}

void accusers_excuse(struct accusers *a, struct span late)
{
    for (size_t i = 0; i < a->count; i++)
        a->began[i] = instant_after(a->began[i], late);
}

void accusers_begin(struct accusers *a, struct instant now, uint16_t member, uint16_t by,
                    uint32_t wanted)
{
    accusers_end(a, member);
    if (a->count == ACCUSERS_MAX)
        return;
    a->began[a->count] = now;
    a->table[a->count++] = (struct accusers_entry){
        .member = member, .count = 1, .wanted = (uint8_t)wanted, .by = {by}};
}

bool accusers_confirm(struct accusers *a, uint16_t member, uint16_t by)
{
    struct accusers_entry *e = find(a, member);
    if (!e || e->count > e->wanted || e->count == ACCUSERS_EACH)
        return false;
    for (size_t i = 0; i < e->count; i++)
        if (e->by[i] == by)
            return false;
    e->by[e->count++] = by;
    return true;
}

void accusers_settle(struct accusers *a, uint16_t member)
{
    struct accusers_entry *e = find(a, member);
    if (e)
        e->wanted = (uint8_t)(e->count - 1);
}

void accusers_end(struct accusers *a, uint16_t member)
{
    struct accusers_entry *e = find(a, member);
    if (!e)
        return;
    a->began[e - a->table] = a->began[--a->count];
    *e = a->table[a->count];
}

struct instant accusers_began(const struct accusers *a, const struct accusers_entry *entry)
{
    return a->began[entry - a->table];
}
