/* How long things took: see live.h. */
#include "sim/live.h"

#include <stdbool.h>

static const struct {
    const char *id, *unit, *text;
} names[] = {
#define LIVE_NAMES(NAME, id, unit, text) {id, unit, text},
    LIVES(LIVE_NAMES)
#undef LIVE_NAMES
};

const char *live_id(enum live_kind kind)
{
    return names[kind].id;
}

const char *live_unit(enum live_kind kind)
{
    return names[kind].unit;
}

const char *live_text(enum live_kind kind)
{
    return names[kind].text;
}

void live_note(struct live *l, enum live_kind kind, int64_t value)
{
    l->judged[kind]++;
    if (value > l->worst[kind])
        l->worst[kind] = value;
}

void live_add(struct live *l, const struct live *more, uint64_t seed)
{
    for (int i = 0; i < LIVE_KINDS; i++) {
        l->judged[i] += more->judged[i];
        /* Of equal ones the first seed's: they end in any order. */
        bool same = more->worst[i] == l->worst[i] && l->worst_seed[i] > seed;
        if (more->judged[i] == 0 || (more->worst[i] <= l->worst[i] && !same))
            continue;
        l->worst[i] = more->worst[i];
        l->worst_seed[i] = seed;
    }
}

void live_print(const struct live *l, FILE *out)
{
    for (int i = 0; i < LIVE_KINDS; i++)
        if (l->judged[i])
            fprintf(out, "%-3s %s %lld%s%s (worst of %llu, at seed %llu)\n", names[i].id,
                    names[i].text, (long long)l->worst[i], *names[i].unit == '/' ? "" : " ",
                    names[i].unit, (unsigned long long)l->judged[i],
                    (unsigned long long)l->worst_seed[i]);
}

void live_print_json(const struct live *l, FILE *out)
{
    fputc('{', out);
    for (int i = 0; i < LIVE_KINDS; i++)
        fprintf(out, "%s\"%s\":{\"judged\":%llu,\"worst\":%lld}", i ? "," : "", names[i].id,
                (unsigned long long)l->judged[i], (long long)l->worst[i]);
    fputc('}', out);
}
