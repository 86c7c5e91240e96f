/* What a peer has to say: see outbox.h. */
#include "proto/outbox.h"

#include "proto/must.h"

enum { READY_HEADER = 2 + 4, HELD_HEADER = 8 + READY_HEADER };

void outbox_init(struct outbox *o, uint8_t *memory, size_t size, uint64_t durable)
{
    must(size / 2 > MESSAGE_MAX + MESSAGE_HEADER + HELD_HEADER);
    *o = (struct outbox){
        .ready = memory,
        .ready_room = size / 2,
        .held = memory + size / 2,
        .held_room = size / 2,
        .durable = durable,
    };
}

/* Makes the free room contiguous again: queues are short, so moving beats wrapping around. */
static void compact(uint8_t *queue, size_t *start, size_t *end)
{
    if (*start == 0)
        return;
    memmove(queue, queue + *start, *end - *start);
    *end -= *start;
    *start = 0;
}

/* Appends one entry; 0 if it does not fit. */
static size_t put(uint8_t *at, size_t room, const uint64_t *lsn, uint16_t to,
                  const struct message *m)
{
    struct writer w = writer_init(at, room);
    if (lsn)
        write_u64(&w, *lsn);
    write_u16(&w, to);
    uint8_t *size_at = w.at;
    write_u32(&w, 0);
    uint8_t *body = w.at;
    wire_encode(&w, m);
    if (w.failed)
        return 0;
    struct writer size = writer_init(size_at, 4);
    write_u32(&size, (uint32_t)(w.at - body));
    return writer_size(&w);
}

void outbox_send(struct outbox *o, uint16_t to, const struct message *m)
{
    size_t size = put(o->ready + o->ready_end, o->ready_room - o->ready_end, NULL, to, m);
    if (size == 0) {
        compact(o->ready, &o->ready_start, &o->ready_end);
        size = put(o->ready + o->ready_end, o->ready_room - o->ready_end, NULL, to, m);
    }
    if (size == 0)
        o->dropped_full++;
    else
        o->sent++;
    o->ready_end += size;
}

void outbox_send_after(struct outbox *o, uint64_t lsn, uint16_t to, const struct message *m)
{
    if (lsn <= o->durable) {
        outbox_send(o, to, m);
        return;
    }
    if (o->held_start < o->held_end && lsn < o->held_last)
        lsn = o->held_last; /* later than needed is harmless, and keeps the queue ascending */
    size_t size = put(o->held + o->held_end, o->held_room - o->held_end, &lsn, to, m);
    if (size == 0) {
        compact(o->held, &o->held_start, &o->held_end);
        size = put(o->held + o->held_end, o->held_room - o->held_end, &lsn, to, m);
    }
    if (size == 0) {
        o->dropped_full++;
        return;
    }
    o->sent++;
    o->held_end += size;
    o->held_last = lsn;
}

void outbox_durable(struct outbox *o, uint64_t lsn)
{
    must(lsn >= o->durable);
    o->durable = lsn;
    while (o->held_start < o->held_end) {
        struct reader r = reader_init(o->held + o->held_start, o->held_end - o->held_start);
        if (read_u64(&r) > lsn)
            return;
        read_u16(&r);
        size_t entry = READY_HEADER + read_u32(&r);
        if (o->ready_room - o->ready_end < entry)
            compact(o->ready, &o->ready_start, &o->ready_end);
        if (o->ready_room - o->ready_end < entry) {
            o->dropped_full++;
        } else {
            memcpy(o->ready + o->ready_end, o->held + o->held_start + 8, entry);
            o->ready_end += entry;
        }
        o->held_start += 8 + entry;
    }
    o->held_start = o->held_end = 0;
}

void outbox_drop_held(struct outbox *o)
{
    o->held_start = o->held_end = 0;
}

void outbox_drop_ready(struct outbox *o)
{
    o->ready_start = o->ready_end = 0;
}

bool outbox_next(struct outbox *o, struct outbox_entry *out)
{
    if (o->ready_start == o->ready_end) {
        o->ready_start = o->ready_end = 0;
        return false;
    }
    struct reader r = reader_init(o->ready + o->ready_start, o->ready_end - o->ready_start);
    out->to = read_u16(&r);
    out->bytes.size = read_u32(&r);
    out->bytes.bytes = read_view(&r, out->bytes.size);
    must(!r.failed);
    o->ready_start += READY_HEADER + out->bytes.size;
    return true;
}
