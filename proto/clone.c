/* Clones: see clone.h. */
#include "proto/clone.h"

#include "proto/core.h"

enum { ASKS = 6, ASKS_MAX = 40 }; /* in a D: usually, and of hellos that come quickly */

static const struct start_id NO_START;

static bool same(const struct start_id *a, const struct start_id *b)
{
    return memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool same_address(const struct address *a, const struct address *b)
{
    return memcmp(a->ip, b->ip, sizeof a->ip) == 0 && a->port == b->port;
}

void clone_init(struct clone *c)
{
    *c = (struct clone){.ask_at = INSTANT_NEVER};
}

static bool is_none(const struct clone_start *s)
{
    return same(&s->start, &NO_START);
}

static void contest(struct clone *c, struct instant now, struct span detect)
{
    struct instant soonest = instant_after(c->asked_at, (struct span){detect.ns / ASKS_MAX});
    c->contested_until = instant_after(now, detect);
    c->ask_at = instant_earlier(c->ask_at, instant_reached(now, soonest) ? now : soonest);
}

/* The entry of that start, or the one that makes room for it: whichever answered longer ago, and
 * so one that never did, as a hello that somebody kept. */
static struct clone_start *entry_of(struct clone *c, const struct start_id *start, uint32_t sent)
{
    struct clone_start *a = &c->starts[0], *b = &c->starts[1];
    if (same(&a->start, start))
        return a;
    if (same(&b->start, start))
        return b;
    struct clone_start *room = a->answered_at.ns <= b->answered_at.ns ? a : b;
    *room = (struct clone_start){.start = *start, .seen = sent};
    return room;
}

static bool overlap(const struct clone *c)
{
    const struct clone_start *a = &c->starts[0], *b = &c->starts[1];
    if (MUTANT(97)) /* "a start that was heard lately is taken to live" */
        return a->echoed && b->echoed;
    return a->echoed > b->seen && b->echoed > a->seen && !is_none(a) && !is_none(b);
}

void clone_hello(struct clone *c, struct instant now, struct span detect, const struct hello *hello,
                 bool answers, uint32_t sent, const struct address *from)
{
    struct clone_start *s = entry_of(c, &hello->start, sent);
    const struct clone_start *other = s == c->starts ? s + 1 : s - 1;
    if (s->echoed == 0 && !answers && !is_none(other)) {
        s->from = *from;
        s->owed = true;
        contest(c, now, detect);
    }
    if (!answers || hello->echo_seq <= s->echoed)
        return;
    if (s->echoed == 0 && !is_none(other))
        contest(c, now, detect);
    s->echoed = hello->echo_seq;
    s->answered_at = now;
    s->from = *from;
    if (overlap(c))
        c->contested_until = instant_after(now, detect);
}

static struct instant over_at(const struct clone *c, struct span detect)
{
    struct instant first = instant_earlier(c->starts[0].answered_at, c->starts[1].answered_at);
    return instant_after(first, detect);
}

bool clone_is_double(const struct clone *c, struct instant now, struct span detect)
{
    return overlap(c) && !instant_reached(now, over_at(c, detect));
}

enum clone_change clone_judge(struct clone *c, struct instant now, struct span detect)
{
    bool is = clone_is_double(c, now, detect);
    if (is == c->proven)
        return CLONE_SAME;
    c->proven = is;
    return is ? CLONE_FOUND : CLONE_OVER;
}

/* Whether it is time; plans the next one. */
static bool is_due(struct clone *c, struct instant now, struct span detect)
{
    if (!instant_reached(now, c->ask_at))
        return false;
    c->ask_at = instant_after(now, (struct span){detect.ns / ASKS});
    if (c->ask_at.ns <= c->contested_until.ns)
        return true;
    /* Once more, when nobody is asked any more: what was proven is over then. */
    bool first = !instant_reached(now, c->contested_until);
    c->ask_at = first || c->proven ? c->ask_at : INSTANT_NEVER;
    return first;
}

/* The roster's address, and others from where a start of it spoke. */
static size_t addresses(const struct clone *c, const struct core *core, uint16_t slot,
                        struct address out[3])
{
    const struct roster *roster = core->config.roster;
    size_t count = 1;
    out[0] = roster->nodes[roster_find(roster, slot)].address;
    for (size_t i = 0; i < 2; i++) {
        const struct clone_start *s = &c->starts[i];
        bool known = s->from.port == 0 || (s->echoed == 0 && !s->owed);
        for (size_t j = 0; j < count; j++)
            known |= same_address(&out[j], &s->from);
        if (!known)
            out[count++] = s->from;
    }
    return count;
}

size_t clone_asks(struct clone *c, const struct core *core, struct instant now, uint16_t slot,
                  struct address out[3])
{
    if (!is_due(c, now, core_detect(core)))
        return 0;
    size_t count = addresses(c, core, slot, out);
    c->asked_at = now;
    c->starts[0].owed = c->starts[1].owed = false;
    return count;
}

void clone_watch(struct clone *c, struct core *core, struct instant now, uint16_t slot)
{
    struct address at[3];
    enum clone_change change = clone_judge(c, now, core_detect(core));
    if (change == CLONE_SAME)
        return;
    core->counters.clones += change == CLONE_FOUND;
    struct notice *n = told_notice(&core->told, NOTICE_CLONE);
    n->slot = slot;
    n->number = change == CLONE_FOUND ? 2 : 1;
    size_t count = addresses(c, core, slot, at);
    n->at[0] = at[0];
    n->at[1] = at[count - 1];
}

bool clone_tells(struct clone *c, const struct core *core, uint16_t slot,
                 const struct start_id *start, bool asked, struct wire_cloned *out)
{
    struct address at[3];
    if (!c->proven || (!asked && same(&c->told, start)))
        return false;
    size_t count = addresses(c, core, slot, at);
    c->told = *start;
    *out = (struct wire_cloned){.one = at[0], .other = at[count - 1]};
    return true;
}

void clone_aim(const struct clone *c, struct outgoing *out, size_t count,
               const struct start_id *start)
{
    for (size_t i = 0; i < 2 && count > 0 && c->proven; i++)
        if (same(&c->starts[i].start, start))
            out->at = c->starts[i].from;
}

struct instant clone_deadline(const struct clone *c)
{
    return c->ask_at;
}

void clone_self_told(struct clone_self *c, struct instant now, size_t juror)
{
    c->told[juror] = now;
}

bool clone_self_is(const struct clone_self *c, const struct jury *jury, struct instant now,
                   struct span detect)
{
    size_t count = 0;
    for (size_t i = 0; i < jury->count; i++)
        count += c->told[i].ns && span_between(c->told[i], now).ns < detect.ns;
    return count >= jury->quorum;
}
