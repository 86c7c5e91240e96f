/* Which modes may be held together: see modes.h. */
#include "sim/modes.h"

#include <stdio.h>

enum { READS = 1, WRITES = 2 };

static const struct {
    unsigned does, lets;
} meaning[] = {
    [LOCK_NL] = {0, READS | WRITES},      [LOCK_CR] = {READS, READS | WRITES},
    [LOCK_CW] = {WRITES, READS | WRITES}, [LOCK_PR] = {READS, READS},
    [LOCK_PW] = {WRITES, READS},          [LOCK_EX] = {READS | WRITES, 0},
};

bool modes_agree(enum lock_mode a, enum lock_mode b)
{
    if (a == LOCK_NL || b == LOCK_NL)
        return true;
    if (a == LOCK_COUNTED || b == LOCK_COUNTED)
        return a == b;
    return (meaning[a].does & ~meaning[b].lets) == 0 && (meaning[b].does & ~meaning[a].lets) == 0;
}

bool modes_write(enum lock_mode mode)
{
    return mode != LOCK_COUNTED && (meaning[mode].does & WRITES);
}

enum lock_mode modes_both(enum lock_mode a, enum lock_mode b)
{
    if (a == LOCK_COUNTED || b == LOCK_COUNTED)
        return a == b ? a : LOCK_NL;
    unsigned does = meaning[a].does & meaning[b].does, lets = meaning[a].lets | meaning[b].lets;
    for (int mode = LOCK_CR; mode < LOCK_COUNTED; mode++)
        if (does && meaning[mode].does == does && meaning[mode].lets == lets)
            return (enum lock_mode)mode;
    return LOCK_NL;
}

struct modes modes_none(void)
{
    return (struct modes){.least = UINT32_MAX};
}

void modes_add(struct modes *m, enum lock_mode mode, uint32_t limit)
{
    m->count[mode]++;
    if (mode == LOCK_COUNTED && limit < m->least)
        m->least = limit;
}

bool modes_fit(const struct modes *m, enum lock_mode mode, uint32_t limit)
{
    for (int held = 0; held < LOCK_MODES; held++)
        if (m->count[held] > 0 && !modes_agree((enum lock_mode)held, mode))
            return false;
    uint32_t least = limit < m->least ? limit : m->least;
    return mode != LOCK_COUNTED || m->count[LOCK_COUNTED] < least;
}

const char *modes_text(enum lock_mode mode, uint32_t limit)
{
    static char texts[4][24];
    static unsigned turn;
    if (mode != LOCK_COUNTED)
        return lock_mode_text(mode);
    char *text = texts[turn++ % 4];
    snprintf(text, sizeof texts[0], "%s %u", lock_mode_text(mode), limit);
    return text;
}

enum lock_mode modes_draw(struct random *r, uint32_t most, uint16_t *limit)
{
    enum lock_mode mode = (enum lock_mode)random_below(r, LOCK_MODES);
    *limit = mode == LOCK_COUNTED ? (uint16_t)(1 + random_below(r, most)) : 0;
    return mode;
}
