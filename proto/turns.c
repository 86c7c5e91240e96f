/* Turns: see turns.h. */
#include "proto/turns.h"

#define LATELY SPAN_MS(6000) /* who waits asks again in less */

size_t turns_bytes(size_t count)
{
    return count * sizeof(struct turn);
}

void turns_init(struct turns *t, size_t count, void *memory)
{
    *t = (struct turns){.list = memory, .count = count};
    for (size_t i = 0; i < count; i++)
        t->list[i] = (struct turn){0};
}

bool turns_next(struct turns *t, struct instant now, int index)
{
    if (index < 0)
        return false;
    t->list[index].asked = now;
    for (size_t i = 0; i < t->count; i++) {
        const struct turn *other = &t->list[i];
        if (other->asked.ns && span_between(other->asked, now).ns < LATELY.ns &&
            other->had.ns < t->list[index].had.ns)
            return false;
    }
    return true;
}

void turns_got(struct turns *t, struct instant now, int index)
{
    if (index >= 0)
        t->list[index] = (struct turn){.had = now};
}
