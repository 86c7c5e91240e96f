/* Signs of life: see signs.h. */
#include "proto/signs.h"

size_t signs_bytes(const struct peer_config *config)
{
    return config->roster->node_count * sizeof(struct sign);
}

void signs_init(struct signs *s, struct core *core, void *memory)
{
    s->core = core;
    s->table = memory;
    memset(s->table, 0, signs_bytes(&core->config));
}

void signs_heard(struct signs *s, struct instant now, uint16_t slot, uint64_t life)
{
    int index = roster_find(s->core->config.roster, slot);
    if (index >= 0 && life >= s->table[index].life)
        s->table[index] = (struct sign){.life = life, .at = now};
}

struct span signs_age(const struct signs *s, struct instant now, uint16_t slot, uint64_t life)
{
    int index = roster_find(s->core->config.roster, slot);
    if (index < 0 || life == 0 || s->table[index].life != life)
        return (struct span){-1};
    return span_between(s->table[index].at, now);
}
