/* Dues: see dues.h. */
#include "proto/dues.h"

#include "proto/must.h"

static size_t leaves_of(size_t count)
{
    size_t leaves = 1;
    while (leaves < count)
        leaves *= 2;
    return leaves;
}

size_t dues_bytes(size_t count)
{
    return 2 * leaves_of(count) * sizeof(struct instant);
}

void dues_init(struct dues *d, void *memory, size_t count)
{
    *d = (struct dues){.tree = memory, .leaves = leaves_of(count), .count = count};
    for (size_t i = 0; i < 2 * d->leaves; i++)
        d->tree[i] = INSTANT_NEVER;
}

void dues_set(struct dues *d, size_t index, struct instant at)
{
    must(index < d->count);
    struct instant *tree = d->tree;
    size_t i = d->leaves + index;
    while (tree[i].ns != at.ns) { /* above a node that stays as it is nothing changes */
        tree[i] = at;
        if (i == 1)
            return;
        i /= 2;
        at = instant_earlier(tree[2 * i], tree[2 * i + 1]);
    }
}

size_t dues_next(const struct dues *d, size_t from, struct instant now)
{
    if (from >= d->count || !instant_reached(now, d->tree[1]))
        return d->count;
    size_t i = d->leaves + from;
    while (!instant_reached(now, d->tree[i])) {
        while (i % 2 == 1) /* to the next subtree on the right */
            i /= 2;
        if (i == 0)
            return d->count;
        i++;
    }
    while (i < d->leaves) {
        i *= 2;
        i += !instant_reached(now, d->tree[i]);
    }
    return i - d->leaves;
}
