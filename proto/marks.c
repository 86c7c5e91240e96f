/* Marks: see marks.h. */
#include "proto/marks.h"

#include "proto/must.h"

#include <string.h>

enum { BITS = 64 };

size_t marks_bytes(size_t count)
{
    return (count + BITS - 1) / BITS * sizeof(uint64_t);
}

void marks_init(struct marks *m, void *memory, size_t count)
{
    *m = (struct marks){.words = memory, .count = count};
    memset(m->words, 0, marks_bytes(count));
}

static uint64_t bit(size_t index)
{
    return UINT64_C(1) << (index % BITS);
}

bool marks_has(const struct marks *m, size_t index)
{
    must(index < m->count);
    return m->words[index / BITS] & bit(index);
}

void marks_put(struct marks *m, size_t index)
{
    m->set += !marks_has(m, index);
    m->words[index / BITS] |= bit(index);
}

void marks_drop(struct marks *m, size_t index)
{
    m->set -= marks_has(m, index);
    m->words[index / BITS] &= ~bit(index);
}

size_t marks_next(const struct marks *m, size_t from)
{
    if (m->set == 0 || from >= m->count)
        return m->count;
    size_t at = from / BITS, words = (m->count + BITS - 1) / BITS;
    uint64_t left = m->words[at] & ~(bit(from) - 1);
    while (left == 0 && ++at < words)
        left = m->words[at];
    return left ? at * BITS + (size_t)__builtin_ctzll(left) : m->count;
}

size_t marks_next_round(const struct marks *m, size_t from)
{
    size_t index = marks_next(m, from);
    return index < m->count ? index : marks_next(m, 0);
}
