/* What holders change, as the observer keeps it: see changes.h. */
#include "sim/changes.h"

#include "sim/world.h"

struct op *changes_root(struct op *op)
{
    return op->under ? op->under : op;
}

struct change *changes_call(struct world *w, struct op *by, enum change_kind kind)
{
    struct op *op = changes_root(by);
    struct history *h = &w->observer->history;
    struct change *c = pool_take(&w->pool, sizeof *c);
    *c = (struct change){.op = op,
                         .by = by,
                         .kind = kind,
                         .called_at = w->now,
                         .token_floor = op->name->token_told,
                         .older = op->changes};
    op->changes = c;
    if (kind != CHANGE_WRITE)
        return c;
    if (h->write_count == h->write_room)
        h->writes =
            pool_grow(&w->pool, h->writes, h->write_count, &h->write_room, sizeof(*h->writes));
    h->writes[h->write_count++] = c;
    c->serial = h->write_count;
    return c;
}

struct change *changes_find(const struct op *op, uint64_t counter)
{
    for (struct change *c = op->changes; c && counter; c = c->older)
        if (c->counter == counter)
            return c;
    return NULL;
}

bool changes_may_be(const struct change *c)
{
    return c->counter && c->end != CHANGE_REFUSED;
}

struct change *changes_hand_over(struct change *c)
{
    while (c && !(c->kind == CHANGE_TRANSFER && changes_may_be(c)))
        c = c->older;
    return c;
}

uint32_t changes_modes(const struct op *op)
{
    uint32_t modes = 0;
    for (const struct change *c = op->changes; c; c = c->older)
        if (c->kind == CHANGE_CONVERT && changes_may_be(c) && c->end != CHANGE_MADE)
            modes |= UINT32_C(1) << c->mode;
    return modes;
}

bool changes_may_clear(const struct name *name, const struct lock_mark *mark)
{
    for (const struct op *op = name->ops; op; op = op->older_here)
        for (const struct change *c = op->changes; c; c = c->older)
            if (c->kind == CHANGE_CLEAR && changes_may_be(c) && c->mark.slot == mark->slot &&
                c->mark.life == mark->life && c->mark_token == mark->token)
                return true;
    return false;
}

size_t changes_value(uint64_t serial, uint8_t out[LOCK_VALUE_MAX])
{
    size_t size = 8 + (size_t)(serial * 37 % (LOCK_VALUE_MAX - 7));
    struct writer writer = writer_init(out, LOCK_VALUE_MAX);
    write_u64(&writer, serial);
    for (size_t i = 8; i < size; i++)
        out[i] = (uint8_t)(serial + i);
    return size;
}

struct change *changes_written(struct world *w, struct name *name, const struct lock_value *value)
{
    const struct history *h = &w->observer->history;
    uint8_t bytes[LOCK_VALUE_MAX];
    struct reader reader = reader_init(value->bytes, value->size);
    uint64_t serial = read_u64(&reader);
    struct change *c = serial > 0 && serial <= h->write_count ? h->writes[serial - 1] : NULL;
    if (!c || c->op->name != name || changes_value(serial, bytes) != value->size ||
        memcmp(bytes, value->bytes, value->size) != 0)
        world_fail(w, EXIT_BROKEN, "S14", "%s has a value that nobody wrote", name->text);
    return c;
}
