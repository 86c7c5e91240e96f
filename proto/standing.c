/* Standing: see standing.h. */
#include "proto/standing.h"

#include "proto/inequality.h"
#include "proto/must.h"
#include "proto/mutant.h"

#define FIRST_WAIT SPAN_MS(60)    /* between renewals until the first quorum */
#define PROVE_WAIT SPAN_MS(20)    /* between renewals for evidence; a look goes on for 250 ms */
#define LINGER     SPAN_MS(10000) /* a node that locks now and then need not wait each time */

static struct span renew_span(const struct standing *s)
{
    struct span detect = core_detect(s->core);
    return MUTANT(162) /* "renewals are D/3 apart" */ ? (struct span){detect.ns / 3}
                                                      : renew_span_of(detect);
}

static struct span lose_span(const struct standing *s)
{
    struct span detect = core_detect(s->core);
    return MUTANT(161) /* "a holder stops when D is over" */ ? detect : lose_span_of(detect);
}

void standing_init(struct standing *s, struct core *core)
{
    *s = (struct standing){.core = core, .renew_at = INSTANT_NEVER, .prove_at = INSTANT_NEVER};
}

void standing_reset(struct standing *s, struct instant now)
{
    uint32_t users = s->users, seq = s->seq;
    *s = (struct standing){.core = s->core,
                           .users = users,
                           .seq = seq,
                           .since = now,
                           .renew_at = users ? now : INSTANT_NEVER,
                           .prove_at = INSTANT_NEVER};
}

static struct instant newest_of(const struct standing *s)
{
    const struct jury *jury = &s->core->jury;
    struct instant best = {0};
    for (size_t i = 0; i < jury->count; i++) {
        size_t as_new = 0;
        for (size_t j = 0; j < jury->count; j++)
            as_new += s->acked[j].ns >= s->acked[i].ns;
        if (as_new >= jury->quorum && s->acked[i].ns > best.ns)
            best = s->acked[i];
    }
    return best;
}

struct instant standing_newest(const struct standing *s)
{
    return s->newest;
}

bool standing_has(const struct standing *s, struct instant now)
{
    struct instant newest = standing_newest(s);
    return newest.ns && !instant_reached(now, instant_after(newest, lose_span(s)));
}

uint32_t standing_acknowledged(const struct standing *s, struct instant since)
{
    uint32_t count = 0;
    for (size_t i = 0; i < s->core->jury.count; i++)
        count += s->acked[i].ns && s->acked[i].ns >= since.ns;
    return count;
}

bool standing_bound(const struct standing *s)
{
    return s->voted || s->ordered || s->scoped || s->spent;
}

/* --- Renewing --- */

static void renew(struct standing *s, struct instant now)
{
    struct core *c = s->core;
    s->prove_at = INSTANT_NEVER; /* whatever was probed for it was sent before */
    if (!c->life_known)
        return;
    s->sent[++s->seq % STANDING_SENT] = now;
    c->counters.renewals++;
    struct message m = {.type = WIRE_RENEW, .renew = {.life = c->life, .seq = s->seq}};
    for (size_t i = 0; i < c->jury.count; i++)
        outbox_send(&c->outbox, c->jury.slots[i], &m);
}

static bool wanted(const struct standing *s, struct instant now)
{
    return s->users || !instant_reached(now, s->linger_until);
}

void standing_use(struct standing *s, struct instant now)
{
    if (s->users++ == 0 && s->state == STANDING_NONE)
        s->since = now;
    if (s->renew_at.ns == INSTANT_NEVER.ns)
        s->renew_at = now;
}

void standing_unuse(struct standing *s, struct instant now)
{
    must(s->users > 0);
    if (--s->users == 0)
        s->linger_until = instant_after(now, LINGER);
}

void standing_prove(struct standing *s, struct instant now)
{
    struct instant soonest = instant_after(s->sent[s->seq % STANDING_SENT], PROVE_WAIT);
    if (instant_reached(now, soonest))
        renew(s, now);
    else
        s->prove_at = soonest;
}

/* --- What follows from an answer, or from the time --- */

