/* The queue of what will happen: see queue.h. */
#include "sim/queue.h"

#include "proto/must.h"

#include <stdlib.h>

const char *happening_text(enum happening kind)
{
    static const char *const texts[] = {
        [HAPPEN_DATAGRAM] = "datagram",
        [HAPPEN_GOSSIP] = "gossip",
        [HAPPEN_TWIN] = "twin",
        [HAPPEN_REFUSED] = "refused",
        [HAPPEN_TICK] = "tick",
        [HAPPEN_SYNCED] = "synced",
        [HAPPEN_WRITTEN] = "written",
        [HAPPEN_CLIENT] = "client",
        [HAPPEN_GUEST_END] = "guest ends",
        [HAPPEN_GUEST_STOP] = "stop",
        [HAPPEN_AGENT_START] = "start",
        [HAPPEN_AGENT_DIES] = "dies",
        [HAPPEN_BOOT] = "boot",
        [HAPPEN_DEVICE] = "device",
        [HAPPEN_FORGERY] = "forgery",
        [HAPPEN_OPERATOR] = "operator",
        [HAPPEN_SCRIPT] = "script",
        [HAPPEN_STORY] = "story",
        [HAPPEN_THAW] = "thaw",
        [HAPPEN_FAULT] = "fault",
        [HAPPEN_HEAL] = "heal",
        [HAPPEN_CALM] = "calm",
        [HAPPEN_FRESH] = "fresh",
        [HAPPEN_CLOSING] = "closing",
        [HAPPEN_SWEEP] = "sweep",
        [HAPPEN_END] = "end",
        [HAPPEN_SIEGE] = "siege",
        [HAPPEN_WATCH] = "watch",
        [HAPPEN_HANDED] = "handed",
    };
    return texts[kind];
}

static bool earlier(const struct item *a, const struct item *b)
{
    return a->at != b->at ? a->at < b->at : a->order < b->order;
}

void queue_push(struct queue *q, struct item item)
{
    if (q->count == q->room) {
        q->room = q->room ? 2 * q->room : 1024;
        q->items = realloc(q->items, q->room * sizeof *q->items);
        must(q->items);
    }
    item.order = q->planned++;
    size_t at = q->count++;
    while (at > 0 && earlier(&item, &q->items[(at - 1) / 2])) {
        q->items[at] = q->items[(at - 1) / 2];
        at = (at - 1) / 2;
    }
    q->items[at] = item;
}

bool queue_pop(struct queue *q, struct item *out)
{
    if (q->count == 0)
        return false;
    *out = q->items[0];
    struct item last = q->items[--q->count];
    size_t at = 0;
    for (;;) {
        size_t child = 2 * at + 1;
        if (child >= q->count)
            break;
        if (child + 1 < q->count && earlier(&q->items[child + 1], &q->items[child]))
            child++;
        if (!earlier(&q->items[child], &last))
            break;
        q->items[at] = q->items[child];
        at = child;
    }
    q->items[at] = last;
    return true;
}

void queue_free(struct queue *q)
{
    free(q->items);
    *q = (struct queue){0};
}
