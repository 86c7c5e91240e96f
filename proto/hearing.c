/* The hearing: see hearing.h. */
#include "proto/hearing.h"

#include "proto/armed.h"
#include "proto/mutant.h"

#define ROUND_SPAN SPAN_MS(500)   /* a probe has been answered by then */
#define ASK_AGAIN  SPAN_MS(400)   /* those that have not answered */
#define YOUNG_SPAN SPAN_MS(1500)  /* one that began so long ago is not begun anew */
#define GOOD_SPAN  SPAN_MS(10000) /* one that began so long ago is of just now */

enum { ROUNDS_MAX = 5 };

void hearing_init(struct hearing *h, struct core *core, const struct signs *signs)
{
    *h = (struct hearing){
        .core = core, .signs = signs, .slot = SLOT_NONE, .again_at = INSTANT_NEVER};
}

void hearing_start(struct hearing *h, struct instant now)
{
    h->started = now;
}

/* --- Asking --- */

static void ask(struct hearing *h)
{
    const struct jury *jury = &h->core->jury;
    struct message m = {.type = WIRE_HEARD_ASK,
                        .heard_ask = {.slot = h->slot, .life = h->life, .seq = h->seq}};
    for (size_t i = 0; i < jury->count; i++)
        if (jury->slots[i] != h->slot && !(h->answered & (1u << i)))
            outbox_send(&h->core->outbox, jury->slots[i], &m);
}

void hearing_begin(struct hearing *h, struct instant now, uint16_t slot, uint64_t life)
{
    if (h->slot == slot && h->life == life && span_between(h->began_at, now).ns < YOUNG_SPAN.ns)
        return;
    uint32_t seq = (uint32_t)drbg_u64(&h->core->drbg) & ~1u;
    h->slot = slot;
    h->life = life;
    h->seq = seq;
    h->began_at = now;
    h->again_at = instant_after(now, ROUND_SPAN);
    h->rounds = 1;
    h->answered = 0;
    ask(h);
}

void hearing_step(struct hearing *h, struct instant now)
{
    if (!instant_reached(now, h->again_at))
        return;
    h->rounds++;
    h->seq |= 1; /* the second round: probes have had their time */
    h->again_at = h->rounds < ROUNDS_MAX ? instant_after(now, ASK_AGAIN) : INSTANT_NEVER;
    ask(h);
}

struct instant hearing_deadline(const struct hearing *h)
{
    return h->again_at;
}

/* --- Answering --- */

/* Since that life was heard here, or the node, as long as it is not known to live under a higher
 * one; UINT32_MAX: never. */
static uint32_t heard_age(const struct hearing *h, struct instant now, uint16_t slot, uint64_t life)
{
    struct member_view view;
    swim_view(h->core->swim, slot, &view);
    struct span named = signs_age(h->signs, now, slot, life);
    uint32_t age = named.ns < 0 ? UINT32_MAX : span_milliseconds(named);
    if (view.heard.ns && view.life <= life) {
        uint32_t any = span_milliseconds(span_between(view.heard, now));
        age = any < age ? any : age;
    }
    return age;
}

static void take_ask(struct hearing *h, struct instant now, uint16_t from,
                     const struct wire_heard_ask *m)
{
    uint32_t age = heard_age(h, now, m->slot, m->life);
    bool never = age == UINT32_MAX; /* what it does not know counts from its start */
    struct message poke = {.type = WIRE_POKE, .poke = {.seq = m->seq}};
    struct message answer = {
        .type = WIRE_HEARD,
        .heard = {.slot = m->slot,
                  .life = m->life,
                  .seq = m->seq,
                  .age_ms = never ? span_milliseconds(span_between(h->started, now)) : age,
                  .never = never}};
    if (roster_find(h->core->config.roster, m->slot) < 0 || m->slot == core_self(h->core))
        return;
    if (!(m->seq & 1))
        outbox_send(&h->core->outbox, m->slot, &poke);
    outbox_send(&h->core->outbox, from, &answer);
}

static void take_answer(struct hearing *h, uint16_t from, const struct wire_heard *m)
{
    int juror = jury_find(&h->core->jury, from);
    if (juror < 0 || m->slot != h->slot || m->life != h->life || m->seq != h->seq || !(m->seq & 1))
        return;
    h->answered |= 1u << juror;
    h->age_ms[juror] = m->age_ms;
    h->never = (h->never & ~(1u << juror)) | (uint32_t)m->never << juror;
    uint32_t others = (uint32_t)h->core->jury.count - (jury_find(&h->core->jury, h->slot) >= 0);
    if ((uint32_t)__builtin_popcount(h->answered) == others)
        h->again_at = INSTANT_NEVER;
}

void hearing_take(struct hearing *h, struct instant now, uint16_t from, const struct message *m)
{
    if (m->type == WIRE_HEARD_ASK)
        take_ask(h, now, from, &m->heard_ask);
    else if (m->type == WIRE_HEARD)
        take_answer(h, from, &m->heard);
}

/* --- Judging --- */

/* H: as long as the watchdog's own bound, since a person may be wrong about the machine. */
static uint32_t silence_ms(const struct hearing *h)
{
    return span_milliseconds(armory_hand_over(h->core, h->slot, h->life));
}

static uint32_t needed(const struct hearing *h)
{
    const struct jury *jury = &h->core->jury;
    bool juror = jury_find(jury, h->slot) >= 0;
    return jury_can_order(jury) ? (uint32_t)jury->quorum : (uint32_t)jury->count - juror;
}

const char *hearing_refuses(const struct hearing *h, struct instant now, uint16_t slot,
                            uint64_t life)
{
    if (MUTANT(135)) /* "an operator is believed in any case" */
        return NULL;
    if (h->slot != slot || h->life != life || span_between(h->began_at, now).ns >= GOOD_SPAN.ns)
        return "ask the jurors first who hears that life (F6d)";
    for (size_t i = 0; i < h->core->jury.count; i++)
        if ((h->answered & (1u << i)) && h->age_ms[i] < silence_ms(h))
            return "a juror heard that node within H, or its probe was answered (F6d)";
    if ((uint32_t)__builtin_popcount(h->answered) < needed(h))
        return "too few jurors say whether they hear that life (F6d)";
    return NULL;
}

void hearing_look(const struct hearing *h, struct instant now, struct hearing_view *out)
{
    *out = (struct hearing_view){.slot = h->slot, .life = h->life, .silence_ms = silence_ms(h)};
    if (h->slot == SLOT_NONE)
        return;
    out->done = h->again_at.ns == INSTANT_NEVER.ns;
    out->needed = needed(h);
    out->why = hearing_refuses(h, now, h->slot, h->life);
    for (size_t i = 0; i < h->core->jury.count; i++) {
        out->jurors[i].juror = h->core->jury.slots[i];
        out->jurors[i].answered = h->answered >> i & 1;
        out->jurors[i].age_ms = h->age_ms[i];
        out->jurors[i].never = h->never >> i & 1;
    }
    out->count = h->core->jury.count;
}
