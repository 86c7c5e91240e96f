/* Probes that say nothing: see away.h. */
#include "proto/away.h"

/* AWAY_MAX: there is none. */
static size_t find(const struct away *a, uint16_t member)
{
    for (size_t i = 0; i < AWAY_MAX; i++)
        if (a->table[i].used && a->table[i].member == member)
            return i;
    return AWAY_MAX;
}

void away_note(struct away *a, uint16_t member, struct instant until)
{
    size_t at = find(a, member);
    if (at == AWAY_MAX) {
        at = a->next;
        a->next = (a->next + 1) % AWAY_MAX;
    } else if (a->table[at].until.ns > until.ns) {
        until = a->table[at].until;
    }
    a->table[at].used = true;
    a->table[at].member = member;
    a->table[at].until = until;
}

void away_end(struct away *a, uint16_t member, struct instant now)
{
    size_t at = find(a, member);
    if (at < AWAY_MAX)
        a->table[at].until = instant_earlier(a->table[at].until, now);
}

bool away_excuses(const struct away *a, uint16_t member, struct instant sent)
{
    size_t at = find(a, member);
    return at < AWAY_MAX && sent.ns < a->table[at].until.ns;
}
