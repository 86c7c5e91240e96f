/*
 * S20 for words: of a member only what it has signed itself counts (M2): nobody holds it in a life
 * or an incarnation that it never said, or holds that it left before it did. And nobody says that a
 * node runs twice unless it does (proto/clone.h).
 */
#include "sim/check.h"
#include "sim/machine.h"
#include "sim/world.h"

void check_word_said(struct world *w, const struct machine *m, const struct wire_alive *word)
{
    struct word_said *said = &w->observer->words[m->index];
    if (word->slot != cluster_slot(m->index) || word->life < said->life)
        return;
    if (word->life > said->life)
        *said = (struct word_said){.life = word->life};
    if (word->incarnation > said->incarnation)
        said->incarnation = word->incarnation;
    said->left |= word->left;
}

void check_word_held(struct world *w, const struct machine *m, const struct swim_change *change)
{
    int index = cluster_index(w->cluster, change->slot);
    const struct word_said *said = &w->observer->words[index];
    /* Its own is not on the wire yet; what a twin signs is not seen here. */
    if (index == m->index || (w->twin.run && index == w->twin.of))
        return;
    bool past = change->life < said->life;
    bool ahead = change->life > said->life ||
                 (change->life == said->life && change->incarnation > said->incarnation);
    if (ahead)
        world_fail(w, EXIT_BROKEN, "S20",
                   "%s holds %s in life %llu, incarnation %u: it never said so", m->name,
                   w->machines[index].name, (unsigned long long)change->life, change->incarnation);
    if (change->after == MEMBER_LEFT && !past && !said->left)
        world_fail(w, EXIT_BROKEN, "S20", "%s holds that %s left: it never said so", m->name,
                   w->machines[index].name);
}

void check_clone_told(struct world *w, const struct machine *m, const struct notice *n)
{
    const struct machine *of = world_machine(w, n->slot);
    if (n->number == 2 && !(w->twin.run && of && of->index == w->twin.of))
        world_fail(w, EXIT_BROKEN, "S20", "%s says that slot %u runs twice: it does not", m->name,
                   n->slot);
}