/* Since when a quorum is missing; without standing, from the start of the present try, so that
 * holds found at a start have their time. */
static struct instant silent_since(const struct standing *s)
{
    return s->state == STANDING_NONE ? s->since : standing_newest(s);
}

static struct instant risk_at(const struct standing *s)
{
    return instant_after(silent_since(s), (struct span){lose_span(s).ns / 2});
}

static struct instant lost_at(const struct standing *s)
{
    return instant_after(silent_since(s), lose_span(s));
}

static enum standing_change judge(struct standing *s, struct instant now)
{
    enum standing_state before = s->state;
    if (!wanted(s, now)) { /* nothing rests on it: it ends without a word */
        s->state = STANDING_NONE;
        return STANDING_SAME;
    }
    struct span age = span_between(standing_newest(s), now);
    if (standing_has(s, now) && age.ns < lose_span(s).ns / 2) {
        s->state = STANDING_HELD;
        return before == STANDING_NONE      ? STANDING_GAINED
               : before == STANDING_AT_RISK ? STANDING_SAVED
                                            : STANDING_SAME;
    }
    if (instant_reached(now, lost_at(s))) {
        s->state = STANDING_NONE;
        s->since = now; /* once for each span without a quorum */
        return STANDING_GONE;
    }
    if (before != STANDING_HELD)
        return STANDING_SAME;
    s->state = STANDING_AT_RISK;
    return STANDING_RISKED;
}

static void take_renewed(struct standing *s, int juror, const struct wire_renewed *m)
{
    if (m->life != s->core->life || s->seq - m->seq >= STANDING_SENT)
        return; /* of another life, or too old to know when it was sent */
    struct instant sent = s->sent[m->seq % STANDING_SENT];
    if (sent.ns > s->acked[juror].ns) {
        s->acked[juror] = sent;
        s->newest = newest_of(s);
    }
    /* A quorum has answered the last one: it need not be repeated. */
    struct instant last = s->sent[s->seq % STANDING_SENT];
    if (s->renew_at.ns != INSTANT_NEVER.ns && standing_newest(s).ns >= last.ns)
        s->renew_at = instant_after(last, renew_span(s));
}

enum standing_change standing_take(struct standing *s, struct instant now, uint16_t from,
                                   const struct message *m)
{
    int juror = jury_find(&s->core->jury, from);
    if (juror < 0) {
        s->core->counters.drop_role++;
        return STANDING_SAME;
    }
    if (m->type == WIRE_RENEWED) {
        take_renewed(s, juror, &m->renewed);
    } else if (m->voted.life == s->core->life && s->core->life_known &&
               !(s->voted & (1u << juror))) {
        s->voted |= 1u << juror;
        struct notice *n = told_notice(&s->core->told, NOTICE_BOUND);
        n->slot = from;
        n->number = s->core->life;
    }
    return judge(s, now);
}

/* Until a quorum has answered a renewal the next one comes soon: after a cut that was shorter than
 * D the first that comes through has to be in time (F7). Who has no standing to lose is in no
 * hurry.
 */
static struct span repeat_span(const struct standing *s, struct instant now)
{
    bool first = s->state == STANDING_NONE && s->users &&
                 span_between(s->since, now).ns <= core_detect(s->core).ns / 3;
    if (first)
        return FIRST_WAIT;
    return s->state == STANDING_NONE ? renew_span(s) : again_span_of(core_detect(s->core));
}

enum standing_change standing_step(struct standing *s, struct instant now)
{
    if (instant_reached(now, s->renew_at)) {
        renew(s, now);
        s->renew_at = wanted(s, now) ? instant_after(now, repeat_span(s, now)) : INSTANT_NEVER;
    } else if (instant_reached(now, s->prove_at)) {
        renew(s, now);
    }
    return judge(s, now);
}

struct instant standing_deadline(const struct standing *s)
{
    struct instant at = instant_earlier(s->renew_at, s->prove_at);
    if (!wanted(s, s->core->now))
        return at;
    if (s->state == STANDING_HELD)
        at = instant_earlier(at, risk_at(s));
    return instant_earlier(at, lost_at(s));
}
