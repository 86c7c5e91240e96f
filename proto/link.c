/* The link: see link.h. */
#include "proto/link_core.h"

#define HELLO_WAIT_MAX    SPAN_MS(2000)
#define HELLO_ANSWER_WAIT SPAN_MS(10)

/* Hellos that may be lost before they are also handed to a relay. */
enum { HELLOS_DIRECT = 2 };

size_t link_bytes(const struct peer_config *config)
{
    size_t count = config->roster->node_count;
    return count * sizeof(struct link_end) + 2 * dues_bytes(count) +
           EFFECTS_DATAGRAMS_MAX *
               (sizeof(struct staged) + DATAGRAM_MAX + sizeof(struct outgoing)) +
           64;
}

void link_init(struct link *l, struct core *core, void *memory)
{
    const struct peer_config *config = &core->config;
    size_t count = config->roster->node_count;
    memset(l, 0, sizeof *l);
    l->core = core;
    l->ends = memory;
    memset(l->ends, 0, count * sizeof *l->ends);
    uint8_t *at = (uint8_t *)(l->ends + count);
    dues_init(&l->due, at, count);
    dues_init(&l->doubles, at + dues_bytes(count), count);
    l->out = (struct outgoing *)(void *)(at + 2 * dues_bytes(count));
    l->staged = (struct staged *)(l->out + EFFECTS_DATAGRAMS_MAX);
    l->sealed = (uint8_t(*)[DATAGRAM_MAX])(l->staged + EFFECTS_DATAGRAMS_MAX);
    drbg_bytes(&core->drbg, l->start.bytes, sizeof l->start.bytes);
    for (size_t i = 0; i < count; i++) {
        const struct roster_node *node = &config->roster->nodes[i];
        struct link_end *end = &l->ends[i];
        session_init(&end->session);
        relay_init(&end->way);
        clone_init(&end->clone);
        end->hello_next = INSTANT_NEVER;
        end->usable = node->slot != core_self(core) &&
                      seal_key_make(&end->key, config->key, &node->key, &config->cluster);
    }
}

bool link_connected(const struct link *l, uint16_t slot)
{
    const struct link_end *end = link_end_find(l, slot);
    return end && end->session.believed;
}

bool link_is_double(const struct link *l, uint16_t slot)
{
    const struct link_end *end = link_end_find(l, slot);
    return end && end->clone.proven && !MUTANT(95); /* "what a cloned node says counts" */
}

void link_start(struct link *l, struct instant now)
{
    for (size_t i = 0; i < link_end_count(l); i++) {
        struct link_end *end = &l->ends[i];
        end->hello_wait = HELLO_WAIT_FIRST;
        end->hello_next = end->usable ? now : INSTANT_NEVER;
        link_end_changed(l, end);
    }
}

/* Whether a hello is due now; if so, when the next one will be. */
static bool hello_due(struct link *l, struct link_end *end, struct instant now)
{
    if (!instant_reached(now, end->hello_next))
        return false;
    end->answer_next = instant_after(now, HELLO_ANSWER_WAIT);
    end->hello_next = INSTANT_NEVER;
    if (!link_end_settled(end)) {
        struct span wait = end->hello_wait;
        end->hello_next = instant_after(now, core_jitter(l->core, wait, span_times(wait, 2)));
        end->hello_wait = span_min(span_times(wait, 2), HELLO_WAIT_MAX);
    }
    return true;
}

/* Directly, and when that seems to be in vain, also through a relay. What a relay brought is
 * answered by the same one alone: it says nothing about the direct way (T2). */
static void say_hello(struct link *l, struct link_end *end)
{
    uint16_t relay = end->way.hint;
    bool answers = end->answers_relayed && relay;
    bool lost =
        !link_end_settled(end) && end->hellos_lost >= HELLOS_DIRECT && !link_way_gone(l, end);
    size_t n = l->out_count;
    end->answers_relayed = false;
    if (!answers)
        link_out_hello(l, end, 0);
    clone_aim(&end->clone, l->out + n, l->out_count - n, &end->session.peer_seen);
    if (answers || (lost && link_way_choose(l, end, 1, &relay) > 0))
        link_out_hello(l, end, relay);
    if (end->hellos_lost < HELLOS_DIRECT)
        end->hellos_lost++;
}

/* Each start of it is asked whether it is there, and told if there are two. */
static void ask_starts(struct link *l, struct link_end *end, struct instant now)
{
    struct address at[3];
    uint16_t slot = link_end_slot(l, end);
    clone_watch(&end->clone, l->core, now, slot);
    size_t first = l->out_count, count = clone_asks(&end->clone, l->core, now, slot, at);
    for (size_t i = 0; i < count; i++)
        link_out_hello(l, end, 0);
    for (size_t i = 0; first + i < l->out_count; i++)
        l->out[first + i].at = at[i];
    struct message m = {.type = WIRE_CLONED}; /* directly: a relay may believe the other one */
    if (clone_tells(&end->clone, l->core, slot, &end->session.peer_start, count > 0, &m.cloned))
        link_out_message(l, end, 0, &m);
}

struct instant link_end_due(const struct link_end *end)
{
    if (!end->usable)
        return INSTANT_NEVER;
    struct instant at = instant_earlier(end->hello_next, clone_deadline(&end->clone));
    return end->session.believed ? instant_earlier(at, relay_deadline(&end->way)) : at;
}

void link_end_changed(struct link *l, const struct link_end *end)
{
    size_t index = (size_t)(end - l->ends);
    dues_set(&l->due, index, link_end_due(end));
    dues_set(&l->doubles, index, end->clone.proven ? (struct instant){0} : INSTANT_NEVER);
}

static size_t next_end(const struct link *l, size_t from, struct instant now)
{
    size_t due = dues_next(&l->due, from, now), doubled = dues_next(&l->doubles, from, now);
    return due < doubled ? due : doubled;
}

/* Asks and says what is due, and puts what is relayed into datagrams to relays. */
static void prepare(struct link *l, struct instant now)
{
    size_t count = link_end_count(l);
    for (size_t i = next_end(l, 0, now); i < count; i = next_end(l, i + 1, now)) {
        struct link_end *end = &l->ends[i];
        link_way_ask(l, end, now);
        ask_starts(l, end, now);
        if (hello_due(l, end, now))
            say_hello(l, end);
        link_end_changed(l, end);
    }
    l->relayed_ends = l->relayed_now;
}

size_t link_flush(struct link *l, struct instant now, const struct outgoing **out)
{
    l->out_count = 0;
    prepare(l, now);
    for (size_t i = 0; i < l->staged_count; i++) /* it grows by what is handed to relays */
        if (l->staged[i].via)
            link_out_data(l, i);
    for (size_t i = 0; i < l->staged_count; i++)
        if (!l->staged[i].via)
            link_out_data(l, i);
    l->staged_count = 0;
    *out = l->out;
    return l->out_count;
}

struct instant link_deadline(const struct link *l)
{
    return dues_first(&l->due);
}

bool link_agrees(const struct link *l)
{
    struct instant first = INSTANT_NEVER;
    size_t relayed = 0;
    for (size_t i = 0; i < link_end_count(l); i++) {
        const struct link_end *end = &l->ends[i];
        bool watched = dues_next(&l->doubles, i, (struct instant){0}) == i;
        first = instant_earlier(first, link_end_due(end));
        relayed += end->way.via != 0;
        if (watched != end->clone.proven)
            return false;
    }
    return first.ns == link_deadline(l).ns && relayed == l->relayed_now;
}
