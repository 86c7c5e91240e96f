/* What a peer knows of accusations that are no order yet: see peer_next_inquiry in peer.h. */
#include "proto/peer_internal.h"
#include "proto/places.h"

/* What this node gathered as who asks. */
static void fill_asks(const struct peer *p, const struct accusation *a, struct inquiry_view *out)
{
    const struct jury *jury = &p->core.jury;
    out->asks = true;
    out->name = (struct view){a->name, a->name_size};
    out->since = a->since;
    out->answers = (struct fence_story){.accuser = core_self(&p->core), .name = out->name};
    for (size_t i = 0; i < jury->count; i++) {
        if (!(a->answered >> i & 1))
            continue;
        size_t at = out->answers.count++;
        out->answers.opinions[at].juror = jury->slots[i];
        out->answers.opinions[at].evidence = a->evidence[i];
        for (size_t v = 0; v < a->cert.count; v++)
            if (a->cert.votes[v].juror == jury->slots[i])
                out->voted |= 1u << at;
    }
}

/* What this node said, or looks for, as a juror. False if it was not asked about that life. */
static bool fill_own(const struct dossier *d, struct inquiry_view *out)
{
    if (d->voted == out->life) {
        out->asked = out->votes = out->answered = true;
        out->own = d->evidence;
        return true;
    }
    out->asked = d->logged == out->life || (d->open && d->inquired == out->life);
    out->answered = out->asked && !d->open && d->logged_opinion < OPINIONS;
    out->own = d->logged_evidence;
    return out->asked;
}

static const struct accusation *accusation_of(const struct accuser *a, uint16_t slot, uint64_t life)
{
    for (size_t i = 0; i < a->count; i++)
        if (a->table[i].used && a->table[i].slot == slot && a->table[i].life == life)
            return &a->table[i];
    return NULL;
}

/* First those that this node asks about, then those that it was only asked about. */
bool peer_next_inquiry(const struct peer *p, size_t *cursor, struct inquiry_view *out)
{
    const struct accuser *accuser = &p->fencing.accuser;
    const struct roster *roster = p->core.config.roster;
    const struct dossier *dossiers = p->fencing.juror.dossiers;
    while (*cursor < accuser->count) {
        const struct accusation *a = &accuser->table[(*cursor)++];
        if (!a->used)
            continue;
        *out = (struct inquiry_view){.slot = a->slot, .life = a->life};
        fill_asks(p, a, out);
        int index = roster_find(roster, a->slot);
        if (index >= 0)
            fill_own(&dossiers[index], out);
        return true;
    }
    if (*cursor < PLACES_ASKED_MAX)
        *cursor = PLACES_ASKED_MAX;
    while (*cursor - PLACES_ASKED_MAX < roster->node_count) {
        size_t index = (*cursor)++ - PLACES_ASKED_MAX;
        const struct dossier *d = &dossiers[index];
        uint64_t life = d->open ? d->inquired : d->logged;
        uint16_t slot = roster->nodes[index].slot;
        *out = (struct inquiry_view){.slot = slot, .life = life};
        if (life && !accusation_of(accuser, slot, life) && fill_own(d, out))
            return true;
    }
    return false;
}
