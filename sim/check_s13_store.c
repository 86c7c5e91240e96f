/*
 * S13: a node whose store is lost, damaged, behind, failed, or not checked yet sends no vote and
 * coordinates nothing (L7).
 */
#include "sim/check.h"

#include "sim/machine.h"
#include "sim/stores.h"
#include "sim/world.h"

/* Whether only a voter may say this. */
static bool is_vote(enum wire_type type)
{
    return type == WIRE_PROMISE || type == WIRE_STORED || type == WIRE_ACCEPTED ||
           type == WIRE_CONFIRMED || type == WIRE_PREPARE || type == WIRE_READ ||
           type == WIRE_ACCEPT || type == WIRE_CONFIRM || type == WIRE_VOTE || type == WIRE_IDLE ||
           type == WIRE_FORGET || type == WIRE_FORGOTTEN;
}

/* Whether it counts towards a quorum of jurors: what they say must outlast every start. */
static bool is_juror_word(const struct message *message)
{
    enum wire_type type = message->type;
    return type == WIRE_RENEWED || type == WIRE_LIFE_STORED || type == WIRE_PROOF_STORED ||
           type == WIRE_EXEC_OK || (type == WIRE_ARMED && message->armed.stored) ||
           (type == WIRE_SILENCE && !message->silence.asks);
}

static bool is_juror(const struct world *w, const struct machine *m)
{
    return w->cluster->roster.nodes[m->index].juror;
}

void check_may_vote(struct world *w, struct machine *m, const struct message *message)
{
    if (is_juror_word(message) && !m->votes && is_juror(w, m))
        world_fail(w, EXIT_BROKEN, "S13", "%s sends %s as a juror, but its store was lost", m->name,
                   wire_name(message->type));
    if (!is_vote(message->type))
        return;
    struct peer_status status;
    peer_status(m->peer, &status);
    if (!m->votes)
        world_fail(w, EXIT_BROKEN, "S13", "%s sends %s, but its store was lost", m->name,
                   wire_name(message->type));
    if (status.store != STORE_VOTING)
        world_fail(w, EXIT_BROKEN, "S13", "%s sends %s while its store is: %s", m->name,
                   wire_name(message->type), store_state_text(status.store));
}

/* L7 asks half of the roster: if none of those needs to know, nobody can tell, and what follows is
 * beyond the promise. Such a run ends here, and is counted. */
void check_store_checked(struct world *w, const struct machine *m)
{
    if (!m->rolled_back)
        return;
    if (stores_can_tell(w, m->informed))
        world_fail(w, EXIT_BROKEN, "S13", "%s does not notice that its store is an old copy",
                   m->name);
    w->figures.blind++;
    world_fail(w, EXIT_CLEAN, "", "nobody can tell %s that its store is an old copy", m->name);
}

void check_behind(struct world *w, const struct machine *m)
{
    if (!m->store_excused)
        world_fail(w, EXIT_BROKEN, "S13",
                   "%s calls its store behind, but nothing was taken from it", m->name);
}
