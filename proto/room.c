/* Room for the locks that a coordinator serves: see room.h. */
#include "proto/room.h"

#include "proto/forget.h"
#include "proto/takeover.h"

#define RESERVE_SPAN  SPAN_MS(1500) /* longer than a request's repeats are apart */
#define PROGRESS_SPAN SPAN_MS(1000) /* a state became true within it: requests get on */

/* L4: the idle lock that was used longest ago, and that nobody asks about, makes room. */
static void make_room(struct coordinator *k, struct instant now)
{
    struct served *oldest = NULL;
    for (uint32_t i = 0; i < k->served.count; i++) {
        struct served *s = &k->served.locks[i];
        if (s->used && s->phase == SERVED_TRUE && !s->resting &&
            (!oldest || s->used_at < oldest->used_at) && !k->leads[s->shard].unsure.first)
            oldest = s;
    }
    if (!oldest)
        return;
    struct lead *lead = &k->leads[oldest->shard];
    forget_leave(k, now, lead, oldest);
    served_forget(&k->served, oldest, &lead->locks);
}

static bool full_for(const struct served_table *t, struct view name)
{
    return !t->free && t->count == t->max && !served_find(t, name);
}

struct served *room_to_forget(struct coordinator *k, struct instant now, struct lead *lead,
                              struct view name)
{
    struct served_table *t = &k->served;
    if (full_for(t, name)) {
        if (k->full_at.ns && span_between(k->full_at, now).ns < RESERVE_SPAN.ns)
            return NULL;
        make_room(k, now);
    }
    return served_touch(t, now, name, lead_shard(k, lead), lead->ballot, &lead->locks);
}

struct served *room_for(struct coordinator *k, struct instant now, struct lead *lead,
                        const struct wire_request *r)
{
    struct served_table *t = &k->served;
    uint32_t shard = lead_shard(k, lead);
    bool full = full_for(t, r->name);
    if (full && !r->insist && !instant_reached(now, k->reserved_until))
        return NULL;
    if (full)
        make_room(k, now);
    struct served *s = served_touch(t, now, r->name, shard, lead->ballot, &lead->locks);
    if (full && r->insist)
        k->reserved_until = s ? now : instant_after(now, RESERVE_SPAN);
    return s;
}

void room_none(struct coordinator *k, struct instant now, const struct lead *lead,
               const struct wire_request *r)
{
    k->core->counters.requests_full++;
    k->full_at = now;
    if (span_between(k->served.true_at, now).ns >= PROGRESS_SPAN.ns ||
        lead_first(k, lead_shard(k, lead)) != core_self(k->core))
        return;
    struct asked a = {
        .op = r->op, .to = r->op.slot, .kind = (enum request_kind)r->kind, .change = r->change};
    lead_reply_elsewhere(k, &a, REPLY_NO_ROOM, lead->ballot, core_self(k->core), r->name);
}
